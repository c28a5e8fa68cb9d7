"""A response in an important period, and timers that pause with a calendar."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.plan import load_plan
from tests.workflows.core.test_hours import HOURS, at
from tests.world import SMALL_PLAN
from workflows.core.calendar import Important
from workflows.core.escalation import Item, next_due
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel

PLAN = load_plan(SMALL_PLAN)
L3 = PLAN.responses[ResponseLevel.L3]
HOUR = timedelta(hours=1)
STAYS = {"remind_before", "snooze_max"}


@given(st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_law_every_wait_is_shortened_by_the_factor(factor: float) -> None:
    short = L3.shortened(factor)
    spans = [one.name for one in fields(Response) if isinstance(getattr(L3, one.name), timedelta)]
    for name in spans:
        assert getattr(short, name) == getattr(L3, name) * (1 if name in STAYS else factor), name
    assert [rung.wait for rung in short.rungs] == [rung.wait * factor for rung in L3.rungs]
    assert (short.factor, short.approvers) == (factor, L3.approvers)


def test_no_factor_is_no_change() -> None:
    assert L3.shortened(1) is L3


def test_the_response_of_a_level_is_that_of_the_day_on_the_wall() -> None:
    period = Important("切换", "", date(2026, 4, 11), date(2026, 4, 11), "cutover")
    plan = replace(PLAN, calendar=replace(PLAN.calendar, important=(period,)))
    before, within = datetime(2026, 4, 10, 15, 59, tzinfo=UTC), datetime(2026, 4, 10, 16, 0, tzinfo=UTC)
    assert plan.response(ResponseLevel.L3, before, HOURS.zone).cadence == L3.cadence
    assert plan.response(ResponseLevel.L3, within, HOURS.zone).cadence == L3.cadence / 2


def paused(*timers: str) -> Response:
    return replace(L3, hours=HOURS, calendars=dict.fromkeys(timers, "service_hours"))


FRIDAY = at("2026-11-20 16:30")


def item(phase: str = "owned", **more: object) -> Item:
    known = Item(FRIDAY, "owned", True, False, False, None, FRIDAY, 0, 0, FRIDAY, None, None)
    return replace(known, phase=phase, **more)  # type: ignore[arg-type]  # a test's shorthand


def test_each_timer_pauses_by_itself() -> None:
    monday = at("2026-11-23 09:30")
    assert next_due(item(), paused("progress"))["progress"] == monday
    assert next_due(item(), paused("verify"))["progress"] == FRIDAY + HOUR
    assert next_due(item("done"), paused("verify"))["verify"] == monday
    late = item(due=FRIDAY, reminded=FRIDAY)
    assert next_due(late, paused("overdue")) == {"overdue": at("2026-11-20 17:00")}, "half an hour, which is what is left of the day"
    assert next_due(replace(late, prompted=at("2026-11-20 17:00")), paused("overdue")) == {"overdue": monday}
    assert next_due(item("unowned"), paused(*("progress", "due", "overdue", "verify", "cadence")))["response"] < FRIDAY + HOUR


def test_a_reminder_of_the_due_is_held_until_the_morning() -> None:
    due = at("2026-11-21 04:00")
    assert next_due(item(due=due), L3)["due"] == at("2026-11-20 22:15")
    assert next_due(item(due=due), paused("due"))["due"] == at("2026-11-23 09:00")


def test_without_a_calendar_nothing_pauses() -> None:
    assert replace(paused("progress"), hours=None).after("progress", FRIDAY, HOUR) == FRIDAY + HOUR
    assert replace(paused("progress"), hours=None).held("progress", at("2026-11-21 04:00")) == at("2026-11-21 04:00")
