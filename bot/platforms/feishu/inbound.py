"""What Feishu sends: verified, decrypted, and read into one Event; then into the portable message.

Protocol: open.feishu.cn, "Encrypt Key" and "Event subscription guide" (signature, AES, retries), "card.action.trigger" (2025/2026).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from bot.platforms.core.cards import pressed as pressed
from bot.platforms.core.contract import Answer, NotAuthentic, Receipt
from bot.platforms.core.crypto import aes_cbc_open, same, sha256_hex, unbase64
from bot.platforms.core.strict import Object, inner, items, parse_object, text
from bot.platforms.feishu.dialect import answers
from handlers.core.message import Attached, Message

BODY_CAP = 1024 * 1024
#: Feishu documents no window, and its last retry comes after about six hours; de-duplication does the rest.
FRESH = timedelta(hours=8)
NOTHING = Answer(b"{}")
ALL = "@所有人"
#: So many messages of one receipt are looked at.
MOST_READ = 500
_MESSAGE_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")

_SIGNED = ("x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature")
_PLACEHOLDER = re.compile(r"@_(?:user_\d+|all)(?!\d)[ \u3000]?")
_SPOKEN = ("text", "post", "file", "image", "media", "audio")

Kind = Literal["message", "card_action", "bot_added", "bot_removed", "entered", "reaction", "read", "url_verification", "ignored"]
_KINDS: Mapping[str, Kind] = {
    "im.message.receive_v1": "message",
    "card.action.trigger": "card_action",
    "im.chat.member.bot.added_v1": "bot_added",
    "im.chat.member.bot.deleted_v1": "bot_removed",
    "im.chat.disbanded_v1": "bot_removed",
    "im.chat.access_event.bot_p2p_chat_entered_v1": "entered",
    "im.message.reaction.created_v1": "reaction",
    "im.message.message_read_v1": "read",
}


@dataclass(frozen=True, slots=True)
class Secrets:
    """`encrypt_key` and `verification_token` are empty on the long connection, where TLS and the app secret prove the sender."""

    app_id: str
    encrypt_key: str = ""
    verification_token: str = ""
    tenant_key: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event in Feishu's words. `key` de-duplicates it: a message's by its id, as the documentation demands, others by event id."""

    kind: Kind
    key: str = ""
    chat: str = ""
    chat_type: str = ""
    sender: str = ""
    message_id: str = ""
    text: str = ""
    mentions: tuple[tuple[str, str], ...] = ()
    """(name, open id) of people, without the bot"""
    bot_mentioned: bool = False
    reply_to: str = ""
    attached: tuple[Attached, ...] = ()
    action: str = ""
    form: Mapping[str, Any] | None = None
    update_token: str = ""
    emoji: str = ""
    messages: tuple[str, ...] = ()
    """ids of those that were read"""
    at: datetime | None = None
    challenge: str = ""


class Inbound:
    """`bot`: our own open id once it is known; until then every mentioned bot is taken for us."""

    def __init__(self, secrets: Secrets, now: Callable[[], datetime], fresh: timedelta = FRESH) -> None:
        self._secrets = secrets
        self._now = now
        self._fresh = fresh
        self._aes = sha256(secrets.encrypt_key.encode()).digest()
        self.bot: str | None = None

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer:
        """`headers` with names in lower case. Raises NotAuthentic."""
        return self.portable(self.decode(self.open(headers, body)))

    # The envelope

    def open(self, headers: Mapping[str, str], body: bytes) -> Object:
        """The event in a callback that proves where it comes from."""
        if len(body) > BODY_CAP:
            raise NotAuthentic("body_too_large")
        envelope = parse_object(body)
        if not self._secrets.encrypt_key:
            return self.trusted(envelope)
        if "encrypt" not in envelope:
            raise NotAuthentic("plaintext_forbidden")
        if not any(headers.get(name) for name in _SIGNED):
            return self._handshake(envelope)
        self._check_signature(headers, body)
        return self.trusted(self._decrypted(envelope))

    def trusted(self, event: Object) -> Object:
        """The event, if it is meant for this app of this tenant."""
        header = inner(event, "header") or event
        expected = self._secrets
        if expected.verification_token and not same(text(header, "token"), expected.verification_token):
            raise NotAuthentic("bad_token")
        if text(event, "type") == "url_verification":
            return event
        if header is not event and text(header, "app_id") != expected.app_id:
            raise NotAuthentic("app_id_mismatch")
        if expected.tenant_key and header is not event and text(header, "tenant_key") != expected.tenant_key:
            raise NotAuthentic("tenant_mismatch")
        return event

    def _handshake(self, envelope: Object) -> Object:
        """The URL check alone comes encrypted and unsigned; why anything else fails is not told, not even to the counter."""
        try:
            event = self._decrypted(envelope)
        except NotAuthentic:
            raise NotAuthentic("missing_parameter") from None
        if text(event, "type") != "url_verification":
            raise NotAuthentic("missing_parameter")
        return self.trusted(event)

    def _check_signature(self, headers: Mapping[str, str], body: bytes) -> None:
        timestamp, nonce, signature = (headers.get(name, "") for name in _SIGNED)
        if not (timestamp and nonce and signature):
            raise NotAuthentic("missing_parameter")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NotAuthentic("bad_timestamp")
        signed = sha256_hex(timestamp.encode(), nonce.encode("utf-8", "replace"), self._secrets.encrypt_key.encode(), body)
        if not same(signed, signature):
            raise NotAuthentic("bad_signature")
        if abs(self._now().timestamp() - int(timestamp)) > self._fresh.total_seconds():
            raise NotAuthentic("stale_timestamp")

    def _decrypted(self, envelope: Object) -> Object:
        sealed = unbase64(text(envelope, "encrypt"))
        return parse_object(aes_cbc_open(self._aes, sealed[:16].ljust(16), sealed[16:]))

    # The event

    def decode(self, event: Object) -> Event:
        if text(event, "type") == "url_verification":
            return Event("url_verification", challenge=text(event, "challenge"))
        header, body = inner(event, "header"), inner(event, "event")
        kind = _KINDS.get(text(header, "event_type"), "ignored")
        key = f"evt:{text(header, 'event_id')}"
        if kind == "ignored" or key == "evt:":
            return Event("ignored")
        at = self._moment(text(header, "create_time"))
        match kind:
            case "message":
                return self._message(inner(body, "message"), inner(body, "sender"), at)
            case "card_action":
                return _card_action(body, key, at)
            case "reaction":
                emoji = text(inner(body, "reaction_type"), "emoji_type")
                return Event(kind, key, sender=_open_id(body, "user_id"), message_id=text(body, "message_id"), emoji=emoji, at=at)
            case "read":
                reader, ids = inner(body, "reader"), items(body, "message_id_list")[:MOST_READ]
                read = tuple(dict.fromkeys(one for one in ids if isinstance(one, str) and _MESSAGE_ID.fullmatch(one)))
                return Event(kind, key, sender=_open_id(reader, "reader_id"), messages=read, at=self._moment(text(reader, "read_time")))
            case _:
                return Event(kind, key, text(body, "chat_id"), sender=_open_id(body, "operator_id"), at=at)

    def _message(self, message: Object, sender: Object, at: datetime) -> Event:
        kind, message_id, open_id = text(message, "message_type"), text(message, "message_id"), _open_id(sender, "sender_id")
        if kind not in _SPOKEN or text(sender, "sender_type") != "user" or not (message_id and open_id):
            return Event("ignored")
        content = parse_object(text(message, "content"))
        named = {text(one, "key"): one for one in items(message, "mentions") if isinstance(one, dict)}
        bots = {key for key, one in named.items() if self._is_us(one)}
        people = [(text(one, "name"), _open_id(one, "id")) for key, one in named.items() if key not in bots]
        return Event(
            "message",
            f"msg:{message_id}",
            text(message, "chat_id"),
            text(message, "chat_type"),
            open_id,
            message_id,
            _named(_spoken(content), named, bots).strip(),
            tuple((name, person) for name, person in people if name and person),
            bool(bots),
            text(message, "parent_id"),
            _attached(kind, content),
            at=at,
        )

    def _is_us(self, mention: Object) -> bool:
        return _open_id(mention, "id") == self.bot if self.bot else text(mention, "mentioned_type") == "bot"

    def _moment(self, created: str) -> datetime:
        """When it happened: milliseconds in events, microseconds in card actions. Ours where theirs cannot be true."""
        now = self._now()
        if not (created.isascii() and created.isdigit() and 10 <= len(created) <= 16):
            return now
        happened = datetime.fromtimestamp(int(created[:10]), UTC)
        return happened if now - FRESH <= happened <= now else now

    # The portable message

    def portable(self, event: Event) -> Message | Receipt | Answer:
        """The message, or the answer to what asks for none."""
        at = event.at or self._now()
        match event.kind:
            case "url_verification":
                return Answer(json.dumps({"challenge": event.challenge}, ensure_ascii=False).encode())
            case "message":
                direct = event.chat_type == "p2p"
                return Message(
                    "feishu", event.key, "text", event.chat, "direct" if direct else "group", event.sender, event.text, at,
                    reply_to=event.reply_to or None, addressed=direct or event.bot_mentioned, attached=event.attached,
                    mentioned=event.mentions,
                )  # fmt: skip
            case "card_action" if (found := pressed(event.action)) and event.sender:
                version, command, asks = found
                # A click does not say what kind of chat it was made in; its card does, which is ours.
                return Message(
                    "feishu", event.key, "click", event.chat, "group", event.sender, command, at, version,
                    answers(event.form or {}), event.message_id or None, True, asks=asks,
                )  # fmt: skip
            case "read" if event.messages:
                return Receipt("feishu", "read", event.messages, at)
            case "bot_added" | "bot_removed" if event.chat:
                kind: Literal["joined", "left"] = "joined" if event.kind == "bot_added" else "left"
                return Message("feishu", event.key, kind, event.chat, "group", event.sender, "", at)
            case "entered" if event.chat and event.sender:
                # Feishu tells each time the chat is opened; a person is greeted once.
                return Message("feishu", f"entered:{event.sender}", "entered", event.chat, "direct", event.sender, "", at)
        return NOTHING


def _card_action(body: Object, key: str, at: datetime) -> Event:
    action, context = inner(body, "action"), inner(body, "context")
    chosen = text(action, "option") or text(inner(action, "value"), "a")
    return Event(
        "card_action",
        key,
        text(context, "open_chat_id"),
        sender=_open_id(body, "operator"),
        message_id=text(context, "open_message_id"),
        action=chosen,
        form=inner(action, "form_value"),
        update_token=text(body, "token"),
        at=at,
    )


def _open_id(values: Object, name: str) -> str:
    return text(inner(values, name), "open_id")


def _spoken(content: Object) -> str:
    """What was written, of a text or a post (a desktop's input of several lines arrives as a post)."""
    if "text" in content:
        return text(content, "text")
    post = content if "content" in content else next((found for found in content.values() if isinstance(found, dict)), {})
    lines = ["".join(_of_tag(part) for part in line if isinstance(part, dict)) for line in items(post, "content") if isinstance(line, list)]
    title = text(post, "title")
    return "\n".join([title, *lines] if title else lines)


def _of_tag(part: Object) -> str:
    match text(part, "tag"):
        case "at":
            return text(part, "user_id")
        case "a":
            label, address = text(part, "text"), text(part, "href")
            return label if address in ("", label) else f"{label} {address}"
        case _:
            return text(part, "text")


def _named(spoken: str, named: Mapping[str, Object], bots: set[str]) -> str:
    """With people's names in place of `@_user_1`, and without the mention of us."""

    def name(found: re.Match[str]) -> str:
        key, space = found[0].rstrip(" \u3000"), found[0][len(found[0].rstrip(" \u3000")) :]
        if key in bots:
            return ""
        if key == "@_all":
            return ALL + space
        return f"@{text(named[key], 'name')}{space}" if key in named else found[0]

    return _PLACEHOLDER.sub(name, spoken)


def _attached(kind: str, content: Object) -> tuple[Attached, ...]:
    if kind == "post":
        post = content if "content" in content else next((found for found in content.values() if isinstance(found, dict)), {})
        parts = [part for line in items(post, "content") if isinstance(line, list) for part in line if isinstance(part, dict)]
        return tuple(Attached(key, kind="image") for part in parts if (key := text(part, "image_key")))
    if kind == "image" and (key := text(content, "image_key")):
        return (Attached(key, kind="image"),)
    if key := text(content, "file_key"):
        return (Attached(key, text(content, "file_name")),)
    return ()
