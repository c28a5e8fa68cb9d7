"""A year of the calendar from what the authorities publish: the State Council's notice on holidays, the exchanges' on closures, as text.

What the text says about itself (weekdays, how many days) is checked: a notice of another year does not pass.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from workflows.core.errors import BadConfig

_DAY = timedelta(days=1)
_SATURDAY = 5
_WEEKDAYS = {name: number for number, names in enumerate(("一", "二", "三", "四", "五", "六", "日天")) for name in names}
_BESIDE = r"(?:\((?P<{0}beside>[^)]*)\))?"
_DATE = r"(?:(?P<{0}year>20\d\d)年)?(?:(?P<{0}month>\d{{1,2}})月)?(?P<{0}day>\d{{1,2}})日" + _BESIDE
_SPAN = re.compile(_DATE.format("a") + r"(?:至" + _DATE.format("b") + ")?")
_ITEM = re.compile(r"(?:^|\n)\s*(?:[一二三四五六七八九十]+、|\([一二三四五六七八九十]+\)|[-·]\s?)(?P<name>[^:,。\n]{1,16}?)(?:期间)?[:,]")
_COUNT = re.compile(r"共(\d{1,2})天")
_NUMBER = re.compile(r"国办发明电〔\d{4}〕\d+号")
_TITLE = re.compile(r"[^\n。,]*(?:通知|公告)")


@dataclass(frozen=True, slots=True)
class Holiday:
    name: str
    first: date
    last: date
    workdays: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class YearTable:
    """What `calendar.toml` says of one year."""

    year: int
    sources: tuple[str, ...]
    holidays: tuple[Holiday, ...]
    closures: tuple[date, ...] = ()
    elsewhere: tuple[date, ...] = ()
    """days off and worked days that the notice puts into another year: they belong to that year's table"""


def read_notices(text: str, year: int) -> YearTable:
    """BadConfig when the text holds no holidays of `year`, or contradicts itself."""
    plain = text.translate(_ASCII)
    every = [read for name, body in _items(plain) if (read := _holiday(name, body, year))]
    found = [cut for one in every if (cut := _cut(one, year))]
    if not found:
        raise BadConfig(f"the notice names no holiday of {year}; paste the State Council's text with its lines as it was published")
    free = {day for one in found for day in _between(one.first, one.last)}
    closed = {day for name, body in _items(plain) for day in _closed(body, year)}
    extra = tuple(sorted(day for day in closed - free if day.weekday() < _SATURDAY))
    apart = tuple(sorted(day for one in every for day in _told(one) if day.year != year))
    return YearTable(year, _sources(plain, year), tuple(sorted(found, key=lambda one: one.first)), extra, apart)


def _cut(one: Holiday, year: int) -> Holiday | None:
    """What of a holiday lies in `year`."""
    if one.last.year < year or one.first.year > year:
        return None
    within = tuple(day for day in one.workdays if day.year == year)
    return Holiday(one.name, max(one.first, date(year, 1, 1)), min(one.last, date(year, 12, 31)), within)


def _told(one: Holiday) -> Iterator[date]:
    """The days of a holiday that differ from any other week's."""
    yield from one.workdays
    yield from (day for day in _between(one.first, one.last) if day.weekday() < _SATURDAY)


#: Full-width signs, as the notices are printed, to the plain ones that are looked for.
_ASCII = str.maketrans({"\uff1a": ":", "\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff1b": ";", "\u3000": " "})


def _items(text: str) -> Iterator[tuple[str, str]]:
    """(name, what is said of it) of each numbered line."""
    heads = list(_ITEM.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        body = text[head.end() : end]
        yield head["name"].strip(), body.split("\n\n")[0]


def _holiday(name: str, body: str, year: int) -> Holiday | None:
    """None: the item is not about days off (the exchanges' notice, or an instruction)."""
    off = next((one for one in _clauses(body) if "放假" in one), None)
    spans = list(_spans(off, year)) if off else []
    if not spans:
        return None
    first, last = spans[0][0], spans[-1][1] if "补休" in (off or "") else spans[0][1]
    _check_count(name, off or "", first, last)
    worked = [day for one in _clauses(body) if "上班" in one for span in _spans(one, year) for day in _between(*span)]
    wrong = [day for day in worked if day.weekday() < _SATURDAY]
    if wrong:
        raise BadConfig(f"the notice lets {wrong[0]} be worked, which is no weekend day in {year}; is it the notice of another year?")
    return Holiday(name, first, last, tuple(worked))


def _check_count(name: str, clause: str, first: date, last: date) -> None:
    count = _COUNT.search(clause)
    if count and int(count[1]) != (last - first).days + 1:
        raise BadConfig(
            f"the notice says {count[1]} days for {name}, but {first} to {last} are {(last - first).days + 1}; correct the text"
        )


def _closed(body: str, year: int) -> Iterator[date]:
    """Days without trading; what is closed as a weekend is not told."""
    for clause in _clauses(body):
        if "休市" in clause and "周末休市" not in clause:
            for span in _spans(clause.split("休市")[0], year):
                yield from (day for day in _between(*span) if day.year == year)


def _clauses(body: str) -> list[str]:
    """Sentences; 「放假……,共3天」 is one."""
    return re.split(r"[。;\n]", body)


def _spans(clause: str, year: int) -> Iterator[tuple[date, date]]:
    """Every date, or first and last of a range, in a clause; a month or year that is left out is that before."""
    at_year, month = year, None
    for found in _SPAN.finditer(_without_asides(clause)):
        at_year, month, first = _date(found, "a", at_year, month)
        if found["bday"] is None:
            yield first, first
            continue
        at_year, month, last = _date(found, "b", at_year, month)
        if last < first:
            raise BadConfig(f"the notice goes from {first} to {last}; correct the text")
        yield first, last


def _without_asides(clause: str) -> str:
    """Dates within an aside (「除夕(2月9日)」) are no days of their own; weekdays in brackets stay."""
    return re.sub(r"\([^)]*\d+日[^)]*\)", "", clause)


def _date(found: re.Match[str], part: str, year: int, month: int | None) -> tuple[int, int, date]:
    year = int(found[f"{part}year"] or year)
    number = int(found[f"{part}month"] or month or 0)
    try:
        day = date(year, number, int(found[f"{part}day"]))
    except ValueError:
        raise BadConfig(f"the notice holds “{found[0]}”, which is no date; correct the text") from None
    said = re.search(r"(?:周|星期)([一二三四五六日天])", found[f"{part}beside"] or "")
    if said and _WEEKDAYS[said[1]] != day.weekday():
        raise BadConfig(f"the notice calls {day} “{said[0]}”, which it is not; is it the notice of another year?")
    return year, number, day


def _between(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _sources(text: str, year: int) -> tuple[str, ...]:
    """The titles of the notices, the State Council's with its number."""
    joined = re.sub(rf"(关于{year}年)\s*\n?\s*", r"\1", text)
    number = _NUMBER.search(text)
    titles = dict.fromkeys(title.strip() for title in _TITLE.findall(joined) if f"{year}年" in title and len(title.strip()) < 60)
    found = [f"{title}({number[0]})" if number and "国务院办公厅" in title else title for title in titles]
    return tuple(found) or (f"国务院办公厅关于{year}年部分节假日安排的通知({number[0] if number else '粘贴的文本'})",)


def with_closures(table: YearTable, closures: Iterable[date], source: str) -> YearTable:
    free = {day for one in table.holidays for day in _between(one.first, one.last)}
    extra = tuple(sorted(day for day in closures if day.weekday() < _SATURDAY and day not in free))
    return replace(table, closures=extra, sources=(*table.sources, source))


def as_toml(table: YearTable) -> str:
    """The year's table as it stands in `calendar.toml`."""
    lines = [f"[{table.year}]", "sources = [", *(f"  {_quoted(source)}," for source in table.sources), "]"]
    lines.append(f"closures = [{_days(table.closures)}]")
    for one in table.holidays:
        lines += ["", f"[[{table.year}.holidays]]", f"name = {_quoted(one.name)}", f"from = {one.first}", f"to = {one.last}"]
        lines += [f"workdays = [{_days(one.workdays)}]"] if one.workdays else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "").replace('"', "”") + '"'


def _days(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


def replaced(text: str, table: YearTable) -> str:
    """The text of `calendar.toml` with this year's table in place of what it had, or at the end."""
    head = re.compile(rf"^\[\[?{table.year}[.\]]", re.MULTILINE)
    first = head.search(text)
    new = as_toml(table)
    if first is None:
        return text.rstrip("\n") + "\n\n" + new
    others = re.compile(rf"^\[{{1,2}}(?!\[|{table.year}[.\]])", re.MULTILINE)
    end = others.search(text, first.end())
    rest = text[_comment_before(text, end.start()) :] if end else ""
    return text[: first.start()] + new + ("\n" + rest if rest else "")


def _comment_before(text: str, at: int) -> int:
    """Where the comment lines right above a table begin: they are that table's."""
    while (start := text.rfind("\n", 0, at - 1) + 1) < at and text.startswith("#", start):
        at = start
    return at
