"""When figures are taken again, and what two lower readings allow: the pure part of regrading."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol, TypeVar

from workflows.core.errors import RuleBroken
from workflows.core.rubric import OpinionLevel, Rubric


class Reading(Protocol):
    """One grading as it came out, whether or not it changed the level that stands."""

    @property
    def at(self) -> datetime: ...
    @property
    def level(self) -> OpinionLevel: ...
    @property
    def provisional(self) -> bool: ...


R = TypeVar("R", bound=Reading)


def lower_readings(readings: Sequence[R], current: OpinionLevel) -> list[R]:
    """The latest readings, the newest first, that are all lower than the level that stands: one that is not begins anew."""
    return list(takewhile(lambda reading: not reading.provisional and reading.level.rank < current.rank, reversed(readings)))


def bearing(readings: Sequence[R], current: OpinionLevel, gap: timedelta) -> R:
    """The reading that a downgrade rests on: the highest of the latest ones that span `gap`. Refused while there are none."""
    lower = lower_readings(readings, current)
    back = next((number for number, one in enumerate(lower) if lower[0].at - one.at >= gap), None)
    if back is None:
        first = lower[-1].at + gap if lower else None
        raise RuleBroken("downgrade.first" if lower else "downgrade.none", current=str(current), after=first, gap=gap)
    return max(lower[: back + 1], key=lambda reading: reading.level.rank)


def may_downgrade(readings: Sequence[R], current: OpinionLevel, provisional: bool, to: OpinionLevel | None, gap: timedelta) -> R:
    """The reading that bears a downgrade to `to` (where it is left out: as low as the readings are)."""
    if provisional:
        raise RuleBroken("downgrade.provisional")
    found = bearing(readings, current, gap)
    if to is not None and to.rank >= current.rank:
        raise RuleBroken("downgrade.not_lower", current=str(current), to=str(to))
    if to is not None and to.rank < found.level.rank:
        raise RuleBroken("downgrade.too_low", current=str(found.level), to=str(to))
    return found


def rescore_every(rubric: Rubric, level: OpinionLevel, provisional: bool) -> timedelta:
    """How long a grading is good for: what is provisional is scored again soon, the rest by its level."""
    minutes = rubric.rescore_minutes if provisional else rubric.regrade_minutes.get(level, rubric.rescore_minutes)
    return timedelta(minutes=minutes)
