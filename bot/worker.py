"""The loops: each claims what is due, does it, and sleeps until a commit or the metronome wakes it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from bot.claims import LOT, claim
from bot.metrics import Metrics
from bot.platforms.core.budget import Month
from bot.platforms.core.contract import Fetch, Platform, Receipt, TryLater, WillNeverWork
from bot.publishing import Means
from bot.receipts import Receipts
from bot.sender import NO_MEANS, NO_MONTHS, Sender, Ways
from bot.web.bell import Bell, Bells
from handlers.core.house import LostRow
from handlers.core.message import Message, Reply, heard
from handlers.core.road import PATIENCE, Road
from storage.database import Transaction, away
from storage.inbox import INBOX
from storage.outbox import UNHURRIED, URGENT
from storage.papers import WORK
from storage.queue import backoff
from storage.tables.queues import InboxRow, TimerRow, WorkRow
from storage.timers import TIMERS
from workflows.core.errors import UserError

log = logging.getLogger(__name__)

T = TypeVar("T")
#: Seconds that one row of the inbox makes way for events that arrive.
MAKES_WAY = 0.02
#: How many timers one transaction fires at most.
ROUND = LOT * 10
#: Where no messenger presses for an answer (a form's page, an alert), the outcome should stand in it.
LONG_PATIENCE = timedelta(seconds=10)
#: A loop that has not turned for so long is stuck (it turns at least every two seconds).
STUCK = timedelta(seconds=15)


class Keeps(Protocol):
    """Where what people send is kept; answers the id it is kept under. UserError for what cannot be kept."""

    def __call__(self, person: str, name: str, content: bytes) -> str: ...


class Arrivals:
    """Events that are being stored right now go first: who sends one waits for the answer, and sends it again when that is late."""

    def __init__(self) -> None:
        self._storing = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @contextmanager
    def storing(self) -> Iterator[None]:
        self._storing += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._storing -= 1
            if not self._storing:
                self._calm.set()

    async def calm(self) -> None:
        """Until none is being stored, and not longer than MAKES_WAY: what is stored must be worked off too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MAKES_WAY):
                await self._calm.wait()


class Worker:
    """`platforms` by name; `ways`: (platform, id there) by which a person is reached, the best first; `keep`: where sent files go."""

    def __init__(
        self, road: Road, platforms: Mapping[str, Platform], ways: Ways, metrics: Metrics, bell: Bells, keep: Keeps | None = None,
        months: Mapping[str, Month] = NO_MONTHS, means: Means = NO_MEANS,
    ) -> None:  # fmt: skip
        self.road = road
        self.house = road.house
        self.sender = Sender(road, platforms, ways, metrics, months, means)
        self.metrics = metrics
        self.bell = bell
        self.keep = keep
        self.arrivals = Arrivals()
        self.receipts = Receipts(road.house.database, metrics)
        self.patience = PATIENCE
        self.round = ROUND
        #: Rounds at a time: a database with several writers works for one while the other is made ready.
        self.side_by_side = 1 if self.house.database.is_sqlite else 2
        self._following: set[asyncio.Task[None]] = set()
        self.outbox_turn = self.sender.turn
        self.loops: Mapping[str, tuple[Bell, Callable[[], Awaitable[bool]]]] = {
            "inbox": (bell["inbox"], self.inbox_turn),
            "timers": (bell["timers"], self.timer_turn),
            "urgent": (bell["outbox"], partial(self.outbox_turn, URGENT)),
            "outbox": (bell["outbox"], partial(self.outbox_turn, UNHURRIED)),
            "work": (bell["work"], self.work_turn),
        }
        self.beats: dict[str, datetime] = {}

    async def run(self) -> None:
        """All loops and long connections, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, (bell, turn) in self.loops.items():
                    group.create_task(self._loop(name, bell, turn), name=f"gengfu-{name}")
                for platform in self.sender.platforms.values():
                    group.create_task(platform.listen(self.hear), name=f"gengfu-listen-{platform.name}")
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Nothing of ours is left in this loop."""
        for following in self._following:
            following.cancel()
        await asyncio.gather(*self._following, self.sender.stop(), self.receipts.stop(), return_exceptions=True)
        await self.sender.publishing.close()
        await asyncio.gather(*(platform.close() for platform in self.sender.platforms.values()), return_exceptions=True)

    async def _loop(self, name: str, bell: Bell, turn: Callable[[], Awaitable[bool]]) -> None:
        """Work while there is work; then wait for its bell, which commits and the metronome ring."""
        failures = 0
        while True:
            heard = bell.count
            try:
                busy = await turn()
                failures = 0
            except Exception as error:  # a database that is away for a while must not end the loop
                failures += 1
                log.exception("a loop stumbled", extra={"action": "loop_failed", "loop": name, "error": type(error).__name__})
                await asyncio.sleep(pause(failures))
                busy = False
            self.beats[name] = self.house.now()
            if not busy:
                await bell.wait(heard, 2.0)

    def stuck(self) -> list[str]:
        """Names of the loops that do not turn."""
        now = self.house.now()
        return [name for name in self.loops if (beat := self.beats.get(name)) is None or now - beat > STUCK]

    async def store(self, message: Message) -> bool:
        """Keep an event for the loops, before what waits is handled; False when it was there already."""
        with self.arrivals.storing():
            return await asyncio.wrap_future(self.road.store_soon(message))

    async def hear(self, message: Message | Receipt) -> Reply | None:
        """An event of a callback or a long connection: decided at once when it is a click, kept for the loops when it is meant for us."""
        if isinstance(message, Receipt):
            await self.receipts.note(message)
            return None
        if month := self.sender.months.get(f"{message.platform}.messages"):
            await month.count()
        if message.kind == "click":
            return await self._readable(message, await asyncio.to_thread(self._linked, message, await self.ask(message)))
        if heard(message) or await asyncio.to_thread(self.road.answers_us, message):
            await self.store(message)
        return None

    async def ask(self, message: Message, patience: timedelta | None = None) -> Reply:
        """Decided at once, or 「in hand」 after 1.2 s with the outcome to follow."""
        limit = self.patience if patience is None else patience
        deciding = asyncio.ensure_future(asyncio.to_thread(self.road.ask, message))
        done, _ = await asyncio.wait({deciding}, timeout=limit.total_seconds())
        if done:
            return deciding.result()
        following = asyncio.create_task(self._follow(message, deciding))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        return Reply(self.house.words.say("house.in_hand"), wait=True)

    async def ask_patiently(self, message: Message) -> Reply:
        return await self.ask(message, max(self.patience, LONG_PATIENCE))

    def _linked(self, message: Message, reply: Reply) -> Reply:
        if reply.card is None or message.chat_kind != "direct":
            return reply
        return replace(reply, card=self.sender.linked(message.platform, self.road.person_of(message), reply.card))

    async def _readable(self, message: Message, reply: Reply) -> Reply:
        """With an answer that fits where the platform shows it; the whole of a longer one stands on the card, or follows one-to-one."""
        # Whoever sent it gets nothing of the house: the person it names reads the outcome alone, cards change by themselves.
        if message.unsigned:
            if reply.text and not reply.wait:
                await asyncio.to_thread(self.road.say_alone, message, reply)
            return Reply(self.house.words.say("house.told_alone"), error=reply.error, wait=reply.wait)
        can = self.sender.platforms[message.platform].can
        if can.on_card and reply.card is None:
            reply = replace(reply, card=await asyncio.to_thread(self.road.touched, message, reply))
        most = 0 if can.on_card and reply.card is None else can.toast
        if len(reply.text) <= most:
            return reply
        shown = reply.card is not None and any(reply.text in value for _, value in reply.card.lines)
        if not shown:
            await asyncio.to_thread(self.road.say_alone, message, reply)
        if can.on_card:
            return replace(reply, text="")
        first = reply.text.split("\n")[0]
        more = "…" if shown else self.house.words.say("house.follows")
        return replace(reply, text=f"{first[: most - len(more)]}{more}")

    async def _follow(self, message: Message, deciding: "asyncio.Future[Reply]") -> None:
        """The road says by itself what was decided late; this is for what was decided in time and came back late."""
        reply = await deciding
        if message.kind != "click" or not reply.text:
            return
        if message.unsigned:
            await asyncio.to_thread(self.road.say_alone, message, reply)
        elif message.chat:
            await asyncio.to_thread(self.road.answer_later, message, reply)

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self.house.database.submit_write(work))

    # Inbox and timers

    async def inbox_turn(self) -> bool:
        found = await self._write(lambda tx: claim(tx, self.road, INBOX, "inbox"))
        for row in found.rows:
            await self.arrivals.calm()
            try:
                files = await self._fetched(row)
            except Exception as error:
                await self._settled(partial(self._inbox_later, error=error), row)
            else:
                await self._settled(partial(self._inbox_row, files=files), row)
        return bool(found)

    async def _fetched(self, row: InboxRow) -> tuple[str, ...]:
        """What was sent with a message and still lies on its platform, brought home; what cannot be is left there, and logged."""
        message = self.road.message_of(row)
        kept: list[str] = []
        for one in message.attached if message is not None and self.keep is not None else ():
            assert message is not None
            assert self.keep is not None
            try:
                deed = Fetch(message.event_id.removeprefix("msg:"), one.key, one.kind)
                done = await self.sender.platforms[row.platform].do(deed, f"fetch:{one.key}")
                person = self.road.person_of(message)
                kept.append(await asyncio.to_thread(self.keep, person, one.name or f"{one.kind}-{len(kept) + 1}", done.content))
            except (WillNeverWork, UserError) as error:
                log.warning("a file was not kept", extra={"action": "file_lost", "inbox": row.id, "error": type(error).__name__})
        return tuple(kept)

    def _inbox_row(self, row: InboxRow, files: tuple[str, ...] = ()) -> None:
        try:
            self.road.work(row, files)
            self.metrics.events.labels(platform=row.platform, result="done").inc()
        except LostRow:
            log.info("an event was somebody else's", extra={"action": "row_lost", "inbox": row.id})
        except Exception as error:
            self.metrics.events.labels(platform=row.platform, result="failed").inc()
            log.exception("an event failed", extra={"action": "event_failed", "inbox": row.id, "error": type(error).__name__})
            self._inbox_later(row, error=error)

    def _inbox_later(self, row: InboxRow, *, error: Exception) -> None:
        asked = isinstance(error, TryLater)
        wait = timedelta(seconds=error.after) if isinstance(error, TryLater) else backoff(row.attempt)
        due, text, free = self.house.now() + wait, type(error).__name__, asked or away(error)
        self.house.database.write(lambda tx: INBOX.retry(tx, row, due, text, free=free))

    async def timer_turn(self) -> bool:
        now = self.house.now()
        found = await self._write(lambda tx: claim(tx, self.road, TIMERS, "timer", self.round * self.side_by_side))
        late = dict(zip((row.id for row in found.rows), found.late, strict=True))
        lots = apart(found.rows, -(-len(found.rows) // self.round))
        alone = [row for left in await asyncio.gather(*(asyncio.to_thread(self.road.round, lot) for lot in lots)) for row in left]
        left = {row.id for row in alone}
        for row in found.rows:
            if row.id not in left:
                self._fired(row, late[row.id] + (self.house.now() - now))
        await asyncio.gather(*(self._one_by_one(of_one, late, now) for of_one in by_incident(alone)))
        return bool(found)

    async def _one_by_one(self, timers: Iterable[TimerRow], late: Mapping[int | None, timedelta], claimed: datetime) -> None:
        """One incident's timers one after the other; several incidents side by side, where the database can."""
        for row in timers:
            if await asyncio.to_thread(self._timer_row, row):
                self._fired(row, late[row.id] + (self.house.now() - claimed))

    def _fired(self, row: TimerRow, late: timedelta) -> None:
        self.metrics.lateness.observe(late.total_seconds())
        self.metrics.timers_fired.labels(name=row.name).inc()

    def _timer_row(self, row: TimerRow) -> bool:
        try:
            self.road.fire(row)
            return True
        except Exception as error:
            log.exception("a timer failed", extra={"action": "timer_failed", "record": row.record_ref, "error": type(error).__name__})
            due, text, free = self.house.now() + backoff(row.attempt), type(error).__name__, away(error)
            self.house.database.write(lambda tx: TIMERS.retry(tx, row, due, text, free=free))
            return False

    # Work

    async def work_turn(self) -> bool:
        """One at a time: papers are heavy, and nobody's clock waits for one."""
        found = await self._write(lambda tx: claim(tx, self.road, WORK, "work", 1))
        for row in found.rows:
            await asyncio.to_thread(self._work_row, row)
        return bool(found)

    def _work_row(self, row: WorkRow) -> None:
        try:
            self.road.labour(row)
        except LostRow:
            log.info("work was somebody else's", extra={"action": "row_lost", "work": row.id})
        except Exception as error:
            log.exception("work failed", extra={"action": "work_failed", "work": row.id, "error": type(error).__name__})
            due, text, free = self.house.now() + backoff(row.attempt), type(error).__name__, away(error)
            self.house.database.write(lambda tx: WORK.retry(tx, row, due, text, free=free))

    async def _settled(self, handle: Callable[[Any], None], row: Any) -> None:
        await asyncio.to_thread(handle, row)


def by_incident(rows: Iterable[TimerRow]) -> list[list[TimerRow]]:
    found: dict[str | None, list[TimerRow]] = {}
    for row in rows:
        found.setdefault(row.incident, []).append(row)
    return list(found.values())


def apart(rows: Sequence[TimerRow], lots: int) -> list[Sequence[TimerRow]]:
    """In so many lots, about as large, of which no two share an incident: they would wait for each other."""
    if lots < 2:
        return [rows] if rows else []
    found: list[list[TimerRow]] = [[] for _ in range(lots)]
    for of_one in by_incident(rows):
        min(found, key=len).extend(of_one)
    return [lot for lot in found if lot]


def pause(failures: int) -> float:
    """Seconds that a loop waits after it stumbled so many times in a row: half a second, then longer, at most ten, for ever."""
    return min(2.0 ** min(failures, 6) / 4, 10.0)
