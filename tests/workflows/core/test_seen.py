"""收到 of one person: what it quiets, what it never quiets, and that it lapses."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.core.test_escalation import calmly, cases
from tests.workflows.sample import make_response, make_task, minutes
from workflows.core.chain import all_that_has_come, running
from workflows.core.escalation import Item, fire
from workflows.core.response import Response
from workflows.core.seen import Seen
from workflows.task import State, seen_until, still_seen

RESPONSE = make_response(seen_for=minutes(30))
SEEN = Seen(1, START)


def after(count: float) -> datetime:
    return START + minutes(count)


@pytest.mark.parametrize(
    ("level", "minute", "quiet"),
    [(0, 0, True), (1, 0, True), (1, 29.9, True), (1, 30, False), (1, 500, False), (2, 0, False), (2, 29, False)],
)
def test_a_rung_no_higher_is_quiet_until_it_lapses(level: int, minute: float, quiet: bool) -> None:
    assert SEEN.quiets(level, RESPONSE, None, after(minute)) is quiet


@pytest.mark.parametrize(("due", "until"), [(None, 30), (10, 10), (30, 30), (31, 30), (0, 30), (-5, 30)])
def test_the_due_ends_it_unless_it_had_come_before(due: int | None, until: int) -> None:
    assert SEEN.until(RESPONSE, None if due is None else after(due)) == after(until)


def test_where_the_plan_wants_none_it_quiets_nothing() -> None:
    assert not SEEN.quiets(0, replace(RESPONSE, seen_for=timedelta(0)), None, START)


def test_of_what_waits_for_its_check_the_due_is_no_news() -> None:
    late = make_task(due_at=after(10))
    assert seen_until(late, SEEN, RESPONSE) == after(10)
    assert seen_until(replace(late, state=State.DONE), SEEN, RESPONSE) == after(30)
    assert still_seen(replace(late, state=State.DONE), SEEN, level=1, response=RESPONSE, now=after(20))
    assert not still_seen(late, SEEN, level=1, response=RESPONSE, now=after(20))
    assert not still_seen(late, None, level=0, response=RESPONSE, now=START)


def words(item: Item, response: Response, count: int) -> list[tuple[datetime, int]]:
    found: list[tuple[datetime, int]] = []
    while len(found) < count:
        coming = running(item, response)
        name = min(coming, key=lambda each: coming[each])
        item = all_that_has_come(fire(item, response, name, coming[name]), response, coming[name]).item
        found.append((coming[name], item.level))
    return found


@calmly
@given(cases(), st.integers(0, 11), st.integers(0, 3600), st.integers(1, 600))
def test_whoever_is_told_every_word_and_says_so_once_misses_repeats_and_nothing_else(
    case: tuple[Response, Item], number: int, thinks: int, span: int
) -> None:
    """A reader of all rungs: after 收到 to one word the next that they hear is no later than the first word past the end of it, than the
    next higher rung, than the due."""
    response, found = replace(case[0], seen_for=minutes(span)), case[1]
    said = words(found, response, 40)
    at = said[number][0] + timedelta(seconds=thinks)
    level = max(rung for moment, rung in said if moment <= at)
    seen, coming = Seen(level, at), [word for word in said if word[0] > at]
    kept = [word for word in coming if seen.quiets(word[1], response, found.due, word[0])]
    assert kept == coming[: len(kept)], "a stretch without a gap, and then everything"
    assert all(rung == level and moment < at + minutes(span) for moment, rung in kept)
    assert not any(found.due and at < found.due <= moment for moment, _ in kept)
    if coming and coming[0][1] == level and coming[0][0] < seen.until(response, found.due):
        assert kept, "and a repeat that comes in time is kept"
