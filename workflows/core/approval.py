"""One approval of one version of one thing: asked, given, returned, delegated, reminded of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.instants import rounds_come
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    ORAL = "oral"
    RETURNED = "returned"
    DENIED = "denied"
    VOID = "void"


State = ApprovalState

MACHINE = Machine(
    "approval",
    State.PENDING,
    {
        (State.PENDING, "approve"): State.APPROVED,
        (State.PENDING, "return"): State.RETURNED,
        (State.PENDING, "delegate"): State.PENDING,
        (State.PENDING, "later"): State.PENDING,
        (State.PENDING, "remind"): State.PENDING,
        # also what was given: a text that changed was agreed to by nobody
        **{(state, "void"): State.VOID for state in (State.PENDING, State.APPROVED, State.ORAL)},
        # workflows/core/spoken.py: holds at once, and is confirmed later
        (State.PENDING, "hear"): State.ORAL,
        (State.ORAL, "confirm"): State.APPROVED,
        (State.ORAL, "deny"): State.DENIED,
        (State.ORAL, "chase"): State.ORAL,
    },
)


@dataclass(frozen=True, slots=True)
class Approval:
    """`text` is what exactly is approved, `digest` its SHA-256 (hex); `needed` are approver specs, any one of whom suffices.

    `wait` (seconds) is how long the approver has before the deputy is asked too; `rank` counts those steps:
    0 the approver, 1 the deputy too, 2 the whole leading group.
    """

    ref: str
    incident: str
    kind: str
    subject: str
    text: str
    digest: str
    needed: tuple[str, ...]
    state: State
    asked_by: str
    asked_at: datetime
    wait: int
    plan: str
    delegates: tuple[str, ...] = ()
    rank: int = 0
    round: int = 0
    prompted_at: datetime | None = None
    later_until: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str = ""
    heard_by: str | None = None
    """who wrote a spoken yes down; `decided_by` is the leader who said it"""
    confirmed_at: datetime | None = None
    """when that leader confirmed it, or denied it"""
    denial: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    """what the approval sets going needs besides its text"""
    barred: tuple[str, ...] = ()
    """who may not decide it besides the one who asked: who wrote the text, who agreed to it in an earlier step"""
    version: int = 0
    touched: int = 0

    @property
    def excluded(self) -> tuple[str, ...]:
        return (self.asked_by, *self.barred)


def ask(approval: Approval, organization: Organization) -> Outcome[Approval]:
    """Put the question to those who may decide it; RuleBroken when the plan names nobody who could."""
    approvers = approvers_of(approval, organization)
    if not approvers:
        raise RuleBroken("approval.nobody", needed=", ".join(approval.needed))
    return Outcome(
        replace(approval, prompted_at=approval.asked_at),
        Event("asked", {"kind": approval.kind, "subject": approval.subject, "digest": approval.digest, "of": list(approvers)}),
        (Timer("approval", approval.asked_at + timedelta(seconds=approval.wait)),),
        (Notice("approval", approvers, urgency="approval", card=True),),
    )


def approvers_of(approval: Approval, organization: Organization) -> tuple[str, ...]:
    """Who may decide now, never the one who asked or who is barred: named approvers, those it was delegated to, by `rank` deputies and
    leaders. Where that leaves nobody: the heads above them, and then, for who is barred, the deputy and the leaders at once."""
    people: list[str] = []
    for spec in approval.needed:
        people.extend(organization.resolve(spec))
    people.extend(approval.delegates)
    if approval.rank >= 1:
        for spec in approval.needed:
            people.extend(_deputies(spec, organization))
    if approval.rank >= 2:
        people.extend(organization.groups["lead"].leaders)
    may = [people, _superiors(approval.needed, organization)]
    if approval.barred:
        may += [[p for spec in approval.needed for p in _deputies(spec, organization)], organization.groups["lead"].leaders]
    open_to = ((p for p in dict.fromkeys(these) if p not in approval.excluded and p in organization.people) for these in may)
    return next((found for these in open_to if (found := tuple(these))), ())


def deciders(needed: Iterable[str], organization: Organization) -> tuple[str, ...]:
    """Whom the specs name, and the heads above them: what a deputy may decide, the head may too, though only the deputy is asked."""
    specs = tuple(needed)
    named = (person for spec in specs for person in organization.resolve(spec))
    return tuple(dict.fromkeys((*named, *_superiors(specs, organization))))


def _superiors(needed: Iterable[str], organization: Organization) -> tuple[str, ...]:
    deputies = (spec.removesuffix(".deputy") for spec in needed if spec.endswith(".deputy"))
    return tuple(person for group in deputies for person in organization.resolve(f"{group}.head"))


def _deputies(spec: str, organization: Organization) -> tuple[str, ...]:
    group, _, part = spec.partition(".")
    return organization.resolve(f"{group}.deputy") if part == "head" else ()


def check(approval: Approval, by: str, organization: Organization, verb: str = "approve") -> None:
    """Raise unless `by` may decide now: four eyes first, then the plan's names, on leave or not, and whoever stands in for them."""
    MACHINE.after(approval.state, verb)
    if by == approval.asked_by:
        raise NotAllowed("approval.own")
    if by in approval.barred:
        raise NotAllowed("approval.barred")
    if by not in (*approvers_of(approval, organization), *deciders(approval.needed, organization.regardless_of_leave())):
        raise NotAllowed("approval.not_named", people="、".join(organization.people[p].name for p in approvers_of(approval, organization)))


def approve(approval: Approval, *, by: str, now: datetime, note: str, organization: Organization) -> Outcome[Approval]:
    check(approval, by, organization)
    return _decided(approval, "approve", "approved", by, now, note, {"digest": approval.digest})


def return_(approval: Approval, *, by: str, now: datetime, reason: str, organization: Organization) -> Outcome[Approval]:
    """Say no, with a reason that the one who asked will read."""
    check(approval, by, organization, "return")
    if not reason.strip():
        raise RuleBroken("approval.reason")
    return _decided(approval, "return", "returned", by, now, reason, {})


def void(approval: Approval, *, now: datetime, reason: str) -> Outcome[Approval]:
    """Take the question, or the yes that was given, back because what it was about has changed."""
    if approval.state is State.PENDING:
        return _decided(approval, "void", "voided", "", now, reason, {})
    state = MACHINE.after(approval.state, "void")
    details: dict[str, Value] = {"kind": approval.kind, "subject": approval.subject, "note": reason, "given_by": approval.decided_by}
    unchased = (Timer("confirm", None),) if approval.state is State.ORAL else ()
    return Outcome(replace(approval, state=state, note=reason), Event("voided", details), unchased)


def _decided(a: Approval, verb: str, past: str, by: str, now: datetime, note: str, details: Mapping[str, str]) -> Outcome[Approval]:
    state = MACHINE.after(a.state, verb)
    return Outcome(
        replace(a, state=state, decided_by=by or None, decided_at=now, note=note),
        Event(past, {"kind": a.kind, "subject": a.subject, "note": note, **details}),
        (Timer("approval", None),),
        (Notice("approval.decided", (a.asked_by,), urgency="reply"),) if by else (),
    )


def delegate(approval: Approval, *, by: str, to: str | None, organization: Organization) -> Outcome[Approval]:
    """Hand the question to the deputy whom the plan names for this approver, and to nobody else."""
    check(approval, by, organization)
    own = [spec for spec in approval.needed if by in organization.regardless_of_leave().resolve(spec)]
    deputies = [deputy for spec in own for deputy in _deputies(spec, organization) if deputy != by]
    if not deputies:
        raise NotAllowed("approval.no_deputy")
    chosen = to or deputies[0]
    if chosen not in deputies:
        raise NotAllowed("approval.deputy_only", people="、".join(organization.people[d].name for d in deputies))
    if chosen in approval.excluded:
        raise NotAllowed("approval.own" if chosen == approval.asked_by else "approval.barred")
    return Outcome(
        replace(approval, delegates=tuple(dict.fromkeys((*approval.delegates, chosen)))),
        Event("delegated", {"by": by, "to": chosen}),
        notices=(Notice("approval", (chosen,), urgency="approval", card=True),),
    )


def later(approval: Approval, *, by: str, until: datetime, now: datetime, organization: Organization) -> Outcome[Approval]:
    """The reviewer's estimate: no reminder before it, at most two hours ahead."""
    check(approval, by, organization)
    if not now < until <= now + timedelta(hours=2):
        raise RuleBroken("approval.later_limit")
    return Outcome(
        replace(approval, later_until=until),
        Event("estimated", {"by": by, "until": until.isoformat()}),
        (Timer("approval", until),),
        (Notice("approval.estimated", (approval.asked_by,), {"by": by, "until": until.isoformat()}, "reply"),),
    )


def remind(approval: Approval, *, now: datetime, organization: Organization) -> Outcome[Approval]:
    """The clock: ask the deputy too after one wait, the leading group after two, and go on asking until it is decided.

    Rounds that were missed are caught up in one go: whoever would have been asked by now is asked, and it is said how many there were.
    """
    MACHINE.after(approval.state, "remind")
    steps = rounds_come(next_word(approval), timedelta(seconds=approval.wait), now)
    later = replace(approval, rank=min(2, approval.rank + steps), round=approval.round + steps, prompted_at=now, later_until=None)
    people, asked_before = approvers_of(later, organization), approvers_of(approval, organization)
    again = next_word(later)
    values: dict[str, Value] = {"round": later.round, "rank": later.rank, "next_at": again.isoformat(), "missed": steps - 1}
    control = (Notice("approval.stuck", ("control",), {"round": later.round}, "escalation"),) if later.rank == 2 else ()
    return Outcome(
        later,
        Event("reminded", {"of": list(people), "round": later.round, "missed": steps - 1}),
        (Timer("approval", again),),
        (
            Notice("approval", people, urgency="approval", card=True),
            Notice("approval.reminder", asked_before, values, "approval"),
            *control,
        ),
    )


def next_word(approval: Approval) -> datetime:
    """When the timer `approval` of one that is pending comes."""
    return approval.later_until or (approval.prompted_at or approval.asked_at) + timedelta(seconds=approval.wait)
