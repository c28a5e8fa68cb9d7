"""DingTalk's two APIs: one way of calling each, with the app's token and with each error told apart by what must be done.

Protocol: open.dingtalk.com, "Obtain the access token of an internal app" (2026-04-29), "Server API error codes" (2026-05-06). The new API
(api.dingtalk.com) says a word and a status, the old one (oapi.dingtalk.com) a number within a 200.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.platforms.core.budget import Budget, Limit, Month
from bot.platforms.core.contract import PlatformDown, Rejected, Shelf, TryLater, Unsure
from bot.platforms.core.http import Answered, send
from bot.platforms.core.token import Token

TOKEN = "/v1.0/oauth2/accessToken"
HEADER = "x-acs-dingtalk-access-token"
#: Calls a second of one kind: DingTalk allows twenty.
QPS = 18
SECOND = timedelta(seconds=1)
#: Seconds that DingTalk itself tells an app to wait, when it calls too often.
WAIT = 1.0

DEAD_TOKEN = frozenset({"InvalidAuthentication", "88.40014", "88.40001", "88.42001"})
THROTTLED = frozenset(
    {
        "Forbidden.AccessDenied.QpsLimitForApi",
        "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
        "Forbidden.AccessDenied.QpsLimitForOrg",
        "90002",
        "90018",
        "sendMsg.toManyTimes",
    }
)
#: The robot itself has said too much; how long it has to be silent DingTalk does not say.
TOO_MUCH = frozenset({"send.too.fast", "send.byToken.tooFast", "too.many.group", "too.many.people"})
SILENCE = 10.0
NO_PERMISSION = "88.60011"
_QUOTA = "the organisation's API calls of this month are used up: buy more, or wait for the next month"
#: The whole app stands still until an administrator has done something: code -> what.
STOP: Mapping[str, str] = {
    "invalidClientIdOrSecret": "DingTalk does not take DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET: copy both again from the app's page",
    "authFailed": "DingTalk does not take DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET: copy both again from the app's page",
    "AuthenticationFailed.MissingParameter": "DingTalk does not see our token: is DINGTALK_API_BASE a proxy that drops headers?",
    "40096": "DingTalk does not take DINGTALK_CLIENT_ID: copy it again from the app's page",
    "Forbidden.AccessDenied.IpNotInWhiteList": "this server's address is not on the app's IP allow list",
    "88.60020": "this server's address is not on the app's IP allow list",
    "Forbidden.AccessDenied.ApiCountLimitForOrg": _QUOTA,
    "90020": _QUOTA,
    "template.stopped": "the app's robot is switched off: publish a version with the robot switched on",
    "invalidParameter.robotCode.notExsit": "DingTalk does not know DINGTALK_ROBOT_CODE: copy it from the app's robot page",
}
#: What no retry cures: code -> what an administrator has to know.
NEVER: Mapping[str, str] = {
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": "the app lacks a permission: grant the one named in the message and publish",
    NO_PERMISSION: "the app lacks a permission: grant the one named in the message and publish",
    "invalidParameter.robotCode.empty": "the robot is not in this group: add it in the group's settings",
    "invalidParameter.robotCode.auth": "the robot may not do this: check the app's permissions",
    "invalid.openConversationId": "DingTalk does not know this group",
    "group.disbanded": "the group was dissolved",
    "bot.forbidden.sendMessage": "the robot is muted in this group: lift it",
    "contain.notAllowed.text": "DingTalk's filter refused a word in the message",
    "param.contentUnsafe": "DingTalk's filter refused a word on the card",
    "430104": "DingTalk's filter refused a word in the message",
    "param.templateNotExist": "DingTalk does not know DINGTALK_CARD_TEMPLATE_ID: import the template and copy its id",
    "param.templateUnpublished": "the card template is not published: publish it in the card builder",
    "param.cardNotExist": "the card is gone",
    "groupTemplate.notFound": "DingTalk does not know DINGTALK_SCENE_TEMPLATE_ID: copy it from the scene group template's page",
    "permession.checkFailed": "the group's owner is outside the app's visible range: widen it",
    "member.notFound": "one of these people is no member of the organisation",
    "member.exceed": "a group takes a thousand people at a time",
    "ding.serverquota.insufficient": "the bought DINGs of this kind are used up",
    "ding.receivercount.limit": "a DING reaches so many people at a time and no more",
    "miss.staffId": "this person has no DINGTALK id that the organisation knows",
    "40006": "the file is larger than DingTalk takes",
}


class Refused(Rejected):
    """A refusal with DingTalk's own word or number."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{NEVER.get(code, 'DingTalk refused')} (code {code}: {message[:300]})")
        self.code = code


class Calls:
    """One token serves both APIs."""

    def __init__(self, http: httpx.AsyncClient, old: httpx.AsyncClient, client_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._http = http
        self._old = old
        self._client_id = client_id
        self._secret = secret
        self._token = Token(self._fetched, now)

    async def call(self, method: str, path: str, **what: Any) -> Mapping[str, Any]:
        """Of the new API. TryLater, PlatformDown or Refused."""
        return await self._tried(lambda token: send(self._http, method, path, headers={HEADER: token}, **what))

    async def old(self, path: str, *, params: Mapping[str, str] | None = None, **what: Any) -> Mapping[str, Any]:
        """Of the old API."""
        query = params or {}
        return await self._tried(lambda token: send(self._old, "POST", path, params={**query, "access_token": token}, **what))

    async def bare(self, method: str, url: str, *, raw: bool = False, **what: Any) -> Answered:
        """An address that DingTalk gave us and that proves itself."""
        answered = await send(self._old, method, url, raw=raw, **what)
        if not raw or answered.status != 200:
            check(answered)
        return answered

    async def token(self, dead: str = "") -> str:
        return await self._token.get(dead)

    async def _fetched(self) -> tuple[str, float]:
        try:
            answered = await send(self._http, "POST", TOKEN, json={"appKey": self._client_id, "appSecret": self._secret})
            check(answered)
        except Unsure as error:  # nothing was handed in yet, and that is sure
            raise PlatformDown(error.after, str(error)) from None
        return str(answered.values.get("accessToken", "")), float(answered.values.get("expireIn", 0))

    async def _tried(self, call: Callable[[str], Any]) -> Mapping[str, Any]:
        token = await self.token()
        answered: Answered = await call(token)
        if code_of(answered) in DEAD_TOKEN:
            answered = await call(await self.token(dead=token))
        check(answered)
        return answered.values


class Counted:
    """The APIs within what DingTalk allows a second; each call is one of the month's, and each message too."""

    def __init__(
        self, calls: Calls, shelf: Shelf, now: Callable[[], datetime], month: Month | None = None, pushes: Month | None = None
    ) -> None:
        self._calls = calls
        self._budget = Budget(shelf, now)
        self._month = month
        self._pushes = pushes

    async def call(self, method: str, path: str, **what: Any) -> Mapping[str, Any]:
        await self._count(path)
        return await self._calls.call(method, path, **what)

    async def old(self, path: str, *, free: bool = False, **what: Any) -> Mapping[str, Any]:
        """`free`: of the directory, which is not counted."""
        await self._count(path, free=free)
        return await self._calls.old(path, **what)

    async def bare(self, method: str, url: str, *, raw: bool = False, **what: Any) -> Answered:
        return await self._calls.bare(method, url, raw=raw, **what)

    async def ready(self) -> None:
        """There is a token."""
        await self._calls.token()

    async def pushed(self) -> None:
        """One of the month's Webhook & Stream messages, in whichever direction."""
        if self._pushes is not None:
            await self._pushes.count()

    async def _count(self, api: str, *, free: bool = False) -> None:
        await self._budget.take([Limit(f"api:{api}", QPS, SECOND)])
        if self._month is not None and not free:
            await self._month.count()


def code_of(answered: Answered) -> str:
    """The word or number of the error; empty when there is none. An old number 88 is told apart by its sub code."""
    values = answered.values
    number = str(values.get("errcode", "0"))
    if number != "0":
        return f"{number}.{values['sub_code']}" if values.get("sub_code") else number
    return str(values.get("code") or answered.status) if answered.status >= 400 else ""


def check(answered: Answered) -> None:
    values = answered.values
    if "punish" in values:  # a machine in between, which knows no error codes: five minutes
        raise PlatformDown(300.0, "DingTalk has blocked this server's address for calling too often")
    code, message = code_of(answered), str(values.get("message") or values.get("errmsg") or values.get("sub_msg") or "")
    if not code:
        return
    if code in STOP:
        raise PlatformDown(300.0, STOP[code])
    if code in DEAD_TOKEN:
        raise PlatformDown(30.0, f"DingTalk takes no token of ours (code {code})")
    if code in THROTTLED or code in TOO_MUCH or answered.status == 429:
        raise TryLater(SILENCE if code in TOO_MUCH else WAIT, f"DingTalk asks for patience (code {code})")
    if answered.status >= 500 and code != "param.callbackRouteKeyExist":
        raise Unsure(3.0, f"DingTalk has trouble (code {code})")
    raise Refused(code, message)
