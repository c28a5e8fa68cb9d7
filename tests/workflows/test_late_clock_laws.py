"""What holds of a late regulator's clock whatever happens: who must act hears each repeat, the whole ladder within its own pace."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.make import START
from tests.workflows.obligation_sample import EXCHANGES, make_terms
from tests.workflows.sample import ORGANIZATION, minutes
from workflows import regulator_report as rules
from workflows.core.clock_ladder import CLOCK_LADDER, hearing
from workflows.core.conditions import Answer
from workflows.core.outcome import Outcome
from workflows.core.rubric import EventGrade
from workflows.regulator_report import Report, State

REASON = "经核查未影响任何委托和客户"
LAST = len(CLOCK_LADDER.rungs) - 1


class Late(RuleBasedStateMachine):
    """One report that nobody files, and when each of its readers last heard of it."""

    report: Report
    timer: datetime

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.ladder = CLOCK_LADDER
        self.terms = make_terms(clocks={"known": START, "opened": START})
        self.heard: dict[str, datetime] = {}

    @initialize(repeat=st.integers(1, 20), more=st.integers(0, 60), condition=st.sampled_from(["yes", "open"]))
    def opens(self, repeat: int, more: int, condition: Answer) -> None:
        self.ladder = replace(CLOCK_LADDER, repeat=minutes(repeat), repeat_ladder=minutes(repeat + more))
        self._takes(
            rules.open_(
                EXCHANGES,
                self.terms,
                ref="R1",
                incident="I1",
                plan="sha256:0",
                by="li.na",
                now=self.now,
                condition=condition,
                group="tech",
                ladder=self.ladder,
            )
        )

    def _takes(self, outcome: Outcome[Report]) -> None:
        self.report = outcome.record
        (timer,) = outcome.timers
        assert timer.due is not None
        self.timer = timer.due

    def _people(self, rung: int) -> set[str]:
        return set(hearing(rung, self.ladder, ORGANIZATION, group=self.report.group, commander="li.na").people)

    # Time

    @rule(span=st.sampled_from([1, 4, 31, 95]).map(minutes))
    def passes(self, span: timedelta) -> None:
        ends = self.now + span
        while self.timer <= ends:
            self.now = max(self.timer, self.now)
            self._speaks()
        self.now = ends

    @rule(span=st.sampled_from([1, 3, 17, 200]).map(minutes))
    def nobody_is_there_to_speak(self, span: timedelta) -> None:
        self.now += span

    def _speaks(self) -> None:
        before, deadline = self.report, self.report.deadline_at
        outcome = rules.remind(before, now=self.now, organization=ORGANIZATION, commander="li.na", ladder=self.ladder)
        self._takes(outcome)
        after, told = self.report, {p for n in outcome.notices if n.kind in ("report.reminder", "report.ask") for p in n.to}
        assert deadline is not None
        self.heard |= dict.fromkeys(told, self.now)
        assert self._people(after.level) <= set(self.heard), "each rung's people hear it when it is reached"
        if self.now < deadline:
            return
        assert self.timer - self.now <= max(self.ladder.repeat, *(rung.wait for rung in self.ladder.rungs))
        assert self._people(0) <= told, "who must act hears each of them"
        assert after.level < LAST or [n.to for n in outcome.notices if n.kind == "report.phones"] == [("control",)]
        if not after.since_all:
            assert told == self._people(after.level)
            return
        assert (before.level, outcome.event.details["missed"]) == (after.level, 0), "what is new is for all"
        assert told == self._people(0) | ({"li.na"} if after.state is State.TO_DECIDE else set())
        again = [self.timer - self.heard[person] for person in self._people(LAST)]
        assert self.ladder.repeat_ladder is not None
        assert max(again) <= self.ladder.repeat_ladder, "the next word comes soon enough for all"

    # What people do

    @precondition(lambda self: self.report.waiver is None)
    @rule()
    def it_is_said_not_to_be_required(self) -> None:
        self._stays(rules.propose(self.report, by="li.na", reason=REASON, approval="A1", ladder=self.ladder))

    @precondition(lambda self: self.report.waiver is not None)
    @rule()
    def and_a_second_person_disagrees(self) -> None:
        self._stays(rules.keep(self.report, by="sun.jie", approval="A1", reason=REASON, ladder=self.ladder))

    @rule()
    def a_paper_is_drafted(self) -> None:
        of = {"version": self.report.drafts + 1, "sha256": "aa", "content": "bb", "partial": False}
        self._stays(rules.draft(self.report, by="li.na", now=self.now, ladder=self.ladder, **of))  # type: ignore[arg-type]

    def _stays(self, outcome: Outcome[Report]) -> None:
        """It silences nothing."""
        timer, since = self.timer, self.report.since_all
        self._takes(outcome)
        assert (self.timer, self.report.since_all) == (timer, since)

    @rule(group=st.sampled_from(["tech", "opinion", "office"]))
    def another_group_has_to_do_it(self, group: str) -> None:
        self._takes(rules.hand(self.report, group=group, by="li.na", to=(), ladder=self.ladder))

    @precondition(lambda self: self.report.state is State.TO_DECIDE)
    @rule()
    def it_applies(self) -> None:
        self._takes(rules.decide(self.report, EXCHANGES, self.terms, by="li.na", now=self.now, ladder=self.ladder))

    @rule(grade=st.sampled_from([EventGrade.GENERAL, EventGrade.MAJOR]), back=st.integers(0, 90).map(minutes))
    def it_was_due_earlier(self, grade: EventGrade, back: timedelta) -> None:
        known = self.terms.clocks["known"]
        assert known is not None
        self.terms = replace(self.terms, csrc_grade=grade, clocks={"known": known - back})
        moved = rules.tighten(self.report, EXCHANGES, self.terms, now=self.now, ladder=self.ladder)
        if moved is not None:
            self._takes(moved)


TestLate = Late.TestCase
TestLate.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
