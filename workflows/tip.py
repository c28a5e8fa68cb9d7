"""来报: a first report that waits for somebody to decide what becomes of it. Colleagues who are not in the plan only report; a member's
report waits when it looks like an incident that was opened a moment ago.

waiting ──open──> opened · ──merge──> merged · ──dismiss──> dismissed
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.instants import rounds_come
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization


class TipState(StrEnum):
    WAITING = "waiting"
    OPENED = "opened"
    MERGED = "merged"
    DISMISSED = "dismissed"


State = TipState

MACHINE = Machine(
    "tip",
    State.WAITING,
    {
        (State.WAITING, "open"): State.OPENED,
        (State.WAITING, "merge"): State.MERGED,
        (State.WAITING, "dismiss"): State.DISMISSED,
        (State.WAITING, "remind"): State.WAITING,
    },
)

TIMER = "decide"
#: How far back another report counts as being about the same thing.
LIKENESS = timedelta(minutes=30)
FIRST_WAIT, WAIT = timedelta(minutes=5), timedelta(minutes=10)
#: How many reports of one colleague who is not in the plan are taken in an hour.
MOST, PERIOD = 5, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tip:
    """`by`: a person id, or `platform:id` of a colleague who is not in the plan (`outsider`) · `chat`: the group (`platform:chat`) where it
    was said · `like`: incidents that were open and alike · `became`: the incident that it was opened as or merged into."""

    ref: str
    state: State
    plan: str
    by: str
    outsider: bool
    at: datetime
    chat: str
    title: str
    known_at: datetime
    type: str | None = None
    subtype: str | None = None
    system: str = ""
    place: str = ""
    reporter: str = ""
    loss: str = ""
    occurred_at: datetime | None = None
    drill: bool = False
    restricted: bool = False
    like: tuple[str, ...] = ()
    round: int = 0
    became: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    version: int = 0
    touched: int = 0

    @property
    def incident(self) -> str:
        """It belongs to none, whatever becomes of it: its own chain and card are not the incident's."""
        return ""


class Running(Protocol):
    """What likeness asks of an incident."""

    @property
    def ref(self) -> str: ...
    @property
    def type(self) -> str | None: ...
    @property
    def system(self) -> str: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def drill(self) -> bool: ...
    @property
    def restricted(self) -> bool: ...


def alike(tip: Tip, incidents: Iterable[Running]) -> tuple[str, ...]:
    """Incidents of the last half hour with the same type or the same system, the newest first. A drill is never like the real thing."""
    found = [i for i in incidents if i.drill == tip.drill and tip.at - i.opened_at <= LIKENESS and _same(tip, i)]
    # What is said in confidence is offered for merging only where it stays among the same people.
    kept = [i for i in found if i.restricted or not tip.restricted]
    return tuple(i.ref for i in sorted(kept, key=lambda i: (i.opened_at, int(i.ref[1:])), reverse=True))


def _same(tip: Tip, incident: Running) -> bool:
    same_system = bool(tip.system) and _folded(tip.system) == _folded(incident.system)
    return same_system or (tip.type is not None and tip.type == incident.type)


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def report(tip: Tip, organization: Organization, *, recent: int) -> Outcome[Tip]:
    """It waits. An outsider's goes to the office's duty member at once; a member decides their own, and the duty member hears when not."""
    if tip.outsider and recent >= MOST:
        office = organization.groups["office"]
        phones = "、".join(f"{p.name} {p.phone}".strip() for p in (organization.people[one] for one in office.leaders))
        raise RuleBroken("tip.too_many", most=MOST, phones=phones)
    to = (organization.duty("office"),) if tip.outsider else ()
    return Outcome(
        tip,
        Event("reported", {"by": tip.by, "title": tip.title, "type": tip.type, "system": tip.system, "like": list(tip.like)}),
        (Timer(TIMER, next_word(tip)),),
        (Notice("tip", to, urgency="approval", card=True),) if to else (),
    )


def may_decide(tip: Tip, by: str, organization: Organization) -> None:
    """The office decides; a member of the plan also what they reported themselves."""
    if by not in organization.groups["office"].everyone and (tip.outsider or by != tip.by):
        raise NotAllowed("tip.who", group=organization.groups["office"].name)


def opened(tip: Tip, *, by: str, now: datetime, incident: str) -> Outcome[Tip]:
    return _decided(tip, "open", "tip_opened", by, now, became=incident)


def merged(tip: Tip, *, by: str, now: datetime, incident: str) -> Outcome[Tip]:
    return _decided(tip, "merge", "tip_merged", by, now, became=incident)


def dismissed(tip: Tip, *, by: str, now: datetime, reason: str) -> Outcome[Tip]:
    """Nothing is done; the one who reported reads why."""
    if not reason.strip():
        raise RuleBroken("tip.reason")
    return _decided(tip, "dismiss", "tip_dismissed", by, now, reason=reason)


def _decided(tip: Tip, verb: str, past: str, by: str, now: datetime, *, became: str | None = None, reason: str = "") -> Outcome[Tip]:
    state = MACHINE.after(tip.state, verb)
    return Outcome(
        replace(tip, state=state, became=became, decided_by=by, decided_at=now, reason=reason),
        Event(past, {"by": by, "became": became, "reason": reason}),
        (Timer(TIMER, None),),
        (Notice("tip.became", (tip.by,), urgency="reply"),) if by != tip.by else (),
    )


def next_word(tip: Tip) -> datetime:
    """When the timer comes: five minutes after the report, then every ten."""
    return tip.at + FIRST_WAIT + WAIT * tip.round


def remind(tip: Tip, *, now: datetime, organization: Organization) -> Outcome[Tip]:
    """The clock: the duty member (and a member who reported), then the whole office, then the leading group and the control group.

    Rounds that were missed are caught up in one go.
    """
    state = MACHINE.after(tip.state, "remind")
    steps = rounds_come(next_word(tip), WAIT, now)
    rounds = tip.round + steps
    again = next_word(replace(tip, round=rounds))
    office = organization.groups["office"]
    people = [organization.duty("office"), *([] if tip.outsider else [tip.by]), *(office.everyone if rounds >= 2 else ())]
    people += organization.groups["lead"].leaders if rounds >= 3 else ()
    to = tuple(dict.fromkeys(people))
    values: dict[str, Value] = {"round": rounds, "next_at": again.isoformat(), "missed": steps - 1}
    control = (Notice("tip.waits", ("control",), values, "escalation"),) if rounds >= 3 else ()
    return Outcome(
        replace(tip, state=state, round=rounds),
        Event("reminded", {"of": list(to), "round": rounds, "missed": steps - 1}),
        (Timer(TIMER, again),),
        (Notice("tip.waits", to, values, "escalation" if rounds > 1 else "approval"), *control),
    )
