"""What was given up is seen by administrators and by nobody else, and tried again when one of them says so."""

from typing import Any

import pytest

from storage import outbox
from storage.database import Database
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    world = make_world(database)
    said: dict[str, Any] = {"text": "客户张三的电话", "card": None, "mentions": []}
    database.write(
        lambda tx: outbox.enqueue_reply(tx, key="lost", platform="console", chat="g:later", said=said, incident=None, now=world.clock())
    )
    world.settle()
    return world


def test_an_administrator_sees_it_and_tries_again(world: World) -> None:
    assert any("/管理 队列 outbox:" in said for said in world.direct("han.tao")), "the alarm says what to type"
    listed = world.says("han.tao", "/管理 队列")
    assert "outbox:" in listed.text
    assert "张三" not in listed.text, "what a message says is nobody's business here"
    world.rooms.create("later", "后来才有的群", ["li.na"])
    assert "已重新排队" in world.taps("han.tao", "重试").text
    assert world.group("g:later", "li.na") == ["客户张三的电话"]
    assert world.says("han.tao", "/管理 队列").text == "没有被搁置的消息或事项。"
    assert [verb for _, verb, _ in world.trail("P:han.tao")] == ["revived"]


def test_what_fails_again_is_told_again(world: World) -> None:
    before = len([said for said in world.direct("han.tao") if "/管理 队列" in said])
    world.taps("han.tao", "重试") if world.says("han.tao", "/管理 队列").card else None
    assert len([said for said in world.direct("han.tao") if "未能处理" in said]) == before + 1


def test_numbers_that_are_none_change_nothing(world: World) -> None:
    assert world.says("han.tao", "/管理 队列 outbox:999").text == "没有被搁置的 outbox:999;发 /管理 队列 看全部。"
    assert world.says("han.tao", "/管理 队列 全部").error == "admin.which"
    assert world.says("han.tao", "/管理 队列 outbox:1：2").error == "admin.which"


@pytest.mark.parametrize("person", ["li.na", "zhou.heng", "shi.lei"])
def test_nobody_else(world: World, person: str) -> None:
    assert world.says(person, "/管理 队列").error in ("access.role", "access.keeper")
