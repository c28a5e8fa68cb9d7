"""A firm on DingTalk: the whole bot before the strict stand-in, over the stream or callbacks, on the stand-in's clock."""

import asyncio
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
from handlers.core.wording import Locale
from storage.tables.queues import InboxRow
from tests.firm import KEYS, served
from tests.simulators.core.tenant import Names, plan_on
from tests.simulators.dingtalk import OURS, SCENE, Clock, Sim
from tests.simulators.dingtalk.deliveries import Click
from tests.simulators.dingtalk.people import Player
from tests.simulators.dingtalk.state import Chat, Message
from tests.world import SMALL_PLAN, World

T = TypeVar("T")
TOKEN, AES_KEY = "tokenOfTheTest", "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij"
#: A budget asks for no longer patience.
MOMENT = timedelta(seconds=2)
Mode = Literal["stream", "http"]


def staff_id(person: str) -> str:
    return "d" + person.replace(".", "")


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
        return self.sim.person(staff_id(person))

    def says(self, person: str, text: str, chat: Chat | None = None, **how: Any) -> str:
        """Said one-to-one, or to the robot in a group. Answers what the robot said there next."""
        where = chat or self.sim.direct(staff_id(person))
        before = len(where.messages)
        self.player(person).says(chat.id if chat else "", text, **how)
        self.settle()
        return "\n".join(self.player(person).seen(m) for m in where.messages[before + 1 :] if m.sender == "robot")

    def taps(self, person: str, label: str, part: str = "") -> Click:
        """Tap the newest button with this label, on a card that contains `part`."""
        card, whole = self.card(person, part, label)
        click = self.player(person).taps(card, whole)
        self.settle()
        return click

    def follows(self, person: str, label: str, part: str = "") -> str:
        """The address of the newest link with this label."""
        card, whole = self.card(person, part, label, link=True)
        return self.player(person).follows(card, whole)

    # What they see

    def seen_by(self, person: str) -> list[Message]:
        chats = [chat for chat in self.sim.state.chats.values() if staff_id(person) in chat.members]
        return sorted((m for chat in chats for m in chat.shown), key=lambda m: m.at)

    def card(self, person: str, part: str = "", label: str = "", *, link: bool = False) -> tuple[Message, str]:
        """The newest card (or link card) that the person sees, containing `part`, with a button or a link `label`; and its whole label."""
        player = self.player(person)
        for message in reversed(self.seen_by(person)):
            if message.sender == "robot" and part in player.seen(message):
                found = [one for one, press in player.presses(message).items() if label in one and bool(press.url) == link]
                if found:
                    return message, found[0]
        raise AssertionError(f"{person} sees no card with {part!r} and {label!r}: {[player.seen(m) for m in self.seen_by(person)]}")

    def direct(self, person: str) -> list[str]:
        return [self.player(person).seen(m) for m in self.sim.direct(staff_id(person)).messages if m.sender == "robot"]

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
        self.parts.worker.patience = timedelta(seconds=30)
        self.sim.wire.ack_within = 30.0
        if found := self.sim.deliveries.callback:
            found.answer_within = found.click_within = found.event_within = 30.0

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

    def _work(self) -> None:
        """Replicas work side by side."""
        working = [asyncio.run_coroutine_threadsafe(one._world()._settle(), one.loop) for one in (self, *self.beside)]
        for one in working:
            one.result(120)

    def _world(self) -> World:
        return World(self.parts.database, self.sim.clock, self.parts.plans, self.parts.road, self.parts.worker, self.parts.rooms)  # type: ignore[arg-type]

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        found: Future[T] = asyncio.run_coroutine_threadsafe(what, self.loop)
        return found.result(120)


@contextmanager
def firm_on_dingtalk(
    folder: Path,
    mode: Mode = "stream",
    locale: Locale = "zh",
    plan: Path = SMALL_PLAN,
    also: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Firm]:
    with Sim(Clock()) as sim:
        names = settings_on(sim, folder, mode, locale, plan)
        with house(sim, {"GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}", **names, **also}) as firm:
            yield firm


@contextmanager
def two_on_dingtalk(folder: Path, mode: Mode, postgres: str) -> Iterator[tuple[Firm, Firm]]:
    """Two servers of one firm on one PostgreSQL."""
    with Sim(Clock()) as sim:
        names = {"GENGFU_DATABASE_URL": postgres, **settings_on(sim, folder, mode)}
        with house(sim, names) as one, house(sim, names) as other:
            one.beside, other.beside = [other], [one]
            yield one, other


def settings_on(sim: Sim, folder: Path, mode: Mode, locale: Locale = "zh", plan: Path = SMALL_PLAN) -> dict[str, str]:
    callbacks = {"DINGTALK_TOKEN": TOKEN, "DINGTALK_AES_KEY": AES_KEY, "DINGTALK_CORP_ID": sim.state.corp}
    return {
        **KEYS,
        "GENGFU_LOCALE": locale,
        "GENGFU_PLAN_DIR": str(plan_on(folder / "plan", plan, Names("dingtalk", staff_id))),
        "DINGTALK_CLIENT_ID": sim.state.app_key,
        "DINGTALK_CLIENT_SECRET": sim.state.app_secret,
        "DINGTALK_ROBOT_CODE": sim.state.robot_code,
        "DINGTALK_MODE": mode,
        "DINGTALK_CARD_TEMPLATE_ID": OURS.id,
        "DINGTALK_SCENE_TEMPLATE_ID": SCENE,
        "DINGTALK_API_BASE": sim.url,
        "DINGTALK_OAPI_BASE": sim.url,
        **(callbacks if mode == "http" else {}),
    }


@contextmanager
def house(sim: Sim, names: Mapping[str, str]) -> Iterator[Firm]:
    """One server of the firm; the second before a stand-in is its replica."""
    connected = len(sim.wire.connections)
    with served(sim.clock, names, "dingtalk") as (parts, loop, url, heard):
        for person in parts.plans.organization.people.values():
            sim.add_person(person.identities["dingtalk"], person.name, mobile=person.phone)
        if names["DINGTALK_MODE"] == "http":
            heard.result(20)
            _calls_back(sim, url)
        else:
            until_connected(sim, connected + 1)
        firm = Firm(sim, parts, loop, url)
        firm.unhurried()
        yield firm


def _calls_back(sim: Sim, url: str) -> None:
    if sim.deliveries.callback is None:
        sim.callback(f"{url}/callbacks/dingtalk", token=TOKEN, aes_key=AES_KEY)
    else:
        sim.deliveries.callback.replicas.append(url)
    assert sim.deliveries.check_url() == ""


def until_connected(sim: Sim, count: int) -> None:
    for _ in range(400):
        if len(sim.wire.connections) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no stream came")
