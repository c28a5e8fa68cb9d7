"""Taking a reading: figures graded by the plan's rubric, kept as a record, with the timer of the next one."""

from collections.abc import Mapping

from handlers.core.context import Context
from workflows import incident as rules
from workflows.core.facts import Value
from workflows.core.grading import Working, grade
from workflows.core.rubric import Rubric
from workflows.incident import Grading, Incident

Overrides = Mapping[str, tuple[int, str]]


def work_out(context: Context, incident: Incident, given: Mapping[str, Value], overrides: Overrides) -> Working:
    return grade(context.uow.plan_of(incident).rubric, {**incident.facts, **given}, {**incident.overrides, **overrides})


def take_reading(
    context: Context, incident: Incident, given: Mapping[str, Value], overrides: Overrides, *, by: str
) -> tuple[Incident, Working]:
    """Grade, keep the grading, and set when it is asked for again. Answers the incident as it stands, and the working."""
    plan, working = context.uow.plan_of(incident), work_out(context, incident, given, overrides)
    response = context.response(rules.read(incident, working, given, overrides))
    outcome = rules.grade(incident, working, by=by, now=context.now, given=given, overrides=overrides, response=response)
    after = context.uow.apply(rules.watched(outcome, plan.rubric, response, now=context.now))
    keep_reading(context, after, working, plan.rubric, by)
    return after, working


def keep_reading(context: Context, incident: Incident, working: Working, rubric: Rubric, by: str) -> None:
    ref, named = context.uow.next_ref(Grading), f"{rubric.id} v{rubric.version}"
    context.uow.apply(rules.keep_grading(incident, working, ref=ref, by=by, now=context.now, rubric=named))
