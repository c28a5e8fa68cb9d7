"""News of an incident in its chats, and what its commander is asked. None = it no longer matters."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.core import forms
from handlers.core.audience import shows, tells
from handlers.core.due import report_due, task_due
from handlers.core.duties import duty_name
from handlers.core.forms import question
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing
from handlers.core.registry import screen
from handlers.core.summons import moment_of
from workflows.core.approval import State as Asked
from workflows.incident import Incident

#: News that a room hears in brief where it may not hear them in full: what became of the incident, and nothing else.
BRIEF = ("graded", "lowered", "downgraded", "merged", "false_alarm")


def _news(kind: str) -> None:
    """News of an incident: `notice.<kind>` with who did it and the incident's own facts."""

    @screen(f"incident.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        incident, values = look.reader.incident(about["ref"]), about["values"]
        if not tells(look.audience, f"incident.{kind}"):
            return _in_brief(look, incident) if kind in BRIEF else None
        override = incident.override_reason and shows(look.audience, "override")
        text = look.say(
            f"notice.{kind}",
            ref=incident.ref,
            number=incident.number,
            title=incident.title,
            by=_by(look, incident, kind, values.get("by")),
            commander=look.name(incident.commander),
            opinion=incident.opinion_level,
            total=incident.opinion_total,
            level=incident.response_level,
            provisional=look.say("grade.provisional") if incident.provisional else "",
            who=look.say("notice.who", who=values["who"]) if values.get("who") and shows(look.audience, "reporter") else "",
            loss=look.say("timeline.loss", loss=values["loss"]) if values.get("loss") and shows(look.audience, "loss") else "",
            text=str(values.get("text") or values.get("note") or values.get("reason") or ""),
            change=look.say("notice.new_level") if values.get("was", incident.response_level) != incident.response_level else "",
            next=incident.next_update_at,
            into=str(values.get("into", "")),
            tasks=look.say("notice.merged_tasks", tasks=values["tasks"]) if values.get("tasks") else "",
            read=look.say(f"code.opinion_level.{values['read']}") if "read" in values else "",
            override=look.say("notice.override", reason=incident.override_reason) if override else "",
        )
        return Outgoing(text.rstrip())


def _in_brief(look: Look, incident: Incident) -> Outgoing:
    provisional = look.say("grade.provisional") if incident.provisional else ""
    said = {"ref": incident.ref, "title": incident.title, "state": incident.state, "level": incident.response_level}
    return Outgoing(look.say("notice.brief", **said, provisional=provisional))


def _by(look: Look, incident: Incident, kind: str, by: str | None) -> str:
    """Who did it; of a move that rests on a spoken yes also that it was only spoken."""
    moved = {"activated": "activate", "ended": "end"}.get(kind)
    approvals = look.reader.approvals(incident.ref) if moved and shows(look.audience, "oral") else []
    spoken = any(a.kind == moved and a.decided_by == by and a.state is Asked.ORAL for a in approvals)
    return look.name(by) + (look.say("notice.spoken") if spoken else "")


for _kind in (
    *("graded", "activated", "recovered", "ended", "closed", "reopened", "commander", "updated", "typed"),
    *("measured", "lowered", "downgraded", "merged", "false_alarm", "absorbed", "reported_again", "alerted"),
):
    _news(_kind)


@screen("incident.rescore_due")
def rescore_due(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The figures are old: take them again, or say that they are the same."""
    incident, values = look.reader.incident(about["ref"]), about["values"]
    if not incident.running or _taken_since(look, incident, values["last"]):
        return None
    key = "notice.rescore_provisional" if incident.provisional else "notice.rescore_due"
    text = look.say(
        key,
        ref=incident.ref,
        title=incident.title,
        last=moment_of(values["last"]),
        round=values["round"],
        next=moment_of(values["next_at"]),
    )
    button = Button(look.say("button.grade"), f"/incident grade {incident.ref}", None, "primary", forms.grading(look, incident))
    head = look.say("notice.rescore_head", number=incident.number)
    return Outgoing(text, Card(head, (("", text),), "", (button,), "warning", incident.drill))


@screen("incident.update_due")
def update_due(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The promised update has not come."""
    incident = look.reader.incident(about["ref"])
    if not incident.running or incident.touched > about["version"]:
        return None
    values = about["values"]
    missed = missed_of(look, values)
    text = look.say(
        "notice.update_due", ref=incident.ref, title=incident.title, round=values["round"], missed=missed, next=moment_of(values["next_at"])
    )
    button = Button(look.say("button.update"), f"/incident update {incident.ref}", None, "primary", form=question(look.say("ask.update")))
    return Outgoing(
        text, Card(look.say("notice.update_head", number=incident.number), (("", text),), "", (button,), "warning", incident.drill)
    )


@screen("incident.outage")
def outage(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """The engine stood still for a while."""
    incident, since, until = look.reader.incident(about["ref"]), moment_of(about["values"]["since"]), moment_of(about["values"]["until"])
    assert since is not None
    assert until is not None
    return Outgoing(look.say("notice.outage", ref=incident.ref, title=incident.title, span=until - since, since=since, until=until))


def _taken_since(look: Look, incident: Incident, last: str) -> bool:
    readings = look.reader.gradings(incident.ref)
    return bool(readings) and readings[-1].at > datetime.fromisoformat(last)


@screen("incident.recounted")
def recounted(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The calendar has changed: what would be due later stays, until two people agree."""
    incident, values = look.reader.incident(about["ref"]), about["values"]
    plan = look.reader.plan_of(incident)
    reports = [r for ref in values["reports"] if (r := look.reader.report(ref)).open]
    tasks = [t for ref in values["tasks"] if (t := look.reader.task(ref)).live]
    if not reports and not tasks:
        return None
    names = [(r.ref, "reports", duty_name(look.words, plan.obligations[r.obligation]), report_due(r)) for r in reports]
    names += [(t.ref, "tasks", look.words.show(t.title), task_due(look.reader.plan_of(t), t, look.zone)) for t in tasks]
    said = [(ref, name, was, moment_of(values[kind][ref])) for ref, kind, name, was in names]
    lines = tuple((ref, look.say("notice.recounted_one", name=name, was=was, to=to)) for ref, name, was, to in said)
    buttons = tuple(
        Button(look.say("button.later_deadline", ref=r.ref), f"/report later {r.ref}", None, form=question(look.say("ask.reason")))
        for r in reports
    )
    text = look.say(
        "notice.recounted", number=incident.number, title=incident.title, items=look.words.join([f"{ref} {line}" for ref, line in lines])
    )
    return Outgoing(
        text, Card(look.say("notice.recounted_head", number=incident.number), lines, "", buttons[:6], "warning", incident.drill)
    )


@screen("incident.chat_lost")
def chat_lost(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the commander: a chat of the incident is gone."""
    incident = look.reader.incident(about["ref"])
    return Outgoing(look.say("notice.chat_lost", number=incident.number, title=incident.title, ref=incident.ref))
