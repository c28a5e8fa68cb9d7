"""Who has read a reminder to the staff: what they said themselves, and, apart from it, what messengers tell."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import distinct, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from storage import outbox
from storage.tables.enquiries import CircularReadRow, CircularRow
from storage.tables.queues import OutboxRow

#: So many taps are each worth an edit of the cards that count them; of more only every so-many-th.
CLOSELY, SELDOM = 30, 25


@dataclass(frozen=True, slots=True)
class Count:
    """`said`: who was asked and said 已阅, in that order · `others`: how many besides, from the staff's chats ·
    `shown`: of how many persons who were asked the messenger tells that it was read, which is nobody's word."""

    said: tuple[str, ...]
    others: int
    shown: int


def read(session: Session, circular: str, reader: str, now: datetime) -> bool:
    """Note it once; False when it was known. No record changes, so that three thousand need not stand in line."""
    if session.get(CircularReadRow, (circular, reader)) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(CircularReadRow(circular=circular, reader=reader, at=now))
    except IntegrityError:  # the same tap again, at the same moment
        return False
    many = session.scalar(select(func.count()).select_from(CircularReadRow).where(col(CircularReadRow.circular) == circular)) or 0
    row = session.get_one(CircularRow, circular)
    if many <= CLOSELY or many % SELDOM == 0:
        outbox.dirty(session, [row.incident, circular], incident=row.incident, now=now)
    return True


def count(session: Session, circular: str) -> Count:
    people = set(session.get_one(CircularRow, circular).people)
    read_so = select(col(CircularReadRow.reader)).where(col(CircularReadRow.circular) == circular)
    readers = list(session.scalars(read_so.order_by(col(CircularReadRow.at), col(CircularReadRow.reader))))
    told = select(func.count(distinct(col(OutboxRow.recipient)))).where(
        col(OutboxRow.ref) == circular, col(OutboxRow.kind) == "notice", col(OutboxRow.receipt) == "read"
    )
    said = tuple(one for one in readers if one in people)
    return Count(said, len(readers) - len(said), session.scalar(told) or 0)
