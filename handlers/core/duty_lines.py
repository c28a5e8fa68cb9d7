"""值班 in words: turns, changes, gaps; and the open work that goes from hand to hand."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from handlers.core.fields import Fields
from handlers.core.look import Look
from handlers.core.message import Button
from handlers.core.wording import Words
from workflows.core.duty import DutyChange, DutyKind, Roster, Turn
from workflows.core.people import Group, Person
from workflows.core.rota import Shift
from workflows.task import Task

#: As many lines of one sort as a card has room for.
MOST = 8

Named = Callable[[str | None], str]


def namer(words: Words, people: Mapping[str, Person]) -> Named:
    """People as they are called, where there is no context: ids of those who have left stay as they are."""
    return lambda one: people[one].name if one and one in people else one or words.say("word.nobody")


def group_name(words: Words, group: Group) -> str:
    return words.twin(group.name, group.name_en)


def shift_line(words: Words, shift: Shift, name: Named) -> str:
    """`每周轮值:李娜、孙洁(2026-11-02 起,09:00 交接)`."""
    people = words.join([name(one) for one in shift.people]) or words.say("word.nobody")
    until = words.say("duty.shift_until", until=f"{shift.until:%H:%M}") if shift.until else ""
    head = words.say(f"duty.kind.{shift.kind}")
    label = f"{words.show(shift.name)} {head}" if shift.name else head
    return words.say("duty.shift", kind=label, people=people, start=f"{shift.start}", at=f"{shift.handover:%H:%M}", until=until)


def turn_line(words: Words, turn: Turn, name: Named, now: datetime) -> str:
    people = words.join([name(one) for one in turn.people]) or words.say("duty.nobody")
    why = ""
    if turn.why:
        planned = words.join([name(one) for one in turn.planned]) or words.say("word.nobody")
        why = words.say("duty.instead", planned=planned, why=words.say(f"duty.why.{turn.why}"))
    return words.say("duty.turn", start=words.time(turn.start, now), end=words.time(turn.end, now), people=people, why=why)


def change_line(words: Words, change: DutyChange, roster: Roster, name: Named, now: datetime) -> str:
    """One exception as a list shows it."""
    group = group_name(words, roster.organization.groups[change.group]) if change.group else ""
    return words.say(
        f"duty.line_{change.kind}",
        ref=change.ref,
        group=group,
        person=name(change.person),
        gives=name(change.gives),
        by=name(change.by),
        start=words.time(change.start_at, now),
        end=words.time(change.end_at, now),
    )


def gap_line(words: Words, group: Group, gap: Turn, name: Named, now: datetime) -> str:
    people = words.join([name(one) for one in gap.people])
    key = "duty.gap_covered" if gap.people else "duty.gap"
    why = words.say(f"duty.why.{gap.why}") if gap.why else words.say("duty.why.leave")
    span = {"start": words.time(gap.start, now), "end": words.time(gap.end, now)}
    return words.say(key, group=group_name(words, group), **span, why=why, people=people)


def overview(words: Words, roster: Roster, now: datetime, horizon: datetime, name: Named) -> list[str]:
    """Every group: who is on duty until when, and who comes next; those without a rota in one line."""
    lines, plain = [], []
    for group in roster.organization.groups.values():
        turns = roster.turns(group.id, now, horizon)
        if not group.rota and len(turns) == 1 and not turns[0].why:
            plain.append(words.say("duty.plain_one", group=group_name(words, group), person=name(group.head)))
            continue
        first, later = turns[0], next((turn for turn in turns[1:] if turn.people != turns[0].people), None)
        people = words.join([name(one) for one in first.people]) or words.say("duty.nobody")
        following = words.join([name(one) for one in later.people]) or words.say("duty.nobody") if later else ""
        until = words.say("duty.until", until=words.time(later.start, now), next=following) if later else ""
        lines.append(words.say("duty.now", group=group_name(words, group), people=people, until=until))
    return [*lines, *([words.say("duty.plain", groups=words.join(plain))] if plain else [])]


def coming_changes(roster: Roster, now: datetime, group: str = "") -> list[DutyChange]:
    """What stands beside the plan now or will, of a group or of all; people of the group who are on leave among them."""
    members = roster.organization.groups[group].everyone if group else ()
    mine = (one for one in roster.changes if not group or one.group == group or (one.kind is DutyKind.LEAVE and one.person in members))
    return sorted((one for one in mine if one.end_at > now), key=lambda one: one.start_at)


def gaps(roster: Roster, start: datetime, end: datetime, groups: Iterable[str] = ()) -> list[tuple[str, Turn]]:
    """(group, hours without anybody of its own), the first first."""
    of = groups or roster.organization.groups
    found = [(group, gap) for group in of for gap in roster.gaps(group, start, end)]
    return sorted(found, key=lambda pair: pair[1].start)


def open_work(look: Look, group: str) -> list[str]:
    """What whoever comes on duty finds: open incidents, and what their group has not finished. Restricted ones stand on no card."""
    incidents = [one for one in look.reader.unclosed(50) if not one.restricted]
    tasks: list[Task] = [t for one in incidents for t in look.reader.tasks(one.ref) if t.group == group and t.live]
    named = [look.say("duty.work_incident", ref=one.ref, title=one.title, level=one.response_level) for one in incidents]
    mine = [look.say("duty.work_task", ref=t.ref, title=t.title, owner=look.name(t.owner), due=t.due_at) for t in tasks]
    lines = [look.say("duty.work_incidents", count=len(named)), *named[:MOST], look.say("duty.work_tasks", count=len(mine)), *mine[:MOST]]
    return lines if incidents else [look.say("duty.work_none")]


# Buttons


def buttons(look: Look, groups: tuple[str, ...], *, leads: bool, on_duty: str = "") -> tuple[Button, ...]:
    """What a person may do here about duty: leave, giving a turn away, the note for who comes next; leaders also name somebody."""
    if not groups:
        return ()
    found = [leave(look)]
    if len(groups) == 1:
        found.append(swap(look, groups[0]))
        if leads:
            found.append(override(look, groups[0]))
    if on_duty:
        found.append(note(look, on_duty))
    return tuple(found)


def leave(look: Look) -> Button:
    fields = _fields(look, "duty leave")
    form = (
        fields.of("from_", look.say("form.begins"), hint=look.say("form.now_hint")),
        fields.of("to", look.say("form.ends"), required=True),
        fields.of("person", look.say("form.person"), hint=look.say("form.self_hint")),
    )
    return Button(look.say("button.leave"), "/duty leave", form=form)


def swap(look: Look, group: str) -> Button:
    fields = _fields(look, "duty swap")
    people = fields.people(one for one in look.organization.groups[group].everyone if one != look.person)
    form = (
        fields.of("day", look.say("form.day"), required=True, hint=look.say("form.day_hint")),
        fields.of("person", look.say("form.person"), options=people),
    )
    return Button(look.say("button.swap"), f"/duty swap {group}", form=form)


def override(look: Look, group: str) -> Button:
    fields = _fields(look, "duty set")
    form = (
        fields.of("person", look.say("form.person"), options=fields.people(look.organization.groups[group].everyone)),
        fields.of("from_", look.say("form.begins"), hint=look.say("form.now_hint")),
        fields.of("to", look.say("form.ends"), required=True),
    )
    return Button(look.say("button.duty_set"), f"/duty set {group}", form=form)


def note(look: Look, group: str) -> Button:
    fields = _fields(look, "duty handover")
    form = (fields.of("text", look.say("form.handover"), required=True),)
    return Button(look.say("button.handover_note"), f"/duty handover group={group}", style="primary", form=form)


def _fields(look: Look, command: str) -> Fields:
    return Fields(look.words, look.reader.current_plan, command)
