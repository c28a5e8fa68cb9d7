"""Sentences and the values in them; people's text comes out inert."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.wording import Locale, Ours, Words, clean
from workflows.core.errors import BadConfig
from workflows.core.rubric import OpinionLevel

SENTENCES = {"hello": "{who}:{what}", "at": "{at} ({now})", "one": "{value}", "flag.yes": "是", "flag.no": "否"}


@pytest.fixture
def words() -> Words:
    loaded = Words.load("zh")
    return Words("zh", loaded.zone, {**loaded.sentences, **SENTENCES})


def test_say_cleans_what_people_wrote(words: Words) -> None:
    assert words.say("hello", who="李娜", what="@all <at id=1>") == "李娜:＠all ＜at id=1＞"
    assert words.say("hello", who="{what}", what="x") == "{what}:x"
    assert words.say("one", value=Ours("https://127.0.0.1/x")) == "https://127.0.0.1/x"
    assert words.say("one", value=words.say("one", value=Ours("[a]"))) == "[a]"


def test_say_names_what_is_missing(words: Words) -> None:
    with pytest.raises(KeyError, match=r"no sentence 'nothing'"):
        words.say("nothing")
    with pytest.raises(KeyError, match=r"'hello'.*'what'"):
        words.say("hello", who="x")


class SampleState(StrEnum):
    OPEN = "open"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3, "3"), (1200000, "1200000"), (3.0, "3"), (0.35, "0.35"), (1.0e7, "10000000"), (-2.5, "-2.5"), (None, "—"), (True, "是"),
        (False, "否"),
        (timedelta(minutes=72), "1小时12分"), (("a@b", 2), "a＠b、2"), ([], ""), (OpinionLevel.SEVERE, "严重"), (SampleState.OPEN, "open"),
    ],
)  # fmt: skip
def test_each_type_has_one_look(words: Words, value: object, shown: str) -> None:
    assert words.say("one", value=value) == shown


def test_what_has_no_look_is_a_bug(words: Words) -> None:
    with pytest.raises(TypeError, match="object"):
        words.say("one", value=object())


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (datetime(2026, 11, 21, 15, 59, tzinfo=UTC), "00:30"),
        (datetime(2026, 11, 21, 16, 0, tzinfo=UTC), "11-21 00:30"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2026-11-21 00:30"),
    ],
)
def test_a_time_shows_its_date_when_it_is_not_todays(words: Words, now: datetime, shown: str) -> None:
    at = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    assert words.time(at, now) == shown
    assert words.say("at", at=at, now=now).startswith(shown + " (")
    assert words.time(at) == "00:30"


def test_naive_times_are_refused(words: Words) -> None:
    with pytest.raises(ValueError, match="naive"):
        words.time(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0秒", "0 s"), (45, "45秒", "45 s"), (60, "1分", "1 min"), (3600, "1小时", "1 h"), (4320, "1小时12分", "1 h 12 min"),
        (86400, "1天", "1 d"),
        (90061, "1天1小时", "1 d 1 h"), (86460, "1天", "1 d"), (-120, "-2分", "-2 min"),
    ],
)  # fmt: skip
def test_spans(seconds: int, zh: str, en: str) -> None:
    assert Words.load("zh").span(timedelta(seconds=seconds)) == zh
    assert Words.load("en").span(timedelta(seconds=seconds)) == en


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [(1_200_000, "120万", "1,200,000"), (350_000_000, "3.5亿", "350,000,000"), (12_345, "12,345", "12,345"), (3.5, "3.5", "3.5")],
)
def test_numbers(value: float, zh: str, en: str) -> None:
    assert Words.load("zh").number(value) == zh
    assert Words.load("en").number(value) == en


def test_lists_and_shares() -> None:
    assert Words.load("zh").join(["甲", "乙"]) == "甲、乙"
    assert Words.load("en").join(["a", 2]) == "a, 2"
    assert Words.load("en").percent(0.35) == "35%"


def test_files_are_merged_and_a_key_stands_once(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "a.toml").write_text('top = "顶"\n[a.b]\nc = "一"\n', encoding="utf-8")
    (tmp_path / "zh" / "b.toml").write_text('[a]\nd = "二"\n', encoding="utf-8")
    words = Words.load("zh", folder=tmp_path)
    assert words.sentences == {"top": "顶", "a.b.c": "一", "a.d": "二"}
    assert (words.has("a.d"), words.has("a.b")) == (True, False)
    (tmp_path / "zh" / "c.toml").write_text('[a]\nd = "三"\n', encoding="utf-8")
    with pytest.raises(BadConfig, match=r"c\.toml.*'a\.d'"):
        Words.load("zh", folder=tmp_path)


@pytest.mark.parametrize("content", ["a = ", "a = 3", "[t]\nlist = ['x']"])
def test_a_bad_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "bad.toml").write_text(content, encoding="utf-8")
    with pytest.raises(BadConfig, match=r"bad\.toml"):
        Words.load("en", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("行情中断 can't, 5% & R&D", "行情中断 can't, 5% & R&D"),
        ("138****0000 与 110***********002X", "138****0000 与 110***********002X"),
        ("li.na v2.3.1 trade.log fix_the_bug 3*4", "li.na v2.3.1 trade.log fix_the_bug 3＊4"),
        ("第一行\r\n第二行\r\t列", "第一行\n第二行\n 列"),
        ("a\x00b\x1bc\u200bd\u202ee\ufefff\ud800g\u3164h\ufffe", "abcdefgh"),
        ("<@LiNa> @all ＠李娜", "＜＠LiNa＞ ＠all ＠李娜"),
        ('<at user_id="all"></at>', '＜at user_id="all"＞＜/at＞'),
        ("[点我](https://evil.top/x)", "［点我］(https：//evil．top/x)"),
        ("www.evil.zone evil.com. evil.zone/a", "www．evil.zone evil．com. evil．zone/a"),
        ("`rm -rf` **粗** __下__ ~~删~~ _斜_", "｀rm -rf｀ ＊＊粗＊＊ ＿＿下＿＿ ～～删～～ ＿斜＿"),
        ("# 标题\n ## 二\n---\n===", "＃ 标题\n ＃＃ 二\n－－－\n＝＝＝"),
        ("&lt;at&gt; &#64;all", "＆lt;at＆gt; ＆#64;all"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


_RISKY = st.sampled_from(
    [
        "@",
        "<",
        ">",
        "`",
        "*",
        "**",
        "_",
        "~",
        "[",
        "]",
        "(",
        "://",
        "www.",
        ".com",
        ".top/",
        "&",
        "lt;",
        "#",
        "# ",
        "\n",
        "-",
        "=",
        "\t",
        "1",
        "0000",
        "****",
        "a",
        "中",
        "\u200b",
        "\u2066",
        " ",
    ]
)
_TEXT = st.one_of(
    st.text(),
    st.lists(st.one_of(_RISKY, st.text(max_size=3)), max_size=14).map("".join),
    st.text(st.characters(categories=["Cs", "Cf", "Cc", "Co", "Cn", "Lo"])),
)
_ACTIVE = re.compile(
    r"[@<>`~\[\]]|://|(?i:www\.)|&#?\w{1,32};|(?m:^ *#)|(?m:^ *(?:-[- ]*|=[= ]*)$)|(?<!\w)_|_(?!\w)"
    r"|(?<![\d*])\*|\*(?![\d*])|(?i:[a-z0-9]\.(?:com|cn|top)\b(?!-))"
)


@given(_TEXT)
def test_nothing_of_a_persons_text_can_act(text: str) -> None:
    shown = clean(text)
    assert not _ACTIVE.search(shown)
    assert not [char for char in shown if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    shown.encode()


@given(_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(categories=["Lo", "Lu", "Ll", "Nd"], exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_letters_and_digits_stay(text: str) -> None:
    assert clean(text) == text


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)), st.sampled_from(["zh", "en"]))
def test_any_moment_and_span_can_be_shown(at: datetime, now: datetime, locale: Locale) -> None:
    words = Words(locale, ZoneInfo("America/New_York"), Words.load(locale).sentences)
    assert re.fullmatch(r"(?:(?:\d{4}-)?\d\d-\d\d )?\d\d:\d\d", words.time(at, now))
    assert words.span(at - now)
