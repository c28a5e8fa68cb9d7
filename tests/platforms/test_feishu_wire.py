"""The adapter on the stand-in's long connection: what it hears, how it answers taps, and that it comes back."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from bot.platforms.core.contract import Receipt, Send
from bot.platforms.feishu.adapter import Feishu
from bot.platforms.feishu.inbound import Secrets
from handlers.core.message import Button, Card, Field, Message, Outgoing, Reply
from tests.platforms.test_feishu_outbound import LABELS, Memory
from tests.simulators.feishu import Sim

FORM = (
    Field("level", "级别", "choice", options=(("1", "一级"), ("2", "二级"))),
    Field("at", "何时", "time"),
    Field("text", "说明", "long"),
)
CARD = Card(
    "行情中断",
    buttons=(Button("认领", "/task claim T1", 3), Button("定级", "/incident grade I1", 4, form=FORM)),
    menu=(Button("转派", "/task assign T1", 3),),
)


class Product:
    """The adapter in a loop of its own; `answer` is what a click is answered with."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.heard: list[Message] = []
        self.receipts: list[Receipt] = []
        self.answer = Reply("已认领", card=Card("行情中断", note="李娜 已认领"))
        self.fails = 0

    async def hear(self, message: Message | Receipt) -> Reply | None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the database is away")
        if isinstance(message, Receipt):
            self.receipts.append(message)
            return None
        self.heard.append(message)
        return self.answer if message.kind == "click" else None

    async def live(self, stop: asyncio.Event, *, first: Send) -> None:
        async with httpx.AsyncClient(base_url=self.sim.url, timeout=2, trust_env=False) as http:
            secrets = Secrets(self.sim.state.app_id, tenant_key=self.sim.state.tenant)
            feishu = Feishu(secrets, self.sim.state.app_secret, http, Memory(self.sim.clock), LABELS, self.sim.clock, "ws")
            await feishu.do(first, "k1")
            listening = asyncio.create_task(feishu.listen(self.hear))
            await stop.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def within(seconds: float, happened: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextmanager
def living(product: Product) -> Iterator[None]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    whole = product.live(stop, first=Send(Outgoing("", CARD), chat="oc_room"))
    thread = threading.Thread(target=lambda: loop.run_until_complete(whole))
    thread.start()
    try:
        within(10, lambda: bool(product.sim.wire.connections))
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def product() -> Iterator[Product]:
    with Sim() as sim:
        sim.add_person("ou_lina", "李娜")
        sim.add_person("ou_wang", "王强")
        sim.add_chat("值班", ("ou_lina", "ou_wang"), chat_id="oc_room")
        sim.wire.fragment = 150
        product = Product(sim)
        with living(product):
            yield product
        assert sim.oddities == []


def test_what_people_say_is_heard_once_each(product: Product) -> None:
    lina = product.sim.person("ou_lina")
    lina.says("oc_room", "/定级 二级", mention_bot=True, mention=("ou_wang",))
    lina.says_post("oc_room", ["/定级 阅读=120万", "热榜=前50"], mention_bot=True)
    lina.says("", "我的任务")
    lina.sends_file("", "日志.txt", b"x")
    lina.enters()
    assert product.receipts == [], "there is nothing to read yet"
    direct = product.sim.state.direct("ou_lina")
    said = product.sim.state.post(direct, "text", '{"text": "请确认"}', product.sim.state.app_id)
    assert lina.reads() == [said.id]
    assert [(one.platform, one.state, one.messages) for one in product.receipts] == [("feishu", "read", (said.id,))]
    texts = [(one.kind, one.chat_kind, one.addressed) for one in product.heard]
    assert texts == [("text", "group", True), ("text", "group", True), *[("text", "direct", True)] * 2, ("entered", "direct", False)]
    assert [one for _, one in product.heard[0].mentioned] == ["ou_wang"]
    assert product.heard[1].text.split() == ["/定级", "阅读=120万", "热榜=前50"]
    assert product.heard[3].attached[0].name == "日志.txt"
    assert all(delivery.problems == [""] for delivery in product.sim.deliveries.events)


def test_taps_forms_and_menus_are_answered(product: Product) -> None:
    (card,) = product.sim.said
    wang = product.sim.person("ou_wang")
    picked = wang.picks(card, "转派")
    assert (picked.problem, picked.updated, card.card.buttons) == (0, True, [])
    card.content = card.history[0]
    filled = wang.submits(card, "form0", {"f0_level": "二级", "f0_at": "2026-03-02 10:30", "f0_text": "一\n二"})
    card.content = card.history[0]
    tapped = wang.taps(card, "认领")
    assert (filled.problem, tapped.problem, tapped.toast, tapped.toast_type) == (0, 0, "已认领", "success")
    assert [(one.text, one.version) for one in product.heard] == [
        ("/task assign T1", 3), ("/incident grade I1", 4), ("/task claim T1", 3)
    ]  # fmt: skip
    assert product.heard[1].fields == {"level": "2", "at": "2026-03-02T10:30+08:00", "text": "一\n二"}
    assert product.heard[1].sender == "ou_wang"


def test_what_could_not_be_kept_comes_again(product: Product) -> None:
    product.fails = 1
    said = product.sim.person("ou_lina").says("", "x")
    assert product.heard == []
    product.sim.advance(seconds=15)
    assert [said.id in one.event_id for one in product.heard] == [True]
    assert product.sim.deliveries.events[0].problems == ["acknowledged with 500", ""]


def test_it_comes_back_after_a_dropped_connection(product: Product) -> None:
    within(5, lambda: product.sim.wire.pings == 1)
    product.sim.drop_connections()
    within(5, lambda: not product.sim.wire.connections)
    within(10, lambda: bool(product.sim.wire.connections))
    product.sim.person("ou_lina").says("", "又在了")
    assert product.heard[0].text == "又在了"
    within(5, lambda: product.sim.wire.pings == 2)
