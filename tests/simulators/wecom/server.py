"""The HTTP side: routes and what stands before them. Every verdict comes with HTTP 200."""

import mimetypes
from collections.abc import Callable, Mapping
from urllib.parse import quote

from tests.simulators.core.door import Answer, Door, Json, as_json
from tests.simulators.core.faults import Fault, Faults, Request
from tests.simulators.wecom import calls, messages
from tests.simulators.wecom.robot import Robot
from tests.simulators.wecom.state import Refusal, State

API = "/cgi-bin"
TOKEN = f"GET {API}/gettoken"
MEDIA = f"GET {API}/media/get"
RESPONSE = f"POST {API}/aibot/response"
ATTACHMENT = "GET /attachment/:key"
ROUTES: Mapping[str, Callable[[State, Request], Json]] = {
    f"POST {API}/message/send": messages.send,
    f"POST {API}/message/update_template_card": messages.update,
    f"POST {API}/message/recall": messages.recall,
    f"POST {API}/media/upload": calls.upload_media,
    f"GET {API}/user/get": calls.user,
    f"POST {API}/user/getuserid": calls.user_by_mobile,
    f"POST {API}/user/get_userid_by_email": calls.user_by_email,
    f"POST {API}/appchat/create": calls.create_group,
    f"POST {API}/appchat/update": calls.update_group,
    f"GET {API}/appchat/get": calls.group,
    f"POST {API}/appchat/send": calls.send_to_group,
    f"GET {API}/getcallbackip": calls.addresses,
    f"GET {API}/get_api_domain_ip": calls.addresses,
}


class Api(Door):
    codes = ("errcode",)
    prefix = API

    def __init__(self, state: State, faults: Faults, robot: Robot) -> None:
        super().__init__(state.clock, state.lock, faults, (*ROUTES, TOKEN, MEDIA, RESPONSE, ATTACHMENT))
        self.state = state
        self._robot = robot

    def refused_by(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "throttle":
            return self._refused(Refusal(45009, "api freq out of limit"))
        if fault.kind == "dead_token":
            self.state.tokens.clear()
            return self._refused(Refusal(42001, "access_token expired"))
        return self._refused(Refusal(fault.code, fault.message))

    async def answer(self, request: Request) -> Answer:
        with self.state.lock:
            try:
                return self._done(request)
            except Refusal as refusal:
                return self._refused(refusal, request.caller)

    def _done(self, request: Request) -> Answer:
        state = self.state
        if request.route == "":
            return 404, {"content-type": "text/plain"}, b"404 page not found"
        if request.route == TOKEN:
            return _ok(calls.token(state, request))
        if request.route == ATTACHMENT:
            return self._attachment(request.ids["key"])
        if request.route == RESPONSE:
            return _ok(self._robot.respond(request))
        calls.authorized(state, request)
        calls.throttle(state, request)
        if request.route == MEDIA:
            found = calls.media(state, request)
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            return 200, {"content-type": kind, "content-disposition": f"attachment; filename*=utf-8''{quote(found.name)}"}, found.content
        return _ok(ROUTES[request.route](state, request))

    def _attachment(self, key: str) -> Answer:
        """From a store of files beside the API, which knows nothing of its errors."""
        ends, content = self.state.attachments.get(key, (self.state.clock(), b""))
        if ends <= self.state.clock():
            return 403, {"content-type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
        return 200, {"content-type": "application/octet-stream"}, content

    def _refused(self, refusal: Refusal, caller: str = "127.0.0.1") -> Answer:
        hint = self.state.new("")[:20]
        more = f"https://open.work.weixin.qq.com/devtool/query?e={refusal.code}"
        return as_json({"errcode": refusal.code, "errmsg": f"{refusal.message}, hint: [{hint}], from ip: {caller}, more info at {more}"})


def _ok(answer: Json) -> Answer:
    return as_json({"errcode": 0, "errmsg": "ok", **answer})
