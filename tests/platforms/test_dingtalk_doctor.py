"""What `gengfu doctor` says of DingTalk: each finding as it should be and broken, and no secret in any of it."""

import asyncio
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
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
from storage.plan import load_plan
from tests.dingtalk_firm import AES_KEY, TOKEN, firm_on_dingtalk, settings_on, staff_id
from tests.ready import with_schema
from tests.simulators.core.stage import RealClock
from tests.simulators.dingtalk import OURS, Sim
from tests.simulators.feishu import Sim as FeishuSim


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


def test_the_card_template_is_tried_and_nobody_sees_it(house: House) -> None:
    state = house.sim.state
    state.templates["draft.schema"] = replace(OURS, id="draft.schema", published=False)
    assert f"ok  DingTalk: card template {OURS.id} is there and published" in house.says()
    for template, code in (("draft.schema", "param.templateUnpublished"), ("another.schema", "param.templateNotExist")):
        text = house.says(DINGTALK_CARD_TEMPLATE_ID=template)
        assert f"bad  DingTalk: Making a card that nobody is shown was refused (code {code})" in text
    state.permissions.discard("Card.Instance.Write")
    assert "[Card.Instance.Write]" in house.says()
    state.permissions.add("Card.Instance.Write")
    assert not [card for card in state.cards.values() if card.spaces]
    assert not house.sim.said
    used = state.calls.used
    house.says()
    assert state.calls.used == used + 1, "one call of the month"


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


# Who is who


def links(house: House, **more: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = Doctor(read_settings({**house.given, **more}, None), real_now).link_people(lines.append)
    return code, lines


def unlinked(house: House) -> Path:
    """The plan as somebody has it before anybody was looked up; DingTalk knows their numbers."""
    file = Path(house.given["GENGFU_PLAN_DIR"]) / "organization.toml"
    text = re.sub(r"(identities|phone) = .*\n", "", file.read_text("utf-8"))
    for number, person in enumerate(load_plan(file.parent).organization.people.values()):
        phone = f"138{number:08}"
        house.sim.state.people[person.identities["dingtalk"]].mobile = phone
        text = text.replace(f'id = "{person.id}"\n', f'id = "{person.id}"\nphone = "{phone}"\n')
    file.write_text(text, "utf-8")
    return file


def test_link_people_by_mobile_number(house: House) -> None:
    file = unlinked(house)
    people = load_plan(file.parent).organization.people
    text = file.read_text("utf-8").replace(f'phone = "{people["wang.qiang"].phone}"', f'phone = "+86 {people["wang.qiang"].phone}"')
    text = text.replace('id = "li.na"\n', 'id = "li.na"\nidentities = { wecom = "LiNa" }\n')
    file.write_text(text.replace(f'phone = "{people["zhou.heng"].phone}"\n', ""), "utf-8")
    del house.sim.state.people[staff_id("han.tao")]
    house.sim.state.made_accounts[people["han.tao"].phone] = ["made-han"]
    house.sim.state.people[staff_id("wu.di")].mobile = ""
    code, lines = links(house)
    told = "\n".join(lines)
    assert code == 0
    assert tomllib.loads(lines[lines.index("# li.na 李娜") + 1])["identities"] == {"wecom": "LiNa", "dingtalk": "dlina"}
    assert lines[lines.index("# wang.qiang 王强") + 1] == 'identities = { dingtalk = "dwangqiang" }', "with the country's code"
    assert lines[lines.index(f"# han.tao {people['han.tao'].name}") + 1] == 'identities = { dingtalk = "made-han" }', (
        "an account of the firm's"
    )
    assert "# zhou.heng 周衡: the plan has no mobile number, and DingTalk knows people by nothing else" in told
    assert "# wu.di 吴迪: DingTalk does not know the mobile number" in told
    assert all(one.startswith(("#", "identities")) for one in lines)
    assert lines[-1].startswith(f"# {len(people) - 2} of {len(people)} people found")
    assert house.sim.state.calls.used == 0, "the directory costs nothing of the month"


def test_link_people_says_which_permission_is_lacking(house: House) -> None:
    unlinked(house)
    house.sim.state.permissions.discard("qyapi_get_member_by_mobile")
    code, lines = links(house)
    assert code == 1
    assert "the app lacks a permission" in lines[0]
    assert "[qyapi_get_member_by_mobile]" in lines[0]
    assert "publish a version" in lines[0]
    assert len(lines) == 1, "nothing that looks as if nobody were found"
    assert "请在 开发配置 → 权限管理 开通" in links(house, GENGFU_LOCALE="zh")[1][0]
    code, lines = links(house, DINGTALK_CLIENT_SECRET="not-the-secret")
    assert (code, "DINGTALK_CLIENT_SECRET" in lines[0], "permission" in lines[0]) == (1, True, False)


def test_link_people_asks_no_faster_than_dingtalk_allows_also_for_whom_it_does_not_know(tmp_path: Path) -> None:
    with Sim(RealClock()) as sim:
        house = House(tmp_path, sim, "stream")
        for person in load_plan(Path(house.given["GENGFU_PLAN_DIR"])).organization.people.values():
            sim.add_person(person.identities["dingtalk"], person.name)
        unlinked(house)
        for known in sim.state.people.values():
            known.mobile = ""
        code, lines = links(house)
        assert code == 0, lines[0]
        assert lines[-1].startswith("# 0 of")
        assert not [one.code for one in sim.requests if one.code == 90018]


def test_link_people_of_feishu_and_dingtalk_is_one_line_for_each(house: House) -> None:
    """A firm that runs both: one line of identities for a person, remarks by messenger, and what one refuses leaves the other's."""
    file = unlinked(house)
    li = load_plan(file.parent).organization.people["li.na"]
    with FeishuSim() as feishu:
        feishu.add_person("ou_lina", "李娜", mobile=li.phone)
        on = {"FEISHU_APP_ID": feishu.state.app_id, "FEISHU_APP_SECRET": feishu.state.app_secret, "FEISHU_MODE": "ws"}
        on["FEISHU_API_BASE"] = feishu.url
        code, lines = links(house, **on)
        assert code == 0
        assert lines[lines.index("# li.na 李娜") + 1] == 'identities = { feishu = "ou_lina", dingtalk = "dlina" }'
        assert any(one.startswith("# wu.di 吴迪: Feishu: Feishu knows neither") for one in lines)
        assert [one.split(":")[0] for one in lines[-2:]] == ["# Feishu", "# DingTalk"]
        code, lines = links(house, **{**on, "FEISHU_APP_SECRET": "not-the-secret"})
        assert code == 1
        assert lines[lines.index("# li.na 李娜") + 1] == 'identities = { dingtalk = "dlina" }'
