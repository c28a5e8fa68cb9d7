"""What the page of `make simulate` shows of WeCom, and what people can do there."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from tests.simulators.core.stage_page import Stage, bubble, told
from tests.simulators.wecom.cards import Card
from tests.simulators.wecom.deliveries import Click
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.state import Chat, Json, Message

#: Of a button's style, how the page draws it; the app's numbers and the robot's differ in 3 and 4 only.
_STYLES = {1: "primary_filled", 2: "danger"}


class WecomStage(Stage):
    """`app`, `robot`: which of them the server is."""

    platform = {"zh": "企业微信", "en": "WeCom"}  # noqa: RUF012 (nobody writes to it)
    first = "LiNa"

    def __init__(self, sim: Sim, locale: str, timezone: str, alive: Callable[[], bool], *, app: bool, robot: bool) -> None:
        super().__init__(sim, sim.state.lock, locale, timezone, alive)
        self.sim = sim
        self.app, self.robot = app, robot
        words = {"zh": ("应用", "智能机器人", "应用建的群"), "en": ("app", "robot", "the app's group")}
        self._words = words["en" if locale == "en" else "zh"]

    # What is to be seen

    def people(self) -> list[Json]:
        return [{"id": one.userid, "name": one.name} for one in self.sim.state.people.values()]

    def chats(self, person: str) -> list[Json]:
        mine = [one for one in self.sim.state.chats.values() if person in one.members]
        return [self._chat(one) for one in sorted(mine, key=_latest, reverse=True)]

    def messages(self, person: str, chat: str) -> list[Json]:
        return [self._message(one, person) for one in self.sim.chat(chat).shown]

    def connections(self) -> int | None:
        return int(self.sim.wire.subscribed is not None) if self.robot and not self.sim.wire.http_only else None

    def _chat(self, chat: Chat) -> Json:
        last = chat.shown[-1] if chat.shown else None
        own = {"app": self._words[0], "robot": self._words[1]}.get(chat.kind, "")
        name = f"{self.sim.state.bot_name} · {own}" if own else chat.name or chat.id
        return {
            "id": chat.id,
            "name": f"{name} · {self._words[2]}" if chat.kind == "appgroup" else name,
            "direct": bool(own),
            "invite": self.robot and not own and not chat.robot_inside,
            "count": len(chat.shown),
            "last": self._named(last.text)[:60] if last else "",
        }

    def _message(self, message: Message, reader: str) -> Json:
        state = self.sim.state
        sender = state.people.get(message.sender)
        by, mine = sender.name if sender else state.bot_name, message.sender == reader
        shown = bubble(message.id, by, message.at, mine=mine, bot=sender is None, edits=len(message.history))
        if message.kind in ("file", "image"):
            content = message.content[message.kind]
            return shown | {"file": content["media_id"], "text": content["name"]}
        if "template_card" in message.content:
            return shown | {"card": _drawn(message.card_for(reader))}
        return shown | {"text": self._named(message.text)}

    def _named(self, text: str) -> str:
        """Mentions as people read them."""
        names = {one.userid: one.name for one in self.sim.state.people.values()}
        return re.sub(r"<@([^<>\s]+)>", lambda m: "@" + names.get(m[1], m[1]), text)

    def events(self) -> list[Json]:
        """What was sent to the product, and its frames on the long connection."""
        sent = [
            told(f"e{number}", one.at, f"{one.line} {one.what}", one.event, "; ".join(one.problems) if one.problems != [""] else "")
            for number, one in enumerate(self.sim.deliveries.events)
            if one.problems
        ]
        frames = [
            told(f"f{number}", one.at, f"ws {one.frame['cmd']}", one.frame, str(one.code) if one.code else "", "call")
            for number, one in enumerate(self.sim.wire.frames)
            if one.way == "in" and one.frame["cmd"] != "ping"
        ]
        return sorted([*sent, *frames], key=lambda one: str(one["at"]))

    def file(self, key: str) -> bytes | None:
        found = self.sim.state.media.get(key)
        return found.content if found else None

    # What people do

    def acts(self, given: Json) -> Mapping[str, Callable[[], Json | None]]:
        return {
            "say": lambda: self._says(given["person"], given["chat"], given["text"], mention=bool(given.get("mention"))),
            "enter": partial(self._enters, given["person"]) if "person" in given else lambda: None,
            "tap": lambda: self._taps(given, given["label"], {}),
            "submit": lambda: self._taps(given, given["button"], given.get("values", {})),
            "invite": lambda: self.sim.person(given["person"]).adds_robot(given["chat"]),
        }

    def _says(self, person: str, chat: str, text: str, *, mention: bool) -> None:
        self.sim.person(person).says(chat, text, mention_bot=mention)

    def _enters(self, person: str) -> Json:
        """Their chat with the robot and the one with the app, opened; the app's is in front where there is one."""
        player = self.sim.person(person)
        chat = ""
        if self.robot:
            player.enters_bot()
            chat = player.bot.id
        if self.app:
            player.enters_app()
            chat = player.app.id
        return {"chat": chat}

    def _taps(self, given: Json, label: str, values: Mapping[str, str]) -> Json:
        click: Click = self.sim.person(given["person"]).taps(self.sim.message(given["message"]), label, dict(values))
        return {"toast": "", "kind": "", "problem": click.problem, "why": ""}


def _drawn(card: Card) -> Json:
    """The card in the page's own components."""
    values = card.values
    title, quote, emphasis = values.get("main_title", {}), values.get("quote_area", {}), values.get("emphasis_content", {})
    texts = [
        title.get("desc", ""), emphasis.get("title", ""), emphasis.get("desc", ""), quote.get("title", ""), quote.get("quote_text", ""),
        values.get("sub_title_text", ""), *(f"{name}  {value}" for name, value in card.rows),
    ]  # fmt: skip
    elements: list[Json] = [{"tag": "div", "text": {"content": text}} for text in texts if text]
    links = [{"tag": "button", "text": {"content": name or "↗"}, "behaviors": [_opens(url)]} for name, url in card.links.items() if url]
    if links:
        elements.append({"tag": "column_set", "flex_mode": "flow", "columns": [{"tag": "column", "elements": [one]} for one in links]})
    if card.closed:
        elements.append({"tag": "button", "text": {"content": card.closed}, "disabled": True})
    pressed = [_button(one.text, _STYLES.get(one.style, "")) for one in card.buttons if one.key]
    if pressed and card.selects:
        asked = [_select(one.key, dict(one.options), one.chosen) for one in card.selects]
        submits = [{**one, "form_action_type": "submit"} for one in pressed]
        elements.append({"tag": "form", "name": "card", "elements": [*asked, *submits]})
    elif pressed:
        elements.append({"tag": "column_set", "flex_mode": "flow", "columns": [{"tag": "column", "elements": [one]} for one in pressed]})
    header = {"title": {"content": title.get("title") or values.get("sub_title_text", "")}, "template": "grey" if card.closed else "blue"}
    return {"header": header, "body": {"elements": elements}}


def _opens(url: str) -> Json:
    return {"type": "open_url", "default_url": url}


def _button(label: str, style: str) -> Json:
    return {"tag": "button", "text": {"content": label}, "type": style}


def _select(key: str, options: Mapping[str, str], chosen: tuple[str, ...]) -> Json:
    shown = [{"text": {"content": text}, "value": value} for text, value in options.items()]
    return {"tag": "select_static", "name": key, "options": shown, "initial_option": chosen[0] if chosen else ""}


def _latest(chat: Chat) -> str:
    return chat.shown[-1].at.isoformat() if chat.shown else ""
