"""What looking the firm's identity provider over brings to light, for `gengfu doctor`. Nobody is logged in by it."""

from collections.abc import Sequence

from bot.outside.oidc import LEEWAY, Away, Issuer
from bot.platforms.core.checkup import Found
from workflows.core.people import Person


async def findings(issuer: Issuer) -> list[Found]:
    """Its description, its keys, its clock."""
    try:
        endpoints = await issuer.endpoints()
        keys = list(await issuer.keys())
    except Away as error:
        return [Found("bad", "oidc", "away", {"issuer": issuer.us.issuer, "why": str(error)})]
    if not keys:
        return [Found("bad", "oidc", "no_keys", {"issuer": issuer.us.issuer})]
    found = [Found("ok", "oidc", "answers", {"issuer": issuer.us.issuer, "redirect": issuer.us.redirect})]
    if endpoints.apart is not None:
        far = abs(endpoints.apart) > LEEWAY
        found.append(Found("bad" if far else "ok", "oidc", "clock_far" if far else "clock", {"apart": abs(endpoints.apart)}))
    return found


def nameless(people: Sequence[Person]) -> list[Person]:
    """Who cannot be meant by it: with neither an address nor an id there."""
    return [person for person in people if not (person.email or person.identities.get("oidc"))]
