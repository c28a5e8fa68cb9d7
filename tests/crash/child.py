"""The process that is killed: the house lives through a story and dies at the seam it was told.

Started once per test process; each job is a fork of it, so that a death costs milliseconds. It speaks JSON lines.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from threading import Lock, local
from typing import Any, TypeVar

from sqlalchemy import event
from sqlmodel import Session

from storage.database import Database
from tests.crash.story import LONG, PAPER, SHORT, play, start
from tests.world import make_world

T = TypeVar("T")

STORIES = {"short": SHORT, "long": LONG, "paper": PAPER}


def tell(**what: object) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


class Seams:
    """Counts the seams as they come by, and dies at the one that is wanted: by name and turn, or simply the n-th."""

    def __init__(self, name: str | None, turn: int) -> None:
        self._name = name
        self._turn = turn
        self._lock = Lock()
        self._counts: dict[str, int] = {}
        self._total = 0
        self.armed = False

    def reach(self, seam: str) -> None:
        if not self.armed:
            return
        with self._lock:
            self._total += 1
            self._counts[seam] = self._counts.get(seam, 0) + 1
            reached = self._total if self._name is None else self._counts[seam] if seam == self._name else 0
            if reached == self._turn:
                tell(died_at=seam, total=self._total)
                os.kill(os.getpid(), signal.SIGKILL)

    def report(self) -> None:
        tell(seams=self._counts, total=self._total)


class SeamDatabase(Database):
    """The real database. Its seams are named after the function that asked for the transaction and the statement just executed."""

    def __init__(self, url: str, seams: Seams) -> None:
        super().__init__(url)
        self._seams = seams
        self._running = local()
        self.on_commit.append(lambda topics: self._at("committed"))
        event.listen(self.engine, "after_cursor_execute", self._executed)

    def submit_write(self, work: Callable[[Session], T]) -> "Future[T]":
        def stepped(session: Session) -> T:
            self._running.name = work.__qualname__.split(".<locals>")[0]
            self._at("begun")
            answer = work(session)
            session.flush()
            self._at("written")
            return answer

        return super().submit_write(stepped)

    def _at(self, what: str) -> None:
        name = getattr(self._running, "name", None)
        if name is not None:
            self._seams.reach(f"{name}: {what}")

    def _executed(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        verb, *rest = statement.split(None, 3)
        if verb in ("INSERT", "UPDATE"):
            self._at(f"{verb.lower()} {rest[1] if verb == 'INSERT' else rest[0]}")


def run(job: dict[str, Any]) -> None:
    seams = Seams(job["seam"], job["turn"])
    database = SeamDatabase(job["url"], seams)
    world = start(database, Path(job["log"]), datetime.fromisoformat(job["at"]), seams.reach)
    seams.armed = True
    play(world, STORIES[job["story"]], lambda number, reply: tell(answered=number, error=reply.error))
    seams.armed = False
    database.close()
    seams.report()


def forks(run: Callable[[dict[str, Any]], None], prepare: Callable[[Database], object]) -> None:
    """Each line is a job for a fork of this process; what every house begins with is made once, before the forks."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/gengfu.db")
        prepare(database)
        database.close()
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                run(job)
                status = 0
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        tell(ended=os.waitstatus_to_exitcode(ended))


if __name__ == "__main__":
    forks(run, make_world)
