"""When things fall due: pure arithmetic on instants.

Every function refuses naive datetimes and answers in UTC: adding a duration to a local time would follow the wall clock,
and a deadline in minutes must not stretch or shrink when a clock is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zlib import crc32

from workflows.core.calendar import Calendar
from workflows.core.hours import Hours, HoursName
from workflows.core.instants import utc
from workflows.core.obligation import IN_DAYS, Obligation
from workflows.core.rubric import EventGrade, OpinionLevel
from workflows.core.working_days import add_calendar_days, add_working_days, day_ends, local_day

#: Two reminders this close (or closer) say the same thing twice.
TOO_CLOSE = timedelta(minutes=2)
_JITTER_SECONDS = 20
#: The row of one figure for all grades.
ANY = "any"


def split_due(created: datetime, due: datetime) -> datetime:
    """The moment when half of the time from creation to due is used up."""
    start = utc(created)
    return start + (utc(due) - start) / 2


def claim_wait(policy: timedelta, created: datetime, due: datetime | None) -> timedelta:
    """How long to wait for a claim: the policy, but at most half of the time there is; none when it was late from the start."""
    if due is None:
        return policy
    return max(timedelta(), min(policy, split_due(created, due) - utc(created)))


def reminders(created: datetime, due: datetime, remind_before: timedelta) -> tuple[datetime, ...]:
    """When to remind, in order: at half time, `remind_before` the due moment, and then.

    One at or before creation, or too close to the next one, is left out; the one at due always stays.
    """
    start, end = utc(created), utc(due)
    kept = [end]
    for moment in sorted((split_due(start, end), end - remind_before), reverse=True):
        if start < moment < kept[0] - TOO_CLOSE:
            kept.insert(0, moment)
    return tuple(kept)


def next_reminder(created: datetime, due: datetime, remind_before: timedelta, after: datetime) -> datetime | None:
    """The first reminder strictly after `after`, None when the last has passed."""
    passed = utc(after)
    return next((moment for moment in reminders(created, due, remind_before) if moment > passed), None)


def missed_rounds(scheduled: datetime, every: timedelta, now: datetime) -> int:
    """How many rounds went by unsent, besides the one sent `now`, when a round was due at `scheduled`."""
    return max(0, _begun(scheduled, every, now) - 1)


def next_round(scheduled: datetime, every: timedelta, now: datetime) -> datetime:
    """The first round strictly after `now` on the grid that starts at `scheduled`: being late does not shift the grid."""
    return utc(scheduled) + _begun(scheduled, every, now) * every


def jitter(at: datetime, seed: str) -> datetime:
    """`at`, moved 1 to 20 s later when it is on the hour or half hour, always by the same amount for the same seed."""
    moment = utc(at)
    if moment.minute % 30 or moment.second:
        return moment
    return moment + timedelta(seconds=1 + crc32(seed.encode()) % _JITTER_SECONDS)


def _begun(scheduled: datetime, every: timedelta, now: datetime) -> int:
    """How many rounds have come by `now`, the one at `scheduled` included."""
    if every <= timedelta():
        raise ValueError(f"rounds must be some time apart, not {every}")
    return max(0, (utc(now) - utc(scheduled)) // every + 1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the deadlines of an incident's obligations are worked out from: its clocks and grades now, and the calendar as it is now."""

    clocks: Mapping[str, datetime | None]
    csrc_grade: EventGrade | None
    opinion_level: OpinionLevel
    calendar: Calendar
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Deadline:
    """`provisional`: days of a year without data were counted · `row`: the grade whose row applies, or `any` · `since`: counted from."""

    at: datetime
    provisional: bool
    row: str
    since: datetime


def deadline(obligation: Obligation, terms: Terms, *, decided: bool = True, last_filed: datetime | None = None) -> Deadline | None:
    """When `obligation` is due, or None: its clock has not started, its grade is not asked for, or no round falls before `until`.

    Not `decided` (its condition is open), or while the grade is not judged: the lowest row that there is. A repeating one counts its
    next round from `last_filed`; of any other one that was told in part, this is when the rest is due.
    """
    started = terms.clocks.get(obligation.clock)
    if started is None:
        return None
    if last_filed and not obligation.every:
        rest = obligation.complete_within
        return Deadline(utc(last_filed) + rest, False, ANY, utc(last_filed)) if rest else None
    again = last_filed if obligation.every else None
    since = utc(again or started)
    first: Mapping[str, timedelta | int] = obligation.within_days if obligation.calendar in IN_DAYS else obligation.within
    rows: Mapping[str, timedelta | int] = obligation.every if again or not first else first
    row = _row(rows, obligation, terms, decided)
    if row is None:
        return None
    span = rows[row]
    counted = _hour_counted(obligation, terms, since, span) if isinstance(span, timedelta) else _day_counted(obligation, terms, since, span)
    at, provisional = counted
    return None if _is_over(obligation, terms, at) else Deadline(at, provisional, row, since)


def _row(rows: Mapping[str, timedelta | int], obligation: Obligation, terms: Terms, decided: bool) -> str | None:
    if ANY in rows:
        return ANY
    grades, grade = (OpinionLevel, terms.opinion_level) if obligation.keyed_by == "opinion_level" else (EventGrade, _csrc(terms))
    if grade is None or not decided:
        return next((str(one) for one in grades if one in rows), None)
    return str(grade) if grade in rows else None


def _csrc(terms: Terms) -> EventGrade | None:
    """`unconfirmed` stands with `general`, as it does in the response level."""
    return EventGrade.GENERAL if terms.csrc_grade is EventGrade.UNCONFIRMED else terms.csrc_grade


def _hour_counted(obligation: Obligation, terms: Terms, since: datetime, span: timedelta) -> tuple[datetime, bool]:
    """Through nights and holidays, unless the law counts in open time only."""
    name: HoursName = obligation.calendar if obligation.calendar in ("trading", "service_hours") else "always"
    return Hours(terms.calendar, terms.zone).add(name, since, span)


def _day_counted(obligation: Obligation, terms: Terms, since: datetime, days: int) -> tuple[datetime, bool]:
    add = add_working_days if obligation.calendar == "working_days" else add_calendar_days
    day, provisional = add(terms.calendar, local_day(since, terms.zone), days)
    return day_ends(terms.calendar, day, terms.zone), provisional


def _is_over(obligation: Obligation, terms: Terms, at: datetime) -> bool:
    """Whether the clock `until` of a repeating obligation started before its round at `at` fell due."""
    until = terms.clocks.get(obligation.until) if obligation.every and obligation.until else None
    return until is not None and until < at
