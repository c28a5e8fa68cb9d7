"""The long connection's other end: tickets, frames, fragments, pings, acknowledgements; and ways for it to die.

"Receive events through a persistent connection"; details as the official SDK (1.7.5) does them.
"""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response

from tests.simulators.core.faults import Request
from tests.simulators.core.house import Line
from tests.simulators.feishu.codec import Frame, Malformed, pack, unpack
from tests.simulators.feishu.reading import body
from tests.simulators.feishu.state import Json, State

MOST_CONNECTIONS = 50
SERVICE = 33554678


@dataclass
class Ack:
    """`code` 0: none came in time."""

    code: int = 0
    data: str = ""


@dataclass
class Wire(Line):
    state: State
    ack_within: float = 3.0
    """real seconds"""
    fragment: int = 0
    """bytes of a frame's payload; longer events come in pieces, in any order (0: whole)"""
    config: Json = field(default_factory=lambda: {"ReconnectCount": -1, "ReconnectInterval": 120, "ReconnectNonce": 0, "PingInterval": 120})
    connections: list[ServerConnection] = field(default_factory=list)
    pings: int = 0
    port: int = 0
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, tuple[set[tuple[str, str]], asyncio.Future[Frame]]] = field(default_factory=dict)
    _silent: set[ServerConnection] = field(default_factory=set)
    _server: Server | None = None

    def endpoint(self, request: Request) -> Json:
        """Where to connect, for whoever has the app's secret. The ticket in it is good once."""
        given = body(request, {"AppID": str, "AppSecret": str})
        if (given.get("AppID"), given.get("AppSecret")) != (self.state.app_id, self.state.app_secret):
            return {"code": 514, "msg": "auth failed", "data": {}}
        if len(self.connections) >= MOST_CONNECTIONS:
            return {"code": 1000040350, "msg": "the number of connections exceeded the limit", "data": {}}
        ticket = self.state.new("")
        self._tickets.add(ticket)
        url = f"ws://127.0.0.1:{self.port}/ws/v2?device_id={ticket}&service_id={SERVICE}"
        return {"code": 0, "msg": "ok", "data": {"URL": url, "ClientConfig": self.config}}

    async def greet(self, connection: ServerConnection, handshake: Handshake) -> Response | None:
        ticket = parse_qs(urlsplit(handshake.path).query).get("device_id", [""])[0]
        if ticket in self._tickets:
            self._tickets.discard(ticket)
            return None
        response = connection.respond(HTTPStatus.UNAUTHORIZED, "")
        response.headers["Handshake-Status"], response.headers["Handshake-Msg"] = "514", "invalid ticket"
        response.headers["Handshake-Autherrcode"] = "1000040351"
        return response

    async def hold(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        try:
            async for sent in connection:
                await self._hear(connection, sent)
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            self._silent.discard(connection)

    async def _hear(self, connection: ServerConnection, sent: str | bytes) -> None:
        try:
            frame = unpack(sent if isinstance(sent, bytes) else b"\xff")
        except (Malformed, UnicodeDecodeError) as error:
            self.state.oddities.append(f"a frame that cannot be read: {error}")
            return
        if frame.service != SERVICE:
            self.state.oddities.append(f"a frame of service {frame.service}")
        if frame.method == 0 and frame.get("type") == "ping":
            self.pings += 1
            await connection.send(pack(Frame(1, 1, SERVICE, 0, [("type", "pong")], json.dumps(self.config).encode())))
        elif frame.method == 1:
            self._acknowledged(frame)

    def _acknowledged(self, frame: Frame) -> None:
        sent, waiting = self._waiting.get(frame.get("message_id"), (set(), None))
        if waiting is None:
            self.state.oddities.append(f"an acknowledgement of {frame.get('message_id')!r}, which is not waited for")
        elif not sent <= {pair for pair in frame.headers if pair[0] not in ("sum", "seq")}:
            self.state.oddities.append("an acknowledgement without the headers of its event")
        elif not waiting.done():
            waiting.set_result(frame)

    async def deliver(self, event: Mapping[str, Any], dice: random.Random) -> Ack:
        """To one connection by chance; the answer is the acknowledgement, if one comes in time."""
        alive = [one for one in self.connections if one not in self._silent]
        if not self.connections:
            return Ack()
        connection = dice.choice(self.connections)
        if connection not in alive:
            return Ack()
        name = self.state.new("wsm-")
        headers = [("type", "event"), ("message_id", name), ("trace_id", self.state.new("tr-"))]
        payload = json.dumps(event, ensure_ascii=False).encode()
        size = self.fragment or len(payload)
        pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
        frames = [
            Frame(1, 1, SERVICE, 1, [*headers, ("sum", str(len(pieces))), ("seq", str(place))], piece) for place, piece in enumerate(pieces)
        ]
        dice.shuffle(frames)
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[name] = (set(headers), waiting)
        try:
            for frame in frames:
                await connection.send(pack(frame))
            return self._read(await asyncio.wait_for(waiting, self.ack_within))
        except (TimeoutError, ConnectionClosed):
            return Ack()
        finally:
            del self._waiting[name]

    def _read(self, frame: Frame) -> Ack:
        try:
            answer = json.loads(frame.payload)
            return Ack(int(answer["code"]), str(answer.get("data") or ""))
        except (ValueError, KeyError, TypeError):
            self.state.oddities.append(f"an acknowledgement that says {frame.payload[:80]!r}")
            return Ack()
