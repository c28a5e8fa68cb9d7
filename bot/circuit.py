"""A breaker per platform: one that is away is not asked again by every message, and everybody hears of it once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: So many failures in a row open the circuit.
PATIENCE = 3
SHORTEST, LONGEST = timedelta(seconds=5), timedelta(seconds=60)


@dataclass
class Circuit:
    """`until`: nothing is asked before; the first deed after it is the probe."""

    now: Callable[[], datetime]
    failures: int = 0
    until: datetime | None = None
    reason: str = ""

    @property
    def open(self) -> bool:
        return self.failures >= PATIENCE

    def wait(self) -> float:
        """Seconds until the platform may be asked again; 0 when it may be asked now."""
        return max(0.0, (self.until - self.now()).total_seconds()) if self.open and self.until else 0.0

    def succeeded(self) -> bool:
        """True when this closes it."""
        was, self.failures, self.until, self.reason = self.open, 0, None, ""
        return was

    def failed(self, reason: str, after: float) -> bool:
        """True when this opens it. Each probe that fails doubles the pause, up to a minute, or as long as the platform itself asks for.

        What fails together with the probe, or was on its way before, is no probe of its own.
        """
        was = self.open
        if self.wait():
            return False
        self.failures += 1
        self.reason = reason
        if self.open:
            pause = min(SHORTEST * 2 ** min(self.failures - PATIENCE, 6), LONGEST)
            self.until = self.now() + max(pause, timedelta(seconds=min(after, 600.0)))
        return self.open and not was
