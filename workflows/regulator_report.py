"""A report to a regulator, or a notice the law asks for: its clock runs until it is filed, or two people agree that it is not required.

to_decide ──decide──> due ──draft──> drafted ──sign──> signed        due, drafted, signed ──file──> filed
                                        (to_decide, due, drafted, signed ──not_required──> not_required)

Told in part first (items 1 and 2 of the CAC's form), or one of a series: the next issue is due (`round`).

Nothing silences it: there is no claim, snooze or quiet hour here. A deadline moves earlier by itself and later only when two
people agree. `drafted` and `signed` tell how far the paper is; the clock runs in all of them, and no paper is needed to say that
somebody was told: a first report by phone is never held by one. A new draft voids the signature of the one before.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.core.agreement import Agreement, check, check_reason
from workflows.core.channels import Reach, beyond, by_messenger, rings, spread, ways
from workflows.core.clock_ladder import CLOCK_LADDER, Course, Hearing, Ladder, course, hearing, louder, of_few
from workflows.core.conditions import Answer, Known, Question, Undecided, questions
from workflows.core.deadlines import Deadline, Terms, deadline
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.instants import utc
from workflows.core.machine import Machine
from workflows.core.obligation import IN_DAYS, Obligation
from workflows.core.outcome import Event, Notice, Outcome, Timer
from workflows.core.paper import Difference
from workflows.core.people import Organization
from workflows.core.rubric import EventGrade, OpinionLevel


class ReportState(StrEnum):
    TO_DECIDE = "to_decide"
    DUE = "due"
    DRAFTED = "drafted"
    SIGNED = "signed"
    FILED = "filed"
    NOT_REQUIRED = "not_required"


State = ReportState

#: To be reported: however far the paper is.
WANTED = (State.DUE, State.DRAFTED, State.SIGNED)
RUNNING = (State.TO_DECIDE, *WANTED)
SETTLED = (State.FILED, State.NOT_REQUIRED)

MACHINE = Machine(
    "report",
    State.TO_DECIDE,
    {
        (State.TO_DECIDE, "decide"): State.DUE,
        **{(state, verb): state for verb in ("tighten", "lengthen", "hand", "propose", "keep", "remind", "part") for state in RUNNING},
        **{(state, "round"): State.DUE for state in WANTED},
        (State.TO_DECIDE, "round"): State.TO_DECIDE,
        **{(state, "draft"): State.DRAFTED for state in WANTED},
        (State.TO_DECIDE, "draft"): State.TO_DECIDE,
        **{(state, "sign"): State.SIGNED for state in (State.DUE, State.DRAFTED)},
        (State.DRAFTED, "return"): State.DUE,
        **{(state, "hold"): state for state in (State.DUE, State.DRAFTED)},
        **{(state, "issue"): state for state in State},
        **{(state, "note"): state for state in State},
        **{(state, "file"): State.FILED for state in RUNNING},
        **{(state, "end"): State.FILED for state in RUNNING},
        **{(state, "not_required"): State.NOT_REQUIRED for state in RUNNING},
        **{(state, "lapse"): State.NOT_REQUIRED for state in RUNNING},
        **{(state, "reopen"): State.DUE for state in SETTLED},
        **{(state, "doubt"): State.TO_DECIDE for state in SETTLED},
    },
)


@dataclass(frozen=True, slots=True)
class Filing:
    """One recipient told: `issue` is which report of a series it belongs to, `receipt` the number, or the name of who took the call.

    `callee`, `points`: of a call, who took it and what was said · `partial`: the rest was to follow.
    """

    issue: int
    to: str
    at: datetime
    way: str
    receipt: str
    by: str
    callee: str = ""
    points: str = ""
    partial: bool = False

    def as_value(self) -> dict[str, Value]:
        call: dict[str, Value] = {name: said for name, said in (("callee", self.callee), ("points", self.points)) if said}
        told: dict[str, Value] = {"issue": self.issue, "to": self.to, "at": self.at.isoformat(), "way": self.way}
        part: dict[str, Value] = {"partial": True} if self.partial else {}
        return {**told, "receipt": self.receipt, "by": self.by, **call, **part}

    @property
    def proof(self) -> str:
        """The way, who took it and the number, each once."""
        return " ".join(dict.fromkeys(part for part in (self.way, self.callee, self.receipt) if part))


@dataclass(frozen=True, slots=True)
class Report:
    """`deadline_at` is None while its clock has not started · `since_at`: what it counts from · `asked_at`: when it was put to the group.

    `issue`: which report of a series, from 1 · `level`, `round`, `prompted_at`: the ladder's memory (rung reached, reminders said, up to
    when it has spoken) · `since_all`: reminders since the whole ladder heard one (None: it hears the next) · `waiver…`: who proposes that
    it is not required, why, under which approval; `waived_by` agreed (`rule`: a series that ended before its first round fell due) ·
    `waiver_delayed`: what the asker answered to "was any order delayed or refused?", None where it was not asked · `waived_when`: what its
    condition was when it was waived · `later_…`: the deadline that two people last moved, and why ·
    `drafts`: versions of its paper so far; `draft_sha256`, `drafted_by`: the latest, where it is one of this issue ·
    `signed_by`, `signed_sha256`: who signed, and the bytes they signed.
    """

    ref: str
    incident: str
    obligation: str
    plan: str
    state: State
    group: str
    recipients: tuple[str, ...]
    clock: str
    calendar: str
    repeating: bool
    created_at: datetime
    created_by: str
    asked_at: datetime
    prompted_at: datetime
    deadline_at: datetime | None = None
    provisional: bool = False
    row: str = ""
    since_at: datetime | None = None
    issue: int = 1
    filings: tuple[Mapping[str, Value], ...] = ()
    last_filed_at: datetime | None = None
    filed_at: datetime | None = None
    waiver: str | None = None
    waiver_by: str | None = None
    waiver_reason: str = ""
    waived_by: str | None = None
    waiver_delayed: bool | None = None
    waived_when: str = ""
    later_from: datetime | None = None
    later_reason: str = ""
    later_by: str | None = None
    drafts: int = 0
    draft_sha256: str = ""
    drafted_by: str | None = None
    drafted_at: datetime | None = None
    signed_by: str | None = None
    signed_at: datetime | None = None
    signed_sha256: str = ""
    level: int = 0
    round: int = 0
    since_all: int | None = None
    version: int = 0
    touched: int = 0

    @property
    def open(self) -> bool:
        """Whether it still has to be filed or decided."""
        return self.state not in SETTLED

    @property
    def completing(self) -> bool:
        """Its first part has been told, and the rest is due."""
        return self.open and not self.repeating and self.last_filed_at is not None

    @property
    def filed(self) -> tuple[Filing, ...]:
        return tuple(_filing(value) for value in self.filings)

    @property
    def missing(self) -> tuple[str, ...]:
        """The recipients of the current issue that have not been told."""
        told = {filing.to for filing in self.filed if filing.issue == self.issue}
        return tuple(one for one in self.recipients if one not in told)


def _filing(value: Mapping[str, Value]) -> Filing:
    issue, at = value["issue"], value["at"]
    to, way, receipt, by = (str(value[key]) for key in ("to", "way", "receipt", "by"))
    callee, points = (str(value.get(key, "")) for key in ("callee", "points"))
    return Filing(
        int(str(issue)), to, datetime.fromisoformat(str(at)), way, receipt, by, callee, points, partial=value.get("partial") is True
    )


def course_of(report: Report, ladder: Ladder = CLOCK_LADDER) -> Course | None:
    """Every moment at which this report's clock speaks; None while it does not run."""
    if report.state not in RUNNING or report.deadline_at is None:
        return None
    return course(report.asked_at, report.deadline_at, ladder, in_days=report.calendar in IN_DAYS)


def next_word(report: Report, ladder: Ladder = CLOCK_LADDER) -> datetime | None:
    """When the timer `clock` comes."""
    running = course_of(report, ladder)
    return running.following(report.prompted_at).at if running else None


def _outcome(report: Report, ladder: Ladder, verb: str, details: Mapping[str, Value], *notices: Notice) -> Outcome[Report]:
    """The report with its timer computed anew from its state: it cannot be forgotten."""
    return Outcome(report, Event(verb, details), (Timer("clock", next_word(report, ladder)),), notices)


def _worked_out(report: Report, obligation: Obligation, terms: Terms) -> Deadline | None:
    decided = report.state is not State.TO_DECIDE
    return deadline(obligation, terms, decided=decided, last_filed=report.last_filed_at)


def _put(report: Report, found: Deadline | None, now: datetime) -> Report:
    """A deadline put to the group for the first time: the ladder starts from its first word."""
    fresh = replace(report, asked_at=now, prompted_at=now, level=0, round=0, since_all=None)
    fresh = replace(fresh, deadline_at=None, since_at=None, provisional=False, row="")
    return _moved(fresh, found) if found else fresh


def _moved(report: Report, found: Deadline) -> Report:
    return replace(report, deadline_at=found.at, provisional=found.provisional, row=found.row, since_at=found.since)


def _repaced(report: Report, ladder: Ladder, now: datetime) -> Report:
    """After its deadline moved: what the new course would have said before `now` is said at once, as one word, and was not missed."""
    running = course_of(report, ladder)
    reached = running.reached(now) if running else None
    if reached is None or reached.at <= report.prompted_at:
        return report
    return replace(report, prompted_at=reached.at - timedelta.resolution, since_all=None)


def _say_to(kind: str, to: tuple[str, ...], details: Mapping[str, Value]) -> tuple[Notice, ...]:
    return (Notice(kind, to, details, "clock"),) if to else ()


def open_(
    obligation: Obligation,
    terms: Terms,
    *,
    ref: str,
    incident: str,
    plan: str,
    by: str,
    now: datetime,
    condition: Answer,
    group: str = "",
    recipients: tuple[str, ...] = (),
    to: tuple[str, ...] = (),
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:
    """A duty of the plan as a running clock. `group`, `recipients`: the obligation's own where not given · `to` hears of it at once."""
    _asked_for(obligation, condition)
    report = Report(
        ref=ref,
        incident=incident,
        obligation=obligation.id,
        plan=plan,
        state=State.TO_DECIDE if condition == "open" else State.DUE,
        group=group or obligation.doer,
        recipients=recipients or obligation.to,
        clock=obligation.clock,
        calendar=obligation.calendar,
        repeating=bool(obligation.every),
        created_at=now,
        created_by=by,
        asked_at=now,
        prompted_at=now,
    )
    put = _put(report, _worked_out(report, obligation, terms), now)
    details = {"obligation": put.obligation, "group": put.group, **_facts(put, terms)}
    return _outcome(put, ladder, "opened", details, *_say_to("report.opened", to, details))


def _asked_for(obligation: Obligation, condition: Answer) -> None:
    if condition == "no":
        raise ValueError(f"{obligation.id} is not asked for: its condition is no")


def decide(
    report: Report,
    obligation: Obligation,
    terms: Terms,
    *,
    by: str,
    now: datetime,
    to: tuple[str, ...] = (),
    signers: tuple[str, ...] = (),
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:
    """Its condition became yes: it is due, at its grade's row when that is earlier. (A no goes by `propose` and `not_required`.)

    What was drafted meanwhile is drafted now, and `signers` are asked.
    """
    state = MACHINE.after(report.state, "decide")
    if report.draft_sha256:
        state = MACHINE.after(state, "draft")
    due = replace(_unproposed(report), state=state)
    due = _repaced(_earlier(due, _worked_out(due, obligation, terms), now) or due, ladder, now)
    details = {"by": by, **_facts(due, terms), "was": _moment(report.deadline_at)}
    asked = _asks_to_sign(due, signers) if state is State.DRAFTED else ()
    return _outcome(due, ladder, "decided", details, *_say_to("report.due", to, details), *asked)


def tighten(
    report: Report,
    obligation: Obligation,
    terms: Terms,
    *,
    now: datetime,
    to: tuple[str, ...] = (),
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report] | None:
    """Clocks, grades or the calendar have changed: the deadline starts, or moves earlier; None when it stays (later needs `lengthen`)."""
    state = MACHINE.after(report.state, "tighten")
    moved = _earlier(replace(report, state=state), _worked_out(report, obligation, terms), now)
    if moved is None:
        return None
    moved = _repaced(moved, ladder, now)
    started = report.deadline_at is None
    details = {**_facts(moved, terms), "was": _moment(report.deadline_at)}
    told = moved.deadline_at != report.deadline_at
    notices = _say_to("report.started" if started else "report.tightened", to, details) if told else ()
    return _outcome(moved, ladder, "started" if started else "tightened" if told else "recomputed", details, *notices)


def _earlier(report: Report, found: Deadline | None, now: datetime) -> Report | None:
    """The report at `found` unless that is later, or nothing new."""
    if found is None:
        return None
    if report.deadline_at is None:
        return _put(report, found, now)
    same = (found.at, found.provisional, found.row) == (report.deadline_at, report.provisional, report.row)
    return None if same or found.at > report.deadline_at else _moved(report, found)


def later(report: Report, obligation: Obligation, terms: Terms) -> datetime | None:
    """Where `terms` would move its deadline to, if that is later than it is."""
    found = _worked_out(report, obligation, terms) if report.open else None
    return found.at if found and report.deadline_at and found.at > report.deadline_at else None


def lengthen(
    report: Report,
    obligation: Obligation,
    terms: Terms,
    agreement: Agreement,
    *,
    now: datetime,
    to: tuple[str, ...] = (),
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report] | None:
    """Two people agreed to a change that moves the deadline later (a later `known`, a lower grade); None when it does not."""
    state = MACHINE.after(report.state, "lengthen")
    check(agreement)
    found = _worked_out(report, obligation, terms)
    if found is None or report.deadline_at is None or found.at <= report.deadline_at:
        return None
    moved = replace(
        _put(replace(report, state=state), found, now),
        later_from=report.deadline_at,
        later_reason=agreement.reason.strip(),
        later_by=agreement.by,
    )
    details = {**_facts(moved, terms), "was": _moment(report.deadline_at), **agreement.as_value()}
    return _outcome(moved, ladder, "lengthened", details, *_say_to("report.lengthened", to, details))


def hand(report: Report, *, group: str, by: str, to: tuple[str, ...], ladder: Ladder = CLOCK_LADDER) -> Outcome[Report]:
    """A playbook that joined names another group for this duty: the clock runs on, and its leaders hear of it at once."""
    handed = replace(report, state=MACHINE.after(report.state, "hand"), group=group, since_all=None)
    details: dict[str, Value] = {"by": by, "from": report.group, "group": group, **_facts(handed)}
    return _outcome(handed, ladder, "handed", details, *_say_to("report.handed", to, details))


def propose(
    report: Report, *, by: str, reason: str, approval: str, delayed: bool | None = None, ladder: Ladder = CLOCK_LADDER
) -> Outcome[Report]:
    """This person says it is not required (or a condition turned to no) and a second one is asked under `approval`: the clock runs on.

    `delayed`: whether any order was delayed or refused, where that was asked.
    """
    state = MACHINE.after(report.state, "propose")
    check_reason(reason)
    if report.waiver is not None:
        raise RuleBroken("report.proposed", ref=report.ref, approval=report.waiver)
    proposed = replace(report, state=state, waiver=approval, waiver_by=by, waiver_reason=reason.strip(), waiver_delayed=delayed)
    answer: dict[str, Value] = {} if delayed is None else {"delayed": delayed}
    return _outcome(proposed, ladder, "waiver_asked", {"by": by, "reason": reason.strip(), "approval": approval, **answer})


def keep(report: Report, *, by: str, approval: str, reason: str, ladder: Ladder = CLOCK_LADDER) -> Outcome[Report]:
    """The second person said no: it stays required."""
    state = MACHINE.after(report.state, "keep")
    if report.waiver != approval:
        raise RuleBroken("report.not_proposed", ref=report.ref, approval=approval)
    return _outcome(replace(_unproposed(report), state=state), ladder, "kept", {"by": by, "reason": reason, "approval": approval})


def not_required(
    report: Report,
    agreement: Agreement,
    *,
    now: datetime,
    condition: Answer = "yes",
    delayed: bool | None = None,
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:
    """Two people agreed: the clock stops. `condition`: what they agreed on stands until it asks for more (see `wanted_again`)."""
    state = MACHINE.after(report.state, "not_required")
    check(agreement)
    waived = replace(
        report,
        state=state,
        waiver=agreement.approval,
        waiver_by=agreement.asked_by,
        waiver_reason=agreement.reason.strip(),
        waived_by=agreement.by,
        waiver_delayed=delayed,
        waived_when=condition,
    )
    answer: dict[str, Value] = {} if delayed is None else {"delayed": delayed}
    return _outcome(waived, ladder, "waived", {**agreement.as_value(), "late": _late(report, now), "condition": condition, **answer})


def file(
    report: Report,
    obligation: Obligation,
    terms: Terms,
    *,
    by: str,
    now: datetime,
    when: datetime,
    to: tuple[str, ...],
    way: str,
    receipt: str = "",
    callee: str = "",
    points: str = "",
    partial: bool = False,
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:
    """已报: told to `to` at `when`. Filed when every recipient has been told; a repeating one then goes on to its next round, and one that
    was told in part (`partial`) to its rest."""
    MACHINE.after(report.state, "file")
    _tellable(report, to, way, receipt or callee)
    _may_be_partial(report, obligation, partial=partial)
    when = utc(when)
    _at_a_possible_time(report, when, now)
    said = Filing(report.issue, "", when, way.strip(), receipt.strip(), by, callee.strip(), points.strip(), partial)
    new = tuple(replace(said, to=one).as_value() for one in dict.fromkeys(to))
    told = replace(report, filings=(*report.filings, *new))
    details: dict[str, Value] = {**said.as_value(), "to": list(to), "when": when.isoformat(), "late": _late(report, when)}
    del details["at"]
    if report.drafts and report.draft_sha256:
        details["paper"] = {"version": report.drafts, "sha256": report.draft_sha256, "signed_by": report.signed_by}
    if told.missing:
        return _outcome(
            replace(told, state=MACHINE.after(told.state, "part")), ladder, "filed_in_part", {**details, "missing": list(told.missing)}
        )
    filings = [filing for filing in told.filed if filing.issue == told.issue]
    told = replace(told, last_filed_at=max(filing.at for filing in filings), filed_at=now)
    goes_on = told.repeating or any(filing.partial for filing in filings)
    following = _worked_out(told, obligation, terms) if goes_on else None
    if following is None:
        return _outcome(replace(_unproposed(told), state=MACHINE.after(told.state, "file")), ladder, "filed", details)
    again = _put(replace(_undrafted(told), state=MACHINE.after(told.state, "round"), issue=told.issue + 1), following, now)
    return _outcome(again, ladder, "filed", {**details, **_facts(again, terms)})


def _tellable(report: Report, to: tuple[str, ...], way: str, receipt: str) -> None:
    strangers = [one for one in to if one not in report.recipients]
    if strangers or not to:
        raise RuleBroken("report.whom", ref=report.ref, to=", ".join(strangers) or "-", recipients=report.recipients)
    told = [one for one in to if one not in report.missing]
    if told:
        raise RuleBroken("report.told", ref=report.ref, recipients=tuple(told))
    if not way.strip():
        raise RuleBroken("report.way", ref=report.ref)
    if not receipt.strip():
        raise RuleBroken("report.receipt", ref=report.ref)


def _may_be_partial(report: Report, obligation: Obligation, *, partial: bool) -> None:
    if partial and not obligation.partial_ok:
        raise RuleBroken("report.whole", ref=report.ref)
    if partial and report.completing:
        raise RuleBroken("report.rest", ref=report.ref)


def note(report: Report, *, by: str, points: str, ladder: Ladder = CLOCK_LADDER) -> Outcome[Report]:
    """What was said in the calls of the last issue told, where nobody wrote it down at once."""
    state = MACHINE.after(report.state, "note")
    last = max((filing.issue for filing in report.filed), default=0)
    lacking = [filing for filing in report.filed if filing.issue == last and not filing.points]
    if not points.strip() or not lacking:
        raise RuleBroken("report.no_points", ref=report.ref)
    filled = tuple((replace(one, points=points.strip()) if one in lacking else one).as_value() for one in report.filed)
    details: dict[str, Value] = {"by": by, "issue": last, "points": points.strip(), "to": [one.to for one in lacking]}
    return _outcome(replace(report, state=state, filings=filled), ladder, "points_noted", details)


def _at_a_possible_time(report: Report, when: datetime, now: datetime) -> None:
    if when > now:
        raise RuleBroken("report.future", ref=report.ref, when=when)
    if report.since_at is None:
        raise RuleBroken("report.waits", ref=report.ref, clock=report.clock)
    # A filing answers one round only: the same moment cannot answer the next one too.
    if when < report.since_at or when == report.last_filed_at:
        raise RuleBroken("report.before", ref=report.ref, when=when, since=report.since_at)


def finish(report: Report, obligation: Obligation, terms: Terms, *, now: datetime, ladder: Ladder = CLOCK_LADDER) -> Outcome[Report] | None:
    """The clock `until` has come: a series ends here, unless a round that fell due before has not been filed (None: it goes on)."""
    until = terms.clocks.get(obligation.until) if report.repeating and obligation.until else None
    if until is None or (report.deadline_at is not None and report.deadline_at <= until):
        return None
    begun = report.last_filed_at is not None or report.missing != report.recipients
    details: dict[str, Value] = {"until": obligation.until, "at": until.isoformat(), "issue": report.issue}
    if begun:
        return _outcome(replace(_unproposed(report), state=MACHINE.after(report.state, "end")), ladder, "ended", details)
    lapsed = replace(
        _unproposed(report), state=MACHINE.after(report.state, "lapse"), waiver_reason=obligation.until or "", waived_by="rule"
    )
    return _outcome(lapsed, ladder, "lapsed", details)


#: How much a condition asks for.
_ASKS: Mapping[str, int] = {"no": 0, "open": 1, "yes": 2}


def wanted_again(report: Report, obligation: Obligation, terms: Terms, condition: Answer) -> str:
    """Why a settled report is asked for again, "" where it is not. `clock_restarted`: its clock has started since · `condition_holds`: what
    two people found not to apply does, or has to be judged · `grade_heavier`: they agreed at a lighter grade."""
    started = terms.clocks.get(obligation.clock)
    if condition == "no" or started is None:
        return ""
    if started > (report.filed_at or report.asked_at):
        return "clock_restarted"
    if report.waived_by in (None, "rule") or not report.waived_when:
        return ""
    if _ASKS[condition] > _ASKS[report.waived_when]:
        return "condition_holds"
    found = deadline(obligation, terms, decided=condition == "yes")
    heavier = found is not None and report.row != found.row and _weight(obligation, found.row) > _weight(obligation, report.row)
    return "grade_heavier" if heavier else ""


def _weight(obligation: Obligation, row: str) -> int:
    grades = [str(one) for one in (OpinionLevel if obligation.keyed_by == "opinion_level" else EventGrade)]
    return grades.index(row) if row in grades else -1


def reopen(
    report: Report,
    obligation: Obligation,
    terms: Terms,
    *,
    by: str,
    now: datetime,
    reason: str,
    condition: Answer,
    to: tuple[str, ...] = (),
    ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:
    """Asked for again, by `terms` as they are now: the incident was reopened, or what had been found not to apply does."""
    _asked_for(obligation, condition)
    state = MACHINE.after(report.state, "reopen" if condition == "yes" else "doubt")
    check_reason(reason)
    again = replace(
        _undrafted(_unproposed(report)),
        state=state,
        issue=report.issue + (report.missing != report.recipients),
        last_filed_at=None,
        filed_at=None,
        waived_by=None,
        waived_when="",
    )
    put = _put(again, _worked_out(again, obligation, terms), now)
    details = {"by": by, "reason": reason.strip(), **_facts(put)}
    return _outcome(put, ladder, "reopened", details, *_say_to("report.opened", to, details))


def remind(
    report: Report,
    *,
    now: datetime,
    organization: Organization,
    commander: str | None,
    leads: bool = True,
    ladder: Ladder = CLOCK_LADDER,
    reach: Reach = by_messenger,
) -> Outcome[Report]:
    """The timer `clock` has come. One word to the rung that is reached, however many were missed.

    Of what is to be decided only the most urgent speaks (see `leads`): the others climb in silence.
    """
    MACHINE.after(report.state, "remind")
    running = course_of(report, ladder)
    reached = running.reached(now) if running else None
    if running is None or reached is None or reached.at <= report.prompted_at:
        return _outcome(report, ladder, "reminded", {"said": False})
    said = leads or report.state is not State.TO_DECIDE
    heard = hearing(max(report.level, reached.rung), ladder, organization, group=report.group, commander=commander, reach=reach)
    missed = running.count(now) - running.count(report.prompted_at) - 1
    if not (missed or heard.rung > report.level or report.since_all is None or running.for_all(reached)):
        heard = of_few(heard, _acting(report, ladder, organization, commander, reach), ladder, reach)
    again = _just_told(report, ladder, now, organization, commander)
    return _reminded(report, heard, ladder, now, organization, reach, said=said, missed=missed, again=again)


def _acting(report: Report, ladder: Ladder, organization: Organization, commander: str | None, reach: Reach) -> tuple[str, ...]:
    """Who must act: the first rung that means anybody, and while it is to be decided those who were asked whether."""
    first = hearing(0, ladder, organization, group=report.group, commander=commander, reach=reach).people
    decide = [*organization.resolve("office.duty"), *organization.resolve("commander", commander=commander)]
    return (*first, *decide) if report.state is State.TO_DECIDE else first


def pass_over(
    report: Report,
    *,
    now: datetime,
    organization: Organization,
    commander: str | None,
    ladder: Ladder = CLOCK_LADDER,
    reach: Reach = by_messenger,
) -> Outcome[Report]:
    """Nobody of the rung could be reached by any of its ways: the next one hears of it at once, and the control group why."""
    above = min(report.level + 1, len(ladder.rungs) - 1)
    heard = hearing(above, ladder, organization, group=report.group, commander=commander, reach=reach)
    told = 0 if report.since_all else report.level
    heard = replace(heard, skipped=(" ".join(ladder.rungs[told].to), *heard.skipped))
    again = hearing(told, ladder, organization, group=report.group, commander=commander).people
    return _reminded(report, heard, ladder, now, organization, reach, said=True, missed=0, again=again)


def _reminded(
    report: Report,
    heard: Hearing,
    ladder: Ladder,
    now: datetime,
    organization: Organization,
    reach: Reach,
    *,
    said: bool,
    missed: int,
    again: tuple[str, ...],
) -> Outcome[Report]:
    """`again`: who has just heard the same hears no more than what is louder now."""
    between = report.since_all or 0
    after = replace(report, state=MACHINE.after(report.state, "remind"), level=heard.rung, round=report.round + said, prompted_at=now)
    after = replace(after, since_all=None if not said else between + 1 if heard.few else 0)
    more = louder(heard.rung, report.level, ladder)
    told = tuple(p for p in heard.people if p not in again or more) if said else ()
    by: Callable[[str], tuple[str, ...]] = lambda person: more if person in again else ladder.rungs[heard.rung].by  # noqa: E731
    cannot = {person: list[Value](these) for person, these in beyond(told, by, reach).items()}
    loud = set(ladder.rungs[heard.rung].by) - {"card"}
    details: dict[str, Value] = {
        "said": said,
        "level": heard.rung,
        "round": after.round,
        "missed": missed,
        "to": list(told),
        "late": _late(report, now),
        **_facts(after),
        "next_at": _moment(next_word(after, ladder)),
        **({"all_at": _moment(_all_at(after, ladder))} if heard.few else {"between": between} if between else {}),
        **({"by": list[Value](ladder.rungs[heard.rung].by)} if loud else {}),
        **({"cannot": dict[str, Value](cannot)} if cannot else {}),
    }
    climbed = heard.rung > report.level
    if not said:
        return _outcome(after, ladder, "escalated" if climbed else "reminded", details)
    word = Notice("report.ask" if after.state is State.TO_DECIDE else "report.reminder", told, details, "clock")
    words = spread(word, by, ladder.rungs[heard.rung].wait, reach)
    empty = (Notice("report.empty_rung", ("control",), {"rung": rung}, "clock") for rung in heard.skipped)
    chats = _to_chats(heard, ladder, details, reach, organization)
    return _outcome(after, ladder, "escalated" if climbed else "reminded", details, *empty, *words, *chats)


def _just_told(report: Report, ladder: Ladder, now: datetime, organization: Organization, commander: str | None) -> tuple[str, ...]:
    """Whom a climb need not tell again: before the deadline, those who heard the same within the pace of repeating."""
    recent = report.round > 0 and now - report.prompted_at < ladder.repeat
    if not recent or report.deadline_at is None or now >= report.deadline_at:
        return ()
    return hearing(report.level, ladder, organization, group=report.group, commander=commander).people


def _all_at(report: Report, ladder: Ladder) -> datetime | None:
    """When the whole ladder hears again of what only few hear now."""
    running = course_of(report, ladder)
    return running.next_for_all(report.prompted_at) if running else None


def _to_chats(heard: Hearing, ladder: Ladder, details: Mapping[str, Value], reach: Reach, organization: Organization) -> tuple[Notice, ...]:
    """What the incident's chats and the control group hear of it; there its duty officer, who is to phone, is mentioned, and rung too."""
    rung, duty = ladder.rungs[heard.rung], organization.resolve("office.duty")[:1]
    loud = rings(ways(rung.by, reach(duty[0])), rung.wait) if duty else ()
    named = {**details, "people": list[Value](heard.own)}
    phoning = {**details, "people": list[Value](duty)}
    return (
        *((Notice("report.mention", ("chat",), named, "clock"),) if heard.own and "mention" in rung.by else ()),
        *((Notice("report.phones", ("control",), phoning, "clock", rings=loud),) if heard.control else ()),
    )


def to_decide(reports: Iterable[Report], obligations: Mapping[str, Obligation], known: Known) -> tuple[Question, ...]:
    """What the card asks: by open fact, the earliest deadline first."""
    undecided = (report for report in reports if report.state is State.TO_DECIDE)
    return questions((Undecided(one.ref, obligations[one.obligation].when, one.deadline_at) for one in undecided), known)


def leads(report: Report, asked: tuple[Question, ...]) -> bool:
    """Whether `report` speaks for all that is to be decided; what hangs on no open fact speaks for itself."""
    return all(report.ref not in question.refs for question in asked) or report.ref == asked[0].refs[0]


def draft(
    report: Report, *, by: str, now: datetime, version: int, sha256: str, content: str, partial: bool,
    signers: tuple[str, ...] = (), ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:  # fmt: skip
    """A version of its paper is made, for `by`: whoever signed the one before has not signed this one. `signers` are asked to."""
    state = MACHINE.after(report.state, "draft")
    if version != report.drafts + 1:
        raise RuleBroken("report.draft_order", ref=report.ref, version=version)
    voided = report.signed_by
    drafted = replace(_undrafted(report), state=state, drafts=version, draft_sha256=sha256, drafted_by=by, drafted_at=now)
    details: dict[str, Value] = {"by": by, "version": version, "sha256": sha256, "content": content, "partial": partial, "voided": voided}
    notices = [Notice("report.unsigned", (voided,), {"by": by, "paper": version}, "approval")] if voided else []
    asked = tuple(one for one in signers if one != voided) if state is not State.TO_DECIDE else ()
    return _outcome(drafted, ladder, "drafted", details, *notices, *_asks_to_sign(drafted, asked))


def _asks_to_sign(report: Report, signers: tuple[str, ...]) -> tuple[Notice, ...]:
    asked = tuple(one for one in signers if one != report.drafted_by)
    return (Notice("report.to_sign", asked, {"by": report.drafted_by, "paper": report.drafts}, "approval"),) if asked else ()


def sign(
    report: Report, *, by: str, now: datetime, version: int, signers: tuple[str, ...], differs: tuple[Difference, ...] = (),
    reason: str = "", ladder: Ladder = CLOCK_LADDER,
) -> Outcome[Report]:  # fmt: skip
    """签发 exactly this version, by one of `signers` who did not draft it; with a `reason` where it `differs` from what is known now."""
    state = MACHINE.after(report.state, "sign")
    if not report.draft_sha256:
        raise RuleBroken("report.no_draft", ref=report.ref)
    if version != report.drafts:
        raise RuleBroken("report.other_draft", ref=report.ref, version=version, latest=report.drafts)
    if by == report.drafted_by:
        raise NotAllowed("report.own_draft", ref=report.ref)
    if by not in signers:
        raise NotAllowed("report.not_signer", ref=report.ref, people=signers)
    if differs:
        check_reason(reason)
    signed = replace(report, state=state, signed_by=by, signed_at=now, signed_sha256=report.draft_sha256)
    knowing: dict[str, Value] = {"differs": [list(one) for one in differs], "reason": reason.strip()} if differs else {}
    return _outcome(signed, ladder, "signed", {"by": by, "version": version, "sha256": report.draft_sha256, **knowing})


def hold(
    report: Report, *, by: str, version: int, differs: tuple[Difference, ...], stamp: str, ladder: Ladder = CLOCK_LADDER
) -> Outcome[Report]:
    """Not signed yet: `by` is told what the paper says otherwise than things are now. `stamp` stands for exactly that."""
    state = MACHINE.after(report.state, "hold")
    details: dict[str, Value] = {"by": by, "paper": version, "differs": [list(one) for one in differs], "stamp": stamp}
    told = Notice("report.differs", (by,), details, "approval")
    return _outcome(replace(report, state=state), ladder, "sign_held", details, told)


def return_(
    report: Report, *, by: str, version: int, signers: tuple[str, ...], reason: str, ladder: Ladder = CLOCK_LADDER
) -> Outcome[Report]:
    """退稿: one of `signers` will not sign this version; who drafted it hears why, and the clock runs on."""
    state = MACHINE.after(report.state, "return")
    check_reason(reason)
    if version != report.drafts:
        raise RuleBroken("report.other_draft", ref=report.ref, version=version, latest=report.drafts)
    if by not in signers:
        raise NotAllowed("report.not_signer", ref=report.ref, people=signers)
    details: dict[str, Value] = {"by": by, "version": version, "sha256": report.draft_sha256, "reason": reason.strip()}
    told = Notice("report.returned", (report.drafted_by,), details, "approval") if report.drafted_by else None
    return _outcome(replace(_undrafted(report), state=state), ladder, "draft_returned", details, *((told,) if told else ()))


def issue(
    report: Report, *, version: int, of_issue: int, by: str, of: str, sha256: str, ladder: Ladder = CLOCK_LADDER
) -> Outcome[Report]:  # fmt: skip
    """The copy that bears the signature of `by` is made: the content of the draft `of`, its own bytes. What was signed and told while it
    was being made (`of_issue` is over) stays signed; only a new draft of the same issue has voided the signature."""
    state = MACHINE.after(report.state, "issue")
    if report.issue == of_issue and (report.signed_by is None or version != report.drafts):
        raise RuleBroken("report.other_draft", ref=report.ref, version=version, latest=report.drafts)
    details: dict[str, Value] = {"version": version, "sha256": sha256, "of": of, "by": by}
    current = report.issue == of_issue and report.drafted_by
    notice = (Notice("report.issued", (report.drafted_by,), details, "approval"),) if current and report.drafted_by else ()
    return _outcome(replace(report, state=state), ladder, "issued", details, *notice)


def _undrafted(report: Report) -> Report:
    """Without a paper of this issue; versions are counted on."""
    fresh = replace(report, draft_sha256="", drafted_by=None, drafted_at=None)
    return replace(fresh, signed_by=None, signed_at=None, signed_sha256="")


def _unproposed(report: Report) -> Report:
    return replace(report, waiver=None, waiver_by=None, waiver_reason="", waiver_delayed=None)


def _facts(report: Report, terms: Terms | None = None) -> dict[str, Value]:
    """What its deadline is, and by which calendar it was counted, where it hangs on one."""
    found: dict[str, Value] = {"deadline_at": _moment(report.deadline_at), "row": report.row, "provisional": report.provisional}
    counted = terms.calendar.fingerprint if terms and report.calendar != "continuous" else ""
    return {**found, "calendar": counted} if counted else found


def _late(report: Report, at: datetime) -> bool:
    return report.deadline_at is not None and at > report.deadline_at


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def last_told(reports: Iterable[Report], report: Report) -> Filing | None:
    """How the series last went, or else how its recipients were last told of anything: 「无变化」 goes the same way."""
    others = (filing for one in reports for filing in one.filed if filing.to in report.recipients)
    return max(report.filed or others, key=lambda filing: filing.at, default=None)
