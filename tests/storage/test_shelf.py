"""The platforms' shelf in the database, also with several replicas."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

import pytest
from sqlmodel import SQLModel

from bot.platforms.core.contract import Shelf
from storage.database import Database
from storage.shelf import DatabaseShelf, sweep
from storage.tables.shelf import SHELF
from tests.make import START, Clock

T = TypeVar("T")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(database: Database) -> Database:
    SQLModel.metadata.create_all(database.engine, tables=[SHELF])
    return database


@pytest.fixture
def shelf(kept: Database, clock: Clock) -> Shelf:
    return DatabaseShelf(kept, "console", clock)


@pytest.fixture
def shelves(database_url: str, clock: Clock) -> Iterator[list[Shelf]]:
    """The same shelf as two replicas see it."""
    replicas = [Database(database_url, threads=4) for _ in range(2)]
    SQLModel.metadata.create_all(replicas[0].engine, tables=[SHELF])
    try:
        yield [DatabaseShelf(replica, "console", clock) for replica in replicas]
    finally:
        for replica in replicas:
            replica.close()


def at_once(number: int, job: Callable[[int], T]) -> list[T]:
    barrier = Barrier(number)

    def run(index: int) -> T:
        barrier.wait()
        return job(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_a_value_is_there_until_its_end(shelf: Shelf, clock: Clock) -> None:
    assert shelf.get("token") is None
    shelf.put("token", "一", START + MINUTE)
    assert shelf.get("token") == "一"
    shelf.put("token", "二", START + 2 * MINUTE)
    assert shelf.get("token") == "二"
    clock.now = START + 2 * MINUTE
    assert shelf.get("token") is None
    assert shelf.take("token") is None


def test_take_gives_a_value_once(shelf: Shelf) -> None:
    shelf.put("state", "x", START + MINUTE)
    assert (shelf.take("state"), shelf.take("state"), shelf.get("state")) == ("x", None, None)


def test_platforms_and_kinds_do_not_meet(kept: Database, shelf: Shelf, clock: Clock) -> None:
    other = DatabaseShelf(kept, "feishu", clock)
    shelf.put("k", "v", START + MINUTE)
    assert shelf.spend("k", 1, MINUTE)
    assert shelf.lease("k", "me", 60)
    assert shelf.get("k") == "v"
    assert other.get("k") is None
    assert other.spend("k", 1, MINUTE)
    assert other.lease("k", "you", 60)


def test_spend_counts_within_a_fixed_window(shelf: Shelf, clock: Clock) -> None:
    assert [shelf.spend("send", 2, MINUTE) for _ in range(3)] == [True, True, False]
    clock.pass_time(seconds=59)
    assert not shelf.spend("send", 2, MINUTE)
    assert shelf.spend("send", 3, MINUTE), "the limit is the caller's, now"
    clock.pass_time(seconds=1)
    assert [shelf.spend("send", 2, MINUTE) for _ in range(3)] == [True, True, False]
    assert not shelf.spend("nothing", 0, MINUTE)


def test_a_lease_is_renewed_by_its_holder_and_taken_by_others_after_its_end(shelf: Shelf, clock: Clock) -> None:
    assert shelf.lease("stream", "a", 60)
    assert not shelf.lease("stream", "b", 60)
    clock.pass_time(seconds=59)
    assert shelf.lease("stream", "a", 60)
    clock.pass_time(seconds=59)
    assert not shelf.lease("stream", "b", 60)
    clock.pass_time(seconds=1)
    assert shelf.lease("stream", "b", 60)
    assert not shelf.lease("stream", "a", 60)


def test_races_have_exact_ends(shelves: list[Shelf], clock: Clock) -> None:
    spent = at_once(8, lambda n: [shelves[n % 2].spend("q", 20, MINUTE) for _ in range(5)])
    assert sum(map(sum, spent)) == 20
    clock.pass_time(seconds=60)
    again = at_once(8, lambda n: shelves[n % 2].spend("q", 3, MINUTE))
    assert sum(again) == 3, "a new window begins once"
    assert sum(at_once(8, lambda n: shelves[n % 2].lease("l", str(n), 60))) == 1
    at_once(8, lambda n: shelves[n % 2].put("v", str(n), clock.now + MINUTE))
    assert len([value for value in at_once(8, lambda n: shelves[n % 2].take("v")) if value is not None]) == 1


def test_sweep_removes_what_has_ended_in_lots(kept: Database, shelf: Shelf, clock: Clock) -> None:
    for number in range(5):
        shelf.put(f"old{number}", "x", START + MINUTE)
    shelf.put("new", "x", START + 3 * MINUTE)
    clock.now = START + MINUTE
    lots = [kept.write(lambda session: sweep(session, clock.now, 3)) for _ in range(3)]
    assert lots == [3, 2, 0]
    assert shelf.get("new") == "x"
