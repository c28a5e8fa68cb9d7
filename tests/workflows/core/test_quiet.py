"""Quiet hours: what may wait waits until they are over, nothing is lost by it, and nothing else is touched."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.core.test_escalation import calmly, items, responses
from tests.workflows.sample import ORGANIZATION, make_incident, make_response, make_task, minutes
from workflows.core.calendar import Calendar, Year
from workflows.core.chain import all_that_has_come, held, running, timers
from workflows.core.escalation import Item, fire, next_due, repaced
from workflows.core.quiet import MORNING, Quiet, QuietHours
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel, Rubric
from workflows.incident import ask_for_update, ask_to_rescore, update
from workflows.task import Circle, Task, item, remind, reschedule, resting

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: The National Day of 2026: off from Thursday 1 to Wednesday 7 October, and Saturday the 10th is worked.
HOLIDAY = frozenset(date(2026, 10, day) for day in range(1, 8))
CALENDAR = Calendar({2026: Year(HOLIDAY, frozenset({date(2026, 10, 10)}), HOLIDAY)})
NIGHT = Quiet(QuietHours(time(19), time(8, 30), True), SHANGHAI, CALENDAR)
NOON = Quiet(QuietHours(time(11, 30), time(13)), SHANGHAI, CALENDAR)


def at(text: str) -> datetime:
    """`03-10 22:00` of 2026 in Shanghai."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "moment", "over"),
    [
        (NIGHT, "03-10 18:59", "03-10 18:59"),
        (NIGHT, "03-10 19:00", "03-11 08:30"),
        (NIGHT, "03-11 03:00", "03-11 08:30"),
        (NIGHT, "03-11 08:30", "03-11 08:30"),
        (NIGHT, "03-13 19:00", "03-16 08:30"),  # a Friday evening
        (NIGHT, "03-14 12:00", "03-16 08:30"),
        (NIGHT, "09-30 20:00", "10-08 08:30"),  # National Day
        (NIGHT, "10-09 20:00", "10-10 08:30"),  # the Saturday that is worked
        (NIGHT, "10-10 12:00", "10-10 12:00"),
        (NIGHT, "10-10 19:00", "10-12 08:30"),
        (replace(NIGHT, hours=replace(NIGHT.hours, rest_days=False)), "03-14 12:00", "03-14 12:00"),
        (NOON, "03-14 11:29", "03-14 11:29"),  # a Saturday: quiet hours that do not say it are no rest days
        (NOON, "03-10 11:29", "03-10 11:29"),
        (NOON, "03-10 11:30", "03-10 13:00"),
        (NOON, "03-10 13:00", "03-10 13:00"),
    ],
)
def test_when_a_quiet_time_is_over(quiet: Quiet, moment: str, over: str) -> None:
    assert quiet.ends(at(moment)) == at(over)


def test_a_day_that_the_calendar_does_not_know_is_worked_from_monday_to_saturday() -> None:
    unknown = replace(NIGHT, calendar=Calendar())
    assert unknown.ends(at("03-14 12:00")) == at("03-14 12:00"), "rather too early than never"
    assert unknown.ends(at("03-15 12:00")) == at("03-16 08:30")


def test_where_a_clock_is_set_back_quiet_is_over_when_its_hour_first_comes() -> None:
    """New York, 1 November 2026: 01:45 comes at 05:45 and again at 06:45 UTC."""
    autumn = Quiet(QuietHours(time(1), time(1, 45)), ZoneInfo("America/New_York"), Calendar())
    first, again = (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6))
    assert autumn.ends(first) == datetime(2026, 11, 1, 5, 45, tzinfo=UTC)
    assert autumn.ends(again) == again, "never before it was asked"


def test_what_begins_and_ends_at_one_time_is_no_quiet() -> None:
    never = replace(NOON, hours=QuietHours(time(12), time(12)))
    assert all(never.ends(at(moment)) == at(moment) for moment in ("03-10 11:59", "03-10 12:00", "03-10 12:01"))


def test_nothing_waits_longer_than_sixteen_days_whatever_the_calendar_says() -> None:
    off = frozenset(date(2026, 3, 1) + timedelta(days=n) for n in range(60))
    assert replace(NIGHT, calendar=Calendar({2026: Year(off, frozenset(), off)})).ends(at("03-10 12:00")) == at("03-26 00:00")


def test_only_what_may_have_waited_for_the_end_of_the_quiet_is_spread_over_two_minutes() -> None:
    response = replace(make_response(), quiet=NIGHT)
    seen = {moment: response.spread(at(moment)) for moment in ("03-11 08:29", "03-11 08:30", "03-11 08:31", "03-10 18:59", "03-10 19:00")}
    assert list(seen.values()) == [timedelta(0), minutes(2), timedelta(0), timedelta(0), timedelta(0)]


@st.composite
def quiets(draw: st.DrawFn) -> Quiet:
    times = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
    begins, ends = draw(st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]))
    off = draw(st.sets(st.integers(0, 40), max_size=8).map(lambda days: frozenset(date(2026, 3, 9) + timedelta(days=n) for n in days)))
    zone = draw(st.sampled_from([SHANGHAI, ZoneInfo("UTC"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")]))
    return Quiet(QuietHours(begins, ends, draw(st.booleans())), zone, Calendar({2026: Year(off, frozenset(), off)}))


MOMENTS = st.integers(0, 4_000_000).map(lambda seconds: START + timedelta(seconds=seconds))


@calmly
@given(quiets(), MOMENTS, MOMENTS)
def test_its_end_is_not_quiet_never_before_and_keeps_the_order(quiet: Quiet, one: datetime, other: datetime) -> None:
    over = quiet.ends(one)
    assert over >= one
    assert quiet.ends(over) == over
    assert quiet.is_end(over) or over == one
    assert (quiet.ends(one) <= quiet.ends(other)) or one > other


@st.composite
def quiet_cases(draw: st.DrawFn) -> tuple[Response, Item]:
    response = draw(responses())
    return replace(response, quiet=draw(quiets())), draw(items(response))


@calmly
@given(quiet_cases())
def test_no_timer_falls_into_quiet_time_and_none_is_earlier_for_it(case: tuple[Response, Item]) -> None:
    response, found = case
    quiet = next_due(found, response)
    loud = next_due(found, replace(response, quiet=None))
    assert quiet.keys() == loud.keys()
    assert quiet == {name: response.waking(due) for name, due in loud.items()}
    assert all(response.waking(due) == due >= loud[name] for name, due in quiet.items())


@calmly
@given(quiet_cases(), MOMENTS)
def test_after_the_quiet_it_still_speaks_and_what_comes_then_is_later(case: tuple[Response, Item], now: datetime) -> None:
    response, found = case
    for _ in range(6):
        coming = running(found, response)
        name = min(coming, key=lambda each: coming[each])
        when = max(coming[name], now)
        if response.waking(when) != when:
            when = response.waking(when)
        said = all_that_has_come(fire(found, response, name, when), response, when).item
        assert said != found
        assert all(due > when for due in next_due(said, response).values())
        assert next_due(said, response), "an open item always has something to come"
        found, now = said, when


@calmly
@given(quiet_cases(), st.integers(0, 200_000))
def test_what_was_held_and_what_is_said_are_all_that_would_have_been_said(case: tuple[Response, Item], more: int) -> None:
    response, found = case
    coming = running(found, response)
    now = response.waking(min(coming.values()) + timedelta(seconds=more))
    kept = held(found, response, now)
    assert kept.count >= 0
    assert not held(found, replace(response, quiet=None), now).count
    if kept.waited:
        assert response.quiet is not None
        assert response.quiet.is_end(min(coming.values()))


# One night, worked out by hand

L4 = make_response(
    level=ResponseLevel.L4,
    claim_within=minutes(30),
    overdue_repeat=minutes(60),
    terminal_repeat=minutes(60),
    rungs=tuple(replace(rung, wait=minutes(30)) for rung in make_response().rungs),
    quiet=NIGHT,
)


def at_night(task: Task, now: datetime, response: Response = L4) -> dict[str, object]:
    """What a reminder says then."""
    name = next(timer.name for timer in timers(item(task), response) if timer.due and timer.due <= now)
    outcome = remind(task, Circle(response, ORGANIZATION, "li.na"), name=name, now=now)
    return {**outcome.event.details, "notices": outcome.notices, "after": outcome.record}


def test_the_chain_does_not_climb_through_the_night_and_the_morning_says_how_many_it_kept() -> None:
    evening = at("03-10 18:40")
    unclaimed = make_task(created_at=evening, prompted_at=evening)
    # 19:10 head, 19:40 commander, 20:10 lead, and the control group at 20:40, 21:40 … 07:40: 15 words
    said = at_night(unclaimed, at("03-11 08:30"))
    assert (said["level"], said["round"], said["missed"], said["held"]) == (1, 1, 0, 14)
    loud = at_night(unclaimed, at("03-11 08:30"), replace(L4, quiet=None))
    assert loud["missed"] == 14, "without quiet hours the same are rounds that an outage swallowed"
    assert [notice.spread for notice in said["notices"]] == [MORNING]  # type: ignore[attr-defined]
    assert [notice.spread for notice in loud["notices"]] == [timedelta(0)]  # type: ignore[attr-defined]
    after = said["after"]
    assert isinstance(after, Task)
    assert min(running(item(after), L4).values()) == at("03-11 09:00"), "and then it goes on from where it was"


def test_a_due_within_the_night_is_said_in_the_morning_as_late() -> None:
    owned = make_task(
        owner="ma.chao",
        state=make_task().state.CLAIMED,
        created_at=at("03-10 17:00"),
        prompted_at=at("03-10 17:00"),
        due_at=at("03-10 22:00"),
    )
    coming = running(item(replace(owned, reminded_at=at("03-10 18:50"))), L4)
    assert coming["due"] == at("03-11 08:30")


def test_a_timer_that_was_set_before_the_quiet_was_known_is_set_again_without_a_word() -> None:
    unclaimed = make_task(created_at=at("03-10 18:40"), prompted_at=at("03-10 18:40"))
    assert {timer.name: timer.due for timer in resting(unclaimed, L4, at("03-10 19:10"))}["response"] == at("03-11 08:30")
    down = make_task(created_at=at("03-10 16:00"), prompted_at=at("03-10 16:00"))
    late = {timer.name: timer.due for timer in resting(down, L4, at("03-10 19:10"))}
    assert late["response"] == at("03-11 08:30"), "the house was down when it should have come, and it is quiet now"
    assert not resting(unclaimed, L4, at("03-11 08:30"))
    assert not resting(unclaimed, replace(L4, quiet=None), at("03-10 19:10"))


def test_a_grade_that_rises_at_night_ends_the_quiet_at_once() -> None:
    evening, night = at("03-10 18:00"), at("03-11 03:00")
    unclaimed = make_task(created_at=evening, prompted_at=evening, due_at=at("03-10 23:00"))
    moved = reschedule(unclaimed, response=make_response(), due=unclaimed.due_at, now=night, freely=False, new_level=True)
    assert moved is not None
    assert min(timer.due for timer in moved.timers if timer.due) <= night
    said = at_night(moved.record, night, make_response())
    assert (said["missed"], said.get("held", 0)) == (0, 0), "nobody was down, and the new level has no quiet hours"


def test_of_the_due_reminders_of_a_night_the_new_pace_says_one_and_none_besides_another_word() -> None:
    created, due, now = at("03-10 20:00"), at("03-11 02:00"), at("03-11 02:05")
    silent = make_task(created_at=created, prompted_at=created, due_at=due)
    assert next_due(repaced(item(silent), make_response(), now), make_response()) == {"overdue": now}
    state, just = make_task().state.IN_PROGRESS, at("03-11 01:58")
    busy = make_task(state, owner="ma.chao", created_at=created, prompted_at=just, progress_at=just, due_at=due)
    assert next_due(repaced(item(busy), make_response(), now), make_response())["due"] == due


@pytest.mark.parametrize("level", [ResponseLevel.L2, ResponseLevel.L1])
def test_while_the_grade_is_provisional_nothing_is_quiet(level: ResponseLevel) -> None:
    planned = make_response(level=level, quiet_hours=NIGHT.hours)
    assert planned.observed(provisional=True, zone=SHANGHAI, calendar=CALENDAR).quiet is None
    assert planned.observed(provisional=False, zone=SHANGHAI, calendar=CALENDAR).quiet == NIGHT
    assert make_response(level=level).observed(provisional=False, zone=SHANGHAI, calendar=CALENDAR) == make_response(level=level)


# The incident's own asks


def test_no_update_is_promised_for_the_night_and_none_is_asked_for() -> None:
    evening = at("03-10 18:50")
    told = update(make_incident(provisional=False), by="li.na", now=evening, text="正在切换", response=L4)
    assert told.record.next_update_at == at("03-11 08:30")
    assert [timer.due for timer in told.timers] == [at("03-11 08:30")]
    asked = ask_for_update(told.record, now=at("03-11 08:30"), response=L4, organization=ORGANIZATION)
    assert [(one.to, one.spread) for one in asked.notices] == [(("li.na",), MORNING)], "the commander alone: the night was no silence"


def test_figures_are_not_asked_for_at_night_and_its_rounds_do_not_count() -> None:
    rubric = Rubric("r", 1, (), (), (), regrade_minutes=dict.fromkeys(make_incident().opinion_level.__class__, 120))
    last, found = at("03-10 18:00"), make_incident(provisional=False)
    asked = ask_to_rescore(found, rubric, L4, now=at("03-11 08:30"), last=last, organization=ORGANIZATION)
    assert asked.event.details["round"] == 1
    assert [timer.due for timer in asked.timers] == [at("03-11 10:30")]
    loud = ask_to_rescore(found, rubric, replace(L4, quiet=None), now=at("03-11 08:30"), last=last, organization=ORGANIZATION)
    assert loud.event.details["round"] == 7
