"""Who writes scenarios down: for a page of work what the actors and the incident's group read, for a page of wording all who are told."""

import re
from collections import Counter
from datetime import datetime

from bot.headless_scenarios import Say, Script, Step, Taps, Types, Work
from bot.headless_stage import Clock, Stage
from bot.platforms.core.contract import Deed, Send
from handlers.core.message import Message, Outgoing, Reply
from tests.ready import hasty
from tests.wording_tables import tables

#: On a page of wording, by the key of what is said: answers, what is about a report, a statement, an approval, the incident itself.
_TOLD = re.compile(
    r"reply:|paper:|[0-9a-f]{32}$|[RSAEMUQP]\d+:|I\d+:\d+:incident\.(?!update_due|rescore_due)"
    r"|card:.*:(?:decide|approval|statement|publication|incident):|S\d+\b"
)
ANSWER = "\x00"
#: Cards whose lines are what matters; of the others the text twin is enough.
_IN_FULL = re.compile(r"card:.*:(?:decide|approval|statement):")


class Still(Clock):
    """Leaps, and otherwise stands: the pages are the same on a slow machine."""

    def __call__(self) -> datetime:
        return self._start + self._leapt


class Scribe(Stage):
    """Keeps what concerns whoever acts, and the incident's group; cards and the reminders of others are left out."""

    actor = ""
    heard: list[tuple[bool, bool, str, str]]
    told: Counter[tuple[datetime, str, str]]

    def opening(self, script: Script) -> None:
        hasty(self.parts.database)
        self.heard, self.told = [], Counter()
        self.print(f"# {self._text(script.title)}")
        self.print(f"\n{self._firm()}, {script.start:%Y-%m-%d %H:%M}")

    def play(self, step: Step) -> None:
        self.actor = step.who if isinstance(step, Types | Taps) else ""
        if isinstance(step, Say):
            self.print(f"\n## {self._text(step.text)}\n")
        else:
            super().play(step)

    def settle(self) -> None:
        """What is sent at one moment has no order of its own: answers first, then the group."""
        super().settle()
        for _, _, chat, text in sorted(self.heard):
            self._chat(chat, self.words.say("headless.bot"), text)
        self.heard.clear()

    def _hear(self, deed: Deed, key: str) -> None:
        if not isinstance(deed, Send):
            return
        chat = deed.chat or f"dm:{deed.person}"
        if chat.startswith("g:") and not self.room and deed.message.card:
            self.room = chat
        if chat in (self.room, f"dm:{self.actor}"):
            self.heard.append((not key.startswith("reply:"), chat != self.room, chat, deed.message.text))

    def _chat(self, chat: str, who: str, text: str) -> None:
        place = "" if chat == self.room else "(私聊)"
        self.print("\n".join([f"- **{self._local():%H:%M} {who}**{place}: " + "  \n  ".join(text.splitlines())]))


class Witness(Scribe):
    """Keeps what anybody reads of statements, approvals, papers and clocks; the same words at one moment are one line.

    `told`: how often a place was told a sentence at one moment, of whatever it was · work that a step does as a whole is left out."""

    def opening(self, script: Script) -> None:
        super().opening(script)
        self.said_to: dict[str, list[str]] = {}
        self.aside = self.holding = False
        self.day = self._local().date()

    def play(self, step: Step) -> None:
        self.aside = isinstance(step, Work)
        super().play(step)

    def _asked(self, message: Message) -> Reply:
        """A tap is answered first, and then all is told that came of it."""
        self.holding = message.kind == "click"
        try:
            return super()._asked(message)
        finally:
            self.holding = False

    def over(self) -> None:
        for line in self.parts.database.read(lambda tx: tables(tx, self.parts.plans, self.words)):
            self.print(line)

    def settle(self) -> None:
        super(Scribe, self).settle()
        if self.holding:
            return
        # What is sent at one moment has no order of its own: answers come first, then rooms, then people.
        found = [(not text.startswith(ANSWER), sorted(places, key=_order), text) for text, places in self.said_to.items()]
        for _, places, text in sorted(found, key=lambda one: (one[0], _order(one[1][0]), one[1], one[2])):
            self._line(f"{self.words.say('headless.bot')}** → {'、'.join(places)}", text.removeprefix(ANSWER))
        self.said_to.clear()

    def _hear(self, deed: Deed, key: str) -> None:
        if not isinstance(deed, Send):
            return
        chat = deed.chat or f"dm:{deed.person}"
        if chat.startswith("g:") and not self.room and deed.message.card:
            self.room = chat
        self.told.update((self.clock(), chat, line) for line in deed.message.text.splitlines() if "。" in line)
        if _TOLD.match(key) and not self.aside:
            text = (ANSWER if key.startswith("reply:") else "") + _shown(deed.message, full=bool(_IN_FULL.match(key)))
            self.said_to.setdefault(text, []).append(self._place(chat))

    def _place(self, chat: str) -> str:
        if chat.startswith("dm:"):
            return self._name(chat.removeprefix("dm:"))
        plan = self.parts.plans.current
        theirs = {group.chats.get("console"): f"{group.name}群" for group in plan.organization.groups.values()}
        outside = {outlet.chat: outlet.title for outlet in plan.outlets.values() if outlet.chat}
        return "事件群" if chat == self.room else (theirs | outside).get(chat, chat)

    def _chat(self, chat: str, who: str, text: str) -> None:
        """What people write and tap; a tap is answered here, what is sent is heard above."""
        if self.aside:
            return
        name = self.words.say("headless.bot")
        if who == name:
            self._line(f"{name}** → {self._place(chat)}", text)
        else:
            self._line(f"{who}**{'(事件群)' if chat == self.room else ''}", text)

    def _line(self, head: str, text: str) -> None:
        if self._local().date() != self.day:
            self.day = self._local().date()
            self.print(f"\n*{self.day:%m-%d}(周{'一二三四五六日'[self.day.weekday()]})*\n")
        self.print(f"- **{self._local():%H:%M} {head}: " + "  \n  ".join(text.splitlines()))


def _order(place: str) -> tuple[bool, str]:
    return not place.endswith("群"), place


def _shown(message: Outgoing, *, full: bool) -> str:
    """The words; of a card that asks its lines too; files and buttons."""
    lines = [message.text]
    if full and message.card:
        lines = [message.card.title, *(f"{name} {value}".strip() for name, value in message.card.lines), message.card.note]
    lines += [f"〔{one.name}〕" for one in message.files]
    if message.card and message.card.buttons:
        lines.append(" ".join(f"[{one.label}]" for one in message.card.buttons))
    return "\n".join(line for line in lines if line)
