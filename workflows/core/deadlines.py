"""When things fall due: pure arithmetic on instants.

Every function refuses naive datetimes and answers in UTC: adding a duration to a local time would follow the wall clock,
and a deadline in minutes must not stretch or shrink when a clock is changed.
"""

from datetime import UTC, datetime, timedelta
from zlib import crc32

#: Two reminders this close (or closer) say the same thing twice.
TOO_CLOSE = timedelta(minutes=2)
_JITTER_SECONDS = 20


def due_of(line_due: timedelta, clock_at: datetime) -> datetime:
    """The due moment of a playbook line whose clock started at `clock_at`; runs through nights and holidays."""
    return _utc(clock_at) + line_due


def split_due(created: datetime, due: datetime) -> datetime:
    """The moment when half of the time from creation to due is used up."""
    start = _utc(created)
    return start + (_utc(due) - start) / 2


def claim_wait(policy: timedelta, created: datetime, due: datetime | None) -> timedelta:
    """How long to wait for a claim: the policy, but at most half of the time there is; none when it was late from the start."""
    if due is None:
        return policy
    return max(timedelta(), min(policy, split_due(created, due) - _utc(created)))


def reminders(created: datetime, due: datetime, remind_before: timedelta) -> tuple[datetime, ...]:
    """When to remind, in order: at half time, `remind_before` the due moment, and then.

    One at or before creation, or too close to the next one, is left out; the one at due always stays.
    """
    start, end = _utc(created), _utc(due)
    kept = [end]
    for moment in sorted((split_due(start, end), end - remind_before), reverse=True):
        if start < moment < kept[0] - TOO_CLOSE:
            kept.insert(0, moment)
    return tuple(kept)


def next_reminder(created: datetime, due: datetime, remind_before: timedelta, after: datetime) -> datetime | None:
    """The first reminder strictly after `after`, None when the last has passed."""
    passed = _utc(after)
    return next((moment for moment in reminders(created, due, remind_before) if moment > passed), None)


def missed_rounds(scheduled: datetime, every: timedelta, now: datetime) -> int:
    """How many rounds went by unsent, besides the one sent `now`, when a round was due at `scheduled`."""
    return max(0, _begun(scheduled, every, now) - 1)


def next_round(scheduled: datetime, every: timedelta, now: datetime) -> datetime:
    """The first round strictly after `now` on the grid that starts at `scheduled`: being late does not shift the grid."""
    return _utc(scheduled) + _begun(scheduled, every, now) * every


def jitter(at: datetime, seed: str) -> datetime:
    """`at`, moved 1 to 20 s later when it is on the hour or half hour, always by the same amount for the same seed."""
    moment = _utc(at)
    if moment.minute % 30 or moment.second:
        return moment
    return moment + timedelta(seconds=1 + crc32(seed.encode()) % _JITTER_SECONDS)


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"naive datetime {moment.isoformat()}: an instant needs its offset")
    return moment.astimezone(UTC)


def _begun(scheduled: datetime, every: timedelta, now: datetime) -> int:
    """How many rounds have come by `now`, the one at `scheduled` included."""
    if every <= timedelta():
        raise ValueError(f"rounds must be some time apart, not {every}")
    return max(0, (_utc(now) - _utc(scheduled)) // every + 1)
