"""What people do when the script calls on them: commands as they type them, about what they find then."""

from collections.abc import Iterator
from random import Random

from sqlmodel import col, select

from storage.mapping import to_record
from storage.tables.records import ApprovalRow, IncidentRow, ReportRow, TaskRow
from tests.world import World
from tests.year.script import Act
from workflows.core.approval import State as Asked
from workflows.incident import State as Stage
from workflows.regulator_report import RUNNING as DUE
from workflows.task import LIVE, State, Task

#: (person, what they type)
Line = tuple[str, str]

_LEADERS = ("zhou.heng", "lin.yue", "xu.jing", "guo.ping")
_MILD = "事件等级=1 影响范围=1 传播=1 态势=1 理由=按手册"
_MIDDLING = "事件等级=2 影响范围=2 传播=2 态势=2 理由=按手册"
_WILD = "事件等级=4 影响范围=3 传播=3 态势=3 理由=扩散很快"
#: A grade, and how many of a hundred gradings give it.
_GRADES = {_MILD: 52, _MIDDLING: 14, _WILD: 4, "证监会=一般": 18, "证监会=较大": 10, "证监会=重大": 2}


class People:
    def __init__(self, world: World) -> None:
        self._world = world

    def says(self, chance: Random, act: Act) -> Iterator[Line]:
        """One after the other, each when the one before has been answered; nothing where there is nothing to be done."""
        if act.kind == "open":
            opener = chance.choice(("li.na", "sun.jie", "wang.qiang", "guo.ping"))
            yield opener, f"/incident open {chance.choice(('', '', '类型=系统故障 '))}{_title(act)}"
            return
        found = self._world.database.read(lambda tx: tx.exec(select(IncidentRow).where(IncidentRow.title == _title(act))).first())
        if found is not None and (found.state != Stage.CLOSED or chance.random() < 0.1):
            yield from getattr(self, f"_{act.kind}")(chance, found.ref)

    def _grade(self, chance: Random, ref: str) -> list[Line]:
        grade = chance.choices(list(_GRADES), list(_GRADES.values()))[0]
        return [("li.na", f"/incident grade {ref} {grade}")]

    def _move(self, chance: Random, ref: str) -> list[Line]:
        verb = chance.choice(("update", "update", "take", "fact", "reopen"))
        words = {"take": "", "fact": "地点=上海", "reopen": "客户又反馈无法登录,重新处置"}.get(verb, "已切换备用线路,继续观察")
        return [(chance.choice(("li.na", "sun.jie")), f"/incident {verb} {ref} {words}")]

    def _decide(self, chance: Random, ref: str) -> list[Line]:
        verb, by = chance.choice(("approve", "approve", "return")), chance.choice(_LEADERS)
        return [(by, f"/{verb} {one} 请按预案执行并随时报告") for one in self._pending(ref)]

    def _task(self, chance: Random, ref: str) -> list[Line]:
        """Somebody of its group does the next thing to a task."""
        open_ = select(TaskRow).where(TaskRow.incident == ref, col(TaskRow.state).in_([str(state) for state in (*LIVE, State.DONE)]))
        rows = self._world.database.read(lambda tx: tx.exec(open_.order_by(TaskRow.ref)).all())
        tasks = [to_record(Task, row) for row in rows]
        if not tasks:
            return []
        task = chance.choice(tasks)
        group = [p for p in self._world.plans.organization.groups[task.group].everyone if p != task.done_by]
        by = task.owner if task.owner and task.state is not State.DONE else chance.choice(group)
        return [(by, _next(chance, task))]

    def _file(self, chance: Random, ref: str) -> list[Line]:
        reports = select(ReportRow.ref).where(ReportRow.incident == ref, col(ReportRow.state).in_([str(state) for state in DUE]))
        due = self._world.database.read(lambda tx: tx.exec(reports).all())
        return [(chance.choice(("sun.jie", "wu.di")), f"/report filed {one} 方式=电话 回执=值班员已接收") for one in due]

    def _activate(self, chance: Random, ref: str) -> list[Line]:
        running = self._world.incident(ref).state
        return [("li.na", f"/incident activate {ref} 需要各组到位")] if running is Stage.OPEN else []

    def _recovered(self, chance: Random, ref: str) -> list[Line]:
        return [(self._world.incident(ref).commander or "li.na", f"/incident recovered {ref}")]

    def _end(self, chance: Random, ref: str) -> list[Line]:
        return [("li.na", f"/incident end {ref} 业务已恢复,影响已消除")]

    def _yes(self, chance: Random, ref: str) -> Iterator[Line]:
        commander = self._world.incident(ref).commander or "li.na"
        return ((by, f"/approve {one} 同意") for by in (commander, *_LEADERS) for one in self._pending(ref))

    def _close(self, chance: Random, ref: str) -> list[Line]:
        return [("zhou.heng", f"/incident close {ref} 强制=领导小组决定先行归档,余项另行跟踪")]

    def _pending(self, ref: str) -> list[str]:
        pending = select(ApprovalRow.ref).where(ApprovalRow.incident == ref, ApprovalRow.state == str(Asked.PENDING))
        return list(self._world.database.read(lambda tx: tx.exec(pending).all()))


def _title(act: Act) -> str:
    return f"第{act.incident}号事件"


def _next(chance: Random, task: Task) -> str:
    if task.state is State.DONE:
        return chance.choice((f"/task verify {task.ref}",) * 3 + (f"/task reject {task.ref} 证据不全请补充",))
    if task.owner is None:
        return f"/task claim {task.ref}"
    verb = chance.choice(("progress", "done", "done", "done", "block", "snooze", "release", "seen"))
    words = {"snooze": "20m 等厂商回复", "seen": ""}.get(verb, "备用线路已切换,日志已留存")
    return f"/task {verb} {task.ref} {words}"
