"""A statement: one text that leaves the building only when different people have agreed to exactly these bytes.

draft ──submit──> submitted ──approve──> approved          (submitted ──step──> submitted, while others are still to agree)
submitted, approved ──edit, return, void──> draft          (what was agreed to is void: text, grade or fact changed, or time ran out)
draft, submitted, approved ──withdraw──> withdrawn                 (what was never published)
approved ──publish──> published           (with its first publication that is out; of a text that takes back: withdrawn)
published, withdrawn ──lapse──> the same  (what was agreed to holds no longer: nothing more of it leaves until it is submitted anew)
published ──edit──> draft                 (a correction)          published ──retract──> draft          (a text that takes it back)

Every text is kept as a revision that nobody changes; approvals are bound to its digest. Where a text is out, `publication` says.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.template import Wording, banned, blanks, masked, says


class StatementState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


State = StatementState

ASKED = (State.SUBMITTED, State.APPROVED)
#: What still goes somewhere: a fact that changes marks it.
LIVE = (State.DRAFT, *ASKED)
#: Its text is out somewhere (withdrawn: that which takes it back).
ISSUED = (State.PUBLISHED, State.WITHDRAWN)
#: The longest text, in characters: more than any channel takes.
LONGEST = 5000
TIMER = "expiry"
#: The next update that the public was promised.
PROMISE = "promise"
#: Before it, and between its reminders.
AHEAD, AGAIN = timedelta(minutes=15), timedelta(minutes=15)
#: By the number of a reminder of it: who leads the authors hears it too, then also the control group.
LEADERS, CONTROL = 2, 3

MACHINE = Machine(
    "statement",
    State.DRAFT,
    {
        (State.DRAFT, "submit"): State.SUBMITTED,
        (State.SUBMITTED, "step"): State.SUBMITTED,
        (State.SUBMITTED, "approve"): State.APPROVED,
        (State.SUBMITTED, "return"): State.DRAFT,
        (State.DRAFT, "mark"): State.DRAFT,
        **{(state, "edit"): State.DRAFT for state in LIVE},
        **{(state, "void"): State.DRAFT for state in ASKED},
        **{(state, "withdraw"): State.WITHDRAWN for state in LIVE},
        (State.APPROVED, "publish"): State.PUBLISHED,
        (State.APPROVED, "take_back"): State.WITHDRAWN,
        **{(state, "lapse"): state for state in ISSUED},
        **{(state, "submit"): State.SUBMITTED for state in ISSUED},
        (State.PUBLISHED, "mark"): State.PUBLISHED,
        (State.PUBLISHED, "edit"): State.DRAFT,
        **{(state, "retract"): State.DRAFT for state in (*LIVE, *ISSUED)},
        **{(state, "promise"): state for state in (State.APPROVED, *ISSUED)},
        **{(state, verb): state for state in State for verb in ("keep_promise", "remind")},
    },
)


@dataclass(frozen=True, slots=True)
class Revision:
    """One text as it was written, with what filled its fields and the facts it used. Never changed."""

    ref: str
    incident: str
    plan: str
    statement: str
    number: int
    text: str
    digest: str
    fields: Mapping[str, Value]
    facts: Mapping[str, Value]
    by: str
    authors: tuple[str, ...]
    at: datetime
    state: str = "kept"
    version: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One person who has to agree: `approval` asks them, `by` agreed at `at`."""

    name: str
    needed: tuple[str, ...]
    approval: str | None = None
    by: str | None = None
    at: datetime | None = None

    def as_value(self) -> dict[str, Value]:
        at = self.at.isoformat() if self.at else None
        return {"name": self.name, "needed": list(self.needed), "approval": self.approval, "by": self.by, "at": at}


def _step(value: Mapping[str, Value]) -> Step:
    needed, at = value["needed"], value["at"]
    assert isinstance(needed, list), "written by ourselves"
    approval, by = (None if value[key] is None else str(value[key]) for key in ("approval", "by"))
    return Step(str(value["name"]), tuple(str(one) for one in needed), approval, by, datetime.fromisoformat(str(at)) if at else None)


@dataclass(frozen=True, slots=True)
class Statement:
    """`revision`, `digest`, `facts`: of the text as it stands · `authors`: who wrote any of its texts, none of whom may approve it ·
    `changed`: facts that are others now than the text says, key -> [was, is] · `grades`, `asked…`, `chain`: of the submission that runs ·
    `expires_at`: until when what was agreed to holds; None when it does not · `withdrawal`: this text takes back what was published ·
    `promised_at`: when the public was promised the next update, `promised_in` which text.
    """

    ref: str
    incident: str
    plan: str
    state: State
    template: str
    title: str
    created_by: str
    created_at: datetime
    revision: int
    digest: str
    authors: tuple[str, ...]
    facts: Mapping[str, Value]
    internal: bool = False
    """内部口径: lines for those who are asked, never to be published (`workflows.core.quote`)"""
    changed: Mapping[str, Value] = field(default_factory=dict)
    grades: Mapping[str, Value] = field(default_factory=dict)
    asked_by: str | None = None
    asked_at: datetime | None = None
    expires_at: datetime | None = None
    chain: tuple[Mapping[str, Value], ...] = ()
    withdrawal: bool = False
    promised_at: datetime | None = None
    promised_in: int = 0
    promise_round: int = 0
    version: int = 0
    touched: int = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(_step(value) for value in self.chain)

    @property
    def given(self) -> tuple[Step, ...]:
        """The steps that somebody has agreed to."""
        return tuple(step for step in self.steps if step.by)

    @property
    def waiting(self) -> tuple[Step, ...]:
        """Those still to come, the one that is being asked first."""
        return tuple(step for step in self.steps if not step.by) if self.state is State.SUBMITTED else ()

    def released(self, now: datetime) -> bool:
        """Whether everybody has agreed to this text, and it holds."""
        agreed = self.state in (State.APPROVED, *ISSUED) and all(step.by for step in self.steps) and bool(self.steps)
        return agreed and self.expires_at is not None and now < self.expires_at


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keep(statement: Statement, text: str, *, ref: str, by: str, now: datetime, fields: Mapping[str, Value]) -> Outcome[Revision]:
    """The text that `statement` has now, for good."""
    kept = Revision(
        ref=ref,
        incident=statement.incident,
        plan=statement.plan,
        statement=statement.ref,
        number=statement.revision,
        text=text,
        digest=digest_of(text),
        fields=fields,
        facts=statement.facts,
        by=by,
        authors=statement.authors,
        at=now,
    )
    return Outcome(kept, Event("written", {"statement": kept.statement, "revision": kept.number, "digest": kept.digest}))


def draft(statement: Statement) -> Outcome[Statement]:
    """Its author has a card of it from now on."""
    details: dict[str, Value] = {"template": statement.template, "digest": statement.digest}
    return Outcome(statement, Event("drafted", details), (), (_card(statement.created_by),))


def _card(person: str) -> Notice:
    return Notice("statement", (person,), urgency="reply", card=True)


def edit(statement: Statement, *, text: str, facts: Mapping[str, Value], by: str, to: tuple[str, ...], reason: str) -> Outcome[Statement]:
    """Another text: what was agreed to or is being asked is void, of which `to` hear, and who wrote it is one of its authors."""
    return _written(statement, "edit", text, facts, by, to, reason)


def retract(
    statement: Statement, *, text: str, facts: Mapping[str, Value], by: str, to: tuple[str, ...], reason: str
) -> Outcome[Statement]:
    """A text that takes back what was published: it is agreed to and published like every other."""
    return _written(replace(statement, template="", withdrawal=True), "retract", text, facts, by, to, reason)


def _written(
    statement: Statement, verb: str, text: str, facts: Mapping[str, Value], by: str, to: tuple[str, ...], reason: str
) -> Outcome[Statement]:
    state = MACHINE.after(statement.state, verb)
    check_length(text)
    written = replace(
        _unasked(statement),
        state=state,
        revision=statement.revision + 1,
        digest=digest_of(text),
        facts=facts,
        changed={},
        authors=tuple(dict.fromkeys((*statement.authors, by))),
    )
    details: dict[str, Value] = {"by": by, "revision": written.revision, "digest": written.digest, "was": statement.digest}
    lost = _lost(statement)
    event = Event("edited" if verb == "edit" else "retracted", {**details, **({} if verb == "edit" else {"reason": reason}), **lost})
    return Outcome(written, event, _NO_EXPIRY, (_card(by), *_told(statement, reason, lost, to)))


def check_text(text: str, wording: Wording, *, cause: Iterable[str], confirmed: bool) -> None:
    """Raise unless this text may be asked for: no blank, nobody's number, no banned phrase, nothing of a cause that is not confirmed.

    `cause`: what the text says, or must not say, about it.
    """
    check_length(text)
    if not text.strip():
        raise RuleBroken("statement.no_text")
    if missing := tuple(dict.fromkeys(blanks(text))):
        raise RuleBroken("statement.blank", fields=missing)
    if hidden := masked(text):
        raise RuleBroken("statement.masked", found=hidden)
    if found := banned(text, wording):
        raise RuleBroken("statement.banned", phrases=found)
    early = tuple(one for one in cause if one.strip() and one.strip(" 。.") not in wording.cause_open and says(text, one))
    if early and not confirmed:
        raise RuleBroken("statement.cause", said=early, may=wording.cause_open)


def check_length(text: str) -> None:
    """Raise when no channel would take it whole."""
    if len(text) > LONGEST:
        raise RuleBroken("statement.long", most=LONGEST, found=len(text))


def submit(
    statement: Statement,
    *,
    by: str,
    now: datetime,
    steps: Iterable[tuple[str, tuple[str, ...]]],
    grades: Mapping[str, Value],
    holds: timedelta,
) -> Outcome[Statement]:
    """送审: the steps are those of the level now. Refused while the text says other than the facts."""
    state = MACHINE.after(statement.state, "submit")
    if statement.state is State.WITHDRAWN and not statement.withdrawal:
        raise RuleBroken("statement.withdrawn_for_good", ref=statement.ref)
    if statement.changed:
        raise RuleBroken("statement.stale", ref=statement.ref)
    chain = tuple(Step(name, needed).as_value() for name, needed in steps)
    asked = replace(statement, state=state, asked_by=by, asked_at=now, expires_at=now + holds, grades=grades, chain=chain)
    details: dict[str, Value] = {"by": by, "revision": asked.revision, "digest": asked.digest, "grades": dict(grades), "chain": list(chain)}
    return Outcome(asked, Event("submitted", details), (Timer(TIMER, asked.expires_at),))


def asks(statement: Statement, *, approval: str) -> Outcome[Statement]:
    """The step whose turn it is has been put to its approvers."""
    state = MACHINE.after(statement.state, "step")
    first = statement.waiting[0]
    put = tuple(replace(step, approval=approval) if step == first else step for step in statement.steps)
    return Outcome(replace(statement, state=state, chain=_chain(put)), Event("step_asked", {"step": first.name, "approval": approval}))


def agree(statement: Statement, *, approval: str, digest: str, by: str, now: datetime, to: tuple[str, ...]) -> Outcome[Statement]:
    """The step whose turn it is has its yes; the last one makes it approved, of which `to` hear."""
    current = statement.waiting[0] if statement.waiting else None
    last = len(statement.waiting) == 1
    state = MACHINE.after(statement.state, "approve" if last else "step")
    if current is None or current.approval != approval or statement.digest != digest:
        raise RuleBroken("statement.other_text", ref=statement.ref)
    if statement.expires_at and now >= statement.expires_at:
        raise RuleBroken("statement.expired", ref=statement.ref, until=statement.expires_at)
    if by in statement.authors or by in {step.by for step in statement.given}:
        raise RuleBroken("approval.barred")
    done = tuple(replace(step, by=by, at=now) if step == current else step for step in statement.steps)
    details: dict[str, Value] = {"by": by, "step": current.name, "approval": approval, "digest": digest}
    notices = (Notice("statement.approved", to, urgency="approval"),) if last and to else ()
    return Outcome(replace(statement, state=state, chain=_chain(done)), Event("agreed" if last else "step_agreed", details), (), notices)


def return_(statement: Statement, *, by: str, reason: str, to: tuple[str, ...]) -> Outcome[Statement]:
    """An approver said no: a draft again, and the yes of the others is void."""
    state = MACHINE.after(statement.state, "return")
    return _back(statement, state, "sent_back", {"by": by, "reason": reason}, to)


def void(statement: Statement, *, reason: str, changed: Mapping[str, Value], to: tuple[str, ...]) -> Outcome[Statement]:
    """A grade or a fact changed, somebody denied a spoken yes, or time ran out: nobody has agreed to it as things are now."""
    state = MACHINE.after(statement.state, "void")
    return _back(replace(statement, changed=changed), state, "voided", {"reason": reason, "changed": dict(changed)}, to)


def _back(statement: Statement, state: State, verb: str, details: Mapping[str, Value], to: tuple[str, ...]) -> Outcome[Statement]:
    lost = _lost(statement)
    notices = _told(statement, str(details["reason"]), lost, to)
    return Outcome(replace(_unasked(statement), state=state), Event(verb, {**details, **lost}), _NO_EXPIRY, notices)


def mark(statement: Statement, *, changed: Mapping[str, Value], to: tuple[str, ...]) -> Outcome[Statement]:
    """所用事实已变: the draft says other than what is known now (nothing: it is right again)."""
    state = MACHINE.after(statement.state, "mark")
    notices = (Notice("statement.marked", to, {"changed": dict(changed)}, "reply"),) if changed and to else ()
    return Outcome(replace(statement, state=state, changed=changed), Event("marked", {"changed": dict(changed)}), (), notices)


def withdraw(statement: Statement, *, by: str, reason: str, to: tuple[str, ...]) -> Outcome[Statement]:
    state = MACHINE.after(statement.state, "withdraw")
    lost = _lost(statement)
    event = Event("withdrawn", {"by": by, "reason": reason, **lost})
    return Outcome(replace(_unasked(statement), state=state), event, _NO_EXPIRY, _told(statement, reason, lost, to))


def publish(statement: Statement, *, at: datetime, outlet: str, title: str) -> Outcome[Statement]:
    """The first publication of this text is out."""
    state = MACHINE.after(statement.state, "take_back" if statement.withdrawal else "publish")
    details: dict[str, Value] = {"revision": statement.revision, "digest": statement.digest, "outlet": outlet, "at": at.isoformat()}
    notices = (Notice("statement.out", ("chat",), {"outlet": title, "revision": statement.revision}),)
    return Outcome(replace(statement, state=state), Event("came_out", details), (), notices)


def lapse(statement: Statement, *, reason: str, changed: Mapping[str, Value], to: tuple[str, ...]) -> Outcome[Statement]:
    """What is out stays out; nothing more of it leaves by what was agreed to. `to` hear that it says other than what is known."""
    state = MACHINE.after(statement.state, "lapse")
    notices = (Notice("statement.outdated", to, {"reason": reason, "revision": statement.revision}, "approval"),) if to else ()
    event = Event("outdated", {"reason": reason, "changed": dict(changed)})
    return Outcome(replace(statement, state=state, expires_at=None, changed=changed), event, _NO_EXPIRY, notices)


def promise(statement: Statement, *, by: str, at: datetime, now: datetime) -> Outcome[Statement]:
    """The public was told when it will hear more."""
    state = MACHINE.after(statement.state, "promise")
    if at <= now:
        raise RuleBroken("statement.promise_past", at=at)
    first = at - AHEAD if at - AHEAD > now else at
    promised = replace(statement, state=state, promised_at=at, promised_in=statement.revision, promise_round=0)
    return Outcome(promised, Event("promised", {"by": by, "at": at.isoformat()}), (Timer(PROMISE, first),))


def keep_promise(statement: Statement, *, by: str) -> Outcome[Statement]:
    """More was said, or there is nobody to say it to: `by` names the publication or the end."""
    state = MACHINE.after(statement.state, "keep_promise")
    at = statement.promised_at
    event = Event("promise_kept", {"at": at.isoformat() if at else None, "by": by})
    return Outcome(replace(statement, state=state, promised_at=None, promise_round=0), event, (Timer(PROMISE, None),))


def remind(statement: Statement, *, now: datetime, to: tuple[str, ...]) -> Outcome[Statement]:
    """The promised update comes soon, or is late: said until it is out."""
    state = MACHINE.after(statement.state, "remind")
    at = statement.promised_at or now
    round_ = statement.promise_round + (now >= at)
    notice = Notice("statement.promise", to, {"round": round_}, "reminder" if round_ < LEADERS else "escalation")
    due = at if now < at else now + AGAIN
    event = Event("reminded", {"promised": at.isoformat(), "round": round_})
    return Outcome(replace(statement, state=state, promise_round=round_), event, (Timer(PROMISE, due),), (notice,) if to else ())


def changed_facts(statement: Statement, facts: Mapping[str, Value]) -> dict[str, Value]:
    """key -> [was, is] of the facts that the text used and that are others now."""
    return {key: [was, facts.get(key)] for key, was in statement.facts.items() if facts.get(key) != was}


_NO_EXPIRY = (Timer(TIMER, None),)


def _unasked(statement: Statement) -> Statement:
    return replace(statement, asked_by=None, asked_at=None, expires_at=None, grades={}, chain=())


def _lost(statement: Statement) -> dict[str, Value]:
    """Whose yes, and whose pending question, goes with what happens now. What was given to a text that is out was used."""
    if statement.state in ISSUED:
        return {"given": [], "pending": []}
    return {
        "given": [[step.approval, step.by] for step in statement.given],
        "pending": [step.approval for step in statement.waiting if step.approval],
    }


def _told(statement: Statement, reason: str, lost: Mapping[str, Value], to: tuple[str, ...]) -> tuple[Notice, ...]:
    """Whose yes is void, and why, to everybody concerned."""
    return (Notice("statement.back", to, {"reason": reason, "revision": statement.revision, **lost}, "approval"),) if to else ()


def _chain(steps: Iterable[Step]) -> tuple[Mapping[str, Value], ...]:
    return tuple(step.as_value() for step in steps)
