"""The whole bot before a messenger's stand-in, on the stand-in's clock: what is the same whatever the messenger."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import uvicorn
from sqlmodel import select

from bot.app import create_app
from bot.bootstrap import Parts, build
from bot.config import read_settings
from storage.database import Database
from storage.tables.queues import InboxRow
from tests import ready
from tests.simulators.core.clock import Clock
from tests.world import World

T = TypeVar("T")
KEYS = {"GENGFU_DATA_KEYS": "t:" + "A" * 43 + "=", "GENGFU_SEAL_KEY": "B" * 42 + "A="}


@dataclass
class House:
    """One server. `moment`: a budget asks for no longer patience · `beside`: replicas, which work when this one does."""

    clock: Clock
    parts: Parts
    loop: asyncio.AbstractEventLoop
    url: str
    moment: timedelta = timedelta(seconds=2)
    beside: list["House"] = field(default_factory=list)

    def waiting(self) -> int:
        """Events that were kept so far."""
        return self.parts.database.read(lambda tx: len(tx.exec(select(InboxRow.id)).all()))

    def trail(self, ref: str) -> list[tuple[str, str, dict[str, Any]]]:
        return self._world().trail(ref)

    def passes(self, **span: float) -> None:
        """Time goes by, and everything that is due happens when it is due."""
        end = self.clock() + timedelta(**span)
        while self.clock() < end:
            self.clock.at = min(end, self._world().next_due() or end)
            self.settle()

    def settle(self) -> None:
        """All that is due, and what waits a few seconds for its budget."""
        self._work()
        while (due := self._world().next_due()) and due - self.clock() <= self.moment:
            self.clock.at = due
            self._work()

    def only(self, *refs: str) -> None:
        self._world().only(*refs)

    def begins(self) -> "Future[None]":
        """All that is due, without waiting for it."""
        return asyncio.run_coroutine_threadsafe(self._world()._settle(), self.loop)

    def _work(self) -> None:
        """Replicas work side by side."""
        for one in [one.begins() for one in (self, *self.beside)]:
            one.result(120)

    def _world(self) -> World:
        return World(self.parts.database, self.clock, self.parts.plans, self.parts.road, self.parts.worker, self.parts.rooms)  # type: ignore[arg-type]

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        found: Future[T] = asyncio.run_coroutine_threadsafe(what, self.loop)
        return found.result(120)


@contextmanager
def served(clock: Clock, names: Mapping[str, str], platform: str) -> Iterator[tuple[Parts, asyncio.AbstractEventLoop, str, "Future[None]"]]:
    """A server with these settings; the last is its listening, which is under way."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = read_settings({"GENGFU_PUBLIC_URL": url, **names}, None)
        database = ready.with_schema(Database(settings.database_url.reveal()))
        database.close()
        parts = build(settings, now=clock)
        with closing(Database("sqlite://")) as timeless:
            parts.now.set_by(timeless)  # PostgreSQL has a clock of its own; here all go by the stand-in's
        ready.hasty(parts.database)
        parts.database.write(lambda tx: parts.plans.keep(tx, clock()))
        loop = asyncio.new_event_loop()
        server = uvicorn.Server(uvicorn.Config(create_app(parts), log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=loop.run_until_complete, args=(server.serve([listening]),))
        thread.start()
        try:
            with listening_to(parts, loop, platform) as heard:
                yield parts, loop, url, heard
        finally:
            asyncio.run_coroutine_threadsafe(parts.worker.stop(), loop).result(60)
            server.should_exit = True
            thread.join(60)
            parts.close()
            loop.close()
            assert not thread.is_alive(), "the server did not stop"


@contextmanager
def listening_to(parts: Parts, loop: asyncio.AbstractEventLoop, platform: str) -> Iterator["Future[None]"]:
    listening = parts.worker.sender.platforms[platform].listen(parts.worker.hear)
    task = asyncio.run_coroutine_threadsafe(_begun(listening), loop).result(20)
    try:
        yield asyncio.run_coroutine_threadsafe(_over(task), loop)
    finally:
        asyncio.run_coroutine_threadsafe(_ended(task), loop).result(60)


async def _begun(what: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.create_task(what)


async def _over(task: "asyncio.Task[None]") -> None:
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
