"""Why a task was reminded of: from its trail what was said, to whom and what kept quiet; from the rules what comes next."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from handlers.core.context import Context
from handlers.core.wording import Ours
from storage.views.reader import Entry
from workflows.core.response import Response
from workflows.incident import Incident
from workflows.task import BY_ITSELF, SPOKEN, Circle, State, Step, Task, ahead, seen_until, still_seen

#: As many words to come as are told.
STEPS = 3


def why_lines(context: Context, incident: Incident, task: Task, verifiers: tuple[str, ...]) -> list[str]:
    """One line each."""
    response, trail = context.response(incident), context.reader.history(task.ref)
    over = not (task.live or task.state is State.DONE)
    past = list(_past(context, incident, task, trail, response))
    if over:
        return [*past, _say(context, "over", state=task.state)]
    circle = Circle(response, context.organization, incident.commander, verifiers, context.reach)
    steps = ahead(task, circle, steps=STEPS, now=context.now)
    coming = [line for step in steps for line in _step(context, incident, task, step)]
    return [
        *past,
        *_now(context, task, response, steps),
        _say(context, "coming"),
        *coming,
        *_again(context, steps, response),
        _stop(context, task),
    ]


# What was


def _past(context: Context, incident: Incident, task: Task, trail: Sequence[Entry], response: Response) -> Iterator[str]:
    words = [entry for entry in trail if entry.verb in SPOKEN]
    if not words:
        yield _say(context, "never")
        return
    last, higher = words[-1], sum(entry.verb == "escalated" for entry in words)
    yield _say(
        context,
        "last",
        at=last.at,
        timer=context.words.say(f"timer.{last.details['timer']}"),
        round=len(words),
        higher=higher,
        rung=_rung(context, int(last.details["level"]), response, str(last.details["timer"])),
        to=_people(context, incident, task, last.details.get("to") or [], level=int(last.details["level"]), at=last.at),
    )
    if skipped := _skipped(trail, last, response):
        yield _say(context, "empty", rungs=context.words.join([_specs(context, spec.split(" ")) for spec in skipped]))
    if cannot := _cannot(context, incident, task, last):
        yield _say(context, "cannot", ways=context.words.join(cannot))
    if held := sum(int(entry.details.get("held") or 0) for entry in words):
        yield _say(context, "held", count=held)
    if missed := sum(int(entry.details.get("missed") or 0) for entry in words):
        yield _say(context, "missed", count=missed)


def _skipped(trail: Sequence[Entry], last: Entry, response: Response) -> list[str]:
    """Rungs between the one that was to hear it and the one that did; what an outage passed over is told as missed."""
    before = trail[: trail.index(last)]
    since = [entry for entry in before if entry.verb in SPOKEN or entry.verb not in BY_ITSELF]
    reached = int(since[-1].details["level"]) if since and since[-1].verb in SPOKEN else 0
    wanted = reached + (last.verb == "escalated")
    if last.details.get("missed"):
        return []
    return [" ".join(rung.to) for rung in response.rungs[wanted : int(last.details["level"])]]


def _cannot(context: Context, incident: Incident, task: Task, last: Entry) -> list[str]:
    """Ways that the plan names and a person has not, and those that failed when their turn came."""
    lacks = {(person, way): "none" for person, these in (last.details.get("cannot") or {}).items() for way in these}
    failed = {(person, way): reason for person, way, reason in context.reader.ways_skipped(incident.ref, task.ref)}
    return [
        _say(
            context, "way", person=context.name(person), way=context.words.say(f"plan.way.{way}"), reason=context.words.say(f"why.no.{why}")
        )
        for (person, way), why in (failed | lacks).items()
    ]


# What is


def _now(context: Context, task: Task, response: Response, steps: Sequence[Step]) -> Iterator[str]:
    first = (*([task.owner] if task.owner else []), *context.organization.groups[task.group].leaders)
    if gone := [context.name(one) for one in dict.fromkeys(first) if one in context.organization.away]:
        yield _say(context, "away", people=context.words.join(gone))
    if task.state is State.BLOCKED:
        yield _say(context, "blocked" if task.needs else "blocked_alone", reason=task.note, who=context.name(task.needs))
    if task.snoozed_until and task.snoozed_until > context.now:
        yield _say(context, "snoozed", until=task.snoozed_until)
    if response.quiet is not None and response.waking(context.now) > context.now:
        yield _say(context, "quiet", until=response.waking(context.now))
    heard = {one: seen for step in steps for one in step.people if (seen := context.reader.seen(one, task))}
    until = {one: seen_until(task, seen, response) for one, seen in heard.items()}
    if told := [_say(context, "seen_until", person=context.name(one), until=until[one]) for one in until if until[one] > context.now]:
        yield _say(context, "seen", people=context.words.join(told))


# What comes


def _step(context: Context, incident: Incident, task: Task, step: Step) -> Iterator[str]:
    response = context.response(incident)
    to = [_people(context, incident, task, step.people, level=step.level, at=step.at)] if step.people else []
    if step.last:
        to = [context.words.say("audience.control"), *to]
    ways = context.words.join([context.words.say(f"plan.way.{way}") for way in step.by]) if step.by else ""
    louder = _say(context, "ways", ways=Ours(ways)) if ways else ""
    yield _say(
        context,
        "step",
        at=step.at,
        timer=context.words.say(f"timer.{step.timer}"),
        rung=_rung(context, step.level, response, step.timer),
        to=context.words.join([Ours(one) for one in to]),
        ways=Ours(louder),
    )
    if step.skipped:
        yield _say(context, "empty", rungs=context.words.join([_specs(context, spec.split(" ")) for spec in step.skipped]))


def _again(context: Context, steps: Sequence[Step], response: Response) -> list[str]:
    """Past the last rung it goes on at one pace."""
    return [_say(context, "for_ever", every=response.terminal_repeat)] if steps and steps[-1].last else []


def _stop(context: Context, task: Task) -> str:
    waits = task.waits and task.state is not State.DONE and task.owner is not None
    return _say(context, "stop_first" if waits else f"stop_{task.state}", ref=task.ref)


# Names


def _people(context: Context, incident: Incident, task: Task, people: Iterable[str], *, level: int, at: datetime) -> str:
    """Each with what makes them the one to hear it, as things stand now, or that they have said 收到 to as much."""
    named: list[str] = []
    for person in people:
        seen, who = context.reader.seen(person, task), _person(context, incident, task, person)
        knows = seen is not None and seen.at <= at and still_seen(task, seen, level=level, response=context.response(incident), now=at)
        named.append(_say(context, "knows", person=Ours(who)) if knows else who)
    return context.words.join(named) or context.words.say("audience.control")


def _person(context: Context, incident: Incident, task: Task, person: str) -> str:
    role = _role(context, incident, task, person)
    return (
        context.words.say("why.person", person=context.name(person), role=context.words.say(f"why.role.{role}"))
        if role
        else context.name(person)
    )


def _role(context: Context, incident: Incident, task: Task, person: str) -> str:
    organization, group = context.organization, context.organization.groups[task.group]
    on_duty = organization.duty_of(task.group)
    known = (
        ("owner", person == task.owner and task.state is not State.DONE),
        ("head", person == group.head),
        ("deputy", person == group.deputy),
        ("duty", person in on_duty),
        ("commander", person == incident.commander),
        ("lead", "lead" in organization.groups and person in organization.groups["lead"].everyone),
        ("member", person in group.everyone),
    )
    return next((name for name, yes in known if yes), "")


def _rung(context: Context, level: int, response: Response, timer: str) -> str:
    """What is done has no owner any more who hears of it: its first rung are those who may verify it."""
    if level >= len(response.rungs):
        return context.words.say("why.rung_last")
    to = ["verifiers" if timer == "verify" and one == "owner" else one for one in response.rungs[level].to]
    return context.words.say("why.rung", number=level + 1, of=len(response.rungs), specs=_specs(context, to))


def _specs(context: Context, specs: Sequence[str]) -> str:
    words = context.words
    named = [next((key for key in (f"audience.{one}", f"why.{one}") if words.has(key)), "") for one in specs]
    return words.join([words.say(key) if key else one for key, one in zip(named, specs, strict=True)])


def _say(context: Context, key: str, **values: object) -> str:
    return context.words.say(f"why.{key}", now=context.now, **values)
