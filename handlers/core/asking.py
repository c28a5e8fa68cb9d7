"""Putting a question to approvers: the one mechanism that activation, ending and (later) statements use."""

import hashlib
from dataclasses import replace

from handlers.core.context import Context
from workflows.core import approval as rules
from workflows.core.approval import Approval, State
from workflows.core.errors import RuleBroken
from workflows.incident import Incident


def needed(context: Context, incident: Incident, kind: str) -> tuple[str, ...]:
    """Approver specs for `kind` at the incident's level; `commander` is named now, so that a later handover does not move the question."""
    specs = context.response(incident).approvers[kind]
    return tuple(incident.commander if spec == "commander" else spec for spec in specs)


def approvers(context: Context, incident: Incident, kind: str) -> tuple[str, ...]:
    """Person ids who may decide `kind` now."""
    return tuple(dict.fromkeys(p for spec in needed(context, incident, kind) for p in context.organization.resolve(spec)))


def ask(context: Context, incident: Incident, kind: str, text: str) -> Approval:
    """Ask for approval of exactly `text`; refused while the same question is pending."""
    for pending in context.uow.approvals(incident.ref):
        if pending.kind == kind:
            raise RuleBroken("approval.pending", ref=pending.ref)
    approval = Approval(
        ref=context.uow.next_ref(Approval),
        incident=incident.ref,
        kind=kind,
        subject=incident.ref,
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        needed=needed(context, incident, kind),
        state=State.PENDING,
        asked_by=context.person,
        asked_at=context.now,
        wait=int(context.response(incident).approval_wait.total_seconds()),
        plan=incident.plan,
    )
    return context.uow.apply(rules.ask(approval, context.organization))


def ask_again(context: Context, incident: Incident) -> None:
    """The level changed: questions whose approvers are now others are taken back and put to the right ones."""
    for pending in context.uow.approvals(incident.ref):
        wanted = needed(context, incident, pending.kind)
        if wanted == pending.needed:
            continue
        reason = context.words.say("approval.level_changed")
        context.uow.apply(rules.void(pending, now=context.now, reason=reason))
        wait = int(context.response(incident).approval_wait.total_seconds())
        fresh = replace(
            pending, ref=context.uow.next_ref(Approval), needed=wanted, asked_at=context.now, wait=wait, delegates=(), rank=0, round=0
        )
        fresh = replace(fresh, later_until=None, version=0, touched=0)
        context.uow.apply(rules.ask(fresh, context.organization))


def void_all(context: Context, incident: str, reason: str) -> None:
    for pending in context.uow.approvals(incident):
        context.uow.apply(rules.void(pending, now=context.now, reason=reason))
