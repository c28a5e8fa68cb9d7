"""收到: what was received is not said again to whoever said so, for a while and on the same rung; and nobody else hears less."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from tests.handlers.test_reminders_transcript import MIDDLE, OUTAGE, SMALL, heard, opened
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Level 3; 14:00."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield opened(database, MIDDLE)
    database.close()


def owned(world: World, code: str = "failure.impact", by: str = "luo.ming") -> str:
    """Due at 15:00, then every half hour, every second time one rung higher."""
    ref = world.by_code(code).ref
    assert world.says(by, f"/认领 {ref}").error is None
    return ref


def to(world: World, ref: str, person: str) -> list[str]:
    return [at for at, people in heard(world, ref).items() if person in people]


def test_repeats_of_the_rung_are_kept_from_that_person_and_from_nobody_else(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=121)
    assert to(world, ref, "yang.fan") == ["16:00"], "the head, by now"

    assert "17:01 前不再重复提醒你" in world.taps("luo.ming", f"收到 {ref}").text
    world.passes(minutes=30)
    assert to(world, ref, "luo.ming")[-1] == "16:00"
    assert to(world, ref, "yang.fan")[-1] == "16:30", "one person's 收到 is not the other's"


def test_a_higher_rung_is_news_to_who_has_seen_the_lower_one(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=121)
    for person in ("luo.ming", "yang.fan"):
        world.taps(person, f"收到 {ref}")
    world.passes(minutes=60)
    assert "16:30" not in heard(world, ref), "both had seen it"
    assert heard(world, ref)["17:00"] == ["li.na", "luo.ming"], "the owner hears that it went up, within the hour of the 收到"


def test_the_due_is_news_to_who_has_seen_what_was_said_before(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=35)
    assert "15:00 前不再重复提醒你" in world.taps("luo.ming", f"收到 {ref}").text
    world.passes(minutes=26)
    assert to(world, ref, "luo.ming") == ["14:31", "15:00"], "not ten minutes before, but that it is due"


def test_what_happens_to_the_task_is_news(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=61)
    world.taps("luo.ming", f"收到 {ref}")
    world.says("luo.ming", f"/任务 阻塞 {ref} 等清算出数")
    world.passes(minutes=30)
    assert to(world, ref, "luo.ming")[-1] == "15:31", "half an hour after it was blocked"


def test_it_lapses_and_the_chain_climbed_all_the_while(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=301)
    assert heard(world, ref)["19:00"] == ["control", "luo.ming"], "everybody on the ladder was told"
    assert world.taps("luo.ming", f"收到 {ref}").text.startswith("知道了,20:01 前不再重复提醒你")
    before = (world.task(ref).round, world.task(ref).level)

    world.passes(minutes=90)

    found = heard(world, ref)
    assert [at for at in found if at > "19:00"] == ["19:30", "20:00", "20:30"]
    assert [("control" in found[at], "luo.ming" in found[at]) for at in ("19:30", "20:00", "20:30")] == [
        (True, False),
        (True, False),
        (True, True),
    ], "the control group each time; its owner again when the hour is over"
    assert (world.task(ref).round, world.task(ref).level) == (before[0] + 3, before[1]), "it quiets nothing but the message"


def test_an_old_word_says_nothing_about_the_rung_that_was_reached_meanwhile(world: World) -> None:
    """收到 of what lies with a group, before its heads were told; they hear it once each."""
    ref = world.by_code("failure.impact").ref
    for person in ("luo.ming", "yang.fan"):
        world.says(person, f"/收到 {ref}")
    world.passes(minutes=16)
    assert heard(world, ref) == {"14:15": ["luo.ming", "yang.fan"]}


def test_who_has_seen_it_is_not_named_again_in_the_incidents_chat(world: World) -> None:
    ref = owned(world)
    room = world.room_of("li.na", "行情中断")
    world.passes(minutes=121)

    def named() -> list[str]:
        return [text.split(":")[0] for text in world.group(room, "li.na") if f"次提醒】{ref} " in text]

    assert named() == ["杨帆、罗明"]
    world.taps("luo.ming", f"收到 {ref}")
    world.passes(minutes=30)
    assert named() == ["杨帆、罗明", "杨帆"]


def test_a_chat_is_not_told_again_what_all_who_were_named_have_seen(world: World) -> None:
    ref = owned(world)
    room = world.room_of("li.na", "行情中断")
    world.passes(minutes=121)
    count = len(world.group(room, "li.na"))
    for person in ("luo.ming", "yang.fan"):
        world.taps(person, f"收到 {ref}")
    world.passes(minutes=30)
    assert not [text for text in world.group(room, "li.na")[count:] if f"】{ref} " in text]


def test_several_at_once(world: World) -> None:
    """A message that reminds of several has one button for all of them."""
    first, second = owned(world, "failure.switch", "ma.chao"), owned(world, "failure.impact", "yang.fan")
    world.says("yang.fan", f"/任务 转交 {second} 马超")
    world.passes(minutes=61)
    assert {"15:00"} <= {*to(world, first, "ma.chao")} & {*to(world, second, "ma.chao")}

    answer = world.taps("ma.chao", "收到 2 项").text

    assert [line[:15] for line in answer.splitlines()] == ["知道了,16:01 前不再重复"] * 2
    world.passes(minutes=35)
    assert [to(world, ref, "ma.chao")[-1] for ref in (first, second)] == ["15:30", "15:00"], "the first has gone up a rung meanwhile"


def test_what_stands_goes_on_standing_when_a_part_of_its_message_is_replaced(world: World) -> None:
    first, second = owned(world, "failure.switch", "ma.chao"), owned(world, "failure.impact", "yang.fan")
    world.says("yang.fan", f"/任务 转交 {second} 马超")
    world.passes(minutes=61)
    world.says("ma.chao", f"/收到 {second}")
    world.passes(minutes=35)  # the first speaks anew
    direct = world.lines(world.rooms.direct("ma.chao"), "ma.chao")
    live = [line.text for line in direct if line.state == "live" and "次提醒】" in line.text]
    assert sorted(ref for text in live for ref in (first, second) if f"】{ref} " in text) == sorted((first, second))


def test_every_rungs_card_can_be_answered(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=241)
    for person in ("luo.ming", "yang.fan", "li.na", "zhou.heng"):
        assert world.taps(person, f"收到 {ref}").error is None, person
    world.says("luo.ming", f"/完成 {ref} 已算出")
    world.passes(minutes=91)
    assert world.taps("li.na", f"收到 {ref}").error is None, "nobody who may verify it, and told of it"


def test_of_what_is_over_nothing_is_promised(world: World) -> None:
    ref = owned(world)
    world.says("luo.ming", f"/完成 {ref} 已算出")
    world.says("yang.fan", f"/核实 {ref}")
    assert world.says("luo.ming", f"/收到 {ref}").text == f"知道了。{ref} 现在是「已完成」。"


@pytest.mark.parametrize(("grades", "minutes"), [(SMALL, 120), (MIDDLE, 60), (OUTAGE, 30)], ids=["l4", "l3", "l2"])
def test_a_heavier_level_is_quiet_for_less_long(tmp_path: Path, grades: str, minutes: int) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = opened(database, grades)
    ref = world.by_code("common.internal_lines").ref
    until = world.clock() + timedelta(minutes=minutes)
    due = world.task(ref).due_at
    assert due is not None
    assert due >= until
    assert f"{until.astimezone(world.road.house.words.zone):%H:%M} 前" in world.says("xu.jing", f"/收到 {ref}").text
    database.close()


def test_why_tells_who_is_left_in_peace_and_until_when(world: World) -> None:
    ref = owned(world)
    world.passes(minutes=121)
    world.taps("luo.ming", f"收到 {ref}")
    lines = world.says("li.na", f"/任务 缘由 {ref}").text.splitlines()[4:]
    assert "已收到,同一级的重复提醒暂不发给:罗明(17:01 前)" in lines
    again, climb = [line for line in lines if line.startswith("· ")][:2]
    assert again.startswith("· 16:30 超时再提醒")
    assert "罗明(负责人)〔已收到,不重复〕、杨帆(组长)" in again
    assert climb.startswith("· 17:00 ")
    assert "不重复" not in climb

    world.passes(minutes=30)
    assert heard(world, ref)["16:30"] == ["yang.fan"], "as it was foretold"
    last = next(line for line in world.says("li.na", f"/任务 缘由 {ref}").text.splitlines() if line.startswith("上次提醒"))
    assert "罗明(负责人)〔已收到,不重复〕、杨帆(组长)" in last
