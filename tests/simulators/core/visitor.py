"""Somebody before the page of `make simulate`, for the tests of the stages."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


class Visitor:
    """`person`: who they are there."""

    def __init__(self, page: httpx.Client, person: str) -> None:
        self._page = page
        self._person = person

    def do(self, what: str, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._page.post(f"/do/{what}", json={"person": self._person, **given}).json()
        return found

    def state(self, chat: str) -> dict[str, Any]:
        found: dict[str, Any] = self._page.get("/state", params={"person": self._person, "chat": chat}).json()
        return found


def soon(what: Callable[[], T | None]) -> T:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come")
