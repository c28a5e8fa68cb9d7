"""The stand-in for Feishu answers each mistake with its documented code. What it lets pass is worth as much as what it refuses."""

import asyncio
import base64
import concurrent.futures
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from websockets.asyncio.client import ClientConnection, connect

from tests.simulators.core.listener import HURRIED, PATIENT, listening
from tests.simulators.feishu import Clock, NotPossible, Sim
from tests.simulators.feishu.codec import Frame, Malformed, pack, unpack
from tests.simulators.feishu.sealing import hook_sign, seal, sign

Json = dict[str, Any]
VECTORS = Path(__file__).parents[1] / "platforms" / "vectors" / "feishu"
API = "/open-apis"
MESSAGES = f"{API}/im/v1/messages"
TOKEN = f"{API}/auth/v3/tenant_access_token/internal"


class Caller:
    """Somebody who calls the API well, with a token, unless a test says otherwise."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.http = httpx.Client(base_url=sim.url, timeout=30, trust_env=False)

    def token(self) -> str:
        found: str = self.post(TOKEN, {"app_id": self.sim.state.app_id, "app_secret": self.sim.state.app_secret}, headers={}).json()[
            "tenant_access_token"
        ]
        return found

    def call(self, method: str, path: str, body: Any = None, *, headers: Any = None, **query: str) -> httpx.Response:
        named = {"Authorization": f"Bearer {self.token()}"} if headers is None else headers
        return self.http.request(method, path, json=body, params=query, headers=named)

    def post(self, path: str, body: Any, **how: Any) -> httpx.Response:
        return self.call("POST", path, body, **how)

    def send(self, to: str, content: Any, kind: str = "text", id_type: str = "", **also: Any) -> httpx.Response:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        query = {"receive_id_type": id_type or ("chat_id" if to.startswith("oc_") else "open_id")}
        return self.post(MESSAGES, {"receive_id": to, "msg_type": kind, "content": text, **also}, **query)

    def card(self, to: str, card: Any) -> httpx.Response:
        return self.send(to, card, "interactive")

    def upload(self, what: str, content: bytes, **data: str) -> httpx.Response:
        kind = {"image_type": "message"} if what == "image" else {"file_type": "stream", "file_name": "全文.txt"}
        headers = {"Authorization": f"Bearer {self.token()}"}
        return self.http.post(f"{API}/im/v1/{what}s", data={**kind, **data}, files={what: ("全文.txt", content)}, headers=headers)


def _furnished() -> Sim:
    sim = Sim()
    sim.add_person("ou_lina", "李娜", email="lina@example.com", mobile="13800000000")
    sim.add_person("ou_wang", "王强")
    sim.add_chat("行情中断", ("ou_lina", "ou_wang"), chat_id="oc_room")
    return sim


@pytest.fixture
def sim() -> Iterator[Sim]:
    with _furnished() as sim:
        yield sim


@pytest.fixture
def caller(sim: Sim) -> Iterator[Caller]:
    caller = Caller(sim)
    yield caller
    caller.http.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Sim]:
    with _furnished() as sim:
        yield sim


@pytest.fixture
def still(shared: Sim) -> Iterator[Caller]:
    """A caller of a stand-in that several tests share: for what is refused, or changes nothing that others see."""
    shared.clock.push(minutes=1)
    caller = Caller(shared)
    yield caller
    caller.http.close()


def code(answer: httpx.Response) -> int:
    found: int = answer.json()["code"]
    return found


def plain(text: str) -> Json:
    return {"tag": "plain_text", "content": text}


def button(label: str, **also: Any) -> Json:
    return {"tag": "button", "text": plain(label), "behaviors": [{"type": "callback", "value": {"a": f"1|/{label}"}}], **also}


def form(*fields: Json, name: str = "form0", submit: str = "s0") -> Json:
    return {"tag": "form", "name": name, "elements": [*fields, button("提交", form_action_type="submit", name=submit)]}


def card(*elements: Json, **also: Any) -> Json:
    header = {"title": plain("行情中断"), "template": "red"}
    return {"schema": "2.0", "config": {"update_multi": True}, "header": header, "body": {"elements": list(elements)}, **also}


INPUT: Json = {"tag": "input", "name": "f0_text", "required": True, "label": plain("进展"), "max_length": 10}
SELECT: Json = {
    "tag": "select_static", "name": "f0_level", "placeholder": plain("选"),
    "options": [{"text": plain("一级"), "value": "1"}, {"text": plain("二级"), "value": "2"}],
}  # fmt: skip
PICKER: Json = {"tag": "picker_datetime", "name": "f0_at", "placeholder": plain("何时")}


# Tokens and the gateway


def test_a_token_is_flat_and_the_same_while_half_an_hour_is_left(sim: Sim, caller: Caller) -> None:
    first = caller.token()
    sim.clock.push(minutes=89)
    answer = caller.post(TOKEN, {"app_id": sim.state.app_id, "app_secret": sim.state.app_secret}, headers={}).json()
    assert (answer["tenant_access_token"], answer["expire"]) == (first, 7200 - 89 * 60)
    assert "data" not in answer
    sim.clock.push(minutes=2)
    second = caller.token()
    assert second != first
    for one in (first, second):  # both are valid
        assert code(caller.call("GET", f"{API}/bot/v3/info", headers={"Authorization": f"Bearer {one}"})) == 0
    sim.clock.push(minutes=30)
    assert code(caller.call("GET", f"{API}/bot/v3/info", headers={"Authorization": f"Bearer {first}"})) == 99991663


@pytest.mark.parametrize(("body", "expected"), [
    ({"app_id": "cli_a5sim00"}, 10003), ({"app_id": "cli_other", "app_secret": "x"}, 10003),
    ({"app_id": "cli_a5sim00", "app_secret": "wrong"}, 10015), ({"app_id": "cli_a5sim00", "app_secret": "x", "appid": "x"}, 99992402),
])  # fmt: skip
def test_a_wrong_request_for_a_token(still: Caller, body: Json, expected: int) -> None:
    assert code(still.post(TOKEN, body, headers={})) == expected


def test_a_disabled_app_gets_no_token(sim: Sim, caller: Caller) -> None:
    sim.state.app_disabled = True
    assert code(caller.post(TOKEN, {"app_id": sim.state.app_id, "app_secret": sim.state.app_secret}, headers={})) == 10014


@pytest.mark.parametrize(("header", "expected"), [
    ({}, 99991661), ({"Authorization": "t-x"}, 99991661), ({"Authorization": "Bearer x"}, 99991671),
    ({"Authorization": "Bearer t-x"}, 99991663),
])  # fmt: skip
def test_calls_without_a_valid_token(still: Caller, header: Mapping[str, str], expected: int) -> None:
    answer = still.call("GET", f"{API}/bot/v3/info", headers=header)
    assert (answer.status_code, code(answer)) == (400, expected)
    assert answer.headers["x-tt-logid"] == answer.json()["error"]["log_id"]


def test_addresses_and_the_months_quota(sim: Sim, caller: Caller) -> None:
    sim.state.allowed_ips = ("10.0.0.1",)
    assert code(caller.call("GET", f"{API}/bot/v3/info")) == 99991401
    sim.state.allowed_ips = ("127.0.0.1",)
    sim.state.month_quota = 1
    assert [code(caller.call("GET", f"{API}/bot/v3/info")) for _ in range(2)] == [0, 99991403]


def test_the_gateway_lets_fifty_a_second_and_a_thousand_a_minute_through(sim: Sim, caller: Caller) -> None:
    header = {"Authorization": f"Bearer {caller.token()}"}
    answers = [caller.call("GET", f"{API}/bot/v3/info", headers=header) for _ in range(51)]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert (code(answers[-1]), answers[-1].headers["x-ogw-ratelimit-reset"]) == (99991400, "1")
    sim.clock.push(seconds=1)
    assert code(caller.call("GET", f"{API}/bot/v3/info", headers=header)) == 0
    sim.state.old_throttle = True
    for _ in range(50):
        last = caller.call("GET", f"{API}/bot/v3/info", headers=header)
    assert (last.status_code, code(last)) == (400, 99991400)


def test_what_is_no_route_and_what_is_no_json(sim: Sim, caller: Caller) -> None:
    assert caller.call("GET", MESSAGES).status_code == 404
    assert caller.call("GET", f"{API}/im/v2/messages").text == "404 page not found"
    header = {"Authorization": f"Bearer {caller.token()}"}
    url = f"{MESSAGES}?receive_id_type=chat_id"
    assert code(caller.http.post(url, content=b"{", headers={**header, "Content-Type": "application/json"})) == 9499
    assert code(caller.http.post(url, content=b"{}", headers={**header, "Content-Type": "text/plain"})) == 9499
    assert code(caller.http.post(url, content=b'{"a":"\xff"}', headers={**header, "Content-Type": "application/json"})) == 9499


def test_the_bots_own_id_stands_beside_the_data(caller: Caller) -> None:
    answer = caller.call("GET", f"{API}/bot/v3/info").json()
    assert answer["bot"]["open_id"] == "ou_bot000madeup"
    assert "data" not in answer


# Sending


def test_a_text_is_shown_to_whom_it_is_sent(sim: Sim, caller: Caller) -> None:
    for kind, to in (("open_id", "ou_lina"), ("union_id", "on_lina"), ("user_id", "ulina"), ("email", "lina@example.com")):
        sent = caller.send(to, {"text": kind}, id_type=kind).json()["data"]
        assert sent["chat_id"] == sim.direct("ou_lina").id
    assert [message.text for message in sim.direct("ou_lina").messages] == ["open_id", "union_id", "user_id", "email"]
    sent = caller.send("oc_room", {"text": '<at user_id="ou_wang">王强</at> 看'}).json()["data"]
    assert sim.message(sent["message_id"]).mentioned == {"ou_wang"}
    assert sent["create_time"] == str(int(sim.clock().timestamp() * 1000))


@pytest.mark.parametrize(("to", "content", "kind", "id_type", "expected"), [
    ("ou_lina", {"text": "x"}, "text", "phone", 99992402), ("oc_room", {"text": "x"}, "text", "open_id", 99992351),
    ("ou_lina", {"text": "x"}, "text", "chat_id", 230001), ("ou_gone", {"text": "x"}, "text", "open_id", 99992351),
    ("oc_gone", {"text": "x"}, "text", "chat_id", 230001), ("ou_lina", "not json", "text", "open_id", 230001),
    ("ou_lina", '"text"', "text", "open_id", 230001), ("ou_lina", {"text": " "}, "text", "open_id", 230001),
    ("ou_lina", {"text": "x", "title": "y"}, "text", "open_id", 230001), ("ou_lina", {"text": "x"}, "words", "open_id", 230001),
    ("ou_lina", {"text": '<at user_id="ou_gone">x</at>'}, "text", "open_id", 230001),
    ("ou_lina", {"title": "x", "content": []}, "post", "open_id", 230001),
    ("ou_lina", {"zh_cn": {"content": [[{"tag": "text", "text": ""}]]}}, "post", "open_id", 230001),
    ("ou_lina", {"zh_cn": {"content": [[{"tag": "text", "txt": "x"}]]}}, "post", "open_id", 230001),
    ("ou_lina", {"zh_cn": {"content": [[{"tag": "at", "user_id": "ou_gone"}]]}}, "post", "open_id", 230001),
    ("ou_lina", {"file_key": "file_none"}, "file", "open_id", 230001), ("ou_lina", "{", "interactive", "open_id", 230099),
    ("ou_lina", {"text": "字" * 51200}, "text", "open_id", 230025),
    ("ou_lina", {"zh_cn": {"content": [[{"tag": "text", "text": "字" * 10240}]]}}, "post", "open_id", 230025),
])  # fmt: skip
def test_a_message_that_is_refused(still: Caller, to: str, content: Any, kind: str, id_type: str, expected: int) -> None:
    before = len(still.sim.said)
    answer = still.send(to, content, kind, id_type)
    assert (answer.status_code, code(answer)) == (400, expected), answer.text
    assert len(still.sim.said) == before


def test_content_is_a_string_and_typing_errors_are_found(caller: Caller) -> None:
    query = {"receive_id_type": "open_id"}
    right = {"receive_id": "ou_lina", "msg_type": "text", "content": '{"text":"x"}'}
    for wrong in (right | {"content": {"text": "x"}}, right | {"uid": "x"}, {**right, "uuid": "x" * 51}, {**right, "uuid": True}):
        answer = caller.post(MESSAGES, wrong, **query)
        assert code(answer) == 99992402
        assert answer.json()["error"]["field_violations"]
    assert code(caller.post(MESSAGES, right)) == 99992402
    assert code(caller.post(MESSAGES, right, **query, uuid="x")) == 99992402


@pytest.mark.parametrize(("state", "expected"), [
    ({"dissolved": True}, 232009), ({"bot_inside": False}, 230002), ({"muted": True}, 230035), ({"only_some_speak": True}, 230018),
])  # fmt: skip
def test_a_group_where_the_bot_may_not_speak(sim: Sim, caller: Caller, state: Mapping[str, bool], expected: int) -> None:
    for name, value in state.items():
        setattr(sim.chat("oc_room"), name, value)
    assert code(caller.send("oc_room", {"text": "x"})) == expected


def test_a_person_who_cannot_be_reached(sim: Sim, caller: Caller) -> None:
    lina = sim.state.people["ou_lina"]
    lina.available = False
    assert code(caller.send("ou_lina", {"text": "x"})) == 230013
    lina.available, lina.stopped_bot = True, True
    assert code(caller.send("ou_lina", {"text": "x"})) == 230053
    assert code(caller.send(sim.direct("ou_lina").id, {"text": "x"})) == 230053


def test_words_and_numbers_that_do_not_pass(sim: Sim, caller: Caller) -> None:
    sim.state.sensitive = {"泄密"}
    assert code(caller.send("ou_lina", {"text": "有人泄密"})) == 230022
    sim.state.dlp = True
    assert code(caller.card("ou_lina", card({"tag": "div", "text": plain("电话 13800000000")}))) == 230028
    assert code(caller.send("ou_lina", {"text": "编号 20261388000000001"})) == 0


def test_five_a_second_for_each_chat(sim: Sim, caller: Caller) -> None:
    assert [code(caller.send("oc_room", {"text": "x"})) for _ in range(6)] == [0] * 5 + [230020]
    assert code(caller.send("ou_lina", {"text": "x"})) == 0
    sim.clock.push(seconds=1)
    assert code(caller.send("oc_room", {"text": "x"})) == 0


def test_the_same_uuid_shows_one_message_for_an_hour(sim: Sim, caller: Caller) -> None:
    first = caller.send("oc_room", {"text": "一"}, uuid="u1").json()["data"]
    assert caller.send("oc_room", {"text": "一"}, uuid="u1").json()["data"]["message_id"] == first["message_id"]
    assert sim.oddities == []
    caller.send("oc_room", {"text": "二"}, uuid="u1")
    assert [message.text for message in sim.chat("oc_room").messages] == ["一"]
    assert "used again for another content" in sim.oddities[0]
    sim.clock.push(hours=1)
    assert caller.send("oc_room", {"text": "一"}, uuid="u1").json()["data"]["message_id"] != first["message_id"]


def test_a_refused_message_does_not_spend_its_uuid(sim: Sim, caller: Caller) -> None:
    sim.chat("oc_room").muted = True
    assert code(caller.send("oc_room", {"text": "x"}, uuid="u1")) == 230035
    sim.chat("oc_room").muted = False
    assert code(caller.send("oc_room", {"text": "x"}, uuid="u1")) == 0
    assert len(sim.said) == 1


def test_a_reply_names_its_parent(sim: Sim, caller: Caller) -> None:
    asked = sim.person("ou_lina").says("oc_room", "进展?")
    path = f"{MESSAGES}/{asked.id}/reply"
    answer = caller.post(path, {"msg_type": "text", "content": '{"text":"在查"}', "reply_in_thread": False, "uuid": "u"}).json()["data"]
    assert (answer["parent_id"], sim.said[0].parent) == (asked.id, asked.id)
    asked.recalled = True
    assert code(caller.post(path, {"msg_type": "text", "content": '{"text":"x"}'})) == 230011


# Cards


def row(*elements: Json, width: str = "auto") -> Json:
    columns = [{"tag": "column", "width": width, "elements": [element]} for element in elements]
    return {"tag": "column_set", "flex_mode": "flow", "columns": columns}


@pytest.mark.parametrize("right", [
    card(), card({"tag": "markdown", "content": "**x** <at id=ou_lina></at>"}, {"tag": "hr"}),
    card(row(button("认领"), button("转派"))),
    card({"tag": "div", "text": plain("x") | {"text_size": "notation", "text_color": "grey"}}, form(INPUT, SELECT, PICKER)),
    card({k: v for k, v in SELECT.items() if k != "name"} | {"behaviors": [{"type": "callback", "value": {"a": ""}}]}),
    card(button("看", confirm={"title": plain("x"), "text": plain("y")}, type="danger_filled", disabled=True)),
    card(form(row(INPUT, SELECT, width="100px"))), card(*({"tag": "hr"} for _ in range(199))),
    {"schema": "2.0", "config": {"update_multi": True, "summary": {"content": "x"}}, "body": {"elements": []}},
])  # fmt: skip
def test_a_card_that_feishu_builds(still: Caller, right: Json) -> None:
    answer = still.card("ou_lina", right)
    assert code(answer) == 0, answer.text


@pytest.mark.parametrize(("wrong", "inner", "words"), [
    (card(button("x"), fallback={}), 200621, "fallback"), (card(button("x", value={"a": 1})), 200621, "value"),
    (card(button("x", colour="red")), 200621, "colour"), (card(button("x", type="good")), 200621, "good"),
    (card(button("x" * 101)), 200621, "100"), (card({"tag": "button", "text": plain("x")}), 200621, "behaviors"),
    (card(button("x") | {"behaviors": [{"type": "callback", "value": "text"}]}), 200621, "object"),
    (card(button("x") | {"behaviors": [{"type": "click", "value": {}}]}), 200621, "click"),
    (card(button("x") | {"behaviors": [{"type": "open_url", "url": "https://a"}]}), 200621, "unknown property"),
    (card({"tag": "action", "actions": [button("x")]}), 200861, "unsupported tag action"),
    (card({"tag": "note", "elements": []}), 200861, "unsupported tag note"), (card({"tag": "lamp"}), 200621, "lamp"),
    (card(config={"update_multi": False}), 200621, "shared"), (card(schema="1.0"), 200621, "2.0"),
    (card(header={"title": {"tag": "plain_text"}}), 200621, "content"),
    (card(header={"title": plain("x"), "template": "pink"}), 200621, "pink"),
    (card(header={"title": plain("x"), "text_tag_list": [{"tag": "text_tag", "text": plain("演练"), "color": "grey"}]}), 200621, "grey"),
    (card(row(form(INPUT))), 200621, "root"), (card({"tag": "form", "name": "f", "elements": [INPUT]}), 200621, "submits"),
    (card({"tag": "form", "elements": []}), 200621, "name"), (card(form(INPUT, form(SELECT))), 200621, "root"),
    (card(form({"tag": "input"})), 200621, "name"), (card(form(INPUT, INPUT)), 200621, "unique"),
    (card(form(INPUT, button("x"))), 200621, "name"), (card(form(INPUT, button("x", name="b"))), 200621, "form_action_type"),
    (card(button("x", form_action_type="submit")), 200621, "form_action_type"), (card(INPUT), 200621, "required"),
    (card(form(INPUT), form(SELECT, name="form1")), 200621, "unique"), (card({"tag": "input", "name": "x"}), 200621, "behaviors"),
    (card(form(INPUT | {"max_length": 1001})), 200621, "1000"), (card(form(INPUT | {"placeholder": plain("x" * 101)})), 200621, "100"),
    (card(form(SELECT | {"options": SELECT["options"][:1] * 2})), 200621, "differ"),
    (card(form(SELECT | {"initial_option": "三级"})), 200621, "no option"),
    (card(form(SELECT | {"options": [{"text": plain("x"), "value": 1}]})), 200621, "string"),
    (card(form({"tag": "picker_datetime", "name": "x"})), 200621, "placeholder"),
    (card(form(PICKER | {"initial_datetime": "2026-01-01T08:30"})), 200621, "initial_datetime"),
    (card(row(button("x"), width="wide")), 200621, "wide"), (card(row(button("x")) | {"columns": [button("x")]}), 200621, "columns"),
    (card({"tag": "div", "text": plain("x") | {"text_size": "tiny"}}), 200621, "tiny"),
    (card({"tag": "markdown", "content": "<at id=ou_gone></at>"}), 100290, "ou_gone"),
    (card({"tag": "img", "img_key": "img_none", "alt": plain("x")}), 200570, "img_none"),
    (card(*({"tag": "hr"} for _ in range(200))), 11310, "201"), ({"type": "template", "data": {"template_id": "AAq"}}, 200380, "AAq"),
    (card({"tag": "hr", "element_id": "1a"}), 200621, "1a"), ([], 200621, "json"),
])  # fmt: skip
def test_a_card_that_feishu_cannot_build(still: Caller, wrong: Any, inner: int, words: str) -> None:
    before = len(still.sim.said)
    answer = still.card("ou_lina", wrong)
    assert (answer.status_code, code(answer)) == (400, 230099)
    assert answer.json()["msg"].startswith(f"Failed to create card content, ext=ErrCode: {inner}; "), answer.text
    assert words in answer.json()["msg"]
    assert len(still.sim.said) == before


def test_texts_count_as_elements_and_the_whole_body_as_bytes(caller: Caller) -> None:
    texts = [{"tag": "div", "text": plain("x")} for _ in range(100)]
    assert "11310" in caller.card("ou_lina", card(*texts)).json()["msg"]
    quotes = card({"tag": "div", "text": plain('"' * 8000)})  # 16 KB as content, 32 KB as a string within the body
    assert len(json.dumps(quotes)) < 30 * 1024
    assert code(caller.card("ou_lina", quotes)) == 230025


def test_a_published_template(sim: Sim, caller: Caller) -> None:
    sim.state.templates.add("AAq")
    assert code(caller.card("ou_lina", {"type": "template", "data": {"template_id": "AAq"}})) == 0


# Changing and recalling


def sent_card(caller: Caller, to: str = "oc_room", *elements: Json) -> str:
    found: str = caller.card(to, card(*(elements or (button("认领"),)))).json()["data"]["message_id"]
    return found


def patched(caller: Caller, message: str, content: Json) -> httpx.Response:
    return caller.call("PATCH", f"{MESSAGES}/{message}", {"content": json.dumps(content, ensure_ascii=False)})


def test_a_card_is_replaced_for_fourteen_days(sim: Sim, caller: Caller) -> None:
    message = sent_card(caller)
    assert code(patched(caller, message, card(button("完成")))) == 0
    assert (sim.message(message).card.buttons, sim.message(message).edits) == (["完成"], 1)
    assert [code(patched(caller, message, card())) for _ in range(5)] == [0] * 4 + [230020]
    sim.clock.push(days=14)
    assert code(patched(caller, message, card())) == 0
    sim.clock.push(seconds=1)
    assert code(patched(caller, message, card())) == 230031


def test_a_card_that_cannot_be_replaced(sim: Sim, caller: Caller) -> None:
    text = caller.send("oc_room", {"text": "x"}).json()["data"]["message_id"]
    assert code(patched(caller, text, card())) == 230001
    assert code(patched(caller, "om_none", card())) == 230001
    assert code(patched(caller, sim.person("ou_lina").says("oc_room", "x").id, card())) == 230027
    message = sent_card(caller)
    implicit = {"schema": "2.0", "body": {"elements": []}}
    assert code(patched(caller, message, implicit)) == 230001
    sim.message(message).content = json.dumps({"config": {"update_multi": True}, "elements": []})
    assert "200830" in patched(caller, message, card()).json()["msg"]
    sim.message(message).locked = True
    assert "card action is lock" in patched(caller, message, card()).json()["msg"]
    sim.message(message).recalled = True
    assert code(patched(caller, message, card())) == 230011
    sim.message(message).deleted = True
    assert code(patched(caller, message, card())) == 230110
    assert code(caller.call("PATCH", f"{MESSAGES}/{message}", {"content": card()})) == 99992402


def test_a_text_is_edited_twenty_times(sim: Sim, caller: Caller) -> None:
    message = caller.send("oc_room", {"text": "0"}).json()["data"]["message_id"]
    for number in range(21):
        sim.clock.push(seconds=1)
        answer = caller.call("PUT", f"{MESSAGES}/{message}", {"msg_type": "text", "content": json.dumps({"text": str(number)})})
    assert (code(answer), sim.message(message).text) == (230072, "19")
    assert code(caller.call("PUT", f"{MESSAGES}/{sent_card(caller)}", {"msg_type": "text", "content": '{"text":"x"}'})) == 230054
    sim.state.edit_window = timedelta(seconds=1)
    assert code(caller.call("PUT", f"{MESSAGES}/{message}", {"msg_type": "text", "content": '{"text":"x"}'})) == 230075
    theirs = sim.person("ou_lina").says("oc_room", "x").id
    assert code(caller.call("PUT", f"{MESSAGES}/{theirs}", {"msg_type": "text", "content": '{"text":"x"}'})) == 230071


def test_recalling(sim: Sim, caller: Caller) -> None:
    message = sent_card(caller)
    assert [code(caller.call("DELETE", f"{MESSAGES}/{message}")) for _ in range(2)] == [0, 230011]
    assert sim.chat("oc_room").shown == []
    assert code(caller.call("DELETE", f"{MESSAGES}/{sim.person('ou_lina').says('oc_room', 'x').id}")) == 230026
    sim.state.recall_window = timedelta(hours=1)
    late = sent_card(caller)
    sim.clock.push(hours=2)
    assert code(caller.call("DELETE", f"{MESSAGES}/{late}")) == 230009


# Groups


def test_a_group_is_created_once_in_ten_hours(sim: Sim, caller: Caller) -> None:
    def create() -> str:
        body = {"name": "作战室", "user_id_list": ["ou_lina"]}
        found: str = caller.post(f"{API}/im/v1/chats", body, uuid="u1").json()["data"]["chat_id"]
        return found

    first = create()
    assert (create(), sim.chat(first).members, sim.chat(first).bot_inside) == (first, {"ou_lina"}, True)
    sim.clock.push(hours=10)
    assert create() != first


@pytest.mark.parametrize(("body", "query", "expected"), [
    ({"name": "x" * 61}, {}, 232001), ({"user_id_list": ["ou_lina"] * 51}, {}, 99992402), ({"user_id_list": ["ou_gone"]}, {}, 99992351),
    ({"user_id_list": ["ou_lina"]}, {"user_id_type": "union_id"}, 99992364), ({"chat_type": "p2p"}, {}, 232001),
    ({"nmae": "x"}, {}, 99992402),
    ({}, {"set_bot_manager": "yes"}, 99992402), ({}, {"uuid": "x" * 51}, 99992402), ({"bot_id_list": ["cli_x"] * 6}, {}, 99992402),
])  # fmt: skip
def test_a_group_that_is_not_created(still: Caller, body: Json, query: Mapping[str, str], expected: int) -> None:
    before = len(still.sim.state.chats)
    assert code(still.post(f"{API}/im/v1/chats", body, **query)) == expected
    assert len(still.sim.state.chats) == before


def test_members_and_what_becomes_of_who_cannot_be_added(sim: Sim, caller: Caller) -> None:
    sim.add_person("ou_zhao", "赵六")
    sim.add_person("ou_far", "远").state.people["ou_far"].available = False
    path = f"{API}/im/v1/chats/{sim.add_chat('空', ()).id}/members"
    ids = {"id_list": ["ou_zhao", "ou_far", "ou_gone"]}
    assert code(caller.post(path, ids)) == 99992351
    assert code(caller.post(path, {"id_list": ["ou_zhao", "ou_far"]})) == 232024
    assert code(caller.post(path, ids, succeed_type="2")) == 232043
    data = caller.post(path, ids, succeed_type="1").json()["data"]
    assert data == {"invalid_id_list": ["ou_far"], "not_existed_id_list": ["ou_gone"], "pending_approval_id_list": []}
    assert sim.state.chats[path.split("/")[5]].members == {"ou_zhao"}
    assert code(caller.post(path, {"id_list": ["ou_gone"]}, succeed_type="1")) == 232027
    assert code(caller.post(path, {"id_list": []})) == 232027
    assert code(caller.post(path, {"id_list": ["ou_zhao"] * 51})) == 99992402
    assert code(caller.post(f"{API}/im/v1/chats/oc_none/members", ids)) == 232006


def test_two_at_once_in_one_group_collide(sim: Sim, caller: Caller) -> None:
    sim.api.members_take = 0.2
    sim.add_chat("另一", (), chat_id="oc_other")
    caller.token()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        paths = [f"{API}/im/v1/chats/{chat}/members" for chat in ("oc_room", "oc_room", "oc_other")]
        found = sorted(code(answer) for answer in pool.map(lambda path: caller.post(path, {"id_list": ["ou_lina"]}), paths))
    assert found == [0, 0, 232019]


def test_a_pin_a_banner_and_urgent_pages(sim: Sim, caller: Caller) -> None:
    sim.add_person("ou_out", "外")
    message = sent_card(caller)
    assert caller.post(f"{API}/im/v1/pins", {"message_id": message}).json()["data"]["pin"]["chat_id"] == "oc_room"
    assert [one.id for one in sim.chat("oc_room").pins] == [message]
    banner = {"chat_top_notice": [{"action_type": "1", "message_id": message}]}
    assert code(caller.post(f"{API}/im/v1/chats/oc_room/top_notice/put_top_notice", banner)) == 0
    assert sim.chat("oc_room").notice == message
    wrong = {"chat_top_notice": [{"action_type": "1"}]}
    assert code(caller.post(f"{API}/im/v1/chats/oc_room/top_notice/put_top_notice", wrong)) == 232001
    path, query = f"{MESSAGES}/{message}/urgent_phone", {"user_id_type": "open_id"}
    data = caller.call("PATCH", path, {"user_id_list": ["ou_lina", "ou_out"]}, **query).json()["data"]
    assert (data["invalid_user_id_list"], sim.message(message).urgent) == (["ou_out"], [("phone", "ou_lina")])
    assert code(caller.call("PATCH", path, {"user_id_list": ["ou_out"]}, **query)) == 230001
    assert code(caller.call("PATCH", path, {"user_id_list": ["ou_lina"]})) == 99992402
    theirs = sim.person("ou_lina").says("oc_room", "x").id
    assert code(caller.call("PATCH", f"{MESSAGES}/{theirs}/urgent_app", {"user_id_list": ["ou_lina"]}, **query)) == 230012
    sim.chat("oc_room").bot_inside = False
    assert code(caller.post(f"{API}/im/v1/pins", {"message_id": message})) == 230002
    assert code(caller.post(f"{API}/im/v1/chats/oc_room/top_notice/put_top_notice", banner)) == 232011


# Files and people


def test_files_and_pictures(sim: Sim, caller: Caller) -> None:
    key = caller.upload("file", "全文".encode()).json()["data"]["file_key"]
    message = caller.send("oc_room", {"file_key": key}, "file").json()["data"]["message_id"]
    got = caller.call("GET", f"{MESSAGES}/{message}/resources/{key}", type="file")
    assert (got.content.decode(), got.headers["content-type"]) == ("全文", "text/plain")
    image = caller.upload("image", b"\x89PNG").json()["data"]["image_key"]
    assert code(caller.send("oc_room", {"image_key": image}, "image")) == 0
    assert code(caller.send("oc_room", {"file_key": image}, "file")) == 230055
    assert code(caller.upload("file", b"")) == 234010
    assert code(caller.upload("image", b"x" * (10 * 1024 * 1024 + 1))) == 234006
    assert code(caller.upload("file", b"x", file_type="txt")) == 234001
    assert code(caller.post(f"{API}/im/v1/files", {"file": "x"})) == 234001


def test_a_file_that_somebody_sent(sim: Sim, caller: Caller) -> None:
    sent = sim.person("ou_lina").sends_file("oc_room", "日志.json", b'{"a": 1}')
    key = sent.values["file_key"]
    got = caller.call("GET", f"{MESSAGES}/{sent.id}/resources/{key}", type="file")
    assert (got.content, got.headers["content-type"]) == (b'{"a": 1}', "application/json")
    assert code(caller.call("GET", f"{MESSAGES}/{sent.id}/resources/{key}", type="image")) == 234003
    assert code(caller.call("GET", f"{MESSAGES}/{sent.id}/resources/{key}")) == 234001
    assert code(caller.call("GET", f"{MESSAGES}/{sent_card(caller)}/resources/{key}", type="file")) == 234043
    assert code(caller.send("oc_room", {"file_key": key}, "file")) == 230017
    sim.chat("oc_room").bot_inside = False
    assert code(caller.call("GET", f"{MESSAGES}/{sent.id}/resources/{key}", type="file")) == 234004


def test_who_somebody_is(sim: Sim, caller: Caller) -> None:
    asked = {"emails": ["lina@example.com", "no@example.com"], "mobiles": ["13800000000"]}
    found = caller.post(f"{API}/contact/v3/users/batch_get_id", asked, user_id_type="open_id").json()["data"]["user_list"]
    assert found[:2] == [{"email": "lina@example.com", "user_id": "ou_lina"}, {"email": "no@example.com"}]
    assert code(caller.post(f"{API}/contact/v3/users/batch_get_id", {"mobiles": ["1"] * 51})) == 99992402
    assert caller.call("GET", f"{API}/contact/v3/users/ou_lina").json()["data"]["user"]["name"] == "李娜"
    sim.state.name_scope = False
    assert "name" not in caller.call("GET", f"{API}/contact/v3/users/ou_lina").json()["data"]["user"]


def test_a_custom_bot(sim: Sim, caller: Caller) -> None:
    sim.add_hook("open", "oc_room")
    sim.add_hook("signed", "oc_room", secret="s", keyword="演练")

    def hook(token: str, text: str, **also: str) -> Json:
        content = {"msg_type": "text", "content": {"text": text}, **also}
        found: Json = caller.post(f"{API}/bot/v2/hook/{token}", content, headers={}).json()
        return found

    assert hook("none", "x")["code"] == 19001
    assert hook("open", "x") == {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}
    stamp = str(int(sim.clock().timestamp()))
    old = str(int(stamp) - 3601)
    assert hook("signed", "演练")["code"] == 19021
    assert hook("signed", "演练", timestamp=old, sign=hook_sign(old, "s"))["code"] == 19021
    assert hook("signed", "x", timestamp=stamp, sign=hook_sign(stamp, "s"))["code"] == 19024
    assert hook("signed", "演练", timestamp=stamp, sign=hook_sign(stamp, "s"))["code"] == 0
    sim.clock.push(seconds=1)
    assert [hook("open", "x")["code"] for _ in range(6)] == [0] * 5 + [11232]
    sim.add_hook("far", "oc_room", ips=("10.0.0.1",))
    assert hook("far", "x")["code"] == 19022


# Faults


def test_planned_faults(sim: Sim, caller: Caller) -> None:
    route = f"POST {MESSAGES}"
    header = caller.token()
    assert header

    def send() -> httpx.Response:
        return caller.send("oc_room", {"text": "x"})

    for kind, shown in (("reset_before", 0), ("reset_after", 1)):
        sim.faults.add(route, kind)  # type: ignore[arg-type]
        with pytest.raises(httpx.RemoteProtocolError):
            send()
        assert len(sim.said) == shown
    sim.faults.add(route, "empty")
    sim.faults.add(route, "truncated")
    assert (send().content, len(sim.said)) == (b"", 2)
    with pytest.raises(json.JSONDecodeError):
        send().json()
    sim.faults.add(route, "html", status=503)
    assert (send().status_code, len(sim.said)) == (503, 3)
    sim.faults.add(route, "throttle", seconds=7)
    assert send().headers["x-ogw-ratelimit-reset"] == "7"
    sim.faults.add(route, "dead_token")
    assert code(send()) == 99991663
    sim.faults.add(route, "answer", code=99991672)
    assert (code(send()), len(sim.said)) == (99991672, 3)
    sim.faults.add(route, "hang")
    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(f"{MESSAGES}?receive_id_type=open_id", json={}, timeout=0.2)
    sim.faults.add(route, "delay", seconds=0.1)
    assert (code(send()), len(sim.said)) == (0, 4)
    assert [one.fault for one in sim.calls("POST /im/v1/messages")][:3] == ["reset_before", "reset_after", "empty"]


def test_an_outage_ends_with_the_clock(sim: Sim, caller: Caller) -> None:
    sim.faults.outage(60)
    assert caller.http.post(TOKEN, json={}).status_code == 502
    sim.clock.push(seconds=60)
    assert code(caller.send("oc_room", {"text": "x"})) == 0


def test_every_request_is_recorded(sim: Sim, caller: Caller) -> None:
    caller.send("oc_room", {"text": "x"})
    token, sent = sim.requests
    assert (token.request.path, token.code, sent.request.query) == (TOKEN, 0, {"receive_id_type": "chat_id"})
    assert sent.request.headers["authorization"].startswith("Bearer t-")
    assert json.loads(sent.request.body)["receive_id"] == "oc_room"
    assert sent.request.at == sim.clock()


# Callbacks


def opened(sealed: str, key: str) -> Json:
    blob = base64.b64decode(sealed)
    decryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(blob[:16])).decryptor()
    padded = decryptor.update(blob[16:]) + decryptor.finalize()
    found: Json = json.loads(padded[: -padded[-1]])
    return found


Answerer = Callable[[Json], tuple[int, bytes]]


class Product:
    """A product that listens over HTTP: it remembers what came, and answers as the test says."""

    def __init__(self) -> None:
        self.answer: Answerer = lambda event: (200, json.dumps({"challenge": event["challenge"]} if "challenge" in event else {}).encode())
        self.heard: list[Json] = []
        self.raw: list[tuple[dict[str, str], bytes]] = []
        self.key = ""

    def hear(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.raw.append((dict(headers), body))
        event = opened(json.loads(body)["encrypt"], self.key) if self.key else json.loads(body)
        self.heard.append(event)
        return self.answer(event)


@contextmanager
def hurried(sim: Sim) -> Iterator[None]:
    """Feishu waits no longer than a test can, for a product that does not answer before it has given up."""
    assert sim.deliveries.callback is not None
    sim.deliveries.callback.answer_within = HURRIED
    yield
    sim.deliveries.callback.answer_within = PATIENT


@pytest.fixture
def product(sim: Sim) -> Iterator[Product]:
    product = Product()
    product.key = "an encrypt key"
    with listening(product.hear) as url:
        sim.callback(url, encrypt_key=product.key, verification_token="v-token", answer_within=PATIENT)
        yield product


def test_a_message_comes_sealed_and_signed(sim: Sim, product: Product) -> None:
    said = sim.person("ou_lina").says("oc_room", "/定级 二级", mention_bot=True, mention=("ou_wang",))
    event = product.heard[0]
    assert (event["header"]["token"], event["header"]["event_type"]) == ("v-token", "im.message.receive_v1")
    message = event["event"]["message"]
    assert (message["message_id"], json.loads(message["content"])) == (said.id, {"text": "@_user_1 /定级 二级 @_user_2"})
    assert [one["id"]["open_id"] for one in message["mentions"]] == [sim.state.bot, "ou_wang"]
    headers, body = product.raw[0]
    stamp, nonce = headers["x-lark-request-timestamp"], headers["x-lark-request-nonce"]
    assert headers["x-lark-signature"] == hashlib.sha256((stamp + nonce + product.key).encode() + body).hexdigest()


def test_in_a_group_the_bot_hears_what_mentions_it(sim: Sim, product: Product) -> None:
    lina = sim.person("ou_lina")
    lina.says("oc_room", "吃饭去")
    assert product.heard == []
    lina.says("", "我的任务")
    lina.says_post("oc_room", ["/定级 阅读=120万", "热榜=前50"], mention_bot=True)
    assert [event["event"]["message"]["chat_type"] for event in product.heard] == ["p2p", "group"]
    assert json.loads(product.heard[1]["event"]["message"]["content"])["content"][0][0]["user_id"] == "@_user_1"
    with pytest.raises(NotPossible):
        sim.person("ou_wang").says(sim.direct("ou_lina").id, "x")


def test_an_event_is_sent_again_until_it_arrives(sim: Sim, product: Product) -> None:
    refuse: Answerer = lambda event: (500, b"")  # noqa: E731
    product.answer = refuse
    began = sim.clock()
    sim.person("ou_lina").says("", "x")
    at: list[float] = []
    product.answer = lambda event: (at.append((sim.clock() - began).total_seconds()) or 500, b"")  # type: ignore[func-returns-value]
    sim.advance(hours=12)
    assert at == [15, 315, 3915, 25515]
    assert {event["event"]["message"]["message_id"] for event in product.heard} == {sim.direct("ou_lina").messages[0].id}
    assert len({headers["x-lark-request-nonce"] for headers, _ in product.raw}) == len({body for _, body in product.raw}) == 5
    assert not sim.deliveries.events[0].arrived


def test_an_event_that_is_too_late_or_redirected_is_sent_again(sim: Sim, product: Product) -> None:
    gate = threading.Event()
    product.answer = lambda event: (200 if gate.wait(PATIENT) else 500, b"")
    with hurried(sim):
        sim.person("ou_lina").says("", "x")
    gate.set()
    assert sim.deliveries.events[0].problems == ["ReadTimeout"]
    product.answer = lambda event: (302, b"")
    sim.advance(seconds=15)
    product.answer = lambda event: (200, b"")
    sim.advance(minutes=5)
    assert sim.deliveries.events[0].problems == ["ReadTimeout", "HTTP 302", ""]


def test_what_arrived_may_come_twice(sim: Sim, product: Product) -> None:
    sim.deliveries.duplicates = 1.0
    sim.person("ou_lina").says("", "x")
    first, second = product.heard
    assert first == second
    assert product.raw[0] != product.raw[1]


def test_the_address_is_checked_with_quotes_inside(sim: Sim, product: Product) -> None:
    assert sim.deliveries.check_url() == ""
    assert "x-lark-signature" not in product.raw[0][0]
    product.answer = lambda event: (200, f'{{"challenge":"{event["challenge"]}"}}'.encode())  # by string formatting, as one SDK does it
    assert sim.deliveries.check_url() != ""
    product.answer = lambda event: (200, event["challenge"].encode())
    assert sim.deliveries.check_url() != ""


def test_what_else_happens(sim: Sim, product: Product) -> None:
    lina = sim.person("ou_lina")
    lina.enters()
    lina.removes_bot("oc_room")
    lina.adds_bot("oc_room")
    lina.sends_file("", "截图.png", b"png", image=True)
    lina.dissolves("oc_room")
    assert [event["header"]["event_type"] for event in product.heard] == [
        "im.chat.access_event.bot_p2p_chat_entered_v1", "im.chat.member.bot.deleted_v1", "im.chat.member.bot.added_v1",
        "im.message.receive_v1", "im.chat.disbanded_v1",
    ]  # fmt: skip


# Clicks


def answered(product: Product, answer: Any, status: int = 200) -> None:
    product.answer = lambda event: (status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def test_a_tap_changes_the_card_for_everybody(sim: Sim, caller: Caller, product: Product) -> None:
    message = sim.message(sent_card(caller, "oc_room", button("认领"), button("转派")))
    answered(product, {"toast": {"type": "success", "content": "已认领"}, "card": {"type": "raw", "data": card(button("完成"))}})
    click = sim.person("ou_wang").taps(message, "认领")
    assert (click.problem, click.toast, click.toast_type, click.updated) == (0, "已认领", "success", True)
    assert (message.card.buttons, message.history[0][:5]) == (["完成"], '{"sch')
    event = product.heard[0]["event"]
    assert (event["action"]["value"], event["context"]) == ({"a": "1|/认领"}, {"open_message_id": message.id, "open_chat_id": "oc_room"})
    assert len(product.heard[0]["header"]["create_time"]) == 16  # microseconds
    with pytest.raises(AssertionError, match="认领"):
        sim.person("ou_wang").taps(message, "认领")


@pytest.mark.parametrize(("answer", "status", "problem"), [
    ({}, 200, 0), (b"", 200, 0), ({"toast": {"type": "good", "content": "x"}}, 200, 200672), ({"text": "x"}, 200, 200672),
    ([], 200, 200672),
    (b"ok", 200, 200672), ({}, 302, 200671), ({}, 500, 200671), ({"card": {"type": "raw", "data": json.dumps(card())}}, 200, 200673),
    ({"card": card()}, 200, 200673), ({"card": {"type": "raw", "data": {"elements": []}}}, 200, 200673),
    ({"card": {"type": "raw", "data": card({"tag": "action"})}}, 200, 200673),
])  # fmt: skip
def test_the_answer_to_a_tap_is_judged(sim: Sim, caller: Caller, product: Product, answer: Any, status: int, problem: int) -> None:
    message = sim.message(sent_card(caller))
    answered(product, answer, status)
    assert sim.person("ou_lina").taps(message, "认领").problem == problem
    assert message.card.buttons == ["认领"]
    sim.advance(hours=12)
    assert len(product.heard) == 1  # a click is sent once


def test_a_late_answer_to_a_tap(sim: Sim, caller: Caller, product: Product) -> None:
    gate = threading.Event()
    product.answer = lambda event: (200 if gate.wait(PATIENT) else 500, b"{}")
    with hurried(sim):
        click = sim.person("ou_lina").taps(sim.message(sent_card(caller)), "认领")
    gate.set()
    assert click.problem == 200341


def test_nobody_listens(sim: Sim, caller: Caller) -> None:
    sim.callback("http://127.0.0.1:9/", answer_within=PATIENT)
    assert sim.person("ou_lina").taps(sim.message(sent_card(caller)), "认领").problem == 200340


def test_a_form_is_filled_in(sim: Sim, caller: Caller, product: Product) -> None:
    message = sim.message(sent_card(caller, "oc_room", form(INPUT, SELECT, PICKER)))
    lina = sim.person("ou_lina")
    lina.submits(message, "form0", {"f0_text": "已切换", "f0_level": "二级", "f0_at": "2026-03-02 10:30"})
    action = product.heard[0]["event"]["action"]
    assert (action["name"], action["value"]) == ("s0", {"a": "1|/提交"})
    assert action["form_value"] == {"f0_text": "已切换", "f0_level": "2", "f0_at": "2026-03-02 10:30 +0800"}
    lina.submits(message, "form0", {"f0_text": "x"})
    assert product.heard[1]["event"]["action"]["form_value"] == {"f0_text": "x"}
    for wrong in ({}, {"f0_text": ""}, {"f0_text": "x" * 11}, {"f0_text": "x\ny"}, {"f0_text": "x", "f0_level": "三级"}, {"text": "x"}):
        with pytest.raises(NotPossible):
            lina.submits(message, "form0", wrong)
    with pytest.raises(AssertionError):
        lina.taps(message, "提交")  # inside the form


def test_a_menu_and_the_end_of_a_cards_life(sim: Sim, caller: Caller, product: Product) -> None:
    menu = {k: v for k, v in SELECT.items() if k != "name"} | {"behaviors": [{"type": "callback", "value": {"a": ""}}]}
    message = sim.message(sent_card(caller, "oc_room", menu))
    sim.person("ou_lina").picks(message, "二级")
    assert product.heard[0]["event"]["action"] == {"timezone": "Asia/Shanghai", "tag": "select_static", "value": {"a": ""}, "option": "2"}
    sim.clock.push(days=14, seconds=1)
    with pytest.raises(NotPossible, match="14 days"):
        sim.person("ou_lina").picks(message, "二级")


def test_a_card_is_updated_after_its_click_was_answered(sim: Sim, caller: Caller, product: Product) -> None:
    message = sim.message(sent_card(caller))

    def update(token: str, body: Json) -> int:
        return code(caller.post(f"{API}/interactive/v1/card/update", {"token": token, "card": body}))

    early: list[int] = []
    product.answer = lambda event: (early.append(update(event["event"]["token"], card())) or 200, b"{}")  # type: ignore[func-returns-value]
    click = sim.person("ou_lina").taps(message, "认领")
    assert early == [300030]
    assert sim.oddities == ["a card was updated before its click was answered"]
    assert update(click.token, card({"tag": "action"})) == 11311
    assert [update(click.token, card(button(label))) for label in ("一", "二", "三")] == [0, 0, 300040]
    assert message.card.buttons == ["二"]
    late = sim.person("ou_lina").taps(message, "二")
    sim.clock.push(minutes=30)
    assert (update(late.token, card()), update("x", card())) == (300030, 300020)


# The long connection


def test_frames_of_the_official_sdk_are_read() -> None:
    """The vector's frames were made by lark-oapi: ours have the same bytes."""
    session = json.loads((VECTORS / "ws_session_frames.json").read_text("utf-8"))
    frames = [frame for talk in session["frames"].values() for side in ("server_frames", "client_frames") for frame in talk.get(side, ())]
    assert len(frames) > 5
    for frame in frames:
        if "base64" not in frame:
            continue
        read = unpack(base64.b64decode(frame["base64"]))
        assert (read.seq, read.service, read.method) == (frame["SeqID"], frame["service"], frame["method"])
        assert [list(pair) for pair in read.headers] == frame["headers"]
        assert read.payload.decode() == frame.get("payload", "")
        assert unpack(pack(read)) == read


@pytest.mark.parametrize("sent", [b"\x08", b"\x08\x01", b"\x2a\x05ab", b"\x0d\x00\x00\x00\x00", b"\xff" * 20, b"\x58\x01"])
def test_what_is_no_frame(sent: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(sent)


def ticket(sim: Sim) -> str:
    asked = {"AppID": sim.state.app_id, "AppSecret": sim.state.app_secret}
    found: str = httpx.post(f"{sim.url}/callback/ws/endpoint", json=asked, timeout=PATIENT, trust_env=False).json()["data"]["URL"]
    return found


def within(seconds: float, happened: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


class Listener:
    """A client of the long connection that puts fragments together and acknowledges."""

    def __init__(self, connection: ClientConnection, answer: Any = None, code: int = 200) -> None:
        self.connection = connection
        self.answer = answer
        self.code = code
        self.heard: list[Json] = []
        self.frames: list[Frame] = []

    async def listen(self) -> None:
        parts: dict[int, bytes] = {}
        async for sent in self.connection:
            assert isinstance(sent, bytes)
            frame = unpack(sent)
            self.frames.append(frame)
            if frame.method == 0:
                continue
            parts[int(frame.get("seq"))] = frame.payload
            if len(parts) < int(frame.get("sum")):
                continue
            self.heard.append(json.loads(b"".join(parts[place] for place in sorted(parts))))
            parts = {}
            said: Json = {"code": self.code}
            if self.answer is not None:
                said["data"] = base64.b64encode(json.dumps(self.answer).encode()).decode()
            frame.headers.append(("biz_rt", "1"))
            frame.payload = json.dumps(said).encode()
            await self.connection.send(pack(frame))


@contextmanager
def on_wire(sim: Sim, answer: Any = None, code: int = 200) -> Iterator[Listener]:
    """A listener in a loop of its own, as a product would have it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> tuple[Listener, asyncio.Task[None]]:
        listener = Listener(await connect(ticket(sim), proxy=None, close_timeout=0.2), answer, code)
        return listener, asyncio.create_task(listener.listen())

    async def end(task: asyncio.Task[None], listener: Listener) -> None:
        await listener.connection.close()
        await asyncio.gather(task, return_exceptions=True)

    try:
        listener, task = asyncio.run_coroutine_threadsafe(begin(), loop).result(PATIENT)
        try:
            yield listener
        finally:
            asyncio.run_coroutine_threadsafe(end(task, listener), loop).result(PATIENT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_an_event_over_the_wire_in_pieces(sim: Sim) -> None:
    sim.wire.fragment = 100
    with on_wire(sim) as listener:
        said = sim.person("ou_lina").says("", "你好" * 50)
        assert listener.heard[0]["event"]["message"]["message_id"] == said.id
        assert sim.deliveries.events[0].problems == [""]
        assert len({frame.get("message_id") for frame in listener.frames}) == 1
        orders = [[int(frame.get("seq")) for frame in listener.frames]]
        for _ in range(3):
            listener.frames.clear()
            sim.person("ou_lina").says("", "你好" * 50)
            orders.append([int(frame.get("seq")) for frame in listener.frames])
        assert any(order != sorted(order) for order in orders)


def test_a_tap_over_the_wire(sim: Sim, caller: Caller) -> None:
    with on_wire(sim, {"toast": {"type": "info", "content": "好"}, "card": {"type": "raw", "data": card(button("完成"))}}):
        message = sim.message(sent_card(caller))
        click = sim.person("ou_lina").taps(message, "认领")
        assert (click.problem, click.toast, message.card.buttons) == (0, "好", ["完成"])


def test_what_is_not_acknowledged_comes_again(sim: Sim) -> None:
    sim.person("ou_lina").says("", "x")
    sim.wire.ack_within = PATIENT
    with on_wire(sim, code=500) as listener:
        sim.advance(seconds=15)
        assert len(listener.heard) == 1
        listener.code = 200
        sim.advance(hours=10)
        assert len(listener.heard) == 2
        sim.silence_connections()
        sim.wire.ack_within = HURRIED
        sim.person("ou_lina").says("", "y")
    assert [delivery.problems for delivery in sim.deliveries.events] == [
        ["no acknowledgement", "acknowledged with 500", ""], ["no acknowledgement"]
    ]  # fmt: skip


def test_pings_are_answered_with_the_settings(sim: Sim) -> None:
    sim.wire.config["PingInterval"] = 7
    with on_wire(sim) as listener:
        loop = listener.connection.loop
        ping = pack(Frame(0, 0, 33554678, 0, [("type", "ping")]))
        asyncio.run_coroutine_threadsafe(listener.connection.send(ping), loop).result(PATIENT)
        within(PATIENT, lambda: bool(listener.frames))
        (pong,) = listener.frames
        assert (pong.get("type"), json.loads(pong.payload)["PingInterval"], sim.wire.pings) == ("pong", 7, 1)


def test_who_may_open_a_long_connection(sim: Sim) -> None:
    async def refused(url: str) -> bool:
        try:
            async with connect(url, proxy=None):
                return False
        except Exception:
            return True

    wrong = httpx.post(f"{sim.url}/callback/ws/endpoint", json={"AppID": sim.state.app_id, "AppSecret": "x"}, trust_env=False)
    assert wrong.json()["code"] == 514
    url = ticket(sim)
    assert asyncio.run(refused(url)) is False
    assert asyncio.run(refused(url)) is True  # a ticket is good once

    async def crowd() -> int:
        held = [await connect(one, proxy=None) for one in await asyncio.gather(*(asyncio.to_thread(ticket, sim) for _ in range(50)))]
        body = {"AppID": sim.state.app_id, "AppSecret": sim.state.app_secret}
        answer = await asyncio.to_thread(httpx.post, f"{sim.url}/callback/ws/endpoint", json=body, trust_env=False)
        for one in held:
            await one.close()
        found: int = answer.json()["code"]
        return found

    assert asyncio.run(crowd()) == 1000040350


def test_of_several_connections_one_gets_each_event(sim: Sim) -> None:
    with on_wire(sim) as first, on_wire(sim) as second:
        for number in range(20):
            sim.clock.push(seconds=1)
            sim.person("ou_lina").says("", str(number))
        assert len(first.heard) + len(second.heard) == 20
        assert first.heard
        assert second.heard


def test_sealing_is_as_the_official_known_answer() -> None:
    vector = json.loads((VECTORS / "kat_official_decrypt.json").read_text("utf-8"))
    blob = base64.b64decode(vector["encrypt"])
    assert seal(vector["plaintext"].encode(), vector["key"], blob[:16]) == vector["encrypt"]
    signed = json.loads((VECTORS / "message_text_group_ok.json").read_text("utf-8"))
    headers = signed["request"]["headers"]
    found = sign(
        headers["X-Lark-Request-Timestamp"],
        headers["X-Lark-Request-Nonce"],
        signed["config"]["encrypt_key"],
        signed["request"]["body"].encode(),
    )
    assert found == headers["X-Lark-Signature"]


def test_ids_differ_on_every_run_and_a_seed_repeats_them() -> None:
    def made(seed: int) -> str:
        return Sim(Clock(), seed=seed).state.new("om_")

    assert made(7) == made(7)
    assert made(0) != made(0)
