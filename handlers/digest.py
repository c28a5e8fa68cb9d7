"""The digest: twice a day one message to each person about all that is still open with them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.core import acts
from handlers.core import report_view as view
from handlers.core.access import house_scope, scope_of
from handlers.core.duties import duty_name
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing
from handlers.core.registry import screen
from storage.digests import LATEST
from storage.views.standing import Standing
from workflows.core.approval import Approval
from workflows.core.rubric import ResponseLevel
from workflows.core.working_days import is_working, local_day
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.task import State, Task

#: Of these somebody is told on days that are not worked, too.
HEAVY = (ResponseLevel.L1, ResponseLevel.L2)
MOST_LINES, MOST_BUTTONS = 30, 8


@dataclass(frozen=True, slots=True)
class _Item:
    due: datetime | None
    incident: Incident
    name: str
    text: str
    buttons: tuple[Button, ...] = ()

    def late(self, now: datetime) -> bool:
        return self.due is not None and self.due < now


@screen("person.digest")
def digest(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """None = nothing is open, it comes too late, or it is a day off and nothing presses."""
    at, standing = datetime.fromisoformat(about["values"]["at"]), look.reader.within(scope_of(look.person, look.organization), Standing)
    items = _items(look, standing)
    if look.now >= at + LATEST or not items or not (_worked(look, standing) or any(_presses(look, one) for one in items)):
        return None
    late = sum(one.late(look.now) for one in items)
    head = look.say("digest.head", at=at, count=len(items)) + (look.say("digest.late", count=late) if late else "")
    lines = [(one.name, one.text) for one in items[:MOST_LINES]]
    if len(items) > MOST_LINES:
        lines.append(("", look.say("digest.more", count=len(items) - MOST_LINES)))
    buttons = tuple(button for one in items for button in one.buttons)[:MOST_BUTTONS]
    card = Card(head, tuple(lines), "", buttons, "warning" if late else "info", all(one.incident.drill for one in items))
    return Outgoing("\n".join([head, *(" ".join(part for part in line if part) for line in lines)]), card)


def _worked(look: Look, standing: Standing) -> bool:
    return is_working(standing.calendar, local_day(look.now, look.zone))[0]


def _presses(look: Look, item: _Item) -> bool:
    return item.incident.response_level in HEAVY or item.late(look.now)


def _items(look: Look, standing: Standing) -> list[_Item]:
    """What others wait for first, then what is late, then the nearest due. Whom the plan asks is asked in a restricted incident, too."""
    person, anywhere = look.person, look.reader.within(house_scope(), Standing)
    waited_for = [_approval(look, one) for one in anywhere.approvals_with(person)]
    own = [*(_task(look, one) for one in standing.tasks_with(person)), *(_report(look, one) for one in standing.reports_with(person))]
    return waited_for + sorted(own, key=lambda one: (one.due is None, one.due or look.now))


def _task(look: Look, task: Task) -> _Item:
    incident = look.reader.incident(task.incident)
    if task.state is State.DONE:
        what, buttons = look.say("digest.to_check", by=look.name(task.done_by)), acts.check(look, task)[:1]
    elif task.owner is None:
        what, buttons = look.say("digest.unowned"), [acts.claim(look, task)]
    else:
        what, buttons = look.words.show(task.state), [] if task.waits else [acts.progress(look, task, "primary")]
    text = look.say("digest.line", title=task.title, number=incident.number, what=what, due=_due(look, task.due_at))
    return _Item(task.due_at, incident, task.ref, text, tuple(buttons))


def _approval(look: Look, approval: Approval) -> _Item:
    incident = look.reader.incident(approval.incident)
    kind = look.say(f"approval.kind.{approval.kind}")
    waits = look.say("digest.asked", by=look.name(approval.asked_by), at=approval.asked_at)
    text = look.say("digest.line", title=kind, number=incident.number, what=look.say("digest.to_decide"), due=waits)
    return _Item(None, incident, approval.ref, text)


def _report(look: Look, report: Report) -> _Item:
    incident = look.reader.incident(report.incident)
    name = duty_name(look.words, look.reader.plan_of(incident).obligations[report.obligation])
    due = _due(look, report.deadline_at)
    text = look.say("digest.line", title=name, number=incident.number, what=look.say("digest.to_file"), due=due)
    button, *_ = view.told_buttons(look, report)
    return _Item(report.deadline_at, incident, report.ref, text, (replace(button, style="primary"),))


def _due(look: Look, due: datetime | None) -> str:
    if due is None:
        return look.say("task.no_due")
    return look.say("digest.overdue", due=due, span=look.now - due) if due < look.now else look.say("card.by", due=due)
