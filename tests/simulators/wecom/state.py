"""What the stand-in remembers: people, chats, messages, media, tokens, codes; on a clock that only the test moves."""

import random
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.simulators.core.clock import Clock
from tests.simulators.wecom.cards import Card

Json = dict[str, Any]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: `app` and `robot`: one person's chat with that · `group`: people, and the robot if it was added · `appgroup`: made by the app.
Where = Literal["app", "robot", "group", "appgroup"]


class Refusal(Exception):
    """An answer with an errcode; HTTP says 200 all the same."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass
class Person:
    userid: str
    name: str
    mobile: str = ""
    email: str = ""
    """a private one; the company's own is `work_email`"""
    visible: bool = True
    """within the app's visible range"""
    opaque: str = ""
    """how the robot calls them, where its maker is no administrator"""
    stopped: bool = False
    """has blocked the app: it is told that all went well"""
    work_email: str = ""


@dataclass
class Message:
    """One person's (or one group's) copy. What the app sends to several has one `msgid` and a copy for each."""

    id: str
    msgid: str
    chat: str
    kind: str
    content: Json
    sender: str
    """a userid, `app` or `robot`"""
    at: datetime
    quotes: str = ""
    """the message that it answers"""
    recalled: bool = False
    closed: str = ""
    """its buttons are grey, and the one that counts says this"""
    history: list[Json] = field(default_factory=list)
    finished: bool = True
    """a stream that has said its last"""
    mentions: list[str] = field(default_factory=list)
    cards: dict[str, Json] = field(default_factory=dict)
    """a group's card as only these people see it"""

    @property
    def card(self) -> Card:
        return self.card_for("")

    def card_for(self, userid: str) -> Card:
        found = self.cards.get(userid) or self.content.get("template_card")
        assert found is not None, f"{self.id} is a {self.kind}, not a card"
        return Card(found, self.closed)

    @property
    def text(self) -> str:
        """What a person reads."""
        return self.text_for("")

    def text_for(self, userid: str) -> str:
        said = [_said(self.kind, self.content)]
        if "template_card" in self.content:
            said.append(self.card_for(userid).text)
        return "\n".join(one for one in said if one)

    @property
    def mentioned(self) -> set[str]:
        """Whom it calls by an @."""
        return {*self.mentions, *re.findall(r"<@([^<>\s]+)>", _said(self.kind, self.content))}


def _said(kind: str, content: Json) -> str:
    """The words of a content that is no card."""
    match kind:
        case "text" | "markdown" | "markdown_v2":
            return str(content[kind]["content"])
        case "stream" | "stream_with_template_card":
            return str(content["stream"].get("content", ""))
        case "textcard":
            return f"{content[kind]['title']}\n{content[kind]['description']}"
        case "news" | "mpnews":
            return "\n".join(f"{one['title']}\n{one.get('description', '')}" for one in content[kind]["articles"])
        case "file" | "image" | "voice" | "video":
            return str(content[kind].get("name") or content[kind].get("media_id", ""))
    return ""


@dataclass
class Chat:
    id: str
    name: str
    kind: Where
    members: set[str] = field(default_factory=set)
    owner: str = ""
    robot_inside: bool = False
    robot_id: str = ""
    """how the robot calls it: its chatid"""
    spoken: bool = False
    """somebody has talked to the robot here"""
    cards: bool | None = None
    """whether a card may be pushed here; None: as the tenant's switch says"""
    messages: list[Message] = field(default_factory=list)

    @property
    def shown(self) -> list[Message]:
        return [message for message in self.messages if not message.recalled]


@dataclass(frozen=True)
class Media:
    id: str
    kind: str
    name: str
    content: bytes
    at: datetime
    owner: str = "app"
    """`app` or `robot`: what one has uploaded the other cannot send (?)"""


@dataclass
class Code:
    """A response_code. Of the app: 72 hours, to change a card. Of the robot: one hour, to say one thing. One use each."""

    ends: datetime
    msgid: str = ""
    chat: str = ""
    quotes: str = ""
    used: bool = False


@dataclass
class State:
    """One company with one self-built app and one robot. The switches say what an administrator could have set."""

    clock: Clock
    dice: random.Random
    corp_id: str = "ww7f3c1e55aa90b2d4"
    agent_id: int = 1000002
    secret: str = "s3cret-of-the-app"
    bot_id: str = "aibXq9Zk"
    bot_secret: str = "s3cret-of-the-robot"
    bot_name: str = "更夫"
    people: dict[str, Person] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    attachments: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    """sealed files that people sent to the robot, and until when they can be fetched"""
    tokens: dict[str, datetime] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    done: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """what was sent under a duplicate check, and until when that is remembered"""
    task_ids: set[tuple[str, str]] = field(default_factory=set)
    """(app or robot, task_id)"""
    spent: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    """what was used up of a limit in a window"""
    dropped: list[tuple[str, str]] = field(default_factory=list)
    """(userid, text): accepted and silently not delivered"""
    oddities: list[str] = field(default_factory=list)
    """what the real platform would let pass, and a product should not do"""
    lock: threading.RLock = field(default_factory=threading.RLock)

    per_account: int = 200
    """app messages a day, times the accounts of the company"""
    root_visible: bool = True
    """the app's visible range is the root department: it may make groups"""
    app_enabled: bool = True
    trusted_ips: tuple[str, ...] | None = None
    """None: every address may call"""
    lower_ids: bool = False
    """user/get answers the userid in lower case"""
    contact_fields: bool = False
    """mobile and e-mail are told (an app made before 2022-06-20)"""
    group_cards: bool = True
    """whether a card may be pushed to a group: nobody knows (platforms.md 1.2), so both must be lived with"""
    passive_spends: bool = False
    """(?) a passive answer to a click uses its response_code up"""
    same_msgid: bool = False
    """(?) a repeat under the duplicate check is answered with the first msgid"""
    same_chat_ids: bool = False
    """(?) the robot calls a group that the app made by the app's own chatid"""
    bad_member: int = 86216
    """(?) the code of a group's member whom nobody knows"""
    accounts: int = 200
    """how many the company may have"""
    misses: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """wrong numbers and addresses that somebody was asked for by, of this day"""
    shut_out: int = 45009
    """(?) the code of whoever asked wrongly too often"""
    unseen_member: int = 46004
    """(?) 60011 by the older text: a number or address of somebody whom the app does not see"""
    not_recalled: int = 40035
    """(?) the code of recalling what is unknown, recalled already, or a day old"""
    bad_card: int = 40016
    """(?) the code of a card that cannot be built; the real one answers misleading codes (41016 and others)"""
    too_long: int = 40058
    """(?)"""
    task_taken: int = 40144
    """(?) the code of a task_id that was used before"""
    code_spent: int = 40137
    """(?) the code of a response_code that is unknown, used or too old"""
    no_conversation: int = 93006
    """(?) the code of a push to where nobody has talked to the robot"""
    stream_life: timedelta = timedelta(minutes=6)
    """ten minutes by the text of 2026"""

    def new(self, prefix: str) -> str:
        return f"{prefix}{self.dice.getrandbits(128):032x}"

    def person(self, userid: str) -> Person | None:
        """userids know no case."""
        return next((one for one in self.people.values() if one.userid.casefold() == userid.casefold()), None)

    def direct(self, userid: str, kind: Where) -> Chat:
        """The person's chat with the app or the robot; there from the first time on."""
        found = next((chat for chat in self.chats.values() if chat.kind == kind and chat.members == {userid}), None)
        if found is None:
            found = Chat(self.new(f"{kind}:"), "", kind, {userid}, robot_inside=kind == "robot")
            self.chats[found.id] = found
        return found

    def message(self, message_id: str) -> Message | None:
        return next((one for chat in self.chats.values() for one in chat.messages if one.id == message_id), None)

    def copies(self, msgid: str) -> list[Message]:
        return [one for chat in self.chats.values() for one in chat.messages if one.msgid == msgid]

    def post(self, chat: Chat, kind: str, content: Json, sender: str, msgid: str = "", quotes: str = "") -> Message:
        message = Message(self.new("m"), msgid or self.new("msg"), chat.id, kind, content, sender, self.clock(), quotes)
        chat.messages.append(message)
        return message

    def spend(self, key: str, most: int, window: timedelta, count: int = 1) -> bool:
        """So many more within the block of time that now is in; False when it is full. The blocks are fixed (page 90312)."""
        block = (f"{key}:{window}", int(self.clock().timestamp() // window.total_seconds()))
        if self.spent[block] + count > most:
            return False
        self.spent[block] += count
        return True

    def code(self, life: timedelta, *, msgid: str = "", chat: str = "", quotes: str = "") -> str:
        name = self.new("rc")
        self.codes[name] = Code(self.clock() + life, msgid, chat, quotes)
        return name

    def use_code(self, name: str) -> Code:
        found = self.codes.get(name)
        if found is None or found.used or self.clock() >= found.ends:
            why = "unknown" if found is None else "used before" if found.used else "too old"
            raise Refusal(self.code_spent, f"invalid response_code: {why}")
        found.used = True
        return found

    def robot_name(self, userid: str) -> str:
        """How the robot calls a person."""
        return self.people[userid].opaque or userid
