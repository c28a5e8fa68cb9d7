"""A file on the console in a real browser: chosen, shown, removed, sent, fetched again; nothing for the browser to complain about."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.chromium import CHROMIUM, a_browser
from tests.browser.live import Live, Person, on_watch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)"),
]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(3000)
DROP = """(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], '拖入.log', {type: 'text/plain'}));
  for (const kind of ['dragover', 'drop']) {
    document.getElementById('log').dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with on_watch(tmp_path) as running:
        yield running


@pytest.fixture
def page(browser: Browser, live: Live) -> Iterator[Page]:
    with Person(live.url, "li.na") as li:
        assert li.says("/事件 上报 类型=系统故障 行情中断")["error"] is None
    context = browser.new_context(base_url=live.url, viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.goto("/console?as=li.na")
    page.locator("[data-room^='dm:']").click()
    yield page
    context.close()
    assert [one for one in complaints if "422" not in one] == []


def test_a_picture_is_attached_by_button_and_fetched_again(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="附件").first.click()
    chooser.value.set_files(FilePayload(name="截图.png", mimeType="image/png", buffer=PNG))
    expect(page.locator("#files li")).to_contain_text("截图.png · 3 KB")
    page.locator("#text").fill("/附件 T1 柜台截图")
    page.locator("#text").press("Enter")
    expect(page.locator(".message.bot .bubble").last).to_contain_text("T1 已附:截图.png")
    expect(page.locator("#files")).to_be_hidden()
    with page.expect_download() as download:
        page.locator(".message.mine .sent-files a").click()
    assert download.value.suggested_filename == "截图.png"
    assert download.value.path().read_bytes() == PNG


def test_the_button_on_a_task_asks_for_the_file_and_names_the_task(page: Page, live: Live) -> None:
    with Person(live.url, "li.na") as li:
        assert li.says("/认领 T1")["error"] is None
    attach = page.locator("button[data-command='/task attach T1']").last
    page.locator(".card").filter(has=attach).locator(".menu summary").click()
    with page.expect_file_chooser() as chooser:
        attach.click()
    chooser.value.set_files(FilePayload(name="点名.png", mimeType="image/png", buffer=PNG))
    expect(page.locator("#files li")).to_contain_text("点名.png")
    expect(page.locator("#text")).to_have_value("/附件 T1 ")
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".message.bot .bubble").last).to_contain_text("T1 已附:点名.png")


def test_what_is_dropped_joins_and_what_is_removed_does_not_go(page: Page) -> None:
    page.evaluate(DROP, "前置机日志")
    expect(page.locator("#files li")).to_contain_text("拖入.log")
    page.locator("#file").set_input_files(FilePayload(name="错.png", mimeType="image/png", buffer=PNG))
    expect(page.locator("#files li")).to_have_count(2)
    page.get_by_role("button", name="移除 错.png").click()
    expect(page.locator("#files li")).to_have_count(1)
    page.locator("#text").press("Enter")  # nothing written: evidence of the incident
    expect(page.locator(".message.bot .bubble").last).to_contain_text("I1 已附:拖入.log")
    expect(page.locator(".message.mine .sent-files li")).to_have_count(1)


def test_a_file_of_a_wrong_kind_is_refused_with_its_reason(page: Page) -> None:
    page.locator("#file").set_input_files(FilePayload(name="run.exe", mimeType="image/png", buffer=b"MZ"))
    expect(page.locator(".toast")).to_contain_text("这种文件不能作为附件")
    expect(page.locator("#files")).to_be_hidden()
