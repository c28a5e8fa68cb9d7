"""A naive repeater, for comparison: it has read the plan, knows when an item was made and when it was closed, and nothing else.

While an item is open it says what the plan says of an item that nobody touches: it waits as long as each rung waits, climbs as the ladder
climbs, then repeats at the pace of the end, and what is asked for again and again (a clock, an update, a standing task's round) begins
anew with each answer. One message for each item, moment and reader: the people of the rung, the incident's chat where the rung mentions,
the control group at the end. It knows no claim, no progress, no 收到, no night, no bundle and no digest. Louder ways, and the owner who
hears what goes up about their task, are left out; so it never says more than the plan does (`tests/bot/test_repeater.py`), but for one
key: it does not know `repeat_ladder`, and tells the whole ladder of a late clock each time.

Its arithmetic is its own: of `workflows` it takes the figures of the plan and who they mean, not the chains.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from storage.views.reader import Entry, Reader
from workflows.core.clock_ladder import Ladder
from workflows.core.people import Organization
from workflows.core.response import Response
from workflows.core.rubric import OpinionLevel, Rubric
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.task import Task

#: When, and how many rungs up.
Word = tuple[datetime, int]

#: A reminder this close to another word about the same is not worth a message of its own, nor is a first wait shorter than a minute.
CLOSE, SHORTEST = timedelta(minutes=2), timedelta(minutes=1)
#: An update that was promised is asked for at least so often.
ASKED = timedelta(minutes=30)


def messages(reader: Reader, until: datetime) -> Counter[str]:
    """How many messages it sends about all that was open in these incidents up to `until`, by what they are about."""
    found: Counter[str] = Counter()
    for incident in reader.unclosed():
        response, plan = reader.plan_of(incident).responses[incident.response_level], reader.plan_of(incident)
        for task in reader.tasks(incident.ref):
            words = task_life(task, reader.history(task.ref), response, until)
            found["task"] += sum(_told(reader.organization_at(at), task, incident, response, rung) for at, rung in words)
        for report in reader.reports(incident.ref):
            for asked, deadline, filed in clock_life(report, reader.history(report.ref), until):
                found["clock"] += _clock(reader, report, incident, plan.ladder, (asked, deadline, filed))
        history = reader.history(incident.ref)
        found["update"] += sum(_asked(reader.organization_at(at), incident, number) for at, number in updates(history, response, until))
        found["rescore"] += sum(
            _measured(reader.organization_at(at), number) for at, number in readings(incident, history, plan.rubric, until)
        )
    return found


# Tasks


def task_life(task: Task, history: Sequence[Entry], response: Response, until: datetime) -> Iterator[Word]:
    """Until it is closed. A standing task is a new item with each answer, of which only the last minutes and the lateness are said."""
    ends = next((one.at for one in history if one.verb in ("verified", "fulfilled", "cancelled")), until)
    answers = [one for one in history if one.verb == "progressed" and task.standing]
    moments = [(one.at, datetime.fromisoformat(str(one.details["due_at"]))) for one in answers]
    yield from task_words(task.created_at, _first_due(task, history), min([ends, *(at for at, _ in moments)]), response)
    for number, (at, due) in enumerate(moments, 1):
        yield from round_words(at, due, min([ends, *(after for after, _ in moments[number : number + 1])]), response)


def _first_due(task: Task, history: Sequence[Entry]) -> datetime | None:
    """As it stood before anybody answered: the level may have been set after the task was made."""
    set_ = [one.details["due_at"] for one in history if one.verb in ("opened", "rescheduled") and one.details.get("due_at")]
    return datetime.fromisoformat(str(set_[-1])) if set_ else task.due_at


def task_words(begins: datetime, due: datetime | None, ends: datetime, response: Response) -> Iterator[Word]:
    """Nobody claims it: one rung more after each wait; reminders of the due go to the rung of the moment, and from the due on the waits
    are at most those of what is overdue."""
    half = (due - begins) / 2 if due else response.claim_within
    bells = [] if due is None else _bells(begins, due, (begins + half, due - response.remind_before))
    turn = begins + max(min(response.claim_within, half), SHORTEST)
    rung, beyond, last = 0, 0, begins - 2 * CLOSE
    while True:
        bells = [one for one in bells if one == due or not (abs(one - turn) <= CLOSE or abs(one - last) <= CLOSE)]
        at = min([turn, *bells[:1]])
        if at >= ends:
            return
        if at == turn:
            beyond += rung >= len(response.rungs) - 1
            rung, last = min(rung + 1, len(response.rungs)), at
        bells = [one for one in bells if one > at]
        wait = _wait(rung, beyond, response)
        if due is not None and at >= due:
            wait = min(wait, response.overdue_repeat) if rung < len(response.rungs) else wait
        turn = at + wait if at in (turn, due) else turn
        yield at, rung


def round_words(begins: datetime, due: datetime, ends: datetime, response: Response) -> Iterator[Word]:
    """Somebody has answered before: reminders shortly before the due and at it, then the repeats of what is overdue, which climb slowly."""
    yield from ((at, 0) for at in _bells(begins, due, (due - response.remind_before,)) if at < ends)
    at, count, rung, beyond = max(due, begins), 0, 0, 0
    while (at := at + (response.overdue_repeat if rung < len(response.rungs) else _wait(rung, beyond, response))) < ends:
        count += 1
        climbs = rung >= len(response.rungs) or count % response.overdue_climb_every == 0
        beyond += climbs and rung >= len(response.rungs) - 1
        rung = min(rung + climbs, len(response.rungs))
        yield at, rung


def _bells(begins: datetime, due: datetime, early: Iterable[datetime]) -> list[datetime]:
    kept = [due]
    for one in sorted(early, reverse=True):
        if begins < one < kept[0] - CLOSE:
            kept.insert(0, one)
    return kept


def _wait(rung: int, beyond: int, response: Response) -> timedelta:
    """`beyond`: how often the end of the ladder has spoken."""
    if rung < len(response.rungs):
        return response.rungs[rung].wait
    slow = response.terminal_max is not None and beyond > response.terminal_max
    return response.terminal_slow if slow else response.terminal_repeat


def _told(organization: Organization, task: Task, incident: Incident, response: Response, rung: int) -> int:
    if rung >= len(response.rungs):
        return 1
    people: list[str] = []
    for spec in response.rungs[rung].to:
        name = "group.duty" if spec == "owner" else spec
        people += organization.resolve(name, group=task.group, commander=incident.commander)
    return len(set(people)) + ("mention" in response.rungs[rung].by)


# Regulators' clocks


def clock_life(report: Report, history: Sequence[Entry], until: datetime) -> Iterator[tuple[datetime, datetime, datetime]]:
    """(asked, deadline, filed) of each time that it ran."""
    asked = deadline = None
    for one in history:
        if one.verb == "filed":
            if asked is not None and deadline is not None:
                yield asked, deadline, one.at
            asked = one.at if report.repeating else None
        elif one.verb == "opened":
            asked = one.at
        if one.details.get("deadline_at"):
            deadline = datetime.fromisoformat(str(one.details["deadline_at"]))
    if asked is not None and deadline is not None:
        yield asked, deadline, until


def clock_words(asked: datetime, deadline: datetime, ends: datetime, ladder: Ladder) -> Iterator[Word]:
    """At half time, then rung by rung so that the last one's wait is over at the deadline, then all of it again and again."""
    start, waits = max(deadline - ladder.before, asked), [rung.wait for rung in ladder.rungs]
    climbs = {start + sum(waits[:rung], timedelta()): rung for rung in range(len(waits))}
    half = asked + (deadline - asked) / 2
    early = {half: 0} if asked + CLOSE < half < start - CLOSE else {}
    top = max(start + sum(waits, timedelta()), deadline)
    reached = {deadline: max([rung for at, rung in climbs.items() if at <= deadline], default=0)}
    for at, rung in sorted({**early, **reached, **climbs, top: len(waits) - 1}.items()):
        if asked < at < ends:
            yield at, rung
    while (top := top + ladder.repeat) < ends:
        yield top, len(waits) - 1


def _clock(reader: Reader, report: Report, incident: Incident, ladder: Ladder, life: tuple[datetime, datetime, datetime]) -> int:
    """With the first word to the group's duty officer. Before the deadline a rung tells those whom none told so far; then all hear it."""
    asked, deadline, filed = life
    count, known = int(asked == report.created_at), set[str]()
    for at, rung in clock_words(asked, deadline, filed, ladder):
        organization = reader.organization_at(at)
        specs = [spec for one in ladder.rungs[: rung + 1] for spec in one.to]
        people = {p for spec in specs for p in organization.resolve(spec, group=report.group, commander=incident.commander)}
        people &= set(organization.people)
        count += len(people if at >= deadline else people - known) + ("control" in specs) + ("mention" in ladder.rungs[rung].by)
        known |= people
    return count


# What the commander and whoever watches opinion are asked for


def updates(history: Sequence[Entry], response: Response, until: datetime) -> Iterator[tuple[datetime, int]]:
    """The promised update, from its moment until it comes."""
    given = [one.at for one in history if one.verb in ("opened", "updated")]
    for at, after in zip(given, [*given[1:], until], strict=True):
        yield from _rounds(at + response.cadence, min(response.cadence, ASKED), after)


def readings(incident: Incident, history: Sequence[Entry], rubric: Rubric, until: datetime) -> Iterator[tuple[datetime, int]]:
    """The figures of the opinion, until they are taken again."""
    every = timedelta(minutes=rubric.regrade_minutes[OpinionLevel(incident.opinion_level)])
    taken = [one.at for one in history if one.verb in ("graded", "measured")]
    for at, after in zip(taken, [*taken[1:], until], strict=True):
        yield from _rounds(at + every, every, after)


def _rounds(first: datetime, every: timedelta, ends: datetime) -> Iterator[tuple[datetime, int]]:
    number = 1
    while first < ends:
        yield first, number
        first, number = first + every, number + 1


def _asked(organization: Organization, incident: Incident, number: int) -> int:
    people = {incident.commander}
    people |= set(organization.groups["office"].leaders) if number > 1 else set()
    people |= set(organization.groups["lead"].leaders) if number > 2 else set()
    return len(people)


def _measured(organization: Organization, number: int) -> int:
    people = {organization.duty("opinion")}
    return len(people | {*organization.groups["opinion"].leaders, organization.duty("office")} if number > 1 else people)
