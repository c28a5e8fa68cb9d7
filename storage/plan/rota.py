"""`[[group.duty]]` of `organization.toml`: the shifts that share a group's duty."""

import re
from collections.abc import Mapping
from datetime import date, time

from storage.plan.table import Table
from workflows.core.rota import TURNINGS, Shift, Turning, uncovered

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def read_rota(group: Table, people: Mapping[str, object], members: tuple[str, ...]) -> tuple[Shift, ...]:
    tables = group.tables("duty")
    shifts = tuple(_shift(table, people, members) for table in tables)
    faulty = any(group.source.faulty(table.path) for table in tables)
    if shifts and not faulty and (gap := uncovered(shifts)):
        group.note("duty", "duty_hours", begins=f"{gap[0]:%H:%M}", ends=f"{gap[1]:%H:%M}")
    return shifts


def _shift(table: Table, people: Mapping[str, object], members: tuple[str, ...]) -> Shift:
    kind = table.one_of("kind", "turning", TURNINGS)
    turns: Turning = kind if kind in TURNINGS else "daily"
    names, start = _people(table, people, members), table.day("start")
    shift = Shift(turns, names, start or date.min, _clock(table, "handover", time(9)), _until(table), table.text("name", ""))
    table.close()
    return shift


def _people(table: Table, people: Mapping[str, object], members: tuple[str, ...]) -> tuple[str, ...]:
    names = table.texts("people")
    if not names and not table.source.faulty(table.key("people")):
        table.note("people" if table.has("people") else "", "duty_empty")
    for index, name in enumerate(names):
        key = f"{table.key('people')}[{index}]"
        if people and name not in people:
            table.source.unknown(key, "person", name, people)
        elif name not in members:
            table.source.note(key, "duty_stranger", name=name)
    return names


def _until(table: Table) -> time | None:
    return _clock(table, "until", time(0)) if table.has("until") else None


def _clock(table: Table, name: str, default: time) -> time:
    """`"09:00"` in quotes, as people write it, or a TOML time."""
    value = table.raw(name)
    if value is None:
        return default
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        table.note(name, "bad_clock", found=str(value))
        return default
    return time(int(found[1]), int(found[2]))
