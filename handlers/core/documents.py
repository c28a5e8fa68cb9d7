"""A sheet as a Word document: A4, official layout, every figure numbered to the list of sources. The same sheet is the same bytes.

A letterhead brings its own first page, margins and styles; styles that it has under our names stay as the firm made them.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from docx import Document
from docx.document import Document as Doc
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from handlers.core.document_parts import (
    EPOCH,
    STYLES,
    add_field,
    add_fonts,
    add_row,
    add_rule,
    add_style,
    add_table,
    emptied,
    first,
    packed,
    run,
    set_pages,
)
from handlers.core.wording import Ours, Words
from workflows.core.paper import Entry, Line, Part, Sheet, Signature, Source

RED = RGBColor(0xC0, 0x00, 0x00)
#: Widths in millimetres: between the margins, and of a label and what stands beside it.
TEXT_WIDTH = 156
LABELLED = (42, 114)


@dataclass(slots=True)
class _Numbers:
    """Sources in the order in which they are met, each with the first thing said with it."""

    of: dict[Source, int] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)

    def take(self, line: Line, label: str) -> list[int]:
        for source in line.sources:
            if source not in self.of:
                self.of[source] = len(self.of) + 1
                self.said.append((label, line.text))
        return [self.of[source] for source in line.sources]


def document(words: Words, sheet: Sheet, content: str, *, signature: Signature | None = None, letterhead: bytes | None = None) -> bytes:
    """`content`: the SHA-256 of the sheet, for the footer."""
    doc = Document(io.BytesIO(letterhead)) if letterhead else Document()
    emptied(doc)
    set_pages(doc, own=letterhead is None)
    for name in STYLES:
        add_style(doc, name)
    add_fonts(doc)
    numbers, bare = _Numbers(), sheet.outward and signature is not None
    sheet = without_sources(sheet) if bare else sheet
    _head(doc, words, sheet, signature, own=letterhead is None)
    for part in sheet.parts:
        _part(doc, part, numbers)
    if sheet.closing:
        _say(doc, sheet.closing, "Paper Body", indent=True)
    _foot(doc, words, sheet, signature, bare=bare)
    _sources(doc, words, numbers)
    _footer(doc, words, sheet, content)
    _properties(doc, sheet)
    return packed(doc)


# What stands on it


def _head(doc: Doc, words: Words, sheet: Sheet, signature: Signature | None, *, own: bool) -> None:
    if own:
        firm = _say(doc, sheet.firm, "Paper Firm")
        firm.runs[0].font.color.rgb = RED
        firm.paragraph_format.space_after = Pt(16)
    signer = words.say("paper.signer", name=signature.by if signature else words.say("paper.to_be_signed"))
    line = doc.add_paragraph(style="Paper Cell")
    add_rule(line)  # first: a border stands before tab stops
    line.paragraph_format.tab_stops.add_tab_stop(Mm(TEXT_WIDTH), WD_TAB_ALIGNMENT.RIGHT)
    run(line, f"{words.say('paper.number', number=sheet.number)}\t{signer if sheet.to_sign and not sheet.outward else ''}")
    title = words.say("paper.drill", title=sheet.title) if sheet.drill else sheet.title
    shown = _say(doc, title, "Paper Title")
    shown.paragraph_format.space_before, shown.paragraph_format.space_after = Pt(18), Pt(6)
    draft = "" if signature or not sheet.to_sign else words.say("paper.draft", version=sheet.version)
    partial = words.say("paper.partial") if sheet.partial else ""
    if beneath := " ".join(part for part in (partial, draft) if part):
        _say(doc, beneath, "Paper Small").paragraph_format.space_after = Pt(6)
    if sheet.to:
        _say(doc, words.say("paper.to", to=sheet.to), "Paper Body")
    if sheet.opening:
        _say(doc, sheet.opening, "Paper Body", indent=True)


def _part(doc: Doc, part: Part, numbers: _Numbers) -> None:
    _say(doc, part.title, "Paper Heading")
    if part.heads:
        _grid(doc, part, numbers)
    elif part.entries:
        _entries(doc, part.entries, numbers)
    else:
        _say(doc, part.note, "Paper Body", indent=True)


def _entries(doc: Doc, entries: Sequence[Entry], numbers: _Numbers) -> None:
    table = add_table(doc, LABELLED)
    for entry in entries:
        label, value = add_row(table, LABELLED)
        run(first(label, "Paper Label"), entry.label)
        for index, line in enumerate(entry.lines):
            paragraph = first(value, "Paper Cell") if index == 0 else value.add_paragraph(style="Paper Cell")
            _line(paragraph, line, entry.label, numbers)


def _grid(doc: Doc, part: Part, numbers: _Numbers) -> None:
    widths = part.widths
    table = add_table(doc, widths)
    heads = add_row(table, widths)
    for cell, head in zip(heads, part.heads, strict=True):
        run(first(cell, "Paper Label"), head)
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    for row in part.rows:
        for cell, line in zip(add_row(table, widths), row, strict=True):
            paragraph = first(cell, "Paper Cell")
            _line(paragraph, line, part.title, numbers)
            for part_of in paragraph.runs:
                part_of.font.size = Pt(10.5)


def _foot(doc: Doc, words: Words, sheet: Sheet, signature: Signature | None, *, bare: bool) -> None:
    """Who reports, and when: at the right, as official papers end."""
    signer = words.say("paper.signed", name=signature.by, at=signature.at) if signature else words.say("paper.unsigned")
    names = (*((signer,) if sheet.to_sign else ()), *(() if signature else (words.say("paper.drafter", name=sheet.by),)))
    lines = (sheet.firm, sheet.at, *(() if bare else names))
    for index, text in enumerate(lines):
        paragraph = _say(doc, text, "Paper Body")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        paragraph.paragraph_format.keep_with_next = index + 1 < len(lines)
        if index == 0:
            paragraph.paragraph_format.space_before = Pt(18)


def _sources(doc: Doc, words: Words, numbers: _Numbers) -> None:
    """The appendix: which row of the trail each numbered figure comes from."""
    if not numbers.of:
        return
    _say(doc, words.say("paper.sources"), "Paper Heading").paragraph_format.page_break_before = True
    _say(doc, words.say("paper.sources_note"), "Paper Small").alignment = WD_ALIGN_PARAGRAPH.LEFT
    widths = (12, 82, 22, 40)
    table = add_table(doc, widths)
    heads = (words.say(f"paper.head.{name}") for name in ("no", "what", "recorded", "audit"))
    for cell, head in zip(add_row(table, widths), heads, strict=True):
        run(first(cell, "Paper Label"), head)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for (source, number), (label, text) in zip(numbers.of.items(), numbers.said, strict=True):
        said = text if len(text) <= 60 else f"{text[:59]}…"
        cells = (str(number), f"{label}: {said}", source.by, f"{source.ref}#{source.version} {source.at}")
        for cell, shown in zip(add_row(table, widths), cells, strict=True):
            run(first(cell, "Paper Cell"), shown).font.size = Pt(9)


def _footer(doc: Doc, words: Words, sheet: Sheet, content: str) -> None:
    footer = doc.sections[0].footer
    first = footer.paragraphs[0] if footer.paragraphs else footer.add_paragraph()
    if first.text.strip():  # the letterhead's own line stays
        first = footer.add_paragraph()
    first.style = doc.styles["Paper Small"]
    run(first, words.say("paper.footer", number=sheet.number, version=sheet.version, content=content[:16]))
    second = footer.add_paragraph(style=doc.styles["Paper Small"])
    page, pages = Ours("\x00"), Ours("\x01")
    before, _, rest = words.say("paper.footer_pages", seal=sheet.seal, page=page, pages=pages).partition(page)
    between, _, after = rest.partition(pages)
    for text, code in ((before, "PAGE"), (between, "NUMPAGES"), (after, "")):
        if text:
            run(second, text)
        if code:
            add_field(second, code)


def without_sources(sheet: Sheet) -> Sheet:
    """What goes to people outside bears no numbers of ours; the draft beside it does."""
    return replace(sheet, parts=tuple(_bare(part) for part in sheet.parts))


def _bare(part: Part) -> Part:
    entries = tuple(replace(entry, lines=tuple(Line(line.text) for line in entry.lines)) for entry in part.entries)
    return replace(part, entries=entries, rows=tuple(tuple(Line(line.text) for line in row) for row in part.rows))


# Small parts


def _say(doc: Doc, text: str, style: str, *, indent: bool = False) -> Paragraph:
    paragraph = doc.add_paragraph(style=style)
    run(paragraph, text)
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(28)
    return paragraph


def _line(paragraph: Paragraph, line: Line, label: str, numbers: _Numbers) -> None:
    run(paragraph, line.text)
    if found := numbers.take(line, label):
        mark = run(paragraph, f"[{','.join(map(str, found))}]")
        mark.font.superscript = True


def _properties(doc: Doc, sheet: Sheet) -> None:
    about = doc.core_properties
    about.author, about.last_modified_by, about.title = sheet.firm, sheet.firm, f"{sheet.title} {sheet.number}"
    about.comments, about.subject, about.revision = "", sheet.number, sheet.version
    about.created = about.modified = datetime(*EPOCH)  # noqa: DTZ001 - the moment stands in the paper; the file's must not change its bytes
