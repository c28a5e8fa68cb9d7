"""DingTalk's stream: open, hold, acknowledge what was kept, and come back when it dies.

Protocol: open.dingtalk.com, "Configure stream push"; details as dingtalk-stream 0.24.3 does them. No public address is needed; of several
connections one gets each message, so that replicas need no lease.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from bot.platforms.core.contract import Answer, Hear, NotAuthentic, PlatformDown, TryLater, WillNeverWork
from bot.platforms.core.http import send
from bot.platforms.core.strict import Object, inner, parse_object, text
from bot.platforms.dingtalk.calls import check
from bot.platforms.dingtalk.inbound import BODY_CAP, Event, Inbound, Secrets
from handlers.core.message import Reply

log = logging.getLogger(__name__)

OPEN = "/v1.0/gateway/connections/open"
SAID, TAPPED, EVENTS = "/v1.0/im/bot/messages/get", "/v1.0/card/instances/callback", "*"
SUBSCRIPTIONS = ({"type": "EVENT", "topic": EVENTS}, {"type": "CALLBACK", "topic": SAID}, {"type": "CALLBACK", "topic": TAPPED})
#: A dead connection is noticed by WebSocket's own pings: at the latest after both.
PING_EVERY, PONG_WITHIN = 20.0, 20.0
#: How long a gateway that may be dead is waited for at the end.
FAREWELL = 2.0
LONGEST_PAUSE = 60.0
#: What was begun when the gateway sends us away is waited for so long; DingTalk sends the rest again.
PATIENCE = 10.0
#: So long has a connection stood when what ended it was no fault: the next one comes at once.
STOOD = 30.0
#: Nothing at all came for so long, though pings are answered: whether the gateway still knows us is found out by a new connection.
QUIET = 3600.0


class GoAway(Exception):
    """The connection is to be left for a new one."""


class Wire:
    """`noted`: told of everything that came."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        of: Secrets,
        inbound: Inbound,
        answer: Callable[[Reply], Answer],
        noted: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._http = http
        self._of = of
        self._inbound = inbound
        self._answer = answer
        self._noted = noted
        self.ping_every, self.pong_within, self.quiet = PING_EVERY, PONG_WITHIN, QUIET
        self.trouble = "not connected yet"
        """why the connection is down; empty while it stands"""

    async def hold(self, hear: Hear) -> None:
        """Until cancelled. The pause between attempts grows to a minute and begins anew after a connection that stood."""
        failures, clock = 0, asyncio.get_running_loop()
        while True:
            began, asked = clock.time(), False
            try:
                await self._once(hear)
                self.trouble = "the connection was closed"
            except GoAway as error:
                self.trouble, asked = str(error), True
            except (TryLater, WillNeverWork, OSError, WebSocketException, TimeoutError) as error:
                self.trouble = str(error) if isinstance(error, TryLater | WillNeverWork) else type(error).__name__
            stood = clock.time() - began >= STOOD
            if stood and asked:
                continue
            failures = 1 if stood else failures + 1
            log.warning("the stream is down", extra={"action": "wire_down", "platform": "dingtalk", "error": self.trouble})
            await asyncio.sleep(min(2.0 ** min(failures, 7) / 2, LONGEST_PAUSE))

    async def _once(self, hear: Hear) -> None:
        url = await self._endpoint()
        every, within = self.ping_every, self.pong_within
        async with connect(
            url, ping_interval=every, ping_timeout=within, max_size=2 * BODY_CAP, open_timeout=10, close_timeout=FAREWELL
        ) as held:
            self.trouble = ""
            log.info("listening", extra={"action": "wire_up", "platform": "dingtalk"})
            await self._talk(held, hear)

    async def _endpoint(self) -> str:
        """The address with its ticket, which is good once. A refusal says what to change."""
        answered = await send(
            self._http,
            "POST",
            OPEN,
            json={
                "clientId": self._of.client_id,
                "clientSecret": self._of.client_secret,
                "subscriptions": list(SUBSCRIPTIONS),
                "ua": "gengfu",
            },
        )
        check(answered)
        endpoint, ticket = answered.values.get("endpoint"), answered.values.get("ticket")
        if not (isinstance(endpoint, str) and isinstance(ticket, str)):
            raise PlatformDown(60.0, "DingTalk opens no stream and does not say why")
        return f"{endpoint}?{urlencode({'ticket': ticket})}"

    async def _talk(self, connection: ClientConnection, hear: Hear) -> None:
        """Frames are worked on side by side: a tap that takes its time holds up nothing. What was begun before the gateway sends us away is
        finished."""
        working: set[asyncio.Task[None]] = set()
        try:
            async for sent in self._sent(connection):
                frame = _read(sent)
                if frame is None:
                    continue
                if text(frame, "type") == "SYSTEM":
                    await _acknowledge(connection, frame, 200, text(frame, "data"))
                    if text(inner(frame, "headers"), "topic") == "disconnect":
                        if working:
                            await asyncio.wait(working, timeout=PATIENCE)
                        raise GoAway("the gateway asked us to come again")
                    continue
                task = asyncio.create_task(self._work(connection, frame, hear))
                working.add(task)
                task.add_done_callback(working.discard)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _sent(self, connection: ClientConnection) -> AsyncIterator[str | bytes]:
        with contextlib.suppress(ConnectionClosedOK):
            while True:
                try:
                    async with asyncio.timeout(self.quiet):
                        sent = await connection.recv()
                except TimeoutError:
                    raise GoAway("nothing came for an hour: is the gateway still there?") from None
                yield sent

    async def _work(self, connection: ClientConnection, frame: Object, hear: Hear) -> None:
        """Acknowledged with 200 only when it is kept or was nothing to us; otherwise DingTalk sends it again in a minute."""
        code, answer = 200, '{"response": "OK"}'
        try:
            found, answer = self._heard(frame)
            await self._noted(found)
            message = self._inbound.portable(found)
            if not isinstance(message, Answer):
                reply = await hear(message)
                if reply is not None:
                    answer = json.dumps({"response": json.loads(self._answer(reply).body)}, ensure_ascii=False)
        except NotAuthentic as error:
            log.warning("an event was refused", extra={"action": "event_refused", "platform": "dingtalk", "reason": error.reason})
            code = 400
        except Exception as error:
            log.exception("an event was not kept", extra={"action": "event_failed", "platform": "dingtalk", "error": type(error).__name__})
            code, answer = 500, '{"status": "LATER"}'
        await _acknowledge(connection, frame, code, answer)

    def _heard(self, frame: Object) -> tuple[Event, str]:
        """What happened, and what is said to it when it is kept."""
        headers, body = inner(frame, "headers"), parse_object(text(frame, "data"))
        match text(headers, "topic"):
            case topic if topic == SAID:
                return self._inbound.said(self._inbound.ours(body)), '{"response": "OK"}'
            case topic if topic == TAPPED:
                return self._inbound.tap(self._inbound.ours(body), text(headers, "messageId")), '{"response": {}}'
        body = {"EventType": text(headers, "eventType"), **body}
        return self._inbound.happened(body, text(headers, "eventId")), '{"status": "SUCCESS"}'


def _read(sent: str | bytes) -> Object | None:
    try:
        return parse_object(sent)
    except NotAuthentic:
        log.warning("a frame cannot be read", extra={"action": "frame_unreadable", "platform": "dingtalk"})
        return None


async def _acknowledge(connection: ClientConnection, frame: Object, code: int, data: str) -> None:
    headers: Mapping[str, Any] = {"messageId": text(inner(frame, "headers"), "messageId"), "contentType": "application/json"}
    body = {"code": code, "headers": headers, "message": "OK" if code == 200 else "try again", "data": data}
    with contextlib.suppress(WebSocketException):  # a connection that died meanwhile: DingTalk sends the message again
        await connection.send(json.dumps(body, ensure_ascii=False))
