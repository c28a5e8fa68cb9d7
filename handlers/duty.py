"""值班: who is on duty, and what changes it: override, swap, leave, hand-over; and the clock that hands over."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from handlers.core import duty_lines
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Card, Reply
from handlers.core.registry import command, key, ref, rest, timer
from handlers.core.relief import hand_over, look_ahead, tell_gaps, wind
from workflows import duty as rules
from workflows.core.duty import DutyChange, DutyKind, DutyState, Roster, Turn
from workflows.core.errors import BadWords
from workflows.core.instants import utc
from workflows.core.outcome import Notice

MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Show:
    group: str | None = rest("小组", "group", kind="group")
    day: date | None = rest("日期", "date", kind="day")


@dataclass(frozen=True, slots=True)
class Set:
    group: str = rest("小组", "group", kind="group", required=True)
    person: str = rest("人员", "person", kind="person", required=True)
    from_: datetime | None = key("自", "从", "开始", kind="begins")
    to: datetime | None = key("至", "到", "结束", kind="ends")


@dataclass(frozen=True, slots=True)
class Swap:
    group: str = rest("小组", "group", kind="group", required=True)
    day: date = rest("日期", "date", kind="day", required=True)
    person: str = rest("接班人", "person", kind="person", required=True)
    gives: str | None = key("替", "让班", kind="person")


@dataclass(frozen=True, slots=True)
class Leave:
    from_: datetime | None = key("自", "从", "开始", kind="begins")
    to: datetime | None = key("至", "到", "结束", kind="ends")
    person: str | None = rest("人员", "person", kind="person")


@dataclass(frozen=True, slots=True)
class Note:
    group: str | None = key("小组", "组", kind="group")
    text: str = rest("说明", "note", required=True)


@dataclass(frozen=True, slots=True)
class Which:
    change: str = ref("W", optional=False)


@command("duty show", Show, zh="值班 查看", who="listed", short=("值班", "值班表"))
def show(context: Context, given: Show) -> Reply:
    """Who is on duty: every group now, or a group's next 7 days (from a date)."""
    roster, now, words = context.uow.roster(), context.now, context.words
    start = now if given.day is None else _day_begins(context, given.day)
    if abs(start - now) > timedelta(days=MOST_DAYS):
        raise BadWords("duty.too_far")
    end = start + rules.HORIZON
    groups = tuple(g for g in ((given.group,) if given.group else context.organization.groups_of(context.person)) if g)
    if given.group:
        lines = _of_group(context, roster, given.group, start, end)
    else:
        lines = [words.say("duty.head", at=words.time(start, now)), *duty_lines.overview(words, roster, start, end, context.name)]
    changes = [
        duty_lines.change_line(words, one, roster, context.name, now) for one in duty_lines.coming_changes(roster, now, given.group or "")
    ]
    found = duty_lines.gaps(roster, start, end, (given.group,) if given.group else ())
    lines += [*([words.say("duty.changes")] if changes else []), *changes, *_gap_lines(context, found)]
    return _shown(context, "\n".join(lines), groups)


def _of_group(context: Context, roster: Roster, group: str, start: datetime, end: datetime) -> list[str]:
    words, now, known = context.words, context.now, roster.organization.groups[group]
    shifts = [duty_lines.shift_line(words, shift, context.name) for shift in known.rota]
    turns = [duty_lines.turn_line(words, turn, context.name, now) for turn in roster.turns(group, start, end)]
    note = context.uow.last_note(group)
    written = [words.say("duty.note_line", person=context.name(note.person), at=words.time(note.at, now), text=note.note)] if note else []
    head = words.say("duty.group_head", group=context.group_name(group))
    return [head, *(shifts or [words.say("duty.no_rota")]), *turns, *written]


def _gap_lines(context: Context, found: list[tuple[str, Turn]]) -> list[str]:
    groups = context.organization.groups
    return [duty_lines.gap_line(context.words, groups[group], gap, context.name, context.now) for group, gap in found[: duty_lines.MOST]]


def _shown(context: Context, text: str, groups: tuple[str, ...]) -> Reply:
    """The answer as a card with what this person may do about it."""
    mine = tuple(g for g in groups if context.person in context.organization.groups[g].everyone)
    leads = any(context.person in context.organization.groups[g].leaders for g in (*groups, "office"))
    on_duty = next((g for g in mine if context.person in context.organization.duty_of(g)), "")
    buttons = duty_lines.buttons(Look.of(context), mine, leads=leads, on_duty=on_duty)
    title, _, body = text.partition("\n")
    return Reply(text, card=Card(title, (("", body),), buttons=buttons, tone="info") if buttons else None)


@command("duty set", Set, zh="值班 指定", who="heads|group:office", also=("值班 安排",))
def set_(context: Context, given: Set) -> Reply:
    """Name who is on duty for a while, whatever the rota says."""
    change = _change(context, DutyKind.SET, given.person, given.from_ or context.now, _until(given.to), group=given.group)
    kept = context.uow.apply(rules.override(change, context.uow.roster()))
    return _done(context, "duty.set_ok", kept)


@command("duty swap", Swap, zh="值班 换班", who="member", short=("换班",))
def swap(context: Context, given: Swap) -> Reply:
    """Give your turn of a day to somebody else; they may refuse."""
    start, end = _turn_of(context, given.group, given.day)
    change = _change(context, DutyKind.SWAP, given.person, start, end, group=given.group, gives=given.gives)
    kept = context.uow.apply(rules.swap(change, context.uow.roster()))
    return _done(context, "duty.swap_ok", kept)


def _turn_of(context: Context, group: str, day: date) -> tuple[datetime, datetime]:
    """From the handover of `day` to the next one."""
    rota = context.organization.groups[group].rota
    at = rota[0].handover if rota else time()
    start, end = (datetime.combine(one, at, context.zone) for one in (day, day + timedelta(days=1)))
    return utc(start), utc(end)


@command("duty leave", Leave, zh="值班 请假", who="member", short=("请假",))
def leave(context: Context, given: Leave) -> Reply:
    """You (or somebody of your group) are away: deputies stand in, reminders pass by."""
    person = given.person or context.person
    change = _change(context, DutyKind.LEAVE, person, given.from_ or context.now, _until(given.to))
    kept = context.uow.apply(rules.leave(change, context.organization))
    roster = context.uow.roster()
    turns = [
        (group, turn)
        for group in roster.organization.groups
        for turn in roster.turns(group, max(kept.start_at, context.now), kept.end_at)
        if person in turn.planned and turn.people
    ]
    stand_ins = [
        context.words.say(
            "duty.stands_in", group=context.group_name(group), turn=duty_lines.turn_line(context.words, turn, context.name, context.now)
        )
        for group, turn in turns[: duty_lines.MOST]
    ]
    return _done(context, "duty.leave_ok", kept, stand_ins)


@command("duty refuse", Which, zh="值班 不换", who="member")
def refuse(context: Context, given: Which) -> Reply:
    """You cannot take the turn that was given to you."""
    change = context.uow.load(DutyChange, given.change)
    kept = context.uow.apply(rules.refuse(change, by=context.person, now=context.now))
    return _done(context, "duty.refuse_ok", kept)


@command("duty cancel", Which, zh="值班 撤销", who="member", also=("值班 销假",))
def cancel(context: Context, given: Which) -> Reply:
    """End a leave, or a change of the rota, early."""
    change = context.uow.load(DutyChange, given.change)
    kept = context.uow.apply(rules.cancel(change, by=context.person, now=context.now, organization=context.organization))
    return _done(context, "duty.cancel_ok", kept)


@command("duty handover", Note, zh="值班 交班", who="member", short=("交班",))
def handover(context: Context, given: Note) -> Reply:
    """A note for whoever has the next turn; after the change it goes to them at once."""
    organization, person = context.organization, context.person
    group = given.group or _own_group(context)
    change = _change(context, DutyKind.NOTE, person, context.now, context.now, group=group, note=given.text.strip())
    kept = context.uow.apply(rules.write_note(change, organization))
    here = organization.duty_of(group)
    if person in here or not here:
        return context.say("duty.note_waits", ref=kept.ref, group=context.group_name(group))
    context.uow.apply(rules.deliver(kept, to=here, now=context.now))
    context.uow.tell(Notice("duty.note", here, urgency="assignment"), kept)
    return context.say("duty.note_given", ref=kept.ref, people=context.words.join([context.name(one) for one in here]))


def _own_group(context: Context) -> str:
    """The one in which the writer is on duty by a rota, else by being its head; else the only one they belong to."""
    organization, mine = context.organization, context.organization.groups_of(context.person)
    on_duty = [group for group in mine if context.person in organization.duty_of(group)]
    with_rota = [group for group in mine if organization.groups[group].rota]
    found = [group for group in on_duty if group in with_rota] or on_duty or with_rota or list(mine)
    if len(found) != 1:
        raise BadWords("duty.which_group", groups=tuple(found) or tuple(context.organization.groups))
    return found[0]


def _change(
    context: Context,
    kind: DutyKind,
    person: str,
    start: datetime,
    end: datetime,
    *,
    group: str = "",
    gives: str | None = None,
    note: str = "",
) -> DutyChange:
    uow, by = context.uow, context.person
    plan, now = uow.keep_plan(), context.now
    return DutyChange(uow.next_ref(DutyChange), DutyState.STANDS, plan, kind, person, by, now, start, end, group, gives, note)


def _until(end: datetime | None) -> datetime:
    if end is None:
        raise BadWords("duty.until_when")
    return end


def _day_begins(context: Context, day: date) -> datetime:
    return utc(datetime.combine(day, time(), context.zone))


def _done(context: Context, said: str, change: DutyChange, more: list[str] | None = None) -> Reply:
    """What was agreed, who stands in, and at once where nobody would be on duty; what changes at once is handed over at once."""
    uow, now = context.uow, context.now
    roster = uow.roster()
    hand_over(context, roster)
    wind(context)
    start, end = max(change.start_at, now), min(change.end_at, now + rules.HORIZON)
    found = duty_lines.gaps(roster, start, end) if start < end else []
    if found:
        tell_gaps(context, found, int(now.timestamp()))
    line = duty_lines.change_line(context.words, change, roster, context.name, now)
    head = context.words.say(said, change=line)
    return Reply("\n".join([head, *(more or []), *_gap_lines(context, found)]), ref=change.ref)


# The clock


@timer("W")
def tick(context: Context, house: str, name: str, due: datetime) -> None:
    """`turn`: something changes hands · `ahead`: once a day · `begin`: the house has started, perhaps with another plan."""
    roster = context.uow.roster()
    hand_over(context, roster)
    if not roster.kept:
        return
    if name == rules.AHEAD or context.uow.house_timer(rules.AHEAD) is None:
        look_ahead(context, roster)
    wind(context)
