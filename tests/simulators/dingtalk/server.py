"""The HTTP side: both APIs on one address, and the gateway's checks."""

import mimetypes
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from tests.simulators.core.door import Answer, Door, as_json
from tests.simulators.core.faults import Fault, Faults, Request
from tests.simulators.dingtalk import calls, cards, messages
from tests.simulators.dingtalk.state import Json, Refusal, State

TOKEN = "POST /v1.0/oauth2/accessToken"
OPEN = "POST /v1.0/gateway/connections/open"
DOWNLOAD = "GET /download/:code"
#: Nobody's token is asked for.
FREE: Mapping[str, Callable[[State, Request], Json]] = {
    TOKEN: calls.token, "POST /robot/sendBySession": messages.by_session, "POST /robot/send": messages.by_hook,
}  # fmt: skip
_CARDS, _ROBOT, _CHATS = "Card.Instance.Write", "qyapi_robot_sendmsg", "qyapi_chat_manage"
#: route -> the permission that it takes, and what it does.
ROUTES: Mapping[str, tuple[str, Callable[[State, Request], Json]]] = {
    "POST /v1.0/robot/oToMessages/batchSend": (_ROBOT, messages.to_people),
    "POST /v1.0/robot/groupMessages/send": (_ROBOT, messages.to_group),
    "POST /v1.0/robot/groupMessages/recall": (_ROBOT, partial(messages.recall, where="group")),
    "POST /v1.0/robot/otoMessages/batchRecall": (_ROBOT, partial(messages.recall, where="direct")),
    "POST /v1.0/robot/messageFiles/download": (_ROBOT, calls.download),
    "POST /v1.0/robot/ding/send": ("Premium.Ding.Write", calls.ding),
    "POST /v1.0/card/instances/createAndDeliver": (_CARDS, cards.make),
    "POST /v1.0/card/instances": (_CARDS, cards.create),
    "POST /v1.0/card/instances/deliver": (_CARDS, cards.deliver),
    "PUT /v1.0/card/instances": (_CARDS, cards.update),
    "POST /v1.0/card/callbacks/register": (_CARDS, cards.register),
    "POST /v1.0/card/tops/close": (_CARDS, cards.close_top),
    "POST /v1.0/im/group/create": (_CHATS, calls.common_group),
    "POST /v1.0/im/sceneGroup/create": (_CHATS, calls.scene_group),
    "POST /v1.0/im/sceneGroup/member/add": (_CHATS, calls.add_members),
    "POST /media/upload": ("qyapi_base", calls.media),
    "POST /topapi/v2/user/get": ("qyapi_get_member", calls.user),
    "POST /topapi/v2/user/getbymobile": ("qyapi_get_member_by_mobile", calls.by_mobile),
}
#: These are no calls that the month's quota knows.
UNCOUNTED = ("POST /topapi/v2/user/get", "POST /topapi/v2/user/getbymobile")
_SECOND = timedelta(seconds=1)
_FLOOD, _PUNISHED = timedelta(seconds=20), timedelta(minutes=5)
_DENIED = b"<!doctypehtml><html><head><title>405</title></head><body>Sorry, your request has been blocked</body></html>"
QPS = Refusal("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "应用的调用频率超过限制,请稍后再试", status=403)


class Api(Door):
    """`open_connection`: how a stream's address is asked for."""

    codes = ("code", "errcode", "status")

    def __init__(self, state: State, faults: Faults, open_connection: Callable[[Request], Json]) -> None:
        super().__init__(state.clock, state.lock, faults, (*ROUTES, *FREE, OPEN, DOWNLOAD))
        self.state = state
        self._open = open_connection
        self._punished: dict[str, datetime] = {}

    def refused_by(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "throttle":
            return self._refused(request, QPS)
        if fault.kind == "dead_token":
            self.state.tokens.clear()
            return self._refused(request, Refusal("InvalidAuthentication", "不合法的access_token"))
        return self._refused(request, Refusal(fault.code, fault.message, status=fault.status if fault.status != 502 else 400))

    async def answer(self, request: Request) -> Answer:
        with self.state.lock:
            try:
                return self._flooded(request) or self._done(request)
            except Refusal as refusal:
                return self._refused(request, refusal)

    def _flooded(self, request: Request) -> Answer | None:
        """Ten thousand calls in twenty seconds from one address: five minutes of something that is no API's answer."""
        now, caller = self.state.clock(), request.caller
        if not self.state.spend(f"ip:{caller}", self.state.ip_most, _FLOOD):
            self._punished[caller] = now + _PUNISHED
        if self._punished.get(caller, now) <= now:
            return None
        if self.state.punishes == "html":
            return 405, {"content-type": "text/html"}, _DENIED
        return as_json({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": self.state.new()})

    def _done(self, request: Request) -> Answer:
        if request.route == "":
            if request.path.startswith("/v1.0/"):
                raise Refusal("InvalidAction.NotFound", "Specified api is not found, please check your url and method.", status=404)
            raise Refusal(22, "不存在的方法名")
        if request.route == OPEN:
            return as_json(self._open(request))
        if request.route == DOWNLOAD:
            return self._file(request)
        if request.route in FREE:
            return self._success(FREE[request.route](self.state, request))
        permission, act = ROUTES[request.route]
        self._admitted(request, permission)
        return self._success(act(self.state, request))

    def _success(self, answer: Json) -> Answer:
        if self.state.string_errcode and "errcode" in answer:
            answer = answer | {"errcode": str(answer["errcode"])}
        return as_json(answer)

    def _file(self, request: Request) -> Answer:
        found = self.state.uploads.get(request.ids["code"])
        if found is None:
            return 404, {"content-type": "text/plain"}, b"not found"
        return 200, {"content-type": mimetypes.guess_type(found.name)[0] or "application/octet-stream"}, found.content

    def _admitted(self, request: Request, permission: str) -> None:
        """Token, address, permission, frequency, and then the month: what was throttled is not counted."""
        state, new = self.state, request.path.startswith("/v1.0/")
        given = request.headers.get("x-acs-dingtalk-access-token", "") if new else request.query.get("access_token", "")
        if new and not given:
            raise Refusal("AuthenticationFailed.MissingParameter", "x-acs-dingtalk-access-token is mandatory for this action.")
        ends = state.tokens.get(given)
        if ends is None or ends <= state.clock():
            raise Refusal("InvalidAuthentication", "不合法的access_token") if new else unauthorized("40014", "不合法的access_token")
        if state.allowed_ips and request.caller not in state.allowed_ips:
            raise (
                Refusal("Forbidden.AccessDenied.IpNotInWhiteList", f"{request.caller} is not in the white list", status=403)
                if new
                else unauthorized("60020", "访问ip不在白名单之中")
            )
        if permission not in state.permissions:
            message = f"应用尚未开通所需的权限:[{permission}]"
            raise (
                Refusal(
                    "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                    message,
                    status=403,
                    accessdenieddetail={"requiredScopes": [permission]},
                )
                if new
                else unauthorized("60011", message)
            )
        if not state.spend(f"qps:{request.route}", state.qps, _SECOND):
            raise QPS if new else Refusal(90018, "您的服务器调用钉钉开放平台接口的频率超过限制")
        if request.route not in UNCOUNTED and not state.calls.take(state.clock()):
            words = "组织本月的API调用量已用完"
            raise Refusal("Forbidden.AccessDenied.ApiCountLimitForOrg", words, status=403) if new else Refusal(90020, words)

    def _refused(self, request: Request, refusal: Refusal) -> Answer:
        if isinstance(refusal.code, int):
            return as_json({"errcode": refusal.code, "errmsg": refusal.message, "request_id": self.state.new()[:12], **refusal.also})
        if not request.path.startswith("/v1.0/"):
            old = {QPS.code: Refusal(90018, QPS.message), "InvalidAuthentication": unauthorized("40014", refusal.message)}
            return self._refused(request, old.get(refusal.code, Refusal(-1, refusal.message)))
        requestid = self.state.new().upper()
        return as_json({"code": refusal.code, "message": refusal.message, "requestid": requestid, **refusal.also}, refusal.status)


def unauthorized(code: str, message: str) -> Refusal:
    """As the old API says it: the code that matters is inside."""
    return Refusal(88, f"ding talk error[subcode={code},submsg={message}]", sub_code=code, sub_msg=message)
