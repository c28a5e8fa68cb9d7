"""From a typed line to a command and its arguments (the grammar of the contract's section 6).

What people wrote is never changed: everything is found in a folded twin of the text and cut out of the original.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, replace
from types import MappingProxyType
from typing import Any

from handlers.core.heads import find, is_chatter, noun, spellings, unknown, unmentioned
from handlers.core.registry import COMMANDS, Command, Kind
from handlers.core.tokens import REF, Folded, Keys, Part, fold_value, nearest
from handlers.core.values import Reading, convert, fact
from handlers.core.wording import Locale
from workflows.core.errors import BadWords
from workflows.core.facts import FactSpec

__all__ = ["Parsed", "Reading", "nearest", "parse", "usage_line"]

_NOISE = re.compile(r"[\s\W_]*")
_SETTING = re.compile(r"([^=:]*[^=:0-9.][^=:]*)[=:]")
_ANY_FACT = {"zh": "名称=值 …", "en": "name=value …"}
_FACT, _SLOT = "fact:", "slot:"
_ANY_SLOT = {"zh": "字段=…", "en": "field=…"}
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Parsed:
    command: Command
    given: Any
    """an instance of `command.args`"""


def parse(
    text: str,
    reading: Reading,
    *,
    addressed: bool,
    reply: bool = False,
    fields: Mapping[str, str] = MappingProxyType({}),
    commands: Mapping[str, Command] = COMMANDS,
) -> Parsed | None:
    """The command in `text`; None when it is not for us; BadWords (with `command`, its name or "") when it cannot be read.

    `fields`: arguments that a form took apart already, name to value; a value is never read for keys, refs or quotes.
    """
    typed, mentioned = unmentioned(text)
    known = spellings(tuple(commands.values()))
    start = typed.skip(0)
    slash = typed.shape.startswith("/", start) and not typed.shape.startswith("//", start)
    # On a Chinese keyboard the slash key types 、
    place = typed.skip(start + 1, " ") if slash or typed.shape.startswith("、", start) else start
    asked = addressed or mentioned
    if not (slash or asked or reply or place != start):
        return None
    found = find(typed, place, known, full=slash or asked or place != start)
    if found is None:
        if slash or (asked and noun(typed, place, known)):
            raise unknown(typed, place, known)
        return None
    command, end, short = found
    if not slash and short and is_chatter(typed, end, command, strict=not asked):
        return None
    return Parsed(command, _Line(command, typed, end, reading, fields, commands).given())


def usage_line(command: Command, locale: Locale, given: Sequence[str] = ()) -> str:
    """`/任务 认领 [T1]`: how the command is written, from the registry alone; `given` stands there already."""
    words = ["/" + (command.zh if locale == "zh" else command.name), *given]
    for argument in command.arguments:
        part = str(argument.metadata.get("part"))
        if part == "ref":
            words += _ref_sample(argument, given)
        elif part in _SHOWN:
            words.append(_SHOWN[part](argument, locale))
    return " ".join(words)


def _ref_sample(argument: Field[Any], given: Sequence[str]) -> list[str]:
    sample = argument.metadata["letter"] + "1"
    if any(word[:1] == sample[:1] for word in given):
        return []
    return [f"[{sample}]" if argument.metadata["optional"] else sample]


def _rest_sample(argument: Field[Any], locale: Locale) -> str:
    name = _rest_name(argument, locale)
    return name if argument.metadata["required"] else f"[{name}]"


def _key_name(argument: Field[Any], locale: Locale) -> str:
    names: tuple[str, ...] = argument.metadata["names"]
    return names[0] if locale == "zh" and names else argument.name.rstrip("_")


def _rest_name(argument: Field[Any], locale: Locale) -> str:
    name: tuple[str, str] = argument.metadata["name"]
    return name[0 if locale == "zh" else 1]


def _table(key: str, facts: dict[str, Any], slots: dict[str, Any], others: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Where what is given under `key` belongs, and as what."""
    for sign, table in ((_FACT, facts), (_SLOT, slots)):
        if key.startswith(sign):
            return table, key.removeprefix(sign)
    return others, key


#: What stands in a usage line for each part of a command but its refs.
_SHOWN: Mapping[str, Callable[[Field[Any], Locale], str]] = {
    "key": lambda argument, locale: f"[{_key_name(argument, locale)}=]",
    "facts": lambda argument, locale: _ANY_FACT[locale],
    "slots": lambda argument, locale: _ANY_SLOT[locale],
    "body": lambda argument, locale: f"[{_rest_name(argument, locale)}:…]",
    "rest": _rest_sample,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """The arguments of one command as typed behind its head at `place`."""

    command: Command
    typed: Folded
    place: int
    reading: Reading
    fields: Mapping[str, str]
    commands: Mapping[str, Command]

    def given(self) -> Any:
        try:
            return self.command.args(**self._values())
        except BadWords as error:
            raise BadWords(error.key, **{"command": self.command.name, **error.values}) from None

    def _values(self) -> dict[str, Any]:
        for argument in self._of("body"):
            mark = re.compile(rf"(?<=[ \n,;、])(?:{'|'.join((*argument.metadata['name'], argument.name))})[ ]?[:=]")
            if found := mark.search(self.typed.shape, self.place):
                before = replace(self, typed=self.typed.until(found.start()))
                return {**before._values(), argument.name: self.typed.text[self.typed.places[found.end()] :].strip()}
        place = self.typed.skip(self.place)
        parts = list(self._keys().parts(self.typed, place))
        values, lead = self._lead(parts)
        tail = len(parts)
        while tail > lead and parts[tail - 1].key and not (parts[tail - 1].refusal and parts[tail - 1].sign == ":" and self._of("rest")):
            tail -= 1
        self._check_unknown(parts[lead:tail])
        values |= self._set([part for part in (*parts[:lead], *parts[tail:]) if part.key])
        values |= self._rest(*((parts[lead].start, parts[tail - 1].end) if lead < tail else (place, place)))
        values = self._filled(values)
        self._check_missing(values)
        return values

    def _filled(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values with those of the form; an empty field was not given. What the line says already cannot be said again."""
        spellings = self._keys().spellings
        rests: dict[str, Kind] = {argument.name: argument.metadata["kind"] for argument in self._of("rest")}
        fields: dict[str, Any] = {}
        bodies = {argument.name for argument in self._of("body")}
        stated, filled = ({k: v for a in self._of(part) for k, v in values[a.name].items()} for part in ("facts", "slots"))
        for name, typed in self.fields.items():
            key, text = spellings.get(fold_value(name), name), typed.strip()
            if key not in rests and key not in bodies and key not in spellings.values():
                raise self._unknown_key(name)
            if not text:
                continue
            table, short = _table(key, stated, filled, fields)
            if short in table or values.get(key) not in (None, ""):
                raise BadWords("error.key_twice", name=name)
            whole = key in rests or key in bodies
            table[short] = convert(rests.get(key, "text"), text, self.reading) if whole else self._convert(key, text)
        return values | fields | self._tables(stated, filled)

    def _tables(self, stated: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
        """Facts and a template's fields, as the arguments that take them."""
        return {a.name: table for part, table in (("facts", stated), ("slots", filled)) for a in self._of(part)}

    def _slots(self) -> list[str]:
        """What any template of the plan asks its author for, where the command takes that."""
        names = (name for template in self.reading.plan.statements.values() for name in template.fields)
        return list(dict.fromkeys(names)) if self._of("slots") else []

    def _of(self, part: str) -> list[Field[Any]]:
        return [argument for argument in self.command.arguments if argument.metadata.get("part") == part]

    def _facts(self) -> Iterator[tuple[str, FactSpec]]:
        """(spelling, fact) for every fact that the command takes."""
        for argument in self._of("facts"):
            for name, key in self.reading.plan.facts.by_name.items():
                spec = self.reading.plan.facts.specs[key]
                if spec.grade == (argument.metadata["which"] == "grade"):
                    yield name, spec

    def _keys(self) -> Keys:
        fields = {fold_value(name): _FACT + spec.key for name, spec in self._facts()}
        fields |= {fold_value(name): _SLOT + name for name in self._slots()}
        texts = {_FACT + spec.key for _, spec in self._facts() if spec.kind == "text"} | {_SLOT + name for name in self._slots()}
        words: set[str] = set()
        for argument in self._of("key"):
            names = (argument.name, argument.name.rstrip("_"), *argument.metadata["names"])
            fields |= {fold_value(name): argument.name for name in names}
            texts |= {argument.name} if argument.metadata["kind"] == "text" else set()
            words |= {argument.name} if argument.metadata["kind"] == "word" else set()
        free = not self._of("rest")
        return Keys(fields, self._convert, frozenset(texts if free else ()), frozenset(words if free else words | texts))

    def _convert(self, field: str, text: str) -> object:
        if field.startswith(_FACT):
            return fact(text, self.reading.plan.facts.specs[field.removeprefix(_FACT)], self.reading)
        if field.startswith(_SLOT):
            return text
        kind = next(a.metadata["kind"] for a in self._of("key") if a.name == field)
        return convert(kind, text, self.reading)

    def _lead(self, parts: list[Part]) -> tuple[dict[str, Any], int]:
        """The refs before the text, and how many parts come before it; a ref glued to its text (`T1:好了`) is parted from it."""
        values: dict[str, Any] = {}
        open_refs = self._of("ref")
        for number, part in enumerate(parts):
            if part.key or (not self._of("rest") and _NOISE.fullmatch(self.typed.shape, part.start, part.end)):
                continue
            found = REF.match(self.typed.shape, part.start, part.end)
            slot = next((a for a in open_refs if found and a.metadata["letter"].casefold() == found.group(1)), None)
            if not found or not slot:
                self._check_report(found, open_refs)
                return values, number
            open_refs.remove(slot)
            values[slot.name] = found.group(1).upper() + str(int(found.group(2)))
            text = self.typed.skip(found.end(), ":,、。.!; ")
            if text < part.end:
                parts[number] = Part(text, part.end)
                return values, number
        return values, len(parts)

    def _check_report(self, found: re.Match[str] | None, wanted: list[Field[Any]]) -> None:
        """A regulator's clock where a task is asked for: nobody shall believe that it was acknowledged or snoozed."""
        if found and found.group(1) == "r" and any(a.metadata["letter"] == "T" for a in wanted):
            raise BadWords("error.is_report", ref=f"R{int(found.group(2))}")

    def _check_unknown(self, parts: list[Part]) -> None:
        """Where no free text is expected, `x=y` with an unknown x is a slip, never text."""
        strict = not self._of("rest")
        if not strict and not self._of("facts"):
            return
        for part in parts:
            setting = _SETTING.match(self.typed.shape, part.start, part.end)
            if not part.key and setting and (strict or setting.group().endswith("=")):
                raise self._unknown_key(self.typed.cut(part.start, part.start + len(setting.group(1))))
        if strict and parts:
            raise BadWords("error.unexpected", text=self.typed.cut(parts[0].start, parts[-1].end))

    def _unknown_key(self, name: str) -> BadWords:
        known = self.reading.plan.facts.find(fold_value(name))
        for other in self.commands.values() if known else ():
            if any(a.metadata.get("which") == ("grade" if known and known.grade else "fact") for a in other.arguments):
                return BadWords("error.fact_elsewhere", name=name, other="/" + (other.name if name.isascii() else other.zh))
        spelled = [spec_name for _, spec in self._facts() for spec_name in (spec.name, *spec.names, spec.key)]
        spelled += self._slots()
        spelled += [word for a in self._of("key") for word in (*a.metadata["names"], a.name.rstrip("_"))]
        near = nearest(name, spelled)
        return BadWords("error.unknown_key", typed=name, nearest=near) if near else BadWords("error.unknown_key_alone", typed=name)

    def _set(self, parts: list[Part]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        found: dict[str, object] = {}
        filled: dict[str, object] = {}
        for part in parts:
            if part.refusal:
                raise part.refusal
            table, key = _table(part.key, found, filled, values)
            if part.blank:
                continue
            if key in table:
                raise BadWords("error.key_twice", name=re.split("[=:＝：]", self.typed.cut(part.start, part.end))[0].strip())
            table[key] = part.value
        return values | self._tables(found, filled)

    def _rest(self, start: int, end: int) -> dict[str, Any]:
        """The free text: fields of a kind take the words that convert, in order; a text field takes all that is left."""
        rests: dict[str, Any] = {}
        fields = self._of("rest")
        for number, argument in enumerate(fields):
            if argument.metadata["kind"] == "text":
                rests[argument.name] = self.typed.cut(start, end)
                start = end
            elif start < end:
                optional = not argument.metadata["required"] and len(fields) > number + 1
                rests[argument.name], start = self._worded(argument, start, end, optional=optional)
        if start < end:
            raise BadWords("error.unexpected", text=self.typed.cut(start, end))
        return rests

    def _worded(self, argument: Field[Any], start: int, end: int, *, optional: bool) -> tuple[Any, int]:
        kind = argument.metadata["kind"]
        ends: list[int] = []
        place = start
        while place < end and len(ends) < (1 if kind == "word" else _MOST_WORDS):
            place = min(self.typed.word_end(place), end)
            ends.append(place)
            place = self.typed.skip(place)
        for stop in reversed(ends):
            try:
                return convert(kind, self.typed.cut(start, stop), self.reading), min(self.typed.skip(stop), end)
            except BadWords:
                continue
        if optional:
            return argument.default, start
        return convert(kind, self.typed.cut(start, end), self.reading), end

    def _check_missing(self, values: Mapping[str, Any]) -> None:
        locale: Locale = "en" if self.typed.shape[: self.place].isascii() else "zh"
        for argument in self.command.arguments:
            meta = argument.metadata
            if meta.get("part") == "ref" and not meta["optional"] and argument.name not in values:
                raise BadWords("error.missing", what=meta["letter"] + "1")
            if meta.get("part") == "rest" and meta["required"] and values.get(argument.name) in (None, ""):
                raise BadWords("error.missing", what=_rest_name(argument, locale))
