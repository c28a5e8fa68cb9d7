"""`gengfu plan calendar --fill`: from a notice or from packages; nothing is written unless asked."""

import shutil
from datetime import date
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.__main__ import main
from bot.plan_calendar import Filling, fill_command, from_packages
from storage.plan import load_plan
from workflows.core.errors import BadConfig

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
NOTICE = """国务院办公厅关于2027年部分节假日安排的通知
一、元旦:1月1日(周五)至3日(周日)放假,共3天。
二、春节:2月5日(周五)至11日(周四)放假调休,共7天。1月31日(周日)、2月20日(周六)上班。
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "plan"))


def content(folder: Path) -> str:
    return (folder / "calendar.toml").read_text(encoding="utf-8")


def test_it_shows_the_table_and_what_changes_and_writes_nothing(folder: Path) -> None:
    before = content(folder)
    code, text = fill_command(folder, "zh", Filling(2027, NOTICE))
    assert code == 0
    assert '[[2027.holidays]]\nname = "春节"\nfrom = 2027-02-05\nto = 2027-02-11\nworkdays = [2027-01-31, 2027-02-20]' in text
    assert "新增年份「2027」" in text
    assert text.endswith("calendar.toml 没有改动;核对后加 --write 写入。")
    assert content(folder) == before


def test_it_writes_when_asked_and_once_is_enough(folder: Path) -> None:
    before = content(folder)
    assert fill_command(folder, "en", Filling(2027, NOTICE, write=True))[0] == 0
    assert content(folder).startswith(before)
    year = load_plan(folder).calendar.years[2027]
    assert date(2027, 2, 20) in year.workdays
    assert year.sources == ("国务院办公厅关于2027年部分节假日安排的通知",)
    code, text = fill_command(folder, "en", Filling(2027, NOTICE, write=True))
    assert (code, "2027 is the same as what stands" in text, "unchanged" in text) == (0, True, True)


def test_a_year_that_stands_is_compared(folder: Path) -> None:
    fill_command(folder, "zh", Filling(2027, NOTICE, write=True))
    _, text = fill_command(folder, "zh", Filling(2027, NOTICE.replace("、2月20日(周六)", "")))
    assert "年份「2027」:调休上班日去掉 2027-02-20" in text


def test_a_plan_that_is_not_sound_is_not_filled_in(folder: Path) -> None:
    (folder / "response.toml").write_text("x = 1", encoding="utf-8")
    before = content(folder)
    assert fill_command(folder, "zh", Filling(2027, NOTICE, write=True))[0] == 1
    assert content(folder) == before


# packages


class Festival(Enum):
    new_year = "New Year's Day"
    spring = "Spring Festival"

    @property
    def chinese(self) -> str:
        return {"new_year": "元旦", "spring": "春节"}[self.name]


def package(known: int) -> Any:
    """As much of chinesecalendar as is asked of it."""
    off = {date(known, 1, 1): "New Year's Day", date(known, 2, 6): "Spring Festival", date(known, 2, 7): "Spring Festival"}

    def detail(day: date) -> tuple[bool, str | None]:
        if day.year != known:
            raise NotImplementedError(day.year)
        if day == date(2027, 2, 20):
            return False, "Spring Festival"
        return day in off or day.weekday() >= 5, off.get(day)

    return SimpleNamespace(Holiday=Festival, get_holiday_detail=detail, __version__="1.11.0")


def exchange(last: date) -> Any:
    closed = {"2027-01-01", "2027-02-09"}
    calendar = SimpleNamespace(last_session=last, is_session=lambda day: day not in closed)
    return SimpleNamespace(get_calendar=lambda name: calendar)


def installed(**packages: Any) -> Any:
    def load(name: str) -> Any:
        if name not in packages:
            raise ModuleNotFoundError(name)
        return packages[name]

    return load


def test_packages_fill_in_a_year_that_they_know() -> None:
    table = from_packages(2027, installed(chinese_calendar=package(2027), exchange_calendars=exchange(date(2027, 12, 31))))
    assert [(one.name, one.first, one.last, one.workdays) for one in table.holidays] == [
        ("元旦", date(2027, 1, 1), date(2027, 1, 1), ()),
        ("春节", date(2027, 2, 6), date(2027, 2, 7), (date(2027, 2, 20),)),
    ]
    assert table.closures == (date(2027, 2, 9),)
    assert table.sources == ("chinesecalendar 1.11.0", "exchange-calendars (XSHG)")


def test_an_exchange_that_does_not_know_the_year_is_left_out() -> None:
    table = from_packages(2027, installed(chinese_calendar=package(2027), exchange_calendars=exchange(date(2026, 12, 31))))
    assert (table.closures, table.sources) == ((), ("chinesecalendar 1.11.0",))
    assert from_packages(2027, installed(chinese_calendar=package(2027))).closures == ()


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (installed(chinese_calendar=package(2026)), r"^chinesecalendar does not know 2027; paste the State Council's notice"),
        (installed(), r"^chinesecalendar is not installed .*; paste the State Council's notice"),
    ],
)
def test_without_the_year_one_sentence_asks_for_the_notice(load: Any, why: str) -> None:
    with pytest.raises(BadConfig, match=why) as refused:
        from_packages(2027, load)
    assert "--fill 2027 --notice" in str(refused.value)


# the command line


def test_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notice.txt").write_text(NOTICE, encoding="utf-8")
    argv = ["plan", "calendar", str(folder), "--fill", "2027", "--notice", str(tmp_path / "notice.txt")]
    assert main([*argv, "--write"]) == 0
    assert "[2027]" in content(folder)
    assert main([*argv[:4], "27"]) == 2
    assert "year of this century" in capsys.readouterr().err
    assert main([*argv[:-1], str(tmp_path / "none.txt")]) == 2
