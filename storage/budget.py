"""How much of what can wait one person is told in an hour. What goes over it waits until there is room, and is told as one message."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlmodel import Session, col

from storage.outbox import OUTBOX, OVER, PRIORITY, REMINDERS
from storage.tables.queues import OutboxRow

#: Messages of one person in an hour: reminders, digests and copies. What is more urgent is neither counted nor kept waiting.
MOST = 20
WINDOW = timedelta(hours=1)
NORMAL = PRIORITY["reminder"]


def counted(row: OutboxRow) -> bool:
    return row.kind == "notice" and row.recipient is not None and row.chat is None and row.priority >= NORMAL


def postponed(session: Session, row: OutboxRow, now: datetime) -> bool:
    """Whether the reader has had enough for now: then the row waits with all others that went over, behind nothing else."""
    if not counted(row) or row.said is not None:
        return False
    again = _room(session, row.recipient or "", now)
    if again is None:
        return False
    return OUTBOX.retry(session, row, again, "over the hour's budget", free=True, lane=f"{_place(row)}:{OVER}")


def _room(session: Session, person: str, now: datetime) -> datetime | None:
    """When the next message has room; None = now. A message that bundled several counts once."""
    said, finished = func.coalesce(col(OutboxRow.message_id), col(OutboxRow.said_hash)), func.max(col(OutboxRow.finished))
    # Literals, not parameters: otherwise the databases cannot know that the partial index applies.
    told: ColumnElement[bool] = literal_column(f"status = 'done' AND priority >= {NORMAL}")
    statement = (
        select(finished)
        .where(told, col(OutboxRow.recipient) == person, col(OutboxRow.finished) > now - WINDOW, col(OutboxRow.said_hash).is_not(None))
        .group_by(said)
        .order_by(finished.desc())
        .limit(MOST)
    )
    moments = list(session.connection().execute(statement).scalars())
    return moments[-1] + WINDOW if len(moments) == MOST and moments[-1] else None


def outdated(session: Session, rows: Sequence[OutboxRow]) -> set[int]:
    """Of rows that had to wait, those about something that the reader has been reminded of since, or is by a later one of them."""
    found: set[int] = set()
    newest: set[tuple[str, str | None]] = set()
    for row in reversed(rows):
        sort = REMINDERS.get(row.about.get("notice", ""))
        if sort is not None and row.id is not None:
            if (sort, row.ref) in newest or _said_since(session, row, sort):
                found.add(row.id)
            newest.add((sort, row.ref))
    return found


def _said_since(session: Session, row: OutboxRow, sort: str) -> bool:
    later = select(OutboxRow).where(
        col(OutboxRow.ref) == row.ref,
        col(OutboxRow.recipient) == row.recipient,
        col(OutboxRow.id) > row.id,
        col(OutboxRow.message_id).is_not(None),
    )
    return any(REMINDERS.get(one.about.get("notice", "")) == sort for one in session.scalars(later))


def _place(row: OutboxRow) -> str:
    return f"p:{row.recipient}"
