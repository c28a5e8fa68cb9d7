"""What asks before a grade, a clock or a moment is taken back, and what asks for figures again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from handlers.core.clocks import ask_lowering, ask_waiver, keep, removed_by
from handlers.core.context import Context
from handlers.core.explain import fact_name, fact_value
from handlers.core.reading import work_out
from workflows import incident as rules
from workflows.core import approval as approvals
from workflows.core.agreement import SHORTEST_REASON
from workflows.core.facts import FactSpec, Value
from workflows.core.regrading import lower_readings
from workflows.incident import Incident


def ask_lower_grade(context: Context, incident: Incident, held: Mapping[str, Value], reason: str) -> str:
    """A judged CSRC or CAC grade is lowered when a second person agrees; what hangs on it runs until then."""
    after = rules.read(incident, work_out(context, incident, held, {}), held, {})
    was: dict[str, Value] = {name: incident.facts.get(name) for name in held}
    book = context.uow.plan_of(incident).facts.specs
    changes = [_change(context, book[name], was[name], value) for name, value in held.items()]
    why = context.words.say("grade.ask_lower", changes=context.words.join(changes))
    values: dict[str, Value] = {"given": dict(held), "was": was}
    return ask_lowering(context, incident, after, "grade_lower", reason, why, values)


def _change(context: Context, spec: FactSpec, was: Value, value: Value) -> str:
    old, new = fact_value(context.words, spec, was), fact_value(context.words, spec, value)
    return context.words.say("grade.change", name=fact_name(context.words, spec), was=old, value=new)


def unneeded(context: Context, before: Incident, after: Incident, reason: str) -> list[str]:
    """Clocks whose condition a first judgement made no: they run until two people agree; asked at once where there is a reason."""
    gone = [report for report in removed_by(context, before, after) if report.waiver is None]
    if not gone:
        return []
    asked = any(pending.kind == "grade_off" for pending in context.uow.approvals(after.ref))
    if asked or len(reason) < SHORTEST_REASON:
        return [context.words.say("grade.still_running", reports=[report.ref for report in gone], ref=gone[0].ref)]
    return [ask_waiver(context, after, gone, "grade_off", reason, "", {})]


def drop_stale(context: Context, after: Incident) -> None:
    """A question about a grade that has changed since is taken back; what it proposed stays required."""
    reason = context.words.say("grade.asked_stale")
    for pending in context.uow.approvals(after.ref):
        was = pending.values.get("was")
        changed = pending.kind == "downgrade" and was != str(after.opinion_level)
        if pending.kind == "grade_lower" and isinstance(was, dict):
            changed = any(after.facts.get(name) != value for name, value in was.items())
        if changed:
            context.uow.apply(approvals.void(pending, now=context.now, reason=reason))
            keep(context, pending, context.person, reason)


def ask_later_known(context: Context, incident: Incident, known: datetime, reason: str) -> str:
    """A later moment of learning lengthens every clock that counts from it."""
    after = replace(incident, known_at=known)
    why = context.words.say("incident.ask_known", was=incident.known_at, known=known)
    values: dict[str, Value] = {"known": known.isoformat(), "was": incident.known_at.isoformat()}
    return ask_lowering(context, incident, after, "known_later", reason, why, values)


def how_to_downgrade(context: Context, incident: Incident) -> str:
    """After a reading lower than the level that stands: whether a downgrade can be asked for, and from when on."""
    lower = lower_readings(context.uow.gradings(incident.ref), incident.opinion_level)
    gap = context.uow.plan_of(incident).rubric.lower_gap
    ready = bool(lower) and lower[0].at - lower[-1].at >= gap
    if ready:
        return context.words.say("downgrade.ready", ref=incident.ref)
    return context.words.say("downgrade.wait", after=lower[-1].at + gap, now=context.now)


def rescore(context: Context, incident: Incident) -> None:
    """The timer `rescore` has come: nobody has taken the figures again."""
    readings = context.uow.gradings(incident.ref)
    last = readings[-1].at if readings else incident.opened_at
    rubric = context.uow.plan_of(incident).rubric
    context.uow.apply(
        rules.ask_to_rescore(incident, rubric, context.response(incident), now=context.now, last=last, organization=context.organization)
    )
