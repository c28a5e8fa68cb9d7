"""Statements, as people live them: one text, different people who agree to it to the letter, and what makes their yes void."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.statements import RevisionRow, StatementRow
from tests.world import World, make_world
from workflows.core.approval import State as Asked
from workflows.core.approval import approvers_of
from workflows.statement import Revision, State, Statement

FILLED = "替代方式=电话委托\n渠道=公司官网\n客服电话=400-800-1234"
TEXT = (
    "3月10日09:30起,我司集中交易出现无法登录,部分客户暂时不能委托。我们已启动应急处置,正在恢复。"
    "期间您可通过电话委托办理。最新进展见公司官网,客服电话 400-800-1234。"
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A system failure at the second level: technology, compliance, then the deputy head of the leading group."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 集中交易中断")
    world.says("li.na", "/定级 证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260")
    yield world
    database.close()


def statement(world: World, ref: str = "S1") -> Statement:
    return world.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, ref)))


def texts(world: World) -> list[Revision]:
    found = world.database.read(lambda tx: [to_record(Revision, row) for row in tx.exec(select(RevisionRow))])
    return sorted(found, key=lambda one: one.number)


def drafted(world: World, by: str = "gao.yuan") -> None:
    reply = world.says(by, f"/声明 起草 I1 模板=首次告知 现象=无法登录 影响=暂时不能委托\n{FILLED}")
    assert reply.error is None, reply.text


def submitted(world: World) -> None:
    drafted(world)
    assert world.says("gao.yuan", "/声明 送审 S1").error is None


def heard(world: World, person: str) -> str:
    return "\n".join(world.direct(person))


def lines(card: Any) -> dict[str, str]:
    return dict(card["lines"] if isinstance(card, dict) else card.lines)


# Writing


def test_what_the_incident_knows_is_filled_in_and_what_is_missing_is_named(world: World) -> None:
    reply = world.says("gao.yuan", "/声明 起草 I1 模板=首次告知 现象=无法登录 影响=暂时不能委托")
    assert "还缺:替代方式、渠道、客服电话" in reply.text
    assert "3月10日09:30起,我司集中交易出现无法登录" in lines(world.card("gao.yuan", "声明 S1"))[""]
    refused = world.says("gao.yuan", "/声明 送审 S1")
    assert (refused.error, "替代方式、渠道、客服电话" in refused.text) == ("statement.blank", True)
    world.says("gao.yuan", f"／声明 修改 S1 {FILLED.replace('=', '＝')}")
    assert texts(world)[-1].text == TEXT
    found = statement(world)
    assert (found.revision, found.digest) == (2, hashlib.sha256(TEXT.encode()).hexdigest())
    assert found.facts == {"occurred": "2026-03-10T01:30:00+00:00", "system": "集中交易"}


def test_what_the_incident_lacks_is_asked_of_the_incident(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 集中交易中断")
    reply = world.says("gao.yuan", f"/声明 起草 I1 模板=首次告知 现象=无法登录 影响=暂时不能委托\n{FILLED}")
    assert "发生时间、系统(由事件自带,请用 /事件 事实 I1 补)" in reply.text
    assert world.says("gao.yuan", "/声明 修改 S1 系统=集中交易").error is not None
    world.says("li.na", "/事件 事实 I1 系统=集中交易 发生=9:30")
    assert any("所用事实已变" in one for one in world.direct("gao.yuan"))
    assert world.taps("gao.yuan", "按最新事实更新").error is None
    assert texts(world)[-1].text == TEXT
    assert statement(world).changed == {}
    database.close()


def test_a_text_of_ones_own_is_kept_to_the_letter(world: World) -> None:
    own = "各位客户:\n  集中交易 自9:30起异常 = 部分委托失败。\n\n我们正在恢复,渠道:官网"
    world.says("gao.yuan", f"/声明 起草 I1 正文:{own}")
    assert texts(world)[-1].text == own
    assert statement(world).facts["system"] == "集中交易", "a fact that stands in it is one that it uses"
    assert world.says("gao.yuan", "/声明 修改 S1 影响=暂时不能委托").error == "statement.by_hand"


def test_fields_are_of_a_kind_and_of_the_template(world: World) -> None:
    drafted(world)
    assert world.says("gao.yuan", "/声明 修改 S1 客服电话=总机").error == "statement.phone"
    assert world.says("gao.yuan", "/声明 修改 S1 答复人=徐静").error == "statement.no_field"
    assert world.says("gao.yuan", "/声明 修改 S1 现像=卡顿").error == "error.unknown_key"
    world.says("gao.yuan", "/声明 起草 I1 模板=进展 下次更新时间=17:30")
    assert "3月10日17:30前再次更新" in world.says("gao.yuan", "/声明 查看 S2").text
    assert world.says("gao.yuan", "/声明 起草 I1 模板=首次通知").text == "没有模板「首次通知」;是不是「首次告知」?"


def test_the_same_by_buttons(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    assert world.says("xu.jing", "/事件 绑定 I1", "g:opinion").error is None
    world.taps("gao.yuan", "起草声明", template="first_notice")
    world.taps("gao.yuan", "填字段", 现象="无法登录", 影响="暂时不能委托", 替代方式="电话委托", 渠道="公司官网", 客服电话="400-800-1234")
    assert texts(world)[-1].text == TEXT
    world.taps("gao.yuan", "改正文", body=TEXT + "\n特此告知。")
    assert texts(world)[-1].text == TEXT + "\n特此告知。"
    assert statement(world).template == ""
    world.taps("gao.yuan", "送审")
    assert statement(world).state is State.SUBMITTED
    assert "起草声明" not in str(world.says("li.na", "/事件 查看 I1", own).card), "the open room drafts nothing"


def test_a_banned_phrase_cannot_be_submitted(world: World) -> None:
    drafted(world)
    world.says("gao.yuan", "/声明 修改 S1 影响=资金绝 对\u200b安全且零损失")
    refused = world.says("gao.yuan", "/声明 送审 S1")
    assert refused.error == "statement.banned"
    assert "绝对安全、零损失" in refused.text
    assert statement(world).state is State.DRAFT


def test_no_cause_before_it_is_confirmed(world: World) -> None:
    world.says("chen.bo", "/事件 事实 I1 原因=核心交换机固件缺陷")
    leak = "信息种类=手机号 可能危害=骚扰电话 已采取措施=已关闭接口 可采取的措施=警惕诈骗 客服电话=400-800-1234"
    world.says("gao.yuan", f"/声明 起草 I1 模板=个人信息事件通知(逐户)\n原因=接口被攻击\n{leak}")
    refused = world.says("gao.yuan", "/声明 送审 S1")
    assert (refused.error, "接口被攻击" in refused.text, "正在核查" in refused.text) == ("statement.cause", True, True)
    world.says("gao.yuan", f"/声明 起草 I1 正文:经查为核心交换机固件缺陷,{TEXT}")
    assert world.says("gao.yuan", "/声明 送审 S2").error == "statement.cause", "nor in a text of one's own"
    world.says("gao.yuan", "/声明 修改 S1 原因=正在核查")
    assert world.says("gao.yuan", "/声明 送审 S1").error is None
    world.says("chen.bo", "/事件 事实 I1 原因已确认=是")
    assert statement(world).state is State.DRAFT, "now it is known, so the text that left it open is out of date"
    world.says("gao.yuan", "/声明 修改 S1")
    assert "原因:核心交换机固件缺陷。" in texts(world)[-1].text or "原因:核心交换机固件缺陷" in world.says("gao.yuan", "/声明 查看 S1").text
    assert world.says("gao.yuan", "/声明 送审 S1").error is None


def test_numbers_of_weaknesses_are_pointed_out(world: World) -> None:
    drafted(world)
    assert "CVE-2026-12345" in world.says("gao.yuan", "/声明 修改 S1 现象=受 CVE-2026-12345 影响无法登录").text


def test_every_text_is_kept_and_the_database_refuses_to_change_one(world: World) -> None:
    drafted(world)
    world.says("gao.yuan", "/声明 修改 S1 影响=委托延迟")
    assert [one.number for one in texts(world)] == [1, 2]
    for change in ("UPDATE statement_revision SET text = 'x'", "DELETE FROM statement_revision"):
        with pytest.raises(DatabaseError, match="append-only"), world.database.engine.begin() as connection:
            connection.execute(sql(change))


# Asking


def test_three_different_people_agree_one_after_the_other(world: World) -> None:
    submitted(world)
    assert world.approval("A1").text == TEXT
    assert world.approval("A1").digest == hashlib.sha256(TEXT.encode()).hexdigest()
    card = world.card("chen.bo", "待批 A1")
    assert lines(card)[""] == TEXT
    assert lines(card)["文稿"] == "S1 v1「首次告知」 · 第 1/3 步 技术事实核对"
    assert lines(card)["起草人"] == "高原"
    assert lines(card)["有效期至"]
    assert "待批 A2" not in str(world.seen_by("guo.ping")), "not before the one before has agreed"
    world.taps("wang.qiang", "同意")
    card = world.card("guo.ping", "待批 A2")
    assert "王强" in lines(card)["技术事实核对"]
    world.taps("guo.ping", "同意")
    assert statement(world).state is State.SUBMITTED
    world.taps("lin.yue", "同意")
    found = statement(world)
    assert (found.state, [step.by for step in found.given]) == (State.APPROVED, ["wang.qiang", "guo.ping", "lin.yue"])
    assert "各步都已批准" in heard(world, "gao.yuan")


def test_an_author_approves_nothing_nor_does_anybody_twice(world: World) -> None:
    world.says("li.na", "/定级 首帖=1.5")
    submitted(world)
    for person in ("gao.yuan", "xu.jing"):
        assert world.says(person, "/同意 A1").error in ("approval.own", "approval.not_named")
    world.taps("chen.bo", "同意")
    assert world.says("chen.bo", "/同意 A2").error == "approval.barred"
    assert world.says("li.na", "/同意 A2 口头=陈波 电话").error == "approval.oral_of"


def test_who_edits_is_an_author_too_and_the_head_who_wrote_does_not_sign(tmp_path: Path) -> None:
    """At the fourth level the head of the opinion group signs: where that is an author, the deputy does."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=舆情 网传谣言")
    world.says("li.na", "/定级 证监会=一般 平台=1 媒体=自媒体 客户=0 阅读=100 首帖=30 增速=0.1 负面=1% 投诉=0")
    assert world.incident().response_level == "l4"
    world.says("sun.jie", "/声明 起草 I1 正文:网传说法不实,请以公司官网为准。")
    world.says("xu.jing", "/声明 修改 S1 正文:网传说法不实。请以公司官网公告为准。")
    world.says("sun.jie", "/声明 送审 S1")
    world.taps("chen.bo", "同意")
    world.taps("guo.ping", "同意")
    assert world.says("xu.jing", "/同意 A3").error == "approval.barred"
    world.taps("gao.yuan", "同意")
    assert statement(world).state is State.APPROVED
    database.close()


def test_returned_it_is_a_draft_and_the_yes_before_is_void(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.taps("guo.ping", "退回", "影响范围没有核实")
    assert statement(world).state is State.DRAFT
    assert world.approval("A1").state is Asked.VOID
    assert world.approval("A1").decided_by == "chen.bo", "who had agreed stays known"
    assert "郭平 退回:影响范围没有核实" in heard(world, "chen.bo")
    assert "陈波 的同意(A1)" in heard(world, "chen.bo")
    world.says("gao.yuan", "/声明 送审 S1")
    assert world.approval("A3").state is Asked.PENDING


def test_an_approval_voided_by_an_upgrade(world: World) -> None:
    """Level two becomes level one while compliance is reading: what was given is void, said to whom, and the head signs now."""
    submitted(world)
    world.taps("chen.bo", "同意")
    world.says("li.na", "/定级 证监会=特别重大")
    found = statement(world)
    assert (found.state, found.chain) == (State.DRAFT, ())
    assert (world.approval("A1").state, world.approval("A2").state) == (Asked.VOID, Asked.VOID)
    for person in ("gao.yuan", "chen.bo", "guo.ping"):
        told = heard(world, person)
        assert "响应级别由「二级响应」变为「一级响应」" in told, person
        assert "陈波 的同意(A1)、待批的 A2" in told
    assert "陈波 曾于" in world.card("chen.bo", "A1")["note"]
    world.says("gao.yuan", "/声明 送审 S1")
    assert [step.needed for step in statement(world).steps] == [("tech.head", "tech.deputy"), ("role:compliance",), ("lead.head",)]


def test_a_fact_that_changes_takes_every_yes_back(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.taps("guo.ping", "同意")
    world.taps("lin.yue", "同意")
    world.says("li.na", "/事件 事实 I1 地点=张江机房")
    assert statement(world).state is State.APPROVED, "a fact that the text does not use"
    world.says("li.na", "/事件 事实 I1 系统=集中交易和两融")
    found = statement(world)
    assert (found.state, found.changed) == (State.DRAFT, {"system": ["集中交易", "集中交易和两融"]})
    assert all(world.approval(f"A{number}").state is Asked.VOID for number in (1, 2, 3))
    assert "系统由「集中交易」变为「集中交易和两融」" in heard(world, "lin.yue")
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.stale"
    assert "所用事实已变" in str(world.says("gao.yuan", "/声明 查看 S1").card)
    world.says("gao.yuan", "/声明 修改 S1")
    assert "我司集中交易和两融出现无法登录" in texts(world)[-1].text
    assert world.says("gao.yuan", "/声明 送审 S1").error is None
    diff = lines(world.card("chen.bo", "待批 A4"))
    assert diff["与 v1 相比"] == "删:我司集中交易出现无法登录,\n增:我司集中交易和两融出现无法登录,"


def test_an_edit_says_whose_yes_it_takes(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    reply = world.says("xu.jing", "/声明 修改 S1 影响=委托可能延迟")
    assert "一并作废:陈波 的同意(A1)、待批的 A2" in reply.text
    assert "徐静 改了正文" in heard(world, "chen.bo")
    assert "徐静 改了正文" in heard(world, "guo.ping")
    assert statement(world).authors == ("gao.yuan", "xu.jing")
    assert world.says("guo.ping", "/同意 A2").error == "house.move"


def test_time_runs_out(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.taps("guo.ping", "同意")
    world.taps("lin.yue", "同意")
    assert set(world.timers("S1")) == {"expiry"}
    world.passes(hours=4, minutes=1)
    assert statement(world).state is State.DRAFT
    assert world.timers("S1") == {}
    assert "审批有效期 18:00 已过" in heard(world, "lin.yue")


def test_a_silent_approver(world: World) -> None:
    """Compliance says nothing: reminded, then the leading group too; a check-back is their own estimate."""
    submitted(world)
    world.taps("chen.bo", "同意")
    world.says("guo.ping", "/稍后 A2 5分钟")
    assert "预计" in heard(world, "gao.yuan")
    world.passes(minutes=6)
    assert any("次提醒】A2 声明" in one for one in world.direct("guo.ping"))
    world.passes(minutes=21)
    assert "待批 A2" in str([card.body for _, card in world.seen_by("zhou.heng")])
    world.taps("zhou.heng", "同意")
    world.taps("lin.yue", "同意")
    assert statement(world).state is State.APPROVED


def test_a_spoken_yes_counts_until_its_leader_denies_it(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.taps("guo.ping", "同意")
    world.says("li.na", "/同意 A3 口头=林岳 电话里说可以发")
    assert statement(world).state is State.APPROVED
    world.taps("lin.yue", "没有同意过", "只说了再看看")
    found = statement(world)
    assert found.state is State.DRAFT
    assert "林岳 否认口头同意过" in heard(world, "gao.yuan")


def test_at_the_heaviest_level_nothing_is_spoken(world: World) -> None:
    world.says("li.na", "/定级 证监会=特别重大")
    submitted(world)
    assert world.says("li.na", "/同意 A1 口头=陈波 电话").error == "approval.oral_forbidden"


def test_withdrawn_and_over(world: World) -> None:
    submitted(world)
    world.says("gao.yuan", "/声明 撤回 S1 改由交易所统一公告")
    assert (statement(world).state, world.approval("A1").state) == (State.WITHDRAWN, Asked.VOID)
    assert "改由交易所统一公告" in heard(world, "chen.bo")
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.withdrawn_for_good"


def test_an_incident_that_leaves_takes_its_statements_along(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.says("li.na", "/事件 误报 I1 否 系监控探针故障,业务从未中断")
    approval = next(f"A{n}" for n in range(2, 9) if world.approval(f"A{n}").kind == "false_alarm")
    world.says("zhou.heng", f"/同意 {approval}")
    assert statement(world).state is State.DRAFT
    assert world.timers("S1") == {}
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.incident_over"


def test_starting_the_plan_leaves_what_is_asked_about_texts_alone(world: World) -> None:
    submitted(world)
    world.says("zhou.heng", "/事件 启动 I1")
    assert world.approval("A1").state is Asked.PENDING


# Reading


def test_a_room_that_is_not_shown_texts_is_told_where_they_are(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    drafted(world)
    there = world.says("li.na", "/声明 查看 S1", own)
    assert there.card is None
    assert "无法登录" not in there.text
    assert "私聊" in there.text
    assert "S1 v1「首次告知」 · 草稿" in str(world.says("li.na", "/事件 查看 I1", own).card)
    alone = world.says("li.na", "/声明 查看 S1").card
    assert alone is not None
    assert alone.buttons == (), "who may not write it is offered nothing to tap"
    world.says("gao.yuan", "/声明 送审 S1")
    said = world.says("chen.bo", "/同意 A1", own).text
    assert "S1 v1「首次告知」" in said
    assert "无法登录" not in said


def test_a_restricted_incidents_statement_is_not_there_for_others(world: World) -> None:
    submitted(world)
    assert world.says("fang.qi", "/声明 查看 S1").error is None
    world.says("li.na", "/事件 限制 I1 涉及商业秘密")
    assert world.says("fang.qi", "/声明 查看 S1").error == world.says("fang.qi", "/事件 查看 I1").error == "house.not_found"
    assert world.says("guo.ping", "/声明 查看 S1").error is None
    assert world.says("shi.lei", "/声明 查看 S1").error is None, "auditors read"


def test_close_is_refused_while_a_text_is_being_approved(world: World) -> None:
    submitted(world)
    world.says("zhou.heng", "/事件 启动 I1")
    world.says("li.na", "/事件 结束 I1")
    world.says("lin.yue", "/同意 A2")
    refused = world.says("li.na", "/事件 归档 I1")
    assert "A1 声明(待批" in refused.text


def test_a_long_text_is_whole_on_the_card(world: World) -> None:
    long = "".join(f"第{number}条,客户可通过电话委托办理。" for number in range(250))
    world.says("gao.yuan", f"/声明 起草 I1 正文:{long}")
    world.says("gao.yuan", "/声明 送审 S1")
    assert lines(world.card("chen.bo", "待批 A1"))[""] == long
    assert world.says("gao.yuan", f"/声明 起草 I1 正文:{long * 2}").error == "statement.long"


# What a hostile reader tried


def agrees(world: World, ref: str) -> str:
    """Whoever is asked first says yes; who that was."""
    by = approvers_of(world.approval(ref), world.plans.organization)[0]
    assert world.says(by, f"/同意 {ref}").error is None
    return by


def test_a_cause_that_is_no_longer_confirmed_takes_every_yes_back(world: World) -> None:
    world.says("chen.bo", "/事件 事实 I1 原因=核心交换机固件缺陷 原因已确认=是")
    world.says("gao.yuan", f"/声明 起草 I1 正文:经查为核心交换机固件缺陷。{TEXT}")
    assert world.says("gao.yuan", "/声明 送审 S1").error is None
    agrees(world, "A1")
    world.says("chen.bo", "/事件 事实 I1 原因已确认=否")
    assert (statement(world).state, world.approval().state) == (State.DRAFT, Asked.VOID)
    world.says("gao.yuan", "/声明 修改 S1")
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.cause"


def test_a_cause_that_becomes_known_after_the_text_said_it_takes_every_yes_back(world: World) -> None:
    world.says("gao.yuan", f"/声明 起草 I1 正文:经查为核心 交换机固件缺陷。{TEXT}")
    assert world.says("gao.yuan", "/声明 送审 S1").error is None
    agrees(world, "A1")
    world.says("chen.bo", "/事件 事实 I1 原因=核心交换机固件缺陷")
    assert statement(world).state is State.DRAFT
    assert "核心交换机固件缺陷" in heard(world, "gao.yuan").split("已不算数")[1]
    world.says("gao.yuan", "/声明 修改 S1")
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.cause", "blanks in between do not hide it"
    world.says("chen.bo", "/事件 事实 I1 原因已确认=是")
    world.says("gao.yuan", "/声明 修改 S1")
    assert world.says("gao.yuan", "/声明 送审 S1").error is None


def test_a_yes_after_time_ran_out_is_refused_though_the_clock_has_not_struck(world: World) -> None:
    submitted(world)
    world.clock.now += timedelta(hours=9)
    late = world.road.ask(world.message("chen.bo", "/同意 A1", world.rooms.direct("chen.bo")))
    assert late.error == "statement.expired"
    world.settle()
    assert (statement(world).state, world.approval().state) == (State.DRAFT, Asked.VOID)


def test_the_name_of_a_text_says_nothing_of_it_and_follows_its_template(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    world.says("gao.yuan", "/声明 起草 I1 正文:约三万户资产显示为零\n正在核查")
    assert "资产" not in world.says("li.na", "/声明 查看 S1", own).text
    assert "资产" not in str(world.says("li.na", "/事件 查看 I1", own).card)
    world.says("gao.yuan", "/声明 修改 S1 模板=进展 下次更新时间=17:30")
    assert (statement(world).title, statement(world).template) == ("进展", "progress")


def test_a_refusal_tells_an_open_room_nothing_of_the_text(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    world.says("chen.bo", "/事件 事实 I1 原因=核心交换机固件缺陷")
    for said in ("客户资金绝对安全", "经查为核心交换机固件缺陷"):
        world.says("gao.yuan", f"/声明 起草 I1 正文:{said}")
        world.says("gao.yuan", "/声明 送审 S1" if "安全" in said else "/声明 送审 S2", own)
    there, alone = "\n".join(world.group(own, "li.na")), heard(world, "gao.yuan")
    assert not any(word in there for word in ("绝对安全", "固件"))
    assert "不能用的词句:绝对安全" in alone
    assert "不能写「核心交换机固件缺陷」" in alone


def test_what_is_agreed_to_has_nothing_that_nobody_sees(world: World) -> None:
    world.says("gao.yuan", "/声明 起草 I1 正文:无\u202e法\u202c登录\u200b,\ufeff请稍候。\r\n特此告知。")
    assert texts(world)[-1].text == "无法登录,请稍候。\n特此告知。"
    drafted(world)
    assert world.says("gao.yuan", "/声明 修改 S2 影响=部\u200b分\u2067延迟").error is None
    assert "部分延迟" in texts_of(world, "S2")[-1].text


def texts_of(world: World, ref: str) -> list[Revision]:
    return [one for one in texts(world) if one.statement == ref]


def test_a_drill_says_that_it_is_one_and_that_nothing_goes_out(world: World) -> None:
    world.says("li.na", "/事件 上报 演练=是 类型=系统故障 系统=集中交易 发生=9:30 演练集中交易中断")
    world.says("gao.yuan", f"/声明 起草 I2 模板=首次告知 现象=无法登录 影响=暂时不能委托\n{FILLED}")
    assert world.says("gao.yuan", "/声明 送审 S1").error is None
    agrees(world, "A1")
    agrees(world, "A2")
    while statement(world).state is State.SUBMITTED:
        agrees(world, statement(world).waiting[0].approval or "")
    assert "【演练】S1 v1「首次告知」" in heard(world, "gao.yuan")
    assert "可以发布" not in heard(world, "gao.yuan")
    shown = world.says("gao.yuan", "/声明 查看 S1")
    assert shown.text.startswith("【演练】")
    assert shown.card is not None
    assert shown.card.drill
    assert "不得对外发布" in shown.card.note


def test_whoever_wrote_it_hears_of_a_withdrawal_as_one(world: World) -> None:
    submitted(world)
    world.says("xu.jing", "/声明 撤回 S1 口径另定")
    assert "S1 v1「首次告知」(INC-20260310-001)已撤回,不再发布:口径另定。" in heard(world, "gao.yuan")


def test_the_timeline_of_an_open_room_quotes_nobody_who_quotes_the_text(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    submitted(world)
    world.says("chen.bo", "/退回 A1 「三万户归零」不能写")
    world.says("gao.yuan", "/声明 送审 S1")
    world.says("chen.bo", "/同意 A2 归零两字已删")
    world.says("gao.yuan", "/声明 撤回 S1 归零口径另定")
    there = world.says("li.na", "/事件 时间线 I1", own).text
    assert "陈波 退回 A1" in there
    assert "归零" not in there
    assert "归零口径另定" in world.says("li.na", "/事件 时间线 I1").text


def test_not_even_what_is_left_of_a_clients_number_goes_out(world: World) -> None:
    drafted(world)
    world.says("gao.yuan", "/声明 修改 S1 影响=证件号 11010519491231002X 外泄")
    refused = world.says("gao.yuan", "/声明 送审 S1")
    assert (refused.error, "110***********002X" in refused.text) == ("statement.masked", True)
    world.says("gao.yuan", f"/声明 修改 S1 正文:{TEXT}可拨 138 1234 5678")
    assert world.says("gao.yuan", "/声明 送审 S1").error == "statement.masked"


# Who writes


PERSONAL = "信息种类=姓名、联系方式\n可能危害=诈骗电话\n已采取措施=已封堵\n可采取的措施=留意陌生来电\n客服电话=400-800-1234"


def test_a_template_says_which_groups_write_it(world: World) -> None:
    assert world.says("peng.xue", f"/声明 起草 I1 模板=首次告知 现象=无法登录\n{FILLED}").error == "access.group"
    assert world.says("peng.xue", "/声明 起草 I1\n正文:我司正在核查。").error == "access.group", (
        "a text of one's own is the opinion group's"
    )
    reply = world.says("peng.xue", f"/声明 起草 I1 模板=个人信息事件通知(逐户) 原因=正在核查\n{PERSONAL}")
    assert reply.error is None, reply.text
    assert statement(world).authors == ("peng.xue",)
    labels = [button["label"] for button in world.card("peng.xue", "S1")["buttons"]]
    assert "送审" in labels, "with the buttons of an author"
    assert world.says("ma.chao", "/送审 S1").error == "access.group"
    assert world.says("peng.xue", "/声明 修改 S1\n正文:我们正在逐户告知,请留意陌生来电。").error is None
    assert world.says("peng.xue", "/送审 S1").error is None, "what an author rewrote by hand stays theirs"
    assert world.says("ma.chao", "/声明 撤回 S1 不再需要了吧").error == "access.group"
    assert world.says("gao.yuan", "/声明 撤回 S1 改由客服逐户电话告知").error is None, "the opinion group writes any"


def test_the_form_offers_each_reader_the_templates_they_write(world: World) -> None:
    def offered(person: str) -> list[str]:
        world.says(person, "/事件 查看 I1")
        _, _, button = world.button(person, "起草声明")
        return [label for _, label in button["form"][0]["options"]]

    assert offered("peng.xue") == ["个人信息事件通知(逐户)"]
    assert len(offered("gao.yuan")) == len(world.plans.current.statements)


# What whoever reads it at night tripped over


def test_the_text_is_told_its_author_once(world: World) -> None:
    before = len(world.direct("gao.yuan"))
    drafted(world)
    assert sum("出现无法登录" in text for text in world.direct("gao.yuan")[before:]) == 1
    assert world.card("gao.yuan", "声明 S1")["note"] == "核对后送审:/声明 送审 S1", "nothing is missing"


def test_a_reminder_says_of_which_text_and_step_and_the_author_hears_whose_turn_it_is(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    assert "A1 声明 S1 v1「首次告知」 · 第 1/3 步 技术事实核对:陈波 已同意。接下来:合规审核 待 郭平(A2)。" in world.direct("gao.yuan")
    world.passes(minutes=11)
    assert any("A2 声明 S1 v1「首次告知」 · 第 2/3 步 合规审核 还等你批" in text for text in world.direct("guo.ping"))
    world.taps("guo.ping", "同意")
    before = len(world.direct("gao.yuan"))
    world.taps("lin.yue", "同意")
    assert [text for text in world.direct("gao.yuan")[before:] if "同意" in text or "批准" in text] == [
        "S1 v1「首次告知」(INC-20260310-001)各步都已批准,可以发布。18:00 前有效;正文、级别或所用事实一变即作废。"
    ]


def test_who_had_agreed_is_not_asked_to_submit(world: World) -> None:
    submitted(world)
    world.taps("chen.bo", "同意")
    world.says("li.na", "/定级 证监会=特别重大")
    assert "请核对后重新送审" in heard(world, "gao.yuan")
    assert "请核对后重新送审" not in heard(world, "chen.bo")
    assert "旧卡片不用再点" in heard(world, "guo.ping")
