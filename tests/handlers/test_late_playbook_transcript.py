"""What joins late counts from when it joined; clocks that speak at one moment speak as one; a waiver asks what fits the duty."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.tables.queues import DONE, OutboxRow
from storage.tables.records import ReportRow
from tests.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


def report(world: World, duty: str) -> ReportRow:
    return world.database.read(lambda tx: tx.exec(select(ReportRow).where(ReportRow.obligation == duty)).one())


def test_tasks_of_a_playbook_that_joins_late_are_not_late_when_they_are_made(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=网络攻击 核心系统被入侵")
    world.sleeps(hours=3)
    before = {task.ref for task in world.tasks()}
    world.says("li.na", "/事件 预案 加 I1 信息泄露")
    new = [task for task in world.tasks() if task.ref not in before]
    assert new
    assert all(task.due_at is None or task.due_at > world.clock() for task in new)
    assert datetime.fromisoformat(world.incident().joined["data_leak"]) == world.clock()
    assert world.says("li.na", "/任务 列表 I1").error is None


def test_an_incident_that_gets_its_type_late_counts_from_then(world: World) -> None:
    world.says("li.na", "/事件 上报 情况不明")
    world.sleeps(hours=5)
    before = {task.ref for task in world.tasks()}
    world.says("li.na", "/事件 事实 I1 类型=系统故障")
    assert all(task.due_at > world.clock() for task in world.tasks() if task.ref not in before and task.due_at)


def test_reports_of_a_playbook_that_joins_are_handed_to_its_doers(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=舆情 客户称无法下单")
    world.says("li.na", "/事件 事实 I1 影响交易=是")
    assert report(world, "exchange_first").group == "office"
    world.says("li.na", "/事件 预案 加 I1 系统故障")
    handed = report(world, "exchange_first")
    assert handed.group == "business"
    assert [verb for _, verb, _ in world.trail(handed.ref)].count("handed") == 1
    head = world.plans.organization.groups["business"].head
    assert head is not None
    assert any(f"{handed.ref} 交易所首报 现由业务保障组报送" in text for text in world.direct(head))


def test_clocks_that_speak_at_one_moment_are_one_message(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/定级 I1 证监会=较大")
    together = [text for text in world.direct("li.na") if text.startswith("监管时钟 ")]
    assert together, "several became due at once"
    count = int(together[0].split("\n")[0].split()[1])
    assert count > 1
    assert sum("须报" in line or "报 " in line for line in together[0].split("\n")[1:]) == count, "and each is in it"


def test_a_climb_tells_nobody_twice_within_minutes(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/定级 I1 证监会=一般")
    ref = report(world, "csrc_first_phone").ref
    world.passes(minutes=29)  # due after 30: the climb begins ten minutes before
    assert said(world, ref, "li.na") == 2, "at half time and when the climb begins, not at each of its rungs"
    world.passes(minutes=2)
    assert said(world, ref, "li.na") == 3, "and at the deadline"


def said(world: World, ref: str, person: str) -> int:
    """In how many messages a person was reminded of a clock; what stands in their chat of the older ones may be less by now."""
    like = (OutboxRow.ref == ref, OutboxRow.recipient == person, OutboxRow.status == DONE)
    rows = world.database.read(lambda tx: tx.exec(select(OutboxRow).where(*like)).all())
    return len({row.message_id for row in rows if row.about.get("notice") == "report.reminder"})


def test_a_waiver_asks_what_fits_the_duty(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=信息泄露 客户资料疑似外传")
    world.says("li.na", "/事件 事实 I1 涉及个人信息=是")
    ref = report(world, "pi_authority").ref
    world.says("li.na", f"/报送 不报 {ref} 无 核查后确认是测试数据,不含个人信息")
    text = world.approval().text
    assert "· 有无个人信息泄露、篡改或丢失?" in text
    assert "· 有无委托被延误或拒绝?" not in text, "that is what the asker answered; what is to be checked fits the duty"
    assert "提请人答:无" in text


def test_merge_and_false_alarm_still_ask_about_orders(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/事件 误报 I1 无 监控误告警,已核对委托流水")
    assert "有无委托被延误或拒绝?" in world.approval().text


def test_taking_a_late_standing_task_names_no_time_that_has_passed(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.sleeps(hours=9)
    task = next(task for task in world.tasks() if task.standing and task.due_at and task.due_at < world.clock())
    member = world.plans.organization.groups[task.group].everyone[-1]
    text = world.says(member, f"/认领 {task.ref}").text
    assert "这一轮应在" in text
    assert "已超时" in text
    assert "前报第一轮" not in text
