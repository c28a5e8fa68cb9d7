"""Where people were last."""

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime


class WhereaboutsRow(SQLModel, table=True):
    """This person said or tapped something on this platform, and it was accepted; `at` lags by up to `storage.whereabouts.STALE`."""

    __tablename__: ClassVar[Any] = "whereabouts"

    person: str = Field(primary_key=True)
    platform: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, nullable=False)
