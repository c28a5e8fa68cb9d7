"""`obligations.toml`: who must be told what by when, and who does it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Literal, TypeVar, cast

from storage.plan.conditions import AT_LEAST, RESERVED, read_when
from storage.plan.organization import GROUPS
from storage.plan.playbooks import CLOCKS, COMMON, Reading
from storage.plan.table import Table, Uniques, check_not_slower
from workflows.core.obligation import IN_DAYS, CalendarKind, Obligation
from workflows.core.playbook import Playbook
from workflows.core.rubric import EventGrade, OpinionLevel

Binding = Literal["law", "self", "seed", "default"]
Confidence = Literal["verified", "secondary", "unverified"]
KeyedBy = Literal["csrc_grade", "opinion_level"]

BINDINGS = ("law", "self", "seed", "default")
CONFIDENCES = ("verified", "secondary", "unverified")
CALENDARS = ("continuous", "calendar_days", "working_days", "trading", "service_hours")
#: A grade `unconfirmed` is no network incident and has no row of its own.
ROWS: Mapping[str, tuple[str, ...]] = {"csrc_grade": tuple(map(str, EventGrade))[1:], "opinion_level": tuple(map(str, OpinionLevel))}
ANY = "any"
WAYS = ("within", "within_days", "every")

T = TypeVar("T", timedelta, int)


def read_obligations(root: Table, reading: Reading, playbooks: Mapping[str, Playbook]) -> dict[str, Obligation]:
    subtypes = [code for playbook in playbooks.values() for code in playbook.subtypes]
    found: dict[str, Obligation] = {}
    ids = Uniques()
    for table in root.tables("obligation", required=True):
        obligation = _obligation(table, reading, subtypes)
        if obligation.id and ids.take(table, "id", obligation.id):
            found[obligation.id] = _with_doer(table, obligation, playbooks)
    root.close()
    return found


def check_named(reading: Reading, known: Iterable[str]) -> None:
    """Note each playbook line that names an obligation which does not exist."""
    names = tuple(known)
    for table, name in reading.duties:
        if name not in names:
            table.source.unknown(table.key("obligation"), "obligation", name, names)


def _obligation(table: Table, reading: Reading, subtypes: Collection[str]) -> Obligation:
    keyed_by = cast(KeyedBy, table.one_of("keyed_by", "keyed_by", tuple(ROWS), "csrc_grade") or "csrc_grade")
    rows = ROWS[keyed_by]
    obligation = Obligation(
        id=table.id("id"),
        name=table.text("name"),
        clock=table.one_of("clock", "clock", CLOCKS),
        to=_recipients(table),
        binding=cast(Binding, table.one_of("binding", "binding", BINDINGS)),
        confidence=cast(Confidence, table.one_of("confidence", "confidence", CONFIDENCES)),
        basis=table.text("basis"),
        doer=table.one_of("doer", "group", GROUPS, ""),
        name_en=table.text("name_en", ""),
        to_en=_twins(table),
        basis_en=table.text("basis_en", ""),
        check=table.text("check", ""),
        check_en=table.text("check_en", ""),
        when=read_when(table, reading.facts, subtypes),
        calendar=cast(CalendarKind, table.one_of("calendar", "calendar", CALENDARS)),
        keyed_by=keyed_by,
        within=_by_grade(table, "within", rows, Table.duration),
        within_days=_by_grade(table, "within_days", rows, Table.whole),
        every=_by_grade(table, "every", rows, Table.duration),
        until=table.one_of("until", "clock", CLOCKS, "") or None,
        channels=table.texts("channels"),
        law_word=table.text("law_word", ""),
        also_on=table.text("also_on", ""),
        partial_ok=table.text("partial_ok", ""),
        complete_within=table.duration("complete_within") if table.has("complete_within") else None,
        phone=table.flag("phone"),
        steps=table.texts("steps"),
        closing=table.flag("closing"),
        paper=table.text("paper", ""),
    )
    table.close()
    _check_deadline(table, obligation)
    _check_guarded(table, obligation, reading)
    return obligation


def _recipients(table: Table) -> tuple[str, ...]:
    to = table.texts("to")
    if not to and not table.source.faulty(table.key("to")):
        table.note("to", "empty_list")
    return to


def _twins(table: Table) -> tuple[str, ...]:
    """The recipients in English: one for each, or none."""
    found, to = table.texts("to_en"), table.texts("to")
    if found and to and len(found) != len(to):
        table.note("to_en", "unequal_twins", found=len(found), wanted=len(to))
    return found


def _by_grade(table: Table, name: str, rows: tuple[str, ...], read: Callable[[Table, str], T]) -> dict[str, T]:
    """Grade to its figure, or `any` alone to the one for all; a heavier grade must be asked for and never be slower."""
    inner = table.table(name)
    if inner is None:
        return {}
    if inner.has(ANY):
        found = {ANY: read(inner, ANY)}
        for beside in (given for given in inner.names() if given != ANY):
            inner.note(beside, "beside_any")
        return found
    for unknown in (given for given in inner.names() if given not in rows):
        inner.source.unknown(inner.key(unknown), "grade", unknown, (*rows, ANY))
    found = {row: read(inner, row) for row in rows if inner.has(row)}
    if not inner.names():
        table.note(name, "no_deadline", ways=", ".join(WAYS))
    for lighter, heavier in pairwise(rows):
        if lighter in found and heavier not in found:
            inner.note("", "heavier_missing", level=heavier, than=lighter)
    check_not_slower(table.source, [(inner.key(row), row, _span(figure)) for row, figure in found.items()])
    return found


def _span(figure: timedelta | int) -> timedelta:
    return figure if isinstance(figure, timedelta) else timedelta(days=figure)


def _check_deadline(table: Table, obligation: Obligation) -> None:
    given = [way for way in WAYS if table.has(way)]
    if len(given) != 1:
        table.note("", "no_deadline", ways=", ".join(WAYS))
    elif obligation.calendar:
        counted = given[0] == "within_days"
        if counted != (obligation.calendar in IN_DAYS):
            table.note(given[0], "wrong_calendar", way=given[0], calendar=obligation.calendar)
    if "every" in given and not table.has("until"):
        table.note("", "no_until")
    if "until" in table.names() and "every" not in given:
        table.note("until", "until_idle")


def _check_guarded(table: Table, obligation: Obligation, reading: Reading) -> None:
    """A clock may end only through a second person: so every fact that it hangs on must say that it removes a clock."""
    for name in (name for name in obligation.when if name not in RESERVED or name in AT_LEAST):
        spec = reading.facts.specs.get(name.removesuffix("_at_least")) if reading.facts else None
        if spec and not spec.removes_clock:
            table.note(f"when.{name}", "unguarded", fact=spec.key, obligation=obligation.id)


def _with_doer(table: Table, obligation: Obligation, playbooks: Mapping[str, Playbook]) -> Obligation:
    """Without a doer of its own a line of every incident must name it: lines of one type leave the other types without."""
    if obligation.doer or table.source.faulty(table.key("doer")) or COMMON not in playbooks:
        return obligation
    line = next((line for line in playbooks[COMMON].lines if line.obligation == obligation.id), None)
    if line is None:
        table.note("", "no_doer", name=obligation.id)
        return obligation
    return replace(obligation, doer=line.group)
