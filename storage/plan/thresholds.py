"""`thresholds.toml`: when an event has which CSRC grade, as the firm entered it. Optional, and always today's, like people."""

from collections.abc import Iterable
from datetime import date

from storage.plan.findings import PlanError
from storage.plan.table import Table, Uniques, read_toml, shown
from workflows.core.facts import FactBook
from workflows.core.people import Organization
from workflows.core.rubric import EventGrade
from workflows.core.thresholds import KINDS, Threshold

THRESHOLDS = "thresholds.toml"
#: A grade `unconfirmed` is no event and has no threshold.
GRADES = tuple(map(str, EventGrade))[1:]
HEAD = """\
# 证监会级别门槛:由本公司合规对照手上的附表录入(gengfu plan thresholds),更夫只据此建议级别,不自动定级。未录入的不作判断。
# The thresholds of the CSRC's grades, entered by the firm's compliance from its own copy of the rule (gengfu plan thresholds). Gengfu
# suggests by them and never grades; what is not entered is not judged.
#
# event       core_trading custody_margin other_system data settlement
# grade       general larger major extreme
# measure     a fact of facts.toml · at_least: the figure from which on (以上 includes it); 1 = yes
# together    those of one event and grade with the same number hold together; with others they are alternatives
# document, article: where it stands · entered_by, entered_on · verified: compared with the original text
"""


def read_thresholds(root: Table, facts: FactBook | None, organization: Organization | None) -> tuple[Threshold, ...]:
    """Without `facts` or `organization` (they cannot be read) no name is doubted."""
    found: list[Threshold] = []
    cells = Uniques()
    for table in root.tables("threshold"):
        one = _threshold(table, facts, organization)
        if not table.source.faulty(table.path) and cells.take(table, "measure", f"{one.event}.{one.grade}.{one.measure}.{one.together}"):
            found.append(one)
    root.close()
    return tuple(found)


def _threshold(table: Table, facts: FactBook | None, organization: Organization | None) -> Threshold:
    event = table.one_of("event", "event", tuple(KINDS))
    measures = KINDS[event].measures if event else tuple(one for kind in KINDS.values() for one in kind.measures)
    grade = table.one_of("grade", "grade", GRADES)
    measure = table.one_of("measure", "measure", measures)
    if measure and facts and measure not in facts.specs:
        table.source.unknown(table.key("measure"), "fact", measure, facts.specs)
    by = table.text("entered_by")
    if by and organization and by not in organization.people:
        table.source.unknown(table.key("entered_by"), "person", by, organization.people)
    day = table.day("entered_on")
    one = Threshold(
        event, EventGrade(grade or "general"), measure, _amount(table), table.text("document"), table.text("article"), by,
        day or date.min, table.flag("verified"),
        table.whole("together", default=1), table.text("note", ""),
    )  # fmt: skip
    table.close()
    return one


def _amount(table: Table) -> float:
    value = table.raw("at_least")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return value
    if value is None:
        table.note("at_least", "missing_key", name="at_least")
    else:
        table.note("at_least", "not_number", found=shown(value))
    return 1


def thresholds_from(content: bytes, facts: FactBook, organization: Organization) -> tuple[Threshold, ...]:
    """What `thresholds.toml` would hold with this content; PlanError when it is not sound."""
    source, root = read_toml(THRESHOLDS, content)
    found = read_thresholds(root, facts, organization) if root else ()
    if source.findings:
        raise PlanError(tuple(source.findings))
    return found


def as_toml(thresholds: Iterable[Threshold]) -> str:
    return "\n".join([HEAD, *(_written(one) for one in thresholds)])


def _written(one: Threshold) -> str:
    lines = [
        "[[threshold]]",
        f"event = {_quoted(one.event)}",
        f"grade = {_quoted(str(one.grade))}",
        f"measure = {_quoted(one.measure)}",
        f"at_least = {one.at_least:g}" if one.at_least < 1 else f"at_least = {one.at_least:.10g}",
        *([f"together = {one.together}"] if one.together != 1 else []),
        f"document = {_quoted(one.document)}",
        f"article = {_quoted(one.article)}",
        f"entered_by = {_quoted(one.entered_by)}",
        f"entered_on = {one.entered_on.isoformat()}",
        f"verified = {'true' if one.verified else 'false'}",
        *([f"note = {_quoted(one.note)}"] if one.note else []),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
