"""From what people typed to what a command takes: one converter per kind, each refusing with what was expected."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from handlers.core.moments import coming, day, duration, moment
from handlers.core.registry import Kind
from handlers.core.tokens import fold_value, nearest
from workflows.core.errors import BadWords
from workflows.core.facts import FactSpec, Value
from workflows.core.plan import Plan
from workflows.core.rubric import OpinionLevel, ResponseLevel

_SIZES = {
    "": 1.0,
    "百": 1e2,
    "千": 1e3,
    "k": 1e3,
    "万": 1e4,
    "w": 1e4,
    "十万": 1e5,
    "百万": 1e6,
    "m": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "万亿": 1e12,
}
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_SIZE = "|".join(sorted(filter(None, _SIZES), key=len, reverse=True))
_PART = re.compile(rf"({_AMOUNT})\s*({_SIZE})?\s*", re.ASCII)
_YES = frozenset({"是", "对", "有", "真", "是的", "yes", "y", "true", "1", "on"})
_NO = frozenset({"否", "不", "无", "没", "没有", "不是", "假", "no", "n", "false", "0", "off", "none"})
_OPEN = frozenset({"未知", "待定", "不详", "不清楚", "未定", "待确认", "待查", "open", "unknown", "tbd", "?"})
_LEVELS: Mapping[str, tuple[str, ...]] = {
    ResponseLevel.L4: ("四级", "iv", "4级", "iv级"),
    ResponseLevel.L3: ("三级", "iii", "3级", "iii级"),
    ResponseLevel.L2: ("二级", "ii", "2级", "ii级"),
    ResponseLevel.L1: ("一级", "i", "1级", "i级"),
    OpinionLevel.MILD: ("轻度",),
    OpinionLevel.MODERATE: ("中度",),
    OpinionLevel.SEVERE: ("严重",),
    OpinionLevel.EXTREME: ("特别严重",),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What typed words are read against: today's plan, the moment, the firm's time zone."""

    plan: Plan
    now: datetime
    timezone: ZoneInfo
    mentioned: Mapping[str, str] = field(default_factory=dict)
    """folded name -> person id, of people whom the platform itself says were mentioned"""


def number(text: str) -> float:
    """120万, 3.5亿, 1亿2000万, 1,200, 35% (= 0.35); never negative."""
    words = fold_value(text)
    bare = words.removesuffix("%").rstrip()
    total, place, smallest = 0.0, 0, float("inf")
    while place < len(bare):
        part = _PART.match(bare, place)
        size = _SIZES[part.group(2) or ""] if part else smallest
        if part is None or size >= smallest:
            raise BadWords("error.number", value=text)
        total, place, smallest = total + float(part.group(1).replace(",", "")) * size, part.end(), size
    if place == 0 or total > 1e15:
        raise BadWords("error.number", value=text)
    return round(total / 100 if bare != words else total, 9)


def share(text: str) -> float:
    """35% or 0.35; a bare 35 is not guessed at. 3成 is 30%."""
    words = fold_value(text)
    tenths = re.fullmatch(r"(\d(?:\.\d)?)成", words)
    try:
        found = float(tenths.group(1)) / 10 if tenths else number(words)
    except BadWords:
        raise BadWords("error.share", value=text) from None
    if found > 1:
        raise BadWords("error.share", value=text)
    return found


def flag(text: str) -> bool:
    words = fold_value(text)
    if words not in _YES | _NO:
        raise BadWords("error.flag", value=text)
    return words in _YES


def condition(text: str) -> bool | None:
    """Yes, no, or None = open."""
    words = fold_value(text)
    if words in _OPEN:
        return None
    if words not in _YES | _NO:
        raise BadWords("error.condition", value=text)
    return words in _YES


def score(text: str) -> int:
    words = fold_value(text).removesuffix("分")
    if words not in ("1", "2", "3", "4"):
        raise BadWords("error.score", value=text)
    return int(words)


def person(text: str, plan: Plan, mentioned: Mapping[str, str] = MappingProxyType({})) -> str:
    """A person's id from id, name or @name; a name that several share needs the id, unless the platform says who was `mentioned`."""
    people = plan.organization.people
    if known := mentioned.get(fold_value(text).lstrip("@").strip()):
        return known
    for word in (text, fold_value(text)):
        if found := plan.organization.named(word):
            return found.id
    bare = fold_value(text).lstrip("@").strip()
    same = [p.id for p in people.values() if bare in (fold_value(p.id), fold_value(p.name))]
    if len(same) == 1:
        return same[0]
    if same:
        raise BadWords("error.person_several", value=text, ids=tuple(same))
    near = nearest(bare, [word for p in people.values() for word in (p.name, p.id)])
    if near:
        raise BadWords("error.person_nearest", value=text, nearest=near)
    raise BadWords("error.person", value=text)


def group(text: str, plan: Plan) -> str:
    groups = plan.organization.groups.values()
    found = _named(text, ((g.id, (g.name, g.name_en, *g.aliases)) for g in groups))
    if found is None:
        raise BadWords("error.group", value=text, groups=tuple(g.id for g in groups))
    return found


def incident_type(text: str, plan: Plan) -> str:
    books = [book for book in plan.playbooks.values() if book.type != "common"]
    found = _named(text, ((b.type, (b.name, b.name_en, b.type.replace("_", " "), *b.names)) for b in books))
    if found is None:
        raise BadWords("error.type", value=text, types=tuple(b.type for b in books))
    return found


def level(text: str, plan: Plan) -> str:
    """The code of a response or an opinion level."""
    named = {str(response.level): (response.name, response.name_en) for response in plan.responses.values()}
    words = fold_value(text).removesuffix("响应")
    tables = ((str(code), (*names, *named.get(str(code), ()))) for code, names in _LEVELS.items())
    found = _named(words, tables) or _named(text, named.items())
    if found is None:
        raise BadWords("error.level", value=text)
    return found


def choice(text: str, spec: FactSpec) -> str:
    found = _named(text, ((code, (*names, *filter(None, [spec.values_en.get(code)]))) for code, names in spec.values.items()))
    if found is None:
        raise BadWords("error.choice", fact=spec.key, value=text, choices=tuple(spec.values))
    return found


def fact(text: str, spec: FactSpec, reading: Reading) -> Value:
    """The stored value of a fact: whole amounts as int, moments as RFC 3339 UTC."""
    if spec.kind == "number":
        amount = number(_without_unit(text, spec.unit))
        return int(amount) if amount.is_integer() else amount
    if spec.kind == "share":
        return share(text)
    if spec.kind == "choice":
        return choice(text, spec)
    if spec.kind == "condition":
        return condition(text)
    if spec.kind == "moment":
        at = moment(text, reading.now, reading.timezone).astimezone(UTC)
        return at.replace(tzinfo=None).isoformat() + "Z"
    return text


def convert(kind: Kind, text: str, reading: Reading) -> Any:
    """`text` as a value of `kind` (see registry.key); BadWords says what was expected."""
    return _KINDS[kind](text, reading)


_KINDS: Mapping[Kind, Callable[[str, Reading], Any]] = {
    "text": lambda text, _: text,
    "word": lambda text, _: text,
    "number": lambda text, _: number(text),
    "time": lambda text, reading: moment(text, reading.now, reading.timezone),
    "day": lambda text, reading: day(text, reading.now, reading.timezone),
    "begins": lambda text, reading: coming(text, reading.now, reading.timezone, last=False),
    "ends": lambda text, reading: coming(text, reading.now, reading.timezone, last=True),
    "duration": lambda text, reading: duration(text, reading.now, reading.timezone),
    "person": lambda text, reading: person(text, reading.plan, reading.mentioned),
    "group": lambda text, reading: group(text, reading.plan),
    "type": lambda text, reading: incident_type(text, reading.plan),
    "level": lambda text, reading: level(text, reading.plan),
    "flag": lambda text, _: flag(text),
    "score": lambda text, _: score(text),
}


def _named(text: str, table: Iterable[tuple[str, tuple[str, ...]]]) -> str | None:
    """The code whose spelling or name is `text`, in any case and width."""
    word = fold_value(text)
    for code, names in table:
        if word and word in {fold_value(name) for name in (code, *names)}:
            return code
    return None


def _without_unit(text: str, unit: str) -> str:
    words, end = fold_value(text), fold_value(unit)
    return words.removesuffix(end) if end and words != end else text
