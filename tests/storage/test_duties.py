"""Who is on duty is remembered, and forgotten when it must be: by a commit, another replica's word, a minute, or the next change."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from storage.cipher import Cipher
from storage.database import Database, Transaction
from storage.plans import Plans
from storage.unit_of_work import UnitOfWork
from tests.make import START
from tests.ready import with_schema
from tests.world import KEY, SMALL_PLAN
from workflows import duty as rules
from workflows.core.duty import DutyChange, DutyKind, DutyState

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    plan = shutil.copytree(SMALL_PLAN, tmp_path / "plan")
    path = plan / "organization.toml"
    chats = 'chats = { console = "g:tech" }'
    rota = '[[group.duty]]\nkind = "daily"\npeople = ["wang.qiang", "zhao.min"]\nstart = 2026-03-10\n'
    path.write_text(path.read_text("utf-8").replace(chats, f"{chats}\n\n{rota}"), "utf-8")
    return Plans(plan)


def unit(tx: Transaction, plans: Plans, now: Any = START) -> UnitOfWork:
    return UnitOfWork(tx, plans=plans, cipher=Cipher(KEY), now=now, actor="chen.bo", via="test")


def on_duty(database: Database, plans: Plans, now: Any = START) -> tuple[str, ...]:
    return database.write(lambda tx: unit(tx, plans, now).organization.duty_of("tech"))


def override(tx: Transaction, plans: Plans, person: str = "ma.chao") -> UnitOfWork:
    uow = unit(tx, plans)
    ref, plan = uow.next_ref(DutyChange), uow.keep_plan()
    change = DutyChange(ref, DutyState.STANDS, plan, DutyKind.SET, person, "chen.bo", START, START, START + HOUR, "tech")
    uow.apply(rules.override(change, uow.roster()))
    return uow


@contextmanager
def reads(database: Database) -> Iterator[list[str]]:
    """Every SELECT of the table of changes."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM duty_change" in statement:
            found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_thousands_of_timers_at_one_moment_read_the_table_once(database: Database, plans: Plans) -> None:
    with_schema(database)
    with reads(database) as found:
        assert {on_duty(database, plans, START + timedelta(milliseconds=n)) for n in range(300)} == {("wang.qiang",)}
    assert len(found) == 1


def test_a_commit_is_seen_at_once_and_what_rolls_back_never(database: Database, plans: Plans) -> None:
    with_schema(database)
    assert on_duty(database, plans) == ("wang.qiang",)

    def fails(tx: Transaction) -> None:
        assert override(tx, plans).organization.duty_of("tech") == ("ma.chao",), "its own change is seen within it"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(fails)
    assert on_duty(database, plans) == ("wang.qiang",)
    database.write(lambda tx: override(tx, plans))
    assert on_duty(database, plans) == ("ma.chao",)
    assert on_duty(database, plans, START + HOUR) == ("wang.qiang",), "and it ends by itself"


def test_another_replica_hears_of_it_by_its_word_or_within_a_minute(database: Database, plans: Plans) -> None:
    with_schema(database)
    other = Database(database.url)
    try:
        assert on_duty(other, plans) == ("wang.qiang",)
        database.write(lambda tx: override(tx, plans))
        assert on_duty(other, plans, START + timedelta(seconds=61)) == ("ma.chao",), "the word was lost"
        database.write(lambda tx: override(tx, plans, "zhao.min"))
        other.memory.hear(frozenset({"outbox", "duty"}))
        assert on_duty(other, plans, START + timedelta(seconds=62)) == ("zhao.min",)
    finally:
        other.close()


def test_what_was_read_before_a_commit_is_not_kept_after_it(database: Database, plans: Plans) -> None:
    """A reader that began earlier may still see what was: it must not leave that behind for others."""
    with_schema(database)

    def slow(tx: Transaction) -> tuple[str, ...]:
        seen = unit(tx, plans).organization.duty_of("tech")
        database.memory.hear(frozenset({"duty"}))  # somebody commits just now, somewhere
        return seen

    assert database.read(slow) == ("wang.qiang",)
    with reads(database) as found:
        on_duty(database, plans)
    assert len(found) == 1, "read anew"


def test_a_change_of_duty_by_the_rota_is_seen_on_the_second(database: Database, plans: Plans) -> None:
    with_schema(database)
    handover = START + timedelta(hours=19)
    assert on_duty(database, plans, handover - SECOND) == ("wang.qiang",)
    assert on_duty(database, plans, handover) == ("zhao.min",)
