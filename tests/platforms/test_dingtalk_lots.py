"""The same words to several people by one call: what becomes of each is its own, and nobody reads anything twice or not at all."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from bot.platforms.core.budget import month_of
from bot.platforms.core.contract import Done, Outcome, Recall, Rejected, Send, TryLater, Unsure, WillNeverWork
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Transaction
from storage.outbox import PRIORITY
from storage.shelf import DatabaseShelf
from storage.tables.queues import BURIED, DONE, OutboxRow
from tests.dingtalk_firm import Firm, firm_on_dingtalk, staff_id
from tests.platforms.test_dingtalk_contract import DingTalkStand
from tests.platforms.test_dingtalk_faults import EACH, LIMIT, Trouble, works
from tests.simulators.dingtalk import Sim

TO_PEOPLE, MEDIA = "POST /v1.0/robot/oToMessages/batchSend", "POST /media/upload"
MANY = tuple(f"d{number}" for number in range(20))


# The adapter


@pytest.fixture
def stand() -> Iterator[DingTalkStand]:
    with Sim() as sim:
        for person in MANY:
            sim.add_person(person, person)
        yield DingTalkStand(sim, "stream")
        assert sim.oddities == []


def tell(stand: DingTalkStand, text: str, people: tuple[str, ...] = MANY, *, turn: str = "1") -> Mapping[str, Outcome]:
    """By person; the key of each is theirs."""

    async def work() -> Mapping[str, Outcome]:
        async with httpx.AsyncClient(base_url=stand.sim.url, trust_env=False) as http:
            lots = stand.made(http).can.lots
            assert lots is not None
            return await lots.tell(Outgoing(text), {f"outbox:{turn}:{person}": person for person in people})

    return {key.rpartition(":")[2]: outcome for key, outcome in asyncio.run(work()).items()}


def asked(sim: Sim, part: str = "") -> list[list[str]]:
    given = [json.loads(one.request.body) for one in sim.calls(TO_PEOPLE)]
    return [one["userIds"] for one in given if part in one["msgParam"]]


def reads(sim: Sim, person: str) -> list[str]:
    return [sim.person(person).seen(message) for message in sim.direct(person).shown]


def test_twenty_are_told_by_one_call_and_each_has_a_message(stand: DingTalkStand) -> None:
    told = tell(stand, "行情已恢复")
    assert asked(stand.sim) == [list(MANY)]
    assert all(reads(stand.sim, person) == ["行情已恢复"] for person in MANY)
    facts = [one.facts for one in told.values() if isinstance(one, Done)]
    assert {one["chat"] for one in facts} == {f"user:{person}" for person in MANY}
    assert len({one["message_id"] for one in facts}) == 20
    with pytest.raises(WillNeverWork, match="from all of them"):
        stand.do(Recall("user:d1", told["d1"].facts["message_id"]), "x")  # type: ignore[union-attr]
    assert tell(stand, "行情已恢复") == told, "known by their keys"
    assert len(asked(stand.sim)) == 1


def test_whom_the_answer_lists_was_not_told_and_the_others_were(stand: DingTalkStand) -> None:
    stand.sim.state.flow_controlled.add("d2")
    stand.sim.state.filtered.add("d4")
    del stand.sim.state.people["d1"]
    told = tell(stand, "行情已恢复", ("d0", "d1", "d2", "d3", "d4"))
    assert [type(told[f"d{number}"]) for number in range(5)] == [Done, Rejected, TryLater, Done, Rejected]
    stand.sim.state.flow_controlled.clear()
    again = tell(stand, "行情已恢复", ("d0", "d2", "d3"))
    assert asked(stand.sim)[1] == ["d2"]
    assert again["d0"] == told["d0"]
    assert all(reads(stand.sim, person) == ["行情已恢复"] for person in ("d0", "d2", "d3"))


def test_who_heard_the_same_today_is_told_with_the_time(stand: DingTalkStand) -> None:
    tell(stand, "行情已恢复", ("d1", "d2"))
    tell(stand, "行情已恢复", ("d0", "d1", "d2", "d3"), turn="2")
    assert asked(stand.sim) == [["d1", "d2"], ["d0", "d3"], ["d1", "d2"]]
    assert reads(stand.sim, "d0") == ["行情已恢复"]
    assert reads(stand.sim, "d1") == ["行情已恢复", "行情已恢复\n(03-02 01:00:00)"]
    assert stand.sim.state.swallowed == []


def test_the_same_words_again_and_again_within_a_second_are_never_swallowed(stand: DingTalkStand) -> None:
    """The clock of the stand-in stands still meanwhile: the time alone tells nothing apart."""
    for turn in range(4):
        tell(stand, "行情已恢复", ("d1",), turn=str(turn))
    assert stand.sim.state.swallowed == []
    assert len(set(reads(stand.sim, "d1"))) == 4


@pytest.mark.parametrize("kind", ["reset_after", "empty", "truncated"])
def test_a_lot_whose_answer_was_lost_goes_again_and_nobody_reads_it_twice(stand: DingTalkStand, kind: str) -> None:
    tell(stand, "行情已恢复", ("d1",), turn="before")
    stand.sim.faults.add(TO_PEOPLE, kind, 2)  # type: ignore[arg-type]
    lost = tell(stand, "行情已恢复", ("d0", "d1", "d2"))
    assert all(isinstance(one, Unsure) for one in lost.values())
    stand.sim.clock.push(minutes=10)
    told = tell(stand, "行情已恢复", ("d0", "d1", "d2"))
    assert all(isinstance(one, Done) for one in told.values())
    assert asked(stand.sim)[1:3] == asked(stand.sim)[3:5], "the same people, to the letter"
    assert [len(reads(stand.sim, person)) for person in ("d0", "d1", "d2")] == [1, 2, 1]


def test_what_is_tried_again_alone_is_the_same_to_the_letter(stand: DingTalkStand) -> None:
    """Another lot, another replica, a restart: what a person is told hangs on their key and not on who else was there."""
    stand.sim.faults.add(TO_PEOPLE, "reset_after")
    tell(stand, "行情已恢复", ("d0", "d1", "d2"))
    for people in (("d1",), ("d2", "d0")):
        tell(stand, "行情已恢复", people)
    assert all(reads(stand.sim, person) == ["行情已恢复"] for person in ("d0", "d1", "d2"))


def test_a_long_text_is_handed_in_once_for_all_and_a_file_that_failed_comes_later(stand: DingTalkStand) -> None:
    stand.sim.faults.add(MEDIA, "throttle")
    late = tell(stand, "🀄行情" * 4000, ("d0", "d1"))
    assert all(isinstance(one, TryLater) for one in late.values())
    stand.sim.clock.push(seconds=5)
    told = tell(stand, "🀄行情" * 4000, ("d0", "d1"))
    assert all(isinstance(one, Done) for one in told.values())
    assert [message.kind for message in stand.sim.direct("d1").shown] == ["sampleText", "sampleFile"]
    assert len(stand.sim.state.uploads) == 1
    assert asked(stand.sim) == [["d0", "d1"]] * 2
    tell(stand, "🀄行情" * 4000, ("d0", "d1"))
    assert len(stand.sim.calls(MEDIA)) == 2


def test_who_was_held_back_gets_the_file_later_and_unmarked(stand: DingTalkStand) -> None:
    stand.sim.faults.add(MEDIA, "throttle")
    tell(stand, "行情" * 8000, ("d0", "d1"))
    stand.sim.clock.push(seconds=5)
    stand.sim.state.flow_controlled.add("d1")
    assert isinstance(tell(stand, "行情" * 8000, ("d0", "d1"))["d1"], TryLater)
    stand.sim.state.flow_controlled.clear()
    assert isinstance(tell(stand, "行情" * 8000, ("d0", "d1"))["d1"], Done)
    files = {
        person: [one.content["fileName"] for one in stand.sim.direct(person).shown if one.kind == "sampleFile"] for person in ("d0", "d1")
    }
    assert files == {"d0": ["全文.zip"], "d1": ["全文.zip"]}


def test_words_that_dingtalk_refuses_are_refused_for_each(stand: DingTalkStand) -> None:
    stand.sim.state.sensitive = {"行情"}
    assert {type(one).__name__ for one in tell(stand, "行情已恢复").values()} == {"Refused"}
    with pytest.raises(Rejected, match="filter"):
        stand.do(Send(Outgoing("行情已恢复"), person="d1"), "alone")


# The outbox


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path) as firm:
        yield firm
        assert firm.sim.oddities == []


def put(firm: Firm, text: str, *people: str, rank: str = "assignment") -> None:
    said, now = plain(Outgoing(text)), firm.sim.clock()

    def work(tx: Transaction) -> None:
        for person in people:
            outbox.enqueue_to_person(
                tx, key=f"{text}:{person}", platform="dingtalk", person=person, said=said, incident=None, priority=PRIORITY[rank], now=now
            )

    firm.parts.database.write(work)


def everybody(firm: Firm) -> list[str]:
    return list(firm.parts.plans.organization.people)


def rows(firm: Firm, text: str) -> dict[str, OutboxRow]:
    found = firm.parts.database.read(lambda tx: tx.exec(select(OutboxRow).where(col(OutboxRow.key).startswith(text))).all())
    return {row.recipient or "": row for row in found}


def counted(firm: Firm) -> int:
    """What the month's calls have come to."""
    key, _ = month_of(firm.sim.clock(), firm.parts.words.zone)
    return DatabaseShelf(firm.parts.database, "dingtalk", firm.sim.clock).spent(key)


def heard(firm: Firm, text: str) -> dict[str, int]:
    return {person: sum(text in said for said in firm.direct(person)) for person in everybody(firm)}


def test_what_a_firm_is_told_is_a_call_for_twenty_and_the_month_counts_it_so(firm: Firm) -> None:
    people = everybody(firm)
    alone = firm.parts.worker.sender.platforms["dingtalk"]
    lots = alone.can
    alone.can = replace(lots, lots=None)
    put(firm, "甲", *people)
    firm.settle()
    before = len(firm.sim.calls(TO_PEOPLE))
    alone.can = lots
    put(firm, "乙", *people)
    firm.settle()
    after = len(firm.sim.calls(TO_PEOPLE)) - before
    assert (before, after) == (len(people), -(-len(people) // 20))
    assert counted(firm) >= firm.sim.state.calls.used
    assert heard(firm, "乙") == dict.fromkeys(people, 1)
    found = rows(firm, "乙")
    assert {row.status for row in found.values()} == {DONE}
    assert all(row.accepted and row.chat == f"user:{staff_id(person)}" for person, row in found.items())
    assert len({row.message_id for row in found.values()}) == len(people)


def test_only_whom_the_answer_lists_waits_or_is_given_up(firm: Firm) -> None:
    people = everybody(firm)
    gone, held = people[1], people[2]
    firm.sim.state.people[staff_id(gone)].available = False
    firm.sim.state.flow_controlled.add(staff_id(held))
    put(firm, "甲", *people[:6])
    firm.settle()
    found = rows(firm, "甲")
    assert [found[person].status for person in people[:6]] == [DONE, BURIED, "waiting", DONE, DONE, DONE]
    assert "visible range" in (found[gone].error or "")
    assert firm.parts.worker.sender.troubles() == {}, "DingTalk itself answers"
    firm.sim.state.flow_controlled.clear()
    firm.passes(minutes=2)
    assert asked(firm.sim)[-1] == [staff_id(held)]
    assert {person: count for person, count in heard(firm, "甲").items() if person in people[:6]} == {
        person: int(person != gone) for person in people[:6]
    }


@EACH
def test_through_every_trouble_each_reads_it_once(firm: Firm, trouble: Trouble) -> None:
    firm.parts.worker.sender.deed_limit = LIMIT
    people = everybody(firm)[:5]
    put(firm, "甲", *people)
    trouble.strikes(firm.sim.faults, TO_PEOPLE)
    works(firm)
    assert {person: count for person, count in heard(firm, "甲").items() if count} == dict.fromkeys(people, 1)
    assert {tuple(sorted(one)) for one in asked(firm.sim, "甲")} == {tuple(sorted(map(staff_id, people)))}, "always the same lot"


def test_a_process_that_dies_between_the_call_and_its_note_leaves_nobody_told_twice(firm: Firm) -> None:
    people = everybody(firm)[:5]
    put(firm, "甲", *people)
    sender = firm.parts.worker.sender
    firm.sim.faults.add(TO_PEOPLE, "delay", seconds=5)

    async def dies() -> None:
        sender.lot_limit = 0.01
        await sender.turn()
        while not firm.sim.calls(TO_PEOPLE):  # noqa: ASYNC110 the stand-in has no event for it
            await asyncio.sleep(0.01)
        await sender.stop()

    firm.run(dies())
    assert {row.status for row in rows(firm, "甲").values()} == {"waiting"}
    sender.lot_limit = None
    firm.passes(minutes=5)
    assert {person: count for person, count in heard(firm, "甲").items() if count} == dict.fromkeys(people, 1)
    assert {row.status for row in rows(firm, "甲").values()} == {DONE}


def test_a_month_that_ends_within_the_lots_loses_and_doubles_nothing(firm: Firm) -> None:
    people = everybody(firm)
    firm.sim.state.calls.limit = firm.sim.state.calls.used + 1
    put(firm, "甲", *people)
    put(firm, "乙", *people)
    firm.settle()
    first = sum(heard(firm, "甲").values()) + sum(heard(firm, "乙").values())
    assert 0 < first < 2 * len(people)
    firm.sim.clock.at = month_of(firm.sim.clock(), firm.parts.words.zone)[1] + timedelta(minutes=1)
    firm.sim.state.calls.limit = 5000
    firm.passes(hours=1)
    assert heard(firm, "甲") == heard(firm, "乙") == dict.fromkeys(people, 1)


def test_what_a_reader_wants_elsewhere_and_what_differs_goes_by_itself(firm: Firm) -> None:
    put(firm, "甲", *everybody(firm)[:3])
    put(firm, "乙", everybody(firm)[0])
    firm.settle()
    assert sorted(len(one) for one in asked(firm.sim)) == [1, 3]
