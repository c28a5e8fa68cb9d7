"""A regulator's clock: it runs until it is filed, or two people agree that it is not required."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.make import START
from tests.workflows.obligation_sample import CAC, CAC_SUMMARY, EXCHANGES, FIRST, PROGRESS, SHANGHAI, SUMMARY, make_terms
from tests.workflows.sample import ORGANIZATION, minutes
from workflows import regulator_report as rules
from workflows.core.agreement import Agreement
from workflows.core.calendar import Calendar, Year
from workflows.core.clock_ladder import CLOCK_LADDER
from workflows.core.conditions import Answer, Known, Question
from workflows.core.deadlines import Terms
from workflows.core.errors import NotAllowed, RuleBroken, UserError
from workflows.core.obligation import Obligation
from workflows.core.outcome import Notice, Outcome, Timer
from workflows.core.rubric import EventGrade, OpinionLevel
from workflows.regulator_report import MACHINE, Filing, Report, State

REASON = "经核查未影响任何委托和客户"
AGREED = Agreement("li.na", "zhou.heng", REASON, "A1")


def at(count: float) -> datetime:
    return START + minutes(count)


def opened(
    obligation: Obligation = FIRST, *, condition: Answer = "yes", terms: Terms | None = None, now: datetime = START, **given: Any
) -> Outcome[Report]:
    return rules.open_(
        obligation,
        terms or make_terms(),
        ref="R1",
        incident="I1",
        plan="sha256:0",
        by="li.na",
        now=now,
        condition=condition,
        **given,
    )


def filed(
    report: Report,
    obligation: Obligation = FIRST,
    *,
    when: float,
    now: float | None = None,
    terms: Terms | None = None,
    to: tuple[str, ...] | None = None,
    way: str = "电话",
    receipt: str = "2026-0310",
) -> Outcome[Report]:
    return rules.file(
        report,
        obligation,
        terms or make_terms(),
        by="sun.jie",
        now=at(when if now is None else now),
        when=at(when),
        to=report.recipients if to is None else to,
        way=way,
        receipt=receipt,
    )


def reminded(report: Report, now: float, *, leads: bool = True, commander: str | None = "li.na") -> Outcome[Report]:
    return rules.remind(report, now=at(now), organization=ORGANIZATION, commander=commander, leads=leads)


def timer(outcome: Outcome[Report]) -> float | None:
    """Minutes after START at which the clock speaks next."""
    (one,) = outcome.timers
    assert one.name == "clock"
    return None if one.due is None else (one.due - START) / minutes(1)


def recovered(count: float, **changes: Any) -> Terms:
    return make_terms(clocks={"known": START, "recovered": at(count)}, **changes)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    return caught.value.key


# opening


def test_it_opens_with_its_clock_running() -> None:
    outcome = opened()
    assert outcome.record == Report(
        ref="R1",
        incident="I1",
        obligation="csrc_first_phone",
        plan="sha256:0",
        state=State.DUE,
        group="office",
        recipients=("属地证监局",),
        clock="known",
        calendar="continuous",
        repeating=False,
        created_at=START,
        created_by="li.na",
        asked_at=START,
        deadline_at=at(30),
        row="general",
        since_at=START,
        prompted_at=START,
    )
    assert outcome.event.verb == "opened"
    assert outcome.event.details == {
        "obligation": "csrc_first_phone",
        "group": "office",
        "deadline_at": at(30).isoformat(),
        "row": "general",
        "provisional": False,
    }
    assert outcome.timers == (Timer("clock", at(15)),)
    assert outcome.notices == (), "each person's one card says it"


def test_it_opens_undecided_at_the_lowest_row() -> None:
    outcome = opened(EXCHANGES, condition="open", terms=make_terms(csrc_grade=EventGrade.EXTREME))
    assert (outcome.record.state, outcome.record.deadline_at, outcome.record.row) == (State.TO_DECIDE, at(30), "general")
    assert timer(outcome) == 15


def test_it_does_not_open_where_it_is_not_asked_for() -> None:
    with pytest.raises(ValueError, match="csrc_first_phone is not asked for"):
        opened(condition="no")


def test_the_plan_may_name_another_group_and_fewer_recipients() -> None:
    outcome = opened(EXCHANGES, group="office", recipients=("上交所",), to=("li.na",))
    assert (outcome.record.group, outcome.record.recipients) == ("office", ("上交所",))
    assert outcome.notices == (Notice("report.opened", ("li.na",), outcome.event.details, "clock"),)
    assert opened(EXCHANGES).record.group == "tech"


def test_it_waits_for_its_clock() -> None:
    outcome = opened(SUMMARY)
    report = outcome.record
    assert (report.state, report.deadline_at, report.since_at, report.calendar) == (State.DUE, None, None, "working_days")
    assert timer(outcome) is None
    assert refused(lambda: filed(report, SUMMARY, when=5)) == "report.waits"
    assert rules.tighten(report, SUMMARY, make_terms(), now=at(5)) is None
    started = rules.tighten(report, SUMMARY, recovered(60), now=at(61), to=("li.na",))
    assert started is not None
    assert started.event.verb == "started"
    assert started.event.details["was"] is None
    assert [notice.kind for notice in started.notices] == ["report.started"]
    due = datetime(2026, 3, 17, 17, tzinfo=SHANGHAI)
    assert (started.record.deadline_at, started.record.asked_at, started.record.prompted_at) == (due, at(61), at(61))
    assert started.timers == (Timer("clock", at(61) + (due - at(61)) / 2),)


def test_an_incident_known_yesterday_is_late_at_once() -> None:
    terms = make_terms(clocks={"known": at(-600)})
    outcome = opened(terms=terms)
    assert (outcome.record.deadline_at, outcome.record.since_at) == (at(-570), at(-600))
    assert timer(outcome) == 2


# filing


def test_filing_stops_the_clock() -> None:
    outcome = filed(opened().record, when=12, now=14)
    report = outcome.record
    assert (report.state, report.open, report.last_filed_at, report.filed_at) == (State.FILED, False, at(12), at(14))
    assert report.filed == (Filing(1, "属地证监局", at(12), "电话", "2026-0310", "sun.jie"),)
    assert report.missing == ()
    assert timer(outcome) is None
    assert outcome.event.verb == "filed"
    assert outcome.event.details == {
        "by": "sun.jie",
        "issue": 1,
        "to": ["属地证监局"],
        "when": at(12).isoformat(),
        "way": "电话",
        "receipt": "2026-0310",
        "late": False,
    }


def test_what_is_kept_of_a_filing_is_what_json_can_hold() -> None:
    report = filed(opened().record, when=12).record
    assert report.filings == (
        {"issue": 1, "to": "属地证监局", "at": at(12).isoformat(), "way": "电话", "receipt": "2026-0310", "by": "sun.jie"},
    )


@pytest.mark.parametrize(("when", "late"), [(30, False), (30.1, True)])
def test_late_is_said(when: float, late: bool) -> None:
    assert filed(opened().record, when=when).event.details["late"] is late


def test_it_may_be_filed_before_it_is_decided() -> None:
    assert filed(opened(condition="open").record, when=12).record.state is State.FILED


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"to": ()}, "report.whom"),
        ({"to": ("上交所",)}, "report.whom"),
        ({"to": ("属地证监局", "上交所")}, "report.whom"),
        ({"way": "  "}, "report.way"),
        ({"receipt": " "}, "report.receipt"),
        ({"when": 12, "now": 11.9}, "report.future"),
        ({"when": -0.1, "now": 11}, "report.before"),
    ],
)
def test_a_filing_says_whom_when_how_and_leaves_a_receipt(given: dict[str, Any], key: str) -> None:
    report = opened().record
    assert refused(lambda: filed(report, **{"when": 12, **given})) == key


@pytest.mark.parametrize(("when", "now"), [(0, 0), (0, 5), (5, 5)])
def test_a_filing_may_be_as_early_as_the_clock_and_as_late_as_now(when: float, now: float) -> None:
    assert filed(opened().record, when=when, now=now).record.state is State.FILED


def test_a_refusal_says_what_to_do() -> None:
    report, waiting = opened(EXCHANGES).record, opened(SUMMARY).record
    part = filed(report, EXCHANGES, when=5, to=("上交所",)).record
    proposed = rules.propose(report, by="li.na", reason=REASON, approval="A1").record
    acts: list[tuple[Callable[[], object], dict[str, object]]] = [
        (lambda: filed(report, EXCHANGES, when=5, to=("上交所", "证监会")), {"to": "证监会", "recipients": ("上交所", "深交所", "北交所")}),
        (lambda: filed(report, EXCHANGES, when=5, to=()), {"to": "-", "recipients": ("上交所", "深交所", "北交所")}),
        (lambda: filed(part, EXCHANGES, when=6, to=("深交所", "上交所")), {"recipients": ("上交所",)}),
        (lambda: filed(report, EXCHANGES, when=5, way=""), {}),
        (lambda: filed(report, EXCHANGES, when=5, receipt=""), {}),
        (lambda: filed(report, EXCHANGES, when=5, now=4), {"when": at(5)}),
        (lambda: filed(waiting, SUMMARY, when=5), {"clock": "recovered"}),
        (lambda: filed(report, EXCHANGES, when=-5), {"when": at(-5), "since": START}),
        (lambda: rules.propose(proposed, by="li.na", reason=REASON, approval="A2"), {"approval": "A1"}),
        (lambda: rules.keep(proposed, by="li.na", reason="", approval="A2"), {"approval": "A2"}),
    ]
    for act, values in acts:
        with pytest.raises(RuleBroken) as caught:
            act()
        assert caught.value.values == {"ref": "R1", **values}


def test_every_recipient_must_be_told() -> None:
    report = opened(EXCHANGES).record
    part = filed(report, EXCHANGES, when=5, to=("上交所", "北交所"))
    assert (part.record.state, part.record.missing) == (State.DUE, ("深交所",))
    assert (part.event.verb, part.event.details["missing"], part.event.details["to"]) == ("filed_in_part", ["深交所"], ["上交所", "北交所"])
    assert timer(part) == 15, "the clock runs on for the rest"
    assert refused(lambda: filed(part.record, EXCHANGES, when=6, to=("深交所", "上交所"))) == "report.told"
    whole = filed(part.record, EXCHANGES, when=4, now=8, to=("深交所",))
    assert (whole.record.state, whole.record.last_filed_at) == (State.FILED, at(5)), "complete with the last of them"
    assert [filing.to for filing in whole.record.filed] == ["上交所", "北交所", "深交所"]


def test_a_recipient_named_twice_is_told_once() -> None:
    assert len(filed(opened().record, when=5, to=("属地证监局", "属地证监局")).record.filings) == 1


def test_what_is_filed_cannot_be_filed_again() -> None:
    done = filed(opened().record, when=5).record
    with pytest.raises(RuleBroken) as caught:
        filed(done, when=6)
    assert (caught.value.key, caught.value.values) == ("house.move", {"noun": "report", "state": "filed", "verb": "file"})


# rounds


def test_a_series_goes_on_to_its_next_round() -> None:
    report = replace(opened(PROGRESS).record, level=3, round=7)
    outcome = filed(report, PROGRESS, when=43, now=45, terms=make_terms())
    after = outcome.record
    assert (after.state, after.issue, after.deadline_at, after.since_at, after.asked_at) == (State.DUE, 2, at(103), at(43), at(45))
    assert (after.level, after.round, after.prompted_at) == (0, 0, at(45)), "a new round climbs from the start"
    assert after.missing == ("属地证监局",)
    assert timer(outcome) == 74, "half of the time from 45 to 103"
    assert (outcome.event.verb, outcome.event.details["issue"], outcome.event.details["deadline_at"]) == ("filed", 1, at(103).isoformat())


def test_a_series_that_is_undecided_stays_so() -> None:
    outcome = filed(opened(PROGRESS, condition="open").record, PROGRESS, when=10, terms=make_terms(csrc_grade=EventGrade.MAJOR))
    assert (outcome.record.state, outcome.record.deadline_at) == (State.TO_DECIDE, at(70))


def test_one_filing_answers_one_round() -> None:
    second = filed(opened(PROGRESS).record, PROGRESS, when=43).record
    assert refused(lambda: filed(second, PROGRESS, when=43, now=50)) == "report.before"
    assert refused(lambda: filed(second, PROGRESS, when=42, now=50)) == "report.before"
    third = filed(second, PROGRESS, when=50).record
    assert (third.issue, third.deadline_at) == (3, at(110))
    assert [filing.issue for filing in third.filed] == [1, 2]


def test_a_series_ends_with_its_clock_when_nothing_is_left_due() -> None:
    second = filed(opened(PROGRESS).record, PROGRESS, when=43).record
    ended = rules.finish(second, PROGRESS, recovered(102), now=at(102))
    assert ended is not None
    assert (ended.record.state, ended.event.verb, timer(ended)) == (State.FILED, "ended", None)
    assert ended.event.details == {"until": "recovered", "at": at(102).isoformat(), "issue": 2}


@pytest.mark.parametrize("until", [103, 120])
def test_a_series_does_not_end_before_the_round_that_fell_due(until: float) -> None:
    second = filed(opened(PROGRESS).record, PROGRESS, when=43).record
    assert rules.finish(second, PROGRESS, recovered(until), now=at(until)) is None
    last = filed(second, PROGRESS, when=125, terms=recovered(until))
    assert (last.record.state, last.record.issue, timer(last)) == (State.FILED, 2, None)


def test_each_round_that_fell_due_before_the_end_is_asked_for() -> None:
    second = filed(opened(PROGRESS).record, PROGRESS, when=43).record
    third = filed(second, PROGRESS, when=100, now=200, terms=recovered(170)).record
    assert (third.state, third.deadline_at) == (State.DUE, at(160))
    assert filed(third, PROGRESS, when=199, now=200, terms=recovered(170)).record.state is State.FILED


def test_a_series_that_ended_before_its_first_round_lapses() -> None:
    outcome = rules.finish(opened(PROGRESS, condition="open").record, PROGRESS, recovered(20), now=at(20))
    assert outcome is not None
    report = outcome.record
    assert (report.state, report.waived_by, report.waiver_reason, outcome.event.verb) == (State.NOT_REQUIRED, "rule", "recovered", "lapsed")
    assert timer(outcome) is None


def test_a_round_begun_is_not_called_not_required() -> None:
    two = replace(PROGRESS, to=("甲", "乙"))
    part = filed(opened(two).record, two, when=5, to=("甲",)).record
    outcome = rules.finish(part, two, recovered(20), now=at(20))
    assert outcome is not None
    assert outcome.record.state is State.FILED


def test_only_a_series_has_an_end() -> None:
    report = opened().record
    assert rules.finish(report, replace(FIRST, until="recovered"), recovered(1), now=at(1)) is None
    series = opened(PROGRESS).record
    assert rules.finish(series, PROGRESS, make_terms(), now=at(1)) is None
    assert rules.finish(series, replace(PROGRESS, until=None), recovered(1), now=at(1)) is None
    assert (
        refused(lambda: rules.finish(filed(series, PROGRESS, when=5, terms=recovered(4)).record, PROGRESS, recovered(4), now=at(9)))
        == "house.move"
    )


def test_a_series_waiting_for_its_clock_ends_too() -> None:
    waiting = opened(replace(PROGRESS, clock="confirmed")).record
    outcome = rules.finish(waiting, PROGRESS, recovered(1), now=at(1))
    assert outcome is not None
    assert outcome.record.state is State.NOT_REQUIRED


# decided


def test_yes_makes_it_due_and_tightens() -> None:
    report = rules.propose(opened(condition="open").record, by="li.na", reason=REASON, approval="A1").record
    outcome = rules.decide(report, FIRST, make_terms(csrc_grade=EventGrade.LARGER), by="li.na", now=at(3), to=("sun.jie",))
    after = outcome.record
    assert (after.state, after.deadline_at, after.row, after.asked_at) == (State.DUE, at(15), "larger", START)
    assert (after.waiver, after.waiver_by, after.waiver_reason) == (None, None, ""), "the proposal has nothing left to ask"
    assert outcome.event.verb == "decided"
    assert outcome.event.details == {
        "by": "li.na",
        "deadline_at": at(15).isoformat(),
        "row": "larger",
        "provisional": False,
        "was": at(30).isoformat(),
    }
    assert outcome.notices == (Notice("report.due", ("sun.jie",), outcome.event.details, "clock"),)
    assert timer(outcome) == 5, "the climb to 15 begins at 5"


def test_yes_never_makes_it_later() -> None:
    report = replace(opened(condition="open").record, deadline_at=at(20))
    after = rules.decide(report, FIRST, make_terms(), by="li.na", now=at(3)).record
    assert (after.state, after.deadline_at) == (State.DUE, at(20))


def test_yes_starts_a_clock_that_came_meanwhile() -> None:
    waiting = opened(CAC_SUMMARY, condition="open").record
    outcome = rules.decide(waiting, CAC_SUMMARY, make_terms(clocks={"ended": at(10)}), by="li.na", now=at(20))
    assert (outcome.record.asked_at, outcome.record.since_at) == (at(20), at(10))
    assert timer(outcome) is not None


def test_only_what_is_open_is_decided() -> None:
    assert refused(lambda: rules.decide(opened().record, FIRST, make_terms(), by="li.na", now=at(3))) == "house.move"


# earlier by itself, later by two people


def test_a_higher_grade_tightens() -> None:
    outcome = rules.tighten(opened().record, FIRST, make_terms(csrc_grade=EventGrade.MAJOR), now=at(1), to=("li.na",))
    assert outcome is not None
    assert (outcome.record.deadline_at, outcome.record.row, outcome.event.verb) == (at(10), "major", "tightened")
    assert outcome.event.details == {
        "deadline_at": at(10).isoformat(),
        "row": "major",
        "provisional": False,
        "was": at(30).isoformat(),
    }
    assert outcome.notices == (Notice("report.tightened", ("li.na",), outcome.event.details, "clock"),)
    assert timer(outcome) == 2


def test_an_earlier_clock_tightens() -> None:
    outcome = rules.tighten(opened().record, FIRST, make_terms(clocks={"known": at(-10)}), now=at(1))
    assert outcome is not None
    assert (outcome.record.deadline_at, outcome.record.since_at) == (at(20), at(-10))


def test_an_open_condition_is_not_tightened_by_a_grade() -> None:
    assert rules.tighten(opened(EXCHANGES, condition="open").record, EXCHANGES, make_terms(csrc_grade=EventGrade.MAJOR), now=at(1)) is None


@pytest.mark.parametrize(
    "terms",
    [
        make_terms(csrc_grade=EventGrade.LARGER),
        make_terms(csrc_grade=EventGrade.GENERAL),
        make_terms(csrc_grade=EventGrade.LARGER, clocks={"known": at(10)}),
        make_terms(csrc_grade=EventGrade.LARGER, clocks={"known": None}),
    ],
)
def test_nothing_later_comes_silently(terms: Terms) -> None:
    report = opened(terms=make_terms(csrc_grade=EventGrade.LARGER)).record
    assert rules.tighten(report, FIRST, terms, now=at(1)) is None


def test_what_becomes_sure_at_the_same_time_is_noted_without_a_word() -> None:
    terms = make_terms(clocks={"recovered": datetime(2026, 12, 30, 4, tzinfo=SHANGHAI)})
    report = opened(SUMMARY, terms=terms, now=at(400_000)).record
    assert report.provisional
    off, worked = Year(frozenset(), frozenset(), frozenset()), Year(frozenset(), frozenset({date(2027, 1, 2)}), frozenset())
    saturday_off, saturday_worked = (replace(terms.calendar, years={**terms.calendar.years, 2027: year}) for year in (off, worked))
    assert rules.tighten(report, SUMMARY, replace(terms, calendar=saturday_off), now=at(1)) is None, "it would be later"
    outcome = rules.tighten(report, SUMMARY, replace(terms, calendar=saturday_worked), now=at(1), to=("li.na",))
    assert outcome is not None
    assert (outcome.record.provisional, outcome.record.deadline_at, outcome.event.verb) == (False, report.deadline_at, "recomputed")
    assert outcome.notices == ()


def test_a_deadline_that_moved_past_its_words_speaks_at_once_and_missed_none() -> None:
    report = opened().record
    outcome = rules.tighten(report, FIRST, make_terms(clocks={"known": at(-60)}), now=at(14))
    assert outcome is not None
    due = timer(outcome)
    assert due is not None
    assert due <= 14
    said = reminded(outcome.record, 14)
    assert (said.event.details["missed"], said.event.details["level"], said.event.details["late"]) == (0, 3, True)
    assert timer(said) == 15


def test_two_people_can_move_it_later() -> None:
    report = replace(opened().record, level=2, round=4)
    outcome = rules.lengthen(report, FIRST, make_terms(clocks={"known": at(10)}), AGREED, now=at(20), to=("sun.jie",))
    assert outcome is not None
    after = outcome.record
    assert (after.deadline_at, after.since_at, after.asked_at, after.state) == (at(40), at(10), at(20), State.DUE)
    assert (after.later_from, after.later_reason, after.later_by) == (at(30), REASON, "zhou.heng")
    assert (after.level, after.round, after.prompted_at) == (0, 0, at(20))
    assert outcome.event.verb == "lengthened"
    assert outcome.event.details == {
        "deadline_at": at(40).isoformat(),
        "row": "general",
        "provisional": False,
        "was": at(30).isoformat(),
        "asked_by": "li.na",
        "by": "zhou.heng",
        "reason": REASON,
        "approval": "A1",
    }
    assert [notice.kind for notice in outcome.notices] == ["report.lengthened"]
    assert timer(outcome) == 30, "the climb to 40 begins at 30, as half time does"


@pytest.mark.parametrize("terms", [make_terms(), make_terms(clocks={"known": at(-1)}), make_terms(clocks={})])
def test_lengthening_only_makes_later(terms: Terms) -> None:
    assert rules.lengthen(opened().record, FIRST, terms, AGREED, now=at(20)) is None
    assert rules.lengthen(opened(SUMMARY).record, SUMMARY, recovered(5), AGREED, now=at(20)) is None


BAD_AGREEMENTS = [
    (replace(AGREED, by="li.na"), "agreement.second_person"),
    (replace(AGREED, by=""), "agreement.second_person"),
    (replace(AGREED, asked_by=""), "agreement.second_person"),
    (replace(AGREED, reason="  九个字的理由不够长  "[:11]), "agreement.reason"),
    (replace(AGREED, approval=""), "agreement.approval"),
]


@pytest.mark.parametrize(("agreement", "key"), BAD_AGREEMENTS)
def test_one_person_or_no_reason_is_not_enough(agreement: Agreement, key: str) -> None:
    report = opened().record
    assert refused(lambda: rules.lengthen(report, FIRST, make_terms(clocks={"known": at(10)}), agreement, now=at(20))) == key
    assert refused(lambda: rules.not_required(report, agreement, now=at(20))) == key


def test_ten_characters_are_a_reason() -> None:
    with pytest.raises(RuleBroken) as caught:
        rules.not_required(opened().record, replace(AGREED, reason="一二三四五六七八九"), now=at(20))
    assert caught.value.values == {"shortest": 10}
    ten = replace(AGREED, reason=" 一二三四五六七八九十 ")
    assert rules.not_required(opened().record, ten, now=at(20)).record.waiver_reason == "一二三四五六七八九十"


def test_a_second_person_is_a_matter_of_rights() -> None:
    with pytest.raises(NotAllowed):
        rules.not_required(opened().record, replace(AGREED, by="li.na"), now=at(20))


# not required


@pytest.mark.parametrize("condition", ["open", "yes"])
def test_a_proposal_leaves_the_clock_running(condition: Answer) -> None:
    before = opened(condition=condition)
    outcome = rules.propose(before.record, by="li.na", reason=f" {REASON} ", approval="A1")
    assert outcome.record == replace(before.record, waiver="A1", waiver_by="li.na", waiver_reason=REASON)
    assert outcome.timers == before.timers
    assert (outcome.event.verb, outcome.event.details) == ("waiver_asked", {"by": "li.na", "reason": REASON, "approval": "A1"})
    kept = rules.keep(outcome.record, by="zhou.heng", approval="A1", reason="要报")
    assert kept.record == before.record
    assert kept.timers == before.timers
    assert (kept.event.verb, kept.event.details) == ("kept", {"by": "zhou.heng", "reason": "要报", "approval": "A1"})


def test_a_proposal_needs_a_reason_and_stands_alone() -> None:
    report = opened().record
    assert refused(lambda: rules.propose(report, by="li.na", reason="太小了", approval="A1")) == "agreement.reason"
    proposed = rules.propose(report, by="li.na", reason=REASON, approval="A1").record
    assert refused(lambda: rules.propose(proposed, by="sun.jie", reason=REASON, approval="A2")) == "report.proposed"
    assert refused(lambda: rules.keep(proposed, by="sun.jie", approval="A2", reason="")) == "report.not_proposed"
    assert refused(lambda: rules.keep(report, by="sun.jie", approval="A2", reason="")) == "report.not_proposed"


@pytest.mark.parametrize("condition", ["open", "yes"])
def test_two_people_stop_the_clock(condition: Answer) -> None:
    outcome = rules.not_required(opened(condition=condition).record, AGREED, now=at(31), condition=condition, delayed=True)
    report = outcome.record
    assert (report.state, report.open, timer(outcome)) == (State.NOT_REQUIRED, False, None)
    assert (report.waiver, report.waiver_by, report.waived_by, report.waiver_reason) == ("A1", "li.na", "zhou.heng", REASON)
    assert outcome.event.verb == "waived"
    assert (report.waived_when, report.waiver_delayed) == (condition, True)
    told = {"asked_by": "li.na", "by": "zhou.heng", "reason": REASON, "approval": "A1"}
    assert outcome.event.details == {**told, "late": True, "condition": condition, "delayed": True}
    assert rules.not_required(opened().record, AGREED, now=at(30)).event.details["late"] is False
    assert rules.not_required(opened(SUMMARY).record, AGREED, now=at(30)).event.details["late"] is False, "its clock never started"


def test_filing_ends_a_proposal() -> None:
    proposed = rules.propose(opened().record, by="li.na", reason=REASON, approval="A1").record
    assert filed(proposed, when=5).record.waiver is None
    series = rules.propose(opened(PROGRESS).record, by="li.na", reason=REASON, approval="A1").record
    assert filed(series, PROGRESS, when=5).record.waiver == "A1", "of a series the rest is still asked about"
    ended = rules.finish(filed(series, PROGRESS, when=5).record, PROGRESS, recovered(9), now=at(9))
    assert ended is not None
    assert (ended.record.waiver, ended.record.waived_by) == (None, None)
    lapsed = rules.finish(series, PROGRESS, recovered(9), now=at(9))
    assert lapsed is not None
    assert (lapsed.record.waiver, lapsed.record.waiver_by) == (None, None)


# asked for again


def test_reopened_it_counts_from_the_clock_as_it_is_now() -> None:
    done = filed(replace(opened().record, level=3, round=5), when=5).record
    outcome = rules.reopen(
        done,
        FIRST,
        make_terms(clocks={"known": at(100)}),
        by="li.na",
        now=at(100),
        reason=f" {REASON} ",
        condition="yes",
        to=("sun.jie",),
    )
    report = outcome.record
    assert (report.state, report.issue, report.deadline_at, report.since_at) == (State.DUE, 2, at(130), at(100))
    assert (report.last_filed_at, report.filed_at, report.missing) == (None, None, ("属地证监局",))
    assert (report.level, report.round, report.asked_at, report.prompted_at) == (0, 0, at(100), at(100))
    assert len(report.filings) == 1, "what was filed stays"
    assert timer(outcome) == 115
    assert outcome.event.verb == "reopened"
    assert outcome.event.details == {
        "by": "li.na",
        "reason": REASON,
        "deadline_at": at(130).isoformat(),
        "row": "general",
        "provisional": False,
    }
    assert [(notice.kind, notice.to) for notice in outcome.notices] == [("report.opened", ("sun.jie",))]
    assert filed(report, when=101, terms=make_terms(clocks={"known": at(100)})).record.state is State.FILED


def test_what_turns_out_to_apply_is_asked_for_again() -> None:
    waived = rules.not_required(opened().record, AGREED, now=at(3)).record
    report = rules.reopen(waived, FIRST, make_terms(), by="li.na", now=at(40), reason=REASON, condition="yes").record
    assert (report.state, report.deadline_at, report.issue) == (State.DUE, at(30), 1), "late, and that is the truth"
    assert (report.waiver, report.waiver_by, report.waiver_reason, report.waived_by) == (None, None, "", None)
    doubted = rules.reopen(waived, FIRST, make_terms(csrc_grade=EventGrade.MAJOR), by="li.na", now=at(40), reason=REASON, condition="open")
    assert (doubted.record.state, doubted.record.deadline_at) == (State.TO_DECIDE, at(30))


def test_a_series_begins_anew() -> None:
    second = filed(opened(PROGRESS).record, PROGRESS, when=43).record
    ended = rules.finish(second, PROGRESS, recovered(60), now=at(60))
    assert ended is not None
    again = rules.reopen(
        ended.record, PROGRESS, make_terms(clocks={"known": at(200)}), by="li.na", now=at(200), reason=REASON, condition="yes"
    ).record
    assert (again.issue, again.deadline_at, again.last_filed_at) == (2, at(260), None)


def test_a_summary_waits_for_the_next_recovery() -> None:
    unknown = make_terms(clocks={"recovered": at(10)}, calendar=Calendar())
    done = filed(opened(SUMMARY, terms=unknown, now=at(10)).record, SUMMARY, when=60, terms=unknown).record
    assert done.provisional
    outcome = rules.reopen(done, SUMMARY, make_terms(), by="li.na", now=at(70), reason=REASON, condition="yes")
    assert (outcome.record.state, outcome.record.deadline_at, outcome.record.since_at) == (State.DUE, None, None)
    assert (outcome.record.provisional, outcome.record.row, timer(outcome)) == (False, "", None)


def test_reopening_needs_a_reason_and_an_end() -> None:
    done = filed(opened().record, when=5).record
    again: Callable[..., object] = lambda report, reason, condition="yes": rules.reopen(  # noqa: E731
        report, FIRST, make_terms(), by="li.na", now=at(9), reason=reason, condition=condition
    )
    assert refused(lambda: again(done, "再报")) == "agreement.reason"
    assert refused(lambda: again(opened().record, REASON)) == "house.move"
    with pytest.raises(ValueError, match="not asked for"):
        again(done, REASON, "no")


# reminding


def test_the_ladder_from_card_to_phone_list() -> None:
    outcome, moment, heard = opened(EXCHANGES), 0.0, []
    while moment < 40:
        due = timer(outcome)
        assert due is not None
        moment = due
        outcome = reminded(outcome.record, moment)
        heard.append((moment, outcome.event.verb, [(notice.kind, notice.to) for notice in outcome.notices]))
        assert {notice.urgency for notice in outcome.notices} == {"clock"}
        assert {notice.hold for notice in outcome.notices} == {timedelta()}
        assert outcome.event.details["missed"] == 0
    doer = ("wang.qiang",)
    everyone = (*doer, "zhao.min", "ma.chao", "li.na", "zhou.heng", "lin.yue")
    all_of_it = [("report.reminder", everyone), ("report.phones", ("control",))]
    assert heard == [
        (15, "reminded", [("report.reminder", doer)]),
        (20, "reminded", [("report.reminder", doer)]),
        (22, "escalated", [("report.reminder", ("zhao.min", "ma.chao"))]),  # who heard it two minutes ago is not told again
        (24, "escalated", [("report.reminder", ("li.na", "zhou.heng", "lin.yue"))]),
        (27, "escalated", [("report.phones", ("control",))]),
        (30, "reminded", all_of_it),
        (35, "reminded", all_of_it),
        (40, "reminded", all_of_it),
    ]
    assert outcome.record.round == 8


def test_a_reminder_says_what_comes_next() -> None:
    outcome = reminded(opened(EXCHANGES).record, 15.5)
    assert outcome.notices == (
        Notice(
            "report.reminder",
            ("wang.qiang",),
            {
                "said": True,
                "level": 0,
                "round": 1,
                "missed": 0,
                "to": ["wang.qiang"],
                "late": False,
                "deadline_at": at(30).isoformat(),
                "row": "general",
                "provisional": False,
                "next_at": at(20).isoformat(),
            },
            "clock",
        ),
    )
    assert outcome.event.details == outcome.notices[0].values
    assert outcome.record.prompted_at == at(15.5)


def test_after_an_outage_one_word_says_how_many_were_missed() -> None:
    outcome = reminded(opened(EXCHANGES).record, 46)
    assert (outcome.event.details["missed"], outcome.event.details["level"], outcome.record.round) == (8, 3, 1)
    assert outcome.event.details["late"] is True
    assert timer(outcome) == 50
    assert len(outcome.notices) == 2


def test_an_empty_rung_is_skipped_and_said() -> None:
    outcome = reminded(opened(EXCHANGES, group="fund").record, 15)
    assert [(notice.kind, notice.to, notice.values.get("rung")) for notice in outcome.notices] == [
        ("report.empty_rung", ("control",), "group.duty"),
        ("report.empty_rung", ("control",), "group"),
        ("report.reminder", ("li.na", "zhou.heng", "lin.yue"), None),
    ]
    assert (outcome.record.level, outcome.event.verb) == (2, "escalated")
    again = reminded(outcome.record, 20)
    assert (again.record.level, [notice.kind for notice in again.notices]) == (2, ["report.reminder"]), "it never falls back"


def test_with_nobody_left_the_control_group_hears_it() -> None:
    nobody = replace(ORGANIZATION, groups={})
    outcome = rules.remind(opened().record, now=at(15), organization=nobody, commander=None)
    assert [notice.kind for notice in outcome.notices] == ["report.empty_rung"] * 3 + ["report.phones"]
    assert outcome.record.level == 3


def test_a_timer_that_comes_too_early_says_nothing_and_stays() -> None:
    report = opened().record
    outcome = reminded(report, 14)
    assert outcome == Outcome(report, outcome.event, (Timer("clock", at(15)),))
    assert (outcome.event.verb, outcome.event.details) == ("reminded", {"said": False})
    for moment in (15, 16):
        again = reminded(reminded(report, 15).record, moment)
        assert (again.notices, again.event.details, again.timers) == ((), {"said": False}, (Timer("clock", at(20)),))
    waiting = opened(SUMMARY).record
    assert reminded(waiting, 14).record == waiting
    assert reminded(waiting, 14).timers == (Timer("clock", None),)


def test_what_is_settled_is_not_reminded_of() -> None:
    assert refused(lambda: reminded(filed(opened().record, when=5).record, 15)) == "house.move"


@pytest.mark.parametrize(("level", "since", "few"), [(3, 1, True), (1, 1, False), (3, None, False)], ids=["again", "climbs", "unheard"])
def test_past_the_deadline_only_what_is_the_same_again_is_for_few(level: int, since: int | None, few: bool) -> None:
    late = replace(opened(EXCHANGES).record, level=level, round=5, since_all=since, prompted_at=at(35))
    ladder = replace(CLOCK_LADDER, repeat_ladder=minutes(30))
    outcome = rules.remind(late, now=at(40), organization=ORGANIZATION, commander="li.na", ladder=ladder)
    word, phones = outcome.notices
    assert (word.to == ("wang.qiang",), word.values.get("all_at")) == (few, at(60).isoformat() if few else None)
    assert (phones.kind, phones.to, phones.values["people"]) == ("report.phones", ("control",), ["li.na"])
    assert outcome.record.since_all == (2 if few else 0)


def test_of_what_is_to_be_decided_only_the_most_urgent_speaks() -> None:
    report = opened(EXCHANGES, condition="open").record
    loud = rules.remind(report, now=at(22), organization=ORGANIZATION, commander="li.na")
    silent = reminded(report, 22, leads=False)
    assert [notice.kind for notice in loud.notices] == ["report.ask"]
    assert silent.notices == ()
    assert (silent.event.details["said"], silent.event.details["to"]) == (False, [])
    assert (silent.record.level, silent.record.round, silent.record.prompted_at) == (1, 0, at(22)), "it climbs in silence"
    assert (loud.record.level, loud.record.round) == (1, 1)
    assert silent.timers == loud.timers
    due = reminded(opened(EXCHANGES).record, 22, leads=False)
    assert [notice.kind for notice in due.notices] == ["report.reminder"], "what is due is never silent"


# asked by fact

KNOWN = Known(
    facts={},
    csrc_grade=None,
    cac_grade=None,
    opinion_level=OpinionLevel.MODERATE,
    provisional=True,
    subtype=None,
    subtypes=(),
    clocks=frozenset({"known"}),
    firm={"cii": False},
)


def test_the_card_asks_by_fact_and_one_report_leads() -> None:
    duties = {one.id: one for one in (FIRST, EXCHANGES, CAC, CAC_SUMMARY, PROGRESS)}
    reports = [
        replace(opened(obligation, condition="open").record, ref=f"R{number}")
        for number, obligation in enumerate((PROGRESS, FIRST, EXCHANGES, CAC, CAC_SUMMARY), 1)
    ]
    due = replace(opened(EXCHANGES).record, ref="R6")
    asked = rules.to_decide([*reports, due], duties, KNOWN)
    assert asked == (
        Question("affects_trading", ("R3",), at(30)),
        Question("csrc_grade", ("R2", "R1"), at(30)),
        Question("cac_grade", ("R4", "R5"), at(240)),
    )
    assert [report.ref for report in reports if rules.leads(report, asked)] == ["R3"]
    assert rules.leads(due, asked)
    assert rules.leads(reports[0], ())


def test_what_is_no_and_waits_for_its_second_person_speaks_for_itself() -> None:
    duties = {one.id: one for one in (FIRST, EXCHANGES)}
    reports = [replace(opened(duty, condition="open").record, ref=f"R{number}") for number, duty in enumerate((FIRST, EXCHANGES), 1)]
    asked = rules.to_decide(reports, duties, replace(KNOWN, csrc_grade=EventGrade.UNCONFIRMED))
    assert asked == (Question("affects_trading", ("R2",), at(30)),)
    assert [rules.leads(report, asked) for report in reports] == [True, True]


# the table of moves


def test_nothing_can_silence_it() -> None:
    for state in rules.RUNNING:
        assert not {"claim", "ack", "snooze", "cancel", "block"} & set(MACHINE.verbs(state))
    assert set(MACHINE.verbs(State.FILED)) == {"reopen", "doubt", "issue", "note"}
    assert set(MACHINE.verbs(State.NOT_REQUIRED)) == {"reopen", "doubt", "issue", "note"}


def test_the_states_have_the_codes_that_others_rely_on() -> None:
    assert [str(state) for state in State] == ["to_decide", "due", "drafted", "signed", "filed", "not_required"]


def test_a_paper_stops_no_clock_and_holds_no_word_that_was_told() -> None:
    for state in (State.DRAFTED, State.SIGNED):
        paper = replace(opened().record, state=state)
        assert paper.open
        assert rules.next_word(paper) is not None
        assert MACHINE.after(state, "file") is State.FILED
    assert MACHINE.start is State.TO_DECIDE


def test_the_ways_out_are_filing_and_two_people() -> None:
    out = {verb for (state, verb), after in MACHINE.moves.items() if state in rules.RUNNING and after in rules.SETTLED}
    assert out == {"file", "end", "not_required", "lapse"}
