"""Everything at once: taps of several people on one task, the same event told several times side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.wecom import markup
from tests.wecom_firm import Mode, firm_on_wecom


def side_by_side(*works: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result(60) for one in [pool.submit(work) for work in works]]


@pytest.mark.parametrize("mode", ["app", "robot", "both"])
def test_two_people_tap_the_same_task_at_once_and_twice(tmp_path: Path, mode: Mode) -> None:
    with firm_on_wecom(tmp_path, mode) as firm:
        people = ("wang.qiang", "zhao.min")
        if mode == "robot":
            for person in (*people, "li.na"):
                firm.says(person, "/我的")
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        cards = {person: firm.card(person, "我的任务", "认领 T6") for person in people}

        def tap(person: str) -> Any:
            click = firm.player(person).taps(cards[person], "认领 T6")
            assert click.answered.wait(10)
            return click

        side_by_side(*(lambda person=person: tap(person) for person in people for _ in range(2)))
        firm.settle()
        firm.passes(minutes=31)
        claims = [line for line in firm.trail("T6") if line[1] == "claimed"]
        assert len(claims) == 1, firm.trail("T6")
        winner = "王强" if firm.parts.database.read(lambda tx: firm.parts.road.reader(tx).task("T6").owner) == "wang.qiang" else "赵敏"
        for person in people:
            seen = [m.text for m in firm.seen_by(person)]
            assert any(f"已认领 · {winner}" in text or f"已由 {winner}" in text for text in seen), seen
        assert firm.sim.oddities == []
        assert firm.sim.dropped == []


def test_the_same_event_told_side_by_side_is_one(tmp_path: Path) -> None:
    """WeCom tells again what was not answered in time, while the first telling is still worked on."""
    with firm_on_wecom(tmp_path, "app") as firm:
        callback, player = firm.sim.deliveries.app, firm.player("li.na")
        assert callback is not None
        player.says_app("/事件 上报 类型=系统故障 行情中断")
        again = markup.written("xml", firm.sim.deliveries.events[-1].event)
        answers = side_by_side(*(lambda: callback.post(again)[0].status_code for _ in range(8)))
        assert set(answers) == {200}
        firm.settle()
        assert len([chat for chat in firm.sim.state.chats.values() if "INC-" in chat.name]) == 1
        assert len([text for text in firm.told("li.na") if "我的任务" in text and "待认领" in text]) == 1
