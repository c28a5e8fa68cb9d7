"""People at their telephones: they write to the app and to the robot, and tap. What they could not do, they cannot do here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.simulators.core.people import NotPossible
from tests.simulators.wecom import passive
from tests.simulators.wecom.cards import Button, Card
from tests.simulators.wecom.deliveries import Click, Deliveries, Delivery
from tests.simulators.wecom.messages import CODE_LIFE
from tests.simulators.wecom.robot import Robot
from tests.simulators.wecom.state import Chat, Json, Media, Message, State

#: question -> the option (or the options of a vote), by what is to be read there.
Chosen = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Player:
    state: State
    deliveries: Deliveries
    robot: Robot
    userid: str

    @property
    def app(self) -> Chat:
        """Their chat with the app."""
        return self.state.direct(self.userid, "app")

    @property
    def bot(self) -> Chat:
        """Their chat with the robot."""
        return self.state.direct(self.userid, "robot")

    @property
    def seen(self) -> list[str]:
        """Every text that is on their screens now."""
        mine = [chat for chat in self.state.chats.values() if self.userid in chat.members]
        return [message.text_for(self.userid) for chat in mine for message in chat.shown]

    # The app

    def says_app(self, text: str) -> Message:
        message = self._posted(self.app, "text", {"text": {"content": text}})
        self._to_app("text", message, {"Content": text})
        return message

    def sends_app_image(self, name: str, content: bytes) -> Message:
        """A file that is no picture never reaches the callback of an app."""
        media = Media(self.state.new("media"), "image", name, content, self.state.clock())
        self.state.media[media.id] = media
        message = self._posted(self.app, "image", {"image": {"media_id": media.id, "name": name}})
        self._to_app("image", message, {"PicUrl": f"https://wework.qpic.cn/{media.id}", "MediaId": media.id})
        return message

    def enters_app(self) -> Delivery:
        return self._event("enter_agent", {"EventKey": ""})

    def comes_into_range(self) -> Delivery:
        self.state.people[self.userid].visible = True
        return self._event("subscribe", {})

    def leaves_range(self) -> Delivery:
        self.state.people[self.userid].visible = False
        return self._event("unsubscribe", {})

    def _posted(self, chat: Chat, kind: str, content: Json) -> Message:
        if self.userid not in chat.members:
            raise NotPossible(f"{self.userid} is not in {chat.name or chat.id}")
        with self.state.lock:
            return self.state.post(chat, kind, content, self.userid)

    def _head(self) -> Json:
        now = int(self.state.clock().timestamp())
        return {"ToUserName": self.state.corp_id, "FromUserName": self.userid, "CreateTime": now}

    def _to_app(self, kind: str, message: Message, said: Json) -> None:
        if not self.state.people[self.userid].visible:
            raise NotPossible(f"{self.userid} does not see the app")
        number = self.state.dice.getrandbits(62)
        fields = {**self._head(), "MsgType": kind, **said, "MsgId": number, "AgentID": self.state.agent_id}
        delivery = self.deliveries.xml(kind, fields)
        self.deliveries.carry(delivery, lambda reply: passive.take(self.state, self.userid, reply, "", None))

    def _event(self, event: str, about: Json, clicked: Message | None = None) -> Delivery:
        fields = {**self._head(), "MsgType": "event", "Event": event, **about, "AgentID": self.state.agent_id}
        delivery = self.deliveries.xml(event, fields)
        self.deliveries.carry(delivery, lambda reply: passive.take(self.state, self.userid, reply, event, clicked))
        return delivery

    # Groups, and the robot

    def says(self, chat: str, text: str, *, mention_bot: bool = False, quote: Message | None = None) -> Message:
        """In `chat` ("": the robot's). In a group the robot hears only what mentions it, and the app hears nothing at all."""
        where = self.state.chats[chat] if chat else self.bot
        if where.kind == "app":
            return self.says_app(text)
        shown = f"@{self.state.bot_name} {text}" if mention_bot else text
        message = self._posted(where, "text", {"text": {"content": shown}})
        if where.kind == "robot" or (mention_bot and where.robot_inside):
            self.robot.heard(self.userid, where, message, {"msgtype": "text", "text": {"content": shown}}, quote)
        return message

    def sends_file(self, chat: str, name: str, content: bytes, *, image: bool = False, text: str = "") -> Message:
        """To the robot. In a group only a picture beside words that mention it comes through, as `mixed`."""
        where = self.state.chats[chat] if chat else self.bot
        kind = "image" if image else "file"
        message = self._posted(where, kind, {kind: {"media_id": name, "name": name}})
        if where.kind == "robot":
            self.robot.heard_file(self.userid, where, message, kind, content)
        elif image and text and where.robot_inside:
            self.robot.heard_mixed(self.userid, where, message, f"@{self.state.bot_name} {text}", content)
        return message

    def enters_bot(self) -> Delivery | None:
        """The robot is told of the first time in a day."""
        return self.robot.entered(self.userid)

    def adds_robot(self, chat: str) -> None:
        """By hand, in the group's settings. Nobody is told."""
        where = self.state.chats[chat]
        where.robot_inside, where.robot_id = True, where.robot_id or self.state.new("wr")

    def removes_robot(self, chat: str) -> None:
        self.state.chats[chat].robot_inside = False

    # Cards

    def taps(self, message: Message, label: str, chosen: Chosen | None = None) -> Click:
        """A button, by what is to be read on it; what is chosen in the card goes with it."""
        card = self._touchable(message)
        return self._touch(message, card, _found(card.buttons, label), chosen or {})

    def taps_menu(self, message: Message, label: str) -> Click:
        card = self._touchable(message)
        return self._touch(message, card, _found(card.menu, label), {}, menu=True)

    def follows(self, message: Message, label: str = "") -> str:
        """The address behind a link or a button ("": behind the whole card)."""
        links = self._touchable(message, open_only=True).links
        if label not in links:
            raise NotPossible(f"no link {label!r}; there are {sorted(links)}")
        return links[label]

    def _touchable(self, message: Message, *, open_only: bool = False) -> Card:
        if self.userid not in self.state.chats[message.chat].members:
            raise NotPossible(f"{self.userid} does not see {message.id}")
        if message.recalled:
            raise NotPossible("the message is gone")
        card = message.card_for(self.userid)
        if card.closed and not open_only:
            raise NotPossible(f"the card says {card.closed!r} and takes no touch")
        return card

    def _touch(self, message: Message, card: Card, button: Button, chosen: Chosen, *, menu: bool = False) -> Click:
        if not button.key:
            raise NotPossible(f"{button.text!r} opens an address")
        selected = {} if menu else _selected(card, chosen)
        click = Click(message, self.userid)
        if message.sender == "robot":
            self.robot.clicked(click, card, button.key, selected)
            return click
        code = self.state.code(CODE_LIFE, msgid=message.msgid)
        about: Json = {
            "EventKey": button.key, "TaskId": card.task_id, "CardType": card.kind,
            "ResponseCode": code,
            **({"SelectedItems": {"SelectedItem": [_item(key, ids) for key, ids in selected.items()]}} if selected else {}),
        }  # fmt: skip
        before = len(message.history)
        delivery = self._event("template_card_menu_event" if menu else "template_card_event", about, message)
        click.event, click.updated = delivery.event, len(message.history) > before
        click.problem = "" if delivery.arrived else delivery.problems[-1]
        self.state.codes[code].used |= click.updated and self.state.passive_spends
        click.answered.set()
        return click


def _item(key: str, ids: Sequence[str]) -> Json:
    return {"QuestionKey": key, "OptionIds": {"OptionId": list(ids)}}


def _found(buttons: list[Button], label: str) -> Button:
    found = [one for one in buttons if one.text == label]
    if not found:
        raise NotPossible(f"no button {label!r}; there are {[one.text for one in buttons]}")
    return found[0]


def _selected(card: Card, chosen: Chosen) -> dict[str, tuple[str, ...]]:
    """question_key -> option ids, as they stand on the screen or as they are chosen."""
    selects = {one.key: one for one in card.selects}
    named = {one.title or one.key: one.key for one in card.selects} | {key: key for key in selects}
    if unknown := set(chosen) - set(named):
        raise NotPossible(f"no question {sorted(unknown)}; there are {sorted(named)}")
    result = {key: one.chosen for key, one in selects.items()}
    for name, given in chosen.items():
        one = selects[named[name]]
        options = [given] if isinstance(given, str) else list(given)
        if one.disabled or (len(options) > 1 and not one.several) or not set(options) <= set(one.options):
            raise NotPossible(f"{options} cannot be chosen of {sorted(one.options)}")
        result[one.key] = tuple(one.options[option] for option in options)
    return result
