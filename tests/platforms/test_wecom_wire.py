"""The robot's long connection before the stand-in: what it hears, how it answers taps, that it comes back, and that nobody fights for
it."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from bot.bootstrap import real_now
from bot.channels import read_channels
from bot.platforms.core.contract import Deed, Done, Edit, Elsewhere, Fetch, Receipt, Send
from bot.platforms.wecom.adapter import Wecom
from bot.platforms.wecom.keeping import Patience
from bot.platforms.wecom.terms import TIMES, Times
from bot.platforms.wecom.wire import KEY, Wire
from bot.wecom import make_wecom
from handlers.core.message import Button, Card, Message, Outgoing, Reply
from tests.platforms.test_feishu_outbound import Memory
from tests.platforms.test_wecom_contract import WORDS, _peopled
from tests.simulators.wecom.sim import Sim

#: A tenth of what the house has.
QUICK = Times(
    ping=1.0, answer=2.0, lease=1.5, renew=0.4, longest=1.0, kicked=3.0, refused=1.0, welcome=4.0,
    patience=Patience(most=3, longest=4.0, pauses=(0.1, 0.2, 0.3)),
)  # fmt: skip
CARD = Card("任务 T1", (("负责人", "无人"),), buttons=(Button("认领", "/task claim T1", 3), Button("完成", "/task done T1", 3)))


class Leases(Memory):
    """With leases that end, by this machine's clock: shared by replicas."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._leases: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()
        self.away = False

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        if self.away:
            raise RuntimeError("the database is away")
        now = real_now()
        with self._lock:
            held, ends = self._leases.get(key, (holder, now))
            if held != holder and ends > now:
                return False
            self._leases[key] = (holder, now + timedelta(seconds=seconds))
            return True


class Line(Leases):
    """One replica's own way to the shared shelf, which can be cut."""

    def __init__(self, shelf: Leases) -> None:
        super().__init__(shelf._now)
        self._shelf = shelf

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        if self.away:
            raise RuntimeError("the database is away")
        return self._shelf.lease(key, holder, seconds)


class Replica:
    """The platform in a loop of its own; `answer` is what a click is answered with."""

    def __init__(self, sim: Sim, shelf: Leases, also: dict[str, str]) -> None:
        names = {"WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_SECRET": sim.state.bot_secret}
        settings = read_channels({"WECOM_API_BASE": sim.url, "WECOM_WS_URL": sim.ws_url, **names, **also}).wecom
        assert settings is not None
        self._settings, self._shelf, self._clock = settings, shelf, sim.clock
        self.heard: list[Message] = []
        self.answer = Reply("已认领", card=Card("任务 T1", (("负责人", "李娜"),)))
        self.fails = 0
        self.takes = 0.0
        """seconds that a decision takes"""
        self.wecom: Wecom | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._live(),))
        self._thread.start()

    @property
    def wire(self) -> Wire:
        assert self.wecom is not None
        assert self.wecom.robot is not None
        assert self.wecom.robot.wire is not None
        return self.wecom.robot.wire

    async def hear(self, message: Message | Receipt) -> Reply | None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the database is away")
        assert isinstance(message, Message)
        await asyncio.sleep(self.takes)
        self.heard.append(message)
        return self.answer if message.kind == "click" else None

    async def _live(self) -> None:
        self.wecom = make_wecom(self._settings, self._shelf, WORDS, self._clock, "https://gengfu.example.com", 20, QUICK)
        listening = asyncio.create_task(self.wecom.listen(self.hear))
        await self._stop.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await self.wecom.close()

    def do(self, deed: Deed, key: str) -> Done:
        assert self.wecom is not None
        return asyncio.run_coroutine_threadsafe(self.wecom.do(deed, key), self._loop).result(10)

    def up(self) -> bool:
        return self.wecom is not None and not self.wire.trouble

    def ends(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._loop.close()

    def dies(self) -> None:
        """Killed: it lets go of nothing, but its connection breaks."""
        holder = self.wire._holder
        self.ends()
        self._shelf.lease(KEY, holder, QUICK.lease)


def until(so: Callable[[], bool], seconds: float = 8.0) -> float:
    began = time.monotonic()
    while not so():
        assert time.monotonic() - began < seconds, "it never came"
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        _peopled(sim)
        yield sim
        assert sim.oddities == []


@contextmanager
def replica(sim: Sim, shelf: Leases | None = None, also: dict[str, str] | None = None) -> Iterator[Replica]:
    found = Replica(sim, shelf or Leases(sim.clock), also or {})
    try:
        yield found
    finally:
        if not found._loop.is_closed():
            found.ends()


@pytest.fixture
def one(sim: Sim) -> Iterator[Replica]:
    with replica(sim) as found:
        until(found.up)
        yield found


def spoken(sim: Sim, one: Replica) -> None:
    sim.person("LiNa").says("wrOffice", "在吗", mention_bot=True)
    until(lambda: bool(one.heard))


def test_what_is_said_in_a_group_and_alone(sim: Sim, one: Replica) -> None:
    sim.person("LiNa").says("wrOffice", "/任务 列表", mention_bot=True)
    sim.person("WuDi").says("", "你好")
    until(lambda: len(one.heard) == 2)
    shown = sorted((m.chat, m.chat_kind, m.sender, m.text, m.addressed) for m in one.heard)
    assert shown == [("bot:WuDi", "direct", "WuDi", "你好", True), ("wrOffice", "group", "LiNa", "/任务 列表", True)]


def test_a_tap_changes_the_card_for_everybody(sim: Sim, one: Replica) -> None:
    spoken(sim, one)
    one.do(Send(Outgoing("x", CARD), chat="wrOffice"), "card:1")
    click = sim.person("LiNa").taps(sim.said[-1], "认领")
    assert click.answered.wait(5)
    assert (click.problem, click.updated) == ("", True)
    assert (one.heard[-1].text, one.heard[-1].version) == ("/task claim T1", 3)
    assert "李娜" in sim.said[-1].text_for("WuDi")
    assert "已认领" in sim.said[-1].text_for("WuDi")


def test_a_tap_that_was_answered_too_late_leaves_the_card_to_be_said_anew(sim: Sim, one: Replica) -> None:
    spoken(sim, one)
    done = one.do(Send(Outgoing("x", CARD), chat="wrOffice"), "card:1")
    one.takes, sim.robot.event_within = 0.6, 0.3
    assert sim.person("LiNa").taps(sim.said[-1], "认领").answered.wait(5)
    until(lambda: [frame.code for frame in sim.wire.frames if frame.frame["cmd"] == "aibot_respond_update_msg"] == [846605])
    until(lambda: len(one.heard) == 2)
    time.sleep(0.2)
    assert "无人" in sim.said[-1].text
    sim.clock.push(minutes=31)
    assert one.answer.card is not None
    anew = one.do(Edit("wrOffice", done.facts["message_id"], Outgoing("x", one.answer.card)), "card:1:2")
    assert anew.facts["message_id"] != done.facts["message_id"]
    assert "李娜" in sim.said[-1].text


def test_what_is_refused_is_shown_to_the_one_who_tapped(sim: Sim, one: Replica) -> None:
    spoken(sim, one)
    one.do(Send(Outgoing("x", CARD), chat="wrOffice"), "card:1")
    one.answer = Reply("已由吴迪于 10:02 处理", card=CARD, error="house.stale")
    assert sim.person("LiNa").taps(sim.said[-1], "认领").answered.wait(5)
    assert "10:02" in sim.said[-1].text_for("LiNa")
    assert "10:02" not in sim.said[-1].text_for("WuDi")


def test_who_opens_the_chat_is_greeted_though_they_have_said_nothing(sim: Sim, one: Replica) -> None:
    sim.person("LiNa").enters_bot()
    until(lambda: bool(one.heard))
    assert (one.heard[0].kind, one.heard[0].chat) == ("entered", "bot:LiNa")
    one.do(Send(Outgoing("你好,我是更夫"), chat="bot:LiNa"), "reply:1")
    assert [message.text for message in sim.said] == ["你好,我是更夫"]


def test_a_file_of_a_person_is_brought_home(sim: Sim, one: Replica) -> None:
    sim.person("LiNa").sends_file("", "日志.txt", b"one line\n" * 10)
    until(lambda: bool(one.heard))
    (attached,) = one.heard[0].attached
    assert one.do(Fetch("m", attached.key), "fetch:1").content == b"one line\n" * 10


def test_what_cannot_be_kept_at_once_is_kept_a_little_later(sim: Sim, one: Replica) -> None:
    one.fails = 2
    sim.person("LiNa").says("", "你好")
    until(lambda: [message.text for message in one.heard] == ["你好"])


def test_while_the_database_is_away_the_connection_stays_and_what_is_said_is_kept_in_its_order(sim: Sim) -> None:
    shelf = Leases(sim.clock)
    with replica(sim, shelf) as one:
        until(one.up)
        shelf.away, one.fails = True, 1000
        for text in ("一", "二", "三"):
            sim.person("LiNa").says("", text)
        time.sleep(2 * QUICK.lease)
        assert one.up()
        assert one.heard == []
        shelf.away, one.fails = False, 0
        until(lambda: [message.text for message in one.heard] == ["一", "二", "三"])
        assert len(sim.frames("aibot_subscribe")) == 1
        assert sim.said == [], "nobody need hear of it"


def test_what_cannot_be_kept_is_said_to_be_lost(sim: Sim, one: Replica) -> None:
    """More than can be held, or longer than it is: whoever said it is told, one-to-one and in the group."""
    one.fails = 1000
    sim.person("WuDi").says("wrOffice", "/任务 列表", mention_bot=True)
    for text in ("一", "二", "三", "四"):
        sim.person("LiNa").says("", text)
    until(lambda: len(sim.said) == 2)  # one is being tried when the others begin to wait
    assert all("没有记下" in message.text for message in sim.said)
    until(lambda: len(sim.said) == 5, 12)
    told = "".join(message.text for message in sim.said)
    assert all(f"「{text}」" in told for text in ("/任务 列表", "一", "二", "三", "四"))
    one.fails = 0
    sim.person("LiNa").says("", "还在吗")
    until(lambda: [message.text for message in one.heard] == ["还在吗"])


def test_a_tap_that_cannot_be_decided_is_said_to_be_lost(sim: Sim, one: Replica) -> None:
    spoken(sim, one)
    one.do(Send(Outgoing("x", CARD), chat="wrOffice"), "card:1")
    one.fails = 1000
    sim.robot.event_within = 0.2
    sim.person("LiNa").taps(sim.said[-1], "认领")
    until(lambda: "没有生效" in sim.said[-1].text)


def test_a_database_that_is_away_ends_nobodys_listening(sim: Sim) -> None:
    """All loops of the house end with whoever listens for it."""
    shelf = Leases(sim.clock)
    shelf.away = True
    with replica(sim, shelf) as one:
        until(lambda: one.wecom is not None and "database" in one.wire.trouble)
        shelf.away = False
        until(one.up)


def test_what_is_no_frame_ends_nothing(sim: Sim, one: Replica) -> None:
    connection = sim.wire.subscribed
    assert connection is not None
    for sent in (
        "[]",
        "{",
        '{"cmd": "x", "headers": {"req_id": "a\\u0000"}}',
        '{"headers": {"req_id": "\\ud800"}, "errcode": 0}',
        '{"cmd": 7, "body": []}',
    ):
        asyncio.run_coroutine_threadsafe(connection.send(sent), sim.running).result(5)
    sim.person("LiNa").says("", "还在吗")
    until(lambda: [message.text for message in one.heard] == ["还在吗"])
    assert sim.wire.subscribed is connection


@pytest.mark.parametrize("trouble", ["drop", "silence"])
def test_a_connection_that_dies_comes_back(sim: Sim, one: Replica, trouble: str) -> None:
    first = sim.wire.subscribed
    (sim.drop_connections if trouble == "drop" else sim.silence_connections)()
    until(lambda: sim.wire.subscribed not in (None, first), 12)
    sim.person("LiNa").says("", "还在吗")
    until(lambda: bool(one.heard))


def test_a_dead_connection_is_noticed_and_another_replica_takes_over_within_half_a_minute() -> None:
    """Of the house's own times; the tests live ten times faster."""
    assert TIMES.ping + TIMES.renew + TIMES.answer < 30
    assert TIMES.lease + TIMES.renew + TIMES.answer < 30


def test_of_two_replicas_one_holds_it_and_the_other_takes_over(sim: Sim, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shelf = Leases(sim.clock)
    with replica(sim, shelf) as first, replica(sim, shelf) as second:
        until(lambda: first.up() or second.up())
        time.sleep(2 * QUICK.lease)
        assert [first.up(), second.up()].count(True) == 1
        assert len(sim.wire.connections) == 1
        subscriptions = len(sim.frames("aibot_subscribe"))
        assert subscriptions == 1, "nobody fights"
        holds, waits = (first, second) if first.up() else (second, first)
        told = [record.message for record in caplog.records if record.name == "bot.platforms.wecom.wire"]
        assert sorted(told) == ["listening", "the long connection is elsewhere"], "a line for each change, and no more"
        offered = []
        for _ in range(6):
            with pytest.raises(Elsewhere, match="another replica") as later:
                waits.do(Send(Outgoing("x"), person="LiNa"), "outbox:1")
            offered.append(later.value.after)
        assert offered == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
        holds.dies()
        assert until(waits.up) < (QUICK.lease + QUICK.renew + 1.0)
        sim.person("LiNa").says("", "还在吗")
        until(lambda: bool(waits.heard))


def test_who_alone_has_lost_the_database_gives_way(sim: Sim) -> None:
    """It keeps its connection, as it cannot know; the other one takes the lease and connects, and WeCom ends the first."""
    shelf = Leases(sim.clock)
    cut = Line(shelf)
    with replica(sim, cut) as first:
        until(first.up)
        cut.away, first.fails = True, 1000
        with replica(sim, Line(shelf)) as second:
            until(second.up)
            until(lambda: not first.up())
            time.sleep(2 * QUICK.lease)
            assert second.up()
            assert len(sim.frames("aibot_subscribe")) == 2, "nobody fights"
            cut.away, first.fails = False, 0
            until(lambda: "another replica" in first.wire.trouble)
            sim.person("LiNa").says("", "还在吗")
            until(lambda: [message.text for message in second.heard] == ["还在吗"])
            assert first.heard == []


def test_an_end_in_order_hands_it_over_at_once(sim: Sim) -> None:
    shelf = Leases(sim.clock)
    with replica(sim, shelf) as first:
        until(first.up)
        with replica(sim, shelf) as second:
            first.ends()
            assert until(second.up) < QUICK.lease


def test_another_installation_is_not_fought(sim: Sim, one: Replica) -> None:
    with replica(sim) as foreign:
        until(foreign.up)
        until(lambda: not one.up())
        time.sleep(QUICK.kicked / 2)
        assert foreign.up()
        assert len(sim.frames("aibot_subscribe")) == 2
        assert "another installation" in one.wire.trouble


def test_a_wrong_secret_is_said_and_not_hammered(sim: Sim) -> None:
    with replica(sim, also={"WECOM_BOT_SECRET": "wrong"}) as one:
        until(lambda: one.wecom is not None and "WECOM_BOT_SECRET" in one.wire.trouble)
        time.sleep(QUICK.refused)
        assert len(sim.frames("aibot_subscribe")) <= 3
