"""Who is who in WeCom: asked by mobile number, and by e-mail address where that leads nowhere.

Protocol: developer.work.weixin.qq.com/document/path/95402 (user/getuserid), 95895 (user/get_userid_by_email). One at a time; the app must
see the member. Whoever asks wrongly more often than a fifth of the accounts that the company may have is refused for a day.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import httpx

from bot.platforms.core.checkup import Found
from bot.platforms.core.contract import TryLater
from bot.platforms.wecom.calls import Calls, Refused, told

MOBILE, EMAIL = "/cgi-bin/user/getuserid", "/cgi-bin/user/get_userid_by_email"
#: Nobody has this number or address, the app does not see them, or it cannot be one.
NOT_FOUND = frozenset({46004, 60011, 60103, 60111, 40003})
#: What a company calls an address: its own first, then a private one.
WORK, PRIVATE = 1, 2
#: Below a fifth of the accounts that a company may have: at least as many as the plan has people, and some hundred anyhow (the
#: documentation names no least).
FEWEST_MISSES, SHARE = 15, 0.15


class Directory:
    def __init__(self, http: httpx.AsyncClient, corp_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._calls = Calls(http, corp_id, secret, now)
        self._misses: dict[str, int] = {}
        self._most = FEWEST_MISSES

    async def identities(self, people: Sequence[tuple[str, str]]) -> tuple[dict[str, str], tuple[Found, ...]]:
        """(address or number -> userid, why not everybody was asked) for people's (e-mail address, mobile number)."""
        known: dict[str, str] = {}
        self._most = max(FEWEST_MISSES, int(len(people) * SHARE))
        try:
            for email, mobile in people:
                if userid := await self._asked(MOBILE, mobile, {"mobile": mobile}):
                    known[mobile] = userid
                elif userid := await self._by_email(email):
                    known[email] = userid
        except (Refused, TryLater) as error:
            return known, (Found("bad", "wecom", "unlinked", told(error)),)
        stopped = [path for path, count in self._misses.items() if count >= self._most]
        return known, (Found("attention", "wecom", "unasked", {"count": self._most}),) if stopped else ()

    async def _by_email(self, email: str) -> str:
        return await self._asked(EMAIL, email, {"email": email, "email_type": WORK}) or await self._asked(
            EMAIL, email, {"email": email, "email_type": PRIVATE}
        )

    async def _asked(self, path: str, way: str, body: Mapping[str, object]) -> str:
        """The userid; empty where there is none, or nobody may be asked for any more."""
        if not way or self._misses.get(path, 0) >= self._most:
            return ""
        try:
            return str((await self._calls.values("POST", path, json=dict(body))).get("userid", ""))
        except Refused as refusal:
            if refusal.code not in NOT_FOUND:
                raise
        self._misses[path] = self._misses.get(path, 0) + 1
        return ""
