"""Logging in by the firm's own accounts, before a real little identity provider: who gets in, and everything that does not."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from bot.config import read_settings
from bot.doctor import Doctor
from bot.outside.oidc import Away, Client, Issuer, NotProved
from storage.plan import check_plan
from storage.tables.audit import AuditRow
from tests.bot.web_world import CHROME, KEY, PHONE, Browser, House, hidden, made
from tests.make import START, Clock
from tests.simulators.oidc import Forge, Idp, Json, Key, hs256, path_of, rs256, unsigned

OURS = "http://127.0.0.1:8000"
CALLBACK = f"{OURS}/login/oidc/callback"
HERE, ELSEWHERE = {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "cross-site"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def idp(clock: Clock) -> Iterator[Idp]:
    with Idp(clock, CALLBACK) as idp:
        yield idp
        assert idp.oddities == []


@pytest.fixture
def house(tmp_path: Path, clock: Clock, idp: Idp) -> Iterator[House]:
    found = made(tmp_path, clock, **idp.settings())
    yield found
    found.parts.close()


def sent_back(browser: Browser, idp: Idp) -> str:
    """Press the button and log in at the provider; answers where the provider sends the browser."""
    answer = browser.get("/login/oidc", **HERE)
    assert answer.status_code == 303, answer.text
    return path_of(idp.visited(answer.headers["location"]))


def signs_on(browser: Browser, idp: Idp) -> httpx.Response:
    return browser.get(sent_back(browser, idp), **HERE)


def inside(browser: Browser) -> bool:
    return browser.get("/me").status_code == 200


def trail(house: House, person: str) -> list[tuple[str, Mapping[str, Any]]]:
    chain = select(AuditRow).where(AuditRow.record_ref == f"P:{person}").order_by(AuditRow.version)  # type: ignore[arg-type]
    return house.parts.database.read(lambda tx: [(row.verb, row.details) for row in tx.exec(chain)])


def asked(idp: Idp, path: str) -> int:
    return idp.asked.count(path)


# In


def test_the_walk_from_the_login_page_to_the_board(house: House, idp: Idp) -> None:
    browser = house.browser()
    page = browser.get("/login")
    assert '<a class="go" href="/login/oidc">用公司账号登录</a>' in page.text
    assert "发 /登录" in page.text, "the link's road stands beside it"
    back = sent_back(browser, idp)
    again = browser.get(back, **ELSEWHERE)
    assert ('http-equiv="refresh" content="0"' in again.text, inside(browser)) == (True, False), "once more, from our own page"
    done = browser.get(back, **HERE)
    assert (done.status_code, 'content="0;url=/"' in done.text) == (200, True)
    assert set(browser.cookies) == {"gengfu-session"}
    assert "Chrome · Windows" in browser.get("/me").text
    house.settle()
    assert "你已在网页登录:Chrome · Windows" in house.told("li.na")[-1]
    verb, details = trail(house, "li.na")[-1]
    assert (verb, details["by"]) == ("logged_in", "oidc")


def test_nothing_of_a_page_comes_from_elsewhere(house: House, idp: Idp) -> None:
    for path in ("/login", "/", "/me"):
        text = house.browser().get(path).text
        assert "/login/oidc" in text
        assert idp.url not in text


def test_without_it_there_is_neither_button_nor_road(tmp_path: Path) -> None:
    house = made(tmp_path, Clock())
    browser = house.browser()
    assert all("oidc" not in browser.get(path).text for path in ("/login", "/", "/me"))
    assert browser.get("/login/oidc", **HERE).status_code == 410, "a link that does not exist, as any other"
    assert browser.get("/login/oidc/callback?state=a&code=b", **HERE).status_code == 404
    house.parts.close()


def test_who_does_not_use_it_does_not_wait_for_it() -> None:
    code = "import sys, bot.__main__, bot.app; sys.exit('joserfc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_cookies_of_the_attempt_and_of_the_session(house: House, idp: Idp) -> None:
    browser = house.browser()
    browser.get("/login/oidc", **HERE)
    (made_,) = browser.set_cookies
    assert set(made_.split("; ")[1:]) == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"}
    signs_on(browser, idp)
    session = next(one for one in browser.set_cookies if one.startswith("gengfu-session="))
    assert "SameSite=strict" in session


def test_it_is_a_session_like_any_other_and_proves_no_code(house: House, idp: Idp) -> None:
    browser = house.browser()
    signs_on(browser, idp)
    (one,) = house.parts.sessions.of("li.na")
    assert one.proven is None
    assert "Chrome · Windows" in house.says("li.na", "/login sessions").text
    browser.presses("/me/codes/new")
    assert [browser.presses("/me/codes/prove", "000000").status_code for _ in range(5)][-1] == 403
    assert not inside(browser), "five wrong codes end it"
    signs_on(browser, idp)
    house.says("li.na", "/login revoke")
    assert not inside(browser)


def test_who_was_logged_in_before_in_this_browser_is_out(house: House, idp: Idp) -> None:
    browser = house.logged_in("wang.qiang")
    signs_on(browser, idp)
    assert house.parts.sessions.of("wang.qiang") == []
    assert trail(house, "wang.qiang")[-1][1]["why"] == "new_login"


def test_the_address_fits_whatever_its_case(house: House, idp: Idp) -> None:
    idp.who["email"] = "Li.Na@Example.COM"
    browser = house.browser()
    signs_on(browser, idp)
    assert inside(browser)


def test_a_sign_that_only_looks_like_a_letter_is_another_address(house: House, idp: Idp) -> None:
    idp.who["email"] = "li.na@example.com".replace("i", "\u0131", 1)
    assert signs_on(house.browser(), idp).status_code == 403


def test_another_claim_and_an_id_of_the_plan(tmp_path: Path, clock: Clock, idp: Idp) -> None:
    plan = planned(tmp_path, 'id = "li.na"\n', 'id = "li.na"\nidentities = { oidc = "E1007" }\n')
    house = made(tmp_path, clock, **idp.settings(), GENGFU_PLAN_DIR=str(plan), OIDC_PERSON_CLAIM="employee")
    idp.who = {"sub": "u-1", "employee": "E1007", "email": "wang.qiang@example.com"}
    browser = house.browser()
    signs_on(browser, idp)
    assert [len(house.parts.sessions.of(person)) for person in ("li.na", "wang.qiang")] == [1, 0]
    idp.who = {"sub": "u-1", "email": "li.na@example.com"}
    assert signs_on(house.browser(), idp).status_code == 403, "the claim is missing"
    house.parts.close()


def test_a_provider_that_wants_the_secret_in_the_form(house: House, idp: Idp) -> None:
    idp.methods = ["client_secret_post"]
    browser = house.browser()
    signs_on(browser, idp)
    assert inside(browser)


# Callbacks that prove nothing


def test_a_wrong_state_is_refused_and_the_attempt_lives_on(house: House, idp: Idp) -> None:
    browser = house.browser()
    back = sent_back(browser, idp)
    kept = dict(browser.cookies)
    for wrong in ("", "x", "x" * 43, "é"):
        browser.cookies = dict(kept)
        answer = browser.get("/login/oidc/callback", **HERE) if not wrong else browser.get(back.replace("state=", f"state={wrong}"), **HERE)
        assert (answer.status_code, "没有完成" in answer.text) == (403, True)
    assert asked(idp, "/token") == 0, "the code is not shown to anybody"
    browser.cookies = dict(kept)
    browser.get(back, **HERE)
    assert inside(browser)


def test_a_callback_is_good_once(house: House, idp: Idp) -> None:
    browser = house.browser()
    back = sent_back(browser, idp)
    kept = dict(browser.cookies)
    assert browser.get(back, **HERE).status_code == 200
    browser.cookies = kept
    assert browser.get(back, **HERE).status_code == 403
    assert (asked(idp, "/token"), len(house.parts.sessions.of("li.na"))) == (1, 1)


def test_a_code_that_was_used_at_the_provider_lets_nobody_in(house: House, idp: Idp) -> None:
    first, second = house.browser(), house.browser()
    code = sent_back(first, idp).partition("code=")[2].partition("&")[0]
    own = sent_back(second, idp)
    signs_on(first, idp)
    swapped = own.replace(own.partition("code=")[2].partition("&")[0], code)
    assert second.get(swapped, **HERE).status_code == 403, "PKCE: the code belongs to another attempt"
    assert not inside(second)


def test_a_stolen_callback_opens_nothing_in_another_browser_and_harms_nobody(house: House, idp: Idp) -> None:
    mine, thief = house.browser(), house.browser(PHONE, "10.9.9.9")
    back = sent_back(mine, idp)
    assert thief.get(back, **HERE).status_code == 403
    sent_back(thief, idp)
    assert thief.get(back, **HERE).status_code == 403, "also with an attempt of its own"
    assert not inside(thief)
    mine.get(back, **HERE)
    assert inside(mine)


def test_who_takes_too_long_begins_again(house: House, idp: Idp, clock: Clock) -> None:
    browser = house.browser()
    back = sent_back(browser, idp)
    clock.pass_time(minutes=10, seconds=1)
    assert browser.get(back, **HERE).status_code == 403
    assert asked(idp, "/token") == 0


def test_whoever_changed_their_mind_at_the_provider(house: House, idp: Idp) -> None:
    browser = house.browser()
    state = sent_back(browser, idp).partition("state=")[2].partition("&")[0]
    assert browser.get(f"/login/oidc/callback?error=access_denied&state={state}", **HERE).status_code == 403
    assert asked(idp, "/token") == 0


def test_another_site_cannot_send_people_on_this_way(house: House, idp: Idp) -> None:
    browser = house.browser()
    answer = browser.get("/login/oidc", **ELSEWHERE)
    assert (answer.headers["location"], browser.cookies) == ("/login", {})


def test_nobody_begins_without_end(house: House, idp: Idp) -> None:
    codes = [house.browser().get("/login/oidc", **HERE).status_code for _ in range(301)]
    assert codes == [303] * 300 + [429]
    assert house.browser(address="10.7.7.7").get("/login/oidc", **HERE).status_code == 303
    assert asked(idp, "/.well-known/openid-configuration") == 1, "what is known is not asked for again"


# Tokens that prove nothing


def changed(**claims: Any) -> Forge:
    return lambda key, header, said: rs256(key, header, {name: value for name, value in {**said, **claims}.items() if value is not ...})


NOW = int(START.timestamp())
STRANGER = Key("k1", "stranger")
FORGED: dict[str, Forge] = {
    "of another attempt": changed(nonce="x" * 43),
    "of no attempt": changed(nonce=...),
    "a list of attempts": lambda key, header, said: rs256(key, header, {**said, "nonce": [said["nonce"], "x"]}),
    "for another": changed(aud="payroll"),
    "for several, and meant for another": changed(aud=["payroll", Idp.client], azp="payroll"),
    "for several, and nobody meant": changed(aud=["payroll", Idp.client]),
    "for nobody": changed(aud=...),
    "of another provider": changed(iss="https://login.evil.example"),
    "expired": changed(iat=NOW - 400, exp=NOW - 61),
    "without an end": changed(exp=...),
    "of tomorrow": changed(iat=NOW + 86400, exp=NOW + 90000),
    "an end that is none": changed(exp="never"),
    "an end beyond all numbers": changed(exp=1e400),
    "of nobody": changed(sub=...),
    "no address": changed(email=...),
    "an address that is none": changed(email=["li.na@example.com"]),
    "an address that is true": changed(email=True),
    "an address that nobody has checked": changed(email_verified=False),
    "unsigned": lambda key, header, said: unsigned(header, said),
    "signed with the public key": lambda key, header, said: hs256(key.pem, header, said),
    "signed with our own secret": lambda key, header, said: hs256(Idp.secret.encode(), header, said),
    "signed by a stranger": lambda key, header, said: rs256(STRANGER, header, said),
    "signed by a key of its own": lambda key, header, said: rs256(STRANGER, {**header, "jwk": STRANGER.public}, said),
    "with a demand that nobody knows": lambda key, header, said: rs256(key, {**header, "crit": ["exotic"], "exotic": 1}, said),
    "cut": lambda key, header, said: rs256(key, header, said)[:-8],
    "changed after it was signed": lambda key, header, said: rs256(key, header, said).replace(".", ".e", 1),
    "no token": lambda key, header, said: "no token",
    "empty": lambda key, header, said: "",
    "no object": lambda key, header, said: rs256(key, header, [said]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("how", FORGED)
def test_a_token_that_proves_nothing_lets_nobody_in(house: House, idp: Idp, how: str, caplog: pytest.LogCaptureFixture) -> None:
    idp.forge = FORGED[how]
    browser = house.browser()
    answer = signs_on(browser, idp)
    assert (answer.status_code, "没有完成" in answer.text) == (403, True), answer.text
    assert not inside(browser)
    assert browser.cookies == {}, "the attempt is over"
    (record,) = [one for one in caplog.records if one.name == "bot.web.sign_on"]
    assert (record.action, "eyJ" in record.reason) == ("sign_on_refused", False)  # type: ignore[attr-defined]


def test_a_clock_that_is_a_little_off_is_no_reason(house: House, idp: Idp) -> None:
    idp.forge = changed(iat=NOW + 50, exp=NOW + 60, nbf=NOW + 50)
    browser = house.browser()
    signs_on(browser, idp)
    assert inside(browser)


@given(token=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True))
def test_whatever_stands_there_nothing_else_comes_of_it(token: str) -> None:
    issuer = Issuer(Client("https://login.example.com", "gengfu", "x", CALLBACK), httpx.AsyncClient(), lambda: START)

    async def check() -> None:
        from joserfc.jwk import KeySet

        issuer._keep("keys", KeySet([]))
        with pytest.raises((NotProved, Away)):
            await issuer.claims(token, "n")

    asyncio.run(check())


# Keys


def test_keys_that_changed_are_asked_for_once_more(house: House, idp: Idp) -> None:
    signs_on(house.browser(), idp)
    assert asked(idp, "/keys") == 1
    idp.rotates("k2")
    browser = house.browser()
    signs_on(browser, idp)
    assert (inside(browser), asked(idp, "/keys")) == (True, 2)
    signs_on(house.browser(), idp)
    assert asked(idp, "/keys") == 2, "they are known now"


def test_a_key_that_is_nowhere_is_asked_for_once_and_no_more(house: House, idp: Idp) -> None:
    signs_on(house.browser(), idp)
    idp.forge = lambda key, header, said: rs256(Key("lost"), {**header, "kid": "lost"}, said)
    assert signs_on(house.browser(), idp).status_code == 403
    assert asked(idp, "/keys") == 2


def test_keys_are_known_for_an_hour(house: House, idp: Idp, clock: Clock) -> None:
    signs_on(house.browser(), idp)
    clock.pass_time(hours=1)
    signs_on(house.browser(), idp)
    assert (asked(idp, "/keys"), asked(idp, "/.well-known/openid-configuration")) == (2, 2)


def test_what_stands_among_the_keys_and_is_none_is_passed_over(house: House, idp: Idp) -> None:
    shared = {"kty": "oct", "kid": "k0", "k": "c2VjcmV0", "alg": "HS256"}
    idp.more_keys = [shared, {"kty": "post-quantum"}, {"kty": "RSA"}, 5, {**STRANGER.public, "use": "enc"}]  # type: ignore[list-item]
    browser = house.browser()
    signs_on(browser, idp)
    assert inside(browser)
    idp.forge = lambda key, header, said: hs256(b"secret", {**header, "kid": "k0"}, said)
    assert signs_on(house.browser(), idp).status_code == 403


# People


def planned(folder: Path, old: str, new: str) -> Path:
    """The sample plan with one change."""
    plan = folder / "plan"
    shutil.copytree(SAMPLE_PLAN, plan)
    file = plan / "organization.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    return plan


def test_who_is_not_in_the_plan_is_refused_and_recorded(house: House, idp: Idp) -> None:
    idp.who["email"] = "stranger@example.com"
    browser = house.browser()
    answer = signs_on(browser, idp)
    assert (answer.status_code, "不在预案的名单里" in answer.text) == (403, True)
    assert not inside(browser)
    for _ in range(6):
        signs_on(house.browser(), idp)
    reason = {"command": "web", "reason": "login.oidc_unknown"}
    assert trail(house, "oidc:stranger@example.com") == [("refused", reason)] * 5, "nobody fills the trail"


def test_what_the_provider_calls_somebody_is_shown_and_never_markup(house: House, idp: Idp) -> None:
    idp.who["email"] = '<script>alert(1)</script>\x00\n"' + "x" * 300
    text = signs_on(house.browser(), idp).text
    assert "alert(1)" in text
    assert "<script" not in text
    assert "x" * 100 not in text


def test_an_address_of_two_is_nobodys(tmp_path: Path, clock: Clock, idp: Idp) -> None:
    plan = planned(tmp_path, '"wang.qiang@example.com"', '"LI.NA@example.com"')
    (finding,) = [one for one in check_plan(plan, START.date()) if one.code == "shared_mail"]
    assert (finding.severity, finding.values["name"]) == ("warning", "LI.NA@example.com"), "the plan loads: who shares an address gets mail"
    house = made(tmp_path, clock, **idp.settings(), GENGFU_PLAN_DIR=str(plan))
    browser = house.browser()
    answer = signs_on(browser, idp)
    assert (answer.status_code, "分不清是谁" in answer.text) == (403, True)
    assert not inside(browser)
    assert [details["reason"] for _, details in trail(house, "oidc:li.na@example.com")] == ["login.oidc_several"]
    house.parts.close()


def test_who_leaves_the_plan_is_out_at_once(house: House, idp: Idp) -> None:
    browser = house.browser()
    signs_on(browser, idp)
    people = {id: person for id, person in house.parts.plans.organization.people.items() if id != "li.na"}
    object.__setattr__(house.parts.plans.organization, "people", people)
    assert not inside(browser)
    assert signs_on(house.browser(), idp).status_code == 403


# A provider that is away


def test_where_the_provider_is_down_the_link_still_works(house: House, idp: Idp) -> None:
    idp.stops()
    browser = house.browser()
    answer = browser.get("/login/oidc", **HERE)
    assert (answer.status_code, "请改用链接" in answer.text) == (503, True)
    assert browser.logs_in(house.link("li.na")).status_code == 303
    assert inside(browser)


def test_a_provider_that_goes_away_in_between(house: House, idp: Idp) -> None:
    browser = house.browser()
    back = sent_back(browser, idp)
    idp.stops()
    answer = browser.get(back, **HERE)
    assert (answer.status_code, "请改用链接" in answer.text) == (503, True)


WRONG: dict[str, Json] = {
    "another issuer": {"issuer": "https://login.evil.example"},
    "no issuer": {"issuer": None},
    "plain http elsewhere": {"token_endpoint": "http://login.evil.example/token"},
    "no keys": {"jwks_uri": None},
    "no address": {"authorization_endpoint": "javascript:alert(1)"},
    "no address at all": {"authorization_endpoint": "https://["},
}


@pytest.mark.parametrize("how", WRONG)
def test_a_provider_that_says_something_else_of_itself_is_not_asked(house: House, idp: Idp, how: str) -> None:
    idp.speak = lambda said: said | WRONG[how]
    assert house.browser().get("/login/oidc", **HERE).status_code == 503


def test_a_secret_that_the_provider_refuses_is_an_operators_matter(tmp_path: Path, clock: Clock, idp: Idp) -> None:
    house = made(tmp_path, clock, **{**idp.settings(), "OIDC_CLIENT_SECRET": "old"})
    assert signs_on(house.browser(), idp).status_code == 503
    house.parts.close()


# The doctor


def doctor(idp: Idp, clock: Clock, **more: str) -> str:
    given = {"GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY, "GENGFU_CONSOLE": "on", "GENGFU_LOCALE": "en", **idp.settings()}
    lines: list[str] = []
    Doctor(read_settings(given | more, None), clock).run(lines.append)
    return "\n".join(line for line in lines if "company login" in line)


def test_the_doctor_looks_at_the_description_and_the_clock(idp: Idp, clock: Clock) -> None:
    text = doctor(idp, clock)
    assert f"ok  company login: {idp.url} answers; the callback to register there is {CALLBACK}" in text
    assert "near enough" in text
    assert "have an e-mail address or a company account" in text
    assert Idp.secret not in text
    assert asked(idp, "/token") == 0
    assert "attention" not in text
    assert "bad  company login: the clocks" in doctor(idp, Clock(clock().replace(hour=9)))
    assert "bad  company login" in doctor(idp, clock, OIDC_ISSUER=f"{idp.url}/")


def test_the_doctor_of_a_provider_without_keys_or_without_an_answer(idp: Idp, clock: Clock) -> None:
    idp.keys = []
    assert "no key by which" in doctor(idp, clock)
    idp.stops()
    assert "cannot be reached" in doctor(idp, clock)


# A link and an account are the same door


def test_both_roads_lead_to_sessions_that_know_of_each_other(house: House, idp: Idp) -> None:
    by_link, by_account = house.logged_in("li.na"), house.browser(CHROME)
    signs_on(by_account, idp)
    assert by_account.get("/me").text.count("Chrome · Windows") == 2
    assert by_account.post("/logout", hidden(by_account.get("/me").text)).status_code == 303
    assert (inside(by_link), inside(by_account)) == (True, False)
