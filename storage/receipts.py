"""What became of a message to one person: its platform took it (accepted), it arrived (delivered), it was read; as far as platforms tell.

None of it is an act: who has read has acknowledged nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, case, distinct, func, select, update
from sqlmodel import Session, col

from storage.queue import table_of
from storage.tables.queues import OutboxRow

State = Literal["delivered", "read", "failed"]
#: What may be said after what: a late "delivered" does not take back "read".
_AFTER: dict[State, tuple[str, ...]] = {
    "delivered": ("accepted", "failed"),
    "read": ("accepted", "delivered", "failed"),
    "failed": ("accepted",),
}


@dataclass(frozen=True, slots=True)
class Told:
    """Messages to single people that a platform took, and how far it has told of each since. `silent`: taken, and nothing heard."""

    platform: str
    accepted: int
    delivered: int
    read: int
    failed: int

    @property
    def silent(self) -> int:
        return self.accepted - self.delivered - self.read - self.failed


def received(session: Session, platform: str, state: State, messages: Collection[str], at: datetime) -> tuple[int, list[str]]:
    """(how many messages this is news of, those that we know nothing of). What is told twice is noted once."""
    session.flush()
    table = table_of(OutboxRow)
    c = table.c
    ours: Sequence[ColumnElement[bool]] = (c.platform == platform, c.message_id.in_(list(messages)), c.receipt.is_not(None))
    known = {row.message_id: row.receipt for row in session.connection().execute(select(c.message_id, c.receipt).where(*ours))}
    values: dict[str, object] = {"receipt": state}
    if state != "failed":
        values["delivered"] = func.coalesce(c.delivered, at)
    if state == "read":
        values["read"] = at
    session.connection().execute(update(table).where(*ours, c.receipt.in_(_AFTER[state])).values(values))
    return sum(receipt in _AFTER[state] for receipt in known.values()), [one for one in messages if one not in known]


def told(session: Session, since: datetime) -> list[Told]:
    """By platform, of messages taken since then. A message that bundles several rows counts once."""
    c = table_of(OutboxRow).c

    def those(*states: str) -> ColumnElement[int]:
        return func.count(distinct(case((c.receipt.in_(states), c.message_id))))

    counts = (those("accepted", "delivered", "read", "failed"), those("delivered"), those("read"), those("failed"))
    statement = select(c.platform, *counts).where(c.receipt.is_not(None), col(OutboxRow.accepted) >= since).group_by(c.platform)
    return sorted((Told(*row) for row in session.connection().execute(statement)), key=lambda one: one.platform)
