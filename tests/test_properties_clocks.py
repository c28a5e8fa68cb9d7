"""The whole plan under random people: no regulator's clock ends but by filing or by two people, and no due moves later unseen."""

import os
from datetime import datetime

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from bot.bootstrap import SAMPLE_PLAN
from tests.test_properties_road import INCIDENTS, PEOPLE, Watch
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
    ]
)
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

    @rule(by=st.sampled_from(["li.na", "he.lei"]), ref=INCIDENTS, answer=ANSWERS, reason=st.sampled_from([WHY, ""]))
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

    # What holds

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
