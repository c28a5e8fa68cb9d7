"""Who is on duty now: the plan's rotas with what stands beside them in the database, remembered until one of the two changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from storage.database import Memory
from storage.mapping import table_of, to_record
from storage.plans import Plans
from storage.tables.queues import WAITING, TimerRow
from storage.tables.records import DutyRow, ToldDutyRow
from workflows.core.duty import DutyChange, DutyKind, DutyState, Roster
from workflows.core.people import Organization
from workflows.duty import HOUSE
from workflows.incident import UNCLOSED, Incident
from workflows.task import LIVE, Task

#: How far back changes are read that have ended: a change of duty that was missed while the house was down is still told.
BACK = timedelta(days=35)
#: How long a view may be used; should the word of another replica's commit get lost, it is heard no later.
FRESH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _View:
    """The organization from `begins` to `ends`, as it was when the memory had counted so many changes."""

    changes: int
    plain: Organization
    begins: datetime
    ends: datetime
    organization: Organization


def organization_at(session: Session, plans: Plans, now: datetime) -> Organization:
    """The plan's people with who is on duty and who is away at `now`. Thousands of timers at one moment read the table once."""
    memory: Memory | None = session.info.get("memory")
    if "duty" in session.info.get("topics", ()):  # what this transaction itself has changed is nobody else's yet
        memory = None
    kept: _View | None = memory.kept.get("duty") if memory else None
    if memory and kept and _holds(kept, memory, plans, now):
        return kept.organization
    found = roster(session, plans, now)
    organization = found.at(now)
    if memory:
        following = found.next_edge(now)
        ends = min(now + FRESH, following) if following else now + FRESH
        memory.kept["duty"] = _View(session.info["began"], plans.organization, now, ends, organization)
    return organization


def _holds(view: _View, memory: Memory, plans: Plans, now: datetime) -> bool:
    return view.changes == memory.changes and view.plain is plans.organization and view.begins <= now < view.ends


def roster(session: Session, plans: Plans, now: datetime) -> Roster:
    """Everything that decides who is on duty, from five weeks ago on."""
    statement = (
        select(DutyRow)
        .where(col(DutyRow.end_at) > now - BACK, DutyRow.state == str(DutyState.STANDS), DutyRow.kind != str(DutyKind.NOTE))
        .order_by(col(DutyRow.at), col(DutyRow.ref))
    )
    changes = tuple(to_record(DutyChange, row) for row in session.exec(statement))
    return Roster(plans.organization, plans.current.calendar, plans.zone, changes)


def last_note(session: Session, group: str) -> DutyChange | None:
    """The latest hand-over note of a group, delivered or not."""
    statement = select(DutyRow).where(DutyRow.kind == str(DutyKind.NOTE), DutyRow.group == group)
    row = session.exec(statement.order_by(col(DutyRow.at).desc()).limit(1)).first()
    return to_record(DutyChange, row) if row is not None else None


def waiting_notes(session: Session, group: str) -> list[DutyChange]:
    """Hand-over notes that nobody has been given yet, the oldest first."""
    mine = (DutyRow.kind == str(DutyKind.NOTE), DutyRow.group == group, DutyRow.state == str(DutyState.STANDS))
    return [to_record(DutyChange, row) for row in session.exec(select(DutyRow).where(*mine).order_by(col(DutyRow.at)))]


def timer_due(session: Session, name: str) -> datetime | None:
    """When the house's timer `name` fires; None when it does not run."""
    row = session.exec(select(TimerRow).where(TimerRow.record_ref == HOUSE, TimerRow.name == name, TimerRow.status == WAITING)).first()
    return row.due if row is not None else None


def told(session: Session) -> dict[str, tuple[str, ...]]:
    """Group -> who was last told that they are on duty; under "" who was last known to be on leave."""
    return {row.name: tuple(row.people) for row in session.exec(select(ToldDutyRow))}


def keep_told(session: Session, name: str, people: Iterable[str], now: datetime) -> None:
    row = session.get(ToldDutyRow, name)
    if row is None:
        session.add(ToldDutyRow(name=name, people=list(people), since=now))
    else:
        row.people, row.since = list(people), now
    session.flush()


def tasks_owned(session: Session, person: str) -> list[Task]:
    """Every task that a person has and has not finished, over all incidents."""
    table = table_of(Task)
    rows = session.scalars(select(table).where(table.owner == person, table.state.in_([str(state) for state in LIVE])))
    return sorted((to_record(Task, row) for row in rows), key=lambda task: int(task.ref[1:]))


def commanded(session: Session, person: str) -> list[Incident]:
    """Every incident that a person commands and that is not closed."""
    table = table_of(Incident)
    rows = session.scalars(select(table).where(table.commander == person, table.state.in_([str(state) for state in UNCLOSED])))
    return sorted((to_record(Incident, row) for row in rows), key=lambda incident: int(incident.ref[1:]))
