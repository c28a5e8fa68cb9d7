"""The page of `make simulate`: what each person sees of Feishu, what they can do there, and the raw traffic beside it."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.simulators.core.faults import Fault, Kind, Recorded
from tests.simulators.feishu.deliveries import Click
from tests.simulators.feishu.sim import Sim
from tests.simulators.feishu.state import Chat, Json, Message

HTML = Path(__file__).with_name("stage.html")
SHOWN, LONGEST = 120, 20_000
ENDLESS = 1_000_000_000
MINUTE = timedelta(seconds=60)
#: name -> what goes wrong, and how many real seconds that takes where it takes any.
FAULTS: Mapping[str, tuple[Kind, float]] = {
    "outage": ("html", 0),
    "throttle": ("throttle", 2),
    "slow": ("delay", 4),
    "lost": ("reset_after", 0),
}


class Stage:
    """`alive`: whether the server still runs."""

    def __init__(self, sim: Sim, locale: str, timezone: str, alive: Callable[[], bool]) -> None:
        self.sim = sim
        self.locale = locale
        self.timezone = timezone
        self.alive = alive
        self._clicks: list[Click] = []
        self._faults: dict[str, Fault] = {}

    # What is to be seen

    def shown(self, person: str, chat: str) -> Json:
        sim = self.sim
        with sim.state.lock:
            chats = [one for one in sim.state.chats.values() if person in one.members]
            here = next((one for one in chats if one.id == chat), None)
            return {
                "people": [{"id": one.open_id, "name": one.name} for one in sim.state.people.values()],
                "chats": [self._chat(one) for one in sorted(chats, key=_latest, reverse=True)],
                "messages": [self._message(one, person) for one in here.shown] if here else [],
                "traffic": self._traffic(),
                "faults": {name: self._left(name) for name in FAULTS},
                "alive": self.alive(),
                "connections": len(sim.wire.connections) if sim.deliveries.callback is None else None,
                "oddities": sim.oddities[-5:],
            }

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
        shown: Json = {
            "id": message.id,
            "from": sender.name if sender else state.bot_name,
            "mine": message.sender == reader,
            "bot": sender is None,
            "at": message.at.isoformat(),
            "edits": len(message.history),
            "pinned": message.pinned,
            "urgent": sorted({by for by, whom in message.urgent if whom == reader}),
            "text": "",
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

    def _traffic(self) -> list[Json]:
        calls = [_call(number, one) for number, one in enumerate(self.sim.requests) if one.status or one.fault]
        events = [
            _event(f"e{number}", one.event, "; ".join(one.problems) if one.problems != [""] else "")
            for number, one in enumerate(self.sim.deliveries.events)
            if one.problems
        ]
        clicks = [
            _event(f"k{number}", one.event, f"{one.problem} {one.why}" if one.problem else "") for number, one in enumerate(self._clicks)
        ]
        return sorted([*calls[-SHOWN:], *events[-SHOWN:], *clicks[-SHOWN:]], key=lambda one: str(one["at"]))[-SHOWN:]

    def file(self, key: str) -> bytes | None:
        found = self.sim.state.uploads.get(key)
        return found.content if found else None

    # What people do

    def says(self, person: str, chat: str, text: str, *, mention: bool) -> None:
        self.sim.person(person).says(chat, text, mention_bot=mention)

    def enters(self, person: str) -> Json:
        """Their chat with the bot, opened."""
        return {"chat": self.sim.person(person).enters().id}

    def touches(self, person: str, message: str, how: str, label: str, values: Mapping[str, Any]) -> Json:
        player, card = self.sim.person(person), self.sim.message(message)
        match how:
            case "tap":
                click = player.taps(card, label)
            case "pick":
                click = player.picks(card, label)
            case _:
                click = player.submits(card, label, values)
        self._clicks.append(click)
        return {"toast": click.toast, "kind": click.toast_type, "problem": click.problem, "why": click.why}

    # What goes wrong

    def breaks(self, name: str) -> None:
        """For a minute from now."""
        kind, seconds = FAULTS[name]
        fault = Fault(kind, ENDLESS, seconds=seconds, until=self.sim.clock() + MINUTE)
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


def _call(number: int, one: Recorded) -> Json:
    request = one.request
    body = request.body.decode("utf-8", "replace") if b"\0" not in request.body[:200] else f"({len(request.body)} bytes)"
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return {
        "id": f"r{number}",
        "way": "call",
        "at": request.at.isoformat(),
        "what": f"{request.method} {request.path.removeprefix('/open-apis')}",
        "answer": f"{one.status or '—'}{'' if one.code is None else f' · {one.code}'}",
        "bad": bool(one.fault or one.code),
        "fault": one.fault,
        "body": f"{request.method} {request.path}{'?' if query else ''}{query}\n\n{_pretty(body)}",
    }


def _event(number: str, event: Json, problem: str) -> Json:
    header = event["header"]
    stamp = int(header["create_time"])  # of a click in microseconds
    return {
        "id": number,
        "way": "event",
        "at": _iso(stamp / (1_000_000 if stamp > 10**14 else 1000)),
        "what": header["event_type"],
        "answer": problem or "ok",
        "bad": bool(problem),
        "fault": "",
        "body": _pretty(json.dumps(event, ensure_ascii=False)),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _pretty(body: str) -> str:
    """JSON laid out, and the JSON inside its strings as well."""
    try:
        values = json.loads(body)
        if isinstance(values, dict) and isinstance(values.get("content"), str):
            values["content"] = json.loads(values["content"])
        body = json.dumps(values, ensure_ascii=False, indent=1)
    except ValueError:
        pass
    return body if len(body) <= LONGEST else body[:LONGEST] + "\n…"


def page_app(stage: Stage) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # A page of the internet must not reach it under a name of its own; JSON bodies keep its forms out.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.get("/")
    def index() -> Response:
        return HTMLResponse(HTML.read_text("utf-8").replace("LOCALE", stage.locale).replace("TIMEZONE", stage.timezone))

    @app.get("/state")
    def state(person: str = "", chat: str = "") -> Response:
        return JSONResponse(stage.shown(person, chat))

    @app.get("/file/{key}")
    def file(key: str) -> Response:
        content = stage.file(key)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})

    @app.post("/do/{what}")
    async def do(what: str, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415)
        return await run_in_threadpool(_done, stage, what, await request.json())

    return app


def _done(stage: Stage, what: str, given: Json) -> Response:
    acts: Mapping[str, Callable[[], Json | None]] = {
        "say": lambda: stage.says(given["person"], given["chat"], given["text"], mention=bool(given.get("mention"))),
        "enter": lambda: stage.enters(given["person"]),
        **{how: partial(_touched, stage, how, given) for how in ("tap", "pick", "submit")},
        "fault": lambda: stage.breaks(given["name"]),
        "mend": stage.mends,
        "drop": stage.sim.drop_connections,
    }
    if what not in acts:
        raise HTTPException(404)
    try:
        return JSONResponse(acts[what]() or {})
    except AssertionError as error:  # what no person could do
        return JSONResponse({"error": str(error)}, 409)
    except KeyError as error:
        return JSONResponse({"error": f"unknown: {error}"}, 400)


def _touched(stage: Stage, how: str, given: Json) -> Json:
    return stage.touches(given["person"], given["message"], how, given["label"], given.get("values", {}))
