from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    """The time as the test tells it. The stand-in, and the product before it, both ask this one."""

    at: datetime = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def push(self, **span: float) -> None:
        self.at += timedelta(**span)
