"""The main job as people meet it: a real browser, the whole bot behind it, and a clock that the test pushes."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from handlers.core.access import house_scope
from storage.views.reader import Reader
from tests.browser.chromium import CHROMIUM, a_browser
from tests.browser.live import Live, Person, on_watch
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.task import State, Task

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)"),
]
#: The machinery has a tick of a second; everything that is due must be on the page well within this.
SOON = 20_000
FIGURES = {
    "csrc_grade": "larger", "cac_grade": "general", "platforms": "6", "media_tier": "local", "reads_24h": "120万",
    "hot_list": "national_top50", "complaints_1h": "8",
}  # fmt: skip


#: Keeps every toast's words.
REMEMBER = """
window.said = [];
new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
  if (node.classList?.contains('toast')) window.said.push(node.textContent);
}))).observe(document, {childList: true, subtree: true});
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with on_watch(tmp_path) as running:
        yield running


@dataclass
class Desk:
    """Pages of several people before one bot; what a browser complains about fails the test."""

    browser: Browser
    url: str
    leaving: dict[int, Callable[[], None]] = field(default_factory=dict)

    def leaves(self, page: Page) -> None:
        self.leaving.pop(id(page))()

    def sits(self, person: str, *, phone: bool = False) -> Page:
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": 375, "height": 720} if phone else {"width": 1280, "height": 860},
            has_touch=phone,
        )
        page = context.new_page()
        page.add_init_script(REMEMBER)
        page.set_default_timeout(SOON)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)

        def leave() -> None:
            context.close()
            assert complaints == []

        self.leaving[id(page)] = leave
        page.goto(f"/console?as={person}")
        expect(page.locator(".room").first).to_be_visible()
        return page


@contextmanager
def desk(browser: Browser, url: str) -> Iterator[Desk]:
    expect.set_options(timeout=SOON)
    made = Desk(browser, url)
    try:
        yield made
    finally:
        expect.set_options(timeout=5_000)
    for leave in made.leaving.values():
        leave()


def enter(page: Page, room: str) -> None:
    """Open a chat by its kind: `dm` the direct one, `incident` the incident's own."""
    page.locator("[data-room^='dm:']" if room == "dm" else ".room:has(.of-incident)").first.click()
    expect(page.locator("#text")).to_be_visible()


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")


def card(page: Page, holds: str) -> Locator:
    """The newest live card that offers the command `holds` (words may change, commands do not)."""
    return page.locator(".message.live .card").filter(has=page.locator(f"button[data-command='{holds}']")).last


def incident_card(page: Page) -> Locator:
    return card(page, "/incident timeline I1")


def button(shown: Locator, command: str) -> Locator:
    return shown.locator(f".buttons button[data-command='{command}']").first


def tap(shown: Locator, command: str, answer: str = "", **fields: str) -> None:
    """A button of a card, with its form filled in; `answer` is the text."""
    button(shown, command).click()
    fields |= {"text": answer} if answer else {}
    for name, value in fields.items():
        control = shown.locator(f".more [name='{name}']")
        control.select_option(value) if control.evaluate("(node) => node.tagName") == "SELECT" else control.fill(value)
    if fields:
        shown.locator(".more button[type=submit]").click()


def confirm(shown: Locator, command: str) -> None:
    button(shown, command).click()
    shown.locator(".more .button").first.click()


def put_away(page: Page, *parts: str) -> str:
    """Read the sheet that answers a click, and close it."""
    sheet = page.get_by_role("dialog")
    for part in parts:
        expect(sheet).to_contain_text(part)
    text = sheet.locator(".sheet-text").inner_text()
    sheet.get_by_role("button", name="关闭").click()
    expect(sheet).to_be_hidden()
    return text


def toast(page: Page, text: str | re.Pattern[str]) -> None:
    """What was briefly said to this page; it may be gone again before a busy machine looks."""
    wanted = re.compile(re.escape(text)) if isinstance(text, str) else text
    said: list[str] = []
    until = time.monotonic() + SOON / 1000
    while time.monotonic() < until:
        said = page.evaluate("window.said")
        if any(wanted.search(one) for one in said):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"no {wanted.pattern} among {said}")


def both(*parts: str) -> re.Pattern[str]:
    """A text that holds all of these, in any order."""
    return re.compile("".join(f"(?=.*{re.escape(part)})" for part in parts), re.DOTALL)


def tasks(live: Live) -> list[Task]:
    return live.parts.database.read(lambda tx: Reader(tx, live.parts.plans, house_scope()).tasks("I1"))


def incident(live: Live) -> Incident:
    return live.parts.database.read(lambda tx: Reader(tx, live.parts.plans, house_scope()).incident("I1"))


def by_code(live: Live, code: str) -> Task:
    return next(task for task in tasks(live) if task.code == code)


def reports(live: Live) -> dict[str, Report]:
    """Obligation to its report."""
    found = live.parts.database.read(lambda tx: Reader(tx, live.parts.plans, house_scope()).reports("I1"))
    return {report.obligation: report for report in found}


def approvals(live: Live) -> list[Approval]:
    return live.parts.database.read(lambda tx: Reader(tx, live.parts.plans, house_scope()).approvals("I1"))


def finish(live: Live, task: Task) -> None:
    """The long tail, by the same routes as the page: claimed and done by one, verified by another."""
    organization = live.parts.plans.organization
    owner = task.owner or organization.groups[task.group].head
    with Person(live.url, owner) as doing:
        if task.state is State.OPEN:
            assert doing.says(f"/task claim {task.ref}")["error"] is None
        for asked in (a for a in approvals(live) if a.subject == task.ref and a.state is Asked.PENDING):
            with Person(live.url, approvers_of(asked, organization)[0]) as agreeing:
                assert agreeing.says(f"/approve {asked.ref}")["error"] is None
        done = doing.says(f"/task done {task.ref} 已办妥")
    assert done["error"] is None, done
    verifier = next(person.id for person in organization.people.values() if person.name in done["text"])
    with Person(live.url, verifier) as verifying:
        assert verifying.says(f"/task verify {task.ref}")["error"] is None


def test_from_a_bare_opening_to_the_archive(browser: Browser, live: Live) -> None:
    with desk(browser, live.url) as office:
        sun = office.sits("sun.jie")
        opened_bare_and_graded(sun)
        approved_by_one_tap(office, sun)
        worked_on(office, live)
        reminded_and_escalated(office, live)
        ended_and_closed(office, sun, live)


def opened_bare_and_graded(sun: Page) -> None:
    say(sun, "/incident open")
    opened = sun.locator(".message.bot .card").filter(has_text="已开 I1")
    expect(opened).to_contain_text("首报还缺:类型、系统、发生时间、地点、初步损失、报告人")
    expect(card(sun, "/task claim T1")).to_be_visible()
    enter(sun, "incident")
    expect(incident_card(sun)).to_contain_text("三级响应(暂定)")
    tap(incident_card(sun), "/incident fact I1", type="system_failure", title="集中交易系统中断", system="集中交易")
    expect(incident_card(sun)).to_contain_text("系统故障")
    expect(sun.locator("#room-name")).to_have_text("集中交易系统中断")
    tap(incident_card(sun), "/incident grade I1", **FIGURES)
    working = put_away(sun, "合计", "响应级别:三级响应 → 二级响应")
    assert "证监会级别:较大 · 网信级别:一般" in working
    assert "暂定" not in working
    expect(incident_card(sun)).to_contain_text("集中交易系统中断")
    expect(incident_card(sun).locator("h3")).to_have_text(re.compile("二级响应 INC-"))


def approved_by_one_tap(office: Desk, sun: Page) -> None:
    zhou = office.sits("zhou.heng", phone=True)
    tap(incident_card(sun), "/incident activate I1")
    toast(sun, both("A1", "周衡"))
    expect(incident_card(sun)).to_contain_text("A1 启动预案")
    expect(zhou.locator("[data-room^='dm:'] .badge")).to_have_text("1")
    enter(zhou, "dm")
    assert overflow(zhou) == 0
    asked = zhou.locator(".message.live .card").filter(has_text="集中交易系统中断,二级响应").last
    button(asked, "/approve A1").tap()
    toast(zhou, "已同意 A1")
    expect(asked).to_contain_text("已由 周衡 于")
    expect(asked.locator(".button")).to_have_count(0)
    expect(incident_card(sun)).to_contain_text("处置中")
    expect(sun.locator(".bubble").filter(has_text=re.compile("I1 .*启动预案.*周衡"))).to_be_visible()
    office.leaves(zhou)


def worked_on(office: Desk, live: Live) -> None:
    """One task all the way, by two people on their own pages."""
    ref = by_code(live, "failure.locate").ref
    wang, zhao = office.sits("wang.qiang"), office.sits("zhao.min")
    tap(card(wang, f"/task claim {ref}"), f"/task claim {ref}")
    toast(wang, re.compile(f"{ref} .*由你负责"))
    expect(card(wang, f"/task progress {ref}")).to_contain_text("已认领 · 王强")
    expect(zhao.locator(".message .card").filter(has_text="已认领 · 王强")).to_have_count(0)
    tap(card(wang, f"/task progress {ref}"), f"/task progress {ref}", "定位在柜台前置机")
    toast(wang, re.compile(f"{ref} .*进展"))
    tap(card(wang, f"/task done {ref}"), f"/task done {ref}", "前置机主备切换即可恢复")
    toast(wang, both(ref, "赵敏", "核实"))
    tap(card(zhao, f"/task verify {ref}"), f"/task verify {ref}")
    toast(zhao, re.compile(f"{ref} .*核实"))
    assert by_code(live, "failure.locate").state is State.CLOSED
    office.leaves(wang)
    office.leaves(zhao)


def reminded_and_escalated(office: Desk, live: Live) -> None:
    """Nobody takes the switch-over: its group hears of it, then the commander, live and without a reload."""
    switch = by_code(live, "failure.switch")
    wang, li = office.sits("wang.qiang"), office.sits("li.na")
    for page in (wang, li):
        enter(page, "dm")
        page.evaluate("window.untouched = true")
    reminder = re.compile(f"第\\d次提醒】{switch.ref} 启动备份系统或回退")
    assert switch.due_at
    live.clock.push(seconds=(switch.due_at - live.clock()).total_seconds() / 2 + 150)
    expect(wang.locator(".message.live .card").filter(has_text=reminder)).to_be_visible()
    expect(li.locator(".card").filter(has_text=reminder)).to_have_count(0)
    for _ in range(2):
        live.clock.push(minutes=11)
        expect(wang.locator(".message.live .card").filter(has_text=reminder)).to_have_count(1)
    expect(li.locator(".message.live .card").filter(has_text=reminder)).to_have_count(1)
    assert wang.evaluate("window.untouched")
    assert li.evaluate("window.untouched")
    button(li.locator(".message.live .card").filter(has_text=reminder), f"/task claim {switch.ref}").click()
    toast(li, switch.ref)
    assert by_code(live, "failure.switch").owner == "li.na"
    office.leaves(wang)
    office.leaves(li)


def ended_and_closed(office: Desk, sun: Page, live: Live) -> None:
    li = office.sits("li.na")
    enter(li, "incident")
    confirm(incident_card(li), "/incident recovered I1")
    expect(incident_card(li)).to_contain_text("已恢复")
    tap(incident_card(sun), "/incident end I1")
    toast(sun, both("A2", "周衡", "林岳"))
    lin = office.sits("lin.yue", phone=True)
    enter(lin, "dm")
    tap(card(lin, "/approve A2"), "/approve A2")
    toast(lin, "已同意 A2")
    expect(incident_card(li)).to_contain_text("应急已结束")
    tap(incident_card(li), "/incident timeline I1")
    put_away(li, "集中交易系统中断", "林岳 同意 A2")
    summary = reports(live)["internal_summary"].ref
    confirm(incident_card(li), "/incident close I1")
    put_away(li, "还不能归档", by_code(live, "failure.switch").ref, f"{summary} 事件处理总结报告")
    assert incident(live).state == "ended"
    for task in tasks(live):
        if task.live:
            finish(live, task)
    enter(li, "dm")
    tap(card(li, f"/report filed {summary}"), f"/report filed {summary}", way="内部办公系统", receipt="总办收文 318")
    toast(li, both(summary, "时钟停止"))
    with Person(live.url, "sun.jie") as filing:
        for report in reports(live).values():
            if report.open:
                assert filing.says(f"/报送 已报 {report.ref} 电话 值班员甲")["error"] is None
    enter(li, "incident")
    confirm(incident_card(li), "/incident close I1")
    toast(li, "已归档")
    expect(incident_card(li)).to_contain_text("已归档")
    tap(incident_card(li), "/incident timeline I1")
    put_away(li, "集中交易系统中断", f"李娜 已报 {summary}", "李娜 归档 I1")
    assert incident(live).state == "closed"


def overflow(page: Page) -> int:
    """By how many pixels the page or the log is wider than what is shown of it."""
    wide: int = page.evaluate("""() => Math.max(...[document.documentElement, document.getElementById('scroll')]
        .map((node) => node.scrollWidth - node.clientWidth))""")
    return wide


NASTY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> @所有人 [点我](http://x.example)"


def test_a_title_that_wants_to_be_a_script_stays_a_text_on_every_card(browser: Browser, live: Live) -> None:
    with desk(browser, live.url) as office:
        sun = office.sits("sun.jie", phone=True)
        enter(sun, "dm")
        say(sun, f"/incident open {NASTY} 类型=系统故障")
        expect(card(sun, "/task claim T1")).to_be_visible()
        assert overflow(sun) == 0
        sun.locator("#back").tap()
        assert overflow(sun) == 0
        enter(sun, "incident")
        expect(incident_card(sun)).to_contain_text("onerror")
        assert overflow(sun) == 0
        assert sun.locator("#log img, #log script, #log a, #rooms img, #rooms script").count() == 0
        assert "owned" not in sun.title()
        lin = office.sits("lin.yue", phone=True)
        button(incident_card(sun), "/incident activate I1").tap()
        enter(lin, "dm")
        expect(card(lin, "/approve A1")).to_contain_text("onerror")
        assert overflow(lin) == 0
        assert lin.locator("#log img, #log script, #log a").count() == 0


def test_a_refusal_of_the_real_road_is_said_once(browser: Browser, live: Live) -> None:
    with desk(browser, live.url) as office:
        fang = office.sits("fang.qi")
        enter(fang, "dm")
        say(fang, "/任务 认领 T99")
        expect(fang.locator(".message.bot")).to_have_count(1)
        expect(fang.locator(".message.bot .bubble")).to_have_text([re.compile("T99|名单")])
        expect(fang.locator("#notice")).to_be_hidden()
        assert fang.locator(".toast").count() == 0


def test_the_page_works_in_english(browser: Browser, tmp_path: Path) -> None:
    with on_watch(tmp_path, "en") as live, desk(browser, live.url) as office:
        sun = office.sits("sun.jie")
        enter(sun, "dm")
        say(sun, "/incident open trading outage type=system_failure")
        enter(sun, "incident")
        expect(sun.locator("#room-name")).to_have_text("trading outage")
        expect(incident_card(sun)).to_contain_text("Commander")
        tap(incident_card(sun), "/task list I1")
        expect(sun.get_by_role("dialog")).to_contain_text("Only you can see this")
        sun.get_by_role("dialog").get_by_role("button", name="Close").click()
        tap(incident_card(sun), "/incident update I1", "switching over")
        expect(incident_card(sun)).to_contain_text("switching over")
        page = sun.locator("body").inner_text()
        assert re.findall(r"待认领|无人负责|已提请|控制台|会话|响应", page) == []


#: What uvicorn says when it had to end what the pages hold open.
WAITED = "timeout graceful shutdown exceeded"


def test_a_terminated_server_ends_with_pages_open_and_the_page_finds_it_again(browser: Browser, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo"]
    with on_watch(tmp_path / "free") as other:
        port = other.url.rsplit(":", 1)[1]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1", "GENGFU_PORT": port, "PATH": "/usr/bin:/bin"}
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    pages = [context.new_page() for _ in range(3)]
    with started(command, tmp_path, environment) as first:
        for page in pages:
            page.goto("/console?as=li.na")
            expect(page.locator(".room").first).to_be_visible(timeout=SOON)
        first.send_signal(signal.SIGTERM)
        _, said = first.communicate(timeout=60)
        assert (first.returncode, WAITED in said) == (0, False), said
    expect(pages[0].locator("#offline")).to_be_visible(timeout=SOON)
    with started(command, tmp_path, environment) as second:
        expect(pages[0].locator("#offline")).to_be_hidden(timeout=SOON)
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=60) == 0
    context.close()


@contextmanager
def started(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            assert "Ctrl-C" in process.stdout.readline()
            yield process
        finally:
            if process.poll() is None:
                process.kill()
