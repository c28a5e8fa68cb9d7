"""After the first grading: what two people lower, and what two readings and a leader do."""

from dataclasses import dataclass, replace
from datetime import datetime

from handlers.core.asking import ask_again
from handlers.core.clocks import agreement_of, ask_lowering, keep, lengthen, waive
from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.reading import keep_reading, work_out
from handlers.core.registry import approved, command, key, ref, rest, returned
from handlers.core.settling import settle
from workflows import incident as rules
from workflows.core.agreement import check_reason
from workflows.core.approval import Approval
from workflows.core.errors import BadWords, RuleBroken
from workflows.core.facts import Value
from workflows.core.grading import response_level
from workflows.core.regrading import lower_readings, may_downgrade
from workflows.core.rubric import OpinionLevel
from workflows.incident import Incident


@approved("grade_lower")
def grade_lowered(context: Context, approval: Approval, by: str) -> None:
    """Two people agreed: the grade is lower now, what they were told stops or moves later, and the rest stays as early as it was."""
    incident = context.uow.load(Incident, approval.incident)
    given, was = approval.values["given"], approval.values["was"]
    assert isinstance(given, dict), "written by ourselves"
    assert isinstance(was, dict), "written by ourselves"
    if any(incident.facts.get(name) != value for name, value in was.items()):
        raise RuleBroken("grade.lower_stale", approval=approval.ref)
    plan, working = context.uow.plan_of(incident), work_out(context, incident, given, {})
    response = context.response(rules.read(incident, working, given, {}))
    outcome = rules.lower(incident, working, agreement_of(approval, by), now=context.now, given=given, response=response)
    after = context.uow.apply(rules.watched(outcome, plan.rubric, response, now=context.now))
    keep_reading(context, after, working, plan.rubric, approval.asked_by)
    _carry_out(context, approval, by, incident, after)


def _carry_out(context: Context, approval: Approval, by: str, before: Incident, after: Incident, *, freely: bool = False) -> None:
    waive(context, approval, by)
    lengthen(context, approval, by, after)
    new_level = after.response_level is not before.response_level
    settle(context, after, freely=freely, new_level=new_level, spare_late=True)
    if new_level:
        ask_again(context, after)


@approved("grade_off")
def judged_off(context: Context, approval: Approval, by: str) -> None:
    waive(context, approval, by)


@approved("known_later")
def known_later(context: Context, approval: Approval, by: str) -> None:
    incident = context.uow.load(Incident, approval.incident)
    if incident.known_at.isoformat() != approval.values["was"]:
        raise RuleBroken("grade.lower_stale", approval=approval.ref)
    known = datetime.fromisoformat(str(approval.values["known"]))
    after = context.uow.apply(rules.set_known(incident, by=approval.asked_by, known=known, agreement=agreement_of(approval, by)))
    _carry_out(context, approval, by, incident, after)


@dataclass(frozen=True, slots=True)
class Downgrade:
    incident: str | None = ref("I")
    level: str | None = key("级别", "等级", kind="level")
    text: str = rest("理由", "reason", required=True)


@command("incident downgrade", Downgrade, zh="事件 降级", who="group:opinion", short=("降级",), four_eyes=True, tells="pending")
def downgrade(context: Context, given: Downgrade) -> Reply:
    """Ask a leader to lower the opinion level, after two lower readings."""
    incident = context.incident(given.incident)
    rules.MACHINE.after(incident.state, "downgrade")
    check_reason(given.text)
    wanted = _opinion(given.level)
    readings = context.uow.gradings(incident.ref)
    gap = context.uow.plan_of(incident).rubric.lower_gap
    borne = may_downgrade(readings, incident.opinion_level, incident.provisional, wanted, gap)
    to = wanted or borne.level
    after = replace(incident, opinion_level=to, response_level=response_level(incident.csrc_grade, to))
    lower = lower_readings(readings, incident.opinion_level)
    shown = [context.words.say("downgrade.reading", at=one.at, total=one.total, level=one.level) for one in reversed(lower)]
    why = context.words.say(
        "downgrade.ask",
        was=incident.opinion_level,
        to=to,
        level_was=incident.response_level,
        level=after.response_level,
        readings=context.words.join(shown),
    )
    values: dict[str, Value] = {"to": str(to), "was": str(incident.opinion_level)}
    return Reply(ask_lowering(context, incident, after, "downgrade", given.text.strip(), why, values), ref=incident.ref)


def _opinion(level: str | None) -> OpinionLevel | None:
    if level is None:
        return None
    if level not in list(OpinionLevel):
        raise BadWords("downgrade.level")
    return OpinionLevel(level)


@approved("downgrade")
def downgraded(context: Context, approval: Approval, by: str) -> None:
    """A leader agreed: the level falls, its own pace begins, and what is not due yet may move later."""
    incident = context.uow.load(Incident, approval.incident)
    if str(incident.opinion_level) != approval.values["was"]:
        raise RuleBroken("grade.lower_stale", approval=approval.ref)
    plan, readings = context.uow.plan_of(incident), context.uow.gradings(incident.ref)
    agreement, to = agreement_of(approval, by), OpinionLevel(str(approval.values["to"]))
    responses = {level: context.response(replace(incident, response_level=level)) for level in plan.responses}
    outcome = rules.downgrade(incident, readings, agreement, now=context.now, to=to, responses=responses, gap=plan.rubric.lower_gap)
    response = responses[outcome.record.response_level]
    after = context.uow.apply(rules.watched(outcome, plan.rubric, response, now=context.now))
    _carry_out(context, approval, by, incident, after, freely=True)


for _kind in ("grade_lower", "grade_off", "known_later", "downgrade"):
    returned(_kind)(keep)
