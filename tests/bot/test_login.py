"""Logging in by a link: who gets in, who does not, and what stands in the trail afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from storage.tables.audit import AuditRow
from tests.bot.web_world import Browser, House, hidden, made
from tests.make import Clock


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


def trail(house: House, person: str) -> list[tuple[str, dict[str, Any]]]:
    chain = select(AuditRow).where(AuditRow.record_ref == f"P:{person}").order_by(AuditRow.version)  # type: ignore[arg-type]
    return house.parts.database.read(lambda tx: [(row.verb, row.details) for row in tx.exec(chain)])


def reasons(house: House, person: str) -> list[str]:
    return [details["reason"] for verb, details in trail(house, person) if verb == "refused"]


def inside(browser: Browser) -> bool:
    return browser.get("/me").status_code == 200


def test_the_walk_from_the_chat_to_the_board_and_out_again(house: House) -> None:
    browser = house.browser()
    assert browser.get("/me").status_code == 401
    link = house.link("li.na")
    page = browser.get(link)
    assert "以 李娜 登录" in page.text
    answer = browser.post(link, hidden(page.text))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "我的登录" in browser.get("/").text
    assert "Chrome · Windows" in browser.get("/me").text
    house.settle()
    assert "你已在网页登录:Chrome · Windows" in house.told("li.na")[-1]
    assert browser.post("/logout", hidden(browser.get("/me").text)).status_code == 303
    assert not inside(browser)
    assert [verb for verb, _ in trail(house, "li.na")] == ["login_asked", "logged_in", "session_ended"]
