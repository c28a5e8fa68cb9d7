"""Taps and chats on WeCom: decided before they are answered, or 「in hand」 with the outcome to follow; old cards and strangers change
nothing; a group that hears takes the place of one that only receives."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Transaction
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import Firm, firm_on_wecom

UPDATE = "POST /cgi-bin/message/update_template_card"


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_wecom(tmp_path) as firm:
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        yield firm
        assert firm.sim.oddities == []


def owner(firm: Firm, ref: str) -> str | None:
    return firm.parts.database.read(lambda tx: firm.parts.road.reader(tx).task(ref).owner)


def test_a_tap_changes_the_card_in_its_own_answer_and_costs_no_code(firm: Firm) -> None:
    card = firm.card("wang.qiang", "我的任务")
    click = firm.player("wang.qiang").taps(card, "认领 T6")
    assert (click.problem, click.updated) == ("", True)
    assert "已认领 · 王强" in card.text
    firm.settle()
    mine = [one for one in firm.sim.calls(UPDATE) if userid("wang.qiang") in str(one.request.body)]
    assert mine == []


def test_what_takes_longer_is_in_hand_and_follows(firm: Firm) -> None:
    firm.hurried()
    card = firm.card("wang.qiang", "我的任务")
    busy, free = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        busy.set()
        free.wait(20)

    held = firm.parts.database.submit_write(hold)
    assert busy.wait(10)
    click = firm.player("wang.qiang").taps(card, "认领 T6")
    assert click.problem == ""
    free.set()
    held.result(20)
    firm.settle()
    assert any("T6" in said and "由你负责" in said for said in firm.told("wang.qiang")), "what became of it is said"
    assert "已认领 · 王强" in firm.card("wang.qiang", "我的任务").text


def test_who_was_faster_is_said_to_who_was_slower(firm: Firm) -> None:
    mine, theirs = firm.card("wang.qiang", "我的任务"), firm.card("zhao.min", "我的任务")
    firm.player("wang.qiang").taps(mine, "认领 T6")
    assert firm.player("zhao.min").taps(theirs, "认领 T6").problem == ""
    firm.settle()
    assert owner(firm, "T6") == "wang.qiang"
    assert any("已由 王强 于 09:00 认领" in said for said in firm.told("zhao.min"))


def test_a_stranger_is_refused_and_it_is_recorded(firm: Firm) -> None:
    firm.sim.add_person("Passer", "路人")
    before = firm.waiting()
    firm.sim.person("Passer").says_app("/认领 T6")
    firm.settle()
    assert firm.waiting() == before + 1
    assert owner(firm, "T6") is None


def test_userids_know_no_case(firm: Firm) -> None:
    """WeCom tells them now as they were entered, now in lower case."""
    identify = firm.parts.road.house.identify
    assert identify("wecom", "wangqiang") == identify("wecom", "WangQiang") == "wang.qiang"


def test_a_form_is_a_page_for_one_person_and_one_time(firm: Firm) -> None:
    firm.taps("wang.qiang", "认领 T6")
    firm.taps("wang.qiang", "完成 T6", "我的任务")
    address = firm.follows("wang.qiang", "完成")
    assert address.startswith(f"{firm.url}/f/")
    assert any("/完成" in said or "完成 T6" in said for said in firm.told("wang.qiang"))


def test_a_reply_of_the_menu_without_a_choice_does_nothing(firm: Firm) -> None:
    firm.taps("wang.qiang", "认领 T6")
    card = firm.card("wang.qiang", "我的任务", "执行")
    before = firm.waiting()
    click = firm.player("wang.qiang").taps(card, "执行")
    assert (click.problem, firm.waiting()) == ("", before)


def test_a_group_in_which_people_can_act_takes_the_place_of_the_apps(tmp_path: Path) -> None:
    with firm_on_wecom(tmp_path, "both") as firm:
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        room = firm.room("INC-")
        firm.player("li.na").adds_robot(room.id)
        firm.says("li.na", "/事件 绑定 I1", room)
        before = len(room.messages)
        firm.says("li.na", "/事件 进展 I1 已切换", room)
        news = [m for m in room.messages[before:] if "进展(李娜)" in m.text]
        assert [m.sender for m in news] == ["robot"], "said once"
        assert [verb for _, verb, _ in firm.trail("I1")].count("unbound") == 1
        assert firm.sim.oddities == []


def test_where_nothing_makes_groups_the_commander_is_told_how_to_have_one(tmp_path: Path) -> None:
    with firm_on_wecom(tmp_path, "robot") as firm:
        for person in firm.parts.plans.organization.people:
            firm.says(person, "你好")
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        assert any("请手工建一个群" in said for said in firm.told("li.na"))
        assert not any("未能处理" in said for person in firm.parts.plans.organization.people for said in firm.told(person))


def test_a_robot_in_callbacks_answers_where_it_is_asked(tmp_path: Path) -> None:
    with firm_on_wecom(tmp_path, "callback") as firm:
        group = firm.sim.add_group("技术群", [userid("wang.qiang")], chat_id="wrTech")
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        assert "行情中断" in firm.says("wang.qiang", "/事件 列表", group)
        (answer,) = [m for m in group.messages if m.sender == "robot"]
        begun = {said["stream"]["content"] for said in answer.history}
        assert (answer.kind, answer.finished, len(begun)) == ("stream", True, 1), "written on where it began"
        assert firm.sim.calls("POST /cgi-bin/aibot/response") == []
        assert firm.sim.oddities == []


def test_an_answer_that_wecom_does_not_come_for_goes_by_the_messages_own_address(tmp_path: Path) -> None:
    with firm_on_wecom(tmp_path, "callback") as firm:
        group = firm.sim.add_group("技术群", [userid("wang.qiang")], chat_id="wrTech")
        firm.sim.robot.poll = lambda: None  # type: ignore[method-assign]
        firm.says("wang.qiang", "/帮助", group)
        assert len(firm.sim.calls("POST /cgi-bin/aibot/response")) == 1
        said = [m for m in group.messages if m.sender == "robot"]
        assert [m.kind for m in said] == ["stream", "markdown"]
        del firm.sim.robot.poll
        firm.clock.push(seconds=90)
        firm.sim.robot.poll()
        assert (said[0].finished, said[0].text) == (True, "已另行答复。")


def test_where_the_bot_can_only_answer_no_incident_lives(tmp_path: Path) -> None:
    with firm_on_wecom(tmp_path, "callback") as firm:
        group = firm.sim.add_group("技术群", [userid("li.na")], chat_id="wrTech")
        firm.says("li.na", "/事件 上报 类型=系统故障 行情中断", group)
        assert firm.room("INC-").kind == "appgroup", "its group is one of the app's"
        assert "只能回答" in firm.says("li.na", "/事件 绑定 I1", group)
        assert not any("未能处理" in said for person in firm.parts.plans.organization.people for said in firm.told(person))


def test_a_group_tells_its_id_to_whoever_writes_the_plan(tmp_path: Path) -> None:
    """WeCom shows it nowhere."""
    with firm_on_wecom(tmp_path, "robot") as firm:
        group = firm.sim.add_group("运营", [userid("li.na")], chat_id="wrkSFfCgAA")
        assert 'wecom = "wrkSFfCgAA"' in firm.says("li.na", "/我是谁", group)
        assert "编号" not in firm.says("li.na", "/我是谁")
