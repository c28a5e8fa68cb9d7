"""Everything that waits: inbox, outbox, timers, work. One shape for `storage.queue.Queue`, and what each kind adds."""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import ColumnElement, Index, LargeBinary, UniqueConstraint, literal_column, text
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime

WAITING: Final = "waiting"
DONE: Final = "done"
BURIED: Final = "buried"


def is_literally(column: str, value: str) -> ColumnElement[bool]:
    """`column = 'value'` for conditions of partial indexes: of a parameter the databases cannot know that the index applies."""
    return literal_column(f"{column} = '{value}'")


class QueueRow(SQLModel):
    """A row that waits until `due`.

    `lane`: rows of one lane are handed out one after the other, in the order of their ids; a row without an order has a lane of its own ·
    `priority`: smaller goes first · `attempt`: claims since the row was last set · `fence`: claims ever; a holder whose number
    is no longer the row's has lost it · a claimed row keeps waiting, with `due` moved to the end of its lease.
    """

    id: int | None = Field(default=None, primary_key=True)
    lane: str
    priority: int = 0
    due: datetime = Field(sa_type=UtcDateTime, nullable=False)
    status: str = Field(default=WAITING, nullable=False)
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    fence: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    error: str | None = None
    created: datetime = Field(sa_type=UtcDateTime, nullable=False)
    finished: datetime | None = Field(default=None, sa_type=UtcDateTime)


def _rules(table: str, *unique: str) -> tuple[Any, ...]:
    """Uniqueness, the indexes a claim walks (waiting rows only: finished rows cost nothing), and ids that are never used twice."""
    waiting, buried = is_literally("status", WAITING), is_literally("status", BURIED)
    return (
        UniqueConstraint(*unique, name=f"uq_{table}_{'_'.join(unique)}"),
        Index(f"ix_{table}_due", "priority", "due", "id", sqlite_where=waiting, postgresql_where=waiting),
        Index(f"ix_{table}_lane", "lane", "id", sqlite_where=waiting, postgresql_where=waiting),
        Index(f"ix_{table}_buried", "id", sqlite_where=buried, postgresql_where=buried),
        {"sqlite_autoincrement": True},
    )


class InboxRow(QueueRow, table=True):
    """One thing that happened outside. `payload` is encrypted, and gone 8 h after the row is done; the event id stays."""

    __tablename__: ClassVar[Any] = "inbox"
    __table_args__ = _rules("inbox", "platform", "event_id")

    platform: str
    event_id: str
    payload: bytes | None = Field(default=None, sa_type=LargeBinary)
    reply: Any = Field(default=None, sa_type=JsonText, nullable=True)
    erased: datetime | None = Field(default=None, sa_type=UtcDateTime)


#: Of rows of the outbox, in statements that ask for nothing else.
IS_CARD: Final = is_literally("kind", "card")
OUTBOX_WAITS: Final = is_literally("outbox.status", WAITING)
_CARDS = Index("ix_outbox_card", "incident", "ref", sqlite_where=IS_CARD, postgresql_where=IS_CARD)
_AWAITED: ColumnElement[bool] = literal_column("receipt IS NOT NULL")
_RECEIPTS = Index("ix_outbox_receipt", "accepted", sqlite_where=_AWAITED, postgresql_where=_AWAITED)
#: What a person's hourly budget counts: done, and no more urgent than a reminder.
_IS_TOLD: ColumnElement[bool] = literal_column(f"status = '{DONE}' AND priority >= 5")
_TOLD = Index("ix_outbox_told", "recipient", "finished", sqlite_where=_IS_TOLD, postgresql_where=_IS_TOLD)


class OutboxRow(QueueRow, table=True):
    """One thing to be said: what about and to whom. `said` is what was rendered, so that a retry says the same words.

    `accepted`: when the platform took the message · `delivered`, `read`: when it told so, where it does · `receipt`: the last that is
    known (accepted, delivered, read, failed) of a message to one person whose platform tells; None where nothing will be told.
    """

    __tablename__: ClassVar[Any] = "outbox"
    __table_args__ = (_CARDS, _RECEIPTS, _TOLD, *_rules("outbox", "key"))

    key: str
    kind: str
    about: Any = Field(sa_type=JsonText, nullable=False)
    platform: str | None = None
    chat: str | None = None
    recipient: str | None = None
    incident: str | None = Field(default=None, index=True)
    ref: str | None = Field(default=None, index=True)
    wanted: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    said: Any = Field(default=None, sa_type=JsonText, nullable=True)
    said_hash: str | None = None
    message_id: str | None = Field(default=None, index=True)
    superseded: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    accepted: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivered: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read: datetime | None = Field(default=None, sa_type=UtcDateTime)
    receipt: str | None = None


class TimerRow(QueueRow, table=True):
    """A named timer of a record. Setting it again moves it (`storage.queue.put`)."""

    __tablename__: ClassVar[Any] = "timer"
    __table_args__ = _rules("timer", "record_ref", "name")

    record_ref: str
    name: str
    incident: str | None = Field(default=None, index=True)


class WorkRow(QueueRow, table=True):
    """Something to compute outside any transaction: papers, charts, imports, exports."""

    __tablename__: ClassVar[Any] = "work"
    __table_args__ = _rules("work", "key")

    key: str
    kind: str
    about: Any = Field(sa_type=JsonText, nullable=False)
