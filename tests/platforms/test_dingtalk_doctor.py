"""What `gengfu doctor` says of DingTalk: each finding as it should be and broken, and no secret in any of it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.bootstrap import real_now
from bot.config import read_settings
from bot.doctor import Doctor
from bot.platforms.core.container import key_of
from bot.platforms.core.http import client
from bot.platforms.dingtalk.checkup import EVENTS, Checkup, Setup
from storage.database import Database
from tests.dingtalk_firm import AES_KEY, TOKEN, firm_on_dingtalk, settings_on, staff_id
from tests.ready import with_schema
from tests.simulators.dingtalk import Sim


class House:
    def __init__(self, folder: Path, sim: Sim, mode: str) -> None:
        self.sim = sim
        self.slow_by = timedelta(0)
        self.given = {
            **settings_on(sim, folder, "http" if mode == "http" else "stream", "en"),
            "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}",
            "GENGFU_PUBLIC_URL": "https://gengfu.example.com",
        }
        database = Database(self.given["GENGFU_DATABASE_URL"])
        with_schema(database)
        database.close()

    def says(self, **more: str) -> str:
        lines: list[str] = []
        settings = read_settings({name: value for name, value in {**self.given, **more}.items() if value}, None)
        Doctor(settings, lambda: real_now() - self.slow_by).run(lines.append)
        text = "\n".join(lines)
        for secret in (self.sim.state.app_secret, TOKEN, AES_KEY):
            assert secret not in text
        return text


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Sim() as sim:
        house = House(tmp_path, sim, "stream")
        sim.state.qps = 1000  # its clock stands still, the doctor's does not
        doctor = Doctor(read_settings(house.given, None), real_now)
        for identity in doctor._identities("dingtalk"):
            sim.add_person(identity, identity)
        yield house


def test_all_is_well_on_the_stream(house: House) -> None:
    text = house.says()
    assert not [line for line in text.split("\n") if line.startswith(("bad", "attention")) and "DingTalk" in line], text
    for part in ("credentials of app", "the stream can be opened", "card template", "have a DingTalk id", "5000 calls", "3000 webhook"):
        assert part in text, part
    assert "dingtalk (stream)" in text


def test_a_wrong_secret_is_said_and_nothing_else_is_asked(house: House) -> None:
    text = house.says(DINGTALK_CLIENT_SECRET="not-the-secret")
    assert "bad  DingTalk: Asking for a token was refused" in text
    assert "DINGTALK_CLIENT_SECRET" in text
    assert "stream can be opened" not in text


def test_who_is_unknown_is_named(house: House) -> None:
    del house.sim.state.people[staff_id("li.na")]
    assert "DingTalk does not know 1 ids of the plan: dlina" in house.says()
    house.sim.state.permissions.discard("qyapi_get_member")
    assert "could not be looked up" in house.says()


def test_what_is_done_without_templates_is_said(house: House) -> None:
    text = house.says(DINGTALK_CARD_TEMPLATE_ID="", DINGTALK_SCENE_TEMPLATE_ID="")
    assert "attention  DingTalk: no card template" in text
    assert "attention  DingTalk: no scene group template" in text


def test_a_clock_that_is_wrong_by_more_than_an_hour_is_bad(house: House) -> None:
    house.slow_by = timedelta(minutes=5)
    assert "attention  DingTalk: this host's clock is" in house.says()
    house.slow_by = timedelta(minutes=70)
    assert "bad  DingTalk: this host's clock is" in house.says()


def test_nobody_there(house: House) -> None:
    assert "bad  DingTalk: DingTalk cannot be asked" in house.says(DINGTALK_API_BASE="http://127.0.0.1:9")


def test_callbacks_are_looked_over_and_what_they_cannot_do_is_said(tmp_path: Path) -> None:
    with Sim() as sim:
        house = House(tmp_path, sim, "http")
        text = house.says()
        assert "signs neither messages nor taps" in text
        assert "https://gengfu.example.com/callbacks/dingtalk/events" in text
        assert "cannot be reached from here" in text
        assert "no public https address" in house.says(GENGFU_PUBLIC_URL="http://127.0.0.1:8000")


def test_the_address_of_events_answers_the_doctors_own_check(tmp_path: Path) -> None:
    """Behind the check for a public address, which no test has."""

    with firm_on_dingtalk(tmp_path, "http") as firm:

        async def work(key: str) -> str:
            state = firm.sim.state
            setup = Setup(state.app_key, state.app_secret, "http", TOKEN, key_of(key), "", "", firm.url)
            async with client(firm.sim.url) as http, client(firm.url) as away:
                return (await Checkup(http, http, away, setup, firm.sim.clock)._knock(firm.url + EVENTS)).key

        assert asyncio.run(work(AES_KEY)) == "answers"
        assert asyncio.run(work("A" * 43)) in ("answers_wrongly", "unanswered")
