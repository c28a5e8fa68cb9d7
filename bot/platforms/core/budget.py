"""Staying below what a vendor allows: counters per window on the shelf, which replicas share. Who must wait is told how long."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.platforms.core.contract import Shelf, TryLater

#: What one process takes off a wide window at a time, so that not every message asks the database: a twentieth.
LOTS = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` per `window`; `name` is what it counts (`app:minute`, `chat:oc_1`)."""

    name: str
    most: int
    window: timedelta


class Budget:
    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self._shelf = shelf
        self._now = now
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
