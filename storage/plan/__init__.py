"""The firm's emergency plan: TOML in, one frozen `Plan` out, or every finding at once.

What an incident was opened under (`plan_files`) is kept by fingerprint and read again with `rules_from_files`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.plan.facts import read_facts
from storage.plan.findings import Finding, PlanError, listed, nearest
from storage.plan.organization import Names, read_organization
from storage.plan.playbooks import COMMON, TYPES, Reading, read_playbook
from storage.plan.response import read_responses
from storage.plan.rubric import read_rubric
from storage.plan.table import Source, Table, read_toml
from workflows.core.facts import FactBook
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.core.playbook import Playbook
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel, Rubric

__all__ = ["Finding", "PlanError", "check_plan", "fingerprint", "load_plan", "plan_files", "rules_from_files"]

ORGANIZATION, FACTS, RUBRIC, RESPONSE = "organization.toml", "facts.toml", "rubric.toml", "response.toml"
PLAYBOOKS = "playbooks/"
REQUIRED = (ORGANIZATION, FACTS, RUBRIC, RESPONSE, f"{PLAYBOOKS}{COMMON}.toml")
ALLOWED = (*REQUIRED, *(f"{PLAYBOOKS}{type_code}.toml" for type_code in TYPES))


def load_plan(folder: Path) -> Plan:
    """The plan in `folder`; PlanError names the first fault and carries all of them."""
    files, findings = _read_folder(folder)
    plan, more = _read_files(files)
    return _sound(plan, (*findings, *more))


def check_plan(folder: Path) -> tuple[Finding, ...]:
    """Everything that is wrong with the plan in `folder`, in the order of the files."""
    files, findings = _read_folder(folder)
    return _in_order((*findings, *_read_files(files)[1]))


def plan_files(folder: Path) -> dict[str, bytes]:
    """The files that an incident keeps, by name relative to `folder`: all but the organization."""
    files, findings = _read_folder(folder)
    if findings:
        raise PlanError(_in_order(findings))
    return {name: content for name, content in files.items() if name != ORGANIZATION}


def rules_from_files(files: Mapping[str, bytes], organization: Organization) -> Plan:
    """The plan of kept files with today's organization. Names of people who have left since are no fault."""
    return _sound(*_read_files(files, organization))


def fingerprint(files: Mapping[str, bytes]) -> str:
    """`sha256:…` over names and bytes of the files that an incident keeps."""
    digest = hashlib.sha256()
    for name in sorted(name for name in files if name != ORGANIZATION):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return f"sha256:{digest.hexdigest()}"


def _sound(plan: Plan | None, findings: tuple[Finding, ...]) -> Plan:
    if plan is None or findings:
        raise PlanError(_in_order(findings))
    return plan


def _in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    order = {name: index for index, name in enumerate(ALLOWED)}
    return tuple(sorted(findings, key=lambda one: (order.get(one.file, len(order)), one.file, one.line or 0)))


def _read_folder(folder: Path) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    if not folder.is_dir():
        return {}, (Finding(str(folder), "", "missing_folder", {"folder": str(folder)}),)
    found = sorted(path.relative_to(folder).as_posix() for path in (*folder.glob("*.toml"), *folder.glob("playbooks/*.toml")))
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name in found:
        if name not in ALLOWED:
            findings.append(_unknown_file(name, found))
            continue
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as fault:
            findings.append(Finding(name, "", "unreadable", {"detail": fault.strerror or str(fault)}))
    findings.extend(Finding(name, "", "missing_file") for name in REQUIRED if name not in found)
    return files, tuple(findings)


def _unknown_file(name: str, found: list[str]) -> Finding:
    meant = nearest(name, ALLOWED)
    if meant and meant not in found:
        return Finding(name, "", "unknown_file", {"meant": meant})
    return Finding(name, "", "unknown_file_far", {"known": listed(ALLOWED)})


@dataclass(slots=True)
class _Parts:
    """What has been read so far; None where a file could not be read."""

    organization: Organization | None = None
    facts: FactBook | None = None
    rubric: Rubric | None = None
    responses: dict[ResponseLevel, Response] | None = None


def _read_files(files: Mapping[str, bytes], organization: Organization | None = None) -> tuple[Plan | None, tuple[Finding, ...]]:
    """The plan, and what is wrong in the files. With `organization` given the files are kept ones, which bring none."""
    roots = {name: read_toml(name, content) for name, content in files.items() if name in ALLOWED}
    parts = _Parts(organization)
    kept = organization is not None
    if not kept and (root := _root(roots, ORGANIZATION)):
        parts.organization = read_organization(root)
    if root := _root(roots, FACTS):
        parts.facts = read_facts(root)
    names = Names(parts.organization, kept, sound=kept or (ORGANIZATION in roots and not roots[ORGANIZATION][0].findings))
    if root := _root(roots, RUBRIC):
        parts.rubric = read_rubric(root, parts.facts)
    if root := _root(roots, RESPONSE):
        parts.responses = read_responses(root, names)
    playbooks = _read_playbooks(roots, Reading(names, parts.facts))
    findings = tuple(finding for source, _ in roots.values() for finding in source.findings)
    findings += tuple(Finding(name, "", "missing_file") for name in REQUIRED[1:] if kept and name not in files)
    return _assemble(fingerprint(files), parts, playbooks), findings


def _root(roots: Mapping[str, tuple[Source, Table | None]], name: str) -> Table | None:
    return roots[name][1] if name in roots else None


def _read_playbooks(roots: Mapping[str, tuple[Source, Table | None]], reading: Reading) -> dict[str, Playbook]:
    found: dict[str, Playbook] = {}
    for name in (name for name in ALLOWED if name.startswith(PLAYBOOKS)):
        root = _root(roots, name)
        playbook = read_playbook(root, Path(name).stem, reading) if root else None
        if playbook:
            found[playbook.type] = playbook
    return found


def _assemble(mark: str, parts: _Parts, playbooks: dict[str, Playbook]) -> Plan | None:
    if parts.organization is None or parts.facts is None or parts.rubric is None or parts.responses is None:
        return None
    return Plan(mark, parts.organization, parts.facts, parts.rubric, parts.responses, playbooks)
