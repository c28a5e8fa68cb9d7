"""Scenarios as pages to read: what people type and tap, what they are answered, and what the incident's group hears.

python -m tests.transcript        writes docs/transcripts/*.md anew; tests/test_transcripts.py holds them to the word
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bot.config import demo_settings
from bot.headless import Ending, perform
from bot.headless_scenarios import Say, Script, Step, Taps, Types, load, names
from bot.headless_stage import Clock, Stage
from bot.platforms.core.contract import Deed, Send
from tests.ready import hasty

PAGES = Path(__file__).parents[1] / "docs" / "transcripts"


class Still(Clock):
    """Leaps, and otherwise stands: the pages are the same on a slow machine."""

    def __call__(self) -> datetime:
        return self._start + self._leapt


class Scribe(Stage):
    """Keeps what concerns whoever acts, and the incident's group; cards and the reminders of others are left out."""

    actor = ""
    heard: list[tuple[bool, bool, str, str]]

    def opening(self, script: Script) -> None:
        hasty(self.parts.database)
        self.heard = []
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


def page(name: str, folder: Path) -> tuple[str, Ending]:
    """(the page, how it ended); the database of the play stays in `folder`."""
    lines: list[str] = []
    ending = perform(load(name), demo_settings(folder, {"GENGFU_LOCALE": "zh"}), lines.append, clock=Still, stage=Scribe)
    return "\n".join(_told(lines)) + "\n", ending


def _told(lines: list[str]) -> Iterator[str]:
    """Without the closing figures, which are measured."""
    for line in lines:
        if line.startswith("═"):
            return
        yield line


def main() -> None:
    PAGES.mkdir(exist_ok=True)
    for name in names():
        with tempfile.TemporaryDirectory() as folder:
            (PAGES / f"{name}.md").write_text(page(name, Path(folder))[0], encoding="utf-8")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
