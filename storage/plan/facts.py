"""`facts.toml`: every fact that may be stated of an incident."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

from storage.plan.conditions import RESERVED
from storage.plan.organization import GROUPS
from storage.plan.table import Table, Uniques, shown
from workflows.core.facts import FactBook, FactSpec, Value
from workflows.core.people import Firm
from workflows.core.rubric import EventGrade

Kind = Literal["number", "share", "choice", "condition", "text", "moment"]
KINDS: tuple[Kind, ...] = ("number", "share", "choice", "condition", "text", "moment")

TYPES = (
    "cyber_attack",
    "system_failure",
    "data_leak",
    "financial_fraud",
    "public_opinion",
    "compliance_risk",
    "supplier_failure",
)

#: Facts that the rules know by name; their values are the codes of EventGrade.
GRADES = ("csrc_grade", "cac_grade")

#: What the firm says of itself, and the fact of an incident that is asked because of it.
ASKED_OF: Mapping[str, str] = {"pbc_field": "pbc_business_domain"}

#: Of a default: nobody knows.
OPEN = "open"

_UNTYPABLE = re.compile(r"[\s=:/@,]")


def read_facts(root: Table) -> FactBook:
    specs: dict[str, FactSpec] = {}
    by_name: dict[str, str] = {}
    names = Uniques()
    tables = root.tables("fact", required=True)
    for table in tables:
        spec = _fact(table)
        for field, name in _spellings(spec):
            if name and names.take(table, field, name):
                by_name[name.casefold()] = spec.key
        if spec.key:
            specs.setdefault(spec.key, spec)
    for missing in (key for key in GRADES if tables and key not in specs):
        root.note("fact", "missing_fact", name=missing)
    root.close()
    return FactBook(specs, by_name)


def check_asked(root: Table, facts: FactBook, firm: Firm) -> None:
    """Note a fact that starts as no although the firm says that it has such business: nobody would be asked."""
    for field, key in ASKED_OF.items():
        if getattr(firm, field) and key in facts.specs and facts.specs[key].default is False:
            root.note(f"fact[{list(facts.specs).index(key)}].default", "not_asked_firm", fact=key, field=field)


def _fact(table: Table) -> FactSpec:
    kind = cast(Kind, table.one_of("kind", "kind", KINDS))
    spec = FactSpec(
        key=table.id("key"),
        name=table.text("name"),
        kind=kind,
        name_en=table.text("name_en", ""),
        names=table.texts("names"),
        values=(values := _values(table, kind)),
        values_en=_values_en(table, values),
        unit=table.text("unit", ""),
        set_by=table.texts("set_by"),
        grade=table.flag("grade"),
        removes_clock=table.flag("removes_clock"),
        attested=table.flag("attested"),
    )
    spec = replace(spec, default=_default(table, "default", spec), default_by_type=_default_by_type(table, spec))
    table.close()
    for name in spec.names:
        check_typable(table, "names", name)
    for index, group in enumerate(spec.set_by):
        if group not in GROUPS:
            table.source.unknown(f"{table.key('set_by')}[{index}]", "group", group, GROUPS)
    if spec.key in RESERVED:
        table.note("key", "reserved", name=spec.key)
    if spec.key in GRADES and tuple(spec.values) != tuple(EventGrade):
        table.note("values", "wrong_values", fact=spec.key, wanted=", ".join(EventGrade))
    return spec


def _default(table: Table, name: str, spec: FactSpec) -> Value:
    value = table.raw(name)
    if value is None or value == OPEN or not spec.kind:
        return None
    if spec.grade:  # or an incident of which nothing is known would count as scored
        table.note(name, "default_graded", fact=spec.key)
    elif spec.kind == "choice":
        return table.one_of(name, "value", (*spec.values, OPEN)) or None
    elif spec.kind != "condition":
        table.note(name, "default_kind", kind=spec.kind)
    elif isinstance(value, bool):
        return value
    else:
        table.note(name, "not_default", found=shown(value))
    return None


def _default_by_type(table: Table, spec: FactSpec) -> Mapping[str, Value]:
    inner = table.table("default_by_type")
    if inner is None:
        return {}
    for name in (name for name in inner.names() if name not in TYPES):
        inner.source.unknown(inner.key(name), "type", name, TYPES)
    return {name: _default(inner, name, spec) for name in inner.names()}


def _values(table: Table, kind: str) -> Mapping[str, tuple[str, ...]]:
    if kind != "choice":
        if table.has("values") and kind:
            table.note("values", "values_only_choice")
        table.raw("values")
        return {}
    inner = table.table("values", required=True)
    if inner is None:
        return {}
    if not inner.names():
        table.note("values", "empty_list")
    return read_coded_names(inner)


def _values_en(table: Table, values: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    inner = table.table("values_en")
    if inner is None:
        return {}
    for code in (code for code in inner.names() if code not in values):
        inner.source.unknown(inner.key(code), "value", code, values)
    return {code: inner.text(code) for code in inner.names()}


def read_coded_names(table: Table) -> dict[str, tuple[str, ...]]:
    """Code to the names people may type for it, each name once."""
    found: dict[str, tuple[str, ...]] = {}
    taken = Uniques()
    for code in table.names():
        names = table.texts(code)
        if not names and not table.source.faulty(table.key(code)):
            table.note(code, "empty_list")
        for name in {one.casefold(): one for one in (code, *names)}.values():
            check_typable(table, code, name)
            taken.take(table, code, name)
        found[code] = names
    return found


def check_typable(table: Table, field: str, name: str) -> None:
    # what people type before `=` is normalised, so a name that normalising changes would never be met
    if _UNTYPABLE.search(name) or unicodedata.normalize("NFKC", name) != name:
        table.note(field, "bad_name", name=name)


def _spellings(spec: FactSpec) -> list[tuple[str, str]]:
    """(field, spelling) of all that the fact answers to; one fact may say the same twice."""
    every = [("key", spec.key), *(("names", name) for name in spec.names), ("name", spec.name), ("name_en", spec.name_en)]
    return list({name.casefold(): (field, name) for field, name in reversed(every)}.values())[::-1]
