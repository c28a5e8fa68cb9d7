"""Counting in open time of the firm's calendar: trading sessions, service hours, worked days, or simply always.

Instants in, instants out (UTC); which local days and times of day are open is read in the firm's zone. In a year without data
Monday to Saturday are worked and Monday to Friday traded: an end may then come early, never late, and is provisional (暂定).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, TypeAlias, get_args

from workflows.core.calendar import Calendar
from workflows.core.instants import utc
from workflows.core.working_days import is_trading, is_working, local_day

#: What a timer may count in. `always` never pauses; `workday` is the whole of a worked day, `service_hours` its service periods.
HoursName: TypeAlias = Literal["always", "workday", "trading", "service_hours"]
NAMES: tuple[HoursName, ...] = get_args(HoursName)

_DAY = timedelta(days=1)
#: Longer than any stretch of closed days: a calendar that does not open within it never does.
_GIVES_UP = 400

Window: TypeAlias = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """A calendar read in one zone. Every answer comes with whether a year without data was read for it."""

    calendar: Calendar
    zone: tzinfo

    def add(self, name: HoursName, start: datetime, span: timedelta) -> tuple[datetime, bool]:
        """The moment at which `span` of open time has gone by; at the end of a period it is that end, not the next beginning."""
        at, left, guessed = utc(start), span, False
        if name == "always":
            return at + span, False
        if span <= timedelta():
            return at, False
        for (begins, ends), sure in self._windows(name, at):
            guessed |= not sure
            here = max(begins, at)
            if left <= ends - here:
                return here + left, guessed
            left -= max(timedelta(), ends - here)
        raise ValueError(f"the calendar has no {name}")

    def next_open(self, name: HoursName, at: datetime) -> tuple[datetime, bool]:
        """`at` itself when it is open, else the next beginning."""
        moment = utc(at)
        if name == "always":
            return moment, False
        guessed = False
        for (begins, ends), sure in self._windows(name, moment):
            guessed |= not sure
            if moment < ends:
                return max(begins, moment), guessed
        raise ValueError(f"the calendar has no {name}")

    def is_open(self, name: HoursName, at: datetime) -> bool:
        """A period ends just before its last minute is full."""
        return self.next_open(name, at)[0] == utc(at)

    def between(self, name: HoursName, start: datetime, end: datetime) -> tuple[timedelta, bool]:
        """How much open time lies between two moments."""
        first, last = utc(start), utc(end)
        if name == "always":
            return max(timedelta(), last - first), False
        total, guessed = timedelta(), False
        for day in _days(local_day(first, self.zone), local_day(last, self.zone)):
            windows, sure = self._of_day(name, day)
            spent = sum((max(timedelta(), min(b, last) - max(a, first)) for a, b in windows), timedelta())
            total += spent
            guessed |= bool(spent) and not sure
        return total, guessed

    def _windows(self, name: HoursName, start: datetime) -> Iterator[tuple[Window, bool]]:
        """From the day of `start` on; a day that is closed because nobody knows its year tells that with the next window."""
        day, closed, sure = local_day(start, self.zone), 0, True
        while closed < _GIVES_UP:
            windows, known = self._of_day(name, day)
            sure &= known
            for window in windows:
                yield window, sure
            closed, sure = (0, True) if windows else (closed + 1, sure)
            day += _DAY

    def _of_day(self, name: HoursName, day: date) -> tuple[tuple[Window, ...], bool]:
        open_, sure = (is_trading if name == "trading" else is_working)(self.calendar, day)
        if not open_:
            return (), sure
        if name == "workday":
            return ((self._instant(day, time()), self._instant(day + _DAY, time())),), sure
        periods = self.calendar.sessions if name == "trading" else self.calendar.service
        return tuple((self._instant(day, begins), self._instant(day, ends)) for begins, ends in periods), sure

    def _instant(self, day: date, at: time) -> datetime:
        return utc(datetime.combine(day, at, self.zone))


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY
