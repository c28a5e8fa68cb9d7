"""`gengfu plan preview`: what was asked for, read; the answer, told."""

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.config import Settings
from bot.plan_cli import GOOD, check_command, harmless
from bot.plan_preview import Wanted, play
from bot.preview_paper import preview_lines
from storage.database import Database
from storage.excerpt import excerpt, incident_of
from storage.plan import load_plan
from storage.plan.table import parse_duration
from storage.schema import require_current
from workflows.core.errors import BadConfig, NotFound
from workflows.core.people import Organization

LONGEST = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Asked:
    """As it was typed. `silent`: None when nobody reacts · `ref`: of a live incident, instead of `incident`."""

    incident: tuple[str, ...]
    at: str
    silent: tuple[str, ...] | None
    span: str
    ref: str = ""


def preview_command(folder: Path, settings: Settings, asked: Asked, now: datetime, say: Callable[[str], None]) -> int:
    """The plan's findings and their exit code where it is not sound. BadConfig: what was asked for makes no sense."""
    code, findings = check_command(folder, settings.locale)
    if code != GOOD:
        say(findings)
        return code
    plan = load_plan(folder)
    wanted = _wanted(asked, plan.organization, settings.timezone, now)
    if not asked.incident and not asked.ref:
        raise BadConfig("plan preview: give --incident type=system_failure level=l2, or --ref I1 for a live incident")
    if asked.ref:
        wanted = _live(asked, wanted, settings)
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


def _live(asked: Asked, wanted: Wanted, settings: Settings) -> Wanted:
    """The incident of the configured database, read and left as it is. What only a few may know is not told in a terminal."""
    if asked.incident or asked.at:
        raise BadConfig("--ref: a live incident goes on from now; leave out --incident and --at")
    ref = _narrow(asked.ref).upper()
    database = Database(settings.database_url.reveal())
    try:
        require_current(database)
        found = database.read(lambda tx: excerpt(tx, ref))
    except NotFound:
        raise BadConfig(f"--ref {asked.ref}: there is no such incident; /incident list shows those that run") from None
    finally:
        database.close()
    if incident_of(found)["restricted"]:
        raise BadConfig(f"--ref {ref}: it is restricted; ask in its own chat, with /task why")
    return replace(wanted, ref=ref, live=found)


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
