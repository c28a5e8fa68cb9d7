"""When an event has which CSRC grade, as the firm has entered it from its own copy of the rule (`thresholds.toml`).

The tables of 证监会公告〔2021〕12号 were not to be had, so nothing is built in: the dimensions are those it is known to have,
the figures are the firm's. What comes of them is a suggestion with its working; people judge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from workflows.core.facts import Value
from workflows.core.rubric import EventGrade

MINUTES, CLASS, ABNORMALITY, CLIENTS = "interruption_minutes", "system_class", "service_abnormality", "affected_clients"
ORDERS, PERSONS, UNSETTLED = "orders_affected", "leaked_persons", "settlement_unfinished"
_SERVICE = (MINUTES, ABNORMALITY, CLASS, CLIENTS, ORDERS)


@dataclass(frozen=True, slots=True)
class Kind:
    """`measures`: facts that it can be graded by · `subtypes`: which incidents are of it; one of no such subtype may be of any kind."""

    measures: tuple[str, ...]
    subtypes: tuple[str, ...] = ()


#: Kinds of event that the rule is known to grade apart.
KINDS: Mapping[str, Kind] = {
    "core_trading": Kind(_SERVICE, ("central_trading", "online_trading")),
    "custody_margin": Kind(_SERVICE, ("bank_transfer", "margin")),
    "other_system": Kind(_SERVICE, ("quotes", "facility")),
    "data": Kind((PERSONS, CLIENTS), ("client_information", "trading_data", "staff_information", "inside_information", "third_party")),
    "settlement": Kind((UNSETTLED, CLIENTS), ("clearing",)),
}
MEASURES = tuple(dict.fromkeys(measure for kind in KINDS.values() for measure in kind.measures))
_NAMED = frozenset(subtype for kind in KINDS.values() for subtype in kind.subtypes)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`at_least`: 1 stands for yes where the measure is a condition · `together`: those of one event and grade with the same number hold
    together, those with others are alternatives · `verified`: compared with the original."""

    event: str
    grade: EventGrade
    measure: str
    at_least: float
    document: str
    article: str
    entered_by: str
    entered_on: date
    verified: bool
    together: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`grade`: the heaviest that is reached, None where none is · `met`: what reached it · `unknown`: what could make it heavier."""

    grade: EventGrade | None
    met: tuple[Threshold, ...]
    unknown: tuple[str, ...]


def suggest(thresholds: Iterable[Threshold], figures: Mapping[str, Value], subtype: str | None) -> Suggestion:
    """What the thresholds make of the figures. Figures that nobody has stated reach nothing, and are asked for."""
    rules: dict[tuple[str, EventGrade, int], list[Threshold]] = {}
    for one in thresholds:
        if _concerns(one.event, subtype):
            rules.setdefault((one.event, one.grade, one.together), []).append(one)
    reached = [key for key, needs in rules.items() if all(_reaches(figures, one) for one in needs)]
    grade = max((key[1] for key in reached), key=_weight, default=None)
    met = tuple(one for key in reached if key[1] is grade for one in rules[key])
    heavier = (needs for key, needs in rules.items() if grade is None or _weight(key[1]) > _weight(grade))
    return Suggestion(grade, met, _unknown(heavier, figures))


def _unknown(rules: Iterable[Sequence[Threshold]], figures: Mapping[str, Value]) -> tuple[str, ...]:
    """What is not known of rules that nothing known speaks against."""
    still = (needs for needs in rules if all(_reaches(figures, one) for one in needs if figures.get(one.measure) is not None))
    return tuple(dict.fromkeys(one.measure for needs in still for one in needs if figures.get(one.measure) is None))


def _concerns(event: str, subtype: str | None) -> bool:
    return subtype is None or subtype not in _NAMED or subtype in KINDS[event].subtypes


def _reaches(figures: Mapping[str, Value], one: Threshold) -> bool:
    value = figures.get(one.measure)
    return isinstance(value, (int, float)) and value >= one.at_least


def _weight(grade: EventGrade) -> int:
    return list(EventGrade).index(grade)


def figures_of(facts: Mapping[str, Value], occurred: datetime | None, until: datetime) -> tuple[dict[str, Value], bool]:
    """What is known, and whether the minutes were only worked out: from when it occurred until it was over, or now, while trading is
    affected and nobody has stated how long it was down."""
    down = facts.get("core_trading_interrupted_in_session") is True or facts.get("affects_trading") is True
    if facts.get(MINUTES) is not None or occurred is None or not down:
        return dict(facts), False
    return {**facts, MINUTES: max(0, (until - occurred) // timedelta(minutes=1))}, True
