"""The whole bot on DingTalk: what its unsigned roads may not decide, what it does when the quota keeps people's words back, link cards."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dingtalk_firm import Firm, firm_on_dingtalk, staff_id
from tests.letterbox import Letterbox
from tests.simulators.core.visitor import soon
from tests.simulators.dingtalk.sealing import robot_sign


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path) as firm:
        yield firm
        assert firm.sim.oddities == []


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path, "http") as firm:
        yield firm
        assert firm.sim.oddities == []


def _asked_for_approval(firm: Firm) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    if firm.sim.deliveries.callback is None:
        firm.taps("li.na", "启动预案", "INC-")


def test_on_the_stream_a_leader_approves_with_one_tap(stream: Firm) -> None:
    _asked_for_approval(stream)
    click = stream.taps("lin.yue", "同意", "启动预案")
    assert (click.problem, click.updated) == ("", True)
    assert any(verb == "approved" for _, verb, _ in stream.trail("A1"))


def refusals(firm: Firm, person: str) -> list[str]:
    return [details["reason"] for _, verb, details in firm.trail(f"P:{person}") if verb == "refused"]


def test_on_unsigned_roads_four_eyes_are_refused_with_a_sentence_and_it_is_recorded(http: Firm) -> None:
    _asked_for_approval(http)
    said = http.says("li.na", "/事件 启动 I1")
    assert "没有签名" in said
    assert "长连接" in said
    assert "网页" in said
    assert refusals(http, "li.na") == ["house.unsigned"]
    room = http.room("INC-")
    card = next(message for message in room.messages if message.kind == "card")
    click = http.player("li.na").taps(card, "启动预案")
    http.settle()
    assert http.player("li.na").seen(card).endswith("结果见你与更夫的私聊。"), "whoever has the headers reads nothing of the house"
    assert "没有签名" in http.player("li.na").seen(http.sim.direct(staff_id("li.na")).messages[-1])
    assert click.problem == ""
    assert refusals(http, "li.na") == ["house.unsigned"] * 2
    assert not [verb for _, verb, _ in http.trail("A1")], "nothing was asked of anybody"


def test_what_is_no_act_of_four_eyes_goes_on_by_tap(http: Firm) -> None:
    http.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    assert http.taps("wang.qiang", "认领 T6", "我的任务").updated
    assert http.parts.database.read(lambda tx: http.parts.road.reader(tx).task("T6").owner) == "wang.qiang"


def refused(firm: Firm, reason: str) -> float:
    name, labels = "gengfu_callbacks_refused_total", {"platform": "dingtalk", "reason": reason}
    return firm.parts.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_forged_message_with_captured_headers_is_refused_stored_nowhere_and_counted(http: Firm) -> None:
    """Whoever saw one delivery has headers that are good for an hour, and for that delivery alone."""
    http.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    seen, kept = http.sim.deliveries.sent[-1], http.waiting()
    forged = {**seen.content, "msgId": "forged==", "senderStaffId": staff_id("zhou.heng"), "text": {"content": "/任务 认领 T1"}}
    assert http.sim.deliveries.replay(seen, forged).status_code == 401
    assert http.waiting() == kept
    assert refused(http, "replayed_signature") == 1
    assert http.sim.deliveries.replay(seen, seen.content).status_code == 200, "the platform may send it again"
    assert http.waiting() == kept


def test_whoever_sends_first_with_headers_that_they_made_out_changes_no_approval(http: Firm) -> None:
    """Where the request itself was held up in between, the forged one comes first: nothing of four eyes is done by it."""
    http.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    seen = http.sim.deliveries.sent[-1]
    stamp = str(int(seen.headers["timestamp"]) + 7)
    held_up = replace(seen, headers={"timestamp": stamp, "sign": robot_sign(stamp, http.sim.state.app_secret)})
    forged = {**seen.content, "msgId": "forged==", "senderStaffId": staff_id("zhou.heng"), "text": {"content": "/事件 误报 I1 演习"}}
    assert http.sim.deliveries.replay(held_up, forged).status_code == 200
    http.settle()
    assert refusals(http, "zhou.heng") == ["house.unsigned"]
    assert http.parts.database.read(lambda tx: http.parts.road.reader(tx).incident("I1").state) == "open"


def test_of_two_that_are_signed_in_one_millisecond_the_second_is_refused_and_can_be_said_again(http: Firm) -> None:
    """(?) Nobody says whether DingTalk signs two deliveries alike. If it does, the second gets no 200, and a tap shows a failure."""
    http.sim.deliveries.one_millisecond = True
    first, second = http.player("li.na").says("", "/帮助"), http.player("wang.qiang").says("", "/帮助")
    assert first is not None
    assert second is not None
    assert (first.problems, second.problems) == ([""], ["HTTP 401"])
    http.sim.clock.push(seconds=1)
    again = http.player("wang.qiang").says("", "/帮助")
    assert again is not None
    assert again.arrived


def test_on_unsigned_roads_acts_of_four_eyes_are_pages(http: Firm) -> None:
    http.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    http.taps("wang.qiang", "认领 T6", "我的任务")
    http.says("wang.qiang", "/完成 T6 已恢复")
    url = http.follows("zhao.min", "核实 T6")
    assert url.startswith(f"{http.url}/f/")
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(url, headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0"})
    assert answer.status_code == 401, "who is there must be known first"


def test_a_form_is_a_page_for_the_one_who_asked(stream: Firm) -> None:
    stream.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    stream.taps("li.na", "定级…", "INC-")
    form = stream.sim.direct(staff_id("li.na")).messages[-1]
    url = stream.player("li.na").follows(form, "定级")
    assert url.startswith(f"{stream.url}/f/")
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0", "Accept": "text/html"}
        page = browser.get(url, headers=headers)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        given = {**hidden, "csrc_grade": "larger"}
        sent = browser.post(url, data=given, headers={"Origin": stream.url, "Sec-Fetch-Site": "same-origin"})
    assert sent.status_code == 200, sent.text
    stream.settle()
    assert stream.parts.database.read(lambda tx: stream.parts.road.reader(tx).incident("I1").csrc_grade) == "larger"


# Without the card template


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path, also={"DINGTALK_CARD_TEMPLATE_ID": "", "DINGTALK_SCENE_TEMPLATE_ID": ""}) as firm:
        yield firm
        assert firm.sim.oddities == []


def test_link_cards_lead_each_reader_to_their_own_page(bare: Firm) -> None:
    bare.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    url = bare.follows("wang.qiang", "认领 T6")
    with httpx.Client(trust_env=False) as browser:
        headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0", "Accept": "text/html"}
        page = browser.get(url, headers=headers)
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        sent = browser.post(url, data=hidden, headers={"Origin": bare.url, "Sec-Fetch-Site": "same-origin"})
    assert sent.status_code == 200, sent.text
    bare.settle()
    assert bare.parts.database.read(lambda tx: bare.parts.road.reader(tx).task("T6").owner) == "wang.qiang"


def test_a_group_of_the_firms_own_is_bound_and_told_in_words(bare: Firm) -> None:
    bare.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    room = bare.sim.add_chat("行情应急", [staff_id("li.na"), staff_id("wang.qiang")])
    said = bare.says("li.na", "/事件 绑定 I1", room)
    assert "I1" in said
    assert all(message.kind in ("text", "sampleText", "sampleFile") for message in room.messages)


# What is kept back


@pytest.fixture
def mailed(tmp_path: Path, letterbox: tuple[Letterbox, int]) -> Iterator[Firm]:
    names = {"SMTP_URL": f"smtp://127.0.0.1:{letterbox[1]}", "SMTP_FROM": "gengfu@example.com"}
    with firm_on_dingtalk(tmp_path, also=names) as firm:
        yield firm


def test_words_that_the_quota_keeps_back_are_noticed_told_by_another_road_and_alarmed(
    mailed: Firm, letterbox: tuple[Letterbox, int]
) -> None:
    box, _ = letterbox
    mailed.sim.state.inbound.limit = mailed.sim.state.inbound.used
    for _ in range(3):
        mailed.says("li.na", "/事件 上报 行情中断")
    assert not mailed.parts.database.read(lambda tx: mailed.parts.road.reader(tx).unclosed()), "nobody knows what was said"
    told = [letter for letter in box.to("li.na@example.com") if "没有收到" in letter]
    assert len(told) == 1, "once, and not for every try"
    alarms = [letter for _, letter in box.letters if "消息额度已用完:大家" in letter]
    assert alarms, "administrators hear of it"
    mailed.passes(hours=1, minutes=1)
    mailed.says("li.na", "/事件 上报 行情中断")
    assert len([letter for letter in box.to("li.na@example.com") if "没有收到" in letter]) == 2


def test_a_stranger_in_the_group_is_refused_and_it_is_recorded(stream: Firm) -> None:
    stream.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    stranger = stream.sim.add_person("dstranger", "路人")
    room = stream.room("INC-")
    room.members.add("dstranger")
    card = next(message for message in room.messages if message.kind == "card")
    stranger.taps(card, "启动预案")
    trail: list[Any] = stream.trail("P:dingtalk:dstranger")
    assert [verb for _, verb, _ in trail] == ["refused"]


def test_a_dissolved_group_is_no_longer_the_incidents(stream: Firm) -> None:
    stream.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    room = stream.room("INC-")
    stream.player("li.na").dissolves(room.id)
    stream.settle()
    assert any("已解散" in said for said in stream.direct("li.na"))


def test_a_file_sent_to_the_robot_is_kept_as_evidence(stream: Firm) -> None:
    stream.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    stream.player("li.na").sends_file("", "行情日志.txt", "09:41 断开".encode())
    stream.settle()
    (kept,) = [details for _, verb, details in stream.trail("I1") if verb == "attached"]
    assert kept["files"][0]["name"] == "行情日志.txt"


# Louder ways


WORST = "证监会=特别重大 平台=9 媒体=央媒 客户=50万 阅读=500万 发帖=9000 热榜=前50 首帖=26 增速=2 负面=90% 投诉=900"


def test_a_rung_rings_by_ding_about_what_nobody_answered(stream: Firm) -> None:
    """Without an SMS gateway the messenger's own telephone is the louder way, with words, as a DING shows no message."""
    stream.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    stream.says("li.na", f"/定级 {WORST}")
    stream.passes(hours=2)
    dings = stream.sim.state.dings
    assert {ding["by"] for ding in dings} >= {"app", "phone"}
    assert all(len(ding["people"]) == 1 and "T" in ding["content"] for ding in dings)


def test_on_unsigned_roads_what_is_decided_late_is_told_to_the_person_alone_and_once(http: Firm) -> None:
    http.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    room = http.room("INC-")
    card = next(message for message in room.messages if message.kind == "card")
    http.parts.worker.patience = timedelta(0)
    before = len(room.messages)
    http.player("li.na").taps(card, "全部任务")

    def told() -> list[str]:
        http.settle()
        found = [http.player("li.na").seen(message) for message in http.sim.direct(staff_id("li.na")).messages]
        return [text for text in found if text.startswith("I1 行情中断:任务 ")]

    soon(told)
    assert len(told()) == 1
    assert not [message for message in room.messages[before:] if "I1 行情中断:任务 " in http.player("li.na").seen(message)]
