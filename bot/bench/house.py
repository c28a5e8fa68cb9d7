"""The road and the worker with a busy firm in the database: timers that all come at once, and commands until their reply leaves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from prometheus_client import Histogram

from bot.bench.places import environment
from bot.bench.report import Row, at_most, ms, quantile
from bot.bench.sample import FIRST, firm
from bot.bootstrap import Parts, build, real_now
from bot.clock import TICK
from bot.config import read_settings
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Done, Send
from handlers.core.message import Message
from storage import filling
from storage.database import Database
from storage.outbox import OUTBOX
from storage.schema import migrate
from storage.views.rounds import look

#: A member of the emergency office of the sample plan.
WHO = "wu.di"


class Watched:
    """The console, noting when a reply to WHO leaves."""

    name = "console"
    can = Console.can

    def __init__(self, console: Console) -> None:
        self._console = console
        self.receive, self.answer = console.receive, console.answer
        self.listen, self.close = console.listen, console.close
        self.left: dict[str, float] = {}

    async def do(self, deed: Deed, key: str) -> Done:
        if isinstance(deed, Send):
            self.left.setdefault(key, time.perf_counter())
        return await self._console.do(deed, key)


def furnished(url: str, *, incidents: int, tasks: int, due: timedelta) -> Parts:
    """All parts of a process over a database that holds a busy firm."""
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()
    parts = build(read_settings(environment(url, 8000), None))
    now = real_now()
    parts.database.write(lambda tx: parts.plans.keep(tx, now))
    found = firm(parts.plans, now, incidents=incidents, tasks=tasks, due=due)
    parts.database.write(lambda tx: filling.records(tx, found))
    filling.settled(parts.database)
    return parts


def timers_at_once(name: str, url: str, *, incidents: int, timers: int) -> list[Row]:
    """So many reminders due at the same moment, of as many tasks: until all their messages wait in the outbox."""
    parts = furnished(url, incidents=incidents, tasks=timers, due=timedelta(hours=8))
    try:
        now = real_now()
        due = [(f"T{FIRST + n}", "response", f"I{FIRST + n % incidents}", now) for n in range(timers)]
        parts.database.write(lambda tx: filling.timers(tx, due, now))
        filling.settled(parts.database)
        began = time.perf_counter()
        asyncio.run(_all_fired(parts))
        seconds = time.perf_counter() - began
        waiting = parts.database.read(lambda tx: OUTBOX.waiting(tx, real_now())).waiting
        if waiting < timers:
            raise RuntimeError(f"{timers} timers left {waiting} messages")
    finally:
        parts.close()
    scaled = seconds * 5000 / timers
    return [
        Row(
            f"{timers:,} timers due at once until {waiting:,} messages are ready ({name})",
            f"{seconds:.1f} s",
            "-",
            f"{timers / seconds:.0f}/s",
            "< 30 s / 5 s (5,000)",
            at_most(scaled, 30, 5),
        )
    ]


def steady(name: str, url: str, *, incidents: int, items: int, rate: int, seconds: int) -> list[Row]:
    """All loops running, `items` open items, of which `rate` a second fall due; in the midst of it the engine looks at itself."""
    parts = furnished(url, incidents=incidents, tasks=items, due=timedelta(hours=8))
    seen = Lateness(rate * seconds)
    parts.metrics.lateness = seen
    try:
        now = real_now()
        soon, late = now + timedelta(seconds=2), now + timedelta(hours=1)
        due = [
            (f"T{FIRST + n}", "response", f"I{FIRST + n % incidents}", soon + timedelta(seconds=n / rate) if n < rate * seconds else late)
            for n in range(items)
        ]
        parts.database.write(lambda tx: filling.timers(tx, due, now))
        filling.settled(parts.database)
        asyncio.run(_walked(parts, seen))
    finally:
        parts.close()
    p99 = quantile(seen.all, 0.99)
    what = f"reminder lateness p50 / p99, {items:,} open items, {rate} due a second ({name})"
    shown = f"{quantile(seen.all, 0.5):.2f} s / {p99:.2f} s"
    return [Row(what, shown, "-", "-", "p99 < 2 s / 1 s", at_most(p99, 2, 1))]


class Lateness(Histogram):
    """The product's own measure of how late timers fire: each of them, `enough` when there were so many."""

    def __init__(self, expected: int) -> None:
        super().__init__("lateness_seconds", "how late a timer fired", registry=None)
        self.all: list[float] = []
        self.enough = asyncio.Event()
        self._expected = expected

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self.all.append(amount)
        if len(self.all) >= self._expected:
            self.enough.set()


async def _walked(parts: Parts, seen: Lateness) -> None:
    async def metronome() -> None:
        while True:
            parts.bell.ring()
            await asyncio.sleep(TICK)

    async with _running(parts):
        knocks = asyncio.create_task(metronome())
        try:
            await asyncio.sleep(4)
            await asyncio.to_thread(parts.database.read, lambda tx: look(tx, parts.plans, parts.now()))
            async with asyncio.timeout(120):
                await seen.enough.wait()
        finally:
            knocks.cancel()


async def _all_fired(parts: Parts) -> None:
    while await parts.worker.timer_turn():
        pass


def commands(name: str, url: str, *, incidents: int, tasks: int, own: int, rounds: int) -> list[Row]:
    """A typed command until its reply is handed to the platform, loops running, among `own` incidents opened by the road itself."""
    parts = furnished(url, incidents=incidents, tasks=tasks, due=timedelta(hours=8))
    try:
        taken = asyncio.run(_commands(parts, own, rounds))
    finally:
        parts.close()
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    what, crowd = "command -> its reply leaves", f"{incidents:,} open incidents, {tasks:,} open tasks"
    return [
        Row(f"{what}, p50, {crowd} ({name})", ms(p50), "-", "-", "< 50 ms / 15 ms", at_most(p50, 0.050, 0.015)),
        Row(f"{what}, p99, {len(taken)} commands ({name})", ms(p99), "-", "-", "< 250 ms / 80 ms", at_most(p99, 0.250, 0.080)),
    ]


async def _commands(parts: Parts, own: int, rounds: int) -> list[float]:
    watched = Watched(parts.console)
    parts.worker.sender.platforms = {"console": watched}
    async with _running(parts):
        for number in range(own):
            await _said(parts, watched, f"open-{number}", f"/事件 上报 类型=系统故障 行情中断 {number}")
            # It is like the crowd's, and therefore offered for merging first.
            await _said(parts, watched, f"anew-{number}", f"/来报 开事件 N{number + 1}")
        await _quiet(parts)
        return [
            await _said(parts, watched, f"{step}-{number}", _line(number, number % own + 1, step))
            for number in range(rounds)
            for step in ("update", "add", "mine")
        ]


def _line(number: int, incident: int, step: str) -> str:
    """What people say most: how it stands, one more task, what is mine."""
    lines = {"update": f"/事件 进展 I{incident} 正在切换 {number}", "add": f"/任务 新增 I{incident} 核对 {number}", "mine": "/任务 我的"}
    return lines[step]


@asynccontextmanager
async def _running(parts: Parts) -> AsyncIterator[None]:
    loops = asyncio.create_task(parts.worker.run())
    try:
        yield
    finally:
        loops.cancel()
        with suppress(asyncio.CancelledError):
            await loops


async def _said(parts: Parts, watched: Watched, event: str, text: str) -> float:
    """Seconds from the moment the line arrived to the moment its reply is handed to the platform."""
    chat = await asyncio.to_thread(parts.rooms.direct, WHO)
    message = Message("console", f"{WHO}:{event}", "text", chat, "direct", WHO, text, parts.now(), addressed=True)
    began = time.perf_counter()
    reply = await asyncio.to_thread(parts.road.ask, message)
    if reply.error:
        raise RuntimeError(f"{text!r} was refused: {reply.text}")
    key = f"reply:console:{WHO}:{event}"
    while key not in watched.left:
        if time.perf_counter() - began > 60:
            raise RuntimeError(f"{text!r} was not answered")
        await asyncio.sleep(0.001)
    return watched.left[key] - began


async def _quiet(parts: Parts) -> None:
    """Until nothing more is due."""
    for _ in range(600):
        stats = await asyncio.to_thread(parts.database.read, lambda tx: OUTBOX.waiting(tx, parts.now()))
        if not stats.due:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the outbox does not get empty")
