"""Forms on the console, with the real bot behind it: on a phone, by the keyboard alone, refused and kept, in both languages."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from handlers.core.access import house_scope
from handlers.core.wording import Locale
from storage.views.reader import Reader
from tests.browser.chromium import CHROMIUM, a_browser
from tests.browser.live import Live, Person, on_watch
from workflows.incident import Incident

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)"),
]
SOON = 15_000
REPORT = {"zh": "上报事件", "en": "Report an incident"}
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture(params=["zh", "en"])
def locale(request: pytest.FixtureRequest) -> Locale:
    found: Locale = request.param
    return found


@pytest.fixture
def live(tmp_path: Path, locale: Locale) -> Iterator[Live]:
    with on_watch(tmp_path, locale) as running:
        yield running


@pytest.fixture
def sits(browser: Browser, live: Live) -> Iterator[Opened]:
    """`sits("li.na", …)` is their page; what a browser complains about fails the test."""
    complaints: list[str] = []
    contexts = []
    expect.set_options(timeout=SOON)

    def sit(person: str, **view: Any) -> Page:
        contexts.append(browser.new_context(base_url=live.url, **({"viewport": {"width": 1280, "height": 860}} | view)))
        page = contexts[-1].new_page()
        page.set_default_timeout(SOON)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(f"/console?as={person}")
        expect(page.locator(".room").first).to_be_visible()
        return page

    yield sit
    expect.set_options(timeout=5_000)
    for context in contexts:
        context.close()
    assert complaints == []


def incidents(live: Live) -> list[Incident]:
    return live.parts.database.read(lambda tx: Reader(tx, live.parts.plans, house_scope()).unclosed())


def filled(form: Locator, name: str) -> str:
    value: str = form.locator(f"[name='{name}']").input_value()
    return value


def overflow(page: Page) -> int:
    wide: int = page.evaluate("""() => Math.max(...[document.documentElement, ...document.querySelectorAll('#scroll, .sheet-form')]
        .map((node) => node.scrollWidth - node.clientWidth))""")
    return wide


def test_an_incident_is_reported_on_a_phone_far_from_home(sits: Opened, live: Live, locale: Locale) -> None:
    """Refused, the form keeps every word; times are the installation's, wherever the phone is."""
    page = sits("li.na", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, timezone_id="Europe/Berlin")
    page.get_by_role("button", name=REPORT[locale]).tap()
    form = page.get_by_role("dialog").locator("form")
    expect(form.locator("[name=text]")).to_be_focused()
    for name, value in (("text", "报盘 系统=中断"), ("system", "集中交易=主"), ("at", "2026-01-05T09:41"), ("place", "上海 机房")):
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=type]").select_option("system_failure")
    form.locator("[name=subtype]").select_option("ransomware")
    assert overflow(page) == 0
    assert min(box["height"] for control in form.locator("input, select, textarea").all() if (box := control.bounding_box())) >= 44
    assert "Asia/Shanghai" in form.locator("label:has([name=at])").inner_text()
    form.locator("button[type=submit]").tap()
    expect(form.get_by_role("alert")).to_be_visible()
    assert incidents(live) == []
    kept = {name: filled(form, name) for name in ("text", "system", "at", "place", "type", "subtype")}
    assert kept == {
        "text": "报盘 系统=中断", "system": "集中交易=主", "at": "2026-01-05T09:41", "place": "上海 机房",
        "type": "system_failure", "subtype": "ransomware",
    }  # fmt: skip
    form.locator("[name=subtype]").select_option("quotes")
    form.locator("button[type=submit]").tap()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".message.mine .bubble").last).to_contain_text("报盘 系统=中断")
    expect(page.locator(".message.bot .card").filter(has_text="I1").first).to_be_visible()  # which of the cards comes last is not said
    (opened,) = incidents(live)
    assert (opened.title, opened.system, opened.place, opened.subtype) == ("报盘 系统=中断", "集中交易=主", "上海 机房", "quotes")
    assert opened.occurred_at == datetime(2026, 1, 5, 1, 41, tzinfo=UTC), "09:41 in Shanghai"
    assert overflow(page) == 0


def test_a_refused_no_keeps_its_reason_by_the_keyboard_alone(sits: Opened, live: Live) -> None:
    with Person(live.url, "li.na") as li:
        li.says("/incident open type=system_failure system=集中交易 行情中断")
    live.rests()
    page = sits("li.na")
    no = page.locator("button[data-command^='/incident fact I1'][data-command$='=no']").first
    no.focus()
    page.keyboard.press("Enter")
    expect(no).to_have_attribute("aria-expanded", "true")
    text = page.locator(".card .more textarea")
    expect(text).to_be_focused()
    page.keyboard.type("太短")
    page.keyboard.press("Enter")
    expect(page.locator(".card .more [role=alert]")).to_be_visible()
    expect(text).to_be_focused()
    expect(text).to_have_value("太短")
    page.keyboard.press("End")
    page.keyboard.type(",只是行情展示 a=b,不涉及结算资金")
    page.keyboard.press("Enter")
    expect(page.locator(".card .more")).to_have_count(0)
    expect(page.locator(".toast.good").first).to_contain_text("A1")
    page.keyboard.press("Escape")


def test_a_form_behind_the_menu_outlives_a_card_that_changes(sits: Opened, live: Live) -> None:
    with Person(live.url, "li.na") as li:
        li.says("/incident open type=system_failure system=集中交易 行情中断")
    live.rests()
    page = sits("li.na")
    page.locator(".room:has(.of-incident)").first.click()
    card = page.locator(".message.live .card").filter(has=page.locator(".menu")).first
    card.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(card.locator(".menu button").first).to_be_focused()
    page.keyboard.press("Enter")
    reach = card.locator(".more [name=reach]")
    reach.select_option("3")
    reason = card.locator(".more [name=text]")
    reason.focus()
    page.keyboard.type("全网 刷屏")
    with Person(live.url, "sun.jie") as sun:
        assert sun.says("/incident update I1 已切换备用线路")["error"] is None
    expect(card.locator("dl")).to_contain_text("已切换备用线路")
    expect(reason).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("两家媒体")
    expect(reason).to_have_value("全网 刷屏\n两家媒体")
    expect(reach).to_have_value("3")
    expect(card.locator(".menu")).to_have_attribute("open", "")
    page.keyboard.press("Control+Enter")
    expect(card.locator(".more")).to_have_count(0)
    (graded,) = incidents(live)
    assert graded.overrides["reach"] == (3, "全网 刷屏\n两家媒体")


def test_a_form_is_put_away_and_its_button_has_the_focus_again(sits: Opened, live: Live) -> None:
    with Person(live.url, "li.na") as li:
        li.says("/incident open type=system_failure system=集中交易 行情中断")
    live.rests()
    page = sits("li.na")
    page.locator(".room:has(.of-incident)").first.click()
    update = page.locator("button[data-command='/incident update I1']")
    update.click()
    expect(page.locator(".card .more")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".card .more")).to_have_count(0)
    expect(update).to_be_focused()
    update.click()
    page.locator("button[data-command='/incident grade I1']").first.click()
    expect(page.locator(".card .more")).to_have_count(1)
    page.locator("button[data-command='/incident grade I1']").first.click()
    expect(page.locator(".card .more")).to_have_count(0)


def test_who_stands_on_a_button_stands_there_still_when_the_card_has_changed(sits: Opened, live: Live) -> None:
    with Person(live.url, "li.na") as li:
        li.says("/incident open type=system_failure system=集中交易 行情中断")
    live.rests()
    page = sits("li.na")
    page.locator(".room:has(.of-incident)").first.click()
    card = page.locator(".message.live .card").filter(has=page.locator(".menu")).first
    stops = (card.locator(".menu summary"), card.locator("button[data-command='/incident update I1']"))
    with Person(live.url, "sun.jie") as sun:
        for number, stop in enumerate(stops):
            stop.focus()
            assert sun.says(f"/incident update I1 第 {number} 条线路")["error"] is None
            expect(card.locator("dl")).to_contain_text(f"第 {number} 条线路")
            expect(stop).to_be_focused()
