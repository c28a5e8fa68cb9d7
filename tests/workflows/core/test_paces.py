"""The paces of one item, word for word: how long each kind of silence lasts, where it climbs, where it ends, and what pauses."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.make import START
from tests.workflows.core.test_hours import HOURS, at
from tests.workflows.sample import ORGANIZATION, make_response, minutes
from workflows.core.escalation import NAMES, Item, audience, fire, next_due, passed_over, repaced
from workflows.core.response import PAUSABLE, Response, Rung

#: No two waits alike, so that none can stand for another.
RESPONSE = make_response(
    claim_within=minutes(11),
    progress_every=minutes(40),
    progress_grace=minutes(7),
    remind_before=minutes(10),
    overdue_repeat=minutes(20),
    overdue_climb_every=2,
    verify_within=minutes(25),
    rungs=(Rung(("owner",), minutes(13)), Rung(("lead",), minutes(14))),
    terminal_repeat=minutes(16),
    terminal_slow=minutes(60),
    terminal_max=2,
)
OPEN = Item(START, "unowned", True, False, False, None, START, 0, 0, START, None, None)
OWNED, DONE = replace(OPEN, phase="owned"), replace(OPEN, phase="done")
#: Reminded at 30, 50 and 60.
DUE = replace(OWNED, due=START + minutes(60))


def after(count: float) -> datetime:
    return START + minutes(count)


def late(item: Item) -> Item:
    """The same, with the reminder of its due said at START."""
    return replace(item, due=START, reminded=START)


@pytest.mark.parametrize(
    ("item", "name", "waits", "levels"),
    [
        (OPEN, "response", [11, 14, 16, 16, 60, 60], [1, 2, 2, 2, 2, 2]),
        (OWNED, "progress", [40, 7, 14, 16, 16, 60], [0, 1, 2, 2, 2, 2]),
        (replace(OWNED, blocked=True), "progress", [20, 7, 14, 16, 16, 60], [0, 1, 2, 2, 2, 2]),
        (late(OWNED), "overdue", [20, 20, 20, 20, 16, 16, 60], [0, 1, 1, 2, 2, 2, 2]),
        (late(OPEN), "overdue", [13, 14, 16, 16, 60], [1, 2, 2, 2, 2]),
        (DONE, "verify", [25, 13, 14, 16, 16, 60], [0, 1, 2, 2, 2, 2]),
        (late(DONE), "verify", [25, 13, 14, 16, 16, 60], [0, 1, 2, 2, 2, 2]),
    ],
)
def test_each_silence_has_its_wait_and_its_rung(item: Item, name: str, waits: list[int], levels: list[int]) -> None:
    seen, now = [], START
    for _ in waits:
        due = next_due(item, RESPONSE)[name]
        item = fire(item, RESPONSE, name, due).item
        seen.append(((due - now) / minutes(1), item.level))
        now = due
    assert seen == list(zip(waits, levels, strict=True))


def test_on_a_rung_its_own_wait_counts_even_before_the_first_round() -> None:
    assert next_due(replace(OWNED, level=1), RESPONSE) == {"progress": after(14)}


@pytest.mark.parametrize(
    ("item", "names"),
    [
        (OPEN, {"response"}),
        (OWNED, {"progress"}),
        (DUE, {"progress", "due"}),
        (replace(OWNED, standing=True), {"progress"}),
        (replace(DUE, standing=True), {"due"}),
        (replace(DUE, phase="unowned"), {"response", "due"}),
        (late(OWNED), {"overdue"}),
        (late(DONE), {"verify"}),
    ],
)
def test_which_timers_run(item: Item, names: set[str]) -> None:
    assert set(next_due(item, RESPONSE)) == names
    assert names <= set(NAMES)


FRIDAY = at("2026-11-20 16:30")
MONDAY = at("2026-11-23 09:00")


@pytest.mark.parametrize(
    ("item", "name", "expected"),
    [
        (OWNED, "progress", MONDAY + minutes(10)),
        (replace(OWNED, round=1, prompted=at("2026-11-20 16:55")), "progress", MONDAY + minutes(2)),
        (replace(OWNED, round=3, level=2, prompted=at("2026-11-20 16:50")), "progress", MONDAY + minutes(6)),
        (replace(OWNED, due=at("2026-11-21 04:00")), "due", MONDAY),
        (replace(OWNED, due=FRIDAY, reminded=FRIDAY), "overdue", at("2026-11-20 16:50")),
        (replace(OWNED, due=FRIDAY, reminded=FRIDAY, prompted=at("2026-11-20 16:50")), "overdue", MONDAY + minutes(10)),
        (replace(DONE, prompted=at("2026-11-20 16:50")), "verify", MONDAY + minutes(15)),
    ],
)
def test_each_timer_pauses_by_itself(item: Item, name: str, expected: datetime) -> None:
    """Service hours end at 17:00 on Friday and begin at 9:00 on Monday."""
    found = replace(item, created=FRIDAY, since=FRIDAY, prompted=FRIDAY if item.prompted == START else item.prompted)
    assert next_due(found, paused(name))[name] == expected
    others = paused(*(other for other in PAUSABLE if other != name))
    assert next_due(found, others)[name] == next_due(found, RESPONSE)[name]


def paused(*timers: str) -> Response:
    return replace(RESPONSE, hours=HOURS, calendars=dict.fromkeys(timers, "service_hours"))


def test_a_claim_never_pauses() -> None:
    found = replace(OPEN, created=FRIDAY, since=FRIDAY, prompted=at("2026-11-20 16:55"))
    assert next_due(found, paused(*PAUSABLE)) == {"response": at("2026-11-20 17:06")}


# What a word leaves behind


@pytest.mark.parametrize(("moment", "prompted"), [(30, 5), (50, 5), (60, 60)])
def test_only_the_reminder_at_the_due_itself_starts_the_wait_anew(moment: float, prompted: float) -> None:
    said = fire(replace(DUE, prompted=after(5), reminded=after(moment - 1)), RESPONSE, "due", after(moment)).item
    assert (said.reminded, said.prompted) == (after(moment), after(prompted))


@pytest.mark.parametrize(("item", "reminded"), [(DUE, 55), (OWNED, 55), (replace(DUE, reminded=after(57)), 57)])
def test_a_reminder_counts_as_said_when_it_is_said_and_never_comes_again_when_the_clock_is_set_back(item: Item, reminded: float) -> None:
    assert fire(item, RESPONSE, "due", after(55)).item.reminded == after(reminded)


@pytest.mark.parametrize(("level", "following"), [(0, 1), (1, 2), (2, 2)])
def test_whom_nobody_could_reach_gives_place_to_the_next_rung_at_once(level: int, following: int) -> None:
    fired = passed_over(replace(OPEN, level=level, round=3), RESPONSE, after(9))
    assert (fired.item, fired.missed, fired.climbed) == (replace(OPEN, level=following, round=4, prompted=after(9)), 0, True)


# A response that has just changed

STANDING = replace(DUE, standing=True)


@pytest.mark.parametrize(
    ("heard", "now", "reminded"),
    [
        (None, 29, None),
        (None, 35, None),  # the one that went by is said now
        (None, 50, 30),
        (None, 55, 30),
        (30, 55, 30),
        (50, 55, 50),  # heard before: it does not come again
    ],
)
def test_of_the_reminders_that_went_by_the_new_pace_says_the_last(heard: float | None, now: float, reminded: float | None) -> None:
    before, expected = (replace(STANDING, reminded=None if count is None else after(count)) for count in (heard, reminded))
    found = repaced(before, RESPONSE, after(now))
    assert found == expected
    assert fire(found, RESPONSE, "due", after(now)).missed == 0


def test_what_the_new_pace_would_have_said_long_ago_is_due_now() -> None:
    found = repaced(OWNED, RESPONSE, after(100))
    assert (found.prompted, next_due(found, RESPONSE)) == (after(60), {"progress": after(100)})
    assert repaced(OWNED, RESPONSE, after(39)) == OWNED
    assert repaced(replace(OWNED, live=False), RESPONSE, after(100)) == replace(OWNED, live=False)


def test_a_snooze_keeps_what_is_due_now_until_its_end() -> None:
    found = repaced(replace(OWNED, snoozed=after(130)), RESPONSE, after(100))
    assert found.prompted == after(60)
    assert next_due(found, RESPONSE) == {"progress": after(130)}
    assert fire(found, RESPONSE, "progress", after(130)).missed == 0


# Whom a rung means


def test_while_nobody_is_on_duty_the_first_rung_is_the_head_and_the_deputy_of_the_items_group() -> None:
    nobody = replace(ORGANIZATION, on_duty={"tech": ()})
    found = audience(0, RESPONSE, nobody, group="tech", owner=(), commander=None)
    assert (found.people, found.level) == (("wang.qiang", "zhao.min"), 0)


def test_these_are_all_the_timers() -> None:
    assert set(NAMES) == {"response", "progress", "due", "overdue", "verify"}
