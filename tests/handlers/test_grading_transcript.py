"""Grading through the chat command: the six reference cases, the working that people read, and what may not be lowered."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.database import Database
from tests.make import START
from tests.world import World, make_world
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel

DATA = Path(__file__).parent.parent / "data/reference_cases.toml"
CASES: list[dict[str, Any]] = tomllib.loads(DATA.read_text(encoding="utf-8"))["case"]

OUTAGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260 \
交易中断=是 有帖=是"
SMALL = "证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database)
    database.close()


@pytest.fixture
def outage(world: World) -> World:
    """A system failure, just opened by its commander."""
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    return world


def typed(world: World, given: Mapping[str, Any], locale: str) -> str:
    """The case as a person would type it: facts and values by name in Chinese, by code in English."""
    specs, parts = world.plans.current.facts.specs, []
    for key, value in given.items():
        spec = specs[key]
        name, word = (key, str(value)) if locale == "en" else (spec.names[0], _said(spec.values, spec.kind, value))
        parts.append(f"{name}={word}")
    return " ".join(parts)


def _said(values: Mapping[str, tuple[str, ...]], kind: str, value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if kind == "choice":
        return values[value][0]
    if kind == "share":
        return f"{value:.0%}"
    return f"{value / 10_000:g}万" if value >= 10_000 else str(value)


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_reference_cases_come_out_as_stated(world: World, case: dict[str, Any], locale: str) -> None:
    world.says("li.na", "/事件 上报 取数演示")
    command = "/事件 定级 I1 " if locale == "zh" else "/incident grade I1 "

    reply = world.says("gao.yuan", command + typed(world, case["given"], locale))

    assert reply.error is None, reply.text
    expected, incident, (kept,) = case["expected"], world.incident(), world.gradings()
    for graded in (incident, kept):
        assert dict(graded.scores) == expected["scores"]
        assert graded.provisional == expected["provisional"]
        assert graded.floor == (expected["floors_hit"] or [None])[0]
        assert graded.csrc_grade == case["given"].get("csrc_grade")
    assert (incident.opinion_total, incident.opinion_level, incident.response_level) == tuple(
        expected[key] for key in ("total", "level", "response")
    )
    assert (kept.total, kept.level, kept.response) == (expected["total"], expected["level"], expected["response"])
    starting = world.plans.current.facts.starting(())
    assert dict(incident.facts) == starting | case["given"], "what was given is kept, in one shape however it was typed"


def test_the_answer_shows_the_whole_working(outage: World) -> None:
    reply = outage.says("gao.yuan", f"/定级 I1 {OUTAGE}")

    assert reply.text.splitlines() == [
        "I1 「行情中断」定级:",
        "· 网络安全事件等级指标 2 分:证监会事件级别 较大 → 2 分",
        "· 舆情影响范围指标 3 分:出现讨论的独立平台数 6 → 3 分、报道的最高媒体层级 全国性财经媒体或门户 → 3 分、已受影响客户数 5万 → 3 分",
        "· 舆情传播指标 3 分:阅读或播放量 60万 → 3 分、转发量 4,000 → 2 分、原发帖文数 2,500 → 3 分、热榜 全国热榜50名外 → 3 分",
        "· 舆情态势指标 3 分:自首帖起小时数 1.5 → 1 分、每小时新增量与上一小时之比 3 → 3 分、负面占比 70% → 3 分、"
        "每小时同类投诉数 260 → 3 分",
        "合计 11 分,对应 严重",
        "舆情级别:严重",
        "证监会级别:较大 · 网信级别:未研判",
        "证监会级别门槛未录入,不作建议:请对照公司手上的附表研判。",
        "响应级别:三级响应 → 二级响应",
        "新增任务:T12(舆情应对小组)、T13(舆情应对小组)、T14(应急办(综合协调组))",
        "时限已按新级别重算:T1 14:05 前、T2 14:15 前、T3 14:15 前、T4 14:15 前、T5 14:15 前、T6 14:10 前、T7 14:15 前、T8 14:10 前、"
        "T9 14:10 前、T10 14:30 前、T11 14:15 前",
    ]
    room = outage.room_of("zhou.heng", "INC")
    assert outage.group(room, "zhou.heng")[-1] == ("I1 由 高原 定级:舆情 严重(11 分),二级响应。任务时限已按新级别重算,请看各自的任务卡。")


def test_a_provisional_grade_says_what_is_missing_and_by_when(outage: World) -> None:
    reply = outage.says("li.na", "/定级 证监会=较大")

    lines = reply.text.splitlines()
    assert "· 舆情传播指标 2 分:拿不到数,先按未知计" in lines
    assert "舆情级别:中度(暂定)" in lines
    assert "响应级别:三级响应(不变)" in lines
    assert lines[-1] == "还缺:舆情影响范围指标、舆情传播指标、舆情态势指标。请在 30 分钟内补数后重新定级。"
    assert outage.by_code("common.first_grading").live, "a provisional grade does not finish the first grading"


def test_a_floor_lifts_and_is_named(outage: World) -> None:
    reply = outage.says("li.na", f"/定级 {SMALL} 聚集=是")

    assert "命中底线:出现线下聚集,抬到 严重" in reply.text
    incident, (kept,) = outage.incident(), outage.gradings()
    assert (incident.opinion_level, incident.floor, kept.floor) == (OpinionLevel.SEVERE, "F8", "F8")
    assert incident.opinion_total == 7, "the floor lifts the level, never the points"


@pytest.mark.parametrize("full", [OUTAGE, SMALL], ids=["heavier", "lighter"])
def test_a_provisional_grade_is_replaced_by_the_first_full_one_in_either_direction_and_dues_follow(outage: World, full: str) -> None:
    before = {task.code: task for task in outage.tasks()}
    outage.passes(minutes=2)

    outage.says("li.na", f"/定级 {full}")

    heavier = full is OUTAGE
    incident = outage.incident()
    assert (incident.response_level, incident.provisional) == (ResponseLevel.L2 if heavier else ResponseLevel.L4, False)
    minutes = {"failure.locate": (10, 30), "failure.switch": (15, 60), "common.evidence": (15, 60), "failure.impact": (30, 120)}
    for code, (heavy, light) in minutes.items():
        after = outage.by_code(code)
        assert after.due_at == START + timedelta(minutes=heavy if heavier else light)
        assert after.due_at != before[code].due_at
        assert min(outage.timers(after.ref).values()) > outage.clock() - timedelta(seconds=1)
    watch = outage.by_code("common.opinion_watch")
    assert (watch.period, watch.due_at) == ((900, START + timedelta(minutes=15)) if heavier else (3600, START + timedelta(hours=1)))
    assert outage.timers("I1")["cadence"] == outage.clock() + timedelta(minutes=30 if heavier else 120)
    assert outage.by_code("common.first_grading").state == "closed", "fulfilled by the full grading"


def test_what_a_lighter_level_does_not_ask_for_is_dropped_and_a_heavier_one_brings_it_back(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=一般")
    assert outage.by_code("common.statement").live

    assert "本级不要求、无人动过的任务已取消:" in outage.says("li.na", f"/定级 {SMALL}").text
    assert outage.by_code("common.statement").state == "cancelled"

    outage.passes(minutes=5)
    outage.says("li.na", f"/定级 {OUTAGE}")
    again = outage.by_code("common.statement")
    assert (again.state, again.due_at) == ("open", START + timedelta(minutes=80))


def test_an_upgrade_pulls_dues_earlier_but_never_makes_the_late_less_late(outage: World) -> None:
    outage.says("li.na", f"/定级 {SMALL}")
    outage.passes(minutes=35)
    late = outage.by_code("failure.locate").due_at
    assert late == START + timedelta(minutes=30)

    outage.says("li.na", f"/定级 {OUTAGE}")

    assert outage.by_code("failure.locate").due_at == late
    assert outage.by_code("failure.switch").due_at == outage.clock(), "due at once, not in the past"


def test_a_full_grade_does_not_become_provisional_again(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=一般 平台=1 阅读=100 聚集=否")
    assert not outage.incident().provisional
    assert outage.says("li.na", "/定级 聚集=待定").text == "已有完整定级,不能再变回暂定;还缺 态势 的数,请补上后再 /定级。"
    assert not outage.incident().provisional


def test_the_four_grades_are_four_things(outage: World) -> None:
    outage.says("li.na", f"/定级 {SMALL} 网信=特别重大")

    incident = outage.incident()
    assert incident.csrc_grade is EventGrade.GENERAL
    assert incident.cac_grade is EventGrade.EXTREME
    assert incident.opinion_level is OpinionLevel.MILD
    assert incident.response_level is ResponseLevel.L4, "the CAC grade does not enter the response level"
    outage.says("li.na", "/定级 证监会=特别重大")
    incident = outage.incident()
    assert (incident.opinion_level, incident.floor, incident.response_level) == (OpinionLevel.SEVERE, "F1", ResponseLevel.L1)
    card = outage.says("li.na", "/事件 查看 I1").card
    assert card is not None
    assert dict(card.lines)["级别"] == "证监会 特别重大 · 网信 特别重大"
    assert dict(card.lines)["舆情"] == "严重 7/16(事件4、范围1、传播1、态势1) 底线:证监会级别为特别重大"


def test_a_score_by_hand_needs_a_reason_and_shows_it(outage: World) -> None:
    assert outage.says("gao.yuan", "/定级 I1 影响范围=3").error == "grade.reason_needed"
    assert outage.says("gao.yuan", "/定级 I1 影响范围=5 理由=试试").error == "error.score"
    assert outage.gradings() == []

    reply = outage.says("gao.yuan", "/定级 I1 影响范围=3 理由=已有三家媒体转载")

    assert "· 舆情影响范围指标 3 分:人工评分,理由:已有三家媒体转载" in reply.text
    assert {name: tuple(given) for name, given in outage.incident().overrides.items()} == {"reach": (3, "已有三家媒体转载")}
    assert dict(outage.gradings()[0].scores)["reach"] == 3


def test_each_grading_is_kept_with_who_when_from_what_and_by_which_rubric(outage: World) -> None:
    outage.says("gao.yuan", "/定级 I1 证监会=较大 阅读=60万")
    outage.passes(minutes=20)
    outage.says("li.na", f"/定级 I1 {OUTAGE}")

    first, second = outage.gradings()
    assert (first.by, first.at, first.provisional) == ("gao.yuan", START, True)
    starting = outage.plans.current.facts.starting(["system_failure"])
    assert dict(first.facts) == starting | {"csrc_grade": "larger", "reads_24h": 600_000}
    assert (second.by, second.at, second.provisional, second.total) == ("li.na", START + timedelta(minutes=20), False, 11)
    assert dict(second.facts)["negative_share"] == 0.7
    assert {first.rubric, second.rubric} == {"opinion-grade-default v1"}
    assert outage.incident().graded_at == START, "the moment of the first grading by a person"
    assert [verb for _, verb, _ in outage.trail("I1") if verb == "graded"] == ["graded", "graded"]


def test_who_may_not_grade_is_told_who_may(outage: World) -> None:
    assert (
        outage.says("ma.chao", "/定级 I1 阅读=1万").text
        == "这一步由 应急办(综合协调组)、舆情应对小组 来做;请联系他们(发 /谁 加组名 可查电话)。"
    )
    assert outage.gradings() == []


def test_a_mistyped_figure_changes_nothing_and_says_how_to_write_it(outage: World) -> None:
    reply = outage.says("li.na", "/定级 阅读=很多")
    assert "「很多」不是数" in reply.text
    assert reply.usage.startswith("用法:/事件 定级")
    assert "是不是想说「阅读" in outage.says("li.na", "/定级 阅渎=120万").text
    assert outage.gradings() == []
