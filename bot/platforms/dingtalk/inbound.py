"""What DingTalk sends: verified, decrypted, and read into one Event; then into the portable message.

Protocol: open.dingtalk.com, "Receive messages" (robot header signature), "Card callback event" (header signature), "Configure event
subscription" (sealed container); the bodies of robot messages and card callbacks are not signed by anything.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal
from urllib.parse import parse_qsl

from bot.platforms.core.cards import pressed
from bot.platforms.core.container import Container
from bot.platforms.core.contract import Answer, Heard, NotAuthentic, Receipt
from bot.platforms.core.crypto import same
from bot.platforms.core.strict import Object, inner, items, parse_object, text
from handlers.core.message import Attached, Message, Reply

BODY_CAP = 256 * 1024
#: DingTalk's own rule for the robot; ours for the other two, which have none.
FRESH = timedelta(hours=1)
NOTHING = Answer(b"{}")
#: How a chat with one person is called: DingTalk's id of it addresses nothing.
DIRECT = "user:"
#: The robot's text is kept back as the organisation's messages of the month are used up.
WITHHELD = "20001"

Kind = Literal["message", "card_action", "members_added", "disbanded", "withheld", "url_verification", "ignored"]
_EVENTS: Mapping[str, Kind] = {"check_url": "url_verification", "chat_add_member": "members_added", "chat_disband": "disbanded"}
_NAMED = re.compile(r"@([^\s@\u3000]{1,64})")


@dataclass(frozen=True, slots=True)
class Secrets:
    """`token` and `aes_key` are of event callbacks. `corp_id` empty: of whatever organisation (the long connection is only ours)."""

    client_id: str
    client_secret: str = field(repr=False)
    robot_code: str
    corp_id: str = ""
    token: str = field(default="", repr=False)
    aes_key: bytes = field(default=b"", repr=False)
    card_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One event in DingTalk's words; `key` de-duplicates it."""

    kind: Kind
    key: str = ""
    chat: str = ""
    chat_type: str = ""
    sender: str = ""
    sender_name: str = ""
    message_id: str = ""
    text: str = ""
    mentions: tuple[tuple[str, str], ...] = ()
    """(name as it stands in the text, user id) of people, without the bot"""
    addressed: bool = False
    reply_to: str = ""
    attached: tuple[Attached, ...] = ()
    action_ids: tuple[str, ...] = ()
    action: str = ""
    card: str = ""
    once: str = ""
    reply_url: str = ""
    reply_url_ends: int = 0
    users: tuple[str, ...] = ()
    at: datetime | None = None


class Inbound:
    def __init__(
        self,
        of: Secrets,
        now: Callable[[], datetime],
        answer: Callable[[Reply], Answer],
        dice: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`answer`: a click's reply in its envelope · `dice`: so many random bytes."""
        self._secrets = of
        self._now = now
        self._answer = answer
        self._dice = dice
        self._container = Container(of.token, of.aes_key)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer | Heard:
        """A callback, by the address at which it came. Raises NotAuthentic."""
        if len(body) > BODY_CAP:
            raise NotAuthentic("body_too_large")
        path, _, query = headers.get(":path", "").partition("?")
        if path.endswith("/events"):
            return self._sealed(query, body)
        if path.endswith("/card"):
            stamp = headers.get("x-ddpaas-signature-timestamp", "")
            found = self.portable(self.tap(self.open_card(headers, body), stamp), unsigned=True)
        else:
            found = self.portable(self.said(self.open_robot(headers, body)), unsigned=True)
        return found if isinstance(found, Answer) else Heard(found, lambda reply: NOTHING if reply is None else self._answer(reply))

    def proof(self, headers: Mapping[str, str]) -> str:
        """The signature by which an unsigned body came in; DingTalk makes one for each millisecond."""
        path = headers.get(":path", "").partition("?")[0]
        return headers.get("x-ddpaas-signature" if path.endswith("/card") else "sign", "")

    # Envelopes

    def open_robot(self, headers: Mapping[str, str], body: bytes) -> Object:
        stamp, signed = headers.get("timestamp", ""), headers.get("sign", "")
        secret = self._secrets.client_secret
        self._check(stamp, signed, lambda: header_sign(secret, f"{stamp}\n{secret}"))
        return self.ours(parse_object(body))

    def open_card(self, headers: Mapping[str, str], body: bytes) -> Object:
        stamp, signed = headers.get("x-ddpaas-signature-timestamp", ""), headers.get("x-ddpaas-signature", "")
        if not self._secrets.card_secret:
            raise NotAuthentic("callbacks_off")
        self._check(stamp, signed, lambda: header_sign(self._secrets.card_secret, stamp))
        return self.ours(parse_object(body))

    def open_event(self, query: str, body: bytes) -> Object:
        named = parse_qsl(query, keep_blank_values=True, max_num_fields=20) if query.count("&") < 20 else []
        given = dict(named)
        if len(given) != len(named):
            raise NotAuthentic("duplicate_parameter")
        stamp, nonce = given.get("timestamp", ""), given.get("nonce", "")
        signed = given.get("msg_signature") or given.get("signature", "")
        sealed = text(parse_object(body), "encrypt")
        if not (nonce and sealed):
            raise NotAuthentic("missing_parameter")
        self._check(stamp, signed, lambda: self._container.signature(stamp, nonce, sealed))
        opened = self._container.open(sealed, [one for one in (self._secrets.client_id, self._secrets.corp_id) if one])
        return parse_object(opened)

    def ours(self, body: Object) -> Object:
        """The body, if it is meant for this robot of this organisation."""
        corp, robot = text(body, "chatbotCorpId") or text(body, "corpId"), text(body, "robotCode")
        if self._secrets.corp_id and corp != self._secrets.corp_id:
            raise NotAuthentic("corp_id_mismatch")
        if robot and robot != self._secrets.robot_code:
            raise NotAuthentic("app_id_mismatch")
        return body

    def _check(self, stamp: str, signed: str, expected: Callable[[], str]) -> None:
        if not (stamp and signed):
            raise NotAuthentic("missing_parameter")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
            raise NotAuthentic("bad_timestamp")
        if not same(expected(), signed):
            raise NotAuthentic("bad_signature")
        if abs(self._now().timestamp() * 1000 - int(stamp)) > FRESH.total_seconds() * 1000:
            raise NotAuthentic("stale_timestamp")

    def _sealed(self, query: str, body: bytes) -> Answer | Heard:
        """Whatever it was, DingTalk wants the word `success` sealed as its own events are."""
        if not (self._secrets.token and self._secrets.aes_key):
            raise NotAuthentic("callbacks_off")
        found = self.portable(self.happened(self.open_event(query, body)))
        return self.success() if isinstance(found, Answer) else Heard(found, lambda reply: self.success())

    def success(self) -> Answer:
        stamp, nonce = str(int(self._now().timestamp() * 1000)), self._dice(8).hex()
        sealed = self._container.seal(b"success", self._secrets.client_id, self._dice(16))
        signed = self._container.signature(stamp, nonce, sealed)
        return Answer(json.dumps({"msg_signature": signed, "timeStamp": stamp, "nonce": nonce, "encrypt": sealed}).encode())

    # What happened

    def said(self, body: Object) -> Event:
        """A message to the robot."""
        message_id, chat = text(body, "msgId"), text(body, "conversationId")
        sender = text(body, "senderStaffId") or text(body, "senderId")
        if not (message_id and chat and sender):
            return Event("ignored")
        kind: Kind = "withheld" if WITHHELD in (str(body.get("errorCode")), str(body.get("errCode"))) else "message"
        words, attached = _content(body)
        words, mentions = _mentions(words.strip(), body)
        return Event(
            kind,
            f"msg:{message_id}",
            chat,
            "p2p" if text(body, "conversationType") == "1" else "group",
            sender,
            text(body, "senderNick"),
            message_id,
            words,
            mentions,
            text(body, "conversationType") == "1" or body.get("isInAtList") is True,
            text(body, "originalProcessQueryKey") or text(body, "originalMsgId"),
            attached,
            reply_url=text(body, "sessionWebhook"),
            reply_url_ends=_whole(body.get("sessionWebhookExpiredTime")),
            at=self._moment(body.get("createAt")),
        )

    def tap(self, body: Object, once: str = "") -> Event:
        """A tap on a card. Only the long connection says in which chat; the card itself says it too. It has no id of its own: `once` is the
        delivery's, and whether it may be done twice is for the record's version to say."""
        card, sender = text(body, "outTrackId"), text(body, "userId")
        if text(body, "type") != "actionCallback" or not (card and sender):
            return Event("ignored")
        private = inner(parse_object(text(body, "content") or "{}"), "cardPrivateData")
        params = inner(private, "params")
        actions = tuple(one for one in items(private, "actionIds") if isinstance(one, str))
        action = text(params, "a") or text(params, "action")
        chat = text(body, "spaceId") if text(body, "spaceType") == "IM_GROUP" else text(params, "c")
        key = f"card:{card}:{sender}:{','.join(actions)}:{action}"
        return Event("card_action", key, chat, sender=sender, card=card, action_ids=actions, action=action, once=once)

    def happened(self, body: Object, key: str = "") -> Event:
        kind = _EVENTS.get(text(body, "EventType"), "ignored")
        chat = text(body, "OpenConversationId") or text(body, "ChatId")
        users = tuple(one for one in items(body, "UserId") if isinstance(one, str))
        stamp = text(body, "TimeStamp")
        return Event(kind, f"event:{key or f'{kind}:{chat}:{stamp}'}", chat, sender=text(body, "Operator"), users=users)

    def _moment(self, created: object) -> datetime:
        """When it happened; ours where theirs cannot be true."""
        now, stamp = self._now(), _whole(created)
        if not 0 < stamp < 10**14:
            return now
        happened = datetime.fromtimestamp(stamp / 1000, UTC)
        return happened if now - FRESH <= happened <= now else now

    # The portable message

    def portable(self, event: Event, *, unsigned: bool = False) -> Message | Answer:
        """The message, or the answer to what asks for none. `unsigned`: it came by a road that signs no body."""
        now = self._now()
        at = event.at or now
        match event.kind:
            case "message" | "withheld":
                direct = event.chat_type == "p2p"
                chat = f"{DIRECT}{event.sender}" if direct else event.chat
                return Message(
                    "dingtalk", event.key, "text" if event.kind == "message" else "withheld", chat, "direct" if direct else "group",
                    event.sender, event.text, at, reply_to=event.reply_to or None, addressed=event.addressed, attached=event.attached,
                    mentioned=event.mentions, unsigned=unsigned,
                )  # fmt: skip
            case "card_action" if found := pressed(event.action):
                version, command, asks = found
                chat = event.chat or f"{DIRECT}{event.sender}"
                once = f"{event.key}:{event.once}"
                return Message(
                    "dingtalk", f"card:{sha256(once.encode()).hexdigest()[:40]}", "click", chat,
                    "direct" if chat.startswith(DIRECT) else "group", event.sender, command, at, version, reply_to=event.card,
                    addressed=True, asks=asks, unsigned=unsigned,
                )  # fmt: skip
            case "disbanded" if event.chat:
                return Message("dingtalk", event.key, "left", event.chat, "group", event.sender, "", at)
        return NOTHING


def card_secret(client_secret: str) -> str:
    """What card callbacks are signed with: ours to choose when the address is registered, the same in every replica."""
    return hmac.new(client_secret.encode(), b"gengfu card callbacks", hashlib.sha256).hexdigest()


def header_sign(secret: str, signed: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), signed.encode("utf-8", "replace"), hashlib.sha256).digest()).decode()


def _content(body: Object) -> tuple[str, tuple[Attached, ...]]:
    """(words, what was sent with them) of a message of any type."""
    content, kind = inner(body, "content"), text(body, "msgtype")
    match kind:
        case "text":
            return text(inner(body, "text"), "content"), ()
        case "richText":
            parts = [part for part in items(content, "richText") if isinstance(part, dict)]
            pictures = tuple(Attached(code, kind="image") for part in parts if (code := text(part, "downloadCode")))
            return "".join(text(part, "text") for part in parts), pictures
        case "audio":
            return text(content, "recognition"), ()
        case "picture" | "file" | "video":
            code = text(content, "downloadCode")
            found = Attached(code, text(content, "fileName"), "image" if kind == "picture" else "file")
            return "", (found,) if code else ()
    return "", ()


def _mentions(words: str, body: Object) -> tuple[str, tuple[tuple[str, str], ...]]:
    """DingTalk lists who was mentioned without their names: those in the text are taken in their order, and where it has none (or another
    number of them) the ids are written behind it."""
    users = [one for user in items(body, "atUsers") if isinstance(user, dict) and (one := text(user, "staffId"))]
    names = _NAMED.findall(words)
    if len(names) != len(users):
        names = users
        words = " ".join([words, *(f"@{user}" for user in users)]) if users else words
    return words, tuple(zip(names, users, strict=True))


def _whole(value: object) -> int:
    """Milliseconds, as a number or as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
