"""Two servers of one firm on PostgreSQL before Feishu: each event is handled once, each message said once, within the limits together."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import DONE, InboxRow, OutboxRow
from tests.feishu_firm import Firm, Mode, two_on_feishu
from tests.simulators.feishu.state import Chat
from tests.simulators.feishu.tenant import open_id

MESSAGES = "POST /open-apis/im/v1/messages"
#: What Feishu answers to whom is too fast.
TOO_FAST = (99991400, 230020)


@pytest.fixture(params=["http", "ws"])
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


@pytest.fixture
def firms(mode: Mode, postgres_url: str, tmp_path: Path) -> Iterator[tuple[Firm, Firm]]:
    with two_on_feishu(tmp_path, mode, postgres_url) as both:
        yield both
        sim = both[0].sim
        assert sim.oddities == []
        assert [one.code for one in sim.requests if one.code in TOO_FAST] == []


def delivered(firm: Firm) -> float:
    """How many deeds this server has done."""
    return counted(firm, "gengfu_deliveries_total")


def counted(firm: Firm, name: str) -> float:
    return firm.parts.metrics.registry.get_sample_value(name, {"platform": "feishu", "result": "done"}) or 0.0


def left(firm: Firm) -> list[tuple[str, str, str | None]]:
    late = select(OutboxRow).where(col(OutboxRow.status) != DONE, col(OutboxRow.due) <= firm.sim.clock())
    return firm.parts.database.read(lambda tx: [(row.key, row.status, row.error) for row in tx.exec(late).all()])


def speaks(firm: Firm, chats: list[Chat], count: int) -> None:
    """So many words of the bot that wait for each of these chats."""

    def work(tx: Transaction) -> None:
        for number in range(count):
            for chat in chats:
                said, now = asdict(Outgoing(f"第{number}条")), firm.sim.clock()
                outbox.enqueue_reply(tx, key=f"{chat.id}:{number}", platform="feishu", chat=chat.id, said=said, incident=None, now=now)

    firm.parts.database.write(work)


def texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.messages]


def test_each_event_and_each_message_once(firms: tuple[Firm, Firm]) -> None:
    firm, _ = firms
    firm.sim.deliveries.duplicates = 1.0  # and every event comes to both
    firm.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    room = firm.room("INC-")
    firm.taps("wang.qiang", "认领 T6")
    firm.submits("wang.qiang", "完成 T6", "我的任务", text="备用链路稳定")
    for number in range(4):
        firm.says("li.na", f"/事件 进展 I1 第{number}步", room)
    firm.taps("zhao.min", "核实 T6")

    assert len([chat for chat in firm.sim.state.chats.values() if chat.kind == "group"]) == 1
    assert len([message for message in room.messages if message.kind == "interactive"]) == 1
    assert [text.split(":")[1].split("\n")[0] for text in texts(room) if "I1 进展(" in text] == [f"第{number}步" for number in range(4)]
    assert Counter(verb for _, verb, _ in firm.trail("T6")) == Counter(["opened", "claimed", "done", "verified"])
    assert [verb for _, verb, _ in firm.trail("I1")].count("updated") == 4
    arrived = [problem for delivery in firm.sim.deliveries.events for problem in delivery.problems]
    assert arrived == [""] * 2 * len(firm.sim.deliveries.events), "each was taken twice"
    assert sum(counted(one, "gengfu_events_total") for one in firms) == 5, "and worked off once"
    events = firm.parts.database.read(
        lambda tx: [row.status for row in tx.exec(select(InboxRow).where(col(InboxRow.platform) == "feishu"))]
    )
    assert events == [DONE] * len(events)
    assert min(delivered(one) for one in firms) > 0, "both did their part"
    assert left(firm) == []


def test_both_together_stay_within_the_limits(firms: tuple[Firm, Firm]) -> None:
    firm, _ = firms
    chats = [firm.sim.add_chat(f"群 {number}", [open_id("li.na")]) for number in range(20)]
    speaks(firm, chats, 10)
    firm.settle()
    firm.passes(minutes=2)
    assert [texts(chat) for chat in chats] == [[f"第{number}条" for number in range(10)]] * 20
    assert min(delivered(one) for one in firms) >= 40, "both did their part"
    assert left(firm) == []


@pytest.mark.parametrize("mode", ["http"])
def test_what_a_server_held_when_it_was_dropped_is_said_by_the_other(firms: tuple[Firm, Firm]) -> None:
    dropped, firm = firms
    chats = [firm.sim.add_chat(f"群 {number}", [open_id("li.na")]) for number in range(8)]
    speaks(firm, chats, 3)
    firm.sim.faults.add(MESSAGES, "hang", times=3)  # these it never said
    firm.sim.faults.add(MESSAGES, "delay", times=3, seconds=0.5)  # these were said, and it never heard so
    dropped.beside, firm.beside = [], []
    working = dropped.begins()
    until(lambda: len(firm.sim.calls(MESSAGES)) >= 6)
    with dropped.frozen():
        until(lambda: len([chat for chat in chats if chat.messages]) >= 3)
        firm.settle()
        assert sum(len(chat.messages) for chat in chats) < 24, "what the other holds is its own, for now"
        firm.sim.clock.push(seconds=91)
        firm.settle()
        firm.passes(seconds=30)
        assert [texts(chat) for chat in chats] == [["第0条", "第1条", "第2条"]] * 8
        assert left(firm) == []
    dropped.parts.worker.sender.deed_limit = 0.1
    working.result(60)
    assert [texts(chat) for chat in chats] == [["第0条", "第1条", "第2条"]] * 8, "it wakes, and has lost what it held"
    assert left(firm) == []


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)
