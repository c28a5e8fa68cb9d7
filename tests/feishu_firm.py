"""A firm on Feishu: the whole bot before the strict stand-in, over callbacks or the long connection, on the stand-in's clock."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from sqlmodel import select

from bot.bootstrap import Parts
from handlers.core.road import PATIENCE
from handlers.core.wording import Locale
from storage.tables.queues import InboxRow
from tests.firm import KEYS, served
from tests.simulators.feishu import Click, Clock, Sim
from tests.simulators.feishu.people import Player
from tests.simulators.feishu.state import Chat, Message
from tests.simulators.feishu.tenant import open_id, plan_on_feishu
from tests.world import SMALL_PLAN, World

T = TypeVar("T")
ENCRYPT, TOKEN = "encrypt-key-of-the-test", "token-of-the-test"
#: A budget asks for no longer patience.
MOMENT = timedelta(seconds=2)
Mode = Literal["http", "ws"]


@dataclass
class Firm:
    sim: Sim
    parts: Parts
    loop: asyncio.AbstractEventLoop
    url: str
    beside: list["Firm"] = field(default_factory=list)
    """replicas, which work when this one does"""

    # What people do

    def player(self, person: str) -> Player:
        return self.sim.person(open_id(person))

    def says(self, person: str, text: str, chat: Chat | None = None, **how: Any) -> str:
        """Said one-to-one, or to the bot in a group. Answers what the bot said there next."""
        where = chat or self.sim.direct(open_id(person))
        before = len(where.messages)
        self.player(person).says(chat.id if chat else "", text, mention_bot=chat is not None, **how)
        self.settle()
        return "\n".join(m.text for m in where.messages[before + 1 :] if m.sender == self.sim.state.app_id)

    def taps(self, person: str, label: str, part: str = "") -> Click:
        """Tap the newest button with this label, on a card that contains `part`."""
        click = self.player(person).taps(self.card(person, part, label), self.label(self.card(person, part, label), label))
        self.settle()
        return click

    def submits(self, person: str, label: str, part: str = "", **values: str) -> Click:
        """Fill in the form whose button has this label; the names of fields as the commands have them."""
        card, name, form = next(
            (message, name, form)
            for message in reversed(self.seen_by(person))
            if message.kind == "interactive" and part in message.text
            for name, form in message.card.forms.items()
            if label in form.submit["text"]["content"]
        )
        names = {key: next(own for own in form.fields if own.split("_", 1)[1] == key) for key in values}
        filled = {names[key]: _chosen(form.fields[names[key]], value) for key, value in values.items()}
        click = self.player(person).submits(card, name, filled)
        self.settle()
        return click

    def picks(self, person: str, label: str, part: str = "") -> Click:
        """Choose in the newest drop-down that offers something with this label, on a card that contains `part`."""
        card, name = next(
            (message, option["text"]["content"])
            for message in reversed(self.seen_by(person))
            if message.kind == "interactive" and part in message.text
            for menu in message.card.selects
            for option in menu["options"]
            if label in option["text"]["content"]
        )
        click = self.player(person).picks(card, name)
        self.settle()
        return click

    # What they see

    def seen_by(self, person: str) -> list[Message]:
        chats = [chat for chat in self.sim.state.chats.values() if open_id(person) in chat.members]
        return sorted((m for chat in chats for m in chat.messages if not m.recalled), key=lambda m: m.at)

    def card(self, person: str, part: str = "", label: str = "") -> Message:
        """The newest card that the person sees, containing `part`, with a button `label`."""
        for message in reversed(self.seen_by(person)):
            if message.kind == "interactive" and part in message.text and (not label or self._has(message, label)):
                return message
        raise AssertionError(f"{person} sees no card with {part!r} and {label!r}: {[m.text for m in self.seen_by(person)]}")

    def _has(self, message: Message, label: str) -> bool:
        return any(label in one for one in self._labels(message))

    def _labels(self, message: Message) -> list[str]:
        return message.card.buttons

    def label(self, message: Message, label: str) -> str:
        return next(one for one in self._labels(message) if label in one)

    def direct(self, person: str) -> list[str]:
        return [m.text for m in self.sim.direct(open_id(person)).messages if m.sender == self.sim.state.app_id]

    def waiting(self) -> int:
        """Events that were kept so far."""
        return self.parts.database.read(lambda tx: len(tx.exec(select(InboxRow.id)).all()))

    def trail(self, ref: str) -> list[tuple[str, str, dict[str, Any]]]:
        return self._world().trail(ref)

    def room(self, part: str) -> Chat:
        return next(chat for chat in self.sim.state.chats.values() if part in chat.name and chat.kind == "group")

    # Time and the house

    def unhurried(self) -> None:
        """On a busy machine too nobody is told 「正在处理」, and nothing is sent again."""
        self._waits(timedelta(seconds=30), 30.0)

    def hurried(self) -> None:
        """As in life: for what takes longer than anybody waits."""
        self._waits(PATIENCE, 3.0)

    def _waits(self, ours: timedelta, theirs: float) -> None:
        self.parts.worker.patience, self.sim.wire.ack_within = ours, theirs
        if self.sim.deliveries.callback:
            self.sim.deliveries.callback.answer_within = theirs

    def passes(self, **span: float) -> None:
        """Time goes by, and everything that is due happens when it is due."""
        end = self.sim.clock() + timedelta(**span)
        while self.sim.clock() < end:
            self.sim.clock.at = min(end, self._world().next_due() or end)
            self.settle()

    def settle(self) -> None:
        """All that is due, and what waits a few seconds for its budget."""
        self._work()
        while (due := self._world().next_due()) and due - self.sim.clock() <= MOMENT:
            self.sim.clock.at = due
            self._work()

    def begins(self) -> "Future[None]":
        """All that is due, without waiting for it."""
        return asyncio.run_coroutine_threadsafe(self._world()._settle(), self.loop)

    def _work(self) -> None:
        """Replicas work side by side."""
        working = [one.begins() for one in (self, *self.beside)]
        for one in working:
            one.result(120)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """This server stops where it is, with all that it holds; afterwards it goes on as if nothing had been."""
        over = threading.Event()
        self.loop.call_soon_threadsafe(over.wait)
        try:
            yield
        finally:
            over.set()

    def _world(self) -> World:
        return World(self.parts.database, self.sim.clock, self.parts.plans, self.parts.road, self.parts.worker, self.parts.rooms)  # type: ignore[arg-type]

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        found: Future[T] = asyncio.run_coroutine_threadsafe(what, self.loop)
        return found.result(120)


def _chosen(field: Mapping[str, Any], value: str) -> str:
    """The whole label of the one option that begins so."""
    labels = [option["text"]["content"] for option in field.get("options", ())]
    return next((label for label in labels if label.startswith(value)), value)


@contextmanager
def firm_on_feishu(
    folder: Path, mode: Mode = "http", locale: Locale = "zh", plan: Path = SMALL_PLAN, also: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Firm]:
    with Sim(Clock()) as sim:
        names = settings_on(sim, folder, mode, locale, plan)
        with house(sim, {"GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}", **names, **also}) as firm:
            yield firm


@contextmanager
def two_on_feishu(folder: Path, mode: Mode, postgres: str) -> Iterator[tuple[Firm, Firm]]:
    """Two servers of one firm on one PostgreSQL."""
    with Sim(Clock()) as sim:
        names = {"GENGFU_DATABASE_URL": postgres, **settings_on(sim, folder, mode)}
        with house(sim, names) as one, house(sim, names) as other:
            one.beside, other.beside = [other], [one]
            yield one, other


def settings_on(sim: Sim, folder: Path, mode: Mode, locale: Locale = "zh", plan: Path = SMALL_PLAN) -> dict[str, str]:
    return {
        **KEYS,
        "GENGFU_LOCALE": locale,
        "GENGFU_PLAN_DIR": str(plan_on_feishu(folder / "plan", plan)),
        "FEISHU_APP_ID": sim.state.app_id,
        "FEISHU_APP_SECRET": sim.state.app_secret,
        "FEISHU_MODE": mode,
        "FEISHU_API_BASE": sim.url,
        **({"FEISHU_VERIFICATION_TOKEN": TOKEN, "FEISHU_ENCRYPT_KEY": ENCRYPT} if mode == "http" else {}),
    }


@contextmanager
def house(sim: Sim, names: Mapping[str, str]) -> Iterator[Firm]:
    """One server of the firm; the second before a stand-in is its replica."""
    connected = len(sim.wire.connections)
    with served(sim.clock, names, "feishu") as (parts, loop, url, heard):
        for person in parts.plans.organization.people.values():
            sim.add_person(person.identities["feishu"], person.name, email=person.email, mobile=person.phone)
        if names["FEISHU_MODE"] == "http":
            calls_back(sim, url)
            heard.result(20)
        else:
            _until_connected(sim, connected + 1)
        firm = Firm(sim, parts, loop, url)
        firm.unhurried()
        yield firm


def calls_back(sim: Sim, url: str) -> None:
    address = f"{url}/callbacks/feishu"
    if sim.deliveries.callback is None:
        sim.callback(address, encrypt_key=ENCRYPT, verification_token=TOKEN)
    else:
        sim.deliveries.callback.replicas.append(address)
    assert sim.deliveries.check_url() == ""


def _until_connected(sim: Sim, count: int) -> None:
    for _ in range(400):
        if len(sim.wire.connections) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no long connection came")
