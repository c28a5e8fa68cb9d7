"""What stands open with one person, over all incidents that this person may see."""

from sqlalchemy import select

from storage.mapping import table_of, to_record
from storage.views.reader import Reader
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.core.calendar import Calendar
from workflows.regulator_report import SETTLED, Report
from workflows.task import LIVE, State, Task

#: More than anybody reads; what is not shown is still open.
_MOST = 200


class Standing(Reader):
    @property
    def calendar(self) -> Calendar:
        return self._plans.current.calendar

    def tasks_with(self, person: str) -> list[Task]:
        """What the person owns, what nobody owns in the groups that they lead, and what waits for their check."""
        table, hidden = table_of(Task), self._hidden()
        mine = (table.owner == person) | (table.owner.is_(None) & table.group.in_(self._led_by(person)))
        live = select(table).where(mine, table.state.in_([str(state) for state in LIVE]), table.incident.not_in(hidden))
        done = select(table).where(table.state == str(State.DONE), table.incident.not_in(hidden)).order_by(table.done_at)
        found = [to_record(Task, row) for row in self._session.scalars(live.order_by(table.due_at).limit(_MOST))]
        return found + [
            task for task in (to_record(Task, row) for row in self._session.scalars(done.limit(_MOST))) if self._checks(person, task)
        ]

    def approvals_with(self, person: str) -> list[Approval]:
        """What waits for their decision or, spoken already, their signature; the longest waiting first."""
        table = table_of(Approval)
        rows = self._session.scalars(
            select(table).where(table.state.in_([str(Asked.PENDING), str(Asked.ORAL)])).order_by(table.asked_at).limit(_MOST)
        )
        return [one for one in (to_record(Approval, row) for row in rows) if person in self._asked(one)]

    def reports_with(self, person: str) -> list[Report]:
        """Regulators' clocks of the groups that they lead."""
        table = table_of(Report)
        mine = (table.group.in_(self._led_by(person)), table.incident.not_in(self._hidden()))
        rows = self._session.scalars(select(table).where(*mine, table.state.not_in([str(state) for state in SETTLED])).limit(_MOST))
        return [to_record(Report, row) for row in rows]

    def _asked(self, approval: Approval) -> tuple[str, ...]:
        return (approval.decided_by or "",) if approval.state is Asked.ORAL else approvers_of(approval, self.organization)

    def _led_by(self, person: str) -> list[str]:
        return [group.id for group in self.organization.groups.values() if person in group.leaders]
