"""Who is on duty: turns over weeks, days and trading days, make-up days and year ends; what stands beside them; who stands in."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.calendar import Calendar, Important, Year
from workflows.core.duty import DutyChange, DutyKind, DutyState, Roster
from workflows.core.people import Firm, Group, Organization, Person
from workflows.core.rota import TURNINGS, Shift, uncovered
from workflows.core.working_days import is_trading, trading_days

ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
NATIONAL = frozenset(date(2026, 10, 1) + DAY * n for n in range(7))
NEW_YEAR = frozenset({date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)})
YEARS = {
    2026: Year(NATIONAL | NEW_YEAR, frozenset({date(2026, 9, 27), date(2026, 10, 10), date(2026, 1, 4)}), frozenset({date(2026, 12, 31)})),
    2027: Year(frozenset({date(2027, 1, 1)}), frozenset(), frozenset()),
}
CALENDAR = Calendar(YEARS, ((time(9, 30), time(11, 30)), (time(13), time(15))))
NAMES = ("a", "b", "c", "d", "lead1", "lead2")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def firm(*rota: Shift, **more: str | None) -> Organization:
    people = {name: Person(name, name.upper(), deputies=("d",) if name == "c" else ()) for name in NAMES}
    tech = Group("tech", "技术", **{"head": "a", "deputy": "b", "members": ("c", "d"), **more}, rota=rota)  # type: ignore[arg-type]
    lead = Group("lead", "领导", head="lead1", deputy="lead2")
    return Organization(Firm("平澜"), people, {"lead": lead, "tech": tech})


def roster(*rota: Shift, changes: tuple[DutyChange, ...] = ()) -> Roster:
    return Roster(firm(*rota), CALENDAR, ZONE, changes)


def change(
    kind: DutyKind, person: str, start: str, end: str, *, group: str = "tech", gives: str | None = None, ref: str = "W1"
) -> DutyChange:
    group = "" if kind is DutyKind.LEAVE else group
    return DutyChange(ref, DutyState.STANDS, "", kind, person, "a", at("2026-01-01"), at(start), at(end), group, gives)


WEEKLY = Shift("weekly", ("a", "b", "c"), date(2026, 9, 21))
DAILY = Shift("daily", ("a", "b", "c"), date(2026, 9, 21))
TRADING = Shift("trading_day", ("a", "b", "c"), date(2026, 9, 28))


def test_without_a_rota_the_head_is_on_duty() -> None:
    plain = roster()
    assert not plain.kept
    assert plain.at(at("2026-10-01 12:00")) is plain.organization
    assert plain.organization.duty_of("tech") == ("a",)
    assert plain.next_edge(at("2026-10-01")) is None


def test_beside_a_rota_the_other_groups_heads_are_on_duty() -> None:
    found = roster(Shift("daily", ("b",), date(2026, 9, 21)))
    assert found.at(at("2026-09-21 12:00")).on_duty == {"lead": ("lead1",), "tech": ("b",)}
    (whole,) = found.turns("lead", at("2026-09-21"), at("2026-09-30"))
    assert (whole.people, whole.planned, whole.why) == (("lead1",), ("lead1",), "")
    assert found.gaps("lead", at("2026-09-21"), at("2026-09-30")) == ()


def test_a_week_begins_at_the_handover_and_goes_through_a_holiday() -> None:
    found = roster(WEEKLY)
    assert found.at(at("2026-09-28 08:59")).duty_of("tech") == ("a",)
    assert found.at(at("2026-09-28 09:00")).duty_of("tech") == ("b",)
    assert found.at(at("2026-10-05 08:59")).duty_of("tech") == ("b",)
    assert found.at(at("2026-10-05 09:00")).duty_of("tech") == ("c",)
    assert found.at(at("2026-09-14 09:00")).duty_of("tech") == ("c",), "before the first turn the order runs backwards"


def test_over_national_day_the_last_one_of_the_trading_days_stays() -> None:
    """28, 29, 30 September trade; 1 to 7 October do not, nor Saturday 10, although it is worked; 8 and 9 do."""
    turns = roster(TRADING).turns("tech", at("2026-09-28 09:00"), at("2026-10-13 09:00"))
    assert [(f"{turn.start.astimezone(ZONE):%m-%d}", turn.people) for turn in turns] == [
        ("09-28", ("a",)),
        ("09-29", ("b",)),
        ("09-30", ("c",)),
        ("10-08", ("a",)),
        ("10-09", ("b",)),
        ("10-12", ("c",)),
    ]


def test_over_the_year_end_nobody_is_left_out() -> None:
    turns = roster(TRADING).turns("tech", at("2026-12-29 09:00"), at("2027-01-06 09:00"))
    order = [turn.people[0] for turn in turns]
    assert [f"{turn.start.astimezone(ZONE):%m-%d}" for turn in turns] == ["12-29", "12-30", "01-04", "01-05"], "31 December is closed"
    assert all("abc"[("abc".index(one) + 1) % 3] == following for one, following in pairwise(order))


@given(st.dates(date(2025, 6, 1), date(2028, 6, 1)), st.integers(0, 900))
def test_trading_days_are_counted_as_they_are_asked_for(after: date, length: int) -> None:
    last = after + DAY * length
    assert trading_days(CALENDAR, after, last) == sum(is_trading(CALENDAR, after + DAY * n)[0] for n in range(1, length + 1))


SHIFTS = st.builds(
    Shift,
    st.sampled_from(TURNINGS),
    st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True).map(tuple),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
)
MOMENTS = st.datetimes(datetime(2026, 9, 1), datetime(2027, 2, 1)).map(lambda one: one.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


@given(SHIFTS, MOMENTS, st.integers(1, 30))
def test_somebody_is_on_duty_at_each_moment_and_each_turn_follows_the_one_before(shift: Shift, start: datetime, days: int) -> None:
    found, end = roster(shift), start + DAY * days
    turns = found.turns("tech", start, end)
    assert (turns[0].start, turns[-1].end) == (start, end)
    assert all(one.end == following.start and one.people != following.people for one, following in pairwise(turns))
    assert all(len(turn.people) == 1 and turn.why == "" for turn in turns)
    order = shift.people
    for one, following in pairwise(turns):
        assert order[(order.index(one.people[0]) + 1) % len(order)] == following.people[0]
        local = following.start.astimezone(ZONE)
        assert local.time() == shift.handover
        assert shift.kind != "trading_day" or is_trading(CALENDAR, local.date())[0]
    assert found.gaps("tech", start, end) == ()


LEAVES = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 200), st.integers(1, 200)), max_size=8)


@given(SHIFTS, MOMENTS, LEAVES)
def test_the_turns_say_what_each_moment_says(shift: Shift, start: datetime, leaves: list[tuple[str, int, int]]) -> None:
    """Whatever leave there is: what is shown for a span is what holds at each moment of it, and nobody who is away has the duty."""
    hour = timedelta(hours=1)
    away = tuple(
        DutyChange(f"W{n}", DutyState.STANDS, "", DutyKind.LEAVE, who, who, start, start + hour * begin, start + hour * (begin + length))
        for n, (who, begin, length) in enumerate(leaves)
    )
    found, end = roster(shift, changes=away), start + DAY * 9
    turns = found.turns("tech", start, end)
    assert all(one.end == following.start and not following.follows(one) for one, following in pairwise(turns))
    for turn in turns:
        for moment in (turn.start, turn.start + (turn.end - turn.start) / 2, turn.end - timedelta(seconds=1)):
            here = found.at(moment)
            assert here.duty_of("tech") == turn.people
            assert not set(turn.people) & here.away
    edge = found.next_edge(start)
    assert edge is not None
    assert edge <= min(one.end for one in turns) or len(turns) == 1
    nobody = [turn for turn in turns if not turn.people]
    assert set(nobody) <= set(found.gaps("tech", start, end))


def test_day_and_night_have_lists_of_their_own() -> None:
    day = Shift("daily", ("a", "b"), date(2026, 9, 21), time(9), time(21), "白班")
    night = Shift("daily", ("c", "d"), date(2026, 9, 21), time(21), time(9), "夜班")
    found = roster(day, night)
    seen = [
        found.at(at(f"2026-09-{moment}")).duty_of("tech")
        for moment in ("21 09:00", "21 20:59", "21 21:00", "22 08:59", "22 09:00", "22 21:00")
    ]
    assert seen == [("a",), ("a",), ("c",), ("c",), ("b",), ("d",)]
    assert uncovered((day, night)) is None
    assert uncovered((day,)) == (time(21), time(9))
    only_day = roster(day)
    (gap, *_) = only_day.gaps("tech", at("2026-09-21 12:00"), at("2026-09-22 12:00"))
    assert (gap.start, gap.end, gap.people, gap.why) == (at("2026-09-21 21:00"), at("2026-09-22 09:00"), ("b",), "hours")


def test_two_shifts_at_the_same_time_are_two_people() -> None:
    second = Shift("weekly", ("d",), date(2026, 9, 21))
    assert roster(DAILY, second).at(at("2026-09-22 12:00")).duty_of("tech") == ("b", "d")


def test_an_override_holds_for_its_hours_and_the_later_one_wins() -> None:
    first = change(DutyKind.SET, "c", "2026-09-21 10:00", "2026-09-23 10:00")
    second = change(DutyKind.SET, "d", "2026-09-22 10:00", "2026-09-22 12:00", ref="W2")
    found = roster(DAILY, changes=(first, second))
    seen = {hour: found.at(at(f"2026-09-{hour}")).duty_of("tech") for hour in ("21 09:59", "21 10:00", "22 11:00", "22 12:00", "23 10:00")}
    assert list(seen.values()) == [("a",), ("c",), ("d",), ("c",), ("c",)]
    assert found.at(at("2026-09-24 10:00")).duty_of("tech") == ("a",)


def test_an_override_needs_no_rota_and_holds_for_its_group_alone() -> None:
    found = roster(changes=(change(DutyKind.SET, "c", "2026-09-21", "2026-09-23"),)).at(at("2026-09-22"))
    assert (found.duty_of("tech"), found.duty_of("lead")) == (("c",), ("lead1",))


def test_an_override_is_a_turn_of_its_own_and_closes_a_gap() -> None:
    named = change(DutyKind.SET, "c", "2026-09-21 10:00", "2026-09-23 10:00")
    found = roster(Shift("daily", (), date(2026, 9, 21)), changes=(named,))
    turns = found.turns("tech", at("2026-09-21"), at("2026-09-24"))
    assert [(turn.start, turn.people, turn.why) for turn in turns] == [
        (at("2026-09-21"), ("b",), "empty"),
        (named.start_at, ("c",), ""),
        (named.end_at, ("b",), "empty"),
    ]
    assert [gap.why for gap in found.gaps("tech", at("2026-09-21"), at("2026-09-24"))] == ["empty", "empty"]


def test_no_time_has_no_turn() -> None:
    moment = at("2026-09-21 12:00")
    assert roster(DAILY).turns("tech", moment, moment) == ()
    assert roster(DAILY).turns("tech", moment, moment - DAY) == ()


@pytest.mark.parametrize(
    ("rota", "after", "edge"),
    [
        ((DAILY,), "2026-09-21 08:59", "2026-09-21 09:00"),
        ((DAILY,), "2026-09-21 09:00", "2026-09-22 09:00"),
        ((DAILY,), "2026-11-01 10:00", "2026-11-02 09:00"),
        ((), "2026-09-21 09:00", "2026-11-01 10:00"),  # far ahead
        ((), "2026-11-01 10:00", "2026-11-03 10:00"),
        ((), "2026-11-03 10:00", None),
    ],
)
def test_the_next_edge_is_a_handover_or_where_a_change_begins_or_ends(rota: tuple[Shift, ...], after: str, edge: str | None) -> None:
    away = change(DutyKind.LEAVE, "a", "2026-11-01 10:00", "2026-11-03 10:00")
    assert roster(*rota, changes=(away,)).next_edge(at(after)) == (edge and at(edge))


def test_a_swap_moves_one_turn_and_only_of_who_gives_it() -> None:
    given_away = change(DutyKind.SWAP, "c", "2026-09-21 09:00", "2026-09-22 09:00", gives="a")
    assert roster(DAILY, changes=(given_away,)).at(at("2026-09-21 12:00")).duty_of("tech") == ("c",)
    another = change(DutyKind.SWAP, "c", "2026-09-21 09:00", "2026-09-22 09:00", gives="b")
    assert roster(DAILY, changes=(another,)).at(at("2026-09-21 12:00")).duty_of("tech") == ("a",), "b had nothing to give"


def test_who_is_refused_or_cancelled_holds_no_more() -> None:
    found = change(DutyKind.SET, "c", "2026-09-21 10:00", "2026-09-23 10:00")
    refused = DutyChange(**{**{name: getattr(found, name) for name in found.__dataclass_fields__}, "state": DutyState.REFUSED})
    assert roster(DAILY, changes=(refused,)).at(at("2026-09-21 12:00")).duty_of("tech") == ("a",)


def test_a_change_stands_from_its_beginning_up_to_its_end_and_a_note_never_does() -> None:
    found = {kind: change(kind, "c", "2026-09-21 10:00", "2026-09-23 10:00") for kind in DutyKind}
    inside, edges = at("2026-09-22"), (at("2026-09-21 10:00"), at("2026-09-23 09:59"), at("2026-09-21 09:59"), at("2026-09-23 10:00"))
    assert [kind for kind, one in found.items() if one.stands_at(inside)] == [DutyKind.SET, DutyKind.SWAP, DutyKind.LEAVE]
    assert [found[DutyKind.SET].stands_at(edge) for edge in edges] == [True, True, False, False]


def test_a_new_change_belongs_to_no_incident_and_is_not_kept_yet() -> None:
    day = at("2026-09-21")
    new = DutyChange("W1", DutyState.STANDS, "", DutyKind.LEAVE, "a", "a", day, day, day + DAY)
    assert (new.incident, new.group, new.gives, new.note, new.version, new.touched) == ("", "", None, "", 0, 0)


def test_the_words_under_which_a_change_is_kept_stay() -> None:
    assert list(DutyState) == ["stands", "refused", "cancelled", "delivered"]
    assert list(DutyKind) == ["set", "swap", "leave", "note"]


def _leave(*people: str) -> tuple[DutyChange, ...]:
    return tuple(change(DutyKind.LEAVE, one, "2026-09-20", "2026-09-30", ref=f"W{n}") for n, one in enumerate(people, 1))


@pytest.mark.parametrize(
    ("away", "stands"),
    [
        (("c",), ("d",)),  # their own deputy
        (("c", "d"), ("b",)),  # then the group's deputy
        (("c", "d", "b"), ("a",)),  # its head
        (("c", "d", "b", "a"), ("lead2",)),  # the leading group's deputy
        (("c", "d", "b", "a", "lead2"), ("lead1",)),
        (NAMES, ()),
    ],
)
def test_the_chain_of_deputies(away: tuple[str, ...], stands: tuple[str, ...]) -> None:
    only_c = Shift("weekly", ("c",), date(2026, 9, 21))
    here = roster(only_c, changes=_leave(*away)).at(at("2026-09-22 12:00"))
    assert here.duty_of("tech") == stands
    assert here.resolve("tech.duty") == stands
    assert here.duty("tech") == (stands[0] if stands else "a"), "what needs a name has one"


def test_one_persons_leave_is_no_gap_but_everybodys_is() -> None:
    start, end = at("2026-09-21 09:00"), at("2026-09-24 09:00")
    assert roster(DAILY, changes=_leave("a")).gaps("tech", start, end) == ()
    gaps = roster(DAILY, changes=_leave("a", "b", "c")).gaps("tech", start, end)
    assert gaps
    assert {(gap.people, gap.why) for gap in gaps} == {(("lead2",), "leave"), (("d",), "leave")}
    assert all(not gap.people for gap in roster(DAILY, changes=_leave(*NAMES)).gaps("tech", start, end))


def test_without_a_rota_the_heads_leave_is_no_gap_while_somebody_stands_in() -> None:
    start, end = at("2026-09-21 09:00"), at("2026-09-24 09:00")
    assert roster(changes=_leave("a")).gaps("tech", start, end) == ()
    (gap,) = roster(changes=_leave(*NAMES)).gaps("tech", start, end)
    assert (gap.start, gap.end, gap.people, gap.why) == (start, end, (), "leave")


def test_who_was_on_leave_is_back_when_it_ends() -> None:
    found = roster(DAILY, changes=(change(DutyKind.LEAVE, "a", "2026-09-21", "2026-09-21 10:00"),))
    seen = {hour: found.at(at(f"2026-09-21 {hour}")) for hour in ("09:59", "10:00")}
    assert [(set(here.away), here.duty_of("tech")) for here in seen.values()] == [({"a"}, ("b",)), (set(), ("a",))]


def test_an_empty_rota_and_people_who_have_left_are_gaps_with_a_stand_in() -> None:
    start, end = at("2026-09-21 09:00"), at("2026-09-23 09:00")
    empty = Shift("daily", (), date(2026, 9, 21))
    assert [(gap.people, gap.why) for gap in roster(empty).gaps("tech", start, end)] == [(("b",), "empty")]
    gone = Shift("daily", ("a", "gone"), date(2026, 9, 21))
    assert [(gap.start, gap.people, gap.why) for gap in roster(gone).gaps("tech", start, end)] == [(at("2026-09-22 09:00"), ("b",), "left")]


def test_audiences_without_those_on_leave() -> None:
    here = roster(changes=_leave("a", "c")).at(at("2026-09-22 12:00"))
    assert here.resolve("tech.head") == ("b",)
    assert here.resolve("tech") == ("b", "d")
    assert here.resolve("c") == ("d",)
    assert here.resolve("commander", commander="c") == ("d",)
    assert here.regardless_of_leave().resolve("tech.head") == ("a",)
    assert here.groups_of("a") == ("tech",)


# ---- important periods

GUARDED = replace(CALENDAR, important=(Important("国庆重保", "National Day", date(2026, 9, 30), date(2026, 10, 8), "guard"),))


def test_in_an_important_period_those_whose_turn_comes_next_are_on_duty_too() -> None:
    found = Roster(firm(DAILY), GUARDED, ZONE)
    seen = {day: found.at(at(f"2026-{day} 12:00")).duty_of("tech") for day in ("09-29", "09-30", "10-08", "10-09")}
    assert seen == {"09-29": ("c",), "09-30": ("a", "b"), "10-08": ("c", "a"), "10-09": ("a",)}
    assert found.next_edge(at("2026-09-29 23:00")) == at("2026-09-30 00:00"), "it begins with the day"
    turns = found.turns("tech", at("2026-10-08 12:00"), at("2026-10-09 12:00"))
    assert [(turn.people, turn.start.astimezone(ZONE).hour) for turn in turns] == [(("c", "a"), 12), (("c",), 0), (("a",), 9)]
    assert not found.gaps("tech", at("2026-09-29"), at("2026-10-10"))


def test_without_a_rota_head_and_deputy_are_on_duty_in_an_important_period() -> None:
    plain = Roster(firm(), GUARDED, ZONE)
    assert plain.at(at("2026-10-01 12:00")).duty_of("tech") == ("a", "b")
    assert plain.at(at("2026-10-09 00:00")).duty_of("tech") == ("a",)
    assert plain.next_edge(at("2026-06-01")) == at("2026-09-30 00:00")


def test_who_is_set_by_name_has_the_duty_alone_in_an_important_period_too() -> None:
    change_ = change(DutyKind.SET, "d", "2026-10-01", "2026-10-02")
    assert Roster(firm(DAILY), GUARDED, ZONE, (change_,)).at(at("2026-10-01 12:00")).duty_of("tech") == ("d",)
