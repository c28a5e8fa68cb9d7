"""Incidents: list, show, command, facts, moves. First reports (`/incident open`) and grading have files of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.core import alerts, asking
from handlers.core import report_view as view
from handlers.core.access import check, may
from handlers.core.apart import answered, told
from handlers.core.attesting import check_written
from handlers.core.audience import WHOLE
from handlers.core.clocks import ask_waiver, first_facts, removed_by
from handlers.core.context import Context
from handlers.core.evidence import attach
from handlers.core.explain import fact_name, fact_value
from handlers.core.forms import COMMANDERS
from handlers.core.look import Look
from handlers.core.lowering import ask_later_known, rescore
from handlers.core.message import Reply
from handlers.core.opening import subtype_of
from handlers.core.recounting import recount
from handlers.core.registry import SCREENS, approved, command, facts, key, ref, request, rest, timer
from handlers.core.setters import ANY_HEAD, check_setters
from handlers.core.settling import fulfil, settle
from handlers.core.statements import take_all_back
from handlers.core.telling import timeline_lines
from storage.calendars import TIMER as CALENDAR_CHANGED
from workflows import enquiry as enquiries
from workflows import incident as rules
from workflows import rumour as rumours
from workflows import task as task_rules
from workflows.core.agreement import check_reason
from workflows.core.approval import Approval, ApprovalState, approvers_of
from workflows.core.errors import BadWords, RuleBroken
from workflows.core.facts import Value
from workflows.core.outcome import Notice, Timer
from workflows.enquiry import Enquiry
from workflows.incident import Incident, Missing
from workflows.publication import OPEN
from workflows.rumour import Rumour
from workflows.statement import Statement

#: The texts of the first report that `/incident fact` takes.
DETAILS = ("title", "system", "place", "reporter", "loss")

#: How many lines of a timeline one message holds; earlier ones are counted.
MOST_LINES = 60


@request("room.created")
def room_created(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A room that we asked for exists: it joins the incident, and the incident's card goes there."""
    found = context.uow.load(Incident, incident)
    context.uow.bind(incident, values["platform"], values["chat"])
    context.uow.apply(rules.bound(found, by=context.person, chat=f"{values['platform']}:{values['chat']}", verb="bind"))


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Which:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class WhichAndText:
    incident: str | None = ref("I")
    text: str = rest("说明", "text")


@command("incident list", Nothing, zh="事件 列表", who="reader", short=("列表",))
def list_(context: Context, given: Nothing) -> Reply:
    """Incidents that are not closed."""
    found = context.reader.unclosed(50)
    lines = [
        context.words.say(
            "incident.line",
            ref=i.ref,
            number=i.number,
            title=i.title,
            state=i.state,
            level=i.response_level,
            since=context.words.time(i.opened_at, context.now),
        )
        for i in found
    ]
    return Reply("\n".join([context.words.say("incident.list", count=len(found)), *lines]))


@command("incident show", Which, zh="事件 查看", who="reader")
def show(context: Context, given: Which) -> Reply:
    """The incident's card."""
    incident = context.incident(given.incident)
    look = Look.of(context)
    drawn = SCREENS["incident"](look, {"ref": incident.ref})
    assert drawn is not None, "an incident's card always matters"
    assert drawn.card is not None, "it is a card"
    if look.audience == WHOLE:
        return Reply(drawn.text, ref=incident.ref, card=drawn.card)
    rest = context.words.say("room.shown", ref=incident.ref)
    note = "\n".join(part for part in (drawn.card.note, rest) if part)
    return Reply(f"{drawn.text}\n{rest}", ref=incident.ref, card=replace(drawn.card, note=note))


@command("incident timeline", Which, zh="事件 时间线", who="reader", tells="timeline")
def timeline(context: Context, given: Which) -> Reply:
    """What happened, in order."""
    incident, look = context.incident(given.incident), Look.of(context)
    entries = context.reader.timeline(incident.ref, 2000)
    head = context.words.say("timeline.head", ref=incident.ref, number=incident.number, title=incident.title)
    both = (look, replace(look, audience=WHOLE))
    shown, whole = ("\n".join([head, *timeline_lines(one, incident, entries, MOST_LINES)]) for one in both)
    return answered(look, shown, whole, incident.ref)


@command("incident bind", Which, zh="事件 绑定", who="group:office|heads")
def bind(context: Context, given: Which) -> Reply:
    """This chat joins the incident."""
    return _bound(context, given, "bind", "incident.bound")


@command("incident unbind", Which, zh="事件 解绑", who="group:office|heads")
def unbind(context: Context, given: Which) -> Reply:
    """This chat leaves the incident."""
    return _bound(context, given, "unbind", "incident.unbound")


def _bound(context: Context, given: Which, verb: str, answer: str) -> Reply:
    message = context.message
    if message.chat_kind != "group":
        raise RuleBroken("incident.bind_group")
    if verb == "bind" and context.mute(message.platform, message.chat):
        raise RuleBroken("incident.bind_mute")
    incident = context.incident(given.incident, anywhere=True)
    if verb == "bind" and incident.restricted and context.person != incident.commander:
        raise RuleBroken("incident.restricted_bind", ref=incident.ref)
    (context.uow.bind if verb == "bind" else context.uow.unbind)(incident.ref, message.platform, message.chat)
    incident = context.uow.apply(rules.bound(incident, by=context.person, chat=f"{message.platform}:{message.chat}", verb=verb))
    if verb == "bind":
        _hears_instead(context, incident)
    return context.say(answer, ref=incident.ref, incident=incident.ref)


def _hears_instead(context: Context, incident: Incident) -> None:
    """A chat in which people can act takes the place of one of the same messenger that only receives: everything would be said twice."""
    message = context.message
    for platform, chat in context.reader.chats(incident.ref):
        if platform == message.platform and chat != message.chat and context.deaf(platform, chat):
            context.uow.unbind(incident.ref, platform, chat)
            incident = context.uow.apply(rules.bound(incident, by=context.person, chat=f"{platform}:{chat}", verb="unbind"))


@dataclass(frozen=True, slots=True)
class Handover:
    incident: str | None = ref("I")
    to: str | None = rest("接手人", "person", kind="person", required=True)
    note: str | None = key("备注", "说明")


@command("incident take", WhichAndText, zh="事件 接手", who="group:office")
def take(context: Context, given: WhichAndText) -> Reply:
    """Take command of the incident."""
    incident = context.incident(given.incident)
    context.uow.apply(rules.take(incident, by=context.person, note=given.text))
    return context.say("incident.you_command", ref=incident.ref, incident=incident.ref)


@command("incident handover", Handover, zh="事件 交接", who="group:office")
def handover(context: Context, given: Handover) -> Reply:
    """Hand the command to another person."""
    incident = context.incident(given.incident)
    assert given.to, "the parser refuses a missing person"
    if not may(COMMANDERS, given.to, context.organization):
        raise RuleBroken("incident.commander_who", person=given.to)
    context.uow.apply(rules.handover(incident, by=context.person, to=given.to, note=given.note or ""))
    return context.say("incident.handed_over", ref=incident.ref, incident=incident.ref, person=context.name(given.to))


@command("incident update", WhichAndText, zh="事件 进展", who="member")
def update(context: Context, given: WhichAndText) -> Reply:
    """Say how it stands; the next update is promised anew."""
    incident = context.incident(given.incident)
    after = context.uow.apply(
        rules.update(incident, by=context.person, now=context.now, text=given.text, response=context.response(incident))
    )
    return context.say("incident.updated_ok", ref=incident.ref, incident=incident.ref, next=after.next_update_at)


@dataclass(frozen=True, slots=True)
class Facts:
    incident: str | None = ref("I")
    type: str | None = key("类型", kind="type")
    subtype: str | None = key("子类", "子类型")
    title: str | None = key("标题")
    system: str | None = key("系统")
    place: str | None = key("地点")
    reporter: str | None = key("报告人")
    loss: str | None = key("损失", "初步损失")
    at: datetime | None = key("发生", "发生时间", "时间", kind="time")
    known: datetime | None = key("获知", "获知时间", kind="time")
    reason: str | None = key("理由")
    given: Mapping[str, Value] = facts("fact")
    text: str = rest("理由", "reason")


@command("incident fact", Facts, zh="事件 事实", who="member")
def fact(context: Context, given: Facts) -> Reply:
    """Note facts: type, system, place … and the facts of the plan."""
    incident = context.incident(given.incident)
    _check_may_state(context, incident, given)
    incident, made = _typed(context, incident, given)
    held = _held(context, incident, given)
    noted = {name: value for name, value in given.given.items() if name not in held}
    incident, fields, more_made = _noted(context, incident, given, noted, alone=not (given.type or held or given.known))
    book = context.uow.plan_of(incident).facts.specs
    names = [context.words.say(f"incident.field.{name}") for name in fields] + [fact_name(context.words, book[key]) for key in noted]
    made += more_made
    incident, attached = attach(context, context.uow.load(Incident, incident.ref), context.words.join(names))
    # The reason may hold blanks: what follows the key belongs to it.
    reason = f"{given.reason or ''} {given.text}".strip()
    more = [
        ("tasks", context.words.say("incident.noted_tasks", tasks=made) if made else ""),
        ("", attached),
        ("pending", _ask_to_turn_off(context, incident, held, reason) if held else ""),
        ("pending", _learnt(context, incident, given.known, reason) if given.known else ""),
    ]
    look = Look.of(context)
    shown, whole = (
        _noted_ok(context, incident, names, [line for field, line in more if line and (one.shows(field) if field else True)])
        for one in (look, replace(look, audience=WHOLE))
    )
    return answered(look, shown, whole, incident.ref)


def _noted_ok(context: Context, incident: Incident, names: list[str], more: list[str]) -> str:
    text = "\n".join(more)
    if text and not names:
        return text
    return context.words.say("incident.noted", incident=incident.ref, items=context.words.join(names) or "-", more=text)


def _typed(context: Context, incident: Incident, given: Facts) -> tuple[Incident, int]:
    """The incident with its first type, and how many tasks that made."""
    if not given.type:
        return incident, 0
    if incident.type:
        raise RuleBroken("incident.type_stands", ref=incident.ref, type=_type_name(context, incident))
    facts_ = first_facts(context, incident, given.type)
    typed = context.uow.apply(
        rules.set_type(incident, by=context.person, now=context.now, type_=given.type, playbook=given.type, facts=facts_)
    )
    return typed, len(settle(context, typed).made)


def _noted(
    context: Context, incident: Incident, given: Facts, noted: Mapping[str, Value], *, alone: bool
) -> tuple[Incident, list[str], int]:
    """The incident with what was stated, the names of its own fields among that, and how many tasks were made. `alone`: nothing else
    was asked for, so that nothing at all is refused."""
    details = {name: value for name in DETAILS if (value := getattr(given, name))}
    subtype = subtype_of(context.uow.plan_of(incident), incident.playbooks, given.subtype)
    if subtype:
        details["subtype"] = subtype
    stated = {"type": given.type, **details, "occurred": given.at, "known": given.known}
    fields = [name for name, value in stated.items() if value]
    if not (details or noted or given.at or alone):
        return incident, fields, 0
    outcome = rules.set_facts(incident, by=context.person, now=context.now, given=noted, details=details, occurred=given.at)
    after = context.uow.apply(outcome)
    return after, fields, len(settle(context, after).made)


def _learnt(context: Context, incident: Incident, known: datetime, reason: str) -> str:
    """Learnt earlier holds at once and tightens; learnt later would lengthen clocks, so a second person is asked."""
    if known > incident.known_at:
        return ask_later_known(context, incident, known, reason)
    settle(context, context.uow.apply(rules.set_known(incident, by=context.person, known=known)))
    return ""


def _check_may_state(context: Context, incident: Incident, given: Facts) -> None:
    """The facts of the plan have their groups; all else is the office's and the heads'. Nothing has happened in the future."""
    specs = context.uow.plan_of(incident).facts.specs
    if not given.given or any(getattr(given, name) for name in ("type", "subtype", "at", "known", *DETAILS)):
        check(ANY_HEAD, context.person, context.organization)
    check_setters(context, (specs[name] for name in given.given if name in specs))
    if max(given.at or context.now, given.known or context.now) > context.now:
        raise BadWords("incident.future")


def _held(context: Context, incident: Incident, given: Facts) -> dict[str, Value]:
    """Facts that would take a running regulator's clock away: they hold only when a second person agrees."""
    held, specs = {}, context.uow.plan_of(incident).facts.specs
    for name, value in given.given.items():
        finds = name in specs and specs[name].attested and value is True and incident.facts.get(name) is not True
        if finds or removed_by(context, incident, replace(incident, facts={**incident.facts, name: value})):
            held[name] = value
    return held


def _ask_to_turn_off(context: Context, incident: Incident, held: Mapping[str, Value], reason: str) -> str:
    """Ask the second person; the clocks run until the answer. Without a reason nothing is asked and nothing changes."""
    check_reason(reason)
    book = context.uow.plan_of(incident).facts.specs
    check_written(context, [book[name] for name, value in held.items() if value is True], reason)
    reports = removed_by(context, incident, replace(incident, facts={**incident.facts, **held}))
    named = context.words.join([f"{fact_name(context.words, book[n])}={fact_value(context.words, book[n], v)}" for n, v in held.items()])
    return ask_waiver(
        context, incident, reports, "fact_off", reason, context.words.say("report.ask_fact", facts=named), {"facts": dict(held)}
    )


def _type_name(context: Context, incident: Incident) -> str:
    book = context.uow.plan_of(incident).playbooks[incident.type or "common"]
    return book.name if context.words.locale == "zh" else book.name_en


@command("incident activate", WhichAndText, zh="事件 启动", who="group:office,lead|heads", four_eyes=True)
def activate(context: Context, given: WhichAndText) -> Reply:
    """Start the plan: alone where the level allows it, else by asking whom the plan names."""
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "activate")
    if context.person in asking.approvers(context, incident, "activate"):
        context.check_proven(incident, "approve")
        context.uow.apply(rules.activate(incident, by=context.person, now=context.now, approval=None))
        asking.void_all(context, incident.ref, context.words.say("approval.done_directly"), "activate")
        settle(context, context.uow.load(Incident, incident.ref))
        return context.say("incident.activated_ok", ref=incident.ref, incident=incident.ref)
    return _asked(context, asking.ask(context, incident, "activate", given.text))


def _asked(context: Context, approval: Approval) -> Reply:
    people = approvers_of(approval, context.organization)
    key_ = "approval.asked_one" if len(people) == 1 else "approval.asked_ok"
    text = context.words.say(key_, approval=approval.ref, people=context.words.join([context.name(p) for p in people]))
    return told(Look.of(context), [("pending", text)], approval.ref)


@approved("activate")
def activated(context: Context, approval: Approval, by: str) -> None:
    incident = context.uow.load(Incident, approval.incident)
    settle(context, context.uow.apply(rules.activate(incident, by=by, now=context.now, approval=approval.ref)))


@command("incident recovered", WhichAndText, zh="事件 恢复", who="member", tells="tasks")
def recovered(context: Context, given: WhichAndText) -> Reply:
    """Business is back, or the matter has calmed down."""
    incident = context.incident(given.incident)
    after = context.uow.apply(rules.recovered(incident, by=context.person, now=context.now, note=given.text))
    settled = settle(context, after)
    return context.say("incident.recovered_ok", ref=incident.ref, incident=incident.ref, tasks=len(settled.made))


@command("incident end", WhichAndText, zh="事件 结束", who="group:office", four_eyes=True)
def end(context: Context, given: WhichAndText) -> Reply:
    """Declare the emergency over; the leading group approves."""
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "end")
    return _asked(context, asking.ask(context, incident, "end", given.text))


@approved("end")
def ended(context: Context, approval: Approval, by: str) -> None:
    incident = context.uow.load(Incident, approval.incident)
    after = context.uow.apply(rules.end(incident, by=by, now=context.now, approval=approval.ref))
    settle(context, after)
    fulfil(context, after, "end")


@dataclass(frozen=True, slots=True)
class Close:
    incident: str | None = ref("I")
    override: str | None = key("强制", "强制理由")
    text: str = rest("说明", "text")


@command("incident close", Close, zh="事件 归档", also=("事件 关闭",), who="group:office,lead", four_eyes=True)
def close(context: Context, given: Close) -> Reply:
    """Close the incident, when everything is done."""
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "close")
    missing = _missing(context, incident)
    # The reason may hold blanks: what follows the key belongs to it.
    override = f"{given.override} {given.text}".strip() if given.override else ""
    if override:
        context.check_proven(incident, "approve")
    if missing and not override:
        raise RuleBroken("incident.close_missing", ref=incident.ref, **_named(context, incident, missing))
    allowed = context.person in asking.approvers(context, incident, "override")
    context.uow.apply(rules.close(incident, by=context.person, now=context.now, missing=missing, override=override, may_override=allowed))
    _leave_nothing_running(context, incident, override or context.words.say("incident.closed_reason"))
    return context.say("incident.closed_ok", ref=incident.ref, incident=incident.ref, number=incident.number)


def _missing(context: Context, incident: Incident) -> Missing:
    open_tasks = tuple(
        t.ref
        for t in context.uow.tasks(incident.ref)
        if t.mandatory and t.state not in (task_rules.State.CLOSED, task_rules.State.CANCELLED)
    )
    reports = tuple(r.ref for r in context.uow.reports(incident.ref) if r.open)
    publications = tuple(p.ref for p in context.uow.publications(incident.ref) if p.state in OPEN)
    words = tuple(one.ref for one in _unsaid(context, incident))
    return Missing(open_tasks, tuple(a.ref for a in _unsettled(context, incident)), reports, publications, words)


def _unsaid(context: Context, incident: Incident) -> list[Enquiry | Rumour]:
    """Enquiries that nobody has answered, rumours that nobody has settled; also of what was merged into it."""
    found: list[Enquiry | Rumour] = []
    for ref_ in (incident.ref, *incident.absorbed):
        found += [*context.uow.enquiries(ref_), *context.uow.rumours(ref_)]
    return [one for one in found if one.open]


def _unsettled(context: Context, incident: Incident) -> list[Approval]:
    """What is not decided, and what rests on a spoken yes that its leader has not confirmed."""
    approvals = context.uow.approvals(incident.ref, pending=False)
    return [a for a in approvals if a.state in (ApprovalState.PENDING, ApprovalState.ORAL)]


def _named(context: Context, incident: Incident, missing: Missing) -> dict[str, object]:
    """Each thing that is missing on a line of its own: what, how far, with whom."""
    words = context.words
    tasks = {t.ref: t for t in context.uow.tasks(incident.ref)}
    lines = [
        words.say("incident.missing_task", ref=ref, title=tasks[ref].title, state=tasks[ref].state, owner=_holder(context, tasks[ref]))
        for ref in missing.tasks
    ]
    for a in _unsettled(context, incident):
        kind = words.say(f"approval.kind.{a.kind}")
        lines.append(words.say("incident.missing_approval", ref=a.ref, kind=kind, state=a.state, of=_asked_of(context, a)))
    reports, look = {r.ref: r for r in context.uow.reports(incident.ref)}, Look.of(context)
    lines += [
        words.say(
            "incident.missing_report",
            ref=ref,
            name=view.named(look, reports[ref]),
            state=reports[ref].state,
            due=view.due(look, reports[ref]),
        )
        for ref in missing.reports
    ]
    for one in context.uow.publications(incident.ref):
        if one.ref in missing.publications:
            name = words.say(
                "statement.named", ref=one.statement, revision=one.revision, title=context.uow.load(Statement, one.statement).title
            )
            lines.append(words.say("incident.missing_publication", name=name, outlet=one.title, state=one.state))
    lines += [words.say("incident.missing_words", ref=one.ref, state=one.state) for one in _unsaid(context, incident)]
    return {"count": len(lines), "items": "\n".join(lines)}


def _asked_of(context: Context, approval: Approval) -> str:
    people = (approval.decided_by,) if approval.decided_by else approvers_of(approval, context.organization)
    return context.words.join([context.name(p) for p in people])


def _holder(context: Context, task: task_rules.Task) -> str:
    group = context.group_name(task.group)
    return f"{group} {context.name(task.owner)}" if task.owner else group


def _leave_nothing_running(context: Context, incident: Incident, reason: str) -> None:
    response = context.response(incident)
    for task in context.uow.tasks(incident.ref):
        if task.live or task.state is task_rules.State.DONE:
            context.uow.apply(task_rules.cancel(task, by=context.person, response=response, reason=reason, rule=True))
    for one in _unsaid(context, incident):
        if isinstance(one, Enquiry):
            context.uow.apply(enquiries.leave(one, by=context.person, reason=reason, now=context.now))
        else:
            context.uow.apply(rumours.leave(one, by=context.person, reason=reason, now=context.now, over=True))
    take_all_back(context, incident.ref, reason)


@command("incident reopen", WhichAndText, zh="事件 重开", who="group:office,lead")
def reopen(context: Context, given: WhichAndText) -> Reply:
    """Open an ended or closed incident again; its clocks restart from now."""
    incident = context.incident(given.incident)
    response = context.response(incident)
    take_all_back(context, incident.ref, given.text)
    reopened = rules.reopen(incident, by=context.person, now=context.now, reason=given.text, response=response)
    after = context.uow.apply(rules.watched(reopened, context.uow.plan_of(incident).rubric, response, now=context.now))
    people: list[str] = []
    for task in context.uow.tasks(incident.ref):
        left_undone = not task.code and task.state is task_rules.State.CANCELLED and task.verified_by == "rule"
        if left_undone or (task.standing and task.state is task_rules.State.CLOSED):
            due = context.now + (response.cadence if not task.period else timedelta(seconds=task.period))
            context.uow.apply(task_rules.reopen(task, by=context.person, now=context.now, response=response, reason=given.text, due=due))
            people.extend(context.organization.groups[task.group].everyone)
    settle(context, after)
    if people:
        context.uow.tell(
            Notice("incident.reopened", tuple(dict.fromkeys(people)), {"by": context.person, "reason": given.text}, "assignment"), after
        )
    return context.say("incident.reopened_ok", ref=incident.ref, incident=incident.ref)


@timer("I")
def cadence(context: Context, incident: str, name: str, due: datetime) -> None:
    """Alerts have waited, the promised update has not come, figures have not been taken again, or the calendar has changed."""
    found = context.uow.load(Incident, incident)
    if name == alerts.TIMER:
        alerts.tell(context, found)
        return
    if name == CALENDAR_CHANGED:
        recount(context, found)
        return
    awake = context.response(found).waking(context.now)
    if awake > context.now:  # set before it was known that now is quiet
        context.uow.wake(found, Timer(name, awake))
        return
    if name == "rescore":
        rescore(context, found)
        return
    context.uow.apply(rules.ask_for_update(found, now=context.now, response=context.response(found), organization=context.organization))
