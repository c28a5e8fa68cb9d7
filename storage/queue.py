"""One queue for everything that waits. The same code on SQLite and PostgreSQL, called inside a transaction of `Database.write`.

A claim moves `due` to the end of the lease and counts `attempt` and `fence` up; the row stays `waiting`. So its lane stays
shut while it is worked on, and a holder that died is nothing special: the row is due again, and claimed again.
`done`, `retry` and `bury` hold only for the latest claim: a late holder gets False and must roll back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    CursorResult,
    Integer,
    Select,
    Table,
    Update,
    bindparam,
    func,
    inspect,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from storage.gathered import run
from storage.tables.queues import BURIED, DONE, WAITING, QueueRow, is_literally

R = TypeVar("R", bound=QueueRow)


@dataclass(frozen=True, slots=True)
class Claim(Generic[R]):
    """`rows` are ours until `due`; `buried` had used up their attempts and now wait for an administrator.

    `late` is how long each of `rows` had been due when it was claimed.
    """

    rows: list[R] = field(default_factory=list)
    buried: list[R] = field(default_factory=list)
    late: list[timedelta] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.buried)


@dataclass(frozen=True, slots=True)
class Stats:
    """`late` is how long the oldest due row has been due; None when nothing is due."""

    waiting: int
    due: int
    late: timedelta | None
    buried: int


def backoff(attempt: int) -> timedelta:
    """How long to wait after the given (first = 1) failed attempt: 2 s, 4 s, 8 s … at most 5 minutes."""
    return timedelta(seconds=min(2 ** max(1, min(attempt, 9)), 300))


class Queue(Generic[R]):
    """`priorities`: every value that rows of this table can have; a row with another value is never claimed · `where`: what may go."""

    def __init__(
        self,
        row_class: type[R],
        *,
        lease: timedelta,
        attempts: int,
        priorities: tuple[int, ...] = (0,),
        where: ColumnElement[bool] | None = None,
    ) -> None:
        self.row_class = row_class
        self._where = () if where is None else (where,)
        self.lease = lease
        self.attempts = attempts
        self.priorities = tuple(sorted(priorities))
        self._table = table_of(row_class)
        self._waiting = is_literally(f"{self._table.name}.status", WAITING)
        # Made once: making a statement costs more than running it.
        self._due_rows = self._due_statement()
        self._due_priorities = self._priorities_statement()

    def claim(self, session: Session, now: datetime, limit: int, *only: ColumnElement[bool]) -> Claim[R]:
        """Take up to `limit` due rows, the smallest priority first, then the longest due; at most one of each lane.

        Call again until the answer is empty: what comes next in a lane is found by the next claim only.
        """
        claim: Claim[R] = Claim()
        left = limit
        for priority in self._priorities_with_due(session, now):
            found = self._due(session, now, priority, left, only) if left > 0 else []
            for row in found:
                self._hold_or_bury(row, now, claim)
            left -= len(found)
        session.flush()
        return claim

    def hold(self, row: R, now: datetime) -> R:
        """Mark a row that is about to be inserted as claimed by whoever inserts it."""
        row.attempt = row.fence = 1
        row.due = now + self.lease
        return row

    def done(self, session: Session, row: R, now: datetime, **noted: object) -> bool:
        """False = somebody else has the row now (or it was set again): roll back. `noted`: columns to be written with it."""
        return self._settle(session, row, status=DONE, finished=now, error=None, **noted)

    def all_done(self, session: Session, rows: Iterable[R], now: datetime) -> None:
        """Within `gathered`: all of them, or Conflict at its end when somebody else has one of them now."""
        for row in rows:
            ours = {"our_id": row.id, "our_fence": row.fence, "our_attempt": row.attempt}
            noted = {"new_status": DONE, "new_finished": now, "new_error": None}
            run(session, _settling(self._table, ("status", "finished", "error")), ours | noted, exact=True)

    def retry(self, session: Session, row: R, due: datetime, error: str, *, free: bool = False, **noted: object) -> bool:
        """Let go until `due`. `free` gives the attempt back: the other side asked for patience, nothing failed."""
        return self._settle(session, row, due=due, error=error, attempt=row.attempt - 1 if free else row.attempt, **noted)

    def bury(self, session: Session, row: R, now: datetime, error: str) -> bool:
        return self._settle(session, row, status=BURIED, finished=now, error=error)

    def revive(self, session: Session, row_id: int, now: datetime) -> bool:
        """Give a buried row all its attempts again. Its lane has gone on without it, so it gets one of its own."""
        c = self._table.c
        statement = update(self._table).where(c.id == row_id, c.status == BURIED)
        fresh = {"status": WAITING, "due": now, "attempt": 0, "error": None, "finished": None, "lane": f"revived:{row_id}"}
        return _changed(session, statement.values(fresh)) == 1

    def waiting(self, session: Session, now: datetime) -> Stats:
        """For metrics and health, not for every tick: it counts all waiting rows."""
        c = self._table.c
        due = (self._waiting, c.priority.in_(self.priorities), c.due <= now)
        waiting = session.scalar(select(func.count()).select_from(self._table).where(self._waiting)) or 0
        count, oldest = session.connection().execute(select(func.count(), func.min(c.due)).where(*due)).one()
        buried = session.scalar(select(func.count()).select_from(self._table).where(is_literally("status", BURIED))) or 0
        return Stats(waiting, count, now - oldest if oldest else None, buried)

    def _priorities_with_due(self, session: Session, now: datetime) -> tuple[int, ...]:
        """Those that have anything due: one statement that probes the index for each, where most would be asked in vain."""
        if len(self.priorities) == 1:
            return self.priorities
        return tuple(sorted(session.scalars(self._due_priorities, {"now": now})))

    def _priorities_statement(self) -> CompoundSelect[tuple[int]]:
        c = self._table.c
        due = (self._waiting, c.due <= bindparam("now", type_=c.due.type))
        return union_all(*(select(literal(p)).where(select(c.id).where(c.priority == p, *due).exists()) for p in self.priorities))

    def _due(self, session: Session, now: datetime, priority: int, limit: int, only: tuple[ColumnElement[bool], ...]) -> list[R]:
        statement = self._due_rows.where(*only) if only else self._due_rows
        return list(session.scalars(statement, {"now": now, "of_priority": priority, "most": limit}))

    def _due_statement(self) -> Select[Any]:
        """One walk along the partial index (priority, due, id); one look into (lane, id) per row met."""
        c = self._table.c
        ahead = self._table.alias("ahead")
        # NOT EXISTS and not `id = (SELECT min …)`: PostgreSQL then expects many answers, and walks the index in order until `limit`.
        blocked = select(ahead.c.id).where(is_literally("ahead.status", WAITING), ahead.c.lane == c.lane, ahead.c.id < c.id).exists()
        due = (c.priority == bindparam("of_priority", type_=c.priority.type), c.due <= bindparam("now", type_=c.due.type))
        return (
            select(self.row_class)
            .where(self._waiting, *due, ~blocked, *self._where)
            .order_by(c.due, c.id)
            .limit(bindparam("most", type_=Integer()))
            .with_for_update(skip_locked=True, of=self._table)
            .execution_options(populate_existing=True)
        )

    def _hold_or_bury(self, row: R, now: datetime, claim: Claim[R]) -> None:
        row.fence += 1
        if row.attempt >= self.attempts:
            row.status, row.finished, row.error = BURIED, now, row.error or "its holder never came back"
            claim.buried.append(row)
        else:
            claim.late.append(now - row.due)
            row.attempt += 1
            row.due = now + self.lease
            claim.rows.append(row)

    def _settle(self, session: Session, row: R, **values: object) -> bool:
        # The fence alone is enough for rows that are set again by `put`; the attempt also catches a plain reset to 0.
        ours = {"our_id": row.id, "our_fence": row.fence, "our_attempt": row.attempt}
        given = {f"new_{name}": value for name, value in values.items()}
        return _changed(session, _settling(self._table, tuple(values)), ours | given) == 1


@cache
def _settling(table: Table, names: tuple[str, ...]) -> Update:
    c = table.c
    ours = (c[name] == bindparam(f"our_{name}", type_=c[name].type) for name in ("id", "fence", "attempt"))
    values = {name: bindparam(f"new_{name}", type_=c[name].type) for name in names}
    return update(table).where(c.status == WAITING, *ours).values(values)


def table_of(row_class: type[QueueRow]) -> Table:
    table = inspect(row_class).local_table
    assert isinstance(table, Table)
    return table


def add(session: Session, row: QueueRow, *key: str) -> int | None:
    """Insert `row` unless there is one with the same `key` columns: its id, or None when there was one already."""
    session.flush()
    return session.connection().execute(_adding(type(row), key, _dialect(session)), _values(row)).scalar()


@cache
def _adding(row_class: type[QueueRow], key: tuple[str, ...], dialect: str, *, known: bool = True) -> Any:
    """`known`: its answer is the row's id; otherwise whether there is a new row."""
    table = table_of(row_class)
    statement = _INSERT[dialect](table).on_conflict_do_nothing(index_elements=key)
    return statement.returning(table.c.id) if known else _told_by_count(statement)


def _told_by_count(statement: Any) -> Any:
    """Its id is not fetched; how many rows it changed is kept."""
    return statement.inline().execution_options(preserve_rowcount=True)


def add_later(session: Session, row_class: type[R], values: Mapping[str, Any], *key: str) -> bool:
    """As `add`, for who need not know the id: in a round it waits for its like (`storage.gathered`). `values`: what differs from a fresh
    row. False = there was one already."""
    return run(session, _adding(row_class, key, _dialect(session), known=False), {**_fresh(row_class), **values})


def put_later(session: Session, row_class: type[R], values: Mapping[str, Any], *key: str) -> None:
    """As `put`, likewise."""
    run(session, _putting(row_class, key, _dialect(session), known=False), {**_fresh(row_class), **values})


def put(session: Session, row: QueueRow, *key: str) -> int:
    """Insert `row`, or set the one with the same `key` columns again, whatever became of it: all its values are replaced
    (but `created`), it waits, and whoever holds it has lost it."""
    session.flush()
    row_id: int = session.connection().execute(_putting(type(row), key, _dialect(session)), _values(row)).scalar_one()
    return row_id


@cache
def _putting(row_class: type[QueueRow], key: tuple[str, ...], dialect: str, *, known: bool = True) -> Any:
    table = table_of(row_class)
    statement = _INSERT[dialect](table)
    values: dict[str, Any] = {name: statement.excluded[name] for name in _names(row_class) if name not in {*key, "created", "fence"}}
    values["fence"] = table.c.fence + 1
    statement = statement.on_conflict_do_update(index_elements=key, set_=values)
    return statement.returning(table.c.id) if known else _told_by_count(statement)


def cancel(session: Session, row_class: type[QueueRow], now: datetime, **keys: object) -> None:
    """The waiting rows with these values are done without being worked on; whoever holds them has lost them."""
    given = {f"key_{name}": value for name, value in keys.items()}
    run(session, _cancelling(row_class, tuple(keys)), given | {"now": now})


@cache
def _cancelling(row_class: type[QueueRow], key: tuple[str, ...]) -> Update:
    table = table_of(row_class)
    c = table.c
    statement = update(table).where(c.status == WAITING, *(c[name] == bindparam(f"key_{name}", type_=c[name].type) for name in key))
    return statement.values(status=DONE, finished=bindparam("now", type_=c.finished.type), fence=c.fence + 1)


#: dialect -> its INSERT, the one vendor construct there is
_INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


@cache
def _names(row_class: type[QueueRow]) -> tuple[str, ...]:
    return tuple(column.key for column in table_of(row_class).columns if column.key != "id")


@cache
def _fresh(row_class: type[QueueRow]) -> dict[str, Any]:
    """What a row is before anybody has said anything of it."""
    fields = row_class.model_fields
    return {name: None if fields[name].is_required() else fields[name].get_default() for name in _names(row_class)}


def _values(row: QueueRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _names(type(row))}


def _changed(session: Session, statement: Any, values: Mapping[str, object] | None = None) -> int:
    session.flush()
    answer: CursorResult[Any] = session.connection().execute(statement, values)
    return answer.rowcount
