"""What the firm says: statements, every text that one of them ever had, byte for byte, and where each was published."""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Table, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime
from storage.tables.audit import append_only, guard


def _moment(*, null: bool = True) -> Any:
    return Field(default=None, sa_type=UtcDateTime, nullable=True) if null else Field(sa_type=UtcDateTime, nullable=False)


def _json() -> Any:
    return Field(sa_type=JsonText, nullable=False)


class StatementRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "statement"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    state: str
    template: str
    title: str
    created_by: str
    created_at: datetime = _moment(null=False)
    revision: int
    digest: str
    authors: Any = _json()
    facts: Any = _json()
    internal: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    changed: Any = _json()
    grades: Any = _json()
    asked_by: str | None = None
    asked_at: datetime | None = _moment()
    expires_at: datetime | None = _moment()
    chain: Any = _json()
    withdrawal: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    promised_at: datetime | None = _moment()
    promised_in: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    promise_round: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    version: int
    touched: int


class RevisionRow(SQLModel, table=True):
    """One text of a statement. The database itself refuses to change or delete one."""

    __tablename__: ClassVar[Any] = "statement_revision"
    __table_args__ = (UniqueConstraint("statement", "number"),)

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    statement: str = Field(foreign_key="statement.ref")
    number: int
    text: str
    digest: str
    fields: Any = _json()
    facts: Any = _json()
    by: str
    authors: Any = _json()
    at: datetime = _moment(null=False)
    state: str
    version: int
    touched: int


_REVISIONS: Final[Table] = SQLModel.metadata.tables["statement_revision"]
#: dialect name to the statements that make the table append-only; a migration executes the same ones.
APPEND_ONLY: Final = append_only("statement_revision", "ref")

guard(_REVISIONS, APPEND_ONLY)


class PublicationRow(SQLModel, table=True):
    """One text of a statement at one outlet: never a second row for the same."""

    __tablename__: ClassVar[Any] = "publication"
    __table_args__ = (UniqueConstraint("statement", "revision", "outlet"),)

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    plan: str
    state: str
    statement: str = Field(foreign_key="statement.ref")
    revision: int
    digest: str
    outlet: str
    kind: str
    title: str
    by_way: str
    target: str
    asked_by: str
    asked_at: datetime = _moment(null=False)
    agreed: Any = _json()
    replaces: str | None = None
    done_at: datetime | None = _moment()
    done_by: str | None = None
    receipt: str
    link: str
    evidence: str
    reason: str
    attempts: int
    run: int
    round: int
    version: int
    touched: int
