"""Publications on their way out: rows of the kind `publish`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage.outbox import OUTBOX
from storage.tables.queues import OUTBOX_WAITS, OutboxRow

KIND = "publish"


def keep(session: Session, row: OutboxRow, about: Mapping[str, Any], now: datetime) -> bool:
    """Note how far it is, and hold it for another lease. False = the row is somebody else's now: roll back."""
    return OUTBOX.retry(session, row, now + OUTBOX.lease, row.error or "", about=dict(about))


def in_trouble(session: Session, most: int) -> Sequence[OutboxRow]:
    """Those that went wrong and are tried again, the oldest first."""
    tried = (OUTBOX_WAITS, col(OutboxRow.kind) == KIND, col(OutboxRow.error) != "")
    return session.exec(select(OutboxRow).where(*tried).order_by(col(OutboxRow.id)).limit(most)).all()
