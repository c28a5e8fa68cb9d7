"""The shapes of the read API (contract, section 5): fields may be added, none goes. Times are UTC; null = not judged, or not yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from handlers.core.look import Look
from handlers.core.telling import note_of
from handlers.core.waivers import is_waived
from storage.views.pages import TrailLine
from storage.views.reader import Entry
from workflows.circular import Circular
from workflows.core.approval import Approval
from workflows.enquiry import Enquiry
from workflows.incident import COMMON, Incident
from workflows.publication import Publication
from workflows.regulator_report import Report
from workflows.rumour import Rumour
from workflows.statement import Statement
from workflows.task import Task

T = TypeVar("T", bound=BaseModel)


class Opinion(BaseModel):
    level: str
    total: int
    provisional: bool
    floor: str | None
    scores: dict[str, int]


class TaskShape(BaseModel):
    ref: str
    incident: str
    code: str
    title: str
    group: str
    owner: str | None
    state: str
    due_at: datetime | None
    mandatory: bool
    standing: bool


class ApprovalShape(BaseModel):
    ref: str
    incident: str
    kind: str
    state: str
    needed: list[str]
    subject: str
    text: str
    sha256: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class WaiverShape(BaseModel):
    """What two people agreed not to report · `delayed`: whether any order was delayed or refused, null where that was not asked."""

    asked_by: str
    by: str
    reason: str
    delayed: bool | None
    approval: str


class ReportShape(BaseModel):
    """`binding`: what the deadline's figure is (law, self, seed, default) · `confidence`: how far it was read · `provisional`: days of a
    year without a calendar were counted · `row`: the grade whose row applies."""

    ref: str
    incident: str
    obligation: str
    state: str
    deadline: datetime | None
    binding: str
    confidence: str
    basis: str
    law_word: str
    provisional: bool
    row: str
    group: str
    filed_at: datetime | None
    waiver: WaiverShape | None


class Given(BaseModel):
    """One step of a statement that somebody agreed to."""

    by: str
    at: datetime
    step: str
    approval: str


class PublicationShape(BaseModel):
    """One text at one channel. `at`: when it came out; until then when it was asked for · `version`, `sha256`: of the text ·
    `replaces`: the hash of the text that stood there before · `evidence`: hashes of screenshots."""

    ref: str
    channel: str
    title: str
    by: str
    target: str
    kind: str
    version: int
    sha256: str
    replaces: str | None
    state: str
    at: datetime
    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    receipt: str
    link: str
    evidence: list[str]
    reason: str
    attempts: int
    approvals: list[Given]


class StatementShape(BaseModel):
    """`version` counts its texts; `sha256` is that of `text` in UTF-8 · `needed`: of each step still to come who may decide it, any one of
    several joined by ` or ` · `changed`: names of facts that are others now · `promised_at`: when the public was promised more ·
    `internal`: lines for who is asked, never published."""

    ref: str
    incident: str
    template: str
    title: str
    internal: bool
    version: int
    state: str
    sha256: str
    text: str
    authors: list[str]
    approvals: list[Given]
    needed: list[str]
    expires_at: datetime | None
    changed: list[str]
    withdrawal: bool
    promised_at: datetime | None
    publications: list[PublicationShape]


class EnquiryShape(BaseModel):
    """What the media ask; how to reach the journalist is told one-to-one and nowhere else · `answer`: the text it was answered with."""

    ref: str
    incident: str
    state: str
    outlet: str
    way: str
    question: str
    asked_at: datetime
    due_at: datetime | None
    registered_by: str
    owner: str | None
    answer: "QuoteShape | None"
    reason: str
    outcome: str
    decided_by: str | None
    decided_at: datetime | None


class QuoteShape(BaseModel):
    """A text of a statement, to the byte."""

    statement: str
    version: int
    sha256: str


class RumourShape(BaseModel):
    """What is said · `finding`: true, partly, false (agreed to by two people: `found_by`, `agreed_by`) or unknown."""

    ref: str
    incident: str
    state: str
    claim: str
    source: str
    platform: str
    link: str
    heard_at: datetime
    reach: int | None
    finding: str | None
    basis: str
    found_by: str | None
    agreed_by: str | None
    found_at: datetime | None
    answer: QuoteShape | None
    reason: str


class Asked(BaseModel):
    """How many wait (`open`), how many are done, and all their refs."""

    open: int = 0
    closed: int = 0
    refs: list[str] = []


class ReminderShape(BaseModel):
    """A reminder to the staff · `read`: of `people` of the plan, who said so · `others`: taps besides, in the staff's chats ·
    `shown`: of how many the messenger tells that they read it, which is nobody's word."""

    ref: str
    sent_at: datetime
    people: int
    read: int
    others: int
    shown: int


class Line(BaseModel):
    at: datetime
    actor: str
    verb: str
    ref: str
    text: str


class Complaints(BaseModel):
    open: int = 0
    closed: int = 0
    agitated: int = 0
    refs: list[str] = []


class IncidentHead(BaseModel):
    ref: str
    number: str
    title: str
    type: str | None
    playbooks: list[str]
    state: str
    drill: bool
    restricted: bool
    opened_at: datetime
    graded_at: datetime | None
    commander: str
    response_level: str
    plan: str
    csrc_grade: str | None
    cac_grade: str | None
    opinion: Opinion
    system: str
    merged_into: str | None


class IncidentShape(IncidentHead):
    """With all that belongs to it. `complaints` is there, and empty until Gengfu has them."""

    tasks: list[TaskShape]
    approvals: list[ApprovalShape]
    statements: list[StatementShape]
    complaints: Complaints
    enquiries: Asked
    rumours: Asked
    reminders: list[ReminderShape]
    reports: list[ReportShape]
    timeline: list[Line]


class AuditShape(BaseModel):
    record: str
    version: int
    at: datetime
    actor: str
    verb: str
    from_state: str | None
    to_state: str | None
    details: dict[str, Any]
    incident: str | None
    plan: str | None
    via: str | None
    hash: str


class Listing(BaseModel, Generic[T]):
    """`next`: the cursor of the next page; null on the last one."""

    items: list[T]
    next: str | None


def head(incident: Incident) -> dict[str, Any]:
    opinion = Opinion(
        level=incident.opinion_level, total=incident.opinion_total, provisional=incident.provisional, floor=incident.floor,
        scores=dict(incident.scores),
    )  # fmt: skip
    same = ("ref", "number", "title", "type", "state", "drill", "restricted", "opened_at", "graded_at", "commander", "response_level")
    more = ("plan", "csrc_grade", "cac_grade", "system", "merged_into")
    found = {name: getattr(incident, name) for name in (*same, *more)}
    return found | {"playbooks": [one for one in incident.playbooks if one != COMMON], "opinion": opinion}


def incident_head(incident: Incident) -> IncidentHead:
    return IncidentHead(**head(incident))


def incident_whole(look: Look, incident: Incident) -> IncidentShape:
    reader, ref = look.reader, incident.ref
    return IncidentShape(
        **head(incident),
        tasks=[task(one) for one in reader.tasks(ref)],
        approvals=[approval(one) for one in reader.approvals(ref)],
        statements=[statement(look, one) for one in reader.statements(ref)],
        complaints=Complaints(),
        enquiries=_asked(reader.enquiries(ref)),
        rumours=_asked(reader.rumours(ref)),
        reminders=[reminder(look, one) for one in reader.circulars(ref)],
        reports=[report(look, one) for one in reader.reports(ref)],
        timeline=[_line(look, incident, entry) for entry in reader.timeline(ref)],
    )


def task(found: Task) -> TaskShape:
    return TaskShape(**_same(TaskShape, found))


def approval(found: Approval) -> ApprovalShape:
    return ApprovalShape(**_same(ApprovalShape, found, "needed", "sha256"), needed=list(found.needed), sha256=found.digest)


def report(look: Look, found: Report) -> ReportShape:
    duty = look.reader.plan_of(found).obligations[found.obligation]
    named = ("binding", "confidence", "law_word")
    certain = {**{name: getattr(duty, name) for name in named}, "basis": look.words.twin(duty.basis, duty.basis_en)}
    waived = _waiver(found) if is_waived(found) else None
    return ReportShape(**_same(ReportShape, found, "deadline", "waiver", *certain), deadline=found.deadline_at, waiver=waived, **certain)


def _waiver(found: Report) -> WaiverShape:
    asked, by, approval = (value or "" for value in (found.waiver_by, found.waived_by, found.waiver))
    return WaiverShape(asked_by=asked, by=by, reason=found.waiver_reason, delayed=found.waiver_delayed, approval=approval)


def statement(look: Look, found: Statement) -> StatementShape:
    text = look.reader.revisions(found)[-1].text
    given = [Given(by=step.by or "", at=step.at or look.now, step=step.name, approval=step.approval or "") for step in found.given]
    named = ("ref", "incident", "template", "title", "internal", "state", "expires_at", "withdrawal", "promised_at")
    return StatementShape(
        **{name: getattr(found, name) for name in named},
        version=found.revision,
        sha256=found.digest,
        text=text,
        authors=list(found.authors),
        approvals=given,
        needed=[" or ".join(step.needed) for step in found.waiting],
        changed=list(found.changed),
        publications=[publication(one) for one in look.reader.publications(found.incident) if one.statement == found.ref],
    )


def publication(found: Publication) -> PublicationShape:
    other = ("channel", "by", "version", "sha256", "at", "evidence", "approvals")
    steps = [Given(by=str(one["by"]), at=str(one["at"]), step=str(one["name"]), approval=str(one["approval"])) for one in found.agreed]  # type: ignore[arg-type]  # pydantic reads it
    return PublicationShape(
        **_same(PublicationShape, found, *other),
        channel=found.outlet,
        by=found.by_way,
        version=found.revision,
        sha256=found.digest,
        at=found.changed_at,
        evidence=found.evidence.split(),
        approvals=steps,
    )


def _asked(found: Sequence[Enquiry | Rumour]) -> Asked:
    waiting = sum(one.open for one in found)
    return Asked(open=waiting, closed=len(found) - waiting, refs=[one.ref for one in found])


def enquiry(found: Enquiry) -> EnquiryShape:
    return EnquiryShape(**_same(EnquiryShape, found, "answer"), answer=_quote(found))


def rumour(found: Rumour) -> RumourShape:
    return RumourShape(**_same(RumourShape, found, "answer"), answer=_quote(found))


def _quote(found: Enquiry | Rumour) -> QuoteShape | None:
    said = {"statement": found.statement, "version": found.said_revision, "sha256": found.said_digest}
    return QuoteShape(**said) if found.statement else None  # type: ignore[arg-type]  # by name


def reminder(look: Look, found: Circular) -> ReminderShape:
    count = look.reader.readers_of(found)
    counts = {"people": len(found.people), "read": len(count.said), "others": count.others, "shown": count.shown}
    return ReminderShape(ref=found.ref, sent_at=found.sent_at, **counts)


def audit(found: TrailLine) -> AuditShape:
    return AuditShape(**_same(AuditShape, found, "record", "details"), record=found.record_ref, details=dict(found.details))


def _line(look: Look, incident: Incident, entry: Entry) -> Line:
    return Line(at=entry.at, actor=entry.actor, verb=entry.verb, ref=entry.ref, text=note_of(look, incident, entry).strip())


def _same(shape: type[BaseModel], record: object, *but: str) -> dict[str, Any]:
    """The fields that are called the same in the record."""
    return {name: getattr(record, name) for name in shape.model_fields if name not in but}
