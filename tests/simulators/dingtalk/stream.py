"""Stream mode's other end: tickets, text frames, acknowledgements, the gateway's own pings; and ways for it to die.

Frames and acknowledgements as the vector `stream_session_frames` has them, the ticket in the address's query.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response

from tests.simulators.core.faults import Request
from tests.simulators.core.house import Line
from tests.simulators.dingtalk.reading import body, fields, parsed
from tests.simulators.dingtalk.state import Json, Refusal, State, milliseconds

ROBOT, CARD, EVENTS = "/v1.0/im/bot/messages/get", "/v1.0/card/instances/callback", "*"
TOPICS = {("CALLBACK", ROBOT), ("CALLBACK", CARD), ("EVENT", EVENTS), ("SYSTEM", "ping"), ("SYSTEM", "disconnect")}
TICKET_LIVES = timedelta(seconds=90)


@dataclass
class Ack:
    """`code` 0: none came in time."""

    code: int = 0
    data: str = ""


@dataclass
class Held:
    """What the gateway knows of a connection."""

    id: str
    topics: frozenset[tuple[str, str]]
    pinged: str = ""
    """the data of a ping that it has not echoed"""


@dataclass
class Stream(Line):
    state: State
    ack_within: float = 5.0
    """real seconds"""
    connections: list[ServerConnection] = field(default_factory=list)
    frames: list[Json] = field(default_factory=list)
    """every frame that was sent"""
    acks: list[Json] = field(default_factory=list)
    """every frame that came"""
    port: int = 0
    restless: str = ""
    """what happens to each new connection: "closed" at once, or asked to come again ("disconnect")"""
    came: int = 0
    """connections ever"""
    _tickets: dict[str, tuple[datetime, frozenset[tuple[str, str]]]] = field(default_factory=dict)
    _held: dict[ServerConnection, Held] = field(default_factory=dict)
    _waiting: dict[str, asyncio.Future[Ack]] = field(default_factory=dict)
    _turn: int = 0
    _silent: set[ServerConnection] = field(default_factory=set)
    _server: Server | None = None

    def open_connection(self, request: Request) -> Json:
        """Where to connect, for whoever has the app's secret. The ticket is good once, and not for long."""
        known = {"clientId": str, "clientSecret": str, "subscriptions": list, "ua": str, "localIp": str, "extras": dict}
        given = body(request, known, ("clientId", "clientSecret"))
        if (given["clientId"], given["clientSecret"]) != (self.state.app_key, self.state.app_secret):
            raise Refusal("authFailed", "鉴权失败 (?)", status=401)
        topics = frozenset(self._topic(one) for one in given.get("subscriptions", []))
        ticket = self.state.new()
        self._tickets[ticket] = (self.state.clock() + TICKET_LIVES, topics)
        return {"endpoint": f"ws://127.0.0.1:{self.port}/connect", "ticket": ticket}

    def _topic(self, one: Any) -> tuple[str, str]:
        if not isinstance(one, dict):
            raise Refusal("invalidParameter.param.invalid", "subscriptions")
        fields(one, {"type": str, "topic": str}, "invalidParameter.param.invalid")
        found = one.get("type", ""), one.get("topic", "")
        if found not in TOPICS:
            raise Refusal("invalidParameter.param.invalid", f"subscriptions: {found} (strict)")
        return found

    async def greet(self, connection: ServerConnection, handshake: Handshake) -> Response | None:
        parts = urlsplit(handshake.path)
        ends, topics = self._tickets.pop(parse_qs(parts.query).get("ticket", [""])[0], (self.state.clock(), frozenset()))
        if parts.path != "/connect" or ends <= self.state.clock():
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        self._held[connection] = Held(self.state.new("conn-"), topics)
        return None

    async def hold(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.came += 1
        going = asyncio.create_task(self._goodbye(connection)) if self.restless == "disconnect" else None
        try:
            if self.restless == "closed":
                return
            async for sent in connection:
                self._hear(self._held[connection], sent)
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            del self._held[connection]
            if going is not None:
                await going

    async def _goodbye(self, connection: ServerConnection) -> None:
        await self._send(connection, "SYSTEM", "disconnect", json.dumps({"reason": "persistent connection is timeout"}), {})

    async def forget(self) -> None:
        """The gateway's side of every connection lives on and answers pings, and no message is ever given to it."""
        for held in self._held.values():
            held.topics = frozenset()

    def _hear(self, held: Held, sent: str | bytes) -> None:
        frame = parsed(sent)
        headers = frame.get("headers") if frame else None
        if frame is None or not isinstance(headers, dict) or set(frame) - {"code", "headers", "message", "data"}:
            self.state.oddities.append(f"a frame that is no acknowledgement: {sent[:200]!r}")
            return
        self.acks.append(frame)
        data, name = frame.get("data"), str(headers.get("messageId"))
        if not isinstance(data, str) or not _is_json(data):
            self.state.oddities.append(f"an acknowledgement whose data is not a text of JSON: {data!r}")
            return
        if held.pinged and json.loads(data) == json.loads(held.pinged):
            held.pinged = ""
        waiting = self._waiting.get(name)
        if waiting is None:
            self.state.oddities.append(f"an acknowledgement of {name!r}, which is not waited for")
        elif not waiting.done():
            waiting.set_result(Ack(int(frame.get("code") or 0), data))

    async def deliver(self, kind: str, topic: str, data: str, also: Mapping[str, str]) -> Ack:
        """To one of the connections that have subscribed to it, in turn; the answer is its acknowledgement, if one comes in time."""
        fit = [one for one in self.connections if (kind, topic) in self._held[one].topics]
        if not fit:
            return Ack()
        self._turn += 1
        return await self._send(fit[self._turn % len(fit)], kind, topic, data, also)

    async def _send(self, connection: ServerConnection, kind: str, topic: str, data: str, also: Mapping[str, str]) -> Ack:
        name = self.state.new()[:20]
        stamp = str(milliseconds(self.state.clock()))
        headers = {"contentType": "application/json", "messageId": name, "time": stamp, "topic": topic}
        if kind != "SYSTEM":
            headers |= {"appId": "app-made-up", "connectionId": self._held[connection].id}
        frame = {"specVersion": "1.0", "type": kind, "headers": headers | dict(also), "data": data}
        self.frames.append(frame)
        if connection in self._silent:
            return Ack()
        self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            await connection.send(json.dumps(frame, ensure_ascii=False))
            return await asyncio.wait_for(self._waiting[name], self.ack_within)
        except (TimeoutError, ConnectionClosed):
            return Ack()
        finally:
            del self._waiting[name]

    async def ping(self) -> list[bool]:
        """The gateway's own: whether each connection echoed it. Who did not is cut off."""
        found = []
        for connection in list(self.connections):
            held = self._held[connection]
            held.pinged = json.dumps({"opaque": self.state.new()})
            ack = await self._send(connection, "SYSTEM", "ping", held.pinged, {})
            found.append(ack.code == 200 and not held.pinged)
            if not found[-1]:
                connection.transport.abort()
        return found

    async def disconnect(self, grace: float = 1.0) -> None:
        """The gateway asks its clients to come again, and closes when they have had the time."""
        before = list(self.connections)
        for connection in before:
            await self._goodbye(connection)
        await asyncio.sleep(grace)
        for connection in before:
            if connection in self.connections:
                await connection.close()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
