"""Who relieves whom (值班表): one shift of a group's rota as data, and whose turn it is on a day and at a moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

from workflows.core.calendar import Calendar
from workflows.core.instants import utc
from workflows.core.working_days import trading_days

Turning = Literal["weekly", "daily", "trading_day"]
TURNINGS: tuple[Turning, ...] = get_args(Turning)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """`people` take turns in this order, the first of them from `start` on: each week, each day, or each day on which the exchanges trade
    (the last one then stays over the days without trading).

    `handover`: the local time at which a turn begins · `until`: when the shift ends on each of its days; None: it lasts to the next
    handover · `name`: what the firm calls it (夜班).
    """

    kind: Turning
    people: tuple[str, ...]
    start: date
    handover: time = time(9)
    until: time | None = None
    name: str = ""

    def turn(self, day: date, calendar: Calendar, times: int = 1) -> tuple[str, ...]:
        """Whose turn begins, or goes on, at the handover of `day`; with `times` also those whose turn comes next, each once."""
        first = self._number(day, calendar) if self.people else 0
        return tuple(self.people[(first + one) % len(self.people)] for one in range(min(times, len(self.people))))

    def _number(self, day: date, calendar: Calendar) -> int:
        """How many turns after the first one; before `start` the order runs backwards, so that no day is left out."""
        if self.kind == "daily":
            return (day - self.start).days
        if self.kind == "weekly":
            return (day - self.start).days // 7
        if day >= self.start:
            return trading_days(calendar, self.start, day)
        return -trading_days(calendar, day, self.start)

    def day_of(self, at: datetime, zone: tzinfo) -> date | None:
        """The day whose handover began what this shift is doing at `at`; None while the shift is off."""
        local = utc(at).astimezone(zone)
        if not self.is_on(local.time()):
            return None
        return local.date() if local.time() >= self.handover else local.date() - _DAY

    def is_on(self, at: time) -> bool:
        """Whether it covers this local time of the day; one that lasts to the next handover covers them all."""
        end = self.until or self.handover
        return self.handover <= at < end if self.handover < end else at >= self.handover or at < end

    def edges(self, start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Every moment of the days from `start` to `end` at which this shift may change hands, begin or end; in no order."""
        times = {self.handover, self.until or self.handover}
        day, last = utc(start).astimezone(zone).date(), utc(end).astimezone(zone).date()
        while day <= last:
            yield from (utc(datetime.combine(day, one, zone)) for one in times)
            day += _DAY


def uncovered(shifts: tuple[Shift, ...]) -> tuple[time, time] | None:
    """The first hours of the day (from, to) in which none of the shifts is on; None when together they last the whole day."""
    marks = sorted({one for shift in shifts for one in (shift.handover, shift.until or shift.handover)})
    for index, mark in enumerate(marks):
        if not any(shift.is_on(mark) for shift in shifts):
            return mark, marks[(index + 1) % len(marks)]
    return None
