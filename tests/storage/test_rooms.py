from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from storage.database import Database
from storage.rooms import Rooms
from storage.tables import rooms as tables
from workflows.core.errors import NotFound

START = datetime(2026, 11, 21, 9, 41, tzinfo=UTC)
TABLES = [getattr(table, "__table__") for table in (tables.RoomRow, tables.RoomMemberRow, tables.RoomMessageRow, tables.RoomReadRow)]  # noqa: B009 - mypy knows no __table__


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def mask(text: str) -> str:
    return text.replace("13800138000", "138****8000")


@pytest.fixture
def rooms(database: Database) -> Rooms:
    SQLModel.metadata.create_all(database.engine, tables=TABLES)
    return Rooms(database, mask, Clock())


@pytest.fixture
def office(rooms: Rooms) -> str:
    return rooms.create("office", "应急办公室", ["li.na", "wang.qiang"])


def test_a_person_has_one_direct_chat(rooms: Rooms) -> None:
    assert rooms.direct("li.na") == rooms.direct("li.na") == "dm:li.na"
    assert [room.id for room in rooms.rooms_of("li.na")] == ["dm:li.na"]


def test_the_same_key_is_the_same_room(rooms: Rooms, office: str) -> None:
    assert office == "g:office"
    assert rooms.create("office", "别的名字", ["zhao.min"]) == office
    assert rooms.rooms_of("zhao.min") == ()
    assert rooms.create("Outbox 7", "行情中断", ["zhao.min"]) == rooms.create("Outbox 7", "行情中断", ["zhao.min"]) != office


def test_many_founding_one_room_at_once_found_it_once(rooms: Rooms) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: rooms.direct("li.na"), range(16)))
    assert found == {"dm:li.na"}


def test_a_repeat_of_a_key_answers_the_same_message_and_posts_nothing(rooms: Rooms, office: str) -> None:
    first = rooms.post(office, "", "事件已上报", None, ["li.na"], "outbox-1")
    assert rooms.post(office, "", "换了的话", None, [], "outbox-1") == first
    (line,) = rooms.messages(office, "li.na").lines
    assert (line.id, line.text, line.mentions, line.author, line.at) == (first, "事件已上报", ("li.na",), "", START + timedelta(minutes=2))


def test_what_a_person_posts_is_masked_in_the_table_itself(rooms: Rooms, office: str, database: Database) -> None:
    rooms.post(office, "li.na", "客户 13800138000 无法撤单")
    stored = database.read(lambda session: session.connection().execute(sql("SELECT text FROM room_message")).scalar_one())
    assert stored == "客户 138****8000 无法撤单"
    rooms.post(office, "", "13800138000 是值班电话")
    assert rooms.messages(office, "li.na").lines[1].text == "13800138000 是值班电话"


@pytest.mark.parametrize("act", [
    lambda rooms, room: rooms.messages(room, "zhao.min"),
    lambda rooms, room: rooms.earlier(room, "zhao.min", 9),
    lambda rooms, room: rooms.mark_read(room, "zhao.min", 1),
    lambda rooms, room: rooms.post(room, "zhao.min", "让我进来"),
    lambda rooms, room: rooms.author_of(room, "zhao.min", f"{room}/1"),
    lambda rooms, room: rooms.messages("g:nowhere", "li.na"),
    lambda rooms, room: rooms.post("g:nowhere", "", "有人吗"),
    lambda rooms, room: rooms.invite("g:nowhere", ["li.na"]),
])  # fmt: skip
def test_who_is_no_member_and_what_does_not_exist_look_alike(rooms: Rooms, office: str, act: Callable[[Rooms, str], object]) -> None:
    rooms.post(office, "", "内部消息")
    with pytest.raises(NotFound) as refused:
        act(rooms, office)
    assert refused.value.key == "console.no_room"


def test_an_invited_member_reads(rooms: Rooms, office: str) -> None:
    rooms.post(office, "", "内部消息")
    rooms.invite(office, ["zhao.min", "li.na"])
    assert [line.text for line in rooms.messages(office, "zhao.min").lines] == ["内部消息"]
    assert rooms.rooms_of("zhao.min")[0].members == ("li.na", "wang.qiang", "zhao.min")


def test_clients_fetch_what_changed_after_a_number(rooms: Rooms, office: str) -> None:
    first, second = rooms.post(office, "", "一", {"card": {"title": "一"}}), rooms.post(office, "", "二")
    seen = rooms.messages(office, "li.na").change
    assert rooms.messages(office, "li.na", seen).lines == ()
    rooms.edit(first, "一改", {"card": {"title": "一改"}})
    rooms.recall(second)
    rooms.post(office, "", "三")
    page = rooms.messages(office, "li.na", seen)
    assert [(line.seq, line.text, line.state, line.edited_at is not None) for line in page.lines] == [
        (1, "一改", "live", True), (2, "", "recalled", False), (3, "三", "live", False),
    ]  # fmt: skip
    assert page.change == seen + 3
    assert page.lines[0].body == {"card": {"title": "一改"}}


def test_changes_arrive_in_portions_without_a_gap(rooms: Rooms, office: str) -> None:
    ids = [rooms.post(office, "", str(number)) for number in range(7)]
    after = rooms.messages(office, "li.na").change
    for message in reversed(ids):
        rooms.edit(message, "改")
    got, more = set(), True
    while more:
        page = rooms.messages(office, "li.na", after, limit=3)
        got |= {line.id for line in page.lines}
        after, more = page.change, page.more
    assert got == set(ids)


def test_the_first_page_is_the_latest_and_earlier_ones_follow(rooms: Rooms, office: str) -> None:
    for number in range(1, 6):
        rooms.post(office, "", str(number))
    page = rooms.messages(office, "li.na", 0, limit=2)
    assert ([line.text for line in page.lines], page.more) == (["4", "5"], True)
    page = rooms.earlier(office, "li.na", 4, limit=3)
    assert ([line.text for line in page.lines], page.more) == (["1", "2", "3"], False)


def test_the_same_edit_again_changes_nothing_and_a_recalled_message_stays_recalled(rooms: Rooms, office: str) -> None:
    message = rooms.post(office, "", "提醒")
    assert rooms.edit(message, "提醒", None, superseded=True)
    change = rooms.messages(office, "li.na").change
    assert rooms.edit(message, "提醒", None, superseded=True)
    assert rooms.messages(office, "li.na").change == change
    (line,) = rooms.messages(office, "li.na").lines
    assert (line.state, line.edited_at) == ("superseded", None)
    assert rooms.recall(message)
    assert rooms.edit(message, "又来了")
    (line,) = rooms.messages(office, "li.na").lines
    assert (line.state, line.text) == ("recalled", "")


def test_editing_nothing_says_so(rooms: Rooms, office: str) -> None:
    assert not rooms.edit("g:office/99", "x")
    assert not rooms.recall("g:office/99")


def test_unread_counts_are_each_readers_own(rooms: Rooms, office: str) -> None:
    for number in range(3):
        rooms.post(office, "", f"消息 {number}")
    rooms.mark_read(office, "li.na", 2)
    rooms.mark_read(office, "li.na", 1)
    assert [room.unread for room in rooms.rooms_of("li.na")] == [1]
    assert [room.unread for room in rooms.rooms_of("wang.qiang")] == [3]
    rooms.post(office, "li.na", "我看了")
    assert [room.unread for room in rooms.rooms_of("li.na")] == [0]
    assert [room.unread for room in rooms.rooms_of("wang.qiang")] == [4]


def test_a_mark_cannot_stand_ahead_of_what_was_said(rooms: Rooms, office: str) -> None:
    rooms.mark_read(office, "li.na", 10_000)
    rooms.post(office, "", "新的")
    assert [room.unread for room in rooms.rooms_of("li.na")] == [1]


def test_rooms_are_listed_direct_first_then_by_the_latest_message(rooms: Rooms, office: str) -> None:
    rooms.direct("li.na")
    other = rooms.create("tech", "信息技术应急小组", ["li.na"])
    rooms.post(other, "", "早")
    rooms.post(office, "wang.qiang", "晚")
    listed = rooms.rooms_of("li.na")
    assert [room.id for room in listed] == ["dm:li.na", office, other]
    assert [room.last.text if room.last else None for room in listed] == [None, "晚", "早"]


def test_a_person_may_answer_a_message_of_this_room_only(rooms: Rooms, office: str) -> None:
    mine = rooms.post(rooms.direct("li.na"), "", "给你一个人")
    asked = rooms.post(office, "", "谁来认领")
    rooms.post(office, "li.na", "我", {"reply_to": asked})
    assert rooms.messages(office, "li.na").lines[1].body == {"reply_to": asked}
    assert rooms.author_of(office, "li.na", asked) == ""
    with pytest.raises(NotFound):
        rooms.post(office, "li.na", "我", {"reply_to": mine})
    with pytest.raises(ValueError, match="reply_to"):
        rooms.post(office, "li.na", "我", {"card": {"title": "伪造"}})


def test_numbers_are_given_out_once_when_many_write(rooms: Rooms, office: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: rooms.post(office, "", str(number), None, [], f"k{number % 20}"), range(40)))
    lines = rooms.messages(office, "li.na", 0, 100).lines
    assert [line.seq for line in lines] == [line.change for line in lines] == list(range(1, 21))
    assert set(ids) == {line.id for line in lines}


def test_every_change_wakes_the_page(rooms: Rooms, office: str, database: Database) -> None:
    told: list[frozenset[str]] = []
    database.on_commit.append(told.append)
    message = rooms.post(office, "", "一")
    rooms.edit(message, "二")
    rooms.mark_read(office, "li.na", 1)
    rooms.recall(message)
    rooms.mark_read(office, "li.na", 1)
    assert told == [frozenset({"rooms"})] * 4 + [frozenset()]
