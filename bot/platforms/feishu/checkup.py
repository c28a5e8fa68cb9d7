"""Whether a self-built app is set up as we need it, asked of Feishu itself; says nothing to anybody and changes nothing.

Protocol: open.feishu.cn, "Query the tenant's grants" (application/v6/scopes), "Obtain bot information", "Obtain user ID via email or mobile
number" (contact/v3/users/batch_get_id), and the "permission requirements" of each call that the adapter makes.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.platforms.core.checkup import Found, State, is_public, skew
from bot.platforms.core.contract import PlatformDown
from bot.platforms.core.crypto import aes_cbc_seal
from bot.platforms.core.http import Answered, send
from bot.platforms.feishu.calls import NEVER, STOP, TOKEN, WAIT
from bot.platforms.feishu.inbound import FRESH
from bot.platforms.feishu.wire import ENDPOINT

BOT = "/open-apis/bot/v3/info"
SCOPES = "/open-apis/application/v6/scopes"
PEOPLE = "/open-apis/contact/v3/users/batch_get_id"
CALLBACK = "/callbacks/feishu"
LOT = 50
GRANTED = 1
#: How bot/v3/info says that the app is in use by its tenant; and the code of an app without a bot.
IN_USE, NO_BOT = 2, 11205


@dataclass(frozen=True, slots=True)
class Need:
    """Any one of `scopes` will do; the first is what we ask for. `vital`: without it the bot does not do its main job."""

    name: str
    scopes: tuple[str, ...]
    vital: bool = True


NEEDS = (
    Need("send", ("im:message:send_as_bot", "im:message")),
    Need("direct", ("im:message.p2p_msg:readonly", "im:message.p2p_msg")),
    Need(
        "mentioned",
        (
            "im:message.group_at_msg:readonly",
            "im:message.group_at_msg",
            "im:message.group_at_msg.include_bot:readonly",
            "im:message.group_msg",
        ),
    ),
    Need("create", ("im:chat", "im:chat:create")),
    Need("members", ("im:chat", "im:chat.members:write_only")),
    Need("membership", ("im:chat", "im:chat.members:bot_access", "im:chat:readonly"), vital=False),
    Need("top", ("im:chat", "im:chat.top_notice:write_only"), vital=False),
    Need("fetch", ("im:message", "im:message:readonly", "im:message.history:readonly"), vital=False),
    Need("upload", ("im:resource", "im:resource:upload"), vital=False),
    Need("app", ("im:message.urgent", "im:message.urgent:app_send"), vital=False),
    Need("sms", ("im:message.urgent:sms", "im:message.urgent:sms_send"), vital=False),
    Need("phone", ("im:message.urgent:phone",), vital=False),
    Need("ids", ("contact:user.id:readonly",), vital=False),
    Need("entered", ("im:chat.access_event.bot_p2p_chat:read",), vital=False),
)


@dataclass(frozen=True, slots=True)
class Setup:
    """`verification_token` and `encrypt_key` are of callbacks, and empty on the long connection."""

    app_id: str
    app_secret: str
    mode: str
    verification_token: str
    encrypt_key: str
    public_url: str


def told(code: object) -> str:
    """The name of the sentence about a code of Feishu's, empty for one we know nothing of."""
    return f"code.{code}" if code in STOP or code in NEVER or code in WAIT else ""


class Checkup:
    """`away`: asks an address that is not Feishu's (our own, from outside)."""

    def __init__(self, http: httpx.AsyncClient, away: httpx.AsyncClient, setup: Setup, now: Callable[[], datetime]) -> None:
        self._http = http
        self._away = away
        self._setup = setup
        self._now = now
        self._token = ""

    async def findings(self) -> list[Found]:
        """Credentials first: without them nothing else can be asked."""
        try:
            found = await self._credentials()
            if self._token:
                found += [await self._bot(), *await self._scopes()]
                found += await self._callback() if self._setup.mode == "http" else [await self._wire()]
        except PlatformDown as error:
            found = [_found("bad", "away", why=str(error))]
        return found

    async def _credentials(self) -> list[Found]:
        before = self._now()
        answered = await send(self._http, "POST", TOKEN, json={"app_id": self._setup.app_id, "app_secret": self._setup.app_secret})
        if answered.values.get("code") != 0:
            return [_refused("token", answered), skew("feishu", answered.headers, before, self._now(), FRESH)]
        self._token = str(answered.values.get("tenant_access_token", ""))
        return [_found("ok", "token", app=self._setup.app_id), skew("feishu", answered.headers, before, self._now(), FRESH)]

    async def _bot(self) -> Found:
        answered = await self._asked("GET", BOT)
        if answered.values.get("code") in (NO_BOT, 230006):
            return _found("bad", "no_bot")
        if answered.values.get("code") != 0:
            return _refused("bot", answered)
        bot = answered.values.get("bot")
        bot = bot if isinstance(bot, dict) else {}
        status = bot.get("activate_status", IN_USE)
        if status != IN_USE:
            return _found("attention", "not_in_use", status=int(status) if isinstance(status, int) else -1)
        return _found("ok", "bot", name=str(bot.get("app_name", "")))

    async def _scopes(self) -> list[Found]:
        """What the app may do as itself; a grant to act for a user is another thing."""
        answered = await self._asked("GET", SCOPES)
        if answered.values.get("code") != 0:
            return [_refused("scopes", answered, "attention")]
        data = answered.values.get("data")
        told = data.get("scopes") if isinstance(data, dict) else None
        own = [one for one in told or () if isinstance(one, dict) and one.get("scope_type", "tenant") != "user"]
        granted = {str(one.get("scope_name")) for one in own if one.get("grant_status") == GRANTED}
        missing = [need for need in NEEDS if not granted.intersection(need.scopes)]
        if not missing:
            return [_found("ok", "scopes", count=len(NEEDS))]
        return [
            _found("bad" if need.vital else "attention", "scope_missing", scope=need.scopes[0], what=f"doctor.need.{need.name}")
            for need in missing
        ]

    async def _wire(self) -> Found:
        body = {"AppID": self._setup.app_id, "AppSecret": self._setup.app_secret}
        answered = await send(self._http, "POST", ENDPOINT, json=body, headers={"locale": "zh"})
        data = answered.values.get("data")
        if answered.values.get("code") == 0 and isinstance(data, dict) and data.get("URL"):
            return _found("ok", "wire")
        return _refused("wire", answered)

    async def _callback(self) -> list[Found]:
        """The address to enter, whether Feishu could reach it at all, and whether it answers as Feishu's own check demands."""
        address = self._setup.public_url + CALLBACK
        url = urlsplit(address)
        if url.scheme != "https" or not is_public(url.hostname or ""):
            return [_found("bad", "not_public", address=address)]
        return [_found("ok", "callback", address=address), await self._knock(address)]

    async def _knock(self, address: str) -> Found:
        challenge = sha256(address.encode()).hexdigest()
        event = {"challenge": challenge, "token": self._setup.verification_token, "type": "url_verification"}
        key = sha256(self._setup.encrypt_key.encode()).digest()
        iv = sha256(str(self._now()).encode()).digest()[:16]
        sealed = base64.b64encode(iv + aes_cbc_seal(key, iv, json.dumps(event).encode())).decode()
        try:
            answered = await send(self._away, "POST", address, json={"encrypt": sealed})
        except PlatformDown as error:
            return _found("attention", "unanswered", why=str(error))
        if answered.values.get("challenge") == challenge:
            return _found("ok", "answers")
        return _found("attention", "answers_wrongly", status=answered.status)

    async def _asked(self, method: str, path: str, **what: Any) -> Answered:
        return await send(self._http, method, path, headers={"Authorization": f"Bearer {self._token}"}, **what)

    # People

    async def identities(self, emails: Iterable[str], mobiles: Iterable[str]) -> dict[str, str] | Found:
        """e-mail or number -> open id, of those that Feishu knows; or why it could not be asked."""
        known: dict[str, str] = {}
        try:
            refusal = (await self._credentials())[0]
            if refusal.state != "ok":
                return refusal
            for kind, wanted in (("email", sorted(set(emails))), ("mobile", sorted(set(mobiles)))):
                for lot in (wanted[start : start + LOT] for start in range(0, len(wanted), LOT)):
                    answered = await self._asked("POST", PEOPLE, params={"user_id_type": "open_id"}, json={f"{kind}s": lot})
                    if answered.values.get("code") != 0:
                        return _refused("people", answered)
                    known |= _ids(answered, kind)
        except PlatformDown as error:
            return _found("bad", "away", why=str(error))
        return known


def mobile(number: str) -> str:
    """As Feishu wants it: numbers of the mainland without their country's code, others with it."""
    return re.sub(r"[\s()-]", "", number).removeprefix("+86")


def _ids(answered: Answered, kind: str) -> dict[str, str]:
    data: Mapping[str, Any] = answered.values.get("data") or {}
    users: Sequence[Any] = data.get("user_list") or ()
    return {str(one[kind]): str(one["user_id"]) for one in users if isinstance(one, dict) and one.get(kind) and one.get("user_id")}


def _found(state: State, key: str, **values: object) -> Found:
    return Found(state, "feishu", key, values)


def _refused(what: str, answered: Answered, state: State = "bad") -> Found:
    code, said = answered.values.get("code"), str(answered.values.get("msg", ""))[:300]
    known = told(code)
    values: dict[str, object] = {"code": str(code), "said": said, "asked": f"doctor.asked.{what}"}
    return _found(state, "refused", **values, what=f"doctor.{known}") if known else _found(state, "refused_unknown", **values)
