"""Restricted incidents: who sees one, by view and role, written out; to everybody else it does not exist."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.core.access import scope_of
from storage.database import Database, Transaction
from storage.views.reader import Reader
from tests.world import World, make_world

#: Of the sample firm with the small plan: fang.qi (board secretary) and yang.fan's group have no part in it.
SEES = {
    "li.na": "commander",
    "fang.qi": "opener",
    "ma.chao": "a group with tasks",
    "lin.yue": "lead",
    "guo.ping": "compliance",
    "shi.lei": "auditor",
}
BLIND = {"board": "zz.dong", "administrator": "han.tao", "guest": "guest"}

VIEWS = ("/事件 列表", "/事件 查看 I1", "/事件 时间线 I1", "/任务 列表 I1", "/任务 缘由 T1", "/帮助", "board", "titles")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from tests.world import SMALL_PLAN

    plan = tmp_path_factory.mktemp("plan")
    for source in SMALL_PLAN.rglob("*.toml"):
        target = plan / source.relative_to(SMALL_PLAN)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text("utf-8"), "utf-8")
    text = (plan / "organization.toml").read_text("utf-8")
    more = '[[person]]\nid = "zz.dong"\nname = "董正"\nroles = ["board_secretary"]\n\n'
    (plan / "organization.toml").write_text(text.replace("[[group]]", more + "[[group]]", 1), "utf-8")
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'gengfu.db'}")
    world = make_world(database, plan=plan)
    assert world.says("fang.qi", "/事件 上报 限制=是 类型=系统故障 内部查证").error is None
    yield world
    database.close()


def shows(world: World, person: str, view: str) -> bool:
    """Whether anything of the incident is in this view, for this person."""
    if view.startswith("/"):
        reply = world.says(person, view)
        return any(word in f"{reply.text}{reply.card}" for word in ("内部查证", "INC-", "T1 "))
    scope = scope_of(person, world.plans.organization)

    def seen(tx: Transaction) -> bool:
        reader = Reader(tx, world.plans, scope)
        if view == "board":
            return bool(reader.unclosed())
        return bool(reader.titles(["INC-20260310-001"]) if view == "titles" else reader.tasks_of(person))

    return world.database.read(seen)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("person", [*SEES, *BLIND.values()])
def test_view_by_role(world: World, view: str, person: str) -> None:
    assert shows(world, person, view) is (person in SEES and view != "/帮助")


@pytest.mark.parametrize("person", [*SEES, *BLIND.values()])
def test_reports_and_own_tasks(world: World, person: str) -> None:
    assert (world.says(person, "/报送 列表 I1").error is None) is (person in SEES)
    assert person in SEES or not shows(world, person, "mine")


@pytest.mark.parametrize(
    "typed", ["/事件 查看 {}", "/事件 时间线 {}", "/任务 列表 {}", "/事件 进展 {} 看一下", "/任务 认领 {}", "/同意 {}"]
)
def test_a_ref_that_may_not_be_seen_is_answered_like_one_that_does_not_exist(world: World, typed: str) -> None:
    there, letter = ("T1", "T") if "认领" in typed else ("A1", "A") if "同意" in typed else ("I1", "I")
    real, none = world.says("zz.dong", typed.format(there)), world.says("zz.dong", typed.format(f"{letter}999"))
    assert real.error == none.error == "house.not_found"
    assert real.text.replace(there, "?") == none.text.replace(f"{letter}999", "?")


def test_no_chat_but_its_own_hears_of_it(world: World) -> None:
    assert not any("内部查证" in t for t in world.direct("zz.dong"))
    assert not any("内部查证" in t for t in world.group("g:fund", "deng.hui"))


# Restricting one that is open


@pytest.fixture
def other(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database)
    database.close()


def test_restricting_later_hides_it_and_lifting_it_is_for_few(other: World) -> None:
    other.says("ma.chao", "/事件 上报 类型=系统故障 行情中断")
    assert other.says("fang.qi", "/事件 查看 I1").error is None
    assert other.says("ma.chao", "/事件 限制 I1 涉及内部人员").text.startswith("I1 已限制,无关人员查不到。")
    assert other.says("fang.qi", "/事件 查看 I1").error == "house.not_found"
    assert other.says("ma.chao", "/事件 限制 I1").error == "incident.restricted_already"
    assert other.says("ma.chao", "/事件 限制 I1 解除=是 已经查清楚了没有问题").error == "incident.restricted_lift"
    assert other.says("guo.ping", "/事件 限制 I1 解除=是 短").error == "incident.restricted_lift"
    assert other.says("guo.ping", "/事件 限制 I1 解除=是 已经查清楚了没有问题").error is None
    assert other.says("fang.qi", "/事件 查看 I1").error is None
    assert [v for _, v, _ in other.trail("I1") if "restricted" in v] == ["restricted", "unrestricted"]


def test_typed_in_a_group_it_gets_a_room_of_its_own(other: World) -> None:
    room = "g:fund"
    assert "正在建群" in other.says("deng.hui", "/事件 上报 限制=是 内部查证", room=room).text
    assert not any("【" in t for t in other.group(room, "luo.ming")), "no card there"
    assert other.says("deng.hui", "/事件 绑定 I1", room=room).error == "incident.restricted_bind"


ASKED = (
    *("/事件 列表", "/事件 查看 I1", "/事件 时间线 I1", "/任务 列表 I1"),
    *("/任务 缘由 T1", "/任务 我的", "/报送 列表 I1", "/事件 进展 I1 看一下"),
)


@pytest.mark.parametrize("typed", ASKED)
def test_who_may_see_it_is_told_nothing_of_it_in_a_room_that_may_not(world: World, typed: str) -> None:
    """In a group others read along: the commander asks there as anybody would to whom it does not exist."""

    def said(room: str) -> str:
        reply = world.road.ask(replace(world.message("li.na", typed, room), addressed=True))
        return f"{reply.text}{reply.card}"

    found = [word for word in ("内部查证", "INC-", "T1 建群") if word in said("g:fund")]
    assert not found
    own = world.room_of("li.na", "内部查证")
    assert all("没有 " not in said(room) for room in (own, "g:office", "dm:li.na"))


def test_its_commander_brings_it_into_a_room(other: World) -> None:
    other.says("li.na", "/事件 上报 限制=是 类型=系统故障 内部查证")

    def asks(typed: str) -> str | None:
        return other.road.ask(replace(other.message("li.na", typed, "g:fund"), addressed=True)).error

    assert asks("/事件 查看 I1") == "house.not_found"
    assert asks("/事件 绑定 I1") is None
    assert asks("/事件 查看 I1") is None
