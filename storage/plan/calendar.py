"""`calendar.toml`: holidays, make-up working days, days without trading, sessions, service hours, important periods; a table each year."""

import re
from datetime import date, time, timedelta

from storage.plan.table import Source, Table
from workflows.core.calendar import SERVICE, Calendar, Important, Year

_YEAR = re.compile(r"20\d\d", re.ASCII)
#: The longest deadline in days that an incident may set today: its year must be known too.
AHEAD = timedelta(days=60)
#: From this month on the next year's notices are to be expected.
NOTICES = 10
KINDS = ("guard", "results", "cutover", "other")
_SATURDAY = 5


def read_calendar(root: Table) -> Calendar:
    business_ends, sessions = root.time("business_ends"), _periods(root, "sessions")
    service = _periods(root, "service") if root.has("service") else SERVICE
    important = tuple(found for table in root.tables("important") if (found := _important(table)))
    names = [name for name in root.names() if _YEAR.fullmatch(name)]
    years = {int(name): _year(table, int(name)) for name in names if (table := root.table(name))}
    root.close()
    return Calendar(years, sessions, business_ends, service, important)


def check_years(source: Source, calendar: Calendar, today: date) -> None:
    """Note the years that deadlines set today may reach and that the calendar does not have."""
    coming = today.year + 1 if today.month >= NOTICES else (today + AHEAD).year
    for year in dict.fromkeys((today.year, coming)):
        if year not in calendar.years:
            source.note("", "no_year", year=year)


def _periods(root: Table, name: str) -> tuple[tuple[time, time], ...]:
    found: list[tuple[time, time]] = []
    for table in root.tables(name, required=True):
        begins, ends = table.time("begins"), table.time("ends")
        table.close()
        if not table.source.faulty(table.path) and (begins >= ends or (found and begins < found[-1][1])):
            table.note("", "session_order")
        found.append((begins, ends))
    if not found and not root.source.faulty(name):
        root.note(name, "empty_list")
    return tuple(found)


def _important(table: Table) -> Important | None:
    name, name_en, kind = table.text("name"), table.text("name_en", ""), table.one_of("kind", "period", KINDS)
    days = _first_and_last(table)
    factor, duty = table.share("factor", default=0.5), table.whole("duty_factor", default=2)
    table.close()
    return Important(name, name_en, *days, kind, factor, duty) if days else None


def _first_and_last(table: Table) -> tuple[date, date] | None:
    first = table.day("from")
    last = table.day("to", first)
    if first is None or last is None:
        return None
    if last < first:
        table.note("to", "holiday_order", first=first, last=last)
        return None
    return first, last


class _Days:
    """The days of one year, each named once."""

    def __init__(self, year: int) -> None:
        self._year = year
        self._first: dict[date, str] = {}

    def take(self, table: Table, name: str, day: date) -> bool:
        if day.year != self._year:
            table.note(name, "other_year", day=day, year=day.year, here=self._year)
        elif day in self._first:
            table.note(name, "day_twice", day=day, first=self._first[day])
        else:
            self._first[day] = table.key(name)
            return True
        return False


def _year(table: Table, year: int) -> Year:
    sources, days = table.texts("sources"), _Days(year)
    if not sources and not table.source.faulty(table.key("sources")):
        table.note("sources", "empty_list")
    holidays: set[date] = set()
    workdays: set[date] = set()
    for one in table.tables("holidays", required=True):
        one.text("name")
        holidays |= _holiday(one, days)
        workdays |= _workdays(one, days)
        one.close()
    closures = _closures(table, days) | {day for day in holidays if day.weekday() < _SATURDAY}
    table.close()
    return Year(frozenset(holidays), frozenset(workdays), frozenset(closures), sources)


def _holiday(table: Table, days: _Days) -> set[date]:
    period = _first_and_last(table)
    if period is None:
        return set()
    first, last = period
    if last - first > AHEAD:  # a slip of the month or the year: its days are not told one by one
        table.note("to", "holiday_long", first=first, last=last)
        return set()
    every = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    return {day for day in every if not table.source.faulty(table.key("from")) and days.take(table, "from", day)}


def _workdays(table: Table, days: _Days) -> set[date]:
    found = set()
    for index, day in enumerate(table.days("workdays")):
        name = f"workdays[{index}]"
        if day.weekday() < _SATURDAY:
            table.note(name, "workday_weekday", day=day)
        elif days.take(table, name, day):
            found.add(day)
    return found


def _closures(table: Table, days: _Days) -> set[date]:
    found = set()
    for index, day in enumerate(table.days("closures")):
        name = f"closures[{index}]"
        if day.weekday() >= _SATURDAY:
            table.note(name, "closure_weekend", day=day)
        elif days.take(table, name, day):
            found.add(day)
    return found
