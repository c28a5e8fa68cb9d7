"""What is coming next, over all queues: for those who let time leap instead of waiting for it."""

from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage.tables.queues import WAITING, InboxRow, OutboxRow, TimerRow


def next_due(session: Session, now: datetime) -> datetime | None:
    """The earliest moment after `now` at which something waiting is due; None when nothing is."""
    found: list[datetime] = []
    for table in (InboxRow, OutboxRow, TimerRow):
        first = session.scalar(select(func.min(col(table.due))).where(col(table.status) == WAITING, col(table.due) > now))
        if first is not None:
            found.append(first)
    return min(found, default=None)
