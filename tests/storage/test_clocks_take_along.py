"""A regulator's clock that takes its reader's reminders along stays a clock, however often it has to be tried."""

from datetime import timedelta
from typing import Any

import pytest

from bot.bootstrap import SAMPLE_PLAN
from bot.metrics import Metrics
from bot.platforms.core.contract import PlatformDown, TryLater
from bot.web.bell import Bells
from bot.worker import Worker
from storage import outbox
from storage.database import Database
from storage.outbox import PRIORITY
from storage.tables.queues import WAITING
from tests.crash.telex import Said, Telex
from tests.storage.test_outbox import rows, text
from tests.world import World, make_world
from workflows.core.outcome import Notice, Urgency

READER = "wu.di"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database, plan=SAMPLE_PLAN)


@pytest.fixture
def telex(world: World) -> Telex:
    machine = Telex()
    world.worker = Worker(world.road, {"console": machine}, lambda person: (("console", person),), Metrics(), Bells())
    return machine


def _tell(world: World, kind: str, ref: str, version: int, urgency: Urgency, hold: timedelta = timedelta(0)) -> None:
    values: dict[str, Any] = {"timer": "response", "level": 1, "round": 1, "missed": 0, "next_at": None}
    notice, now, organization = Notice(kind, (READER,), values, urgency, hold), world.clock(), world.plans.organization
    world.database.write(
        lambda tx: outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="I1", organization=organization, now=now, watch=ref)
    )


@pytest.mark.parametrize("trouble", [TryLater(5, "too fast"), PlatformDown(5, "no answer")], ids=["asked to wait", "down"])
def test_it_is_tried_again_as_the_same_clock(world: World, telex: Telex, trouble: Exception) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    task = next(one for one in world.tasks() if one.live)
    tried: list[Said] = []
    troubles = [trouble]

    def look(one: Said) -> None:
        if one.place == f"p:{READER}" and ("report.due" in one.key or "task.reminder" in one.key):
            tried.append(one)
            if troubles:
                raise troubles.pop()

    telex.before = look
    world.passes(seconds=10)
    _tell(world, "task.reminder", task.ref, task.touched, "reminder", timedelta(seconds=60))
    _tell(world, "report.due", "R1", 50, "clock")
    world.settle()
    assert len(tried) == 1
    assert all(f"{ref} " in text(tried[0]) for ref in (task.ref, "R1"))
    assert {row.priority for row in rows(world, status=WAITING, recipient=READER) if row.said_hash} == {PRIORITY["clock"]}
    world.passes(seconds=40)
    assert len(tried) == 2
    assert tried[0] == tried[1], "with the same key: the platform knows it again, and in the same words"
