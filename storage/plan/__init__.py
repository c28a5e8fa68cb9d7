"""The firm's emergency plan: TOML in, one frozen `Plan` out, or every finding at once.

What an incident was opened under (`plan_files`) is kept by fingerprint and read again with `rules_from_files`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from pathlib import Path
from zipfile import is_zipfile

from storage.plan.calendar import check_years, read_calendar
from storage.plan.channels import CHANNELS, read_outlets
from storage.plan.facts import TYPES, check_asked, read_facts
from storage.plan.findings import Finding, PlanError, listed, nearest
from storage.plan.obligations import check_named, read_obligations
from storage.plan.organization import Names, read_organization
from storage.plan.papers import PAPERS, check_papers, read_papers
from storage.plan.playbooks import COMMON, Reading, read_playbook
from storage.plan.quiet import read_digest
from storage.plan.response import read_ladder, read_responses
from storage.plan.rubric import read_rubric
from storage.plan.statements import FOLDER as STATEMENTS
from storage.plan.statements import RULES, read_template, read_wording
from storage.plan.table import Source, Table, read_toml
from storage.plan.thresholds import THRESHOLDS, read_thresholds
from workflows.core.calendar import Calendar
from workflows.core.clock_ladder import CLOCK_LADDER, Ladder
from workflows.core.facts import FactBook
from workflows.core.obligation import Obligation
from workflows.core.outlet import Outlet
from workflows.core.paper import Form
from workflows.core.people import Organization
from workflows.core.plan import DIGEST, Plan
from workflows.core.playbook import Playbook
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel, Rubric
from workflows.core.template import Template, Wording
from workflows.core.thresholds import Threshold

__all__ = [
    "CALENDAR",
    "LETTERHEAD",
    "Finding",
    "PlanError",
    "calendar_from",
    "check_plan",
    "fingerprint",
    "load_plan",
    "plan_files",
    "rules_from_files",
]

ORGANIZATION, FACTS, RUBRIC, RESPONSE = "organization.toml", "facts.toml", "rubric.toml", "response.toml"
OBLIGATIONS, CALENDAR = "obligations.toml", "calendar.toml"
PLAYBOOKS = "playbooks/"
#: Optional: the firm's letterhead, into which papers are written.
LETTERHEAD = "letterhead.docx"
REQUIRED = (ORGANIZATION, FACTS, RUBRIC, RESPONSE, OBLIGATIONS, CALENDAR, f"{PLAYBOOKS}{COMMON}.toml")
#: Always today's, also for a running incident, which keeps all the others.
CURRENT = (ORGANIZATION, CALENDAR, PAPERS, CHANNELS, THRESHOLDS)
#: What every kept plan has; those kept before there were obligations have none.
KEPT = tuple(name for name in REQUIRED if name not in (*CURRENT, OBLIGATIONS))
ALLOWED = (*REQUIRED, PAPERS, CHANNELS, THRESHOLDS, *(f"{PLAYBOOKS}{type_code}.toml" for type_code in TYPES), RULES)


def load_plan(folder: Path) -> Plan:
    """The plan in `folder`; PlanError names the first error and carries all of them."""
    files, findings = _read_folder(folder)
    read = _read_files(files)
    return _sound(read.plan(fingerprint(files)), (*findings, *read.findings()))


def check_plan(folder: Path, today: date | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with the plan in `folder`, in the order of the files; with `today` also years the calendar will lack."""
    files, findings = _read_folder(folder)
    read = _read_files(files)
    if today and read.calendar and not read.findings(CALENDAR):
        check_years(read.roots[CALENDAR][0], read.calendar, today)
    return _in_order((*findings, *read.findings()))


def plan_files(folder: Path) -> dict[str, bytes]:
    """The files that an incident keeps, by name relative to `folder`: all but what is always today's."""
    files, findings = _read_folder(folder)
    if findings:
        raise PlanError(_in_order(findings))
    return {name: content for name, content in files.items() if name not in CURRENT}


def rules_from_files(files: Mapping[str, bytes], organization: Organization, calendar: Calendar) -> Plan:
    """The plan of kept files with today's organization and calendar. Names of people who have left since are no fault."""
    kept = {name: content for name, content in files.items() if name not in CURRENT}
    read = _read_files(kept, organization, calendar)
    missing = tuple(Finding(name, "", "missing_file") for name in KEPT if name not in kept)
    return _sound(read.plan(fingerprint(kept)), (*read.findings(), *missing))


def fingerprint(files: Mapping[str, bytes]) -> str:
    """`sha256:…` over names and bytes of the files that an incident keeps."""
    digest = hashlib.sha256()
    for name in sorted(name for name in files if name not in CURRENT):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return f"sha256:{digest.hexdigest()}"


def calendar_from(content: bytes) -> Calendar:
    """The calendar that `calendar.toml` would hold with this content; PlanError when it is not sound."""
    source, root = read_toml(CALENDAR, content)
    calendar = read_calendar(root) if root else None
    if calendar is None or source.findings:
        raise PlanError(tuple(source.findings))
    return replace(calendar, fingerprint=_digest(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _sound(plan: Plan | None, findings: tuple[Finding, ...]) -> Plan:
    errors = tuple(finding for finding in findings if finding.severity == "error")
    if plan is None or errors:
        raise PlanError(_in_order(errors))
    return plan


def _in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    order = {name: index for index, name in enumerate(ALLOWED)}
    return tuple(sorted(findings, key=lambda one: (order.get(one.file, len(order)), one.file, one.line or 0)))


def _read_folder(folder: Path) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    if not folder.is_dir():
        return {}, (Finding(str(folder), "", "missing_folder", {"folder": str(folder)}),)
    patterns = ("*.toml", "playbooks/*.toml", f"{STATEMENTS}*.md", f"{STATEMENTS}*.toml")
    found = sorted(path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern))
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name in found:
        if name not in ALLOWED and not _is_template(name):
            findings.append(_unknown_file(name, found))
            continue
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as fault:
            findings.append(Finding(name, "", "unreadable", {"detail": fault.strerror or str(fault)}))
    findings.extend(Finding(name, "", "missing_file") for name in REQUIRED if name not in found)
    if (folder / LETTERHEAD).exists() and not is_zipfile(folder / LETTERHEAD):
        findings.append(Finding(LETTERHEAD, "", "not_docx"))
    return files, tuple(findings)


def _is_template(name: str) -> bool:
    return name.startswith(STATEMENTS) and name.endswith(".md")


def _unknown_file(name: str, found: list[str]) -> Finding:
    meant = nearest(name, ALLOWED)
    if meant and meant not in found:
        return Finding(name, "", "unknown_file", {"meant": meant})
    return Finding(name, "", "unknown_file_far", {"known": listed(ALLOWED)})


@dataclass(slots=True)
class _Read:
    """What has been read so far; None where a file could not be read."""

    roots: Mapping[str, tuple[Source, Table | None]]
    organization: Organization | None = None
    calendar: Calendar | None = None
    facts: FactBook | None = None
    rubric: Rubric | None = None
    responses: dict[ResponseLevel, Response] | None = None
    ladder: Ladder = CLOCK_LADDER
    digest: tuple[time, ...] = DIGEST
    playbooks: dict[str, Playbook] = field(default_factory=dict)
    obligations: dict[str, Obligation] = field(default_factory=dict)
    statements: dict[str, Template] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)
    of_statements: list[Finding] = field(default_factory=list)
    papers: dict[str, Form] = field(default_factory=dict)
    outlets: dict[str, Outlet] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()

    def root(self, name: str) -> Table | None:
        return self.roots[name][1] if name in self.roots else None

    def findings(self, *names: str) -> tuple[Finding, ...]:
        """Of these files, or of all."""
        found = (finding for name, (source, _) in self.roots.items() if name in names or not names for finding in source.findings)
        return (*found, *([] if names else self.of_statements))

    def plan(self, mark: str) -> Plan | None:
        if not (self.organization and self.calendar and self.facts and self.rubric and self.responses):
            return None
        head = (mark, self.organization, self.facts, self.rubric, self.responses)
        rules = Plan(*head, self.playbooks, self.obligations, self.calendar, self.ladder, self.statements, self.digest, self.wording)
        return replace(rules, papers=self.papers, outlets=self.outlets, thresholds=self.thresholds)


def _read_files(files: Mapping[str, bytes], organization: Organization | None = None, calendar: Calendar | None = None) -> _Read:
    """All files, with what is wrong in them. With `organization` given the files are kept ones, which bring none."""
    read = _Read({name: read_toml(name, content) for name, content in files.items() if name in ALLOWED}, organization, calendar)
    kept = organization is not None
    if root := read.root(ORGANIZATION):
        read.organization = read_organization(root)
    if root := read.root(CALENDAR):
        read.calendar = replace(read_calendar(root), fingerprint=_digest(files[CALENDAR]))
    if root := read.root(FACTS):
        read.facts = read_facts(root)
        if read.organization and not kept:
            check_asked(root, read.facts, read.organization.firm)
    if root := read.root(RUBRIC):
        read.rubric = read_rubric(root, read.facts)
    sound = kept or (ORGANIZATION in read.roots and not read.findings(ORGANIZATION))
    _read_rules(read, Names(read.organization, kept, sound=sound))
    _read_papers(read, kept=kept)
    if root := read.root(THRESHOLDS):
        read.thresholds = read_thresholds(root, read.facts, read.organization)
    _read_statements(read, files)
    return read


def _read_papers(read: _Read, *, kept: bool) -> None:
    if papers := read.root(PAPERS):
        read.papers = read_papers(papers, read.facts)
    if (root := read.root(OBLIGATIONS)) and not kept:
        check_papers(root, read.papers, read.obligations)


def _read_statements(read: _Read, files: Mapping[str, bytes]) -> None:
    if root := read.root(RULES):
        read.wording = read_wording(root)
    for name in (name for name in files if _is_template(name)):
        template, findings = read_template(name, files[name], read.facts, read.wording)
        read.of_statements += findings
        if template:
            read.statements[Path(name).stem] = template


def _read_rules(read: _Read, names: Names) -> None:
    """What names people, and what it names of each other."""
    if root := read.root(RESPONSE):
        read.ladder = read_ladder(root, names)
        read.digest = read_digest(root)
        read.responses = read_responses(root, names)
    reading = Reading(names, read.facts)
    for name in (name for name in ALLOWED if name.startswith(PLAYBOOKS)):
        root = read.root(name)
        playbook = read_playbook(root, Path(name).stem, reading) if root else None
        if playbook:
            read.playbooks[playbook.type] = playbook
    if root := read.root(CHANNELS):
        read.outlets = read_outlets(root, names)
    if root := read.root(OBLIGATIONS):
        read.obligations = read_obligations(root, reading, read.playbooks)
        check_named(reading, read.obligations)
