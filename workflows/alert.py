"""告警: what monitoring says again and again. It opens an incident or joins one, and is counted; it never closes anything.

What was counted and not said yet is its news; news of one incident is said together, at most once in QUIET.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: So long an incident's timeline rests between two lines about alerts.
QUIET = timedelta(minutes=10)
#: So many incidents one token opens within this time; what comes then joins the newest of them.
MOST_OPENED, OPENED_WITHIN = 10, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Alert:
    """`opened_at` is empty for one that joined an incident · `count` and `firing` as they are, `told` and `told_firing` as last said."""

    person: str
    key: str
    incident: str
    title: str
    token: str
    last_at: datetime
    firing: bool = True
    count: int = 1
    told: int = 0
    told_firing: bool = True
    told_at: datetime | None = None
    opened_at: datetime | None = None

    @property
    def news(self) -> bool:
        return self.count > self.told or self.firing != self.told_firing


def heard(alert: Alert, *, title: str, firing: bool, now: datetime) -> Alert:
    """Once more, or over. That it is over twice is nothing new."""
    return replace(alert, title=title or alert.title, firing=firing, count=alert.count + firing, last_at=now)


def told(alert: Alert, now: datetime) -> Alert:
    return replace(alert, told=alert.count, told_firing=alert.firing, told_at=now)


def times(news: Sequence[Alert]) -> int:
    """How often these came since they were last said."""
    return sum(alert.count - alert.told for alert in news)
