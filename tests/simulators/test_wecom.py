"""The stand-in for WeCom, the self-built app: each mistake has its answer. What it lets pass is worth as much as what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.core.listener import PATIENT, listening
from tests.simulators.core.shape import Unfit
from tests.simulators.wecom import NotPossible, Sim, markup
from tests.simulators.wecom.cards import check_card
from tests.simulators.wecom.product import AES_KEY, TOKEN, Product
from tests.simulators.wecom.sealing import Broken, seal, sign, unseal
from tests.simulators.wecom.state import HOUR, MINUTE, Json

VECTORS = Path(__file__).parents[1] / "platforms" / "vectors" / "wecom"


class Caller:
    """Somebody who calls the API well, with a token, unless a test says otherwise."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.http = httpx.Client(base_url=f"{sim.url}/cgi-bin/", timeout=PATIENT, trust_env=False)

    def token(self, **asked: str) -> Json:
        query = {"corpid": self.sim.state.corp_id, "corpsecret": self.sim.state.secret} | asked
        found: Json = self.http.get("gettoken", params={name: value for name, value in query.items() if value != "-"}).json()
        return found

    def call(self, method: str, path: str, body: Any = None, *, token: str = "", **query: str) -> Json:
        named = {"access_token": token or self.token()["access_token"], **query}
        found: Json = self.http.request(method, path, params=named, json=body).json()
        return found

    def post(self, path: str, body: Any, **query: str) -> Json:
        return self.call("POST", path, body, **query)

    def send(self, content: Any, kind: str = "text", to: str = "LiNa", **also: Any) -> Json:
        body = {"touser": to, "agentid": self.sim.state.agent_id, "msgtype": kind, kind: content, **also}
        return self.post("message/send", body)

    def card(self, card: Json | None = None, to: str = "LiNa", **also: Any) -> Json:
        return self.send(card or buttons(), "template_card", to, **also)

    def update(self, code: str, **what: Any) -> Json:
        body = {"agentid": self.sim.state.agent_id, "response_code": code, **what}
        return self.post("message/update_template_card", body)

    def upload(self, content: bytes = b"0123456789", kind: str = "file", part: str = "media", name: str = "全文.txt") -> Json:
        query = {"access_token": self.token()["access_token"], "type": kind}
        found: Json = self.http.post("media/upload", params=query, files={part: (name, content)}).json()
        return found


def buttons(task: str = "inc-1@1", *labels: str, **also: Any) -> Json:
    shown = [{"text": label, "key": f"v1|{label}"} for label in labels or ("认领", "转派")]
    return {"card_type": "button_interaction", "task_id": task, "main_title": {"title": "行情中断"}, "button_list": shown, **also}


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        sim.add_person("LiNa", "李娜", mobile="13800000000", email="lina@example.com")
        sim.add_person("WangQ", "王强")
        sim.add_person("Outside", "分公司", visible=False)
        yield sim


@pytest.fixture
def caller(sim: Sim) -> Iterator[Caller]:
    caller = Caller(sim)
    yield caller
    caller.http.close()


@pytest.fixture
def product(sim: Sim) -> Iterator[Product]:
    product = Product(sim.state.corp_id)
    with listening(product.hear) as url:
        sim.app_callback(url, token=TOKEN, aes_key=AES_KEY, answer_within=PATIENT)
        yield product


# Known answers: what WeCom itself, its samples and foreign SDKs have sealed


def _vectors() -> list[str]:
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(VECTORS.glob("*.json"))}
    expected = {name: one["expected"] for name, one in found.items() if isinstance(one.get("expected"), dict)}
    return [name for name, one in expected.items() if one["verdict"] == "accept" and "plaintext" in one]


def _vector(name: str) -> Json:
    found: Json = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return found


def test_there_are_known_answers() -> None:
    assert len(_vectors()) >= 12


@pytest.mark.parametrize("name", _vectors())
def test_what_was_really_sealed_is_sealed_the_same_here(name: str) -> None:
    vector = _vector(name)
    config, request, expected = vector["config"], vector["request"], vector["expected"]
    query, body = request["query"], request["body"]
    if "echostr" in query:
        encrypted = query["echostr"]
    elif config["mode"] == "app_xml":
        encrypted = markup.fields(markup.parsed(body))["Encrypt"]
    else:
        encrypted = json.loads(body)["encrypt"]
    assert sign(config["token"], query["timestamp"], query["nonce"], encrypted) == query["msg_signature"]
    assert unseal(encrypted, config["encoding_aes_key"]) == (expected["plaintext"], config["receive_id"])


def test_a_passive_reply_is_sealed_to_the_byte() -> None:
    vector = _vector("reply_app_update_button")
    config, inputs, wanted = vector["config"], vector["inputs"], vector["expected_response"]["xml_fields"]
    encrypted = seal(vector["plaintext"], config["encoding_aes_key"], config["receive_id"], inputs["random16"].encode())
    assert encrypted == wanted["Encrypt"]
    assert sign(config["token"], wanted["TimeStamp"], wanted["Nonce"], encrypted) == wanted["MsgSignature"]


@pytest.mark.parametrize(
    "name", ["app_bad_padding_33", "app_bad_padding_zero", "app_ciphertext_not_block_multiple", "app_truncated_base64"]
)
def test_what_is_sealed_badly_cannot_be_opened(name: str) -> None:
    vector = _vector(name)
    encrypted = markup.fields(markup.parsed(vector["request"]["body"]))["Encrypt"]
    with pytest.raises(Broken):
        unseal(encrypted, vector["config"]["encoding_aes_key"])


@pytest.mark.parametrize("text", ["<!DOCTYPE x><xml/>", "<xml><A/><A/></xml>", "<xml>", "<html/>"])
def test_xml_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"DOCTYPE|twice|no XML|root"):
        markup.fields(markup.parsed(text))


def _shape(text: str) -> Any:
    def names(element: Any) -> Any:
        return {one.tag: names(one) for one in element} if len(element) else ""

    return names(markup.parsed(text))


def test_what_the_app_hears_has_the_shape_of_the_vectors(sim: Sim, caller: Caller, product: Product) -> None:
    lina = sim.person("LiNa")
    lina.says_app("<b>&amp; ]]> 🚒")
    assert markup.fields(markup.parsed(product.heard[0]))["Content"] == "<b>&amp; ]]> 🚒"
    lina.enters_app()
    select = {"question_key": "severity", "title": "级别", "option_list": [{"id": "P1", "text": "一"}, {"id": "P2", "text": "二"}]}
    caller.card(buttons(button_selection=select))
    lina.taps(lina.app.messages[-1], "认领", {"级别": "二"})
    for heard, name in zip(product.heard, ("app_text_p2p_ok", "app_event_enter_agent_ok", "app_card_click_ok"), strict=True):
        assert _shape(heard) == _shape(_vector(name)["expected"]["plaintext"])
    assert "<OptionId><![CDATA[P2]]></OptionId>" in product.heard[2]


# Tokens, and what stands before every call


def test_a_token_is_the_same_while_it_lives_and_may_die_early(sim: Sim, caller: Caller) -> None:
    first = caller.token()
    assert (first["errcode"], first["expires_in"]) == (0, 7200)
    sim.clock.push(minutes=90)
    assert (caller.token()["access_token"], caller.token()["expires_in"]) == (first["access_token"], 1800)
    sim.clock.push(minutes=30)
    assert caller.call("GET", "user/get", token=first["access_token"], userid="LiNa")["errcode"] == 42001
    second = caller.token()["access_token"]
    assert second != first["access_token"]
    sim.kill_tokens()
    assert caller.call("GET", "user/get", token=second, userid="LiNa")["errcode"] == 40014


@pytest.mark.parametrize(("asked", "expected"), [
    ({"corpid": "-"}, 41002), ({"corpsecret": "-"}, 41004), ({"corpid": "ww0"}, 40013), ({"corpsecret": "wrong"}, 40001),
    ({"agentid": "1"}, 40035),
])  # fmt: skip
def test_a_wrong_request_for_a_token(caller: Caller, asked: Json, expected: int) -> None:
    answer = caller.token(**asked)
    assert answer["errcode"] == expected
    assert f"query?e={expected}" in answer["errmsg"]


def test_a_wrong_secret_too_often_shuts_the_door_for_the_hour(sim: Sim, caller: Caller) -> None:
    assert [caller.token(corpsecret="x")["errcode"] for _ in range(4)] == [40001] * 3 + [45009]
    sim.clock.push(hours=1)
    assert caller.token(corpsecret="x")["errcode"] == 40001


def test_a_token_belongs_into_the_query(sim: Sim, caller: Caller) -> None:
    header = {"Authorization": f"Bearer {caller.token()['access_token']}"}
    answer = caller.http.get("user/get", params={"userid": "LiNa"}, headers=header)
    assert (answer.status_code, answer.json()["errcode"]) == (200, 41001)
    assert caller.http.get("nothing").status_code == 404


def test_an_address_that_is_not_trusted(sim: Sim, caller: Caller) -> None:
    sim.state.trusted_ips = ("10.0.0.1",)
    answer = caller.send({"content": "x"})
    assert answer["errcode"] == 60020
    assert "from ip: 127.0.0.1" in answer["errmsg"]
    assert caller.token()["errcode"] == 0
    sim.state.trusted_ips = ("127.0.0.1",)
    assert caller.send({"content": "x"})["errcode"] == 0


def test_an_app_that_was_shut(sim: Sim, caller: Caller) -> None:
    sim.state.app_enabled = False
    assert caller.send({"content": "x"})["errcode"] == 50003


def test_ten_thousand_calls_a_minute(sim: Sim, caller: Caller) -> None:
    sim.state.spend("api:GET /cgi-bin/user/get", 10_000, MINUTE, 9_999)
    assert [caller.call("GET", "user/get", userid="LiNa")["errcode"] for _ in range(2)] == [0, 45009]
    sim.clock.push(minutes=1)
    assert caller.call("GET", "user/get", userid="LiNa")["errcode"] == 0


# What an app says


def test_a_text_is_shown_to_whom_it_is_sent(sim: Sim, caller: Caller) -> None:
    answer = caller.send({"content": "请确认"}, to="lina|WangQ|nobody|Outside")
    assert (answer["errcode"], answer["invaliduser"]) == (0, "nobody|Outside")
    assert (sim.seen("LiNa"), sim.seen("WangQ"), sim.seen("Outside")) == (["请确认"], ["请确认"], [])
    assert {one.msgid for one in sim.said} == {answer["msgid"]}
    caller.send({"content": "全体"}, to="@all")
    assert "全体" in sim.seen("WangQ")


@pytest.mark.parametrize(("also", "expected"), [
    ({"touser": ""}, 82001), ({"touser": "nobody"}, 81013), ({"agentid": 1}, 301002), ({"agentid": "1000002"}, 40035),
    ({"msgtype": "words"}, 40008), ({"msgtype": "markdown"}, 40035), ({"text": {"content": " "}}, 44004), ({"text": {}}, 40035),
    ({"text": {"content": "x", "title": "y"}}, 40035), ({"msg_type": "text"}, 40035), ({"safe": 3}, 40035),
    ({"duplicate_check_interval": 14401}, 40035), ({"markdown": {"content": "x"}}, 40035),
    ({"touser": "|".join(f"u{n}" for n in range(1001))}, 40035),
])  # fmt: skip
def test_a_message_that_is_refused(sim: Sim, caller: Caller, also: Json, expected: int) -> None:
    body = {"touser": "LiNa", "agentid": sim.state.agent_id, "msgtype": "text", "text": {"content": "x"}} | also
    answer = caller.post("message/send", body)
    assert answer["errcode"] == expected, answer
    assert sim.said == []


def test_a_body_that_is_no_json(caller: Caller) -> None:
    query = {"access_token": caller.token()["access_token"]}
    for content, kind in ((b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain"), (b'"\xff"', "application/json")):
        assert caller.http.post("message/send", params=query, content=content, headers={"Content-Type": kind}).json()["errcode"] == 47001


def test_what_is_too_long_is_cut_without_a_word(sim: Sim, caller: Caller) -> None:
    assert caller.send({"content": "字" * 683})["errcode"] == 0  # 2049 bytes
    assert sim.seen("LiNa") == ["字" * 682]
    assert "2049 bytes" in sim.oddities[0]


def test_more_than_thirty_a_minute_to_one_person_are_dropped_without_a_word(sim: Sim, caller: Caller) -> None:
    assert {caller.send({"content": f"第{n}条"})["errcode"] for n in range(32)} == {0}
    assert (len(sim.seen("LiNa")), [to for to, _ in sim.dropped]) == (30, ["LiNa", "LiNa"])
    assert "第31条" in sim.dropped[1][1]
    caller.send({"content": "别人的"}, to="WangQ")
    sim.clock.push(minutes=1)
    caller.send({"content": "又可以了"})
    assert (sim.seen("WangQ"), sim.seen("LiNa")[-1]) == (["别人的"], "又可以了")


def test_a_thousand_an_hour(sim: Sim, caller: Caller) -> None:
    sim.state.spend("member:LiNa", 1000, HOUR, 1000)
    assert caller.send({"content": "x"})["errcode"] == 0
    assert (sim.seen("LiNa"), len(sim.dropped)) == ([], 1)


def test_two_hundred_a_day_for_each_account(sim: Sim, caller: Caller) -> None:
    sim.state.per_account = 1
    assert [caller.send({"content": "x"})["errcode"] for _ in range(4)] == [0, 0, 0, 45009]
    sim.clock.push(days=1)
    assert caller.send({"content": "x"})["errcode"] == 0


def test_a_duplicate_check_says_yes_and_shows_it_once(sim: Sim, caller: Caller) -> None:
    check: Json = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}
    first = caller.send({"content": "一次"}, **check)
    again = caller.send({"content": "一次"}, **check)
    assert (again["errcode"], again["msgid"] == first["msgid"], sim.seen("LiNa")) == (0, False, ["一次"])
    sim.state.same_msgid = True
    assert caller.send({"content": "一次"}, **check)["msgid"] == first["msgid"]
    caller.send({"content": "两次"}, **check)
    caller.send({"content": "一次"})  # without the check
    assert sim.seen("LiNa") == ["一次", "两次", "一次"]
    sim.clock.push(minutes=10)
    caller.send({"content": "一次"}, **check)
    assert len(sim.seen("LiNa")) == 4


def test_a_card_that_is_repeated_under_the_check_needs_no_new_task(sim: Sim, caller: Caller) -> None:
    assert [caller.card(enable_duplicate_check=1)["errcode"] for _ in range(2)] == [0, 0]
    assert len(sim.said) == 1


def test_recalling_for_a_day(sim: Sim, caller: Caller) -> None:
    sent = caller.send({"content": "说错了"}, to="LiNa|WangQ")["msgid"]
    assert caller.post("message/recall", {"msgid": sent})["errcode"] == 0
    assert (sim.seen("LiNa"), sim.seen("WangQ")) == ([], [])
    assert caller.post("message/recall", {"msgid": sent})["errcode"] == sim.state.not_recalled
    old = caller.send({"content": "旧"})["msgid"]
    sim.clock.push(hours=24)
    assert caller.post("message/recall", {"msgid": old})["errcode"] == sim.state.not_recalled


# Files


def test_files_live_three_days_and_belong_to_one_kind(sim: Sim, caller: Caller) -> None:
    kept = caller.upload()
    assert (kept["type"], kept["created_at"]) == ("file", str(int(sim.clock().timestamp())))
    assert caller.send({"media_id": kept["media_id"]}, "file")["errcode"] == 0
    assert sim.seen("LiNa") == ["全文.txt"]
    assert caller.send({"media_id": kept["media_id"]}, "image")["errcode"] == 40007
    query = {"access_token": caller.token()["access_token"], "media_id": kept["media_id"]}
    assert caller.http.get("media/get", params=query).content == b"0123456789"
    sim.clock.push(days=3)
    assert caller.send({"media_id": kept["media_id"]}, "file")["errcode"] == 40007
    assert caller.call("GET", "media/get", media_id=kept["media_id"])["errcode"] == 40007


@pytest.mark.parametrize(("how", "expected"), [
    ({"content": b"12345"}, 40006), ({"kind": "paper"}, 40004), ({"part": "file"}, 41005), ({"name": ""}, 41005),
    ({"content": b"x" * (2 * 1024 * 1024 + 1), "kind": "voice"}, 45001),
])  # fmt: skip
def test_an_upload_that_is_refused(caller: Caller, how: Json, expected: int) -> None:
    assert caller.upload(**how)["errcode"] == expected


# Cards


@pytest.mark.parametrize("right", [
    buttons(), buttons("a", *"123456"),
    buttons(sub_title_text="x" * 112, horizontal_content_list=[{"keyname": "状态", "value": "值" * 26}] * 6),
    buttons(button_list=[{"text": "看", "type": 1, "url": "https://x"}], source={"desc": "更夫", "desc_color": 2}),
    {"card_type": "text_notice", "main_title": {"title": "x"}, "card_action": {"type": 1, "url": "https://x"}},
    {"card_type": "text_notice", "sub_title_text": "x", "card_action": {"type": 2, "appid": "wx"},
     "jump_list": [{"type": 1, "title": "看", "url": "https://x"}]},
    {"card_type": "vote_interaction", "task_id": "v", "main_title": {"title": "x"}, "submit_button": {"text": "交", "key": "s"},
     "checkbox": {"question_key": "q", "mode": 1, "option_list": [{"id": str(n), "text": str(n)} for n in range(20)]}},
    {"card_type": "multiple_interaction", "task_id": "m", "main_title": {"title": "x"}, "submit_button": {"text": "交", "key": "s"},
     "select_list": [{"question_key": f"q{n}", "option_list": [{"id": "1", "text": "一"}]} for n in range(3)]},
])  # fmt: skip
def test_a_card_that_is_taken(caller: Caller, right: Json) -> None:
    answer = caller.card(right)
    assert answer["errcode"] == 0, answer
    assert ("response_code" in answer) == right["card_type"].endswith("_interaction")


@pytest.mark.parametrize(("wrong", "expected"), [
    (buttons("a", *"1234567"), "too_long"), (buttons("a", "字" * 11), "too_long"), (buttons("bad id"), "bad_card"),
    (buttons("x" * 129), "bad_card"), (buttons(colour="red"), "bad_card"), (buttons(button_list=[]), "too_long"),
    (buttons(main_title={"title": "字" * 27}), "too_long"), (buttons(main_title={"title": "x", "desc": "字" * 31}), "too_long"),
    (buttons(main_title={"desc": "x"}), 41016), (buttons(sub_title_text="字" * 113), "too_long"),
    (buttons(horizontal_content_list=[{"keyname": "k", "value": "v"}] * 7), "too_long"),
    (buttons(horizontal_content_list=[{"keyname": "六个字的键名", "value": "v"}]), "too_long"),
    (buttons(horizontal_content_list=[{"keyname": "k", "value": "v", "type": 1}]), "bad_card"),
    (buttons(button_list=[{"text": "a", "key": "k"}, {"text": "b", "key": "k"}]), "bad_card"),
    (buttons(button_list=[{"text": "a", "key": "字" * 342}]), "too_long"), (buttons(button_list=[{"text": "a"}]), "bad_card"),
    (buttons(button_list=[{"text": "a", "key": "k", "style": 5}]), "bad_card"),
    (buttons(button_selection={"question_key": "q", "option_list": [{"id": str(n), "text": "x"} for n in range(11)]}), "too_long"),
    (buttons(button_selection={"question_key": "q", "option_list": [{"id": "1", "text": "字" * 17}]}), "too_long"),
    ({"card_type": "form"}, "bad_card"), ({"card_type": "text_notice", "main_title": {"title": "x"}}, 42045),
    ({"card_type": "text_notice", "main_title": {"title": "x"}, "card_action": {"type": 3, "url": "https://x"}}, 42045),
    ({"card_type": "text_notice", "card_action": {"type": 1, "url": "https://x"}}, 41016),
    ({name: value for name, value in buttons().items() if name != "task_id"}, "bad_card"),
])  # fmt: skip
def test_a_card_that_is_refused(sim: Sim, caller: Caller, wrong: Json, expected: int | str) -> None:
    answer = caller.card(wrong)
    assert answer["errcode"] == (getattr(sim.state, expected) if isinstance(expected, str) else expected), answer
    assert sim.said == []
    assert caller.card(buttons())["errcode"] == 0, "nothing of it was remembered"


def test_the_robots_cards_are_not_the_apps() -> None:
    check_card(buttons(feedback={"id": "f"}), "robot")
    with pytest.raises(Unfit):
        check_card(buttons(feedback={"id": "f"}), "app")
    with pytest.raises(Unfit):
        check_card(buttons(button_list=[{"text": "看", "type": 1, "url": "https://x"}]), "robot")


def test_a_task_serves_once(sim: Sim, caller: Caller) -> None:
    assert [caller.card(buttons("t"))["errcode"], caller.card(buttons("t", "别的"))["errcode"]] == [0, sim.state.task_taken]


def test_a_response_code_changes_a_card_once(sim: Sim, caller: Caller) -> None:
    code = caller.card(to="LiNa|WangQ")["response_code"]
    answer = caller.update(code, userids=["lina", "Outside"], button={"replace_name": "已认领"})
    assert (answer["errcode"], answer["invaliduser"]) == (0, ["Outside"])
    assert sim.person("LiNa").app.messages[0].card.buttons == []
    assert "已认领" in sim.seen("LiNa")[0]
    assert "认领" in sim.seen("WangQ")[0].splitlines()
    assert caller.update(code, userids=["WangQ"], button={"replace_name": "x"})["errcode"] == sim.state.code_spent
    with pytest.raises(NotPossible):
        sim.person("LiNa").taps(sim.person("LiNa").app.messages[0], "认领")


def test_a_response_code_lives_72_hours(sim: Sim, caller: Caller) -> None:
    first, second = (caller.card(buttons(f"t{n}"))["response_code"] for n in range(2))
    sim.clock.push(hours=71)
    after = {"card_type": "text_notice", "main_title": {"title": "已关闭"}, "card_action": {"type": 1, "url": "https://x"}}
    assert caller.update(first, atall=1, template_card=after)["errcode"] == 0
    assert sim.seen("LiNa")[0] == "已关闭"
    sim.clock.push(hours=1)
    assert caller.update(second, atall=1, template_card=after)["errcode"] == sim.state.code_spent


@pytest.mark.parametrize("wrong", [
    {"button": {"replace_name": "x"}}, {"atall": 1}, {"atall": 1, "userids": ["LiNa"], "button": {"replace_name": "x"}},
    {"atall": 1, "button": {"replace_name": "x"}, "template_card": buttons()}, {"atall": 1, "button": {"text": "x"}},
    {"userids": "LiNa", "button": {"replace_name": "x"}},
])  # fmt: skip
def test_an_update_that_is_refused_spends_nothing(sim: Sim, caller: Caller, wrong: Json) -> None:
    code = caller.card()["response_code"]
    assert caller.update(code, **wrong)["errcode"] == 40035
    assert caller.update(code, atall=1, button={"replace_name": "好"})["errcode"] == 0


# Clicks and other callbacks


def test_the_address_is_checked_to_the_byte(sim: Sim, product: Product) -> None:
    callback = sim.deliveries.app
    assert callback is not None
    assert callback.check_url() == ""
    product.status = 500
    assert callback.check_url().startswith("HTTP 500")
    product.status, product.receive_id = 200, "ww-other"
    assert callback.check_url() != ""


def test_a_message_comes_again_three_times_and_no_more(sim: Sim, product: Product) -> None:
    product.status = 503
    sim.person("LiNa").says_app("在吗")
    assert sim.deliveries.events[0].problems == ["HTTP 503"] * 4
    assert len(set(product.heard)) == 1, "with the same MsgId"
    product.status = 200
    sim.person("LiNa").says_app("在吗")
    assert sim.deliveries.events[1].problems == [""]


def _xml(kind: str, **more: Any) -> str:
    head = {"ToUserName": "LiNa", "FromUserName": "ww7f3c1e55aa90b2d4", "CreateTime": 1767225600, "MsgType": kind}
    return markup.written("xml", {**head, **more})


def test_a_click_is_answered_with_its_grey_button(sim: Sim, caller: Caller, product: Product) -> None:
    caller.card(to="LiNa|WangQ")
    lina = sim.person("LiNa")
    product.answer = lambda heard: _xml("update_button", Button={"ReplaceName": "已认领"})
    click = lina.taps(lina.app.messages[0], "认领")
    assert (click.problem, click.updated, lina.app.messages[0].closed) == ("", True, "已认领")
    assert sim.person("WangQ").app.messages[0].closed == ""


def test_a_click_is_answered_with_another_card(sim: Sim, caller: Caller, product: Product) -> None:
    caller.card()
    lina = sim.person("LiNa")
    card = {
        "CardType": "button_interaction", "MainTitle": {"Title": "已由李娜认领"},
        "HorizontalContentList": [{"KeyName": "状态", "Value": "处置中"}],
        "ButtonList": [{"Text": "完成", "Style": 1, "Key": "v1|done"}], "TaskId": "inc-1@1",
    }  # fmt: skip
    product.answer = lambda heard: _xml("update_template_card", TemplateCard=card)
    click = lina.taps(lina.app.messages[0], "认领")
    assert (click.problem, click.updated) == ("", True)
    assert lina.app.messages[0].text == "已由李娜认领\n状态 处置中\n完成"


def test_a_passive_answer_may_use_the_code_up(sim: Sim, caller: Caller, product: Product) -> None:
    """Nobody knows whether it does."""
    product.answer = lambda heard: _xml("update_button", Button={"ReplaceName": "已认领"})
    for number, spent in enumerate((False, True)):
        sim.state.passive_spends = spent
        caller.card(buttons(f"t{number}"))
        lina = sim.person("LiNa")
        code = lina.taps(lina.app.messages[-1], "认领").event["ResponseCode"]
        answer = caller.update(code, atall=1, button={"replace_name": "再改"})
        assert answer["errcode"] == (sim.state.code_spent if spent else 0)


def test_the_code_of_a_click_changes_the_card_later(sim: Sim, caller: Caller, product: Product) -> None:
    caller.card()
    lina = sim.person("LiNa")
    click = lina.taps(lina.app.messages[0], "认领")
    assert click.updated is False
    assert caller.update(click.event["ResponseCode"], userids=["LiNa"], button={"replace_name": "已认领"})["errcode"] == 0
    assert lina.app.messages[0].closed == "已认领"


@pytest.mark.parametrize("reply", [
    "plain", "<xml/>", _xml("words"), _xml("text", Content="x", Title="y"), _xml("text", Content=""),
    _xml("text", Content="x").replace("LiNa", "WangQ"), _xml("text", Content="x").replace("ww7f3c1e55aa90b2d4", "ww0"),
    _xml("update_button", Button={"ReplaceName": ""}), _xml("update_template_card", TemplateCard={"CardType": "form"}),
    _xml("update_button", Button={"ReplaceName": "x"}),
])  # fmt: skip
def test_a_passive_reply_that_is_dropped(sim: Sim, product: Product, reply: str) -> None:
    product.answer = lambda heard: reply
    sim.person("LiNa").says_app("你好")
    assert "dropped" in sim.deliveries.events[0].problems[0]
    assert len(product.heard) == 1, "there was a 200"
    assert sim.said == []


@pytest.mark.parametrize("bend", [
    {"MsgSignature": "0" * 40}, {"Nonce": "1"}, {"Encrypt": "AAAA"}, {"Extra": "x"},
])  # fmt: skip
def test_an_envelope_that_is_dropped(sim: Sim, product: Product, bend: Json) -> None:
    product.answer = lambda heard: _xml("text", Content="好")
    product.bend = lambda envelope: envelope | bend
    sim.person("LiNa").says_app("你好")
    assert "dropped" in sim.deliveries.events[0].problems[0]
    product.bend = lambda envelope: envelope
    sim.person("LiNa").says_app("你好")
    assert sim.seen("LiNa")[-1] == "好"


def test_what_people_cannot_do(sim: Sim, caller: Caller, product: Product) -> None:
    caller.card()
    lina, wang = sim.person("LiNa"), sim.person("WangQ")
    card = lina.app.messages[0]
    for act in (
        lambda: lina.taps(card, "没有"), lambda: wang.taps(card, "认领"), lambda: lina.taps(card, "认领", {"级别": "一"}),
        lambda: sim.person("Outside").says_app("x"), lambda: lina.follows(card, "看"),
    ):  # fmt: skip
        with pytest.raises(NotPossible):
            act()


def test_coming_into_range_and_leaving_it(sim: Sim, product: Product) -> None:
    outside = sim.person("Outside")
    outside.comes_into_range()
    outside.leaves_range()
    assert ["subscribe" in product.heard[0], "unsubscribe" in product.heard[1]] == [True, True]


# Groups that the app makes


def test_a_group_is_made_and_only_receives(sim: Sim, caller: Caller, product: Product) -> None:
    made = caller.post("appchat/create", {"name": "行情中断", "userlist": ["lina", "WangQ"], "owner": "LiNa", "chatid": "INC1"})
    assert (made["errcode"], made["chatid"]) == (0, "INC1")
    said = caller.post("appchat/send", {"chatid": "INC1", "msgtype": "markdown", "markdown": {"content": "<@LiNa> 看"}})
    assert (said["errcode"], "msgid" in said) == (0, False)
    assert sim.chat("INC1").messages[0].mentioned == {"LiNa"}
    mentioned = {"content": "看", "mentioned_list": ["WangQ"]}
    caller.post("appchat/send", {"chatid": "INC1", "msgtype": "text", "text": mentioned})
    assert sim.chat("INC1").messages[1].mentioned == {"WangQ"}
    assert caller.post("appchat/send", {"chatid": "INC1", "msgtype": "template_card", "template_card": buttons()})["errcode"] == 40008
    sim.person("LiNa").says("INC1", "有人吗")
    assert product.heard == []
    assert caller.call("GET", "appchat/get", chatid="INC1")["chat_info"]["userlist"] == ["LiNa", "WangQ"]


@pytest.mark.parametrize(("body", "expected"), [
    ({"userlist": ["LiNa"]}, 86220), ({"userlist": ["LiNa", "WangQ"], "owner": "Outside"}, 86216),
    ({"userlist": ["LiNa", "nobody"]}, 86216), ({"userlist": ["LiNa", "WangQ"], "chatid": "INC-1"}, 40035),
    ({"userlist": ["LiNa", "WangQ"], "chatid": "x" * 33}, 40035), ({"userlist": ["LiNa", "WangQ"], "chatid": "THERE"}, 86215),
    ({"users": ["LiNa", "WangQ"]}, 40035),
])  # fmt: skip
def test_a_group_that_is_not_made(caller: Caller, body: Json, expected: int) -> None:
    caller.post("appchat/create", {"userlist": ["LiNa", "WangQ"], "chatid": "THERE"})
    assert caller.post("appchat/create", body)["errcode"] == expected


def test_groups_need_the_root_department(sim: Sim, caller: Caller) -> None:
    caller.post("appchat/create", {"userlist": ["LiNa", "WangQ"], "chatid": "G"})
    sim.state.root_visible = False
    assert caller.post("appchat/create", {"userlist": ["LiNa", "WangQ"]})["errcode"] == 60011
    assert caller.post("appchat/send", {"chatid": "G", "msgtype": "text", "text": {"content": "x"}})["errcode"] == 60011


def test_a_group_is_changed(sim: Sim, caller: Caller) -> None:
    sim.add_person("ZhaoL", "赵磊")
    caller.post("appchat/create", {"userlist": ["LiNa", "WangQ"], "owner": "LiNa", "chatid": "G"})
    assert (
        caller.post("appchat/update", {"chatid": "G", "name": "新名", "add_user_list": ["ZhaoL"], "del_user_list": ["WangQ"]})["errcode"]
        == 0
    )
    assert (sim.chat("G").name, sim.chat("G").members) == ("新名", {"LiNa", "ZhaoL"})
    assert caller.post("appchat/update", {"chatid": "G", "del_user_list": ["ZhaoL"]})["errcode"] == 86220
    assert caller.post("appchat/update", {"chatid": "G", "del_user_list": ["LiNa"], "add_user_list": ["WangQ"]})["errcode"] == 86220
    assert caller.post("appchat/update", {"chatid": "NONE", "name": "x"})["errcode"] == 86003


# The directory


def test_people_are_looked_up(sim: Sim, caller: Caller) -> None:
    found = caller.call("GET", "user/get", userid="lina")
    assert (found["userid"], found["name"], "mobile" in found) == ("LiNa", "李娜", False)
    sim.state.lower_ids = sim.state.contact_fields = True
    assert caller.call("GET", "user/get", userid="LiNa")["userid"] == "lina"
    assert caller.call("GET", "user/get", userid="LiNa")["mobile"] == "13800000000"
    assert caller.call("GET", "user/get", userid="nobody")["errcode"] == 60111
    assert caller.call("GET", "user/get", userid="Outside")["errcode"] == 60011
    assert caller.post("user/getuserid", {"mobile": "13800000000"})["userid"] == "LiNa"
    assert caller.post("user/getuserid", {"mobile": "139"})["errcode"] == 46004


# What goes wrong


def test_faults(sim: Sim, caller: Caller) -> None:
    route = "POST /cgi-bin/message/send"
    sim.faults.add(route, "reset_after")
    with pytest.raises(httpx.TransportError):
        caller.send({"content": "做了"})
    assert sim.seen("LiNa") == ["做了"]
    sim.faults.add(route, "reset_before")
    with pytest.raises(httpx.TransportError):
        caller.send({"content": "没做"})
    sim.faults.add(route, "throttle")
    sim.faults.add(route, "dead_token")
    assert [caller.send({"content": "没做"})["errcode"] for _ in range(2)] == [45009, 42001]
    sim.faults.add(route, "answer", code=-1)
    assert caller.send({"content": "没做"})["errcode"] == -1
    sim.faults.add(route, "html")
    with pytest.raises(ValueError, match="Expecting value"):
        caller.send({"content": "没做"})
    assert sim.seen("LiNa") == ["做了"]
    assert [one.code for one in sim.calls("POST /message/send")] == [None, None, 45009, 42001, -1, None]
