"""Approvals: one card, one tap; or a spoken yes that the leader confirms later."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.core.clocks import listed
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Reply
from handlers.core.registry import APPROVED, DENIED, RETURNED, command, key, ref, rest, timer
from handlers.core.statement_view import first_line
from workflows.core import approval as rules
from workflows.core import spoken
from workflows.core.approval import Approval


@dataclass(frozen=True, slots=True)
class WhichAndText:
    approval: str | None = ref("A")
    text: str = rest("意见", "note")


@dataclass(frozen=True, slots=True)
class Approve:
    approval: str | None = ref("A")
    oral: str | None = key("口头", kind="person")
    text: str = rest("意见", "note")


@dataclass(frozen=True, slots=True)
class WhichAndPerson:
    approval: str | None = ref("A")
    to: str | None = rest("副职", "deputy", kind="person")


@dataclass(frozen=True, slots=True)
class WhichAndWait:
    approval: str | None = ref("A")
    wait: timedelta | None = rest("时长", "how long", kind="duration", required=True)


@command("approve", Approve, zh="同意", who="member", four_eyes=True, tells="pending")
def approve(context: Context, given: Approve) -> Reply:
    """Approve exactly what the card shows; with `oral=` write down that a leader has said yes."""
    if given.oral:
        return _heard(context, given, given.oral)
    approval, incident = context.approval(given.approval)
    context.check_proven(incident, "approve")
    context.uow.apply(rules.approve(approval, by=context.person, now=context.now, note=given.text, organization=context.organization))
    APPROVED[approval.kind](context, approval, context.person)
    text = first_line(Look.of(context), approval)
    return context.say("approval.approved_ok", ref=approval.ref, approval=approval.ref, text=text, hash=approval.digest[:8])


def _heard(context: Context, given: Approve, leader: str) -> Reply:
    approval, incident = context.approval(given.approval)
    context.check_proven(incident, "approve")
    outcome = spoken.hear(
        approval,
        by=context.person,
        of=leader,
        now=context.now,
        note=given.text,
        hearers=spoken.hearers(approval, incident.commander, context.organization),
        forbidden=context.response(incident).no_oral,
        clocks=[*listed(approval), *listed(approval, "later")],
        organization=context.organization,
    )
    after = context.uow.apply(outcome)
    APPROVED[approval.kind](context, after, leader)
    return context.say(
        "approval.heard_ok",
        ref=approval.ref,
        approval=approval.ref,
        person=context.name(leader),
        text=first_line(Look.of(context), approval),
        hash=approval.digest[:8],
        until=context.now + spoken.WITHIN,
    )


@command("oral confirm", WhichAndText, zh="口头 确认", who="member", four_eyes=True, tells="pending")
def confirm(context: Context, given: WhichAndText) -> Reply:
    """Sign for the yes that you gave by voice."""
    approval, incident = context.approval(given.approval)
    context.check_proven(incident, "approve")
    context.uow.apply(spoken.confirm(approval, by=context.person, now=context.now))
    text, digest = first_line(Look.of(context), approval), approval.digest[:8]
    return context.say("approval.confirmed_ok", ref=approval.ref, approval=approval.ref, text=text, hash=digest)


@command("oral deny", WhichAndText, zh="口头 否认", who="member", four_eyes=True, tells="pending")
def deny(context: Context, given: WhichAndText) -> Reply:
    """You never said so: everybody concerned is told."""
    approval, incident = context.approval(given.approval)
    denied = spoken.deny(
        approval, by=context.person, now=context.now, note=given.text, commander=incident.commander, organization=context.organization
    )
    after = context.uow.apply(denied)
    if after.kind in DENIED:
        said = context.words.say("approval.denied_reason", person=context.name(context.person), note=given.text).rstrip()
        DENIED[after.kind](context, after, said)
    return context.say("approval.denied_ok", ref=approval.ref, approval=approval.ref)


@command("return", WhichAndText, zh="退回", who="member", four_eyes=True, tells="pending")
def return_(context: Context, given: WhichAndText) -> Reply:
    """Say no, with a reason."""
    approval, _ = context.approval(given.approval)
    after = context.uow.apply(
        rules.return_(approval, by=context.person, now=context.now, reason=given.text, organization=context.organization)
    )
    if after.kind in RETURNED:
        RETURNED[after.kind](context, after, context.person, given.text)
    return context.say("approval.returned_ok", ref=approval.ref, approval=approval.ref, person=context.name(approval.asked_by))


@command("delegate", WhichAndPerson, zh="转交", who="member", four_eyes=True, tells="pending")
def delegate(context: Context, given: WhichAndPerson) -> Reply:
    """Hand the question to your deputy."""
    approval, _ = context.approval(given.approval)
    after = context.uow.apply(rules.delegate(approval, by=context.person, to=given.to, organization=context.organization))
    return context.say("approval.delegated_ok", ref=approval.ref, approval=approval.ref, person=context.name(after.delegates[-1]))


@command("later", WhichAndWait, zh="稍后", who="member", four_eyes=True, tells="pending")
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
    if name == spoken.TIMER:
        context.uow.apply(spoken.remind(found, now=context.now, organization=context.organization))
        return
    context.uow.apply(rules.remind(found, now=context.now, organization=context.organization))
