"""The media ask, people talk: whoever takes the call writes one line, one person answers, and only with what was agreed to."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.enquiries import EnquiryRow
from storage.tables.statements import StatementRow
from tests.make import START
from tests.world import World, make_world
from workflows.core.errors import RuleBroken
from workflows.core.quote import publishable
from workflows.enquiry import Enquiry, State
from workflows.statement import State as Said
from workflows.statement import Statement

GRADE = "/定级 证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
LINES = "已知=9:30起部分客户无法登录\n未知=原因\n不回答=损失金额"
CALL = "/媒体 登记 媒体=财新 记者=章某 联系=010-8888-0000 渠道=电话 截止=18:00 客户的钱是不是丢了"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A system failure at the second level. 徐静 speaks for the firm, 高原 is her deputy."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 集中交易中断")
    world.says("li.na", GRADE)
    yield world
    database.close()


def enquiry(world: World, ref: str = "Q1") -> Enquiry:
    return world.database.read(lambda tx: to_record(Enquiry, tx.get(EnquiryRow, ref)))


def statement(world: World, ref: str) -> Statement:
    return world.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, ref)))


def ok(world: World, person: str, text: str, room: str | None = None) -> str:
    reply = world.says(person, text, room)
    assert reply.error is None, reply.text
    return reply.text


def approved(world: World, ref: str, by: str = "gao.yuan") -> None:
    """By the three whom the second level asks."""
    ok(world, by, f"/声明 送审 {ref}")
    for person in ("chen.bo", "guo.ping", "lin.yue"):
        world.taps(person, "同意")
    assert statement(world, ref).state is Said.APPROVED


def drafted(world: World) -> None:
    ok(world, "gao.yuan", f"/声明 起草 I1 模板=媒体问答\n{LINES}")


# A journalist calls


def test_whoever_takes_the_call_writes_one_line(world: World) -> None:
    said = ok(world, "liu.yang", CALL)
    assert said == ("已登记 Q1,已告知发言人。你只需对对方说:此事统一由发言人徐静答复。不要自己答,也不要猜。发言人电话 +86 138 0000 0011。")
    found = enquiry(world)
    assert (found.outlet, found.journalist, found.way, found.question) == ("财新", "章某", "电话", "客户的钱是不是丢了")
    assert (found.state, found.registered_by, found.due_at) == (State.RECEIVED, "liu.yang", datetime.fromisoformat("2026-03-10T10:00Z"))
    asked = world.direct("xu.jing")[-1]
    assert asked.startswith("【媒体来询】Q1 财新 · 待接手 · 截稿 18:00:客户的钱是不是丢了\n请接手")
    card = world.card("xu.jing", "媒体来询 Q1")
    assert dict(card["lines"])["联系方式"] == "章某、010-8888-0000"
    assert [button["label"] for button in card["buttons"]] == ["我来答复", "不予答复"], "there is nothing yet to answer with"


def test_from_the_incidents_card_by_a_form(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    world.says("li.na", "/事件 查看 I1", own)
    world.taps("li.na", "登记媒体来询", outlet="财新", deadline="2026-03-10T18:00", text="客户的钱是不是丢了")
    assert enquiry(world).due_at == datetime.fromisoformat("2026-03-10T10:00Z")
    card = world.says("li.na", "/事件 查看 I1", own).card
    assert card is not None
    assert dict(card.lines)["媒体来询"] == "1 件,1 件未答复"


def test_a_mobile_number_is_masked_and_the_contact_stays_out_of_rooms(world: World) -> None:
    own = world.room_of("li.na", "集中交易中断")
    ok(world, "li.na", "/媒体 登记 媒体=财新 记者=章某 联系=13912345678 能登录了吗", own)
    assert enquiry(world).contact == "139****5678"
    for room in (own, "g:opinion"):
        shown = world.says("gao.yuan", "/媒体 查看 Q1", room)
        assert not [one for one in ("139****5678", "章某") if one in json.dumps([shown.text, str(shown.card)], ensure_ascii=False)]
    assert "139****5678" in str(world.says("gao.yuan", "/媒体 查看 Q1").card)
    assert "章某" not in " ".join(world.group(own, "li.na")), "nor is the journalist named in the open room"


def test_who_is_not_of_the_plan_is_told_who_speaks(world: World) -> None:
    reply = world.road.ask(world.message("clerk.042", "/媒体 登记 有个记者来电话", "dm:clerk.042"))
    assert reply.text.startswith("媒体问起,统一由发言人答复:徐静 +86 138 0000 0011。请不要自己答,也不要猜")
    assert world.database.read(lambda tx: tx.exec(select(EnquiryRow)).all()) == []


def test_nobody_else_answers(world: World) -> None:
    ok(world, "liu.yang", CALL)
    drafted(world)
    approved(world, "S1")
    for person in ("liu.yang", "gao.yuan", "zhou.heng", "li.na"):
        for line in ("/媒体 答复 Q1 S1", "/媒体 不答复 Q1 不便", "/媒体 接手 Q1"):
            refused = world.says(person, line)
            assert (refused.error, "统一由发言人答复:徐静 +86 138 0000 0011" in refused.text) == ("enquiry.one_voice", True)
    assert enquiry(world).state is State.RECEIVED


# The answer


def test_an_answer_is_an_approved_text_to_the_byte(world: World) -> None:
    ok(world, "liu.yang", CALL)
    drafted(world)
    free = world.says("xu.jing", "/媒体 答复 Q1 请放心,资金绝对安全")
    assert (free.error, "不能写自由文字" in free.text) == ("quote.which", True)
    refused = world.says("xu.jing", "/媒体 答复 Q1 S1")
    assert (refused.error, "请先送审并批准(/声明 送审 S1)" in refused.text) == ("quote.not_approved", True)
    approved(world, "S1")
    world.taps("xu.jing", "我来答复")
    assert (enquiry(world).state, enquiry(world).owner) == (State.ASSIGNED, "xu.jing")
    assert [button["label"] for button in world.card("xu.jing", "媒体来询 Q1")["buttons"]] == ["已答复", "不予答复"], "the card is live"
    world.taps("xu.jing", "已答复", "S1")
    found, text = enquiry(world), statement(world, "S1")
    assert (found.state, found.statement, found.said_revision, found.said_digest) == (State.ANSWERED, "S1", 1, text.digest)
    assert world.timers("Q1") == {}
    assert world.direct("liu.yang")[-1] == "你登记的来询 Q1 财新 已由 徐静 答复。"
    ok(world, "gao.yuan", "/媒体 办结 Q1 报道已出,内容与口径一致")
    assert enquiry(world).outcome == "报道已出,内容与口径一致"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("/声明 修改 S1 正文:改了一个字", "quote.not_approved"),
        ("/声明 撤回 S1 不用了", "quote.not_approved"),
        ("/定级 I1 证监会=特别重大", "quote.not_approved"),
    ],
)
def test_what_has_changed_since_is_no_answer(world: World, change: str, error: str) -> None:
    ok(world, "liu.yang", CALL)
    drafted(world)
    approved(world, "S1")
    ok(world, "gao.yuan", change)
    assert world.says("xu.jing", "/媒体 答复 Q1 S1").error == error
    assert enquiry(world).state is State.RECEIVED


def test_nor_what_was_agreed_to_too_long_ago(world: World) -> None:
    ok(world, "liu.yang", CALL)
    drafted(world)
    approved(world, "S1")
    world.clock.now += timedelta(hours=4)
    refused = world.says("xu.jing", "/媒体 答复 Q1 S1")
    assert (refused.error, "已过有效期" in refused.text) == ("quote.expired", True)


def test_nor_what_is_out_and_no_longer_true(world: World) -> None:
    ok(world, "liu.yang", CALL)
    fields = "现象=无法登录\n影响=暂时不能委托\n替代方式=电话委托\n渠道=公司官网\n客服电话=400-800-1234"
    ok(world, "gao.yuan", f"/声明 起草 I1 模板=首次告知\n{fields}")
    approved(world, "S1")
    ok(world, "gao.yuan", f"/声明 发布 S1 渠道=官方微博 确认={statement(world, 'S1').digest[:8]}")
    ok(world, "gao.yuan", "/声明 回执 S1 渠道=官方微博 链接=https://weibo.example.com/1")
    ok(world, "li.na", "/事件 事实 系统=网上交易")
    assert world.says("xu.jing", "/媒体 答复 Q1 S1").error == "quote.outdated"
    shown = world.says("xu.jing", "/媒体 查看 Q1").card
    assert shown is not None
    assert not any(button.command.startswith("/enquiry answer") for button in shown.buttons), "nor is it offered"


def test_nor_a_text_of_another_incident(world: World) -> None:
    drafted(world)
    approved(world, "S1")
    ok(world, "li.na", "/事件 上报 类型=信息泄露 客户名单外传")
    ok(world, "liu.yang", "/媒体 登记 I2 媒体=财新 名单是真的吗")
    assert world.says("xu.jing", "/媒体 答复 Q1 S1").error == "house.not_found"


def test_no_comment_has_its_reason(world: World) -> None:
    ok(world, "liu.yang", CALL)
    assert world.says("xu.jing", "/媒体 不答复 Q1").error == "error.missing"
    world.taps("xu.jing", "不予答复", "事实还在核实,已请对方等公告")
    assert (enquiry(world).state, enquiry(world).reason) == (State.DECLINED, "事实还在核实,已请对方等公告")
    assert "决定不予答复" in world.direct("liu.yang")[-1]


def test_while_the_spokesperson_is_on_leave_the_deputy_speaks(world: World) -> None:
    ok(world, "xu.jing", "/请假 至=明天")
    assert "发言人高原" in ok(world, "liu.yang", CALL)
    ok(world, "gao.yuan", "/媒体 不答复 Q1 事实还在核实")
    assert enquiry(world).decided_by == "gao.yuan"


def test_the_spokesperson_hands_it_to_a_deputy_and_to_nobody_else(world: World) -> None:
    ok(world, "liu.yang", CALL)
    refused = world.says("xu.jing", "/媒体 转交 Q1 李娜")
    assert (refused.error, "徐静、高原" in refused.text) == ("enquiry.deputy_only", True)
    world.taps("xu.jing", "转给副手", to="gao.yuan")
    assert "【媒体来询】Q1" in world.direct("gao.yuan")[-1]
    ok(world, "gao.yuan", "/媒体 不答复 Q1 事实还在核实")


# The clock


def test_silence_climbs_and_a_deadline_is_met_before_it_comes(world: World) -> None:
    ok(world, "liu.yang", CALL)
    assert set(world.timers("Q1")) == {"enquiry"}
    world.only("Q1")
    for reader, minutes in (("xu.jing", 10), ("gao.yuan", 10), ("li.na", 10), ("zhou.heng", 10)):
        before = len(world.direct(reader))
        world.passes(minutes=minutes)
        told = [line for line in world.direct(reader)[before:] if "媒体来询还没有答复" in line]
        assert told, reader
    assert "发言人 徐静 +86 138 0000 0011" in world.group("g:office", "li.na")[-1]
    ok(world, "xu.jing", "/媒体 接手 Q1")
    assert world.timers("Q1")["enquiry"] == datetime.fromisoformat("2026-03-10T09:50Z"), "ten minutes before the journalist's deadline"
    ok(world, "xu.jing", "/媒体 不答复 Q1 事实还在核实")
    assert world.timers("Q1") == {}


def test_at_night_an_enquiry_without_a_deadline_waits_for_the_morning_and_one_with_a_deadline_does_not(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'night.db'}")
    world = make_world(database, start=datetime.fromisoformat("2026-03-10T18:00Z"), plan=SAMPLE_PLAN)
    ok(world, "li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=1:30 集中交易中断")
    ok(world, "li.na", "/定级 证监会=一般 平台=1 媒体=自媒体 客户=0 阅读=100 热榜=未上榜 首帖=30 增速=0.1 负面=1% 投诉=0")
    assert not world.incident().provisional
    ok(world, "liu.yang", "/媒体 登记 媒体=财新 出了什么事")
    ok(world, "liu.yang", "/媒体 登记 媒体=某网 截止=5:00 出了什么事")
    assert len([line for line in world.direct("xu.jing") if "【媒体来询】" in line]) == 2, "the first word is never held"
    assert world.timers("Q1")["enquiry"] == datetime.fromisoformat("2026-03-11T00:30Z")
    assert world.timers("Q2")["enquiry"] == datetime.fromisoformat("2026-03-10T18:30Z")
    database.close()


# Where it is seen


def test_an_unanswered_enquiry_stands_in_the_way_of_closing(world: World) -> None:
    ok(world, "liu.yang", CALL)
    ok(world, "zhou.heng", "/事件 启动 I1")
    ok(world, "li.na", "/事件 结束 I1")
    world.taps("lin.yue", "同意")
    refused = world.says("li.na", "/事件 归档 I1")
    assert (refused.error, "Q1(待接手)" in refused.text) == ("incident.close_missing", True)


def test_nor_is_what_it_took_in_closed_over(world: World) -> None:
    ok(world, "li.na", "/事件 上报 类型=信息泄露 客户名单外传")
    ok(world, "liu.yang", "/媒体 登记 I2 媒体=财新 名单是真的吗")
    ok(world, "gao.yuan", "/舆情 传闻 I2 平台=微博 名单在卖")
    ok(world, "li.na", "/事件 合并 I2 I1 无 其实是同一起故障的两次上报,已核对")
    world.taps("guo.ping", "同意")
    ok(world, "zhou.heng", "/事件 启动 I1")
    ok(world, "li.na", "/事件 结束 I1")
    world.taps("lin.yue", "同意")
    refused = world.says("li.na", "/事件 归档 I1").text
    assert ("Q1(待接手)" in refused, "M1(待核实)" in refused) == (True, True)


def test_of_what_the_incident_was_closed_over_nobody_is_reminded_any_more(world: World) -> None:
    ok(world, "liu.yang", CALL)
    ok(world, "gao.yuan", "/舆情 传闻 平台=微博 老板跑路")
    ok(world, "li.na", "/事件 启动 I1")
    world.taps("zhou.heng", "同意")
    ok(world, "li.na", "/事件 恢复 I1 已恢复")
    ok(world, "li.na", "/事件 结束 I1 平稳")
    world.taps("zhou.heng", "同意")
    ok(world, "zhou.heng", "/事件 归档 I1 强制=余下事项转日常工作办理")
    assert (enquiry(world).state, enquiry(world).reason) == (State.DECLINED, "余下事项转日常工作办理")
    assert (world.timers("Q1"), world.timers("M1")) == ({}, {})
    assert "决定不予答复" in world.direct("liu.yang")[-1]


def test_the_list_says_what_waits_and_offers_the_forms(world: World) -> None:
    ok(world, "liu.yang", CALL)
    reply = world.says("gao.yuan", "/媒体")
    assert reply.text.splitlines() == ["I1 的媒体来询 1 件,1 件未答复", "Q1 财新 · 待接手 · 截稿 18:00:客户的钱是不是丢了"]
    assert reply.card is not None
    assert [button.label for button in reply.card.buttons] == ["登记媒体来询", "登记传闻", "提醒员工"]


def test_a_restricted_incidents_enquiries_are_hidden_with_it(world: World) -> None:
    ok(world, "li.na", "/事件 上报 限制=是 员工账号异常")
    ok(world, "li.na", "/媒体 登记 I2 媒体=财新 听说有人被带走")
    for line in ("/媒体 查看 Q1", "/媒体 列表 I2"):
        assert world.says("luo.ming", line).error == "house.not_found"


def test_who_speaks_is_asked_and_answers_also_where_they_have_no_part(tmp_path: Path) -> None:
    """A restricted incident in which the spokesperson's group has nothing to do: they have to know what is asked, and no more."""
    plan = tmp_path / "plan"
    shutil.copytree(SAMPLE_PLAN, plan)
    people = (plan / "organization.toml").read_text("utf-8").replace('roles = ["spokesperson"]', "")
    people = people.replace('id = "luo.ming"\n', 'id = "luo.ming"\nroles = ["spokesperson"]\n')
    (plan / "organization.toml").write_text(people, "utf-8")
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=plan)
    ok(world, "li.na", "/事件 上报 限制=是 员工账号异常")
    ok(world, "li.na", "/媒体 登记 I1 媒体=财新 听说有人被带走")
    assert world.says("luo.ming", "/事件 查看 I1").error == "house.not_found"
    assert "听说有人被带走" in world.direct("luo.ming")[-2]
    assert world.says("deng.hui", "/媒体 查看 Q1").error == "house.not_found"
    world.taps("luo.ming", "不予答复", "不属于可以答复的事项")
    assert enquiry(world).state is State.DECLINED
    database.close()


def test_what_was_merged_is_answered_with_the_texts_of_where_it_went(world: World) -> None:
    ok(world, "li.na", "/事件 上报 类型=信息泄露 客户名单外传")
    ok(world, "liu.yang", "/媒体 登记 I2 媒体=财新 名单是真的吗")
    drafted(world)
    approved(world, "S1")
    assert world.says("xu.jing", "/媒体 答复 Q1 S1").error == "house.not_found"
    merge = world.says("li.na", "/事件 合并 I2 到 I1 无 两人上报的是同一个故障")
    assert merge.error is None
    ok(world, "guo.ping", f"/同意 {merge.ref}")
    if statement(world, "S1").state is not Said.APPROVED:
        ok(world, "gao.yuan", "/声明 修改 S1 正文:已知:无法登录。")
        approved(world, "S1")
    ok(world, "xu.jing", "/媒体 答复 Q1 S1")
    assert enquiry(world).statement == "S1"


def test_before_any_incident_is_open_the_caller_is_told_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'quiet.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    refused = world.says("liu.yang", CALL)
    assert refused.error == "enquiry.no_incident"
    assert "先上报(/事件 上报 类型=舆情 标题),再登记;对记者只说:统一由发言人徐静答复" in refused.text
    database.close()


def test_in_english_it_is_english(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'en.db'}")
    world = make_world(database, "en", plan=SAMPLE_PLAN)
    ok(world, "li.na", "/incident open type=system_failure trading is down")
    said = ok(world, "liu.yang", "/enquiry new outlet=Daily deadline=18:00 are orders lost")
    assert said.startswith("Q1 is registered and the spokesperson knows. Just tell them: our spokesperson 徐静 will answer.")
    assert world.direct("xu.jing")[-1].startswith("[MEDIA] Q1 Daily · waits for the spokesperson · wanted by 18:00: are orders lost.")
    assert ok(world, "gao.yuan", "/opinion rumour reach=30000 the money is gone").startswith("M1 is registered.")
    assert "a second person is asked" in ok(world, "gao.yuan", "/rumour find M1 finding=false all transfers were checked")
    assert "went to" in ok(world, "gao.yuan", "/enquiry remind")
    assert world.says("gao.yuan", "/enquiry answer Q1 S1").text.startswith("The spokesperson alone answers: 徐静")
    database.close()


def test_in_a_drill_everything_says_so(world: World) -> None:
    ok(world, "li.na", "/事件 上报 演练=是 演练断网")
    ok(world, "liu.yang", "/媒体 登记 I2 媒体=模拟记者 演练提问")
    assert world.direct("xu.jing")[-1].startswith("【演练】【媒体来询】")


# Internal lines


def test_internal_lines_are_marked_everywhere_and_never_leave(world: World) -> None:
    drafted(world)
    found = statement(world, "S1")
    assert (found.internal, found.title) == (True, "内部口径·媒体问答")
    shown = world.says("gao.yuan", "/声明 查看 S1")
    assert "【内部口径,只供发言人答复时使用,不得对外发布、转发】" in shown.text
    assert shown.card is not None
    assert shown.card.title == "内部口径 S1 v1 · 草稿"
    approved(world, "S1")
    assert "供发言人答复时引用;不得对外发布" in world.direct("gao.yuan")[-1]
    with pytest.raises(RuleBroken, match=r"^statement\.internal$"):
        publishable(statement(world, "S1"))
    assert world.says("gao.yuan", "/声明 修改 S1 模板=进展 已恢复范围=全部").error == "statement.other_kind"
    ok(world, "gao.yuan", "/声明 修改 S1 正文:已知:无法登录。")
    assert statement(world, "S1").internal, "whatever its text becomes"


def test_the_clock_is_kept_by_the_house_itself(world: World) -> None:
    ok(world, "liu.yang", CALL)
    assert world.timers("Q1")["enquiry"] > START
    assert [verb for _, verb, _ in world.trail("Q1")] == ["enquired"]
    assert "财新" not in json.dumps(world.trail("Q1"), ensure_ascii=False), "the trail holds no words of the media"
