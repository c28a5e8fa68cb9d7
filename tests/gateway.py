"""The firm's SMS and voice gateway on loopback: it checks signatures, hands in no id twice, and reports what people press."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import httpx

from bot.platforms.sms import signature

SECRET = "of-the-gateway"


@dataclass
class Handed:
    id: str
    kind: str
    to: str
    text: str


@dataclass
class Gateway:
    """`away`: it answers 503 to everything · `loses`: so many of its answers come to nothing."""

    url: str = ""
    handed: list[Handed] = field(default_factory=list)
    repeats: int = 0
    away: bool = False
    loses: int = 0
    _numbers: Any = field(default_factory=count)

    def to(self, number: str, kind: str = "") -> list[Handed]:
        digits = number.replace(" ", "")
        return [one for one in self.handed if one.to == digits and kind in ("", one.kind)]

    def take(self, stamp: str, signed: str, body: bytes) -> int:
        if signed != signature(SECRET, stamp, body):
            return 401
        if self.away:
            return 503
        given = Handed(**json.loads(body))
        if any(one.id == given.id for one in self.handed):
            self.repeats += 1
        else:
            self.handed.append(given)
        if self.loses:
            self.loses -= 1
            return 0
        return 202

    def reports(self, bot: str, now: Callable[[], datetime], *, secret: str = SECRET, event: str = "", **what: str) -> httpx.Response:
        """What somebody pressed or wrote, told to the bot."""
        body = json.dumps({"event": event or f"e{next(self._numbers)}", **what}, ensure_ascii=False).encode()
        stamp = str(int(now().timestamp()))
        headers = {"X-Gengfu-Timestamp": stamp, "X-Gengfu-Signature": signature(secret, stamp, body)}
        with httpx.Client(trust_env=False, timeout=20) as http:
            return http.post(f"{bot}/callbacks/sms/answer", content=body, headers=headers)


class _Server(ThreadingHTTPServer):
    gateway: Gateway


class _Takes(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.gateway.take(self.headers["X-Gengfu-Timestamp"], self.headers["X-Gengfu-Signature"], body)
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def gateway_on_loopback() -> Iterator[Gateway]:
    with _Server(("127.0.0.1", 0), _Takes) as server:
        server.gateway = Gateway(f"http://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.gateway
        finally:
            server.shutdown()
            thread.join()
