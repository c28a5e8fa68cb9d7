"""Every platform passes the one contract."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Done, Hear, Platform
from bot.platforms.feishu.adapter import Feishu
from bot.platforms.feishu.inbound import Secrets
from bot.platforms.mail import Mail, Mailbox
from bot.platforms.sms import Sms, signature
from storage.database import Database
from storage.rooms import Rooms
from tests.browser.console_world import create_tables
from tests.letterbox import Letterbox
from tests.platforms.contract import PlatformContract, Stand
from tests.platforms.test_feishu_outbound import LABELS, Memory
from tests.simulators.feishu import Sim

NOW = datetime(2026, 3, 10, 1, 41, tzinfo=UTC)
STAFF = ("li.na", "wu.di")


class ConsoleStand(Stand):
    person, other, chat = "li.na", "wu.di", "g:office"

    def __init__(self, database: Database) -> None:
        self.rooms = Rooms(database, lambda text: text, lambda: NOW)
        self.rooms.create("office", "应急办", STAFF)
        self._console = Console(self.rooms, STAFF.__contains__, lambda: NOW)

    def platform(self) -> Platform:
        return self._console

    def do(self, deed: Deed, key: str) -> Done:
        return asyncio.run(self._console.do(deed, key))

    def seen(self) -> list[str]:
        lines = [line for room in self.rooms.rooms_of("li.na") for line in self.rooms.messages(room.id, "li.na", 0, 100).lines]
        return [line.text + json.dumps(line.body or {}, ensure_ascii=False) for line in lines if line.state == "live"]

    def rang(self) -> int:
        return sum(
            len(line.mentions) for room in self.rooms.rooms_of("li.na") for line in self.rooms.messages(room.id, "li.na", 0, 9).lines
        )


class TestConsole(PlatformContract):
    @pytest.fixture
    def stand(self, tmp_path: Path) -> Iterator[Stand]:
        database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
        create_tables(database)
        yield ConsoleStand(database)
        database.close()


class FeishuStand(Stand):
    person, other, chat = "ou_lina", "ou_wudi", "oc_room"

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self._shelf = Memory(sim.clock)

    def _made(self, http: httpx.AsyncClient) -> Feishu:
        secrets = Secrets(self.sim.state.app_id, "encrypt", "token", self.sim.state.tenant)
        return Feishu(secrets, self.sim.state.app_secret, http, self._shelf, LABELS, self.sim.clock, "http")

    def platform(self) -> Platform:
        return self._made(httpx.AsyncClient(base_url=self.sim.url, trust_env=False))

    def do(self, deed: Deed, key: str) -> Done:
        async def work() -> Done:
            async with httpx.AsyncClient(base_url=self.sim.url, timeout=5, trust_env=False) as http:
                return await self._made(http).do(deed, key)

        self.sim.clock.push(seconds=2)
        return asyncio.run(work())

    def listens(self, hear: Hear) -> None:
        async def work() -> None:
            async with httpx.AsyncClient(base_url=self.sim.url, timeout=5, trust_env=False) as http:
                await asyncio.wait_for(self._made(http).listen(hear), 5)

        asyncio.run(work())

    def seen(self) -> list[str]:
        return [message.text for message in self.sim.said if not message.recalled]

    def opened_by(self, address: str) -> str:
        return self.sim.person(self.person).follows(address).id

    def rang(self) -> int:
        return sum(len(message.mentioned) for message in self.sim.said)


class TestFeishu(PlatformContract):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with Sim() as sim:
            sim.add_person("ou_lina", "李娜")
            sim.add_person("ou_wudi", "吴迪")
            sim.add_chat("应急办", ("ou_lina", "ou_wudi"), chat_id="oc_room")
            yield FeishuStand(sim)


class MailStand(Stand):
    person = "li.na@example.com"

    def __init__(self, box: Letterbox, port: int) -> None:
        self.box = box
        mailbox = Mailbox("127.0.0.1", port, tls=False, user="", password="", sender="gengfu@example.com")
        self._mail = Mail(mailbox, Memory(lambda: NOW), "更夫", lambda: NOW)

    def platform(self) -> Platform:
        return self._mail

    def do(self, deed: Deed, key: str) -> Done:
        return asyncio.run(self._mail.do(deed, key))

    def seen(self) -> list[str]:
        return self.box.to(self.person)


class TestMail(PlatformContract):
    @pytest.fixture
    def stand(self, letterbox: tuple[Letterbox, int]) -> Stand:
        return MailStand(*letterbox)


SECRET = "of-the-gateway"


class Gateway(ThreadingHTTPServer):
    """The firm's gateway: checks the signature, and sends nothing twice."""

    texts: dict[str, str]


class _Takes(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        right = self.headers["X-Gengfu-Signature"] == signature(SECRET, self.headers["X-Gengfu-Timestamp"], body)
        if right:
            given = json.loads(body)
            self.server.texts.setdefault(given["id"], given["text"])
        self.send_response(202 if right else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class SmsStand(Stand):
    person = "+86 138 0000 0003"

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._shelf = Memory(lambda: NOW)

    def _made(self, http: httpx.AsyncClient) -> Sms:
        return Sms(f"http://127.0.0.1:{self.gateway.server_port}/hook", SECRET, http, self._shelf, lambda: NOW)

    def platform(self) -> Platform:
        return self._made(httpx.AsyncClient(trust_env=False))

    def do(self, deed: Deed, key: str) -> Done:
        async def work() -> Done:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
                return await self._made(http).do(deed, key)

        return asyncio.run(work())

    def seen(self) -> list[str]:
        return list(self.gateway.texts.values())


class TestSms(PlatformContract):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with Gateway(("127.0.0.1", 0), _Takes) as gateway:
            gateway.texts = {}
            thread = threading.Thread(target=gateway.serve_forever)
            thread.start()
            yield SmsStand(gateway)
            gateway.shutdown()
            thread.join()
