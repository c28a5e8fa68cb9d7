"""A person's hour: twenty messages of what can wait, the rest as one, and nothing lost; what is urgent is not counted and does not wait."""

from datetime import timedelta
from typing import Any

import pytest

from bot.metrics import Metrics
from bot.web.bell import Bells
from bot.worker import Worker
from storage import budget, outbox
from storage.database import Database
from storage.tables.queues import DONE, WAITING, OutboxRow
from tests.crash.telex import Said, Telex
from tests.storage.test_outbox import rows, tell, text
from tests.world import World, make_world
from workflows.core.outcome import Notice, Urgency
from workflows.task import Task

READER = "wu.di"


@pytest.fixture
def telex() -> Telex:
    return Telex()


@pytest.fixture
def opened(database: Database, telex: Telex) -> World:
    world = make_world(database)
    world.worker = Worker(world.road, {"console": telex}, lambda person: (("console", person),), Metrics(), Bells())
    world.says("li.na", "/incident open type=system_failure 行情中断")
    return world


def remind(world: World, task: Task, number: int, urgency: Urgency = "reminder", person: str = READER) -> None:
    values: dict[str, Any] = {"timer": "overdue", "level": 1, "round": number, "missed": 0, "next_at": None}
    tell(world, "task.reminder", person, values, urgency, ref=task.ref, version=task.touched + number)
    world.settle()


def heard(telex: Telex, person: str = READER) -> list[Said]:
    return [one for one in telex.sent(deed="send", place=f"p:{person}") if "task.reminder" in one.key]


def had_enough(world: World) -> None:
    """Twenty reminders, one a minute."""
    task = world.tasks()[0]
    for number in range(1, budget.MOST + 1):
        remind(world, task, number)
        world.clock.pass_time(minutes=1)


def waiting(world: World) -> list[OutboxRow]:
    return [row for row in rows(world, status=WAITING) if "task.reminder" in row.key]


def test_what_goes_over_waits_for_room_and_comes_as_one_message_that_says_so(opened: World, telex: Telex) -> None:
    had_enough(opened)
    more = opened.tasks()[1:4]
    for number, task in enumerate(more, 1):
        remind(opened, task, number)
        opened.clock.pass_time(minutes=1)
    assert len(heard(telex)) == budget.MOST
    assert len(waiting(opened)) == 3

    opened.passes(minutes=36)
    assert len(heard(telex)) == budget.MOST, "the first of the twenty is not an hour old"
    opened.passes(minutes=2)

    late = heard(telex)[budget.MOST :]
    assert len(late) == 1
    assert text(late[0]).splitlines()[0] == "本小时提醒已达 20 条,以下 3 项合并"
    assert all(f"】{task.ref} " in text(late[0]) for task in more)
    assert not waiting(opened)
    assert all(row.message_id for row in rows(opened) if "task.reminder" in row.key), "nothing is lost"


def test_what_was_done_or_said_meanwhile_is_not_said_then(opened: World, telex: Telex) -> None:
    had_enough(opened)
    done, told, twice, left = opened.tasks()[1:5]
    for task in (done, told, twice, left):
        remind(opened, task, 1)
    remind(opened, twice, 2)
    remind(opened, told, 3, "escalation")
    assert opened.road.ask(opened.message("sun.jie", f"/task claim {done.ref}", "dm:sun.jie")).error is None

    opened.passes(minutes=61)

    last = text(heard(telex)[-1])
    assert [last.count(f"】{task.ref} ") for task in (done, told, twice, left)] == [0, 0, 1, 1]
    assert {row.status for row in rows(opened) if "task.reminder" in row.key} == {DONE}
    live = [row for row in rows(opened) if row.ref == told.ref and row.about.get("notice") == "task.reminder" and not row.superseded]
    assert [row.priority for row in live if row.recipient == READER and row.message_id] == [4], "the escalation is the one that stands"


def test_what_is_urgent_and_what_is_anothers_does_not_wait(opened: World, telex: Telex) -> None:
    had_enough(opened)
    task = opened.tasks()[1]
    remind(opened, task, 1)
    count, others = len(heard(telex)), len(heard(telex, "sun.jie"))
    remind(opened, task, 2, "escalation")
    assert len(heard(telex)) == count + 1
    remind(opened, task, 3, person="sun.jie")
    assert len(heard(telex, "sun.jie")) == others + 1


def test_a_bundle_counts_once(opened: World, telex: Telex) -> None:
    tasks = opened.tasks()
    for number in range(1, budget.MOST):
        for task in tasks[:2]:
            values: dict[str, Any] = {"timer": "overdue", "level": 1, "round": number, "missed": 0, "next_at": None}
            tell(opened, "task.reminder", READER, values, "reminder", ref=task.ref, version=task.touched + number)
        opened.settle()
    assert len(heard(telex)) == budget.MOST - 1
    remind(opened, tasks[2], 1)
    assert not waiting(opened)
    remind(opened, tasks[3], 1)
    assert len(waiting(opened)) == 1


def test_held_reminders_come_along_with_one_that_is_not_held(opened: World, telex: Telex) -> None:
    """An escalation does not wait in its lane behind a reminder that is being held."""
    first, second = opened.tasks()[:2]
    for task, hold, urgency in ((first, 60, "reminder"), (second, 0, "escalation")):
        values: dict[str, Any] = {"timer": "overdue", "level": 1, "round": 1, "missed": 0, "next_at": None}
        notice = Notice("task.reminder", (READER,), values, urgency, timedelta(seconds=hold))  # type: ignore[arg-type]
        now, organization = opened.clock(), opened.plans.organization
        where: dict[str, Any] = {"incident": "I1", "organization": organization, "now": now, "watch": task.ref}
        opened.database.write(
            lambda tx, notice=notice, task=task, where=where: outbox.enqueue_notice(  # type: ignore[misc]
                tx, notice, ref=task.ref, version=task.touched, **where
            )
        )
        opened.settle()
    (one,) = heard(telex)
    assert all(f"】{task.ref} " in text(one) for task in (first, second))
