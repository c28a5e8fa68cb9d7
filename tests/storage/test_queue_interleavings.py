"""Every order of steps of two workers over a few rows, executed against the databases and compared with a small model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import Session, SQLModel

from storage.database import Database
from storage.queue import Queue, table_of
from storage.tables.queues import WorkRow
from tests.make import START

LEASE, STEP, ATTEMPTS = 10, 11, 2
QUEUE = Queue(WorkRow, lease=timedelta(seconds=LEASE), attempts=ATTEMPTS)
TABLE = table_of(WorkRow)

#: What a worker knows of the row it took: place in the list, fence, attempt.
Held = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    lane: str
    due: int = 0
    status: str = "waiting"
    attempt: int = 0
    fence: int = 0


@dataclass(frozen=True, slots=True)
class State:
    rows: tuple[Row, ...]
    now: int = 0
    workers: tuple[Held | None, ...] = (None, None)

    def with_row(self, place: int, row: Row) -> "State":
        return replace(self, rows=(*self.rows[:place], row, *self.rows[place + 1 :]))

    def with_worker(self, worker: int, held: Held | None) -> "State":
        return replace(self, workers=(*self.workers[:worker], held, *self.workers[worker + 1 :]))

    def holds(self, worker: int) -> Row | None:
        """The row that is really this worker's now: not lost, lease not over."""
        held = self.workers[worker]
        if held is None:
            return None
        row = self.rows[held[0]]
        return row if row.status == "waiting" and row.fence == held[1] and row.due > self.now else None


def claimed(state: State, worker: int) -> tuple[State, int | None]:
    """The model of a claim of one row: the new state, and the place of what was found."""
    free = [
        place
        for place, row in enumerate(state.rows)
        if row.status == "waiting"
        and row.due <= state.now
        and not any(other.status == "waiting" and other.lane == row.lane for other in state.rows[:place])
    ]
    if not free:
        return state, None
    place = min(free, key=lambda p: (state.rows[p].due, p))
    row = state.rows[place]
    if row.attempt >= ATTEMPTS:
        return state.with_row(place, replace(row, status="buried", fence=row.fence + 1)), place
    held = replace(row, attempt=row.attempt + 1, fence=row.fence + 1, due=state.now + LEASE)
    return state.with_row(place, held).with_worker(worker, (place, held.fence, held.attempt)), place


def settled(state: State, worker: int, step: str) -> tuple[State, bool]:
    """The model of done, retry and bury: refused unless nobody claimed the row since."""
    held = state.workers[worker]
    assert held
    row = state.rows[held[0]]
    after = state.with_worker(worker, None)
    if row.status != "waiting" or row.fence != held[1]:
        return after, False
    changes = {"done": replace(row, status="done"), "bury": replace(row, status="buried"), "retry": replace(row, due=state.now + 1)}
    return after.with_row(held[0], changes[step]), True


def steps(state: State) -> Iterator[tuple[str, int]]:
    for worker, held in enumerate(state.workers):
        if held is None:
            yield "claim", worker
            if all(other is None for other in state.workers):
                break  # the workers are alike: the first to move is always number 0
        else:
            yield from ((step, worker) for step in ("done", "retry", "bury", "crash"))
    yield "time", 0


class Walk:
    """Depth first over all orders; each step runs in a savepoint of one transaction that is never committed."""

    def __init__(self, session: Session, lanes: str) -> None:
        self.session = session
        self.ids: list[int] = []
        self.seen: dict[State, int] = {}
        self.taken = 0
        for place, lane in enumerate(lanes):
            row = work_row(place, lane)
            session.add(row)
            session.flush()
            assert row.id
            self.ids.append(row.id)
        self.start = State(tuple(Row(lane) for lane in lanes))

    def explore(self, state: State, depth: int) -> None:
        if self.seen.get(state, -1) >= depth:
            return
        self.seen[state] = depth
        if depth == 0:
            self.ends(state)
            return
        for step, worker in steps(state):
            with self.undone():
                after = self.take(state, step, worker)
                self.agrees(after)
                holds(state, after)
                self.explore(after, depth - 1)

    def take(self, state: State, step: str, worker: int) -> State:
        self.taken += 1
        if step == "time":
            return replace(state, now=state.now + STEP)
        if step == "crash":
            return state.with_worker(worker, None)
        if step == "claim":
            after, place = claimed(state, worker)
            found = QUEUE.claim(self.session, at(state.now), 1)
            assert [self.ids.index(row.id or 0) for row in (*found.rows, *found.buried)] == ([] if place is None else [place])
            return after
        after, accepted = settled(state, worker, step)
        assert self.settle(state, worker, step) == accepted
        return after

    def settle(self, state: State, worker: int, step: str) -> bool:
        place, fence, attempt = state.workers[worker] or (0, 0, 0)
        row = work_row(place, state.rows[place].lane)
        row.id, row.fence, row.attempt = self.ids[place], fence, attempt
        now = at(state.now)
        if step == "done":
            return QUEUE.done(self.session, row, now)
        if step == "retry":
            return QUEUE.retry(self.session, row, at(state.now + 1), "again")
        return QUEUE.bury(self.session, row, now, "never")

    def agrees(self, state: State) -> None:
        c = TABLE.c
        kept = self.session.connection().execute(select(c.lane, c.due, c.status, c.attempt, c.fence).order_by(c.id)).all()
        rows = [Row(lane, round((due - START).total_seconds()), status, attempt, fence) for lane, due, status, attempt, fence in kept]
        assert rows == list(state.rows)

    def ends(self, state: State) -> None:
        """Nothing is lost: from here one worker alone brings every row to its end, in the order of its lane."""
        with self.undone():
            while any(row.status == "waiting" for row in state.rows):
                before, state = state, self.take(self.take(replace(state, workers=(None, None)), "time", 0), "claim", 0)
                if state.workers[0]:
                    state = self.take(state, "done", 0)
                self.agrees(state)
                assert state.rows != before.rows

    @contextmanager
    def undone(self) -> Iterator[None]:
        savepoint = self.session.begin_nested()
        yield
        savepoint.rollback()


def work_row(place: int, lane: str) -> WorkRow:
    return WorkRow(key=str(place), kind="k", about={}, lane=lane, due=START, created=START)


def at(now: int) -> datetime:
    return START + timedelta(seconds=now)


def holds(before: State, after: State) -> None:
    """Never two holders of a row or in a lane; nothing is done or buried before what stands ahead of it."""
    held = [row for worker in range(2) if (row := after.holds(worker))]
    assert len({row.lane for row in held}) == len(held)
    for place, (old, new) in enumerate(zip(before.rows, after.rows, strict=True)):
        if old.status == "waiting" and new.status != "waiting":
            assert all(row.status != "waiting" for row in before.rows[:place] if row.lane == new.lane)
        assert old.status == "waiting" or new == old, "what has ended stays as it is"


@pytest.mark.parametrize(("lanes", "depth"), [("a", 9), ("aa", 8), ("ab", 6), ("aab", 6)])
def test_every_order_of_steps_agrees_with_the_model(database: Database, lanes: str, depth: int) -> None:
    SQLModel.metadata.create_all(database.engine, tables=[TABLE])

    class Enough(Exception):
        """Rolls the transaction back."""

    def explore(session: Session) -> None:
        walk = Walk(session, lanes)
        # PostgreSQL keeps every undone row version until the transaction ends, so a deep walk there is slow.
        walk.explore(walk.start, depth if database.is_sqlite else depth - 1)
        assert walk.taken > 100
        raise Enough

    with pytest.raises(Enough):
        database.write(explore)
