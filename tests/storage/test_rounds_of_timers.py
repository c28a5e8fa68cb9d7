"""Timers that come together are one round, one transaction: what it writes is what each of them alone would have written."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, select

from bot.worker import apart
from storage.database import Database
from storage.tables.audit import AuditRow
from storage.tables.queues import OutboxRow, TimerRow
from storage.tables.records import CounterRow, TaskRow
from storage.timers import TIMERS
from storage.unit_of_work import UnitOfWork
from tests.ready import with_schema
from tests.world import World, make_world
from workflows.task import Task

SPANS = (16, 7, 31, 64, 20)


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def two_incidents(world: World) -> World:
    world.says("li.na", "/incident open 类型=系统故障 行情中断")
    world.says("li.na", "/incident open 类型=系统故障 网上交易中断")
    assert world.says("li.na", "/tip open N1").error is None, "another one, though a like one runs"
    return world


def claimed(world: World, most: int = 100) -> Sequence[TimerRow]:
    return world.database.write(lambda tx: TIMERS.claim(tx, world.clock(), most)).rows


def of_tasks(rows: Sequence[TimerRow]) -> list[TimerRow]:
    return [row for row in rows if row.record_ref.startswith("T")]


def everything(world: World) -> dict[str, list[Any]]:
    """All that the clock has written, but for numbers that only say in which order."""

    def read(tx: Any) -> dict[str, list[Any]]:
        acts = tx.exec(select(AuditRow).where(AuditRow.actor == "clock")).all()
        said = tx.exec(select(OutboxRow)).all()
        timers = tx.exec(select(TimerRow)).all()
        tasks = tx.exec(select(TaskRow)).all()
        return {
            "acts": sorted((a.record_ref, a.version, a.verb, str(a.details), a.via, a.hash) for a in acts),
            "said": sorted((s.key, s.lane, s.priority, s.due, s.status, s.wanted > 0, str(s.about)) for s in said),
            "timers": sorted((t.record_ref, t.name, t.lane, t.due, t.status, t.attempt, t.error or "", t.incident) for t in timers),
            "tasks": sorted(str(t.model_dump()) for t in tasks),
        }

    found: dict[str, list[Any]] = world.database.read(read)
    return found


def test_a_round_writes_what_each_timer_alone_would_write(tmp_path: Any) -> None:
    worlds: list[World] = []
    for name in ("together", "alone"):
        database = Database(f"sqlite:///{tmp_path / name}.db")
        with_schema(database)
        worlds.append(two_incidents(make_world(database)))
    together, alone = worlds
    rounds = 0
    for minutes in SPANS:
        for world in worlds:
            world.clock.pass_time(minutes=minutes)
        mine, theirs = of_tasks(claimed(together)), of_tasks(claimed(alone))
        assert {(row.record_ref, row.name) for row in mine} == {(row.record_ref, row.name) for row in theirs}
        rounds += len(mine) > 1
        assert not of_tasks(together.road.round(mine)), "all of them went together"
        for row in theirs:
            alone.road.fire(row)
        assert everything(together) == everything(alone)
    assert rounds >= 3
    for world in worlds:
        world.database.close()


def test_two_rounds_at_a_time_write_what_each_timer_alone_would_write(
    postgres_url: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Database(postgres_url, threads=4)) as many, closing(Database(f"sqlite:///{tmp_path / 'alone'}.db")) as one:
        with_schema(one)
        together, alone = two_incidents(make_world(many)), two_incidents(make_world(one))
        assert together.worker.side_by_side == 2
        together.worker.round = 4
        for minutes in SPANS:
            for world in (together, alone):
                world.clock.pass_time(minutes=minutes)
            while asyncio.run(together.worker.timer_turn()):
                pass
            while rows := claimed(alone, 8):
                for row in rows:
                    alone.road.fire(row)
            assert everything(together) == everything(alone)
    assert "timers come one by one" not in caplog.messages


def test_rounds_at_a_time_share_no_incident() -> None:
    rows = [timer_of(number, incident) for number, incident in enumerate(["I1", "I2", "I1", "I3", "I1", "I2", "I4"])]
    lots = apart(rows, 2)
    assert sorted(row.record_ref for lot in lots for row in lot) == sorted(row.record_ref for row in rows)
    first, second = ({row.incident for row in lot} for lot in lots)
    assert not first & second
    assert [len(lot) for lot in lots] == [4, 3]
    assert [row.record_ref for row in lots[0]] == ["T0", "T2", "T4", "T6"], "in the order in which they were due"
    assert apart(rows[:1], 2) == [rows[:1]]
    assert apart([], 0) == []


def timer_of(number: int, incident: str) -> TimerRow:
    now = datetime(2026, 3, 10, tzinfo=UTC)
    return TimerRow(lane=f"T{number}", due=now, created=now, record_ref=f"T{number}", name="response", incident=incident)


def test_a_timer_that_was_moved_meanwhile_says_nothing_and_holds_up_nobody(world: World) -> None:
    two_incidents(world)
    world.clock.pass_time(minutes=16)
    rows = of_tasks(claimed(world))
    assert world.road.ask(world.message("sun.jie", "/task claim T1", "dm:sun.jie")).error is None
    left = world.road.round(rows)
    assert {row.record_ref for row in left} == {row.record_ref for row in rows}, "not as one"
    for row in left:
        world.road.fire(row)
    spoken = {ref: [verb for _, verb, _ in world.trail(ref)] for ref in {row.record_ref for row in rows}}
    assert not {"reminded", "escalated"} & set(spoken["T1"])
    assert all({"reminded", "escalated"} & set(verbs) for ref, verbs in spoken.items() if ref != "T1")


def test_one_that_cannot_be_fired_does_not_hold_up_the_others(world: World) -> None:
    two_incidents(world)
    world.database.write(lambda tx: setattr(tx.get_one(TaskRow, "T1"), "level", -99))
    world.clock.pass_time(minutes=16)
    asyncio.run(world.worker.timer_turn())
    rows = world.database.read(lambda tx: list(tx.exec(select(TimerRow).where(col(TimerRow.record_ref).startswith("T")))))
    assert [row.error for row in rows if row.record_ref == "T1" and row.error], "it waits for its next attempt, and says why"
    spoken = [row.record_ref for row in rows if "escalated" in [verb for _, verb, _ in world.trail(row.record_ref)]]
    assert len(set(spoken)) > 3
    assert "T1" not in spoken


def test_two_timers_of_one_task_speak_once(world: World) -> None:
    two_incidents(world)
    world.says("sun.jie", "/task claim T1")
    world.clock.pass_time(hours=9)
    rows = of_tasks(claimed(world))
    own = [row for row in rows if row.record_ref == "T1"]
    assert len(own) > 1, "the test needs a task with two timers due"
    before = len(world.trail("T1"))
    assert not of_tasks(world.road.round(rows))
    assert len(world.trail("T1")) == before + 1
    assert all(due > world.clock() for due in world.timers("T1").values())


def test_the_trail_of_a_round_is_the_one_an_auditor_verifies(world: World) -> None:
    two_incidents(world)
    for minutes in SPANS:
        world.passes(minutes=minutes)
    seen = world.database.read(lambda tx: [(a.record_ref, a.version) for a in tx.exec(select(AuditRow).order_by(col(AuditRow.version)))])
    for ref in {ref for ref, _ in seen}:
        assert [version for one, version in seen if one == ref] == list(range(1, 1 + sum(one == ref for one, _ in seen)))
    late = world.clock() - timedelta(seconds=1)
    assert all(due > late for ref in {ref for ref, _ in seen if ref[0] == "T"} for due in world.timers(ref).values())


def test_a_round_locks_incidents_in_the_order_of_their_numbers(postgres_url: str) -> None:
    """As a merge does: I9 before I10. Whoever holds I9 and wants I10 must not meet a round that holds I10 and wants I9."""
    with closing(Database(postgres_url, threads=4)) as database:
        world = make_world(database)
        database.write(lambda tx: tx.add(CounterRow(name="I", last=8)))
        two_incidents(world)
        holds, goes_on = Event(), Event()

        def unit(tx: Any) -> UnitOfWork:
            return UnitOfWork(tx, plans=world.plans, cipher=world.road.house.cipher, now=world.clock(), actor="clock", via="")

        def both(tx: Any) -> None:
            unit(tx).lock("I9")
            holds.set()
            assert goes_on.wait(10)
            unit(tx).lock("I10")

        with ThreadPoolExecutor(2) as pool:
            merge = pool.submit(database.write, both)
            assert holds.wait(10)
            together = pool.submit(database.write, lambda tx: unit(tx).load_all(Task, [], ("I10", "I9")))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            while not database.read(lambda tx: tx.connection().exec_driver_sql(waits).scalar_one()):
                time.sleep(0.02)
            goes_on.set()
            merge.result(20)
            together.result(20)
