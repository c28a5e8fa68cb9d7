"""口头同意: a leader's spoken yes, written down by somebody else. It holds at once, and the leader confirms it within a day."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from workflows.core.approval import MACHINE, Approval, approvers_of, deciders
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization

#: How long the leader has.
WITHIN = timedelta(hours=24)
#: When the leader is reminded, counted from the yes; after the last step (the limit itself) once a day.
STEPS = (timedelta(hours=2), timedelta(hours=8), timedelta(hours=20), WITHIN)
TIMER = "confirm"


def hearers(approval: Approval, commander: str, organization: Organization) -> tuple[str, ...]:
    """Who may write a spoken yes down: the office's duty member and the commander, never the author; else who stands in for them."""
    first = (organization.duty("office"), commander)
    found = tuple(p for p in dict.fromkeys(first) if p not in approval.excluded and p in organization.people)
    return found or tuple(p for p in organization.groups["office"].leaders if p not in approval.excluded)


def hear(
    approval: Approval,
    *,
    by: str,
    of: str,
    now: datetime,
    note: str,
    hearers: tuple[str, ...],
    forbidden: Iterable[str],
    clocks: Iterable[str],
    organization: Organization,
) -> Outcome[Approval]:
    """`of` has said yes to `by`. `forbidden`: kinds that the plan wants in writing · `clocks`: reports whose clock this yes would stop."""
    state = MACHINE.after(approval.state, "hear")
    if by in approval.excluded:
        raise NotAllowed("approval.oral_own")
    if by not in hearers:
        raise NotAllowed("approval.oral_who", people=_names(hearers, organization))
    if of == by:
        raise NotAllowed("approval.oral_self")
    may = tuple(p for p in (*approvers_of(approval, organization), *deciders(approval.needed, organization)) if p not in approval.excluded)
    if of not in may:
        raise NotAllowed("approval.oral_of", people=_names(dict.fromkeys(may), organization))
    stopped = tuple(clocks)
    if stopped:
        raise RuleBroken("approval.oral_clock", reports=list(stopped))
    if approval.kind in forbidden:
        raise RuleBroken("approval.oral_forbidden")
    heard = replace(approval, state=state, decided_by=of, decided_at=now, heard_by=by, note=note, round=0, later_until=None)
    return Outcome(
        heard,
        Event("heard", {"kind": approval.kind, "subject": approval.subject, "of": of, "by": by, "note": note, "digest": approval.digest}),
        (Timer("approval", None), Timer(TIMER, now + STEPS[0])),
        (
            Notice("approval.heard", (of,), urgency="approval", card=True),
            Notice("approval.decided", (approval.asked_by,), urgency="reply"),
        ),
    )


def confirm(approval: Approval, *, by: str, now: datetime) -> Outcome[Approval]:
    """The leader signs for what was said."""
    state = MACHINE.after(approval.state, "confirm")
    _only_the_leader(approval, by)
    return Outcome(
        replace(approval, state=state, confirmed_at=now),
        Event("confirmed", {"kind": approval.kind, "subject": approval.subject, "digest": approval.digest}),
        (Timer(TIMER, None),),
        (Notice("approval.confirmed", _others(approval, by), urgency="reply"),),
    )


def deny(approval: Approval, *, by: str, now: datetime, note: str, commander: str, organization: Organization) -> Outcome[Approval]:
    """The leader never said so. What was done on it stays done until people decide, so all of them hear of it at once."""
    state = MACHINE.after(approval.state, "deny")
    _only_the_leader(approval, by)
    people = (*_others(approval, by), commander, *organization.groups["office"].leaders, *organization.groups["lead"].leaders)
    return Outcome(
        replace(approval, state=state, confirmed_at=now, denial=note),
        Event("denied", {"kind": approval.kind, "subject": approval.subject, "by": by, "note": note}),
        (Timer(TIMER, None),),
        (Notice("approval.denied", ("chat", "control", *dict.fromkeys(people)), urgency="escalation"),),
    )


def remind(approval: Approval, *, now: datetime, organization: Organization) -> Outcome[Approval]:
    """The clock: the leader again, later also those who rely on it; after a day the control group, and every day until it is settled."""
    state = MACHINE.after(approval.state, "chase")
    assert approval.decided_at, "a spoken yes has its moment"
    assert approval.decided_by, "and its leader"
    since, rounds = now - approval.decided_at, approval.round + 1
    following = next_word(replace(approval, prompted_at=now))  # steps that were missed while the house was down are said once
    overdue = since >= WITHIN
    values: dict[str, Value] = {"round": rounds, "next_at": following.isoformat(), "overdue": overdue}
    others = (*_others(approval, approval.decided_by), *organization.groups["office"].leaders) if since >= STEPS[1] else ()
    to = tuple(p for p in dict.fromkeys((approval.decided_by, *others)) if p in organization.people)
    control = (Notice("approval.unconfirmed", ("control",), values, "escalation"),) if overdue else ()
    return Outcome(
        replace(approval, state=state, round=rounds, prompted_at=now),
        Event("reminded", {"of": list(to), "round": rounds}),
        (Timer(TIMER, following),),
        (Notice("approval.confirm", to, values, "escalation" if others else "approval"), *control),
    )


def next_word(approval: Approval) -> datetime:
    """When the leader of a spoken yes is asked next to confirm it."""
    assert approval.decided_at, "a spoken yes has its moment"
    last = max(approval.decided_at, approval.prompted_at or approval.decided_at)
    return next((approval.decided_at + step for step in STEPS if approval.decided_at + step > last), last + WITHIN)


def _only_the_leader(approval: Approval, by: str) -> None:
    if by != approval.decided_by:
        raise NotAllowed("approval.oral_not_you", person=approval.decided_by)


def _others(approval: Approval, by: str) -> tuple[str, ...]:
    """Who asked and who wrote the yes down."""
    return tuple(p for p in dict.fromkeys((approval.asked_by, approval.heard_by)) if p and p != by)


def _names(people: Iterable[str], organization: Organization) -> str:
    return "、".join(organization.people[p].name for p in people if p in organization.people)
