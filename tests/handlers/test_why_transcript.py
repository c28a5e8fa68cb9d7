"""`/task why`: what was said and to whom, what comes next, and what would stop it. What it foretells is what happens."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage.database import Database
from tests.handlers.test_reminders_transcript import MIDDLE, OUTAGE, SMALL, opened
from tests.world import SMALL_PLAN, World, make_world
from workflows.task import SPOKEN

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield opened(database, OUTAGE)
    database.close()


def why(world: World, ref: str, person: str = "ma.chao") -> list[str]:
    """What follows the task's own four lines."""
    return world.says(person, f"/任务 缘由 {ref}").text.splitlines()[4:]


def locate(world: World) -> str:
    return world.by_code("failure.locate").ref


def test_fresh(world: World) -> None:
    ref = locate(world)
    assert why(world, ref) == [
        "至今没有提醒过。",
        "接下来(没有人动的话,按现在的值班和请假):",
        "· 14:05 无人认领则上报,第2级/共4级(组长、副组长) → 王强(组长)、赵敏(副组长),私信、群内点名",
        "· 14:10 到期提醒,第2级/共4级(组长、副组长) → 王强(组长)、赵敏(副组长),私信、群内点名",
        "· 14:20 超时再提醒,第3级/共4级(总指挥) → 李娜(总指挥),私信",
        f"怎样停:有人认领(/认领 {ref}),再从头计。",
    ]


def test_escalated(world: World) -> None:
    ref = locate(world)
    world.passes(minutes=25)
    assert why(world, ref) == [
        "上次提醒:14:20 超时再提醒,第3级/共4级(总指挥) → 李娜(总指挥)。共提醒 3 次,其中上报 2 次。",
        "没有走成的通知方式:李娜 加急(没有这种方式)、李娜 电话(没有这种方式)",
        "接下来(没有人动的话,按现在的值班和请假):",
        "· 14:30 超时再提醒,第4级/共4级(领导小组) → 周衡(领导小组)、林岳(领导小组),私信",
        "· 14:45 超时再提醒,各级都已提醒过 → 应急办值守群",
        "· 15:00 超时再提醒,各级都已提醒过 → 应急办值守群",
        "· 以后每 15分 一次,不会自行停止。",
        f"怎样停:有人认领(/认领 {ref}),再从头计。",
    ]


def test_blocked_and_snoozed(world: World) -> None:
    ref = locate(world)
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/任务 阻塞 {ref} 等供应商 需要=杨帆")
    blocked = why(world, ref)
    assert blocked[1] == "现在受阻:等供应商(等 杨帆)"
    assert blocked[-1] == f"怎样停:解决后报进展(/进展 {ref} …),或改派(/任务 指派 {ref} 姓名)。"
    world.says("ma.chao", f"/任务 稍后 {ref} 20分钟 等机房开门")
    snoozed = why(world, ref)
    assert snoozed[2] == "已推后,14:20 前不提醒。"
    assert snoozed[4].startswith("· 14:20 "), "nothing comes before the end of the rest"


def test_waiting_for_a_check_then_closed(world: World) -> None:
    ref = locate(world)
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/完成 {ref} 切换")
    done = why(world, ref)
    assert done[0] == "至今没有提醒过。"
    assert done[2] == "· 14:30 催核实,第1级/共4级(可核实的人) → 王强(组长)、赵敏(副组长),私信"
    assert done[-1] == f"怎样停:有人核实(/核实 {ref})或退回(/任务 退回 {ref} 理由)。"
    world.passes(minutes=31)
    world.says("zhao.min", f"/核实 {ref}")
    closed = why(world, ref)
    assert closed[0].startswith("上次提醒:14:30 催核实,第1级/共4级(可核实的人) → ")
    assert closed[-1] == "现在已完成,不再提醒。"
    assert not any(line.startswith("·") for line in closed)


@pytest.mark.parametrize("prepare", ["", "claim", "done", "block"])
def test_what_it_foretells_happens(world: World, prepare: str) -> None:
    """The three steps, word for word: when, which timer, which rung, to whom."""
    ref = locate(world)
    world.only(ref)
    if prepare:
        world.says("ma.chao", f"/认领 {ref}")
    if prepare == "done":
        world.says("ma.chao", f"/完成 {ref} 好了")
    if prepare == "block":
        world.says("ma.chao", f"/任务 阻塞 {ref} 等供应商")
    known = len(world.trail(ref))
    foretold = [line for line in why(world, ref) if line.startswith("·")]
    assert len(foretold) == 3
    happened: list[str] = []
    while len(happened) < 3:
        world.passes(seconds=max(1, (next_at(world) - world.clock()).total_seconds()))
        words = [details for _, verb, details in world.trail(ref)[known:] if verb in SPOKEN]
        if len(words) > len(happened):
            happened.append(f"{world.clock().astimezone(SHANGHAI):%H:%M}")
            line = foretold[len(happened) - 1]
            assert line.startswith(f"· {happened[-1]} ")
            assert f"第{words[-1]['level'] + 1}级" in line or "各级都已提醒过" in line
            names = [world.plans.organization.people[person].name for person in words[-1]["to"]]
            assert all(name in line for name in names)


def next_at(world: World) -> datetime:
    found = world.next_due()
    assert found is not None
    return found


def test_quiet_hours_are_told(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    quiet = make_world(database, start=world_at(19, 30))
    quiet.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    quiet.says("li.na", f"/定级 {SMALL}")
    lines = why(quiet, quiet.by_code("failure.locate").ref)
    assert "现在是静默时段,到 03-11 08:30。" in lines
    assert next(line for line in lines if line.startswith("·")).startswith("· 03-11 08:30 ")
    quiet.passes(hours=14)
    assert any(line.startswith("静默时段压下 ") for line in why(quiet, quiet.by_code("failure.locate").ref))
    database.close()


def world_at(hour: int, minute: int) -> datetime:
    return datetime(2026, 3, 10, hour, minute, tzinfo=SHANGHAI)


def test_english(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    house = make_world(database, "en")
    house.says("li.na", "/incident open type=system_failure market data is down")
    house.passes(hours=1)
    for task in house.tasks():
        lines = house.says("li.na", f"/task why {task.ref}").text.splitlines()
        assert any(line.startswith("What stops it: ") for line in lines), task.code
    database.close()


def test_a_rung_that_names_nobody_is_told_before_and_after(tmp_path: Path) -> None:
    plan = Path(shutil.copytree(SMALL_PLAN, tmp_path / "plan"))
    organization = (plan / "organization.toml").read_text("utf-8")
    (plan / "organization.toml").write_text(organization.replace('head = "yang.fan"\ndeputy = "luo.ming"', 'head = "yang.fan"'), "utf-8")
    response = (plan / "response.toml").read_text("utf-8")
    (plan / "response.toml").write_text(response.replace('to = ["group.head", "group.deputy"]', 'to = ["group.deputy"]'), "utf-8")
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    house = opened(database, MIDDLE, plan=plan)
    ref = house.by_code("failure.impact").ref
    skipped = "· 跳过(没有人或联系不上):副组长"
    before = why(house, ref)
    assert before[2].startswith("· 14:15 无人认领则上报,第3级/共4级(总指挥) → 李娜(总指挥)")
    assert before[3] == skipped
    house.passes(minutes=16)
    assert why(house, ref)[1] == skipped
    database.close()
