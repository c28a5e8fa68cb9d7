"""A platform that was switched off while messages waited for it; and one that says no, which shows that it is there."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from bot.metrics import Metrics
from bot.platforms.core.contract import PlatformDown, Rejected, WillNeverWork
from bot.web.bell import Bells
from bot.worker import Worker
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Database
from storage.outbox import PRIORITY
from storage.tables.queues import BURIED, DONE, WAITING, OutboxRow
from tests.crash.telex import Said, Telex
from tests.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def telex(world: World) -> Telex:
    """The only platform that is on; people have identities on Feishu all the same."""
    machine = Telex()
    world.worker = Worker(world.road, {"console": machine}, lambda person: (("console", person),), Metrics(), Bells())
    return machine


def put(world: World, key: str, **values: Any) -> None:
    """A row as it was written while Feishu was on."""
    row = {
        "lane": key, "priority": PRIORITY["reply"], "due": world.clock(), "created": world.clock(), "key": key, "kind": "reply",
        "about": {"reply": key}, "platform": "feishu", "said": plain(Outgoing(f"words of {key}")), **values,
    }  # fmt: skip
    world.database.write(lambda tx: tx.add(OutboxRow(**row)))


def row_of(world: World, key: str) -> OutboxRow:
    return world.database.read(lambda tx: tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one())


def test_a_person_is_reached_another_way(world: World, telex: Telex) -> None:
    put(world, "alone", recipient="li.na")
    put(world, "stood", recipient="li.na", chat="oc_direct", message_id="om_1")
    world.settle()
    assert {(one.place, one.message and one.message.text) for one in telex.sent(deed="send")} == {
        ("p:li.na", "words of alone"), ("p:li.na", "words of stood")
    }  # fmt: skip
    for key in ("alone", "stood"):
        row = row_of(world, key)
        assert (row.status, row.platform, row.chat) == (DONE, "console", "dm:li.na")
        assert (row.message_id or "").startswith("telex/"), "from now on it stands there"


def test_a_room_is_made_where_one_can_be_made(world: World, telex: Telex) -> None:
    put(world, "room", kind="room", about={"name": "INC-1", "members": ["li.na"]}, incident="I1", said=None)
    world.settle()
    assert [one.place for one in telex.sent(deed="room")] == ["INC-1"]


def test_what_only_its_group_could_hear_is_buried_with_what_to_do_and_told_once(world: World, telex: Telex) -> None:
    for number in range(3):
        put(world, f"group-{number}", chat="oc_room")
    world.settle()
    for number in range(3):
        row = row_of(world, f"group-{number}")
        assert (row.status, row.attempt) == (BURIED, 1), "at once, and not after twelve attempts"
        assert (row.error or "").startswith("feishu is switched off: configure it again")
        assert "KeyError" not in (row.error or "")
    told = telex.sent(deed="send", place="p:han.tao")
    assert len(told) == 1, "one trouble, said once"
    assert told[0].message is not None
    assert "飞书已停用" in told[0].message.text
    assert "飞书已停用:请恢复它的设置" in world.says("han.tao", "/管理 队列").text


def test_what_stands_there_cannot_be_changed_and_nobody_is_woken_for_it(world: World, telex: Telex) -> None:
    put(world, "edit", chat="oc_room", message_id="om_2")
    put(world, "supersede", kind="supersede", about={"message_id": "om_3"}, chat="oc_room")
    put(world, "pin", kind="pin", about={"message_id": "om_4"}, chat="oc_room", said=None)
    put(world, "invite", kind="invite", about={"members": ["li.na"]}, chat="oc_room", said=None)
    world.settle()
    assert {row_of(world, key).status for key in ("edit", "supersede", "pin", "invite")} == {DONE}
    assert telex.wire == []


def test_a_secret_goes_nowhere_else(world: World, telex: Telex) -> None:
    cipher, now = world.road.house.cipher, world.clock()
    values, place = (
        {"ends": (now + timedelta(minutes=5)).isoformat()},
        {"platform": "feishu", "chat": "", "person": "li.na", "to": "ou_lina"},
    )
    world.database.write(
        lambda tx: outbox.enqueue_secret(tx, cipher, key="s", notice="login.link", secret="x", values=values, now=now, **place)
    )
    world.settle()
    assert row_of(world, "s").status == BURIED
    assert telex.sent(place="p:li.na") == []


# A refused probe


@pytest.mark.parametrize(
    ("refusal", "closes"),
    [(Rejected("the chat was dissolved"), True), (WillNeverWork("a telex only writes"), False)],
    ids=["theirs", "ours"],
)
def test_a_probe_that_the_platform_refuses_closes_the_circuit(world: World, telex: Telex, refusal: WillNeverWork, closes: bool) -> None:
    def away(one: Said) -> None:
        raise PlatformDown(0.0, "no answer")

    telex.before = away
    for number in range(3):
        put(world, f"down-{number}", platform="console", chat="g:office")
    world.settle()
    circuit = world.worker.sender.circuit("console")
    assert circuit.open

    def refuse(one: Said) -> None:
        raise refusal

    telex.before = refuse
    world.clock.now += timedelta(seconds=circuit.wait())
    assert circuit.wait() == 0
    put(world, "probe", platform="console", chat="g:office", priority=0)
    world.settle()
    assert row_of(world, "probe").status == BURIED
    assert circuit.open is not closes
    if closes:
        assert "console" not in world.worker.sender.troubles()
        telex.before = lambda one: None
        world.passes(minutes=2)
        assert [row for row in (row_of(world, f"down-{number}") for number in range(3)) if row.status == WAITING] == []
