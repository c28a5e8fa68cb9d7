"""The HTTP side of a stand-in: routes, planned faults and the record of every request; served by uvicorn on loopback."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from tests.simulators.core.clock import Clock
from tests.simulators.core.faults import Fault, Faults, Recorded, Request

Json = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Json], Any]
#: HTTP status, headers, body.
Answer = tuple[int, dict[str, str], bytes]
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>openresty</center></body></html>"


class Door:
    """An ASGI application. `codes`: the names under which an answer carries the platform's own verdict · `prefix`: of all its paths."""

    codes: tuple[str, ...] = ("code",)
    prefix = ""

    def __init__(self, clock: Clock, lock: threading.RLock, faults: Faults, routes: Iterable[str]) -> None:
        self.faults = faults
        self.recorded: list[Recorded] = []
        self._clock = clock
        self._lock = lock
        # A literal path wins over one with an id in its place.
        ordered = sorted(routes, key=lambda route: route.count(":"))
        self._patterns = {route: re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", route)) for route in ordered}

    async def answer(self, request: Request) -> Answer:
        """What the platform says to it."""
        raise NotImplementedError

    def refused_by(self, fault: Fault, request: Request) -> Answer:
        """The platform's own words for a planned `throttle`, `dead_token` or `answer`."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await self._read(scope, receive)
        fault = self.faults.take(request.route)
        record = Recorded(request, fault=fault.kind if fault else "")
        with self._lock:
            self.recorded.append(record)
        if fault and fault.kind in ("delay", "hang"):
            await _wait(fault.seconds if fault.kind == "delay" else 60.0, receive)
        if fault and fault.kind in ("reset_before", "hang"):
            await _reset(send, receive)
            return
        status, headers, content = self._instead(fault, request) or await self.answer(request)
        if fault and fault.kind == "reset_after":
            await _reset(send, receive)
            return
        content = _spoilt(fault, content)
        record.status, record.code = status, self._verdict(headers, content)
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": content})

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        content = b""
        while True:
            event = await receive()
            content += event.get("body", b"")
            if not event.get("more_body"):
                break
        path, method = scope["path"], scope["method"]
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        route, ids = "", {}
        for name, pattern in self._patterns.items():
            if match := pattern.fullmatch(f"{method} {path}"):
                route, ids = name, match.groupdict()
                break
        return Request(method, path, route, query, headers, content, self._clock(), ids, (scope.get("client") or ("",))[0])

    def _instead(self, fault: Fault | None, request: Request) -> Answer | None:
        """An answer from somewhere before the API: nothing was done."""
        if fault and fault.kind == "html":
            return fault.status, {"content-type": "text/html"}, HTML
        return self.refused_by(fault, request) if fault and fault.kind in ("throttle", "dead_token", "answer") else None

    def _verdict(self, headers: Mapping[str, str], content: bytes) -> int | str | None:
        try:
            found = json.loads(content) if headers["content-type"].startswith("application/json") else None
        except ValueError:
            return None
        return next((found[name] for name in self.codes if name in found), None) if isinstance(found, dict) else None


def as_json(answer: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return status, {"content-type": "application/json; charset=utf-8", **(headers or {})}, json.dumps(answer, ensure_ascii=False).encode()


def _spoilt(fault: Fault | None, content: bytes) -> bytes:
    if fault and fault.kind == "empty":
        return b""
    return content[: len(content) // 2] if fault and fault.kind == "truncated" else content


async def _wait(seconds: float, receive: Receive) -> None:
    """That long, or until the caller has gone."""
    gone = asyncio.ensure_future(receive())
    await asyncio.wait([gone], timeout=seconds)
    gone.cancel()


async def _reset(send: Send, receive: Receive) -> None:
    """The connection dies without a byte of an answer. uvicorn has no word for it: its request cycle holds the transport."""
    cast(Any, send).__self__.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
