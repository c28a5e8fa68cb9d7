"""`make simulate PLATFORM=wecom`: a real server before the stand-in on real time, and the page by which people act."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.simulators.wecom.stage import Mode, running

T = TypeVar("T")


def soon(what: Callable[[], T | None]) -> T:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come")


@pytest.mark.parametrize("mode", ["ws", "http", "app", "robot"])
def test_an_incident_on_the_stage(tmp_path: Path, mode: Mode) -> None:
    with running(tmp_path / "simulate", mode) as now, httpx.Client(base_url=now.page, timeout=30, trust_env=False) as page:

        def do(what: str, **given: Any) -> dict[str, Any]:
            found: dict[str, Any] = page.post(f"/do/{what}", json={"person": "LiNa", **given}).json()
            return found

        def state(chat: str) -> dict[str, Any]:
            found: dict[str, Any] = page.get("/state", params={"person": "LiNa", "chat": chat}).json()
            return found

        direct = do("enter")["chat"]
        do("say", chat=direct, text="/事件 上报 行情中断")
        card = soon(lambda: next((one for one in state(direct)["messages"] if "行情中断" in str(one.get("card"))), None))
        assert card["bot"] is True
        assert "没有这个按钮" in do("tap", message=card["id"], label="没有这个按钮")["error"]
        shown = state(direct)
        assert (shown["alive"], shown["oddities"]) == (True, [])
        assert shown["connections"] == {"ws": 1, "robot": 1}.get(mode)
        assert "企业微信" in page.get("/").text
    assert now.process.returncode == 0, now.log.read_text("utf-8")
