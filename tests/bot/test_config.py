import base64
import logging
import stat
from pathlib import Path

import pytest

from bot.config import SETTINGS, Settings, demo_settings, is_loopback, read_settings
from bot.secret import Secret
from workflows.core.errors import BadConfig

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def refused(tmp_path: Path, dotenv: str = "", **environ: str) -> str:
    (tmp_path / ".env").write_text(dotenv, "utf-8")
    with pytest.raises(BadConfig) as refusal:
        read_settings(environ, tmp_path / ".env")
    return str(refusal.value)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read_settings({}, None)
    assert settings.database_url.reveal() == "sqlite:///var/gengfu.db"
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (settings.timezone.key, settings.locale, settings.console, settings.plan_dir) == ("Asia/Shanghai", "zh", "off", None)
    assert settings.data_keys is None
    assert settings.seal_key is None


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "GENGFU_DATABASE_URL": "postgresql+psycopg://u:p@db/gengfu",
            "GENGFU_HOST": "0.0.0.0",
            "GENGFU_PORT": "9000",
            "GENGFU_PUBLIC_URL": "https://gengfu.example.com/",
            "GENGFU_PLAN_DIR": str(tmp_path),
            "GENGFU_DATA_KEYS": f"new:{KEY}, old:{OTHER}",
            "GENGFU_SEAL_KEY": KEY,
            "GENGFU_TIMEZONE": "UTC",
            "GENGFU_LOCALE": "en",
            "HOME": "/root",
        },
        None,
    )
    assert settings.keys().data.reveal() == (("new", b"k" * 32), ("old", b"o" * 32))
    assert settings.keys().seal.reveal() == b"k" * 32
    assert (settings.host, settings.port, settings.public_url) == ("0.0.0.0", 9000, "https://gengfu.example.com")
    assert (settings.timezone.key, settings.locale, settings.plan_dir) == ("UTC", "en", tmp_path)


def test_the_environment_wins_over_dotenv_and_an_empty_value_is_no_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GENGFU_PORT=8001\nGENGFU_HOST=localhost\nGENGFU_SEAL_KEY=\nPATH=elsewhere\n", "utf-8")
    settings = read_settings({"GENGFU_PORT": "8002", "GENGFU_HOST": ""}, tmp_path / ".env")
    assert (settings.port, settings.host, settings.seal_key) == (8002, "localhost", None)


def test_a_dollar_in_dotenv_stands_for_itself(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GENGFU_DATABASE_URL='sqlite:///${HOME}/x.db'\n", "utf-8")
    assert read_settings({"HOME": "/root"}, tmp_path / ".env").database_url.reveal() == "sqlite:///${HOME}/x.db"


def test_a_missing_dotenv_is_no_error(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path / ".env").port == 8000


@pytest.mark.parametrize(("host", "port", "url"), [("::1", "81", "http://[::1]:81"), ("0.0.0.0", "82", "http://127.0.0.1:82")])
def test_the_public_address_follows_host_and_port(host: str, port: str, url: str) -> None:
    assert read_settings({"GENGFU_HOST": host, "GENGFU_PORT": port}, None).public_url == url


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GENGFU_PORT", "0", "1 to 65535"),
        ("GENGFU_PORT", "65536", "1 to 65535"),
        ("GENGFU_PORT", "８０００", "1 to 65535"),
        ("GENGFU_HOST", "127.0.0.1:8000", "without a port"),
        ("GENGFU_HOST", "http://x", "without a port"),
        ("GENGFU_PUBLIC_URL", "gengfu.example.com", "https://"),
        ("GENGFU_PUBLIC_URL", "https://a.example/path", "without a path"),
        ("GENGFU_PUBLIC_URL", "https://u:p@a.example", "without a path"),
        ("GENGFU_PUBLIC_URL", "https://a.example:99999", "without a path"),
        ("GENGFU_PUBLIC_URL", "https://a.exa\nmple", "without a path"),
        ("GENGFU_PUBLIC_URL", "http://[", "without a path"),
        ("GENGFU_PLAN_DIR", "/no/such/folder", "no folder"),
        ("GENGFU_TIMEZONE", "Asia/Beijing", "Asia/Shanghai"),
        ("GENGFU_TIMEZONE", "../../etc/passwd", "Asia/Shanghai"),
        ("GENGFU_TIMEZONE", "Asia", "Asia/Shanghai"),
        ("GENGFU_LOCALE", "fr", "zh or en"),
        ("GENGFU_CONSOLE", "yes", "off, on or demo"),
        ("GENGFU_DATABASE_URL", "postgresql://u:secretpw@db/x", "postgresql+psycopg://"),
        ("GENGFU_DATABASE_URL", "sqlite://", "a file"),
        ("GENGFU_DATABASE_URL", "sqlite:///:memory:", "a file"),
        ("GENGFU_DATA_KEYS", KEY, "id:key"),
        ("GENGFU_DATA_KEYS", f"a:{KEY},a:{OTHER}", "one id to two keys"),
        ("GENGFU_DATA_KEYS", f"a:{KEY},", "id:key"),
        ("GENGFU_DATA_KEYS", "a:c2hvcnQ=", "32 bytes"),
        ("GENGFU_SEAL_KEY", "not base64!", "32 bytes"),
        ("GENGFU_SEAL_KEY", "密钥", "32 bytes"),
        ("GENGFU_PROT", "8000", "GENGFU_PORT"),
        ("GENGFU_PORT_FILE", "8000", "nearest is"),
        ("GENGFU_SMS_ULR", "x", "GENGFU_SMS_URL"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path, name: str, value: str, says: str) -> None:
    for sentence in (refused(tmp_path, **{name: value}), refused(tmp_path, f'{name}="{value}"\n')):
        assert name in sentence
        assert says in sentence
        assert "\n" not in sentence
        assert "secretpw" not in sentence
        assert KEY not in sentence


def test_the_demo_console_stays_on_this_machine(tmp_path: Path) -> None:
    assert "GENGFU_HOST must be 127.0.0.1" in refused(tmp_path, GENGFU_CONSOLE="demo", GENGFU_HOST="0.0.0.0")
    assert "GENGFU_HOST must be 127.0.0.1" in refused(tmp_path, GENGFU_CONSOLE="demo", GENGFU_HOST="gengfu.example.com")
    assert read_settings({"GENGFU_CONSOLE": "demo", "GENGFU_HOST": "localhost"}, None).console == "demo"


@pytest.mark.parametrize(("host", "local"), [("127.8.8.8", True), ("::1", True), ("localhost", True), ("localhost.example.com", False)])
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_platform_names_are_refused_in_dotenv_and_warned_about_in_the_environment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "cannot be read" in refused(tmp_path, "SMTP_URL_FILE=/run/secrets/smtp\n")
    assert "WECOM_CORP_ID" in refused(tmp_path, "WECOM_CROP_ID=ww1\n")
    with caplog.at_level(logging.WARNING):
        settings = read_settings({"WECOM_TOKENS": "hush", "SMTP_HOST": "mail", "OIDC_HOST": "login"}, None)
    assert settings.port == 8000
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert "WECOM_TOKENS" in said[0]
    assert "hush" not in caplog.text
    assert {getattr(record, "action", "") for record in caplog.records} == {"setting_unused"}


def test_dotenv_lines_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    assert "line 2" in refused(tmp_path, "GENGFU_PORT=1\nGENGFU_HOST='127.0.0.1\n")
    assert "a second time" in refused(tmp_path, "GENGFU_PORT=1\nGENGFU_PORT=2\n")
    (tmp_path / "gbk").write_bytes("GENGFU_LOCALE=中".encode("gbk"))
    with pytest.raises(BadConfig, match="UTF-8"):
        read_settings({}, tmp_path / "gbk")


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "seal").write_text(KEY + "\n", "utf-8")
    settings = read_settings({"GENGFU_SEAL_KEY_FILE": str(tmp_path / "seal")}, None)
    assert settings.seal_key is not None
    assert settings.seal_key.reveal() == b"k" * 32
    assert "both set" in refused(tmp_path, f"GENGFU_SEAL_KEY={KEY}\n", GENGFU_SEAL_KEY_FILE=str(tmp_path / "seal"))
    assert "cannot be read" in refused(tmp_path, GENGFU_SEAL_KEY_FILE=str(tmp_path / "gone"))
    (tmp_path / "empty").write_text("\n", "utf-8")
    assert "is empty" in refused(tmp_path, GENGFU_DATA_KEYS_FILE=str(tmp_path / "empty"))


def test_secrets_do_not_print() -> None:
    settings = read_settings({"GENGFU_DATA_KEYS": f"id:{KEY}", "GENGFU_DATABASE_URL": "postgresql+psycopg://u:hush@db/x"}, None)
    for text in (repr(settings), str(settings.database_url), f"{settings.data_keys}", f"{settings!r}"):
        assert "hush" not in text
        assert "kkk" not in text
        assert KEY not in text
    assert str(Secret("hush")) == "Secret(…)"


def test_missing_keys_say_what_to_set() -> None:
    with pytest.raises(BadConfig, match="GENGFU_DATA_KEYS is not set"):
        read_settings({"GENGFU_SEAL_KEY": KEY}, None).keys()
    with pytest.raises(BadConfig, match="GENGFU_SEAL_KEY is not set"):
        read_settings({"GENGFU_DATA_KEYS": f"a:{KEY}"}, None).keys()


def test_the_demo_makes_its_keys_once_and_keeps_them_to_itself(tmp_path: Path) -> None:
    made: list[int] = []

    def new_key(size: int) -> bytes:
        made.append(size)
        return bytes([len(made)]) * size

    first: Settings = demo_settings(tmp_path, {"GENGFU_LOCALE": "en"}, None, new_key)
    again = demo_settings(tmp_path, {}, None, new_key)
    assert made == [32, 32]
    assert first.keys().data.reveal() == again.keys().data.reveal() == (("demo", b"\x01" * 32),)
    assert first.keys().seal.reveal() == again.keys().seal.reveal() == b"\x02" * 32
    assert (first.console, first.locale, again.locale) == ("demo", "en", "zh")
    assert first.database_url.reveal() == f"sqlite:///{tmp_path / 'var' / 'demo.db'}"
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").iterdir()}
    assert files == {"demo-data.key": 0o600, "demo-seal.key": 0o600}


def test_the_demo_never_touches_the_configured_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        settings = demo_settings(tmp_path, {"GENGFU_DATABASE_URL": "postgresql+psycopg://u:hush@prod/x", "GENGFU_CONSOLE": "off"})
    assert "prod" not in settings.database_url.reveal()
    assert settings.console == "demo"
    assert "GENGFU_DATABASE_URL is not used by the demo" in caplog.text
    assert "hush" not in caplog.text


def test_the_demo_is_refused_to_the_network(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="GENGFU_HOST"):
        demo_settings(tmp_path, {"GENGFU_HOST": "0.0.0.0"})


def test_a_damaged_demo_key_is_said(tmp_path: Path) -> None:
    demo_settings(tmp_path)
    (tmp_path / "var" / "demo-seal.key").write_text("damaged", "utf-8")
    with pytest.raises(BadConfig, match="GENGFU_SEAL_KEY"):
        demo_settings(tmp_path)


def test_no_name_stands_twice() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
