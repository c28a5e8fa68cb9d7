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
class Important:
    """重保期: days on which waits are `factor` times as long and changes that are no emergency wait for an approval (Order 218 Art. 61; the
    result season; a cut-over weekend). `duty_factor` times as many people are on duty, of a rota those
    whose turn comes next."""

    name: str
    name_en: str
    first: date
    last: date
    kind: str
    factor: float = 0.5
    duty_factor: int = 2


#: Of plans that do not say.
SERVICE = ((time(9, 0), time(11, 30)), (time(13, 0), time(17, 0)))


@dataclass(frozen=True, slots=True)
class Calendar:
    """`sessions`, `service`: local (start, end) pairs of a trading day, of a worked day · `business_ends`: when a day counted in days ends
    (Civil Code Art. 203) · `fingerprint`: `sha256:…` of the file it was read from."""

    years: Mapping[int, Year] = field(default_factory=dict)
    sessions: tuple[tuple[time, time], ...] = ()
    business_ends: time = time(17, 0)
    service: tuple[tuple[time, time], ...] = SERVICE
    important: tuple[Important, ...] = ()
    fingerprint: str = ""

    def important_at(self, day: date) -> tuple[Important, ...]:
        """The important periods that `day` lies in."""
        return tuple(period for period in self.important if period.first <= day <= period.last)

    def factor_at(self, day: date) -> float:
        """What waits are multiplied by on `day`: the strictest of its important periods, 1 where there is none."""
        return min((period.factor for period in self.important_at(day)), default=1.0)

    def duty_at(self, day: date) -> int:
        """By what the people on duty are multiplied on `day`."""
        return max((period.duty_factor for period in self.important_at(day)), default=1)
