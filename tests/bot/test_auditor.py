"""The engine looks at itself: rows are broken behind its back, on both databases; it puts them right, and says what it cannot."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import bindparam, text
from sqlmodel import col, select

from bot.auditor import Auditor
from bot.bootstrap import GUEST, SAMPLE_PLAN
from bot.metrics import Metrics
from storage import rounds
from storage.database import Database, UtcDateTime
from storage.tables.queues import DONE, WAITING, OutboxRow, QueueRow
from storage.views.rounds import PROBES, look
from tests.world import World, make_world
from workflows.core.rounds import KINDS, Finding

OFFICE = "g:office"


@pytest.fixture
def world(database: Database) -> World:
    """A system failure under the whole plan, an approval, and a report from outside: everything that can have a timer."""
    found = make_world(database, plan=SAMPLE_PLAN)
    found.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    found.says("li.na", "/事件 启动 I1")
    found.says(GUEST, "营业部行情全黑")
    return found


@pytest.fixture
def auditor(world: World) -> Auditor:
    return another(world, "one")


def another(world: World, holder: str) -> Auditor:
    return Auditor(world.road, Metrics(), holder, lambda: True)


def sql(world: World, statement: str, **values: object) -> int:
    """Break something, as a bug, an operator or a restored backup would."""
    types = {name: UtcDateTime() if isinstance(value, datetime) else None for name, value in values.items()}
    bound = text(statement).bindparams(*(bindparam(name, value, type_=types[name]) for name, value in values.items()))
    count: int = world.database.write(lambda tx: tx.connection().execute(bound).rowcount)
    return count


def found(world: World) -> list[Finding]:
    return world.database.read(lambda tx: look(tx, world.plans, world.clock()))


def minute(world: World, auditor: Auditor, *, settle: bool = True) -> bool:
    """A minute later the engine looks at itself; with `settle` its loops turn before and after."""
    world.clock.pass_time(minutes=1)
    if settle:
        world.settle()
    clean = auditor.look()
    if settle:
        world.settle()
    return clean


def said(world: World) -> list[str]:
    return [line for line in world.group(OFFICE, "li.na") if "值守自查" in line]


def row(world: World, kind: type[QueueRow], row_id: int | None) -> Any:
    return world.database.read(lambda tx: tx.get(kind, row_id))


def test_nothing_is_wrong_with_a_house_at_work(world: World, auditor: Auditor) -> None:
    """No probe cries wolf through half an hour of reminders, and each look of a replica is taken by one alone."""
    other = another(world, "two")
    for _ in range(35):
        assert minute(world, auditor)
        assert not other.look(), "the minute belongs to the first"
    assert said(world) == []
    assert world.database.read(rounds.known) == []
    assert world.database.read(rounds.clean_at) == world.clock()


def test_another_replica_takes_over_when_the_first_is_gone(world: World, auditor: Auditor) -> None:
    assert minute(world, auditor)
    assert minute(world, another(world, "two"))


# Timers


@pytest.mark.parametrize("ref", ["T1", "R1", "A1", "N1", "I1"])
def test_lost_timers_are_set_anew_from_the_record(world: World, auditor: Auditor, ref: str) -> None:
    before = world.timers(ref)
    assert before, f"{ref} is open, and says something by itself"
    kept = {name: due for name, due in before.items() if name in ("cadence", "rescore")} if ref == "I1" else before
    sql(world, "DELETE FROM timer WHERE record_ref = :ref", ref=ref)

    assert not auditor.look()

    assert world.timers(ref) == kept
    trail = world.trail("P:clock")
    assert [(verb, details["ref"]) for _, verb, details in trail] == [("repaired", ref)]
    assert minute(world, auditor)
    assert said(world) == [], "what could be put right is nobody's trouble"


@pytest.mark.parametrize("name", ["cadence", "rescore"])
def test_an_incident_needs_both_of_its_timers(world: World, auditor: Auditor, name: str) -> None:
    before = world.timers("I1")
    sql(world, "DELETE FROM timer WHERE record_ref = 'I1' AND name = :name", name=name)
    assert Finding("no_timer", "I1") in found(world)
    auditor.look()
    assert world.timers("I1") == before


def test_a_buried_timer_runs_again(world: World, auditor: Auditor) -> None:
    before = world.timers("A1")
    sql(world, "UPDATE timer SET status = 'buried', attempt = 8 WHERE record_ref = 'A1'")
    auditor.look()
    assert world.timers("A1") == before


def test_what_cannot_be_set_anew_is_said_once_and_then_each_half_hour_and_when_it_is_over(world: World, auditor: Auditor) -> None:
    sql(world, "DELETE FROM timer WHERE record_ref = 'A1'")
    sql(world, "UPDATE approval SET \"values\" = '{' WHERE ref = 'A1'")  # it cannot even be read
    assert not auditor.look()
    assert said(world) == [], "first it is put right, or tried"
    for _ in range(29):
        minute(world, auditor, settle=False)
    sentences = outgoing(world)
    assert len(sentences) == 1
    for _ in range(3):
        minute(world, auditor, settle=False)
    assert len(outgoing(world)) == 2

    sql(world, "UPDATE approval SET \"values\" = '{}' WHERE ref = 'A1'")
    for _ in range(35):
        minute(world, auditor, settle=False)
    assert "approval" in world.timers("A1"), "it was put right when it was said for the third time"
    world.settle()
    told = said(world)
    assert told[0].startswith("【值守自查】没有下一次提醒(1):A1。自动修复没有成功")
    assert any(line == "【值守自查】已恢复正常:没有下一次提醒。" for line in told)


def outgoing(world: World) -> list[OutboxRow]:
    """What waits to be told to the control group about lost timers."""
    rows = world.database.read(lambda tx: list(tx.exec(select(OutboxRow).where(col(OutboxRow.ref) == "rounds:no_timer"))))
    return [one for one in rows if one.about["notice"] == "house.finding"]


def test_a_timer_that_nobody_would_claim_is_freed_and_fires(world: World, auditor: Auditor) -> None:
    before = world.approval("A1").round
    long_ago = world.clock() - timedelta(minutes=5)
    assert sql(world, "UPDATE timer SET priority = 9, attempt = 7, due = :due WHERE record_ref = 'A1'", due=long_ago) == 1
    world.settle()
    assert world.approval("A1").round == before, "no loop asks for such a row"
    assert not auditor.look()
    world.settle()
    assert world.approval("A1").round > before
    assert minute(world, auditor)


def test_timers_that_stay_late_are_said(world: World, auditor: Auditor) -> None:
    """The loop that fires them stands still, the others turn."""
    sql(world, "UPDATE timer SET due = :due WHERE record_ref = 'N1'", due=world.clock() - timedelta(minutes=3))
    assert not minute(world, auditor, settle=False)
    assert not minute(world, auditor, settle=False)
    assert [one.about["values"]["kind"] for one in rows_about(world, "rounds:late_timer")] == ["late_timer"]
    (about,) = rows_about(world, "rounds:late_timer")
    assert "N1" in [detail for _, detail in about.about["values"]["what"]]


def rows_about(world: World, ref: str) -> list[OutboxRow]:
    return world.database.read(lambda tx: list(tx.exec(select(OutboxRow).where(col(OutboxRow.ref) == ref))))


@pytest.mark.parametrize("queue", ["timer", "inbox", "outbox"])
def test_a_claim_by_a_clock_that_was_wrong_is_let_go(world: World, auditor: Auditor, queue: str) -> None:
    if queue == "inbox":
        world.road.store(world.message("li.na", "/事件 进展 I1 切换中", world.rooms.direct("li.na")))
    if queue == "outbox":
        world.says("li.na", "/事件 进展 I1 切换中")
        sql(world, "UPDATE outbox SET status = 'waiting', finished = NULL WHERE id = (SELECT max(id) FROM outbox)")
    which = {"timer": "record_ref = 'A1'", "inbox": "status = 'waiting'", "outbox": "status = 'waiting'"}[queue]
    ahead = world.clock() + timedelta(hours=2)
    assert sql(world, f"UPDATE {queue} SET due = :due, attempt = 1, error = NULL WHERE {which}", due=ahead) == 1
    assert [one.kind for one in found(world)] == ["held"]
    auditor.look()
    assert found(world) == []
    if queue == "inbox":
        world.settle()
        assert world.incident().last_update == "切换中"


# What came in and what is to go out


def test_what_came_in_and_is_not_handled_is_said(world: World, auditor: Auditor) -> None:
    world.road.store(world.message("li.na", "/事件 进展 I1 切换中", world.rooms.direct("li.na")))
    assert auditor.look(), "a moment is no trouble"
    assert minute(world, auditor, settle=False), "and a minute is not more than a minute"
    assert not minute(world, auditor, settle=False)
    assert not minute(world, auditor, settle=False)
    (about,) = rows_about(world, "rounds:inbox")
    assert about.about["values"]["what"][0][1] == "console"
    for _ in range(4):
        minute(world, auditor)
    assert world.incident().last_update == "切换中"
    assert [line for line in said(world) if "收到的还没有处理" in line][-1] == "【值守自查】已恢复正常:收到的还没有处理。"


def test_a_message_that_nobody_takes_is_freed_and_leaves(world: World, auditor: Auditor) -> None:
    world.says("li.na", "/事件 进展 I1 切换中")
    (last,) = world.database.read(
        lambda tx: [
            one.id for one in tx.exec(select(OutboxRow).where(col(OutboxRow.kind) == "reply").order_by(col(OutboxRow.id).desc()).limit(1))
        ]
    )
    sql(
        world,
        "UPDATE outbox SET status = 'waiting', finished = NULL, message_id = NULL, priority = 77, due = :due WHERE id = :id",
        due=world.clock() - timedelta(minutes=2),
        id=last,
    )
    world.settle()
    assert row(world, OutboxRow, last).status == WAITING
    assert [one.ref for one in found(world)] == [], "what nobody waits for has ten minutes"
    world.clock.pass_time(minutes=9)
    assert Finding("outbox", f"outbox:{last}") in found(world)
    auditor.look()
    world.settle()
    assert row(world, OutboxRow, last).status == DONE


def test_what_is_tried_in_vain_for_longer_than_a_step_of_the_ladder_is_said(world: World, auditor: Auditor) -> None:
    ahead, early = world.clock() + timedelta(minutes=1), world.clock() - timedelta(minutes=6)
    sql(
        world,
        "UPDATE outbox SET status = 'waiting', finished = NULL, error = 'PlatformDown', due = :due, created = :early "
        "WHERE id = (SELECT max(id) FROM outbox WHERE kind IN ('notice', 'reply') AND priority < 5)",
        due=ahead,
        early=early,
    )
    assert [one.kind for one in found(world)] == ["unsent"]
    assert not auditor.look()
    world.settle()
    assert "一再发不出去(1)" in said(world)[0]


# Cards


@pytest.mark.parametrize("card", ["incident", "mine", "approval", "decide"])
def test_a_card_that_stands_as_it_was_before_the_last_event_is_drawn_again(world: World, auditor: Auditor, card: str) -> None:
    rows = world.database.read(lambda tx: list(tx.exec(select(OutboxRow).where(OutboxRow.kind == "card"))))
    one = next(one for one in rows if one.about["card"] == card)
    early = world.clock() - timedelta(hours=1)
    sql(world, "UPDATE outbox SET finished = :early, said_hash = 'old' WHERE id = :id", early=early, id=one.id)
    assert found(world) == [], "not within two minutes of the event"
    world.clock.pass_time(minutes=3)
    assert found(world) == [Finding("card", f"outbox:{one.id}", "I1")]
    auditor.look()
    world.settle()
    again = row(world, OutboxRow, one.id)
    assert (again.status, again.said_hash != "old") == (DONE, True)
    assert found(world) == []


def test_a_refusal_is_no_event_of_the_card(world: World) -> None:
    assert world.says("zhao.min", "/事件 归档 I1").error
    world.clock.pass_time(minutes=3)
    assert [one for one in found(world) if one.kind == "card"] == []


def test_the_incidents_card_shows_every_ten_minutes_that_somebody_is_there(world: World, auditor: Auditor) -> None:
    """And not each minute: edits are limited, and a card that moves all the time is not read."""
    edited: list[datetime] = []
    shown = note(world)
    for _ in range(35):
        minute(world, auditor)
        if note(world) != shown:
            shown = note(world)
            edited.append(world.clock())
    assert 2 <= len(edited) <= 12
    gaps = [later - before for before, later in pairwise(edited)]
    assert max(gaps) <= timedelta(minutes=11)


def note(world: World) -> str:
    cards = [(line.body or {}).get("card") or {} for _, line in world.seen_by("li.na")]
    return next(str(card["note"]) for card in reversed(cards) if card.get("note", "").startswith("值守"))


def test_a_card_rests_while_nothing_is_due_within_the_hour(world: World, auditor: Auditor) -> None:
    later = world.clock() + timedelta(hours=2)
    sql(world, "UPDATE timer SET due = :due", due=later)
    shown = note(world)
    for _ in range(15):
        assert minute(world, auditor)
    assert note(world) == shown


# People


def test_a_commander_who_is_no_longer_in_the_plan_is_said_until_somebody_takes_over(world: World, auditor: Auditor) -> None:
    sql(world, "UPDATE incident SET commander = 'left.long.ago'")
    assert not auditor.look()
    world.settle()
    assert said(world) == ["【值守自查】总指挥不在预案名单里(1):I1(left.long.ago)。请应急办的人接手:/事件 接手 加编号。"]
    assert not minute(world, auditor)
    world.says("wu.di", "/事件 接手 I1")
    for _ in range(4):
        minute(world, auditor)
    assert said(world)[1:] == ["【值守自查】已恢复正常:总指挥不在预案名单里。"]
    assert minute(world, auditor)


def test_a_rung_that_means_nobody_is_said_before_it_is_needed(world: World, auditor: Auditor) -> None:
    """A group that the plan no longer has, with a task that is open."""
    sql(world, "UPDATE task SET \"group\" = 'gone' WHERE ref = 'T1'")
    kinds = {(one.kind, one.ref, one.detail.partition("|")[0]) for one in found(world)}
    assert kinds == {("rung", "I1", "gone")}
    auditor.look()
    world.settle()
    (sentence,) = said(world)
    assert sentence.startswith("【值守自查】上报对象没有人(")
    assert "I1 gone「" in sentence


def test_every_kind_has_its_probe_and_its_words(world: World) -> None:
    assert {probe.__name__ for probe in PROBES} == set(KINDS)
    for kind in KINDS:
        assert world.road.house.words.has(f"rounds.name.{kind}")
        assert world.road.house.words.has(f"rounds.do.{kind}")


def test_it_is_counted_by_kind(world: World, auditor: Auditor) -> None:
    sql(world, "UPDATE incident SET commander = 'left.long.ago'")
    auditor.look()
    assert world.database.read(lambda tx: rounds.counts(tx, world.clock())) == {"commander": 1}
    assert world.database.read(rounds.clean_at) is None
    world.clock.pass_time(minutes=5)
    assert world.database.read(lambda tx: rounds.counts(tx, world.clock())) == {}, "what is old says nothing about now"
