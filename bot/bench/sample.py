"""The busy firm that is measured: open incidents with their tasks, of the sample plan, as records."""

from datetime import datetime, timedelta
from itertools import cycle

from storage.mapping import Record
from storage.plans import Plans
from workflows.core.rubric import OpinionLevel, ResponseLevel
from workflows.incident import Incident
from workflows.incident import State as Phase
from workflows.task import State, Task

#: Refs of filled records begin here; what is opened while measuring counts from 1.
FIRST = 1_000_000


def firm(plans: Plans, now: datetime, *, incidents: int, tasks: int, due: timedelta) -> list[Record]:
    """So many incidents, with so many tasks in all, each due `due` from now."""
    fingerprint, groups = plans.current.fingerprint, cycle(plans.organization.groups)
    found: list[Record] = [_incident(number, fingerprint, plans, now) for number in range(FIRST, FIRST + incidents)]
    found += [_task(FIRST + number, FIRST + number % incidents, next(groups), fingerprint, now, due) for number in range(tasks)]
    return found


def _incident(number: int, plan: str, plans: Plans, now: datetime) -> Incident:
    return Incident(
        ref=f"I{number}",
        number=f"INC-20260101-{number}",
        title="行情中断",
        state=Phase.ACTIVE,
        plan=plan,
        opened_by=plans.organization.duty("office"),
        opened_at=now,
        known_at=now,
        commander=plans.organization.duty("office"),
        opinion_level=OpinionLevel.MODERATE,
        opinion_total=8,
        response_level=ResponseLevel.L3,
        type="system_failure",
        playbooks=("common", "system_failure"),
    )


def _task(number: int, incident: int, group: str, plan: str, now: datetime, due: timedelta) -> Task:
    return Task(
        ref=f"T{number}",
        incident=f"I{incident}",
        code="",
        title="定位故障域并判断能否切换",
        done_means="切/不切的结论与理由",
        group=group,
        state=State.OPEN,
        plan=plan,
        created_at=now,
        created_by="clock",
        due_at=now + due,
        prompted_at=now,
    )
