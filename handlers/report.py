"""Regulator clocks: what is due, what was filed, and what two people agree is not required."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.core import report_view as view
from handlers.core.access import check
from handlers.core.apart import told
from handlers.core.asking import approvers, ask
from handlers.core.attesting import check_written, of_duty
from handlers.core.clocks import ask_waiver, drop_question, duty_name, keep, known_of, lengthen, terms_of, waive
from handlers.core.context import Context
from handlers.core.delayed import answered, line, second
from handlers.core.due import report_due
from handlers.core.duties import as_kept, recipients
from handlers.core.look import Look
from handlers.core.message import Card, Reply
from handlers.core.paper_rights import WAIVERS, filers
from handlers.core.registry import approved, body, command, key, ref, request, rest, returned, timer
from handlers.core.settling import settle
from handlers.core.waivers import is_waived
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
    receipt: str | None = key("回执")
    callee: str | None = key("受话人")
    partial: bool | None = key("部分", "先报", kind="flag")
    unchanged: bool = key("无变化", kind="flag", default=False)
    text: str = rest("方式和回执", "way and receipt")
    points: str | None = body("要点", "points")


@dataclass(frozen=True, slots=True)
class Which:
    report: str | None = ref("R")


@dataclass(frozen=True, slots=True)
class Points:
    report: str | None = ref("R")
    text: str = rest("要点", "points", required=True)


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
    look = Look.of(context)
    lines = [("waived" if is_waived(report) else "clock", view.line(look, report)) for report in reports]
    reply = told(look, [("", head), *lines], incident.ref)
    running = [report for report in reports if report.open] if look.shows("clock") else []
    if not running:
        return reply
    note = context.words.say("report.list_note")
    shown = tuple(("", line) for line in reply.text.splitlines()[1:])
    card = Card(head, shown, note, view.listed(look, running), look.tone(incident), incident.drill)
    return replace(reply, card=card)


@command("report show", Which, zh="报送 查看", who="reader", tells="clock")
def show(context: Context, given: Which) -> Reply:
    """One report: until when, on what that rests, who was told, how far its paper is, and what to do next."""
    report, _ = context.item(Report, given.report, "R", "house.which_report")
    drawn = view.card(Look.of(context), report)
    return Reply(drawn.text, ref=report.ref, card=drawn.card)


def _duty(context: Context, incident: Incident, report: Report) -> Obligation:
    return context.uow.plan_of(incident).obligations[report.obligation]


@command("report filed", Filed, zh="报送 已报", who="member", short=("已报",), tells="clock")
def filed(context: Context, given: Filed) -> Reply:
    """It was reported: to whom, when, by which way, with which receipt."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    _may(context, report)
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
        partial=_in_part(context, report, given),
        **_said(context, report, given),
        ladder=context.uow.plan_of(incident).ladder,
    )
    after = context.uow.apply(outcome)
    if after.waiver is None:  # of what goes on, the rest is still asked about
        drop_question(context, report, context.words.say("report.filed_meanwhile"))
    hints = [_unsigned(context, report), _pointless(context, report, _duty(context, incident, report), after)]
    if after.state is State.FILED:
        return _hinted(context.say("report.filed", ref=report.ref, report=report.ref), hints)
    missing = recipients(context.words, context.uow.plan_of(incident), after.missing)
    going_on = "report.filed_first" if after.completing else "report.filed_round"
    key_ = "report.filed_part" if after.issue == report.issue else going_on
    return _hinted(context.say(key_, ref=report.ref, report=report.ref, missing=missing, due=report_due(after)), hints)


def _said(context: Context, report: Report, given: Filed) -> dict[str, str]:
    """Way, receipt, who took the call and what was said; 「无变化」 goes the way the last report went."""
    way, receipt = _way_and_receipt(given)
    said = {"way": way, "receipt": receipt, "callee": given.callee or "", "points": given.points or ""}
    if not given.unchanged:
        return said
    if not report.repeating:
        raise RuleBroken("report.no_series", ref=report.ref)
    last = rules.last_told(context.uow.reports(report.incident), report)
    if last is None and not way:
        raise RuleBroken("report.way", ref=report.ref)
    nothing = context.words.say("report.unchanged")
    before = {"way": last.way, "callee": last.callee} if last else {}
    return {**said, **{name: said[name] or text for name, text in {**before, "receipt": nothing, "points": nothing}.items()}}


def _in_part(context: Context, report: Report, given: Filed) -> bool:
    """As said; else as its paper is, where there is one."""
    if given.partial is not None:
        return given.partial
    return bool(report.draft_sha256) and context.uow.sheet(context.uow.paper(report.ref, report.drafts)).partial


def _pointless(context: Context, report: Report, duty: Obligation, after: Report) -> str:
    """A call is recorded at once, whatever is missing; what was said in it is asked for then."""
    if not duty.phone or all(filing.points for filing in after.filed if filing.issue == report.issue):
        return ""
    return context.words.say("report.points_hint", ref=report.ref)


@command("report note", Points, zh="报送 要点", who="member", tells="clock")
def note(context: Context, given: Points) -> Reply:
    """What was said in the call."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    _may(context, report)
    context.uow.apply(rules.note(report, by=context.person, points=given.text, ladder=context.uow.plan_of(incident).ladder))
    return context.say("report.noted", ref=report.ref, report=report.ref)


def _unsigned(context: Context, report: Report) -> str:
    """Nothing holds up what was told already; that its paper had no signature is said, and stands in the trail."""
    if not report.draft_sha256 or report.signed_by:
        return ""
    return context.words.say("report.unsigned_hint", ref=report.ref, version=report.drafts)


def _hinted(reply: Reply, hints: list[str]) -> Reply:
    return replace(reply, text="\n".join([reply.text, *filter(None, hints)]))


def _way_and_receipt(given: Filed) -> tuple[str, str]:
    """`way=电话 receipt=王某`, or simply `电话 王某某 2026-001`."""
    way, receipt = [*given.text.split(maxsplit=1), "", ""][:2]
    return given.way or way, given.receipt or (given.text.strip() if given.way else receipt.strip())


def _may(context: Context, report: Report) -> None:
    check(filers(report), context.person, context.organization)


@command("report not-required", NotRequired, zh="报送 不报", who=WAIVERS, four_eyes=True, tells="clock")
def not_required(context: Context, given: NotRequired) -> Reply:
    """Ask a second person to agree that it is not required; the clock runs meanwhile."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    rules.MACHINE.after(report.state, "not_required")
    delayed, reason = answered(given.delayed, given.text, of_report=True)
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


@command("report require", Required, zh="报送 须报", who=WAIVERS, tells="clock")
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


@command("report later", Later, zh="报送 改晚", who=WAIVERS, four_eyes=True, tells="clock")
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
