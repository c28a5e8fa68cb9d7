"""Who may have papers made, and read them."""

import re

from handlers.core.access import may
from handlers.core.asking import needed_at
from handlers.core.duties import duty_line
from storage.papers import Paper
from workflows.core.approval import deciders
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.core.response import Response
from workflows.incident import Incident
from workflows.regulator_report import Report

#: Who makes papers besides the group whose duty a report is: the office keeps the clocks, compliance the law.
MAKERS = "group:office,legal|role:compliance"
#: Who asks that something need not be reported, or must be, or later.
WAIVERS = "group:office,legal,lead|role:compliance"
#: The closing summary is the office's.
SUMMARY = "group:office"
_PAPER = re.compile(r"[A-Z][0-9]+-[0-9]+(-signed)?")


def filers(report: Report) -> str:
    """Who says that it was reported: the group whose duty it is, and the office, which keeps the clocks."""
    return f"group:{','.join(dict.fromkeys((report.group, 'office')))}"


def makers(report: Report) -> str:
    return f"group:{report.group},office,legal|role:compliance"


def signers(plan: Plan, response: Response, incident: Incident, duty: str, organization: Organization) -> tuple[str, ...]:
    """Who may sign the paper of a duty: whom its line of a playbook names, else those of the incident's level now."""
    line = duty_line(plan, incident, duty)
    named = line.approve if line and line.approve not in (None, "by_level") else None
    return deciders(tuple(named.split(" or ")) if named else needed_at(response, incident, "sign"), organization)


def may_read(paper: Paper, person: str, organization: Organization) -> bool:
    """Those who make papers, sign them, or read the whole trail. (That they see the incident is asked before.)"""
    who = SUMMARY if paper.record_ref.startswith("I") else MAKERS
    return person == paper.by or may(f"{who}|group:lead|trail", person, organization)


def looks_like_a_paper(id: str) -> bool:
    return _PAPER.fullmatch(id) is not None
