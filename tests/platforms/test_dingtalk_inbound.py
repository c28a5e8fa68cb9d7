"""DingTalk's callbacks: every vector reaches its verdict with its decoded fields; what is mutated stores nothing; nothing ever raises."""

import asyncio
import json
import os
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.platforms.core.container import Container, key_of
from bot.platforms.core.contract import Answer, Heard, NotAuthentic
from bot.platforms.dingtalk.adapter import DingTalk, Setup
from bot.platforms.dingtalk.inbound import Event, Inbound, Secrets, header_sign
from handlers.core.message import Message, Reply
from storage.database import Database
from storage.shelf import DatabaseShelf
from tests.platforms.test_dingtalk_contract import LABELS
from tests.ready import with_schema
from tests.simulators.dingtalk import Clock

VECTORS = Path(__file__).parent / "vectors" / "dingtalk"
ROADS = {"robot_http": "/callbacks/dingtalk", "card_http": "/callbacks/dingtalk/card", "event_http": "/callbacks/dingtalk/events"}
#: Mutated requests per road; `EXAMPLES=100000` for the figure of the issue.
EXAMPLES = int(os.environ.get("EXAMPLES", "2000"))


def _load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return found


HTTP = [path.stem for path in sorted(VECTORS.glob("*.json")) if "request" in json.loads(path.read_text("utf-8"))]


def _said(reply: Reply) -> Answer:
    return Answer(json.dumps({"said": reply.text}).encode())


def _inbound(config: Mapping[str, Any], now: float) -> Inbound:
    clock = datetime.fromtimestamp(now, UTC)
    key = key_of(config["encoding_aes_key"]) if "encoding_aes_key" in config else b""
    client = config.get("app_key") or config.get("receive_id", "")
    secrets = Secrets(
        client, config.get("app_secret", ""), config.get("robot_code", ""), config.get("corp_id", ""), config.get("token", ""), key,
        config.get("api_secret", ""),
    )  # fmt: skip
    return Inbound(secrets, lambda: clock, _said, bytes)


def _request(vector: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    request = vector["request"]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    road = ROADS[vector["config"]["mode"]]
    path = f"{road}?{request['raw_query']}" if request["raw_query"] else road
    return {**headers, ":method": "POST", ":path": path}, request["body"].encode()


def _shown(event: Event) -> dict[str, Any]:
    """An event in the words of the vectors."""
    match event.kind:
        case "message":
            return {
                "kind": "message", "chat_type": event.chat_type, "chat_id": event.chat, "sender_id": event.sender,
                "sender_name": event.sender_name, "message_id": event.message_id, "text": event.text, "reply_url": event.reply_url,
                "reply_url_expires_ms": event.reply_url_ends, "idempotency_key": f"dingtalk:{event.key}",
            }  # fmt: skip
        case "card_action":
            return {
                "kind": "card_action", "sender_id": event.sender, "card_ref": event.card, "action_ids": list(event.action_ids),
                "action_key": event.action, "form": {}, "chat_id": event.chat or None, "idempotency_key": f"dingtalk:{event.key}",
            }  # fmt: skip
        case "members_added":
            return {"kind": "members_added", "chat_id": event.chat, "user_ids": list(event.users)}
    return {"kind": event.kind}


def _decoded(inbound: Inbound, mode: str, headers: Mapping[str, str], body: bytes) -> Event:
    match mode:
        case "robot_http":
            return inbound.said(inbound.open_robot(headers, body))
        case "card_http":
            return inbound.tap(inbound.open_card(headers, body))
    return inbound.happened(inbound.open_event(headers[":path"].partition("?")[2], body))


@pytest.mark.parametrize("name", HTTP)
def test_a_vector_reaches_its_verdict(name: str) -> None:
    vector = _load(name)
    inbound, (headers, body), expected = _inbound(vector["config"], vector["now"]), _request(vector), vector["expected"]
    if expected["verdict"] == "reject":
        with pytest.raises(NotAuthentic) as refused:
            inbound.receive(headers, body)
        assert refused.value.reason == expected["reason"]
        return
    if expected.get("plaintext") == "success":  # an answer of our own kind: it opens, and is no event
        sealed = json.loads(body)["encrypt"]
        container = Container(vector["config"]["token"], key_of(vector["config"]["encoding_aes_key"]))
        assert container.open(sealed, [vector["config"]["receive_id"]]) == b"success"
        return
    found = _decoded(inbound, vector["config"]["mode"], headers, body)
    if expected["verdict"] == "accept" and expected["decoded"]["kind"] != "decrypt_only":
        assert _shown(found) == {key: value for key, value in expected["decoded"].items() if key != "note"}
    heard = inbound.receive(headers, body)
    if vector["config"]["mode"] == "event_http":
        _is_success(heard, vector)
    elif isinstance(heard, Heard):
        assert isinstance(heard.what, Message)
        assert heard.what.unsigned, "nothing covers the body"
        assert json.loads(heard.answer(None).body) == {}


def _is_success(found: object, vector: Mapping[str, Any]) -> None:
    """The word `success`, sealed and signed as DingTalk checks it."""
    assert isinstance(found, Answer)
    answer = json.loads(found.body)
    container = Container(vector["config"]["token"], key_of(vector["config"]["encoding_aes_key"]))
    container.check(answer["msg_signature"], answer["timeStamp"], answer["nonce"], answer["encrypt"])
    assert container.open(answer["encrypt"], [vector["config"]["receive_id"]]) == b"success"


def test_the_official_known_answers() -> None:
    vector = _load("kat_official_robot_header_sign")
    stamp, secret = vector["inputs"]["timestamp"], vector["config"]["app_secret"]
    assert header_sign(secret, f"{stamp}\n{secret}") == vector["expected"]["sign"]
    vector = _load("outbound_custom_robot_sign")
    stamp, secret = vector["inputs"]["timestamp_ms"], vector["config"]["secret"]
    assert header_sign(secret, f"{stamp}\n{secret}") == vector["expected"]["sign"]


def test_success_is_sealed_to_the_byte() -> None:
    """With the random bytes of the vector it is the vector's own answer."""
    vector = _load("event_check_url_ok")
    answer = vector["expected"]["response"]["json_example"]
    container = Container(vector["config"]["token"], key_of(vector["config"]["encoding_aes_key"]))
    from_vector = container.open(answer["encrypt"], [vector["config"]["receive_id"]])
    assert from_vector == b"success"
    assert container.signature(answer["timeStamp"], answer["nonce"], answer["encrypt"]) == answer["msg_signature"]


@pytest.mark.parametrize("name", ["robot_text_group_ok", "card_click_ok", "event_check_url_ok"])
def test_an_hour_is_the_end_also_of_a_clock_that_is_ahead(name: str) -> None:
    vector = _load(name)
    for apart, fine in ((3600, True), (-3600, True), (3600.001, False), (-3600.001, False)):
        inbound = _inbound(vector["config"], vector["now"] + apart)
        if fine:
            inbound.receive(*_request(vector))
        else:
            with pytest.raises(NotAuthentic, match="stale_timestamp"):
                inbound.receive(*_request(vector))


def test_another_organisation_and_another_robot_are_refused() -> None:
    for name, field, reason in (
        ("robot_text_group_ok", "chatbotCorpId", "corp_id_mismatch"),
        ("robot_text_group_ok", "robotCode", "app_id_mismatch"),
        ("card_click_ok", "corpId", "corp_id_mismatch"),
    ):
        vector = _load(name)
        headers, body = _request(vector)
        other = json.dumps({**json.loads(body), field: "another"}).encode()
        with pytest.raises(NotAuthentic, match=reason):
            _inbound(vector["config"], vector["now"]).receive(headers, other)


@pytest.mark.parametrize("query", ["timestamp=1&timestamp=1&nonce=n&signature=s", "a=1" + "&a=1" * 50])
def test_a_parameter_given_twice_is_refused(query: str) -> None:
    vector = _load("event_check_url_ok")
    headers, body = _request(vector)
    with pytest.raises(NotAuthentic, match=r"duplicate_parameter|missing_parameter"):
        _inbound(vector["config"], vector["now"]).receive({**headers, ":path": f"{ROADS['event_http']}?{query}"}, body)


def test_events_sealed_for_somebody_else_are_refused() -> None:
    vector = _load("event_check_url_ok")
    headers, body = _request(vector)
    inbound = _inbound({**vector["config"], "receive_id": "ding-another"}, vector["now"])
    with pytest.raises(NotAuthentic, match="receive_id_mismatch"):
        inbound.receive(headers, body)


def test_a_group_that_is_dissolved_is_heard_and_answered_sealed() -> None:
    vector = _load("event_check_url_ok")
    config = vector["config"]
    container, stamp = Container(config["token"], key_of(config["encoding_aes_key"])), str(vector["now"] * 1000)
    event = {"EventType": "chat_disband", "OpenConversationId": "cid1==", "TimeStamp": stamp, "Operator": "user1"}
    sealed = container.seal(json.dumps(event).encode(), config["receive_id"], bytes(16))
    query = urlencode({"msg_signature": container.signature(stamp, "n", sealed), "timestamp": stamp, "nonce": "n"})
    inbound = _inbound(config, vector["now"])
    heard = inbound.receive({":path": f"{ROADS['event_http']}?{query}"}, json.dumps({"encrypt": sealed}).encode())
    assert isinstance(heard, Heard)
    assert isinstance(heard.what, Message)
    assert (heard.what.kind, heard.what.chat, heard.what.unsigned) == ("left", "cid1==", False)
    _is_success(heard.answer(None), vector)


@pytest.mark.parametrize("mode", ROADS)
def test_of_many_mutated_requests_none_gets_in(mode: str) -> None:
    """Bytes changed, cut, doubled and swapped in body, headers and query: refused, or an answer that stores nothing. Where DingTalk signs
    no body, a request whose headers are left whole may be heard, and is marked so that nothing of four eyes comes of it."""
    dice = random.Random(20261122)
    vectors = [vector for name in HTTP if (vector := _load(name))["config"]["mode"] == mode]
    genuine = {_proven(mode, *_request(vector)) for vector in vectors}
    for round_ in range(EXAMPLES):
        vector = vectors[round_ % len(vectors)]
        inbound = _inbound(vector["config"], vector["now"])
        headers, body = _mutated(dice, *_request(vector))
        try:
            found = inbound.receive(headers, body)
        except NotAuthentic:
            continue
        assert isinstance(found, Answer) or _proven(mode, headers, body) in genuine, (vector["id"], headers, body)
        if isinstance(found, Heard):
            assert isinstance(found.what, Message)
            assert found.what.unsigned is (mode != "event_http")


def _proven(mode: str, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """What the signature covers."""
    if mode == "event_http":
        return headers[":path"], body.decode("latin-1")
    names = ("timestamp", "sign") if mode == "robot_http" else ("x-ddpaas-signature-timestamp", "x-ddpaas-signature")
    return tuple(headers.get(name, "") for name in names)


def _mutated(dice: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    headers = dict(headers)
    if dice.random() < 0.4:
        name = dice.choice([name for name in sorted(headers) if name not in (":method", "content-type")])
        value = headers[name]
        place = dice.randrange(len(value))
        changed = [
            value[:place] + "A" + value[place + 1 :],
            value[::-1],
            value + "0",
            value[:place],
            value + "\x00",
            value + "é",
            "１７６７",
            "-1",
        ]
        headers[name] = dice.choice(changed) if name != ":path" else value[:20] + dice.choice(changed)[20:]
        if name == ":path" and not headers[name].startswith(value.partition("?")[0]):
            headers[name] = value
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
            body = body[:place] + dice.choice([b"{", b'"', b"\\u0000", b"\\ud800", b"\xff", b"[" * 3000, b"null", b":5"]) + body[place:]
        case _:
            pass
    return headers, body


# What stands in a message


def _spoken(**also: object) -> Message:
    inbound = Inbound(Secrets("ding1", "s", "ding1"), lambda: datetime(2026, 1, 1, tzinfo=UTC), _said)
    body = {
        "msgId": "m1", "conversationId": "cid1", "conversationType": "2", "senderStaffId": "0001", "senderNick": "张三", "isInAtList": True,
        "robotCode": "ding1", "msgtype": "text", "text": {"content": " /定级 二级 "}, **also,
    }  # fmt: skip
    found = inbound.portable(inbound.said(inbound.ours(body)))
    assert isinstance(found, Message)
    return found


def test_a_direct_chat_is_called_by_its_person() -> None:
    said = _spoken(conversationType="1")
    assert (said.chat, said.chat_kind, said.addressed, said.unsigned) == ("user:0001", "direct", True, False)
    assert _spoken().chat == "cid1"


def test_who_is_not_of_the_firm_has_no_staff_id() -> None:
    assert _spoken(senderStaffId="", senderId="$:LWCP_v1:$u1").sender == "$:LWCP_v1:$u1"


def test_mentioned_people_are_taken_in_their_order() -> None:
    bot, wu, li = {"dingtalkId": "$:b", "staffId": ""}, {"dingtalkId": "$:w", "staffId": "w1"}, {"dingtalkId": "$:l", "staffId": "l1"}
    said = _spoken(text={"content": " /任务 指派 T1 @吴迪 @李娜 请看"}, atUsers=[bot, wu, li])
    assert said.mentioned == (("吴迪", "w1"), ("李娜", "l1"))
    said = _spoken(text={"content": " /任务 指派 T1"}, atUsers=[bot, wu])
    assert (said.text, said.mentioned) == ("/任务 指派 T1 @w1", (("w1", "w1"),)), (
        "where the names are not in the text, the ids are put there"
    )


def test_files_pictures_and_speech() -> None:
    said = _spoken(msgtype="file", content={"downloadCode": "d1", "fileName": "日志.zip"})
    assert [(one.key, one.name, one.kind) for one in said.attached] == [("d1", "日志.zip", "file")]
    assert _spoken(msgtype="picture", content={"downloadCode": "d2"}).attached[0].kind == "image"
    said = _spoken(
        msgtype="richText", content={"richText": [{"text": "/定级 "}, {"text": "二级"}, {"downloadCode": "d3", "type": "picture"}]}
    )
    assert (said.text, said.attached[0].key) == ("/定级 二级", "d3")
    assert _spoken(msgtype="audio", content={"recognition": "行情中断"}).text == "行情中断"


def test_what_is_kept_back_is_recognised() -> None:
    said = _spoken(errorCode="20001", errorMessage="quota", text={})
    assert (said.kind, said.text, said.sender) == ("withheld", "", "0001")
    assert _spoken(errorCode=20001).kind == _spoken(errCode="20001").kind == "withheld"


def test_a_tap_is_known_by_its_delivery_and_says_where() -> None:
    inbound = Inbound(Secrets("ding1", "s", "ding1"), lambda: datetime(2026, 1, 1, tzinfo=UTC), _said)

    def tap(once: str = "f1", **also: object) -> Message:
        content = {"cardPrivateData": {"actionIds": ["b1"], "params": {"a": "?3|/task done T1", "c": "cid9"}}}
        body = {"type": "actionCallback", "outTrackId": "o1", "userId": "0001", "content": json.dumps(content), **also}
        found = inbound.portable(inbound.tap(body, once))
        assert isinstance(found, Message)
        return found

    first = tap()
    assert (first.text, first.version, first.asks, first.reply_to) == ("/task done T1", 3, 1, "o1")
    assert (first.chat, first.chat_kind) == ("cid9", "group")
    assert tap().event_id == first.event_id
    assert tap(userId="0002").event_id != first.event_id
    assert tap("f2").event_id != first.event_id, "what asks for a form may be asked again"
    assert tap(spaceId="cid7", spaceType="IM_GROUP").chat == "cid7", "the long connection knows better"


def test_a_replayed_tap_is_the_same_event() -> None:
    vector = _load("card_click_ok")
    headers, body = _request(vector)
    content = {"cardPrivateData": {"actionIds": ["b1"], "params": {"a": "3|/task claim T1", "c": "cid9"}}}
    mine = json.dumps({**json.loads(body), "content": json.dumps(content)}).encode()
    inbound = _inbound(vector["config"], vector["now"])
    found = [inbound.receive(headers, mine) for _ in range(2)]
    assert len({one.what.event_id for one in found if isinstance(one, Heard) and isinstance(one.what, Message)}) == 1


@pytest.mark.parametrize("name", ["robot_text_group_ok", "card_click_ok"])
def test_headers_serve_the_body_that_came_with_them_first_and_its_repeats_in_every_replica(name: str, tmp_path: Path) -> None:
    """(timestamp, signature) and not the body is what DingTalk signs; a second body under them is somebody else's."""
    vector = _load(name)
    headers, body = _request(vector)
    if name == "card_click_ok":
        content = {"cardPrivateData": {"actionIds": ["b1"], "params": {"a": "3|/task claim T1", "c": "cid9"}}}
        body = json.dumps({**json.loads(body), "content": json.dumps(content)}).encode()
    clock = Clock(datetime.fromtimestamp(vector["now"], UTC))
    replicas = _replicas(vector["config"], clock, tmp_path / "gengfu.db")
    other = json.dumps({**json.loads(body), "msgId": "forged", "outTrackId": "forged"}).encode()
    assert asyncio.run(_proven_by(replicas[0], headers, body)) == ""
    for later in (0, 1, 3000):
        clock.push(seconds=later)
        for replica in replicas:
            assert asyncio.run(_proven_by(replica, headers, body)) == "", "a repeat of the platform's"
            assert asyncio.run(_proven_by(replica, headers, other)) == "replayed_signature"
            beside = {**headers, "sign": "x", "x-ddpaas-signature": "y"} | {key: headers[key] for key in headers}
            assert asyncio.run(_proven_by(replica, {**beside, "x-other": "z"}, other)) == "replayed_signature", "whatever else stands there"


def _replicas(config: Mapping[str, Any], clock: Clock, file: Path) -> list[DingTalk]:
    database, http = Database(f"sqlite:///{file}"), httpx.AsyncClient()
    with_schema(database)
    shelf = DatabaseShelf(database, "dingtalk", clock)
    secrets = Secrets(
        config.get("app_key", ""), config.get("app_secret", ""), config.get("robot_code", ""), card_secret=config.get("api_secret", "")
    )
    return [DingTalk(secrets, Setup("http"), http, http, shelf, LABELS, clock) for _ in range(2)]


async def _proven_by(platform: DingTalk, headers: Mapping[str, str], body: bytes) -> str:
    """Why it is refused; empty where it is not."""
    try:
        found = platform.receive(headers, body)
        assert isinstance(found, Heard)
        assert found.check is not None
        await found.check()
    except NotAuthentic as refusal:
        return refusal.reason
    return ""


def test_foreign_buttons_do_nothing() -> None:
    inbound = Inbound(Secrets("ding1", "s", "ding1"), lambda: datetime(2026, 1, 1, tzinfo=UTC), _said)
    body = {"type": "actionCallback", "outTrackId": "o1", "userId": "0001", "content": '{"cardPrivateData":{"params":{"a":"v1|ack|x"}}}'}
    assert isinstance(inbound.portable(inbound.tap(body)), Answer)
