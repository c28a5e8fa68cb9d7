"""The stand-in for WeCom, the smart robot: callbacks with passive replies, and the long connection."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.simulators.core.listener import PATIENT, listening
from tests.simulators.test_wecom import VECTORS, buttons
from tests.simulators.wecom import Clock, NotPossible, Sim
from tests.simulators.wecom.product import AES_KEY, TOKEN, Product
from tests.simulators.wecom.sealing import decrypt
from tests.simulators.wecom.state import Json

ROOM = "wrkSFfCgAAqlTQ9Kk2"


def _furnished(sim: Sim) -> Sim:
    sim.add_person("ZhangSan", "张三")
    sim.add_person("LiSi", "李四")
    sim.add_group("行情中断", ("ZhangSan", "LiSi"), chat_id=ROOM)
    return sim


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        yield _furnished(sim)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def _heard(name: str) -> Json:
    found: Json = json.loads(json.loads((VECTORS / f"{name}.json").read_text("utf-8"))["expected"]["plaintext"])
    return found


# Callbacks


@pytest.fixture
def product(sim: Sim) -> Iterator[Product]:
    product = Product("")
    with listening(product.hear) as url:
        sim.robot_callback(url, token=TOKEN, aes_key=AES_KEY, answer_within=PATIENT)
        yield product


def said(content: Json) -> Callable[[str], str]:
    return lambda heard: json.dumps(content, ensure_ascii=False)


def stream(text: str, finish: bool = True, name: str = "s1", **also: Any) -> Json:
    return {"msgtype": "stream", "stream": {"id": name, "finish": finish, "content": text, **also}}


def a_card(**also: Any) -> Json:
    return {"msgtype": "template_card", "template_card": buttons(**also)}


def updated(title: str, task: str = "inc-1@1", **also: Any) -> Json:
    return {"response_type": "update_template_card", "template_card": buttons(task, "完成", main_title={"title": title}), **also}


def test_what_the_robot_hears_has_the_shape_of_the_vectors(sim: Sim, product: Product) -> None:
    zhang, li = sim.person("ZhangSan"), sim.person("LiSi")
    zhang.says(ROOM, "支付网关 502", mention_bot=True)
    select = {"question_key": "severity", "title": "级别", "option_list": [{"id": "P1", "text": "一"}, {"id": "P2", "text": "二"}]}
    product.answer = said(a_card(button_selection=select))
    zhang.says(ROOM, "卡片", mention_bot=True)
    product.answer = lambda heard: ""
    li.taps(sim.chat(ROOM).messages[-1], "认领", {"级别": "二"})
    assert li.enters_bot() is not None
    assert li.enters_bot() is None, "the first time in a day"
    zhang.sends_file("", "屏幕.png", b"picture", image=True)
    product.answer = said(stream("在查", finish=False))
    zhang.says(ROOM, "进展", mention_bot=True)
    sim.advance(seconds=1)
    vectors = (
        "aibot_text_group_ok",
        "aibot_text_group_ok",
        "aibot_card_click_group_ok",
        "aibot_enter_chat_ok",
        "aibot_image_single_ok",
        "aibot_text_group_ok",
        "aibot_stream_refresh_ok",
    )
    for heard, name in zip(product.heard, vectors, strict=True):
        assert _shape(json.loads(heard)) == _shape(_heard(name)), name
    assert json.loads(product.heard[0])["text"]["content"] == "@更夫 支付网关 502"
    assert json.loads(product.heard[2])["event"]["template_card_event"]["event_key"] == "v1|认领"


def test_its_address_is_checked_without_a_receive_id(sim: Sim, product: Product) -> None:
    callback = sim.deliveries.robot
    assert callback is not None
    assert callback.check_url() == ""
    product.receive_id = sim.state.corp_id
    assert callback.check_url() != ""


def test_in_a_group_it_hears_only_what_mentions_it(sim: Sim, product: Product) -> None:
    zhang = sim.person("ZhangSan")
    zhang.says(ROOM, "随便说说")
    zhang.sends_file(ROOM, "a.txt", b"x")
    zhang.removes_robot(ROOM)
    zhang.says(ROOM, "在吗", mention_bot=True)
    assert product.heard == []
    zhang.adds_robot(ROOM)
    zhang.sends_file(ROOM, "屏幕.png", b"x", image=True, text="看")
    assert [one["msgtype"] for one in json.loads(product.heard[0])["mixed"]["msg_item"]] == ["text", "image"]


def test_a_file_is_sealed_and_lives_five_minutes(sim: Sim, product: Product) -> None:
    sim.person("ZhangSan").sends_file("", "日志.txt", b"the log")
    url = json.loads(product.heard[0])["file"]["url"]
    assert decrypt(httpx.get(url, trust_env=False).content, AES_KEY) == b"the log"
    sim.clock.push(minutes=5)
    assert httpx.get(url, trust_env=False).status_code == 403


@pytest.mark.parametrize(
    "reply",
    [stream("**好**"), a_card(), {**stream("好"), "msgtype": "stream_with_template_card", "template_card": buttons()}],
    ids=lambda one: str(one["msgtype"]),
)
def test_a_passive_reply_is_shown(sim: Sim, product: Product, reply: Json) -> None:
    product.answer = said(reply)
    sim.person("ZhangSan").says(ROOM, "进展", mention_bot=True)
    assert sim.deliveries.events[0].problems == [""]
    assert len(sim.seen("LiSi")) == 2


@pytest.mark.parametrize("reply", [
    {"msgtype": "text", "text": {"content": "x"}}, {"msgtype": "markdown", "markdown": {"content": "x"}}, {"stream": {}}, [],
    stream("字" * 6827), stream("x", finish=False, msg_item=[]), stream("x", words="y"), {**a_card(), "agentid": 1},
    {"msgtype": "template_card", "template_card": {"card_type": "text_notice", "main_title": {"title": "x"}}},
])  # fmt: skip
def test_a_passive_reply_that_is_dropped(sim: Sim, product: Product, reply: Any) -> None:
    product.answer = said(reply)
    sim.person("ZhangSan").says(ROOM, "进展", mention_bot=True)
    assert "dropped" in sim.deliveries.events[0].problems[0]
    assert (len(product.heard), sim.said) == (1, [])


@pytest.mark.parametrize("bend", [{"nonce": "1"}, {"timestamp": "1767225600"}, {"msgsignature": "x"}, {"more": 1}], ids=str)
def test_an_envelope_that_is_dropped(sim: Sim, product: Product, bend: Json) -> None:
    product.answer, product.bend = said(stream("好")), lambda envelope: envelope | bend
    sim.person("ZhangSan").says("", "在吗")
    assert "dropped" in sim.deliveries.events[0].problems[0]


def test_a_stream_is_asked_for_until_it_is_finished(sim: Sim, product: Product) -> None:
    zhang = sim.person("ZhangSan")
    product.answer = said(stream("一", finish=False))
    zhang.says("", "写")
    product.answer = said(stream("一二", finish=False))
    sim.advance(minutes=2)
    product.answer = said(stream("一二三"))
    sim.advance(minutes=2)
    sim.advance(minutes=2)
    assert (sim.seen("ZhangSan"), len(product.heard)) == (["写", "一二三"], 3)
    zhang.says("", "再写")
    assert "846608" in sim.deliveries.events[-1].problems[0], "a finished stream is not written on"
    product.answer = said(stream("四", finish=False, name="s2"))
    zhang.says("", "再写")
    sim.advance(minutes=7)
    assert sim.oddities == ["the stream s2 was never finished"]


def test_three_answers_in_flight_for_a_person(sim: Sim, product: Product) -> None:
    for number in range(3):
        product.answer = said(stream("…", finish=False, name=f"s{number}"))
        sim.person("ZhangSan").says("", "问")
    with pytest.raises(NotPossible):
        sim.person("ZhangSan").says("", "问")
    sim.person("LiSi").says("", "问")


def test_a_message_is_repeated_and_a_click_never(sim: Sim, product: Product) -> None:
    product.answer = said(a_card())
    sim.person("ZhangSan").says(ROOM, "卡片", mention_bot=True)
    product.status = 500
    sim.person("ZhangSan").says("", "在吗")
    click = sim.person("LiSi").taps(sim.said[0], "认领")
    assert [len(one.problems) for one in sim.deliveries.events] == [1, 4, 1]
    assert (click.problem, click.updated) == ("HTTP 500", False)


def test_a_click_changes_the_card_for_all_or_for_some(sim: Sim, product: Product) -> None:
    product.answer = said(a_card())
    sim.person("ZhangSan").says(ROOM, "卡片", mention_bot=True)
    product.answer = said(updated("李四看", userids=["LiSi"]))
    card = sim.said[0]
    assert sim.person("LiSi").taps(card, "认领").updated is True
    assert ("李四看" in sim.seen("LiSi")[1], "李四看" in sim.seen("ZhangSan")[1]) == (True, False)
    product.answer = said(updated("都看"))
    assert sim.person("ZhangSan").taps(card, "转派").problem == ""
    assert all("都看" in sim.seen(one)[1] for one in ("LiSi", "ZhangSan"))


@pytest.mark.parametrize("reply", [
    stream("好"), updated("x", "other"), {**updated("x"), "response_type": "update"}, {"template_card": buttons()},
    {**updated("x"), "msgtype": "template_card"},
])  # fmt: skip
def test_an_answer_to_a_click_that_is_dropped(sim: Sim, product: Product, reply: Json) -> None:
    product.answer = said(a_card())
    sim.person("ZhangSan").says("", "卡片")
    product.answer = said(reply)
    click = sim.person("ZhangSan").taps(sim.said[0], "认领")
    assert "dropped" in click.problem
    assert click.updated is False


def test_the_greeting_is_text_or_card_and_a_rating_takes_no_answer(sim: Sim, product: Product) -> None:
    product.answer = said({"msgtype": "text", "text": {"content": "你好"}})
    li = sim.person("LiSi")
    li.enters_bot()
    assert sim.seen("LiSi") == ["你好"]
    rated = sim.robot.rates("LiSi", "fb-1", 2)
    assert _shape(rated.event["event"]) == {"eventtype": "str", "feedback_event": {"id": "str", "type": "int"}}
    assert "dropped" in rated.problems[0]


def test_the_response_url_takes_one_thing_within_the_hour(sim: Sim, product: Product) -> None:
    asked = sim.person("ZhangSan").says(ROOM, "进展", mention_bot=True)
    sim.person("ZhangSan").says("", "卡片")
    group, single = (json.loads(heard)["response_url"] for heard in product.heard)

    def post(url: str, body: Json) -> int:
        found: int = httpx.post(url, json=body, trust_env=False).json()["errcode"]
        return found

    words = {"msgtype": "markdown", "markdown": {"content": "**好**"}}
    assert post(group, a_card()) == 40008, "cards only one-to-one"
    assert post(group, updated("x")) == 40008, "it changes no card"
    assert post(group, {"msgtype": "text", "text": {"content": "x"}}) == 40035
    assert [post(group, words), post(group, words)] == [0, sim.state.code_spent]
    assert (sim.said[0].quotes, sim.seen("LiSi")[-1]) == (asked.id, "**好**")
    assert post(single, a_card()) == 0
    sim.person("ZhangSan").says("", "再")
    sim.clock.push(hours=1)
    assert post(json.loads(product.heard[-1])["response_url"], words) == sim.state.code_spent
    assert post(f"{sim.url}/cgi-bin/aibot/response", words) == sim.state.code_spent


def test_thirty_a_minute_in_a_conversation(sim: Sim, product: Product) -> None:
    for number in range(31):
        product.answer = said(stream("好", name=f"s{number}"))
        sim.person("ZhangSan").says("", "问")
    assert ("45009" in sim.deliveries.events[-1].problems[0], len(sim.said)) == (True, 30)


def test_people_may_be_called_by_opaque_names(sim: Sim, product: Product) -> None:
    sim.state.people["ZhangSan"].opaque = "wo6x1"
    sim.person("ZhangSan").says("", "在吗")
    assert json.loads(product.heard[0])["from"] == {"userid": "wo6x1"}


# The long connection


class Client:
    """A connection with somebody at its end; `answer` says what to send back to a callback (None: nothing)."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self._life = ExitStack()
        self.socket = self._life.enter_context(connect(sim.ws_url, proxy=None, ping_interval=None, close_timeout=0.2))
        self.heard: list[Json] = []
        self.answer: Callable[[Json], tuple[str, Json] | None] = lambda frame: None
        self.sent = 0
        self.closed = threading.Event()
        self._came = threading.Condition()
        self._acks: dict[str, Json] = {}
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for text in self.socket:
                frame = json.loads(text)
                with self._came:
                    if "cmd" in frame:
                        self.heard.append(frame)
                    else:
                        self._acks[frame["headers"]["req_id"]] = frame
                    self._came.notify_all()
                if "cmd" in frame and (reply := self.answer(frame)):
                    self.put(reply[0], frame["headers"]["req_id"], reply[1])
        except (ConnectionClosed, ValueError):
            pass
        finally:
            self.closed.set()

    def put(self, cmd: str, req_id: str, body: Json | None = None) -> None:
        frame = {"cmd": cmd, "headers": {"req_id": req_id}, **({"body": body} if body is not None else {})}
        self.socket.send(json.dumps(frame, ensure_ascii=False))

    def ask(self, cmd: str, body: Json | None = None, req_id: str = "") -> Json:
        """The acknowledgement."""
        self.sent += 1
        name = req_id or f"{cmd}_{self.sent}"
        with self._came:
            self._acks.pop(name, None)
        self.put(cmd, name, body)
        return self.ack(name)

    def ack(self, req_id: str) -> Json:
        with self._came:
            assert self._came.wait_for(lambda: req_id in self._acks, PATIENT), "no acknowledgement"
            return self._acks[req_id]

    def hears(self, count: int) -> list[Json]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.heard) >= count, PATIENT), self.heard
            return self.heard

    def subscribe(self, **also: str) -> int:
        body = {"bot_id": self.sim.state.bot_id, "secret": self.sim.state.bot_secret} | also
        found: int = self.ask("aibot_subscribe", body)["errcode"]
        return found

    def send(self, to: str, body: Json, **also: Any) -> int:
        found: int = self.ask("aibot_send_msg", {"chatid": to, **body, **also})["errcode"]
        return found

    def close(self) -> None:
        self._life.close()
        self._thread.join(5)


@pytest.fixture
def client(sim: Sim) -> Iterator[Client]:
    client = Client(sim)
    assert client.subscribe() == 0
    yield client
    client.close()


MARKDOWN: Json = {"msgtype": "markdown", "markdown": {"content": "提醒"}}


def test_the_session_of_the_vector_is_played_again(sim: Sim, client: Client) -> None:
    """The client's frames as a foreign SDK wrote them, to the letter; each is acknowledged as the page says."""
    session = json.loads((VECTORS / "ws_session_transcript.json").read_text("utf-8"))["transcript"]
    mine = [one["frame"] for one in session if one["dir"] == "client->server"]
    zhang, li = sim.person("ZhangSan"), sim.person("LiSi")
    zhang.says("", "先说过话")
    said = zhang.says(ROOM, "支付网关 502", mention_bot=True)
    asked = client.hears(2)[1]
    callback = next(one["frame"] for one in session if one["frame"].get("cmd") == "aibot_msg_callback")
    assert _shape(asked) == _shape(callback)
    assert said.text == asked["body"]["text"]["content"]
    assert client.ask("aibot_respond_msg", mine[1]["body"], asked["headers"]["req_id"])["errcode"] == 0
    assert sim.seen("LiSi")[-1] == "**已建群** 🚨"
    select = {"question_key": "severity", "option_list": [{"id": "P1", "text": "P1"}]}
    card = {"msgtype": "template_card", "template_card": buttons("inc-42_card-1@3", button_selection=select)}
    assert client.send(ROOM, card) == 0
    client.answer = lambda frame: ("aibot_respond_update_msg", mine[2]["body"]) if frame["body"]["msgtype"] == "event" else None
    click = li.taps(sim.said[-1], "认领")
    assert (click.problem, click.updated) == ("", True)
    event = next(one["frame"] for one in session if one["frame"].get("cmd") == "aibot_event_callback")
    assert _shape(client.heard[-1]) == _shape(event)
    assert "已由 李四 认领" in sim.chat(ROOM).messages[-1].text
    assert client.ask("aibot_send_msg", mine[3]["body"])["errcode"] == 0
    assert sim.person("ZhangSan").bot.messages[-1].text == "# 提醒\nINC-42 仍未确认"
    assert client.ask("ping")["errcode"] == 0
    assert sim.oddities == []


def test_who_has_no_secret_is_sent_away(sim: Sim) -> None:
    client = Client(sim)
    assert client.subscribe(secret="wrong") == 853000
    assert client.closed.wait(PATIENT)
    client.close()
    client = Client(sim)
    client.put("ping", "1")
    assert client.closed.wait(PATIENT), "nothing before it has subscribed"
    client.close()


def test_a_second_connection_ends_the_first(sim: Sim, client: Client) -> None:
    second = Client(sim)
    assert second.subscribe() == 0
    assert client.hears(1)[0]["body"]["event"] == {"eventtype": "disconnected_event"}
    assert client.closed.wait(PATIENT)
    sim.person("ZhangSan").says("", "在吗")
    assert second.hears(1)[0]["body"]["text"] == {"content": "在吗"}
    second.close()


def test_callbacks_shut_the_long_connection(sim: Sim, client: Client) -> None:
    sim.robot_callback("http://127.0.0.1:1/", token=TOKEN, aes_key=AES_KEY)
    assert client.closed.wait(PATIENT)
    again = Client(sim)
    assert again.subscribe() == 853000
    again.close()


def test_who_does_not_ping_is_dropped(sim: Sim) -> None:
    gone = [0.0]
    sim.wire.elapsed, sim.wire.looks = lambda: gone[0], 0.01
    client = Client(sim)
    assert client.subscribe() == 0
    for _ in range(4):
        gone[0] += 59
        assert not client.closed.wait(0.05)
        assert client.ask("ping")["errcode"] == 0
    gone[0] += 61
    assert client.closed.wait(PATIENT)
    client.close()


def test_the_robot_speaks_where_somebody_has_spoken_to_it(sim: Sim, client: Client) -> None:
    unknown = sim.state.no_conversation
    assert [client.send(ROOM, MARKDOWN), client.send("ZhangSan", MARKDOWN), client.send("nowhere", MARKDOWN)] == [unknown] * 3
    sim.person("ZhangSan").says(ROOM, "在吗", mention_bot=True)
    sim.person("LiSi").says("", "在吗")
    assert [client.send(ROOM, MARKDOWN), client.send("LiSi", MARKDOWN), client.send(ROOM, MARKDOWN, chat_type=2)] == [0, 0, 0]
    assert [client.send(ROOM, MARKDOWN, chat_type=1), client.send("LiSi", MARKDOWN, chat_type=2)] == [unknown] * 2
    sim.person("LiSi").removes_robot(ROOM)
    assert client.send(ROOM, MARKDOWN) == unknown


@pytest.mark.parametrize(("body", "expected"), [
    ({"msgtype": "text", "text": {"content": "x"}}, 40008), (stream("x"), 40008), ({"msgtype": "markdown"}, 40035),
    ({**MARKDOWN, "agentid": 1}, 40035), ({**MARKDOWN, "chat_type": 3}, 40035),
    ({"msgtype": "markdown", "markdown": {"content": "字" * 6827}}, 40058), ({"msgtype": "file", "file": {"media_id": "x"}}, 40007),
])  # fmt: skip
def test_a_push_that_is_refused(sim: Sim, client: Client, body: Json, expected: int) -> None:
    sim.person("ZhangSan").says(ROOM, "在吗", mention_bot=True)
    assert client.send(ROOM, body) == expected
    assert sim.said == []


def test_cards_in_groups_may_be_refused(sim: Sim, client: Client) -> None:
    for chat in (ROOM, ""):
        sim.person("ZhangSan").says(chat, "在吗", mention_bot=True)
    sim.state.group_cards = False
    assert [client.send(ROOM, a_card(task="a")), client.send("ZhangSan", a_card(task="b"))] == [40008, 0]
    sim.chat(ROOM).cards = True
    assert client.send(ROOM, a_card(task="a")) == 0, "what was refused has used up no task"
    assert client.send(ROOM, a_card(task="a")) == sim.state.task_taken
    sim.state.group_cards, sim.chat(ROOM).cards = True, False
    assert client.send(ROOM, a_card(task="c")) == 40008


def test_an_answer_needs_the_frame_that_belongs_to_it(sim: Sim, client: Client) -> None:
    zhang = sim.person("ZhangSan")
    zhang.says("", "在吗")
    zhang.enters_bot()
    message, entered = (one["headers"]["req_id"] for one in client.hears(2))
    welcome = {"msgtype": "text", "text": {"content": "你好"}}
    for cmd, req_id, body in (
        ("aibot_respond_msg", "unknown", stream("x")), ("aibot_respond_msg", entered, stream("x")),
        ("aibot_respond_welcome_msg", message, welcome), ("aibot_respond_update_msg", message, updated("x")),
    ):  # fmt: skip
        assert client.ask(cmd, body, req_id)["errcode"] == 846605
    assert client.ask("aibot_respond_welcome_msg", welcome, entered)["errcode"] == 0
    sim.robot.event_within = 0.0
    assert client.ask("aibot_respond_welcome_msg", welcome, entered)["errcode"] == 846605
    sim.clock.push(hours=24)
    assert client.ask("aibot_respond_msg", stream("x"), message)["errcode"] == 0
    sim.clock.push(seconds=1)
    assert client.ask("aibot_respond_msg", stream("x"), message)["errcode"] == 846605


def test_a_stream_ends_after_six_minutes(sim: Sim, client: Client) -> None:
    sim.person("ZhangSan").says("", "写")
    asked = client.hears(1)[0]["headers"]["req_id"]
    assert client.ask("aibot_respond_msg", stream("一", finish=False), asked)["errcode"] == 0
    sim.clock.push(minutes=6)
    assert client.ask("aibot_respond_msg", stream("一二", finish=False), asked)["errcode"] == 0
    sim.clock.push(seconds=1)
    assert client.ask("aibot_respond_msg", stream("一二三"), asked)["errcode"] == 846608
    sim.state.stream_life = timedelta(minutes=10)
    assert client.ask("aibot_respond_msg", stream("一二三"), asked)["errcode"] == 0
    assert sim.seen("ZhangSan") == ["写", "一二三"]


def test_a_click_that_nobody_answers(sim: Sim, client: Client) -> None:
    sim.robot.event_within = 0.2
    sim.person("ZhangSan").says("", "在吗")
    client.send("ZhangSan", a_card())
    click = sim.person("ZhangSan").taps(sim.said[0], "认领")
    assert click.problem == "no answer in time"
    late = client.ask("aibot_respond_update_msg", updated("x"), client.heard[-1]["headers"]["req_id"])
    assert (late["errcode"], click.updated) == (846605, False)


def test_a_file_in_pieces_and_in_any_order(sim: Sim, client: Client) -> None:
    sim.person("ZhangSan").says("", "在吗")
    content = bytes(range(256)) * 2500
    pieces = [content[: 512 * 1024], content[512 * 1024 :]]
    about = {
        "type": "file", "filename": "全文.txt", "total_size": len(content), "total_chunks": 2,
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }  # fmt: skip
    upload = client.ask("aibot_upload_media_init", about)["body"]["upload_id"]

    def piece(place: int, data: bytes) -> int:
        body = {"upload_id": upload, "chunk_index": place, "base64_data": base64.b64encode(data).decode()}
        found: int = client.ask("aibot_upload_media_chunk", body)["errcode"]
        return found

    assert [piece(1, pieces[1]), piece(1, b"again, and ignored"), piece(2, b"beyond")] == [0, 0, 40035]
    assert client.ask("aibot_upload_media_finish", {"upload_id": upload})["errcode"] == 40035
    assert [piece(0, pieces[0]), piece(0, b"x" * (512 * 1024 + 1))] == [0, 40035]
    kept = client.ask("aibot_upload_media_finish", {"upload_id": upload})["body"]
    assert client.send("ZhangSan", {"msgtype": "file", "file": {"media_id": kept["media_id"]}}) == 0
    assert (sim.seen("ZhangSan")[-1], sim.state.media[kept["media_id"]].content) == ("全文.txt", content)
    sim.clock.push(days=3)
    assert client.send("ZhangSan", {"msgtype": "file", "file": {"media_id": kept["media_id"]}}) == 40007
    assert client.ask("aibot_upload_media_init", about | {"total_chunks": 101})["errcode"] == 40035


def test_an_upload_is_forgotten_after_half_an_hour(sim: Sim, client: Client) -> None:
    about = {
        "type": "file",
        "filename": "a.txt",
        "total_size": 6,
        "total_chunks": 1,
        "md5": hashlib.md5(b"123456", usedforsecurity=False).hexdigest(),
    }
    upload = client.ask("aibot_upload_media_init", about)["body"]["upload_id"]
    sim.clock.push(minutes=31)
    body = {"upload_id": upload, "chunk_index": 0, "base64_data": base64.b64encode(b"123456").decode()}
    assert client.ask("aibot_upload_media_chunk", body)["errcode"] == 40035


def test_a_picture_over_the_long_connection_has_its_own_key(sim: Sim, client: Client) -> None:
    for _ in range(4):
        sim.person("ZhangSan").sends_file("", "屏幕.png", b"picture", image=True)
    for heard in client.hears(4):
        image = heard["body"]["image"]
        assert decrypt(httpx.get(image["url"], trust_env=False).content, image["aeskey"].rstrip("=")) == b"picture"


def test_faults_of_the_wire(sim: Sim, client: Client) -> None:
    sim.person("ZhangSan").says("", "在吗")
    sim.faults.add("WS aibot_send_msg", "throttle")
    sim.faults.add("WS aibot_send_msg", "answer", code=-1)
    assert [client.send("ZhangSan", MARKDOWN) for _ in range(3)] == [45009, -1, 0]
    sim.faults.add("WS aibot_send_msg", "hang")
    client.put("aibot_send_msg", "never", {"chatid": "ZhangSan", **MARKDOWN})
    assert client.ask("ping")["errcode"] == 0
    assert len(sim.said) == 2, "it was done, and nothing said of it"
    sim.faults.add("WS aibot_send_msg", "reset_after")
    client.put("aibot_send_msg", "lost", {"chatid": "ZhangSan", **MARKDOWN})
    assert client.closed.wait(PATIENT)
    assert len(sim.said) == 3
    assert len(sim.frames("aibot_send_msg")) == 5


def test_a_silent_death_and_a_drop(sim: Sim, client: Client) -> None:
    sim.silence_connections()
    sim.person("ZhangSan").says("", "在吗")
    assert sim.deliveries.events[-1].problems == ["the connection is silent"]
    assert not client.closed.wait(0.2)
    second = Client(sim)
    assert second.subscribe() == 0
    assert not client.closed.wait(0.2), "nobody is there to tell it that it was replaced"
    assert client.heard == []
    second.close()
    sim.drop_connections()
    assert client.closed.wait(PATIENT)
    sim.person("ZhangSan").says("", "在吗")
    assert sim.deliveries.events[-1].problems == ["no connection"]


def test_a_frame_that_cannot_be_read_ends_it(sim: Sim, client: Client) -> None:
    client.socket.send("{}")
    assert client.closed.wait(PATIENT)
    assert "cannot be read" in sim.oddities[0]


def test_ids_differ_on_every_run() -> None:
    assert Sim(Clock()).state.new("x") != Sim(Clock()).state.new("x")
    assert Sim(seed=7).state.new("x") == Sim(seed=7).state.new("x")
