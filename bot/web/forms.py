"""A one-time form as a page: shown to the browser that opened its link first, decided like a tap on the card it stands for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot.web.door import Door, Refused, address_of, form_token, looks_like_a_browser
from handlers.core.message import Button, Field, Message, Reply, button_of
from workflows.core.errors import UserError


class Asked(Protocol):
    @property
    def person(self) -> str: ...
    @property
    def form(self) -> Mapping[str, Any]: ...
    @property
    def tries(self) -> int: ...
    @property
    def used(self) -> bool: ...
    def event(self, given: str) -> str: ...


class Links(Protocol):
    """`storage.form_links`, of which a page sees no more than this."""

    def look(self, token: str, address: str) -> None: ...
    def visit(self, token: str, visitor: str, address: str) -> tuple[str, Any]: ...
    def asked(self, token: str, visitor: str, address: str) -> Any: ...
    def refused(self, asked: Any) -> int: ...
    def done(self, asked: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class FormDeps:
    """`ask` decides a message by the single road · `people` are (id, label) of everybody of the plan."""

    door: Door
    links: Links
    ask: Callable[[Message], Awaitable[Reply]]
    people: Callable[[], Sequence[tuple[str, str]]]
    now: Callable[[], datetime]


def form_router(deps: FormDeps) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    door = deps.door

    @router.get("/f/{token}")
    def show(token: str, request: Request) -> Response:
        try:
            if not looks_like_a_browser(request):
                deps.links.look(token, address_of(request))
                return door.note("page.open_in_browser", 200)
            visitor, asked = deps.links.visit(token, door.secret(request, "form"), address_of(request))
        except UserError as error:
            return door.refusal(error)
        answer = _shut(deps, request, asked) or _page(deps, token, visitor, asked, {}, asked.tries)
        door.keep(answer, "form", visitor)
        return answer

    @router.post("/f/{token}")
    async def send(token: str, request: Request) -> Response:
        visitor = door.secret(request, "form")
        try:
            given = await door.form(request, visitor, "form")
            asked = await asyncio.to_thread(deps.links.asked, token, visitor, address_of(request))
        except Refused as refused:
            return door.note(refused.key, refused.status)
        except UserError as error:
            return door.refusal(error)
        shut = await asyncio.to_thread(_shut, deps, request, asked, sending=True)
        return shut or await _decided(deps, request, token, visitor, asked, given)

    return router


def _shut(deps: FormDeps, request: Request, asked: Asked, *, sending: bool = False) -> Response | None:
    """Why there is no form: it was answered, or its command wants to know for sure who is there."""
    if asked.used and not sending:
        return deps.door.note("page.form_used", 410)
    if asked.form["four_eyes"]:
        at = deps.door.who(request)
        if at is None or at.person != asked.person:
            return deps.door.note("page.form_login", 401)
    return None


async def _decided(deps: FormDeps, request: Request, token: str, visitor: str, asked: Asked, given: Mapping[str, str]) -> Response:
    button = button_of(asked.form["button"])
    fields = {field.name: given.get(field.name, "").strip() for field in button.form}
    at = await asyncio.to_thread(deps.door.who, request)
    proven = at is not None and at.person == asked.person and at.fresh(deps.now())
    reply = await deps.ask(_message(deps, asked, button, {k: v for k, v in fields.items() if v}, asked.event(given.get("try", "")), proven))
    if reply.wait:
        return deps.door.page("note.html", 202, text=reply.text)
    text = "\n".join(part for part in (reply.text, reply.usage) if part)
    if reply.error is None or asked.used:
        await asyncio.to_thread(deps.links.done, asked)
        return deps.door.page("note.html", text=text, kind="good")
    tries = await asyncio.to_thread(deps.links.refused, asked)
    return await asyncio.to_thread(_page, deps, token, visitor, asked, fields, tries, text)


def _message(deps: FormDeps, asked: Asked, button: Button, fields: Mapping[str, str], event: str, proven: bool) -> Message:
    form = asked.form
    return Message(
        form["platform"], event, "click", form["chat"], form["chat_kind"], form["sender"], button.command, deps.now(), button.version,
        fields, addressed=True, proven=proven,
    )  # fmt: skip


def _page(
    deps: FormDeps, token: str, visitor: str, asked: Asked, typed: Mapping[str, str], tries: int, refusal: str = ""
) -> Response:  # fmt: skip
    button = button_of(asked.form["button"])
    shown = [(field, typed.get(field.name, field.value), _options(deps, field)) for field in button.form]
    return deps.door.page(
        "form.html", 422 if refusal else 200, button=button, fields=shown, name=deps.door.name(asked.person), action=f"/f/{token}",
        token=form_token(visitor, "form"), tries=tries, refusal=refusal,
    )  # fmt: skip


def _options(deps: FormDeps, field: Field) -> Sequence[tuple[str, str]]:
    return field.options or (deps.people() if field.kind == "person" else ())
