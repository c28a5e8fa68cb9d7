"""The rules of grading, on the default rubric and on small rubrics made for one rule."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.core.rubric_sample import FLOORS, SAMPLE, condition, number
from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.grading import Score, Working, deciding, grade, may_replace, may_set_event_grade, response_level
from workflows.core.rubric import Band, EventGrade, Floor, Indicator, OpinionLevel, ResponseLevel, Rubric

MILD, MODERATE, SEVERE, EXTREME = OpinionLevel
KEYS = ("incident_level", "reach", "spread", "trend")
CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent.parent.parent / "data" / "reference_cases.toml").read_text("utf-8"))[
    "case"
]

#: Everything known and calm: one point each, so that a test can raise one thing at a time.
CALM: Mapping[str, Value] = {"csrc_grade": "general", "platforms": 0, "reads_24h": 0, "complaints_1h": 0}
NO_FLOORS = replace(SAMPLE, floors=())


def scores(working: Working) -> dict[str, int]:
    return {score.indicator: score.score for score in working.scores}


def of(working: Working, indicator: str) -> Score:
    return next(score for score in working.scores if score.indicator == indicator)


def alone(floor_id: str) -> Rubric:
    return replace(SAMPLE, floors=tuple(floor for floor in FLOORS if floor.id == floor_id))


def small(*indicators: Indicator, floors: tuple[Floor, ...] = (), unknown: int = 2) -> Rubric:
    bands = (Band(MILD, 1, 2), Band(MODERATE, 3, 3), Band(SEVERE, 4, 8))
    return Rubric("small", 1, indicators, bands, floors, unknown_score=unknown)


# the six reference cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_reference_case_comes_out_as_stated(case: dict[str, Any]) -> None:
    working, expected = grade(SAMPLE, case["given"]), case["expected"]
    assert scores(working) == expected["scores"]
    assert working.total == expected["total"]
    assert working.level == expected["level"]
    assert list(working.floors) == expected["floors_hit"]
    assert working.provisional is expected["provisional"]
    assert working.response == expected["response"]


def test_there_are_six_reference_cases() -> None:
    assert len(CASES) == 6


def test_nothing_known_scores_two_each_and_names_all_four() -> None:
    working = grade(SAMPLE, {})
    assert working.scores == tuple(Score(key, 2, known=False) for key in KEYS)
    assert working.unknown == ("incident_level", "reach", "spread", "trend")
    assert (working.band, working.level, working.floor, working.csrc_grade) == (MODERATE, MODERATE, None, None)


# measures

STEPS: list[tuple[str, tuple[float, ...]]] = [
    ("platforms", (0, 3, 5, 8)),
    ("affected_clients", (0, 1_000, 10_000, 100_000)),
    ("reads_24h", (0, 10_000, 100_000, 1_000_000)),
    ("reposts_24h", (0, 1_000, 10_000, 100_000)),
    ("posts_24h", (0, 50, 500, 5_000)),
    ("hours_since_first", (0, 2, 8, 24)),
    ("growth_1h", (0, 1.2, 2, 4)),
    ("negative_share", (0, 0.3, 0.5, 0.8)),
    ("complaints_1h", (0, 20, 100, 500)),
]
NEEDY = ("hours_since_first", "growth_1h", "negative_share")
CHOICES = [
    ("csrc_grade", {"unconfirmed": 1, "general": 1, "larger": 2, "major": 3, "extreme": 4}),
    ("media_tier", {"none": 1, "self_media": 1, "local": 2, "national": 3, "central": 4}),
    ("hot_list", {"none": 1, "city": 2, "national": 3, "national_top50": 4}),
]
CONDITIONS = ("regulator_public", "second_wave", "offline_gathering")
HOME = {measure.fact: indicator.key for indicator in SAMPLE.indicators for measure in indicator.measures}


def points(fact: str, value: Value) -> int | None:
    """What `value` alone scores: the one counted measure of that fact, None when it did not count."""
    facts: dict[str, Value] = {"posts_24h": 20} if fact in NEEDY else {}
    score = of(grade(SAMPLE, facts | {fact: value}), HOME[fact])
    counted = [(got, given_points) for name, got, given_points in score.why if name == fact]
    assert score.known is bool(counted)
    if not counted:
        assert score.score == 2
        return None
    assert counted == [(value, score.score)]
    return score.score


@pytest.mark.parametrize(("fact", "steps"), STEPS)
def test_each_step_begins_at_its_bound(fact: str, steps: tuple[float, ...]) -> None:
    hair = 1e-6
    assert [points(fact, step) for step in steps] == [1, 2, 3, 4]
    assert [points(fact, step - hair) for step in steps[1:]] == [1, 2, 3]
    assert points(fact, steps[-1] * 1_000) == 4


@pytest.mark.parametrize(("fact", "table"), CHOICES)
def test_each_choice_scores_as_the_table_says(fact: str, table: dict[str, int]) -> None:
    assert {code: points(fact, code) for code in table} == table


@pytest.mark.parametrize("fact", CONDITIONS)
def test_a_condition_scores_four_when_yes_one_when_no_and_nothing_while_open(fact: str) -> None:
    assert [points(fact, value) for value in (True, False, None)] == [4, 1, None]


def test_a_condition_scores_what_the_rubric_gives_it() -> None:
    measure = replace(condition("wave"), score=3)
    assert grade(small(Indicator("one", "", "", (measure,))), {"wave": True}).total == 3


def test_below_the_first_step_is_still_one_point() -> None:
    rubric = small(Indicator("one", "", "", (number("n", 10, 20, 30, 40),)))
    assert grade(rubric, {"n": 9}).scores == (Score("one", 1, known=True, why=(("n", 9, 1),)),)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("platforms", None),
        ("platforms", "many"),
        ("platforms", True),
        ("platforms", float("nan")),
        ("media_tier", "nowhere"),
        ("media_tier", 3),
        ("media_tier", ["central"]),
        ("regulator_public", "yes"),
        ("regulator_public", 1),
        ("regulator_public", 0),
    ],
)
def test_a_value_that_does_not_fit_counts_as_not_known(fact: str, value: Value) -> None:
    assert grade(SAMPLE, {fact: value}) == grade(SAMPLE, {})


def test_every_measure_of_the_sample_is_covered_here() -> None:
    assert {fact for fact, _ in STEPS} | {fact for fact, _ in CHOICES} | set(CONDITIONS) == set(HOME)


def test_the_worst_known_measure_wins_and_all_counted_are_shown_in_order() -> None:
    reach = of(grade(SAMPLE, {"affected_clients": 12_000, "platforms": 3, "regulator_public": False, "media_tier": None}), "reach")
    assert reach == Score(
        "reach", 3, known=True, why=(("platforms", 3, 2), ("affected_clients", 12_000, 3), ("regulator_public", False, 1))
    )


# needs


@pytest.mark.parametrize("posts", [None, 0, 19, 19.999, True, "20"])
def test_measures_are_skipped_while_their_need_is_unmet(posts: Value) -> None:
    facts: dict[str, Value] = {"hours_since_first": 30, "growth_1h": 9, "negative_share": 1, "posts_24h": posts}
    trend = of(grade(SAMPLE, facts), "trend")
    assert trend == Score("trend", 2, known=False, skipped=tuple((fact, "posts_24h") for fact in NEEDY))


def test_a_met_need_lets_them_count() -> None:
    trend = of(grade(SAMPLE, {"growth_1h": 9, "posts_24h": 20}), "trend")
    assert trend == Score("trend", 4, known=True, why=(("growth_1h", 9, 4),))


def test_an_indicator_is_known_by_one_counted_measure_beside_the_skipped() -> None:
    trend = of(grade(SAMPLE, {"negative_share": 0.9, "complaints_1h": 3, "posts_24h": 6}), "trend")
    assert trend == Score("trend", 1, known=True, why=(("complaints_1h", 3, 1),), skipped=(("negative_share", "posts_24h"),))


def test_a_need_is_only_named_for_what_was_measured() -> None:
    assert of(grade(SAMPLE, {"posts_24h": 1}), "trend").skipped == ()


def test_every_unmet_need_of_a_measure_is_named() -> None:
    rubric = small(Indicator("one", "", "", (number("n", 0, 1, needs={"a": 1, "b": 2, "c": 3}), number("m", 0, 1))))
    assert grade(rubric, {"n": 1, "b": 2, "c": 2, "m": 0}).scores == (
        Score("one", 1, known=True, why=(("m", 0, 1),), skipped=(("n", "a"), ("n", "c"))),
    )


@pytest.mark.parametrize("unknown", [1, 2, 3])
def test_the_unknown_score_is_the_rubrics(unknown: int) -> None:
    working = grade(small(Indicator("one", "", "", (number("n", 0),)), unknown=unknown), {})
    assert (working.total, working.provisional) == (unknown, True)


# provisional


@pytest.mark.parametrize("missing", list(CALM))
def test_one_unknown_indicator_makes_it_provisional(missing: str) -> None:
    working = grade(SAMPLE, {fact: value for fact, value in CALM.items() if fact != missing})
    assert (working.provisional, working.unknown, working.total) == (True, (HOME[missing],), 5)


def test_all_known_is_not_provisional() -> None:
    working = grade(SAMPLE, CALM)
    assert (working.provisional, working.unknown, working.total, working.level) == (False, (), 4, MILD)


def test_judged_no_network_incident_is_known_and_scores_one() -> None:
    working = grade(SAMPLE, {**CALM, "csrc_grade": "unconfirmed"})
    assert (of(working, "incident_level").score, working.provisional, working.csrc_grade) == (1, False, EventGrade.UNCONFIRMED)


# overrides


def test_an_override_replaces_the_score_and_keeps_what_was_measured() -> None:
    working = grade(SAMPLE, {"platforms": 9}, {"reach": (2, "平台数含转载")})
    assert of(working, "reach") == Score("reach", 2, known=True, why=(("platforms", 9, 4),), override_reason="平台数含转载")
    assert working.unknown == ("incident_level", "spread", "trend")


def test_an_override_keeps_what_was_skipped() -> None:
    trend = of(grade(SAMPLE, {"growth_1h": 9}, {"trend": (3, "值班判断")}), "trend")
    assert trend == Score("trend", 3, known=True, skipped=(("growth_1h", "posts_24h"),), override_reason="值班判断")


def test_overrides_alone_make_a_full_grade() -> None:
    working = grade(SAMPLE, {}, dict.fromkeys(KEYS, (4, "r")))
    assert (working.total, working.provisional, working.level) == (16, False, EXTREME)


def test_an_overridden_incident_level_is_not_a_csrc_grade() -> None:
    working = grade(SAMPLE, {**CALM, "csrc_grade": None}, {"incident_level": (4, "预判")})
    assert (working.csrc_grade, working.total, working.level, working.floors, working.response) == (None, 7, MODERATE, (), ResponseLevel.L3)


@pytest.mark.parametrize("score", [1, 4])
def test_override_scores_at_the_edge_are_taken(score: int) -> None:
    assert of(grade(SAMPLE, {}, {"reach": (score, "r")}), "reach").score == score


@pytest.mark.parametrize(
    ("overrides", "key", "values"),
    [
        ({"reach": (0, "r")}, "grade.override_score", {"indicator": "reach", "score": 0}),
        ({"reach": (5, "r")}, "grade.override_score", {"indicator": "reach", "score": 5}),
        ({"reach": (3, "")}, "grade.override_reason", {"indicator": "reach"}),
        ({"reach": (3, " \u3000")}, "grade.override_reason", {"indicator": "reach"}),
        ({"reads_24h": (3, "r")}, "grade.override_indicator", {"indicator": "reads_24h"}),
        ({"spread": (3, "r"), "trend": (3, "")}, "grade.override_reason", {"indicator": "trend"}),
    ],
)
def test_an_override_needs_an_indicator_a_score_and_a_reason(
    overrides: dict[str, tuple[int, str]], key: str, values: dict[str, object]
) -> None:
    with pytest.raises(RuleBroken) as refused:
        grade(SAMPLE, {}, overrides)
    assert (refused.value.key, refused.value.values) == (key, values)


# bands

EDGES = [(4, MILD), (6, MILD), (7, MODERATE), (9, MODERATE), (10, SEVERE), (12, SEVERE), (13, EXTREME), (16, EXTREME)]


@pytest.mark.parametrize(("total", "level"), EDGES)
def test_each_band_holds_its_two_edges(total: int, level: OpinionLevel) -> None:
    given_scores = {key: (total // 4 + (index < total % 4), "r") for index, key in enumerate(KEYS)}
    working = grade(NO_FLOORS, {}, given_scores)
    assert (working.total, working.band, working.level, working.floor, working.floors) == (total, level, level, None, ())


@pytest.mark.parametrize("total", [4, 6])
def test_a_total_outside_all_bands_is_an_error_of_the_rubric(total: int) -> None:
    rubric = replace(small(Indicator("one", "", "", (number("n", 0),))), bands=(Band(MILD, 5, 5),), unknown_score=total)
    with pytest.raises(ValueError, match=f"rubric small has no band for a total of {total}"):
        grade(rubric, {})


# floors: each alone on a calm incident, with what is just not enough

TWO_FOURS = {"reach": (4, "r"), "spread": (4, "r")}


@pytest.mark.parametrize(
    ("floor", "facts", "level"),
    [
        ("F1", {"csrc_grade": "extreme"}, SEVERE),
        ("F2", {"csrc_grade": "major"}, MODERATE),
        ("F6", {"leaked_persons": 1_000_000}, SEVERE),
        ("F7", {"leak_proof_public": True}, MODERATE),
        ("F8", {"offline_gathering": True}, SEVERE),
        ("F9", {"core_trading_interrupted_in_session": True, "public_posts": True}, MODERATE),
    ],
)
def test_floor_alone_lifts_by_its_facts(floor: str, facts: dict[str, Value], level: OpinionLevel) -> None:
    # scores are held down, so that only the floor can speak
    held = dict.fromkeys(KEYS, (1, "r"))
    working = grade(alone(floor), facts, held)
    assert (working.total, working.band, working.level) == (4, MILD, level)
    assert (working.floors, working.floor, working.provisional) == ((floor,), floor, False)


@pytest.mark.parametrize(
    ("floor", "facts"),
    [
        ("F1", {"csrc_grade": "major"}),
        ("F2", {"csrc_grade": "larger"}),
        ("F2", {"csrc_grade": "extreme"}),
        ("F6", {"leaked_persons": 999_999}),
        ("F6", {"leaked_persons": None}),
        ("F6", {"leaked_persons": True}),
        ("F7", {"leak_proof_public": False}),
        ("F7", {"leak_proof_public": None}),
        ("F7", {"leak_proof_public": 1}),
        ("F7", {"leak_proof_public": "yes"}),
        ("F8", {"offline_gathering": False}),
        ("F9", {"core_trading_interrupted_in_session": True}),
        ("F9", {"core_trading_interrupted_in_session": True, "public_posts": False}),
        ("F9", {"core_trading_interrupted_in_session": None, "public_posts": True}),
        ("F5", {"csrc_grade": "extreme"}),
        ("F3", {"second_wave": False, "offline_gathering": None}),
        ("F3", {"second_wave": 1, "offline_gathering": "yes"}),
        ("F4", {}),
    ],
)
def test_floor_does_not_hold_on_less(floor: str, facts: dict[str, Value]) -> None:
    held = dict.fromkeys(KEYS, (1, "r"))
    working = grade(alone(floor), facts, held)
    assert (working.level, working.floors, working.floor) == (MILD, (), None)


def test_a_floor_on_no_does_not_hold_while_open() -> None:
    rubric = small(Indicator("one", "", "", (number("n", 0),)), floors=(Floor("N", SEVERE, facts={"recovered": False}),))
    assert [grade(rubric, {"recovered": value}).level for value in (False, None, 0, True)] == [SEVERE, MILD, MILD, MILD]


@pytest.mark.parametrize("facts", [{"platforms": 8}, {"reads_24h": 1_000_000}])
def test_f3_lifts_when_reach_or_spread_scores_four(facts: dict[str, Value]) -> None:
    rest = {key: (1, "r") for key in KEYS if key != HOME[next(iter(facts))]}
    working = grade(replace(alone("F3"), bands=(Band(MILD, 4, 16),)), facts, rest)
    assert (working.total, working.floors, working.level) == (7, ("F3",), MODERATE)


@pytest.mark.parametrize("fact", ["second_wave", "offline_gathering"])
def test_f3_lifts_on_a_yes_whatever_the_trend_scores(fact: str) -> None:
    held = dict.fromkeys(KEYS, (1, "r"))
    working = grade(alone("F3"), {fact: True}, held)
    assert (working.total, working.floors, working.level) == (4, ("F3",), MODERATE)


@pytest.mark.parametrize(("indicator", "score"), [("trend", 4), ("incident_level", 4), ("reach", 3), ("spread", 3)])
def test_f3_ignores_other_indicators_and_lower_scores(indicator: str, score: int) -> None:
    wide = replace(alone("F3"), bands=(Band(MILD, 4, 16),))
    held = dict.fromkeys(KEYS, (1, "r")) | {indicator: (score, "r")}
    assert grade(wide, {}, held).floors == ()


@pytest.mark.parametrize("pair", [("incident_level", "reach"), ("reach", "spread"), ("spread", "trend"), ("incident_level", "trend")])
def test_f4_lifts_on_any_two_fours(pair: tuple[str, str]) -> None:
    wide = replace(alone("F4"), bands=(Band(MODERATE, 4, 16),))
    held = {key: (4 if key in pair else 1, "r") for key in KEYS}
    working = grade(wide, {}, held)
    assert (working.floors, working.level) == (("F4",), SEVERE)
    assert grade(wide, {}, held | {pair[0]: (3, "r")}).floors == ()


def test_f4_stands_on_the_default_bands_too() -> None:
    # 4 + 4 + 1 + 1 = 10 is severe already, so that F4 is not hit: it says nothing new
    working = grade(SAMPLE, CALM, TWO_FOURS)
    assert (working.total, working.level, working.floors) == (10, SEVERE, ())


@pytest.mark.parametrize("other", ["reach", "spread", "trend"])
def test_f5_lifts_when_another_indicator_than_the_incident_level_scores_four(other: str) -> None:
    held = dict.fromkeys(KEYS[1:], (1, "r")) | {other: (4, "r")}
    working = grade(alone("F5"), {"csrc_grade": "extreme"}, held)
    assert (working.total, working.band, working.level, working.floors) == (10, SEVERE, EXTREME, ("F5",))
    assert grade(alone("F5"), {"csrc_grade": "extreme"}, held | {other: (3, "r")}).floors == ()
    assert grade(alone("F5"), {"csrc_grade": "major"}, held).floors == ()


def test_other_score_is_reached_by_more_and_never_without_others() -> None:
    floor = (Floor("O", SEVERE, other_score=1),)
    one = Indicator("incident_level", "", "", (number("n", 0),))
    other = Indicator("reach", "", "", (number("m", 0, 5),))
    assert grade(small(one, floors=floor), {"n": 0}).level == MILD
    assert grade(small(one, other, floors=floor), {"n": 0, "m": 5}).level == SEVERE


def test_a_floor_that_asks_for_no_score_holds_in_a_rubric_without_other_indicators() -> None:
    one = Indicator("incident_level", "", "", (number("n", 0),))
    assert grade(small(one, floors=(Floor("X", SEVERE, facts={"leaked": True}),)), {"n": 0, "leaked": True}).level == SEVERE


def test_all_lifting_floors_are_named_in_order_and_the_highest_decides() -> None:
    facts: dict[str, Value] = {"leak_proof_public": True, "offline_gathering": True, "csrc_grade": "major", "platforms": 1, "reads_24h": 1}
    working = grade(SAMPLE, facts, {"trend": (1, "r")})
    assert (working.total, working.band) == (6, MILD)
    assert working.floors == ("F2", "F3", "F7", "F8")
    assert (working.level, working.floor) == (SEVERE, "F8")


def test_of_two_equal_floors_the_first_decides() -> None:
    facts: dict[str, Value] = {**CALM, "leak_proof_public": True, "core_trading_interrupted_in_session": True, "public_posts": True}
    working = grade(SAMPLE, facts)
    assert (working.floors, working.floor, working.level) == (("F7", "F9"), "F7", MODERATE)


def test_a_floor_at_or_below_the_band_is_not_hit() -> None:
    base: dict[str, Value] = {**CALM, "leak_proof_public": True}
    below = grade(SAMPLE, base | {"platforms": 5, "reads_24h": 100_000, "complaints_1h": 100})
    level_with = grade(SAMPLE, base | {"platforms": 5, "complaints_1h": 20})
    assert (below.total, below.level, below.floors, below.floor) == (10, SEVERE, (), None)
    assert (level_with.total, level_with.level, level_with.floors, level_with.floor) == (7, MODERATE, (), None)


# response


@pytest.mark.parametrize(
    ("csrc", "ranks"),
    [
        (None, ["l4", "l3", "l2", "l1"]),
        (EventGrade.UNCONFIRMED, ["l4", "l3", "l2", "l1"]),
        (EventGrade.GENERAL, ["l4", "l3", "l2", "l1"]),
        (EventGrade.LARGER, ["l3", "l3", "l2", "l1"]),
        (EventGrade.MAJOR, ["l2", "l2", "l2", "l1"]),
        (EventGrade.EXTREME, ["l1", "l1", "l1", "l1"]),
    ],
)
def test_response_is_the_higher_of_grade_and_level(csrc: EventGrade | None, ranks: list[str]) -> None:
    assert [response_level(csrc, level) for level in OpinionLevel] == ranks


@pytest.mark.parametrize("csrc", list(EventGrade))
def test_the_working_takes_the_grade_from_the_facts(csrc: EventGrade) -> None:
    working = grade(SAMPLE, {**CALM, "csrc_grade": str(csrc)})
    assert working.csrc_grade is csrc
    assert working.response == response_level(csrc, working.level)


def test_the_cac_grade_changes_nothing() -> None:
    assert grade(SAMPLE, {**CALM, "cac_grade": "extreme"}) == grade(SAMPLE, CALM)


# what decided


def test_deciding_names_the_worst_measures_only() -> None:
    facts: dict[str, Value] = {"csrc_grade": "larger", "platforms": 5, "media_tier": "national", "affected_clients": 9, "reads_24h": 20_000}
    assert deciding(grade(SAMPLE, facts, {"spread": (2, "r")})) == {
        "incident_level": ("csrc_grade",),
        "reach": ("platforms", "media_tier"),
        "spread": (),
        "trend": (),
    }


# regrading


def working_at(level: OpinionLevel, *, known: bool = True) -> Working:
    score = Score("reach", 1, known=known)
    return Working((score,), total=1, band=level, floors=(), level=level, floor=None, csrc_grade=None)


@pytest.mark.parametrize("current", list(OpinionLevel))
@pytest.mark.parametrize("new", list(OpinionLevel))
def test_a_full_reading_may_follow_a_full_grade_whatever_it_says(current: OpinionLevel, new: OpinionLevel) -> None:
    may_replace(current, False, working_at(new))


@pytest.mark.parametrize("current", [None, *OpinionLevel])
@pytest.mark.parametrize("new", list(OpinionLevel))
@pytest.mark.parametrize("known", [True, False])
def test_the_first_grade_and_one_after_a_provisional_may_be_anything(current: OpinionLevel | None, new: OpinionLevel, known: bool) -> None:
    may_replace(current, True, working_at(new, known=known))
    may_replace(None, False, working_at(new, known=known))


@pytest.mark.parametrize("new", [MILD, MODERATE, SEVERE])
def test_a_full_grade_does_not_become_provisional_again(new: OpinionLevel) -> None:
    with pytest.raises(RuleBroken) as refused:
        may_replace(MODERATE, False, working_at(new, known=False))
    assert (refused.value.key, refused.value.values) == ("grade.provisional_again", {"unknown": ("reach",)})


GRADES: list[EventGrade | None] = [None, *EventGrade]


@pytest.mark.parametrize("kind", ["csrc", "cac"])
@pytest.mark.parametrize("current", GRADES)
@pytest.mark.parametrize("new", GRADES)
def test_a_judged_event_grade_is_neither_lowered_nor_unset(
    kind: Literal["csrc", "cac"], current: EventGrade | None, new: EventGrade | None
) -> None:
    if GRADES.index(new) >= GRADES.index(current):
        may_set_event_grade(kind, current, new)
        return
    with pytest.raises(RuleBroken) as refused:
        may_set_event_grade(kind, current, new)
    assert current is not None
    assert refused.value.key == f"grade.{kind}_lowering"
    assert refused.value.values == {"current": current.value, "new": new.value if new else None}


# laws

BOUNDS = [0, 1, 2, 3, 5, 8, 19, 20, 49, 50, 100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000]
AMOUNTS = st.sampled_from(BOUNDS) | st.integers(0, 2_000_000)
RATIOS = st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0, 1.2, 2.0, 4.0]) | st.floats(0, 10)
VALUES: dict[str, st.SearchStrategy[Value]] = {
    **{fact: AMOUNTS for fact, _ in STEPS},
    **dict.fromkeys(NEEDY, RATIOS),
    **{fact: st.sampled_from(list(table)) for fact, table in CHOICES},
    **{fact: st.booleans() for fact in (*CONDITIONS, "leak_proof_public", "core_trading_interrupted_in_session", "public_posts")},
    "leaked_persons": AMOUNTS,
}
#: Two choices share codes (`national`), so the weight is that of a code within its fact.
ORDER = {(fact, code): weight for fact, table in CHOICES for weight, code in enumerate(table)}
FACTS: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {}, optional={fact: st.none() | values for fact, values in VALUES.items()}
)
OVERRIDES: st.SearchStrategy[dict[str, tuple[int, str]]] = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.integers(1, 4), st.just("r")), max_size=2
)


def heavier(fact: str, old: Value, new: Value) -> bool:
    """Whether `new` weighs at least as much as `old`; both known and of one kind."""
    if isinstance(old, str) and isinstance(new, str):
        return ORDER[fact, new] >= ORDER[fact, old]
    assert isinstance(old, int | float)
    assert isinstance(new, int | float)
    return new >= old


@given(FACTS, OVERRIDES)
def test_law_the_total_is_the_sum_and_the_level_stands_on_the_band(facts: dict[str, Value], overrides: dict[str, tuple[int, str]]) -> None:
    working = grade(SAMPLE, facts, overrides)
    assert working.total == sum(score.score for score in working.scores)
    assert 4 <= working.total <= 16
    assert working.level.rank >= working.band.rank
    assert working.response.rank == max(working.level.rank, working.csrc_grade.rank if working.csrc_grade else 1)
    assert working.provisional is any(not score.known for score in working.scores)
    assert (working.floor is None) is (working.floors == ()) is (working.level == working.band)
    assert all(score.score == 2 for score in working.scores if not score.known)
    assert all(1 <= score.score <= 4 for score in working.scores)


@given(FACTS, OVERRIDES)
def test_law_floors_only_lift(facts: dict[str, Value], overrides: dict[str, tuple[int, str]]) -> None:
    with_floors, without = grade(SAMPLE, facts, overrides), grade(NO_FLOORS, facts, overrides)
    assert (with_floors.scores, with_floors.total, with_floors.band) == (without.scores, without.total, without.band)
    assert without.level == without.band
    each = [grade(alone(floor.id), facts, overrides) for floor in FLOORS]
    assert with_floors.level.rank == max(working.level.rank for working in each)
    assert with_floors.floors == tuple(name for working in each for name in working.floors)


@given(FACTS, st.data())
def test_law_raising_what_is_known_lowers_nothing_but_a_score_that_was_unknown(facts: dict[str, Value], data: st.DataObject) -> None:
    """Exactly: an indicator that is known stays known and does not fall; total, level and response do not fall unless a met need
    made an unknown indicator known (2 for unknown may become 1)."""
    known = [fact for fact, value in facts.items() if value is not None]
    fact = data.draw(st.sampled_from(known)) if known else None
    raised = dict(facts)
    if fact is not None:
        raised[fact] = data.draw(VALUES[fact].filter(lambda value: heavier(fact, facts[fact], value)))
    before, after = grade(SAMPLE, facts), grade(SAMPLE, raised)
    for old, new in zip(before.scores, after.scores, strict=True):
        assert new.known >= old.known
        assert new.score >= (old.score if old.known or not new.known else 1)
    if before.unknown == after.unknown:
        assert after.total >= before.total
        assert after.level.rank >= before.level.rank
        assert after.response.rank >= before.response.rank
    else:
        assert fact == "posts_24h"


@given(FACTS, st.data())
def test_law_learning_a_fact_lowers_no_indicator_that_was_known(facts: dict[str, Value], data: st.DataObject) -> None:
    open_facts = [fact for fact in VALUES if facts.get(fact) is None]
    learnt = {fact: data.draw(VALUES[fact]) for fact in (data.draw(st.sampled_from(open_facts)),)} if open_facts else {}
    before, after = grade(SAMPLE, facts), grade(SAMPLE, facts | learnt)
    for old, new in zip(before.scores, after.scores, strict=True):
        assert new.known >= old.known
        assert new.score >= old.score or not old.known
    assert set(after.unknown) <= set(before.unknown)


@given(FACTS, st.randoms(use_true_random=False))
def test_law_the_order_of_facts_measures_and_indicators_does_not_matter(facts: dict[str, Value], random: Any) -> None:
    items = list(facts.items())
    random.shuffle(items)
    shuffled = replace(
        SAMPLE,
        indicators=tuple(
            replace(indicator, measures=tuple(random.sample(indicator.measures, len(indicator.measures))))
            for indicator in random.sample(SAMPLE.indicators, 4)
        ),
        bands=tuple(random.sample(SAMPLE.bands, 4)),
    )
    straight, mixed = grade(SAMPLE, facts), grade(shuffled, dict(items))
    assert grade(SAMPLE, dict(items)) == straight
    assert scores(mixed) == scores(straight)
    assert (mixed.total, mixed.level, mixed.floors, mixed.floor) == (straight.total, straight.level, straight.floors, straight.floor)
    assert set(mixed.unknown) == set(straight.unknown)


@given(FACTS, OVERRIDES)
def test_law_an_open_fact_is_the_same_as_a_missing_one(facts: dict[str, Value], overrides: dict[str, tuple[int, str]]) -> None:
    assert grade(SAMPLE, facts, overrides) == grade(SAMPLE, {fact: value for fact, value in facts.items() if value is not None}, overrides)


@given(FACTS)
def test_law_deciding_names_exactly_the_facts_without_which_the_score_falls(facts: dict[str, Value]) -> None:
    working = grade(SAMPLE, facts)
    for indicator, names in deciding(working).items():
        score = of(working, indicator)
        assert bool(names) is score.known
        if score.known and score.score > 2:
            without = of(grade(SAMPLE, {fact: value for fact, value in facts.items() if fact not in names}), indicator)
            assert without.score < score.score
