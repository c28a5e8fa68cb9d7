"""Regulator clocks under the whole sample plan: asked by fact, filed with a receipt, stopped only by two people, never silent."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.outbox import REMINDERS
from storage.tables.queues import OutboxRow
from storage.tables.records import ReportRow
from tests.make import START
from tests.world import World, make_world
from workflows.regulator_report import Report, State


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def outage(world: World) -> World:
    """A system failure, just opened by its commander; nothing is known yet."""
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    return world


def reports(world: World) -> dict[str, Report]:
    """Obligation to its report."""
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return {report.obligation: report for report in rows}


def test_at_minute_one_everything_is_to_be_decided_and_its_clock_runs(outage: World) -> None:
    found = reports(outage)
    assert {"csrc_first_phone", "exchange_first", "clearing_first", "pi_authority"} <= set(found)
    assert {report.state for report in found.values()} == {State.TO_DECIDE}
    assert found["csrc_first_phone"].deadline_at == START + timedelta(minutes=30), "the lowest grade's row, until it is judged"
    assert all(outage.timers(report.ref) for report in found.values())


def test_nobody_is_offered_what_they_may_not_do(outage: World) -> None:
    """何磊 reads along: neither filing nor waiving is his. 郭平 is compliance: she may waive, and files only her own group's."""
    offered = {}
    for person in ("he.lei", "guo.ping", "li.na"):
        card = outage.says(person, "/报送 查看 R1").card
        assert card is not None
        offered[person] = {button.command.split()[1] for button in card.buttons}
    assert offered == {"he.lei": set(), "guo.ping": {"not-required"}, "li.na": {"filed", "not-required"}}


def test_it_is_asked_by_fact_on_one_card_and_not_as_a_dozen_items(outage: World) -> None:
    card = outage.card("li.na", "待判断")
    asked = [name for name, _ in card["lines"]]
    assert asked[:2] == ["影响交易", "证监会事件级别"] or asked[:2] == ["证监会事件级别", "影响交易"], "the most urgent first"
    assert len(asked) == len(set(asked)) < len(reports(outage))
    assert len([text for text in outage.direct("li.na") if "待判断" in text]) == 1


def test_each_question_is_answered_at_a_tap_and_one_button_grades(outage: World) -> None:
    card = outage.card("li.na", "待判断")
    labels = [button["label"] for button in card["buttons"]]
    judged = [name for name, _ in card["lines"] if "级别" in name]
    conditions = [name for name, _ in card["lines"] if name not in judged]
    assert len(judged) == 2
    assert sorted(labels) == sorted(["定级", *(f"{answer}:{name}" for name in conditions for answer in "是否")])


def test_a_yes_at_a_tap_settles_all_that_hangs_on_it(outage: World) -> None:
    outage.taps("li.na", "是:涉及个人信息")
    found = reports(outage)
    assert {found["pi_authority"].state, found["pi_individuals"].state} == {State.DUE}
    assert "涉及个人信息" not in [name for name, _ in outage.card("li.na", "待判断")["lines"]]
    assert found["exchange_first"].state is State.TO_DECIDE


def test_a_grade_tightens_and_says_so_and_never_loosens(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    found = reports(outage)["csrc_first_phone"]
    assert (found.state, found.deadline_at) == (State.DUE, START + timedelta(minutes=15))
    assert any("证监局首报" in text and "14:15" in text for text in outage.direct("li.na"))


def test_filed_needs_a_way_and_a_receipt_and_stops_the_clock(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    ref = reports(outage)["csrc_first_phone"].ref
    assert outage.says("li.na", f"/已报 {ref}").error == "report.way"
    assert outage.says("li.na", f"/已报 {ref} 电话").error == "report.receipt"
    assert outage.says("li.na", f"/已报 {ref} 对象=公众 电话 王处").error == "report.whom"
    assert outage.says("xu.jing", f"/已报 {ref} 电话 王处").error == "access.group", "the doer's group and the office keep the clocks"
    assert outage.says("li.na", f"／已报　{ref}　时间＝１４：００　电话　王处").error is None, "typed in full width throughout"
    after = reports(outage)["csrc_first_phone"]
    assert (after.state, after.filed[0].way, after.filed[0].receipt) == (State.FILED, "电话", "王处")
    assert not outage.timers(ref)


def test_each_recipient_has_its_own_receipt(outage: World) -> None:
    outage.taps("li.na", "是:影响交易")
    ref = reports(outage)["exchange_first"].ref
    reply = outage.says("li.na", f"/已报 {ref} 对象=上交所 方式=电话 值班员甲")
    assert "深交所、北交所" in reply.text
    assert reports(outage)["exchange_first"].state is State.DUE
    outage.says("li.na", f"/已报 {ref} 方式=电话 值班员乙")
    assert reports(outage)["exchange_first"].state is State.FILED


def test_each_fact_is_stated_by_those_whom_the_plan_names(outage: World) -> None:
    refused = outage.says("deng.hui", "/事件 事实 影响投资者=是")
    assert refused.error == "access.fact"
    assert refused.text == "「影响投资者」只能由 应急办(综合协调组)、客户服务组、业务保障组 的成员认定;请把情况告诉他们。"
    assert [details["reason"] for _, verb, details in outage.trail("P:deng.hui") if verb == "refused"] == ["access.fact"]
    assert "investors_affected" not in outage.incident().facts
    assert outage.says("ma.chao", "/事件 事实 影响交易=是").error is None, "a member of the group who leads nothing"
    assert outage.says("li.na", "/事件 事实 避免危害=是").error == "access.fact", "compliance's alone, not even the commander's"
    assert outage.says("fang.qi", "/事件 事实 已切换=是").error == "access.group_or_heads", "nobody's in particular: heads and office"
    assert outage.says("deng.hui", "/事件 事实 已切换=是").error is None


def test_a_question_that_others_decide_says_whose_it_is_and_goes_to_them(outage: World) -> None:
    outage.says("guo.ping", "/事件 事实 避免危害=待定")
    card = outage.card("li.na", "待判断")
    answer = dict(card["lines"])["已有效避免危害"]
    assert answer.endswith("由 合规法务组 认定")
    assert not [button["label"] for button in card["buttons"] if "避免危害" in button["label"]]
    assert "是:已有效避免危害" in [button["label"] for button in outage.card("guo.ping", "待判断")["buttons"]]


def test_progress_reports_go_on_until_recovery(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    ref = reports(outage)["csrc_progress"].ref
    outage.passes(minutes=10)
    assert "下一轮" in outage.says("li.na", f"/已报 {ref} 平台 回执001").text
    assert reports(outage)["csrc_progress"].deadline_at == outage.clock() + timedelta(minutes=30)


def test_a_no_needs_a_reason_and_a_second_person_and_the_clock_runs_meanwhile(outage: World) -> None:
    ref = reports(outage)["clearing_first"].ref
    assert outage.says("li.na", "/事件 事实 影响结算=否").error == "agreement.reason"
    assert "影响结算" not in str(outage.incident().facts)
    reply = outage.taps("li.na", "否:影响清算交收", "只是行情展示,不涉及结算资金")
    assert "A1" in reply.text
    assert "口头同意 A1" not in [button["label"] for button in outage.card("li.na", "响应")["menu"]], "never by voice, so never offered"
    assert reports(outage)["clearing_first"].open, "the clock runs until the second person agrees"
    assert outage.timers(ref)
    assert outage.says("li.na", "/同意 A1").error in ("approval.own", "approval.not_named")
    assert "清算、交收、资金划付有无延误或差错?" in outage.approval().text
    outage.taps("guo.ping", "同意")
    after = reports(outage)["clearing_first"]
    assert (after.state, after.waived_by, after.waiver_by) == (State.NOT_REQUIRED, "guo.ping", "li.na")
    assert not outage.timers(ref)
    assert outage.incident().facts["affects_settlement"] is False
    assert any("郭平" in value for name, value in outage.card("li.na", "响应")["lines"] if name == "不报"), "it stays on the card"


@pytest.mark.parametrize("reason", ["理由=只是 行情展示,不涉及结算资金", "只是 行情展示,不涉及结算资金"])
def test_a_reason_may_hold_blanks_with_its_key_or_without(outage: World, reason: str) -> None:
    outage.says("li.na", f"/事件 事实 影响结算=否 {reason}")
    assert reports(outage)["clearing_first"].waiver_reason == "只是 行情展示,不涉及结算资金"


def test_a_returned_no_changes_nothing(outage: World) -> None:
    outage.taps("li.na", "否:影响清算交收", "只是行情展示,不涉及结算资金")
    outage.taps("guo.ping", "退回", "清算说有未达,请再核")
    after = reports(outage)["clearing_first"]
    assert (after.state, after.waiver) == (State.TO_DECIDE, None)
    assert "affects_settlement" not in outage.incident().facts
    assert outage.timers(after.ref)


def test_not_required_by_two_people(outage: World) -> None:
    ref = reports(outage)["temp_report"].ref
    assert outage.says("li.na", f"/报送 不报 {ref} 无 太小").error == "agreement.reason"
    outage.says("li.na", f"/报送 不报 {ref} 无 不影响经营,也不影响客户资产安全")
    assert reports(outage)["temp_report"].open
    outage.taps("zhou.heng", "同意")
    assert reports(outage)["temp_report"].state is State.NOT_REQUIRED


def test_an_unfiled_clock_climbs_to_the_leaders_and_then_prints_phones(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    ref = reports(outage)["csrc_first_phone"].ref
    outage.passes(minutes=16)
    assert any(ref in text and "还没有报" in text for text in outage.direct("zhou.heng"))
    office = outage.group("g:office", "li.na")
    assert any(ref in text and "138 0000" in text for text in office), "the control group gets the phone list"


def test_past_its_deadline_the_doer_and_the_control_group_hear_each_repeat_and_the_leaders_each_half_hour(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    report = reports(outage)["csrc_first_phone"]
    assert report.deadline_at == START + timedelta(minutes=15)
    outage.passes(minutes=80)
    heard: dict[str, list[float]] = defaultdict(list)
    for row in outage.database.read(lambda tx: tx.exec(select(OutboxRow).where(OutboxRow.ref == report.ref)).all()):
        if row.about.get("notice") in ("report.reminder", "report.phones") and row.message_id and row.finished:
            late = (row.finished - report.deadline_at) / timedelta(minutes=1)
            heard[row.recipient or row.chat or ""] += [late] if late >= 0 else []
    every = [float(minute) for minute in range(0, 66, 5)]
    assert (heard["li.na"], heard["g:office"]) == (every, every)
    assert heard["zhou.heng"] == heard["lin.yue"] == heard["sun.jie"] == [0, 15, 45], "at 14:15, 14:30 and 15:00"
    last = [text for text in outage.direct("zhou.heng") if report.ref in text][-1]
    assert "(这之前 5 次只催了经办人和应急办值守群。)" in last
    office = [line for line in outage.lines("g:office", "li.na") if report.ref in line.text and "138 0000" in line.text]
    assert "15:25 再提醒,其余各级 15:30 再听到" in office[-1].text
    assert office[-1].mentions == ("li.na",), "the office's duty officer, who is to phone"


def test_nothing_that_people_say_keeps_a_late_clock_from_anybody(outage: World) -> None:
    """收到, snooze, a proposal that it is not required: the same words at the same moments."""
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    ref = reports(outage)["csrc_first_phone"].ref
    outage.passes(minutes=22)
    for text in (f"/收到 {ref}", f"/稍后 {ref} 30分钟", f"/报送 不报 {ref} 经核查未影响任何委托和客户"):
        outage.says("li.na", text)
    before = [verb for _, verb, _ in outage.trail(ref)].count("reminded")
    outage.passes(minutes=30)
    said = [details for _, verb, details in outage.trail(ref) if verb == "reminded"][before:]
    assert [one["round"] for one in said] == list(range(said[0]["round"], said[0]["round"] + 6))
    assert all("li.na" in one["to"] for one in said)
    assert any("zhou.heng" in one["to"] for one in said)


def test_closing_waits_for_every_report(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3")
    outage.says("li.na", "/事件 启动")
    if outage.incident().state != "active":
        outage.taps("lin.yue", "同意")
    outage.says("li.na", "/事件 恢复")
    outage.says("li.na", "/事件 结束")
    outage.taps("zhou.heng", "同意")
    refused = outage.says("li.na", "/事件 归档")
    assert refused.error == "incident.close_missing"
    assert "证监局首报" in refused.text


def test_a_leak_starts_with_its_own_duties(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=信息泄露 客户信息在论坛出售")
    found = reports(world)
    assert found["pi_authority"].state is State.DUE, "a leak concerns personal information unless two people find otherwise"
    assert found["csrc_first_phone"].state is State.TO_DECIDE


@pytest.mark.parametrize("text", ["/任务 稍后 R1 2小时", "/收到 R1", "/task snooze r1 2h", "/完成 R1 已报"])
def test_a_regulators_clock_is_no_task_and_says_so(outage: World, text: str) -> None:
    before = outage.timers("R1")
    reply = outage.says("li.na", text)
    assert reply.error == "error.is_report"
    assert "R1 是监管时钟" in reply.text
    assert "/报送 不报 R1 有或无(委托被延误或拒绝) 理由" in reply.text
    assert outage.timers("R1") == before


def test_what_a_clock_and_tasks_say_to_one_person_at_one_moment_is_one_message(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    outage.passes(minutes=75)
    said = outage.database.read(
        lambda tx: [
            (row.recipient, row.finished, row.message_id, row.about["notice"].split(".")[0])
            for row in tx.exec(select(OutboxRow).where(OutboxRow.kind == "notice"))
            if row.recipient and row.message_id and row.finished and row.about["notice"] in REMINDERS
        ]
    )
    moments: dict[tuple[str, datetime], set[str]] = defaultdict(set)
    sorts: dict[str, set[str]] = defaultdict(set)
    for person, at, message, sort in said:
        moments[person, at].add(message)
        sorts[message].add(sort)
    assert max(map(len, moments.values())) == 1
    assert len([message for message, found in sorts.items() if {"report", "task"} <= found]) > 2
    mixed = next(line for person in ("li.na", "yang.fan", "sun.jie") for line in outage.direct(person) if "R1" in line and "T1" in line)
    assert mixed.splitlines()[0].endswith("项要处理")


def test_what_is_not_decided_is_decided_where_it_is_asked(outage: World) -> None:
    """The leaders whom an open question reaches at last have no card of questions: the reminder says what it hangs on and asks."""
    outage.says("li.na", "/定级 证监会=一般 网信=一般 阅读=100")
    outage.passes(minutes=24)
    line = next(text for text in reversed(outage.direct("zhou.heng")) if "R4 交易所首报" in text)
    assert "取决于:影响交易,由 应急办(综合协调组)、信息技术应急小组" in line
    assert "请点下面的按钮" in line
    outage.taps("yang.fan", "是:影响交易")
    assert reports(outage)["exchange_first"].state is State.DUE


def test_news_of_a_clock_and_its_reminder_at_one_moment_are_one_line(world: World) -> None:
    """A grade that rises moves the deadline into the climb: what is due by when is told once, with one pair of buttons."""
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    world.says("li.na", "/定级 证监会=一般 网信=一般 阅读=2万")
    world.passes(minutes=15)
    before = len(world.direct("li.na"))
    world.says("li.na", "/定级 证监会=重大 阅读=2万")
    ref = reports(world)["csrc_progress"].ref
    told = [line for text in world.direct("li.na")[before:] for line in text.splitlines() if line.startswith(f"{ref} ")]
    assert [("时限提前" in line, "14:30 前" in line) for line in told] == [(True, True)]
    world.passes(minutes=5)
    assert f"{ref} 证监局续报 还没有报" in "\n".join(world.direct("li.na")[before:]), "and it is reminded of as ever"


def test_nobody_is_called_late_before_the_deadline(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    outage.passes(minutes=13)
    told = next(text for text in outage.group("g:office", "li.na") if "请直接打电话" in text)
    assert "R1 证监局首报(电话或事件报送平台) 还没有报 属地证监局,14:15 前。请直接打电话:李娜" in told


def test_a_reminder_says_how_far_the_paper_is(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    ref = reports(outage)["csrc_first_written"].ref
    outage.says("sun.jie", f"/报送 起草 {ref}")
    outage.passes(minutes=31)
    assert any(f"{ref} 证监局书面首报" in text and "第 1 稿待签发。" in text for text in outage.direct("li.na"))
    outage.taps("lin.yue", f"签发 {ref}")
    outage.passes(minutes=20)
    assert any(f"{ref} 证监局书面首报" in text and "第 1 稿已签发,待报出。" in text for text in outage.direct("li.na"))


def test_nothing_new_goes_the_way_the_series_went_and_not_the_way_of_another_report(outage: World) -> None:
    outage.says("li.na", "/定级 证监会=较大 阅读=120万")
    refs = {name: report.ref for name, report in reports(outage).items()}
    outage.says("li.na", f"/已报 {refs['csrc_progress']} 电话 受话人=王处 要点:正在切换")
    outage.passes(minutes=5)
    outage.says("li.na", f"/已报 {refs['csrc_first_written']} 公文 证监局签收 0310-6")
    outage.passes(minutes=15)
    assert outage.says("li.na", f"/已报 {refs['csrc_progress']} 无变化=是").error is None
    last = reports(outage)["csrc_progress"].filed[-1]
    assert (last.way, last.callee) == ("电话", "王处")


def test_a_yes_is_quoted_by_what_stops(outage: World) -> None:
    ref = reports(outage)["temp_report"].ref
    outage.says("li.na", f"/报送 不报 {ref} 无 不影响经营,也不影响客户资产安全")
    assert f"不再报送:{ref}" in outage.taps("zhou.heng", "同意").text
