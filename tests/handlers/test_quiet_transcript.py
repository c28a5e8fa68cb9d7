"""Nights: what waits until the morning and says so, and what never waits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage.database import Database
from tests.handlers.test_reminders_transcript import MIDDLE, OUTAGE, SMALL, heard, told
from tests.world import World, make_world
from workflows.core.rubric import OpinionLevel, ResponseLevel

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: A Tuesday evening.
EVENING = datetime(2026, 3, 10, 18, 20, tzinfo=SHANGHAI).astimezone(UTC)
MILD_MAJOR = SMALL.replace("证监会=一般", "证监会=重大")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield database
    database.close()


def evening(database: Database, grades: str = "") -> World:
    world = make_world(database, start=EVENING)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=18:10 行情中断")
    if grades:
        assert world.says("li.na", f"/定级 {grades}").error is None
    return world


def until(world: World, text: str) -> None:
    """Until that moment of the next morning (or of this night)."""
    clock = world.clock().astimezone(SHANGHAI)
    hour, minute = map(int, text.split(":"))
    moment = clock.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if moment <= clock:
        moment = moment.replace(day=clock.day + 1)
    world.passes(seconds=(moment - clock).total_seconds())


def words_at_night(world: World, begins: str = "19:00", ends: str = "08:30") -> list[str]:
    """What people were told by themselves or in the control group in those hours, of the incident's reminders."""
    lines = [(line.at.astimezone(SHANGHAI), line.text) for person in world.plans.organization.people for _, line in world.seen_by(person)]
    return [text for at, text in lines if "次提醒" in text and (f"{at:%H:%M}" >= begins or f"{at:%H:%M}" < ends)]


def test_a_night_at_level_four_waits_for_the_morning_which_says_how_many_were_kept(sqlite: Database) -> None:
    world = evening(sqlite, SMALL)
    ref = world.by_code("failure.impact").ref
    assert world.incident().response_level is ResponseLevel.L4

    until(world, "08:40")

    assert not words_at_night(world)
    found = heard(world, ref)
    before, morning = [at for at in found if at > "18:00"], [at for at in found if at < "18:00"]
    assert before == ["18:50"], "the heads, while it was still evening"
    assert set(morning) <= {"08:30", "08:31", "08:32"}
    said = {where: text for at, where, text in told(world, ref) if at in morning}
    assert list(said) == ["li.na"], "one rung further than in the evening, and no more"
    # 19:20, 19:50, 20:10, 20:20, then the control group at 21:20, 22:20, 23:20, 00:20, 04:20, 08:20; one is said
    assert "(夜间静默压下 9 次提醒。)" in said["li.na"]
    assert "应在 20:20 前完成,已超时 12小时" in said["li.na"].replace("03-10 ", "")


def test_a_morning_is_one_message_to_each_and_not_all_at_one_moment(sqlite: Database) -> None:
    world = evening(sqlite, SMALL)
    for person, code in (("luo.ming", "failure.impact"), ("gao.yuan", "common.internal_lines"), ("wang.qiang", "failure.switch")):
        assert world.says(person, f"/认领 {world.by_code(code).ref}").error is None
    until(world, "08:29")
    counts = {person: len(world.direct(person)) for person in world.plans.organization.people}

    until(world, "08:33")

    told_now = {person: world.direct(person)[counts[person] :] for person in counts}
    assert {len(texts) for texts in told_now.values()} <= {0, 1}, told_now
    assert any("项要处理" in text for texts in told_now.values() for text in texts), "several items of one person are one message"
    moments = {line.at for person in told_now for _, line in world.seen_by(person) if "夜间静默压下" in line.text}
    assert len(moments) == 4, "three owners and the commander"
    assert all(f"{at.astimezone(SHANGHAI):%H:%M:%S}" > "08:30:00" for at in moments)


def test_a_night_at_level_two_does_not_wait(sqlite: Database) -> None:
    world = evening(sqlite, OUTAGE)
    assert world.incident().response_level is ResponseLevel.L2

    until(world, "22:00")

    ref = world.by_code("failure.impact").ref
    assert [at for at in heard(world, ref) if at >= "19:00"][:3] == ["19:05", "19:20", "19:35"], (
        "the control group, every quarter of an hour"
    )
    assert len(words_at_night(world, "19:00", "00:00")) > 20


def test_a_csrc_grade_of_major_with_mild_opinion_does_not_wait(sqlite: Database) -> None:
    world = evening(sqlite, MILD_MAJOR)
    assert world.incident().opinion_level in (OpinionLevel.MILD, OpinionLevel.MODERATE), "by this alone the night would be quiet"
    assert world.incident().response_level is ResponseLevel.L2, "but the higher of the two leads"

    until(world, "21:00")

    assert words_at_night(world, "19:00", "00:00")
    assert not any("夜间静默" in text for person in world.plans.organization.people for text in world.direct(person))


def test_while_the_grade_is_provisional_the_night_is_as_the_day(sqlite: Database) -> None:
    world = evening(sqlite)
    assert world.incident().provisional
    world.only(world.by_code("failure.impact").ref)

    until(world, "23:00")

    assert words_at_night(world, "19:00", "00:00")


def test_the_first_full_grading_at_night_begins_the_quiet_and_timers_set_before_say_nothing(sqlite: Database) -> None:
    world = evening(sqlite)
    until(world, "20:00")
    assert world.says("li.na", f"/定级 {SMALL}").error is None
    tasks = {task.ref: (task.version, task.round) for task in world.tasks()}
    spoken = len(words_at_night(world))

    until(world, "08:29")

    assert len(words_at_night(world)) == spoken
    assert {task.ref: (task.version, task.round) for task in world.tasks()} == tasks, "set again without a word, and no round counted"
    until(world, "08:35")
    assert any("夜间静默压下" in text for person in world.plans.organization.people for text in world.direct(person))


def test_a_grade_that_rises_at_three_in_the_night_ends_the_quiet_at_once(sqlite: Database) -> None:
    world = evening(sqlite, SMALL)
    until(world, "03:00")
    assert not words_at_night(world)

    assert world.says("li.na", f"/定级 {OUTAGE}").error is None
    world.passes(minutes=1)

    assert world.incident().response_level is ResponseLevel.L2
    ref = world.by_code("failure.impact").ref
    (text,) = {text for at, _, text in told(world, ref) if at in ("03:00", "03:01")}
    assert "系统中断过" not in text
    world.passes(minutes=30)
    assert any(at > "03:05" for at in heard(world, ref) if at < "08:00"), "and then it climbs by its own pace"


def test_clocks_and_approvals_and_updates_by_people_know_no_night(sqlite: Database) -> None:
    world = evening(sqlite, MIDDLE)
    world.only("I1")
    until(world, "23:00")
    world.says("li.na", "/事件 启动")
    (approval,) = [line for _, line in world.seen_by("lin.yue") if "A1" in line.text][-1:]
    assert f"{approval.at.astimezone(SHANGHAI):%H:%M}" == "23:00"
    until(world, "23:50")
    assert any("A1" in text and "次提醒" in text for text in world.direct("lin.yue")), "an approval is asked for again at night"
    world.says("li.na", "/事件 进展 备用线路已通")
    assert world.incident().next_update_at == datetime(2026, 3, 11, 7, 30, tzinfo=SHANGHAI), "nobody is promised an update for the night"
