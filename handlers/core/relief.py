"""What the clock of the duty does: hand over, look ahead, and say whose work needs somebody while they are away."""

from datetime import datetime, time, timedelta

from handlers.core import duty_lines
from handlers.core.context import Context
from workflows import duty as rules
from workflows.core.duty import Roster, Turn
from workflows.core.facts import Value
from workflows.core.instants import utc
from workflows.core.outcome import Notice

#: When it is looked ahead each day: before the first digest of the morning.
LOOKS = time(8, 45)


def wind(context: Context) -> None:
    """Set the clock to the next change, once what has changed was told. What is due already, and has not been told, stays due."""
    uow, due = context.uow, context.uow.house_timer(rules.TURN)
    if due is None or due > context.now:
        uow.set_house_timer(rules.TURN, uow.roster().next_edge(context.now))
    if uow.house_timer(rules.AHEAD) is None:
        uow.set_house_timer(rules.AHEAD, _next_look(context))


def _next_look(context: Context) -> datetime:
    here = context.now.astimezone(context.zone)
    at = datetime.combine(here.date(), LOOKS, context.zone)
    return utc(at if at > here else datetime.combine(here.date() + timedelta(days=1), LOOKS, context.zone))


def look_ahead(context: Context, roster: Roster) -> None:
    """Hours of the next days in which nobody is on duty: told to the control group, once a day until they are filled."""
    now = context.now
    if found := duty_lines.gaps(roster, now, now + rules.HORIZON):
        tell_gaps(context, found, now.astimezone(context.zone).toordinal())
    context.uow.set_house_timer(rules.AHEAD, _next_look(context))


def tell_gaps(context: Context, found: list[tuple[str, Turn]], key: int) -> None:
    lines: list[Value] = [
        {"group": group, "start": gap.start.isoformat(), "end": gap.end.isoformat(), "people": list[Value](gap.people), "why": gap.why}
        for group, gap in found[: duty_lines.MOST]
    ]
    context.uow.tell_house(Notice("duty.gaps", ("control",), {"gaps": lines, "count": len(found)}, "escalation"), "gaps", key)


#: Under this name it is kept who was last known to be on leave.
LEAVE = ""


def hand_over(context: Context, roster: Roster) -> None:
    """Compare who was last told with who is on duty now: both hear of it, and what was missed meanwhile is told once."""
    uow = context.uow
    told, now = uow.duty_told(), roster.at(context.now)
    for group in now.groups:
        before, after = told.get(group), now.duty_of(group)
        if before != after:
            uow.keep_duty_told(group, after)
            if before is not None:
                _relieve(context, group, before, after)
    away, known = now.away, told.get(LEAVE)
    if known is None or away != set(known):
        uow.keep_duty_told(LEAVE, sorted(away))
        _tell_left(context, set(away) - set(known or ()))


def _relieve(context: Context, group: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """The one who comes is given the notes and the open work, the one who goes is asked for a note."""
    uow, moment = context.uow, int(context.now.timestamp())
    out, into = (tuple(one for one in these if one not in those) for these, those in ((before, after), (after, before)))
    notes = uow.waiting_notes(group)
    for note in notes:
        uow.apply(rules.deliver(note, to=after, now=context.now))
    values: dict[str, Value] = {
        "group": group,
        "out": list[Value](out),
        "in": list[Value](after),
        "at": context.now.isoformat(),
        "notes": [list[Value]((note.person, note.note)) for note in notes],
    }
    here = tuple(one for one in (*into, *out) if one in context.organization.people)
    uow.tell_house(Notice("duty.changed", here, values, "assignment"), group, moment)
    if not after:
        uow.tell_house(Notice("duty.nobody", ("control",), {"group": group}, "escalation"), group, moment)


def _tell_left(context: Context, people: set[str]) -> None:
    """Whose leave begins: the groups of their open tasks hear of it, and the office of the incidents that they command."""
    uow, moment = context.uow, int(context.now.timestamp())
    organization = uow.organization
    for person in sorted(people):
        tasks = uow.tasks_owned(person)
        for group in dict.fromkeys(task.group for task in tasks):
            refs: list[Value] = [task.ref for task in tasks if task.group == group]
            to = tuple(dict.fromkeys((*organization.duty_of(group), *organization.resolve(f"{group}.head or {group}.deputy"))))
            told = Notice("duty.owner_away", tuple(one for one in to if one != person), {"person": person, "refs": refs}, "assignment")
            uow.tell_house(told, f"{person}/{group}", moment)
        commanded: list[Value] = [incident.ref for incident in uow.commanded(person)]
        if commanded:
            office = tuple(one for one in organization.resolve("office") if one != person)
            uow.tell_house(Notice("duty.commander_away", office, {"person": person, "refs": commanded}, "assignment"), person, moment)
