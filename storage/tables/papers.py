"""Papers that were made: each version once, never changed."""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Table
from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime
from storage.tables.audit import append_only, guard


class PaperRow(SQLModel, table=True):
    """`sha256`: the .docx · `content`: the sheet it was made from, as JSON · `signed`: the copy that bears a signature."""

    __tablename__: ClassVar[Any] = "paper"

    id: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    record_ref: str = Field(index=True)
    version: int
    signed: bool
    form: str
    number: str
    name: str
    sha256: str = Field(foreign_key="file.sha256", index=True)
    content: str = Field(foreign_key="file.sha256", index=True)
    by: str
    at: datetime = Field(sa_type=UtcDateTime, nullable=False)


PAPER: Final[Table] = SQLModel.metadata.tables["paper"]
PAPER_TRIGGERS: Final = append_only("paper", "id")

guard(PAPER, PAPER_TRIGGERS)
