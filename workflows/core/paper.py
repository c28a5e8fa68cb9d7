"""Papers: what a form asks for (`papers.toml`), and what one filled copy says, every figure with the row of the trail it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
TABLES = ("timeline", "grading", "tasks", "reports", "approvals", "statements", "publications", "enquiries", "rumours", "complaints")
Table = Literal["timeline", "grading", "tasks", "reports", "approvals", "statements", "publications", "enquiries", "rumours", "complaints"]


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
    kind: str = ""
    """which of TABLES its rows are"""


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
    grounds: tuple[Entry, ...] = ()
    """what it rests on without saying it: grades and clocks as they were; not printed"""


#: What a paper says of something, and what is known now: (what, paper's value, value now).
Difference = tuple[str, str, str]


def differences(paper: Sheet, now: Sheet) -> tuple[Difference, ...]:
    """Every figure that a paper says otherwise than it would be filled in now, in the order of the paper; what is in one of them only
    stands against nothing. A timeline says what had happened by then, and is not wrong because more happened."""
    was, is_ = _said(paper), _said(_as_far_as(paper, now))
    names = [*was, *(name for name in is_ if name not in was)]
    pairs = ((name[-1], *_apart(was.get(name, ()), is_.get(name, ()))) for name in names)
    return tuple((name, old, new) for name, old, new in pairs if old != new)


def _as_far_as(paper: Sheet, now: Sheet) -> Sheet:
    """Without what a sheet that was kept by an earlier version does not know of itself."""
    unknown = {part.title for part in paper.parts if part.heads and not part.kind}
    parts = tuple(replace(part, rows=()) if part.title in unknown else part for part in now.parts)
    return replace(now, parts=parts, grounds=now.grounds if paper.grounds else ())


def _said(sheet: Sheet) -> dict[tuple[str, str], tuple[str, ...]]:
    found = {(part.title, entry.label): _texts(entry.lines) for part in sheet.parts for entry in part.entries}
    found |= {("", entry.label): _texts(entry.lines) for entry in sheet.grounds}
    for part in sheet.parts:
        for row in part.rows if part.kind not in ("", "timeline") else ():
            name = (part.title, f"{part.title} {row[0].text}")
            found[name] = (*found.get(name, ()), " ".join(_texts(row[1:])))
    return found


def _texts(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(line.text for line in lines)


def _apart(was: tuple[str, ...], is_: tuple[str, ...]) -> tuple[str, str]:
    """Without the lines that both have."""
    old, new = ([line for line in one if line not in other] for one, other in ((was, is_), (is_, was)))
    return "; ".join(old), "; ".join(new)


@dataclass(frozen=True, slots=True)
class Signature:
    by: str
    at: str


def sheet_of(kept: Mapping[str, Any]) -> Sheet:
    """The sheet that was kept as JSON."""
    grounds = tuple(_entry(one) for one in kept.get("grounds", ()))
    return Sheet(**{**kept, "parts": tuple(_part(one) for one in kept["parts"]), "grounds": grounds})


def _part(kept: Mapping[str, Any]) -> Part:
    entries = tuple(map(_entry, kept["entries"]))
    rows = tuple(tuple(map(_line, row)) for row in kept["rows"])
    return Part(kept["title"], entries, tuple(kept["heads"]), rows, tuple(kept["widths"]), kept["note"], kept.get("kind", ""))


def _entry(kept: Mapping[str, Any]) -> Entry:
    return Entry(kept["label"], tuple(map(_line, kept["lines"])))


def _line(kept: Mapping[str, Any]) -> Line:
    return Line(kept["text"], tuple(Source(**one) for one in kept["sources"]))
