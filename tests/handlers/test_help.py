"""What people are told about what they can do: from the registry, and only what they may."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.bootstrap import load_topics
from handlers.core.registry import COMMANDS
from storage.database import Database
from tests.world import World, make_world

load_topics()
#: What only programs send is not offered to people.
LISTED = [command for command in COMMANDS.values() if command.listed]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database)
    database.close()


def test_help_lists_what_the_asker_may_do_and_nothing_else(world: World) -> None:
    lines = world.says("li.na", "/帮助").text.splitlines()
    assert lines[0] == "可以这样说(中英文都行):"
    assert "/事件 归档 [I1] [强制=] [说明] — 归档" in lines
    assert "/任务 稍后 [T1] 时长 [理由] — 推后提醒" in lines
    assert len(lines) == len(LISTED) - 7, "li.na leads the office: all but what only the opinion group says and what keeps the system"

    clerk = world.says("han.tao", "/帮助").text
    assert "/事件 上报" in clerk
    assert "/事件 归档" not in clerk
    assert "/任务 取消" not in clerk


def test_in_an_incident_s_chat_what_its_state_allows_comes_first(world: World) -> None:
    world.says("li.na", "/事件 上报 行情中断")
    room = world.room_of("li.na", "行情")
    lines = world.says("li.na", "/帮助", room).text.splitlines()
    first = lines[1 : lines.index("可以这样说(中英文都行):")]
    assert lines[0] == "本事件眼下可以做:"
    assert any(line.startswith("/事件 启动") for line in first)
    assert not any(line.startswith("/事件 归档") for line in first)
    assert len(lines) == 2 + len(LISTED) - 8, "the rest follows, nothing twice"
    assert not any("启动" in line for line in world.says("ma.chao", "/帮助", room).text.splitlines()[:6] if line.startswith("/事件 结束"))


def test_help_on_one_noun(world: World) -> None:
    lines = world.says("ma.chao", "/帮助 任务").text.splitlines()[1:]
    assert lines
    assert all(line.startswith("/任务 ") for line in lines)
    assert world.says("ma.chao", "/help task").text.splitlines()[1:] == lines
    assert world.says("ma.chao", "/帮助 天气").text == "没有关于「天气」的帮助;发 /帮助 看全部。"


def test_a_guest_is_told_the_little_that_is_there(world: World) -> None:
    reply = world.road.ask(world.message("clerk.042", "/帮助", "dm:clerk.042"))
    assert [line.split(" ")[0] for line in reply.text.splitlines()[1:]] == ["/事件", "/媒体", "/媒体", "/帮助", "/我是谁"]
    reply = world.road.ask(world.message("clerk.042", "/我是谁", "dm:clerk.042"))
    assert reply.text == "console:clerk.042:不在应急预案名单里。"


def test_whoami_and_who(world: World) -> None:
    assert world.says("he.lei", "/我是谁").text == "何磊(信息安全部总经理)\n小组:信息安全小组\n角色:安全管理员"
    assert world.says("li.na", "/谁 资金保障组").text.splitlines() == [
        "资金保障组 值班:邓慧",
        "邓慧 清算部总经理 +86 138 0000 0018(组长、值班)",
        "罗明 运营管理部副总经理 +86 138 0000 0017(副组长)",
    ]
    assert "没有「火星组」这个组" in world.says("li.na", "/谁 火星组").text


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/事件 上抱 断网", "看不懂「/事件 上抱」。是不是想说 /事件 上报?"),
        ("/事件", "「/事件」后面还要写做什么:"),
        ("/任务 认领", "请写明是哪项任务,例如 T3;或回复那张任务卡片。"),
        ("/事件 交接 I1", "还缺「接手人」。"),
    ],
)
def test_a_slip_gets_one_sentence_and_changes_nothing(world: World, typed: str, answer: str) -> None:
    assert world.says("li.na", typed).text.startswith(answer)
    assert world.tasks() == []


def test_every_command_has_its_help_in_both_languages(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'en.db'}")
    try:
        world = make_world(database, "en")
        lines = world.says("li.na", "/help").text.splitlines()
    finally:
        database.close()
    assert lines[0] == "You can say (Chinese works too):"
    assert "/task snooze [T1] how long [why] — rest the reminders for a while" in lines
    assert len(lines) == len(LISTED) - 7


@pytest.mark.parametrize("word", ["定级", "grade", "/定级", "事件 定级"])
def test_help_for_one_command_by_any_of_its_words(world: World, word: str) -> None:
    text = world.says("li.na", f"/帮助 {word}").text
    assert "/事件 定级 [I1]" in text
    assert "/任务" not in text
