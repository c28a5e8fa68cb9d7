"""Nothing counts as approved whose very bytes the required different people did not agree to after the last change of text, grade or fact.

Random people write, submit, agree, refuse, deny, change facts and grades, and let time pass. What the house says of a statement is compared
with what this test has heard itself: every yes that was accepted, and everything that makes it void.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import ApprovalRow
from storage.tables.statements import RevisionRow, StatementRow
from tests.world import World, make_world
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.statement import Revision, State, Statement

WRITERS = st.sampled_from(["gao.yuan", "xu.jing", "sun.jie"])
PEOPLE = st.sampled_from(["chen.bo", "wang.qiang", "guo.ping", "lin.yue", "zhou.heng", "gao.yuan", "xu.jing", "li.na", "fang.qi"])
WORDS = st.sampled_from(["正在恢复。", "已切换备用线路。", "部分客户受影响。"])
MILD = "证监会=一般 平台=1 媒体=自媒体 客户=0 阅读=100 首帖=30 增速=0.1 负面=1% 投诉=0"
GRADES = [MILD, "证监会=较大", "影响范围=3 传播=3 态势=3 事件等级=2 理由=扩散", "证监会=特别重大"]
SYSTEMS = st.sampled_from(["集中交易", "两融", "行情"])
#: How many different people each level asks for: technology, compliance (the signatory itself at the third level), signatory.
STEPS = {"l4": 3, "l3": 2, "l2": 3, "l1": 3}
TECHNICAL, COMPLIANCE, LEADERS = {"chen.bo", "wang.qiang"}, {"guo.ping"}, {"zhou.heng", "lin.yue"}
HOLDS = 4 * 60


@dataclass
class Heard:
    """What this test knows by itself: who said yes to which bytes since the last change, and when it was submitted."""

    basis: object = None
    yes: dict[str, str] = field(default_factory=dict)
    minutes: float = 0


class Statements(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
        self.database = Database(f"sqlite:///{self.folder / 'gengfu.db'}")
        self.world: World = self.house()
        self.heard = Heard()
        self.grade = 0

    def house(self) -> World:
        return make_world(self.database, plan=SAMPLE_PLAN)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @initialize(by=WRITERS, level=st.integers(0, 2))
    def begins(self, by: str, level: int) -> None:
        self.world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 交易中断")
        self._grades(level)
        self._says(by, "/声明 起草 I1 模板=恢复与致歉 登记入口=官网 答复时限=三日 后续措施=复盘")
        self._says(by, "/声明 修改 S1 正文:3月10日09:30起集中交易中断。")

    def _says(self, person: str, line: str) -> bool:
        reply = self.world.says(person, line)
        assert reply.error != "house.internal", f"{person}: {line}"
        self._watch()
        return reply.error is None

    def _watch(self) -> None:
        """Whatever changed the text, a grade or a fact that it uses takes every yes away."""
        incident = self.world.incident()
        grades = (incident.response_level, incident.opinion_level, incident.csrc_grade)
        basis = (self.text, self.statement.revision, grades, incident.system, incident.occurred_at)
        if basis != self.heard.basis:
            self.heard = Heard(basis)

    @property
    def statement(self) -> Statement:
        return self.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, "S1")))

    @property
    def revisions(self) -> list[Revision]:
        return sorted(
            self.database.read(lambda tx: [to_record(Revision, row) for row in tx.exec(select(RevisionRow))]), key=lambda r: r.number
        )

    @property
    def text(self) -> str:
        return self.revisions[-1].text

    @property
    def approvals(self) -> list[Approval]:
        return self.database.read(lambda tx: [to_record(Approval, row) for row in tx.exec(select(ApprovalRow))])

    @property
    def pending(self) -> Approval | None:
        return next((one for one in self.approvals if one.state is Asked.PENDING and one.kind == "statement"), None)

    # What happens

    @rule(by=WRITERS, words=WORDS, system=SYSTEMS)
    def writes(self, by: str, words: str, system: str) -> None:
        self._says(by, f"/声明 修改 S1 正文:3月10日09:30起{system}中断,{words}")

    @rule(by=WRITERS)
    def refreshes(self, by: str) -> None:
        self._says(by, "/声明 修改 S1")

    @rule(by=WRITERS)
    def submits(self, by: str) -> None:
        if self._says(by, "/声明 送审 S1"):
            self.heard = Heard(self.heard.basis)

    @rule(by=PEOPLE, number=st.integers(1, 6))
    def tries_to_agree(self, by: str, number: int) -> None:
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        if number <= len(self.approvals) and self._says(by, f"/同意 A{number}"):
            self.heard.yes[by] = digest

    @rule(which=st.integers(0, 3), steps=st.integers(1, 3))
    def those_asked_agree(self, which: int, steps: int) -> None:
        for _ in range(steps):
            asked = self.pending
            if asked is None:
                return
            people = approvers_of(asked, self.world.plans.organization)
            by, digest = people[which % len(people)], hashlib.sha256(self.text.encode()).hexdigest()
            if self._says(by, f"/同意 {asked.ref}"):
                self.heard.yes[by] = digest

    @rule(by=WRITERS, alone=st.sampled_from(["zhou.heng", "lin.yue", "xu.jing", "gao.yuan"]))
    def one_person_wants_to_do_it_all(self, by: str, alone: str) -> None:
        """Everybody is silent until the leading group is asked too; and whoever signs at the lightest level may have written it."""
        self.refreshes(by)
        self.submits(by)
        for _ in range(3):
            if (asked := self.pending) is None:
                return
            self.time_passes(61)
            digest = hashlib.sha256(self.text.encode()).hexdigest()
            if self._says(alone, f"/同意 {asked.ref}"):
                self.heard.yes[alone] = digest
            else:
                self.those_asked_agree(0, 1)

    @rule(by=WRITERS, steps=st.integers(1, 3), then=st.sampled_from(["fact", "grade", "text", "time", "denial", "nothing"]))
    def goes_far_and_then_something_changes(self, by: str, steps: int, then: str) -> None:
        self.refreshes(by)
        self.submits(by)
        self.those_asked_agree(0, steps)
        if then == "fact":
            self.fact_changes("两融" if self.world.incident().system != "两融" else "行情")
        elif then == "grade":
            self.grade_rises()
        elif then == "text":
            self.writes(by, "正在核对。", "集中交易")
        elif then == "time":
            self.time_passes(250)
        elif then == "denial":
            self.yes_by_telephone("lin.yue", denies=True)

    @rule(by=PEOPLE)
    def refuses(self, by: str) -> None:
        asked = self.pending
        if asked is not None and self._says(by, f"/退回 {asked.ref} 依据不足"):
            self.heard.yes.clear()

    @rule(of=PEOPLE, denies=st.booleans())
    def yes_by_telephone(self, of: str, denies: bool) -> None:
        asked = self.pending
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        if asked is None or not self._says("wu.di" if of == "li.na" else "li.na", f"/同意 {asked.ref} 口头={of} 电话"):
            return
        self.heard.yes[of] = digest
        if denies:
            before, self.heard.yes = self.heard.yes, {}  # from here on nobody relies on it
            if not self._says(of, f"/口头 否认 {asked.ref} 没有说过"):
                self.heard.yes = before

    @rule()
    def grade_rises(self) -> None:
        self._grades(self.grade + 1)
        self._watch()

    def _grades(self, level: int) -> None:
        self.grade = min(level, len(GRADES) - 1)
        self.world.says("li.na", f"/定级 {GRADES[self.grade]}")

    @rule(system=SYSTEMS)
    def fact_changes(self, system: str) -> None:
        self._says("li.na", f"/事件 事实 I1 系统={system}")

    @rule(minutes=st.sampled_from([7, 60, 250]))
    def time_passes(self, minutes: int) -> None:
        self.world.sleeps(
            minutes=minutes
        )  # what came due meanwhile comes at once: a minute of hundreds of reminders is not the matter here
        self.heard.minutes += minutes
        if self.heard.minutes >= HOLDS:
            self.heard.yes.clear()
        self._watch()

    # What must hold

    @invariant()
    def what_is_approved_was_agreed_to_by_all_who_must(self) -> None:
        if self.heard.basis is None or self.statement.state is not State.APPROVED:
            return
        self.check_agreed()

    def check_agreed(self) -> None:
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        assert self.statement.digest == digest
        agreed = {person for person, bytes_ in self.heard.yes.items() if bytes_ == digest}
        authors = {one.by for one in self.revisions}
        assert len(agreed - authors) >= STEPS[self.world.incident().response_level], self.heard
        assert {step.by for step in self.statement.given} <= agreed - authors
        assert agreed & (TECHNICAL | LEADERS)
        assert agreed & (COMPLIANCE | LEADERS)

    @property
    def used(self) -> set[str]:
        """Approvals under which something went out."""
        return set()

    @invariant()
    def what_counts_no_more_is_void(self) -> None:
        """No approval that stands is of another text than the one that is asked for, and a draft has none."""
        if self.heard.basis is None:
            return
        statement = self.statement
        standing = [a for a in self.approvals if a.kind == "statement" and a.state in (Asked.PENDING, Asked.APPROVED, Asked.ORAL)]
        standing = [a for a in standing if a.ref not in self.used]
        asked = {step.approval for step in statement.steps}
        assert {a.ref for a in standing} <= asked
        assert all(a.digest == statement.digest and a.values["revision"] == statement.revision for a in standing)

    @invariant()
    def what_is_asked_has_a_clock(self) -> None:
        if self.heard.basis is not None:
            runs = self.statement.state in (State.SUBMITTED, State.APPROVED) or (self.published and self.statement.expires_at is not None)
            assert ("expiry" in self.world.timers("S1")) == runs

    @property
    def published(self) -> bool:
        return self.statement.state in (State.PUBLISHED, State.WITHDRAWN)


def test_nothing_is_approved_that_the_right_people_did_not_agree_to_as_it_is() -> None:
    calm = settings(
        deadline=None,
        max_examples=int(os.environ.get("EXAMPLES", "5")),
        stateful_step_count=14,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Statements, settings=calm)
