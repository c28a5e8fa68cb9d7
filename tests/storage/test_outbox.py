"""What is to be said: said once, in order of weight, in the words of the first try, by the worker's own loop on both databases."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.metrics import Metrics
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Done, TryLater, WillNeverWork
from bot.web.bell import Bells
from bot.worker import Worker
from handlers.core.message import Outgoing, plain
from storage import inbox, outbox
from storage.database import Database
from storage.outbox import OUTBOX, PRIORITY, UNHURRIED, URGENT
from storage.queue import Queue
from storage.tables.queues import BURIED, DONE, WAITING, InboxRow, OutboxRow
from storage.tables.records import IncidentRow
from tests.crash.telex import Said, Telex
from tests.world import World, make_world
from workflows.core.outcome import Notice, Urgency
from workflows.task import Task

ADMINISTRATOR = "han.tao"


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


@pytest.fixture
def telex(world: World) -> Telex:
    """The world's only platform, from now on."""
    machine = Telex()
    world.worker = Worker(world.road, {"console": machine}, lambda person: (("console", person),), Metrics(), Bells())
    return machine


@pytest.fixture
def opened(world: World, telex: Telex) -> Iterator[World]:
    world.says("li.na", "/incident open type=system_failure 行情中断")
    telex.wire.clear()
    yield world
    assert_nothing_is_left(world)


def assert_nothing_is_left(world: World) -> None:
    left = [row.key for row in rows(world) if row.status == "waiting" and row.due <= world.clock()]
    assert not left


def rows(world: World, **like: Any) -> list[OutboxRow]:
    found = world.database.read(lambda tx: tx.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all())
    return [row for row in found if all(getattr(row, name) == value for name, value in like.items())]


def row_of(world: World, key: str) -> OutboxRow:
    (found,) = rows(world, key=key)
    return found


def text(one: Said) -> str:
    return one.message.text if one.message else ""


def shown(one: Said) -> str:
    """All that a message shows, card included."""
    return str(one.message)


def tell(world: World, kind: str, to: str, values: dict[str, Any], urgency: Urgency = "copy", *, ref: str = "I1", version: int = 1) -> None:
    notice = Notice(kind, (to,), values, urgency)
    organization, now = world.plans.organization, world.clock()
    world.database.write(
        lambda tx: outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="I1", organization=organization, now=now, watch=ref)
    )


def remind(world: World, task: Task, person: str, *, round_: int = 1) -> None:
    values = {"timer": "response", "level": 1, "round": round_, "missed": 0, "next_at": None}
    tell(world, "task.reminder", person, values, "reminder", ref=task.ref, version=task.touched + round_ - 1)


def once(key_part: str, problem: Exception) -> Callable[[Said], None]:
    """Trouble the first time that a key with this part comes by."""
    trouble = [problem]

    def look(one: Said) -> None:
        if key_part in one.key and trouble:
            raise trouble.pop()

    return look


# ---- cards


def incident_card(world: World) -> OutboxRow:
    return next(row for row in rows(world, kind="card") if row.about["card"] == "incident")


def test_a_card_that_changes_while_it_is_sent_is_drawn_again_and_not_sent_twice(world: World, telex: Telex) -> None:
    def change(one: Said) -> None:
        if ":incident:I1" in one.key and one.deed == "send":
            assert world.road.ask(world.message("li.na", "/incident update 已切换到备用线路", "dm:li.na")).error is None

    telex.before = change
    world.says("li.na", "/incident open 行情中断")
    card = incident_card(world)
    (sent,) = telex.sent(key=card.key, deed="send")
    assert "已切换到备用线路" not in shown(sent)
    edits = [one for one in telex.sent(deed="edit") if one.place == card.message_id]
    assert "已切换到备用线路" in shown(edits[-1])
    assert card.status == DONE
    assert len({one.key for one in edits}) == len(edits), "each edit under a key of its own"


def test_a_card_of_which_nothing_changed_is_not_edited(opened: World, telex: Telex) -> None:
    card = incident_card(opened)
    opened.database.write(lambda tx: outbox.dirty(tx, ["I1"], incident="I1", now=opened.clock()))
    opened.settle()
    assert not [one for one in telex.wire if one.place == card.message_id]
    assert row_of(opened, card.key).status == DONE


def test_many_changes_before_a_card_is_drawn_are_one_edit(opened: World, telex: Telex) -> None:
    for n in range(5):
        assert opened.road.ask(opened.message("li.na", f"/incident update 第 {n} 报", "dm:li.na")).error is None
    opened.settle()
    edits = [one for one in telex.sent(deed="edit") if one.place == incident_card(opened).message_id]
    assert len(edits) == 1
    assert "第 4 报" in shown(edits[0])


class Cut(Console):
    """The console, with a line that breaks after the deed is done: the answer never arrives."""

    broken: str = ""

    async def do(self, deed: Deed, key: str) -> Done:
        done = await super().do(deed, key)
        if self.broken and self.broken in key:
            self.broken = ""
            raise ConnectionError(key)
        return done


@pytest.fixture
def cut(world: World) -> Cut:
    console = Cut(world.rooms, world.plans.organization.people.__contains__, world.clock)
    world.worker = Worker(world.road, {"console": console}, lambda person: (("console", person),), Metrics(), Bells())
    return console


def stands(world: World, row: OutboxRow) -> str:
    (line,) = [line for line in world.lines(row.chat or "", "li.na") if line.id == row.message_id]
    return str(line.body)


def test_a_card_whose_first_sending_was_cut_shows_what_is_true_in_the_end(world: World, cut: Cut) -> None:
    """The platform knows the key and keeps the older words: the card has to be edited once it is known where it stands."""
    cut.broken = ":incident:I1"
    world.says("li.na", "/incident open 行情中断")
    assert not cut.broken
    assert incident_card(world).message_id is None
    assert world.road.ask(world.message("li.na", "/incident update 已切换到备用线路", "dm:li.na")).error is None
    world.passes(minutes=2)
    card = incident_card(world)
    assert "已切换到备用线路" in stands(world, card)
    assert len([line for line in world.lines(card.chat or "", "li.na") if (line.body or {}).get("card")]) == 1


def test_an_edit_that_was_cut_does_not_leave_its_words_when_they_are_no_longer_true(world: World, cut: Cut) -> None:
    """What is noted of a card is what it showed before: it must not pass for what the cut edit put there."""

    def rename(title: str) -> None:
        def work(tx: Session) -> None:
            tx.get_one(IncidentRow, "I1").title = title  # no new version: the card comes to look exactly as it was noted
            outbox.dirty(tx, ["I1"], incident="I1", now=world.clock())

        world.database.write(work)
        world.settle()

    world.says("li.na", "/incident open 甲处中断")
    assert "甲处中断" in stands(world, incident_card(world))
    cut.broken = ":incident:I1"
    rename("乙处中断")
    assert not cut.broken
    assert "乙处中断" in stands(world, incident_card(world))
    key = incident_card(world).key
    at_once = update(OutboxRow).where(col(OutboxRow.key) == key).values(due=world.clock())
    world.database.write(lambda tx: tx.connection().execute(at_once))  # the second try comes within the second that the card shows
    rename("甲处中断")
    assert row_of(world, key).status == DONE
    assert "甲处中断" in stands(world, incident_card(world))


# ---- words


def test_a_retry_says_the_same_words_whatever_happened_meanwhile(opened: World, telex: Telex) -> None:
    tried: list[Said] = []
    stop = once("incident.commander:p:wu.di", TryLater(5, "too fast"))

    def look(one: Said) -> None:
        if "incident.commander:p:wu.di" in one.key:
            tried.append(one)
        stop(one)

    telex.before = look
    opened.says("li.na", "/incident handover I1 吴迪")
    assert len(tried) == 1
    opened.says("wu.di", "/incident handover I1 李娜")
    opened.says("li.na", "/incident fact I1 title=行情中断已扩大到两地")
    opened.passes(seconds=30)
    first, second = [one for one in tried if one.key == tried[0].key]
    assert first == second
    row = row_of(opened, first.key)
    assert row.said["text"] == text(first)
    assert row.said_hash
    assert row.attempt == 1, "to be asked for patience costs no attempt"


def test_a_reminder_that_no_longer_matters_is_not_said(opened: World, telex: Telex) -> None:
    task = opened.by_code("common.rollcall")
    remind(opened, task, "wu.di")
    assert opened.road.ask(opened.message("sun.jie", f"/task claim {task.ref}", "dm:sun.jie")).error is None
    opened.settle()
    assert not [one for one in telex.sent(deed="send") if "task.reminder" in one.key]
    assert {row.status for row in rows(opened) if "task.reminder" in row.key} == {DONE}


# ---- bundles


def test_reminders_of_one_person_are_one_message(opened: World, telex: Telex) -> None:
    first, second, third = opened.tasks()[:3]
    for task in (first, second, third):
        remind(opened, task, "wu.di")
    remind(opened, first, "sun.jie")
    opened.settle()
    to_wu = [one for one in telex.sent(deed="send") if one.place == "p:wu.di"]
    assert [one.key for one in to_wu] == [f"{first.ref}:1:task.reminder:p:wu.di"]
    assert all(task.ref in text(to_wu[0]) for task in (first, second, third))
    (to_sun,) = [one for one in telex.sent(deed="send") if one.place == "p:sun.jie"]
    assert second.ref not in text(to_sun)
    assert {row.status for row in rows(opened) if "task.reminder" in row.key} == {DONE}


def test_a_bundle_that_is_tried_again_swallows_no_newer_reminder(opened: World, telex: Telex) -> None:
    first, second, third = opened.tasks()[:3]
    tried: list[Said] = []
    stop = once("task.reminder:p:wu.di", TryLater(5, "too fast"))

    def look(one: Said) -> None:
        if one.place == "p:wu.di":
            tried.append(one)
        stop(one)

    telex.before = look
    remind(opened, first, "wu.di")
    remind(opened, second, "wu.di")
    opened.settle()
    remind(opened, third, "wu.di")
    opened.passes(seconds=30)
    assert [one.key.split(":")[0] for one in tried] == [first.ref, first.ref, third.ref]
    assert tried[0] == tried[1]
    assert all(ref in text(tried[1]) for ref in (first.ref, second.ref))
    assert third.ref not in text(tried[1])
    assert {row.status for row in rows(opened) if "task.reminder" in row.key} == {DONE}


def test_a_bundle_given_up_takes_all_its_reminders_along_and_raises_one_alarm(opened: World, telex: Telex) -> None:
    telex.before = once("task.reminder:p:wu.di", WillNeverWork("no such person"))
    for task in opened.tasks()[:3]:
        remind(opened, task, "wu.di")
    opened.settle()
    assert [row.status for row in rows(opened) if "task.reminder" in row.key] == [BURIED] * 3
    assert len(alarms(telex)) == 1


def _rests(tx: Session) -> None:
    for row in tx.exec(select(OutboxRow).where(col(OutboxRow.lane) == "p:wu.di:reminders", col(OutboxRow.status) == WAITING)):
        row.lane = f"{outbox.RESTS}{row.lane}"


@pytest.mark.parametrize("rested", [(), (2,), (1, 3)], ids=str)
def test_one_live_reminder_per_item(opened: World, telex: Telex, rested: tuple[int, ...]) -> None:
    """Also when some of them rested before they went, in the line beside."""
    task = opened.tasks()[0]
    for round_ in (1, 2, 3):
        remind(opened, task, "wu.di", round_=round_)
        if round_ in rested:
            opened.database.write(_rests)
        opened.settle()
        opened.clock.pass_time(minutes=1)
    sent = [one for one in telex.sent(deed="send") if one.place == "p:wu.di"]
    assert len(sent) == 3
    edits = telex.sent(deed="edit", superseded=True)
    reminders = [row for row in rows(opened) if "task.reminder" in row.key]
    assert [one.place for one in edits] == [row.message_id for row in reminders[:2]]
    assert [one.message for one in edits] == [one.message for one in sent[:2]], "what was said stays readable"
    assert [row.superseded for row in reminders] == [True, True, False]


# ---- order, refusals, giving up


def test_what_weighs_more_goes_first(opened: World, telex: Telex) -> None:
    people = [person for person in opened.plans.organization.people if person != ADMINISTRATOR][:16]
    kinds: list[Urgency] = ["copy", "digest", "reminder", "escalation", "assignment", "reply", "approval", "clock"] * 2
    for person, urgency in zip(people, kinds, strict=True):
        tell(opened, "incident.updated", person, {"by": "li.na", "text": urgency}, urgency)
    opened.settle()
    order = [row_of(opened, one.key).priority for one in telex.sent(deed="send")]
    assert order == sorted([*PRIORITY.values()] * 2)


def test_a_chat_that_refuses_holds_up_nobody_else(opened: World, telex: Telex) -> None:
    for room in ("g:tech", "g:recovery"):
        assert opened.says("wang.qiang", "/incident bind I1", room).error is None
    telex.wire.clear()
    away = [True]

    def look(one: Said) -> None:
        if one.place == "g:tech" and away:
            raise TryLater(20, "slow down")

    telex.before = look
    for n in range(3):
        opened.says("li.na", f"/incident update 第 {n} 报")

    def told(room: str) -> list[str]:
        return [text(one) for one in telex.sent(deed="send", place=room) if "incident.updated" in one.key]

    assert len(told("g:recovery")) == 3
    assert told("g:tech") == []
    away.clear()
    opened.passes(minutes=2)
    assert told("g:tech") == told("g:recovery"), "all of it, in order"


class Slow(Telex):
    """The first message is a long time on its way: whatever may go beside it overtakes it."""

    gone: bool = False

    async def do(self, deed: Deed, key: str) -> Done:
        if not self.gone:
            self.gone = True
            for _ in range(200):
                await asyncio.sleep(0)
                if self.wire:
                    break
        return await super().do(deed, key)


@pytest.mark.parametrize(("first", "second"), [("reply", "copy"), ("assignment", "assignment"), ("clock", "digest")])
def test_what_goes_into_one_chat_overtakes_nothing(opened: World, first: Urgency, second: Urgency) -> None:
    slow = Slow()
    opened.worker = Worker(opened.road, {"console": slow}, lambda person: (("console", person),), Metrics(), Bells())
    for version, urgency in enumerate((first, second)):
        tell(opened, "incident.updated", "wu.di", {"by": "li.na", "text": urgency}, urgency, version=version)
    told = col(OutboxRow.key).like("I1:_:incident.updated:p:wu.di")
    of_two_subjects = update(OutboxRow).where(told).values(lane=col(OutboxRow.key))
    opened.database.write(lambda tx: tx.connection().execute(of_two_subjects))
    opened.settle()
    assert [one.key for one in slow.sent(deed="send", place="p:wu.di")] == [f"I1:{version}:incident.updated:p:wu.di" for version in (0, 1)]


def test_an_answer_in_a_direct_chat_comes_before_the_news_of_what_was_done(opened: World) -> None:
    slow = Slow()
    opened.worker = Worker(opened.road, {"console": slow}, lambda person: (("console", person),), Metrics(), Bells())
    tell(opened, "incident.updated", "wu.di", {"by": "li.na", "text": "新"})
    answers(opened, "dm:wu.di", "wu.di")
    opened.settle()
    assert [row_of(opened, one.key).kind for one in slow.sent(deed="send")] == ["reply", "notice"]


def answers(world: World, chat: str, reader: str | None = None) -> None:
    said, now = plain(Outgoing("已记入")), world.clock()
    world.database.write(
        lambda tx: outbox.enqueue_reply(
            tx, key="answer", platform="console", chat=chat, said=said, incident=None, now=now, reader=reader
        )
    )  # fmt: skip


@pytest.fixture
def asked(opened: World, telex: Telex) -> World:
    """What was asked in a group waits to be answered there, and two groups are to hear the news of it."""
    for room in ("g:tech", "g:recovery"):
        assert opened.says("wang.qiang", "/incident bind I1", room).error is None
    telex.wire.clear()
    tell(opened, "incident.updated", "chat", {"by": "li.na", "text": "新"}, "escalation")
    answers(opened, "g:tech")
    return opened


def turns(world: World, queue: Queue[OutboxRow], telex: Telex) -> list[tuple[str, str]]:
    """(chat, kind) of what one turn of a loop says in the two groups."""
    before = len(telex.wire)
    asyncio.run(world.worker.sender.turn(queue))
    said = [one for one in telex.wire[before:] if one.place in ("g:tech", "g:recovery")]
    return sorted((one.place, row_of(world, one.key).kind) for one in said)


def test_an_answer_goes_into_its_group_before_the_news_whichever_loop_is_faster(asked: World, telex: Telex) -> None:
    assert turns(asked, UNHURRIED, telex) == [("g:recovery", "notice")], "nobody else waits"
    assert turns(asked, URGENT, telex) == [("g:tech", "reply")]
    assert turns(asked, UNHURRIED, telex) == [("g:tech", "notice")]
    asked.settle()


def test_what_is_as_urgent_as_an_answer_does_not_wait_for_it(asked: World, telex: Telex) -> None:
    tell(asked, "incident.updated", "chat", {"by": "li.na", "text": "急"}, "clock", version=2)
    ahead = update(OutboxRow).where(col(OutboxRow.key).contains("I1:1:")).values(lane="elsewhere")
    asked.database.write(lambda tx: tx.connection().execute(ahead))  # within one subject the order stands anyway
    assert ("g:tech", "notice") in turns(asked, URGENT, telex)
    asked.settle()


@pytest.mark.parametrize("trouble", [TryLater(20, "slow down"), ConnectionError("cut")], ids=["patience", "cut"])
def test_an_answer_that_cannot_be_said_at_once_holds_up_no_news(asked: World, telex: Telex, trouble: Exception) -> None:
    telex.before = once("answer", trouble)
    assert turns(asked, URGENT, telex) == []
    assert turns(asked, UNHURRIED, telex) == [("g:recovery", "notice"), ("g:tech", "notice")]
    asked.passes(minutes=1)
    assert row_of(asked, "answer").status == DONE


def test_an_answer_whose_holder_died_holds_up_no_news_for_longer_than_its_lease(asked: World, telex: Telex) -> None:
    asked.database.write(lambda tx: URGENT.claim(tx, asked.clock(), 10))
    assert ("g:tech", "notice") not in turns(asked, UNHURRIED, telex)
    asked.clock.pass_time(seconds=91)
    asked.database.write(lambda tx: URGENT.claim(tx, asked.clock(), 10))  # it dies once more
    assert ("g:tech", "notice") in turns(asked, UNHURRIED, telex)
    asked.passes(minutes=2)


def alarms(telex: Telex) -> list[Said]:
    return [one for one in telex.sent(deed="send", place=f"p:{ADMINISTRATOR}") if "house.buried" in one.key]


def test_what_is_revived_and_buried_again_is_told_again(opened: World, telex: Telex) -> None:
    def unknown(one: Said) -> None:
        if "task.reminder" in one.key:
            raise WillNeverWork("no such person")

    telex.before = unknown
    remind(opened, opened.tasks()[0], "wu.di")
    opened.settle()
    (lost,) = [row for row in rows(opened) if row.status == BURIED]
    assert opened.database.write(lambda tx: OUTBOX.revive(tx, lost.id or 0, opened.clock()))
    opened.settle()
    assert len(alarms(telex)) == 2


def test_what_can_never_work_is_buried_and_administrators_hear_of_it_in_the_same_commit(opened: World, telex: Telex) -> None:
    untold: list[str] = []

    def check(topics: frozenset[str]) -> None:
        found = rows(opened)
        keys = {row.key for row in found}
        lost = [row for row in found if row.status == BURIED]
        untold.extend(row.key for row in lost if f"outbox:{row.id}:{row.fence}:house.buried:p:{ADMINISTRATOR}" not in keys)

    opened.database.on_commit.append(check)
    telex.before = once("incident.updated", WillNeverWork("the group was dissolved"))
    opened.says("li.na", "/incident update 已切换")
    opened.database.on_commit.remove(check)
    (lost,) = rows(opened, status=BURIED)
    assert lost.error == "the group was dissolved"
    (alarm,) = alarms(telex)
    assert "这个群已解散" in text(alarm)
    assert str(lost.id) in text(alarm)
    assert untold == []


def test_attempts_that_are_used_up_end_in_an_alarm(opened: World, telex: Telex) -> None:
    def broken(one: Said) -> None:
        if "incident.updated" in one.key:
            raise ConnectionError

    telex.before = broken
    opened.says("li.na", "/incident update 已切换")
    (waiting,) = rows(opened, status="waiting")
    for _ in range(OUTBOX.attempts):
        opened.clock.pass_time(minutes=6)
        opened.settle()
    lost = row_of(opened, waiting.key)
    assert (lost.status, lost.attempt, lost.error) == (BURIED, OUTBOX.attempts, "ConnectionError")
    assert len([one for one in alarms(telex) if str(lost.id) in text(one)]) == 1


def test_an_alarm_that_reaches_nobody_raises_no_further_alarm(opened: World, telex: Telex) -> None:
    def never(one: Said) -> None:
        raise WillNeverWork("nobody is reachable")

    telex.before = never
    opened.says("li.na", "/incident update 已切换")
    found = rows(opened, status=BURIED)
    assert {row.about.get("notice") for row in found} >= {"incident.updated", "house.buried"}
    told = [row for row in found if row.about.get("notice") == "house.buried"]
    assert len(told) == len(found) - len(told), "one alarm for each loss, none for an alarm"


def test_what_cannot_be_drawn_holds_up_nobody_and_is_buried_in_the_end(opened: World, telex: Telex) -> None:
    tell(opened, "no.such.screen", "wu.di", {}, "clock")
    opened.says("li.na", "/incident update 已切换")
    assert [one for one in telex.sent(deed="send") if "incident.updated" in one.key]
    for _ in range(OUTBOX.attempts):
        opened.clock.pass_time(minutes=6)
        opened.settle()
    (lost,) = [row for row in rows(opened, status=BURIED) if "no.such.screen" in row.key]
    assert lost.error == "KeyError"
    assert len([one for one in alarms(telex) if str(lost.id) in text(one)]) == 1


def test_a_person_whom_no_messenger_reaches_is_reported(opened: World, telex: Telex) -> None:
    opened.worker.sender.ways = lambda person: () if person == "wu.di" else (("console", person),)
    opened.says("li.na", "/incident handover I1 吴迪")
    (lost,) = rows(opened, status=BURIED)
    assert (lost.recipient, lost.error) == ("wu.di", "no messenger reaches wu.di")
    assert len(alarms(telex)) == 1


# ---- what remains of an event


def test_after_eight_hours_an_events_words_are_gone_and_it_is_still_known(opened: World) -> None:
    said = opened.message("li.na", "/incident update 客户来电增多", "dm:li.na")
    opened.road.ask(said)
    version = opened.incident().version
    opened.clock.pass_time(hours=7, minutes=59)
    assert opened.database.write(lambda tx: inbox.erase(tx, opened.clock())) == 0
    opened.clock.pass_time(minutes=2)
    assert opened.database.write(lambda tx: inbox.erase(tx, opened.clock())) > 0
    found = opened.database.read(lambda tx: inbox.find(tx, "console", said.event_id))
    assert found is not None
    assert (found.status, found.payload, found.reply, found.erased) == (DONE, None, None, opened.clock())
    opened.road.ask(said)
    assert not opened.road.store(said)
    opened.clock.pass_time(hours=-8)  # the clock's own reminders are not what is looked at here
    opened.settle()
    assert opened.incident().version == version


def test_what_still_waits_is_never_erased(opened: World) -> None:
    opened.road.store(opened.message("li.na", "/incident update 客户来电增多", "dm:li.na"))
    later = opened.clock() + timedelta(days=2)
    opened.database.write(lambda tx: inbox.erase(tx, later))
    waiting = opened.database.read(lambda tx: tx.exec(select(InboxRow).where(InboxRow.status == "waiting")).all())
    assert [row.payload is not None for row in waiting] == [True]
    opened.settle()
    assert opened.incident().last_update == "客户来电增多"
