"""The document of a sheet: into the firm's letterhead, in either language, with the marks of a Chinese paper."""

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from bot.bootstrap import SAMPLE_PLAN
from handlers.core.document_parts import EPOCH, STYLES, typeset
from handlers.core.documents import document
from handlers.core.wording import Locale
from storage.papers import content_of
from storage.plan import LETTERHEAD, check_plan
from storage.plans import Plans
from tests import ready
from tests.handlers.papers import words
from workflows.core.paper import Entry, Line, Part, Sheet, Signature, Source, sheet_of

SOURCE = Source("I1", 3, "2026年3月10日 14:00", "李娜")
SHEET = Sheet(
    form="csrc_report",
    title="网络安全事件情况报告书",
    firm="平澜证券股份有限公司",
    number="INC-20260310-001-R2-01",
    version=1,
    to="江城证监局",
    at="2026年3月10日 15:00",
    by="李娜",
    opening="",
    parts=(
        Part("一、基本情况", (Entry("时间", (Line("2026年3月10日 14:00", (SOURCE,)), Line("尚不清楚"))),)),
        Part("二、任务", (), ("编号", "任务"), ((Line("T1"), Line("固定证据(日志,镜像)", (SOURCE,))),), (40, 116)),
        Part("三、其他", note="无"),
    ),
    closing="特此报告。",
    drill=False,
    partial=False,
    to_sign=True,
    outward=False,
    seal="最近封存 #7 0123456789abcdef 2026-03-10 14:59",
    locale="zh",
)


def make(sheet: Sheet = SHEET, locale: Locale = "zh", signature: Signature | None = None, letterhead: bytes | None = None) -> bytes:
    return document(ready.words(locale), sheet, "0123456789abcdef" * 4, signature=signature, letterhead=letterhead)


@pytest.fixture
def letterhead() -> bytes:
    doc = Document()
    doc.sections[0].header.paragraphs[0].text = "平澜证券 机密"
    doc.sections[0].footer.paragraphs[0].text = "江城市中山路1号"
    doc.sections[0].left_margin = Mm(33)
    doc.styles.add_style("Paper Title", 1).font.size = Pt(30)
    doc.add_paragraph("这里写正文")
    made = io.BytesIO()
    doc.save(made)
    return made.getvalue()


def test_the_letterhead_stays_and_what_was_written_on_it_goes(letterhead: bytes) -> None:
    made = make(letterhead=letterhead)
    doc, found = Document(io.BytesIO(made)), words(made)
    assert doc.sections[0].header.paragraphs[0].text == "平澜证券 机密"
    assert round((doc.sections[0].left_margin or Mm(0)).mm) == 33
    assert doc.styles["Paper Title"].font.size == Pt(30)
    assert "这里写正文" not in found.text
    assert found.footer.startswith("江城市中山路1号")
    assert "平澜证券股份有限公司" not in found.paragraphs[:2], "the letterhead has the firm's name"
    assert "网络安全事件情况报告书" in found.paragraphs


def test_without_one_it_is_an_official_paper_on_a4_in_chinese_fonts() -> None:
    doc = Document(io.BytesIO(make()))
    assert [round((one or Mm(0)).mm) for one in (doc.sections[0].page_width, doc.sections[0].page_height)] == [210, 297]
    for name, (font, points, _, _) in STYLES.items():
        style = doc.styles[name]
        fonts = style.element.rPr.rFonts
        assert (fonts.get(qn("w:eastAsia")), fonts.get(qn("w:ascii")), style.font.size) == (font, "Times New Roman", Pt(points)), name
        assert style.element.rPr.find(qn("w:lang")).get(qn("w:eastAsia")) == "zh-CN"
    with zipfile.ZipFile(io.BytesIO(make())) as parts:
        assert 'w:name="仿宋"' in parts.read("word/fontTable.xml").decode()
        assert {part.date_time for part in parts.infolist()} == {EPOCH}
        assert parts.testzip() is None
        assert b"python-docx" not in parts.read("docProps/core.xml")


def test_a_draft_says_that_it_is_one_and_a_signed_copy_who_signed() -> None:
    draft, signed = words(make()), words(make(signature=Signature("周衡", "2026年3月10日 15:10")))
    assert "（第 1 稿，未签发）" in draft.paragraphs
    assert "签发人：待签发" in draft.paragraphs
    assert "签发人：周衡，2026年3月10日 15:10" in signed.paragraphs
    assert not any("未签发" in text for text in signed.paragraphs)
    assert signed.tables == draft.tables
    assert signed.footer == draft.footer


def test_a_drill_is_called_one_in_the_title() -> None:
    assert "【演练】网络安全事件情况报告书" in words(make(replace(SHEET, drill=True))).paragraphs


def test_what_goes_to_people_outside_names_no_colleague_once_it_is_signed() -> None:
    outward = replace(SHEET, outward=True)
    draft, signed = words(make(outward)), words(make(outward, signature=Signature("周衡", "2026年3月10日 15:10")))
    assert "[1]" in draft.text
    assert "李娜" in draft.text
    assert "[1]" not in signed.text
    assert "李娜" not in signed.text
    assert "周衡" not in signed.text
    assert "固定证据（日志，镜像）" in signed.text
    assert signed.footer == draft.footer, "the same content"


def test_each_source_is_listed_once_and_the_same_one_has_one_number() -> None:
    found = words(make())
    assert found.tables[0][0][1] == "2026年3月10日 14:00[1]\n尚不清楚"
    assert found.tables[1][1] == ("T1", "固定证据（日志，镜像）[1]")
    assert found.tables[-1][1:] == (("1", "时间: 2026年3月10日 14:00".replace(":", "：", 1), "李娜", "I1#3 2026年3月10日 14:00"),)


def test_a_sheet_is_read_again_as_it_was() -> None:
    assert sheet_of(json.loads(content_of(SHEET))) == SHEET


def test_in_english() -> None:
    found = words(make(replace(SHEET, to="CSRC local bureau"), locale="en"))
    assert "To CSRC local bureau:" in found.paragraphs
    assert "Annex: where the figures of this paper come from" in found.paragraphs
    assert "(draft 1, not signed)" in found.paragraphs


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("编号:INC-1", "编号：INC-1"),
        ("已恢复,正在核查;14:00 起", "已恢复，正在核查；14:00 起"),
        ("受影响人数(户)", "受影响人数（户）"),
        ("合计 1,200 笔", "合计 1,200 笔"),
        ("断开(含主机(3台)和专线)", "断开（含主机（3台）和专线）"),
        ("To the bureau: (draft 1)", "To the bureau: (draft 1)"),
    ],
)
def test_marks_are_full_width_at_chinese_words_only(typed: str, shown: str) -> None:
    assert typeset(typed) == shown


def test_the_plan_brings_its_letterhead_and_a_broken_one_is_found(tmp_path: Path, letterhead: bytes) -> None:
    folder = tmp_path / "plan"
    shutil.copytree(SAMPLE_PLAN, folder)
    assert Plans(folder).letterhead is None
    (folder / LETTERHEAD).write_bytes(letterhead)
    assert Plans(folder).letterhead == letterhead
    (folder / LETTERHEAD).write_bytes(b"{\\rtf1 no docx}")
    assert [(one.file, one.code) for one in check_plan(folder)] == [(LETTERHEAD, "not_docx")]
