"""When a duty falls due: the clock, the grade's row, days of the calendar, rounds."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.obligation_sample import (
    CAC,
    CAC_SUMMARY,
    CALENDAR,
    FIRST,
    PROGRESS,
    PUBLIC,
    SHANGHAI,
    SUMMARY,
    make_obligation,
    make_terms,
)
from workflows.core.calendar import Year
from workflows.core.deadlines import Deadline, Terms, deadline
from workflows.core.obligation import CalendarKind, Obligation
from workflows.core.rubric import EventGrade, OpinionLevel


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def minutes_and_row(found: Deadline | None) -> tuple[float, str] | None:
    return ((found.at - START) / timedelta(minutes=1), found.row) if found else None


# the row


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        (None, (30, "general")),
        (EventGrade.UNCONFIRMED, (30, "general")),
        (EventGrade.GENERAL, (30, "general")),
        (EventGrade.LARGER, (15, "larger")),
        (EventGrade.MAJOR, (10, "major")),
        (EventGrade.EXTREME, (5, "extreme")),
    ],
)
def test_the_row_is_that_of_the_csrc_grade(grade: EventGrade | None, expected: tuple[float, str]) -> None:
    assert minutes_and_row(deadline(FIRST, make_terms(csrc_grade=grade))) == expected


@pytest.mark.parametrize("grade", [None, *EventGrade])
def test_while_its_condition_is_open_the_lowest_row_runs(grade: EventGrade | None) -> None:
    assert minutes_and_row(deadline(FIRST, make_terms(csrc_grade=grade), decided=False)) == (30, "general")


def test_the_lowest_row_is_the_lowest_that_there_is() -> None:
    heavy = make_obligation(within={"extreme": timedelta(minutes=5), "larger": timedelta(minutes=15)})
    assert minutes_and_row(deadline(heavy, make_terms())) == (15, "larger")
    assert minutes_and_row(deadline(heavy, make_terms(csrc_grade=EventGrade.EXTREME), decided=False)) == (15, "larger")


def test_a_grade_without_a_row_is_not_asked_for() -> None:
    heavy = make_obligation(within={"larger": timedelta(minutes=15)})
    assert deadline(heavy, make_terms(csrc_grade=EventGrade.GENERAL)) is None
    assert deadline(heavy, make_terms(csrc_grade=EventGrade.UNCONFIRMED)) is None
    assert deadline(make_obligation(within={}), make_terms()) is None


@pytest.mark.parametrize("grade", [None, EventGrade.UNCONFIRMED, EventGrade.EXTREME])
@pytest.mark.parametrize("decided", [True, False])
def test_one_row_for_any_grade(grade: EventGrade | None, decided: bool) -> None:
    assert minutes_and_row(deadline(CAC, make_terms(csrc_grade=grade), decided=decided)) == (240, "any")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (OpinionLevel.MILD, None),
        (OpinionLevel.MODERATE, (240, "moderate")),
        (OpinionLevel.SEVERE, (120, "severe")),
        (OpinionLevel.EXTREME, (60, "extreme")),
    ],
)
def test_the_row_may_be_that_of_the_opinion_level(level: OpinionLevel, expected: tuple[float, str] | None) -> None:
    terms = make_terms(clocks={"graded": START}, opinion_level=level, csrc_grade=EventGrade.GENERAL)
    assert minutes_and_row(deadline(PUBLIC, terms)) == expected
    assert minutes_and_row(deadline(PUBLIC, terms, decided=False)) == (240, "moderate")


# the clock


def test_a_clock_that_has_not_started_makes_no_deadline() -> None:
    assert deadline(SUMMARY, make_terms()) is None
    assert deadline(CAC_SUMMARY, make_terms()) is None, "a clock that nobody has named"


def test_it_counts_from_its_own_clock() -> None:
    found = deadline(PUBLIC, make_terms(clocks={"known": START, "graded": at(7)}))
    assert found == Deadline(at(247), False, "moderate", at(7))


def test_hours_run_through_nights_and_holidays() -> None:
    eve = datetime(2026, 4, 4, 23, 50, tzinfo=SHANGHAI)
    found = deadline(CAC, make_terms(clocks={"known": eve}))
    assert found is not None
    assert (found.at, found.since) == (datetime(2026, 4, 4, 19, 50, tzinfo=UTC), datetime(2026, 4, 4, 15, 50, tzinfo=UTC))
    assert found.at.tzinfo is UTC
    assert found.since.tzinfo is UTC


@pytest.mark.parametrize(
    ("calendar", "due"),
    [
        ("continuous", datetime(2026, 3, 10, 18, 0, tzinfo=SHANGHAI)),
        ("trading", datetime(2026, 3, 11, 14, 0, tzinfo=SHANGHAI)),  # an hour on Tuesday, the morning's two, and one more
        ("service_hours", datetime(2026, 3, 11, 10, 0, tzinfo=SHANGHAI)),
    ],
)
def test_the_law_may_count_its_hours_in_open_time_only(calendar: CalendarKind, due: datetime) -> None:
    four = {"any": timedelta(hours=4)}
    once, again = make_obligation(calendar=calendar, within=four), make_obligation(calendar=calendar, within={}, every=four)
    assert [deadline(one, make_terms()) for one in (once, again)] == [Deadline(due.astimezone(UTC), False, "any", START)] * 2


# days


def test_working_days_end_with_the_business_day_there() -> None:
    # START is Tuesday 10 March 2026, 14:00 in Shanghai
    found = deadline(SUMMARY, make_terms(clocks={"recovered": START}))
    assert found == Deadline(datetime(2026, 3, 17, 9, 0, tzinfo=UTC), False, "any", START)


def test_the_first_day_is_the_one_on_the_wall() -> None:
    late = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)  # already Wednesday in Shanghai
    found = deadline(SUMMARY, make_terms(clocks={"recovered": late}))
    assert found is not None
    assert found.at == datetime(2026, 3, 18, 9, 0, tzinfo=UTC)


def test_calendar_days_roll_over() -> None:
    found = deadline(CAC_SUMMARY, make_terms(clocks={"ended": datetime(2026, 3, 6, 4, 0, tzinfo=UTC)}))
    assert found is not None
    assert (found.at, found.provisional) == (datetime(2026, 4, 7, 9, 0, tzinfo=UTC), False), "5 April a Sunday, 6 April a holiday"


def test_days_of_a_year_without_data_are_provisional() -> None:
    clocks = {"recovered": datetime(2026, 12, 30, 4, 0, tzinfo=UTC), "ended": datetime(2026, 12, 15, 4, 0, tzinfo=UTC)}
    working, calendar = deadline(SUMMARY, make_terms(clocks=clocks)), deadline(CAC_SUMMARY, make_terms(clocks=clocks))
    assert working is not None
    assert calendar is not None
    assert (working.at, working.provisional) == (datetime(2027, 1, 5, 9, 0, tzinfo=UTC), True)  # 31, 1, 2, 4, 5
    assert (calendar.at, calendar.provisional) == (datetime(2027, 1, 14, 9, 0, tzinfo=UTC), True)


def test_the_firm_says_when_business_ends() -> None:
    found = deadline(SUMMARY, make_terms(clocks={"recovered": START}, calendar=replace(CALENDAR, business_ends=time(18, 30))))
    assert found is not None
    assert found.at == datetime(2026, 3, 17, 10, 30, tzinfo=UTC)


def test_days_by_grade() -> None:
    graded = replace(SUMMARY, within_days={"general": 10, "major": 2})
    terms = make_terms(clocks={"recovered": START}, csrc_grade=EventGrade.MAJOR)
    found = deadline(graded, terms)
    assert found is not None
    assert (found.at, found.row) == (datetime(2026, 3, 12, 9, 0, tzinfo=UTC), "major")
    assert deadline(graded, replace(terms, csrc_grade=EventGrade.LARGER)) is None


# rounds


def test_rounds_count_from_the_clock_and_then_from_the_last_filing() -> None:
    assert deadline(PROGRESS, make_terms()) == Deadline(at(60), False, "general", START)
    assert deadline(PROGRESS, make_terms(), last_filed=at(43)) == Deadline(at(103), False, "general", at(43))
    assert deadline(PROGRESS, make_terms(csrc_grade=EventGrade.MAJOR), last_filed=at(43)) == Deadline(at(73), False, "major", at(43))
    assert minutes_and_row(deadline(PROGRESS, make_terms(csrc_grade=EventGrade.MAJOR), last_filed=at(43), decided=False)) == (
        103,
        "general",
    )


def test_a_first_report_may_have_its_own_row() -> None:
    both = replace(PROGRESS, within={"any": timedelta(minutes=20)})
    assert minutes_and_row(deadline(both, make_terms())) == (20, "any")
    assert minutes_and_row(deadline(both, make_terms(), last_filed=at(20))) == (80, "general")


def test_a_single_report_knows_no_rounds() -> None:
    assert deadline(FIRST, make_terms(), last_filed=at(43)) is None, "told once, and nothing of it is left to tell"


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (59, None),
        (60, (60, "general")),  # the round that fell due at that very moment is still asked for
        (61, (60, "general")),
    ],
)
def test_rounds_end_with_their_clock(until: float, expected: tuple[float, str] | None) -> None:
    terms = make_terms(clocks={"known": START, "recovered": at(until)})
    assert minutes_and_row(deadline(PROGRESS, terms)) == expected


def test_only_rounds_end_with_a_clock() -> None:
    terms = make_terms(clocks={"known": START, "recovered": at(1)})
    assert minutes_and_row(deadline(replace(FIRST, until="recovered"), terms)) == (30, "general")
    assert minutes_and_row(deadline(replace(PROGRESS, until=None), terms)) == (60, "general")
    assert minutes_and_row(deadline(replace(PROGRESS, until="ended"), terms)) == (60, "general")


# laws

GRADES = st.sampled_from([None, *EventGrade])
MINUTES = st.integers(1, 10_000).map(lambda n: timedelta(minutes=n))


@st.composite
def duties(draw: st.DrawFn) -> Obligation:
    """A higher grade is never slower, as the plan check asks."""
    spans = sorted(draw(st.lists(MINUTES, min_size=4, max_size=4)), reverse=True)
    rows = dict(zip(("general", "larger", "major", "extreme"), spans, strict=True))
    return draw(st.sampled_from([replace(FIRST, within=rows), replace(PROGRESS, every=rows), SUMMARY, CAC_SUMMARY]))


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.sampled_from([UTC, SHANGHAI]))  # noqa: DTZ001 - Hypothesis adds the zone
    clocks = {name: draw(moments) for name in ("known", "recovered", "ended")}
    return make_terms(clocks=clocks, csrc_grade=draw(GRADES))


@given(duties(), terms(), st.booleans())
def test_law_a_deadline_lies_after_its_clock_in_utc(duty: Obligation, given_: Terms, decided: bool) -> None:
    found = deadline(duty, given_, decided=decided)
    if found is not None:
        assert found.since == given_.clocks[duty.clock]
        assert found.at > found.since
        assert found.at.tzinfo is UTC


@given(duties(), terms())
def test_law_only_yes_tightens(duty: Obligation, given_: Terms) -> None:
    duty = replace(duty, until=None)
    undecided, decided = deadline(duty, given_, decided=False), deadline(duty, given_)
    assert undecided is not None
    assert decided is not None
    assert decided.at <= undecided.at


@given(duties(), terms())
def test_law_a_higher_grade_is_never_later(duty: Obligation, given_: Terms) -> None:
    duty = replace(duty, until=None)
    found = [deadline(duty, replace(given_, csrc_grade=grade)) for grade in (None, *EventGrade)]
    moments = [one.at for one in found if one]
    assert moments == sorted(moments, reverse=True)
    assert len(moments) == len(found)


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(1, 30))
def test_law_a_table_that_arrives_only_makes_it_later_and_sure(day: date, count: int) -> None:
    duty = replace(SUMMARY, within_days={"any": count})
    clocks = {"recovered": datetime.combine(day, time(12), UTC)}
    table = Year(frozenset({date(2027, 1, 1), date(2027, 2, 8)}), frozenset({date(2027, 2, 6)}), frozenset())
    blind = deadline(duty, make_terms(clocks=clocks))
    seeing = deadline(duty, make_terms(clocks=clocks, calendar=replace(CALENDAR, years={**CALENDAR.years, 2027: table, 2028: table})))
    assert blind is not None
    assert seeing is not None
    assert blind.at <= seeing.at
    assert not seeing.provisional
    assert blind.at == seeing.at or blind.provisional
