"""The official client before the stand-in: where both agree, neither is our opinion alone."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.simulators.dingtalk import Sim
from tests.simulators.dingtalk.caller import ROOM, Caller, furnished

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("dingtalk_stream") is None,
    reason="ORACLE NOT RUN: dingtalk-stream is not installed (docs/guide/dingtalk-stand-in.md)",
)


@pytest.fixture
def sim() -> Iterator[Sim]:
    with furnished() as sim:
        yield sim


@pytest.fixture
def heard(sim: Sim) -> Iterator[Callable[[], list[Any]]]:
    """What the client has printed so far; it is connected."""
    command = [sys.executable, "-m", "tests.simulators.dingtalk.official", sim.state.app_key, sim.state.app_secret]
    names = {**os.environ, "DINGTALK_OPENAPI_ENDPOINT": sim.url, "PYTHONUTF8": "1", "NO_PROXY": "*"}
    with subprocess.Popen(command, env=names, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            lines: list[Any] = []

            def read() -> list[Any]:
                assert process.stdout is not None
                lines.extend(json.loads(line) for line in process.stdout)
                return lines

            _until(lambda: bool(sim.wire.connections) and process.poll() is None)
            yield read
        finally:
            process.kill()


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_the_client_hears_and_answers(sim: Sim, heard: Callable[[], list[Any]]) -> None:
    caller = Caller(sim)
    caller.makes()
    lina, card = sim.person("lina"), sim.chat(ROOM).messages[0]
    said = lina.says(ROOM, "支付网关 502")
    click = lina.taps(card, "认领")
    event = lina.adds(ROOM, "wang")
    assert sim.ping_connections() == [True]
    assert said is not None
    assert (said.problems, click.problem, event.problems) == ([""], "", [""])
    assert lina.seen(card) == "行情中断\n已认领"
    _until(lambda: len(heard()) == 4)
    token, message, tapped, told = heard()
    assert token == ["token", caller.token()]
    assert message == ["message", ["lina", " 支付网关 502", ROOM]]
    assert tapped[1][:2] == ["lina", "card-1"]
    assert tapped[1][2]["cardPrivateData"] == {"actionIds": ["b1"], "params": {"a": "k1", "c": ROOM}}
    assert told == ["event", ["chat_add_member", ROOM]]
    # Its reply names the sender in `at` and not in the text, which calls nobody.
    assert sim.said[-1].content == {"content": "收到"}
    assert sim.oddities == ["lina is in `at`, and the text has no @lina"]
    caller.http.close()


def test_the_client_comes_again_when_it_is_asked_to(sim: Sim, heard: Callable[[], list[Any]]) -> None:
    first = sim.wire.connections[0].id
    sim.ask_to_reconnect(grace=0.2)
    _until(lambda: bool(sim.wire.connections) and sim.wire.connections[0].id != first)
    said = sim.person("lina").says("", "还在吗")
    assert said is not None
    assert said.problems == [""]
