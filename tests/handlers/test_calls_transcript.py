"""First by phone, in part, and without news: what `/report filed` asks for, and what it never waits for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ReportRow
from tests.handlers.papers import sheet
from tests.make import START
from tests.world import World, make_world
from workflows.regulator_report import Report, State


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A system failure, graded for both regulators."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    world.says("li.na", "/定级 证监会=较大 网信=较大 阅读=120万")
    yield world
    database.close()


def report(world: World, obligation: str) -> Report:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return next(one for one in rows if one.obligation == obligation)


# The call


def test_the_form_of_a_call_asks_who_took_it_when_and_what_was_said(world: World) -> None:
    ref = report(world, "csrc_first_phone").ref
    _, _, button = world.button("li.na", f"已报 {ref}")
    asked = {field["name"]: (field["label"], field["required"]) for field in button["form"]}
    assert asked == {
        "at": ("报送时间", False),
        "way": ("方式", True),
        "callee": ("受话人", True),
        "points": ("说了什么(要点)", True),
        "receipt": ("回执编号(对方给了才填)", False),
    }
    what = "14:00 集中交易中断,正在切换"
    reply = world.taps("li.na", f"已报 {ref}", at="2026-03-10T14:00", way="电话", callee="王处", points=what, receipt="")
    assert "还没有记" not in reply.text
    (filing,) = report(world, "csrc_first_phone").filed
    assert (filing.at, filing.way, filing.callee, filing.points) == (START, "电话", "王处", "14:00 集中交易中断,正在切换")
    (details,) = [details for _, verb, details in world.trail(ref) if verb == "filed"]
    assert (details["callee"], details["points"]) == ("王处", "14:00 集中交易中断,正在切换")
    assert "王处(李娜 记),要点:14:00 集中交易中断,正在切换" in world.says("li.na", f"/报送 查看 {ref}").text
    room = world.room_of("li.na", "集中交易")
    assert "王处(李娜 记)" in (told := world.says("li.na", f"/报送 查看 {ref}", room).text)
    assert "要点" not in told, "the incident's room reads that it was told, not what was said"


def test_a_written_report_is_not_asked_what_was_said(world: World) -> None:
    _, _, button = world.button("li.na", f"已报 {report(world, 'csrc_first_written').ref}")
    assert [field["name"] for field in button["form"]] == ["at", "way", "receipt"]


def test_a_call_is_recorded_at_once_and_what_is_missing_is_asked_for_then(world: World) -> None:
    ref = report(world, "csrc_first_phone").ref
    reply = world.says("li.na", f"/已报 {ref} 电话 王处")
    assert report(world, "csrc_first_phone").state is State.FILED, "nothing holds up what was told"
    assert f"/报送 要点 {ref}" in reply.text
    assert world.says("xu.jing", f"/报送 要点 {ref} 集中交易中断").error == "access.group"
    assert world.says("li.na", f"/报送 要点 {ref} 集中交易中断,正在切换").error is None
    assert report(world, "csrc_first_phone").filed[0].points == "集中交易中断,正在切换"
    assert world.says("li.na", f"/报送 要点 {ref} 另一种说法").error == "report.no_points", "what was noted stays"


def test_what_was_said_can_be_typed_with_it(world: World) -> None:
    ref = report(world, "csrc_first_phone").ref
    assert "还没有记" not in world.says("li.na", f"/已报 {ref} 电话 受话人=王处 要点:集中交易中断,\n已启动备用中心").text
    (filing,) = report(world, "csrc_first_phone").filed
    assert (filing.callee, filing.receipt, filing.points) == ("王处", "", "集中交易中断,\n已启动备用中心")


def test_a_call_waits_for_no_approval_and_no_signature(world: World) -> None:
    ref = report(world, "csrc_first_phone").ref
    world.says("li.na", "/事件 启动 I1")
    world.says("li.na", f"/报送 不报 {ref} 无 经核对没有影响任何委托和客户")
    assert world.approval("A2").state == "pending"
    assert world.says("li.na", f"/已报 {ref} 电话 王处").error is None
    assert report(world, "csrc_first_phone").state is State.FILED


# Nothing new


def test_no_change_is_one_tap_that_goes_the_way_of_the_last_report(world: World) -> None:
    ref = report(world, "csrc_progress").ref
    with pytest.raises(AssertionError, match="no button"):
        world.button("li.na", f"已报无变化 {ref}")
    assert world.says("li.na", f"/已报 {ref} unchanged=yes").error == "report.way", "nobody knows yet which way it goes"
    world.says("li.na", f"/已报 {report(world, 'csrc_first_phone').ref} 电话 受话人=王处 要点:集中交易中断")
    world.passes(minutes=25)
    before = report(world, "csrc_progress").deadline_at
    assert world.taps("li.na", f"已报无变化 {ref}").error is None
    after = report(world, "csrc_progress")
    (filing,) = after.filed
    assert (filing.way, filing.callee, filing.points, filing.at) == ("电话", "王处", "无变化", world.clock())
    assert (after.issue, after.state, after.deadline_at) == (2, State.DUE, world.clock() + timedelta(minutes=30))
    assert before is not None
    assert world.taps("li.na", f"已报无变化 {ref}").error == "house.stale", "a second tap is not the next round"


def test_only_a_series_knows_no_change(world: World) -> None:
    ref = report(world, "csrc_first_written").ref
    assert world.says("li.na", f"/已报 {ref} 电话 王处 无变化=是").error == "report.no_series"


def test_rounds_go_on_without_news_until_recovery_and_late_ones_climb(world: World) -> None:
    ref = report(world, "csrc_progress").ref
    world.only(ref)
    for _ in range(3):
        world.passes(minutes=30)
        world.says("li.na", f"/已报 {ref} 平台 回执 无变化=是")
    assert report(world, "csrc_progress").issue == 4
    heard = len(world.direct("zhou.heng"))
    world.passes(minutes=65)
    assert any(ref in text and "已超时" in text for text in world.direct("zhou.heng")[heard:]), "late is told to those above"
    world.says("li.na", f"/已报 {ref} 平台 回执")
    assert [details["late"] for _, verb, details in world.trail(ref) if verb == "filed"][-1] is True
    assert world.says("zhou.heng", "/事件 启动 I1").error is None
    assert world.says("li.na", "/事件 恢复 I1").error is None
    assert report(world, "csrc_progress").state is State.FILED


# In part


def test_the_first_two_items_go_ahead_and_the_rest_is_due_on_a_clock_of_its_own(world: World) -> None:
    ref = report(world, "cac_first").ref
    world.says("li.na", f"/报送 查看 {ref}")
    assert world.taps("li.na", f"先报前两项 {ref}").error is None
    assert sheet(world, f"{ref}-1").partial
    world.passes(minutes=40)
    reply = world.says("li.na", f"/已报 {ref} 12387热线 网信-07")
    assert "其余各项请在" in reply.text
    rest = report(world, "cac_first")
    assert (rest.state, rest.issue, rest.completing, rest.filed[0].partial) == (State.DUE, 2, True, True)
    assert rest.deadline_at == world.clock() + timedelta(days=1)
    assert world.timers(ref), "the rest has a clock"
    said = world.says("li.na", f"/报送 查看 {ref}").text
    assert "原文没有数字,为本项目默认时限" in said
    assert "法规原文有数字" not in said, "our figure is not presented as law"
    assert "补报其余各项" in world.says("li.na", "/报送 I1").text
    assert world.says("li.na", f"/报送 起草 {ref} 部分=是").error == "report.rest", "not in part again"
    assert world.says("li.na", f"/已报 {ref} 网信平台 网信-08 部分=是").error == "report.rest"
    assert world.taps("li.na", f"起草 {ref}").error is None
    assert not sheet(world, f"{ref}-2").partial
    world.passes(minutes=30)
    assert world.says("li.na", f"/已报 {ref} 网信平台 网信-08").error is None
    done = report(world, "cac_first")
    assert done.state is State.FILED
    assert [(one.issue, one.partial, one.receipt) for one in done.filed] == [(1, True, "网信-07"), (2, False, "网信-08")]
    assert not world.timers(ref)


def test_what_the_plan_does_not_let_go_ahead_in_part_is_whole(world: World) -> None:
    ref = report(world, "csrc_first_written").ref
    assert world.says("li.na", f"/已报 {ref} 平台 回执 部分=是").error == "report.whole"


def test_the_rest_that_is_late_is_told_above(world: World) -> None:
    ref = report(world, "cac_first").ref
    world.says("li.na", f"/已报 {ref} 12387热线 网信-07 部分=是")
    world.only(ref)
    world.passes(hours=25)
    assert any(ref in text and "补报其余各项" in text and "已超时" in text for text in world.direct("zhou.heng"))
