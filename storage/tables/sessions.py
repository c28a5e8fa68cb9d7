"""Who is logged in on the web. Of every secret only the SHA-256 is kept; the seed of a code generator and a form are encrypted."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.database import UtcDateTime


def _moment(*, null: bool = False, index: bool = False) -> Any:
    if null:
        return Field(default=None, sa_type=UtcDateTime, nullable=True)
    return Field(sa_type=UtcDateTime, nullable=False, index=index)


class LoginLinkRow(SQLModel, table=True):
    """A one-time link. `browser`: the hash of the cookie of the browser that opened it first."""

    __tablename__: ClassVar[Any] = "login_link"

    hash: str = Field(primary_key=True)
    person: str = Field(index=True)
    created: datetime = _moment()
    ends: datetime = _moment(index=True)
    browser: str | None = None
    used: datetime | None = _moment(null=True)


class SessionRow(SQLModel, table=True):
    """`seen` moves on with what the person does, `ends` never · `proven`: when a one-time code was last given · `misses` since then."""

    __tablename__: ClassVar[Any] = "web_session"

    hash: str = Field(primary_key=True)
    person: str = Field(index=True)
    created: datetime = _moment()
    seen: datetime = _moment()
    ends: datetime = _moment(index=True)
    agent: str = ""
    proven: datetime | None = _moment(null=True)
    misses: int = 0


class GeneratorRow(SQLModel, table=True):
    """A person's code generator. `confirmed` is empty until its first code was given · `step`: the counter of the last code taken."""

    __tablename__: ClassVar[Any] = "code_generator"

    person: str = Field(primary_key=True)
    seed: bytes = Field(sa_type=LargeBinary, nullable=False)
    created: datetime = _moment()
    confirmed: datetime | None = _moment(null=True)
    step: int = 0


class FormLinkRow(SQLModel, table=True):
    """A one-time form for one person. `form` is the button with where it was tapped, encrypted · `tries`: how often it was refused."""

    __tablename__: ClassVar[Any] = "form_link"

    hash: str = Field(primary_key=True)
    person: str
    form: bytes = Field(sa_type=LargeBinary, nullable=False)
    ends: datetime = _moment(index=True)
    browser: str | None = None
    tries: int = 0
    used: datetime | None = _moment(null=True)
