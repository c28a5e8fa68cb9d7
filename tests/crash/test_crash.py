"""SIGKILL between every two steps of the road: every event has its effect once, every message is out, no timer is lost."""

import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from storage.database import Database
from tests.crash import story
from tests.crash.forks import Forks, forks_of
from tests.crash.story import LONG, PAPER, PAST_LEASES, SHORT, Step
from tests.make import START
from tests.world import World

pytestmark = pytest.mark.crash

#: (seam, turn): each is one place between two steps. The names are those of the functions that ask for a transaction.
SEAMS = [
    # an event is stored, and decided
    ("Road.ask: insert inbox", 1),
    ("Road.ask: written", 1),
    ("Road.ask: committed", 1),
    ("Road._handled: insert incident", 1),
    ("Road._handled: insert audit", 1),
    ("Road._handled: insert task", 4),
    ("Road._handled: insert outbox", 10),
    ("Road._handled: written", 1),
    ("Road._handled: committed", 1),
    # a click
    ("Road.ask: committed", 2),
    ("Road._handled: update task", 1),
    ("Road._handled: written", 2),
    ("Road._handled: committed", 2),
    # a message goes out
    ("Sender.turn: update outbox", 5),
    ("Sender.turn: committed", 1),
    ("send: asked", 1),
    ("Rooms.post: committed", 3),
    ("send: done", 1),
    ("Sender._note: written", 2),
    ("Sender._note: committed", 4),
    # the room is made, and becomes the incident's
    ("room: asked", 1),
    ("room: done", 1),
    ("Sender._note: insert inbox", 1),
    ("Road.work: begun", 1),
    ("Road.work: insert incident_chat", 1),
    ("Road.work: written", 1),
    ("Road.work: committed", 1),
    # a card changes
    ("Rooms._change: committed", 1),
    ("edit: done", 1),
    # the clock
    ("Worker.timer_turn: update timer", 1),
    ("Clockwork.fire: begun", 1),
    ("Clockwork.fire: update timer", 1),
    ("Clockwork.fire: insert audit", 1),
    ("Clockwork.fire: insert outbox", 2),
    ("Clockwork.fire: written", 1),
    ("Clockwork.fire: committed", 1),
]


#: The same of a paper: asked for, claimed, made, kept.
PAPER_SEAMS = [
    ("Road._handled: insert work", 1),
    ("Worker.work_turn: update work", 1),
    ("Worker.work_turn: committed", 1),
    ("Labour._labour: begun", 1),
    ("Labour._labour: insert file", 1),
    ("Labour._labour: insert paper", 1),
    ("Labour._labour: insert audit", 1),
    ("Labour._labour: written", 1),
    ("Labour._labour: committed", 1),
]


@dataclass
class Children:
    """Starts the house in a process of its own, again and again."""

    forks: Forks

    def run(self, url: str, log: Path, steps: str, at: datetime, seam: str | None = None, turn: int = 0) -> list[dict[str, Any]]:
        return self.forks.run({"url": url, "log": str(log), "story": steps, "at": at.isoformat(), "seam": seam, "turn": turn})


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with forks_of("tests.crash.child") as forks:
        yield Children(forks)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, tuple[Step, ...]], dict[str, Any]]:
    """What comes of a story when nothing happens to the house."""

    @cache
    def of(name: str, steps: tuple[Step, ...]) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp(name)
        return recover(f"sqlite:///{folder / 'gengfu.db'}", folder / "log", steps, START)

    return of


def rest(world: World) -> None:
    """The house is left alone for a while, long enough for every lease and every second try."""
    for _ in range(2):
        world.clock.now += PAST_LEASES
        world.settle()


def recover(url: str, log: Path, steps: tuple[Step, ...], at: datetime) -> dict[str, Any]:
    """A new process (this one) opens the same database, remembers what the old one had begun, and goes on."""
    database = Database(url)
    try:
        world = story.start(database, log, at)
        story.play(world, steps)
        rest(world)
        story.check(world, log, steps)
        return story.outcome(world)
    finally:
        database.close()


@pytest.mark.parametrize(("seam", "turn"), SEAMS)
def test_killed_at_a_seam(
    database_url: str,
    tmp_path: Path,
    children: Children,
    undisturbed: Callable[[str, tuple[Step, ...]], dict[str, Any]],
    seam: str,
    turn: int,
) -> None:
    log = tmp_path / "log"
    told = children.run(database_url, log, "short", START, seam, turn)
    assert told[-1] == {"ended": -signal.SIGKILL}, "every seam of the list exists, and is where the process died"
    assert told[-2]["died_at"] == seam
    found = Database(database_url)
    story.check_nothing_or_all(found)
    found.close()
    died = next((step.at for step in reversed(SHORT) if {"answered": SHORT.index(step), "error": None} in told), START)
    assert recover(database_url, log, SHORT, died + PAST_LEASES) == undisturbed("short", SHORT)


@pytest.mark.parametrize(("seam", "turn"), PAPER_SEAMS)
def test_killed_while_a_paper_is_made(
    database_url: str,
    tmp_path: Path,
    children: Children,
    undisturbed: Callable[[str, tuple[Step, ...]], dict[str, Any]],
    seam: str,
    turn: int,
) -> None:
    log = tmp_path / "log"
    told = children.run(database_url, log, "paper", START, seam, turn)
    assert told[-1] == {"ended": -signal.SIGKILL}, told
    assert told[-2]["died_at"] == seam
    assert recover(database_url, log, PAPER, PAPER[-1].at + PAST_LEASES) == undisturbed("paper", PAPER)


def test_killed_twenty_times_during_one_incident(
    database_url: str, tmp_path: Path, children: Children, undisturbed: Callable[[str, tuple[Step, ...]], dict[str, Any]]
) -> None:
    """The recovery from a death dies too. What comes of it is what comes of a quiet life."""
    dice, log, at = random.Random(20), tmp_path / "log", START
    deaths: list[str] = []
    while len(deaths) < 20:
        told = children.run(database_url, log, "long", at, None, dice.randint(30, 420))
        if told[-1] == {"ended": 0}:
            break
        assert told[-1] == {"ended": -signal.SIGKILL}
        deaths.append(told[-2]["died_at"])
        answered = [LONG[entry["answered"]].at for entry in told if "answered" in entry]
        at = max([at, *answered]) + PAST_LEASES
    assert len(deaths) == 20, deaths
    assert len(set(deaths)) >= 8, "the places differ"
    assert recover(database_url, log, LONG, at) == undisturbed("long", LONG)
