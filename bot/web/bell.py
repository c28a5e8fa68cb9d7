"""A bell that any thread may ring and any number of coroutines hear; who was away meanwhile knows it by the count."""

import asyncio
import threading


class Bell:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
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
            waiting, self._waiting = self._waiting, set()
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
            self._waiting.add(entry)
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(entry)
        return self._count
