"""What the road keeps of an event: stored once, decided once, answered again, and never half."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel, col, select

from handlers.core.house import ATTEMPTS, House, LostRow
from handlers.core.message import Message, Reply
from handlers.core.road import Road
from storage import inbox
from storage.database import Database, away
from storage.inbox import INBOX
from storage.plans import Plans
from storage.queue import backoff
from storage.tables.audit import AuditRow
from storage.tables.queues import InboxRow, OutboxRow
from storage.tables.records import ChatRow, IncidentRow
from storage.timers import TIMERS
from tests.world import World, make_world
from workflows.core.errors import Conflict
from workflows.incident import IncidentState

LEASE = INBOX.lease + timedelta(seconds=1)


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def rows(world: World, kind: type[SQLModel], **like: Any) -> list[Any]:
    found = world.database.read(lambda tx: tx.exec(select(kind)).all())
    return [row for row in found if all(getattr(row, name) == value for name, value in like.items())]


def event_row(world: World, message: Message) -> InboxRow:
    found = world.database.read(lambda tx: inbox.find(tx, message.platform, message.event_id))
    assert found is not None
    return found


def acts(world: World, ref: str) -> list[str]:
    statement = select(AuditRow).where(AuditRow.record_ref == ref).order_by(col(AuditRow.version))
    return [row.verb for row in world.database.read(lambda tx: tx.exec(statement).all())]


def opening(world: World, text: str = "/incident open 行情中断") -> Message:
    return world.message("li.na", text, "dm:li.na")


class Stumbling(Plans):
    """Plans that fail the first few times that an opening asks for them: any bug, any race."""

    def __init__(self, plans: Plans, troubles: list[Exception]) -> None:
        self.current, self.zone, self._files, self._kept = plans.current, plans.zone, plans._files, plans._kept
        self._troubles = troubles

    def keep(self, session: Session, now: Any) -> str:
        fingerprint = super().keep(session, now)  # after everything of the incident but itself has been written
        if self._troubles:
            raise self._troubles.pop()
        return fingerprint


def stumble(world: World, *troubles: Exception) -> World:
    house: House = replace(world.road.house, plans=Stumbling(world.plans, list(troubles)))
    world.road = Road(house)
    world.worker.road, world.worker.house = world.road, house
    return world


# ---- stored


def test_an_event_is_stored_once_and_unreadable(world: World) -> None:
    said = opening(world)
    assert world.road.store(said)
    assert not world.road.store(said)
    row = event_row(world, said)
    assert row.payload is not None
    assert "行情" not in row.payload.decode("utf-8", "replace")
    assert inbox.payload_of(row, world.road.house.cipher)["text"] == said.text
    world.settle()
    assert acts(world, "I1")[0] == "opened"
    assert not rows(world, IncidentRow, ref="I2")


def test_the_same_id_on_another_platform_is_another_event(world: World) -> None:
    said = opening(world)
    assert world.road.store(said)
    assert world.road.store(replace(said, platform="telex"))


def test_what_is_being_decided_is_nobody_elses(world: World) -> None:
    said = opening(world)
    world.database.write(lambda tx: inbox.store_claimed(tx, world.road.house.cipher, **world.road._event(said)))
    world.settle()
    assert not rows(world, IncidentRow)
    world.clock.now += LEASE
    world.settle()
    assert acts(world, "I1")[0] == "opened", "whoever held it is dead: it is decided without them"
    assert len(rows(world, OutboxRow, key=f"reply:console:{said.event_id}")) == 1


def test_what_one_person_types_in_one_chat_is_decided_in_that_order(world: World) -> None:
    for n in range(4):
        assert world.road.store(world.message("li.na", f"/incident open 第 {n} 处", "dm:li.na"))
    world.settle()
    titles = {row.number[-3:]: row.title for row in rows(world, IncidentRow)}
    assert titles == {f"{n + 1:03}": f"第 {n} 处" for n in range(4)}


# ---- decided, and answered again


def test_a_repeat_is_answered_with_what_was_answered_before(world: World) -> None:
    said = opening(world)
    first = world.road.ask(said)
    assert world.road.ask(said) == replace(first, card=None)
    refused = world.message("li.na", "/task claim T99", "dm:li.na")
    assert world.road.ask(refused) == world.road.ask(refused)
    assert world.road.ask(refused).error == "house.not_found"
    world.settle()
    assert acts(world, "I1").count("opened") == 1
    assert acts(world, "P:li.na") == ["refused"]


def test_a_repeat_while_it_is_being_decided_is_told_to_wait(world: World) -> None:
    said = opening(world)
    world.database.write(lambda tx: inbox.store_claimed(tx, world.road.house.cipher, **world.road._event(said)))
    reply = world.road.ask(said)
    assert (reply.wait, reply.error) == (True, None)
    assert not rows(world, IncidentRow)


def test_who_was_slower_than_the_lease_answers_what_the_worker_decided(world: World) -> None:
    """The page waits so long for the decision that a worker takes the event over: one effect, one answer, no alarm."""
    said = opening(world)

    row = world.database.write(lambda tx: inbox.store_claimed(tx, world.road.house.cipher, **world.road._event(said)))
    assert row is not None
    world.clock.now += LEASE
    world.settle()
    with pytest.raises(LostRow):
        world.road._handle(row, said)
    assert acts(world, "I1").count("opened") == 1
    assert not rows(world, IncidentRow, ref="I2")
    assert event_row(world, said).status == "done"
    assert world.road.ask(said).ref == "I1"


# ---- races and bugs


def test_a_lost_race_is_decided_again_from_the_start(world: World) -> None:
    stumble(world, *(Conflict("late") for _ in range(ATTEMPTS - 1)))
    assert world.road.ask(opening(world)).error is None
    assert [row.number for row in rows(world, IncidentRow)] == ["INC-20260310-001"]
    assert acts(world, "I1") == ["opened"]


def test_a_race_lost_again_and_again_is_explained(world: World) -> None:
    stumble(world, *(Conflict("late") for _ in range(ATTEMPTS)))
    said = opening(world)
    reply = world.road.ask(said)
    assert reply.error == "house.busy"
    assert not rows(world, IncidentRow)
    assert event_row(world, said).status == "done"


def test_a_bug_is_tried_again_and_has_its_effect_once(world: World) -> None:
    stumble(world, ZeroDivisionError("secret words"))
    said = opening(world)
    reply = world.road.ask(said)
    assert reply.error == "house.internal"
    row = event_row(world, said)
    assert (row.status, row.attempt) == ("waiting", 1)
    assert row.error is not None
    assert "ZeroDivisionError" in row.error
    assert "secret" not in row.error
    assert row.error.split()[-1] in reply.text, "the number to ask about"
    assert row.due == world.clock() + backoff(1)
    assert not rows(world, IncidentRow)
    world.passes(seconds=30)
    assert acts(world, "I1")[0] == "opened"
    assert len(rows(world, OutboxRow, key=f"reply:console:{said.event_id}")) == 1


def test_a_bug_that_stays_is_buried_and_stands_in_nobodys_way(world: World) -> None:
    stumble(world, *(ZeroDivisionError() for _ in range(50)))
    said = opening(world)
    assert world.road.store(said)
    assert world.road.store(world.message("li.na", "/help", "dm:li.na"))
    world.settle()
    world.passes(minutes=5)
    lost = event_row(world, said)
    assert (lost.status, lost.attempt) == ("buried", INBOX.attempts)
    assert rows(world, OutboxRow, recipient="han.tao"), "administrators hear of it"
    assert [row.status for row in rows(world, InboxRow) if row.id != lost.id] == ["done"]
    assert not rows(world, IncidentRow)


def test_the_databases_own_trouble_costs_no_attempt(world: World) -> None:
    trouble = _trouble(world)
    assert away(trouble)
    assert not away(ZeroDivisionError())
    stumble(world, *(trouble for _ in range(INBOX.attempts + 3)))
    said = opening(world)
    assert world.road.store(said)
    world.settle()
    world.passes(minutes=5)
    assert event_row(world, said).status == "done"
    assert acts(world, "I1")[0] == "opened"


def _trouble(world: World) -> OperationalError:
    """An error as the driver raises it when the database is in trouble."""
    if world.database.is_sqlite:
        with world.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            with pytest.raises(OperationalError) as full:
                connection.exec_driver_sql("CREATE TABLE too_much AS SELECT hex(randomblob(100000))")
            connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")
        return full.value
    with pytest.raises(OperationalError) as gone, world.database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    return gone.value


# ---- refused


def test_a_refusal_is_recorded_with_the_command_and_without_the_words(world: World) -> None:
    world.says("li.na", "/incident open 行情中断")
    reply = world.says("li.na", "/task verify T1 王先生的电话我记下了")
    assert reply.error is not None
    (row,) = rows(world, AuditRow, record_ref="P:li.na")
    assert (row.verb, row.actor, row.details["command"], row.details["refs"]) == ("refused", "li.na", "task verify", ["T1"])
    assert "王先生" not in str(row)


def test_who_is_refused_at_once_by_many_is_recorded_as_often(world: World) -> None:
    for _ in range(3):
        world.says("li.na", "/task claim T99")
    assert acts(world, "P:li.na") == ["refused"] * 3


def test_a_request_that_is_refused_half_way_leaves_no_half(world: World) -> None:
    """The room arrives when the incident is closed already: it is not bound to it, neither in part."""
    said = opening(world)
    world.road.ask(said)
    world.database.write(lambda tx: setattr(tx.get(IncidentRow, "I1"), "state", str(IncidentState.CLOSED)))
    before = acts(world, "I1")
    world.settle()
    assert [row.status for row in rows(world, InboxRow, platform="gengfu")] == ["done"]
    assert acts(world, "I1") == before
    assert rows(world, ChatRow) == []
    assert not [row for row in rows(world, OutboxRow) if row.kind == "card" and row.about["card"] == "incident"]


# ---- the clock


def test_a_timer_that_was_moved_after_it_was_claimed_says_nothing(world: World) -> None:
    world.says("li.na", "/incident open 行情中断")
    world.clock.pass_time(minutes=16)
    claimed = world.database.write(lambda tx: TIMERS.claim(tx, world.clock(), 50)).rows
    (row,) = [row for row in claimed if (row.record_ref, row.name) == ("T1", "response")]
    assert world.road.ask(world.message("sun.jie", "/task claim T1", "dm:sun.jie")).error is None
    before = acts(world, "T1")
    world.road.fire(row)
    assert acts(world, "T1") == before


def test_a_timer_fires_once_whoever_claims_it_again(world: World) -> None:
    world.says("li.na", "/incident open 行情中断")
    world.clock.pass_time(minutes=6)

    def claim() -> Any:
        found = world.database.write(lambda tx: TIMERS.claim(tx, world.clock(), 50)).rows
        return next(row for row in found if (row.record_ref, row.name) == ("T1", "response"))

    first = claim()
    world.clock.now += LEASE
    second = claim()
    fired: list[Callable[[], None]] = [lambda: world.road.fire(second), lambda: world.road.fire(first), lambda: world.road.fire(second)]
    for fire in fired:
        fire()
    assert len([verb for verb in acts(world, "T1") if verb in ("reminded", "escalated")]) == 1


def test_a_reply_that_came_too_late_follows_once(world: World) -> None:
    tap = world.message("li.na", "/incident open 行情中断", "dm:li.na", kind="click")
    reply = world.road.ask(tap)
    for _ in range(2):
        world.road.answer_later(tap, Reply(reply.text))
    assert len(rows(world, OutboxRow, key=f"reply:console:{tap.event_id}")) == 1
