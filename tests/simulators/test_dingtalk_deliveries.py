"""How the stand-in for DingTalk delivers: over HTTP as each thing is signed, over the stream with its acknowledgements; known answers."""

import asyncio
import concurrent.futures
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.simulators.core.listener import HURRIED, PATIENT
from tests.simulators.dingtalk import NotPossible, Sim
from tests.simulators.dingtalk.caller import ROOM, Caller, furnished
from tests.simulators.dingtalk.sealing import Unsealed, card_sign, event_sign, robot_sign, seal, unseal
from tests.simulators.dingtalk.state import milliseconds

Json = dict[str, Any]
VECTORS = Path(__file__).parents[1] / "platforms" / "vectors" / "dingtalk"
TOKEN, KEY = "dTk7incident", "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij"
SUBSCRIPTIONS = [
    {"type": "EVENT", "topic": "*"},
    {"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"},
    {"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"},
]


def vector(name: str) -> Json:
    found: Json = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture
def sim() -> Iterator[Sim]:
    with furnished() as sim:
        yield sim


@pytest.fixture
def caller(sim: Sim) -> Iterator[Caller]:
    caller = Caller(sim)
    yield caller
    caller.http.close()


# Known answers


@pytest.mark.parametrize(
    "name",
    ["robot_text_group_ok", "robot_text_p2p_ok", "robot_stale_timestamp", "robot_edge_timestamp_ok", "robot_tampered_body_undetectable"],
)
def test_a_robots_signature_is_as_known(name: str) -> None:
    found = vector(name)
    headers = found["request"]["headers"]
    assert robot_sign(headers["timestamp"], found["config"]["app_secret"]) == headers["sign"]


def test_the_signatures_that_the_pages_print_are_as_known() -> None:
    official, custom = vector("kat_official_robot_header_sign"), vector("outbound_custom_robot_sign")
    assert robot_sign(official["inputs"]["timestamp"], official["config"]["app_secret"]) == official["expected"]["sign"]
    found = robot_sign(str(custom["inputs"]["timestamp_ms"]), custom["config"]["secret"])
    assert (found, quote_plus(found)) == (custom["expected"]["sign"], custom["expected"]["sign_urlencoded"])


@pytest.mark.parametrize(
    ("name", "right"),
    [("card_click_ok", True), ("card_stale_timestamp", True), ("card_tampered_body_undetectable", True), ("card_bad_signature", False)],
)
def test_a_cards_signature_is_as_known(name: str, right: bool) -> None:
    found = vector(name)
    headers = found["request"]["headers"]
    stamp = headers["x-ddpaas-signature-timestamp"]
    assert (card_sign(stamp, found["config"]["api_secret"]) == headers["x-ddpaas-signature"]) is right


@pytest.mark.parametrize(
    "name", ["kat_official_check_url", "kat_official_success", "event_check_url_ok", "event_chat_add_member_ok", "event_stale_timestamp"]
)
def test_events_are_sealed_as_known(name: str) -> None:
    found = vector(name)
    config, query = found["config"], found["request"]["query"]
    encrypted = json.loads(found["request"]["body"])["encrypt"]
    assert event_sign(config["token"], query["timestamp"], query["nonce"], encrypted) == query["signature"]
    plain = unseal(encrypted, config["encoding_aes_key"], config["receive_id"])
    assert plain.decode() == found["expected"].get("plaintext", plain.decode())
    answer = found["expected"].get("response", {}).get("json_example")
    if answer:
        assert unseal(answer["encrypt"], config["encoding_aes_key"], config["receive_id"]) == b"success"
        assert answer["msg_signature"] == event_sign(config["token"], answer["timeStamp"], answer["nonce"], answer["encrypt"])


@pytest.mark.parametrize("words", ["一" * 200, "success", "x" * 300, ""])
def test_what_is_sealed_is_unsealed_by_whom_it_is_for(words: str) -> None:
    """Where the official sample fails: Chinese, and more than 128 bytes."""
    sealed = seal(words.encode(), KEY, "us", b"0123456789abcdef")
    assert unseal(sealed, KEY, "us").decode() == words
    for receiver in ("them", ""):
        with pytest.raises(Unsealed):
            unseal(sealed, KEY, receiver)


@pytest.mark.parametrize("name", ["event_bad_padding_zero", "event_truncated_base64"])
def test_what_is_broken_is_not_unsealed(name: str) -> None:
    found = vector(name)
    with pytest.raises(Unsealed):
        unseal(json.loads(found["request"]["body"])["encrypt"], found["config"]["encoding_aes_key"], found["config"]["receive_id"])


# Over HTTP

Answerer = Callable[[str, Json], tuple[int, bytes]]


class Product:
    """A product that listens over HTTP: it remembers what came, and answers as the test says."""

    def __init__(self) -> None:
        self.answer: Answerer = lambda path, body: (200, b"{}")
        self.raw: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    @property
    def heard(self) -> list[Json]:
        return [json.loads(body) for _, _, body in self.raw]


@contextmanager
def listening(product: Product) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            product.raw.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, content = product.answer(self.path, json.loads(body))
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # it was too slow, and nobody waits any more

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    product.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def product(sim: Sim) -> Iterator[Product]:
    product = Product()
    with listening(product):
        callback = sim.callback(f"{product.url}/robot", events=f"{product.url}/events", token=TOKEN, aes_key=KEY, answer_within=PATIENT)
        callback.click_within = callback.event_within = PATIENT
        yield product


def test_a_message_comes_with_a_signature_that_does_not_know_its_body(sim: Sim, product: Product) -> None:
    delivery = sim.person("lina").says(ROOM, "/定级 二级", mention=("wang",))
    path, headers, body = product.raw[0]
    assert (path, headers["sign"]) == ("/robot", robot_sign(headers["timestamp"], sim.state.app_secret))
    like = json.loads(vector("robot_text_group_ok")["request"]["body"])
    heard = json.loads(body)
    assert set(like) <= set(heard)
    assert {name: type(heard[name]) for name in like} == {name: type(like[name]) for name in like}
    assert (heard["text"], heard["senderStaffId"], heard["conversationId"]) == ({"content": " /定级 二级"}, "lina", ROOM)
    assert heard["atUsers"][1]["staffId"] == "wang"
    assert delivery is not None
    sim.deliveries.replay(delivery, {**heard, "senderStaffId": "wang"})
    assert (product.raw[1][1]["sign"], product.heard[1]["senderStaffId"]) == (headers["sign"], "wang")


def test_in_a_group_the_robot_hears_what_mentions_it(sim: Sim, product: Product) -> None:
    lina = sim.person("lina")
    lina.says(ROOM, "吃饭去", mention_bot=False)
    assert product.heard == []
    lina.says("", "我的任务")
    like = json.loads(vector("robot_text_p2p_ok")["request"]["body"])
    assert set(product.heard[0]) == set(like)
    assert (product.heard[0]["conversationType"], product.heard[0]["text"]["content"]) == ("1", "我的任务")
    with pytest.raises(NotPossible):
        sim.person("wang").says(sim.direct("lina").id, "x")


def test_an_unpublished_robot_is_not_told_who_speaks(sim: Sim, product: Product) -> None:
    sim.state.published = False
    sim.person("lina").says("", "一")
    assert "senderStaffId" not in product.heard[0]


def test_the_months_messages_used_up_they_come_without_their_text(sim: Sim, product: Product) -> None:
    sim.state.inbound.limit = 1
    for text in ("一", "二"):
        sim.person("lina").says("", text)
    assert [("text" in one, one.get("errorCode")) for one in product.heard] == [(True, None), (False, "20001")]


def test_the_answer_to_a_message_is_said_in_its_chat(sim: Sim, product: Product) -> None:
    answers: list[tuple[int, Any, str]] = [
        (200, {"msgtype": "text", "text": {"content": "@lina 收到"}, "at": {"atUserIds": ["lina", "wang"]}}, ""),
        (200, {"msgtype": "empty"}, ""),
        (200, {"msgtype": "sampleText"}, "wrong answer: 400105"),
        (500, {}, "HTTP 500"),
    ]
    for status, answer, problem in answers:
        content = json.dumps(answer).encode()
        product.answer = lambda path, body, status=status, content=content: (status, content)  # type: ignore[misc]
        delivery = sim.person("lina").says(ROOM, "一")
        assert delivery is not None
        assert delivery.problems[0].startswith(problem)
        assert bool(problem) is not delivery.arrived
    said = [message for message in sim.chat(ROOM).messages if message.sender == "robot"]
    assert [(message.content, message.mentioned) for message in said] == [({"content": "@lina 收到"}, {"lina"})]
    assert sim.oddities == ["wang is in `at`, and the text has no @wang"]


def test_a_session_is_open_for_ninety_minutes(sim: Sim, product: Product, caller: Caller) -> None:
    sim.person("lina").says(ROOM, "一")
    heard = product.heard[0]
    assert heard["sessionWebhookExpiredTime"] == milliseconds(sim.clock()) + 90 * 60_000
    given = {"msgtype": "markdown", "markdown": {"title": "收到", "text": "@wang 请认领"}, "at": {"atUserIds": ["wang"], "isAtAll": False}}

    def post(body: Json) -> int:
        found: int = caller.http.post(heard["sessionWebhook"], json=body).json()["errcode"]
        return found

    assert post(given) == 0
    assert sim.chat(ROOM).messages[-1].mentioned == {"wang"}
    assert [post({"msgtype": "image", "image": {}}), post({"msgtype": "text", "text": {"content": ""}})] == [400105, 40035]
    sim.clock.push(minutes=90)
    assert post(given) == sim.state.session_gone


def test_files_are_fetched_by_their_code(sim: Sim, product: Product, caller: Caller) -> None:
    lina = sim.person("lina")
    lina.sends_file("", "证据.pdf", b"bytes")
    lina.sends_file(ROOM, "图.png", b"picture", image=True)
    assert lina.sends_file(ROOM, "证据.pdf", b"bytes") is None  # nobody can mention the robot together with a file
    first, second = product.heard
    assert (first["msgtype"], first["content"]["fileName"], second["msgtype"]) == ("file", "证据.pdf", "richText")
    path = "/v1.0/robot/messageFiles/download"
    for code, content in ((first["content"]["downloadCode"], b"bytes"), (second["content"]["richText"][1]["downloadCode"], b"picture")):
        address = caller.new("POST", path, {"downloadCode": code, "robotCode": sim.state.robot_code}).json()["downloadUrl"]
        assert caller.http.get(address).content == content
    assert caller.new("POST", path, {"downloadCode": "x", "robotCode": sim.state.robot_code}).status_code == 400


def clickable(sim: Sim, caller: Caller, product: Product, **also: Any) -> None:
    given = {"callbackRouteKey": "gengfu", "callbackUrl": "https://bot.example.com/card", "apiSecret": "api-secret", "forceUpdate": True}
    assert caller.new("POST", "/v1.0/card/callbacks/register", {**given, **also}).status_code == 200
    assert caller.makes(callbackType="HTTP", callbackRouteKey="gengfu").status_code == 200


def test_a_click_comes_signed_and_says_no_chat(sim: Sim, product: Product, caller: Caller) -> None:
    clickable(sim, caller, product)
    card = sim.chat(ROOM).messages[0]
    answer = {
        "cardUpdateOptions": {"updateCardDataByKey": True},
        "cardData": {"cardParamMap": {"body1": "T1 李娜"}},
        "userPrivateData": {"cardParamMap": {"hint": "你"}},
    }
    product.answer = lambda path, body: (200, json.dumps(answer).encode())
    click = sim.person("lina").taps(card, "认领")
    assert (click.problem, click.updated) == ("", True)
    assert [sim.person(one).seen(card) for one in ("lina", "wang")] == ["行情中断\nT1 李娜\n你", "行情中断\nT1 李娜"]
    path, headers, body = product.raw[0]
    assert (path, headers["x-ddpaas-signature"]) == ("/card", card_sign(headers["x-ddpaas-signature-timestamp"], "api-secret"))
    like = json.loads(vector("card_click_ok")["request"]["body"])
    assert set(json.loads(body)) == set(like)
    assert json.loads(json.loads(body)["content"]) == {"cardPrivateData": {"actionIds": ["b1"], "params": {"a": "k1", "c": ROOM}}}


@pytest.mark.parametrize(
    ("status", "answer", "problem", "updated"),
    [
        (200, {}, "", False),
        (200, {"cardData": {"cardParamMap": {"title": "一"}}}, "", True),
        (200, {"cardData": {"cardParamMap": {"title": 1}}}, "wrong answer", False),
        (200, {"toast": "收到"}, "wrong answer", False),
        (500, {}, "wrong status", False),
    ],
)
def test_the_answer_to_a_click(sim: Sim, product: Product, caller: Caller, status: int, answer: Json, problem: str, updated: bool) -> None:
    clickable(sim, caller, product)
    product.answer = lambda path, body: (status, json.dumps(answer).encode())
    click = sim.person("lina").taps(sim.chat(ROOM).messages[0], "认领")
    assert (click.problem, click.updated) == (problem, updated)
    assert len(product.raw) == 1


def test_a_click_waits_two_seconds_and_no_update_from_inside(sim: Sim, product: Product, caller: Caller) -> None:
    clickable(sim, caller, product)
    card, over = sim.chat(ROOM).messages[0], threading.Event()

    def slowly(path: str, body: Json) -> tuple[int, bytes]:
        caller.updates(cardData={"cardParamMap": {"title": "一"}})
        over.wait(PATIENT)
        return 200, b"{}"

    product.answer = slowly
    assert sim.deliveries.callback is not None
    sim.deliveries.callback.click_within = 2.0
    assert sim.person("lina").taps(card, "认领").problem == "too slow"
    over.set()
    assert sim.oddities == ["card-1 is updated from inside its callback"]
    product.answer = lambda path, body: (200, b"{}")
    caller.makes("card-2", callbackType="HTTP", callbackRouteKey="gengfu")
    assert sim.deliveries.callback is not None
    sim.deliveries.callback.url = "http://127.0.0.1:1/robot"
    assert sim.person("lina").taps(sim.chat(ROOM).messages[1], "认领").problem == "not reached"


def test_a_click_without_a_secret_is_not_signed(sim: Sim, product: Product, caller: Caller) -> None:
    clickable(sim, caller, product, apiSecret="")
    sim.person("lina").taps(sim.chat(ROOM).messages[0], "认领")
    assert "x-ddpaas-signature" not in product.raw[0][1]
    assert "not signed" in sim.oddities[0]


def succeeded(word: str = "success", receiver: str = "", **also: str) -> Callable[[Sim], Answerer]:
    def at(sim: Sim) -> Answerer:
        encrypted = seal(word.encode(), KEY, receiver or sim.state.app_key, b"0123456789abcdef")
        stamp = str(milliseconds(sim.clock()))
        answer = {"msg_signature": event_sign(TOKEN, stamp, "n", encrypted), "timeStamp": stamp, "nonce": "n", "encrypt": encrypted, **also}
        return lambda path, body: (200, json.dumps(answer).encode())

    return at


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (succeeded(), ""),
        (succeeded("ok"), "not success"),
        (succeeded(receiver="them"), "unsealed: not for us"),
        (succeeded(msg_signature="0"), "wrong signature"),
        (lambda sim: lambda path, body: (200, b"success"), "wrong answer"),
        (lambda sim: lambda path, body: (204, b""), "HTTP 204"),
    ],
)
def test_events_take_the_sealed_success(sim: Sim, product: Product, answer: Callable[[Sim], Answerer], problem: str) -> None:
    product.answer = answer(sim)
    assert sim.deliveries.check_url() == problem
    assert sim.person("lina").adds(ROOM, "lina").problems == [problem]
    path, _, body = product.raw[1]
    query = dict(parse_qsl(urlsplit(path).query))
    encrypted = json.loads(body)["encrypt"]
    assert query["signature"] == query["msg_signature"] == event_sign(TOKEN, query["timestamp"], query["nonce"], encrypted)
    event = json.loads(unseal(encrypted, KEY, sim.state.app_key))
    assert (event["EventType"], event["OpenConversationId"], event["UserId"]) == ("chat_add_member", ROOM, ["lina"])
    assert json.loads(unseal(json.loads(product.raw[0][2])["encrypt"], KEY, sim.state.app_key))["EventType"] == "check_url"


def test_requests_go_to_the_replicas_in_turn(sim: Sim, product: Product) -> None:
    other = Product()
    with listening(other):
        assert sim.deliveries.callback is not None
        sim.deliveries.callback.replicas.append(other.url)
        for number in range(4):
            sim.person("lina").says("", str(number))
    assert (len(product.raw), len(other.raw)) == (2, 2)


# Over the stream


class Listener:
    """A client of the stream: it remembers what came, and acknowledges as the test says."""

    def __init__(self, socket: ClientConnection, answer: Callable[[Json], Json | None]) -> None:
        self.socket = socket
        self.heard: list[Json] = []
        self.answer = answer

    async def listen(self) -> None:
        async for sent in self.socket:
            frame = json.loads(sent)
            self.heard.append(frame)
            if (ack := self.answer(frame)) is not None:
                await self.socket.send(json.dumps(ack))


def acknowledged(frame: Json, data: Any = None, code: int = 200) -> Json:
    """As the official client does it; `data` None: the SYSTEM frame's own, or {"response": {}}."""
    text = json.dumps(data) if data is not None else frame["data"] if frame["type"] == "SYSTEM" else '{"response": {}}'
    headers = {"contentType": "application/json", "messageId": frame["headers"]["messageId"]}
    return {"code": code, "headers": headers, "message": "OK", "data": text}


def ticket(sim: Sim, subscriptions: Any = SUBSCRIPTIONS, **also: str) -> httpx.Response:
    given = {"clientId": sim.state.app_key, "clientSecret": sim.state.app_secret, "subscriptions": subscriptions, "ua": "test", **also}
    return httpx.post(f"{sim.url}/v1.0/gateway/connections/open", json=given, timeout=PATIENT, trust_env=False)


def address(sim: Sim, **how: Any) -> str:
    found = ticket(sim, **how).json()
    return f"{found['endpoint']}?ticket={found['ticket']}"


@contextmanager
def on_stream(sim: Sim, answer: Callable[[Json], Json | None] = acknowledged, **how: Any) -> Iterator[Listener]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> tuple[Listener, asyncio.Task[None]]:
        listener = Listener(await connect(address(sim, **how), proxy=None, close_timeout=0.2), answer)
        return listener, asyncio.create_task(listener.listen())

    async def end(task: asyncio.Task[None], listener: Listener) -> None:
        await listener.socket.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    count = len(sim.wire.connections)
    listener, task = asyncio.run_coroutine_threadsafe(begin(), loop).result(PATIENT)
    while len(sim.wire.connections) == count:
        time.sleep(0.005)
    try:
        yield listener
    finally:
        asyncio.run_coroutine_threadsafe(end(task, listener), loop).result(PATIENT)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_frames_are_as_known(sim: Sim, caller: Caller) -> None:
    like = vector("stream_session_frames")
    caller.makes()
    with on_stream(sim) as listener:
        said = sim.person("lina").says(ROOM, "一")
        click = sim.person("lina").taps(sim.chat(ROOM).messages[0], "认领")
        sim.person("lina").adds(ROOM, "wang")
        assert sim.ping_connections() == [True]
        assert said is not None
        assert (said.problems, click.problem) == ([""], "")
    for frame, name in zip(listener.heard, ("bot_message", "card_click", "event", "system_ping"), strict=True):
        known = like["frames"][name]["server_frame"]
        assert {**frame, "headers": 0, "data": 0} == {**known, "headers": 0, "data": 0}
        assert set(frame["headers"]) == set(known["headers"])
        assert all(isinstance(value, str) for value in frame["headers"].values())
        assert set(json.loads(known["data"])) <= set(json.loads(frame["data"]))
    assert json.loads(listener.heard[1]["data"])["spaceId"] == ROOM
    assert sim.oddities == []


@pytest.mark.parametrize("name", ["bot_message", "card_click", "event", "system_ping"])
def test_the_official_clients_acknowledgements_pass(sim: Sim, caller: Caller, name: str) -> None:
    known = vector("stream_session_frames")["frames"][name]["client_ack"][0]
    caller.makes()

    def as_known(frame: Json) -> Json:
        headers = {**known["headers"], "messageId": frame["headers"]["messageId"]}
        return {**known, "headers": headers, "data": frame["data"] if name in ("system_ping", "event") else known["data"]}

    with on_stream(sim, as_known):
        if name == "system_ping":
            assert sim.ping_connections() == [True]
        elif name == "card_click":
            click = sim.person("lina").taps(sim.chat(ROOM).messages[0], "认领")
            assert (click.problem, click.updated) == ("", True)
            assert sim.state.cards["card-1"].values["status"] == "已认领"
        else:
            found = sim.person("lina").says("", "一") if name == "bot_message" else sim.person("lina").adds(ROOM, "wang")
            assert found is not None
            assert found.problems == [""]


def test_what_is_not_acknowledged_comes_again_after_a_minute(sim: Sim) -> None:
    sim.wire.ack_within = HURRIED
    deaf = True

    def answer(frame: Json) -> Json | None:
        return None if deaf else acknowledged(frame)

    with on_stream(sim, answer) as listener:
        said = sim.person("lina").says("", "一")
        assert said is not None
        assert said.problems == ["no acknowledgement"]
        sim.advance(seconds=59)
        assert len(listener.heard) == 1
        deaf, sim.wire.ack_within = False, PATIENT
        sim.advance(seconds=1)
        first, second = listener.heard
        assert json.loads(first["data"])["msgId"] == json.loads(second["data"])["msgId"]
        assert first["headers"]["messageId"] != second["headers"]["messageId"]
        sim.advance(hours=1)
        assert (len(listener.heard), said.problems) == (2, ["no acknowledgement", ""])


def test_an_event_that_is_wanted_later_comes_later(sim: Sim) -> None:
    answers = iter(["LATER", "SUCCESS"])
    with on_stream(sim, lambda frame: acknowledged(frame, {"status": next(answers), "message": ""})):
        event = sim.person("lina").dissolves(ROOM)
        assert event.problems == ["later"]
        sim.advance(minutes=1)
        assert event.problems == ["later", ""]


def test_a_click_is_sent_once_and_needs_its_answer(sim: Sim, caller: Caller) -> None:
    sim.wire.ack_within = HURRIED
    caller.makes()
    card = sim.chat(ROOM).messages[0]
    answers: list[Callable[[Json], Json | None]] = [
        lambda frame: None,
        lambda frame: acknowledged(frame, code=500),
        lambda frame: acknowledged(frame, {"response": {"cardData": {"cardParamMap": {"title": "一"}}}}),
    ]
    with on_stream(sim, lambda frame: answers.pop(0)(frame)) as listener:
        clicks = [sim.person("lina").taps(card, "认领")]
        sim.wire.ack_within = PATIENT
        clicks.append(sim.person("lina").taps(card, "认领"))
        sim.advance(hours=1)
        clicks.append(sim.person("lina").taps(card, "认领"))
        assert [(click.problem, click.updated) for click in clicks] == [("too slow", False), ("wrong status", False), ("", True)]
        assert len(listener.heard) == 3


def test_an_acknowledgements_data_is_a_text_of_json(sim: Sim) -> None:
    sim.wire.ack_within = HURRIED
    with on_stream(sim, lambda frame: {**acknowledged(frame), "data": {"response": {}}}):
        said = sim.person("lina").says("", "一")
    assert said is not None
    assert said.problems == ["no acknowledgement"]
    assert "not a text of JSON" in sim.oddities[0]


def test_only_what_was_subscribed_comes(sim: Sim) -> None:
    sim.wire.ack_within = PATIENT
    with on_stream(sim, subscriptions=SUBSCRIPTIONS[:1]) as listener:
        said = sim.person("lina").says("", "一")
        assert said is not None
        assert said.problems == ["no acknowledgement"]
        assert sim.person("lina").adds(ROOM, "wang").arrived
    assert [frame["type"] for frame in listener.heard] == ["EVENT"]


def test_of_several_connections_each_gets_its_turn(sim: Sim) -> None:
    with on_stream(sim) as first, on_stream(sim) as second:
        for number in range(10):
            sim.person("lina").says("", str(number))
        assert (len(first.heard), len(second.heard)) == (5, 5)


def test_a_ticket_is_good_once_and_not_for_long(sim: Sim) -> None:
    async def enters(url: str) -> bool:
        try:
            async with connect(url, proxy=None):
                return True
        except Exception:
            return False

    url = address(sim)
    assert [asyncio.run(enters(url)) for _ in range(2)] == [True, False]
    late = address(sim)
    sim.clock.push(seconds=90)
    assert asyncio.run(enters(late)) is False
    assert ticket(sim, clientSecret="x").status_code == 401
    assert ticket(sim, [{"type": "CALLBACK", "topic": "/v1.0/im/bot/message/get"}]).status_code == 400


def test_who_does_not_echo_a_ping_is_cut_off(sim: Sim) -> None:
    sim.wire.ack_within = PATIENT
    with on_stream(sim, lambda frame: acknowledged(frame, {"opaque": "another"})), on_stream(sim):
        assert sim.ping_connections() == [False, True]
        _until(lambda: len(sim.wire.connections) == 1)


def test_connections_die_in_three_ways(sim: Sim) -> None:
    sim.wire.ack_within = HURRIED
    with on_stream(sim) as listener:
        sim.silence_connections()
        said = sim.person("lina").says("", "一")
        assert said is not None
        assert (said.problems, listener.heard) == (["no acknowledgement"], [])
        with pytest.raises(concurrent.futures.TimeoutError):
            asyncio.run_coroutine_threadsafe(_pong(listener.socket), listener.socket.loop).result(0.5)
        sim.drop_connections()
        _until(lambda: not sim.wire.connections)
    with on_stream(sim) as listener:
        sim.ask_to_reconnect(grace=0.05)
        _until(lambda: not sim.wire.connections)
        assert (listener.heard[0]["type"], listener.heard[0]["headers"]["topic"]) == ("SYSTEM", "disconnect")


async def _pong(socket: ClientConnection) -> None:
    await (await socket.ping())


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENT
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def test_a_late_acknowledgement_makes_duplicates(sim: Sim) -> None:
    sim.deliveries.duplicates = 1.0
    with on_stream(sim) as listener:
        sim.person("lina").says("", "一")
        sim.advance(minutes=5)
    assert len({json.loads(frame["data"])["msgId"] for frame in listener.heard}) == 1
    assert len(listener.heard) == 2
