"""Logging in by a link of one's own, and the page of one's sessions and one-time codes. Nothing here asks for a name or a password."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bot.web.door import Door, Refused, address_of, agent_of, bounced, form_token, looks_like_a_browser
from storage.sessions import LoggedIn
from workflows.core.errors import UserError


def login_router(door: Door) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_login(router, door)
    _add_me(router, door)
    return router


def _add_login(router: APIRouter, door: Door) -> None:
    @router.get("/login")
    def explain(request: Request) -> Response:
        return RedirectResponse("/me", 303) if door.who(request) else door.note("page.how_to_login", 200)

    @router.get("/login/{token}")
    def visit(token: str, request: Request) -> Response:
        address = address_of(request)
        try:
            if not looks_like_a_browser(request):
                door.sessions.look(token, address)
                return door.note("page.open_in_browser", 200)
            visitor, person = door.sessions.visit(token, door.secret(request, "visit"), address)
        except UserError as error:
            return door.refusal(error)
        answer = door.page("enter.html", name=door.name(person), action=f"/login/{token}", token=form_token(visitor, "login"))
        door.keep(answer, "visit", visitor)
        return answer

    @router.post("/login/{token}")
    async def enter(token: str, request: Request) -> Response:
        visitor = door.secret(request, "visit")
        try:
            await door.form(request, visitor, "login")
            who = (address_of(request), agent_of(request), door.secret(request))
            secret = await asyncio.to_thread(door.sessions.enter, token, visitor, *who)
        except Refused as refused:
            return door.note(refused.key, refused.status)
        except UserError as error:
            return door.refusal(error)
        answer = RedirectResponse("/", 303)
        door.keep(answer, "session", secret)
        door.drop(answer, "visit")
        return answer


def _add_me(router: APIRouter, door: Door) -> None:
    @router.get("/me")
    def me(request: Request) -> Response:
        at = door.who(request)
        if at is None:
            return door.page("again.html") if bounced(request) else door.note("page.how_to_login", 401)
        return _me(door, request, at)

    _post(router, door, "/me/end", lambda at, value: door.sessions.end(at.person, value))
    _post(router, door, "/me/codes/new", lambda at, value: door.sessions.enrol(at))
    _post(router, door, "/me/codes/prove", door.sessions.prove)
    _post(router, door, "/me/codes/off", lambda at, value: door.sessions.drop(at))

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        at = await asyncio.to_thread(door.who, request)
        if at is not None:
            try:
                await door.form(request, door.secret(request), "me")
            except Refused as refused:
                return door.note(refused.key, refused.status)
            await asyncio.to_thread(door.sessions.end, at.person, at.id, "left")
        answer = RedirectResponse("/login", 303)
        door.drop(answer, "session")
        return answer


def _post(router: APIRouter, door: Door, path: str, act: Callable[[LoggedIn, str], None]) -> None:
    """A button of the page: `act` with the form's value, then the page again."""

    @router.post(path)
    async def post(request: Request) -> Response:
        at = await asyncio.to_thread(door.who, request)
        if at is None:
            return door.note("page.how_to_login", 401)
        try:
            fields = await door.form(request, door.secret(request), "me")
            await asyncio.to_thread(act, at, fields.get("value", ""))
        except Refused as refused:
            return door.note(refused.key, refused.status)
        except UserError as error:
            return await asyncio.to_thread(_refused, door, request, error)
        return RedirectResponse("/me", 303)


def _refused(door: Door, request: Request, error: UserError) -> Response:
    """The page again with the refusal on top, unless the session is over now."""
    at = door.who(request)
    text = door.words.say(error.key, **error.values)
    answer = door.refusal(error) if at is None else _me(door, request, at, text)
    answer.status_code = door.refusal(error).status_code
    return answer


def _me(door: Door, request: Request, at: LoggedIn, refusal: str = "") -> Response:
    now, words = door.now(), door.words
    mine: list[dict[str, Any]] = [
        {
            "id": one.id,
            "agent": one.agent,
            "here": one.id == at.id,
            "times": words.say("page.session_times", since=one.created, seen=one.seen, ends=one.ends, now=now),
        }
        for one in door.sessions.of(at.person)
    ]
    generator = door.sessions.generator(at.person)
    return door.page(
        "me.html", name=door.name(at.person), sessions=mine, generator=generator, refusal=refusal, fresh=at.fresh(now),
        token=form_token(door.secret(request), "me"),
    )  # fmt: skip
