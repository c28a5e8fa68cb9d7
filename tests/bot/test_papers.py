"""Papers are saved from an address of ours, by who is logged in and may; a messenger is given a link, the console the file itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.platforms.core.contract import Can, Edit, Send
from handlers.core.message import Card, Filed, Link, Outgoing
from tests.bot.web_world import House, made
from tests.make import Clock

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


@pytest.fixture
def drafted(house: House) -> str:
    """The id of a paper that 李娜 had made."""
    house.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    house.says("li.na", "/定级 证监会=较大 阅读=120万")
    house.says("li.na", "/报送 起草 R2")
    return "R2-1"


def test_a_paper_is_saved_by_who_is_logged_in_and_may(house: House, drafted: str) -> None:
    saved = house.logged_in("li.na").get(f"/papers/{drafted}")
    assert (saved.status_code, saved.headers["content-type"]) == (200, DOCX)
    assert saved.content.startswith(b"PK\x03\x04")
    assert saved.headers["content-disposition"].startswith("attachment; filename*=UTF-8''INC-")
    assert house.logged_in("guo.ping").get(f"/papers/{drafted}").content == saved.content


def test_nobody_else_gets_it_or_learns_that_it_is_there(house: House, drafted: str) -> None:
    stranger = house.browser().get(f"/papers/{drafted}")
    assert (stranger.status_code, b"PK" in stranger.content[:4]) == (401, False)
    without_part = house.logged_in("xu.jing")
    hidden, none = (without_part.get(f"/papers/{one}") for one in (drafted, "R99-1"))
    assert (hidden.status_code, none.status_code) == (404, 404)
    assert hidden.text == none.text
    assert without_part.get("/papers/../secret").status_code == 404


def test_the_console_shows_the_file_and_other_messengers_get_a_link(house: House) -> None:
    sender, paper = house.parts.worker.sender, Filed("R2-1", "INC 报告书.docx", 41_000)
    cards = Outgoing("待签发", Card("R2"), files=(paper,))
    assert sender._handed("console", Send(cards, person="li.na")) == Send(cards, person="li.na")
    sender.platforms = {**sender.platforms, "elsewhere": Elsewhere()}  # type: ignore[dict-item]  # asked for what it can, and nothing else
    link = Link(paper.name, f"{house.parts.settings.public_url}/papers/R2-1")
    plain = sender._handed("elsewhere", Send(Outgoing("已生成", files=(paper,)), chat="c"))
    assert plain == Send(Outgoing("已生成", link=link), chat="c")
    card = sender._handed("elsewhere", Edit("c", "m", cards))
    assert card == Edit("c", "m", Outgoing("待签发", replace(Card("R2"), link=link)))


class Elsewhere:
    """A messenger whose cloud is not ours."""

    name = "elsewhere"
    can = Can(cards=True, files=True)


def test_in_the_demo_it_is_saved_as_whom_one_names(tmp_path: Path) -> None:
    house = made(tmp_path, Clock(), GENGFU_CONSOLE="demo")
    try:
        house.says("li.na", "/事件 上报 类型=系统故障 集中交易中断")
        house.says("li.na", "/事件 总结")
        browser = house.browser()
        assert browser.get("/papers/I1-1?as=li.na").status_code == 200
        assert browser.get("/console/files/I1-1?as=li.na").status_code == 200
        assert browser.get("/papers/I1-1?as=xu.jing").status_code == 404
        assert browser.get("/papers/I1-1").status_code == 401
        assert browser.get("/papers/I1-1?as=nobody").status_code == 401
    finally:
        house.parts.close()
