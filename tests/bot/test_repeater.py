"""The naive repeater of the bench: of what nobody touches it says what the plan says, no sooner and to no more people."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.bench.repeater import Word, clock_words, round_words, task_words
from tests.make import START
from tests.workflows.core.test_escalation import calmly, responses
from tests.workflows.sample import make_response, minutes
from workflows.core.chain import all_that_has_come, running
from workflows.core.clock_ladder import CLOCK_LADDER, Ladder, course
from workflows.core.escalation import Item, fire
from workflows.core.response import Response, Rung

OPEN = Item(START, "unowned", True, False, False, None, START, 0, 0, START, None, None)


def spoken(item: Item, response: Response, ends: datetime) -> list[Word]:
    """What the product's own chain says of an item that nobody touches."""
    found: list[Word] = []
    while (coming := running(item, response)) and (at := min(coming.values())) < ends:
        name = min(coming, key=lambda each: coming[each])
        item = all_that_has_come(fire(item, response, name, at), response, at).item
        found.append((at, item.level))
    return found


def no_more(ours: list[Word], theirs: list[Word]) -> bool:
    """Up to every moment as many words or fewer, none on a higher rung."""
    return all(
        sum(at <= moment for at, _ in ours) <= sum(at <= moment for at, _ in theirs)
        and rung <= max((up for at, up in theirs if at <= moment), default=-1)
        for moment, rung in ours
    )


@calmly
@given(responses(), st.none() | st.integers(5, 1000), st.integers(10, 3000))
def test_of_a_task_that_nobody_claims_it_says_what_the_chain_says(response: Response, due: int | None, span: int) -> None:
    ends = START + minutes(span)
    item = replace(OPEN, due=START + minutes(due) if due else None)
    assert list(task_words(START, item.due, ends, response)) == spoken(item, response, ends)


@calmly
@given(responses(), st.integers(5, 300), st.integers(10, 3000))
def test_of_a_round_that_its_owner_leaves_unanswered_it_says_no_more_than_the_chain(response: Response, period: int, span: int) -> None:
    begun, ends = START + timedelta(days=1), START + timedelta(days=1) + minutes(span)
    assume(period > 4)
    owned = replace(OPEN, phase="owned", standing=True, since=begun, prompted=begun, reminded=begun, due=begun + minutes(period))
    assert owned.due is not None
    assert no_more(list(round_words(begun, owned.due, ends, response)), spoken(owned, response, ends))


@calmly
@given(st.integers(1, 600), st.integers(1, 2000), st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 30))
def test_of_a_clock_it_says_what_the_ladder_says(within: int, span: int, waits: list[int], repeat: int) -> None:
    rungs = tuple(Rung(("group",), minutes(wait)) for wait in waits)
    ladder = Ladder(rungs, minutes(sum(waits)), minutes(repeat), timedelta(days=1), timedelta(hours=1))
    deadline, ends = START + minutes(within), START + minutes(span)
    steps, at = [], START
    known = course(START, deadline, ladder, in_days=False)
    while (step := known.following(at)).at < ends:
        steps.append((step.at, step.rung))
        at = step.at
    assert list(clock_words(START, deadline, ends, ladder)) == steps


@pytest.mark.parametrize(("ends", "count"), [(10, 0), (11, 1), (21, 2), (106, 8)])
def test_worked_out_by_hand(ends: int, count: int) -> None:
    """Ten minutes for the claim, then every ten minutes a rung up, and every quarter of an hour at the end."""
    response = make_response(
        claim_within=minutes(10),
        rungs=tuple(Rung((who,), minutes(10)) for who in ("owner", "group.head", "lead")),
        terminal_repeat=minutes(15),
        terminal_max=None,
    )
    words = list(task_words(START, None, START + minutes(ends), response))
    assert len(words) == count
    told = [(START + minutes(at), rung) for at, rung in ((10, 1), (20, 2), (30, 3), (45, 3), (60, 3), (75, 3), (90, 3), (105, 3))]
    assert words == told[:count]


def test_a_clock_by_hand() -> None:
    """Half an hour: asked at half time, the ladder from 20 on, the control group at 27, all of it every five minutes from 30 on."""
    words = list(clock_words(START, START + minutes(30), START + minutes(41), CLOCK_LADDER))
    assert words == [(START + minutes(at), rung) for at, rung in ((15, 0), (20, 0), (22, 1), (24, 2), (27, 3), (30, 3), (35, 3), (40, 3))]
