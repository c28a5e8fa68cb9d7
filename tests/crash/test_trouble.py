"""A database that goes away, a disk that is full: said, nothing half-written, and everything works again afterwards."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.worker import pause
from storage.database import Database
from storage.tables.queues import DONE, InboxRow
from tests.crash import story
from tests.crash.story import LONG, PAST_LEASES, SHORT, Step
from tests.make import START
from tests.world import World

pytestmark = pytest.mark.crash


def test_a_loop_that_stumbles_all_night_still_gets_up() -> None:
    assert [pause(n) for n in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert pause(100_000) == 10.0


# ---- the connection is lost


@pytest.fixture
def alive(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    """The house with all its loops running, on PostgreSQL."""
    database = Database(postgres_url)
    world = story.start(database, tmp_path / "log", START)
    database.on_commit.append(lambda topics: world.worker.bell.ring())
    running: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        running.append(asyncio.get_running_loop())
        await world.worker.run()

    def live() -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(run())

    life = Thread(target=live)
    life.start()
    yield world
    loop = running[0]
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
    life.join(20)
    assert not life.is_alive()
    database.close()


def cut(url: str) -> int:
    """End every connection of the house, whatever it is doing."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        statement = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gengfu'"
        found = admin.execute(statement).fetchone()
        return int(found[0]) if found else 0


def insist(world: World, number: int, step: Step) -> None:
    """As a page does: send the same event again until the house has said that it has it."""
    for _ in range(20):
        try:
            world.road.ask(story.message(step, number, world.clock()))
        except DBAPIError:
            sleep(0.05)
        else:
            return
    raise AssertionError("the house does not come back")


def until(found: Callable[[], bool], world: World) -> None:
    """Real loops, and a clock that goes on while we wait, so that leases end."""
    give_up = monotonic() + 30
    while monotonic() < give_up:
        try:
            if found():
                return
        except DBAPIError:
            pass
        world.clock.pass_time(seconds=20)
        world.worker.bell.ring()
        sleep(0.1)
    raise AssertionError("the house does not come to rest")


def decided(world: World, number: int) -> bool:
    rows = {row.event_id: row.status for row in story.rows(world.database, InboxRow)}
    return rows.get(story.event_id(number)) == DONE


def test_lost_connections_lose_nothing(alive: World, postgres_url: str, tmp_path: Path) -> None:
    ended = 0
    for number, step in enumerate(LONG):
        if not step.person:
            continue
        cutter = Timer(0.004 * (number % 5), cut, [postgres_url])
        cutter.start()
        insist(alive, number, step)
        cutter.join()
        ended += cut(postgres_url)
        until(lambda number=number: decided(alive, number), alive)  # type: ignore[misc]
    assert ended > 10

    def at_rest() -> bool:
        story.check_said(alive, tmp_path / "log")
        return True

    def quiet() -> bool:
        try:
            return at_rest()
        except AssertionError:
            return False

    until(quiet, alive)
    story.check_trail(alive)
    story.check_answers(alive, LONG)
    acts = story.outcome(alive)["acts"]
    for number, step in enumerate(LONG):
        if step.person:
            assert [act for act in acts if act[0] == f"console:{story.event_id(number)}"], step.text
    assert len([act for act in acts if act[2] == "closed"]) == 1


# ---- the disk is full


FULL = "database or disk is full"


class Disk:
    """A SQLite database on a disk that has room for so many pages more."""

    def __init__(self, database: Database) -> None:
        self._limit = 2**30
        event.listen(database.engine, "checkout", self._apply)
        self._database = database

    def _apply(self, connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._limit}")

    def leave(self, pages: int | None) -> None:
        with self._database.engine.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        self._limit = 2**30 if pages is None else used + pages


@pytest.fixture
def house(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    try:
        yield story.start(database, tmp_path / "log", START)
    finally:
        database.close()


@pytest.mark.parametrize("pages", [0, 1, 3, 5, 7, 9])
def test_a_full_disk_is_said_and_leaves_nothing_half_written(house: World, tmp_path: Path, pages: int) -> None:
    disk = Disk(house.database)
    disk.leave(pages)
    said = []
    try:
        said.append(house.road.ask(story.message(SHORT[0], 0, house.clock())).error)
        house.settle()
    except OperationalError as error:
        said.append(str(error.orig))
    story.check_nothing_or_all(house.database)
    assert said[-1] in ("house.internal", FULL), "whoever asked, or the loop, has an error to show"
    assert said[-1] == FULL or "internal" not in said[-1] or story.known(house, 0), "what was answered is kept"
    disk.leave(None)
    house.clock.now += PAST_LEASES
    story.play(house, SHORT)
    for _ in range(3):
        house.clock.now += PAST_LEASES
        house.settle()
    story.check(house, tmp_path / "log", SHORT)


def test_what_could_not_be_stored_is_not_answered_and_may_come_again(house: World) -> None:
    story.play(house, SHORT[:1])
    disk, version = Disk(house.database), house.incident().version
    disk.leave(0)
    step = Step(1, "li.na", "/incident update I1 " + "线路已切换,正在核对。" * 1500)
    with pytest.raises(OperationalError, match=FULL) as refused:
        house.road.ask(story.message(step, 1, house.clock()))
    assert "线路" not in str(refused.value), "an error may be logged: it does not quote what people wrote"
    assert not story.known(house, 1)
    disk.leave(None)
    assert house.road.ask(story.message(step, 1, house.clock())).error is None
    house.settle()
    assert house.incident().version == version + 1


def test_a_disk_that_stays_full_costs_no_attempt(house: World, tmp_path: Path) -> None:
    """An event is tried five times before it is given up; but a full disk is not the event's fault."""
    disk = Disk(house.database)
    for _ in range(8):
        disk.leave(1)
        with suppress(OperationalError):
            story.play(house, SHORT[:1])
        story.check_nothing_or_all(house.database)
        house.clock.now += PAST_LEASES
    assert [row.status for row in story.rows(house.database, InboxRow)] == ["waiting"]
    disk.leave(None)
    story.play(house, SHORT)
    for _ in range(3):
        house.clock.now += PAST_LEASES
        house.settle()
    story.check(house, tmp_path / "log", SHORT)
