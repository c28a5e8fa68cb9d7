"""Messengers throttle at full and half hours: what is not urgent stays out of that minute, in its order; what is urgent does not wait."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from bot.platforms.core.budget import off_the_hour
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.outbox import PRIORITY
from storage.tables.queues import OutboxRow
from tests.feishu_firm import Firm, firm_on_feishu
from tests.simulators.feishu.tenant import open_id

HOUR = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
CALM = ("reminder", "digest")


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_feishu(tmp_path) as firm:
        yield firm


def test_the_second_minute_is_spread_over_and_every_replica_says_the_same() -> None:
    for minute in (0, 30):
        begun = HOUR.replace(minute=minute)
        leaves = [off_the_hour(begun + timedelta(seconds=second), f"key:{second}") for second in range(60)]
        assert all(one is not None and timedelta(seconds=60) <= one - begun < timedelta(seconds=120) for one in leaves)
        assert len(set(leaves)) > 25, "not all at one moment"
    assert off_the_hour(HOUR, "k") == off_the_hour(HOUR + timedelta(seconds=59.9), "k"), "by its key alone"
    assert off_the_hour(HOUR, "I1:4:incident.updated:feishu:oc_1") == HOUR + timedelta(seconds=68)
    others = (HOUR + timedelta(minutes=minute) for minute in range(60) if minute % 30)
    assert [one for one in others if off_the_hour(one, "k")] == []


def put(firm: Firm, key: str, rank: str, lane: str) -> None:
    said, chat, now = plain(Outgoing(key)), firm.sim.direct(open_id("li.na")).id, firm.sim.clock()

    def work(tx: Any) -> None:
        outbox.enqueue_reply(tx, key=key, platform="feishu", chat=chat, said=said, incident=None, now=now)
        row = tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one()
        row.priority, row.lane = PRIORITY[rank], lane

    firm.parts.database.write(work)


@pytest.mark.parametrize("minute", [0, 30])
def test_in_the_first_minute_only_what_is_urgent_leaves(firm: Firm, minute: int) -> None:
    firm.sim.clock.at = HOUR.replace(minute=minute)
    for rank in PRIORITY:
        put(firm, f"a-{rank}", rank, "one line" if rank != "copy" else "news")
    firm.settle()
    assert set(firm.direct("li.na")) == {f"a-{rank}" for rank in PRIORITY if rank not in CALM}
    firm.sim.clock.at = HOUR.replace(minute=minute, second=50)
    for rank in CALM:
        put(firm, f"b-{rank}", rank, "one line")
    firm.settle()
    firm.sim.clock.at = HOUR.replace(minute=minute + 1)
    put(firm, "c-digest", "digest", "one line")
    firm.settle()
    firm.passes(minutes=2)
    calm = [message for message in firm.sim.said if message.text.split("-")[1] in CALM]
    # No later one overtakes: `c` came when the first minute was over, and stands behind what rests.
    assert [message.text for message in calm] == [*(f"a-{rank}" for rank in CALM), *(f"b-{rank}" for rank in CALM), "c-digest"]
    assert all(message.at >= HOUR.replace(minute=minute + 1) for message in calm)
    assert all(message.at < HOUR.replace(minute=minute + 3) for message in calm), "and none is forgotten"


def test_at_any_other_time_nothing_rests(firm: Firm) -> None:
    firm.sim.clock.at = HOUR.replace(minute=29, second=50)
    for rank in PRIORITY:
        put(firm, f"a-{rank}", rank, f"line of {rank}")
    firm.settle()
    assert len([text for text in firm.direct("li.na") if text.startswith("a-")]) == len(PRIORITY)


def test_a_reminder_that_rested_replaces_the_older_one_all_the_same(firm: Firm) -> None:
    """The line beside its own is the same line for whoever asks what is live."""
    firm.sim.clock.at = HOUR.replace(minute=30, second=10)  # figures are asked for again every half hour
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.passes(minutes=100)
    rows = firm.parts.database.read(lambda tx: tx.exec(select(OutboxRow).where(OutboxRow.kind == "notice")).all())
    reminders = [row for row in rows if row.about.get("notice") == "incident.rescore_due" and row.message_id]
    assert len(reminders) > 1
    assert any(row.lane.startswith("rest:") for row in reminders), "some rested"
    live: dict[tuple[str | None, str], int] = {}
    for row in reminders:
        if not row.superseded:
            key = (row.ref, row.lane.removeprefix("rest:"))
            live[key] = live.get(key, 0) + 1
    assert set(live.values()) == {1}, "one live reminder per item and reader"
