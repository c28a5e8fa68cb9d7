"""Feishu is away for a minute while five hundred messages wait: nobody is left without word, and all of it arrives in its order."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.outbox import PRIORITY
from storage.tables.queues import BURIED, OutboxRow
from tests.feishu_firm import Firm, firm_on_feishu
from tests.letterbox import Letterbox
from tests.simulators.feishu.tenant import open_id

WAITING = 500


@pytest.fixture
def firm(tmp_path: Path, letterbox: tuple[Letterbox, int]) -> Iterator[Firm]:
    names = {"SMTP_URL": f"smtp://127.0.0.1:{letterbox[1]}", "SMTP_FROM": "gengfu@example.com"}
    with firm_on_feishu(tmp_path, also=names) as firm:
        yield firm


def _waiting(firm: Firm) -> None:
    """Five hundred messages of all priorities to thirty chats, the least urgent first."""
    chats = [firm.sim.add_chat(f"群 {number}", [open_id("li.na")]).id for number in range(30)]
    ranks = sorted(PRIORITY.values(), reverse=True)
    now = firm.sim.clock()

    def work(tx: Transaction) -> None:
        for number in range(WAITING):
            rank = ranks[number * len(ranks) // WAITING]
            said = asdict(Outgoing(f"第 {number} 条,优先级 {rank}"))
            key, chat = f"wait:{number}", chats[number % len(chats)]
            outbox.enqueue_reply(tx, key=key, platform="feishu", chat=chat, said=said, incident=None, now=now)
            row = tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one()
            row.priority, row.lane = rank, key

    firm.parts.database.write(work)


def test_a_minute_without_feishu(firm: Firm, letterbox: tuple[Letterbox, int]) -> None:
    box, _ = letterbox
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.passes(minutes=4, seconds=30)
    firm.sim.faults.outage(60)
    _waiting(firm)
    firm.passes(seconds=50)  # the first reminders fall due at 09:05
    told = [letter for letter in box.to("li.na@example.com") if "T1" in letter]
    assert told, "the duty officer was reached another way"
    assert "飞书暂时不通" in told[0]


def test_all_of_it_arrives_the_most_urgent_first(firm: Firm, letterbox: tuple[Letterbox, int]) -> None:
    firm.passes(minutes=3)  # off the hour, when what is not urgent would rest for reasons of its own
    firm.sim.faults.outage(60)
    _waiting(firm)
    start = firm.sim.clock()
    firm.passes(seconds=50)
    assert [message for message in firm.sim.said if "优先级" in message.text] == []
    firm.passes(minutes=3)
    arrived = [message for message in firm.sim.said if "优先级" in message.text]
    assert len(arrived) == WAITING
    assert len({message.text for message in arrived}) == WAITING, "and none twice"
    order = [int(message.text[-1]) for message in arrived]
    # What goes side by side may overtake; over the seconds, nothing less urgent goes first.
    last = {rank: max(message.at for message in arrived if message.text.endswith(str(rank))) for rank in set(order)}
    first = {rank: min(message.at for message in arrived if message.text.endswith(str(rank))) for rank in set(order)}
    assert all(last[rank] - first[rank + 1] <= timedelta(seconds=1) for rank in sorted(set(order))[:-1])
    assert not [one for one in firm.sim.requests if one.code == 99991400 and not one.fault], "within Feishu's own limits"
    assert arrived[-1].at - start < timedelta(minutes=3)
    assert _buried(firm) == []


def _buried(firm: Firm) -> list[Any]:
    return firm.parts.database.read(lambda tx: [row.key for row in tx.exec(select(OutboxRow).where(col(OutboxRow.status) == BURIED))])
