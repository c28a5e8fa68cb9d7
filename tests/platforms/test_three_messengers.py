"""One incident on three messengers: a room on WeCom, a room on Feishu, the leaders on DingTalk; everybody has an account on all three."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import dingtalk_page, three_page
from tests.simulators.feishu.state import Chat as FeishuChat
from tests.simulators.wecom.state import Chat as WecomChat
from tests.simulators.wecom.tenant import userid
from tests.three_firm import Three, firm_on_three
from tests.three_page import Platform

NOTICES = (
    "由 李娜 定级",
    "进展(李娜):影响三家营业部",
    "进展(王强):已切换备用链路",
    "已启动预案(林岳)",
    "已恢复(李娜)",
    "应急结束(林岳 批准)",
)


def read(three: Three, part: str) -> tuple[int, int]:
    """How often the WeCom room and the Feishu room read it, cards aside."""
    head, tech = three.wecom.room("总部").messages, three.feishu.room("信息技术").messages
    wecom = [m for m in head if m.sender == "robot" and m.kind != "template_card" and part in m.text]
    feishu = [m for m in tech if m.sender == three.feishu.sim.state.app_id and m.kind != "interactive" and part in m.text]
    return len(wecom), len(feishu)


def heard(three: Three, person: str, part: str) -> dict[str, int]:
    """How often this person alone was told it, by messenger."""
    return {name: n for name, said in three.told(person).items() if (n := sum(part in one for one in said))}


# The story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Three, str]]:
    with three_page.played(tmp_path_factory.mktemp("three")) as found:
        yield found


def test_the_incident_reads_as_its_page(story: tuple[Three, str]) -> None:
    assert story[1] == three_page.PAGE.read_text("utf-8"), "if it is meant: python -m tests.three_page"


@pytest.mark.parametrize("notice", NOTICES)
def test_each_notice_is_read_once_in_each_room(story: tuple[Three, str], notice: str) -> None:
    assert read(story[0], notice) == (1, 1)


def test_nothing_is_said_twice(story: tuple[Three, str]) -> None:
    three, _ = story
    seen = dingtalk_page.Scribe(three.dingtalk)
    said = Counter(
        [
            *((m.chat, m.kind, m.text) for m in three.wecom.sim.said),
            *((m.chat, m.kind, m.text) for m in three.feishu.sim.said),
            *((chat.id, m.kind, seen.look(m)) for chat in three.dingtalk.sim.state.chats.values() for m in chat.messages),
        ]
    )
    assert [one for one, times in said.items() if times > 1] == []


@pytest.mark.parametrize(
    ("person", "part", "where"),
    [
        ("lin.yue", "待批 A1", "dingtalk"),
        ("lin.yue", "待批 A2", "dingtalk"),
        ("zhou.heng", "待批 A2", "dingtalk"),
        ("li.na", "A1 启动预案:林岳 已同意", "wecom"),
        ("wang.qiang", "【第1次提醒】T6", "dingtalk"),
        ("zhao.min", "T6 定位故障域并判断能否切换 已完成", "wecom"),
    ],
)
def test_a_person_is_told_on_one_messenger(story: tuple[Three, str], person: str, part: str, where: str) -> None:
    assert heard(story[0], person, part) == {where: 1}


# What the story leaves out


@dataclass
class Opened:
    three: Three
    wecom: WecomChat
    feishu: FeishuChat

    def says(self, person: str, where: Platform, text: str) -> str:
        """One-to-one; DingTalk tells callbacks apart by their millisecond."""
        self.three.clock.push(seconds=1)
        said = self.three.on(where).says(person, text)
        self.three.settle()
        return said

    def taps(self, person: str, where: Platform, label: str, part: str) -> None:
        self.three.clock.push(seconds=1)
        click = self.three.on(where).taps(person, label, part)
        assert not click.problem, click.problem
        self.three.settle()

    def room_card(self) -> str:
        """The incident's card in its Feishu room, as it is now."""
        (card,) = [m.text for m in self.feishu.messages if m.kind == "interactive" and "总指挥" in m.text and not m.recalled]
        return card


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opened in the WeCom room, the Feishu room bound; 王强 is on Feishu, 赵敏 on WeCom, the leaders on DingTalk."""
    with firm_on_three(tmp_path) as three:
        found = Opened(three, *three_page.rooms(three))
        for person, where in three_page.USUALLY.items():
            found.says(person, where, "/我的")
        three.wecom.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断", found.wecom)
        three.feishu.says("wang.qiang", "/事件 绑定 I1", found.feishu)
        three.settle()
        yield found
        three.at_peace()


def test_what_was_claimed_on_one_is_taken_on_the_others(opened: Opened) -> None:
    three = opened.three
    card = three.wecom.card("zhao.min", "我的任务", "认领 T6")
    opened.taps("wang.qiang", "feishu", "认领 T6", "我的任务")
    assert "认领 T6" not in [button.text for button in three.wecom.sim.message(card.id).card_for(userid("zhao.min")).buttons]
    assert "王强" in opened.says("zhao.min", "wecom", "/认领 T6")
    assert "王强" in opened.says("ma.chao", "dingtalk", "/认领 T6")
    assert [verb for ref, verb, _ in three.wecom.trail("T6")].count("claimed") == 1


def test_nobody_is_two_people(opened: Opened) -> None:
    """Who asks on WeCom can agree neither there nor on DingTalk."""
    assert "A1" in opened.says("zhou.heng", "wecom", "/事件 误报 I1 延误=否 核查后确认是监控误触发")
    for where in ("wecom", "feishu", "dingtalk"):
        opened.says("zhou.heng", where, "/同意 A1")
        assert "已开" in opened.room_card(), where
    opened.says("lin.yue", "dingtalk", "/同意 A1")
    assert "误报" in opened.room_card()
    assert read(opened.three, "误报") == (1, 1)


def test_what_was_decided_on_one_is_decided_on_all(opened: Opened) -> None:
    """The leader agrees on DingTalk; what they say elsewhere afterwards changes nothing, and the rooms do not read it again."""
    opened.taps("li.na", "feishu", "启动预案", "INC-")
    opened.taps("lin.yue", "dingtalk", "同意", "启动预案")
    assert read(opened.three, "已启动预案") == (1, 1)
    for where in ("wecom", "feishu"):
        assert "「已同意」,不能退回" in opened.says("lin.yue", where, "/退回 A1 再想想")
    assert "处置中" in opened.room_card()
    assert read(opened.three, "已启动预案") == (1, 1)
    assert [verb for _, verb, _ in opened.three.wecom.trail("I1")].count("activated") == 1


def test_another_leaders_card_closes_on_another_messenger(opened: Opened) -> None:
    three = opened.three
    opened.says("zhou.heng", "feishu", "/我的")
    opened.taps("li.na", "wecom", "启动预案", "INC-")
    opened.taps("lin.yue", "dingtalk", "同意", "启动预案")
    opened.says("li.na", "wecom", "/事件 恢复 I1")
    opened.says("li.na", "wecom", "/事件 结束 I1")
    card = three.feishu.card("zhou.heng", "应急结束", "同意")
    opened.taps("lin.yue", "dingtalk", "同意", "应急结束")
    closed = three.feishu.sim.message(card.id)
    assert "已由 林岳" in closed.text
    assert "同意" not in closed.card.buttons


@pytest.mark.parametrize("where", ["wecom", "feishu", "dingtalk"])
def test_a_reminder_goes_where_they_were_last(opened: Opened, where: Platform) -> None:
    opened.taps("wang.qiang", "feishu", "认领 T6", "我的任务")
    opened.says("wang.qiang", where, "/我的")
    opened.three.wecom.passes(minutes=6)
    assert heard(opened.three, "wang.qiang", "【第1次提醒】T6") == {where: 1}


def test_a_messenger_that_is_down_holds_up_its_own_room_alone(opened: Opened) -> None:
    three = opened.three
    three.feishu.sim.faults.outage(60)
    three.wecom.says("li.na", "/事件 进展 I1 备用链路已切换", opened.wecom)
    assert read(three, "备用链路已切换") == (1, 0)
    three.wecom.passes(minutes=3)
    assert read(three, "备用链路已切换") == (1, 1)


def test_a_leader_whose_messenger_is_down_agrees_on_another(opened: Opened) -> None:
    three = opened.three
    three.dingtalk.sim.faults.outage(120)
    opened.taps("li.na", "wecom", "启动预案", "INC-")
    three.wecom.passes(seconds=30)
    assert heard(three, "lin.yue", "【待批】A1") == {"feishu": 1}, "by the next way"
    opened.says("lin.yue", "wecom", "/我的")
    three.wecom.passes(seconds=30)
    assert heard(three, "lin.yue", "暂时不通") == {"feishu": 1}, "once, wherever they go meanwhile"
    opened.says("lin.yue", "wecom", "/同意 A1")
    assert "处置中" in opened.room_card()
    three.wecom.passes(minutes=4)
    assert read(three, "已启动预案") == (1, 1)
    assert heard(three, "lin.yue", "暂时不通") == {"feishu": 1}
    assert [one for one in three.told("lin.yue")["dingtalk"] if "已由 林岳" in one], (
        "the card, when DingTalk is back, says what became of it"
    )
