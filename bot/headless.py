"""The headless demo: a whole incident in the terminal. The real road, worker and console over a real database file.

Only time is ours: the clock runs as always, but leaps over the stretches in which nothing is due. So a reminder comes when it
is due, and its lateness is what the machinery really took.
"""

import asyncio
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.bootstrap import Parts, build
from bot.config import Settings, demo_settings
from bot.headless_paper import WIDE, table
from bot.headless_scenarios import Script, load
from bot.headless_stage import Clock, OffScript, Stage
from handlers.core.access import house_scope
from storage.audit import export_lines
from storage.database import Database
from storage.schema import migrate
from storage.seals import seal
from storage.verify import Report, verify_lines
from storage.views.reader import Figures, Reader
from workflows.incident import Incident, State

Speak = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """What the closing table tells."""

    incident: Incident
    wanted: State
    """where the incident stands at the end of the story"""
    figures: Figures
    answered: float
    """real seconds from sending the first command to its answer"""
    late: tuple[float, ...]
    said: int
    edited: int
    trail: Report

    @property
    def good(self) -> bool:
        return self.incident.state is self.wanted and self.trail.ok


def play(scenario: str, say: Speak) -> int:
    """Play it in a temporary folder, with keys made for this run; 0 when it ends as it should and the trail verifies."""
    script = load(scenario)
    with tempfile.TemporaryDirectory(prefix="gengfu-play-") as folder:
        settings = demo_settings(Path(folder), os.environ, Path(".env") if Path(".env").exists() else None)
        try:
            return 0 if perform(script, settings, say).good else 1
        except OffScript as trouble:
            say(f"!! {trouble}")
            return 1


def perform(
    script: Script, settings: Settings, say: Speak, *, clock: Callable[[datetime], Clock] = Clock, stage: Callable[..., Stage] = Stage
) -> Ending:
    """Play `script` with the sample firm; its database stays where `settings` says."""
    settings = replace(settings, plan_dir=None, timezone=ZoneInfo(script.zone))
    database = Database(settings.database_url.reveal())
    try:
        migrate(database)
    finally:
        database.close()
    time = clock(script.start)
    parts = build(settings, now=time)
    try:
        with asyncio.Runner() as runner:
            on_stage = stage(parts, time, runner, say)
            on_stage.opening(script)
            for step in script.steps:
                on_stage.play(step)
            on_stage.over()
        ending = _ending(parts, on_stage, State(script.ends))
        for line in _closing(parts, ending):
            say(line)
        return ending
    finally:
        parts.close()


def _ending(parts: Parts, stage: Stage, wanted: State) -> Ending:
    late = tuple(sorted(stage.late.seen))
    return Ending(
        stage.incident(),
        wanted,
        parts.database.read(lambda tx: Reader(tx, parts.plans, house_scope()).figures("I1")),
        stage.answered or 0.0,
        late,
        stage.said,
        stage.edited,
        _verified(parts),
    )


def _verified(parts: Parts) -> Report:
    """The trail as an auditor gets it: sealed, exported, verified with nothing but the lines and the public key."""
    while parts.database.write(lambda tx: seal(tx, parts.now(), parts.seal_key)) is not None:
        pass
    public = parts.seal_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    lines = parts.database.read(lambda tx: list(export_lines(tx, now=parts.now(), public_key=public)))
    return verify_lines(lines, public)


def _closing(parts: Parts, ending: Ending) -> Iterator[str]:
    """The closing table, and whether the trail holds."""
    words = parts.words
    yield ""
    yield "═" * WIDE
    yield words.say("headless.closing", number=ending.incident.number, title=ending.incident.title)
    yield from table([(words.say(f"headless.figure.{name}"), value) for name, value in _rows(parts, ending)])
    rows = dict(ending.trail.counts).get("rows", 0)
    key = "headless.verified" if ending.trail.ok else "headless.not_verified"
    yield words.say(key, rows=rows, seals=dict(ending.trail.counts).get("seals", 0))
    well = "done_ok" if ending.incident.state is State.CLOSED else "done_open"
    yield words.say(f"headless.{well}" if ending.good else "headless.done_bad")


def _rows(parts: Parts, ending: Ending) -> list[tuple[str, str]]:
    words, incident, figures = parts.words, ending.incident, ending.figures
    late = ending.late
    return [
        ("to_open", words.say("headless.to_open", after=_since(incident, "opened"), seconds=f"{ending.answered:.2f}")),
        ("to_grade", words.show(figures.to_grade)),
        ("to_claim", words.show(figures.to_claim)),
        ("reminders", str(figures.reminders)),
        ("escalations", str(figures.escalations)),
        ("lateness", words.say("headless.lateness", timers=len(late), slow=_seconds(late, 0.99), worst=_seconds(late, 1.0))),
        ("refusals", str(figures.refusals)),
        ("tasks_closed", str(figures.tasks_closed)),
        ("messages", words.say("headless.messages", said=ending.said, edited=ending.edited)),
        ("closed_after", words.show(_since(incident, "closed"))),
    ]


def _seconds(ordered: tuple[float, ...], share: float) -> str:
    """The value that so large a share of them does not exceed."""
    value = ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0
    return f"{value:.3f} s"


def _since(incident: Incident, what: str) -> timedelta | None:
    """From occurrence (else opening) to opening; from opening to closing."""
    if what == "opened":
        return incident.opened_at - (incident.occurred_at or incident.opened_at)
    return incident.closed_at - incident.opened_at if incident.closed_at else None
