"""Random people, commands, taps and jumps of time on the real road: what must hold after every step, and of the whole trail at the end."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from storage.audit import export_lines
from storage.database import Database
from storage.mapping import to_record
from storage.seals import seal
from storage.tables.queues import BURIED, WAITING
from storage.tables.records import ApprovalRow, IncidentRow, ReportRow
from storage.verify import verify_lines
from tests.world import SMALL_PLAN, World, acts_on, make_world
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.incident import RUNNING, Incident
from workflows.incident import State as IncidentState
from workflows.regulator_report import Report
from workflows.task import LIVE, State
from workflows.tip import TipState as Tip

PEOPLE = st.sampled_from(
    ["zhou.heng", "lin.yue", "li.na", "sun.jie", "wang.qiang", "zhao.min", "ma.chao", "xu.jing", "gao.yuan", "guo.ping", "nobody"]
)
TASKS = st.integers(1, 14).map(lambda number: f"T{number}")
INCIDENTS = st.sampled_from(["I1", "I1", "I1", "I2", ""])
APPROVALS = st.integers(1, 4).map(lambda number: f"A{number}")
TEXTS = st.sampled_from(["", "已切换备用行情源", "理由充分,需要继续处置", "http://evil.top @所有人 **粗**", "电话 138 0013 8000"])
ABOUT_TASKS = st.sampled_from(["claim", "seen", "release", "progress", "done", "verify", "reject", "block", "cancel", "why"])
ABOUT_INCIDENTS = st.sampled_from(
    ["show", "timeline", "take", "update", "activate", "recovered", "end", "close", "reopen", "bind", "unbind"]
)
GRADES = st.sampled_from(
    [
        "证监会=一般",
        "证监会=较大",
        "证监会=重大",
        "影响范围=3 理由=客户在问",
        "事件等级=2 影响范围=2 传播=2 态势=2 理由=按手册",
        "事件等级=4 影响范围=3 传播=3 态势=3 理由=扩散很快",
        "",
    ]
)
FACTS = st.sampled_from(["类型=系统故障", "系统=行情", "类型=系统故障 地点=上海", "根因=光模块", ""])


RECORDS = ("incident", "task", "approval", "grading", "report", "tip")


class Watch(RuleBasedStateMachine):
    """One firm, a few incidents, and a clock that jumps."""

    plan: Path = SMALL_PLAN

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
        self.database = Database(f"sqlite:///{self.folder / 'gengfu.db'}")
        self.world: World = make_world(self.database, plan=self.plan)

    def teardown(self) -> None:
        try:
            self._the_trail_verifies()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    # What people do

    @initialize(by=PEOPLE.filter(lambda person: person != "nobody"), type_=st.sampled_from(["", " 类型=系统故障"]))
    def an_incident_is_opened(self, by: str, type_: str) -> None:
        self._says(by, f"/incident open{type_}")

    def _says(self, person: str, line: str) -> None:
        before = self._records()
        reply = self.world.says(person, line)
        assert reply.error != "house.internal", f"{person}: {line}"
        assert not reply.error or self._records() == before, f"refused, and yet it changed something: {person}: {line}"

    def _records(self) -> set[tuple[Any, ...]]:
        """Every record with its version; the personal chains, where refusals are kept, are not among them."""
        return {row for table in RECORDS for row in self._rows(f"SELECT ref, version FROM {table}")}

    @precondition(lambda self: len(self._incidents()) < 3)
    @rule(by=PEOPLE, title=TEXTS)
    def opens(self, by: str, title: str) -> None:
        self._says(by, f"/incident open {title}")

    @rule(verb=ABOUT_TASKS, words=TEXTS, data=st.data())
    def acts_on_a_task(self, verb: str, words: str, data: st.DataObject) -> None:
        """Mostly by somebody of its group or its owner, so that more is done than refused."""
        tasks = self.world.tasks()
        if not tasks:
            return
        task = data.draw(st.sampled_from(tasks))
        near = [person for person in (task.owner, *self.world.plans.organization.groups[task.group].everyone) if person]
        by = data.draw(st.sampled_from(near) | st.sampled_from(near) | PEOPLE)
        self._says(by, f"/task {verb} {task.ref} {words if verb not in ('claim', 'seen', 'verify', 'why') else ''}")

    @rule(ref=TASKS, words=TEXTS)
    def works_a_task_through(self, ref: str, words: str) -> None:
        """Somebody of the group claims it and says it is done; somebody else checks."""
        found = next((task for task in self.world.tasks() if task.ref == ref), None)
        if found is None:
            return
        first, *others = self.world.plans.organization.groups[found.group].everyone
        self._says(first, f"/task claim {ref}")
        self._says(first, f"/task done {ref} {words}")
        for other in others[:1]:
            self._says(other, f"/task verify {ref}")

    @rule(by=PEOPLE, verb=st.sampled_from(["assign", "transfer"]), ref=TASKS, to=PEOPLE)
    def hands_a_task_on(self, by: str, verb: str, ref: str, to: str) -> None:
        self._says(by, f"/task {verb} {ref} {to}")

    @rule(by=PEOPLE, ref=TASKS, wait=st.sampled_from(["10m", "3h", "0m"]))
    def snoozes(self, by: str, ref: str, wait: str) -> None:
        self._says(by, f"/task snooze {ref} {wait} 等厂商回复")

    @rule(by=PEOPLE, incident=INCIDENTS, words=TEXTS)
    def adds_a_task(self, by: str, incident: str, words: str) -> None:
        self._says(by, f"/task add {incident} 时限=20分钟 {words}")

    @rule(by=PEOPLE, verb=ABOUT_INCIDENTS, ref=INCIDENTS, words=TEXTS)
    def acts_on_an_incident(self, by: str, verb: str, ref: str, words: str) -> None:
        self._says(by, f"/incident {verb} {ref} {words if verb not in ('show', 'timeline', 'bind', 'unbind') else ''}")

    @rule(by=PEOPLE, ref=INCIDENTS, to=PEOPLE)
    def hands_over(self, by: str, ref: str, to: str) -> None:
        self._says(by, f"/incident handover {ref} {to}")

    @rule(by=st.sampled_from(["li.na", "xu.jing", "sun.jie"]), ref=INCIDENTS, values=GRADES)
    def grades(self, by: str, ref: str, values: str) -> None:
        self._says(by, f"/incident grade {ref} {values}")

    @rule(by=st.sampled_from(["li.na", "wang.qiang"]), ref=INCIDENTS, values=FACTS)
    def notes_facts(self, by: str, ref: str, values: str) -> None:
        self._says(by, f"/incident fact {ref} {values}")

    @rule(by=PEOPLE, verb=st.sampled_from(["approve", "return", "delegate", "later"]), ref=APPROVALS, words=TEXTS)
    def decides(self, by: str, verb: str, ref: str, words: str) -> None:
        rest = {"delegate": "", "later": "15m"}.get(verb, words)
        self._says(by, f"/{verb} {ref} {rest}")

    @rule(ref=st.sampled_from(["I1", "I2"]))
    def goes_to_its_end(self, ref: str) -> None:
        """The straight way, so that endings and reopenings are met too."""
        for person, line in (
            ("li.na", f"/incident activate {ref}"),
            ("zhou.heng", "/approve A1"),
            ("lin.yue", "/approve A1"),
            ("li.na", f"/incident recovered {ref}"),
            ("li.na", f"/incident end {ref}"),
            *(("zhou.heng", f"/approve A{number}") for number in range(1, 5)),
            ("zhou.heng", f"/incident close {ref} 强制=监管要求今日归档其余转台账"),
        ):
            self._says(person, line)

    @rule(by=PEOPLE.filter(lambda person: person != "nobody"), data=st.data())
    def taps(self, by: str, data: st.DataObject) -> None:
        """Any button that this person can see, old ones included."""
        seen = [(line, button) for _, line in self.world.seen_by(by)[-30:] for button in acts_on(line)]
        if not seen:
            return
        line, button = data.draw(st.sampled_from(seen))
        said = ["情况已核对,与上次一致", "1.5", "type=x\n", ""]
        filled = {field["name"]: data.draw(st.sampled_from([value for value, _ in field["options"]] or said)) for field in button["form"]}
        reply = self.world.taps(by, button["label"], line=line, **filled)
        assert reply.error != "house.internal", button["command"]

    @rule(steps=st.integers(1, 12))
    def time_passes(self, steps: int) -> None:
        for _ in range(steps):
            self.world.clock.pass_time(minutes=5)
            self.world.settle()

    @rule(hours=st.sampled_from([1, 5]))
    def the_house_was_away(self, hours: int) -> None:
        self.world.clock.pass_time(hours=hours)
        self.world.settle()

    # What holds

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.database.read(lambda tx: [tuple(row) for row in tx.connection().execute(text(statement))])

    def _running(self) -> set[str]:
        return {ref for (ref,) in self._rows(f"SELECT record_ref FROM timer WHERE status = '{WAITING}'")}

    def _incidents(self) -> list[Incident]:
        refs = [ref for (ref,) in self._rows("SELECT ref FROM incident")]
        return self.database.read(lambda tx: [to_record(Incident, tx.get(IncidentRow, ref)) for ref in refs])

    def _approvals(self) -> list[Approval]:
        refs = [ref for (ref,) in self._rows("SELECT ref FROM approval")]
        return self.database.read(lambda tx: [to_record(Approval, tx.get(ApprovalRow, ref)) for ref in refs])

    def _reports(self) -> list[Report]:
        refs = [ref for (ref,) in self._rows("SELECT ref FROM report")]
        return self.database.read(lambda tx: [to_record(Report, tx.get(ReportRow, ref)) for ref in refs])

    @invariant()
    def open_means_a_timer_is_running(self) -> None:
        running = self._running()
        alive = {task.ref for task in self.world.tasks() if task.state in (*LIVE, State.DONE)}
        alive |= {approval.ref for approval in self._approvals() if approval.state in (Asked.PENDING, Asked.ORAL)}
        alive |= {incident.ref for incident in self._incidents() if incident.state in RUNNING}
        alive |= {ref for (ref,) in self._rows(f"SELECT ref FROM tip WHERE state = '{Tip.WAITING}'")}
        alive |= {report.ref for report in self._reports() if report.open and report.deadline_at}
        assert running == alive

    @invariant()
    def no_timer_is_left_behind(self) -> None:
        late = self._rows(f"SELECT record_ref, name, due, error FROM timer WHERE status = '{WAITING}'")
        now = self.world.clock().strftime("%Y-%m-%d %H:%M:%S")
        assert [row for row in late if str(row[2])[:19] <= now] == []

    @invariant()
    def the_response_level_is_the_higher_of_the_two(self) -> None:
        for incident in self._incidents():
            csrc = incident.csrc_grade.rank if incident.csrc_grade else 1
            assert incident.response_level.rank == max(csrc, incident.opinion_level.rank)

    @invariant()
    def a_closed_incident_has_nothing_open_but_its_clocks(self) -> None:
        """A regulator's clock outlives even a forced closing, and so does what is asked about one."""
        closed = {incident.ref for incident in self._incidents() if incident.state is IncidentState.CLOSED}
        assert [task.ref for task in self.world.tasks() if task.incident in closed and (task.live or task.state is State.DONE)] == []
        pending = [a for a in self._approvals() if a.incident in closed and a.state is Asked.PENDING]
        assert [a for a in pending if "reports" not in a.values] == []

    @invariant()
    def whoever_checked_is_not_whoever_did_it(self) -> None:
        assert [task.ref for task in self.world.tasks() if task.verified_by and task.verified_by == task.done_by] == []
        decided = [a for a in self._approvals() if a.state is Asked.APPROVED]
        assert [a.ref for a in decided if a.decided_by in (None, a.asked_by)] == []

    @invariant()
    def nothing_is_buried_and_nothing_failed(self) -> None:
        for table in ("inbox", "outbox", "timer"):
            assert self._rows(f"SELECT id, error FROM {table} WHERE status = '{BURIED}'") == []
        assert self._rows("SELECT id, error FROM inbox WHERE error IS NOT NULL") == []
        assert self._rows("SELECT id, error FROM timer WHERE error IS NOT NULL") == []

    @invariant()
    def every_record_has_its_whole_chain(self) -> None:
        for table in RECORDS:
            assert (
                self._rows(f"SELECT r.ref FROM {table} r WHERE r.version != (SELECT count(*) FROM audit a WHERE a.record_ref = r.ref)")
                == []
            )

    def _the_trail_verifies(self) -> None:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        now = self.world.clock()
        while self.database.write(lambda tx: seal(tx, now, key)) is not None:
            pass
        lines = self.database.read(lambda tx: list(export_lines(tx, now=now, public_key=public)))
        report = verify_lines(lines, public)
        assert report.findings == ()
        assert report.counts["unsealed"] == 0
        assert report.counts["rows"] == self._rows("SELECT count(*) FROM audit")[0][0]
        assert all(json.loads(line) for line in lines)


def test_nothing_that_people_and_clocks_do_breaks_the_watch() -> None:
    calm = settings(
        deadline=None,
        max_examples=int(os.environ.get("EXAMPLES", "12")),
        stateful_step_count=14,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Watch, settings=calm)
