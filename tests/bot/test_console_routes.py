import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from bot.web.bell import Bell
from bot.web.security import host_names
from handlers.core.message import Outgoing
from storage.database import Database
from tests.browser.console_world import World, make_world, serving

HOST = "http://127.0.0.1:8000"
LI_NA = {"X-Gengfu-As": "li.na"}
OFFICE = "g:office"
CLICK: dict[str, object] = {"id": "event-0003", "kind": "click", "chat": OFFICE, "command": "/task claim T1"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'console.db'}")
    made = make_world(database)
    made.rooms.create("office", "应急办公室", ["li.na", "wang.qiang"])
    yield made
    database.close()


class Client:
    """Requests to the application without a socket, each in a loop of its own."""

    def __init__(self, world: World) -> None:
        self._transport = httpx.ASGITransport(world.guarded)

    def get(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._request("GET", path, given))

    def post(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._request("POST", path, given))

    async def _request(self, method: str, path: str, given: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url=HOST) as client:
            return await client.request(method, path, **given)


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


def text(said: str, chat: str = OFFICE, event: str = "event-0001", **more: str) -> dict[str, object]:
    return {"id": event, "kind": "text", "chat": chat, "text": said, **more}


def shown(client: Client, room: str = OFFICE) -> list[str]:
    return [line["text"] for line in client.get(f"/console/rooms/{room}/messages", headers=LI_NA).json()["messages"]]


def post(client: Client, body: Mapping[str, object], path: str = "messages", room: str = OFFICE, **headers: str) -> int:
    return client.post(f"/console/rooms/{room}/{path}", json=body, headers=LI_NA | headers).status_code


def test_chatter_in_a_group_is_posted_and_not_heard(client: Client, world: World) -> None:
    assert post(client, text("大家好,客户 13800138000 来电")) == 200
    assert shown(client) == ["大家好,客户 138****8000 来电"]
    assert world.heard == []


def test_a_command_is_posted_once_heard_and_answered(client: Client, world: World) -> None:
    answer = client.post(f"/console/rooms/{OFFICE}/messages", json=text("/wrong"), headers=LI_NA)
    said = {"text": "没有「wrong」这个命令", "error": "parse.unknown", "usage": "/任务 认领 T1"}
    assert answer.json() == said | {"ref": None, "card": None, "wait": False, "refused": ""}
    post(client, text("/wrong"))
    assert shown(client) == ["/wrong"]
    assert {(message.event_id, message.sender) for message in world.heard} == {("li.na:event-0001", "li.na")}


def test_the_room_shows_what_was_typed_the_bot_hears_it_without_its_name(client: Client, world: World) -> None:
    post(client, text("@更夫 任务 我的"))
    assert shown(client) == ["@更夫 任务 我的", "收到:任务 我的"]
    assert [(message.text, message.addressed) for message in world.heard] == [("任务 我的", True)]


def test_in_hand_is_202(client: Client) -> None:
    assert post(client, text("/slow")) == 202


def test_everything_one_to_one_is_heard(client: Client, world: World) -> None:
    client.get("/console/rooms", headers=LI_NA)
    assert post(client, text("任务 我的", "dm:li.na"), room="dm:li.na") == 200
    assert shown(client, "dm:li.na") == ["任务 我的", "收到:任务 我的"]
    assert world.heard[0].addressed


def test_an_answer_to_the_bot_is_addressed_an_answer_to_a_colleague_is_not(client: Client, world: World) -> None:
    asked = world.rooms.post(OFFICE, "", "谁来认领?")
    chatter = world.rooms.post(OFFICE, "wang.qiang", "我不行")
    post(client, text("认领", reply_to=asked))
    post(client, text("为什么", event="event-0002", reply_to=chatter))
    assert [(message.text, message.reply_to, message.addressed) for message in world.heard] == [("认领", asked, True)]


def test_who_is_named_is_mentioned(client: Client) -> None:
    post(client, text("@王强 ＠赵敏 看一下"))
    (line,) = client.get(f"/console/rooms/{OFFICE}/messages", headers=LI_NA).json()["messages"]
    assert line["mentions"] == ["wang.qiang", "zhao.min"]


def test_a_click_reaches_the_bot_and_posts_nothing(client: Client, world: World) -> None:
    card = asyncio.run(world.say(OFFICE, Outgoing("卡片")))
    click = CLICK | {"message_id": card, "command": "/task progress T1", "version": 1, "fields": {"text": "好了"}}
    answer = client.post(f"/console/rooms/{OFFICE}/click", json=click, headers=LI_NA).json()
    assert (answer["text"], answer["card"]["lines"]) == ("已记下", [["认领", "li.na /task progress T1 好了"]])
    assert (world.heard[0].version, world.heard[0].fields, world.heard[0].reply_to) == (1, {"text": "好了"}, card)
    assert shown(client) == ["已更新"]


def test_a_click_needs_a_message_of_the_bot_in_this_room(client: Client, world: World) -> None:
    mine = world.rooms.post(OFFICE, "li.na", "没有按钮")
    elsewhere = world.rooms.post(world.rooms.direct("li.na"), "", "别处")
    for message in (mine, elsewhere, "g:office/99", ""):
        click = CLICK | {"message_id": message}
        assert post(client, click, "click") == 404
    assert world.heard == []


def test_who_is_not_in_the_room_finds_nothing(client: Client, world: World) -> None:
    card = asyncio.run(world.say(OFFICE, Outgoing("卡片")))
    as_other = {"X-Gengfu-As": "zhao.min"}
    click = CLICK | {"message_id": card}
    base = f"/console/rooms/{OFFICE}"
    answers = [
        client.get(f"{base}/messages", headers=as_other), client.get(f"{base}/messages?before=5", headers=as_other),
        client.post(f"{base}/messages", json=text("/help"), headers=as_other), client.post(f"{base}/click", json=click, headers=as_other),
        client.post(f"{base}/read", json={"seq": 1}, headers=as_other),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["text"]) for answer in answers] == [(404, "没有这个会话,或你不在其中")] * 5
    assert world.heard == []


@pytest.mark.parametrize("headers", [{}, {"X-Gengfu-As": "stranger"}, {"X-Gengfu-As": ""}])
def test_an_unknown_person_is_nobody(client: Client, headers: dict[str, str]) -> None:
    assert client.get("/console/rooms", headers=headers).status_code == 403
    assert client.get("/console/rooms?as=li.na", headers=headers).status_code == 403
    assert client.post(f"/console/rooms/{OFFICE}/messages", json=text("/help"), headers=headers).status_code == 403
    assert client.get("/console/events?as=stranger").status_code == 403


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_another_site_cannot_speak_for_a_person(client: Client, world: World, headers: dict[str, str]) -> None:
    assert post(client, text("/help"), **headers) == 403
    assert client.get("/console/rooms", headers=LI_NA | headers).status_code == 403
    assert (shown(client), world.heard) == ([], [])


def test_our_own_page_can(client: Client) -> None:
    assert post(client, text("/help"), **{"Origin": HOST, "Sec-Fetch-Site": "same-origin"}) == 200


@pytest.mark.parametrize(("content", "kind", "status"), [
    (json.dumps(text("/help")), "text/plain", 415),
    (json.dumps(text("/help")), "application/x-www-form-urlencoded", 415),
    (json.dumps(text("/help", "dm:li.na")), "application/json", 400),
    (json.dumps(text("/help") | {"kind": "click", "command": "/x"}), "application/json", 400),
    ("nonsense", "application/json", 400),
    ("x" * 70_000, "application/json", 413),
])  # fmt: skip
def test_what_the_page_would_not_send_is_refused(client: Client, world: World, content: str, kind: str, status: int) -> None:
    answer = client.post(f"/console/rooms/{OFFICE}/messages", content=content, headers=LI_NA | {"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["text"]
    assert world.heard == []


@pytest.mark.parametrize(("body", "status"), [
    ({"seq": 1}, 204), ({"seq": "1"}, 400), ({"seq": True}, 400), ({"seq": -1}, 400), ({"seq": 2**70}, 400), ({}, 400), ([], 400),
])  # fmt: skip
def test_marking_read(client: Client, world: World, body: object, status: int) -> None:
    world.rooms.post(OFFICE, "", "一")
    assert client.post(f"/console/rooms/{OFFICE}/read", json=body, headers=LI_NA).status_code == status
    unread = {room["id"]: room["unread"] for room in client.get("/console/rooms", headers=LI_NA).json()["rooms"]}
    assert unread[OFFICE] == (0 if status == 204 else 1)


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1:8000", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8000", 200),
    ("evil.example", 421), ("127.0.0.1.evil.example:8000", 421),
    ("evil.example/@127.0.0.1", 400), ("x@127.0.0.1", 400), ("", 400), ("[::1", 400),
])  # fmt: skip
def test_only_our_own_names_are_answered(client: Client, host: str, status: int) -> None:
    answer = client.get("/console", headers={"Host": host})
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_probes_are_answered_whatever_the_host(client: Client) -> None:
    assert client.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 404  # nothing is mounted there here, but it got through


def test_names_of_the_public_address() -> None:
    assert host_names("https://Gengfu.example.com/x", "0.0.0.0") == {"gengfu.example.com", "0.0.0.0"}
    assert host_names("http://127.0.0.1:8000", "127.0.0.1") == {"127.0.0.1", "localhost", "::1"}


def test_pages_carry_strict_headers_and_nothing_inline(client: Client) -> None:
    for path in ("/console", "/console?as=li.na"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
        assert " onclick" not in answer.text


def test_assets_are_answered_once_and_nothing_else_is(client: Client) -> None:
    found = client.get("/console/static/console.js")
    assert found.headers["content-type"].startswith("text/javascript")
    assert client.get("/console/static/console.js", headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    for name in ("..%2fconsole.py", "%2e%2e%2fsecurity.py", "nothing.js"):
        assert client.get(f"/console/static/{name}").status_code == 404


def test_events_tell_what_changed_and_end_when_the_server_stops(tmp_path: Path) -> None:
    with serving(tmp_path) as world, Wire(world.url) as wire:
        world.rooms.create("office", "应急办公室", ["li.na"])
        stream = wire.events("li.na")
        assert [room["id"] for room in next(stream)] == [OFFICE]
        world.rooms.post(OFFICE, "", "一")
        (room,) = next(stream)
        assert (room["unread"], room["last"]["text"], room["change"]) == (1, "一", 1)
        world.rooms.direct("wang.qiang")
        world.rooms.mark_read(OFFICE, "li.na", 1)
        assert [room["unread"] for room in next(stream)] == [0]
        world.bell.close()
        assert list(stream) == []


class Wire:
    """An event stream over a real connection: the in-process client would wait for its end."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def events(self, person: str) -> Iterator[list[dict[str, Any]]]:
        with self._client.stream("GET", "/console/events", params={"as": person}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


def test_a_bell_is_heard_by_who_waits_and_by_who_was_away() -> None:
    async def listening() -> None:
        bell = Bell()
        waiting = [asyncio.create_task(bell.wait(0, 30)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.to_thread(bell.ring)
        assert await asyncio.gather(*waiting) == [1, 1, 1]
        assert await bell.wait(0, 30) == 1
        started = monotonic()
        assert await bell.wait(1, 0.01) == 1
        assert monotonic() - started < 20
        bell.close()
        assert await bell.wait(bell.count, 30) == 2

    asyncio.run(listening())
