"""Help from the registry, who you are, who is in a group."""

from dataclasses import dataclass

from handlers.core.access import may
from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS, Command, command, rest
from handlers.core.wording import Ours
from workflows.core.errors import NotFound


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
    """What you may ask for; `/help task` for one topic."""
    topic = given.text.strip().lstrip("/").casefold()
    found = [c for c in COMMANDS.values() if _may(context, c) and (not topic or topic in _nouns(c))]
    if not found:
        raise NotFound("help.nothing", topic=given.text)
    lines = [
        context.words.say("help.line", usage=Ours(usage_line(c, context.words.locale)), text=context.words.say(c.help_key)) for c in found
    ]
    return Reply("\n".join([context.words.say("help.head"), *lines]))


def _may(context: Context, found: Command) -> bool:
    return may(found.who, context.person, context.organization)


def _nouns(found: Command) -> tuple[str, str]:
    return found.name.split(" ")[0], found.zh.split(" ")[0]


@command("whoami", Nothing, zh="我是谁", who="anyone")
def whoami(context: Context, given: Nothing) -> Reply:
    """Your name, groups and roles here."""
    person = context.organization.people.get(context.person)
    if person is None:
        return context.say("who.guest", id=context.person)
    groups = [context.group_name(g) for g in context.organization.groups_of(person.id)]
    roles = [context.words.say(f"role.{role}") for role in person.roles]
    return context.say(
        "who.you", name=person.name, title=person.title, groups=context.words.join(groups) or "-", roles=context.words.join(roles) or "-"
    )


@command("who", OfGroup, zh="谁", who="listed")
def who(context: Context, given: OfGroup) -> Reply:
    """Who is in a group, and how to reach them."""
    assert given.group, "the parser refuses a missing group"
    group = context.organization.groups[given.group]
    people = [context.organization.people[p] for p in group.everyone]
    lines = [context.words.say("who.line", name=p.name, title=p.title, phone=p.phone) for p in people]
    return Reply("\n".join([context.words.say("who.group", group=context.group_name(group.id)), *lines]))
