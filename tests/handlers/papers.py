"""What tests look for in a paper: its words, its numbered figures, and the rows of the trail that they lead to."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from docx import Document

from storage import files, papers
from storage.papers import Paper
from tests.world import World
from workflows.core.paper import Line, Sheet, Source

MARK = re.compile(r"\[(\d+(?:,\d+)*)\]$")


def made(world: World, incident: str = "I1") -> dict[str, Paper]:
    """Every paper of the incident by its id, in the order they were made."""
    return {one.id: one for one in world.database.read(lambda tx: papers.of_incident(tx, incident))}


def content(world: World, paper: str) -> bytes:
    found = made(world)[paper]
    return world.database.read(lambda tx: files.read(tx, world.road.house.cipher, found.sha256))


def sheet(world: World, paper: str) -> Sheet:
    found = made(world)[paper]
    return world.database.read(lambda tx: papers.sheet(tx, world.road.house.cipher, found))


@dataclass(frozen=True)
class Words:
    """`cells`: what stands in its tables, row by row."""

    paragraphs: tuple[str, ...]
    tables: tuple[tuple[tuple[str, ...], ...], ...]
    footer: str

    @property
    def text(self) -> str:
        cells = (cell for table in self.tables for row in table for cell in row)
        return "\n".join((*self.paragraphs, *cells, self.footer))

    def said(self, label: str) -> str:
        """What stands beside a label, without the numbers of its sources."""
        rows = (row for table in self.tables for row in table if row[0] == label)
        return "\n".join(MARK.sub("", line) for line in next(rows)[1].split("\n"))


def words(document: bytes) -> Words:
    doc = Document(io.BytesIO(document))
    tables = tuple(tuple(tuple(cell.text for cell in row.cells) for row in table.rows) for table in doc.tables)
    footer = "\n".join(paragraph.text for paragraph in doc.sections[0].footer.paragraphs)
    return Words(tuple(paragraph.text for paragraph in doc.paragraphs), tables, footer)


def lines(of: Sheet) -> Iterable[tuple[str, Line]]:
    """(label or title, line) of everything that a sheet says."""
    for part in of.parts:
        yield from ((entry.label, line) for entry in part.entries for line in entry.lines)
        yield from ((part.title, line) for row in part.rows for line in row)


def sources(of: Sheet) -> list[Source]:
    return list(dict.fromkeys(source for _, line in lines(of) for source in line.sources))
