"""Who may state a fact: the members of the groups that the plan names for it, else the office and the heads of groups."""

from collections.abc import Iterable

from handlers.core.access import check, may
from handlers.core.context import Context
from handlers.core.explain import fact_name
from workflows.core.errors import NotAllowed
from workflows.core.facts import FactSpec
from workflows.core.people import Organization

#: Who may state what the plan leaves to nobody in particular.
ANY_HEAD = "group:office|heads"


def groups_of(spec: FactSpec, organization: Organization) -> tuple[str, ...]:
    """The groups that the plan names and the firm has."""
    return tuple(group for group in spec.set_by if group in organization.groups)


def may_set(spec: FactSpec, person: str, organization: Organization) -> bool:
    groups = groups_of(spec, organization)
    return may(f"group:{','.join(groups)}" if groups else ANY_HEAD, person, organization)


def check_setters(context: Context, specs: Iterable[FactSpec]) -> None:
    """Refuse the first fact that is not this person's to state, naming whose it is."""
    for spec in specs:
        if may_set(spec, context.person, context.organization):
            continue
        groups = groups_of(spec, context.organization)
        if not groups:
            check(ANY_HEAD, context.person, context.organization)
        raise NotAllowed("access.fact", name=fact_name(context.words, spec), groups=groups)
