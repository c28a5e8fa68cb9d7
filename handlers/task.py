"""Tasks: 收到 认领 进展 完成 核实 are five different things."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.core.apart import told
from handlers.core.consent import ask_first, check_may_begin, void_question
from handlers.core.context import Context
from handlers.core.due import task_due
from handlers.core.evidence import attach, evidence_of
from handlers.core.look import Look
from handlers.core.message import Reply
from handlers.core.registry import approved, command, key, ref, request, rest, returned, timer
from handlers.core.settling import invite
from handlers.core.why import why_lines
from handlers.core.wording import Provisional
from workflows import task as rules
from workflows.core.approval import Approval
from workflows.core.errors import BadWords, NotAllowed, RuleBroken
from workflows.core.response import Response
from workflows.core.seen import Seen
from workflows.incident import Incident
from workflows.task import State, Task, seen_until

_TASK = re.compile(r"[Tt]\d+")


@dataclass(frozen=True, slots=True)
class Which:
    task: str | None = ref("T")


@dataclass(frozen=True, slots=True)
class WhichAndText:
    task: str | None = ref("T")
    text: str = rest("说明", "text")


@dataclass(frozen=True, slots=True)
class WhichAndPerson:
    task: str | None = ref("T")
    reason: str | None = key("理由", "原因")
    to: str | None = rest("人员", "person", kind="person", required=True)


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@command("task list", OfIncident, zh="任务 列表", who="reader", tells="task_list")
def list_(context: Context, given: OfIncident) -> Reply:
    """Tasks of the incident."""
    incident = context.incident(given.incident)
    tasks = context.reader.tasks(incident.ref)
    lines = [_line(context, t) for t in tasks]
    return Reply(
        "\n".join([context.words.say("task.list", ref=incident.ref, title=incident.title, count=len(tasks)), *lines]), ref=incident.ref
    )


@command("task mine", Nothing, zh="任务 我的", who="reader", short=("我的",), tells="task_list")
def mine(context: Context, given: Nothing) -> Reply:
    """Your tasks, those of your groups that nobody owns, and those waiting for your check."""
    tasks = [t for t in context.reader.tasks_of(context.person) if t.state is not State.DONE or _checks(context, t)]
    return Reply("\n".join([context.words.say("task.mine", count=len(tasks)), *(_line(context, t) for t in tasks)]))


def _checks(context: Context, task: Task) -> bool:
    """Whether this done task waits for the check of the one who asks."""
    return context.person in _verifiers(context, task, context.reader.incident(task.incident))


def _due(context: Context, task: Task) -> datetime | Provisional | None:
    return task_due(context.uow.plan_of(task), task, context.zone)


def _line(context: Context, task: Task) -> str:
    due = context.words.show(_due(context, task), context.now) if task.due_at else context.words.say("task.no_due")
    owner = context.name(task.owner)
    return context.words.say("task.line", ref=task.ref, title=task.title, state=task.state, owner=owner, due=due)


@command("task why", Which, zh="任务 缘由", who="reader", tells="task_list")
def why(context: Context, given: Which) -> Reply:
    """Why this task exists, why it was reminded of, to whom and why them, what comes next and what would stop it."""
    task, incident = context.task(given.task)
    reply = context.say(
        "task.why",
        ref=task.ref,
        task=task.ref,
        title=task.title,
        source=_source(context, task),
        group=context.group_name(task.group),
        done=task.done_means,
        due=_due(context, task),
        clock=context.words.say(f"clock.{task.clock}"),
        level=incident.response_level,
    )
    lines = why_lines(context, incident, task, _verifiers(context, task, incident))
    return _with(replace(reply, text="\n".join([reply.text, *lines])), evidence_of(context, task.ref, incident.ref))


def _source(context: Context, task: Task) -> str:
    """The playbook it comes from, or who added it."""
    books = context.uow.plan_of(task).playbooks.values()
    book = next((b for b in books if task.code in [line.code for line in b.lines]), None)
    if task.code == rules.EXHAUSTED:
        return context.words.say("task.by_ladder")
    if book is None:
        return context.words.say("task.by_hand", person=context.name(task.created_by))
    return context.words.say("task.by_plan", playbook=book.name if context.words.locale == "zh" else book.name_en)


@dataclass(frozen=True, slots=True)
class Add:
    incident: str | None = ref("I")
    group: str | None = key("小组", "组", kind="group")
    due: timedelta | None = key("时限", "期限", kind="duration")
    mandatory: bool | None = key("必办", kind="flag")
    text: str = rest("任务", "task", required=True)


@command("task add", Add, zh="任务 新增", who="heads|group:office", tells="task_list")
def add(context: Context, given: Add) -> Reply:
    """Add a task by hand."""
    incident = context.incident(given.incident)
    if not incident.running:
        raise RuleBroken("task.incident_over", incident=incident.ref, state=incident.state)
    own = context.organization.groups_of(context.person)
    group, response = given.group or own[0], context.response(incident)
    task = Task(
        ref=context.uow.next_ref(Task),
        incident=incident.ref,
        code="",
        title=" ".join(given.text.split()),
        done_means="",
        group=group,
        state=State.OPEN,
        plan=incident.plan,
        created_at=context.now,
        created_by=context.person,
        mandatory=given.mandatory is not False,
        due_at=context.now + (given.due or response.overdue_repeat * 2),
    )
    people = context.organization.groups[group].everyone
    context.uow.apply(rules.add(task, response, to=people))
    invite(context, incident, {group})
    return context.say("task.added", ref=task.ref, task=task.ref, title=task.title, group=context.group_name(group), due=task.due_at)


@command("task claim", Which, zh="任务 认领", who="member", short=("认领",), tells="task_list")
def claim(context: Context, given: Which) -> Reply:
    """Take a task."""
    task, incident = context.task(given.task)
    _member(context, task)
    after = context.uow.apply(rules.claim(task, by=context.person, now=context.now, response=context.response(incident)))
    asked = ask_first(context, incident, after)
    until = context.words.say(f"clock.{task.until or 'ended'}")
    late = _late(context, task)
    if asked:
        when = context.words.say("card.late" if late else "card.by", due=task.due_at, span=late, now=context.now)
        text = context.words.say("task.claimed_first", task=task.ref, title=task.title, when=when)
        return told(Look.of(context), [("", text), ("pending", asked)], task.ref)
    if task.standing:
        key = "task.claimed_standing_late" if late else "task.claimed_standing"
    else:
        key = "task.claimed_late" if late else "task.claimed"
    return context.say(key, ref=task.ref, task=task.ref, title=task.title, due=task.due_at, until=until, late=late)


def _late(context: Context, task: Task) -> timedelta | None:
    """How long it has been late, None while it is not, or by less than a minute."""
    late = context.now - task.due_at if task.due_at else timedelta(0)
    return late if late >= timedelta(minutes=1) else None


def _member(context: Context, task: Task) -> None:
    """Only members of the task's group take it; a head of any group may help out."""
    groups = context.organization.groups
    if context.person in groups[task.group].everyone or any(context.person in g.leaders for g in groups.values()):
        return
    raise NotAllowed("task.other_group", group=task.group)


@dataclass(frozen=True, slots=True)
class Several:
    task: str | None = ref("T")
    others: str = rest("其他任务", "other tasks")


@command("task seen", Several, zh="任务 收到", who="member", short=("收到",), tells="task_list")
def seen(context: Context, given: Several) -> Reply:
    """You have received the message; the task stays open."""
    first, *others = [_seen(context, one) for one in (given.task, *(found.upper() for found in _TASK.findall(given.others)))]
    return Reply("\n".join([first.text, *(one.text for one in others)]), ref=first.ref)


def _seen(context: Context, ref_: str | None) -> Reply:
    task, incident = context.task(ref_)
    context.uow.seen(context.person, task.ref, task.version)
    response, spoken = context.response(incident), Seen(task.level, context.now)
    until = seen_until(task, spoken, response)
    key = "task.seen" if (task.live or task.state is State.DONE) and until > context.now else "task.seen_only"
    return context.say(key, ref=task.ref, task=task.ref, state=task.state, until=until)


@command("task release", WhichAndText, zh="任务 放手", who="member", short=("放手",), tells="task_list")
def release(context: Context, given: WhichAndText) -> Reply:
    """Give a task back to its group."""
    task, incident = context.task(given.task)
    to = tuple(p for p in context.organization.groups[task.group].everyone if p != context.person)
    context.uow.apply(
        rules.release(task, by=context.person, now=context.now, response=context.response(incident), reason=given.text, to=to)
    )
    void_question(context, task, "task.first_other")
    return context.say("task.released", ref=task.ref, task=task.ref)


@command("task transfer", WhichAndPerson, zh="任务 转交", who="member", tells="task_list")
def transfer(context: Context, given: WhichAndPerson) -> Reply:
    """Hand your task on to another person."""
    task, incident = context.task(given.task)
    assert given.to, "the parser refuses a missing person"
    after = context.uow.apply(
        rules.transfer(
            task, to=given.to, by=context.person, now=context.now, response=context.response(incident), reason=given.reason or ""
        )
    )
    _ask_anew(context, incident, after)
    return context.say("task.transferred", ref=task.ref, task=task.ref, person=context.name(given.to))


@command("task assign", WhichAndPerson, zh="任务 指派", who="heads|group:office", tells="task_list")
def assign(context: Context, given: WhichAndPerson) -> Reply:
    """Name the owner of a task."""
    task, incident = context.task(given.task)
    assert given.to, "the parser refuses a missing person"
    after = context.uow.apply(rules.assign(task, to=given.to, by=context.person, now=context.now, response=context.response(incident)))
    _ask_anew(context, incident, after)
    return context.say("task.assigned_ok", ref=task.ref, task=task.ref, person=context.name(given.to))


def _ask_anew(context: Context, incident: Incident, task: Task) -> None:
    """Another person has it now: whoever has to agree first is asked about them."""
    void_question(context, task, "task.first_other")
    ask_first(context, incident, task)


@command("task ask", WhichAndText, zh="任务 提请", who="member", also=("任务 请批",), tells="task_list")
def ask(context: Context, given: WhichAndText) -> Reply:
    """Ask for the approval that a task needs before it is begun."""
    task, incident = context.task(given.task)
    if not task.live or not task.waits:
        raise RuleBroken("task.first_no_need", ref=task.ref)
    if task.owner != context.person:
        raise NotAllowed("task.not_yours", ref=task.ref, owner=task.owner or context.words.say("word.nobody"))
    if given.text.strip():
        void_question(context, task, "task.first_again")
    return told(Look.of(context), [("pending", ask_first(context, incident, task, given.text))], task.ref)


@approved("task")
def allowed(context: Context, approval: Approval, by: str) -> None:
    task = context.uow.load(Task, approval.subject)
    response = context.response(context.uow.incident_of(task))
    context.uow.apply(rules.allow(task, by=by, now=context.now, response=response, approval=approval.ref))


@returned("task")
def held(context: Context, approval: Approval, by: str, reason: str) -> None:
    task = context.uow.load(Task, approval.subject)
    response = context.response(context.uow.incident_of(task))
    context.uow.apply(rules.hold(task, by=by, now=context.now, response=response, approval=approval.ref, reason=reason))


@command("task progress", WhichAndText, zh="任务 进展", who="member", short=("进展",), tells="task_list")
def progress(context: Context, given: WhichAndText) -> Reply:
    """Say how a task goes on."""
    task, incident = context.task(given.task)
    check_may_begin(context, incident, task)
    after = context.uow.apply(
        rules.progress(task, by=context.person, now=context.now, response=context.response(incident), text=given.text)
    )
    _, attached = attach(context, after, given.text)
    late = _late(context, after)
    key = "task.progressed_round" if task.standing else "task.progressed_late" if late else "task.progressed"
    return _with(context.say(key, ref=task.ref, task=task.ref, due=after.due_at, late=late), attached)


def _with(reply: Reply, line: str) -> Reply:
    return replace(reply, text=f"{reply.text}\n{line}") if line else reply


@command("task attach", WhichAndText, zh="任务 附件", who="member", short=("附件",), tells="task_list")
def attach_(context: Context, given: WhichAndText) -> Reply:
    """Attach files and pictures to a task; without one, to the incident."""
    if not context.message.files:
        raise BadWords("file.none")
    if given.task is None and not (context.subject or "").startswith("T"):
        incident = context.incident(None)
        return Reply(attach(context, incident, given.text)[1], ref=incident.ref)
    task, _ = context.task(given.task)
    return Reply(attach(context, task, given.text)[1], ref=task.ref)


@command("task done", WhichAndText, zh="任务 完成", who="member", short=("完成",), tells="task_list")
def done(context: Context, given: WhichAndText) -> Reply:
    """Your task is done; somebody else checks it."""
    task, incident = context.task(given.task)
    check_may_begin(context, incident, task)
    task, attached = attach(context, task, given.text)
    reached = incident.clocks().get(task.until or "ended") is not None
    verifiers = _verifiers(context, task, incident, by=context.person)
    after = context.uow.apply(
        rules.done(
            task,
            by=context.person,
            now=context.now,
            response=context.response(incident),
            text=given.text,
            reached=reached,
            verifiers=verifiers,
        )
    )
    if after.state is State.CLOSED:
        return _with(context.say("task.done_alone", ref=task.ref, task=task.ref), attached)
    key = "task.done_one" if len(verifiers) == 1 else "task.done"
    people = context.words.join([context.name(p) for p in verifiers])
    return _with(context.say(key, ref=task.ref, task=task.ref, people=people), attached)


def _verifiers(context: Context, task: Task, incident: Incident, *, by: str | None = None) -> tuple[str, ...]:
    by_level = context.response(incident).approvers.get("statement", ())
    found = rules.verifiers_of(task, context.organization, commander=incident.commander, by_level=by_level)
    return tuple(p for p in found if p != by)


@command("task verify", Which, zh="任务 核实", who="member", short=("核实",), four_eyes=True, tells="task_list")
def verify(context: Context, given: Which) -> Reply:
    """Somebody else's task is really done: close it."""
    task, incident = context.task(given.task)
    verifiers = _verifiers(context, task, incident)
    context.uow.apply(rules.verify(task, by=context.person, response=context.response(incident), verifiers=verifiers))
    return context.say("task.closed", ref=task.ref, task=task.ref)


@command("task reject", WhichAndText, zh="任务 退回", who="member", tells="task_list")
def reject(context: Context, given: WhichAndText) -> Reply:
    """Not done yet: back to the owner, with a reason."""
    task, incident = context.task(given.task)
    verifiers = _verifiers(context, task, incident)
    context.uow.apply(
        rules.reject(task, by=context.person, now=context.now, response=context.response(incident), reason=given.text, verifiers=verifiers)
    )
    return context.say("task.rejected", ref=task.ref, task=task.ref, owner=context.name(task.owner))


@dataclass(frozen=True, slots=True)
class Block:
    task: str | None = ref("T")
    needs: str | None = key("需要", "求助", kind="person")
    text: str = rest("原因", "reason", required=True)


@command("task block", Block, zh="任务 阻塞", who="member", short=("阻塞",), tells="task_list")
def block(context: Context, given: Block) -> Reply:
    """You cannot go on; whoever you need hears of it."""
    task, incident = context.task(given.task)
    _owner_or_member(context, task)
    context.uow.apply(
        rules.block(task, by=context.person, now=context.now, response=context.response(incident), reason=given.text, needs=given.needs)
    )
    key = "task.blocked" if given.needs else "task.blocked_alone"
    return context.say(key, ref=task.ref, task=task.ref, person=context.name(given.needs))


def _owner_or_member(context: Context, task: Task) -> None:
    if task.owner not in (None, context.person):
        raise NotAllowed("task.not_yours", ref=task.ref, owner=task.owner)
    _member(context, task)


@dataclass(frozen=True, slots=True)
class Snooze:
    task: str | None = ref("T")
    wait: timedelta | None = rest("时长", "how long", kind="duration", required=True)
    text: str = rest("理由", "why")


@command("task snooze", Snooze, zh="任务 稍后", who="member", tells="task_list")
def snooze(context: Context, given: Snooze) -> Reply:
    """Let reminders of a task rest for a while, with a reason."""
    task, incident = context.task(given.task)
    _owner_or_member(context, task)
    assert given.wait is not None, "the parser refuses a missing wait"
    after = context.uow.apply(
        rules.snooze(task, by=context.person, now=context.now, response=context.response(incident), wait=given.wait, reason=given.text)
    )
    return context.say("task.snoozed", ref=task.ref, task=task.ref, until=after.snoozed_until)


@command("task cancel", WhichAndText, zh="任务 取消", who="heads", tells="task_list")
def cancel(context: Context, given: WhichAndText) -> Reply:
    """A task is not needed; a mandatory one only the commander or the leading group may cancel."""
    task, incident = context.task(given.task)
    leaders = (incident.commander, *context.organization.groups["lead"].leaders)
    if task.mandatory and context.person not in leaders:
        raise NotAllowed("task.cancel_who", people=context.words.join([context.name(p) for p in dict.fromkeys(leaders)]))
    context.uow.apply(rules.cancel(task, by=context.person, response=context.response(incident), reason=given.text))
    void_question(context, task, "task.first_over")
    return context.say("task.cancelled", ref=task.ref, task=task.ref)


@timer("T")
def remind(context: Context, task: str, name: str, due: datetime) -> None:
    """A task's timer has come."""
    found = context.uow.load(Task, task)
    incident = context.uow.incident_of(found)
    response = context.response(incident)
    if resting := rules.resting(found, response, context.now):
        for each in resting:
            context.uow.wake(found, each)
    elif found.code == rules.EXHAUSTED and not _unheard(context, incident):
        context.uow.apply(rules.fulfil(found, by="clock", now=context.now, response=response))
    else:
        context.uow.apply(rules.remind(found, _circle(context, found, incident, response), name=name, now=context.now))


def _unheard(context: Context, incident: Incident) -> list[Task]:
    """Tasks of the incident of which nobody takes notice any more."""
    response = context.response(incident)
    return [task for task in context.uow.tasks(incident.ref) if task.code != rules.EXHAUSTED and rules.is_spent(task, response)]


@request("task.exhausted")
def exhausted(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A ladder has come to its end, and is told of more seldom from now on: somebody of the office has to see to it. One task for all
    such of an incident; it is over when they are."""
    found = context.uow.load(Incident, incident)
    tasks = context.uow.tasks(incident)
    if not found.running or any(task.code == rules.EXHAUSTED and (task.live or task.state is State.DONE) for task in tasks):
        return
    task = Task(
        ref=context.uow.next_ref(Task),
        incident=incident,
        code=rules.EXHAUSTED,
        title=context.words.say("task.exhausted_title"),
        done_means=context.words.say("task.exhausted_done"),
        group="office",
        state=State.OPEN,
        plan=found.plan,
        created_at=context.now,
        created_by="clock",
        mandatory=False,
    )
    leaders = context.organization.resolve("group.duty", group="office") or context.organization.groups["office"].leaders
    context.uow.apply(rules.add(task, context.response(found), to=leaders))


@request("task.unreached")
def unreached(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """None of the ways of a rung reached anybody of it. What has moved on since needs no other word."""
    found = context.uow.load(Task, str(values["ref"]))
    if found.version == values["version"]:
        known = context.uow.incident_of(found)
        circle = _circle(context, found, known, context.response(known))
        context.uow.apply(rules.pass_over(found, circle, name=str(values["timer"]), now=context.now))


def _circle(context: Context, task: Task, incident: Incident, response: Response) -> rules.Circle:
    """Who checks a task is asked only where one waits to be checked."""
    checkers = _verifiers(context, task, incident) if task.state is State.DONE else ()
    return rules.Circle(response, context.organization, incident.commander, checkers, context.reach)
