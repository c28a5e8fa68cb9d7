"""Races with real threads, on both databases: whoever loses is told so, and nothing ever happens twice or half."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event
from typing import Any, TypeVar

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from bot.metrics import Metrics
from bot.web.bell import Bells
from bot.worker import Worker
from handlers.core.message import Reply
from storage.database import Database
from storage.tables.audit import AuditRow
from storage.tables.queues import OutboxRow
from storage.tables.records import IncidentRow
from storage.timers import TIMERS
from tests.crash.telex import Telex
from tests.world import World, make_world
from workflows.core.approval import ApprovalState
from workflows.incident import IncidentState
from workflows.task import LIVE, TaskState

T = TypeVar("T")

#: The statement that locks an incident's row (it says so only to PostgreSQL).
LOCKS_INCIDENT = re.compile(r"SELECT incident\.ref\s+FROM incident")

EIGHT = ("li.na", "sun.jie", "chen.bo", "wang.qiang", "he.lei", "ma.chao", "xu.jing", "gao.yuan")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    opened = Database(database_url, threads=8)
    try:
        yield make_world(opened)
    finally:
        opened.close()


def at_once(*jobs: Callable[[], T]) -> list[T]:
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def asks(world: World, person: str, text: str, **more: Any) -> Callable[[], Reply]:
    """A job for a thread: what the bot answers `person`, without letting the worker run."""
    event = world.message(person, text, f"dm:{person}", **more)
    return lambda: world.road.ask(event)


def verbs(world: World, ref: str) -> list[str]:
    statement = select(AuditRow).where(AuditRow.record_ref == ref).order_by(col(AuditRow.version))
    rows = world.database.read(lambda tx: tx.exec(statement).all())
    assert [row.version for row in rows] == list(range(1, len(rows) + 1))
    return [row.verb for row in rows]


def names(world: World, people: tuple[str, ...]) -> list[str]:
    return [world.plans.organization.people[p].name for p in people]


# ---- one wins


@pytest.mark.parametrize("kind", ["text", "click"])
def test_eight_claim_one_task_and_seven_are_told_who_has_it(world: World, kind: str) -> None:
    world.says("li.na", "/incident open type=system_failure 行情中断")
    for ref in ("T1", "T3", "T6"):
        shown = {"version": world.task(ref).touched} if kind == "click" else {}
        replies = at_once(*(asks(world, p, f"/task claim {ref}", kind=kind, **shown) for p in EIGHT))
        (winner,) = [p for p, reply in zip(EIGHT, replies, strict=True) if reply.error is None]
        assert world.task(ref).owner == winner
        (name,) = names(world, (winner,))
        losers = [reply for reply in replies if reply.error]
        assert {reply.error for reply in losers} <= {"task.taken", "house.stale"}
        assert all(name in reply.text for reply in losers), [r.text for r in losers]
        assert verbs(world, ref).count("claimed") == 1


def test_the_same_event_sent_by_eight_connections_has_one_effect(world: World) -> None:
    world.says("li.na", "/incident open 行情中断")
    said = world.message("li.na", "/incident update 正在切换备用线路", "dm:li.na")
    replies = at_once(*([lambda: world.road.ask(said)] * 8))
    told = {reply.text for reply in replies if not reply.wait}
    assert len(told) == 1
    world.settle()
    assert verbs(world, "I1").count("updated") == 1
    again = world.road.ask(said)
    assert {again.text} == told
    assert not world.road.store(said)
    world.settle()
    assert verbs(world, "I1").count("updated") == 1
    assert [line for line in world.direct("li.na") if line in told] == [*told], "and one answer in the chat"


def test_openings_at_once_get_numbers_without_gap_or_twin(world: World) -> None:
    replies = at_once(*(asks(world, p, f"/incident open {p} 看到行情中断") for p in EIGHT))
    assert [reply.error for reply in replies] == [None] * 8
    rows = world.database.read(lambda tx: tx.exec(select(IncidentRow)).all())
    assert sorted(row.ref for row in rows) == [f"I{n}" for n in range(1, 9)]
    assert sorted(row.number for row in rows) == [f"INC-20260310-{n:03}" for n in range(1, 9)]
    refs = [int(task.ref[1:]) for task in world.tasks()]
    assert refs == list(range(1, len(refs) + 1))
    world.settle()
    assert all(verbs(world, row.ref)[0] == "opened" for row in rows)


# ---- approvals


@pytest.fixture
def asked(world: World) -> World:
    """A question A1 that lin.yue has to answer."""
    world.says("li.na", "/incident open type=system_failure 行情中断")
    assert world.says("li.na", "/incident activate I1 需要全公司配合").ref == "A1"
    return world


def test_approve_against_return(asked: World) -> None:
    approve, back = at_once(asks(asked, "lin.yue", "/approve A1"), asks(asked, "lin.yue", "/return A1 先说明影响范围"))
    decided = asked.approval().state
    assert [approve.error is None, back.error is None] == [decided is ApprovalState.APPROVED, decided is ApprovalState.RETURNED]
    assert asked.incident().state is (IncidentState.ACTIVE if approve.error is None else IncidentState.OPEN)
    assert verbs(asked, "A1") == ["asked", "approved" if approve.error is None else "returned"]
    assert verbs(asked, "I1").count("activated") == (1 if approve.error is None else 0)


@pytest.mark.parametrize("kind", ["text", "click"])
def test_approving_twice_at_once_is_approving_once(asked: World, kind: str) -> None:
    shown = {"version": asked.approval().touched} if kind == "click" else {}
    replies = at_once(*(asks(asked, "lin.yue", "/approve A1", kind=kind, **shown) for _ in range(6)))
    assert [reply.error is None for reply in replies].count(True) == 1
    assert {reply.error for reply in replies} <= {None, "house.move", "house.stale"}
    assert verbs(asked, "A1") == ["asked", "approved"]
    assert verbs(asked, "I1").count("activated") == 1


def test_a_second_question_of_the_same_kind_at_once_is_refused(world: World) -> None:
    world.says("li.na", "/incident open type=system_failure 行情中断")
    replies = at_once(*(asks(world, p, "/incident activate I1 需要配合") for p in ("li.na", "sun.jie", "wu.di")))
    assert sorted(str(reply.error) for reply in replies) == ["None", "approval.pending", "approval.pending"]


# ---- closing


def finish_all(world: World) -> None:
    for task in world.tasks():
        if task.state in LIVE:
            assert world.says("li.na", f"/task cancel {task.ref} 已由他处处理").error is None


def activated(world: World) -> None:
    world.says("li.na", "/incident open 行情中断")
    world.says("li.na", "/incident activate I1")
    assert world.says("lin.yue", "/approve A1").error is None


@pytest.fixture
def ended(world: World) -> World:
    """An incident that nothing keeps from being closed."""
    activated(world)
    world.says("li.na", "/incident end I1 已恢复")
    assert world.says("zhou.heng", "/approve A2").error is None
    finish_all(world)
    assert world.incident().state is IncidentState.ENDED
    return world


def assert_closed_means_nothing_open(world: World) -> None:
    incident = world.incident()
    still = [task.ref for task in world.tasks() if task.state in (*LIVE, TaskState.DONE)]
    assert not (incident.state is IncidentState.CLOSED and still), still
    if incident.state is not IncidentState.CLOSED:
        assert "closed" not in verbs(world, "I1") or "reopened" in verbs(world, "I1")


def test_close_against_reopen_and_add(ended: World) -> None:
    def reopen_and_add() -> Reply:
        asks(ended, "zhou.heng", "/incident reopen I1 又出现同样的现象了,需要再查")()
        return asks(ended, "wang.qiang", "/task add I1 group=tech 复查主备切换")()

    close, added = at_once(asks(ended, "li.na", "/incident close I1"), reopen_and_add)
    assert_closed_means_nothing_open(ended)
    assert added.error in (None, "task.incident_over")
    state = ended.incident().state
    assert state is (IncidentState.CLOSED if added.error else IncidentState.ACTIVE)
    assert close.error in (None, "house.move", "incident.close_missing")


def test_end_close_and_add_at_once(world: World) -> None:
    activated(world)
    finish_all(world)
    world.says("li.na", "/incident end I1 已恢复")
    replies = at_once(
        asks(world, "zhou.heng", "/approve A2"),
        asks(world, "wang.qiang", "/task add I1 group=tech 复查主备切换"),
        asks(world, "li.na", "/incident close I1"),
        asks(world, "zhao.min", "/task add I1 group=tech 复查流量"),
    )
    assert "house.internal" not in [reply.error for reply in replies]
    assert_closed_means_nothing_open(world)
    world.settle()
    assert_closed_means_nothing_open(world)


def test_an_overridden_close_against_claims_leaves_no_live_task(ended: World) -> None:
    ended.says("zhou.heng", "/incident reopen I1 又出现同样的现象了,需要再查")
    refs = [ended.says("wang.qiang", f"/task add I1 group=tech 复查 {n}").ref for n in range(6)]
    ended.says("li.na", "/incident end I1 已恢复")
    assert ended.says("zhou.heng", "/approve A3").error is None
    people = ("chen.bo", "wang.qiang", "zhao.min", "ma.chao", "chen.bo", "wang.qiang")
    claims = [asks(ended, p, f"/task claim {ref}") for p, ref in zip(people, refs, strict=True)]
    close, *claimed = at_once(asks(ended, "zhou.heng", "/incident close I1 强制=领导小组决定先行归档,余项另行跟踪"), *claims)
    assert close.error is None
    assert {reply.error for reply in claimed} <= {None, "house.move"}
    assert ended.incident().state is IncidentState.CLOSED
    assert_closed_means_nothing_open(ended)
    assert not ended.database.read(lambda tx: TIMERS.waiting(tx, ended.clock())).waiting


# ---- two replicas


@pytest.fixture
def other(world: World, database_url: str) -> Iterator[World]:
    """A second replica on the same database, with the same clock."""
    opened = Database(database_url, threads=8)
    try:
        twin = make_world(opened, start=world.clock())
        twin.events = world.events
        yield twin
    finally:
        opened.close()


def test_a_claim_against_its_own_timer_deadlocks_nobody(world: World, other: World) -> None:
    """A timer that fires and a person who acts want the same two rows: they must ask for them in one order."""
    world.says("li.na", "/incident open type=system_failure 行情中断")
    held, locked = Event(), Event()
    begun: list[str] = []

    def clock_moves(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE timer") and "SET status" in statement and not held.is_set():
            begun.append("clock")
            held.set()
            locked.wait(0.5)  # with the timer's row in hand, leave time to lock the incident

    def person_moves(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if LOCKS_INCIDENT.match(statement):
            begun.append("person")
            locked.set()

    world.clock.pass_time(minutes=5)
    other.clock.now = world.clock()
    rows = world.database.write(lambda tx: TIMERS.claim(tx, world.clock(), 50)).rows
    (row,) = [row for row in rows if (row.record_ref, row.name) == ("T1", "response")]
    event.listen(world.database.engine, "after_cursor_execute", clock_moves)
    event.listen(other.database.engine, "after_cursor_execute", person_moves)

    def claim() -> Reply:
        held.wait(0.5)
        return asks(other, "sun.jie", "/task claim T1")()

    def fire() -> Reply:
        world.road.fire(row)
        return Reply("")

    _, reply = at_once(fire, claim)
    assert reply.error is None, reply
    assert world.task("T1").owner == "sun.jie"
    assert verbs(world, "T1") == ["opened", "escalated", "claimed"]
    assert sorted(begun) == ["clock", "person"], "neither had to begin again"


def test_two_who_lock_each_other_out_are_both_served(world: World, other: World) -> None:
    """An opening holds the counters and looks at the incident of its chat; adding a task holds that incident and wants a counter.

    PostgreSQL ends one of the two: it is decided again, and nobody notices.
    """
    world.says("chen.bo", "/上报 行情中断", "g:tech")
    held, locked = Event(), Event()
    counted = count()

    def opener_moves(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE counter") and next(counted) == 2:  # I, INC, and now T
            held.set()
            locked.wait(0.5)

    def adder_moves(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if LOCKS_INCIDENT.match(statement):
            locked.set()

    event.listen(world.database.engine, "after_cursor_execute", opener_moves)
    event.listen(other.database.engine, "after_cursor_execute", adder_moves)
    said = world.message("wang.qiang", "/incident open 又一处中断", "g:tech")

    def add() -> Reply:
        held.wait(0.5)
        return asks(other, "chen.bo", "/task add I1 group=tech 复查主备切换")()

    replies = at_once(lambda: world.road.ask(said), add)
    assert [(reply.error, reply.ref is not None) for reply in replies] == [(None, True), (None, True)]
    assert held.is_set()
    assert {row.ref for row in world.database.read(lambda tx: tx.exec(select(IncidentRow)).all())} == {"I1", "I2"}
    refs = [int(task.ref[1:]) for task in world.tasks()]
    assert refs == list(range(1, len(refs) + 1))


def drain(worker: Worker) -> Callable[[], None]:
    async def turns() -> None:
        idle = 0
        while idle < 4:
            busy = [await worker.inbox_turn(), await worker.timer_turn(), await worker.outbox_turn()]
            idle = 0 if any(busy) else idle + 1
            await asyncio.sleep(0.02 * idle)

    return lambda: asyncio.run(turns())


def test_two_replicas_share_the_work_and_nothing_is_done_twice(world: World, other: World) -> None:
    telex = Telex()
    pair = [Worker(w.road, {"console": telex}, lambda p: (("console", p),), Metrics(), Bells()) for w in (world, other)]
    for n in range(2):
        assert world.road.store(world.message("li.na", f"/incident open 第 {n} 处中断", "dm:li.na"))
        assert world.road.store(world.message("wu.di", f"/incident open 第 {n} 处报错", "dm:wu.di"))
    at_once(*(drain(worker) for worker in pair))
    other.clock.now = world.clock.pass_time(minutes=16)
    at_once(*(drain(worker) for worker in pair))
    rows = world.database.read(lambda tx: tx.exec(select(OutboxRow)).all())
    assert {row.status for row in rows} <= {"done", "waiting"}
    assert not [row.key for row in rows if row.status == "waiting" and row.due <= world.clock()]
    asked_for = Counter(one.key for one in telex.wire)
    assert [key for key, times in asked_for.items() if times > 1] == []
    spoken = {row.key for row in rows if row.status == "done" and (row.said is not None or row.kind == "room")}
    assert spoken <= set(asked_for)
    assert {row.key for row in rows if row.kind == "notice"} & set(asked_for), "the clock has spoken too"


def test_two_replicas_decide_each_event_once_and_in_order(world: World, other: World) -> None:
    for n in range(3):
        assert world.road.store(world.message("li.na", f"/incident open 第 {n} 处中断", "dm:li.na"))
        assert other.road.store(world.message("wu.di", f"/incident open 第 {n} 处报错", "dm:wu.di"))
    at_once(drain(world.worker), drain(other.worker))
    rows = world.database.read(lambda tx: tx.exec(select(IncidentRow).order_by(col(IncidentRow.number))).all())
    assert [row.number for row in rows] == [f"INC-20260310-{n:03}" for n in range(1, 7)]
    for kind in ("中断", "报错"):
        assert [row.title for row in rows if kind in row.title] == [f"第 {n} 处{kind}" for n in range(3)], "in the order they were typed"
    assert all(verbs(world, row.ref) == ["opened", "bound"] for row in rows)
