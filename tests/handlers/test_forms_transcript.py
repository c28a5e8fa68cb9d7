"""Acts by form, as people at a firm with the whole plan do them: what a form offers, what it changes, what it refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.bootstrap import SAMPLE_PLAN
from handlers.core.forms import how_to_type, opening
from handlers.core.message import Button, button_of
from handlers.core.parser import Reading, parse
from storage.database import Database
from tests.world import World, acts_on, make_world
from workflows.core.approval import State as Asked
from workflows.core.errors import BadWords
from workflows.core.rubric import EventGrade, OpinionLevel
from workflows.incident import State
from workflows.task import State as Doing

OPEN = "/事件 上报 类型=系统故障 系统=集中交易 集中交易报盘中断"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def world(bare: World) -> World:
    bare.says("li.na", OPEN)
    return bare


def form(world: World, person: str, label: str) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in world.button(person, label)[2]["form"]}


def choices(field: dict[str, Any]) -> list[str]:
    return [value for value, _ in field["options"]]


def every_button(world: World) -> list[Button]:
    found: dict[str, Button] = {}
    for person in world.plans.organization.people:
        for _, line in world.seen_by(person):
            found |= {f"{given['command']} {given['label']}": button_of(given) for given in acts_on(line)}
    return list(found.values())


def reported(world: World, person: str, **fields: str) -> Any:
    """What the page's own form sends: the command line as a message, its fields beside it."""
    message = replace(world.message(person, "/事件 上报", world.rooms.direct(person)), fields=fields)
    reply = world.road.ask(message)
    world.settle()
    return reply


def test_an_incident_is_opened_by_the_form_of_the_page(bare: World) -> None:
    button = opening(bare.road.house.words, bare.plans.current)
    names = [field.name for field in button.form]
    assert names == ["text", "type", "subtype", "system", "at", "known", "place", "loss", "reporter", "restricted", "drill"]
    said = {"text": "报盘 系统=中断\n全部席位", "type": "system_failure", "subtype": "quotes", "system": "行情=主", "loss": " "}
    assert reported(bare, "wu.di", **said, at="2026-03-10T13:41", drill="yes").error is None
    incident = bare.incident()
    assert (incident.title, incident.type, incident.subtype) == ("报盘 系统=中断 全部席位", "system_failure", "quotes")
    assert (incident.system, incident.loss, incident.drill, incident.restricted) == ("行情=主", "", True, False)
    assert incident.occurred_at == datetime(2026, 3, 10, 5, 41, tzinfo=UTC), "13:41 in Shanghai"


def test_a_refused_form_opens_nothing_and_says_what_is_wrong(bare: World) -> None:
    reply = reported(bare, "wu.di", text="行情中断", type="system_failure", subtype="ransomware")
    assert reply.error == "incident.subtype_unknown"
    assert reported(bare, "wu.di", text="行情中断", at="2026-03-10T23:59").error == "incident.future"
    assert reported(bare, "wu.di", text="行情中断", colour="red").error == "error.unknown_key_alone"
    assert reported(bare, "wu.di", text="行情中断", place="上海").error is None
    assert bare.incident().ref == "I1"


def test_client_data_is_masked_in_every_field(bare: World) -> None:
    reported(bare, "wu.di", text="客户 13800138000 投诉", place="联系 138 0013 8000", reporter="1380013８000")
    assert b"13800138000" not in bare.everything().replace(b" ", b"")
    assert bare.incident().place == "联系 138****8000"
    reply = reported(bare, "wu.di", text="又一件", **{"13900139000": "x"})
    assert (reply.error, reply.text.count("139****9000")) == ("error.unknown_key_alone", 1), "a name of a field too"


def test_a_bare_opening_is_answered_with_what_is_missing_to_fill_in(bare: World) -> None:
    reply = bare.says("wu.di", "/事件 上报")
    assert reply.card is not None
    (fill,) = reply.card.buttons
    names = [field.name for field in fill.form]
    assert names == ["title", "type", "subtype", "system", "at", "place", "loss", "reporter"]
    assert bare.taps("wu.di", "补首报", title="报盘 中断", type="cyber_attack", system="网上交易").error is None
    assert (bare.incident().title, bare.incident().type) == ("报盘 中断", "cyber_attack")
    left = {field["name"]: field for field in bare.card("li.na", "响应")["buttons"][3]["form"]}
    assert list(left) == ["subtype", "at", "place", "loss", "reporter"]
    assert left["subtype"]["options"] == [[code, names[0]] for code, names in bare.plans.current.playbooks["cyber_attack"].subtypes.items()]


def test_the_incident_card_has_few_buttons_and_the_rest_behind_one(world: World) -> None:
    world.says("li.na", "/事件 启动")
    card = world.card("li.na", "响应")
    assert [b["label"] for b in card["buttons"]] == ["启动预案", "定级", "通报进展", "补首报", "全部任务", "时间线"]
    assert [b["label"] for b in card["menu"]] == [
        "人工打分",
        "新增任务",
        "交接指挥",
        "加预案",
        "改类型",
        "口头同意 A1",
        "登记媒体来询",
        "误报",
    ]


def test_grading_by_form_starts_empty_and_says_what_holds(world: World) -> None:
    fields = form(world, "li.na", "定级")
    assert list(fields) == [
        "csrc_grade", "cac_grade", "platforms", "media_tier", "reads_24h", "hot_list", "complaints_1h", "reason",
    ]  # fmt: skip
    figures = {"reads_24h": "１２０万", "hot_list": "national_top50", "platforms": "", "complaints_1h": "260 件"}
    assert world.taps("li.na", "定级", line=None, csrc_grade="larger", **figures).error is None
    assert world.incident().facts["reads_24h"] == 1200000
    assert world.incident().facts["complaints_1h"] == 260
    assert world.incident().csrc_grade is EventGrade.LARGER
    now = form(world, "li.na", "定级")["csrc_grade"]
    assert (now["value"], now["hint"]) == ("", "现为 较大,不填不变"), "an old card must not state anew what was known then"
    refused = world.taps("li.na", "定级", csrc_grade="general")
    assert refused.error == "agreement.reason"
    assert world.incident().csrc_grade is EventGrade.LARGER


def test_scores_by_hand_name_what_the_rubric_means(world: World) -> None:
    fields = form(world, "li.na", "人工打分")
    assert list(fields) == ["incident_level", "reach", "spread", "trend", "text"]
    labels = dict(fields["reach"]["options"])
    assert labels["3"] == "3 分:平台 5 起、媒体 全国性财经媒体或门户、客户 1万 起"
    assert dict(fields["spread"]["options"])["1"] == "1 分:热榜 无"
    assert world.taps("li.na", "人工打分", reach="4", spread="3").error == "grade.reason_needed"
    assert world.taps("li.na", "人工打分", "全网 刷屏=是\n两家央媒", reach="4", spread="3").error is None
    assert world.incident().overrides == {"reach": (4, "全网 刷屏=是\n两家央媒"), "spread": (3, "全网 刷屏=是\n两家央媒")}


def test_the_work_on_a_task_by_forms(world: World) -> None:
    ref = world.by_code("failure.locate").ref
    world.passes(minutes=20)
    people = choices(form(world, "wang.qiang", f"指派 {ref}")["to"])
    assert people[0] in world.plans.organization.groups[world.task(ref).group].everyone, "those of its group come first"
    assert world.taps("wang.qiang", f"指派 {ref}", to="ma.chao").error is None
    mine = next(line for _, line in world.seen_by("ma.chao") if "我的任务" in str(line.body))
    assert world.taps("ma.chao", f"进展 {ref}", "T2 已查 a=b", line=mine).error is None
    assert world.task(ref).note == "T2 已查 a=b"
    assert world.taps("ma.chao", f"办不了 {ref}", "缺 root 权限", line=mine, needs="wang.qiang").error is None
    assert (world.task(ref).state, world.task(ref).needs, world.task(ref).note) == (Doing.BLOCKED, "wang.qiang", "缺 root 权限")
    assert world.taps("ma.chao", f"稍后 {ref}", line=mine, wait="15m").error == "task.snooze_reason"
    waits = choices(form(world, "ma.chao", f"稍后 {ref}")["wait"])
    assert waits == ["15m", "30m", "60m", "120m", "240m"], "as long as the level allows"
    assert world.taps("ma.chao", f"稍后 {ref}", "等厂商", line=mine, wait="30m").error is None
    assert world.task(ref).snoozed_until == world.clock() + timedelta(minutes=30)
    added = world.taps("li.na", "新增任务", "核对 委托=流水", group="business", due="30m", mandatory="no")
    assert added.error is None
    task = world.tasks()[-1]
    assert (task.title, task.group, task.mandatory) == ("核对 委托=流水", "business", False)
    assert task.due_at == world.clock() + timedelta(minutes=30)


def test_the_command_changes_hands_by_form(world: World) -> None:
    offered = choices(form(world, "li.na", "交接指挥")["to"])
    assert "li.na" not in offered
    assert world.taps("li.na", "交接指挥", to="sun.jie", note="夜班 见=日志").error is None
    assert world.incident().commander == "sun.jie"


def test_another_type_by_form(world: World) -> None:
    assert "system_failure" not in choices(form(world, "li.na", "改类型")["type"])
    assert world.taps("li.na", "加预案", type="data_leak").error is None
    assert "data_leak" not in choices(form(world, "li.na", "加预案")["type"])


def test_leaving_asks_its_question_and_keeps_the_clocks_until_a_second_person(world: World) -> None:
    other = "/事件 上报 类型=舆情 网上传言"
    world.says("li.na", other)
    world.says("li.na", "/事件 进展 I2 核对中")
    into = form(world, "li.na", "并入别的事件")["into"]
    assert into["options"] == [["I1", "I1 集中交易报盘中断"]]
    assert world.taps("li.na", "并入别的事件", "两人上报的是同一件事情,已核对", into="I1").error == "incident.delayed_unanswered"
    assert world.taps("li.na", "并入别的事件", "太短", into="I1", delayed="no").error == "agreement.reason"
    assert world.taps("li.na", "并入别的事件", "无 两人上报的是同一件事情,已核对", into="I1", delayed="yes").error is None
    asked = world.approval("A1")
    assert (asked.kind, asked.values["into"], asked.values["delayed"]) == ("merge", "I1", True), "the reason is not read for an answer"
    assert asked.values["reason"] == "无 两人上报的是同一件事情,已核对"
    assert world.incident("I2").state is State.OPEN


def test_a_restricted_incident_is_offered_nowhere(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=信息泄露 限制=是 内部人员泄露客户资料")
    world.says("li.na", "/事件 进展 I1 核对中")
    for button in every_button(world):
        assert all("内部人员" not in label for field in button.form for _, label in field.options), button.label


def test_a_spoken_yes_by_form(world: World) -> None:
    world.says("li.na", "/事件 启动")
    leader = choices(form(world, "li.na", "口头同意 A1")["oral"])[0]
    refused = world.taps("li.na", "口头同意 A1", "电话 14:02,同意启动", oral=leader)
    assert refused.error == "approval.oral_own", "the one who asked cannot have heard the yes"
    world.says("li.na", "/事件 交接 孙洁")
    assert world.taps("sun.jie", "口头同意 A1", "电话 14:02,同意=启动", oral=leader).error is None
    assert (world.approval("A1").state, world.approval("A1").note) == (Asked.ORAL, "电话 14:02,同意=启动")


def test_an_approver_names_a_time_or_a_deputy(world: World) -> None:
    world.says("li.na", "/事件 启动")
    person = world.approval("A1").needed[0]
    leader = world.plans.organization.resolve(person)[0]
    assert choices(form(world, leader, "约个时间再问")["wait"]) == ["15m", "30m", "60m", "120m"]
    assert world.taps(leader, "约个时间再问", wait="60m").error is None
    assert world.approval("A1").later_until == world.clock() + timedelta(minutes=60)


def test_a_report_is_filed_by_form(world: World) -> None:
    world.taps("li.na", "定级", csrc_grade="larger", reads_24h="1万", platforms="1", complaints_1h="0")
    label = next(b for b in every_button(world) if b.command.startswith("/report filed")).label
    fields = form(world, "li.na", label) if any(b.label == label for b in every_button(world)) else {}
    assert {"at", "way", "receipt"} <= set(fields)
    ref = label.split()[-1]
    assert world.taps("li.na", label, way="电话", receipt="").error == "report.receipt"
    assert world.taps("li.na", label, way="电话", receipt="王某 编号=A 1", at="2026-03-10T14:00").error is None
    filed = [details for _, verb, details in world.trail(ref) if verb.startswith("filed")]
    assert [(one["way"], one["receipt"]) for one in filed] == [("电话", "王某 编号=A 1")]


def test_a_leader_is_asked_to_lower_only_to_what_is_lower(world: World) -> None:
    figures = {"csrc_grade": "larger", "platforms": "6", "media_tier": "national", "reads_24h": "60万", "complaints_1h": "260"}
    world.taps("li.na", "定级", line=None, **figures)
    assert world.incident().opinion_level is OpinionLevel.SEVERE
    assert choices(form(world, "xu.jing", "降级")["level"]) == ["mild", "moderate"]
    assert world.taps("xu.jing", "降级", "热度已经回落,两次读数都低", level="mild").error is not None, "no lower readings yet"


def test_every_form_fits_its_command_and_can_be_typed_instead(world: World) -> None:
    """No field that the command would not know, no option that it would not take; and a usage line for who has no input fields."""
    world.says("li.na", "/事件 启动")
    world.passes(minutes=30)
    reading = Reading(world.plans.current, world.clock(), world.road.house.words.zone)
    asking = [button for button in (*every_button(world), opening(world.road.house.words, world.plans.current)) if button.form]
    assert len({button.command.split(" I")[0].split(" T")[0].split(" R")[0].split(" A")[0] for button in asking}) > 12
    for button in asking:
        assert len(button.command.encode()) <= 100
        for field in button.form:
            refusals = {_refusal(button.command, reading, {field.name: value}) for value, _ in (*field.options, ("", ""))}
            assert refusals <= {"", "error.missing"}, (button.command, field.name)
        usage = how_to_type(button, "zh")
        assert all(word in usage for word in button.command.split()[1:] if word[1:].isdigit()), usage
        assert usage.startswith("/")
    assert how_to_type(Button("", "/task done T3"), "zh") == "/任务 完成 T3 [说明]"
    assert how_to_type(Button("", "/incident playbook main I2"), "en") == "/incident playbook main I2 type [reason]"
    assert how_to_type(Button("", "/later A1"), "zh") == "/稍后 A1 时长"


def _refusal(command: str, reading: Reading, fields: dict[str, str]) -> str:
    try:
        parse(command, reading, addressed=True, fields=fields)
    except BadWords as refusal:
        return refusal.key
    return ""
