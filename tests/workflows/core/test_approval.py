"""Approvals as pure rules: who may decide, what each verb makes and refuses, and what no sequence of moves can break."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_approval, minutes
from workflows.core import approval as rules
from workflows.core.approval import Approval, State, approvers_of
from workflows.core.errors import NotAllowed, RuleBroken, UserError
from workflows.core.outcome import Notice, Outcome, Timer

NOW = START + minutes(5)
HEAD: dict[str, Any] = {"by": "zhou.heng", "organization": ORGANIZATION}


def refused(key: str, act: Callable[[], object], kind: type[UserError] = RuleBroken) -> UserError:
    with pytest.raises(kind, match=f"^{key}$".replace(".", r"\.")) as refusal:
        act()
    return refusal.value


def test_ask() -> None:
    outcome = rules.ask(make_approval(), ORGANIZATION)
    assert outcome.record == make_approval(prompted_at=START)
    assert (outcome.event.verb, outcome.event.details["of"]) == ("asked", ["zhou.heng"])
    assert outcome.event.details["digest"] == make_approval().digest
    assert outcome.timers == (Timer("approval", START + minutes(10)),)
    assert outcome.notices == (Notice("approval", ("zhou.heng",), urgency="approval", card=True),)


def test_what_the_trail_keeps_of_each_move() -> None:
    asked, until = make_approval(), NOW + minutes(15)
    kept = {"kind": asked.kind, "subject": asked.subject}
    moves = {
        "asked": (rules.ask(asked, ORGANIZATION), {**kept, "digest": asked.digest, "of": ["zhou.heng"]}),
        "approved": (rules.approve(asked, now=NOW, note="好", **HEAD), {**kept, "note": "好", "digest": asked.digest}),
        "returned": (rules.return_(asked, now=NOW, reason="数不对", **HEAD), {**kept, "note": "数不对"}),
        "voided": (rules.void(asked, now=NOW, reason="级别变了"), {**kept, "note": "级别变了"}),
        "delegated": (rules.delegate(asked, to=None, **HEAD), {"by": "zhou.heng", "to": "lin.yue"}),
        "estimated": (rules.later(asked, until=until, now=NOW, **HEAD), {"by": "zhou.heng", "until": until.isoformat()}),
        "reminded": (rules.remind(asked, now=NOW, organization=ORGANIZATION), {"of": ["zhou.heng", "lin.yue"], "round": 1, "missed": 0}),
    }
    assert {verb: (outcome.event.verb, dict(outcome.event.details)) for verb, (outcome, _) in moves.items()} == {
        verb: (verb, details) for verb, (_, details) in moves.items()
    }


def test_who_hears_of_each_move() -> None:
    asked, until = make_approval(), NOW + minutes(15)
    decided = (Notice("approval.decided", (asked.asked_by,), urgency="reply"),)
    assert rules.approve(asked, now=NOW, note="", **HEAD).notices == decided
    assert rules.return_(asked, now=NOW, reason="数不对", **HEAD).notices == decided
    assert rules.void(asked, now=NOW, reason="级别变了").notices == ()
    assert rules.delegate(asked, to=None, **HEAD).notices == (Notice("approval", ("lin.yue",), urgency="approval", card=True),)
    told = {"by": "zhou.heng", "until": until.isoformat()}
    estimate = rules.later(asked, until=until, now=NOW, **HEAD)
    assert estimate.notices == (Notice("approval.estimated", (asked.asked_by,), told, "reply"),)
    assert estimate.timers == (Timer("approval", until),)


def test_each_reminder_widens_the_circle_and_the_last_goes_to_the_control_group() -> None:
    asked = make_approval(needed=("tech.head",), later_until=NOW)
    again = NOW + timedelta(seconds=asked.wait)
    first = rules.remind(asked, now=NOW, organization=ORGANIZATION)
    assert first.record == replace(asked, rank=1, round=1, prompted_at=NOW, later_until=None)
    assert first.timers == (Timer("approval", again),)
    assert first.notices == (
        Notice("approval", ("wang.qiang", "zhao.min"), urgency="approval", card=True),
        Notice("approval.reminder", ("wang.qiang",), {"round": 1, "rank": 1, "next_at": again.isoformat(), "missed": 0}, "approval"),
    )
    second = rules.remind(first.record, now=NOW, organization=ORGANIZATION)
    assert second.record.rank == 2
    assert second.notices == (
        Notice("approval", ("wang.qiang", "zhao.min", "zhou.heng", "lin.yue"), urgency="approval", card=True),
        Notice(
            "approval.reminder", ("wang.qiang", "zhao.min"), {"round": 2, "rank": 2, "next_at": again.isoformat(), "missed": 0}, "approval"
        ),
        Notice("approval.stuck", ("control",), {"round": 2}, "escalation"),
    )
    assert rules.remind(second.record, now=NOW, organization=ORGANIZATION).record.rank == 2, "there is nobody above the leading group"


def test_nobody_is_reminded_of_what_is_decided() -> None:
    done = rules.approve(make_approval(), now=NOW, note="", **HEAD).record
    found = refused("house.move", lambda: rules.remind(done, now=NOW, organization=ORGANIZATION))
    assert found.values == {"noun": "approval", "state": "approved", "verb": "remind"}


def test_states_are_kept_and_answered_by_these_codes() -> None:
    assert {state.name: str(state) for state in State} == {
        "PENDING": "pending",
        "APPROVED": "approved",
        "ORAL": "oral",
        "RETURNED": "returned",
        "DENIED": "denied",
        "VOID": "void",
    }


def test_a_second_delegate_does_not_replace_the_first() -> None:
    both = make_approval(needed=("lead.head", "tech.head"), delegates=("zhao.min",))
    assert rules.delegate(both, to=None, **HEAD).record.delegates == ("zhao.min", "lin.yue")


def test_where_only_a_deputy_is_named_the_head_may_decide_too_and_is_asked_when_the_deputy_asks() -> None:
    asked = make_approval(needed=("lead.deputy",))
    assert approvers_of(asked, ORGANIZATION) == ("lin.yue",)
    assert rules.deciders(("lead.deputy",), ORGANIZATION) == ("lin.yue", "zhou.heng")
    assert rules.approve(asked, now=NOW, note="", **HEAD).record.decided_by == "zhou.heng"
    assert approvers_of(replace(asked, asked_by="lin.yue"), ORGANIZATION) == ("zhou.heng",)


def test_a_refusal_names_everybody_who_may() -> None:
    both = make_approval(needed=("lead.head", "lead.deputy"))
    found = refused(
        "approval.not_named", lambda: rules.approve(both, by="ma.chao", now=NOW, note="", organization=ORGANIZATION), NotAllowed
    )
    assert found.values == {"people": "、".join(ORGANIZATION.people[one].name for one in ("zhou.heng", "lin.yue"))}
    alone = make_approval(needed=("role:compliance", "legal.head"), asked_by="zhou.heng")
    assert refused("approval.nobody", lambda: rules.ask(alone, ORGANIZATION)).values == {"needed": "role:compliance, legal.head"}


def test_ask_where_nobody_else_may_decide_is_refused() -> None:
    alone = make_approval(asked_by="zhou.heng")
    assert refused("approval.nobody", lambda: rules.ask(alone, ORGANIZATION)).values == {"needed": "lead.head"}
    refused("approval.nobody", lambda: rules.ask(make_approval(needed=("role:compliance",)), ORGANIZATION))


def test_who_may_decide_grows_with_the_wait() -> None:
    asked = make_approval()
    assert approvers_of(asked, ORGANIZATION) == ("zhou.heng",)
    assert approvers_of(replace(asked, rank=1), ORGANIZATION) == ("zhou.heng", "lin.yue")
    tech = make_approval(needed=("tech.head",))
    assert approvers_of(replace(tech, rank=2), ORGANIZATION) == ("wang.qiang", "zhao.min", "zhou.heng", "lin.yue")
    assert approvers_of(replace(asked, asked_by="lin.yue", rank=2), ORGANIZATION) == ("zhou.heng",), "never the one who asked"
    assert approvers_of(replace(asked, delegates=("gone.away",)), ORGANIZATION) == ("zhou.heng",), "never one who has left"


def test_approve() -> None:
    outcome = rules.approve(make_approval(), now=NOW, note="同意", **HEAD)
    done = outcome.record
    assert (done.state, done.decided_by, done.decided_at, done.note) == (State.APPROVED, "zhou.heng", NOW, "同意")
    assert outcome.event.verb == "approved"
    assert outcome.event.details["digest"] == done.digest, "the trail names exactly what was approved"
    assert outcome.timers == (Timer("approval", None),)
    assert outcome.notices == (Notice("approval.decided", ("li.na",), urgency="reply"),)


@pytest.mark.parametrize("act", ["approve", "return_", "delegate", "later"])
def test_four_eyes_and_the_plans_names_stand_before_everything(act: str) -> None:
    given: dict[str, dict[str, Any]] = {
        "approve": {"now": NOW, "note": ""},
        "return_": {"now": NOW, "reason": "依据不足"},
        "delegate": {"to": None},
        "later": {"until": NOW + minutes(10), "now": NOW},
    }

    def by(person: str, asked: Approval) -> Callable[[], object]:
        return lambda: getattr(rules, act)(asked, by=person, organization=ORGANIZATION, **given[act])

    refused("approval.own", by("li.na", make_approval()), NotAllowed)
    refused("approval.own", by("zhou.heng", make_approval(asked_by="zhou.heng")), NotAllowed)
    refusal = refused("approval.not_named", by("ma.chao", make_approval()), NotAllowed)
    assert refusal.values == {"people": ORGANIZATION.people["zhou.heng"].name}
    for state in (State.APPROVED, State.RETURNED, State.VOID):
        refused("house.move", by("zhou.heng", make_approval(state)))


def test_return() -> None:
    outcome = rules.return_(make_approval(), now=NOW, reason="依据不足", **HEAD)
    assert (outcome.record.state, outcome.record.decided_by, outcome.record.note) == (State.RETURNED, "zhou.heng", "依据不足")
    assert outcome.timers == (Timer("approval", None),)
    assert outcome.notices[0].to == ("li.na",)
    refused("approval.reason", lambda: rules.return_(make_approval(), now=NOW, reason=" ", **HEAD))


def test_void() -> None:
    outcome = rules.void(make_approval(), now=NOW, reason="级别已变")
    assert (outcome.record.state, outcome.record.decided_by, outcome.record.decided_at) == (State.VOID, None, NOW)
    assert (outcome.timers, outcome.notices) == ((Timer("approval", None),), ())


def test_delegate() -> None:
    outcome = rules.delegate(make_approval(), to=None, **HEAD)
    assert (outcome.record.state, outcome.record.delegates) == (State.PENDING, ("lin.yue",))
    assert outcome.notices == (Notice("approval", ("lin.yue",), urgency="approval", card=True),)
    assert outcome.timers == (), "the approver's own time runs on"
    again = rules.delegate(outcome.record, to="lin.yue", **HEAD).record
    assert again.delegates == ("lin.yue",)
    assert rules.approve(again, by="lin.yue", now=NOW, note="", organization=ORGANIZATION).record.decided_by == "lin.yue"
    refused("approval.deputy_only", lambda: rules.delegate(make_approval(), to="ma.chao", **HEAD), NotAllowed)
    refused("approval.own", lambda: rules.delegate(make_approval(asked_by="lin.yue"), to="lin.yue", **HEAD), NotAllowed)
    deputy: dict[str, Any] = {**HEAD, "by": "lin.yue"}
    refused("approval.no_deputy", lambda: rules.delegate(again, to=None, **deputy), NotAllowed)


def test_later() -> None:
    until = NOW + minutes(30)
    outcome = rules.later(make_approval(), until=until, now=NOW, **HEAD)
    assert (outcome.record.later_until, outcome.timers) == (until, (Timer("approval", until),))
    assert outcome.notices[0].to == ("li.na",)
    assert rules.later(make_approval(), until=NOW + minutes(120), now=NOW, **HEAD).record.later_until == NOW + minutes(120)
    for wrong in (NOW, NOW - minutes(1), NOW + minutes(121)):
        refused("approval.later_limit", lambda wrong=wrong: rules.later(make_approval(), until=wrong, now=NOW, **HEAD))  # type: ignore[misc]  # bound now


def test_remind_asks_the_deputy_and_then_the_whole_leading_group_and_never_stops() -> None:
    asked, reached = make_approval(needed=("tech.head",), later_until=START + minutes(9)), []
    for round_ in range(1, 5):
        now = START + minutes(10 * round_)
        outcome = rules.remind(asked, now=now, organization=ORGANIZATION)
        asked = outcome.record
        reached.append(next(notice.to for notice in outcome.notices if notice.kind == "approval"))
        assert (asked.round, asked.rank, asked.later_until) == (round_, min(2, round_), None)
        assert outcome.timers == (Timer("approval", now + minutes(10)),)
        assert ("approval.stuck" in {notice.kind for notice in outcome.notices}) == (round_ >= 2)
    assert reached[0] == ("wang.qiang", "zhao.min")
    assert reached[1] == reached[3] == ("wang.qiang", "zhao.min", "zhou.heng", "lin.yue")


@pytest.mark.parametrize(
    ("said", "rounds"),
    [
        ({}, 8),  # asked at 0 and every ten minutes from then on
        ({"prompted_at": START + minutes(40)}, 4),
        ({"prompted_at": START + minutes(40), "later_until": START + minutes(60)}, 3),  # nothing was due before the reviewer's estimate
    ],
)
def test_the_rounds_of_an_outage_are_one_word_that_says_how_many_were_missed(said: dict[str, Any], rounds: int) -> None:
    outcome = rules.remind(make_approval(**said), now=START + minutes(85), organization=ORGANIZATION)
    assert (outcome.record.round, outcome.event.details["missed"]) == (rounds, rounds - 1)


PEOPLE = st.sampled_from(["zhou.heng", "lin.yue", "li.na", "wang.qiang", "ma.chao", "gone.away"])


class ApprovalLife(RuleBasedStateMachine):
    """Random people, acts and times on one question."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.asked = make_approval()
        self.due: datetime | None = None
        self.allowed: tuple[str, ...] = ()

    @initialize(asker=PEOPLE, needed=st.sampled_from([("lead.head",), ("lead.head", "lead.deputy"), ("tech.head",), ("li.na",)]))
    def begin(self, asker: str, needed: tuple[str, ...]) -> None:
        self.asked = make_approval(asked_by=asker, needed=needed)
        self._try(lambda: rules.ask(self.asked, ORGANIZATION))

    def _try(self, act: Callable[[], Outcome[Approval]]) -> None:
        before, self.allowed = self.asked, approvers_of(self.asked, ORGANIZATION)
        try:
            outcome = act()
        except UserError:
            assert self.asked == before, "a refused move changes nothing"
            return
        self.asked = replace(outcome.record, version=before.version + 1)
        for timer in outcome.timers:
            assert timer.name == "approval"
            assert timer.due is None or timer.due > self.now
            self.due = timer.due

    def _said(self, by: str) -> dict[str, Any]:
        return {"by": by, "organization": ORGANIZATION}

    @rule(by=PEOPLE)
    def approve(self, by: str) -> None:
        self._try(lambda: rules.approve(self.asked, now=self.now, note="", **self._said(by)))

    @rule(by=PEOPLE, reason=st.sampled_from(["", "依据不足"]))
    def return_(self, by: str, reason: str) -> None:
        self._try(lambda: rules.return_(self.asked, now=self.now, reason=reason, **self._said(by)))

    @rule(by=PEOPLE, to=st.none() | PEOPLE)
    def delegate(self, by: str, to: str | None) -> None:
        self._try(lambda: rules.delegate(self.asked, to=to, **self._said(by)))

    @rule(by=PEOPLE, wait=st.integers(-10, 130))
    def later(self, by: str, wait: int) -> None:
        self._try(lambda: rules.later(self.asked, until=self.now + minutes(wait), now=self.now, **self._said(by)))

    @rule()
    def void(self) -> None:
        self._try(lambda: rules.void(self.asked, now=self.now, reason="级别已变"))

    @rule(seconds=st.integers(0, 3000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.due is not None and self.due <= self.now:
            self._try(lambda: rules.remind(self.asked, now=self.now, organization=ORGANIZATION))

    @invariant()
    def pending_means_the_timer_runs(self) -> None:
        if self.asked.version:
            assert (self.asked.state is State.PENDING) == (self.due is not None)

    @invariant()
    def approved_means_somebody_named_and_not_the_asker(self) -> None:
        if self.asked.state in (State.APPROVED, State.RETURNED):
            assert self.asked.decided_by != self.asked.asked_by
            assert self.asked.decided_by in ORGANIZATION.people
            assert self.asked.decided_at is not None
        if self.asked.state is State.RETURNED:
            assert self.asked.note

    @invariant()
    def who_may_decide_never_includes_the_asker_nor_a_stranger(self) -> None:
        people = approvers_of(self.asked, ORGANIZATION)
        assert self.asked.asked_by not in people
        assert set(people) <= set(ORGANIZATION.people)
        if self.asked.state is State.APPROVED:
            assert self.asked.decided_by in people


TestApprovalLife = ApprovalLife.TestCase
TestApprovalLife.settings = settings(deadline=None, max_examples=60, stateful_step_count=20)
