"""Open time of the firm's calendar: sessions with their midday break, service hours, worked days; and the laws."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.core.test_working_days import CALENDAR, SHANGHAI, calendars, days
from workflows.core.calendar import Calendar, Year
from workflows.core.hours import NAMES, Hours, HoursName

HOURS = Hours(CALENDAR, SHANGHAI)
PAUSING = NAMES[1:]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("name", "start", "span", "end"),
    [
        ("trading", "2026-11-20 11:20", 15, "2026-11-20 13:05"),  # over the midday break
        ("trading", "2026-11-20 11:20", 10, "2026-11-20 11:30"),  # used up at the break: that is the end, not 13:00
        ("trading", "2026-11-20 12:00", 1, "2026-11-20 13:01"),
        ("trading", "2026-11-20 14:50", 25, "2026-11-23 09:45"),  # over a weekend
        ("trading", "2026-09-30 14:50", 20, "2026-10-08 09:40"),  # over the National Day holiday
        ("trading", "2026-10-09 14:50", 20, "2026-10-12 09:40"),  # Saturday the 10th is worked, not traded
        ("trading", "2026-11-20 08:00", 240, "2026-11-20 15:00"),  # a whole day
        ("service_hours", "2026-10-09 16:50", 20, "2026-10-10 09:10"),  # a make-up Saturday has service hours
        ("service_hours", "2026-11-20 11:00", 60, "2026-11-20 13:30"),
        ("service_hours", "2026-11-20 22:00", 390, "2026-11-23 17:00"),
        ("workday", "2026-11-20 22:00", 180, "2026-11-23 01:00"),
        ("workday", "2026-11-20 22:00", 120, "2026-11-21 00:00"),
        ("workday", "2026-10-09 16:00", 1440, "2026-10-10 16:00"),
        ("workday", "2026-09-30 16:00", 1440, "2026-10-08 16:00"),
        ("always", "2026-09-30 23:50", 20, "2026-10-01 00:10"),  # never pauses, not at night and not on a holiday
        ("trading", "2026-11-21 10:00", 0, "2026-11-21 10:00"),
    ],
)
def test_add(name: HoursName, start: str, span: int, end: str) -> None:
    assert HOURS.add(name, at(start), minutes(span)) == (at(end), False)
    assert HOURS.add(name, at(start).astimezone(UTC), minutes(span))[0].tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "moment", "opens"),
    [
        ("trading", "2026-11-20 09:29:59", "2026-11-20 09:30"),
        ("trading", "2026-11-20 09:30", "2026-11-20 09:30"),
        ("trading", "2026-11-20 11:29:59", "2026-11-20 11:29:59"),
        ("trading", "2026-11-20 11:30", "2026-11-20 13:00"),
        ("trading", "2026-11-20 15:00", "2026-11-23 09:30"),
        ("trading", "2026-09-30 15:00", "2026-10-08 09:30"),
        ("service_hours", "2026-11-20 02:00", "2026-11-20 09:00"),
        ("service_hours", "2026-11-20 17:00", "2026-11-23 09:00"),
        ("service_hours", "2026-10-09 20:00", "2026-10-10 09:00"),
        ("workday", "2026-11-21 10:00", "2026-11-23 00:00"),
        ("workday", "2026-11-20 23:59", "2026-11-20 23:59"),
        ("always", "2026-11-21 02:00", "2026-11-21 02:00"),
    ],
)
def test_next_open(name: HoursName, moment: str, opens: str) -> None:
    assert HOURS.next_open(name, at(moment)) == (at(opens), False)
    assert HOURS.is_open(name, at(moment)) is (moment == opens or at(moment) == at(opens))


@pytest.mark.parametrize(
    ("start", "end", "count", "provisional"),
    [
        ("2026-11-20 11:20", "2026-11-20 13:05", 15, False),
        ("2026-11-20 09:00", "2026-11-20 16:00", 240, False),
        ("2026-09-30 14:50", "2026-10-10 12:00", 10 + 240 * 2, False),
        ("2026-12-31 14:59", "2027-01-01 09:31", 2, True),
        ("2026-12-31 14:59", "2027-01-01 09:30", 1, False),  # nothing of the unknown year counts
        ("2026-11-20 10:30", "2026-11-20 10:00", 0, False),
    ],
)
def test_between(start: str, end: str, count: int, provisional: bool) -> None:
    assert HOURS.between("trading", at(start), at(end)) == (minutes(count), provisional)


def test_always_counts_what_the_clock_counts() -> None:
    assert HOURS.between("always", at("2026-11-20 10:00"), at("2026-11-21 10:00")) == (timedelta(days=1), False)
    assert HOURS.between("always", at("2026-11-21 10:00"), at("2026-11-20 10:00")) == (timedelta(), False)


def test_a_year_without_data_is_told() -> None:
    assert HOURS.add("service_hours", at("2026-12-31 16:50"), minutes(20)) == (at("2027-01-01 09:10"), True)
    assert HOURS.next_open("trading", at("2027-01-02 10:00")) == (at("2027-01-04 09:30"), True)
    assert HOURS.next_open("service_hours", at("2027-01-02 10:00")) == (at("2027-01-02 10:00"), True)  # Saturday counts as worked
    assert HOURS.next_open("trading", at("2026-12-31 10:00")) == (at("2026-12-31 10:00"), False)


def test_a_closed_day_that_nobody_knows_is_told_with_the_next_opening() -> None:
    known = Hours(Calendar({2028: CALENDAR.years[2026]}, CALENDAR.sessions), SHANGHAI)
    friday = date(2027, 12, 31)  # 1 and 2 January 2028 are a weekend of a known year
    assert known.next_open("trading", datetime.combine(friday, time(16), SHANGHAI)) == (at("2028-01-03 09:30"), True)
    assert known.next_open("trading", at("2028-01-01 10:00")) == (at("2028-01-03 09:30"), False)


def test_a_calendar_that_never_opens_says_so() -> None:
    never = Hours(Calendar(service=()), SHANGHAI)
    with pytest.raises(ValueError, match=r"^the calendar has no trading$"):
        never.add("trading", at("2026-11-20 10:00"), minutes(1))
    with pytest.raises(ValueError, match=r"^the calendar has no service_hours$"):
        never.next_open("service_hours", at("2026-11-20 10:00"))


@pytest.mark.parametrize("moment", ["2025-12-31 20:00", "2026-01-01 10:00"], ids=["after a worked day", "on a closed day"])
def test_what_is_closed_for_four_hundred_days_never_opens(moment: str) -> None:
    def closed_for(count: int) -> Hours:
        off = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(count))
        everyday = frozenset(days("2025-01-01", "2027-12-31")) - off
        return Hours(Calendar({number: Year(off, everyday, frozenset()) for number in (2025, 2026, 2027)}), SHANGHAI)

    assert closed_for(399).next_open("service_hours", at(moment)) == (at("2027-02-04 09:00"), False)
    with pytest.raises(ValueError, match="no service_hours"):
        closed_for(400).next_open("service_hours", at(moment))


# laws

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(SHANGHAI))  # noqa: DTZ001 - Hypothesis adds the zone
SPANS = st.integers(1, 6000).map(minutes)
NAMED = st.sampled_from(NAMES)
ZONES = st.sampled_from([SHANGHAI, ZoneInfo("UTC"), ZoneInfo("America/New_York")])


def hours(calendar: Calendar, zone: ZoneInfo = SHANGHAI) -> Hours:
    return Hours(replace(calendar, sessions=CALENDAR.sessions), zone)


@given(calendars(), NAMED, MOMENTS, SPANS, ZONES)
def test_law_so_much_open_time_lies_before_the_end(
    calendar: Calendar, name: HoursName, start: datetime, span: timedelta, zone: ZoneInfo
) -> None:
    counted = hours(calendar, zone)
    end, provisional = counted.add(name, start, span)
    assert not provisional
    assert counted.between(name, start, end) == (span, False)
    assert counted.between(name, start, end - timedelta(microseconds=1))[0] < span  # and it is the first such moment


@given(calendars(), NAMED, MOMENTS, SPANS, SPANS)
def test_law_two_spans_are_one(calendar: Calendar, name: HoursName, start: datetime, first: timedelta, second: timedelta) -> None:
    counted = hours(calendar)
    assert counted.add(name, counted.add(name, start, first)[0], second) == counted.add(name, start, first + second)


@given(calendars(), st.sampled_from(PAUSING), MOMENTS)
def test_law_it_opens_at_the_first_open_moment(calendar: Calendar, name: HoursName, moment: datetime) -> None:
    counted = hours(calendar)
    opens, _ = counted.next_open(name, moment)
    assert opens >= moment
    assert counted.is_open(name, opens)
    assert counted.between(name, moment, opens) == (timedelta(), False)
    assert counted.next_open(name, opens) == (opens, False)


@given(calendars(), NAMED, MOMENTS, st.integers(0, 40_000))
def test_law_time_adds_up(calendar: Calendar, name: HoursName, start: datetime, span: int) -> None:
    counted, middle, end = hours(calendar), start + minutes(span / 3), start + minutes(span)
    whole, _ = counted.between(name, start, end)
    assert whole == counted.between(name, start, middle)[0] + counted.between(name, middle, end)[0]
    assert timedelta() <= whole <= end - start


@given(calendars(worked=(5,)), NAMED, MOMENTS, SPANS)
def test_law_what_is_provisional_is_never_late(calendar: Calendar, name: HoursName, start: datetime, span: timedelta) -> None:
    counted = hours(calendar)
    early, provisional = Hours(replace(counted.calendar, years={}), SHANGHAI).add(name, start, span)
    sure, _ = counted.add(name, start, span)
    assert early <= sure
    assert early == sure or provisional


@given(calendars(), MOMENTS, SPANS)
def test_law_hours_never_pause_unless_their_calendar_says_so(calendar: Calendar, start: datetime, span: timedelta) -> None:
    assert hours(calendar).add("always", start, span) == (start + span, False)
