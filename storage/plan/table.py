"""Reading one TOML table strictly: every read checks, notes what is wrong, and answers something, so that all faults are found at once."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeGuard, TypeVar

from storage.plan.findings import Finding, listed, nearest
from storage.plan.lines import key_lines, line_of

T = TypeVar("T")

_DURATION = re.compile(r"P(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII)
_ID = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_AT = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


def parse_duration(text: str) -> timedelta | None:
    """`PT15M`, `PT1H30M`, `P1D`, `P1DT12H`; None when it is not such a duration."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(span: timedelta) -> str:
    """The shortest ISO 8601 spelling: the inverse of `parse_duration`."""
    days, rest = span.days, span.seconds
    parts = ((rest // 3600, "H"), (rest // 60 % 60, "M"), (rest % 60, "S"))
    time = "".join(f"{amount}{unit}" for amount, unit in parts if amount)
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "" if days else "T0S")


class Source:
    """One file of the plan and what was found wrong in it."""

    def __init__(self, file: str, lines: Mapping[str, int] | None = None) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._lines = lines or {}

    def note(self, key: str, code: str, line: int | None = None, /, **values: object) -> None:
        texts = {name: str(value) for name, value in values.items()}
        self.findings.append(Finding(self.file, key, code, texts, line or line_of(key, self._lines)))

    def unknown(self, key: str, what: str, name: str, known: Iterable[str]) -> None:
        """Note an unknown name, with the known one that was probably meant."""
        names = tuple(dict.fromkeys(known))
        if meant := nearest(name, names):
            self.note(key, "unknown_name", what=what, name=name, meant=meant)
        else:
            self.note(key, "unknown_name_far", what=what, name=name, known=listed(names))

    def faulty(self, key: str) -> bool:
        """Whether something was already found at `key` or within it: what follows from a fault is not told as another one."""
        return any(finding.key == key or finding.key.startswith((f"{key}.", f"{key}[")) for finding in self.findings)


def read_toml(file: str, content: bytes) -> tuple[Source, "Table | None"]:
    """The file's root table, or None (and a finding) when it cannot be read at all."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as bad:
        source = Source(file)
        source.note("", "bad_utf8", content.count(b"\n", 0, bad.start) + 1, byte=bad.start)
        return source, None
    try:
        root = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        source = Source(file)
        _note_syntax(source, text, str(bad))
        return source, None
    source = Source(file, key_lines(text))
    if not root:
        source.note("", "empty_file")
        return source, None
    return source, Table(source, "", root)


def _note_syntax(source: Source, text: str, fault: str) -> None:
    at = _AT.search(fault)
    lines = text.splitlines() or [""]
    number = int(at[1]) if at and at[1] else len(lines)
    reads = lines[min(number, len(lines)) - 1].strip()
    source.note("", "toml_syntax", number, detail=_AT.sub("", fault).strip(), text=reads[:80])


class Table:
    """`path` is the table's dotted path. Optional reads are those with a `default`; call `close` last."""

    def __init__(self, source: Source, path: str, content: Mapping[str, object]) -> None:
        self.source = source
        self.path = path
        self._content = content
        self._asked: list[str] = []

    def key(self, name: str) -> str:
        return f"{self.path}.{name}".lstrip(".")

    def note(self, name: str, code: str, /, **values: object) -> None:
        """Note a finding at the key `name` of this table; an empty name means the table itself."""
        self.source.note(self.key(name) if name else self.path, code, None, **values)

    def has(self, name: str) -> bool:
        return name in self._content

    def raw(self, name: str) -> object:
        """The value as it stands, None when it is missing; the caller checks it."""
        self._asked.append(name)
        return self._content.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.raw(name)
        if value is None:
            return self._missing(name, default, "")
        if not isinstance(value, str):
            self.note(name, "not_text", found=shown(value))
        elif not value.strip() and default is None:
            self.note(name, "empty_text")
        else:
            return value.strip()
        return ""

    def id(self, name: str) -> str:
        value = self.text(name)
        if value and not _ID.fullmatch(value):
            self.note(name, "bad_id", name=value)
        return value

    def one_of(self, name: str, what: str, known: Collection[str], default: str | None = None) -> str:
        """A text that must be one of `known`; empty when it is not."""
        value = self.text(name, default)
        if not value or value == default or value in known:
            return value
        self.source.unknown(self.key(name), what, value, known)
        return ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, empty when it is missing."""
        value = self.raw(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(entry, str) and entry.strip() for entry in value):
            return tuple(entry.strip() for entry in value)
        self.note(name, "not_texts", found=shown(value))
        return ()

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.note(name, "not_yes_no", found=shown(value))
        return default

    def whole(self, name: str, *, least: int = 1, default: int | None = None) -> int:
        value = self.raw(name)
        if value is None:
            return self._missing(name, default, least)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.note(name, "not_whole", found=shown(value), least=least)
        return least

    def share(self, name: str, *, default: float) -> float:
        """A part of one: more than nothing, at most the whole."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
            return float(value)
        self.note(name, "not_share", found=shown(value))
        return default

    def duration(self, name: str, *, zero: bool = False, default: timedelta | None = None) -> timedelta:
        """Longer than nothing unless `zero` is allowed; required without a `default`."""
        value = self.raw(name)
        if value is None:
            return self._missing(name, default, timedelta())
        span = parse_duration(value) if isinstance(value, str) else None
        if span is None:
            self.note(name, "bad_duration", found=value if isinstance(value, str) else shown(value))
        elif not span and not zero:
            self.note(name, "not_positive")
        return span or timedelta()

    def day(self, name: str, default: date | None = None) -> date | None:
        """A date of its own, not a date in quotes; None when it is not one."""
        value = self.raw(name)
        if value is None:
            return default or self._missing(name, None, None)
        if _is_day(value):
            return value
        self.note(name, "not_day", found=shown(value))
        return None

    def days(self, name: str) -> tuple[date, ...]:
        value = self.raw(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(_is_day(entry) for entry in value):
            return tuple(value)
        self.note(name, "not_days", found=shown(value))
        return ()

    def time(self, name: str) -> time:
        value = self.raw(name)
        if value is None:
            return self._missing(name, None, time())
        if isinstance(value, time):
            return value
        self.note(name, "not_time", found=shown(value))
        return time()

    def table(self, name: str, *, required: bool = False) -> "Table | None":
        value = self.raw(name)
        if isinstance(value, dict):
            return Table(self.source, self.key(name), value)
        if value is not None:
            self.note(name, "not_table", found=shown(value))
        elif required:
            self.note(name, "missing_key", name=name)
        return None

    def tables(self, name: str, *, required: bool = False) -> "list[Table]":
        value = self.raw(name)
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return [Table(self.source, f"{self.key(name)}[{index}]", entry) for index, entry in enumerate(value)]
        if value is not None:
            self.note(name, "not_tables", found=shown(value), name=self.key(name))
        elif required:
            self.note(name, "missing_key", name=name)
        return []

    def names(self) -> tuple[str, ...]:
        """The keys of a table whose keys are the plan's own names."""
        return tuple(self._content)

    def close(self) -> None:
        """Note every key that no read asked for."""
        for name in self._content:
            if name in self._asked:
                continue
            if meant := nearest(name, self._asked):
                self.note(name, "unknown_key", name=name, meant=meant)
            else:
                self.note(name, "unknown_key_far", name=name, known=listed(dict.fromkeys(self._asked)))

    def _missing(self, name: str, default: T | None, stand_in: T) -> T:
        if default is not None:
            return default
        self.note(name, "missing_key", name=name)
        return stand_in


class Uniques:
    """Names that must not be given twice."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def take(self, table: Table, name: str, value: str) -> bool:
        """Note a duplicate at the key `name`; True when `value` is new. The first place is named with its file where it is another."""
        first = self._first.get(value.casefold())
        if first is not None:
            file, _, key = first.partition(" ")
            table.note(name, "duplicate", name=value, first=key if file == table.source.file else first)
            return False
        self._first[value.casefold()] = f"{table.source.file} {table.key(name) if name else table.path}"
        return True


def check_not_slower(source: Source, cells: Sequence[tuple[str, str, timedelta]]) -> None:
    """Note each heavier level or grade that takes longer than the one before; `cells` are (key, level, span) from the lightest on."""
    sound = [cell for cell in cells if not source.faulty(cell[0])]
    for (_, than, limit), (key, level, span) in pairwise(sound):
        if span > limit:
            source.note(key, "slower", level=level, than=than, found=format_duration(span), limit=format_duration(limit))


def _is_day(value: object) -> TypeGuard[date]:
    return isinstance(value, date) and not isinstance(value, datetime)


def shown(value: object) -> str:
    """A TOML value as a sentence shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = f"[{', '.join(map(shown, value))}]"
    elif isinstance(value, str):
        value = f'"{value}"'
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
