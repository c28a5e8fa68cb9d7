"""What the engine's own audit remembers and puts right by itself; and the beat by which it knows that it stood still."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from storage.database import touch
from storage.mapping import table_of as table_of_record
from storage.queue import table_of
from storage.tables.queues import DONE, WAITING, OutboxRow
from storage.tables.rounds import FindingRow
from storage.tables.shelf import SHELF
from storage.views.rounds import LONGEST, PATIENCE, QUEUES
from workflows.core.rounds import Finding, Known
from workflows.incident import RUNNING, Incident

#: Where the engine keeps what is its own: `beat`, `clean`, the lease `audit`.
ENGINE: Final = "engine"
#: A beat that is older means that nobody was reminded meanwhile.
STOOD_STILL: Final = timedelta(minutes=2)
_FOR_EVER: Final = timedelta(days=3650)


# Memory


def known(session: Session) -> list[Known]:
    return [_known(row) for row in session.scalars(select(FindingRow))]


def remember(session: Session, kept: Iterable[Known]) -> None:
    """Exactly these, and nothing of before."""
    session.connection().execute(delete(FindingRow))
    values = [
        {"kind": one.finding.kind, "ref": one.finding.ref, "detail": one.finding.detail, "since": one.since, "seen": one.seen}
        | {"repaired": one.repaired, "said": one.said, "over": one.over}
        for one in kept
    ]
    if values:
        session.connection().execute(insert(FindingRow), values)


def counts(session: Session, now: datetime) -> dict[str, int]:
    """How many findings of each kind the last look had."""
    last = select(func.max(FindingRow.seen)).scalar_subquery()
    counted = select(col(FindingRow.kind), func.count()).where(col(FindingRow.seen) == last, col(FindingRow.seen) > now - STOOD_STILL)
    return {kind: count for kind, count in session.execute(counted.group_by(col(FindingRow.kind)))}  # noqa: C416 - a result has keys()


def _known(row: FindingRow) -> Known:
    finding = Finding(row.kind, row.ref, row.detail)  # type: ignore[arg-type]  # written from one
    return Known(finding, row.since, row.seen, row.repaired, row.said, row.over)


def clean_at(session: Session) -> datetime | None:
    """When some replica last found nothing wrong."""
    found = session.scalar(select(SHELF.c.value).where(SHELF.c.platform == ENGINE, SHELF.c.kind == "value", SHELF.c.key == "clean"))
    return datetime.fromisoformat(found) if found else None


# Repairs


def free(session: Session, name: str, row_id: int, now: datetime) -> bool:
    """Let a row that nobody works on be claimed again: a claim that ends in the far future ends now, an unknown rank gets one."""
    row_class, queue = QUEUES[name]
    c = table_of(row_class).c
    freed = {
        "priority": case((c.priority.in_(queue.priorities), c.priority), else_=queue.priorities[0]),
        "due": case((c.due > now, now), else_=c.due),
        "attempt": 0,
        "fence": c.fence + 1,
    }
    stuck = (c.due < now - PATIENCE) | ((c.due > now + LONGEST) & (c.attempt > 0))
    touch(session, {"timer": "timers"}.get(name, name))
    return _changed(session, update(table_of(row_class)).where(c.id == row_id, c.status == WAITING, stuck).values(freed)) == 1


def redraw(session: Session, row_ids: Sequence[int], now: datetime) -> int:
    """These cards are drawn again; where that says nothing new, nobody sees it."""
    c = table_of(OutboxRow).c
    touch(session, "outbox")
    again = {"status": WAITING, "due": now, "attempt": 0, "fence": c.fence + 1, "finished": None, "wanted": c.wanted + 1}
    return _changed(session, update(table_of(OutboxRow)).where(c.id.in_(row_ids), c.status == DONE, c.kind == "card").values(again))


# The beat


def beat(session: Session, now: datetime, *, watched: bool) -> datetime | None:
    """Note that the engine runs. Answers when it last did, to one process alone, if that is long ago and nobody `watched` meanwhile."""
    at = (SHELF.c.platform == ENGINE, SHELF.c.kind == "value", SHELF.c.key == "beat")
    written = session.scalar(select(SHELF.c.value).where(*at))
    if written is None:
        _first_beat(session, now)
        return None
    ours = _changed(session, update(SHELF).where(*at, SHELF.c.value == written).values(value=now.isoformat(), ends=now + _FOR_EVER)) == 1
    last = datetime.fromisoformat(written)
    return last if ours and not watched and now - last > STOOD_STILL else None


def running(session: Session) -> list[str]:
    """Refs of the incidents that run."""
    known = table_of_record(Incident)
    return list(session.scalars(select(known.ref).where(known.state.in_([str(state) for state in RUNNING])).order_by(known.opened_at)))


def _first_beat(session: Session, now: datetime) -> None:
    values = {"platform": ENGINE, "kind": "value", "key": "beat", "count": 0, "value": now.isoformat(), "ends": now + _FOR_EVER}
    try:
        with session.begin_nested():
            session.connection().execute(insert(SHELF).values(values))
    except IntegrityError:  # another replica's first beat
        return


def _changed(session: Session, statement: Any) -> int:
    session.flush()
    answer: CursorResult[Any] = session.connection().execute(statement)
    return answer.rowcount
