"""Bells that any thread may ring and any number of coroutines hear; who was away meanwhile knows it by the count."""

import asyncio
import threading
from collections.abc import Iterable

#: What a commit may have given something to do, each with a bell of its own: nobody is woken for another's work.
TOPICS = ("inbox", "outbox", "timers", "work")


class Bell:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[asyncio.AbstractEventLoop, asyncio.Event], None] = {}
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        return self._count

    @property
    def closed(self) -> bool:
        """True once the server stops: long answers end."""
        return self._closed

    def ring(self) -> None:
        with self._lock:
            self._count += 1
            waiting, self._waiting = self._waiting, {}
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        self._closed = True
        self.ring()

    async def wait(self, seen: int, timeout: float) -> int:  # noqa: ASYNC109 - a pause that is meant, not a limit on someone's work
        """Return the count as soon as it is not `seen`, at the latest after `timeout` seconds; at once when closed."""
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        with self._lock:
            if self._count != seen or self._closed:
                return self._count
            self._waiting[entry] = None
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.pop(entry, None)
        return self._count


class Bells:
    def __init__(self) -> None:
        self._bells = {topic: Bell() for topic in TOPICS}

    def __getitem__(self, topic: str) -> Bell:
        return self._bells[topic]

    def ring(self, topics: Iterable[str] = TOPICS) -> None:
        for topic in self._bells.keys() & set(topics):
            self._bells[topic].ring()

    def close(self) -> None:
        for bell in self._bells.values():
            bell.close()

    @property
    def closed(self) -> bool:
        return all(bell.closed for bell in self._bells.values())
