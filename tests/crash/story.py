"""A small incident as a list of steps, the house that lives through it, and what must be true however often it was killed."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import SQLModel, col, select

from bot.metrics import Metrics
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Done
from bot.web.bell import Bells
from bot.worker import Worker
from handlers.core.message import Message, Reply
from storage import audit, inbox
from storage.database import Database
from storage.mapping import KINDS, to_record
from storage.seals import seal
from storage.tables.audit import AuditRow
from storage.tables.papers import PaperRow
from storage.tables.queues import BURIED, DONE, WAITING, InboxRow, OutboxRow, TimerRow, WorkRow
from storage.tables.records import CounterRow, IncidentRow, TaskRow
from storage.tables.rooms import RoomMessageRow, RoomRow
from storage.verify import verify_lines
from tests.crash.telex import said
from tests.make import START
from tests.world import World, make_world
from workflows.core.approval import ApprovalState
from workflows.core.chain import timers
from workflows.duty import HOUSE
from workflows.task import item

#: Longer than every lease: whatever a dead process held is free again.
PAST_LEASES = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Step:
    """Something a person does `minute` minutes after the beginning; without a person only time has passed."""

    minute: int
    person: str = ""
    text: str = ""
    click: bool = False

    @property
    def at(self) -> datetime:
        return START + timedelta(minutes=self.minute)


#: Every seam of the road once: an opening with its room and cards, a click, a timer.
SHORT = (
    Step(0, "li.na", "/incident open 行情中断"),
    Step(3, "sun.jie", "/task claim T2", click=True),
    Step(6),
)

#: A paper is asked for, made outside any transaction, kept, and told.
PAPER = (
    Step(0, "li.na", "/incident open 行情中断"),
    Step(2, "li.na", "/incident summary I1"),
)

#: From the first word to the archive.
LONG = (
    Step(0, "li.na", "/incident open type=system_failure 行情中断"),
    Step(3, "sun.jie", "/task claim T1", click=True),
    Step(8),
    Step(9, "li.na", "/incident grade I1 证监会=一般"),
    Step(10, "li.na", "/incident activate I1 需要各组到位"),
    Step(12, "lin.yue", "/approve A1", click=True),
    Step(14, "sun.jie", "/task done T1 已点名"),
    Step(15, "wu.di", "/task verify T1", click=True),
    Step(16, "wang.qiang", "/task add I1 group=tech 复查主备切换"),
    Step(17, "li.na", "/incident update I1 已切换到备用线路"),
    Step(18, "xu.jing", "/incident update I1 网上暂无消息"),
    Step(20, "li.na", "/incident recovered I1"),
    Step(21, "li.na", "/incident end I1 业务已恢复"),
    Step(22, "zhou.heng", "/return A2 请先补充影响范围"),
    Step(23, "li.na", "/incident end I1 影响一处营业部"),
    Step(24, "zhou.heng", "/approve A3", click=True),
    Step(25, "zhou.heng", "/incident close I1 强制=领导小组决定先行归档,余项另行跟踪"),
)


def event_id(number: int) -> str:
    return f"story:{number}"


def message(step: Step, number: int, at: datetime) -> Message:
    kind = "click" if step.click else "text"
    return Message("console", event_id(number), kind, f"dm:{step.person}", "direct", step.person, step.text, at, addressed=True)  # type: ignore[arg-type]  # two literals


class Logged(Console):
    """The console, which recognises keys; and a log that recognises none, which survives the process."""

    def watch(self, log: Path, reach: Callable[[str], None]) -> "Logged":
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._reach = reach
        return self

    async def do(self, deed: Deed, key: str) -> Done:
        one = said(deed, key)
        self._reach(f"{one.deed}: asked")
        done = await super().do(deed, key)
        os.write(self._log, (json.dumps([one.key, one.deed]) + "\n").encode())
        self._reach(f"{one.deed}: done")
        return done


def start(database: Database, log: Path, at: datetime, reach: Callable[[str], None] = lambda seam: None) -> World:
    world = make_world(database, start=at)
    console = Logged(world.rooms, world.plans.organization.people.__contains__, world.clock).watch(log, reach)
    people = world.plans.organization.people
    for person in dict.fromkeys(step.person for step in LONG if step.person):
        world.rooms.direct(person)
    world.worker = Worker(world.road, {"console": console}, lambda p: (("console", p),) if p in people else (), Metrics(), Bells())
    return world


def known(world: World, number: int) -> bool:
    return world.database.read(lambda tx: inbox.find(tx, "console", event_id(number))) is not None


def play(world: World, story: tuple[Step, ...], tell: Callable[[int, Reply], None] = lambda number, reply: None) -> None:
    """Live through the story from where the database stands. What was stored is never sent again: the house has to remember it."""
    world.settle()
    for number, step in enumerate(story):
        world.clock.now = max(world.clock(), step.at)
        if step.person and not known(world, number):
            tell(number, world.road.ask(message(step, number, world.clock())))
        world.settle()


# ---- what must be true


def rows(database: Database, kind: type[SQLModel]) -> list[Any]:
    return list(database.read(lambda tx: tx.exec(select(kind)).all()))


def check_nothing_or_all(database: Database) -> None:
    """As found after a kill: an opening is there with everything that belongs to it, or not at all."""
    opened = [*rows(database, IncidentRow)]
    tasks, said_ = rows(database, TaskRow), rows(database, OutboxRow)
    timers_ = [row for row in rows(database, TimerRow) if row.record_ref != HOUSE]
    trail = [row for row in rows(database, AuditRow) if row.verb == "opened"]
    if not opened:
        counters = [row for row in rows(database, CounterRow) if row.name != "duty"]  # the house's own, from its beginning
        assert (tasks, timers_, said_, trail, counters) == ([], [], [], [], [])
        return
    assert len(opened) == 1
    assert len(tasks) == 5
    assert len(trail) == 1 + len(tasks)
    assert {task.ref for task in tasks} | {"I1"} <= {row.record_ref for row in timers_}
    assert {"room:I1", f"reply:console:{event_id(0)}"} <= {row.key for row in said_}
    assert len([row for row in said_ if row.key.endswith(":mine:I1")]) == 11


def check(world: World, log: Path, steps: tuple[Step, ...]) -> None:
    """After the last recovery, with everything at rest."""
    check_trail(world)
    check_answers(world, steps)
    check_timers(world)
    check_said(world, log)
    left = [row for kind in (InboxRow, WorkRow) for row in rows(world.database, kind) if row.status != DONE]
    assert not left, [(row, row.status, row.error) for row in left]
    asked = [step for step in steps if "summary" in step.text]
    assert [(row.id, row.version) for row in rows(world.database, PaperRow)] == [(f"I1-{n}", n) for n in range(1, len(asked) + 1)]


def check_trail(world: World) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = key.public_key().public_bytes_raw()
    while world.database.write(lambda tx: seal(tx, world.clock(), key)) is not None:
        pass
    lines = world.database.read(lambda tx: list(audit.export_lines(tx, now=world.clock(), public_key=public)))
    report = verify_lines(lines, public)
    assert report.ok, report.findings
    assert report.counts["unsealed"] == 0
    newest = Counter(row.record_ref for row in rows(world.database, AuditRow))
    for table, _ in KINDS.values():
        for row in rows(world.database, table):
            assert newest[row.ref] == row.version, row.ref


def check_answers(world: World, steps: tuple[Step, ...]) -> None:
    """Whatever was typed is answered in its chat, once; a click that was decided too late for its own answer is answered there too."""
    keys = [row.key for row in rows(world.database, OutboxRow) if row.kind == "reply"]
    typed = {f"reply:console:{event_id(n)}" for n, step in enumerate(steps) if step.person and not step.click}
    tapped = {f"reply:console:{event_id(n)}" for n, step in enumerate(steps) if step.click}
    assert len(keys) == len(set(keys))
    papers = {f"reply:paper:{row.id}" for row in rows(world.database, PaperRow)}
    assert typed | papers <= set(keys) <= typed | tapped | papers


def check_timers(world: World) -> None:
    """No timer lost and none too many: what waits is what the rules would set for the records as they are."""
    waiting = {(row.record_ref, row.name): row.due for row in rows(world.database, TimerRow) if row.status == WAITING}
    wanted: dict[tuple[str, str], datetime] = {}
    for incident in records(world, "I"):
        response = world.plans.current.responses[incident.response_level]
        if incident.running:
            wanted[incident.ref, "cadence"] = incident.next_update_at
            wanted[incident.ref, "rescore"] = waiting[incident.ref, "rescore"]
        for task in records(world, "T"):
            wanted |= {(task.ref, timer.name): timer.due for timer in timers(item(task), response) if timer.due is not None}
    for approval in records(world, "A"):
        if approval.state is ApprovalState.PENDING:
            wanted[approval.ref, "approval"] = waiting[approval.ref, "approval"]
    assert waiting.keys() == wanted.keys()
    late = [key for key, due in waiting.items() if due <= world.clock()]
    assert not late
    assert {key: due for key, due in waiting.items() if key[0][0] != "T"} == {k: due for k, due in wanted.items() if k[0][0] != "T"}


def check_said(world: World, log: Path) -> None:
    """Everything that a commit asked for is out at least once under its key, and stands once where keys are recognised."""
    found = rows(world.database, OutboxRow)
    assert not [row.key for row in found if row.status == BURIED or (row.status == WAITING and row.due <= world.clock())]
    told = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
    sent = Counter(key for key, deed in told if deed in ("send", "room"))
    on_screen = Counter(row.key for row in rows(world.database, RoomMessageRow))
    for row in found:
        if row.status != DONE or row.kind == "supersede" or (row.kind != "room" and row.said is None):
            continue
        if row.kind != "room":
            assert row.message_id, row.key
            assert on_screen[row.key] == 1, row.key
        assert sent[row.key] >= 1, row.key
    assert set(sent) <= {row.key for row in found}, "and nothing that no commit asked for"
    assert len([room for room in rows(world.database, RoomRow) if room.id.startswith("g:~")]) == 1
    check_cards(world, found)


def check_cards(world: World, found: Iterable[OutboxRow]) -> None:
    """Every card shows what is true."""
    shown = {row.id: row for row in rows(world.database, RoomMessageRow)}
    for row in found:
        if row.kind == "card" and row.status == DONE:
            assert row.said is not None
            assert shown[row.message_id].text == row.said["text"], row.key
            assert shown[row.message_id].body["card"] == row.said["card"], row.key


def records(world: World, letter: str) -> list[Any]:
    (kind, table) = next((kind, table) for kind, (table, found) in KINDS.items() if found == letter)
    return [to_record(kind, row) for row in rows(world.database, table)]


# ---- what must be the same as in a life without accidents

#: What moves with the hour of day and with the clock's own rounds.
_MOVES = {"version", "touched", "level", "round", "prompted_at", "reminded_at", "silent_rounds"}

CLOCKS_OWN = (
    "task.reminder",
    "task.mention",
    "task.exhausted",
    "task.empty_rung",
    "incident.update_due",
    "incident.rescore_due",
    "approval.reminder",
    "approval.stuck",
)


def outcome(world: World) -> dict[str, Any]:
    """What people did, each once, and what they were told; without the hours, which a restart moves."""
    trail = sorted(rows(world.database, AuditRow), key=lambda row: (row.record_ref, row.version))
    acts = [(row.via, row.record_ref, row.verb, row.from_state, row.to_state, row.actor) for row in trail if row.actor != "clock"]
    notices = Counter(
        (row.about.get("notice") or row.about.get("card") or row.kind, row.ref, row.recipient or row.chat)
        for row in rows(world.database, OutboxRow)
        if row.kind not in ("supersede", "reply") and row.about.get("notice") not in CLOCKS_OWN
    )
    return {
        "acts": sorted(acts, key=str),
        "records": {record.ref: _still(record) for letter in "ITAG" for record in records(world, letter)},
        "told": notices,
    }


def _still(record: Any) -> dict[str, Any]:
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in _MOVES}
    return {name: value for name, value in values.items() if not isinstance(value, datetime)}


def last(database: Database) -> Any:
    """The latest moment that anything in the trail happened."""
    return database.read(lambda tx: tx.exec(select(AuditRow.at).order_by(col(AuditRow.at).desc())).first())
