"""传闻: what is said about the firm, as heard; what is found, by whom; what is answered.

heard ──find──> established ──answer──> answered, ──leave──> left     (heard ──note──> heard: nobody can tell yet)
established, answered, left ──find──> established · ──doubt──> heard     (another finding; the one who had agreed to it denies that)

A finding that says true, partly or false holds when a second person has agreed to it: a denial that is wrong is worse than silence.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.instants import rounds_come
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization
from workflows.core.quote import Quote
from workflows.core.response import Response
from workflows.core.speaking import TOP, hears, speakers, spokesperson


class RumourState(StrEnum):
    HEARD = "heard"
    ESTABLISHED = "established"
    ANSWERED = "answered"
    LEFT = "left"


class Finding(StrEnum):
    TRUE = "true"
    PARTLY = "partly"
    FALSE = "false"
    UNKNOWN = "unknown"


State = RumourState

#: Nobody knows yet what is true, or what is said to it.
OPEN = (State.HEARD, State.ESTABLISHED)
TIMER = "rumour"

MACHINE = Machine(
    "rumour",
    State.HEARD,
    {
        (State.HEARD, "unclear"): State.HEARD,
        **{(state, "find"): State.ESTABLISHED for state in State},
        **{(state, "doubt"): State.HEARD for state in (State.ESTABLISHED, State.ANSWERED, State.LEFT)},
        **{(state, "answer"): State.ANSWERED for state in OPEN},
        **{(state, "leave"): State.LEFT for state in OPEN},
        **{(state, "remind"): state for state in OPEN},
    },
)


@dataclass(frozen=True, slots=True)
class Rumour:
    """`claim`: as heard · `source`, `platform`, `link`: where · `reach`: how many have read it · `basis`: what the finding rests on ·
    `found_by`, `agreed_by`: who entered it, who agreed · `statement`, `said_revision`, `said_digest`: the answer, to the byte ·
    `reason`: why there is none."""

    ref: str
    incident: str
    plan: str
    state: State
    claim: str
    source: str
    platform: str
    link: str
    heard_at: datetime
    registered_by: str
    registered_at: datetime
    prompted_at: datetime
    reach: int | None = None
    finding: Finding | None = None
    basis: str = ""
    found_by: str | None = None
    agreed_by: str | None = None
    found_at: datetime | None = None
    statement: str = ""
    said_revision: int = 0
    said_digest: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    rank: int = 0
    round: int = 0
    version: int = 0
    touched: int = 0

    @property
    def open(self) -> bool:
        return self.state in OPEN


def hear(rumour: Rumour, *, response: Response, organization: Organization) -> Outcome[Rumour]:
    if not rumour.claim.strip():
        raise RuleBroken("rumour.no_claim")
    leaders = tuple(p for p in organization.groups["opinion"].leaders if p != rumour.registered_by)
    told = (Notice("rumour.heard", leaders, urgency="assignment"),) if leaders else ()
    details: dict[str, Value] = {"by": rumour.registered_by, "reach": rumour.reach}
    return Outcome(rumour, Event("rumour_heard", details), _timer(rumour, response), told)


def check_finding(finding: Finding, basis: str) -> None:
    """What cannot be shown is not found."""
    if not basis.strip():
        raise RuleBroken("rumour.basis_missing")


def unclear(rumour: Rumour, *, by: str, basis: str, now: datetime, response: Response) -> Outcome[Rumour]:
    """Looked into, and nobody can tell: one person may say that, and it goes on being asked."""
    state = MACHINE.after(rumour.state, "unclear")
    check_finding(Finding.UNKNOWN, basis)
    noted = replace(rumour, state=state, finding=Finding.UNKNOWN, basis=basis, found_by=by, agreed_by=None, found_at=now)
    fresh = replace(noted, prompted_at=now, rank=0, round=0)
    return Outcome(fresh, Event("rumour_unclear", {"by": by, "note": basis}), _timer(fresh, response))


def find(
    rumour: Rumour, *, finding: Finding, basis: str, by: str, agreed_by: str, now: datetime, response: Response, organization: Organization
) -> Outcome[Rumour]:
    """Two different people agree. Where something else was found and answered before, those who answered hear that it was wrong."""
    state = MACHINE.after(rumour.state, "find")
    check_finding(finding, basis)
    if finding is Finding.UNKNOWN or by == agreed_by:
        raise RuleBroken("rumour.two_people")
    found = replace(rumour, state=state, finding=finding, basis=basis, found_by=by, agreed_by=agreed_by, found_at=now)
    fresh = replace(found, prompted_at=now, rank=0, round=0, statement="", said_revision=0, said_digest="", reason="")
    was: dict[str, Value] = {"was": rumour.finding, "answered": rumour.statement} if rumour.finding not in (None, Finding.UNKNOWN) else {}
    details: dict[str, Value] = {"finding": str(finding), "by": by, "agreed_by": agreed_by, "note": basis, **was}
    return Outcome(fresh, Event("rumour_found", details), _timer(fresh, response), _told(rumour, was, by, organization))


def _told(rumour: Rumour, was: dict[str, Value], by: str, organization: Organization) -> tuple[Notice, ...]:
    people = (rumour.registered_by, rumour.decided_by, *organization.groups["opinion"].leaders, spokesperson(organization))
    to = tuple(p for p in dict.fromkeys(people) if p and p != by and p in organization.people)
    return (Notice("rumour.found", to, was, "escalation" if was.get("answered") else "reply"),) if to else ()


def doubt(rumour: Rumour, *, reason: str, now: datetime, response: Response, organization: Organization) -> Outcome[Rumour]:
    """Who was said to have agreed denies it: nothing is known again, whatever was answered."""
    state = MACHINE.after(rumour.state, "doubt")
    was: dict[str, Value] = {"was": rumour.finding, "answered": rumour.statement, "doubt": reason}
    open_again = replace(rumour, state=state, finding=None, basis="", found_by=None, agreed_by=None, found_at=None)
    fresh = replace(open_again, prompted_at=now, rank=0, round=0, statement="", said_revision=0, said_digest="", reason="")
    event = Event("rumour_doubted", {"reason": reason, "was": str(rumour.finding)})
    return Outcome(fresh, event, _timer(fresh, response), _told(rumour, was, "", organization))


def answer(rumour: Rumour, *, by: str, quote: Quote, now: datetime) -> Outcome[Rumour]:
    """What the firm says to it: a text for everybody that stands at this moment, after somebody has looked into it."""
    state = MACHINE.after(rumour.state, "answer")
    _check_found(rumour)
    said = replace(rumour, state=state, statement=quote.statement, said_revision=quote.revision, said_digest=quote.digest)
    details: dict[str, Value] = {"by": by, "statement": quote.statement, "revision": quote.revision, "digest": quote.digest}
    return Outcome(replace(said, decided_by=by, decided_at=now), Event("rumour_answered", details), (Timer(TIMER, None),))


def leave(rumour: Rumour, *, by: str, reason: str, now: datetime, over: bool = False) -> Outcome[Rumour]:
    """Decided not to answer: to answer may be what makes it known. `over`: the incident is closed over it, found or not."""
    state = MACHINE.after(rumour.state, "leave")
    if not over:
        _check_found(rumour)
    if not reason.strip():
        raise RuleBroken("rumour.reason")
    left = replace(rumour, state=state, reason=reason, decided_by=by, decided_at=now)
    return Outcome(left, Event("rumour_left", {"by": by, "reason": reason}), (Timer(TIMER, None),))


def _check_found(rumour: Rumour) -> None:
    if rumour.finding is None:
        raise RuleBroken("rumour.not_looked_into", ref=rumour.ref)


def remind(rumour: Rumour, *, now: datetime, response: Response, organization: Organization, commander: str) -> Outcome[Rumour]:
    """The clock: what nobody looks into, or answers, climbs."""
    MACHINE.after(rumour.state, "remind")
    steps = rounds_come(next_word(rumour, response), response.cadence, now)
    after = replace(rumour, rank=min(TOP, rumour.rank + steps), round=rumour.round + steps, prompted_at=now)
    whose = rumour.registered_by if rumour.state is State.HEARD else speakers(organization)[0]
    people = hears(max(1, after.rank), (whose,), organization, commander)
    coming = next_word(after, response).isoformat()
    values: dict[str, Value] = {"round": after.round, "missed": steps - 1, "next_at": coming}
    control = (Notice("rumour.waits", ("control",), values, "escalation"),) if after.rank == TOP else ()
    event = Event("reminded", {"of": list(people), "round": after.round, "missed": steps - 1})
    said = Notice("rumour.waits", people, values, "reminder" if after.rank < TOP else "escalation")
    return Outcome(after, event, _timer(after, response), (said, *control))


def next_word(rumour: Rumour, response: Response) -> datetime:
    """When the timer of one that is open comes: at the pace in which the level looks around; quiet hours are kept."""
    at = rumour.prompted_at + response.cadence
    return response.quiet.ends(at) if response.quiet else at


def _timer(rumour: Rumour, response: Response) -> tuple[Timer, ...]:
    return (Timer(TIMER, next_word(rumour, response)),)
