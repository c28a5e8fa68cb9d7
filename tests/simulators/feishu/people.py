"""People at their telephones: they speak, send files, tap buttons, fill in forms. What they could not do, they cannot do here."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulators.core.people import NotPossible
from tests.simulators.feishu.cards import Form
from tests.simulators.feishu.deliveries import Click, Deliveries
from tests.simulators.feishu.state import Chat, Json, Message, State, Upload, milliseconds

ALIVE = timedelta(days=14)
ZONE = "+0800"


@dataclass(frozen=True)
class Player:
    state: State
    deliveries: Deliveries
    open_id: str

    @property
    def direct(self) -> Chat:
        return self.state.direct(self.open_id)

    def says(
        self, chat: str, text: str, *, mention_bot: bool = False, mention: Iterable[str] = (), reply_to: str = "", all_heard: bool = False
    ) -> Message:
        """In `chat` ("": the direct chat). In a group the bot hears only what mentions it, unless the app may hear all."""
        called = [*([self.state.bot] if mention_bot else []), *mention]
        places = [f"@_user_{number}" for number in range(1, len(called) + 1)]
        content = {"text": " ".join([*places[: 1 if mention_bot else 0], text, *places[1 if mention_bot else 0 :]])}
        return self._speaks(chat, "text", content, called, reply_to, heard=mention_bot or all_heard)

    def says_post(self, chat: str, lines: Iterable[str], *, mention_bot: bool = False, title: str = "") -> Message:
        """Several lines, which the desktop client sends as a post."""
        content: list[list[Json]] = [[{"tag": "text", "text": line, "style": []}] for line in lines]
        if mention_bot:
            content[0].insert(0, {"tag": "at", "user_id": "@_user_1", "user_name": self.state.bot_name, "style": []})
        called = [self.state.bot] if mention_bot else []
        return self._speaks(chat, "post", {"title": title, "content": content}, called, heard=mention_bot)

    def sends_file(self, chat: str, name: str, content: bytes, *, image: bool = False) -> Message:
        """In a group this mentions nobody: the bot hears it only in its direct chat, or where it may hear all."""
        key = self.state.new("img_v3_" if image else "file_v3_")
        with self.state.lock:
            self.state.uploads[key] = Upload(key, "image" if image else "stream", name, content, "")
        what = {"image_key": key} if image else {"file_key": key, "file_name": name}
        return self._speaks(chat, "image" if image else "file", what, [])

    def _speaks(self, chat: str, kind: str, content: Json, called: list[str], reply_to: str = "", *, heard: bool = False) -> Message:
        where = self.state.chats[chat] if chat else self.direct
        if self.open_id not in where.members:
            raise NotPossible(f"{self.open_id} is not in {where.name or where.id}")
        with self.state.lock:
            message = self.state.post(where, kind, json.dumps(content, ensure_ascii=False), self.open_id, reply_to)
        if where.bot_inside and not where.dissolved and (heard or where.kind == "p2p"):
            self.deliveries.send("im.message.receive_v1", self._heard(message, where, called))
        return message

    def _heard(self, message: Message, chat: Chat, called: list[str]) -> Json:
        mentions = [self._mention(f"@_user_{number}", one) for number, one in enumerate(called, 1)]
        stamp = milliseconds(message.at)
        spoken = {
            "message_id": message.id, "create_time": stamp, "update_time": stamp, "chat_id": chat.id, "chat_type": chat.kind,
            "message_type": message.kind, "content": message.content,
            **({"mentions": mentions} if mentions else {}),
            **({"root_id": message.parent, "parent_id": message.parent} if message.parent else {}),
        }  # fmt: skip
        ids = self.state.people[self.open_id].ids
        return {"sender": {"sender_id": ids, "sender_type": "user", "tenant_key": self.state.tenant}, "message": spoken}

    def _mention(self, key: str, one: str) -> Json:
        bot = one == self.state.bot
        ids = {"union_id": "on_bot", "user_id": "", "open_id": one} if bot else self.state.people[one].ids
        name = self.state.bot_name if bot else self.state.people[one].name
        return {"key": key, "id": ids, "name": name, "mentioned_type": "bot" if bot else "user", "tenant_key": self.state.tenant}

    # Cards

    def taps(self, message: Message, label: str) -> Click:
        self._may_touch(message)
        button = message.card.button(label)
        return self._click(message, {"tag": "button", **_named(button), **_value(button)})

    def picks(self, message: Message, option: str, select: int = 0) -> Click:
        """An option, by its label, of a drop-down outside of a form."""
        self._may_touch(message)
        menu = message.card.selects[select]
        return self._click(message, {"tag": "select_static", **_named(menu), **_value(menu), "option": _option(menu, option)})

    def submits(self, message: Message, form: str, values: Mapping[str, Any]) -> Click:
        """`values` by field name: text, an option's label, `2026-01-01 08:30`, an open id, a boolean."""
        self._may_touch(message)
        found = message.card.forms.get(form)
        if found is None:
            raise NotPossible(f"no form {form!r}; there are {sorted(message.card.forms)}")
        return self._click(message, {"tag": "button", **_named(found.submit), **_value(found.submit), "form_value": _filled(found, values)})

    def _may_touch(self, message: Message) -> None:
        if self.open_id not in self.state.chats[message.chat].members:
            raise NotPossible(f"{self.open_id} does not see {message.id}")
        if message.recalled or message.deleted:
            raise NotPossible("the message is gone")
        if self.state.clock() - message.at > ALIVE:
            raise NotPossible("a card takes no clicks after 14 days")

    def _click(self, message: Message, action: Json) -> Click:
        return self.deliveries.click(message, self.state.people[self.open_id].ids, action)

    # Chats

    def follows(self, url: str) -> Chat:
        """An address of applink.feishu.cn that opens a chat ("Open a chat page"): for its members, and for nobody else."""
        found = re.fullmatch(r"https://applink\.feishu\.cn/client/chat/open\?openChatId=(oc_\w+)", url)
        chat = self.state.chats.get(found[1]) if found else None
        if chat is None or chat.dissolved or self.open_id not in chat.members:
            raise NotPossible(f"{url} opens nothing for {self.open_id}")
        return chat

    def enters(self) -> Chat:
        """Opens the direct chat with the bot."""
        chat = self.direct
        ids = self.state.people[self.open_id].ids
        last = (
            {"last_message_id": chat.messages[-1].id, "last_message_create_time": milliseconds(chat.messages[-1].at)}
            if chat.messages
            else {}
        )
        self.deliveries.send("im.chat.access_event.bot_p2p_chat_entered_v1", {"chat_id": chat.id, "operator_id": ids, **last})
        return chat

    def reads(self) -> list[str]:
        """Opens the direct chat and looks at what the bot said there; answers the ids that are news."""
        news = [one for one in self.direct.shown if one.sender == self.state.app_id and one.id not in self.state.read]
        self.state.read |= {one.id for one in news}
        if news:
            reader = {
                "reader_id": self.state.people[self.open_id].ids,
                "read_time": milliseconds(self.state.clock()),
                "tenant_key": self.state.tenant,
            }
            self.deliveries.send("im.message.message_read_v1", {"reader": reader, "message_id_list": [one.id for one in news]})
        return [one.id for one in news]

    def adds_bot(self, chat: str) -> None:
        self.state.chats[chat].bot_inside = True
        self._about("im.chat.member.bot.added_v1", chat)

    def removes_bot(self, chat: str) -> None:
        self.state.chats[chat].bot_inside = False
        self._about("im.chat.member.bot.deleted_v1", chat)

    def dissolves(self, chat: str) -> None:
        self.state.chats[chat].dissolved = True
        self._about("im.chat.disbanded_v1", chat)

    def _about(self, kind: str, chat: str) -> None:
        ids = self.state.people[self.open_id].ids
        about = {"chat_id": chat, "operator_id": ids, "external": False, "operator_tenant_key": self.state.tenant}
        self.deliveries.send(kind, {**about, "name": self.state.chats[chat].name})


def _named(component: Json) -> Json:
    return {"name": component["name"]} if component.get("name") else {}


def _value(component: Json) -> Json:
    """What the developer put into the component, as it comes back."""
    return next(({"value": one["value"]} for one in component.get("behaviors", ()) if one["type"] == "callback"), {})


def _option(component: Json, label: str) -> str:
    found = [option["value"] for option in component["options"] if option["text"]["content"] == label]
    if not found:
        raise NotPossible(f"no option {label!r}; there are {[option['text']['content'] for option in component['options']]}")
    return str(found[0])


def _filled(form: Form, values: Mapping[str, Any]) -> Json:
    fields = form.fields
    if unknown := set(values) - set(fields):
        raise NotPossible(f"no field {sorted(unknown)}; there are {sorted(fields)}")
    given = {name: _entered(one, values[name]) if name in values else _prefilled(one) for name, one in fields.items()}
    for name, one in fields.items():
        if one.get("required") and given[name] in (None, "", []):
            raise NotPossible(f"{name} is required")
    return {name: value for name, value in given.items() if value is not None}


def _entered(field: Json, value: Any) -> Any:
    if field["tag"] == "select_static":
        return _option(field, value)
    if field["tag"] == "multi_select_static":
        return [_option(field, one) for one in value]
    if field["tag"] in ("picker_datetime", "picker_time", "date_picker"):
        return f"{value} {ZONE}"
    if field["tag"] == "input":
        if len(value) > field.get("max_length", 1000):
            raise NotPossible(f"{field['name']} takes {field.get('max_length', 1000)} characters")
        if "\n" in value and field.get("input_type") != "multiline_text":
            raise NotPossible(f"{field['name']} has one line")
    return value


def _prefilled(field: Json) -> Any:
    """What an untouched field submits (?): its initial value; an empty input an empty text; other fields nothing."""
    tag = field["tag"]
    if tag == "input":
        return field.get("default_value", "")
    if tag == "select_static" and field.get("initial_index"):
        return field["options"][field["initial_index"] - 1]["value"]
    if tag in ("picker_datetime", "picker_time", "date_picker"):
        initial = next((value for name, value in field.items() if name.startswith("initial_")), "")
        return f"{initial} {ZONE}" if initial else None
    if tag == "checker":
        return bool(field.get("checked"))
    return field.get("initial_option") or field.get("selected_values") or None
