"""Approvals: one card, one tap."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.registry import APPROVED, RETURNED, command, ref, rest, timer
from workflows.core import approval as rules
from workflows.core.approval import Approval


@dataclass(frozen=True, slots=True)
class WhichAndText:
    approval: str | None = ref("A")
    text: str = rest("意见", "note")


@dataclass(frozen=True, slots=True)
class WhichAndPerson:
    approval: str | None = ref("A")
    to: str | None = rest("副职", "deputy", kind="person")


@dataclass(frozen=True, slots=True)
class WhichAndWait:
    approval: str | None = ref("A")
    wait: timedelta | None = rest("时长", "how long", kind="duration", required=True)


@command("approve", WhichAndText, zh="同意", who="member", four_eyes=True)
def approve(context: Context, given: WhichAndText) -> Reply:
    """Approve exactly what the card shows."""
    approval, _ = context.approval(given.approval)
    context.uow.apply(rules.approve(approval, by=context.person, now=context.now, note=given.text, organization=context.organization))
    APPROVED[approval.kind](context, approval, context.person)
    return context.say(
        "approval.approved_ok", ref=approval.ref, approval=approval.ref, text=approval.text.splitlines()[0], hash=approval.digest[:8]
    )


@command("return", WhichAndText, zh="退回", who="member", four_eyes=True)
def return_(context: Context, given: WhichAndText) -> Reply:
    """Say no, with a reason."""
    approval, _ = context.approval(given.approval)
    after = context.uow.apply(
        rules.return_(approval, by=context.person, now=context.now, reason=given.text, organization=context.organization)
    )
    if after.kind in RETURNED:
        RETURNED[after.kind](context, after, context.person, given.text)
    return context.say("approval.returned_ok", ref=approval.ref, approval=approval.ref, person=context.name(approval.asked_by))


@command("delegate", WhichAndPerson, zh="转交", who="member", four_eyes=True)
def delegate(context: Context, given: WhichAndPerson) -> Reply:
    """Hand the question to your deputy."""
    approval, _ = context.approval(given.approval)
    after = context.uow.apply(rules.delegate(approval, by=context.person, to=given.to, organization=context.organization))
    return context.say("approval.delegated_ok", ref=approval.ref, approval=approval.ref, person=context.name(after.delegates[-1]))


@command("later", WhichAndWait, zh="稍后", who="member", four_eyes=True)
def later(context: Context, given: WhichAndWait) -> Reply:
    """Your estimate: ask me again then."""
    approval, _ = context.approval(given.approval)
    assert given.wait is not None, "the parser refuses a missing wait"
    until = context.now + given.wait
    context.uow.apply(rules.later(approval, by=context.person, until=until, now=context.now, organization=context.organization))
    return context.say("approval.later_ok", ref=approval.ref, approval=approval.ref, until=until)


@timer("A")
def remind(context: Context, approval: str, name: str, due: datetime) -> None:
    """Nobody has decided yet."""
    found = context.uow.load(Approval, approval)
    context.uow.apply(rules.remind(found, now=context.now, organization=context.organization))
