"""Living cards beside the incident's own: a person's tasks, an approval, what is to be decided. Drawn from what is true now."""

from collections.abc import Mapping
from typing import Any

from handlers.core import acts, forms
from handlers.core.consent import first_buttons, first_line
from handlers.core.due import by_when
from handlers.core.forms import question
from handlers.core.known import known_facts
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing, Tone
from handlers.core.registry import screen
from handlers.core.setters import groups_of, may_set
from handlers.core.statement_view import approval_lines
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.core.plan import Plan
from workflows.core.spoken import WITHIN
from workflows.incident import Incident
from workflows.regulator_report import to_decide
from workflows.task import State as Doing
from workflows.task import Task, verifiers_of

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
    yes, no = (question(look.say("ask.attest")), ()) if spec.attested else ((), question(look.say("ask.reason")))
    return [
        Button(look.say("button.yes", name=name), f"/incident fact {incident.ref} {fact}=yes", None, "primary", form=yes),
        Button(look.say("button.no", name=name), f"/incident fact {incident.ref} {fact}=no", None, form=no),
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
    tone: Tone = look.tone(incident) if shown else "good"
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
    when = look.say("card.overdue", due=task.due_at) if task.live and _hot(look, task) else by_when(look, task)
    line = look.say("card.task_line", title=task.title, state=task.state, owner=look.name(task.owner), when=when)
    return "\n".join(filter(None, (line, first_line(look, incident, task))))


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
        *(approval_lines(look, approval) if approval.kind == "statement" else []),
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
    asks = look.say("card.approval_twin", ref=approval.ref, kind=kind, number=incident.number, title=incident.title)
    twin = asks if approval.state is Asked.PENDING else f"{title}\n{note}"
    return Outgoing(twin, Card(title, tuple(lines), note, buttons, DECIDED[approval.state], incident.drill, menu))


def decision(look: Look, approval: Approval) -> str:
    """What became of it, by whom and how: in writing, by voice and not yet signed, by voice and signed."""
    person, at = look.name(approval.decided_by), approval.decided_at
    if approval.state is Asked.VOID and person and approval.decided_by:
        return look.say("card.approval_given_void", person=person, at=at, note=approval.note)
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
    return tuple(dict.fromkeys(person for person in found if person not in approval.excluded))
