"""How events reach the product: sealed and signed, XML for the app and JSON for the robot; with WeCom's deadlines and repeats.

Pages 90930, 90238, 90968 (app), 101033, 100719, 101027 (robot). What comes back is looked at as WeCom would.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import httpx

from tests.simulators.wecom import markup
from tests.simulators.wecom.sealing import Broken, seal, sign, unseal
from tests.simulators.wecom.state import Json, Message, State

AGAIN = 3
Line = Literal["app", "robot"]


@dataclass
class Delivery:
    """One message or event. `problems`: what was wrong with each attempt ("" is none)."""

    line: Line
    what: str
    event: Json
    at: datetime
    problems: list[str] = field(default_factory=list)
    reply: Json | None = None

    @property
    def arrived(self) -> bool:
        return "" in self.problems


@dataclass
class Click:
    """`problem`: why nothing came of it ("": it did). Over the long connection the answer comes later: `answered` is set then."""

    message: Message
    person: str
    event: Json = field(default_factory=dict)
    problem: str = ""
    updated: bool = False
    answered: threading.Event = field(default_factory=threading.Event)


@dataclass
class Callback:
    """Where the product listens. `answer_within`, `check_within`: real seconds."""

    state: State
    line: Line
    url: str
    token: str
    aes_key: str
    answer_within: float = 5.0
    check_within: float = 1.0
    replicas: list[str] = field(default_factory=list)
    """further servers behind the one address: each request goes to the next"""
    posted: int = 0

    @property
    def receive_id(self) -> str:
        return self.state.corp_id if self.line == "app" else ""

    def server(self) -> str:
        self.posted += 1
        return [self.url, *self.replicas][self.posted % (1 + len(self.replicas))]

    def sealed(self, message: str) -> tuple[dict[str, str], str]:
        """The query and the ciphertext; another nonce and another noise each time."""
        dice = self.state.dice
        encrypted = seal(message, self.aes_key, self.receive_id, dice.randbytes(16))
        stamp, nonce = str(int(self.state.clock().timestamp())), str(dice.randrange(10**9, 10**10))
        return {"msg_signature": sign(self.token, stamp, nonce, encrypted), "timestamp": stamp, "nonce": nonce}, encrypted

    def check_url(self, plain: str = "6819284756102938475") -> str:
        """The administrator saves the address; "" when WeCom accepts it."""
        query, encrypted = self.sealed(plain)
        try:
            with httpx.Client(timeout=self.check_within, trust_env=False) as client:
                answer = client.get(self.server(), params={**query, "echostr": encrypted})
        except httpx.HTTPError as error:
            return type(error).__name__
        right = answer.status_code == 200 and answer.content == plain.encode()
        return "" if right else f"HTTP {answer.status_code}: {answer.text[:100]!r} instead of {plain!r}"

    def post(self, message: str) -> tuple[httpx.Response, str]:
        """The answer, and the nonce that was sent."""
        query, encrypted = self.sealed(message)
        if self.line == "app":
            agent = str(self.state.agent_id)
            content = markup.written("xml", {"ToUserName": self.state.corp_id, "Encrypt": encrypted, "AgentID": agent})
        else:
            content = json.dumps({"encrypt": encrypted})
        kind = "text/xml" if self.line == "app" else "application/json"
        # A whole answer within that time: httpx counts each phase alone, which on loopback comes to the same.
        with httpx.Client(timeout=self.answer_within, trust_env=False) as client:
            headers = {"Content-Type": kind, "User-Agent": "Mozilla/4.0"}
            return client.post(self.server(), params=query, content=content.encode(), headers=headers), query["nonce"]

    def opened(self, body: bytes, nonce: str) -> str | None:
        """The passive reply inside an answer; None where there is none. Raises ValueError or Broken."""
        if not body:
            return None
        text = body.decode()
        parts = markup.fields(markup.parsed(text)) if self.line == "app" else _envelope(text, nonce)
        names = {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
        if set(parts) != names:
            raise ValueError(f"the envelope has {sorted(parts)} instead of {sorted(names)}")
        if sign(self.token, parts["TimeStamp"], parts["Nonce"], parts["Encrypt"]) != parts["MsgSignature"]:
            raise ValueError("the signature is wrong")
        message, receive_id = unseal(parts["Encrypt"], self.aes_key)
        if receive_id != self.receive_id:
            raise ValueError(f"the receive id is {receive_id!r}")
        return message


def _envelope(text: str, nonce: str) -> dict[str, str]:
    found = json.loads(text)
    names = {"encrypt": "Encrypt", "msgsignature": "MsgSignature", "timestamp": "TimeStamp", "nonce": "Nonce"}
    if not isinstance(found, dict) or set(found) != set(names):
        raise ValueError("the envelope is not {encrypt, msgsignature, timestamp, nonce}")
    if not isinstance(found["timestamp"], int) or found["nonce"] != nonce:
        raise ValueError("timestamp must be a number and nonce that of the request")
    return {names[name]: str(value) for name, value in found.items()}


#: What a passive reply does; raises ValueError, Broken or Refusal where WeCom would drop it.
Take = Callable[[str], Json]


class Deliveries:
    """Over HTTP. What each callback is answered goes to `take`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.app: Callback | None = None
        self.robot: Callback | None = None
        self.events: list[Delivery] = []

    def xml(self, what: str, fields: Mapping[str, Any]) -> Delivery:
        """To the app. Nobody there: it is lost."""
        delivery = Delivery("app", what, dict(fields), self.state.clock())
        self.events.append(delivery)
        return delivery

    def json(self, what: str, body: Json) -> Delivery:
        delivery = Delivery("robot", what, body, self.state.clock())
        self.events.append(delivery)
        return delivery

    def carry(self, delivery: Delivery, take: Take, *, once: bool = False) -> None:
        """Sent again up to three times, at once, where no 200 came in time; a click to the robot is sent once and never again."""
        callback = self.app if delivery.line == "app" else self.robot
        if callback is None:
            delivery.problems.append("nobody listens")
            return
        message = markup.written("xml", delivery.event) if delivery.line == "app" else json.dumps(delivery.event, ensure_ascii=False)
        for _ in range(1 if once else 1 + AGAIN):
            delivery.problems.append(self._once(delivery, callback, message, take))
            if delivery.arrived or not delivery.problems[-1].startswith(("HTTP", "no answer")):
                return

    def _once(self, delivery: Delivery, callback: Callback, message: str, take: Take) -> str:
        """What was wrong with it ("": nothing)."""
        try:
            answer, nonce = callback.post(message)
        except httpx.HTTPError as error:
            return f"no answer: {type(error).__name__}"
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}"
        try:
            reply = callback.opened(answer.content, nonce)
            delivery.reply = take(reply) if reply is not None else None
        except (ValueError, KeyError, Broken) as error:
            return f"the passive reply is dropped: {error!r}"
        return ""
