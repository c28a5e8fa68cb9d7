"""先批后办: a task that its owner begins only when the approver whom its line names has agreed."""

from handlers.core.asking import ask, of_task
from handlers.core.context import Context
from handlers.core.forms import question
from handlers.core.important import guarded_line
from handlers.core.look import Look
from handlers.core.message import Button
from workflows.core import approval as rules
from workflows.core.approval import Approval, State, approvers_of
from workflows.core.errors import RuleBroken
from workflows.incident import Incident
from workflows.task import Task


def ask_first(context: Context, incident: Incident, task: Task, note: str = "") -> str:
    """Ask whoever has to agree before `task` is begun, in its owner's name; answers what to tell. Nothing where nobody has to."""
    if not task.waits or not task.owner:
        return ""
    approval = ask(
        context,
        incident,
        "task",
        note,
        subject=task.ref,
        what=_question(context, incident, task, note),
        of=of_task(context, incident, task),
        by=task.owner,
    )
    people = context.words.join([context.name(p) for p in approvers_of(approval, context.organization)])
    return context.words.say("task.asked_first", people=people, approval=approval.ref)


def _question(context: Context, incident: Incident, task: Task, note: str) -> str:
    """What exactly is agreed to: which task, by whom, what counts as done, and what its owner says about it."""
    return context.words.say(
        "task.ask_first",
        number=incident.number,
        incident=incident.title,
        ref=task.ref,
        title=task.title,
        owner=context.name(task.owner),
        done=task.done_means or "-",
        note=note.strip() or "-",
    )


def void_question(context: Context, task: Task, reason: str) -> None:
    """What was asked about the task is taken back: it has another owner, or none, or is over."""
    for pending in context.uow.approvals(task.incident):
        if pending.kind == "task" and pending.subject == task.ref:
            context.uow.apply(rules.void(pending, now=context.now, reason=context.words.say(reason)))


def check_may_begin(context: Context, incident: Incident, task: Task) -> None:
    """Refuse with the names of those who have to agree first."""
    if task.waits and task.owner == context.person:
        people = rules.deciders(of_task(context, incident, task), context.organization)
        raise RuleBroken("task.first", ref=task.ref, person=tuple(p for p in people if p != context.person))


def _pending(look: Look, task: Task) -> Approval | None:
    found = (a for a in look.reader.approvals(task.incident) if a.kind == "task" and a.subject == task.ref and a.state is State.PENDING)
    return next(found, None)


def first_line(look: Look, incident: Incident, task: Task) -> str:
    """「须先经…同意」 of a task that waits, with the question that is pending; else nothing."""
    if not task.waits or not task.live:
        return ""
    pending = _pending(look, task)
    if pending is not None:
        people = look.names(approvers_of(pending, look.organization))
        return _with_why(look, task, look.say("card.first_asked", people=people, ref=pending.ref))
    level = look.response(incident).approvers.get("statement", ())
    specs = level if task.approve == "by_level" else (task.approve,) if task.approve else ()
    people = look.names([p for p in dict.fromkeys(p for spec in specs for p in look.organization.resolve(spec)) if p != task.owner])
    return _with_why(look, task, look.say("card.first", people=people))


def _with_why(look: Look, task: Task, line: str) -> str:
    return "\n".join(filter(None, (line, guarded_line(look, task))))


def first_buttons(look: Look, task: Task) -> list[Button]:
    """For the owner of a task that waits: ask, unless it is asked already."""
    if _pending(look, task) is not None:
        return []
    ask_ = Button(
        look.say("button.ask_first", ref=task.ref), f"/task ask {task.ref}", task.touched, "primary", form=question(look.say("ask.first"))
    )
    return [ask_]
