"""`make simulate PLATFORM=dingtalk`: a real server before the stand-in on real time, and the page by which people act."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM, a_browser
from tests.simulators.core.visitor import Visitor, soon
from tests.simulators.dingtalk.stage import Mode, running


@pytest.mark.parametrize("mode", ["stream", "http"])
def test_an_incident_on_the_stage(tmp_path: Path, mode: Mode) -> None:
    with running(tmp_path / "simulate", mode) as now, httpx.Client(base_url=now.page, timeout=30, trust_env=False) as page:
        lina = Visitor(page, "lina")
        do, state = lina.do, lina.state
        direct = do("enter")["chat"]
        do("say", chat=direct, text="/事件 上报 行情中断")
        room = soon(lambda: next((one["id"] for one in state(direct)["chats"] if "行情中断" in one["name"]), None))
        card = soon(lambda: next((one for one in state(room)["messages"] if "card" in one), None))
        label = next(one["text"]["content"] for one in card["card"]["body"]["elements"] if one["tag"] == "button")
        assert do("tap", message=card["id"], label=label) == {"toast": "", "kind": "", "problem": "", "why": ""}
        assert "没有这个按钮" in do("tap", message=card["id"], label="没有这个按钮")["error"]
        shown = state(room)
        seen = {one["what"] for one in shown["traffic"]}
        assert {"POST /card/instances/createAndDeliver", "robot · text", "card · actionCallback"} <= seen
        assert (shown["alive"], shown["oddities"]) == (True, [])
        assert shown["connections"] == {"stream": 1}.get(mode)
    assert now.process.returncode == 0, now.log.read_text("utf-8")


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)")
def test_in_a_browser(tmp_path: Path) -> None:
    with running(tmp_path / "simulate", "stream") as now, a_browser() as browser:
        page = browser.new_context(base_url=now.page, viewport={"width": 1360, "height": 860}).new_page()
        page.set_default_timeout(20_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto("/?as=lina")
        expect(page.locator("h1")).to_have_text("更夫 · 钉钉模拟")
        page.locator("#words").fill("/事件 上报 行情中断")
        page.locator("#words").press("Enter")
        page.locator("#chats b", has_text="INC-").click()
        page.locator("#log .card .b").first.click()
        clicks = page.locator("#lines summary", has_text="actionCallback")
        expect(clicks).to_have_count(1)
        clicks.last.click()
        expect(page.locator("#lines details[open] pre")).to_contain_text(re.compile("outTrackId"))
        assert complaints == []
