"""A firm on WeCom: the whole bot before the strict stand-in, with the app, the robot, both, or the robot in callbacks beside the app."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from handlers.core.road import PATIENCE
from handlers.core.wording import Locale
from tests.firm import KEYS, House, served
from tests.simulators.core.clock import Clock
from tests.simulators.wecom.deliveries import Click
from tests.simulators.wecom.people import Player
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.state import Chat, Message
from tests.simulators.wecom.tenant import plan_on_wecom, userid
from tests.world import SMALL_PLAN

TOKEN, AES_KEY = "wTk7incidentBot9", "q1Os1ZMe0nG28KUEx9lg3HjK7V5QyXvi212fzsgDqgz"
BOT_TOKEN, BOT_AES_KEY = "rTk7incidentBot9", "w1Os1ZMe0nG28KUEx9lg3HjK7V5QyXvi212fzsgDqgA"
Mode = Literal["app", "robot", "both", "callback"]


@dataclass(kw_only=True)
class Firm(House):
    sim: Sim
    mode: Mode

    # What people do

    def player(self, person: str) -> Player:
        return self.sim.person(userid(person))

    def direct(self, person: str) -> Chat:
        """The one-to-one chat in which the bot speaks."""
        return self.player(person).bot if self.mode == "robot" else self.player(person).app

    def says(self, person: str, text: str, chat: Chat | None = None) -> str:
        """Said one-to-one, or to the robot in a group. Answers what the bot said there next."""
        where = chat or self.direct(person)
        before, kept = len(where.messages), self.waiting()
        self.player(person).says(where.id, text, mention_bot=chat is not None)
        self._until(lambda: self.waiting() > kept)
        self.settle()
        return "\n".join(m.text for m in where.messages[before + 1 :] if m.sender in ("app", "robot"))

    def _until(self, so: Callable[[], bool]) -> None:
        """What goes over the long connection is kept a moment later."""
        for _ in range(500):
            if so():
                return
            time.sleep(0.01)
        raise AssertionError("nothing was kept")

    def taps(self, person: str, label: str, part: str = "") -> Click:
        """Tap the newest button with this label, on a card that contains `part`; what is in the menu is chosen there and handed in."""
        message = self.card(person, part, label)
        card = message.card_for(userid(person))
        button = next((one.text for one in card.buttons if label in one.text), "")
        if button:
            click = self.player(person).taps(message, button)
        else:
            (menu,) = card.selects
            option = next(text for text in menu.options if label in text)
            click = self.player(person).taps(message, card.buttons[-1].text, {menu.key: option})
        assert click.answered.wait(10)
        self.settle()
        return click

    def follows(self, person: str, label: str, part: str = "") -> str:
        """The address of the newest link with this label."""
        message = self.card(person, part, label)
        card = message.card_for(userid(person))
        return next(url for text, url in card.links.items() if label in text)

    # What they see

    def seen_by(self, person: str) -> list[Message]:
        chats = [chat for chat in self.sim.state.chats.values() if userid(person) in chat.members]
        return sorted((m for chat in chats for m in chat.shown), key=lambda m: m.at)

    def card(self, person: str, part: str = "", label: str = "") -> Message:
        """The newest card that the person sees, containing `part`, with a button, choice or link `label`."""
        for message in reversed(self.seen_by(person)):
            if message.kind == "template_card" and part in message.text and (not label or self._has(person, message, label)):
                return message
        raise AssertionError(f"{person} sees no card with {part!r} and {label!r}: {[m.text for m in self.seen_by(person)]}")

    def _has(self, person: str, message: Message, label: str) -> bool:
        card = message.card_for(userid(person))
        options = [text for menu in card.selects for text in menu.options]
        return any(label in one for one in (*(b.text for b in card.buttons), *options, *card.links))

    def told(self, person: str) -> list[str]:
        return [m.text for m in self.direct(person).messages if m.sender in ("app", "robot")]

    def room(self, part: str) -> Chat:
        return next(chat for chat in self.sim.state.chats.values() if part in chat.name)

    def unhurried(self) -> None:
        """On a busy machine too nobody is told 「正在处理」, and nothing is sent again."""
        self._waits(timedelta(seconds=30), 30.0)

    def hurried(self) -> None:
        """As in life: for what takes longer than anybody waits."""
        self._waits(PATIENCE, 5.0)

    def _waits(self, ours: timedelta, theirs: float) -> None:
        self.parts.worker.patience, self.sim.robot.event_within = ours, theirs
        for callback in (self.sim.deliveries.app, self.sim.deliveries.robot):
            if callback is not None:
                callback.answer_within = theirs


@contextmanager
def firm_on_wecom(
    folder: Path, mode: Mode = "app", locale: Locale = "zh", plan: Path = SMALL_PLAN, also: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Firm]:
    with Sim(Clock()) as sim:
        names = settings_on(sim, folder, mode, locale, plan)
        with house(sim, {"GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}", **names, **also}, mode) as firm:
            yield firm


@contextmanager
def two_on_wecom(folder: Path, mode: Mode, postgres: str) -> Iterator[tuple[Firm, Firm]]:
    """Two servers of one firm on one PostgreSQL."""
    with Sim(Clock()) as sim:
        names = {"GENGFU_DATABASE_URL": postgres, **settings_on(sim, folder, mode)}
        with house(sim, names, mode) as one, house(sim, names, mode) as other:
            one.beside, other.beside = [other], [one]
            yield one, other


def settings_on(sim: Sim, folder: Path, mode: Mode, locale: Locale = "zh", plan: Path = SMALL_PLAN) -> dict[str, str]:
    state = sim.state
    app = {
        "WECOM_CORP_ID": state.corp_id,
        "WECOM_AGENT_ID": str(state.agent_id),
        "WECOM_SECRET": state.secret,
        "WECOM_TOKEN": TOKEN,
        "WECOM_AES_KEY": AES_KEY,
    }
    wire = {"WECOM_BOT_ID": state.bot_id, "WECOM_BOT_SECRET": state.bot_secret, "WECOM_WS_URL": sim.ws_url}
    called = {"WECOM_BOT_ID": state.bot_id, "WECOM_BOT_TOKEN": BOT_TOKEN, "WECOM_BOT_AES_KEY": BOT_AES_KEY}
    chosen: dict[Mode, dict[str, str]] = {"app": app, "robot": wire, "both": {**app, **wire}, "callback": {**app, **called}}
    return {
        **KEYS,
        "GENGFU_LOCALE": locale,
        "GENGFU_PLAN_DIR": str(plan_on_wecom(folder / "plan", plan)),
        "WECOM_API_BASE": sim.url,
        **chosen[mode],
    }


@contextmanager
def house(sim: Sim, names: Mapping[str, str], mode: Mode) -> Iterator[Firm]:
    """One server of the firm; the second before a stand-in is its replica."""
    with served(sim.clock, names, "wecom") as (parts, loop, url, heard):
        for person in parts.plans.organization.people.values():
            if person.identities["wecom"] not in sim.state.people:
                sim.add_person(person.identities["wecom"], person.name, mobile=person.phone, email=person.email)
        if mode != "robot" and sim.deliveries.app is None:
            assert sim.app_callback(f"{url}/callbacks/wecom", token=TOKEN, aes_key=AES_KEY).check_url() == ""
        if mode == "callback" and sim.deliveries.robot is None:
            assert sim.robot_callback(f"{url}/callbacks/wecom-bot", token=BOT_TOKEN, aes_key=BOT_AES_KEY).check_url() == ""
        if mode in ("robot", "both"):
            until_connected(sim)
        else:
            heard.result(20)
        with _asking(sim) if mode == "callback" else nullcontext():
            firm = Firm(sim.clock, parts, loop, url, timedelta(seconds=11), sim=sim, mode=mode)
            firm.unhurried()
            yield firm


@contextmanager
def _asking(sim: Sim) -> Iterator[None]:
    """WeCom comes for the rest of what is still being written."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            sim.robot.poll()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def until_connected(sim: Sim) -> None:
    for _ in range(400):
        if sim.wire.subscribed:
            return
        time.sleep(0.05)
    raise AssertionError("no long connection came")
