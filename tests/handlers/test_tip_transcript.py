"""What waits before an incident: reports of colleagues outside the plan, and likely duplicates."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.database import Database
from tests.make import START
from tests.world import World, make_world

GUEST = "guest"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database)
    database.close()


def incidents(world: World) -> list[str]:
    return [line for line in world.says("li.na", "/事件 列表").text.splitlines()[1:] if line]


# Colleagues who are not in the plan


@pytest.mark.parametrize("typed", ["/事件 上报 营业部行情全黑", "/incident open 营业部行情全黑", "营业部行情全黑", "上报 营业部行情全黑"])
def test_a_colleague_outside_the_plan_reports_in_plain_words_and_the_duty_member_gets_a_card(world: World, typed: str) -> None:
    reply = world.says(GUEST, typed)

    assert reply.text == ("已收到,编号 N1。应急办(综合协调组)值班人员会处理,结果会告诉你。情况有变请再发一条;紧急请直接打电话。")
    assert incidents(world) == []
    card = world.card("li.na", "来报 N1")
    assert card["lines"][0][1] == "营业部行情全黑"
    assert card["lines"][1] == ["报告", "预案外同事(console:guest) 14:00"]
    assert [b["label"] for b in card["buttons"]] == ["开事件", "不予处理"]


def test_the_duty_member_opens_it_and_the_colleague_hears_no_more_than_that(world: World) -> None:
    world.says(GUEST, "营业部行情全黑")
    world.passes(minutes=3)

    assert world.taps("li.na", "开事件").text.startswith("已开 I1「营业部行情全黑」")

    incident = world.incident()
    assert (incident.opened_by, incident.reporter, incident.known_at) == ("li.na", "预案外同事(console:guest)", START), "learnt when said"
    assert world.direct(GUEST)[-1] == "你报的 N1「营业部行情全黑」已按突发事件处置,多谢。"
    assert world.timers("N1") == {}
    assert world.card("li.na", "来报 N1")["buttons"] == []
    assert world.taps("li.na", "全部任务").error is None
    assert world.says("li.na", "/来报 开事件 N1").error == "house.move", "once"
    seen = "\n".join(world.direct(GUEST))
    assert "I1" not in seen
    assert "INC-" not in seen
    assert [verb for _, verb, _ in world.trail("N1")] == ["reported", "tip_opened"]


def test_it_is_merged_or_dismissed_with_a_reason(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    world.says(GUEST, "营业部行情全黑")
    assert world.taps("li.na", "并入 I1").text.startswith("N1 已并入 I1「行情中断」")
    assert world.direct(GUEST)[-1] == "你报的 N1「营业部行情全黑」与正在处置的事件是同一件,已并入,多谢。"
    assert "营业部行情全黑" in world.says("li.na", "/事件 时间线 I1").text

    world.says(GUEST, "食堂空调坏了")
    assert world.says("li.na", "/来报 不予处理 N2").error == "tip.reason"
    assert world.taps("li.na", "不予处理", "请找后勤").error is None
    assert world.direct(GUEST)[-1] == "你报的 N2「食堂空调坏了」不作为突发事件处理:请找后勤。情况有变请再报。"
    assert len(incidents(world)) == 1


def test_it_is_never_silent(world: World) -> None:
    world.says(GUEST, "营业部行情全黑")
    world.passes(minutes=5)
    assert any("第1次提醒" in t for t in world.direct("li.na"))
    assert not any("次提醒" in t for t in world.direct("wu.di"))
    world.passes(minutes=10)
    assert any("第2次提醒" in t for t in world.direct("wu.di"))
    world.passes(minutes=10)
    assert any("第3次提醒" in t and "+86 138 0000 0003" in t for t in world.group("g:office", "wu.di"))
    assert any("第3次提醒" in t for t in world.direct("lin.yue"))
    assert world.timers("N1") == {"decide": world.clock() + (world.clock() - START) * 10 / 25}
    assert world.says("wu.di", "/来报").text.splitlines()[1] == "N1 营业部行情全黑 · 预案外同事(console:guest) · 14:00"


def test_a_colleague_sees_nothing_of_the_house(world: World) -> None:
    world.says("li.na", "/事件 上报 行情中断")
    for typed in ("/事件 列表", "/事件 查看 I1", "/任务 列表 I1", "/谁 应急办", "/来报", "/来报 开事件 N1"):
        assert world.says(GUEST, typed).error == "access.member", typed
    assert next(d["command"] for _, verb, d in world.trail("P:console:guest") if verb == "refused") == "incident list"
    shown = world.says(GUEST, "/帮助").text
    assert [line.split(" ")[0] for line in shown.splitlines()[1:]] == ["/事件", "/媒体", "/媒体", "/帮助", "/我是谁"]
    assert "行情" not in shown


def test_five_an_hour(world: World) -> None:
    for number in range(5):
        assert world.says(GUEST, f"第{number}件怪事").error is None
    refused = world.says(GUEST, "第六件怪事")
    assert refused.error == "tip.too_many"
    assert "+86 138 0000 0003" in refused.text
    world.sleeps(minutes=61)
    assert world.says(GUEST, "第七件怪事").error is None


def test_a_member_of_another_group_cannot_decide_it(world: World) -> None:
    world.says(GUEST, "营业部行情全黑")
    assert world.says("zhao.min", "/来报 开事件 N1").error == "tip.who"
    assert world.says("zhao.min", "/来报 不予处理 N1 不用管").error == "access.group"


# Likely duplicates


def opened(world: World) -> None:
    assert world.says("zhao.min", "/事件 上报 类型=系统故障 系统=行情 行情中断").error is None


@pytest.mark.parametrize("given", ["类型=系统故障", "系统=行情", "系统=「行 情」"])
def test_a_like_one_is_offered_first_and_nothing_is_opened(world: World, given: str) -> None:
    opened(world)
    world.passes(minutes=10)

    reply = world.says("ma.chao", f"/事件 上报 {given} 看盘全黑")

    assert reply.text == (
        "先没有开新事件(N1):与下面的事件相近,请选一个。\n· I1 行情中断(14:00 开)\n是同一件点「并入」,不是点「另开新事件」。"
    )
    assert [b["label"] for b in world.card("ma.chao", "来报 N1")["buttons"]] == ["并入 I1", "另开新事件"]
    assert len(incidents(world)) == 1


def test_merged_its_words_join_the_timeline(world: World) -> None:
    opened(world)
    world.says("ma.chao", "/事件 上报 系统=行情 地点=上海 看盘全黑")
    reply = world.taps("ma.chao", "并入 I1")
    assert reply.text == "N1 已并入 I1「行情中断」,原话已记入时间线并发到群里。没有另开事件。"
    assert "I1 又有人报告同一件事:看盘全黑 · 系统:行情 · 地点:上海" in world.group(world.room_of("li.na", "行情"), "li.na")
    assert "看盘全黑" in world.says("li.na", "/事件 时间线 I1").text
    assert len(incidents(world)) == 1
    assert world.says("ma.chao", "/来报 另开 N1").error is not None
    assert world.says("ma.chao", "/来报 开事件 N1").error == "house.move"


def test_another_one_is_opened_when_the_reporter_says_so(world: World) -> None:
    opened(world)
    world.says("ma.chao", "/事件 上报 系统=行情 地点=上海 另一条线路断了")
    assert world.taps("ma.chao", "另开新事件").text.startswith("已开 I2「另一条线路断了」")
    assert (world.incident("I2").opened_by, world.incident("I2").place) == ("ma.chao", "上海")
    assert world.direct("li.na")[-1].count("N1") == 0, "nobody else had to decide"


def test_who_does_not_choose_is_reminded_and_then_the_office_decides(world: World) -> None:
    opened(world)
    world.says("ma.chao", "/事件 上报 系统=行情 看盘全黑")
    world.passes(minutes=5)
    assert any("来报 N1 还没有人处理" in t for t in world.direct("ma.chao"))
    assert world.taps("li.na", "并入 I1").error is None
    assert world.direct("ma.chao")[-1] == "李娜 已把你报的 N1「看盘全黑」并入 I1。"


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("/事件 上报 类型=系统故障 系统=行情 又断了", 31),
        ("/事件 上报 系统=交易 登录不上", 1),
        ("/事件 上报 演练=是 系统=行情 演练", 1),
        ("/事件 上报 说不清", 1),
    ],
)
def test_what_is_not_alike_opens_at_once(world: World, typed: str, minutes: int) -> None:
    opened(world)
    world.sleeps(minutes=minutes)
    assert world.says("ma.chao", typed).text.startswith("已开 I2")


def test_two_who_report_the_same_at_once_see_each_other(database: Database) -> None:
    world = make_world(database)
    typed = "/事件 上报 类型=系统故障 系统=行情 行情中断"
    messages = [world.message(person, typed, world.rooms.direct(person)) for person in ("zhao.min", "ma.chao")]
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(world.road.ask, messages))
    assert sorted((r.ref or "")[0] for r in replies) == ["I", "N"], [r.text for r in replies]


def test_a_restricted_one_is_never_offered_to_who_may_not_see_it(world: World) -> None:
    world.says("guo.ping", "/事件 上报 限制=是 类型=系统故障 系统=行情 内部查证")
    assert world.says("shi.lei", "/事件 列表").text.count("I1") == 1
    assert "I1" not in world.says("fang.qi", "/事件 上报 系统=行情 行情中断").text
