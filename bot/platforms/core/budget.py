"""Staying below what a vendor allows: counters per window on the shelf, which replicas share. Who must wait is told how long."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from bot.platforms.core.contract import Shelf, TryLater

#: What one process takes off a wide window at a time, so that not every message asks the database: a twentieth.
LOTS = 20
#: A month is used up too fast when it is this far ahead of the calendar; then a card changes once in `GATHER` and not at every step.
AHEAD, GATHER = 0.05, timedelta(minutes=1)
#: What the shelf can count to.
UNBOUNDED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` per `window`; `name` is what it counts (`app:minute`, `chat:oc_1`)."""

    name: str
    most: int
    window: timedelta


class Month:
    """What a vendor allows an app in a calendar month (of the firm's time zone), counted by all replicas together.

    Nine tenths are for everything; the last tenth is for what is urgent, which is counted and goes until the vendor itself refuses.
    """

    def __init__(self, shelf: Shelf, most: int, zone: ZoneInfo, now: Callable[[], datetime], what: str = "month") -> None:
        """`what` is counted: calls (`month`), or something else of its own."""
        self._shelf = shelf
        self._what = what
        most = min(most, UNBOUNDED)
        self._most = most
        self._calm = most * 9 // 10
        self._lot = max(1, most // 1000)
        self._zone = zone
        self._now = now
        self._held: tuple[str, int] = ("", 0)
        self._low: tuple[str, bool] = ("", False)
        self._lock = asyncio.Lock()

    async def count(self) -> None:
        """One call more; refuses nothing."""
        async with self._lock:
            key, ends = month_of(self._now(), self._zone, self._what)
            kept, left = self._held
            if kept != key or not left:
                calm = await self._spend(key, ends, self._calm, self._lot)
                if not calm:
                    await self._spend(key, ends, UNBOUNDED, self._lot)
                self._low, left = (key, not calm), self._lot
            self._held = (key, left - 1)

    async def low(self) -> bool:
        """Is only the urgent part left? Asked of the shelf once a month and process; then each lot tells."""
        key, ends = month_of(self._now(), self._zone, self._what)
        if self._low[0] != key:
            self._low = (key, not await self._spend(key, ends, self._calm - self._lot, 0))
        return self._low[1]

    async def gathers(self, card: str) -> bool:
        """Has this card changed within the last minute, in a month that is used faster than it goes by? Asked once before a change."""
        now = self._now()
        key, ends = month_of(now, self._zone, self._what)
        allowed = int(self._most * (gone(now, self._zone) + AHEAD))
        if await self._spend(key, ends, allowed, 0):
            return False
        return not await asyncio.to_thread(self._shelf.spend, f"changed:{card}", 1, GATHER)

    async def _spend(self, key: str, ends: datetime, most: int, count: int) -> bool:
        # A day longer than the month: the key already says which one it is.
        window = ends - self._now() + timedelta(days=1)
        return await asyncio.to_thread(self._shelf.spend, key, most, window, count)


def month_of(now: datetime, zone: ZoneInfo, what: str = "month") -> tuple[str, datetime]:
    """(the shelf's key of this month, when it ends)."""
    local = now.astimezone(zone)
    after = (local.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return f"budget:{what}:{local:%Y-%m}", after


def gone(now: datetime, zone: ZoneInfo) -> float:
    """How much of the month has gone by, from 0 to 1."""
    _, ends = month_of(now, zone)
    begins = (ends - timedelta(days=1)).replace(day=1)
    return (now - begins) / (ends - begins)


def off_the_hour(now: datetime, key: str) -> datetime | None:
    """Within the first minute of a full or a half hour: when in the second minute this shall leave, the same for every replica.
    None at any other time."""
    if now.minute % 30:
        return None
    return now.replace(second=0, microsecond=0) + timedelta(seconds=60 + sha256(key.encode()).digest()[0] % 60)


class Budget:
    def __init__(self, shelf: Shelf, now: Callable[[], datetime], month: Month | None = None) -> None:
        self._shelf = shelf
        self._now = now
        self._month = month
        self._held: dict[str, tuple[int, datetime]] = {}
        self._lock = asyncio.Lock()

    async def take(self, limits: Iterable[Limit]) -> None:
        """One of each, the narrowest first; TryLater until the window that is used up can be asked again.

        What was taken of the others is not given back: it only makes us a little slower than allowed.
        """
        async with self._lock:
            for limit in sorted(limits, key=lambda limit: limit.window):
                if not await self._one(limit):
                    raise TryLater(min(limit.window.total_seconds(), 10.0), f"the budget {limit.name} is used up")
        if self._month is not None:
            await self._month.count()

    async def _one(self, limit: Limit) -> bool:
        left, ends = self._held.get(limit.name, (0, self._now()))
        if left and ends > self._now():
            self._held[limit.name] = (left - 1, ends)
            return True
        lot = max(1, limit.most // LOTS)
        if not await asyncio.to_thread(self._shelf.spend, f"budget:{limit.name}", limit.most, limit.window, lot):
            self._held.pop(limit.name, None)
            return False
        if lot > 1:
            # A lot is used up within a tenth of its window or forgotten: it must not be carried into the next one.
            self._held[limit.name] = (lot - 1, self._now() + limit.window / 10)
        return True
