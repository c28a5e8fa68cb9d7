"""What the page of `make simulate` shows of DingTalk, and what people can do there."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from tests.simulators.core.stage_page import Stage, bubble, told
from tests.simulators.dingtalk.cards import Pressed
from tests.simulators.dingtalk.deliveries import Delivery
from tests.simulators.dingtalk.messages import message_text
from tests.simulators.dingtalk.sim import Sim
from tests.simulators.dingtalk.state import ROBOT, Chat, Json, Message

TONES = ("red", "orange", "green", "grey", "blue")


class DingTalkStage(Stage):
    platform = {"zh": "钉钉", "en": "DingTalk"}  # noqa: RUF012 (nobody writes to it)
    first = "lina"

    def __init__(self, sim: Sim, locale: str, timezone: str, alive: Callable[[], bool]) -> None:
        super().__init__(sim, sim.state.lock, locale, timezone, alive)
        self.sim = sim

    # What is to be seen

    def people(self) -> list[Json]:
        return [{"id": one.userid, "name": one.name} for one in self.sim.state.people.values()]

    def chats(self, person: str) -> list[Json]:
        mine = [one for one in self.sim.state.chats.values() if person in one.members]
        return [self._chat(one, person) for one in sorted(mine, key=_latest, reverse=True)]

    def messages(self, person: str, chat: str) -> list[Json]:
        """What is at the top of a group comes first, as people see it there."""
        here = self.sim.chat(chat)
        on_top = here.top and here.top_ends and here.top_ends > self.sim.clock()
        top = [self._message(self._top(here), person) | {"pinned": True, "at": ""}] if on_top else []
        return [*top, *(self._message(one, person) for one in here.shown)]

    def connections(self) -> int | None:
        return len(self.sim.wire.connections) if self.sim.deliveries.callback is None else None

    def _chat(self, chat: Chat, reader: str) -> Json:
        last = self.sim.person(reader).seen(chat.shown[-1]) if chat.shown else ""
        name = chat.name or self.sim.state.robot_name
        return {"id": chat.id, "name": name, "direct": chat.kind == "p2p", "count": len(chat.shown), "last": last[:60]}

    def _top(self, chat: Chat) -> Message:
        return Message(f"top:{chat.id}", chat.id, "card", {}, ROBOT, self.sim.clock(), track=chat.top)

    def _message(self, message: Message, reader: str) -> Json:
        state = self.sim.state
        sender = state.people.get(message.sender)
        card = state.cards.get(message.track)
        by, mine = sender.name if sender else state.robot_name, message.sender == reader
        shown = bubble(message.id, by, message.at, mine=mine, bot=sender is None, edits=len(card.history) if card else 0)
        presses = self.sim.person(reader).presses(message)
        if card or presses:
            return shown | {"card": self._card(message, reader, list(presses.values()))}
        code = message.content.get("downloadCode") or message.content.get("mediaId", "")
        if code:
            return shown | {"file": code, "text": state.uploads[code].name}
        return shown | {"text": message_text(message)}

    def _card(self, message: Message, reader: str, presses: list[Pressed]) -> Json:
        """In the page's own components."""
        title, _, text = self.sim.person(reader).seen(message).partition("\n")
        card = self.sim.state.cards.get(message.track)
        tone = card.values.get("tone", "") if card else ""
        elements: list[Json] = [{"tag": "markdown", "content": text}] if text else []
        return {
            "header": {"title": {"content": title}, "template": tone if tone in TONES else ""},
            "body": {"elements": [*elements, *(_button(one) for one in presses)]},
        }

    def events(self) -> list[Json]:
        deliveries = self.sim.deliveries
        sent = [_delivery(f"e{number}", one) for number, one in enumerate(deliveries.sent) if one.problems]
        clicks = [
            told(f"k{number}", one.at, "card · actionCallback", one.content, f"{one.problem} {one.why}".strip())
            for number, one in enumerate(deliveries.clicks)
        ]
        return sorted([*sent, *clicks], key=lambda one: str(one["at"]))

    def file(self, key: str) -> bytes | None:
        found = self.sim.state.uploads.get(key)
        return found.content if found else None

    # What people do

    def acts(self, given: Json) -> Mapping[str, Callable[[], Json | None]]:
        return {
            "say": lambda: self._says(given["person"], given["chat"], given["text"], mention=bool(given.get("mention"))),
            "enter": lambda: {"chat": self.sim.direct(given["person"]).id},
            "tap": lambda: self._taps(given["person"], given["message"], given["label"]),
        }

    def _says(self, person: str, chat: str, text: str, *, mention: bool) -> None:
        self.sim.person(person).says(chat, text, mention_bot=mention)

    def _taps(self, person: str, message: str, label: str) -> Json:
        at_top = message.startswith("top:")
        shown = self._top(self.sim.chat(message.removeprefix("top:"))) if at_top else self.sim.message(message)
        click = self.sim.person(person).taps(shown, label)
        return {"toast": "", "kind": "", "problem": click.problem, "why": click.why}


def _latest(chat: Chat) -> str:
    return chat.shown[-1].at.isoformat() if chat.shown else ""


def _button(press: Pressed) -> Json:
    what = {"type": "open_url", "default_url": press.url} if press.url else {"type": "callback", "value": press.params}
    return {"tag": "button", "text": {"content": press.label}, "behaviors": [what]}


def _delivery(number: str, one: Delivery) -> Json:
    what = one.content.get("EventType") or f"robot · {one.content.get('msgtype')}"
    at = datetime.fromtimestamp(int(one.content.get("createAt") or one.content["TimeStamp"]) / 1000, UTC)
    return told(number, at, what, one.content, "; ".join(one.problems) if one.problems != [""] else "")
