"""Counting in days of the firm's calendar: working days and calendar days (Civil Code Art. 200 to 204). Hours: `hours`.

The first day is not counted. In a year without data Monday to Saturday count as working days and Monday to Friday as trading
days: a deadline may then come early, and what was worked out that way is provisional (暂定).
"""

from datetime import date, datetime, timedelta, tzinfo

from workflows.core.calendar import Calendar
from workflows.core.instants import utc

_DAY = timedelta(days=1)
_SATURDAY, _SUNDAY = 5, 6


def is_working(calendar: Calendar, day: date) -> tuple[bool, bool]:
    """Whether `day` is worked, and whether the calendar knows that."""
    year = calendar.years.get(day.year)
    if year is None:
        return day.weekday() < _SUNDAY, False
    return day in year.workdays or (day.weekday() < _SATURDAY and day not in year.holidays), True


def is_trading(calendar: Calendar, day: date) -> tuple[bool, bool]:
    """Whether the exchanges trade on `day`, and whether the calendar knows that. A worked weekend day is no trading day."""
    year = calendar.years.get(day.year)
    weekday = day.weekday() < _SATURDAY
    if year is None:
        return weekday, False
    return weekday and day not in year.holidays and day not in year.closures, True


def trading_days(calendar: Calendar, after: date, last: date) -> int:
    """How many trading days lie after `after` and not after `last`: what `is_trading` says, without asking for every single day."""
    off = (day for number, year in calendar.years.items() if after.year <= number <= last.year for day in year.holidays | year.closures)
    closed = sum(1 for day in off if after < day <= last and day.weekday() < _SATURDAY)
    return _weekdays(last) - _weekdays(after) - closed


def _weekdays(day: date) -> int:
    """Mondays to Fridays from the first day of the calendar (a Monday) to this one."""
    weeks, rest = divmod(day.toordinal(), 7)
    return weeks * 5 + min(rest, 5)


def add_working_days(calendar: Calendar, start: date, count: int) -> tuple[date, bool]:
    """The `count`th working day after `start`, and whether that is provisional."""
    day, provisional, left = start, False, _counted(count)
    while left:
        day += _DAY
        working, sure = is_working(calendar, day)
        provisional |= not sure
        left -= working
    return day, provisional


def add_calendar_days(calendar: Calendar, start: date, count: int) -> tuple[date, bool]:
    """`count` days after `start`, and on to the next working day when the last day is off (Art. 203); and whether that is provisional.

    Only a day known to be off is passed over: in a year without data the last day stays where it falls, which is never late.
    """
    day = start + _DAY * _counted(count)
    while is_working(calendar, day) == (False, True):
        day += _DAY
    return day, not is_working(calendar, day)[1]


def _counted(count: int) -> int:
    if count < 1:
        raise ValueError(f"a period of {count} days: the first day is not counted, so the shortest is 1")
    return count


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The day that people read on the wall at `moment`."""
    return utc(moment).astimezone(zone).date()


def day_ends(calendar: Calendar, day: date, zone: tzinfo) -> datetime:
    """The instant at which a period ends whose last day is `day`: the close of business (Art. 203)."""
    return utc(datetime.combine(day, calendar.business_ends, zone))
