"""Feishu's open API: one way of calling it, with the tenant's token and with each error told apart by what must be done.

Protocol: open.feishu.cn, "tenant_access_token_internal" (2025-03), "Server-side error codes", "Rate limits". `code` decides.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from bot.platforms.core.contract import PlatformDown, Rejected, TryLater
from bot.platforms.core.http import Answered, send
from bot.platforms.core.token import Token

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
#: A token is asked for anew this long before it ends: until 30 minutes before, Feishu would answer the old one.

DEAD_TOKEN = frozenset({99991661, 99991663, 99991664, 99991665, 99991671})
#: code -> seconds to wait when the answer does not say.
WAIT: Mapping[int, float] = {99991400: 1.0, 230020: 1.0, 230047: 1.0, 230049: 1.0, 232019: 1.0, 232096: 5.0, 11232: 5.0}
#: Within 230099: somebody's click on this very card is being answered.
LOCKED = "card action is lock"
#: The whole app stands still until an administrator has done something: code -> what.
STOP: Mapping[int, str] = {
    10003: "Feishu does not take FEISHU_APP_ID: compare it with the app's page",
    10014: "the app is disabled: an administrator of Feishu must enable it",
    10015: "FEISHU_APP_SECRET is wrong: copy it again from the app's page and restart",
    99991401: "this server's address is not on the app's IP allow list",
    99991403: "the month's quota of API calls is used up: buy more, or wait for the next month",
}
#: What no retry cures: code -> what an administrator has to know.
NEVER: Mapping[int, str] = {
    99991672: "the app lacks a permission: grant the scopes named in the message and publish a new version",
    230001: "Feishu refused the message as malformed",
    230002: "the bot is not in this group: add it again",
    230006: "the app's bot ability is off: switch it on and publish a new version",
    230011: "the message was recalled",
    230013: "this person is outside the app's range of availability: widen it",
    230017: "the file belongs to another app",
    230018: "the group's settings do not let the bot do this: ask its owner",
    230022: "Feishu's filter refused a word in the message",
    230025: "the message is too long",
    230027: "the app may not do this in this chat: check its permissions",
    230028: "the tenant's DLP rule blocked the message (a phone number or e-mail address in it?): exempt the bot",
    230031: "the message is older than 14 days and cannot be edited any more",
    230035: "the bot is muted in this chat: lift it",
    230053: "this person has stopped the bot: they must start it again",
    230099: "Feishu could not build the card",
    230110: "the message was deleted",
    232009: "the group was dissolved",
}
#: An edit that comes too late (recalled, 14 days, twenty edits, the tenant's own limit, deleted): the message is sent anew.
GONE = frozenset({230011, 230031, 230072, 230075, 230110})


class Refused(Rejected):
    """A refusal with Feishu's own code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{NEVER.get(code, 'Feishu refused')} (code {code}: {message[:300]})")
        self.code = code


class Calls:
    def __init__(self, http: httpx.AsyncClient, app_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._http = http
        self._app_id = app_id
        self._secret = secret
        self._token = Token(self._fetched, now)

    async def call(self, method: str, path: str, *, raw: bool = False, **what: Any) -> Answered:
        """The answer with code 0 (or raw bytes). TryLater, PlatformDown or Refused."""
        token = await self.token()
        answered = await self._send(token, method, path, raw=raw, **what)
        if answered.values.get("code") in DEAD_TOKEN:
            answered = await self._send(await self.token(dead=token), method, path, raw=raw, **what)
        self._check(answered, raw=raw)
        return answered

    async def data(self, method: str, path: str, **what: Any) -> Mapping[str, Any]:
        found = (await self.call(method, path, **what)).values.get("data")
        return found if isinstance(found, dict) else {}

    async def token(self, dead: str = "") -> str:
        return await self._token.get(dead)

    async def _fetched(self) -> tuple[str, float]:
        answered = await send(self._http, "POST", TOKEN, json={"app_id": self._app_id, "app_secret": self._secret})
        self._check(answered, raw=False)
        return str(answered.values.get("tenant_access_token", "")), float(answered.values.get("expire", 0))

    async def _send(self, token: str, method: str, path: str, **what: Any) -> Answered:
        return await send(self._http, method, path, headers={"Authorization": f"Bearer {token}"}, **what)

    def _check(self, answered: Answered, *, raw: bool) -> None:
        if raw and answered.status == 200:  # a file that is JSON is no answer of the API, whose refusals have another status
            return
        code = answered.values.get("code")
        if code == 0:
            return
        message = str(answered.values.get("msg", ""))
        if not isinstance(code, int):
            raise PlatformDown(3.0, f"Feishu answered {answered.status} without a code")
        if code in STOP:
            raise PlatformDown(300.0, STOP[code])
        if code in DEAD_TOKEN:
            raise PlatformDown(30.0, f"Feishu takes no token of ours (code {code})")
        if code in WAIT or answered.status == 429 or LOCKED in message:
            raise TryLater(_patience(answered.headers, WAIT.get(code, 1.0)), f"Feishu asks for patience (code {code})")
        if answered.status >= 500:
            raise PlatformDown(3.0, f"Feishu has trouble (code {code})")
        raise Refused(code, message)


def _patience(headers: Mapping[str, str], otherwise: float) -> float:
    """Feishu's own delay, in seconds, between a half and a hundred."""
    named = headers.get("x-ogw-ratelimit-reset", "")
    return min(max(float(named), 0.5), 100.0) if named.isascii() and named.isdigit() else otherwise
