"""What is not reported: the answer about orders, compliance's written finding, and what brings it back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ReportRow
from tests.make import START
from tests.world import World, make_world
from workflows.core.approval import State as Asked
from workflows.regulator_report import Report, State

WHY = "未涉及支付、反洗钱和征信系统"
FINDING = "外传文件全部为内部测试数据,十分钟内已收回并由对方书面确认销毁,日志显示无人打开,对个人已无危害。"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def outage(world: World) -> World:
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    return world


@pytest.fixture
def leak(world: World) -> World:
    world.says("li.na", "/事件 上报 类型=信息泄露 三百名客户资料外传")
    return world


def report(world: World, duty: str) -> Report:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return next(one for one in rows if one.obligation == duty)


def card(world: World, name: str) -> list[str]:
    return [value for line, value in world.card("li.na", "响应")["lines"] if line == name]


# 有无委托被延误或拒绝


def test_nobody_says_that_it_need_not_be_reported_without_the_answer(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    refused = outage.says("li.na", f"/报送 不报 {ref} {WHY}")
    assert refused.error == "report.delayed_unanswered"
    assert "有无委托被延误或拒绝" in refused.text
    assert report(outage, "temp_report").waiver is None
    assert outage.says("li.na", f"/报送 不报 {ref} 无").error == "agreement.reason", "an answer is no reason"


def test_a_no_goes_to_a_second_person_who_reads_it(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    reply = outage.says("li.na", f"/报送 不报 {ref} 无 {WHY}")
    assert "郭平、周衡、林岳" in reply.text
    text = outage.approval().text
    assert text.startswith(f"不再报送:{ref}"), "what it is about stands first: it is what lists and answers quote"
    assert text.endswith("有无委托被延误或拒绝?提请人答:无。请核实后再同意。")
    assert WHY in text
    assert "· 公司经营或客户资产安全是否确实没有重大影响?" in text
    assert outage.timers(ref), "its clock runs"
    outage.taps("lin.yue", "同意")
    found = report(outage, "temp_report")
    assert (found.state, found.waiver_delayed, found.waived_when) == (State.NOT_REQUIRED, False, "open")


def test_a_yes_warns_and_takes_compliance(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    reply = outage.says("li.na", f"/报送 不报 {ref} 有 {WHY}")
    assert "郭平" in reply.text
    assert "周衡" not in reply.text
    assert "12 户 17 笔慢了 4 分钟" in outage.approval().text
    assert outage.says("zhou.heng", "/同意 A1").error == "approval.not_named", "not even the head: compliance"
    outage.taps("guo.ping", "同意")
    assert report(outage, "temp_report").waiver_delayed is True


def test_where_compliance_asks_the_head_agrees(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    reply = outage.says("guo.ping", f"/报送 不报 {ref} 有 {WHY}")
    assert "周衡" in reply.text
    outage.taps("zhou.heng", "同意")
    assert report(outage, "temp_report").waived_by == "zhou.heng"


def test_the_reminders_button_asks_both(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大")
    ref = report(outage, "csrc_first_phone").ref
    outage.taps("li.na", f"不需报 {ref}", delayed="no", text="测试环境告警,不是生产系统")
    assert report(outage, "csrc_first_phone").waiver_delayed is False


def test_a_false_alarm_with_orders_delayed_takes_compliance_too(outage: World) -> None:
    outage.says("li.na", "/事件 误报 I1 有 系统无故障,只有一户自己网络慢")
    assert outage.says("zhou.heng", "/同意 A1").error == "approval.not_named"
    outage.taps("guo.ping", "同意")
    assert {one.waiver_delayed for one in [report(outage, "csrc_first_phone"), report(outage, "exchange_first")]} == {True}


def test_it_stays_on_card_and_list(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    outage.says("li.na", f"/报送 不报 {ref} 有 {WHY}")
    outage.taps("guo.ping", "同意")
    said = f"李娜 提请、郭平 同意:{WHY};有无委托被延误或拒绝:是"
    assert card(outage, "不报") == [f"{ref}({said})"]
    line = next(line for line in outage.says("li.na", "/报送 I1").text.splitlines() if line.startswith(ref))
    assert line.endswith(f"· {said}")


def test_each_line_says_what_its_figure_is(outage: World) -> None:
    lines = {line.split(" ")[1]: line for line in outage.says("li.na", "/报送 I1").text.splitlines()[1:]}
    assert lines["证监局首报(电话或事件报送平台)"].endswith("本项目默认时限,未核原文")
    assert lines["网信部门首报"].endswith("法规原文有数字,依据已核")
    assert "(默认时限;" in card(outage, "监管")[0]


# what was agreed holds as long as things are as they were


def test_what_was_found_not_to_apply_runs_again_when_it_does(outage: World) -> None:
    outage.taps("li.na", "否:影响清算交收", "只是行情展示,不涉及结算资金")
    outage.taps("guo.ping", "同意")
    assert not outage.timers(report(outage, "clearing_first").ref)
    outage.passes(minutes=30)
    outage.says("deng.hui", "/事件 事实 I1 影响结算=是")
    found = report(outage, "clearing_first")
    assert (found.state, found.deadline_at, found.waived_by) == (State.DUE, START + timedelta(hours=1), None)
    assert outage.timers(found.ref)
    leaders = outage.plans.organization.groups[found.group].leaders
    assert all(any("中国结算" in text for text in outage.direct(leader)[-3:]) for leader in leaders), "and those who do it hear of it"


def test_a_heavier_grade_brings_back_what_was_let_go_at_a_lighter_one(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=一般")
    ref = report(outage, "csrc_first_written").ref
    outage.says("li.na", f"/报送 不报 {ref} 无 电话首报时派出机构说明无须书面")
    outage.taps("guo.ping", "同意")
    outage.says("li.na", "/定级 阅读=10")
    assert report(outage, "csrc_first_written").state is State.NOT_REQUIRED, "the same grade: what was agreed stands"
    outage.says("li.na", "/定级 证监会=较大")
    found = report(outage, "csrc_first_written")
    assert (found.state, found.row) == (State.DUE, "larger")


def test_a_yes_takes_back_the_question_whether_it_need_be(outage: World) -> None:
    ref = report(outage, "clearing_first").ref
    outage.says("li.na", f"/报送 不报 {ref} 无 只是行情展示,不涉及结算资金")
    outage.says("deng.hui", "/事件 事实 I1 影响结算=是")
    assert outage.approval().state is Asked.VOID
    assert outage.says("guo.ping", "/同意 A1").error
    assert report(outage, "clearing_first").state is State.DUE


def test_an_authority_brings_it_back_with_one_word(outage: World) -> None:
    ref = report(outage, "temp_report").ref
    assert outage.says("li.na", f"/报送 须报 {ref} 派出机构来电要求必须报告").error == "report.stands"
    outage.says("li.na", f"/报送 不报 {ref} 无 {WHY}")
    outage.taps("guo.ping", "同意")
    assert outage.says("li.na", f"/报送 须报 {ref} 要报").error == "agreement.reason"
    assert outage.says("ma.chao", f"/报送 须报 {ref} 派出机构来电要求必须报告").error, "not everybody's"
    reply = outage.says("peng.xue", f"/报送 须报 {ref} 派出机构来电要求必须报告")
    assert "恢复为须报" in reply.text
    assert report(outage, "temp_report").state is State.DUE
    assert outage.timers(ref)
    assert not card(outage, "不报")


# 个人信息保护法第57条


def test_a_leak_is_two_duties_from_the_first_minute(leak: World) -> None:
    both = [report(leak, duty) for duty in ("pi_authority", "pi_individuals")]
    assert [(one.state, one.recipients) for one in both] == [
        (State.DUE, ("属地证监局", "属地网信部门")),
        (State.DUE, ("受影响客户",)),
    ]


def test_a_possible_leak_is_two_clocks_too(outage: World) -> None:
    assert {report(outage, duty).state for duty in ("pi_authority", "pi_individuals")} == {State.TO_DECIDE}
    assert all(outage.timers(report(outage, duty).ref) for duty in ("pi_authority", "pi_individuals"))


@pytest.mark.parametrize("door", ["/事件 事实 I1 避免危害=是 {text}", "/报送 不报 {ref} 无 {text}"])
def test_persons_are_not_left_out_without_compliances_written_finding(leak: World, door: str) -> None:
    ref = report(leak, "pi_individuals").ref
    others = leak.says("peng.xue", door.format(ref=ref, text=FINDING))
    assert others.error == "attest.compliance", "legal, but not compliance"
    assert "郭平" in others.text
    short = leak.says("guo.ping", door.format(ref=ref, text="已全部收回,不会造成任何危害"))
    assert short.error == "attest.short", "a reason is no finding"
    assert report(leak, "pi_individuals").waiver is None

    reply = leak.says("guo.ping", door.format(ref=ref, text=FINDING))
    assert reply.error is None, reply.text
    assert report(leak, "pi_individuals").open, "its clock runs until a second person agrees"
    assert leak.says("guo.ping", "/同意 A1").error == "approval.own"
    leak.taps("zhou.heng", "同意")

    found = report(leak, "pi_individuals")
    assert (found.state, found.waiver_by, found.waived_by, found.waiver_reason) == (State.NOT_REQUIRED, "guo.ping", "zhou.heng", FINDING)
    assert report(leak, "pi_authority").state is State.DUE, "the authority is told all the same"
    assert FINDING in card(leak, "不报")[0]


def test_the_authority_may_ask_that_persons_are_told(leak: World) -> None:
    leak.says("guo.ping", f"/事件 事实 I1 避免危害=是 {FINDING}")
    leak.taps("zhou.heng", "同意")
    ref = report(leak, "pi_individuals").ref
    leak.says("li.na", f"/报送 须报 {ref} 属地网信部门要求通知个人")
    assert report(leak, "pi_individuals").state is State.DUE
    leak.says("li.na", "/事件 进展 正在逐户通知")
    leak.says("li.na", "/事件 事实 I1 涉嫌犯罪=是")
    assert report(leak, "pi_individuals").state is State.DUE, "the finding that stands does not end it again"


def test_the_finding_taken_back_runs_again(leak: World) -> None:
    leak.says("guo.ping", f"/事件 事实 I1 避免危害=是 {FINDING}")
    leak.taps("zhou.heng", "同意")
    leak.says("guo.ping", "/事件 事实 I1 避免危害=否")
    assert report(leak, "pi_individuals").state is State.DUE


def test_no_finding_is_made_beforehand_while_nobody_thinks_of_a_leak(leak: World) -> None:
    """With the leak denied by two people no clock hangs on the finding, and yet it would end the next one."""
    leak.says("he.lei", "/事件 事实 I1 涉及个人信息=否 外传的只有行情文件,逐份看过")
    leak.taps("guo.ping", "同意")
    assert report(leak, "pi_individuals").state is State.NOT_REQUIRED
    assert leak.says("peng.xue", f"/事件 事实 I1 避免危害=是 {FINDING}").error == "attest.compliance"
    leak.says("guo.ping", f"/事件 事实 I1 避免危害=是 {FINDING}")
    assert leak.incident().facts["harm_fully_avoided"] is False, "two people"
    leak.says("he.lei", "/事件 事实 I1 涉及个人信息=是")
    assert report(leak, "pi_individuals").state is State.DUE


def test_in_english_the_same_questions(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, "en", plan=SAMPLE_PLAN)
    world.says("li.na", "/incident open type=system_failure trading is down")
    ref = report(world, "temp_report").ref
    assert "orders delayed or refused?" in world.says("li.na", f"/report not-required {ref} payments are not touched").text
    world.says("li.na", f"/report not-required {ref} no payments are not touched")
    world.says("guo.ping", "/approve A1")
    line = next(line for line in world.says("li.na", "/report list I1").text.splitlines() if line.startswith(ref))
    assert line.endswith("payments are not touched; orders delayed or refused: no")
    database.close()
