"""The head of a command line: the bot's mention, the spellings of every command, and what was meant by an unknown one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from handlers.core.registry import Command
from handlers.core.tokens import REF, Folded, fold, fold_value, nearest
from workflows.core.errors import BadWords

_BOT = r"@(?:更夫|gengfu(?![a-z0-9_]))"
_LEADING = re.compile(rf"(?:[ \n]*{_BOT})+[ \n,:]*")
_TRAILING = re.compile(rf"(?:{_BOT}[ \n]*)+$")
_NOISE = re.compile(r"[\s\W_]*")


@dataclass(frozen=True, slots=True)
class Spellings:
    """Every spelling of every command, longest first, and what each noun can be followed by."""

    full: tuple[tuple[str, Command], ...]
    short: tuple[tuple[str, Command], ...]
    nouns: Mapping[str, tuple[str, ...]]
    """folded noun to the full spellings that begin with it, as written"""


def unmentioned(text: str) -> tuple[Folded, bool]:
    """The text without the bot's mention at either end, and whether there was one."""
    typed = fold(text)
    leading = _LEADING.match(typed.shape)
    trailing = _TRAILING.search(typed.shape, leading.end() if leading else 0)
    if not leading and not trailing:
        return typed, False
    start = typed.places[leading.end()] if leading else 0
    end = typed.places[trailing.start()] if trailing else len(text)
    return fold(text[start:end]), True


@lru_cache(maxsize=4)
def spellings(commands: tuple[Command, ...]) -> Spellings:
    full = [(spelling, command) for command in commands for spelling in (command.name, command.zh, *command.also)]
    short = [(spelling, command) for command in commands for spelling in command.short]
    nouns: dict[str, tuple[str, ...]] = {}
    for spelling, _ in full:
        if " " in spelling:
            noun = fold_value(spelling.split(" ")[0])
            nouns[noun] = (*nouns.get(noun, ()), spelling)
    return Spellings(_longest_first(full), _longest_first(short), nouns)


def _longest_first(spellings: list[tuple[str, Command]]) -> tuple[tuple[str, Command], ...]:
    return tuple(sorted(((fold_value(s), command) for s, command in spellings), key=lambda pair: -len(pair[0])))


def find(typed: Folded, place: int, known: Spellings, *, full: bool) -> tuple[Command, int, bool] | None:
    """(command, place after its head, by a short form)."""
    for spellings, short in ((known.full if full else (), False), (known.short, True)):
        for spelling, command in spellings:
            end = _after(typed, place, spelling.split(" "))
            if end is not None:
                return command, end, short
    return None


def _after(typed: Folded, place: int, words: Sequence[str]) -> int | None:
    """The place behind the head `words`; Chinese words may be written together, with each other and with a ref."""
    for number, word in enumerate(words):
        begin = typed.skip(place, " ")
        if (number and begin == place and words[number - 1].isascii()) or not typed.shape.startswith(word, begin):
            return None
        place = begin + len(word)
    follows = typed.shape[place : place + 1]
    if follows in ("", " ", "\n"):
        return place
    if follows in ":,。!.~":
        return place + 1
    return place if not words[-1].isascii() and REF.match(typed.shape, place) else None


def noun(typed: Folded, place: int, known: Spellings) -> str | None:
    longest = sorted(known.nouns, key=len, reverse=True)
    return next((word for word in longest if _after(typed, place, [word]) is not None), None)


def is_chatter(typed: Folded, end: int, command: Command, *, strict: bool) -> bool:
    """Whether a short form without slash is only talk: a question, or (unaddressed) words where the command asks for none."""
    rest = typed.shape[end:].strip(" \n")
    if rest.endswith("?"):
        return True
    ref = REF.match(rest)
    rest = rest[ref.end() :] if ref else rest
    takes_text = any(a.metadata.get("part") == "rest" and a.metadata["required"] for a in command.arguments)
    return strict and not takes_text and not _NOISE.fullmatch(rest)


def unknown(typed: Folded, place: int, known: Spellings) -> BadWords:
    """The refusal of a head that is none: which verbs its noun has, or what it is most like."""
    words = typed.cut(place, len(typed.shape)).split()
    named = noun(typed, place, known)
    if named and typed.skip(_after(typed, place, [named]) or place) == len(typed.shape):
        verbs = tuple(spelling.split(" ", 1)[1] for spelling in known.nouns[named])
        return BadWords("error.verb_missing", command="", noun="/" + named, verbs=verbs)
    by_spelling = dict(reversed((*known.full, *known.short)))
    near = _nearest(words, known.nouns[named] if named else tuple(by_spelling), by_spelling)
    command = by_spelling.get(fold_value(near))
    shown = " ".join(words[: 2 if named else 1])[:40]
    return BadWords("error.unknown_command", command=command.name if command else "", typed=f"/{shown}", nearest=f"/{near}")


def _nearest(words: Sequence[str], candidates: Sequence[str], by_spelling: Mapping[str, Command]) -> str:
    """A spelling whose verb was typed alone, else the most like one, else help."""
    first = fold_value(words[0]) if words else ""
    for spelling in candidates:
        if spelling.split(" ")[-1] == first:
            return spelling
    for attempt in (" ".join(words[:2]), first):
        if near := nearest(attempt, candidates):
            return near
    wanted = ("help", "帮助") if first.isascii() else ("帮助", "help")
    return next((spelling for spelling in wanted if spelling in by_spelling), candidates[0] if candidates else "")
