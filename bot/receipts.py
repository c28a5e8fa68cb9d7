"""Receipts of platforms, noted beside the message. One that overtakes our own note of having sent the message is looked at once more."""

import asyncio
import logging

from bot.metrics import Metrics
from bot.platforms.core.contract import Receipt
from storage.database import Database
from storage.receipts import received

log = logging.getLogger(__name__)

#: Who has the chat open reads before the platform's yes has come to us and is committed.
OVERTAKEN = 10.0


class Receipts:
    def __init__(self, database: Database, metrics: Metrics, overtaken: float = OVERTAKEN) -> None:
        self._database = database
        self._metrics = metrics
        self._overtaken = overtaken
        self._later: set[asyncio.Task[None]] = set()

    async def note(self, receipt: Receipt) -> None:
        if unknown := await self._note(receipt, receipt.messages):
            task = asyncio.create_task(self._again(receipt, unknown))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def stop(self) -> None:
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _again(self, receipt: Receipt, unknown: tuple[str, ...]) -> None:
        """What is unknown still is not ours, or too old to matter."""
        await asyncio.sleep(self._overtaken)
        try:
            await self._note(receipt, unknown)
        except Exception as error:
            log.warning("a receipt was not noted", extra={"action": "receipt_lost", "error": type(error).__name__})

    async def _note(self, receipt: Receipt, messages: tuple[str, ...]) -> tuple[str, ...]:
        platform, state, at = receipt.platform, receipt.state, receipt.at
        write = self._database.submit_write(lambda tx: received(tx, platform, state, messages, at))
        news, unknown = await asyncio.wrap_future(write)
        if news:
            self._metrics.receipts.labels(platform=platform, state=state).inc(news)
        return tuple(unknown)
