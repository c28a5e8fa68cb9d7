"""Client data typed by people, masked before anything becomes a record: mobile numbers and resident ID numbers."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["mobile", "resident_id"]

_DIGITS = "0-9０-９"
_CHARS = frozenset("0123456789０１２３４５６７８９XxＸｘ")
_D = f"[{_DIGITS}]"
#: What people put between digits: blanks, dashes, dots, middle dots, and what nobody sees (zero-width, bidi, soft hyphen).
SEPARATORS = (
    " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
    "\\-\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
    ".\u3002\uff0e\uff61\u2024\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65"
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    # Line breaks, which a title loses, and the rest of what `wording.clean` drops: a number must not come together after the screen.
    "\x00-\x1f\x7f-\x9f\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2065\u2800"
    "\u3164\ufdd0-\ufdef\uffa0\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "\U000e0000-\U000e0fff"
)
_S = f"[{SEPARATORS}]*"
# Lookaheads find overlapping candidates too: in a row of spaced digits the first eleven need not be the number.
_N = f"(?<![{_DIGITS}])"
_BEFORE = f"(?:{_N}|(?<={_N}[8８][6６])|(?<={_N}[0０][0０][8８][6６]))"
_MOBILE = re.compile(rf"{_BEFORE}(?=([1１]{_S}[3-9３-９](?:{_S}{_D}){{9}})(?!{_D}))")
_RESIDENT = re.compile(rf"(?=([1-9１-９](?:{_S}{_D}){{16}}{_S}[{_DIGITS}XxＸｘ]))")
_PLAIN = str.maketrans("０１２３４５６７８９ｘＸx", "0123456789XXX")
_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))


@dataclass(frozen=True, slots=True)
class Screened:
    """`found` names what was masked, in order; empty means `text` is the original to the letter."""

    text: str
    found: tuple[Kind, ...] = ()


def screen(text: str) -> Screened:
    """Mask every mobile number (138****0000) and every valid resident ID number (110***********7571).

    Eleven digits inside a longer run of digits are no mobile number; a valid ID number is masked wherever it stands.
    """
    found: tuple[Kind, ...] = ()
    while hits := sorted(_hits(text)):
        found += tuple(kind for _, _, kind in hits)
        text = _masked(text, hits)
    return Screened(text, found)


def _hits(text: str) -> Iterator[tuple[int, int, Kind]]:
    for match in _MOBILE.finditer(text):
        yield match.start(1), match.end(1), "mobile"
    for match in _RESIDENT.finditer(text):
        if _valid(_digits(match.group(1))):
            yield match.start(1), match.end(1), "resident_id"


def _valid(number: str) -> bool:
    """GB 11643: a birth date that can be, and the check character."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    rest = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False)) % 11
    return 1850 <= born.year < 2100 and number[17] == "10X98765432"[rest]


def _masked(text: str, hits: list[tuple[int, int, Kind]]) -> str:
    """Overlapping hits become one stretch in which a digit is hidden when any of them hides it."""
    parts: list[str] = []
    done = first = 0
    while first < len(hits):
        start, end, _ = hits[first]
        after = first
        while after < len(hits) and hits[after][0] < end:
            end = max(end, hits[after][1])
            after += 1
        parts += [text[done:start], _stretch(text, start, end, hits[first:after])]
        done, first = end, after
    return "".join(parts) + text[done:]


def _stretch(text: str, start: int, end: int, hits: list[tuple[int, int, Kind]]) -> str:
    """The digits from `start` to `end` without what stood between them, those in the middle of a hit hidden."""
    places = [place for place in range(start, end) if text[place] in _CHARS]
    hidden: set[int] = set()
    for begin, stop, _ in hits:
        hidden.update(places[bisect_left(places, begin) + 3 : bisect_left(places, stop) - 4])
    return "".join("*" if place in hidden else text[place].translate(_PLAIN) for place in places)


def _digits(text: str) -> str:
    return re.sub(f"[{SEPARATORS}]", "", text).translate(_PLAIN)
