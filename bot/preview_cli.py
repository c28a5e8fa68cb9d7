"""`gengfu plan preview`: what was asked for, read; the answer, told."""

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.config import Settings
from bot.plan_cli import GOOD, check_command, harmless
from bot.plan_preview import Wanted, play
from bot.preview_paper import preview_lines
from storage.plan import load_plan
from storage.plan.table import parse_duration
from workflows.core.errors import BadConfig
from workflows.core.people import Organization

LONGEST = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Asked:
    """As it was typed. `silent`: None when nobody reacts."""

    incident: tuple[str, ...]
    at: str
    silent: tuple[str, ...] | None
    span: str


def preview_command(folder: Path, settings: Settings, asked: Asked, now: datetime, say: Callable[[str], None]) -> int:
    """The plan's findings and their exit code where it is not sound. BadConfig: what was asked for makes no sense."""
    code, findings = check_command(folder, settings.locale)
    if code != GOOD:
        say(findings)
        return code
    plan = load_plan(folder)
    wanted = _wanted(asked, plan.organization, settings.timezone, now)
    quiet, before = logging.getLogger(), logging.getLogger().level
    quiet.setLevel(logging.CRITICAL)  # a way that is skipped is part of the play, and told by what follows
    try:
        future, words = play(folder, settings, wanted)
    finally:
        quiet.setLevel(before)
    for line in preview_lines(future, plan, words, wanted.silent):
        say(harmless(line))
    return GOOD


def _wanted(asked: Asked, organization: Organization, zone: ZoneInfo, now: datetime) -> Wanted:
    span = parse_duration(_narrow(asked.span))
    if span is None or not timedelta(0) < span <= LONGEST:
        raise BadConfig(f"--for {asked.span}: give a span like PT24H, two weeks at most")
    silent = None if asked.silent is None else frozenset(_person(one, organization) for one in asked.silent)
    return Wanted(tuple(_pair(one) for one in asked.incident), _moment(asked.at, zone, now), silent, span)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = _narrow(text).partition("=")
    if not (name and sign and value) or any(char.isspace() for char in name + value):
        raise BadConfig(f"--incident {text}: give KEY=VALUE without spaces, like type=system_failure")
    return name, value


def _moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    if not text:
        return now.astimezone(zone).replace(second=0, microsecond=0)
    try:
        found = datetime.fromisoformat(_narrow(text))
    except ValueError:
        raise BadConfig(f'--at {text}: give a moment like "2026-09-30 16:00"') from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _person(text: str, organization: Organization) -> str:
    wanted = _narrow(text)
    found = [person.id for person in organization.people.values() if wanted in (person.id, person.name)]
    if len(found) != 1:
        raise BadConfig(f"--silent {text}: {'two people are called so, give the id' if found else 'nobody of the plan is called so'}")
    return found[0]


def _narrow(text: str) -> str:
    """Full-width digits, colons and equal signs as what they mean."""
    return unicodedata.normalize("NFKC", text).strip()
