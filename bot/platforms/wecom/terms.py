"""What the robot and its long connection know of each other, and the times by which the connection lives."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from bot.platforms.core.contract import Answer
from bot.platforms.core.strict import Object
from bot.platforms.wecom.keeping import Patience
from bot.platforms.wecom.robot_inbound import RobotEvent
from handlers.core.message import Message, Reply

#: Seconds until a message that another replica can send is offered again: from, to; and when a chat is no longer remembered.
OFFERED, OFFERED_LATEST, FORGOTTEN = 0.5, 4.0, 30.0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `ping`, `answer`: how often a silent connection is asked, and how long an answer may take: a dead one is noticed within
    half a minute · `lease`, `renew`: who holds the connection says so every few seconds; another replica takes over when it has said
    nothing for so long · `longest`: between attempts · `kicked`: somebody else's connection has taken over and is left alone for a while ·
    `welcome`: to greet who has opened the chat · `patience`: with what cannot be kept."""

    ping: float = 15.0
    answer: float = 10.0
    lease: float = 15.0
    renew: float = 4.0
    longest: float = 30.0
    kicked: float = 60.0
    refused: float = 60.0
    welcome: float = 4.0
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Login:
    url: str
    bot_id: str
    secret: str


TIMES = Times()


class Ears(Protocol):
    """The robot, to which the connection brings what it hears."""

    def decode(self, body: Object) -> RobotEvent: ...
    def portable(self, event: RobotEvent) -> Message | Answer: ...
    def updated(self, reply: Reply, message: Message) -> Object | None:
        """How the tapped card looks now."""

    async def missed(self, message: Message) -> None:
        """That came too late: the card is as it was."""

    def unkept(self, message: Message) -> str:
        """What is said where a message could not be kept."""


class Offers:
    """How soon a message that another replica can send is offered again."""

    def __init__(self) -> None:
        self._declined: dict[str, tuple[int, float]] = {}

    def after(self, chat: str) -> float:
        """A moment, and a longer one each time that the same chat's message comes here again: meanwhile the other replica takes it."""
        now = asyncio.get_running_loop().time()
        self._declined = {one: (count, at) for one, (count, at) in self._declined.items() if now - at < FORGOTTEN}
        count = self._declined.get(chat, (0, now))[0]
        self._declined[chat] = (count + 1, now)
        return min(OFFERED * 2.0**count, OFFERED_LATEST)
