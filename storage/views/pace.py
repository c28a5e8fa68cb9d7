"""What is coming next over all queues, and what was said: for those who let time leap instead of waiting for it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage.tables.audit import AuditRow
from storage.tables.queues import WAITING, InboxRow, OutboxRow, TimerRow


def next_due(session: Session, now: datetime) -> datetime | None:
    """The earliest moment after `now` at which something waiting is due; None when nothing is."""
    found: list[datetime] = []
    for table in (InboxRow, OutboxRow, TimerRow):
        first = session.scalar(select(func.min(col(table.due))).where(col(table.status) == WAITING, col(table.due) > now))
        if first is not None:
            found.append(first)
    return min(found, default=None)


def notices(session: Session, kinds: Collection[str]) -> list[OutboxRow]:
    """Every notice of these kinds, said or not."""
    rows = session.scalars(select(OutboxRow).where(col(OutboxRow.kind) == "notice"))
    return [row for row in rows if row.about["notice"] in kinds]


def live(session: Session, kind: str) -> list[OutboxRow]:
    """Notices of this kind that stand where they were sent, the oldest first."""
    stands = (col(OutboxRow.kind) == "notice", col(OutboxRow.message_id).is_not(None), col(OutboxRow.superseded).is_(False))
    rows = session.scalars(select(OutboxRow).where(*stands).order_by(col(OutboxRow.id)))
    return [row for row in rows if row.about["notice"] == kind]


def words_of(session: Session, incident: str) -> list[tuple[str, str, datetime]]:
    """(ref, verb, when) of each time that an item of the incident spoke, the oldest first."""
    spoken = select(AuditRow).where(col(AuditRow.incident) == incident, col(AuditRow.verb).in_(("reminded", "escalated")))
    return [(row.record_ref, row.verb, row.at) for row in session.scalars(spoken.order_by(col(AuditRow.at), col(AuditRow.record_ref)))]
