"""The doors by which an incident leaves without having been handled: merged into another, or a false alarm. Two people, always."""

import re
from dataclasses import dataclass, replace

from handlers.core import asking
from handlers.core.clocks import agreement_of, duty_name, keep, listed, propose, removed_by, waive
from handlers.core.context import Context
from handlers.core.delayed import GAP, answered, line, second
from handlers.core.message import Reply
from handlers.core.reading import take_reading
from handlers.core.registry import approved, command, key, ref, rest, returned
from handlers.core.settling import settle
from handlers.core.statements import take_all_back
from handlers.core.tokens import fold
from workflows import incident as rules
from workflows import task as tasks
from workflows.core.approval import Approval, approvers_of
from workflows.core.errors import BadWords, RuleBroken
from workflows.core.facts import Value
from workflows.core.grading import lowers
from workflows.core.rubric import EventGrade
from workflows.incident import Incident
from workflows.task import State, Task

_INTO = re.compile(rf"(?:into|to|并入|并到|到|入)?[ \n]*i[ ]?([0-9]+)(?!\w){GAP}*")


@dataclass(frozen=True, slots=True)
class Merge:
    incident: str | None = ref("I")
    into: str | None = key("并入", "到", kind="word")
    delayed: bool | None = key("延误", "委托延误", kind="flag")
    text: str = rest("并入的事件 有或无 理由", "into I1 yes|no reason", required=True)


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    incident: str | None = ref("I")
    delayed: bool | None = key("延误", "委托延误", kind="flag")
    text: str = rest("有或无 理由", "yes|no reason", required=True)


@command("incident merge", Merge, zh="事件 合并", also=("事件 并入",), who="group:office,lead", four_eyes=True, tells="pending")
def merge(context: Context, given: Merge) -> Reply:
    """Ask a second person to merge it into another one."""
    text = fold(f"{given.into or ''} {given.text}".strip())
    found = _INTO.match(text.shape)
    if not found:
        raise BadWords("incident.merge_into")
    target = f"I{int(found.group(1))}"
    ours = given.incident or context.incident(None).ref
    if target == ours:
        raise RuleBroken("incident.merge_itself", ref=ours)
    into = _both(context, ours, target)[1]
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "merge")
    _absorbable(into, incident)
    delayed, reason = answered(given.delayed, text.cut(found.end(), len(text.shape)))
    why = context.words.say("incident.ask_to_merge", number=incident.number, title=incident.title, into=into.number, into_title=into.title)
    return _ask(context, incident, "merge", why, delayed, reason, {"into": into.ref})


@command("incident false-alarm", FalseAlarm, zh="事件 误报", who="group:office,lead", four_eyes=True, tells="pending")
def false_alarm(context: Context, given: FalseAlarm) -> Reply:
    """Ask a second person to agree that it was nothing."""
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "false_alarm")
    delayed, reason = answered(given.delayed, given.text)
    why = context.words.say("incident.ask_to_dismiss", number=incident.number, title=incident.title)
    return _ask(context, incident, "false_alarm", why, delayed, reason, {})


def _both(context: Context, one: str, other: str) -> tuple[Incident, Incident]:
    """Both incidents, their rows locked in one order whichever is merged into which."""
    for each in sorted((one, other), key=lambda found: int(found[1:])):
        context.uow.lock(each)
    context.reader.incident(other)  # whoever may not see it may not merge into it
    return context.uow.load(Incident, one), context.uow.load(Incident, other)


def _absorbable(into: Incident, other: Incident) -> None:
    """Refused as it would be at the approval, but before anybody is asked."""
    rules.absorb(into, other, by="", facts={})


def _ask(context: Context, incident: Incident, kind: str, why: str, delayed: bool, reason: str, values: dict[str, Value]) -> Reply:
    running = [report for report in context.uow.reports(incident.ref) if report.open]
    names = context.words.join([f"{report.ref} {duty_name(context, incident, report)}" for report in running])
    lines = [
        why,
        line(context, delayed),
        context.words.say("incident.move_reason", reason=reason),
        context.words.say("incident.move_clocks", names=names) if running else context.words.say("incident.move_no_clocks"),
    ]
    told: dict[str, Value] = {"reports": [report.ref for report in running], "reason": reason, "delayed": delayed, **values}
    of = second(context, delayed) if kind == "false_alarm" else ()
    approval = asking.ask(context, incident, kind, reason, values=told, what="\n".join(lines), of=of)
    propose(context, running, approval, reason)
    people = context.words.join([context.name(p) for p in approvers_of(approval, context.organization)])
    return context.say("incident.move_asked", ref=approval.ref, approval=approval.ref, people=people)


@approved("merge")
def merged(context: Context, approval: Approval, by: str) -> None:
    incident, into = _both(context, approval.incident, str(approval.values["into"]))
    _nothing_new(context, approval)
    agreement = agreement_of(approval, by)
    waive(context, approval, by)
    take_all_back(context, incident.ref, context.words.say("incident.merged_reason", into=into.ref))
    after = _absorb(context, into, incident, agreement.asked_by)
    moved, owners = _hand_over(context, incident, after, agreement.asked_by)
    delayed = approval.values["delayed"] is True
    context.uow.apply(rules.merge(incident, agreement, into=into.ref, delayed=delayed, moved=moved, to=owners))
    there = context.uow.chats(into.ref)
    for platform, chat in context.uow.chats(incident.ref):
        if (platform, chat) not in there:
            context.uow.bind(into.ref, platform, chat)


@approved("false_alarm")
def dismissed(context: Context, approval: Approval, by: str) -> None:
    incident = context.uow.load(Incident, approval.incident)
    _nothing_new(context, approval)
    reason = context.words.say("incident.false_reason")
    waive(context, approval, by)
    take_all_back(context, incident.ref, reason)
    for task in _unfinished(context, incident):
        _cancel(context, incident, task, approval.asked_by, reason)
    context.uow.apply(rules.false_alarm(incident, agreement_of(approval, by), delayed=approval.values["delayed"] is True))


for _kind in ("merge", "false_alarm"):
    returned(_kind)(keep)


def _nothing_new(context: Context, approval: Approval) -> None:
    """What the second person read must still be all that stops."""
    new = [r.ref for r in context.uow.reports(approval.incident) if r.open and r.ref not in listed(approval)]
    if new:
        raise RuleBroken("incident.move_changed", approval=approval.ref, reports=tuple(new))


def _unfinished(context: Context, incident: Incident) -> list[Task]:
    return [task for task in context.uow.tasks(incident.ref) if task.live or task.state is State.DONE]


def _cancel(context: Context, incident: Incident, task: Task, by: str, reason: str) -> None:
    context.uow.apply(tasks.cancel(task, by=by, response=context.response(incident), reason=reason, rule=True))


def _absorb(context: Context, into: Incident, other: Incident, by: str) -> Incident:
    """The other's facts, type, grade and earlier moments join, where they take no clock of this one away."""
    facts = {name: value for name, value in other.facts.items() if _tells_more(context, into, name, value)}
    after = context.uow.apply(rules.absorb(into, other, by=by, facts=facts))
    higher: dict[str, Value] = {
        name: str(grade)
        for name, grade, own in (("csrc_grade", other.csrc_grade, into.csrc_grade), ("cac_grade", other.cac_grade, into.cac_grade))
        if isinstance(grade, EventGrade) and grade is not own and not lowers(own, grade)
    }
    new_level = False
    if other.graded_at is not None:
        after = take_reading(context, after, higher, {}, by=by)[0]
        new_level = after.response_level is not into.response_level
    settle(context, after, new_level=new_level)
    if new_level:
        asking.ask_again(context, after)
    return after


def _tells_more(context: Context, into: Incident, name: str, value: Value) -> bool:
    if name in ("csrc_grade", "cac_grade") or value is None or value == into.facts.get(name):
        return False
    fills = into.facts.get(name) is None or value is True
    return fills and not removed_by(context, into, replace(into, facts={**into.facts, name: value}))


def _hand_over(context: Context, incident: Incident, into: Incident, by: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Tasks that nobody touched are cancelled; those in hand go on as the same task over there, or as a new one of the same person."""
    moved: dict[str, str] = {}
    owners: list[str] = []
    there = {task.code: task for task in context.uow.tasks(into.ref) if task.code}
    for task in _unfinished(context, incident):
        reason = context.words.say("incident.merged_reason", into=into.ref)
        if task.owner is not None:
            twin = there.get(task.code)
            new = _take_up(context, into, twin, task, by) if twin is None or twin.state is State.OPEN else twin
            moved[task.ref] = new.ref
            owners.append(task.owner)
            reason = context.words.say("incident.merged_task", into=into.ref, task=new.ref)
        _cancel(context, incident, task, by, reason)
    return moved, tuple(dict.fromkeys(owners))


def _take_up(context: Context, into: Incident, twin: Task | None, task: Task, by: str) -> Task:
    """The twin, or a task like it where there is none, in the same hands; whoever has it hears of it with the merger."""
    assert task.owner is not None, "only tasks in hand are taken up"
    response = context.response(into)
    if twin is None:
        ref_ = context.uow.next_ref(Task)
        fresh = replace(task, ref=ref_, incident=into.ref, plan=into.plan, code="", state=State.OPEN, owner=None, version=0, touched=0)
        fresh = replace(fresh, created_at=context.now, created_by=by, claimed_at=None, progress_at=None, done_at=None, done_by=None)
        fresh = replace(fresh, snoozed_until=None, snoozes=0, reminded_at=None, needs=None, clock="opened", fulfilled_by=None)
        twin = context.uow.apply(tasks.add(fresh, response, to=()))
    return context.uow.apply(tasks.assign(twin, to=task.owner, by=task.owner, now=context.now, response=response))
