"""How events reach the product: sealed and signed callbacks, or the long connection; with Feishu's deadlines and retries."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.simulators.feishu.messages import check_interactive, same_schema
from tests.simulators.feishu.sealing import seal, sign
from tests.simulators.feishu.state import Json, Message, Refusal, State, UpdateToken, milliseconds
from tests.simulators.feishu.wire import Ack

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (15, 300, 3600, 6 * 3600))
TOASTS = ("info", "success", "error", "warning")
NOT_REACHED, TOO_SLOW, WRONG_STATUS, WRONG_ANSWER, WRONG_CARD = 200340, 200341, 200671, 200672, 200673
TRICKY = 'c-"quoted" \\back\\slash 中文'


@dataclass
class Delivery:
    """One event. `problems`: what was wrong with each attempt ("" is none)."""

    event_id: str
    event: Json
    problems: list[str] = field(default_factory=list)
    stamp: str = ""

    @property
    def arrived(self) -> bool:
        return "" in self.problems


@dataclass
class Click:
    """`problem`: the code that the person who tapped is shown (0: none)."""

    message: Message
    event: Json
    token: str = ""
    problem: int = 0
    why: str = ""
    toast: str = ""
    toast_type: str = ""
    updated: bool = False


@dataclass
class Callback:
    """Where the product listens over HTTP. `answer_within`: real seconds."""

    url: str
    encrypt_key: str = ""
    verification_token: str = ""
    answer_within: float = 3.0
    check_within: float = 1.0
    same_stamp: bool = False
    """(?) whether a retry carries the first attempt's timestamp"""
    replicas: list[str] = field(default_factory=list)
    """further servers behind the one address: each request goes to the next"""
    posted: int = 0

    def server(self) -> str:
        self.posted += 1
        return [self.url, *self.replicas][self.posted % (1 + len(self.replicas))]


class Deliveries:
    def __init__(self, state: State, over_wire: Callable[[Json], Ack]) -> None:
        self.state = state
        self.callback: Callback | None = None
        self.duplicates = 0.0
        """how often an event that has arrived is sent again"""
        self.events: list[Delivery] = []
        self._over_wire = over_wire
        self._due: list[tuple[datetime, Delivery]] = []

    def event(self, kind: str, content: Json, *, click: bool = False) -> Json:
        now = self.state.clock()
        stamp = str(int(now.timestamp() * 1_000_000)) if click else milliseconds(now)
        header = {
            "event_id": self.state.new(""), "token": self.callback.verification_token if self.callback else "", "create_time": stamp,
            "event_type": kind, "tenant_key": self.state.tenant, "app_id": self.state.app_id,
        }  # fmt: skip
        return {"schema": "2.0", "header": header, "event": content}

    def send(self, kind: str, content: Json) -> Delivery:
        event = self.event(kind, content)
        delivery = Delivery(event["header"]["event_id"], event)
        self.events.append(delivery)
        self._attempt(delivery)
        return delivery

    def _attempt(self, delivery: Delivery) -> None:
        first = not delivery.problems
        delivery.problems.append(self._once(delivery))
        if delivery.problems[-1] and len(delivery.problems) <= len(RETRIES):
            self._due.append((self.state.clock() + RETRIES[len(delivery.problems) - 1], delivery))
        elif first and self.state.dice.random() < self.duplicates:
            delivery.problems.append(self._once(delivery))

    def _once(self, delivery: Delivery) -> str:
        """What was wrong with it ("": nothing)."""
        if self.callback is None:
            ack = self._over_wire(delivery.event)
            return "" if ack.code == 200 else f"acknowledged with {ack.code}" if ack.code else "no acknowledgement"
        delivery.stamp = delivery.stamp or self._stamp()
        stamp = delivery.stamp if self.callback.same_stamp else self._stamp()
        try:
            answer = self._posted(delivery.event, self.callback, self.callback.answer_within, stamp=stamp)
        except httpx.HTTPError as error:
            return type(error).__name__
        return "" if answer.status_code == 200 else f"HTTP {answer.status_code}"

    def until(self, end: datetime) -> None:
        """What falls due until then, each at its time."""
        while self._due:
            self._due.sort(key=lambda entry: entry[0])
            if self._due[0][0] > end:
                break
            self.state.clock.at, delivery = self._due.pop(0)
            self._attempt(delivery)
        self.state.clock.at = end

    def _stamp(self) -> str:
        return str(int(self.state.clock().timestamp()))

    def _posted(self, event: Json, callback: Callback, within: float, *, stamp: str = "", signed: bool = True) -> httpx.Response:
        content = json.dumps(event, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": self.state.new("")}
        if callback.encrypt_key:
            iv = self.state.dice.randbytes(16)
            content = json.dumps({"encrypt": seal(content, callback.encrypt_key, iv)}).encode()
            nonce = self.state.new("")[:10]
            if signed:
                headers |= {
                    "X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": nonce,
                    "X-Lark-Signature": sign(stamp, nonce, callback.encrypt_key, content),
                }  # fmt: skip
        # A whole answer within that time: httpx counts each phase alone, which on loopback comes to the same.
        with httpx.Client(timeout=within, trust_env=False) as client:
            return client.post(callback.server(), content=content, headers=headers)

    def check_url(self, challenge: str = TRICKY) -> str:
        """The administrator saves the address; "" when Feishu accepts it."""
        assert self.callback is not None
        event = {"challenge": challenge, "token": self.callback.verification_token, "type": "url_verification"}
        try:
            answer = self._posted(event, self.callback, self.callback.check_within, signed=False)
            right = answer.status_code == 200 and answer.json() == {"challenge": challenge}
        except (httpx.HTTPError, ValueError) as error:
            return type(error).__name__
        return "" if right else f"HTTP {answer.status_code}: {answer.text[:100]}"

    # Clicks

    def click(self, message: Message, person: Json, action: Json) -> Click:
        """Sent once, whatever becomes of it; its answer changes the card for everybody."""
        token = self.state.new("c-")
        content = {
            "operator": {"tenant_key": self.state.tenant, **person}, "token": token, "action": {"timezone": "Asia/Shanghai", **action},
            "host": "im_message", "context": {"open_message_id": message.id, "open_chat_id": message.chat},
        }  # fmt: skip
        click = Click(message, self.event("card.action.trigger", content, click=True), token)
        entry = UpdateToken(message.id, self.state.clock() + timedelta(minutes=30))
        with self.state.lock:
            self.state.updates[token] = entry
            message.locked = True
        try:
            answer = self._clicked(click)
        finally:
            message.locked = False
        entry.answered = not click.problem
        if not click.problem:
            self._accept(click, answer)
        return click

    def _clicked(self, click: Click) -> Any:
        try:
            if self.callback is None:
                ack = self._over_wire(click.event)
                click.problem, click.why = (0, "") if ack.code == 200 else (WRONG_STATUS, str(ack.code)) if ack.code else (TOO_SLOW, "")
                return json.loads(base64.b64decode(ack.data, validate=True)) if ack.data else {}
            answer = self._posted(click.event, self.callback, self.callback.answer_within, stamp=self._stamp())
            click.problem = 0 if answer.status_code == 200 else WRONG_STATUS
            return answer.json() if answer.content else {}
        except httpx.TimeoutException:
            click.problem = TOO_SLOW
        except httpx.HTTPError as error:
            click.problem, click.why = NOT_REACHED, type(error).__name__
        except ValueError:
            click.problem, click.why = click.problem or WRONG_ANSWER, "no JSON"
        return {}

    def _accept(self, click: Click, answer: Any) -> None:
        toast, card = (answer.get("toast"), answer.get("card")) if isinstance(answer, dict) else ("", "")
        if not isinstance(answer, dict) or set(answer) - {"toast", "card"} or not _toasts(toast):
            click.problem, click.why = WRONG_ANSWER, json.dumps(answer, ensure_ascii=False)[:200]
            return
        if isinstance(toast, dict):
            click.toast, click.toast_type = toast.get("content", ""), toast.get("type", "info")
        if card is None:
            return
        try:
            self._replace(click, card)
        except Refusal as refusal:
            click.problem, click.why = WRONG_CARD, refusal.message

    def _replace(self, click: Click, card: Any) -> None:
        right = isinstance(card, dict) and set(card) == {"type", "data"} and card["type"] in ("raw", "template")
        if not right or not isinstance(card["data"], dict):
            raise Refusal(WRONG_CARD, "card must be {type: raw|template, data: object}")
        if card["type"] == "template":
            check_interactive(self.state, card)
            return
        check_interactive(self.state, card["data"])
        same_schema(click.message, card["data"])
        content = json.dumps(card["data"], ensure_ascii=False)
        if len(content.encode()) > 30 * 1024:
            raise Refusal(WRONG_CARD, "more than 30 KB")
        with self.state.lock:
            click.message.history.append(click.message.content)
            click.message.content = content
        click.updated = True


def _toasts(toast: Any) -> bool:
    if toast is None:
        return True
    known = isinstance(toast, dict) and not set(toast) - {"type", "content", "i18n"}
    return known and toast.get("type", "info") in TOASTS and isinstance(toast.get("content", ""), str)
