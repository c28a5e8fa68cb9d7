"""Two servers of one firm on PostgreSQL before WeCom: each event is handled once, each message said once, one of them holds the robot."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import DONE, OutboxRow
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import Firm, two_on_wecom


@pytest.fixture
def firms(postgres_url: str, tmp_path: Path) -> Iterator[tuple[Firm, Firm]]:
    with two_on_wecom(tmp_path, "both", postgres_url) as both:
        yield both
        sim = both[0].sim
        assert sim.oddities == []
        assert sim.dropped == []


def left(firm: Firm) -> list[tuple[str, str, str | None]]:
    late = select(OutboxRow).where(col(OutboxRow.status) != DONE, col(OutboxRow.due) <= firm.clock())
    return firm.parts.database.read(lambda tx: [(row.key, row.status, row.error) for row in tx.exec(late).all()])


def speaks(firm: Firm, chats: list[str], count: int) -> None:
    """So many words of the bot that wait for each of these chats."""

    def work(tx: Transaction) -> None:
        for number in range(count):
            for chat in chats:
                said, now = asdict(Outgoing(f"第{number}条")), firm.clock()
                outbox.enqueue_reply(tx, key=f"{chat}:{number}", platform="wecom", chat=chat, said=said, incident=None, now=now)

    firm.parts.database.write(work)


def test_each_message_once_below_the_limits_and_the_robot_by_whoever_holds_it(firms: tuple[Firm, Firm]) -> None:
    one, _ = firms
    sim = one.sim
    assert len(sim.wire.connections) == 1
    assert len(sim.frames("aibot_subscribe")) == 1
    group = sim.add_group("值班", [userid("li.na")], chat_id="wrDuty")
    one.says("li.na", "/帮助", group)
    before = len(group.messages)
    people = [userid(person) for person in ("li.na", "wang.qiang", "zhao.min")]
    speaks(one, [*(f"app:{person}" for person in people), "wrDuty"], 20)
    for _ in range(40):
        one.settle()
        if not left(one):
            break
        one.clock.push(seconds=11)
        time.sleep(0.1)
    wanted = Counter(f"第{number}条" for number in range(20))
    for person in people:
        assert Counter(m.text for m in sim.person(person).app.messages if m.sender == "app") == wanted
    assert Counter(m.text for m in group.messages[before:] if m.sender == "robot") == wanted
    assert len(sim.frames("aibot_subscribe")) == 1, "nobody fights for the connection"


def test_an_incident_of_both_is_opened_once(firms: tuple[Firm, Firm]) -> None:
    one, _ = firms
    one.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    for _ in range(20):
        one.settle()
        if not left(one):
            break
        time.sleep(0.1)
    assert len([chat for chat in one.sim.state.chats.values() if "INC-" in chat.name]) == 1
    mine = [m.text for m in one.player("wang.qiang").app.messages if m.kind == "template_card"]
    assert len([text for text in mine if "我的任务" in text]) == 1
