"""Who speaks, when silence climbs and how loudly, what may be quoted: the rules by themselves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_response, make_statement, minutes
from workflows import enquiry as rules
from workflows import rumour as rumours
from workflows.core.channels import by_messenger
from workflows.core.errors import UserError
from workflows.core.people import Organization
from workflows.core.quote import publishable, quote, standing
from workflows.core.response import Rung
from workflows.core.speaking import hears, may_speak, speakers, spokesperson
from workflows.enquiry import Desk, Enquiry, State
from workflows.rumour import Finding, Rumour
from workflows.statement import State as Said
from workflows.statement import digest_of

RESPONSE = make_response()
DESK = Desk(ORGANIZATION, RESPONSE, "li.na", by_messenger)
TEXT = "正在核实。"


def asked(**values: Any) -> Enquiry:
    plain = Enquiry("Q1", "I1", "p", State.RECEIVED, "财新", "", "", "电话", "能登录了吗", START, "ma.chao", START, START)
    return replace(plain, **values)


def firm(**people: dict[str, Any]) -> Organization:
    """The sample, with more known of some people; `_` stands for a dot."""
    changed = {one: replace(ORGANIZATION.people[one], **more) for name, more in people.items() for one in [name.replace("_", ".")]}
    return replace(ORGANIZATION, people={**ORGANIZATION.people, **changed})


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(UserError) as refusal:
        run()
    return refusal.value.key


# Who speaks


def test_the_role_then_its_deputies_then_who_leads_the_opinion_group() -> None:
    named = firm(guo_ping={"roles": ("spokesperson",), "deputies": ("ma.chao",)})
    assert speakers(named) == ("guo.ping", "ma.chao", "zhao.min", "sun.jie")
    assert speakers(ORGANIZATION) == ("zhao.min", "sun.jie"), "nobody has the role"
    assert spokesperson(replace(named, away=frozenset({"guo.ping"}))) == "ma.chao"
    everybody_away = replace(named, away=frozenset(named.people) - {"zhou.heng"})
    assert spokesperson(everybody_away) == "zhou.heng"


def test_one_at_a_time() -> None:
    named = firm(guo_ping={"roles": ("spokesperson",), "deputies": ("ma.chao",)})
    assert [one for one in named.people if may_speak(one, named)] == ["guo.ping"]
    away = replace(named, away=frozenset({"guo.ping"}))
    assert [one for one in away.people if may_speak(one, away)] == ["ma.chao", "guo.ping"], "leave changes who hears, never who may"
    assert may_speak("sun.jie", named, owner="sun.jie")


# When the clock speaks


@pytest.mark.parametrize(
    ("state", "due", "since", "at"),
    [
        (State.RECEIVED, None, 0, 10),  # as soon as a task that nobody claims
        (State.RECEIVED, 240, 0, 10),
        (State.RECEIVED, 15, 0, 5),  # or before the journalist's deadline, if that is sooner
        (State.ASSIGNED, None, 0, 30),
        (State.ASSIGNED, 240, 0, 230),  # calm until it is near
        (State.ASSIGNED, 240, 230, 240),
        (State.ASSIGNED, 240, 240, 255),  # past it again and again
        (State.RECEIVED, 240, 300, 315),
    ],
)
def test_when_it_speaks(state: State, due: int | None, since: int, at: int) -> None:
    found = asked(state=state, due_at=None if due is None else START + minutes(due), prompted_at=START + minutes(since))
    assert rules.next_word(found, RESPONSE) == START + minutes(at)


@pytest.mark.parametrize("state", list(rules.OPEN))
@pytest.mark.parametrize("due", [None, 1, 9, 30, 600])
@pytest.mark.parametrize("late", [0, 3, 200])
def test_however_late_the_next_word_is_still_to_come(state: State, due: int | None, late: int) -> None:
    """For a hundred rounds, also when the house stood still: no silence is the last one."""
    found, now = asked(state=state, due_at=None if due is None else START + minutes(due)), START
    for _ in range(100):
        now = rules.next_word(found, RESPONSE) + minutes(late)
        outcome = rules.remind(found, now=now, desk=DESK)
        found = outcome.record
        assert [(timer.name, timer.due) for timer in outcome.timers] == [("enquiry", rules.next_word(found, RESPONSE))]
        assert rules.next_word(found, RESPONSE) > now
    assert found.rank == 3


def test_each_silence_climbs_and_who_heard_before_hears_again() -> None:
    organization, people = firm(guo_ping={"roles": ("spokesperson",)}), []
    for rank in range(4):
        people.append(hears(rank, ("guo.ping",), organization, "li.na"))
    assert people == [
        ("guo.ping",),
        ("guo.ping", "sun.jie", "zhao.min"),
        ("guo.ping", "sun.jie", "zhao.min", "li.na"),
        ("guo.ping", "sun.jie", "zhao.min", "li.na", "zhou.heng", "lin.yue"),
    ]


def test_who_sleeps_is_woken_by_the_ways_of_the_level() -> None:
    """One card that stays as things are, and at the heaviest level a text message about it."""
    loud = replace(RESPONSE, rungs=(Rung(("owner",), minutes(5), ("card", "urgent", "sms")),))
    desk = replace(DESK, response=loud, reach=lambda person: frozenset({"card", "sms"}))
    card, rung = rules.register(asked(), desk).notices
    assert (card.kind, card.to, card.card, card.rings) == ("enquiry", ("zhao.min",), True, ())
    assert (rung.to, rung.said, [ring.by for ring in rung.rings]) == (("zhao.min",), False, ["sms"])
    assert [one.kind for one in rules.register(asked(), DESK).notices] == ["enquiry"], "a lighter level has nothing louder"
    assert [one.kind for one in rules.register(asked(registered_by="zhao.min"), desk).notices] == ["enquiry"], "who speaks took the call"


def test_a_rumour_is_asked_about_at_the_pace_of_the_level() -> None:
    heard = Rumour("M1", "I1", "p", rumours.State.HEARD, "资金没了", "", "", "", START, "sun.jie", START, START)
    now: datetime = rumours.next_word(heard, RESPONSE)
    assert now - START == RESPONSE.cadence
    outcome = rumours.remind(heard, now=now + timedelta(hours=9), response=RESPONSE, organization=ORGANIZATION, commander="li.na")
    assert outcome.record.rank == 3
    assert outcome.notices[-1].to == ("control",)


# What may be said


def said(**values: Any) -> Any:
    plain = make_statement(Said.APPROVED)
    return replace(plain, digest=digest_of(TEXT), expires_at=START + minutes(240), **values)


def test_only_what_stands_is_quoted() -> None:
    found = quote(said(), TEXT, START, inside=False)
    assert (found.statement, found.revision, found.digest) == ("S1", said().revision, digest_of(TEXT))
    assert refused(lambda: quote(said(), TEXT, START + minutes(240), inside=True)) == "quote.expired"
    assert refused(lambda: quote(said(), TEXT + " ", START, inside=True)) == "statement.other_text"
    for state in (Said.DRAFT, Said.SUBMITTED, Said.WITHDRAWN):
        assert refused(lambda state=state: quote(said(state=state), TEXT, START, inside=True)) == "quote.not_approved"  # type: ignore[misc]  # bound now
    assert standing(said(state=Said.PUBLISHED), START + timedelta(days=9)), "what is out stays said"
    otherwise = said(state=Said.PUBLISHED, changed={"system": ["a", "b"]})
    assert refused(lambda: quote(otherwise, TEXT, START, inside=True)) == "quote.outdated", "the facts are others now"


def test_internal_lines_are_quoted_inside_and_never_published() -> None:
    inside = said(internal=True)
    assert quote(inside, TEXT, START, inside=True).statement == "S1"
    assert refused(lambda: quote(inside, TEXT, START, inside=False)) == "statement.internal"
    assert refused(lambda: publishable(inside)) == "statement.internal"
    publishable(said())


def test_a_finding_takes_two() -> None:
    heard = Rumour("M1", "I1", "p", rumours.State.HEARD, "资金没了", "", "", "", START, "sun.jie", START, START)
    house: dict[str, Any] = {"now": START, "response": RESPONSE, "organization": ORGANIZATION}
    alone = {"finding": Finding.FALSE, "basis": "逐笔核对", "by": "sun.jie", "agreed_by": "sun.jie"}
    assert refused(lambda: rumours.find(heard, **alone, **house)) == "rumour.two_people"  # type: ignore[arg-type]  # by name
    assert refused(lambda: rumours.leave(heard, by="sun.jie", reason="不值得", now=START)) == "rumour.not_looked_into"
    noted = rumours.unclear(heard, by="sun.jie", basis="没有联系上", now=START, response=RESPONSE).record
    assert rumours.leave(noted, by="sun.jie", reason="不值得", now=START).record.state is rumours.State.LEFT
