"""`gengfu plan calendar --fill YEAR`: a year's table from a pasted official notice, or from packages where they know the year.

`calendar.toml` is the authority: what changes is shown, and written only when asked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from bot.plan_cli import BAD, GOOD, harmless, write_whole
from bot.plan_diff import differences
from handlers.core.wording import Locale, Ours, Words
from storage.plan import CALENDAR, PlanError, calendar_from, load_plan
from storage.plan.notices import Holiday, YearTable, as_toml, read_notices, replaced, with_closures
from workflows.core.errors import BadConfig

Load = Callable[[str], Any]
_PASTE = "paste the State Council's notice (and the exchange's): gengfu plan calendar --fill {year} --notice FILE, or - for standard input"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Filling:
    """`notice`: the pasted text, None to ask the packages."""

    year: int
    notice: str | None = None
    write: bool = False


def fill_command(folder: Path, locale: Locale, given: Filling, load: Load = import_module) -> tuple[int, str]:
    """Exit code and text: the year's table, and what it changes."""
    words = Words.load(locale)
    table = read_notices(given.notice, given.year) if given.notice is not None else from_packages(given.year, load)
    try:
        before = load_plan(folder)
        path = (folder / CALENDAR).resolve()
        text = replaced(path.read_text(encoding="utf-8"), table)
        after = replace(before, calendar=calendar_from(text.encode()))
    except PlanError as error:
        return BAD, str(error)
    changes = differences(before, after, words)
    lines = [as_toml(table), *(changes or [words.say("plan.fill.same", year=str(given.year))])]
    if table.elsewhere:
        lines.append(words.say("plan.fill.elsewhere", days=[Ours(day.isoformat()) for day in table.elsewhere]))
    if given.write and changes:
        write_whole(path, text)
    lines.append(words.say("plan.fill.written" if given.write and changes else "plan.fill.not_written", file=Ours(CALENDAR)))
    return GOOD, "\n".join(harmless(line) for whole in lines for line in whole.split("\n"))


def from_packages(year: int, load: Load) -> YearTable:
    """By chinesecalendar, and exchange-calendars where that is installed; BadConfig where the year is not known."""
    paste = _PASTE.format(year=year)
    try:
        package = load("chinese_calendar")
        table = YearTable(year, (f"chinesecalendar {getattr(package, '__version__', '')}".strip(),), _holidays(package, year))
    except ModuleNotFoundError:
        raise BadConfig(f"chinesecalendar is not installed (it comes with gengfu[calendars]); {paste}") from None
    except NotImplementedError:
        raise BadConfig(f"chinesecalendar does not know {year}; {paste}") from None
    try:
        exchange = load("exchange_calendars").get_calendar("XSHG")
    except ModuleNotFoundError:
        return table
    if exchange.last_session.year < year or exchange.last_session.month < 12:
        return table
    closed = [day for day in _days(year) if day.weekday() < _SATURDAY and not exchange.is_session(day.isoformat())]
    return with_closures(table, closed, "exchange-calendars (XSHG)")


def _holidays(package: Any, year: int) -> tuple[Holiday, ...]:
    """Days off that follow each other are one holiday; a worked weekend day goes with the holiday of its name."""
    names = {one.value: one.chinese for one in package.Holiday}
    told = {day: package.get_holiday_detail(day) for day in _days(year)}
    off = [day for day, (free, name) in told.items() if free and name]
    runs: list[list[date]] = []
    for day in off:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    worked = [day for day, (free, name) in told.items() if not free and name and day.weekday() >= _SATURDAY]
    return tuple(_holiday(run, worked, told, names) for run in runs)


def _holiday(run: list[date], worked: list[date], told: Mapping[date, tuple[bool, str | None]], names: Mapping[str, str]) -> Holiday:
    own = dict.fromkeys(name for day in run if (name := told[day][1]))
    days = tuple(day for day in worked if told[day][1] in own)
    return Holiday("、".join(names.get(name, name) for name in own), run[0], run[-1], days)


def _days(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    yield from (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
