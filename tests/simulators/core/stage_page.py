"""The page of `make simulate`: what each person sees of the messenger, what they can do there, and the raw traffic beside it."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.simulators.core.clock import Clock
from tests.simulators.core.faults import Fault, Faults, Kind, Recorded

Json = dict[str, Any]
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


class Standing(Protocol):
    """Of a stand-in, what every page needs."""

    @property
    def clock(self) -> Clock: ...

    @property
    def faults(self) -> Faults: ...

    @property
    def oddities(self) -> list[str]: ...

    @property
    def requests(self) -> list[Recorded]: ...

    def drop_connections(self) -> None: ...


class Stage(ABC):
    """`alive`: whether the server still runs."""

    platform: Mapping[str, str]
    """what the messenger is called, by language"""
    first: str
    """whose eyes the page opens with"""

    def __init__(self, standing: Standing, lock: threading.RLock, locale: str, timezone: str, alive: Callable[[], bool]) -> None:
        self.locale = locale
        self.timezone = timezone
        self.alive = alive
        self._standing = standing
        self._lock = lock
        self._faults: dict[str, Fault] = {}

    # What is to be seen

    @abstractmethod
    def people(self) -> list[Json]:
        """Each with id and name."""

    @abstractmethod
    def chats(self, person: str) -> list[Json]:
        """id, name, direct, count, last; the newest first."""

    @abstractmethod
    def messages(self, person: str, chat: str) -> list[Json]: ...

    @abstractmethod
    def events(self) -> list[Json]:
        """What the platform has sent, as `told`."""

    @abstractmethod
    def connections(self) -> int | None:
        """How many long ones stand; None where there is none."""

    @abstractmethod
    def file(self, key: str) -> bytes | None: ...

    @abstractmethod
    def acts(self, given: Json) -> Mapping[str, Callable[[], Json | None]]:
        """What people can do: say, enter, tap and the like."""

    def shown(self, person: str, chat: str) -> Json:
        with self._lock:
            calls = [call(number, one) for number, one in enumerate(self._standing.requests) if one.status or one.fault]
            chats = self.chats(person)
            return {
                "people": self.people(),
                "chats": chats,
                "messages": self.messages(person, chat) if chat in {one["id"] for one in chats} else [],
                "traffic": sorted([*calls[-SHOWN:], *self.events()[-2 * SHOWN :]], key=lambda one: str(one["at"]))[-SHOWN:],
                "faults": {name: self._left(name) for name in FAULTS},
                "alive": self.alive(),
                "connections": self.connections(),
                "oddities": self._standing.oddities[-5:],
            }

    def page(self) -> str:
        words = {"LOCALE": self.locale, "TIMEZONE": self.timezone, "PLATFORM": self.platform[self.locale], "FIRST": self.first}
        html = HTML.read_text("utf-8")
        for name, word in words.items():
            html = html.replace(name, word)
        return html

    # What is done

    def do(self, what: str, given: Json) -> Json | None:
        acts: Mapping[str, Callable[[], Json | None]] = {
            "fault": lambda: self.breaks(given["name"]),
            "mend": self.mends,
            "drop": self._standing.drop_connections,
            **self.acts(given),
        }
        if what not in acts:
            raise HTTPException(404)
        return acts[what]()

    def breaks(self, name: str) -> None:
        """For a minute from now."""
        kind, seconds = FAULTS[name]
        fault = Fault(kind, ENDLESS, seconds=seconds, until=self._standing.clock() + MINUTE)
        self._faults[name] = fault
        self._standing.faults.planned.setdefault("*", []).append(fault)

    def mends(self) -> None:
        self._standing.faults.clear()
        self._faults.clear()

    def _left(self, name: str) -> int:
        fault = self._faults.get(name)
        return max(0, int((fault.until - self._standing.clock()).total_seconds()) + 1) if fault and fault.until else 0


def bubble(message_id: str, by: str, at: datetime, *, mine: bool, bot: bool, edits: int) -> Json:
    """A message as the page draws it, without what it says."""
    who = {"id": message_id, "from": by, "mine": mine, "bot": bot}
    return {**who, "at": at.isoformat(), "edits": edits, "pinned": False, "urgent": [], "text": ""}


def call(number: int, one: Recorded) -> Json:
    """A request of the product, as a line of the traffic."""
    request = one.request
    body = request.body.decode("utf-8", "replace") if b"\0" not in request.body[:200] else f"({len(request.body)} bytes)"
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return {
        "id": f"r{number}",
        "way": "call",
        "at": request.at.isoformat(),
        "what": f"{request.method} {request.path.removeprefix('/open-apis').removeprefix('/cgi-bin').removeprefix('/v1.0')}",
        "answer": f"{one.status or '—'}{'' if one.code is None else f' · {one.code}'}",
        "bad": bool(one.fault or one.code),
        "fault": one.fault,
        "body": f"{request.method} {request.path}{'?' if query else ''}{query}\n\n{pretty(body)}",
    }


def told(number: str, at: datetime, what: str, event: Json, problem: str, way: str = "event") -> Json:
    """What the platform has sent, as a line of the traffic."""
    body = pretty(json.dumps(event, ensure_ascii=False))
    answer, when = problem or "ok", at.astimezone(UTC).isoformat()
    return {"id": number, "way": way, "at": when, "what": what, "answer": answer, "bad": bool(problem), "fault": "", "body": body}


def pretty(body: str) -> str:
    """JSON laid out, and the JSON inside its strings as well."""
    try:
        values = json.loads(body)
        for name in ("content", "msgParam"):
            if isinstance(values, dict) and isinstance(values.get(name), str):
                values[name] = json.loads(values[name])
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
        return HTMLResponse(stage.page())

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
    try:
        return JSONResponse(stage.do(what, given) or {})
    except AssertionError as error:  # what no person could do
        return JSONResponse({"error": str(error)}, 409)
    except KeyError as error:
        return JSONResponse({"error": f"unknown: {error}"}, 400)
