"""A load generator: keep-alive connections that post as fast as they are answered, or at a steady rate."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

#: path, body and headers of the request with this number
Request = Callable[[int], tuple[str, bytes, Mapping[str, str]]]


@dataclass(slots=True)
class Run:
    """`latencies` in seconds; at a steady rate they count from the moment the request should have left."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0


def fire(port: int, request: Request, *, seconds: float, connections: int, rate: float | None = None, first: int) -> Run:
    """Post for so long. `first` numbers the first request, so that no two runs send the same event."""
    return asyncio.run(_fire(port, request, seconds, connections, rate, first))


async def _fire(port: int, request: Request, seconds: float, connections: int, rate: float | None, first: int) -> Run:
    run, began = Run(), time.perf_counter()
    numbers = iter(range(first, first + 10_000_000))
    pause = connections / rate if rate else 0.0
    async with asyncio.TaskGroup() as group:
        for index in range(connections):
            start = began + (pause * index / connections)
            group.create_task(_connection(port, request, run, numbers, start, began + seconds, pause))
    run.seconds = time.perf_counter() - began
    return run


async def _connection(port: int, request: Request, run: Run, numbers: Iterator[int], start: float, end: float, pause: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = start
    try:
        while due < end and time.perf_counter() < end:
            if pause:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            left = due if pause else time.perf_counter()
            status = await _post(reader, writer, port, *request(next(numbers)))
            run.latencies.append(time.perf_counter() - left)
            run.refused += status >= 400
            due = due + pause if pause else time.perf_counter()
    finally:
        writer.close()


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, path: str, body: bytes, headers: Mapping[str, str]
) -> int:
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{told}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(answer.split(b" ", 2)[1])
