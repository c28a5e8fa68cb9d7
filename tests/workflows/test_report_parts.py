"""What is told in part, by phone, or without news; and a signature that somebody hesitates to give."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.obligation_sample import CAC, EXCHANGES, FIRST, PROGRESS, make_terms
from workflows import regulator_report as rules
from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value
from workflows.core.obligation import Obligation
from workflows.core.rubric import EventGrade
from workflows.regulator_report import Filing, Report, State

IN_PART = replace(CAC, partial_ok="可先报前两项其余补报", complete_within=timedelta(days=1))


def opened(duty: Obligation) -> Report:
    return rules.open_(duty, make_terms(), ref="R1", incident="I1", plan="sha256:0", by="li.na", now=START, condition="yes").record


def told(report: Report, duty: Obligation, minute: int, *, partial: bool = False, to: tuple[str, ...] = (), **said: str) -> Report:
    at = START + timedelta(minutes=minute)
    whom = to or report.missing
    way: dict[str, Any] = {"way": "电话", "receipt": "王处", **said}
    return rules.file(report, duty, make_terms(), by="li.na", now=at, when=at, to=whom, partial=partial, **way).record


# In part


def test_the_rest_is_the_next_issue_on_a_clock_that_counts_from_the_first_part() -> None:
    rest = told(opened(IN_PART), IN_PART, 30, partial=True)
    assert (rest.state, rest.issue, rest.completing, rest.missing) == (State.DUE, 2, True, IN_PART.to)
    assert (rest.since_at, rest.deadline_at) == (START + timedelta(minutes=30), START + timedelta(days=1, minutes=30))
    assert rules.next_word(rest) is not None
    done = told(rest, IN_PART, 90)
    assert (done.state, done.completing, rules.next_word(done)) == (State.FILED, False, None)


def test_a_heavier_grade_moves_the_rest_neither_way() -> None:
    rest = told(opened(IN_PART), IN_PART, 30, partial=True)
    heavier = make_terms(csrc_grade=EventGrade.EXTREME)
    assert rules.tighten(rest, IN_PART, heavier, now=START + timedelta(minutes=40)) is None
    assert rules.later(rest, IN_PART, heavier) is None


def test_without_a_figure_for_the_rest_nobody_is_asked_for_it() -> None:
    silent = replace(IN_PART, complete_within=None)
    done = told(opened(silent), silent, 30, partial=True)
    assert (done.state, done.filed[0].partial) == (State.FILED, True)


def test_one_of_several_recipients_told_in_part_is_enough_for_a_rest() -> None:
    several = replace(EXCHANGES, partial_ok="其余补报", complete_within=timedelta(hours=6))
    first = told(opened(several), several, 5, partial=True, to=several.to[:1])
    assert (first.issue, first.missing) == (1, several.to[1:])
    rest = told(first, several, 9)
    assert (rest.issue, rest.missing) == (2, several.to), "all of them get the rest"


def test_only_what_may_go_in_part_does_and_only_once() -> None:
    with pytest.raises(RuleBroken, match=r"^report\.whole$"):
        told(opened(FIRST), FIRST, 5, partial=True)
    with pytest.raises(RuleBroken, match=r"^report\.rest$"):
        told(told(opened(IN_PART), IN_PART, 5, partial=True), IN_PART, 9, partial=True)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200)), max_size=6))
def test_whatever_is_told_in_part_the_clock_runs_until_the_whole_is_told(acts: list[tuple[bool, int]]) -> None:
    report, minute = opened(IN_PART), 0
    for partial, wait in acts:
        minute += wait
        if not report.open:
            break
        try:
            report = told(report, IN_PART, minute, partial=partial)
        except RuleBroken:
            assert partial
            assert report.completing
        assert report.open == (rules.next_word(report) is not None)
        assert report.open or not report.filed[-1].partial


# By phone


def test_a_call_is_proved_by_who_took_it_or_by_a_number() -> None:
    assert told(opened(FIRST), FIRST, 5, receipt="", callee="王处").filed[0].proof == "电话 王处"
    assert told(opened(FIRST), FIRST, 5, receipt="2026-07", callee="王处").filed[0].proof == "电话 王处 2026-07"
    assert told(opened(FIRST), FIRST, 5, receipt="王处", callee="王处").filed[0].proof == "电话 王处", "each once"
    with pytest.raises(RuleBroken, match=r"^report\.receipt$"):
        told(opened(FIRST), FIRST, 5, receipt=" ", callee=" ")


def test_a_filing_of_before_knows_nothing_of_calls_and_parts() -> None:
    kept: dict[str, Value] = {"issue": 1, "to": "属地证监局", "at": START.isoformat(), "way": "电话", "receipt": "王处", "by": "li.na"}
    (old,) = replace(opened(FIRST), filings=(kept,)).filed
    assert old == Filing(1, "属地证监局", START, "电话", "王处", "li.na")
    assert old.as_value() == kept, "and stays as it was kept"


def test_points_are_noted_once_where_they_are_missing() -> None:
    several = told(told(opened(EXCHANGES), EXCHANGES, 5, to=EXCHANGES.to[:1], points="已说明"), EXCHANGES, 9)
    noted = rules.note(several, by="li.na", points=" 交易中断 ").record
    assert [filing.points for filing in noted.filed] == ["已说明", "交易中断", "交易中断"]
    for points in ("", "再来一次"):
        with pytest.raises(RuleBroken, match=r"^report\.no_points$"):
            rules.note(noted, by="li.na", points=points)
    with pytest.raises(RuleBroken, match=r"^report\.no_points$"):
        rules.note(opened(FIRST), by="li.na", points="什么也没报过")


# Nothing new


def test_no_change_goes_the_way_its_recipient_was_last_told_of_anything() -> None:
    series, phone, exchanges = opened(PROGRESS), told(opened(FIRST), FIRST, 5), told(opened(EXCHANGES), EXCHANGES, 20, way="平台")
    assert rules.last_told([series], series) is None
    last = rules.last_told([series, phone, exchanges], series)
    assert last is not None
    assert (last.way, last.receipt) == ("电话", "王处"), "what others were told later is no way to this one"


# Hesitating


def drafted(state: State = State.DRAFTED) -> Report:
    return replace(opened(FIRST), state=state, drafts=2, draft_sha256="aa", drafted_by="li.na", drafted_at=START)


def test_a_returned_draft_is_nobodys_to_sign_and_its_drafter_hears_why() -> None:
    outcome = rules.return_(drafted(), by="zhou.heng", version=2, signers=("zhou.heng",), reason="受影响人数要再核对一遍")
    assert (outcome.record.state, outcome.record.drafts, outcome.record.draft_sha256) == (State.DUE, 2, "")
    assert [(one.kind, one.to) for one in outcome.notices] == [("report.returned", ("li.na",))]
    assert outcome.timers[0].due is not None, "the clock runs on"
    with pytest.raises(RuleBroken, match=r"^report\.no_draft$"):
        rules.sign(outcome.record, by="zhou.heng", now=START, version=2, signers=("zhou.heng",))
    with pytest.raises(NotAllowed, match=r"^report\.not_signer$"):
        rules.return_(drafted(), by="li.na", version=2, signers=("zhou.heng",), reason="受影响人数要再核对一遍")
    with pytest.raises(RuleBroken, match=r"^report\.other_draft$"):
        rules.return_(drafted(), by="zhou.heng", version=1, signers=("zhou.heng",), reason="受影响人数要再核对一遍")


def test_what_differs_takes_a_reason_and_both_stand_with_the_signature() -> None:
    differs = (("受影响人数", "1.2万户", "2.5万户"),)
    said: dict[str, Any] = {"by": "zhou.heng", "now": START, "version": 2, "signers": ("zhou.heng",)}
    with pytest.raises(RuleBroken, match=r"^agreement\.reason$"):
        rules.sign(drafted(), **said, differs=differs)
    signed = rules.sign(drafted(), **said, differs=differs, reason=" 首报先按此稿,随续报更正 ")
    assert signed.event.details["differs"] == [["受影响人数", "1.2万户", "2.5万户"]]
    assert signed.event.details["reason"] == "首报先按此稿,随续报更正"
    assert "reason" not in rules.sign(drafted(), **said).event.details


def test_the_copy_of_what_was_signed_survives_the_end_of_its_issue_but_no_new_draft() -> None:
    signed = rules.sign(drafted(), by="zhou.heng", now=START, version=2, signers=("zhou.heng",)).record
    copy: dict[str, Any] = {"version": 2, "of_issue": 1, "by": "zhou.heng", "of": "aa", "sha256": "bb"}
    assert [one.to for one in rules.issue(signed, **copy).notices] == [("li.na",)]
    gone_on = replace(signed, issue=2, state=State.DUE, draft_sha256="", signed_by=None, drafted_by=None)
    assert rules.issue(gone_on, **copy).notices == (), "it was told already: nobody has to send it"
    assert rules.issue(replace(gone_on, drafts=3, state=State.DRAFTED), **copy).event.verb == "issued"
    for voided in (replace(signed, drafts=3, signed_by=None), replace(signed, signed_by=None)):
        with pytest.raises(RuleBroken, match=r"^report\.other_draft$"):
            rules.issue(voided, **copy)
