"""A closed set of named conditions, each yes, no or open. Open items are to be decided; only yes tightens.

`<fact> = true|false`          a yes/no fact of the plan
`<fact> = "code"`              a choice fact has this value
`is_network_incident = true`   follows the CSRC grade: no at `unconfirmed`, yes from `general`, open while not judged
`cac_grade_at_least`, `csrc_grade_at_least`, `opinion_level_at_least = "code"`
`subtype = "code"`             the incident's subtype; open while none is set and the type could have it
`recovered = true|false`       whether the clock has started
`cii`, `listed`, `pbc_field`   facts of the firm
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from workflows.core.facts import Value
from workflows.core.rubric import EventGrade, OpinionLevel

Answer = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a condition can ask about: the incident as it stands, and the firm."""

    facts: Mapping[str, Value]
    csrc_grade: EventGrade | None
    cac_grade: EventGrade | None
    opinion_level: OpinionLevel
    provisional: bool
    subtype: str | None
    subtypes: tuple[str, ...]
    """all subtypes of the incident's types"""
    clocks: frozenset[str]
    """names of the clocks that have started"""
    firm: Mapping[str, bool]


def answer(when: Mapping[str, str | bool], known: Known) -> Answer:
    """All conditions together: no if any is no, else open if any is open, else yes. No condition at all is yes."""
    answers = {one(name, wanted, known) for name, wanted in when.items()}
    return "no" if "no" in answers else "open" if "open" in answers else "yes"


def one(name: str, wanted: str | bool, known: Known) -> Answer:
    """One named condition."""
    if name.endswith("_at_least"):
        return _at_least(name.removesuffix("_at_least"), str(wanted), known)
    if name == "is_network_incident":
        return _same(None if known.csrc_grade is None else known.csrc_grade is not EventGrade.UNCONFIRMED, wanted)
    if name == "recovered":
        return _same("recovered" in known.clocks, wanted)
    if name == "subtype":
        return _subtype(str(wanted), known)
    if name in known.firm:
        return _same(known.firm[name], wanted)
    return _same(known.facts.get(name), wanted)


def open_facts(when: Mapping[str, str | bool], known: Known) -> tuple[str, ...]:
    """What keeps `when` open, under the names that people decide: a fact, a grade, `opinion_level` or `subtype`; each once."""
    if answer(when, known) != "open":
        return ()
    return tuple(dict.fromkeys(_decided_by(name) for name, wanted in when.items() if one(name, wanted, known) == "open"))


@dataclass(frozen=True, slots=True)
class Undecided:
    """An item that may hang on an open condition."""

    ref: str
    when: Mapping[str, str | bool]
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """One open fact, the items that hang on it and the earliest of their deadlines (None while no clock of theirs runs)."""

    fact: str
    refs: tuple[str, ...]
    deadline: datetime | None


def questions(items: Iterable[Undecided], known: Known) -> tuple[Question, ...]:
    """What has to be decided, by fact, the most urgent first; items within a question likewise."""
    by_fact: dict[str, list[Undecided]] = {}
    for item in sorted(items, key=lambda one: (_urgency(one.deadline), one.ref)):
        for fact in open_facts(item.when, known):
            by_fact.setdefault(fact, []).append(item)
    found = (Question(fact, tuple(item.ref for item in hanging), hanging[0].deadline) for fact, hanging in by_fact.items())
    return tuple(sorted(found, key=lambda question: (_urgency(question.deadline), question.fact)))


def _urgency(deadline: datetime | None) -> datetime:
    return deadline or datetime.max.replace(tzinfo=UTC)


def _decided_by(name: str) -> str:
    return "csrc_grade" if name == "is_network_incident" else name.removesuffix("_at_least")


def _same(value: Value, wanted: str | bool) -> Answer:
    """A value of another kind than what is asked for is not an answer: a count of 1 is no yes."""
    if type(value) is not type(wanted):
        return "open"
    return "yes" if value == wanted else "no"


def _subtype(wanted: str, known: Known) -> Answer:
    if known.subtype is None:
        return "open" if wanted in known.subtypes else "no"
    return "yes" if known.subtype == wanted else "no"


def _at_least(name: str, wanted: str, known: Known) -> Answer:
    if name == "opinion_level":
        reached = known.opinion_level.rank >= OpinionLevel(wanted).rank
        return "yes" if reached else "open" if known.provisional else "no"
    grade = known.cac_grade if name == "cac_grade" else known.csrc_grade
    if grade is None:
        return "open"
    grades = list(EventGrade)
    return "yes" if grades.index(grade) >= grades.index(EventGrade(wanted)) else "no"
