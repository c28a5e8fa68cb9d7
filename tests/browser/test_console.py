"""The console as people use it: a real browser (Debian's Chromium), a real server, real rooms. Skipped, and said so, without one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.platforms.core.contract import Edit, Recall
from handlers.core.message import Button, Card, Outgoing
from tests.browser.chromium import CHROMIUM, a_browser
from tests.browser.console_world import CARD, World, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="BROWSER TESTS NOT RUN: no Chromium (apt-get install chromium)"),
]
OFFICE = "g:office"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(tmp_path) as made:
        made.rooms.create("office", "应急办公室", ["li.na", "wang.qiang"])
        yield made


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    yield from opened(browser, world, 1280, 800)


@pytest.fixture
def phone(browser: Browser, world: World) -> Iterator[Page]:
    yield from opened(browser, world, 375, 667)


@pytest.fixture
def troubled(browser: Browser, world: World) -> Iterator[Page]:
    """A page where the browser has reason to complain."""
    yield from opened(browser, world, 1280, 800, complaining=True)


def opened(browser: Browser, world: World, width: int, height: int, *, complaining: bool = False) -> Iterator[Page]:
    """A page that fails its test when anything is said on the browser's console (a refused script, an error)."""
    context = browser.new_context(base_url=world.url, viewport={"width": width, "height": height}, has_touch=width < 500)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield page
    context.close()
    assert bool(complaints) == complaining, complaints


def enter(page: Page, person: str = "li.na", room: str = OFFICE) -> None:
    page.goto(f"/console?as={person}")
    page.locator(f"[data-room='{room}']").click()
    expect(page.locator("#text")).to_be_visible()


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")


def bot_says(world: World, message: Outgoing, room: str = OFFICE) -> str:
    """As the outbox would: from another thread than the browser's."""
    done: list[str] = []
    in_own_thread(lambda: done.append(asyncio.run(world.say(room, message))))
    return done[0]


def do(world: World, deed: Edit | Recall) -> None:
    in_own_thread(lambda: asyncio.run(world.console.do(deed, f"deed-{next(world.keys)}")))


def in_own_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_one_chooses_a_person_and_may_change_it(page: Page) -> None:
    page.goto("/console")
    page.get_by_role("link", name="王强").click()
    expect(page.locator("#person")).to_have_value("wang.qiang")
    expect(page.locator("#room-name")).to_have_text("更夫")
    page.locator("#person").select_option("li.na")
    page.wait_for_url("**/console?as=li.na**")
    expect(page.locator("#person")).to_have_value("li.na")


def test_one_to_one_the_bot_answers_once(page: Page, world: World) -> None:
    enter(page, room="dm:li.na")
    say(page, "任务 我的")
    expect(page.locator(".message.bot .bubble")).to_have_text(["收到:任务 我的"])
    expect(page.locator(".message.mine .bubble")).to_have_text(["任务 我的"])
    assert len(world.heard) == 1


def test_what_people_write_stays_text(page: Page, world: World) -> None:
    nasty = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> {name} [x](javascript:1)"
    world.rooms.post(OFFICE, "wang.qiang", nasty)
    bot_says(world, Outgoing("x", Card(nasty, ((nasty, nasty),), note=nasty)))
    enter(page)
    expect(page.locator(".message.theirs .bubble")).to_have_text(nasty)
    expect(page.locator(".card h3")).to_have_text(nasty)
    expect(page.locator(".card .note")).to_have_text(nasty)
    assert page.locator("#log img, #log script, #log a").count() == 0
    assert "owned" not in page.title()


def test_a_script_from_elsewhere_does_not_run(troubled: Page) -> None:
    troubled.goto("/console")
    refused = troubled.evaluate("""() => new Promise((done) => {
        document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = "document.title = 'owned'";
        document.head.append(script);
    })""")
    assert refused == "script-src-elem"
    assert "owned" not in troubled.title()


def test_a_button_acts_shows_the_new_card_and_says_so(page: Page, world: World) -> None:
    bot_says(world, Outgoing("行情中断", CARD))
    enter(page)
    expect(page.locator(".drill")).to_have_text("演练")
    page.get_by_role("button", name="认领").click()
    expect(page.locator(".toast")).to_have_text("已记下")
    expect(page.locator(".card dd")).to_have_text(["li.na /task claim T1"])
    expect(page.locator(".card .button")).to_have_count(0)
    expect(page.locator(".edited")).to_be_visible()
    assert [(message.kind, message.version) for message in world.heard] == [("click", 1)]


def test_a_button_that_asks_sends_the_answer(page: Page, world: World) -> None:
    bot_says(world, Outgoing("行情中断", CARD))
    enter(page)
    page.get_by_role("button", name="更新进展").click()
    page.get_by_label("现在进展到哪一步?").fill("已切换备用")
    page.get_by_role("button", name="提交").click()
    expect(page.locator(".card dd")).to_have_text(["li.na /task progress T1 已切换备用"])
    assert world.heard[0].fields == {"text": "已切换备用"}


def test_a_button_that_cannot_be_undone_confirms_first(page: Page, world: World) -> None:
    bot_says(world, Outgoing("行情中断", CARD))
    enter(page)
    page.get_by_role("button", name="取消任务").click()
    page.get_by_role("button", name="取消", exact=True).click()
    assert world.heard == []
    page.get_by_role("button", name="取消任务").click()
    page.get_by_role("button", name="确定").click()
    expect(page.locator(".card dd")).to_have_text(["li.na /task cancel T1"])
    assert len(world.heard) == 1


def test_a_card_that_changes_keeps_what_is_being_typed(page: Page, world: World) -> None:
    message = bot_says(world, Outgoing("行情中断", CARD))
    enter(page)
    page.get_by_role("button", name="更新进展").click()
    page.get_by_label("现在进展到哪一步?").fill("写了一半")
    do(world, Edit(OFFICE, message, Outgoing("行情中断", Card("【严重】任务 6/9", buttons=CARD.buttons))))
    expect(page.locator(".card h3")).to_have_text("【严重】任务 6/9")
    expect(page.get_by_label("现在进展到哪一步?")).to_have_value("写了一半")


def test_an_edit_that_is_older_than_the_answer_to_a_click_does_not_undo_it(page: Page, world: World) -> None:
    button = Button("认领", "/task late T1", 1)
    message = bot_says(world, Outgoing("行情中断", Card("第1版", buttons=(button,))))
    enter(page)
    page.get_by_role("button", name="认领").click()
    expect(page.locator(".card h3")).to_have_text("第2版")
    expect(page.locator(".edited")).to_be_visible()
    expect(page.locator(".card h3")).to_have_text("第2版")
    do(world, Edit(OFFICE, message, Outgoing("行情中断", Card("第3版", buttons=(replace(button, version=3),)))))
    expect(page.locator(".card h3")).to_have_text("第3版")


def test_others_see_it_live(page: Page, browser: Browser, world: World) -> None:
    enter(page)
    other = opened(browser, world, 1000, 700)
    theirs = next(other)
    enter(theirs, "wang.qiang")
    say(theirs, "我来看 @李娜")
    expect(page.locator(".message.theirs .bubble")).to_have_text("我来看 @李娜")
    expect(page.locator(".message.names-me .mention.me")).to_have_text("@李娜")
    first = bot_says(world, Outgoing("第1次提醒"))
    expect(page.locator(".message.bot .bubble")).to_have_text("第1次提醒")
    do(world, Edit(OFFICE, first, Outgoing("第1次提醒"), superseded=True))
    expect(page.locator(".message.superseded summary")).to_contain_text("已被新消息取代")
    do(world, Recall(OFFICE, first))
    expect(page.locator(".recalled")).to_have_text("消息已撤回")
    expect(theirs.locator(".recalled")).to_have_text("消息已撤回")
    assert next(other, None) is None


def test_what_is_unread_is_counted_until_it_is_read(page: Page, world: World) -> None:
    page.goto("/console?as=li.na")
    badge = page.locator(f"[data-room='{OFFICE}'] .badge")
    bot_says(world, Outgoing("一"))
    bot_says(world, Outgoing("二"))
    expect(badge).to_have_text("2")
    expect(page).to_have_title("(2) 更夫")
    page.locator(f"[data-room='{OFFICE}']").click()
    expect(badge).to_have_count(0)
    expect(page).to_have_title("更夫")
    assert {room.id: room.unread for room in world.rooms.rooms_of("li.na")}[OFFICE] == 0


def test_answering_a_message_quotes_it_and_reaches_the_bot(page: Page, world: World) -> None:
    asked = bot_says(world, Outgoing("谁来认领?"))
    enter(page)
    page.get_by_role("button", name="回复").click()
    expect(page.locator("#replying")).to_contain_text("谁来认领?")
    say(page, "认领")
    expect(page.locator(".message.mine .quoted")).to_have_text("回复 更夫: 谁来认领?")
    expect(page.locator("#replying")).to_be_hidden()
    assert [(message.text, message.reply_to, message.addressed) for message in world.heard] == [("认领", asked, True)]


def test_a_refusal_is_said_once_in_the_chat(page: Page) -> None:
    enter(page)
    say(page, "/refused")
    expect(page.locator(".message.bot .bubble")).to_have_text(["没有听懂\n/任务 认领 T1"])
    expect(page.locator("#notice")).to_be_hidden()
    assert page.locator(".toast").count() == 0


def test_what_no_message_will_say_stands_under_what_was_typed(page: Page) -> None:
    enter(page)
    say(page, "/broken")
    expect(page.locator("#notice p")).to_have_text("内部错误,编号 ab12")
    say(page, "知道了")
    expect(page.locator("#notice")).to_be_hidden()


def test_what_did_not_arrive_keeps_its_words_and_is_said_once(troubled: Page, world: World) -> None:
    enter(troubled)
    troubled.route("**/console/rooms/*/messages", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    say(troubled, "在吗")
    expect(troubled.locator("#notice p")).to_have_text("没有送达,请稍后重试")
    expect(troubled.locator("#text")).to_have_value("在吗")
    troubled.unroute("**/console/rooms/*/messages")
    troubled.locator("#text").press("Enter")
    expect(troubled.locator(".message.mine .bubble")).to_have_text(["在吗"])
    expect(troubled.locator("#notice")).to_be_hidden()


def test_a_long_answer_to_a_click_stays_until_it_is_put_away(page: Page, world: World) -> None:
    bot_says(world, Outgoing("行情中断", Card("行情中断", buttons=(Button("全部任务", "/task list"),))))
    enter(page)
    page.get_by_role("button", name="全部任务").click()
    sheet = page.get_by_role("dialog", name="全部任务")
    expect(sheet).to_contain_text("第 39 行")
    sheet.get_by_role("button", name="关闭").click()
    expect(sheet).to_be_hidden()
    assert page.locator(".toast").count() == 0


def test_the_newest_chat_comes_first_and_an_incidents_chat_shows_number_and_title(page: Page, world: World) -> None:
    made = world.rooms.create("i1", "DRL-20260310-001 行情中断", ["li.na"])
    page.goto("/console?as=li.na")
    bot_says(world, Outgoing("一"), made)
    bot_says(world, Outgoing("二"))
    expect(page.locator(".room .preview").first).to_have_text("二")
    assert [room.get_attribute("data-room") for room in page.locator(".room").all()] == [OFFICE, made, "dm:li.na"]
    shown = page.locator(f"[data-room='{made}']")
    expect(shown.locator("strong")).to_have_text("行情中断")
    expect(shown.locator(".number")).to_have_text("DRL-20260310-001演练")
    shown.click()
    expect(page.locator("#room-name")).to_have_text("行情中断")
    expect(page.locator("#room-about")).to_have_text("DRL-20260310-001 · 1 人 · 李娜")
    expect(page.locator("#chips .chip").first).to_have_text("/事件 查看")


def test_what_is_said_in_one_breath_shows_its_author_once(page: Page, world: World) -> None:
    bot_says(world, Outgoing("一"))
    bot_says(world, Outgoing("二"))
    world.rooms.post(OFFICE, "wang.qiang", "三")
    enter(page)
    expect(page.locator(".message .head strong:visible")).to_have_text(["更夫", "王强"])


def test_enter_belongs_to_the_input_method_while_it_composes(page: Page) -> None:
    enter(page)
    page.locator("#text").fill("hangqing")
    page.locator("#text").evaluate("""(field) => field.dispatchEvent(
        new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))""")
    expect(page.locator("#text")).to_have_value("hangqing")
    page.locator("#text").press("Shift+Enter")
    expect(page.locator("#text")).to_have_value("hangqing\n")
    assert page.locator(".message").count() == 0
    page.locator("#text").press("Enter")
    expect(page.locator(".message.mine")).to_have_count(1)
    expect(page.locator("#text")).to_have_value("")


def test_earlier_messages_are_fetched_when_asked_for(page: Page, world: World) -> None:
    for number in range(105):
        world.rooms.post(OFFICE, "", f"第 {number} 条")
    enter(page)
    expect(page.locator(".message")).to_have_count(100)
    page.get_by_role("button", name="查看更早的消息").click()
    expect(page.locator(".message")).to_have_count(105)
    expect(page.locator(".bubble").first).to_have_text("第 0 条")


def test_a_broken_connection_is_said_and_heals(troubled: Page, world: World) -> None:
    troubled.route("**/console/events*", lambda route: route.fulfill(status=503))
    troubled.goto("/console?as=li.na")
    expect(troubled.locator("#offline")).to_be_visible()
    troubled.unroute("**/console/events*")
    expect(troubled.locator("#offline")).to_be_hidden(timeout=15_000)
    bot_says(world, Outgoing("又通了"))
    expect(troubled.locator(f"[data-room='{OFFICE}'] .preview")).to_have_text("又通了")


def test_on_a_phone_nothing_is_wider_than_the_screen(phone: Page, world: World) -> None:
    long = "长" * 60 + "https://example.com/" + "a" * 200
    card = Card(long, (("很长的名称很长的名称", long), ("", long)), note=long, buttons=CARD.buttons * 2, tone="danger", drill=True)
    bot_says(world, Outgoing("x", card))
    world.rooms.post(OFFICE, "wang.qiang", long)
    phone.goto("/console")
    assert overflow(phone) == 0
    phone.get_by_role("link", name="李娜").tap()
    expect(phone.locator(".rooms")).to_be_visible()
    expect(phone.locator(".chat")).to_be_hidden()
    assert overflow(phone) == 0
    phone.locator(f"[data-room='{OFFICE}']").tap()
    expect(phone.locator(".card")).to_be_visible()
    expect(phone.locator(".rooms")).to_be_hidden()
    assert overflow(phone) == 0
    phone.get_by_role("button", name="更新进展").first.tap()
    expect(phone.get_by_label("现在进展到哪一步?")).to_be_visible()
    assert overflow(phone) == 0
    phone.get_by_role("link", name="返回会话列表").tap()
    expect(phone.locator(".rooms")).to_be_visible()


def overflow(page: Page) -> int:
    """By how many pixels the page or the log is wider than what is shown of it."""
    wide: int = page.evaluate("""() => Math.max(...[document.documentElement, document.getElementById('scroll')]
        .filter(Boolean).map((node) => node.scrollWidth - node.clientWidth))""")
    return wide


def test_the_page_speaks_the_installations_language(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "en") as world:
        pages = opened(browser, world, 1000, 700)
        page = next(pages)
        page.goto("/console?as=li.na")
        expect(page.locator("#room-name")).to_have_text("Gengfu")
        expect(page.locator("#room-about")).to_have_text("One-to-one with Gengfu · the slash may be left out")
        assert page.locator("html").get_attribute("lang") == "en"
        assert next(pages, None) is None
