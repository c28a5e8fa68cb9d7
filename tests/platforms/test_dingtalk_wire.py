"""The adapter on the stand-in's stream: what it hears, how it answers taps, and that it comes back."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from bot.platforms.core.contract import Receipt, Send
from bot.platforms.dingtalk import wire
from bot.platforms.dingtalk.adapter import DingTalk, Setup
from bot.platforms.dingtalk.inbound import Secrets
from handlers.core.message import Button, Card, Message, Outgoing, Reply
from tests.platforms.test_dingtalk_contract import LABELS
from tests.platforms.test_feishu_outbound import Memory
from tests.simulators.dingtalk import OURS, Sim

ROOM = "cidroom=="
CARD = Card("行情中断", buttons=(Button("认领", "/task claim T1", 3),), menu=(Button("转派", "/task assign T1", 3),))


class Product:
    """The adapter in a loop of its own; `answer` is what a tap is answered with."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.heard: list[Message] = []
        self.answer = Reply("已认领", card=Card("行情中断", note="李娜 已认领"))
        self.fails = 0
        self.pings = wire.PING_EVERY
        self.quiet = wire.QUIET

    async def hear(self, message: Message | Receipt) -> Reply | None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the database is away")
        assert isinstance(message, Message)
        self.heard.append(message)
        return self.answer if message.kind == "click" else None

    async def live(self, stop: asyncio.Event, first: Send) -> None:
        async with httpx.AsyncClient(base_url=self.sim.url, timeout=2, trust_env=False) as http:
            state = self.sim.state
            secrets = Secrets(state.app_key, state.app_secret, state.robot_code, state.corp)
            dingtalk = DingTalk(secrets, Setup("stream", OURS.id), http, http, Memory(self.sim.clock), LABELS, self.sim.clock)
            dingtalk.wire.ping_every = dingtalk.wire.pong_within = self.pings
            dingtalk.wire.quiet = self.quiet
            await dingtalk.do(first, "k1")
            listening = asyncio.create_task(dingtalk.listen(self.hear))
            await stop.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def within(seconds: float, happened: Callable[[], Any]) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextmanager
def living(product: Product) -> Iterator[None]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    before = len(product.sim.wire.connections)
    whole = product.live(stop, Send(Outgoing("", CARD), chat=ROOM))
    thread = threading.Thread(target=lambda: loop.run_until_complete(whole))
    thread.start()
    try:
        within(10, lambda: len(product.sim.wire.connections) > before)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        sim.add_person("dlina", "李娜")
        sim.add_person("dwudi", "吴迪")
        sim.add_chat("值班", ("dlina", "dwudi"), chat_id=ROOM)
        yield sim
        assert sim.oddities == []


@pytest.fixture
def product(sim: Sim) -> Iterator[Product]:
    product = Product(sim)
    with living(product):
        yield product


def test_what_people_say_is_heard_once_each(product: Product) -> None:
    lina = product.sim.person("dlina")
    lina.says(ROOM, "/定级 二级", mention=("dwudi",))
    lina.says("", "我的任务")
    lina.sends_file("", "日志.zip", b"x")
    lina.adds(ROOM, "dwudi")
    product.sim.advance(minutes=10)
    assert [(one.kind, one.chat_kind, one.chat, one.addressed) for one in product.heard] == [
        ("text", "group", ROOM, True), *[("text", "direct", "user:dlina", True)] * 2,
    ]  # fmt: skip
    assert [one for _, one in product.heard[0].mentioned] == ["dwudi"]
    assert product.heard[2].attached[0].name == "日志.zip"
    assert not any(one.unsigned for one in product.heard)
    assert all(delivery.problems == [""] for delivery in product.sim.deliveries.sent)


def test_taps_are_answered_with_the_new_card(product: Product) -> None:
    (card,) = product.sim.said
    wudi, lina = product.sim.person("dwudi"), product.sim.person("dlina")
    picked = wudi.taps(card, "转派")
    assert (picked.problem, picked.updated) == ("", True)
    assert wudi.seen(card) == "行情中断\n李娜 已认领\n已认领"
    assert lina.seen(card) == "行情中断\n李娜 已认领", "what was said to one is read by nobody else"
    assert wudi.presses(card) == {}
    (heard,) = product.heard
    assert (heard.kind, heard.text, heard.version, heard.sender, heard.chat) == ("click", "/task assign T1", 3, "dwudi", ROOM)
    assert heard.reply_to == card.track


def test_a_group_that_is_dissolved_is_told(product: Product) -> None:
    product.sim.person("dlina").dissolves(ROOM)
    assert [(one.kind, one.chat) for one in product.heard] == [("left", ROOM)]


def test_what_could_not_be_kept_comes_again_and_is_the_same_event(product: Product) -> None:
    product.fails = 1
    product.sim.person("dlina").says("", "x")
    product.sim.person("dlina").says("", "y")
    product.sim.advance(seconds=60)
    product.sim.deliveries.duplicates = 1.0
    product.sim.person("dlina").says("", "z")
    product.sim.advance(seconds=60)
    assert [one.text for one in product.heard] == ["y", "x", "z", "z"]
    assert product.heard[2].event_id == product.heard[3].event_id, "the house drops the second"
    product.fails = 1
    product.sim.person("dlina").dissolves(ROOM)
    product.sim.advance(seconds=60)
    assert product.heard[-1].kind == "left"


def test_what_is_of_another_organisation_is_refused(product: Product) -> None:
    product.sim.state.corp = "another"
    product.sim.person("dlina").says("", "x")
    assert product.heard == []
    assert product.sim.deliveries.sent[-1].problems == ["acknowledged with 400"]


def test_the_gateways_pings_are_echoed(product: Product) -> None:
    assert product.sim.ping_connections() == [True]


def test_it_comes_back_after_a_dropped_connection(product: Product) -> None:
    product.sim.drop_connections()
    within(5, lambda: not product.sim.wire.connections)
    within(10, lambda: product.sim.wire.connections)
    product.sim.person("dlina").says("", "又在了")
    assert product.heard[0].text == "又在了"


def test_it_comes_again_when_the_gateway_asks_it_to_and_loses_nothing(product: Product) -> None:
    before = {held.id for held in product.sim.wire.connections}
    product.sim.ask_to_reconnect(grace=0.5)
    within(10, lambda: {held.id for held in product.sim.wire.connections} - before)
    product.sim.person("dlina").says("", "又在了")
    assert [one.text for one in product.heard] == ["又在了"]


def test_a_connection_that_is_silently_dead_is_noticed_within_a_minute() -> None:
    assert wire.PING_EVERY + wire.PONG_WITHIN + wire.FAREWELL < 60


def test_a_silent_connection_is_left_for_a_new_one(sim: Sim) -> None:
    product = Product(sim)
    product.pings = 0.2
    with living(product):
        before = {held.id for held in sim.wire.connections}
        sim.silence_connections()
        within(10, lambda: {held.id for held in sim.wire.connections} - before)


def test_a_connection_to_which_nothing_is_given_any_more_is_left_for_a_new_one_though_it_answers_pings(sim: Sim) -> None:
    product = Product(sim)
    product.quiet = 1.0
    with living(product):
        before = {held.id for held in sim.wire.connections}
        sim.forget_connections()
        sim.person("dlina").says("", "有人吗")
        within(10, lambda: {held.id for held in sim.wire.connections} - before)
        sim.advance(seconds=60)
        assert [one.text for one in product.heard] == ["有人吗"], "it comes again after a minute, to the new one"


def test_what_comes_keeps_a_connection(sim: Sim) -> None:
    product = Product(sim)
    product.quiet = 1.0
    with living(product):
        before = {held.id for held in sim.wire.connections}
        for _ in range(8):
            assert sim.ping_connections() == [True]
            time.sleep(0.2)
        assert {held.id for held in sim.wire.connections} == before
    assert wire.QUIET >= 3600, "each new one may be a call of the month"


@pytest.mark.parametrize("restless", ["closed", "disconnect"])
def test_a_gateway_that_sends_everybody_away_at_once_is_asked_calmly(sim: Sim, restless: str) -> None:
    """It would be asked as fast as the network allows, and DingTalk blocks an address that calls too often."""
    product = Product(sim)
    with living(product):
        sim.wire.restless = restless
        sim.drop_connections()
        time.sleep(4)
        assert 1 < sim.wire.came <= 4
        sim.wire.restless = ""
        within(20, lambda: sim.wire.connections)
        sim.person("dlina").says("", "又在了")
        assert [one.text for one in product.heard] == ["又在了"]


def test_several_replicas_each_hold_their_own(sim: Sim) -> None:
    one, other = Product(sim), Product(sim)
    with living(one), living(other):
        for number in range(6):
            sim.person("dlina").says("", f"第{number}句")
    assert len(one.heard) == len(other.heard) == 3
    assert {said.text for said in (*one.heard, *other.heard)} == {f"第{number}句" for number in range(6)}


def test_a_wrong_secret_is_said_and_tried_again_calmly(sim: Sim) -> None:
    async def work() -> str:
        async with httpx.AsyncClient(base_url=sim.url, timeout=2, trust_env=False) as http:
            secrets = Secrets(sim.state.app_key, "wrong", sim.state.robot_code)
            dingtalk = DingTalk(secrets, Setup("stream"), http, http, Memory(sim.clock), LABELS, sim.clock)
            listening = asyncio.create_task(dingtalk.listen(Product(sim).hear))
            while "SECRET" not in dingtalk.wire.trouble:  # noqa: ASYNC110 nobody tells us
                await asyncio.sleep(0.01)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            return dingtalk.wire.trouble

    assert "DINGTALK_CLIENT_SECRET" in asyncio.run(asyncio.wait_for(work(), 10))
