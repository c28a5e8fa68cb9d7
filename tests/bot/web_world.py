"""The application with a login, without a socket: browsers that keep cookies, and the bot's loops turned by hand."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from bot.app import create_app
from bot.bootstrap import Parts, build
from bot.config import read_settings
from handlers.core.message import Message, Reply
from storage.database import Database
from tests.make import Clock
from tests.ready import hasty, with_schema

KEY = "S0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0U="

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1"
_LINK = re.compile(r"https?://\S+/(?:login|f)/[A-Za-z0-9_-]+")
_NUMBERS = count(1)


@dataclass
class House:
    parts: Parts
    clock: Clock
    app: Any = None

    def __post_init__(self) -> None:
        self.app = create_app(self.parts)

    def says(self, person: str, text: str, chat: str = "") -> Reply:
        """What somebody types to the bot on the console; then the loops run until nothing is due."""
        room = chat or self.parts.rooms.direct(person)
        kind = "direct" if room.startswith("dm:") else "group"
        event = f"{person}:typed-{next(_NUMBERS):04}"
        message = Message("console", event, "text", room, kind, person, text, self.clock(), addressed=True)  # type: ignore[arg-type]
        reply = self.parts.road.ask(message)
        self.settle()
        return reply

    def settle(self) -> None:
        async def turn() -> None:
            worker = self.parts.worker
            while any([await worker.inbox_turn(), await worker.timer_turn(), await worker.work_turn(), await worker.outbox_turn()]):
                pass

        asyncio.run(turn())

    def told(self, person: str) -> list[str]:
        """The bot's words in somebody's direct chat, the oldest first."""
        room = self.parts.rooms.direct(person)
        return [line.text for line in self.parts.rooms.messages(room, person, 0, 1000).lines if not line.author]

    def link(self, person: str) -> str:
        """Ask for a login link and read it where the bot sent it: the path of its address."""
        assert self.says(person, "/login").error is None
        return link_in(next(text for text in reversed(self.told(person)) if "/login/" in text))

    def browser(self, agent: str = CHROME, address: str = "10.1.1.1") -> "Browser":
        return Browser(self, agent, address)

    def logged_in(self, person: str, agent: str = CHROME) -> "Browser":
        browser = self.browser(agent)
        assert browser.logs_in(self.link(person)).status_code == 303
        return browser


def link_in(text: str) -> str:
    (address,) = (str(found) for found in _LINK.findall(text))
    return "/" + address.split("/", 3)[3]


@dataclass
class Browser:
    house: House
    agent: str = CHROME
    address: str = "10.1.1.1"
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)
    """every Set-Cookie header of the last answer"""

    @property
    def base(self) -> str:
        return self.house.parts.settings.public_url

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.request("GET", path, headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        return self.request("POST", path, {"origin": self.base, **headers}, data=dict(form))

    def request(self, method: str, path: str, headers: Mapping[str, str] = {}, **given: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.house.app, raise_app_exceptions=False, client=(self.address, 1))
            async with httpx.AsyncClient(transport=transport, base_url=self.base, cookies=self.cookies) as client:
                return await client.request(method, path, headers={"user-agent": self.agent, **headers}, **given)

        answer = asyncio.run(ask())
        self.set_cookies = answer.headers.get_list("set-cookie")
        for one in self.set_cookies:
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if value.strip('"'):
                self.cookies[name] = value
        return answer

    def says(self, room: str, said: Mapping[str, str]) -> httpx.Response:
        """Typed in the console; on a busy machine asked for again (the same event) until it is decided."""
        while (answer := self.request("POST", f"/console/rooms/{room}/messages", json=dict(said))).status_code == 202:
            pass
        return answer

    def logs_in(self, link: str) -> httpx.Response:
        """Open the link and press the page's one button."""
        return self.post(link, hidden(self.get(link).text))

    def presses(self, action: str, value: str = "", page: str = "/me") -> httpx.Response:
        """A button of the page, with what it carries, or with what was typed beside it."""
        return self.post(action, hidden(self.get(page).text) | {"value": value})


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page's first form."""
    form = page.partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def made(folder: Path, clock: Clock, **environment: str) -> House:
    (folder / "app").mkdir(parents=True)
    url = f"sqlite:///{folder / 'app' / 'gengfu.db'}"
    with_schema(Database(url)).close()
    values = {
        "GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY,
        "GENGFU_CONSOLE": "on",
    }  # fmt: skip
    parts = build(read_settings(values | environment, None), now=clock)
    hasty(parts.database)
    parts.worker.sender.lot_limit = None  # what was said has been said when a turn is over
    parts.worker.patience = timedelta(seconds=30)  # on a busy machine too nobody is told 「正在处理」
    return House(parts, clock)
