"""`make simulate PLATFORM=wecom`: a real server before the stand-in on real time, and the page by which people act."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM, a_browser
from tests.simulators.core.visitor import Visitor, soon
from tests.simulators.wecom.stage import Mode, running


@pytest.mark.parametrize("mode", ["ws", "http", "app", "robot"])
def test_an_incident_on_the_stage(tmp_path: Path, mode: Mode) -> None:
    with running(tmp_path / "simulate", mode) as now, httpx.Client(base_url=now.page, timeout=30, trust_env=False) as page:
        lina = Visitor(page, "LiNa")
        do, state = lina.do, lina.state
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


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)")
def test_in_a_browser(tmp_path: Path) -> None:
    with running(tmp_path / "simulate", "ws") as now, a_browser() as browser:
        page = browser.new_context(base_url=now.page, viewport={"width": 1360, "height": 860}).new_page()
        page.set_default_timeout(20_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto("/?as=LiNa")
        page.locator("#words").fill("/事件 上报 行情中断")
        page.locator("#words").press("Enter")
        open_questions = page.locator("#log .card", has=page.locator(".head", has_text="待判断"))
        open_questions.locator("select").select_option("是:涉嫌犯罪")
        open_questions.get_by_text("执行", exact=True).click()
        expect(page.locator("#lines summary", has_text="app template_card_event")).to_have_count(1)
        page.locator("#chats b", has_text="行情中断").click()
        page.locator("#invite").click()
        expect(page.locator("#invite")).to_be_hidden()
        page.locator("#words").fill("/事件 绑定 I1")
        page.locator("#words").press("Enter")
        expect(page.locator("#log .bubble", has_text="已关联")).to_be_visible()
        assert complaints == []
