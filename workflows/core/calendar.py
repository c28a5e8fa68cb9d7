"""The firm's calendar as data: holidays, make-up working days, trading days and sessions (`calendar.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the official notices. `holidays`: days off, weekends of a holiday included · `workdays`: weekend days that are worked ·
    `closures`: weekdays without trading · `sources`: the notices."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    closures: frozenset[date]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """`sessions` are local (start, end) pairs of a trading day · `business_ends`: when a day counted in days ends (Civil Code Art. 203)."""

    years: Mapping[int, Year] = field(default_factory=dict)
    sessions: tuple[tuple[time, time], ...] = ()
    business_ends: time = time(17, 0)
