"""The page of `make simulate PLATFORM=dingtalk`: Feishu's, with what a person sees of DingTalk in it.

Cards come to it as components that it knows: a title, its text, buttons. A button that opens an address opens it in the browser.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response

from tests.simulators.core.faults import Fault
from tests.simulators.dingtalk.cards import Pressed
from tests.simulators.dingtalk.deliveries import Click, Delivery
from tests.simulators.dingtalk.messages import message_text
from tests.simulators.dingtalk.server import Recorded
from tests.simulators.dingtalk.sim import Sim
from tests.simulators.dingtalk.state import ROBOT, Chat, Json, Message
from tests.simulators.feishu import stage_page as feishu

TONES = {"red": "red", "orange": "orange", "green": "green", "grey": "grey", "blue": "blue"}
#: What Feishu's page says that is not so here.
OTHER_WORDS = (
    ("飞书", "钉钉"),
    ("Feishu", "DingTalk"),
    ("ou_lina", "lina"),
    (
        "chat = new URL(opens.default_url).searchParams.get('openChatId'); tab('chat'); look();",
        "window.open(opens.default_url, '_blank', 'noopener');",
    ),
)


class Stage:
    """`alive`: whether the server still runs."""

    def __init__(self, sim: Sim, locale: str, timezone: str, alive: Callable[[], bool]) -> None:
        self.sim = sim
        self.locale = locale
        self.timezone = timezone
        self.alive = alive
        self._faults: dict[str, Fault] = {}

    # What is to be seen

    def shown(self, person: str, chat: str) -> Json:
        sim = self.sim
        with sim.state.lock:
            chats = [one for one in sim.state.chats.values() if person in one.members]
            here = next((one for one in chats if one.id == chat), None)
            return {
                "people": [{"id": one.userid, "name": one.name} for one in sim.state.people.values()],
                "chats": [self._chat(one, person) for one in sorted(chats, key=_latest, reverse=True)],
                "messages": self._messages(here, person) if here else [],
                "traffic": self._traffic(),
                "faults": {name: self._left(name) for name in feishu.FAULTS},
                "alive": self.alive(),
                "connections": len(sim.stream.connections) if sim.deliveries.callback is None else None,
                "oddities": sim.oddities[-5:],
            }

    def _chat(self, chat: Chat, reader: str) -> Json:
        last = self.sim.person(reader).seen(chat.shown[-1]) if chat.shown else ""
        direct = chat.kind == "p2p"
        name = chat.name or self.sim.state.robot_name
        return {"id": chat.id, "name": name, "direct": direct, "count": len(chat.shown), "last": last[:60]}

    def _messages(self, chat: Chat, reader: str) -> list[Json]:
        """What is at the top of a group comes first, as people see it there."""
        top = [self._top(chat, reader)] if chat.top and chat.top_ends and chat.top_ends > self.sim.clock() else []
        return [*top, *(self._message(one, reader) for one in chat.shown)]

    def _top(self, chat: Chat, reader: str) -> Json:
        message = Message(f"top:{chat.id}", chat.id, "card", {}, ROBOT, self.sim.clock(), track=chat.top)
        return self._message(message, reader) | {"pinned": True, "at": ""}

    def _message(self, message: Message, reader: str) -> Json:
        state = self.sim.state
        sender = state.people.get(message.sender)
        card = state.cards.get(message.track)
        shown: Json = {
            "id": message.id, "from": sender.name if sender else state.robot_name, "mine": message.sender == reader, "bot": sender is None,
            "at": message.at.isoformat(), "edits": len(card.history) if card else 0, "pinned": False, "urgent": [], "text": "",
        }  # fmt: skip
        presses = self.sim.person(reader).presses(message)
        if card or presses:
            return shown | {"card": self._card(message, reader, list(presses.values()))}
        code = message.content.get("downloadCode") or message.content.get("mediaId", "")
        if code:
            return shown | {"file": code, "text": state.uploads[code].name}
        return shown | {"text": message_text(message)}

    def _card(self, message: Message, reader: str, presses: list[Pressed]) -> Json:
        title, _, text = self.sim.person(reader).seen(message).partition("\n")
        card = self.sim.state.cards.get(message.track)
        tone = TONES.get(card.values.get("tone", ""), "") if card else ""
        elements: list[Json] = [{"tag": "markdown", "content": text}] if text else []
        return {
            "header": {"title": {"content": title}, "template": tone},
            "body": {"elements": [*elements, *(_button(one) for one in presses)]},
        }

    def _traffic(self) -> list[Json]:
        deliveries = self.sim.deliveries
        calls = [_call(number, one) for number, one in enumerate(self.sim.requests) if one.status or one.fault]
        heard = [_delivery(number, one) for number, one in enumerate(deliveries.sent) if one.problems]
        clicks = [_click(number, one) for number, one in enumerate(deliveries.clicks)]
        most = feishu.SHOWN
        return sorted([*calls[-most:], *heard[-most:], *clicks[-most:]], key=lambda one: str(one["at"]))[-most:]

    def file(self, code: str) -> bytes | None:
        found = self.sim.state.uploads.get(code)
        return found.content if found else None

    # What people do

    def says(self, person: str, chat: str, text: str, *, mention: bool) -> None:
        self.sim.person(person).says(chat, text, mention_bot=mention)

    def enters(self, person: str) -> Json:
        """Their chat with the robot, opened; nothing tells the robot of it."""
        return {"chat": self.sim.direct(person).id}

    def touches(self, person: str, message: str, how: str, label: str, values: Mapping[str, Any]) -> Json:
        shown = self._top_message(message) if message.startswith("top:") else self.sim.message(message)
        click = self.sim.person(person).taps(shown, label, values)
        return {"toast": "", "kind": "", "problem": click.problem, "why": click.why}

    def _top_message(self, name: str) -> Message:
        chat = self.sim.chat(name.removeprefix("top:"))
        return Message(name, chat.id, "card", {}, ROBOT, self.sim.clock(), track=chat.top)

    # What goes wrong

    def breaks(self, name: str) -> None:
        """For a minute from now."""
        kind, seconds = feishu.FAULTS[name]
        fault = Fault(kind, feishu.ENDLESS, seconds=seconds, until=self.sim.clock() + feishu.MINUTE)
        self._faults[name] = fault
        self.sim.faults.planned.setdefault("*", []).append(fault)

    def mends(self) -> None:
        self.sim.faults.clear()
        self._faults.clear()

    def _left(self, name: str) -> int:
        fault = self._faults.get(name)
        return max(0, int((fault.until - self.sim.clock()).total_seconds()) + 1) if fault and fault.until else 0


def _latest(chat: Chat) -> str:
    return chat.shown[-1].at.isoformat() if chat.shown else ""


def _button(press: Pressed) -> Json:
    what = {"type": "open_url", "default_url": press.url} if press.url else {"type": "callback", "value": press.params}
    return {"tag": "button", "text": {"content": press.label}, "behaviors": [what]}


def _call(number: int, one: Recorded) -> Json:
    request = one.request
    body = request.body.decode("utf-8", "replace") if b"\0" not in request.body[:200] else f"({len(request.body)} bytes)"
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    answer = f"{one.status or '—'}{f' · {one.code}' if one.code else ''}"
    line = f"{request.method} {request.path}"
    return _line(
        f"r{number}", "call", request.at.isoformat(), line.replace("/v1.0", ""), answer, bool(one.fault or one.code), one.fault
    ) | {"body": f"{line}{'?' if query else ''}{query}\n\n{_pretty(body)}"}


def _delivery(number: int, one: Delivery) -> Json:
    what = one.content.get("EventType") or f"robot · {one.content.get('msgtype')}"
    problem = "; ".join(one.problems) if one.problems != [""] else ""
    stamp = int(one.content.get("createAt") or one.content["TimeStamp"])
    content = _pretty(json.dumps(one.content, ensure_ascii=False))
    return _line(f"e{number}", "event", feishu._iso(stamp / 1000), what, problem or "ok", bool(problem), "") | {"body": content}


def _click(number: int, one: Click) -> Json:
    problem = f"{one.problem} {one.why}".strip()
    content = _pretty(json.dumps(one.content, ensure_ascii=False))
    return _line(f"k{number}", "event", one.at.isoformat(), "card · actionCallback", problem or "ok", bool(problem), "") | {"body": content}


def _line(number: str, way: str, at: str, what: str, answer: str, bad: bool, fault: str) -> Json:
    return {"id": number, "way": way, "at": at, "what": what, "answer": answer, "bad": bad, "fault": fault}


def _pretty(body: str) -> str:
    """JSON laid out, and the JSON inside its strings as well."""
    try:
        values = json.loads(body)
        for name in ("msgParam", "content"):
            if isinstance(values, dict) and isinstance(values.get(name), str):
                values[name] = json.loads(values[name])
        body = json.dumps(values, ensure_ascii=False, indent=1)
    except ValueError:
        pass
    return body if len(body) <= feishu.LONGEST else body[: feishu.LONGEST] + "\n…"


def html() -> str:
    page = feishu.HTML.read_text("utf-8")
    for theirs, ours in OTHER_WORDS:
        assert theirs in page, theirs
        page = page.replace(theirs, ours)
    return page


def page_app(stage: Stage) -> FastAPI:
    """Feishu's, which asks nothing of a stage that this one has not."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.get("/")
    def index() -> Response:
        return HTMLResponse(html().replace("LOCALE", stage.locale).replace("TIMEZONE", stage.timezone))

    app.mount("/", feishu.page_app(cast(Any, stage)))
    return app
