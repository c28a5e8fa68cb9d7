"""What was heard while the house cannot keep it. WeCom tells the long connection everything once: it is held here, in order, for a while,
and whoever said what could not be kept is told so."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.platforms.core.contract import Hear
from handlers.core.message import Message, Reply

log = logging.getLogger(__name__)

Sorry = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """`most` messages for `longest` seconds; tried again after each of `pauses`, the last of them again and again. A tap waits for all of
    `pauses` and no longer: whoever tapped looks at the card."""

    most: int = 200
    longest: float = 600.0
    pauses: tuple[float, ...] = (0.2, 1.0, 3.0, 5.0, 10.0)


class Keeping:
    """`sorry` tells somebody that what they said was not kept."""

    def __init__(self, sorry: Sorry, patience: Patience) -> None:
        self._sorry = sorry
        self._patience = patience
        self._held: deque[tuple[Message, float]] = deque()
        self._draining: asyncio.Task[None] | None = None

    async def keep(self, hear: Hear, message: Message) -> Reply | None:
        """The answer to a tap; None for what is kept, or held until it can be."""
        if message.kind == "click":
            return await self._decided(hear, message)
        if not self._held:
            try:
                return await hear(message)
            except Exception as error:
                _told(error)
        if len(self._held) >= self._patience.most:
            await self._sorry(message)
            return None
        self._held.append((message, asyncio.get_running_loop().time()))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(hear))
        return None

    async def close(self) -> None:
        """What is held still is lost with the process."""
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.gather(self._draining, return_exceptions=True)
        if self._held:
            log.error("messages were not kept", extra={"action": "events_lost", "platform": "wecom", "count": len(self._held)})

    async def _decided(self, hear: Hear, message: Message) -> Reply | None:
        for pause in (0.0, *self._patience.pauses):
            await asyncio.sleep(pause)
            try:
                return await hear(message)
            except Exception as error:
                _told(error)
        await self._sorry(message)
        return None

    async def _drain(self, hear: Hear) -> None:
        """The oldest first, one after another: what somebody says stays in its order."""
        failures, loop = 0, asyncio.get_running_loop()
        while self._held:
            pauses = self._patience.pauses
            await asyncio.sleep(pauses[min(failures, len(pauses)) - 1] if failures else pauses[0])
            while self._held:
                message, since = self._held[0]
                try:
                    await hear(message)
                    failures = 0
                except Exception as error:
                    failures += 1
                    _told(error)
                    if loop.time() - since < self._patience.longest:
                        break
                    await self._sorry(message)
                self._held.popleft()


def _told(error: Exception) -> None:
    log.exception("an event was not kept", extra={"action": "event_failed", "platform": "wecom", "error": type(error).__name__})
