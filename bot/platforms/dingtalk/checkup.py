"""Whether the app is set up as we need it, asked of DingTalk itself; says nothing to anybody. It makes one card that is delivered nowhere
(a call of the month), since only so does DingTalk tell whether a template is there and published.

Protocol: open.dingtalk.com, "Obtain the access token of an internal app", "Configure stream push", "Query user details" (uncounted),
"Create a card". DingTalk tells nobody which permissions an app has: a lacking one is named by the call that needs it.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

import httpx

from bot.platforms.core.checkup import Found, State, is_public, skew
from bot.platforms.core.container import Container
from bot.platforms.core.contract import NotAuthentic, PlatformDown, TryLater, WillNeverWork
from bot.platforms.core.http import Answered, send
from bot.platforms.dingtalk.calls import TOKEN, Calls, Refused, check, code_of
from bot.platforms.dingtalk.cards import CARDS
from bot.platforms.dingtalk.dialect import variables
from bot.platforms.dingtalk.directory import PACE
from bot.platforms.dingtalk.inbound import FRESH
from bot.platforms.dingtalk.rooms import NO_USER, PEOPLE
from bot.platforms.dingtalk.wire import OPEN, SUBSCRIPTIONS

SAID, TAPPED, EVENTS = "/callbacks/dingtalk", "/callbacks/dingtalk/card", "/callbacks/dingtalk/events"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Setup:
    """`token` and `aes_key` are of callbacks · `people`: the ids of the plan."""

    client_id: str
    client_secret: str = field(repr=False)
    mode: str
    token: str = field(repr=False)
    aes_key: bytes = field(repr=False)
    template: str
    scene: str
    public_url: str
    people: Sequence[str] = ()


class Checkup:
    """`away`: asks an address that is not DingTalk's (our own, from outside)."""

    def __init__(
        self, http: httpx.AsyncClient, old: httpx.AsyncClient, away: httpx.AsyncClient, setup: Setup, now: Callable[[], datetime]
    ) -> None:
        self._http = http
        self._away = away
        self._setup = setup
        self._now = now
        self._calls = Calls(http, old, setup.client_id, setup.client_secret, now)

    async def findings(self) -> list[Found]:
        """Credentials first: without them nothing else can be asked."""
        try:
            found, good = await self._credentials()
            if good:
                found += await (self._callbacks() if self._setup.mode == "http" else self._stream())
                found += [*await self._templates(), *await self._people()]
        except PlatformDown as error:
            found = [_found("bad", "away", why=str(error))]
        return found

    async def _credentials(self) -> tuple[list[Found], bool]:
        before = self._now()
        body = {"appKey": self._setup.client_id, "appSecret": self._setup.client_secret}
        answered = await send(self._http, "POST", TOKEN, json=body)
        try:
            check(answered)
        except (TryLater, WillNeverWork) as error:
            return [_refused("token", answered, error), skew("dingtalk", answered.headers, before, self._now(), FRESH)], False
        return [_found("ok", "token", app=self._setup.client_id), skew("dingtalk", answered.headers, before, self._now(), FRESH)], True

    async def _stream(self) -> list[Found]:
        """A ticket is asked for and not used."""
        credentials = {"clientId": self._setup.client_id, "clientSecret": self._setup.client_secret}
        answered = await send(self._http, "POST", OPEN, json={**credentials, "subscriptions": list(SUBSCRIPTIONS), "ua": "gengfu"})
        try:
            check(answered)
        except (TryLater, WillNeverWork) as error:
            return [_refused("stream", answered, error)]
        return [_found("ok", "stream")]

    async def _callbacks(self) -> list[Found]:
        """The addresses to enter, whether DingTalk could reach them at all; and what can never be done on that road."""
        unsigned = _found("attention", "unsigned")
        address = self._setup.public_url + EVENTS
        url = urlsplit(address)
        if url.scheme != "https" or not is_public(url.hostname or ""):
            return [_found("bad", "not_public", address=self._setup.public_url + SAID), unsigned]
        where = _found("ok", "callback", said=self._setup.public_url + SAID, events=address)
        return [where, await self._knock(address), unsigned]

    async def _knock(self, address: str) -> Found:
        """As DingTalk's own check of the address of events."""
        container, stamp = Container(self._setup.token, self._setup.aes_key), str(int(self._now().timestamp() * 1000))
        head = sha256(stamp.encode()).digest()[:16]
        sealed = container.seal(json.dumps({"EventType": "check_url"}).encode(), self._setup.client_id, head)
        query = urlencode({"msg_signature": container.signature(stamp, "gengfu", sealed), "timestamp": stamp, "nonce": "gengfu"})
        try:
            answered = await send(self._away, "POST", f"{address}?{query}", json={"encrypt": sealed})
        except PlatformDown as error:
            return _found("attention", "unanswered", why=str(error))
        try:
            good = container.open(str(answered.values.get("encrypt", "")), [self._setup.client_id]) == b"success"
        except NotAuthentic:
            good = False
        return _found("ok", "answers") if good else _found("attention", "answers_wrongly", status=answered.status)

    async def _templates(self) -> list[Found]:
        found = [await self._card() if self._setup.template else _found("attention", "no_template")]
        return found if self._setup.scene else [*found, _found("attention", "no_scene")]

    async def _card(self) -> Found:
        made = {"cardTemplateId": self._setup.template, "outTrackId": f"gengfu-doctor-{int(self._now().timestamp() * 1000)}"}
        try:
            await self._calls.call("POST", CARDS, json={**made, "cardData": {"cardParamMap": dict.fromkeys(variables(), "")}})
        except Refused as refusal:
            return _found("bad", "refused", asked="doctor.asked_dingtalk.card", code=refusal.code, why=str(refusal))
        except PlatformDown:
            raise
        except TryLater as error:
            return _found("attention", "template_unasked", template=self._setup.template, why=str(error))
        return _found("ok", "template", template=self._setup.template)

    async def _people(self) -> list[Found]:
        """Whose ids DingTalk does not know; the directory is not counted."""
        unknown: list[str] = []
        for person in self._setup.people:
            await asyncio.sleep(PACE)
            try:
                await self._calls.old(PEOPLE, json={"userid": person})
            except Refused as refusal:
                if refusal.code != NO_USER:
                    return [_found("attention", "people_unasked", why=str(refusal))]
                unknown.append(person)
            except TryLater as error:
                return [_found("attention", "people_unasked", why=str(error))]
        return [_found("bad", "strangers", count=len(unknown), ids=unknown[:SHOWN])] if unknown else []


def _found(state: State, key: str, **values: object) -> Found:
    return Found(state, "dingtalk", key, values)


def _refused(what: str, answered: Answered, error: Exception) -> Found:
    return _found("bad", "refused", asked=f"doctor.asked_dingtalk.{what}", code=code_of(answered), why=str(error))
