"""What a plan would make happen: an incident, thought of or live, played by the real road, rules and timers, with nobody there but paper.

The database is a file of a temporary folder, the platforms only listen, and the clock leaps from one thing that is due to the next. So
what is printed is what would be sent, and the two cannot come to differ.
"""

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count, product
from pathlib import Path
from typing import TypeVar

from bot.bootstrap import Parts, build
from bot.channels import Channels
from bot.clock import call_digest
from bot.config import Settings, demo_settings
from bot.platforms.console import Console
from bot.platforms.core.contract import Answer, Can, CreateRoom, Deed, Done, Hear, Page, Platform, Receipt, Send
from handlers.core.access import house_scope
from handlers.core.message import Message, Reply
from handlers.core.registry import COMMANDS
from handlers.core.wording import Words
from storage.database import Database
from storage.excerpt import Excerpt, pour
from storage.schema import migrate
from storage.views.pace import next_due
from storage.views.reader import Reader
from workflows.core.approval import Approval, approvers_of
from workflows.core.approval import State as Asked
from workflows.core.errors import BadConfig
from workflows.core.facts import Value
from workflows.core.grading import grade
from workflows.core.people import Organization
from workflows.core.rubric import ResponseLevel, Rubric
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.regulator_report import State as Clock
from workflows.task import State, Task, verifiers_of

T = TypeVar("T")

MESSENGER, MAIL, SMS = "console", "mail", "sms"
#: A house that is still busy after so many turns will never come to rest.
MOST_TURNS = 2000
#: Somebody who acts on whatever they hear does not begin more than this at one moment.
MOST_ACTS = 500
#: What a house has that is set up in full. The messenger stands for whichever one the firm uses.
_CAN: Mapping[str, Can] = {
    MESSENGER: replace(Console.can, page=frozenset({"app"})),
    MAIL: Can(),
    SMS: Can(page=frozenset({"phone"}), idempotent=True),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`given`: key=value pairs, `type` and `level` among them · `silent`: who never reacts; None: nobody does · `ref`, `live`: an incident
    that there is, and all of it, instead of `given`."""

    given: tuple[tuple[str, str], ...]
    at: datetime
    silent: frozenset[str] | None
    horizon: timedelta
    ref: str = "I1"
    live: Excerpt | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that left: to a person or into a chat (`place`), by `way`, about `refs`."""

    at: datetime
    way: str
    place: str
    key: str
    text: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Future:
    """`ends`: when the play was stopped. The records are as they are then · `live`: it is a real one."""

    heard: tuple[Heard, ...]
    incident: Incident
    reporter: str
    tasks: tuple[Task, ...]
    reports: tuple[Report, ...]
    began: datetime
    ends: datetime
    live: bool


def play(folder: Path, settings: Settings, wanted: Wanted) -> tuple[Future, Words]:
    """The future, and the words to tell it in. BadConfig: what was asked for cannot be played."""
    with tempfile.TemporaryDirectory(prefix="gengfu-preview-") as temporary:
        own = demo_settings(Path(temporary), {}, None)
        own = replace(own, plan_dir=folder, locale=settings.locale, timezone=settings.timezone, channels=Channels())
        database = Database(own.database_url.reveal())
        try:
            migrate(database)
            if wanted.live is not None:
                live = wanted.live
                database.write(lambda tx: pour(tx, live))
        finally:
            database.close()
        paper = Paper(wanted.at)
        parts = build(own, now=paper.clock, around=paper.platforms)
        parts.database.forget_the_disk()
        try:
            with asyncio.Runner() as runner:
                return _Play(parts, paper, runner, wanted).all(), parts.words
        finally:
            parts.close()


class Standing:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Paper:
    """All platforms of the house: what they are handed is written down, and nothing leaves."""

    def __init__(self, at: datetime) -> None:
        self.clock = Standing(at)
        self.heard: list[Heard] = []
        self._numbers = count(1)

    def platforms(self, found: Mapping[str, Platform]) -> dict[str, Platform]:
        return {name: _Listener(name, can, self) for name, can in _CAN.items()}

    def note(self, platform: str, deed: Deed, key: str) -> Done:
        number = next(self._numbers)
        match deed:
            case Send():
                text = deed.message.text
                way = {MESSENGER: "card", MAIL: "mail", SMS: "sms"}[platform] if deed.person else "chat"
                self._add(way, deed.person or deed.chat, key, text)
                return Done({"chat": deed.chat or f"dm:{deed.person}", "message_id": f"m{number}"})
            case Page():
                for person in deed.people:
                    buzz = deed.by == "app"  # about the direct message that they have just been sent
                    self._add("urgent" if buzz else "call", person, key, "" if buzz else deed.text)
            case CreateRoom():
                return Done({"chat": f"g:room{number}", "missing": ""})
        return Done({})

    def _add(self, way: str, place: str, key: str, text: str) -> None:
        person = _PERSON.search(key)  # by mail and telephone the place is an address
        self.heard.append(Heard(self.clock(), way, person[1] if person else place, key, text, tuple(dict.fromkeys(_REF.findall(text)))))


_PERSON = re.compile(r":p:([^:]+)")
_REF = re.compile(r"(?<![A-Za-z0-9-])[ITRAN]\d+(?!\d)")


class _Listener:
    def __init__(self, name: str, can: Can, paper: Paper) -> None:
        self.name = name
        self.can = can
        self._paper = paper

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer:
        raise NotImplementedError  # nobody calls a house of paper

    def answer(self, reply: Reply) -> Answer:
        raise NotImplementedError

    async def do(self, deed: Deed, key: str) -> Done:
        return self._paper.note(self.name, deed, key)

    async def listen(self, hear: Hear) -> None:
        return

    async def close(self) -> None:
        return


@dataclass
class _Play:
    parts: Parts
    paper: Paper
    runner: asyncio.Runner
    wanted: Wanted
    events: Iterator[int] = field(default_factory=count)

    def all(self) -> Future:
        parts, wanted = self.parts, self.wanted
        parts.worker.sender.lot_limit = parts.worker.sender.in_order = None
        parts.database.write(parts.road.begin)
        if wanted.live is None:
            self._settle()
            reporter = self._opened()
        else:
            reporter = self._read(lambda reader: reader.incident(self.ref)).opened_by
        self._goes_on(wanted.at + wanted.horizon)
        read = self._read
        return Future(
            tuple(self.paper.heard),
            read(lambda reader: reader.incident(self.ref)),
            reporter,
            tuple(read(lambda reader: reader.tasks(self.ref))),
            tuple(read(lambda reader: reader.reports(self.ref))),
            wanted.at,
            self.paper.clock.now,
            wanted.live is not None,
        )

    @property
    def ref(self) -> str:
        return self.wanted.ref

    @property
    def _title(self) -> str:
        return self.parts.words.say("preview.title")

    # The incident

    def _opened(self) -> str:
        """Reported and graded at one moment."""
        given = dict(self.wanted.given)
        level = given.pop("level", None)
        own = {one.name for one in COMMANDS["incident open"].arguments} | {
            name for one in COMMANDS["incident open"].arguments for name in one.metadata.get("names", ())
        }
        opening = {key: value for key, value in given.items() if key in own}
        facts = {key: value for key, value in given.items() if key not in own}
        reporter = self._by_somebody(f"/incident open {_pairs(opening)} {self._title}".replace("  ", " "))
        self._settle()
        if facts:
            self._by_somebody(f"/incident grade {self.ref} {_pairs(facts)}")
        if level is not None:
            self._reaches(_level(level))
        self._settle()
        return reporter

    def _by_somebody(self, command: str) -> str:
        """By the first who may; the office before the others."""
        refused: Reply | None = None
        for person in self._reporters():
            reply = self._says(person, command)
            if reply.error is None:
                return person
            refused = refused or reply
            if reply.error.partition(".")[0] != "access":
                break
        raise BadConfig(f"--incident: {refused.text.splitlines()[0] if refused else command}")

    def _reporters(self) -> Sequence[str]:
        organization = self._read(lambda reader: reader.organization_at(self.wanted.at))
        groups = organization.groups
        first = organization.resolve("group.duty", group="office") if "office" in groups else ()
        rest = [person for group in sorted(groups, key=lambda one: one not in ("office", "opinion")) for person in groups[group].everyone]
        return tuple(dict.fromkeys((*first, *rest)))

    def _reaches(self, level: ResponseLevel) -> None:
        """Graded by hand as lightly as leads to `level`."""
        incident = self._read(lambda reader: reader.incident(self.ref))
        scores = scores_for(self.parts.plans.current.rubric, incident.facts, level)
        if scores is not None:
            self._by_somebody(
                f"/incident grade {self.ref} {_pairs({key: str(score) for key, score in scores.items()})} reason={self._title}"
            )
            incident = self._read(lambda reader: reader.incident(self.ref))
        if incident.response_level is not level:
            raise BadConfig(
                f"--incident level={level}: what else is given leads to {incident.response_level}; leave out level= or the other facts"
            )

    # People

    def _act(self) -> bool:
        """All who are not silent do what they were told of. False when nobody has anything to do."""
        if self.wanted.silent is None:
            return False
        wanted: list[tuple[str, str]] = self._read(lambda reader: list(self._acts(reader)))
        return any(self._says(person, command).error is None for person, command in wanted)

    def _told(self, ref: str, people: Sequence[str]) -> str | None:
        """The first of these who has been told of it and reacts."""
        assert self.wanted.silent is not None
        awake = [person for person in people if person not in self.wanted.silent]
        told = {one.place for one in self.paper.heard if ref in one.refs or one.key.startswith("card:")}
        return next((person for person in awake if person in told), None)

    def _acts(self, reader: Reader) -> Iterator[tuple[str, str]]:
        incident, now = reader.incident(self.ref), self.paper.clock.now
        organization = reader.organization_at(now)
        silent = self.wanted.silent or frozenset()
        if incident.running and incident.next_update_at and now >= incident.next_update_at and incident.commander not in silent:
            yield incident.commander, f"/incident update {self.ref} {self._title}"
        for approval in reader.approvals(self.ref):
            yield from self._decided(approval, organization)
        for report in reader.reports(self.ref):
            group = organization.groups[report.group].everyone
            if report.state is Clock.DUE and (person := self._told(report.ref, group)):
                yield person, f"/report filed {report.ref} {self._title} {self._title}"
        for task in reader.tasks(self.ref):
            yield from self._worked(reader, incident, task, organization)

    def _decided(self, approval: Approval, organization: Organization) -> Iterator[tuple[str, str]]:
        if approval.state is Asked.PENDING and (person := self._told(approval.ref, approvers_of(approval, organization))):
            yield person, f"/approve {approval.ref}"

    def _worked(self, reader: Reader, incident: Incident, task: Task, organization: Organization) -> Iterator[tuple[str, str]]:
        silent = self.wanted.silent or frozenset()
        if task.state is State.OPEN and (person := self._told(task.ref, organization.groups[task.group].everyone)):
            yield person, f"/task claim {task.ref}"
        elif task.live and task.owner and task.owner not in silent and not task.waits:
            if not task.standing:
                yield task.owner, f"/task done {task.ref} {self._title}"
            elif task.due_at and self.paper.clock.now >= task.due_at:
                yield task.owner, f"/task progress {task.ref} {self._title}"
        elif task.state is State.DONE:
            by_level = reader.plan_of(incident).responses[incident.response_level].approvers.get("statement", ())
            found = verifiers_of(task, organization, commander=incident.commander, by_level=by_level)
            if person := next((one for one in found if one not in silent and one != task.done_by), None):
                yield person, f"/task verify {task.ref}"

    def _says(self, person: str, text: str) -> Reply:
        message = Message(
            MESSENGER, f"{person}:{next(self.events)}", "text", f"dm:{person}", "direct", person, text, self.paper.clock(), addressed=True
        )
        return self.parts.road.ask(message)

    # Time

    def _goes_on(self, to: datetime) -> None:
        clock, knocks = self.paper.clock, self._digests(to)
        while True:
            self._rests()
            due = self.parts.database.read(lambda tx: next_due(tx, clock.now))
            coming = min([one for one in (due, *knocks) if one is not None and one > clock.now], default=None)
            if coming is None or coming > to:
                break
            clock.now = coming
            if coming in knocks:
                self.parts.database.write(lambda tx: call_digest(self.parts, tx))
        clock.now = to

    def _digests(self, to: datetime) -> list[datetime]:
        """When the metronome would call the digest."""
        zone, plan = self.parts.words.zone, self.parts.plans.current
        first = self.wanted.at.astimezone(zone).date()
        days = [first + timedelta(days=day) for day in range((to - self.wanted.at).days + 2)]
        return sorted(datetime.combine(day, at, zone) for day in days for at in plan.digest)

    def _rests(self) -> None:
        self._settle()
        for _ in range(MOST_ACTS):
            if not self._act():
                return
            self._settle()

    def _settle(self) -> None:
        self.runner.run(self._all_due())

    async def _all_due(self) -> None:
        worker = self.parts.worker
        for _ in range(MOST_TURNS):
            if not any([await worker.inbox_turn(), await worker.timer_turn(), await worker.outbox_turn()]):
                return
        raise RuntimeError("the house does not come to rest")

    def _read(self, ask: Callable[[Reader], T]) -> T:
        return self.parts.database.read(lambda tx: ask(Reader(tx, self.parts.plans, house_scope())))


def _pairs(given: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in given.items())


def _level(text: str) -> ResponseLevel:
    try:
        return ResponseLevel(text.casefold())
    except ValueError:
        raise BadConfig(f"--incident level={text}: give one of {', '.join(ResponseLevel)}") from None


def scores_for(rubric: Rubric, facts: Mapping[str, Value], level: ResponseLevel) -> dict[str, int] | None:
    """Scores by hand that lead to this level, the lightest and most even first; None where no scores do."""
    keys = [indicator.key for indicator in rubric.indicators]
    every = sorted(product(range(1, 5), repeat=len(keys)), key=lambda scores: (sum(scores), max(scores) - min(scores), scores))
    for scores in every:
        if grade(rubric, facts, {key: (score, "-") for key, score in zip(keys, scores, strict=True)}).response is level:
            return dict(zip(keys, scores, strict=True))
    return None
