"""A stand-in's life: a thread with a loop of its own, its door on a free port of loopback, and its long connection beside it."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Protocol, TypeVar

import uvicorn

from tests.simulators.core.door import Door

Self = TypeVar("Self", bound="House")


class Line(Protocol):
    """The long connection's other end."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class House:
    """`with …:` opens it and ends it."""

    api: Door
    wire: Line

    def __init__(self, name: str, seed: int) -> None:
        self.seed = seed
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._run, name=f"{name} stand-in")

    def __enter__(self: Self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        assert self._started.wait(20), "the stand-in did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the stand-in did not stop"
        if error is not None:
            error.add_note(f"the stand-in's seed: {self.seed}")

    @property
    def running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "with Sim() as sim:"
        return self._loop

    def _run(self) -> None:
        try:
            self.running.run_until_complete(self._serve())
        finally:
            self.running.close()

    async def _serve(self) -> None:
        await self.wire.open()
        # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for an acknowledgement.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self.api,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        self._started.set()
        await serving
        await self.wire.close()
