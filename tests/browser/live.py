"""The whole bot before a real browser: road, worker, metronome and console over a real database, on a clock that can be pushed."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from sqlalchemy import or_
from sqlmodel import col, select

from bot.app import create_app
from bot.bootstrap import Parts, build, real_now
from bot.config import demo_settings
from handlers.core.wording import Locale
from storage.database import Database, Transaction
from storage.tables.queues import WAITING
from tests.ready import hasty, with_schema
from tests.world import QUEUES


@dataclass
class PushedClock:
    """The real time, and as much later as it was pushed."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return real_now() + self.ahead

    def push(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@dataclass(frozen=True)
class Live:
    url: str
    parts: Parts
    clock: PushedClock

    def rests(self) -> None:
        """Until all is handled and said that people and clocks have given the house to do."""
        give_up = time.monotonic() + 60
        while self.parts.database.read(self._busy):
            assert time.monotonic() < give_up, "the house does not come to rest"
            time.sleep(0.02)

    def _busy(self, tx: Transaction) -> bool:
        """What is due, and what somebody is at."""
        now = self.clock()
        return any(
            tx.exec(select(kind.id).where(kind.status == WAITING, or_(col(kind.due) <= now, col(kind.attempt) > 0)).limit(1)).first()
            for kind in QUEUES
        )


@contextmanager
def on_watch(folder: Path, locale: Locale = "zh", console: Literal["demo", "on"] = "demo") -> Iterator[Live]:
    """The demo in this process, on a free port of loopback, with its data in `folder`."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)  # whoever is faster than the server's start waits, as at `gengfu serve`
        port = listening.getsockname()[1]
        settings = replace(demo_settings(folder, {"GENGFU_PORT": str(port), "GENGFU_LOCALE": locale}), console=console)
        database = Database(settings.database_url.reveal())
        with_schema(database)
        database.close()
        clock = PushedClock()
        parts = build(settings, now=clock)
        hasty(parts.database)
        parts.worker.patience = timedelta(seconds=30)  # on a busy machine too nobody is told 「正在处理」
        server = uvicorn.Server(uvicorn.Config(create_app(parts), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Live(settings.public_url, parts, clock)
        finally:
            parts.pages.close()
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive(), "the server did not stop"


class Person:
    """Somebody who speaks and taps through the console's own routes, without a page: for the long tail of an incident."""

    def __init__(self, url: str, person: str) -> None:
        self.id = person
        self.direct = f"dm:{person}"
        self._client = httpx.Client(base_url=url, headers={"X-Gengfu-As": person}, timeout=30)
        self.rooms()  # as a page does on opening: the direct chat is there from now on

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def says(self, text: str, chat: str = "") -> dict[str, Any]:
        return self._post(chat or self.direct, "messages", {"kind": "text", "text": text})

    def taps(self, command: str, **fields: str) -> dict[str, Any]:
        """Tap the newest live button whose command line is `command`, its form filled in with `fields`."""
        for chat, message in self._newest_first():
            card = message["card"] or {"buttons": [], "menu": []}
            for button in (*card["buttons"], *card["menu"]):
                if button["command"] == command and message["state"] == "live":
                    click = {"command": command, "version": button["version"], "message_id": message["id"], "fields": fields}
                    return self._post(chat, "click", {"kind": "click", **click})
        raise AssertionError(f"{self.id} sees no button {command!r}")

    def rooms(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get("/console/rooms").raise_for_status().json()["rooms"]
        return found

    def messages(self, chat: str = "") -> list[dict[str, Any]]:
        path = f"/console/rooms/{chat or self.direct}/messages"
        found: list[dict[str, Any]] = self._client.get(path).raise_for_status().json()["messages"]
        return found

    def _newest_first(self) -> list[tuple[str, dict[str, Any]]]:
        found = [(room["id"], message) for room in self.rooms() for message in self.messages(room["id"])]
        return sorted(found, key=lambda one: str(one[1]["at"]), reverse=True)

    def _post(self, chat: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/console/rooms/{chat}/{path}", json={"id": os.urandom(8).hex(), "chat": chat, **body})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found
