"""What was measured, against what, and whether that is enough."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["aim", "must", "MISSED", "-"]


@dataclass(frozen=True, slots=True)
class Row:
    """`floor` and `ratio` are what it is compared with in the same run; `target` as the contract words it."""

    what: str
    value: str
    floor: str = "-"
    ratio: str = "-"
    target: str = "-"
    verdict: Verdict = "-"


HEAD = Row("measurement", "value", "floor", "ratio", "must / aim", "verdict")  # type: ignore[arg-type]  # the heading of that column


def at_most(value: float, must: float, aim: float) -> Verdict:
    return "aim" if value <= aim else "must" if value <= must else "MISSED"


def at_least(value: float, must: float, aim: float) -> Verdict:
    return "aim" if value >= aim else "must" if value >= must else "MISSED"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else math.nan


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def table(rows: Iterable[Row]) -> list[str]:
    cells = [(row.what, row.value, row.floor, row.ratio, row.target, row.verdict) for row in (HEAD, *rows)]
    widths = [max(_width(line[column]) for line in cells) for column in range(6)]
    lines = ["  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return [lines[0], "-" * (sum(widths) + 10), *lines[1:]]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
