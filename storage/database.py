"""The database: one writer thread on SQLite, a small pool on PostgreSQL; the same code on both."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, Text, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from workflows.core.errors import Conflict

T = TypeVar("T")

#: SQLSTATEs of transactions that would succeed if they were begun again: serialization_failure, deadlock_detected.
_LOST_RACES = frozenset({"40001", "40P01"})

#: Classes of SQLSTATE: connection exception, insufficient resources, operator intervention, system error.
_AWAY = frozenset({"08", "53", "57", "58"})
_AWAY_SQLITE = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY")

#: Topics whose loops look each second at the latest: a burst of commits (whose own replica is awake) tells others once in so many seconds.
_LOOKED_FOR = frozenset({"inbox", "outbox", "timers", "work"})
_MOMENT = 0.02

#: What a running transaction is to those who may not speak SQL: handed on, never looked into.
Transaction = Session


class UtcDateTime(TypeDecorator[datetime]):
    """Refuses naive datetimes in, restores UTC out (SQLite drops the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given to the database; pass an aware one")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON kept as canonical text: the same bytes on every database, so that they can be hashed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Memory:
    """What this process remembers of rarely changed tables, by name; good until a commit (of any replica) says that one has changed."""

    def __init__(self) -> None:
        self.changes = 0
        self.kept: dict[str, Any] = {}

    def hear(self, topics: frozenset[str]) -> None:
        """A transaction that began before this moment may have read what is old by now: what it keeps is not believed."""
        if "duty" in topics:
            self.changes += 1


class Database:
    """`write` and `read` run a function in one transaction and commit it; `submit_*` return futures for async callers.

    `write` raises Conflict when PostgreSQL ended the transaction because it and another one waited for each other.

    SQLite has one writer thread (BEGIN IMMEDIATE) and a few readers; PostgreSQL a pool of `threads`.
    `on_commit` callbacks run after every writing commit, in the writing thread, with the topics the transaction touched.
    """

    def __init__(self, url: str, *, threads: int = 6) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(make_url(url)) if self.is_sqlite else _postgres_engine(url, threads)
        self.memory = Memory()
        self._told: dict[str, float] = {}
        self.on_commit: list[Callable[[frozenset[str]], None]] = [self.memory.hear]
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else threads, "gengfu-write")
        self._readers = ThreadPoolExecutor(3, "gengfu-read") if self.is_sqlite else self._writers

    def submit_write(self, work: Callable[[Session], T]) -> "Future[T]":
        return self._writers.submit(self._write, work)

    def submit_read(self, work: Callable[[Session], T]) -> "Future[T]":
        return self._readers.submit(self._read, work)

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one writing transaction; commit when it returns, roll back when it raises."""
        return self.submit_write(work).result()

    def read(self, work: Callable[[Session], T]) -> T:
        return self.submit_read(work).result()

    def ahead_of(self, now: Callable[[], datetime]) -> timedelta:
        """How far the database's clock is ahead of `now`; zero on SQLite, which has no clock of its own."""
        if self.is_sqlite:
            return timedelta(0)
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return UtcDateTime().process_result_value(found, self.engine.dialect) - now()  # type: ignore[operator]  # never null

    def forget_the_disk(self) -> None:
        """For a SQLite file that nobody needs after a power cut: it is written without waiting. Nobody may be using it yet."""

        @event.listens_for(self.engine, "connect")
        def hasty(connection: Any, record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        self.engine.dispose()  # what was opened before still waits

    def close(self) -> None:
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.engine.dispose()

    def _write(self, work: Callable[[Session], T]) -> T:
        options = {"begin": "IMMEDIATE"} if self.is_sqlite else {}
        try:
            topics, answer = self._written(work, options)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _LOST_RACES:
                raise Conflict("another transaction was in the way") from error
            raise
        for tell in self.on_commit:
            tell(topics)
        return answer

    def _written(self, work: Callable[[Session], T], options: dict[str, str]) -> tuple[frozenset[str], T]:
        with self.engine.connect().execution_options(**options) as connection, self._session(connection) as session:
            answer = work(session)
            topics = frozenset(session.info.get("topics", ()))
            session.flush()
            if not self.is_sqlite and (news := self._news(topics)):
                session.connection().exec_driver_sql("SELECT pg_notify('gengfu', %s)", (",".join(news),))
            session.commit()
        return topics, answer

    def _news(self, topics: frozenset[str]) -> list[str]:
        """What other replicas are to be told of: not again what they were told a moment ago and look for by themselves."""
        now = monotonic()
        found = sorted(topic for topic in topics if topic not in _LOOKED_FOR or now - self._told.get(topic, 0.0) > _MOMENT)
        self._told.update(dict.fromkeys(found, now))
        return found

    def _read(self, work: Callable[[Session], T]) -> T:
        with self.engine.connect() as connection, self._session(connection) as session:
            return work(session)

    def _session(self, connection: Connection) -> Session:
        return Session(connection, expire_on_commit=False, info={"memory": self.memory, "began": self.memory.changes})


def touch(session: Session, topic: str) -> None:
    """Note that this transaction gave `topic` (inbox, outbox, timers, work, rooms) something to do: its loop wakes on commit.

    `duty` has no loop: what was remembered of it is forgotten.
    """
    session.info.setdefault("topics", set()).add(topic)


def away(error: BaseException) -> bool:
    """Whether it is the database that is in trouble (gone, full, locked, shutting down): no fault of the work that met it."""
    if not isinstance(error, DBAPIError):
        return False
    state, name = getattr(error.orig, "sqlstate", None) or "", getattr(error.orig, "sqlite_errorname", "")
    return error.connection_invalidated or state[:2] in _AWAY or name.startswith(_AWAY_SQLITE)


def part(session: Session) -> AbstractContextManager[object]:
    """A part of a transaction that leaves nothing behind when it raises, while the rest goes on."""
    return session.begin_nested()


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False, "timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, IMMEDIATE for writers
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', '')}")

    return engine


def _postgres_engine(url: str, threads: int) -> Engine:
    given: dict[str, Any] = {"application_name": "gengfu", "connect_timeout": 10, **make_url(url).query}
    return create_engine(url, hide_parameters=True, pool_size=threads, max_overflow=2, pool_pre_ping=True, connect_args=given)
