"""The settings of what is outside (messengers, mail, SMS, the firm's login): what each needs, and one sentence where it is missing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

from bot.platforms.core.container import key_of
from bot.secret import Secret
from workflows.core.errors import BadConfig


@dataclass(frozen=True, slots=True)
class FeishuSettings:
    """A self-built app. `verification_token` and `encrypt_key` belong to callbacks and are empty on the long connection."""

    app_id: str
    app_secret: Secret[str]
    mode: Literal["http", "ws"]
    verification_token: Secret[str]
    encrypt_key: Secret[str]
    tenant_key: str
    api_base: str


@dataclass(frozen=True, slots=True)
class DingTalkSettings:
    """An app with a robot. `token`, `aes_key` and `corp_id` belong to callbacks; on the stream `corp_id` may stand empty."""

    client_id: str
    client_secret: Secret[str]
    robot_code: str
    mode: Literal["stream", "http"]
    token: Secret[str]
    aes_key: Secret[bytes]
    corp_id: str
    card_template: str
    scene_template: str
    api_base: str
    oapi_base: str


@dataclass(frozen=True, slots=True)
class WecomAppSettings:
    """WeCom's self-built app (自建应用)."""

    corp_id: str
    agent_id: int
    secret: Secret[str]
    token: Secret[str]
    aes_key: Secret[str]


@dataclass(frozen=True, slots=True)
class WecomRobotSettings:
    """WeCom's smart robot (智能机器人). `secret` belongs to the long connection, `token` and `aes_key` to callbacks."""

    bot_id: str
    mode: Literal["ws", "http"]
    secret: Secret[str]
    token: Secret[str]
    aes_key: Secret[str]


@dataclass(frozen=True, slots=True)
class WecomSettings:
    """At least one of the two; the robot in callbacks only beside the app."""

    app: WecomAppSettings | None
    robot: WecomRobotSettings | None
    api_base: str
    ws_url: str

    @property
    def modes(self) -> str:
        return " + ".join([*(["app"] if self.app else []), *([f"robot {self.robot.mode}"] if self.robot else [])])


@dataclass(frozen=True, slots=True)
class MailSettings:
    host: str
    port: int
    tls: bool
    """from the first byte (smtps); otherwise STARTTLS where the server offers it"""
    user: str
    password: Secret[str]
    sender: str


@dataclass(frozen=True, slots=True)
class SmsSettings:
    url: str
    secret: Secret[str]


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The firm's identity provider. `issuer` to the letter as the provider writes it, also with a slash at the end."""

    issuer: str
    client_id: str
    client_secret: Secret[str]
    claim: str


@dataclass(frozen=True, slots=True)
class Channels:
    feishu: FeishuSettings | None = None
    mail: MailSettings | None = None
    sms: SmsSettings | None = None
    oidc: OidcSettings | None = None
    dingtalk: DingTalkSettings | None = None
    wecom: WecomSettings | None = None


def read_channels(values: Mapping[str, str]) -> Channels:
    """Which channels are on. BadConfig says what is missing or not understood, never the value of a secret."""
    given = (_feishu(values), _mail(values), _sms(values), _oidc(values))
    return Channels(*given, dingtalk=_dingtalk(values), wecom=_wecom(values))


def _feishu(values: Mapping[str, str]) -> FeishuSettings | None:
    given = {name: value for name, value in values.items() if name.startswith("FEISHU_") and value}
    if not given:
        return None
    mode = given.get("FEISHU_MODE", "http")
    if mode not in ("http", "ws"):
        raise BadConfig(f"FEISHU_MODE is {mode!r}; give http (callbacks) or ws (the long connection)")
    needed = ["FEISHU_APP_ID", "FEISHU_APP_SECRET"] + (["FEISHU_VERIFICATION_TOKEN", "FEISHU_ENCRYPT_KEY"] if mode == "http" else [])
    if missing := [name for name in needed if name not in given]:
        raise BadConfig(f"Feishu in mode {mode} also needs {', '.join(missing)}: they stand on the app's page")
    proofs = given if mode == "http" else {}
    return FeishuSettings(
        given["FEISHU_APP_ID"],
        Secret(given["FEISHU_APP_SECRET"]),
        "http" if mode == "http" else "ws",
        Secret(proofs.get("FEISHU_VERIFICATION_TOKEN", "")),
        Secret(proofs.get("FEISHU_ENCRYPT_KEY", "")),
        given.get("FEISHU_TENANT_KEY", ""),
        _base("FEISHU_API_BASE", given.get("FEISHU_API_BASE", "https://open.feishu.cn")),
    )


def _dingtalk(values: Mapping[str, str]) -> DingTalkSettings | None:
    given = {name.removeprefix("DINGTALK_"): value for name, value in values.items() if name.startswith("DINGTALK_") and value}
    if not given:
        return None
    mode = given.get("MODE", "stream")
    if mode not in ("stream", "http"):
        raise BadConfig(f"DINGTALK_MODE is {mode!r}; give stream (the long connection) or http (callbacks)")
    needed = ["CLIENT_ID", "CLIENT_SECRET", "ROBOT_CODE"] + (["TOKEN", "AES_KEY", "CORP_ID"] if mode == "http" else [])
    if missing := [f"DINGTALK_{name}" for name in needed if name not in given]:
        raise BadConfig(f"DingTalk in mode {mode} also needs {', '.join(missing)}: they stand on the app's page")
    proofs = given if mode == "http" else {}
    try:
        aes_key = key_of(proofs["AES_KEY"]) if "AES_KEY" in proofs else b""
    except ValueError as error:
        raise BadConfig(f"DINGTALK_AES_KEY must be {error}, as the page of event subscription shows it") from None
    return DingTalkSettings(
        given["CLIENT_ID"],
        Secret(given["CLIENT_SECRET"]),
        given["ROBOT_CODE"],
        "http" if mode == "http" else "stream",
        Secret(proofs.get("TOKEN", "")),
        Secret(aes_key),
        given.get("CORP_ID", ""),
        given.get("CARD_TEMPLATE_ID", ""),
        given.get("SCENE_TEMPLATE_ID", ""),
        _base("DINGTALK_API_BASE", given.get("API_BASE", "https://api.dingtalk.com")),
        _base("DINGTALK_OAPI_BASE", given.get("OAPI_BASE", "https://oapi.dingtalk.com")),
    )


WECOM_APP = ("WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_SECRET", "WECOM_TOKEN", "WECOM_AES_KEY")


def _wecom(values: Mapping[str, str]) -> WecomSettings | None:
    given = {name: value for name, value in values.items() if name.startswith("WECOM_") and value}
    if not given:
        return None
    app, robot = _wecom_app(given), _wecom_robot(given)
    if app is None and robot is None:
        raise BadConfig(f"WeCom needs the self-built app ({', '.join(WECOM_APP)}) or the smart robot (WECOM_BOT_ID, WECOM_BOT_SECRET)")
    if app is None and robot is not None and robot.mode == "http":
        raise BadConfig(
            "WeCom's smart robot in callback mode cannot remind anybody by itself: give it WECOM_BOT_ID and WECOM_BOT_SECRET (the long "
            f"connection), or set up the self-built app beside it ({', '.join(WECOM_APP)})"
        )
    base = _base("WECOM_API_BASE", given.get("WECOM_API_BASE", "https://qyapi.weixin.qq.com"))
    return WecomSettings(app, robot, base, _wire("WECOM_WS_URL", given.get("WECOM_WS_URL", "wss://openws.work.weixin.qq.com")))


def _wecom_app(given: Mapping[str, str]) -> WecomAppSettings | None:
    missing = [name for name in WECOM_APP if name not in given]
    if len(missing) == len(WECOM_APP):
        return None
    if missing:
        raise BadConfig(f"WeCom's self-built app also needs {', '.join(missing)}: they stand on the app's page and under 我的企业")
    agent = given["WECOM_AGENT_ID"]
    if not re.fullmatch(r"[0-9]{1,10}", agent):
        raise BadConfig(f"WECOM_AGENT_ID is {agent!r}; give the number on the app's page, like 1000002")
    token, key = Secret(given["WECOM_TOKEN"]), _aes_key("WECOM_AES_KEY", given["WECOM_AES_KEY"])
    return WecomAppSettings(given["WECOM_CORP_ID"], int(agent), Secret(given["WECOM_SECRET"]), token, key)


def _wecom_robot(given: Mapping[str, str]) -> WecomRobotSettings | None:
    bot, secret = given.get("WECOM_BOT_ID", ""), given.get("WECOM_BOT_SECRET", "")
    called = [name for name in ("WECOM_BOT_TOKEN", "WECOM_BOT_AES_KEY") if name in given]
    if not (bot or secret or called):
        return None
    if secret and called:
        raise BadConfig(f"WECOM_BOT_SECRET (the long connection) and {called[0]} (callbacks) are both set: a robot has one mode, keep one")
    if not called:
        if not (bot and secret):
            missing = "WECOM_BOT_SECRET" if bot else "WECOM_BOT_ID"
            raise BadConfig(f"WeCom's smart robot also needs {missing}: it stands on the robot's page")
        return WecomRobotSettings(bot, "ws", Secret(secret), Secret(""), Secret(""))
    if len(called) < 2:
        missing = next(name for name in ("WECOM_BOT_TOKEN", "WECOM_BOT_AES_KEY") if name not in called)
        raise BadConfig(f"WeCom's smart robot in callback mode also needs {missing}: it stands on the robot's page")
    key = _aes_key("WECOM_BOT_AES_KEY", given["WECOM_BOT_AES_KEY"])
    return WecomRobotSettings(bot, "http", Secret(""), Secret(given["WECOM_BOT_TOKEN"]), key)


def _aes_key(name: str, value: str) -> Secret[str]:
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}", value):
        raise BadConfig(f"{name} must be the 43 letters and digits that WeCom's page shows as EncodingAESKey")
    return Secret(value)


def _wire(name: str, value: str) -> str:
    """The same rule as for `_base`, for a long connection."""
    if not value.startswith(("ws://", "wss://")):
        raise BadConfig(f"{name} must be a wss:// address (ws:// only on this machine)")
    try:
        _base(name, f"http{value.removeprefix('ws')}")
    except BadConfig:
        raise BadConfig(f"{name} must be a wss:// address (ws:// only on this machine)") from None
    return value.rstrip("/")


def _mail(values: Mapping[str, str]) -> MailSettings | None:
    url, sender = values.get("SMTP_URL", ""), values.get("SMTP_FROM", "")
    if not url and not sender:
        return None
    if not (url and sender):
        raise BadConfig(f"{'SMTP_FROM' if url else 'SMTP_URL'} is not set: mail needs both SMTP_URL and SMTP_FROM")
    try:
        parts = urlsplit(url)
        port = parts.port or (465 if parts.scheme == "smtps" else 25)
        plain = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.path in ("", "/")
    except ValueError:
        plain, port = None, 0
    if not plain:
        raise BadConfig("SMTP_URL must be smtp(s)://USER:PASSWORD@HOST:PORT; signs like @ or / in the password are written %40, %2F")
    if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", sender):
        raise BadConfig(f"SMTP_FROM is {sender!r}; give an address like gengfu@example.com")
    user, password = unquote(parts.username or ""), Secret(unquote(parts.password or ""))
    return MailSettings(parts.hostname or "", port, parts.scheme == "smtps", user, password, sender)


def _sms(values: Mapping[str, str]) -> SmsSettings | None:
    url, secret = values.get("GENGFU_SMS_URL", ""), values.get("GENGFU_SMS_SECRET", "")
    if not url and not secret:
        return None
    if not (url and secret):
        raise BadConfig(f"{'GENGFU_SMS_SECRET' if url else 'GENGFU_SMS_URL'} is not set: the SMS gateway needs both")
    return SmsSettings(_base("GENGFU_SMS_URL", url), Secret(secret))


def _oidc(values: Mapping[str, str]) -> OidcSettings | None:
    needed = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    claim = values.get("OIDC_PERSON_CLAIM") or "email"
    missing = [name for name in needed if not values.get(name)]
    if len(missing) == len(needed) and claim == "email":
        return None
    if missing:
        raise BadConfig(f"{', '.join(missing)} not set: login by the firm's own accounts needs {', '.join(needed)}")
    _base("OIDC_ISSUER", values["OIDC_ISSUER"])
    if urlsplit(values["OIDC_ISSUER"]).query or urlsplit(values["OIDC_ISSUER"]).fragment:
        raise BadConfig("OIDC_ISSUER must be an address without ? and #: what the provider's discovery document calls issuer")
    return OidcSettings(values["OIDC_ISSUER"], values["OIDC_CLIENT_ID"], Secret(values["OIDC_CLIENT_SECRET"]), claim)


def _base(name: str, value: str) -> str:
    """An address that secrets are sent to: TLS, unless it is this machine."""
    try:
        url = urlsplit(value)
        good = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname or ""))
        good = good and bool(url.hostname) and "@" not in url.netloc
    except ValueError:
        good = False
    if not good:
        raise BadConfig(f"{name} must be an https:// address (http:// only on this machine)")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
