"""Regulator clocks: what is due, what was filed, and what two people agree is not required."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.core.access import check
from handlers.core.apart import told
from handlers.core.asking import approvers, ask
from handlers.core.attesting import check_written, of_duty
from handlers.core.clocks import ask_waiver, drop_question, duty_name, keep, known_of, lengthen, terms_of, waive
from handlers.core.context import Context
from handlers.core.delayed import answered, line, second
from handlers.core.due import report_due
from handlers.core.duties import as_kept, certainty, recipients
from handlers.core.look import Look
from handlers.core.message import Reply
from handlers.core.registry import approved, command, key, ref, request, rest, returned, timer
from handlers.core.settling import settle
from handlers.core.waivers import is_waived, waiver
from workflows import incident as incidents
from workflows import regulator_report as rules
from workflows.core.agreement import check_reason
from workflows.core.approval import Approval
from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.obligation import Obligation
from workflows.incident import Incident
from workflows.regulator_report import Report, State


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Filed:
    report: str | None = ref("R")
    to: str | None = key("对象", "报送对象")
    at: datetime | None = key("时间", "报送时间", kind="time")
    way: str | None = key("方式", "渠道")
    receipt: str | None = key("回执", "受话人")
    text: str = rest("方式和回执", "way and receipt")


@dataclass(frozen=True, slots=True)
class NotRequired:
    report: str | None = ref("R")
    delayed: bool | None = key("延误", "委托延误", kind="flag")
    text: str = rest("有或无 理由", "yes|no reason", required=True)


@command("report list", OfIncident, zh="报送 列表", who="reader", short=("报送",), tells="clock")
def list_(context: Context, given: OfIncident) -> Reply:
    """Reports and notices of the incident, with their deadlines."""
    incident = context.incident(given.incident)
    reports = sorted(context.reader.reports(incident.ref), key=lambda r: (not r.open, r.deadline_at or context.now))
    head = context.words.say("report.list", ref=incident.ref, title=incident.title, count=len(reports))
    lines = [("waived" if is_waived(report) else "clock", _line(context, incident, report)) for report in reports]
    return told(Look.of(context), [("", head), *lines], incident.ref)


def _line(context: Context, incident: Incident, report: Report) -> str:
    due = context.words.show(report_due(report), context.now) if report.deadline_at else "-"
    name = duty_name(context, incident, report)
    to = context.words.join(recipients(context.words, context.uow.plan_of(incident), report.missing or report.recipients))
    said = waiver(context.words, report, context.name) if is_waived(report) else certainty(context.words, _duty(context, incident, report))
    return context.words.say("report.line", ref=report.ref, name=name, state=report.state, due=due, to=to, said=said)


def _duty(context: Context, incident: Incident, report: Report) -> Obligation:
    return context.uow.plan_of(incident).obligations[report.obligation]


@command("report filed", Filed, zh="报送 已报", who="member", short=("已报",), tells="clock")
def filed(context: Context, given: Filed) -> Reply:
    """It was reported: to whom, when, by which way, with which receipt."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    _may(context, report)
    way, receipt = _way_and_receipt(given)
    named = tuple(one.strip() for one in (given.to or "").replace("、", ",").replace(",", ",").split(",") if one.strip())
    to = tuple(as_kept(context.uow.plan_of(incident), named)) or report.missing
    outcome = rules.file(
        report,
        _duty(context, incident, report),
        terms_of(context, incident),
        by=context.person,
        now=context.now,
        when=given.at or context.now,
        to=to,
        way=way,
        receipt=receipt,
        ladder=context.uow.plan_of(incident).ladder,
    )
    after = context.uow.apply(outcome)
    drop_question(context, report, context.words.say("report.filed_meanwhile"))
    hint = _unsigned(context, report)
    if after.state is State.FILED:
        return _hinted(context.say("report.filed", ref=report.ref, report=report.ref), hint)
    missing = recipients(context.words, context.uow.plan_of(incident), after.missing)
    key_ = "report.filed_part" if after.issue == report.issue else "report.filed_round"
    return _hinted(context.say(key_, ref=report.ref, report=report.ref, missing=missing, due=report_due(after)), hint)


def _unsigned(context: Context, report: Report) -> str:
    """Nothing holds up what was told already; that its paper had no signature is said, and stands in the trail."""
    if not report.draft_sha256 or report.signed_by:
        return ""
    return context.words.say("report.unsigned_hint", ref=report.ref, version=report.drafts)


def _hinted(reply: Reply, hint: str) -> Reply:
    return replace(reply, text=f"{reply.text}\n{hint}") if hint else reply


def _way_and_receipt(given: Filed) -> tuple[str, str]:
    """`way=电话 receipt=王某`, or simply `电话 王某某 2026-001`."""
    way, receipt = [*given.text.split(maxsplit=1), "", ""][:2]
    return given.way or way, given.receipt or (given.text.strip() if given.way else receipt.strip())


def _may(context: Context, report: Report) -> None:
    """Members of the doer's group, or of the office, which keeps the clocks."""
    check(f"group:{','.join(dict.fromkeys((report.group, 'office')))}", context.person, context.organization)


@command("report not-required", NotRequired, zh="报送 不报", who="group:office,legal,lead|role:compliance", four_eyes=True, tells="clock")
def not_required(context: Context, given: NotRequired) -> Reply:
    """Ask a second person to agree that it is not required; the clock runs meanwhile."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    rules.MACHINE.after(report.state, "not_required")
    delayed, reason = answered(given.delayed, given.text, "report.delayed_unanswered")
    found = of_duty(_duty(context, incident, report), context.uow.plan_of(incident).facts.specs)
    check_written(context, found, reason)
    told, of = {"delayed": delayed}, second(context, delayed)
    return Reply(
        ask_waiver(context, incident, [report], "not_required", reason, "", told, answered_line=line(context, delayed), of=of),
        ref=report.ref,
    )


@dataclass(frozen=True, slots=True)
class Required:
    report: str | None = ref("R")
    text: str = rest("理由", "reason", required=True)


@command("report require", Required, zh="报送 须报", who="group:office,legal,lead|role:compliance", tells="clock")
def require(context: Context, given: Required) -> Reply:
    """What two people agreed not to report is required all the same: the authority asks for it, or somebody found out more."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    if report.state is not State.NOT_REQUIRED or report.waived_by == "rule":
        raise RuleBroken("report.stands", ref=report.ref, noun="report", state=report.state)
    if incident.state not in incidents.UNCLOSED:
        raise RuleBroken("report.incident_over", ref=report.ref, incident=incident.ref)
    duty, terms, plan = _duty(context, incident, report), terms_of(context, incident), context.uow.plan_of(incident)
    to = context.organization.groups[report.group].leaders
    again = rules.reopen(
        report, duty, terms, by=context.person, now=context.now, reason=given.text, condition="yes", to=to, ladder=plan.ladder
    )
    return context.say("report.required", ref=report.ref, report=report.ref, due=report_due(context.uow.apply(again)) or "-")


@approved("not_required")
def waived(context: Context, approval: Approval, by: str) -> None:
    waive(context, approval, by)


@approved("fact_off")
def fact_off(context: Context, approval: Approval, by: str) -> None:
    """A condition is turned off by two people: the facts hold now, and the clocks that hung on them stop."""
    incident = context.uow.load(Incident, approval.incident)
    facts = approval.values["facts"]
    assert isinstance(facts, dict), "written by ourselves"
    changed = incidents.set_facts(incident, by=approval.asked_by, now=context.now, given=facts, details={})
    after = context.uow.apply(changed)
    waive(context, approval, by)
    settle(context, after)


@dataclass(frozen=True, slots=True)
class Later:
    report: str | None = ref("R")
    text: str = rest("理由", "reason", required=True)


@command("report later", Later, zh="报送 改晚", who="group:office,legal,lead|role:compliance", four_eyes=True, tells="clock")
def later(context: Context, given: Later) -> Reply:
    """Ask a second person to agree that its deadline moves to where the calendar puts it now."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    check_reason(given.text)
    to = rules.later(report, _duty(context, incident, report), terms_of(context, incident))
    if to is None:
        raise RuleBroken("report.not_later", ref=report.ref)
    said = {"ref": report.ref, "name": duty_name(context, incident, report), "number": incident.number, "title": incident.title}
    what = context.words.say("report.ask_later", **said, was=report.deadline_at, to=to, now=context.now, reason=given.text)
    values: dict[str, Value] = {"later": [report.ref], "to": to.isoformat(), "reason": given.text}
    approval = ask(context, incident, "report_later", given.text, subject=report.ref, values=values, what=what)
    people = context.words.join([context.name(p) for p in approvers(context, incident, "report_later") if p != context.person])
    return context.say("report.later_asked", ref=report.ref, approval=approval.ref, people=people, was=report.deadline_at)


@approved("report_later")
def moved_later(context: Context, approval: Approval, by: str) -> None:
    incident = context.uow.load(Incident, approval.incident)
    report = context.uow.load(Report, approval.subject)
    to = rules.later(report, _duty(context, incident, report), terms_of(context, incident))
    if to is None or to.isoformat() != approval.values["to"]:
        raise RuleBroken("grade.lower_stale", approval=approval.ref)
    lengthen(context, approval, by, incident)


for _kind in ("not_required", "fact_off"):
    returned(_kind)(keep)


@timer("R")
def remind(context: Context, report: str, name: str, due: datetime) -> None:
    """A regulator's clock speaks."""
    found = context.uow.load(Report, report)
    incident = context.uow.incident_of(found)
    plan, people = context.uow.plan_of(incident), context.organization
    asked = rules.to_decide(context.uow.reports(incident.ref), plan.obligations, known_of(context, incident))
    leads, reach = found.state is not State.TO_DECIDE or rules.leads(found, asked), context.reach
    context.uow.apply(
        rules.remind(
            found, now=context.now, organization=people, commander=incident.commander, leads=leads, ladder=plan.ladder, reach=reach
        )
    )


@request("report.unreached")
def unreached(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """None of the ways of a rung reached anybody of it. What has moved on since needs no other word."""
    found = context.uow.load(Report, str(values["ref"]))
    if found.version != values["version"]:
        return
    of, plan = context.uow.incident_of(found), context.uow.plan_of(found)
    people, reach = context.organization, context.reach
    context.uow.apply(rules.pass_over(found, now=context.now, organization=people, commander=of.commander, ladder=plan.ladder, reach=reach))
