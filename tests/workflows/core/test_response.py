"""A response in an important period, and without a calendar."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.plan import load_plan
from tests.workflows.core.test_hours import HOURS, at
from tests.world import SMALL_PLAN
from workflows.core.calendar import Important
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel

PLAN = load_plan(SMALL_PLAN)
L3 = PLAN.responses[ResponseLevel.L3]
HOUR = timedelta(hours=1)
STAYS = {"remind_before", "snooze_max", "holds"}


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


def test_without_a_calendar_nothing_pauses() -> None:
    timeless, evening = replace(L3, calendars={"progress": "service_hours"}), at("2026-11-20 16:30")
    assert timeless.after("progress", evening, HOUR) == evening + HOUR
    assert timeless.held("progress", at("2026-11-21 04:00")) == at("2026-11-21 04:00")
