"""What two lower readings allow, and when figures are taken again: written out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from tests.make import START
from workflows.core.errors import RuleBroken
from workflows.core.regrading import bearing, lower_readings, may_downgrade, rescore_every
from workflows.core.rubric import OpinionLevel, Rubric

MILD, MODERATE, SEVERE, EXTREME = OpinionLevel

GAP = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class One:
    at: datetime
    level: OpinionLevel
    provisional: bool = False


def readings(*found: tuple[int, OpinionLevel]) -> list[One]:
    return [One(START + timedelta(minutes=minute), level) for minute, level in found]


@pytest.mark.parametrize(
    ("found", "level"),
    [
        ([(0, MILD), (60, MILD)], MILD),
        ([(0, MODERATE), (60, MILD)], MODERATE),
        ([(0, MILD), (60, MODERATE)], MODERATE),
        ([(0, MILD), (30, MODERATE), (60, MILD)], MODERATE),
        ([(0, MODERATE), (10, MILD), (70, MILD)], MILD),
        ([(0, SEVERE), (10, MILD), (71, MILD)], MILD),
    ],
)
def test_the_highest_of_the_readings_that_span_an_hour_bears_it(found: list[tuple[int, OpinionLevel]], level: OpinionLevel) -> None:
    assert bearing(readings(*found), SEVERE, GAP).level is level


@pytest.mark.parametrize(
    ("found", "key"),
    [
        ([], "downgrade.none"),
        ([(0, MILD)], "downgrade.first"),
        ([(0, MILD), (59, MILD)], "downgrade.first"),
        ([(0, MILD), (30, SEVERE), (61, MILD)], "downgrade.first"),
        ([(0, MILD), (60, MILD), (61, EXTREME)], "downgrade.none"),
    ],
)
def test_it_begins_anew_with_every_reading_that_is_not_lower(found: list[tuple[int, OpinionLevel]], key: str) -> None:
    with pytest.raises(RuleBroken, match=f"^{key}$".replace(".", r"\.")):
        bearing(readings(*found), SEVERE, GAP)


def test_a_provisional_reading_counts_for_nothing() -> None:
    found = [One(START, MILD, provisional=True), One(START + timedelta(minutes=60), MILD)]
    assert lower_readings(found, SEVERE) == found[1:]


@pytest.mark.parametrize(
    ("to", "provisional", "key"),
    [(MILD, True, "provisional"), (SEVERE, False, "not_lower"), (EXTREME, False, "not_lower"), (MILD, False, "too_low")],
)
def test_what_may_not_be_asked(to: OpinionLevel, provisional: bool, key: str) -> None:
    with pytest.raises(RuleBroken, match=rf"^downgrade\.{key}$"):
        may_downgrade(readings((0, MODERATE), (60, MILD)), SEVERE, provisional, to, GAP)


def test_as_low_as_the_readings_where_no_level_is_named() -> None:
    assert may_downgrade(readings((0, MODERATE), (60, MILD)), EXTREME, False, None, GAP).level is MODERATE
    assert may_downgrade(readings((0, MILD), (60, MILD)), EXTREME, False, SEVERE, GAP).level is MILD, "less far is allowed"


def test_the_pace_follows_the_level_and_is_quick_while_provisional() -> None:
    rubric = Rubric("r", 1, (), (), (), rescore_minutes=30, regrade_minutes={MILD: 120, SEVERE: 45})
    assert rescore_every(rubric, MILD, provisional=True) == timedelta(minutes=30)
    assert rescore_every(rubric, MILD, provisional=False) == timedelta(hours=2)
    assert rescore_every(rubric, SEVERE, provisional=False) == timedelta(minutes=45)
