"""`gengfu plan thresholds`: a form for compliance to fill in (a spreadsheet), and what was filled in into `thresholds.toml`.

The form shows the figures of the rule of 2012, which is repealed, in a column that says so and is never read back.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

from bot.plan_cli import BAD, GOOD, finding_line, harmless, write_whole
from handlers.core import values
from handlers.core.explain import fact_name
from handlers.core.suggestion import described
from handlers.core.wording import Locale, Ours, Words
from storage.plan import PlanError, load_plan
from storage.plan.thresholds import GRADES, THRESHOLDS, as_toml, thresholds_from
from workflows.core.errors import BadConfig, BadWords
from workflows.core.plan import Plan
from workflows.core.rubric import EventGrade
from workflows.core.thresholds import KINDS, MEASURES, Threshold

COLUMNS = (
    *("event", "event_name", "grade", "grade_name", "measure", "measure_name", "unit", "old", "at_least", "together"),
    *("document", "article", "entered_by", "entered_on", "verified", "note"),
)
_READ = tuple(name for name in COLUMNS if name not in ("event_name", "grade_name", "measure_name", "unit", "old"))
_DAY = re.compile(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_LOCALES: tuple[Locale, ...] = ("zh", "en")
#: More than any sheet that a person fills in.
MOST_BYTES = 2_000_000

Key = tuple[str, str, str, int]


def form_command(folder: Path, locale: Locale, path: Path) -> tuple[int, str]:
    """Exit code and text: a form with every figure that can be entered, and those that stand already."""
    words = Words.load(locale)
    try:
        plan = load_plan(folder)
    except PlanError as error:
        return BAD, str(error)
    if path.exists():
        raise BadConfig(f"{path} is there already; give another name, or move it away")
    rows = list(_rows(plan, words))
    out = io.StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow([words.say(f"plan.thresholds.column.{name}") for name in COLUMNS])
    sheet.writerows([row[name] for name in COLUMNS] for row in rows)
    try:
        path.write_bytes(out.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise BadConfig(f"{path} cannot be written ({error.strerror})") from None
    return GOOD, words.say("plan.thresholds.form", file=Ours(harmless(str(path))), rows=len(rows), entered=len(plan.thresholds))


def _rows(plan: Plan, words: Words) -> Iterator[dict[str, str]]:
    entered = {_key(one): one for one in plan.thresholds}
    grid = [(event, grade, measure, 1) for event, kind in KINDS.items() for grade in GRADES for measure in kind.measures]
    for key in (*grid, *(key for key in entered if key not in grid)):
        event, grade, measure, together = key
        spec = plan.facts.specs.get(measure)
        if spec is None:
            continue
        old = f"plan.thresholds.old.{event}_{grade}_{measure}"
        yield {
            **dict.fromkeys(COLUMNS, ""),
            "event": event,
            "event_name": words.say(f"threshold.event.{event}"),
            "grade": grade,
            "grade_name": words.show(EventGrade(grade)),
            "measure": measure,
            "measure_name": fact_name(words, spec),
            "unit": words.say(f"plan.thresholds.unit.{spec.kind}") if spec.kind in ("share", "condition") else spec.unit,
            "old": words.say(old) if words.has(old) else "",
            "together": str(together),
            **(_cells(entered[key], words, spec.kind) if key in entered else {}),
        }


def _cells(one: Threshold, words: Words, kind: str) -> dict[str, str]:
    figure = words.say("flag.yes") if kind == "condition" else f"{one.at_least:.10g}"
    yes = words.say("flag.yes" if one.verified else "flag.no")
    texts = {"document": one.document, "article": one.article, "entered_by": one.entered_by, "note": one.note}
    plain = {name: f"'{text}" if text[:1] in tuple("=+-@\t") else text for name, text in texts.items()}
    return {**plain, "at_least": figure, "entered_on": one.entered_on.isoformat(), "verified": yes}


def _key(one: Threshold) -> Key:
    return one.event, str(one.grade), one.measure, one.together


def import_command(folder: Path, locale: Locale, path: Path, today: date) -> tuple[int, str]:
    """Exit code and text: `thresholds.toml` written whole, or every bad row named and nothing changed."""
    words = Words.load(locale)
    try:
        plan = load_plan(folder)
    except PlanError as error:
        return BAD, str(error)
    reading = _Reading(plan, words, today)
    found = reading.rows(_sheet(path, words))
    if reading.faults or not found:
        faults = reading.faults or [words.say("plan.thresholds.none")]
        return BAD, "\n".join(harmless(line) for line in (*faults, words.say("plan.thresholds.unchanged", file=Ours(THRESHOLDS))))
    text = as_toml(found)
    try:
        thresholds_from(text.encode(), plan.facts, plan.organization)
    except PlanError as error:
        return BAD, "\n".join(finding_line(finding, words) for finding in error.findings)
    write_whole((folder / THRESHOLDS).resolve(), text)
    return GOOD, "\n".join(harmless(line) for line in _told(plan, found, words))


def _told(plan: Plan, found: Sequence[Threshold], words: Words) -> Iterator[str]:
    before, after = ({_key(one): one for one in some} for some in (plan.thresholds, found))
    changes = {
        "added": [one for key, one in after.items() if key not in before],
        "changed": [one for key, one in after.items() if key in before and before[key] != one],
        "gone": [one for key, one in before.items() if key not in after],
    }
    for what, some in changes.items():
        yield from (words.say(f"plan.thresholds.{what}", what=Ours(described(words, plan.facts.specs[one.measure], one))) for one in some)
    unverified = sum(not one.verified for one in found)
    yield words.say("plan.thresholds.written", file=Ours(THRESHOLDS), count=len(found), unverified=unverified)


def _sheet(path: Path, words: Words) -> list[list[str]]:
    """Rows as Excel and WPS save them: UTF-8 with or without its mark, GB 18030 (plain .csv of a Chinese Windows), or UTF-16 with tabs."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path} cannot be read ({error.strerror})") from None
    if content[:4] == b"PK\x03\x04" or content[:4] == b"\xd0\xcf\x11\xe0" or len(content) > MOST_BYTES:
        raise BadConfig(words.say("plan.thresholds.not_csv"))
    text = _decoded(content, words)
    first = text.split("\n", 1)[0]
    mark = max((",", ";", "\t"), key=first.count)
    try:
        return [[_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    except csv.Error:
        raise BadConfig(words.say("plan.thresholds.not_csv")) from None


def _cell(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("'")


def _decoded(content: bytes, words: Words) -> str:
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for name in (coding, "gb18030"):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    raise BadConfig(words.say("plan.thresholds.not_csv"))


@dataclass(slots=True)
class _Reading:
    """Filled-in rows, and what is wrong with them: all of it, each with its row as the spreadsheet counts."""

    plan: Plan
    words: Words
    today: date

    faults: list[str] = field(default_factory=list)

    def rows(self, sheet: Sequence[Sequence[str]]) -> list[Threshold]:
        columns = self._columns(sheet[0] if sheet else ())
        found: dict[Key, tuple[int, Threshold]] = {}
        for number, row in enumerate(sheet[1:], start=2) if columns else ():
            cells = {name: row[at] if at < len(row) else "" for name, at in columns.items()}
            if not cells["at_least"]:
                continue
            one = self._row(number, cells)
            if one and _key(one) in found:
                self._fault(number, "twice", first=found[_key(one)][0])
            elif one:
                found[_key(one)] = (number, one)
        self._check_rising(found.values())
        return [one for _, one in found.values()]

    def _columns(self, head: Sequence[str]) -> dict[str, int]:
        """By their names in either language; the order may be another one."""
        named: dict[str, str] = {}
        for locale in _LOCALES:
            words = Words.load(locale)
            named |= {unicodedata.normalize("NFKC", words.say(f"plan.thresholds.column.{name}")): name for name in COLUMNS}
        found = {named[cell]: at for at, cell in enumerate(head) if cell in named}
        missing = [self.words.say(f"plan.thresholds.column.{name}") for name in _READ if name not in found]
        if missing:
            self._fault(1, "columns", names=self.words.join(missing))
            return {}
        return found

    def _fault(self, row: int, code: str, **said: object) -> None:
        self.faults.append(self.words.say(f"plan.thresholds.bad.{code}", row=str(row), **said))

    def _row(self, number: int, cells: Mapping[str, str]) -> Threshold | None:
        before = len(self.faults)
        event = self._code(number, "event", cells, KINDS)
        grade = self._code(number, "grade", cells, GRADES)
        measure = self._code(number, "measure", cells, KINDS[event].measures if event else MEASURES)
        figure = self._figure(number, cells["at_least"], measure)
        document, article = (self._text(number, name, cells[name]) for name in ("document", "article"))
        by, day = self._person(number, cells["entered_by"]), self._day(number, cells["entered_on"])
        verified, together = self._verified(number, cells["verified"]), self._together(number, cells["together"])
        if len(self.faults) > before:
            return None
        return Threshold(event, EventGrade(grade), measure, figure, document, article, by, day, verified, together, cells["note"])

    def _code(self, number: int, name: str, cells: Mapping[str, str], known: Iterable[str]) -> str:
        value, names = cells[name], list(known)
        if value in names:
            return value
        self._fault(number, "code", column=self.words.say(f"plan.thresholds.column.{name}"), found=value, known=", ".join(names))
        return ""

    def _figure(self, number: int, text: str, measure: str) -> float:
        spec = self.plan.facts.specs.get(measure)
        if spec is None:
            if measure:
                self._fault(number, "no_fact", fact=measure)
            return 1
        try:
            if spec.kind == "condition":
                if values.flag(text):
                    return 1
            elif (found := (values.share if spec.kind == "share" else values.number)(text)) > 0:
                return found
        except BadWords:
            pass
        self._fault(number, f"figure_{spec.kind}", found=text)
        return 1

    def _text(self, number: int, name: str, text: str) -> str:
        if not text:
            self._fault(number, "empty", column=self.words.say(f"plan.thresholds.column.{name}"))
        return text

    def _person(self, number: int, text: str) -> str:
        people = self.plan.organization.people
        named = [person.id for person in people.values() if text in (person.id, person.name)]
        if len(named) != 1:
            self._fault(number, "person", found=text or self.words.say("plan.thresholds.blank"))
        return named[0] if len(named) == 1 else ""

    def _day(self, number: int, text: str) -> date:
        found = _DAY.fullmatch(text.split(" ")[0])
        try:
            day = date(*(int(part) for part in found.groups())) if found else None
        except ValueError:
            day = None
        if day is None or day > self.today:
            self._fault(number, "day", found=text or self.words.say("plan.thresholds.blank"))
        return day or self.today

    def _verified(self, number: int, text: str) -> bool:
        try:
            return values.flag(text)
        except BadWords:
            self._fault(number, "verified", found=text or self.words.say("plan.thresholds.blank"))
            return False

    def _together(self, number: int, text: str) -> int:
        if not text:
            return 1
        if not text.isdecimal() or not 1 <= int(text) <= 99:
            self._fault(number, "together", found=text)
            return 1
        return int(text)

    def _check_rising(self, found: Iterable[tuple[int, Threshold]]) -> None:
        """A heavier grade that begins below a lighter one is a slip, where nothing else goes with the two."""
        every = list(found)
        parts = [(one.event, one.grade, one.together) for _, one in every]
        alone = [(row, one) for row, one in every if parts.count((one.event, one.grade, one.together)) == 1]
        alone.sort(key=lambda pair: (pair[1].event, pair[1].measure, pair[1].together, GRADES.index(str(pair[1].grade))))
        for (row, lighter), (heavier_row, heavier) in pairwise(alone):
            same = (lighter.event, lighter.measure, lighter.together) == (heavier.event, heavier.measure, heavier.together)
            if same and lighter.at_least > heavier.at_least:
                self._fault(heavier_row, "rising", than=str(row))
