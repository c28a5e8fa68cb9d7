"""`python -m tests.year [--incidents 200] [--days 365] [--seed N]`: exit 0 when the year held, 1 with what did not; the seed is printed."""

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from storage.database import Database
from tests.year.checks import after_a_life, trail_findings, unfinished
from tests.year.life import Life, Part, note, stands
from tests.year.script import START, Script, script

#: True time after which a new machine is started, which may find an edited plan; and how many of these machines die before that.
STRETCH, DIES = timedelta(days=5), 0.6
#: The trail is verified at the end, and after so many stretches.
TRAIL = 18
#: How long nobody starts the next machine, in minutes; the deaths of one row may be close together.
AWAY = (0, 0, 2, 40, 150)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.year")
    options.add_argument("--incidents", type=int, default=200)
    options.add_argument("--days", type=int, default=365)
    options.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = options.parse_args()
    print(f"seed {given.seed}: {given.incidents} incidents in {given.days} days", flush=True)
    with tempfile.TemporaryDirectory(prefix="gengfu-year-") as folder:
        wrong = Year(script(given.seed, given.incidents, given.days), Path(folder)).run()
    for line in wrong[:40]:
        print(f"  {line}")
    print(f"seed {given.seed}:", f"{len(wrong)} findings" if wrong else "held")
    return 1 if wrong else 0


@dataclass
class Year:
    """Each machine lives in a process of its own, as does each look at what it left."""

    script: Script
    folder: Path
    total: Counter[str] = field(default_factory=Counter)
    heard: int = 0
    began: float = field(default_factory=lambda: os.times().elapsed)

    def run(self) -> list[str]:
        chance = Random(f"{self.script.seed}:deaths")
        since = now = START
        while now < self.script.end and not self._wrong():
            until = min(START + ((now - START) // STRETCH + 1) * STRETCH, self.script.end)
            part = Part(self.folder, since, now, until, chance.randint(100, 6_000) if chance.random() < DIES else None)
            died = _apart(self.folder, partial(self._live, part))
            since, figures = stands(self.folder, since)
            self._count(figures, died)
            now = max(now, since) + timedelta(minutes=chance.choice(AWAY)) if died else until
            _apart(self.folder, partial(self._look, since if died else until, died=died))
            self.heard = len((self.folder / "said").read_text().splitlines())
        return self._wrong()

    def _live(self, part: Part) -> None:
        Life(self.script, part).run()

    def _look(self, at: datetime, *, died: bool) -> None:
        now, stretches = self.script.machine(at), (at - START) // STRETCH
        found = after_a_life(self.folder, now, self.heard, died=died)
        if not died and (at >= self.script.end or stretches % TRAIL == 0):
            database = Database(f"sqlite:///{self.folder / 'gengfu.db'}")
            found += trail_findings(database, now)
            found += unfinished(self.folder) if at >= self.script.end else []
            database.close()
        for one in found:
            note(self.folder, f"{at.isoformat()}: {one}")

    def _count(self, figures: dict[str, float], died: bool) -> None:
        worst = max(self.total["worst"], round(figures.pop("worst", 0)))
        self.total.update({name: int(count) for name, count in figures.items()})
        self.total.update(lives=1, deaths=int(died))
        self.total["worst"] = worst
        (self.folder / "stands").unlink(missing_ok=True)
        spent = os.times()
        cpu = spent.children_user + spent.children_system
        print(f"{json.dumps(dict(self.total))} {spent.elapsed - self.began:.0f} s, {cpu:.0f} s of CPU", flush=True)

    def _wrong(self) -> list[str]:
        file = self.folder / "wrong"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _apart(folder: Path, work: Callable[[], None]) -> bool:
    """In a process of its own; whether that was killed. What else ends it is noted as wrong."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            note(folder, traceback.format_exc())
        os._exit(status)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended not in (0, 1, -signal.SIGKILL):
        note(folder, f"a machine ended with {ended}")
    return ended == -signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main())
