"""The ladder of a regulator's clock: pure arithmetic on when it speaks and who hears it.

It asks when the clock is put to its doer, at half time, and (in days) a day before. Then it climbs: card to the doer, their group,
commander and lead, phone list to the control group; so timed that the last rung's wait ends at the deadline. Past it the doer
and the control group are told again and again until the report is filed, the whole ladder every so many times. Nothing but that stops
it: it knows no ack, snooze or quiet hours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from workflows.core.channels import AT_ONCE, Reach, by_messenger, ways
from workflows.core.deadlines import TOO_CLOSE, split_due
from workflows.core.people import Organization
from workflows.core.response import Rung

#: Spans of the day are counted from here.
DAWN = datetime(2000, 1, 1, tzinfo=UTC)
#: The audience of a rung that is the control group's chats, with the phone list.
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Ladder:
    """`before`: when the climb starts · `day_before`, `repeat_days`: for clocks counted in days · `repeat`: the pace past the deadline ·
    `repeat_ladder`: how often the whole ladder hears such a repeat; None: each time."""

    rungs: tuple[Rung, ...]
    before: timedelta
    repeat: timedelta
    day_before: timedelta
    repeat_days: timedelta
    repeat_ladder: timedelta | None = None


#: Of plans that do not say.
CLOCK_LADDER = Ladder(
    rungs=(
        Rung(("group.duty",), timedelta(minutes=2)),
        Rung(("group",), timedelta(minutes=2)),
        Rung(("commander", "lead"), timedelta(minutes=3)),
        Rung((CONTROL,), timedelta(minutes=3)),
    ),
    before=timedelta(minutes=10),
    repeat=timedelta(minutes=5),
    day_before=timedelta(days=1),
    repeat_days=timedelta(hours=1),
)


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    rung: int


@dataclass(frozen=True, slots=True)
class Course:
    """Every moment at which a clock speaks: `steps` in order, and from the last of them on every `repeat`, every `whole` to the whole
    ladder."""

    steps: tuple[Step, ...]
    repeat: timedelta
    whole: timedelta

    def for_all(self, step: Step) -> bool:
        """Whether the whole ladder hears this: a rung is reached, the deadline comes, or it is the first repeat of its span of the day: for
        all clocks the same spans, so that those that are late together are told together."""
        return step.at <= self.steps[-1].at or (step.at - DAWN) // self.whole > (step.at - self.repeat - DAWN) // self.whole

    def next_for_all(self, after: datetime) -> datetime:
        step = self.following(after)
        while not self.for_all(step):
            step = self.following(step.at)
        return step.at

    def following(self, after: datetime) -> Step:
        """The first step strictly after `after`."""
        found = next((step for step in self.steps if step.at > after), None)
        last = self.steps[-1]
        return found or Step(last.at + self.repeat * ((after - last.at) // self.repeat + 1), last.rung)

    def reached(self, now: datetime) -> Step | None:
        """The last step that has come by `now`."""
        last = self.steps[-1]
        if now >= last.at:
            return Step(last.at + self.repeat * ((now - last.at) // self.repeat), last.rung)
        return next((step for step in reversed(self.steps) if step.at <= now), None)

    def count(self, now: datetime) -> int:
        """How many steps have come by `now`."""
        last = self.steps[-1]
        return len(self.steps) + (now - last.at) // self.repeat if now >= last.at else sum(step.at <= now for step in self.steps)


def course(asked: datetime, deadline: datetime, ladder: Ladder, *, in_days: bool) -> Course:
    """The steps of a clock that was put to its doer at `asked` (that first word is no step)."""
    start = max(deadline - ladder.before, asked)
    *climbs, end = accumulate((rung.wait for rung in ladder.rungs), initial=timedelta())
    last = Step(max(start + end, deadline), len(ladder.rungs) - 1)
    rungs = {start + wait: number for number, wait in enumerate(climbs)}
    at_deadline = {deadline: max(number for moment, number in rungs.items() if moment <= deadline)} if deadline >= asked else {}
    early = dict.fromkeys(_early(asked, deadline, start, ladder.day_before if in_days else None), 0)
    moments = {**early, **at_deadline, **rungs, last.at: last.rung}
    repeat = ladder.repeat_days if in_days else ladder.repeat
    whole = max(1, (ladder.repeat_ladder or repeat) // repeat) * repeat
    return Course(tuple(Step(at, rung) for at, rung in sorted(moments.items()) if at > asked), repeat, whole)


def _early(asked: datetime, deadline: datetime, start: datetime, day_before: timedelta | None) -> list[datetime]:
    """The asks before the climb; one that would come too close to another, or to the first word, is left out."""
    asks = [split_due(asked, deadline), *([deadline - day_before] if day_before else [])]
    kept: list[datetime] = []
    for moment in sorted(asks, reverse=True):
        if asked + TOO_CLOSE < moment < (kept[-1] if kept else start) - TOO_CLOSE:
            kept.append(moment)
    return kept


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who hears a rung: `people` of it and of all below it. `rung` may be higher than asked for, because one that means nobody is
    skipped (`skipped`). `control`: the phone list goes to the control group · `own`: the people of the rung itself · `few`: not the whole
    ladder hears it, only whoever must act."""

    rung: int
    people: tuple[str, ...]
    control: bool
    skipped: tuple[str, ...]
    own: tuple[str, ...] = ()
    few: bool = False


def hearing(
    rung: int, ladder: Ladder, organization: Organization, *, group: str, commander: str | None, reach: Reach = by_messenger
) -> Hearing:
    """Resolved now; past the last rung there is always the control group."""
    people: list[str] = []
    skipped: list[str] = []
    for number, one in enumerate(ladder.rungs):
        here = [p for spec in one.to for p in organization.resolve(spec, group=group, commander=commander) if p in organization.people]
        people.extend(here)
        if number >= rung and (CONTROL in one.to or any(ways(one.by, reach(person)) for person in here)):
            everybody, own = tuple(dict.fromkeys(people)), tuple(dict.fromkeys(here))
            return Hearing(number, everybody, CONTROL in one.to, tuple(skipped), own)
        if number >= rung:
            skipped.append(" ".join(one.to))
    return Hearing(len(ladder.rungs) - 1, tuple(dict.fromkeys(people)), True, tuple(skipped))


def of_few(heard: Hearing, acting: Iterable[str], ladder: Ladder, reach: Reach = by_messenger) -> Hearing:
    """A repeat for those of its people who must act (`acting`); where none of them can be reached, for all as before."""
    few = tuple(person for person in heard.people if person in set(acting))
    reached = any(ways(ladder.rungs[heard.rung].by, reach(person)) for person in few)
    return replace(heard, people=few, own=(), few=True) if reached and len(few) < len(heard.people) else heard


def louder(rung: int, than: int, ladder: Ladder) -> tuple[str, ...]:
    """The ways of a rung that were not those of an earlier one: for who has just heard the same by those."""
    return tuple(way for way in ladder.rungs[rung].by if way not in (*AT_ONCE, *ladder.rungs[than].by))
