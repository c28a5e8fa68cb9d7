"""What every story begins with, made once per test process: a schema, a plan, the words; and databases that do not wait for the disk."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event

from handlers.core.wording import Words
from storage.database import Database
from storage.plans import Plans
from storage.schema import migrate

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


def with_schema(database: Database) -> Database:
    """As `migrate` leaves it; a new SQLite file is a copy of one that was migrated."""
    file = Path(database.engine.url.database or "")
    if database.is_sqlite and not file.exists():
        file.write_bytes(_migrated())
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


words = cache(Words.load)
_plans = cache(Plans)


def plans(folder: Path) -> Plans:
    """Folders of a test's own may change between two readings; those of the repository do not."""
    return _plans(folder) if folder.is_relative_to(ROOT) else Plans(folder)
