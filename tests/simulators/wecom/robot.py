"""The smart robot (智能机器人): what it hears, and what it may answer, over callbacks or over the long connection.

Pages 100719, 101027 (heard), 101031, 101032 (answered), 101138 (response_url), 101463 (long connection).
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Literal

from tests.simulators.core.faults import Request
from tests.simulators.core.people import NotPossible
from tests.simulators.core.shape import Check, among, anything, each, thing, whole, words
from tests.simulators.wecom.cards import Card
from tests.simulators.wecom.deliveries import Click, Deliveries, Delivery
from tests.simulators.wecom.messages import DAY, fit_card, new_task
from tests.simulators.wecom.reading import body, fits
from tests.simulators.wecom.robot_words import ANSWERS, FILES, LATE, MARKDOWN, PUSHES, WELCOMES, content_of, finished
from tests.simulators.wecom.sealing import encrypt
from tests.simulators.wecom.state import HOUR, MINUTE, Chat, Json, Message, Refusal, State

FETCHABLE, SPEAKABLE = timedelta(minutes=5), timedelta(hours=1)
BAD_REQUEST, STREAM_OVER = 846605, 846608
MOST_OPEN = 3
Kind = Literal["message", "enter_chat", "template_card_event", "feedback_event"]


@dataclass
class Asked:
    """What the robot was told, and can answer."""

    kind: Kind
    chat: Chat
    userid: str
    at: float
    """real seconds: an event's five are counted by them"""
    ends: Any = None
    """on the clock: a message can be answered for a day"""
    click: Click | None = None


@dataclass
class Stream:
    message: Message
    began: Any
    userid: str
    http: bool


#: Sends a frame of the long connection; "" or why it could not.
Push = Callable[[str, Json, Asked], str]


class Robot:
    def __init__(self, state: State, deliveries: Deliveries, push: Push, address: Callable[[], str]) -> None:
        self.state = state
        self.deliveries = deliveries
        self.streams: dict[str, Stream] = {}
        self.event_within = 5.0
        """real seconds to answer a click or a greeting"""
        self._push = push
        self._address = address
        self._entered: dict[str, Any] = {}

    # What it hears

    def heard(self, userid: str, chat: Chat, message: Message, said: Json, quote: Message | None = None) -> None:
        if sum(one.userid == userid and not one.message.finished and one.http for one in self.streams.values()) >= MOST_OPEN:
            raise NotPossible("three answers are still being written for this person")
        chat.spoken = True
        quoted = {"quote": {"msgtype": "text", "text": {"content": quote.text}}} if quote else {}
        asked = Asked("message", chat, userid, monotonic(), self.state.clock() + DAY)
        self._tell(asked, {**said, **quoted}, message)

    def heard_file(self, userid: str, chat: Chat, message: Message, kind: str, content: bytes) -> None:
        self.heard(userid, chat, message, {"msgtype": kind, kind: self._attachment(content)})

    def heard_mixed(self, userid: str, chat: Chat, message: Message, text: str, picture: bytes) -> None:
        items = [{"msgtype": "text", "text": {"content": text}}, {"msgtype": "image", "image": self._attachment(picture)}]
        self.heard(userid, chat, message, {"msgtype": "mixed", "mixed": {"msg_item": items}})

    def entered(self, userid: str) -> Delivery | None:
        today = (self.state.clock() + timedelta(hours=8)).date()
        if self._entered.get(userid) == today:
            return None
        self._entered[userid] = today
        return self._event(Asked("enter_chat", self.state.direct(userid, "robot"), userid, monotonic()), {})

    def clicked(self, click: Click, card: Card, key: str, selected: Mapping[str, Sequence[str]]) -> None:
        """Sent once, whatever becomes of it."""
        items = [{"question_key": name, "option_ids": {"option_id": list(ids)}} for name, ids in selected.items()]
        about = {"card_type": card.kind, "event_key": key, "task_id": card.task_id}
        chosen = {"selected_items": {"selected_item": items}} if items else {}
        asked = Asked("template_card_event", self.state.chats[click.message.chat], click.person, monotonic(), click=click)
        delivery = self._event(asked, {**about, **chosen}, click.message)
        click.event = delivery.event
        if not delivery.arrived:
            click.problem = delivery.problems[-1]
        elif self.deliveries.robot is None and not click.answered.wait(self.event_within):
            click.problem = "no answer in time"
        click.answered.set()

    def rates(self, userid: str, feedback: str, kind: int = 1) -> Delivery:
        """A thumb up (1), down (2) or taken back (3) under an answer."""
        chat = self.state.direct(userid, "robot")
        return self._event(Asked("feedback_event", chat, userid, monotonic()), {"id": feedback, "type": kind})

    def _attachment(self, content: bytes) -> Json:
        """Sealed: with the callback's key, or over the long connection with one of its own, which may or may not end in `=` (?)."""
        key, own = self.state.new("att"), self.deliveries.robot is None
        text = base64.b64encode(self.state.dice.randbytes(32)).decode()
        aes_key = text.rstrip("=") if own or self.deliveries.robot is None else self.deliveries.robot.aes_key
        self.state.attachments[key] = (self.state.clock() + FETCHABLE, encrypt(content, aes_key))
        shown = {"aeskey": self.state.dice.choice((text, aes_key))} if own else {}
        return {"url": f"{self._address()}/attachment/{key}", **shown}

    def _head(self, asked: Asked) -> Json:
        group = asked.chat.kind != "robot"
        where = {"chatid": asked.chat.robot_id, "chattype": "group"} if group else {"chattype": "single"}
        who = {"userid": self.state.robot_name(asked.userid)}
        return {"msgid": self.state.new("CAIQ"), "aibotid": self.state.bot_id, **where, "from": who}

    def _later(self, asked: Asked, message: Message | None) -> Json:
        """Where one more thing can be said within the hour; only callbacks carry it."""
        if self.deliveries.robot is None or message is None:
            return {}
        code = self.state.code(SPEAKABLE, chat=asked.chat.id, quotes=message.id)
        return {"response_url": f"{self._address()}/cgi-bin/aibot/response?response_code={code}"}

    def _tell(self, asked: Asked, said: Json, message: Message) -> Delivery:
        return self._carry(asked, said["msgtype"], {**self._head(asked), **self._later(asked, message), **said}, "aibot_msg_callback")

    def _event(self, asked: Asked, about: Json, message: Message | None = None) -> Delivery:
        event: Json = {"eventtype": asked.kind}
        if about:
            event[asked.kind] = about
        now = int(self.state.clock().timestamp())
        told = {**self._head(asked), "create_time": now, **self._later(asked, message), "msgtype": "event", "event": event}
        return self._carry(asked, asked.kind, told, "aibot_event_callback")

    def _carry(self, asked: Asked, what: str, told: Json, cmd: str) -> Delivery:
        delivery = self.deliveries.json(what, told)
        if self.deliveries.robot is None:
            delivery.problems.append(self._push(cmd, told, asked))
        else:
            self.deliveries.carry(delivery, lambda text: self._passive(asked, text), once=asked.kind == "template_card_event")
        return delivery

    # What it answers

    def _passive(self, asked: Asked, text: str) -> Json:
        given: Json = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError("an object is expected")
        try:
            with self.state.lock:
                self.answer(asked, given, http=True)
        except Refusal as refusal:
            raise ValueError(f"{refusal.code}: {refusal.message}") from None
        return given

    def answer(self, asked: Asked, given: Json, *, http: bool = False) -> None:
        match asked.kind:
            case "message":
                self._reply(asked, given, http=http)
            case "enter_chat":
                self._post(asked.chat, content_of(given, WELCOMES), given["msgtype"])
            case "template_card_event":
                self._update(asked, given)
            case _:
                raise Refusal(BAD_REQUEST, "nothing may be answered to this")

    def _reply(self, asked: Asked, given: Json, *, http: bool) -> None:
        kinds = ANSWERS if http else {**ANSWERS, **{kind: PUSHES[kind] for kind in FILES}}
        content = content_of(given, kinds)
        if "stream" not in content:
            self._post(asked.chat, content, given["msgtype"])
            return
        stream = content["stream"]
        fits(finished(stream), stream, "stream", self.state.too_long)
        found = self.streams.get(stream["id"])
        if found is None:
            message = self._post(asked.chat, content, given["msgtype"])
            found = self.streams[stream["id"]] = Stream(message, self.state.clock(), asked.userid, http)
        elif found.message.finished or self.state.clock() - found.began > self.state.stream_life:
            raise Refusal(STREAM_OVER, "stream is finished or expired")
        else:
            self._check(content)
            self._serve_once(content)
            found.message.history.append(found.message.content)
            found.message.content, found.message.kind = {**found.message.content, **content}, given["msgtype"]
        found.message.finished = bool(stream.get("finish"))

    def _check(self, content: Json) -> None:
        for kind in FILES:
            media = self.state.media.get(content.get(kind, {}).get("media_id", ""))
            if kind in content:
                if media is None or media.owner != "robot" or media.kind != kind or self.state.clock() - media.at >= timedelta(days=3):
                    raise Refusal(40007, "invalid media_id")
                content[kind]["name"] = media.name
        if "markdown" in content:
            fits(words(size=MARKDOWN), content["markdown"]["content"], "markdown", self.state.too_long)
        if "template_card" in content:
            fit_card(self.state, content["template_card"], "robot")

    def _serve_once(self, content: Json) -> None:
        if "template_card" in content:
            new_task(self.state, content["template_card"], "robot")

    def _post(self, chat: Chat, content: Json, kind: str, quotes: str = "") -> Message:
        self._check(content)
        if not self.state.spend(f"robot:{chat.id}", 30, MINUTE) or not self.state.spend(f"robot:{chat.id}", 1000, HOUR):
            raise Refusal(45009, "api freq out of limit")
        self._serve_once(content)
        return self.state.post(chat, kind, content, "robot", quotes=quotes)

    def _update(self, asked: Asked, given: Json) -> None:
        click = asked.click
        assert click is not None
        known: Mapping[str, Check] = {
            "response_type": among("update_template_card"),
            "userids": each(words(least=1)),
            "template_card": anything,
        }
        fits(thing(known, ("response_type", "template_card")), given, "reply")
        card, message = given["template_card"], click.message
        fit_card(self.state, card, "robot", update=True)
        if card.get("task_id") != message.card_for(asked.userid).task_id:
            raise Refusal(40035, "task_id must be that of the card that was clicked")
        message.history.append({**message.content})
        if given.get("userids") and asked.chat.kind == "robot":
            self.state.oddities.append("userids in a one-to-one chat, where they mean nothing")
        if given.get("userids") and asked.chat.kind != "robot":
            message.cards |= dict.fromkeys(given["userids"], card)
        else:
            message.content, message.cards = {**message.content, "template_card": card}, {}
        click.updated = True
        click.answered.set()

    # What it says by itself

    def push(self, given: Json) -> None:
        """aibot_send_msg: to where somebody has talked to it."""
        common: Mapping[str, Check] = {"chatid": words(least=1), "chat_type": whole(0, 2)}
        content = content_of(given, PUSHES, common, ("chatid",))
        chat = self._conversation(given["chatid"], given.get("chat_type", 0))
        allowed = self.state.group_cards if chat.cards is None else chat.cards
        if given["msgtype"] == "template_card" and chat.kind != "robot" and not allowed:
            raise Refusal(40008, "invalid message type: template_card in a group")
        self._post(chat, content, given["msgtype"])

    def _conversation(self, chatid: str, chat_type: int) -> Chat:
        for chat in self.state.chats.values():
            single = chat.kind == "robot" and self.state.robot_name(next(iter(chat.members))) == chatid
            group = chat.kind in ("group", "appgroup") and chat.robot_inside and chat.robot_id == chatid
            if (single and chat_type != 2) or (group and chat_type != 1):
                if chat.spoken:
                    return chat
                raise Refusal(self.state.no_conversation, "nobody has talked to the robot there")
        raise Refusal(self.state.no_conversation, "invalid chatid")

    def respond(self, request: Request) -> Json:
        """The response_url: one thing, within the hour, that quotes what it answers."""
        code = request.query.get("response_code", "")
        given = body(request, dict.fromkeys(("msgtype", "markdown", "template_card", "response_type", "userids"), anything))
        if "response_type" in given:
            raise Refusal(40008, "invalid message type: a card cannot be changed here")
        content = content_of(given, LATE)
        asked = self.state.codes.get(code)
        chat = self.state.chats.get(asked.chat) if asked else None
        if chat is not None and "template_card" in content and chat.kind != "robot":
            raise Refusal(40008, "invalid message type: template_card in a group")
        found = self.state.use_code(code)
        if not found.chat:
            raise Refusal(self.state.code_spent, "invalid response_code")
        self._post(self.state.chats[found.chat], content, given["msgtype"], found.quotes)
        return {}

    def poll(self) -> None:
        """Callbacks only: WeCom asks for the rest of what is still being written, until it is finished or too old."""
        for name, stream in list(self.streams.items()):
            if stream.message.finished or not stream.http or self.deliveries.robot is None:
                continue
            if self.state.clock() - stream.began > self.state.stream_life:
                self.state.oddities.append(f"the stream {name} was never finished")
                stream.message.finished = True
                continue
            chat = self.state.chats[stream.message.chat]
            asked = Asked("message", chat, stream.userid, monotonic())
            told = {**self._head(asked), "msgtype": "stream", "stream": {"id": name}}
            self._carry(asked, "stream", told, "")
