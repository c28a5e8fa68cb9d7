"""The walk of a login on a phone, in both languages: from the chat to the board, a code generator, an approval's form, out again."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from handlers.core.message import Button, Field, Message
from handlers.core.wording import Locale
from storage.totp import code_at, counter_at
from tests.bot.web_world import link_in
from tests.browser.chromium import CHROMIUM, a_browser
from tests.browser.live import Live, on_watch
from tests.storage.totp_seed import seed_of

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not shutil.which(CHROMIUM), reason="Chromium is not on this machine")]

SOON = 20_000


class Said(NamedTuple):
    enter: str
    me: str
    codes: str
    fresh: str
    used: str
    other: str
    out: str


SAID: dict[Locale, Said] = {
    "zh": Said("以 李娜 登录", "我的登录", "设置验证码", "10 分钟内有效", "只能提交一次", "另一个浏览器", "登录不用密码"),
    "en": Said(
        "Log in as 李娜",
        "My login",
        "Set up codes",
        "good for 10 minutes",
        "it can be sent once",
        "another browser",
        "There is no password",
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@contextmanager
def phone(browser: Browser, live: Live) -> Iterator[Page]:
    context = browser.new_context(base_url=live.url, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    try:
        page = context.new_page()
        page.set_default_timeout(SOON)
        yield page
    finally:
        context.close()


def wide(page: Page) -> int:
    over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return over


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_walk_of_a_login_on_a_phone(browser: Browser, tmp_path: Path, locale: Locale) -> None:
    said = SAID[locale]
    with on_watch(tmp_path, locale, console="on") as live, phone(browser, live) as page:
        page.goto("/me")
        expect(page.locator(".panel")).to_contain_text(said.out)
        picture(page, tmp_path, "1-out")
        token = asked(live)
        page.goto(token)
        picture(page, tmp_path, "2-enter")
        assert wide(page) == 0
        with phone(browser, live) as thief:
            thief.goto(token)
            expect(thief.locator(".panel")).to_contain_text(said.other)
        page.goto(token)
        page.get_by_role("button", name=said.enter).tap()
        page.get_by_role("link", name=said.me).tap()
        page.get_by_role("button", name=said.codes).tap()
        expect(page.locator(".seed").first).to_be_visible()
        picture(page, tmp_path, "3-codes")
        assert wide(page) == 0
        seed = seed_of(live.parts.database, live.parts.road.house.cipher, "li.na")
        page.locator("input[name=value]:visible").fill(code_at(seed, counter_at(live.clock())))
        page.locator(".code button").tap()
        expect(page.locator("body")).to_contain_text(said.fresh)
        picture(page, tmp_path, "4-me")
        assert wide(page) == 0
        filled_in(live, page, tmp_path, said)
        console_is_theirs(page)
        page.goto("/me")
        page.locator("form[action='/logout'] button").tap()
        expect(page.locator(".panel")).to_contain_text(said.out)
        page.goto("/console")
        expect(page.locator(".panel")).to_contain_text(said.out)


def asked(live: Live) -> str:
    """A link as the bot makes it, read from the console's room."""
    room = live.parts.rooms.direct("li.na")
    live.parts.road.ask(Message("console", "li.na:event-0001", "text", room, "direct", "li.na", "/login", live.clock(), addressed=True))
    for _ in range(200):
        texts = [line.text for line in live.parts.rooms.messages(room, "li.na", 0, 100).lines if "/login/" in line.text]
        if texts:
            return link_in(texts[-1])
        time.sleep(0.1)
    raise AssertionError("no link came")


def filled_in(live: Live, page: Page, folder: Path, said: Said) -> None:
    button = Button("行情中断 · 上报", "/incident open", form=(
        Field("text", "发生了什么?", "long", required=True), Field("reporter", "报告人", hint="姓名即可"), Field("at", "何时", "time"),
    ))  # fmt: skip
    page.goto(link_in(live.parts.forms.make_form_link("li.na", button)))
    expect(page.locator("form")).to_contain_text(said.used)
    picture(page, folder, "5-form")
    assert wide(page) == 0
    page.locator("textarea").fill("行情中断")
    page.locator("button.go").tap()
    expect(page.locator(".panel.good")).to_contain_text("I1")
    picture(page, folder, "6-done")


def console_is_theirs(page: Page) -> None:
    """No chooser of persons; what is typed is decided as who is logged in."""
    page.goto("/console")
    expect(page.locator(".room").first).to_be_visible()
    expect(page.locator("select#person")).to_have_count(0)
    page.locator(".room[data-room^='dm:']").tap()
    page.locator("#text").fill("/whoami")
    page.locator("#composer .send").tap()
    expect(page.locator(".message.bot").last).to_contain_text("李娜")


def picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=str(folder / f"{name}.png"))
