"""The smart robot's long connection: hold it (one replica, one connection), ask over it, hear from it, and come back when it dies.

Protocol: developer.work.weixin.qq.com/document/path/101463. JSON frames `{cmd, headers: {req_id}, body}`; an answer has the request's
req_id, an errcode and no cmd. A second connection of the same robot ends the first.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bot.platforms.core.contract import Answer, Elsewhere, Hear, NotAuthentic, PlatformDown, Shelf, TryLater, Unsure
from bot.platforms.core.strict import Object, inner, parse_object, text
from bot.platforms.wecom.calls import Refused, check
from bot.platforms.wecom.keeping import Keeping
from bot.platforms.wecom.places import kind_of, person_of
from bot.platforms.wecom.terms import TIMES, Ears, Login, Offers, Times
from handlers.core.message import Message

log = logging.getLogger(__name__)

FRAME_CAP = 2 * 1024 * 1024
KEY, ELSEWHERE = "robot", "elsewhere"


class Kicked(Exception):
    """Another connection of this robot has taken over."""


class Wire:
    """`holder`: this replica's name · `new_id`: of requests."""

    def __init__(self, login: Login, shelf: Shelf, holder: str, new_id: Callable[[], str], robot: Ears, times: Times = TIMES) -> None:
        self._login = login
        self._shelf = shelf
        self._holder = holder
        self._new_id = new_id
        self._robot = robot
        self._times = times
        self._keeping = Keeping(self._sorry, times.patience)
        self._offers = Offers()
        self._state = ""
        self._connection: ClientConnection | None = None
        self._refusal: PlatformDown | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._doors: dict[str, tuple[str, float]] = {}
        self._waiting: dict[str, asyncio.Future[Object]] = {}
        self.ours = False
        """does this replica hold the lease"""
        self._kicked = ""
        self.trouble = "not connected yet"
        """why the connection is down; empty while it stands"""

    async def hold(self, hear: Hear) -> None:
        """Until cancelled, whatever goes wrong: the loops of the house end with whoever listens for it."""
        failures = 0
        try:
            while True:
                if not await self._take():
                    await asyncio.sleep(self._times.renew)
                    continue
                pause = await self._once(hear)
                failures = failures + 1 if pause is None else 0
                self._is("down", self.trouble)
                await self._rest(min(2.0 ** min(failures, 6) / 2, self._times.longest) if pause is None else pause)
        finally:
            if self.ours:
                with contextlib.suppress(Exception):
                    await self._lease(self._holder, 0.0)  # the next one need not wait
            if self._working:
                await asyncio.wait(self._working, timeout=self._times.answer)
            await self._keeping.close()

    async def _take(self) -> bool:
        """Is it ours to hold? Nobody begins where the database cannot say so."""
        try:
            self.ours = await self._lease(self._holder, self._times.lease)
        except Exception as error:
            self.ours, self.trouble = False, f"the database does not say who holds the connection ({type(error).__name__})"
            self._is("down", self.trouble)
            return False
        if not self.ours:
            self.trouble = self._kicked or "another replica holds the connection"
            self._is("elsewhere", self.trouble)
        return self.ours

    def _is(self, state: str, why: str = "") -> None:
        """One line in the log for each change."""
        if (now := f"{state} {why}") == self._state:
            return
        self._state = now
        if state == "up":
            log.info("listening", extra={"action": "wire_up", "platform": "wecom"})
        elif state == "elsewhere":
            log.info("the long connection is elsewhere", extra={"action": "wire_elsewhere", "platform": "wecom", "reason": why})
        else:
            log.warning("the long connection is down", extra={"action": "wire_down", "platform": "wecom", "error": why})

    async def _once(self, hear: Hear) -> float | None:
        """One connection from its beginning to its end; answers how long to stay away, None for as long as failures say."""
        began = asyncio.get_running_loop().time()
        try:
            async with connect(self._login.url, ping_interval=None, max_size=FRAME_CAP, open_timeout=10, close_timeout=2) as connection:
                await self._talk(connection, hear)
            self.trouble = "the connection was closed"
            return 0.5 if asyncio.get_running_loop().time() - began > self._times.lease else None
        except Kicked:
            await self._yield()
            return 0.0
        except PlatformDown as error:
            self.trouble = str(error)
            return error.after
        except (OSError, WebSocketException, TimeoutError, TryLater) as error:
            self.trouble = type(error).__name__
        except Exception as error:
            log.exception("the long connection stumbled", extra={"action": "wire_failed", "platform": "wecom"})
            self.trouble = type(error).__name__
        return None

    async def _yield(self) -> None:
        """To whoever has taken over. Was it another installation, then none of our replicas takes it back for a while."""
        self.ours, self._kicked = False, ""
        with contextlib.suppress(Exception):  # a database that is away: then it was another replica, which can ask it
            await self._lease(self._holder, 0.0)
            if await self._lease(ELSEWHERE, self._times.kicked):
                self._kicked = "another connection of this robot took over: is WECOM_BOT_ID used by another installation?"
        self.trouble = self._kicked or "another replica took over"

    async def _rest(self, seconds: float) -> None:
        """Still ours meanwhile, unless it is long: then another replica may have more luck."""
        if seconds > self._times.lease:
            self.ours = False
            with contextlib.suppress(Exception):
                await self._lease(self._holder, 0.0)
        await asyncio.sleep(seconds)

    async def _lease(self, holder: str, seconds: float) -> bool:
        return await asyncio.to_thread(self._shelf.lease, KEY, holder, seconds)

    # One connection

    async def _talk(self, connection: ClientConnection, hear: Hear) -> None:
        """What was heard is worked on to its end, also when the connection is gone: it is told only once."""
        keepers = [asyncio.create_task(work) for work in (self._subscribe(connection), self._stay(connection))]
        self._refusal, kicked = None, False
        try:
            kicked = await self._listen(connection, hear)
        except WebSocketException:
            pass  # it broke; where there is more to say, it is the refusal
        finally:
            self._connection = None
            for keeper in keepers:
                keeper.cancel()
            for waiting in self._waiting.values():
                waiting.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        if kicked:
            raise Kicked
        if self._refusal is not None:
            raise self._refusal

    async def _listen(self, connection: ClientConnection, hear: Hear) -> bool:
        """Until it ends; True when another connection has taken over."""
        async for sent in connection:
            try:
                frame = parse_object(sent)
                if self._answered(frame):
                    continue
                if text(inner(inner(frame, "body"), "event"), "eventtype") == "disconnected_event":
                    return True
            except NotAuthentic:
                log.warning("a frame cannot be read", extra={"action": "frame_unreadable", "platform": "wecom"})
                continue
            task = asyncio.create_task(self._work(connection, frame, hear))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return False

    async def _subscribe(self, connection: ClientConnection) -> None:
        try:
            body = {"bot_id": self._login.bot_id, "secret": self._login.secret}
            values = await self._request(connection, "aibot_subscribe", body)
            if values.get("errcode") != 0:
                why = f"{values.get('errcode')}: {str(values.get('errmsg'))[:200]}"
                told = f"WeCom refuses WECOM_BOT_ID and WECOM_BOT_SECRET: copy them again from the robot's page ({why})"
                raise PlatformDown(self._times.refused, told)
        except BaseException as error:
            self._refusal = error if isinstance(error, PlatformDown) else None
            await connection.close()
            raise
        self._connection, self.trouble, self._kicked = connection, "", ""
        self._is("up")

    async def _stay(self, connection: ClientConnection) -> None:
        """Renew the lease, and ask whether the other side is alive. Whoever has lost the lease lets go at once: two would fight. While the
        database is away nobody can take it, and what is heard can be held or refused in words: that is better than silence. Where only
        we have lost the database, another replica connects, and WeCom ends ours."""
        loop, times = asyncio.get_running_loop(), self._times
        asked = loop.time()
        renewing: asyncio.Task[bool] | None = None  # one at a time: a database that hangs would take all threads
        try:
            while True:
                await asyncio.sleep(times.renew)
                renewing = renewing or asyncio.create_task(self._lease(self._holder, times.lease))
                await asyncio.wait({renewing}, timeout=times.renew)
                if renewing.done():
                    ended, renewing = renewing, None
                    if ended.exception() is None and not ended.result():
                        break
                if loop.time() - asked >= times.ping:
                    asked = loop.time()
                    async with asyncio.timeout(times.answer):
                        await self._request(connection, "ping", None)
        except TimeoutError:
            log.warning("nobody answers on the long connection", extra={"action": "wire_silent", "platform": "wecom"})
        finally:
            if renewing is not None:
                renewing.cancel()
            await connection.close()

    def _answered(self, frame: Object) -> bool:
        if "cmd" in frame:
            return False
        waiting = self._waiting.get(text(inner(frame, "headers"), "req_id"))
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)
        return True

    async def _work(self, connection: ClientConnection, frame: Object, hear: Hear) -> None:
        """What is heard is told only once and is not acknowledged: it is kept here until the house has kept it."""
        try:
            found = self._robot.portable(self._robot.decode(inner(frame, "body")))
        except NotAuthentic as error:
            log.warning("an event was refused", extra={"action": "event_refused", "platform": "wecom", "reason": error.reason})
            return
        if isinstance(found, Answer):
            return
        if found.kind == "entered":
            request_id = text(inner(frame, "headers"), "req_id")
            self._doors[found.chat] = (request_id, asyncio.get_running_loop().time() + self._times.welcome)
        reply = await self._keeping.keep(hear, found)
        if reply is None or found.kind != "click" or (body := self._robot.updated(reply, found)) is None:
            return
        try:
            values = await self._request(connection, "aibot_respond_update_msg", body, text(inner(frame, "headers"), "req_id"))
            check(values)
        except (WebSocketException, TimeoutError, TryLater, Refused):
            await self._robot.missed(found)

    # Asking

    async def ask(self, cmd: str, body: Mapping[str, Any]) -> Object:
        """The answer with errcode 0. TryLater, PlatformDown (nobody knows what came of it) or Refused."""
        if self._connection is None:
            if self.ours:
                raise PlatformDown(3.0, f"the robot's long connection is down: {self.trouble}")
            raise Elsewhere(self._offers.after(str(body.get("chatid", ""))), "another replica holds the robot's connection")
        try:
            values = await self._request(self._connection, cmd, body)
        except (WebSocketException, TimeoutError):
            raise Unsure(3.0, "no answer on the robot's long connection") from None
        check(values)
        return values

    async def _sorry(self, message: Message) -> None:
        """What they said is lost; whoever said it hears so, over the connection that does not ask the database."""
        log.error("an event was given up", extra={"action": "event_lost", "platform": "wecom", "kind": message.kind})
        if self._connection is None or message.kind == "entered":
            return
        single = kind_of(message.chat) == "bot"
        where = {"chatid": person_of(message.chat) if single else message.chat, "chat_type": 1 if single else 2}
        with contextlib.suppress(WebSocketException, TimeoutError):
            body = {**where, "msgtype": "markdown", "markdown": {"content": self._robot.unkept(message)}}
            await self._request(self._connection, "aibot_send_msg", body)

    async def welcome(self, chat: str, words: str) -> bool:
        """To somebody who has just opened the chat and never spoken; False when that is not so, or too long ago."""
        request_id, ends = self._doors.pop(chat, ("", 0.0))
        if self._connection is None or asyncio.get_running_loop().time() > ends:
            return False
        with contextlib.suppress(WebSocketException, TimeoutError):
            body = {"msgtype": "text", "text": {"content": words}}
            values = await self._request(self._connection, "aibot_respond_welcome_msg", body, request_id)
            return values.get("errcode") == 0
        return False

    async def _request(self, connection: ClientConnection, cmd: str, body: Mapping[str, Any] | None, request_id: str = "") -> Object:
        request_id = request_id or f"{cmd}_{self._new_id()}"
        waiting: asyncio.Future[Object] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = waiting
        frame = {"cmd": cmd, "headers": {"req_id": request_id}, **({} if body is None else {"body": body})}
        try:
            await connection.send(json.dumps(frame, ensure_ascii=False))
            done, _ = await asyncio.wait([waiting], timeout=self._times.answer)
            if not done or waiting.cancelled():
                raise TimeoutError
            return waiting.result()
        finally:
            del self._waiting[request_id]
