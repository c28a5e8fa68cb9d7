"""Arithmetic on instants: examples that a person can check, and the laws."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workflows.core.deadlines import (
    claim_wait,
    jitter,
    missed_rounds,
    next_reminder,
    next_round,
    reminders,
    split_due,
)

START = datetime(2026, 9, 30, 8, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)
TWO = timedelta(minutes=2)
ZERO = timedelta()
SECOND = timedelta(seconds=1)

ZONES = st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=5, minutes=30))])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=ZONES)  # noqa: DTZ001 - Hypothesis adds the zone
SPANS = st.timedeltas(SECOND, timedelta(days=40))
SHORT = st.timedeltas(ZERO, timedelta(minutes=30))
POLICIES = st.timedeltas(ZERO, timedelta(days=2))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def minutes_after(moments: tuple[datetime, ...]) -> list[float]:
    return [(moment - START) / timedelta(minutes=1) for moment in moments]


# half time


def test_half_time() -> None:
    assert split_due(START, at(15)) == at(7.5)


def test_a_clock_change_does_not_stretch_a_deadline() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before_change = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)  # an hour later the clocks go back to 2:00
    assert split_due(before_change, datetime(2026, 10, 25, 4, 30, tzinfo=berlin)) == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)


@given(MOMENTS, SPANS)
def test_law_half_time_is_as_far_from_both_ends(created: datetime, span: timedelta) -> None:
    due = created.astimezone(UTC) + span
    half = split_due(created, due)
    assert half.tzinfo is UTC
    assert abs((half - created) - (due - half)) <= timedelta(microseconds=1)


# claim wait


@pytest.mark.parametrize(
    ("policy", "due", "wait"),
    [
        (TEN, None, TEN),
        (TEN, at(60), TEN),
        (TEN, at(20), TEN),
        (TEN, at(19), timedelta(minutes=9, seconds=30)),
        (TEN, at(5), timedelta(minutes=2, seconds=30)),
        (TEN, at(0), ZERO),
        (TEN, at(-30), ZERO),
        (ZERO, at(60), ZERO),
    ],
)
def test_claim_wait_is_the_policy_but_at_most_half_the_time(policy: timedelta, due: datetime | None, wait: timedelta) -> None:
    assert claim_wait(policy, START, due) == wait


@given(POLICIES, MOMENTS, MOMENTS)
def test_law_claim_wait_is_never_more_than_policy_or_half(policy: timedelta, created: datetime, due: datetime) -> None:
    wait = claim_wait(policy, created, due)
    half = (due.astimezone(UTC) - created.astimezone(UTC)) / 2
    assert ZERO <= wait <= policy
    assert wait in (ZERO, policy, half)
    if half >= policy:
        assert wait == policy
    elif half > ZERO:
        assert wait == half


# reminders


@pytest.mark.parametrize(
    ("due", "before", "expected"),
    [
        (60, 10, [30, 50, 60]),
        (240, 10, [120, 230, 240]),
        (15, 10, [5, 7.5, 15]),  # ten minutes before comes before half time
        (20, 10, [10, 20]),  # both at once: said once
        (16, 10, [8, 16]),  # 6 and 8: two minutes apart, the later stays
        (24, 10, [14, 24]),  # 12 and 14
        (16.1, 10, [8.05, 16.1]),  # 6.1 and 8.05
        (15.9, 10, [5.9, 7.95, 15.9]),  # 5.9 and 7.95: more than two minutes
        (10, 10, [5, 10]),  # ten minutes before is the creation itself
        (10.5, 10, [0.5, 5.25, 10.5]),
        (5, 10, [2.5, 5]),
        (4, 10, [4]),  # half time is two minutes before due
        (4.1, 10, [2.05, 4.1]),
        (2, 10, [2]),
        (60, 2, [30, 60]),
        (60, 2.1, [30, 57.9, 60]),
        (60, 0, [30, 60]),
        (0, 10, [0]),
        (-30, 10, [-30]),
    ],
)
def test_reminders(due: float, before: float, expected: list[float]) -> None:
    assert minutes_after(reminders(START, at(due), timedelta(minutes=before))) == pytest.approx(expected)


def test_a_dropped_reminder_does_not_push_out_an_earlier_one() -> None:
    # 9 is too close to due and is dropped; half time, too close to 9 alone, stays
    assert minutes_after(reminders(START, at(10), timedelta(minutes=1))) == [5, 10]
    assert minutes_after(reminders(START, at(5), timedelta(minutes=1))) == [2.5, 5]


@given(MOMENTS, st.timedeltas(-timedelta(days=1), timedelta(days=40)) | SHORT, SHORT)
def test_law_reminders(created: datetime, span: timedelta, before: timedelta) -> None:
    start = created.astimezone(UTC)
    due = start + span
    found = reminders(created, due, before)
    wanted = {start + span / 2, due - before, due}
    assert found[-1] == due
    assert all(moment.tzinfo is UTC for moment in found)
    assert set(found) <= wanted
    assert all(start < moment for moment in found[:-1])
    assert all(later - earlier > TWO for earlier, later in pairwise(found))
    # what was dropped was dropped for a reason
    for moment in wanted - set(found):
        assert moment <= start or any(ZERO <= kept - moment <= TWO for kept in found)


@given(MOMENTS, SPANS, SHORT, MOMENTS)
def test_law_next_reminder_is_the_first_after(created: datetime, span: timedelta, before: timedelta, after: datetime) -> None:
    due = created.astimezone(UTC) + span
    moment = next_reminder(created, due, before, after)
    expected = [kept for kept in reminders(created, due, before) if kept > after.astimezone(UTC)]
    assert moment == (expected[0] if expected else None)


@given(MOMENTS, SPANS, SHORT)
def test_law_walking_the_reminders_meets_each_once(created: datetime, span: timedelta, before: timedelta) -> None:
    due = created.astimezone(UTC) + span
    met: list[datetime] = []
    moment = next_reminder(created, due, before, created)
    while moment is not None:
        met.append(moment)
        moment = next_reminder(created, due, before, moment)
    assert tuple(met) == reminders(created, due, before)


@pytest.mark.parametrize(("after", "expected"), [(0, 30), (29.99, 30), (30, 50), (50, 60), (59.99, 60), (60, None), (99, None)])
def test_next_reminder_is_strictly_after(after: float, expected: float | None) -> None:
    assert next_reminder(START, at(60), TEN, at(after)) == (None if expected is None else at(expected))


# rounds


@pytest.mark.parametrize(
    ("now", "missed", "following"),
    [
        (-25, 0, 0),  # not even due: the first round is still to come
        (-0.01, 0, 0),
        (0, 0, 10),
        (0.5, 0, 10),
        (9.99, 0, 10),
        (10, 1, 20),
        (39.99, 3, 40),
        (40, 4, 50),  # down for 40 minutes with a round every ten
        (1_440, 144, 1_450),
    ],
)
def test_rounds_missed_and_the_next_one(now: float, missed: int, following: float) -> None:
    assert missed_rounds(START, TEN, at(now)) == missed
    assert next_round(START, TEN, at(now)) == at(following)


@given(MOMENTS, st.timedeltas(SECOND, timedelta(days=2)), MOMENTS)
def test_law_the_next_round_is_on_the_grid_and_the_first_after_now(scheduled: datetime, every: timedelta, now: datetime) -> None:
    start, instant = scheduled.astimezone(UTC), now.astimezone(UTC)
    following, missed = next_round(scheduled, every, now), missed_rounds(scheduled, every, now)
    assert following.tzinfo is UTC
    assert following > instant
    assert (following - start) % every == ZERO
    assert following == start or following - every <= instant
    assert missed >= 0
    if instant >= start:
        assert following == start + (missed + 1) * every
        assert start + missed * every <= instant
    else:
        assert (missed, following) == (0, start)


@given(MOMENTS, st.timedeltas(SECOND, timedelta(hours=3)), st.lists(st.timedeltas(ZERO, timedelta(hours=9)), max_size=6))
def test_law_no_round_is_lost_or_counted_twice(scheduled: datetime, every: timedelta, waits: list[timedelta]) -> None:
    """However late each round is sent, sent and missed rounds together are those of the clock."""
    moment, now, rounds = scheduled.astimezone(UTC), scheduled.astimezone(UTC), 0
    for wait in waits:
        now = max(now, moment) + wait
        rounds += 1 + missed_rounds(moment, every, now)
        moment = next_round(moment, every, now)
    assert moment == scheduled.astimezone(UTC) + rounds * every


@pytest.mark.parametrize("every", [ZERO, -TEN])
@pytest.mark.parametrize("now", [-5, 5])
def test_rounds_need_some_time_between_them(every: timedelta, now: float) -> None:
    for function in (missed_rounds, next_round):
        with pytest.raises(ValueError, match=f"^rounds must be some time apart, not {every}$"):
            function(START, every, at(now))


# jitter


@given(MOMENTS, st.text())
def test_law_jitter_leaves_the_hour_and_half_hour_by_up_to_20_seconds(moment: datetime, seed: str) -> None:
    edge = moment.astimezone(UTC).replace(minute=moment.minute // 30 * 30, second=0)
    for given_moment in (moment, edge):
        moved = jitter(given_moment, seed)
        assert moved.tzinfo is UTC
        assert ZERO <= moved - given_moment.astimezone(UTC) <= timedelta(seconds=20)
        assert moved.minute % 30 != 0 or moved.second != 0
        assert jitter(given_moment, seed) == moved == jitter(moved, seed)
    assert jitter(edge, seed) >= edge + SECOND


@pytest.mark.parametrize("clock", [(8, 0, 1), (8, 29, 0), (8, 31, 0), (8, 15, 0), (8, 30, 59)])
def test_jitter_leaves_other_moments_alone(clock: tuple[int, int, int]) -> None:
    moment = datetime(2026, 9, 30, *clock, tzinfo=UTC)
    assert jitter(moment, "I1") == moment


def test_jitter_spreads_by_seed_and_is_the_same_on_every_run() -> None:
    moved = {(jitter(START, f"I{number}") - START).seconds for number in range(400)}
    assert moved == set(range(1, 21))
    assert jitter(START, "I1") == START + timedelta(seconds=10)


# naive datetimes

NAIVE = datetime(2026, 9, 30, 8, 0)  # noqa: DTZ001 - refused, which is the point
CALLS: list[Callable[[], object]] = [
    lambda: split_due(NAIVE, START),
    lambda: split_due(START, NAIVE),
    lambda: claim_wait(TEN, NAIVE, START),
    lambda: claim_wait(TEN, START, NAIVE),
    lambda: reminders(NAIVE, START, TEN),
    lambda: reminders(START, NAIVE, TEN),
    lambda: next_reminder(NAIVE, START, TEN, START),
    lambda: next_reminder(START, NAIVE, TEN, START),
    lambda: next_reminder(START, START, TEN, NAIVE),
    lambda: missed_rounds(NAIVE, TEN, START),
    lambda: missed_rounds(START, TEN, NAIVE),
    lambda: next_round(NAIVE, TEN, START),
    lambda: next_round(START, TEN, NAIVE),
    lambda: jitter(NAIVE, "I1"),
]


@pytest.mark.parametrize("call", CALLS)
def test_naive_datetimes_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^naive datetime 2026-09-30T08:00:00: an instant needs its offset$"):
        call()


@given(MOMENTS, MOMENTS, SHORT)
def test_law_the_zone_of_the_arguments_does_not_matter(created: datetime, due: datetime, before: timedelta) -> None:
    assume(created.astimezone(UTC) != due.astimezone(UTC))
    assert reminders(created, due, before) == reminders(created.astimezone(UTC), due.astimezone(UTC), before)
    assert claim_wait(TEN, created, due) == claim_wait(TEN, created.astimezone(UTC), due.astimezone(UTC))
