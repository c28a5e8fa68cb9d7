"""The stage of the headless demo: people type and tap by the console's own road, time leaps, and all that is said is heard."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from datetime import time as clock_time
from itertools import count
from types import MappingProxyType

from prometheus_client import Histogram

from bot.bootstrap import Parts
from bot.headless_paper import INDENT, WIDE, box, buttons, said
from bot.headless_scenarios import Say, Script, Step, Taps, Texts, Types, Until, Work
from bot.platforms.console import PERSON_HEADER, Console
from bot.platforms.core.contract import CreateRoom, Deed, Done, Edit, Send
from handlers.core.access import house_scope
from handlers.core.message import Button, Card, Message, Outgoing, Reply, button_of
from handlers.core.registry import COMMANDS
from storage.database import Transaction
from storage.rooms import Line
from storage.views.pace import next_due
from storage.views.reader import Reader
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.statement import Statement
from workflows.task import State, Task

Speak = Callable[[str], None]

#: A house that is still busy after so many rounds will never come to rest.
MOST_TURNS = 2000
#: How often `work` looks for something more to do.
MOST_ROUNDS = 60
_HOLE = re.compile(r"\{([a-z_.]+)\}")


class OffScript(Exception):
    """What happened is not what the scenario says; the demo ends with exit code 1."""


class Clock:
    """Runs with the real one, and can leap ahead."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.perf_counter()
        self._leapt = timedelta(0)

    def __call__(self) -> datetime:
        return self._start + self._leapt + timedelta(seconds=time.perf_counter() - self._began)

    def leap(self, to: datetime) -> None:
        self._leapt += max(timedelta(0), to - self())


class Lateness(Histogram):
    """The product's own measure of how late timers fire, every value kept."""

    def __init__(self) -> None:
        super().__init__("lateness_seconds", "how late a timer fired", registry=None)
        self.seen: list[float] = []

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self.seen.append(amount)


class Loud:
    """The console, with every deed told to whoever watches."""

    name = "console"
    can = Console.can

    def __init__(self, console: Console, tell: Callable[[Deed, str], None]) -> None:
        self._console = console
        self._tell = tell
        self.receive = console.receive
        self.answer = console.answer
        self.listen = console.listen
        self.close = console.close

    async def do(self, deed: Deed, key: str) -> Done:
        done = await self._console.do(deed, key)
        self._tell(deed, key)
        return done


class Stage:
    """One performance: what people do on it, and what is heard."""

    def __init__(self, parts: Parts, clock: Clock, runner: asyncio.Runner, say: Speak) -> None:
        self.parts = parts
        self.clock = clock
        self.runner = runner
        self.print = say
        self.words = parts.words
        self.late = Lateness()
        self.room = ""
        self.said = self.edited = 0
        self.answered: float | None = None
        self._twin = ""
        self._shown: set[str] = set()
        self._events: Iterator[int] = count(1)
        parts.metrics.lateness = self.late
        parts.worker.sender.lot_limit = parts.worker.sender.in_order = None
        parts.worker.sender.platforms = {"console": Loud(parts.console, self._hear)}

    # Steps

    def opening(self, script: Script) -> None:
        self.print("═" * WIDE)
        self.print(self.words.say("headless.title", title=self._text(script.title), firm=self._firm(), at=f"{script.start:%Y-%m-%d %H:%M}"))
        self.print("═" * WIDE)

    def play(self, step: Step) -> None:
        match step:
            case Say():
                self.print("")
                for line in said("──", self._text(step.text)):
                    self.print(line)
            case Types():
                self._expect(step.refused, self._types(step.who, self._text(step.text), step.room))
            case Taps():
                fields = {name: self._text(text) for name, text in step.fields.items()}
                fields |= {"text": self._text(step.answer)} if step.answer else {}
                self._expect(step.refused, self._taps(step.who, self._filled(step.command), fields))
            case Until():
                self._until(self._next(step.at))
            case Work():
                self._work(step.codes, only_claim=step.only_claim)
        self.settle()

    def over(self) -> None:
        """All steps are played."""

    def _expect(self, refused: str, reply: Reply) -> None:
        if (reply.error or "") != refused:
            raise OffScript(f"expected {refused or 'no refusal'}, got {reply.error or 'none'}: {reply.text}")

    # People

    def _types(self, who: str, text: str, room: str = "") -> Reply:
        """By the road of the console's page: received, posted in its room, decided."""
        chat = self.room if room == "incident" else room or self.parts.rooms.direct(who)
        message = self._received(who, {"kind": "text", "chat": chat, "text": text})
        self.parts.rooms.post(chat, who, text, None, (), f"page/{message.event_id}")
        self._chat(chat, self._name(who), text)
        return self._asked(message)

    def _taps(self, who: str, command: str, fields: Mapping[str, str] = MappingProxyType({})) -> Reply:
        found = self._button(who, command)
        if found is None:
            raise OffScript(f"{who} sees no button {command!r}")
        chat, message_id, button = found
        self._chat(chat, self._name(who), self.words.say("headless.taps", label=button.label, answer=" · ".join(fields.values())).rstrip())
        page = {"kind": "click", "chat": chat, "command": button.command, "version": button.version, "message_id": message_id}
        reply = self._asked(self._received(who, page | {"fields": dict(fields)}))
        self._chat(chat, self.words.say("headless.bot"), reply.text)
        return reply

    def _received(self, who: str, page: Mapping[str, object]) -> Message:
        body = json.dumps({**page, "id": f"headless-{next(self._events):06}"}, ensure_ascii=False).encode()
        return self.parts.console.receive({PERSON_HEADER: who}, body)

    def _asked(self, message: Message) -> Reply:
        began = time.perf_counter()
        reply = self.parts.road.ask(message)
        if self.answered is None:
            self.answered = time.perf_counter() - began
        self.settle()
        return reply

    def _button(self, who: str, command: str) -> tuple[str, str, Button] | None:
        """The freshest live button of this command that the person can see; cards are drawn again, reminders stay as they were said."""
        seen: list[tuple[str, Line]] = []
        for room in self.parts.rooms.rooms_of(who):
            seen += [(room.id, line) for line in self.parts.rooms.messages(room.id, who, limit=200).lines]
        found: list[tuple[int, datetime, str, str, Button]] = []
        for chat, line in seen:
            card = (line.body or {}).get("card") if line.state == "live" else None
            for given in (*card["buttons"], *card["menu"]) if card else ():
                if f"{given['command']} ".startswith(f"{command} "):
                    found.append((given["version"] or 0, line.at, chat, line.id, button_of(given)))
        return max(found, key=lambda one: one[:2])[2:] if found else None

    # Work

    def _work(self, codes: tuple[str, ...], *, only_claim: bool) -> None:
        """One task after the other, until nothing more of `codes` can be done now."""
        for _ in range(MOST_ROUNDS):
            mine = [task for task in self._tasks() if (not codes or task.code in codes) and not task.fulfilled_by]
            waiting = [task for task in mine if task.state is State.OPEN or (not only_claim and (task.live or task.state is State.DONE))]
            moved = [self._move(task) for task in waiting]
            if not any(moved):
                return
        raise OffScript("the work has no end")

    def _move(self, task: Task) -> bool:
        """One task one step on; False when it has to wait: a standing task before its end."""
        if task.state is State.DONE:
            verifier = next((p for p in self._people() if p != task.done_by and self._button(p, f"/task verify {task.ref}")), None)
            if verifier is None:
                raise OffScript(f"nobody is asked to verify {task.ref}")
            return self._went(self._taps(verifier, f"/task verify {task.ref}"))
        if task.owner is None:
            return self._went(self._claim(task))
        if task.waits:
            return self._agreed(task)
        ended = self.incident().clocks().get(task.until or "ended") is not None
        if task.standing and not ended:
            if task.progress_at is not None:
                return False
            text = self.words.say("headless.progress")
            return self._went(self._types(task.owner, f"{self._command('task progress')} {task.ref} {text}"))
        text = self.words.say("headless.done", means=task.done_means)
        return self._went(self._types(task.owner, f"{self._command('task done')} {task.ref} {text}"))

    def _agreed(self, task: Task) -> bool:
        """Whoever has to agree before the task is begun does so, by tap."""
        approvals = self.parts.database.read(lambda tx: self._reader(tx).approvals("I1"))
        asked = next((a for a in approvals if a.subject == task.ref and a.state is Asked.PENDING), None)
        if asked is None:
            raise OffScript(f"nobody is asked before {task.ref} is begun")
        approver = next((p for p in self._people() if p != task.owner and self._button(p, f"/approve {asked.ref}")), None)
        if approver is None:
            raise OffScript(f"nobody can agree to {asked.ref}")
        return self._went(self._taps(approver, f"/approve {asked.ref}"))

    def _claim(self, task: Task) -> Reply:
        """A member takes it before the deputy, the deputy before the head; by tap where the card still shows it."""
        who = self.parts.plans.organization.groups[task.group].everyone[-1]
        command = f"/task claim {task.ref}"
        if self._button(who, command):
            return self._taps(who, command)
        return self._types(who, f"{self._command('task claim')} {task.ref}")

    def _command(self, name: str) -> str:
        """As people of this installation type it."""
        return f"/{COMMANDS[name].zh if self.words.locale == 'zh' else name}"

    def _went(self, reply: Reply) -> bool:
        if reply.error:
            raise OffScript(reply.text)
        return True

    # Time

    def _next(self, at: clock_time) -> datetime:
        """The coming moment of this time of day: tomorrow's where today's has passed."""
        now = self._local()
        today = datetime.combine(now, at, now.tzinfo)
        return today if today > now else today + timedelta(days=1)

    def _until(self, end: datetime) -> None:
        while True:
            now = self.clock()  # before settling: what falls due meanwhile is found by the next round
            self.settle()
            due = self.parts.database.read(lambda tx, now=now: next_due(tx, now))  # type: ignore[misc]  # a default, to bind it now
            if due is None or due > end:
                break
            self.clock.leap(due)
        self.clock.leap(end)

    def settle(self) -> None:
        """The worker does all that is due."""
        self.runner.run(self._settle())

    async def _settle(self) -> None:
        worker = self.parts.worker
        for _ in range(MOST_TURNS):
            turns = [await worker.inbox_turn(), await worker.timer_turn(), await worker.work_turn(), await worker.outbox_turn()]
            if not any(turns):
                return
        raise OffScript("the house does not come to rest")

    # What is heard

    def _hear(self, deed: Deed, key: str) -> None:
        match deed:
            case Send():
                self.said += 1
                self._show(deed)
            case Edit():
                self.edited += 1
                if deed.chat == self.room and not deed.superseded and deed.message.text != self._twin:
                    self._twin = deed.message.text
                    self._chat(deed.chat, self.words.say("headless.bot"), self.words.say("headless.redrawn", text=deed.message.text))
            case CreateRoom():
                people = self.words.join([self._name(person) for person in deed.members])
                self._chat("", self.words.say("headless.bot"), self.words.say("headless.room", name=deed.name, people=people))

    def _show(self, send: Send) -> None:
        chat, message = send.chat or f"dm:{send.person}", send.message
        if chat.startswith("g:") and not self.room and message.card:
            self.room = chat
        self._chat(chat, self.words.say("headless.bot"), message.text)
        if message.card:
            for line in self._drawn(chat, message, message.card):
                self.print(line)

    def _drawn(self, chat: str, message: Outgoing, card: Card) -> list[str]:
        """In full the first of its kind, and every question to a leader; else only the buttons."""
        kind = " ".join(sorted({button.command.split(" ")[0] for button in card.buttons})) or "none"
        new = kind not in self._shown
        self._shown.add(kind)
        if new or "/approve" in kind:
            return box(card)
        return [f"{INDENT}{buttons(card)}"] if card.buttons else []

    def _chat(self, chat: str, who: str, text: str) -> None:
        place = (
            self.words.say("headless.direct", person=self._name(chat.removeprefix("dm:"))) if chat.startswith("dm:") else self._title(chat)
        )
        for line in said(f"{self._local():%H:%M} {place} {who}:", text):
            self.print(line)

    def _title(self, chat: str) -> str:
        if chat == self.room or not chat:
            return self.words.say("headless.chat", name=self.incident().number if chat else "—")
        groups = self.parts.plans.organization.groups.values()
        return self.words.say("headless.chat", name=next((g.name for g in groups if g.chats.get("console") == chat), chat))

    # Reading

    def incident(self) -> Incident:
        return self.parts.database.read(lambda tx: self._reader(tx).incident("I1"))

    def _tasks(self) -> list[Task]:
        return self.parts.database.read(lambda tx: self._reader(tx).tasks("I1"))

    def _reports(self) -> list[Report]:
        return self.parts.database.read(lambda tx: self._reader(tx).reports("I1"))

    def _statements(self) -> list[Statement]:
        return self.parts.database.read(lambda tx: self._reader(tx).statements("I1"))

    def _approvals(self) -> list[Approval]:
        return self.parts.database.read(lambda tx: self._reader(tx).approvals("I1"))

    def _reader(self, tx: Transaction) -> Reader:
        return Reader(tx, self.parts.plans, house_scope())

    def _text(self, texts: Texts) -> str:
        return self._filled(texts[self.words.locale]) if texts else ""

    def _filled(self, text: str) -> str:
        if not _HOLE.search(text):
            return text
        refs = {task.code: task.ref for task in self._tasks()} | {report.obligation: report.ref for report in self._reports()}
        refs |= {"incident": "I1", "approval": next((approval.ref for approval in reversed(self._approvals())), "")}
        refs |= {"hash": next((statement.digest[:8] for statement in reversed(self._statements())), "")}
        return _HOLE.sub(lambda hole: refs[hole[1]], text)

    def _name(self, person: str) -> str:
        return self.parts.plans.organization.people[person].name

    def _people(self) -> list[str]:
        return list(self.parts.plans.organization.people)

    def _firm(self) -> str:
        firm = self.parts.plans.organization.firm
        return firm.name if self.words.locale == "zh" else firm.name_en

    def _local(self) -> datetime:
        return self.clock().astimezone(self.words.zone)
