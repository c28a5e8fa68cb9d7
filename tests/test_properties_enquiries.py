"""No enquiry is answered with bytes that nobody agreed to, nor by anybody but who speaks; nothing that is open lacks its clock.

Random people register, take, answer, decline; write, submit, agree; look into rumours, agree, answer. What the house lets through is
compared with what this test knows by itself: which bytes different people have agreed to, looked up right before the act.
"""

import hashlib
import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.enquiries import EnquiryRow, RumourRow
from storage.tables.records import ApprovalRow
from storage.tables.statements import RevisionRow, StatementRow
from tests.world import World, make_world
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.enquiry import Enquiry
from workflows.enquiry import State as Answered
from workflows.rumour import Finding, Rumour
from workflows.rumour import State as Heard
from workflows.statement import State, Statement

#: xu.jing speaks; gao.yuan only when it was handed over.
PEOPLE = st.sampled_from(["xu.jing", "gao.yuan", "liu.yang", "zhou.heng"])
#: S1 is internal, S2 for everybody.
TEXTS = st.sampled_from(["S1", "S2"])
FINDINGS = st.sampled_from(["属实", "不实", "无法核实"])
HOLDS = 4 * 60


class Enquiries(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
        self.database = Database(f"sqlite:///{self.folder / 'gengfu.db'}")
        self.world: World = make_world(self.database, plan=SAMPLE_PLAN)
        self.system = 0
        self.began = False

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begins(self) -> None:
        self.world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 交易中断")
        self.world.says("li.na", "/定级 证监会=一般 平台=1 媒体=自媒体 客户=0 阅读=100 首帖=30 增速=0.1 负面=1% 投诉=0")
        self._says("gao.yuan", "/声明 起草 I1 模板=媒体问答\n已知=集中交易中断\n未知=原因\n不回答=损失")
        self._says("gao.yuan", "/声明 起草 I1 正文:集中交易中断,正在恢复。")
        self.began = True

    def _says(self, person: str, line: str) -> bool:
        reply = self.world.says(person, line)
        assert reply.error != "house.internal", f"{person}: {line}"
        return reply.error is None

    def _all(self, table: Any, kind: Any) -> Any:
        return self.database.read(lambda tx: [to_record(kind, row) for row in tx.exec(select(table))])

    @property
    def enquiries(self) -> list[Enquiry]:
        found: list[Enquiry] = self._all(EnquiryRow, Enquiry)
        return found

    @property
    def rumours(self) -> list[Rumour]:
        found: list[Rumour] = self._all(RumourRow, Rumour)
        return found

    @property
    def everything(self) -> list[Enquiry | Rumour]:
        return [*self.enquiries, *self.rumours]

    def agreed_bytes(self, ref: str) -> str | None:
        """The digest of the text of `ref` if different people have agreed to just it, and it has neither run out nor been changed since."""
        statement: Statement = self.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, ref)))
        rows = self.database.read(lambda tx: [(r.statement, r.number, r.text) for r in tx.exec(select(RevisionRow))])
        text = max((number, text) for of, number, text in rows if of == ref)[1]
        approvals: list[Approval] = self._all(ApprovalRow, Approval)
        yes = {a.decided_by for a in approvals if (a.subject, a.state, a.text) == (ref, Asked.APPROVED, text)}
        in_time = statement.expires_at is not None and self.world.clock() < statement.expires_at
        whole = len(yes) >= len(statement.steps) > 0 and not yes & set(statement.authors)
        facts = all(value == {"system": self.world.incident().system}.get(name, value) for name, value in statement.facts.items())
        good = statement.state is State.APPROVED and in_time and whole and facts
        return hashlib.sha256(text.encode()).hexdigest() if good else None

    # What happens

    @rule(by=PEOPLE, deadline=st.sampled_from(["", "截止=23:00 "]))
    def calls(self, by: str, deadline: str) -> None:
        assert self._says(by, f"/媒体 登记 I1 媒体=某报 {deadline}怎么了")

    @rule(by=PEOPLE, to=PEOPLE, number=st.integers(1, 3))
    def takes(self, by: str, to: str, number: int) -> None:
        people = self.world.plans.organization.people
        self._says(by, f"/媒体 转交 Q{number} {people[to].name}")

    @rule(by=PEOPLE, ref=TEXTS)
    def answers(self, by: str, ref: str) -> None:
        """One that waits; there is always somebody who asks."""
        number = next((int(one.ref[1:]) for one in self.enquiries if one.open), len(self.enquiries) + 1)
        if number > len(self.enquiries):
            self.calls("liu.yang", "")
        agreed = self.agreed_bytes(ref)
        before = {one.ref: one for one in self.enquiries}.get(f"Q{number}")
        if self._says(by, f"/媒体 答复 Q{number} {ref}"):
            after = next(one for one in self.enquiries if one.ref == f"Q{number}")
            assert before is not None
            assert by in ("xu.jing", before.owner)
            assert agreed is not None, "nobody has agreed to it as things are"
            assert after.said_digest == agreed
        elif before is not None and before.open and by == "xu.jing":
            assert agreed is None, "what stands can be said"

    @rule(by=PEOPLE, number=st.integers(1, 3))
    def declines(self, by: str, number: int) -> None:
        self._says(by, f"/媒体 不答复 Q{number} 还在核实")

    @rule(by=st.sampled_from(["gao.yuan", "xu.jing"]))
    def hears(self, by: str) -> None:
        assert self._says(by, "/舆情 传闻 I1 听说资金没了")

    @rule(by=st.sampled_from(["gao.yuan", "chen.bo", "guo.ping"]), finding=FINDINGS, agrees=st.booleans(), number=st.integers(1, 2))
    def looks_into(self, by: str, finding: str, agrees: bool, number: int) -> None:
        if self._says(by, f"/传闻 核实 M{number} 结论={finding} 逐笔核对") and agrees:
            self._agree("rumour", 1)

    @rule(ref=TEXTS, number=st.integers(1, 2))
    def replies_to_it(self, ref: str, number: int) -> None:
        agreed = self.agreed_bytes(ref)
        before = {one.ref: one for one in self.rumours}.get(f"M{number}")
        if self._says("gao.yuan", f"/传闻 回应 M{number} {ref}"):
            after = next(one for one in self.rumours if one.ref == f"M{number}")
            assert before is not None
            assert before.finding is not None
            assert (ref, after.said_digest) == ("S2", agreed)

    @rule(ref=TEXTS, steps=st.integers(1, 3))
    def submits(self, ref: str, steps: int) -> None:
        self._says("gao.yuan", f"/声明 修改 {ref}")
        if self._says("gao.yuan", f"/声明 送审 {ref}"):
            self._agree("statement", steps)

    @rule(ref=TEXTS, then=st.sampled_from(["text", "fact", "time", "nothing"]))
    def is_made_ready_and_said(self, ref: str, then: str) -> None:
        """And what happens between the yes and the answer."""
        self.submits(ref, 3)
        if then == "text":
            self.is_rewritten(ref)
        elif then == "fact":
            self.a_fact_changes()
        elif then == "time":
            self.time_passes(250)
        self.answers("xu.jing", ref)

    def _agree(self, kind: str, steps: int) -> None:
        for _ in range(steps):
            approvals: list[Approval] = self._all(ApprovalRow, Approval)
            asked = next((one for one in approvals if one.state is Asked.PENDING and one.kind == kind), None)
            if asked is not None:
                self._says(approvers_of(asked, self.world.plans.organization)[0], f"/同意 {asked.ref}")

    @rule(ref=TEXTS)
    def is_rewritten(self, ref: str) -> None:
        self._says("gao.yuan", f"/声明 修改 {ref} 正文:集中交易中断,正在恢复{self.system}。")

    @rule()
    def a_fact_changes(self) -> None:
        self.system += 1
        self._says("li.na", f"/事件 事实 I1 系统={('两融', '集中交易')[self.system % 2]}")

    @rule(minutes=st.sampled_from([7, 60, 250]))
    def time_passes(self, minutes: int) -> None:
        self.world.sleeps(minutes=minutes)

    # What must hold

    @invariant()
    def nothing_open_lacks_its_clock(self) -> None:
        if not self.began:
            return
        for one in self.everything:
            running = self.world.timers(one.ref)
            assert set(running) == ({"enquiry" if one.ref[0] == "Q" else "rumour"} if one.open else set()), one
            assert all(isinstance(due, datetime) and due > self.world.clock() for due in running.values())

    @invariant()
    def what_is_answered_names_its_bytes(self) -> None:
        """They are those of a text that is kept for good, whatever the statement says since."""
        if not self.began:
            return
        kept = self.database.read(lambda tx: {(r.statement, r.number): r.digest for r in tx.exec(select(RevisionRow))})
        for one in self.everything:
            answered = one.state in (Answered.ANSWERED, Heard.ANSWERED)
            assert bool(one.statement) == answered
            assert not answered or kept[one.statement, one.said_revision] == one.said_digest

    @invariant()
    def a_finding_has_two_people(self) -> None:
        for one in self.rumours if self.began else ():
            if one.finding not in (None, Finding.UNKNOWN):
                assert one.found_by
                assert one.agreed_by
                assert one.found_by != one.agreed_by


def test_only_what_was_agreed_to_is_answered_and_whatever_is_open_has_its_clock() -> None:
    calm = settings(
        deadline=None,
        max_examples=int(os.environ.get("EXAMPLES", "4")),
        stateful_step_count=16,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Enquiries, settings=calm)
