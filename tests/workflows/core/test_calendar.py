"""The calendar as data: what holds where a plan says nothing, and the important periods of a day."""

from datetime import date, time

import pytest

from workflows.core.calendar import Calendar, Important

SEASON = Important("业绩披露", "", date(2026, 4, 1), date(2026, 4, 30), "results", 0.8, 3)
WEEKEND = Important("切换", "", date(2026, 4, 11), date(2026, 4, 12), "cutover", 0.5, 2)
CALENDAR = Calendar(important=(SEASON, WEEKEND))


@pytest.mark.parametrize(
    ("day", "periods", "factor", "duty"),
    [
        (date(2026, 3, 31), (), 1.0, 1),
        (date(2026, 4, 1), (SEASON,), 0.8, 3),
        (date(2026, 4, 11), (SEASON, WEEKEND), 0.5, 3),
        (date(2026, 4, 12), (SEASON, WEEKEND), 0.5, 3),
        (date(2026, 4, 30), (SEASON,), 0.8, 3),
        (date(2026, 5, 1), (), 1.0, 1),
    ],
)
def test_of_the_periods_of_a_day_the_strictest_counts(day: date, periods: tuple[Important, ...], factor: float, duty: int) -> None:
    assert CALENDAR.important_at(day) == periods
    assert (CALENDAR.factor_at(day), CALENDAR.duty_at(day)) == (factor, duty)


def test_a_period_that_says_no_more_halves_the_waits_and_doubles_the_duty() -> None:
    plain = Important("切换", "", date(2026, 4, 11), date(2026, 4, 11), "cutover")
    calendar = Calendar(important=(plain,))
    assert (calendar.factor_at(plain.first), calendar.duty_at(plain.first)) == (0.5, 2)


def test_a_calendar_that_says_nothing_knows_the_usual_hours_of_business_and_no_session() -> None:
    plain = Calendar()
    assert plain.business_ends == time(17)
    assert plain.service == ((time(9), time(11, 30)), (time(13), time(17)))
    assert (dict(plain.years), plain.sessions, plain.important, plain.fingerprint) == ({}, (), (), "")
