"""What the adapter says and does on DingTalk, call by call, before the strict stand-in."""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.platforms.core.contract import (
    CreateRoom,
    Edit,
    Fetch,
    Page,
    Pin,
    PlatformDown,
    Recall,
    Rejected,
    Send,
    TryLater,
    Unsure,
    WillNeverWork,
)
from bot.platforms.dingtalk.calls import NEVER, STOP, THROTTLED, TOO_MUCH, Calls, Refused
from bot.platforms.dingtalk.dialect import MOST_VALUE, draw_card, draw_message
from bot.platforms.dingtalk.inbound import Event
from handlers.core.message import Button, Card, Field, Link, Outgoing, Reply
from tests.platforms.test_dingtalk_contract import LABELS, DingTalkStand
from tests.simulators.dingtalk import Sim
from tests.simulators.dingtalk.state import PERMISSIONS, Message

TO_GROUP, TO_PEOPLE = "POST /v1.0/robot/groupMessages/send", "POST /v1.0/robot/oToMessages/batchSend"
MAKE = "POST /v1.0/card/instances/createAndDeliver"
CARD = Card("三级响应 INC-1", (("状态", "已开"),), "末行", (Button("认领", "/task claim T1", 3, "primary"),), "warning", drill=True)
ROOM = "cidroom=="


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        sim.add_person("dlina", "李娜")
        sim.add_person("dwudi", "吴迪")
        sim.add_chat("应急办", ("dlina", "dwudi"), chat_id=ROOM)
        yield sim


@pytest.fixture
def stand(sim: Sim) -> DingTalkStand:
    return DingTalkStand(sim, "stream")


@pytest.fixture
def bare(sim: Sim) -> DingTalkStand:
    """Without the card template."""
    return DingTalkStand(sim, "stream", template="")


def shown(stand: DingTalkStand, part: str = "") -> list[str]:
    return [text for text in stand.seen() if part in text]


def last(sim: Sim) -> Message:
    return sim.said[-1]


# Words


def test_the_same_words_to_one_person_carry_the_time_or_they_would_be_swallowed(stand: DingTalkStand) -> None:
    for key in ("a", "b", "c"):
        stand.do(Send(Outgoing("T1 还没人认领"), person="dlina"), key)
    said = shown(stand, "T1")
    assert len(set(said)) == 3
    assert said[0] == "T1 还没人认领"
    assert said[1].startswith("T1 还没人认领\n(03-02 ")
    stand.do(Send(Outgoing("T1 还没人认领"), person="dwudi"), "d")
    assert shown(stand, "T1")[-1] == "T1 还没人认领", "somebody else reads it for the first time"
    assert stand.sim.state.swallowed == []


def test_a_repeat_to_one_person_whose_answer_was_lost_is_swallowed_by_dingtalk_itself(stand: DingTalkStand) -> None:
    stand.do(Send(Outgoing("请确认"), person="dlina"), "before")
    stand.sim.faults.add(TO_PEOPLE, "reset_after")
    with pytest.raises(Unsure):
        stand.do(Send(Outgoing("请确认"), person="dlina"), "again")
    done = stand.do(Send(Outgoing("请确认"), person="dlina"), "again")
    assert len(shown(stand, "请确认")) == 2
    assert len(stand.sim.state.swallowed) == 1
    assert done.facts["message_id"]


def test_a_repeat_in_a_group_whose_answer_was_lost_says_that_it_may_be_one(stand: DingTalkStand) -> None:
    stand.sim.faults.add(TO_GROUP, "reset_after")
    with pytest.raises(Unsure):
        stand.do(Send(Outgoing("已切换"), chat=ROOM), "k")
    stand.do(Send(Outgoing("已切换"), chat=ROOM), "k")
    assert shown(stand) == ["已切换", "(可能重复) 已切换"]


@pytest.mark.parametrize("kind", ["throttle", "dead_token"])
def test_what_was_surely_refused_is_repeated_as_if_for_the_first_time(stand: DingTalkStand, kind: Any) -> None:
    stand.sim.faults.add(TO_GROUP, kind, 2)
    with pytest.raises(TryLater):
        stand.do(Send(Outgoing("已切换"), chat=ROOM), "k")
    stand.sim.faults.clear()
    stand.sim.clock.push(seconds=5)
    stand.do(Send(Outgoing("已切换"), chat=ROOM), "k")
    assert shown(stand) == ["已切换"]


@pytest.mark.parametrize("code", sorted(TOO_MUCH))
@pytest.mark.parametrize("where", [Send(Outgoing("已切换"), chat=ROOM), Send(Outgoing("已切换"), person="dlina")])
def test_a_robot_that_has_said_too_much_waits_and_gives_up_nothing(stand: DingTalkStand, code: str, where: Send) -> None:
    for route in (TO_GROUP, TO_PEOPLE):
        stand.sim.faults.add(route, "answer", code=code, status=400)
    with pytest.raises(TryLater) as asked:
        stand.do(where, "k")
    assert asked.value.after >= 10
    assert not isinstance(asked.value, PlatformDown), "nobody else waits for it"
    stand.do(where, "k")
    assert shown(stand) == ["已切换"]


def test_whom_the_answer_lists_was_not_reached(stand: DingTalkStand) -> None:
    """DingTalk says 200 and lists whom it left out."""
    stand.sim.state.flow_controlled.add("dwudi")
    with pytest.raises(TryLater, match="too much at once"):
        stand.do(Send(Outgoing("x"), person="dwudi"), "a")
    with pytest.raises(Rejected, match="visible range"):
        stand.do(Send(Outgoing("x"), person="nobody"), "b")


def test_a_long_text_is_cut_and_follows_whole_as_an_archive(stand: DingTalkStand) -> None:
    long = '行"情\\' * 5000
    stand.do(Send(Outgoing(long), chat=ROOM), "k")
    first, second = stand.sim.said
    assert "全文见附件" in stand.sim.person("dlina").seen(first)
    (upload,) = stand.sim.state.uploads.values()
    assert second.content["fileName"] == "全文.zip"
    with zipfile.ZipFile(io.BytesIO(upload.content)) as archive:
        assert archive.read("全文.txt").decode() == long


def test_what_was_done_under_a_key_is_not_done_again(stand: DingTalkStand) -> None:
    first = stand.do(Send(Outgoing("x"), chat=ROOM), "k")
    assert stand.do(Send(Outgoing("x"), chat=ROOM), "k") == first
    assert len(stand.sim.calls(TO_GROUP)) == 1


# Calling people in a group


def _spoke(stand: DingTalkStand, url: str, minutes: int = 90) -> None:
    ends = int((stand.sim.clock() + timedelta(minutes=minutes)).timestamp() * 1000)
    event = Event("message", "msg:1", ROOM, "group", "dlina", reply_url=url, reply_url_ends=ends)

    async def work() -> None:
        async with httpx.AsyncClient(base_url=stand.sim.url, trust_env=False) as http:
            await stand.made(http).noted(event)

    asyncio.run(work())


def _session(stand: DingTalkStand) -> str:
    stand.sim.person("dlina").says(ROOM, "在")
    return str(stand.sim.deliveries.sent[-1].content["sessionWebhook"])


def test_a_text_calls_somebody_through_the_session_of_its_chat(stand: DingTalkStand) -> None:
    stand.sim.wire.ack_within = 0.05
    _spoke(stand, _session(stand))
    done = stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
    assert last(stand.sim).mentioned == {"dwudi"}
    assert last(stand.sim).kind == "text"
    assert stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k") == done
    assert len(shown(stand, "请认领")) == 1


@pytest.mark.parametrize(("kind", "again"), [("reset_after", ["请认领 T1", "(可能重复)"]), ("throttle", ["请认领 T1"])])
def test_a_call_through_a_session_whose_answer_was_lost_says_that_it_may_be_one(stand: DingTalkStand, kind: Any, again: list[str]) -> None:
    stand.sim.wire.ack_within = 0.05
    _spoke(stand, _session(stand))
    stand.sim.faults.add("POST /robot/sendBySession", kind)
    for _ in range(2):
        with suppress(TryLater):
            stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
        stand.sim.clock.push(seconds=5)
    said = shown(stand, "请认领")
    assert len(said) == len(again)
    assert all(mark in text for mark, text in zip(again, said, strict=True))


def test_without_a_session_a_card_calls_them(stand: DingTalkStand) -> None:
    stand.do(Send(Outgoing("请认领 T1\n09:10 前", mentions=("dwudi",)), chat=ROOM), "k")
    assert last(stand.sim).mentioned == {"dwudi"}
    assert last(stand.sim).kind == "card"
    assert shown(stand, "请认领 T1") == ["请认领 T1\n09:10 前"]


def test_a_session_that_has_ended_gives_way_to_a_card(stand: DingTalkStand) -> None:
    stand.sim.wire.ack_within = 0.05
    _spoke(stand, _session(stand), minutes=600)
    stand.sim.clock.push(minutes=91)
    stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
    assert last(stand.sim).kind == "card"


def test_a_long_call_is_not_cut_by_its_session(stand: DingTalkStand) -> None:
    stand.sim.wire.ack_within = 0.05
    _spoke(stand, _session(stand))
    stand.do(Send(Outgoing("请认领 T1\n" + "字" * 20_000, mentions=("dwudi",)), chat=ROOM), "k")
    robots = [message for message in stand.sim.said if message.chat == ROOM]
    assert [message.kind for message in robots] == ["card", "sampleFile"]
    assert robots[0].mentioned == {"dwudi"}


def test_a_call_whose_session_ended_after_its_answer_was_lost_says_that_it_may_be_a_repeat(stand: DingTalkStand) -> None:
    stand.sim.wire.ack_within = 0.05
    _spoke(stand, _session(stand))
    stand.sim.faults.add("POST /robot/sendBySession", "reset_after")
    with suppress(TryLater):
        stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
    stand.sim.clock.push(minutes=91)
    for _ in range(2):
        stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
    said = shown(stand, "请认领")
    assert len(said) == 2
    assert said[1].startswith("(可能重复) 请认领 T1")


def test_an_address_that_is_not_dingtalks_is_not_kept(stand: DingTalkStand) -> None:
    for url in (
        "https://dingtalk.com.evil.example/x",
        "http://oapi.dingtalk.com/x",
        "https://evil.example/?oapi.dingtalk.com",
        "file:///etc/passwd",
        "https://[no-address",
        "x" * 70_000,
    ):
        _spoke(stand, url)
    stand.do(Send(Outgoing("请认领 T1", mentions=("dwudi",)), chat=ROOM), "k")
    assert last(stand.sim).kind == "card"


# Cards


def test_a_card_whose_answer_was_lost_stands_once(stand: DingTalkStand) -> None:
    stand.sim.faults.add(MAKE, "reset_after")
    with pytest.raises(Unsure):
        stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    done = stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    assert len(shown(stand, "INC-1")) == 1
    stand.do(Edit(ROOM, done.facts["message_id"], Outgoing("", Card("四级响应 INC-1"))), "k:2")
    assert shown(stand, "INC-1") == ["四级响应 INC-1"]


def test_a_delivery_that_failed_inside_a_success_is_a_failure_and_is_made_good(stand: DingTalkStand) -> None:
    stand.sim.state.deliver_fails[ROOM] = "robot not in group"
    for _ in range(2):
        with pytest.raises(Rejected, match="robot not in group"):
            stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    assert shown(stand) == []
    stand.sim.state.deliver_fails.clear()
    stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    assert len(shown(stand, "INC-1")) == 1
    stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    assert len(shown(stand, "INC-1")) == 1


def test_without_a_template_that_works_the_card_is_said_in_words(stand: DingTalkStand) -> None:
    stand.template = "not-imported"
    stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    (said,) = shown(stand, "INC-1")
    assert "可以输入:\n· 认领: /task claim T1" in said


def test_a_card_that_is_gone_is_sent_anew_and_words_stay_as_they_are(stand: DingTalkStand) -> None:
    gone = "gf" + "0" * 38
    stand.do(Edit(ROOM, gone, Outgoing("", CARD), superseded=True), "a")
    assert shown(stand) == []
    done = stand.do(Edit(ROOM, gone, Outgoing("", CARD)), "b")
    assert done.facts["message_id"] != gone
    words = stand.do(Send(Outgoing("x"), chat=ROOM), "c").facts
    assert stand.do(Edit(ROOM, words["message_id"], Outgoing("y")), "d").facts == words
    assert len(stand.sim.calls(TO_GROUP)) == 1


def test_every_value_keeps_within_a_kilobyte_and_the_rest_follows_as_a_file(stand: DingTalkStand) -> None:
    card = Card("标" * 600, tuple((f"第{number}项", "字" * 500) for number in range(12)), "注" * 600)
    drawn = draw_card(card, LABELS, ROOM)
    assert all(len(value.encode()) <= MOST_VALUE for value in (drawn.params or {}).values())
    stand.do(Send(Outgoing("", card), chat=ROOM), "k")
    assert [message.kind for message in stand.sim.said] == ["card", "sampleFile"]
    assert "字" * 500 in zipfile.ZipFile(io.BytesIO(next(iter(stand.sim.state.uploads.values())).content)).read("全文.txt").decode()


def test_what_does_not_fit_into_six_buttons_goes_into_the_menu() -> None:
    buttons = tuple(Button(f"认领 T{number}", f"/task claim T{number}", 1) for number in range(1, 10))
    params = draw_card(Card("x", buttons=buttons, menu=(Button("误报", "/incident false-alarm I1"),)), LABELS, ROOM).params or {}
    assert [params[f"b{number}_text"] for number in range(1, 7)] == [f"认领 T{number}" for number in range(1, 7)]
    assert [params[f"m{number}_text"] for number in range(1, 6)] == ["认领 T7", "认领 T8", "认领 T9", "误报", ""]


def test_a_replaced_card_has_no_buttons_any_more() -> None:
    params = draw_card(CARD, LABELS, ROOM, superseded=True).params or {}
    assert params["b1_text"] == ""
    assert params["note"] == LABELS.superseded


def test_the_answer_to_a_tap_is_for_everybody_and_its_words_for_one(stand: DingTalkStand) -> None:
    answer = json.loads(stand.platform().answer(Reply("已认领", card=CARD)).body)
    assert answer["userPrivateData"]["cardParamMap"] == {"hint": "已认领"}
    assert answer["cardUpdateOptions"] == {"updateCardDataByKey": True, "updatePrivateDataByKey": True}
    assert "chat" not in answer["cardData"]["cardParamMap"], "where it stands does not change"
    assert "cardData" not in json.loads(stand.platform().answer(Reply("不行", error="house.stale")).body)


def test_pages_are_links_and_no_taps(stand: DingTalkStand) -> None:
    ask = Button("说明", "/task done T1", 1, form=(Field("text", "说明"),), url="https://g.example/f/1")
    stand.do(Send(Outgoing("", Card("完成 T1", buttons=(ask, Button("放弃", "/task release T1", 1)))), person="dlina"), "k")
    player = stand.sim.person("dlina")
    assert player.follows(last(stand.sim), "说明") == "https://g.example/f/1"
    assert set(player.presses(last(stand.sim))) == {"说明", "放弃"}


# Without the template


def test_a_link_card_leads_to_the_pages(bare: DingTalkStand) -> None:
    buttons = tuple(Button(f"做{number}", f"/task claim T{number}", 1, url=f"https://g.example/f/{number}") for number in range(1, 4))
    bare.do(Send(Outgoing("", Card("我的任务 *3* 项", (("", "[点这里](http://evil.example)"),), buttons=buttons)), person="dlina"), "k")
    message = last(bare.sim)
    assert message.kind == "sampleActionCard3"
    assert bare.sim.person("dlina").follows(message, "做2") == "https://g.example/f/2"
    assert "](http" not in message.content["text"], "what people wrote is no link"
    assert "*" not in message.content["text"]


@pytest.mark.parametrize("made_of", ['"', "\\", "\n", "*", "🀄", "👩‍👩‍👧", "\u2028", "字"])
def test_whatever_a_link_card_is_made_of_it_fits_and_is_read_whole(bare: DingTalkStand, made_of: str) -> None:
    """A character makes one byte on its way, or twelve."""
    line, page = made_of * 6000, Button(made_of * 100, "/task claim T1", 1, url="https://g.example/f/1")
    bare.do(Send(Outgoing("", Card(made_of * 1000, (("项", line),), buttons=(page,) * 3)), person="dlina"), "k")
    first, second = bare.sim.said
    assert first.kind == "sampleActionCard3"
    assert second.kind == "sampleFile"
    with zipfile.ZipFile(io.BytesIO(next(iter(bare.sim.state.uploads.values())).content)) as archive:
        assert line in archive.read("全文.txt").decode()


def test_in_a_group_a_card_becomes_words_with_commands(bare: DingTalkStand) -> None:
    bare.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    assert last(bare.sim).kind == "sampleText"
    assert "/task claim T1" in last(bare.sim).content["content"]


def test_one_link_is_one_button() -> None:
    drawn = draw_message(Outgoing("", Card("x", link=Link("进群", "https://g.example/c"))), LABELS)
    assert (drawn.kind, (drawn.content or {})["singleURL"]) == ("sampleActionCard", "https://g.example/c")


# Rooms, the top, telephones, files, taking back


def test_a_room_is_made_once_and_its_name_fits(stand: DingTalkStand) -> None:
    deed = CreateRoom("INC-20260310-001 " + "行情中断" * 10, ("nobody", "dlina", "dwudi"))
    first, again = stand.do(deed, "room:I1"), stand.do(deed, "room:I1")
    assert first.facts == again.facts
    assert first.facts["missing"] == "nobody"
    room = stand.sim.chat(first.facts["chat"])
    assert room.members >= {"dlina", "dwudi"}
    assert len(room.name) <= 30
    with pytest.raises(WillNeverWork, match="none of those"):
        stand.do(CreateRoom("x", ("nobody",)), "room:I2")


def test_a_new_rooms_robot_may_be_late(stand: DingTalkStand) -> None:
    chat = stand.do(CreateRoom("INC-1", ("dlina",)), "room:I1").facts["chat"]
    stand.sim.chat(chat).bot_inside = False
    for deed in (Send(Outgoing("", CARD), chat=chat), Send(Outgoing("已建群"), chat=chat)):
        with pytest.raises(TryLater, match="on its way"):
            stand.do(deed, f"{deed.message.text}:1")
    stand.sim.chat(chat).bot_inside = True
    for deed in (Send(Outgoing("", CARD), chat=chat), Send(Outgoing("已建群"), chat=chat)):
        stand.do(deed, f"{deed.message.text}:1")
    assert len(stand.sim.chat(chat).shown) == 2
    stand.sim.chat(chat).bot_inside = False
    stand.sim.clock.push(minutes=2)
    with pytest.raises(Rejected):
        stand.do(Send(Outgoing("x"), chat=chat), "later")


def test_a_card_stands_at_the_top_and_words_cannot(stand: DingTalkStand) -> None:
    done = stand.do(Send(Outgoing("", CARD), chat=ROOM), "k")
    stand.do(Pin(ROOM, done.facts["message_id"]), "pin")
    assert stand.sim.chat(ROOM).top == done.facts["message_id"]
    words = stand.do(Send(Outgoing("x"), chat=ROOM), "w")
    with pytest.raises(WillNeverWork):
        stand.do(Pin(ROOM, words.facts["message_id"]), "pin2")


def test_a_telephone_rings_in_three_ways_and_who_cannot_be_rung_is_named(stand: DingTalkStand) -> None:
    for by in ("app", "sms", "phone"):
        assert stand.do(Page("m", ("dlina", "nobody"), by, "T1 还没人认领"), by).facts["missing"] == "nobody"
    assert [one["by"] for one in stand.sim.state.dings] == ["app", "sms", "phone"]
    assert stand.sim.state.dings[0]["content"] == "T1 还没人认领"
    assert stand.do(Page("m", ("nobody",), "app", "x"), "n").facts["missing"] == "nobody"
    stand.sim.state.ding_quota[3] = 0
    with pytest.raises(Rejected, match="used up"):
        stand.do(Page("m", ("dlina",), "phone", "x"), "p")


def test_words_are_taken_back_from_people_and_groups_and_cards_are_not(stand: DingTalkStand) -> None:
    for deed in (Send(Outgoing("错了"), chat=ROOM), Send(Outgoing("错了"), person="dlina")):
        facts = stand.do(deed, f"k{deed.chat}").facts
        stand.do(Recall(facts["chat"], facts["message_id"]), "r")
    assert shown(stand, "错了") == []
    card = stand.do(Send(Outgoing("", CARD), chat=ROOM), "c").facts
    with pytest.raises(WillNeverWork):
        stand.do(Recall(ROOM, card["message_id"]), "r2")


def test_a_file_that_somebody_sent_is_fetched(stand: DingTalkStand) -> None:
    stand.sim.wire.ack_within = 0.05
    stand.sim.person("dlina").sends_file("", "日志.zip", b"PK-bytes")
    code = stand.sim.deliveries.sent[-1].content["content"]["downloadCode"]
    assert stand.do(Fetch("m", code), "f").content == b"PK-bytes"


# Errors, by what must be done


def test_the_token_is_fetched_once_for_all_and_anew_when_it_is_dead(sim: Sim) -> None:
    async def work() -> None:
        async with httpx.AsyncClient(base_url=sim.url, trust_env=False) as http:
            calls = Calls(http, http, sim.state.app_key, sim.state.app_secret, sim.clock)
            await asyncio.gather(*(calls.old("/topapi/v2/user/get", json={"userid": "dlina"}) for _ in range(5)))
            sim.kill_tokens()
            await calls.old("/topapi/v2/user/get", json={"userid": "dlina"})

    asyncio.run(work())
    assert len(sim.calls("POST /v1.0/oauth2/accessToken")) == 2


def _asked(sim: Sim, secret: str = "") -> Exception:
    async def work() -> None:
        async with httpx.AsyncClient(base_url=sim.url, timeout=5, trust_env=False) as http:
            calls = Calls(http, http, sim.state.app_key, secret or sim.state.app_secret, sim.clock)
            await calls.call("POST", "/v1.0/im/sceneGroup/member/add", json={"open_conversation_id": ROOM, "user_ids": ["dlina"]})

    with pytest.raises((TryLater, WillNeverWork)) as raised:
        asyncio.run(work())
    return raised.value


def test_each_error_says_what_must_be_done(sim: Sim) -> None:
    assert isinstance(wrong := _asked(sim, "wrong"), PlatformDown)
    assert "DINGTALK_CLIENT_SECRET" in str(wrong)
    sim.state.permissions.clear()
    assert isinstance(lacking := _asked(sim), Refused)
    assert "lacks a permission" in str(lacking)
    sim.state.permissions.update(PERMISSIONS)
    sim.state.calls.limit = 0
    assert "buy more" in str(_asked(sim))
    sim.state.allowed_ips = ("10.0.0.1",)
    assert "allow list" in str(_asked(sim))


@pytest.mark.parametrize("kind", ["html", "json"])
def test_a_blocked_address_is_told_from_an_error(sim: Sim, kind: Any) -> None:
    sim.state.punishes, sim.state.ip_most = kind, 0
    assert isinstance(_asked(sim), PlatformDown)


def test_no_code_is_told_in_two_ways() -> None:
    assert not (STOP.keys() & NEVER.keys())
    assert not (THROTTLED & (STOP.keys() | NEVER.keys()))


def test_nobody_answers(sim: Sim) -> None:
    for kind in ("reset_before", "empty", "truncated", "html"):
        sim.faults.add("POST /v1.0/im/sceneGroup/member/add", kind)
        assert isinstance(_asked(sim), Unsure), kind
