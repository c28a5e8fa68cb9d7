"""Everything a decision needs, and what the house does in its own name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.core.access import house_scope
from handlers.core.chat_links import ChatLinks
from handlers.core.context import Context
from handlers.core.message import Message
from handlers.core.wording import Words
from storage.cipher import Cipher
from storage.database import Database, Transaction
from storage.plans import Plans
from storage.unit_of_work import UnitOfWork
from storage.views.reader import Reader, ReadOnce
from storage.whereabouts import Whereabouts
from workflows.core.channels import Reach, by_messenger
from workflows.core.errors import GengfuError

#: How often a decision that lost a race is taken again from the start.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class House:
    """Everything a decision needs; made once by bootstrap. `identify` maps (platform, id there) to a person id, or None ·
    `deaf`: in this chat of a platform the bot speaks and hears nothing · `mute`: in this one it only answers."""

    database: Database
    plans: Plans
    cipher: Cipher
    words: Words
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    identify: Callable[[str, str], str | None]
    count: Callable[[str, str], None] = lambda command, result: None
    took: Callable[[timedelta], None] = lambda span: None
    public_url: str = "http://127.0.0.1:8000"
    links: ChatLinks = field(default_factory=ChatLinks)
    reach: Reach = by_messenger
    deaf: Callable[[str, str], bool] = lambda platform, chat: False
    mute: Callable[[str, str], bool] = lambda platform, chat: False
    whereabouts: Whereabouts = field(default_factory=Whereabouts)


class LostRow(GengfuError):
    """The row was claimed by somebody else meanwhile: roll back and let them."""


class Own:
    """With nobody's rights but the house's: for clocks, deliveries, drawing."""

    def __init__(self, house: House) -> None:
        self.house = house

    def by_clock(self, tx: Transaction, via: str) -> Context:
        """For what the house does by itself without any timer: the engine's own rounds."""
        return self._own_context(tx, self._unit(tx, "clock", via), "clock")

    def reader(self, tx: Transaction) -> Reader:
        """For drawing what commits have already decided to send to a person or chat; each record is read once."""
        return ReadOnce(tx, self.house.plans, house_scope())

    def _unit(self, tx: Transaction, actor: str, via: str) -> UnitOfWork:
        return UnitOfWork(tx, plans=self.house.plans, cipher=self.house.cipher, now=self.house.now(), actor=actor, via=via)

    def _own_context(self, tx: Transaction, uow: UnitOfWork, actor: str) -> Context:
        house, message = self.house, Message("gengfu", "", "text", "", "direct", actor, "", self.house.now())
        reader = Reader(tx, house.plans, house_scope())
        return Context(uow, reader, actor, message, house.words, house.words.zone, reach=house.reach)
