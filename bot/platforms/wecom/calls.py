"""WeCom's API: one way of calling it, with the app's token, and with each error told apart by what must be done.

Protocol: developer.work.weixin.qq.com/document/path/91039 (gettoken), 90313 (error codes), 90312 (limits). The HTTP status is always 200:
`errcode` decides. The token goes into the query and nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from bot.platforms.core.contract import PlatformDown, Rejected, TryLater, Unsure
from bot.platforms.core.http import Answered, send
from bot.platforms.core.token import Token

TOKEN = "/cgi-bin/gettoken"

DEAD_TOKEN = frozenset({40014, 42001})
#: code -> seconds to wait; WeCom never says how long.
WAIT: Mapping[int, float] = {-1: 1.0, 45009: 60.0, 45033: 2.0}
UNTRUSTED = 60020
#: The whole app stands still until an administrator has done something: code -> what.
STOP: Mapping[int, str] = {
    40001: "WECOM_SECRET is wrong: copy it again from the app's page and restart",
    40013: "WeCom does not know WECOM_CORP_ID: compare it with 我的企业",
    41002: "WECOM_CORP_ID is missing",
    41004: "WECOM_SECRET is missing",
    UNTRUSTED: "this server's address is not among the app's trusted IPs (企业可信IP): add it on the app's page",
    48002: "the app may not call this API: an administrator of WeCom must allow it",
    301002: "WECOM_AGENT_ID is not the app that WECOM_SECRET belongs to: compare both with the app's page",
}
#: What no retry cures: code -> what an administrator has to know.
NEVER: Mapping[int, str] = {
    40007: "the file is no longer there (three days)",
    40008: "WeCom takes no message of this kind here",
    40035: "WeCom refused the message as malformed",
    40058: "WeCom refused a parameter",
    41016: "WeCom could not build the card",
    42045: "WeCom could not build the card: it opens nothing",
    60011: "the app's visible range (可见范围) is too narrow for this: widen it; groups need the whole company",
    60111: "WeCom knows no such member, or the app does not see them: compare identities in organization.toml",
    81013: "none of these members is in the app's visible range (可见范围): widen it, or compare identities in organization.toml",
    82001: "nobody was named to receive the message",
}
_IP = re.compile(r"from ip: ([0-9a-fA-F.:]+)")


class Refused(Rejected):
    """A refusal with WeCom's own code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{NEVER.get(code, 'WeCom refused')} (code {code}: {message[:300]})")
        self.code = code
        self.said = message[:300]


class Stopped(PlatformDown):
    """A code of `STOP`: nothing goes until an administrator has done something."""

    def __init__(self, code: int, message: str) -> None:
        named = _IP.search(message) if code == UNTRUSTED else None
        super().__init__(300.0, f"{STOP[code]} ({named[1]})" if named else STOP[code])
        self.code = code
        self.said = message[:300]


def told(error: Exception) -> dict[str, object]:
    """For a finding: why, in our own words where we know WeCom's code, and what WeCom said."""
    if isinstance(error, Refused | Stopped):
        return {"why": STOP.get(error.code) or NEVER.get(error.code) or str(error), "said": error.said}
    return {"why": str(error), "said": "-"}


class Calls:
    def __init__(self, http: httpx.AsyncClient, corp_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._http = http
        self._corp_id = corp_id
        self._secret = secret
        self._token = Token(self._fetched, now)

    async def call(self, method: str, path: str, *, raw: bool = False, **what: Any) -> Answered:
        """The answer with errcode 0 (or raw bytes). TryLater, PlatformDown or Refused."""
        token = await self.token()
        answered = await self._send(token, method, path, raw=raw, **what)
        if answered.values.get("errcode") in DEAD_TOKEN:
            answered = await self._send(await self.token(dead=token), method, path, raw=raw, **what)
        if not raw or "errcode" in answered.values:
            check(answered.values)
        return answered

    async def values(self, method: str, path: str, **what: Any) -> Mapping[str, Any]:
        return (await self.call(method, path, **what)).values

    async def token(self, dead: str = "") -> str:
        return await self._token.get(dead)

    async def _fetched(self) -> tuple[str, float]:
        answered = await send(self._http, "GET", TOKEN, params={"corpid": self._corp_id, "corpsecret": self._secret})
        check(answered.values)
        return str(answered.values.get("access_token", "")), float(answered.values.get("expires_in", 0))

    async def _send(self, token: str, method: str, path: str, params: Mapping[str, str] | None = None, **what: Any) -> Answered:
        return await send(self._http, method, path, params={**(params or {}), "access_token": token}, **what)


def check(values: Mapping[str, Any]) -> None:
    """Nothing, where the answer says yes."""
    code, message = values.get("errcode", 0 if "access_token" in values else None), str(values.get("errmsg", ""))
    if code == 0:
        return
    if not isinstance(code, int):
        raise Unsure(3.0, "WeCom answered without a code")
    if code in STOP:
        raise Stopped(code, message)
    if code in DEAD_TOKEN or code == 41001:
        raise PlatformDown(30.0, f"WeCom takes no token of ours (code {code})")
    if code in WAIT:
        raise TryLater(WAIT[code], f"WeCom asks for patience (code {code})")
    raise Refused(code, message)
