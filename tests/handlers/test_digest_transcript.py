"""Twice a day everybody hears what is still open with them, once; and nobody hears of nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage import digests
from storage.database import Database
from tests.handlers.test_reminders_transcript import OUTAGE, SMALL
from tests.world import World, make_world

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = (time(8, 50), time(17, 30))


def moment(text: str) -> datetime:
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield database
    database.close()


def evening(database: Database, grades: str = "", start: str = "03-10 16:50", more: str = "") -> World:
    world = make_world(database, start=moment(start))
    world.says("li.na", f"/事件 上报 类型=系统故障 系统=行情 {more} 行情中断")
    if grades:
        world.says("li.na", f"/定级 {grades}")
    return world


def knocks(world: World, until: str) -> None:
    """The house stands by, and its metronome knocks each minute, until then."""
    people = list(world.plans.organization.people)
    while world.clock() < moment(until):
        world.database.write(lambda tx: digests.call(tx, people, at=AT, zone=SHANGHAI, now=world.clock()))
        world.passes(minutes=1)


def heard(world: World, person: str) -> list[str]:
    return [text for text in world.direct(person) if "汇总】" in text]


def test_everybody_is_told_once_what_is_open_with_them(sqlite: Database) -> None:
    world = evening(sqlite, SMALL)
    own, other = world.by_code("failure.impact").ref, world.by_code("common.internal_lines").ref
    world.says("luo.ming", f"/认领 {own}")
    world.says("gao.yuan", f"/认领 {other}")
    world.clock.now = moment("03-10 17:29")

    knocks(world, "03-10 17:40")

    (text,) = heard(world, "luo.ming")
    lines = text.splitlines()
    assert lines[0].startswith("【17:30 汇总】还有 ")
    assert any(line.startswith(f"{own} 算影响") and "(INC-20260310-001):" in line and "18:50 前" in line for line in lines[1:])
    assert other not in text
    assert not heard(world, "han.tao"), "nothing is open with the administrator"
    card = world.card("luo.ming", "汇总")
    assert f"进展 {own}" in [button["label"] for button in card["buttons"]]
    moments = {
        line.at
        for person in ("luo.ming", "gao.yuan", "wang.qiang", "xu.jing")
        for _, line in world.seen_by(person)
        if "汇总】" in line.text
    }
    assert len(moments) >= 3, "not all at one moment"
    assert all(moment("03-10 17:30") < at <= moment("03-10 17:35") for at in moments)


def test_what_is_late_stands_first_and_heads_hear_of_what_nobody_claims(sqlite: Database) -> None:
    world = evening(sqlite, OUTAGE)
    world.clock.now = moment("03-10 17:29")
    knocks(world, "03-10 17:40")
    (text,) = heard(world, "wang.qiang")
    dues = [world.task(line.split(" ")[0]).due_at for line in text.splitlines()[1:] if line.startswith("T")]
    assert len(dues) > 2
    assert dues == sorted(dues, key=lambda due: (due is None, due))
    assert "你组里还没有人认领" in text
    assert "超时" in text.splitlines()[0]
    assert not heard(world, "wu.di"), "a member is not told of what nobody owns"


def test_words_are_found_when_it_is_sent_and_an_empty_one_is_not(sqlite: Database) -> None:
    world = evening(sqlite, SMALL)
    ref = world.by_code("common.rollcall").ref
    world.says("wu.di", f"/认领 {ref}")
    world.clock.now = moment("03-10 17:30")
    people = list(world.plans.organization.people)
    world.database.write(lambda tx: digests.call(tx, people, at=AT, zone=SHANGHAI, now=world.clock()))
    world.road.ask(world.message("wu.di", f"/任务 放手 {ref}", "dm:wu.di"))
    world.passes(minutes=6)
    assert not heard(world, "wu.di")
    assert any(ref in text for text in heard(world, "li.na")), "the head has it now"


def test_an_approval_that_waits_is_in_it(sqlite: Database) -> None:
    world = evening(sqlite, OUTAGE)
    world.says("li.na", "/事件 启动")
    world.clock.now = moment("03-10 17:29")
    knocks(world, "03-10 17:40")
    (text,) = heard(world, "zhou.heng")
    assert "A1 " in text
    assert "等你批,李娜 16:50 提请" in text


@pytest.mark.parametrize(("back", "comes"), [("03-10 18:20", True), ("03-10 19:31", False)])
def test_who_was_down_sends_it_late_once_and_after_two_hours_no_more(sqlite: Database, back: str, comes: bool) -> None:
    world = evening(sqlite, SMALL)
    ref = world.by_code("failure.impact").ref
    world.says("luo.ming", f"/认领 {ref}")
    world.sleeps(seconds=(moment(back) - world.clock()).total_seconds())
    knocks(world, (moment(back) + timedelta(minutes=8)).astimezone(SHANGHAI).strftime("%m-%d %H:%M"))
    assert len(heard(world, "luo.ming")) == comes


def test_two_replicas_and_a_restart_add_it_once(database: Database) -> None:
    world = evening(database, SMALL)
    people, now = list(world.plans.organization.people), moment("03-10 17:31")
    added = [world.database.write(lambda tx: digests.call(tx, people, at=AT, zone=SHANGHAI, now=now)) for _ in range(3)]
    assert added == [len(people), 0, 0]
    later = [
        world.database.write(lambda tx, text=text: digests.call(tx, people, at=AT, zone=SHANGHAI, now=moment(text)))  # type: ignore[misc]
        for text in ("03-10 19:31", "03-11 08:50")
    ]
    assert later == [0, len(people)]


@pytest.mark.parametrize(("grades", "late", "comes"), [(SMALL, False, False), (SMALL, True, True), (OUTAGE, False, True)])
def test_on_a_day_off_only_what_is_heavy_or_late_is_told(sqlite: Database, grades: str, late: bool, comes: bool) -> None:
    world = evening(sqlite, grades, start="03-14 16:50")  # a Saturday
    ref = world.by_code("failure.impact").ref
    world.says("luo.ming", f"/认领 {ref}")
    world.clock.now = moment("03-14 17:29")
    if late:
        world.clock.now = moment("03-15 08:49")
    knocks(world, "03-15 08:58" if late else "03-14 17:38")
    assert bool(heard(world, "luo.ming")) == comes


def test_a_restricted_incident_is_told_only_to_who_is_inside(sqlite: Database) -> None:
    world = evening(sqlite, OUTAGE, more="限制=是")
    world.clock.now = moment("03-10 17:29")
    knocks(world, "03-10 17:40")
    involved = {task.group for task in world.tasks()}
    organization = world.plans.organization
    for person in organization.people:
        inside = involved & set(organization.groups_of(person)) or "lead" in organization.groups_of(person)
        assert not heard(world, person) or inside or organization.people[person].roles
