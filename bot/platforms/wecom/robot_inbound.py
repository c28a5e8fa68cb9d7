"""What the smart robot (智能机器人) hears: JSON, from its callback or its long connection, read into one Event; then the portable message.

Protocol: developer.work.weixin.qq.com/document/path/100719 (messages), 101027 (events), 101033 (callback), 101463 (long connection).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.platforms.core.cards import pressed
from bot.platforms.core.contract import Answer, NotAuthentic
from bot.platforms.core.strict import Object, inner, items, parse_object, text
from bot.platforms.wecom.app_inbound import NOTHING, moment
from bot.platforms.wecom.crypt import BODY_CAP, Envelope, query_of
from bot.platforms.wecom.dialect import MENU
from bot.platforms.wecom.places import BOT
from handlers.core.message import Attached, Message

#: In a group only what mentions the robot arrives, and its name stands there to the letter, first or last.
_FIRST = re.compile(r"^\s*[@＠]\S+[\s\u2005\u3000]+")
_LAST = re.compile(r"[\s\u2005\u3000]+[@＠]\S+\s*$")
_FILES = ("image", "file", "video")

Kind = Literal["url_verification", "message", "card_action", "bot_opened", "feedback", "stream_refresh", "disconnected", "ignored"]


@dataclass(frozen=True, slots=True)
class RobotSecrets:
    """`bot_id` may be empty for callbacks; `secret` is of the long connection, `token` and `aes_key` of callbacks."""

    bot_id: str = ""
    secret: str = ""
    token: str = ""
    aes_key: str = ""


@dataclass(frozen=True, slots=True)
class RobotEvent:
    """One event in WeCom's words. `chat` is empty one-to-one; `card` is the task id of the card that was clicked."""

    kind: Kind
    key: str = ""
    chat: str = ""
    group: bool = False
    sender: str = ""
    message_id: str = ""
    text: str = ""
    attached: tuple[Attached, ...] = ()
    action: str = ""
    card: str = ""
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reply_url: str = ""
    stream: str = ""
    at: datetime | None = None
    echo: str = ""

    @property
    def place(self) -> str:
        """The chat as we call it."""
        return self.chat if self.group else f"{BOT}{self.sender}"

    @property
    def chosen(self) -> str:
        return next(iter(self.form.get(MENU, ())), "") if self.action == MENU else self.action


class RobotInbound:
    def __init__(self, secrets: RobotSecrets, now: Callable[[], datetime]) -> None:
        self._secrets = secrets
        self._now = now
        self.envelope = Envelope(secrets.token, secrets.aes_key, "", now) if secrets.aes_key else None

    # The callback

    def receive(self, headers: Mapping[str, str], body: bytes) -> RobotEvent:
        """Raises NotAuthentic."""
        if self.envelope is None:
            raise NotAuthentic("callbacks_off")
        query = query_of(headers)
        if headers.get(":method") == "GET":
            return RobotEvent("url_verification", echo=self.envelope.open(query, query.get("echostr", "")))
        return self.decode(parse_object(self.open(query, body)))

    def open(self, query: Mapping[str, str], body: bytes) -> str:
        if len(body) > BODY_CAP:
            raise NotAuthentic("body_too_large")
        assert self.envelope is not None, "asked only where there are callbacks"
        return self.envelope.open(query, text(parse_object(body), "encrypt"))

    # The event

    def decode(self, body: Object) -> RobotEvent:
        if self._secrets.bot_id and text(body, "aibotid") not in ("", self._secrets.bot_id):
            raise NotAuthentic("bot_id_mismatch")
        kind, message_id = text(body, "msgtype"), text(body, "msgid")
        sender, chat, group = text(inner(body, "from"), "userid"), text(body, "chatid"), text(body, "chattype") == "group"
        at = moment(str(body.get("create_time", "")), self._now())
        if kind == "event" and text(inner(body, "event"), "eventtype") == "disconnected_event":
            return RobotEvent("disconnected")
        if not message_id or not sender or (group and not chat):
            return RobotEvent("ignored")
        key = f"aibot:{message_id}"
        url = text(body, "response_url")
        if kind == "event":
            return _event(inner(body, "event"), key, chat, group, sender, url, at)
        if kind == "stream":
            return RobotEvent("stream_refresh", chat=chat, group=group, sender=sender, stream=text(inner(body, "stream"), "id"))
        said, attached = _content(body, kind)
        if not said.strip() and not attached:
            return RobotEvent("ignored")
        return RobotEvent("message", key, chat, group, sender, message_id, said, attached, reply_url=url, at=at)

    # The portable message

    def portable(self, event: RobotEvent) -> Message | Answer:
        """The message, or the answer to what asks for none."""
        at = event.at or self._now()
        kind: Literal["group", "direct"] = "group" if event.group else "direct"
        match event.kind:
            case "url_verification":
                return Answer(event.echo.encode(), "text/plain")
            case "message":
                said = unmentioned(event.text) if event.group else event.text.strip()
                return Message(
                    "wecom", event.key, "text", event.place, kind, event.sender, said, at, addressed=True, attached=event.attached
                )
            case "card_action" if found := pressed(event.chosen):
                version, command, asks = found
                return Message(
                    "wecom", event.key, "click", event.place, kind, event.sender, command, at, version,
                    reply_to=event.card or None, addressed=True, asks=asks,
                )  # fmt: skip
            case "bot_opened":
                return Message("wecom", f"entered:{event.sender}", "entered", event.place, "direct", event.sender, "", at)
        return NOTHING


def unmentioned(said: str) -> str:
    """Without the mention of us."""
    without = _FIRST.sub("", said, count=1)
    return (without if without != said else _LAST.sub("", said, count=1)).strip()


def _event(event: Object, key: str, chat: str, group: bool, sender: str, url: str, at: datetime) -> RobotEvent:
    match text(event, "eventtype"):
        case "enter_chat":
            return RobotEvent("bot_opened", key, chat, group, sender, at=at)
        case "feedback_event":
            return RobotEvent("feedback", key, chat, group, sender, at=at)
        case "template_card_event":
            card = inner(event, "template_card_event")
            chosen = {
                text(one, "question_key"): tuple(o for o in items(inner(one, "option_ids"), "option_id") if isinstance(o, str))
                for one in items(inner(card, "selected_items"), "selected_item")
                if isinstance(one, dict)
            }
            action, task = text(card, "event_key"), text(card, "task_id")
            return RobotEvent("card_action", key, chat, group, sender, action=action, card=task, form=chosen, reply_url=url, at=at)
    return RobotEvent("ignored")


def _content(body: Object, kind: str) -> tuple[str, tuple[Attached, ...]]:
    """What was written or spoken, and what lies on WeCom."""
    parts = [part for part in items(inner(body, "mixed"), "msg_item") if isinstance(part, dict)] if kind == "mixed" else [body]
    said = [text(inner(part, name), "content") for part in parts for name in ("text", "voice") if text(part, "msgtype") == name]
    return "\n".join(one for one in said if one), tuple(one for part in parts for one in _attached(part))


def _attached(part: Object) -> list[Attached]:
    kind = text(part, "msgtype")
    file = inner(part, kind) if kind in _FILES else {}
    url = text(file, "url")
    return [Attached(file_key(url, text(file, "aeskey")), text(file, "filename"), "image" if kind == "image" else "file")] if url else []


def file_key(url: str, key: str) -> str:
    """What fetches a file of the robot's: its address (for five minutes) and, on the long connection, what opens it."""
    return json.dumps({"url": url, **({"key": key} if key else {})})


def file_of(key: str) -> Mapping[str, Any] | None:
    """The same read back; None for the key of something else."""
    try:
        found = json.loads(key)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("url"), str) else None
