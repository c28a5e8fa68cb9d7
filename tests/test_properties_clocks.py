"""The whole plan under random people: no duty without a running clock or a recorded decision, no clock ends but by filing or by two
people, and no due moves later unseen."""

import os
from collections import defaultdict
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from bot.bootstrap import SAMPLE_PLAN
from tests.recomputation import Case, Days, due, duties
from tests.test_properties_road import INCIDENTS, PEOPLE, Watch
from workflows.core.approval import State as Asked
from workflows.incident import Incident
from workflows.regulator_report import Report, State

TYPES = st.sampled_from(["系统故障", "网络攻击", "数据泄露", "舆情"])
ANSWERS = st.sampled_from(
    [
        "影响交易=是",
        "影响交易=否",
        "影响结算=是",
        "影响结算=否",
        "涉及个人信息=是",
        "涉及个人信息=否",
        "涉嫌犯罪=是",
        "涉嫌犯罪=否",
        "重大影响=否",
        "避免危害=是",
        "避免危害=否",
    ]
)
GRADES = st.sampled_from(
    [
        "证监会=不属",
        "证监会=一般",
        "证监会=较大",
        "证监会=重大",
        "网信=不属",
        "网信=较大",
        "阅读=10 平台=1",
        "证监会=较大 网信=较大 阅读=700万",
    ]
)
FINDING = "外传文件全部为内部测试数据,十分钟内已收回并由对方书面确认销毁,日志显示无人打开,对个人已无危害。"
DUTIES, CALENDAR = duties(), Days.of(2025, 2026)
#: Who asks and who agrees; the second of the last pair is no second person.
REPORTS = st.integers(1, 10).map(lambda number: f"R{number}")
WHY = "经核查未影响任何委托和客户"


class Clocks(Watch):
    plan = SAMPLE_PLAN

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: dict[str, Report] = {}
        self.dues: dict[str, datetime] = {}

    @initialize(type_=TYPES)
    def a_typed_incident_is_opened(self, type_: str) -> None:
        self._says("li.na", f"/事件 上报 类型={type_} 交易时段异常")

    @rule(
        by=st.sampled_from(["li.na", "wu.di", "luo.ming", "guo.ping", "ma.chao"]), ref=REPORTS, receipt=st.sampled_from(["电话 王处", ""])
    )
    def files(self, by: str, ref: str, receipt: str) -> None:
        self._says(by, f"/报送 已报 {ref} {receipt}")

    @rule(by=PEOPLE, ref=REPORTS, answer=st.sampled_from(["无 ", "有 ", ""]), reason=st.sampled_from([WHY, "不用"]))
    def says_it_is_not_required(self, by: str, ref: str, answer: str, reason: str) -> None:
        self._says(by, f"/报送 不报 {ref} {answer}{reason}")

    @rule(ref=REPORTS, by=st.sampled_from(["guo.ping", "ma.chao"]))
    def says_that_it_is_required_after_all(self, ref: str, by: str) -> None:
        self._says(by, f"/报送 须报 {ref} 派出机构来电要求必须报告")

    @rule(ref=REPORTS, second=st.sampled_from(["guo.ping", "zhou.heng", "li.na"]))
    def two_people_let_it_go(self, ref: str, second: str) -> None:
        self._says("li.na", f"/报送 不报 {ref} 无 {WHY}")
        for approval in (one for one in self._approvals() if one.kind == "not_required" and one.state is Asked.PENDING):
            self._says(second, f"/同意 {approval.ref}")

    @rule(by=st.sampled_from(["li.na", "xu.jing"]), ref=INCIDENTS, grades=GRADES, reason=st.sampled_from([WHY, ""]))
    def judges(self, by: str, ref: str, grades: str, reason: str) -> None:
        self._says(by, f"/定级 {ref} {grades} {reason}")

    @rule(
        ref=st.sampled_from(["I1", "I2"]),
        door=st.sampled_from(["误报 {ref} 无", "误报 {ref} 有", "合并 {ref} 到 I1 无", "合并 {ref} 到 I2 有"]),
        second=st.sampled_from(["guo.ping", "li.na"]),
    )
    def goes_by_a_door(self, ref: str, door: str, second: str) -> None:
        self._says("li.na", f"/事件 {door.format(ref=ref)} {WHY}")
        for approval in (one for one in self._approvals() if one.kind in ("merge", "false_alarm") and one.state is Asked.PENDING):
            self._says(second, f"/同意 {approval.ref}")

    @rule(number=st.integers(0, 20))
    def somebody_is_told(self, number: int) -> None:
        waiting = [one.ref for one in self._reports() if one.open and one.since_at]
        if waiting:
            self._says("li.na", f"/报送 已报 {waiting[number % len(waiting)]} 电话 王处")

    @rule(ref=INCIDENTS, back=st.sampled_from(["90分钟前", "5分钟前", "1分钟前"]))
    def learns_when_it_was_known(self, ref: str, back: str) -> None:
        self._says("li.na", f"/事件 事实 {ref} 获知={back} 理由={WHY}")

    @rule(by=st.sampled_from(["guo.ping", "peng.xue"]), ref=INCIDENTS, text=st.sampled_from([FINDING, WHY]))
    def finds_that_no_harm_is_left(self, by: str, ref: str, text: str) -> None:
        self._says(by, f"/事件 事实 {ref} 避免危害=是 {text}")

    @rule(by=st.sampled_from(["li.na", "he.lei", "guo.ping"]), ref=INCIDENTS, answer=ANSWERS, reason=st.sampled_from([WHY, ""]))
    def answers_a_question(self, by: str, ref: str, answer: str, reason: str) -> None:
        self._says(by, f"/事件 事实 {ref} {answer} {reason}")

    @rule(by=st.sampled_from(["guo.ping", "zhou.heng", "lin.yue", "li.na"]), verb=st.sampled_from(["同意", "退回"]))
    def a_second_person_decides_what_is_pending(self, by: str, verb: str) -> None:
        for approval in self._approvals():
            self._says(by, f"/{verb} {approval.ref} {WHY}")

    @rule(ref=INCIDENTS.filter(bool), type_=TYPES)
    def a_playbook_joins(self, ref: str, type_: str) -> None:
        """What joins late counts from then: nothing of it is overdue when it is born."""
        before = {task.ref for task in self.world.tasks()}
        self._says("li.na", f"/事件 预案 加 {ref} {type_}")
        now = self.world.clock()
        assert [t for t in self.world.tasks() if t.ref not in before and t.due_at and t.due_at < now] == []

    @rule(ref=INCIDENTS.filter(bool))
    def cause_is_known(self, ref: str) -> None:
        self._says("li.na", f"/事件 事实 {ref} 原因=光模块故障")

    # What holds

    @invariant()
    def no_duty_is_without_a_running_clock_or_a_recorded_decision(self) -> None:
        """Which duties there are is worked out a second time (`tests/recomputation.py`), from the incident alone."""
        running, firm = self._running(), self.world.plans.organization.firm
        reports = {(one.incident, one.obligation): one for one in self._reports()}
        for incident in self._incidents():
            clocks = {name: at for name, at in incident.clocks().items() if at}
            csrc, cac = (None if one is None else str(one) for one in (incident.csrc_grade, incident.cac_grade))
            facts = {name: value if isinstance(value, bool) else None for name, value in incident.facts.items()}
            case = Case(defaultdict(lambda: None, facts), clocks, firm.cii, csrc, cac, str(incident.opinion_level), incident.provisional)
            for duty in DUTIES:
                holds = case.answer(duty)
                if holds is False or due(duty, case, CALENDAR, sure=holds is True) is None:
                    continue
                report = reports.get((incident.ref, duty.id))
                if report is None:
                    assert self._left(incident), f"{duty.id} of {incident.ref} has no clock and no decision"
                elif report.open:
                    assert report.ref in running, report
                else:
                    assert self._filed(report) or self._let_go(report), report

    def _left(self, incident: Incident) -> bool:
        """It went by a door, and two people are on record for it."""
        verbs = {"merged", "found_false"}
        return any(verb in verbs and details["asked_by"] != details["by"] for _, verb, details in self.world.trail(incident.ref))

    def _filed(self, report: Report) -> bool:
        """Somebody is on record for each recipient, with the way and what proves it."""
        told = [details for _, verb, details in self.world.trail(report.ref) if verb in ("filed", "filed_in_part")]
        named = {
            one for details in told if details["way"] and details["receipt"] and details["issue"] == report.issue for one in details["to"]
        }
        return report.state is State.FILED and (named == set(report.recipients) or (report.repeating and bool(told)))

    def _let_go(self, report: Report) -> bool:
        """Two people are on record, and the question that the second one answered; or a series ended before its first round."""
        *_, (_, verb, details) = [one for one in self.world.trail(report.ref) if one[1] not in ("reminded", "escalated")]
        if verb == "lapsed":
            return report.repeating
        decided = [(actor, what) for actor, what, _ in self.world.trail(details["approval"])]
        return verb == "waived" and details["asked_by"] != details["by"] and (details["by"], "approved") in decided

    @invariant()
    def a_clock_ends_by_filing_or_by_two_people(self) -> None:
        for report in self._reports():
            if report.state is State.FILED:
                assert report.filings, report
                assert all(filing.way and filing.receipt for filing in report.filed), report
            if report.state is State.NOT_REQUIRED and report.waived_by == "rule":
                assert report.repeating, "a series that ended before its first round fell due"
            elif report.state is State.NOT_REQUIRED:
                assert report.waived_by not in (None, report.waiver_by), report
                assert len(report.waiver_reason) >= 10, report

    @invariant()
    def a_deadline_moves_later_only_by_two_people_or_with_the_next_round(self) -> None:
        for report in self._reports():
            before = self.deadlines.get(report.ref)
            if before and before.open and report.open and before.deadline_at and before.issue == report.issue:
                assert report.deadline_at, report
                by_two = report.later_by != before.later_by or report.later_from != before.later_from
                assert report.deadline_at <= before.deadline_at or by_two, (before, report)
            self.deadlines[report.ref] = report

    @invariant()
    def a_due_moves_later_only_on_the_record(self) -> None:
        for task in self.world.tasks():
            before = self.dues.get(task.ref)
            if before and task.due_at and task.due_at > before:
                told = [details for _, _, details in self.world.trail(task.ref) if details.get("due_at")]
                assert told, task
                assert datetime.fromisoformat(told[-1]["due_at"]) == task.due_at, (task, told[-1])
            if task.due_at:
                self.dues[task.ref] = task.due_at


def test_no_clock_ends_or_moves_unseen_whatever_people_do() -> None:
    calm = settings(
        deadline=None,
        max_examples=int(os.environ.get("EXAMPLES", "8")),
        stateful_step_count=14,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Clocks, settings=calm)


@pytest.mark.parametrize("door", ["误报 {ref} 无", "误报 {ref} 有", "合并 {ref} 到 I2 无"])
def test_who_leaves_by_a_door_leaves_a_decision_behind(door: str) -> None:
    """The same invariants where chance seldom leads."""
    machine = Clocks()
    try:
        machine.a_typed_incident_is_opened("网络攻击")
        machine.opens("wu.di", "委托报错")
        machine.goes_by_a_door("I1", door, "guo.ping")
        machine.no_duty_is_without_a_running_clock_or_a_recorded_decision()
        machine.a_clock_ends_by_filing_or_by_two_people()
        assert machine.world.incident().state in ("false_alarm", "merged")
        machine.cause_is_known("I1")
        machine.no_duty_is_without_a_running_clock_or_a_recorded_decision()
    finally:
        machine.teardown()
