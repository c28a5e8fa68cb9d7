"""The one gate: who may ask for what, and what a viewer may see. Scopes are made here and nowhere else."""

from storage.views.reader import RESTRICTED_ROLES
from storage.views.scope import Scope
from workflows.core.errors import NotAllowed
from workflows.core.people import Organization

#: Roles that look after the system, not after incidents: by these alone nobody sees what is in one.
KEEPERS = frozenset({"administrator", "security"})
#: Roles that read and verify, and by themselves do nothing else.
WATCHERS = frozenset({"auditor"})


def scope_of(person: str, organization: Organization, room: tuple[str, str] | None = None) -> Scope:
    """What this person may see: who has a part in emergencies sees incidents, auditors too; keepers of the system and others see none.
    `room`: (platform, chat) of the group in which they ask."""
    found = organization.people.get(person)
    groups = organization.groups_of(person)
    return Scope(person, bool(found and (groups or set(found.roles) - KEEPERS)), groups, found.roles if found else (), room)


def house_scope() -> Scope:
    """For drawing what goes to a chat or a person whom a commit has already chosen."""
    return Scope("", True)


def check(who: str, person: str, organization: Organization) -> None:
    """Raise NotAllowed unless `person` has the right `who`; `|` means or.

    anyone · listed: has a group or a role · reader: sees incidents · trail: reads the whole trail · member: acts in incidents ·
    heads: any head or deputy · group:a,b · role:x · keeper:x a role that looks after the system
    """
    refusals = []
    for one in who.split("|"):
        try:
            return _check(one, person, organization)
        except NotAllowed as refusal:
            refusals.append(refusal)
    named = next((refusal for refusal in refusals if refusal.key == "access.group"), None)
    if named and any(refusal.key == "access.heads" for refusal in refusals):
        raise NotAllowed("access.group_or_heads", **named.values)
    role = next((refusal for refusal in refusals if refusal.key == "access.role"), None)
    if named and role:
        raise NotAllowed("access.group_or_role", **named.values, **role.values)
    raise refusals[-1]


def may(who: str, person: str, organization: Organization) -> bool:
    """Whether `person` has the right `who` (see `check`)."""
    try:
        check(who, person, organization)
    except NotAllowed:
        return False
    return True


def _check(who: str, person: str, organization: Organization) -> None:
    if who == "anyone":
        return
    scope = scope_of(person, organization)
    if not (scope.groups or scope.roles):
        raise NotAllowed("access.member")
    if who == "listed":
        return
    if who.startswith("keeper:"):
        _check_role(who.removeprefix("keeper:"), scope)
    elif not scope.member:
        raise NotAllowed("access.keeper")
    elif who != "reader":
        _check_acting(who, scope, organization)


def _check_role(role: str, scope: Scope) -> None:
    if role not in scope.roles:
        raise NotAllowed("access.role", role=role)


def _check_acting(who: str, scope: Scope, organization: Organization) -> None:
    if who == "trail":
        if not set(scope.roles) & RESTRICTED_ROLES:
            raise NotAllowed("access.trail")
        return
    if not (scope.groups or set(scope.roles) - KEEPERS - WATCHERS):
        raise NotAllowed("access.acting")
    if who == "heads" and not any(scope.person in g.leaders for g in organization.groups.values()):
        raise NotAllowed("access.heads")
    if who.startswith("group:"):
        wanted = who.removeprefix("group:").split(",")
        if not set(wanted) & set(scope.groups):
            raise NotAllowed("access.group", groups=tuple(g for g in wanted if g in organization.groups))
    if who.startswith("role:"):
        _check_role(who.removeprefix("role:"), scope)
