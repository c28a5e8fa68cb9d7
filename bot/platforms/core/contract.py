"""What a platform is: it translates and nothing else. No domain word in here."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from handlers.core.message import Message, Outgoing, Reply


@dataclass(frozen=True, slots=True)
class Send:
    """Say something in a chat. `chat` is the platform's id; a person's direct chat is addressed by `person` (their id there)."""

    message: Outgoing
    chat: str = ""
    person: str = ""


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


Deed: TypeAlias = Send | Edit | Recall | CreateRoom | Invite


@dataclass(frozen=True, slots=True)
class Done:
    """A deed is done. `facts` of Send: `chat`, `message_id`."""

    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A handshake's answer (URL check, challenge) or our reply to a callback, in the platform's own envelope."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200


class TryLater(Exception):
    """The platform asks for patience, or is away: try again `after` seconds."""

    def __init__(self, after: float, reason: str = "") -> None:
        super().__init__(reason or f"try again in {after:g} s")
        self.after = after


class WillNeverWork(Exception):
    """No retry can save this deed; administrators are told why."""


class NotAuthentic(Exception):
    """A request that does not prove where it comes from: nothing is stored, it is counted, the answer is 401."""


class Shelf(Protocol):
    """A platform's small memory; every entry has an end."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str, ends: datetime) -> None: ...
    def take(self, key: str) -> str | None:
        """The value, once: whoever takes it removes it."""

    def spend(self, key: str, limit: int, window: timedelta) -> bool:
        """Count one within the current window; False when `limit` is used up. Atomic across replicas."""

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        """True when `holder` has the lease now (taken or renewed)."""


class Platform(Protocol):
    """`do` answers Done, or raises TryLater or WillNeverWork."""

    name: str

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Answer:
        """Verify, decrypt, normalise. Raises NotAuthentic."""

    def answer(self, reply: Reply) -> Answer:
        """Our reply to a callback in this platform's envelope."""

    async def do(self, deed: Deed, key: str) -> Done:
        """Do one deed under an idempotency key: a repeat of a key that was done answers the same facts."""

    def listen(self) -> AsyncIterator[Message]:
        """The long connection, where there is one."""
