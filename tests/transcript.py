"""Scenarios as pages to read: what people type and tap, what they are answered, and what the incident's group hears; of wording and
clocks what everybody hears, with a table of what was due and done.

python -m tests.transcript        writes docs/transcripts/*.md anew; tests/test_transcripts.py holds them to the word
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.config import demo_settings
from bot.headless import Ending, perform
from bot.headless_scenarios import load, names
from tests.scribes import Scribe, Still, Witness

PAGES = Path(__file__).parents[1] / "docs" / "transcripts"


@dataclass(frozen=True)
class Page:
    """`twice`: (moment, place, sentence) that a place was told more than once at one moment, where the scribe counted."""

    text: str
    ending: Ending
    twice: tuple[tuple[datetime, str, str], ...]


def page(name: str, folder: Path) -> Page:
    """The database of the play stays in `folder`."""
    lines: list[str] = []
    script, scribes = load(name), list[Scribe]()

    def scribe(*given: Any) -> Scribe:
        scribes.append(Witness(*given) if script.tells == "wording" else Scribe(*given))
        return scribes[0]

    ending = perform(script, demo_settings(folder, {"GENGFU_LOCALE": "zh"}), lines.append, clock=Still, stage=scribe)
    return Page("\n".join(_told(lines)) + "\n", ending, tuple(one for one, count in scribes[0].told.items() if count > 1))


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
            (PAGES / f"{name}.md").write_text(page(name, Path(folder)).text, encoding="utf-8")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
