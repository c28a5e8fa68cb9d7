"""What each channel needs, and the one sentence where it is missing."""

import pytest

from bot.channels import read_channels
from workflows.core.errors import BadConfig

FEISHU = {
    "FEISHU_APP_ID": "cli_a",
    "FEISHU_APP_SECRET": "hush-1",
    "FEISHU_VERIFICATION_TOKEN": "hush-2",
    "FEISHU_ENCRYPT_KEY": "hush-3",
}
DINGTALK = {
    "DINGTALK_CLIENT_ID": "ding1",
    "DINGTALK_CLIENT_SECRET": "hush-5",
    "DINGTALK_ROBOT_CODE": "ding1",
    "DINGTALK_MODE": "http",
    "DINGTALK_TOKEN": "hush-6",
    "DINGTALK_AES_KEY": "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
    "DINGTALK_CORP_ID": "corp1",
}
WECOM_APP = {
    "WECOM_CORP_ID": "ww1",
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": "hush-5",
    "WECOM_TOKEN": "hush-6",
    "WECOM_AES_KEY": "h" * 43,
}
WIRE = {"WECOM_BOT_ID": "aib1", "WECOM_BOT_SECRET": "hush-7"}
CALLED = {"WECOM_BOT_TOKEN": "hush-8", "WECOM_BOT_AES_KEY": "h" * 43}
OIDC = {"OIDC_ISSUER": "https://login.example/", "OIDC_CLIENT_ID": "gengfu", "OIDC_CLIENT_SECRET": "hush-4"}


def test_nothing_given_is_nothing_on() -> None:
    found = read_channels({"OIDC_PERSON_CLAIM": "email"})
    assert (found.feishu, found.mail, found.sms, found.oidc) == (None, None, None, None)


def test_feishu_over_callbacks_and_over_the_long_connection() -> None:
    http = read_channels(FEISHU).feishu
    assert http is not None
    assert (http.mode, http.encrypt_key.reveal(), http.api_base) == ("http", "hush-3", "https://open.feishu.cn")
    ws = read_channels({"FEISHU_APP_ID": "cli_a", "FEISHU_APP_SECRET": "x", "FEISHU_MODE": "ws"}).feishu
    assert ws is not None
    assert (ws.mode, ws.encrypt_key.reveal()) == ("ws", "")


def test_dingtalk_over_the_stream_and_over_callbacks() -> None:
    http = read_channels(DINGTALK).dingtalk
    assert http is not None
    assert (http.mode, len(http.aes_key.reveal()), http.oapi_base) == ("http", 32, "https://oapi.dingtalk.com")
    stream = read_channels({name: DINGTALK[name] for name in list(DINGTALK)[:3]}).dingtalk
    assert stream is not None
    assert (stream.mode, stream.aes_key.reveal(), stream.corp_id) == ("stream", b"", "")


@pytest.mark.parametrize("missing", [name for name in DINGTALK if name != "DINGTALK_MODE"])
def test_dingtalk_says_what_it_lacks(missing: str) -> None:
    with pytest.raises(BadConfig, match=missing) as refused:
        read_channels({name: value for name, value in DINGTALK.items() if name != missing})
    assert "hush" not in str(refused.value)


def test_wecoms_app_and_robot_together_or_alone() -> None:
    for given, modes in (
        (WECOM_APP, "app"),
        (WIRE, "robot ws"),
        (WECOM_APP | WIRE, "app + robot ws"),
        (WECOM_APP | CALLED, "app + robot http"),
    ):
        found = read_channels(given).wecom
        assert found is not None
        assert found.modes == modes
        assert (found.api_base, found.ws_url) == ("https://qyapi.weixin.qq.com", "wss://openws.work.weixin.qq.com")


@pytest.mark.parametrize("missing", WECOM_APP)
def test_wecoms_app_needs_all_five(missing: str) -> None:
    with pytest.raises(BadConfig, match=f"also needs {missing}:"):
        read_channels({name: value for name, value in WECOM_APP.items() if name != missing})


@pytest.mark.parametrize("missing", FEISHU)
def test_callbacks_without_a_proof_of_the_sender_do_not_start(missing: str) -> None:
    with pytest.raises(BadConfig, match=missing):
        read_channels({name: value for name, value in FEISHU.items() if name != missing})


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({**FEISHU, "FEISHU_MODE": "webhook"}, "http .callbacks. or ws"),
        ({**FEISHU, "FEISHU_API_BASE": "http://open.feishu.example"}, "FEISHU_API_BASE must be an https"),
        ({**FEISHU, "FEISHU_API_BASE": "https://u:p@open.feishu.cn"}, "FEISHU_API_BASE"),
        ({**DINGTALK, "DINGTALK_MODE": "ws"}, "stream .the long connection. or http"),
        ({**DINGTALK, "DINGTALK_AES_KEY": "hush-short"}, "DINGTALK_AES_KEY must be an AES key of 43"),
        ({**DINGTALK, "DINGTALK_OAPI_BASE": "http://oapi.example"}, "DINGTALK_OAPI_BASE must be an https"),
        ({**WECOM_APP, "WECOM_AGENT_ID": "gengfu"}, "WECOM_AGENT_ID is 'gengfu'"),
        ({**WECOM_APP, "WECOM_AES_KEY": "hush"}, "WECOM_AES_KEY must be the 43"),
        ({**WECOM_APP, "WECOM_API_BASE": "http://qyapi.example"}, "WECOM_API_BASE must be an https"),
        ({**WIRE, "WECOM_WS_URL": "ws://openws.example"}, "WECOM_WS_URL must be a wss"),
        ({**WIRE, "WECOM_WS_URL": "https://openws.example"}, "WECOM_WS_URL must be a wss"),
        ({"WECOM_API_BASE": "https://qyapi.example"}, "self-built app .* or the smart robot"),
        ({"WECOM_BOT_ID": "aib1"}, "also needs WECOM_BOT_SECRET"),
        ({"WECOM_BOT_SECRET": "hush-7"}, "also needs WECOM_BOT_ID"),
        (CALLED, "in callback mode cannot remind anybody by itself"),
        ({**WECOM_APP, "WECOM_BOT_TOKEN": "hush-8"}, "also needs WECOM_BOT_AES_KEY"),
        ({**WECOM_APP, **WIRE, **CALLED}, "a robot has one mode, keep one"),
        ({"SMTP_URL": "smtp://mail.example"}, "SMTP_FROM is not set"),
        ({"SMTP_FROM": "a@example.com"}, "SMTP_URL is not set"),
        ({"SMTP_URL": "http://mail.example", "SMTP_FROM": "a@example.com"}, "smtp.s.://"),
        ({"SMTP_URL": "smtp://mail.example:99999", "SMTP_FROM": "a@example.com"}, "smtp.s.://"),
        ({"SMTP_URL": "smtp://mail.example", "SMTP_FROM": "Gengfu <a@example.com>, b"}, "SMTP_FROM is"),
        ({"GENGFU_SMS_URL": "https://sms.example/hook"}, "GENGFU_SMS_SECRET is not set"),
        ({"GENGFU_SMS_SECRET": "x"}, "GENGFU_SMS_URL is not set"),
        ({"GENGFU_SMS_URL": "http://sms.example/hook", "GENGFU_SMS_SECRET": "x"}, "GENGFU_SMS_URL must be an https"),
        ({"OIDC_ISSUER": "https://login.example"}, "OIDC_CLIENT_ID, OIDC_CLIENT_SECRET not set"),
        ({"OIDC_CLIENT_SECRET": "hush-4", "OIDC_CLIENT_ID": "gengfu"}, "OIDC_ISSUER not set"),
        ({"OIDC_PERSON_CLAIM": "sub"}, "OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET not set"),
        ({**OIDC, "OIDC_ISSUER": "http://login.example"}, "OIDC_ISSUER must be an https"),
        ({**OIDC, "OIDC_ISSUER": "https://login.example?realm=1"}, "OIDC_ISSUER must be an address without"),
    ],
)
def test_what_cannot_work_says_what_to_change(given: dict[str, str], about: str) -> None:
    with pytest.raises(BadConfig, match=about) as refused:
        read_channels(given)
    assert "hush" not in str(refused.value)


def test_mail_reads_user_password_and_port() -> None:
    mail = read_channels({"SMTP_URL": "smtps://duty%40firm:p%40ss@mail.example", "SMTP_FROM": "gengfu@example.com"}).mail
    assert mail is not None
    assert (mail.host, mail.port, mail.tls, mail.user, mail.password.reveal()) == ("mail.example", 465, True, "duty@firm", "p@ss")
    assert "p@ss" not in repr(mail)


def test_the_issuer_stays_as_it_was_given() -> None:
    oidc = read_channels(OIDC).oidc
    assert oidc is not None
    assert (oidc.issuer, oidc.client_id, oidc.client_secret.reveal(), oidc.claim) == ("https://login.example/", "gengfu", "hush-4", "email")
    assert "hush" not in repr(oidc)
