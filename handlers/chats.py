"""Chats of messengers: what the bot says when it comes into one, and what happens when it is removed."""

from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.registry import arrival
from workflows import incident as rules


@arrival("joined")
def joined(context: Context) -> Reply | None:
    """In a group of somebody else's: how it becomes an incident's. In a group that is an incident's already, nothing."""
    message = context.message
    if context.uow.incident_in(message.platform, message.chat):
        return None
    return context.say("chat.joined")


@arrival("left")
def left(context: Context) -> Reply | None:
    """The chat is no longer the incident's: nothing can be said there any more, and the commander is told."""
    message = context.message
    found = context.uow.incident_in(message.platform, message.chat)
    if found is None:
        return None
    context.uow.lock(found)
    incident = context.uow.load(rules.Incident, found)
    context.uow.unbind(found, message.platform, message.chat)
    context.uow.apply(rules.bound(incident, by=context.person, chat=f"{message.platform}:{message.chat}", verb="unbind", lost=True))
    return None


@arrival("entered")
def entered(context: Context) -> Reply | None:
    """Somebody opens the direct chat for the first time."""
    known = context.person in context.organization.people
    return context.say("chat.entered" if known else "chat.entered_stranger", name=context.name(context.person) if known else "")
