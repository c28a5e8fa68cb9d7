"""What a platform gives for our secret, until it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

#: A token is fetched anew so long before it ends, or after half of its life when that is later.
EARLY = timedelta(minutes=5)

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""(token, how many seconds it lasts)"""


class Token:
    """Fetched once however many calls wait for it; replicas get the same one from the platform while it lives."""

    def __init__(self, fetch: Fetch, now: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._now = now
        self._token = ""
        self._ends: datetime | None = None
        self._fetching = asyncio.Lock()

    async def get(self, dead: str = "") -> str:
        """A fresh one when `dead` is the one we have."""
        async with self._fetching:
            if self._token in ("", dead) or self._ends is None or self._ends <= self._now():
                self._token, seconds = await self._fetch()
                lasts = timedelta(seconds=seconds)
                self._ends = self._now() + max(lasts - EARLY, lasts / 2)
            return self._token
