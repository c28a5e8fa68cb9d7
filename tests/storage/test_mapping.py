"""Records and rows agree, field by field, and nothing is lost between them, in memory and on both databases."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Integer, inspect
from sqlmodel import AutoString, Session

from storage.database import Database, JsonText, UtcDateTime
from storage.mapping import BY_LETTER, KINDS, letter_of, table_of, to_record, to_values
from tests.make import START
from tests.ready import with_schema
from workflows.core.duty import DutyChange
from workflows.core.rubric import OpinionLevel, ResponseLevel
from workflows.incident import Incident, IncidentState
from workflows.publication import Publication
from workflows.statement import Revision, Statement, StatementState
from workflows.tip import Tip

ALL = list(KINDS)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC]))  # noqa: DTZ001 - Hypothesis adds the zone
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**31), 2**31 - 1),
    bool: st.booleans(),
    datetime: MOMENT,
}


def parts(hint: Any) -> tuple[Any, bool]:
    """A field's type without None, and whether it may be None."""
    if get_origin(hint) in (Union, UnionType):
        (inner,) = [a for a in get_args(hint) if a is not NoneType]
        return inner, True
    return hint, False


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    if len([a for a in get_args(hint) if a is not NoneType]) > 2 and get_origin(hint) in (Union, UnionType):
        return VALUE  # what JSON can hold
    inner, optional = parts(hint)
    found = PLAIN[inner] if inner in PLAIN else _composed(inner)
    return st.none() | found if optional else found


def _composed(hint: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(strategy(args[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(strategy(a) for a in args))
    assert origin is Mapping, hint
    return st.dictionaries(strategy(args[0]), strategy(args[1]), max_size=3)


def hints(kind: type[Any]) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {f.name: found[f.name] for f in fields(kind)}


def made(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: strategy(hint) for name, hint in hints(kind).items()})


@pytest.mark.parametrize("kind", ALL)
def test_every_field_has_its_column_and_the_reverse(kind: type[Any]) -> None:
    columns = {column.key for column in inspect(table_of(kind)).columns}
    assert columns == {f.name for f in fields(kind)}


@pytest.mark.parametrize("kind", ALL)
def test_a_column_takes_what_its_field_holds(kind: type[Any]) -> None:
    columns = inspect(table_of(kind)).columns
    for name, hint in hints(kind).items():
        inner, optional = parts(hint)
        assert columns[name].nullable == optional, name
        assert isinstance(columns[name].type, _column_type(inner)), name


def _column_type(inner: Any) -> tuple[type[Any], ...]:
    if get_origin(inner) in (tuple, Mapping):
        return (JsonText,)
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return (AutoString,)
    return {str: (AutoString,), int: (Integer,), bool: (Boolean,), datetime: (UtcDateTime,)}[inner]


def test_letters_name_kinds() -> None:
    assert {letter_of(kind) for kind in ALL} == set("ITAGRNWSVPQME") == set(BY_LETTER)
    assert all(BY_LETTER[letter_of(kind)] is kind for kind in ALL)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_a_record_comes_back_as_it_went(kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(made(kind))
    row = table_of(kind)(**to_values(record))
    assert to_record(kind, row) == record


@pytest.fixture
def kept(database: Database) -> Database:
    with_schema(database)
    parent = Incident(
        "I0", "INC-0", "", IncidentState.OPEN, "", "li.na", START, START, "li.na", OpinionLevel.MILD, 0, ResponseLevel.L4
    )  # fmt: skip
    said = Statement("S0", "I0", "", StatementState.DRAFT, "", "", "li.na", START, 1, "", (), {})
    for record in (parent, said):
        with Session(database.engine) as session:
            session.add(table_of(type(record))(**to_values(record)))
            session.commit()
    return database


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_record_comes_back_from_the_database_as_it_went(kept: Database, kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(made(kind))
    own = {Incident: {"number": "X"}, Tip: {}, DutyChange: {}, Revision: {"incident": "I0", "statement": "S0"}}
    own[Publication] = own[Revision]
    named = own.get(kind, {"incident": "I0"})
    record = replace(record, ref="X1", **named)
    table = table_of(kind)
    with Session(kept.engine) as session:  # never committed: each example finds the table empty
        session.add(table(**to_values(record)))
        session.flush()
        session.expire_all()
        found = to_record(kind, session.get(table, "X1", populate_existing=True))
        session.rollback()
    assert found == record
    assert all(type(getattr(found, name)) is type(getattr(record, name)) for name in hints(kind))


def test_moments_are_kept_to_the_microsecond_and_come_back_in_utc(kept: Database) -> None:
    moment = datetime.fromisoformat("2026-03-10T14:00:00.000001+08:00")
    row = kept.read(lambda tx: tx.get(table_of(Incident), "I0"))
    changed = replace(to_record(Incident, row), ended_at=moment)

    def write(tx: Session) -> None:
        found = tx.get(table_of(Incident), "I0")
        for name, value in to_values(changed).items():
            setattr(found, name, value)

    kept.write(write)
    back = kept.read(lambda tx: to_record(Incident, tx.get(table_of(Incident), "I0")))
    assert back.ended_at == moment
    assert back.ended_at is not None
    assert back.ended_at.utcoffset() == timedelta(0)
