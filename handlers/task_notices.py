"""What is said once about tasks: new ones, reminders, questions. None = it no longer matters."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers.core import acts
from handlers.core.audience import tells
from handlers.core.consent import first_buttons, first_line
from handlers.core.due import task_due
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing
from handlers.core.registry import screen
from handlers.core.summons import moment_of, summons, to_people
from handlers.core.wording import Provisional
from workflows.incident import Incident
from workflows.task import State, Task, still_seen, verifiers_of


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
        return summons(look, task.incident, people)
    text = to_people(look, people, reminder_text(look, task, values, about["version"]))
    return Outgoing(text, _task_card(look, task, text) if task.state is State.OPEN else None, tuple(people))


def _knows(look: Look, task: Task, person: str, about: Mapping[str, Any]) -> bool:
    """Whether this person has said 收到 to as much: asked when it is sent, not when the chain spoke, and never of what stands already."""
    seen = None if about.get("stands") else look.reader.seen(person, task)
    response = look.response(look.reader.incident(task.incident))
    return still_seen(task, seen, level=int(about["values"]["level"]), response=response, now=look.now)


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
    climb, again = moment_of(values.get("climb_at")), moment_of(values.get("next_at"))
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
        next=moment_of(values["next_at"]),
    )
    return Outgoing(text, _task_card(look, task, text))


@screen("task.empty_rung")
def empty_rung(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A rung of the ladder names nobody: said at once, so that the plan gets mended."""
    task = look.reader.task(about["ref"])
    specs = str(about["values"]["rung"]).split(" ")
    rung = look.words.join([look.say(f"audience.{spec}") if look.words.has(f"audience.{spec}") else spec for spec in specs])
    return Outgoing(look.say("notice.empty_rung", ref=task.ref, title=task.title, rung=rung))
