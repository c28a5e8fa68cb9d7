"""The trail: a hash chain per record, the head of each chain, and signed seals over the heads. Rows and seals cannot be changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import DDL, ColumnElement, Index, Table, event, literal_column
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime


class AuditRow(SQLModel, table=True):
    """One event of one record. `via` is the platform and event id that caused it, `plan` the fingerprint it was decided under."""

    __tablename__: ClassVar[Any] = "audit"
    __table_args__ = (Index("ix_audit_incident_at", "incident", "at"),)

    record_ref: str = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime, nullable=False, index=True)
    actor: str
    verb: str
    from_state: str | None = None
    to_state: str | None = None
    details: Any = Field(sa_type=JsonText, nullable=False)
    plan: str | None = None
    incident: str | None = None
    via: str | None = None
    prev_hash: str
    hash: str
    algorithm: str


_UNSEALED: ColumnElement[bool] = literal_column("sealed_version < version")


class ChainRow(SQLModel, table=True):
    """The newest version of a record's chain, and how far seals vouch for it."""

    __tablename__: ClassVar[Any] = "chain"
    __table_args__ = (Index("ix_chain_unsealed", "record_ref", sqlite_where=_UNSEALED, postgresql_where=_UNSEALED),)

    record_ref: str = Field(primary_key=True)
    version: int
    hash: str
    sealed_version: int = 0


class SealRow(SQLModel, table=True):
    """`heads` lists [record_ref, version, hash] of every chain that grew since the seal before."""

    __tablename__: ClassVar[Any] = "seal"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime, nullable=False)
    heads: Any = Field(sa_type=JsonText, nullable=False)
    prev_hash: str
    hash: str
    signature: str
    algorithm: str


def _sqlite_triggers(table: str, *key: str) -> tuple[str, ...]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        # INSERT OR REPLACE deletes without firing the delete trigger.
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {refuse}",
    )


def _postgres_triggers(table: str) -> tuple[str, ...]:
    return (
        "CREATE OR REPLACE FUNCTION gengfu_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'this table is append-only'; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION gengfu_append_only()",
    )


def append_only(table: str, *key: str) -> Mapping[str, tuple[str, ...]]:
    """Dialect name to the statements that make a table append-only, in order."""
    return {"sqlite": _sqlite_triggers(table, *key), "postgresql": _postgres_triggers(table)}


_OF_AUDIT: Final = append_only("audit", "record_ref", "version")
_OF_SEAL: Final = append_only("seal", "id")
#: The same for `audit` and `seal`; a migration executes the same ones.
APPEND_ONLY: Final[Mapping[str, tuple[str, ...]]] = {dialect: (*_OF_AUDIT[dialect], *_OF_SEAL[dialect]) for dialect in _OF_AUDIT}


AUDIT: Final[Table] = SQLModel.metadata.tables["audit"]
CHAIN: Final[Table] = SQLModel.metadata.tables["chain"]
SEAL: Final[Table] = SQLModel.metadata.tables["seal"]


def guard(table: Table, statements: Mapping[str, tuple[str, ...]]) -> None:
    """Have the database refuse changes of a table from the moment it is made."""
    for dialect, each in statements.items():
        for statement in each:
            event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


guard(AUDIT, _OF_AUDIT)
guard(SEAL, _OF_SEAL)
