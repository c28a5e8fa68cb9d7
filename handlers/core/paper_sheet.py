"""A form filled in from an incident: the sheet from which the document is made, and which is kept beside it."""

from handlers.core.look import Look
from handlers.core.paper_figures import figure
from handlers.core.paper_tables import table
from handlers.core.paper_trail import Trail
from workflows.core.paper import Entry, Form, Line, Part, Row, Section, Sheet
from workflows.incident import Incident

#: Who signs has to know when one of these is another one than when the paper was made, though it does not say them.
GROUNDS = ("csrc_grade", "cac_grade", "opinion_level", "response_level", "occurred", "known", "recovered", "ended")


def fill(look: Look, incident: Incident, form: Form, *, record_ref: str, version: int, to: str, by: str, partial: bool, seal: str) -> Sheet:
    trail, words = Trail(look, incident), look.words
    return Sheet(
        form=form.id,
        title=words.twin(form.title, form.title_en),
        firm=words.twin(look.organization.firm.name, look.organization.firm.name_en),
        number=f"{incident.number}-{record_ref}-{version:02d}",
        version=version,
        to=to,
        at=trail.time(look.now),
        by=look.name(by),
        opening=words.twin(form.opening, form.opening_en),
        parts=tuple(_part(trail, section, later=partial and not section.first) for section in form.sections),
        closing=words.twin(form.closing, form.closing_en),
        drill=incident.drill,
        partial=partial,
        to_sign=record_ref != incident.ref,
        outward=form.outward,
        seal=seal,
        locale=words.locale,
        grounds=_grounds(trail, form, to),
    )


def _grounds(trail: Trail, form: Form, to: str) -> tuple[Entry, ...]:
    """What a paper rests on besides the figures it names: grades, clocks, and whom it goes to."""
    named = {row.figure for section in form.sections for row in section.rows}
    rest = (name for name in GROUNDS if name not in named)
    addressed = [Entry(trail.look.say("paper.ground.to"), (Line(to),))] if to else []
    return (*addressed, *(Entry(trail.look.say(f"paper.ground.{name}"), figure(trail, name)) for name in rest))


def _part(trail: Trail, section: Section, *, later: bool) -> Part:
    title = trail.look.words.twin(section.title, section.title_en)
    if later:
        return Part(title, note=trail.look.say("paper.follows"))
    if section.table:
        return table(trail, section.table, title)
    return Part(title, tuple(_entry(trail, row) for row in section.rows))


def _entry(trail: Trail, row: Row) -> Entry:
    words = trail.look.words
    label = words.twin(row.label, row.label_en)
    if row.figure:
        return Entry(label, figure(trail, row.figure))
    return Entry(label, (Line(words.twin(row.text, row.text_en)),))
