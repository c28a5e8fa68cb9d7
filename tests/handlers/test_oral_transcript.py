"""A spoken yes: written down by the duty officer, effective at once, signed within a day, loud when it was never given."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from tests.make import START
from tests.world import World, make_world
from workflows.core.approval import State as Asked
from workflows.incident import State

OUTAGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Level 2, 李娜 commands; 孙洁 has asked to start the plan: 周衡 decides."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    assert world.says("li.na", f"/定级 {OUTAGE}").error is None
    assert world.says("sun.jie", "/事件 启动 I1").error is None
    yield world
    database.close()


def heard(world: World) -> None:
    reply = world.says("li.na", "/同意 A1 口头=周衡 电话里说马上启动")
    assert reply.error is None, reply.text


def test_it_takes_effect_at_once_and_says_everywhere_that_it_is_only_spoken(world: World) -> None:
    reply = world.says("li.na", "/同意 A1 口头=周衡 电话里说马上启动")

    digest = world.approval().digest[:8]
    assert reply.text == (
        f"已按 周衡 的口头同意执行 A1:启动预案:INC-20260310-001 行情中断,二级响应。(指纹 {digest})。"
        "口头,待补签:已请 周衡 在 03-11 14:00 前确认。"
    )
    assert world.incident().state is State.ACTIVE
    assert world.approval().state is Asked.ORAL
    lines = dict(world.card("li.na", "响应 INC-20260310-001")["lines"])
    assert lines["口头"] == "A1 启动预案:周衡 口头同意,待补签"
    assert any("已启动预案(周衡(口头,待补签))" in text for text in world.group(world.room_of("li.na", "行情"), "li.na"))
    assert world.direct("sun.jie")[-1] == "A1 启动预案:周衡 口头同意,待补签。电话里说马上启动"
    assert world.card("zhou.heng", "待批 A1")["note"] == "周衡 于 14:00 口头同意,待补签(李娜 记)。电话里说马上启动"
    assert ("li.na", "heard") in [(actor, verb) for actor, verb, _ in world.trail("A1")]


def test_the_leader_signs_with_one_tap(world: World) -> None:
    heard(world)
    card = world.card("zhou.heng", "请补签 A1")
    assert [b["label"] for b in card["buttons"]] == ["确认", "没有同意过"]

    world.passes(minutes=5)
    assert world.taps("zhou.heng", "确认").text.startswith("已补签 A1:启动预案")

    approval = world.approval()
    assert (approval.state, approval.decided_by, approval.heard_by) == (Asked.APPROVED, "zhou.heng", "li.na")
    assert approval.confirmed_at == START + timedelta(minutes=5)
    assert world.timers("A1") == {}
    assert "口头" not in dict(world.card("li.na", "响应 INC-20260310-001")["lines"])
    assert world.direct("li.na")[-1] == "A1 启动预案(INC-20260310-001):周衡 已补签口头同意。"
    assert world.card("zhou.heng", "请补签 A1")["buttons"] == []


def test_a_denial_is_told_to_everybody_concerned_and_stays_on_the_record(world: World) -> None:
    heard(world)

    assert world.taps("zhou.heng", "没有同意过", "我只说再看看").text.startswith("已记下:你没有同意过 A1。")

    loud = "【注意】A1 启动预案(INC-20260310-001 行情中断):李娜 记 周衡 14:00 口头同意并已执行,周衡 否认同意过。我只说再看看"
    for person in ("li.na", "sun.jie", "lin.yue", "zhou.heng"):
        assert any(text.startswith(loud) for text in world.direct(person)), person
    assert any(text.startswith(loud) for text in world.group(world.room_of("li.na", "行情"), "li.na"))
    assert any(text.startswith(loud) for text in world.group("g:office", "wu.di"))
    assert dict(world.card("li.na", "响应 INC-20260310-001")["lines"])["口头"] == "A1 启动预案:周衡 否认口头同意过"
    assert world.approval().state is Asked.DENIED
    assert world.trail("A1")[-1][1] == "denied"
    assert world.timers("A1") == {}


def test_unconfirmed_it_is_reminded_of_climbs_and_reaches_the_control_group_after_a_day(world: World) -> None:
    heard(world)
    world.only("A1")

    world.passes(hours=3)
    assert len([t for t in world.direct("zhou.heng") if "等你补签" in t]) == 1
    assert not [t for t in world.direct("sun.jie") if "还没有补签" in t]
    world.passes(hours=6)
    assert [t for t in world.direct("sun.jie") if "还没有补签" in t]
    assert not [t for t in world.group("g:office", "wu.di") if "仍未补签" in t]
    world.sleeps(hours=16)
    assert len([t for t in world.group("g:office", "wu.di") if "过 24 小时仍未补签" in t and "+86 138 0000 0001" in t]) == 1
    assert world.timers("A1") == {"confirm": world.clock() + timedelta(hours=24)}, "every day until it is settled"
    assert world.approval().state is Asked.ORAL

    world.says("li.na", "/事件 恢复 I1")
    world.says("li.na", "/事件 结束 I1")
    world.says("zhou.heng", "/同意 A2")
    assert "A1 启动预案(口头,待补签,周衡)" in world.says("li.na", "/事件 归档 I1").text
    assert world.says("zhou.heng", "/口头 确认 A1").error is None
    assert "A1 启动预案" not in world.says("li.na", "/事件 归档 I1").text


def test_steps_missed_while_the_house_was_down_are_said_once(world: World) -> None:
    heard(world)
    world.sleeps(hours=21)
    assert len([t for t in world.direct("zhou.heng") if "等你补签" in t]) == 1


@pytest.mark.parametrize(
    ("person", "typed", "error"),
    [
        ("sun.jie", "/同意 A1 口头=周衡 好", "approval.oral_own"),
        ("wu.di", "/同意 A1 口头=周衡 好", "approval.oral_who"),
        ("zhao.min", "/同意 A1 口头=周衡 好", "approval.oral_who"),
        ("li.na", "/同意 A1 口头=林岳 好", "approval.oral_of"),
        ("li.na", "/同意 A1 口头=孙洁 好", "approval.oral_of"),
        ("zhou.heng", "/口头 确认 A1", "house.move"),
    ],
)
def test_who_may_not(world: World, person: str, typed: str, error: str) -> None:
    assert world.says(person, typed).error == error
    assert world.approval().state is Asked.PENDING
    assert world.incident().state is State.OPEN
    assert world.trail(f"P:{person}")[-1][1:] == (
        "refused",
        {"command": "oral confirm" if "确认" in typed else "approve", "reason": error, "refs": ["A1"]},
    )


def test_only_that_leader_settles_it(world: World) -> None:
    heard(world)
    for typed in ("/口头 确认 A1", "/口头 否认 A1 没有"):
        assert world.says("li.na", typed).error == "approval.oral_not_you"
        assert world.says("lin.yue", typed).error == "approval.oral_not_you"
    assert world.approval().state is Asked.ORAL


def test_a_duty_officer_who_asks_is_stood_in_for(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        world = make_world(database)
        world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        world.says("li.na", f"/定级 {OUTAGE}")
        world.says("li.na", "/事件 启动 I1")
        assert world.says("li.na", "/同意 A1 口头=周衡 好").error == "approval.oral_own"
        assert world.says("sun.jie", "/同意 A1 口头=周衡 好").error is None
    finally:
        database.close()
