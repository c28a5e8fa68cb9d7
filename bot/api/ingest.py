"""`POST /ingest/…`: what monitoring says, as the command `/incident alert` of the token's person.

Alertmanager's format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config (version 4).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from bot.api.commands import Done, InHand, answer
from bot.api.door import GROUP_CAP, ApiDoor, Given, Refused, read_json
from bot.api.keys import Keys
from handlers.core.message import Message, Reply
from storage.tokens import Token

Status = Literal["firing", "resolved"]
Short = Annotated[str, Field(max_length=200)]
#: An incident's title is one line; the rest stays with the monitoring.
LONGEST_TITLE = 200


class AlertIn(Given):
    """`key`: what its repeats have in common (left out: the title) · `at`: since when · `type`: a type of incident of the plan."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "行情网关无响应", "key": "quote-gw", "type": "system_failure", "system": "行情"}]}
    )

    title: Annotated[str, Field(min_length=1, max_length=1000)]
    key: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    status: Status = "firing"
    type: Short | None = None
    system: Short | None = None
    at: Annotated[AwareDatetime, Field(strict=False)] | None = None


class _Foreign(BaseModel):
    """Somebody else's format: fields that come with a new version of it are not ours to refuse."""

    model_config = ConfigDict(extra="ignore")


class GroupMember(_Foreign):
    status: Status
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime | None = None
    fingerprint: str = ""


class AlertmanagerIn(_Foreign):
    """One group of alerts, as Alertmanager's webhook sends it."""

    version: str = "4"
    groupKey: Annotated[str, Field(min_length=1, max_length=20_000)]
    status: Status
    groupLabels: dict[str, str] = {}
    commonLabels: dict[str, str] = {}
    commonAnnotations: dict[str, str] = {}
    alerts: Annotated[list[GroupMember], Field(min_length=1, max_length=5000)]
    truncatedAlerts: int = 0


@dataclass(frozen=True, slots=True)
class Ingest:
    """`types`: the types of incident the plan knows · `local`: a moment as a form states it."""

    door: ApiDoor
    ask: Callable[[Message], Awaitable[Reply]]
    types: Callable[[], Collection[str]]
    local: Callable[[datetime], str]
    keys: Keys


def ingest_router(deps: Ingest) -> APIRouter:
    router = deps.door.router("/ingest")
    Holder = Annotated[Token, Depends(deps.door.holder("ingest", "member"))]
    Key = Annotated[str | None, Header(alias="Idempotency-Key", description="the same key, the same event")]
    answers: dict[int | str, dict[str, Any]] = {202: {"model": InHand, "description": "stored, and still in hand"}}

    @router.post("/alert", summary="One alert", response_model=Done, responses=answers, openapi_extra=_body(AlertIn))
    async def alert(request: Request, token: Holder, key: Key = None) -> Response:
        given = await read_json(request, AlertIn)
        if given.type is not None and given.type not in deps.types():
            raise Refused("api.fields", fields=("type",))
        fields = _fields(given.key or given.title, given.status, given.title, given.type, given.system, _at(deps, given.at))
        return await _told(deps, token, fields, key)

    @router.post(
        "/alertmanager", summary="A group of alerts, as Alertmanager's webhook sends it", response_model=Done, responses=answers,
        openapi_extra=_body(AlertmanagerIn),
    )  # fmt: skip
    async def alertmanager(request: Request, token: Holder, key: Key = None) -> Response:
        given = await read_json(request, AlertmanagerIn, GROUP_CAP)
        type_ = given.commonLabels.get("gengfu_type")
        since = min((one.startsAt for one in given.alerts if one.startsAt and one.status == "firing"), default=None)
        fields = _fields(
            given.groupKey, given.status, _title(given), type_ if type_ in deps.types() else None,
            given.commonLabels.get("gengfu_system"), _at(deps, since),
        )  # fmt: skip
        return await _told(deps, token, fields, key)

    return router


def _body(shape: type[BaseModel]) -> dict[str, Any]:
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _fields(key: str, status: Status, title: str, type_: str | None, system: str | None, at: str) -> dict[str, str]:
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
    given = {"alert": digest, "status": status, "text": title[:LONGEST_TITLE], "type": type_ or "", "system": (system or "")[:80], "at": at}
    return {name: value for name, value in given.items() if value}


def _title(group: AlertmanagerIn) -> str:
    """The summary, when all alerts of the group have the same; else what the group is grouped by."""
    labels: Mapping[str, str] = group.groupLabels or group.commonLabels
    named = group.commonLabels.get("alertname") or " ".join(labels.values())
    title = group.commonAnnotations.get("summary") or group.commonAnnotations.get("description") or named or group.alerts[0].fingerprint
    firing = sum(one.status == "firing" for one in group.alerts) + group.truncatedAlerts
    return f"{title[: LONGEST_TITLE - 10]} ×{firing}" if firing > 1 else title


def _at(deps: Ingest, at: datetime | None) -> str:
    return deps.local(at) if at is not None and at <= deps.door.now() else ""


async def _told(deps: Ingest, token: Token, fields: Mapping[str, str], key: str | None) -> Response:
    event, asked = await asyncio.to_thread(deps.keys.event, "alert", token.person, key, dict(fields))
    message = Message(
        "api", event, "text", "", "direct", token.person, "/incident alert", deps.door.now(), fields=fields, addressed=True, token=token.id
    )
    return answer(await deps.ask(message), asked)
