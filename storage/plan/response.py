"""`response.toml`: approvers, cadence, reminders and the ladder of each response level."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import cast

from storage.plan.organization import Names
from storage.plan.quiet import read_quiet
from storage.plan.table import Table, check_not_slower, format_duration, shown
from workflows.core.channels import CHANNELS, QUIET
from workflows.core.clock_ladder import CLOCK_LADDER, CONTROL, Ladder
from workflows.core.hours import NAMES, HoursName
from workflows.core.response import HOLDS, PAUSABLE, SIGNATORY, STEPS, Response, Rung
from workflows.core.rubric import ResponseLevel

LEVELS = tuple(ResponseLevel)
ACTS = ("activate", "end", "override", "statement")
#: Acts that a plan may leave to the house (`handlers.core.asking.LEADERS`).
OPTIONAL = ("sign",)
#: Kinds of approval that `no_oral` may name. Those that stop a regulator's clock are never given orally, whatever the plan says.
SPEAKABLE = ("activate", "end", "statement")
#: Acts that `step_up` may name.
PROVABLE = ("approve",)
#: Words of a rung that mean somebody of the item in question.
AUDIENCES = ("owner", "group", "commander")
FOREVER = "forever"
_CLOCK_SPANS = ("before", "repeat", "day_before", "repeat_days")
_REPEATS = ("repeat", "repeat_ladder")
#: So many repeats 收到 keeps from whoever said it, under plans that do not say for how long.
REPEATS_SEEN = 2
#: What a heavier level must not take longer for. `remind_before` is longer where it is gentler, and is not among them.
_PACES = (
    "cadence",
    "claim_within",
    "progress_every",
    "progress_grace",
    "overdue_repeat",
    "verify_within",
    "approval_wait",
    "terminal_repeat",
)


def read_ladder(root: Table, names: Names) -> Ladder:
    """`[clock]`: the ladder of regulators' clocks; what is left out is as it always was."""
    table = root.table("clock")
    if table is None:
        return CLOCK_LADDER
    spans = {name: table.duration(name) if table.has(name) else getattr(CLOCK_LADDER, name) for name in _CLOCK_SPANS}
    rungs = _rungs(table, "clock", names, (*AUDIENCES, CONTROL)) if table.has("rungs") else CLOCK_LADDER.rungs
    ladder = table.duration("repeat_ladder") if table.has("repeat_ladder") else None
    table.close()
    if ladder is not None and ladder < spans["repeat"] and not any(table.source.faulty(table.key(name)) for name in _REPEATS):
        table.note("repeat_ladder", "ladder_quick", found=format_duration(ladder), wanted=format_duration(spans["repeat"]))
    if rungs and CONTROL not in rungs[-1].to:
        table.note("rungs", "no_control")
    if not any(table.source.faulty(table.key(name)) for name in ("before", "rungs")) and _length(rungs) > spans["before"]:
        table.note("before", "ladder_long", found=format_duration(spans["before"]), wanted=format_duration(_length(rungs)))
    return Ladder(rungs, **spans, repeat_ladder=ladder)


def read_responses(root: Table, names: Names) -> dict[ResponseLevel, Response]:
    tables = {level: table for level in LEVELS if (table := root.table(level))}
    for level in LEVELS:
        if not root.has(level):
            root.note(level, "missing_level", name=level)
    responses = {level: _response(table, level, names) for level, table in tables.items()}
    root.close()
    for name in (*_PACES, "snooze_max", "seen_for"):
        check_not_slower(root.source, [(tables[level].key(name), level, getattr(one, name)) for level, one in responses.items()])
    _check_pauses(tables, responses)
    check_not_slower(root.source, [(tables[level].key("rungs"), level, _length(one.rungs)) for level, one in responses.items()])
    _check_not_quieter(root, responses)
    return responses


def _check_not_quieter(root: Table, responses: Mapping[ResponseLevel, Response]) -> None:
    """A heavier level reaches the same people at the same rung in all ways in which a lighter one does."""
    for lighter, heavier in pairwise(one for level in LEVELS if (one := responses.get(level))):
        for number, (less, more) in enumerate(zip(lighter.rungs, heavier.rungs, strict=False)):
            key, other = (f"{one.level}.rungs[{number}].by" for one in (heavier, lighter))
            missing = [way for way in less.by if way not in more.by]
            if less.to == more.to and missing and not root.source.faulty(key) and not root.source.faulty(other):
                root.source.note(key, "quieter", level=heavier.level, than=lighter.level, missing=", ".join(missing))


def _length(rungs: tuple[Rung, ...]) -> timedelta:
    return sum((rung.wait for rung in rungs), timedelta())


def _response(table: Table, level: ResponseLevel, names: Names) -> Response:
    pace = {name: table.duration(name) for name in _PACES}
    response = Response(
        level=level,
        name=table.text("name"),
        name_en=table.text("name_en"),
        approvers=_approvers(table, level, names),
        cadence=pace["cadence"],
        claim_within=pace["claim_within"],
        progress_every=pace["progress_every"],
        progress_grace=pace["progress_grace"],
        remind_before=table.duration("remind_before"),
        overdue_repeat=pace["overdue_repeat"],
        overdue_climb_every=table.whole("overdue_climb_every"),
        verify_within=pace["verify_within"],
        approval_wait=pace["approval_wait"],
        rungs=_rungs(table, level, names, AUDIENCES),
        terminal_repeat=pace["terminal_repeat"],
        terminal_slow=table.duration("terminal_slow"),
        terminal_max=_limit(table, "terminal_max"),
        snooze_max=table.duration("snooze_max", zero=True),
        snooze_count=table.whole("snooze_count", least=0),
        seen_for=table.duration("seen_for", zero=True) if table.has("seen_for") else REPEATS_SEEN * pace["overdue_repeat"],
        no_oral=_no_oral(table, level),
        step_up=_step_up(table),
        calendars=_calendars(table),
        quiet_hours=read_quiet(table, level),
        steps=_steps(table, level),
        holds=table.duration("statement_holds") if table.has("statement_holds") else HOLDS,
        terminal_by=_ways(table, "terminal_by", [way for way in CHANNELS if way not in {*QUIET, "urgent"}]),
    )
    table.close()
    return response


def _approvers(table: Table, level: ResponseLevel, names: Names) -> Mapping[str, tuple[str, ...]]:
    inner = table.table("approvers", required=True)
    if inner is None:
        return {}
    also = (*OPTIONAL, *(step for step in STEPS if step != SIGNATORY))
    found = {act: inner.texts(act) for act in (*ACTS, *(one for one in also if inner.has(one)))}
    inner.close()
    for act, specs in found.items():
        if not specs and not table.source.faulty(inner.key(act)):
            inner.note(act, "no_approver", act=act, level=level)
        for index, spec in enumerate(specs):
            names.check(inner, act, "approver", spec, ("commander",), place=f"{act}[{index}]")
    return found


def _steps(table: Table, level: ResponseLevel) -> tuple[str, ...]:
    """Plans that do not say have a statement checked by technology and compliance before it is signed; lighter ones without the board."""
    usual = tuple(STEPS) if level in (ResponseLevel.L1, ResponseLevel.L2) else tuple(step for step in STEPS if step != "board_secretary")
    if not table.has("statement_steps"):
        return usual
    steps, place = table.texts("statement_steps"), table.key("statement_steps")
    for index, step in enumerate(steps):
        if step not in STEPS:
            table.source.unknown(f"{place}[{index}]", "step", step, STEPS)
    if steps.count(SIGNATORY) != 1 or len(set(steps)) < len(steps):
        if not table.source.faulty(place):
            table.note("statement_steps", "steps_signatory", found=", ".join(steps) or "—")
        return usual
    return tuple(step for step in steps if step in STEPS)


def _no_oral(table: Table, level: ResponseLevel) -> tuple[str, ...]:
    """Silent plans want what is published at the heaviest level in writing."""
    if not table.has("no_oral"):
        return ("statement",) if level is ResponseLevel.L1 else ()
    kinds = table.texts("no_oral")
    for index, kind in enumerate(kinds):
        if kind not in SPEAKABLE:
            table.source.unknown(f"{table.key('no_oral')}[{index}]", "approval", kind, SPEAKABLE)
    return kinds


def _step_up(table: Table) -> tuple[str, ...]:
    acts = table.texts("step_up")
    for index, act in enumerate(acts):
        if act not in PROVABLE:
            table.source.unknown(f"{table.key('step_up')}[{index}]", "act", act, PROVABLE)
    return acts


def _calendars(table: Table) -> Mapping[str, HoursName]:
    inner = table.table("calendars")
    if inner is None:
        return {}
    for unknown in (name for name in inner.names() if name not in PAUSABLE):
        inner.source.unknown(inner.key(unknown), "timer", unknown, PAUSABLE)
    return {name: cast(HoursName, inner.one_of(name, "calendar", NAMES)) for name in PAUSABLE if inner.has(name)}


def _check_pauses(tables: Mapping[ResponseLevel, Table], responses: Mapping[ResponseLevel, Response]) -> None:
    """A heavier level pauses nothing that a lighter one does not pause in the same way."""
    for lighter, heavier in pairwise(responses):
        for timer, name in responses[heavier].calendars.items():
            if name not in ("always", responses[lighter].calendars.get(timer)):
                tables[heavier].note(f"calendars.{timer}", "pauses_more", level=heavier, than=lighter, timer=timer)


def _rungs(table: Table, level: str, names: Names, words: tuple[str, ...]) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    for one in table.tables("rungs"):
        to = one.texts("to")
        if not to and not table.source.faulty(one.key("to")):
            one.note("to", "empty_list")
        for index, spec in enumerate(to):
            names.check(one, "to", "audience", spec, words, place=f"to[{index}]")
        rungs.append(Rung(to, one.duration("wait"), _by(one)))
        one.close()
    if not rungs and not table.source.faulty(table.key("rungs")):
        table.note("rungs", "no_rungs", level=level)
    return tuple(rungs)


def _by(rung: Table) -> tuple[str, ...]:
    """Plans that do not say send a message and nothing else."""
    if not rung.has("by"):
        return ("card",)
    by = _ways(rung, "by", CHANNELS)
    if not by and not rung.source.faulty(rung.key("by")):
        rung.note("by", "empty_list")
    if "urgent" in by and "card" not in by:
        rung.note("by", "urgent_alone")
    return by


def _ways(table: Table, name: str, known: Sequence[str]) -> tuple[str, ...]:
    found = table.texts(name)
    for index, way in enumerate(found):
        if way not in known:
            table.source.unknown(f"{table.key(name)}[{index}]", "channel", way, known)
    return tuple(way for way in known if way in found)


def _limit(table: Table, name: str) -> int | None:
    value = table.raw(name)
    if value is None:
        table.note(name, "missing_key", name=name)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    elif value != FOREVER:
        table.note(name, "not_limit", found=shown(value))
    return None
