"""A stand-in's life: a thread with a loop of its own, its door on a free port of loopback, and its long connection beside it."""

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

import uvicorn
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request as Handshake
from websockets.http11 import Response

from tests.simulators.core.door import Door
from tests.simulators.core.faults import Recorded

Self = TypeVar("Self", bound="House")


class Line(ABC):
    """The long connection's other end; and the ways in which it dies."""

    connections: list[ServerConnection]
    port: int
    _silent: set[ServerConnection]
    _server: Server | None

    @abstractmethod
    async def hold(self, connection: ServerConnection) -> None:
        """Until it ends."""

    async def greet(self, connection: ServerConnection, handshake: Handshake) -> Response | None:
        """A refusal; None: let it in."""
        return None

    async def open(self) -> None:
        self._server = await serve(
            self.hold, "127.0.0.1", 0, process_request=self.greet, ping_interval=None, close_timeout=0.5, max_size=2**21
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        self.drop()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def drop(self) -> None:
        """All connections die, as when a machine in between restarts."""
        for connection in self.connections:
            connection.transport.abort()

    def silence(self) -> None:
        """All connections stay open and nobody is there any more: no event, no pong, no FIN."""
        for connection in self.connections:
            connection.transport.pause_reading()
            self._silent.add(connection)


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
        assert self._started.wait(60), "the stand-in did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(60)
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

    # What came in

    @property
    def requests(self) -> list[Recorded]:
        return self.api.recorded

    def calls(self, route: str) -> list[Recorded]:
        """Those to `METHOD /path/:id`, with or without what all paths begin with."""
        method, path = route.split(" ")
        return [one for one in self.requests if one.request.route in (route, f"{method} {self.api.prefix}{path}")]

    def drop_connections(self) -> None:
        self.running.call_soon_threadsafe(self.wire.drop)

    def silence_connections(self) -> None:
        self.running.call_soon_threadsafe(self.wire.silence)
