"""An instant is a moment with its offset, kept in UTC: adding to a local time would follow the wall clock."""

from datetime import UTC, datetime


def utc(moment: datetime) -> datetime:
    """`moment` in UTC; a naive datetime is no instant."""
    if moment.utcoffset() is None:
        raise ValueError(f"naive datetime {moment.isoformat()}: an instant needs its offset")
    return moment.astimezone(UTC)
