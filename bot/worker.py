"""The loops: each claims what is due, does it, and sleeps until a commit or the metronome wakes it."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from bot.metrics import Metrics
from bot.platforms.core.contract import CreateRoom, Deed, Done, Edit, Platform, Send, TryLater, WillNeverWork
from bot.web.bell import Bell, Bells
from handlers.core.message import Button, Card, Message, Outgoing
from handlers.core.road import LostRow, Road
from storage import inbox, outbox
from storage.database import Transaction, away, canonical, part
from storage.inbox import INBOX
from storage.outbox import OUTBOX, UNHURRIED, URGENT
from storage.queue import Claim, Queue, backoff
from storage.tables.queues import InboxRow, OutboxRow, QueueRow, TimerRow
from storage.timers import TIMERS
from storage.views.reader import Reader

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", bound=QueueRow)
#: How many rows one claim takes: a claim with its drawing must not hold the SQLite writer for long.
LOT = 10
#: Seconds that one row of the inbox makes way for events that arrive.
PATIENCE = 0.02
#: How long a deed may take before it counts as lost; well inside the outbox's lease.
DEED_LIMIT = 30.0


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
        """Until none is being stored, and not longer than PATIENCE: what is stored must be worked off too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._calm.wait()


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed outbox row (and the reminders bundled with it), drawn and ready to go; None = it no longer matters.

    `repeated`: a new card that was handed out before. Where it arrived then, the platform knows its key and shows the older words.
    """

    row: OutboxRow
    bundled: tuple[OutboxRow, ...]
    message: Outgoing | None
    repeated: bool = False


class Worker:
    """`platforms` by name; `route` answers (platform, id there) for a person, or None when no platform reaches them."""

    def __init__(
        self, road: Road, platforms: Mapping[str, Platform], route: Callable[[str], tuple[str, str] | None], metrics: Metrics, bell: Bells
    ) -> None:
        self.road = road
        self.house = road.house
        self.platforms = platforms
        self.route = route
        self.metrics = metrics
        self.bell = bell
        self.arrivals = Arrivals()
        self.loops: Mapping[str, tuple[Bell, Callable[[], Awaitable[bool]]]] = {
            "inbox": (bell["inbox"], self.inbox_turn),
            "timers": (bell["timers"], self.timer_turn),
            "urgent": (bell["outbox"], partial(self.outbox_turn, URGENT)),
            "outbox": (bell["outbox"], partial(self.outbox_turn, UNHURRIED)),
        }
        self.beats: dict[str, datetime] = {}

    async def run(self) -> None:
        """All loops, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, (bell, turn) in self.loops.items():
                group.create_task(self._loop(name, bell, turn), name=f"gengfu-{name}")

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

    async def store(self, message: Message) -> bool:
        """Keep an event for the loops, before what waits is handled; False when it was there already."""
        with self.arrivals.storing():
            return await asyncio.wrap_future(self.road.store_soon(message))

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self.house.database.submit_write(work))

    # Inbox and timers

    async def inbox_turn(self) -> bool:
        claim = await self._write(lambda tx: self._claim(tx, INBOX, "inbox", LOT))
        for row in claim.rows:
            await self.arrivals.calm()
            await self._settled(self._inbox_row, row)
        return bool(claim)

    def _inbox_row(self, row: InboxRow) -> None:
        try:
            self.road.work(row)
            self.metrics.events.labels(platform=row.platform, result="done").inc()
        except LostRow:
            log.info("an event was somebody else's", extra={"action": "row_lost", "inbox": row.id})
        except Exception as error:
            self.metrics.events.labels(platform=row.platform, result="failed").inc()
            log.exception("an event failed", extra={"action": "event_failed", "inbox": row.id, "error": type(error).__name__})
            due, text, free = self.house.now() + backoff(row.attempt), type(error).__name__, away(error)
            self.house.database.write(lambda tx: INBOX.retry(tx, row, due, text, free=free))

    async def timer_turn(self) -> bool:
        now = self.house.now()
        claim = await self._write(lambda tx: self._claim(tx, TIMERS, "timer", LOT * 5))
        rounds: dict[str | None, list[tuple[TimerRow, timedelta]]] = {}
        for row, late in zip(claim.rows, claim.late, strict=True):
            rounds.setdefault(row.incident, []).append((row, late))
        await asyncio.gather(*(self._round(of_one, now) for of_one in rounds.values()))
        return bool(claim)

    async def _round(self, timers: Iterable[tuple[TimerRow, timedelta]], claimed: datetime) -> None:
        """One incident's timers one after the other; several incidents side by side, where the database can."""
        for row, late in timers:
            await self._settled(self._timer_row, row)
            self.metrics.lateness.observe((late + (self.house.now() - claimed)).total_seconds())

    def _timer_row(self, row: TimerRow) -> None:
        try:
            self.road.fire(row)
            self.metrics.timers_fired.labels(name=row.name).inc()
        except Exception as error:
            log.exception("a timer failed", extra={"action": "timer_failed", "record": row.record_ref, "error": type(error).__name__})
            due, text, free = self.house.now() + backoff(row.attempt), type(error).__name__, away(error)
            self.house.database.write(lambda tx: TIMERS.retry(tx, row, due, text, free=free))

    async def _settled(self, handle: Callable[[Any], None], row: Any) -> None:
        await asyncio.to_thread(handle, row)

    def _claim(self, tx: Transaction, queue: Queue[R], name: str, limit: int) -> Claim[R]:
        """What is due. What had used up its attempts is buried, and administrators are told in the same commit."""
        claim = queue.claim(tx, self.house.now(), limit)
        for row in claim.buried:
            self._buried(tx, name, row, row.error or "")
        return claim

    def _buried(self, tx: Transaction, queue: str, row: QueueRow, error: str) -> None:
        log.error("a row was buried", extra={"action": "row_buried", "queue": queue, "row": row.id, "error": error})
        # An alarm that reaches nobody must not raise the next one.
        if not (isinstance(row, OutboxRow) and row.about.get("notice") == "house.buried"):
            self.road.alarm(tx, queue, row, error)

    # Outbox

    async def outbox_turn(self, queue: Queue[OutboxRow] = OUTBOX) -> bool:
        ready, busy = await self._write(lambda tx: self._claim_and_draw(tx, queue))
        await asyncio.gather(*(self._deliver(one) for one in ready))
        return busy

    def _claim_and_draw(self, tx: Transaction, queue: Queue[OutboxRow]) -> tuple[list[Ready], bool]:
        """Whether it still matters is asked, and the words are found and kept, in the transaction that claims the row.

        What turns out to say nothing new (most cards after most commits) is done in the same transaction.
        """
        claim = self._claim(tx, queue, "outbox", LOT)
        reader = self.road.reader(tx)
        ready = [one for row in claim.rows if (one := self._prepared(tx, reader, row)) is not None]
        return ready, bool(claim)

    def _prepared(self, tx: Transaction, reader: Reader, row: OutboxRow) -> Ready | None:
        """A row that cannot be drawn waits by itself, and is buried in the end: it must not hold up the others of its lot."""
        now = self.house.now()
        try:
            with part(tx):
                bundled = tuple(outbox.bundle(tx, row, now))
                repeated = row.kind == "card" and row.message_id is None and row.said is not None
                one = Ready(row, bundled, self._drawn(tx, reader, row, bundled), repeated)
                if _nothing_new(one):
                    self._done(tx, one, None, Done())
                    return None
                if row.kind == "card":
                    row.said_hash = None  # from here until it is noted, nobody knows what stands in the chat
                return one
        except Exception as error:
            log.exception("a message cannot be drawn", extra={"action": "draw_failed", "outbox": row.id, "error": type(error).__name__})
            OUTBOX.retry(tx, row, now + backoff(row.attempt), type(error).__name__)
            return None

    def _drawn(self, tx: Transaction, reader: Reader, row: OutboxRow, bundled: tuple[OutboxRow, ...]) -> Outgoing | None:
        if row.kind == "supersede":
            return self._without_the_replaced(tx, reader, row)
        if row.kind == "reply" or (row.kind == "notice" and row.said is not None):
            return outgoing(row.said)  # a retry says the same words
        if row.kind == "room":
            return Outgoing("")
        message = self.road.draw(reader, row)
        if bundled:
            message = self._together([(row, message), *((one, self.road.draw(reader, one)) for one in bundled)])
        row.said = None if message is None else asdict(message)
        if row.kind != "card":  # a card's is noted when it stands in its chat
            row.said_hash = None if message is None else fingerprint(message)
            for one in bundled:
                one.said_hash = row.said_hash  # a retry takes the same ones along
        tx.flush()
        return message

    def _without_the_replaced(self, tx: Transaction, reader: Reader, row: OutboxRow) -> Outgoing:
        """What the message still reminds of; once that is nothing, the old words, marked as replaced."""
        rest = outbox.standing(tx, row.platform, row.about["message_id"])
        message = self._together([(one, self.road.draw(reader, one)) for one in rest])
        row.superseded = message is None
        return message or outgoing(row.said)

    def _together(self, messages: Iterable[tuple[OutboxRow, Outgoing | None]]) -> Outgoing | None:
        """Several reminders for one reader as one message 「你有 3 项」."""
        found = [(row, message) for row, message in messages if message is not None]
        drawn = [message for _, message in found]
        if len(drawn) < 2:
            return drawn[0] if drawn else None
        words, clocks = self.house.words, all(row.about.get("notice") in outbox.CLOCKS for row, _ in found)
        head = words.say("reminder.bundle_clocks" if clocks else "reminder.bundle", count=len(drawn))
        cards = [m.card for m in drawn if m.card]
        lines = tuple(("", m.text) for m in drawn)
        buttons = tuple(b for card in cards for b in card.buttons[:2])[:10]
        card = Card(head, lines, "", buttons, "danger" if clocks else "warning", any(c.drill for c in cards))
        return Outgoing("\n".join([head, *(m.text for m in drawn)]), card)

    async def _deliver(self, ready: Ready) -> None:
        row = ready.row
        try:
            platform, what = self._deed(ready)
            async with asyncio.timeout(DEED_LIMIT):
                done = await self.platforms[platform].do(
                    what, f"{row.key}:{row.wanted}" if row.kind == "card" and row.message_id else row.key
                )
            await self._write(lambda tx: self._done(tx, ready, platform, done))
            self._count(platform, "done")
        except LostRow:
            log.info("a message was somebody else's", extra={"action": "row_lost", "outbox": row.id})
        except WillNeverWork as error:
            text = str(error)
            self._count(row.platform or "-", "never")
            await self._write(lambda tx: self._give_up(tx, ready, text))
        except Exception as error:
            await self._try_again(ready, error)

    def _give_up(self, tx: Transaction, ready: Ready, error: str) -> None:
        for one in ready.bundled:
            OUTBOX.bury(tx, one, self.house.now(), error)
        if OUTBOX.bury(tx, ready.row, self.house.now(), error):
            self._buried(tx, "outbox", ready.row, error)

    async def _try_again(self, ready: Ready, error: Exception) -> None:
        row, asked = ready.row, isinstance(error, TryLater)
        wait = timedelta(seconds=error.after) if isinstance(error, TryLater) else backoff(row.attempt)
        self._count(row.platform or "-", "later")
        log.warning("a message has to wait", extra={"action": "send_failed", "outbox": row.id, "error": type(error).__name__})
        due, text = self.house.now() + wait, str(error) if asked else type(error).__name__
        await self._write(lambda tx: [OUTBOX.retry(tx, one, due, text, free=asked or away(error)) for one in (row, *ready.bundled)])

    def _count(self, platform: str, result: str) -> None:
        self.metrics.deliveries.labels(platform=platform, result=result).inc()

    def _deed(self, ready: Ready) -> tuple[str, Deed]:
        """(platform, deed) for a row that has something to say."""
        row, message = ready.row, ready.message
        assert message is not None, "what says nothing is done when it is claimed"
        if row.kind == "room":
            return row.platform or "", CreateRoom(row.about["name"], tuple(row.about["members"]))
        if row.kind == "supersede":
            return row.platform or "", Edit(row.chat or "", row.about["message_id"], message, superseded=row.superseded)
        if row.message_id is not None:
            return row.platform or "", Edit(row.chat or "", row.message_id, message)
        if row.chat:
            return row.platform or "", Send(message, chat=row.chat)
        found = self.route(row.recipient or "")
        if found is None:
            raise WillNeverWork(f"no messenger reaches {row.recipient}")
        return found[0], Send(message, person=found[1])

    def _done(self, tx: Transaction, ready: Ready, platform: str | None, done: Done) -> None:
        """Note what was done, in the commit that ends the claim; facts that a record cares about become an event of their own."""
        now, row = self.house.now(), ready.row
        where = {"platform": platform, "chat": done.facts.get("chat"), "message_id": done.facts.get("message_id")}
        for one in ready.bundled:
            OUTBOX.done(tx, one, now, **where)
        shown = fingerprint(ready.message) if row.kind == "card" and ready.message is not None else row.said_hash
        shown = None if ready.repeated else shown
        if not outbox.delivered(tx, row, now, platform=platform, facts=done.facts, said_hash=shown, again=ready.repeated):
            raise LostRow(f"outbox row {row.id} is somebody else's now")
        if row.kind == "room":
            values = {"platform": row.platform, "chat": done.facts["chat"]}
            payload = {"request": "room.created", "actor": "delivery", "incident": row.incident, "values": values}
            inbox.store(tx, self.house.cipher, platform="gengfu", event_id=row.key, lane=f"gengfu:{row.incident}", payload=payload, now=now)
        if row.about.get("notice") in outbox.REMINDERS and ready.message is not None:
            for one in (row, *ready.bundled):
                outbox.supersede(tx, [one.ref or ""], now, by=one)


def pause(failures: int) -> float:
    """Seconds that a loop waits after it stumbled so many times in a row: half a second, then longer, at most ten, for ever."""
    return min(2.0 ** min(failures, 6) / 4, 10.0)


def _nothing_new(ready: Ready) -> bool:
    """It no longer matters, was said before its note got lost, or is a card that stands in its chat as it would be drawn now."""
    row, message = ready.row, ready.message
    if message is None:
        return True
    if row.kind == "card":
        return row.message_id is not None and row.said_hash == fingerprint(message)
    return row.kind == "notice" and row.message_id is not None


def outgoing(said: Mapping[str, Any]) -> Outgoing:
    """An Outgoing from what was kept with its row."""
    card = said.get("card")
    if card:
        lines = tuple((name, value) for name, value in card["lines"])
        buttons = tuple(Button(**button) for button in card["buttons"])
        card = Card(**{**card, "lines": lines, "buttons": buttons})
    return Outgoing(said["text"], card or None, tuple(said.get("mentions") or ()))


def fingerprint(message: Outgoing) -> str:
    return hashlib.sha256(canonical(asdict(message)).encode()).hexdigest()
