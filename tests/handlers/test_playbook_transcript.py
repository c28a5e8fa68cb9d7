"""A second type's tasks join, or another type leads: what comes, what goes, what stays, and that no regulator clock ends by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ReportRow
from tests.world import World, make_world
from workflows.regulator_report import Report
from workflows.task import State


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    made = make_world(database, plan=SAMPLE_PLAN)
    made.says("li.na", "/事件 上报 类型=网络攻击 系统=网上交易 发现勒索信")
    yield made
    database.close()


def reports(world: World) -> dict[str, Report]:
    """Obligation to its report."""
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return {report.obligation: report for report in rows}


def codes(world: World, head: str) -> dict[str, State]:
    return {task.code: task.state for task in world.tasks() if task.code.startswith(head)}


def test_an_attack_that_also_leaks(world: World) -> None:
    assert not codes(world, "leak.")
    assert "pi_individuals" not in reports(world) or reports(world)["pi_individuals"].state.value == "to_decide"
    reply = world.says("li.na", "/事件 预案 加 信息泄露")
    assert reply.text.startswith("I1 已加上「信息泄露」预案。\n新增任务:")
    assert "监管时钟有变:" in reply.text
    assert codes(world, "leak.")
    assert codes(world, "attack."), "the first type's tasks stay"
    assert world.incident().playbooks == ("common", "cyber_attack", "data_leak")
    assert world.incident().facts["pi_incident"] is True, "the tighter default of the two types"
    assert reports(world)["pi_individuals"].state.value == "due"
    assert dict(world.card("li.na", "三级响应")["lines"])["类型"] == "网络攻击、信息泄露"
    room = world.room_of("li.na", "INC-")
    assert any("加上了「信息泄露」预案(李娜)" in text for text in world.group(room, "li.na"))
    assert world.says("li.na", "/事件 预案 加 信息泄露").text == "I1 已含「信息泄露」预案,不用再加。"


def test_it_is_done_by_a_button_too_and_by_the_office_only(world: World) -> None:
    assert world.says("ma.chao", "/事件 预案 加 信息泄露").error == "access.group"
    assert world.taps("li.na", "加预案", type="data_leak").error is None
    assert "data_leak" in world.incident().playbooks


def test_a_typed_incident_points_to_the_right_command(world: World) -> None:
    reply = world.says("li.na", "/事件 事实 类型=信息泄露")
    assert reply.error == "incident.type_stands"
    assert "/事件 预案 加 I1" in reply.text
    assert "/事件 预案 主 I1" in reply.text


def test_defaults_of_a_type_never_overwrite_what_people_said(world: World) -> None:
    world.says("li.na", "/事件 事实 涉及个人信息=待定")
    world.says("li.na", "/事件 预案 加 信息泄露")
    assert world.incident().facts["pi_incident"] is None
    assert reports(world)["pi_individuals"].state.value == "to_decide"


def test_another_main_type_cancels_only_what_nobody_touched(world: World) -> None:
    claimed, released = world.by_code("attack.isolate").ref, world.by_code("attack.rebuild").ref
    world.says("he.lei", f"/认领 {claimed}")
    world.says("zhao.min", f"/认领 {released}")
    world.says("zhao.min", f"/放手 {released} 换班")
    world.says("li.na", "/事件 事实 涉嫌犯罪=是")
    reply = world.says("li.na", "/事件 预案 主 系统故障")
    assert reply.text.startswith("I1 的类型现为「系统故障」。")
    after = codes(world, "attack.")
    assert after.pop("attack.isolate") is State.CLAIMED
    assert after.pop("attack.rebuild") is State.OPEN, "somebody had it in hand"
    assert set(after.values()) == {State.CANCELLED}
    assert codes(world, "failure.")
    assert all(state is not State.CANCELLED for state in codes(world, "common.").values())
    assert world.incident().playbooks == ("common", "system_failure")
    assert ("li.na", "retyped") in [(actor, verb) for actor, verb, _ in world.trail("I1")]


def test_a_task_that_a_remaining_playbook_asks_for_stays_and_comes_back_with_its_type(world: World) -> None:
    world.says("li.na", "/事件 事实 涉嫌犯罪=是")
    world.says("li.na", "/事件 预案 加 系统故障")
    made = len(world.tasks())
    world.says("li.na", "/事件 预案 主 系统故障")
    assert all(state is State.OPEN for state in codes(world, "failure.").values())
    assert {world.by_code("attack.isolate").state} == {State.CANCELLED}
    world.says("li.na", "/事件 预案 加 网络攻击")
    assert world.by_code("attack.isolate").state is State.OPEN
    assert len(world.tasks()) == made, "the same tasks again, not second ones"


def test_no_regulator_clock_ends_by_a_change_of_type_alone(world: World) -> None:
    police = reports(world)["police"]
    assert (police.state.value, world.incident().facts["suspected_crime"]) == ("due", True), "an attack is a crime until shown otherwise"
    assert world.says("li.na", "/事件 预案 主 系统故障").error == "agreement.reason"
    reply = world.says("li.na", "/事件 预案 主 系统故障 勒索信是内部演练材料,实为磁盘故障")
    assert "A1" in reply.text
    assert world.incident().type == "cyber_attack", "nothing has changed before the second person agrees"
    assert world.timers(police.ref)
    assert "类型改为「系统故障」" in world.approval().text
    assert "· 有无入侵、勒索、诈骗或内部人作案的迹象?" in world.approval().text
    assert world.says("li.na", "/同意 A1").error in ("approval.own", "approval.not_named")
    world.taps("guo.ping", "同意")
    assert world.incident().type == "system_failure"
    assert reports(world)["police"].state.value == "not_required"
    assert reports(world)["police"].waived_by == "guo.ping"
    assert world.by_code("attack.isolate").state is State.CANCELLED


def test_a_change_of_type_that_is_returned_changes_nothing(world: World) -> None:
    world.says("li.na", "/事件 预案 主 系统故障 勒索信是内部演练材料,实为磁盘故障")
    world.taps("guo.ping", "退回", "来源还没有查清")
    assert world.incident().type == "cyber_attack"
    assert reports(world)["police"].open
    assert world.timers(reports(world)["police"].ref)


def test_an_incident_without_a_type_gets_one_by_either_way(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'bare.db'}")
    bare = make_world(database, plan=SAMPLE_PLAN)
    bare.says("li.na", "/事件 上报 网上有人卖客户名单")
    bare.says("li.na", "/incident playbook main data_leak")
    assert (bare.incident().type, bare.incident().facts["pi_incident"]) == ("data_leak", True)
    exchange = reports(bare)["exchange_first"]
    assert "affects_trading" not in bare.incident().facts, "a default stops no clock that runs already: it stays to be decided"
    assert exchange.state.value == "to_decide"
    assert bare.timers(exchange.ref)
    database.close()
