"""Clicks and chats on Feishu: decided before they are answered, or 「in hand」 with the outcome to follow; a stranger changes nothing."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Transaction
from tests.feishu_firm import Firm, firm_on_feishu
from tests.simulators.feishu.tenant import open_id


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_feishu(tmp_path) as firm:
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        yield firm
        assert firm.sim.oddities == []


def test_what_takes_longer_is_in_hand_and_follows(firm: Firm) -> None:
    firm.hurried()
    card = firm.card("wang.qiang", "我的任务")
    busy, free = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        busy.set()
        free.wait(20)

    held = firm.parts.database.submit_write(hold)
    assert busy.wait(10)
    click = firm.player("wang.qiang").taps(card, "认领 T6")
    assert (click.problem, click.toast_type) == (0, "info")
    assert "正在处理" in click.toast
    assert not click.updated
    free.set()
    held.result(20)
    firm.settle()
    assert any("T6" in said and "由你负责" in said for said in firm.direct("wang.qiang")), "what became of it is said"
    assert "已认领 · 王强" in firm.sim.message(card.id).text, "and stands on the card"


def test_a_card_changes_for_everybody_in_the_click_itself(firm: Firm) -> None:
    card = firm.card("wang.qiang", "我的任务")
    click = firm.player("wang.qiang").taps(card, "认领 T6")
    assert click.updated
    assert "已认领 · 王强" in firm.sim.message(card.id).text


def test_who_was_faster_is_said_to_who_was_slower(firm: Firm) -> None:
    mine, theirs = firm.card("wang.qiang", "我的任务"), firm.card("zhao.min", "我的任务")
    firm.player("wang.qiang").taps(mine, "认领 T6")
    late = firm.player("zhao.min").taps(theirs, "认领 T6")
    assert (late.toast_type, late.toast) == ("error", "已由 王强 于 09:00 认领,这个按钮已过时;请看最新的卡片。")
    assert firm.parts.database.read(lambda tx: firm.parts.road.reader(tx).task("T6").owner) == "wang.qiang"


def test_a_stranger_in_the_group_is_refused_and_it_is_recorded(firm: Firm) -> None:
    stranger = firm.sim.add_person("ou_stranger", "路人")
    room = firm.room("INC-")
    room.members.add("ou_stranger")
    card = next(message for message in room.messages if message.kind == "interactive")
    click = stranger.taps(card, "启动预案")
    assert click.toast_type == "error"
    trail = firm.trail("P:feishu:ou_stranger")
    assert [verb for _, verb, _ in trail] == ["refused"]


def test_two_forms_of_one_command_are_two_forms(firm: Firm) -> None:
    """定级 and 人工打分 are the same command with other fields."""
    firm.taps("li.na", "定级…", "INC-")
    direct = firm.sim.direct(open_id("li.na"))
    assert direct.messages[-1].card.title == "定级"
    firm.picks("li.na", "人工打分", "INC-")
    assert direct.messages[-1].card.title == "人工打分"
    scores = ("incident_level", "reach", "spread", "trend")
    click = firm.submits("li.na", "人工打分", "人工打分", text="取数平台不可用", **dict.fromkeys(scores, "3 分"))
    assert "定级" in click.toast
    assert "合计 12 分" in firm.sim.message(click.message.id).text


def test_opened_anew_in_a_direct_chat_it_gets_a_group_of_its_own(firm: Firm) -> None:
    """A click does not say what kind of chat it was made in: the direct chat must not become the incident's."""
    firm.says("wu.di", "/事件 上报 类型=系统故障 备机告警")
    firm.taps("wu.di", "另开", "N1")
    room = firm.room("备机告警")
    assert [message.card.title for message in room.pins] == ["三级响应(暂定) INC-20260302-002"]
    assert [told["chat"] for _, verb, told in firm.trail("I2") if verb == "bound"] == [f"feishu:{room.id}"]


def test_a_mention_names_the_person_and_not_somebody_of_the_same_name(firm: Firm) -> None:
    room = firm.room("INC-")
    firm.sim.state.people[open_id("sun.jie")].name = "王强"  # as people are called on Feishu, not in the plan
    firm.says("li.na", "/任务 指派 T1", room, mention=[open_id("sun.jie")])
    assert firm.parts.database.read(lambda tx: firm.parts.road.reader(tx).task("T1").owner) == "sun.jie"


def test_a_file_sent_to_the_bot_is_kept_as_evidence(firm: Firm) -> None:
    firm.player("li.na").sends_file("", "行情日志.txt", "09:41 断开".encode())
    firm.settle()
    (kept,) = [details for _, verb, details in firm.trail("I1") if verb == "attached"]
    assert kept["files"][0]["name"] == "行情日志.txt"


def test_a_group_that_is_dissolved_is_no_longer_the_incidents(firm: Firm) -> None:
    room = firm.room("INC-")
    firm.player("li.na").dissolves(room.id)
    firm.settle()
    assert any("已解散或移出了机器人" in said for said in firm.direct("li.na"))
    said = len(room.messages)
    firm.says("li.na", "/事件 进展 I1 已切换")
    assert len(room.messages) == said, "nothing is said where nobody is"


def test_who_opens_the_direct_chat_is_greeted_once(firm: Firm) -> None:
    firm.player("zhou.heng").enters()
    firm.player("zhou.heng").enters()
    firm.settle()
    assert [said for said in firm.direct("zhou.heng") if "你好" in said] == [
        "周衡,你好。出了事直接发:上报 标题;我的任务发:我的;全部命令发:帮助。"
    ]


def test_a_colleague_outside_the_plan_reports_in_plain_words(firm: Firm) -> None:
    clerk = firm.sim.add_person("ou_clerk", "营业部柜员")
    clerk.says("", "客户说登录不了,排了十几个人")
    firm.settle()
    assert any("已转给值班员" in message.text or "值班" in message.text for message in firm.sim.direct("ou_clerk").messages[1:])
    assert any("排了十几个人" in said for said in firm.direct("li.na"))


def test_the_bot_in_somebody_elses_group_says_how_it_becomes_an_incidents(firm: Firm) -> None:
    group = firm.sim.add_chat("信息技术部", [open_id("ma.chao"), open_id("li.na")])
    firm.player("ma.chao").adds_bot(group.id)
    firm.settle()
    assert "/事件 绑定 I1" in group.messages[-1].text
    firm.says("li.na", "/事件 绑定 I1", group)
    firm.says("li.na", "/事件 进展 I1 已切换备用链路")
    assert any("已切换备用链路" in message.text for message in group.messages), [message.text for message in group.messages]


def test_the_incidents_card_is_pinned_and_who_joins_later_comes_in(firm: Firm) -> None:
    room = firm.room("INC-")
    (card,) = [message for message in room.messages if message.kind == "interactive"]
    assert card.pinned
    inside = set(room.members)
    group = firm.parts.plans.organization.groups["legal"]
    firm.says("li.na", f"/任务 新增 I1 小组={group.name} 时限=30分钟 准备律师函")
    assert open_id(group.head) not in inside
    assert open_id(group.head) in room.members


def test_a_bare_word_under_our_card_is_heard_and_under_a_colleagues_message_is_not(firm: Firm) -> None:
    card = firm.card("wang.qiang", "我的任务", "认领 T6")
    firm.player("wang.qiang").taps(card, "认领 T6")
    room = firm.room("INC-")
    chatter = firm.player("ma.chao").says(room.id, "备用链路好了", all_heard=True)
    before = firm.waiting()
    firm.player("wang.qiang").says(room.id, "收到", reply_to=chatter.id, all_heard=True)
    assert firm.waiting() == before, "what colleagues say to each other is not even kept"
    ours = next(message for message in room.messages if message.sender == firm.sim.state.app_id)
    firm.player("li.na").says(room.id, "收到", reply_to=ours.id, all_heard=True)
    assert firm.waiting() == before + 1
