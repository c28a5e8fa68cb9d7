"""Forty minutes down: each thing says once what it missed, at the level that would have been reached, and each incident knows why."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from bot.auditor import Auditor
from bot.bootstrap import GUEST, SAMPLE_PLAN
from bot.metrics import Metrics
from storage.database import Database
from storage.tables.queues import OutboxRow
from tests.world import World, make_world

MISSED = "系统中断过"
DOWN = timedelta(minutes=40)


@pytest.fixture
def world(database: Database) -> World:
    """An incident that runs, with tasks, regulator clocks, an approval and a promised update; and a report from outside."""
    found = make_world(database, plan=SAMPLE_PLAN)
    process(found).beat()
    found.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    found.says("li.na", "/事件 启动 I1")
    found.says(GUEST, "营业部行情全黑")
    return found


def process(world: World) -> Auditor:
    return Auditor(world.road, Metrics(), "a process", lambda: True)


def down(world: World) -> datetime:
    """The process dies, and another one begins after a while; answers since when nothing was said."""
    process_before = process(world)
    process_before.beat()
    since = world.clock()
    world.clock.now += DOWN
    process(world).beat()
    world.settle()
    return since


def heard(world: World, since: datetime, ref: str) -> list[tuple[str, str]]:
    """(notice, words) of all that was said about a record since then, each only once whoever heard it."""
    rows = world.database.read(lambda tx: list(tx.exec(select(OutboxRow).where(col(OutboxRow.ref) == ref).order_by(col(OutboxRow.id)))))
    told = [(row.about["notice"], row.said["text"]) for row in rows if row.kind == "notice" and row.created > since and row.said]
    return list(dict.fromkeys(told))


def notices(world: World, since: datetime, ref: str) -> dict[str, dict[str, object]]:
    rows = world.database.read(lambda tx: list(tx.exec(select(OutboxRow).where(col(OutboxRow.ref) == ref))))
    return {row.about["notice"]: row.about["values"] for row in rows if row.kind == "notice" and row.created > since}


def test_a_task_says_once_what_was_missed_at_the_rung_that_is_reached(world: World) -> None:
    unowned = next(task for task in world.tasks() if task.owner is None and world.timers(task.ref).get("response"))
    before = world.task(unowned.ref).level
    since = down(world)
    values = notices(world, since, unowned.ref)
    (said,) = [one for kind, one in values.items() if kind in ("task.reminder", "task.exhausted")]
    assert isinstance(said["missed"], int)
    assert said["missed"] > 0
    assert world.task(unowned.ref).level > before + 1, "not only the next rung"
    assert all(due > world.clock() for due in world.timers(unowned.ref).values())


def test_an_approval_goes_to_whoever_would_have_been_asked_by_now(world: World) -> None:
    asked = world.approval("A1")
    rounds = int(DOWN.total_seconds()) // asked.wait
    assert rounds == 2, "one later than the first: the leading group"
    since = down(world)
    after = world.approval("A1")
    assert (after.rank, after.round) == (2, rounds)
    texts = {text for kind, text in heard(world, since, "A1") if kind == "approval.reminder"}
    assert texts, "who was asked before hears it too"
    assert all(f"第{rounds}次提醒" in text and f"({MISSED},{rounds} 次提醒合为这一次。)" in text for text in texts)
    assert [kind for kind, _ in heard(world, since, "A1")].count("approval.stuck") == 1
    assert world.timers("A1") == {"approval": world.clock() + timedelta(seconds=asked.wait)}


def test_a_report_from_outside_reaches_the_leading_group(world: World) -> None:
    since = down(world)
    ((kind, text),) = heard(world, since, "N1")
    assert kind == "tip.waits"
    assert "【第4次提醒】" in text
    assert f"({MISSED},4 次提醒合为这一次。)" in text
    to = world.database.read(
        lambda tx: {row.recipient for row in tx.exec(select(OutboxRow).where(OutboxRow.ref == "N1")) if row.kind == "notice"}
    )
    assert set(world.plans.organization.groups["lead"].leaders) <= to
    assert world.timers("N1")["decide"] > world.clock()


def test_the_promised_update_is_asked_for_once_with_all_who_would_have_heard(world: World) -> None:
    due = world.timers("I1")["cadence"]
    while world.clock() < due - timedelta(minutes=5):
        world.passes(minutes=min(10, (due - world.clock()).total_seconds() / 60 - 5))
    since = down(world)
    texts = [text for kind, text in heard(world, since, "I1") if kind == "incident.update_due"]
    assert world.incident().silent_rounds == 2
    assert texts, "some read it together with their tasks"
    assert all(text.count("(第 2 次提醒)") == 1 and f"(第 2 次提醒)。({MISSED},2 次提醒合为这一次。)" in text for text in texts)
    assert world.timers("I1")["cadence"] > world.clock()


def test_a_long_night_reaches_everybody_with_the_promised_update(world: World) -> None:
    world.clock.now += timedelta(hours=3)
    world.settle()
    asked = [details for _, verb, details in world.trail("I1") if verb == "update_asked"]
    assert len(asked) == 1
    assert asked[0]["round"] >= 3
    assert asked[0]["missed"] == asked[0]["round"] - 1
    assert set(world.plans.organization.groups["lead"].leaders) <= set(asked[0]["to"])


def test_a_regulators_clock_says_once_how_late_it_is(world: World) -> None:
    clocks = [ref for ref in (f"R{n}" for n in range(1, 9)) if any(due <= world.clock() + DOWN for due in world.timers(ref).values())]
    assert clocks
    since = down(world)
    for ref in clocks:
        spoken = notices(world, since, ref)
        assert len([kind for kind in spoken if kind in ("report.reminder", "report.ask")]) <= 1
        assert any(values.get("missed") for values in spoken.values()) or len(world.trail(ref)) == 2
        assert all(due > world.clock() for due in world.timers(ref).values())


# The outage itself


def outages(world: World) -> list[dict[str, object]]:
    return [details for _, verb, details in world.trail("I1") if verb == "outage"]


def test_the_incident_records_the_outage_and_its_chat_hears_of_it_once(world: World) -> None:
    since = down(world)
    process(world).beat()
    world.settle()
    assert [(one["since"], one["until"]) for one in outages(world)] == [(since.isoformat(), world.clock().isoformat())]
    room = world.room_of("li.na", "集中交易")
    said = [text for text in world.group(room, "li.na") if "引擎停了" in text]
    assert len(said) == 1
    assert "引擎停了 40分(14:00–14:40)" in said[0]
    assert "中断后恢复" in world.says("li.na", "/事件 时间线 I1").text


def test_a_button_of_before_the_outage_still_holds(world: World) -> None:
    touched = world.incident().touched
    down(world)
    assert world.incident().touched == touched


def test_a_short_restart_and_a_replica_that_goes_on_are_no_outage(world: World) -> None:
    process(world).beat()
    world.clock.pass_time(minutes=2)
    process(world).beat()
    other = process(world)
    other.beat()
    for _ in range(40):
        world.clock.pass_time(minutes=1)
        other.beat()
    process(world).beat()
    assert outages(world) == []


def test_a_clock_that_jumps_is_no_outage_while_the_process_goes_on(world: World) -> None:
    running = process(world)
    running.beat()
    for hours in (2, -4, 2):
        world.clock.now += timedelta(hours=hours)
        running.beat()
    assert outages(world) == []


def test_two_replicas_that_come_back_together_say_it_once(world: World) -> None:
    process(world).beat()
    world.clock.now += DOWN
    for one in (process(world), process(world)):
        one.beat()
    assert len(outages(world)) == 1
