"""The Feishu adapter before a strict stand-in: every deed, every shape of card, every documented refusal, and a network that fails."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.platforms.core.contract import (
    CreateRoom,
    Deed,
    Done,
    Edit,
    Fetch,
    Invite,
    Page,
    Pin,
    PlatformDown,
    Recall,
    Receipt,
    Send,
    TryLater,
    WillNeverWork,
)
from bot.platforms.feishu.adapter import Feishu
from bot.platforms.feishu.calls import Refused
from bot.platforms.feishu.dialect import Labels, draw
from bot.platforms.feishu.inbound import Secrets
from handlers.core.message import Button, Card, Field, Message, Outgoing, Reply
from tests.simulators.core.faults import Kind
from tests.simulators.feishu import Sim
from tests.simulators.feishu.cards import check_card

LABELS = Labels("演练", "更多…", "已由新的一条取代", "(未完,全文见附件)", "确定吗?", "请选择", "可以输入:")
CARD = Card(
    "行情中断", (("负责人", "李娜"), ("时限", "10:30")), buttons=(Button("认领", "/task claim T1", 3), Button("完成", "/task done T1", 3))
)
MESSAGES, FILES, CHATS = "POST /open-apis/im/v1/messages", "POST /open-apis/im/v1/files", "POST /open-apis/im/v1/chats"
PATCH = "PATCH /open-apis/im/v1/messages/:message_id"
MEMBERS = "POST /open-apis/im/v1/chats/:chat_id/members"


class Memory:
    """A shelf for one process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kept: dict[str, tuple[str, datetime]] = {}
        self._spent: dict[tuple[str, int], int] = {}

    def get(self, key: str) -> str | None:
        value, ends = self._kept.get(key, ("", self._now()))
        return value if ends > self._now() else None

    def put(self, key: str, value: str, ends: datetime) -> None:
        self._kept[key] = (value, ends)

    def take(self, key: str) -> str | None:
        found = self.get(key)
        self._kept.pop(key, None)
        return found

    def spend(self, key: str, limit: int, window: timedelta, count: int = 1) -> bool:
        block = (key, int(self._now().timestamp() // window.total_seconds()))
        if self._spent.get(block, 0) + count > limit:
            return False
        self._spent[block] = self._spent.get(block, 0) + count
        return True

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        return True


class Bench:
    """The adapter and the stand-in, and the worker's patience between them."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.shelf = Memory(sim.clock)
        self.reasons: list[str] = []
        self.patience = 30.0
        """real seconds for an answer"""

    def fails(self, route: str, fault: Kind, times: int = 1) -> None:
        """A network that fails; for an answer that never comes we wait no longer than a test can."""
        self.sim.faults.add(route, fault, times)
        self.patience = 0.5 if fault == "hang" else self.patience

    def run(self, job: Callable[[Feishu], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            async with httpx.AsyncClient(base_url=self.sim.url, timeout=self.patience, trust_env=False) as http:
                secrets = Secrets(self.sim.state.app_id, tenant_key=self.sim.state.tenant)
                return await job(Feishu(secrets, "s3cret-of-the-app", http, self.shelf, LABELS, self.sim.clock, "http"))

        return asyncio.run(whole())

    def do(self, deed: Deed, key: str = "outbox:1") -> Done:
        found: Done = self.run(lambda feishu: feishu.do(deed, key))
        return found

    def patiently(self, deed: Deed, key: str = "outbox:1", tries: int = 5) -> Done:
        """As the worker does it: who is asked for patience waits that long and tries again under the same key."""

        async def job(feishu: Feishu) -> Done:
            for _ in range(tries):
                try:
                    return await feishu.do(deed, key)
                except TryLater as later:
                    self.reasons.append(str(later))
                    self.sim.clock.push(seconds=later.after)
            raise AssertionError(f"still not done: {self.reasons}")

        found: Done = self.run(job)
        return found


@pytest.fixture
def bench() -> Any:
    with Sim() as sim:
        for person, name in (("ou_lina", "李娜"), ("ou_wang", "王强"), ("ou_zhao", "赵六")):
            sim.add_person(person, name)
        sim.add_chat("值班", ("ou_lina", "ou_wang"), chat_id="oc_room")
        yield Bench(sim)
        assert sim.oddities == []


# Deeds


def test_a_card_to_a_group_and_a_text_to_a_person(bench: Bench) -> None:
    done = bench.do(Send(Outgoing("", CARD, ("ou_wang",)), chat="oc_room"), "k1")
    shown = bench.sim.message(done.facts["message_id"])
    assert (shown.card.title, shown.card.buttons, shown.mentioned) == ("行情中断", ["认领", "完成"], {"ou_wang"})
    assert "李娜" in shown.text
    done = bench.do(Send(Outgoing("请接听\n第二行", mentions=("ou_lina",)), person="ou_lina"), "k2")
    assert done.facts["chat"] == bench.sim.direct("ou_lina").id
    assert bench.sim.direct("ou_lina").messages[0].text == "@ou_lina 请接听\n第二行"


def test_a_repeat_of_a_key_shows_nothing_twice(bench: Bench) -> None:
    deed = Send(Outgoing("", CARD), chat="oc_room")
    assert bench.do(deed, "k1") == bench.do(deed, "k1")
    assert len(bench.sim.said) == 1


def test_edits_and_what_a_replaced_card_shows(bench: Bench) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts
    edit = Edit("oc_room", sent["message_id"], Outgoing("", replace(CARD, title="行情恢复")))
    assert bench.patiently(edit, "k2").facts == sent
    assert bench.sim.message(sent["message_id"]).card.title == "行情恢复"
    bench.patiently(replace(edit, superseded=True), "k3")
    assert bench.sim.message(sent["message_id"]).card.buttons == []
    text = bench.patiently(Send(Outgoing("一"), chat="oc_room"), "k4").facts
    bench.patiently(Edit("oc_room", text["message_id"], Outgoing("二")), "k5")
    assert bench.sim.message(text["message_id"]).text == "二"
    assert len(bench.sim.said) == 2


def test_a_text_that_was_edited_twenty_times_is_sent_anew(bench: Bench) -> None:
    sent = bench.do(Send(Outgoing("一"), chat="oc_room"), "k1").facts
    bench.sim.message(sent["message_id"]).edits = 20
    assert bench.do(Edit("oc_room", sent["message_id"], Outgoing("二")), "k2").facts["message_id"] != sent["message_id"]


@pytest.mark.parametrize("state", ["recalled", "deleted", "old"])
def test_what_can_no_longer_be_edited_is_sent_anew(bench: Bench, state: str) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts
    if state == "old":
        bench.sim.clock.push(days=15)
    else:
        setattr(bench.sim.message(sent["message_id"]), state, True)
    edit = Edit("oc_room", sent["message_id"], Outgoing("", CARD))
    assert bench.do(edit, "k2").facts["message_id"] != sent["message_id"]
    assert bench.do(replace(edit, superseded=True), "k3").facts == sent


def test_recalling_twice_is_done_twice(bench: Bench) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts
    for key in ("k2", "k2", "k3"):
        assert bench.do(Recall("oc_room", sent["message_id"]), key) == Done()
    assert bench.sim.chat("oc_room").shown == []


def test_a_room_with_more_people_than_one_call_takes(bench: Bench) -> None:
    for number in range(120):
        bench.sim.add_person(f"ou_p{number}", f"人{number}")
    bench.sim.state.people["ou_p7"].available = False
    people = (*(f"ou_p{number}" for number in range(120)), "ou_gone")
    done = bench.patiently(CreateRoom("行情中断" * 30, people), "k1")
    room = bench.sim.chat(done.facts["chat"])
    assert (len(room.members), done.facts["missing"]) == (119, "ou_p7,ou_gone")
    assert bench.patiently(CreateRoom("行情中断" * 30, people), "k1").facts == done.facts
    assert bench.patiently(Invite(room.id, ("ou_lina",)), "k2").facts["missing"] == ""


def test_a_room_whose_people_feishu_does_not_know(bench: Bench) -> None:
    """The room is there; that nobody could be added is told apart."""
    done = bench.patiently(CreateRoom("行情中断", ("ou_gone", "ou_gone2")), "k1")
    assert (bench.sim.chat(done.facts["chat"]).members, done.facts["missing"]) == (set(), "ou_gone,ou_gone2")


def test_two_invitations_to_one_room_do_not_collide(bench: Bench) -> None:
    async def both(feishu: Feishu) -> None:
        await asyncio.gather(*(feishu.do(Invite("oc_room", (one,)), one) for one in ("ou_zhao", "ou_lina", "ou_wang")))

    bench.run(both)
    assert [one.code for one in bench.sim.calls("POST /im/v1/chats/:chat_id/members")] == [0, 0, 0]


def test_a_pin_a_page_and_a_file(bench: Bench) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts["message_id"]
    bench.do(Pin("oc_room", sent), "k2")
    assert ([one.id for one in bench.sim.chat("oc_room").pins], bench.sim.chat("oc_room").notice) == ([sent], sent)
    for by in ("app", "sms", "phone"):
        assert bench.do(Page(sent, ("ou_lina", "ou_zhao"), by), by).facts["missing"] == "ou_zhao"
    assert [by for by, _ in bench.sim.message(sent).urgent] == ["app", "sms", "phone"]
    assert bench.do(Page(sent, ("ou_zhao", "ou_gone"), "phone"), "k9").facts["missing"] == "ou_zhao,ou_gone"


@pytest.mark.parametrize(
    ("name", "content"), [("日志.txt", b"x\n"), ("plan.json", b'{"a": 1}'), ("r.json", b'{"code": 7}'), ("空.bin", b"\0")]
)
def test_a_file_that_somebody_sent_is_fetched(bench: Bench, name: str, content: bytes) -> None:
    """Feishu names a file's type in the header: a JSON file must not be taken for an answer of the API."""
    sent = bench.sim.person("ou_lina").sends_file("oc_room", name, content)
    assert bench.do(Fetch(sent.id, sent.values["file_key"])).content == content


def test_a_file_that_is_not_there(bench: Bench) -> None:
    sent = bench.sim.person("ou_lina").sends_file("oc_room", "日志.txt", b"x")
    with pytest.raises(WillNeverWork, match="234003"):
        bench.do(Fetch(sent.id, "file_none"))


# Refusals


@pytest.mark.parametrize(("state", "code"), [
    ({"bot_inside": False}, 230002), ({"dissolved": True}, 232009), ({"muted": True}, 230035), ({"only_some_speak": True}, 230018),
])  # fmt: skip
def test_a_group_that_takes_nothing(bench: Bench, state: dict[str, bool], code: int) -> None:
    for name, value in state.items():
        setattr(bench.sim.chat("oc_room"), name, value)
    with pytest.raises(Refused) as refused:
        bench.do(Send(Outgoing("", CARD), chat="oc_room"))
    assert refused.value.code == code


def test_people_who_take_nothing(bench: Bench) -> None:
    for code, change in ((230053, {"stopped_bot": True}), (230013, {"available": False})):
        for name, value in change.items():
            setattr(bench.sim.state.people["ou_lina"], name, value)
        with pytest.raises(Refused) as refused:
            bench.do(Send(Outgoing("x"), person="ou_lina"))
        assert refused.value.code == code
    with pytest.raises(Refused):
        bench.do(Send(Outgoing("x"), person="ou_gone"))


def test_words_that_do_not_pass(bench: Bench) -> None:
    bench.sim.state.dlp = True
    with pytest.raises(Refused, match="DLP"):
        bench.do(Send(Outgoing("回电 13800000000"), chat="oc_room"))
    bench.sim.state.sensitive = {"泄密"}
    with pytest.raises(Refused, match="filter"):
        bench.do(Send(Outgoing("有人泄密"), chat="oc_room"))


@pytest.mark.parametrize(("code", "words"), [(99991401, "allow list"), (99991403, "quota"), (10014, "disabled")])
def test_what_stops_the_whole_app(bench: Bench, code: int, words: str) -> None:
    if code == 10014:
        bench.sim.state.app_disabled = True
    elif code == 99991403:
        bench.sim.state.month_quota = 0
    else:
        bench.sim.state.allowed_ips = ("10.0.0.1",)
    with pytest.raises(PlatformDown, match=words):
        bench.do(Send(Outgoing("x"), chat="oc_room"))


@pytest.mark.parametrize(("code", "route"), [
    (230049, MESSAGES), (230020, MESSAGES), (99991400, MESSAGES), (232019, MEMBERS), (232096, FILES),
    (230047, "POST /open-apis/im/v1/pins"),
])  # fmt: skip
def test_what_a_little_patience_cures(bench: Bench, code: int, route: str) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k0").facts["message_id"]
    bench.sim.faults.add(route, "answer", code=code)
    long = Card("长", tuple((f"行{number}", "字" * 900) for number in range(40)))
    deeds: dict[str, Deed] = {MEMBERS: Invite("oc_room", ("ou_zhao",)), FILES: Send(Outgoing("", long), chat="oc_room")}
    bench.patiently(deeds.get(route, Pin("oc_room", sent) if "pins" in route else Send(Outgoing("x"), chat="oc_room")))
    assert len(bench.reasons) == 1


def test_a_card_in_use_is_changed_a_moment_later(bench: Bench) -> None:
    """While somebody's click on it is under way, Feishu refuses an update of the card (11310, card action is lock)."""
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts["message_id"]
    bench.sim.message(sent).locked = True

    async def job(feishu: Feishu) -> None:
        edit = Edit("oc_room", sent, Outgoing("", replace(CARD, title="二")))
        with pytest.raises(TryLater) as later:
            await feishu.do(edit, "k2")
        assert later.value.after <= 5
        bench.sim.message(sent).locked = False
        bench.sim.clock.push(seconds=1)
        await feishu.do(edit, "k2")

    bench.run(job)
    assert bench.sim.message(sent).card.title == "二"


def test_a_card_that_feishu_cannot_build_goes_as_words(bench: Bench) -> None:
    bench.sim.faults.add(MESSAGES, "answer", code=230099, message="Failed to create card content, ext=ErrCode: 200621; ")
    shown = bench.sim.message(bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts["message_id"])
    assert (shown.kind, "/task claim T1" in shown.text) == ("post", True)


# Cards of every shape


def _fields(*kinds: str) -> tuple[Field, ...]:
    options = (("1", "一级"), ("2", "二级"))
    made = {
        "text": Field("reason", "原因", hint="一句话"), "long": Field("report", "报告", "long", required=False, value="一\n二"),
        "choice": Field("level", "级别", "choice", options=options, value="2"),
        "time": Field("at", "何时", "time", value="2026-03-02T10:30"),
        "person": Field("owner", "负责人", "person", options=(("li.na", "李娜"),)), "free": Field("who", "谁", "person"),
    }  # fmt: skip
    return tuple(made[kind] for kind in kinds)


SHAPES = {
    "empty": Card("空"), "plain": CARD, "drill": replace(CARD, drill=True, tone="danger"), "note": replace(CARD, note="稍后再来"),
    "nameless lines": Card("说", (("", "第一行"), ("", "第二行"))), "quotes": Card('"引号"\\', (('"', '"\\\n' * 40),)),
    "styles": Card("样", buttons=tuple(Button(style, f"/x {style}", style=style) for style in ("plain", "primary", "danger"))),
    "confirm": Card("确认", buttons=(Button("关闭", "/incident close I1", 4, confirm=True),)),
    "form": Card("表", buttons=(Button("提交", "/incident update I1", form=_fields("text", "choice", "time")),)),
    "two forms": Card("表", buttons=(Button("甲", "/a", form=_fields("text")), Button("乙", "/b", form=_fields("text", "long")))),
    "asked form": Card("表", buttons=(Button("提交", "/incident update I1", form=_fields("text", "long", "choice", "time", "person")),)),
    "people": Card("表", buttons=(Button("指派", "/task assign T1", form=_fields("person", "free")),)),
    "menu": replace(CARD, menu=(Button("转派", "/task assign T1", 3), Button("说明", "/help"))),
    "menu with form": replace(CARD, menu=(Button("转派", "/task assign T1", 3, form=_fields("text")),)),
    "many buttons": Card("多", buttons=tuple(Button(f"键{number}", f"/x {number}") for number in range(20))),
    "many lines": Card("多", tuple((f"行{number}", "字") for number in range(60))),
    "very many lines": Card("多", tuple((f"行{number}", "字") for number in range(400))),
    "long lines": Card("长", tuple((f"行{number}", "字" * 900) for number in range(40))),
    "one long line": Card("长", (("报告", "字" * 40_000),)), "long of quotes": Card("长", (("日志", '{"a":"b"}\n' * 4000),)),
    "nearly too long, of quotes": Card("长", (("日志", '"' * 9_000),)),
    "emoji": Card("🚨", tuple((f"{number}", "🔁" * 300) for number in range(30))),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("mentions", [(), ("ou_lina", "ou_wang")])
def test_every_shape_of_card_is_built(bench: Bench, name: str, mentions: tuple[str, ...]) -> None:
    card = SHAPES[name]
    drawn = draw(Outgoing("", card, mentions), LABELS)
    if drawn.kind == "interactive":
        check_card(json.loads(drawn.content))
    done = bench.patiently(Send(Outgoing("", card, mentions), chat="oc_room"), "k1")
    shown = bench.sim.message(done.facts["message_id"])
    assert shown.kind == "interactive", [one.code for one in bench.sim.calls(MESSAGES)]
    assert shown.card.title == card.title
    assert shown.mentioned == set(mentions)
    assert [one.code for one in bench.sim.calls(MESSAGES)] == [0] * len(bench.sim.said)
    files = [bench.sim.state.uploads[one.values["file_key"]].content.decode() for one in bench.sim.said if one.kind == "file"]
    whole = "\n".join([shown.text, *files])
    assert all(value in whole for _, value in card.lines)


@pytest.mark.parametrize("name", [name for name in SHAPES if name not in ("empty",)])
def test_every_shape_of_card_can_be_replaced(bench: Bench, name: str) -> None:
    sent = bench.patiently(Send(Outgoing("", CARD), chat="oc_room"), "k1").facts["message_id"]
    bench.sim.clock.push(seconds=2)
    bench.patiently(Edit("oc_room", sent, Outgoing("", SHAPES[name])), "k2")
    assert bench.sim.message(sent).card.title == SHAPES[name].title


def test_texts_too_long_for_a_post(bench: Bench) -> None:
    text = "报告\n" + "字" * 60_000
    done = bench.patiently(Send(Outgoing(text, mentions=("ou_lina",)), chat="oc_room"), "k1")
    shown, file = bench.sim.said
    assert (shown.id, shown.mentioned) == (done.facts["message_id"], {"ou_lina"})
    assert bench.sim.state.uploads[file.values["file_key"]].content.decode() == text


def test_a_text_of_quotes_too_long_for_a_post(bench: Bench) -> None:
    text = '{"a": "b\\c"}\n' * 3000
    bench.patiently(Send(Outgoing(text), chat="oc_room"), "k1")
    assert [one.kind for one in bench.sim.said] == ["post", "file"]


# A network that fails

FAULTS: tuple[Kind, ...] = ("delay", "hang", "reset_before", "reset_after", "html", "empty", "truncated", "throttle", "dead_token")
LONG = Card("长", tuple((f"行{number}", "字" * 900) for number in range(40)))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_failing_network_shows_a_message_once(bench: Bench, fault: Kind, times: int) -> None:
    bench.fails(MESSAGES, fault, times)
    done = bench.patiently(Send(Outgoing("", CARD), chat="oc_room"), "k1")
    assert [one.id for one in bench.sim.said] == [done.facts["message_id"]]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_network_changes_a_message_in_the_end(bench: Bench, fault: Kind) -> None:
    sent = bench.do(Send(Outgoing("", CARD), chat="oc_room"), "k0").facts["message_id"]
    bench.sim.clock.push(seconds=1)
    bench.fails(PATCH, fault)
    bench.patiently(Edit("oc_room", sent, Outgoing("", replace(CARD, title="二"))), "k1")
    assert (len(bench.sim.said), bench.sim.message(sent).card.title) == (1, "二")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", [FILES, MESSAGES])
def test_a_failing_network_shows_a_file_once(bench: Bench, fault: Kind, route: str) -> None:
    bench.fails(route, fault)
    bench.patiently(Send(Outgoing("", LONG), chat="oc_room"), "k1")
    assert [one.kind for one in bench.sim.said] == ["interactive", "file"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", [CHATS, MEMBERS])
def test_a_failing_network_creates_a_room_once(bench: Bench, fault: Kind, route: str) -> None:
    bench.fails(route, fault)
    done = bench.patiently(CreateRoom("行情中断", ("ou_lina", "ou_gone")), "k1")
    rooms = [chat for chat in bench.sim.state.chats.values() if chat.name == "行情中断"]
    assert [room.id for room in rooms] == [done.facts["chat"]]
    assert (rooms[0].members, done.facts["missing"]) == ({"ou_lina"}, "ou_gone")


@pytest.mark.parametrize("deed", [
    Send(Outgoing("", CARD), chat="oc_room"), Edit("oc_room", "om_x", Outgoing("", CARD)), Send(Outgoing("", LONG), chat="oc_room"),
    CreateRoom("行情中断", ("ou_lina",)),
], ids=["send", "edit", "upload", "create room"])  # fmt: skip
def test_a_wrong_secret_stops_everything_and_says_which(bench: Bench, deed: Deed) -> None:
    bench.sim.state.app_secret = "another"
    with pytest.raises(PlatformDown, match="FEISHU_APP_SECRET") as down:
        bench.do(deed)
    assert down.value.after >= 60
    assert (bench.sim.said, len(bench.sim.state.chats)) == ([], 1)
    assert [one.code for one in bench.sim.requests] == [10015]


def test_an_outage_is_survived(bench: Bench) -> None:
    bench.sim.faults.outage(30)
    done = bench.patiently(Send(Outgoing("", CARD), chat="oc_room"), "k1", tries=20)
    assert [one.id for one in bench.sim.said] == [done.facts["message_id"]]


def test_ten_calls_fetch_one_token(bench: Bench) -> None:
    for number in range(10):
        bench.sim.add_person(f"ou_p{number}", f"人{number}")

    async def many(feishu: Feishu) -> None:
        await asyncio.gather(*(feishu.do(Send(Outgoing("x"), person=f"ou_p{number}"), f"k{number}") for number in range(10)))

    bench.run(many)
    assert len(bench.sim.calls("POST /auth/v3/tenant_access_token/internal")) == 1
    assert len(bench.sim.said) == 10


def test_a_killed_token_is_fetched_anew_once(bench: Bench) -> None:
    async def job(feishu: Feishu) -> None:
        await feishu.do(Send(Outgoing("一"), chat="oc_room"), "k1")
        bench.sim.kill_tokens()
        await asyncio.gather(*(feishu.do(Send(Outgoing("二"), person=one), one) for one in ("ou_lina", "ou_wang", "ou_zhao")))

    bench.run(job)
    assert len(bench.sim.calls("POST /auth/v3/tenant_access_token/internal")) == 2
    assert len(bench.sim.said) == 4


async def nobody(message: Message | Receipt) -> Reply | None:
    raise AssertionError("over callbacks nothing is listened to")


def test_the_bot_learns_who_it_is(bench: Bench) -> None:
    async def job(feishu: Feishu) -> str | None:
        await feishu.listen(nobody)
        return feishu.inbound.bot

    assert bench.run(job) == bench.sim.state.bot
