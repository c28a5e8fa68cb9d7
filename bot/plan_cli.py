"""`gengfu plan check|show|diff`: the plan's findings, the plan itself, and what changed, in words."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.plan_diff import differences
from bot.plan_duty import duty_in_words
from bot.plan_show import plan_in_words
from handlers.core.wording import Locale, Ours, Words
from storage.database import Database
from storage.duties import roster
from storage.plan import Finding, PlanError, check_plan, load_plan
from storage.plans import ZONE, Plans
from workflows.core.duty import Roster
from workflows.core.plan import Plan

GOOD, BAD, USAGE = 0, 1, 2


def check_command(folder: Path, locale: Locale, today: date | None = None) -> tuple[int, str]:
    """Exit code and text: every finding on a line of its own, and what a sound plan holds. Warnings leave a plan sound."""
    words = Words.load(locale)
    findings = check_plan(folder, today)
    lines = [finding_line(finding, words) for finding in findings]
    warnings = sum(finding.severity == "warning" for finding in findings)
    tail = [words.say("plan.check.warnings", count=warnings)] if warnings else []
    if len(findings) > warnings:
        code = USAGE if findings[0].code == "missing_folder" else BAD
        return code, "\n".join([*lines, words.say("plan.check.bad", count=len(findings) - warnings), *tail])
    try:
        plan = load_plan(folder)
    except PlanError as changed_meanwhile:
        return BAD, str(changed_meanwhile)
    fingerprint = words.say("plan.show.fingerprint", fingerprint=Ours(plan.fingerprint))
    return GOOD, "\n".join([*lines, words.say("plan.check.good", **_counts(plan)), *tail, fingerprint])


def _counts(plan: Plan) -> dict[str, int]:
    return {
        "people": len(plan.organization.people),
        "groups": len(plan.organization.groups),
        "facts": len(plan.facts.specs),
        "playbooks": len(plan.playbooks),
        "tasks": sum(len(playbook.lines) for playbook in plan.playbooks.values()),
        "obligations": len(plan.obligations),
        "papers": len(plan.papers),
        "templates": len(plan.statements),
        "banned": len(plan.wording.banned),
    }


def finding_line(finding: Finding, words: Words) -> str:
    """Where, what is wrong, and what was meant. For a terminal: what the file says is shown as it stands, but harmless."""
    values: dict[str, object] = {name: Ours(harmless(value)) for name, value in finding.values.items()}
    if "what" in values:
        values["what"] = words.say(f"plan.what.{finding.values['what']}")
    line = f"{harmless(finding.place)}: {words.say(f'plan.{finding.code}', **values)}"
    return words.say("plan.check.warning", finding=Ours(line)) if finding.severity == "warning" else line


def show_command(folder: Path, locale: Locale, now: datetime | None = None, zone: ZoneInfo = ZONE, database: Database | None = None) -> str:
    """The whole plan in words, with the duty of the days from `now` on, and what a database keeps beside it. PlanError: it is not sound."""
    plans, words = Plans(folder, zone), Words.load(locale, str(zone))
    lines = plan_in_words(plans.current, words)
    if now is not None:
        found = Roster(plans.organization, plans.current.calendar, zone)
        if database is not None:
            at = now
            found = database.read(lambda tx: roster(tx, plans, at))
        duty = duty_in_words(found, words, now)
        lines = [*lines, *([""] if duty else []), *duty]
    return _harmless_lines(lines)


def diff_command(folder_a: Path, folder_b: Path, locale: Locale) -> tuple[int, str]:
    """Exit code and text: what changes from the plan in `folder_a` to the one in `folder_b`. A plan that is not sound is told instead."""
    words = Words.load(locale)
    for folder in (folder_a, folder_b):
        findings = [finding for finding in check_plan(folder) if finding.severity == "error"]
        if findings:
            code = USAGE if findings[0].code == "missing_folder" else BAD
            unsound = words.say("plan.diff.unsound", folder=Ours(harmless(str(folder))))
            return code, "\n".join([unsound, *(finding_line(finding, words) for finding in findings)])
    try:
        before, after = load_plan(folder_a), load_plan(folder_b)
    except PlanError as changed_meanwhile:
        return BAD, str(changed_meanwhile)
    lines = differences(before, after, words)
    if not lines:
        return GOOD, words.say("plan.diff.same" if before == after else "plan.diff.same_meaning")
    return GOOD, _harmless_lines([*lines, words.say("plan.diff.prints", before=Ours(before.fingerprint), after=Ours(after.fingerprint))])


def _harmless_lines(lines: Iterable[str]) -> str:
    return "\n".join(harmless(line) for line in lines)


def write_whole(path: Path, text: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    if path.exists():
        beside.chmod(path.stat().st_mode)
    beside.replace(path)


def harmless(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
