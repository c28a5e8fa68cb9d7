"""Days of the firm's calendar: the vectors of the domain study, and the laws."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.calendar import Calendar, Year
from workflows.core.working_days import (
    add_calendar_days,
    add_working_days,
    day_ends,
    is_trading,
    is_working,
    local_day,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
SATURDAY, SUNDAY = 5, 6


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + DAY * n for n in range((end - start).days + 1)]


#: 2026 by the State Council's notice, typed from the notice's own wording.
YEAR_2026 = Year(
    holidays=frozenset(
        [
            *days("2026-01-01", "2026-01-03"),
            *days("2026-02-15", "2026-02-23"),
            *days("2026-04-04", "2026-04-06"),
            *days("2026-05-01", "2026-05-05"),
            *days("2026-06-19", "2026-06-21"),
            *days("2026-09-25", "2026-09-27"),
            *days("2026-10-01", "2026-10-07"),
        ]
    ),
    workdays=frozenset(map(date.fromisoformat, ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"))),
    closures=frozenset({date(2026, 12, 30)}),  # no such closure is announced: it stands for one
)
CALENDAR = Calendar({2026: YEAR_2026}, sessions=((time(9, 30), time(11, 30)), (time(13), time(15))))


def on(text: str) -> date:
    return date.fromisoformat(text)


# the five vectors of domain.md section 7


@pytest.mark.parametrize(
    ("start", "fifth"),
    [
        ("2026-02-11", "2026-02-25"),
        ("2026-02-13", "2026-02-27"),
        ("2026-09-17", "2026-09-23"),
        ("2026-09-30", "2026-10-13"),
        ("2026-11-21", "2026-11-27"),
    ],
)
def test_five_working_days(start: str, fifth: str) -> None:
    assert add_working_days(CALENDAR, on(start), 5) == (on(fifth), False)


# one day


@pytest.mark.parametrize(
    ("day", "working", "trading"),
    [
        ("2026-11-20", True, True),  # an ordinary Friday
        ("2026-11-21", False, False),
        ("2026-11-22", False, False),
        ("2026-10-01", False, False),  # a holiday on a Thursday
        ("2026-10-10", True, False),  # a worked Saturday is no trading day
        ("2026-09-20", True, False),  # a worked Sunday neither
        ("2026-12-30", True, False),  # closed, yet worked
    ],
)
def test_a_day_of_a_known_year(day: str, working: bool, trading: bool) -> None:
    assert is_working(CALENDAR, on(day)) == (working, True)
    assert is_trading(CALENDAR, on(day)) == (trading, True)


@pytest.mark.parametrize(
    ("day", "working", "trading"),
    [
        ("2027-01-01", True, True),  # surely a holiday, but nobody has said so yet
        ("2027-01-02", True, False),
        ("2027-01-03", False, False),
        ("2027-01-04", True, True),
    ],
)
def test_a_day_of_a_year_without_data_is_a_guess(day: str, working: bool, trading: bool) -> None:
    assert is_working(CALENDAR, on(day)) == (working, False)
    assert is_trading(CALENDAR, on(day)) == (trading, False)


# periods


def test_the_first_day_is_not_counted() -> None:
    assert add_working_days(CALENDAR, on("2026-11-23"), 1) == (on("2026-11-24"), False)
    assert add_calendar_days(CALENDAR, on("2026-11-23"), 1) == (on("2026-11-24"), False)


def test_working_days_into_a_year_without_data_are_provisional() -> None:
    # 17 18 21 22 23 24 25 28 29 30 31 December, then 1 2 (a Saturday) 4 5 January
    assert add_working_days(CALENDAR, on("2026-12-16"), 11) == (on("2026-12-31"), False)
    assert add_working_days(CALENDAR, on("2026-12-16"), 15) == (on("2027-01-05"), True)


def test_a_sure_last_day_after_an_unsure_one_stays_provisional() -> None:
    gap = Calendar({2025: Year(frozenset(), frozenset(), frozenset()), 2027: Year(frozenset(), frozenset(), frozenset())})
    assert add_working_days(gap, on("2026-12-30"), 2) == (on("2027-01-01"), True)
    assert add_calendar_days(gap, on("2026-12-30"), 2) == (on("2027-01-01"), False)


@pytest.mark.parametrize(
    ("start", "count", "last"),
    [
        ("2026-11-20", 30, "2026-12-21"),  # the 30th day is a Sunday
        ("2026-11-21", 30, "2026-12-21"),  # a Monday: no rolling
        ("2026-09-01", 30, "2026-10-08"),  # into the National Day holiday, out at its end
        ("2026-09-10", 30, "2026-10-10"),  # a worked Saturday is a day like others
        ("2026-09-10", 10, "2026-09-20"),  # so is a worked Sunday
    ],
)
def test_calendar_days_roll_over_days_off(start: str, count: int, last: str) -> None:
    assert add_calendar_days(CALENDAR, on(start), count) == (on(last), False)


def test_calendar_days_do_not_roll_where_nobody_knows() -> None:
    assert add_calendar_days(CALENDAR, on("2026-12-04"), 30) == (on("2027-01-03"), True)  # a Sunday that may be worked


def test_rolling_over_the_new_year_stops_where_knowledge_ends() -> None:
    eve_off = Calendar({2026: replace(YEAR_2026, holidays=YEAR_2026.holidays | {on("2026-12-31")})})
    assert add_calendar_days(eve_off, on("2026-12-21"), 10) == (on("2027-01-01"), True)


@pytest.mark.parametrize("count", [0, -1])
def test_a_period_has_a_day(count: int) -> None:
    refusal = f"^a period of {count} days: the first day is not counted, so the shortest is 1$"
    with pytest.raises(ValueError, match=refusal):
        add_working_days(CALENDAR, on("2026-11-23"), count)
    with pytest.raises(ValueError, match=refusal):
        add_calendar_days(CALENDAR, on("2026-11-23"), count)


# from instants to days and back


def test_the_day_is_the_one_on_the_wall() -> None:
    assert local_day(datetime(2026, 11, 20, 15, 59, tzinfo=UTC), SHANGHAI) == on("2026-11-20")
    assert local_day(datetime(2026, 11, 20, 16, 0, tzinfo=UTC), SHANGHAI) == on("2026-11-21")


def test_a_period_ends_with_the_business_day() -> None:
    end = day_ends(CALENDAR, on("2026-11-27"), SHANGHAI)
    assert end == datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
    assert end.tzinfo is UTC
    assert day_ends(replace(CALENDAR, business_ends=time(15, 30)), on("2026-11-27"), SHANGHAI) == datetime(2026, 11, 27, 7, 30, tzinfo=UTC)


def test_a_moment_without_offset_is_refused() -> None:
    naive = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="naive"):
        local_day(naive, SHANGHAI)


# laws

DATES = st.dates(date(2025, 11, 1), date(2027, 2, 28))
COUNTS = st.integers(1, 40)


@st.composite
def calendars(draw: st.DrawFn, *, worked: tuple[int, ...] = (SATURDAY, SUNDAY)) -> Calendar:
    """All years around are known; `worked`: the weekend days that may be made up on."""
    known = days("2025-01-01", "2028-12-31")
    off = draw(st.frozensets(st.sampled_from(known), max_size=60))
    weekends = [day for day in known if day.weekday() in worked]
    made_up = draw(st.frozensets(st.sampled_from(weekends), max_size=40)) - off
    return Calendar(
        {
            number: Year(
                frozenset(day for day in off if day.year == number), frozenset(day for day in made_up if day.year == number), frozenset()
            )
            for number in (2025, 2026, 2027, 2028)
        }
    )


@given(calendars(), DATES, COUNTS)
def test_law_the_last_day_is_worked_and_so_many_days_lie_before_it(calendar: Calendar, start: date, count: int) -> None:
    last, provisional = add_working_days(calendar, start, count)
    assert not provisional
    assert sum(is_working(calendar, start + DAY * n)[0] for n in range(1, (last - start).days + 1)) == count
    assert is_working(calendar, last)[0]


@given(calendars(), DATES, COUNTS)
def test_law_more_days_are_later(calendar: Calendar, start: date, count: int) -> None:
    assert add_working_days(calendar, start, count)[0] < add_working_days(calendar, start, count + 1)[0]
    assert add_calendar_days(calendar, start, count)[0] <= add_calendar_days(calendar, start, count + 1)[0]


@given(calendars(), DATES, COUNTS)
def test_law_made_up_days_only_bring_it_nearer(calendar: Calendar, start: date, count: int) -> None:
    without = replace(calendar, years={number: replace(year, workdays=frozenset()) for number, year in calendar.years.items()})
    assert add_working_days(calendar, start, count)[0] <= add_working_days(without, start, count)[0]
    assert add_calendar_days(calendar, start, count)[0] <= add_calendar_days(without, start, count)[0]


@given(calendars(), DATES, COUNTS)
def test_law_calendar_days_end_on_the_first_worked_day(calendar: Calendar, start: date, count: int) -> None:
    last, _ = add_calendar_days(calendar, start, count)
    assert is_working(calendar, last)[0]
    assert not any(is_working(calendar, day)[0] for day in days(str(start + DAY * count), str(last))[:-1])


@given(calendars(worked=(SATURDAY,)), DATES, COUNTS, st.frozensets(st.sampled_from([2025, 2026, 2027, 2028])))
def test_law_what_is_provisional_is_never_late(calendar: Calendar, start: date, count: int, unknown: frozenset[int]) -> None:
    less = replace(calendar, years={number: year for number, year in calendar.years.items() if number not in unknown})
    early, provisional = add_working_days(less, start, count)
    sure, _ = add_working_days(calendar, start, count)
    assert early <= sure
    assert early == sure or provisional


@given(calendars(), DATES, COUNTS, st.frozensets(st.sampled_from([2025, 2026, 2027, 2028])))
def test_law_what_is_provisional_in_calendar_days_is_never_late(
    calendar: Calendar, start: date, count: int, unknown: frozenset[int]
) -> None:
    less = replace(calendar, years={number: year for number, year in calendar.years.items() if number not in unknown})
    early, provisional = add_calendar_days(less, start, count)
    sure, _ = add_calendar_days(calendar, start, count)
    assert early <= sure
    assert early == sure or provisional


def test_limit_a_worked_sunday_in_a_year_without_data_is_missed() -> None:
    """Monday to Saturday is the house's rule for such a year. It is early nearly always, but not where a Sunday is made up on
    right after the start: from Saturday 19 September 2026, five working days end on Thursday, and counted blindly on Friday."""
    assert add_working_days(CALENDAR, on("2026-09-19"), 5) == (on("2026-09-24"), False)
    assert add_working_days(Calendar(), on("2026-09-19"), 5) == (on("2026-09-25"), True)
