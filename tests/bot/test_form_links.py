"""One-time forms: for one person, one browser and one effect, decided like a tap on the card."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.core.message import Button, Field, Message
from tests.bot.web_world import PHONE, Browser, House, hidden, link_in, made
from tests.make import Clock

FORM = (
    Field("text", "现在进展到哪一步?", "long", required=True),
    Field("owner", "谁", "person"),
)
PROGRESS = Button("更新进展", "/task progress T1", None, form=FORM[:1])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    assert found.says("sun.jie", "/incident open 行情中断 类型=系统故障").error is None
    assert found.says("sun.jie", "/task claim T1").error is None
    yield found
    found.parts.close()


def link(house: House, button: Button = PROGRESS, person: str = "sun.jie", tapped: Message | None = None) -> str:
    return link_in(house.parts.forms.make_form_link(person, button, tapped))


def timeline(house: House) -> str:
    return house.says("sun.jie", "/incident timeline I1").text


def sends(browser: Browser, path: str, page: str, **fields: str) -> tuple[int, str]:
    answer = browser.post(path, hidden(page) | fields)
    return answer.status_code, answer.text


def test_a_form_is_shown_once_filled_in_and_answered_with_what_the_bot_says(house: House) -> None:
    path, browser = link(house), house.browser(PHONE)
    page = browser.get(path).text
    assert "更新进展" in page
    assert "现在进展到哪一步?" in page
    assert "由 孙洁 填写" in page or "孙" in page
    status, text = sends(browser, path, page, text="定位在柜台前置机")
    assert (status, "T1" in text) == (200, True)
    assert "定位在柜台前置机" in timeline(house)
    assert browser.get(path).status_code == 410


def test_sent_twice_it_has_one_effect_and_the_same_answer(house: House) -> None:
    path, browser = link(house), house.browser()
    page = browser.get(path).text
    first = sends(browser, path, page, text="定位中")
    again = sends(browser, path, page, text="另一句话")
    assert first == again
    forged = sends(browser, path, page, text="第三句", **{"try": "7"})
    assert forged == first
    assert timeline(house).count("定位中") == 1
    assert "另一句话" not in timeline(house)
    assert "第三句" not in timeline(house)


def test_what_is_refused_can_be_put_right_and_is_not_lost(house: House) -> None:
    path, browser = link(house, Button("定级", "/incident grade I1", form=(Field("reads_24h", "阅读"),))), house.browser()
    status, page = sends(browser, path, browser.get(path).text, reads_24h="很多")
    assert (status, "很多" in page) == (422, True)
    assert hidden(page)["try"] == "1"
    assert sends(browser, path, page, reads_24h="120万")[0] == 200


def test_client_data_is_masked_as_everywhere(house: House) -> None:
    path, browser = link(house), house.browser()
    status, text = sends(browser, path, browser.get(path).text, text="客户 13812345678 来电")
    assert status == 200
    assert "已遮掩" in text
    assert "138****5678" in timeline(house)


@pytest.mark.parametrize(("path", "status"), [("/f/" + "x" * 43, 410), ("/f/short", 410), ("/f/%00", 410)])
def test_a_link_that_does_not_exist(house: House, path: str, status: int) -> None:
    assert house.browser().get(path).status_code == status


def test_another_browser_cannot_answer_in_the_persons_name(house: House) -> None:
    path, mine, other = link(house), house.browser(), house.browser(PHONE)
    page = mine.get(path).text
    assert other.get(path).status_code == 403
    assert other.post(path, hidden(page) | {"text": "别人写的"}).status_code == 403
    other.cookies = {"gengfu-form": "made-up"}
    assert other.post(path, hidden(page) | {"text": "别人写的"}).status_code == 403
    theirs = hidden(other.get(link(house, person="li.na")).text)
    assert other.post(path, theirs | {"text": "别人写的"}).status_code == 403
    assert "别人写的" not in timeline(house)


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
def test_another_site_cannot_send_it(house: House, headers: dict[str, str]) -> None:
    path, browser = link(house), house.browser()
    form = hidden(browser.get(path).text) | {"text": "别处来的"}
    assert browser.post(path, form, **headers).status_code == 403
    assert "别处来的" not in timeline(house)


def test_it_ends_after_half_an_hour(house: House) -> None:
    path, browser = link(house), house.browser()
    page = browser.get(path).text
    house.clock.pass_time(minutes=30)
    assert sends(browser, path, page, text="太晚")[0] == 410
    assert house.browser().get(path).status_code == 410


def test_the_rules_of_the_command_hold_for_the_person_of_the_link(house: House) -> None:
    """A record that is none of theirs, and one they may not see."""
    assert house.says("lin.yue", "/incident open restricted=yes 内幕线索").error is None
    update = Button("进展", "/incident update I2", form=(Field("text", "进展"),))
    path, browser = link(house, update, "yang.fan"), house.browser()
    status, page = sends(browser, path, browser.get(path).text, text="我看看")
    assert (status, "没有 I2" in page) == (422, True)


def test_an_old_card_changes_nothing(house: House) -> None:
    path, browser = link(house, replace(PROGRESS, version=1)), house.browser()
    status, page = sends(browser, path, browser.get(path).text, text="旧卡")
    assert (status, "已过时" in page) == (422, True)


def test_fields_that_the_form_does_not_have_are_not_passed_on(house: House) -> None:
    path, browser = link(house), house.browser()
    assert sends(browser, path, browser.get(path).text, text="一切照旧", command="/task cancel T1", version="99", verified="yes")[0] == 200
    assert "一切照旧" in timeline(house)


def test_a_decision_of_four_eyes_needs_a_login_of_that_person(house: House) -> None:
    assert house.says("sun.jie", "/incident activate I1").error is None
    back = Button("退回", "/return A1", form=(Field("text", "理由", "long"),))
    path, browser = link(house, back, "zhou.heng"), house.browser()
    assert browser.get(path).status_code == 401
    browser.logs_in(house.link("sun.jie"))
    assert browser.get(path).status_code == 401
    browser.logs_in(house.link("zhou.heng"))
    page = browser.get(path)
    assert (page.status_code, sends(browser, path, page.text, text="先核实影响")[0]) == (200, 200)


def test_where_it_was_tapped_is_where_it_is_decided(house: House) -> None:
    """The chat's incident, in which a ref may be left out; and somebody who is in no plan but has a name on that platform."""
    room = next(r.id for r in house.parts.rooms.rooms_of("sun.jie") if "INC-" in r.name)
    tapped = Message("console", "e", "click", room, "group", "sun.jie", "", house.clock())
    path, browser = link(house, Button("进展", "/incident update", form=(Field("text", "进展"),)), tapped=tapped), house.browser()
    assert sends(browser, path, browser.get(path).text, text="群里的事件")[0] == 200
    assert "群里的事件" in timeline(house)


def test_what_is_asked_for_is_drawn_by_its_kind(house: House) -> None:
    fields = (
        Field("text", "说明", "long", required=True, hint="一句话"), Field("a", "选一个", "choice", (("x", "甲"), ("y", "乙")), "y"),
        Field("b", "谁", "person"), Field("c", "何时", "time"), Field("d", "<b>哪里</b>"),
    )  # fmt: skip
    page = house.browser().get(link(house, replace(PROGRESS, form=fields))).text
    assert '<textarea name="text" maxlength="8000" required></textarea>' in page
    assert '<option value="y" selected>乙</option>' in page
    assert '<option value="li.na">李娜' in page
    assert 'type="datetime-local"' in page
    assert "<b>" not in page
