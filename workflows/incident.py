"""The incident: opened at once, graded, activated, recovered, ended, and closed only when it has been earned.

open ──activate──> active ──recovered──> recovered ──end──> ended ──close──> closed        (ended, closed ──reopen──> active)
open, active ──merge──> merged      open, active ──false_alarm──> false_alarm              (two people and a reason at every level)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.core.agreement import Agreement, check
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.grading import Working, may_replace, may_set_event_grade, response_level
from workflows.core.instants import rounds_come
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.people import Organization
from workflows.core.regrading import may_downgrade, rescore_every
from workflows.core.response import Response
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel, Rubric


class IncidentState(StrEnum):
    OPEN = "open"
    ACTIVE = "active"
    RECOVERED = "recovered"
    ENDED = "ended"
    CLOSED = "closed"
    MERGED = "merged"
    FALSE_ALARM = "false_alarm"


State = IncidentState

RUNNING = (State.OPEN, State.ACTIVE, State.RECOVERED)
UNCLOSED = (*RUNNING, State.ENDED)
DOORS = (State.OPEN, State.ACTIVE)

MACHINE = Machine(
    "incident",
    State.OPEN,
    {
        (State.OPEN, "activate"): State.ACTIVE,
        (State.ACTIVE, "recovered"): State.RECOVERED,
        (State.ACTIVE, "end"): State.ENDED,
        (State.RECOVERED, "end"): State.ENDED,
        (State.ENDED, "close"): State.CLOSED,
        (State.ENDED, "reopen"): State.ACTIVE,
        (State.CLOSED, "reopen"): State.ACTIVE,
        **{(state, "merge"): State.MERGED for state in DOORS},
        **{(state, "false_alarm"): State.FALSE_ALARM for state in DOORS},
        **{(state, verb): state for verb in ("grade", "lower", "downgrade", "rescore", "absorb") for state in RUNNING},
        **{(state, verb): state for verb in ("fact", "known", "update", "take", "handover") for state in UNCLOSED},
        **{(state, verb): state for verb in ("bind", "unbind", "change", "attach") for state in UNCLOSED},
        **{(state, "cadence"): state for state in RUNNING},
        **{(state, verb): state for verb in ("also", "restrict", "recount") for state in UNCLOSED},
        **{(state, "summary"): state for state in (*UNCLOSED, State.CLOSED)},
    },
)

#: The playbook of every incident, whatever its types.
COMMON = "common"

#: Clocks of an incident that task lines and obligations may count from.
CLOCKS = ("occurred", "known", "opened", "confirmed", "graded", "approved", "recovered", "ended", "closed")


@dataclass(frozen=True, slots=True)
class Incident:
    """`facts`: fact key to stored value · `scores`: indicator to score · the response level is never null: the unknown is provisional."""

    ref: str
    number: str
    title: str
    state: State
    plan: str
    opened_by: str
    opened_at: datetime
    known_at: datetime
    commander: str
    opinion_level: OpinionLevel
    opinion_total: int
    response_level: ResponseLevel
    type: str | None = None
    subtype: str | None = None
    system: str = ""
    place: str = ""
    reporter: str = ""
    loss: str = ""
    playbooks: tuple[str, ...] = ()
    drill: bool = False
    restricted: bool = False
    occurred_at: datetime | None = None
    confirmed_at: datetime | None = None
    graded_at: datetime | None = None
    approved_at: datetime | None = None
    recovered_at: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    csrc_grade: EventGrade | None = None
    cac_grade: EventGrade | None = None
    provisional: bool = True
    floor: str | None = None
    scores: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Value] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    """keys of the facts that people stated; all others are what the plan starts with, and follow the types"""
    overrides: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    last_update: str = ""
    next_update_at: datetime | None = None
    silent_rounds: int = 0
    override_reason: str = ""
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    """incidents that were merged into this one"""
    joined: Mapping[str, str] = field(default_factory=dict)
    """playbook to the moment it joined, of those that came after the opening"""
    version: int = 0
    touched: int = 0

    @property
    def incident(self) -> str:
        return self.ref

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    def clocks(self) -> dict[str, datetime | None]:
        """Clock name to the moment it started, None while it has not."""
        return {name: getattr(self, f"{name}_at") for name in CLOCKS}

    def clocks_of(self, playbook: str) -> dict[str, datetime | None]:
        """As this playbook's tasks count them: none from before it joined, or they would be late when they are made."""
        joined = datetime.fromisoformat(self.joined[playbook]) if playbook in self.joined else None
        return {name: (at and joined and max(at, joined)) or at for name, at in self.clocks().items()}


def _next_update(now: datetime, response: Response) -> datetime:
    """When the next update is given: nobody waits for one in quiet hours."""
    return response.waking(response.after("cadence", now, response.cadence))


def _cadence(now: datetime, response: Response) -> Timer:
    return Timer("cadence", _next_update(now, response))


#: An incident that is over says nothing more by itself.
QUIET = (Timer("cadence", None), Timer("rescore", None))


def watched(outcome: Outcome[Incident], rubric: Rubric, response: Response, *, now: datetime) -> Outcome[Incident]:
    """With the moment when figures are taken again: sooner while the grade is provisional, then by the level that stands."""
    graded = outcome.record
    every = rescore_every(rubric, graded.opinion_level, graded.provisional)
    return replace(outcome, timers=(*outcome.timers, Timer("rescore", response.waking(now + every))))


def open_(incident: Incident, working: Working, response: Response) -> Outcome[Incident]:
    """Opens at once, with whatever is known; the grade is that of nothing known, and provisional."""
    opened = replace(
        incident,
        opinion_level=working.level,
        opinion_total=working.total,
        scores={s.indicator: s.score for s in working.scores},
        provisional=True,
        response_level=working.response,
        next_update_at=_next_update(incident.opened_at, response),
    )
    details: dict[str, Value] = {
        "number": incident.number,
        "title": incident.title,
        "type": incident.type,
        "known_at": incident.known_at.isoformat(),
        "occurred_at": incident.occurred_at.isoformat() if incident.occurred_at else None,
        "commander": incident.commander,
        "drill": incident.drill,
        "restricted": incident.restricted,
        **{name: value for name in ("system", "place", "reporter", "loss") if (value := getattr(incident, name))},
    }
    return Outcome(opened, Event("opened", details), (_cadence(incident.opened_at, response),))


def read(incident: Incident, working: Working, given: Mapping[str, Value], overrides: Mapping[str, tuple[int, str]]) -> Incident:
    """The incident with its figures taken anew. A full grading stands against a lower reading: only a downgrade takes it back."""
    csrc, cac = _grade_of(given, "csrc_grade", incident.csrc_grade), _grade_of(given, "cac_grade", incident.cac_grade)
    taken = replace(
        incident,
        facts={**incident.facts, **given},
        said=_said(incident, given),
        overrides={**incident.overrides, **overrides},
        csrc_grade=csrc,
        cac_grade=cac,
    )
    if _stands_against(incident, working):
        return replace(taken, response_level=response_level(csrc, incident.opinion_level))
    return replace(
        taken,
        opinion_level=working.level,
        opinion_total=working.total,
        scores={s.indicator: s.score for s in working.scores},
        provisional=working.provisional,
        floor=working.floor,
        response_level=working.response,
    )


def _stands_against(incident: Incident, working: Working) -> bool:
    return incident.graded_at is not None and not incident.provisional and working.level.rank < incident.opinion_level.rank


def grade(
    incident: Incident,
    working: Working,
    *,
    by: str,
    now: datetime,
    given: Mapping[str, Value],
    overrides: Mapping[str, tuple[int, str]],
    response: Response,
) -> Outcome[Incident]:
    """Grade anew from all that is known. A provisional grade is replaced freely by a full one; any other only rises here.

    `response`: that of the level which `read` arrives at.
    """
    state = MACHINE.after(incident.state, "grade")
    may_replace(incident.opinion_level if incident.graded_at else None, incident.provisional, working)
    may_set_event_grade("csrc", incident.csrc_grade, _grade_of(given, "csrc_grade", incident.csrc_grade))
    may_set_event_grade("cac", incident.cac_grade, _grade_of(given, "cac_grade", incident.cac_grade))
    graded = replace(read(incident, working, given, overrides), state=state, graded_at=incident.graded_at or now)
    lower = _stands_against(incident, working)
    details = {"by": by, **_reading(incident, graded, working, given, overrides)}
    values: dict[str, Value] = {"by": by, "was": str(incident.response_level), "read": str(working.level)}
    notices = (Notice("incident.measured" if lower else "incident.graded", ("chat",), values),)
    return _paced(incident, graded, Event("measured" if lower else "graded", details), notices, now, response)


def _paced(
    incident: Incident, graded: Incident, event: Event, notices: tuple[Notice, ...], now: datetime, response: Response
) -> Outcome[Incident]:
    """A new level promises the next update anew."""
    if graded.response_level == incident.response_level:
        return Outcome(graded, event, (), notices)
    return Outcome(replace(graded, next_update_at=_next_update(now, response)), event, (_cadence(now, response),), notices)


def _reading(
    incident: Incident,
    graded: Incident,
    working: Working,
    given: Mapping[str, Value],
    overrides: Mapping[str, tuple[int, str]],
) -> dict[str, Value]:
    return {
        "given": dict(given),
        "overrides": {name: list(score) for name, score in overrides.items()},
        "scores": {s.indicator: s.score for s in working.scores},
        "total": working.total,
        "level": str(working.level),
        "floor": working.floor,
        "provisional": working.provisional,
        "response": str(graded.response_level),
        "was": str(incident.response_level),
        "csrc_grade": graded.csrc_grade and str(graded.csrc_grade),
        "cac_grade": graded.cac_grade and str(graded.cac_grade),
    }


def lower(
    incident: Incident, working: Working, agreement: Agreement, *, now: datetime, given: Mapping[str, Value], response: Response
) -> Outcome[Incident]:
    """Two people agreed on a lower CSRC or CAC grade. The opinion level is not lowered with it: that takes two readings."""
    state = MACHINE.after(incident.state, "lower")
    check(agreement)
    lowered = replace(read(incident, working, given, {}), state=state)
    details = {**_reading(incident, lowered, working, given, {}), **agreement.as_value()}
    values: dict[str, Value] = {"by": agreement.by, "was": str(incident.response_level), "reason": agreement.reason.strip()}
    return _paced(incident, lowered, Event("lowered", details), (Notice("incident.lowered", ("chat",), values),), now, response)


def downgrade(
    incident: Incident,
    readings: "Sequence[Grading]",
    agreement: Agreement,
    *,
    now: datetime,
    to: OpinionLevel,
    responses: Mapping[ResponseLevel, Response],
    gap: timedelta,
) -> Outcome[Incident]:
    """降级: two lower readings `gap` apart bear it, and a leader agreed."""
    state = MACHINE.after(incident.state, "downgrade")
    check(agreement)
    borne = may_downgrade(readings, incident.opinion_level, incident.provisional, to, gap)
    lowered = replace(
        incident,
        state=state,
        opinion_level=to,
        opinion_total=borne.total,
        scores=dict(borne.scores),
        floor=borne.floor,
        response_level=response_level(incident.csrc_grade, to),
    )
    details: dict[str, Value] = {
        "level": str(to),
        "level_was": str(incident.opinion_level),
        "response": str(lowered.response_level),
        "was": str(incident.response_level),
        "readings": [one.ref for one in readings[-2:]],
        **agreement.as_value(),
    }
    values: dict[str, Value] = {"by": agreement.by, "was": str(incident.response_level), "reason": agreement.reason.strip()}
    notices = (Notice("incident.downgraded", ("chat",), values),)
    return _paced(incident, lowered, Event("downgraded", details), notices, now, responses[lowered.response_level])


def ask_to_rescore(
    incident: Incident, rubric: Rubric, response: Response, *, now: datetime, last: datetime, organization: Organization
) -> Outcome[Incident]:
    """The clock: figures should be taken again. First whoever watches opinion, from the second round on their leaders and the office.

    `last`: when they were last taken.
    """
    state = MACHINE.after(incident.state, "rescore")
    every = rescore_every(rubric, incident.opinion_level, incident.provisional)
    round_, following = 1, response.waking(last + every)
    while (again := response.waking(following + every)) <= now:
        round_, following = round_ + 1, again
    people = [organization.duty("opinion")]
    if round_ > 1:
        people += [*organization.groups["opinion"].leaders, organization.duty("office")]
    to, again = tuple(dict.fromkeys(people)), response.waking(now + every)
    details: dict[str, Value] = {"to": list(to), "round": round_, "last": last.isoformat(), "next_at": again.isoformat()}
    notice = Notice("incident.rescore_due", to, details, "escalation" if round_ > 1 else "reminder", spread=response.spread(following))
    return Outcome(replace(incident, state=state), Event("rescore_asked", details), (Timer("rescore", again),), (notice,))


def _grade_of(given: Mapping[str, Value], key: str, current: EventGrade | None) -> EventGrade | None:
    if key not in given:
        return current
    return EventGrade(str(given[key])) if given[key] is not None else None


def activate(incident: Incident, *, by: str, now: datetime, approval: str | None) -> Outcome[Incident]:
    """启动预案. `approval` is the ref that allowed it; None when the one who asked may decide alone."""
    state = MACHINE.after(incident.state, "activate")
    return Outcome(
        replace(incident, state=state, approved_at=now),
        Event("activated", {"by": by, "approval": approval, "level": str(incident.response_level)}),
        notices=(Notice("incident.activated", ("chat",), {"by": by}),),
    )


def recovered(incident: Incident, *, by: str, now: datetime, note: str) -> Outcome[Incident]:
    """业务恢复/事态平息: the commander says so."""
    state = MACHINE.after(incident.state, "recovered")
    _commander_only(incident, by)
    return Outcome(
        replace(incident, state=state, recovered_at=now),
        Event("recovered", {"by": by, "note": note}),
        notices=(Notice("incident.recovered", ("chat",), {"by": by}),),
    )


def end(incident: Incident, *, by: str, now: datetime, approval: str | None) -> Outcome[Incident]:
    """宣布应急结束, approved by the leading group; from active it also sets recovered."""
    state = MACHINE.after(incident.state, "end")
    return Outcome(
        replace(incident, state=state, ended_at=now, recovered_at=incident.recovered_at or now),
        Event("ended", {"by": by, "approval": approval}),
        QUIET,
        (Notice("incident.ended", ("chat",), {"by": by}),),
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """What still stands in the way of closing; every entry is a record's ref or a key of the catalogs."""

    tasks: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    publications: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """enquiries that nobody has answered, rumours that nobody has settled"""

    @property
    def refs(self) -> tuple[str, ...]:
        return (*self.tasks, *self.approvals, *self.reports, *self.publications, *self.words)

    def __bool__(self) -> bool:
        return bool(self.refs)


def close(
    incident: Incident, *, by: str, now: datetime, missing: Missing, override: str = "", may_override: bool = False
) -> Outcome[Incident]:
    """归档 is earned: refused naming what is missing, unless whom the plan names for `override` gives a reason, which stays visible."""
    state = MACHINE.after(incident.state, "close")
    if missing and not override:
        raise RuleBroken("incident.close_missing", ref=incident.ref, count=len(missing.refs), items="\n".join(missing.refs))
    if missing and not may_override:
        raise NotAllowed("incident.override_who")
    if missing and len(override.strip()) < 10:
        raise RuleBroken("incident.override_reason")
    reason = override.strip() if missing else ""
    return Outcome(
        replace(incident, state=state, closed_at=now, override_reason=reason),
        Event("closed", {"by": by, "override": reason, "left_open": list(missing.refs)}),
        QUIET,
        (Notice("incident.closed", ("chat",), {"by": by}),),
    )


def reopen(incident: Incident, *, by: str, now: datetime, reason: str, response: Response) -> Outcome[Incident]:
    """重开: clocks restart from now."""
    state = MACHINE.after(incident.state, "reopen")
    if len(reason.strip()) < 10:
        raise RuleBroken("incident.reopen_reason")
    again = replace(
        incident,
        state=state,
        known_at=now,
        recovered_at=None,
        ended_at=None,
        closed_at=None,
        override_reason="",
        silent_rounds=0,
        next_update_at=_next_update(now, response),
    )
    was = {name: moment.isoformat() for name, moment in incident.clocks().items() if moment}
    return Outcome(
        again,
        Event("reopened", {"by": by, "reason": reason, "clocks_were": dict(was)}),
        (_cadence(now, response),),
        (Notice("incident.reopened", ("chat",), {"by": by, "reason": reason}),),
    )


def merge(
    incident: Incident, agreement: Agreement, *, into: str, delayed: bool, moved: Mapping[str, str], to: tuple[str, ...]
) -> Outcome[Incident]:
    """合并: it goes on as another incident. `moved`: task in hand to the task that continues it · `to`: who had them."""
    state = MACHINE.after(incident.state, "merge")
    check(agreement)
    pairs = "、".join(f"{old}→{new}" for old, new in moved.items())
    details: dict[str, Value] = {"other": into, "delayed": delayed, "moved": dict(moved), **agreement.as_value()}
    values: dict[str, Value] = {"by": agreement.by, "into": into, "text": agreement.reason.strip(), "tasks": pairs}
    notices = (Notice("incident.merged", ("chat",), values), *([Notice("incident.merged", to, values, "assignment")] if to else []))
    return Outcome(replace(incident, state=state, merged_into=into), Event("merged", details), QUIET, notices)


def false_alarm(incident: Incident, agreement: Agreement, *, delayed: bool) -> Outcome[Incident]:
    """误报: two people found that there was nothing."""
    state = MACHINE.after(incident.state, "false_alarm")
    check(agreement)
    values: dict[str, Value] = {"by": agreement.by, "text": agreement.reason.strip()}
    details: dict[str, Value] = {"delayed": delayed, **agreement.as_value()}
    return Outcome(
        replace(incident, state=state), Event("found_false", details), QUIET, (Notice("incident.false_alarm", ("chat",), values),)
    )


def absorb(incident: Incident, other: Incident, *, by: str, facts: Mapping[str, Value]) -> Outcome[Incident]:
    """Another incident is merged into this one: its type's tasks join, `facts` that it knew are kept, and no clock becomes later."""
    state = MACHINE.after(incident.state, "absorb")
    if incident.drill != other.drill:
        raise RuleBroken("incident.merge_drill")
    if other.restricted and not incident.restricted:
        raise RuleBroken("incident.merge_restricted")
    earliest = {
        f"{name}_at": min(moments)
        for name in ("occurred", "known", "confirmed", "graded")
        if (moments := [at for one in (incident, other) if (at := one.clocks()[name])])
    }
    new = [name for name in other.playbooks if name not in incident.playbooks]
    merged = replace(
        incident,
        state=state,
        type=incident.type or other.type,
        playbooks=tuple(dict.fromkeys((*incident.playbooks, *other.playbooks))),
        joined={**{name: other.joined.get(name, other.opened_at.isoformat()) for name in new}, **incident.joined},
        facts={**incident.facts, **facts},
        absorbed=(*incident.absorbed, other.ref),
        **earliest,  # type: ignore[arg-type]  # moments only
    )
    was: dict[str, Value] = {f"{name}_at": at.isoformat() for name, at in incident.clocks().items() if at}
    details: dict[str, Value] = {"by": by, "other": other.ref, "given": dict(facts), "clocks_were": was}
    values: dict[str, Value] = {"by": by, "text": f"{other.ref} {other.title}"}
    return Outcome(merged, Event("absorbed", details), notices=(Notice("incident.absorbed", ("chat",), values),))


def set_known(incident: Incident, *, by: str, known: datetime, agreement: Agreement | None = None) -> Outcome[Incident]:
    """When the firm learnt of it. Earlier is a correction; later would lengthen regulators' clocks, and takes two people."""
    state = MACHINE.after(incident.state, "known")
    if known > incident.known_at:
        if agreement is None:
            raise RuleBroken("incident.known_later")
        check(agreement)
    details: dict[str, Value] = {"by": by, "known_at": known.isoformat(), "was": incident.known_at.isoformat()}
    return Outcome(
        replace(incident, state=state, known_at=known), Event("known_set", {**details, **(agreement.as_value() if agreement else {})})
    )


def take(incident: Incident, *, by: str, note: str) -> Outcome[Incident]:
    """接手: this person commands from now on."""
    return _command(incident, by, by, note, "take", "taken")


def handover(incident: Incident, *, by: str, to: str, note: str) -> Outcome[Incident]:
    """交接 to another person, who hears of it."""
    return _command(incident, by, to, note, "handover", "handed_over")


def _command(incident: Incident, by: str, to: str, note: str, verb: str, past: str) -> Outcome[Incident]:
    state = MACHINE.after(incident.state, verb)
    if incident.commander == to:
        raise RuleBroken("incident.commands_already", person=to)
    return Outcome(
        replace(incident, state=state, commander=to),
        Event(past, {"by": by, "from": incident.commander, "to": to, "note": note}),
        notices=(
            Notice("incident.commander", ("chat",), {"by": by, "note": note}),
            Notice("incident.commander", tuple(p for p in (incident.commander, to) if p != by), {"by": by, "note": note}, "assignment"),
        ),
    )


def update(incident: Incident, *, by: str, now: datetime, text: str, response: Response) -> Outcome[Incident]:
    """进展: goes to the timeline and the chats, and renews the promise of the next update."""
    state = MACHINE.after(incident.state, "update")
    if not text.strip():
        raise RuleBroken("incident.update_empty")
    running = incident.state in RUNNING
    following = _next_update(now, response) if running else None
    return Outcome(
        replace(incident, state=state, last_update=text, next_update_at=following, silent_rounds=0),
        Event("updated", {"by": by, "text": text, "next_update_at": following.isoformat() if following else None}),
        (Timer("cadence", following),),
        (Notice("incident.updated", ("chat",), {"by": by, "text": text}),),
    )


def set_facts(
    incident: Incident,
    *,
    by: str,
    now: datetime,
    given: Mapping[str, Value],
    details: Mapping[str, str],
    occurred: datetime | None = None,
) -> Outcome[Incident]:
    """Facts of the plan, and the first report's own fields (`system`, `place`, `reporter`, `loss`, `subtype`, `title`) in `details`."""
    state = MACHINE.after(incident.state, "fact")
    if not given and not details and not occurred:
        raise RuleBroken("incident.fact_nothing")
    confirmed = now if given.get("cause") and not incident.confirmed_at else incident.confirmed_at
    fields = {key: text for key, text in details.items() if key in ("system", "place", "reporter", "loss", "subtype", "title")}
    return Outcome(
        replace(
            incident,
            state=state,
            facts={**incident.facts, **given},
            said=_said(incident, given),
            confirmed_at=confirmed,
            occurred_at=occurred or incident.occurred_at,
            **fields,  # type: ignore[arg-type]  # text fields only
        ),
        Event(
            "noted",
            {"by": by, "given": dict(given), "details": dict(details), **({"occurred_at": occurred.isoformat()} if occurred else {})},
        ),
    )


def missing_fields(incident: Incident) -> tuple[str, ...]:
    """Fields of the first report that nobody has filled in yet."""
    fields = {
        "type": incident.type,
        "system": incident.system,
        "occurred": incident.occurred_at,
        "place": incident.place,
        "loss": incident.loss,
        "reporter": incident.reporter,
    }
    return tuple(name for name, value in fields.items() if not value)


def _said(incident: Incident, given: Mapping[str, Value]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*incident.said, *given)))


def _starting(incident: Incident, facts: Mapping[str, Value]) -> dict[str, Value]:
    """What the plan starts with, under what people have said: that no change of type touches."""
    return {**facts, **{key: value for key, value in incident.facts.items() if key in incident.said}}


def set_type(incident: Incident, *, by: str, now: datetime, type_: str, playbook: str, facts: Mapping[str, Value]) -> Outcome[Incident]:
    """The type of an incident that was opened without one. `facts`: what this type starts with; what people said stays."""
    state = MACHINE.after(incident.state, "change")
    if incident.type is not None:
        raise RuleBroken("incident.type_stands", ref=incident.ref, type=incident.type)
    joined = _joins(incident, playbook, now)
    return Outcome(
        replace(joined, state=state, type=type_, facts=_starting(incident, facts)),
        Event("typed", {"by": by, "type": type_}),
        notices=(Notice("incident.typed", ("chat",), {"by": by}),),
    )


def _joins(incident: Incident, playbook: str, now: datetime) -> Incident:
    return replace(incident, playbooks=(*incident.playbooks, playbook), joined={**incident.joined, playbook: now.isoformat()})


def add_playbook(
    incident: Incident, *, by: str, now: datetime, playbook: str, facts: Mapping[str, Value], approval: str | None = None
) -> Outcome[Incident]:
    """A further type's tasks join. `facts`: what all its types together start with."""
    state = MACHINE.after(incident.state, "change")
    if playbook in incident.playbooks:
        raise RuleBroken("playbook.there", ref=incident.ref, type=playbook)
    return Outcome(
        replace(_joins(incident, playbook, now), state=state, facts=_starting(incident, facts)),
        Event("playbook_added", {"by": by, "type": playbook, "approval": approval}),
        notices=(Notice("incident.playbook_added", ("chat",), {"by": by, "type": playbook}),),
    )


def change_type(
    incident: Incident, *, by: str, now: datetime, type_: str, subtype: str | None, facts: Mapping[str, Value], approval: str | None = None
) -> Outcome[Incident]:
    """Another main type in place of the present one; playbooks that were added stay. `subtype`: what of it still fits."""
    state = MACHINE.after(incident.state, "change")
    if incident.type == type_:
        raise RuleBroken("playbook.main_already", ref=incident.ref, type=type_)
    added = tuple(name for name in incident.playbooks if name not in (COMMON, incident.type, type_))
    playbooks = (COMMON, type_, *added)
    joined = incident if type_ in incident.playbooks else _joins(incident, type_, now)
    return Outcome(
        replace(joined, state=state, type=type_, subtype=subtype, playbooks=playbooks, facts=_starting(incident, facts)),
        Event("retyped", {"by": by, "from": incident.type, "to": type_, "approval": approval}),
        notices=(Notice("incident.retyped", ("chat",), {"by": by, "type": type_}),),
    )


def also_reported(incident: Incident, *, by: str, who: str, text: str, loss: str, tip: str) -> Outcome[Incident]:
    """Somebody reported the same: their words join this incident; `by` decided that it is the same. `loss` is not for every room."""
    state, said = MACHINE.after(incident.state, "also"), {"by": by, "who": who, "text": text, "loss": loss}
    return Outcome(
        replace(incident, state=state),
        Event("reported_again", {**said, "tip": tip}),
        notices=(Notice("incident.reported_again", ("chat",), {**said}),),
    )


def alerted(incident: Incident, *, by: str, text: str) -> Outcome[Incident]:
    """Monitoring has more to say. No promise of an update is renewed by that: people are still waited for."""
    state = MACHINE.after(incident.state, "also")
    return Outcome(
        replace(incident, state=state),
        Event("alerted", {"by": by, "text": text}),
        notices=(Notice("incident.alerted", ("chat",), {"by": by, "text": text}),),
    )


def restrict(incident: Incident, *, by: str, reason: str) -> Outcome[Incident]:
    """限制: only those see it who have to."""
    state = MACHINE.after(incident.state, "restrict")
    if incident.restricted:
        raise RuleBroken("incident.restricted_already", ref=incident.ref)
    return Outcome(replace(incident, state=state, restricted=True), Event("restricted", {"by": by, "reason": reason}))


def unrestrict(incident: Incident, *, by: str, reason: str, lifters: tuple[str, ...]) -> Outcome[Incident]:
    """Everybody in the plan sees it again: decided by few, with a reason."""
    state = MACHINE.after(incident.state, "restrict")
    if not incident.restricted:
        raise RuleBroken("incident.restricted_not", ref=incident.ref)
    if by not in lifters or len(reason.strip()) < 10:
        raise NotAllowed("incident.restricted_lift")
    return Outcome(replace(incident, state=state, restricted=False), Event("unrestricted", {"by": by, "reason": reason}))


def bound(incident: Incident, *, by: str, chat: str, verb: str, lost: bool = False) -> Outcome[Incident]:
    """A chat joined (`bind`) or left (`unbind`) the incident; `lost`: not by a command, so the commander has to hear of it."""
    state = MACHINE.after(incident.state, verb)
    event = Event("bound" if verb == "bind" else "unbound", {"by": by, "chat": chat})
    notices = (Notice("incident.chat_lost", (incident.commander,), {"chat": chat}, "escalation"),) if lost else ()
    return Outcome(replace(incident, state=state), event, (), notices)


def attach(incident: Incident, *, by: str, files: Sequence[Mapping[str, Value]], about: str) -> Outcome[Incident]:
    """Evidence of the incident itself, or of facts that are stated with it: name, size and hash of each file."""
    state = MACHINE.after(incident.state, "attach")
    return Outcome(replace(incident, state=state), Event("attached", {"by": by, "about": about, "files": [dict(one) for one in files]}))


def summarise(incident: Incident, *, by: str, version: int, sha256: str, content: str) -> Outcome[Incident]:
    """《事件处理总结报告》 is made, for `by`."""
    state = MACHINE.after(incident.state, "summary")
    details: dict[str, Value] = {"by": by, "version": version, "sha256": sha256, "content": content}
    return Outcome(replace(incident, state=state), Event("summarised", details))


def ask_for_update(incident: Incident, *, now: datetime, response: Response, organization: Organization) -> Outcome[Incident]:
    """The clock: the promised update has not come. First the commander, then the office's leaders, then the leading group.

    Rounds that were missed are caught up in one go.
    """
    state = MACHINE.after(incident.state, "cadence")
    every = min(response.cadence, timedelta(minutes=30))
    steps = rounds_come(incident.next_update_at or now, every, now)
    rounds = incident.silent_rounds + steps
    people = [*(organization.resolve("commander", commander=incident.commander) or (incident.commander,))]
    if rounds >= 2:
        people.extend(organization.groups["office"].leaders)
    if rounds >= 3:
        people.extend(organization.groups["lead"].leaders)
    again = response.waking(response.after("cadence", now, every))
    to, spread = tuple(dict.fromkeys(people)), response.spread(incident.next_update_at or now)
    values: dict[str, Value] = {"round": rounds, "next_at": again.isoformat(), "missed": steps - 1}
    return Outcome(
        replace(incident, state=state, silent_rounds=rounds, next_update_at=again),
        Event("update_asked", {"to": list(to), "round": rounds, "missed": steps - 1}),
        (Timer("cadence", again),),
        (Notice("incident.update_due", to, values, "escalation" if rounds > 1 else "reminder", spread=spread),),
    )


def recounted(incident: Incident, *, calendar: str, later: Mapping[str, Mapping[str, str]], to: tuple[str, ...]) -> Outcome[Incident]:
    """The calendar has changed. `later`: what it would move later stays as it is, and is told to `to`."""
    state = MACHINE.after(incident.state, "recount")
    values: dict[str, Value] = {kind: dict(found) for kind, found in later.items()}
    notices = (Notice("incident.recounted", to, values, "assignment"),) if to else ()
    return Outcome(replace(incident, state=state), Event("recounted", {"calendar": calendar, **values}), (), notices)


def rounds_of(incident: Incident, rubric: Rubric, *, last: datetime) -> tuple[Timer, ...]:
    """What an incident that runs must have waiting, worked out from what it says of itself. `last`: when figures were last taken."""
    every = rescore_every(rubric, incident.opinion_level, incident.provisional)
    return (Timer("cadence", incident.next_update_at or last), Timer("rescore", last + every))


def outage(incident: Incident, *, since: datetime, until: datetime) -> Outcome[Incident]:
    """The engine stood still: nobody was reminded meanwhile, and the incident's people know it."""
    values: dict[str, Value] = {"since": since.isoformat(), "until": until.isoformat()}
    return Outcome(incident, Event("outage", values), notices=(Notice("incident.outage", ("chat",), values),))


def _commander_only(incident: Incident, by: str) -> None:
    if by != incident.commander:
        raise NotAllowed("incident.commander_only", person=incident.commander)


@dataclass(frozen=True, slots=True)
class Grading:
    """One grading as it was made: who, when, from which values, under which rubric, with which floor. Never changed."""

    ref: str
    incident: str
    plan: str
    at: datetime
    by: str
    rubric: str
    facts: Mapping[str, Value]
    overrides: Mapping[str, tuple[int, str]]
    scores: Mapping[str, int]
    total: int
    level: OpinionLevel
    floor: str | None
    provisional: bool
    response: ResponseLevel
    csrc_grade: EventGrade | None
    cac_grade: EventGrade | None
    state: str = "kept"
    version: int = 0
    touched: int = 0


def keep_grading(graded: Incident, working: Working, *, ref: str, by: str, now: datetime, rubric: str) -> Outcome[Grading]:
    """The record of a reading that has just been taken for `graded`, whose level may have stood against it."""
    kept = Grading(
        ref=ref,
        incident=graded.ref,
        plan=graded.plan,
        at=now,
        by=by,
        rubric=rubric,
        facts=dict(graded.facts),
        overrides=dict(graded.overrides),
        scores={s.indicator: s.score for s in working.scores},
        total=working.total,
        level=working.level,
        floor=working.floor,
        provisional=working.provisional,
        response=graded.response_level,
        csrc_grade=graded.csrc_grade,
        cac_grade=graded.cac_grade,
    )
    return Outcome(kept, Event("scored", {"rubric": rubric, "total": kept.total, "level": str(kept.level)}))
