"""Where the plan asks for it, an approval on the web needs a fresh one-time code; one in a messenger does not."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN
from storage.plan import PlanError, load_plan
from storage.totp import code_at, counter_at
from tests.bot.web_world import Browser, House, made
from tests.make import Clock
from tests.storage.totp_seed import seed_of


def plan(folder: Path, step_up: str) -> Path:
    shutil.copytree(SAMPLE_PLAN, folder)
    path = folder / "response.toml"
    path.write_text(path.read_text("utf-8").replace('name = "三级响应"', f'name = "三级响应"\nstep_up = {step_up}', 1), "utf-8")
    return folder


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock(), GENGFU_PLAN_DIR=str(plan(tmp_path / "plan", '["approve"]')))
    assert found.says("sun.jie", "/incident open 行情中断 类型=系统故障").error is None
    assert found.says("sun.jie", "/incident activate I1").error is None
    yield found
    found.parts.close()


def says(browser: Browser, person: str, text: str, event: str) -> str | None:
    room = browser.house.parts.rooms.direct(person)
    said = {"id": event, "kind": "text", "chat": room, "text": text}
    answer = browser.says(room, said).json()
    return str(answer["error"]) if answer["error"] else None


def test_an_approval_on_the_web_waits_for_a_code_that_is_not_ten_minutes_old(house: House) -> None:
    browser = house.logged_in("zhou.heng")
    assert says(browser, "zhou.heng", "/approve A1", "event-0001") == "login.step_up"
    house.settle()
    assert any("/me" in text for text in house.told("zhou.heng")), "the answer says what to do"
    browser.presses("/me/codes/new")
    seed = seed_of(house.parts.database, house.parts.road.house.cipher, "zhou.heng")
    assert browser.presses("/me/codes/prove", code_at(seed, counter_at(house.clock()))).status_code == 303
    house.clock.pass_time(minutes=10, seconds=1)
    assert says(browser, "zhou.heng", "/approve A1", "event-0002") == "login.step_up"
    assert says(browser, "zhou.heng", "/incident activate I1", "event-0003") == "login.step_up", "nor directly"
    assert browser.presses("/me/codes/prove", code_at(seed, counter_at(house.clock()))).status_code == 303
    house.clock.pass_time(minutes=10)
    assert says(browser, "zhou.heng", "/approve A1", "event-0004") is None


def test_the_code_of_one_session_does_not_vouch_for_another(house: House) -> None:
    mine, other = house.logged_in("zhou.heng"), house.logged_in("zhou.heng")
    mine.presses("/me/codes/new")
    seed = seed_of(house.parts.database, house.parts.road.house.cipher, "zhou.heng")
    assert mine.presses("/me/codes/prove", code_at(seed, counter_at(house.clock()))).status_code == 303
    assert says(other, "zhou.heng", "/approve A1", "event-0001") == "login.step_up"


def test_what_is_no_approval_needs_no_code_and_neither_does_a_messenger(house: House) -> None:
    browser = house.logged_in("zhou.heng")
    assert says(browser, "zhou.heng", "/incident show I1", "event-0001") is None
    assert house.says("zhou.heng", "/approve A1").error is None


def test_a_spoken_yes_that_somebody_writes_down_on_the_web_needs_the_code_too(house: House) -> None:
    assert says(house.logged_in("sun.jie"), "sun.jie", "/approve A1 oral=zhou.heng 电话", "event-0001") == "login.step_up"


@pytest.mark.parametrize(
    ("written", "code"), [('["aprove"]', "unknown_name"), ('["export"]', "unknown_name_far"), ('"approve"', "not_texts")]
)
def test_the_plan_is_told_what_it_can_ask_for(tmp_path: Path, written: str, code: str) -> None:
    with pytest.raises(PlanError) as refused:
        load_plan(plan(tmp_path / "plan", written))
    assert [(f.file, f.code) for f in refused.value.findings] == [("response.toml", code)]
