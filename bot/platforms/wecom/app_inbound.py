"""What WeCom sends to a self-built app: XML, one-to-one only. Verified, decrypted, read into one Event; then into the portable message.

Protocol: developer.work.weixin.qq.com/document/path/90930, 90239 (messages), 90240 (events, template_card_event).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.platforms.core.cards import pressed
from bot.platforms.core.contract import Answer, NotAuthentic
from bot.platforms.wecom.crypt import BODY_CAP, Envelope, query_of
from bot.platforms.wecom.dialect import MENU
from bot.platforms.wecom.places import APP
from bot.platforms.wecom.xml import Element, parse
from handlers.core.message import Attached, Message

#: WeCom takes an empty answer for "received".
NOTHING = Answer(b"", "text/plain")
#: A retry comes within a minute; what is older than this has a clock that we do not believe.
BELIEVED = timedelta(hours=1)
_FILES: Mapping[str, Literal["file", "image"]] = {"image": "image", "voice": "file", "video": "file"}

Kind = Literal["url_verification", "message", "card_action", "bot_opened", "ignored"]


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """`token` and `aes_key` are of callbacks."""

    corp_id: str
    agent_id: int
    secret: str
    token: str
    aes_key: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event in WeCom's words. `key` de-duplicates it; `card` is the task id of the card that was clicked."""

    kind: Kind
    key: str = ""
    sender: str = ""
    message_id: str = ""
    text: str = ""
    attached: tuple[Attached, ...] = ()
    action: str = ""
    card: str = ""
    update_token: str = ""
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at: datetime | None = None
    created: str = ""
    echo: str = ""

    @property
    def chosen(self) -> str:
        """The key of the button, or of what was chosen in the menu that the button hands in."""
        return next(iter(self.form.get(MENU, ())), "") if self.action == MENU else self.action


class AppInbound:
    def __init__(self, secrets: AppSecrets, now: Callable[[], datetime]) -> None:
        self._secrets = secrets
        self._now = now
        self.envelope = Envelope(secrets.token, secrets.aes_key, secrets.corp_id, now)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Raises NotAuthentic."""
        query = query_of(headers)
        if headers.get(":method") == "GET":
            return Event("url_verification", echo=self.envelope.open(query, query.get("echostr", "")))
        return self.decode(self.open(query, body))

    def open(self, query: Mapping[str, str], body: bytes) -> str:
        """The inner XML."""
        if len(body) > BODY_CAP:
            raise NotAuthentic("body_too_large")
        sealed = parse(body).text_of("Encrypt")
        return self.envelope.open(query, sealed)

    def decode(self, inner: str) -> Event:
        found = parse(inner)
        if found.text_of("ToUserName") != self._secrets.corp_id:
            raise NotAuthentic("corp_id_mismatch")
        if found.text_of("AgentID") not in ("", str(self._secrets.agent_id)):
            raise NotAuthentic("app_id_mismatch")
        sender, created, kind = found.text_of("FromUserName"), found.text_of("CreateTime"), found.text_of("MsgType")
        at = moment(created, self._now())
        if not sender:
            return Event("ignored")
        if kind == "event":
            return self._event(found, sender, created, at)
        message_id = found.text_of("MsgId")
        text = (content.text if (content := found.child("Content")) else "").strip()
        media = found.text_of("MediaId")
        attached = (
            (Attached(media, f"{kind}.{found.text_of('Format') or 'amr'}" if kind == "voice" else "", _FILES[kind]),)
            if media and kind in _FILES
            else ()
        )
        if not message_id or not (text or attached):
            return Event("ignored")
        # Ids of messages were seen twice for different people (WxJava issue 333): sender and time belong to it.
        return Event("message", f"msg:{message_id}", sender, message_id, text, attached, at=at, created=created)

    def _event(self, found: Element, sender: str, created: str, at: datetime) -> Event:
        name = found.text_of("Event")
        if name == "enter_agent":
            return Event("bot_opened", f"evt:{sender}:{created}:{name}", sender, at=at)
        if name != "template_card_event":
            return Event("ignored")
        action, task = found.text_of("EventKey"), found.text_of("TaskId")
        chosen = {
            one.text_of("QuestionKey"): tuple(o.text.strip() for o in ids.all("OptionId")) if (ids := one.child("OptionIds")) else ()
            for one in _selected(found)
        }
        key = f"evt:{sender}:{created}:{task}:{action}"
        return Event("card_action", key, sender, action=action, card=task, update_token=found.text_of("ResponseCode"), form=chosen, at=at)

    def portable(self, event: Event) -> Message | Answer:
        """The message, or the answer to what asks for none."""
        at, chat = event.at or self._now(), f"{APP}{event.sender}"
        match event.kind:
            case "url_verification":
                return Answer(event.echo.encode(), "text/plain")
            case "message":
                one = f"{event.key}:{event.sender}:{event.created}"
                return Message("wecom", one, "text", chat, "direct", event.sender, event.text, at, addressed=True, attached=event.attached)
            case "card_action" if found := pressed(event.chosen):
                version, command, asks = found
                one = event.key if event.action == event.chosen else f"{event.key}:{event.chosen}"
                return Message(
                    "wecom", one, "click", chat, "direct", event.sender, command, at, version,
                    reply_to=event.card or None, addressed=True, asks=asks,
                )  # fmt: skip
            case "bot_opened":
                # Told each time the chat is opened; a person is greeted once.
                return Message("wecom", f"entered:{event.sender}", "entered", chat, "direct", event.sender, "", at)
        return NOTHING


def moment(created: str, now: datetime) -> datetime:
    """When it happened, in seconds; ours where theirs cannot be true."""
    if not (created.isascii() and created.isdigit() and len(created) <= 11):
        return now
    happened = datetime.fromtimestamp(int(created), UTC)
    return happened if now - BELIEVED <= happened <= now else now


def _selected(found: Element) -> list[Element]:
    items = found.child("SelectedItems")
    return list(items.all("SelectedItem")) if items else []


def _options(item: Element) -> tuple[str, ...]:
    ids = item.child("OptionIds")
    return tuple(one.text.strip() for one in ids.all("OptionId")) if ids else ()
