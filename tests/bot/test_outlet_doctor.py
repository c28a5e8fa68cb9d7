"""`gengfu doctor` and the outlets of the plan: what is missing is said, who is there is asked, and nothing is published."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN, real_now
from bot.config import OUTLET, read_settings
from bot.doctor import Doctor
from tests.outlets import SECRET, Site, Takes, site_on_loopback
from workflows.core.errors import BadConfig

NAME = "GENGFU_OUTLET_WEBSITE_SECRET"
CHANNELS = """
[[channel]]
name = "website"
title = "官网公告"
kind = "webhook"
url = "{url}"
secret = "GENGFU_OUTLET_WEBSITE_SECRET"

[[channel]]
name = "media"
title = "媒体邮件"
kind = "mail"
to = ["desk@paper.example.com"]

[[channel]]
name = "branches"
title = "营业部群"
kind = "chat"
platform = "feishu"
chat = "oc_1"
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with site_on_loopback() as found:
        yield found


def says(folder: Path, url: str, **more: str) -> str:
    plan = folder / "plan"
    shutil.copytree(SAMPLE_PLAN, plan, dirs_exist_ok=True)
    (plan / "channels.toml").write_text(CHANNELS.format(url=url), "utf-8")
    given = {"GENGFU_PLAN_DIR": str(plan), "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'none.db'}", "GENGFU_LOCALE": "en", **more}
    lines: list[str] = []
    Doctor(read_settings(given, None), real_now).run(lines.append)
    return "\n".join(line for line in lines if "outlets: " in line)


def test_what_is_missing_is_named_and_nobody_is_asked(tmp_path: Path, site: Site) -> None:
    said = says(tmp_path, site.url)
    assert f"nothing can be published at website: the secret {NAME} is missing" in said
    assert "nothing can be published at media: there is no mail server" in said
    assert "branches are groups on feishu, which is off" in said
    assert "openssl rand -hex 32" in said
    assert (site.asked, site.published) == ([], [])


def test_a_receiver_that_answers_is_there_whatever_it_says(tmp_path: Path, site: Site) -> None:
    said = says(tmp_path, site.url, **{NAME: SECRET})
    assert "1 can be published at: website (nothing was sent)" in said, "it answered 501 to OPTIONS"
    assert site.published == []
    assert SECRET not in said
    assert "token" not in said


def test_nobody_listens(tmp_path: Path) -> None:
    said = says(tmp_path, "http://127.0.0.1:9/x?token=hush", **{NAME: SECRET})
    assert "website: 127.0.0.1 cannot be reached: ConnectError" in said
    assert "hush" not in said


class Elsewhere(Takes):
    def do_OPTIONS(self) -> None:
        self._answer(308, {"Location": "https://elsewhere.example.com/"}, b"")


def test_a_receiver_that_sends_us_elsewhere(tmp_path: Path) -> None:
    with site_on_loopback(handler=Elsewhere) as moved:
        assert "website: 127.0.0.1 sends us elsewhere" in says(tmp_path, moved.url, **{NAME: SECRET})


# The settings


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("GENGFU_OUTLET_WEBSITE_SECRET", True),
        ("GENGFU_OUTLET_SMS_2_SECRET", True),
        ("GENGFU_OUTLET_SECRET", False),
        ("GENGFU_OUTLET_website_SECRET", False),
        ("GENGFU_SEAL_KEY", False),
    ],
)
def test_names_of_secrets(name: str, fits: bool) -> None:
    assert bool(OUTLET.fullmatch(name)) is fits


def test_a_secret_by_itself_by_its_file_and_never_by_both(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hush\n")
    assert read_settings({NAME: "hush"}, None).outlets[NAME].reveal() == "hush"
    assert read_settings({f"{NAME}_FILE": str(file)}, None).outlets[NAME].reveal() == "hush"
    (tmp_path / ".env").write_text(f"{NAME}=of the file\n")
    assert read_settings({}, tmp_path / ".env").outlets[NAME].reveal() == "of the file"
    with pytest.raises(BadConfig, match="are both set"):
        read_settings({NAME: "hush", f"{NAME}_FILE": str(file)}, None)
    with pytest.raises(BadConfig, match="GENGFU_OUTLET_SECRET is not a name Gengfu knows"):
        read_settings({"GENGFU_OUTLET_SECRET": "hush"}, None)
    assert "hush" not in repr(read_settings({NAME: "hush"}, None))
