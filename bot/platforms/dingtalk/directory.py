"""Who is who in DingTalk: asked by mobile number, the only way that it knows.

Protocol: open.dingtalk.com, "Query users by phone number" and "Obtain the userid of an enterprise account by mobile number"
(topapi/v2/user/getbymobile). One at a time; the directory is not counted in the month. An account that the firm itself made for somebody
(企业账号) is listed apart.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx

from bot.platforms.core.checkup import Found
from bot.platforms.core.contract import TryLater
from bot.platforms.dingtalk.calls import NO_PERMISSION, Calls, Refused
from bot.platforms.dingtalk.rooms import NO_USER

BY_MOBILE = "/topapi/v2/user/getbymobile"
#: Nobody of the organisation has this number, or it can be nobody's.
NOBODY = frozenset({NO_USER, "40104", "400002"})
#: Seconds between calls of one kind, of which twenty a second are allowed.
PACE = 0.06


class Directory:
    def __init__(self, http: httpx.AsyncClient, old: httpx.AsyncClient, client_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._calls = Calls(http, old, client_id, secret, now)

    async def identities(self, mobiles: Iterable[str]) -> tuple[dict[str, str], tuple[Found, ...]]:
        """(number -> userid, why not everybody was asked)."""
        known: dict[str, str] = {}
        for mobile in sorted(set(mobiles)):
            await asyncio.sleep(PACE)
            try:
                answer = await self._calls.old(BY_MOBILE, json={"mobile": mobile, "support_exclusive_account_search": True})
            except (Refused, TryLater) as error:
                code = error.code if isinstance(error, Refused) else ""
                if code in NOBODY:
                    continue
                return known, (Found("bad", "dingtalk", "unpermitted" if code == NO_PERMISSION else "unlinked", {"why": str(error)}),)
            if userid := _userid(answer.get("result")):
                known[mobile] = userid
        return known, ()


def _userid(result: object) -> str:
    """Their own account, or the one that the firm made for them; none of several."""
    found: Mapping[str, Any] = result if isinstance(result, dict) else {}
    own, made = str(found.get("userid") or ""), found.get("exclusive_account_userid_list") or ()
    return own or (str(made[0]) if isinstance(made, list) and len(made) == 1 else "")
