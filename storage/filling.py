"""Rows in bulk, written by the database itself where there are very many: for measurements, never for work."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, text
from sqlmodel import Session

from storage.database import Database
from storage.inbox import INBOX
from storage.mapping import Record, table_of, to_values
from storage.outbox import OUTBOX
from storage.queue import Claim, Queue, add
from storage.tables.queues import DONE, WAITING, InboxRow, OutboxRow, TimerRow
from storage.timers import TIMERS

#: How many rows one statement carries.
LOT = 2000


def records(session: Session, found: Sequence[Record]) -> None:
    """Records as if they had just been made, without their history; the first change of each begins its chain."""
    by_kind: dict[type[Record], list[dict[str, object]]] = {}
    for record in found:
        by_kind.setdefault(type(record), []).append(to_values(record))
    for kind, values in by_kind.items():
        for start in range(0, len(values), LOT):
            session.connection().execute(insert(table_of(kind)), values[start : start + LOT])


def timers(session: Session, found: Iterable[tuple[str, str, str, datetime]], now: datetime) -> None:
    """(record, name, incident, due) of running timers."""
    values = [
        {"lane": f"{ref}:{name}", "due": due, "created": now, "record_ref": ref, "name": name, "incident": incident}
        for ref, name, incident, due in found
    ]
    for start in range(0, len(values), LOT):
        session.connection().execute(insert(TimerRow), values[start : start + LOT])


def many_timers(session: Session, first: int, last: int, due: datetime) -> None:
    """Waiting timers number `first` to `last` of records that do not exist, due from `due` on, a second apart."""
    _series(
        session,
        first,
        last,
        "INSERT INTO timer (lane, priority, due, status, attempt, fence, created, record_ref, name) "
        f"SELECT 'T' || n || '/due', 0, {_moment(session, 'n')}, '{WAITING}', 0, 0, {_moment(session, '0')}, 'T' || n, 'due' FROM series",
        due,
    )


def many_messages(session: Session, first: int, last: int, *, status: str, due: datetime) -> None:
    """Outbox rows number `first` to `last`, in lanes of ten, `DONE` or `WAITING`."""
    if status not in (DONE, WAITING):
        raise ValueError(status)
    _series(
        session,
        first,
        last,
        "INSERT INTO outbox (lane, priority, due, status, attempt, fence, created, key, kind, about, wanted, superseded) "
        f"SELECT 'lane' || (n / 10), n % 8, {_moment(session, '0')}, '{status}', 0, 0, {_moment(session, '0')}, 'k' || n, 'notice', "
        "'{}', 0, false FROM series",
        due,
    )


def settled(database: Database) -> None:
    """Statistics as an hour of autovacuum would leave them."""
    database.write(lambda session: session.connection().execute(text("ANALYZE")))


def one_row(session: Session, key: str, now: datetime) -> None:
    """The floor's whole work: one small row, committed."""
    add(session, InboxRow(lane=key, due=now, created=now, status=DONE, platform="floor", event_id=key), "platform", "event_id")


def claim_messages(session: Session, now: datetime, limit: int) -> Claim[OutboxRow]:
    return OUTBOX.claim(session, now, limit)


def finish_messages(session: Session, claim: Claim[OutboxRow], now: datetime) -> None:
    for row in claim.rows:
        OUTBOX.done(session, row, now)


def tick(session: Session, now: datetime) -> int:
    """What one tick asks of the database: is anything due? Answers how many rows were."""
    queues: tuple[Queue[InboxRow] | Queue[TimerRow] | Queue[OutboxRow], ...] = (INBOX, TIMERS, OUTBOX)
    return sum(len(queue.claim(session, now, 10).rows) for queue in queues)


def _moment(session: Session, seconds: str) -> str:
    """SQL for `:due` plus so many seconds, in the form that UtcDateTime stores."""
    if session.get_bind().dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f000', :due, '+' || ({seconds}) || ' seconds')"
    return f"CAST(:due AS timestamptz) + ({seconds}) * interval '1 second'"


def _series(session: Session, first: int, last: int, statement: str, due: datetime) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"
    numbers = (
        "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last) "
        if sqlite
        else "WITH series AS (SELECT generate_series(CAST(:first AS int), CAST(:last AS int)) AS n) "
    )
    # SQLite takes WITH only after INSERT INTO …; PostgreSQL takes it there too.
    head, rest = statement.split(" SELECT ", 1)
    when = f"{due:%Y-%m-%d %H:%M:%S}" if sqlite else due.isoformat()
    session.connection().execute(text(f"{head} {numbers} SELECT {rest}"), {"first": first, "last": last, "due": when})
