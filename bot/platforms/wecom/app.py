"""The self-built app (自建应用): one-to-one messages and cards, groups that only receive, files."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from mimetypes import guess_type
from typing import Any

import httpx

from bot.platforms.core.budget import Budget, Limit
from bot.platforms.core.contract import (
    Answer,
    CreateRoom,
    Done,
    Enclosed,
    Heard,
    Invite,
    Recall,
    Rejected,
)
from bot.platforms.wecom import xml
from bot.platforms.wecom.app_inbound import NOTHING, AppInbound, AppSecrets
from bot.platforms.wecom.calls import NEVER, Calls, Refused
from bot.platforms.wecom.dialect import DESC, TEXT_BYTES, Artist, Object, as_xml, plain, shortened
from bot.platforms.wecom.media import APP as MOST
from bot.platforms.wecom.media import Kind, kinds, named
from bot.platforms.wecom.memory import Memory, fingerprint
from bot.platforms.wecom.places import APP, kind_of, message_of, person_of, room_of
from handlers.core.message import Message, Outgoing, Reply

log = logging.getLogger(__name__)

SEND, UPDATE, RECALL = "/cgi-bin/message/send", "/cgi-bin/message/update_template_card", "/cgi-bin/message/recall"
CREATE, CHANGE, SAY, LOOK = (f"/cgi-bin/appchat/{name}" for name in ("create", "update", "send", "get"))
MEMBER, UPLOAD, MEDIA = "/cgi-bin/user/get", "/cgi-bin/media/upload", "/cgi-bin/media/get"
NO_MEMBER = frozenset({60111, 40003, 60011, 40031})
NOBODY = 81013
#: It is not the card that is refused.
UNREACHED = frozenset({NOBODY, 60011, 60111, 82001})

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: WeCom drops silently what goes over 30 a minute and 1,000 an hour to one member. Its windows are fixed, ours begin with the first
#: message, and two of ours fit into one of its: half.
PER_MINUTE, PER_HOUR = 14, 490
#: Accounts of the firm times this, a day.
PER_ACCOUNT = 200
ROOMS_A_DAY = 900
#: How long WeCom knows a repeat of the same words (its most), how long a code changes a card, and a message can be taken back.
KNOWN, CODE, BACK, FILE = timedelta(hours=4), timedelta(hours=72), timedelta(hours=24), timedelta(days=3) - HOUR
MOST_MEMBERS, MOST_NAME, LOT = 2000, 50, 20
#: How long we believe that a group's members are the same.
REMEMBERED = timedelta(minutes=10)
#: A bit more than the mark and the count that may stand before a text.
SPARE = 64


class App:
    """`accounts`: how many the firm has at least · `random`: so many random bytes."""

    def __init__(
        self, secrets: AppSecrets, http: httpx.AsyncClient, memory: Memory, artist: Artist, now: Callable[[], datetime],
        random: Callable[[int], bytes], accounts: int,
    ) -> None:  # fmt: skip
        self._secrets = secrets
        self._memory = memory
        self._artist = artist
        self._now = now
        self._random = random
        self._accounts = accounts
        self._budget = Budget(memory.shelf, now)
        self.inbound = AppInbound(secrets, now)
        self.calls = Calls(http, secrets.corp_id, secrets.secret, now)

    # In

    def receive(self, headers: Mapping[str, str], body: bytes) -> Heard | Answer:
        event = self.inbound.receive(headers, body)
        if event.update_token and event.card:
            self._memory.soon(f"code:{event.card}", event.update_token, CODE)
        found = self.inbound.portable(event)
        return found if isinstance(found, Answer) else Heard(found, lambda reply: self.answer(reply, found))

    def answer(self, reply: Reply | None, message: Message) -> Answer:
        """The clicked card as it looks now; otherwise nothing: what is to be said follows as a message."""
        if reply is None or reply.card is None or message.kind != "click" or not message.reply_to:
            return NOTHING
        card = self._artist.card(reply.card, message.reply_to).card
        self._memory.soon(f"shown:{message.reply_to}", fingerprint(card), CODE)
        said = self._artist.card(reply.card, message.reply_to, said=reply.text if len(reply.text) <= DESC else "").card
        now = int(self._now().timestamp())
        inside = xml.tag(
            "xml",
            xml.words("ToUserName", message.sender),
            xml.words("FromUserName", self._secrets.corp_id),
            xml.tag("CreateTime", str(now)),
            xml.words("MsgType", "update_template_card"),
            as_xml(said),
        )
        return self.sealed(inside, self._random(8).hex())

    def sealed(self, inside: str, nonce: str) -> Answer:
        sealed = self.inbound.envelope.seal(inside, self._random(16), nonce)
        outside = xml.tag(
            "xml",
            xml.words("Encrypt", sealed.encrypt),
            xml.words("MsgSignature", sealed.signature),
            xml.tag("TimeStamp", str(sealed.timestamp)),
            xml.words("Nonce", sealed.nonce),
        )
        return Answer(outside.encode(), "application/xml")

    # One-to-one

    async def send(self, person: str, message: Outgoing, key: str) -> Done:
        task = message_of(key)
        if message.card is None:
            await self._tell(person, self._artist.said(message), key)
        else:
            drawn = self._artist.card(message.card, task)
            if drawn.rest:
                await self._tell(person, drawn.rest, f"{key}:whole")
            try:
                code = (await self._hand_in(person, {"msgtype": "template_card", "template_card": drawn.card}, key)).get("response_code")
            except Refused as refusal:
                if refusal.code in UNREACHED:
                    raise
                log.warning("a card was refused", extra={"action": "card_refused", "platform": "wecom", "error": str(refusal)})
                await self._tell(person, self._artist.said(message), f"{key}:words")
                code = None
            if code:
                await self._memory.put(f"code:{task}", str(code), CODE)
        return Done({"chat": f"{APP}{person}", "message_id": task})

    async def update(self, person: str, task: str, card: Object) -> bool:
        """Change a card that stands there: once for each code. False where there is none, or WeCom does not take it any more."""
        code = await self._memory.take(f"code:{task}")
        if not code:
            return False
        body = {"userids": [person], "agentid": self._secrets.agent_id, "response_code": code, "template_card": card}
        try:
            await self.calls.call("POST", UPDATE, json=body)
        except Rejected as refusal:
            log.info("a card cannot be changed", extra={"action": "card_stale", "platform": "wecom", "error": str(refusal)})
            return False
        except Exception:
            # Perhaps it was used up: then the next try is refused, and the card goes anew.
            await self._memory.put(f"code:{task}", code, CODE)
            raise
        return True

    async def recall(self, deed: Recall) -> Done:
        msgid = json.loads(await self._memory.get(f"done:{deed.message_id}") or "{}").get("msgid")
        if not msgid:
            raise Rejected("WeCom takes back only what the app said one-to-one in the last 24 hours")
        await self.calls.call("POST", RECALL, json={"msgid": msgid})
        return Done()

    async def _tell(self, person: str, text: str, key: str) -> None:
        """Words that nobody marks up, and the whole of what is too long for one message as a file."""
        text = plain(text)
        short = shortened(text, TEXT_BYTES - SPARE, self._artist.labels.attached)
        await self._hand_in(person, {"msgtype": "text", "text": {"content": await self._unlike(person, short, key)}}, key)
        if short != text:
            media = await self._upload(Enclosed(self._artist.adds.file, text.encode()), "file", key)
            await self._hand_in(person, {"msgtype": "file", "file": {"media_id": media}}, f"{key}:file")

    async def enclose(self, chat: str, one: Enclosed, key: str) -> None:
        """As a picture, else as a file, else in words."""
        person = "" if kind_of(chat) == "room" else person_of(chat)
        for kind in kinds(one, MOST):
            try:
                body: Object = {"msgtype": kind, kind: {"media_id": await self._upload(one, kind, f"{key}:{kind}")}}
                await (self._hand_in(person, body, f"{key}:{kind}") if person else self._say(chat, body, f"{key}:{kind}"))
                return
            except Refused as refusal:
                if refusal.code in UNREACHED:
                    raise
                log.warning("a file was refused", extra={"action": "file_refused", "platform": "wecom", "error": str(refusal)})
        words = self._artist.unenclosed(one)
        await (self._tell(person, words, f"{key}:words") if person else self.say(chat, Outgoing(words), f"{key}:words"))

    async def _unlike(self, person: str, text: str, key: str) -> str:
        """WeCom knows a repeat by its words: what somebody is told again on purpose must look different."""
        place = f"told:{person}:{fingerprint(text)}"
        told: list[str] = json.loads(await self._memory.get(place) or "[]")
        if (one := message_of(key)) not in told:
            told = [*told, one][-1000:]
            await self._memory.put(place, json.dumps(told), KNOWN + HOUR)
        count = told.index(one) + 1
        return text if count == 1 else f"{text}\n{self._artist.adds.again(count)}"

    async def _hand_in(self, person: str, body: Object, key: str) -> Mapping[str, Any]:
        """message/send, once for each key; a repeat whose first answer was lost is known to WeCom by its words, a card by its task id."""
        one, card = message_of(key), body["msgtype"] == "template_card"
        if (done := await self._memory.get(f"done:{one}")) is not None:
            found: Mapping[str, Any] = json.loads(done)
            return found
        await self._budget.take(self._limits(person))
        check = {"enable_duplicate_check": 1, "duplicate_check_interval": int(KNOWN.total_seconds())}
        whole = {"touser": person, "agentid": self._secrets.agent_id, **body, **check}
        async with self._memory.trying(one) as tried:
            try:
                values = await self.calls.values("POST", SEND, json=whole)
            except Refused as refusal:
                if not (card and tried) or refusal.code in NEVER:
                    raise
                values = {}  # the card stands there already, and its task id is taken
        _received(values, person)
        kept = {name: values[name] for name in ("msgid", "response_code") if values.get(name)}
        await self._memory.put(f"done:{one}", json.dumps(kept), BACK)
        return kept

    def _limits(self, person: str) -> tuple[Limit, ...]:
        one = person.casefold()
        day = Limit("app:day", max(self._accounts, 1) * PER_ACCOUNT, DAY)
        return Limit(f"member:{one}:minute", PER_MINUTE, MINUTE), Limit(f"member:{one}:hour", PER_HOUR, HOUR), day

    async def _upload(self, one: Enclosed, kind: Kind, key: str) -> str:
        """A file of its own for each key, however often it is tried: WeCom knows a repeat by the file's id."""
        place = f"media:{message_of(key)}"
        if media := await self._memory.get(place):
            return media
        name = named(one.name)
        files = {"media": (name, one.content, guess_type(name)[0] or "application/octet-stream")}
        media = str((await self.calls.values("POST", UPLOAD, params={"type": kind}, files=files)).get("media_id", ""))
        await self._memory.put(place, media, FILE)
        return media

    async def fetch(self, media: str) -> Done:
        return Done(content=(await self.calls.call("GET", MEDIA, raw=True, params={"media_id": media})).body)

    # Groups, which only receive

    async def say(self, chat: str, message: Outgoing, key: str) -> Done:
        """Text: a group of the app takes no cards. WeCom knows no repeats there: what may stand there already says so."""
        text = plain(self._artist.said(message, self._artist.adds.receives))
        short = shortened(text, TEXT_BYTES - SPARE, self._artist.labels.attached)
        body: Object = {"content": short}
        if called := await self._present(chat, message.mentions):
            body["mentioned_list"] = called
        await self._say(chat, {"msgtype": "text", "text": body}, key)
        if short != text:
            await self._say(
                chat,
                {"msgtype": "file", "file": {"media_id": await self._upload(Enclosed(self._artist.adds.file, text.encode()), "file", key)}},
                f"{key}:file",
            )
        return Done({"chat": chat, "message_id": message_of(key)})

    async def _present(self, chat: str, people: Sequence[str]) -> list[str]:
        """Those of them who are in the group, as it spells them: who has left it, or was never in it, cannot be called there."""
        if not people:
            return []
        place = f"members:{chat}"
        if (kept := await self._memory.get(place)) is None:
            try:
                about = (await self.calls.values("GET", LOOK, params={"chatid": chat})).get("chat_info")
            except Refused:
                return list(people)  # the message itself will say why
            listed = about.get("userlist") if isinstance(about, dict) else None
            kept = json.dumps([str(one) for one in listed or ()])
            await self._memory.put(place, kept, REMEMBERED)
        members = {one.casefold(): one for one in json.loads(kept)}
        return [members[one.casefold()] for one in people if one.casefold() in members]

    async def _say(self, chat: str, body: Object, key: str) -> None:
        one = message_of(key)
        if await self._memory.get(f"done:{one}") is not None:
            return
        async with self._memory.trying(one) as tried:
            if tried and "text" in body:
                body = {**body, "text": {**body["text"], "content": f"{self._artist.labels.again} {body['text']['content']}"}}
            await self.calls.call("POST", SAY, json={"chatid": chat, **body})
        await self._memory.put(f"done:{one}", "{}", BACK)

    async def create(self, deed: CreateRoom, key: str) -> Done:
        chat = room_of(key)
        known, missing = await self._members(deed.members)
        if len(known) < 2:
            raise Rejected("WeCom makes a group of at least two members whom the app sees")
        body = {"name": deed.name[:MOST_NAME], "owner": known[0], "userlist": known[:MOST_MEMBERS], "chatid": chat}
        await self._budget.take([Limit("app:rooms", ROOMS_A_DAY, DAY)])
        try:
            await self.calls.call("POST", CREATE, json=body)
        except Refused:
            if not await self._exists(chat):
                raise
        return Done({"chat": chat, "missing": ",".join([*missing, *known[MOST_MEMBERS:]])})

    async def invite(self, deed: Invite) -> Done:
        known, missing = await self._members(deed.members)
        if known:
            await self.calls.call("POST", CHANGE, json={"chatid": deed.chat, "add_user_list": known})
            await self._memory.take(f"members:{deed.chat}")
        return Done({"chat": deed.chat, "missing": ",".join(missing)})

    async def _exists(self, chat: str) -> bool:
        """It was made before, and the answer got lost."""
        try:
            await self.calls.call("GET", LOOK, params={"chatid": chat})
        except Refused:
            return False
        return True

    async def _members(self, people: Sequence[str]) -> tuple[list[str], list[str]]:
        """(whom the app sees, whom it does not): one stranger would spoil the whole request."""
        seen: dict[str, bool] = {}
        for lot in (people[start : start + LOT] for start in range(0, len(people), LOT)):
            seen |= dict(zip(lot, await asyncio.gather(*(self.knows(person) for person in lot)), strict=True))
        return [one for one, known in seen.items() if known], [one for one, known in seen.items() if not known]

    async def knows(self, person: str) -> bool:
        try:
            await self.calls.call("GET", MEMBER, params={"userid": person})
        except Refused as refusal:
            if refusal.code not in NO_MEMBER:
                raise
            return False
        return True


def _received(values: Mapping[str, Any], person: str) -> None:
    """WeCom says yes also where it reached nobody."""
    missed = str(values.get("invaliduser", "")).split("|")
    if person.casefold() in (one.casefold() for one in missed):
        raise Refused(NOBODY, f"invaliduser {person}")
