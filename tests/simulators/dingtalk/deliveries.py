"""How messages, clicks and events reach the product: over HTTP as each is signed, or over the stream; with DingTalk's deadlines."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from tests.simulators.dingtalk import stream
from tests.simulators.dingtalk.cards import params, write
from tests.simulators.dingtalk.messages import reply
from tests.simulators.dingtalk.reading import parsed
from tests.simulators.dingtalk.sealing import Unsealed, card_sign, event_sign, robot_sign, seal, unseal
from tests.simulators.dingtalk.state import Card, Chat, Json, Refusal, State, milliseconds
from tests.simulators.dingtalk.stream import Ack

Kind = Literal["robot", "event"]
OverWire = Callable[[str, str, str, Mapping[str, str]], Ack]
AGAIN = timedelta(seconds=60)
MOST_TIMES = 5
"""(?) how often what is not acknowledged comes again"""
#: Two pages disagree on the name of the field that has these words.
WITHHELD = "受调用量超量影响,当前我的消息服务已经暂停。请联系你所在的组织管理员并予以处理"
NOT_REACHED, TOO_SLOW, WRONG_STATUS, WRONG_ANSWER = "not reached", "too slow", "wrong status", "wrong answer"


@dataclass
class Delivery:
    """One message or event. `problems`: what was wrong with each attempt ("" is none) · `headers`: of the last one over HTTP."""

    kind: Kind
    content: Json
    problems: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    chat: str = ""
    name: str = ""

    @property
    def arrived(self) -> bool:
        return "" in self.problems


@dataclass
class Click:
    """`problem`: why the person who tapped is shown a failure ("": none)."""

    card: Card
    userid: str
    content: Json
    at: datetime
    problem: str = ""
    why: str = ""
    updated: bool = False


@dataclass
class Callback:
    """Where the product listens over HTTP: `url` for messages, `events` for events; cards say their own. Limits in real seconds."""

    url: str
    token: str = ""
    aes_key: str = ""
    events: str = ""
    answer_within: float = 5.0
    """(?) nothing is documented for messages"""
    click_within: float = 2.0
    event_within: float = 2.5
    replicas: list[str] = field(default_factory=list)
    """further servers (scheme, host, port) behind the one address: each request goes to the next"""
    posted: int = 0

    def server(self, url: str) -> str:
        """Where a public address leads on this machine."""
        self.posted += 1
        hosts = [self.url, *self.replicas]
        host = urlsplit(hosts[self.posted % len(hosts)])
        return urlsplit(url)._replace(scheme=host.scheme, netloc=host.netloc).geturl()


class Deliveries:
    def __init__(self, state: State, over_wire: OverWire) -> None:
        self.state = state
        self.callback: Callback | None = None
        self.duplicates = 0.0
        """how often a message that has arrived comes again, as when its acknowledgement was late"""
        self.sent: list[Delivery] = []
        self.clicks: list[Click] = []
        self._over_wire = over_wire
        self._due: list[tuple[datetime, Delivery]] = []
        self._last_signed = 0
        self.one_millisecond = False
        """(?) what happens in one millisecond is signed alike: nobody says whether DingTalk sees to it that it is not"""

    def _stamp(self) -> str:
        return str(milliseconds(self.state.clock()))

    def _signed_at(self) -> str:
        """When an unsigned body's headers are made: no two in the same millisecond, unless a test wants that."""
        now = milliseconds(self.state.clock())
        self._last_signed = now if self.one_millisecond else max(now, self._last_signed + 1)
        return str(self._last_signed)

    # Messages and events

    def message(self, content: Json, chat: Chat) -> Delivery:
        """What somebody said to the robot. The month's quota used up, it comes without its text."""
        if not self.state.inbound.take(self.state.clock()):
            content = {name: value for name, value in content.items() if name not in ("text", "content")}
            content |= {self.state.withheld_by: "20001", **dict.fromkeys(("errorMessage", "errMsg"), WITHHELD)}
        return self._sent(Delivery("robot", content, chat=chat.id))

    def event(self, kind: str, content: Json) -> Delivery:
        whole = {"EventType": kind, "TimeStamp": self._stamp(), "CorpId": self.state.corp, **content}
        return self._sent(Delivery("event", whole, name=self.state.new()))

    def _sent(self, delivery: Delivery) -> Delivery:
        self.sent.append(delivery)
        self._attempt(delivery)
        return delivery

    def _attempt(self, delivery: Delivery) -> None:
        """Over the stream what was not acknowledged comes again, with the same msgId; over HTTP (?) nothing comes twice."""
        problem = self._once(delivery)
        delivery.problems.append(problem)
        again = problem and self.callback is None and len(delivery.problems) < MOST_TIMES
        if again or (not problem and len(delivery.problems) == 1 and self.state.dice.random() < self.duplicates):
            self._due.append((self.state.clock() + AGAIN, delivery))

    def _once(self, delivery: Delivery) -> str:
        if self.callback is None:
            return self._streamed(delivery)
        try:
            return (
                self._posted_message(delivery, self.callback) if delivery.kind == "robot" else self._posted_event(delivery, self.callback)
            )
        except httpx.HTTPError as error:
            return type(error).__name__

    def _streamed(self, delivery: Delivery) -> str:
        data = json.dumps(delivery.content, ensure_ascii=False)
        if delivery.kind == "robot":
            ack = self._over_wire("CALLBACK", stream.ROBOT, data, {})
        else:
            born = {"eventBornTime": delivery.content["TimeStamp"], "eventCorpId": self.state.corp, "eventUnifiedAppId": "app-made-up"}
            ack = self._over_wire(
                "EVENT", stream.EVENTS, data, {"eventType": delivery.content["EventType"], "eventId": delivery.name, **born}
            )
        if not ack.code:
            return "no acknowledgement"
        later = delivery.kind == "event" and (parsed(ack.data) or {}).get("status") == "LATER"
        return "later" if later else "" if ack.code == 200 else f"acknowledged with {ack.code}"

    def until(self, end: datetime) -> None:
        """What falls due until then, each at its time."""
        while self._due:
            self._due.sort(key=lambda entry: entry[0])
            if self._due[0][0] > end:
                break
            self.state.clock.at, delivery = self._due.pop(0)
            self._attempt(delivery)
        self.state.clock.at = end

    def _post(self, url: str, content: bytes, headers: Mapping[str, str], within: float) -> httpx.Response:
        assert self.callback is not None
        with httpx.Client(timeout=within, trust_env=False) as client:
            kind = {"Content-Type": "application/json; charset=utf-8"}
            return client.post(self.callback.server(url), content=content, headers={**kind, **headers})

    def _posted_message(self, delivery: Delivery, callback: Callback) -> str:
        stamp = self._signed_at()
        delivery.headers = {"timestamp": stamp, "sign": robot_sign(stamp, self.state.app_secret)}
        answer = self._post(
            callback.url, json.dumps(delivery.content, ensure_ascii=False).encode(), delivery.headers, callback.answer_within
        )
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}"
        return self._replied(delivery, answer.content) if answer.content else ""

    def _replied(self, delivery: Delivery, content: bytes) -> str:
        """A message as the answer is said in the chat."""
        found = parsed(content)
        if found is None:
            return WRONG_ANSWER
        if not found:
            return ""
        try:
            with self.state.lock:
                reply(self.state, self.state.chats[delivery.chat], found)
        except Refusal as refusal:
            return f"{WRONG_ANSWER}: {refusal}"
        return ""

    def replay(self, delivery: Delivery, content: Json) -> httpx.Response:
        """Somebody who saw a delivery go by sends something else with its headers: nothing in them knows the body."""
        assert self.callback is not None
        return self._post(
            self.callback.url, json.dumps(content, ensure_ascii=False).encode(), delivery.headers, self.callback.answer_within
        )

    def _posted_event(self, delivery: Delivery, callback: Callback) -> str:
        stamp, nonce = self._stamp(), self.state.new()[:16]
        plain = json.dumps(delivery.content, ensure_ascii=False).encode()
        encrypted = seal(plain, callback.aes_key, self.state.app_key, self.state.dice.randbytes(16))
        signature = event_sign(callback.token, stamp, nonce, encrypted)
        url = str(
            httpx.URL(callback.events).copy_with(
                params={"signature": signature, "msg_signature": signature, "timestamp": stamp, "nonce": nonce}
            )
        )
        answer = self._post(url, json.dumps({"encrypt": encrypted}).encode(), {}, callback.event_within)
        return f"HTTP {answer.status_code}" if answer.status_code != 200 else self._success(answer.content, callback)

    def _success(self, content: bytes, callback: Callback) -> str:
        """Only the word "success", sealed and signed as the event was, takes an event off DingTalk's hands."""
        found = parsed(content)
        if found is None or set(found) != {"msg_signature", "timeStamp", "nonce", "encrypt"}:
            return WRONG_ANSWER
        encrypted = str(found["encrypt"])
        if found["msg_signature"] != event_sign(callback.token, str(found["timeStamp"]), str(found["nonce"]), encrypted):
            return "wrong signature"
        try:
            return "" if unseal(encrypted, callback.aes_key, self.state.app_key) == b"success" else "not success"
        except Unsealed as error:
            return f"unsealed: {error}"

    def check_url(self) -> str:
        """The administrator saves the address of events; "" when DingTalk accepts it."""
        assert self.callback is not None
        try:
            return self._posted_event(Delivery("event", {"EventType": "check_url"}), self.callback)
        except httpx.HTTPError as error:
            return type(error).__name__

    # Clicks

    def click(self, card: Card, userid: str, space: str, action: Json) -> Click:
        """Sent once, whatever becomes of it. Where it happened only the stream tells."""
        private = json.dumps({"cardPrivateData": action}, ensure_ascii=False)
        content: Json = {
            "type": "actionCallback",
            "outTrackId": card.track,
            "corpId": self.state.corp,
            "userId": userid,
            "content": private,
        }
        kind, _, where = space.partition(".")
        if card.callback == "STREAM":
            content = content | {"extension": "{}", "spaceId": where, "spaceType": kind, "userIdType": 1}
        click = Click(card, userid, content, self.state.clock())
        self.clicks.append(click)
        card.busy = True
        try:
            answer = self._clicked(click)
        finally:
            card.busy = False
        if not click.problem:
            self._accept(click, answer)
        return click

    def _clicked(self, click: Click) -> Any:
        data = json.dumps(click.content, ensure_ascii=False)
        if click.card.callback == "STREAM":
            ack = self._over_wire("CALLBACK", stream.CARD, data, {})
            if ack.code != 200:
                click.problem = WRONG_STATUS if ack.code else TOO_SLOW
            return (parsed(ack.data) or {}).get("response") if ack.data else None
        route = self.state.routes.get(click.card.route)
        if route is None or self.callback is None:
            click.problem = NOT_REACHED
            return None
        return self._clicked_over_http(click, data, route.url, route.secret)

    def _clicked_over_http(self, click: Click, data: str, url: str, secret: str) -> Any:
        assert self.callback is not None
        stamp = self._signed_at()
        headers = {"x-ddpaas-signature-timestamp": stamp, "x-ddpaas-signature": card_sign(stamp, secret)} if secret else {}
        try:
            answer = self._post(url, data.encode(), headers, self.callback.click_within)
        except httpx.TimeoutException:
            click.problem = TOO_SLOW
            return None
        except httpx.HTTPError as error:
            click.problem, click.why = NOT_REACHED, type(error).__name__
            return None
        click.problem = "" if answer.status_code == 200 else WRONG_STATUS
        found = parsed(answer.content) if answer.content else {}
        if found is None:
            click.problem = click.problem or WRONG_ANSWER
        return found

    def _accept(self, click: Click, answer: Any) -> None:
        """What the answer says of the card, for everybody and for the one who tapped."""
        if answer in (None, {}, "OK"):
            return
        known = {"cardUpdateOptions", "cardData", "userPrivateData"}
        if not isinstance(answer, dict) or set(answer) - known:
            click.problem, click.why = WRONG_ANSWER, json.dumps(answer, ensure_ascii=False)[:200]
            return
        try:
            public = params(self.state, answer["cardData"], click.card.template) if "cardData" in answer else None
            private = params(self.state, answer["userPrivateData"], click.card.template) if "userPrivateData" in answer else None
        except Refusal as refusal:
            click.problem, click.why = WRONG_ANSWER, str(refusal)
            return
        with self.state.lock:
            write(click.card, public, {} if private is None else {click.userid: private}, answer.get("cardUpdateOptions") or {})
        click.updated = public is not None or private is not None
