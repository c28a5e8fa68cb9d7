"""One typed table per kind of record: real columns, constraints and foreign keys, for auditors and BI tools."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import LargeBinary, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime


def _moment(*, null: bool = True) -> Any:
    return Field(default=None, sa_type=UtcDateTime, nullable=null) if null else Field(sa_type=UtcDateTime, nullable=False)


def _json() -> Any:
    return Field(sa_type=JsonText, nullable=False)


class IncidentRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "incident"

    ref: str = Field(primary_key=True)
    number: str = Field(unique=True)
    title: str
    state: str = Field(index=True)
    plan: str
    opened_by: str
    opened_at: datetime = _moment(null=False)
    known_at: datetime = _moment(null=False)
    commander: str
    opinion_level: str
    opinion_total: int
    response_level: str
    type: str | None = None
    subtype: str | None = None
    system: str
    place: str
    reporter: str
    loss: str
    playbooks: Any = _json()
    drill: bool
    restricted: bool
    occurred_at: datetime | None = _moment()
    confirmed_at: datetime | None = _moment()
    graded_at: datetime | None = _moment()
    approved_at: datetime | None = _moment()
    recovered_at: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    closed_at: datetime | None = _moment()
    csrc_grade: str | None = None
    cac_grade: str | None = None
    provisional: bool
    floor: str | None = None
    scores: Any = _json()
    facts: Any = _json()
    said: Any = Field(sa_type=JsonText, nullable=False, sa_column_kwargs={"server_default": "[]"})
    overrides: Any = _json()
    last_update: str
    next_update_at: datetime | None = _moment()
    silent_rounds: int
    override_reason: str
    merged_into: str | None = None
    absorbed: Any = Field(sa_type=JsonText, nullable=False, sa_column_kwargs={"server_default": "[]"})
    joined: Any = Field(sa_type=JsonText, nullable=False, sa_column_kwargs={"server_default": "{}"})
    version: int
    touched: int


class TaskRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "task"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    code: str
    title: str
    done_means: str
    group: str = Field(index=True)
    state: str
    plan: str
    created_at: datetime = _moment(null=False)
    created_by: str
    mandatory: bool
    standing: bool
    until: str | None = None
    clock: str
    approve: str | None = None
    approve_first: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    allowed_by: str | None = None
    fulfilled_by: str | None = None
    owner: str | None = Field(default=None, index=True)
    due_at: datetime | None = _moment()
    period: int | None = None
    claimed_at: datetime | None = _moment()
    progress_at: datetime | None = _moment()
    done_at: datetime | None = _moment()
    done_by: str | None = None
    verified_by: str | None = None
    note: str
    needs: str | None = None
    snoozed_until: datetime | None = _moment()
    snoozes: int
    level: int
    round: int
    prompted_at: datetime | None = _moment()
    reminded_at: datetime | None = _moment()
    version: int
    touched: int


class ApprovalRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "approval"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    kind: str
    subject: str
    text: str
    digest: str
    needed: Any = _json()
    state: str
    asked_by: str
    asked_at: datetime = _moment(null=False)
    wait: int
    plan: str
    delegates: Any = _json()
    rank: int
    round: int
    prompted_at: datetime | None = _moment()
    later_until: datetime | None = _moment()
    decided_by: str | None = None
    decided_at: datetime | None = _moment()
    note: str
    heard_by: str | None = None
    confirmed_at: datetime | None = _moment()
    denial: str | None = None
    values: Any = Field(sa_type=JsonText, nullable=False, sa_column_kwargs={"server_default": "{}"})
    barred: Any = Field(sa_type=JsonText, nullable=False, sa_column_kwargs={"server_default": "[]"})
    version: int
    touched: int


class ReportRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "report"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    obligation: str
    plan: str
    state: str
    group: str
    recipients: Any = _json()
    clock: str
    calendar: str
    repeating: bool
    created_at: datetime = _moment(null=False)
    created_by: str
    asked_at: datetime = _moment(null=False)
    deadline_at: datetime | None = _moment()
    provisional: bool
    row: str
    since_at: datetime | None = _moment()
    issue: int
    filings: Any = _json()
    last_filed_at: datetime | None = _moment()
    filed_at: datetime | None = _moment()
    waiver: str | None = None
    waiver_by: str | None = None
    waiver_reason: str
    waived_by: str | None = None
    waiver_delayed: bool | None = None
    waived_when: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    later_from: datetime | None = _moment()
    later_reason: str
    later_by: str | None = None
    drafts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    draft_sha256: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    drafted_by: str | None = None
    drafted_at: datetime | None = _moment()
    signed_by: str | None = None
    signed_at: datetime | None = _moment()
    signed_sha256: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    level: int
    round: int
    since_all: int | None = None
    prompted_at: datetime = _moment(null=False)
    version: int
    touched: int


class TipRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "tip"

    ref: str = Field(primary_key=True)
    state: str = Field(index=True)
    plan: str
    by: str = Field(index=True)
    outsider: bool
    at: datetime = _moment(null=False)
    chat: str
    title: str
    known_at: datetime = _moment(null=False)
    type: str | None = None
    subtype: str | None = None
    system: str
    place: str
    reporter: str
    loss: str
    occurred_at: datetime | None = _moment()
    drill: bool
    restricted: bool
    like: Any = _json()
    round: int
    became: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = _moment()
    reason: str
    version: int
    touched: int


class DutyRow(SQLModel, table=True):
    """Dated exceptions of the rotas; those that have ended stay."""

    __tablename__: ClassVar[Any] = "duty_change"

    ref: str = Field(primary_key=True)
    state: str
    plan: str
    kind: str
    person: str
    by: str
    at: datetime = _moment(null=False)
    start_at: datetime = _moment(null=False)
    end_at: datetime = Field(sa_type=UtcDateTime, nullable=False, index=True)
    group: str
    gives: str | None = None
    note: str
    version: int
    touched: int


class ToldDutyRow(SQLModel, table=True):
    """Who was last told that they are on duty in a group; of the empty name, who was last known to be on leave."""

    __tablename__: ClassVar[Any] = "duty_watch"

    name: str = Field(primary_key=True)
    people: Any = _json()
    since: datetime = _moment(null=False)


class GradingRow(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "grading"

    ref: str = Field(primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    state: str
    plan: str
    at: datetime = _moment(null=False)
    by: str
    rubric: str
    facts: Any = _json()
    overrides: Any = _json()
    scores: Any = _json()
    total: int
    level: str
    floor: str | None = None
    provisional: bool
    response: str
    csrc_grade: str | None = None
    cac_grade: str | None = None
    version: int
    touched: int


class ChatRow(SQLModel, table=True):
    """A chat that belongs to an incident (or did, until `left`)."""

    __tablename__: ClassVar[Any] = "incident_chat"
    __table_args__ = (UniqueConstraint("incident", "platform", "chat"),)

    id: int | None = Field(default=None, primary_key=True)
    incident: str = Field(foreign_key="incident.ref", index=True)
    platform: str
    chat: str = Field(index=True)
    joined: datetime = _moment(null=False)
    left: datetime | None = _moment()


class SeenRow(SQLModel, table=True):
    """收到: this person has received what was said about this record up to this version; re-sending to them stops."""

    __tablename__: ClassVar[Any] = "seen"

    person: str = Field(primary_key=True)
    record_ref: str = Field(primary_key=True)
    version: int
    at: datetime = _moment(null=False)


class PlanRow(SQLModel, table=True):
    """The rules an incident was opened under, byte for byte, by fingerprint."""

    __tablename__: ClassVar[Any] = "plan"

    fingerprint: str = Field(primary_key=True)
    kept: datetime = _moment(null=False)
    files: bytes = Field(sa_type=LargeBinary, nullable=False)


class CounterRow(SQLModel, table=True):
    """The last number given out for a kind of ref or a day's papers."""

    __tablename__: ClassVar[Any] = "counter"

    name: str = Field(primary_key=True)
    last: int
