"""After an incident changed: tasks whose clock has started are made, dues follow the level, and people hear of what is new to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers.core.clocks import known_of, settle_clocks
from handlers.core.context import Context
from handlers.core.statements import follow
from workflows import task as rules
from workflows.core.calendar import Calendar
from workflows.core.conditions import Known, answer
from workflows.core.outcome import Notice, Outcome
from workflows.core.plan import Plan
from workflows.core.playbook import TaskLine, guarded, merged, same_work
from workflows.core.working_days import local_day
from workflows.incident import Incident
from workflows.task import State, Task


@dataclass(frozen=True, slots=True)
class Settled:
    """What changed, as refs."""

    made: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()


def lines_of(plan: Plan, playbooks: Iterable[str], known: Known) -> list[tuple[TaskLine, ...]]:
    """The lines that make tasks now (their conditions are all yes), in plan order; those for the same work together."""
    lines = (line for name in playbooks for line in plan.playbooks[name].lines)
    return same_work(line for line in lines if line.live and answer(line.when, known) == "yes")


def settle(context: Context, incident: Incident, *, freely: bool = False, new_level: bool = False, spare_late: bool = False) -> Settled:
    """Bring the tasks in line with the incident's clocks and level.

    `freely`: a provisional grade was replaced, so dues may also move later · `spare_late`: but what has fallen due stays as late as it
    is · `new_level`: every task's timers follow it. A task is made when its clock starts, not before: until then nobody could do it,
    and nobody should be asked to.
    """
    tasks, plan = [task for task in context.uow.tasks(incident.ref) if task.code], context.uow.plan_of(incident)
    existing = by_work(plan, tasks)
    shift = _Shift(freely, new_level, spare_late)
    changes: dict[str, list[Task]] = {"made": [], "moved": [], "dropped": []}
    for same in lines_of(plan, incident.playbooks, known_of(context, incident)):
        line, due = _earliest(context, incident, same)
        task = existing.get((line.title, line.group))
        what, outcome = _first(context, incident, line, due) if task is None else _again(context, incident, line, task, due, shift)
        if outcome is not None:
            after = context.uow.apply(outcome)
            if what != "moved" or task is None or after.due_at != task.due_at:
                changes[what].append(after)
    _tell(context, incident, changes["made"], {task.group for task in tasks})
    clocks = settle_clocks(context, incident)
    follow(context, incident)
    return Settled(clocks=clocks, **{what: tuple(task.ref for task in tasks) for what, tasks in changes.items()})


def later_dues(context: Context, incident: Incident, was: Calendar | None) -> dict[str, datetime]:
    """Tasks whose due the calendar alone would move later, and where to; they stay where they are."""
    plan, response = context.uow.plan_of(incident), context.response(incident)
    tasks = by_work(plan, [task for task in context.uow.tasks(incident.ref) if task.code and task.live])
    books = {line.code: name for name in incident.playbooks for line in plan.playbooks[name].lines}
    found = {}
    for line in (line for name in incident.playbooks for line in plan.playbooks[name].lines if line.by_calendar):
        task = tasks.get((line.title, line.group))
        if task is None or task.due_at is None or task.code != line.code:
            continue
        clocks = incident.clocks_of(books[line.code])
        due, old = (rules.due_for(line, response, clocks, one, context.zone) if one else None for one in (plan.calendar, was))
        if due and due > task.due_at and due != old:
            found[task.ref] = due
    return found


def by_work(plan: Plan, tasks: Sequence[Task]) -> dict[tuple[str, str], Task]:
    """Tasks by the title and group that their line has in the plan, whichever of their playbooks made them."""
    work = {line.code: (line.title, line.group) for book in plan.playbooks.values() for line in book.lines}
    return {work[task.code]: task for task in tasks if task.code in work}


def _earliest(context: Context, incident: Incident, same: Sequence[TaskLine]) -> tuple[TaskLine, datetime | None]:
    """Of lines for the same work the one that is due first, with what the others ask besides."""
    response, calendar = context.response(incident), context.uow.plan_of(incident).calendar
    books = context.uow.plan_of(incident).playbooks
    of = {line.code: name for name in incident.playbooks for line in books[name].lines}
    dues = [(rules.due_for(line, response, incident.clocks_of(of[line.code]), calendar, context.zone), line) for line in same]
    due, line = min(dues, key=lambda one: (one[0] is None, one[0] or context.now))
    return merged(line, same) if len(same) > 1 else line, due


Change = tuple[str, Outcome[Task] | None]


@dataclass(frozen=True, slots=True)
class _Shift:
    """How dues may move, see `settle`."""

    freely: bool
    new_level: bool
    spare_late: bool

    def moves_freely(self, task: Task, now: datetime) -> bool:
        return self.freely and not (self.spare_late and task.due_at is not None and task.due_at <= now)


def _first(context: Context, incident: Incident, line: TaskLine, due: datetime | None) -> Change:
    """A line that has no task yet: made once its clock has started, if its level asks for it."""
    if due is None:
        return "made", None
    if context.uow.plan_of(incident).calendar.important_at(local_day(context.now, context.zone)):
        line = guarded(line)
    if context.words.locale == "en":
        line = replace(line, title=line.title_en or line.title, done=line.done_en or line.done)
    outcome = rules.open_from(
        line,
        ref=context.uow.next_ref(Task),
        incident=incident.ref,
        plan=incident.plan,
        by=context.person,
        now=context.now,
        due=due,
        response=context.response(incident),
    )
    return "made", outcome


def _again(context: Context, incident: Incident, line: TaskLine, task: Task, due: datetime | None, shift: _Shift) -> Change:
    """A line that has its task: dropped where a replaced level does not ask for it, done again when its clock started again, else moved."""
    response, by, now = context.response(incident), context.person, context.now
    if due is None:
        idle = shift.moves_freely(task, now) and task.state is State.OPEN and incident.clocks().get(line.clock) is not None
        reason = context.words.say("task.not_at_level")
        return "dropped", rules.cancel(task, by=by, response=response, reason=reason, rule=True) if idle else None
    if task.state is State.CANCELLED and task.verified_by == "rule":
        reason = context.words.say("task.asked_again")
        again = due if due > now else now + (rules.wait_for(line, response) or timedelta())
        return "made", rules.reopen(task, by=by, now=now, response=response, reason=reason, due=again)
    if _restarted(task, line, incident):
        reason = context.words.say("task.clock_restarted")
        return "made", rules.reopen(task, by=by, now=now, response=response, reason=reason, due=due)
    if not task.live:
        return "moved", None
    period, freely = rules.wait_for(line, response), shift.moves_freely(task, now)
    moved = rules.reschedule(task, response=response, due=due, now=now, freely=freely, period=period, new_level=shift.new_level)
    return "moved", moved


def _restarted(task: Task, line: TaskLine, incident: Incident) -> bool:
    """Whether a finished task's clock has started again since the task was made (the incident was reopened)."""
    start = incident.clocks().get(line.clock)
    return task.state is State.CLOSED and start is not None and start > task.created_at


def _tell(context: Context, incident: Incident, made: list[Task], carded: set[str]) -> None:
    """Each person of the groups concerned has one card with all their tasks; what is new on a card that stands already is also said."""
    fresh: dict[str, list[str]] = {}
    invite(context, incident, {task.group for task in made} - carded)
    have_card = {person for group in carded for person in context.organization.groups[group].everyone}
    for task in made:
        for person in context.organization.groups[task.group].everyone:
            fresh.setdefault(person, []).append(task.ref)
    for person, refs in fresh.items():
        context.uow.tell(Notice("mine", (person,), urgency="assignment", card=True), incident)
        if person in have_card:
            context.uow.tell(Notice("tasks.new", (person,), {"refs": list(refs)}, "assignment"), incident)


def invite(context: Context, incident: Incident, joined: set[str]) -> None:
    """Who leads a group that joins later comes into the room that was made for the incident."""
    room = context.uow.own_room(incident.ref) if joined else None
    if room is not None:
        members = list(dict.fromkeys(p for group in sorted(joined) for p in context.organization.groups[group].leaders))
        key = f"invite:{incident.ref}:{','.join(sorted(joined))}"
        context.uow.deed("invite", key, {"members": members}, incident.ref, platform=room[0], chat=room[1])


def fulfil(context: Context, incident: Incident, command: str) -> list[str]:
    """Close the tasks whose line says that this command's success closes them."""
    response, closed = context.response(incident), []
    for task in context.uow.tasks(incident.ref):
        if task.fulfilled_by == command and (task.live or task.state is State.DONE):
            closed.append(context.uow.apply(rules.fulfil(task, by=context.person, now=context.now, response=response)).ref)
    return closed
