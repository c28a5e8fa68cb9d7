"""The official notices of five years, read as they are pasted, against the days as independent packages have them."""

import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.plan import calendar_from
from storage.plan.notices import as_toml, read_notices, replaced
from workflows.core.calendar import Calendar
from workflows.core.errors import BadConfig
from workflows.core.working_days import add_working_days, is_trading, is_working

DATA = Path(__file__).parents[1] / "data"
YEARS = range(2022, 2027)
#: What chinesecalendar (and, for two years, exchange-calendars) says; see the file.
ORACLE = tomllib.loads((DATA / "calendar_packages.toml").read_text(encoding="utf-8"))
HEAD = "business_ends = 17:00:00\n[[sessions]]\nbegins = 09:30:00\nends = 11:30:00\n"
DAYS = st.dates(date(2022, 1, 1), date(2026, 11, 1))


def notice(year: int) -> str:
    return (DATA / "notices" / f"{year}.txt").read_text(encoding="utf-8")


def read_years() -> Calendar:
    text = HEAD
    for year in YEARS:
        text = replaced(text, read_notices(notice(year), year))
    return calendar_from(text.encode())


CALENDAR = read_years()


def works(day: date) -> bool:
    """The oracle, which knows nothing of ours."""
    told = ORACLE[str(day.year)]
    return day in told["workdays"] or (day.weekday() < 5 and day not in told["holidays"])


def every_day() -> Iterator[date]:
    day = date(YEARS[0], 1, 1)
    while day.year in YEARS:
        yield day
        day += timedelta(days=1)


def test_every_day_of_five_years_is_worked_where_the_oracle_says_so() -> None:
    assert [day for day in every_day() if is_working(CALENDAR, day) != (works(day), True)] == []


def test_the_installed_oracle_agrees_with_the_facts_that_are_shipped() -> None:
    try:
        package = import_module("chinese_calendar")
    except ModuleNotFoundError:
        pytest.skip("CHINESECALENDAR IS NOT INSTALLED: only its facts of 2022 to 2026 (tests/data/calendar_packages.toml) were compared")
    assert [day for day in every_day() if package.is_workday(day) != works(day)] == []


@given(DAYS, st.integers(1, 30))
def test_law_working_days_end_where_counting_by_the_oracle_ends(start: date, count: int) -> None:
    day, left = start, count
    while left:
        day += timedelta(days=1)
        left -= works(day)
    assert add_working_days(CALENDAR, start, count) == (day, False)


@pytest.mark.parametrize("year", [2025, 2026])
def test_trading_days_are_those_of_the_exchange(year: int) -> None:
    closed = [day for day in every_day() if day.year == year and day.weekday() < 5 and not is_trading(CALENDAR, day)[0]]
    assert closed == ORACLE[str(year)]["closures"]


def test_a_closure_that_is_no_day_off_comes_from_the_exchange() -> None:
    assert read_notices(notice(2024), 2024).closures == (date(2024, 2, 9),)
    assert is_working(CALENDAR, date(2024, 2, 9)) == (True, True)
    assert is_trading(CALENDAR, date(2024, 2, 9)) == (False, True)


def test_the_notice_is_the_source() -> None:
    assert read_notices(notice(2026), 2026).sources == (
        "国务院办公厅关于2026年部分节假日安排的通知(国办发明电〔2025〕7号)",
        "上海证券交易所关于2026年部分节假日休市安排的通知",
    )


def test_days_of_another_year_are_told_and_left_out() -> None:
    text = "一、元旦:2026年12月31日至2027年1月2日放假调休,共3天。2026年12月27日(周日)、2027年1月3日(周日)上班。"
    table = read_notices(text, 2027)
    assert (table.holidays[0].first, table.holidays[0].workdays) == (date(2027, 1, 1), (date(2027, 1, 3),))
    assert table.elsewhere == (date(2026, 12, 27), date(2026, 12, 31))


def test_a_day_off_in_lieu_belongs_to_its_holiday() -> None:
    table = read_notices("一、清明节:4月5日放假,4月6日(星期一)补休。", 2015)
    assert (table.holidays[0].first, table.holidays[0].last) == (date(2015, 4, 5), date(2015, 4, 6))


@pytest.mark.parametrize(
    ("text", "year", "fault"),
    [
        (notice(2026), 2027, "another year"),
        ("各省:节日快乐。", 2027, "names no holiday of 2027"),
        ("", 2027, "names no holiday of 2027"),
        ("一、元旦:1月1日至3日放假,共4天。", 2027, "says 4 days for 元旦"),
        ("一、元旦:1月1日放假。1月4日上班。", 2027, "no weekend day"),
        ("一、元旦:1月32日放假。", 2027, "which is no date"),
        ("一、元旦:1月3日至1日放假。", 2027, "correct the text"),
    ],
)
def test_a_text_that_cannot_be_is_refused(text: str, year: int, fault: str) -> None:
    with pytest.raises(BadConfig, match=fault):
        read_notices(text, year)


def test_a_year_is_replaced_where_it_stands_and_the_rest_stays() -> None:
    before = HEAD + "\n" + as_toml(read_notices(notice(2025), 2025)) + "\n# of next year\n" + as_toml(read_notices(notice(2026), 2026))
    assert replaced(before, read_notices(notice(2025), 2025)) == before
    assert replaced(before, read_notices(notice(2026), 2026)) == before
    without = before.replace("workdays = [2025-04-27]\n", "")
    assert replaced(without, read_notices(notice(2025), 2025)) == before


def test_what_is_pasted_cannot_break_out_of_its_quotes() -> None:
    text = notice(2026).replace("国务院办公厅关于2026年", '国务院办公厅"\\关于2026年')
    table = as_toml(read_notices(text, 2026))
    found: dict[str, Any] = tomllib.loads(table)
    assert list(found) == ["2026"]
