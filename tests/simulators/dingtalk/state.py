"""What the stand-in remembers: people, conversations, messages, cards, tokens; on a clock that only the test moves."""

import random
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from tests.simulators.core.clock import Clock
from tests.simulators.dingtalk.templates import Template

Json = dict[str, Any]
ROBOT = "robot"
ZONE = ZoneInfo("Asia/Shanghai")
#: What the guide has an administrator grant.
PERMISSIONS = (
    "qyapi_base", "qyapi_robot_sendmsg", "qyapi_chat_manage", "qyapi_get_member", "qyapi_get_member_by_mobile", "Card.Instance.Write",
    "Premium.Ding.Write",
)  # fmt: skip


class Refusal(Exception):
    """An error answer. A word is of the new API (with a status), a number of the old one (HTTP 200)."""

    def __init__(self, code: str | int, message: str, *, status: int = 400, **also: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status if isinstance(code, str) else 200
        self.also = also


@dataclass
class Person:
    userid: str
    name: str
    mobile: str = ""
    available: bool = True
    """within the app's visible range"""
    resigned: bool = False

    @property
    def union_id(self) -> str:
        return f"un-{self.userid}"


@dataclass
class Message:
    """`kind`: a msgKey, a webhook's msgtype, `card`, or what a person sent (text, picture, file, richText)."""

    id: str
    chat: str
    kind: str
    content: Json
    sender: str
    """a userid, or ROBOT"""
    at: datetime
    mentioned: set[str] = field(default_factory=set)
    """whom it calls by an @: userids, or @ALL"""
    recalled: bool = False
    track: str = ""
    """the outTrackId of a card"""


@dataclass
class Chat:
    """A conversation; its id is what both openConversationId and conversationId say."""

    id: str
    name: str
    kind: Literal["group", "p2p"] = "group"
    members: set[str] = field(default_factory=set)
    bot_inside: bool = True
    bot_since: datetime | None = None
    """a robot of a template is there some time after the group"""
    robot: str = ""
    """the code of the template's robot, where it is not the app's own"""
    dissolved: bool = False
    muted: bool = False
    owner: str = ""
    messages: list[Message] = field(default_factory=list)
    top: str = ""
    """the outTrackId of the card at its top"""
    top_ends: datetime | None = None

    @property
    def shown(self) -> list[Message]:
        return [message for message in self.messages if not message.recalled]

    def hears(self, robot: str, now: datetime, own: str) -> bool:
        """Whether the robot of this code is inside; `own`: the app's."""
        return self.bot_inside and (self.bot_since is None or self.bot_since <= now) and robot == (self.robot or own)


@dataclass
class Card:
    """One instance. `spaces`: where it was delivered to, as IM_GROUP.cid…"""

    track: str
    template: str
    values: dict[str, str]
    private: dict[str, dict[str, str]]
    supports: frozenset[str] = frozenset()
    """the kinds of spaces that it was made for"""
    callback: str = ""
    route: str = ""
    spaces: list[str] = field(default_factory=list)
    history: list[dict[str, str]] = field(default_factory=list)
    busy: bool = False
    """a click on it is under way"""


@dataclass(frozen=True)
class Route:
    """A registered address for clicks."""

    url: str
    secret: str


@dataclass(frozen=True)
class Upload:
    id: str
    kind: str
    name: str
    content: bytes


@dataclass
class Hook:
    """A custom robot of a group: what its owner demands."""

    chat: str
    secret: str = ""
    keyword: str = ""
    ips: tuple[str, ...] = ()
    blocked: datetime | None = None


@dataclass(frozen=True)
class Session:
    chat: str
    ends: datetime


@dataclass
class Quota:
    """Of one calendar month. `limit` None: no end."""

    limit: int | None = None
    used: int = 0
    month: str = ""

    def take(self, now: datetime) -> bool:
        month = now.astimezone(ZONE).strftime("%Y-%m")
        if month != self.month:
            self.month, self.used = month, 0
        if self.limit is not None and self.used >= self.limit:
            return False
        self.used += 1
        return True


@dataclass
class State:
    """Everything of one organisation with one app. The switches say what an administrator could have set, or what is undocumented (?)."""

    clock: Clock
    dice: random.Random
    app_key: str
    app_secret: str
    corp: str = "ding9f50made1up6741"
    robot_code: str = ""
    """the app's key, for a robot of an app"""
    robot_name: str = "更夫"
    people: dict[str, Person] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    scene_templates: set[str] = field(default_factory=set)
    routes: dict[str, Route] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    made: dict[str, Chat] = field(default_factory=dict)
    """scene groups by their uuid"""
    dings: list[Json] = field(default_factory=list)
    """{by, people, content}"""
    swallowed: list[tuple[str, str]] = field(default_factory=list)
    """(userid, text) of what was answered with success and shown to nobody"""
    spent: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    oddities: list[str] = field(default_factory=list)
    """what the real platform would let pass, and a product should not do"""
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""
    """where this stand-in is reached"""

    calls: Quota = field(default_factory=Quota)
    """API calls of the organisation this month"""
    inbound: Quota = field(default_factory=Quota)
    """its Webhook & Stream messages; (?) that only what people say to the robot counts"""
    permissions: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    qps: int = 20
    ip_most: int = 10_000
    punishes: Literal["html", "json"] = "html"
    allowed_ips: tuple[str, ...] = ()
    published: bool = True
    """the robot is; before that nobody's userid is told"""
    robot_enabled: bool = True
    sensitive: set[str] = field(default_factory=set)
    flow_controlled: set[str] = field(default_factory=set)
    filtered: set[str] = field(default_factory=set)
    """(?) only the official client's answer has this list, no page explains it"""
    made_accounts: dict[str, list[str]] = field(default_factory=dict)
    """mobile number -> the accounts that the organisation made for somebody (企业账号)"""
    """userids that a one-to-one message lists as such"""
    deliver_fails: dict[str, str] = field(default_factory=dict)
    """userid or conversation -> errorMsg of a card's delivery, inside an answer of 200"""
    ding_quota: dict[int, int | None] = field(default_factory=lambda: {1: None, 2: None, 3: None})
    """what is left, by remindType"""
    string_errcode: bool = False
    """old answers say "errcode":"0" """
    not_inside: str = "invalidParameter.robotCode.empty"
    """(?) what a message to a group without the robot is told ("check that the robot is in the group")"""
    session_gone: int = 300001
    """(?) what a sessionWebhook that has expired answers"""
    repeat_card: Literal["refused", "ignored"] = "refused"
    """an outTrackId used again: param.cardAlreadyExist (its error table), or success without effect (its parameter's description)"""
    scene_robot: str = ""
    """(?) the robot of the scene group template: the app's own, or one of its own kind, with a code of its own and for groups only"""
    robot_takes: timedelta = timedelta(0)
    """(?) how long after a scene group was made its robot is in it"""
    withheld_by: str = "errorCode"
    """(?) the field with 20001, of a message whose text is kept back: errorCode, or errCode, as two pages have it"""
    most_to_person: int = 500
    """messages a day to one person; further ones are swallowed"""

    def new(self, prefix: str = "") -> str:
        return f"{prefix}{self.dice.getrandbits(128):032x}"

    @property
    def robots(self) -> set[str]:
        return {self.robot_code, self.scene_robot} - {""}

    def direct(self, userid: str) -> Chat:
        """The person's chat with the robot; there from the first time on."""
        for chat in self.chats.values():
            if chat.kind == "p2p" and chat.members == {userid}:
                return chat
        chat = Chat(self.new("cid") + "==", "", "p2p", {userid})
        self.chats[chat.id] = chat
        return chat

    def message(self, message_id: str) -> Message | None:
        return next((one for chat in self.chats.values() for one in chat.messages if one.id == message_id), None)

    def post(self, chat: Chat, kind: str, content: Mapping[str, Any], sender: str = ROBOT, *, track: str = "") -> Message:
        message = Message(self.new("msg") + "==", chat.id, kind, dict(content), sender, self.clock(), track=track)
        chat.messages.append(message)
        return message

    def spend(self, key: str, most: int, window: timedelta) -> bool:
        """One more within the window that ends now; False when it is full."""
        now = self.clock()
        recent = [at for at in self.spent[key] if now - at < window]
        full = len(recent) >= most
        self.spent[key] = recent if full else [*recent, now]
        return not full


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
