"""What holds for every report whatever people and clocks do: a state machine that tries everything."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.make import START
from tests.workflows.obligation_sample import CAC, CAC_SUMMARY, EXCHANGES, FIRST, PROGRESS, SUMMARY, make_terms
from tests.workflows.sample import ORGANIZATION, minutes
from workflows import regulator_report as rules
from workflows.core.agreement import Agreement
from workflows.core.calendar import Year
from workflows.core.conditions import Answer
from workflows.core.deadlines import deadline
from workflows.core.errors import UserError
from workflows.core.instants import utc
from workflows.core.obligation import Obligation
from workflows.core.outcome import Outcome
from workflows.core.rubric import EventGrade
from workflows.regulator_report import MACHINE, Filing, Report, State

DUTIES = (FIRST, EXCHANGES, PROGRESS, SUMMARY, CAC, CAC_SUMMARY)
REASON = "经核查未影响任何委托和客户"
PEOPLE = ("li.na", "sun.jie", "zhou.heng")
PERSON = st.sampled_from(PEOPLE)
GRADES = st.sampled_from([None, *EventGrade])
CONDITIONS: st.SearchStrategy[Answer] = st.sampled_from(["yes", "open"])
BACK = st.integers(0, 120).map(minutes)


class AnyReport(RuleBasedStateMachine):
    """One report, its timer as the database would hold it, and the clocks and grade of its incident."""

    report: Report
    obligation: Obligation

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.terms = make_terms(clocks={"known": START, "opened": START})
        self.timer: datetime | None = None
        self.agreed: list[str] = []

    @initialize(obligation=st.sampled_from(DUTIES), condition=CONDITIONS, grade=GRADES, known=BACK)
    def opens(self, obligation: Obligation, condition: Answer, grade: EventGrade | None, known: timedelta) -> None:
        self._open(obligation, condition, grade, known)

    def _open(self, obligation: Obligation, condition: Answer, grade: EventGrade | None, known: timedelta) -> None:
        self.obligation = obligation
        self.terms = replace(self.terms, csrc_grade=grade, clocks={"known": START - known})
        outcome = rules.open_(
            obligation, self.terms, ref="R1", incident="I1", plan="sha256:0", by="li.na", now=self.now, condition=condition
        )
        self.report = outcome.record
        self._keep_timer(outcome)

    def _keep_timer(self, outcome: Outcome[Report]) -> None:
        (timer,) = outcome.timers
        self.timer = timer.due

    def _try(self, act: Callable[[], Outcome[Report] | None], *, later: bool = False, anew: bool = False) -> bool:
        """Do it; when it is refused, nothing has changed. `later`: it may move the deadline; `anew`: it may set another."""
        before = self.report
        try:
            outcome = act()
        except UserError:
            assert self.report == before
            return False
        if outcome is None:
            return False
        after = self.report = outcome.record
        self._keep_timer(outcome)
        assert outcome.event.verb
        assert after.filings[: len(before.filings)] == before.filings, "what was filed stays"
        assert all(notice.urgency == "clock" and not notice.hold and notice.to for notice in outcome.notices)
        if before.open and after.open and not (later or anew) and before.deadline_at is not None:
            assert after.deadline_at is not None
            assert after.deadline_at <= before.deadline_at
        if before.open and not after.open:
            self._ended_well(before, after)
        return True

    def _ended_well(self, before: Report, after: Report) -> None:
        """Filed to everybody; or two people; or a series that its own clock ended with nothing left due."""
        until = self.terms.clocks.get(self.obligation.until or "")
        if after.state is State.NOT_REQUIRED and after.waived_by != "rule":
            assert after.waived_by not in (None, after.waiver_by)
            assert after.waiver_reason
            assert after.waiver in self.agreed
            return
        told = {filing.to for filing in after.filed if filing.issue == after.issue}
        if after.state is State.FILED and told == set(after.recipients):
            return
        assert after.repeating
        assert until is not None
        assert before.deadline_at is None or before.deadline_at > until

    # people

    @precondition(lambda self: self.report.open)
    @rule(
        by=PERSON,
        back=st.sampled_from([0, 0, 1, 10, 200]).map(minutes),
        whom=st.integers(0, 3),
        receipt=st.sampled_from(["编号一", "编号二", ""]),
    )
    def file(self, by: str, back: timedelta, whom: int, receipt: str) -> None:
        before = self.report
        to = before.missing[: whom or None]
        done = self._try(
            lambda: rules.file(
                before, self.obligation, self.terms, by=by, now=self.now, when=self.now - back, to=to, way="电话", receipt=receipt
            ),
            anew=before.repeating and to == before.missing,
        )
        if done:
            assert receipt
            when = self.now - back
            assert before.since_at is not None
            assert before.since_at <= when <= self.now
            assert self.report.filed[len(before.filed) :] == tuple(Filing(before.issue, one, when, "电话", receipt, by) for one in to)

    @precondition(lambda self: self.report.state is State.TO_DECIDE)
    @rule(by=PERSON)
    def decide(self, by: str) -> None:
        self._try(lambda: rules.decide(self.report, self.obligation, self.terms, by=by, now=self.now))

    @rule(by=PERSON, reason=st.sampled_from(["太小", REASON]))
    def propose(self, by: str, reason: str) -> None:
        timer = self.timer
        if self._try(lambda: rules.propose(self.report, by=by, reason=reason, approval="A1")):
            assert (self.timer, reason) == (timer, REASON), "the clock runs until a second person agrees"

    @precondition(lambda self: self.report.waiver is not None)
    @rule(by=PERSON)
    def keep(self, by: str) -> None:
        timer = self.timer
        if self._try(lambda: rules.keep(self.report, by=by, approval="A1", reason="要报")):
            assert self.timer == timer
            assert self.report.waiver is None

    @rule(asked=PERSON, by=PERSON, reason=st.sampled_from(["太小", REASON]), approval=st.sampled_from(["A1", "A7", ""]))
    def agree_that_it_is_not_required(self, asked: str, by: str, reason: str, approval: str) -> None:
        agreement = Agreement(asked, by, reason, approval)
        self.agreed.append(approval)
        if self._try(lambda: rules.not_required(self.report, agreement, now=self.now)):
            assert asked != by
            assert reason == REASON
            assert approval

    @precondition(lambda self: self.report.open and self.report.deadline_at is not None)
    @rule(asked=PERSON, by=PERSON, later=BACK)
    def agree_to_a_later_clock(self, asked: str, by: str, later: timedelta) -> None:
        clocks = {**self.terms.clocks}
        clocks[self.obligation.clock] = min((clocks[self.obligation.clock] or self.now) + later, self.now)
        changed = replace(self.terms, clocks=clocks)
        before = self.report.deadline_at
        agreement = Agreement(asked, by, REASON, "A2")
        if self._try(lambda: rules.lengthen(self.report, self.obligation, changed, agreement, now=self.now), later=True):
            assert asked != by
            assert self.report.later_from == before
            self.terms = changed

    @precondition(lambda self: not self.report.open)
    @rule(by=PERSON, condition=CONDITIONS, restart=st.booleans())
    def reopen(self, by: str, condition: Answer, restart: bool) -> None:
        terms = replace(self.terms, clocks={"known": self.now}) if restart else self.terms
        if self._try(lambda: rules.reopen(self.report, self.obligation, terms, by=by, now=self.now, reason=REASON, condition=condition)):
            self.terms = terms

    # what happens to the incident

    @rule(grade=GRADES)
    def grade(self, grade: EventGrade | None) -> None:
        self.terms = replace(self.terms, csrc_grade=grade)
        self._retime()

    @rule(name=st.sampled_from(["recovered", "ended"]))
    def start_a_clock(self, name: str) -> None:
        if self.terms.clocks.get(name) is None:
            self.terms = replace(self.terms, clocks={**self.terms.clocks, name: self.now})
            self._retime()

    @rule(back=BACK)
    def known_earlier(self, back: timedelta) -> None:
        known = self.terms.clocks["known"]
        assert known is not None
        self.terms = replace(self.terms, clocks={**self.terms.clocks, "known": known - back})
        self._retime()

    @rule(off=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 6, 30)), max_size=30))
    def the_calendar_changes(self, off: frozenset[date]) -> None:
        table = Year(off, frozenset(), frozenset())
        self.terms = replace(self.terms, calendar=replace(self.terms.calendar, years={2026: table}))
        self._retime()

    def _retime(self) -> None:
        """What the handler does after each change; every change may only make it earlier."""
        if self.report.open:
            self._try(lambda: rules.tighten(self.report, self.obligation, self.terms, now=self.now))
            self._try(lambda: rules.finish(self.report, self.obligation, self.terms, now=self.now))

    # time

    @rule(span=st.sampled_from([1, 3, 10, 45, 600, 20_000]).map(minutes), leads=st.booleans())
    def time_passes(self, span: timedelta, leads: bool) -> None:
        """Timers fire as they come due, those of an outage all at once."""
        end = self.now + span
        while self.timer is not None and self.timer <= end:
            self.now = max(self.timer, self.now, end - minutes(120))
            before, timer = self.report, self.timer
            assert self._try(lambda: rules.remind(self.report, now=self.now, organization=ORGANIZATION, commander="li.na", leads=leads))
            assert self.timer is not None
            assert self.timer > max(timer, self.now)
            assert self.report.level >= before.level
            assert self.report.state is before.state
        self.now = end

    # what always holds

    @invariant()
    def an_open_report_has_a_running_timer(self) -> None:
        assert (self.timer is not None) == (self.report.open and self.report.deadline_at is not None)

    @invariant()
    def only_what_waits_for_its_clock_has_no_deadline(self) -> None:
        report = self.report
        if report.open and report.deadline_at is None:
            decided = report.state is State.DUE
            assert deadline(self.obligation, self.terms, decided=decided, last_filed=report.last_filed_at) is None

    @invariant()
    def it_speaks_in_time(self) -> None:
        """By the deadline at the latest, and past it never silent for longer than its pace."""
        if self.timer is not None:
            deadline_at = self.report.deadline_at
            assert deadline_at is not None
            pace = minutes(60) if self.report.calendar != "continuous" else minutes(5)
            assert self.timer <= max(deadline_at, self.now + pace)

    @invariant()
    def its_deadline_is_no_later_than_the_terms_say(self) -> None:
        report = self.report
        if report.open and not report.later_from:
            found = deadline(self.obligation, self.terms, decided=report.state is State.DUE, last_filed=report.last_filed_at)
            assert found is None or (report.deadline_at is not None and report.deadline_at <= found.at)

    @invariant()
    def it_stands_in_a_state_that_its_moves_lead_to(self) -> None:
        assert self.report.state in {state for pair in MACHINE.moves.items() for state in (pair[0][0], pair[1])}
        assert self.report.deadline_at is None or utc(self.report.deadline_at) == self.report.deadline_at


class ASeries(AnyReport):
    """A repeating report that nobody waives: it must be filed round by round until its own clock ends it."""

    @initialize(condition=CONDITIONS, grade=GRADES)
    def opens_a_series(self, condition: Answer, grade: EventGrade | None) -> None:
        self._open(PROGRESS, condition, grade, timedelta())

    def _not_here(self) -> None: ...

    opens = agree_that_it_is_not_required = known_earlier = the_calendar_changes = _not_here  # fewer rules

    @rule()
    def tell_everybody_now(self) -> None:
        before = self.report
        act: Callable[[], Outcome[Report]] = partial(
            rules.file,
            before,
            self.obligation,
            self.terms,
            by="sun.jie",
            now=self.now,
            when=self.now,
            to=before.missing,
            way="电话",
            receipt="编号",
        )
        if self._try(act, anew=True) and self.report.open:
            recovered = self.terms.clocks.get("recovered")
            assert self.report.issue == before.issue + 1
            assert self.report.since_at == self.now
            assert recovered is None or recovered >= (self.report.deadline_at or recovered)

    @invariant()
    def it_goes_on_until_its_clock(self) -> None:
        if self.terms.clocks.get("recovered") is None:
            assert self.report.open


TestAnyReport = AnyReport.TestCase
TestAnyReport.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestASeries = ASeries.TestCase
TestASeries.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
