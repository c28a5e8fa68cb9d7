"""`gengfu doctor` before the stand-ins: each finding once as it should be and once broken, and no secret in any of it."""

import asyncio
import re
import socket
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from bot.bootstrap import SAMPLE_PLAN, real_now
from bot.config import read_settings
from bot.doctor import Doctor
from bot.platforms.core.http import client
from bot.platforms.feishu.calls import NEVER, STOP, WAIT
from bot.platforms.feishu.checkup import NEEDS, Checkup, Setup, mobile
from handlers.core.wording import Words
from storage.database import Database
from storage.tables.queues import BURIED, InboxRow
from tests.feishu_firm import ENCRYPT, TOKEN, firm_on_feishu
from tests.firm import KEYS
from tests.ready import with_schema
from tests.simulators.feishu import Sim
from tests.simulators.feishu.tenant import plan_on_feishu
from tests.world import make_world

ROOT = Path(__file__).parents[2]
WRONG_SECRET = "not-the-secret-of-the-app"


class House:
    """Settings of a firm on the long connection; `says` is what the doctor says of it."""

    def __init__(self, folder: Path, sim: Sim) -> None:
        self.folder = folder
        self.sim = sim
        self.slow_by = timedelta(0)
        self.given = {
            **KEYS,
            "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}",
            "GENGFU_PUBLIC_URL": "https://gengfu.example.com",
            "GENGFU_PLAN_DIR": str(plan_on_feishu(folder / "plan", SAMPLE_PLAN)),
            "GENGFU_LOCALE": "en",
            "FEISHU_APP_ID": sim.state.app_id,
            "FEISHU_APP_SECRET": sim.state.app_secret,
            "FEISHU_MODE": "ws",
            "FEISHU_API_BASE": sim.url,
        }
        with_database(folder / "gengfu.db")

    def doctor(self, **more: str) -> Doctor:
        verbose = bool(more.pop("verbose", ""))
        return Doctor(read_settings({**self.given, **more}, None), lambda: real_now() - self.slow_by, verbose=verbose)

    def says(self, send_to: str = "", **more: str) -> str:
        lines: list[str] = []
        code = self.doctor(**more).run(lines.append, send_to)
        text = "\n".join(lines)
        assert code == int(any(line.startswith(("bad", "故障")) for line in lines)), text
        for name in ("GENGFU_DATA_KEYS", "GENGFU_SEAL_KEY", "FEISHU_APP_SECRET", "FEISHU_ENCRYPT_KEY", "FEISHU_VERIFICATION_TOKEN"):
            assert not (secret := {**self.given, **more}.get(name)) or secret not in text, name
        return text

    def links(self) -> list[str]:
        lines: list[str] = []
        assert self.doctor().link_people(lines.append) == 0
        return lines

    def plan(self, file: str, change: Callable[[str], str]) -> None:
        path = self.folder / "plan" / file
        path.write_text(change(path.read_text("utf-8")), "utf-8")


def with_database(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    with_schema(database)
    database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Sim() as sim:
        yield House(tmp_path, sim)


def line(text: str, part: str) -> str:
    """The line with `part`, and its remedy."""
    found = re.findall(rf"^\S.*{re.escape(part)}.*(?:\n .*)*", text, re.MULTILINE)
    assert len(found) == 1, text
    return str(found[0])


def test_all_is_well(house: House) -> None:
    text = house.says()
    assert "bad " not in text
    assert line(text, "credentials").startswith("ok  Feishu:")
    for part in (
        "schema",
        "data keys",
        "nothing was given up",
        "“更夫” is in use",
        "permissions that we need",
        "long connection",
        "clock and",
    ):
        assert line(text, part).startswith("ok"), part
    assert "all 23 people of the plan have a Feishu identity" in text
    assert house.sim.oddities == []
    assert house.sim.said == [], "nobody hears of a check-up"


def test_in_chinese(house: House) -> None:
    text = house.says(GENGFU_LOCALE="zh")
    assert "正常  飞书: 应用 cli_a5sim00 的凭证有效" in text
    assert not re.search(r"[{}]", text)


# The house


def test_keys_that_are_missing(house: House) -> None:
    assert line(house.says(GENGFU_SEAL_KEY=""), "not set").startswith("bad  keys: GENGFU_SEAL_KEY not set\n    → ")


def test_a_database_that_is_not_there_is_not_made(house: House) -> None:
    text = house.says(GENGFU_DATABASE_URL=f"sqlite:///{house.folder / 'other.db'}")
    assert "gengfu migrate" in line(text, "there is no database yet")
    assert not (house.folder / "other.db").exists()


def test_an_old_schema_and_a_file_that_is_no_database(house: House) -> None:
    empty, torn = house.folder / "empty.db", house.folder / "torn.db"
    empty.touch()
    torn.write_bytes(b"this is no database" * 100)
    assert "the schema is —" in house.says(GENGFU_DATABASE_URL=f"sqlite:///{empty}")
    assert line(house.says(GENGFU_DATABASE_URL=f"sqlite:///{torn}"), "cannot be used").startswith("bad")


def test_what_was_given_up(house: House) -> None:
    database = Database(house.given["GENGFU_DATABASE_URL"])
    row = InboxRow(lane="x", due=real_now(), status=BURIED, created=real_now(), event_id="e", platform="feishu", payload=b"")
    database.write(lambda tx: tx.add(row))
    database.close()
    assert "attention  given up: some work was given up: inbox 1" in house.says()


def test_deadlines_that_run_into_a_year_without_data(house: House) -> None:
    assert "calendar:" not in house.says()
    database = Database(house.given["GENGFU_DATABASE_URL"])
    world = make_world(database, start=datetime(2026, 12, 29, 2, 0, tzinfo=UTC), plan=SAMPLE_PLAN)
    figures = "平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
    for text in ("/事件 上报 类型=系统故障 集中交易中断", f"/定级 证监会=一般 {figures}", "/事件 启动", "/事件 恢复 已恢复"):
        assert world.says("li.na", text).error is None, text
    database.close()
    text = house.says()
    assert re.search(r"attention  calendar: [1-9] running deadlines fall into a year that the calendar does not have \(R\d", text), text
    assert "gengfu plan calendar --fill" in line(text, "fall into a year")


def test_a_plan_with_errors_and_one_with_warnings(house: House) -> None:
    house.plan("calendar.toml", lambda text: re.sub(rf"\n\[{real_now().year + 1}\][^\[]*", "\n", text))
    house.plan("response.toml", lambda text: text.replace('cadence = "PT30M"', 'cadence = "PT3H"', 1))
    text = house.says()
    assert "response.toml" in line(text, "errors, it cannot be used")


def test_no_messenger_at_all(house: House) -> None:
    assert line(house.says(FEISHU_APP_ID="", FEISHU_APP_SECRET="", FEISHU_MODE="", FEISHU_API_BASE=""), "nobody can be reached")


def test_links_that_lead_home_and_a_console_for_everybody(house: House) -> None:
    text = house.says(GENGFU_PUBLIC_URL="", GENGFU_CONSOLE="demo")
    assert "attention  settings: the console is in demo mode" in text
    assert "attention  settings: links in messages lead to http://127.0.0.1:8000" in text


# Feishu


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [("FEISHU_APP_SECRET", WRONG_SECRET, "FEISHU_APP_SECRET is wrong"), ("FEISHU_APP_ID", "cli_other", "does not know FEISHU_APP_ID")],
)
def test_credentials_that_are_wrong(house: House, name: str, value: str, part: str) -> None:
    text = house.says(**{name: value})
    assert line(text, part).startswith("bad  Feishu: asking for a token was refused")
    assert "permission" not in text, "without a token nothing else is asked"


def test_an_app_that_is_disabled_and_a_quota_that_is_used_up(house: House) -> None:
    house.sim.state.app_disabled = True
    assert line(house.says(), "the app is disabled")
    house.sim.state.app_disabled, house.sim.state.month_quota = False, 0
    assert "the month's quota of API calls is used up" in house.says()


def test_a_code_that_nobody_knows_is_told_as_it_is(house: House) -> None:
    house.sim.faults.add("GET /open-apis/bot/v3/info", "answer", code=424242, message="strange")
    assert "(code 424242): strange" in line(house.says(), "asking about the bot")


def test_nobody_answers(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        text = house.says(FEISHU_API_BASE=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert line(text, "cannot be asked").startswith("bad")
    house.sim.faults.outage(600)
    assert line(house.says(), "cannot be asked").startswith("bad")


def test_the_bot_is_off_or_the_app_is_not_in_use(house: House) -> None:
    house.sim.state.bot_enabled = False
    assert line(house.says(), "no bot ability").startswith("bad")
    house.sim.state.bot_enabled, house.sim.state.activate_status = True, 3
    assert "activate_status 3" in line(house.says(), "not in use")


def test_permissions_that_are_missing(house: House) -> None:
    scopes = house.sim.state.scopes
    del scopes["im:message.group_at_msg:readonly"]
    scopes["im:message.urgent:phone"] = 2
    text = house.says()
    assert line(text, "im:message.group_at_msg:readonly is not granted").startswith("bad")
    assert line(text, "im:message.urgent:phone is not granted: nobody can be buzzed by telephone").startswith("attention")
    assert text.count("is not granted") == 2


def test_narrow_permissions_do_as_well_as_the_wide_one(house: House) -> None:
    del house.sim.state.scopes["im:chat"]
    narrow = ("im:chat:create", "im:chat.members:write_only", "im:chat.top_notice:write_only", "im:chat.members:bot_access")
    house.sim.state.scopes |= dict.fromkeys(narrow, 1)
    assert "is not granted" not in house.says()


def test_permissions_that_cannot_be_asked_for(house: House) -> None:
    house.sim.state.scopes_refused = 99991672
    assert line(house.says(), "compare them by hand").startswith("attention")


def test_clocks_that_differ(house: House) -> None:
    house.slow_by = timedelta(seconds=90)
    assert line(house.says(), "slow").startswith("attention")
    house.slow_by = -timedelta(hours=9)
    assert line(house.says(), "fast").startswith("bad")


def test_a_long_connection_that_is_full(house: House) -> None:
    house.sim.faults.add("POST /callback/ws/endpoint", "answer", code=1000040350, message="the number of connections exceeded the limit")
    assert "opening the long connection was refused (code 1000040350)" in house.says()


HTTP = {"FEISHU_MODE": "http", "FEISHU_VERIFICATION_TOKEN": TOKEN, "FEISHU_ENCRYPT_KEY": ENCRYPT}


def test_a_callback_that_feishu_cannot_reach(house: House) -> None:
    for url in ("https://10.0.0.8", "http://gengfu.example.com", "https://gengfu.local"):
        text = house.says(**HTTP, GENGFU_PUBLIC_URL=url)
        assert line(text, f"{url}/callbacks/feishu is no public https address").startswith("bad")


def test_the_callback_address_is_told_to_the_letter(house: House) -> None:
    text = house.says(**HTTP, GENGFU_PUBLIC_URL="https://gengfu.invalid.example")
    assert "entered for events and for callbacks: https://gengfu.invalid.example/callbacks/feishu\n" in text
    assert line(text, "cannot be reached from here").startswith("attention")


def test_the_doctor_knocks_as_feishu_does_and_a_server_with_other_keys_is_noticed(tmp_path: Path) -> None:
    """Behind the check for a public address: a stand-in for that would need a certificate that the whole world trusts."""

    async def knock(url: str, key: str) -> str:
        async with client(url) as http:
            setup = Setup("cli_a", "x", "http", TOKEN, key, url)
            return (await Checkup(http, http, setup, real_now)._knock(f"{url}/callbacks/feishu")).key

    with firm_on_feishu(tmp_path) as firm:
        assert asyncio.run(knock(firm.url, ENCRYPT)) == "answers"
        assert asyncio.run(knock(firm.url, "another-key")) == "unanswered"


def test_people_without_an_identity_are_counted_and_named_on_demand(house: House) -> None:
    house.plan("organization.toml", lambda text: text.replace('identities = { feishu = "ou_lina" }\n', ""))
    assert "1 of the plan's 23 people have no Feishu identity: --verbose" in house.says()
    assert "李娜 (li.na)" in line(house.says(verbose="yes"), "have no Feishu identity")
    house.plan("organization.toml", lambda text: re.sub(r"identities = .*\n", "", text))
    assert line(house.says(), "nobody gets a message").startswith("bad")


# Who is who


def test_link_people_prints_lines_that_belong_into_the_file(house: House) -> None:
    house.plan("organization.toml", lambda text: re.sub(r"identities = .*\n", "", text))
    house.plan("organization.toml", lambda text: text.replace('id = "wu.di"\n', 'id = "wu.di"\nidentities = { wecom = "WuDi" }\n'))
    add = house.sim.add_person
    add("ou_lina_real", "李娜", email="li.na@example.com", mobile="13800000003")
    add("ou_wu", "吴迪", mobile="13800000005")
    add("ou_sun_1", "孙洁", email="sun.jie@example.com")
    add("ou_sun_2", "孙洁", mobile="13800000004")
    add("ou_chen", "陈波", email="chen.bo@example.com", mobile="13800000001")
    lines = house.links()
    assert lines[lines.index("# li.na 李娜") + 1] == 'identities = { feishu = "ou_lina_real" }'
    assert tomllib.loads(lines[lines.index("# wu.di 吴迪") + 1])["identities"] == {"wecom": "WuDi", "feishu": "ou_wu"}
    told = "\n".join(lines)
    assert "# sun.jie 孙洁: the e-mail address and the mobile number lead to different people, please look: ou_sun_1, ou_sun_2" in told
    assert "# chen.bo 陈波: leads to the same account ou_chen as 周衡" in told
    assert "# wang.qiang 王强: Feishu knows neither" in told
    assert all(one.startswith(("#", "identities")) for one in lines)
    assert lines[-1].startswith("# 4 of 23 people found")
    assert not [one for one in house.sim.requests if one.code == 99992402], "asked in lots that Feishu takes"


def test_link_people_of_a_large_firm_asks_in_lots_of_fifty(house: House) -> None:
    more = "".join(f'\n[[person]]\nid = "p{number}"\nname = "人{number}"\nemail = "p{number}@example.com"\n' for number in range(60))
    house.plan("organization.toml", lambda text: text + more)
    for number in range(60):
        house.sim.add_person(f"ou_p{number}", f"人{number}", email=f"p{number}@example.com")
    assert sum(line.startswith("identities") for line in house.links()) == 60
    assert len(house.sim.calls("POST /contact/v3/users/batch_get_id")) == 3


def test_link_people_that_feishu_refuses(house: House) -> None:
    lines: list[str] = []
    assert house.doctor(FEISHU_APP_SECRET=WRONG_SECRET).link_people(lines.append) == 1
    assert "FEISHU_APP_SECRET is wrong" in lines[0]


@pytest.mark.parametrize(
    ("typed", "asked"), [("+86 138 0000 0001", "13800000001"), ("(138) 0000-0001", "13800000001"), ("+852 5123 4567", "+85251234567")]
)
def test_numbers_as_feishu_wants_them(typed: str, asked: str) -> None:
    assert mobile(typed) == asked


# Mail and SMS


class Letters:
    def __init__(self) -> None:
        self.to: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.to.extend(envelope.rcpt_tos)
        return "250 taken"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 fine"


@contextmanager
def mail_server(letters: Letters, password: str = "") -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def allowed(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        return AuthResult(success=getattr(given, "password", b"") == password.encode(), handled=False)

    controller = Controller(letters, hostname="127.0.0.1", port=port, authenticator=allowed, auth_require_tls=False)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_mail_is_knocked_at_and_only_sent_on_demand(house: House) -> None:
    letters = Letters()
    with mail_server(letters) as port:
        names = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "SMTP_FROM": "gengfu@example.com"}
        assert line(house.says(**names), "without TLS").startswith("ok"), "on this machine"
        assert letters.to == []
        assert "one test mail went to ops@example.com" in house.says("ops@example.com", **names)
        assert letters.to == ["ops@example.com"]
        assert line(house.says("nobody@example.com", **names), "refuses").startswith("bad")


def test_mail_with_a_wrong_password_and_without_a_server(house: House) -> None:
    with mail_server(Letters(), "right") as port:
        good = {"SMTP_URL": f"smtp://gengfu:right@127.0.0.1:{port}", "SMTP_FROM": "gengfu@example.com"}
        assert "bad  mail" not in house.says(**good)
        text = house.says(**{**good, "SMTP_URL": f"smtp://gengfu:hush-hush@127.0.0.1:{port}"})
        assert line(text, "refuses user or password").startswith("bad")
        assert "hush-hush" not in text
    assert line(house.says(**good), "cannot be reached").startswith("bad")
    assert line(house.says("ops@example.com"), "mail is not on").startswith("bad")


def test_sms(house: House) -> None:
    assert line(house.says(GENGFU_SMS_URL="https://sms.example.com/hook", GENGFU_SMS_SECRET="hush"), "gateway").startswith("ok")
    assert line(house.says(GENGFU_SMS_URL="http://127.0.0.1:9/hook", GENGFU_SMS_SECRET="hush"), "gateway").startswith("attention")


# Words and pages


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_code_and_every_need_has_its_words_and_stands_in_the_guide(locale: str) -> None:
    words = Words.load("zh" if locale == "zh" else "en")
    guide = (ROOT / f"docs/guide/feishu{'.zh' if locale == 'zh' else ''}.md").read_text("utf-8")
    for code in (*STOP, *NEVER, *WAIT):
        assert words.has(f"doctor.code.{code}"), code
        assert f"`{code}`" in guide, code
    for need in NEEDS:
        assert words.has(f"doctor.need.{need.name}"), need.name
        assert f"`{need.scopes[0]}`" in guide, need.name
