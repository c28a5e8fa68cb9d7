"""Papers as a reader sees them: LibreOffice opens each one, its words are in the PDF, no page is blank, and the fonts are Chinese ones."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN
from handlers.core.document_parts import typeset
from storage.database import Database
from tests.handlers.papers import content, made, sheet
from tests.world import make_world

TOOLS = ("soffice", "pdftotext", "pdftoppm", "pdffonts")
pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS),
    reason="PAPERS NOT LOOKED AT: no LibreOffice (apt-get install libreoffice-writer-nogui poppler-utils fonts-noto-cjk)",
)
#: Of a page that is not blank, at least so much is ink.
INK = 0.001


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One incident's papers, of every form, turned into PDF in one run: LibreOffice is slow to start."""
    folder = tmp_path_factory.mktemp("papers")
    database = Database(f"sqlite:///{folder / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 地点=江城数据中心 集中交易中断")
    world.says("li.na", "/定级 网信=较大 证监会=较大 阅读=120万 客户=1.2万")
    for fact in ("影响交易", "影响结算", "涉及个人信息", "涉嫌犯罪", "人民银行业务"):
        world.says("li.na", f"/事件 事实 {fact}=是")
    papers = [one.paper for one in world.plans.current.obligations.values() if one.paper]
    for ref in [f"R{number}" for number in range(1, len(papers) + 5)]:
        world.says("li.na", f"/报送 起草 {ref}")
    world.says("li.na", "/事件 总结")
    for name in made(world):
        (folder / f"{name}.docx").write_bytes(content(world, name))
        told = (line.text for part in sheet(world, name).parts for entry in part.entries for line in entry.lines)
        (folder / f"{name}.txt").write_text("\n".join((sheet(world, name).title, sheet(world, name).firm, *told)), encoding="utf-8")
    database.close()
    run = ["soffice", f"-env:UserInstallation=file://{folder}/office", "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    subprocess.run([*run, *map(str, sorted(folder.glob("*.docx")))], check=True, capture_output=True, timeout=300)
    return folder


def text_of(pdf: Path) -> str:
    found = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, timeout=60).stdout.decode()
    return squeezed(found)


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_each_paper_opens_and_says_in_print_what_it_says(folder: Path) -> None:
    papers = sorted(folder.glob("*.docx"))
    assert len(papers) >= 10
    for paper in papers:
        printed = text_of(paper.with_suffix(".pdf"))
        told = paper.with_suffix(".txt").read_text(encoding="utf-8").split("\n")
        assert printed.count("页共") >= 1, paper
        assert squeezed(told[0]) in printed
        assert squeezed(told[1]) in printed
        for line in told[2:]:
            assert squeezed(typeset(line))[:6] in printed, (paper, line)
        assert "Error!" not in printed


def test_the_pages_are_numbered_in_order(folder: Path) -> None:
    for pdf in sorted(folder.glob("*.pdf")):
        printed = text_of(pdf)
        pages = pages_of(pdf)
        assert [f"第{page}页共{pages}页" in printed for page in range(1, pages + 1)] == [True] * pages, pdf


def pages_of(pdf: Path) -> int:
    found = subprocess.run(["pdfinfo", str(pdf)], check=True, capture_output=True, timeout=60).stdout.decode()
    return int(next(line.split()[1] for line in found.splitlines() if line.startswith("Pages:")))


def test_no_page_is_blank_and_the_sheet_is_a4(folder: Path) -> None:
    for pdf in sorted(folder.glob("*.pdf")):
        subprocess.run(["pdftoppm", "-gray", "-r", "40", str(pdf), str(pdf.with_suffix(""))], check=True, timeout=120)
        pages = sorted(folder.glob(f"{pdf.stem}-*.pgm"))
        assert len(pages) == pages_of(pdf)
        for page in pages:
            kind, size, _, pixels = page.read_bytes().split(b"\n", 3)
            wide, high = map(int, size.split())
            assert kind == b"P5"
            assert abs(high / wide - 297 / 210) < 0.01
            assert sum(pixel < 128 for pixel in pixels) > INK * len(pixels), page


def test_the_fonts_have_chinese_signs(folder: Path) -> None:
    for pdf in sorted(folder.glob("*.pdf")):
        fonts = subprocess.run(["pdffonts", str(pdf)], check=True, capture_output=True, timeout=60).stdout.decode()
        assert any(name in fonts for name in ("CJK", "FangSong", "SimHei", "Song", "Hei", "WenQuanYi")), fonts
