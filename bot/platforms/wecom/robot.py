"""The smart robot (智能机器人): groups, and people one-to-one, over its long connection, or answering its callbacks."""

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.platforms.core.budget import Budget, Limit
from bot.platforms.core.contract import Answer, Done, Enclosed, Heard, NotAuthentic, PlatformDown, Rejected, TryLater, WillNeverWork
from bot.platforms.core.crypto import aes_cbc_open
from bot.platforms.core.http import send
from bot.platforms.core.strict import Object as Inner
from bot.platforms.wecom.app_inbound import NOTHING
from bot.platforms.wecom.calls import Refused, check
from bot.platforms.wecom.crypt import query_of
from bot.platforms.wecom.dialect import DESC, MARKDOWN_BYTES, Artist, Object, markdown, shortened
from bot.platforms.wecom.media import ROBOT as MOST
from bot.platforms.wecom.media import Kind, kinds, named
from bot.platforms.wecom.memory import Memory, fingerprint
from bot.platforms.wecom.places import kind_of, message_of, person_of
from bot.platforms.wecom.robot_inbound import RobotEvent, RobotInbound, RobotSecrets, file_of
from bot.platforms.wecom.wire import Wire
from handlers.core.message import Message, Outgoing, Reply

log = logging.getLogger(__name__)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: 30 a minute and 1,000 an hour to one conversation; two of our windows fit into one of WeCom's: half.
PER_MINUTE, PER_HOUR = 14, 490
#: How long a group that took no card is spared another try; how long we know what we said.
SPARED, BACK, SHOWN, FILE = timedelta(days=7), timedelta(hours=24), timedelta(days=14), timedelta(days=3) - HOUR
#: A callback's own address takes one answer within the hour; so many of a chat are kept.
ANSWERS, SLOTS = timedelta(minutes=58), 8
#: An answer is written for six minutes at most; until nothing has come for so long, people read that it is being written; seconds until
#: WeCom has come for what there is.
WRITING, WAITS, FETCHED_WITHIN = timedelta(minutes=5), timedelta(minutes=1), 4
CHUNK, SPARE = 512 * 1024, 64
KEY_BYTES = 32
#: How long a file that somebody sent lies at its address.
FETCHABLE = timedelta(minutes=5)
#: It is this card that is refused, whatever the chat.
MISBUILT = frozenset({40016, 40035, 40058, 41016, 42045})
#: So much of what somebody said is repeated to them.
QUOTED = 20


class Robot:
    """`wire` is None where the robot is called back (it can then only answer)."""

    def __init__(
        self, secrets: RobotSecrets, http: httpx.AsyncClient, memory: Memory, artist: Artist, now: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._http = http
        self._memory = memory
        self._artist = artist
        self._now = now
        self._random = random
        self._budget = Budget(memory.shelf, now)
        self.inbound = RobotInbound(secrets, now)
        self.wire: Wire | None = None

    # In

    def receive(self, headers: Mapping[str, str], body: bytes) -> Heard | Answer:
        event = self.inbound.receive(headers, body)
        nonce = query_of(headers).get("nonce", "")
        if event.kind == "stream_refresh":
            return self._sealed(self._written(event.stream), nonce)
        found = self.portable(event)
        return found if isinstance(found, Answer) else Heard(found, lambda reply: self.answer(reply, found, nonce))

    def decode(self, body: Inner) -> RobotEvent:
        return self.inbound.decode(body)

    def portable(self, event: RobotEvent) -> Message | Answer:
        if event.kind == "bot_opened" and self.wire is None:
            return NOTHING  # nothing of ours can be said before the person has spoken
        if event.reply_url and self.wire is None:
            slot = int(fingerprint(event.key), 16) % SLOTS
            self._memory.soon(f"url:{event.place}:{slot}", f"{self._now().isoformat()} {event.reply_url}", ANSWERS)
        return self.inbound.portable(event)

    def answer(self, reply: Reply | None, message: Message, nonce: str) -> Answer:
        """The clicked card as it looks now; otherwise nothing: what is to be said follows as a message."""
        body = self.updated(reply, message) if reply else self._begun(message)
        return NOTHING if body is None else self._sealed(body, nonce)

    def _begun(self, message: Message) -> Object | None:
        """To what somebody said: an answer that is still being written. WeCom asks for the rest of it until it is finished."""
        if message.kind != "text":
            return None
        one = message_of(f"stream:{message.event_id}")
        self._memory.soon(f"stream:{message.chat}", one, WRITING)
        self._memory.soon(f"began:{one}", "1", WAITS)
        return _stream(one, self._artist.adds.wait, finish=False)

    def _written(self, one: str) -> Object:
        """What there is of it by now; what was said in another way is finished without words of its own."""
        said = self._memory.shelf.get(f"said:{one}")
        if said is not None:
            self._memory.soon(f"read:{one}", "1", WRITING)
            return _stream(one, said, finish=True)
        waits = self._memory.shelf.get(f"began:{one}") is not None
        return _stream(one, self._artist.adds.wait if waits else self._artist.adds.over, finish=not waits)

    def _sealed(self, body: Object, nonce: str) -> Answer:
        if self.inbound.envelope is None:
            return NOTHING
        sealed = self.inbound.envelope.seal(json.dumps(body, ensure_ascii=False), self._random(16), nonce)
        outside = {"encrypt": sealed.encrypt, "msgsignature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce}
        return Answer(json.dumps(outside).encode())

    def updated(self, reply: Reply, message: Message) -> Object | None:
        """The only way in which a card of the robot's ever changes. What was refused is shown to the one who tapped."""
        if reply.card is None or message.kind != "click" or not message.reply_to:
            return None
        alone = reply.error is not None and message.chat_kind == "group"
        card = self._artist.card(reply.card, message.reply_to, robot=True).card
        if not alone:
            self._memory.soon(f"shown:{message.reply_to}", fingerprint(card), SHOWN)
        said = self._artist.card(reply.card, message.reply_to, robot=True, said=reply.text if len(reply.text) <= DESC else "").card
        return {"response_type": "update_template_card", "template_card": said, **({"userids": [message.sender]} if alone else {})}

    async def missed(self, message: Message) -> None:
        """The answer to a tap came too late: what we think stands there does not."""
        await self._memory.take(f"shown:{message.reply_to}")

    def unkept(self, message: Message) -> str:
        """What is said where a message could not be kept."""
        said, adds = message.text, self._artist.adds
        if message.kind == "click":
            return markdown(adds.untapped)
        return markdown(adds.unkept(said if 0 < len(said) <= QUOTED else f"{said[:QUOTED]}…"))

    # Out

    async def send(self, chat: str, message: Outgoing, key: str) -> Done:
        done = Done({"chat": chat, "message_id": message_of(key)})
        called = message.mentions if kind_of(chat) == "group" else ()
        if message.card is None or not await self._takes_cards(chat):
            # Under the same key as where the card is refused first, below: a repeat comes here.
            await self._words(chat, markdown(self._artist.said(message), called), f"{key}:words" if message.card else key)
            return done
        drawn = self._artist.card(message.card, message_of(key), robot=True)
        if drawn.rest or called:
            await self._words(chat, markdown(drawn.rest or message.text, called), f"{key}:whole")
        try:
            await self._push(chat, {"msgtype": "template_card", "template_card": drawn.card}, key)
        except Refused as refusal:
            log.warning("a card was refused", extra={"action": "card_refused", "platform": "wecom", "error": str(refusal)})
            await self._words(chat, markdown(self._artist.said(message)), f"{key}:words")
            if kind_of(chat) == "group" and refusal.code not in MISBUILT:  # and words go there
                await self._memory.put(f"nocards:{chat}", "1", SPARED)
        return done

    async def _takes_cards(self, chat: str) -> bool:
        if kind_of(chat) != "group":
            return True
        return self.wire is not None and await self._memory.get(f"nocards:{chat}") is None

    async def _words(self, chat: str, text: str, key: str) -> None:
        cut = self._artist.labels.attached if self.wire is not None else self._artist.adds.cut
        short = shortened(text, MARKDOWN_BYTES - SPARE, cut)
        await self._push(chat, {"msgtype": "markdown", "markdown": {"content": short}}, key)
        if short != text and self.wire is not None:
            media = await self._upload(self.wire, Enclosed(self._artist.adds.file, text.encode()), "file", key)
            await self._push(chat, {"msgtype": "file", "file": {"media_id": media}}, f"{key}:file")

    async def enclose(self, chat: str, one: Enclosed, key: str) -> None:
        """As a picture, else as a file, else in words. Called back, the protocol has pictures only within an answer that is being written,
        and no files at all: always in words."""
        for kind in kinds(one, MOST) if self.wire is not None else ():
            try:
                assert self.wire is not None
                media = await self._upload(self.wire, one, kind, f"{key}:{kind}")
                await self._push(chat, {"msgtype": kind, kind: {"media_id": media}}, f"{key}:{kind}")
                return
            except Refused as refusal:
                log.warning("a file was refused", extra={"action": "file_refused", "platform": "wecom", "error": str(refusal)})
        await self._words(chat, markdown(self._artist.unenclosed(one)), f"{key}:words")

    async def _push(self, chat: str, body: Object, key: str) -> None:
        """Once for each key, as far as we know; WeCom knows no repeats here, so what may stand there already says so."""
        one = message_of(key)
        if await self._memory.get(f"done:{one}") is not None:
            return
        await self._budget.take((Limit(f"talk:{chat}:minute", PER_MINUTE, MINUTE), Limit(f"talk:{chat}:hour", PER_HOUR, HOUR)))
        async with self._memory.trying(one) as tried:
            if tried and "markdown" in body:
                body = {**body, "markdown": {"content": f"{self._artist.labels.again} {body['markdown']['content']}"}}
            try:
                await self._out(chat, body)
            except Refused:
                if not (tried and "template_card" in body):
                    raise  # else it stands there already, and its task id is taken
        await self._memory.put(f"done:{one}", "{}", BACK)

    async def _out(self, chat: str, body: Object) -> None:
        if self.wire is None:
            await self._answer_there(chat, body)
            return
        single = kind_of(chat) == "bot"
        if single and "markdown" in body and await self.wire.welcome(chat, body["markdown"]["content"]):
            return
        where = {"chatid": person_of(chat) if single else chat, "chat_type": 1 if single else 2}
        await self.wire.ask("aibot_send_msg", {**where, **body})

    async def can_say(self, chat: str) -> bool:
        """Where it is called back, only to what was said lately."""
        return self.wire is not None or bool(await self._open(chat))

    async def _open(self, chat: str) -> list[tuple[str, str, str]]:
        """(moment, address, key) of what can still be answered, the newest first."""
        kept = [(key, await self._memory.get(key)) for key in (f"url:{chat}:{slot}" for slot in range(SLOTS))]
        return sorted(((*value.split(" ", 1), key) for key, value in kept if value), reverse=True)  # type: ignore[misc]

    async def _answer_there(self, chat: str, body: Object) -> None:
        """In the answer that is still being written; or by a message's own address, once, which is on the API's host, whatever it says."""
        if "markdown" in body and await self._write_on(chat, body["markdown"]["content"]):
            return
        for moment, url, key in await self._open(chat):
            if not await self._memory.take(key):
                continue
            parts = urlsplit(url)
            try:
                check((await send(self._http, "POST", f"{parts.path}?{parts.query}", json=body)).values)
            except TryLater:
                await self._memory.put(key, f"{moment} {url}", ANSWERS)
                raise
            return
        raise Rejected("a robot in callback mode only answers what was said in the last hour: use its long connection (WECOM_BOT_SECRET)")

    async def _write_on(self, chat: str, text: str) -> bool:
        """True once WeCom has come for it. It comes every second or so; if it does not, the words are taken back and go another way."""
        one = await self._memory.take(f"stream:{chat}")
        if one is None:
            return False
        await self._memory.put(f"said:{one}", text, WRITING)
        for _ in range(FETCHED_WITHIN * 5):
            await asyncio.sleep(0.2)
            if await self._memory.get(f"read:{one}") is not None:
                return True
        await self._memory.take(f"said:{one}")
        return False

    async def _upload(self, wire: Wire, one: Enclosed, kind: Kind, key: str) -> str:
        """Once for each key: thirty may go up in a minute."""
        place, content = f"media:{message_of(key)}", one.content
        if media := await self._memory.get(place):
            return media
        await self._budget.take((Limit("robot:uploads:minute", PER_MINUTE, MINUTE), Limit("robot:uploads:hour", PER_HOUR, HOUR)))
        parts = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
        about = {"type": kind, "filename": named(one.name), "total_size": len(content), "total_chunks": len(parts)}
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        upload = _inner(await wire.ask("aibot_upload_media_init", {**about, "md5": digest}), "upload_id")
        for number, part in enumerate(parts):
            chunk = {"upload_id": upload, "chunk_index": number, "base64_data": base64.b64encode(part).decode()}
            await wire.ask("aibot_upload_media_chunk", chunk)
        media = _inner(await wire.ask("aibot_upload_media_finish", {"upload_id": upload}), "media_id")
        await self._memory.put(place, media, FILE)
        return media

    async def fetch(self, key: str) -> Done:
        """A file lies for five minutes at an address of its own, encrypted with its own key or the callback's."""
        found = file_of(key)
        if found is None or not str(found["url"]).startswith(("https://", str(self._http.base_url))):
            raise WillNeverWork("no file of the robot's")
        try:
            response = await self._http.get(found["url"])
        except httpx.HTTPError as error:
            raise await self._unfetched(str(found["url"]), type(error).__name__) from None
        if response.status_code != 200:
            raise Rejected(f"the file is no longer there ({response.status_code})")
        return Done(content=self._opened(response.content, str(found.get("key", ""))))

    async def _unfetched(self, url: str, error: str) -> PlatformDown | Rejected:
        """The store of files is another host than the API, and a firewall may keep it from us for ever; after five minutes it gives nothing
        to anybody, and whoever sent the file is heard without it."""
        host, place = urlsplit(url).hostname, f"unfetched:{fingerprint(url)}"
        log.warning("a file cannot be fetched", extra={"action": "fetch_failed", "platform": "wecom", "host": host, "error": error})
        first = await self._memory.get(place)
        if first is not None and self._now() - datetime.fromisoformat(first) > FETCHABLE:
            return Rejected(f"{host} does not answer ({error}): let this server reach its port 443")
        if first is None:
            await self._memory.put(place, self._now().isoformat(), HOUR)
        return PlatformDown(3.0, f"{host} does not answer ({error})")

    def _opened(self, sealed: bytes, key: str) -> bytes:
        try:
            secret = base64.b64decode(f"{key.rstrip('=')}=") if key else self._callback_key()
            if len(secret) != KEY_BYTES:
                raise Rejected("a file came with a key that opens nothing")
            return aes_cbc_open(secret, secret[:16], sealed, 32)
        except (NotAuthentic, ValueError):
            raise Rejected("a file cannot be decrypted") from None

    def _callback_key(self) -> bytes:
        return self.inbound.envelope.container.key if self.inbound.envelope else b""


def _stream(one: str, text: str, *, finish: bool) -> Object:
    return {"msgtype": "stream", "stream": {"id": one, "finish": finish, "content": text}}


def _inner(values: Mapping[str, Any], name: str) -> str:
    body = values.get("body")
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, str) or not found:
        raise PlatformDown(3.0, f"WeCom answered without {name}")
    return found
