"""Yes, no and open: every named condition, together and asked by fact."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from workflows.core.conditions import Answer, Known, Question, Undecided, answer, one, open_facts, questions
from workflows.core.facts import Value
from workflows.core.rubric import EventGrade, OpinionLevel

NOTHING = Known(
    facts={},
    csrc_grade=None,
    cac_grade=None,
    opinion_level=OpinionLevel.MODERATE,
    provisional=True,
    subtype=None,
    subtypes=("ransomware", "intrusion"),
    clocks=frozenset({"opened", "known"}),
    firm={"cii": False, "listed": True},
)


def known(**changes: Any) -> Known:
    return replace(NOTHING, **changes)


# one condition


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        (True, True, "yes"),
        (False, True, "no"),
        (None, True, "open"),
        (True, False, "no"),
        (False, False, "yes"),
        (None, False, "open"),
        (1, True, "open"),  # a count is no yes
        (0, False, "open"),
        ("yes", True, "open"),
        ("core", "core", "yes"),
        ("minor", "core", "no"),
        (None, "core", "open"),
        (True, "core", "open"),
    ],
)
def test_a_fact(value: Value, wanted: str | bool, said: Answer) -> None:
    assert one("asked", wanted, known(facts={"asked": value, "other": wanted})) == said


def test_a_fact_nobody_has_heard_of_is_open() -> None:
    assert one("asked", True, NOTHING) == "open"


@pytest.mark.parametrize(
    ("grade", "said"),
    [
        (None, "open"),
        (EventGrade.UNCONFIRMED, "no"),
        (EventGrade.GENERAL, "yes"),
        (EventGrade.LARGER, "yes"),
        (EventGrade.MAJOR, "yes"),
        (EventGrade.EXTREME, "yes"),
    ],
)
def test_a_network_incident_follows_the_csrc_grade_alone(grade: EventGrade | None, said: Answer) -> None:
    other = EventGrade.EXTREME if said == "no" else None
    assert one("is_network_incident", True, known(csrc_grade=grade, cac_grade=other)) == said
    opposite: dict[Answer, Answer] = {"yes": "no", "no": "yes", "open": "open"}
    assert one("is_network_incident", False, known(csrc_grade=grade, cac_grade=other)) == opposite[said]


@pytest.mark.parametrize("name", ["cac_grade", "csrc_grade"])
@pytest.mark.parametrize(
    ("grade", "said"),
    [
        (None, "open"),
        (EventGrade.UNCONFIRMED, "no"),
        (EventGrade.GENERAL, "no"),
        (EventGrade.LARGER, "yes"),
        (EventGrade.MAJOR, "yes"),
        (EventGrade.EXTREME, "yes"),
    ],
)
def test_a_grade_of_at_least(name: str, grade: EventGrade | None, said: Answer) -> None:
    other = "csrc_grade" if name == "cac_grade" else "cac_grade"
    misleading = EventGrade.EXTREME if said == "no" else EventGrade.GENERAL
    assert one(f"{name}_at_least", "larger", known(**{name: grade, other: misleading})) == said


@pytest.mark.parametrize(
    ("level", "provisional", "said"),
    [
        (OpinionLevel.MILD, True, "open"),
        (OpinionLevel.MILD, False, "no"),
        (OpinionLevel.MODERATE, True, "yes"),
        (OpinionLevel.MODERATE, False, "yes"),
        (OpinionLevel.EXTREME, True, "yes"),
    ],
)
def test_an_opinion_level_of_at_least(level: OpinionLevel, provisional: bool, said: Answer) -> None:
    assert one("opinion_level_at_least", "moderate", known(opinion_level=level, provisional=provisional)) == said


@pytest.mark.parametrize(
    ("subtype", "subtypes", "said"),
    [
        (None, ("ransomware", "intrusion"), "open"),
        (None, ("intrusion",), "no"),  # no type of this incident could have it
        ("ransomware", ("ransomware",), "yes"),
        ("intrusion", ("ransomware", "intrusion"), "no"),
    ],
)
def test_a_subtype(subtype: str | None, subtypes: tuple[str, ...], said: Answer) -> None:
    assert one("subtype", "ransomware", known(subtype=subtype, subtypes=subtypes)) == said


@pytest.mark.parametrize(("clocks", "said"), [({"opened"}, "no"), ({"opened", "recovered"}, "yes")])
def test_recovered_is_a_clock(clocks: set[str], said: Answer) -> None:
    assert one("recovered", True, known(clocks=frozenset(clocks))) == said
    assert one("recovered", False, known(clocks=frozenset(clocks))) == ("no" if said == "yes" else "yes")


def test_what_the_firm_is() -> None:
    assert one("cii", False, NOTHING) == "yes"
    assert one("listed", True, NOTHING) == "yes"
    assert one("cii", True, known(facts={"cii": True})) == "no", "an incident does not change what the firm is"


# together


def test_no_condition_is_yes() -> None:
    assert answer({}, NOTHING) == "yes"


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (True, True, "yes"),
        (True, None, "open"),
        (True, False, "no"),
        (None, None, "open"),
        (None, False, "no"),
        (False, False, "no"),
    ],
)
def test_together(a: bool | None, b: bool | None, said: Answer) -> None:
    assert answer({"a": True, "b": True}, known(facts={"a": a, "b": b})) == said
    assert answer({"a": True, "b": True}, known(facts={"a": b, "b": a})) == said


FACTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([True, False, None]))
WHENS = st.dictionaries(st.sampled_from("abcd"), st.booleans())


@given(WHENS, FACTS)
def test_law_open_facts_are_what_answers_would_settle(when: dict[str, str | bool], facts: dict[str, Value]) -> None:
    asked = open_facts(when, known(facts=facts))
    assert bool(asked) == (answer(when, known(facts=facts)) == "open")
    granted = {**facts, **{name: when[name] for name in asked}}
    if asked:
        assert answer(when, known(facts=granted)) == "yes"
        for name in asked:
            assert answer(when, known(facts={**facts, name: not when[name]})) == "no"


def test_what_is_open_is_named_by_what_people_decide_and_once() -> None:
    when: dict[str, str | bool] = {
        "is_network_incident": True,
        "csrc_grade_at_least": "larger",
        "cac_grade_at_least": "larger",
        "cii": False,
    }
    assert open_facts(when, NOTHING) == ("csrc_grade", "cac_grade")
    assert open_facts({"opinion_level_at_least": "severe", "subtype": "ransomware"}, NOTHING) == ("opinion_level", "subtype")
    assert open_facts({"a": True}, NOTHING) == ("a",)
    assert open_facts({"a": True, "cii": True}, NOTHING) == (), "a no settles it: nothing is left to decide"


# asked by fact


def minute(count: int) -> datetime:
    return START + timedelta(minutes=count)


def test_questions_stand_by_fact_the_most_urgent_first() -> None:
    items = [
        Undecided("R1", {"suspected_crime": True}, minute(240)),
        Undecided("R2", {"is_network_incident": True}, minute(120)),
        Undecided("R3", {"is_network_incident": True}, minute(30)),
        Undecided("R4", {"is_network_incident": True, "suspected_crime": True}, minute(90)),
        Undecided("R5", {"cac_grade_at_least": "larger"}, None),
        Undecided("R6", {"cii": False}, minute(1)),  # settled: asks nothing
        Undecided("R7", {"suspected_crime": True}, None),
    ]
    assert questions(items, NOTHING) == (
        Question("csrc_grade", ("R3", "R4", "R2"), minute(30)),
        Question("suspected_crime", ("R4", "R1", "R7"), minute(90)),
        Question("cac_grade", ("R5",), None),
    )


def test_questions_as_urgent_stand_by_name() -> None:
    items = [
        Undecided("R2", {"b": True, "a": True}, minute(5)),
        Undecided("R1", {"a": True}, minute(5)),
        Undecided("R3", {"c": True}, None),
    ]
    assert questions(items, NOTHING) == (
        Question("a", ("R1", "R2"), minute(5)),
        Question("b", ("R2",), minute(5)),
        Question("c", ("R3",), None),
    )


def test_nothing_open_asks_nothing() -> None:
    assert questions([Undecided("R1", {}, minute(1))], NOTHING) == ()
