"""A CSRC grade by the firm's own thresholds: suggested with its working, never set, and nobody's law where none are entered."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.plan.thresholds import THRESHOLDS, as_toml
from tests.world import World, make_world
from workflows.core.rubric import EventGrade
from workflows.core.thresholds import Threshold

#: Figures of nobody's: they only have to differ from those of 2012.
ENTERED = (
    Threshold("core_trading", EventGrade.LARGER, "interruption_minutes", 7, "公司附表", "第1项", "guo.ping", date(2026, 3, 1), True),
    Threshold("core_trading", EventGrade.MAJOR, "interruption_minutes", 41, "公司附表", "第2项", "guo.ping", date(2026, 3, 1), False),
    Threshold("data", EventGrade.MAJOR, "leaked_persons", 77_000, "公司附表", "第9项", "guo.ping", date(2026, 3, 1), True),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = Path(shutil.copytree(SAMPLE_PLAN, tmp_path / "plan"))
    (folder / THRESHOLDS).write_text(as_toml(ENTERED), "utf-8")
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=folder)
    world.says("li.na", "/事件 上报 类型=系统故障 子类=集中交易 系统=集中交易 集中交易中断")
    yield world
    database.close()


def suggested(world: World) -> list[str]:
    return [value for name, value in world.card("li.na", "响应")["lines"] if name == "级别建议"]


def test_what_is_stated_suggests_a_grade_and_sets_none(world: World) -> None:
    assert suggested(world) == []
    world.says("ma.chao", "/事件 事实 I1 中断=8")
    why = "集中交易、网上交易中断 · 较大:累计中断分钟 8 ≥ 7(公司附表 第1项)"
    wanted = f"按本公司录入的门槛,建议证监会级别 较大(仅供研判,不自动定级):{why}。"
    assert suggested(world) == [wanted]
    assert world.incident().csrc_grade is None, "people judge"
    assert wanted in world.says("li.na", "/定级 I1 阅读=10").text
    world.says("li.na", "/定级 I1 证监会=较大")
    assert suggested(world) == [], "judged as suggested"


def test_it_says_which_figure_was_not_compared_and_which_is_missing(world: World) -> None:
    world.says("ma.chao", "/事件 事实 I1 中断=50")
    assert "建议证监会级别 重大" in suggested(world)[0]
    assert "累计中断分钟 50 ≥ 41(公司附表 第2项,未核原文)" in suggested(world)[0]
    text = world.says("li.na", "/定级 I1 证监会=较大").text
    assert "建议证监会级别 重大" in text
    assert world.incident().csrc_grade is EventGrade.LARGER
    world.says("li.na", "/事件 上报 类型=信息泄露 资料外传")
    text = world.says("li.na", "/定级 I2 阅读=10").text
    assert "按本公司录入的门槛,已知的数未达到任何一级;还缺 累计中断分钟、泄露个人信息人数。" in text


def test_minutes_that_nobody_stated_are_worked_out_and_said_to_be(world: World) -> None:
    world.says("li.na", "/事件 事实 I1 发生=13:50")
    world.says("ma.chao", "/事件 事实 I1 影响交易=是")
    assert "累计中断分钟 10(按发生至今推算) ≥ 7" in suggested(world)[0]
    world.clock.now += timedelta(minutes=40)
    assert "累计中断分钟 50(按发生至今推算) ≥ 41" in world.says("li.na", "/定级 I1 阅读=10").text


def test_the_form_where_the_grade_is_picked_says_it(world: World) -> None:
    world.says("ma.chao", "/事件 事实 I1 中断=8")
    form = {field["name"]: field for field in world.button("li.na", "定级")[2]["form"]}
    assert "建议证监会级别 较大" in form["csrc_grade"]["hint"]


def test_without_thresholds_it_says_so_and_never_a_figure_of_2012(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 子类=集中交易 发生=13:20 集中交易中断")
    world.says("ma.chao", "/事件 事实 I1 影响交易=是 中断=31")
    assert suggested(world) == []
    text = world.says("li.na", "/定级 I1 阅读=10").text
    assert "证监会级别门槛未录入,不作建议" in text
    assert "2012" not in text
    hint = next(field["hint"] for field in world.button("li.na", "定级")[2]["form"] if field["name"] == "csrc_grade")
    assert hint == "证监会级别门槛未录入,不作建议:请对照公司手上的附表研判。"
    database.close()
