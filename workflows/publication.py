"""A publication: one text of a statement at one outlet, from the moment it was asked for until it is out, or is known not to go out.

waiting ──publish──> done      (waiting ──try──> waiting: it went wrong, and is tried again)   waiting ──fail──> failed
asked   ──publish──> done      (a person posts it, and says where and when)
waiting, asked, failed ──stop──> stopped      (text, grade or fact changed, or time ran out: what had not left does not leave)
waiting, asked, failed, stopped ──give_up──> given_up       failed, stopped, given_up ──send, ask──> waiting, asked
stopped, given_up, failed ──publish──> done   (it was under way, or a person had posted it: what is out is said to be out, and late)

Of a drill nothing leaves: `rehearsed` says what would have gone where.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.outlet import Outlet, OutletKind


class PublicationState(StrEnum):
    WAITING = "waiting"
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    GIVEN_UP = "given_up"
    REHEARSED = "rehearsed"


class PublicationKind(StrEnum):
    STATEMENT = "statement"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"


State = PublicationState
Kind = PublicationKind

#: Somebody or something still has to do something: a timer runs, and the incident does not close.
OPEN = (State.WAITING, State.ASKED, State.FAILED)
#: It will not go out as things are; it may be asked for again.
ENDED = (State.FAILED, State.STOPPED, State.GIVEN_UP)
#: It is out (in a drill: it would be).
OUT = (State.DONE, State.REHEARSED)
TIMER = "late"
#: After so many attempts in vain people hear of it, while it is still tried.
TROUBLE = 3
#: A reminder by its number: who posts it, then also who leads the authors, then also the control group.
LEADERS, CONTROL = 2, 3

MACHINE = Machine(
    "publication",
    State.WAITING,
    {
        (State.WAITING, "put"): State.ASKED,
        (State.WAITING, "rehearse"): State.REHEARSED,
        (State.WAITING, "try"): State.WAITING,
        (State.WAITING, "fail"): State.FAILED,
        **{(state, "publish"): State.DONE for state in (State.WAITING, State.ASKED, *ENDED)},
        **{(state, "stop"): State.STOPPED for state in OPEN},
        **{(state, "give_up"): State.GIVEN_UP for state in (*OPEN, State.STOPPED)},
        **{(state, "send"): State.WAITING for state in ENDED},
        **{(state, "ask"): State.ASKED for state in ENDED},
        **{(state, "remind"): state for state in OPEN},
    },
)


@dataclass(frozen=True, slots=True)
class Publication:
    """`outlet` (its name), `title`, `by_way`, `target`: where, as it was when it was asked for · `replaces`: the digest of what stood there
    before · `agreed`: who had agreed to these bytes, of what step, when · `run`: how often it was asked for · `round`: reminders since.
    """

    ref: str
    incident: str
    plan: str
    state: State
    statement: str
    revision: int
    digest: str
    outlet: str
    kind: Kind
    title: str
    by_way: OutletKind
    target: str
    asked_by: str
    asked_at: datetime
    agreed: tuple[Mapping[str, Value], ...] = ()
    replaces: str | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    receipt: str = ""
    link: str = ""
    evidence: str = ""
    reason: str = ""
    attempts: int = 0
    run: int = 1
    round: int = 0
    version: int = 0
    touched: int = 0

    @property
    def manual(self) -> bool:
        return self.by_way is OutletKind.MANUAL

    @property
    def changed_at(self) -> datetime:
        """When it came out, or was last asked for."""
        return self.done_at or self.asked_at


@dataclass(frozen=True, slots=True)
class Piece:
    """What leaves the house: exactly `text`, whose digest is `sha256`. `key` is the same at every attempt: a receiver takes it once."""

    publication: str
    statement: str
    revision: int
    kind: Kind
    title: str
    text: bytes
    sha256: str
    replaces: str | None
    asked_at: datetime
    outlet: Outlet
    key: str


def key_of(publication: Publication, number: str) -> str:
    """`number`: the incident's, which no other installation has at the same receiver."""
    return sha256(f"{number}:{publication.ref}:{publication.digest}".encode()).hexdigest()[:32]


def ask(publication: Publication, *, within: timedelta, now: datetime, to: tuple[str, ...]) -> Outcome[Publication]:
    """It is to go out; by hand, where `to` (who posts) have a card of it."""
    state = MACHINE.after(publication.state, "put") if publication.manual else publication.state
    return _begun(replace(publication, state=state), within, now, to)


def again(
    publication: Publication, *, by: str, agreed: tuple[Mapping[str, Value], ...], within: timedelta, now: datetime, to: tuple[str, ...]
) -> Outcome[Publication]:
    """What failed, was stopped or given up is asked for once more, by the approvals that it has now."""
    state = MACHINE.after(publication.state, "ask" if publication.manual else "send")
    fresh = replace(publication, state=state, asked_by=by, asked_at=now, agreed=agreed, reason="", attempts=0, round=0)
    return _begun(replace(fresh, run=publication.run + 1), within, now, to)


def _begun(publication: Publication, within: timedelta, now: datetime, to: tuple[str, ...]) -> Outcome[Publication]:
    notices = (Notice("publication", to, urgency="assignment", card=True),) if publication.manual and to else ()
    return Outcome(publication, _event("publish_asked", publication, {"run": publication.run}), (Timer(TIMER, now + within),), notices)


def rehearse(publication: Publication, *, now: datetime) -> Outcome[Publication]:
    """Of a drill: where it would have gone."""
    state = MACHINE.after(publication.state, "rehearse")
    return Outcome(replace(publication, state=state, done_at=now), _event("publish_rehearsed", publication, {}))


def tried(publication: Publication, *, reason: str, to: tuple[str, ...]) -> Outcome[Publication]:
    """An attempt went wrong; another follows by itself."""
    state = MACHINE.after(publication.state, "try")
    attempts = publication.attempts + 1
    notices = (Notice("publication.trouble", to, {"attempts": attempts}, "escalation"),) if attempts == TROUBLE and to else ()
    event = _event("publish_tried", publication, {"attempt": attempts, "reason": reason})
    return Outcome(replace(publication, state=state, attempts=attempts, reason=reason), event, (), notices)


def fail(publication: Publication, *, reason: str, within: timedelta, now: datetime, to: tuple[str, ...]) -> Outcome[Publication]:
    """No further attempt follows: somebody decides."""
    state = MACHINE.after(publication.state, "fail")
    failed = replace(publication, state=state, attempts=publication.attempts + 1, reason=reason, round=0)
    notices = (Notice("publication.failed", to, {}, "escalation"),) if to else ()
    event = _event("publish_failed", publication, {"attempt": failed.attempts, "reason": reason})
    return Outcome(failed, event, (Timer(TIMER, now + within),), notices)


def publish(
    publication: Publication,
    *,
    at: datetime,
    by: str | None = None,
    receipt: str = "",
    link: str = "",
    evidence: str = "",
    to: tuple[str, ...] = (),
) -> Outcome[Publication]:
    """It is out. `to` hear of it when it should not have been: it was stopped or given up before."""
    state = MACHINE.after(publication.state, "publish")
    late = publication.state in (State.STOPPED, State.GIVEN_UP)
    out = replace(publication, state=state, done_at=at, done_by=by, receipt=receipt, link=link, evidence=evidence, reason="")
    details: dict[str, Value] = {"at": at.isoformat(), "receipt": receipt, "link": link, "evidence": evidence}
    if late:
        details |= {"although": str(publication.state), "reason": publication.reason}
    notices = (Notice("publication.late", to, {"although": str(publication.state)}, "escalation"),) if late and to else ()
    return Outcome(out, _event("published", publication, details), _NO_TIMER, notices)


def stop(publication: Publication, *, reason: str, to: tuple[str, ...]) -> Outcome[Publication]:
    """What had not left does not leave."""
    state = MACHINE.after(publication.state, "stop")
    notices = (Notice("publication.stopped", to, {"reason": reason}, "approval"),) if to else ()
    event = _event("publish_stopped", publication, {"reason": reason})
    return Outcome(replace(publication, state=state, reason=reason), event, _NO_TIMER, notices)


def give_up(publication: Publication, *, by: str, reason: str) -> Outcome[Publication]:
    """It will not go out there: decided, with a reason that stays."""
    if not reason.strip():
        raise RuleBroken("publication.why")
    state = MACHINE.after(publication.state, "give_up")
    return Outcome(
        replace(publication, state=state, reason=reason), _event("publish_given_up", publication, {"by": by, "reason": reason}), _NO_TIMER
    )


def remind(publication: Publication, *, within: timedelta, now: datetime, to: tuple[str, ...]) -> Outcome[Publication]:
    """Nobody has said that it is out, or nobody has decided what failed."""
    state = MACHINE.after(publication.state, "remind")
    reminded = replace(publication, state=state, round=publication.round + 1)
    urgency = "reminder" if reminded.round < LEADERS else "escalation"
    notice = Notice("publication.waits", to, {"round": reminded.round}, urgency)  # type: ignore[arg-type]  # both are
    event = _event("reminded", publication, {"round": reminded.round})
    return Outcome(reminded, event, (Timer(TIMER, now + within),), (notice,) if to else ())


_NO_TIMER = (Timer(TIMER, None),)


def _event(verb: str, publication: Publication, details: Mapping[str, Value]) -> Event:
    """Every fact of a publication says of which bytes and where."""
    named: dict[str, Value] = {"statement": publication.statement, "revision": publication.revision, "digest": publication.digest}
    return Event(verb, {**named, "outlet": publication.outlet, "title": publication.title, "kind": str(publication.kind), **details})
