"""Counts over everything, for metrics; no viewer, and nothing that names anybody."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage.tables.records import TaskRow
from workflows.task import LIVE


@dataclass(frozen=True, slots=True)
class Items:
    open: int
    overdue: int
    unowned: int


def items(session: Session, now: datetime) -> Items:
    """Live tasks; of these the overdue and those that nobody owns."""
    live = col(TaskRow.state).in_([str(state) for state in LIVE])

    def count(*where: object) -> int:
        return session.scalar(select(func.count()).select_from(TaskRow).where(live, *where)) or 0  # type: ignore[arg-type]  # column expressions

    return Items(count(), count(col(TaskRow.due_at) < now), count(col(TaskRow.owner).is_(None)))
