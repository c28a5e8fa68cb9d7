"""A task: handed to a group, claimed by one person, worked on, done, and verified by another.

open ──claim──> claimed ──progress──> in_progress ──done──> done ──verify──> closed
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from workflows.core.calendar import Calendar
from workflows.core.chain import Held, all_that_has_come, caught_up, held, timers
from workflows.core.channels import Reach, by_messenger, ways
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.escalation import NAMES, Audience, Fired, Item, audience, fire, next_due, passed_over, repaced, spent
from workflows.core.facts import Value
from workflows.core.hours import Hours
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Request, Timer
from workflows.core.people import Organization
from workflows.core.playbook import TaskLine
from workflows.core.quiet import MORNING
from workflows.core.response import Response
from workflows.core.seen import Seen
from workflows.core.told import Told
from workflows.core.working_days import add_calendar_days, add_working_days, day_ends, local_day


class TaskState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    CLOSED = "closed"
    CANCELLED = "cancelled"


State = TaskState

LIVE = (State.OPEN, State.CLAIMED, State.IN_PROGRESS, State.BLOCKED)
OWNED = (State.CLAIMED, State.IN_PROGRESS, State.BLOCKED)

MACHINE = Machine(
    "task",
    State.OPEN,
    {
        (State.OPEN, "claim"): State.CLAIMED,
        (State.OPEN, "assign"): State.CLAIMED,
        **{(state, "progress"): State.IN_PROGRESS for state in OWNED},
        **{(state, "done"): State.DONE for state in OWNED},
        **{(state, "release"): State.OPEN for state in OWNED},
        **{(state, "transfer"): State.CLAIMED for state in OWNED},
        **{(state, "assign"): State.CLAIMED for state in OWNED},
        **{(state, "block"): State.BLOCKED for state in LIVE},
        **{(state, "snooze"): state for state in LIVE},
        **{(state, "reschedule"): state for state in LIVE},
        **{(state, "remind"): state for state in (*LIVE, State.DONE)},
        **{(state, "fulfil"): State.CLOSED for state in (*LIVE, State.DONE)},
        **{(state, "cancel"): State.CANCELLED for state in (*LIVE, State.DONE)},
        **{(state, verb): state for state in OWNED for verb in ("allow", "hold")},
        **{(state, "attach"): state for state in (*LIVE, State.DONE)},
        (State.DONE, "verify"): State.CLOSED,
        (State.DONE, "reject"): State.IN_PROGRESS,
        (State.CLOSED, "reopen"): State.OPEN,
        (State.CANCELLED, "reopen"): State.OPEN,
    },
)


@dataclass(frozen=True, slots=True)
class Task:
    """`due_at` may be None while its clock has not started or its level does not ask for it.

    `level`, `round`, `prompted_at`, `reminded_at` are the escalation chain's memory: rung reached, reminders said, when last
    said, which due reminder last fired.
    """

    ref: str
    incident: str
    code: str
    title: str
    done_means: str
    group: str
    state: State
    plan: str
    created_at: datetime
    created_by: str
    mandatory: bool = True
    standing: bool = False
    until: str | None = None
    clock: str = "opened"
    approve: str | None = None
    approve_first: bool = False
    """doing waits for the approval of `approve`; `allowed_by` gave it"""
    allowed_by: str | None = None
    fulfilled_by: str | None = None
    owner: str | None = None
    due_at: datetime | None = None
    period: int | None = None
    """seconds of a standing task's round"""
    claimed_at: datetime | None = None
    progress_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    verified_by: str | None = None
    note: str = ""
    needs: str | None = None
    snoozed_until: datetime | None = None
    snoozes: int = 0
    level: int = 0
    round: int = 0
    prompted_at: datetime | None = None
    reminded_at: datetime | None = None
    version: int = 0
    touched: int = 0

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def waits(self) -> bool:
        """Whether its owner may not begin yet: nobody has agreed."""
        return self.approve_first and self.allowed_by is None


#: The code of an incident's one task for all those of which nobody takes notice, however often they are told of.
EXHAUSTED = "chain.exhausted"

#: What a word about a task is called in its trail.
SPOKEN = ("reminded", "escalated")

#: What the house does to a task by itself; whatever else happened to it, somebody has dealt with it.
BY_ITSELF = frozenset({"opened", "rescheduled", *SPOKEN})


def untouched(task: Task, verbs: AbstractSet[str]) -> bool:
    """Whether nobody has dealt with the task yet. `verbs`: all that ever happened to it."""
    return task.state is State.OPEN and verbs <= BY_ITSELF


def item(task: Task) -> Item:
    """What the escalation arithmetic needs to know of a task."""
    return Item(
        created=task.created_at,
        phase="done" if task.state is State.DONE else "unowned" if task.owner is None else "owned",
        live=task.live or task.state is State.DONE,
        blocked=task.state is State.BLOCKED,
        standing=task.standing,
        due=task.due_at,
        since=(task.done_at if task.state is State.DONE else None) or task.progress_at or task.claimed_at or task.created_at,
        level=task.level,
        round=task.round,
        prompted=task.prompted_at,
        reminded=task.reminded_at,
        snoozed=task.snoozed_until,
    )


def _outcome(task: Task, response: Response, verb: str, details: Mapping[str, Value] | None = None, *notices: Notice) -> Outcome[Task]:
    """The task with its whole set of timers computed anew from its state: none can be forgotten."""
    return Outcome(task, Event(verb, details or {}), timers_of(task, response), notices)


def timers_of(task: Task, response: Response) -> tuple[Timer, ...]:
    return timers(item(task), response)


def due_for(line: TaskLine, response: Response, clocks: Mapping[str, datetime | None], calendar: Calendar, zone: tzinfo) -> datetime | None:
    """When a line is due at this level, or None when its clock has not started or the level does not ask for it."""
    start, wait = clocks.get(line.clock), wait_for(line, response)
    if start is None:
        return None
    if line.due_working_days is not None:
        return day_ends(calendar, add_working_days(calendar, local_day(start, zone), line.due_working_days)[0], zone)
    if line.due_calendar_days is not None:
        return day_ends(calendar, add_calendar_days(calendar, local_day(start, zone), line.due_calendar_days)[0], zone)
    return Hours(calendar, zone).add(line.calendar, start, wait)[0] if wait is not None else None


def wait_for(line: TaskLine, response: Response) -> timedelta | None:
    """How long a line gives at this level, shortened in an important period; None where the level does not ask for it."""
    wait = line.due.get(response.level)
    return wait * response.factor if wait is not None else None


def open_from(
    line: TaskLine, *, ref: str, incident: str, plan: str, by: str, now: datetime, due: datetime | None, response: Response
) -> Outcome[Task]:
    """A task from a playbook line; the first assignment is said on each person's one card, not here."""
    period = wait_for(line, response)
    task = Task(
        ref=ref,
        incident=incident,
        code=line.code,
        title=line.title,
        done_means=line.done,
        group=line.group,
        state=State.OPEN,
        plan=plan,
        created_at=now,
        created_by=by,
        mandatory=not line.optional,
        standing=line.repeat,
        until=line.until,
        clock=line.clock,
        approve=line.approve,
        approve_first=line.approve_first,
        fulfilled_by=line.fulfilled_by,
        due_at=due,
        period=int(period.total_seconds()) if line.repeat and period else None,
    )
    task = first_prompt_of(task, now)
    return _outcome(task, response, "opened", {"code": line.code, "group": line.group, "due_at": _moment(due)})


def first_prompt_of(task: Task, now: datetime) -> Task:
    return replace(task, level=0, round=0, prompted_at=now)


def add(task: Task, response: Response, *, to: tuple[str, ...]) -> Outcome[Task]:
    """A task that a person adds by hand; its group hears of it at once."""
    return _outcome(
        first_prompt_of(task, task.created_at),
        response,
        "added",
        {"title": task.title, "group": task.group, "due_at": _moment(task.due_at)},
        Notice("task.assigned", to, urgency="assignment"),
    )


def claim(task: Task, *, by: str, now: datetime, response: Response) -> Outcome[Task]:
    """认领: this person takes the responsibility."""
    if task.state in OWNED and task.owner == by:
        raise RuleBroken("task.yours", ref=task.ref)
    if task.owner is not None:
        raise RuleBroken("task.taken", ref=task.ref, owner=task.owner)
    return _outcome(_owned(task, by, now, "claim"), response, "claimed", {"by": by})


def _owned(task: Task, owner: str, now: datetime, verb: str) -> Task:
    state = MACHINE.after(task.state, verb)
    allowed = task.allowed_by if owner != task.allowed_by else None  # nobody agrees to what they do themselves
    task = replace(task, state=state, owner=owner, allowed_by=allowed)
    return replace(task, claimed_at=now, progress_at=None, needs=None, level=0, round=0, prompted_at=now)


def assign(task: Task, *, to: str, by: str, now: datetime, response: Response) -> Outcome[Task]:
    """A group head names the owner; the owner hears of it."""
    if task.owner == to and task.state is not State.OPEN:
        raise RuleBroken("task.theirs", ref=task.ref, owner=to)
    notices = (Notice("task.assigned", (to,), {"by": by}, "assignment"),) if to != by else ()
    return _outcome(_owned(task, to, now, "assign"), response, "assigned", {"by": by, "to": to}, *notices)


def transfer(task: Task, *, to: str, by: str, now: datetime, response: Response, reason: str) -> Outcome[Task]:
    """The owner hands it on; the next owner hears of it."""
    _own(task, by)
    if to == by:
        raise RuleBroken("task.yours", ref=task.ref)
    return _outcome(
        _owned(task, to, now, "transfer"),
        response,
        "transferred",
        {"by": by, "to": to, "reason": reason},
        Notice("task.assigned", (to,), {"by": by}, "assignment"),
    )


def release(task: Task, *, by: str, now: datetime, response: Response, reason: str, to: tuple[str, ...]) -> Outcome[Task]:
    """放手: back to the group, which hears that nobody has it."""
    _own(task, by)
    state = MACHINE.after(task.state, "release")
    freed = replace(task, state=state, owner=None, claimed_at=None, progress_at=None, needs=None, level=0, round=0, prompted_at=now)
    return _outcome(
        freed, response, "released", {"by": by, "reason": reason}, Notice("task.assigned", to, {"released_by": by}, "assignment")
    )


def progress(task: Task, *, by: str, now: datetime, response: Response, text: str) -> Outcome[Task]:
    """进展: evidence that work goes on; answers the round of a standing task and moves its due."""
    _own(task, by)
    _may_begin(task)
    if not text.strip():
        raise RuleBroken("task.say_what", ref=task.ref)
    due = now + timedelta(seconds=task.period) if task.standing and task.period else task.due_at
    state = MACHINE.after(task.state, "progress")
    moved = replace(task, state=state, progress_at=now, note=text, needs=None, due_at=due, level=0, round=0, prompted_at=now)
    if task.standing:
        moved = replace(moved, reminded_at=now)
    return _outcome(moved, response, "progressed", {"by": by, "text": text, "due_at": _moment(due)})


def done(task: Task, *, by: str, now: datetime, response: Response, text: str, reached: bool, verifiers: tuple[str, ...]) -> Outcome[Task]:
    """完成: the owner says so; a verifier is asked. `reached`: the clock named by `until` has come (standing tasks only)."""
    _own(task, by)
    _may_begin(task)
    if task.standing and not reached:
        raise RuleBroken("task.standing", ref=task.ref, until=task.until or "ended")
    state = MACHINE.after(task.state, "done")
    finished = replace(
        task,
        state=state,
        done_at=now,
        done_by=by,
        note=text or task.note,
        needs=None,
        snoozed_until=None,
        level=0,
        round=0,
        prompted_at=now,
    )
    if not verifiers:
        return _outcome(
            replace(finished, state=MACHINE.after(state, "verify")), response, "done", {"by": by, "text": text, "verified": "nobody_else"}
        )
    return _outcome(finished, response, "done", {"by": by, "text": text}, Notice("task.verify", verifiers, {"by": by}, "assignment"))


def allow(task: Task, *, by: str, now: datetime, response: Response, approval: str) -> Outcome[Task]:
    """The approver agrees: its owner may begin."""
    freed = replace(task, state=MACHINE.after(task.state, "allow"), allowed_by=by)
    return _outcome(_begun_anew(freed, now), response, "allowed", {"by": by, "approval": approval})


def hold(task: Task, *, by: str, now: datetime, response: Response, approval: str, reason: str) -> Outcome[Task]:
    """The approver does not agree: it stays with its owner, who reads the reason and asks again."""
    held = replace(task, state=MACHINE.after(task.state, "hold"), note=reason)
    return _outcome(_begun_anew(held, now), response, "held", {"by": by, "approval": approval, "reason": reason})


def _begun_anew(task: Task, now: datetime) -> Task:
    return replace(task, progress_at=now, level=0, round=0, prompted_at=now)


def verify(task: Task, *, by: str, response: Response, verifiers: tuple[str, ...]) -> Outcome[Task]:
    """核实: another person agrees; only this closes the task."""
    state = MACHINE.after(task.state, "verify")
    if by == task.done_by:
        raise NotAllowed("task.verify_own", ref=task.ref)
    if by not in verifiers:
        raise NotAllowed("task.verify_who", ref=task.ref)
    return _outcome(replace(task, state=state, verified_by=by), response, "verified", {"by": by})


def reject(task: Task, *, by: str, now: datetime, response: Response, reason: str, verifiers: tuple[str, ...]) -> Outcome[Task]:
    """退回: not yet; back to the owner with a reason."""
    state = MACHINE.after(task.state, "reject")
    if by not in verifiers:
        raise NotAllowed("task.verify_who", ref=task.ref)
    if not reason.strip():
        raise RuleBroken("task.reason", ref=task.ref)
    back = replace(task, state=state, done_at=None, done_by=None, progress_at=now, level=0, round=0, prompted_at=now, note=reason)
    back = replace(back, reminded_at=now)  # what fell due while it waited for its check was not missed by anybody
    to = (task.owner,) if task.owner else ()
    return _outcome(
        back, response, "rejected", {"by": by, "reason": reason}, Notice("task.rejected", to, {"by": by, "reason": reason}, "assignment")
    )


def attach(task: Task, *, by: str, response: Response, files: Sequence[Mapping[str, Value]]) -> Outcome[Task]:
    """Evidence: name, size and hash of each file; the bytes are kept elsewhere."""
    there = replace(task, state=MACHINE.after(task.state, "attach"))
    return _outcome(there, response, "attached", {"by": by, "files": [dict(one) for one in files]})


def block(task: Task, *, by: str, now: datetime, response: Response, reason: str, needs: str | None) -> Outcome[Task]:
    """阻塞: cannot go on; whoever is needed hears of it at once, and then more often, not less."""
    if not reason.strip():
        raise RuleBroken("task.reason", ref=task.ref)
    state = MACHINE.after(task.state, "block")
    stuck = replace(task, state=state, owner=task.owner or by, note=reason, needs=needs, progress_at=now, level=0, round=0, prompted_at=now)
    if task.owner is None:
        stuck = replace(stuck, claimed_at=now)
    notices = (Notice("task.blocked", (needs,), {"by": by, "reason": reason}, "escalation"),) if needs else ()
    return _outcome(stuck, response, "blocked", {"by": by, "reason": reason, "needs": needs}, *notices)


def snooze(task: Task, *, by: str, now: datetime, response: Response, wait: timedelta, reason: str) -> Outcome[Task]:
    """稍后: a flag with an end; the state stays, and the chain goes on where it was."""
    if not reason.strip():
        raise RuleBroken("task.snooze_reason", ref=task.ref)
    if not response.snooze_max:
        raise RuleBroken("task.snooze_never", level=str(response.level))
    if wait <= timedelta(0) or wait > response.snooze_max:
        raise RuleBroken("task.snooze_long", max=response.snooze_max)
    if task.snoozes >= response.snooze_count:
        raise RuleBroken("task.snooze_count", count=response.snooze_count)
    state = MACHINE.after(task.state, "snooze")
    until = now + wait
    return _outcome(
        replace(task, state=state, snoozed_until=until, snoozes=task.snoozes + 1),
        response,
        "snoozed",
        {"by": by, "until": until.isoformat(), "reason": reason},
    )


def cancel(task: Task, *, by: str, response: Response, reason: str, rule: bool = False) -> Outcome[Task]:
    """取消. `rule`: no judgement about the task (its level does not ask for it, the incident was closed over it): it may come back."""
    if not reason.strip():
        raise RuleBroken("task.reason", ref=task.ref)
    over = replace(task, state=MACHINE.after(task.state, "cancel"), verified_by="rule" if rule else None)
    return _outcome(over, response, "cancelled", {"by": by, "reason": reason})


def fulfil(task: Task, *, by: str, now: datetime, response: Response) -> Outcome[Task]:
    """Closed by the success of the command that its line names; nobody has to verify that."""
    state = MACHINE.after(task.state, "fulfil")
    return _outcome(
        replace(task, state=state, done_at=now, done_by=by, verified_by="rule"),
        response,
        "fulfilled",
        {"by": by, "command": task.fulfilled_by},
    )


def resting(task: Task, response: Response, now: datetime) -> tuple[Timer, ...]:
    """A timer that has come though now is quiet (that was not known when it was set, or the house was down when it should have come):
    the task's timers, none before the quiet is over, to be set without a word. Else none."""
    awake = response.waking(now)
    found = timers(item(task), response) if awake > now else ()
    return tuple(replace(one, due=one.due and max(one.due, awake)) for one in found)


@dataclass(frozen=True, slots=True)
class Circle:
    """Whom words about a task can reach as things stand, at which pace and by which ways."""

    response: Response
    organization: Organization
    commander: str | None
    verifiers: tuple[str, ...] = ()
    reach: Reach = by_messenger


def remind(task: Task, circle: Circle, *, name: str, now: datetime) -> Outcome[Task]:
    """The clock: the timer `name` has come. Says one reminder to the rung that is reached, and what happens next."""
    kept = held(item(task), circle.response, now)
    fired = caught_up(item(task), circle.response, name, now)
    heard = _heard(task, fired, circle)
    return _reminded(task, name, fired, _told(task, name, heard, circle, now), kept, now)


@dataclass(frozen=True, slots=True)
class Step:
    """A word that will be said if nobody acts: which timer, on which rung (`level`), to whom.

    `by`: the ways to the first of the rung; past the ladder those to the office's duty officer ·
    `skipped`: rungs before it that mean nobody who can be reached · `last`: past the ladder, the control group hears it.
    """

    at: datetime
    timer: str
    level: int
    people: tuple[str, ...]
    by: tuple[str, ...]
    skipped: tuple[str, ...]
    last: bool


def ahead(task: Task, circle: Circle, *, steps: int, now: datetime) -> tuple[Step, ...]:
    """The next words about the task: what `remind` will say, one after the other."""
    response, found = circle.response, list[Step]()
    while len(found) < steps:
        coming = [timer for timer in timers_of(task, response) if timer.due is not None]
        first = min(coming, key=lambda timer: timer.due or now, default=None)
        if first is None or first.due is None:
            break
        at = max(first.due, now)
        fired = all_that_has_come(fire(item(task), response, first.name, at), response, at)
        heard = _heard(task, fired, circle)
        told = _told(task, first.name, heard, circle, at)
        first_of = (heard.people or told.people)[:1]
        louder = tuple(one for person in first_of for one in ways(told.by(person), circle.reach(person)))
        by = response.terminal_by if heard.exhausted else louder
        found.append(Step(at, first.name, heard.level, told.people, by, heard.skipped, heard.exhausted))
        task = _reminded(task, first.name, fired, told, Held(False, 0), at).record
    return tuple(found)


def pass_over(task: Task, circle: Circle, *, name: str, now: datetime) -> Outcome[Task]:
    """Nobody of the rung could be reached by any of its ways: the next one hears of it at once, and the control group why."""
    response = circle.response
    fired = passed_over(item(task), response, now)
    heard = _heard(task, fired, circle)
    empty = " ".join(response.rungs[task.level].to) if task.level < len(response.rungs) else "control"
    told = _told(task, name, replace(heard, skipped=(empty, *heard.skipped)), circle, now)
    return _reminded(task, name, fired, told, Held(False, 0), now)


def _heard(task: Task, fired: Fired, circle: Circle) -> Audience:
    owners = circle.verifiers if task.state is State.DONE else (task.owner,) if task.owner else ()
    people, of = circle.organization, circle.commander
    return audience(fired.item.level, circle.response, people, group=task.group, owner=owners, commander=of, reach=circle.reach)


def _told(task: Task, name: str, heard: Audience, circle: Circle, now: datetime) -> Told:
    """The owner hears whatever goes up about their task, too, unless they are on leave."""
    early = name == "due" and task.due_at is not None and now < task.due_at
    owner = None if task.state is State.DONE or task.owner in circle.organization.away else task.owner
    duty = next(iter(circle.organization.resolve("office.duty")), "")
    return Told(heard, owner, circle.response, circle.reach, early, duty)


def _reminded(task: Task, name: str, fired: Fired, told: Told, kept: Held, now: datetime) -> Outcome[Task]:
    response, heard = told.response, told.heard
    after = replace(
        task,
        state=MACHINE.after(task.state, "remind"),
        level=heard.level,
        round=fired.item.round,
        prompted_at=fired.item.prompted,
        reminded_at=fired.item.reminded,
    )
    details: dict[str, Value] = {
        "timer": name,
        "level": heard.level,
        "round": after.round,
        "to": list(told.people),
        "missed": fired.missed,
        **({"held": kept.count} if kept.count else {}),
        **told.trail(),
    }
    verb = "reminded" if not fired.climbed else "escalated"
    said = _reminders(after, name, told, response, details, now)
    if kept.waited:
        said = tuple(replace(one, hold=timedelta(0), spread=MORNING) for one in said)
    outcome = _outcome(after, response, verb, details, *said)
    over = spent(item(after), response) and not spent(item(task), response) and task.code != EXHAUSTED
    return replace(outcome, requests=(Request("task.exhausted", {"ref": task.ref}),)) if over else outcome


def still_seen(task: Task, seen: Seen | None, *, level: int, response: Response, now: datetime) -> bool:
    """Whether a word of the rung `level` is nothing new to who said 收到; `seen` is None once something has happened to the task."""
    return seen is not None and seen.quiets(level, response, _to_come(task), now)


def seen_until(task: Task, seen: Seen, response: Response) -> datetime:
    return seen.until(response, _to_come(task))


def _to_come(task: Task) -> datetime | None:
    """The due, as long as the chain speaks of it: not of what waits for its check."""
    return None if task.state is State.DONE else task.due_at


def is_spent(task: Task, response: Response) -> bool:
    """Whether everybody was told of it, and the control group as often as the plan wants; from here on it is said more seldom."""
    return (task.live or task.state is State.DONE) and spent(item(task), response)


def _next_climb(task: Task, response: Response) -> datetime | None:
    """When the next rung will hear of it if nobody acts; None past the last one."""
    known = item(task)
    for _ in range(2 * response.overdue_climb_every + len(NAMES)):
        running = next_due(known, response)
        name = min(running, key=lambda each: running[each])
        after = fire(known, response, name, running[name]).item
        if after.level > known.level:
            return running[name]
        known = after
    return None


def _reminders(task: Task, name: str, told: Told, response: Response, details: Mapping[str, Value], now: datetime) -> tuple[Notice, ...]:
    heard = told.heard
    coming = min((timer.due for timer in timers_of(task, response) if timer.due), default=None)
    climb = None if heard.exhausted else _next_climb(task, response)
    values: dict[str, Value] = {**details, "next_at": _moment(coming), "climb_at": _moment(climb)}
    mention = Notice("task.mention", ("chat",))
    control = tuple(Notice("task.empty_rung", ("control",), {"rung": rung}, "escalation") for rung in heard.skipped)
    if heard.exhausted:
        owner = told.notices(Notice("task.reminder", (), values, "escalation"), mention)
        last = Notice("task.exhausted", ("control",), values, "escalation", rings=told.last_rings())
        return (*control, last, *owner)
    # What is near its due is not held back to be bundled: its minutes count.
    near = task.due_at is not None and task.state is not State.DONE and task.due_at - now <= response.remind_before
    loud = heard.level > 0 or name == "overdue" or near
    hold = timedelta(0) if loud or response.level in ("l1", "l2") else timedelta(seconds=60)
    word = Notice("task.reminder", (), values, "escalation" if loud else "reminder", hold)
    return (*control, *told.notices(word, mention))


def reopen(task: Task, *, by: str, now: datetime, response: Response, reason: str, due: datetime | None) -> Outcome[Task]:
    """Back to its group with a due that counts from now."""
    state = MACHINE.after(task.state, "reopen")
    fresh = replace(
        task, state=state, owner=None, due_at=due, done_at=None, done_by=None, verified_by=None, claimed_at=None, progress_at=None
    )
    fresh = replace(fresh, allowed_by=None)
    return _outcome(
        replace(first_prompt_of(fresh, now), created_at=now, reminded_at=None, snoozed_until=None, snoozes=0),
        response,
        "reopened",
        {"by": by, "reason": reason},
    )


def reschedule(
    task: Task,
    *,
    response: Response,
    due: datetime | None,
    now: datetime,
    freely: bool,
    period: timedelta | None = None,
    new_level: bool = False,
) -> Outcome[Task] | None:
    """A new level or a started clock sets the due; unless `freely` (a provisional grade was replaced) it only moves earlier.

    A standing task keeps the beginning of its round and gets the level's `period`. What is late stays as late as it was.
    At a `new_level` the timers are set anew even where the due stays.
    """
    seconds = task.period
    if task.standing and task.due_at and task.period and period:
        seconds = int(period.total_seconds())
        due = task.due_at + timedelta(seconds=seconds - task.period)
    if task.due_at is not None and (due is None or (due > task.due_at and not freely)):
        due, seconds = task.due_at, task.period
    if due is not None:
        due = max(due, min(now, task.due_at or now))
    if due is None or (due == task.due_at and not new_level):
        return None
    state = MACHINE.after(task.state, "reschedule")
    reminded = task.reminded_at if due == task.due_at else now - timedelta(seconds=1)
    moved = replace(task, state=state, due_at=due, period=seconds, reminded_at=reminded)
    paced = repaced(item(moved), response, now)
    return _outcome(
        replace(moved, prompted_at=paced.prompted, reminded_at=paced.reminded),
        response,
        "rescheduled",
        {"due_at": _moment(due), "was": _moment(task.due_at), "level": str(response.level)},
    )


def verifiers_of(task: Task, organization: Organization, *, commander: str | None, by_level: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Who may close a done task: the approver its line names, else any other member of its group, else the commander."""
    specs = by_level if task.approve == "by_level" else (task.approve,) if task.approve else ("group",)
    people = [p for spec in specs for p in organization.resolve(spec, group=task.group, commander=commander)]
    if not task.approve and not [p for p in people if p != task.done_by] and commander:
        people.append(commander)
    return tuple(p for p in dict.fromkeys(people) if p != (task.done_by or task.owner))


def _own(task: Task, by: str) -> None:
    if task.owner is None:
        raise RuleBroken("task.unowned", ref=task.ref)
    if task.owner != by:
        raise NotAllowed("task.not_yours", ref=task.ref, owner=task.owner)


def _may_begin(task: Task) -> None:
    if task.waits:
        raise RuleBroken("task.waits", ref=task.ref)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
