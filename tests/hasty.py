"""A database for tests in which nobody needs the rows after a power cut."""

from typing import Any

from sqlalchemy import event

from storage.database import Database


def hasty(database: Database) -> Database:
    """On SQLite without waiting for the disk; it must not have been used yet."""
    if database.is_sqlite:
        event.listen(database.engine, "connect", _without_waiting)
    return database


def _without_waiting(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
