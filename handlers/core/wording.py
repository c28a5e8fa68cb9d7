"""Sentences in the installation's language, and the one place where people's text is made safe to show."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from workflows.core.errors import BadConfig

Locale = Literal["zh", "en"]
FOLDER = Path(__file__).parent.parent / "words"

# Seen by nobody, yet not of category Cf: fillers and joiners that hide words from a reader or a filter.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_BREAKS = frozenset("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_TWINS = str.maketrans({"@": "＠", "﹫": "＠", "<": "＜", ">": "＞", "`": "｀", "~": "～", "[": "［", "]": "］", "\t": " "})
_MASK = r"(?<=\d)\*{4,}(?=\d)"
_DOMAINS = "com|cn|net|org|gov|edu|top|xyz|vip|cc|io|info|icu|shop|site|club|online|link|live|pro|tv"
_WIDER = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\w)_+|_+(?!\w)",
        r":(?=//)",  # https://…
        r"(?i)(?<=www)\.",
        rf"(?i)(?<=[^\W_])\.(?=(?:{_DOMAINS})(?![a-z0-9_-]))",  # evil.top
        r"(?i)(?<=[^\W_])\.(?=[a-z][a-z0-9-]+[/:?#])",  # evil.zone/x
        r"&(?=#?\w{1,32};)",
        r"(?m)^ *#+|#+(?= )",
        r"(?m)^ *(?:-[ -]*|=[ =]*)$",  # a rule, or what underlines a heading
        rf"{_MASK}|(\*+)",
    )
)
_WIDE = str.maketrans("#-=_*:.&", "＃－＝＿＊：．＆")


class Ours(str):
    """Text that we made of clean parts (a sentence, a link of ours, a usage line): shown as it is."""

    __slots__ = ()


def clean(text: str) -> str:
    """`text` as people see it, but inert on every platform. Idempotent; never raises.

    Gone: control characters (line breaks become \\n, a tab a space), bidi and zero-width characters, other invisible
    ones, lone surrogates, noncharacters. Wide twins take the place of what a platform could act upon: `@ < > [ ] backtick ~`
    always; `*` (but not inside a mask such as 138****0000), `_` at a word's edge, `#` that opens a line, a line of only - or =,
    the colon of `://`, the dot of `www.` and of well-known domains, the & of an entity.
    """
    shown = text.replace("\r\n", "\n").translate(_INERT)
    for pattern in _WIDER:
        shown = pattern.sub(_widened, shown)
    return shown


def seen(text: str) -> str:
    """`text` without what nobody sees (bidi and zero-width characters, controls), its line breaks \\n: else to the letter."""
    return "".join("\n" if char in _BREAKS else char for char in text.replace("\r\n", "\n") if char in "\n\t" or not _hidden(char))


class _Inert(dict[int, int | str | None]):
    """What becomes of a character, worked out when it is first met: people write with a few thousand, and most of what is said was said
    before. What nobody has room for is worked out each time."""

    def __missing__(self, code: int) -> int | str | None:
        char = chr(code)
        found: int | str | None = _TWINS.get(code) or seen(char) or None
        if len(self) < _MOST_KNOWN:
            self[code] = found
        return found


_MOST_KNOWN = 20_000
_INERT = _Inert()


def _hidden(char: str) -> bool:
    return char not in _BREAKS and _unseen(char)


def _unseen(char: str) -> bool:
    noncharacter = ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"
    return noncharacter or char in _INVISIBLE or unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _widened(found: re.Match[str]) -> str:
    masks = found.re.groups and found.group(1) is None
    return found.group() if masks else found.group().translate(_WIDE)


@dataclass(frozen=True, slots=True)
class Provisional:
    """A moment that a year without data was counted for."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Words:
    """One language's catalog; `say` fills a sentence with values, each shown in the one way its type has."""

    locale: Locale
    zone: ZoneInfo
    sentences: Mapping[str, str]

    @classmethod
    def load(cls, locale: Locale, timezone: str = "Asia/Shanghai", folder: Path = FOLDER) -> "Words":
        """Every `<folder>/<locale>/*.toml` merged; the same key twice is an error."""
        sentences: dict[str, str] = {}
        for path in sorted((folder / locale).glob("*.toml")):
            for key, sentence in catalog(path):
                if key in sentences:
                    raise BadConfig(f"{path}: the key {key!r} stands in two word files of {locale!r}")
                sentences[key] = sentence
        return cls(locale, ZoneInfo(timezone), sentences)

    def has(self, key: str) -> bool:
        return key in self.sentences

    def twin(self, zh: str, en: str) -> str:
        """Of what a plan says in both languages; a firm that wrote one only is shown that."""
        return en if self.locale == "en" and en else zh

    def say(self, key: str, /, **values: object) -> str:
        """The sentence `key`; `now`, when given, decides whether moments need their date."""
        if key not in self.sentences:
            raise KeyError(f"no sentence {key!r} in {self.locale!r}")
        now = values.get("now")
        shown = {name: self.show(value, now if isinstance(now, datetime) else None) for name, value in values.items()}
        try:
            return Ours(self.sentences[key].format_map(shown))
        except KeyError as missing:
            raise KeyError(f"the sentence {key!r} ({self.locale}) needs {missing}, got {sorted(values)}") from None

    def show(self, value: object, now: datetime | None = None) -> str:
        """One value as people read it; text from people comes out cleaned."""
        if value is None:
            return "—"
        if isinstance(value, Ours):
            return value
        if isinstance(value, Enum):
            return self.code(value)
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, bool):
            return self.say("flag.yes" if value else "flag.no")
        if isinstance(value, int | float):
            return _plain(value)
        return self._show_more(value, now)

    def _show_more(self, value: object, now: datetime | None) -> str:
        if isinstance(value, datetime):
            return self.time(value, now)
        if isinstance(value, Provisional):
            return Ours(self.time(value.at, now) + self.say("deadline.provisional"))
        if isinstance(value, timedelta):
            return self.span(value)
        if isinstance(value, list | tuple | set | frozenset):
            return self.join(value)
        raise TypeError(f"no way to show a {type(value).__name__}")

    def code(self, value: Enum) -> str:
        """The words of a coded value (`code.opinion_level.mild`), or the bare code."""
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(value).__name__).lower()
        key = f"code.{kind}.{value.value}"
        return self.say(key) if self.has(key) else clean(str(value.value))

    def time(self, moment: datetime, now: datetime | None = None) -> str:
        """Local `HH:MM`, with the date when it is not today's, with the year when not this one."""
        local = self._local(moment)
        if now is None or local.date() == (today := self._local(now)).date():
            return f"{local:%H:%M}"
        return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local.year:04}-{local:%m-%d %H:%M}"

    def span(self, delta: timedelta) -> str:
        """`1小时12分`: the two largest units; below a minute seconds."""
        total = int(abs(delta).total_seconds())
        minutes, seconds = divmod(total, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        units = {"day": days, "hour": hours, "minute": minutes} if total >= 60 else {"second": seconds}
        first = next(name for name, count in units.items() if count or len(units) == 1)
        names = list(units)[list(units).index(first) :][:2]
        key = "_".join(name for name in names if units[name] or name == first)
        words = self.say(f"span.{key}", **units)
        return Ours(f"-{words}") if delta < timedelta(0) and total else words

    def number(self, value: int | float) -> str:
        """With thousands separators; in Chinese round amounts as 120万, 3.5亿."""
        for size, unit in ((1e8, "亿"), (1e4, "万")):
            if self.locale == "zh" and abs(value) >= size and abs(round(value / size, 2) * size - value) < 1e-3:
                return _plain(round(value / size, 2)) + unit
        return _plain(value, ",")

    def percent(self, share: float) -> str:
        return _plain(round(share * 100, 4)) + "%"

    def join(self, values: Iterable[object]) -> str:
        return Ours(("、" if self.locale == "zh" else ", ").join(self.show(value) for value in values))

    def _local(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise ValueError("a naive datetime has no place here")
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment.astimezone(UTC)


def catalog(path: Path) -> Iterator[tuple[str, str]]:
    """(dotted key, sentence) pairs of one word file."""
    try:
        return _flat(tomllib.loads(path.read_text(encoding="utf-8")), "", path)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path}: {error}") from None


def _flat(table: Mapping[str, object], prefix: str, path: Path) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.", path)
        elif isinstance(value, str):
            yield prefix + name, value
        else:
            raise BadConfig(f"{path}: {prefix}{name} must be a text")


def _plain(value: int | float, grouping: str = "") -> str:
    """No exponent, no trailing zeros."""
    if isinstance(value, int):
        return f"{value:{grouping}d}"
    text = f"{value:{grouping}.6f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
