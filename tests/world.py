"""A small firm at work: the real road, worker and console over a real database, with a clock that the test moves.

world.says("li.na", "/incident open 行情中断")      what one person types, in their direct chat or in a room
world.taps("chen.jing", "同意")                     the newest button of that label that this person can see
world.taps("li.na", "定级", csrc_grade="larger")    the same, its form filled in
world.passes(minutes=10)                            time goes by, timers fire, messages arrive
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, col, delete, select

from bot.bootstrap import GUEST, load_topics
from bot.metrics import Metrics
from bot.platforms.console import Console
from bot.publishing import Means
from bot.web.bell import Bells
from bot.worker import Worker
from handlers.core.house import House
from handlers.core.message import Message, Reply
from handlers.core.road import Road
from handlers.core.screen import screen
from handlers.core.wording import Locale
from storage.cipher import Cipher
from storage.database import Database, Transaction
from storage.mapping import to_record
from storage.plans import Plans
from storage.rooms import Line, Rooms
from storage.tables.audit import AuditRow
from storage.tables.queues import WAITING, InboxRow, OutboxRow, QueueRow, TimerRow
from storage.tables.records import ApprovalRow, GradingRow, IncidentRow, TaskRow
from tests import ready
from tests.make import Clock
from workflows.core.approval import Approval
from workflows.incident import Grading, Incident
from workflows.task import Task

#: The sample plan without its regulator's duties and with one type only, for stories that are not about them.
SMALL_PLAN = Path(__file__).parent / "data" / "small_plan"
KEY = (("test", bytes(range(32))),)
QUEUES = (InboxRow, OutboxRow, TimerRow)


@dataclass
class World:
    database: Database
    clock: Clock
    plans: Plans
    road: Road
    worker: Worker
    rooms: Rooms
    events: Iterator[int] = field(default_factory=count)

    # People

    def says(self, person: str, text: str, room: str | None = None, *, reply_to: str | None = None) -> Reply:
        """What `person` types, in their direct chat with the bot unless a room is named; then the bot does all it has to do."""
        chat = room or self.rooms.direct(person)
        self.rooms.post(chat, person, text, None, (), f"page/{next(self.events)}")
        reply = self.road.ask(self.message(person, text, chat, reply_to=reply_to))
        self.settle()
        return reply

    def message(self, person: str, text: str, chat: str, **more: Any) -> Message:
        kind = "direct" if chat.startswith("dm:") else "group"
        return Message(
            "console",
            f"{person}:{next(self.events)}",
            more.pop("kind", "text"),
            chat,
            "direct" if kind == "direct" else "group",
            person,
            text,
            self.clock(),
            addressed=kind == "direct",
            **more,
        )

    def taps(self, person: str, label: str, answer: str = "", /, *, line: Line | None = None, **fields: str) -> Reply:
        """Tap the newest button with this label that the person can see (or that of `line`), and send its form with these values."""
        chat, message_id, button = self.button(person, label, line)
        if answer:
            fields = {"text": answer, **fields}
        assert set(fields) <= {field["name"] for field in button["form"]}, "the form has no such field"
        event = self.message(person, button["command"], chat, kind="click", version=button["version"], reply_to=message_id, fields=fields)
        reply = self.road.ask(event)
        self.settle()
        return reply

    def button(self, person: str, label: str, line: Line | None = None) -> tuple[str, str, dict[str, Any]]:
        """The newest button called so, else the newest whose label contains it."""
        shown = reversed([(r, m) for r, m in self.seen_by(person) if line is None or m.id == line.id])
        buttons = [(room, message.id, button) for room, message in shown for button in acts_on(message)]
        found = [one for one in buttons if one[2]["label"] == label] or [one for one in buttons if label in one[2]["label"]]
        if not found:
            raise AssertionError(f"{person} sees no button {label!r}")
        return found[0]

    # What they see

    def lines(self, room: str, person: str) -> list[Line]:
        return list(self.rooms.messages(room, person, 0, 1000).lines)

    def seen_by(self, person: str) -> list[tuple[str, Line]]:
        """(room, message) of everything a person can see, the oldest first."""
        found = [(room.id, line) for room in self.rooms.rooms_of(person) for line in self.lines(room.id, person)]
        return sorted(found, key=lambda pair: (pair[1].at, pair[1].seq))

    def direct(self, person: str) -> list[str]:
        """The bot's words in a person's direct chat, the oldest first."""
        return [line.text for line in self.lines(self.rooms.direct(person), person) if not line.author]

    def room_of(self, person: str, part: str) -> str:
        """The group chat of this person whose name contains `part`."""
        return next(room.id for room in self.rooms.rooms_of(person) if room.kind == "group" and part in room.name)

    def group(self, room: str, person: str) -> list[str]:
        """The bot's words in a room, as a member sees them, the oldest first."""
        return [line.text for line in self.lines(room, person) if not line.author]

    def card(self, person: str, part: str) -> dict[str, Any]:
        """The newest card whose title contains `part`, among all that this person can see."""
        cards = [((line.body or {}).get("card") or {}) for _, line in reversed(self.seen_by(person))]
        return next(card for card in cards if part in card.get("title", ""))

    # Time and the house

    def passes(self, **span: float) -> None:
        """Time goes by, and everything that is due happens when it is due."""
        end = self.clock() + timedelta(**span)
        while self.clock() < end:
            self.clock.now = min(end, self.next_due() or end)
            self.settle()

    def settle(self) -> None:
        """Let the worker do all that is due now. Cards due within the next seconds are drawn too."""
        asyncio.run(self._settle())

    async def _settle(self) -> None:
        sender = self.worker.sender
        sender.lot_limit = sender.in_order = None  # every deed is over before the next turn, in its order
        for _ in range(500):
            if following := [one for one in self.worker._following if one.get_loop() is asyncio.get_running_loop()]:
                await asyncio.wait(following)  # what was decided late is said, before all that is due was said
            turns = [await self.worker.inbox_turn(), await self.worker.timer_turn(), await self.worker.work_turn()]
            turns.append(await self.worker.outbox_turn())
            if not any(turns):
                return
        raise AssertionError("the house does not come to rest")

    def sleeps(self, **span: float) -> None:
        """The house is down for a while: time goes by and nothing happens until the end, then all that is due at once."""
        self.clock.now += timedelta(**span)
        self.settle()

    def only(self, *refs: str) -> None:
        """The clocks of all other records stop: a story of one task need not play the twenty beside it."""
        self.database.write(lambda tx: tx.exec(delete(TimerRow).where(col(TimerRow.record_ref).not_in(refs))))

    def next_due(self) -> datetime | None:
        """When the next row that waits is due; None when nothing waits for later."""
        now = self.clock()
        return self.database.read(lambda tx: min((due for kind in QUEUES for due in _later(tx, kind, now)), default=None))

    # Records

    def incident(self, ref: str = "I1") -> Incident:
        return self.database.read(lambda tx: to_record(Incident, tx.get(IncidentRow, ref)))

    def task(self, ref: str) -> Task:
        return self.database.read(lambda tx: to_record(Task, tx.get(TaskRow, ref)))

    def tasks(self) -> list[Task]:
        rows = self.database.read(lambda tx: [to_record(Task, row) for row in tx.exec(select(TaskRow))])
        return sorted(rows, key=lambda t: int(t.ref[1:]))

    def by_code(self, code: str) -> Task:
        return next(t for t in self.tasks() if t.code == code)

    def approval(self, ref: str = "A1") -> Approval:
        return self.database.read(lambda tx: to_record(Approval, tx.get(ApprovalRow, ref)))

    def gradings(self) -> list[Grading]:
        rows = self.database.read(lambda tx: [to_record(Grading, row) for row in tx.exec(select(GradingRow))])
        return sorted(rows, key=lambda g: int(g.ref[1:]))

    def timers(self, ref: str) -> dict[str, datetime]:
        """Name to due of a record's running timers."""
        running = select(TimerRow).where(TimerRow.record_ref == ref, TimerRow.status == WAITING)
        return self.database.read(lambda tx: {row.name: row.due for row in tx.exec(running)})

    def trail(self, ref: str) -> list[tuple[str, str, dict[str, Any]]]:
        """(actor, verb, details) of a record's chain, or of a person's (`P:li.na`), the oldest first."""
        chain = select(AuditRow).where(AuditRow.record_ref == ref).order_by(col(AuditRow.version))
        return self.database.read(lambda tx: [(row.actor, row.verb, dict(row.details or {})) for row in tx.exec(chain)])

    def everything(self) -> bytes:
        """Every column of every row of every table."""
        tables = SQLModel.metadata.sorted_tables
        rows = self.database.read(lambda tx: [tuple(row) for table in tables for row in tx.connection().execute(table.select())])
        return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)


def acts_on(line: Line) -> list[dict[str, Any]]:
    """The buttons of a message's card, those of its menu last."""
    card = (line.body or {}).get("card") or {"buttons": [], "menu": []}
    return [*card["buttons"], *card["menu"]]


def _later(tx: Transaction, kind: type[QueueRow], now: datetime) -> list[datetime]:
    statement = select(kind.due).where(kind.status == WAITING, kind.due > now).order_by(col(kind.due)).limit(1)
    return list(tx.exec(statement))


def make_world(
    database: Database,
    locale: Locale = "zh",
    start: datetime | None = None,
    plan: Path = SMALL_PLAN,
    means: Callable[[Clock], Means] = lambda clock: Means(),
) -> World:
    load_topics()
    ready.with_schema(ready.hasty(database))
    clock = Clock() if start is None else Clock(start)
    plans = ready.plans(plan)
    rooms = Rooms(database, lambda text: screen(text).text, clock)
    people = plans.organization.people
    console = Console(rooms, lambda person: person == GUEST or person in people, clock)
    numbers = count(1)
    identify: Callable[[str, str], str | None] = lambda platform, identity: identity if identity in people else None  # noqa: E731
    house = House(database, plans, Cipher(KEY), ready.words(locale), clock, lambda: f"{next(numbers):016x}", identify)
    road = Road(house)
    worker = Worker(
        road, {"console": console}, lambda person: (("console", person.removeprefix("console:")),), Metrics(), Bells(), means=means(clock)
    )
    for group in plans.organization.groups.values():
        rooms.create(group.id, group.name, group.everyone)
    for outlet in plans.current.outlets.values():
        if outlet.platform == "console":
            rooms.create(outlet.chat.removeprefix("g:"), outlet.title, plans.organization.groups["opinion"].everyone)
    database.write(road.begin)
    return World(database, clock, plans, road, worker, rooms)
