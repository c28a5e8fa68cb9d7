"""The reminder to the staff: sent once, read by a tap, counted; once more to those who have not read it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select, update

from bot.bootstrap import SAMPLE_PLAN
from storage.circulars import Count, count
from storage.database import Database
from storage.mapping import to_record
from storage.tables.enquiries import CircularReadRow, CircularRow
from storage.tables.queues import OutboxRow
from tests.handlers.test_enquiry_transcript import GRADE, ok
from tests.world import World, make_world
from workflows.circular import Circular, State

TEXT = (
    "【平澜证券股份有限公司】媒体或外部人士如就公司事务询问,请勿对外发表意见,勿转发未经证实的消息;"
    "统一由发言人 徐静 +86 138 0000 0011 答复。读完请点「已阅」。"
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The sample firm with a chat of its branch network, in which nobody of the plan needs to be."""
    plan = tmp_path / "plan"
    for source in SAMPLE_PLAN.rglob("*"):
        if source.is_file():
            target = plan / source.relative_to(SAMPLE_PLAN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    path = plan / "organization.toml"
    path.write_text(
        path.read_text("utf-8").replace("pbc_field = false\n", 'pbc_field = false\nstaff_chats = ["console:g:staff"]\n'), "utf-8"
    )
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=plan)
    world.rooms.create("staff", "全国营业部群", ("han.tao", "guest"))
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 集中交易中断")
    world.says("li.na", GRADE)
    yield world
    database.close()


def circular(world: World, ref: str = "E1") -> Circular:
    return world.database.read(lambda tx: to_record(Circular, tx.get(CircularRow, ref)))


def counted(world: World, ref: str = "E1") -> Count:
    return world.database.read(lambda tx: count(tx, ref))


def test_everybody_of_the_plan_and_the_branches_are_told_and_nothing_of_the_incident(world: World) -> None:
    people = len(world.plans.organization.people) - 2
    said = ok(world, "gao.yuan", "/媒体 提醒")
    assert said.startswith(f"E1 已发给预案内 {people} 人和 1 个员工群。")
    for person in ("feng.lan", "shi.lei", "zhou.heng"):
        assert world.direct(person)[-1] == TEXT
    assert world.group("g:staff", "guest")[-1] == TEXT
    assert TEXT not in world.direct("xu.jing"), "who speaks is not told to say nothing"
    assert "集中交易" not in json.dumps([line.body for line in world.lines("g:staff", "guest")], ensure_ascii=False)


def test_read_is_counted_once_for_each_person_and_by_the_tap(world: World) -> None:
    ok(world, "gao.yuan", "/媒体 提醒")
    for _ in range(2):
        assert "已记下你已阅" in world.taps("feng.lan", "已阅").text
    world.taps("zhou.heng", "已阅")
    everyone = len(circular(world).people)
    assert counted(world) == Count(("feng.lan", "zhou.heng"), 0, 0)
    card = dict(world.card("gao.yuan", "员工提醒 E1")["lines"])
    assert card == {"预案内已阅": f"2/{everyone}", "员工群已阅": "0 人"}, "the card is live"
    shown = world.says("li.na", "/事件 查看 I1").card
    assert shown is not None
    assert dict(shown.lines)["员工提醒"] == f"E1 已阅 2/{everyone},员工群另有 0 人"
    missing = world.taps("gao.yuan", "谁还没读").text
    assert "李娜" in missing
    assert "周衡" not in missing


def test_three_thousand_of_the_staff_are_counted_without_standing_in_line(world: World) -> None:
    """Whoever is not in the plan is a distinct tap; none of them changes a record or locks one."""
    ok(world, "gao.yuan", "/媒体 提醒")
    button = world.button("guest", "已阅")
    version = circular(world).version
    for clerk in ("clerk.1", "clerk.2", "clerk.2"):
        event = world.message(clerk, button[2]["command"], "g:staff", kind="click", version=None, reply_to=button[1])
        assert world.road.ask(event).error is None
    world.settle()
    assert counted(world) == Count((), 2, 0)
    assert circular(world).version == version
    assert len(world.trail("E1")) == 1


def test_once_more_to_those_who_have_not_read_it_and_never_again(world: World) -> None:
    ok(world, "gao.yuan", "/媒体 提醒")
    world.only("E1")
    world.taps("feng.lan", "已阅")
    world.passes(minutes=60)
    assert circular(world).state is State.REMINDED
    assert world.direct("feng.lan").count(TEXT) == 1
    assert world.direct("zhou.heng").count(TEXT) == 2
    assert world.group("g:staff", "guest").count(TEXT) == 1
    assert world.timers("E1") == {}


def test_what_a_messenger_tells_is_nobodys_word(world: World) -> None:
    ok(world, "gao.yuan", "/媒体 提醒")
    rows = (col(OutboxRow.ref) == "E1", col(OutboxRow.recipient).in_(["li.na", "wu.di"]), col(OutboxRow.kind) == "notice")
    world.database.write(lambda tx: tx.exec(update(OutboxRow).where(*rows).values(receipt="read")))
    world.taps("feng.lan", "已阅")
    assert counted(world) == Count(("feng.lan",), 0, 2)
    assert dict(world.card("gao.yuan", "员工提醒 E1")["lines"])["平台显示已读"] == "2 人(不算已阅)"


def test_sent_twice_at_once_it_is_refused_and_with_another_speaker_it_is_not(world: World) -> None:
    ok(world, "gao.yuan", "/媒体 提醒")
    assert world.says("xu.jing", "/声明 提醒").error == "circular.already"
    ok(world, "xu.jing", "/请假 至=明天")
    ok(world, "li.na", "/媒体 提醒 I1")
    assert "统一由发言人 高原" in world.direct("feng.lan")[-1]


def test_a_drill_and_what_only_a_few_may_know_stay_among_them(world: World) -> None:
    ok(world, "li.na", "/事件 上报 演练=是 演练断网")
    ok(world, "li.na", "/媒体 提醒 I2")
    assert world.direct("feng.lan")[-1] == f"【演练】{TEXT}"
    ok(world, "li.na", "/事件 上报 限制=是 员工账号异常")
    ok(world, "li.na", "/媒体 提醒 I3")
    assert "luo.ming" not in circular(world, "E2").people
    assert "lin.yue" in circular(world, "E2").people
    assert world.group("g:staff", "guest") == []
    refused = world.road.ask(world.message("guest", "/媒体 已阅 E2", "dm:guest"))
    assert refused.error == "house.not_found"


def test_reading_after_a_while_is_still_reading(world: World) -> None:
    ok(world, "gao.yuan", "/媒体 提醒")
    world.clock.now += timedelta(days=1)
    ok(world, "feng.lan", "/已阅 E1")
    rows = world.database.read(lambda tx: [row.reader for row in tx.exec(select(CircularReadRow))])
    assert rows == ["feng.lan"]
