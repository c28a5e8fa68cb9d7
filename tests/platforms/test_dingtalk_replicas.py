"""Two servers of one firm on PostgreSQL before DingTalk: each holds its own stream, each event is handled once, each message said once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from storage.tables.queues import DONE, InboxRow
from tests.dingtalk_firm import Firm, Mode, two_on_dingtalk

REPLAYED = {"platform": "dingtalk", "reason": "replayed_signature"}


@pytest.fixture(params=["stream", "http"])
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


@pytest.fixture
def firms(mode: Mode, postgres_url: str, tmp_path: Path) -> Iterator[tuple[Firm, Firm]]:
    with two_on_dingtalk(tmp_path, mode, postgres_url) as both:
        yield both
        sim = both[0].sim
        assert sim.oddities == []
        assert [one.code for one in sim.requests if "Qps" in str(one.code)] == [], "together within what is allowed a second"


def handled(firm: Firm) -> float:
    return firm.parts.metrics.registry.get_sample_value("gengfu_events_total", {"platform": "dingtalk", "result": "done"}) or 0.0


def test_each_event_and_each_message_once(firms: tuple[Firm, Firm], mode: Mode) -> None:
    firm, other = firms
    assert mode == "http" or len(firm.sim.wire.connections) == 2
    firm.sim.deliveries.duplicates = 1.0  # and every message comes once more
    firm.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    room = firm.room("INC-")
    firm.taps("wang.qiang", "认领 T6")
    for number in range(4):
        firm.says("li.na", f"/事件 进展 I1 第{number}步", room)
    firm.sim.advance(minutes=2)
    firm.settle()
    assert len([chat for chat in firm.sim.state.chats.values() if chat.kind == "group"]) == 1
    seen = [firm.player("li.na").seen(message) for message in room.shown]
    assert len([text for text in seen if "事件:" in text]) == 1
    assert [text.split(":")[1].split("\n")[0] for text in seen if "I1 进展(" in text] == [f"第{number}步" for number in range(4)]
    assert [verb for _, verb, _ in firm.trail("I1")].count("updated") == 4
    assert Counter(verb for _, verb, _ in firm.trail("T6")) == Counter(["opened", "claimed"])
    assert sum(handled(one) for one in (firm, other)) == 5, "typed words, worked off once; the tap is decided where it came in"
    rows = firm.parts.database.read(
        lambda tx: [row.status for row in tx.exec(select(InboxRow).where(col(InboxRow.platform) == "dingtalk"))]
    )
    assert rows == [DONE] * 6


@pytest.mark.parametrize("mode", ["http"], indirect=True)
def test_headers_that_served_one_server_serve_no_other_body_at_the_other(firms: tuple[Firm, Firm]) -> None:
    firm, other = firms
    firm.says("li.na", "/帮助")
    seen, kept = firm.sim.deliveries.sent[-1], firm.waiting()
    forged = {**seen.content, "msgId": "forged==", "senderStaffId": "dzhouheng", "text": {"content": "/帮助"}}
    assert {firm.sim.deliveries.replay(seen, forged).status_code for _ in range(4)} == {401}, "in turn at both"
    assert firm.waiting() == kept
    found = [one.parts.metrics.registry.get_sample_value("gengfu_callbacks_refused_total", REPLAYED) for one in (firm, other)]
    assert found == [2, 2]
