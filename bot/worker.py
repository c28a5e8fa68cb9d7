"""The loops: each claims what is due, does it, and sleeps until a commit or the metronome wakes it."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.metrics import Metrics
from bot.platforms.core.contract import CreateRoom, Deed, Done, Edit, Platform, Send, TryLater, WillNeverWork
from bot.web.bell import Bell
from handlers.core.message import Button, Card, Outgoing
from handlers.core.road import LostRow, Road
from storage import inbox, outbox
from storage.database import Transaction, canonical
from storage.inbox import INBOX
from storage.outbox import OUTBOX
from storage.queue import backoff
from storage.tables.queues import InboxRow, OutboxRow, TimerRow
from storage.timers import TIMERS

log = logging.getLogger(__name__)

T = TypeVar("T")
#: How many rows one claim takes: a claim with its drawing must not hold the SQLite writer for long.
LOT = 10
#: How long a deed may take before it counts as lost; well inside the outbox's lease.
DEED_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed outbox row (and the reminders bundled with it), drawn and ready to go; None = it no longer matters."""

    row: OutboxRow
    bundled: tuple[OutboxRow, ...]
    message: Outgoing | None


class Worker:
    """`platforms` by name; `route` answers (platform, id there) for a person, or None when no platform reaches them."""

    def __init__(
        self, road: Road, platforms: Mapping[str, Platform], route: Callable[[str], tuple[str, str] | None], metrics: Metrics, bell: Bell
    ) -> None:
        self.road = road
        self.house = road.house
        self.platforms = platforms
        self.route = route
        self.metrics = metrics
        self.bell = bell
        self.beats: dict[str, datetime] = {}

    async def run(self) -> None:
        """All loops, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, turn in (("inbox", self.inbox_turn), ("timers", self.timer_turn), ("outbox", self.outbox_turn)):
                group.create_task(self._loop(name, turn), name=f"gengfu-{name}")

    async def _loop(self, name: str, turn: Callable[[], Awaitable[bool]]) -> None:
        """Work while there is work; then wait for the bell, which commits and the metronome ring."""
        failures = 0
        while True:
            heard = self.bell.count
            try:
                busy = await turn()
                failures = 0
            except Exception as error:  # a database that is away for a while must not end the loop
                failures += 1
                log.exception("a loop stumbled", extra={"action": "loop_failed", "loop": name, "error": type(error).__name__})
                await asyncio.sleep(min(2.0**failures / 4, 10.0))
                busy = False
            self.beats[name] = self.house.now()
            if not busy:
                await self.bell.wait(heard, 2.0)

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self.house.database.submit_write(work))

    # Inbox and timers

    async def inbox_turn(self) -> bool:
        claim = await self._write(lambda tx: INBOX.claim(tx, self.house.now(), LOT))
        for row in claim.buried:
            await self._buried("inbox", row.id or 0, row.error or "")
        for row in claim.rows:
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
            due, text = self.house.now() + backoff(row.attempt), type(error).__name__
            self.house.database.write(lambda tx: INBOX.retry(tx, row, due, text))

    async def timer_turn(self) -> bool:
        now = self.house.now()
        claim = await self._write(lambda tx: TIMERS.claim(tx, now, LOT * 5))
        for row in claim.buried:
            await self._buried("timer", row.id or 0, row.error or "")
        for row, late in zip(claim.rows, claim.late, strict=True):
            await self._settled(self._timer_row, row)
            self.metrics.lateness.observe((late + (self.house.now() - now)).total_seconds())
        return bool(claim)

    def _timer_row(self, row: TimerRow) -> None:
        try:
            self.road.fire(row)
            self.metrics.timers_fired.labels(name=row.name).inc()
        except Exception as error:
            log.exception("a timer failed", extra={"action": "timer_failed", "record": row.record_ref, "error": type(error).__name__})
            due, text = self.house.now() + backoff(row.attempt), type(error).__name__
            self.house.database.write(lambda tx: TIMERS.retry(tx, row, due, text))

    async def _settled(self, handle: Callable[[Any], None], row: Any) -> None:
        await asyncio.to_thread(handle, row)

    async def _buried(self, queue: str, row_id: int, error: str) -> None:
        log.error("a row was buried", extra={"action": "row_buried", "queue": queue, "row": row_id, "error": error})
        await self._write(lambda tx: self.road.alarm(tx, queue, row_id, error))

    # Outbox

    async def outbox_turn(self) -> bool:
        ready, buried = await self._write(self._claim_and_draw)
        for row_id, error in buried:
            await self._buried("outbox", row_id, error)
        await asyncio.gather(*(self._deliver(one) for one in ready))
        return bool(ready or buried)

    def _claim_and_draw(self, tx: Transaction) -> tuple[list[Ready], list[tuple[int, str]]]:
        """Whether it still matters is asked, and the words are found and kept, in the transaction that claims the row."""
        now = self.house.now()
        claim = OUTBOX.claim(tx, now, LOT)
        ready = []
        for row in claim.rows:
            bundled = tuple(outbox.bundle(tx, row, now)) if row.about.get("notice") == "task.reminder" else ()
            ready.append(Ready(row, bundled, self._drawn(tx, row, bundled)))
        alarms = [(row.id or 0, row.error or "") for row in claim.buried if row.about.get("notice") != "house.buried"]
        return ready, alarms

    def _drawn(self, tx: Transaction, row: OutboxRow, bundled: tuple[OutboxRow, ...]) -> Outgoing | None:
        if row.kind in ("reply", "supersede") or (row.kind == "notice" and row.said is not None):
            return outgoing(row.said)  # a retry says the same words
        if row.kind == "room":
            return Outgoing("")
        message = self.road.draw(tx, row)
        if bundled:
            message = self._together(tx, message, bundled)
        row.said = None if message is None else asdict(message)
        row.said_hash = None if message is None else fingerprint(message)
        tx.flush()
        return message

    def _together(self, tx: Transaction, first: Outgoing | None, bundled: tuple[OutboxRow, ...]) -> Outgoing | None:
        """Several reminders of one person as one message 「你有 3 项」."""
        drawn = [m for m in (first, *(self.road.draw(tx, row) for row in bundled)) if m is not None]
        if len(drawn) < 2:
            return drawn[0] if drawn else None
        words = self.house.words
        head = words.say("reminder.bundle", count=len(drawn))
        cards = [m.card for m in drawn if m.card]
        lines = tuple(("", m.text) for m in drawn)
        buttons = tuple(b for card in cards for b in card.buttons[:2])[:10]
        card = Card(head, lines, "", buttons, "warning", any(c.drill for c in cards))
        return Outgoing("\n".join([head, *(m.text for m in drawn)]), card)

    async def _deliver(self, ready: Ready) -> None:
        row = ready.row
        try:
            deed = self._deed(ready)
            if deed is None:
                await self._write(lambda tx: self._done(tx, ready, None, Done()))
                return
            platform, what = deed
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
            await self._write(lambda tx: [OUTBOX.bury(tx, one, self.house.now(), text) for one in (row, *ready.bundled)])
            await self._buried("outbox", row.id or 0, text)
        except Exception as error:
            await self._try_again(ready, error)

    async def _try_again(self, ready: Ready, error: Exception) -> None:
        row, asked = ready.row, isinstance(error, TryLater)
        wait = timedelta(seconds=error.after) if isinstance(error, TryLater) else backoff(row.attempt)
        self._count(row.platform or "-", "later")
        log.warning("a message has to wait", extra={"action": "send_failed", "outbox": row.id, "error": type(error).__name__})
        due, text = self.house.now() + wait, str(error) if asked else type(error).__name__
        await self._write(lambda tx: [OUTBOX.retry(tx, one, due, text, free=asked) for one in (row, *ready.bundled)])

    def _count(self, platform: str, result: str) -> None:
        self.metrics.deliveries.labels(platform=platform, result=result).inc()

    def _deed(self, ready: Ready) -> tuple[str, Deed] | None:
        """(platform, deed) for a row; None when there is nothing to say any more."""
        row, message = ready.row, ready.message
        if message is None:
            return None
        if row.kind == "room":
            return row.platform or "", CreateRoom(row.about["name"], tuple(row.about["members"]))
        if row.kind == "supersede":
            return row.platform or "", Edit(row.chat or "", row.about["message_id"], message, superseded=True)
        if row.message_id is not None:
            changed = row.kind == "card"
            return (row.platform or "", Edit(row.chat or "", row.message_id, message)) if changed else None
        if row.chat:
            return row.platform or "", Send(message, chat=row.chat)
        found = self.route(row.recipient or "")
        if found is None:
            raise WillNeverWork(f"no messenger reaches {row.recipient}")
        return found[0], Send(message, person=found[1])

    def _done(self, tx: Transaction, ready: Ready, platform: str | None, done: Done) -> None:
        """Note what was done, in the commit that ends the claim; facts that a record cares about become an event of their own."""
        now, row = self.house.now(), ready.row
        for one in ready.bundled:
            OUTBOX.done(tx, one, now)
        if not outbox.delivered(tx, row, now, platform=platform, facts=done.facts):
            raise LostRow(f"outbox row {row.id} is somebody else's now")
        if row.kind == "room":
            values = {"platform": row.platform, "chat": done.facts["chat"]}
            payload = {"request": "room.created", "actor": "delivery", "incident": row.incident, "values": values}
            inbox.store(tx, self.house.cipher, platform="gengfu", event_id=row.key, lane=f"gengfu:{row.incident}", payload=payload, now=now)
        if row.about.get("notice") == "task.reminder" and ready.message is not None:
            outbox.supersede_older(tx, (row, *ready.bundled), now)


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
