"""What tests build things with: plain functions and classes with defaults."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: A Tuesday, 14:00 in Shanghai, inside the trading session.
START = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is moved. Call it, or hand it in, where code asks for `now`."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> datetime:
        """Move on by `timedelta(**span)` and return the new time."""
        self.now += timedelta(**span)
        return self.now
