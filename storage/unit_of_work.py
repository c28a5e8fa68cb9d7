"""One command, one transaction: records, audit rows, outbox rows, timers and requests are written here and nowhere else."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import func
from sqlalchemy import select as sa_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage import (
    alerts,
    audit,
    bundles,
    calendars,
    circulars,
    duties,
    files,
    inbox,
    outbox,
    papers,
    postings,
    receipts,
    rings,
    seals,
    sessions,
    uploads,
)
from storage import buried as given_up
from storage.cipher import Cipher
from storage.database import touch
from storage.gathered import gathering, run
from storage.mapping import KINDS, Record, letter_of, saving, table_of, to_record, to_values
from storage.plans import Plans
from storage.tables.queues import OutboxRow
from storage.tables.records import ChatRow, CounterRow, SeenRow
from storage.timers import set_timers
from workflows.alert import Alert
from workflows.circular import Circular
from workflows.core.approval import Approval
from workflows.core.approval import State as ApprovalState
from workflows.core.calendar import Calendar
from workflows.core.duty import DutyChange, Roster
from workflows.core.errors import NotFound, RuleBroken
from workflows.core.outcome import Notice, Outcome, Request, Timer
from workflows.core.paper import Sheet
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.duty import HOUSE
from workflows.enquiry import Enquiry
from workflows.incident import UNCLOSED, Grading, Incident
from workflows.publication import Publication
from workflows.regulator_report import Report
from workflows.rumour import Rumour
from workflows.statement import Revision, Statement
from workflows.task import Task
from workflows.tip import Tip, TipState

R = TypeVar("R", bound=Record)


#: What the house does by itself and nobody has to answer: a button drawn before it still holds.
QUIET = ("reminded", "escalated", "update_asked", "rescore_asked", "outage", "sign_held")


class UnitOfWork:
    """`actor` is a person id, `clock` or `delivery`; `via` says by which event (`console:…`). Committed by whoever gave the session."""

    def __init__(self, session: Session, *, plans: Plans, cipher: Cipher, now: datetime, actor: str, via: str) -> None:
        self.session = session
        self.now = now
        self.actor = actor
        self.via = via
        self._plans = plans
        self._cipher = cipher
        self._locked: set[str] = set()
        self._requests = 0
        self._read: dict[str, Any] = {}
        """rows of locked incidents, as this transaction knows them; held, as the session forgets what nobody holds"""
        self._records: dict[str, Any] = {}
        self._heads: Mapping[str, audit.Head | None] = {}

    @property
    def organization(self) -> Organization:
        """The plan's people, with who is on duty and who is away now."""
        return duties.organization_at(self.session, self._plans, self.now)

    def current_plan(self) -> Plan:
        return self._plans.current

    def keep_plan(self) -> str:
        return self._plans.keep(self.session, self.now)

    def calendar_before(self) -> Calendar | None:
        """The calendar that was in force before today's; None when there was none."""
        return calendars.before(self.session, self._plans.current.calendar)

    def plan_of(self, record: Record) -> Plan:
        """The rules that this record's incident was opened under, with today's people."""
        return self._plans.of(self.session, record.plan)

    # Reading, with the incident's row locked first

    def load(self, kind: type[R], ref: str) -> R:
        """The record, with its incident's row locked for the rest of the transaction; NotFound when there is none."""
        table = table_of(kind)
        if ref in self._read:
            return self._given(kind, ref)
        row = self.session.get(table, ref, populate_existing=True)
        if row is None:
            raise NotFound("house.not_found", ref=ref)
        incident = ref if kind is Incident else getattr(row, "incident", "")
        if not incident:  # a record of its own: its own row is the lock
            self.session.refresh(row, with_for_update=True)
        elif incident not in self._locked:  # read again what may have changed until the lock was ours
            self.lock(incident)
            self.session.refresh(row)
        self._read[ref] = row
        return to_record(kind, row)

    def _given(self, kind: type[R], ref: str) -> R:
        """What was read before; in a round, in which nothing changes before its end, not even made into a record again."""
        if not gathering(self.session):
            return to_record(kind, self._read[ref])
        if ref not in self._records:
            self._records[ref] = to_record(kind, self._read[ref])
        found: R = self._records[ref]
        return found

    def load_all(self, kind: type[R], refs: Sequence[str], incidents: Iterable[str]) -> None:
        """Have these records, of these incidents, ready: the incidents' rows are locked in the order of their numbers, as by everybody."""
        ref = table_of(Incident).ref
        lock = sa_select(table_of(Incident)).where(ref.in_(list(incidents))).order_by(func.length(ref), ref)
        for table, statement in ((Incident, lock.with_for_update()), (kind, sa_select(table_of(kind)).where(table_of(kind).ref.in_(refs)))):
            rows = self.session.scalars(statement.execution_options(populate_existing=True)).all()
            self._read.update((row.ref, row) for row in rows)
            if table is Incident:
                self._locked.update(row.ref for row in rows)
        self._heads = audit.heads(self.session, refs)

    def lock(self, incident: str) -> None:
        """Lock an incident's row before anything of it is touched: whoever wants both takes this one first."""
        if incident in self._locked:
            return
        table = table_of(Incident)
        if self.session.scalar(sa_select(table.ref).where(table.ref == incident).with_for_update()) is None:
            raise NotFound("house.not_found", ref=incident)
        self._locked.add(incident)

    def incident_of(self, record: Record) -> Incident:
        return self.load(Incident, record.incident)

    def tasks(self, incident: str) -> list[Task]:
        """All tasks of an incident, in the order they were made."""
        return self._of(Task, incident)

    def reports(self, incident: str) -> list[Report]:
        """All regulator clocks of an incident, in the order they were put."""
        return self._of(Report, incident)

    def statements(self, incident: str) -> list[Statement]:
        """All statements of an incident, in the order they were drafted."""
        return self._of(Statement, incident)

    def revisions(self, statement: Statement) -> list[Revision]:
        """All texts that a statement ever had, the oldest first."""
        return [one for one in self._of(Revision, statement.incident) if one.statement == statement.ref]

    def publications(self, incident: str) -> list[Publication]:
        """All publications of an incident's statements, in the order they were first asked for."""
        return self._of(Publication, incident)

    def enquiries(self, incident: str) -> list[Enquiry]:
        """All enquiries of the media about an incident, in the order they were registered."""
        return self._of(Enquiry, incident)

    def rumours(self, incident: str) -> list[Rumour]:
        """All that is said about an incident, in the order it was heard."""
        return self._of(Rumour, incident)

    def circulars(self, incident: str) -> list[Circular]:
        """All reminders to the staff, the oldest first."""
        return self._of(Circular, incident)

    def circular(self, ref: str) -> Circular:
        """Without locking anything: to have read it changes no record."""
        row = self.session.get(table_of(Circular), ref)
        if row is None:
            raise NotFound("house.not_found", ref=ref)
        return to_record(Circular, row)

    def read_circular(self, ref: str) -> bool:
        """已阅, by the actor; False when they had said so."""
        return circulars.read(self.session, ref, self.actor, self.now)

    def gradings(self, incident: str) -> list[Grading]:
        """All readings of an incident, in the order they were taken."""
        return self._of(Grading, incident)

    def approvals(self, incident: str, *, pending: bool = True) -> list[Approval]:
        return [a for a in self._of(Approval, incident) if not pending or a.state is ApprovalState.PENDING]

    def _of(self, kind: type[R], incident: str) -> list[R]:
        table = table_of(kind)
        rows = self.session.scalars(sa_select(table).where(table.incident == incident).execution_options(populate_existing=True))
        return sorted((to_record(kind, row) for row in rows), key=lambda r: int(r.ref[1:]))

    def recent_incidents(self, since: datetime) -> list[Incident]:
        table = table_of(Incident)
        rows = self.session.scalars(sa_select(table).where(table.opened_at >= since, table.state.in_([str(state) for state in UNCLOSED])))
        return [to_record(Incident, row) for row in rows]

    def tips_of(self, person: str, since: datetime) -> int:
        """How many reports this person has made since then."""
        table = table_of(Tip)
        return self.session.scalar(sa_select(func.count()).select_from(table).where(table.by == person, table.at > since)) or 0

    def waiting_tips(self) -> list[Tip]:
        """Reports that nobody has decided, the oldest first."""
        table = table_of(Tip)
        rows = self.session.scalars(sa_select(table).where(table.state == str(TipState.WAITING)).order_by(table.at).limit(50))
        return [to_record(Tip, row) for row in rows]

    # Chats

    def chats(self, incident: str) -> list[tuple[str, str]]:
        return outbox.chats_of(self.session, incident)

    def incident_in(self, platform: str, chat: str) -> str | None:
        """The incident that a chat belongs to now; the latest when it has been bound to several."""
        statement = select(ChatRow).where(ChatRow.platform == platform, ChatRow.chat == chat, col(ChatRow.left).is_(None))
        rows = self.session.exec(statement.order_by(col(ChatRow.id).desc())).all()
        running = [row for row in rows if self._state(row.incident) in UNCLOSED]
        return (running or rows)[0].incident if rows else None

    def _state(self, incident: str) -> str | None:
        return self.session.scalar(sa_select(table_of(Incident).state).where(table_of(Incident).ref == incident))

    def bind(self, incident: str, platform: str, chat: str) -> None:
        statement = select(ChatRow).where(ChatRow.incident == incident, ChatRow.platform == platform, ChatRow.chat == chat)
        row = self.session.exec(statement).first()
        if row is not None and row.left is None:
            raise RuleBroken("incident.bound_already", ref=incident)
        if row is None:
            self.session.add(ChatRow(incident=incident, platform=platform, chat=chat, joined=self.now))
        else:
            row.left, row.joined = None, self.now
        self.session.flush()
        place = f"{platform}:{chat}"
        outbox.put_card(
            self.session, "incident", place, platform, chat, None, incident=incident, ref=incident, now=self.now, about_ref=incident
        )
        outbox.dirty(self.session, [incident, f"{incident}/tasks"], incident=incident, now=self.now)  # people's cards may lead there

    def unbind(self, incident: str, platform: str, chat: str) -> None:
        statement = select(ChatRow).where(ChatRow.incident == incident, ChatRow.platform == platform, ChatRow.chat == chat)
        row = self.session.exec(statement).first()
        if row is None or row.left is not None:
            raise RuleBroken("incident.not_bound", ref=incident)
        row.left = self.now
        self.session.flush()
        outbox.dirty(self.session, [f"{incident}/tasks"], incident=incident, now=self.now)

    def seen(self, person: str, ref: str, version: int) -> None:
        """收到: remember that this person has received what was said about `ref`."""
        row = self.session.get(SeenRow, (person, ref))
        if row is None:
            self.session.add(SeenRow(person=person, record_ref=ref, version=version, at=self.now))
        else:
            row.version, row.at = version, self.now
        self.session.flush()

    # The web's door

    def send_login_link(self, *, platform: str, to: str, chat: str, group: str) -> None:
        where = {"platform": platform, "to": to, "chat": chat, "group": group}
        sessions.send_link(self.session, self._cipher, self.actor, now=self.now, via=self.via, **where)

    def web_sessions(self) -> list[sessions.LoggedIn]:
        return sessions.sessions_of(self.session, self.actor, self.now)

    def end_web_sessions(self, only: str = "") -> int:
        return sessions.end_sessions(self.session, self.actor, self.now, via=self.via, only=only)

    def forget_generator(self) -> bool:
        return sessions.forget_generator(self.session, self.actor, self.now, via=self.via)

    # Duty

    def roster(self) -> Roster:
        return duties.roster(self.session, self._plans, self.now)

    def last_note(self, group: str) -> DutyChange | None:
        return duties.last_note(self.session, group)

    def waiting_notes(self, group: str) -> list[DutyChange]:
        return duties.waiting_notes(self.session, group)

    def tasks_owned(self, person: str) -> list[Task]:
        return duties.tasks_owned(self.session, person)

    def commanded(self, person: str) -> list[Incident]:
        return duties.commanded(self.session, person)

    def duty_told(self) -> dict[str, tuple[str, ...]]:
        """Who was last told that they are on duty, by group; one asks after the other until the commit."""
        self.count("duty")
        return duties.told(self.session)

    def keep_duty_told(self, name: str, people: Iterable[str]) -> None:
        duties.keep_told(self.session, name, people, self.now)

    def house_timer(self, name: str) -> datetime | None:
        return duties.timer_due(self.session, name)

    def set_house_timer(self, name: str, due: datetime | None) -> None:
        """A timer that belongs to no record."""
        set_timers(self.session, (Timer(name, due),), record_ref=HOUSE, incident="", now=self.now)

    def tell_house(self, notice: Notice, about: str, key: int) -> None:
        """News that are no record's; what has the same kind, reader, `about` and `key` is said once."""
        who, ref = self.organization, f"{HOUSE}/{about}"
        outbox.enqueue_notice(self.session, notice, ref=ref, version=key, incident="", organization=who, now=self.now, watch="")

    # Alerts

    def alert(self, key: str) -> Alert | None:
        """The actor's alert of this key, locked."""
        return alerts.get(self.session, self.actor, key)

    def keep_alert(self, alert: Alert) -> None:
        alerts.put(self.session, alert)

    def alerts_of(self, incident: str) -> list[Alert]:
        return alerts.of_incident(self.session, incident)

    def alerts_told_at(self, incident: str) -> datetime | None:
        """When its timeline last had a line about alerts, or one opened it."""
        return alerts.told_at(self.session, incident)

    def opened_by_alerts(self, token: str, since: datetime) -> list[str]:
        """Refs of the incidents that this token's alerts opened since then, the newest first."""
        return alerts.opened(self.session, token, since)

    # Writing

    def wake(self, record: Record, timer: Timer) -> None:
        """Set or move a timer without any event of the record."""
        set_timers(self.session, (timer,), record_ref=record.ref, incident=record.incident, now=self.now)

    def next_ref(self, kind: type[Any]) -> str:
        return f"{letter_of(kind)}{self.count(letter_of(kind))}"

    def count(self, name: str) -> int:
        """The next number of a counter, its row locked until the commit."""
        row = self.session.get(CounterRow, name, with_for_update=True, populate_existing=True)
        if row is None:
            with suppress(IntegrityError), self.session.begin_nested():  # another replica may count the first one just now
                self.session.add(CounterRow(name=name, last=0))
            row = self.session.get_one(CounterRow, name, with_for_update=True, populate_existing=True)
        row.last += 1
        self.session.flush()
        return row.last

    def apply(self, outcome: Outcome[R]) -> R:
        """Write one outcome: the record's next version, its audit row, timers, notices, requests. Answers the record as it stands."""
        old, event = outcome.record, outcome.event
        version = old.version + 1
        quiet = self.actor == "clock" and event.verb in QUIET
        record: R = replace(old, version=version, touched=old.touched if quiet else version)  # type: ignore[type-var]  # every Record is a dataclass
        before = self._write(record)
        audit.append(
            self.session,
            record_ref=record.ref,
            version=version,
            at=self.now,
            actor=self.actor,
            verb=event.verb,
            from_state=before,
            to_state=str(record.state),
            details=dict(event.details),
            plan=record.plan,
            incident=record.incident,
            via=self.via,
            read=self._heads,
        )
        if isinstance(record, DutyChange):
            touch(self.session, "duty")
        set_timers(self.session, outcome.timers, record_ref=record.ref, incident=record.incident, now=self.now)
        for notice in outcome.notices:
            self.tell(notice, record)
        for request in outcome.requests:
            self.request(request, record.incident)
        if version > 1 and not quiet and _answers(record):
            bundles.supersede(self.session, [record.ref], self.now)
        outbox.dirty(self.session, _watched(record), incident=record.incident, now=self.now)
        return record

    def _write(self, record: Record) -> str | None:
        """Insert or update the record's row; answers the state it had before."""
        table, values = KINDS[type(record)][0], to_values(record)
        row = self.session.get(table, record.ref)
        if row is not None and gathering(self.session):
            run(self.session, saving(table), {"of_ref": record.ref, "of_version": record.version - 1, **_new(values)}, exact=True)
            return str(row.state)  # type: ignore[attr-defined]  # as below
        if row is None:
            self.session.add(table(**values))
            self.session.flush()
            return None
        before = str(row.state)  # type: ignore[attr-defined]  # every record table has it
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
        self.session.flush()
        return before

    def tell(self, notice: Notice, record: Record) -> None:
        # What an enquiry can be answered with changes with the incident's statements.
        watch = {"mine": f"{record.incident}/tasks", "enquiry": record.incident}.get(notice.kind, record.ref)
        ref, version, people = record.ref, record.version, self.organization
        rings.enqueue(self.session, notice, ref=ref, version=version, incident=record.incident, organization=people, now=self.now)
        if not notice.said:
            return
        outbox.enqueue_notice(
            self.session,
            notice,
            ref=record.ref,
            version=record.version,
            incident=record.incident,
            organization=self.organization,
            now=self.now,
            watch=watch,
        )

    def tell_of_house(self, notice: Notice, ref: str) -> None:
        """Something about the house itself, which is no record; at most once at one moment."""
        about = {"ref": ref, "version": int(self.now.timestamp()), "incident": "", "watch": ""}
        outbox.enqueue_notice(self.session, notice, organization=self.organization, now=self.now, **about)  # type: ignore[arg-type]

    def attach(self, upload: str, record: Record, about: str) -> files.Attachment:
        """What the actor sent becomes evidence of a record."""
        sent = uploads.of(self.session, upload, self.actor)
        kept = files.Kept(sent.sha256, sent.size, sent.media_type)
        where = {"incident": record.incident, "record_ref": record.ref, "name": sent.name}
        return files.attach(self.session, kept, **where, about=about, by=self.actor, now=self.now)

    # Papers

    @property
    def letterhead(self) -> bytes | None:
        return self._plans.letterhead

    def newest_seal(self) -> tuple[int, datetime, str] | None:
        """(number, time, hash) of the latest seal of the trail."""
        row = seals.newest_seal(self.session)
        return (row.id, row.at, row.hash) if row else None

    def paper_versions(self, ref: str) -> int:
        return papers.versions(self.session, ref)

    def paper(self, ref: str, version: int, *, signed: bool = False) -> papers.Paper:
        return papers.find(self.session, ref, version, signed=signed)

    def sheet(self, paper: papers.Paper) -> Sheet:
        return papers.sheet(self.session, self._cipher, paper)

    def keep_paper(self, sheet: Sheet, document: bytes, *, record: Record, name: str, signed: bool, by: str) -> papers.Paper:
        about = {"incident": record.incident, "record_ref": record.ref, "name": name}
        return papers.keep(self.session, self._cipher, sheet, document, **about, signed=signed, by=by, now=self.now)

    def have_made(self, kind: str, ref: str, about: Mapping[str, object]) -> None:
        """Work that ends in a commit of its own; in the order asked, for one record."""
        papers.ask_for(self.session, kind=kind, key=f"{kind}:{ref}:{self.via}", lane=f"{kind}:{ref}", about=dict(about), now=self.now)
        touch(self.session, "work")

    def answer(self, key: str, about: Mapping[str, Any], said: dict[str, Any]) -> None:
        """To where it was asked for; without a chat to who asked, alone."""
        given: dict[str, Any] = {"key": f"reply:{key}", "said": said, "incident": None, "now": self.now}
        if about["chat"]:
            outbox.enqueue_reply(self.session, platform=about["platform"], chat=about["chat"], **given)
        else:
            rank = outbox.PRIORITY["reply"]
            outbox.enqueue_to_person(self.session, platform=None, person=str(about["by"]), priority=rank, **given)

    def repaired(self, details: Mapping[str, Any], incident: str | None) -> None:
        """What the house put right by itself, in the clock's own chain: the record has not changed."""
        audit.append_personal(
            self.session, self.actor, at=self.now, actor=self.actor, verb="repaired", details=details, incident=incident, via=self.via
        )

    def buried(self, most: int) -> list[given_up.Buried]:
        return given_up.buried(self.session, most)

    def held_back(self) -> dict[str, int]:
        """Platform -> messages that wait for its next month."""
        return outbox.held_back(self.session)

    def postings_in_trouble(self, most: int) -> Sequence[OutboxRow]:
        """Publications that went wrong and are tried again."""
        return postings.in_trouble(self.session, most)

    def told(self, since: datetime) -> list[receipts.Told]:
        """What platforms told of messages to single people since then."""
        return receipts.told(self.session, since)

    def revive(self, queue: str, row_id: int) -> bool:
        """Try again what was given up; kept in the actor's own chain. False when there is nothing like that."""
        if not given_up.revive(self.session, queue, row_id, self.now):
            return False
        details = {"queue": queue, "row": row_id}
        audit.append_personal(self.session, self.actor, at=self.now, actor=self.actor, verb="revived", details=details, via=self.via)
        touch(self.session, {"inbox": "inbox", "outbox": "outbox", "timer": "timers", "work": "work"}[queue])
        return True

    def own_room(self, incident: str) -> tuple[str, str] | None:
        """(platform, chat) of the room that was made for the incident, once it exists."""
        row = self.session.exec(select(OutboxRow).where(OutboxRow.key == f"room:{incident}")).first()
        return (row.platform, row.chat) if row is not None and row.platform and row.chat else None

    def deed(self, kind: str, key: str, about: Mapping[str, Any], incident: str, **place: Any) -> None:
        outbox.enqueue_deed(self.session, key=key, kind=kind, about=dict(about), incident=incident, now=self.now, **place)

    def put_out(self, kind: str, ref: str, incident: str, **place: Any) -> None:
        """The one outbox row by which a publication leaves; asked for again, it is the same row."""
        if not outbox.again(self.session, f"{kind}:{ref}", self.now):
            self.deed(kind, f"{kind}:{ref}", {"publication": ref}, incident, ref=ref, **place)

    def request(self, request: Request, incident: str) -> None:
        """One workflow asks another: an event of our own, handled by itself after this commit."""
        self._requests += 1
        payload = {"request": request.command, "values": dict(request.values), "incident": incident}
        event_id = f"{self.via}/{request.command}/{self._requests}"
        inbox.store(
            self.session, self._cipher, platform="gengfu", event_id=event_id, lane=f"gengfu:{incident}", payload=payload, now=self.now
        )


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}


def _answers(record: Record) -> bool:
    """Whether an act answers what reminded of the record: not of a regulator's clock that runs on, nor of what an incident owes."""
    return not isinstance(record, Incident) and not (isinstance(record, Report) and record.open)


def _watched(record: Record) -> Sequence[str]:
    """What cards of the incident watch: the incident's card everything, a person's card the tasks, an approval's card itself."""
    refs: Iterable[str] = (record.incident, record.ref)
    return [*refs, f"{record.incident}/tasks"] if isinstance(record, Task | Incident) else list(refs)
