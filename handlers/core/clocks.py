"""Regulator clocks of an incident: put when their condition is yes or open, tightened when terms change, ended by nobody but people."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from handlers.core import duties
from handlers.core.asking import approvers, ask
from handlers.core.context import Context
from handlers.core.known import known_facts
from handlers.core.paper_rights import signers
from handlers.core.setters import may_set
from handlers.core.wording import Ours
from workflows import regulator_report as rules
from workflows.core import approval as approvals
from workflows.core.agreement import Agreement, check_reason
from workflows.core.approval import Approval, approvers_of
from workflows.core.conditions import Answer, Known, answer
from workflows.core.deadlines import Terms, deadline
from workflows.core.facts import Value
from workflows.core.obligation import Obligation
from workflows.core.outcome import Notice, Outcome
from workflows.core.plan import Plan
from workflows.incident import Incident
from workflows.regulator_report import Report, State


def known_of(context: Context, incident: Incident) -> Known:
    return known_facts(incident, context.uow.plan_of(incident), context.organization)


def terms_of(context: Context, incident: Incident) -> Terms:
    calendar = context.uow.plan_of(incident).calendar
    return Terms(incident.clocks(), incident.csrc_grade, incident.opinion_level, calendar, context.zone)


def settle_clocks(context: Context, incident: Incident) -> tuple[str, ...]:
    """Bring the incident's clocks in line with what is known. Answers the refs that were put or became due."""
    known, terms = known_of(context, incident), terms_of(context, incident)
    existing = {report.obligation: report for report in context.uow.reports(incident.ref)}
    changed = []
    for duty in context.uow.plan_of(incident).obligations.values():
        condition, report = answer(duty.when, known), existing.get(duty.id)
        if report is None:
            outcome = _first(context, incident, duty, terms, condition)
        else:
            outcome = _again(context, incident, duty, terms, condition, _handed(context, incident, duty, report))
        if outcome is not None:
            changed.append(context.uow.apply(outcome).ref)
    _ask(context, incident)
    return tuple(changed)


def _first(context: Context, incident: Incident, duty: Obligation, terms: Terms, condition: Answer) -> Outcome[Report] | None:
    """A duty is put when its clock starts; one that is not asked for at this grade is not put."""
    if condition == "no" or deadline(duty, terms, decided=condition == "yes") is None:
        return None
    group = doer(context.uow.plan_of(incident), incident, duty)
    return rules.open_(
        duty,
        terms,
        ref=context.uow.next_ref(Report),
        incident=incident.ref,
        plan=incident.plan,
        by=context.person,
        now=context.now,
        condition=condition,
        group=group,
        to=context.organization.groups[group].leaders if condition == "yes" else (),
        ladder=context.uow.plan_of(incident).ladder,
    )


def _handed(context: Context, incident: Incident, duty: Obligation, report: Report) -> Report:
    """To the group that the incident's playbooks name now, when a playbook has joined or gone since."""
    group = doer(context.uow.plan_of(incident), incident, duty)
    if not report.open or group == report.group:
        return report
    to = context.organization.groups[group].leaders if report.state in rules.WANTED else ()
    return context.uow.apply(rules.hand(report, group=group, by=context.person, to=to, ladder=context.uow.plan_of(report).ladder))


def _again(
    context: Context, incident: Incident, duty: Obligation, terms: Terms, condition: Answer, report: Report
) -> Outcome[Report] | None:
    leaders, now, ladder = context.organization.groups[report.group].leaders, context.now, context.uow.plan_of(report).ladder
    if not report.open:
        why = rules.wanted_again(report, duty, terms, condition)
        reason = context.words.say(f"report.{why}") if why else ""
        reopen = partial(rules.reopen, report, duty, terms, by=context.person, now=now, condition=condition, to=leaders, ladder=ladder)
        return reopen(reason=reason) if why else None
    if report.state is State.TO_DECIDE and condition == "yes":
        drop_question(context, report, context.words.say("report.found_to_hold"))
        sign = signers(context.uow.plan_of(incident), context.response(incident), incident, duty.id, context.organization)
        return rules.decide(report, duty, terms, by=context.person, now=now, to=leaders, signers=sign, ladder=ladder)
    ended = rules.finish(report, duty, terms, now=now, ladder=ladder)
    return ended or rules.tighten(report, duty, terms, now=now, to=leaders, ladder=ladder)


def doer(plan: Plan, incident: Incident, duty: Obligation) -> str:
    """The group that a playbook line of this incident names for the duty; else the duty's own."""
    line = duties.duty_line(plan, incident, duty.id)
    return line.group if line else duty.doer


def _ask(context: Context, incident: Incident) -> None:
    """One card by fact to whoever is on duty in the office and to the commander, for all that is to be decided."""
    plan, reports = context.uow.plan_of(incident), context.uow.reports(incident.ref)
    if any(report.state is State.TO_DECIDE for report in reports):
        people = [context.organization.duty("office"), incident.commander]
        for question in rules.to_decide(reports, plan.obligations, known_of(context, incident)):
            spec = plan.facts.specs.get(question.fact)
            if spec and not any(may_set(spec, person, context.organization) for person in people[:2]):
                people.extend(
                    p for group in spec.set_by if group in context.organization.groups for p in context.organization.groups[group].leaders
                )
        context.uow.tell(Notice("decide", tuple(dict.fromkeys(people)), urgency="clock", card=True), incident)


def removed_by(context: Context, before: Incident, after: Incident) -> list[Report]:
    """Running clocks whose condition would be no after a change: they stop only when two people agree."""
    was, would = known_of(context, before), known_of(context, after)
    obligations = context.uow.plan_of(before).obligations
    running = [report for report in context.uow.reports(before.ref) if report.open]
    return [
        report
        for report in running
        if answer(obligations[report.obligation].when, would) == "no" and answer(obligations[report.obligation].when, was) != "no"
    ]


def first_facts(context: Context, incident: Incident, type_: str) -> dict[str, Value]:
    """What an incident starts with that gets its first type late. A default never stops a running clock: that fact stays to be decided."""
    found = {}
    for key, value in context.uow.plan_of(incident).facts.starting([type_]).items():
        if not removed_by(context, incident, replace(incident, facts={**incident.facts, key: value})):
            found[key] = value
        elif key in incident.facts:
            found[key] = incident.facts[key]
    return found


def duty_name(context: Context, incident: Incident, report: Report) -> str:
    return duties.duty_name(context.words, context.uow.plan_of(incident).obligations[report.obligation])


def _checks(context: Context, incident: Incident, reports: Sequence[Report], otherwise: str) -> str:
    """What to make sure of before clocks stop or move: what the plan asks of each, and a general question where it asks nothing."""
    plan = context.uow.plan_of(incident)
    asked = duties.checks(context.words, (plan.obligations[report.obligation] for report in reports))
    return "\n".join(f"· {one}" for one in asked) or context.words.say(otherwise)


def ask_waiver(
    context: Context,
    incident: Incident,
    reports: Sequence[Report],
    kind: str,
    reason: str,
    why: str,
    values: Mapping[str, Value],
    *,
    answered_line: str = "",
    of: tuple[str, ...] = (),
) -> str:
    """One question to a second person about all clocks that would stop; they run until the answer. Answers what to tell the asker.

    `answered_line`: what the asker answered when asked · `of`: who has to agree, where that is not left to the level.
    """
    named = context.words.join([f"{r.ref} {duty_name(context, incident, r)}" for r in reports]) or context.words.say("report.none_runs")
    check = Ours(_checks(context, incident, reports, "report.check"))
    what = context.words.say("report.ask_waiver", names=named, number=incident.number, title=incident.title, reason=reason, check=check)
    what = "\n".join(part for part in (why, what, answered_line) if part)
    refs: list[Value] = [r.ref for r in reports]
    subject = reports[0].ref if kind == "not_required" else incident.ref
    told: dict[str, Value] = {"reports": refs, "reason": reason, **values}
    approval = ask(context, incident, kind, reason, subject=subject, values=told, what=what, of=of)
    propose(context, reports, approval, reason)
    people = context.words.join([context.name(p) for p in approvers_of(approval, context.organization)])
    return context.words.say("report.waiver_asked", approval=approval.ref, reports=named, people=people)


def lengthened_by(context: Context, before: Incident, after: Incident) -> list[Report]:
    """Running clocks whose deadline would become later with a change: they move only when two people agree."""
    found, was, would = context.uow.plan_of(before).obligations, terms_of(context, before), terms_of(context, after)
    return [
        report
        for report in context.uow.reports(before.ref)
        if (to := rules.later(report, found[report.obligation], would)) and to != rules.later(report, found[report.obligation], was)
    ]


def ask_lowering(
    context: Context, incident: Incident, after: Incident, kind: str, reason: str, why: str, values: Mapping[str, Value]
) -> str:
    """One question about a change that would stop clocks, or move them later; nothing changes until the answer. Answers what to tell."""
    check_reason(reason)
    gone = removed_by(context, incident, after)
    moved = [report for report in lengthened_by(context, incident, after) if report not in gone]
    lines = [why, context.words.say("lowering.reason", number=incident.number, title=incident.title, reason=reason)]
    lines += [context.words.say("lowering.stops", names=_names(context, incident, gone))] if gone else []
    lines += [context.words.say("lowering.later", names=_names(context, incident, moved))] if moved else []
    lines.append(context.words.say("lowering.check", check=Ours(_checks(context, incident, [*gone, *moved], "lowering.delayed"))))
    listed: dict[str, Value] = {"reports": [r.ref for r in gone], "later": [r.ref for r in moved], "reason": reason}
    approval = ask(context, incident, kind, reason, values={**listed, **values}, what="\n".join(lines))
    propose(context, gone, approval, reason)
    people = context.words.join([context.name(p) for p in approvers(context, incident, kind) if p != context.person])
    return context.words.say("lowering.asked", approval=approval.ref, people=people)


def _names(context: Context, incident: Incident, reports: Sequence[Report]) -> str:
    return context.words.join([f"{report.ref} {duty_name(context, incident, report)}" for report in reports])


def drop_question(context: Context, report: Report, reason: str) -> None:
    """Whether it need not be reported is asked no more: what the second person would answer to is no longer so."""
    for pending in context.uow.approvals(report.incident):
        if (pending.kind, pending.subject) == ("not_required", report.ref):
            context.uow.apply(approvals.void(pending, now=context.now, reason=reason))


def propose(context: Context, reports: Sequence[Report], approval: Approval, reason: str) -> None:
    delayed = answered(approval)
    for report in reports:
        if report.waiver is None:
            ladder = context.uow.plan_of(report).ladder
            proposed = rules.propose(report, by=context.person, reason=reason, approval=approval.ref, delayed=delayed, ladder=ladder)
            context.uow.apply(proposed)


def answered(approval: Approval) -> bool | None:
    """What the asker said to "was any order delayed or refused?", None where the question was another one."""
    said = approval.values.get("delayed")
    return said if isinstance(said, bool) else None


def agreement_of(approval: Approval, by: str) -> Agreement:
    return Agreement(asked_by=approval.asked_by, by=by, reason=str(approval.values["reason"]), approval=approval.ref)


def listed(approval: Approval, name: str = "reports") -> list[str]:
    refs = approval.values.get(name) or []
    assert isinstance(refs, list), "written by ourselves"
    return [str(one) for one in refs]


def waive(context: Context, approval: Approval, by: str) -> None:
    """Two people agreed: the clocks that the question named stop."""
    agreement, incident = agreement_of(approval, by), context.uow.load(Incident, approval.incident)
    plan, known = context.uow.plan_of(incident), known_of(context, incident)
    for one in listed(approval):
        report = context.uow.load(Report, one)
        if report.open:
            condition = answer(plan.obligations[report.obligation].when, known)
            delayed, ladder, now = answered(approval), plan.ladder, context.now
            context.uow.apply(rules.not_required(report, agreement, now=now, condition=condition, delayed=delayed, ladder=ladder))


def lengthen(context: Context, approval: Approval, by: str, after: Incident) -> None:
    """Two people agreed: the clocks that the question named move to where the incident as it is now puts them."""
    agreement, terms, plan = agreement_of(approval, by), terms_of(context, after), context.uow.plan_of(after)
    for one in listed(approval, "later"):
        report = context.uow.load(Report, one)
        to = context.organization.groups[report.group].leaders
        if not report.open:
            continue
        duty = plan.obligations[report.obligation]
        found = rules.lengthen(report, duty, terms, agreement, now=context.now, to=to, ladder=plan.ladder)
        if found is not None:
            context.uow.apply(found)


def keep(context: Context, approval: Approval, by: str, reason: str) -> None:
    """The second person said no: what was proposed stays required."""
    for one in listed(approval):
        report = context.uow.load(Report, one)
        if report.open and report.waiver == approval.ref:
            ladder = context.uow.plan_of(report).ladder
            context.uow.apply(rules.keep(report, by=by, approval=approval.ref, reason=reason, ladder=ladder))
