"""What happens in a simulated year, drawn from its seed alone, so that a killed machine's successor reads the same script."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

START = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)

#: How an incident ends, a few minutes apart; the second round is for what a death or a clock that was off had spoilt.
_LAST = ("activate", "yes", "recovered", "file", "end", "yes", "close") * 2


@dataclass(frozen=True, slots=True)
class Temper:
    """How the people of an incident answer: `hours` it lasts, how many `acts` there are before its end, when somebody reports (minutes)."""

    share: float
    hours: tuple[float, float]
    acts: tuple[int, int]
    reports: tuple[float, float]


TEMPERS: Mapping[str, Temper] = {
    "prompt": Temper(0.66, (0.5, 2), (8, 18), (4, 28)),
    "slow": Temper(0.24, (1, 4), (5, 12), (10, 70)),
    "deaf": Temper(0.08, (4, 10), (0, 3), (60, 180)),
    "forgotten": Temper(0.02, (20, 40), (0, 2), (120, 300)),
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something people do at `at` (true time) about the `incident`-th incident. What exactly, they see when they get there."""

    number: int
    at: datetime
    incident: int
    kind: str
    temper: str


@dataclass(frozen=True, slots=True)
class Jump:
    """From `at` to `until` the machine's clock is `off` from the true time."""

    at: datetime
    until: datetime
    off: timedelta


@dataclass(frozen=True, slots=True)
class Script:
    seed: int
    acts: tuple[Act, ...]
    jumps: tuple[Jump, ...]
    end: datetime

    def machine(self, at: datetime) -> datetime:
        """What the machine's clock says at `at`."""
        return at + next((jump.off for jump in self.jumps if jump.at <= at < jump.until), timedelta())

    def edge(self, after: datetime) -> datetime | None:
        """The next moment after `after` at which the clock jumps."""
        return min((edge for jump in self.jumps for edge in (jump.at, jump.until) if edge > after), default=None)


def script(seed: int, incidents: int, days: int) -> Script:
    chance = Random(seed)
    openings = sorted(START + timedelta(days=chance.uniform(0, max(days - 4, 1))) for _ in range(incidents))
    drawn = sorted((one for number, at in enumerate(openings) for one in _life(chance, number, at)), key=lambda one: one[0])
    acts = tuple(Act(number, *one) for number, one in enumerate(drawn))
    jumps = tuple(_jumps(chance, openings))
    return Script(seed, acts, jumps, max(START + timedelta(days=days), acts[-1].at + timedelta(days=1)))


def _life(chance: Random, number: int, opened: datetime) -> Iterable[tuple[datetime, int, str, str]]:
    """One incident: an opening, some acts (most of them early), and an end."""
    temper = chance.choices(list(TEMPERS), [one.share for one in TEMPERS.values()])[0]
    drawn = TEMPERS[temper]
    length = timedelta(hours=chance.uniform(*drawn.hours))
    yield opened, number, "open", temper
    yield opened + timedelta(minutes=chance.uniform(2, 30)), number, "grade", temper
    yield opened + timedelta(minutes=chance.uniform(*drawn.reports)), number, "file", temper
    for _ in range(chance.randint(*drawn.acts)):
        kind = chance.choice(("task", "task", "task", "task", "task", "task", "grade", "move", "decide"))
        yield opened + length * chance.random() ** 1.5 * 0.95, number, kind, temper
    for step, kind in enumerate(_LAST):
        yield opened + length + timedelta(minutes=2 * step), number, kind, temper


def _jumps(chance: Random, openings: list[datetime]) -> Iterable[Jump]:
    """At one incident in four, never two at once: an hour server gone wrong by up to two hours, and put right again."""
    last = START
    for opened in openings:
        at = opened + timedelta(minutes=chance.uniform(-60, 240))
        until, off = at + timedelta(hours=chance.uniform(0.1, 8)), timedelta(minutes=chance.uniform(10, 120) * chance.choice((-1, 1)))
        if chance.random() < 0.25 and at > last:
            yield Jump(at, until, off)
            last = until + timedelta(hours=3)
