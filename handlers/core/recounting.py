"""The calendar has changed: deadlines move earlier at once; later ones stay and are told, and move when two people agree."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from handlers.core.clocks import terms_of
from handlers.core.context import Context
from handlers.core.settling import later_dues, settle
from workflows import incident as incidents
from workflows import regulator_report as rules
from workflows.core.calendar import Calendar
from workflows.incident import Incident


def recount(context: Context, incident: Incident) -> None:
    settle(context, incident)
    was = context.uow.calendar_before()
    clocks = later_clocks(context, incident, was)
    tasks = later_dues(context, incident, was)
    reports = {report.ref: report for report in context.uow.reports(incident.ref)}
    leaders = [p for ref in clocks for p in context.organization.groups[reports[ref].group].leaders]
    to = tuple(dict.fromkeys([incident.commander, *leaders]))
    told: dict[str, Mapping[str, datetime]] = {"reports": clocks, "tasks": tasks}
    values = {kind: {ref: at.isoformat() for ref, at in found.items()} for kind, found in told.items()}
    fingerprint = context.uow.current_plan().calendar.fingerprint
    context.uow.apply(incidents.recounted(incident, calendar=fingerprint, later=values, to=to if clocks or tasks else ()))


def later_clocks(context: Context, incident: Incident, was: Calendar | None) -> dict[str, datetime]:
    """Running clocks that the calendar alone would move later, and where to."""
    terms, duties = terms_of(context, incident), context.uow.plan_of(incident).obligations
    found = {}
    for report in context.uow.reports(incident.ref):
        duty = duties[report.obligation]
        to = rules.later(report, duty, terms)
        if to and (was is None or to != rules.later(report, duty, replace(terms, calendar=was))):
            found[report.ref] = to
    return found
