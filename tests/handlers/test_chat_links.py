"""Who is shown the way into an incident's chat: whoever has a part in it, and nobody else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.core.access import house_scope
from handlers.core.chat_links import ChatLinks
from handlers.core.message import Card, Link, Outgoing, card_of, link_of, plain
from storage.database import Database
from storage.tables.queues import OutboxRow
from storage.views.reader import Reader
from tests.world import World, make_world


def address(chat: str) -> str:
    return f"https://chats.example/{chat}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database)
    links = ChatLinks({"console": address}, lambda person: (("console", person),))
    world.road.house = replace(world.road.house, links=links)
    yield world
    database.close()


def shown(world: World, message: Outgoing, **row: Any) -> Outgoing:
    def work(reader: Reader) -> Outgoing:
        return world.road.house.links.onto(message, reader, OutboxRow(kind="notice", **row), world.road.house.words)

    return world.database.read(lambda tx: work(Reader(tx, world.plans, house_scope())))


def room_of(world: World) -> str:
    return next(room.id for room in world.rooms.rooms_of("li.na") if "INC-" in room.name)


TEXT, CARD = Outgoing("请看"), Outgoing("请看", Card("卡片"))


def test_a_restricted_incident_is_led_to_by_those_who_see_it_only(world: World) -> None:
    assert world.says("fang.qi", "/事件 上报 限制=是 类型=系统故障 内部查证").error is None
    way = Link("去事件群", address(room_of(world)))
    for person in ("li.na", "fang.qi", "ma.chao", "lin.yue", "guo.ping", "shi.lei"):
        assert shown(world, TEXT, incident="I1", recipient=person).link == way, person
    for person in ("han.tao", "guest", "feishu:ou_nobody"):
        assert shown(world, TEXT, incident="I1", recipient=person) == TEXT, person
    assert shown(world, CARD, incident="I1", platform="console", chat="g:tech") == CARD, "another group's chat does not learn of it"


def test_what_is_not_restricted(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    way = Link("去事件群", address(room_of(world)))
    card = shown(world, CARD, incident="I1", platform="console", chat="g:tech").card
    assert card is not None
    assert card.link == way
    assert shown(world, TEXT, incident="I1", platform="console", chat="g:tech") == TEXT, "news in a group stay news"
    assert shown(world, CARD, incident="I1", platform="console", chat=room_of(world)) == CARD
    assert shown(world, TEXT, incident="I1", platform="console", recipient="han.tao") == TEXT, "a keeper of the system sees no incident"
    assert shown(world, CARD, incident="", recipient="li.na") == CARD
    assert shown(world, CARD, incident="I1", platform="elsewhere", recipient="li.na") == CARD, "a platform without such addresses"


def test_it_stands_on_peoples_cards_once_the_room_is_there(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    cards = [line.body["card"] for room, line in world.seen_by("wang.qiang") if line.body and room.startswith("dm:")]
    assert [card["link"]["url"] for card in cards] == [address(room_of(world))] * len(cards)
    assert cards


def test_a_link_is_kept_with_what_was_said() -> None:
    link = Link("去事件群", "https://chats.example/1")
    assert card_of(plain(Card("卡片", link=link))).link == link
    assert link_of(plain(Outgoing("请看", link=link))) == link
    assert card_of({"title": "从前", "lines": []}).link is None
