"""Read models: what a viewer may see, as frozen records. Reading has one gate: the scope given here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage import papers
from storage.circulars import Count, count
from storage.duties import organization_at
from storage.files import Attachment, attachments
from storage.mapping import Record, table_of, to_record
from storage.outbox import chats_of
from storage.papers import Paper
from storage.plans import Plans
from storage.tables.audit import AuditRow
from storage.tables.queues import WAITING, OutboxRow, TimerRow
from storage.tables.records import IncidentRow, SeenRow, TipRow
from storage.views.scope import Scope
from workflows.circular import Circular
from workflows.core.approval import Approval
from workflows.core.duty import DutyChange
from workflows.core.errors import NotFound
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.core.seen import Seen
from workflows.enquiry import Enquiry
from workflows.incident import UNCLOSED, Grading, Incident
from workflows.publication import Publication
from workflows.regulator_report import Report
from workflows.rumour import Rumour
from workflows.statement import Revision, Statement
from workflows.task import LIVE, SPOKEN, State, Task, verifiers_of
from workflows.tip import Tip

R = TypeVar("R", bound=Record)
V = TypeVar("V", bound="Reader")

#: Kinds of record that belong to no incident, or are one.
OWN = (Incident, Tip, DutyChange)
#: Roles that see restricted incidents too.
RESTRICTED_ROLES = frozenset({"compliance", "auditor"})
#: Groups that have a part in every incident.
PARTAKING = frozenset({"office", "lead"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: an audit row of the incident or of one of its items."""

    at: datetime
    actor: str
    verb: str
    ref: str
    version: int
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Closing figures of an incident; spans are None when the thing never happened."""

    to_grade: timedelta | None
    to_claim: timedelta | None
    reminders: int
    escalations: int
    refusals: int
    tasks_closed: int


class Reader:
    """Reads within one transaction for one viewer. Everything raises NotFound for what the viewer may not see."""

    def __init__(self, session: Session, plans: Plans, scope: Scope) -> None:
        self._session = session
        self._plans = plans
        self._scope = scope

    @property
    def organization(self) -> Organization:
        """The plan's people, without a moment: who belongs where."""
        return self._plans.organization

    @property
    def current_plan(self) -> Plan:
        return self._plans.current

    def organization_at(self, moment: datetime) -> Organization:
        """The plan's people, with who is on duty and who is away then."""
        return organization_at(self._session, self._plans, moment)

    def within(self, scope: Scope, kind: type[V]) -> V:
        """The same database for another viewer, read in another way."""
        return kind(self._session, self._plans, scope)

    def plan_of(self, record: Record) -> Plan:
        return self._plans.of(self._session, record.plan)

    def _get(self, kind: type[R], ref: str) -> R:
        row = self._session.get(table_of(kind), ref) if self._scope.member else None
        if row is None or not self._open(row.incident if kind not in OWN else row):
            raise NotFound("house.not_found", ref=ref)
        return to_record(kind, row)

    def _open(self, incident: Any) -> bool:
        """Whether the viewer may see this incident (a ref, or what has the columns of one)."""
        if not self._scope.person:
            return True
        row = self._session.get(table_of(Incident), incident) if isinstance(incident, str) else incident
        return isinstance(row, (table_of(Tip), table_of(DutyChange))) or row is None or self.sees(row)

    def sees(self, incident: Any, *, anywhere: bool = False) -> bool:
        """Whether the viewer may see it. Restricted: its groups, owners of its tasks, lead, compliance, auditors, commander, opener; in a
        group, where others read along, only where it is told itself (`anywhere`: there, too, to bring it there)."""
        scope = self._scope
        if not (incident.restricted and scope.person):
            return scope.member
        if not scope.member or (scope.room and not anywhere and not self._told_in(*scope.room, incident.ref)):
            return False
        if scope.person in (incident.commander, incident.opened_by) or "lead" in scope.groups or set(scope.roles) & RESTRICTED_ROLES:
            return True
        table = table_of(Task)
        part = (table.group.in_(scope.groups)) | (table.owner == scope.person)
        return self._session.scalar(select(table.ref).where(table.incident == incident.ref, part).limit(1)) is not None

    def _told_in(self, platform: str, chat: str, incident: str) -> bool:
        """Whether what only a few may know may be said in a room: one of the incident's own, or of a group that has a part in it."""
        owner = next((group.id for group in self.organization.groups.values() if group.chats.get(platform) == chat), None)
        if owner in PARTAKING or (platform, chat) in self.chats(incident):
            return True
        table = table_of(Task)
        return self._session.scalar(select(table.ref).where(table.incident == incident, table.group == owner).limit(1)) is not None

    def open_to(self, scope: Scope, incident: str) -> bool:
        """Whether another viewer may see the incident."""
        row = self._session.get(table_of(Incident), incident)
        return row is not None and Reader(self._session, self._plans, scope).sees(row)

    def _hidden(self) -> list[str]:
        """Restricted incidents that the viewer must not even find."""
        if not self._scope.person:
            return []
        table = table_of(Incident)
        rows = self._session.scalars(select(table).where(table.restricted.is_(True)))
        return [row.ref for row in rows if not self.sees(row)]

    def incident(self, ref: str) -> Incident:
        return self._get(Incident, ref)

    def practised(self, ref: str) -> bool:
        """Whether what belongs to this incident, or to this report of one, is a drill."""
        row = self._session.get(IncidentRow, ref) or self._session.get(TipRow, ref)
        return row is not None and row.drill

    def task(self, ref: str) -> Task:
        return self._get(Task, ref)

    def tip(self, ref: str) -> Tip:
        return self._get(Tip, ref)

    def duty_change(self, ref: str) -> DutyChange:
        return self._get(DutyChange, ref)

    def approval(self, ref: str) -> Approval:
        return self._get(Approval, ref)

    def unclosed(self, limit: int = 1000) -> list[Incident]:
        """Incidents that are not closed, the newest first."""
        if not self._scope.member:
            return []
        table = table_of(Incident)
        rows = self._session.scalars(
            select(table)
            .where(table.state.in_([str(s) for s in UNCLOSED]), table.ref.not_in(self._hidden()))
            .order_by(table.opened_at.desc())
            .limit(limit)
        )
        return [to_record(Incident, row) for row in rows]

    def titles(self, numbers: Iterable[str]) -> dict[str, str]:
        """number -> title, of the incidents that the viewer may see."""
        wanted, table = list(numbers), table_of(Incident)
        if not wanted or not self._scope.member:
            return {}
        rows = self._session.execute(select(table.number, table.title).where(table.number.in_(wanted), table.ref.not_in(self._hidden())))
        return {row.number: row.title for row in rows}

    def tasks(self, incident: str) -> list[Task]:
        return self._children(Task, incident)

    def report(self, ref: str) -> Report:
        return self._get(Report, ref)

    def reports(self, incident: str) -> list[Report]:
        return self._children(Report, incident)

    def approvals(self, incident: str) -> list[Approval]:
        return self._children(Approval, incident)

    def statement(self, ref: str) -> Statement:
        return self._get(Statement, ref)

    def statements(self, incident: str) -> list[Statement]:
        return self._children(Statement, incident)

    def enquiry(self, ref: str) -> Enquiry:
        return self._get(Enquiry, ref)

    def enquiries(self, incident: str) -> list[Enquiry]:
        return self._children(Enquiry, incident)

    def rumour(self, ref: str) -> Rumour:
        return self._get(Rumour, ref)

    def rumours(self, incident: str) -> list[Rumour]:
        return self._children(Rumour, incident)

    def circular(self, ref: str) -> Circular:
        return self._get(Circular, ref)

    def circulars(self, incident: str) -> list[Circular]:
        return self._children(Circular, incident)

    def readers_of(self, circular: Circular) -> Count:
        """Who has read a reminder to the staff."""
        return count(self._session, circular.ref)

    def revisions(self, statement: Statement) -> list[Revision]:
        """All texts that it ever had, the oldest first."""
        return [one for one in self._children(Revision, statement.incident) if one.statement == statement.ref]

    def publication(self, ref: str) -> Publication:
        return self._get(Publication, ref)

    def publications(self, incident: str) -> list[Publication]:
        return self._children(Publication, incident)

    def gradings(self, incident: str) -> list[Grading]:
        return self._children(Grading, incident)

    def _children(self, kind: type[R], incident: str) -> list[R]:
        self.incident(incident)
        table = table_of(kind)
        rows = self._session.scalars(select(table).where(table.incident == incident))
        return sorted((to_record(kind, row) for row in rows), key=lambda r: int(r.ref[1:]))

    def tasks_of(self, person: str) -> list[Task]:
        """What a person owns, what nobody in their groups owns, what waits for their check: over all incidents, the nearest due first."""
        if not self._scope.member:
            return []
        table = table_of(Task)
        mine = (table.owner == person) | (table.owner.is_(None) & table.group.in_(self.organization.groups_of(person)))
        hidden = self._hidden()
        live = (
            select(table)
            .where(mine, table.incident.not_in(hidden), table.state.in_([str(s) for s in LIVE]))
            .order_by(table.due_at)
            .limit(200)
        )
        done = select(table).where(table.incident.not_in(hidden), table.state == str(State.DONE)).order_by(table.done_at).limit(500)
        found = [to_record(Task, row) for row in self._session.scalars(live)]
        found += [task for task in (to_record(Task, row) for row in self._session.scalars(done)) if self._checks(person, task)]
        return sorted(found, key=lambda t: (t.due_at is None, t.due_at or t.created_at))

    def _checks(self, person: str, task: Task) -> bool:
        """Whether this person may verify the task; an approver need not be in its group."""
        incident = self.incident(task.incident)
        by_level = self.plan_of(incident).responses[incident.response_level].approvers.get("statement", ())
        return person in verifiers_of(task, self.organization, commander=incident.commander, by_level=by_level)

    def timeline(self, incident: str, limit: int = 200) -> list[Entry]:
        """The latest entries of an incident, the oldest first."""
        self.incident(incident)
        statement = (
            select(AuditRow)
            .where(col(AuditRow.incident) == incident)
            .order_by(col(AuditRow.at).desc(), col(AuditRow.record_ref).desc(), col(AuditRow.version).desc())
            .limit(limit)
        )
        return [_entry(row) for row in self._session.scalars(statement)][::-1]

    def last_regrading(self, incident: str) -> Entry | None:
        """The last grading but the first, reading or lowering of an incident; the first one is no change."""
        verbs = ("graded", "measured", "lowered", "downgraded")
        statement = (
            select(AuditRow)
            .where(col(AuditRow.record_ref) == incident, col(AuditRow.verb).in_(verbs))
            .order_by(col(AuditRow.version).desc())
            .limit(2)
        )
        rows = list(self._session.scalars(statement))
        return _entry(rows[0]) if len(rows) == 2 else None

    def last_act(self, ref: str) -> Entry | None:
        """The last thing that somebody (not the clock) did to a record."""
        statement = (
            select(AuditRow).where(col(AuditRow.record_ref) == ref, col(AuditRow.actor) != "clock").order_by(col(AuditRow.version).desc())
        )
        row = self._session.scalars(statement.limit(1)).first()
        return _entry(row) if row else None

    def history(self, ref: str) -> list[Entry]:
        """All that happened to a record that the viewer may see, the oldest first."""
        rows = self._session.scalars(select(AuditRow).where(col(AuditRow.record_ref) == ref).order_by(col(AuditRow.version)))
        return [_entry(row) for row in rows]

    def ways_skipped(self, incident: str, ref: str) -> list[tuple[str, str, str]]:
        """(person, way, reason) of each louder way about a record that could not be gone when its turn came."""
        self.incident(incident)
        wanted = (col(AuditRow.incident) == incident, col(AuditRow.verb) == "ring_skipped")
        rows = self._session.scalars(select(AuditRow).where(*wanted).order_by(col(AuditRow.at)))
        found = [(row.record_ref.removeprefix("P:"), row.details or {}) for row in rows]
        return [(person, str(details["by"]), str(details["reason"])) for person, details in found if details.get("ref") == ref]

    def paper(self, ref: str, version: int, *, signed: bool = False) -> Paper:
        """A version of the paper of a report, or of the closing summary of an incident."""
        paper = papers.find(self._session, ref, version, signed=signed)
        self.incident(paper.incident)
        return paper

    def paper_named(self, paper: str) -> Paper:
        """A paper by its own id, of an incident that the viewer sees."""
        found = papers.named(self._session, paper)
        self.incident(found.incident)
        return found

    def attachments(self, incident: str) -> list[Attachment]:
        """All evidence of an incident, in the order it came."""
        self.incident(incident)
        return list(attachments(self._session, incident))

    def verbs(self, ref: str) -> set[str]:
        """All that ever happened to a record."""
        return set(self._session.scalars(select(AuditRow.verb).where(col(AuditRow.record_ref) == ref)))  # type: ignore[call-overload]

    def next_timers(self, incident: str) -> list[tuple[str, str, datetime]]:
        """(record, timer, due) of all running timers of an incident, the nearest first."""
        statement = select(TimerRow).where(col(TimerRow.incident) == incident, col(TimerRow.status) == WAITING).order_by(col(TimerRow.due))
        return [(row.record_ref, row.name, row.due) for row in self._session.scalars(statement)]

    def chats(self, incident: str) -> list[tuple[str, str]]:
        return chats_of(self._session, incident)

    def seen(self, person: str, task: Task) -> Seen | None:
        """The person's 收到 to what was said of a task, unless something has happened to it since."""
        row = self._session.get(SeenRow, (person, task.ref))
        if row is None or row.version < task.touched:
            return None
        version, spoken = col(AuditRow.version), col(AuditRow.verb).in_(SPOKEN)
        words = select(AuditRow).where(col(AuditRow.record_ref) == task.ref, version > task.touched, version <= row.version, spoken)
        last = self._session.scalars(words.order_by(version.desc()).limit(1)).first()
        return Seen(int((last.details or {})["level"]) if last else 0, row.at)

    def spoken_of(self, platform: str, message_id: str) -> OutboxRow | None:
        """What one of our messages was about; None when it was about several things, or is not known."""
        rows = self._spoken(platform, message_id)
        return rows[0] if len({row.ref for row in rows}) == 1 else None

    def said_in(self, platform: str, message_id: str) -> Mapping[str, Any] | None:
        """What one of our messages said, also when it was about several things: then one of them has the words of all."""
        return next((row.said for row in self._spoken(platform, message_id) if row.said is not None), None)

    def _spoken(self, platform: str, message_id: str) -> list[OutboxRow]:
        same = (col(OutboxRow.message_id) == message_id, col(OutboxRow.platform) == platform, col(OutboxRow.kind) != "supersede")
        return list(self._session.scalars(select(OutboxRow).where(*same).order_by(col(OutboxRow.id))))

    def figures(self, incident: str) -> Figures:
        found = self.incident(incident)
        tasks = self.tasks(incident)
        claims = [t.claimed_at for t in tasks if t.claimed_at]
        verbs = select(col(AuditRow.verb), func.count()).where(col(AuditRow.incident) == incident).group_by(col(AuditRow.verb))
        counted = {verb: count for verb, count in self._session.execute(verbs)}  # noqa: C416 - a result has keys(): dict() takes it for a mapping
        return Figures(
            to_grade=found.graded_at - found.opened_at if found.graded_at else None,
            to_claim=min(claims) - found.opened_at if claims else None,
            reminders=counted.get("reminded", 0),
            escalations=counted.get("escalated", 0),
            refusals=self._refusals(incident),
            tasks_closed=len([t for t in tasks if t.state is State.CLOSED]),
        )

    def _refusals(self, incident: str) -> int:
        statement = select(func.count()).select_from(AuditRow).where(col(AuditRow.verb) == "refused", col(AuditRow.incident) == incident)
        return self._session.scalar(statement) or 0


class ReadOnce(Reader):
    """For drawing many things in one transaction that changes no record: each is read once."""

    def __init__(self, session: Session, plans: Plans, scope: Scope) -> None:
        super().__init__(session, plans, scope)
        self._kept: dict[tuple[type[Any], str], Any] = {}
        self._kept_children: dict[tuple[type[Any], str], list[Any]] = {}

    def _get(self, kind: type[R], ref: str) -> R:
        if (kind, ref) not in self._kept:
            self._kept[kind, ref] = super()._get(kind, ref)
        kept: R = self._kept[kind, ref]
        return kept

    def _children(self, kind: type[R], incident: str) -> list[R]:
        if (kind, incident) not in self._kept_children:
            self._kept_children[kind, incident] = super()._children(kind, incident)
        return list(self._kept_children[kind, incident])


def _entry(row: AuditRow) -> Entry:
    return Entry(row.at, row.actor, row.verb, row.record_ref, row.version, row.details or {})
