"""The reminder to the staff that one person speaks: fixed words of the house, sent once, read by a tap, and counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.core import enquiry_view as view
from handlers.core.access import scope_of
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing, Reply
from handlers.core.registry import command, ref, screen, timer
from workflows import circular as rules
from workflows.circular import Circular, State
from workflows.core.errors import BadWords, NotFound, RuleBroken
from workflows.core.speaking import spokesperson
from workflows.incident import UNCLOSED, Incident


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Which:
    circular: str | None = ref("E")


@command("enquiry remind", OfIncident, zh="媒体 提醒", also=("声明 提醒",), who=view.REMINDERS)
def remind(context: Context, given: OfIncident) -> Reply:
    """Remind everybody of the plan, and the staff's chats, that the spokesperson alone speaks; who has read it is counted."""
    incident = context.incident(given.incident)
    if incident.state not in UNCLOSED:
        raise RuleBroken("circular.over", incident=incident.ref)
    speaker, response = spokesperson(context.organization), context.response(incident)
    for before in context.uow.circulars(incident.ref):
        if before.state is State.SENT and before.speaker == speaker:
            raise RuleBroken("circular.already", ref=before.ref)
    asked_again = context.now + response.progress_every
    fresh = Circular(
        ref=context.uow.next_ref(Circular),
        incident=incident.ref,
        plan=incident.plan,
        state=State.SENT,
        speaker=speaker,
        sent_by=context.person,
        sent_at=context.now,
        remind_at=response.quiet.ends(asked_again) if response.quiet else asked_again,
        people=_people(context, incident, speaker),
        chats=_chats(context, incident),
    )
    kept = context.uow.apply(rules.send(fresh))
    where = context.words.say("circular.sent_chats", count=len(kept.chats)) if kept.chats else ""
    return context.say("circular.sent", ref=kept.ref, circular=kept.ref, people=len(kept.people), chats=where)


def _people(context: Context, incident: Incident, speaker: str) -> tuple[str, ...]:
    """Everybody of the plan but who speaks and who sends it; of a restricted incident only who may know that there is something."""
    everyone = (one for one in context.organization.people if one not in (speaker, context.person))
    return tuple(
        one for one in everyone if not incident.restricted or context.reader.open_to(scope_of(one, context.organization), incident.ref)
    )


def _chats(context: Context, incident: Incident) -> tuple[str, ...]:
    """A drill stays among those who drill, what only a few may know among those few."""
    if incident.drill or incident.restricted:
        return ()
    return tuple(f"{platform}:{chat}" for platform, chat in context.organization.firm.staff_chats)


@command("enquiry read", Which, zh="媒体 已阅", who="anyone", short=("已阅",))
def read(context: Context, given: Which) -> Reply:
    """Say that you have read it: once each, whoever you are."""
    ref_ = given.circular or (context.subject if (context.subject or "").startswith("E") else None)
    if ref_ is None:
        raise BadWords("house.which_circular")
    circular = context.uow.circular(ref_)
    if context.person not in circular.people and not circular.chats:
        raise NotFound("house.not_found", ref=ref_)
    context.uow.read_circular(circular.ref)
    return context.say("circular.thanks", ref=circular.ref, **view.who_speaks(Look.of(context)))


@command("enquiry unread", Which, zh="媒体 未阅", who=view.REMINDERS, tells="enquiry")
def unread(context: Context, given: Which) -> Reply:
    """Who has not read it yet."""
    ref_ = given.circular
    if ref_ is None and not (context.subject or "").startswith("E"):
        sent = context.uow.circulars(context.incident(None).ref)
        ref_ = sent[-1].ref if sent else None
    circular, _ = context.item(Circular, ref_, "E", "house.which_circular")
    look = Look.of(context)
    missing = _unread(look, circular)
    names = look.names(missing) if missing else context.words.say("circular.everybody")
    return Reply(context.words.say("circular.unread", so_far=view.read_so_far(look, circular), names=names), ref=circular.ref)


def _unread(look: Look, circular: Circular) -> tuple[str, ...]:
    said = look.reader.readers_of(circular).said
    return tuple(one for one in circular.people if one not in said)


@timer("E")
def again(context: Context, circular: str, name: str, due: datetime) -> None:
    """Once more to those who have not, and then it is left at that."""
    found = context.uow.load(Circular, circular)
    if found.state is State.SENT:
        missing = _unread(Look.of(context), found)
        context.uow.apply(rules.remind(found, unread=tuple(one for one in missing if one in context.organization.people)))


@screen("circular")
def reminder(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Says nothing of the incident: it is read by people who are not told what happened."""
    circular = look.reader.circular(about["ref"])
    if look.person and look.person in look.reader.readers_of(circular).said:
        return None
    firm, speaker = look.organization.firm, look.organization.people.get(circular.speaker)
    said = {"firm": look.words.twin(firm.name, firm.name_en), "person": look.name(circular.speaker)}
    text = look.say("circular.text", **said, phone=speaker.phone if speaker else "")
    drill = look.reader.practised(circular.incident)
    button = Button(look.say("button.circular_read"), f"/enquiry read {circular.ref}", None, "primary")
    card = Card(look.say("circular.head"), (("", text),), look.say("circular.note"), (button,), "info", drill)
    return Outgoing(look.say("statement.drill", text=text) if drill else text, card)


@screen("circular.count")
def counted(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To who sent it: how many have read it, as they said; what messengers tell stands apart."""
    circular = look.reader.circular(about["ref"])
    count, incident = look.reader.readers_of(circular), look.reader.incident(circular.incident)
    lines = [
        (look.say("circular.said"), look.say("circular.said_value", said=len(count.said), all=len(circular.people))),
        *([(look.say("circular.staff"), look.say("circular.staff_value", count=count.others))] if circular.chats else []),
        *([(look.say("circular.shown"), look.say("circular.shown_value", count=count.shown))] if count.shown else []),
    ]
    button = Button(look.say("button.circular_unread"), f"/enquiry unread {circular.ref}")
    done = len(count.said) == len(circular.people)
    card = Card(look.say("circular.card", ref=circular.ref), tuple(lines), "", (button,), "good" if done else "info", incident.drill)
    return Outgoing(look.say("circular.twin", so_far=view.read_so_far(look, circular), number=incident.number), card)
