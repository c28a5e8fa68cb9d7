"""Receivers of publications on loopback: a site that takes webhooks by the code printed in the guide, a mail server that can fail."""

import json
import re
import threading
import time
from asyncio import WriteTransport
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.letterbox import free_port

GUIDE = Path(__file__).parents[1] / "docs/guide/publishing.md"
SECRET = "of-the-site"
#: Given for a fault: (status, headers, body).
Fault = tuple[int, dict[str, str], bytes]


def printed(guide: Path = GUIDE) -> dict[str, Any]:
    """What the guide's Python defines: `verified` and `take`."""
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(block, found)
    return found


@dataclass
class Site:
    """`faults`: one for each request that comes, in order: an answer, or a word (see `Takes`); none left: all is well.

    `published`: what the world can read, in order; what came is in `asked`, what was refused in `refused`.
    """

    url: str = ""
    faults: list[str | Fault] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=lambda: [SECRET])
    path: str = "/notices?token=not-to-be-logged"
    open: threading.Event = field(default_factory=threading.Event)
    on: Callable[[str], None] = lambda what: None
    _receipts: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _code: dict[str, Any] = field(default_factory=printed)

    def take(self, headers: Any, body: bytes) -> Fault:
        try:
            with self._lock:
                answer = self._code["take"](headers, body, self.secrets, self._receipts, self._publish)
        except (PermissionError, ValueError) as error:
            self.refused.append(str(error))
            return (401 if isinstance(error, PermissionError) else 422), {}, json.dumps({"error": str(error)}).encode()
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def _publish(self, piece: dict[str, Any]) -> str:
        self.published.append(piece)
        return f"notice-{len(self.published)}"

    def forget(self) -> None:
        for one in (self.faults, self.published, self.asked, self.refused, self._receipts):
            one.clear()

    @property
    def texts(self) -> list[bytes]:
        return [piece["text"].encode() for piece in self.published]

    @property
    def keys(self) -> set[str]:
        return {one["Idempotency-Key"] for one in self.asked}


class _Server(ThreadingHTTPServer):
    site: Site
    daemon_threads = True


class Takes(BaseHTTPRequestHandler):
    """Faults: `hang` takes nothing and says nothing · `drop` cuts the line before the text is taken · `lost` takes it, and its answer
    is lost · `late` takes it and answers after a while."""

    server: _Server

    def do_POST(self) -> None:
        site, body = self.server.site, self.rfile.read(int(self.headers["Content-Length"]))
        site.asked.append(dict(self.headers))
        fault = site.faults.pop(0) if site.faults else ""
        site.on("asked")
        if fault == "hang":
            site.open.wait(60)
        if fault in ("hang", "drop"):
            self.close_connection = True
            return
        status, headers, said = fault if isinstance(fault, tuple) else site.take(self.headers, body)
        site.on("taken")
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "late":
            time.sleep(0.6)
        with suppress(OSError):
            self._answer(status, headers, said)

    def _answer(self, status: int, headers: dict[str, str], said: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def site_on_loopback(port: int = 0, handler: type[Takes] = Takes) -> Iterator[Site]:
    with _Server(("127.0.0.1", port), handler) as server:
        server.site = Site()
        server.site.url = f"http://127.0.0.1:{server.server_port}{server.site.path}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.site
        finally:
            server.site.open.set()
            server.shutdown()
            thread.join()


@dataclass
class PressOffice:
    """`refuses`: address -> what is said to it, once for each entry · `answers`: what is said to a text instead of taking it · `loses`: so
    many answers to texts that were taken."""

    port: int = 0
    refuses: dict[str, list[str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    loses: int = 0
    letters: list[tuple[str, EmailMessage]] = field(default_factory=list)
    on: Callable[[str], None] = lambda what: None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if said := self.refuses.get(address):
            return said.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.on("asked")
        if self.answers:
            return self.answers.pop(0)
        letter = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.extend((to, letter) for to in envelope.rcpt_tos)
        self.on("taken")
        if self.loses:
            self.loses -= 1
            assert isinstance(server.transport, WriteTransport)
            server.transport.abort()
        return "250 taken"

    @property
    def got(self) -> Counter[str]:
        return Counter(to for to, _ in self.letters)

    @property
    def bodies(self) -> set[bytes]:
        found = {letter.get_payload(decode=True) for _, letter in self.letters}
        assert all(isinstance(one, bytes) for one in found)
        return found  # type: ignore[return-value]  # just looked at


@contextmanager
def press_office() -> Iterator[PressOffice]:
    office = PressOffice(free_port())
    controller = Controller(office, hostname="127.0.0.1", port=office.port)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
