"""Facts: what is known of an incident, under names that the plan defines (`facts.toml`)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

#: What JSON can hold: the only shapes that events, facts and rows carry.
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact of the plan.

    `kind`: number (a non-negative amount), share (0 to 1, `35%` is read as 0.35), choice (one of `values`),
    condition (yes, no, open; stored True, False, None), text, moment (an instant, stored RFC 3339 UTC).
    `names` are what people may type besides the key (Chinese first); `values` maps a code to the names people may type,
    in rising order of weight. `set_by` are group ids; empty = any group head.
    """

    key: str
    name: str
    kind: Literal["number", "share", "choice", "condition", "text", "moment"]
    name_en: str = ""
    names: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values_en: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    set_by: tuple[str, ...] = ()
    grade: bool = False
    """True when `/incident grade` takes it (a measure or a grade); others go by `/incident fact`."""
    removes_clock: bool = False
    """turning it to no takes a regulator's clock away: needs a second person and a reason"""
    attested: bool = False
    """its yes ends a duty, and is a written finding of compliance's, with a second person, whether a clock runs or not"""
    default: Value = None
    """what an incident starts with (open = None)"""
    default_by_type: Mapping[str, Value] = field(default_factory=dict)
    """incident type to what it starts with, instead of `default`"""


@dataclass(frozen=True, slots=True)
class FactBook:
    """All facts of a plan, found by key or by any of their names."""

    specs: Mapping[str, FactSpec]
    by_name: Mapping[str, str]
    """every accepted spelling (casefolded) to its key"""

    def starting(self, types: Collection[str]) -> dict[str, Value]:
        """What an incident of these types starts with. Where types differ the tighter one counts: yes before open before no."""
        found: dict[str, Value] = {}
        for spec in self.specs.values():
            options = [spec.default_by_type.get(one, spec.default) for one in types] or [spec.default]
            value = min(options, key=lambda option: (option is not True, option is not None))
            if value is not None:
                found[spec.key] = value
        return found

    def find(self, word: str) -> FactSpec | None:
        """The fact called `word` (key or any name, any case), or None."""
        key = self.by_name.get(word.casefold())
        return self.specs[key] if key else None
