import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.platforms.console import BODY_CAP, Console
from bot.platforms.core.contract import CreateRoom, Deed, Done, Edit, Invite, NotAuthentic, Platform, Recall, Receipt, Send, WillNeverWork
from handlers.core.message import Button, Card, Message, Outgoing, Reply, heard
from storage.database import Database
from storage.rooms import Rooms
from tests.browser.console_world import CARD, create_tables

NOW = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)
STAFF = ("li.na", "wang.qiang")
AS_LI_NA = {"x-gengfu-person": "li.na"}
TEXT: dict[str, object] = {"id": "abcdef12", "kind": "text", "chat": "g:office", "text": "/help"}
CLICK: dict[str, object] = {
    "id": "abcdef13", "kind": "click", "chat": "g:office", "message_id": "g:office/3",
    "command": "/task progress T1", "version": 4, "fields": {"text": "已切换"},
}  # fmt: skip


@pytest.fixture
def rooms(database: Database) -> Rooms:
    create_tables(database)
    return Rooms(database, lambda text: text, lambda: NOW)


@pytest.fixture
def console(rooms: Rooms) -> Console:
    return Console(rooms, STAFF.__contains__, lambda: NOW)


@pytest.fixture
def deaf(tmp_path: Path) -> Console:
    """For what needs no tables."""
    return Console(Rooms(Database(f"sqlite:///{tmp_path / 'none.db'}"), str, lambda: NOW), STAFF.__contains__, lambda: NOW)


def do(console: Console, deed: Deed, key: str) -> Done:
    return asyncio.run(console.do(deed, key))


def received(console: Console, page: dict[str, object]) -> Message:
    message = console.receive(AS_LI_NA, json.dumps(page).encode())
    assert isinstance(message, Message)
    return message


def test_it_is_a_platform(deaf: Console) -> None:
    platform: Platform = deaf
    assert platform.name == "console"


def test_a_text_becomes_a_message(deaf: Console) -> None:
    assert received(deaf, TEXT | {"reply_to": "g:office/2"}) == Message(
        "console", "li.na:abcdef12", "text", "g:office", "group", "li.na", "/help", NOW, reply_to="g:office/2"
    )


def test_a_click_carries_command_version_answer_and_the_message_it_was_on(deaf: Console) -> None:
    assert received(deaf, dict(CLICK)) == Message(
        "console", "li.na:abcdef13", "click", "g:office", "group", "li.na", "/task progress T1", NOW,
        version=4, fields={"text": "已切换"}, reply_to="g:office/3", addressed=True,
    )  # fmt: skip


@pytest.mark.parametrize(("chat", "text", "said", "addressed", "is_heard"), [
    ("dm:li.na", "任务 我的", "任务 我的", True, True),
    ("g:office", "大家看一下", "大家看一下", False, False),
    ("g:office", "／事件 列表", "／事件 列表", False, True),
    ("g:office", "@更夫 任务 我的", "任务 我的", True, True),
    ("g:office", "＠GENGFU　帮助", "帮助", True, True),
    ("g:office", "/任务 我的 @更夫", "/任务 我的", True, True),
    ("g:office", "写信给 desk@gengfu 或 @gengfu.example", "写信给 desk@gengfu 或 @gengfu.example", False, False),
    ("g:office", "问问@更夫任务 列表", "问问任务 列表", True, True),
])  # fmt: skip
def test_what_the_bot_hears(deaf: Console, chat: str, text: str, said: str, addressed: bool, is_heard: bool) -> None:
    message = received(deaf, TEXT | {"chat": chat, "text": text})
    assert (message.text, message.addressed, heard(message)) == (said, addressed, is_heard)


BAD_TEXTS: tuple[dict[str, object], ...] = (
    {"id": "short"}, {"id": "with space in it"}, {"id": 7}, {"chat": ""}, {"chat": None}, {"chat": ["x"]}, {"kind": "form"}, {"kind": None},
    {"text": ""}, {"text": " \n"}, {"text": {"a": 1}}, {"text": "a\0b"}, {"text": "\ud800"}, {"reply_to": 3},
)  # fmt: skip
BAD_CLICKS: tuple[dict[str, object], ...] = (
    {"command": ""}, {"command": "rm -rf"}, {"version": "4"}, {"version": -1}, {"version": True}, {"version": 1.5}, {"version": 2**40},
    {"fields": []}, {"fields": {"text": 1}}, {"fields": {"text": None}}, {"fields": {"x" * 81: ""}}, {"fields": {"text": "\x00"}},
    {"fields": dict.fromkeys(map(str, range(41)), "")},
)  # fmt: skip


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"[]", b"{}", b"\xff\xfe", b"[" * 50_000, b"{" + b" " * BODY_CAP + b"}",
    *(json.dumps(TEXT | change).encode() for change in BAD_TEXTS),
    *(json.dumps(CLICK | change).encode() for change in BAD_CLICKS),
])  # fmt: skip
def test_what_is_malformed_is_not_authentic(deaf: Console, body: bytes) -> None:
    with pytest.raises(NotAuthentic):
        deaf.receive(AS_LI_NA, body)


def test_nobody_is_not_authentic(deaf: Console) -> None:
    with pytest.raises(NotAuthentic):
        deaf.receive({}, json.dumps(TEXT).encode())


def test_one_persons_event_id_is_not_anothers(deaf: Console) -> None:
    other = deaf.receive({"x-gengfu-person": "wang.qiang"}, json.dumps(TEXT).encode())
    assert isinstance(other, Message)
    assert other.event_id != received(deaf, TEXT).event_id


def test_our_reply_as_the_page_reads_it(deaf: Console) -> None:
    answer = deaf.answer(Reply("已认领", "T1", Card("任务 T1", (("负责人", "李娜"),), buttons=(Button("完成", "/task done T1", 5),))))
    shown = json.loads(answer.body)
    assert (answer.status, shown["text"], shown["ref"], shown["error"], shown["wait"]) == (200, "已认领", "T1", None, False)
    assert shown["card"]["lines"] == [["负责人", "李娜"]]
    plain = {"form": [], "confirm": False, "files": False, "url": ""}
    assert shown["card"]["buttons"] == [{"label": "完成", "command": "/task done T1", "version": 5, "style": "plain", **plain}]
    assert deaf.answer(Reply("", wait=True)).status == 202


def test_a_send_to_a_person_or_a_chat_once_per_key(console: Console, rooms: Rooms) -> None:
    first = do(console, Send(Outgoing("提醒", CARD, ("li.na",)), person="li.na"), "k1")
    assert do(console, Send(Outgoing("提醒", CARD, ("li.na",)), person="li.na"), "k1") == first
    assert first.facts["chat"] == "dm:li.na"
    do(console, Send(Outgoing("再来"), chat="dm:li.na"), "k2")
    lines = rooms.messages("dm:li.na", "li.na").lines
    assert [(line.id, line.text, line.author) for line in lines] == [(first.facts["message_id"], "提醒", ""), ("dm:li.na/2", "再来", "")]
    assert lines[0].mentions == ("li.na",)
    assert lines[0].body is not None
    assert lines[0].body["card"]["title"] == CARD.title
    assert lines[0].body["card"]["buttons"][1]["form"][0]["label"] == "现在进展到哪一步?"


def test_edit_and_recall_may_be_repeated(console: Console, rooms: Rooms) -> None:
    sent = do(console, Send(Outgoing("一"), person="li.na"), "k1").facts
    edit = Edit(sent["chat"], sent["message_id"], Outgoing("二", CARD), superseded=True)
    assert do(console, edit, "k2") == do(console, edit, "k2") == Done(sent)
    (line,) = rooms.messages("dm:li.na", "li.na").lines
    assert (line.text, line.state) == ("二", "superseded")
    recall = Recall(sent["chat"], sent["message_id"])
    assert do(console, recall, "k3") == do(console, recall, "k3")
    assert rooms.messages("dm:li.na", "li.na").lines[0].state == "recalled"


def test_a_room_is_created_once_and_says_who_is_missing(console: Console, rooms: Rooms) -> None:
    deed = CreateRoom("行情中断", ("li.na", "nobody"))
    made = do(console, deed, "outbox:17")
    assert do(console, deed, "outbox:17") == made
    assert made.facts["missing"] == "nobody"
    invited = do(console, Invite(made.facts["chat"], ("wang.qiang", "ghost")), "outbox:18")
    assert invited.facts == {"chat": made.facts["chat"], "missing": "ghost"}
    assert rooms.rooms_of("wang.qiang")[0].members == STAFF
    assert rooms.rooms_of("wang.qiang")[0].name == "行情中断"


@pytest.mark.parametrize("deed", [
    Send(Outgoing("x"), person="nobody"), Send(Outgoing("x"), chat="g:gone"), Send(Outgoing("x")), Invite("g:gone", STAFF),
    Edit("g:gone", "g:gone/1", Outgoing("x")), Recall("g:gone", "g:gone/1"),
])  # fmt: skip
def test_what_can_never_work_says_so(console: Console, deed: Deed) -> None:
    with pytest.raises(WillNeverWork):
        do(console, deed, "k")


def test_it_has_no_long_connection(deaf: Console) -> None:
    heard: list[Message | Receipt] = []

    async def hear(message: Message | Receipt) -> None:
        heard.append(message)

    asyncio.run(deaf.listen(hear))
    assert heard == []
