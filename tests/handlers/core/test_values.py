"""Typed values: what people write for numbers, times, people and codes, and what is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core import values
from handlers.core.moments import duration, moment
from handlers.core.registry import Kind
from handlers.core.values import Reading, convert
from workflows.core.errors import BadWords
from workflows.core.facts import FactBook, FactSpec
from workflows.core.people import Firm, Group, Organization, Person
from workflows.core.plan import Plan
from workflows.core.playbook import Playbook
from workflows.core.rubric import Rubric

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
PEOPLE = (Person("li.na", "李娜"), Person("wang.qiang", "王强"), Person("chen.jing", "陈静"), Person("chen.jing2", "陈静"))
GROUPS = (
    Group("office", "应急办", head="li.na", name_en="Emergency office", aliases=("应急指挥部",)),
    Group("tech", "信息技术应急小组", head="wang.qiang", name_en="IT"),
)
BOOKS = (
    Playbook("common", "通用", "Common", ()),
    Playbook("system_failure", "系统故障", "System failure", (), names=("宕机",)),
)
PLAN = Plan(
    "sha256:0",
    Organization(Firm("示例证券"), {p.id: p for p in PEOPLE}, {g.id: g for g in GROUPS}),
    FactBook({}, {}),
    Rubric("r", 1, (), (), ()),
    {},
    {b.type: b for b in BOOKS},
)
READING = Reading(PLAN, NOW, ZONE)


def refusal(run: Callable[[], object]) -> BadWords:
    with pytest.raises(BadWords) as caught:
        run()
    return caught.value


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1200", 1200), ("1,200", 1200), ("１，２００", 1200), ("120万", 1.2e6), ("120 万", 1.2e6), ("3.5亿", 3.5e8),
        ("1亿2000万", 1.2e8), ("5千", 5000),
        ("2万5千", 25000), ("1.5w", 15000), ("3k", 3000), ("35%", 0.35), ("３５％", 0.35), ("0", 0), (".5", 0.5), ("0.35", 0.35),
        ("3千万", 3e7), ("1.2万亿", 1.2e12),
    ],
)  # fmt: skip
def test_numbers(text: str, amount: float) -> None:
    assert values.number(text) == amount


@pytest.mark.parametrize(
    "text", ["", "很多", "-3", "1,20", "12 34", "1万2亿", "万", "1.2.3", "1e9", "nan", "inf", "%", "9" * 40, "٣", "1万 转发"]
)
def test_no_numbers(text: str) -> None:
    error = refusal(lambda: values.number(text))
    assert (error.key, error.values["value"]) == ("error.number", text)


@pytest.mark.parametrize(("text", "share"), [("35%", 0.35), ("0.35", 0.35), ("100%", 1), ("0", 0), ("3成", 0.3)])
def test_shares(text: str, share: float) -> None:
    assert values.share(text) == share


@pytest.mark.parametrize("text", ["35", "101%", "-1%", "三成半", ""])
def test_a_bare_35_is_not_guessed_at(text: str) -> None:
    assert refusal(lambda: values.share(text)).key == "error.share"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("9:41", "2026-11-21 09:41:00"), ("09:41:05", "2026-11-21 09:41:05"), ("９：４１", "2026-11-21 09:41:00"),
        ("9点41分", "2026-11-21 09:41:00"),
        ("9点半", "2026-11-21 09:30:00"), ("下午3点", "2026-11-20 15:00:00"), ("4:30pm", "2026-11-20 16:30:00"),
        ("12am", "2026-11-21 00:00:00"),
        ("10:05", "2026-11-21 10:05:00"), ("10:06", "2026-11-20 10:06:00"), ("23:50", "2026-11-20 23:50:00"),
        ("昨天23:50", "2026-11-20 23:50:00"), ("昨晚11:50", "2026-11-20 23:50:00"), ("今天9:30", "2026-11-21 09:30:00"),
        ("前天 16:00", "2026-11-19 16:00:00"),
        ("yesterday at 23:50", "2026-11-20 23:50:00"), ("2026-09-30 16:00", "2026-09-30 16:00:00"),
        ("2026年9月30日16:00", "2026-09-30 16:00:00"),
        ("9月30日16:00", "2026-09-30 16:00:00"), ("9-30 16:00", "2026-09-30 16:00:00"), ("1月2日 8:00", "2027-01-02 08:00:00"),
        ("2026-09-30T16:00:00Z", "2026-10-01 00:00:00"), ("10分钟前", "2026-11-21 09:50:00"), ("半小时前", "2026-11-21 09:30:00"),
        ("1小时30分以前", "2026-11-21 08:30:00"), ("两个小时前", "2026-11-21 08:00:00"), ("10m ago", "2026-11-21 09:50:00"),
        ("an hour ago", "2026-11-21 09:00:00"),
        ("刚才", "2026-11-21 10:00:00"), ("现在", "2026-11-21 10:00:00"), ("NOW", "2026-11-21 10:00:00"),
    ],
)  # fmt: skip
def test_times(text: str, local: str) -> None:
    found = moment(text, NOW, ZONE)
    assert found.tzinfo is UTC
    assert f"{found.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" == local


@pytest.mark.parametrize(
    "text",
    ["", "25:00", "9:5", "9:61", "2026-02-30 9:00", "13月1日 9:00", "前天", "昨晚12点", "9", "很久以前", "0分钟前", "999999天前", "10-11"],
)
def test_no_times(text: str) -> None:
    error = refusal(lambda: moment(text, NOW, ZONE))
    assert (error.key, error.values["value"]) == ("error.time", text)


def test_a_month_without_year_is_the_nearest() -> None:
    january = datetime(2027, 1, 3, tzinfo=UTC)
    assert moment("12月31日 16:00", january, ZONE) == datetime(2026, 12, 31, 8, tzinfo=UTC)


def test_local_days_not_utc_days() -> None:
    early = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)  # 01:30 on the 21st in Shanghai
    assert moment("昨天23:50", early, ZONE) == datetime(2026, 11, 20, 15, 50, tzinfo=UTC)
    assert moment("23:50", early, ZONE) == datetime(2026, 11, 20, 15, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30分钟", 30), ("30 分", 30), ("半小时", 30), ("半个小时", 30), ("1小时30分", 90), ("1个半小时", 90), ("2小时半", 150),
        ("一刻钟", 15), ("三十分钟", 30), ("二十五分钟", 25),
        ("15m", 15), ("2h", 120), ("1h30m", 90), ("1 hour and 30 min", 90), ("1.5h", 90), ("PT15M", 15), ("P1DT2H", 1560), ("90s", 1.5),
        ("1天", 1440), ("45", 45),
        ("到14:00", 240), ("14:00", 240), ("until 14:00", 240), ("9:00", 1380), ("到明天9:00", 1380), ("11月21日 10:30", 30),
    ],
)  # fmt: skip
def test_durations(text: str, minutes: float) -> None:
    assert duration(text, NOW, ZONE) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0", "0分", "很久", "-5m", "500天", "昨天9:00", "P", "PT", "到", "15x", "9999999"])
def test_no_durations(text: str) -> None:
    assert refusal(lambda: duration(text, NOW, ZONE)).key == "error.duration"


@pytest.mark.parametrize(
    ("text", "yes"), [("是", True), ("YES", True), ("有", True), ("１", True), ("否", False), ("no", False), ("无", False), ("0", False)]
)
def test_flags(text: str, yes: bool) -> None:
    assert values.flag(text) is yes
    assert values.condition(text) is yes


def test_open_is_an_answer_to_a_condition_only() -> None:
    assert [values.condition(word) for word in ("未知", "待定", "open")] == [None, None, None]
    assert refusal(lambda: values.flag("待定")).key == "error.flag"
    assert refusal(lambda: values.condition("也许")).key == "error.condition"


@pytest.mark.parametrize("text", ["li.na", "李娜", "@李娜", "＠李娜", " @li.na ", "Li.Na", "ｌｉ．ｎａ"])
def test_people(text: str) -> None:
    assert values.person(text, PLAN) == "li.na"


def test_people_who_are_not_clear() -> None:
    several = refusal(lambda: values.person("@陈静", PLAN))
    assert (several.key, several.values["ids"]) == ("error.person_several", ("chen.jing", "chen.jing2"))
    assert values.person("chen.jing2", PLAN) == "chen.jing2"
    assert refusal(lambda: values.person("王强强", PLAN)).values["nearest"] == "王强"
    assert refusal(lambda: values.person("诸葛", PLAN)).key == "error.person"
    assert refusal(lambda: values.person("", PLAN)).key == "error.person"


@pytest.mark.parametrize(
    ("text", "code"), [("office", "office"), ("应急办", "office"), ("应急指挥部", "office"), ("emergency OFFICE", "office"), ("it", "tech")]
)
def test_groups(text: str, code: str) -> None:
    assert values.group(text, PLAN) == code
    assert refusal(lambda: values.group("没有的组", PLAN)).values["groups"] == ("office", "tech")


@pytest.mark.parametrize("text", ["system_failure", "系统故障", "宕机", "System Failure", "SYSTEM  FAILURE"])
def test_types(text: str) -> None:
    assert values.incident_type(text, PLAN) == "system_failure"


def test_common_is_no_type() -> None:
    assert refusal(lambda: values.incident_type("common", PLAN)).values["types"] == ("system_failure",)
    assert refusal(lambda: values.incident_type("", PLAN)).key == "error.type"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("l2", "l2"),
        ("二级", "l2"),
        ("二级响应", "l2"),
        ("Ⅱ级", "l2"),
        ("1级", "l1"),
        ("严重", "severe"),
        ("特别严重", "extreme"),
        ("Mild", "mild"),
    ],
)
def test_levels(text: str, code: str) -> None:
    assert values.level(text, PLAN) == code
    assert refusal(lambda: values.level("五级", PLAN)).key == "error.level"


def test_scores() -> None:
    assert [values.score(text) for text in ("1", "４", "3分")] == [1, 4, 3]
    assert refusal(lambda: values.score("5")).key == "error.score"


def test_facts_are_stored_as_json() -> None:
    hot = FactSpec("hot_list", "热榜", "choice", values={"none": ("无",), "top50": ("前50", "全国热榜前50")})
    reads = FactSpec("reads_24h", "阅读量", "number", unit="次")
    growth = FactSpec("growth_1h", "每小时增幅", "number")
    assert values.fact("前５０", hot, READING) == "top50"
    assert values.fact("TOP50", hot, READING) == "top50"
    assert refusal(lambda: values.fact("前五十", hot, READING)).values["choices"] == tuple(hot.values)
    whole = values.fact("120万次", reads, READING)
    assert (whole, type(whole)) == (1_200_000, int)
    assert values.fact("150%", growth, READING) == 1.5
    assert values.fact("9:41", FactSpec("t", "时间", "moment"), READING) == "2026-11-21T01:41:00Z"
    assert values.fact("未知", FactSpec("c", "犯罪", "condition"), READING) is None
    assert values.fact(" 原  样", FactSpec("x", "原因", "text"), READING) == " 原  样"


@given(st.sampled_from(sorted(values._KINDS)), st.text())
def test_any_text_is_converted_or_refused(kind: Kind, text: str) -> None:
    try:
        convert(kind, text, READING)
    except BadWords as error:
        value = error.values["value"]
    else:
        value = text
    assert value == text


_TYPED_TIMES = st.text(alphabet="0123456789:-/年月日点分时小半前后昨今明天T.Zpmagoh 到", max_size=20)


@given(_TYPED_TIMES)
def test_anything_like_a_time_is_read_or_refused(text: str) -> None:
    for read in (moment, duration):
        try:
            read(text, NOW, ZONE)
        except BadWords as error:
            value = error.values["value"]
        else:
            value = text
        assert value == text


@given(st.integers(0, 10**12))
def test_a_number_survives_its_spellings(amount: int) -> None:
    assert values.number(str(amount)) == values.number(f"{amount:,}") == amount
    assert values.number(f"{amount % 10**6}万") == amount % 10**6 * 10_000
