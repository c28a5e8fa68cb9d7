"""Taken by the platform, arrived, read: three things that are kept apart; and none of them is an act of anybody."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from bot.metrics import Metrics
from bot.platforms.core.contract import Receipt
from bot.platforms.sms import signature
from bot.receipts import Receipts
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Database
from storage.outbox import PRIORITY
from storage.receipts import State, received, told
from storage.tables.queues import OutboxRow
from tests.bot.web_world import House, made
from tests.feishu_firm import Firm, firm_on_feishu
from tests.make import Clock
from tests.platforms.test_contract import SECRET, Gateway, _Takes
from tests.world import World, make_world

LONG_AGO = timedelta(days=9000)


def rows(database: Database, **like: Any) -> list[OutboxRow]:
    found = database.read(lambda tx: tx.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all())
    return [row for row in found if all(getattr(row, name) == value for name, value in like.items())]


def say(database: Database, platform: str, person: str, key: str, now: Any) -> None:
    said = plain(Outgoing("请确认"))
    rank = PRIORITY["reply"]
    database.write(
        lambda tx: outbox.enqueue_to_person(tx, key=key, platform=platform, person=person, said=said, incident=None, priority=rank, now=now)
    )


# What is kept


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def message(world: World) -> OutboxRow:
    """A message that its platform took, and of which it will tell."""
    say(world.database, "console", "li.na", "m1", world.clock())
    world.settle()
    (row,) = rows(world.database, key="m1")

    def work(tx: Any) -> None:
        kept = tx.get(OutboxRow, row.id)
        kept.receipt, kept.delivered = "accepted", None

    world.database.write(work)
    return rows(world.database, key="m1")[0]


@pytest.mark.parametrize(
    ("states", "known", "times"),
    [
        (["delivered"], "delivered", (True, False)),
        (["delivered", "read"], "read", (True, True)),
        (["read"], "read", (True, True)),
        (["read", "delivered"], "read", (True, True)),
        (["read", "failed"], "read", (True, True)),
        (["delivered", "failed"], "delivered", (True, False)),
        (["failed"], "failed", (False, False)),
        (["failed", "delivered"], "delivered", (True, False)),
        (["delivered", "delivered"], "delivered", (True, False)),
    ],
)
def test_receipts_come_in_any_order_and_twice(
    world: World, message: OutboxRow, states: list[State], known: str, times: tuple[bool, bool]
) -> None:
    at = world.clock()
    for minutes, state in enumerate(states):
        moment = at + timedelta(minutes=minutes)
        world.database.write(lambda tx, state=state, moment=moment: received(tx, "console", state, [message.message_id or ""], moment))  # type: ignore[misc]
    (row,) = rows(world.database, key="m1")
    assert (row.receipt, (row.delivered is not None, row.read is not None)) == (known, times)
    assert row.accepted == message.accepted
    if states[0] == "delivered":
        assert row.delivered == at, "the first word of it counts"


def test_news_is_counted_once_and_strangers_are_named(world: World, message: OutboxRow) -> None:
    mine = message.message_id or ""
    first = world.database.write(lambda tx: received(tx, "console", "read", [mine, "om_other"], world.clock()))
    again = world.database.write(lambda tx: received(tx, "console", "read", [mine], world.clock()))
    elsewhere = world.database.write(lambda tx: received(tx, "feishu", "read", [mine], world.clock()))
    assert (first, again, elsewhere) == ((1, ["om_other"]), (0, []), (0, [mine]))


def test_what_lacks_a_receipt_is_shown_to_administrators_and_not_called_delivered(world: World, message: OutboxRow) -> None:
    (one,) = world.database.read(lambda tx: told(tx, world.clock() - LONG_AGO))
    assert (one.platform, one.accepted, one.silent, one.delivered, one.read) == ("console", 1, 1, 0, 0)
    listed = world.says("han.tao", "/管理 队列").text
    assert "没有被搁置的消息或事项。\n网页聊天,近 24 小时发给个人的消息:平台已接收 1 条(接收不等于送达)" in listed
    assert "没有回执 1 条" in listed
    world.passes(hours=25)
    assert "没有回执" not in world.says("han.tao", "/管理 队列").text
    world.database.write(lambda tx: received(tx, "console", "read", [message.message_id or ""], world.clock()))
    assert rows(world.database, key="m1")[0].read == world.clock()


def test_a_receipt_that_overtakes_our_own_note_is_looked_at_again(world: World) -> None:
    metrics = Metrics()
    receipts = Receipts(world.database, metrics, overtaken=0.2)

    async def work() -> None:
        say(world.database, "console", "li.na", "m2", world.clock())
        await world.worker.outbox_turn()
        (row,) = rows(world.database, key="m2")
        where = {"message_id": row.message_id, "receipt": row.receipt}

        def set_(**values: Any) -> None:
            def change(tx: Any) -> None:
                for name, value in values.items():
                    setattr(tx.get(OutboxRow, row.id), name, value)

            world.database.write(change)

        set_(message_id=None, receipt=None)  # as it is before the platform's yes is noted
        await receipts.note(Receipt("console", "read", (str(row.message_id),), world.clock()))
        assert rows(world.database, key="m2")[0].read is None
        set_(**where)
        await asyncio.sleep(0.4)
        await receipts.stop()

    asyncio.run(work())
    assert rows(world.database, key="m2")[0].receipt == "read"
    assert b'gengfu_receipts_total{platform="console",state="read"} 1.0' in metrics.text()


# The console


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


def test_on_the_web_chat_what_a_person_has_looked_at_is_read(house: House) -> None:
    say(house.parts.database, "console", "li.na", "m3", house.clock())
    house.settle()
    (row,) = rows(house.parts.database, key="m3")
    assert (row.receipt, row.delivered, row.read) == ("delivered", row.accepted, None)
    lina = house.logged_in("li.na")
    room = house.parts.rooms.direct("li.na")
    seq = max(line.seq for line in house.parts.rooms.messages(room, "li.na", 0, 1000).lines)
    assert lina.request("POST", f"/console/rooms/{room}/read", json={"seq": seq}).status_code == 204
    (row,) = rows(house.parts.database, key="m3")
    assert (row.receipt, row.read) == ("read", house.clock())


# Feishu


@pytest.fixture(params=["http", "ws"])
def firm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Firm]:
    with firm_on_feishu(tmp_path, request.param) as firm:
        yield firm


def test_on_feishu_reading_is_noted_and_acknowledges_nothing(firm: Firm) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.settle()
    mine = [row for row in rows(firm.parts.database, platform="feishu", recipient="li.na") if row.message_id and row.accepted]
    assert mine
    assert {(row.receipt, row.delivered, row.read) for row in mine} == {("accepted", None, None)}, "taken is not arrived"
    assert "飞书,近 24 小时发给个人的消息:平台已接收" in firm.says("han.tao", "/管理 队列")
    trail, states = len(firm.trail("T1")), [row.status for row in mine]
    read = firm.player("li.na").reads()
    assert {row.message_id for row in mine} <= set(read)
    after = [row for row in rows(firm.parts.database) if row.id in {one.id for one in mine}]
    assert {(row.receipt, row.read) for row in after} == {("read", firm.sim.clock())}
    assert (len(firm.trail("T1")), [row.status for row in after]) == (trail, states)
    firm.passes(minutes=6)
    assert any("T1" in text for text in firm.direct("li.na")[-3:]), "who only read is reminded all the same"
    text = firm.parts.metrics.text().decode()
    assert f'gengfu_receipts_total{{platform="feishu",state="read"}} {len({row.message_id for row in mine})}.0' in text
    assert 'state="delivered"' not in text.replace('platform="console"', "")
    assert firm.sim.oddities == []


# SMS


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(("127.0.0.1", 0), _Takes) as gateway:
        gateway.texts = {}
        thread = threading.Thread(target=gateway.serve_forever)
        thread.start()
        yield gateway
        gateway.shutdown()
        thread.join()


def test_the_sms_gateway_tells_what_became_of_a_message(tmp_path: Path, gateway: Gateway) -> None:
    names = {"GENGFU_SMS_URL": f"http://127.0.0.1:{gateway.server_port}/hook", "GENGFU_SMS_SECRET": SECRET}
    with firm_on_feishu(tmp_path, also=names) as firm:
        for key in ("s1", "s2"):
            say(firm.parts.database, "sms", "li.na", key, firm.sim.clock())
        firm.settle()
        one, two = (rows(firm.parts.database, key=key)[0] for key in ("s1", "s2"))
        assert (one.receipt, one.delivered) == ("accepted", None)

        def report(row: OutboxRow, state: str, *, secret: str = SECRET, late: float = 0) -> int:
            body = json.dumps({"id": row.message_id, "state": state}).encode()
            stamp = str(int(firm.sim.clock().timestamp() - late))
            signed = {"X-Gengfu-Timestamp": stamp, "X-Gengfu-Signature": signature(secret, stamp, body)}
            return httpx.post(f"{firm.url}/callbacks/sms", content=body, headers=signed, timeout=5, trust_env=False).status_code

        assert (report(one, "delivered", secret="another"), report(one, "delivered", late=301), report(one, "read")) == (401, 401, 401)
        assert rows(firm.parts.database, key="s1")[0].receipt == "accepted", "what proves nothing changes nothing"
        assert (report(one, "delivered"), report(two, "failed")) == (200, 200)
        one, two = (rows(firm.parts.database, key=key)[0] for key in ("s1", "s2"))
        assert (one.receipt, one.delivered) == ("delivered", firm.sim.clock())
        assert (two.receipt, two.delivered) == ("failed", None)
        assert "其中仅知送达 1 条,已读 0 条,报告失败 1 条,没有回执 0 条" in firm.says("han.tao", "/管理 队列")
