"""The console: a messenger of our own. Its rooms are tables, handed in; its page is trusted only for what a person may say."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.platforms.core.contract import (
    Answer,
    Can,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Hear,
    Invite,
    NotAuthentic,
    Recall,
    Send,
    WillNeverWork,
)
from handlers.core.message import Message, Outgoing, Reply, plain

BODY_CAP = 64 * 1024
MOST_FILES = 10
MOST_FIELDS = 40
LONGEST_NAME = 80
PERSON_HEADER = "x-gengfu-person"

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_MENTION = re.compile(r"(?<![\w.@＠-])[@＠](?:更夫|gengfu(?![\w.-]))[ \u3000]?", re.IGNORECASE | re.ASCII)


class Rooms(Protocol):
    """What the console needs of its rooms; `edit` and `recall` answer False when there is no such message."""

    def direct(self, person: str) -> str: ...
    def create(self, key: str, name: str, members: Iterable[str]) -> str: ...
    def exists(self, room: str) -> bool: ...
    def invite(self, room: str, members: Iterable[str]) -> None: ...
    def post(self, room: str, author: str, text: str, body: Mapping[str, Any] | None, mentions: Iterable[str], key: str | None) -> str: ...
    def edit(self, message_id: str, text: str, body: Mapping[str, Any] | None, superseded: bool) -> bool: ...
    def recall(self, message_id: str) -> bool: ...


class Console:
    """`knows`: is this the id of a person of the firm · `now`: the clock."""

    name = "console"
    can = Can(
        edit=True,
        recall=True,
        cards=True,
        form=True,
        mention=True,
        create_room=True,
        invite=True,
        idempotent=True,
        receipts=True,
        ours=True,
    )

    def __init__(self, rooms: Rooms, knows: Callable[[str], bool], now: Callable[[], datetime]) -> None:
        self._rooms = rooms
        self._knows = knows
        self._now = now

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message:
        """What the page sent: `{id, kind, chat, text, reply_to?, files?, fields?}` or
        `{id, kind, chat, command, version, message_id, fields?}`.

        The person comes from a header that only our own route can set.
        """
        sender = headers.get(PERSON_HEADER, "")
        if not sender or len(body) > BODY_CAP:
            raise NotAuthentic("no person, or too large")
        page = _Page(body)
        event_id, chat = page.text("id"), page.text("chat")
        if not _EVENT_ID.fullmatch(event_id) or not chat:
            raise NotAuthentic("no event id or no chat")
        kind = page.text("kind")
        if kind == "click":
            return self._click(page, f"{sender}:{event_id}", chat, sender)
        if kind == "text":
            return self._text(page, f"{sender}:{event_id}", chat, sender)
        raise NotAuthentic("neither a text nor a click")

    def answer(self, reply: Reply) -> Answer:
        return Answer(json.dumps(plain(reply), ensure_ascii=False).encode(), status=202 if reply.wait else 200)

    async def do(self, deed: Deed, key: str) -> Done:
        return Done(await asyncio.to_thread(self._do, deed, key))

    async def listen(self, hear: Hear) -> None:
        """Nothing ever: the page posts."""

    async def close(self) -> None:
        """Nothing is open."""

    def _do(self, deed: Deed, key: str) -> dict[str, str]:
        match deed:
            case Send():
                return self._send(deed, key)
            case Edit():
                edited = self._rooms.edit(deed.message_id, deed.message.text, _body(deed.message), deed.superseded)
                return _of_message(deed.chat, deed.message_id, edited)
            case Recall():
                return _of_message(deed.chat, deed.message_id, self._rooms.recall(deed.message_id))
            case CreateRoom():
                known = [person for person in deed.members if self._knows(person)]
                return {"chat": self._rooms.create(key, deed.name, known), "missing": self._missing(deed.members)}
            case Invite():
                self._rooms.invite(self._existing(deed.chat), [person for person in deed.members if self._knows(person)])
                return {"chat": deed.chat, "missing": self._missing(deed.members)}
            case _:
                raise WillNeverWork(f"the console cannot {type(deed).__name__.lower()}")

    def _send(self, deed: Send, key: str) -> dict[str, str]:
        if not deed.chat and not self._knows(deed.person):
            raise WillNeverWork(f"the console knows no person {deed.person!r}")
        room = self._existing(deed.chat) if deed.chat else self._rooms.direct(deed.person)
        message = self._rooms.post(room, "", deed.message.text, _body(deed.message), deed.message.mentions, key)
        return {"chat": room, "message_id": message}

    def _existing(self, room: str) -> str:
        if not self._rooms.exists(room):
            raise WillNeverWork(f"the console has no chat {room!r}")
        return room

    def _missing(self, members: Iterable[str]) -> str:
        return ",".join(person for person in members if not self._knows(person))

    def _click(self, page: "_Page", event_id: str, chat: str, sender: str) -> Message:
        command, version = page.text("command"), page.number("version")
        if not command.startswith("/"):
            raise NotAuthentic("a click without a command")
        return Message(
            self.name, event_id, "click", chat, _kind(chat), sender, command, self._now(), version,
            page.pairs("fields"), page.text("message_id") or None, True,
        )  # fmt: skip

    def _text(self, page: "_Page", event_id: str, chat: str, sender: str) -> Message:
        text = page.text("text").strip()
        if not text:
            raise NotAuthentic("an empty text")
        said = _MENTION.sub("", text).strip()
        addressed = chat.startswith("dm:") or said != text
        reply_to = page.text("reply_to") or None
        return Message(
            self.name, event_id, "text", chat, _kind(chat), sender, said, self._now(),
            fields=page.pairs("fields"), reply_to=reply_to, addressed=addressed, files=page.texts("files"),
        )  # fmt: skip


class _Page:
    """The page's JSON, read strictly: whatever is not of the expected type is refused."""

    def __init__(self, body: bytes) -> None:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise NotAuthentic("not JSON") from None
        if not isinstance(found, dict):
            raise NotAuthentic("not an object")
        self._values: dict[str, object] = found

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not _storable(value):
            raise NotAuthentic(f"{name} is not a text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A short list of texts; none when there is no such list."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or len(value) > MOST_FILES or not all(isinstance(one, str) and _storable(one) for one in value):
            raise NotAuthentic(f"{name} is not a list of texts")
        return tuple(value)

    def pairs(self, name: str) -> dict[str, str]:
        """What a form was filled in with; nothing when there is no such object."""
        value = self._values.get(name, {})
        if not isinstance(value, dict) or len(value) > MOST_FIELDS:
            raise NotAuthentic(f"{name} is not a filled form")
        for key, text in value.items():
            if len(key) > LONGEST_NAME or not isinstance(text, str) or not _storable(key + text):
                raise NotAuthentic(f"{name} holds what no form sends")
        return value

    def number(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31):
            raise NotAuthentic(f"{name} is not a number")
        return value


def _storable(text: str) -> bool:
    """NUL cannot be stored by PostgreSQL, a lone surrogate by nobody."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _kind(chat: str) -> Literal["group", "direct"]:
    return "direct" if chat.startswith("dm:") else "group"


def _body(message: Outgoing) -> dict[str, Any] | None:
    body = {"card": plain(message.card)} if message.card else {}
    return (body | {"files": plain(message.files)} if message.files else body) or None


def _of_message(chat: str, message_id: str, there: bool) -> dict[str, str]:
    if not there:
        raise WillNeverWork(f"the console has no message {message_id!r}")
    return {"chat": chat, "message_id": message_id}
