"""For the doctor: could a text be published at the plan's outlets? Receivers are asked what they take (OPTIONS), and given nothing."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import httpx

from bot.config import Settings, is_loopback
from bot.platforms.core.checkup import Found
from bot.platforms.core.http import client
from workflows.core.outlet import Outlet, OutletKind


async def findings(outlets: Mapping[str, Outlet], settings: Settings, on: Collection[str]) -> list[Found]:
    """`on`: the messengers that are."""
    known = list(_settled(outlets.values(), settings, on))
    unfit = {name for found in known for name in found.values["outlets"]}  # type: ignore[attr-defined]  # a list, made below
    asked = [one for one in outlets.values() if one.kind is OutletKind.WEBHOOK and one.name not in unfit]
    async with client("") as http:
        answers = await asyncio.gather(*(_ask(http, one) for one in asked))
    away = [found for found in answers if found is not None]
    ready = [one.name for one in outlets.values() if one.name not in unfit | {str(found.values["outlet"]) for found in away}]
    return [*known, *away, *([Found("ok", "outlet", "ready", {"count": len(ready), "names": ready})] if ready else [])]


def _settled(outlets: Collection[Outlet], settings: Settings, on: Collection[str]) -> Iterator[Found]:
    """What is missing here."""
    secretless = [one for one in outlets if one.kind is OutletKind.WEBHOOK and one.secret not in settings.outlets]
    if secretless:
        yield _missing("no_secret", secretless, sorted({one.secret for one in secretless}))
    letters = [one for one in outlets if one.kind is OutletKind.MAIL]
    if letters and settings.channels.mail is None:
        yield _missing("no_mail", letters, [])
    groups = [one for one in outlets if one.kind is OutletKind.CHAT and one.platform not in on]
    if groups:
        yield _missing("off", groups, sorted({one.platform for one in groups}))


def _missing(key: str, outlets: Sequence[Outlet], what: Sequence[str]) -> Found:
    return Found("attention", "outlet", key, {"outlets": [one.name for one in outlets], "what": what})


async def _ask(http: httpx.AsyncClient, outlet: Outlet) -> Found | None:
    """None: it is there. Whatever it answers to a question without a text, it answers."""
    url = urlsplit(outlet.url)
    host = url.hostname or ""
    try:
        async with http.stream("OPTIONS", outlet.url, headers={"User-Agent": "gengfu"}) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        return Found("bad", "outlet", "away", {"outlet": outlet.name, "host": host, "why": f"{type(error).__name__}: {error}"[:200]})
    if 300 <= status < 400:
        return Found("bad", "outlet", "redirects", {"outlet": outlet.name, "host": host})
    if url.scheme != "https" and not is_loopback(host):
        return Found("attention", "outlet", "plain", {"outlet": outlet.name, "host": host})
    return None
