"""Feishu's long connection: open, hold, put fragments together, acknowledge what was kept, and come back when it dies.

Protocol: "Receive events through a persistent connection" (server-side SDK pages); details as lark-oapi 1.7.5 does them. No public address
is needed; of several connections one random one gets each event, so that replicas need no lease.
"""

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bot.platforms.core.contract import Answer, Hear, NotAuthentic, PlatformDown
from bot.platforms.core.http import send
from bot.platforms.core.strict import parse_object
from bot.platforms.feishu.frames import CONTROL, DATA, Frame, Unreadable, decode, encode
from bot.platforms.feishu.inbound import BODY_CAP, Inbound
from handlers.core.message import Reply

log = logging.getLogger(__name__)

ENDPOINT = "/callback/ws/endpoint"
#: A dead connection is noticed by WebSocket's own pings: at the latest after both.
PING_EVERY, PONG_WITHIN = 20.0, 20.0
#: Fragments of one event come at once; what is not whole by then never will be (Feishu sends it again).
WHOLE_WITHIN = 10.0
MOST_PARTS = 64
LONGEST_PAUSE = 60.0


@dataclass
class _Parts:
    since: float
    parts: dict[int, bytes]


class Wire:
    def __init__(self, http: httpx.AsyncClient, app_id: str, secret: str, inbound: Inbound, answer: Callable[[Reply], Answer]) -> None:
        self._http = http
        self._app_id = app_id
        self._secret = secret
        self._inbound = inbound
        self._answer = answer
        self._halves: dict[str, _Parts] = {}
        self.trouble = "not connected yet"
        """why the connection is down; empty while it stands"""

    async def hold(self, hear: Hear) -> None:
        """Until cancelled. The pause between attempts grows to a minute and begins anew after a connection that stood."""
        failures = 0
        while True:
            try:
                url, every = await self._endpoint()
                async with connect(
                    url, ping_interval=PING_EVERY, ping_timeout=PONG_WITHIN, max_size=2 * BODY_CAP, open_timeout=10
                ) as connection:
                    self.trouble, failures = "", 0
                    log.info("listening", extra={"action": "wire_up", "platform": "feishu"})
                    await self._talk(connection, _service(url), every, hear)
                self.trouble = "the connection was closed"
            except (PlatformDown, OSError, WebSocketException, TimeoutError) as error:
                self.trouble = str(error) if isinstance(error, PlatformDown) else type(error).__name__
                failures += 1
            log.warning("the long connection is down", extra={"action": "wire_down", "platform": "feishu", "error": self.trouble})
            await asyncio.sleep(min(2.0 ** min(failures, 7) / 2, LONGEST_PAUSE))

    async def _endpoint(self) -> tuple[str, float]:
        """(address, seconds between pings). A refusal says what to change."""
        body = {"AppID": self._app_id, "AppSecret": self._secret}
        values = (await send(self._http, "POST", ENDPOINT, json=body, headers={"locale": "zh"})).values
        data = values.get("data")
        if values.get("code") != 0 or not isinstance(data, dict) or not isinstance(data.get("URL"), str):
            raise PlatformDown(60.0, f"Feishu opens no long connection (code {values.get('code')}: {str(values.get('msg'))[:200]})")
        return data["URL"], _ping_interval(data.get("ClientConfig"))

    async def _talk(self, connection: ClientConnection, service: int, every: float, hear: Hear) -> None:
        """Frames are worked on side by side: a click that takes its time holds up nothing."""
        working: set[asyncio.Task[None]] = set()
        pinging = asyncio.create_task(_ping(connection, service, every))
        try:
            async for sent in connection:
                frame = _read(sent)
                if frame is None or frame.method == CONTROL or (whole := self._whole(frame)) is None:
                    continue
                task = asyncio.create_task(self._work(connection, frame, whole, hear))
                working.add(task)
                task.add_done_callback(working.discard)
        finally:
            pinging.cancel()
            for task in working:
                task.cancel()
            await asyncio.gather(pinging, *working, return_exceptions=True)

    async def _work(self, connection: ClientConnection, frame: Frame, payload: bytes, hear: Hear) -> None:
        """Acknowledged with 200 only when it is kept or was nothing to us; with 500, Feishu sends it again."""
        began = time.monotonic()
        answer: Mapping[str, Any] = {"code": 200}
        try:
            found = self._inbound.portable(self._inbound.decode(self._inbound.trusted(parse_object(payload))))
            if not isinstance(found, Answer):
                reply = await hear(found)
                if reply is not None:
                    answer = {"code": 200, "data": base64.b64encode(self._answer(reply).body).decode()}
        except NotAuthentic as error:
            log.warning("an event was refused", extra={"action": "event_refused", "platform": "feishu", "reason": error.reason})
            answer = {"code": 400}
        except Exception as error:
            log.exception("an event was not kept", extra={"action": "event_failed", "platform": "feishu", "error": type(error).__name__})
            answer = {"code": 500}
        took = str(int((time.monotonic() - began) * 1000))
        acknowledged = replace(frame, headers=(*frame.headers, ("biz_rt", took)), payload=json.dumps(answer).encode())
        with contextlib.suppress(WebSocketException):  # a connection that died meanwhile: Feishu sends the event again
            await connection.send(encode(acknowledged))

    def _whole(self, frame: Frame) -> bytes | None:
        """The payload once all its fragments are here, in whatever order."""
        total, number = _int(frame.header("sum")), _int(frame.header("seq"))
        if frame.method != DATA or total <= 1:
            return frame.payload if frame.method == DATA else None
        now = time.monotonic()
        self._halves = {key: half for key, half in self._halves.items() if now - half.since < WHOLE_WITHIN}
        if total > MOST_PARTS or not 0 <= number < total or len(self._halves) > 1000:
            return None
        half = self._halves.setdefault(frame.header("message_id"), _Parts(now, {}))
        half.parts[number] = frame.payload
        if len(half.parts) < total:
            return None
        del self._halves[frame.header("message_id")]
        return b"".join(half.parts[place] for place in range(total))


async def _ping(connection: ClientConnection, service: int, every: float) -> None:
    """Feishu's own ping, beside WebSocket's: without it the gateway ends the connection."""
    while True:
        await connection.send(encode(Frame(service=service, method=CONTROL, headers=(("type", "ping"),))))
        await asyncio.sleep(every)


def _read(sent: str | bytes) -> Frame | None:
    try:
        return decode(sent) if isinstance(sent, bytes) else None
    except Unreadable:
        log.warning("a frame cannot be read", extra={"action": "frame_unreadable", "platform": "feishu"})
        return None


def _service(url: str) -> int:
    return _int(parse_qs(urlsplit(url).query).get("service_id", ["0"])[0])


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _ping_interval(config: object) -> float:
    named = config.get("PingInterval") if isinstance(config, dict) else None
    return min(max(float(named), 5.0), 300.0) if isinstance(named, int | float) else 120.0
