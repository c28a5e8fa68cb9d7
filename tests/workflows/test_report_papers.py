"""Papers of a report, whatever people do in whatever order: nobody signs what they drafted, and no signature outlives a later draft."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.obligation_sample import PROGRESS, make_terms
from workflows import regulator_report as rules
from workflows.core.errors import UserError
from workflows.regulator_report import Report, State

PEOPLE = ("li.na", "sun.jie", "zhou.heng")
SIGNERS = ("li.na", "zhou.heng")
ACTS = st.one_of(
    st.tuples(st.just("draft"), st.sampled_from(PEOPLE), st.just(0)),
    st.tuples(st.just("sign"), st.sampled_from(PEOPLE), st.integers(0, 4)),
    st.tuples(st.just("file"), st.sampled_from(PEOPLE), st.just(0)),
    st.tuples(st.just("issue"), st.sampled_from(PEOPLE), st.integers(0, 4)),
)


def opened() -> Report:
    found = rules.open_(PROGRESS, make_terms(), ref="R1", incident="I1", plan="sha256:0", by="li.na", now=START, condition="yes").record
    return replace(found, state=State.DUE)


@given(st.lists(ACTS, max_size=14))
def test_who_signs_has_not_drafted_and_signs_the_latest(acts: list[tuple[str, str, int]]) -> None:
    report, now = opened(), START
    drafters: dict[int, str] = {}
    for act, person, version in acts:
        now += timedelta(minutes=1)
        before = report
        try:
            report = _done(report, act, person, version, now)
        except UserError:
            assert report == before
            continue
        if act == "draft":
            drafters[report.drafts] = person
            assert (report.signed_by, report.signed_sha256) == (None, ""), "whoever signed the one before has not signed this one"
        if act == "sign":
            assert person in SIGNERS
            assert person != drafters[version]
            assert version == max(drafters)
        if report.signed_by is not None:
            assert report.signed_sha256 == report.draft_sha256 == f"hash {report.drafts}"
            assert report.signed_by != drafters[report.drafts]
        assert (report.state is State.SIGNED) == (report.signed_by is not None and report.open)
        assert rules.next_word(report) is not None, "its clock runs on, however far the paper is"


def _done(report: Report, act: str, person: str, version: int, now: object) -> Report:
    at = START + timedelta(minutes=1)
    when: dict[str, object] = {"by": person, "now": now}
    if act == "draft":
        new = report.drafts + 1
        return rules.draft(report, **when, version=new, sha256=f"hash {new}", content="00", partial=False, signers=SIGNERS).record  # type: ignore[arg-type]
    if act == "sign":
        return rules.sign(report, **when, version=version, signers=SIGNERS).record  # type: ignore[arg-type]
    if act == "issue":
        signed = {"of_issue": report.issue, "by": report.signed_by or "", "of": report.signed_sha256}
        return rules.issue(report, version=version, sha256="copy", **signed).record  # type: ignore[arg-type]
    told = {"to": report.recipients, "way": "电话", "receipt": "001", "when": now or at}
    return rules.file(report, PROGRESS, make_terms(), **when, **told).record  # type: ignore[arg-type]


def test_a_draft_of_a_duty_that_is_still_to_be_decided_leaves_it_to_be_decided() -> None:
    report = replace(opened(), state=State.TO_DECIDE)
    outcome = rules.draft(report, by="li.na", now=START, version=1, sha256="a", content="b", partial=False, signers=SIGNERS)
    assert outcome.record.state is State.TO_DECIDE
    assert not outcome.notices, "nobody is asked to sign what may not be due"
    decided = rules.decide(outcome.record, PROGRESS, make_terms(), by="li.na", now=START).record
    assert rules.sign(decided, by="zhou.heng", now=START, version=1, signers=SIGNERS).record.state is State.SIGNED


def test_whoever_signed_the_draft_before_hears_that_it_is_void_and_others_that_there_is_a_new_one() -> None:
    first = rules.draft(opened(), by="sun.jie", now=START, version=1, sha256="a", content="b", partial=False, signers=SIGNERS)
    assert [(one.kind, one.to) for one in first.notices] == [("report.to_sign", SIGNERS)]
    signed = rules.sign(first.record, by="zhou.heng", now=START, version=1, signers=SIGNERS).record
    again = rules.draft(signed, by="li.na", now=START, version=2, sha256="c", content="d", partial=False, signers=SIGNERS)
    assert [(one.kind, one.to) for one in again.notices] == [("report.unsigned", ("zhou.heng",))], "who drafted it is not asked to sign it"
