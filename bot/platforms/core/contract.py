"""What a platform is: it translates and nothing else. No domain word in here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from handlers.core.message import Message, Outgoing, Reply


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A picture or a paper that goes with a message. `link`: where else it can be seen, said where a platform does not take it."""

    name: str
    content: bytes = field(repr=False)
    kind: Literal["file", "image"] = "file"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Say something in a chat. `chat` is the platform's id; a person's direct chat is addressed by `person` (their id there).

    `enclosed` follows the message; only where `Can.enclose`.
    """

    message: Outgoing
    chat: str = ""
    person: str = ""
    enclosed: tuple[Enclosed, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace what an earlier message of ours shows. `superseded` marks it as replaced by a newer one."""

    chat: str
    message_id: str
    message: Outgoing
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """Take an earlier message of ours back."""

    chat: str
    message_id: str


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Create a group chat. Facts of Done: `chat`, and `missing` (ids that could not be added, comma separated)."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invite:
    chat: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """Keep a message of ours at the top of its chat."""

    chat: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Ring these people's telephones about a message of ours. Facts of Done: `missing` (ids that could not be paged).

    `text`: what a platform says that does not ring about a message, but with words.
    """

    message_id: str
    people: tuple[str, ...]
    by: Literal["app", "sms", "phone"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring the bytes of a file that somebody sent (`message_id`, and the platform's `key` within it). Done has the `content`."""

    message_id: str
    key: str
    kind: Literal["file", "image"] = "file"


Deed: TypeAlias = Send | Edit | Recall | CreateRoom | Invite | Pin | Page | Fetch


@dataclass(frozen=True, slots=True)
class Done:
    """A deed is done. `facts` of Send: `chat`, `message_id`."""

    facts: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Lots:
    """Up to `most` people are told the same words by one call.

    `tell(message, people)`: idempotency key -> the id of who is told under it. Answers what became of each; what befell all of them it may
    raise. Who was told already under their key is not told again.
    """

    most: int
    tell: "Callable[[Outgoing, Mapping[str, str]], Awaitable[Mapping[str, Outcome]]]"


@dataclass(frozen=True, slots=True)
class Can:
    """What a platform is able to do; what it is not, nobody asks it for.

    `edit`: a message of ours can be changed later · `recall` · `cards`: buttons, also in groups · `form`: typed input inside a card ·
    `mention` · `create_room` (with the bot inside) · `invite` · `pin` · `page`: ways of ringing a telephone · `files` ·
    `idempotent`: a repeat of a key within an hour is not shown twice · `receipts`: Done means it was delivered, not only accepted ·
    `tells`: a Receipt follows a message to one person, where all goes well ·
    `chat_link`: the address that opens a chat for its members (no request, no secret in it); None where there is no such address ·
    `rush`: it throttles in the minute of a full or a half hour, so what is not urgent stays out of that ·
    `anew`: a card that cannot be changed where it stands is said anew, now and then ·
    `deaf`: is this a chat in which nothing is heard · `mute`: is this one in which only what is asked there can be answered.
    """

    edit: bool = False
    recall: bool = False
    cards: bool = False
    form: bool = False
    mention: bool = False
    create_room: bool = False
    invite: bool = False
    pin: bool = False
    page: frozenset[Literal["app", "sms", "phone"]] = frozenset()
    files: bool = False
    idempotent: bool = False
    receipts: bool = False
    tells: bool = False
    chat_link: Callable[[str], str] | None = None
    rush: bool = False
    anew: bool = False
    deaf: Callable[[str], bool] = lambda chat: False
    mute: Callable[[str], bool] = lambda chat: False
    links: bool = False
    """a button that it cannot draw, or that may not be tapped there, can be a link (`Button.url`) in what is said to one person"""
    enclose: bool = False
    """pictures and papers go with a message (`Send.enclosed`)"""
    ours: bool = False
    """files that lie with us (`Outgoing.files`) are shown; elsewhere a link leads to them"""
    unsigned: bool = False
    """what arrives does not prove who said it (`Message.unsigned`): acts of four eyes are links to the web page"""
    toast: int = 10_000
    """the longest answer to a click that people can read where it is shown; what is longer is said in a message"""
    on_card: bool = False
    """that is shown on the new card: where there is none, it is said in a message"""
    lots: Lots | None = None
    """several people hear the same words by one call"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A handshake's answer (URL check, challenge) or our reply to a callback, in the platform's own envelope."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a platform tells later of messages of ours (their ids). Nobody's act: who has read has acknowledged nothing."""

    platform: str
    state: Literal["delivered", "read", "failed"]
    messages: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody did, with the answer that this very request wants: `answer(None)` says that it is kept."""

    what: Message | Receipt
    answer: Callable[[Reply | None], Answer]
    check: Callable[[], Awaitable[None]] | None = None
    """what of the proof has to be asked elsewhere (other replicas), before it is heard. Raises NotAuthentic"""


class TryLater(Exception):
    """The platform asks for patience, or is away: try again `after` seconds."""

    def __init__(self, after: float, reason: str = "") -> None:
        super().__init__(reason or f"try again in {after:g} s")
        self.after = after


class Elsewhere(TryLater):
    """Another replica can do this now, and in a moment this one asks again: nobody need hear of it."""


class PlatformDown(TryLater):
    """Not this deed but the whole platform: away, out of quota, or refusing our credentials. `reason` tells an administrator what to do."""


class Unsure(PlatformDown):
    """No answer to what was handed in: it may have been done."""


class WillNeverWork(Exception):
    """No retry can save this deed; administrators are told why."""


class Rejected(WillNeverWork):
    """The platform itself said no: it is alive."""


Outcome: TypeAlias = Done | TryLater | WillNeverWork
"""What became of one deed of several."""


class NotAuthentic(Exception):
    """A request that does not prove where it comes from: nothing is stored, `reason` (a word) is counted, the answer is 401."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


Hear: TypeAlias = Callable[[Message | Receipt], Awaitable[Reply | None]]
"""Where a long connection brings what it hears: kept (None), or decided (a click's reply). Only then is the frame acknowledged."""


class Shelf(Protocol):
    """A platform's small memory; every entry has an end."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str, ends: datetime) -> None: ...
    def take(self, key: str) -> str | None:
        """The value, once: whoever takes it removes it."""

    def spend(self, key: str, limit: int, window: timedelta, count: int = 1) -> bool:
        """Count `count` within the current window; False when `limit` would be passed. Atomic across replicas."""

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        """True when `holder` has the lease now (taken or renewed)."""


class Platform(Protocol):
    """`do` answers Done, or raises TryLater or WillNeverWork."""

    name: str
    can: Can

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer | Heard:
        """Verify, decrypt, normalise. Raises NotAuthentic. `headers` in lower case, with `:method` and `:path` (path and query)."""

    def answer(self, reply: Reply) -> Answer:
        """Our reply to a callback in this platform's envelope."""

    async def do(self, deed: Deed, key: str) -> Done:
        """Do one deed under an idempotency key: a repeat of a key that was done answers the same facts."""

    async def listen(self, hear: Hear) -> None:
        """Hold the long connection, until cancelled; returns at once where there is none."""

    async def close(self) -> None:
        """Let go of what is open, at the end."""
