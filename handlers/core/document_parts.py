"""What a Word document is made of: page, styles, fonts, tables, fields, and one order of its bytes."""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from docx.document import Document as Doc
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt
from docx.styles.style import ParagraphStyle
from docx.table import _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

#: A zip's oldest moment, and what a document that has no other says of its making.
EPOCH = (1980, 1, 1, 0, 0, 0)
SONG, HEI, LATIN = "仿宋", "黑体", "Times New Roman"
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


def emptied(doc: Doc) -> None:
    body = doc.element.body
    for child in [one for one in body if one.tag != qn("w:sectPr")]:
        body.remove(child)


def set_pages(doc: Doc, *, own: bool) -> None:
    """A4; a letterhead keeps its margins."""
    section = doc.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    if own:
        section.top_margin, section.bottom_margin = Mm(30), Mm(30)
        section.left_margin, section.right_margin = Mm(28), Mm(26)
        section.footer_distance = Mm(14)


def add_style(doc: Doc, name: str) -> None:
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


def add_fonts(doc: Doc) -> None:
    """Tell a reader whose machine lacks a font what to take instead."""
    entries = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{instead}"/><w:charset w:val="86"/><w:family w:val="{family}"/></w:font>'
        for name, (instead, family) in INSTEAD.items()
    )
    table = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts {nsdecls("w")}>{entries}</w:fonts>'
    for rel in doc.part.rels.values():
        if rel.reltype.endswith("/fontTable"):
            rel.target_part._blob = table.encode()


def run(paragraph: Paragraph, text: str) -> Run:
    return paragraph.add_run(typeset(text))


def typeset(text: str) -> str:
    """With the full-width marks of a Chinese paper where they stand at Chinese words; times and numbers keep theirs."""
    while (wider := _BRACKETS.sub("（\\1）", text)) != text:
        text = wider
    return _MARKS.sub(lambda found: found.group().translate(_FULL), text)


def add_table(doc: Doc, widths: Iterable[int]) -> Any:
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


def add_row(table: Any, widths: Sequence[int]) -> Sequence[_Cell]:
    row = table.add_row()
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    cells: Sequence[_Cell] = row.cells
    for cell, width in zip(cells, widths, strict=True):
        cell.width, cell.vertical_alignment = Mm(width), WD_CELL_VERTICAL_ALIGNMENT.CENTER
    return cells


def first(cell: _Cell, style: str) -> Paragraph:
    paragraph: Paragraph = cell.paragraphs[0]
    paragraph.style = style
    return paragraph


def add_rule(paragraph: Paragraph) -> None:
    """The red line beneath the head."""
    edge = '<w:bottom w:val="single" w:sz="18" w:space="4" w:color="C00000"/>'
    paragraph._p.get_or_add_pPr().append(parse_xml(f"<w:pBdr {nsdecls('w')}>{edge}</w:pBdr>"))


def add_field(paragraph: Paragraph, code: str) -> None:
    for kind in ("begin", "", "separate", "1", "end"):
        run = paragraph.add_run("1" if kind == "1" else "")
        if kind == "":
            run._r.append(parse_xml(f"<w:instrText {nsdecls('w')}>{code}</w:instrText>"))
        elif kind != "1":
            run._r.append(parse_xml(f'<w:fldChar {nsdecls("w")} w:fldCharType="{kind}"/>'))


def packed(doc: Doc) -> bytes:
    """The same parts, in one order, under one date."""
    made, packed = io.BytesIO(), io.BytesIO()
    doc.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            part = zipfile.ZipInfo(name, EPOCH)
            part.compress_type, part.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(part, source.read(name))
    return packed.getvalue()
