"""One command, one transaction: whatever belongs to it is written together or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, col, select

from storage.cipher import Cipher
from storage.database import Database
from storage.plans import Plans
from storage.tables.audit import AuditRow, ChainRow
from storage.tables.queues import InboxRow, OutboxRow, TimerRow
from storage.tables.records import ChatRow, CounterRow, IncidentRow, PlanRow, SeenRow, TaskRow
from storage.unit_of_work import UnitOfWork
from tests.make import START
from tests.world import KEY, World, make_world
from workflows.core.errors import Conflict, NotFound, RuleBroken
from workflows.core.outcome import Event, Notice, Outcome, Request, Timer
from workflows.incident import Incident
from workflows.task import Task

LATER = START + timedelta(minutes=10)


@pytest.fixture
def world(database: Database) -> World:
    """One incident, of which everything is said already."""
    found = make_world(database)
    found.says("li.na", "/incident open 行情中断")
    return found


def unit(world: World, tx: Session, *, actor: str = "li.na", via: str = "console:e1") -> UnitOfWork:
    return UnitOfWork(tx, plans=world.plans, cipher=Cipher(KEY), now=world.clock(), actor=actor, via=via)


def work(world: World, do: Callable[[UnitOfWork], Any], **about: str) -> Any:
    return world.database.write(lambda tx: do(unit(world, tx, **about)))


def rows(world: World, kind: type[SQLModel]) -> list[Any]:
    return list(world.database.read(lambda tx: tx.exec(select(kind)).all()))


def everything(world: World) -> dict[str, list[str]]:
    kinds = (IncidentRow, TaskRow, AuditRow, ChainRow, OutboxRow, TimerRow, InboxRow, CounterRow, ChatRow, SeenRow)
    return {kind.__name__: sorted(str(row) for row in rows(world, kind)) for kind in kinds}


def renamed(incident: Incident, title: str = "两地行情中断", **more: Any) -> Outcome[Incident]:
    return Outcome(replace(incident, title=title), Event("noted", {"title": title}), **more)


def test_an_outcome_is_written_whole(world: World) -> None:
    notices = (Notice("incident.updated", ("wu.di", "chat"), {"by": "li.na", "text": "见标题"}, "copy"),)

    def do(uow: UnitOfWork) -> Incident:
        before = uow.load(Incident, "I1")
        outcome = renamed(before, timers=(Timer("cadence", LATER),), notices=notices, requests=(Request("room.created", {"chat": "g:x"}),))
        return uow.apply(outcome)

    before = world.incident()
    after = work(world, do)
    assert after == replace(before, title="两地行情中断", version=before.version + 1, touched=before.version + 1)
    assert world.incident() == after
    (event,) = [row for row in rows(world, AuditRow) if (row.record_ref, row.version) == ("I1", after.version)]
    assert (event.verb, event.actor, event.via, event.from_state, event.to_state) == ("noted", "li.na", "console:e1", "open", "open")
    assert (event.incident, event.plan, event.details) == ("I1", before.plan, {"title": "两地行情中断"})
    (timer,) = [row for row in rows(world, TimerRow) if (row.record_ref, row.name) == ("I1", "cadence")]
    assert (timer.due, timer.status) == (LATER, "waiting")
    told = [row for row in rows(world, OutboxRow) if row.key.startswith(f"I1:{after.version}:incident.updated:")]
    assert {row.recipient or row.chat for row in told} == {"wu.di", world.room_of("li.na", "行情中断")}
    (asked,) = [row for row in rows(world, InboxRow) if row.event_id == "console:e1/room.created/1"]
    assert (asked.platform, asked.lane, asked.status) == ("gengfu", "gengfu:I1", "waiting")
    cards = [row for row in rows(world, OutboxRow) if row.kind == "card"]
    assert {row.status for row in cards} == {"waiting"}, "every card of the incident has to be looked at"


@contextmanager
def changing_nothing(world: World) -> Iterator[None]:
    before = everything(world)
    yield
    assert everything(world) == before


def test_what_fails_late_leaves_nothing(world: World) -> None:
    def do(uow: UnitOfWork) -> None:
        incident = uow.load(Incident, "I1")
        uow.apply(renamed(incident, timers=(Timer("cadence", LATER),), notices=(Notice("incident.updated", ("wu.di",), {"by": "x"}),)))
        uow.request(Request("room.created", {}), "I1")
        uow.bind("I1", "console", "g:tech")
        uow.seen("li.na", "T1", 1)
        uow.next_ref(Task)
        raise RuleBroken("task.reason", ref="T1")

    with changing_nothing(world), pytest.raises(RuleBroken):
        work(world, do)


def test_a_record_that_changed_since_it_was_read_is_a_conflict(world: World) -> None:
    stale = world.incident()
    work(world, lambda uow: uow.apply(renamed(uow.load(Incident, "I1"))))
    with changing_nothing(world), pytest.raises(Conflict):
        work(world, lambda uow: uow.apply(renamed(stale, "旧标题")))


def test_what_should_have_been_said_before_is_due_now_and_is_not_late(world: World) -> None:
    world.clock.now += timedelta(minutes=1)
    incident = world.incident()
    late = Outcome(incident, Event("updated", {}), (Timer("cadence", START),))
    work(world, lambda uow: uow.apply(late))
    assert world.timers("I1")["cadence"] == START + timedelta(minutes=1)


def test_the_clock_asking_is_no_act(world: World) -> None:
    """A button carries the version of the last act: the clock's reminders must not make it old."""
    before = world.task("T1")

    def remind(uow: UnitOfWork, verb: str) -> Task:
        return uow.apply(Outcome(uow.load(Task, "T1"), Event(verb)))

    for verb in ("reminded", "escalated"):
        work(world, lambda uow, verb=verb: remind(uow, verb), actor="clock")  # type: ignore[misc]
    after = world.task("T1")
    assert (after.version, after.touched) == (before.version + 2, before.touched)
    work(world, lambda uow: remind(uow, "reminded"), actor="li.na")
    assert world.task("T1").touched == before.version + 3


def test_counters_leave_no_gap_when_a_command_fails(world: World) -> None:
    def fail(uow: UnitOfWork) -> None:
        assert [uow.next_ref(Task), uow.next_ref(Task), uow.count("INC-20991231")] == ["T6", "T7", 1]
        raise RuleBroken("task.reason", ref="T6")

    with pytest.raises(RuleBroken):
        work(world, fail)
    assert work(world, lambda uow: [uow.next_ref(Task), uow.count("INC-20991231"), uow.count("INC-20991231")]) == ["T6", 1, 2]


def test_what_is_not_there_is_not_found(world: World) -> None:
    for kind, ref in ((Incident, "I9"), (Task, "T99")):
        with changing_nothing(world), pytest.raises(NotFound):
            work(world, lambda uow, kind=kind, ref=ref: uow.load(kind, ref))  # type: ignore[misc]


def test_a_chat_is_bound_once_and_may_leave_and_return(world: World) -> None:
    assert work(world, lambda uow: uow.incident_in("console", "g:tech")) is None
    work(world, lambda uow: uow.bind("I1", "console", "g:tech"))
    with changing_nothing(world), pytest.raises(RuleBroken):
        work(world, lambda uow: uow.bind("I1", "console", "g:tech"))
    assert ("console", "g:tech") in work(world, lambda uow: uow.chats("I1"))
    assert work(world, lambda uow: uow.incident_in("console", "g:tech")) == "I1"
    work(world, lambda uow: uow.unbind("I1", "console", "g:tech"))
    assert ("console", "g:tech") not in work(world, lambda uow: uow.chats("I1"))
    assert work(world, lambda uow: uow.incident_in("console", "g:tech")) is None
    with changing_nothing(world), pytest.raises(RuleBroken):
        work(world, lambda uow: uow.unbind("I1", "console", "g:tech"))
    work(world, lambda uow: uow.bind("I1", "console", "g:tech"))
    assert len([row for row in rows(world, ChatRow) if row.chat == "g:tech"]) == 1
    assert len([row for row in rows(world, OutboxRow) if row.key == "card:console:g:tech:incident:I1"]) == 1, "the card it had"


def test_a_chat_of_several_belongs_to_the_latest_that_runs(world: World) -> None:
    world.says("sun.jie", "/incident open 另一处中断")
    for ref in ("I1", "I2"):
        work(world, lambda uow, ref=ref: uow.bind(ref, "console", "g:tech"))  # type: ignore[misc]
    assert work(world, lambda uow: uow.incident_in("console", "g:tech")) == "I2"
    world.database.write(lambda tx: setattr(tx.get(IncidentRow, "I2"), "state", "closed"))
    assert work(world, lambda uow: uow.incident_in("console", "g:tech")) == "I1"


def test_seen_is_kept_once_for_each_person(world: World) -> None:
    for version in (1, 3):
        work(world, lambda uow, version=version: uow.seen("wu.di", "T1", version))  # type: ignore[misc]
    (row,) = rows(world, SeenRow)
    assert (row.person, row.record_ref, row.version) == ("wu.di", "T1", 3)


def test_rules_are_kept_once_and_found_again_by_a_house_that_has_others(world: World) -> None:
    again = work(world, lambda uow: uow.keep_plan())
    (kept,) = rows(world, PlanRow)
    assert kept.fingerprint == again == world.incident().plan
    elsewhere = Plans.__new__(Plans)  # a house whose own plan has moved on: it knows the old one from the database only
    elsewhere.current, elsewhere._files, elsewhere._kept = world.plans.current, {}, {}
    old = world.database.read(lambda tx: elsewhere.of(tx, again))
    assert old.playbooks == world.plans.current.playbooks
    assert old.responses == world.plans.current.responses
    with pytest.raises(LookupError):
        world.database.read(lambda tx: elsewhere.of(tx, "sha256:unknown"))


def test_two_requests_of_one_event_are_two_events(world: World) -> None:
    def do(uow: UnitOfWork) -> None:
        for chat in ("g:a", "g:b"):
            uow.request(Request("room.created", {"platform": "console", "chat": chat}), "I1")

    work(world, do)
    world.settle()
    bound = [row.chat for row in world.database.read(lambda tx: tx.exec(select(ChatRow).order_by(col(ChatRow.id))).all())]
    assert bound[-2:] == ["g:a", "g:b"]
    assert [row.status for row in rows(world, InboxRow) if row.platform == "gengfu" and "/room.created/" in row.event_id] == ["done"] * 2
