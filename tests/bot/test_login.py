"""Logging in by a link: who gets in, who does not, and what stands in the trail afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from storage import sessions as doors
from storage.tables.audit import AuditRow
from storage.totp import STEP, code_at, counter_at
from tests.bot.web_world import PHONE, Browser, House, hidden, link_in, made
from tests.make import Clock
from tests.storage.totp_seed import seed_of


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


def trail(house: House, person: str) -> list[tuple[str, dict[str, Any]]]:
    chain = select(AuditRow).where(AuditRow.record_ref == f"P:{person}").order_by(AuditRow.version)  # type: ignore[arg-type]
    return house.parts.database.read(lambda tx: [(row.verb, row.details) for row in tx.exec(chain)])


def verbs(house: House, person: str) -> list[str]:
    return [verb for verb, _ in trail(house, person)]


def reasons(house: House, person: str) -> list[str]:
    return [details["reason"] for verb, details in trail(house, person) if verb == "refused"]


def inside(browser: Browser) -> bool:
    return browser.get("/me").status_code == 200


def code(house: House, person: str = "li.na") -> str:
    """What the person's generator shows now."""
    return code_at(seed_of(house.parts.database, house.parts.road.house.cipher, person), counter_at(house.clock()))


def with_codes(house: House, person: str = "li.na") -> Browser:
    """Logged in, with a generator set up and a code given just now."""
    browser = house.logged_in(person)
    browser.presses("/me/codes/new")
    assert browser.presses("/me/codes/prove", code(house, person)).status_code == 303
    return browser


def group_of(house: House, person: str) -> str:
    return next(room.id for room in house.parts.rooms.rooms_of(person) if room.kind == "group")


# In and out


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
    assert verbs(house, "li.na") == ["login_asked", "logged_in", "session_ended"]


def test_logging_out_ends_the_session_and_not_only_the_cookie(house: House) -> None:
    browser = house.logged_in("li.na")
    kept = dict(browser.cookies)
    browser.post("/logout", hidden(browser.get("/me").text))
    assert browser.cookies == {}
    browser.cookies = kept
    assert not inside(browser)


def test_in_a_group_the_link_goes_to_the_direct_chat_and_the_group_hears_only_that(house: House) -> None:
    room = group_of(house, "li.na")
    reply = house.says("li.na", "/登录", room)
    assert reply.text == "登录链接已发到你和我的单聊里,5 分钟内有效。"
    assert "/login/" in house.told("li.na")[-1]
    group = [line.text for line in house.parts.rooms.messages(room, "li.na", 0, 100).lines]
    assert group[-1] == reply.text
    assert all("/login/" not in line for line in group)


def test_who_has_no_direct_chat_is_told_where_they_asked_and_no_administrator_is_woken(house: House) -> None:
    room = group_of(house, "li.na")
    house.parts.worker.sender.ways = lambda person: ()
    house.parts.database.write(
        lambda tx: doors.send_link(
            tx, house.parts.road.house.cipher, "li.na", now=house.clock(), via="x", platform="elsewhere", to="", chat="", group=room
        )
    )
    house.parts.worker.sender.platforms = {**house.parts.worker.sender.platforms, "elsewhere": house.parts.console}
    house.settle()
    assert "你和我还没有单聊" in [line.text for line in house.parts.rooms.messages(room, "li.na", 0, 100).lines][-1]
    assert house.told("han.tao") == []


def test_a_link_that_was_not_delivered_in_time_is_never_sent(house: House) -> None:
    event = house.parts.rooms.direct("li.na")
    house.parts.worker.sender.platforms = {}
    house.says("li.na", "/login")
    house.clock.pass_time(minutes=6)
    house.parts.worker.sender.platforms = {"console": house.parts.console}
    house.settle()
    assert all("/login/" not in line.text for line in house.parts.rooms.messages(event, "li.na", 0, 100).lines)


def test_who_is_not_in_the_plan_gets_no_link(house: House) -> None:
    assert house.says("guest", "/login").error == "access.member"
    assert all("/login/" not in line for line in house.told("guest"))


# Links


def test_a_link_is_good_once(house: House) -> None:
    link, browser = house.link("li.na"), house.browser()
    form = hidden(browser.get(link).text)
    assert browser.post(link, form).status_code == 303
    visit = {"gengfu-visit": "x" * 43}
    browser.cookies |= visit
    assert (browser.get(link).status_code, browser.post(link, form).status_code) == (410, 403)
    assert house.browser().get(link).status_code == 410
    assert "used" in reasons(house, "li.na")


def test_the_same_button_pressed_twice_makes_one_session(house: House) -> None:
    link, browser = house.link("li.na"), house.browser()
    form = hidden(browser.get(link).text)
    cookies = dict(browser.cookies)
    assert browser.post(link, form).status_code == 303
    browser.cookies = cookies
    assert browser.post(link, form).status_code == 410
    assert len(house.parts.sessions.of("li.na")) == 1


def test_a_link_ends_after_five_minutes_also_between_opening_and_pressing(house: House) -> None:
    link, browser = house.link("li.na"), house.browser()
    house.clock.pass_time(minutes=4, seconds=59)
    form = hidden(browser.get(link).text)
    house.clock.pass_time(seconds=1)
    assert browser.post(link, form).status_code == 410
    assert reasons(house, "li.na") == ["expired"]
    assert not inside(browser)


def test_a_stolen_link_opens_for_the_first_browser_only(house: House) -> None:
    link, first, thief = house.link("li.na"), house.browser(), house.browser(PHONE, "10.9.9.9")
    form = hidden(first.get(link).text)
    answer = thief.get(link)
    assert (answer.status_code, "另一个浏览器" in answer.text) == (403, True)
    assert "<form" not in answer.text
    thief.cookies = {"gengfu-visit": "guessed"}
    assert thief.post(link, form).status_code == 403
    assert reasons(house, "li.na") == ["other_browser"], "the forged form is turned away before the link is looked at"
    assert first.post(link, form).status_code == 303


def test_even_with_the_page_and_a_cookie_of_its_own_another_browser_cannot_use_the_link(house: House) -> None:
    mine, other = house.link("li.na"), house.browser()
    house.browser().get(mine)
    form = hidden(other.get(house.link("wang.qiang")).text)
    assert other.post(mine, form).status_code in (403, 410)
    assert not inside(other)
    assert len(house.parts.sessions.of("li.na")) == 0


def test_opening_it_again_in_the_same_browser_does_no_harm(house: House) -> None:
    link, browser = house.link("li.na"), house.browser()
    browser.get(link)
    assert browser.post(link, hidden(browser.get(link).text)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "Mozilla/5.0 (compatible; Baiduspider/2.0)"},
        {"user-agent": "Go-http-client/2.0"},
        {"user-agent": "Mozilla/5.0 LinkPreview"},
        {"sec-purpose": "prefetch"},
        {"sec-fetch-dest": "image"},
    ],
)
def test_a_messenger_that_looks_at_the_link_for_a_preview_does_not_use_it_up(house: House, headers: dict[str, str]) -> None:
    link = house.link("li.na")
    machine = house.browser(address="10.3.3.3")
    answer = machine.get(link, **headers)
    assert ("<form" in answer.text, machine.cookies) == (False, {})
    assert house.browser().logs_in(link).status_code == 303


def test_a_new_link_ends_the_older_one(house: House) -> None:
    old = house.link("li.na")
    house.link("li.na")
    assert house.browser().get(old).status_code == 410


def test_nobody_gets_more_than_five_links_in_ten_minutes_and_afterwards_again(house: House) -> None:
    for _ in range(5):
        house.link("li.na")
    assert house.says("li.na", "/login").error == "login.too_many"
    house.clock.pass_time(minutes=10, seconds=1)
    house.link("li.na")


# Strangers


def test_guessing_is_slowed_down_and_locks_nobody_out(house: House) -> None:
    stranger = house.browser()
    tried = [stranger.get(f"/login/{n:043}").status_code for n in range(25)]
    assert tried == [410] * 20 + [429] * 5
    assert house.browser().get("/login/short").status_code == 429, "the same address, whatever the browser"
    assert house.browser(address="10.2.2.2").get("/login/short").status_code == 410
    assert house.browser().logs_in(house.link("li.na")).status_code == 303, "a real link works from that address too"
    house.clock.pass_time(minutes=10, seconds=1)
    assert stranger.get("/login/short").status_code == 410


def test_whoever_holds_a_dead_link_cannot_fill_the_persons_chain(house: House) -> None:
    link = house.link("li.na")
    house.browser().get(link)
    for _ in range(12):
        assert house.browser(PHONE).get(link).status_code == 403
    assert reasons(house, "li.na") == ["other_browser"] * doors.RECORDED


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43, "' OR 1=1 --", "x" * 5000])
def test_a_made_up_session_is_none(house: House, cookie: str) -> None:
    stranger = house.browser()
    stranger.cookies = {"gengfu-session": cookie}
    assert not inside(stranger)
    assert stranger.get("/console/rooms").status_code == 401


# Sessions


def test_a_session_ends_half_an_hour_after_the_last_act_and_after_twelve_hours_at_the_latest(house: House) -> None:
    busy, idle = house.logged_in("li.na"), house.logged_in("wang.qiang")
    house.clock.pass_time(minutes=29)
    assert inside(busy)
    house.clock.pass_time(minutes=2)
    assert (inside(busy), inside(idle)) == (True, False)
    for _ in range(27):
        house.clock.pass_time(minutes=25)
        assert inside(busy)
    house.clock.pass_time(minutes=20)
    assert not inside(busy), "twelve hours are over"


def test_looking_for_news_keeps_no_session_alive(house: House) -> None:
    browser = house.logged_in("li.na")
    for _ in range(3):
        house.clock.pass_time(minutes=11)
        last = browser.get("/console/rooms").status_code
    assert last == 401


def test_a_session_that_was_there_before_is_not_taken_over(house: House) -> None:
    """Fixation: what somebody planted in the browser never becomes anybody's session; what was logged in there is over."""
    browser = house.browser()
    browser.cookies = {"gengfu-session": "planted" * 6}
    browser.logs_in(house.link("li.na"))
    first = dict(browser.cookies)
    assert first["gengfu-session"] != "planted" * 6
    assert browser.logs_in(house.link("wang.qiang")).status_code == 303
    assert browser.cookies["gengfu-session"] != first["gengfu-session"]
    thief = house.browser()
    thief.cookies = first
    assert not inside(thief)
    assert trail(house, "li.na")[-1][1]["why"] == "new_login"


def test_ending_a_session_on_the_page_and_in_chat(house: House) -> None:
    browsers = []
    for _ in range(3):
        house.clock.pass_time(minutes=1)
        browsers.append(house.logged_in("li.na"))
    one, other, third = browsers
    page = one.get("/me").text
    assert page.count("Chrome · Windows") == 3
    ids = [session.id for session in house.parts.sessions.of("li.na")]
    assert one.presses("/me/end", ids[1]).status_code == 303
    assert (inside(one), inside(other), inside(third)) == (True, False, True)
    said = house.says("li.na", "/登录 会话").text
    assert said.count("Chrome · Windows") == 2
    house.says("li.na", f"/login revoke {ids[0][:6]}")
    assert (inside(one), inside(third)) == (True, False)
    assert house.says("li.na", "/login revoke").text == "已结束 1 个网页登录。"
    assert not inside(one)


def test_nobody_ends_another_persons_session(house: House) -> None:
    li, wang = house.logged_in("li.na"), house.logged_in("wang.qiang")
    (hers,) = house.parts.sessions.of("li.na")
    for id in (hers.id, "", hers.id[:5]):
        assert wang.presses("/me/end", id).status_code == 403
    assert house.says("wang.qiang", f"/login revoke {hers.id[:6]}").error == "login.no_session"
    assert inside(li)
    assert reasons(house, "wang.qiang") == ["login.no_session"] * 4


def test_who_leaves_the_plan_is_out_at_once(house: House) -> None:
    browser, link = house.logged_in("li.na"), house.link("wang.qiang")
    people = {id: person for id, person in house.parts.plans.organization.people.items() if id not in ("li.na", "wang.qiang")}
    object.__setattr__(house.parts.plans.organization, "people", people)
    assert not inside(browser)
    assert house.browser().get(link).status_code == 410


# Forms of ours


@pytest.mark.parametrize("action", ["/logout", "/me/end", "/me/codes/new", "/me/codes/prove", "/me/codes/off"])
def test_another_site_cannot_press_our_buttons(house: House, action: str) -> None:
    browser = house.logged_in("li.na")
    form = hidden(browser.get("/me").text)
    wrong: list[tuple[dict[str, str], dict[str, str]]] = [
        (form, {"origin": "https://evil.example"}),
        (form, {"origin": "null"}),
        (form, {"sec-fetch-site": "cross-site"}),
        ({}, {}),
        ({"token": ""}, {}),
        ({"token": "0" * 32}, {}),
        ({"token": hidden(house.logged_in("wang.qiang").get("/me").text)["token"]}, {}),
    ]
    assert [browser.post(action, fields, **headers).status_code for fields, headers in wrong] == [403] * len(wrong)
    assert inside(browser)
    assert reasons(house, "li.na") == ["login.same_site"] * len(wrong)


def test_another_site_cannot_log_somebody_in(house: House) -> None:
    link, browser = house.link("li.na"), house.browser()
    form = hidden(browser.get(link).text)
    assert browser.post(link, form, origin="https://evil.example").status_code == 403
    assert browser.post(link, {}).status_code == 403
    assert house.browser().post(link, form).status_code == 403
    assert browser.post(link, form).status_code == 303


def test_a_huge_form_is_refused(house: House) -> None:
    browser = house.logged_in("li.na")
    assert browser.post("/me/end", hidden(browser.get("/me").text) | {"value": "x" * 70_000}).status_code == 413


def test_cookies_as_strict_as_they_can_be(house: House, tmp_path: Path) -> None:
    link, browser = house.link("li.na"), house.browser()
    browser.get(link)
    assert flags(browser) == {"gengfu-visit": {"HttpOnly", "Max-Age=300", "Path=/", "SameSite=lax"}}
    browser.logs_in(link)
    assert flags(browser)["gengfu-session"] == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=strict"}
    public = made(tmp_path / "public", Clock(), GENGFU_PUBLIC_URL="https://gengfu.example.com", GENGFU_HOST="0.0.0.0")
    try:
        far = public.logged_in("li.na")
        assert set(far.cookies) == {"__Host-gengfu-session"}
        assert flags(far)["__Host-gengfu-session"] == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=strict", "Secure"}
        assert inside(far)
        far.cookies = {"gengfu-session": far.cookies["__Host-gengfu-session"]}
        assert not inside(far), "a name without the prefix could have been planted by a neighbour"
    finally:
        public.parts.close()


def flags(browser: Browser) -> dict[str, set[str]]:
    found = {}
    for one in browser.set_cookies:
        name, *rest = one.split("; ")
        found[name.partition("=")[0]] = {flag for flag in rest if not flag.startswith("expires")}
    return found


def test_a_link_from_another_site_loads_once_more_to_bring_the_cookie(house: House) -> None:
    stranger = house.browser()
    for path in ("/", "/me", "/console"):
        assert 'http-equiv="refresh"' in stranger.get(path, **{"sec-fetch-site": "cross-site"}).text
        assert 'http-equiv="refresh"' not in stranger.get(path, **{"sec-fetch-site": "same-origin"}).text


# One-time codes


def test_a_code_generator_is_set_up_by_its_first_code(house: House) -> None:
    browser = house.logged_in("li.na")
    assert browser.presses("/me/codes/new").status_code == 303
    page = browser.get("/me").text
    assert "otpauth://totp/" in page
    assert browser.presses("/me/codes/prove", "000000").status_code == 422
    assert browser.presses("/me/codes/prove", code(house)).status_code == 303
    page = browser.get("/me").text
    assert "otpauth" not in page
    assert "10 分钟内有效" in page
    assert verbs(house, "li.na")[-2:] == ["refused", "generator_added"]
    house.settle()
    assert "已为你的网页登录设置一次性验证码" in house.told("li.na")[-1]


def test_a_code_is_good_once_in_any_session(house: House) -> None:
    browser, used = with_codes(house), code(house)
    other = house.logged_in("li.na")
    assert [one.presses("/me/codes/prove", used).status_code for one in (browser, other)] == [422, 422]
    house.clock.pass_time(seconds=STEP)
    assert other.presses("/me/codes/prove", code(house)).status_code == 303


def test_a_stolen_session_cannot_put_its_own_generator_in_the_place_of_the_persons(house: House) -> None:
    with_codes(house)
    thief = house.logged_in("li.na")
    for action in ("/me/codes/new", "/me/codes/off"):
        answer = thief.presses(action)
        assert (answer.status_code, "请先输入现在的验证码" in answer.text) == (403, True)
    assert "otpauth" not in thief.get("/me").text


def test_too_many_wrong_codes_end_that_session_and_no_other(house: House) -> None:
    mine = with_codes(house)
    thief = house.logged_in("li.na")
    statuses = [thief.presses("/me/codes/prove", "123").status_code for _ in range(5)]
    assert statuses == [422] * 4 + [403]
    assert (inside(thief), inside(mine)) == (False, True)
    house.clock.pass_time(seconds=STEP)
    assert mine.presses("/me/codes/prove", code(house)).status_code == 303
    assert [d.get("why") for v, d in trail(house, "li.na") if v == "session_ended"] == ["wrong_codes"]


def test_a_person_who_guesses_in_many_sessions_is_stopped_and_not_for_ever(house: House) -> None:
    mine = with_codes(house)
    for _ in range(3):
        thief = house.logged_in("li.na")
        for _ in range(3):
            thief.presses("/me/codes/prove", "123")
    house.clock.pass_time(seconds=STEP)
    answer = mine.presses("/me/codes/prove", code(house))
    assert (answer.status_code, "15分 后再试" in answer.text) == (429, True), answer.text
    house.clock.pass_time(minutes=15)
    assert mine.presses("/me/codes/prove", code(house)).status_code == 303


def test_a_lost_phone_is_reset_in_a_messenger_and_not_on_the_web(house: House) -> None:
    browser = with_codes(house)
    house.clock.pass_time(minutes=11)
    direct = "dm:li.na"
    said = {"id": "event-0000", "kind": "text", "chat": direct, "text": "/login reset"}
    answer = browser.says(direct, said)
    assert answer.json()["error"] == "login.reset_elsewhere"
    assert house.says("li.na", "/登录 重置").error is None
    assert "设置验证码" in browser.get("/me").text
    assert verbs(house, "li.na").count("generator_removed") == 1


# What is kept


def test_no_secret_stands_anywhere_in_the_house(house: House, tmp_path: Path) -> None:
    browser = house.browser()
    room = house.parts.rooms.direct("li.na")
    link = house.link("li.na")
    browser.logs_in(link)
    browser.presses("/me/codes/new")
    seed = seed_of(house.parts.database, house.parts.road.house.cipher, "li.na")
    browser.presses("/me/codes/prove", code(house))
    secrets = [link.removeprefix("/login/"), browser.cookies["gengfu-session"]]
    message = link_in(next(text for text in house.told("li.na") if "/login/" in text))
    assert message == link, "in the chat itself it stands, until the chat is gone"
    house.parts.database.write(lambda tx: tx.connection().exec_driver_sql("UPDATE room_message SET text = ''"))
    with house.parts.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert room in dump
    for secret in secrets:
        assert secret not in dump
    assert seed.hex() not in dump.lower()


def test_what_has_ended_is_swept_away(house: House) -> None:
    house.logged_in("li.na")
    house.clock.pass_time(hours=12)
    assert house.parts.database.write(lambda tx: doors.sweep(tx, house.clock())) == 0, "kept for a day, for those who ask"
    house.clock.pass_time(hours=25)
    assert house.parts.database.write(lambda tx: doors.sweep(tx, house.clock())) == 2
