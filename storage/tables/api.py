"""What programs have with us: their tokens (only the SHA-256), and which incident an alert of theirs belongs to."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime


def _moment(*, null: bool = False) -> Any:
    return Field(default=None, sa_type=UtcDateTime, nullable=True) if null else Field(sa_type=UtcDateTime, nullable=False)


class TokenRow(SQLModel, table=True):
    """`ends`: when it stops working by itself, or when it was revoked · `used`: the last time, by the hour."""

    __tablename__: ClassVar[Any] = "api_token"

    hash: str = Field(primary_key=True)
    person: str = Field(index=True)
    name: str
    scopes: Any = Field(sa_type=JsonText, nullable=False)
    created: datetime = _moment()
    ends: datetime = _moment()
    revoked: datetime | None = _moment(null=True)
    used: datetime | None = _moment(null=True)


class AlertRow(SQLModel, table=True):
    """One alert (or group of alerts) of one person's programs. `count` and `firing` as they are, `told` and `told_firing` as last said."""

    __tablename__: ClassVar[Any] = "alert"
    __table_args__ = (Index("ix_alert_token_opened_at", "token", "opened_at"),)

    person: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    title: str
    token: str
    firing: bool
    count: int
    told: int
    told_firing: bool
    told_at: datetime | None = _moment(null=True)
    opened_at: datetime | None = _moment(null=True)
    last_at: datetime = Field(sa_type=UtcDateTime, nullable=False, index=True)
