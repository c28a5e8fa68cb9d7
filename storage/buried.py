"""What was given up: shown to administrators, and given all its attempts again when one of them says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage.inbox import INBOX
from storage.outbox import OUTBOX
from storage.papers import WORK
from storage.queue import Queue
from storage.tables.queues import BURIED, InboxRow, OutboxRow, QueueRow, TimerRow, WorkRow
from storage.timers import TIMERS

QUEUES: Mapping[str, tuple[Queue[Any], type[QueueRow]]] = {
    "inbox": (INBOX, InboxRow),
    "outbox": (OUTBOX, OutboxRow),
    "timer": (TIMERS, TimerRow),
    "work": (WORK, WorkRow),
}


@dataclass(frozen=True, slots=True)
class Buried:
    """`about`: what kind of thing it is, never what it says."""

    queue: str
    id: int
    about: str
    error: str
    since: datetime


def buried(session: Session, most: int) -> list[Buried]:
    """The newest first."""
    found: list[Buried] = []
    for name, (_, table) in QUEUES.items():
        for row in session.exec(select(table).where(table.status == BURIED).order_by(col(table.id).desc()).limit(most)):
            found.append(Buried(name, row.id or 0, _about(row), row.error or "-", row.finished or row.due))
    return sorted(found, key=lambda one: one.since, reverse=True)[:most]


def revive(session: Session, queue: str, row_id: int, now: datetime) -> bool:
    """False when there is no such buried row."""
    found = QUEUES.get(queue)
    return found is not None and found[0].revive(session, row_id, now)


def _about(row: QueueRow) -> str:
    match row:
        case OutboxRow():
            what = str(row.about.get("notice") or row.about.get("card") or row.kind)
            return " ".join(part for part in (what, row.incident, row.platform) if part)
        case TimerRow():
            return f"{row.record_ref} {row.name}"
        case WorkRow():
            return f"{row.kind} {row.about.get('ref', '')}".strip()
        case InboxRow():
            return row.platform
    return ""
