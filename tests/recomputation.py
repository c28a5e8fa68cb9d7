"""Regulators' clocks worked out a second time, from the domain study and nothing else: no module of Gengfu is imported here.

Duties are those of `data/domain/deadlines.yaml`, days off and worked days those of `data/calendar_packages.toml`, what an incident starts
with is read from the sample plan's `facts.toml` as text. The arithmetic is that of domain 7: by the hour from the stated moment, through
nights and holidays; by the day without the first day, ending at the close of business (17:00, UTC+8); in a year nobody knows Monday to
Saturday are worked, and the answer is provisional.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

DATA = Path(__file__).parent / "data"
FACTS = Path(__file__).parents[1] / "bot" / "plan" / "facts.toml"
CHINA = timezone(timedelta(hours=8))
CODES = {"一般": "general", "较大": "larger", "重大": "major", "特别重大": "extreme"}
LEVELS = {"轻度": "mild", "中度": "moderate", "严重": "severe", "特别严重": "extreme"}
GRADE_ORDER = ("unconfirmed", "general", "larger", "major", "extreme")
LEVEL_ORDER = ("mild", "moderate", "severe", "extreme")
#: They belong to complaints, requests, drills and the year, not to an incident.
ELSEWHERE = {
    "complaint_first_contact",
    "complaint_reply",
    "complaint_close",
    "pi_request_reply",
    "drill_report_file",
    "annual_security_report",
}


@dataclass(frozen=True)
class Duty:
    id: str
    when: Mapping[str, Any]
    clock: str
    calendar: str
    keyed: str
    spans: Mapping[str, int]
    """minutes, or days where the calendar is one of days; by row"""
    repeats: bool
    until: str | None
    binding: str
    confidence: str
    to: tuple[str, ...]


@cache
def duties() -> tuple[Duty, ...]:
    return tuple(_duties())


def _duties() -> Iterator[Duty]:
    study = yaml.safe_load((DATA / "domain" / "deadlines.yaml").read_text("utf-8"))["deadlines"]
    for line in study["obligations"]:
        if line["id"] in ELSEWHERE:
            continue
        figure = next(line[key] for key in ("within_minutes", "within_days", "every_minutes") if key in line)
        keyed = study["keyed_by"].get(line["id"], study["keyed_by"]["default"])
        until = line.get("until")
        yield Duty(
            id=line["id"],
            when={name: _asked(value) for name, value in line["when"].items() if name != "always"},
            clock=line["clock"].removesuffix("_at"),
            calendar=line["calendar"],
            keyed=keyed,
            spans=_rows(figure),
            repeats="every_minutes" in line,
            until=until.removesuffix("_at") if until else None,
            binding=line["binding"],
            confidence=line["confidence"],
            to=tuple(line["to"]),
        )


def _asked(value: Any) -> Any:
    """No harm is avoided until compliance finds so: the duty asks for a no."""
    return False if value == "no_until_compliance_finds_so" else (CODES | LEVELS).get(value, value) if isinstance(value, str) else value


def _rows(figure: Any) -> dict[str, int]:
    if not isinstance(figure, dict):
        return {"any": figure}
    return {(CODES | LEVELS)[name]: value for name, value in figure.items() if value is not None}


@cache
def _facts() -> list[dict[str, Any]]:
    return list(tomllib.loads(FACTS.read_text("utf-8"))["fact"])


def starting_facts(type_: str) -> dict[str, bool | None]:
    """What the sample plan says of an incident's first minute."""
    found: dict[str, bool | None] = {}
    for fact in _facts():
        value = fact.get("default_by_type", {}).get(type_, fact.get("default"))
        if fact["kind"] == "condition" and not fact.get("grade"):
            found[fact["key"]] = value if isinstance(value, bool) else None
    return found


@cache
def _told() -> dict[str, Any]:
    return tomllib.loads((DATA / "calendar_packages.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Days:
    """Days off and worked weekend days, of the years that are known."""

    off: frozenset[date]
    worked: frozenset[date]
    years: frozenset[int]

    @classmethod
    def of(cls, *years: int) -> "Days":
        told = _told()
        off = frozenset(day for year in years for day in told[str(year)]["holidays"])
        return cls(off, frozenset(day for year in years for day in told[str(year)]["workdays"]), frozenset(years))

    def works(self, day: date) -> bool:
        if day.year not in self.years:
            return day.isoweekday() != 7
        return day in self.worked or not (day in self.off or day.isoweekday() > 5)

    def last_day(self, first: date, count: int, *, working: bool) -> tuple[date, bool]:
        """The last day of a period, and whether a day of an unknown year decided about it."""
        if working:
            passed = [date.fromordinal(first.toordinal() + step) for step in range(1, 3 * count + 15)]
            end = [day for day in passed if self.works(day)][count - 1]
            return end, any(day.year not in self.years for day in passed if day <= end)
        end = date.fromordinal(first.toordinal() + count)
        while end.year in self.years and not self.works(end):
            end = date.fromordinal(end.toordinal() + 1)
        return end, end.year not in self.years


@dataclass
class Case:
    """An incident as it is known."""

    facts: dict[str, bool | None]
    clocks: dict[str, datetime]
    cii: bool
    csrc: str | None = None
    cac: str | None = None
    opinion: str = "moderate"
    provisional: bool = True

    def answer(self, duty: Duty) -> bool | None:
        answers = [self._one(name, wanted) for name, wanted in duty.when.items()]
        return False if False in answers else None if None in answers else True

    def _one(self, name: str, wanted: Any) -> bool | None:
        if name == "is_network_incident":
            return None if self.csrc is None else self.csrc != "unconfirmed"
        if name == "recovered":
            return ("recovered" in self.clocks) is wanted
        if name == "cii":
            return self.cii is wanted
        if name == "cac_grade_at_least":
            return None if self.cac is None else GRADE_ORDER.index(self.cac) >= GRADE_ORDER.index(wanted)
        if name == "opinion_level_at_least":
            reached = LEVEL_ORDER.index(self.opinion) >= LEVEL_ORDER.index(wanted)
            return True if reached else None if self.provisional else False
        value = self.facts[name]
        return None if value is None else value is wanted


@dataclass(frozen=True)
class Due:
    at: datetime
    provisional: bool
    row: str


def due(duty: Duty, case: Case, days: Days, *, sure: bool, after: datetime | None = None) -> Due | None:
    """When it falls due; `after`: the last report of a series. None: its clock stands, its grade is not asked for, the series is over."""
    start = case.clocks.get(duty.clock)
    if start is None:
        return None
    row = _row(duty, case, sure=sure)
    if row is None:
        return None
    since, figure = after or start, duty.spans[row]
    if duty.calendar == "continuous":
        found = Due(since + timedelta(minutes=figure), False, row)
    else:
        last, guessed = days.last_day(since.astimezone(CHINA).date(), figure, working=duty.calendar == "working_days")
        found = Due(datetime(last.year, last.month, last.day, 17, tzinfo=CHINA).astimezone(UTC), guessed, row)
    ended = case.clocks.get(duty.until or "")
    return None if ended is not None and ended < found.at else found


def _row(duty: Duty, case: Case, *, sure: bool) -> str | None:
    if "any" in duty.spans:
        return "any"
    order = LEVEL_ORDER if duty.keyed == "opinion_level" else GRADE_ORDER
    grade = case.opinion if duty.keyed == "opinion_level" else {"unconfirmed": "general"}.get(case.csrc or "", case.csrc)
    if grade is None or not sure:
        return next(one for one in order if one in duty.spans)
    return grade if grade in duty.spans else None


@dataclass
class Expected:
    """One report as it should be. `agreed`: what its condition was, and its row, when two people agreed that it is not required."""

    state: str
    due: Due | None
    put: datetime
    last: datetime | None = None
    filed: datetime | None = None
    begun: bool = False
    agreed: tuple[bool | None, str] | None = None

    @property
    def open(self) -> bool:
        return self.state in ("to_decide", "due")


_ASKS = {False: 0, None: 1, True: 2}


@dataclass
class Book:
    """All reports that should be there."""

    days: Days
    duties: tuple[Duty, ...] = field(default_factory=duties)
    reports: dict[str, Expected] = field(default_factory=dict)

    def settle(self, case: Case, now: datetime) -> None:
        for duty in self.duties:
            holds, report = case.answer(duty), self.reports.get(duty.id)
            if report is None:
                found = due(duty, case, self.days, sure=holds is True) if holds is not False else None
                if found:
                    self.reports[duty.id] = Expected("due" if holds else "to_decide", found, now)
            elif not report.open:
                self._again(duty, case, holds, report, now)
            elif report.state == "to_decide" and holds:
                report.state = "due"
                self._earlier(duty, case, report, now)
            elif not self._over(duty, case, report):
                self._earlier(duty, case, report, now)

    def _again(self, duty: Duty, case: Case, holds: bool | None, report: Expected, now: datetime) -> None:
        """Its clock began anew, or what two people agreed on asks for more than it did then."""
        start = case.clocks.get(duty.clock)
        if holds is False or start is None:
            return
        anew = start > (report.filed or report.put)
        if not anew and report.agreed:
            condition, row = report.agreed
            order = LEVEL_ORDER if duty.keyed == "opinion_level" else GRADE_ORDER
            found = due(duty, case, self.days, sure=holds is True)
            heavier = found is not None and found.row != "any" and order.index(found.row) > order.index(row)
            anew = _ASKS[holds] > _ASKS[condition] or heavier
        if anew:
            found = due(duty, case, self.days, sure=holds is True)
            self.reports[duty.id] = Expected("due" if holds else "to_decide", found, now)

    def _over(self, duty: Duty, case: Case, report: Expected) -> bool:
        """A series ends with its clock, unless a round was due before that nobody has filed."""
        ended = case.clocks.get(duty.until or "")
        if ended is None or (report.due and report.due.at <= ended):
            return False
        report.state, report.agreed = "filed" if report.begun else "not_required", None
        return True

    def _earlier(self, duty: Duty, case: Case, report: Expected, now: datetime) -> None:
        found = due(duty, case, self.days, sure=report.state == "due", after=report.last)
        if found and report.due is None:
            report.due, report.put = found, now
        elif found and report.due and found.at <= report.due.at:
            report.due = found

    def agree(self, before: Case, after: Case, now: datetime) -> None:
        """Two people agreed to a change: what no longer applies stops, and what counts from later moves later."""
        for duty in self.duties:
            report = self.reports.get(duty.id)
            if report is None or not report.open:
                continue
            if after.answer(duty) is False and before.answer(duty) is not False:
                report.state, report.agreed = "not_required", (False, report.due.row if report.due else "any")
                continue
            old, new = (due(duty, one, self.days, sure=report.state == "due", after=report.last) for one in (before, after))
            if new and report.due and new.at > report.due.at and (old is None or old.at != new.at):
                report.due, report.put = new, now

    def waive(self, id_: str, case: Case) -> None:
        """Two people agreed that this one is not required."""
        duty, report = next(one for one in self.duties if one.id == id_), self.reports[id_]
        report.state, report.agreed = "not_required", (case.answer(duty), report.due.row if report.due else "any")

    def file(self, id_: str, case: Case, now: datetime) -> None:
        """Told to everybody at this moment; a series goes on with its next round."""
        duty, report = next(one for one in self.duties if one.id == id_), self.reports[id_]
        report.last, report.filed, report.begun = now, now, True
        following = due(duty, case, self.days, sure=report.state == "due", after=now) if duty.repeats else None
        if following is None:
            report.state = "filed"
        else:
            report.due, report.put = following, now
