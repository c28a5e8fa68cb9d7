"""Merged and false alarms: two people, a reason and an answer, clocks that run until then, and nothing of it lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ReportRow
from tests.make import START
from tests.world import World, make_world
from workflows.core.rubric import EventGrade
from workflows.incident import State
from workflows.regulator_report import Report
from workflows.task import State as Doing


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def alarm(world: World) -> World:
    """A system failure, just opened by its commander."""
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易告警")
    return world


@pytest.fixture
def twins(alarm: World) -> World:
    """The same failure opened again ten minutes later, by somebody who learnt of it earlier."""
    alarm.passes(minutes=10)
    alarm.says("wu.di", "/事件 上报 类型=系统故障 获知=13:50 委托报错")
    alarm.says("wu.di", "/来报 开事件 N1")  # offered for merging, and opened all the same
    return alarm


def reports(world: World, incident: str = "I1") -> list[Report]:
    statement = select(ReportRow).where(ReportRow.incident == incident)
    return world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(statement)])


def code(world: World, incident: str, name: str) -> str:
    return next(t.ref for t in world.tasks() if t.incident == incident and t.code == name)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("/事件 误报 I1 监控误告警,已核对委托流水", "incident.delayed_unanswered"),
        ("/事件 误报 I1", "error.missing"),
        ("/事件 误报 I1 无 误报", "agreement.reason"),
        ("/事件 合并 I1 无 两人上报的是同一故障", "incident.merge_into"),
        ("/事件 合并 I1 到 I1 无 两人上报的是同一故障", "incident.merge_itself"),
        ("/事件 合并 I1 到 I9 无 两人上报的是同一故障", "house.not_found"),
        ("／事件　合并　Ｉ１　到　Ｉ９　无　两人上报的是同一故障", "house.not_found"),
    ],
)
def test_nobody_leaves_without_the_answer_the_reason_and_the_target(alarm: World, text: str, error: str) -> None:
    before = alarm.incident()
    assert alarm.says("li.na", text).error == error
    assert alarm.incident() == before


@pytest.mark.parametrize(
    "text",
    [
        "/事件 误报 I1 无 监控误告警,已核对委托流水",
        "/事件 误报 I1 延误=否 监控误告警,已核对委托流水",
        "/incident false-alarm I1 delayed=no 监控误告警,已核对委托流水",
        "/incident false-alarm I1 no: 监控误告警,已核对委托流水",
        "／事件　误报　Ｉ１　无　监控误告警,已核对委托流水",
        "／事件　误报　Ｉ１：延误＝否　监控误告警,已核对委托流水",
    ],
)
def test_a_false_alarm_waits_for_the_second_person_and_its_clocks_run(alarm: World, text: str) -> None:
    running = [report for report in reports(alarm) if report.open]
    reply = alarm.says("li.na", text)
    assert reply.error is None, reply.text
    assert "提请人答:无" in alarm.approval().text
    assert all(report.ref in alarm.approval().text for report in running)
    assert alarm.incident().state is State.OPEN
    assert all(alarm.timers(report.ref) for report in running)
    assert ("待批", "A1 认定为误报") in [tuple(line) for line in alarm.card("li.na", "响应")["lines"]]
    assert alarm.says("li.na", "/同意 A1").error in ("approval.own", "approval.not_named")

    alarm.taps("guo.ping", "同意")

    assert alarm.incident().state is State.FALSE_ALARM
    assert {(report.state, report.waiver_by, report.waived_by) for report in reports(alarm)} == {("not_required", "li.na", "guo.ping")}


def test_a_false_alarm_goes_quiet_and_says_why(alarm: World) -> None:
    alarm.says("li.na", "/事件 启动")
    alarm.says("ma.chao", f"/认领 {code(alarm, 'I1', 'failure.locate')}")
    alarm.taps("li.na", "误报", "无 故障,有12户委托慢了4分钟,但系统无故障", delayed="有")
    assert "提请人答:有" in alarm.approval("A2" if alarm.trail("A2") else "A1").text
    alarm.taps("guo.ping", "同意")
    assert {task.state for task in alarm.tasks()} == {Doing.CANCELLED}
    assert all(not alarm.timers(ref) for ref in ("I1", *(t.ref for t in alarm.tasks()), *(r.ref for r in reports(alarm))))
    heard = len(alarm.direct("ma.chao"))
    alarm.passes(hours=6)
    assert len(alarm.direct("ma.chao")) == heard, "nobody hears of it any more"
    card = alarm.says("li.na", "/事件 查看 I1").card
    assert card is not None
    assert card.lines[-1] == ("误报", "李娜 提请、郭平 同意;有无委托被延误或拒绝:是;理由:无 故障,有12户委托慢了4分钟,但系统无故障")
    assert [button.label for button in card.buttons] == ["全部任务", "时间线"]
    assert "认定误报" in alarm.says("li.na", "/事件 时间线 I1").text
    assert alarm.says("li.na", "/事件 进展 I1 再看看").error == "house.move"
    assert "未归档的事件 0 起" in alarm.says("li.na", "/事件 列表").text


def test_a_returned_door_changes_nothing(alarm: World) -> None:
    alarm.says("li.na", "/事件 误报 无 监控误告警,已核对委托流水")
    alarm.taps("guo.ping", "退回", "还有两个营业部未核对")
    assert alarm.incident().state is State.OPEN
    assert {report.waiver for report in reports(alarm)} == {None}
    assert all(alarm.timers(report.ref) for report in reports(alarm) if report.open)
    assert alarm.says("li.na", "/事件 误报 无 各营业部均已核对,无影响").error is None


def test_a_clock_that_came_after_the_question_is_not_agreed_away(alarm: World) -> None:
    alarm.says("li.na", "/事件 误报 无 监控误告警,已核对委托流水")
    alarm.says("li.na", "/事件 事实 原因=监控探针")  # the cause is known: a clock that counts from `confirmed` starts
    new = [r.ref for r in reports(alarm) if r.open and r.ref not in alarm.approval().text]
    assert new
    reply = alarm.says("guo.ping", "/同意 A1")
    assert reply.error == "incident.move_changed"
    assert new[0] in reply.text
    assert alarm.incident().state is State.OPEN


def test_merged_by_two_people_and_no_clock_becomes_later(twins: World) -> None:
    before = {r.obligation: r.deadline_at for r in reports(twins, "I1")}
    twins.says("wu.di", "/定级 I2 证监会=较大")
    reply = twins.says("wu.di", "/incident merge I2 into I1 no 两人上报的是同一故障")
    assert reply.error is None, reply.text
    assert twins.incident("I2").state is State.OPEN
    twins.taps("guo.ping", "同意")

    merged, into = twins.incident("I2"), twins.incident("I1")
    assert (merged.state, merged.merged_into, into.absorbed) == (State.MERGED, "I1", ("I2",))
    assert into.known_at == START - timedelta(minutes=10), "the earlier of the two"
    assert into.csrc_grade is EventGrade.LARGER, "what was judged of the one holds for the other"
    after = {r.obligation: r.deadline_at for r in reports(twins, "I1")}
    assert [name for name, due in before.items() if due and not ((now := after[name]) and now <= due)] == []
    assert after["csrc_first_phone"] == START + timedelta(minutes=5)
    assert {(r.state, r.waived_by) for r in reports(twins, "I2")} == {("not_required", "guo.ping")}
    assert not twins.timers("I2")
    assert "并入事件 I1 I2" in twins.says("li.na", "/事件 时间线 I1").text
    card = twins.says("li.na", "/事件 查看 I1").card
    assert card is not None
    assert ("已并入本事件", "I2") in card.lines


def test_work_in_hand_goes_on_in_the_other_one(twins: World) -> None:
    ours, theirs = code(twins, "I2", "failure.locate"), code(twins, "I1", "failure.locate")
    twins.says("ma.chao", f"/认领 {ours}")
    own = twins.says("wang.qiang", "/任务 新增 I2 小组=tech 更换光模块").ref
    twins.says("zhao.min", f"/认领 {own}")
    twins.says("wu.di", "/事件 合并 I2 到 I1 无 两人上报的是同一故障")
    twins.taps("guo.ping", "同意")

    assert (twins.task(theirs).state, twins.task(theirs).owner) == (Doing.CLAIMED, "ma.chao"), "nobody had it there"
    taken = next(t for t in twins.tasks() if t.incident == "I1" and t.title == "更换光模块")
    assert (taken.state, taken.owner) == (Doing.CLAIMED, "zhao.min")
    assert {t.state for t in twins.tasks() if t.incident == "I2"} == {Doing.CANCELLED}
    assert any(f"{ours}→{theirs}" in text for text in twins.direct("ma.chao")), "whoever had work in hand is told where it goes on"
    assert f"接续 {taken.ref}" in twins.says("zhao.min", "/事件 时间线 I2").text


def test_what_is_said_of_the_other_one_reaches_both_chats(twins: World) -> None:
    room = twins.room_of("wu.di", "委托报错")
    twins.says("wu.di", "/事件 合并 I2 到 I1 无 两人上报的是同一故障")
    twins.taps("guo.ping", "同意")
    twins.says("li.na", "/事件 进展 I1 已切换备用链路")
    assert any("已切换备用链路" in text for text in twins.group(room, "wu.di"))
    assert twins.says("wu.di", "/事件 进展 备用链路稳定", room).ref == "I1", "the chat belongs to the one that goes on"


def test_a_leak_merged_into_a_failure_brings_its_tasks_and_duties(alarm: World) -> None:
    alarm.says("wu.di", "/事件 上报 类型=信息泄露 客户信息在论坛出售")
    alarm.says("wu.di", "/事件 合并 I2 到 I1 无 泄露与故障是同一次攻击")
    alarm.taps("guo.ping", "同意")
    assert alarm.incident("I1").playbooks == ("common", "system_failure", "data_leak")
    due = {r.obligation: r.state for r in reports(alarm, "I1")}
    assert due["pi_authority"] == "due"
    assert any(t.incident == "I1" and t.code.startswith("leak.") for t in alarm.tasks())


def test_a_drill_is_not_merged_into_the_real_thing(alarm: World) -> None:
    alarm.says("wu.di", "/事件 上报 演练=是 类型=系统故障 行情中断演习")
    assert alarm.says("wu.di", "/事件 合并 I2 到 I1 无 两人上报的是同一故障").error == "incident.merge_drill"


def test_both_databases_merge(database: Database) -> None:
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 集中交易告警")
    world.says("wu.di", "/事件 上报 类型=系统故障 委托报错")
    world.says("wu.di", "/来报 开事件 N1")
    world.says("wu.di", "/事件 合并 I2 到 I1 无 两人上报的是同一故障")
    world.taps("zhou.heng", "同意")
    assert (world.incident("I2").state, world.incident("I1").absorbed) == (State.MERGED, ("I2",))
