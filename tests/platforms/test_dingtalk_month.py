"""The quota of the standard edition in simulated time: counted, forecast, told of in time, spent on what matters."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select

from bot.clock import _duty
from bot.months import Use, _out, uses
from bot.platforms.core.budget import month_of
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Transaction
from storage.outbox import PRIORITY
from storage.shelf import DatabaseShelf
from storage.tables.queues import OutboxRow
from tests.dingtalk_firm import Firm, firm_on_dingtalk, staff_id
from tests.world import SMALL_PLAN
from workflows.core.people import Firm as House
from workflows.core.people import Organization

CALLS, MESSAGES = 400, 60
AT = datetime(2026, 3, 2, tzinfo=UTC)
CHANGE = "PUT /v1.0/card/instances"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    for source in SMALL_PLAN.rglob("*"):
        if source.is_file():
            target = folder / source.relative_to(SMALL_PLAN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    file = folder / "organization.toml"
    quotas = f"\n[monthly_calls]\ndingtalk = {CALLS}\n\n[monthly_messages]\ndingtalk = {MESSAGES}\n"
    file.write_text(file.read_text("utf-8") + quotas, "utf-8")
    return folder


@pytest.fixture
def firm(tmp_path: Path, plan: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path, plan=plan) as firm:
        firm.sim.state.calls.limit, firm.sim.state.inbound.limit = CALLS, MESSAGES
        firm.passes(minutes=3)
        yield firm


def used(firm: Firm) -> dict[str, Use]:
    spent = lambda name, key: DatabaseShelf(firm.parts.database, name, firm.sim.clock).spent(key)  # noqa: E731
    found = uses(["dingtalk"], spent, firm.parts.plans.organization, firm.parts.words.zone, firm.sim.clock())
    return {use.what: use for use in found}


def looks(firm: Firm) -> None:
    """The hourly look."""
    firm.parts.database.write(lambda tx: _duty(firm.parts, tx))
    firm.settle()


def spend(firm: Firm, times: int) -> None:
    async def work() -> None:
        for _ in range(times):
            await firm.parts.worker.sender.months["dingtalk"].count()

    asyncio.run(work())


def put(firm: Firm, key: str, rank: str) -> None:
    said, chat, now = plain(Outgoing(f"{key} {rank}")), f"user:{staff_id('li.na')}", firm.sim.clock()

    def work(tx: Transaction) -> None:
        outbox.enqueue_reply(tx, key=key, platform="dingtalk", chat=chat, said=said, incident=None, now=now)
        row = tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one()
        row.priority, row.lane = PRIORITY[rank], key

    firm.parts.database.write(work)


def test_calls_and_messages_are_counted_as_dingtalk_counts_them(firm: Firm) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.taps("wang.qiang", "认领 T6")
    found = used(firm)
    assert found["calls"].used == firm.sim.state.calls.used > 10
    assert found["messages"].used == 2, "what was said, and the tap"


def test_a_month_is_played_and_what_matters_reaches_people_to_its_end(firm: Firm) -> None:
    """Four incidents too many for the standard edition: told at seven tenths, what is calm waits at nine, what is urgent goes."""
    alarms: list[str] = []
    for number in range(1, 60):
        firm.says("li.na", f"/事件 上报 类型=系统故障 第{number}起")
        looks(firm)
        alarms = [said for said in firm.direct("han.tao") if "调用额度已用" in said]
        if used(firm)["calls"].percent >= 90:
            break
        firm.passes(minutes=7)
    assert used(firm)["calls"].used == firm.sim.state.calls.used
    assert any(said.split("已用 ")[1][:3] >= "70%" for said in alarms), alarms
    assert len(alarms) <= 2, "once at seven tenths, once at nine"
    put(firm, "calm", "digest")
    put(firm, "urgent", "approval")
    firm.settle()
    texts = firm.direct("li.na")
    assert any(text.startswith("urgent") for text in texts)
    assert not any(text.startswith("calm") for text in texts)
    changes = len(firm.sim.calls(CHANGE))
    firm.says("li.na", "/任务 认领 T1")
    assert len(firm.sim.calls(CHANGE)) == changes, "cards keep their old face"
    assert firm.sim.state.calls.used <= CALLS, "DingTalk itself had to refuse nothing"
    firm.sim.clock.at = month_of(firm.sim.clock(), firm.parts.words.zone)[1]
    firm.passes(hours=1)
    assert any(text.startswith("calm") for text in firm.direct("li.na")), "with the new month it goes"


def test_in_a_month_that_runs_ahead_changes_of_a_card_are_gathered(firm: Firm) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    spend(firm, CALLS // 5)
    room = firm.room("INC-")
    before = len(firm.sim.calls(CHANGE))
    for number in range(5):
        firm.says("li.na", f"/事件 进展 I1 第{number}步", room)
        firm.sim.clock.push(seconds=5)
    firm.settle()
    during = len(firm.sim.calls(CHANGE)) - before
    firm.passes(minutes=3)
    after = len(firm.sim.calls(CHANGE)) - before
    card = next(message for message in room.messages if message.kind == "card")
    assert "第4步" in firm.player("li.na").seen(card), "the last word stands in the end"
    assert during <= 2
    assert after <= 4


def test_messages_that_run_out_are_told_of_before(firm: Firm) -> None:
    for number in range(45):
        firm.player("li.na").says("", f"/帮助 {number}")
    firm.settle()
    looks(firm)
    looks(firm)
    alarms = [said for said in firm.direct("han.tao") if "消息额度已用" in said]
    assert len(alarms) == 1


def test_the_forecast_says_when_it_ends() -> None:

    zone = ZoneInfo("Asia/Shanghai")
    begins = datetime(2026, 3, 1, tzinfo=zone).astimezone(UTC)
    assert _out(1000, 5000, begins + timedelta(days=2), zone) == begins + timedelta(days=10)
    assert _out(1000, 5000, begins + timedelta(days=8), zone) is None, "it lasts"
    assert _out(400, 5000, begins + timedelta(days=1), zone) is None, "too little to go by"
    assert _out(6000, 5000, begins + timedelta(days=20), zone) == begins + timedelta(days=20), "it is over"


def test_quotas_of_the_plan_go_before_the_built_in_ones() -> None:
    organization = Organization(House("x"), {}, {}, {"dingtalk": 205_000}, {"dingtalk": 53_000})

    found = list(uses(["dingtalk", "feishu"], lambda name, key: 0, organization, ZoneInfo("Asia/Shanghai"), AT))
    assert [(use.platform, use.what, use.most) for use in found] == [
        ("dingtalk", "calls", 205_000), ("dingtalk", "messages", 53_000), ("feishu", "calls", 1_000_000),
    ]  # fmt: skip
