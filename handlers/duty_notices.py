"""What is said about duty: to who is concerned by a change, at each change of duty, and where nobody is on duty."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.core import acts, duty_lines
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing
from handlers.core.registry import screen
from workflows.core.duty import DutyChange, Turn
from workflows.core.people import Group
from workflows.incident import UNCLOSED


def _news(kind: str) -> None:
    """News of one change: `duty.told_<kind>`, with who said it and from when to when."""

    @screen(f"duty.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing:
        return Outgoing(_said(look, look.reader.duty_change(about["ref"]), f"duty.told_{kind}"))


def _said(look: Look, change: DutyChange, key: str) -> str:
    known = look.organization.groups.get(change.group)
    return look.say(
        key,
        ref=change.ref,
        group=_group(look, known) if known else "",
        person=look.name(change.person),
        gives=look.name(change.gives),
        by=look.name(change.by),
        start=change.start_at,
        end=change.end_at,
        text=change.note,
    )


for _kind in ("set", "leave", "refused", "cancelled", "note"):
    _news(_kind)


@screen("duty.swapped")
def swapped(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A turn is yours now: it holds at once, and may be refused."""
    change = look.reader.duty_change(about["ref"])
    if look.person != change.person:
        return Outgoing(_said(look, change, "duty.told_given"))
    text = _said(look, change, "duty.told_swapped")
    button = Button(look.say("button.refuse_swap"), f"/duty refuse {change.ref}", change.touched, "danger")
    return Outgoing(text, Card(look.say("duty.head_swap", group=_group_of(look, change.group)), (("", text),), "", (button,), "info"))


@screen("duty.changed")
def changed(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """The change itself: to who comes with notes and open work, to who goes with the question for a note."""
    values = about["values"]
    group, at = values["group"], datetime.fromisoformat(values["at"])
    said = {"group": _group_of(look, group), "at": at, "out": look.names(values["out"]) or look.say("word.nobody")}
    if look.person not in values["in"]:
        text = look.say("duty.relieved", into=look.names(values["in"]) or look.say("duty.nobody"), **said)
        buttons = () if values["notes"] else (duty_lines.note(look, group),)
        return Outgoing(text, Card(look.say("duty.head_relieved", group=said["group"]), (("", text),), "", buttons, "info"))
    text = look.say("duty.on_duty", **said)
    notes = [look.say("duty.note_of", person=look.name(person), text=words) for person, words in values["notes"]]
    lines = [("", line) for line in (text, *(notes or [look.say("duty.note_none")]), *duty_lines.open_work(look, group))]
    twin = "\n".join([text, *notes])
    return Outgoing(twin, Card(look.say("duty.head_on", group=said["group"]), tuple(lines), "", (), "info"))


@screen("duty.owner_away")
def owner_away(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A colleague's leave has begun, and their tasks need somebody."""
    values = about["values"]
    tasks = [task for ref in values["refs"] if (task := look.reader.task(ref)).live and task.owner == values["person"]]
    if not tasks:
        return None
    lines = tuple((task.ref, look.say("notice.task_due", title=task.title, due=task.due_at)) for task in tasks)
    text = look.say("duty.owner_away", person=look.name(values["person"]), count=len(tasks), refs=[task.ref for task in tasks])
    buttons = tuple(acts.assign(look, task) for task in tasks[: duty_lines.MOST])
    return Outgoing(
        text, Card(look.say("duty.head_away", person=look.name(values["person"])), (("", text), *lines), "", buttons, "warning")
    )


@screen("duty.commander_away")
def commander_away(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The commander's leave has begun: somebody of the office takes over."""
    values = about["values"]
    found = [incident for ref in values["refs"] if (incident := look.reader.incident(ref)).state in UNCLOSED]
    here = [incident for incident in found if incident.commander == values["person"]]
    if not here:
        return None
    text = look.say("duty.commander_away", person=look.name(values["person"]), refs=[incident.ref for incident in here])
    lines = tuple((incident.ref, look.words.show(incident.title)) for incident in here)
    buttons = tuple(
        Button(look.say("button.take_command", incident=i.ref), f"/incident take {i.ref}", None, "primary") for i in here[: duty_lines.MOST]
    )
    return Outgoing(
        text, Card(look.say("duty.head_away", person=look.name(values["person"])), (("", text), *lines), "", buttons, "warning")
    )


@screen("duty.gaps")
def gaps(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """Nobody will be on duty: said while there is time to name somebody."""
    values, groups = about["values"], look.organization.groups
    lines = [
        duty_lines.gap_line(look.words, groups[one["group"]], _turn(one), look.name, look.now)
        for one in values["gaps"]
        if one["group"] in groups
    ]
    return Outgoing("\n".join([look.say("duty.gaps", count=values["count"]), *lines, look.say("duty.gaps_do")]))


@screen("duty.nobody")
def nobody(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """Nobody is on duty this very moment."""
    return Outgoing(look.say("duty.nobody_now", group=_group_of(look, about["values"]["group"])))


def _turn(one: Mapping[str, Any]) -> Turn:
    return Turn(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), tuple(one["people"]), (), one["why"])


def _group_of(look: Look, group: str) -> str:
    return _group(look, look.organization.groups[group])


def _group(look: Look, group: Group) -> str:
    return duty_lines.group_name(look.words, group)
