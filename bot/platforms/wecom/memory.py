"""What WeCom makes us remember: codes that change a card once, what stands where, what was said already. On the platform's shelf."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from bot.platforms.core.contract import Shelf, TryLater, Unsure, WillNeverWork

#: How long an attempt of which nothing is known stays in doubt.
DOUBT = timedelta(hours=4)


class Memory:
    def __init__(self, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self.shelf = shelf
        self._now = now
        self._writing: set[asyncio.Future[None]] = set()

    async def get(self, key: str) -> str | None:
        await self.settled()
        return await asyncio.to_thread(self.shelf.get, key)

    async def put(self, key: str, value: str, span: timedelta) -> None:
        await asyncio.to_thread(self.shelf.put, key, value, self._now() + span)

    async def take(self, key: str) -> str | None:
        """The value, once."""
        await self.settled()
        return await asyncio.to_thread(self.shelf.take, key)

    def soon(self, key: str, value: str, span: timedelta) -> None:
        """For what a callback brings, whose answer must not wait for it; whoever asks next waits instead."""
        ends = self._now() + span
        try:
            writing = asyncio.ensure_future(asyncio.to_thread(self.shelf.put, key, value, ends))
        except RuntimeError:  # no loop is running: nobody waits
            self.shelf.put(key, value, ends)
            return
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    @asynccontextmanager
    async def trying(self, one: str) -> AsyncIterator[bool]:
        """Around an attempt; was there one before, of which nobody knows what came? An attempt that was answered, or that never left,
        leaves no doubt."""
        tried = await self.get(f"try:{one}") is not None
        await self.put(f"try:{one}", "1", DOUBT)
        try:
            yield tried
        except (TryLater, WillNeverWork) as error:
            if not tried and not isinstance(error, Unsure):
                await self.take(f"try:{one}")
            raise

    async def settled(self) -> None:
        await asyncio.gather(*self._writing, return_exceptions=True)


def fingerprint(value: Any) -> str:
    return sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]
