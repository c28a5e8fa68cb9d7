"""The default rubric, written by hand: rule tests stand on this one and not on the loader or the plan of the day."""

from collections.abc import Mapping

from workflows.core.rubric import Band, Floor, Indicator, Measure, OpinionLevel, Rubric

POSTS = {"posts_24h": 20.0}


def number(fact: str, *steps: float, needs: Mapping[str, float] | None = None) -> Measure:
    return Measure(fact, "number", steps=steps, needs=needs or {})


def choice(fact: str, **scores: int) -> Measure:
    return Measure(fact, "choice", scores=scores)


def condition(fact: str) -> Measure:
    return Measure(fact, "condition", score=4)


INDICATORS = (
    Indicator(
        "incident_level",
        "网络安全事件等级指标",
        "Incident grade",
        (choice("csrc_grade", unconfirmed=1, general=1, larger=2, major=3, extreme=4),),
    ),
    Indicator(
        "reach",
        "舆情影响范围指标",
        "Reach",
        (
            number("platforms", 0, 3, 5, 8),
            choice("media_tier", none=1, self_media=1, local=2, national=3, central=4),
            number("affected_clients", 0, 1_000, 10_000, 100_000),
            condition("regulator_public"),
        ),
    ),
    Indicator(
        "spread",
        "舆情传播指标",
        "Spread",
        (
            number("reads_24h", 0, 10_000, 100_000, 1_000_000),
            number("reposts_24h", 0, 1_000, 10_000, 100_000),
            number("posts_24h", 0, 50, 500, 5_000),
            choice("hot_list", none=1, city=2, national=3, national_top50=4),
        ),
    ),
    Indicator(
        "trend",
        "舆情态势指标",
        "Trend",
        (
            number("hours_since_first", 0, 2, 8, 24, needs=POSTS),
            number("growth_1h", 0, 1.2, 2, 4, needs=POSTS),
            number("negative_share", 0, 0.3, 0.5, 0.8, needs=POSTS),
            number("complaints_1h", 0, 20, 100, 500),
            condition("second_wave"),
            condition("offline_gathering"),
        ),
    ),
)

BANDS = (
    Band(OpinionLevel.MILD, 4, 6),
    Band(OpinionLevel.MODERATE, 7, 9),
    Band(OpinionLevel.SEVERE, 10, 12),
    Band(OpinionLevel.EXTREME, 13, 16),
)

FLOORS = (
    Floor("F1", OpinionLevel.SEVERE, facts={"csrc_grade": "extreme"}),
    Floor("F2", OpinionLevel.MODERATE, facts={"csrc_grade": "major"}),
    Floor("F3", OpinionLevel.MODERATE, any_score=("reach", "spread", "second_wave", "offline_gathering")),
    Floor("F4", OpinionLevel.SEVERE, scores_of_4=2),
    Floor("F5", OpinionLevel.EXTREME, facts={"csrc_grade": "extreme"}, other_score=4),
    Floor("F6", OpinionLevel.SEVERE, facts_at_least={"leaked_persons": 1_000_000}),
    Floor("F7", OpinionLevel.MODERATE, facts={"leak_proof_public": True}),
    Floor("F8", OpinionLevel.SEVERE, facts={"offline_gathering": True}),
    Floor("F9", OpinionLevel.MODERATE, facts={"core_trading_interrupted_in_session": True, "public_posts": True}),
)

SAMPLE = Rubric(
    id="opinion-grade-default",
    version=1,
    indicators=INDICATORS,
    bands=BANDS,
    floors=FLOORS,
    unknown_score=2,
    rescore_minutes=30,
    regrade_minutes={
        OpinionLevel.MILD: 120,
        OpinionLevel.MODERATE: 60,
        OpinionLevel.SEVERE: 30,
        OpinionLevel.EXTREME: 15,
    },
)
