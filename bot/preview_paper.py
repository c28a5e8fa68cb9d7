"""How the future of a plan is told in a terminal: in the order of time, like things together, what repeats for ever told once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.plan_preview import Future, Heard
from handlers.core.duties import certainty, duty_name, recipients
from handlers.core.wording import Ours, Words
from workflows.core.plan import Plan
from workflows.regulator_report import SETTLED, Report
from workflows.regulator_report import State as Clock
from workflows.task import State, Task

#: So many rounds at one pace, up to the end, are told as one.
ROUNDS = 3
MOST_NAMES = 6
#: Cards of a person that have a name of their own.
OWN_CARDS = ("mine", "decide")


@dataclass(frozen=True, slots=True)
class _Line:
    """`order`: of lines of one moment · `every`: the pace at which it goes on to the end."""

    at: datetime
    order: int
    way: str
    what: str
    places: tuple[str, ...]
    every: timedelta | None = None
    refs: tuple[str, ...] = ()


def preview_lines(future: Future, plan: Plan, words: Words, silent: Iterable[str] | None) -> Iterator[str]:
    """`silent`: who never reacts; None when nobody does."""
    yield from _head(future, plan, words, silent)
    day = future.began.astimezone(words.zone).date()
    lines = [*_together(_folded(future)), *_deadlines(future, plan, words)]
    for line in sorted(lines, key=lambda one: (one.at, one.order)):
        local = line.at.astimezone(words.zone)
        if local.date() != day:
            day = local.date()
            yield words.say("preview.day", day=f"{day:%Y-%m-%d}")
        yield _told(line, future, plan, words)
    if not future.heard:
        yield words.say("preview.nothing")


def _head(future: Future, plan: Plan, words: Words, silent: Iterable[str] | None) -> Iterator[str]:
    response, known = plan.responses[future.incident.response_level], plan.organization.people
    levels = words.twin(response.name, response.name_en) + (words.say("preview.provisional") if future.incident.provisional else "")
    local = future.began.astimezone(words.zone)
    names = None if silent is None else words.join([known[person].name for person in sorted(silent)])
    yield words.say(
        "preview.head_live" if future.live else "preview.head",
        ref=future.incident.ref,
        title=future.incident.title,
        type=words.twin(*_type_names(plan, future)),
        level=Ours(levels),
        at=f"{local:%Y-%m-%d %H:%M}",
        span=future.ends - future.began,
        reporter=known[future.reporter].name if future.reporter in known else future.reporter,
    )
    yield words.say("preview.nobody") if names is None else words.say("preview.silent", people=names)
    yield words.say("preview.ways")


def _type_names(plan: Plan, future: Future) -> tuple[str, str]:
    type_ = future.incident.type or "?"
    found = plan.playbooks.get(type_)
    return (found.name, found.name_en or found.name) if found else (type_, type_)


def _folded(future: Future) -> Iterator[_Line]:
    alike: dict[tuple[str, ...], list[Heard]] = defaultdict(list)
    for one in future.heard:
        if not one.key.startswith("reply:"):
            alike[(one.place, one.way, _kind(one), *one.refs)].append(one)
    for same in alike.values():
        first = _steady(same, future.ends)
        for number, one in enumerate(same[: first + 1]):
            every = same[number + 1].at - one.at if number == first and first < len(same) - 1 else None
            yield _Line(one.at, 1, _way(one), _first_line(one), (one.place,), every, _refs(one))


def _steady(same: list[Heard], ends: datetime) -> int:
    """From which one on they come at one pace up to the end; the last one where they do not."""
    last = len(same) - 1
    if last + 1 < ROUNDS:
        return last
    pace = same[last].at - same[last - 1].at
    if not pace or same[last].at + pace <= ends:
        return last
    first = last
    while first and same[first].at - same[first - 1].at == pace:
        first -= 1
    return first if last - first + 1 >= ROUNDS else last


def _kind(one: Heard) -> str:
    """What sort of message its key names."""
    parts = one.key.split(":")
    match parts[0]:
        case "ring" | "card":
            return parts[3]
        case "digest":
            return "digest"
    return parts[2]


def _way(one: Heard) -> str:
    if one.key.startswith("digest:"):
        return "digest"
    return f"card_{_kind(one)}" if one.key.startswith("card:p:") and _kind(one) in OWN_CARDS else one.way


def _first_line(one: Heard) -> str:
    first, _, more = one.text.partition("\n")
    return f"{first} ({' '.join(one.refs)})" if more and one.refs and not any(ref in first for ref in one.refs) else first


def _refs(one: Heard) -> tuple[str, ...]:
    """What it is about; a buzz says nothing and is about what its key names."""
    return one.refs or ((one.key.split(":")[1],) if one.key.startswith("ring:") else ())


def _together(lines: Iterable[_Line]) -> Iterator[_Line]:
    """What is said to several people in the same words at one moment is one line."""
    alike: dict[tuple[object, ...], list[_Line]] = defaultdict(list)
    for line in lines:
        alike[line.at, line.way, line.what, line.every, line.refs if not line.what else ()].append(line)
    for same in alike.values():
        first = same[0]
        places = tuple(dict.fromkeys(place for line in same for place in line.places))
        yield _Line(first.at, first.order, first.way, first.what, places, first.every, first.refs)


def _deadlines(future: Future, plan: Plan, words: Words) -> Iterator[_Line]:
    for report in future.reports:
        if report.deadline_at is None or report.state is Clock.NOT_REQUIRED:
            continue
        duty = plan.obligations[report.obligation]
        to = words.join(recipients(words, plan, report.missing or report.recipients))
        state = words.say(f"code.report_state.{report.state}")
        said = {"name": duty_name(words, duty), "to": Ours(to), "certainty": Ours(certainty(words, duty))}
        what = words.say("preview.deadline_of", ref=report.ref, state=state, **said)
        yield _Line(report.deadline_at, 0, "deadline", what, ())


def _told(line: _Line, future: Future, plan: Plan, words: Words) -> str:
    at = f"{line.at.astimezone(words.zone):%H:%M}"
    if line.way == "deadline":
        return words.say("preview.deadline", at=at, what=Ours(line.what))
    whom = _whom(line.places, plan, words)
    way = words.say(f"preview.way.{line.way}")
    text = words.say("preview.line", at=at, whom=whom, way=way, what=Ours(line.what or words.join(line.refs)))
    if line.every is None:
        return text
    return text + words.say("preview.every", every=line.every, until=words.say(f"preview.until.{_until(line.refs, future)}"))


def _whom(places: tuple[str, ...], plan: Plan, words: Words) -> str:
    known, groups = plan.organization.people, plan.organization.groups.values()
    chats = {chat: words.twin(group.name, group.name_en) for group in groups for chat in group.chats.values()}
    named = [
        known[one].name if one in known else words.say("preview.chat", group=chats[one]) if one in chats else words.say("preview.room")
        for one in places
    ]
    more = len(named) - MOST_NAMES
    shown = words.join(named[:MOST_NAMES])
    return words.say("preview.more", people=shown, count=len(named)) if more > 0 else shown


def _until(refs: tuple[str, ...], future: Future) -> str:
    """What would end it, as things stand at the end."""
    if len(refs) != 1:
        return "acted"
    ref = refs[0]
    tasks: Mapping[str, Task] = {task.ref: task for task in future.tasks}
    reports: Mapping[str, Report] = {report.ref: report for report in future.reports}
    if ref in tasks:
        return {State.OPEN: "claimed", State.DONE: "verified"}.get(tasks[ref].state, "progressed")
    if ref in reports:
        return "acted" if reports[ref].state in SETTLED else "decided" if reports[ref].state is Clock.TO_DECIDE else "filed"
    return {"A": "approved"}.get(ref[0], "acted")
