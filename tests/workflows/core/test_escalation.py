"""When an open item speaks next, and to whom: worked examples, and what must hold for every item under every response."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.make import START
from tests.workflows.sample import ORGANIZATION, make_response, make_task, minutes
from workflows.core.chain import all_that_has_come, caught_up, running, timers
from workflows.core.deadlines import TOO_CLOSE
from workflows.core.escalation import NAMES, Item, Phase, audience, fire, next_due
from workflows.core.people import Group, Organization
from workflows.core.response import Response, Rung
from workflows.core.rubric import ResponseLevel
from workflows.task import Circle, State, Task, claim, item, reject, remind, reschedule, snooze

#: The machine may be busy: how long an example takes says nothing.
calmly = settings(deadline=None)
SPANS = st.integers(1, 600).map(minutes)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Anything that the plan's loader would accept: every pace positive, at least one rung."""
    rungs = draw(st.lists(SPANS, min_size=1, max_size=5))
    return make_response(
        claim_within=draw(SPANS),
        progress_every=draw(SPANS),
        progress_grace=draw(SPANS),
        remind_before=draw(SPANS),
        overdue_repeat=draw(SPANS),
        overdue_climb_every=draw(st.integers(1, 4)),
        verify_within=draw(SPANS),
        rungs=tuple(Rung(("owner",), wait) for wait in rungs),
        terminal_repeat=draw(SPANS),
        terminal_slow=draw(SPANS),
        terminal_max=draw(st.none() | st.integers(0, 6)),
    )


@st.composite
def items(draw: st.DrawFn, response: Response, phases: tuple[Phase, ...] = ("unowned", "owned", "done")) -> Item:
    """An item as its life may have left it: nothing happened before it was made, and the chain spoke after the last sign of life."""
    since = START + timedelta(seconds=draw(st.integers(0, 100_000)))
    prompted = draw(st.none() | st.integers(0, 50_000).map(lambda s: since + timedelta(seconds=s)))
    due = draw(st.none() | st.integers(-100_000, 300_000).map(lambda s: START + timedelta(seconds=s)))
    phase = draw(st.sampled_from(phases))
    return Item(
        created=START,
        phase=phase,
        live=True,
        blocked=phase == "owned" and draw(st.booleans()),
        standing=draw(st.booleans()),
        due=due,
        since=since,
        level=draw(st.integers(0, len(response.rungs))),
        round=draw(st.integers(0, 12)),
        prompted=prompted,
        reminded=draw(st.none() | st.integers(-10, 300_000).map(lambda s: START + timedelta(seconds=s))),
        snoozed=draw(st.none() | st.integers(-10_000, 200_000).map(lambda s: START + timedelta(seconds=s))),
    )


@st.composite
def cases(draw: st.DrawFn, phases: tuple[Phase, ...] = ("unowned", "owned", "done")) -> tuple[Response, Item]:
    response = draw(responses())
    return response, draw(items(response, phases))


# What holds for every item


@calmly
@given(cases())
def test_open_means_a_timer_is_running(case: tuple[Response, Item]) -> None:
    response, found = case
    assert next_due(found, response)
    assert {timer.name for timer in timers(found, response)} == set(NAMES)
    assert next_due(replace(found, live=False), response) == {}
    assert all(timer.due is None for timer in timers(replace(found, live=False), response))


@calmly
@given(cases())
def test_no_timer_fires_before_the_item_exists_nor_before_its_snooze_ends(case: tuple[Response, Item]) -> None:
    response, found = case
    for due in next_due(found, response).values():
        assert due >= found.created
        assert found.snoozed is None or due >= found.snoozed


@calmly
@given(cases(), st.integers(0, 500_000))
def test_a_timer_that_has_fired_never_comes_again_at_once(case: tuple[Response, Item], late: int) -> None:
    response, found = case
    for name, due in next_due(found, response).items():
        now = due + timedelta(seconds=late)
        after = fire(found, response, name, now).item
        assert next_due(after, response), "it goes on"
        again = next_due(after, response).get(name)
        assert again is None or again > now


@calmly
@given(cases(), st.integers(0, 200_000))
def test_a_house_that_was_away_comes_to_rest(case: tuple[Response, Item], late: int) -> None:
    """All that is due at one moment is said in a few turns, each timer at most twice: nothing spins."""
    response, found = case
    now = max(next_due(found, response).values()) + timedelta(seconds=late)
    for _ in range(4):
        waiting = {name: due for name, due in next_due(found, response).items() if due <= now}
        if not waiting:
            return
        found = fire(found, response, min(waiting, key=lambda name: (waiting[name], name)), now).item
    raise AssertionError(f"still due at {now}: {next_due(found, response)}")


@calmly
@given(cases(), st.integers(0, 300_000))
def test_being_late_reaches_the_rung_that_being_on_time_would_have_reached(case: tuple[Response, Item], late: int) -> None:
    response, found = case
    for name, due in next_due(found, response).items():
        if name == "due":
            continue
        now, on_time, steps = due + timedelta(seconds=late), found, 0
        while steps < 100 and (coming := next_due(on_time, response).get(name)) is not None and coming <= now:
            on_time, steps = fire(on_time, response, name, coming).item, steps + 1
        assume(steps < 100)
        fired = fire(found, response, name, now)
        assert fired.missed == steps - 1
        assert (fired.item.level, fired.item.round) == (on_time.level, on_time.round)
        assert fired.climbed == (on_time.level > found.level)
        assert fired.item.prompted == now, "the next wait counts from what was really said"


@calmly
@given(cases(), st.integers(0, 40_000))
def test_an_outage_misses_as_many_words_as_would_have_been_said_one_by_one(case: tuple[Response, Item], late: int) -> None:
    """Reminders that coincide are one word, whoever is there to say it; the last two minutes are not yet an outage."""
    response, found = case
    first = min(due for due in running(found, response).values())
    now, said, known = first + timedelta(seconds=late), list[datetime](), found
    while (coming := running(known, response)) and (at := min(coming.values())) <= now:
        name = min(coming, key=lambda each: coming[each])
        known = all_that_has_come(fire(known, response, name, at), response, at).item
        said.append(at)
    fresh = sum(at > now - TOO_CLOSE for at in said)
    for name in (name for name, due in next_due(found, response).items() if due <= now):
        assert caught_up(found, response, name, now).missed == len(said) - max(fresh, 1)


@calmly
@given(cases())
def test_one_silence_climbs_one_rung_at_most_and_never_past_the_end(case: tuple[Response, Item]) -> None:
    response, found = case
    for name, due in next_due(found, response).items():
        fired = fire(found, response, name, due)
        steps = 0 if name == "due" else 1
        assert found.level <= fired.item.level <= min(found.level + steps, len(response.rungs))
        assert fired.item.round == found.round + steps
        assert fired.missed == 0


@calmly
@given(cases(), st.integers(1, 100_000))
def test_a_snooze_silences_until_its_end_and_the_chain_goes_on_from_its_rung(case: tuple[Response, Item], wait: int) -> None:
    response, found = case
    before = replace(found, snoozed=None)
    until = min(next_due(before, response).values()) + timedelta(seconds=wait)
    after = replace(before, snoozed=until)
    assert (after.level, after.round) == (before.level, before.round)
    coming = next_due(after, response)
    assert set(coming) == set(next_due(before, response))
    assert min(coming.values()) == until
    for name, due in coming.items():
        assert due == max(until, next_due(before, response)[name])
        fired = fire(after, response, name, due)
        assert fired.missed == 0, "what was snoozed was not missed"
        assert fired.item.level <= before.level + 1


@calmly
@given(cases(("owned",)))
def test_what_is_blocked_is_asked_about_at_least_as_often(case: tuple[Response, Item]) -> None:
    response, found = case
    blocked, free = (next_due(replace(found, blocked=flag), response) for flag in (True, False))
    assert set(blocked) == set(free)
    assert all(blocked[name] <= free[name] for name in blocked)


@calmly
@given(responses(), st.sampled_from(["response", "progress", "overdue", "verify"]))
def test_after_the_last_rung_it_repeats_for_ever_at_the_first_pace_or_slower(response: Response, name: str) -> None:
    at: dict[str, Item] = {
        "response": _item(),
        "progress": _item(phase="owned"),
        "overdue": _item(phase="owned", due=START + minutes(1), reminded=START + minutes(1)),
        "verify": _item(phase="done"),
    }
    found, paces = at[name], []
    for _ in range(60):
        now = next_due(found, response)[name]
        found = fire(found, response, name, now).item
        if found.level == len(response.rungs):
            paces.append(next_due(found, response)[name] - now)
    most = response.terminal_max
    assert paces, "60 silences climb every ladder"
    assert paces[:most] == [response.terminal_repeat] * len(paces[:most])
    if most is not None:
        assert set(paces[most:]) <= {response.terminal_slow}


@calmly
@given(responses(), st.integers(-3000, 3000), st.sampled_from(["unowned", "owned"]), st.booleans())
def test_short_and_past_dues(response: Response, seconds: int, phase: Phase, standing: bool) -> None:
    """The wait for a claim is at most half of what there is (but a minute); a due in the past does not spin and is not forgotten."""
    found = _item(phase=phase, due=START + timedelta(seconds=seconds), standing=standing)
    coming = next_due(found, response)
    if phase == "unowned":
        assert START + minutes(1) <= coming["response"]
        assert coming["response"] <= START + max(minutes(1), min(response.claim_within, timedelta(seconds=max(0, seconds)) / 2))
    if seconds > 0:
        assert START < coming["due"] <= START + timedelta(seconds=seconds)
    said: list[datetime] = []
    for _ in range(8):
        name, now = min(next_due(found, response).items(), key=lambda pair: (pair[1], pair[0]))
        found = fire(found, response, name, now).item
        said.append(now)
    assert said == sorted(said)
    assert len(set(said)) >= 4, "several timers may meet, but time goes on"


# Worked examples


def _item(**changes: object) -> Item:
    plain = Item(START, "unowned", True, False, False, None, START, 0, 0, START, None, None)
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test's own shorthand


RESPONSE = make_response()


def test_five_minutes_to_go() -> None:
    """Architecture, trap 12: the claim is asked for at half of it; of three reminders only half time and the due itself remain."""
    found = _item(due=START + minutes(5))
    assert next_due(found, RESPONSE) == {"response": START + minutes(2.5), "due": START + minutes(2.5)}
    later = fire(found, RESPONSE, "due", START + minutes(2.5)).item
    assert next_due(later, RESPONSE)["due"] == START + minutes(5)


def test_missed_due_reminders_are_one_reminder() -> None:
    found = _item(phase="owned", due=START + minutes(60))
    fired = fire(found, RESPONSE, "due", START + minutes(55))
    assert fired.missed == 1, "half time and ten minutes before"
    assert next_due(fired.item, RESPONSE)["due"] == START + minutes(60)
    fired = fire(found, RESPONSE, "due", START + minutes(100))
    assert fired.missed == 2
    assert "due" not in next_due(fired.item, RESPONSE)
    assert next_due(fired.item, RESPONSE) == {"overdue": START + minutes(75)}, "the first overdue round was due a quarter after the due"


def test_an_outage_across_the_due_counts_no_round_twice() -> None:
    """The claim's ladder was caught up to now; the due reminder must not set the chain back to the due moment."""
    found = _item(due=START + minutes(60))
    now = START + minutes(70)
    found = fire(found, RESPONSE, "response", now).item
    level = found.level
    found = fire(found, RESPONSE, "due", now).item
    assert min(next_due(found, RESPONSE).values()) > now
    assert found.level == level


def test_standing_work_that_was_late_when_it_was_made_and_is_claimed_is_asked_for() -> None:
    found = _item(phase="owned", standing=True, due=START - minutes(30))
    assert next_due(found, RESPONSE) == {"overdue": START + minutes(15)}


def test_unowned_work_that_was_late_when_it_was_made_leaves_a_moment_and_is_then_overdue() -> None:
    found = _item(due=START - minutes(30))
    assert next_due(found, RESPONSE) == {"response": START + minutes(1)}
    asked = fire(found, RESPONSE, "response", START + minutes(1)).item
    assert next_due(asked, RESPONSE) == {"overdue": START + minutes(11)}


def test_forty_minutes_away_with_a_ten_minute_ladder() -> None:
    """Unclaimed from 14:00, first rung at 14:10, then every ten minutes: back at 14:42, one word, two missed, at the last rung."""
    fired = fire(_item(), RESPONSE, "response", START + minutes(42))
    assert (fired.missed, fired.item.level, fired.item.round, fired.climbed) == (2, 3, 3, True)
    assert next_due(fired.item, RESPONSE) == {"response": START + minutes(57)}


def test_the_owner_is_asked_first_and_only_then_the_ladder_climbs() -> None:
    found = _item(phase="owned")
    levels = []
    for _ in range(4):
        now = next_due(found, RESPONSE)["progress"]
        found = fire(found, RESPONSE, "progress", now).item
        levels.append((now - START, found.level))
    assert levels == [(minutes(30), 0), (minutes(40), 1), (minutes(50), 2), (minutes(60), 3)]


def test_overdue_climbs_every_second_time_while_somebody_owns_it_and_every_time_while_nobody_does() -> None:
    for phase, expected in (("owned", [0, 1, 1, 2, 2]), ("unowned", [1, 2, 3, 4, 4])):
        found = _item(phase=phase, due=START + minutes(1), reminded=START + minutes(1))
        levels = []
        for _ in range(5):
            found = fire(found, RESPONSE, "overdue", next_due(found, RESPONSE)["overdue"]).item
            levels.append(found.level)
        assert levels == expected


# Tasks under this arithmetic


@calmly
@given(cases(("unowned",)))
def test_a_claim_starts_the_chain_again_at_its_owner(case: tuple[Response, Item]) -> None:
    response, found = case
    now = (found.prompted or found.since) + minutes(1)
    task = replace(
        make_task(), level=found.level, round=found.round, prompted_at=found.prompted, due_at=found.due, reminded_at=found.reminded
    )
    claimed = claim(task, by="ma.chao", now=now, response=response).record
    assert (claimed.level, claimed.round, claimed.prompted_at) == (0, 0, now)
    assert min(next_due(replace(item(claimed), due=None), response).values()) == now + response.progress_every


@calmly
@given(responses(), responses(), st.integers(0, 100_000), st.integers(1, 600))
def test_a_new_level_makes_nothing_missed(first: Response, second: Response, seconds: int, span: int) -> None:
    """A regrade changes the pace; what the new pace would have said long ago is said now, once, and counts no missed round."""
    now = START + timedelta(seconds=seconds)
    task = _simulated(replace(make_task(), due_at=START + minutes(5000)), first, now)
    outcome = reschedule(task, response=second, due=now + minutes(span), now=now, freely=True)
    assert outcome is not None
    found = item(outcome.record)
    for name, due in next_due(found, second).items():
        assert due >= now or name == "due"
        assert fire(found, second, name, max(now, due)).missed == 0


def _simulated(task: Task, response: Response, until: datetime) -> Task:
    while True:
        name, due = min(next_due(item(task), response).items(), key=lambda pair: (pair[1], pair[0]))
        if due > until:
            return task
        task = remind(task, Circle(response, ORGANIZATION, "li.na", ("sun.jie",)), name=name, now=due).record


def test_a_rejection_long_after_the_due_does_not_wake_the_whole_ladder() -> None:
    task = make_task(State.DONE, owner="ma.chao", done_by="ma.chao", due_at=START + minutes(10), done_at=START + minutes(5))
    now = START + minutes(180)
    back = reject(task, by="li.na", now=now, response=RESPONSE, reason="没有写结论", verifiers=("li.na",)).record
    assert next_due(item(back), RESPONSE) == {"overdue": now + minutes(15)}


def test_a_snoozed_task_resumes_at_its_rung() -> None:
    task = replace(make_task(), level=2, round=2, prompted_at=START)
    quiet = snooze(task, by="ma.chao", now=START, response=RESPONSE, wait=minutes(30), reason="等厂商").record
    assert (quiet.level, quiet.round, quiet.state) == (2, 2, State.OPEN)
    assert next_due(item(quiet), RESPONSE) == {"response": START + minutes(30)}


# Audiences


def test_the_first_rung_of_unowned_work_is_the_groups_duty_member() -> None:
    found = audience(0, RESPONSE, ORGANIZATION, group="tech", owner=(), commander="li.na")
    assert (found.people, found.level, found.skipped, found.exhausted) == ((ORGANIZATION.duty("tech"),), 0, (), False)
    assert audience(0, RESPONSE, ORGANIZATION, group="tech", owner=("ma.chao",), commander="li.na").people == ("ma.chao",)


def test_an_owner_who_has_left_is_nobody() -> None:
    found = audience(0, RESPONSE, ORGANIZATION, group="tech", owner=("gone.away",), commander="li.na")
    assert found.people == (ORGANIZATION.duty("tech"),)
    assert audience(2, RESPONSE, ORGANIZATION, group="tech", owner=(), commander="gone.away").skipped == ("commander",)


@pytest.mark.parametrize(("level", "reached"), [(0, 0), (1, 1), (2, 3), (3, 3), (4, 4)])
def test_an_empty_rung_is_skipped_and_named(level: int, reached: int) -> None:
    found = audience(level, RESPONSE, ORGANIZATION, group="tech", owner=("ma.chao",), commander=None)
    assert found.level == reached
    assert found.skipped == (("commander",) if level == 2 else ())
    assert found.exhausted == (level == 4)


def test_a_group_that_is_gone_from_the_plan_is_skipped_not_fatal() -> None:
    found = audience(0, RESPONSE, ORGANIZATION, group="gone", owner=(), commander="li.na")
    assert found.people == ("li.na",)
    assert found.skipped == ("owner", "group.head group.deputy")


SPECS = st.sampled_from(["owner", "group", "group.head", "group.deputy", "commander", "lead", "nobody.head", "role:nobody", "ma.chao"])


@calmly
@given(
    st.lists(st.lists(SPECS, min_size=1, max_size=3), min_size=1, max_size=5),
    st.integers(0, 5),
    st.sampled_from([(), ("ma.chao",), ("gone.away",)]),
    st.sampled_from([None, "li.na", "gone.away"]),
    st.sampled_from(["tech", "lone", "gone"]),
)
def test_a_rung_reaches_people_or_the_next_one_does(
    rungs: list[list[str]], level: int, owner: tuple[str, ...], commander: str | None, group: str
) -> None:
    organization = _with_a_lone_group()
    response = make_response(rungs=tuple(Rung(tuple(to), minutes(5)) for to in rungs))
    found = audience(level, response, organization, group=group, owner=owner, commander=commander)
    assert found.exhausted == (not found.people)
    assert found.exhausted == (found.level >= len(rungs))
    assert len(found.skipped) == found.level - min(level, found.level)
    assert set(found.people) <= set(organization.people)
    assert len(set(found.people)) == len(found.people)
    for rung in range(level, found.level):
        alone = make_response(rungs=(response.rungs[rung],))
        assert audience(0, alone, organization, group=group, owner=owner, commander=commander).exhausted, "only empty rungs are skipped"


def _with_a_lone_group() -> Organization:
    return replace(ORGANIZATION, groups={**ORGANIZATION.groups, "lone": Group("lone", "单人组", "guo.ping")})


def test_levels_of_the_sample_are_rungs_of_one_item() -> None:
    assert RESPONSE.level is ResponseLevel.L2
