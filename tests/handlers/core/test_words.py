"""The catalogs: both languages say the same things with the same values."""

import re
from pathlib import Path
from string import Formatter

import pytest

from handlers.core.wording import FOLDER, Words, catalog
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel

FILES = sorted(path.relative_to(FOLDER) for path in FOLDER.glob("*/*.toml"))
KEYS = sorted({key for locale in ("zh", "en") for path in (FOLDER / locale).glob("*.toml") for key, _ in catalog(path)})


#: What the pages of WeCom call it, in whatever language one reads.
WECOM_PAGES = ("corp", "ip", "ip_named", "range", "members")
CHINESE_ON_PURPOSE: frozenset[str] = frozenset(f"reason.wecom_{name}" for name in WECOM_PAGES)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("name", sorted({path.name for path in FILES}))
def test_each_file_has_its_twin_with_the_same_keys_and_values(name: str) -> None:
    zh, en = ({key: placeholders(text) for key, text in catalog(FOLDER / locale / name)} for locale in ("zh", "en"))
    assert zh == en


@pytest.mark.parametrize("path", FILES, ids=str)
def test_sentences_are_tidy(path: Path) -> None:
    for key, sentence in catalog(FOLDER / path):
        assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", key), key
        assert sentence, key
        # One blank in front marks a piece that follows another (" (provisional)", " or ").
        assert not re.search(r"^\s\s|^[\n\t]|[ \t]\n|\t|  |\r|\n$", sentence), key
        assert not sentence.endswith(" ") or sentence.startswith(" "), key


@pytest.mark.parametrize("path", FILES, ids=str)
def test_placeholders_are_plain_names(path: Path) -> None:
    for key, sentence in catalog(FOLDER / path):
        for _, name, spec, conversion in Formatter().parse(sentence):
            assert name is None or re.fullmatch(r"[a-z_]+", name), key
            assert not spec, key
            assert not conversion, key


def test_both_catalogs_load_as_one() -> None:
    assert Words.load("zh").sentences.keys() == Words.load("en").sentences.keys() == set(KEYS)


def test_no_english_sentence_is_chinese_by_mistake() -> None:
    for key, sentence in Words.load("en").sentences.items():
        typed = re.sub("[0-9.]+[万亿]", "", sentence)  # amounts are typed so in either language
        assert not re.search("[\u4e00-\u9fff]", typed) or key in CHINESE_ON_PURPOSE, key


@pytest.mark.parametrize("code", [*OpinionLevel, *EventGrade, *ResponseLevel], ids=repr)
def test_every_level_has_its_words(code: OpinionLevel | EventGrade | ResponseLevel) -> None:
    kind = {OpinionLevel: "opinion_level", EventGrade: "event_grade", ResponseLevel: "response_level"}[type(code)]
    for words in (Words.load("zh"), Words.load("en")):
        assert words.code(code) == words.sentences[f"code.{kind}.{code.value}"]
