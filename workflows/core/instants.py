"""An instant is a moment with its offset, kept in UTC: adding to a local time would follow the wall clock."""

from datetime import UTC, datetime, timedelta


def utc(moment: datetime) -> datetime:
    """`moment` in UTC; a naive datetime is no instant."""
    if moment.tzinfo is UTC:  # as nearly all are: asked dozens of times for each timer
        return moment
    if moment.utcoffset() is None:
        raise ValueError(f"naive datetime {moment.isoformat()}: an instant needs its offset")
    return moment.astimezone(UTC)


def rounds_come(due: datetime, every: timedelta, now: datetime) -> int:
    """How many rounds a clock that speaks at `due` and then every `every` says with its word at `now`: 1, more when it could not speak."""
    return 1 + max(0, (now - due) // every) if every > timedelta(0) else 1
