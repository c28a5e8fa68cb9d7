"""One incident on two messengers at once: a room on Feishu and one on the console, and people who are on both."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.rooms import Line
from storage.whereabouts import PAGE_OPEN
from tests.feishu_firm import Firm, firm_on_feishu
from tests.simulators.feishu.state import Message
from tests.world import World
from workflows.incident import State

ROOM = "g:lead"


@dataclass
class Desk(World):
    """The same firm at its console."""

    firm: Firm | None = None

    def settle(self) -> None:
        assert self.firm is not None
        self.firm.settle()


@dataclass
class Both:
    firm: Firm
    desk: Desk

    def feishu(self) -> Message:
        """The incident's card in its Feishu room."""
        return next(m for m in self.firm.room("INC-").messages if m.kind == "interactive" and "总指挥" in m.text)

    def console(self) -> Line:
        """And in the console's."""
        found = [line for line in self.desk.lines(ROOM, "zhou.heng") if "总指挥" in str(line.body)]
        assert len(found) == 1, "one card, edited where it stands"
        return found[0]

    def said_on_feishu(self, part: str) -> list[str]:
        return [m.text for m in self.firm.room("INC-").messages if part in m.text and m.kind != "interactive"]

    def said_on_console(self, part: str) -> list[str]:
        return [text for text in self.desk.group(ROOM, "zhou.heng") if part in text]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    """Opened on Feishu, where it has a room; the leaders' room on the console belongs to it too."""
    with firm_on_feishu(tmp_path, also={"GENGFU_CONSOLE": "on"}) as firm:
        parts: Any = firm.parts
        desk = Desk(parts.database, firm.sim.clock, parts.plans, parts.road, parts.worker, parts.rooms, firm=firm)  # type: ignore[arg-type]
        firm.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
        assert desk.says("zhou.heng", "/事件 绑定 I1", ROOM).error is None
        yield Both(firm, desk)
        assert firm.sim.oddities == []


def test_each_room_hears_it_once(both: Both) -> None:
    both.firm.says("li.na", "/事件 进展 备用链路已切换")
    both.desk.says("sun.jie", "/事件 进展 I1 客户可以登录了")
    for part in ("备用链路已切换", "客户可以登录了"):
        assert (len(both.said_on_feishu(part)), len(both.said_on_console(part))) == (1, 1), part
        assert part in both.feishu().text or part == "备用链路已切换"
    assert "客户可以登录了" in str(both.console().body)


def test_a_click_in_one_changes_the_card_in_the_other(both: Both) -> None:
    assert both.desk.says("lin.yue", "/我的").error is None, "who decides at this level is at the console"
    both.firm.taps("li.na", "启动预案", "INC-")
    assert both.desk.taps("lin.yue", "同意").error is None
    assert both.desk.incident().state is State.ACTIVE
    assert "处置中" in both.feishu().text
    assert "处置中" in str(both.console().body)

    assert both.desk.says("li.na", "/事件 恢复 I1").error is None
    assert both.desk.incident().state is State.RECOVERED
    assert "已恢复" in both.feishu().text
    assert "已恢复" in str(both.console().body)


def test_what_was_done_on_one_is_refused_on_the_other(both: Both) -> None:
    """王强 and 赵敏 have cards on Feishu; what one of them does at the console, both cards know."""
    mine, theirs = both.firm.card("wang.qiang", "我的任务"), both.firm.card("zhao.min", "我的任务")
    assert both.desk.says("wang.qiang", "/认领 T6").error is None
    assert "已认领 · 王强" in both.firm.sim.message(mine.id).text, "edited where it stands"
    assert "认领 T6" not in both.firm.sim.message(theirs.id).card.buttons
    late = both.firm.says("zhao.min", "/认领 T6")
    assert "王强" in late


def test_nobody_is_two_people(both: Both) -> None:
    """Who asks on one messenger cannot agree on the other."""
    asked = both.firm.says("zhou.heng", "/事件 误报 I1 延误=否 核查后确认是监控误触发")
    assert "A1" in asked, asked
    assert both.desk.says("zhou.heng", "/同意 A1").error == "approval.own"
    assert both.desk.says("lin.yue", "/同意 A1").error is None
    assert both.desk.incident().state is State.FALSE_ALARM
    assert "误报" in both.feishu().text
    assert "误报" in str(both.console().body)


def test_reached_where_they_were_last(both: Both) -> None:
    firm, desk = both.firm, both.desk

    def heard(person: str) -> tuple[int, int]:
        return len(firm.direct(person)), len(desk.direct(person))

    def assigned(text: str) -> tuple[bool, bool]:
        """(on Feishu, on the console) a new task of 马超's was told."""
        before = heard("ma.chao")
        desk.says("chen.bo", f"/任务 新增 I1 组=tech {text}")
        ref = desk.tasks()[-1].ref
        assert desk.says("chen.bo", f"/任务 指派 {ref} 马超").error is None
        after = heard("ma.chao")
        return after[0] > before[0], after[1] > before[1]

    assert assigned("查日志甲") == (True, False), "nobody knows: the order of the platforms"
    assert desk.says("ma.chao", "/我的").error is None
    assert assigned("查日志乙") == (False, True)
    firm.says("ma.chao", "/我的")
    assert assigned("查日志丙") == (True, False)
    assert desk.says("ma.chao", "/我的").error is None
    assert assigned("查日志丁") == (False, True)
    firm.passes(seconds=PAGE_OPEN.total_seconds())
    assert assigned("查日志戊") == (True, False), "a page that was left rings nowhere"


def test_what_was_refused_moves_nobody(both: Both) -> None:
    both.firm.says("ma.chao", "/我的")
    assert both.desk.says("ma.chao", "/事件 归档 I1").error is not None
    assert both.firm.parts.worker.sender.ways("ma.chao")[0][0] == "feishu"


def test_where_they_were_last_is_down(both: Both) -> None:
    """The other way carries it, once, and says why; the message itself comes when the messenger is back."""
    firm, desk = both.firm, both.desk
    firm.says("ma.chao", "/我的")
    firm.sim.faults.outage(60)
    before = len(desk.direct("ma.chao"))
    desk.says("chen.bo", "/任务 新增 I1 组=tech 查日志甲")
    ref = desk.tasks()[-1].ref
    desk.says("chen.bo", f"/任务 指派 {ref} 马超")
    firm.passes(seconds=30)
    around = [text for text in desk.direct("ma.chao")[before:] if "飞书暂时不通" in text and ref in text]
    assert len(around) == 1
    firm.passes(minutes=2)
    assert any(ref in text for text in firm.direct("ma.chao"))


def test_a_message_that_may_have_arrived_stays_with_its_platform(both: Both) -> None:
    """Feishu took it and the answer was lost; its reader, at the console meanwhile, does not read it there once more."""
    firm, desk = both.firm, both.desk
    firm.says("ma.chao", "/我的")
    assert desk.says("chen.bo", "/任务 新增 I1 组=tech 查日志甲").error is None
    ref = desk.tasks()[-1].ref
    firm.sim.faults.add("POST /open-apis/im/v1/messages", "reset_after")
    desk.says("chen.bo", f"/任务 指派 {ref} 马超")
    desk.says("ma.chao", "/我是谁")
    firm.passes(minutes=1)
    assert [one.request.route for one in firm.sim.requests if one.fault], "it did happen"
    told = f"陈波 把 {ref}"
    assert len([text for text in firm.direct("ma.chao") if told in text]) == 1
    assert [text for text in desk.direct("ma.chao") if told in text] == []
