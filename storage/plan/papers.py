"""`papers.toml`: the forms of what is sent to regulators, and of the closing summary. Always today's, like people."""

from collections.abc import Iterable, Mapping
from typing import cast

from storage.plan.table import Table, Uniques
from workflows.core.facts import FactBook
from workflows.core.obligation import Obligation
from workflows.core.paper import FIGURES, OUTWARD, TABLES, Form, Row, Section
from workflows.core.paper import Table as TableName

PAPERS = "papers.toml"
#: The form of `/incident summary`.
SUMMARY = "internal_summary"


def read_papers(root: Table, facts: FactBook | None) -> dict[str, Form]:
    """Without `facts` (they cannot be read) no figure is doubted."""
    known = (*FIGURES, *facts.specs) if facts else ()
    found: dict[str, Form] = {}
    ids = Uniques()
    for table in root.tables("paper", required=True):
        form = _form(table, known)
        if form.id and ids.take(table, "id", form.id):
            found[form.id] = form
    root.close()
    return found


def check_papers(root: Table, forms: Iterable[str], obligations: Mapping[str, Obligation]) -> None:
    """Note each duty (of `root`, obligations.toml) whose paper does not exist."""
    known = tuple(forms)
    for table in root.tables("obligation"):
        duty = obligations.get(str(table.raw("id")))
        if duty and duty.paper and duty.paper not in known:
            table.source.unknown(table.key("paper"), "paper", duty.paper, known)


def _form(table: Table, known: tuple[str, ...]) -> Form:
    outward = table.flag("outward")
    if outward and known:
        known = (*OUTWARD, *(name for name in known if name not in FIGURES))
    form = Form(
        id=table.id("id"),
        title=table.text("title"),
        title_en=table.text("title_en", ""),
        sections=tuple(_section(one, known, outward=outward) for one in table.tables("section", required=True)),
        opening=table.text("opening", ""),
        opening_en=table.text("opening_en", ""),
        closing=table.text("closing", ""),
        closing_en=table.text("closing_en", ""),
        outward=outward,
    )
    table.close()
    return form


def _section(table: Table, known: tuple[str, ...], *, outward: bool) -> Section:
    name = table.one_of("table", "table", () if outward else TABLES, "") or None
    section = Section(
        title=table.text("title"),
        title_en=table.text("title_en", ""),
        rows=tuple(_row(one, known) for one in table.tables("row", required=not table.has("table"))),
        table=cast("TableName | None", name),
        first=table.flag("first"),
    )
    table.close()
    return section


def _row(table: Table, known: tuple[str, ...]) -> Row:
    row = Row(
        label=table.text("label"),
        label_en=table.text("label_en", ""),
        figure=table.text("figure", ""),
        text=table.text("text", ""),
        text_en=table.text("text_en", ""),
    )
    table.close()
    if bool(row.figure) == bool(row.text):
        table.note("", "figure_or_text")
    elif row.figure and known and row.figure not in known:
        table.source.unknown(table.key("figure"), "figure", row.figure, known)
    return row
