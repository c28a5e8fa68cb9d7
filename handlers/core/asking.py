"""Putting a question to approvers: the one mechanism that activation, ending and statements use."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from handlers.core.context import Context
from workflows.core import approval as rules
from workflows.core.approval import Approval, State
from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.response import Response
from workflows.incident import Incident
from workflows.task import Task

#: Who may be the second person where the plan names none for an act: what stops, lengthens or removes a regulator's clock.
SECOND_PERSON = ("role:compliance", "lead.head", "lead.deputy")

#: Who decides, where the plan names nobody for an act and a second person is not enough.
LEADERS = {
    "downgrade": ("lead.head", "lead.deputy"),
    "sign": ("lead.head", "lead.deputy"),
    # What is said to a rumour stands or falls with what was found: the technical group knows it, compliance answers for it.
    "rumour": ("tech.head", "tech.deputy", "role:compliance"),
}


def needed(context: Context, incident: Incident, kind: str) -> tuple[str, ...]:
    """Approver specs for `kind` at the incident's level; `commander` is named now, so that a later handover does not move the question."""
    return needed_at(context.response(incident), incident, kind)


def needed_at(response: Response, incident: Incident, kind: str) -> tuple[str, ...]:
    specs = response.approvers.get(kind, LEADERS.get(kind, SECOND_PERSON))
    return tuple(incident.commander if spec == "commander" else spec for spec in specs)


def approvers(context: Context, incident: Incident, kind: str) -> tuple[str, ...]:
    """Person ids who may decide `kind` now."""
    return rules.deciders(needed(context, incident, kind), context.organization)


def question(context: Context, incident: Incident, kind: str, note: str) -> str:
    """What exactly is to be approved, in one line that names the level where it matters; the asker's note follows it."""
    values = {"number": incident.number, "title": incident.title, "level": incident.response_level}
    return "\n".join([context.words.say(f"incident.ask_{kind}", **values), *([context.words.show(note)] if note.strip() else [])])


def ask(
    context: Context,
    incident: Incident,
    kind: str,
    note: str,
    *,
    subject: str = "",
    values: Mapping[str, Value] | None = None,
    what: str = "",
    of: tuple[str, ...] = (),
    by: str = "",
    barred: tuple[str, ...] = (),
) -> Approval:
    """Ask for approval of exactly `question` (or of `what`); refused while the same one about the same `subject` is pending.

    `of`: approver specs, where they are not those of the level · `by`: on whose behalf it is asked, who then may not approve it ·
    `barred`: who may not either.
    """
    subject = subject or incident.ref
    for pending in context.uow.approvals(incident.ref):
        if (pending.kind, pending.subject) == (kind, subject):
            raise RuleBroken("approval.pending", ref=pending.ref)
    text = what or question(context, incident, kind, note)
    approval = Approval(
        ref=context.uow.next_ref(Approval),
        incident=incident.ref,
        kind=kind,
        subject=subject,
        text=text,
        digest=_digest(text),
        needed=of or needed(context, incident, kind),
        state=State.PENDING,
        asked_by=by or context.person,
        asked_at=context.now,
        wait=int(context.response(incident).approval_wait.total_seconds()),
        plan=incident.plan,
        values=values or {},
        barred=barred,
    )
    return context.uow.apply(rules.ask(approval, context.organization))


def ask_again(context: Context, incident: Incident) -> list[Approval]:
    """The level changed: what would now be put differently, or to others, is taken back and asked anew. Answers the new questions.

    When only the asker could decide it now, it is only taken back: the asker may do it directly, and grading must not fail over it.
    """
    fresh = []
    for pending in context.uow.approvals(incident.ref):
        if pending.kind == "statement":  # handlers.core.statements: no yes to a text outlives the grade it was given at
            continue
        wanted, text = _wanted(context, incident, pending), pending.text
        if context.words.has(f"incident.ask_{pending.kind}"):
            text = question(context, incident, pending.kind, _note_of(pending))
        if (wanted, text) == (pending.needed, pending.text):
            continue
        reason = context.words.say("approval.level_changed")
        context.uow.apply(rules.void(pending, now=context.now, reason=reason))
        asked = replace(_anew(context, incident, pending), needed=wanted, text=text, digest=_digest(text))
        if rules.approvers_of(asked, context.organization):
            fresh.append(context.uow.apply(rules.ask(asked, context.organization)))
    return fresh


def _wanted(context: Context, incident: Incident, pending: Approval) -> tuple[str, ...]:
    if pending.kind == "task":
        return of_task(context, incident, context.uow.load(Task, pending.subject))
    return needed(context, incident, pending.kind)


def of_task(context: Context, incident: Incident, task: Task) -> tuple[str, ...]:
    """Approver specs of a task whose line names somebody to approve it."""
    if task.approve == "by_level":
        return context.response(incident).approvers.get("statement", SECOND_PERSON)
    return (task.approve,) if task.approve else SECOND_PERSON


def _anew(context: Context, incident: Incident, pending: Approval) -> Approval:
    wait = int(context.response(incident).approval_wait.total_seconds())
    fresh = replace(pending, ref=context.uow.next_ref(Approval), asked_at=context.now, wait=wait, later_until=None)
    return replace(fresh, delegates=(), rank=0, round=0, version=0, touched=0)


def _note_of(approval: Approval) -> str:
    return approval.text.partition("\n")[2]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def void_all(context: Context, incident: str, reason: str, kind: str = "") -> None:
    """Take back what is asked, of one kind only where one is given."""
    for pending in context.uow.approvals(incident):
        if kind in ("", pending.kind):
            context.uow.apply(rules.void(pending, now=context.now, reason=reason))
