"""Quiet hours: when what may wait waits, and when it is said instead. Pure arithmetic on the firm's calendar."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from workflows.core.calendar import Calendar
from workflows.core.instants import utc
from workflows.core.working_days import is_working, local_day

#: How far apart those are told for whom quiet hours have kept something.
MORNING = timedelta(minutes=2)

_DAY = timedelta(days=1)
#: Whatever a calendar says, nothing waits longer than this many days.
_LONGEST = 16


@dataclass(frozen=True, slots=True)
class QuietHours:
    """As a plan says them: local time, over midnight when `begins` is later than `ends` · `rest_days`: days that are not worked, too."""

    begins: time
    ends: time
    rest_days: bool = False


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours as they hold for one incident: by the firm's clock and today's calendar."""

    hours: QuietHours
    zone: tzinfo
    calendar: Calendar

    def ends(self, at: datetime) -> datetime:
        """When the quiet that `at` lies in is over; `at` itself when it lies in none."""
        moment = utc(at)
        for _ in range(_LONGEST):
            over = self._over(moment)
            if over <= moment:
                return moment
            moment = over
        return moment

    def is_end(self, at: datetime) -> bool:
        """Whether a quiet time ends just then: what is due at that moment may have waited for it."""
        return self.ends(at - timedelta.resolution) == utc(at)

    def _over(self, moment: datetime) -> datetime:
        """The next boundary, when it is quiet at `moment`; else `moment`."""
        local, day = moment.astimezone(self.zone).time(), local_day(moment, self.zone)
        begins, ends = self.hours.begins, self.hours.ends
        over_midnight = begins > ends
        if (over_midnight and local >= begins) or self._rests(day):
            return self._at(day + _DAY, time())
        if local < ends if over_midnight else begins <= local < ends:
            return self._at(day, ends)
        return moment

    def _rests(self, day: date) -> bool:
        return self.hours.rest_days and not is_working(self.calendar, day)[0]

    def _at(self, day: date, moment: time) -> datetime:
        return utc(datetime.combine(day, moment, self.zone))
