"""From what the bot says about an incident to the incident's own group, on Feishu."""

import json
from pathlib import Path

import pytest

from bot.platforms.feishu.applink import chat_address
from bot.platforms.feishu.dialect import draw, in_words
from handlers.core.message import Button, Card, Link, Outgoing
from tests.feishu_firm import Firm, firm_on_feishu
from tests.platforms.test_feishu_outbound import LABELS
from tests.simulators.core.people import NotPossible
from tests.simulators.feishu.cards import Card as Shown
from tests.simulators.feishu.cards import check_card
from tests.simulators.feishu.state import Message

LINK = Link("去事件群", "https://applink.feishu.cn/client/chat/open?openChatId=oc_1")
CARD = Card("三级响应", (("状态", "已开"),), buttons=(Button("认领", "/task claim T1", 3),), link=LINK)


@pytest.mark.parametrize(
    ("api", "host"),
    [
        ("open.feishu.cn", "applink.feishu.cn"),
        ("open.larksuite.com", "applink.larksuite.com"),
        ("gateway.example.com", "applink.feishu.cn"),
        ("127.0.0.1", "applink.feishu.cn"),
    ],
)
def test_the_address_goes_by_the_cloud(api: str, host: str) -> None:
    assert chat_address(api, "oc_a0") == f"https://{host}/client/chat/open?openChatId=oc_a0"


def test_a_card_shows_it_as_a_button_that_tells_us_nothing() -> None:
    body = json.loads(draw(Outgoing("", CARD), LABELS).content)
    check_card(body)
    assert (Shown(body).buttons, Shown(body).links) == (["认领"], {"去事件群": LINK.url})
    alone = json.loads(draw(Outgoing("", Card("三级响应", link=LINK)), LABELS).content)
    check_card(alone)
    assert Shown(alone).links == {"去事件群": LINK.url}
    replaced = json.loads(draw(Outgoing("", CARD), LABELS, superseded=True).content)
    assert Shown(replaced).links == {}


@pytest.mark.parametrize("drawn", [in_words(Outgoing("", CARD), LABELS), draw(Outgoing("三级响应", link=LINK), LABELS)])
def test_words_end_with_it(drawn: object) -> None:
    (line,) = json.loads(drawn.content)["zh_cn"]["content"][-1:]  # type: ignore[attr-defined]
    assert line == [{"tag": "a", "text": "去事件群", "href": LINK.url}]


def cards(firm: Firm, person: str) -> list[Message]:
    return [message for message in firm.seen_by(person) if message.kind == "interactive"]


def hrefs(message: Message) -> list[str]:
    return [piece["href"] for line in message.values["zh_cn"]["content"] for piece in line if piece["tag"] == "a"]


def test_from_the_persons_card_into_the_group_and_not_from_the_group_to_itself(tmp_path: Path) -> None:
    with firm_on_feishu(tmp_path) as firm:
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        room = firm.room("行情中断")
        (own,) = [message for message in room.messages if message.kind == "interactive"]
        assert own.card.links == {}, "it stands there"
        mine = firm.card("wang.qiang", "我的任务")
        assert mine.chat != room.id
        assert firm.player("wang.qiang").follows(mine.card.links["去事件群"]).id == room.id
        firm.taps("wang.qiang", "认领")
        assert firm.card("wang.qiang", "我的任务").card.links == mine.card.links, "the card that answers a tap has it too"
        firm.passes(minutes=40)
        told = [message for message in firm.seen_by("wang.qiang") if message.chat != room.id and message.sender == firm.sim.state.app_id]
        links = [link for message in told for link in (message.card.links.values() if message.kind == "interactive" else hrefs(message))]
        assert len(links) > 1
        assert {firm.player("wang.qiang").follows(link).id for link in links} == {room.id}
        assert not any(message.card.links for message in room.messages if message.kind == "interactive")
        with pytest.raises(NotPossible):
            firm.player("fang.qi").follows(links[0])
        assert firm.sim.oddities == []


def test_a_chat_that_left_is_no_longer_led_to(tmp_path: Path) -> None:
    with firm_on_feishu(tmp_path) as firm:
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        room = firm.room("行情中断")
        firm.says("li.na", "/事件 解绑 I1", room)
        firm.taps("wang.qiang", "认领")
        assert firm.card("wang.qiang", "我的任务").card.links == {}
