"""A shift of a rota: whose turn it is, when it is on, when it changes hands, and which hours a group's shifts leave open."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from workflows.core.calendar import Calendar, Year
from workflows.core.rota import TURNINGS, Shift, Turning, uncovered

ZONE = ZoneInfo("Asia/Shanghai")
#: A Friday without trading.
CLOSED = date(2026, 9, 25)
CALENDAR = Calendar({2026: Year(frozenset({CLOSED}), frozenset(), frozenset())})
#: A Monday.
START = date(2026, 9, 21)


def shift(begins: int = 9, ends: int | None = None) -> Shift:
    return Shift("daily", ("a", "b", "c"), START, time(begins), None if ends is None else time(ends))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZONE).astimezone(UTC)


def test_a_shift_that_says_no_more_has_no_name_and_lasts_from_nine_to_nine() -> None:
    plain = Shift("weekly", ("a",), START)
    assert (plain.handover, plain.until, plain.name) == (time(9), None, "")


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        # from Saturday the 19th to Tuesday the 29th
        ("daily", "bcabcabcabc"),
        ("weekly", "ccaaaaaaabb"),
        ("trading_day", "ddabcddddab"),
    ],
)
def test_whose_turn_it_is(kind: Turning, order: str) -> None:
    people = tuple("abcd" if kind == "trading_day" else "abc")
    turning = Shift(kind, people, START)
    seen = [turning.turn(date(2026, 9, day), CALENDAR) for day in range(19, 30)]
    assert ["".join(one) for one in seen] == list(order)
    more = turning.turn(date(2026, 9, 21), CALENDAR, 2)
    assert more == (turning.people[people.index(seen[2][0])], turning.people[(people.index(seen[2][0]) + 1) % len(people)])
    assert set(turning.turn(START, CALENDAR, 9)) == set(people), "each once"
    assert Shift(kind, (), START).turn(START, CALENDAR) == ()


def test_these_are_all_the_ways_to_take_turns() -> None:
    assert TURNINGS == ("weekly", "daily", "trading_day")


@pytest.mark.parametrize(
    ("found", "moment", "day"),
    [
        (shift(), "09-22 08:59", 21),
        (shift(), "09-22 09:00", 22),
        (shift(9, 9), "09-22 08:59", 21),  # as one that says no end
        (shift(9, 9), "09-22 09:00", 22),
        (shift(9, 21), "09-22 08:59", None),
        (shift(9, 21), "09-22 09:00", 22),
        (shift(9, 21), "09-22 20:59", 22),
        (shift(9, 21), "09-22 21:00", None),
        (shift(21, 9), "09-22 08:59", 21),
        (shift(21, 9), "09-22 09:00", None),
        (shift(21, 9), "09-22 20:59", None),
        (shift(21, 9), "09-22 21:00", 22),
        (shift(18, 0), "09-22 23:59", 22),
        (shift(18, 0), "09-23 00:00", None),
    ],
)
def test_the_day_that_a_shift_belongs_to_is_the_day_of_its_handover(found: Shift, moment: str, day: int | None) -> None:
    assert found.day_of(at(moment), ZONE) == (day and date(2026, 9, day))


@pytest.mark.parametrize(
    ("found", "edges"),
    [
        (shift(), ["09-21 09:00", "09-22 09:00"]),
        (shift(21, 9), ["09-21 09:00", "09-21 21:00", "09-22 09:00", "09-22 21:00"]),
        (shift(18, 0), ["09-21 00:00", "09-21 18:00", "09-22 00:00", "09-22 18:00"]),
    ],
)
def test_a_shift_may_change_hands_where_it_begins_and_ends_on_each_day_on_the_wall(found: Shift, edges: list[str]) -> None:
    assert sorted(found.edges(at("09-21 00:00"), at("09-22 23:59"), ZONE)) == [at(edge) for edge in edges]


DAY, NIGHT = shift(9, 21), shift(21, 9)


@pytest.mark.parametrize(
    ("shifts", "gap"),
    [
        ((), None),
        ((shift(),), None),
        ((shift(9, 9),), None),
        ((DAY, NIGHT), None),
        ((DAY,), (21, 9)),
        ((NIGHT,), (9, 21)),
        ((DAY, shift()), None),
        ((shift(9, 12), shift(13, 18)), (12, 13)),
        ((shift(13, 18), shift(9, 14)), (18, 9)),
        ((DAY, shift(21, 6), shift(6, 9), shift(2, 4)), None),  # the night goes on when the short one ends
    ],
)
def test_the_first_hours_that_nobody_covers(shifts: tuple[Shift, ...], gap: tuple[int, int] | None) -> None:
    assert uncovered(shifts) == (gap and (time(gap[0]), time(gap[1])))
