"""Logging in by the firm's own accounts, beside the link: the way to the identity provider, and back."""

import asyncio
import logging
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bot.outside.oidc import Away, NotProved, SignOn
from bot.web.door import Door, address_of, agent_of, bounced
from bot.web.security import same_origin
from workflows.core.errors import UserError

log = logging.getLogger(__name__)


def sign_on_router(door: Door, sign_on: SignOn, new_secret: Callable[[], str]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(door.sign_on)
    async def leave(request: Request) -> Response:
        if not same_origin(request):  # nobody else's page sends people on this way
            return RedirectResponse("/login", 303)
        browser = new_secret()
        try:
            answer = RedirectResponse(await sign_on.begin(browser, address_of(request)), 303)
        except (Away, NotProved) as error:
            return _refused(door, error)
        door.keep(answer, "oidc", browser)
        return answer

    @router.get(f"{door.sign_on}/callback")
    async def come_back(request: Request, state: str = "", code: str = "") -> Response:
        if bounced(request):  # once more from our own page: with the session that is to end, and on the way in with the new one
            return door.page("again.html")
        answer = await _let_in(door, sign_on, request, state, code)
        door.drop(answer, "oidc")
        return answer

    return router


async def _let_in(door: Door, sign_on: SignOn, request: Request, state: str, code: str) -> Response:
    try:
        name = await sign_on.finish(door.secret(request, "oidc"), state, code)
        secret = await asyncio.to_thread(door.sessions.sign_on, name, agent_of(request), door.secret(request))
    except (Away, NotProved) as error:
        return _refused(door, error)
    except UserError as error:
        return door.refusal(error)
    answer = door.page("again.html", to="/")
    door.keep(answer, "session", secret)
    return answer


def _refused(door: Door, error: Away | NotProved) -> Response:
    """Nobody is known yet whose chain could hold it: the log tells an operator."""
    away = isinstance(error, Away)
    action = "sign_on_away" if away else "sign_on_refused"
    log.warning("nobody was logged in by the identity provider", extra={"action": action, "reason": str(error)})
    if away:
        return door.note("login.oidc_away", 503)
    return door.note("login.oidc_often", 429) if error.args == ("often",) else door.note("login.oidc_refused", 403)
