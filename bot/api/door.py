"""What every request of a program goes through: its token, the size and shape of what it sends, and refusals in one form."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import JSONResponse, Response

from bot.web.door import address_of
from handlers.core.access import check
from handlers.core.explain import explain
from handlers.core.wording import Words
from storage.tokens import Scope, Token, Tokens
from workflows.core.errors import NotAllowed, UserError
from workflows.core.plan import Plan

BODY_CAP = 64 * 1024
#: Alertmanager sends a whole group at once, with all labels of each alert.
GROUP_CAP = 1024 * 1024
#: Names in one sentence: a body of a thousand unknown fields does not make a page.
MOST_NAMED = 5

M = TypeVar("M", bound=BaseModel)
STATUS = {"BadWords": 422, "NotFound": 404, "NotAllowed": 403, "RuleBroken": 409}
_STATUS_OF = {
    "token.missing": 401, "token.unknown": 401, "token.guessing": 429, "api.too_large": 413, "api.not_json_type": 415, "api.not_json": 400,
    "api.fields": 422, "api.key": 422, "api.key_taken": 422, "api.chat": 422, "api.as": 403, "api.cursor": 422, "api.person": 422,
}  # fmt: skip


class Given(BaseModel):
    """What a program sends: unknown fields are refused, numbers are no texts."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(BaseModel):
    """`error`: the key of the refusal, stable · `text`: the sentence, for people · `usage`: how the command is written."""

    error: str
    text: str
    usage: str


class Refused(UserError):
    """What this door itself does not take."""


@dataclass(frozen=True, slots=True)
class ApiDoor:
    tokens: Tokens
    words: Words
    plan: Callable[[], Plan]
    now: Callable[[], datetime]
    demo: bool

    def holder(self, scope: Scope, right: str = "") -> Callable[[Request], Token]:
        """A dependency: the live token that came with the request, with this scope; its person has `right`."""

        def held(request: Request) -> Token:
            token = self.token_of(request, scope)
            try:
                if right:
                    check(right, token.person, self.plan().organization)
            except NotAllowed as error:
                self.tokens.refused(token, error.key)
                raise
            return token

        return held

    def token_of(self, request: Request, scope: Scope) -> Token:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise Refused("token.missing")
        return self.tokens.who(secret.strip()[:200], scope, address_of(request))

    def router(self, prefix: str) -> APIRouter:
        return APIRouter(prefix=prefix, route_class=_explaining(self))

    def refusal(self, error: UserError) -> Response:
        text, _ = explain(error, self.words, self.plan(), self.now(), "")
        status = _STATUS_OF.get(error.key) or next((code for name, code in STATUS.items() if name == type(error).__name__), 403)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return JSONResponse({"error": error.key, "text": text, "usage": ""}, status, headers)


async def read_json(request: Request, shape: type[M], cap: int = BODY_CAP) -> M:
    """The body, read no further than `cap`, as `shape`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("api.not_json_type")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > cap:
            raise Refused("api.too_large", most=cap // 1024)
    try:
        return await asyncio.to_thread(shape.model_validate_json, bytes(body))
    except ValidationError as error:
        raise _misshapen([(one["type"], one["loc"]) for one in error.errors(include_url=False, include_input=False)]) from None


def _misshapen(found: list[tuple[str, tuple[Any, ...]]]) -> Refused:
    if any(kind.startswith("json_") for kind, _ in found):
        return Refused("api.not_json")
    names = list(dict.fromkeys(".".join(str(part) for part in where)[:60] or "-" for _, where in found))
    return Refused("api.fields", fields=tuple(names[:MOST_NAMED]))


def _explaining(door: ApiDoor) -> type[APIRoute]:
    class Explaining(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            known = {one.alias for one in self.dependant.query_params}

            async def explained(request: Request) -> Response:
                try:
                    if unknown := sorted(set(request.query_params) - known):
                        raise Refused("api.fields", fields=tuple(name[:60] for name in unknown[:MOST_NAMED]))
                    return await handle(request)
                except RequestValidationError as error:
                    return door.refusal(_misshapen([(one["type"], one["loc"][1:]) for one in error.errors()]))
                except UserError as error:
                    return door.refusal(error)

            return explained

    return Explaining
