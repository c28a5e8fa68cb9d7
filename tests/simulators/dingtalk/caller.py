"""Somebody who calls the stand-in well, for its own tests."""

import json
from typing import Any

import httpx

from tests.simulators.dingtalk.sim import Sim
from tests.simulators.dingtalk.state import Json
from tests.simulators.dingtalk.templates import OURS

TOKEN = "/v1.0/oauth2/accessToken"
PEOPLE, GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"
MAKE, CARD = "/v1.0/card/instances/createAndDeliver", "/v1.0/card/instances"
ROOM = "cidRoom=="


class Caller:
    """Somebody who calls both APIs well, with a token, unless a test says otherwise."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.http = httpx.Client(base_url=sim.url, timeout=30, trust_env=False)

    def token(self) -> str:
        found: str = self.http.post(TOKEN, json={"appKey": self.sim.state.app_key, "appSecret": self.sim.state.app_secret}).json()[
            "accessToken"
        ]
        return found

    def new(self, method: str, path: str, body: Any = None, *, headers: Any = None, **query: str) -> httpx.Response:
        named = {"x-acs-dingtalk-access-token": self.token()} if headers is None else headers
        return self.http.request(method, path, json=body, params=query, headers=named)

    def old(self, path: str, body: Any = None, *, token: str = "", **how: Any) -> httpx.Response:
        query = {"access_token": token or self.token(), **how.pop("query", {})}
        return self.http.post(path, params=query, **({"json": body} if body is not None else {}), **how)

    def tells(self, people: list[str], content: Any, key: str = "sampleText", **also: Any) -> httpx.Response:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        given = {"robotCode": self.sim.state.robot_code, "userIds": people, "msgKey": key, "msgParam": text, **also}
        return self.new("POST", PEOPLE, {name: value for name, value in given.items() if value is not None})

    def says(self, content: Any, key: str = "sampleText", chat: str = ROOM, **also: Any) -> httpx.Response:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        given = {"robotCode": self.sim.state.robot_code, "openConversationId": chat, "msgKey": key, "msgParam": text, **also}
        return self.new("POST", GROUP, given)

    def makes(self, track: str = "card-1", space: str = f"IM_GROUP.{ROOM}", **also: Any) -> httpx.Response:
        return self.new("POST", MAKE, a_card(self.sim, track, space, **also))

    def updates(self, track: str = "card-1", **also: Any) -> httpx.Response:
        return self.new("PUT", CARD, {"outTrackId": track, **also})

    def uploads(self, name: str, content: bytes = b"content", kind: str = "file") -> httpx.Response:
        return self.old("/media/upload", query={"type": kind}, files={"media": (name, content)})


def a_card(sim: Sim, track: str = "card-1", space: str = f"IM_GROUP.{ROOM}", **also: Any) -> Json:
    robot = sim.state.robot_code
    models: Json = {
        "imGroupOpenSpaceModel": {"supportForward": False},
        "imGroupOpenDeliverModel": {"robotCode": robot},
    }
    if space.startswith("IM_ROBOT"):
        models = {
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": robot},
        }
    values = {"title": "行情中断", "body1": "T1 待认领", "b1_text": "认领", "b1_key": "k1", "chat": ROOM}
    return {
        "cardTemplateId": OURS.id, "outTrackId": track, "callbackType": "STREAM", "openSpaceId": f"dtv1.card//{space}",
        "cardData": {"cardParamMap": values}, **models, **also,
    }  # fmt: skip


def furnished() -> Sim:
    sim = Sim()
    sim.add_person("lina", "李娜", mobile="13800000000")
    sim.add_person("wang", "王强")
    sim.add_chat("行情中断", ("lina", "wang"), chat_id=ROOM)
    return sim
