"""Incidents as pure rules: what each verb makes, what it refuses, and what no sequence of moves can break."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.make import START
from tests.workflows.core.rubric_sample import SAMPLE as RUBRIC
from tests.workflows.sample import ORGANIZATION, make_incident, make_response, minutes
from workflows import incident as rules
from workflows.core.agreement import Agreement
from workflows.core.errors import NotAllowed, RuleBroken, UserError
from workflows.core.grading import grade
from workflows.core.outcome import Outcome, Timer
from workflows.core.response import Response
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel
from workflows.incident import DOORS, QUIET, RUNNING, UNCLOSED, Grading, Incident, Missing, State

NOW = START + minutes(5)
RESPONSE = make_response()
CADENCE = Timer("cadence", NOW + RESPONSE.cadence)
SAID: dict[str, Any] = {"by": "li.na", "now": NOW}
SCORES = dict.fromkeys(("incident_level", "reach", "spread", "trend"), (3, "已有报道"))


def refused(key: str, act: Callable[[], object], kind: type[UserError] = RuleBroken) -> UserError:
    with pytest.raises(kind, match=f"^{key}$".replace(".", r"\.")) as refusal:
        act()
    return refusal.value


def graded(found: Incident, overrides: dict[str, tuple[int, str]], given: dict[str, Any] | None = None) -> Outcome[Incident]:
    facts = {**found.facts, **(given or {})}
    working = grade(RUBRIC, facts, {**found.overrides, **overrides})
    response = make_response(level=working.response)
    return rules.grade(found, working, **SAID, given=given or {}, overrides=overrides, response=response)


# Opening and grading


def test_open() -> None:
    outcome = rules.open_(make_incident(opinion_total=0), grade(RUBRIC, {}), RESPONSE)
    opened = outcome.record
    assert (opened.state, opened.provisional, opened.opinion_total, opened.graded_at) == (State.OPEN, True, 8, None)
    assert opened.response_level is grade(RUBRIC, {}).response
    assert opened.next_update_at == START + RESPONSE.cadence
    assert outcome.timers == (Timer("cadence", START + RESPONSE.cadence),)
    assert (outcome.event.verb, outcome.event.details["number"]) == ("opened", opened.number)


def test_the_first_grade_keeps_scores_and_reasons() -> None:
    outcome = graded(make_incident(), SCORES)
    after = outcome.record
    assert (after.opinion_level, after.opinion_total, after.provisional, after.graded_at) == (OpinionLevel.SEVERE, 12, False, NOW)
    assert after.scores == dict.fromkeys(SCORES, 3)
    assert after.overrides == SCORES
    assert outcome.event.details["was"] == "l3"
    assert outcome.timers == (Timer("cadence", NOW + RESPONSE.cadence),), "a new level promises the next update anew"
    assert outcome.notices[0].kind == "incident.graded"


def test_the_same_level_again_moves_no_timer() -> None:
    first = graded(make_incident(), SCORES).record
    again = graded(first, {"reach": (3, "再核")})
    assert again.timers == ()
    assert again.record.graded_at == first.graded_at


def test_a_full_grade_stands_against_a_lower_reading() -> None:
    first = graded(make_incident(), SCORES).record
    outcome = graded(first, dict.fromkeys(SCORES, (1, "已平息")))
    after = outcome.record
    assert (outcome.event.verb, outcome.event.details["level"]) == ("measured", "mild")
    assert (after.opinion_level, after.opinion_total, after.scores) == (first.opinion_level, first.opinion_total, first.scores)
    assert (after.response_level, outcome.timers) == (first.response_level, ())
    assert after.overrides == dict.fromkeys(SCORES, (1, "已平息")), "the newest figures are what the next reading starts from"
    assert graded(first, dict.fromkeys(SCORES, (4, "扩散"))).record.opinion_level is OpinionLevel.EXTREME


def test_an_event_grade_only_rises_and_lifts_the_response() -> None:
    first = graded(make_incident(), {}, {"csrc_grade": "major"}).record
    assert first.csrc_grade is EventGrade.MAJOR
    assert first.response_level.rank >= ResponseLevel.of_rank(EventGrade.MAJOR.rank).rank
    refused("grade.csrc_lowering", lambda: graded(first, {}, {"csrc_grade": "general"}))
    refused("grade.csrc_lowering", lambda: graded(first, {}, {"csrc_grade": None}))
    refused("grade.cac_lowering", lambda: graded(replace(first, cac_grade=EventGrade.LARGER), {}, {"cac_grade": "general"}))


def test_keep_grading_is_the_grade_as_it_was_made() -> None:
    after = graded(make_incident(), SCORES).record
    working = grade(RUBRIC, after.facts, after.overrides)
    kept = rules.keep_grading(after, working, ref="G1", by="li.na", now=NOW, rubric="r v1").record
    assert (kept.incident, kept.at, kept.by, kept.rubric) == ("I1", NOW, "li.na", "r v1")
    assert (kept.scores, kept.total, kept.level, kept.response) == (
        after.scores,
        after.opinion_total,
        after.opinion_level,
        after.response_level,
    )


# The way to closed


def test_activate() -> None:
    outcome = rules.activate(make_incident(), **SAID, approval="A1")
    assert (outcome.record.state, outcome.record.approved_at) == (State.ACTIVE, NOW)
    assert outcome.event.details == {"by": "li.na", "approval": "A1", "level": "l3"}
    assert (outcome.timers, outcome.notices[0].to) == ((), ("chat",))


def test_recovered_is_the_commanders_word() -> None:
    outcome = rules.recovered(make_incident(State.ACTIVE), **SAID, note="")
    assert (outcome.record.state, outcome.record.recovered_at) == (State.RECOVERED, NOW)
    refusal = refused(
        "incident.commander_only", lambda: rules.recovered(make_incident(State.ACTIVE), by="ma.chao", now=NOW, note=""), NotAllowed
    )
    assert refusal.values == {"person": "li.na"}


def test_end_stops_the_cadence_and_counts_as_recovered() -> None:
    outcome = rules.end(make_incident(State.ACTIVE), **SAID, approval="A1")
    assert (outcome.record.state, outcome.record.ended_at, outcome.record.recovered_at) == (State.ENDED, NOW, NOW)
    assert outcome.timers == QUIET
    earlier = make_incident(State.RECOVERED, recovered_at=START)
    assert rules.end(earlier, **SAID, approval=None).record.recovered_at == START


def test_close_is_earned() -> None:
    ended = make_incident(State.ENDED)
    missing = Missing(("T3", "T7"), ("A2",))
    outcome = rules.close(ended, **SAID, missing=Missing())
    assert (outcome.record.state, outcome.record.closed_at, outcome.record.override_reason) == (State.CLOSED, NOW, "")
    assert outcome.timers == QUIET
    assert refused("incident.close_missing", lambda: rules.close(ended, **SAID, missing=missing)).values == {
        "ref": "I1",
        "count": 3,
        "items": "T3\nT7\nA2",
    }
    reason = "监管要求今日归档,剩余两项转改进台账"
    refused("incident.override_who", lambda: rules.close(ended, **SAID, missing=missing, override=reason), NotAllowed)
    refused("incident.override_reason", lambda: rules.close(ended, **SAID, missing=missing, override="太短", may_override=True))
    refused("house.move", lambda: rules.close(make_incident(State.ACTIVE), **SAID, missing=Missing()))
    forced = rules.close(ended, **SAID, missing=missing, override=reason, may_override=True)
    assert forced.record.override_reason == reason
    assert forced.event.details["left_open"] == ["T3", "T7", "A2"]
    unneeded = rules.close(ended, **SAID, missing=Missing(), override=reason, may_override=True)
    assert unneeded.record.override_reason == "", "nothing was overridden"


@pytest.mark.parametrize("state", [State.ENDED, State.CLOSED])
def test_reopen_starts_the_clocks_again(state: State) -> None:
    over = make_incident(state, recovered_at=START, ended_at=START, closed_at=START, override_reason="x" * 10, silent_rounds=4)
    outcome = rules.reopen(over, **SAID, reason="故障再次出现,需继续处置", response=RESPONSE)
    again = outcome.record
    assert (again.state, again.known_at, again.override_reason, again.silent_rounds) == (State.ACTIVE, NOW, "", 0)
    assert (again.recovered_at, again.ended_at, again.closed_at) == (None, None, None)
    assert outcome.timers == (CADENCE,)
    was = outcome.event.details["clocks_were"]
    assert isinstance(was, dict)
    assert was["ended"] == START.isoformat()
    refused("incident.reopen_reason", lambda: rules.reopen(over, **SAID, reason="再开", response=RESPONSE))


# Command and news


def test_take_and_handover() -> None:
    outcome = rules.take(make_incident(), by="sun.jie", note="换班")
    assert outcome.record.commander == "sun.jie"
    assert outcome.event.details == {"by": "sun.jie", "from": "li.na", "to": "sun.jie", "note": "换班"}
    assert [notice.to for notice in outcome.notices] == [("chat",), ("li.na",)], "whoever commanded hears of it"
    handed = rules.handover(make_incident(), by="li.na", to="sun.jie", note="")
    assert [notice.to for notice in handed.notices] == [("chat",), ("sun.jie",)]
    by_a_third = rules.handover(make_incident(), by="zhou.heng", to="sun.jie", note="")
    assert by_a_third.notices[1].to == ("li.na", "sun.jie")
    refused("incident.commands_already", lambda: rules.take(make_incident(), by="li.na", note=""))
    refused("house.move", lambda: rules.take(make_incident(State.CLOSED), by="sun.jie", note=""))


def test_update_renews_the_promise() -> None:
    outcome = rules.update(make_incident(silent_rounds=3), **SAID, text="已切换", response=RESPONSE)
    after = outcome.record
    assert (after.last_update, after.next_update_at, after.silent_rounds) == ("已切换", NOW + minutes(30), 0)
    assert outcome.timers == (CADENCE,)
    over = rules.update(make_incident(State.ENDED), **SAID, text="复盘中", response=RESPONSE)
    assert (over.record.next_update_at, over.timers) == (None, (Timer("cadence", None),))
    refused("incident.update_empty", lambda: rules.update(make_incident(), **SAID, text=" \n", response=RESPONSE))


def test_silence_is_asked_about_ever_higher() -> None:
    found, reached = make_incident(), []
    for _ in range(4):
        outcome = rules.ask_for_update(found, now=NOW, response=RESPONSE, organization=ORGANIZATION)
        found = outcome.record
        reached.append(outcome.notices[0].to)
        assert outcome.timers == (CADENCE,)
    assert reached == [("li.na",), ("li.na", "sun.jie"), ("li.na", "sun.jie", "zhou.heng", "lin.yue"), reached[2]]
    slow = make_response(cadence=minutes(120))
    asked = rules.ask_for_update(make_incident(), now=NOW, response=slow, organization=ORGANIZATION)
    assert asked.timers == (Timer("cadence", NOW + minutes(30)),), "asked again within half an hour, however slow the cadence"


def test_facts() -> None:
    outcome = rules.set_facts(make_incident(), **SAID, given={"cause": "光模块"}, details={"system": "行情", "commander": "nobody"})
    after = outcome.record
    assert (after.facts, after.system, after.confirmed_at) == ({"cause": "光模块"}, "行情", NOW)
    assert after.commander == "li.na", "only the first report's own fields are set here"
    assert rules.set_facts(after, by="li.na", now=NOW + minutes(5), given={"cause": "电源"}, details={}).record.confirmed_at == NOW
    refused("incident.fact_nothing", lambda: rules.set_facts(make_incident(), **SAID, given={}, details={}))


def test_type_is_set_once() -> None:
    typed = rules.set_type(make_incident(), by="li.na", now=START, type_="system_failure", playbook="system_failure", facts={}).record
    assert (typed.type, typed.playbooks) == ("system_failure", ("common", "system_failure"))
    refused("incident.type_stands", lambda: rules.set_type(typed, by="li.na", now=START, type_="rumour", playbook="rumour", facts={}))


def test_bound_is_news_of_the_trail_only() -> None:
    for verb, past in (("bind", "bound"), ("unbind", "unbound")):
        outcome = rules.bound(make_incident(), by="li.na", chat="console:tech", verb=verb)
        assert (outcome.event.verb, outcome.timers, outcome.notices) == (past, (), ())


def test_clocks_are_those_that_lines_may_count_from() -> None:
    assert make_incident().clocks()["opened"] == START
    assert set(make_incident().clocks()) == set(rules.CLOCKS)


# No sequence of moves breaks these

PEOPLE = st.sampled_from(["li.na", "sun.jie", "zhou.heng", "ma.chao"])
REASONS = st.sampled_from(["", "再开", "故障再次出现,需继续处置"])


class IncidentLife(RuleBasedStateMachine):
    """Random verbs, people, scores and times on one incident."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.found = make_incident()
        self.due: datetime | None = None
        self.rescore: datetime | None = None
        self.readings: list[Grading] = []

    @property
    def response(self) -> Response:
        return make_response(level=self.found.response_level)

    @initialize()
    def begin(self) -> None:
        self._try(lambda: rules.open_(self.found, grade(RUBRIC, {}), RESPONSE))

    def _try(self, act: Callable[[], Outcome[Incident]]) -> None:
        before = self.found
        try:
            outcome = act()
            if outcome.event.verb in ("opened", "graded", "measured", "lowered", "downgraded", "reopened"):
                outcome = rules.watched(outcome, RUBRIC, self.response, now=self.now)
        except UserError:
            assert self.found == before, "a refused move changes nothing"
            return
        self.found = replace(outcome.record, version=before.version + 1)
        assert self.found.ref == before.ref
        assert self.found.number == before.number
        for timer in outcome.timers:
            assert timer.name in ("cadence", "rescore")
            self.due, self.rescore = (timer.due, self.rescore) if timer.name == "cadence" else (self.due, timer.due)

    @rule(by=PEOPLE, verb=st.sampled_from(["activate", "end"]))
    def moves(self, by: str, verb: str) -> None:
        self._try(lambda: getattr(rules, verb)(self.found, by=by, now=self.now, approval=None))

    @rule(by=PEOPLE)
    def recovered(self, by: str) -> None:
        self._try(lambda: rules.recovered(self.found, by=by, now=self.now, note=""))

    @rule(by=PEOPLE, tasks=st.sampled_from([(), ("T1",)]), override=REASONS, may=st.booleans())
    def close(self, by: str, tasks: tuple[str, ...], override: str, may: bool) -> None:
        missing, stood_open = Missing(tasks), self.found.state is not State.CLOSED
        self._try(lambda: rules.close(self.found, by=by, now=self.now, missing=missing, override=override, may_override=may))
        if stood_open and self.found.state is State.CLOSED and tasks:
            assert self.found.override_reason, "what was closed with something missing says why"

    @rule(by=PEOPLE, reason=REASONS)
    def reopen(self, by: str, reason: str) -> None:
        self._try(lambda: rules.reopen(self.found, by=by, now=self.now, reason=reason, response=self.response))

    @rule(
        by=PEOPLE,
        scores=st.dictionaries(st.sampled_from(sorted(SCORES)), st.integers(1, 4)),
        csrc=st.none() | st.sampled_from([str(each) for each in EventGrade]),
    )
    def grade(self, by: str, scores: dict[str, int], csrc: str | None) -> None:
        overrides = {name: (score, "已有报道") for name, score in scores.items()}
        given: dict[str, Any] = {} if csrc is None else {"csrc_grade": csrc}
        working = grade(RUBRIC, {**self.found.facts, **given}, {**self.found.overrides, **overrides})
        before = self.found
        response = make_response(level=rules.read(before, working, given, overrides).response_level)
        self._try(lambda: rules.grade(before, working, by=by, now=self.now, given=given, overrides=overrides, response=response))
        if not before.provisional:
            assert not self.found.provisional
            assert self.found.opinion_level.rank >= before.opinion_level.rank
        if self.found.version > before.version:
            self.readings.append(rules.keep_grading(self.found, working, ref="G1", by=by, now=self.now, rubric="r").record)
        if before.csrc_grade is not None:
            assert self.found.csrc_grade is not None
            assert self.found.csrc_grade.rank >= before.csrc_grade.rank

    @rule(by=PEOPLE, asked_by=PEOPLE, csrc=st.sampled_from([None, *map(str, EventGrade)]))
    def lower(self, by: str, asked_by: str, csrc: str | None) -> None:
        given, before = {"csrc_grade": csrc}, self.found
        working = grade(RUBRIC, {**before.facts, **given}, before.overrides)
        said = Agreement(asked_by, by, "复核后认定级别偏高", "A1")
        self._try(lambda: rules.lower(before, working, said, now=self.now, given=given, response=self.response))
        if not before.provisional:
            assert self.found.opinion_level.rank >= before.opinion_level.rank, "the opinion level does not fall with it"
        assert by != asked_by or self.found == before, "never one person alone"

    @rule(by=PEOPLE, asked_by=PEOPLE, to=st.sampled_from(list(OpinionLevel)))
    def downgrade(self, by: str, asked_by: str, to: OpinionLevel) -> None:
        before, said = self.found, Agreement(asked_by, by, "两次读数都已回落", "A1")
        responses = {level: make_response(level=level) for level in ResponseLevel}
        self._try(lambda: rules.downgrade(before, self.readings, said, now=self.now, to=to, responses=responses, gap=minutes(60)))
        if self.found.opinion_level.rank < before.opinion_level.rank:
            assert by != asked_by
            assert len([r for r in self.readings if r.level.rank <= to.rank]) >= 2

    @rule(by=PEOPLE, asked_by=PEOPLE, delayed=st.booleans(), into=st.booleans())
    def leave(self, by: str, asked_by: str, delayed: bool, into: bool) -> None:
        before, said = self.found, Agreement(asked_by, by, "两人上报的是同一故障", "A1")
        if into:
            self._try(lambda: rules.merge(before, said, into="I2", delayed=delayed, moved={}, to=()))
        else:
            self._try(lambda: rules.false_alarm(before, said, delayed=delayed))
        if self.found.state is not before.state:
            assert before.state in DOORS
            assert by != asked_by

    @rule(by=PEOPLE, text=st.sampled_from([" ", "已切换"]))
    def update(self, by: str, text: str) -> None:
        self._try(lambda: rules.update(self.found, by=by, now=self.now, text=text, response=self.response))

    @rule(by=PEOPLE)
    def take(self, by: str) -> None:
        self._try(lambda: rules.take(self.found, by=by, note=""))

    @rule(by=PEOPLE, given=st.sampled_from([{}, {"cause": "光模块"}]))
    def fact(self, by: str, given: dict[str, Any]) -> None:
        self._try(lambda: rules.set_facts(self.found, by=by, now=self.now, given=given, details={}))

    @rule(seconds=st.integers(0, 10_000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.due is not None and self.due <= self.now:
            response = self.response
            self._try(lambda: rules.ask_for_update(self.found, now=self.now, response=response, organization=ORGANIZATION))
            assert self.due > self.now
        if self.rescore is not None and self.rescore <= self.now:
            last = self.readings[-1].at if self.readings else START
            self._try(lambda: rules.ask_to_rescore(self.found, RUBRIC, self.response, now=self.now, last=last, organization=ORGANIZATION))
            assert self.rescore > self.now

    @invariant()
    def running_means_the_next_update_is_promised(self) -> None:
        if self.found.version:
            assert (self.found.state in RUNNING) == (self.due is not None) == (self.rescore is not None)
            if self.due is not None:
                assert self.found.next_update_at == self.due

    @invariant()
    def clocks_follow_the_state(self) -> None:
        found = self.found
        assert (found.closed_at is not None) == (found.state is State.CLOSED)
        assert (found.ended_at is not None) == (found.state in (State.ENDED, State.CLOSED))
        assert found.state not in (State.RECOVERED, State.ENDED, State.CLOSED) or found.recovered_at is not None
        assert found.state in (State.OPEN, State.MERGED, State.FALSE_ALARM) or found.approved_at is not None

    @invariant()
    def the_response_level_is_the_higher_of_the_two(self) -> None:
        found = self.found
        if found.version:
            ranks = [found.opinion_level.rank, *([found.csrc_grade.rank] if found.csrc_grade else [])]
            assert found.response_level.rank == max(ranks)


TestIncidentLife = IncidentLife.TestCase
TestIncidentLife.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)


def test_no_state_is_both_running_and_over() -> None:
    assert set(UNCLOSED) == set(State) - {State.CLOSED, State.MERGED, State.FALSE_ALARM}
    assert set(RUNNING) < set(UNCLOSED)
    assert [(a, b) for a, b in product(RUNNING, (State.ENDED, State.CLOSED)) if a is b] == []


def test_a_further_playbook_joins_once_and_leaves_what_people_said() -> None:
    typed = make_incident(type="cyber_attack", playbooks=("common", "cyber_attack"), facts={"pi": None, "crime": True}, said=("pi",))
    after = rules.add_playbook(
        typed, by="li.na", now=START, playbook="data_leak", facts={"pi": True, "crime": True, "trading": False}
    ).record
    assert after.playbooks == ("common", "cyber_attack", "data_leak")
    assert after.facts == {"pi": None, "crime": True, "trading": False}
    assert after.type == "cyber_attack"
    refused("playbook.there", lambda: rules.add_playbook(after, by="li.na", now=START, playbook="data_leak", facts={}))


def test_another_type_leads_and_added_playbooks_stay() -> None:
    typed = make_incident(type="a", subtype="x", playbooks=("common", "a", "b"), facts={"crime": True, "pi": True}, said=("pi",))
    after = rules.change_type(typed, by="li.na", now=START, type_="c", subtype=None, facts={"crime": False}, approval="A1").record
    assert (after.type, after.subtype, after.playbooks) == ("c", None, ("common", "c", "b"))
    assert after.facts == {"crime": False, "pi": True}, "what the old type started with goes, what people said stays"
    swapped = rules.change_type(typed, by="li.na", now=START, type_="b", subtype="x", facts={}).record
    assert swapped.playbooks == ("common", "b")
    refused("playbook.main_already", lambda: rules.change_type(after, by="li.na", now=START, type_="c", subtype=None, facts={}))


def test_facts_that_are_stated_are_remembered_as_said() -> None:
    noted = rules.set_facts(make_incident(said=("pi",)), by="li.na", now=START, given={"crime": None, "pi": True}, details={}).record
    assert noted.said == ("pi", "crime")
