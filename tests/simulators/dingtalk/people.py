"""People at their telephones: they speak, send files, tap buttons, follow links. What they could not do, they cannot do here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tests.simulators.core.people import NotPossible
from tests.simulators.dingtalk import cards, messages
from tests.simulators.dingtalk.cards import Pressed
from tests.simulators.dingtalk.deliveries import Click, Deliveries, Delivery
from tests.simulators.dingtalk.state import Chat, Json, Message, Session, State, Upload, milliseconds

SESSION_LIVES = timedelta(minutes=90)


@dataclass(frozen=True)
class Player:
    state: State
    deliveries: Deliveries
    userid: str

    @property
    def direct(self) -> Chat:
        return self.state.direct(self.userid)

    # What they see

    def seen(self, message: Message) -> str:
        """What this person reads of it."""
        if message.kind != "card":
            return messages.message_text(message)
        card = cards.seen(self.state, self.state.cards[message.track], self.userid)
        return f"{card.title}\n{card.text}".strip()

    def presses(self, message: Message) -> dict[str, Pressed]:
        """The buttons of a card by their labels, as this person sees them."""
        if message.kind != "card":
            return {label: Pressed("", label, {}, url) for label, url in messages.links(message).items()}
        found = cards.seen(self.state, self.state.cards[message.track], self.userid)
        return {press.label: press for press in found.presses}

    # What they say

    def says(self, chat: str, text: str, *, mention_bot: bool = True, mention: Iterable[str] = ()) -> Delivery | None:
        """In `chat` ("": the direct chat). Of a group the robot hears only what mentions it."""
        where = self._there(chat)
        called = list(mention)
        words = text if where.kind == "p2p" else f" {text}" if mention_bot else text
        message = self._posted(where, "text", {"content": words}, called)
        if where.kind == "group" and not mention_bot:
            return None
        return self._heard(message, where, {"text": {"content": words}}, called)

    def sends_file(self, chat: str, name: str, content: bytes, *, image: bool = False) -> Delivery | None:
        """In a group nobody can mention the robot together with a file; a picture goes there as rich text."""
        where = self._there(chat)
        code = self.state.new("dl")
        with self.state.lock:
            self.state.uploads[code] = Upload(code, "image" if image else "file", name, content)
        if where.kind == "group" and not image:
            self._posted(where, "file", {"fileName": name, "downloadCode": code}, ())
            return None
        if where.kind == "group":
            rich = {"richText": [{"text": ""}, {"downloadCode": code, "type": "picture"}]}
            return self._heard(self._posted(where, "richText", rich, ()), where, {"content": rich}, ())
        what = {"downloadCode": code} if image else {"downloadCode": code, "fileName": name}
        return self._heard(self._posted(where, "picture" if image else "file", what, ()), where, {"content": what}, ())

    def _there(self, chat: str) -> Chat:
        where = self.state.chats[chat] if chat else self.direct
        if self.userid not in where.members or where.dissolved:
            raise NotPossible(f"{self.userid} is not in {where.name or where.id}")
        return where

    def _posted(self, where: Chat, kind: str, content: Json, called: Iterable[str]) -> Message:
        with self.state.lock:
            message = self.state.post(where, kind, content, self.userid)
            message.mentioned = set(called)
        return message

    def _heard(self, message: Message, where: Chat, what: Json, called: Iterable[str]) -> Delivery | None:
        inside = where.hears(self.state.robot_code, self.state.clock(), self.state.robot_code)
        if not inside or where.dissolved or not self.state.robot_enabled:
            return None  # the robot of a template has an address of its own
        return self.deliveries.message(self._told(message, where, what, called), where)

    def _told(self, message: Message, where: Chat, what: Json, called: Iterable[str]) -> Json:
        state, group = self.state, where.kind == "group"
        ends = message.at + SESSION_LIVES
        session = state.new()
        state.sessions[session] = Session(where.id, ends)
        robot = {"dingtalkId": "$:LWCP_v1:$bot"}
        at = [robot, *({"dingtalkId": f"$:LWCP_v1:$enc.{one}", "staffId": one} for one in called)]
        return {
            "senderPlatform": "Mac", "conversationId": where.id,
            **({"atUsers": at, "conversationTitle": where.name, "isInAtList": True} if group else {}),
            "chatbotCorpId": state.corp, "chatbotUserId": "$:LWCP_v1:$bot", "msgId": message.id,
            "senderNick": state.people[self.userid].name, "senderId": f"$:LWCP_v1:$enc.{self.userid}",
            **({"isAdmin": False, "senderStaffId": self.userid} if state.published else {}),
            "senderCorpId": state.corp, "sessionWebhookExpiredTime": milliseconds(ends), "createAt": milliseconds(message.at),
            "conversationType": "2" if group else "1", "sessionWebhook": f"{state.url}/robot/sendBySession?session={session}",
            "robotCode": state.robot_code, "msgtype": message.kind, **what,
        }  # fmt: skip

    # Cards

    def taps(self, message: Message, label: str, inputs: Mapping[str, str] | None = None) -> Click:
        press = self._press(message, label)
        card = self.state.cards[message.track] if message.track else None
        if press.url or card is None:
            raise NotPossible(f"{label!r} opens {press.url}; nothing is told to the robot")
        if not card.callback:
            raise NotPossible(f"{label!r} answers nothing: its card has no callbackType")
        given = dict(inputs or {})
        if unknown := set(given) - set(self.state.templates[card.template].inputs):
            raise NotPossible(f"no field {sorted(unknown)}")
        return self.deliveries.click(
            card, self.userid, self._space(message), {"actionIds": [press.id], "params": {**press.params, **given}}
        )

    def follows(self, message: Message, label: str) -> str:
        """The address that a button, or a link within the text, opens."""
        found = dict(re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", self.seen(message)))
        if label in found:
            return str(found[label])
        press = self._press(message, label)
        if not press.url:
            raise NotPossible(f"{label!r} opens nothing")
        return press.url

    def _press(self, message: Message, label: str) -> Pressed:
        chat = self.state.chats[message.chat]
        if self.userid not in chat.members:
            raise NotPossible(f"{self.userid} does not see {message.id}")
        if message.recalled:
            raise NotPossible("the message is gone")
        found = self.presses(message)
        if label not in found:
            raise NotPossible(f"no button {label!r}; there are {sorted(found)}")
        return found[label]

    def _space(self, message: Message) -> str:
        return f"IM_GROUP.{message.chat}" if self.state.chats[message.chat].kind == "group" else f"IM_ROBOT.{self.userid}"

    # Chats

    def adds_bot(self, chat: str) -> None:
        """Nothing tells the robot of it."""
        self.state.chats[chat].bot_inside = True

    def removes_bot(self, chat: str) -> None:
        self.state.chats[chat].bot_inside = False

    def adds(self, chat: str, *people: str) -> Delivery:
        self.state.chats[chat].members |= set(people)
        return self._about("chat_add_member", chat, {"UserId": list(people), **self._operator})

    def renames(self, chat: str, name: str) -> Delivery:
        self.state.chats[chat].name = name
        return self._about("chat_update_title", chat, self._operator)

    def dissolves(self, chat: str) -> Delivery:
        self.state.chats[chat].dissolved = True
        return self._about("chat_disband", chat, self._operator)

    @property
    def _operator(self) -> Json:
        return {"Operator": self.userid, "OperatorUnionId": self.state.people[self.userid].union_id}

    def _about(self, kind: str, chat: str, what: Json) -> Delivery:
        found = self.state.chats[chat]
        return self.deliveries.event(
            kind, {"ChatId": f"chat.{found.id[3:15]}", "OpenConversationId": found.id, "Title": found.name, **what}
        )
