"""The platforms' `Shelf` in the database: shared by replicas, every step one conditional statement."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.database import Database
from storage.tables.shelf import SHELF


class DatabaseShelf:
    """One platform's part of the shelf. An entry whose end has come is as good as absent, before `sweep` removes it."""

    def __init__(self, database: Database, platform: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._platform = platform
        self._now = now

    def get(self, key: str) -> str | None:
        statement = select(SHELF.c.value).where(*self._at("value", key), SHELF.c.ends > self._now())
        found: str | None = self._database.read(lambda session: session.connection().execute(statement).scalar())
        return found

    def put(self, key: str, value: str, ends: datetime) -> None:
        def work(session: Session) -> None:
            while not (
                _changed(session, update(SHELF).where(*self._at("value", key)).values(value=value, ends=ends))
                or self._insert(session, "value", key, value=value, ends=ends)
            ):
                pass  # another replica inserted it between our two statements: change that one

        self._database.write(work)

    def take(self, key: str) -> str | None:
        """The value, once: whoever takes it removes it."""
        now = self._now()
        statement = delete(SHELF).where(*self._at("value", key)).returning(SHELF.c.value, SHELF.c.ends)
        row = self._database.write(lambda session: session.connection().execute(statement).one_or_none())
        return row.value if row is not None and row.ends > now else None

    def spend(self, key: str, limit: int, window: timedelta, count: int = 1) -> bool:
        """Count `count` within the current window, which begins with its first count; False when that would pass `limit`."""
        now = self._now()
        most = limit - count
        more = update(SHELF).where(*self._at("count", key), SHELF.c.ends > now, SHELF.c.count <= most).values(count=SHELF.c.count + count)
        again = update(SHELF).where(*self._at("count", key), SHELF.c.ends <= now).values(count=count, ends=now + window)

        def work(session: Session) -> bool:
            while not (_changed(session, more) or _changed(session, again)):
                if self._exists(session, "count", key, SHELF.c.ends > now, SHELF.c.count > most):
                    return False
                if self._insert(session, "count", key, count=count, ends=now + window):
                    break
            return True

        return most >= 0 and self._database.write(work)

    def spent(self, key: str) -> int:
        """What was counted under `key` within the current window."""
        return self._database.read(lambda session: spent_in(session, self._platform, key, self._now()))

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        """True when `holder` has the lease now (taken or renewed)."""
        now = self._now()
        ends = now + timedelta(seconds=seconds)
        free = or_(SHELF.c.value == holder, SHELF.c.ends <= now)
        ours = update(SHELF).where(*self._at("lease", key), free).values(value=holder, ends=ends)

        def work(session: Session) -> bool:
            return _changed(session, ours) or self._insert(session, "lease", key, value=holder, ends=ends)

        return self._database.write(work)

    def _at(self, kind: str, key: str) -> tuple[ColumnElement[bool], ...]:
        return SHELF.c.platform == self._platform, SHELF.c.kind == kind, SHELF.c.key == key

    def _exists(self, session: Session, kind: str, key: str, *also: ColumnElement[bool]) -> bool:
        found = session.connection().execute(select(SHELF.c.key).where(*self._at(kind, key), *also))
        return found.first() is not None

    def _insert(self, session: Session, kind: str, key: str, **values: object) -> bool:
        statement = insert(SHELF).values({"platform": self._platform, "kind": kind, "key": key, "count": 0, **values})
        try:
            with session.begin_nested():
                session.connection().execute(statement)
        except IntegrityError:
            return False
        return True


def sweep(session: Session, now: datetime, limit: int = 500) -> int:
    """Remove up to `limit` ended entries; call again, in a new transaction, while the answer is `limit`."""
    key = (SHELF.c.platform, SHELF.c.kind, SHELF.c.key)
    ended = select(*key).where(SHELF.c.ends <= now).limit(limit).with_for_update(skip_locked=True)
    found = session.connection().execute(ended).all()
    if found:
        # The end again: between the two statements nobody can have renewed an entry that we hold locked.
        session.connection().execute(delete(SHELF).where(tuple_(*key).in_([tuple(row) for row in found]), SHELF.c.ends <= now))
    return len(found)


def _changed(session: Session, statement: Any) -> bool:
    answer: CursorResult[Any] = session.connection().execute(statement)
    return answer.rowcount > 0


def spent_in(session: Session, platform: str, key: str, now: datetime) -> int:
    """The same, for whoever is inside a transaction."""
    here = (SHELF.c.platform == platform, SHELF.c.kind == "count", SHELF.c.key == key, SHELF.c.ends > now)
    found: int | None = session.connection().execute(select(SHELF.c.count).where(*here)).scalar()
    return found or 0
