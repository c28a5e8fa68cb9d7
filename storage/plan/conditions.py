"""`when = { … }`: the closed set of named conditions (`workflows.core.conditions`), read and checked."""

from collections.abc import Collection, Mapping

from storage.plan.rubric import read_wanted, yes_or_no
from storage.plan.table import Table
from workflows.core.facts import FactBook
from workflows.core.rubric import EventGrade, OpinionLevel

SUBTYPE = "subtype"
#: Worked out from the incident, and stated by nobody.
DERIVED = ("is_network_incident", "recovered")
#: Stated of the firm in organization.toml.
OF_FIRM = ("cii", "listed", "pbc_field")
AT_LEAST: Mapping[str, tuple[str, ...]] = {
    "csrc_grade_at_least": tuple(EventGrade),
    "cac_grade_at_least": tuple(EventGrade),
    "opinion_level_at_least": tuple(OpinionLevel),
}
#: Names that no fact may have: a condition of that name would not ask it.
RESERVED = (SUBTYPE, *DERIVED, *OF_FIRM, *AT_LEAST, "opinion_level")

When = dict[str, str | bool]


def read_when(table: Table, facts: FactBook | None, subtypes: Collection[str]) -> When:
    """The conditions of a line or an obligation; empty when there are none. Without `facts` their names are not checked."""
    inner = table.table("when")
    if inner is None:
        return {}
    wanted = {name: _wanted(inner, name, facts, subtypes) for name in inner.names()}
    return {name: value for name, value in wanted.items() if value is not None}


def _wanted(table: Table, name: str, facts: FactBook | None, subtypes: Collection[str]) -> str | bool | None:
    if name == SUBTYPE:
        return table.one_of(name, "subtype", tuple(subtypes)) or None
    if name in AT_LEAST:
        return table.one_of(name, "value", AT_LEAST[name]) or None
    if name in (*DERIVED, *OF_FIRM):
        return yes_or_no(table, name)
    spec = facts.specs.get(name) if facts else None
    if facts and spec is None:
        table.raw(name)
        table.source.unknown(table.key(name), "condition", name, (SUBTYPE, *DERIVED, *OF_FIRM, *AT_LEAST, *facts.specs))
        return None
    return read_wanted(table, name, spec)
