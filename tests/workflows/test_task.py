"""Tasks as pure rules: what each verb makes, what it refuses, and what no sequence of moves can break."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_response, make_task, minutes
from workflows import task as rules
from workflows.core.calendar import Calendar
from workflows.core.errors import NotAllowed, RuleBroken, UserError
from workflows.core.escalation import NAMES, next_due
from workflows.core.outcome import Notice, Outcome
from workflows.core.playbook import TaskLine
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel
from workflows.task import LIVE, OWNED, State, Task

L2 = make_response()
NOW = START + minutes(5)
SAID: dict[str, Any] = {"by": "ma.chao", "now": NOW, "response": L2}
CHECKERS = ("wang.qiang", "zhao.min")

LINE = TaskLine(
    code="common.cause",
    title="查明原因",
    group="tech",
    done="写清原因",
    due={ResponseLevel.L2: minutes(60)},
    approve="by_level",
    fulfilled_by="grade",
    optional=True,
)


def running(outcome: Outcome[Task]) -> dict[str, datetime]:
    """The timers that run; an outcome always names all five, so that none is left over from before."""
    assert [timer.name for timer in outcome.timers] == list(NAMES)
    return {timer.name: timer.due for timer in outcome.timers if timer.due is not None}


def changed(before: Task, after: Task) -> set[str]:
    return {each.name for each in fields(Task) if getattr(before, each.name) != getattr(after, each.name)}


def refused(key: str, act: Callable[[], object], kind: type[UserError] = RuleBroken) -> UserError:
    with pytest.raises(kind, match=f"^{key}$".replace(".", r"\.")) as refusal:
        act()
    return refusal.value


# Making


def test_open_from_a_line() -> None:
    due = START + minutes(60)
    outcome = rules.open_from(LINE, ref="T1", incident="I1", plan="p", by="li.na", now=START, due=due, response=L2)
    task = outcome.record
    assert (task.state, task.owner, task.due_at, task.mandatory, task.approve, task.fulfilled_by) == (
        State.OPEN,
        None,
        due,
        False,
        "by_level",
        "grade",
    )
    assert (task.standing, task.period) == (False, None)
    assert (outcome.event.verb, outcome.notices) == ("opened", ()), "the first assignment is said on each person's card"
    assert outcome.event.details == {"code": "common.cause", "group": "tech", "due_at": due.isoformat()}
    assert running(outcome) == {"response": START + minutes(10), "due": START + minutes(30)}


def test_open_a_standing_line() -> None:
    line = replace(LINE, repeat=True, until="recovered")
    task = rules.open_from(line, ref="T1", incident="I1", plan="p", by="li.na", now=START, due=START + minutes(60), response=L2).record
    assert (task.standing, task.period, task.until) == (True, 3600, "recovered")


def test_due_for_needs_a_started_clock_and_a_level_that_asks() -> None:
    assert rules.due_for(LINE, L2, {"opened": START}, Calendar(), UTC) == START + minutes(60)
    assert rules.due_for(LINE, L2, {"opened": None}, Calendar(), UTC) is None
    assert rules.due_for(LINE, L2, {}, Calendar(), UTC) is None
    assert rules.due_for(LINE, make_response(level=ResponseLevel.L4), {"opened": START}, Calendar(), UTC) is None


def test_add() -> None:
    outcome = rules.add(make_task(prompted_at=None), L2, to=CHECKERS)
    assert outcome.record.prompted_at == START
    assert outcome.event.verb == "added"
    assert outcome.notices == (Notice("task.assigned", CHECKERS, urgency="assignment"),)
    assert running(outcome) == {"response": START + minutes(10)}


# Owning


def test_claim() -> None:
    outcome = rules.claim(make_task(level=3, round=4), **SAID)
    task = outcome.record
    assert (task.state, task.owner, task.claimed_at, task.level, task.round, task.prompted_at) == (State.CLAIMED, "ma.chao", NOW, 0, 0, NOW)
    assert (outcome.event.verb, outcome.event.details, outcome.notices) == ("claimed", {"by": "ma.chao"}, ())
    assert running(outcome) == {"progress": NOW + minutes(30)}


def test_claim_is_told_who_has_it() -> None:
    owned = make_task(State.CLAIMED)
    assert refused("task.yours", lambda: rules.claim(owned, **SAID)).values == {"ref": "T1"}
    refusal = refused("task.taken", lambda: rules.claim(owned, **{**SAID, "by": "zhao.min"}))
    assert refusal.values == {"ref": "T1", "owner": "ma.chao"}
    refused("house.move", lambda: rules.claim(make_task(State.CANCELLED), **SAID))


def test_assign() -> None:
    outcome = rules.assign(make_task(), to="zhao.min", **SAID)
    assert (outcome.record.state, outcome.record.owner) == (State.CLAIMED, "zhao.min")
    assert outcome.event.details == {"by": "ma.chao", "to": "zhao.min"}
    assert outcome.notices == (Notice("task.assigned", ("zhao.min",), {"by": "ma.chao"}, "assignment"),)
    assert set(running(outcome)) == {"progress"}
    assert rules.assign(make_task(), to="ma.chao", **SAID).notices == (), "nobody is told what they did themselves"
    refused("task.theirs", lambda: rules.assign(make_task(State.BLOCKED), to="ma.chao", **SAID))


def test_transfer() -> None:
    outcome = rules.transfer(make_task(State.BLOCKED, needs="zhao.min"), to="zhao.min", reason="换班", **SAID)
    assert (outcome.record.state, outcome.record.owner, outcome.record.needs) == (State.CLAIMED, "zhao.min", None)
    assert outcome.notices[0].to == ("zhao.min",)
    refused("task.yours", lambda: rules.transfer(make_task(State.CLAIMED), to="ma.chao", reason="", **SAID))
    other = {**SAID, "by": "zhao.min"}
    refused("task.not_yours", lambda: rules.transfer(make_task(State.CLAIMED), to="zhao.min", reason="", **other), NotAllowed)
    refused("task.unowned", lambda: rules.transfer(make_task(), to="zhao.min", reason="", **SAID))


def test_release() -> None:
    outcome = rules.release(make_task(State.IN_PROGRESS, level=2), reason="换班", to=CHECKERS, **SAID)
    task = outcome.record
    assert (task.state, task.owner, task.claimed_at, task.level) == (State.OPEN, None, None, 0)
    assert outcome.notices == (Notice("task.assigned", CHECKERS, {"released_by": "ma.chao"}, "assignment"),)
    assert running(outcome) == {"response": NOW + minutes(10)}
    refused("task.unowned", lambda: rules.release(make_task(), reason="", to=(), **SAID))


# Working


def test_progress() -> None:
    outcome = rules.progress(make_task(State.CLAIMED, level=2, round=3), text="在查日志", **SAID)
    task = outcome.record
    assert (task.state, task.note, task.progress_at, task.level, task.round) == (State.IN_PROGRESS, "在查日志", NOW, 0, 0)
    assert (outcome.event.verb, outcome.event.details["text"]) == ("progressed", "在查日志")
    assert running(outcome) == {"progress": NOW + minutes(30)}
    refused("task.say_what", lambda: rules.progress(make_task(State.CLAIMED), text=" \n", **SAID))
    refused("task.not_yours", lambda: rules.progress(make_task(State.CLAIMED), text="x", **{**SAID, "by": "li.na"}), NotAllowed)
    refused("task.unowned", lambda: rules.progress(make_task(), text="x", **SAID))


def test_progress_answers_the_round_of_a_standing_task() -> None:
    standing = make_task(State.CLAIMED, standing=True, period=1800, due_at=START + minutes(2), reminded_at=START + minutes(2))
    outcome = rules.progress(standing, text="无异常", **SAID)
    assert (outcome.record.due_at, outcome.record.reminded_at) == (NOW + minutes(30), NOW)
    assert set(running(outcome)) == {"due"}, "no longer overdue; the next round's due asks again"


def test_done_asks_a_verifier() -> None:
    outcome = rules.done(
        make_task(State.IN_PROGRESS, note="在查", snoozed_until=NOW + minutes(9)), text="", reached=False, verifiers=CHECKERS, **SAID
    )
    task = outcome.record
    assert (task.state, task.done_by, task.done_at, task.note, task.snoozed_until) == (State.DONE, "ma.chao", NOW, "在查", None)
    assert outcome.notices == (Notice("task.verify", CHECKERS, {"by": "ma.chao"}, "assignment"),)
    assert running(outcome) == {"verify": NOW + minutes(30)}


def test_done_where_nobody_else_could_check_closes_and_says_so() -> None:
    outcome = rules.done(make_task(State.CLAIMED), text="好了", reached=False, verifiers=(), **SAID)
    assert (outcome.record.state, outcome.record.verified_by) == (State.CLOSED, None)
    assert outcome.event.details["verified"] == "nobody_else"
    assert running(outcome) == {}


def test_done_of_a_standing_task_waits_for_its_clock() -> None:
    standing = make_task(State.CLAIMED, standing=True, until="recovered")
    refusal = refused("task.standing", lambda: rules.done(standing, text="", reached=False, verifiers=CHECKERS, **SAID))
    assert refusal.values["until"] == "recovered"
    assert rules.done(standing, text="", reached=True, verifiers=CHECKERS, **SAID).record.state is State.DONE
    refused("task.unowned", lambda: rules.done(make_task(), text="", reached=True, verifiers=CHECKERS, **SAID))


def test_verify_by_another() -> None:
    finished = make_task(State.DONE, done_by="ma.chao", done_at=START)
    outcome = rules.verify(finished, by="zhao.min", response=L2, verifiers=CHECKERS)
    assert (outcome.record.state, outcome.record.verified_by) == (State.CLOSED, "zhao.min")
    assert (outcome.event.verb, running(outcome)) == ("verified", {})
    refused("task.verify_own", lambda: rules.verify(finished, by="ma.chao", response=L2, verifiers=("ma.chao",)), NotAllowed)
    refused("task.verify_who", lambda: rules.verify(finished, by="guo.ping", response=L2, verifiers=CHECKERS), NotAllowed)
    refused("house.move", lambda: rules.verify(make_task(State.CLAIMED), by="zhao.min", response=L2, verifiers=CHECKERS))


def test_reject() -> None:
    finished = make_task(State.DONE, done_by="ma.chao", done_at=START)
    said = {**SAID, "by": "zhao.min", "verifiers": CHECKERS}
    outcome = rules.reject(finished, reason="没写结论", **said)
    task = outcome.record
    assert (task.state, task.owner, task.done_by, task.done_at, task.note) == (State.IN_PROGRESS, "ma.chao", None, None, "没写结论")
    assert outcome.notices[0].to == ("ma.chao",)
    assert running(outcome) == {"progress": NOW + minutes(30)}
    refused("task.reason", lambda: rules.reject(finished, reason=" ", **said))
    refused("task.verify_who", lambda: rules.reject(finished, reason="x", **{**said, "by": "ma.chao"}), NotAllowed)


def test_block() -> None:
    outcome = rules.block(make_task(), reason="没有权限", needs="wang.qiang", **SAID)
    task = outcome.record
    assert (task.state, task.owner, task.claimed_at, task.needs, task.note) == (State.BLOCKED, "ma.chao", NOW, "wang.qiang", "没有权限")
    assert outcome.notices[0].to == ("wang.qiang",)
    assert outcome.notices[0].urgency == "escalation"
    assert running(outcome) == {"progress": NOW + minutes(15)}, "asked about twice as often"
    assert rules.block(make_task(State.CLAIMED), reason="x", needs=None, **SAID).notices == ()
    refused("task.reason", lambda: rules.block(make_task(), reason="", needs=None, **SAID))


def test_snooze() -> None:
    outcome = rules.snooze(make_task(), wait=minutes(30), reason="等厂商", **SAID)
    assert changed(make_task(), outcome.record) == {"snoozed_until", "snoozes"}
    assert running(outcome) == {"response": NOW + minutes(30)}

    def snoozing(**changes: Any) -> Callable[[], object]:
        given = {"wait": minutes(5), "reason": "等厂商", **SAID, **changes}
        return lambda: rules.snooze(given.pop("task", make_task()), **given)

    refused("task.snooze_reason", snoozing(reason=" "))
    refused("task.snooze_never", snoozing(response=make_response(snooze_max=timedelta(0))))
    refused("task.snooze_long", snoozing(wait=minutes(31)))
    refused("task.snooze_long", snoozing(wait=timedelta(0)))
    refused("task.snooze_count", snoozing(task=make_task(snoozes=3)))
    refused("house.move", snoozing(task=make_task(State.DONE)))


def test_cancel_fulfil_reopen() -> None:
    outcome = rules.cancel(make_task(State.DONE), by="li.na", response=L2, reason="不需要")
    assert (outcome.record.state, running(outcome)) == (State.CANCELLED, {})
    refused("task.reason", lambda: rules.cancel(make_task(), by="li.na", response=L2, reason=""))

    outcome = rules.fulfil(make_task(fulfilled_by="grade"), **SAID)
    assert (outcome.record.state, outcome.record.done_by, outcome.record.verified_by) == (State.CLOSED, "ma.chao", "rule")
    assert (outcome.event.details["command"], running(outcome)) == ("grade", {})

    due = NOW + minutes(60)
    outcome = rules.reopen(outcome.record, reason="重开", due=due, **SAID)
    task = outcome.record
    assert (task.state, task.owner, task.done_by, task.verified_by, task.due_at, task.created_at) == (
        State.OPEN,
        None,
        None,
        None,
        due,
        NOW,
    )
    assert running(outcome) == {"response": NOW + minutes(10), "due": NOW + minutes(30)}


# Dues


def reschedule(task: Task, due: datetime | None, *, freely: bool = False) -> Outcome[Task] | None:
    return rules.reschedule(task, response=L2, due=due, now=NOW, freely=freely)


def test_a_due_moves_earlier_and_later_only_freely() -> None:
    task = make_task(due_at=START + minutes(60))
    assert reschedule(task, START + minutes(60)) is None
    assert reschedule(task, START + minutes(90)) is None
    assert reschedule(task, None) is None
    earlier, later = reschedule(task, START + minutes(30)), reschedule(task, START + minutes(90), freely=True)
    assert earlier is not None
    assert later is not None
    assert (earlier.record.due_at, later.record.due_at) == (START + minutes(30), START + minutes(90))
    assert earlier.event.details["was"] == (START + minutes(60)).isoformat()
    assert running(earlier)["due"] == START + minutes(15)


def test_a_due_that_is_past_already_is_due_now() -> None:
    outcome = reschedule(make_task(due_at=START + minutes(60)), START + minutes(1))
    assert outcome is not None
    assert outcome.record.due_at == NOW
    assert running(outcome)["due"] == NOW


def test_a_task_without_due_gets_one() -> None:
    outcome = reschedule(make_task(), START + minutes(60))
    assert outcome is not None
    assert outcome.record.due_at == START + minutes(60)


# The clock


def remind(task: Task, name: str, now: datetime, response: Response = L2, **changes: Any) -> Outcome[Task]:
    given = {"organization": ORGANIZATION, "commander": "li.na", "verifiers": CHECKERS, **changes}
    return rules.remind(task, rules.Circle(response=response, **given), name=name, now=now)


def test_a_reminder_says_its_round_and_what_comes_next() -> None:
    outcome = remind(make_task(), "response", START + minutes(10))
    assert (outcome.event.verb, outcome.record.level, outcome.record.round) == ("escalated", 1, 1)
    assert [(n.kind, n.to, n.urgency) for n in outcome.notices] == [("task.reminder", ("wang.qiang", "zhao.min"), "escalation")]
    assert outcome.notices[0].values == {
        "timer": "response",
        "level": 1,
        "round": 1,
        "to": ["wang.qiang", "zhao.min"],
        "missed": 0,
        "next_at": (START + minutes(20)).isoformat(),
        "climb_at": (START + minutes(20)).isoformat(),
    }


def test_verification_is_asked_of_those_who_may() -> None:
    finished = make_task(State.DONE, done_by="ma.chao", done_at=START)
    assert remind(finished, "verify", START + minutes(30)).notices[0].to == CHECKERS


def test_the_end_of_the_ladder_is_told_to_the_control_group_again_and_again() -> None:
    task = make_task(level=3, round=3)
    for step in range(1, 4):
        outcome = remind(task, "response", START + minutes(15 * step))
        task = outcome.record
        assert [(n.kind, n.to) for n in outcome.notices] == [("task.exhausted", ("control",))]
        assert set(running(outcome)) == {"response"}


def test_an_empty_rung_is_told_to_the_control_group() -> None:
    outcome = remind(make_task(level=1, round=1), "response", START + minutes(10), commander=None)
    assert outcome.record.level == 3
    assert [(n.kind, n.values.get("rung")) for n in outcome.notices] == [("task.empty_rung", "commander"), ("task.reminder", None)]


def test_only_gentle_reminders_of_gentle_levels_wait_to_be_bundled() -> None:
    l3 = make_response(level=ResponseLevel.L3)
    owned = make_task(State.CLAIMED)
    assert remind(owned, "progress", START + minutes(30), l3).notices[0].hold == timedelta(seconds=60)
    assert remind(owned, "progress", START + minutes(30)).notices[0].hold == timedelta(0)


@pytest.mark.parametrize("state", [State.CLOSED, State.CANCELLED])
def test_a_timer_of_a_finished_task_no_longer_applies(state: State) -> None:
    refused("house.move", lambda: remind(make_task(state), "response", NOW))


# Who checks


def test_verifiers() -> None:
    owned = make_task(State.CLAIMED)
    assert rules.verifiers_of(owned, ORGANIZATION, commander="li.na") == ("wang.qiang", "zhao.min")
    finished = make_task(State.DONE, owner="ma.chao", done_by="zhao.min")
    assert rules.verifiers_of(finished, ORGANIZATION, commander="li.na") == ("wang.qiang", "ma.chao")
    named = make_task(State.CLAIMED, approve="lead.head")
    assert rules.verifiers_of(named, ORGANIZATION, commander="li.na") == ("zhou.heng",)
    by_level = make_task(State.CLAIMED, approve="by_level")
    assert rules.verifiers_of(by_level, ORGANIZATION, commander="li.na", by_level=("lead.deputy",)) == ("lin.yue",)


def test_the_commander_checks_where_the_group_has_nobody_else() -> None:
    alone = replace(ORGANIZATION.groups["tech"], head="ma.chao", deputy=None, members=())
    organization = replace(ORGANIZATION, groups={**ORGANIZATION.groups, "tech": alone})
    finished = make_task(State.DONE, done_by="ma.chao")
    assert rules.verifiers_of(finished, organization, commander="li.na") == ("li.na",)
    assert rules.verifiers_of(finished, organization, commander="ma.chao") == ()


# No sequence of moves breaks these

PEOPLE = st.sampled_from(["ma.chao", "zhao.min", "wang.qiang", "li.na", "guo.ping"])
TEXTS = st.sampled_from(["", " ", "说明"])


class TaskLife(RuleBasedStateMachine):
    """Random verbs, people, times and levels on one task."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.response = L2
        self.timers: dict[str, datetime | None] = {}
        self.task = make_task()

    @initialize(standing=st.booleans(), due=st.none() | st.integers(-90, 600), level=st.sampled_from(["l3", "l2"]))
    def begin(self, standing: bool, due: int | None, level: str) -> None:
        self.response = make_response(level=ResponseLevel(level))
        task = make_task(
            standing=standing,
            period=1800 if standing else None,
            due_at=START + minutes(due) if due is not None else None,
            touched=1,
            version=1,
        )
        self._take(rules.add(task, self.response, to=CHECKERS))

    def _take(self, outcome: Outcome[Task]) -> None:
        assert [timer.name for timer in outcome.timers] == list(NAMES)
        self.timers = {timer.name: timer.due for timer in outcome.timers}
        version = self.task.version + 1
        quiet = outcome.event.verb in ("reminded", "escalated")
        self.task = replace(outcome.record, version=version, touched=self.task.touched if quiet else version)

    def _try(self, act: Callable[[], Outcome[Task] | None]) -> None:
        before = self.task
        try:
            outcome = act()
        except UserError:
            assert self.task == before, "a refused move changes nothing"
            return
        if outcome is not None:
            self._take(outcome)

    def _said(self, by: str) -> dict[str, Any]:
        return {"by": by, "now": self.now, "response": self.response}

    def _checkers(self, by: str | None = None) -> tuple[str, ...]:
        found = rules.verifiers_of(self.task, ORGANIZATION, commander="li.na")
        return tuple(p for p in found if p != by)

    @rule(seconds=st.integers(0, 20_000))
    def time_passes(self, seconds: int) -> None:
        """Everything that comes due by then is fired in its order; some of it late."""
        self.now += timedelta(seconds=seconds)
        for _ in range(2000):
            waiting = [(due, name) for name, due in self.timers.items() if due is not None and due <= self.now]
            if not waiting:
                return
            due, name = min(waiting)
            at = max(due, self.now - timedelta(seconds=seconds // 2))
            self._take(remind(self.task, name, at, self.response, verifiers=self._checkers()))
        raise AssertionError("the clock never comes to rest")

    @rule(by=PEOPLE, verb=st.sampled_from(["claim", "fulfil"]))
    def plainly(self, by: str, verb: str) -> None:
        self._try(lambda: getattr(rules, verb)(self.task, **self._said(by)))

    @rule(by=PEOPLE, to=PEOPLE)
    def assign(self, by: str, to: str) -> None:
        self._try(lambda: rules.assign(self.task, to=to, **self._said(by)))

    @rule(by=PEOPLE, to=PEOPLE)
    def transfer(self, by: str, to: str) -> None:
        self._try(lambda: rules.transfer(self.task, to=to, reason="", **self._said(by)))

    @rule(by=PEOPLE)
    def release(self, by: str) -> None:
        self._try(lambda: rules.release(self.task, reason="", to=CHECKERS, **self._said(by)))

    @rule(by=PEOPLE, text=TEXTS)
    def progress(self, by: str, text: str) -> None:
        self._try(lambda: rules.progress(self.task, text=text, **self._said(by)))

    @rule(by=PEOPLE, reached=st.booleans(), alone=st.booleans())
    def done(self, by: str, reached: bool, alone: bool) -> None:
        verifiers = () if alone else self._checkers(by)
        self._try(lambda: rules.done(self.task, text="好了", reached=reached, verifiers=verifiers, **self._said(by)))

    @rule(by=PEOPLE)
    def verify(self, by: str) -> None:
        self._try(lambda: rules.verify(self.task, by=by, response=self.response, verifiers=self._checkers()))

    @rule(by=PEOPLE, text=TEXTS)
    def reject(self, by: str, text: str) -> None:
        self._try(lambda: rules.reject(self.task, reason=text, verifiers=self._checkers(), **self._said(by)))

    @rule(by=PEOPLE, text=TEXTS, needs=st.none() | PEOPLE)
    def block(self, by: str, text: str, needs: str | None) -> None:
        self._try(lambda: rules.block(self.task, reason=text, needs=needs, **self._said(by)))

    @rule(by=PEOPLE, text=TEXTS, wait=st.integers(0, 60))
    def snooze(self, by: str, text: str, wait: int) -> None:
        self._try(lambda: rules.snooze(self.task, wait=minutes(wait), reason=text, **self._said(by)))

    @rule(by=PEOPLE, text=TEXTS)
    def cancel(self, by: str, text: str) -> None:
        self._try(lambda: rules.cancel(self.task, by=by, response=self.response, reason=text))

    @rule(by=PEOPLE, due=st.none() | st.integers(0, 300))
    def reopen(self, by: str, due: int | None) -> None:
        at = self.now + minutes(due) if due is not None else None
        self._try(lambda: rules.reopen(self.task, reason="重开", due=at, **self._said(by)))

    @rule(
        due=st.none() | st.integers(-300, 600),
        freely=st.booleans(),
        level=st.sampled_from(
            [make_response(), make_response(level=ResponseLevel.L3, claim_within=minutes(15), overdue_repeat=minutes(30))]
        ),
    )
    def level_changes(self, due: int | None, freely: bool, level: Response) -> None:
        self.response, before = level, self.task.due_at
        at = self.now + minutes(due) if due is not None else None
        self._try(lambda: rules.reschedule(self.task, response=level, due=at, now=self.now, freely=freely))
        if before is not None and not freely:
            assert self.task.due_at is not None
            assert self.task.due_at <= max(before, self.now), "a due moves later only freely (or to now, where it was past)"

    @invariant()
    def open_means_a_timer_is_running(self) -> None:
        if self.timers:
            alive = self.task.state in (*LIVE, State.DONE)
            assert alive == any(due is not None for due in self.timers.values())

    @invariant()
    def the_timers_are_those_of_the_state(self) -> None:
        for name, due in self.timers.items():
            assert due is None or name in next_due(rules.item(self.task), self.response)

    @invariant()
    def owned_means_somebody_owns_it(self) -> None:
        assert self.task.state not in OWNED or self.task.owner is not None
        assert self.task.state is not State.OPEN or self.task.owner is None

    @invariant()
    def whoever_checked_is_not_whoever_did_it(self) -> None:
        if self.task.verified_by is not None:
            assert self.task.verified_by != self.task.done_by

    @invariant()
    def the_clock_alone_makes_no_button_stale(self) -> None:
        assert self.task.touched <= self.task.version


TestTaskLife = TaskLife.TestCase
TestTaskLife.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)


def test_a_task_is_untouched_while_only_the_house_has_dealt_with_it() -> None:
    assert rules.untouched(make_task(), {"opened", "reminded", "escalated", "rescheduled"})
    assert not rules.untouched(make_task(), {"opened", "claimed", "released"})
    assert not rules.untouched(make_task(), {"opened", "snoozed"})
    assert not rules.untouched(make_task(State.CLAIMED), {"opened"})


def test_a_task_that_waits_for_an_approval_is_not_begun() -> None:
    waiting = make_task(State.CLAIMED, approve="lead.head", approve_first=True)
    said: dict[str, Any] = {"by": "ma.chao", "now": START, "response": make_response()}
    refused("task.waits", lambda: rules.progress(waiting, text="在做", **said))
    refused("task.waits", lambda: rules.done(waiting, text="好了", reached=True, verifiers=("zhou.heng",), **said))
    freed = rules.allow(waiting, approval="A1", **{**said, "by": "zhou.heng"}).record
    assert rules.progress(freed, text="在做", **said).record.state is State.IN_PROGRESS
    assert rules.hold(waiting, approval="A1", reason="范围不清", **{**said, "by": "zhou.heng"}).record.waits
    mine = rules.transfer(freed, to="zhou.heng", reason="", **said).record
    assert mine.waits, "nobody agrees to what they do themselves"
    assert not rules.transfer(freed, to="zhao.min", reason="", **said).record.waits
