"""The watchman's rounds as a page to read: nights, breaks, holidays, nobody on duty, nobody who answers; of one task each.

python -m tests.rounds_page       writes docs/transcripts/rounds.md anew; tests/test_transcripts.py holds the bot to it, word for word
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from storage.database import Database
from storage.tables.queues import OutboxRow
from tests.world import SMALL_PLAN, World, make_world

PAGE = Path(__file__).parents[1] / "docs" / "transcripts" / "rounds.md"
ZONE = ZoneInfo("Asia/Shanghai")
SMALL = "证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
LARGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
MIDDLE = "证监会=较大 平台=3 阅读=2万 投诉=30"
MILD_MAJOR = SMALL.replace("证监会=一般", "证监会=重大")
#: The one task of these stories: due after 2 h (l4), 1 h (l3) or 30 min (l2), with the business group: 杨帆 (head), 罗明 (deputy).
TASK = "failure.impact"
#: What the page shows of all that is said.
TOLD = ("task.reminder", "task.mention", "task.exhausted", "task.empty_rung", "duty.gaps", "duty.nobody")
INTRODUCTION = """\
# 更夫怎样巡更

每个故事只有一项任务(算影响,交业务组:组长杨帆、副组长罗明),除写明的以外没有人动它,看它何时提醒谁、何时不响。预案用随附的示例,总指挥是李娜,领导小组是周衡、林岳。事件的卡片、通报和监管时钟不在这里;时钟与审批从不静默。\
"""
Edit = tuple[str, Callable[[str], str]]


class Scribe:
    """Writes down who says what and what people are told, each moment once."""

    def __init__(self, lines: list[str], world: World) -> None:
        self._lines, self._world = lines, world
        self._day, self._known = "", 0

    @property
    def _now(self) -> datetime:
        return self._world.clock().astimezone(ZONE)

    def says(self, person: str, text: str) -> None:
        reply = self._world.says(person, text)
        self._line(self._now, f"**{self._name(person)}**: {text}")
        self._line(self._now, "**更夫** → 本人: " + reply.text.replace("\n", "  \n  "))

    def until(self, text: str) -> None:
        """Until that moment, and what was said meanwhile."""
        end = datetime.fromisoformat(text).replace(tzinfo=ZONE)
        self._world.passes(seconds=(end - self._now).total_seconds())
        self.hears()

    def hears(self) -> None:
        found: dict[tuple[datetime, str], list[str]] = {}
        rows = self._rows()
        shown = {row.message_id for row in rows if row.about.get("notice") in TOLD}  # one in a bundle may be led by something else
        for row in rows:
            if row.message_id in shown and row.said is not None and row.finished is not None:
                found.setdefault((row.finished.astimezone(ZONE), row.said["text"]), []).append(self._place(row))
        for (at, text), places in sorted(found.items()):
            self._line(at, f"**更夫** → {'、'.join(sorted(places))}: " + text.replace("\n", "  \n  "))

    def note(self, text: str) -> None:
        self._apart(f"*{text}*")

    def _apart(self, text: str) -> None:
        """A paragraph of its own."""
        self._lines += ([""] if self._lines[-1] else []) + [text, ""]

    def _rows(self) -> Sequence[OutboxRow]:
        done = select(OutboxRow).where(col(OutboxRow.message_id).is_not(None), col(OutboxRow.kind) == "notice")
        rows = self._world.database.read(lambda tx: list(tx.exec(done.order_by(col(OutboxRow.id)))))
        new, self._known = rows[self._known :], len(rows)
        return new

    def _line(self, at: datetime, text: str) -> None:
        day = f"{at:%m-%d}(周{'一二三四五六日'[at.weekday()]})"
        if day != self._day:
            self._day = day
            self._apart(day)
        self._lines.append(f"- {at:%H:%M} {text}")

    def _place(self, row: OutboxRow) -> str:
        if row.recipient:
            return self._name(row.recipient)
        return "应急办值守群" if row.chat == "g:office" else "事件群"

    def _name(self, person: str) -> str:
        return self._world.plans.organization.people[person].name


def only_this_task(text: str) -> str:
    """A playbook without its other lines; what begins with a recovery never comes."""
    head, *tasks = re.split(r"(?m)^(?=\[\[task\]\])", text.replace("算影响(客户数、委托笔数、延迟、起止时刻,只计交易时段)", "算影响"))
    return head + "".join(one for one in tasks if f'code = "{TASK}"' in one or 'clock = "recovered"' in one)


@contextmanager
def scene(lines: list[str], title: str, start: str, grades: str, *edits: Edit) -> Iterator[Scribe]:
    """A firm of its own, and the incident just reported and graded."""
    with tempfile.TemporaryDirectory() as temporary:
        plan = Path(temporary) / "plan"
        shutil.copytree(SMALL_PLAN, plan)
        for name, edit in (("playbooks/common.toml", only_this_task), ("playbooks/system_failure.toml", only_this_task), *edits):
            text = (plan / name).read_text("utf-8")
            assert edit(text) != text, f"nothing to change in {name}"
            (plan / name).write_text(edit(text), "utf-8")
        database = Database(f"sqlite:///{temporary}/gengfu.db")
        try:
            world = make_world(database, start=datetime.fromisoformat(start).replace(tzinfo=ZONE), plan=plan)
            lines += [*([""] if lines[-1] else []), f"## {title}", ""]
            scribe = Scribe(lines, world)
            world.settle()
            scribe.hears()
            assert world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断").error is None
            assert world.says("li.na", f"/定级 {grades}").error is None
            due, incident = world.task("T1").due_at, world.incident()
            assert due is not None
            level = f"{incident.response_level}级响应".replace("l4", "四").replace("l3", "三").replace("l2", "二")
            scribe.note(f"{scribe._now:%H:%M} 李娜上报并定级:{level};T1 {due.astimezone(ZONE):%m-%d %H:%M} 前完成。")
            yield scribe
        finally:
            database.close()


def play() -> str:
    lines = INTRODUCTION.split("\n")
    for story in (_light_night, _heavy_night, _major, _lunch, _saturday, _national_day, _nobody_on_duty, _end_of_the_ladder, _received):
        story(lines)
    return "\n".join(lines).rstrip() + "\n"


def _light_night(lines: list[str]) -> None:
    with scene(lines, "四级响应的夜里:顺延到早上,并说压下几次", "2026-03-10 18:20", SMALL) as scribe:
        scribe.until("2026-03-11 08:29")
        scribe.note("19:00 至 08:30 静默,期间一条也没有,也没有逐级上报。")
        scribe.until("2026-03-11 09:10")


def _heavy_night(lines: list[str]) -> None:
    with scene(lines, "二级响应的夜里:不静默", "2026-03-10 18:20", LARGE) as scribe:
        scribe.until("2026-03-10 19:40")
        scribe.note("到头以后每 15 分钟一次,整夜不停,直到有人认领。")


def _major(lines: list[str]) -> None:
    with scene(lines, "证监会口径「重大」、舆情轻微:按高的一个,不静默", "2026-03-10 22:20", MILD_MAJOR) as scribe:
        scribe.until("2026-03-10 23:10")


def _lunch(lines: list[str]) -> None:
    line = f'code = "{TASK}"'
    trading: Edit = ("playbooks/system_failure.toml", lambda text: text.replace(line, f'{line}\ncalendar = "trading"'))
    pauses = 'calendars = { progress = "trading", due = "trading" }\nsnooze_count'
    breaks: Edit = ("response.toml", lambda text: text.replace("snooze_count", pauses, 2))
    with scene(lines, "午间休市:按交易时段计时的任务,中午不算,也不催", "2026-11-20 11:00", MIDDLE, trading, breaks) as scribe:
        scribe.note("预案里这一项按交易时段计时,三级、四级的催进展和到期提醒也是:11:30 至 13:00 不计,一小时的活 13:30 到期。")
        scribe.says("luo.ming", "/认领 T1")
        scribe.until("2026-11-20 12:59")
        scribe.note("午间一条也没有。没有人认领的任务不在此列:认领从不等开市。")
        scribe.until("2026-11-20 13:31")


def _saturday(lines: list[str]) -> None:
    with scene(lines, "调休上班的周六:四级照常提醒;普通周六则等到周一", "2026-10-10 09:00", SMALL) as scribe:
        scribe.until("2026-10-10 10:05")
        scribe.note("10 月 10 日是国庆调休的上班日。同样的事放在下一个周六(10 月 17 日):")
    with scene(lines, "同样的事,普通周六", "2026-10-17 09:00", SMALL) as scribe:
        scribe.until("2026-10-19 08:35")


def _national_day(lines: list[str]) -> None:
    with scene(lines, "国庆长假:四级等到假后第一个工作日", "2026-09-30 17:30", SMALL) as scribe:
        scribe.until("2026-10-08 08:29")
        scribe.note("9 月 30 日 19:00 起静默,10 月 1 日至 7 日不上班,其间一条也没有。")
        scribe.until("2026-10-08 08:35")


def _nobody_on_duty(lines: list[str]) -> None:
    chats = 'chats = { console = "g:business" }'
    empty: Edit = (
        "organization.toml",
        lambda text: text.replace(chats, f'{chats}\n\n[[group.duty]]\nkind = "weekly"\npeople = []\nstart = 2026-03-09'),
    )
    nobody: Edit = (
        "organization.toml",
        lambda text: text.replace('head = "yang.fan"\ndeputy = "luo.ming"', 'head = "yang.fan"\nmembers = ["luo.ming"]'),
    )
    deputies: Edit = ("response.toml", lambda text: text.replace('to = ["group.head", "group.deputy"]', 'to = ["group.deputy"]'))
    with scene(lines, "排班是空的、上报的那一级没有人:事先就说,当场跳过", "2026-03-10 14:00", MIDDLE, empty, nobody, deputies) as scribe:
        scribe.until("2026-03-10 14:20")


def _end_of_the_ladder(lines: list[str]) -> None:
    with scene(lines, "逐级提醒到头、无人应答:值守群打电话,另立一项", "2026-03-10 09:00", MIDDLE) as scribe:
        scribe.until("2026-03-10 13:05")
        tasks = [task for task in scribe._world.tasks() if task.ref != "T1"]
        scribe.note(f"值守群说满四次仍无人应答,系统给应急办另立一项:{tasks[0].ref} {tasks[0].title}。T1 从此每两小时一次,不会自行停止。")
        scribe.until("2026-03-10 15:05")


def _received(lines: list[str]) -> None:
    with scene(lines, "收到:只是这个人不再听同样的话", "2026-03-10 14:00", MIDDLE) as scribe:
        scribe.says("luo.ming", "/认领 T1")
        scribe.until("2026-03-10 16:01")
        scribe.says("luo.ming", "/收到 T1")
        scribe.says("li.na", "/任务 缘由 T1")
        scribe.until("2026-03-10 16:31")
        scribe.note("16:30 那一次只有杨帆听到。17:00 上报到总指挥,是新的一级,罗明照样听到。")
        scribe.until("2026-03-10 17:01")


def main() -> None:
    PAGE.write_text(play(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
