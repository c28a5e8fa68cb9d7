"""The stand-in for DingTalk answers each mistake with its documented code. What it lets pass is worth as much as what it refuses."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from tests.simulators.dingtalk import SCENE, Clock, NotPossible, Sim, Template
from tests.simulators.dingtalk.caller import GROUP, MAKE, ROOM, TOKEN, Caller, a_card, furnished
from tests.simulators.dingtalk.sealing import robot_sign
from tests.simulators.dingtalk.state import milliseconds
from tests.simulators.dingtalk.templates import OURS, Press

Json = dict[str, Any]
WRONG_CASE = {"title": "一", "text": "二", "buttonTitle1": "a", "buttonURL1": "b", "buttonTitle2": "c", "buttonURL2": "d"}


@pytest.fixture
def sim() -> Iterator[Sim]:
    with furnished() as sim:
        yield sim


@pytest.fixture
def caller(sim: Sim) -> Iterator[Caller]:
    caller = Caller(sim)
    yield caller
    caller.http.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Sim]:
    with furnished() as sim:
        yield sim


@pytest.fixture
def still(shared: Sim) -> Iterator[Caller]:
    """A caller of a stand-in that several tests share: for what is refused, or changes nothing that others see."""
    shared.clock.push(minutes=1)
    caller = Caller(shared)
    yield caller
    caller.http.close()


def code(answer: httpx.Response) -> str | int:
    """Of either API; "" or 0 is success."""
    found = answer.json()
    assert answer.status_code == 200 or "requestid" in found
    value: str | int = found.get("code", found.get("errcode", ""))
    return value


# Tokens and the gateway


def test_a_token_is_the_same_while_it_is_valid_and_both_apis_take_it(sim: Sim, caller: Caller) -> None:
    first = caller.token()
    sim.clock.push(minutes=119)
    assert caller.token() == first
    assert caller.old("/topapi/v2/user/get", {"userid": "lina"}, token=first).json()["result"]["name"] == "李娜"
    sim.clock.push(minutes=1)
    assert code(caller.new("POST", GROUP, {}, headers={"x-acs-dingtalk-access-token": first})) == "InvalidAuthentication"
    old = caller.old("/topapi/v2/user/get", {"userid": "lina"}, token=first).json()
    assert (old["errcode"], old["sub_code"]) == (88, "40014")
    assert caller.token() != first


def test_a_token_in_another_place_is_none(still: Caller) -> None:
    given = {"robotCode": still.sim.state.robot_code}
    for headers, query in (({"Authorization": f"Bearer {still.token()}"}, {}), ({}, {"access_token": still.token()})):
        answer = still.new("POST", GROUP, given, headers=headers, **query)
        assert (answer.status_code, code(answer)) == (400, "AuthenticationFailed.MissingParameter")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"appKey": "dingsim00appkey", "appSecret": "x"}, "invalidClientIdOrSecret"),
        ({"appKey": "other", "appSecret": "s3cret-of-the-app"}, "invalidClientIdOrSecret"),
        ({"appKey": "dingsim00appkey"}, "MissingappSecret"),
    ],
)
def test_who_asks_for_a_token_proves_who_it_is(still: Caller, given: Json, word: str) -> None:
    assert code(still.http.post(TOKEN, json=given)) == word


def test_what_is_unknown_each_api_says_in_its_way(still: Caller) -> None:
    assert (still.http.get("/v1.0/robot/nothing").status_code, still.http.get("/topapi/nothing").json()["errcode"]) == (404, 22)
    assert still.http.get("/topapi/nothing").status_code == 200


def test_a_body_is_json_and_says_so(still: Caller) -> None:
    headers = {"x-acs-dingtalk-access-token": still.token()}
    answers = [
        still.http.post(GROUP, content=content, headers={**headers, "content-type": kind})
        for content, kind in (
            (b"{}", "text/plain"),
            (b"", "application/json"),
            (b"{", "application/json"),
            ("{}".encode("utf-16"), "application/json"),
        )
    ]
    assert [code(one) for one in answers] == ["InvalidContentType", "Missingbody", "Invalidbody", "Invalidbody"]


def test_a_permission_that_is_not_granted(sim: Sim, caller: Caller) -> None:
    sim.state.permissions.discard("Card.Instance.Write")
    answer = caller.makes()
    assert (answer.status_code, code(answer)) == (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
    sim.state.permissions.discard("qyapi_get_member")
    assert caller.old("/topapi/v2/user/get", {"userid": "lina"}).json()["sub_code"] == "60011"
    sim.state.allowed_ips = ("10.0.0.1",)
    assert code(caller.says({"content": "一"})) == "Forbidden.AccessDenied.IpNotInWhiteList"


def test_twenty_calls_a_second_and_the_throttled_ones_are_not_counted(sim: Sim, caller: Caller) -> None:
    headers = {"x-acs-dingtalk-access-token": caller.token()}
    given = {"robotCode": sim.state.robot_code, "openConversationId": ROOM, "msgKey": "sampleText", "msgParam": '{"content": "一"}'}
    found = [caller.new("POST", GROUP, given, headers=headers) for _ in range(21)]
    assert [one.status_code for one in found] == [200] * 20 + [403]
    assert code(found[-1]) == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    assert sim.state.calls.used == 20
    sim.clock.push(seconds=1)
    assert caller.says({"content": "二"}).status_code == 200


def test_the_months_quota_begins_anew_in_the_next_month(caller: Caller, sim: Sim) -> None:
    sim.state.calls.limit = 2
    assert [code(caller.says({"content": "一"})) for _ in range(3)] == ["", "", "Forbidden.AccessDenied.ApiCountLimitForOrg"]
    assert caller.old("/topapi/v2/user/getbymobile", {"mobile": "13800000000"}).json()["result"]["userid"] == "lina"  # not counted
    assert caller.uploads("a.pdf").json()["errcode"] == 90020
    sim.clock.at = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)  # April in Shanghai
    assert code(caller.says({"content": "一"})) == ""


@pytest.mark.parametrize("punishes", ["html", "json"])
def test_a_flood_is_punished_with_something_that_is_no_answer(sim: Sim, caller: Caller, punishes: Any) -> None:
    sim.state.ip_most, sim.state.punishes = 3, punishes
    for _ in range(3):
        caller.token()
    answer = caller.http.post(TOKEN, json={})
    assert (answer.headers["content-type"] == "text/html") == (punishes == "html")
    if punishes == "json":
        assert (answer.status_code, answer.json()["punish"], answer.json()["wait"]) == (200, "deny", 5)
    sim.clock.push(minutes=4)
    assert "punish" in caller.http.post(TOKEN, json={}).text or punishes == "html"
    sim.clock.push(minutes=6)
    assert caller.token()


# One-to-one


def test_one_to_one_the_lists_say_whom_it_did_not_reach(sim: Sim, caller: Caller) -> None:
    sim.state.flow_controlled.add("wang")
    answer = caller.tells(["lina", "wang", "nobody"], {"content": "一"})
    assert (answer.json()["invalidStaffIdList"], answer.json()["flowControlledStaffIdList"]) == (["nobody"], ["wang"])
    assert [message.content for message in sim.direct("lina").messages] == [{"content": "一"}]
    assert sim.direct("wang").messages == []


@pytest.mark.parametrize(
    ("also", "word"),
    [
        ({"robotCode": ""}, "invalidParameter.robotCode.empty"),
        ({"robotCode": None}, "invalidParameter.robotCode.empty"),
        ({"robotCode": "ding-other"}, "invalidParameter.robotCode.notExsit"),
        ({"userIds": []}, "invalidParameter.userIds.empty"),
        ({"userIds": None}, "MissinguserIds"),
        ({"userIds": [f"u{number}" for number in range(21)]}, "invalidParameter.userIds.overMax"),
        ({"msgKey": ""}, "invalidParameter.msgKey.empty"),
        ({"msgKey": "sampleActionCard1"}, "invalidParameter.msgKey.invalid"),
        ({"msgParam": {"content": "一"}}, "invalidParameter.param.invalid"),
        ({"msgParam": "text"}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"content": "一", "at": "x"}'}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": '{"content": ""}'}, "miss.param.contentOfText"),
        ({"msgKey": "sampleMarkdown", "msgParam": '{"text": "一"}'}, "miss.param.markdownTotitle"),
        ({"msgKey": "sampleActionCard6", "msgParam": json.dumps(WRONG_CASE)}, "miss.param.actionCardTobtnsToactionUrl"),
        ({"msgKey": "sampleFile", "msgParam": '{"mediaId": "@x", "fileName": "a.pdf", "fileType": "pdf"}'}, "miss.param.file"),
        ({"msgParam": json.dumps({"content": "字" * 5000}, ensure_ascii=False)}, "invalidParameter.msgParam.tooLong"),
        ({"chatbot": "x"}, "invalidParameter.param.invalid"),
    ],
)  # fmt: skip
def test_what_a_message_to_people_must_have(still: Caller, also: Json, word: str) -> None:
    answer = still.tells(["lina"], {"content": "一"}, **also)
    assert (answer.status_code, code(answer)) == (400, word)
    assert still.sim.said == []


def test_the_same_to_the_same_person_is_swallowed_with_success(sim: Sim, caller: Caller) -> None:
    for _ in range(2):
        assert caller.tells(["lina"], {"content": "一"}).json()["processQueryKey"]
    caller.tells(["wang", "lina"], {"content": "一"})
    caller.tells(["lina"], {"content": "一 09:30"})
    assert [message.content["content"] for message in sim.direct("lina").messages] == ["一", "一 09:30"]
    assert len(sim.direct("wang").messages) == 1
    assert sim.state.swallowed == [("lina", "一"), ("lina", "一")]
    sim.clock.push(hours=24)
    caller.tells(["lina"], {"content": "一"})
    assert len(sim.direct("lina").messages) == 3


def test_more_than_so_many_a_day_to_one_person_are_swallowed(sim: Sim, caller: Caller) -> None:
    sim.state.most_to_person = 3
    for number in range(5):
        assert code(caller.tells(["lina"], {"content": str(number)})) == ""
    assert [message.content["content"] for message in sim.direct("lina").messages] == ["0", "1", "2"]
    assert len(sim.state.swallowed) == 2


# Groups


def test_a_group_hears_the_robot_that_is_in_it(sim: Sim, caller: Caller) -> None:
    assert code(caller.says({"content": "一"}, chat="cidNone==")) == "invalid.openConversationId"
    assert code(caller.says({"content": "一"}, chat="")) == "miss.openConversationId"
    assert code(caller.says({"content": "一"}, chat=sim.direct("lina").id)) == "invalid.openConversationId"
    sim.chat(ROOM).muted = True
    assert code(caller.says({"content": "一"})) == "bot.forbidden.sendMessage"
    sim.person("lina").removes_bot(ROOM)
    assert code(caller.says({"content": "一"})) == sim.state.not_inside
    sim.chat(ROOM).dissolved = True
    assert code(caller.says({"content": "一"})) == "group.disbanded"
    assert sim.chat(ROOM).messages == []


def test_nobody_is_called_by_a_message_to_a_group(sim: Sim, caller: Caller) -> None:
    caller.says({"content": "@wang 请认领"})
    assert sim.chat(ROOM).messages[0].mentioned == set()
    assert "calls nobody" in sim.oddities[0]


def test_words_that_the_filter_knows_and_a_robot_that_is_off(sim: Sim, caller: Caller) -> None:
    sim.state.sensitive.add("内幕")
    assert code(caller.says({"content": "内幕"})) == "contain.notAllowed.text"
    assert code(caller.makes(cardData={"cardParamMap": {"title": "内幕"}})) == "param.contentUnsafe"
    sim.state.robot_enabled = False
    assert code(caller.says({"content": "一"})) == "template.stopped"


def test_what_was_said_is_taken_back(sim: Sim, caller: Caller) -> None:
    room, direct = (
        caller.says({"content": "一"}).json()["processQueryKey"],
        caller.tells(["lina"], {"content": "二"}).json()["processQueryKey"],
    )
    robot = {"robotCode": sim.state.robot_code}
    answer = caller.new("POST", "/v1.0/robot/groupMessages/recall", {**robot, "openConversationId": ROOM, "processQueryKeys": [room, "x"]})
    assert (answer.json()["successResult"], list(answer.json()["failedResult"])) == ([room], ["x"])
    again = caller.new("POST", "/v1.0/robot/groupMessages/recall", {**robot, "openConversationId": ROOM, "processQueryKeys": [room]})
    assert again.json() == {"successResult": [], "failedResult": {room: "invalid.processQueryKey"}}
    assert caller.new("POST", "/v1.0/robot/otoMessages/batchRecall", {**robot, "processQueryKeys": [direct]}).json()["successResult"] == [
        direct
    ]
    assert (sim.chat(ROOM).shown, sim.direct("lina").shown) == ([], [])
    many = {**robot, "processQueryKeys": [str(number) for number in range(21)]}
    assert code(caller.new("POST", "/v1.0/robot/otoMessages/batchRecall", many)) == "invalidParameter.processQueryKeys.overMax"


def test_a_scene_group_is_of_a_template_and_has_the_robot(sim: Sim, caller: Caller) -> None:
    given = {"title": "行情", "template_id": SCENE, "owner_user_id": "lina", "user_ids": ["wang"], "uuid": "i1"}
    path = "/v1.0/im/sceneGroup/create"
    first = caller.new("POST", path, given).json()["open_conversation_id"]
    assert caller.new("POST", path, given).json()["open_conversation_id"] == first
    assert (sim.chat(first).members, sim.chat(first).bot_inside) == ({"lina", "wang"}, True)
    for also, word in (
        ({"template_id": "none"}, "groupTemplate.notFound"),
        ({"title": "长" * 31, "uuid": "2"}, "parameter.invalid"),
        ({"owner_user_id": "nobody", "uuid": "3"}, "member.notFound"),
        ({"user_ids": ["nobody"], "uuid": "4"}, "member.notFound"),
        ({"user_ids": ["lina"] * 1001, "uuid": "5"}, "member.exceed"),
        ({"userIds": []}, "parameter.invalid"),
        ({"management_options": {"searchble": 1}}, "parameter.invalid"),
    ):
        assert code(caller.new("POST", path, {**given, **also})) == word, also
        sim.clock.push(seconds=1)
    sim.state.people["lina"].available = False
    assert code(caller.new("POST", path, {**given, "uuid": "6"})) == "permession.checkFailed"
    added = caller.new("POST", "/v1.0/im/sceneGroup/member/add", {"open_conversation_id": ROOM, "user_ids": ["nobody"]})
    assert code(added) == "member.notFound"


def test_a_templates_robot_may_be_one_of_its_own_kind(sim: Sim, caller: Caller) -> None:
    sim.state.scene_robot, sim.state.robot_takes = "scene-robot", timedelta(seconds=3)
    made = caller.new("POST", "/v1.0/im/sceneGroup/create", {"title": "行情", "template_id": SCENE, "owner_user_id": "lina", "uuid": "1"})
    room = made.json()["open_conversation_id"]
    assert code(caller.says({"content": "一"}, chat=room, robotCode="scene-robot")) == sim.state.not_inside
    sim.clock.push(seconds=3)
    assert code(caller.says({"content": "一"}, chat=room, robotCode="scene-robot")) == ""
    assert code(caller.says({"content": "一"}, chat=room)) == sim.state.not_inside
    assert code(caller.says({"content": "一"}, robotCode="scene-robot")) == sim.state.not_inside
    assert code(caller.tells(["lina"], {"content": "一"}, robotCode="scene-robot")) == "chatbotId.notAllow.sendOTO"
    own, theirs = (
        caller.makes(one, f"IM_GROUP.{room}", imGroupOpenDeliverModel={"robotCode": one}) for one in ("dingsim00appkey", "scene-robot")
    )
    assert [one.json()["result"]["deliverResults"][0]["success"] for one in (own, theirs)] == [False, True]
    assert sim.person("lina").says(room, "一") is None


def test_a_common_group_has_no_robot(sim: Sim, caller: Caller) -> None:
    made = caller.new("POST", "/v1.0/im/group/create", {"name": "行情", "owner": "lina", "useridlist": ["lina", "wang"]}).json()
    assert code(caller.says({"content": "一"}, chat=made["openConversationId"])) == sim.state.not_inside
    long = {"name": "长" * 21, "owner": "lina", "useridlist": []}
    assert code(caller.new("POST", "/v1.0/im/group/create", long)) == "parameter.invalid"


# Cards


def test_a_card_is_made_and_each_person_sees_it_their_way(sim: Sim, caller: Caller) -> None:
    also: Json = {"privateData": {"lina": {"cardParamMap": {"hint": "你负责"}}}}
    result = caller.makes(**also).json()["result"]
    assert result["deliverResults"][0] | {"carrierId": ""} == {
        "spaceType": "IM_GROUP",
        "spaceId": ROOM,
        "success": True,
        "carrierId": "",
        "errorMsg": "",
    }
    card = sim.chat(ROOM).messages[0]
    assert [sim.person(one).seen(card) for one in ("lina", "wang")] == ["行情中断\nT1 待认领\n你负责", "行情中断\nT1 待认领"]
    assert sim.person("lina").presses(card)["认领"].params == {"a": "k1", "c": ROOM}
    assert sim.oddities == []


@pytest.mark.parametrize(
    ("also", "word"),
    [
        ({"cardTemplateId": "none.schema"}, "param.templateNotExist"),
        ({"cardTemplateId": "draft.schema"}, "param.templateUnpublished"),
        ({"cardTemplateId": ""}, "param.cardTemplateIdEmpty"),
        ({"outTrackId": ""}, "param.outTrackIdEmpty"),
        ({"openSpaceId": ""}, "param.openSpaceIdEmpty"),
        ({"openSpaceId": f"IM_GROUP.{ROOM}"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": f"dtv1.card//im_group.{ROOM}"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": f"dtv1.card//IM_GROUP.{ROOM};"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": "dtv1.card//IM_ROBOT.lina"}, "param.openDeliverModelEmpty"),
        ({"imGroupOpenDeliverModel": {}}, "param.openDeliverModelError"),
        ({"imGroupOpenDeliverModel": {"robotCode": "other"}}, "param.openDeliverModelError"),
        ({"imGroupOpenDeliverModel": {"robotCode": "dingsim00appkey", "atUserIds": {"@ALL": "所有人"}}}, "param.openDeliverModelError"),
        ({"imGroupOpenSpaceModel": {}}, "param.openSpaceModelInvalid"),
        ({"callbackType": "stream"}, "param.invalid"),
        ({"callbackType": "HTTP", "callbackRouteKey": "nowhere"}, "param.invalid"),
        ({"cardData": {"cardParamMap": {"title": 1}}}, "param.invalid"),
        ({"cardData": {"cardParamMap": {"title": "字" * 342}}}, "param.invalid"),
        ({"cardData": {"params": {}}}, "param.cardPublicDataEmpty"),
        ({"cardData": None}, "param.invalid"),
        ({"carddata": {}}, "param.invalid"),
    ],
)
def test_what_a_card_must_have(still: Caller, also: Json, word: str) -> None:
    still.sim.add_template(Template("draft.schema", published=False))
    answer = still.makes(**also)
    assert (answer.status_code, code(answer)) == (400, word)
    assert still.sim.state.cards == {}


def test_a_group_card_needs_its_space_model(still: Caller) -> None:
    given = a_card(still.sim)
    del given["imGroupOpenSpaceModel"]
    assert code(still.new("POST", MAKE, given)) == "param.openSpaceModelInvalid"


def test_an_out_track_id_is_used_once(sim: Sim, caller: Caller) -> None:
    caller.makes()
    again = caller.makes(cardData={"cardParamMap": {"title": "二"}})
    assert (again.status_code, code(again)) == (400, "param.cardAlreadyExist")
    sim.state.repeat_card = "ignored"
    assert caller.makes(cardData={"cardParamMap": {"title": "二"}}).json()["success"] is True
    assert [sim.person("lina").seen(one) for one in sim.chat(ROOM).messages] == ["行情中断\nT1 待认领"]


def test_a_delivery_fails_inside_a_success(sim: Sim, caller: Caller) -> None:
    """And the id is used up all the same: what is left to do is to deliver it again."""
    sim.state.deliver_fails[ROOM] = "SYSTEM_ERROR"
    answer = caller.makes()
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    result = answer.json()["result"]["deliverResults"][0]
    assert (result["success"], result["errorMsg"]) == (False, "SYSTEM_ERROR")
    assert sim.chat(ROOM).messages == []
    assert code(caller.makes()) == "param.cardAlreadyExist"
    assert code(caller.updates(cardData={"cardParamMap": {"title": "二"}})) == ""
    assert "never delivered" in sim.oddities[0]
    sim.state.deliver_fails.clear()
    again = {name: value for name, value in a_card(sim).items() if name in ("outTrackId", "openSpaceId", "imGroupOpenDeliverModel")}
    assert caller.new("POST", "/v1.0/card/instances/deliver", again).json()["result"][0]["success"] is True
    assert len(sim.chat(ROOM).messages) == 1


def test_a_card_is_delivered_only_to_what_it_was_made_for(sim: Sim, caller: Caller) -> None:
    caller.makes("a", "IM_ROBOT.lina")
    deliver, robot = "/v1.0/card/instances/deliver", sim.state.robot_code
    given = {"outTrackId": "a", "openSpaceId": f"dtv1.card//IM_GROUP.{ROOM}", "imGroupOpenDeliverModel": {"robotCode": robot}}
    assert code(caller.new("POST", deliver, given)) == "param.openSpaceModelInvalid"
    assert code(caller.new("POST", deliver, {**given, "imGroupOpenSpaceModel": {"supportForward": True}})) == "param.invalid"
    assert code(caller.new("POST", deliver, {**given, "outTrackId": "b"})) == "param.cardNotExist"


@pytest.mark.parametrize("space", ["IM_GROUP.cidNone==", "IM_ROBOT.nobody", "IM_ROBOT.gone"])
def test_a_card_to_nobody_says_so_in_its_results(sim: Sim, caller: Caller, space: str) -> None:
    sim.add_person("gone", "离职")
    sim.state.people["gone"].resigned = True
    assert caller.makes(space=space).json()["result"]["deliverResults"][0]["success"] is False


def test_a_card_one_to_one_and_one_who_is_called(sim: Sim, caller: Caller) -> None:
    caller.makes("a", "IM_ROBOT.lina")
    assert sim.person("lina").seen(sim.direct("lina").messages[0]).startswith("行情中断")
    robot = sim.state.robot_code
    caller.makes("b", imGroupOpenDeliverModel={"robotCode": robot, "atUserIds": {"wang": "王强", "nobody": "无"}})
    caller.makes("c", cardAtUserIds=["wang", "lina"], cardData={"cardParamMap": {"body1": "<a atId=wang>王强</a> 请认领"}})
    assert [message.mentioned for message in sim.chat(ROOM).messages] == [{"wang"}, {"wang"}]


def test_an_update_replaces_all_unless_it_says_by_key(sim: Sim, caller: Caller) -> None:
    caller.makes()
    card = sim.chat(ROOM).messages[0]
    by_key = {"updateCardDataByKey": True}
    assert caller.updates(cardData={"cardParamMap": {"body1": "T1 王强"}}, cardUpdateOptions=by_key).json() == {
        "success": True,
        "result": True,
    }
    assert sim.person("lina").seen(card) == "行情中断\nT1 王强"
    caller.updates(cardData={"cardParamMap": {"body1": "完"}})
    assert (sim.person("lina").seen(card), sim.person("lina").presses(card)) == ("完", {})
    caller.updates(privateData={"lina": {"cardParamMap": {"hint": "你"}}})
    assert [sim.person(one).seen(card) for one in ("lina", "wang")] == ["完\n你", "完"]


def test_what_an_update_must_have(sim: Sim, caller: Caller) -> None:
    caller.makes()
    assert code(caller.updates("other", cardData={"cardParamMap": {"title": "一"}})) == "param.cardNotExist"
    assert code(caller.updates()) == "param.cardDataAndPrivateDataBothEmpty"
    assert code(caller.updates("", cardData={"cardParamMap": {"title": "一"}})) == "param.outTrackIdEmpty"
    assert code(caller.updates(privateData={"nobody": {"cardParamMap": {}}})) == "param.userIdNotExist"
    assert code(caller.updates(cardData={"cardParamMap": {"title": True}})) == "param.invalid"
    assert code(caller.updates(cardData={"cardParamMap": {"title": "一"}}, cardUpdateOptions={"byKey": True})) == "param.invalid"


def test_a_variable_that_the_template_does_not_have_shows_nothing(sim: Sim, caller: Caller) -> None:
    caller.makes(cardData={"cardParamMap": {"titel": "一"}})
    assert sim.oddities == ["the template has no variable 'titel'"]


def test_where_clicks_go_is_registered_once(sim: Sim, caller: Caller) -> None:
    path = "/v1.0/card/callbacks/register"
    given = {"callbackRouteKey": "gengfu", "callbackUrl": "https://bot.example.com/callbacks/dingtalk/card", "apiSecret": "s"}
    assert caller.new("POST", path, given).json()["result"]["callbackUrl"] == given["callbackUrl"]
    again = caller.new("POST", path, given)
    assert (again.status_code, code(again)) == (500, "param.callbackRouteKeyExist")
    assert caller.new("POST", path, {**given, "forceUpdate": True}).json()["success"] is True
    assert code(caller.new("POST", path, {**given, "callbackRouteKey": ""})) == "param.callbackRouteKeyEmpty"
    assert code(caller.new("POST", path, {**given, "callbackRouteKey": "b", "callbackUrl": "http://bot.example.com"})) == "param.invalid"
    assert code(caller.makes(callbackType="HTTP", callbackRouteKey="gengfu")) == ""


def test_a_card_at_the_top(sim: Sim, caller: Caller) -> None:
    ends = milliseconds(sim.clock()) + 3_600_000
    model = {"expiredTimeMillis": ends, "platforms": ["android"]}
    top: Json = {"topOpenSpaceModel": {"spaceType": "ONE_BOX"}, "topOpenDeliverModel": model}
    assert code(caller.makes(space=f"ONE_BOX.{ROOM}", topOpenDeliverModel={"platforms": ["ios"]})) == "param.openDeliverModelError"
    assert code(caller.makes(space=f"ONE_BOX.{ROOM}", topOpenDeliverModel={"expiredTimeMillis": ends})) == "param.openSpaceModelInvalid"
    assert caller.makes(space=f"ONE_BOX.{ROOM}", **top).json()["result"]["deliverResults"][0]["success"] is True
    assert (sim.chat(ROOM).top, sim.chat(ROOM).messages) == ("card-1", [])
    close = "/v1.0/card/tops/close"
    assert code(caller.new("POST", close, {"outTrackId": "card-1", "openConversationId": ROOM})) == "param.cardNotExist"
    assert caller.new("POST", close, outTrackId="card-1", openConversationId=ROOM).json()["result"] is True
    assert sim.chat(ROOM).top == ""


def test_people_do_what_people_can(sim: Sim, caller: Caller) -> None:
    sim.add_template(Template("links.schema", texts=("body",), presses=(Press("l", "label", url="url"),)))
    caller.makes("a", cardTemplateId="links.schema", cardData={"cardParamMap": {"label": "打开", "url": "https://x.example"}})
    caller.says(
        {"title": "一", "text": "[看](https://y.example)", "singleTitle": "去", "singleURL": "https://z.example"}, "sampleActionCard"
    )
    card, link = sim.chat(ROOM).messages
    lina = sim.person("lina")
    assert [lina.follows(card, "打开"), lina.follows(link, "看"), lina.follows(link, "去")] == [
        "https://x.example",
        "https://y.example",
        "https://z.example",
    ]
    for touch in (lambda: lina.taps(card, "打开"), lambda: lina.taps(link, "去"), lambda: lina.follows(link, "没有")):
        with pytest.raises(NotPossible):
            touch()
    sim.add_person("other", "外人")
    with pytest.raises(NotPossible):
        sim.person("other").follows(link, "去")


# DING, files, people


def test_ding_costs(sim: Sim, caller: Caller) -> None:
    path, robot = "/v1.0/robot/ding/send", {"robotCode": sim.state.robot_code, "content": "请认领"}
    assert caller.new("POST", path, {**robot, "remindType": 1, "receiverUserIdList": ["lina", "nobody"]}).json()["failedList"] == {
        "userid invalid": ["nobody"]
    }
    assert sim.state.dings[0]["people"] == ["lina"]
    many = [f"u{number}" for number in range(21)]
    for also, word in (
        ({"remindType": 3, "receiverUserIdList": many}, "ding.receivercount.limit"),
        ({"remindType": 4, "receiverUserIdList": ["lina"]}, "invalidParameter.param.invalid"),
        ({"remindType": 2, "receiverUserIdList": ["nobody"]}, "miss.staffId"),
        ({"remindType": 1, "receiverUserIdList": ["lina"], "robotCode": "other"}, "invalid.chatbotId"),
    ):
        assert code(caller.new("POST", path, {**robot, **also})) == word
    sim.state.ding_quota[3] = 1
    phone = {**robot, "remindType": 3, "receiverUserIdList": ["lina"]}
    assert [code(caller.new("POST", path, phone)) for _ in range(2)] == ["", "ding.serverquota.insufficient"]


def test_a_file_is_of_the_listed_kinds(sim: Sim, caller: Caller) -> None:
    media = caller.uploads("report.pdf").json()["media_id"]
    assert caller.says({"mediaId": media, "fileName": "report.pdf", "fileType": "pdf"}, "sampleFile").status_code == 200
    assert (
        code(caller.says({"mediaId": media, "fileName": "report.txt", "fileType": "txt"}, "sampleFile")) == "invalidParameter.msg.unsupport"
    )
    assert [caller.uploads(name, content).json()["errcode"] for name, content in (("a.md", b"x"), ("a.zip", b""))] == [40004, 40006]
    assert caller.uploads("a.mp3", b"x" * (2 * 1024 * 1024 + 1), "voice").json()["errcode"] == 40006
    part: Json = {"files": {"media": ("a.zip", b"x")}, "data": {"type": "file"}}  # as the official client says what it is
    assert caller.old("/media/upload", **part).json()["errcode"] == 0
    assert caller.old("/media/upload", {}, query={"type": "file"}).json()["errcode"] == 40035


def test_people_are_looked_up(sim: Sim, caller: Caller) -> None:
    path = "/topapi/v2/user/get"
    sim.state.people["wang"].available = False
    assert [caller.old(path, {"userid": one}).json()["errcode"] for one in ("lina", "wang", "nobody")] == [0, 50002, 60121]
    assert caller.old(path, data={"userid": "lina"}).json()["result"]["mobile"] == "13800000000"
    sim.state.string_errcode = True
    assert caller.old("/topapi/v2/user/getbymobile", {"mobile": "13800000000"}).json()["errcode"] == "0"


# Custom robots


def test_a_custom_robot_demands_what_its_owner_set(sim: Sim, caller: Caller) -> None:
    url, secret = sim.add_hook("hook", ROOM, secret="SEC-made-up", keyword="更夫"), "SEC-made-up"

    def post(text: str, stamp: str, sign: str, **also: Any) -> int:
        found: int = caller.http.post(
            f"{url}&timestamp={stamp}&sign={sign}", json={"msgtype": "text", "text": {"content": text}, **also}
        ).json()["errcode"]
        return found

    now = str(milliseconds(sim.clock()))
    old = str(milliseconds(sim.clock()) - 3_600_001)
    right = robot_sign(now, secret)
    assert post("更夫 一", now, quote_plus(right), at={"atUserIds": []}) == 0
    assert post("更夫 一", now, quote_plus(quote_plus(right))) == 310000
    assert post("更夫 一", old, quote_plus(robot_sign(old, secret))) == 310000
    assert post("一", now, quote_plus(right)) == 310000
    assert caller.http.post(f"{sim.url}/robot/send?access_token=none", json={}).json()["errcode"] == 300005
    assert [post("更夫 二", now, quote_plus(right), msgUuid="u") for _ in range(2)] == [0, 0]
    assert [message.content["content"] for message in sim.chat(ROOM).messages] == ["更夫 一", "更夫 二"]


def test_twenty_a_minute_and_then_ten_minutes_of_nothing(sim: Sim, caller: Caller) -> None:
    url = sim.add_hook("hook", ROOM)

    def post() -> int:
        found: int = caller.http.post(url, json={"msgtype": "text", "text": {"content": "一"}}).json()["errcode"]
        return found

    assert [post() for _ in range(21)] == [0] * 20 + [410100]
    sim.clock.push(minutes=9)
    assert post() == 660026
    sim.clock.push(minutes=1)
    assert post() == 0


# Faults


@pytest.mark.parametrize(
    ("kind", "done"), [("reset_before", 0), ("reset_after", 1), ("empty", 1), ("truncated", 1), ("html", 0), ("throttle", 0)]
)
def test_what_goes_wrong_and_what_was_done(sim: Sim, caller: Caller, kind: Any, done: int) -> None:
    headers = {"x-acs-dingtalk-access-token": caller.token()}
    sim.faults.add(f"POST {GROUP}", kind)
    given = {"robotCode": sim.state.robot_code, "openConversationId": ROOM, "msgKey": "sampleText", "msgParam": '{"content": "一"}'}
    if kind.startswith("reset"):
        with pytest.raises(httpx.RemoteProtocolError):
            caller.new("POST", GROUP, given, headers=headers)
    else:
        answer = caller.new("POST", GROUP, given, headers=headers)
        assert (answer.status_code == 200) == (kind in ("empty", "truncated"))
    assert len(sim.chat(ROOM).messages) == done
    assert sim.calls(f"POST {GROUP}")[0].fault == kind


def test_a_token_dies_and_any_code_can_be_planned(sim: Sim, caller: Caller) -> None:
    first = caller.token()
    sim.faults.add(f"POST {GROUP}", "dead_token")
    assert code(caller.says({"content": "一"})) == "InvalidAuthentication"
    assert caller.token() != first
    sim.faults.add(f"POST {GROUP}", "answer", code="send.too.fast")
    assert code(caller.says({"content": "一"})) == "send.too.fast"
    sim.faults.add(f"POST {GROUP}", "answer", code="system.error", status=500)
    assert caller.says({"content": "一"}).status_code == 500
    sim.faults.outage(60)
    assert caller.http.post(TOKEN, json={}).status_code == 502
    sim.clock.push(seconds=60)
    assert caller.token()


def test_ids_differ_on_every_run_and_a_seed_repeats_them() -> None:
    def made(seed: int) -> str:
        return Sim(Clock(), seed=seed).state.new("cid")

    assert made(7) == made(7)
    assert made(0) != made(0)


def test_the_template_that_is_imported_is_the_one_known_here() -> None:
    whole = json.loads((Path(__file__).parents[2] / "docs" / "guide" / "dingtalk-card.json").read_text("utf-8"))
    editor = json.loads(whole["editorData"])
    assert {one["name"] for one in editor["variableList"]} == OURS.variables
    assert [one["name"] for one in editor["variableList"] if one["private"]] == ["hint"]
    found = [
        button
        for part in editor["schema"]["componentsTree"][0]["children"]
        if part["componentName"] == "ButtonList"
        for button in part["props"]["buttons"]
    ]
    asks = {one["id"]: {param["name"]: param["variable"] for param in one["params"]} for one in found if one["actionType"] == "request"}
    assert asks == {press.id: dict(press.params) for press in OURS.presses if not press.url}
    assert {one["id"] for one in found} - set(asks) == {press.id for press in OURS.presses if press.url}
