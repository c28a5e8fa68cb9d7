"""How much people are told, in one story, under the same policies, by a virtual clock: against two measures.

A naive repeater (`bot.bench.repeater`) reads the lives of the story's items and speaks until each is closed. And the product's own words,
each as a message of its own: the story is played a second time with quiet hours, digests and `repeat_ladder` taken out, and a row of the
outbox is one word of one item to one reader. What the platform is handed in the first play is what the product sends. Clocks say the same
in both plays but for `repeat_ladder`, so the words with it are the second play's without its clocks, and the first play's clocks.

Both are deaf to 收到. In the story, whoever is awake looks at their chats every five minutes, does what is to be done, and else taps
收到 on a reminder that they see for the first time: of two tasks in three, by their number; of the others (those that are forgotten for
hours) nobody says so. Asks for an update, clocks and approvals have no 收到.
"""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import Histogram

from bot.bench.repeater import messages
from bot.bench.report import Row, at_most
from bot.bootstrap import SAMPLE_PLAN, Parts, build
from bot.clock import call_digest
from bot.config import demo_settings
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Done, Send
from handlers.core.access import house_scope
from handlers.core.message import Message
from storage.database import Database, Transaction
from storage.digests import KIND, SPREAD
from storage.outbox import BUNDLE, CLOCKS, OVER, PRIORITY, REMINDERS
from storage.schema import migrate
from storage.tables.queues import OutboxRow
from storage.views.pace import live, next_due, notices, words_of
from storage.views.reader import Reader
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.incident import Incident
from workflows.task import SPOKEN, State, Task, verifiers_of

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 10, 9, 40, tzinfo=ZONE)
#: People look at their chats this often, by day; at night they sleep.
STEP = timedelta(minutes=5)
AWAKE = range(8, 22)
_SMALL = "平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
_LARGE = "平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
#: (minutes after START, type, what is known): one of level 2, two of level 3, one of level 4; two come late in the day.
STORY = (
    (0, "系统故障", f"证监会=较大 {_LARGE}"),
    (75, "舆情", "证监会=较大 平台=3 阅读=2万 投诉=30"),
    (430, "系统故障", f"证监会=一般 {_SMALL}"),
    (620, "数据泄露", "证监会=较大 平台=3 阅读=2万 投诉=30"),
)
#: By the number of a task, modulo 3: how long until somebody claims it, and until it is done. The first are forgotten for hours.
CLAIMED = (timedelta(hours=3), timedelta(minutes=15), timedelta(minutes=30))
FINISHED = (timedelta(hours=6), timedelta(hours=1), timedelta(hours=5))
_ANSWERED = timedelta(minutes=20)


class Virtual:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Late(Histogram):
    """The product's own measure of how late timers fire: the worst of all."""

    def __init__(self) -> None:
        super().__init__("lateness_seconds", "how late a timer fired", registry=None)
        self.worst = 0.0

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self.worst = max(self.worst, amount)


@dataclass
class Tape:
    """The console, counting what is handed to it."""

    console: Console
    sent: list[str] = field(default_factory=list)
    name: str = "console"
    can = Console.can

    def __post_init__(self) -> None:
        self.receive, self.answer = self.console.receive, self.console.answer
        self.listen, self.close = self.console.listen, self.console.close

    async def do(self, deed: Deed, key: str) -> Done:
        if isinstance(deed, Send):
            self.sent.append(key)
        return await self.console.do(deed, key)


@dataclass(frozen=True, slots=True)
class Told:
    """`rows`: words of reminders · `sent`: keys of the messages · `spoken`: what the chains of the heaviest incident said, and when ·
    `kept`: reminders of tasks that were kept from a person without anything having happened to the task, and how long after that person's
    last 收到 to it, as a share of what the plan allows (None: never said) · `naive`: what the repeater sends."""

    rows: list[OutboxRow]
    sent: list[str]
    spoken: list[tuple[str, str, datetime]]
    late: float
    incidents: int
    kept: list[tuple[str, float | None]]
    naive: Counter[str]


def noise(folder: Path, *, hours: float) -> list[Row]:
    """The counts and their ratios. Raises when anything came later than its policy allows."""
    ours, loud = (_played(folder / name, quiet=quiet, hours=hours) for name, quiet in (("ours", True), ("loud", False)))
    check(ours, loud)
    words = [row for row in loud.rows if row.about["notice"] != KIND]
    people = {row.recipient or row.chat for row in words}
    same = sum(not _of_clock(row) for row in words) + sum(map(_of_clock, ours.rows))
    sent = [key for key in ours.sent if _reminds(key)]
    per, naive = ours.incidents * len(people), sum(ours.naive.values())
    ratio = len(sent) / naive
    theirs = ", ".join(f"{kind} {number:,}" for kind, number in ours.naive.most_common())
    kinds = Counter(key.split(":")[2] if not key.startswith("digest:") else "digest" for key in sent)
    shown = ", ".join(f"{kind} {number}" for kind, number in kinds.most_common(4))
    what = f"reminders of {ours.incidents} incidents in {hours:.0f} h ({shown}) against a naive repeater ({theirs})"
    return [
        Row(what, f"{len(sent):,}", f"{naive:,}", f"{ratio:.2f}x", "<= 0.25x", at_most(ratio, 0.25, 0.25)),
        Row("  the same words, each as a message of its own", f"{len(sent):,}", f"{same:,}", f"{len(sent) / same:.2f}x"),
        Row(
            "  and all of the ladder told of a late clock each time", f"{len(sent):,}", f"{len(words):,}", f"{len(sent) / len(words):.2f}x"
        ),
        Row("  per incident and person, against the repeater", f"{len(sent) / per:.2f}", f"{naive / per:.2f}"),
    ]


def _of_clock(row: OutboxRow) -> bool:
    return row.about["notice"] in CLOCKS


def _clock_words(told: Told) -> set[tuple[str, str | None, datetime]]:
    """Which sort of word was said of which clock when; not to how many."""
    return {(row.about["notice"], row.ref, row.created) for row in told.rows if _of_clock(row)}


def _reminds(key: str) -> bool:
    return key.startswith("digest:") or (key.count(":") > 2 and key.split(":")[2] in REMINDERS)


def check(ours: Told, loud: Told) -> None:
    """What may not wait did not; what may waited no longer than it may; 收到 kept nothing from anybody for longer than the plan says; and
    the heaviest incident and every clock spoke exactly when they would have without any of this."""
    if max(ours.late, loud.late) > 1:
        raise RuntimeError(f"a timer fired {max(ours.late, loud.late):.0f} s late")
    if ours.spoken != loud.spoken:
        raise RuntimeError("the incident of level 2 was spoken of at other moments")
    if _clock_words(ours) != _clock_words(loud):
        raise RuntimeError("a clock spoke at other moments, or the control group heard less of it")
    for key, share in ours.kept:
        if share is None or share >= 1:
            raise RuntimeError(f"{key} was kept back though 收到 was {'never said' if share is None else 'too long ago'}")
    for row in ours.rows:
        digest = row.about["notice"] == KIND
        since = max(START, datetime.fromisoformat(row.about["values"]["at"])) if digest else row.created
        waited = (row.finished or since) - since
        normal = row.lane.endswith(f":{OVER}") and row.priority >= PRIORITY["reminder"]
        if waited > (SPREAD if digest else BUNDLE) and not normal:
            raise RuntimeError(f"{row.key} waited {waited}")


def _played(folder: Path, *, quiet: bool, hours: float) -> Told:
    clock, plan = Virtual(), folder / "plan"
    shutil.copytree(SAMPLE_PLAN, plan)
    if not quiet:
        response = plan / "response.toml"
        text = re.sub(r"(?m)^(quiet|repeat_ladder) = .*$", "", response.read_text("utf-8"))
        response.write_text(re.sub(r"(?m)^at = \[.*\]$", "at = []", text), "utf-8")
    settings = replace(demo_settings(folder), plan_dir=plan, timezone=ZONE)
    database = Database(settings.database_url.reveal())
    try:
        migrate(database)
    finally:
        database.close()
    parts = build(settings, now=clock)
    try:
        with asyncio.Runner() as runner:
            return _Play(parts, clock, runner).all(timedelta(hours=hours))
    finally:
        parts.close()


class _Play:
    def __init__(self, parts: Parts, clock: Virtual, runner: asyncio.Runner) -> None:
        self._parts, self._clock, self._runner = parts, clock, runner
        self._tape, self._late, self._events = Tape(parts.console), Late(), count(1)
        self._looked_at: set[int] = set()
        self._seen: list[tuple[str, str, datetime]] = []
        parts.metrics.lateness = self._late
        parts.worker.sender.lot_limit = parts.worker.sender.in_order = None
        parts.worker.sender.platforms = {"console": self._tape}

    def all(self, span: timedelta) -> Told:
        opened = 0
        while (passed := self._clock.now - START) < span:
            for _, type_, known in (one for one in STORY[opened:] if timedelta(minutes=one[0]) <= passed):
                opened += 1
                self._says("li.na", f"/事件 上报 类型={type_} 事件{opened}")
                self._says("li.na", f"/来报 开事件 N{opened}")  # where one like it is offered first
                self._says("li.na", f"/定级 I{opened} {known}")
            if self._clock.now.astimezone(ZONE).hour in AWAKE:
                for who, text in self._wanted():
                    self._says(who, text)
                for who, refs in self._unanswered():
                    self._seen += [(who, ref, self._clock.now) for ref in refs]
                    self._says(who, f"/收到 {' '.join(refs)}")
            self._goes_on(self._clock.now + STEP)
        self._goes_on(self._clock.now + SPREAD, rest=True)
        return self._told()

    # What people do

    def _wanted(self) -> list[tuple[str, str]]:
        return self._parts.database.read(lambda tx: list(self._acts(self._reader(tx))))

    def _reader(self, tx: Transaction) -> Reader:
        return Reader(tx, self._parts.plans, house_scope())

    def _acts(self, reader: Reader) -> Iterator[tuple[str, str]]:
        for incident in reader.unclosed():
            response = reader.plan_of(incident).responses[incident.response_level]  # an ask moves the promise on by as much
            if (
                incident.next_update_at
                and incident.silent_rounds
                and self._clock.now >= incident.next_update_at - response.cadence + _ANSWERED
            ):
                yield incident.commander, f"/事件 进展 {incident.ref} 处置中"
            for approval in reader.approvals(incident.ref):
                yield from self._decided(reader, approval)
            for report in reader.reports(incident.ref):
                if report.open and report.asked_at and self._clock.now >= report.asked_at + _ANSWERED:
                    yield reader.organization.groups[report.group].head, f"/已报 {report.ref} 电话 王某某"
            for task in reader.tasks(incident.ref):
                yield from self._worked(reader, incident, task)

    def _unanswered(self) -> list[tuple[str, list[str]]]:
        """Reminders that stand in somebody's chat and that they have not looked at before, by message."""
        rows = [row for row in self._parts.database.read(lambda tx: live(tx, "task.reminder")) if row.id not in self._looked_at]
        self._looked_at |= {row.id or 0 for row in rows}
        found: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            if _number(row.ref) % 3:
                found.setdefault((row.recipient or "", row.message_id or ""), []).append(row.ref or "")
        return [(who, refs) for (who, _), refs in found.items()]

    def _decided(self, reader: Reader, approval: Approval) -> Iterator[tuple[str, str]]:
        if approval.state is Asked.PENDING and self._clock.now >= approval.asked_at + _ANSWERED:
            yield approvers_of(approval, reader.organization)[0], f"/同意 {approval.ref}"

    def _worked(self, reader: Reader, incident: Incident, task: Task) -> Iterator[tuple[str, str]]:
        sort, age = _number(task.ref) % 3, self._clock.now - task.created_at
        if task.state is State.OPEN and age >= CLAIMED[sort]:
            yield reader.organization.groups[task.group].head, f"/认领 {task.ref}"
        elif task.live and task.owner and task.standing and self._clock.now >= (task.progress_at or task.created_at) + timedelta(hours=1):
            yield task.owner, f"/进展 {task.ref} 无变化"
        elif task.live and task.owner and not task.waits and not task.standing and age >= FINISHED[sort]:
            yield task.owner, f"/完成 {task.ref} 已办"
        elif task.state is State.DONE and task.done_at and self._clock.now >= task.done_at + _ANSWERED:
            by_level = reader.plan_of(incident).responses[incident.response_level].approvers.get("statement", ())
            found = verifiers_of(task, reader.organization, commander=incident.commander, by_level=by_level)
            yield from ((who, f"/核实 {task.ref}") for who in found[:1])

    def _says(self, who: str, text: str) -> None:
        """Some of it is refused (a condition is missing, a colleague was faster): as in life, in both plays alike."""
        chat = self._parts.rooms.direct(who)
        event = f"{who}:{next(self._events)}"
        self._parts.road.ask(Message("console", event, "text", chat, "direct", who, text, self._clock.now, addressed=True))
        self._settle()

    # Time

    def _goes_on(self, to: datetime, *, rest: bool = False) -> None:
        """All that is due until then happens at its moment, and each minute in which a digest may be called the metronome knocks."""
        while self._clock.now < to:
            if not rest:
                self._parts.database.write(lambda tx: call_digest(self._parts, tx))
            self._settle()
            due = self._parts.database.read(lambda tx: next_due(tx, self._clock.now))
            self._clock.now = min(to, due or to)
        self._settle()

    def _settle(self) -> None:
        self._runner.run(self._rest())

    async def _rest(self) -> None:
        worker = self._parts.worker
        for _ in range(2000):
            if not any([await worker.inbox_turn(), await worker.timer_turn(), await worker.outbox_turn()]):
                return
        raise RuntimeError("the house does not come to rest")

    def _told(self) -> Told:
        kinds: Mapping[str, object] = {**REMINDERS, KIND: KIND}
        read = self._parts.database.read
        rows = read(lambda tx: notices(tx, kinds))
        spoken = read(lambda tx: words_of(tx, "I1"))
        incidents = read(lambda tx: len(self._reader(tx).unclosed()))
        done = [row for row in rows if row.status == "done"]
        kept = read(lambda tx: list(self._kept(self._reader(tx), done)))
        naive = read(lambda tx: messages(self._reader(tx), self._clock.now))
        return Told(done, self._tape.sent, spoken, self._late.worst, incidents, kept, naive)

    def _kept(self, reader: Reader, rows: list[OutboxRow]) -> Iterator[tuple[str, float | None]]:
        """Not said, though nobody had done anything to the task between the round and its message."""
        texts: dict[str | None, str] = {row.message_id: row.said["text"] for row in rows if row.message_id and row.said}
        for row in rows:
            if row.about["notice"] != "task.reminder" or f"】{row.ref} " in texts.get(row.message_id, ""):
                continue
            said = row.finished or self._clock.now
            acts = [one for one in reader.history(row.ref or "") if one.verb not in SPOKEN and row.created <= one.at <= said]
            heard = [at for who, ref, at in self._seen if (who, ref) == (row.recipient, row.ref) and at <= said]
            task = reader.task(row.ref or "")
            incident = reader.incident(task.incident)
            allowed = reader.plan_of(incident).responses[incident.response_level].seen_for
            if not acts:
                yield row.key, (said - max(heard)) / allowed if heard else None


def _number(ref: str | None) -> int:
    return int((ref or "T0")[1:])
