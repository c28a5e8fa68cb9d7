"""What every story begins with, made once per test process: a schema, a plan, the words; and databases that do not wait for the disk."""

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, event, make_url

from handlers.core.wording import Words
from storage.database import Database
from storage.plans import Plans
from storage.schema import current, migrate

ROOT = Path(__file__).parents[1]


def hasty(database: Database) -> Database:
    """On SQLite without waiting for the disk: a killed process loses nothing by it, and nobody needs these rows after a power cut.

    Nobody may be using it yet.
    """
    if database.is_sqlite and not event.contains(database.engine, "connect", _without_waiting):
        event.listen(database.engine, "connect", _without_waiting)
        database.engine.dispose()  # what was opened before still waits
    return database


def _without_waiting(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def patient(seconds: float) -> float:
    """So many real seconds on a machine that has nothing else to do; more where others take their share of it at this moment."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def with_schema(database: Database) -> Database:
    """As `migrate` leaves it; a new one is a copy of one that was migrated."""
    file = Path(database.engine.url.database or "")
    if database.is_sqlite and not file.exists():
        file.write_bytes(_migrated())
    elif not database.is_sqlite and current(database) is None:
        _copied_over(database.engine.url)
    else:
        migrate(database)
    return database


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory(prefix="gengfu-") as folder:
        file = Path(folder) / "gengfu.db"
        database = Database(f"sqlite:///{file}")
        migrate(database)
        database.close()
        return file.read_bytes()


def _copied_over(url: URL) -> None:
    """Whoever is connected is cut off, and connects again."""
    server = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    template = _template(server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{url.database}" TEMPLATE "{template}" STRATEGY FILE_COPY')


@cache
def _template(server: str) -> str:
    """One for each process: who made another may have been killed in the midst of it."""
    name = f"gengfu_migrated_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    database = Database(make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(False))
    migrate(database)
    database.close()
    return name


words = cache(Words.load)
_plans = cache(Plans)


def plans(folder: Path) -> Plans:
    """Folders of a test's own may change between two readings; those of the repository do not."""
    return _plans(folder) if folder.is_relative_to(ROOT) else Plans(folder)
