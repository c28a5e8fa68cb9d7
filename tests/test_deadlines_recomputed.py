"""A thousand random incidents: which reports there are, how far they are and when they fall due, against a second computation."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.bootstrap import SAMPLE_PLAN
from handlers.core import clocks
from handlers.core.context import Context
from handlers.core.wording import Words
from storage.plan import CALENDAR, calendar_from, load_plan
from storage.plan.notices import read_notices, replaced
from storage.plans import ZONE
from tests import recomputation as second
from tests.recomputation import Book, Case, Days
from workflows import regulator_report as rules
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.core.outcome import Outcome
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.core.response import Response
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel
from workflows.incident import COMMON, Incident, State
from workflows.regulator_report import Report
from workflows.regulator_report import State as Clock

SEED = int(os.environ.get("SEED", "20261122"))
INCIDENTS = int(os.environ.get("INCIDENTS", "1000"))
NOTICES = Path(__file__).parent / "data" / "notices"
REASON = "经核查未影响任何委托和客户"
TYPES = ("system_failure", "cyber_attack", "data_leak", "financial_fraud", "public_opinion", "compliance_risk", "supplier_failure")
FACTS = (
    "affects_trading", "affects_settlement", "investors_affected", "suspected_crime", "pi_incident", "harm_fully_avoided",
    "material_to_operation_or_client_assets", "pbc_business_domain",
)  # fmt: skip
GRADES = (*EventGrade,)
#: National Day, Spring Festival, the make-up days around them, and the ends of years: half of the incidents happen around these.
EDGES = (
    date(2024, 2, 4), date(2024, 2, 9), date(2024, 9, 29), date(2024, 10, 8), date(2024, 12, 30), date(2025, 1, 26), date(2025, 2, 5),
    date(2025, 9, 28), date(2025, 10, 9), date(2025, 12, 31), date(2026, 2, 14), date(2026, 2, 24), date(2026, 2, 28), date(2026, 5, 9),
    date(2026, 9, 20), date(2026, 9, 30), date(2026, 10, 10), date(2026, 11, 26), date(2026, 12, 24),
)  # fmt: skip


def plans() -> tuple[tuple[Plan, Days], tuple[Plan, Days]]:
    """The sample plan, which has no 2024, and the same with 2024 filled in from its notice."""
    plan = load_plan(SAMPLE_PLAN)
    text = (SAMPLE_PLAN / CALENDAR).read_text("utf-8")
    more = calendar_from(replaced(text, read_notices((NOTICES / "2024.txt").read_text("utf-8"), 2024)).encode())
    return (plan, Days.of(2025, 2026)), (replace(plan, calendar=more), Days.of(2024, 2025, 2026))


@dataclass
class Desk:
    """As much of a context and its unit of work as the clocks ask for; records are kept in memory."""

    plan: Plan
    organization: Organization
    words: Words
    now: datetime
    incident: Incident
    kept: dict[str, Report] = field(default_factory=dict)
    person: str = "li.na"
    zone: Any = ZONE

    @property
    def uow(self) -> "Desk":
        return self

    def plan_of(self, _: object) -> Plan:
        return self.plan

    def response(self, incident: Incident) -> Response:
        return self.plan.responses[incident.response_level]

    def reports(self, _: str) -> list[Report]:
        return list(self.kept.values())

    def approvals(self, _: str) -> list[Approval]:
        return []

    def load(self, kind: type, ref: str) -> Incident | Report:
        return self.incident if kind is Incident else self.kept[ref]

    def next_ref(self, _: type) -> str:
        return f"R{len(self.kept) + 1}"

    def apply(self, outcome: Outcome[Report]) -> Report:
        self.kept[outcome.record.ref] = outcome.record
        return outcome.record

    def tell(self, *_: object) -> None: ...


class Life:
    """One incident, played against the clocks of the house and against the second computation."""

    def __init__(self, chance: random.Random, plan: Plan, days: Days, words: Words) -> None:
        self.chance, self.moves = chance, list[str]()
        now, type_, cii = self._start(), chance.choice(TYPES), chance.random() < 0.3
        known = now - timedelta(seconds=chance.choice([0, 0, chance.randrange(5 * 3600)]))
        people = replace(plan.organization, firm=replace(plan.organization.firm, cii=cii))
        incident = Incident(
            ref="I1", number="INC", title="", state=State.OPEN, plan="", opened_by="li.na", opened_at=now, known_at=known,
            commander="li.na", opinion_level=OpinionLevel.MODERATE, opinion_total=8, response_level=ResponseLevel.L3,
            type=type_, playbooks=(COMMON, type_),
            facts=plan.facts.starting([type_]),
        )  # fmt: skip
        self.desk = Desk(plan, people, words, now, incident)
        self.case = Case(second.starting_facts(type_), {"known": known, "opened": now}, cii)
        self.book = Book(days)
        self._settled(f"{type_}, known {known}, cii {cii}")

    def _start(self) -> datetime:
        edge = self.chance.random() < 0.5
        first, spread = (self.chance.choice(EDGES), 6) if edge else (date(2024, 1, 8), 365 * 3 - 20)
        day = first + timedelta(days=self.chance.randrange(-spread if edge else 0, spread))
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=self.chance.randrange(86400))

    @property
    def context(self) -> Context:
        return cast(Context, self.desk)

    def goes_on(self) -> None:
        for _ in range(self.chance.randrange(3, 10)):
            self.desk.now = self._later()
            move = self.chance.choice(
                [
                    *(self.fact, self.fact, self.fact, self.csrc, self.csrc, self.cac, self.opinion, self.known, self.known, self.cause),
                    *(self.recovered, self.ended, self.reopened, self.filed, self.filed, self.filed, self.not_required, self.not_required),
                ]
            )
            move()

    def _later(self) -> datetime:
        """Some time later, now and then to the second when something falls due."""
        coming = [one.deadline_at for one in self.desk.kept.values() if one.open and one.deadline_at and one.deadline_at > self.desk.now]
        if coming and self.chance.random() < 0.2:
            return self.chance.choice(coming)
        span = self.chance.choice([30, 600, 3600, 86400, 4 * 86400]) * (0.2 + self.chance.random())
        return self.desk.now + timedelta(seconds=int(span))

    # moves

    def fact(self) -> None:
        key, value = self.chance.choice(FACTS), self.chance.choice([True, False, None])
        changed = replace(self.desk.incident, facts={**self.desk.incident.facts, key: value})
        self._stated(changed, replace(self.case, facts={**self.case.facts, key: value}), f"{key}={value}")

    def csrc(self) -> None:
        self._graded("csrc", self.chance.choice(GRADES))

    def cac(self) -> None:
        self._graded("cac", self.chance.choice(GRADES))

    def _graded(self, which: str, grade: EventGrade) -> None:
        was, incident = getattr(self.desk.incident, f"{which}_grade"), self.desk.incident
        graded: dict[str, Any] = {"graded_at": incident.graded_at or self.desk.now, f"{which}_grade": grade}
        clocks_ = {"graded": self.desk.now, **self.case.clocks}
        judged: dict[str, Any] = {which: str(grade), "clocks": clocks_}
        case = replace(self.case, **judged)
        after, what = replace(incident, **graded), f"{which}={grade}"
        if was is None or GRADES.index(grade) >= GRADES.index(was):  # a first judgement, or a heavier one, holds at once
            before, self.desk.incident, self.case = self.case, after, case
            gone = clocks.removed_by(self.context, incident, after)
            self._settled(what)
            if gone and self.chance.random() < 0.5:
                self._agreed(incident, after, before, case, f"{what} agreed")
        else:
            self._stated(after, case, what)

    def opinion(self) -> None:
        level, full = self.chance.choice([*OpinionLevel]), self.chance.random() < 0.5
        if self.desk.incident.graded_at and level.rank < self.desk.incident.opinion_level.rank:
            return  # lowering takes two readings and a leader, and goes the way of the grades
        graded = self.desk.incident.graded_at or self.desk.now
        provisional = self.case.provisional and not full
        self.desk.incident = replace(self.desk.incident, opinion_level=level, provisional=provisional, graded_at=graded)
        self.case = replace(self.case, opinion=str(level), provisional=provisional, clocks={"graded": graded, **self.case.clocks})
        self._settled(f"opinion {level} {'provisional' if provisional else 'full'}")

    def known(self) -> None:
        moved = self.desk.incident.known_at + timedelta(seconds=self.chance.randrange(-7200, 7200))
        known = min(moved, self.desk.now)
        changed = replace(self.desk.incident, known_at=known)
        self._stated(changed, replace(self.case, clocks={**self.case.clocks, "known": known}), f"known {known}")

    def cause(self) -> None:
        self._starts("confirmed")

    def recovered(self) -> None:
        self._starts("recovered")

    def ended(self) -> None:
        self._starts("recovered", "ended")

    def _starts(self, *names: str) -> None:
        new = {name: self.desk.now for name in names if name not in self.case.clocks}
        self.desk.incident = replace(self.desk.incident, **{f"{name}_at": at for name, at in new.items()})  # type: ignore[arg-type]
        self.case = replace(self.case, clocks={**self.case.clocks, **new})
        self._settled(f"{' '.join(new)} starts")

    def reopened(self) -> None:
        if "ended" not in self.case.clocks:
            return
        now, kept = self.desk.now, {name: at for name, at in self.case.clocks.items() if name not in ("recovered", "ended")}
        self.desk.incident = replace(self.desk.incident, known_at=now, recovered_at=None, ended_at=None)
        self.case = replace(self.case, clocks={**kept, "known": now})
        self._settled("reopened")

    def filed(self) -> None:
        reports = [one for one in self.desk.kept.values() if one.open and one.since_at and one.since_at < self.desk.now]
        if not reports:
            return
        report, plan, now = self.chance.choice(reports), self.desk.plan, self.desk.now
        duty, terms = plan.obligations[report.obligation], clocks.terms_of(self.context, self.desk.incident)
        self.desk.apply(rules.file(report, duty, terms, by="li.na", now=now, when=now, to=report.missing, way="电话", receipt="王处"))
        self.book.file(report.obligation, self.case, now)
        self._settled(f"{report.obligation} filed")

    def not_required(self) -> None:
        reports = [one for one in self.desk.kept.values() if one.open]
        if not reports:
            return
        report = self.chance.choice(reports)
        clocks.waive(self.context, approval([report.ref]), "guo.ping")
        self.book.waive(report.obligation, self.case)
        self._settled(f"{report.obligation} waived")

    # what two people decide

    def _stated(self, after: Incident, case: Case, what: str) -> None:
        """A change that takes nothing away holds at once; one that does when a second person agrees, else not at all."""
        before, was = self.desk.incident, self.case
        held = clocks.removed_by(self.context, before, after) or clocks.lengthened_by(self.context, before, after)
        if held and self.chance.random() < 0.3:
            self._settled(f"{what} returned")
            return
        self.desk.incident, self.case = after, case
        if held:
            self._agreed(before, after, was, case, f"{what} agreed")
        else:
            self._settled(what)

    def _agreed(self, before: Incident, after: Incident, was: Case, case: Case, what: str) -> None:
        gone = [one.ref for one in clocks.removed_by(self.context, before, after)]
        later = [one.ref for one in clocks.lengthened_by(self.context, before, after) if one.ref not in gone]
        agreed = approval(gone, later)
        clocks.waive(self.context, agreed, "guo.ping")
        clocks.lengthen(self.context, agreed, "guo.ping", after)
        self.book.agree(was, case, self.desk.now)
        self._settled(what)

    # what holds

    def _settled(self, what: str) -> None:
        self.moves.append(f"{self.desk.now:%Y-%m-%d %H:%M:%S}Z {what}")
        clocks.settle_clocks(self.context, self.desk.incident)
        self.book.settle(self.case, self.desk.now)
        found = {one.obligation: _found(one) for one in self.desk.kept.values()}
        wanted = {name: _wanted(one) for name, one in self.book.reports.items()}
        assert found == wanted, "\n".join(self.moves)


def _found(report: Report) -> tuple[str, datetime | None, bool]:
    return str(report.state), report.deadline_at if report.open else None, report.provisional and report.open


def _wanted(report: second.Expected) -> tuple[str, datetime | None, bool]:
    running = report.due if report.open else None
    return report.state, running.at if running else None, bool(running and running.provisional)


def approval(gone: list[str], later: list[str] | None = None) -> Approval:
    values: dict[str, Any] = {"reports": list(gone), "later": later or [], "reason": REASON}
    now = datetime(2024, 1, 1, tzinfo=UTC)
    return Approval(
        ref="A1", incident="I1", kind="fact_off", subject="I1", text="", digest="", needed=(), state=Asked.APPROVED, asked_by="li.na",
        asked_at=now, wait=0, plan="", values=values,
    )  # fmt: skip


def lives(seed: int, count: int) -> Iterator[Life]:
    chance, words, both = random.Random(seed), Words.load("zh"), plans()
    for _ in range(count):
        plan, days = chance.choice(both)
        yield Life(chance, plan, days, words)


def test_a_thousand_random_incidents_agree_with_the_second_computation() -> None:
    put, days, provisional, again, states = 0, 0, 0, 0, set[Clock]()
    for number, life in enumerate(lives(SEED, INCIDENTS)):
        try:
            life.goes_on()
        except AssertionError as error:
            pytest.fail(f"SEED={SEED}, incident {number}:\n{error}")
        reports = life.desk.kept.values()
        put += len(reports)
        days += sum(one.calendar != "continuous" for one in reports)
        provisional += sum(one.provisional for one in reports)
        again += sum(one.issue > 1 for one in reports)
        states |= {one.state for one in reports}
    print(f"SEED={SEED}: {INCIDENTS} incidents, {put} reports, {days} counted in days, {provisional} provisional, {again} again")  # noqa: T201
    assert states == {Clock.TO_DECIDE, Clock.DUE, Clock.FILED, Clock.NOT_REQUIRED}
    assert INCIDENTS < 1000 or min(days, provisional, again) > 100, "the draw meets what it is about"


def test_what_the_plan_says_of_a_figure_is_what_the_study_says() -> None:
    plan, study = load_plan(SAMPLE_PLAN), list(second.duties())
    assert {one.id: (one.binding, one.confidence) for one in study} == {
        duty.id: (duty.binding, duty.confidence) for duty in plan.obligations.values()
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-02-11", "2026-02-25"), ("2026-02-13", "2026-02-27"), ("2026-09-17", "2026-09-23"), ("2026-09-30", "2026-10-13"),
     ("2026-11-21", "2026-11-27")],
)  # fmt: skip
def test_the_second_computation_knows_the_vectors_of_the_study(start: str, end: str) -> None:
    """Domain 7: right answers that counting Monday to Friday misses, once too late."""
    last, guessed = Days.of(2026).last_day(date.fromisoformat(start), 5, working=True)
    assert (last.isoformat(), guessed) == (end, False)
