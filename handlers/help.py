"""Help from the registry, who you are, who is in a group."""

from dataclasses import dataclass, replace

from handlers.core.access import may, scope_of
from handlers.core.context import Context
from handlers.core.important import important_line
from handlers.core.message import Reply
from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS, Command, command, rest
from handlers.core.wording import Ours
from workflows.core.errors import NotFound
from workflows.core.people import Group
from workflows.duty import HORIZON
from workflows.incident import MACHINE, Incident


@dataclass(frozen=True, slots=True)
class About:
    text: str = rest("主题", "topic")


@dataclass(frozen=True, slots=True)
class OfGroup:
    group: str | None = rest("小组", "group", kind="group", required=True)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@command("help", About, zh="帮助", who="anyone")
def help_(context: Context, given: About) -> Reply:
    """What you may ask for; `/help task` for one topic, `/help grade` for one command."""
    topic = given.text.strip().lstrip("/").casefold()
    found = [c for c in COMMANDS.values() if c.listed and _may(context, c) and (not topic or topic in _words(c))]
    if not found:
        raise NotFound("help.nothing", topic=given.text)
    here = [] if topic else _fitting(context, found)
    first = [context.words.say("help.here"), *(_line(context, c) for c in here)] if here else []
    return Reply("\n".join([*first, context.words.say("help.head"), *(_line(context, c) for c in found if c not in here)]))


def _line(context: Context, found: Command) -> str:
    return context.words.say("help.line", usage=Ours(usage_line(found, context.words.locale)), text=context.words.say(found.help_key))


def _fitting(context: Context, found: list[Command]) -> list[Command]:
    """In an incident's chat: what this person may do and its state allows, as its machine has it."""
    ref = context.uow.incident_in(context.message.platform, context.message.chat)
    if ref is None or not scope_of(context.person, context.organization).member:
        return []
    verbs = MACHINE.verbs(context.uow.load(Incident, ref).state)
    return [c for c in found if c.name.startswith("incident ") and c.name.removeprefix("incident ") in verbs]


def _may(context: Context, found: Command) -> bool:
    return may(found.who, context.person, context.organization)


def _words(found: Command) -> set[str]:
    """Its noun, its verb, both together, and what it is called for short."""
    return {*found.name.split(" "), *found.zh.split(" "), found.name, found.zh, *found.short}


@command("whoami", Nothing, zh="我是谁", who="anyone")
def whoami(context: Context, given: Nothing) -> Reply:
    """Your name, groups and roles here."""
    person = context.organization.people.get(context.person)
    if person is None:
        return context.say("who.guest", id=context.person)
    groups = [context.group_name(g) for g in context.organization.groups_of(person.id)]
    roles = [context.words.say(f"role.{role}") for role in person.roles]
    said = {"groups": context.words.join(groups) or "-", "roles": context.words.join(roles) or "-"}
    reply = context.say("who.you", name=person.name, title=person.title, **said)
    periods = important_line(context.words, context.uow.current_plan().calendar, context.now, context.zone)
    lines = [reply.text, *([context.words.say("who.important", periods=periods)] if periods else [])]
    heard = context.message
    if heard.chat_kind == "group" and heard.platform != "console":  # what `chats` of a group want in organization.toml
        lines.append(context.words.say("who.chat", platform=heard.platform, chat=heard.chat))
    return replace(reply, text="\n".join(lines))


@command("who", OfGroup, zh="谁", who="listed")
def who(context: Context, given: OfGroup) -> Reply:
    """Who is on duty in a group, who belongs to it, and how to reach them."""
    assert given.group, "the parser refuses a missing group"
    words, organization, now = context.words, context.organization, context.now
    group = organization.groups[given.group]
    turn = context.uow.roster().turns(group.id, now, now + HORIZON)[0]
    on_duty = words.join([context.name(one) for one in turn.people]) or words.say("duty.nobody")
    until = words.say("who.until", until=words.time(turn.end, now)) if turn.end < now + HORIZON else ""
    people = [organization.people[one] for one in dict.fromkeys((*group.everyone, *turn.people)) if one in organization.people]
    key = "who.line" if _may_hear_phones(context) else "who.line_name"
    lines = [words.say(key, name=p.name, title=p.title, phone=p.phone, part=_part(context, group, p.id)) for p in people]
    return Reply("\n".join([words.say("who.group", group=context.group_name(group.id), people=on_duty, until=until), *lines]))


def _may_hear_phones(context: Context) -> bool:
    """Phone numbers are the firm's own: one-to-one and in the control group, nowhere else."""
    message = context.message
    control = (message.platform, message.chat) in context.organization.groups["office"].chats.items()
    return message.chat_kind == "direct" or control


def _part(context: Context, group: Group, person: str) -> str:
    """What they are in the group, and whether they can be reached."""
    words, organization = context.words, context.organization
    parts = [words.say("who.head")] if person == group.head else [words.say("who.deputy")] if person == group.deputy else []
    parts += [words.say("who.on_duty")] if person in organization.duty_of(group.id) else []
    parts += [words.say("who.away")] if person in organization.away else []
    return words.say("who.part", parts=words.join(parts)) if parts else ""
