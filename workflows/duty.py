"""值班变动: overrides, swaps, leave and hand-over notes, each a record that ends by itself.

stands ──refuse──> refused · ──cancel──> cancelled · ──deliver──> delivered
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from workflows.core.duty import DutyChange, DutyKind, DutyState, Roster
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome
from workflows.core.people import Organization

State = DutyState

MACHINE = Machine(
    "duty",
    State.STANDS,
    {
        (State.STANDS, "refuse"): State.REFUSED,
        (State.STANDS, "cancel"): State.CANCELLED,
        (State.STANDS, "deliver"): State.DELIVERED,
    },
)

#: The house's own timers, which belong to no record: `turn` at each change of duty, `ahead` once a day.
HOUSE, TURN, AHEAD = "W0", "turn", "ahead"
#: How far ahead it is looked for hours in which nobody is on duty.
HORIZON = timedelta(days=7)
LONGEST = timedelta(days=366)


def override(change: DutyChange, roster: Roster) -> Outcome[DutyChange]:
    """`/duty set`: somebody else has the duty, whatever the rota says."""
    check_orders(change.by, change.group, roster.organization)
    _check_span(change)
    _check_fit(change, roster)
    relieved = _planned(change, roster)
    return _told(change, Event("duty_set", _details(change)), Notice("duty.set", (change.person, *relieved)), by=change.by)


def swap(change: DutyChange, roster: Roster) -> Outcome[DutyChange]:
    """One person's turn goes to another at once; the other may refuse. Said by who gives it away, or by who leads the group."""
    _check_span(change)
    planned = _planned(change, roster)
    gives = change.gives or (change.by if change.by in planned else None) or (planned[0] if len(planned) == 1 else None)
    if gives not in planned:
        raise RuleBroken("duty.whose", group=change.group, people=planned)
    if change.by != gives:
        check_orders(change.by, change.group, roster.organization)
    if change.person == gives:
        raise RuleBroken("duty.has_it", person=change.person)
    _check_fit(change, roster)
    given = replace(change, gives=gives)
    return _told(given, Event("duty_swapped", _details(given)), Notice("duty.swapped", (change.person, gives or "")), by=change.by)


def leave(change: DutyChange, organization: Organization) -> Outcome[DutyChange]:
    """Away from everything; said by oneself, or by who leads one of their groups. The heads of their groups hear of it."""
    _check_span(change)
    groups = [organization.groups[group] for group in organization.groups_of(change.person)]
    heads = tuple(dict.fromkeys(person for group in groups for person in group.leaders))
    if change.by not in (change.person, *heads, *organization.groups["office"].leaders):
        raise NotAllowed("duty.leave_who", person=change.person)
    return _told(change, Event("duty_leave", _details(change)), Notice("duty.leave", (*heads, change.person)), by=change.by)


def write_note(change: DutyChange, organization: Organization) -> Outcome[DutyChange]:
    """What whoever has the next turn has to know. It waits for the change of duty."""
    if change.by not in organization.groups[change.group].everyone and change.by not in organization.duty_of(change.group):
        raise NotAllowed("duty.note_who", group=change.group)
    if not change.note.strip():
        raise RuleBroken("duty.note_empty")
    return Outcome(change, Event("duty_noted", _details(change)))


def deliver(change: DutyChange, *, to: Iterable[str], now: datetime) -> Outcome[DutyChange]:
    """The note has reached who relieves its writer."""
    state = MACHINE.after(change.state, "deliver")
    return Outcome(replace(change, state=state, end_at=now), Event("duty_delivered", {"group": change.group, "of": list(to)}))


def refuse(change: DutyChange, *, by: str, now: datetime) -> Outcome[DutyChange]:
    """The other one cannot: the turn is back where it was, and that is said."""
    state = MACHINE.after(change.state, "refuse")
    _check_standing(change, now)
    if change.kind is not DutyKind.SWAP or by != change.person:
        raise NotAllowed("duty.refuse_who", person=change.person)
    to = (change.gives or change.by, change.by)
    return _told(replace(change, state=state), Event("duty_refused", _details(change)), Notice("duty.refused", to), by=by)


def cancel(change: DutyChange, *, by: str, now: datetime, organization: Organization) -> Outcome[DutyChange]:
    """It no longer holds: back from leave early, or the rota holds again."""
    state = MACHINE.after(change.state, "cancel")
    _check_standing(change, now)
    own = (change.by, change.person) if change.kind is DutyKind.LEAVE else (change.by,)
    if by not in own:
        check_orders(by, change.group, organization, of=change.person)
    to = (change.person, change.by, change.gives or change.by)
    return _told(replace(change, state=state), Event("duty_cancelled", _details(change)), Notice("duty.cancelled", to), by=by)


def check_orders(by: str, group: str, organization: Organization, *, of: str = "") -> None:
    """Who leads the group (or, of a leave, one of the person's groups) says who has its duty; so does who leads the office."""
    groups = (group,) if group else organization.groups_of(of)
    if not any(by in organization.groups[one].leaders for one in (*groups, "office")):
        raise NotAllowed("duty.who", group=group or "office")


def _check_span(change: DutyChange) -> None:
    if change.end_at <= change.start_at or change.end_at <= change.at:
        raise RuleBroken("duty.span")
    if change.end_at - change.at > LONGEST:
        raise RuleBroken("duty.too_long")


def _check_standing(change: DutyChange, now: datetime) -> None:
    if change.kind is DutyKind.NOTE or change.end_at <= now:
        raise RuleBroken("duty.over", ref=change.ref)


def _check_fit(change: DutyChange, roster: Roster) -> None:
    """Only members act for a group, and nobody is put on duty over their own leave."""
    if change.person not in roster.organization.groups[change.group].everyone:
        raise RuleBroken("duty.stranger", person=change.person, group=change.group)
    leaves = (one for one in roster.changes if one.kind is DutyKind.LEAVE and one.person == change.person)
    if away := next((one for one in leaves if one.start_at < change.end_at and change.start_at < one.end_at), None):
        raise RuleBroken("duty.on_leave", person=change.person, start=away.start_at, end=away.end_at)


def _planned(change: DutyChange, roster: Roster) -> tuple[str, ...]:
    """Who would have these hours without the change."""
    turns = roster.turns(change.group, max(change.start_at, change.at), change.end_at)
    return tuple(dict.fromkeys(person for turn in turns for person in turn.planned))


def _told(change: DutyChange, event: Event, notice: Notice, *, by: str) -> Outcome[DutyChange]:
    """Everybody concerned hears of it, but for who said it."""
    to = tuple(one for one in dict.fromkeys(notice.to) if one != by)
    return Outcome(change, event, notices=(replace(notice, to=to, urgency="assignment"),) if to else ())


def _details(change: DutyChange) -> dict[str, Value]:
    named: dict[str, Value] = {"person": change.person, "group": change.group, "gives": change.gives}
    span: dict[str, Value] = (
        {} if change.kind is DutyKind.NOTE else {"start": change.start_at.isoformat(), "end": change.end_at.isoformat()}
    )
    return {name: value for name, value in {**named, **span}.items() if value}
