"""Opening an incident from a first report: its record, its tasks, its chat, and what to say to the one who opened it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from handlers.core.apart import told
from handlers.core.audience import OPEN, WHOLE, audience_of
from handlers.core.context import Context
from handlers.core.forms import filling
from handlers.core.look import Look
from handlers.core.message import Button, Card, Reply
from handlers.core.settling import settle
from workflows import incident as rules
from workflows.core.errors import BadWords
from workflows.core.grading import grade
from workflows.core.outcome import Notice
from workflows.core.plan import Plan
from workflows.core.rubric import OpinionLevel, ResponseLevel
from workflows.incident import Incident, State
from workflows.tip import Tip

#: Doors that are no messenger: a room that is asked for there is made wherever one can be.
NO_MESSENGERS = ("api", "web")

#: The chat where it was reported, a room of its own, or both.
Where = Literal["here", "room", "both"]


@dataclass(frozen=True, slots=True)
class Opened:
    incident: Incident
    tasks: int
    where: Where


def open_incident(context: Context, first: Tip) -> Opened:
    """Open it at once, with whatever the first report says."""
    plan = context.uow.current_plan()
    opened = _opening(context, first, plan)
    response = plan.responses[opened.record.response_level]
    incident = context.uow.apply(rules.watched(opened, plan.rubric, response, now=context.now))
    settled = settle(context, incident)
    return Opened(incident, len(settled.made), _bind_or_create(context, incident, first.chat))


def opened_reply(context: Context, opened: Opened, first: str = "") -> Reply:
    """What there is now, what is missing, and what comes next."""
    incident = opened.incident
    head = context.words.say(
        "incident.opened",
        incident=incident.ref,
        number=incident.number,
        title=incident.title,
        level=incident.response_level,
        commander=context.name(incident.commander),
    )
    made, where = context.words.say("incident.opened_tasks", tasks=opened.tasks), context.words.say(f"incident.opened_{opened.where}")
    look = Look.of(context)
    lines = [
        ("", first),
        ("", head),
        *([("", made + where)] if look.shows("tasks") else [("tasks", made), ("", where)]),
        ("missing", _what_is_missing(context, incident)),
        ("", _what_is_next(context, incident)),
    ]
    reply = told(look, lines, incident.ref)
    return replace(reply, card=_to_fill_in(look, incident, reply.text))


def _to_fill_in(look: Look, incident: Incident, text: str) -> Card | None:
    """The answer as a card that takes what the first report lacks."""
    if not (look.shows("fill") and rules.missing_fields(incident)):
        return None
    fill = Button(look.say("button.fill"), f"/incident fact {incident.ref}", None, "primary", filling(look, incident))
    return Card(look.say("form.fill_head", number=incident.number), (("", text),), buttons=(fill,), tone="info", drill=incident.drill)


def _opening(context: Context, first: Tip, plan: Plan) -> Any:
    uow, now = context.uow, context.now
    working = grade(plan.rubric, {})
    incident = Incident(
        ref=uow.next_ref(Incident),
        number=_number(context, first.drill),
        title=first.title or context.words.say("incident.untitled"),
        state=State.OPEN,
        plan=uow.keep_plan(),
        opened_by=context.person,
        opened_at=now,
        known_at=first.known_at,
        commander=_commander(context),
        opinion_level=OpinionLevel.MILD,
        opinion_total=0,
        response_level=ResponseLevel.L4,
        type=first.type,
        subtype=first.subtype,
        system=first.system,
        place=first.place,
        reporter=first.reporter,
        loss=first.loss,
        playbooks=("common", first.type) if first.type else ("common",),
        drill=first.drill,
        restricted=first.restricted,
        occurred_at=first.occurred_at,
        facts=plan.facts.starting([first.type] if first.type else []),
    )
    return rules.open_(incident, working, plan.response(working.response, now, context.zone))


def _commander(context: Context) -> str:
    """The office's duty member; when nobody is on duty the plan's head all the same, and the control group hears of it at once."""
    if not context.organization.duty_of("office"):
        told = Notice("duty.nobody", ("control",), {"group": "office"}, "escalation")
        context.uow.tell_house(told, "office", int(context.now.timestamp()))
    return context.organization.duty("office")


def _number(context: Context, drill: bool) -> str:
    """INC-20261121-003; drills count apart."""
    prefix, day = "DRL" if drill else "INC", context.now.astimezone(context.zone).strftime("%Y%m%d")
    return f"{prefix}-{day}-{context.uow.count(f'{prefix}-{day}'):03d}"


def subtype_of(plan: Plan, types: Iterable[str], word: str | None) -> str | None:
    if not word:
        return None
    subtypes = {code: names for type_ in types for code, names in plan.playbooks[type_].subtypes.items()}
    for code, names in subtypes.items():
        if word.casefold() in (code, *(n.casefold() for n in names)):
            return code
    choices = "、".join(names[0] for names in subtypes.values() if names)
    raise BadWords("incident.subtype_unknown", word=word, choices=choices or "-")


def _bind_or_create(context: Context, incident: Incident, said_in: str) -> Where:
    """The group chat where it was reported joins it; one-to-one, where another one runs, or restricted: a room of its own. Both in the chat
    of a group that is shown a part only."""
    message = context.message
    here = message.chat_kind == "group" and said_in == f"{message.platform}:{message.chat}" and not incident.restricted
    here = here and not context.mute(message.platform, message.chat)
    taken = context.uow.incident_in(message.platform, message.chat) if here else None
    joins = here and (taken is None or not context.uow.load(Incident, taken).running)
    if joins:
        context.uow.bind(incident.ref, message.platform, message.chat)
        if audience_of(context.organization, message.platform, message.chat) in (WHOLE, OPEN):
            return "here"
    groups = {task.group for task in context.uow.tasks(incident.ref)} | {"office"}
    members = [p for g in groups for p in context.organization.groups[g].leaders]
    members += [*context.organization.groups["lead"].leaders, incident.commander, incident.opened_by]
    about = {"name": context.words.show(f"{incident.number} {incident.title}"), "members": list(dict.fromkeys(members))}
    place = None if message.platform in NO_MESSENGERS else message.platform
    context.uow.deed("room", f"room:{incident.ref}", about, incident.ref, platform=place)
    return "both" if joins else "room"


def _what_is_missing(context: Context, incident: Incident) -> str:
    names = rules.missing_fields(incident)
    missing = context.words.join([context.words.say(f"incident.field.{name}") for name in names])
    return context.words.say("incident.opened_missing", missing=missing, incident=incident.ref) if names else ""


def _what_is_next(context: Context, incident: Incident) -> str:
    """The grade: how, to those who give it, and who does it, to everybody else."""
    may = {"office", "opinion"} & set(context.organization.groups_of(context.person))
    key = "incident.next_grade" if may else "incident.next_wait"
    return context.words.say(key, incident=incident.ref, commander=context.name(incident.commander))
