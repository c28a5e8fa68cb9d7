"""What `gengfu doctor` says of WeCom: the table of what can be done, and each finding once as it should be and once broken."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.bootstrap import SAMPLE_PLAN, real_now
from bot.config import LOCALES, read_settings
from bot.doctor import Doctor
from bot.platforms.feishu.checkup import mobile
from bot.platforms.wecom.app_inbound import AppSecrets
from bot.platforms.wecom.calls import NEVER, STOP
from bot.platforms.wecom.checkup import ROWS, Checkup, table
from bot.platforms.wecom.crypt import Envelope
from handlers.core.reasons import known
from handlers.core.wording import Words
from storage.plan import load_plan
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import AES_KEY, TOKEN, Mode, firm_on_wecom, settings_on
from tests.world import SMALL_PLAN
from workflows.core.errors import BadConfig

SECRETS = ("WECOM_SECRET", "WECOM_TOKEN", "WECOM_AES_KEY", "WECOM_BOT_SECRET", "WECOM_BOT_TOKEN", "WECOM_BOT_AES_KEY")


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        yield sim
        assert sim.oddities == []


def said(sim: Sim, folder: Path, mode: Mode, now: Callable[[], datetime] = real_now, **also: str) -> str:
    names = {**settings_on(sim, folder, mode, "en", SMALL_PLAN), "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'none.db'}"}
    names |= {"GENGFU_PUBLIC_URL": "https://gengfu.invalid.example.com", **also}
    lines: list[str] = []
    Doctor(read_settings(names, None), now).run(lines.append)
    text = "\n".join(lines)
    assert not [name for name in SECRETS if names.get(name) and names[name] in text]
    return "\n".join(line for line in text.split("\n") if "WeCom" in line or line.startswith("    "))


def everybody(sim: Sim, folder: Path) -> None:
    text = (SMALL_PLAN / "organization.toml").read_text("utf-8")
    for line in text.split("\n"):
        if line.startswith('id = "') and "." in line:
            person = line.split('"')[1]
            sim.add_person(userid(person), person)


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        (
            "app",
            ("by the app, at any time", "no; send them one-to-one", "only receive", "commands go one-to-one", "once more within 72 hours"),
        ),
        ("robot", ("once they have said something to it", "by mentioning it", "cards are tried", "make one by hand", "only when a button")),
        (
            "both",
            ("by the app, at any time", "by mentioning it", "cards are tried", "adds the smart robot by hand", "once more within 72 hours"),
        ),
        (
            "callback",
            ("by the app, at any time", "by mentioning it", "only answers what was said", "needs its long connection", "once more"),
        ),
    ],
)
def test_the_table_tells_what_each_deployment_can_do(sim: Sim, tmp_path: Path, mode: Mode, rows: tuple[str, ...]) -> None:
    text = said(sim, tmp_path, mode)
    lines = [line for line in text.partition("what it can do\n")[2].split("\n") if line.startswith("    ")]
    assert len(lines) >= len(ROWS)
    for row, line in zip(rows, lines, strict=False):
        assert row in line


def test_the_table_is_there_in_both_languages() -> None:
    for locale in LOCALES.values():
        words = Words.load(locale, "Asia/Shanghai")
        for app, robot in ((True, ""), (False, "ws"), (True, "ws"), (True, "http")):
            for what, how in table(app, robot):
                assert words.say(f"doctor.wecom_can.{what}")
                assert words.say(f"doctor.wecom_how.{how}")


def test_an_app_that_is_set_up_well(sim: Sim, tmp_path: Path) -> None:
    everybody(sim, tmp_path)
    text = said(sim, tmp_path, "app")
    assert "the credentials of app 1000002 are good" in text
    assert "clocks are less than" not in text
    assert "this host's clock and WeCom's are less than" in text
    assert "the app sees all" in text
    assert "the app's callback address: https://gengfu.invalid.example.com/callbacks/wecom" in text
    assert "have a WeCom identity" in text


def test_whom_the_app_does_not_see(sim: Sim, tmp_path: Path) -> None:
    everybody(sim, tmp_path)
    sim.state.people["LiNa"].visible = False
    assert "the app does not see 1 people, who get no messages: 李娜 (LiNa)" in said(sim, tmp_path, "app")


def test_what_is_refused_says_what_to_do(sim: Sim, tmp_path: Path) -> None:
    sim.state.trusted_ips = ("10.0.0.1",)
    assert "trusted IPs" in said(sim, tmp_path / "a", "app")
    sim.state.trusted_ips = None
    assert "WECOM_SECRET is wrong" in said(sim, tmp_path / "b", "app", WECOM_SECRET="of-another-app")
    assert "is no public https address" in said(sim, tmp_path / "c", "app", GENGFU_PUBLIC_URL="http://127.0.0.1:1")


def test_both_callback_addresses_are_told_and_tried(sim: Sim, tmp_path: Path) -> None:
    everybody(sim, tmp_path)
    text = said(sim, tmp_path, "callback")
    assert "the smart robot's callback address: https://gengfu.invalid.example.com/callbacks/wecom-bot" in text
    assert text.count("cannot be reached from here") == 2


def test_a_clock_that_is_wrong(sim: Sim, tmp_path: Path) -> None:
    everybody(sim, tmp_path)
    assert "this host's clock is 10 min" in said(sim, tmp_path, "app", lambda: real_now() - timedelta(minutes=10, seconds=30))


def test_it_knocks_as_wecom_does_and_a_server_with_other_keys_is_noticed(tmp_path: Path) -> None:
    async def knock(firm_url: str, corp: str, token: str, now: Callable[[], datetime]) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            checkup = Checkup(http, http, AppSecrets(corp, 1000002, "s", token, AES_KEY), firm_url, now, lambda count: b"\x07" * count)
            return (await checkup.knock(f"{firm_url}/callbacks/wecom", Envelope(token, AES_KEY, corp, now))).key

    with firm_on_wecom(tmp_path) as firm:
        corp = firm.sim.state.corp_id
        assert asyncio.run(knock(firm.url, corp, TOKEN, firm.clock)) == "answers"
        assert asyncio.run(knock(firm.url, corp, "another", firm.clock)) == "answers_wrongly"
        assert asyncio.run(knock("http://127.0.0.1:9", corp, TOKEN, firm.clock)) == "unanswered"


# Who is who


def links(sim: Sim, folder: Path, mode: Mode = "app") -> tuple[int, list[str]]:
    names = {**settings_on(sim, folder, mode, "en", SAMPLE_PLAN), "GENGFU_DATABASE_URL": "sqlite:///none.db"}
    file = folder / "plan" / "organization.toml"
    file.write_text(re.sub(r"identities = .*\n", "", file.read_text("utf-8")), "utf-8")
    lines: list[str] = []
    code = Doctor(read_settings(names, None), real_now).link_people(lines.append)
    return code, lines


def test_link_people_by_mobile_and_where_that_leads_nowhere_by_mail(sim: Sim, tmp_path: Path) -> None:
    people = {person.id: person for person in load_plan(SAMPLE_PLAN).organization.people.values()}
    li, wang, chen = people["li.na"], people["wang.qiang"], people["chen.bo"]
    sim.add_person("LiNa", "李娜", mobile=mobile(li.phone), email="another@example.com")
    sim.add_person("WangQ", "王强", mobile="13999999999", email=wang.email)
    sim.add_person("ChenBo", "陈波", visible=False, mobile=mobile(chen.phone))
    sim.state.people["WangQ"].work_email, sim.state.people["WangQ"].email = wang.email, ""
    code, lines = links(sim, tmp_path)
    assert code == 0
    assert lines[lines.index("# li.na 李娜") + 1] == 'identities = { wecom = "LiNa" }'
    assert lines[lines.index(f"# wang.qiang {wang.name}") + 1] == 'identities = { wecom = "WangQ" }'
    assert f"# chen.bo {chen.name}: WeCom knows neither" in "\n".join(lines)
    assert lines[-1].startswith(f"# 2 of {len(people)} people found")
    asked = [one.request for one in sim.calls("POST /user/get_userid_by_email")]
    assert not [one for one in asked if li.email.encode() in one.body], "whom the number leads to is not asked for again"


def test_link_people_stops_before_wecom_does(sim: Sim, tmp_path: Path) -> None:
    """A plan with wrong numbers would have the interface shut for a day."""
    more = "".join(f'\n[[person]]\nid = "p{n}"\nname = "人{n}"\nphone = "139{n:08}"\n' for n in range(80))
    source = tmp_path / "source"
    shutil.copytree(SMALL_PLAN, source)
    (source / "organization.toml").write_text((SMALL_PLAN / "organization.toml").read_text("utf-8") + more, "utf-8")
    names = settings_on(sim, tmp_path / "large", "app", "en", source)
    lines: list[str] = []
    assert Doctor(read_settings({**names, "GENGFU_DATABASE_URL": "sqlite:///none.db"}, None), real_now).link_people(lines.append) == 0
    assert "look-ups led nowhere, and no more are made" in lines[0]
    assert sim.state.misses["getuserid"] <= sim.state.accounts / 10


def test_link_people_says_what_an_administrator_has_to_do(sim: Sim, tmp_path: Path) -> None:
    sim.faults.add("POST /cgi-bin/user/getuserid", "answer", code=48002, status=200, message="api forbidden")
    code, lines = links(sim, tmp_path / "a")
    assert (code, "an administrator of WeCom must allow it" in lines[0], "api forbidden" in lines[0]) == (1, True, True)
    sim.state.trusted_ips = ("10.0.0.1",)
    code, lines = links(sim, tmp_path / "b")
    assert (code, len(lines), "trusted IPs" in lines[0], "from ip: 127.0.0.1" in lines[0]) == (1, 1, True, True)
    with pytest.raises(BadConfig, match="WeCom's self-built app"):
        links(sim, tmp_path / "c", "robot")


def test_every_code_that_we_know_is_put_into_words() -> None:
    for locale in LOCALES.values():
        words = Words.load(locale, "Asia/Shanghai")
        assert all(known(words, text) for text in (*STOP.values(), *NEVER.values()))
