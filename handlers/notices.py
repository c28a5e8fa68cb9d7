"""What is said once: news of an incident in its chats, reminders and questions to people. None = it no longer matters."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers.core import acts, forms
from handlers.core.audience import shows, tells
from handlers.core.consent import first_buttons, first_line
from handlers.core.due import report_due, task_due
from handlers.core.duties import duty_name, recipients
from handlers.core.forms import question
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing
from handlers.core.reasons import reason
from handlers.core.registry import SCREENS, screen
from handlers.core.wording import Provisional
from workflows.core.approval import State as Asked
from workflows.core.approval import approvers_of
from workflows.core.plan import Plan
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.regulator_report import State as Clock
from workflows.task import State, Task, still_seen, verifiers_of

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
        key, ref=incident.ref, title=incident.title, last=_at(values["last"]), round=values["round"], next=_at(values["next_at"])
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
        "notice.update_due", ref=incident.ref, title=incident.title, round=values["round"], missed=missed, next=_at(values["next_at"])
    )
    button = Button(look.say("button.update"), f"/incident update {incident.ref}", None, "primary", form=question(look.say("ask.update")))
    return Outgoing(
        text, Card(look.say("notice.update_head", number=incident.number), (("", text),), "", (button,), "warning", incident.drill)
    )


@screen("incident.outage")
def outage(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """The engine stood still for a while."""
    incident, since, until = look.reader.incident(about["ref"]), _at(about["values"]["since"]), _at(about["values"]["until"])
    assert since is not None
    assert until is not None
    return Outgoing(look.say("notice.outage", ref=incident.ref, title=incident.title, span=until - since, since=since, until=until))


def _taken_since(look: Look, incident: Incident, last: str) -> bool:
    readings = look.reader.gradings(incident.ref)
    return bool(readings) and readings[-1].at > datetime.fromisoformat(last)


@screen("tasks.new")
def tasks_new(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Tasks that came later than the opening, said once per person."""
    incident = look.reader.incident(about["ref"])
    tasks = [t for ref in about["values"]["refs"] if (t := look.reader.task(ref)).state is State.OPEN]
    if not tasks:
        return None
    lines = tuple((t.ref, look.say("notice.task_due", title=t.title, due=_due(look, t))) for t in tasks)
    buttons = tuple(acts.claim(look, t) for t in tasks[:8])
    text = look.say("notice.tasks_new", count=len(tasks), number=incident.number, title=incident.title)
    return Outgoing(text, Card(look.say("notice.tasks_head", number=incident.number), lines, "", buttons, "info", incident.drill))


@screen("task.assigned")
def assigned(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A task is yours now, or lies with your group."""
    task = look.reader.task(about["ref"])
    if not task.live or (task.owner not in (None, look.person)):
        return None
    by = about["values"].get("by") or about["values"].get("released_by")
    kind = "notice.released" if "released_by" in about["values"] else "notice.assigned" if task.owner else "notice.added"
    text = look.say(
        kind, ref=task.ref, title=task.title, by=look.name(by or task.created_by), due=_due(look, task) or look.say("task.no_due")
    )
    return Outgoing(text, _task_card(look, task, text))


@screen("task.verify")
def verify(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A colleague says it is done: please check."""
    task = look.reader.task(about["ref"])
    if task.state is not State.DONE:
        return None
    text = look.say("notice.verify", ref=task.ref, title=task.title, by=look.name(task.done_by), note=task.note)
    return Outgoing(text, _task_card(look, task, text))


@screen("task.rejected")
def rejected(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    task, values = look.reader.task(about["ref"]), about["values"]
    if not task.live:
        return None
    text = look.say("notice.rejected", ref=task.ref, title=task.title, by=look.name(values["by"]), reason=values["reason"])
    return Outgoing(text, _task_card(look, task, text))


@screen("task.blocked")
def blocked(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Somebody cannot go on without you."""
    task, values = look.reader.task(about["ref"]), about["values"]
    if task.state is not State.BLOCKED:
        return None
    return Outgoing(look.say("notice.blocked", ref=task.ref, title=task.title, by=look.name(values["by"]), reason=values["reason"]))


@screen("task.reminder")
def reminder(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Which round, why, by when, and what happens next: so that the reader can prevent it."""
    task, values = look.reader.task(about["ref"]), about["values"]
    if not (task.live or task.state is State.DONE) or task.touched > about["version"]:
        return None
    if look.person and _knows(look, task, look.person, about):
        return None
    text = reminder_text(look, task, values, about["version"])
    return Outgoing(text, _task_card(look, task, text))


@screen("task.mention")
def mention(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The same where everybody of the incident reads it, to those whom the rung names and who have not said 收到 to as much."""
    task, values = look.reader.task(about["ref"]), about["values"]
    if not (task.live or task.state is State.DONE) or task.touched > about["version"]:
        return None
    people = [person for person in values["people"] if not _knows(look, task, person, about)]
    if values["people"] and not people:
        return None
    if not tells(look.audience, "task.mention"):
        return _summons(look, task.incident, people)
    text = _to(look, people, reminder_text(look, task, values, about["version"]))
    return Outgoing(text, _task_card(look, task, text) if task.state is State.OPEN else None, tuple(people))


def _knows(look: Look, task: Task, person: str, about: Mapping[str, Any]) -> bool:
    """Whether this person has said 收到 to as much: asked when it is sent, not when the chain spoke, and never of what stands already."""
    seen = None if about.get("stands") else look.reader.seen(person, task)
    response = look.response(look.reader.incident(task.incident))
    return still_seen(task, seen, level=int(about["values"]["level"]), response=response, now=look.now)


def _summons(look: Look, incident: str, people: list[str]) -> Outgoing:
    """In a room that may not read what it is about: to whom, and where they read it."""
    text = look.say("reminder.summons", people=look.names(people), number=look.reader.incident(incident).number)
    return Outgoing(text, None, tuple(people))


def _to(look: Look, people: list[str], text: str) -> str:
    """With the names before it: not every messenger shows whom a message mentions."""
    return look.say("reminder.mention", people=look.names(people), text=text)


def reminder_text(look: Look, task: Task, values: Mapping[str, Any], version: int) -> str:
    """`version` minus what was last touched by a person: how many reminders there were since somebody acted."""
    missed = _not_said(look, values)
    round_ = max(1, version - task.touched)
    why, following = _why(look, task, values["timer"]), _what_comes(look, task, values)
    return look.say("reminder.text", round=round_, ref=task.ref, title=task.title, why=why, missed=missed, next=following)


def _due(look: Look, task: Task) -> datetime | Provisional | None:
    return task_due(look.reader.plan_of(task), task, look.zone)


def _not_said(look: Look, values: Mapping[str, Any]) -> str:
    """What an outage or quiet hours kept from being said."""
    return missed_of(look, values) + (look.say("reminder.held", count=values["held"]) if values.get("held") else "")


def _why(look: Look, task: Task, timer: str) -> str:
    """Who has it, by when, and what the reader should do about it."""
    due, now = task.due_at, look.now
    left = look.say("reminder.no_due")
    if due is not None:
        late = now - due
        key = "reminder.left" if late < timedelta(0) else "reminder.now" if late < timedelta(minutes=1) else "reminder.late"
        left = look.say(key, due=_due(look, task), span=abs(late))
    if task.state is State.DONE:
        return look.say("reminder.verify", by=look.name(task.done_by), at=task.done_at)
    if task.owner is None:
        return look.say("reminder.unowned", left=left)
    whose = "yours" if task.owner == look.person else "theirs"
    if task.state is State.BLOCKED:
        return look.say(f"reminder.blocked_{whose}", owner=look.name(task.owner), reason=task.note, left=left)
    if task.waits:
        return look.say(f"reminder.first_{whose}", owner=look.name(task.owner), left=left)
    if timer == "progress":
        quiet = now - (task.progress_at or task.claimed_at or task.created_at)
        return look.say(f"reminder.quiet_{whose}", owner=look.name(task.owner), quiet=quiet, left=left)
    kind = "round" if task.standing and task.owner == look.person else "owned"
    return look.say(f"reminder.{kind}_{whose}", owner=look.name(task.owner), left=left)


def _what_comes(look: Look, task: Task, values: Mapping[str, Any]) -> str:
    """What happens next if nobody acts: who will hear of it and when, so that the reader can prevent it."""
    incident = look.reader.incident(task.incident)
    rungs, after = look.response(incident).rungs, int(values["level"]) + 1
    climb, again = _at(values.get("climb_at")), _at(values.get("next_at"))
    if climb is None:
        return look.say("reminder.again", at=again) if again else ""
    if after >= len(rungs):
        return look.say("reminder.next", at=climb, to=look.say("audience.control"))
    heard = {spec: look.organization.resolve(spec, group=task.group, commander=incident.commander) for spec in rungs[after].to}
    others = {spec: [p for p in people if p != look.person] for spec, people in heard.items()}
    if any(heard.values()) and not any(others.values()):  # the next rung is the reader alone
        return look.say("reminder.again", at=climb)
    specs = [spec for spec in heard if others[spec] or not any(heard.values())]
    names = look.words.join([look.say(f"audience.{spec}") if look.words.has(f"audience.{spec}") else spec for spec in specs])
    people = list(dict.fromkeys(person for spec in specs for person in others[spec]))
    to = look.say("reminder.rung", rung=names, people=look.names(people)) if people else names
    return look.say("reminder.next", at=climb, to=to)


def _task_card(look: Look, task: Task, text: str) -> Card:
    incident = look.reader.incident(task.incident)
    buttons: list[Button] = []
    menu: list[Button] = []
    if task.state is State.OPEN:
        buttons = [acts.claim(look, task), *_assign(look, task)]
    elif task.state is State.DONE:
        buttons = acts.check(look, task) if look.person in _verifiers(look, task, incident) else []
    elif task.owner != look.person:
        buttons = _assign(look, task)
    elif task.waits:
        buttons = [*first_buttons(look, task), acts.block(look, task)]
    else:
        buttons = [acts.progress(look, task, "primary"), acts.done(look, task), acts.block(look, task), acts.attach(look, task)]
        menu = acts.snooze(look, task)
    buttons.append(acts.seen(look, task))
    lines = [("", text)]
    if waits := first_line(look, incident, task):
        lines.append(("", waits))
    if task.done_means:
        lines.append((look.say("card.done_means"), look.words.show(task.done_means)))
    head = look.say("notice.task_head", ref=task.ref, number=incident.number)
    return Card(head, tuple(lines), "", tuple(buttons), "warning", incident.drill, tuple(menu))


def _assign(look: Look, task: Task) -> list[Button]:
    """Who leads a group can name the owner with one tap and a name."""
    if not any(look.person in group.leaders for group in look.organization.groups.values()):
        return []
    return [acts.assign(look, task)]


def _verifiers(look: Look, task: Task, incident: Incident) -> tuple[str, ...]:
    by_level = look.response(incident).approvers.get("statement", ())
    return verifiers_of(task, look.organization, commander=incident.commander, by_level=by_level)


@screen("task.exhausted")
def exhausted(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Everybody on the ladder was told and nobody took it: the control group gets names and phone numbers."""
    task, values = look.reader.task(about["ref"]), about["values"]
    if not (task.live or task.state is State.DONE) or task.touched > about["version"]:
        return None
    group, incident = look.organization.groups[task.group], look.reader.incident(task.incident)
    owned = [task.owner] if task.owner and task.owner not in look.organization.away else list(group.everyone)
    people = list(_verifiers(look, task, incident)) if task.state is State.DONE else owned
    phones = look.words.join(
        [f"{look.name(p)} {look.organization.people[p].phone}".strip() for p in people if p in look.organization.people]
    )
    text = look.say(
        "notice.exhausted",
        ref=task.ref,
        title=task.title,
        phones=phones,
        round=max(1, about["version"] - task.touched),
        why=_why(look, task, values["timer"]),
        missed=_not_said(look, values),
        next=_at(values["next_at"]),
    )
    return Outgoing(text, _task_card(look, task, text))


@screen("task.empty_rung")
def empty_rung(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A rung of the ladder names nobody: said at once, so that the plan gets mended."""
    task = look.reader.task(about["ref"])
    specs = str(about["values"]["rung"]).split(" ")
    rung = look.words.join([look.say(f"audience.{spec}") if look.words.has(f"audience.{spec}") else spec for spec in specs])
    return Outgoing(look.say("notice.empty_rung", ref=task.ref, title=task.title, rung=rung))


@screen("approval.reminder")
def approval_reminder(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Still undecided: the card again, so that nobody has to scroll for it."""
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.PENDING:
        return None
    drawn = SCREENS["approval"](look, about)
    assert drawn is not None, "an approval's card always matters"
    incident, values = look.reader.incident(approval.incident), about["values"]
    comes = "notice.approval_next" if values["rank"] == 1 else "notice.approval_again"
    text = look.say(
        "notice.approval_reminder",
        round=values["round"],
        ref=approval.ref,
        kind=look.say(f"approval.kind.{approval.kind}"),
        number=incident.number,
        title=incident.title,
        by=look.name(approval.asked_by),
        at=approval.asked_at,
        missed=missed_of(look, values),
        next=look.say(comes, at=_at(values["next_at"])),
    )
    return Outgoing(text, drawn.card)


@screen("approval.stuck")
def approval_stuck(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.PENDING:
        return None
    people, incident = approvers_of(approval, look.organization), look.reader.incident(approval.incident)
    phones = look.words.join(
        [f"{look.name(p)} {look.organization.people[p].phone}".strip() for p in people if p in look.organization.people]
    )
    return Outgoing(
        look.say(
            "notice.approval_stuck",
            ref=approval.ref,
            kind=look.say(f"approval.kind.{approval.kind}"),
            number=incident.number,
            title=incident.title,
            at=approval.asked_at,
            phones=phones,
        )
    )


@screen("approval.decided")
def approval_decided(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the one who asked."""
    approval = look.reader.approval(about["ref"])
    kind = look.say(f"approval.kind.{approval.kind}")
    person = look.name(approval.decided_by)
    return Outgoing(look.say(f"notice.approval_{approval.state}", ref=approval.ref, kind=kind, person=person, note=approval.note).rstrip())


@screen("approval.confirm")
def approval_confirm(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A spoken yes that its leader has not signed yet: to the leader the card again, to those who rely on it a sentence."""
    approval, values = look.reader.approval(about["ref"]), about["values"]
    if approval.state is not Asked.ORAL:
        return None
    incident = look.reader.incident(approval.incident)
    theirs = look.person == approval.decided_by
    text = look.say(
        "notice.oral_confirm" if theirs else "notice.oral_wait",
        round=values["round"],
        ref=approval.ref,
        kind=look.say(f"approval.kind.{approval.kind}"),
        number=incident.number,
        title=incident.title,
        person=look.name(approval.decided_by),
        heard=look.name(approval.heard_by),
        at=approval.decided_at,
        next=_at(values["next_at"]),
    )
    drawn = SCREENS["approval.heard"](look, about) if theirs else None
    return Outgoing(text, drawn.card if drawn else None)


@screen("approval.unconfirmed")
def approval_unconfirmed(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A day has gone by: the control group, with the number to ring."""
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.ORAL:
        return None
    incident, leader = look.reader.incident(approval.incident), look.organization.people.get(approval.decided_by or "")
    text = look.say(
        "notice.oral_unconfirmed",
        ref=approval.ref,
        kind=look.say(f"approval.kind.{approval.kind}"),
        number=incident.number,
        title=incident.title,
        person=look.name(approval.decided_by),
        phone=leader.phone if leader else "",
        heard=look.name(approval.heard_by),
        at=approval.decided_at,
    )
    return Outgoing(text)


def _oral_settled(kind: str) -> None:
    """The leader has signed, or says that it is not so."""

    @screen(f"approval.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        if not tells(look.audience, f"approval.{kind}"):
            return None
        approval = look.reader.approval(about["ref"])
        incident = look.reader.incident(approval.incident)
        text = look.say(
            f"notice.oral_{kind}",
            ref=approval.ref,
            kind=look.say(f"approval.kind.{approval.kind}"),
            number=incident.number,
            title=incident.title,
            person=look.name(approval.decided_by),
            heard=look.name(approval.heard_by),
            at=approval.decided_at,
            note=approval.denial or "",
        )
        return Outgoing(text.rstrip())


for _kind in ("confirmed", "denied"):
    _oral_settled(_kind)


@screen("approval.estimated")
def approval_estimated(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    approval, values = look.reader.approval(about["ref"]), about["values"]
    if approval.state is not Asked.PENDING:
        return None
    return Outgoing(look.say("notice.approval_later", ref=approval.ref, person=look.name(values["by"]), until=_at(values["until"])))


@screen("house.buried")
def buried(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: something could not be handled or sent."""
    values = about["values"]
    return Outgoing(look.say("notice.buried", queue=values["queue"], id=values["id"], error=reason(look.words, str(values["error"]))))


@screen("house.platform_down")
def platform_down(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: a messenger does not answer."""
    values = about["values"]
    name = look.say(f"platform.{values['platform']}")
    return Outgoing(look.say("notice.platform_down", platform=name, reason=reason(look.words, str(values["reason"]))))


@screen("house.quota_out")
@screen("house.not_heard")
def withheld(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A messenger keeps back what people say there: to who said it, and to administrators."""
    platform = look.say(f"platform.{about['values']['platform']}")
    return Outgoing(look.say(f"notice.{about['notice'].removeprefix('house.')}", platform=platform))


@screen("house.month_low")
def month_low(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: a messenger's month is nearly used."""
    values = about["values"]
    shown = {"platform": look.say(f"platform.{values['platform']}"), "used": values["used"], "most": values["most"]}
    shown["percent"] = values["used"] * 100 // values["most"]
    text = look.say(f"notice.month_low_{values['what']}", **shown)
    if values["out"]:
        text += look.say("notice.month_out", out=datetime.fromisoformat(values["out"]))
    return Outgoing(text)


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
    names += [(t.ref, "tasks", look.words.show(t.title), _due(look, t)) for t in tasks]
    said = [(ref, name, was, _at(values[kind][ref])) for ref, kind, name, was in names]
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


@screen("house.switched_off")
def switched_off(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: messages for chats of a messenger that is not on any more."""
    return Outgoing(look.say("notice.switched_off", platform=look.say(f"platform.{about['values']['platform']}")))


@screen("incident.chat_lost")
def chat_lost(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the commander: a chat of the incident is gone."""
    incident = look.reader.incident(about["ref"])
    return Outgoing(look.say("notice.chat_lost", number=incident.number, title=incident.title, ref=incident.ref))


def _at(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _clock_news(kind: str) -> None:
    """News of a regulator's clock to whoever has to act: which report, to whom, by when, and why."""

    @screen(f"report.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        report, values = look.reader.report(about["ref"]), about["values"]
        incident = look.reader.incident(report.incident)
        if not report.open or report.touched > about["version"]:
            return None
        plan = look.reader.plan_of(incident)
        duty = plan.obligations[report.obligation]
        mentions = tuple(values["people"]) if kind == "mention" else ()
        if not tells(look.audience, f"report.{kind}"):
            return _summons(look, incident.ref, list(mentions))
        text = _clock_text(look, report, plan, kind, values)
        text = _to(look, list(mentions), text) if mentions else text
        binding = look.say(f"report.binding_{duty.binding}")
        basis = look.say("report.basis_value", basis=look.words.twin(duty.basis, duty.basis_en), binding=binding)
        head = look.say("notice.report_head", ref=report.ref, number=incident.number)
        lines = (("", text), (look.say("report.basis"), basis))
        return Outgoing(text, Card(head, lines, "", _clock_buttons(look, report), "danger", incident.drill), mentions)


def _clock_text(look: Look, report: Report, plan: Plan, kind: str, values: Mapping[str, Any]) -> str:
    """A mention says in the chat what the reminder says to one person."""
    said = kind if kind != "mention" else "ask" if report.state is Clock.TO_DECIDE else "reminder"
    deadline, group = report.deadline_at or look.now, look.organization.groups[report.group]
    return look.say(
        f"notice.report_{said}",
        ref=report.ref,
        name=duty_name(look.words, plan.obligations[report.obligation]),
        to=recipients(look.words, plan, report.missing or report.recipients),
        due=report_due(report) or deadline,
        late=look.say("report.late", span=look.now - deadline) if deadline < look.now else "",
        missed=look.say("reminder.missed", count=values["missed"]) if values.get("missed") else "",
        phones=_doers_phones(look, report.group) if kind == "phones" else "",
        rung=str(values.get("rung", "")),
        group=look.words.twin(group.name, group.name_en),
        next=_at(values.get("next_at")) or deadline,
    )


def _clock_buttons(look: Look, report: Report) -> tuple[Button, ...]:
    filed, waive = look.say("button.filed", ref=report.ref), look.say("button.waive", ref=report.ref)
    return (
        Button(filed, f"/report filed {report.ref}", None, "primary", form=forms.filing(look, report)),
        Button(waive, f"/report not-required {report.ref}", None, form=question(look.say("ask.waive"))),
    )


def _doers_phones(look: Look, group: str) -> str:
    people = [look.organization.people[p] for p in look.organization.groups[group].everyone]
    return look.words.join([f"{p.name} {p.phone}".strip() for p in people])


for _kind in ("opened", "due", "started", "tightened", "lengthened", "handed", "reminder", "ask", "phones", "mention", "empty_rung"):
    _clock_news(_kind)
