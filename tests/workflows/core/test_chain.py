"""The rounds of one item: what comes close together is one word, and what an outage or quiet hours kept is counted."""

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from tests.make import START
from tests.workflows.sample import make_response, minutes
from workflows.core.calendar import Calendar
from workflows.core.chain import Held, all_that_has_come, caught_up, held, running, timers
from workflows.core.escalation import NAMES, Fired, Item
from workflows.core.quiet import Quiet, QuietHours

#: Of an owner: asked after half an hour, then every ten minutes up the ladder.
RESPONSE = make_response()
OWNED = Item(START, "owned", True, False, False, None, START, 0, 0, START, None, None)
#: Reminded at 30, 50 and 60.
DUE = replace(OWNED, due=START + minutes(60))
#: From 14:15 to 15:05, while START is 14:00.
QUIET = replace(RESPONSE, quiet=Quiet(QuietHours(time(14, 15), time(15, 5)), ZoneInfo("Asia/Shanghai"), Calendar()))


def after(count: float) -> datetime:
    return START + minutes(count)


@pytest.mark.parametrize(
    ("asked", "reminded"),
    [(27.9, 30), (28, 50), (30, 50), (32, 50), (32.1, 30), (48, 30)],
)
def test_a_due_reminder_within_two_minutes_of_another_word_is_left_to_that_one(asked: float, reminded: float) -> None:
    assert running(DUE, make_response(progress_every=minutes(asked)))["due"] == after(reminded)


def test_of_two_reminders_each_may_be_left_to_a_word_but_not_the_one_at_the_due_itself() -> None:
    just = replace(DUE, round=1, prompted=after(29))
    assert running(just, make_response(progress_grace=minutes(20))) == {"progress": after(49), "due": after(60)}
    assert running(just, make_response(progress_grace=minutes(30)))["due"] == after(50)
    last = replace(DUE, reminded=after(50))
    assert running(last, make_response(progress_every=minutes(60))) == {"progress": after(60), "due": after(60)}


@pytest.mark.parametrize(("round_", "prompted", "reminded"), [(1, 29, 50), (1, 28, 50), (1, 27.9, 30), (0, 29, 30), (1, None, 30)])
def test_a_word_that_was_just_said_takes_the_reminder_with_it_and_a_start_that_nobody_heard_does_not(
    round_: int, prompted: float | None, reminded: float
) -> None:
    found = replace(DUE, round=round_, prompted=None if prompted is None else after(prompted))
    assert running(found, RESPONSE)["due"] == after(reminded)


def test_all_timers_are_named_and_those_that_do_not_run_have_no_moment() -> None:
    found = timers(DUE, make_response(progress_every=minutes(20)))
    assert [timer.name for timer in found] == list(NAMES)
    assert {timer.name: timer.due for timer in found if timer.due} == {"progress": after(20), "due": after(30)}


@pytest.mark.parametrize("name", ["progress", "due"])
@pytest.mark.parametrize("late", [30, 32, 32.1, 39])
def test_what_comes_at_one_moment_is_one_word_and_however_late_none_of_it_was_missed(name: str, late: float) -> None:
    said = caught_up(DUE, RESPONSE, name, after(late))
    assert (said.missed, said.climbed) == (0, False)
    assert (said.item.prompted, said.item.reminded) == (after(late), after(late))


@pytest.mark.parametrize(("late", "missed"), [(39.9, 0), (40, 1), (42.1, 1), (49.9, 1), (50, 2), (59.9, 2), (60, 3), (62.1, 3)])
def test_of_words_that_were_due_one_after_the_other_all_but_the_one_that_is_said_were_missed(late: float, missed: int) -> None:
    """Asked and reminded at 30, up the ladder at 40, at 50 with the second reminder, at 60 with the due."""
    assert caught_up(DUE, RESPONSE, "progress", after(late)).missed == missed


def test_one_word_answers_the_rounds_of_every_timer_whichever_came_first() -> None:
    """Away until 51: reminded at 30 and 50, and asked at 20, 35 and 45, which is two rungs up."""
    response = make_response(progress_every=minutes(20), progress_grace=minutes(15))
    for name in ("progress", "due"):
        said = caught_up(DUE, response, name, after(51))
        assert (said.missed, said.item.level, said.item.round, said.climbed) == (4, 2, 3, True)
        assert min(running(said.item, response).values()) > after(51)


def test_a_reminder_that_comes_by_now_is_never_said_after_the_word() -> None:
    fired = Fired(replace(OWNED, round=1), 0, True)
    said = all_that_has_come(fired, RESPONSE, after(5))
    assert (said.missed, said.climbed, said.item) == (0, True, replace(OWNED, round=1, reminded=after(5)))
    ahead = replace(fired, item=replace(fired.item, reminded=after(65)))
    assert all_that_has_come(ahead, RESPONSE, after(5)).item.reminded == after(65), "not even when the clock is set back"


def test_without_quiet_hours_nothing_waits() -> None:
    assert held(DUE, RESPONSE, after(65)) == Held(False, 0)


def test_quiet_hours_count_the_words_that_they_kept_beside_the_one_that_is_said() -> None:
    """Asked at 30, 40, 50 and 60; the one at 65 is said."""
    assert held(OWNED, QUIET, after(65)) == Held(True, 3)
    assert held(DUE, QUIET, after(65)) == Held(True, 3), "reminders and asks come together, and at 60 there is one word"
    assert held(replace(OWNED, prompted=after(40), since=after(40)), QUIET, after(70)) == Held(False, 0), "it came after they ended"
    assert held(replace(OWNED, live=False), QUIET, after(65)) == Held(False, 0)
