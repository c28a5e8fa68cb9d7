"""The HTTP side: routes and gateway checks."""

import asyncio
import mimetypes
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from tests.simulators.core.door import Answer, Door, as_json
from tests.simulators.core.faults import Fault, Faults, Request
from tests.simulators.feishu import calls, messages
from tests.simulators.feishu.state import Json, Refusal, State

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
_GATEWAY = ((50, timedelta(seconds=1)), (1000, timedelta(minutes=1)))


class Api(Door):
    """`endpoint`: how the long connection's address is asked for."""

    prefix = API

    def __init__(self, state: State, faults: Faults, endpoint: Callable[[Request], Json]) -> None:
        super().__init__(state.clock, state.lock, faults, (*ROUTES, TOKEN, HOOK, ENDPOINT, BOT, RESOURCE))
        self.state = state
        self.members_take = 0.02
        """real seconds for which a group is busy while members are added"""
        self._endpoint = endpoint

    def refused_by(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "throttle":
            refusal = throttled(self.state, 50, int(fault.seconds) or 1)
        elif fault.kind == "dead_token":
            self.state.tokens.clear()
            refusal = Refusal(99991663, "Invalid access token for authorization.")
        else:
            refusal = Refusal(fault.code, fault.message, status=int(fault.status) if fault.status != 502 else 400)
        return as_json({"code": refusal.code, "msg": refusal.message, "error": {}}, refusal.status, refusal.headers)

    async def answer(self, request: Request) -> Answer:
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
            return as_json(self._endpoint(request))
        if request.route == TOKEN:
            return as_json({"code": 0, "msg": "ok", **calls.token(state, request)})
        if request.route == HOOK:
            return as_json({"code": 0, "msg": "success", "data": {}, **calls.hook(state, request)})
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
            return as_json({"code": 0, "msg": "ok", "bot": bot})
        if request.route == RESOURCE:
            name, content = messages.resource(state, request)
            return 200, {"content-type": mimetypes.guess_type(name)[0] or "application/octet-stream"}, content
        return as_json({"code": 0, "msg": "success", "data": ROUTES[request.route](state, request)})

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
        return as_json(answer, refusal.status, {**refusal.headers, "x-tt-logid": log})


def throttled(state: State, most: int, seconds: int) -> Refusal:
    headers = {"x-ogw-ratelimit-limit": str(most), "x-ogw-ratelimit-reset": str(seconds)}
    return Refusal(99991400, "request trigger frequency limit", status=400 if state.old_throttle else 429, headers=headers)
