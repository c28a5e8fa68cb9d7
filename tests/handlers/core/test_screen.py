"""Client data never passes: whatever stands around a typed mobile or ID number, its digits do not survive."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.screen import SEPARATORS, screen

_SEEN = [" ", "  ", "-", " - ", "·", ".", "．", "—", "－", "\u3000", "\u00a0", "•"]
_UNSEEN = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e"]
_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("客户电话13812340000无法撤单", "客户电话138****0000无法撤单"),
        ("138 1234 0000", "138****0000"),
        ("138-1234-0000,139·5678·1111", "138****0000,139****1111"),
        ("+86 13812340000", "+86 138****0000"),
        ("+8613812340000", "+86138****0000"),
        ("0086-138-1234-0000", "0086-138****0000"),
        ("8613812340000", "86138****0000"),
        ("１３８１２３４００００", "138****0000"),
        ("13\u200b812340000", "138****0000"),
        ("1 3 8 1 2 3 4 0 0 0 0", "138****0000"),
        ("单号20261121 13812340000", "单号20261121 138****0000"),
        ("15 13812340000", "15 138****0000"),
        ("13812340000 3笔", "138****0000 3笔"),
        ("a13812340000b", "a138****0000b"),
        ("身份证11010519491231002X", "身份证110***********002X"),
        ("11010519491231002x。", "110***********002X。"),
        ("110105 19491231 002Ｘ", "110***********002X"),
        ("１１０１０５１９４９１２３１００２Ｘ", "110***********002X"),
        ("34052419800101001X13812340000", "340***********001X138****0000"),
        ("9911010519491231002X", "99110***********002X"),
    ],
)
def test_masked(text: str, masked: str) -> None:
    assert screen(text).text == masked
    assert screen(text).found


@pytest.mark.parametrize(
    "text",
    [
        "", "行情中断 can't", "20261121138123400001", "6222138123400001234", "12812340000", "1381234000", "138123400001", "9913812340000",
        "金额 1,381,234,000.00 元",
        "13,812,340,000", "٠١٣٨١٢٣٤٠٠٠٠", "110105194912310021", "11010519491331002X", "2026-09-30 16:00:00", "INC-20261121-003",
        "１２８　全角　不变",
    ],
)  # fmt: skip
def test_left_alone_to_the_letter(text: str) -> None:
    assert screen(text).text is text
    assert screen(text).found == ()


def test_what_was_found_in_order() -> None:
    assert screen("11010519491231002X 与 13812340000").found == ("resident_id", "mobile")


def test_neighbours_in_a_row_of_spaced_digits_do_not_shield_a_number() -> None:
    masked = screen("1 5 0 0 0 0 0 1 3 8 0 1 2 3 4 0 0 0").text
    assert masked == "150****138****4000"


def test_a_mask_does_not_bare_the_next_number() -> None:
    # Glued together these are 25 digits; once the ID number is masked its last four and the seven behind them are a mobile number.
    number = next(n for day in range(10, 29) if (n := resident(f"110101194001{day}138")).endswith("0"))
    assert screen(number + "1234567").text == "110***********138****4567"
    assert screen(number + "1234567").found == ("resident_id", "mobile")


def resident(body: str) -> str:
    """An ID number from its 17 digits, the check character calculated as GB 11643 says (ISO 7064 MOD 11-2)."""
    remainder = 0
    for digit in body:
        remainder = (remainder + int(digit)) * 2 % 11
    check = (12 - remainder) % 11
    return body + ("X" if check == 10 else str(check))


_mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
_residents = st.builds(
    lambda region, born, serial: resident(f"{region}{born:%Y%m%d}{serial:03}"),
    st.integers(110000, 829999),
    st.dates(min_value=date(1900, 1, 1), max_value=date(2029, 12, 31)),
    st.integers(0, 999),
)


@st.composite
def _typed(draw: st.DrawFn, numbers: st.SearchStrategy[str]) -> tuple[str, str]:
    """(number, the number as somebody types it)."""
    number = draw(numbers)
    grouping = draw(st.sampled_from(["none", "some", "all"]))
    parts = []
    for place, char in enumerate(number):
        wide = draw(st.booleans()) if grouping == "some" else False
        gap = (
            draw(st.sampled_from([*_SEEN, *_UNSEEN]))
            if place and (grouping == "all" or (grouping == "some" and draw(st.booleans())))
            else ""
        )
        parts.append(gap + (char.translate(_WIDE) if wide else char))
    return number, "".join(parts)


def _bare(text: str) -> str:
    """Only what a reader could put together again: separators away, wide digits narrow."""
    narrow = str.maketrans("０１２３４５６７８９Ｘｘx", "0123456789XXX")
    return re.sub(f"[{SEPARATORS}]", "", text).translate(narrow)


_around = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" 0123456789-xX:。")), max_size=12)


@given(_around, _typed(_mobiles), _around)
def test_no_typed_mobile_survives(before: str, typed: tuple[str, str], after: str) -> None:
    number, written = typed
    before = re.sub("[0-9０-９]$", "，", before)
    after = re.sub("^[0-9０-９]", "，", after)
    found = screen(before + written + after)
    assert number not in _bare(found.text)
    assert "mobile" in found.found


@given(_around, _typed(_residents), _around)
def test_no_typed_id_number_survives(before: str, typed: tuple[str, str], after: str) -> None:
    number, written = typed
    found = screen(before + written + after)
    assert number not in _bare(found.text)
    assert "resident_id" in found.found


@given(st.one_of(st.text(), _around.flatmap(lambda text: _typed(_mobiles).map(lambda typed: text + typed[1] + text))))
def test_screening_twice_changes_nothing(text: str) -> None:
    once = screen(text)
    assert screen(once.text).text == once.text
    assert (once.text == text) or once.found


@given(st.integers(12, 17).flatmap(lambda length: st.from_regex(rf"[0-9]{{{length}}}", fullmatch=True)))
def test_a_longer_run_of_digits_is_no_mobile(run: str) -> None:
    prefixed = re.fullmatch(r"(0086|86)1[3-9][0-9]{9}", run)
    assert ("mobile" in screen(run).found) == bool(prefixed)
