"""Grading an incident: the whole working is the answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.core.apart import Line, told
from handlers.core.asking import ask_again
from handlers.core.context import Context
from handlers.core.explain import fact_name, fact_value
from handlers.core.look import Look
from handlers.core.lowering import ask_lower_grade, drop_stale, how_to_downgrade, unneeded
from handlers.core.message import Reply
from handlers.core.reading import take_reading
from handlers.core.registry import command, facts, key, ref, rest
from handlers.core.setters import check_setters
from handlers.core.settling import Settled, fulfil, settle
from handlers.core.suggestion import in_words
from workflows.core.agreement import check_reason
from workflows.core.approval import Approval, approvers_of
from workflows.core.errors import BadWords
from workflows.core.facts import Value
from workflows.core.grading import Score, Working, lowers
from workflows.core.plan import Plan
from workflows.core.rubric import EventGrade
from workflows.incident import Incident


@dataclass(frozen=True, slots=True)
class Grade:
    incident: str | None = ref("I")
    incident_level: int | None = key("事件等级", kind="score")
    reach: int | None = key("影响范围", kind="score")
    spread: int | None = key("传播", kind="score")
    trend: int | None = key("态势", kind="score")
    reason: str | None = key("理由", "原因")
    given: Mapping[str, Value] = facts("grade")
    text: str = rest("说明", "text")


@command("incident grade", Grade, zh="事件 定级", also=("事件 研判",), who="group:office,opinion", short=("定级",), tells="grades")
def grade_(context: Context, given: Grade) -> Reply:
    """Grade the incident from what is known."""
    incident = context.incident(given.incident)
    specs = context.uow.plan_of(incident).facts.specs
    check_setters(context, (specs[name] for name in given.given if name in specs))
    overrides, reason = _overrides(incident, given), _reason(given)
    held = {name: value for name, value in given.given.items() if _lowers(incident, name, value)}
    if held:
        check_reason(reason)
    noted = {name: value for name, value in given.given.items() if name not in held}
    lines: list[Line] = []
    if noted or overrides != incident.overrides or not held:
        incident, lines = _graded(context, incident, noted, overrides, reason)
    if held:
        lines.append(("pending", ask_lower_grade(context, incident, held, reason)))
    return told(Look.of(context), lines, incident.ref)


def _lowers(incident: Incident, name: str, value: Value) -> bool:
    current = {"csrc_grade": incident.csrc_grade, "cac_grade": incident.cac_grade}.get(name)
    return lowers(current, None if value is None else EventGrade(str(value))) if current is not None else False


def _reason(given: Grade) -> str:
    return f"{given.reason or ''} {given.text}".strip()


def _graded(
    context: Context, incident: Incident, noted: Mapping[str, Value], overrides: Mapping[str, tuple[int, str]], reason: str
) -> tuple[Incident, list[Line]]:
    plan, response_before = context.uow.plan_of(incident), context.response(incident)
    after, working = take_reading(context, incident, noted, overrides, by=context.person)
    drop_stale(context, after)
    new_level = after.response_level is not incident.response_level
    settled = settle(context, after, freely=incident.provisional, new_level=new_level)
    if not working.provisional:
        fulfil(context, after, "grade")
    asked = ask_again(context, after) if new_level else []
    was = response_before.name if context.words.locale == "zh" else response_before.name_en
    lines = _working(context, plan, after, working, settled, was)
    lines += [("pending", context.words.say("grade.asked_again", ref=a.ref, people=_asked_of(context, a))) for a in asked]
    if working.level.rank < after.opinion_level.rank:
        lines.append(("grade", how_to_downgrade(context, after)))
    lines += [("clock", line) for line in unneeded(context, incident, after, reason)]
    return after, lines


def _asked_of(context: Context, approval: Approval) -> str:
    return context.words.join([context.name(p) for p in approvers_of(approval, context.organization)])


def _overrides(incident: Incident, given: Grade) -> dict[str, tuple[int, str]]:
    """Scores that a person set by hand, with the reason that this needs."""
    fresh = {name: score for name in ("incident_level", "reach", "spread", "trend") if (score := getattr(given, name)) is not None}
    reason = _reason(given)
    if fresh and not reason:
        raise BadWords("grade.reason_needed")
    kept = {name: (score, reason) for name, (score, reason) in incident.overrides.items() if name not in fresh}
    return {**kept, **{name: (score, reason) for name, score in fresh.items()}}


def _working(context: Context, plan: Plan, incident: Incident, working: Working, settled: Settled, was: str) -> list[Line]:
    """Each score and why, total, floor, level, and what it changes."""
    words, response = context.words, context.response(incident)
    lines = []
    names = {i.key: (i.name if words.locale == "zh" else i.name_en) for i in plan.rubric.indicators}
    lines += [_score_line(context, plan, names[s.indicator], s) for s in working.scores]
    lines.append(words.say("grade.total", total=working.total, band=working.band))
    floors = {one.id: words.twin(one.name, one.name_en) or one.id for one in plan.rubric.floors}
    lines += [words.say("grade.floor", name=floors[floor], level=working.level) for floor in working.floors]
    now_level = response.name if words.locale == "zh" else response.name_en
    csrc = incident.csrc_grade or words.say("grade.not_judged")
    cac = incident.cac_grade or words.say("grade.not_judged")
    stands = incident.opinion_level.rank > working.level.rank
    lines.append(
        words.say(
            "grade.read_lower" if stands else "grade.level",
            level=working.level,
            stands=incident.opinion_level,
            provisional=words.say("grade.provisional") if working.provisional else "",
        )
    )
    grades = words.say("grade.others", csrc=csrc, cac=cac)
    level = words.say("grade.response" if now_level != was else "grade.response_same", was=was, response=now_level)
    tasks = {task.ref: task for task in context.uow.tasks(incident.ref)}
    made = [words.say("grade.made_one", ref=ref, group=context.group_name(tasks[ref].group)) for ref in settled.made]
    moved = [words.say("grade.moved_one", ref=ref, due=tasks[ref].due_at or context.now, now=context.now) for ref in settled.moved]
    changes = (("grade.made", made), ("grade.moved", moved), ("grade.dropped", list(settled.dropped)))
    tasks_ = [("task_list", words.say(text, tasks=words.join(named))) for text, named in changes if named]
    unknown = words.join([names[key] for key in working.unknown])
    again = words.say("grade.unknown", indicators=unknown, minutes=plan.rubric.rescore_minutes) if working.provisional else ""
    head = words.say("grade.head", ref=incident.ref, title=incident.title)
    by_thresholds = [("grades", in_words(words, context.uow.current_plan(), incident, context.now))]
    return [("", head), *(("grade", line) for line in lines), ("grades", grades), *by_thresholds, ("", level), *tasks_, ("grade", again)]


def _score_line(context: Context, plan: Plan, name: str, score: Score) -> str:
    words = context.words
    if score.override_reason is not None:
        why = words.say("grade.by_hand", reason=score.override_reason)
    elif not score.known:
        why = words.say("grade.no_value")
    else:
        why = words.join(
            [words.say("grade.measure", **_measure(context, plan, fact, value), score=points) for fact, value, points in score.why]
        )
    return words.say("grade.score", name=name, score=score.score, why=why)


def _measure(context: Context, plan: Plan, fact: str, value: Value) -> dict[str, str]:
    spec = plan.facts.specs[fact]
    return {"name": fact_name(context.words, spec), "value": fact_value(context.words, spec, value)}
