"""The grammar of commands: what people type becomes a command, and nothing but BadWords is raised."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume
from hypothesis import given as drawn
from hypothesis import strategies as st

from handlers.core.message import Reply
from handlers.core.parser import Parsed, Reading, nearest, parse, usage_line
from handlers.core.registry import Command, facts, key, ref, rest
from workflows.core.errors import BadWords
from workflows.core.facts import FactBook, FactSpec
from workflows.core.people import Firm, Group, Organization, Person
from workflows.core.plan import Plan
from workflows.core.playbook import Playbook
from workflows.core.rubric import Rubric

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai


@dataclass(frozen=True, slots=True)
class Open:
    text: str = rest("标题", "title")
    type: str | None = key("类型", kind="type")
    system: str | None = key("系统")
    place: str | None = key("地点")
    loss: float | None = key("损失", kind="number")
    at: datetime | None = key("时间", "发生", kind="time")
    drill: bool | None = key("演练", kind="flag")


@dataclass(frozen=True, slots=True)
class Show:
    ref: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Grade:
    ref: str | None = ref("I")
    facts: Mapping[str, Any] = facts("grade")
    reach: int | None = key("范围分", kind="score")
    reason: str | None = key("理由")


@dataclass(frozen=True, slots=True)
class Known:
    ref: str | None = ref("I")
    facts: Mapping[str, Any] = facts("fact")


@dataclass(frozen=True, slots=True)
class Claim:
    ref: str | None = ref("T")


@dataclass(frozen=True, slots=True)
class Progress:
    ref: str | None = ref("T")
    text: str = rest("进展", "text", required=True)


@dataclass(frozen=True, slots=True)
class Snooze:
    ref: str = ref("T", optional=False)
    until: timedelta | None = rest("多久", "how long", kind="duration", required=True)


@dataclass(frozen=True, slots=True)
class Transfer:
    ref: str | None = ref("T")
    to: str | None = rest("谁", "person", kind="person", required=True)
    note: str = rest("说明", "note")


@dataclass(frozen=True, slots=True)
class Delegate:
    ref: str | None = ref("A")
    to: str | None = rest("谁", "person", kind="person")
    note: str = rest("说明", "note")


@dataclass(frozen=True, slots=True)
class Merge:
    first: str | None = ref("I")
    second: str | None = ref("I")
    reason: str = rest("原因", "reason", required=True)


@dataclass(frozen=True, slots=True)
class Help:
    topic: str | None = rest("什么", "topic", kind="word")


@dataclass(frozen=True, slots=True)
class Nothing:
    spare: tuple[str, ...] = field(default=())


def _run(_context: Any, _given: Any) -> Reply:
    return Reply("")


def _table(*commands: Command) -> Mapping[str, Command]:
    return {command.name: command for command in commands}


COMMANDS = _table(
    Command("incident open", "事件 上报", Open, "anyone", _run, also=("事件 新建",)),
    Command("incident show", "事件 查看", Show, "member", _run),
    Command("incident grade", "事件 定级", Grade, "office", _run),
    Command("incident fact", "事件 事实", Known, "office", _run),
    Command("incident merge", "事件 合并", Merge, "office", _run),
    Command("incident false-alarm", "事件 误报", Show, "office", _run),
    Command("task claim", "任务 认领", Claim, "owner", _run, short=("认领", "claim")),
    Command("task done", "任务 完成", Claim, "owner", _run, short=("完成",)),
    Command("task progress", "任务 进展", Progress, "owner", _run, short=("进展",)),
    Command("task snooze", "任务 稍后", Snooze, "owner", _run, short=("稍后",)),
    Command("task transfer", "任务 转交", Transfer, "owner", _run),
    Command("delegate", "委托", Delegate, "approver", _run),
    Command("whoami", "我是谁", Nothing, "anyone", _run),
    Command("help", "帮助", Help, "anyone", _run),
)

_ENUM = {"none": ("无",), "city": ("同城热榜",), "top50": ("前50", "全国热榜前50")}
_GRADES = {"unconfirmed": ("不属网络安全事件",), "general": ("一般",), "larger": ("较大",), "major": ("重大",)}
SPECS = (
    FactSpec("reads_24h", "阅读或播放量", "number", names=("阅读",), unit="次", grade=True),
    FactSpec("reposts_24h", "转发量", "number", names=("转发",), grade=True),
    FactSpec("hot_list", "热榜", "choice", names=("热榜",), values=_ENUM, grade=True),
    FactSpec("csrc_grade", "证监会级别", "choice", names=("证监会",), values=_GRADES, grade=True),
    FactSpec("negative_share", "负面占比", "share", names=("负面",), grade=True),
    FactSpec("second_wave", "再次升温", "condition", names=("升温",), grade=True),
    FactSpec("cause", "原因", "text", names=("起因",)),
    FactSpec("crime", "涉嫌犯罪", "condition", names=("犯罪",)),
    FactSpec("recovered_at", "恢复时间", "moment"),
)


def make_plan() -> Plan:
    people = (Person("li.na", "李娜"), Person("wang.qiang", "王强"), Person("chen.jing", "陈静"), Person("chen.jing2", "陈静"))
    groups = (
        Group("office", "应急办", head="li.na", name_en="Emergency office", aliases=("应急指挥部",)),
        Group("tech", "信息技术应急小组", head="wang.qiang"),
    )
    books = (
        Playbook("common", "通用", "Common", ()),
        Playbook("system_failure", "系统故障", "System failure", (), names=("宕机",)),
        Playbook("data_leak", "数据泄露", "Data leak", ()),
    )
    spellings = {word.casefold(): s.key for s in SPECS for word in (s.key, s.name, *s.names)}
    return Plan(
        fingerprint="sha256:0",
        organization=Organization(Firm("示例证券"), {p.id: p for p in people}, {g.id: g for g in groups}),
        facts=FactBook({s.key: s for s in SPECS}, spellings),
        rubric=Rubric("r", 1, (), (), ()),
        responses={},
        playbooks={b.type: b for b in books},
    )


READING = Reading(make_plan(), NOW, ZoneInfo("Asia/Shanghai"))


def read(text: str, *, addressed: bool = False, reply: bool = False) -> Parsed | None:
    return parse(text, READING, addressed=addressed, reply=reply, commands=COMMANDS)


def must(text: str, *, addressed: bool = False, reply: bool = False) -> Parsed:
    parsed = read(text, addressed=addressed, reply=reply)
    assert parsed is not None
    return parsed


def refused(text: str, *, addressed: bool = False) -> BadWords:
    with pytest.raises(BadWords) as caught:
        read(text, addressed=addressed)
    assert "command" in caught.value.values
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "/task claim T1", "/TASK Claim t1", "／任务　认领　Ｔ１", "/任务认领 T1", "/任务认领T1", "/认领 T1", "/认领T1", "／认领ｔ０１",
        "、认领 T1", " / 任务 认领 T1 ",
        "@更夫 认领 T1", "＠更夫\u2005/认领 T1", "认领 T1 @更夫", "@Gengfu claim T1", "/\u200b认领 T1", "/认领:T1", "/认领 T1。",
    ],
)  # fmt: skip
def test_one_command_in_many_spellings(text: str) -> None:
    parsed = must(text)
    assert (parsed.command.name, parsed.given) == ("task claim", Claim("T1"))


@pytest.mark.parametrize(
    "text", ["今天认领了两个任务", "认领 T1", "收到", "", "  ", "//注释", "任务", "认领", "@李娜 认领 T1", "@更夫人 你好", "、", "、好的"]
)
def test_chatter_is_not_for_us(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("text", ["完成度如何", "认领表在哪", "你好", "taskforce", "完成了吗?", "完成 了吗？", "@更夫"])
def test_even_addressed_only_a_noun_or_short_form_leads(text: str) -> None:
    assert read(text, addressed=True) is None


def test_the_slash_may_be_left_out_when_addressed() -> None:
    assert must("任务 认领 T3", addressed=True).given == Claim("T3")
    assert must("认领", addressed=True).given == Claim()
    assert must("incident open 行情中断", addressed=True).given == Open("行情中断")


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("认领", Claim()),
        ("认领。", Claim()),
        ("claim!", Claim()),
        ("完成 T2", Claim("T2")),
        ("进展 已切换备机", Progress(None, "已切换备机")),
    ],
)
def test_a_bare_word_as_a_reply(text: str, given: object) -> None:
    assert must(text, reply=True).given == given


@pytest.mark.parametrize("text", ["认领 是谁的事", "任务 认领", "完成了", "进展 如何？", "好的"])
def test_a_reply_that_says_more_is_talk(text: str) -> None:
    assert read(text, reply=True) is None


def test_keys_stand_before_or_after_the_text() -> None:
    wanted = Open("行情中断 大量客户无法登录", type="system_failure", system="集中交易", loss=1_200_000.0)
    assert must("/事件 上报 类型=系统故障 系统=集中交易 损失=120万 行情中断 大量客户无法登录").given == wanted
    assert must("/事件 上报 行情中断 大量客户无法登录 类型：宕机 系统＝集中交易，loss=1,200,000").given == wanted
    assert must("/事件上报 类型 = system failure 行情中断 大量客户无法登录 系统=“集中交易” 损失=120 万").given == wanted


def test_any_other_pair_is_text_to_the_letter() -> None:
    assert must("/incident open x=1 和  y＝２ 不  一致\n第二行　全角 can't").given.text == "x=1 和  y＝２ 不  一致\n第二行　全角 can't"
    assert must("/incident open 行情 类型=系统故障 中断").given == Open("行情 类型=系统故障 中断")
    assert must("/incident open 看 https://a.b/c?type=data_leak").given.type is None


def test_prose_with_a_colon_is_not_a_bad_key() -> None:
    assert must("/incident open 行情中断 时间:很久了").given == Open("行情中断 时间:很久了")
    assert must("/incident open 行情中断 请补 时间:").given.text == "行情中断 请补 时间:"
    assert must("/incident open 行情中断 时间=").given == Open("行情中断")
    assert refused("/incident open 行情中断 时间=很久了").key == "error.time"


@pytest.mark.parametrize(
    ("text", "local", "title"),
    [
        ("at=9:41 行情中断", "2026-11-21 09:41", "行情中断"),
        ("时间:9:41 行情中断", "2026-11-21 09:41", "行情中断"),
        ("行情中断 时间：昨天 23:50", "2026-11-20 23:50", "行情中断"),
        ("at=2026-09-30 16:00 行情中断", "2026-09-30 16:00", "行情中断"),
        ("at=10 分钟前 行情中断", "2026-11-21 09:50", "行情中断"),
        ("9:41 起行情中断", None, "9:41 起行情中断"),
    ],
)
def test_times_with_blanks_and_colons(text: str, local: str | None, title: str) -> None:
    given = must("/incident open " + text).given
    assert given.text == title
    assert (given.at and f"{given.at.astimezone(READING.timezone):%Y-%m-%d %H:%M}") == local


def test_a_template_with_empty_keys_is_filled_in_partly() -> None:
    assert must("/incident open type= system=行情 place= at=\n标题").given == Open("标题", system="行情")


def test_measures_pasted_line_by_line() -> None:
    text = "/事件 定级 I1\n阅读：120万次\n- 转发 = 3,000\n热榜=前50\n证监会: 较大，负面=35%\n升温=待定\n范围分=3\n理由=三家门户 首页"
    assert must(text).given == Grade(
        "I1",
        {"reads_24h": 1_200_000, "reposts_24h": 3000, "hot_list": "top50", "csrc_grade": "larger"}
        | {"negative_share": 0.35, "second_wave": None},
        reach=3,
        reason="三家门户 首页",
    )


def test_facts_of_the_other_kind() -> None:
    given = must("/事件 事实 起因=交换机 固件缺陷 犯罪=否 恢复时间=9:30").given
    assert given.facts == {"cause": "交换机 固件缺陷", "crime": False, "recovered_at": "2026-11-21T01:30:00Z"}
    error = refused("/事件 事实 阅读=3")
    assert (error.key, error.values["other"], error.values["command"]) == ("error.fact_elsewhere", "/事件 定级", "incident fact")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("/事件 定级 阅渎=1", "error.unknown_key", {"typed": "阅渎", "nearest": "阅读"}),
        ("/事件 定级 阅读=1 阅渎:1", "error.unknown_key", {"nearest": "阅读"}),
        ("/事件 定级 zzz=1", "error.unknown_key_alone", {"typed": "zzz"}),
        ("/事件 定级 严重", "error.unexpected", {"text": "严重"}),
        ("/事件 定级 阅读=1 reads_24h=2", "error.key_twice", {"name": "reads_24h"}),
        ("/事件 定级 阅读=很多", "error.number", {"value": "很多"}),
        ("/任务 认领 T1 T2", "error.unexpected", {"text": "T2"}),
        ("/任务 认领 I1", "error.unexpected", {"text": "I1"}),
        ("/任务 进展 T1", "error.missing", {"what": "进展", "command": "task progress"}),
        ("/task progress", "error.missing", {"what": "text"}),
        ("/任务 稍后 30分钟", "error.missing", {"what": "T1"}),
        ("/任务 稍后 T1 很久", "error.duration", {"value": "很久"}),
        ("/任务 稍后 T1 30分钟 开会", "error.unexpected", {"text": "开会"}),
        ("/任务 转交 T1 张三", "error.person", {"value": "张三"}),
        ("/任务 认令 T1", "error.unknown_command", {"typed": "/任务 认令", "nearest": "/任务 认领", "command": "task claim"}),
        ("/taks claim T1", "error.unknown_command", {"typed": "/taks", "nearest": "/task claim"}),
        ("/上报 行情中断", "error.unknown_command", {"nearest": "/事件 上报"}),
        ("/open x", "error.unknown_command", {"nearest": "/incident open"}),
        ("/认令 T1", "error.unknown_command", {"nearest": "/认领"}),
        ("/完成度如何", "error.unknown_command", {"typed": "/完成度如何"}),
        ("/qqqqqq", "error.unknown_command", {"nearest": "/help", "command": "help"}),
        ("/", "error.unknown_command", {"typed": "/"}),
        ("/incident", "error.verb_missing", {"noun": "/incident", "verbs": ("open", "show", "grade", "fact", "merge", "false-alarm")}),
        ("/任务 ", "error.verb_missing", {"verbs": ("认领", "完成", "进展", "稍后", "转交")}),
    ],
)  # fmt: skip
def test_a_mistake_says_what_was_expected(text: str, key: str, value: dict[str, object]) -> None:
    error = refused(text)
    assert error.key == key
    assert {name: error.values[name] for name in value} == value


def test_addressed_nouns_are_commands_even_when_wrong() -> None:
    assert refused("任务", addressed=True).key == "error.verb_missing"
    assert refused("任务 认令", addressed=True).values["nearest"] == "/任务 认领"


def test_refs() -> None:
    assert must("/任务 进展 t007：已切换，T8 待办").given == Progress("T7", "已切换，T8 待办")
    assert must("/任务 进展 T1机房已切换").given == Progress(None, "T1机房已切换")
    assert must("/任务 进展 I1 已恢复").given == Progress(None, "I1 已恢复")
    assert must("/事件 合并 I2 i1 同一故障").given == Merge("I2", "I1", "同一故障")
    assert must("/incident false-alarm I1").given == Show("I1")


def test_free_text_of_a_kind() -> None:
    assert must("/任务 稍后 T1 1 小时 30 分").given == Snooze("T1", timedelta(minutes=90))
    assert must("/任务 稍后 T1 到 14:00").given == Snooze("T1", timedelta(hours=4))
    assert must("/任务 转交 T1 @李娜 明早  接").given == Transfer("T1", "li.na", "明早  接")
    assert must("/委托 A1").given == Delegate("A1", None, "")
    assert must("/委托 A1 我在路上").given == Delegate("A1", None, "我在路上")
    assert must("/委托 A1 王强").given == Delegate("A1", "wang.qiang", "")
    assert must("/help incident").given == Help("incident")
    assert must("/help").given == Help()
    assert must("/whoami").command.name == "whoami"


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("task claim", "/任务 认领 [T1]", "/task claim [T1]"),
        ("task snooze", "/任务 稍后 T1 多久", "/task snooze T1 how long"),
        ("incident grade", "/事件 定级 [I1] 名称=值 … [范围分=] [理由=]", "/incident grade [I1] name=value … [reach=] [reason=]"),
        ("help", "/帮助 [什么]", "/help [topic]"),
    ],
)
def test_usage(name: str, zh: str, en: str) -> None:
    assert usage_line(COMMANDS[name], "zh") == zh
    assert usage_line(COMMANDS[name], "en") == en


def test_nearest() -> None:
    assert nearest("calim", ["claim", "done"]) == "claim"
    assert nearest("认令", ["认领", "完成"]) == "认领"
    assert nearest("zzzz", ["claim"]) is None
    assert nearest("", []) is None


_HEADS = st.sampled_from(
    [
        "/incident open ",
        "/事件上报 ",
        "/task progress T1 ",
        "/事件 定级 ",
        "/事件 事实 ",
        "/任务 转交 ",
        "/委托 ",
        "/稍后 T1 ",
        "/",
        "@更夫 ",
        "",
    ]
)
_WORDS = st.sampled_from(
    [
        "T1",
        "类型=",
        "type：",
        "阅读=1",
        "起因=",
        "9:41",
        "“",
        '"',
        "，",
        "=",
        "前50",
        "@更夫",
        "系统故障",
        "昨天",
        "\n",
        "　",
        "半小时",
        "负面=35%",
    ]
)
_TEXTS = st.lists(st.one_of(_WORDS, st.text(max_size=12)), max_size=8).map(" ".join)


@drawn(_HEADS, _TEXTS, st.booleans(), st.booleans())
def test_any_text_is_read_or_refused(head: str, text: str, addressed: bool, reply: bool) -> None:
    try:
        parsed = read(head + text, addressed=addressed, reply=reply)
    except BadWords as error:
        command, parsed = error.values["command"], None
    else:
        command = parsed.command.name if parsed else ""
    assert isinstance(command, str)
    for name in ("text", "note", "reason"):
        if parsed and isinstance(written := getattr(parsed.given, name, ""), str):
            assert written in head + text


@drawn(st.text())
def test_a_title_is_kept_to_the_letter(title: str) -> None:
    assume(not set("=:") & set(unicodedata.normalize("NFKC", title)))
    assert must(f"/incident open 标题 {title} 完").given.text == f"标题 {title} 完"


def filled(line: str, /, **fields: str) -> Any:
    parsed = parse(line, READING, addressed=True, fields=fields, commands=COMMANDS)
    assert parsed is not None
    return parsed.given


def unfilled(line: str, /, **fields: str) -> BadWords:
    with pytest.raises(BadWords) as caught:
        filled(line, **fields)
    assert "command" in caught.value.values
    return caught.value


def test_a_form_is_converted_as_if_typed() -> None:
    given = filled(
        "/incident open", text="行情中断", type="宕机", system="行情＝主备", loss="１２０万", at="2026-11-21T09:41", drill="是", place=" "
    )
    at = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)
    assert given == Open("行情中断", "system_failure", "行情＝主备", None, 1200000.0, at, True)


def test_a_form_takes_chinese_names_and_facts() -> None:
    given = filled("/incident grade I1", 阅读="120万", hot_list="前50", 范围分="3分", **{"理由": "两家媒体 转发=多\n还在传"})
    assert given == Grade("I1", {"reads_24h": 1200000, "hot_list": "top50"}, 3, "两家媒体 转发=多\n还在传")


@pytest.mark.parametrize(
    "text",
    [
        "类型=数据泄露 地点=上海", "T2 说好了", "/任务 完成 T1", "“引号”", '"a" "b"', "a=b\n\nc：d", "＝", "@更夫", "drill=yes",
        "、", "\u202e倒", "'; --",
    ],
)  # fmt: skip
def test_the_text_of_a_form_is_kept_to_the_letter(text: str) -> None:
    assert filled("/task progress T1", text=f" {text}\n") == Progress("T1", text)
    assert filled("/incident open", text=text, type="宕机").text == text
    assert filled("/incident open", system=text).system == text


@drawn(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_any_form_is_read_or_refused(name: str, value: str) -> None:
    try:
        given = filled("/incident open", **{name: value})
    except BadWords:
        return
    assert name.casefold() != "ref"
    assert value.strip() or given == Open("")


def test_other_kinds_of_arguments_stand_in_a_form_too() -> None:
    assert filled("/task transfer T1", to="李娜", note="夜班 换人=是") == Transfer("T1", "li.na", "夜班 换人=是")
    assert filled("/task snooze T1", until="15m") == Snooze("T1", timedelta(minutes=15))
    assert filled("/delegate A1", to="", note="") == Delegate("A1")


def test_what_the_line_says_stands_beside_the_form() -> None:
    assert filled("/incident fact I1 犯罪=否", 起因="网线 松了") == Known("I1", {"crime": False, "cause": "网线 松了"})


@pytest.mark.parametrize(
    ("line", "fields", "key"),
    [
        ("/incident open", {"wrong": "1"}, "error.unknown_key_alone"),
        ("/incident open", {"systen": ""}, "error.unknown_key"),
        ("/incident show I1", {"text": "x"}, "error.unknown_key_alone"),
        ("/incident show", {"ref": "I2"}, "error.unknown_key_alone"),
        ("/incident open", {"fact:reads_24h": "1"}, "error.unknown_key_alone"),
        ("/incident open", {"type": "火灾"}, "error.type"),
        ("/incident open", {"loss": "-1"}, "error.number"),
        ("/incident open", {"at": "2026-13-01T00:00"}, "error.time"),
        ("/incident open 行情中断", {"text": "别的"}, "error.key_twice"),
        ("/incident open 演练=否", {"drill": "是"}, "error.key_twice"),
        ("/incident open", {"drill": "是", "演练": "否"}, "error.key_twice"),
        ("/incident fact I1 犯罪=否", {"crime": "是"}, "error.key_twice"),
        ("/incident grade I1", {"crime": "是"}, "error.fact_elsewhere"),
        ("/task progress T1", {"text": " \n"}, "error.missing"),
        ("/task transfer T1", {"note": "x"}, "error.missing"),
        ("/task transfer T1", {"to": "李娜 王强"}, "error.person_nearest"),
    ],
)
def test_a_form_that_is_refused(line: str, fields: dict[str, str], key: str) -> None:
    assert unfilled(line, **fields).key == key
