"""A messenger that recognises no key: what it is told twice it says twice, and it remembers all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from bot.platforms.core.contract import Answer, Can, CreateRoom, Deed, Done, Edit, Hear, Invite, NotAuthentic, Recall, Send, WillNeverWork
from handlers.core.message import Message, Outgoing, Reply


@dataclass(frozen=True, slots=True)
class Said:
    """One deed as it was asked for. `place` is a chat, a person, or the message that was edited."""

    key: str
    deed: str
    place: str
    message: Outgoing | None = None
    superseded: bool = False


def said(deed: Deed, key: str) -> Said:
    match deed:
        case Send():
            return Said(key, "send", deed.chat or f"p:{deed.person}", deed.message)
        case Edit():
            return Said(key, "edit", deed.message_id, deed.message, deed.superseded)
        case Recall():
            return Said(key, "recall", deed.message_id)
        case CreateRoom() | Invite():
            return Said(key, "room", deed.name if isinstance(deed, CreateRoom) else deed.chat)
        case _:
            raise WillNeverWork("a telex only writes")


@dataclass
class Telex:
    """`before` may raise in place of a deed (the platform is away); `after` may raise when it is done (its answer is lost)."""

    name: str = "console"
    can: Can = field(default_factory=lambda: Can(edit=True, cards=True, create_room=True, invite=True))
    before: Callable[[Said], None] = lambda one: None
    after: Callable[[Said], None] = lambda one: None
    wire: list[Said] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Answer:
        raise NotAuthentic("a telex only writes")

    def answer(self, reply: Reply) -> Answer:
        return Answer(reply.text.encode())

    async def do(self, deed: Deed, key: str) -> Done:
        one = said(deed, key)
        self.before(one)
        with self.lock:
            self.wire.append(one)
            number = len(self.wire)
        self.after(one)
        if isinstance(deed, CreateRoom):
            return Done({"chat": f"g:telex-{number}", "missing": ""})
        if isinstance(deed, Send):
            return Done({"chat": deed.chat or f"dm:{deed.person}", "message_id": f"telex/{number}"})
        return Done()

    async def listen(self, hear: Hear) -> None:
        return

    async def close(self) -> None:
        return

    # What stands on the wire

    def sent(self, **like: Any) -> list[Said]:
        """What was said, in order; `like` narrows by fields (`deed="send"`)."""
        return [one for one in self.wire if all(getattr(one, name) == value for name, value in like.items())]
