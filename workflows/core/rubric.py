"""The grading rubric as data: indicators, measures, bands, floors (`rubric.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal


class OpinionLevel(StrEnum):
    """轻度 中度 严重 特别严重, rising."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    EXTREME = "extreme"

    @property
    def rank(self) -> int:
        return list(OpinionLevel).index(self) + 1


class EventGrade(StrEnum):
    """CSRC or CAC grade: 不属网络安全事件 一般 较大 重大 特别重大, rising. No value = 未研判."""

    UNCONFIRMED = "unconfirmed"
    GENERAL = "general"
    LARGER = "larger"
    MAJOR = "major"
    EXTREME = "extreme"

    @property
    def rank(self) -> int:
        """1 to 4; `unconfirmed` ranks with `general`, as the response level rule says."""
        return max(1, list(EventGrade).index(self))


class ResponseLevel(StrEnum):
    """四级 … 一级响应; `l1` is the heaviest."""

    L4 = "l4"
    L3 = "l3"
    L2 = "l2"
    L1 = "l1"

    @property
    def rank(self) -> int:
        """1 (l4) to 4 (l1)."""
        return list(ResponseLevel).index(self) + 1

    @classmethod
    def of_rank(cls, rank: int) -> "ResponseLevel":
        return list(cls)[rank - 1]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurable thing; `fact` is a key of `facts.toml`.

    number: `steps` are the lower bounds of scores 1 to 4 · choice: `scores` by code · condition: `score` when yes, 1 when no.
    `needs`: facts that must be known and at least this large, else the measure is skipped.
    """

    fact: str
    kind: Literal["number", "choice", "condition"]
    steps: tuple[float, ...] = ()
    scores: Mapping[str, int] = field(default_factory=dict)
    score: int = 4
    needs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One of the four scored indicators; the worst known measure wins."""

    key: str
    name: str
    name_en: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Band:
    level: OpinionLevel
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Floor:
    """Lifts the level to `at_least` when every named condition holds; never lowers.

    `facts`: fact key to required value (a choice code or yes/no) · `facts_at_least`: fact key to minimum ·
    `any_score`: any of these indicators scores 4, or these yes/no facts are yes · `scores_of_4`: at least so many indicators score 4 ·
    `other_score`: an indicator other than `incident_level` scores this much.
    """

    id: str
    at_least: OpinionLevel
    facts: Mapping[str, str | bool] = field(default_factory=dict)
    facts_at_least: Mapping[str, float] = field(default_factory=dict)
    any_score: tuple[str, ...] = ()
    scores_of_4: int = 0
    other_score: int = 0
    name: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Rubric:
    """`unknown_score` stands in for an indicator with no known measure, which makes the grade provisional."""

    id: str
    version: int
    indicators: tuple[Indicator, ...]
    bands: tuple[Band, ...]
    floors: tuple[Floor, ...]
    unknown_score: int = 2
    rescore_minutes: int = 30
    regrade_minutes: Mapping[OpinionLevel, int] = field(default_factory=dict)
    lower_gap: timedelta = timedelta(minutes=60)
    """two lower readings must be at least this far apart before they bear a downgrade"""
