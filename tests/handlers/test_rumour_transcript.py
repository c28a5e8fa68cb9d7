"""What is said about the firm: written down as heard, looked into by two people, and answered or left with a reason."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.enquiries import RumourRow
from tests.handlers.test_enquiry_transcript import GRADE, approved, drafted, ok
from tests.world import World, make_world
from workflows.core.approval import State as Asked
from workflows.rumour import Finding, Rumour, State

HEARD = "/舆情 传闻 平台=微博 来源=大V某 链接=https://weibo.example/1 阅读=3万 某券商被黑客清空,客户资金没了"
DENIAL = "/声明 起草 I1 模板=不实传闻 传闻内容=资金没了 核实结论=不实\n依据=逐笔核对\n渠道=公司官网"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 集中交易中断")
    world.says("li.na", GRADE)
    yield world
    database.close()


def rumour(world: World, ref: str = "M1") -> Rumour:
    return world.database.read(lambda tx: to_record(Rumour, tx.get(RumourRow, ref)))


def found(world: World, finding: str = "不实", by: str = "gao.yuan", second: str = "chen.bo") -> None:
    """With the yes of a second person."""
    ok(world, by, f"/传闻 核实 M1 结论={finding} 资金划付逐笔核对过无差错")
    world.taps(second, "同意")


def test_as_heard_and_where(world: World) -> None:
    said = ok(world, "gao.yuan", HEARD)
    assert said.startswith("已登记 M1。下一步核实:/传闻 核实 M1")
    one = rumour(world)
    assert (one.claim, one.platform, one.source) == ("某券商被黑客清空,客户资金没了", "微博", "大V某")
    assert (one.link, one.reach, one.state) == ("https://weibo.example/1", 30000, State.HEARD)
    assert "【传闻】M1 · 待核实:某券商被黑客清空" in world.direct("xu.jing")[-1]
    assert world.says("liu.yang", HEARD).error == "access.group"


def test_a_denial_needs_a_second_person_who_knows(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    refused = world.says("gao.yuan", "/传闻 核实 M1 结论=不实")
    assert refused.error == "error.missing", "what cannot be shown is not found"
    assert world.says("gao.yuan", "/传闻 核实 M1 依据不足").error == "rumour.which_finding"
    said = ok(world, "gao.yuan", "/传闻 核实 M1 结论=不实 资金划付逐笔核对过无差错")
    assert "陈波" in said
    assert "同意以前不算数" in said
    assert (rumour(world).state, rumour(world).finding) == (State.HEARD, None)
    assert world.says("gao.yuan", "/传闻 不回应 M1 不值得回应").error == "rumour.not_looked_into"
    assert world.says("gao.yuan", "/同意 A1").error == "approval.own"
    assert world.says("li.na", "/同意 A1").error == "approval.not_named"
    world.taps("guo.ping", "同意")
    one = rumour(world)
    assert (one.state, one.finding, one.found_by, one.agreed_by) == (State.ESTABLISHED, Finding.FALSE, "gao.yuan", "guo.ping")


def test_that_nobody_can_tell_one_person_may_say_and_it_is_asked_again(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", "/舆情 传闻 核实 M1 结论=无法核实 还没有联系上发帖人")
    assert (rumour(world).state, rumour(world).finding) == (State.HEARD, Finding.UNKNOWN)
    assert set(world.timers("M1")) == {"rumour"}


def test_answered_with_a_statement_for_everybody(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", DENIAL)
    approved(world, "S1")
    early = world.says("gao.yuan", "/传闻 回应 M1 S1")
    assert (early.error, "还没有核实" in early.text) == ("rumour.not_looked_into", True)
    found(world)
    drafted(world)
    approved(world, "S2")
    inside = world.says("gao.yuan", "/传闻 回应 M1 S2")
    assert (inside.error, "内部口径" in inside.text) == ("statement.internal", True)
    ok(world, "gao.yuan", "/传闻 回应 M1 S1")
    one = rumour(world)
    assert (one.state, one.statement, one.said_revision) == (State.ANSWERED, "S1", 1)
    assert world.timers("M1") == {}


def test_found_otherwise_later_those_who_answered_hear_of_it(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", DENIAL)
    approved(world, "S1")
    found(world)
    ok(world, "gao.yuan", "/传闻 回应 M1 S1")
    found(world, "部分属实", by="he.lei")
    one = rumour(world)
    assert (one.state, one.finding, one.statement) == (State.ESTABLISHED, Finding.PARTLY, "")
    assert set(world.timers("M1")) == {"rumour"}
    for person in ("xu.jing", "gao.yuan"):
        assert world.direct(person)[-1].endswith("此前按「不实」用 S1 回应过,请立即核对,需要的话更正或撤回。")


def test_left_unanswered_with_a_reason(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    found(world)
    world.says("gao.yuan", "/传闻 查看 M1")
    ok(world, "gao.yuan", "/传闻 不回应 M1 只有一个小号在传,回应反而放大")
    assert (rumour(world).state, world.timers("M1")) == (State.LEFT, {})


def test_a_spoken_yes_that_is_denied_takes_the_finding_back(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", "/传闻 核实 M1 结论=不实 资金划付逐笔核对过无差错")
    ok(world, "li.na", "/同意 A1 口头=陈波 电话里说核对过了")
    assert rumour(world).state is State.ESTABLISHED
    ok(world, "chen.bo", "/口头 否认 A1 没有说过")
    assert (rumour(world).state, rumour(world).finding) == (State.HEARD, None)
    assert "传闻的核实结论不算数了" in world.direct("xu.jing")[-1]


def test_a_question_to_the_second_person_outlives_another_level(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", "/传闻 核实 M1 结论=不实 资金划付逐笔核对过无差错")
    ok(world, "li.na", "/定级 I1 证监会=特别重大")
    assert world.approval("A1").state is Asked.PENDING


def test_silence_climbs(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    world.only("M1")
    for reader in ("xu.jing", "li.na", "zhou.heng"):
        world.passes(minutes=30)
        assert "传闻还没有核实" in world.direct(reader)[-1]
    assert "传闻还没有核实" in world.group("g:office", "li.na")[-1]
    found(world)
    world.passes(minutes=30)
    assert "已核实,还没有回应或决定不回应" in world.direct("xu.jing")[-1]


def test_it_stands_in_the_way_of_closing(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "zhou.heng", "/事件 启动 I1")
    ok(world, "li.na", "/事件 结束 I1")
    world.taps("lin.yue", "同意")
    refused = world.says("li.na", "/事件 归档 I1")
    assert (refused.error, "M1(待核实)" in refused.text) == ("incident.close_missing", True)


def test_the_list_offers_registering_to_who_may(world: World) -> None:
    ok(world, "gao.yuan", "/舆情 传闻 平台=微博 老板跑路")
    theirs, ours = world.says("liu.yang", "/传闻 列表").card, world.says("gao.yuan", "/传闻 列表").card
    assert theirs is not None
    assert ours is not None
    assert ([one.label for one in theirs.buttons], [one.label for one in ours.buttons]) == ([], ["登记传闻"])


def test_the_trail_and_the_list(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    found(world)
    listed = world.says("li.na", "/传闻 列表 I1").text.splitlines()
    assert listed == ["I1 的传闻 1 条,1 条待办", "M1 · 已核实,待回应(不实):某券商被黑客清空,客户资金没了"]
    assert [verb for _, verb, _ in world.trail("M1")] == ["rumour_heard", "rumour_found"]
    client = world.says("liu.yang", "/事件 时间线 I1", "g:client")
    assert "逐笔核对" not in json.dumps([client.text], ensure_ascii=False)


def test_an_approval_that_ran_out_answers_nothing(world: World) -> None:
    ok(world, "gao.yuan", HEARD)
    ok(world, "gao.yuan", DENIAL)
    approved(world, "S1")
    found(world)
    world.clock.now += timedelta(hours=4)
    assert world.says("gao.yuan", "/传闻 回应 M1 S1").error == "quote.expired"
