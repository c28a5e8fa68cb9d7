"""The calendars that were in force: kept by fingerprint with the plans, so that a deadline's calendar can be shown and compared later."""

import base64
import json
from datetime import datetime, tzinfo

from sqlalchemy import select as sa_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from storage.mapping import table_of
from storage.plan import CALENDAR, calendar_from
from storage.plans import Plans
from storage.tables.records import PlanRow
from storage.timers import set_timers
from workflows.core.calendar import Calendar
from workflows.core.outcome import Timer
from workflows.core.plan import Plan
from workflows.core.working_days import local_day
from workflows.incident import UNCLOSED, Incident
from workflows.regulator_report import RUNNING, Report
from workflows.task import LIVE, Task

#: The timer at which an incident's deadlines are worked out by a calendar that has changed.
TIMER = "calendar"
_PREFIX = "calendar:"


def renew(session: Session, plans: Plans, now: datetime) -> bool:
    """At each start: keep the calendar in force. When it is not the last one, every incident that is not closed gets the timer."""
    mark = f"{_PREFIX}{plans.current.calendar.fingerprint}"
    last = session.exec(_latest().limit(1)).first()
    if last is not None and last.fingerprint == mark:
        return False
    row = session.get(PlanRow, mark)
    if row is not None:
        row.kept = now
    elif not _first(session, PlanRow(fingerprint=mark, kept=now, files=_packed(plans.calendar_file))):
        return False
    table = table_of(Incident)
    unclosed = session.scalars(sa_select(table.ref).where(table.state.in_([str(state) for state in UNCLOSED])))
    for ref in unclosed:
        set_timers(session, [Timer(TIMER, now)], record_ref=ref, incident=ref, now=now)
    session.flush()
    return True


def _first(session: Session, row: PlanRow) -> bool:
    """False when another replica, which starts at the same moment, has kept it and does the rest."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def before(session: Session, current: Calendar) -> Calendar | None:
    """The one that was in force before `current`; None when there was none."""
    row = session.exec(_latest().where(col(PlanRow.fingerprint) != f"{_PREFIX}{current.fingerprint}").limit(1)).first()
    return calendar_from(base64.b64decode(json.loads(row.files)[CALENDAR])) if row is not None else None


def running_in_unknown_years(session: Session, plan: Plan, zone: tzinfo) -> list[str]:
    """Refs of clocks and tasks that run, count by the calendar, and are due in a year that it does not have."""
    reports, tasks = table_of(Report), table_of(Task)
    by_calendar = [line.code for book in plan.playbooks.values() for line in book.lines if line.by_calendar]
    clocks = sa_select(reports.ref, reports.deadline_at).where(
        reports.state.in_([str(state) for state in RUNNING]), reports.calendar != "continuous", reports.deadline_at.is_not(None)
    )
    work = sa_select(tasks.ref, tasks.due_at).where(
        tasks.state.in_([str(state) for state in LIVE]), tasks.code.in_(by_calendar), tasks.due_at.is_not(None)
    )
    rows = [*session.execute(clocks), *session.execute(work)]
    return sorted(ref for ref, due in rows if local_day(due, zone).year not in plan.calendar.years)


def _latest() -> SelectOfScalar[PlanRow]:
    return select(PlanRow).where(col(PlanRow.fingerprint).startswith(_PREFIX)).order_by(col(PlanRow.kept).desc())


def _packed(content: bytes) -> bytes:
    return json.dumps({CALENDAR: base64.b64encode(content).decode()}).encode()
