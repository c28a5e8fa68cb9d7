"""A sheet as a Word document: A4, official layout, every figure numbered to the list of sources. The same sheet is the same bytes.

A letterhead brings its own first page, margins and styles; styles that it has under our names stay as the firm made them.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from docx import Document
from docx.document import Document as Doc
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from handlers.core.wording import Ours, Words
from workflows.core.paper import Entry, Line, Part, Sheet, Signature, Source

#: A zip's oldest moment, and what a document that has no other says of its making.
EPOCH = (1980, 1, 1, 0, 0, 0)
SONG, HEI, LATIN = "仿宋", "黑体", "Times New Roman"
RED = RGBColor(0xC0, 0x00, 0x00)
#: Where these fonts are missing: what stands for them, in this order, and of which family they are.
INSTEAD = {
    SONG: ("FangSong;仿宋_GB2312;STFangsong;Noto Serif CJK SC", "roman"),
    HEI: ("SimHei;STHeiti;Noto Sans CJK SC", "swiss"),
}
#: style name -> (font, points, bold, alignment)
STYLES = {
    "Paper Firm": (HEI, 26.0, True, WD_ALIGN_PARAGRAPH.CENTER),
    "Paper Title": (HEI, 22.0, False, WD_ALIGN_PARAGRAPH.CENTER),
    "Paper Heading": (HEI, 14.0, False, WD_ALIGN_PARAGRAPH.LEFT),
    "Paper Body": (SONG, 14.0, False, WD_ALIGN_PARAGRAPH.LEFT),
    "Paper Cell": (SONG, 12.0, False, WD_ALIGN_PARAGRAPH.LEFT),
    "Paper Label": (HEI, 11.0, False, WD_ALIGN_PARAGRAPH.LEFT),
    "Paper Small": (SONG, 9.0, False, WD_ALIGN_PARAGRAPH.CENTER),
}
_HAN = r"[\u3400-\u9fff」》）】]"
_MARKS = re.compile(rf"(?<={_HAN})[,:;?!]|[,;](?=[\u3400-\u9fff「《])")
_BRACKETS = re.compile(r"\(([^()]*[\u3400-\u9fff][^()]*)\)")
_FULL = str.maketrans(",:;?!", "，：；？！")
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
    _empty(doc)
    _pages(doc, own=letterhead is None)
    for name in STYLES:
        _style(doc, name)
    _fonts(doc)
    numbers = _Numbers()
    _head(doc, words, sheet, signature, own=letterhead is None)
    for part in sheet.parts:
        _part(doc, part, numbers)
    if sheet.closing:
        _say(doc, sheet.closing, "Paper Body", indent=True)
    _foot(doc, words, sheet, signature)
    _sources(doc, words, numbers)
    _footer(doc, words, sheet, content)
    _properties(doc, sheet)
    return _packed(doc)


# The page


def _empty(doc: Doc) -> None:
    body = doc.element.body
    for child in [one for one in body if one.tag != qn("w:sectPr")]:
        body.remove(child)


def _pages(doc: Doc, *, own: bool) -> None:
    """A4; a letterhead keeps its margins."""
    section = doc.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    if own:
        section.top_margin, section.bottom_margin = Mm(30), Mm(30)
        section.left_margin, section.right_margin = Mm(28), Mm(26)
        section.footer_distance = Mm(14)


def _style(doc: Doc, name: str) -> None:
    if name in [style.name for style in doc.styles]:
        return
    font, size, bold, align = STYLES[name]
    style = doc.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    assert isinstance(style, ParagraphStyle)
    style.font.name, style.font.size, style.font.bold = LATIN, Pt(size), bold
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in ("w:eastAsia", "w:hAnsi", "w:ascii", "w:cs"):
        fonts.set(qn(attribute), font if attribute == "w:eastAsia" else LATIN)
    lang = parse_xml(f'<w:lang {nsdecls("w")} w:val="en-US" w:eastAsia="zh-CN"/>')  # or a reader takes Japanese shapes of the same signs
    style.element.get_or_add_rPr().append(lang)
    style.paragraph_format.alignment = align
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(0)
    style.paragraph_format.line_spacing = 1.25
    if name == "Paper Heading":
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(10), Pt(4)
        style.paragraph_format.keep_with_next = True


def _fonts(doc: Doc) -> None:
    """Tell a reader whose machine lacks a font what to take instead."""
    entries = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{instead}"/><w:charset w:val="86"/><w:family w:val="{family}"/></w:font>'
        for name, (instead, family) in INSTEAD.items()
    )
    table = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts {nsdecls("w")}>{entries}</w:fonts>'
    for rel in doc.part.rels.values():
        if rel.reltype.endswith("/fontTable"):
            rel.target_part._blob = table.encode()


# What stands on it


def _head(doc: Doc, words: Words, sheet: Sheet, signature: Signature | None, *, own: bool) -> None:
    if own:
        firm = _say(doc, sheet.firm, "Paper Firm")
        firm.runs[0].font.color.rgb = RED
        firm.paragraph_format.space_after = Pt(16)
    signer = words.say("paper.signer", name=signature.by if signature else words.say("paper.to_be_signed"))
    line = doc.add_paragraph(style="Paper Cell")
    _rule(line)  # first: a border stands before tab stops
    line.paragraph_format.tab_stops.add_tab_stop(Mm(TEXT_WIDTH), WD_TAB_ALIGNMENT.RIGHT)
    _run(line, f"{words.say('paper.number', number=sheet.number)}\t{signer if sheet.to_sign else ''}")
    title = (words.say("paper.drill") if sheet.drill else "") + sheet.title
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
    table = _table(doc, LABELLED)
    for entry in entries:
        label, value = _row(table, LABELLED)
        _run(_first(label, "Paper Label"), entry.label)
        for index, line in enumerate(entry.lines):
            paragraph = _first(value, "Paper Cell") if index == 0 else value.add_paragraph(style="Paper Cell")
            _line(paragraph, line, entry.label, numbers)


def _grid(doc: Doc, part: Part, numbers: _Numbers) -> None:
    widths = part.widths
    table = _table(doc, widths)
    heads = _row(table, widths)
    for cell, head in zip(heads, part.heads, strict=True):
        _run(_first(cell, "Paper Label"), head)
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    for row in part.rows:
        for cell, line in zip(_row(table, widths), row, strict=True):
            paragraph = _first(cell, "Paper Cell")
            _line(paragraph, line, part.title, numbers)
            for run in paragraph.runs:
                run.font.size = Pt(10.5)


def _foot(doc: Doc, words: Words, sheet: Sheet, signature: Signature | None) -> None:
    """Who reports, and when: at the right, as official papers end."""
    signer = words.say("paper.signed", name=signature.by, at=signature.at) if signature else words.say("paper.unsigned")
    lines = (sheet.firm, sheet.at, *((signer,) if sheet.to_sign else ()), words.say("paper.drafter", name=sheet.by))
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
    table = _table(doc, widths)
    heads = (words.say(f"paper.head.{name}") for name in ("no", "what", "recorded", "audit"))
    for cell, head in zip(_row(table, widths), heads, strict=True):
        _run(_first(cell, "Paper Label"), head)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for (source, number), (label, text) in zip(numbers.of.items(), numbers.said, strict=True):
        said = text if len(text) <= 60 else f"{text[:59]}…"
        cells = (str(number), f"{label}: {said}", source.by, f"{source.ref}#{source.version} {source.at}")
        for cell, shown in zip(_row(table, widths), cells, strict=True):
            _run(_first(cell, "Paper Cell"), shown).font.size = Pt(9)


def _footer(doc: Doc, words: Words, sheet: Sheet, content: str) -> None:
    footer = doc.sections[0].footer
    first = footer.paragraphs[0] if footer.paragraphs else footer.add_paragraph()
    if first.text.strip():  # the letterhead's own line stays
        first = footer.add_paragraph()
    first.style = doc.styles["Paper Small"]
    _run(first, words.say("paper.footer", number=sheet.number, version=sheet.version, content=content[:16]))
    second = footer.add_paragraph(style=doc.styles["Paper Small"])
    page, pages = Ours("\x00"), Ours("\x01")
    before, _, rest = words.say("paper.footer_pages", seal=sheet.seal, page=page, pages=pages).partition(page)
    between, _, after = rest.partition(pages)
    for text, code in ((before, "PAGE"), (between, "NUMPAGES"), (after, "")):
        if text:
            _run(second, text)
        if code:
            _field(second, code)


# Small parts


def _say(doc: Doc, text: str, style: str, *, indent: bool = False) -> Paragraph:
    paragraph = doc.add_paragraph(style=style)
    _run(paragraph, text)
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(28)
    return paragraph


def _run(paragraph: Paragraph, text: str) -> Run:
    return paragraph.add_run(typeset(text))


def typeset(text: str) -> str:
    """With the full-width marks of a Chinese paper where they stand at Chinese words; times and numbers keep theirs."""
    while (wider := _BRACKETS.sub("（\\1）", text)) != text:
        text = wider
    return _MARKS.sub(lambda found: found.group().translate(_FULL), text)


def _line(paragraph: Paragraph, line: Line, label: str, numbers: _Numbers) -> None:
    _run(paragraph, line.text)
    if found := numbers.take(line, label):
        mark = _run(paragraph, f"[{','.join(map(str, found))}]")
        mark.font.superscript = True


def _table(doc: Doc, widths: Iterable[int]) -> Any:
    """Thin lines all around; fixed columns."""
    table = doc.add_table(rows=0, cols=len(tuple(widths)))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    layout = table._tbl.tblPr.find(qn("w:tblLayout"))  # borders stand before it
    layout.addprevious(parse_xml(f"<w:tblBorders {nsdecls('w')}>{edges}</w:tblBorders>"))
    inside = "".join(
        f'<w:{edge} w:w="{wide}" w:type="dxa"/>' for edge, wide in (("top", 50), ("left", 100), ("bottom", 50), ("right", 100))
    )
    layout.addnext(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{inside}</w:tblCellMar>"))
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    return table


def _row(table: Any, widths: Sequence[int]) -> Sequence[_Cell]:
    row = table.add_row()
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    cells: Sequence[_Cell] = row.cells
    for cell, width in zip(cells, widths, strict=True):
        cell.width, cell.vertical_alignment = Mm(width), WD_CELL_VERTICAL_ALIGNMENT.CENTER
    return cells


def _first(cell: _Cell, style: str) -> Paragraph:
    paragraph: Paragraph = cell.paragraphs[0]
    paragraph.style = style
    return paragraph


def _rule(paragraph: Paragraph) -> None:
    """The red line beneath the head."""
    edge = '<w:bottom w:val="single" w:sz="18" w:space="4" w:color="C00000"/>'
    paragraph._p.get_or_add_pPr().append(parse_xml(f"<w:pBdr {nsdecls('w')}>{edge}</w:pBdr>"))


def _field(paragraph: Paragraph, code: str) -> None:
    for kind in ("begin", "", "separate", "1", "end"):
        run = paragraph.add_run("1" if kind == "1" else "")
        if kind == "":
            run._r.append(parse_xml(f"<w:instrText {nsdecls('w')}>{code}</w:instrText>"))
        elif kind != "1":
            run._r.append(parse_xml(f'<w:fldChar {nsdecls("w")} w:fldCharType="{kind}"/>'))


def _properties(doc: Doc, sheet: Sheet) -> None:
    about = doc.core_properties
    about.author, about.last_modified_by, about.title = sheet.firm, sheet.firm, f"{sheet.title} {sheet.number}"
    about.comments, about.subject, about.revision = "", sheet.number, sheet.version
    about.created = about.modified = datetime(*EPOCH)  # noqa: DTZ001 - the moment stands in the paper; the file's must not change its bytes


def _packed(doc: Doc) -> bytes:
    """The same parts, in one order, under one date."""
    made, packed = io.BytesIO(), io.BytesIO()
    doc.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            part = zipfile.ZipInfo(name, EPOCH)
            part.compress_type, part.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(part, source.read(name))
    return packed.getvalue()
