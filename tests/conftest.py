"""A real PostgreSQL per test process, a fresh database per test, and an environment without the developer's own settings."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from bot.bench.places import postgres_server as start_postgres
from storage.database import Database
from tests.commands import Commands, commands_ready
from tests.letterbox import Letterbox, post_office
from tests.ready import hasty

# A loaded machine is no failure: properties have no time limit per example. The suite tries the same examples on every run, so that
# it says of a change only what the change did; `EXAMPLES=100 pytest …` (docs/guide/mutation.md) looks for new ones.
settings.register_profile("gengfu", deadline=None, derandomize="EXAMPLES" not in os.environ)
settings.load_profile("gengfu")

_OURS = ("GENGFU_", "WECOM_", "DINGTALK_", "FEISHU_", "SMTP_", "PG")
for _name in [name for name in os.environ if name.startswith(_OURS)]:
    del os.environ[_name]
# Compiled once: otherwise every process that a test starts compiles all modules again, which takes longer than what it is started for.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

#: What takes long comes first: at the end it would keep one worker busy while the others have nothing left.
_LONG = ("test_transcripts", "test_properties", "test_leaks", "test_bench", "test_headless", "test_main_job", "twenty_times", "takeover")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(part in item.nodeid for part in _LONG))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look through it again with every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The connection string of a PostgreSQL that lives as long as this test process (one per xdist worker)."""
    # Not below pytest's own temporary root: pytest closes that to others on every run, and under root the server is another user.
    with tempfile.TemporaryDirectory(prefix="gengfu-pg-") as folder:
        server = start_postgres(Path(folder) / "pg")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody needs these rows after a power cut
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str, tmp_path: Path) -> Iterator[str]:
    """A fresh, empty PostgreSQL database, dropped afterwards."""
    name = f"t{os.getpid()}_{abs(hash(tmp_path))}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield postgres_server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each test that asks for this runs twice: on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gengfu.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open Database without tables; closed afterwards."""
    opened = hasty(Database(database_url))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """The command line, without the second that each start takes."""
    with commands_ready() as ready:
        yield ready


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    """A mail server on loopback: what it was handed, and its port."""
    with post_office() as opened:
        yield opened
