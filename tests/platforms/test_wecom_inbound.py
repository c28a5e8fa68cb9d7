"""WeCom's callbacks and frames: every vector reaches its verdict with its decoded fields; one byte changed and it is refused; nothing ever
raises, whatever is sent."""

import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.platforms.core.contract import Answer, NotAuthentic
from bot.platforms.wecom import xml
from bot.platforms.wecom.app_inbound import AppInbound, AppSecrets, Event
from bot.platforms.wecom.crypt import query_of
from bot.platforms.wecom.robot_inbound import RobotEvent, RobotInbound, RobotSecrets, unmentioned
from handlers.core.message import Message
from tests.wecom_firm import firm_on_wecom

VECTORS = Path(__file__).parent / "vectors" / "wecom"
#: `make test` plays a few; EXAMPLES=100000 the whole number of the issue.
MUTATIONS = int(os.environ.get("EXAMPLES", "2000"))


def _load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return found


NAMES = [path.stem for path in sorted(VECTORS.glob("*.json")) if path.stem != "MANIFEST"]
HTTP = [name for name in NAMES if "request" in _load(name)]


def _inbound(config: dict[str, Any], now: int) -> AppInbound | RobotInbound:
    clock = datetime.fromtimestamp(now, UTC)
    if config["mode"] == "app_xml":
        secrets = AppSecrets(config["receive_id"], config.get("agent_id", 1000002), "", config["token"], config["encoding_aes_key"])
        return AppInbound(secrets, lambda: clock)
    robot = RobotSecrets(config["aibot_id"], "", config["token"], config["encoding_aes_key"])
    return RobotInbound(robot, lambda: clock)


def _request(request: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in request["headers"].items()}
    road = {":method": request["method"], ":path": f"{request['path']}?{request['raw_query']}"}
    return {**headers, **road}, request["body"].encode()


def _shown(event: Event | RobotEvent) -> dict[str, Any]:
    """An event in the words of the vectors."""
    key = f"wecom:{event.key}"
    robot = isinstance(event, RobotEvent)
    group = isinstance(event, RobotEvent) and event.group
    chat: dict[str, str | None] = {"chat_id": event.chat} if isinstance(event, RobotEvent) and event.group else {}
    url = {"reply_url": event.reply_url} if isinstance(event, RobotEvent) and event.reply_url else {}
    kind: dict[str, Any] = {"kind": event.kind, "chat_type": "group" if group else "p2p", "sender_id": event.sender, "idempotency_key": key}
    match event.kind:
        case "message":
            attached = [{"type": one.kind, "url": json.loads(one.key)["url"], "encrypted": True} for one in event.attached]
            also = {"attachments": attached} if attached else {}
            chat = chat if robot else {"chat_id": None}
            return {**kind, **chat, **(url if group else {}), **also, "message_id": event.message_id, "text": event.text}
        case "card_action":
            form = {name: list(chosen) for name, chosen in event.form.items()}
            token = {"update_token": event.update_token} if isinstance(event, Event) else {}
            return {**kind, **chat, **url, **token, "action_key": event.action, "card_ref": event.card, "form": form}
        case "bot_opened":
            return kind if robot else {name: value for name, value in kind.items() if name != "chat_type"}
        case "feedback":
            return {name: value for name, value in kind.items() if name != "chat_type"}
        case "stream_refresh":
            assert isinstance(event, RobotEvent)
            return {"kind": event.kind, "stream_id": event.stream, "chat_id": event.chat}
    return {"kind": event.kind}


@pytest.mark.parametrize("name", HTTP)
def test_a_vector_reaches_its_verdict(name: str) -> None:
    vector = _load(name)
    inbound = _inbound(vector["config"], vector["now"])
    headers, body = _request(vector["request"])
    expected = vector["expected"]
    if expected["verdict"] == "reject":
        with pytest.raises(NotAuthentic) as refused:
            inbound.receive(headers, body)
        assert refused.value.reason == expected["reason"]
        return
    event = inbound.receive(headers, body)
    found = inbound.portable(event)  # type: ignore[arg-type]
    if expected["decoded"]["kind"] == "url_verification":
        assert isinstance(found, Answer)
        assert found.body.decode() == expected["plaintext"]
        return
    assert inbound.open(query_of(headers), body) == expected["plaintext"]
    decoded = {key: value for key, value in expected["decoded"].items() if key != "note"}
    assert {key: _shown(event)[key] for key in decoded} == decoded
    assert not isinstance(found, Answer) or found.body == b"", "an empty answer is what WeCom takes for received"


def test_a_retry_carries_the_same_key() -> None:
    vector = _load("app_retry_duplicate")
    keys = set()
    for now, request in zip(vector.get("nows", [vector.get("now")] * 2), vector["requests"], strict=True):
        inbound = _inbound(vector["config"], now)
        found = inbound.portable(inbound.receive(*_request(request)))  # type: ignore[arg-type]
        assert isinstance(found, Message)
        keys.add(found.event_id)
    assert len(keys) == 1


def test_a_passive_answer_is_sealed_as_wecom_does_it() -> None:
    vector = _load("reply_app_update_button")
    inputs = vector["inputs"]
    inbound = _inbound(vector["config"], inputs["timestamp"])
    assert isinstance(inbound, AppInbound)
    sealed = inbound.envelope.seal(vector["plaintext"], inputs["random16"].encode(), inputs["nonce"])
    shown = {"Encrypt": sealed.encrypt, "MsgSignature": sealed.signature, "TimeStamp": str(sealed.timestamp), "Nonce": sealed.nonce}
    assert shown == vector["expected_response"]["xml_fields"]


def test_the_frames_of_a_long_connection() -> None:
    vector = _load("ws_session_transcript")
    inbound = RobotInbound(RobotSecrets(vector["config"]["bot_id"], "s"), lambda: datetime.fromtimestamp(vector["now"], UTC))
    heard = [one["frame"]["body"] for one in vector["transcript"] if one["frame"].get("cmd", "").endswith("_callback")]
    said, clicked = (inbound.decode(body) for body in heard)
    assert (said.kind, said.place, said.text) == ("message", "wrkSFfCgAAqlTQ9Kk2", "@值班机器人 支付网关 502 🚨，请拉群并通知 @张三 “P1”")
    assert (clicked.kind, clicked.action, clicked.card) == ("card_action", "v1|ack|INC-42|7f3a", "inc-42_card-1@3")
    message = inbound.portable(said)
    assert isinstance(message, Message)
    assert message.text == "支付网关 502 🚨，请拉群并通知 @张三 “P1”"
    with pytest.raises(NotAuthentic, match="bot_id_mismatch"):
        inbound.decode({**heard[0], "aibotid": "another"})


ACCEPTED = [name for name in HTTP if _load(name)["expected"]["verdict"] == "accept"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_one_sign_changed_is_refused(name: str) -> None:
    """Every sign of the ciphertext, and every parameter that is signed."""
    vector = _load(name)
    inbound = _inbound(vector["config"], vector["now"])
    headers, body = _request(vector["request"])
    raw = vector["request"]["raw_query"]
    for parameter, value in vector["request"]["query"].items():
        changed = raw.replace(f"{parameter}={value[:6]}", f"{parameter}=0{value[1:6]}", 1)
        if changed != raw:
            with pytest.raises(NotAuthentic):
                inbound.receive(*_request({**vector["request"], "raw_query": changed}))
    sealed = next((value for key in (b"<Encrypt><![CDATA[", b'"encrypt":"') if (value := body.find(key) + len(key)) >= len(key)), 0)
    for place in range(sealed, len(body) - 60, 3) if body else ():
        other = b"A" if body[place : place + 1] != b"A" else b"B"
        with pytest.raises(NotAuthentic):
            inbound.receive(headers, body[:place] + other + body[place + 1 :])


@pytest.mark.parametrize("mode", ["app", "aibot"])
def test_of_so_many_mutated_requests_none_gets_in(mode: str) -> None:
    """Bytes changed, cut, doubled and swapped in body, query and headers: refused, and nothing else ever comes of it."""
    dice = random.Random(20261122)
    # The signature of app_bad_signature is right for the nonce "1", which is its own one cut short.
    names = [name for name in HTTP if name.startswith((mode, "kat") if mode == "app" else mode) and name != "app_bad_signature"]
    vectors = [_load(name) for name in names]
    accepted = [vector for vector in vectors if vector["expected"]["verdict"] == "accept"]
    genuine = {_proven(*_request(vector["request"])) for vector in accepted}
    for round_ in range(MUTATIONS):
        vector = vectors[round_ % len(vectors)]
        inbound = _inbound(vector["config"], vector["now"])
        headers, body = _mutated(dice, *_request(vector["request"]))
        if _proven(headers, body) in genuine:
            continue
        with pytest.raises(NotAuthentic):
            inbound.receive(headers, body)


def _proven(headers: dict[str, str], body: bytes) -> tuple[str, ...]:
    """What the signature covers: parameters, and what is sealed, however it is wrapped."""
    try:
        query = query_of(headers)
        sealed = xml.parse(body).text_of("Encrypt") if body[:1] == b"<" else json.loads(body)["encrypt"] if body else ""
    except (NotAuthentic, ValueError, KeyError, TypeError, RecursionError):
        return ("", str(headers), str(body))
    signed = tuple(query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
    return (*signed, query.get("echostr", "") if headers.get(":method") == "GET" else sealed)


def _mutated(dice: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    if not body or dice.random() < 0.4:
        path = headers[":path"]
        place = dice.randrange(path.index("?"), len(path))
        junk = dice.choice(["&nonce=1", "%00", "é", "１", "&", "=", "%zz", "?", "&msg_signature=", "#", "+", path[place:] * 2])
        start, rest = path[:place], path[place:]
        other = {":path": dice.choice([start, start + junk + rest, start + junk + rest[1:], path.partition("?")[0]])}
        method = {":method": dice.choice(["GET", "POST", "PUT"])} if dice.random() < 0.1 else {}
        return {**headers, **other, **method}, body
    place = dice.randrange(len(body))
    match dice.randrange(6):
        case 0:
            body = body[:place]
        case 1:
            body = body[:place] + bytes([dice.randrange(256)]) + body[place + 1 :]
        case 2:
            body = body[:place] + body[place:] * 2
        case 3:
            body = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
        case 4:
            doctype, head = b'<!DOCTYPE x [<!ENTITY a "b">]>', b"<?xml version='1.0' encoding='utf-16'?>"
            body = body[:place] + dice.choice([doctype, head, b"<Encrypt>", b"&a;", b"]]>", b"<a>" * 5000]) + body[place:]
        case _:
            body = body[:place] + dice.choice([b"{", b'"', b"\\u0000", b"\xff", b"[" * 3000, b"null"]) + body[place:]
    return headers, body


def test_no_xml_but_plain_elements() -> None:
    for text, reason in (
        ("<xml><a>1</a><a>2</a></xml>", "bad_xml"),
        ("<html/>", "bad_xml"),
        ("<xml>" * 20, "bad_xml"),
        ("<xml><a>&undeclared;</a></xml>", "bad_xml"),
        ('<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>', "xml_dtd_forbidden"),
        ("<xml>" + "".join(f"<a{n}/>" for n in range(500)) + "</xml>", "bad_xml"),
    ):
        with pytest.raises(NotAuthentic, match=reason):
            xml.parse(text)
    said = "<b>]]>&amp;\n\x00\ud800\ufffe🚨"
    assert xml.parse(xml.tag("xml", xml.words("Content", said))).text_of("Content") == "<b>]]>&amp;\n🚨"


def test_the_robots_own_mention_is_left_out() -> None:
    for said, meant in (
        ("@值班机器人 /help", "/help"),
        ("@值班机器人\u2005/任务 认领 T1", "/任务 认领 T1"),
        ("/任务 指派 T1 @张三 @值班机器人", "/任务 指派 T1 @张三"),
        ("@更夫 /任务 指派 T1 @张三", "/任务 指派 T1 @张三"),
        ("a@b.example 收到", "a@b.example 收到"),
    ):
        assert unmentioned(said) == meant


def test_a_click_in_the_menu_is_what_was_chosen() -> None:
    inbound = AppInbound(AppSecrets("ww1", 7, "", "t", "A" * 43), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    event = Event("card_action", "evt:1", "LiNa", action="more", card="c1", form={"more": ("3|/incident close I1",)})
    found = inbound.portable(event)
    assert isinstance(found, Message)
    assert (found.kind, found.text, found.version, found.reply_to) == ("click", "/incident close I1", 3, "c1")
    nothing = inbound.portable(Event("card_action", "evt:2", "LiNa", action="more", card="c1", form={"more": ("-",)}))
    assert isinstance(nothing, Answer)


def test_over_http_what_proves_nothing_is_refused_counted_and_not_kept(tmp_path: Path) -> None:
    """Through the server itself: 4xx and never 5xx, nothing stored."""
    dice = random.Random(6)
    with firm_on_wecom(tmp_path, "callback") as firm, httpx.Client(base_url=firm.url, trust_env=False, timeout=10) as http:
        kept, statuses = firm.waiting(), set()
        for road, mode in (("/callbacks/wecom", "app"), ("/callbacks/wecom-bot", "aibot")):
            vectors = [_load(name) for name in HTTP if name.startswith(mode)]
            for round_ in range(150):
                headers, body = _mutated(dice, *_request(vectors[round_ % len(vectors)]["request"]))
                query = headers[":path"].partition("?")[2].encode("ascii", "ignore").decode().replace("#", "")
                method = headers[":method"] if headers[":method"] != "PUT" else "POST"
                statuses.add(http.request(method, f"{road}?{query}", content=body).status_code)
        assert statuses <= {401, 413}, statuses
        assert firm.waiting() == kept
        samples = [sample for metric in firm.parts.metrics.refused_callbacks.collect() for sample in metric.samples]
        assert sum(sample.value for sample in samples if sample.name.endswith("_total")) == 300
