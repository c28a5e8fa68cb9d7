"""What the page of `make simulate` shows of Feishu, and what people can do there."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.simulators.core.stage_page import Stage, bubble, told
from tests.simulators.feishu.deliveries import Click
from tests.simulators.feishu.sim import Sim
from tests.simulators.feishu.state import Chat, Json, Message


class FeishuStage(Stage):
    platform = {"zh": "飞书", "en": "Feishu"}  # noqa: RUF012 (nobody writes to it)
    first = "ou_lina"

    def __init__(self, sim: Sim, locale: str, timezone: str, alive: Callable[[], bool]) -> None:
        super().__init__(sim, sim.state.lock, locale, timezone, alive)
        self.sim = sim
        self._clicks: list[Click] = []

    # What is to be seen

    def people(self) -> list[Json]:
        return [{"id": one.open_id, "name": one.name} for one in self.sim.state.people.values()]

    def chats(self, person: str) -> list[Json]:
        mine = [one for one in self.sim.state.chats.values() if person in one.members]
        return [self._chat(one) for one in sorted(mine, key=_latest, reverse=True)]

    def messages(self, person: str, chat: str) -> list[Json]:
        return [self._message(one, person) for one in self.sim.chat(chat).shown]

    def connections(self) -> int | None:
        return len(self.sim.wire.connections) if self.sim.deliveries.callback is None else None

    def _chat(self, chat: Chat) -> Json:
        last = chat.shown[-1] if chat.shown else None
        title = chat.name or self.sim.state.bot_name
        return {
            "id": chat.id,
            "name": title,
            "direct": chat.kind == "p2p",
            "count": len(chat.shown),
            "last": self._named(last.text)[:60] if last else "",
        }

    def _message(self, message: Message, reader: str) -> Json:
        state = self.sim.state
        sender = state.people.get(message.sender)
        by, mine = sender.name if sender else state.bot_name, message.sender == reader
        shown = bubble(message.id, by, message.at, mine=mine, bot=sender is None, edits=len(message.history)) | {
            "pinned": message.pinned,
            "urgent": sorted({by for by, whom in message.urgent if whom == reader}),
        }
        if message.kind == "interactive":
            return shown | {"card": self._in_names(message.values)}
        if message.kind in ("file", "image"):
            key = message.values.get("file_key") or message.values.get("image_key", "")
            return shown | {"file": key, "text": state.uploads[key].name if key in state.uploads else key}
        return shown | {"text": self._named(message.text)}

    def _named(self, text: str) -> str:
        """Mentions as people read them."""
        state = self.sim.state
        names = {state.bot: state.bot_name, **{one.open_id: one.name for one in state.people.values()}, "_user_1": state.bot_name}
        text = re.sub(r'<at (?:user_)?id=\\?"?([\w-]+)\\?"?>[^<]*</at>', lambda m: "@" + names.get(m[1], m[1]), text)
        return re.sub(r"@(ou_\w+|_user_1)", lambda m: "@" + names.get(m[1], m[1]), text)

    def _in_names(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._in_names(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._in_names(inner) for inner in value]
        return self._named(value) if isinstance(value, str) else value

    def events(self) -> list[Json]:
        sent = [
            _event(f"e{number}", one.event, "; ".join(one.problems) if one.problems != [""] else "")
            for number, one in enumerate(self.sim.deliveries.events)
            if one.problems
        ]
        clicks = [
            _event(f"k{number}", one.event, f"{one.problem} {one.why}" if one.problem else "") for number, one in enumerate(self._clicks)
        ]
        return sorted([*sent, *clicks], key=lambda one: str(one["at"]))

    def file(self, key: str) -> bytes | None:
        found = self.sim.state.uploads.get(key)
        return found.content if found else None

    # What people do

    def acts(self, given: Json) -> Mapping[str, Callable[[], Json | None]]:
        return {
            "say": lambda: self._says(given["person"], given["chat"], given["text"], mention=bool(given.get("mention"))),
            "enter": lambda: {"chat": self.sim.person(given["person"]).enters().id},
            **{how: partial(self._touches, how, given) for how in ("tap", "pick", "submit")},
        }

    def _says(self, person: str, chat: str, text: str, *, mention: bool) -> None:
        self.sim.person(person).says(chat, text, mention_bot=mention)

    def _touches(self, how: str, given: Json) -> Json:
        player, card, label = self.sim.person(given["person"]), self.sim.message(given["message"]), given["label"]
        match how:
            case "tap":
                click = player.taps(card, label)
            case "pick":
                click = player.picks(card, label)
            case _:
                click = player.submits(card, label, given.get("values", {}))
        self._clicks.append(click)
        return {"toast": click.toast, "kind": click.toast_type, "problem": click.problem, "why": click.why}


def _latest(chat: Chat) -> str:
    return chat.shown[-1].at.isoformat() if chat.shown else ""


def _event(number: str, event: Json, problem: str) -> Json:
    header = event["header"]
    stamp = int(header["create_time"])  # of a click in microseconds
    at = datetime.fromtimestamp(stamp / (1_000_000 if stamp > 10**14 else 1000), UTC)
    return told(number, at, header["event_type"], event, problem)
