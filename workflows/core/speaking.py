"""Who speaks for the firm: one person at a time. Everybody else says only who that is."""

from collections.abc import Iterable

from workflows.core.people import Organization

ROLE = "spokesperson"
#: The last rung: the leading group, and the control group with telephone numbers.
TOP = 3


def speakers(organization: Organization) -> tuple[str, ...]:
    """The spokesperson, then who stands in as the plan names them: their deputies, who leads the opinion group."""
    named, opinion = organization.with_role(ROLE), organization.groups["opinion"]
    deputies = (deputy for person in named for deputy in organization.people[person].deputies)
    return tuple(one for one in dict.fromkeys((*named, *deputies, opinion.deputy or "", opinion.head)) if one in organization.people)


def spokesperson(organization: Organization) -> str:
    """Who speaks now: the first of them who is here."""
    chain = speakers(organization)
    return next((one for one in chain if organization.is_here(one)), None) or organization.stand_in(chain[0], "opinion") or chain[0]


def may_speak(person: str, organization: Organization, owner: str | None = None) -> bool:
    """The one who speaks now, who has it in hand, and the first of them whether on leave or not: leave changes who hears, never who may."""
    return person in (speakers(organization)[0], spokesperson(organization), owner)


def hears(rank: int, first: Iterable[str], organization: Organization, commander: str) -> tuple[str, ...]:
    """Whom the clock tells of what waits: whose it is, who leads the opinion group, the commander, who leads everything."""
    rungs = ((), organization.groups["opinion"].leaders, (commander,), organization.groups["lead"].leaders)
    people = (one for rung in rungs[: rank + 1] for one in rung)
    return tuple(one for one in dict.fromkeys((*first, *people)) if one in organization.people)
