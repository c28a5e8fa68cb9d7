"""The official SDK (the extra `oracles`) talks to the stand-in as it would to Feishu: where both agree, neither is our opinion alone."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from tests.simulators.feishu import Sim

lark = pytest.importorskip("lark_oapi", reason="the official SDK is not installed: see docs/guide/simulator.md")
pytestmark = [
    # The SDK's own deprecations and left-over sockets are no concern of ours.
    pytest.mark.filterwarnings("default"),
]


def _sim() -> Sim:
    sim = Sim()
    sim.add_person("ou_lina", "李娜")
    sim.add_chat("行情中断", ("ou_lina",), chat_id="oc_room")
    return sim


def test_the_sdk_sends_changes_and_recalls_a_message() -> None:
    from lark_oapi.api.im.v1 import (
        CreateMessageRequest,
        CreateMessageRequestBody,
        DeleteMessageRequest,
        PatchMessageRequest,
        PatchMessageRequestBody,
    )

    card = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": [{"tag": "markdown", "content": "一"}]}}
    with _sim() as sim:
        client: Any = lark.Client.builder().app_id(sim.state.app_id).app_secret(sim.state.app_secret).domain(sim.url).build()
        body = CreateMessageRequestBody.builder().receive_id("oc_room").msg_type("interactive").content(json.dumps(card)).uuid("u").build()
        request = CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build()
        sent, again = client.im.v1.message.create(request), client.im.v1.message.create(request)
        assert sent.success(), sent.msg
        assert sent.data.message_id == again.data.message_id == sim.said[0].id
        card["body"] = {"elements": [{"tag": "markdown", "content": "二"}]}
        change = PatchMessageRequestBody.builder().content(json.dumps(card)).build()
        changed = client.im.v1.message.patch(PatchMessageRequest.builder().message_id(sent.data.message_id).request_body(change).build())
        assert changed.success(), changed.msg
        assert "二" in sim.said[0].card.text
        gone = client.im.v1.message.delete(DeleteMessageRequest.builder().message_id(sent.data.message_id).build())
        assert gone.success(), gone.msg
        wrong = client.im.v1.message.create(
            CreateMessageRequest.builder()
            .receive_id_type("chat_id")
            .request_body(CreateMessageRequestBody.builder().receive_id("oc_none").msg_type("text").content("{}").build())
            .build()
        )
        assert (wrong.success(), wrong.code) == (False, 230001)
        assert sim.oddities == []


def test_the_sdk_hears_over_the_long_connection() -> None:
    """Its client owns a loop of its module and never stops: a daemon thread, and the connection dropped at the end."""
    from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse
    from lark_oapi.ws import client as module

    heard: list[str] = []

    def on_message(event: Any) -> None:
        heard.append(json.loads(event.event.message.content)["text"])

    def on_tap(event: Any) -> Any:
        heard.append(event.event.action.value["a"])
        return P2CardActionTriggerResponse({"toast": {"type": "success", "content": "已认领"}})

    handler = lark.EventDispatcherHandler.builder("", "").register_p2_im_message_receive_v1(on_message)
    handler = handler.register_p2_card_action_trigger(on_tap).build()
    with _sim() as sim:
        sim.wire.fragment = 200
        button = {
            "tag": "button",
            "text": {"tag": "plain_text", "content": "认领"},
            "behaviors": [{"type": "callback", "value": {"a": "1|/x"}}],
        }
        card = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": [button]}}
        message = sim.state.post(sim.chat("oc_room"), "interactive", json.dumps(card), sim.state.app_id)
        module.loop = asyncio.new_event_loop()
        client = lark.ws.Client(sim.state.app_id, sim.state.app_secret, event_handler=handler, domain=sim.url, auto_reconnect=False)
        threading.Thread(target=client.start, daemon=True).start()
        end = time.monotonic() + 10
        while not sim.wire.connections:
            assert time.monotonic() < end, "the SDK did not connect"
            time.sleep(0.02)
        sim.person("ou_lina").says("oc_room", "支付网关 502", mention_bot=True)
        click = sim.person("ou_lina").taps(message, "认领")
        assert heard == ["@_user_1 支付网关 502", "1|/x"]
        assert (click.problem, click.toast) == (0, "已认领")
        assert sim.deliveries.events[0].problems == [""]
        assert (sim.oddities, sim.wire.pings) == ([], 1)
