"""Living cards: the incident's in its chats, a person's tasks, an approval. Drawn from what is true now."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from handlers.core import acts, forms
from handlers.core.alerts import TIMER as ALERTS
from handlers.core.clocks import listed
from handlers.core.consent import first_buttons, first_line
from handlers.core.due import report_due, task_due
from handlers.core.explain import fact_name, fact_value
from handlers.core.forms import question
from handlers.core.important import important_line
from handlers.core.known import known_facts
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing
from handlers.core.registry import screen
from handlers.core.setters import groups_of, may_set
from storage.views.reader import Entry
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.core.plan import Plan
from workflows.core.rubric import OpinionLevel, ResponseLevel
from workflows.core.spoken import WITHIN
from workflows.incident import COMMON, DOORS, RUNNING, Incident, State, missing_fields
from workflows.regulator_report import Report, to_decide
from workflows.task import State as Doing
from workflows.task import Task, verifiers_of

Tone = Literal["plain", "info", "good", "warning", "danger"]
TONES: Mapping[ResponseLevel, Tone] = {
    ResponseLevel.L4: "info",
    ResponseLevel.L3: "warning",
    ResponseLevel.L2: "danger",
    ResponseLevel.L1: "danger",
}
DECIDED: Mapping[Asked, Tone] = {
    Asked.PENDING: "warning",
    Asked.APPROVED: "good",
    Asked.ORAL: "warning",
    Asked.RETURNED: "danger",
    Asked.DENIED: "danger",
    Asked.VOID: "plain",
}
#: As many tasks as fit on one personal card without scrolling for ever; the rest is one command away.
MOST_TASKS = 8
MOST_BUTTONS = 10
#: As many pending questions as the menu offers a spoken yes for.
MOST_HEARD = 2
#: As many changed facts as one line of a card names.
MOST_FACTS = 4
MINUTE = timedelta(minutes=1)


@screen("incident")
def incident_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """The truth about an incident, in one card; everything else points to it."""
    incident = look.reader.incident(about["ref"])
    tasks, pending = look.reader.tasks(incident.ref), [a for a in look.reader.approvals(incident.ref) if a.state is Asked.PENDING]
    lines = [
        (look.say("card.title_line"), look.words.show(incident.title)),
        (look.say("card.state"), look.say("card.state_value", state=incident.state, since=_since(look, incident))),
        (look.say("card.grade"), _grade_line(look, incident)),
        (
            look.say("card.grades"),
            look.say("card.grades_value", csrc=_judged(look, incident.csrc_grade), cac=_judged(look, incident.cac_grade)),
        ),
        *_regraded(look, incident),
        (look.say("card.commander"), look.name(incident.commander)),
        (look.say("card.tasks"), _counts(look, tasks)),
        *[(look.say("card.pending"), look.say("card.pending_value", ref=a.ref, kind=look.say(f"approval.kind.{a.kind}"))) for a in pending],
        *([(look.say("card.restricted"), look.say("card.restricted_value"))] if incident.restricted else []),
        *_oral(look, incident),
        *_important(look, incident),
        *_clock(look, incident),
        *_facts(look, incident),
        *([(look.say("card.last"), look.words.show(incident.last_update))] if incident.last_update else []),
        *_next(look, incident, tasks),
        *([(look.say("card.override"), look.words.show(incident.override_reason))] if incident.override_reason else []),
        *_doors(look, incident),
    ]
    title = look.say("card.head", level=_level(look, incident), number=incident.number)
    tone: Tone = "good" if incident.state not in RUNNING else TONES[incident.response_level]
    buttons, menu = _incident_buttons(look, incident), _incident_menu(look, incident, pending)
    card = Card(title, tuple(lines), _watch(look, incident), buttons, tone, incident.drill, menu)
    twin = look.say(
        "card.twin", level=_level(look, incident), number=incident.number, title=incident.title, state=incident.state, ref=incident.ref
    )
    return Outgoing(twin, card)


def _regraded(look: Look, incident: Incident) -> list[tuple[str, str]]:
    """The last change of a grade, or the last reading that did not change it, and why."""
    last = look.reader.last_regrading(incident.ref)
    if last is None:
        return []
    given = last.details.get("given") or {}
    specs = look.reader.plan_of(incident).facts.specs
    facts = [f"{fact_name(look.words, specs[key])}={fact_value(look.words, specs[key], given[key])}" for key in given if key in specs]
    reasons = [str(score[1]) for score in (last.details.get("overrides") or {}).values()]
    why = look.words.join([*facts[:MOST_FACTS], *reasons, *([str(last.details["reason"])] if last.details.get("reason") else [])])
    key = "card.regraded_read" if last.verb == "measured" else "card.regraded_value"
    by = look.name(last.details.get("by"))
    text = look.say(key, at=last.at, by=by, was=_code(look, last, "was"), level=_code(look, last, "response"), why=why or "-")
    return [(look.say("card.regraded"), text)]


def _code(look: Look, entry: Entry, name: str) -> str:
    return look.say(f"code.response_level.{entry.details[name]}")


def _doors(look: Look, incident: Incident) -> list[tuple[str, str]]:
    """How it left, by whom and why; and what was merged into it."""
    lines = [(look.say("card.absorbed"), look.words.join(list(incident.absorbed)))] if incident.absorbed else []
    if incident.state not in (State.MERGED, State.FALSE_ALARM):
        return lines
    kind = "merge" if incident.state is State.MERGED else "false_alarm"
    left = next(a for a in look.reader.approvals(incident.ref) if a.kind == kind and a.state is Asked.APPROVED)
    answer = look.say("flag.yes" if left.values["delayed"] is True else "flag.no")
    text = look.say(
        "card.left_value",
        into=f"{incident.merged_into} · " if incident.merged_into else "",
        asked=look.name(left.asked_by),
        by=look.name(left.decided_by),
        delayed=answer,
        reason=str(left.values["reason"]),
    )
    return [*lines, (look.say(f"code.incident_state.{incident.state}"), text)]


def _oral(look: Look, incident: Incident) -> list[tuple[str, str]]:
    """Spoken approvals stay visible until the leader has confirmed them, and for ever when denied."""
    spoken = [a for a in look.reader.approvals(incident.ref) if a.state in (Asked.ORAL, Asked.DENIED)]
    kinds = [look.say(f"approval.kind.{a.kind}") for a in spoken]
    said = [
        look.say(f"card.oral_{a.state}", ref=a.ref, kind=kind, by=look.name(a.decided_by)) for a, kind in zip(spoken, kinds, strict=True)
    ]
    return [(look.say("card.oral"), text) for text in said]


def _important(look: Look, incident: Incident) -> list[tuple[str, str]]:
    line = important_line(look.words, look.reader.plan_of(incident).calendar, look.now, look.zone) if incident.running else ""
    return [(look.say("card.important"), line)] if line else []


def _clock(look: Look, incident: Incident) -> list[tuple[str, str]]:
    """The regulator's clocks: how many run, the nearest first; what was waived stays visible."""
    reports = look.reader.reports(incident.ref)
    running = sorted((r for r in reports if r.open and r.deadline_at), key=lambda r: r.deadline_at or look.now)
    waived = [r for r in reports if r.waived_by and r.waived_by != "rule"]
    lines = []
    if running:
        first = running[0]
        name = duty_name(look, incident, first)
        text = look.say("card.clock_value", ref=first.ref, name=name, due=report_due(first), count=len(running))
        lines.append((look.say("card.clock"), text))
    if waived:
        who = look.words.join([look.say("card.waived_one", ref=r.ref, by=look.name(r.waived_by), reason=r.waiver_reason) for r in waived])
        lines.append((look.say("card.waived"), who))
    return lines


def duty_name(look: Look, incident: Incident, report: Report) -> str:
    duty = look.reader.plan_of(incident).obligations[report.obligation]
    return duty.name if look.words.locale == "zh" else duty.name_en or duty.name


@screen("decide")
def decide_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """What is to be decided, asked by fact, the most urgent first: each yes or no settles every clock that hangs on it."""
    incident = look.reader.incident(about["ref"])
    plan = look.reader.plan_of(incident)
    known = known_facts(incident, plan, look.organization)
    asked = to_decide(look.reader.reports(incident.ref), plan.obligations, known)
    lines = [
        (
            _asked(look, plan, q.fact),
            look.say("card.decide_value", due=q.deadline or look.now, count=len(q.refs), refs=list(q.refs))
            + _who_decides(look, plan, q.fact),
        )
        for q in asked
    ]
    # Every question has its buttons: at night nobody types what cannot be tapped. One button grades, whatever grades are asked.
    buttons = dict.fromkeys(b for q in asked for b in _decide_buttons(look, incident, plan, q.fact))
    if not lines:
        lines.append(("", look.say("card.decide_none")))
    title = look.say("card.decide", number=incident.number, count=len(asked))
    twin = look.say("card.decide_twin", number=incident.number, title=incident.title, count=len(asked), ref=incident.ref)
    tone: Tone = "warning" if asked else "good"
    return Outgoing(twin, Card(title, tuple(lines), look.say("card.decide_note"), tuple(buttons), tone, incident.drill))


def _asked(look: Look, plan: Plan, fact: str) -> str:
    spec = plan.facts.specs.get(fact)
    if spec is None:
        return look.say(f"decide.{fact}")
    return spec.name if look.words.locale == "zh" else spec.name_en or spec.name


def _who_decides(look: Look, plan: Plan, fact: str) -> str:
    """Named where it is not the reader who may say it."""
    spec = plan.facts.specs.get(fact)
    if spec is None or not look.person or may_set(spec, look.person, look.organization):
        return ""
    groups = [look.organization.groups[group] for group in groups_of(spec, look.organization)]
    return look.say(
        "card.decide_by", groups=look.words.join([g.name if look.words.locale == "zh" else g.name_en or g.name for g in groups])
    )


def _decide_buttons(look: Look, incident: Incident, plan: Plan, fact: str) -> list[Button]:
    """Yes at a tap; no takes a clock away, so it asks for the reason that a second person will read."""
    spec = plan.facts.specs.get(fact)
    if spec is None or spec.kind != "condition":
        return [Button(look.say("button.grade"), f"/incident grade {incident.ref}", None, form=forms.grading(look, incident))]
    if look.person and not may_set(spec, look.person, look.organization):
        return []
    name = _asked(look, plan, fact)
    return [
        Button(look.say("button.yes", name=name), f"/incident fact {incident.ref} {fact}=yes", None, "primary"),
        Button(look.say("button.no", name=name), f"/incident fact {incident.ref} {fact}=no", None, form=question(look.say("ask.reason"))),
    ]


def _level(look: Look, incident: Incident) -> str:
    provisional = look.say("grade.provisional") if incident.provisional else ""
    return look.say("card.level", level=incident.response_level, provisional=provisional)


def _since(look: Look, incident: Incident) -> str:
    start = incident.occurred_at or incident.known_at
    end = incident.ended_at or look.now
    span = (end - start) // MINUTE * MINUTE
    if span <= timedelta(0):
        return look.say("card.occurred_now" if incident.occurred_at else "card.known_now", at=start)
    return look.say("card.occurred" if incident.occurred_at else "card.known", at=start, span=span)


def _grade_line(look: Look, incident: Incident) -> str:
    scores = look.words.join(
        [look.say("card.score", name=look.say(f"indicator.{key}"), score=score) for key, score in incident.scores.items()]
    )
    named = {one.id: look.words.twin(one.name, one.name_en) or one.id for one in look.reader.plan_of(incident).rubric.floors}
    floor = look.say("card.floor", name=named.get(incident.floor, incident.floor)) if incident.floor else ""
    return look.say("card.grade_value", level=incident.opinion_level, total=incident.opinion_total, scores=scores, floor=floor)


def _judged(look: Look, grade: object) -> str:
    return look.words.show(grade) if grade is not None else look.say("grade.not_judged")


def _counts(look: Look, tasks: list[Task]) -> str:
    counted = [t for t in tasks if t.state is not Doing.CANCELLED]
    dropped = len(tasks) - len(counted)
    cancelled = look.say("card.cancelled", count=dropped) if dropped else ""
    closed = [t for t in counted if t.state is Doing.CLOSED]
    late = [t for t in counted if t.live and t.due_at and t.due_at < look.now]
    nobody = [t for t in counted if t.state is Doing.OPEN]
    checks = [t for t in counted if t.state is Doing.DONE]
    return look.say(
        "card.counts", closed=len(closed), all=len(counted), late=len(late), nobody=len(nobody), checks=len(checks), cancelled=cancelled
    )


def _facts(look: Look, incident: Incident) -> list[tuple[str, str]]:
    named = (
        ("type", _type(look, incident)),
        ("system", incident.system),
        ("place", incident.place),
        ("reporter", incident.reporter),
        ("loss", incident.loss),
    )
    lines = [(look.say(f"incident.field.{name}"), look.words.show(value)) for name, value in named if value]
    missing = missing_fields(incident) if incident.running else ()
    if missing:
        lines.append((look.say("card.missing"), look.words.join([look.say(f"incident.field.{name}") for name in missing])))
    return lines


def _type(look: Look, incident: Incident) -> str:
    """The main type first, then those whose playbooks were added."""
    books = [look.reader.plan_of(incident).playbooks[name] for name in incident.playbooks if name != COMMON]
    return look.words.join([book.name if look.words.locale == "zh" else book.name_en for book in books])


def _next(look: Look, incident: Incident, tasks: list[Task]) -> list[tuple[str, str]]:
    """The next step (owner, action, time on one line) and the promise of the next update."""
    lines = []
    live = sorted((t for t in tasks if t.live and t.due_at), key=lambda t: t.due_at or look.now)
    if live:
        first = live[0]
        lines.append(
            (
                look.say("card.next"),
                look.say("card.next_value", owner=look.name(first.owner), title=first.title, when=_when(look, first), ref=first.ref),
            )
        )
    if incident.running and incident.next_update_at:
        lines.append((look.say("card.next_update"), look.time(incident.next_update_at)))
    return lines


def _watch(look: Look, incident: Incident) -> str:
    """When the engine last looked, and what is due next: that it is alive is seen at a glance."""
    coming = look.reader.next_timers(incident.ref)
    if not coming:
        return look.say("card.watch_over", at=look.now)
    ref, name, due = coming[0]
    return look.say("card.watch", at=look.now, next=due, what=_what_is_next(look, incident, ref, name))


def _what_is_next(look: Look, incident: Incident, ref: str, timer: str) -> str:
    if timer == ALERTS:
        return look.say("card.watch_alerts")
    if timer == "rescore":
        return look.say("card.watch_rescore", who=look.name(look.organization.duty("opinion")))
    if timer == "cadence":
        return look.say("card.watch_update", who=look.name(incident.commander))
    return look.say("card.watch_remind", who=_reminded(look, ref), ref=ref)


def _reminded(look: Look, ref: str) -> str:
    """Whom the record's next reminder is for: people by name, a group by its own."""
    if ref[0] == "A":
        approval = look.reader.approval(ref)
        return look.names((approval.decided_by,) if approval.decided_by else approvers_of(approval, look.organization))
    record = look.reader.task(ref) if ref[0] == "T" else look.reader.report(ref)
    if isinstance(record, Task) and record.owner and record.state is not Doing.DONE:
        return look.name(record.owner)
    group = look.organization.groups.get(record.group)
    return look.words.twin(group.name, group.name_en) if group else record.group


def _incident_buttons(look: Look, incident: Incident) -> tuple[Button, ...]:
    """At most six: what is done at every incident, in the order in which it is done."""
    ref, version = incident.ref, incident.touched
    update = Button(look.say("button.update"), f"/incident update {ref}", version, form=question(look.say("ask.update")))
    grade = Button(look.say("button.grade"), f"/incident grade {ref}", None, form=forms.grading(look, incident))
    tasks = Button(look.say("button.tasks"), f"/task list {ref}")
    timeline = Button(look.say("button.timeline"), f"/incident timeline {ref}")
    # Without its type an incident has none of its own tasks: that comes before everything else.
    first: Literal["plain", "primary"] = "primary" if incident.type else "plain"
    moves = {
        State.OPEN: (Button(look.say("button.activate"), f"/incident activate {ref}", None, first), grade, update),
        State.ACTIVE: (Button(look.say("button.recovered"), f"/incident recovered {ref}", version, first, confirm=True), grade, update),
        State.RECOVERED: (Button(look.say("button.end"), f"/incident end {ref}", None, first), update),
        State.ENDED: (Button(look.say("button.close"), f"/incident close {ref}", None, "primary", confirm=True),),
    }.get(incident.state, ())
    filling: tuple[Button, ...] = ()
    if incident.running and missing_fields(incident):
        style: Literal["plain", "primary"] = "plain" if incident.type else "primary"
        filling = (Button(look.say("button.fill"), f"/incident fact {ref}", None, style, forms.filling(look, incident)),)
    return (*filling, *moves, tasks, timeline) if not incident.type else (*moves, *filling, tasks, timeline)


def _incident_menu(look: Look, incident: Incident, pending: list[Approval]) -> tuple[Button, ...]:
    """The rarer acts; last, so that nobody meets them by haste, what lowers or leaves."""
    if not incident.running:
        return ()
    ref = incident.ref
    found = [
        Button(look.say("button.score"), f"/incident grade {ref}", None, form=forms.scoring(look, incident)),
        Button(look.say("button.task_add"), f"/task add {ref}", None, form=forms.adding(look, incident)),
        Button(look.say("button.handover"), f"/incident handover {ref}", None, form=forms.handing_over(look, incident)),
        *_playbook_buttons(look, incident),
        *[_heard_button(look, approval) for approval in pending if _may_be_heard(look, incident, approval)][:MOST_HEARD],
    ]
    if not incident.provisional and incident.opinion_level is not OpinionLevel.MILD:
        found.append(Button(look.say("button.downgrade"), f"/incident downgrade {ref}", None, form=forms.lowering(look, incident)))
    if incident.state in DOORS:
        into = forms.mergeable(look, incident)
        if into:
            found.append(Button(look.say("button.merge"), f"/incident merge {ref}", None, form=forms.leaving(look, incident, into)))
        found.append(Button(look.say("button.false_alarm"), f"/incident false-alarm {ref}", None, form=forms.leaving(look, incident)))
    return tuple(found)


def _may_be_heard(look: Look, incident: Incident, approval: Approval) -> bool:
    """What stops a regulator's clock, and what the plan names, is never approved by voice."""
    return approval.kind not in look.response(incident).no_oral and not (listed(approval) or listed(approval, "later"))


def _heard_button(look: Look, approval: Approval) -> Button:
    """A leader said yes on the phone: whoever may write that down is told by the command."""
    return Button(
        look.say("button.heard", ref=approval.ref), f"/approve {approval.ref}", approval.touched, form=forms.hearing(look, approval)
    )


def _playbook_buttons(look: Look, incident: Incident) -> list[Button]:
    if incident.type is None:
        return []
    ways = {how: forms.typing(look, incident, how) for how in ("add", "main")}
    return [
        Button(look.say(f"button.playbook_{how}"), f"/incident playbook {how} {incident.ref}", None, form=form)
        for how, form in ways.items()
        if form[0].options
    ]


@screen("mine")
def my_card(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """One person's tasks in one incident: what they own, what their groups have open, what waits for their check."""
    incident = look.reader.incident(about["ref"])
    groups = look.organization.groups_of(look.person)
    level = look.response(incident).approvers.get("statement", ())
    mine = [t for t in look.reader.tasks(incident.ref) if _concerns(look, incident, t, groups, level)]
    shown = sorted(mine, key=lambda t: (not _hot(look, t), t.due_at is None, t.due_at or t.created_at))
    lines = [(t.ref, _task_line(look, incident, t)) for t in shown[:MOST_TASKS]]
    if len(shown) > MOST_TASKS:
        lines.append(("", look.say("card.mine_more", count=len(shown) - MOST_TASKS)))
    if not shown:
        lines.append(("", look.say("card.mine_none")))
    buttons = [b for t in shown[:MOST_TASKS] for b in _task_buttons(look, incident, t, level)]
    menu = [b for t in shown[:MOST_TASKS] if t.owner == look.person and t.live for b in acts.rare(look, t)]
    title = look.say("card.mine", number=incident.number, count=len(shown))
    tone: Tone = TONES[incident.response_level] if shown else "good"
    note = look.say("card.mine_note", title=incident.title, ref=incident.ref)
    twin = look.say("card.mine_twin" if shown else "card.mine_twin_none", number=incident.number, title=incident.title, count=len(shown))
    return Outgoing(twin, Card(title, tuple(lines), note, tuple(buttons[:MOST_BUTTONS]), tone, incident.drill, tuple(menu[:MOST_BUTTONS])))


def _concerns(look: Look, incident: Incident, task: Task, groups: tuple[str, ...], level: tuple[str, ...]) -> bool:
    if task.owner == look.person and task.live:
        return True
    if task.state is Doing.OPEN:
        return task.group in groups
    return task.state is Doing.DONE and look.person in verifiers_of(task, look.organization, commander=incident.commander, by_level=level)


def _hot(look: Look, task: Task) -> bool:
    return bool(task.due_at and task.due_at <= look.now)


def _task_line(look: Look, incident: Incident, task: Task) -> str:
    # Without how late it is: a card that counted minutes would be edited for everybody whenever the clock speaks.
    when = look.say("card.overdue", due=task.due_at) if task.live and _hot(look, task) else _when(look, task)
    line = look.say("card.task_line", title=task.title, state=task.state, owner=look.name(task.owner), when=when)
    return "\n".join(filter(None, (line, first_line(look, incident, task))))


def _when(look: Look, task: Task) -> str:
    """By when, and how late it is."""
    if task.due_at is None:
        return look.say("task.no_due")
    late, due = look.now - task.due_at, task_due(look.reader.plan_of(task), task, look.zone)
    return look.say("card.late", due=due, span=late) if task.live and late >= MINUTE else look.say("card.by", due=due)


def _task_buttons(look: Look, incident: Incident, task: Task, level: tuple[str, ...]) -> list[Button]:
    if task.state is Doing.OPEN:
        return [acts.claim(look, task)]
    if task.state is Doing.DONE:
        checks = look.person in verifiers_of(task, look.organization, commander=incident.commander, by_level=level)
        return acts.check(look, task) if checks else []
    if task.waits:
        return first_buttons(look, task)
    over = incident.clocks().get(task.until or "ended") is not None
    return [acts.progress(look, task), *([acts.done(look, task, "primary")] if not task.standing or over else [])]


@screen("approval")
def approval_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """Exactly what is approved, who asks, and two taps; once decided it says by whom."""
    approval = look.reader.approval(about["ref"])
    incident = look.reader.incident(approval.incident)
    kind = look.say(f"approval.kind.{approval.kind}")
    lines = [
        ("", look.words.show(approval.text)),
        (look.say("card.asked_by"), look.say("card.asked_value", person=look.name(approval.asked_by), at=approval.asked_at)),
        (look.say("card.hash"), approval.digest[:8]),
        (look.say("card.approvers"), look.names(approvers_of(approval, look.organization))),
    ]
    if approval.state is Asked.PENDING:
        note = look.say("card.approval_note", ref=approval.ref)
        buttons, menu = _approval_buttons(look, approval), _approval_menu(look, approval)
    else:
        note = decision(look, approval)
        buttons = menu = ()
    title = look.say("card.approval", ref=approval.ref, kind=kind, number=incident.number)
    twin = look.say("card.approval_twin", ref=approval.ref, kind=kind, number=incident.number, title=incident.title)
    return Outgoing(twin, Card(title, tuple(lines), note, buttons, DECIDED[approval.state], incident.drill, menu))


def decision(look: Look, approval: Approval) -> str:
    """What became of it, by whom and how: in writing, by voice and not yet signed, by voice and signed."""
    person, at = look.name(approval.decided_by), approval.decided_at
    if not approval.heard_by:
        return look.say(f"card.approval_{approval.state}", person=person, at=at, note=approval.note)
    said = {"person": person, "at": at, "heard": look.name(approval.heard_by), "settled": approval.confirmed_at, "note": approval.note}
    return look.say(f"card.spoken_{approval.state}", **said, denial=approval.denial or "")


@screen("approval.heard")
def heard_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the leader: what was written down in your name, and one tap to sign for it or to say that it is not so."""
    approval = look.reader.approval(about["ref"])
    incident = look.reader.incident(approval.incident)
    kind = look.say(f"approval.kind.{approval.kind}")
    lines = [("", look.words.show(approval.text)), (look.say("card.hash"), approval.digest[:8]), ("", decision(look, approval))]
    title = look.say("card.heard", ref=approval.ref, kind=kind, number=incident.number)
    until = (approval.decided_at or look.now) + WITHIN
    open_ = approval.state is Asked.ORAL
    note = look.say("card.heard_note", until=until) if open_ else ""
    buttons = (
        Button(look.say("button.oral_confirm"), f"/oral confirm {approval.ref}", approval.touched, "primary"),
        Button(
            look.say("button.oral_deny"), f"/oral deny {approval.ref}", approval.touched, "danger", form=question(look.say("ask.oral_deny"))
        ),
    )
    twin = look.say("card.heard_twin", ref=approval.ref, kind=kind, number=incident.number, title=incident.title, until=until)
    card = Card(title, tuple(lines), note, buttons if open_ else (), DECIDED[approval.state], incident.drill)
    return Outgoing(twin, card)


def _approval_buttons(look: Look, approval: Approval) -> tuple[Button, ...]:
    ref, version = approval.ref, approval.touched
    buttons = [
        Button(look.say("button.approve"), f"/approve {ref}", version, "primary"),
        Button(look.say("button.return"), f"/return {ref}", version, "danger", form=question(look.say("ask.reason"))),
        Button(look.say("button.later"), f"/later {ref} 15m", version),
    ]
    if deputies := _deputies(look, approval):
        form = forms.delegating(look, approval, deputies) if len(deputies) > 1 else ()
        buttons.append(Button(look.say("button.delegate"), f"/delegate {ref}", version, form=form))
    return tuple(buttons)


def _approval_menu(look: Look, approval: Approval) -> tuple[Button, ...]:
    return (Button(look.say("button.later_form"), f"/later {approval.ref}", approval.touched, form=forms.waiting(look, approval)),)


def _deputies(look: Look, approval: Approval) -> tuple[str, ...]:
    """To whom the reader, as head, can hand the question on."""
    own = [spec for spec in approval.needed if spec.endswith(".head") and look.person in look.organization.resolve(spec)]
    found = (person for spec in own for person in look.organization.resolve(spec.replace(".head", ".deputy")))
    return tuple(dict.fromkeys(person for person in found if person != approval.asked_by))
