"""From the end to the closing, over a holiday: three closing reports, each with a clock, a paper, a signature and a receipt of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ReportRow
from tests.handlers.papers import content, made, sheet, words
from tests.world import World, make_world
from workflows.regulator_report import Report, State

#: Tuesday, 14:00 in Shanghai; from Thursday on the National Day holiday, until Wednesday; the Saturday after it is worked.
BEFORE_THE_HOLIDAY = datetime(2026, 9, 29, 6, 0, tzinfo=UTC)
THREE = ("csrc_summary", "internal_summary", "cac_summary")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A grave system failure of which everything but the closing reports has been filed, or found not to be required by two people."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, start=BEFORE_THE_HOLIDAY, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    world.says("li.na", "/定级 证监会=较大 网信=较大 阅读=120万 客户=1.2万")
    world.says("li.na", "/事件 事实 影响交易=是")
    world.says("zhou.heng", "/事件 启动")
    world.passes(minutes=1)
    settle_the_first(world)
    yield world
    database.close()


#: As long as compliance has to write where persons shall not be told.
NOTHING = "逐笔核对委托流水、清算文件和访问日志,全部与主用一致,没有任何客户信息离开公司系统,对个人没有危害。"


def settle_the_first(world: World) -> None:
    for obligation, report in reports(world).items():
        if report.state is State.DUE:
            assert world.says("li.na", f"/已报 {report.ref} 电话 值班员 要点:集中交易中断,正在切换").error is None, obligation
        elif report.state is State.TO_DECIDE:
            world.says("guo.ping", f"/报送 不报 {report.ref} 无 {NOTHING}")
            assert world.taps("lin.yue", "同意").error is None


def reports(world: World) -> dict[str, Report]:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return {report.obligation: report for report in rows}


def recovered(world: World) -> None:
    """On the day before the holiday, in the evening."""
    world.only()
    world.passes(hours=27)
    assert world.says("li.na", "/事件 恢复 I1 已切回主用").error is None


def ended(world: World) -> None:
    """On the first day after the holiday."""
    world.only(reports(world)["csrc_summary"].ref)
    world.passes(days=7, hours=16)
    assert world.says("li.na", "/事件 结束 I1").error is None
    assert world.taps("zhou.heng", "同意").error is None


def utc(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def test_three_clocks_from_two_events_by_two_calendars(world: World) -> None:
    recovered(world)
    assert not {"internal_summary", "cac_summary"} & set(reports(world)), "their clock is the end, which has not come"
    ended(world)
    found = reports(world)
    assert {found[one].ref for one in THREE} == {f"R{n}" for n in range(len(found) - 2, len(found) + 1)}
    # 17:00 in Shanghai: 8, 9, 10 (a Saturday that is worked), 12, 13 October; then from the 9th on; 30 days after the 8th is a Saturday
    # that is not worked.
    assert utc(found["csrc_summary"].deadline_at) == "2026-10-13 09:00"
    assert utc(found["internal_summary"].deadline_at) == "2026-10-14 09:00"
    assert utc(found["cac_summary"].deadline_at) == "2026-11-09 09:00"
    assert [found[one].clock for one in THREE] == ["recovered", "ended", "ended"]
    assert [found[one].calendar for one in THREE] == ["working_days", "working_days", "calendar_days"]


def test_each_says_its_basis_whether_that_is_law_and_how_certain(world: World) -> None:
    recovered(world)
    ended(world)
    found = reports(world)
    said = {one: world.says("li.na", f"/报送 查看 {found[one].ref}").text for one in THREE}
    assert "恢复 09-30 17:01,工作日" in said["csrc_summary"]
    assert "本项目默认时限,据二手资料" in said["csrc_summary"], "five days stood in the rules of 2012"
    assert "结束 09:01,自然日" in said["cac_summary"]
    assert "法规原文有数字,依据已核" in said["cac_summary"]
    assert "源文档,依据已核" in said["internal_summary"]
    card = world.card("li.na", "响应")
    assert [value.split(":")[0] for name, value in card["lines"] if name == "总结报告"] == [
        f"{found['csrc_summary'].ref} 证监局事件总结或调查报告",
        f"{found['cac_summary'].ref} 网信部门处置总结报告",
        f"{found['internal_summary'].ref} 事件处理总结报告报公司管理层",
    ], "three lines, never one"


def test_each_is_drafted_signed_and_filed_by_itself_and_closing_asks_for_what_is_left(world: World) -> None:
    recovered(world)
    ended(world)
    world.only(*(reports(world)[one].ref for one in THREE))
    receipts = dict(zip(THREE, ("局 2026-88", "总办收文 318", "网信 2026-07"), strict=True))
    for number, one in enumerate(THREE):
        ref = reports(world)[one].ref
        refused = world.says("li.na", "/事件 归档 I1")
        assert refused.error == "incident.close_missing"
        assert [f"{reports(world)[each].ref} " in refused.text for each in THREE] == [each in THREE[number:] for each in THREE]
        if one == "internal_summary":
            assert world.says("li.na", "/事件 总结 I1").error is None, "the summary is the paper of its own report"
        else:
            world.says("li.na", f"/报送 查看 {ref}")
            world.taps("li.na", f"起草 {ref}")
        assert reports(world)[one].state is State.DRAFTED
        assert world.taps("zhou.heng", f"签发 {ref}").error is None
        signed = words(content(world, f"{ref}-1-signed")).text
        assert "签发人：周衡" in signed
        assert world.taps("li.na", f"已报 {ref}", way="平台", receipt=receipts[one]).error is None
        assert reports(world)[one].state is State.FILED
        assert [state for each, state in states(world) if each != one][number:] == [State.DUE] * (2 - number), "the others are untouched"
    found = reports(world)
    assert {one: found[one].filed[0].receipt for one in THREE} == receipts
    assert {one.form for one in made(world).values()} == set(THREE)
    left = world.says("li.na", "/事件 归档 I1").text
    assert not any(f"{found[each].ref} " in left for each in THREE), "tasks are left, no report"
    summary = {part.title: part for part in sheet(world, f"{found['internal_summary'].ref}-1").parts}["七、报送与时限"]
    assert any("局 2026-88" in row[3].text for row in summary.rows), "the management reads the bureau's receipt"


def states(world: World) -> list[tuple[str, State]]:
    found = reports(world)
    return [(one, found[one].state) for one in THREE]


def test_a_closing_report_that_is_late_is_reminded_of_over_the_days_and_climbs(world: World) -> None:
    recovered(world)
    ref = reports(world)["csrc_summary"].ref
    world.only(ref)
    heard = len(world.direct("zhou.heng"))
    world.passes(days=12)
    assert not any(ref in text for text in world.direct("zhou.heng")[heard:]), "nobody above is bothered before it is due"
    assert any(ref in text and "还没有报" in text for text in world.direct("guo.ping")), "whose duty it is hears of it before"
    world.passes(days=2)
    assert any(ref in text and "已超时" in text for text in world.direct("zhou.heng")[heard:]), "late is told to those above"
    assert "已超时" in world.says("li.na", f"/报送 查看 {ref}").text
    assert "已超时" in world.says("li.na", "/报送 I1").text


def test_the_summary_before_the_end_is_nobodys_to_sign(world: World) -> None:
    world.only()
    assert world.says("li.na", "/事件 总结 I1").error is None
    assert list(made(world)) == ["I1-1"]
