"""The HTTP side: routes, gateway checks, planned faults and the record of every request; served by uvicorn on loopback."""

import asyncio
import json
import mimetypes
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl

from tests.simulators.feishu import calls, messages
from tests.simulators.feishu.faults import Fault, Faults, Recorded, Request
from tests.simulators.feishu.state import Json, Refusal, State

Scope = Mapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Json], Any]
Answer = tuple[int, dict[str, str], bytes]
API = "/open-apis"
TOKEN = f"POST {API}/auth/v3/tenant_access_token/internal"
HOOK = f"POST {API}/bot/v2/hook/:token"
ENDPOINT = "POST /callback/ws/endpoint"
MEMBERS = f"POST {API}/im/v1/chats/:chat_id/members"
BOT = f"GET {API}/bot/v3/info"
RESOURCE = f"GET {API}/im/v1/messages/:message_id/resources/:key"
ROUTES: Mapping[str, Callable[[State, Request], Json]] = {
    f"POST {API}/im/v1/messages": messages.send,
    f"POST {API}/im/v1/messages/:message_id/reply": messages.reply,
    f"PATCH {API}/im/v1/messages/:message_id": messages.patch,
    f"PUT {API}/im/v1/messages/:message_id": messages.put,
    f"DELETE {API}/im/v1/messages/:message_id": messages.delete,
    **{f"PATCH {API}/im/v1/messages/:message_id/urgent_{by}": partial(messages.urgent, by=by) for by in ("app", "sms", "phone")},
    f"POST {API}/im/v1/images": partial(calls.upload, what="image"),
    f"POST {API}/im/v1/files": partial(calls.upload, what="file"),
    f"POST {API}/im/v1/chats": calls.create_chat,
    MEMBERS: calls.add_members,
    f"POST {API}/im/v1/chats/:chat_id/top_notice/put_top_notice": calls.top_notice,
    f"POST {API}/im/v1/pins": calls.pin,
    f"POST {API}/contact/v3/users/batch_get_id": calls.batch_get_id,
    f"GET {API}/contact/v3/users/:user_id": calls.user,
    f"GET {API}/application/v6/scopes": calls.scopes,
    f"POST {API}/interactive/v1/card/update": calls.update_card,
}
_ALL = (*ROUTES, TOKEN, HOOK, ENDPOINT, BOT, RESOURCE)
#: A literal path wins over one with an id in its place.
_PATTERNS = {route: re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", route)) for route in sorted(_ALL, key=lambda route: route.count(":"))}
_GATEWAY = ((50, timedelta(seconds=1)), (1000, timedelta(minutes=1)))
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>openresty</center></body></html>"


class Api:
    """An ASGI application. `endpoint`: how the long connection's address is asked for."""

    def __init__(self, state: State, faults: Faults, endpoint: Callable[[Request], Json]) -> None:
        self.state = state
        self.faults = faults
        self.recorded: list[Recorded] = []
        self.members_take = 0.02
        """real seconds for which a group is busy while members are added"""
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive, self.state)
        fault = self.faults.take(request.route)
        record = Recorded(request, fault=fault.kind if fault else "")
        with self.state.lock:
            self.recorded.append(record)
        if fault and fault.kind in ("delay", "hang"):
            await _wait(fault.seconds if fault.kind == "delay" else 60.0, receive)
        if fault and fault.kind in ("reset_before", "hang"):
            await _reset(send, receive)
            return
        instead = _instead(fault, self.state)
        status, headers, content = instead or await self._answer(request)
        if fault and fault.kind == "reset_after":
            await _reset(send, receive)
            return
        content = _spoilt(fault, content)
        record.status, record.code = status, _code(headers, content)
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, request: Request) -> Answer:
        if request.route == MEMBERS:
            return await self._serially(request)
        with self.state.lock:
            return self._now(request)

    async def _serially(self, request: Request) -> Answer:
        """Two at once on one group collide, as the page on adding members says."""
        chat = self.state.chats.get(request.ids["chat_id"])
        if chat is None:
            return self._now(request)
        if chat.busy:
            return self._refused(Refusal(232019, "The request has been rate limited."))
        chat.busy = True
        try:
            await asyncio.sleep(self.members_take)
            with self.state.lock:
                return self._now(request)
        finally:
            chat.busy = False

    def _now(self, request: Request) -> Answer:
        try:
            return self._done(request)
        except Refusal as refusal:
            return self._refused(refusal)

    def _done(self, request: Request) -> Answer:
        state = self.state
        if request.route == "":
            return 404, {"content-type": "text/plain"}, b"404 page not found"
        if request.route == ENDPOINT:
            return _json(self._endpoint(request))
        if request.route == TOKEN:
            return _json({"code": 0, "msg": "ok", **calls.token(state, request)})
        if request.route == HOOK:
            return _json({"code": 0, "msg": "success", "data": {}, **calls.hook(state, request)})
        calls.authorized(state, request)
        self._throttle(request)
        if not state.bot_enabled:
            raise Refusal(230006, "Bot ability is not activated.")
        if request.route == BOT:
            bot = {
                "activate_status": state.activate_status,
                "app_name": state.bot_name,
                "avatar_url": "",
                "ip_white_list": [],
                "open_id": state.bot,
            }
            return _json({"code": 0, "msg": "ok", "bot": bot})
        if request.route == RESOURCE:
            name, content = messages.resource(state, request)
            return 200, {"content-type": mimetypes.guess_type(name)[0] or "application/octet-stream"}, content
        return _json({"code": 0, "msg": "success", "data": ROUTES[request.route](state, request)})

    def _throttle(self, request: Request) -> None:
        for most, window in _GATEWAY:
            key = f"{request.route}:{most}"
            if not self.state.spend(key, most, window):
                raise throttled(self.state, most, self.state.patience(key, window))

    def _refused(self, refusal: Refusal) -> Answer:
        log = self.state.new("2026")[:32].upper()
        also = dict(refusal.also)
        error = {"log_id": log, "troubleshooter": "…", **also.pop("error", {})}
        answer = {"code": refusal.code, "msg": refusal.message, **also, "error": error}
        return _json(answer, refusal.status, {**refusal.headers, "x-tt-logid": log})


def throttled(state: State, most: int, seconds: int) -> Refusal:
    headers = {"x-ogw-ratelimit-limit": str(most), "x-ogw-ratelimit-reset": str(seconds)}
    return Refusal(99991400, "request trigger frequency limit", status=400 if state.old_throttle else 429, headers=headers)


async def _read(scope: Scope, receive: Receive, state: State) -> Request:
    content = b""
    while True:
        event = await receive()
        content += event.get("body", b"")
        if not event.get("more_body"):
            break
    path, method = scope["path"], scope["method"]
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    route, ids = "", {}
    for name, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(f"{method} {path}"):
            route, ids = name, match.groupdict()
            break
    return Request(method, path, route, query, headers, content, state.clock(), ids, (scope.get("client") or ("",))[0])


def _instead(fault: Fault | None, state: State) -> Answer | None:
    """An answer from somewhere before the API: nothing was done."""
    if fault is None:
        return None
    if fault.kind == "html":
        return fault.status, {"content-type": "text/html"}, _HTML
    if fault.kind == "throttle":
        refusal = throttled(state, 50, int(fault.seconds) or 1)
    elif fault.kind == "dead_token":
        state.tokens.clear()
        refusal = Refusal(99991663, "Invalid access token for authorization.")
    elif fault.kind == "answer":
        refusal = Refusal(fault.code, fault.message, status=int(fault.status) if fault.status != 502 else 400)
    else:
        return None
    return _json({"code": refusal.code, "msg": refusal.message, "error": {}}, refusal.status, refusal.headers)


def _spoilt(fault: Fault | None, content: bytes) -> bytes:
    if fault and fault.kind == "empty":
        return b""
    return content[: len(content) // 2] if fault and fault.kind == "truncated" else content


def _json(answer: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return status, {"content-type": "application/json; charset=utf-8", **(headers or {})}, json.dumps(answer, ensure_ascii=False).encode()


def _code(headers: Mapping[str, str], content: bytes) -> int | None:
    try:
        found = json.loads(content) if headers["content-type"].startswith("application/json") else None
    except ValueError:
        return None
    return found.get("code") if isinstance(found, dict) else None


async def _wait(seconds: float, receive: Receive) -> None:
    """That long, or until the caller has gone."""
    gone = asyncio.ensure_future(receive())
    await asyncio.wait([gone], timeout=seconds)
    gone.cancel()


async def _reset(send: Send, receive: Receive) -> None:
    """The connection dies without a byte of an answer. uvicorn has no word for it: its request cycle holds the transport."""
    cast(Any, send).__self__.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
