"""A grade suggested from the firm's own thresholds: what reached it, and what is not known."""

from datetime import date, timedelta

import pytest

from tests.make import START
from workflows.core.facts import Value
from workflows.core.rubric import EventGrade
from workflows.core.thresholds import MINUTES, Threshold, figures_of, suggest


def make_threshold(event: str, grade: str, measure: str, at_least: float, together: int = 1) -> Threshold:
    return Threshold(event, EventGrade(grade), measure, at_least, "附表", "第3项", "guo.ping", date(2026, 11, 22), True, together)


#: None of these figures is anybody's law.
ENTERED = (
    make_threshold("core_trading", "general", "interruption_minutes", 1),
    make_threshold("core_trading", "larger", "interruption_minutes", 7),
    make_threshold("core_trading", "major", "interruption_minutes", 41),
    make_threshold("core_trading", "major", "affected_clients", 900, 2),
    make_threshold("core_trading", "major", "system_class", 5, 2),
    make_threshold("other_system", "general", "interruption_minutes", 90),
    make_threshold("data", "major", "leaked_persons", 77_000),
    make_threshold("settlement", "larger", "settlement_unfinished", 1),
)


@pytest.mark.parametrize(
    ("figures", "subtype", "grade", "met"),
    [
        ({}, None, None, []),
        ({"interruption_minutes": 0}, "central_trading", None, []),
        ({"interruption_minutes": 7}, "central_trading", "larger", [7]),
        ({"interruption_minutes": 6.9}, "central_trading", "general", [1]),
        ({"interruption_minutes": 50}, "quotes", None, []),
        ({"interruption_minutes": 120}, "quotes", "general", [90]),
        ({"interruption_minutes": 8, "affected_clients": 900}, "online_trading", "larger", [7]),
        ({"interruption_minutes": 8, "affected_clients": 900, "system_class": 5}, "online_trading", "major", [900, 5]),
        ({"leaked_persons": 77_000}, "ransomware", "major", [77_000]),
        ({"leaked_persons": 77_000}, "clearing", None, []),
        ({"settlement_unfinished": True}, "clearing", "larger", [1]),
        ({"settlement_unfinished": False}, "clearing", None, []),
    ],
)
def test_the_heaviest_that_is_reached_and_by_what(
    figures: dict[str, Value], subtype: str | None, grade: str | None, met: list[float]
) -> None:
    found = suggest(ENTERED, figures, subtype)
    assert (found.grade, [one.at_least for one in found.met]) == (grade, met)


def test_it_says_what_is_not_known_and_could_make_it_heavier() -> None:
    assert suggest(ENTERED, {}, "central_trading").unknown == ("interruption_minutes", "affected_clients", "system_class")
    assert suggest(ENTERED, {"interruption_minutes": 8, "affected_clients": 950}, "central_trading").unknown == ("system_class",)
    assert suggest(ENTERED, {"interruption_minutes": 8, "affected_clients": 10}, "central_trading").unknown == (), (
        "what is known speaks against it"
    )
    assert suggest((), {"interruption_minutes": 500}, None).grade is None


def test_minutes_are_worked_out_only_while_trading_is_affected_and_nobody_has_stated_them() -> None:
    until, down = START + timedelta(minutes=12, seconds=59), {"affects_trading": True}
    assert figures_of(down, START, until) == ({**down, MINUTES: 12}, True)
    assert figures_of({**down, MINUTES: 5}, START, until) == ({**down, MINUTES: 5}, False)
    assert figures_of(down, None, until) == (down, False)
    assert figures_of({"pi_incident": True}, START, until) == ({"pi_incident": True}, False)
