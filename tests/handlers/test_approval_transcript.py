"""Approvals: one card, one tap; who is asked, who may answer, and what happens while nobody does."""

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
SMALL = "证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
MIDDLE = "证监会=较大 平台=3 阅读=2万 投诉=30"
WORST = "证监会=特别重大 平台=9 媒体=央媒 客户=50万 阅读=500万 发帖=9000 热榜=前50 首帖=26 增速=2 负面=90% 投诉=900"


def opened(database: Database, grades: str) -> World:
    world = make_world(database)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    assert world.says("li.na", f"/定级 {grades}").error is None
    return world


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield database
    database.close()


@pytest.fixture
def world(sqlite: Database) -> World:
    """Level 2; the commander has asked to start the plan: the head of the leading group decides."""
    world = opened(sqlite, OUTAGE)
    assert world.says("li.na", "/事件 启动 请尽快").text == "已请 周衡 审批(A1)。批准前紧急任务照常进行。"
    return world


# Who may start the plan alone, by level


@pytest.mark.parametrize(
    ("grades", "person", "alone"),
    [
        (SMALL, "li.na", True),
        (SMALL, "sun.jie", False),
        (MIDDLE, "li.na", False),
        (MIDDLE, "lin.yue", True),
        (MIDDLE, "zhou.heng", True),
        (OUTAGE, "lin.yue", False),
        (OUTAGE, "zhou.heng", True),
        (WORST, "li.na", False),
        (WORST, "zhou.heng", True),
    ],
    ids=["l4 commander", "l4 other", "l3 commander", "l3 deputy", "l3 head", "l2 deputy", "l2 head", "l1 commander", "l1 head"],
)
def test_who_may_start_the_plan_alone(sqlite: Database, grades: str, person: str, alone: bool) -> None:
    world = opened(sqlite, grades)

    reply = world.says(person, "/事件 启动 I1")

    assert ("已启动预案" in reply.text) == alone, reply.text
    assert world.incident().state is (State.ACTIVE if alone else State.OPEN)
    assert (world.incident().approved_at is not None) == alone
    if not alone:
        assert world.approval().asked_by == person


@pytest.mark.parametrize(
    ("grades", "asker", "asked"),
    [(SMALL, "sun.jie", "li.na"), (MIDDLE, "li.na", "lin.yue"), (OUTAGE, "li.na", "zhou.heng"), (WORST, "li.na", "zhou.heng")],
    ids=["l4", "l3", "l2", "l1"],
)
def test_who_is_asked_approves_with_one_tap(sqlite: Database, grades: str, asker: str, asked: str) -> None:
    world = opened(sqlite, grades)
    world.says(asker, "/事件 启动 I1")

    reply = world.taps(asked, "同意")

    assert reply.text.startswith("已同意 A1:启动预案:INC-20260310-001 行情中断,")
    assert world.incident().state is State.ACTIVE
    approval = world.approval()
    assert (approval.state, approval.decided_by, approval.decided_at) == (Asked.APPROVED, asked, START)
    assert world.timers("A1") == {}


# The card


def test_the_card_shows_exactly_what_is_approved_and_then_by_whom(world: World) -> None:
    card = world.card("zhou.heng", "待批 A1")
    assert card["title"] == "待批 A1 · 启动预案"
    digest = world.approval().digest[:8]
    assert [tuple(line) for line in card["lines"]] == [
        ("", "启动预案:INC-20260310-001 行情中断,二级响应。\n请尽快"),
        ("提请", "李娜 14:00"),
        ("指纹", digest),
        ("审批人", "周衡"),
    ]
    assert card["note"] == "也可回复:/同意 A1 或 /退回 A1 理由"
    assert [b["label"] for b in card["buttons"]] == ["同意", "退回", "15 分钟后再问", "转交副职"]
    assert world.direct("zhou.heng")[-1] == "【待批】A1 启动预案:INC-20260310-001 行情中断\n同意:/同意 A1\n退回:/退回 A1 理由"

    assert (
        world.says("zhou.heng", "/同意 A1 同意,注意留痕").text == f"已同意 A1:启动预案:INC-20260310-001 行情中断,二级响应。(指纹 {digest})"
    )

    assert not [text for text in world.direct("zhou.heng") if "/同意 A1" in text], "its words without a card ask no more either"
    card = world.card("zhou.heng", "待批 A1")
    assert card["note"] == "已由 周衡 于 14:00 同意 同意,注意留痕"
    assert card["buttons"] == []
    assert world.direct("li.na")[-1] == "A1 启动预案:周衡 已同意。同意,注意留痕"
    assert world.group(world.room_of("li.na", "INC"), "li.na")[-1] == "I1 已启动预案(周衡)。二级响应"
    assert [verb for _, verb, _ in world.trail("A1")] == ["asked", "approved"]


def test_nobody_approves_their_own_and_nobody_who_is_not_named(world: World) -> None:
    assert world.says("li.na", "/同意 A1").text == "自己提请的不能自己批,已在等其他审批人;急的话请直接打电话给他们。"
    assert world.says("lin.yue", "/同意 A1").text == "这件事由 周衡 审批;请转告。"
    assert world.says("ma.chao", "/退回 A1 不行").text == "这件事由 周衡 审批;请转告。"
    assert world.incident().state is State.OPEN
    assert [details["reason"] for _, _, details in world.trail("P:li.na")] == ["approval.own"]
    assert [details for _, _, details in world.trail("P:ma.chao")] == [
        {"command": "return", "reason": "approval.not_named", "refs": ["A1"]}
    ]


def test_one_question_is_asked_once(world: World) -> None:
    assert world.says("sun.jie", "/事件 启动 I1").text == "A1 已在审批中,不必重复提请;急的话请打电话催审批人。"


def test_return_needs_a_reason_which_the_asker_reads(world: World) -> None:
    assert world.says("zhou.heng", "/退回 A1").text == "退回要写理由,例如:/退回 A1 范围还没核实。"
    assert world.taps("zhou.heng", "退回", "先核实影响范围").text == "已退回 A1,理由已告知 李娜。"
    assert world.direct("li.na")[-1] == "A1 启动预案:周衡 已退回,理由:先核实影响范围"
    assert (world.incident().state, world.approval().state) == (State.OPEN, Asked.RETURNED)
    assert world.says("li.na", "/事件 启动 已核实").error is None, "and may be asked again"
    assert world.approval("A2").state is Asked.PENDING


def test_a_second_tap_says_who_was_faster(world: World) -> None:
    chat, message, button = world.button("zhou.heng", "同意")
    world.taps("zhou.heng", "同意")
    event = world.message("zhou.heng", button["command"], chat, kind="click", version=button["version"], reply_to=message)
    reply = world.road.ask(event)
    assert reply.text == "已由 周衡 于 14:00 同意,这个按钮已过时;请看最新的卡片。"
    assert reply.card is not None
    assert reply.card.buttons == ()


def test_a_bare_word_is_never_an_approval(world: World) -> None:
    card = next(line for line in reversed(world.lines("dm:zhou.heng", "zhou.heng")) if line.text.startswith("【待批】"))
    world.says("zhou.heng", "好的 同意", reply_to=card.id)
    assert world.approval().state is Asked.PENDING


# Deputy, estimate, silence


def test_delegate_to_the_deputy_only(world: World) -> None:
    assert world.says("zhou.heng", "/转交 A1 郭平").text == "只能转交给预案指定的副职:林岳。"
    assert world.says("lin.yue", "/转交 A1").text == "这件事由 周衡 审批;请转告。"
    assert world.taps("zhou.heng", "转交副职").text == "A1 已转交 林岳。"
    assert world.taps("lin.yue", "同意").error is None
    assert world.approval().decided_by == "lin.yue"


def test_who_has_no_deputy_is_told_so(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    world.says("li.na", "/事件 启动")
    assert world.says("lin.yue", "/转交 A1").text == "预案没有给你指定副职,不能转交;请同意、退回,或点「15 分钟后再问」。"


def test_later_is_the_reviewers_estimate(world: World) -> None:
    assert world.taps("zhou.heng", "15 分钟后再问").text == "好,14:15 再问你(A1)。"
    assert world.direct("li.na")[-1] == "A1:周衡 预计 14:15 前答复。"
    assert world.timers("A1") == {"approval": START + timedelta(minutes=15)}
    assert world.says("zhou.heng", "/稍后 A1 3小时").text == "最多推后 2 小时;请写短一些,例如:/稍后 A1 30分钟。"
    world.passes(minutes=14)
    assert not [text for text in world.direct("zhou.heng") if "提醒】A1" in text]
    world.passes(minutes=2)
    assert [text for text in world.direct("zhou.heng") if "提醒】A1" in text]


def test_silence_asks_the_deputy_then_the_leading_group_and_the_control_group_with_phones(world: World) -> None:
    world.passes(minutes=9, seconds=30)
    assert not [text for text in world.direct("lin.yue") if "A1" in text]

    world.passes(seconds=30)

    assert world.direct("zhou.heng")[-1] == (
        "【第1次提醒】A1 启动预案 还等你批:INC-20260310-001 行情中断。李娜 14:00 提请。若仍未批,14:20 再请领导小组审批。"
    )
    (asked,) = [text for text in world.direct("lin.yue") if "A1" in text]
    assert asked.startswith("【待批】A1 启动预案"), "the deputy gets the card, once"
    assert ["审批人", "周衡、林岳"] in world.card("lin.yue", "待批 A1")["lines"]

    world.passes(minutes=10)

    assert "A1 启动预案 一直未批(INC-20260310-001 行情中断,14:00 提请)。请马上打电话:周衡 +86 138 0000 0001、林岳 +86 138 0000 0002。" in (
        world.group("g:office", "wu.di")
    )
    assert world.taps("lin.yue", "同意").error is None
    assert world.incident().state is State.ACTIVE
    told = len(world.direct("zhou.heng"))
    world.passes(minutes=30)
    assert not [text for text in world.direct("zhou.heng")[told:] if "A1" in text], "decided is decided"


def test_at_level_three_the_head_is_asked_after_the_second_wait(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    world.says("li.na", "/事件 启动")
    world.passes(minutes=39)
    assert not [text for text in world.direct("zhou.heng") if "A1" in text]
    world.passes(minutes=2)
    assert [text for text in world.direct("zhou.heng") if text.startswith("【待批】A1")]
    world.taps("zhou.heng", "同意")
    assert world.incident().state is State.ACTIVE


# The level moves while a question is pending


def test_a_level_that_rises_is_asked_anew_of_whoever_decides_it_then(database: Database) -> None:
    world = opened(database, MIDDLE)
    world.says("li.na", "/事件 启动 请尽快")
    assert world.approval().text == "启动预案:INC-20260310-001 行情中断,三级响应。\n请尽快"

    reply = world.says("li.na", f"/定级 {OUTAGE}")

    assert reply.text.splitlines()[-1] == "级别变了,待批事项已按新级别重新提请:A2(周衡)"
    assert world.card("lin.yue", "待批 A1")["note"] == "已作废:响应级别变了,已按新级别重新提请"
    assert (
        world.says("lin.yue", "/同意 A1").text == "这项审批现在是「已作废」,不能同意。为什么作废,写在原卡片上;还需要的话,由提请人重新提请。"
    )
    fresh = world.approval("A2")
    assert (fresh.text, fresh.needed) == ("启动预案:INC-20260310-001 行情中断,二级响应。\n请尽快", ("lead.head",))
    assert fresh.digest != world.approval("A1").digest
    assert world.timers("A1") == {}
    assert world.timers("A2") == {"approval": START + timedelta(minutes=10)}
    world.taps("zhou.heng", "同意")
    assert world.incident().state is State.ACTIVE


def test_the_same_approver_is_asked_anew_when_the_text_names_another_level(world: World) -> None:
    world.says("li.na", f"/定级 {WORST}")
    assert world.approval("A1").state is Asked.VOID
    assert world.approval("A2").text.startswith("启动预案:INC-20260310-001 行情中断,一级响应。")


def test_grading_does_not_fail_when_only_the_asker_could_decide(sqlite: Database) -> None:
    world = make_world(sqlite)
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/事件 启动")
    assert world.approval().needed == ("lead.deputy",)

    assert world.says("li.na", f"/定级 {SMALL}").error is None

    assert world.approval().state is Asked.VOID, "at level 4 the commander, who asked, decides alone"
    assert world.says("li.na", "/事件 启动").error is None


def test_what_a_deputy_asked_and_could_now_decide_goes_to_the_head(sqlite: Database) -> None:
    world = make_world(sqlite)
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/定级 阅读=200万 媒体=央媒")
    world.says("lin.yue", "/事件 启动 I1")
    assert world.approval().needed == ("lead.head",)

    reply = world.says("li.na", "/定级 证监会=较大 阅读=1 媒体=无 平台=3 投诉=30")

    assert reply.text.splitlines()[-1] == "级别变了,待批事项已按新级别重新提请:A2(周衡)"


def test_done_directly_takes_the_question_back(world: World) -> None:
    assert world.says("zhou.heng", "/事件 启动 I1").error is None
    assert world.card("zhou.heng", "待批 A1")["note"] == "已作废:已由有权人直接办理"


# The end


def test_the_end_is_declared_by_the_office_and_approved_by_a_leader(sqlite: Database) -> None:
    world = opened(sqlite, SMALL)
    world.says("li.na", "/事件 启动")
    assert "这一步由 应急办(综合协调组)" in world.says("chen.bo", "/事件 结束 I1").text
    world.says("sun.jie", "/事件 结束 I1 客户已可交易")
    assert world.approval().text == "宣布应急结束:INC-20260310-001 行情中断。\n客户已可交易"
    assert world.says("sun.jie", "/同意 A1").error == "approval.own"

    world.taps("zhou.heng", "同意")

    incident = world.incident()
    assert (incident.state, incident.ended_at, incident.recovered_at) == (State.ENDED, START, START), "ending also sets recovered"
    assert "cadence" not in world.timers("I1")
    assert world.by_code("common.declare_end").state == "closed", "closed by the approval itself"
