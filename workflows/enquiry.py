"""媒体来询: what a journalist wants to know. Whoever takes the call registers it; one person answers, by a text that was agreed to.

received ──assign──> assigned ──answer──> answered ──settle──> closed
received, assigned ──decline──> declined          (both can be answered or declined at once; the clock reminds until then)
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.core.channels import Reach, spread
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.instants import rounds_come
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization
from workflows.core.quote import Quote
from workflows.core.response import Response
from workflows.core.speaking import TOP, hears, may_speak, speakers, spokesperson


class EnquiryState(StrEnum):
    RECEIVED = "received"
    ASSIGNED = "assigned"
    ANSWERED = "answered"
    DECLINED = "declined"
    CLOSED = "closed"


State = EnquiryState

#: Somebody outside waits for words of ours.
OPEN = (State.RECEIVED, State.ASSIGNED)
TIMER = "enquiry"

MACHINE = Machine(
    "enquiry",
    State.RECEIVED,
    {
        **{(state, "assign"): State.ASSIGNED for state in OPEN},
        **{(state, "answer"): State.ANSWERED for state in OPEN},
        **{(state, "decline"): State.DECLINED for state in OPEN},
        **{(state, "remind"): state for state in OPEN},
        (State.ANSWERED, "settle"): State.CLOSED,
    },
)


@dataclass(frozen=True, slots=True)
class Enquiry:
    """`way`: how it was asked · `contact`: how to reach the journalist, for the few who need it · `due_at`: when the journalist wants the
    answer · `owner`: who answers it · `statement`, `said_revision`, `said_digest`: what was answered, to the byte · `reason`: why not."""

    ref: str
    incident: str
    plan: str
    state: State
    outlet: str
    journalist: str
    contact: str
    way: str
    question: str
    asked_at: datetime
    registered_by: str
    registered_at: datetime
    prompted_at: datetime
    due_at: datetime | None = None
    owner: str | None = None
    statement: str = ""
    said_revision: int = 0
    said_digest: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    outcome: str = ""
    rank: int = 0
    round: int = 0
    version: int = 0
    touched: int = 0

    @property
    def open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Desk:
    """What the rules ask of the house: people now, the pace of the incident's level, who commands, how people can be reached."""

    organization: Organization
    response: Response
    commander: str
    reach: Reach


def register(enquiry: Enquiry, desk: Desk) -> Outcome[Enquiry]:
    """The spokesperson hears of it at once."""
    if not enquiry.question.strip():
        raise RuleBroken("enquiry.no_question")
    details: dict[str, Value] = {"by": enquiry.registered_by, "way": enquiry.way, "due": _moment(enquiry.due_at)}
    told = _to_speaker(enquiry, spokesperson(desk.organization), enquiry.registered_by, desk)
    return Outcome(enquiry, Event("enquired", details), _timer(enquiry, desk.response), told)


def assign(enquiry: Enquiry, *, by: str, to: str, now: datetime, desk: Desk) -> Outcome[Enquiry]:
    """Who answers it says so, or hands it to a deputy whom the plan names."""
    state = MACHINE.after(enquiry.state, "assign")
    _check_speaks(enquiry, by, desk.organization)
    if to not in (*speakers(desk.organization), spokesperson(desk.organization)):
        raise NotAllowed("enquiry.deputy_only", people=speakers(desk.organization))
    taken = replace(enquiry, state=state, owner=to, prompted_at=now, rank=0, round=0)
    event = Event("enquiry_assigned", {"by": by, "to": to})
    return Outcome(taken, event, _timer(taken, desk.response), _to_speaker(taken, to, by, desk))


def answer(enquiry: Enquiry, *, by: str, quote: Quote, now: datetime, organization: Organization) -> Outcome[Enquiry]:
    """What was said is a text that stands at this moment (`workflows.core.quote`), and nothing else."""
    state = MACHINE.after(enquiry.state, "answer")
    _check_speaks(enquiry, by, organization)
    said = replace(enquiry, statement=quote.statement, said_revision=quote.revision, said_digest=quote.digest)
    details: dict[str, Value] = {"by": by, "statement": quote.statement, "revision": quote.revision, "digest": quote.digest}
    return _decided(replace(said, state=state), Event("enquiry_answered", details), by, now)


def decline(enquiry: Enquiry, *, by: str, reason: str, now: datetime, organization: Organization) -> Outcome[Enquiry]:
    """不予置评: that nothing is said is an answer too, and has its reason."""
    MACHINE.after(enquiry.state, "decline")
    _check_speaks(enquiry, by, organization)
    return leave(enquiry, by=by, reason=reason, now=now)


def leave(enquiry: Enquiry, *, by: str, reason: str, now: datetime) -> Outcome[Enquiry]:
    """The same by whoever may close the incident over it: nobody is reminded of it any more."""
    state = MACHINE.after(enquiry.state, "decline")
    if not reason.strip():
        raise RuleBroken("enquiry.reason")
    return _decided(replace(enquiry, state=state, reason=reason), Event("enquiry_declined", {"by": by, "reason": reason}), by, now)


def close(enquiry: Enquiry, *, by: str, outcome: str) -> Outcome[Enquiry]:
    """What became of it: the link of what was printed, or that nothing was."""
    state = MACHINE.after(enquiry.state, "settle")
    return Outcome(replace(enquiry, state=state, outcome=outcome), Event("enquiry_closed", {"by": by, "note": outcome}))


def remind(enquiry: Enquiry, *, now: datetime, desk: Desk) -> Outcome[Enquiry]:
    """The clock: each silence climbs one rung; after the last one the control group gets names and telephone numbers, again and again."""
    MACHINE.after(enquiry.state, "remind")
    steps = rounds_come(next_word(enquiry, desk.response), _every(enquiry, desk.response, now), now)
    after = replace(enquiry, rank=min(TOP, enquiry.rank + steps), round=enquiry.round + steps, prompted_at=now)
    people = hears(after.rank, (enquiry.owner or spokesperson(desk.organization),), desk.organization, desk.commander)
    values: dict[str, Value] = {"round": after.round, "missed": steps - 1, "next_at": _moment(next_word(after, desk.response))}
    control = (Notice("enquiry.waits", ("control",), values, "escalation"),) if after.rank == TOP else ()
    event = Event("reminded", {"of": list(people), "round": after.round, "missed": steps - 1})
    said = _loudly(Notice("enquiry.waits", people, values, "escalation"), after.rank, desk)
    return Outcome(after, event, _timer(after, desk.response), (*said, *control))


def next_word(enquiry: Enquiry, response: Response) -> datetime:
    """When the timer of one that is open comes.

    While nobody has taken it as soon as a task that nobody claims; then before the journalist's deadline and at it; without one as a task
    makes itself heard. Somebody's deadline does not sleep; without one quiet hours are kept.
    """
    since, due = enquiry.prompted_at, enquiry.due_at
    if due and since >= due:
        return since + response.overdue_repeat
    marks = [at for at in (due - response.remind_before, due) if at > since] if due else []
    if due is None or enquiry.state is State.RECEIVED:
        marks.append(since + _wait(enquiry, response))
    at = min(marks)
    return response.quiet.ends(at) if response.quiet and due is None else at


def _wait(enquiry: Enquiry, response: Response) -> timedelta:
    return response.claim_within if enquiry.state is State.RECEIVED else response.progress_every


def _every(enquiry: Enquiry, response: Response, now: datetime) -> timedelta:
    return response.overdue_repeat if enquiry.due_at and now > enquiry.due_at else _wait(enquiry, response)


def _check_speaks(enquiry: Enquiry, by: str, organization: Organization) -> None:
    if not may_speak(by, organization, enquiry.owner):
        raise NotAllowed("enquiry.one_voice", **one_voice(organization))


def one_voice(organization: Organization) -> dict[str, str]:
    """Whom everybody names who is asked: 统一由发言人答复."""
    person = organization.people[spokesperson(organization)]
    return {"person": person.name, "phone": person.phone}


def _decided(enquiry: Enquiry, event: Event, by: str, now: datetime) -> Outcome[Enquiry]:
    """Whoever took the call hears what became of it."""
    told = (Notice("enquiry.became", (enquiry.registered_by,), urgency="reply"),) if enquiry.registered_by != by else ()
    return Outcome(replace(enquiry, decided_by=by, decided_at=now), event, (Timer(TIMER, None),), told)


def _to_speaker(enquiry: Enquiry, person: str, by: str, desk: Desk) -> tuple[Notice, ...]:
    """To who answers it: a card that stays as things are, and the louder ways of the level's ladder to who has not said so themselves."""
    loud = _loudly(Notice("enquiry.asked", (person,), urgency="assignment"), 0, desk) if person != by else ()
    rung = (replace(one, said=False) for one in loud if one.rings)
    return (Notice("enquiry", (person,), urgency="assignment", card=True), *rung)


def _loudly(notice: Notice, rank: int, desk: Desk) -> tuple[Notice, ...]:
    """By the ways of the level's own ladder: who is asleep is not woken by a message."""
    rung = desk.response.rungs[min(rank, len(desk.response.rungs) - 1)]
    return spread(notice, lambda _: rung.by, rung.wait, desk.reach)


def _timer(enquiry: Enquiry, response: Response) -> tuple[Timer, ...]:
    return (Timer(TIMER, next_word(enquiry, response)),)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
