"""By which ways a rung reaches whom, and when each of them comes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_response, make_task, minutes
from workflows.core.channels import AT_ONCE, CHANNELS, QUIET, Reach, beyond, rings, spread, ways
from workflows.core.clock_ladder import Ladder, louder
from workflows.core.outcome import Notice, Outcome, Ring
from workflows.core.response import Rung
from workflows.task import Circle, State, Task, pass_over, remind

ALL = frozenset(CHANNELS)
WAYS = st.lists(st.sampled_from(CHANNELS), unique=True)


@pytest.mark.parametrize(
    ("by", "can", "found"),
    [
        (("card",), ALL, ("card",)),
        (("call", "card"), ALL, ("card", "call")),
        (("card", "urgent"), QUIET | {"sms"}, ("card", "sms")),
        (("card", "urgent", "call"), QUIET | {"sms"}, ("card", "sms")),
        (("call",), frozenset({"mail"}), ("mail",)),
        (("urgent", "card"), QUIET, ("card",)),
        (("card", "urgent"), QUIET | {"urgent:card"}, ("card", "urgent")),
        (("call",), QUIET | {"call:card"}, ()),
        (("mail",), QUIET, ()),
        (("card", "call"), frozenset(), ()),
    ],
)
def test_what_cannot_be_used_gives_place_to_the_next(by: tuple[str, ...], can: frozenset[str], found: tuple[str, ...]) -> None:
    assert ways(by, can) == found


@settings(deadline=None)
@given(WAYS, st.sets(st.sampled_from(CHANNELS)))
def test_nobody_is_reached_by_what_they_have_not_nor_twice_by_one_way(by: list[str], can: set[str]) -> None:
    found = ways(by, can)
    assert set(found) <= can
    assert list(found) == [way for way in CHANNELS if way in found], "each once, the quietest first"
    assert set(by) & can <= set(found)


def test_the_quiet_ones_come_at_once_and_the_louder_ones_one_by_one() -> None:
    found = rings(("card", "mention", "mail", "urgent", "sms", "call"), minutes(20))
    assert found == (
        Ring("mail", minutes(0), minutes(20)),
        Ring("urgent", minutes(2), minutes(20)),
        Ring("sms", minutes(4), minutes(20)),
        Ring("call", minutes(6), minutes(20)),
    )
    assert rings(("card", "mention"), minutes(5)) == ()


@settings(deadline=None)
@given(WAYS, st.integers(1, 100_000).map(lambda seconds: timedelta(seconds=seconds)))
def test_every_way_comes_before_the_next_rung(by: list[str], wait: timedelta) -> None:
    found = rings(ways(by, ALL), wait)
    loud = [ring.after for ring in found if ring.by not in AT_ONCE]
    assert all(timedelta() < after < wait for after in loud)
    assert loud == sorted(set(loud))
    assert all(ring.ends == wait for ring in found)


def test_people_hear_as_they_can() -> None:
    reach: Reach = lambda person: {"li.na": ALL, "wang.qiang": QUIET, "zhao.min": frozenset({"sms"})}.get(person, frozenset())  # noqa: E731
    by = lambda person: ("card", "call")  # noqa: E731
    notice = Notice("task.reminder", ("li.na", "wang.qiang", "zhao.min", "nobody"))
    found = spread(notice, by, minutes(9), reach)
    assert [(one.to, one.said, [ring.by for ring in one.rings]) for one in found] == [
        (("li.na",), True, ["call"]),
        (("wang.qiang",), True, []),
        (("zhao.min",), False, ["sms"]),
    ]
    assert beyond(notice.to, by, reach) == {"wang.qiang": ["call"], "zhao.min": ["card", "call"], "nobody": ["card", "call"]}


# A task's ladder

HEADS = Rung(("group.head", "group.deputy"), minutes(10), ("card", "mention", "call"))
RESPONSE = make_response(rungs=(Rung(("owner",), minutes(10), ("card", "urgent")), HEADS, Rung(("lead",), minutes(15))))
everywhere: Reach = lambda person: ALL  # noqa: E731


def reminded(task: Task, name: str, after: int, reach: Reach = everywhere, **changes: object) -> Outcome[Task]:
    response = make_response(rungs=RESPONSE.rungs, **changes)
    return remind(task, Circle(response, ORGANIZATION, "li.na", reach=reach), name=name, now=START + minutes(after))


def heard(outcome: Outcome[Task]) -> list[tuple[str, tuple[str, ...], bool, list[str]]]:
    return [(n.kind, n.to, n.said, [ring.by for ring in n.rings]) for n in outcome.notices]


def test_a_rung_is_told_by_its_ways_and_named_in_the_chats() -> None:
    outcome = reminded(make_task(), "response", 10)
    assert heard(outcome) == [
        ("task.reminder", ("wang.qiang", "zhao.min"), True, ["call"]),
        ("task.mention", ("chat",), True, []),
    ]
    assert outcome.notices[1].values["people"] == ["wang.qiang", "zhao.min"]
    assert outcome.event.details["by"] == ["card", "mention", "call"]
    assert "cannot" not in outcome.event.details


def test_the_owner_hears_besides_by_the_ways_of_the_first_rung() -> None:
    late = make_task(State.CLAIMED, level=0, round=1, prompted_at=START, due_at=None)
    outcome = reminded(late, "progress", 10, progress_grace=minutes(10))
    assert ("task.reminder", ("ma.chao",), True, ["urgent"]) in heard(outcome)
    assert ("task.reminder", ("wang.qiang", "zhao.min"), True, ["call"]) in heard(outcome)
    mention = next(n for n in outcome.notices if n.kind == "task.mention")
    assert mention.values["people"] == ["wang.qiang", "zhao.min"], "of the rung only"


def test_a_due_that_is_still_to_come_is_a_message_and_no_more() -> None:
    early = make_task(State.CLAIMED, due_at=START + minutes(60))
    assert heard(reminded(early, "due", 30, progress_every=minutes(300))) == [("task.reminder", ("ma.chao",), True, [])]
    assert heard(reminded(early, "due", 60, progress_every=minutes(300))) == [("task.reminder", ("ma.chao",), True, ["urgent"])]


def test_a_rung_that_no_way_reaches_is_empty() -> None:
    alone = lambda person: ALL if person in ("zhou.heng", "lin.yue") else frozenset({"fax"})  # noqa: E731
    outcome = reminded(make_task(), "response", 10, alone)
    assert heard(outcome)[0] == ("task.empty_rung", ("control",), True, [])
    assert outcome.record.level == 2
    assert {person for _, to, _, _ in heard(outcome)[1:] for person in to} == {"zhou.heng", "lin.yue"}


def test_a_rung_that_turned_out_to_reach_nobody_is_passed_over() -> None:
    task = reminded(make_task(), "response", 10).record
    outcome = pass_over(task, Circle(RESPONSE, ORGANIZATION, "li.na"), name="response", now=START + minutes(12))
    assert (outcome.record.level, outcome.record.round, outcome.event.verb) == (2, task.round + 1, "escalated")
    assert outcome.notices[0].values["rung"] == "group.head group.deputy"
    assert next(t.due for t in outcome.timers if t.name == "response") == START + minutes(12 + 15), "the next rung has its whole time"


def test_the_last_word_may_call_the_control_groups_duty_officer() -> None:
    end = make_task(level=2, round=2, prompted_at=START)
    outcome = reminded(end, "response", 15, terminal_by=("call",))
    (last,) = [n for n in outcome.notices if n.kind == "task.exhausted"]
    assert (last.to, [ring.by for ring in last.rings]) == (("control",), ["call"])


def test_a_clock_tells_who_has_just_heard_only_what_is_louder_now() -> None:
    rungs = (Rung(("group.duty",), minutes(2)), Rung(("group",), minutes(2), ("card", "mention", "call")), Rung(("control",), minutes(3)))
    ladder = Ladder(rungs, minutes(10), minutes(5), minutes(1440), minutes(60))
    assert louder(1, 0, ladder) == ("call",)
    assert louder(1, 1, ladder) == ()
    assert louder(2, 1, ladder) == ()
