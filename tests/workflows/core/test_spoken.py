"""A spoken yes as pure rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_approval
from workflows.core import spoken
from workflows.core.approval import State
from workflows.core.errors import RuleBroken, UserError
from workflows.core.outcome import Timer

SAID: dict[str, Any] = {
    "by": "sun.jie",
    "of": "zhou.heng",
    "now": START,
    "note": "",
    "hearers": ("sun.jie",),
    "forbidden": (),
    "clocks": (),
    "organization": ORGANIZATION,
}


def test_heard_it_holds_and_its_own_clock_starts() -> None:
    outcome = spoken.hear(make_approval(), **SAID)
    assert outcome.record.state is State.ORAL
    assert (outcome.record.decided_by, outcome.record.heard_by, outcome.record.decided_at) == ("zhou.heng", "sun.jie", START)
    assert outcome.timers == (Timer("approval", None), Timer("confirm", START + timedelta(hours=2)))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"forbidden": ("end",)}, "approval.oral_forbidden"),
        ({"clocks": ("R1",)}, "approval.oral_clock"),
        ({"by": "zhou.heng", "hearers": ("zhou.heng",)}, "approval.oral_self"),
        ({"by": "li.na", "hearers": ("li.na",)}, "approval.oral_own"),
        ({"of": "li.na"}, "approval.oral_of"),
        ({"of": "ma.chao"}, "approval.oral_of"),
    ],
)
def test_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError) as refused:
        spoken.hear(make_approval(), **{**SAID, **changes})
    assert refused.value.key == key


def test_what_is_decided_cannot_be_heard() -> None:
    with pytest.raises(RuleBroken):
        spoken.hear(make_approval(State.APPROVED), **SAID)


def test_who_hears() -> None:
    asked = make_approval(asked_by="sun.jie")
    assert spoken.hearers(asked, "wang.qiang", ORGANIZATION) == ("li.na", "wang.qiang")
    assert spoken.hearers(make_approval(), "li.na", ORGANIZATION) == ("sun.jie",), "the author never; the deputy stands in"
    assert spoken.hearers(make_approval(), "wang.qiang", ORGANIZATION) == ("wang.qiang",)


@pytest.mark.parametrize(
    ("after", "following", "control"),
    [(2, 8, False), (7, 8, False), (8, 20, False), (20, 24, False), (23.9, 24, False), (24, 48, True), (50, 74, True)],
)
def test_the_next_reminder_is_always_ahead(after: float, following: float, control: bool) -> None:
    heard = replace(spoken.hear(make_approval(), **SAID).record)
    outcome = spoken.remind(heard, now=START + timedelta(hours=after), organization=ORGANIZATION)
    assert outcome.timers == (Timer("confirm", START + timedelta(hours=following)),)
    assert any(n.to == ("control",) for n in outcome.notices) is control
    assert outcome.notices[0].to[0] == "zhou.heng"
