"""Between frozen records and table rows, by field name; a test proves that both sides agree."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from sqlalchemy import Update, bindparam, inspect, update
from sqlmodel import SQLModel

from storage.tables.enquiries import CircularRow, EnquiryRow, RumourRow
from storage.tables.records import ApprovalRow, DutyRow, GradingRow, IncidentRow, ReportRow, TaskRow, TipRow
from storage.tables.statements import PublicationRow, RevisionRow, StatementRow
from workflows.circular import Circular
from workflows.core.approval import Approval
from workflows.core.duty import DutyChange
from workflows.enquiry import Enquiry
from workflows.incident import Grading, Incident
from workflows.publication import Publication
from workflows.regulator_report import Report
from workflows.rumour import Rumour
from workflows.statement import Revision, Statement
from workflows.task import Task
from workflows.tip import Tip


class Record(Protocol):
    """What every kind of record has. `touched` is the version of the last act that was not only the clock reminding."""

    @property
    def ref(self) -> str: ...
    @property
    def incident(self) -> str: ...
    @property
    def plan(self) -> str: ...
    @property
    def state(self) -> Any: ...
    @property
    def version(self) -> int: ...
    @property
    def touched(self) -> int: ...


R = TypeVar("R", bound=Record)

#: Record class -> (table class, letter of its refs)
KINDS: Mapping[type[Any], tuple[type[SQLModel], str]] = {
    Incident: (IncidentRow, "I"),
    Task: (TaskRow, "T"),
    Approval: (ApprovalRow, "A"),
    Grading: (GradingRow, "G"),
    Report: (ReportRow, "R"),
    Statement: (StatementRow, "S"),
    Revision: (RevisionRow, "V"),
    Publication: (PublicationRow, "P"),
    Enquiry: (EnquiryRow, "Q"),
    Rumour: (RumourRow, "M"),
    Circular: (CircularRow, "E"),
    Tip: (TipRow, "N"),
    DutyChange: (DutyRow, "W"),
}

BY_LETTER: Mapping[str, type[Any]] = {letter: kind for kind, (_, letter) in KINDS.items()}


def table_of(kind: type[Any]) -> type[Any]:
    return KINDS[kind][0]


def letter_of(kind: type[Any]) -> str:
    return KINDS[kind][1]


def to_values(record: Any) -> dict[str, Any]:
    """Column values of a record: enums as their codes, tuples as lists."""
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record)}


@cache
def saving(table: type[SQLModel]) -> Update:
    """Every column of the row `of_ref`, which is still at `of_version`, as `new_…`."""
    c = inspect(table).local_table.c
    values = {column.key: bindparam(f"new_{column.key}", type_=column.type) for column in c}
    return update(table).where(c.ref == bindparam("of_ref"), c.version == bindparam("of_version")).values(values)


def to_record(kind: type[R], row: Any) -> R:
    names, restorers = _restorers(kind)
    values = {name: getattr(row, name) for name in names}
    for name, restore in restorers:
        values[name] = restore(values[name])
    return kind(**values)


#: What columns take as it is: nearly everything.
_PLAIN = frozenset({NoneType, str, int, bool, float, datetime, timedelta})


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return value


@cache
def _restorers(kind: type[Any]) -> tuple[list[str], list[tuple[str, Callable[[Any], Any]]]]:
    """The names of all fields; what makes a field's value of a column's, where that is not the same."""
    hints, names = get_type_hints(kind), [f.name for f in fields(kind)]
    return names, [(name, restore) for name in names if (restore := _restorer(hints[name]))]


def _restorer(hint: Any) -> Callable[[Any], Any] | None:
    optional = False
    if get_origin(hint) in (Union, UnionType):
        optional = NoneType in get_args(hint)
        hint = next(a for a in get_args(hint) if a is not NoneType)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        convert: Callable[[Any], Any] = hint
    elif get_origin(hint) is tuple:
        convert = tuple
    elif get_origin(hint) is Mapping and get_origin(get_args(hint)[1]) is tuple:
        convert = _tuples
    else:
        return None
    return (lambda value: None if value is None else convert(value)) if optional else convert


def _tuples(value: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(one) for key, one in value.items()}
