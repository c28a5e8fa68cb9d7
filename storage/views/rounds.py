"""What the engine's own audit looks for, one statement a probe, over everything and for no viewer: refs and rows, never words.

A further thing that can go wrong is a further probe in `PROBES`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from storage.inbox import INBOX
from storage.mapping import table_of
from storage.outbox import OUTBOX, PRIORITY
from storage.plans import Plans
from storage.queue import Queue
from storage.tables.audit import AuditRow
from storage.tables.queues import DONE, WAITING, InboxRow, OutboxRow, QueueRow, TimerRow
from storage.tables.records import ChatRow
from storage.timers import TIMERS
from workflows import enquiry, incident, publication, regulator_report, rumour, statement, task, tip
from workflows.core.approval import Approval, ApprovalState
from workflows.core.clock_ladder import hearing
from workflows.core.escalation import audience
from workflows.core.rounds import Finding, Kind

#: A timer, a card; a row that somebody waits for, and one that nobody does; what is tried again and again (the ladder's step).
LATE, PATIENCE, UNHURRIED, STEP = timedelta(minutes=2), timedelta(seconds=60), timedelta(minutes=10), timedelta(minutes=5)
#: No lease and no pause after a failure is longer: a claim that says so was made by a clock that was wrong.
LONGEST = timedelta(minutes=10)
#: Two replicas' clocks may differ by so much.
SKEW = timedelta(seconds=2)
#: As many findings of one kind as one look takes; the rest is found by the next.
MOST = 200

QUEUES: Final[Mapping[str, tuple[type[QueueRow], Queue[Any]]]] = {
    "timer": (TimerRow, TIMERS),
    "inbox": (InboxRow, INBOX),
    "outbox": (OutboxRow, OUTBOX),
}
_SHOUTS = [rank for name, rank in PRIORITY.items() if name in ("clock", "approval", "reply", "assignment", "escalation")]


@dataclass(frozen=True, slots=True)
class Sight:
    """What every probe has in its hands."""

    session: Session
    plans: Plans
    now: datetime


def look(session: Session, plans: Plans, now: datetime) -> list[Finding]:
    """All that is wrong at this moment; empty = clean."""
    sight = Sight(session, plans, now)
    return list(dict.fromkeys(finding for probe in PROBES for finding in probe(sight)))


# Timers


def no_timer(sight: Sight) -> Iterator[Finding]:
    """Whatever is open says something by itself some day; an incident that runs asks for news and for figures."""
    tasks, reports, approvals = table_of(task.Task), table_of(regulator_report.Report), table_of(Approval)
    tips, incidents, statements = table_of(tip.Tip), table_of(incident.Incident), table_of(statement.Statement)
    enquiries, rumours = table_of(enquiry.Enquiry), table_of(rumour.Rumour)
    published, holds = table_of(publication.Publication), statements.expires_at.is_not(None)
    asks: Iterable[tuple[Any, ColumnElement[bool], tuple[str, ...]]] = (
        (tasks, tasks.state.in_(_codes(*task.LIVE, task.State.DONE)), ()),
        (reports, and_(reports.state.in_(_codes(*regulator_report.RUNNING)), reports.deadline_at.is_not(None)), ()),
        (approvals, approvals.state.in_(_codes(ApprovalState.PENDING, ApprovalState.ORAL)), ()),
        (statements, or_(statements.state.in_(_codes(*statement.ASKED)), holds), (statement.TIMER,)),
        (statements, statements.promised_at.is_not(None), (statement.PROMISE,)),
        (published, published.state.in_(_codes(*publication.OPEN)), ()),
        (enquiries, enquiries.state.in_(_codes(*enquiry.OPEN)), ()),
        (rumours, rumours.state.in_(_codes(*rumour.OPEN)), ()),
        (tips, tips.state == str(tip.State.WAITING), ()),
        *((incidents, incidents.state.in_(_codes(*incident.RUNNING)), (name,)) for name in ("cadence", "rescore")),
    )
    for table, is_open, names in asks:
        runs = [col(TimerRow.record_ref) == table.ref, _waits(TimerRow), *(col(TimerRow.name) == name for name in names)]
        rows = sight.session.scalars(select(table.ref).where(is_open, ~exists().where(*runs)).limit(MOST))
        yield from (Finding("no_timer", ref) for ref in rows)


def late_timer(sight: Sight) -> Iterator[Finding]:
    rows = sight.session.execute(
        select(col(TimerRow.id), col(TimerRow.record_ref), col(TimerRow.name))
        .where(_waits(TimerRow), col(TimerRow.due) < sight.now - LATE)
        .limit(MOST)
    )
    yield from (Finding("late_timer", f"timer:{row.id}", row.record_ref) for row in rows)


def held(sight: Sight) -> Iterator[Finding]:
    """A claim that ends later than any claim can: its holder's clock was wrong, and nobody else would touch the row."""
    for name, (table, _) in QUEUES.items():
        rows = sight.session.scalars(
            select(col(table.id))
            .where(_waits(table), col(table.due) > sight.now + LONGEST, col(table.attempt) > 0, col(table.error).is_(None))
            .limit(MOST)
        )
        yield from (Finding("held", f"{name}:{row}") for row in rows)


# What came in and what is to go out


def inbox(sight: Sight) -> Iterator[Finding]:
    rows = sight.session.execute(
        select(col(InboxRow.id), col(InboxRow.platform)).where(_waits(InboxRow), col(InboxRow.due) < sight.now - PATIENCE).limit(MOST)
    )
    yield from (Finding("inbox", f"inbox:{row.id}", row.platform) for row in rows)


def outbox(sight: Sight) -> Iterator[Finding]:
    """Due, and nobody has taken it."""
    c, now = OutboxRow, sight.now
    quick = and_(col(c.priority).in_(_SHOUTS), col(c.kind) != "card")
    late = or_(and_(quick, col(c.due) < now - PATIENCE), and_(col(c.kind) == "card", col(c.due) < now - LATE), col(c.due) < now - UNHURRIED)
    rows = sight.session.execute(
        select(col(c.id), col(c.incident), col(c.kind)).where(_waits(c), col(c.due) < now - PATIENCE, late).limit(MOST)
    )
    yield from (_of_row("card" if row.kind == "card" else "outbox", row) for row in rows)


def unsent(sight: Sight) -> Iterator[Finding]:
    """Tried again and again, longer than a step of the ladder: whoever it is for does not know."""
    c = OutboxRow
    tried = (col(c.error).is_not(None), col(c.due) >= sight.now - PATIENCE)
    urgent = (col(c.priority).in_(_SHOUTS), col(c.kind) != "card", col(c.created) < sight.now - STEP)
    rows = sight.session.execute(select(col(c.id), col(c.incident)).where(_waits(c), *urgent, *tried).limit(MOST))
    yield from (_of_row("unsent", row) for row in rows)


def _of_row(kind: Kind, row: Any) -> Finding:
    return Finding(kind, f"outbox:{row.id}", row.incident or "")


# Cards


def card(sight: Sight) -> Iterator[Finding]:
    """One that stands as it was before the last event of what it watches, although nobody marked it to be drawn again."""
    c, known = OutboxRow, table_of(incident.Incident)
    running = select(known.ref).where(known.state.in_(_codes(*incident.UNCLOSED)))
    newest = case(
        (col(c.ref) == col(c.incident), _newest(AuditRow.incident, c.incident, ~col(AuditRow.record_ref).like("P:%"))),
        (col(c.ref).like("%/tasks"), _newest(AuditRow.incident, c.incident, _of_tasks())),
        else_=_newest(AuditRow.record_ref, c.ref),
    )
    stands: tuple[ColumnElement[bool], ...] = (literal_column("outbox.kind = 'card'"), col(c.status) == DONE, col(c.incident).in_(running))
    found = select(col(c.id), col(c.incident), col(c.finished), newest.label("newest")).where(*stands).subquery()
    late = (found.c.newest < sight.now - LATE, found.c.finished < found.c.newest)
    rows = sight.session.execute(select(found.c.id, found.c.incident, found.c.finished, found.c.newest).where(*late).limit(MOST))
    yield from (_of_row("card", row) for row in rows if row.finished < row.newest - SKEW)


def _of_tasks() -> ColumnElement[bool]:
    return or_(col(AuditRow.record_ref).like("T%"), col(AuditRow.record_ref).like("I%"))


def _newest(key: Any, of: Any, *where: ColumnElement[bool]) -> Any:
    """When something last happened there: the end of an index, walked back to the first row that counts."""
    last = select(col(AuditRow.at)).where(col(key) == col(of), *where).order_by(col(AuditRow.at).desc()).limit(1)
    return last.correlate(OutboxRow).scalar_subquery()


# People


def commander(sight: Sight) -> Iterator[Finding]:
    known = table_of(incident.Incident)
    rows = sight.session.execute(select(known.ref, known.commander).where(known.state.in_(_codes(*incident.UNCLOSED))))
    gone = (row for row in rows if row.commander not in sight.plans.organization.people)
    yield from (Finding("commander", row.ref, row.commander) for row in gone)


def rung(sight: Sight) -> Iterator[Finding]:
    """A rung of the ladder of something open that means nobody today. Whom a lost commander leaves empty is not said twice."""
    known, organization = table_of(incident.Incident), sight.plans.organization
    tasks, reports = table_of(task.Task), table_of(regulator_report.Report)
    asks = (
        (tasks, tasks.state.in_(_codes(*task.LIVE, task.State.DONE)), _empty_rungs),
        (reports, reports.state.in_(_codes(*regulator_report.RUNNING)), _empty_hearings),
    )
    for table, is_open, empty in asks:
        groups = select(table.incident, table.group).where(is_open).distinct().subquery()
        columns = (known.ref, known.plan, known.response_level, known.commander, groups.c.group)
        rows = sight.session.execute(select(*columns).join(groups, groups.c.incident == known.ref))
        seen: dict[tuple[str, ...], Sequence[str]] = {}
        for ref, *about in rows:
            key = tuple(str(one) for one in about)
            if key not in seen:
                seen[key] = [spec for spec in empty(sight, *key) if spec != "commander" or key[2] in organization.people]
            yield from (Finding("rung", ref, f"{key[3]}|{spec}") for spec in seen[key])


def _empty_rungs(sight: Sight, plan: str, level: str, commander: str, group: str) -> Sequence[str]:
    responses = sight.plans.of(sight.session, plan).responses
    response = next(one for name, one in responses.items() if str(name) == level)
    heard = (
        audience(n, response, sight.plans.organization, group=group, owner=(), commander=commander) for n in range(len(response.rungs))
    )
    return [one.skipped[0] for one in heard if one.skipped]


def _empty_hearings(sight: Sight, plan: str, level: str, commander: str, group: str) -> Sequence[str]:
    ladder = sight.plans.of(sight.session, plan).ladder
    heard = (hearing(n, ladder, sight.plans.organization, group=group, commander=commander) for n in range(len(ladder.rungs)))
    return [one.skipped[0] for one in heard if one.skipped]


PROBES: Final[Sequence[Callable[[Sight], Iterator[Finding]]]] = (
    *(no_timer, late_timer, held),
    *(inbox, outbox, unsent, card),
    *(commander, rung),
)


# Cards that show that somebody is there


def cards_to_freshen(session: Session, now: datetime, *, older: timedelta, within: timedelta, most: int) -> list[int]:
    """Ids of incidents' own cards that were drawn longer ago than `older`, while something of the incident is due `within` a while."""
    known, row, timer = table_of(incident.Incident), OutboxRow, aliased(TimerRow)
    key = literal_column("'card:'") + col(ChatRow.platform) + ":" + col(ChatRow.chat) + ":incident:" + known.ref
    soon = exists().where(col(timer.incident) == known.ref, col(timer.status) == WAITING, col(timer.due) <= now + within)
    statement = (
        select(col(row.id))
        .select_from(known)
        .join(ChatRow, and_(col(ChatRow.incident) == known.ref, col(ChatRow.left).is_(None)))
        .join(row, col(row.key) == key)
        .where(known.state.in_(_codes(*incident.UNCLOSED)), col(row.status) == DONE, col(row.finished) <= now - older, soon)
        .order_by(func.coalesce(row.finished, row.due))
        .limit(most)
    )
    return [one for one in session.scalars(statement) if one is not None]


def _codes(*states: object) -> list[str]:
    return [str(state) for state in states]


def _waits(table: type[QueueRow]) -> ColumnElement[bool]:
    """A literal, so that the databases know that the partial index applies."""
    return literal_column(f"{table.__tablename__}.status = '{WAITING}'")
