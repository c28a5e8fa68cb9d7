"""限制: an incident that only those see who have to."""

from dataclasses import dataclass

from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.registry import command, key, ref, rest
from workflows import incident as rules
from workflows.incident import Incident


@dataclass(frozen=True, slots=True)
class Restrict:
    incident: str | None = ref("I")
    lift: bool | None = key("解除", kind="flag")
    text: str = rest("理由", "reason")


@command("incident restrict", Restrict, zh="事件 限制", who="member")
def restrict(context: Context, given: Restrict) -> Reply:
    """Only its groups, the leading group, compliance, auditors, the commander and the opener see it from now on."""
    incident = context.incident(given.incident)
    if given.lift:
        lifters = (incident.commander, *context.organization.with_role("compliance"), *context.organization.groups["lead"].leaders)
        context.uow.apply(rules.unrestrict(incident, by=context.person, reason=given.text, lifters=lifters))
        return context.say("incident.unrestricted_ok", ref=incident.ref, incident=incident.ref)
    after = context.uow.apply(rules.restrict(incident, by=context.person, reason=given.text))
    left, stay = _leave_foreign_chats(context, after)
    return context.say("incident.restricted_ok", ref=incident.ref, incident=incident.ref, left=left, stay=stay)


def _leave_foreign_chats(context: Context, incident: Incident) -> tuple[int, int]:
    """The chats of groups that have no part in it leave; how many did, and how many chats hear of it still."""
    own = {task.group for task in context.uow.tasks(incident.ref)} | {"office", "lead"}
    foreign = {place for g in context.organization.groups.values() if g.id not in own for place in g.chats.items()}
    bound = context.uow.chats(incident.ref)
    for platform, chat in bound:
        if (platform, chat) in foreign:
            context.uow.unbind(incident.ref, platform, chat)
            incident = context.uow.apply(rules.bound(incident, by=context.person, chat=f"{platform}:{chat}", verb="unbind"))
    left = len([place for place in bound if place in foreign])
    return left, len(bound) - left
