"""The firm's emergency plan (预案) as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, tzinfo

from workflows.core.calendar import Calendar
from workflows.core.clock_ladder import CLOCK_LADDER, Ladder
from workflows.core.facts import FactBook
from workflows.core.hours import Hours
from workflows.core.obligation import Obligation
from workflows.core.outlet import Outlet
from workflows.core.paper import Form
from workflows.core.people import Organization
from workflows.core.playbook import Playbook
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel, Rubric
from workflows.core.template import Template, Wording
from workflows.core.thresholds import Threshold
from workflows.core.working_days import local_day

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
    wording: Wording = field(default_factory=Wording)
    """what holds for every statement"""
    papers: Mapping[str, Form] = field(default_factory=dict, compare=False)
    """forms by id, of the plan as it is today; kept plans have none"""
    outlets: Mapping[str, Outlet] = field(default_factory=dict, compare=False)
    """where statements are published, by name; of today as well"""
    thresholds: tuple[Threshold, ...] = field(default=(), compare=False)
    """of the CSRC's grades, as the firm has entered them; of the plan as it is today too"""

    def response(self, level: ResponseLevel, at: datetime, zone: tzinfo) -> Response:
        """What `level` asks at `at`: by the firm's calendar, and shortened in an important period."""
        found = replace(self.responses[level], hours=Hours(self.calendar, zone))
        return found.shortened(self.calendar.factor_at(local_day(at, zone)))

    def observed(self, level: ResponseLevel, at: datetime, zone: tzinfo, *, provisional: bool) -> Response:
        """The same with its quiet hours in force, for an incident whose grade is provisional or not."""
        return self.response(level, at, zone).observed(provisional=provisional, zone=zone, calendar=self.calendar)

    def with_people(self, organization: Organization) -> "Plan":
        """This plan's rules with today's people: leavers lose their rights at once."""
        return replace(self, organization=organization)
