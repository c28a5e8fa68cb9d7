"""`make simulate`: a real server before the stand-in on real time, and the page by which people act; as a smoke test, and in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM, a_browser
from tests.simulators.core.stage import Running
from tests.simulators.core.visitor import Visitor, soon
from tests.simulators.feishu.stage import running


@pytest.fixture
def now(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "simulate") as everything:
        yield everything
    assert everything.process.returncode == 0, everything.log.read_text("utf-8")
    with pytest.raises(httpx.TransportError):
        httpx.get(everything.page, trust_env=False)


def test_an_incident_on_the_stage(now: Running) -> None:
    with httpx.Client(base_url=now.page, timeout=30, trust_env=False) as page:
        lina = Visitor(page, "ou_lina")
        do, state = lina.do, lina.state
        direct = do("enter")["chat"]
        do("say", chat=direct, text="/事件 上报 行情中断")
        room = soon(lambda: next((one["id"] for one in state(direct)["chats"] if "行情中断" in one["name"]), None))
        card = soon(lambda: next((one for one in state(room)["messages"] if "card" in one), None))
        assert do("tap", message=card["id"], label="启动预案").get("toast")
        assert "没有这个按钮" in do("tap", message=card["id"], label="没有这个按钮")["error"]
        shown = state(room)
        assert {"POST /im/v1/messages", "im.message.receive_v1", "card.action.trigger"} <= {one["what"] for one in shown["traffic"]}
        assert (shown["alive"], shown["connections"], shown["oddities"]) == (True, 1, [])
        do("fault", name="outage")
        assert 50 < state(room)["faults"]["outage"] <= 60
        do("mend")
        assert state(room)["faults"]["outage"] == 0


def test_the_page_is_for_this_machine_only(now: Running) -> None:
    assert httpx.get(now.page, headers={"Host": "evil.example"}, trust_env=False).status_code == 400
    assert httpx.post(f"{now.page}/do/mend", content="{}", headers={"Content-Type": "text/plain"}, trust_env=False).status_code == 415


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)")
def test_in_a_browser(now: Running) -> None:
    with a_browser() as browser:
        page = browser.new_context(base_url=now.page, viewport={"width": 1360, "height": 860}).new_page()
        page.set_default_timeout(20_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto("/?as=ou_lina")
        page.locator("#words").fill("/事件 上报 行情中断")
        page.locator("#words").press("Enter")
        page.locator("#chats b", has_text="INC-").click()
        page.locator("#log .b", has_text="补首报").click()
        page.locator("#chats b", has_text="更夫").click()
        # Not the card that asked for it from the beginning, which has the same fields.
        form = page.locator("#log .card", has=page.locator(".head", has_text=re.compile("^补首报$"))).locator("form.f")
        form.get_by_label("系统", exact=True).fill("集中交易")
        form.locator(".b").click()
        clicks = page.locator("#lines summary", has_text="card.action.trigger")
        expect(clicks).to_have_count(2)
        clicks.last.click()
        expect(page.locator("#lines details[open] pre")).to_contain_text("集中交易")
        assert complaints == []
