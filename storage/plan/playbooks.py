"""`playbooks/*.toml`: the task lines of each incident type, and of every incident (`common.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import cast

from storage.plan.conditions import read_when
from storage.plan.facts import TYPES, read_coded_names
from storage.plan.organization import GROUPS, Names
from storage.plan.table import Table, Uniques, check_not_slower
from workflows.core.facts import FactBook
from workflows.core.hours import NAMES, HoursName
from workflows.core.playbook import Playbook, TaskLine
from workflows.core.rubric import ResponseLevel

COMMON = "common"
CLOCKS = ("opened", "known", "graded", "confirmed", "approved", "recovered", "ended")
FULFILLING = ("grade", "end")
BY_LEVEL = "by_level"
LEVELS = tuple(ResponseLevel)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the playbooks are checked against, and the names that are taken across all of them."""

    names: Names
    facts: FactBook | None
    codes: Uniques = field(default_factory=Uniques)
    type_names: Uniques = field(default_factory=Uniques)
    subtypes: Uniques = field(default_factory=Uniques)
    duties: list[tuple[Table, str]] = field(default_factory=list)
    """the lines that name an obligation, which is read later"""


def read_playbook(root: Table, stem: str, reading: Reading) -> Playbook | None:
    """`stem` is the file's name without `.toml`; it must be the type. None when the type is unknown."""
    type_code = root.one_of("type", "type", (COMMON, *TYPES))
    if type_code and type_code != stem:
        root.note("type", "type_file", type=type_code, wanted=f"playbooks/{type_code}.toml")
    name, name_en, names = root.text("name"), root.text("name_en"), root.texts("names")
    for key, one in (("name", name), ("name_en", name_en), *(("names", one) for one in names)):
        if one:
            reading.type_names.take(root, key, one)
    inner = root.table("subtypes")
    subtypes = _subtypes(inner, reading) if inner else {}
    lines = tuple(_line(table, reading, subtypes) for table in root.tables("task", required=True))
    root.close()
    return Playbook(type_code, name, name_en, lines, subtypes, names) if type_code else None


def _subtypes(table: Table, reading: Reading) -> Mapping[str, tuple[str, ...]]:
    found = read_coded_names(table)
    for code in found:  # a condition names the subtype alone, whatever its type
        reading.subtypes.take(table, code, code)
    return found


def _line(table: Table, reading: Reading, subtypes: Mapping[str, object]) -> TaskLine:
    line = TaskLine(
        code=table.id("code"),
        title=table.text("title"),
        group=table.one_of("group", "group", GROUPS),
        done=table.text("done"),
        title_en=table.text("title_en", ""),
        done_en=table.text("done_en", ""),
        clock=table.one_of("clock", "clock", CLOCKS, "opened"),
        due=_due(table),
        due_working_days=table.whole("due_working_days", default=0) or None,
        due_calendar_days=table.whole("due_calendar_days", default=0) or None,
        repeat=table.flag("repeat"),
        until=table.one_of("until", "clock", CLOCKS, "") or None,
        optional=table.flag("optional"),
        approve=table.text("approve", "") or None,
        approve_first=table.flag("approve_first"),
        calendar=cast(HoursName, table.one_of("calendar", "calendar", NAMES, "always")) or "always",
        change=table.flag("change"),
        fulfilled_by=table.one_of("fulfilled_by", "fulfilled_by", FULFILLING, "") or None,
        obligation=table.text("obligation", "") or None,
        when=read_when(table, reading.facts, subtypes),
        basis=table.text("basis", ""),
    )
    table.close()
    if line.code:
        reading.codes.take(table, "code", line.code)
    if line.obligation:
        reading.duties.append((table, line.obligation))
    if line.approve:
        reading.names.approver(table, "approve", line.approve, (BY_LEVEL,))
    _check_due(table, line)
    _check_ways(table, line)
    return line


def _due(table: Table) -> Mapping[ResponseLevel, timedelta]:
    inner = table.table("due")
    if inner is None:
        return {}
    for name in (name for name in inner.names() if name not in LEVELS):
        inner.source.unknown(inner.key(name), "level", name, LEVELS)
    due = {level: inner.duration(level) for level in LEVELS if inner.has(level)}
    for lighter, heavier in pairwise(LEVELS):
        if lighter in due and heavier not in due:
            inner.note("", "heavier_missing", level=heavier, than=lighter)
    check_not_slower(table.source, [(inner.key(level), level, span) for level, span in due.items()])
    return due


def _check_due(table: Table, line: TaskLine) -> None:
    ways = {"due": line.due, "due_working_days": line.due_working_days, "due_calendar_days": line.due_calendar_days}
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        table.note(given[1], "two_dues", found=", ".join(given))
    if not given and not line.obligation and not any(table.source.faulty(table.key(name)) for name in ways):
        table.note("", "no_due")


def _check_ways(table: Table, line: TaskLine) -> None:
    if line.repeat and not line.until and not table.source.faulty(table.key("until")):
        table.note("", "no_until")
    if line.until and not line.repeat:
        table.note("until", "until_alone")
    if line.fulfilled_by and line.approve:
        table.note("approve", "fulfilled_beside", by=line.fulfilled_by)
    if line.approve_first and not line.approve and not table.source.faulty(table.key("approve")):
        table.note("approve_first", "nobody_first")
    if line.calendar != "always" and (line.repeat or not line.due) and not table.source.faulty(table.key("due")):
        table.note("calendar", "calendar_idle")
    if line.change and (line.fulfilled_by or not line.live):
        table.note("change", "change_idle")
