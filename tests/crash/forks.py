"""Processes that are killed: forks of a program, one for each job (`tests.crash.child.forks`), seen from the test that gives the jobs."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]


@dataclass
class Forks:
    """`pid`: of the fork that is at work, where it tells."""

    process: "subprocess.Popen[str]"
    pid: int = 0

    def run(self, job: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the fork told until it ended; the last entry says how."""
        put, got = self.process.stdin, self.process.stdout
        assert put is not None
        assert got is not None
        put.write(json.dumps(job) + "\n")
        put.flush()
        return list(self._told(got))

    def _told(self, lines: IO[str]) -> Iterator[dict[str, Any]]:
        for line in lines:
            found: dict[str, Any] = json.loads(line)
            self.pid = found.get("pid", self.pid)
            yield found
            if "ended" in found:
                return
        raise AssertionError("the process that forks is gone")


@contextmanager
def forks_of(module: str) -> Iterator[Forks]:
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
