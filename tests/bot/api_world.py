"""A program before the door: a token of somebody, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from storage.tokens import SCOPES, Scope, Token
from tests.bot.web_world import Browser, House

_NUMBERS = count(1)


@dataclass
class Program:
    browser: Browser
    secret: str
    token: Token

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.browser.request("GET", path, self.auth, params=query)

    def post(self, path: str, body: Mapping[str, Any], key: str = "") -> httpx.Response:
        return self.browser.request("POST", path, self.auth | ({"idempotency-key": key} if key else {}), json=body)

    def says(self, text: str, chat: str | None = None, key: str = "") -> httpx.Response:
        return self.post("/api/v1/commands", {"chat": chat, "text": text}, key)

    def alerts(self, **given: Any) -> httpx.Response:
        return self.post("/ingest/alert", given)

    @property
    def auth(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}


def program(house: House, person: str, *scopes: Scope, days: int = 30, address: str = "10.2.2.2") -> Program:
    secret = f"gengfu_token-of-{person}-{next(_NUMBERS)}"
    token = house.parts.tokens.make(secret, person, scopes or SCOPES, timedelta(days=days), "test")
    return Program(house.browser("curl/8", address), secret, token)


def asked(house: House, secret: str, path: str = "/api/v1/incidents", address: str = "10.2.2.2") -> httpx.Response:
    return house.browser("curl/8", address).request("GET", path, {"authorization": f"Bearer {secret}"})
