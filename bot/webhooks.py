"""What messengers post to us: verified by their platform, stored (a click: decided), and only then answered."""

import logging
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from bot.metrics import Metrics
from bot.platforms.core.contract import Answer, Heard, NotAuthentic, Platform
from bot.worker import Worker

log = logging.getLogger(__name__)

#: No platform sends more; each may allow less.
BODY_CAP = 1024 * 1024
#: Platform -> its addresses below /callbacks. WeCom checks an address by GET.
ROADS: Mapping[str, tuple[str, ...]] = {
    "feishu": ("feishu",),
    "wecom": ("wecom", "wecom-bot"),
    "dingtalk": ("dingtalk", "dingtalk/card", "dingtalk/events"),
    "sms": ("sms",),
}
METHODS: Mapping[str, list[str]] = {"wecom": ["GET", "POST"]}


def callbacks_router(worker: Worker, metrics: Metrics) -> APIRouter:
    """The addresses of the platforms that are on (`/callbacks/sms`: delivery reports); a platform that is off has no route."""
    router = APIRouter(prefix="/callbacks", include_in_schema=False)
    for name, roads in ROADS.items():
        if platform := worker.sender.platforms.get(name):
            for road in roads:
                _add(router, road, platform, worker, metrics)
    return router


def _add(router: APIRouter, road: str, platform: Platform, worker: Worker, metrics: Metrics) -> None:
    def refused(why: NotAuthentic) -> Response:
        metrics.refused_callbacks.labels(platform=platform.name, reason=why.reason).inc()
        log.warning("a callback was refused", extra={"action": "callback_refused", "platform": platform.name, "reason": why.reason})
        return PlainTextResponse("refused\n", 413 if why.reason == "body_too_large" else 401)

    @router.api_route(f"/{road}", methods=METHODS.get(platform.name, ["POST"]))
    async def callback(request: Request) -> Response:
        try:
            body = await capped(request)
            found = platform.receive(headers_of(request) | _asked(request), body)
        except NotAuthentic as refusal:
            return refused(refusal)
        if isinstance(found, Answer):
            return _response(found)
        heard = (
            found if isinstance(found, Heard) else Heard(found, lambda reply: Answer(b"{}") if reply is None else platform.answer(reply))
        )
        try:
            if heard.check is not None:
                await heard.check()
            reply = await worker.hear(heard.what)
        except NotAuthentic as refusal:
            return refused(refusal)
        except Exception as error:
            # Not kept, so not acknowledged: the platform sends it again.
            why = {"action": "event_failed", "platform": platform.name, "error": type(error).__name__}
            log.exception("an event was not kept", extra=why)
            return PlainTextResponse("try again\n", 503)
        return _response(heard.answer(reply))


def headers_of(request: Request) -> dict[str, str]:
    """Names in lower case; a header given twice is as good as none."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = "" if name in found else value
    return found


def _asked(request: Request) -> dict[str, str]:
    """As HTTP/2 names them: no header that is sent can begin with a colon."""
    query = request.url.query
    return {":method": request.method, ":path": f"{request.url.path}?{query}" if query else request.url.path}


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
