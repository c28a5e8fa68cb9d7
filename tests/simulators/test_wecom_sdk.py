"""A foreign library (the extra `oracles`) opens what the stand-in seals and seals what it opens: neither is our opinion alone."""

from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest

from tests.simulators.core.listener import listening
from tests.simulators.wecom import Sim
from tests.simulators.wecom.product import AES_KEY, TOKEN

crypto = pytest.importorskip("wechatpy.enterprise.crypto", reason="WECHATPY IS NOT INSTALLED: see docs/guide/simulator.md")
pytestmark = [pytest.mark.filterwarnings("default")]


def test_the_library_checks_the_address_and_answers_a_message() -> None:
    with Sim() as sim:
        library = crypto.WeChatCrypto(TOKEN, AES_KEY, sim.state.corp_id)
        heard: list[str] = []

        def hear(path: str, headers: object, body: bytes) -> tuple[int, bytes]:
            query = dict(parse_qsl(urlsplit(path).query))
            proof = (query["msg_signature"], query["timestamp"], query["nonce"])
            if "echostr" in query:
                return 200, library.check_signature(*proof, query["echostr"]).encode()
            heard.append(library.decrypt_message(body.decode(), *proof))
            said = ElementTree.fromstring(heard[-1])
            reply = (
                f"<xml><ToUserName><![CDATA[{said.findtext('FromUserName')}]]></ToUserName>"
                f"<FromUserName><![CDATA[{said.findtext('ToUserName')}]]></FromUserName><CreateTime>1767225600</CreateTime>"
                f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到:{said.findtext('Content')}]]></Content></xml>"
            )
            return 200, library.encrypt_message(reply, query["nonce"], query["timestamp"]).encode()

        sim.add_person("LiNa", "李娜")
        with listening(hear) as url:
            assert sim.app_callback(url, token=TOKEN, aes_key=AES_KEY).check_url() == ""
            sim.person("LiNa").says_app("支付网关 502 🚨")
        assert sim.deliveries.events[0].problems == [""]
        assert sim.seen("LiNa") == ["支付网关 502 🚨", "收到:支付网关 502 🚨"]


def test_the_library_refuses_what_is_not_for_it() -> None:
    with Sim() as sim:
        library = crypto.WeChatCrypto(TOKEN, AES_KEY, "ww-other")
        query, encrypted = sim.app_callback("http://127.0.0.1:1/", token=TOKEN, aes_key=AES_KEY).sealed("x")
        with pytest.raises(Exception, match="Invalid corp_id"):
            library.check_signature(query["msg_signature"], query["timestamp"], query["nonce"], encrypted)
