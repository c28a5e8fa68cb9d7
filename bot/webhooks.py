"""What messengers post to us: verified by their platform, stored (a click: decided), and only then answered."""

import logging
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from bot.metrics import Metrics
from bot.platforms.core.contract import Answer, Callback, NotAuthentic, Platform
from bot.worker import Worker

log = logging.getLogger(__name__)

#: No platform sends more; each may allow less.
BODY_CAP = 1024 * 1024


#: Platform -> what it calls, below /callbacks. With GET it checks that the address is ours.
ROUTES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "feishu": (("POST", "feishu"),),
    "sms": (("POST", "sms"),),  # delivery reports
    "wecom": (("GET", "wecom"), ("POST", "wecom"), ("GET", "wecom-bot"), ("POST", "wecom-bot")),
}


def callbacks_router(worker: Worker, metrics: Metrics) -> APIRouter:
    """A platform that is off has no route."""
    router = APIRouter(prefix="/callbacks", include_in_schema=False)
    for name, calls in ROUTES.items():
        if platform := worker.sender.platforms.get(name):
            for method, path in calls:
                _add(router, method, path, platform, worker, metrics)
    return router


def _add(router: APIRouter, method: str, path: str, platform: Platform, worker: Worker, metrics: Metrics) -> None:
    @router.api_route(f"/{path}", methods=[method])
    async def callback(request: Request) -> Response:
        try:
            body = await capped(request)
            headers = told_by(request)
            found = platform.receive(headers, body)
        except NotAuthentic as refused:
            metrics.refused_callbacks.labels(platform=platform.name, reason=refused.reason).inc()
            log.warning("a callback was refused", extra={"action": "callback_refused", "platform": platform.name, "reason": refused.reason})
            return PlainTextResponse("refused\n", 413 if refused.reason == "body_too_large" else 401)
        if isinstance(found, Answer):
            return _response(found)
        try:
            reply = await worker.hear(found)
        except Exception as error:
            # Not kept, so not acknowledged: the platform sends it again.
            why = {"action": "event_failed", "platform": platform.name, "error": type(error).__name__}
            log.exception("an event was not kept", extra=why)
            return PlainTextResponse("try again\n", 503)
        return _response(platform.answer(reply, Callback(found, headers)))


def headers_of(request: Request) -> Mapping[str, str]:
    """Names in lower case; a header given twice is as good as none."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = "" if name in found else value
    return found


def told_by(request: Request) -> Mapping[str, str]:
    """The headers, and beside them what else a platform's proof may cover."""
    url = {":method": request.method, ":path": request.url.path, ":query": request.url.query}
    return {**headers_of(request), **url}


async def capped(request: Request) -> bytes:
    """The body, read no further than the cap."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_CAP:
            raise NotAuthentic("body_too_large")
    return bytes(body)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type)
