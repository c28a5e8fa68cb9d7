"""What the stand-in remembers: people, chats, messages, files, tokens; on a clock that only the test moves."""

import json
import random
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.simulators.core.clock import Clock
from tests.simulators.feishu.cards import Card

Json = dict[str, Any]
APP_SENDS = "app"
#: What an administrator has granted, as the guide says.
SCOPES = (
    "im:message", "im:message:send_as_bot", "im:message.p2p_msg:readonly", "im:message.group_at_msg:readonly", "im:chat", "im:resource",
    "im:message.urgent", "im:message.urgent:sms", "im:message.urgent:phone", "contact:user.id:readonly",
    "im:chat.access_event.bot_p2p_chat:read",
)  # fmt: skip


class Refusal(Exception):
    """An error answer: its code, HTTP status and what else the body has."""

    def __init__(self, code: int, message: str, *, status: int = 400, headers: Mapping[str, str] | None = None, **also: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.also = also


@dataclass
class Person:
    open_id: str
    union_id: str
    user_id: str
    name: str
    email: str = ""
    mobile: str = ""
    available: bool = True
    """within the app's range of availability"""
    stopped_bot: bool = False
    resigned: bool = False

    @property
    def ids(self) -> Json:
        return {"union_id": self.union_id, "user_id": self.user_id, "open_id": self.open_id}


@dataclass
class Message:
    id: str
    chat: str
    kind: str
    content: str
    sender: str
    """an open id, or the app id when the bot sent it"""
    at: datetime
    parent: str = ""
    edits: int = 0
    history: list[str] = field(default_factory=list)
    """every content it ever showed before this one"""
    recalled: bool = False
    deleted: bool = False
    pinned: bool = False
    locked: bool = False
    """a click on it is under way"""
    urgent: list[tuple[str, str]] = field(default_factory=list)
    """(app, sms or phone; whom)"""

    @property
    def values(self) -> Json:
        found: Json = json.loads(self.content)
        return found

    @property
    def card(self) -> Card:
        assert self.kind == "interactive", f"{self.id} is a {self.kind}, not a card"
        return Card(self.values)

    @property
    def _post(self) -> Json:
        """What is sent has a language around it, what is received has none."""
        found: Json = self.values if "content" in self.values else next(iter(self.values.values()))
        return found

    @property
    def text(self) -> str:
        """What a person reads, without the marks."""
        if self.kind == "interactive":
            return self.card.text
        if self.kind == "text":
            return str(self.values["text"])
        if self.kind == "post":
            post = self._post
            lines = ["".join(_spoken(piece) for piece in line) for line in post["content"]]
            return "\n".join([*([post["title"]] if post.get("title") else []), *lines])
        return self.content

    @property
    def mentioned(self) -> set[str]:
        """Whom it calls by an @."""
        if self.kind == "text":
            return set(re.findall(r'<at user_id="([^"]+)">', self.values["text"]))
        if self.kind == "interactive":
            return set(re.findall(r"<at id=\\?[\"']?([\w-]+)\\?[\"']?>", self.content))
        post = self._post["content"] if self.kind == "post" else ()
        return {piece["user_id"] for line in post for piece in line if piece["tag"] == "at"}


def _spoken(piece: Json) -> str:
    return f"@{piece['user_id']} " if piece["tag"] == "at" else str(piece.get("text", ""))


@dataclass
class Chat:
    id: str
    name: str
    kind: Literal["group", "p2p"] = "group"
    members: set[str] = field(default_factory=set)
    """open ids"""
    bot_inside: bool = True
    dissolved: bool = False
    muted: bool = False
    """nobody may speak, or the bot is blocked here"""
    only_some_speak: bool = False
    only_owner_pins: bool = False
    only_owner_urgent: bool = False
    owner: str = ""
    manager: bool = False
    """the bot is a manager"""
    messages: list[Message] = field(default_factory=list)
    notice: str = ""
    """the message at its top"""
    busy: bool = False
    """members are being added"""

    @property
    def shown(self) -> list[Message]:
        """What a person sees now."""
        return [message for message in self.messages if not (message.recalled or message.deleted)]

    @property
    def pins(self) -> list[Message]:
        return [message for message in self.messages if message.pinned]


@dataclass(frozen=True)
class Upload:
    key: str
    kind: str
    """image, or the declared file type"""
    name: str
    content: bytes
    app: str


@dataclass(frozen=True)
class Hook:
    """A custom bot: `secret`, `keyword` and `ips` are what its owner demands."""

    chat: str
    secret: str = ""
    keyword: str = ""
    ips: tuple[str, ...] = ()


@dataclass
class UpdateToken:
    """From a click: 30 minutes, two uses, and only after the click was answered."""

    message: str
    ends: datetime
    answered: bool = False
    uses: int = 0


@dataclass
class State:
    """Everything of one tenant with one app. The switches say what an administrator could have set."""

    clock: Clock
    dice: random.Random
    app_id: str
    app_secret: str
    tenant: str = "2f73made1up990"
    bot: str = "ou_bot000madeup"
    bot_name: str = "更夫"
    people: dict[str, Person] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    templates: set[str] = field(default_factory=set)
    tokens: dict[str, datetime] = field(default_factory=dict)
    updates: dict[str, UpdateToken] = field(default_factory=dict)
    done: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    """what a uuid has done, and until when it is remembered"""
    spent: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    read: set[str] = field(default_factory=set)
    """ids of messages that were read one-to-one"""
    oddities: list[str] = field(default_factory=list)
    """what the real platform would let pass, and a product should not do"""
    lock: threading.RLock = field(default_factory=threading.RLock)

    app_disabled: bool = False
    bot_enabled: bool = True
    name_scope: bool = True
    activate_status: int = 2
    scopes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SCOPES, 1))
    """1: granted, 2: asked for and not granted"""
    scopes_refused: int = 0
    """the code with which the question for them is refused"""
    month_quota: int | None = None
    allowed_ips: tuple[str, ...] = ()
    sensitive: set[str] = field(default_factory=set)
    dlp: bool = False
    recall_window: timedelta | None = None
    edit_window: timedelta | None = None
    recall_again: int = 230011
    """(?) what a second recall is answered"""
    early_update: int = 300030
    """(?) what an update before the click was answered is told"""
    old_throttle: bool = False
    """an old API: throttled with HTTP 400 instead of 429"""

    def new(self, prefix: str) -> str:
        return f"{prefix}{self.dice.getrandbits(128):032x}"

    def person(self, kind: str, value: str) -> Person | None:
        return next((one for one in self.people.values() if value and getattr(one, kind) == value), None)

    def message(self, message_id: str) -> Message | None:
        return next((one for chat in self.chats.values() for one in chat.messages if one.id == message_id), None)

    def direct(self, open_id: str) -> Chat:
        """The person's chat with the bot; there from the first time on."""
        for chat in self.chats.values():
            if chat.kind == "p2p" and chat.members == {open_id}:
                return chat
        chat = Chat(self.new("oc_"), "", "p2p", {open_id})
        self.chats[chat.id] = chat
        return chat

    def post(self, chat: Chat, kind: str, content: str, sender: str, parent: str = "") -> Message:
        message = Message(self.new("om_"), chat.id, kind, content, sender, self.clock(), parent)
        chat.messages.append(message)
        return message

    def spend(self, key: str, most: int, window: timedelta) -> bool:
        """One more within the window that ends now; False when it is full."""
        now = self.clock()
        recent = [at for at in self.spent[key] if now - at < window]
        if len(recent) >= most:
            self.spent[key] = recent
            return False
        self.spent[key] = [*recent, now]
        return True

    def patience(self, key: str, window: timedelta) -> int:
        """Whole seconds until the window has room again."""
        return max(1, int((self.spent[key][0] + window - self.clock()).total_seconds()))

    def repeated(self, key: str) -> Any:
        ends, found = self.done.get(key, (self.clock(), None))
        return found if ends > self.clock() else None

    def remember(self, key: str, found: Any, hours: float) -> None:
        self.done[key] = (self.clock() + timedelta(hours=hours), found)

    def unknown_mentions(self, mentioned: Iterable[str]) -> list[str]:
        known = {one for person in self.people.values() for one in person.ids.values()} | {"all", "@_all", self.bot}
        return sorted(set(mentioned) - known)


def milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
