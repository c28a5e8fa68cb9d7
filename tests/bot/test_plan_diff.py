"""What `gengfu plan diff` says: a sentence for every change that means something, and none for what does not."""

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.plan_cli import diff_command
from bot.plan_diff import differences
from handlers.core.wording import Locale, Words
from storage.plan import load_plan
from workflows.core.calendar import Calendar, Important
from workflows.core.plan import Plan
from workflows.core.quiet import QuietHours
from workflows.core.rota import Shift
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
PLAN = load_plan(SAMPLE)
ZH, EN = Words.load("zh"), Words.load("en")

Change = Callable[[Plan], Plan]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "plan"))


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, f"{file} does not say {old!r}"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def told(folder: Path, locale: Locale = "zh") -> list[str]:
    code, text = diff_command(SAMPLE, folder, locale)
    assert code == 0
    return text.splitlines()


CASES = {
    "a due": (
        ("playbooks/common.toml", 'l3 = "PT30M", l2 = "PT15M", l1 = "PT15M"', 'l3 = "PT20M", l2 = "PT15M", l1 = "PT15M"'),
        ["任务", "  任务「固定证据(日志、镜像、录屏、链路数据),禁删改」:三级响应时限由「30分」改为「20分」"],
        [
            "Tasks",
            "  Task “Secure evidence (logs, images, recordings, link data); nothing may be deleted or changed”: "
            "due at response level 3 changes from “30 min” to “20 min”",
        ],
    ),
    "a group of a task": (
        ("playbooks/system_failure.toml", 'group = "recovery"', 'group = "tech"'),
        ["任务", "  任务「定位故障域并判断能否切换」:小组由「系统恢复小组」改为「信息技术应急小组」"],
        [
            "Tasks",
            "  Task “Locate the failing part and decide whether to switch over”: "
            "group changes from “System recovery” to “Information technology”",
        ],
    ),
    "an approver that is new": (
        ("playbooks/supplier_failure.toml", 'group = "recovery"', 'group = "recovery"\napprove = "lead.head or role:compliance"'),
        ["任务", "  任务「启用替代服务或降级」:批准人定为「应急领导小组组长 或 合规」(原来没有)"],
        ["Tasks", "  Task “Use a substitute service or degrade”: approver is now “head of Leading group or compliance” (there was none)"],
    ),
    "a condition that is gone": (
        ("playbooks/public_opinion.toml", "when = { offline_gathering = true }\n", ""),
        ["任务", "  任务「聚集或集体维权应对」:不再写条件(原为「出现聚集或集体维权 = 是」)"],
        [
            "Tasks",
            "  Task “Respond to a gathering or collective action”: "
            "conditions is no longer given (was “Gathering or collective action = yes”)",
        ],
    ),
    "a deadline": (
        ("obligations.toml", 'within = { moderate = "PT4H"', 'within = { moderate = "PT3H"'),
        [
            "报送与告知",
            "  报送事项「首次对外回应」:时限由「中度 4小时 / 严重 2小时 / 特别严重 1小时」改为「中度 3小时 / 严重 2小时 / 特别严重 1小时」",
        ],
        [
            "Reports and notices",
            "  Obligation “First public response”: deadline changes from “moderate 4 h / severe 2 h / extreme 1 h” "
            "to “moderate 3 h / severe 2 h / extreme 1 h”",
        ],
    ),
    "recipients": (
        ("obligations.toml", '["上交所", "深交所", "北交所"]', '["上交所", "深交所", "港交所"]'),
        ["报送与告知", "  报送事项「交易所首报」:报送对象去掉 北交所,增加 港交所"],
        ["Reports and notices", "  Obligation “First report to the exchanges”: recipients: removed 北交所, added 港交所"],
    ),
    "a head": (
        ("organization.toml", 'head = "li.na"', 'head = "wu.di"'),
        ["公司、人员与小组", "  小组「应急办(综合协调组)」:组长由「李娜 (li.na)」改为「吴迪 (wu.di)」"],
        ["Firm, people and groups", "  Group “Emergency office”: head changes from “李娜 (li.na)” to “吴迪 (wu.di)”"],
    ),
    "members": (
        ("organization.toml", 'members = ["wu.di"]', 'members = ["wu.di", "ma.chao"]'),
        ["公司、人员与小组", "  小组「应急办(综合协调组)」:成员增加 马超 (ma.chao)"],
        ["Firm, people and groups", "  Group “Emergency office”: members: added 马超 (ma.chao)"],
    ),
    "a row of a paper": (
        ("papers.toml", '{ label = "地点", label_en = "Place", figure = "place" },\n', ""),
        [
            "书面报告",
            "  栏目「网络安全事件情况报告书 · 一、事件基本情况」:各行去掉 地点 = place",
            "  栏目「网络安全事件情况报告书 · 一、事件基本情况」:各行(英文)去掉 Place = place",
        ],
        [
            "Papers",
            "  Section “Report on a network security incident · 1. The incident”: rows: removed 地点 = place",
            "  Section “Report on a network security incident · 1. The incident”: rows (English): removed Place = place",
        ],
    ),
    "who writes a template": (
        ("statements/personal_information.md", '["opinion", "legal"]', '["legal"]'),
        ["声明", "  声明模板「个人信息事件通知(逐户)」:由谁起草去掉 舆情应对小组"],
        ["Statements", "  Statement template “个人信息事件通知(逐户)”: drafters: removed Public opinion"],
    ),
    "a banned phrase": (
        ("statements/rules.toml", '"绝无可能", ', '"绝无可能", "毫无影响", '),
        ["声明", "  措辞规则「所有声明」:禁用词增加 毫无影响"],
        ["Statements", "  Rule of wording “every statement”: banned phrases: added 毫无影响"],
    ),
    "a default of one type": (
        ("facts.toml", "data_leak = false         # 泄露本身不停交易", 'data_leak = "open"         # 泄露本身不停交易'),
        ["事实", "  事实「影响交易」:「信息泄露」事件的默认由「否」改为「待定」"],
        ["Facts", "  Fact “Trading is affected”: starts in Data leak as changes from “no” to “open”"],
    ),
    "points": (
        ("rubric.toml", "[0, 3, 5, 8]", "[0, 3, 6, 8]"),
        ["评分", "  指标「舆情影响范围指标」:出现讨论的独立平台数由「1 至 4 分自 0 / 3 / 5 / 8 起」改为「1 至 4 分自 0 / 3 / 6 / 8 起」"],
        ["Grading", "  Indicator “Reach”: Platforms changes from “1 to 4 points from 0 / 3 / 5 / 8” to “1 to 4 points from 0 / 3 / 6 / 8”"],
    ),
    "a pace": (
        ("response.toml", 'cadence = "PT30M"', 'cadence = "PT20M"'),
        ["响应级别", "  响应级别「二级响应」:通报间隔由「30分」改为「20分」"],
        ["Response levels", "  Response level “Response level 2”: update every changes from “30 min” to “20 min”"],
    ),
    "a holiday": (
        ("calendar.toml", "to = 2026-10-07", "to = 2026-10-08"),
        ["日历", "  年份「2026」:休息日增加 2026-10-08"],
        ["Calendar", "  Year “2026”: days off: added 2026-10-08"],
    ),
}


@pytest.mark.parametrize(("spoilt", "zh", "en"), CASES.values(), ids=CASES)
def test_a_change_is_told_under_its_part(folder: Path, spoilt: tuple[str, str, str], zh: list[str], en: list[str]) -> None:
    edit(folder, *spoilt)
    assert told(folder)[:-1] == zh
    assert told(folder, "en")[:-1] == en


def test_a_task_that_is_new_tells_all_of_itself_and_one_that_is_gone_its_name(folder: Path) -> None:
    text = (folder / "playbooks/supplier_failure.toml").read_text(encoding="utf-8")
    kept = text[: text.index('\n[[task]]\ncode = "supplier.replace"')]
    added = ('[[task]]\ncode = "supplier.tell"', 'title = "告知上级"', 'group = "legal"\nclock = "known"', 'done = "已告知"')
    text = "\n".join([kept, *added, 'due = { l2 = "PT1H", l1 = "PT30M" }'])
    (folder / "playbooks/supplier_failure.toml").write_text(text, encoding="utf-8")
    assert told(folder)[:-1] == [
        "任务",
        "  新增任务「告知上级」:预案 供应商与外部机构中断; 小组 合规法务组; 起算 获知; "
        "二级响应时限 1小时; 一级响应时限 30分; 完成标准 已告知",
        "  取消任务「评估更换与追责」",
    ]


def test_a_person_who_stands_in_for_another_is_told_once_and_not_at_every_rule_that_asks_the_head(folder: Path) -> None:
    edit(folder, "organization.toml", 'head = "zhou.heng"\ndeputy = "lin.yue"', 'head = "lin.yue"\ndeputy = "zhou.heng"')
    lines = told(folder)
    assert lines[0] == "公司、人员与小组"
    assert len(lines) == 4
    assert all("小组「应急领导小组」" in line for line in lines[1:3])


def test_the_fingerprints_close_and_the_calendar_changes_none(folder: Path) -> None:
    edit(folder, "obligations.toml", 'clock = "confirmed"', 'clock = "known"')
    assert told(folder)[-1] == f"规则指纹由 {PLAN.fingerprint} 变为 {load_plan(folder).fingerprint}"


def test_plans_that_mean_the_same(folder: Path) -> None:
    assert told(folder) == ["两份预案没有差别。"]
    edit(folder, "rubric.toml", "[rubric]", "# reviewed in March\n[rubric]")
    assert told(folder) == ["两份预案含义相同,只是注释、次序或写法不同。"]
    assert told(folder, "en") == ["The two plans mean the same; only comments, order or spelling differ."]


def test_a_plan_that_is_not_sound_is_told_instead(folder: Path, tmp_path: Path) -> None:
    edit(folder, "response.toml", 'cadence = "PT30M"', 'cadence = "PT3H"')
    code, text = diff_command(SAMPLE, folder, "en")
    assert code == 1
    head, finding = text.splitlines()
    assert head == f"The plan in {folder} is not sound and cannot be compared:"
    assert "response.toml" in finding
    assert diff_command(tmp_path / "nowhere", folder, "zh")[0] == 2


def test_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "calendar.toml", "to = 2026-10-07", "to = 2026-10-08")
    assert main(["plan", "diff", str(SAMPLE), str(folder)]) == 0
    assert "休息日增加 2026-10-08" in capsys.readouterr().out
    assert main(["plan", "diff", str(folder), str(folder)]) == 0
    assert capsys.readouterr().out == "两份预案没有差别。\n"


# every field of every part


def another(value: Any, name: str) -> Any:
    """A value of the same kind that is not `value`."""
    special = {
        "kind": {"condition": "text", "guard": "cutover"}.get(str(value), "condition"),
        "head": "ma.chao",
        "deputy": "ma.chao",
        "members": ("zhou.heng",),
        "roles": ("auditor", "security"),
        "rota": (Shift("weekly", ("li.na",), date(2026, 3, 9)),),
        "set_by": ("legal",),
        "group": "fund",
        "doer": "fund",
        "clock": "recovered",
        "until": "confirmed",
        "approve": "lead.deputy",
        "fulfilled_by": "end",
        "obligation": "police",
        "when": {"suspected_crime": False},
        "calendar": "trading",
        "keyed_by": "opinion_level" if value == "csrc_grade" else "csrc_grade",
        "within": {"any": timedelta(minutes=7)},
        "every": {"any": timedelta(minutes=8)},
        "within_days": {"any": 9},
        "binding": "self",
        "confidence": "secondary",
        "due": {ResponseLevel.L1: timedelta(minutes=1)},
        "level": OpinionLevel.MILD,
        "at_least": OpinionLevel.MILD,
        "values": {"x": ("某",)},
        "values_en": {"x": "some"},
        "default": None if value is False else False,
        "default_by_type": {"data_leak": True, "public_opinion": None},
        "identities": {"wecom": "X"},
        "chats": {"wecom": "X"},
        "subtypes": {"x": ("某",)},
        "approvers": {"activate": ("legal.head",)},
        "rungs": (),
        "quiet_hours": QuietHours(time(20), time(6)),
        "terminal_by": ("sms",),
        "facts": {"csrc_grade": "general"},
        "facts_at_least": {"affected_clients": 7.0},
        "any_score": ("trend",),
        "measures": (),
        "terminal_max": 9 if value is None else None,
        "due_working_days": 9,
        "due_calendar_days": 9,
        "service": ((time(9), time(10)),),
        "sections": (),
        "rows": (),
        "table": "tasks",
        "fields": {"x": "text"},
        "drafters": ("legal",),
        "complete_within": timedelta(days=2),
        "important": (Important("某", "some", date(2026, 7, 1), date(2026, 7, 2), "guard"),),
        "calendars": {"progress": "trading"},
        "sessions": ((time(9), time(10)),),
        "business_ends": time(18),
        "years": {},
        "holidays": frozenset({date(2026, 7, 1)}),
        "workdays": frozenset({date(2026, 7, 4)}),
        "closures": frozenset({date(2026, 7, 1), date(2026, 7, 2)}),
    }
    if name in special:
        return special[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value / 2
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, tuple):
        return (*value, "某")
    return value * 2 + timedelta(minutes=1) if isinstance(value, timedelta) else value + 1 if isinstance(value, int) else f"{value}某"


def swap(of: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    return {**of, key: value}


def parts() -> dict[str, tuple[Any, Callable[[Any], Plan]]]:
    """One record of each kind, and the plan with another in its place."""
    organization, rubric, calendar = PLAN.organization, PLAN.rubric, PLAN.calendar
    people, groups, facts = dict(organization.people), dict(organization.groups), dict(PLAN.facts.specs)
    responses, books, duties, years = dict(PLAN.responses), dict(PLAN.playbooks), dict(PLAN.obligations), dict(calendar.years)
    failure, l2 = books["system_failure"], ResponseLevel.L2
    papers, templates, form = dict(PLAN.papers), dict(PLAN.statements), PLAN.papers["csrc_report"]
    plan = replace
    return {
        "firm": (organization.firm, lambda new: plan(PLAN, organization=replace(organization, firm=new))),
        "person": (people["he.lei"], lambda new: plan(PLAN, organization=replace(organization, people=swap(people, "he.lei", new)))),
        "group": (groups["office"], lambda new: plan(PLAN, organization=replace(organization, groups=swap(groups, "office", new)))),
        "fact": (facts["cause"], lambda new: plan(PLAN, facts=replace(PLAN.facts, specs=swap(facts, "cause", new)))),
        "rubric": (rubric, lambda new: plan(PLAN, rubric=new)),
        "indicator": (rubric.indicators[1], lambda new: plan(PLAN, rubric=replace(rubric, indicators=(new,)))),
        "ladder": (PLAN.ladder, lambda new: plan(PLAN, ladder=new)),
        "floor": (rubric.floors[4], lambda new: plan(PLAN, rubric=replace(rubric, floors=(*rubric.floors[:4], new)))),
        "response": (responses[l2], lambda new: plan(PLAN, responses=swap(responses, l2, new))),
        "playbook": (failure, lambda new: plan(PLAN, playbooks=swap(books, "system_failure", new))),
        "task": (
            failure.lines[0],
            lambda new: plan(PLAN, playbooks=swap(books, "system_failure", replace(failure, lines=(new, *failure.lines[1:])))),
        ),
        "duty": (duties["csrc_progress"], lambda new: plan(PLAN, obligations=swap(duties, "csrc_progress", new))),
        "form": (form, lambda new: plan(PLAN, papers=swap(papers, "csrc_report", new))),
        "section": (
            form.sections[0],
            lambda new: plan(PLAN, papers=swap(papers, "csrc_report", replace(form, sections=(new, *form.sections[1:])))),
        ),
        "row": (
            form.sections[0].rows[0],
            lambda new: plan(PLAN, papers=swap(papers, "csrc_report", replace(form, sections=(replace(form.sections[0], rows=(new,)),)))),
        ),
        "template": (templates["progress"], lambda new: plan(PLAN, statements=swap(templates, "progress", new))),
        "wording": (PLAN.wording, lambda new: plan(PLAN, wording=new)),
        "important": (
            Important("国庆重保", "National Day", date(2026, 9, 30), date(2026, 10, 8), "guard"),
            lambda new: plan(PLAN, calendar=replace(calendar, important=(new,))),
        ),
        "calendar": (calendar, lambda new: plan(PLAN, calendar=new)),
        "year": (years[2026], lambda new: plan(PLAN, calendar=replace(calendar, years=swap(years, 2026, new)))),
    }


#: Keys, which make another row of it; what is told with its parts; what says nothing of the plan's meaning.
KEYS = {"id", "key", "code", "type", "level"}
IN_PARTS = {("rubric", "indicators"), ("rubric", "bands"), ("rubric", "floors"), ("rubric", "regrade_minutes"), ("playbook", "lines")}
IN_PARTS |= {("duty", "keyed_by")}
IN_PARTS |= {("response", "hours"), ("response", "factor"), ("response", "quiet"), ("calendar", "fingerprint")}  # of no file
FIELDS = [
    (kind, field.name)
    for kind, (record, _) in parts().items()
    for field in dataclasses.fields(record)
    if field.name not in KEYS and (kind, field.name) not in IN_PARTS
]


@pytest.mark.parametrize("words", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind}.{name}" for kind, name in FIELDS])
def test_no_field_of_the_plan_changes_unsaid(kind: str, name: str, words: Words) -> None:
    record, within = parts()[kind]
    value = another(getattr(record, name), name)
    assert value != getattr(record, name)
    changed = within(replace(record, **{name: value}))
    assert differences(PLAN, changed, words)


def test_what_is_told_with_its_parts_is_told() -> None:
    rubric = PLAN.rubric
    slower = replace(rubric, regrade_minutes={**rubric.regrade_minutes, OpinionLevel.MILD: 240})
    assert differences(PLAN, replace(PLAN, rubric=slower), ZH)[1] == "  分档「轻度」:重新打分间隔由「2小时」改为「4小时」"
    bands = (replace(rubric.bands[0], max=5), replace(rubric.bands[1], min=6), *rubric.bands[2:])
    assert differences(PLAN, replace(PLAN, rubric=replace(rubric, bands=bands)), ZH)[1:] == [
        "  分档「轻度」:分数由「4–6」改为「4–5」",
        "  分档「中度」:分数由「7–9」改为「6–9」",
    ]
    duties = dict(PLAN.obligations)
    keyed = swap(duties, "pbc", replace(duties["pbc"], keyed_by="opinion_level"))
    assert differences(PLAN, replace(PLAN, obligations=keyed), ZH)[1].endswith("所依级别由「证监会事件级别」改为「舆情级别」")
    none = replace(PLAN, calendar=Calendar())
    assert "  取消年份「2026」" in differences(PLAN, none, ZH)
    assert any(line.startswith("  新增年份「2026」:休息日 2026-01-01、") for line in differences(none, PLAN, ZH))


def test_a_measure_of_another_kind_of_value_is_told() -> None:
    rubric = PLAN.rubric
    level, *others = rubric.indicators
    measure = replace(level.measures[0], scores={**level.measures[0].scores, EventGrade.GENERAL: 2})
    changed = replace(rubric, indicators=(replace(level, measures=(measure,)), *others))
    assert differences(PLAN, replace(PLAN, rubric=changed), ZH)[1].endswith(
        "改为「不属网络安全事件 1、一般 2、较大 2、重大 3、特别重大 4」"
    )
