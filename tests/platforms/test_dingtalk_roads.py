"""DingTalk's three addresses on a real server: what proves nothing is refused with 4xx, stores nothing and never raises."""

import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.platforms.dingtalk.inbound import BODY_CAP
from tests.dingtalk_firm import Firm, firm_on_dingtalk

ROADS = ("/callbacks/dingtalk", "/callbacks/dingtalk/card", "/callbacks/dingtalk/events")


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path_factory.mktemp("firm"), "http") as firm:
        yield firm


@pytest.mark.parametrize("road", ROADS)
def test_garbage_is_refused_and_nothing_is_kept(firm: Firm, road: str) -> None:
    dice, before = random.Random(road), firm.waiting()
    names = ("timestamp", "sign", "x-ddpaas-signature-timestamp", "x-ddpaas-signature", "content-type")
    with httpx.Client(base_url=firm.url, trust_env=False) as client:
        for round_ in range(150):
            body = dice.choice(
                [b"", b"{}", b"[]", b'{"encrypt":"AAAA"}', dice.randbytes(dice.randrange(300)), b"[" * 5000, b'{"a":' * 2000]
            )
            headers = {dice.choice(names): dice.choice(["1", "1767225600000", "x" * 50, "==", "-1"]) for _ in range(dice.randrange(4))}
            query = dice.choice(["", "?timestamp=1&nonce=n&signature=s", "?a=1&a=1", "?%ff=%00", "?msg_signature=&timestamp=&nonce="])
            answer = client.post(road + query, content=body, headers=headers)
            assert answer.status_code in (400, 401), (round_, answer.status_code, body, headers)
        assert client.post(road, content=b"x" * (BODY_CAP + 1)).status_code == 413
        assert client.get(road).status_code == 405
    assert firm.waiting() == before


def test_on_the_stream_the_addresses_take_nothing(tmp_path: Path) -> None:
    with firm_on_dingtalk(tmp_path) as firm, httpx.Client(base_url=firm.url, trust_env=False) as client:
        stamp = str(int(firm.sim.clock().timestamp() * 1000))
        for road in ROADS:
            assert client.post(road, content=b"{}", headers={"timestamp": stamp, "sign": "x"}).status_code == 401
