"""Deadlines as people read them: 暂定 where days were counted of a year that the calendar does not have."""

from datetime import datetime, timedelta, tzinfo

from handlers.core.look import Look
from handlers.core.wording import Provisional
from workflows.core.plan import Plan
from workflows.core.working_days import local_day
from workflows.regulator_report import Report
from workflows.task import Task


def report_due(report: Report) -> datetime | Provisional | None:
    return Provisional(report.deadline_at) if report.deadline_at and report.provisional else report.deadline_at


def task_due(plan: Plan, task: Task, zone: tzinfo) -> datetime | Provisional | None:
    if task.due_at is None:
        return None
    first, last = (local_day(moment, zone).year for moment in (task.created_at, task.due_at))
    if all(year in plan.calendar.years for year in range(first, last + 1)):
        return task.due_at
    lines = (line for book in plan.playbooks.values() for line in book.lines)
    return Provisional(task.due_at) if any(line.code == task.code and line.by_calendar for line in lines) else task.due_at


def by_when(look: Look, task: Task) -> str:
    """By when, and how late it is."""
    if task.due_at is None:
        return look.say("task.no_due")
    late, due = look.now - task.due_at, task_due(look.reader.plan_of(task), task, look.zone)
    return look.say("card.late", due=due, span=late) if task.live and late >= timedelta(minutes=1) else look.say("card.by", due=due)
