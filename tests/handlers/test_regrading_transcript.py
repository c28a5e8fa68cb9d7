"""Regrading: what goes up holds at once, what goes down takes two people, and figures are asked for until they come."""

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
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel
from workflows.regulator_report import Report, State

HEAVY = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260 \
交易中断=是 有帖=是"
LIGHT = "平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 转发=1 热榜=无 增速=1 负面=10% 投诉=0 有帖=否 交易中断=否"
WHY = "经复核,影响范围小于最初判断"


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield database
    database.close()


@pytest.fixture
def small(sqlite: Database) -> World:
    """A system failure under the plan without duties."""
    world = make_world(sqlite)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    return world


@pytest.fixture
def whole(sqlite: Database) -> World:
    """The same under the whole sample plan."""
    world = make_world(sqlite, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    return world


def reports(world: World) -> dict[str, Report]:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return {report.obligation: report for report in rows}


# Lower CSRC and CAC grades


def test_a_lower_grade_needs_a_reason_and_a_second_person_and_the_clock_runs_meanwhile(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=较大")
    due = reports(whole)["csrc_first_phone"].deadline_at
    assert whole.says("li.na", "/定级 证监会=一般").error == "agreement.reason"

    reply = whole.says("li.na", f"/定级 证监会=一般 理由={WHY}")

    assert reply.text == "已请 郭平、周衡、林岳 确认(A1)。同意前级别和时限不变,时钟照走。"
    text = whole.approval().text
    assert text.startswith("调低级别:证监会事件级别 较大 → 一般。\n")
    assert "同意后时限推后的监管时钟:" in text
    assert "有无委托被延误或拒绝" in text
    assert whole.incident().csrc_grade is EventGrade.LARGER
    assert reports(whole)["csrc_first_phone"].deadline_at == due
    assert any(tuple(line) == ("待批", "A1 调低级别") for line in whole.card("li.na", "响应")["lines"])

    whole.passes(minutes=5)
    whole.taps("guo.ping", "同意")

    after = reports(whole)["csrc_first_phone"]
    assert whole.incident().csrc_grade is EventGrade.GENERAL
    assert (after.deadline_at, after.later_from, after.later_by) == (START + timedelta(minutes=30), due, "guo.ping")
    assert any("时限经两人同意改为" in text for text in whole.direct("li.na"))
    assert whole.gradings()[-1].csrc_grade is EventGrade.GENERAL


def test_what_else_was_measured_counts_at_once(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=较大")
    whole.says("li.na", f"/定级 证监会=一般 阅读=60万 理由={WHY}")
    incident = whole.incident()
    assert (incident.csrc_grade, incident.facts["reads_24h"]) == (EventGrade.LARGER, 600_000)


def test_a_judged_grade_taken_back_ends_the_clock_only_when_two_agree(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=一般")
    ref = reports(whole)["csrc_first_phone"].ref
    whole.says("li.na", f"/定级 证监会=不属网络安全事件 {WHY}")
    assert reports(whole)["csrc_first_phone"].waiver == "A1"
    whole.passes(minutes=12)
    assert any(ref in text for text in whole.direct("li.na")), "it goes on reminding"
    whole.taps("zhou.heng", "同意")
    after = reports(whole)["csrc_first_phone"]
    assert (after.state, after.waived_by, whole.incident().csrc_grade) == (State.NOT_REQUIRED, "zhou.heng", EventGrade.UNCONFIRMED)


def test_unconfirmed_scores_at_once_but_the_clock_runs_until_two_agree(whole: World) -> None:
    ref = reports(whole)["csrc_first_phone"].ref
    reply = whole.says("li.na", "/定级 证监会=不属网络安全事件")
    assert whole.incident().scores["incident_level"] == 1
    assert f"{ref}、" in reply.text
    assert "但须两人同意才能停" in reply.text
    assert reports(whole)["csrc_first_phone"].open
    assert whole.timers(ref)


def test_unconfirmed_with_a_reason_asks_the_second_person_at_once(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=不属网络安全事件 客户端显示问题,未影响任何系统")
    assert whole.approval().kind == "grade_off"
    assert reports(whole)["csrc_first_phone"].open
    whole.taps("guo.ping", "同意")
    assert reports(whole)["csrc_first_phone"].state is State.NOT_REQUIRED


def test_a_returned_lowering_changes_nothing(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=一般")
    before = reports(whole)
    whole.says("li.na", f"/定级 证监会=不属网络安全事件 {WHY}")
    whole.taps("guo.ping", "退回", "委托流水还没有核对")
    assert whole.incident().csrc_grade is EventGrade.GENERAL
    assert {name: (r.state, r.deadline_at, r.waiver) for name, r in reports(whole).items()} == {
        name: (r.state, r.deadline_at, None) for name, r in before.items()
    }


def test_an_answer_to_an_old_question_does_not_take_back_what_is_new(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=较大")
    whole.says("li.na", f"/定级 证监会=一般 理由={WHY}")
    whole.says("li.na", "/定级 证监会=重大")
    assert whole.approval().state == "void"
    assert whole.says("guo.ping", "/同意 A1").error == "house.move"
    assert whole.incident().csrc_grade is EventGrade.MAJOR


# A later time of learning


def test_learnt_earlier_tightens_at_once_and_later_takes_two(whole: World) -> None:
    whole.says("li.na", "/定级 证监会=较大")
    whole.passes(minutes=8)
    assert whole.says("li.na", "/事件 事实 获知=13:58").error is None
    assert reports(whole)["csrc_first_phone"].deadline_at == START + timedelta(minutes=13)
    assert whole.says("li.na", "/事件 事实 获知=14:05").error == "agreement.reason"

    whole.says("li.na", "/事件 事实 获知=14:05 理由=监控记录显示首次告警为14:05")

    assert whole.incident().known_at == START - timedelta(minutes=2)
    assert reports(whole)["csrc_first_phone"].deadline_at == START + timedelta(minutes=13)
    whole.taps("guo.ping", "同意")
    assert whole.incident().known_at == START + timedelta(minutes=5)
    after = reports(whole)["csrc_first_phone"]
    assert (after.deadline_at, after.later_by) == (START + timedelta(minutes=20), "guo.ping")


# Downgrading the opinion level


def test_a_lower_reading_is_kept_and_the_level_stays(small: World) -> None:
    small.says("li.na", f"/定级 {HEAVY}")
    before = small.incident()

    reply = small.says("gao.yuan", f"/定级 I1 {LIGHT}")

    assert "本次读数:轻度,低于现级 严重;读数已留存,级别不变。" in reply.text
    assert "要降级,15:00 以后再 /定级 一次" in reply.text
    incident, (_, kept) = small.incident(), small.gradings()
    assert (incident.opinion_level, incident.opinion_total, incident.response_level) == (
        before.opinion_level,
        before.opinion_total,
        before.response_level,
    )
    assert (kept.level, kept.by) == (OpinionLevel.MILD, "gao.yuan")
    assert [t.due_at for t in small.tasks() if t.live] == [t.due_at for t in small.tasks() if t.live]


def test_two_readings_an_hour_apart_and_a_leader_lower_the_level(small: World) -> None:
    small.says("li.na", f"/定级 {HEAVY}")
    assert small.says("gao.yuan", "/降级 I1 热度已经明显回落,投诉清零").error == "downgrade.none"
    small.says("gao.yuan", f"/定级 I1 {LIGHT}")
    small.passes(minutes=59)
    small.says("gao.yuan", f"/定级 I1 {LIGHT}")
    assert small.says("gao.yuan", "/降级 I1 热度已经明显回落,投诉清零").error == "downgrade.first"
    small.passes(minutes=1)
    assert "两次较低读数已够:可发 /降级 I1 理由" in small.says("gao.yuan", f"/定级 I1 {LIGHT}").text
    assert small.says("li.na", "/降级 I1 热度已经明显回落,投诉清零").error == "access.group", "those who take the figures ask"
    assert small.says("gao.yuan", "/降级 I1 回落").error == "agreement.reason"
    late, live = small.by_code("failure.locate").due_at, {t.ref: t.due_at for t in small.tasks() if t.live}

    asked = small.says("gao.yuan", "/降级 I1 热度已经明显回落,投诉清零")

    assert asked.text == "已请 周衡、林岳 确认(A1)。同意前级别和时限不变,时钟照走。"
    assert "舆情级别由 严重 降为 轻度,响应级别由 二级响应 变为 三级响应。" in small.approval().text
    assert small.incident().response_level is ResponseLevel.L2
    assert {t.ref: t.due_at for t in small.tasks() if t.live} == live
    assert small.says("guo.ping", "/同意 A1").error == "approval.not_named", "a leader, not just a second person"
    small.taps("lin.yue", "同意")

    incident = small.incident()
    assert (incident.opinion_level, incident.response_level) == (OpinionLevel.MILD, ResponseLevel.L3), "the CSRC grade holds it"
    assert incident.opinion_total == small.gradings()[-1].total
    assert small.timers("I1")["cadence"] == small.clock() + timedelta(hours=1)
    assert small.timers("I1")["rescore"] == small.clock() + timedelta(hours=2)
    assert small.by_code("failure.locate").due_at == late, "what has fallen due stays as late as it is"
    assert not [t for t in small.tasks() if t.live and t.due_at and (was := live.get(t.ref)) and t.due_at < was]
    moved = [t for t in small.tasks() if t.live and live.get(t.ref) != t.due_at]
    assert moved, "some dues move later"
    assert all("rescheduled" in [verb for _, verb, _ in small.trail(t.ref)] for t in moved), "and visibly so"
    line = dict(small.card("li.na", "响应")["lines"])["上次定级"]
    assert line == "15:00 林岳:二级响应 → 三级响应;热度已经明显回落,投诉清零"
    line = next(one for one in small.says("li.na", "/事件 时间线 I1").text.splitlines() if " 降级 " in one)
    assert line == "15:00 林岳 降级 I1 舆情 轻度,二级响应 → 三级响应 热度已经明显回落,投诉清零"


def test_a_rise_in_between_makes_the_question_void(small: World) -> None:
    small.says("li.na", f"/定级 {HEAVY}")
    small.says("gao.yuan", f"/定级 I1 {LIGHT}")
    small.passes(minutes=60)
    small.says("gao.yuan", f"/定级 I1 {LIGHT}")
    small.says("gao.yuan", "/降级 I1 热度已经明显回落,投诉清零")
    small.says("li.na", f"/定级 {HEAVY}")
    assert small.approval().state == "pending", "as high as it stands: the question is the same, its ground is gone"
    assert small.says("zhou.heng", "/同意 A1").error == "downgrade.none"
    small.says("li.na", "/定级 聚集=是 阅读=300万 增速=5")
    assert small.approval().state == "void"
    assert small.incident().opinion_level is OpinionLevel.EXTREME


def test_a_provisional_grade_needs_no_downgrade(small: World) -> None:
    assert small.says("gao.yuan", "/降级 I1 级别=轻度 热度已经明显回落,投诉清零").error == "downgrade.provisional"
    assert small.says("gao.yuan", "/降级 I1 级别=四级 热度已经明显回落,投诉清零").error == "downgrade.level"


# An upgrade, and asking for figures again


def test_an_upgrade_says_who_joins_what_is_due_earlier_and_what_is_asked_anew(small: World) -> None:
    small.says("li.na", f"/定级 证监会=一般 {LIGHT}")
    small.says("wu.di", "/事件 启动")
    text = small.says("li.na", f"/定级 {HEAVY}").text
    assert "响应级别:四级响应 → 二级响应" in text
    assert "新增任务:T13(舆情应对小组)" in text
    assert "时限已按新级别重算:" in text
    assert "T6 14:10 前" in text
    assert "待批事项已按新级别重新提请:A2" in text


def test_figures_are_asked_for_until_they_come_and_not_after_the_end(small: World) -> None:
    small.passes(minutes=31)
    asked = [text for text in small.direct("xu.jing") if "级别还是暂定" in text]
    assert len(asked) == 1
    assert not [text for text in small.direct("gao.yuan") if "级别还是暂定" in text]
    small.passes(minutes=30)
    assert [text for text in small.direct("gao.yuan") if "第 2 次" in text], "the second time its leaders hear of it too"

    figures = {"csrc_grade": "较大", "platforms": "6", "media_tier": "national", "reads_24h": "60万", "complaints_1h": "260"}
    assert small.taps("xu.jing", "定级", line=None, **figures).error is None
    assert small.timers("I1")["rescore"] == small.clock() + timedelta(minutes=30)
    small.passes(minutes=31)
    assert any("该重新取数了(第 1 次)" in text for text in small.direct("xu.jing"))

    small.says("li.na", "/事件 启动")
    small.taps("zhou.heng", "同意")
    small.says("li.na", "/事件 结束")
    small.taps("zhou.heng", "同意")
    assert "rescore" not in small.timers("I1")


def test_both_databases_downgrade(database: Database) -> None:
    world = make_world(database)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    world.says("li.na", f"/定级 {HEAVY}")
    for _ in range(2):
        world.says("gao.yuan", f"/定级 I1 {LIGHT}")
        world.sleeps(minutes=60)
    world.says("gao.yuan", "/降级 I1 级别=中度 热度已经明显回落,投诉清零")
    world.taps("zhou.heng", "同意")
    assert world.incident().opinion_level is OpinionLevel.MODERATE
