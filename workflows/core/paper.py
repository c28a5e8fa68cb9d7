"""Papers: what a form asks for (`papers.toml`), and what one filled copy says, every figure with the row of the trail it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: What the house itself can fill in; a row of a form names one of these or a fact of the plan.
FIGURES = (
    *("number", "title", "type", "system", "place", "reporter", "loss", "state"),
    *("occurred", "known", "opened", "confirmed", "recovered", "ended"),
    *("csrc_grade", "cac_grade", "opinion_level", "response_level", "commander", "cause"),
    *("course", "measures", "pending", "last_update", "contact", "evidence"),
)
#: What of it may be asked for by a form that goes to people outside; facts are stated for that.
OUTWARD = ("title", "system", "occurred", "known", "recovered", "cause")
#: Tables that fill a section by themselves.
TABLES = ("timeline", "grading", "tasks", "reports", "approvals", "publications")
Table = Literal["timeline", "grading", "tasks", "reports", "approvals", "publications"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a form: a label and what stands beside it: a figure (of FIGURES, or a fact's key), or fixed words."""

    label: str
    label_en: str
    figure: str = ""
    text: str = ""
    text_en: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """`first`: part of a partial first report · `table`: one of TABLES instead of rows."""

    title: str
    title_en: str
    rows: tuple[Row, ...] = ()
    table: Table | None = None
    first: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """`opening` stands before the sections, `closing` after them · `outward`: for people outside, so the signed copy names no colleague."""

    id: str
    title: str
    title_en: str
    sections: tuple[Section, ...]
    opening: str = ""
    opening_en: str = ""
    closing: str = ""
    closing_en: str = ""
    outward: bool = False

    @property
    def partial(self) -> bool:
        """Whether its first part can be sent ahead."""
        return any(section.first for section in self.sections)


@dataclass(frozen=True, slots=True)
class Source:
    """A row of the trail: version `version` of the chain of `ref`."""

    ref: str
    version: int
    at: str
    by: str


@dataclass(frozen=True, slots=True)
class Line:
    """Something said in a paper; without `sources` it is fixed wording, or says that something is not known."""

    text: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A filled section: entries (label and what is said), or a table with `heads`; `note` where there is neither · `widths` in mm."""

    title: str
    entries: tuple[Entry, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[Line, ...], ...] = ()
    widths: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A filled paper. `digest` and file are made of it alone: the same sheet is the same bytes."""

    form: str
    title: str
    firm: str
    number: str
    version: int
    to: str
    at: str
    by: str
    opening: str
    parts: tuple[Part, ...]
    closing: str
    drill: bool
    partial: bool
    to_sign: bool
    outward: bool
    seal: str
    """the newest seal of the trail when it was made"""
    locale: str


@dataclass(frozen=True, slots=True)
class Signature:
    by: str
    at: str


def sheet_of(kept: Mapping[str, Any]) -> Sheet:
    """The sheet that was kept as JSON."""
    return Sheet(**{**kept, "parts": tuple(_part(one) for one in kept["parts"])})


def _part(kept: Mapping[str, Any]) -> Part:
    entries = tuple(Entry(one["label"], tuple(map(_line, one["lines"]))) for one in kept["entries"])
    rows = tuple(tuple(map(_line, row)) for row in kept["rows"])
    return Part(kept["title"], entries, tuple(kept["heads"]), rows, tuple(kept["widths"]), kept["note"])


def _line(kept: Mapping[str, Any]) -> Line:
    return Line(kept["text"], tuple(Source(**one) for one in kept["sources"]))
