"""`POST /api/v1/commands`: what would be typed in chat, by the same road, as the token's person."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from bot.api.door import STATUS, ApiDoor, Given, Problem, Refused, read_json
from bot.api.keys import Keys
from bot.web.security import same_origin
from handlers.core.message import Message, Reply

_CHAT = re.compile(r"console:(?:dm|g):[^\x00-\x20\x7f]{1,80}")


class Rooms(Protocol):
    def post(self, room: str, author: str, text: str, body: None = None, mentions: tuple[str, ...] = (), key: str | None = None) -> str: ...


class CommandIn(Given):
    """`chat`: a chat of the built-in console (`console:g:office`), where it is said and answered; null = answered here only."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"chat": None, "text": "/task done T3"}]})

    chat: str | None = Field(default=None, max_length=100)
    text: Annotated[str, Field(min_length=1, max_length=16_000)]
    as_: str | None = Field(default=None, alias="as", max_length=120, description="in the demo only: the person to act as")


class Done(BaseModel):
    ref: str | None
    text: str
    card: dict[str, Any] | None


class InHand(BaseModel):
    in_hand: str


@dataclass(frozen=True, slots=True)
class Commands:
    """`ask` decides a message by the single road · `rooms`: the console's chats, None where it is off."""

    door: ApiDoor
    ask: Callable[[Message], Awaitable[Reply]]
    rooms: Rooms | None
    keys: Keys


def commands_router(deps: Commands) -> APIRouter:
    router = deps.door.router("/api/v1")
    answers: dict[int | str, dict[str, Any]] = {
        202: {"model": InHand, "description": "Still in hand after 1.2 s: ask again with the same key"}
    }
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": CommandIn.model_json_schema()}}}}

    @router.post("/commands", summary="One command, as in chat", response_model=Done, responses=answers, openapi_extra=body)
    async def command(
        request: Request, key: Annotated[str | None, Header(alias="Idempotency-Key", description="the same key, the same event")] = None
    ) -> Response:
        known = await asyncio.to_thread(_bearer, deps.door, request)
        given = await read_json(request, CommandIn)
        person, token = _who(deps.door, request, known, given)
        message, asked = await asyncio.to_thread(_message, deps, person, token, given, key)
        return answer(await deps.ask(message), asked)

    return router


def _bearer(door: ApiDoor, request: Request) -> tuple[str, str]:
    """(person, token id); in the demo, where everybody acts as anybody, our own page and programs of this machine need no token."""
    if door.demo and "authorization" not in request.headers:
        return "", ""
    token = door.token_of(request, "command")
    return token.person, token.id


def _who(door: ApiDoor, request: Request, known: tuple[str, str], given: CommandIn) -> tuple[str, str]:
    person, token = known
    if given.as_ is None:
        if not person:
            raise Refused("token.missing")
        return person, token
    if not door.demo or not same_origin(request):
        raise Refused("api.as")
    if given.as_ not in door.plan().organization.people:
        raise Refused("api.person", person=given.as_)
    return given.as_, token


def _message(deps: Commands, person: str, token: str, given: CommandIn, key: str | None) -> tuple[Message, str]:
    """The message and its key, which is bound to this very request; in a chat it is said there too."""
    if given.chat is not None and (deps.rooms is None or not _CHAT.fullmatch(given.chat)):
        raise Refused("api.chat")
    platform, _, chat = (given.chat or "api:").partition(":")
    event, asked = deps.keys.event("api", person, key, [given.chat, given.text])
    kind = "group" if chat.startswith("g:") else "direct"
    said, now = given.text.strip(), deps.door.now()
    message = Message(platform, event, "text", chat, kind, person, said, now, addressed=True, token=token)  # type: ignore[arg-type]  # one of two
    if chat and deps.rooms is not None:
        deps.rooms.post(chat, person, said, key=event)
    return message, asked


def answer(reply: Reply, key: str) -> Response:
    """`key`: what to repeat the request with, to hear what became of it."""
    if reply.wait:
        return JSONResponse({"in_hand": key}, 202)
    if reply.error is not None:
        problem = Problem(error=reply.error, text=reply.text, usage=reply.usage)
        return JSONResponse(problem.model_dump(), STATUS.get(reply.refused, 500))
    card = None if reply.card is None else json.loads(json.dumps(asdict(reply.card)))
    return JSONResponse({"ref": reply.ref, "text": reply.text, "card": card}, 200)
