"""The main job on Feishu, over callbacks and again over the long connection, before a stand-in that lets no mistake pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feishu_firm import Firm, Mode, firm_on_feishu


@pytest.fixture(params=["http", "ws"])
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    mode: Mode = request.param
    with firm_on_feishu(tmp_path, mode) as firm:
        yield firm
        assert firm.sim.oddities == []


def test_from_bare_opening_to_closed(firm: Firm) -> None:
    said = firm.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    assert "I1" in said
    print(said)
    for message in firm.seen_by("li.na"):
        print("----", message.chat[:8], message.text)
