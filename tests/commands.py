"""Commands without the second that each start takes: one process has loaded the bot and forks for every command.

Folder, settings, output and exit code are the command's own, as if it had been started. Whoever wants a start starts a process.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
#: What takes long to load; the commands themselves are loaded by whoever runs them.
HEAVY = ("alembic.command", "bot.__main__", "bot.app", "bot.bootstrap")
#: Real seconds for a command.
LONGEST = 120


@dataclass(frozen=True)
class Commands:
    process: "subprocess.Popen[str]"
    folder: Path

    def run(self, words: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """`python -m bot <words>` in `folder`, with these settings and no others."""
        out, err = self.folder / "out", self.folder / "err"
        put, got = self.process.stdin, self.process.stdout
        assert put is not None
        assert got is not None
        job = {"words": words, "folder": str(folder), "environ": dict(environ), "out": str(out), "err": str(err)}
        put.write(json.dumps(job) + "\n")
        put.flush()
        code = int(got.readline())
        return subprocess.CompletedProcess(words, code, out.read_text("utf-8"), err.read_text("utf-8"))


@contextmanager
def commands_ready() -> Iterator[Commands]:
    with TemporaryDirectory(prefix="gengfu-commands-") as folder:
        environ = {**os.environ, "PYTHONUTF8": "1"}
        command = [sys.executable, "-m", "tests.commands"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environ) as process:
            yield Commands(process, Path(folder))
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def main() -> None:
    for name in HEAVY:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _be(json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, f"{code}\n".encode())


def _be(job: Mapping[str, Any]) -> None:
    """This process is the command from here to its end."""
    code: object = 1
    try:
        signal.alarm(LONGEST)
        random.seed()
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environ"])
        time.tzset()
        files = (
            (os.devnull, os.O_RDONLY),
            (job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (job["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        )
        for number, (path, how) in enumerate(files):
            os.dup2(os.open(path, how), number)
        sys.argv = ["gengfu", *job["words"]]
        code = import_module("bot.__main__").main(job["words"])
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    main()
