"""Settings, read once at start from the environment and, in development, from `.env` (the environment wins)."""

import base64
import contextlib
import difflib
import ipaddress
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv.parser import parse_stream

from bot.channels import Channels, read_channels
from bot.secret import Secret
from workflows.core.errors import BadConfig

Locale = Literal["zh", "en"]
Console = Literal["off", "on", "demo"]
DataKeys = tuple[tuple[str, bytes], ...]
LOCALES: Final[Mapping[str, Locale]] = {"zh": "zh", "en": "en"}
CONSOLES: Final[Mapping[str, Console]] = {"off": "off", "on": "on", "demo": "demo"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setting:
    """One documented name."""

    name: str
    default: str = ""
    secret: bool = False


def _names(names: str, *, secret: bool = False) -> tuple[Setting, ...]:
    return tuple(Setting(name, secret=secret) for name in names.split())


SETTINGS: Final = (
    Setting("GENGFU_DATABASE_URL", "sqlite:///var/gengfu.db", secret=True),
    Setting("GENGFU_HOST", "127.0.0.1"),
    Setting("GENGFU_PORT", "8000"),
    Setting("GENGFU_PUBLIC_URL"),
    Setting("GENGFU_PLAN_DIR"),
    Setting("GENGFU_DATA_KEYS", secret=True),
    Setting("GENGFU_SEAL_KEY", secret=True),
    Setting("GENGFU_TIMEZONE", "Asia/Shanghai"),
    Setting("GENGFU_LOCALE", "zh"),
    Setting("GENGFU_CONSOLE", "off"),
    Setting("GENGFU_HEARTBEAT_URL", secret=True),
    *_names("DINGTALK_CLIENT_ID DINGTALK_ROBOT_CODE DINGTALK_MODE DINGTALK_CORP_ID DINGTALK_CARD_TEMPLATE_ID"),
    *_names("DINGTALK_SCENE_TEMPLATE_ID DINGTALK_API_BASE DINGTALK_OAPI_BASE"),
    *_names("DINGTALK_CLIENT_SECRET DINGTALK_TOKEN DINGTALK_AES_KEY", secret=True),
    *_names("WECOM_CORP_ID WECOM_AGENT_ID WECOM_BOT_ID WECOM_API_BASE WECOM_WS_URL"),
    *_names("WECOM_SECRET WECOM_TOKEN WECOM_AES_KEY WECOM_BOT_SECRET WECOM_BOT_TOKEN WECOM_BOT_AES_KEY", secret=True),
    *_names("FEISHU_APP_ID FEISHU_MODE FEISHU_TENANT_KEY FEISHU_API_BASE SMTP_FROM GENGFU_SMS_URL"),
    *_names("FEISHU_APP_SECRET FEISHU_VERIFICATION_TOKEN FEISHU_ENCRYPT_KEY SMTP_URL GENGFU_SMS_SECRET", secret=True),
    *_names("OIDC_ISSUER OIDC_CLIENT_ID"),
    *_names("OIDC_CLIENT_SECRET", secret=True),
    Setting("OIDC_PERSON_CLAIM", "email"),
)
KNOWN: Final = {setting.name: setting for setting in SETTINGS}
NAMES: Final = {**KNOWN, **{f"{setting.name}_FILE": setting for setting in SETTINGS if setting.secret}}
PREFIXES: Final = ("GENGFU_", "WECOM_", "DINGTALK_", "FEISHU_", "SMTP_", "OIDC_")
#: What the plan's webhooks are signed with (channels.toml), a name of the operator's for each.
OUTLET: Final = re.compile(r"GENGFU_OUTLET_[A-Z0-9_]{1,40}_SECRET")
DEMO_OWNS: Final = ("GENGFU_DATABASE_URL", "GENGFU_DATA_KEYS", "GENGFU_SEAL_KEY", "GENGFU_CONSOLE")


@dataclass(frozen=True, slots=True)
class Keys:
    """`data`: the first encrypts, all decrypt. `seal`: the Ed25519 seed that signs the trail's seals."""

    data: Secret[DataKeys]
    seal: Secret[bytes]


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: Secret[str]
    host: str
    port: int
    public_url: str
    """without a slash at the end"""
    plan_dir: Path | None
    """None: the built-in sample plan"""
    data_keys: Secret[DataKeys] | None
    seal_key: Secret[bytes] | None
    timezone: ZoneInfo
    locale: Locale
    console: Console
    channels: Channels
    heartbeat_url: Secret[str] | None = None
    outlets: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))
    """name of a setting -> what signs the webhooks of the plan's channels that name it"""

    def keys(self) -> Keys:
        """Both keys, for what reads or writes records; `plan check` and `migrate` live without them."""
        if self.data_keys is None:
            raise BadConfig("GENGFU_DATA_KEYS is not set: give id:key, where key is what `openssl rand -base64 32` prints")
        if self.seal_key is None:
            raise BadConfig("GENGFU_SEAL_KEY is not set: give what `openssl rand -base64 32` prints, and keep a copy away from the server")
        return Keys(self.data_keys, self.seal_key)


def read_settings(environ: Mapping[str, str], dotenv: Path | None) -> Settings:
    """Raises BadConfig with one sentence that says what to change. A `dotenv` that does not exist is no error."""
    return _settings(_gather(environ, dotenv))


def demo_settings(
    base_dir: Path,
    environ: Mapping[str, str] = MappingProxyType({}),
    dotenv: Path | None = None,
    new_key: Callable[[int], bytes] = secrets.token_bytes,
) -> Settings:
    """The demo's own database and keys under `base_dir/var`, made on the first run; host, port, plan and words as configured."""
    given = _gather(environ, dotenv)
    for name in DEMO_OWNS:
        if given.pop(name, ""):
            log.warning("%s is not used by the demo, which has its own", name, extra={"action": "setting_unused"})
    var = base_dir / "var"
    var.mkdir(parents=True, exist_ok=True)
    own = {
        "GENGFU_DATABASE_URL": f"sqlite:///{var / 'demo.db'}",
        "GENGFU_DATA_KEYS": "demo:" + _kept_key(var / "demo-data.key", new_key),
        "GENGFU_SEAL_KEY": _kept_key(var / "demo-seal.key", new_key),
        "GENGFU_CONSOLE": "demo",
    }
    return _settings(given | own)


def _kept_key(path: Path, new_key: Callable[[int], bytes]) -> str:
    """The key in `path`; made whole or not at all, so that a second demo starting at this moment reads the first one's."""
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 600
        with open(handle, "wb") as file:  # noqa: PTH123 a descriptor, not a path
            file.write(base64.b64encode(new_key(32)) + b"\n")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        Path(draft).unlink()
    return path.read_text("ascii").strip()


# What was given: names checked, the secrets' files read. An empty value means "not set".


def _gather(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    in_file = _read_dotenv(dotenv) if dotenv is not None else {}
    in_environment = {name: value for name, value in environ.items() if value and name.startswith(PREFIXES)}
    for name in in_file:
        if trouble := _trouble(name):
            raise BadConfig(f"{name} in .env {trouble}")
    for name in in_environment:
        _check_environment(name)
    given = in_file | in_environment
    return _with_secret_files({name: given[name] for name in given if _setting(name)})


def _check_environment(name: str) -> None:
    """Platform names may belong to another program that shares the environment: those are only warned about."""
    trouble = _trouble(name)
    if trouble and name.startswith("GENGFU_"):
        raise BadConfig(f"{name} {trouble}")
    if trouble:
        log.warning("%s in the environment %s", name, trouble, extra={"action": "setting_unused"})


def _trouble(name: str) -> str:
    """Why a name of ours cannot be set, or nothing."""
    if not name.startswith(PREFIXES):
        return ""
    if _setting(name) is None:
        nearest = difflib.get_close_matches(name, NAMES, n=1, cutoff=0)[0]
        return f"is not a name Gengfu knows; the nearest is {nearest}"
    return ""


def _setting(name: str) -> Setting | None:
    """What a name sets, itself or by the file that holds it."""
    whole = name.removesuffix("_FILE")
    return Setting(whole, secret=True) if OUTLET.fullmatch(whole) else NAMES.get(name)


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__})") from None
    for binding in bindings:
        if binding.error:
            raise BadConfig(f"{path.name} line {binding.original.line} is not NAME=value; values with spaces or # need quotes")
        if binding.key is not None and binding.key in found:
            raise BadConfig(f"{path.name} line {binding.original.line} sets {binding.key} a second time; keep one of the two")
        if binding.key is not None and binding.value:
            found[binding.key] = binding.value
    return found


def _with_secret_files(given: Mapping[str, str]) -> dict[str, str]:
    of = {name: setting.name for name in given if (setting := _setting(name))}
    values = {name: value for name, value in given.items() if of[name] == name}
    for name in given.keys() - values.keys():
        secret = of[name]
        if secret in values:
            raise BadConfig(f"{secret} and {name} are both set; keep one of the two")
        try:
            values[secret] = Path(given[name]).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfig(f"the file that {name} names cannot be read ({type(error).__name__}): {given[name]}") from None
        if not values[secret]:
            raise BadConfig(f"the file that {name} names is empty: {given[name]}")
    return values


# What the values mean. Messages never repeat the value of a secret.


def _settings(given: Mapping[str, str]) -> Settings:
    values = {setting.name: given.get(setting.name) or setting.default for setting in SETTINGS}
    host, port = _host(values["GENGFU_HOST"]), _port(values["GENGFU_PORT"])
    return Settings(
        database_url=Secret(_database_url(values["GENGFU_DATABASE_URL"])),
        host=host,
        port=port,
        public_url=_public_url(values["GENGFU_PUBLIC_URL"] or _own_url(host, port)),
        plan_dir=_plan_dir(values["GENGFU_PLAN_DIR"]),
        data_keys=_data_keys(values["GENGFU_DATA_KEYS"]),
        seal_key=_seal_key(values["GENGFU_SEAL_KEY"]),
        timezone=_timezone(values["GENGFU_TIMEZONE"]),
        locale=_locale(values["GENGFU_LOCALE"]),
        console=_console(values["GENGFU_CONSOLE"], host),
        channels=read_channels(values),
        heartbeat_url=_heartbeat_url(values["GENGFU_HEARTBEAT_URL"]),
        outlets=MappingProxyType({name: Secret(value) for name, value in given.items() if OUTLET.fullmatch(name)}),
    )


def _database_url(value: str) -> str:
    on_disk = value.startswith("sqlite:///") and value not in ("sqlite:///", "sqlite:///:memory:")
    if not on_disk and not value.startswith("postgresql+psycopg://"):
        raise BadConfig("GENGFU_DATABASE_URL must be sqlite:///PATH (a file) or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")
    return value


def _host(value: str) -> str:
    if _address(value) is None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise BadConfig(f"GENGFU_HOST is {value!r}; give an address to listen on, like 127.0.0.1 or 0.0.0.0, without a port")
    return value


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _port(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise BadConfig(f"GENGFU_PORT is {value!r}; give a number from 1 to 65535")
    return int(value)


def _own_url(host: str, port: int) -> str:
    reachable = host if is_loopback(host) else "127.0.0.1"
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _public_url(value: str) -> str:
    try:
        url = urlsplit(value)
        plain = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and url.path in ("", "/")
    except ValueError:
        plain = False
    if not plain or re.search(r"[@?#\s]", value):
        raise BadConfig(f"GENGFU_PUBLIC_URL is {value!r}; give the address people open, like https://gengfu.example.com, without a path")
    return value.rstrip("/")


def _heartbeat_url(value: str) -> Secret[str] | None:
    """Often the address itself is what proves the sender, so it is a secret and never quoted."""
    if not value:
        return None
    try:
        url = urlsplit(value)
        good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and not re.search(r"\s", value)
    except ValueError:
        good = False
    if not good:
        raise BadConfig("GENGFU_HEARTBEAT_URL must be an http:// or https:// address")
    return Secret(value)


def _plan_dir(value: str) -> Path | None:
    if value and not Path(value).is_dir():
        raise BadConfig(f"GENGFU_PLAN_DIR is {value!r}, which is no folder; leave it out for the sample plan")
    return Path(value) if value else None


def _data_keys(value: str) -> Secret[DataKeys] | None:
    if not value:
        return None
    keys = [_data_key(part) for part in value.split(",")]
    names = [name for name, _ in keys]
    if len(set(names)) != len(names):
        raise BadConfig("GENGFU_DATA_KEYS gives one id to two keys; every key needs an id of its own")
    return Secret(tuple(keys))


def _data_key(part: str) -> tuple[str, bytes]:
    name, colon, text = part.strip().partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
        raise BadConfig("GENGFU_DATA_KEYS must be id:key[,id:key…] with ids of letters, digits, - and _")
    return name, _key(text, f"GENGFU_DATA_KEYS, key {name}")


def _seal_key(value: str) -> Secret[bytes] | None:
    return Secret(_key(value, "GENGFU_SEAL_KEY")) if value else None


def _key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadConfig(f"{where} must be the base64 of 32 bytes; `openssl rand -base64 32` prints one")
    return key


def _timezone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadConfig(f"GENGFU_TIMEZONE is {value!r}; give an IANA name like Asia/Shanghai") from None


def _locale(value: str) -> Locale:
    if value not in LOCALES:
        raise BadConfig(f"GENGFU_LOCALE is {value!r}; give zh or en")
    return LOCALES[value]


def _console(value: str, host: str) -> Console:
    if value not in CONSOLES:
        raise BadConfig(f"GENGFU_CONSOLE is {value!r}; give off, on or demo")
    if value == "demo" and not is_loopback(host):
        raise BadConfig(f"GENGFU_CONSOLE=demo lets anyone act as anyone, so GENGFU_HOST must be 127.0.0.1, not {host}")
    return CONSOLES[value]
