"""A naive repeater, to compare with: what one writes in an afternoon.

It knows what is open, whose it is, and the pace of the plan. Until an item is closed it tells everybody of it, each item in a message of
its own, by day and by night: who owns it or, while nobody does, the whole group. So it is never later than the plan wants, and knows no
rungs, no bundles, no digests and no rest. A regulator's clock it begins to tell of when the product does.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from storage.views.reader import Reader
from workflows.core.approval import State as Asked
from workflows.core.approval import approvers_of
from workflows.core.response import Response
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.task import State, Task

#: (what is told of, how often, to whom)
Open = tuple[str, timedelta, tuple[str, ...]]


class Repeater:
    """`said`: messages so far, to single people."""

    def __init__(self) -> None:
        self.said = 0
        self.people: set[str] = set()
        self._last: dict[str, datetime] = {}

    def look(self, reader: Reader, now: datetime) -> None:
        """Say what is due. To be called at least as often as the shortest pace of the plan."""
        for incident in reader.unclosed():
            for what, every, people in self._open(reader, incident, now):
                if self._last.setdefault(what, now) + every <= now:
                    self._last[what] = now
                    self.said += len(people)
                    self.people.update(people)

    def _open(self, reader: Reader, incident: Incident, now: datetime) -> Iterator[Open]:
        plan = reader.plan_of(incident)
        response = plan.responses[incident.response_level]
        groups = reader.organization.groups
        yield incident.ref, response.cadence, (incident.commander or reader.organization.duty("office"),)
        for task in reader.tasks(incident.ref):
            if task.live or task.state is State.DONE:
                yield task.ref, _pace(task, response), (task.owner,) if task.owner else groups[task.group].everyone
        for report in reader.reports(incident.ref):
            if report.open and _speaks(report, plan.ladder.before, now):
                yield report.ref, plan.ladder.repeat, groups[report.group].everyone
        for approval in reader.approvals(incident.ref):
            if approval.state is Asked.PENDING:
                yield approval.ref, response.approval_wait, approvers_of(approval, reader.organization)


def _pace(task: Task, response: Response) -> timedelta:
    if task.state is State.DONE:
        return response.verify_within
    return response.overdue_repeat if task.owner else response.claim_within


def _speaks(report: Report, before: timedelta, now: datetime) -> bool:
    return report.deadline_at is not None and now >= report.deadline_at - before
