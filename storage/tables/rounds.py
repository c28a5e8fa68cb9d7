"""What the engine's own audit has found and not yet forgotten."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import false
from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime


class FindingRow(SQLModel, table=True):
    """`workflows.core.rounds.Known` as a row."""

    __tablename__: ClassVar[Any] = "finding"

    kind: str = Field(primary_key=True)
    ref: str = Field(primary_key=True)
    detail: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime, nullable=False)
    seen: datetime = Field(sa_type=UtcDateTime, nullable=False)
    repaired: datetime | None = Field(default=None, sa_type=UtcDateTime)
    said: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
