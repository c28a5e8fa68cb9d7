"""One machine's life in the simulated year: it plays the script from where the database stands, until it is killed or the stretch ends."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from prometheus_client import Histogram

from bot.metrics import Metrics
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Send
from bot.web.bell import Bells
from bot.worker import Worker
from tests.crash.child import SeamDatabase, Seams
from tests.world import World, make_world
from tests.year.checks import at_rest, opened
from tests.year.people import People
from tests.year.plans import plan_of
from tests.year.script import START, Act, Script

#: What fires later than this has to be explained: the machine was gone, or its clock was put forward.
PROMPT = timedelta(seconds=5)
#: These speak whatever week it is: an incident has a beginning and an end.
_MUST = ("open", "activate", "yes", "recovered", "file", "end", "close")


@dataclass
class Figures:
    """What a life has to show; `gone` and `jumped` are timers that fired late for that reason, `worst` the longest in seconds."""

    acts: int = 0
    refused: int = 0
    fired: int = 0
    gone: int = 0
    jumped: int = 0
    worst: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """The stretch that one machine lives: it starts at `start` and knows of the script what comes after `since`, when the last one went.

    `kill_at`: the seam (`tests.crash`) at which it dies; None = it lives until `until`.
    """

    folder: Path
    since: datetime
    start: datetime
    until: datetime
    kill_at: int | None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'gengfu.db'}"


class Lateness(Histogram):
    def __init__(self, seen: Callable[[float], None]) -> None:
        super().__init__("lateness_seconds", "how late a timer fired", registry=None)
        self._seen = seen

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self._seen(amount)


class Ear(Console):
    """The console; and a log, which survives the process, of each message that it was asked to say, and how far the trail was then."""

    def listens(self, log: Path, rows: sqlite3.Connection) -> "Ear":
        self._log = log.open("a", encoding="utf-8", buffering=1)
        self._rows = rows
        return self

    def _do(self, deed: Deed, key: str) -> dict[str, str]:
        if isinstance(deed, Send):
            (last,) = self._rows.execute("SELECT max(rowid) FROM audit").fetchone()
            self._log.write(json.dumps([os.getpid(), key, last]) + "\n")
        return super()._do(deed, key)


class Life:
    def __init__(self, script: Script, part: Part) -> None:
        self.script = script
        self.part = part
        self.figures = Figures()
        self.true = part.start
        now = script.machine(part.start)
        #: How far the machine's clock has just come without a machine, or by itself: nothing can be later than that.
        self.step = max(now - script.machine(part.since), timedelta())
        self.excuse = "gone"
        seams = Seams(None, part.kill_at or -1)
        self.world = make_world(SeamDatabase(part.url, seams), start=now, plan=plan_of(script.seed, part.folder, part.start))
        self.rows = opened(part.folder)
        self.world.worker = self._worker(self.world)
        worker = self.world.worker
        worker.sender.lot_limit = worker.sender.in_order = None  # every deed is over before the next turn, in its order
        self.turns = {"inbox": worker.inbox_turn, "timer": worker.timer_turn, "outbox": worker.sender.turn, "work": worker.work_turn}
        self.runner = asyncio.Runner()
        self.people = People(self.world)
        seams.armed = True

    def run(self) -> None:
        self._settle()
        for act in self.script.acts:
            if self.part.since <= act.at < self.part.until:
                self._pass_to(max(act.at, self.true))
                self._play(act)
        self._pass_to(self.part.until)
        self.runner.close()
        self.world.database.close()

    def _worker(self, world: World) -> Worker:
        people, metrics = world.plans.organization.people, Metrics()
        metrics.lateness = Lateness(self._fired)
        ear = Ear(world.rooms, people.__contains__, world.clock).listens(self.part.folder / "said", self.rows)
        return Worker(world.road, {"console": ear}, lambda person: (("console", person),) if person in people else (), metrics, Bells())

    # Time

    def _pass_to(self, end: datetime) -> None:
        """True time goes by; whatever is due by the machine's clock happens when it is due."""
        while self.true < end:
            due, edge = self._next_due(), self.script.edge(self.true)
            ahead = due - self.world.clock() if due else end - self.true
            moment = min(end, self.true + ahead, edge or end)
            now = self.script.machine(moment)
            self.step = max((now - self.world.clock()) - (moment - self.true), timedelta())
            self.excuse = "jumped"
            self.true, self.world.clock.now = moment, now
            self._settle()

    def _settle(self) -> None:
        """As `World.settle`; but a loop that has nothing to do is not asked, and one event loop serves a life."""
        for _ in range(500):
            busy = [turn for table, turn in self.turns.items() if self._waits(f"SELECT 1 FROM {table} WHERE due <= ? LIMIT 1")]
            moved = [self.runner.run(turn()) for turn in busy]
            if not any(moved):  # what is due may stand behind what a dead machine holds
                break
        else:
            note(self.part.folder, f"{self.true.isoformat()}: the house does not come to rest")
        for wrong in at_rest(self.rows, self.world.clock()):
            note(self.part.folder, f"{self.true.isoformat()}: {wrong}")
        (self.part.folder / "stands").write_text(json.dumps({"true": self.true.isoformat(), "figures": asdict(self.figures)}))

    def _waits(self, query: str) -> str | None:
        now = self.world.clock().strftime("%Y-%m-%d %H:%M:%S.%f")
        found = self.rows.execute(query.replace("WHERE", "WHERE status = 'waiting' AND"), (now,)).fetchone()
        return str(found[0]) if found and found[0] else None

    def _next_due(self) -> datetime | None:
        found = [self._waits(f"SELECT min(due) FROM {table} WHERE due > ?") for table in self.turns]
        return min((datetime.fromisoformat(due).replace(tzinfo=UTC) for due in found if due), default=None)

    def _fired(self, seconds: float) -> None:
        self.figures.fired += 1
        late = timedelta(seconds=seconds)
        if late <= PROMPT:
            return
        self.figures.worst = max(self.figures.worst, seconds)
        if late <= self.step + PROMPT:
            setattr(self.figures, self.excuse, getattr(self.figures, self.excuse) + 1)
        else:
            note(self.part.folder, f"{self.true.isoformat()}: a timer fired {seconds:.0f} s late, {self.step} of it explained")

    # People

    def _play(self, act: Act) -> None:
        """What was said before a death is said again to the letter, and known by its event id."""
        chance = Random(f"{self.script.seed}:{act.number}")
        for person, line in self.people.says(chance, act):
            if act.kind in _MUST or not self._silent(person):
                self._says(act, person, line)

    def _says(self, act: Act, person: str, line: str) -> None:
        message = self.world.message(person, line, self.world.rooms.direct(person))
        reply = self.world.road.ask(replace(message, event_id=f"year:{act.number}:{crc32(f'{person}{line}'.encode())}"))
        if reply.error == "house.internal":
            note(self.part.folder, f"{self.true.isoformat()}: {person} typed {line!r} and got {reply.text!r}")
        self.figures.acts += 1
        self.figures.refused += bool(reply.error)
        self._settle()

    def _silent(self, person: str) -> bool:
        """In each week one in four says nothing at all."""
        week = (self.true - START).days // 7
        return Random(f"{self.script.seed}:{person}:{week}").random() < 0.25


def note(folder: Path, wrong: str) -> None:
    """Something that must not be, kept beyond the death of who saw it."""
    with (folder / "wrong").open("a", encoding="utf-8") as file:
        file.write(wrong + "\n")


def stands(folder: Path, before: datetime) -> tuple[datetime, dict[str, Any]]:
    """(true time, figures) of the last machine when it was last at rest; one that died before that has played nothing after `before`."""
    file = folder / "stands"
    if not file.exists():
        return before, {}
    found = json.loads(file.read_text())
    return datetime.fromisoformat(found["true"]), found["figures"]
