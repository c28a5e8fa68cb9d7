"""Reading positions in what was typed without changing it: folding, nearest spellings, `key=value` parts."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from workflows.core.errors import BadWords

REF = re.compile(r"([a-z])([0-9]{1,9})(?=[ \n:,、。.!;]|$)")
_QUOTES = {'"': '"', "“": "”", "”": "”", "「": "」", "『": "』"}
_GLUE = ",;、"
#: A value may be written with blanks inside (`昨天 23:50`, `120 万`, `data leak`) when the whole converts.
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Folded:
    """`shape` is `text` for comparing (NFKC, any case, blanks plain, nothing invisible); `places` lead back to `text`."""

    text: str
    shape: str
    places: tuple[int, ...]

    def cut(self, start: int, end: int) -> str:
        """What stands between two places of the shape, to the letter, without blanks at its ends."""
        return self.text[self.places[start] : self.places[end]].strip()

    def until(self, place: int) -> "Folded":
        """The same without what stands from `place` on."""
        return Folded(self.text, self.shape[:place], self.places[: place + 1])

    def skip(self, place: int, blanks: str = " \n") -> int:
        while place < len(self.shape) and self.shape[place] in blanks:
            place += 1
        return place

    def word_end(self, place: int) -> int:
        while place < len(self.shape) and self.shape[place] not in " \n":
            place += 1
        return place


def fold(text: str) -> Folded:
    shape: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        folded = _fold_char(char)
        shape.append(folded)
        places.extend([place] * len(folded))
    return Folded(text, "".join(shape), (*places, len(text)))


def _fold_char(char: str) -> str:
    if char in "\n\r\u2028\u2029\x85":
        return "\n"
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) == "Cf" else unicodedata.normalize("NFKC", char).casefold()


def fold_value(text: str) -> str:
    """For comparing a value: folded, blanks single."""
    return " ".join(fold(text).shape.split())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known spelling most like `word`, None when none is near."""
    spellings = {fold_value(name): name for name in reversed(tuple(known))}
    found = difflib.get_close_matches(fold_value(word)[:40], list(spellings), n=1, cutoff=0.5)
    return spellings[found[0]] if found else None


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch after the head: a plain word (`key` empty), or `key=value` with its converted value or its refusal."""

    start: int
    end: int
    key: str = ""
    value: object = None
    refusal: BadWords | None = None
    sign: str = ""
    blank: bool = False
    """True for `key=` with nothing behind it"""


@dataclass(frozen=True, slots=True)
class Keys:
    """The known keys of a command: folded spelling to field, and how a field's value is converted.

    `to_line_end`: fields whose value may run on to the end of the line (a text where no free text can follow).
    `single`: fields whose value is one word to the letter.
    """

    spellings: Mapping[str, str]
    convert: Callable[[str, str], object]
    to_line_end: frozenset[str] = frozenset()
    single: frozenset[str] = frozenset()

    def parts(self, typed: Folded, place: int) -> Iterator[Part]:
        """Everything from `place` on as parts, in order."""
        longest = sorted(self.spellings, key=len, reverse=True)
        place = typed.skip(place)
        while place < len(typed.shape):
            known = self._key_at(typed, place, longest)
            part = self._assignment(typed, place, *known, longest) if known else Part(place, typed.word_end(place))
            yield part
            place = typed.skip(part.end, " \n" + _GLUE if part.key else " \n")

    def _key_at(self, typed: Folded, place: int, longest: list[str]) -> tuple[str, int] | None:
        """(field, place of its value) when a known key and its = or : stand here."""
        for spelling in longest:
            if typed.shape.startswith(spelling, place):
                sign = typed.skip(place + len(spelling), " ")
                if typed.shape.startswith(("=", ":"), sign) and not typed.shape.startswith("://", sign):
                    return self.spellings[spelling], typed.skip(sign + 1, " ")
        return None

    def _assignment(self, typed: Folded, start: int, field: str, place: int, longest: list[str]) -> Part:
        if quoted := _quoted(typed, place):
            return self._converted(typed, field, typed.cut(place + 1, quoted), start, quoted + 1)
        most = None if field in self.to_line_end else _MOST_WORDS
        ends = list(islice(self._value_ends(typed, place, longest), most))
        if not ends:
            empty = typed.shape[start:place].rstrip(" ").endswith("=")
            return Part(start, place, field, sign="=", blank=True) if empty else Part(start, typed.word_end(start))
        if field in self.to_line_end:
            return self._converted(typed, field, typed.cut(place, ends[-1]), start, ends[-1])
        first = self._converted(typed, field, typed.cut(place, ends[0]), start, ends[0])
        if field in self.single:
            return first
        for end in reversed(ends[1:]):
            longer = self._converted(typed, field, typed.cut(place, end), start, end)
            if not longer.refusal:
                return longer
        return first

    def _value_ends(self, typed: Folded, place: int, longest: list[str]) -> Iterator[int]:
        """The places where a value that begins here may end: after each word of the line, before the next key."""
        while place < len(typed.shape) and typed.shape[place] != "\n" and not self._key_at(typed, place, longest):
            stop = typed.word_end(place)
            for mark in re.finditer(f"[{_GLUE}]", typed.shape[place:stop]):
                if self._key_at(typed, place + mark.end(), longest):
                    yield place + mark.start()
                    return
            yield stop
            place = typed.skip(stop, " ")

    def _converted(self, typed: Folded, field: str, text: str, start: int, end: int) -> Part:
        if field not in self.single and field not in self.to_line_end:
            text = text.rstrip(_GLUE + "，；。")
        found = re.search("[=:]", typed.shape[start:end])
        sign = found.group() if found else ""
        try:
            return Part(start, end, field, self.convert(field, text), sign=sign)
        except BadWords as refusal:
            return Part(start, end, field, refusal=refusal, sign=sign)


def _quoted(typed: Folded, place: int) -> int | None:
    """The place of the closing quote when a quoted value begins here: one that a blank, a comma or the end follows."""
    closing = _QUOTES.get(typed.shape[place : place + 1])
    if not closing:
        return None
    end = typed.shape.find(closing, place + 1)
    while end != -1:
        if end + 1 == len(typed.shape) or typed.shape[end + 1] in " \n" + _GLUE:
            return end
        end = typed.shape.find(closing, end + 1)
    return None
