"""DingTalk as a platform: what comes in, what goes out, and its stream, behind the one contract."""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from hashlib import sha256
from typing import Any

import httpx

from bot.platforms.core.budget import Month
from bot.platforms.core.cards import Labels, with_commands
from bot.platforms.core.contract import (
    Answer,
    Can,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Fetch,
    Hear,
    Heard,
    Invite,
    Lots,
    NotAuthentic,
    Outcome,
    Page,
    Pin,
    Recall,
    Receipt,
    Rejected,
    Send,
    Shelf,
    TryLater,
    WillNeverWork,
)
from bot.platforms.dingtalk.calls import Calls, Counted, Refused
from bot.platforms.dingtalk.cards import CardDesk
from bot.platforms.dingtalk.dialect import HINT, TRACK, as_card, draw_card, draw_message, dumped, words
from bot.platforms.dingtalk.inbound import DIRECT, FRESH, Event, Inbound, Secrets
from bot.platforms.dingtalk.rooms import Rooms
from bot.platforms.dingtalk.wire import Wire
from bot.platforms.dingtalk.words import MOST_PEOPLE, Speaker
from handlers.core.message import Card, Message, Outgoing, Reply

log = logging.getLogger(__name__)

#: The card cannot be built: it is said in words instead, and the log says why.
NO_CARD = frozenset({"param.templateNotExist", "param.templateUnpublished", "param.cardPublicDataEmpty", "param.invalid"})
PATIENCE = 60.0
YOUNG = timedelta(minutes=1)
_WEBHOOK_HOST = re.compile(r"(?:[a-z0-9-]+\.)*dingtalk\.com")


@dataclass(frozen=True, slots=True)
class Setup:
    """`template`, `scene`: ids, empty where there is none · `callback`: where card taps are to be posted (mode http)."""

    mode: str
    template: str = ""
    scene: str = ""
    callback: str = ""
    zone: tzinfo = UTC


class DingTalk:
    """`labels`: the few words it adds itself · `month`: the calls of the month, `pushes`: its Webhook & Stream messages."""

    name = "dingtalk"
    can = Can(page=frozenset({"app", "sms", "phone"}), recall=True, files=True, links=True)

    def __init__(
        self,
        of: Secrets,
        setup: Setup,
        http: httpx.AsyncClient,
        old: httpx.AsyncClient,
        shelf: Shelf,
        labels: Labels,
        now: Callable[[], datetime],
        month: Month | None = None,
        pushes: Month | None = None,
        dice: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.inbound = Inbound(of, now, self.answer, dice)
        self.calls = Calls(http, old, of.client_id, of.client_secret, now)
        self.wire = Wire(http, of, self.inbound, self.answer, self.noted)
        cards, scene = bool(setup.template), bool(setup.scene)
        self.can = replace(self.can, edit=cards, cards=cards, mention=True, pin=cards, create_room=scene, invite=scene)
        self.can = replace(self.can, unsigned=setup.mode == "http", toast=300 if cards else self.can.toast)
        self._of = of
        self._setup = setup
        self._http = http
        self._old = old
        self._shelf = shelf
        self._labels = labels
        self._now = now
        self._api = api = Counted(self.calls, shelf, now, month, pushes)
        self._speaker = Speaker(api, of.robot_code, shelf, labels, now, setup.zone)
        self.can = replace(self.can, lots=Lots(MOST_PEOPLE, self.tell))
        self._cards = CardDesk(api, of.robot_code, setup.template, shelf, labels, now, stream=setup.mode == "stream")
        self._rooms = Rooms(api, of.robot_code, setup.scene)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer | Heard:
        if self._setup.mode != "http":
            raise NotAuthentic("callbacks_off")
        found = self.inbound.receive(headers, body)
        if isinstance(found, Heard) and isinstance(found.what, Message) and found.what.unsigned:
            return replace(found, check=partial(self._first_body, self.inbound.proof(headers), sha256(body).hexdigest()))
        return found

    async def _first_body(self, signed: str, body: str) -> None:
        """The headers prove nothing of the body: they serve the one that came with them first, in whichever replica, and its repeats."""
        if not await asyncio.to_thread(self._shelf.lease, f"signed:{signed}", body, 2 * FRESH.total_seconds()):
            raise NotAuthentic("replayed_signature")

    def answer(self, reply: Reply) -> Answer:
        """The card as it looks now, for everybody; the words to the one who tapped stand on it for them alone."""
        shown: dict[str, Any] = {
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
            "userPrivateData": {"cardParamMap": {HINT: reply.text}},
        }
        if reply.card is not None:
            params = draw_card(reply.card, self._labels, "").params or {}
            shown["cardData"] = {"cardParamMap": {name: value for name, value in params.items() if name != "chat"}}
        return Answer(dumped(shown).encode())

    async def do(self, deed: Deed, key: str) -> Done:
        match deed:
            case Send():
                return await self._into_young_rooms(deed, key)
            case Edit():
                return await self._edit(deed, key)
            case CreateRoom():
                done = await self._rooms.create(deed, key)
                await asyncio.to_thread(self._shelf.put, f"young:{done.facts['chat']}", "1", self._now() + YOUNG)
                return done
            case Invite():
                return Done({"chat": deed.chat, "missing": ",".join(await self._rooms.invite(deed.chat, deed.members))})
            case Page():
                return await self._rooms.ring(deed)
            case Fetch():
                return await self._fetch(deed)
            case Pin() | Recall():
                await (self._cards.pin(deed) if isinstance(deed, Pin) else self._speaker.take_back(deed))
                return Done()

    async def tell(self, message: Outgoing, people: Mapping[str, str]) -> Mapping[str, Outcome]:
        return await self._speaker.tell(draw_message(message, self._labels), people)

    async def listen(self, hear: Hear) -> None:
        if self._setup.mode == "stream":
            await self.wire.hold(hear)
        elif self._setup.template:
            await self._register()

    async def close(self) -> None:
        await self._http.aclose()
        await self._old.aclose()

    async def noted(self, event: Event) -> None:
        """A message over the stream may bring an address at which its chat can be called. One that anybody may have written is not kept."""
        if not event.reply_url or event.chat_type != "group":
            return
        ends = datetime.fromtimestamp(min(event.reply_url_ends, 10**13) / 1000, UTC)
        if ends > self._now() and self._trusted(event.reply_url):
            await asyncio.to_thread(self._shelf.put, f"session:{event.chat}", event.reply_url, ends)

    def _trusted(self, url: str) -> bool:
        """Of DingTalk itself, or of the address that was configured for it."""
        try:
            found = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        own = (found.scheme, found.host, found.port) == (self._old.base_url.scheme, self._old.base_url.host, self._old.base_url.port)
        return own or (found.scheme == "https" and bool(_WEBHOOK_HOST.fullmatch(found.host)))

    async def _register(self) -> None:
        while True:
            try:
                await self._cards.register(self._setup.callback, self._of.card_secret)
                return
            except (TryLater, WillNeverWork) as error:
                log.warning("taps cannot be heard", extra={"action": "register_failed", "platform": "dingtalk", "error": str(error)})
                await asyncio.sleep(error.after if isinstance(error, TryLater) else PATIENCE)

    # Deeds

    async def _into_young_rooms(self, deed: Send, key: str) -> Done:
        """The robot arrives in a group of a template some seconds after the group was made."""
        try:
            return await self._send(deed, key)
        except Rejected:
            if not deed.chat or await asyncio.to_thread(self._shelf.get, f"young:{deed.chat}") is None:
                raise
        raise TryLater(3.0, "the group is new, and its robot still on its way")

    async def _send(self, deed: Send, key: str) -> Done:
        if deed.chat.startswith(DIRECT):
            deed = replace(deed, chat="", person=deed.chat.removeprefix(DIRECT))
        if not (deed.chat or deed.person):
            raise WillNeverWork("DingTalk was told neither a chat nor a person")
        message, calling = deed.message, bool(deed.message.mentions and deed.chat)
        if calling and message.card is None:
            if done := await self._speaker.by_session(deed, key):
                return done
            if self._setup.template:
                deed = await self._speaker.perhaps_again(deed, key)
                return await self._card(deed, as_card(deed.message), key)
        if self._setup.template and message.card is not None:
            return await self._card(deed, message.card, key)
        return await self._speaker.say(deed, draw_message(message, self._labels), key)

    async def _card(self, deed: Send, card: Card, key: str) -> Done:
        drawn = draw_card(card, self._labels, deed.chat or f"{DIRECT}{deed.person}")
        try:
            done = await self._cards.put(deed, drawn, key)
        except Refused as refusal:
            if refusal.code not in NO_CARD:
                raise
            log.warning("a card was said in words", extra={"action": "card_failed", "platform": "dingtalk", "error": str(refusal)})
            return await self._speaker.say(deed, words(with_commands(card, self._labels), self._labels), f"{key}:words")
        if drawn.rest:
            await self._speaker.file(deed, drawn.rest, f"{key}:file")
        return done

    async def _edit(self, deed: Edit, key: str) -> Done:
        """Only cards change; what was said in words stays as it is. A card that is gone is sent anew, a replaced one is not."""
        if not TRACK.fullmatch(deed.message_id) or await self._cards.change(deed) or deed.superseded:
            return Done({"chat": deed.chat, "message_id": deed.message_id})
        return await self._send(Send(replace(deed.message, mentions=()), chat=deed.chat), key)

    async def _fetch(self, deed: Fetch) -> Done:
        body = {"downloadCode": deed.key, "robotCode": self._of.robot_code}
        url = str((await self._api.call("POST", "/v1.0/robot/messageFiles/download", json=body)).get("downloadUrl", ""))
        if not url:
            raise WillNeverWork("DingTalk does not say where the file is")
        return Done(content=(await self._api.bare("GET", url, raw=True)).body)
