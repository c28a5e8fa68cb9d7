"""`make simulate PLATFORM=wecom`: a real server before the stand-in on real time, and the page by which people act."""

from pathlib import Path

import httpx
import pytest

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
