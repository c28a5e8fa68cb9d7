"""Playbooks of a running incident: a second type's tasks join, or another type leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.core.clocks import ask_waiver, first_facts, keep, known_of, removed_by, waive
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Outgoing, Reply
from handlers.core.registry import approved, command, ref, rest, returned, screen
from handlers.core.settling import Settled, settle
from workflows import incident as rules
from workflows import task as task_rules
from workflows.core.agreement import check_reason
from workflows.core.approval import Approval
from workflows.core.conditions import answer
from workflows.core.errors import RuleBroken
from workflows.core.outcome import Outcome
from workflows.core.plan import Plan
from workflows.incident import COMMON, Incident


@dataclass(frozen=True, slots=True)
class WhichType:
    incident: str | None = ref("I")
    type: str | None = rest("类型", "type", kind="type", required=True)
    text: str = rest("理由", "reason")


@command(
    "incident playbook add", WhichType, zh="事件 预案 加", also=("事件 预案 增加",), who="group:office", tells="playbook pending clock"
)
def add(context: Context, given: WhichType) -> Reply:
    """Let a further type's tasks join."""
    return _change(context, given, "add")


@command(
    "incident playbook main", WhichType, zh="事件 预案 主", also=("事件 预案 更改",), who="group:office", tells="playbook pending clock"
)
def main(context: Context, given: WhichType) -> Reply:
    """Change the type: its tasks come, untouched ones of the old type go."""
    return _change(context, given, "main")


def _change(context: Context, given: WhichType, how: str) -> Reply:
    incident = context.incident(given.incident)
    assert given.type, "the parser refuses a missing type"
    outcome = _outcome(context, incident, given.type, how, by=context.person)
    reports = removed_by(context, incident, outcome.record)
    if reports:
        check_reason(given.text)
        why = context.words.say("playbook.ask_change", type=_name(context, incident, given.type))
        values = {"type": given.type, "how": how}
        return Reply(ask_waiver(context, incident, reports, "type_off", given.text, why, values), ref=incident.ref)
    settled, dropped = _settled(context, incident, context.uow.apply(outcome))
    return _told(context, incident, given.type, how, settled, dropped)


def _outcome(context: Context, incident: Incident, type_: str, how: str, *, by: str, approval: str | None = None) -> Outcome[Incident]:
    """What the command does; an incident without a type gets one by either way."""
    plan = context.uow.plan_of(incident)
    if type_ not in plan.playbooks:
        raise RuleBroken("playbook.not_in_plan", ref=incident.ref, type=_name(context, incident, type_))
    if how == "add" and type_ in incident.playbooks:
        raise RuleBroken("playbook.there", ref=incident.ref, type=_name(context, incident, type_))
    if how == "main" and type_ == incident.type:
        raise RuleBroken("playbook.main_already", ref=incident.ref, type=_name(context, incident, type_))
    if incident.type is None:
        return rules.set_type(incident, by=by, now=context.now, type_=type_, playbook=type_, facts=first_facts(context, incident, type_))
    kept = [name for name in incident.playbooks if name not in (COMMON, incident.type, type_)]
    if how == "add":
        facts = plan.facts.starting([incident.type, *kept, type_])
        return rules.add_playbook(incident, by=by, now=context.now, playbook=type_, facts=facts, approval=approval)
    subtype = next((incident.subtype for name in (type_, *kept) if incident.subtype in plan.playbooks[name].subtypes), None)
    facts = plan.facts.starting([type_, *kept])
    return rules.change_type(incident, by=by, now=context.now, type_=type_, subtype=subtype, facts=facts, approval=approval)


def _settled(context: Context, before: Incident, after: Incident) -> tuple[Settled, list[str]]:
    dropped = _drop(context, before, after)
    return settle(context, after), dropped


def _drop(context: Context, before: Incident, after: Incident) -> list[str]:
    """Cancel tasks of playbooks that are gone which nobody has dealt with; what a remaining playbook asks for too stays."""
    plan, response = context.uow.plan_of(after), context.response(after)
    gone = {line.code for name in before.playbooks if name not in after.playbooks for line in plan.playbooks[name].lines}
    asked = _asked_for(context, plan, after)
    work = {line.code: (line.title, line.group) for book in plan.playbooks.values() for line in book.lines}
    dropped = []
    for task in context.uow.tasks(after.ref):
        if task.code in gone and work[task.code] not in asked and task_rules.untouched(task, context.reader.verbs(task.ref)):
            reason = context.words.say("playbook.other_type")
            dropped.append(context.uow.apply(task_rules.cancel(task, by=context.person, response=response, reason=reason, rule=True)).ref)
    return dropped


def _asked_for(context: Context, plan: Plan, incident: Incident) -> set[tuple[str, str]]:
    """Title and group of all work that the incident's playbooks ask for, or may come to ask for."""
    known = known_of(context, incident)
    lines = (line for name in incident.playbooks for line in plan.playbooks[name].lines)
    return {(line.title, line.group) for line in lines if line.live and answer(line.when, known) != "no"}


def _told(context: Context, incident: Incident, type_: str, how: str, settled: Settled, dropped: list[str]) -> Reply:
    words, name = context.words, _name(context, incident, type_)
    head = "playbook.added" if how == "add" and incident.type else "playbook.main"
    lines = [words.say(head, incident=incident.ref, type=name)]
    changes = (("grade.made", settled.made), ("playbook.earlier", settled.moved), ("playbook.dropped", dropped))
    lines += [words.say(key, tasks=words.join(list(refs))) for key, refs in changes if refs]
    if settled.clocks:
        lines.append(words.say("playbook.clocks", reports=words.join(list(settled.clocks)), incident=incident.ref))
    return Reply("\n".join(lines), ref=incident.ref)


def _name(context: Context, incident: Incident, type_: str) -> str:
    """What people call the type; by today's plan where the incident's own does not have it."""
    book = {**context.uow.current_plan().playbooks, **context.uow.plan_of(incident).playbooks}[type_]
    return book.name if context.words.locale == "zh" else book.name_en


@approved("type_off")
def changed(context: Context, approval: Approval, by: str) -> None:
    """Two people agree that the clocks stop which the new types do not ask for."""
    incident = context.uow.load(Incident, approval.incident)
    type_, how = str(approval.values["type"]), str(approval.values["how"])
    after = context.uow.apply(_outcome(context, incident, type_, how, by=approval.asked_by, approval=approval.ref))
    waive(context, approval, by)
    _settled(context, incident, after)


returned("type_off")(keep)


def _news(kind: str) -> None:
    @screen(f"incident.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing:
        incident, values = look.reader.incident(about["ref"]), about["values"]
        book = look.reader.plan_of(incident).playbooks[values["type"]]
        name = book.name if look.words.locale == "zh" else book.name_en
        return Outgoing(look.say(f"notice.{kind}", ref=incident.ref, by=look.name(values["by"]), type=name))


for _kind in ("playbook_added", "retyped"):
    _news(_kind)
