"""`make simulate PLATFORM=all`: one server before all the stand-ins; people are written to where they act, and go on on another."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.simulators.all.stage import running
from tests.simulators.core.visitor import Visitor, soon
from tests.simulators.feishu.stage import Mode

LINA = {"Feishu": "ou_lina", "WeCom": "LiNa", "DingTalk": "lina"}


@pytest.mark.parametrize("mode", ["ws", "http"])
def test_an_incident_on_all_stages(tmp_path: Path, mode: Mode) -> None:
    with running(tmp_path / "simulate", mode) as now, ExitStack() as pages:
        lina = {
            name: Visitor(pages.enter_context(httpx.Client(base_url=page, timeout=30, trust_env=False)), LINA[name])
            for name, page in now.pages.items()
        }
        direct = {name: visitor.do("enter")["chat"] for name, visitor in lina.items()}
        lina["WeCom"].do("say", chat=direct["WeCom"], text="/帮助")
        soon(lambda: [one for one in lina["WeCom"].state(direct["WeCom"])["messages"] if one["bot"] and "上报" in str(one)])
        lina["DingTalk"].do("say", chat=direct["DingTalk"], text="/事件 上报 行情中断")
        soon(lambda: [one for one in lina["DingTalk"].state(direct["DingTalk"])["chats"] if "行情中断" in one["name"]])
        soon(lambda: [one for one in lina["DingTalk"].state(direct["DingTalk"])["messages"] if "INC-" in str(one)])
        lina["Feishu"].do("say", chat=direct["Feishu"], text="/事件 列表")
        soon(lambda: [one for one in lina["Feishu"].state(direct["Feishu"])["messages"] if one["bot"] and "行情中断" in str(one)])
        shown = {name: visitor.state(direct[name]) for name, visitor in lina.items()}
        assert {name: one["oddities"] for name, one in shown.items()} == {"Feishu": [], "WeCom": [], "DingTalk": []}
        assert {one["connections"] for one in shown.values()} == {1 if mode == "ws" else None}
    assert now.process.returncode == 0, now.log.read_text("utf-8")
