"""The one gate: who may ask for what, and what a viewer may see. Scopes are made here and nowhere else."""

from storage.views.scope import Scope
from workflows.core.errors import NotAllowed
from workflows.core.people import Organization

#: Rights a command can ask for, besides `group:a,b` and `role:x`.
RIGHTS = ("anyone", "member", "heads")


def scope_of(person: str, organization: Organization) -> Scope:
    """What this person may see: members of the plan see its incidents, nobody else sees anything."""
    found = organization.people.get(person)
    groups = organization.groups_of(person)
    return Scope(person, bool(found and (groups or found.roles)), groups, found.roles if found else ())


def house_scope() -> Scope:
    """For drawing what goes to a chat or a person whom a commit has already chosen."""
    return Scope("", True)


def check(who: str, person: str, organization: Organization) -> None:
    """Raise NotAllowed unless `person` has the right `who`: anyone, member, heads (any head or deputy), group:a,b, role:x; `|` means or."""
    refusals = []
    for one in who.split("|"):
        try:
            return _check(one, person, organization)
        except NotAllowed as refusal:
            refusals.append(refusal)
    named = next((refusal for refusal in refusals if refusal.key == "access.group"), None)
    if named and any(refusal.key == "access.heads" for refusal in refusals):
        raise NotAllowed("access.group_or_heads", **named.values)
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
    if not scope.member:
        raise NotAllowed("access.member")
    if who == "heads" and not any(person in g.leaders for g in organization.groups.values()):
        raise NotAllowed("access.heads")
    if who.startswith("group:"):
        wanted = who.removeprefix("group:").split(",")
        if not set(wanted) & set(scope.groups):
            raise NotAllowed("access.group", groups=tuple(g for g in wanted if g in organization.groups))
    if who.startswith("role:") and who.removeprefix("role:") not in scope.roles:
        raise NotAllowed("access.role", role=who.removeprefix("role:"))
