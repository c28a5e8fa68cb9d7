"""The firm's emergency plan (预案) as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time

from workflows.core.calendar import Calendar
from workflows.core.clock_ladder import CLOCK_LADDER, Ladder
from workflows.core.facts import FactBook
from workflows.core.obligation import Obligation
from workflows.core.people import Organization
from workflows.core.playbook import Playbook
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel, Rubric
from workflows.core.template import Template

#: When the digest comes in plans that do not say.
DIGEST = (time(8, 50), time(17, 30))


@dataclass(frozen=True, slots=True)
class Plan:
    """`fingerprint` is `sha256:…` over the files that an incident keeps (rubric, response, playbooks, facts, statement templates)."""

    fingerprint: str
    organization: Organization
    facts: FactBook
    rubric: Rubric
    responses: Mapping[ResponseLevel, Response]
    playbooks: Mapping[str, Playbook]
    obligations: Mapping[str, Obligation] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    ladder: Ladder = CLOCK_LADDER
    statements: Mapping[str, Template] = field(default_factory=dict)
    """by the file's name without its ending"""
    digest: tuple[time, ...] = DIGEST
    """local times at which everybody is told what is still open"""

    def with_people(self, organization: Organization) -> "Plan":
        """This plan's rules with today's people: leavers lose their rights at once."""
        return replace(self, organization=organization)
