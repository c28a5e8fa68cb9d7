"""Grading: from what is known of an incident to scores, opinion level and response level, by the plan's rubric.

`grade` answers the whole working, so that a person can see each score, why, and what would change it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.rubric import EventGrade, Floor, Indicator, Measure, OpinionLevel, ResponseLevel, Rubric

#: The fact that holds the CSRC grade, and the indicator scored from it: F5's "other" indicators are those besides this.
CSRC_GRADE = "csrc_grade"
INCIDENT_LEVEL = "incident_level"
LOWEST, TOP = 1, 4


@dataclass(frozen=True, slots=True)
class Score:
    """One indicator's score.

    `why`: fact, value and score of each measure that counted · `skipped`: a measured fact that did not count, and the fact it
    needs and lacks · `override_reason`: why a person put `score` in place of the measures'.
    """

    indicator: str
    score: int
    known: bool
    why: tuple[tuple[str, Value, int], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Working:
    """`band` is what the total says; `floors` are those that lift above it, in the rubric's order; `floor` the decisive one."""

    scores: tuple[Score, ...]
    total: int
    band: OpinionLevel
    floors: tuple[str, ...]
    level: OpinionLevel
    floor: str | None
    csrc_grade: EventGrade | None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Indicators of which no measure is known."""
        return tuple(score.indicator for score in self.scores if not score.known)

    @property
    def provisional(self) -> bool:
        return bool(self.unknown)

    @property
    def response(self) -> ResponseLevel:
        return response_level(self.csrc_grade, self.level)


def grade(rubric: Rubric, facts: Mapping[str, Value], overrides: Mapping[str, tuple[int, str]] | None = None) -> Working:
    """The working of `facts` under `rubric`; `overrides` are scores (with a reason) that a person gave by indicator."""
    given = _checked(rubric, overrides or {})
    scores = tuple(_score(rubric, indicator, facts, given.get(indicator.key)) for indicator in rubric.indicators)
    total = sum(score.score for score in scores)
    band = _band(rubric, total)
    points = {score.indicator: score.score for score in scores}
    lifting = [floor for floor in rubric.floors if floor.at_least.rank > band.rank and _holds(floor, points, facts)]
    decisive = max(lifting, key=lambda floor: floor.at_least.rank, default=None)
    return Working(
        scores=scores,
        total=total,
        band=band,
        floors=tuple(floor.id for floor in lifting),
        level=decisive.at_least if decisive else band,
        floor=decisive.id if decisive else None,
        csrc_grade=_event_grade(facts.get(CSRC_GRADE)),
    )


def response_level(csrc: EventGrade | None, level: OpinionLevel) -> ResponseLevel:
    """The higher of CSRC grade and opinion level; a grade not judged yet weighs as the lowest."""
    return ResponseLevel.of_rank(max(csrc.rank if csrc else LOWEST, level.rank))


def deciding(working: Working) -> Mapping[str, tuple[str, ...]]:
    """Per indicator the facts that set its score: the worst ones; none where nothing is known or a person gave the score."""
    return {
        score.indicator: () if score.override_reason else tuple(fact for fact, _, points in score.why if points == score.score)
        for score in working.scores
    }


def may_replace(current: OpinionLevel | None, current_provisional: bool, new: Working) -> None:
    """Refuses to make a full grading provisional again; anything may follow a provisional one."""
    if current is not None and not current_provisional and new.provisional:
        raise RuleBroken("grade.provisional_again", unknown=new.unknown)


def lowers(current: EventGrade | None, new: EventGrade | None) -> bool:
    """Whether `new` takes back something of a judged grade, which takes a second person.

    Compared by weight and not by rank: from `general` to `unconfirmed` leaves the response as it is, but ends the duty to report.
    """
    return current is not None and _weight(new) < _weight(current)


def may_set_event_grade(kind: Literal["csrc", "cac"], current: EventGrade | None, new: EventGrade | None) -> None:
    """Refuses to lower or unset a judged grade by one person alone."""
    if lowers(current, new):
        raise RuleBroken(f"grade.{kind}_lowering", current=str(current), new=None if new is None else str(new))


def _checked(rubric: Rubric, overrides: Mapping[str, tuple[int, str]]) -> Mapping[str, tuple[int, str]]:
    known = {indicator.key for indicator in rubric.indicators}
    for key, (score, reason) in overrides.items():
        if key not in known:
            raise RuleBroken("grade.override_indicator", indicator=key)
        if not LOWEST <= score <= TOP:
            raise RuleBroken("grade.override_score", indicator=key, score=score)
        if not reason.strip():
            raise RuleBroken("grade.override_reason", indicator=key)
    return overrides


def _score(rubric: Rubric, indicator: Indicator, facts: Mapping[str, Value], override: tuple[int, str] | None) -> Score:
    why: list[tuple[str, Value, int]] = []
    skipped: list[tuple[str, str]] = []
    for measure in indicator.measures:
        value = facts.get(measure.fact)
        points = _points(measure, value)
        if points is None:
            continue
        unmet = [need for need, least in measure.needs.items() if not _reaches(facts.get(need), least)]
        skipped.extend((measure.fact, need) for need in unmet)
        if not unmet:
            why.append((measure.fact, value, points))
    if override:
        score, reason = override
        return Score(indicator.key, score, known=True, why=tuple(why), skipped=tuple(skipped), override_reason=reason)
    worst = max((points for _, _, points in why), default=rubric.unknown_score)
    return Score(indicator.key, worst, known=bool(why), why=tuple(why), skipped=tuple(skipped))


def _points(measure: Measure, value: Value) -> int | None:
    """What `value` scores, None when it is not known; a value that does not fit the measure counts as not known, which shows."""
    if measure.kind == "choice":
        return measure.scores.get(value) if isinstance(value, str) else None
    if measure.kind == "condition":
        return (measure.score if value else LOWEST) if isinstance(value, bool) else None
    number = _number(value)
    return None if number is None else max(LOWEST, sum(number >= step for step in measure.steps))


def _number(value: Value) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if math.isnan(value) else value


def _reaches(value: Value, least: float) -> bool:
    number = _number(value)
    return number is not None and number >= least


def _band(rubric: Rubric, total: int) -> OpinionLevel:
    for band in rubric.bands:
        if band.min <= total <= band.max:
            return band.level
    raise ValueError(f"rubric {rubric.id} has no band for a total of {total}")


def _holds(floor: Floor, points: Mapping[str, int], facts: Mapping[str, Value]) -> bool:
    return all(_conditions(floor, points, facts))


def _conditions(floor: Floor, points: Mapping[str, int], facts: Mapping[str, Value]) -> Iterator[bool]:
    for fact, wanted in floor.facts.items():
        # 1 == True in Python, but a count of 1 is not a yes
        yield facts.get(fact) is wanted if isinstance(wanted, bool) else facts.get(fact) == wanted
    for fact, least in floor.facts_at_least.items():
        yield _reaches(facts.get(fact), least)
    if floor.any_score:
        yield any(points[name] == TOP if name in points else facts.get(name) is True for name in floor.any_score)
    yield sum(score == TOP for score in points.values()) >= floor.scores_of_4
    yield max((score for key, score in points.items() if key != INCIDENT_LEVEL), default=0) >= floor.other_score


def _event_grade(value: Value) -> EventGrade | None:
    return next((known for known in EventGrade if known == value), None)


def _weight(event_grade: EventGrade | None) -> int:
    return [None, *EventGrade].index(event_grade)
