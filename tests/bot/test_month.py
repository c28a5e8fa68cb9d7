"""A vendor's calendar month: counted by all replicas, its last tenth kept for what is urgent, and seen before it is used up."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import SQLModel, col, select

from bot.config import read_settings
from bot.doctor import Doctor
from bot.platforms.core.budget import Budget, Limit, Month, month_of
from bot.platforms.core.contract import TryLater
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Database
from storage.outbox import PRIORITY
from storage.shelf import DatabaseShelf
from storage.tables.queues import OutboxRow
from storage.tables.shelf import SHELF
from tests.feishu_firm import Firm, firm_on_feishu
from tests.firm import KEYS
from tests.make import Clock
from tests.simulators.feishu.tenant import open_id
from tests.world import SMALL_PLAN

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(database: Database) -> Database:
    SQLModel.metadata.create_all(database.engine, tables=[SHELF])
    return database


def month(kept: Database, clock: Clock, most: int) -> Month:
    return Month(DatabaseShelf(kept, "feishu", clock), most, SHANGHAI, clock)


def counts(one: Month, times: int) -> None:
    async def work() -> None:
        for _ in range(times):
            await one.count()

    asyncio.run(work())


def test_the_month_is_the_firms_own() -> None:
    last = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    assert month_of(last, SHANGHAI)[0] == "budget:month:2026-11"
    key, ends = month_of(last + timedelta(minutes=1), SHANGHAI)
    assert (key, ends) == ("budget:month:2026-12", datetime(2027, 1, 1, tzinfo=SHANGHAI))


def test_nine_tenths_are_for_everything_and_the_rest_is_counted_on(kept: Database, clock: Clock) -> None:
    one = month(kept, clock, 100)
    assert not asyncio.run(one.low())
    counts(one, 90)
    assert not asyncio.run(one.low()), "nine tenths and not less"
    counts(one, 20)
    assert asyncio.run(one.low())
    assert DatabaseShelf(kept, "feishu", clock).spent(month_of(clock(), SHANGHAI)[0]) == 110, "what is urgent went, and was counted"
    assert asyncio.run(month(kept, clock, 100).low()), "a process that starts now knows it too"
    assert not asyncio.run(month(kept, clock, 1000).low()), "a higher quota counts at once"


def test_replicas_share_it_and_a_new_month_begins_with_the_calendar(kept: Database, clock: Clock) -> None:
    one, other = month(kept, clock, 100), month(kept, clock, 100)
    counts(one, 50)
    counts(other, 41)
    assert asyncio.run(other.low())
    counts(one, 1)
    assert asyncio.run(one.low())
    clock.now = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    assert asyncio.run(one.low()), "a window that began with the first call would have begun anew by now"
    clock.pass_time(minutes=1)
    assert not asyncio.run(one.low())
    assert not asyncio.run(month(kept, clock, 100).low())


def test_a_large_quota_is_taken_in_lots(kept: Database, clock: Clock) -> None:
    one = month(kept, clock, 1_000_000)
    counts(one, 3)
    assert DatabaseShelf(kept, "feishu", clock).spent(month_of(clock(), SHANGHAI)[0]) == 1000


def test_what_another_budget_refuses_is_not_counted(kept: Database, clock: Clock) -> None:
    shelf, one = DatabaseShelf(kept, "feishu", clock), month(kept, clock, 100)
    budget = Budget(shelf, clock, one)

    async def work() -> None:
        for _ in range(2):
            await budget.take([Limit("app:day", 1, DAY)])

    with pytest.raises(TryLater):
        asyncio.run(work())
    assert shelf.spent(month_of(clock(), SHANGHAI)[0]) == 1


# A firm whose month ends early


@pytest.fixture
def small_plan(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    for source in SMALL_PLAN.rglob("*"):
        if source.is_file():
            target = folder / source.relative_to(SMALL_PLAN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    file = folder / "organization.toml"
    file.write_text(file.read_text("utf-8") + "\n[monthly_calls]\nfeishu = 400\n", "utf-8")
    return folder


@pytest.fixture
def firm(tmp_path: Path, small_plan: Path) -> Iterator[Firm]:
    with firm_on_feishu(tmp_path, plan=small_plan) as firm:
        firm.passes(minutes=3)  # the stand-in's clock begins on the hour, when what is not urgent rests anyway
        yield firm


def spend(firm: Firm, times: int) -> None:
    counts(firm.parts.worker.sender.months["feishu"], times)


def rows(firm: Firm, **like: Any) -> list[OutboxRow]:
    found = firm.parts.database.read(lambda tx: tx.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all())
    return [row for row in found if all(getattr(row, name) == value for name, value in like.items())]


def put(firm: Firm, key: str, rank: str, lane: str = "") -> None:
    """A message to a chat of li.na's; those with the same lane wait in one line."""
    said, chat, now = plain(Outgoing(f"{key} {rank}")), firm.sim.direct(open_id("li.na")).id, firm.sim.clock()

    def work(tx: Any) -> None:
        outbox.enqueue_reply(tx, key=key, platform="feishu", chat=chat, said=said, incident=None, now=now)
        row = tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one()
        row.priority, row.lane = PRIORITY[rank], lane or key

    firm.parts.database.write(work)


def test_what_is_not_urgent_waits_and_what_is_urgent_overtakes_it(firm: Firm) -> None:
    spend(firm, 361)
    for rank in ("reminder", "digest", "copy"):
        put(firm, f"calm-{rank}", rank, "one line")
    firm.settle()
    for rank in ("clock", "approval", "reply", "assignment", "escalation"):
        put(firm, f"urgent-{rank}", rank, "one line")
    firm.settle()
    said = firm.direct("li.na")
    assert [text for text in said if text.startswith("calm")] == []
    assert {text.split()[1] for text in said if text.startswith("urgent")} == {"clock", "approval", "reply", "assignment", "escalation"}
    assert "飞书本月的调用额度只剩紧急部分:3 条不急的消息" in firm.says("han.tao", "/管理 队列")
    firm.passes(hours=30)
    waiting = [row for row in rows(firm) if row.key.startswith("calm")]
    assert {(row.status, row.attempt) for row in waiting} == {("waiting", 0)}, "waiting is not failing"
    firm.sim.clock.at = month_of(firm.sim.clock(), SHANGHAI)[1]
    firm.settle()
    firm.passes(minutes=3)
    assert [text.split()[1] for text in firm.direct("li.na") if text.startswith("calm")] == ["reminder", "digest", "copy"], "in their order"


def test_the_ladder_goes_on_without_its_reminders_and_cards_keep_their_old_face(firm: Firm) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.settle()
    spend(firm, 361)
    edits = len(firm.sim.calls("PATCH /im/v1/messages/:message_id"))
    firm.says("li.na", "/认领 T1")
    assert len(firm.sim.calls("PATCH /im/v1/messages/:message_id")) == edits, "edits wait"
    before = len(firm.sim.said)
    firm.passes(hours=1)
    later = [message.text for message in firm.sim.said[before:]]
    assert later, "escalations went all the same"
    held = [row for row in rows(firm, status="waiting") if (row.error or "").startswith("month:")]
    assert {row.kind for row in held} >= {"card"}
    assert {PRIORITY["reminder"]} & {row.priority for row in held if row.kind == "notice"}


def test_when_the_vendor_itself_refuses_the_road_around_is_taken(firm: Firm) -> None:
    spend(firm, 361)
    firm.sim.state.month_quota = 0
    for number in range(3):
        put(firm, f"urgent-{number}", "approval")
    firm.settle()
    assert "feishu" in firm.parts.worker.sender.troubles()
    assert "quota" in firm.parts.worker.sender.troubles()["feishu"]


def test_the_doctor_says_what_is_left(firm: Firm, tmp_path: Path) -> None:
    def says() -> str:
        names = {
            **KEYS, "GENGFU_DATABASE_URL": f"sqlite:///{tmp_path / 'gengfu.db'}", "GENGFU_PLAN_DIR": str(tmp_path / "plan"),
            "GENGFU_LOCALE": "en", "FEISHU_APP_ID": firm.sim.state.app_id, "FEISHU_APP_SECRET": firm.sim.state.app_secret,
            "FEISHU_MODE": "ws", "FEISHU_API_BASE": firm.sim.url,
        }  # fmt: skip
        lines: list[str] = []
        Doctor(read_settings(names, None), firm.sim.clock).run(lines.append)
        return next(line for line in lines if "quota: " in line)

    first = says()
    assert first.startswith("ok  quota: Feishu: ")
    assert "of the month's 400 calls" in first
    spend(firm, 281)
    assert says().startswith("attention  quota: Feishu: ")
    spend(firm, 81)
    put(firm, "calm", "copy")
    firm.settle()
    assert "1 messages that are not urgent wait for the next month" in says()
