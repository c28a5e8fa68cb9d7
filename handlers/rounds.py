"""The engine's own rounds: what it puts right by itself, what it tells the control group about itself, and that it stood still."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Outgoing
from handlers.core.publishing import within
from handlers.core.registry import screen
from storage.mapping import BY_LETTER
from workflows import enquiry, publication, regulator_report, rumour, statement, task, tip
from workflows import incident as incidents
from workflows.core import approval, spoken
from workflows.core.approval import Approval
from workflows.core.facts import Value
from workflows.core.outcome import Notice, Timer
from workflows.core.response import Response
from workflows.core.rounds import Finding, Kind
from workflows.enquiry import Enquiry
from workflows.incident import RUNNING, Incident
from workflows.publication import Publication
from workflows.regulator_report import Report
from workflows.rumour import Rumour
from workflows.statement import Statement
from workflows.task import Task
from workflows.tip import Tip

#: As many as one sentence names; the others are counted.
MOST_NAMED = 10


def rearm(context: Context, ref: str) -> None:
    """An open record has lost its timers: they are set anew from what the record says of itself."""
    record = context.uow.load(BY_LETTER[ref[0]], ref)
    timers = [timer for timer in _timers(context, record) if timer.due is not None]
    for timer in timers:
        context.uow.wake(record, timer)
    context.uow.repaired({"ref": ref, "timers": [timer.name for timer in timers]}, record.incident or None)


def _timers(context: Context, record: Any) -> tuple[Timer, ...]:
    match record:
        case Task() | Enquiry() | Rumour():
            return _paced(record, context.response(context.uow.incident_of(record)))
        case Report():
            return (Timer("clock", regulator_report.next_word(record, context.uow.plan_of(record).ladder)),)
        case Approval():
            oral = record.state is approval.State.ORAL
            return (Timer(spoken.TIMER, spoken.next_word(record)) if oral else Timer("approval", approval.next_word(record)),)
        case Statement():
            promise = Timer(statement.PROMISE, record.promised_at and max(record.promised_at, context.now))
            return (Timer(statement.TIMER, record.expires_at), promise)
        case Publication():
            return (Timer(publication.TIMER, context.now + within(context, record)),)
        case Tip():
            return (Timer(tip.TIMER, tip.next_word(record)),)
        case Incident():
            readings = context.uow.gradings(record.ref)
            last = readings[-1].at if readings else record.opened_at
            return incidents.rounds_of(record, context.uow.plan_of(record).rubric, last=last)
    return ()


def _paced(record: Task | Enquiry | Rumour, response: Response) -> tuple[Timer, ...]:
    """What goes at the pace of its incident's level."""
    match record:
        case Task():
            return task.timers_of(record, response)
        case Enquiry():
            return (Timer(enquiry.TIMER, enquiry.next_word(record, response)),)
        case Rumour():
            return (Timer(rumour.TIMER, rumour.next_word(record, response)),)


def stood_still(context: Context, since: datetime, incidents_then: list[str]) -> None:
    """Nothing was said since then: every incident that ran hears of it once, and keeps it in its timeline."""
    for ref in incidents_then:
        found = context.uow.load(Incident, ref)
        if found.state in RUNNING:
            context.uow.apply(incidents.outage(found, since=since, until=context.now))


# What the control group hears


def tell(context: Context, kind: Kind, findings: tuple[Finding, ...]) -> None:
    """One sentence for all of a kind that stands now; what is over is told with no findings."""
    what: list[Value] = [[one.ref, one.detail] for one in findings]
    notice = Notice("house.finding" if findings else "house.finding_over", ("control",), {"kind": kind, "what": what}, "escalation")
    context.uow.tell_of_house(notice, f"rounds:{kind}")


@screen("house.finding")
def finding(look: Look, about: Mapping[str, Any]) -> Outgoing:
    kind, what = about["values"]["kind"], about["values"]["what"]
    named = look.words.join(list(dict.fromkeys(_named(look, kind, ref, detail) for ref, detail in what))[:MOST_NAMED])
    return Outgoing(
        look.say("rounds.found", name=look.say(f"rounds.name.{kind}"), count=len(what), refs=named, do=look.say(f"rounds.do.{kind}"))
    )


@screen("house.finding_over")
def finding_over(look: Look, about: Mapping[str, Any]) -> Outgoing:
    return Outgoing(look.say("rounds.over", name=look.say(f"rounds.name.{about['values']['kind']}")))


def _named(look: Look, kind: str, ref: str, detail: str) -> str:
    if kind == "rung":
        group, _, spec = detail.partition("|")
        found = look.organization.groups.get(group)
        name = look.words.twin(found.name, found.name_en) if found else group
        specs = [look.say(f"audience.{one}") if look.words.has(f"audience.{one}") else one for one in spec.split(" ")]
        return look.say("rounds.rung", ref=ref, group=name, rung=look.words.join(specs))
    if kind == "late_timer":
        return detail
    shown = look.name(detail) if kind == "commander" else detail
    return look.say("rounds.one", ref=ref, detail=shown) if shown else ref
