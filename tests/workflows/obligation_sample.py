"""Duties and terms for tests, after the shapes of the domain study."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.make import START
from workflows.core.calendar import Calendar, Year
from workflows.core.deadlines import Terms
from workflows.core.obligation import Obligation
from workflows.core.rubric import OpinionLevel

SHANGHAI = ZoneInfo("Asia/Shanghai")

#: March 2026 has no holiday; 2027 has no data.
CALENDAR = Calendar(
    {2026: Year(frozenset({date(2026, 4, 6)}), frozenset(), frozenset())},
    sessions=((time(9, 30), time(11, 30)), (time(13), time(15))),
    business_ends=time(17),
)


def _minutes(**rows: int) -> dict[str, timedelta]:
    return {grade: timedelta(minutes=count) for grade, count in rows.items()}


def make_obligation(**changes: Any) -> Obligation:
    """The first report to the bureau by phone, changed."""
    plain = Obligation(
        id="csrc_first_phone",
        name="证监局首报",
        clock="known",
        to=("属地证监局",),
        binding="default",
        confidence="unverified",
        basis="证监会公告〔2021〕12号第十八条",
        doer="office",
        when={"is_network_incident": True},
        within=_minutes(general=30, larger=15, major=10, extreme=5),
    )
    return replace(plain, **changes)


FIRST = make_obligation()
EXCHANGES = make_obligation(id="exchange_first", doer="tech", when={"affects_trading": True}, to=("上交所", "深交所", "北交所"))
PROGRESS = make_obligation(
    id="csrc_progress",
    when={"is_network_incident": True, "recovered": False},
    within={},
    every=_minutes(general=60, larger=30, major=30, extreme=30),
    until="recovered",
)
SUMMARY = make_obligation(
    id="csrc_summary", clock="recovered", calendar="working_days", within={}, within_days={"any": 5}, when={}, closing=True
)
CAC = make_obligation(id="cac_first", when={"cac_grade_at_least": "larger", "cii": False}, within=_minutes(any=240), to=("省级网信部门",))
CAC_SUMMARY = make_obligation(
    id="cac_summary", clock="ended", calendar="calendar_days", within={}, within_days={"any": 30}, when={"cac_grade_at_least": "larger"}
)
PUBLIC = make_obligation(
    id="public_first_response",
    clock="graded",
    keyed_by="opinion_level",
    when={"opinion_level_at_least": "moderate"},
    within=_minutes(moderate=240, severe=120, extreme=60),
    to=("公众",),
)


def make_terms(**changes: Any) -> Terms:
    """Known at START, graded by nobody."""
    plain = Terms({"known": START, "opened": START, "recovered": None}, None, OpinionLevel.MODERATE, CALENDAR, SHANGHAI)
    return replace(plain, **changes)
