"""The small memory of platforms: values, counts and leases, each with an end."""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Table
from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime


class ShelfRow(SQLModel, table=True):
    """`kind`: value, count or lease, so that one key can be all three. `value` of a lease is its holder."""

    __tablename__: ClassVar[Any] = "shelf"

    platform: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: str | None = None
    count: int = 0
    ends: datetime = Field(sa_type=UtcDateTime, nullable=False, index=True)


SHELF: Final[Table] = SQLModel.metadata.tables["shelf"]
