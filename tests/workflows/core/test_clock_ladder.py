"""When a regulator's clock speaks and who hears it."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.sample import ORGANIZATION, minutes
from workflows.core.channels import Reach
from workflows.core.clock_ladder import CLOCK_LADDER, Course, Hearing, Ladder, course, hearing, of_few
from workflows.core.people import Group
from workflows.core.response import Rung


def at(count: float) -> datetime:
    return START + minutes(count)


def spoken(found: Course, until: float) -> list[tuple[float, int]]:
    """(minute, rung) of every word until then."""
    words, moment = [], START
    while (step := found.following(moment)).at <= at(until):
        words.append(((step.at - START) / minutes(1), step.rung))
        moment = step.at
    return words


def test_half_time_then_the_climb_ends_at_the_deadline_and_goes_on() -> None:
    assert spoken(course(START, at(30), CLOCK_LADDER, in_days=False), 42) == [
        (15, 0),
        (20, 0),
        (22, 1),
        (24, 2),
        (27, 3),
        (30, 3),
        (35, 3),
        (40, 3),
    ]


def test_half_time_too_close_to_the_climb_is_left_out() -> None:
    assert spoken(course(START, at(24), CLOCK_LADDER, in_days=False), 16) == [(14, 0), (16, 1)]  # half time 12
    assert spoken(course(START, at(24.1), CLOCK_LADDER, in_days=False), 15) == [(12.05, 0), (14.1, 0)]


def test_a_short_clock_climbs_at_once() -> None:
    assert spoken(course(START, at(5), CLOCK_LADDER, in_days=False), 20) == [(2, 1), (4, 2), (5, 2), (7, 3), (10, 3), (15, 3), (20, 3)]


def test_the_first_word_counts_as_one() -> None:
    assert spoken(course(START, at(10), CLOCK_LADDER, in_days=False), 10) == [(2, 1), (4, 2), (7, 3), (10, 3)]
    assert spoken(course(START, at(11), CLOCK_LADDER, in_days=False), 8) == [(1, 0), (3, 1), (5, 2), (8, 3)]


@pytest.mark.parametrize("deadline", [-100, -5, 0])
def test_what_was_late_from_the_start_climbs_from_now(deadline: float) -> None:
    assert spoken(course(START, at(deadline), CLOCK_LADDER, in_days=False), 15) == [(2, 1), (4, 2), (7, 3), (10, 3), (15, 3)]


def test_a_clock_in_days_asks_a_day_before_and_repeats_slowly() -> None:
    week = 7 * 24 * 60
    words = spoken(course(START, at(week), CLOCK_LADDER, in_days=True), week + 130)
    assert words == [
        (week / 2, 0),
        (week - 24 * 60, 0),
        (week - 10, 0),
        (week - 8, 1),
        (week - 6, 2),
        (week - 3, 3),
        (week, 3),
        (week + 60, 3),
        (week + 120, 3),
    ]
    assert spoken(course(START, at(week), CLOCK_LADDER, in_days=False), week - 9) == [(week / 2, 0), (week - 10, 0)]


def test_two_early_asks_too_close_are_one() -> None:
    two_days = 2 * 24 * 60
    assert spoken(course(START, at(two_days + 2), CLOCK_LADDER, in_days=True), two_days - 20) == [(two_days / 2 + 2, 0)]
    assert len(spoken(course(START, at(two_days + 20), CLOCK_LADDER, in_days=True), two_days)) == 2


def test_an_ask_too_close_to_the_first_word_is_left_out() -> None:
    day = 24 * 60
    assert spoken(course(START, at(day + 2), CLOCK_LADDER, in_days=True), day - 9) == [(day / 2 + 1, 0)]
    assert spoken(course(START, at(day + 3), CLOCK_LADDER, in_days=True), day - 9) == [(3, 0), (day / 2 + 1.5, 0)]


def test_a_slower_ladder_climbs_past_the_deadline() -> None:
    slow = replace(CLOCK_LADDER, rungs=(Rung(("group",), minutes(6)), Rung(("lead",), minutes(20))))
    assert spoken(course(START, at(30), slow, in_days=False), 56) == [(15, 0), (20, 0), (26, 1), (30, 1), (46, 1), (51, 1), (56, 1)]


# the arithmetic of a course


def test_reached_and_counted() -> None:
    found = course(START, at(30), CLOCK_LADDER, in_days=False)
    assert found.reached(at(14.9)) is None
    assert found.count(at(14.9)) == 0
    for minute, rung, count in ((15, 0, 1), (19.9, 0, 1), (22, 1, 3), (29, 3, 5), (30, 3, 6), (34.9, 3, 6), (35, 3, 7), (130, 3, 26)):
        step = found.reached(at(minute))
        assert step is not None
        assert (step.rung, found.count(at(minute))) == (rung, count)
    assert found.reached(at(34.9)) == found.reached(at(30))


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    waits = draw(st.lists(st.integers(1, 60).map(minutes), min_size=1, max_size=5))
    return Ladder(
        tuple(Rung(("group",), wait) for wait in waits),
        before=draw(st.integers(1, 120).map(minutes)),
        repeat=draw(st.integers(1, 60).map(minutes)),
        day_before=draw(st.integers(60, 3000).map(minutes)),
        repeat_days=draw(st.integers(1, 600).map(minutes)),
        repeat_ladder=draw(st.none() | st.integers(1, 200).map(minutes)),
    )


DEADLINES = st.integers(-500, 20_000)


@given(ladders(), DEADLINES, st.booleans(), st.integers(0, 40_000), st.integers(0, 5_000))
def test_law_a_course_is_one_row_of_words(ladder: Ladder, deadline: int, in_days: bool, a: int, b: int) -> None:
    found = course(START, at(deadline), ladder, in_days=in_days)
    following = found.following(at(a))
    assert following.at > at(a)
    assert found.reached(following.at) == following
    assert found.count(following.at) == found.count(at(a)) + 1
    assert found.count(following.at - timedelta.resolution) == found.count(at(a))
    reached = found.reached(at(a))
    assert reached is None or reached.at <= at(a)
    assert found.count(at(a)) <= found.count(at(a + b))


@given(ladders(), DEADLINES, st.booleans())
def test_law_it_never_falls_back_and_speaks_at_the_deadline(ladder: Ladder, deadline: int, in_days: bool) -> None:
    found = course(START, at(deadline), ladder, in_days=in_days)
    assert all(before.at < after.at and before.rung <= after.rung for before, after in pairwise(found.steps))
    assert found.steps[0].at > START
    assert found.steps[-1].rung == len(ladder.rungs) - 1
    if deadline > 0:
        assert at(deadline) in [step.at for step in found.steps]
    for rung in range(1, len(ladder.rungs)):
        assert any(step.rung == rung for step in found.steps)


@given(ladders(), DEADLINES, st.booleans(), st.integers(0, 40_000))
def test_law_past_the_deadline_it_is_never_silent_for_long(ladder: Ladder, deadline: int, in_days: bool, now: int) -> None:
    found = course(START, at(deadline), ladder, in_days=in_days)
    pace = ladder.repeat_days if in_days else ladder.repeat
    moment = max(at(now), at(deadline), START)
    assert found.following(moment).at - moment <= max(pace, *(rung.wait for rung in ladder.rungs))


@pytest.mark.parametrize(
    ("every", "in_days", "whole"),
    [(None, False, 5), (5, False, 5), (4, False, 5), (14.9, False, 10), (15, False, 15), (30, False, 30), (30, True, 60), (150, True, 120)],
)
def test_the_whole_ladder_hears_so_many_repeats_as_fit(every: float | None, in_days: bool, whole: float) -> None:
    ladder = replace(CLOCK_LADDER, repeat_ladder=minutes(every) if every else None)
    found = course(START, at(30), ladder, in_days=in_days)
    assert found.whole == minutes(whole)
    assert found.next_for_all(at(100_000)) <= at(100_000) + minutes(whole)


def for_all(deadline: float, until: float) -> list[float]:
    """The minutes after START (of an hour that begins there) at which the whole ladder hears it."""
    found = course(START, at(deadline), replace(CLOCK_LADDER, repeat_ladder=minutes(30)), in_days=False)
    every = [found.reached(at(minute)) for minute in range(int(until) + 1)]
    return sorted({(step.at - START) / minutes(1) for step in every if step and found.for_all(step)})


def test_clocks_that_are_late_together_are_told_together() -> None:
    """At each half hour, or at the first repeat after it; what a step says, all of its rungs hear."""
    assert START.minute == 0
    assert for_all(40, 125) == [20, 30, 32, 34, 37, 40, 60, 90, 120]
    assert for_all(50, 125) == [25, 40, 42, 44, 47, 50, 60, 90, 120]
    assert for_all(5, 125) == [2, 4, 5, 7, 10, 30, 60, 90, 120]
    assert for_all(52, 125) == [26, 42, 44, 46, 49, 52, 62, 92, 122]


def test_when_all_hear_it_next() -> None:
    found = course(START, at(40), replace(CLOCK_LADDER, repeat_ladder=minutes(30)), in_days=False)
    asked = (0, 40, 45, 55, 59.9, 60, 60.1)
    assert [(found.next_for_all(at(minute)) - START) / minutes(1) for minute in asked] == [20, 60, 60, 60, 60, 90, 90]


@given(ladders(), DEADLINES, st.booleans(), st.integers(0, 40_000))
def test_law_the_whole_ladder_hears_it_within_its_own_pace(ladder: Ladder, deadline: int, in_days: bool, now: int) -> None:
    found = course(START, at(deadline), ladder, in_days=in_days)
    assert found.whole <= max(ladder.repeat_ladder or found.repeat, found.repeat)
    assert all(found.for_all(step) for step in found.steps)
    moment = max(at(now), found.steps[-1].at)
    assert moment < found.next_for_all(moment) <= moment + found.whole
    apart = found.next_for_all(found.next_for_all(moment)) - found.next_for_all(moment)
    assert apart == found.whole, "no more often either"


# who hears it


def heard(rung: int, group: str = "tech", commander: str | None = "ma.chao", ladder: Ladder = CLOCK_LADDER) -> Hearing:
    return hearing(rung, ladder, ORGANIZATION, group=group, commander=commander)


def test_each_rung_adds_people() -> None:
    assert heard(0) == Hearing(0, ("wang.qiang",), False, (), ("wang.qiang",))
    assert heard(1) == Hearing(1, ("wang.qiang", "zhao.min", "ma.chao"), False, (), ("wang.qiang", "zhao.min", "ma.chao"))
    everybody = ("wang.qiang", "zhao.min", "ma.chao", "zhou.heng", "lin.yue")
    assert heard(2) == Hearing(2, everybody, False, (), ("ma.chao", "zhou.heng", "lin.yue"))
    assert heard(3) == Hearing(3, everybody, True, ())


def test_the_commander_hears_once() -> None:
    assert heard(2, commander="li.na").people == ("wang.qiang", "zhao.min", "ma.chao", "li.na", "zhou.heng", "lin.yue")
    assert heard(2, commander=None).people == ("wang.qiang", "zhao.min", "ma.chao", "zhou.heng", "lin.yue")


def test_a_rung_that_means_nobody_is_skipped_and_named() -> None:
    leads = ("ma.chao", "zhou.heng", "lin.yue")
    assert heard(0, group="nobody") == Hearing(2, leads, False, ("group.duty", "group"), leads)
    assert heard(1, group="nobody") == Hearing(2, leads, False, ("group",), leads)
    assert heard(2, group="nobody").skipped == (), "what was skipped below was said when it was reached"


def test_people_who_left_hear_nothing() -> None:
    gone = replace(ORGANIZATION, groups={**ORGANIZATION.groups, "tech": Group("tech", "技术组", "gone", members=("ma.chao",))})
    assert hearing(0, CLOCK_LADDER, gone, group="tech", commander=None) == Hearing(1, ("ma.chao",), False, ("group.duty",), ("ma.chao",))


def test_past_the_last_rung_there_is_the_control_group() -> None:
    short = replace(CLOCK_LADDER, rungs=(Rung(("group",), minutes(1)), Rung(("role:nobody", "fund"), minutes(1))))
    assert heard(1, ladder=short) == Hearing(1, ("wang.qiang", "zhao.min", "ma.chao"), True, ("role:nobody fund",))
    assert heard(0, group="nobody", ladder=short) == Hearing(1, (), True, ("group", "role:nobody fund"))


def test_of_few_hear_those_who_must_act() -> None:
    """The doer, and only them; who is no part of it does not join; the chats of the incident have heard it."""
    all_of_it = replace(heard(3), own=("lin.yue",))
    assert of_few(all_of_it, ("wang.qiang", "sun.jie"), CLOCK_LADDER) == Hearing(3, ("wang.qiang",), True, (), (), True)
    assert of_few(all_of_it, ("lin.yue", "ma.chao"), CLOCK_LADDER).people == ("ma.chao", "lin.yue")


@pytest.mark.parametrize("acting", [(), ("sun.jie",), heard(3).people], ids=["nobody", "a stranger", "all of them"])
def test_where_few_are_nobody_or_everybody_all_hear_it(acting: tuple[str, ...]) -> None:
    assert of_few(heard(3), acting, CLOCK_LADDER) == heard(3)


def test_where_few_cannot_be_reached_all_hear_it() -> None:
    by_mail = replace(CLOCK_LADDER, rungs=(*CLOCK_LADDER.rungs[:3], Rung(("control",), minutes(3), ("mail",))))
    reach: Reach = lambda person: frozenset({"mail"} if person == "wang.qiang" else {"card"})  # noqa: E731
    assert of_few(heard(3), ("ma.chao",), by_mail, reach) == heard(3)
    assert of_few(heard(3), ("ma.chao", "wang.qiang"), by_mail, reach).people == ("wang.qiang", "ma.chao")


def test_the_default_ladder_is_ten_minutes_long() -> None:
    assert CLOCK_LADDER.rungs[-1].to == ("control",)
    assert [rung.wait for rung in CLOCK_LADDER.rungs] == [minutes(2), minutes(2), minutes(3), minutes(3)]
    assert sum((rung.wait for rung in CLOCK_LADDER.rungs), timedelta()) == CLOCK_LADDER.before
