"""One incident, five rooms: each is shown what its audience may read, and never what is another's."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.bootstrap import SAMPLE_PLAN, load_topics
from handlers.core.access import house_scope
from handlers.core.audience import GROUPS, OPEN, SHOWN, TELLS, WHOLE, audience_of, shows
from handlers.core.message import Outgoing, plain
from handlers.core.registry import COMMANDS, SCREENS
from handlers.incident_card import PARTS, incident_card
from storage.database import Database
from storage.plan.organization import GROUPS as KNOWN_GROUPS
from storage.tables.queues import OutboxRow
from storage.views.reader import Reader
from tests.world import World, make_world

load_topics()

#: A member of each group who may bind its chat, and the group.
HEADS = {"zhou.heng": "lead", "chen.bo": "tech", "xu.jing": "opinion", "liu.yang": "client"}
OUTAGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
OPENING = "/事件 上报 类型=系统故障 系统=集中交易 地点=张江机房 报告人=值班员丁 损失=五百二十万元 发生=13:40 客户无法登录"
WORDS = re.compile(r"(?!\d{2}\b)[^\s、,;:()·。/|「」\"\[\]{}]{2,}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A system failure in full swing: graded, something waived, something pending, a spoken yes, news; in five rooms."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('rooms') / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    world.says("li.na", OPENING)
    for head, group in HEADS.items():
        assert world.says(head, "/事件 绑定 I1", f"g:{group}").error is None
    world.says("li.na", f"/定级 {OUTAGE}")
    world.taps("li.na", "否:影响清算交收", "资金划付逐笔核对过无差错")
    world.taps("guo.ping", "同意")
    world.says("sun.jie", "/事件 启动 I1")
    world.says("li.na", "/同意 A2 口头=周衡 电话里说马上启动")
    world.says("li.na", "/事件 进展 备用链路已切换")
    world.says("li.na", "/定级 阅读=700万")
    world.says("xu.jing", "/声明 起草 I1 模板=媒体回执")
    world.says("liu.yang", "/媒体 登记 I1 媒体=某晚报 记者=章某某 登录异常是被攻击了吗")
    refused = [world.says("li.na", f"/报送 不报 R{number} 无 不影响经营也不影响客户资产").error for number in range(1, 5)]
    assert None in refused
    yield world
    database.close()


def body(world: World, room: str, person: str, part: str = "响应") -> dict[str, Any]:
    """The incident's card in a room, as it stands now."""
    cards = [(line.body or {}).get("card") or {} for line in world.lines(room, person)]
    return next(card for card in reversed(cards) if part in card.get("title", "") and "INC-" in card["title"])


def names(card: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for name, _ in card["lines"]))


def labels(card: Mapping[str, Any]) -> list[str]:
    return [button["label"] for button in (*card["buttons"], *card["menu"])]


def drawn(world: World, audience: str) -> tuple[Outgoing, dict[str, list[tuple[str, str]]]]:
    """The card for an audience, and every field of it in full."""

    def work(reader: Reader) -> tuple[Outgoing, dict[str, list[tuple[str, str]]]]:
        look = world.road.look(reader, "", audience)
        incident = reader.incident("I1")
        return incident_card(look, {"ref": "I1"}), {field: part(look, incident) for field, part in PARTS.items()}

    return world.database.read(lambda tx: work(Reader(tx, world.plans, house_scope())))


#: What both of them read besides.
MORE = ("类型", "初步损失", "最新进展", "下次通报")


def row_of(world: World, **values: Any) -> OutboxRow:
    return OutboxRow(**{"key": "k", "lane": "k", "due": world.clock(), "created": world.clock(), **values})


def test_the_same_card_in_five_rooms(world: World) -> None:
    own = world.room_of("li.na", "客户无法登录")
    leaders, it, opinion, client = (body(world, f"g:{group}", head) for head, group in HEADS.items())
    whole = body(world, own, "li.na")
    assert names(client) == ["事件", "状态", "总指挥", *MORE]
    assert names(opinion) == ["事件", "状态", "舆情", "级别", "上次定级", "总指挥", "声明", "媒体来询", *MORE]
    assert names(it) == [
        *("事件", "状态", "级别", "总指挥", "任务", "声明", "媒体来询", "监管", "类型", "系统", "地点", "报告人"),
        *("最新进展", "下一步", "下次通报"),
    ]
    assert {"舆情", "级别", "待批", "口头", "监管", "不报", "初步损失"} <= set(names(leaders))
    assert not {"系统", "地点", "报告人", "下一步"} & set(names(leaders))
    assert {"舆情", "级别", "待批", "口头", "监管", "不报", "系统", "地点", "任务", "下一步"} <= set(names(whole))
    assert not {"初步损失", "报告人"} & set(names(whole)), "sums of money and who reported it are not for whoever sits in the open room"

    assert (labels(leaders), labels(client)) == ([], ["通报进展", "登记媒体来询"])
    assert labels(opinion) == ["定级", "通报进展", "人工打分", "起草声明", "登记媒体来询", "降级"]
    assert {"通报进展", "全部任务", "新增任务"} <= set(labels(it))
    assert {"已恢复", "时间线", "交接指挥", "误报"} <= set(labels(whole))
    assert len({card["title"] for card in (leaders, it, opinion, client, whole)}) == 1
    assert [bool(card["note"]) for card in (leaders, it, opinion, client, whole)] == [False, True, False, False, True]


@pytest.mark.parametrize("audience", [WHOLE, *SHOWN])
def test_no_field_of_another_audience_leaks(world: World, audience: str) -> None:
    """Neither as a line nor in pieces: in the title, the note, a label, a form or the text twin."""
    card, fields = drawn(world, audience)
    assert {name for name in PARTS if not fields[name]} == {"restricted", "important", "missing", "override", "doors"}, "the rest is there"
    text = json.dumps(plain(card), ensure_ascii=False)
    assert card.card is not None
    mine = [value for name, lines in fields.items() if shows(audience, name) for _, value in lines] + [card.card.title]
    theirs = [value for name, lines in fields.items() if not shows(audience, name) for _, value in lines]
    hidden = {word for value in theirs for word in WORDS.findall(value)} - {word for value in mine for word in WORDS.findall(value)}
    assert {word for word in hidden if word in text} == set()
    assert hidden or audience == WHOLE


def test_nor_does_news(world: World) -> None:
    """All that the bot ever said in the client-service room and in the opinion room."""
    for head, group, secrets in (
        ("liu.yang", "client", ("A1", "A2", "值班员丁", "张江机房", "集中交易", "逐笔核对", "口头", "12/16", "备用认证", "T1")),
        ("xu.jing", "opinion", ("A1", "A2", "值班员丁", "张江机房", "逐笔核对", "口头", "T1")),
    ):
        said = [json.dumps([line.text, line.body], ensure_ascii=False) for line in world.lines(f"g:{group}", head) if not line.author]
        assert any("备用链路已切换" in one for one in said)
        assert any("已启动预案" in one for one in said)
        assert [(secret, one) for one in said for secret in secrets if secret in one] == []


def test_a_room_that_does_not_read_the_grade_hears_the_level(world: World) -> None:
    client, opinion = (
        [one for one in world.group(f"g:{group}", head) if "二级响应" in one and "INC-" not in one]
        for head, group in (("liu.yang", "client"), ("xu.jing", "opinion"))
    )
    assert client[0] == "I1 客户无法登录:已开,待启动,二级响应。"
    assert opinion[0].startswith("I1 由 李娜 定级:舆情 严重(")


def test_who_is_mentioned_in_such_a_room_is_told_where_to_look(world: World) -> None:
    values = {"people": ["liu.yang"], "level": 1, "timer": "response", "next_at": None, "climb_at": None}
    task = next(t for t in world.tasks() if t.live)
    about = {"notice": "task.mention", "ref": task.ref, "version": task.version, "values": values}

    def said(chat: str) -> Outgoing:
        row = row_of(world, kind="notice", platform="console", chat=chat, about=about, incident="I1")
        found = world.database.read(lambda tx: world.road.draw(world.road.reader(tx), row))
        assert found is not None
        return found

    told = said("g:client")
    assert (told.text, told.card, told.mentions) == ("刘洋:INC-20260310-001 有事等你处理,请与机器人单聊查看(/我的)。", None, ("liu.yang",))
    assert task.title in said("g:tech").text


def test_who_asks_in_a_room_is_answered_for_the_room(world: World) -> None:
    """`/incident show`: in a group others read along; one-to-one it is the asker's own view."""
    there = world.says("liu.yang", "/事件 查看 I1", "g:client").card
    alone = world.says("liu.yang", "/事件 查看 I1").card
    assert there is not None
    assert alone is not None
    assert [name for name, _ in there.lines] == names(body(world, "g:client", "liu.yang"))
    assert {"初步损失", "报告人", "不报", "口头"} <= {name for name, _ in alone.lines}


def test_reported_in_a_groups_own_chat_it_gets_a_room_where_it_is_run(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database)
    world.says("ma.chao", "/事件 上报 类型=系统故障 行情中断", "g:tech")
    own = world.room_of("li.na", "行情中断")
    assert "时间线" in labels(body(world, own, "li.na"))
    assert "时间线" not in labels(body(world, "g:tech", "ma.chao"))
    database.close()


def test_the_table_knows_every_group_field_and_notice() -> None:
    assert set(GROUPS) == set(KNOWN_GROUPS)
    assert set(GROUPS.values()) | {OPEN} == {WHOLE, *SHOWN}
    buttons = {
        "fill",
        "move",
        "grading",
        "update",
        "task_list",
        "timeline",
        "heard",
        "handover",
        "playbook",
        "leave",
        "watch",
        "drafting",
        "wording",
        "enquiring",
        "enquiry",
        "rumours",
    }
    for audience, fields in SHOWN.items():
        assert fields <= set(PARTS) | buttons, audience
        assert {"title", "state"} <= fields, "the text twin says them everywhere"
    assert {field for fields in SHOWN.values() for field in fields} == set(PARTS) | buttons, "each is for somebody"
    refusals = {"approval.pending", "incident.close_missing", "statement.banned", "statement.blank", "statement.cause", "statement.masked"}
    assert {key for key in TELLS if key not in SCREENS} == refusals
    assert set(TELLS.values()) <= set(PARTS) | buttons
    told = {field for command in COMMANDS.values() for field in command.tells.split()}
    assert told - {"tip"} <= set(PARTS) | buttons, "a report that waits is for the office alone"


def test_whose_chat_it_is(world: World) -> None:
    organization = world.plans.organization
    found = {chat: audience_of(organization, "console", chat) for chat in ("g:lead", "g:office", "g:recovery", "g:fraud", "g:~x")}
    assert found == {"g:lead": "leaders", "g:office": WHOLE, "g:recovery": "it", "g:fraud": "client", "g:~x": OPEN}
    assert audience_of(organization, "feishu", "g:lead") == OPEN, "an id counts on its own platform"


def test_people_read_within_their_own_scope(world: World) -> None:
    """A row to a person is never narrowed by a chat that was noted with it when it was sent."""
    row = row_of(world, kind="card", platform="console", chat="g:client", recipient="liu.yang", about={"card": "incident", "ref": "I1"})
    found = world.database.read(lambda tx: world.road.draw(world.road.reader(tx), row))
    assert found is not None
    assert found.card is not None
    assert "报告人" in [name for name, _ in found.card.lines]


@pytest.mark.parametrize("guide", ["rooms.md", "rooms.zh.md"])
def test_the_guide_has_the_table_that_holds(guide: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / guide).read_text("utf-8")
    rows = re.findall(r"^\| [^|`]+`(\w+)` \|(.*)\|$", text, re.MULTILINE)
    columns = ("open", "leaders", "it", "opinion", "client")
    told = {column: {field for field, cells in rows if cells.split("|")[place].strip()} for place, column in enumerate(columns)}
    assert told == {audience: set(fields) for audience, fields in SHOWN.items()}
