"""Evidence: bytes by SHA-256, encrypted, in chunks; and what they are attached to."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime


class FileRow(SQLModel, table=True):
    """One content, kept once whatever its names. `size` in bytes of the plain content."""

    __tablename__: ClassVar[Any] = "file"

    sha256: str = Field(primary_key=True)
    size: int
    media_type: str
    kept: datetime = Field(sa_type=UtcDateTime, nullable=False)


class FileChunkRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "file_chunk"

    sha256: str = Field(primary_key=True, foreign_key="file.sha256")
    part: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content: bytes = Field(sa_type=LargeBinary, nullable=False)


class AttachmentRow(SQLModel, table=True):
    """A file as evidence of a record (a task, an incident's fact). `name` is masked like everything people write."""

    __tablename__: ClassVar[Any] = "attachment"
    __table_args__ = (UniqueConstraint("record_ref", "sha256", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    record_ref: str = Field(index=True)
    sha256: str = Field(foreign_key="file.sha256")
    name: str
    about: str = ""
    by: str
    at: datetime = Field(sa_type=UtcDateTime, nullable=False)


class UploadRow(SQLModel, table=True):
    """A content under the name that one person sent it with; evidence once a command of theirs attaches it."""

    __tablename__: ClassVar[Any] = "upload"

    id: str = Field(primary_key=True)
    sha256: str = Field(foreign_key="file.sha256")
    name: str
    person: str
    at: datetime = Field(sa_type=UtcDateTime, nullable=False)
