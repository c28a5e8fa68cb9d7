"""What others ask the firm and say about it: enquiries of the media, rumours; and the reminder to the staff, with who has read it."""

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime


def _moment(*, null: bool = True) -> Any:
    return Field(default=None, sa_type=UtcDateTime, nullable=True) if null else Field(sa_type=UtcDateTime, nullable=False)


class EnquiryRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "enquiry"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    state: str
    outlet: str
    journalist: str
    contact: str
    way: str
    question: str
    asked_at: datetime = _moment(null=False)
    registered_by: str
    registered_at: datetime = _moment(null=False)
    prompted_at: datetime = _moment(null=False)
    due_at: datetime | None = _moment()
    owner: str | None = None
    statement: str
    said_revision: int
    said_digest: str
    decided_by: str | None = None
    decided_at: datetime | None = _moment()
    reason: str
    outcome: str
    rank: int
    round: int
    version: int
    touched: int


class RumourRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "rumour"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    state: str
    claim: str
    source: str
    platform: str
    link: str
    heard_at: datetime = _moment(null=False)
    registered_by: str
    registered_at: datetime = _moment(null=False)
    prompted_at: datetime = _moment(null=False)
    reach: int | None = None
    finding: str | None = None
    basis: str
    found_by: str | None = None
    agreed_by: str | None = None
    found_at: datetime | None = _moment()
    statement: str
    said_revision: int
    said_digest: str
    decided_by: str | None = None
    decided_at: datetime | None = _moment()
    reason: str
    rank: int
    round: int
    version: int
    touched: int


class CircularRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "circular"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    state: str
    speaker: str
    sent_by: str
    sent_at: datetime = _moment(null=False)
    remind_at: datetime = _moment(null=False)
    people: Any = Field(sa_type=JsonText, nullable=False)
    chats: Any = Field(sa_type=JsonText, nullable=False)
    version: int
    touched: int


class CircularReadRow(SQLModel, table=True):
    """已阅: a person of the plan, or `platform:id` of a colleague who is not in it. Once each, whatever they tap."""

    __tablename__: ClassVar[Any] = "circular_read"

    circular: str = Field(primary_key=True, foreign_key="circular.ref")
    reader: str = Field(primary_key=True)
    at: datetime = _moment(null=False)
