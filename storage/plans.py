"""The current plan and the plans that running incidents were opened under."""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session

from storage.plan import CALENDAR, LETTERHEAD, load_plan, plan_files, rules_from_files
from storage.tables.records import PlanRow
from workflows.core.people import Organization
from workflows.core.plan import Plan

#: Where the product's firms are, unless a setting says otherwise.
ZONE = ZoneInfo("Asia/Shanghai")


def _of(chats: Mapping[str, str], platforms: Collection[str]) -> Mapping[str, str]:
    return {platform: chat for platform, chat in chats.items() if platform in platforms}


class Plans:
    """`current` is read from the folder at start; older rules come from the database, always with today's people.

    `zone`: the firm's own, in which its rotas and days are meant.
    """

    def __init__(self, folder: Path, zone: ZoneInfo = ZONE) -> None:
        self.current = load_plan(folder)
        self.zone = zone
        self._files = plan_files(folder)
        self.calendar_file = (folder / CALENDAR).read_bytes()
        self.letterhead = (folder / LETTERHEAD).read_bytes() if (folder / LETTERHEAD).exists() else None
        self._kept: dict[str, Plan] = {self.current.fingerprint: self.current}

    @property
    def organization(self) -> Organization:
        return self.current.organization

    def within(self, platforms: Collection[str]) -> None:
        """Chats of messengers that are off are no chats: what would be said there goes to the people themselves."""
        groups = {name: replace(group, chats=_of(group.chats, platforms)) for name, group in self.organization.groups.items()}
        self.current = self.current.with_people(replace(self.organization, groups=groups))
        self._kept[self.current.fingerprint] = self.current

    def keep(self, session: Session, now: datetime) -> str:
        """Make sure the current rules are in the database; answers their fingerprint."""
        fingerprint = self.current.fingerprint
        if session.get(PlanRow, fingerprint) is None:
            packed = json.dumps({name: base64.b64encode(data).decode() for name, data in sorted(self._files.items())})
            session.add(PlanRow(fingerprint=fingerprint, kept=now, files=packed.encode()))
            session.flush()
        return fingerprint

    def of(self, session: Session, fingerprint: str) -> Plan:
        """The rules with this fingerprint and today's people."""
        if fingerprint not in self._kept:
            row = session.get(PlanRow, fingerprint)
            if row is None:
                raise LookupError(f"the plan {fingerprint} is not in the database")
            files = {name: base64.b64decode(data) for name, data in json.loads(row.files).items()}
            self._kept[fingerprint] = rules_from_files(files, self.organization, self.current.calendar)
        return self._kept[fingerprint]
