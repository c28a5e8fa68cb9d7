"""`response.toml`: quiet hours of the lighter levels, and when the digest comes."""

import re
from datetime import time

from storage.plan.table import Table, shown
from workflows.core.plan import DIGEST
from workflows.core.quiet import QuietHours
from workflows.core.rubric import ResponseLevel

#: At the heavier ones nothing is quiet.
LEVELS = (ResponseLevel.L4, ResponseLevel.L3)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def read_quiet(root: Table, level: ResponseLevel) -> QuietHours | None:
    table = root.table("quiet")
    if table is None:
        return None
    if level not in LEVELS:
        root.note("quiet", "quiet_level", level=level)
    begins, ends, rest_days = _clock(table, "from"), _clock(table, "to"), table.flag("rest_days")
    table.close()
    if begins is None or ends is None:
        return None
    if begins == ends:
        table.note("to", "quiet_all_day")
    return QuietHours(begins, ends, rest_days)


def read_digest(root: Table) -> tuple[time, ...]:
    """`[digest]`: when; an empty list means never. What is left out is as it always was."""
    table = root.table("digest")
    if table is None:
        return DIGEST
    found = [(index, text, _read(text)) for index, text in enumerate(table.texts("at"))]
    for index, text, moment in found:
        if moment is None:
            table.source.note(f"{table.key('at')}[{index}]", "not_clock", None, found=shown(text))
    table.close()
    return tuple(sorted({moment for _, _, moment in found if moment is not None}))


def _clock(table: Table, name: str) -> time | None:
    value = table.raw(name)
    moment = _read(value) if isinstance(value, str) else None
    if value is None:
        table.note(name, "missing_key", name=name)
    elif moment is None:
        table.note(name, "not_clock", found=shown(value))
    return moment


def _read(text: str) -> time | None:
    found = _CLOCK.fullmatch(text.strip())
    return time(int(found[1]), int(found[2])) if found else None
