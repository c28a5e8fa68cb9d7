"""What was approved leaves by mail, webhook and chat: the very bytes, once, whatever the other side does."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from bot.bootstrap import real_now
from bot.metrics import Metrics
from bot.outside.handing import DOUBT, TAKEN
from bot.outside.hook import Hook, written
from bot.outside.letters import Letters
from bot.platforms.core.contract import Can, Unsure
from bot.platforms.core.http import client
from bot.platforms.mail import Mailbox, Post
from bot.publishing import GIVES_UP, GOES_ON, Means, Publishing
from bot.secret import Secret
from handlers.core.wording import Words
from storage import inbox, outbox
from storage.database import Database
from storage.outbox import OUTBOX
from storage.tables.queues import DONE, WAITING, InboxRow, OutboxRow
from tests.crash.telex import Telex
from tests.make import START
from tests.outlets import GUIDE, SECRET, PressOffice, Site, press_office, printed, site_on_loopback
from tests.world import World, make_world
from workflows.core.outlet import Outlet, OutletKind
from workflows.publication import Piece, PublicationKind

#: Line ends of all sorts, blanks at ends of lines, a line with a dot alone, no end at the end.
TEXT = "关于行情系统的公告\r\n  第一行 \n.\n..两点\n\t“引号”, emoji 🕯, 结尾没有换行".encode()
NAME = "GENGFU_OUTLET_SITE_SECRET"


@dataclass
class Desk:
    """A house with a publisher, and what it hands out: `pieces` by reference."""

    world: World
    site: Site
    office: PressOffice
    publishing: Publishing
    pieces: dict[str, Piece] = field(default_factory=dict)

    def order(self, ref: str, outlet: Outlet, text: bytes = TEXT, *, lane: str = "", **more: Any) -> None:
        digest = hashlib.sha256(text).hexdigest()
        piece = Piece(
            ref,
            "S1",
            2,
            PublicationKind.STATEMENT,
            "行情公告",
            text,
            digest,
            None,
            START,
            outlet,
            hashlib.sha256(ref.encode()).hexdigest()[:32],
        )
        self.pieces[ref] = replace(piece, **more)
        about, place = {"publication": ref}, {"platform": "outlet", "ref": ref, "lane": lane or f"outlet:{outlet.name}"}
        now = self.world.clock()
        self.world.database.write(
            lambda tx: outbox.enqueue_deed(tx, key=f"publish:{ref}", kind="publish", about=about, incident="I1", now=now, **place)
        )

    def turn(self, **later: float) -> None:
        """Time goes by, and all that is due is tried once."""
        self.world.clock.pass_time(**later)

        async def once() -> None:
            sender = self.world.worker.sender
            sender.lot_limit = None
            while await sender.turn():
                pass

        asyncio.run(once())

    def row(self, ref: str) -> OutboxRow:
        return self.world.database.read(lambda tx: tx.exec(select(OutboxRow).where(OutboxRow.key == f"publish:{ref}")).one())

    def told(self, ref: str = "P1") -> list[tuple[str, dict[str, Any]]]:
        """What the record hears, in order: the request's last word, and its values."""
        rows = self.world.database.read(lambda tx: tx.exec(select(InboxRow).order_by(col(InboxRow.id))).all())
        found = [inbox.payload_of(row, self.world.road.house.cipher) for row in rows if row.event_id.startswith("publish:")]
        mine = [one for one in found if one["values"].pop("publication") == ref]
        assert all(one["actor"] == "delivery" and one["incident"] == "I1" for one in mine)
        return [(one["request"].removeprefix("publication."), one["values"]) for one in mine]


SITE = Outlet("site", "官网", OutletKind.WEBHOOK, secret=NAME)
PRESS = Outlet("press", "媒体", OutletKind.MAIL, to=("a@paper.example", "b@agency.example", "c@radio.example"))
GROUP = Outlet("group", "营业部群", OutletKind.CHAT, platform="telex", chat="g:branches")


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with site_on_loopback() as site, press_office() as office:
        world = make_world(database)
        yield make_desk(world, site, office)


def make_desk(world: World, site: Site, office: PressOffice) -> Desk:
    pieces: dict[str, Piece] = {}
    clock: Callable[[], datetime] = world.clock
    post = Post(Mailbox("127.0.0.1", office.port, False, "", "", "gengfu@firm.example"), "更夫", clock)
    # The receiver compares with the real clock, and its line is opened anew in each loop.
    hook = Loops(lambda: Hook(client(""), real_now))
    means = Means(Letters(post, Words.load("zh"), clock), hook, {NAME: Secret(SECRET)})  # type: ignore[arg-type]  # a hook for each loop
    sender = world.worker.sender
    sender.publishing = Publishing(world.road.house, pieces.get, sender.platforms, sender._do, means, Metrics())
    return Desk(world, site, office, sender.publishing, pieces)


class Loops:
    def __init__(self, make: Callable[[], Hook]) -> None:
        self._make = make

    async def post(self, piece: Piece, secret: str) -> str:
        hook = self._make()
        try:
            return await hook.post(piece, secret)
        finally:
            await hook.close()


def at(desk: Desk, outlet: Outlet = SITE) -> Outlet:
    return replace(outlet, url=desk.site.url)


# The webhook


def test_a_site_gets_the_approved_bytes_and_checks_them_with_the_code_of_the_guide(desk: Desk) -> None:
    desk.order("P1", at(desk))
    desk.turn()
    assert desk.site.texts == [TEXT]
    (piece,) = desk.site.published
    assert hashlib.sha256(piece["text"].encode()).hexdigest() == piece["sha256"]
    assert (piece["statement"], piece["revision"], piece["kind"], piece["title"]) == ("S1", 2, "statement", "行情公告")
    assert desk.site.asked[0]["Idempotency-Key"] == piece["key"]
    assert desk.told() == [("published", {"receipt": "notice-1", "at": START.isoformat()})]
    assert desk.row("P1").status == DONE
    assert desk.row("P1").accepted == START


def test_the_printed_code_has_ten_lines() -> None:
    block = GUIDE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    assert "def verified" in block
    assert len([line for line in block.splitlines() if line.strip()]) == 10
    chinese = GUIDE.with_name("publishing.zh.md").read_text("utf-8")
    assert [one.split("```")[0] for one in chinese.split("```python\n")[1:]] == [
        one.split("```")[0] for one in GUIDE.read_text("utf-8").split("```python\n")[1:]
    ]


def test_the_printed_code_refuses_what_is_not_from_us(desk: Desk) -> None:
    verified, taken = printed()["verified"], desk.site
    desk.order("P1", at(desk))
    desk.turn()
    headers, body = taken.asked[0], written(desk.pieces["P1"])
    assert verified(headers, body, [SECRET])["text"].encode() == TEXT
    assert verified(headers, body, ["another", SECRET])["key"] == desk.pieces["P1"].key, "two secrets while one is changed"
    for one_headers, one_body, secrets in (
        (headers, body.replace(b'"S1"', b'"S2"'), [SECRET]),
        (headers, body, ["another"]),
        (headers | {"X-Gengfu-Timestamp": str(int(headers["X-Gengfu-Timestamp"]) + 1)}, body, [SECRET]),
    ):
        with pytest.raises(PermissionError):
            verified(one_headers, one_body, secrets)


OUTAGES: dict[str, list[Any]] = {
    "lost answer": ["lost"],
    "lost twice": ["lost", "lost"],
    "cut line": ["drop", "drop"],
    "hanging": ["hang"],
    "trouble": [(500, {}, b"<html>")],
    "long trouble": [(502, {}, b""), (503, {}, b""), (500, {}, b""), (503, {}, b"")],
    "busy": [(429, {"Retry-After": "7"}, b"")],
    "too slow": ["late", "late"],
    "all of it": ["drop", (500, {}, b""), "lost", "hang", (503, {"Retry-After": "3"}, b""), "late"],
}


@pytest.mark.parametrize("name", OUTAGES)
def test_whatever_happens_to_it_the_text_is_published_once(desk: Desk, name: str) -> None:
    desk.site.faults, desk.publishing.limit = list(OUTAGES[name]), 0.4 if {"hang", "late"} & set(map(str, OUTAGES[name])) else 30.0
    desk.order("P1", at(desk))
    for _ in range(20):
        desk.turn(minutes=2)
        if desk.row("P1").status == DONE:
            break
        desk.publishing.limit = 0.4 if desk.site.faults else 30.0
    assert desk.site.texts == [TEXT]
    assert len(desk.site.keys) == 1
    assert len(desk.site.asked) == len(OUTAGES[name]) + 1
    *tried, last = desk.told()
    assert last[0] == "published"
    assert last[1]["receipt"] == "notice-1"
    assert tried
    assert all(word == "failed" and not values["final"] for word, values in tried)


def test_nobody_listens_at_first(desk: Desk) -> None:
    away = replace(SITE, url="http://127.0.0.1:9/notices?token=hush")
    desk.order("P1", away)
    desk.turn()
    assert [word for word, _ in desk.told()] == ["failed"]
    assert desk.told()[0][1]["reason"] == "127.0.0.1 cannot be reached (ConnectError)"
    desk.pieces["P1"] = replace(desk.pieces["P1"], outlet=at(desk))
    desk.turn(minutes=1)
    assert desk.site.texts == [TEXT]


def test_a_busy_receiver_is_asked_when_it_wants_to_be(desk: Desk) -> None:
    desk.site.faults = [(429, {"Retry-After": "90"}, b"")]
    desk.order("P1", at(desk))
    desk.turn()
    assert desk.row("P1").due == START + timedelta(seconds=90)
    desk.turn(seconds=89)
    assert len(desk.site.asked) == 1
    desk.turn(seconds=1)
    assert desk.site.texts == [TEXT]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b"<html>"), "the receiver refuses the text (404)"),
        ((422, {}, b'{"error": "no room,\\n call 13800138000"}'), "the receiver refuses the text (422: no room, call 138****8000)"),
        ((302, {"Location": "https://elsewhere.example/?token=hush"}, b""), "the receiver refuses the text (302)"),
        ((409, {}, b'{"key": "another"}'), "the receiver refuses the text (409)"),
        ((400, {}, json.dumps({"error": "x" * 9000}).encode()), f"the receiver refuses the text (400: {'x' * 200})"),
    ],
)
def test_a_refusal_is_final(desk: Desk, answer: Any, reason: str) -> None:
    desk.site.faults = [answer]
    desk.order("P1", at(desk))
    desk.turn()
    desk.turn(hours=1)
    assert desk.told() == [("failed", {"reason": reason, "final": True})]
    assert (len(desk.site.asked), desk.site.published) == (1, [])


def test_it_was_there_already(desk: Desk) -> None:
    desk.order("P1", at(desk))
    desk.site.faults = [(409, {}, json.dumps({"key": desk.pieces["P1"].key, "receipt": "notice-7"}).encode())]
    desk.turn()
    assert desk.told() == [("published", {"receipt": "notice-7", "at": START.isoformat()})]


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        ((200, {}, b"<html>"), "HTTP 200"),
        ((201, {"Location": "https://firm.example/n/7?draft=1"}, b""), "https://firm.example/n/7"),
        ((202, {}, b'{"receipt": 7}'), "7"),
        ((200, {}, b'{"receipt": ' + b"[" * 20000), "HTTP 200"),
    ],
)
def test_receipts(desk: Desk, answer: Any, receipt: str) -> None:
    desk.site.faults = [answer]
    desk.order("P1", at(desk))
    desk.turn()
    assert desk.told() == [("published", {"receipt": receipt, "at": START.isoformat()})]


def test_a_wrong_secret_is_told_at_once_and_tried_again(desk: Desk) -> None:
    desk.site.secrets = ["another"]
    desk.order("P1", at(desk))
    desk.turn()
    ((word, values),) = desk.told()
    assert (word, values["final"]) == ("failed", False)
    assert values["reason"] == "the receiver refuses our signature (401): compare the secret and the two clocks"
    assert desk.row("P1").due == START + timedelta(minutes=5)
    desk.site.secrets = ["another", SECRET]
    desk.turn(minutes=5)
    assert desk.site.texts == [TEXT]


def test_a_secret_that_is_not_set(desk: Desk) -> None:
    desk.order("P1", replace(at(desk), secret="GENGFU_OUTLET_OTHER_SECRET"))
    desk.turn()
    ((_, values),) = desk.told()
    assert values["reason"] == "GENGFU_OUTLET_OTHER_SECRET is not set: the receiver could not know that it is us"
    assert desk.site.asked == []


def test_it_gives_up_after_a_day_and_not_before(desk: Desk) -> None:
    desk.order("P1", replace(SITE, url="http://127.0.0.1:9/"))
    desk.turn()
    end = START + GIVES_UP
    while desk.world.clock() < end - timedelta(hours=1):
        desk.turn(hours=1)
    assert desk.row("P1").status == WAITING
    assert [values["final"] for _, values in desk.told()] == [False] * 3, "three attempts, then only what is new"
    desk.turn(hours=2)
    assert desk.told()[-1][1] == {"reason": "127.0.0.1 cannot be reached (ConnectError)", "final": True}
    assert desk.row("P1").status == DONE


# What is no longer to be sent


def test_what_is_no_longer_to_be_sent_is_not(desk: Desk) -> None:
    desk.order("P1", at(desk))
    del desk.pieces["P1"]
    desk.turn()
    assert (desk.site.asked, desk.told(), desk.row("P1").status) == ([], [], DONE)


def test_other_bytes_than_the_approved_ones_do_not_leave(desk: Desk) -> None:
    desk.order("P1", at(desk), sha256=hashlib.sha256(TEXT + b"\n").hexdigest())
    desk.turn()
    assert desk.site.asked == []
    assert desk.told() == [("failed", {"reason": "these are not the bytes that were approved", "final": True})]


# Several outlets


def test_an_outlet_that_hangs_holds_up_no_other(desk: Desk) -> None:
    desk.site.faults, desk.publishing.limit = ["hang"], 1.5
    desk.order("P1", at(desk))
    desk.order("P2", at(desk, replace(SITE, name="other")))
    desk.order("P3", PRESS)

    async def watch() -> tuple[int, int]:
        sender = desk.world.worker.sender
        sender.lot_limit = 0.05
        await sender.turn()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if len(desk.office.letters) == 3 and desk.site.published:
                break
        seen = len(desk.site.published), len(desk.office.letters)
        await sender.stop()
        return seen

    assert asyncio.run(watch()) == (1, 3)


def test_a_correction_never_overtakes_what_it_corrects(desk: Desk) -> None:
    desk.site.faults = [(503, {}, b"")] * 4
    desk.order("P1", at(desk), "有误".encode())
    desk.order("P2", at(desk), "更正".encode(), kind=PublicationKind.CORRECTION)
    for _ in range(20):
        desk.turn(minutes=1)
    assert desk.site.texts == ["有误".encode(), "更正".encode()]


def test_an_outlet_that_is_down_is_left_alone_for_a_while(desk: Desk) -> None:
    desk.site.faults = [(503, {}, b"")] * 3
    for number in range(1, 4):
        desk.order(f"P{number}", at(desk), f"{number}".encode(), lane=f"outlet:site:S{number}")
    desk.turn()
    desk.order("P4", at(desk), b"4", lane="outlet:site:S4")
    desk.turn()
    assert len(desk.site.asked) == 3, "the fourth is not even tried"
    assert desk.publishing.circuit("site").open
    assert desk.told("P4") == [], "nothing went wrong with it"
    desk.turn(minutes=1)
    assert sorted(desk.site.texts) == [b"1", b"2", b"3", b"4"]
    assert not desk.publishing.circuit("site").open


# Mail


def test_each_address_has_a_letter_of_its_own_with_the_approved_bytes(desk: Desk) -> None:
    desk.order("P1", PRESS, kind=PublicationKind.CORRECTION, title="行情\n公告")
    desk.turn()
    assert desk.office.got == dict.fromkeys(PRESS.to, 1)
    assert desk.office.bodies == {TEXT}
    for to, letter in desk.office.letters:
        assert letter["To"] == to, "nobody sees who else has it"
        assert (letter["Cc"], letter["Bcc"]) == (None, None)
        assert letter["Subject"] == "【更正】 行情 公告"
        assert letter["X-Gengfu-Sha256"].strip() == hashlib.sha256(TEXT).hexdigest()
        assert (letter.get_content_type(), letter.get_content_charset()) == ("text/plain", "utf-8")
    (number,) = {letter["Message-ID"] for _, letter in desk.office.letters}
    assert desk.told() == [("published", {"receipt": f"{number} · 3/3", "at": START.isoformat()})]


def test_who_is_refused_is_named_and_the_others_have_it(desk: Desk) -> None:
    desk.office.refuses = {PRESS.to[1]: ["550 no such user"]}
    desk.order("P1", PRESS)
    desk.turn()
    desk.turn(hours=1)
    assert desk.office.got == {PRESS.to[0]: 1, PRESS.to[2]: 1}
    ((word, values),) = desk.told()
    assert word == "published"
    assert values["receipt"].endswith("@firm.example> · 2/3 · b@agency.example: the address is refused (550: no such user)")


def test_everybody_is_refused(desk: Desk) -> None:
    desk.office.refuses = {address: ["550 no"] for address in PRESS.to}
    desk.order("P1", PRESS)
    desk.turn()
    ((word, values),) = desk.told()
    assert (word, values["final"]) == ("failed", True)


def test_who_is_refused_for_now_is_asked_again_and_nobody_else(desk: Desk) -> None:
    desk.office.refuses = {PRESS.to[0]: ["451 come back", "451 come back"]}
    desk.order("P1", PRESS)
    for _ in range(4):
        desk.turn(minutes=2)
    assert desk.office.got == dict.fromkeys(PRESS.to, 1)
    assert [word for word, _ in desk.told()] == ["failed", "failed", "published"]


def test_a_full_mailbox_holds_up_nobody_for_long(desk: Desk) -> None:
    desk.office.refuses = {PRESS.to[0]: ["452 full"] * 99}
    desk.order("P1", PRESS)
    desk.order("P2", PRESS, "更正".encode(), kind=PublicationKind.CORRECTION)
    desk.turn()
    for _ in range(30):
        desk.turn(minutes=2)
    assert desk.office.got == {PRESS.to[1]: 2, PRESS.to[2]: 2}
    word, values = desk.told()[-1]
    assert word == "published"
    assert " · 2/3 · a@paper.example: " in values["receipt"]
    assert timedelta(0) < datetime.fromisoformat(values["at"]) - START - GOES_ON < timedelta(minutes=10)


@pytest.mark.parametrize("said", ["451 greylisted", "552 too large"])
def test_a_text_that_the_server_did_not_take_was_not_taken(desk: Desk, said: str) -> None:
    one = replace(PRESS, to=PRESS.to[:1])
    desk.office.answers = [said]
    desk.order("P1", one)
    desk.turn()
    desk.turn(minutes=2)
    assert desk.office.got == ({one.to[0]: 1} if said.startswith("4") else {})
    assert [(word, values.get("final")) for word, values in desk.told()] == (
        [("failed", False), ("published", None)] if said.startswith("4") else [("failed", True)]
    )


def test_nobody_knows_whether_it_arrived(desk: Desk) -> None:
    """The server took it, and its word was lost: not repeated by itself; ordered again, it goes only to who does not surely have it."""
    desk.office.loses = 1
    desk.order("P1", PRESS)
    desk.turn()
    desk.turn(hours=2)
    assert desk.office.got == dict.fromkeys(PRESS.to, 1)
    ((word, values),) = desk.told()
    assert (word, values["final"]) == ("failed", True)
    number = desk.office.letters[0][1]["Message-ID"]
    assert values["reason"] == f"nobody knows whether a@paper.example got it: look for {number} in the mail server's log"
    assert set(desk.row("P1").about["places"].values()) == {TAKEN}, "who surely has it is remembered"
    desk.world.database.write(lambda tx: outbox.again(tx, "publish:P1", desk.world.clock()))
    desk.turn()
    assert desk.office.got == {PRESS.to[0]: 2, PRESS.to[1]: 1, PRESS.to[2]: 1}
    assert {letter["Message-ID"] for _, letter in desk.office.letters} == {number}
    assert desk.told()[-1][1]["receipt"] == f"{number} · 3/3"


def test_what_somebody_who_died_was_handing_over_is_in_doubt(desk: Desk) -> None:
    desk.order("P1", PRESS)

    def died(tx: Any) -> None:
        (row,) = OUTBOX.claim(tx, desk.world.clock(), 1).rows
        row.about = {**row.about, "receipt": "<id>", "places": {PRESS.to[0]: "handed"}}

    desk.world.database.write(died)
    desk.turn()
    assert desk.office.letters == [], "its lease runs"
    desk.turn(minutes=2)
    assert desk.office.got == dict.fromkeys(PRESS.to[1:], 1)
    ((word, values),) = desk.told()
    assert (word, values["final"]) == ("failed", True)
    assert "nobody knows whether a@paper.example got it" in values["reason"]


def test_a_stop_waits_for_the_letter_that_is_under_way(desk: Desk) -> None:
    """An upgrade in the wrong moment puts nothing in doubt."""
    desk.order("P1", PRESS)
    asked = threading.Event()

    def slow(what: str) -> None:
        asked.set()
        time.sleep(0.3)

    async def stopped() -> None:
        sender = desk.world.worker.sender
        sender.lot_limit = 0.01
        await sender.turn()
        await asyncio.to_thread(asked.wait, 20)
        await sender.stop()

    desk.office.on = slow
    asyncio.run(stopped())
    assert desk.row("P1").about["places"] == {PRESS.to[0]: TAKEN}
    desk.office.on = lambda what: None
    desk.turn(minutes=2)
    assert desk.office.got == dict.fromkeys(PRESS.to, 1)
    assert [word for word, _ in desk.told()] == ["published"]


def test_a_slow_holder_does_not_send_what_is_somebody_elses_by_now(desk: Desk) -> None:
    """It is claimed anew while the first one is about to hand the text over: the first one finds out before anything leaves."""
    desk.order("P1", replace(PRESS, to=PRESS.to[:1]))
    row = desk.world.database.write(lambda tx: OUTBOX.claim(tx, desk.world.clock(), 1).rows[0])
    desk.turn(minutes=2)
    asyncio.run(desk.publishing.go(row))
    assert desk.office.got == {PRESS.to[0]: 1}
    assert [word for word, _ in desk.told()] == ["published"]


def test_the_mail_server_is_away(desk: Desk) -> None:
    means = desk.publishing._means
    post = Post(Mailbox("127.0.0.1", 9, False, "", "", "gengfu@firm.example"), "更夫", desk.world.clock)
    desk.publishing._means = replace(means, letters=Letters(post, Words.load("zh"), desk.world.clock))
    desk.order("P1", PRESS)
    desk.turn()
    desk.publishing._means = means
    desk.turn(minutes=1)
    assert [word for word, _ in desk.told()] == ["failed", "published"]
    assert desk.office.got == dict.fromkeys(PRESS.to, 1)


def test_mail_is_not_on(desk: Desk) -> None:
    desk.publishing._means = replace(desk.publishing._means, letters=None)
    desk.order("P1", PRESS)
    desk.turn()
    assert desk.told()[0][1] == {"reason": "mail is not on: set SMTP_URL and SMTP_FROM", "final": False}


def test_a_yes_that_is_taken_back_stops_the_rest(desk: Desk) -> None:
    desk.order("P1", PRESS)
    desk.office.on = lambda what: desk.pieces.clear()
    desk.turn()
    assert desk.office.got == {PRESS.to[0]: 1}
    ((word, values),) = desk.told()
    assert word == "published", "what is out is said to be out"
    assert " · 1/3 · b@agency.example: no longer to be sent" in values["receipt"]


# Chats


@pytest.fixture
def telex(desk: Desk) -> Telex:
    found = Telex("telex", Can())
    desk.world.worker.sender.platforms = {**desk.world.worker.sender.platforms, "telex": found}
    desk.publishing._platforms = desk.world.worker.sender.platforms
    return found


def test_a_group_is_told(desk: Desk, telex: Telex) -> None:
    desk.order("P1", GROUP)
    desk.turn()
    (one,) = telex.wire
    assert one.message is not None
    assert (one.place, one.message.text.encode(), one.message.card) == ("g:branches", TEXT, None)
    assert desk.told() == [("published", {"receipt": "telex/1", "at": START.isoformat()})]


def test_a_messenger_that_knows_no_repeats_is_not_asked_twice(desk: Desk, telex: Telex) -> None:
    def lost(one: object) -> None:
        raise Unsure(3.0, "no answer from telex (ReadTimeout)")

    telex.after = lost
    desk.order("P1", GROUP)
    desk.turn()
    desk.turn(hours=1)
    assert len(telex.wire) == 1
    assert desk.told()[-1] == ("failed", {"reason": "nobody knows whether telex:g:branches got it: look there", "final": True})
    assert DOUBT not in desk.row("P1").about.get("places", {}).values()


def test_a_messenger_that_knows_repeats_is_asked_again(desk: Desk, telex: Telex) -> None:
    lost = iter([Unsure(3.0, "no answer from telex (ReadTimeout)")])

    def once(one: object) -> None:
        for error in lost:
            raise error

    telex.after, telex.can = once, Can(idempotent=True)
    desk.order("P1", GROUP)
    desk.turn()
    desk.turn(minutes=1)
    assert len({one.key for one in telex.wire}) == 1
    assert len(telex.wire) == 2
    assert [word for word, _ in desk.told()] == ["failed", "published"]


def test_a_messenger_that_is_off(desk: Desk) -> None:
    desk.order("P1", GROUP)
    desk.turn()
    assert desk.told()[0][1] == {"reason": "telex is switched off: what is published there waits", "final": False}


# What administrators see


def test_a_row_that_is_buried_is_told_to_its_record(desk: Desk) -> None:
    desk.order("P1", at(desk))

    def dying(tx: Any) -> None:
        row = tx.exec(select(OutboxRow).where(OutboxRow.key == "publish:P1")).one()
        row.attempt = OUTBOX.attempts

    desk.world.database.write(dying)
    desk.turn()
    assert desk.told() == [("failed", {"reason": "its holder never came back", "final": True})]


def test_what_may_have_left_before_it_was_buried_is_told_with_it(desk: Desk) -> None:
    desk.order("P1", PRESS)

    def dying(tx: Any) -> None:
        row = tx.exec(select(OutboxRow).where(OutboxRow.key == "publish:P1")).one()
        row.attempt, row.about = OUTBOX.attempts, {**row.about, "receipt": "<id>", "places": {PRESS.to[0]: "handed", PRESS.to[1]: TAKEN}}

    desk.world.database.write(dying)
    desk.turn()
    ((word, values),) = desk.told()
    assert (word, values["final"]) == ("failed", True)
    assert values["reason"] == "nobody knows whether a@paper.example got it: look for <id> in the mail server's log"
    assert desk.row("P1").about["places"] == {PRESS.to[1]: TAKEN}


def test_administrators_see_what_is_tried_again(desk: Desk) -> None:
    desk.site.faults = [(503, {}, b"")]
    desk.order("P1", at(desk))
    desk.turn()
    reply = desk.world.road.ask(desk.world.message("han.tao", "/管理 队列", desk.world.rooms.direct("han.tao")))
    assert "发布 P1(outbox:" in reply.text
    assert "接收方故障(503)" in reply.text


def test_figures(desk: Desk) -> None:
    metrics = desk.publishing._metrics
    desk.site.faults = [(503, {}, b"")]
    desk.order("P1", at(desk))
    desk.turn()
    desk.turn(minutes=1)
    text = metrics.text().decode()
    assert 'gengfu_publications_total{outlet="site",result="later"} 1.0' in text
    assert 'gengfu_publications_total{outlet="site",result="sent"} 1.0' in text
    assert 'gengfu_outlet_up{outlet="site"} 1.0' in text


def test_no_address_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.site.faults = ["drop", (503, {}, b""), (302, {"Location": "https://x.example/?token=hush"}, b"")]
    desk.order("P1", at(desk))
    with caplog.at_level("DEBUG", logger="bot"):
        for _ in range(4):
            desk.turn(minutes=2)
    said = " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("bot"))
    assert "publication_later" in said
    assert "publication_failed" in said
    assert "token" not in said
