"""Calendars at work: a lunch break, a make-up Saturday, National Day week, an important period, a table that changes meanwhile."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.calendars import renew
from storage.database import Database
from storage.mapping import to_record
from storage.tables.records import PlanRow, ReportRow
from tests.workflows.core.test_working_days import SHANGHAI
from tests.world import SMALL_PLAN, World, make_world
from workflows.regulator_report import Report
from workflows.task import Task

Edits = dict[str, Callable[[str], str]]
IMPACT, LOCATE = "failure.impact", "failure.locate"
GUARD = """
[[important]]
name = "国庆重保"
name_en = "National Day"
kind = "guard"
from = 2026-09-28
to = 2026-10-08
"""
NEW_YEAR = """
[2027]
sources = ["国务院办公厅关于2027年部分节假日安排的通知"]
closures = []

[[2027.holidays]]
name = "元旦"
from = 2027-01-01
to = 2027-01-03
"""
OTHER_YEAR = NEW_YEAR.replace("from = 2027-01-01\nto = 2027-01-03", "from = 2027-01-04\nworkdays = [2027-01-02, 2027-01-03]")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def in_calendar(code: str, name: str) -> Callable[[str], str]:
    return lambda text: text.replace(f'code = "{code}"', f'code = "{code}"\ncalendar = "{name}"')


def more(lines: str) -> Callable[[str], str]:
    return lambda text: f"{text}\n{lines}"


MILD = "平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
FAILURE = "playbooks/system_failure.toml"


@pytest.fixture
def open_on(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A world whose plan is edited, with a system failure reported at a moment."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")

    def made(moment: str, edits: Edits, plan: Path = SMALL_PLAN) -> World:
        folder = edited(tmp_path / "plan", edits, plan)
        world = make_world(database, start=at(moment), plan=folder)
        world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
        return world

    yield made
    database.close()


def edited(folder: Path, edits: Edits, plan: Path) -> Path:
    shutil.copytree(plan, folder)
    for name, edit in edits.items():
        before = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(edit(before), encoding="utf-8")
        assert (folder / name).read_text(encoding="utf-8") != before
    return folder


def task(world: World, code: str) -> Task:
    return world.by_code(code)


@pytest.mark.parametrize(
    ("name", "opened", "due"),
    [
        ("trading", "2026-11-20 11:00", "2026-11-20 13:30"),  # the lunch break is not counted
        ("service_hours", "2026-11-20 11:00", "2026-11-20 13:30"),
        ("always", "2026-11-20 11:00", "2026-11-20 12:00"),
        ("service_hours", "2026-10-09 16:30", "2026-10-10 09:30"),  # a make-up Saturday has service hours
        ("trading", "2026-10-09 14:30", "2026-10-12 10:00"),  # and no trading
        ("workday", "2026-10-09 23:30", "2026-10-10 00:30"),
        ("trading", "2026-09-30 14:30", "2026-10-08 10:00"),  # National Day week
        ("service_hours", "2026-09-30 16:30", "2026-10-08 09:30"),
        ("workday", "2026-09-30 23:30", "2026-10-08 00:30"),
        ("always", "2026-09-30 23:30", "2026-10-01 00:30"),
    ],
)
def test_a_task_counts_in_the_calendar_that_its_line_names(open_on: Callable[..., World], name: str, opened: str, due: str) -> None:
    edits = {} if name == "always" else {FAILURE: in_calendar(IMPACT, name)}
    world = open_on(opened, edits)
    assert task(world, IMPACT).due_at == at(due)
    minutes = (task(world, LOCATE).due_at or at(opened)) - at(opened)
    assert minutes.total_seconds() == 15 * 60, "another line of the same incident runs on, day and night"


def test_progress_is_asked_for_in_service_hours_and_a_claim_at_any_hour(open_on: Callable[..., World]) -> None:
    pauses = 'calendars = { progress = "service_hours" }\nsnooze_count'
    world = open_on("2026-10-09 16:30", {"response.toml": lambda text: text.replace("snooze_count", pauses, 2)})
    mine, other = task(world, IMPACT), task(world, LOCATE)
    world.says("he.lei", f"/认领 {mine.ref}")
    # An hour of service: half of it on Friday, the rest on the make-up Saturday morning.
    assert world.timers(mine.ref)["progress"] == at("2026-10-10 09:30")
    assert world.timers(other.ref)["response"] == at("2026-10-09 16:37:30"), "claims do not wait for the morning"


def shown(world: World) -> dict[str, str]:
    card = world.says("li.na", "/事件 查看").card
    assert card is not None
    return dict(card.lines)


def test_an_important_period_shortens_shows_and_guards(open_on: Callable[..., World]) -> None:
    change = lambda text: text.replace(f'code = "{IMPACT}"', f'code = "{IMPACT}"\nchange = true')  # noqa: E731
    world = open_on("2026-09-29 10:00", {"calendar.toml": more(GUARD), FAILURE: change})
    found = task(world, IMPACT)
    assert found.due_at == at("2026-09-29 10:30"), "an hour, halved"
    assert world.timers(task(world, LOCATE).ref)["response"] == at("2026-09-29 10:03:45"), "half of the shortened due"
    assert world.incident().next_update_at == at("2026-09-29 10:30")
    assert shown(world)["重要时期"] == "国庆重保(至 10-08)"
    assert world.says("li.na", "/我是谁").text.endswith("重要时期:国庆重保(至 10-08)")
    assert (found.approve_first, found.approve) == (True, "lead.head")
    people = world.plans.organization.groups[found.group].everyone
    lines = [dict(world.card(person, "我的任务")["lines"]).get(found.ref, "") for person in people]
    assert max(lines).endswith("须先经 周衡 同意\n国庆重保(至 10-08)期间,非紧急变更须先批准")
    assert not task(world, LOCATE).approve_first
    world.says("he.lei", f"/认领 {found.ref}")
    assert world.says("he.lei", f"/完成 {found.ref} 已改").error == "task.first"
    world.taps("zhou.heng", "同意")
    assert world.says("he.lei", f"/完成 {found.ref} 已改").error is None


def test_outside_the_period_nothing_of_it_is_seen(open_on: Callable[..., World]) -> None:
    change = lambda text: text.replace(f'code = "{IMPACT}"', f'code = "{IMPACT}"\nchange = true')  # noqa: E731
    world = open_on("2026-10-09 10:00", {"calendar.toml": more(GUARD), FAILURE: change})
    assert task(world, IMPACT).due_at == at("2026-10-09 11:00")
    assert not task(world, IMPACT).approve_first
    assert "重要时期" not in shown(world)
    assert "重要时期" not in world.says("li.na", "/我是谁").text


# a table that changes


def summary(world: World) -> Report:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return next(report for report in rows if report.obligation == "csrc_summary")


@pytest.fixture
def new_year(open_on: Callable[..., World]) -> World:
    """Recovered on 29 December; the report five working days later falls into a year that nobody knows."""
    world = open_on("2026-12-29 10:00", {}, SAMPLE_PLAN)
    world.database.write(lambda tx: renew(tx, world.plans, world.clock()))
    for text in (f"/定级 证监会=一般 {MILD}", "/事件 启动", "/事件 恢复 已恢复"):
        assert world.says("li.na", text).error is None, text
    return world


def restarted(world: World, tmp_path: Path, year: str) -> World:
    """The same database under a plan whose calendar has another table."""
    world.clock.pass_time(minutes=1)
    folder = edited(tmp_path / "next", {"calendar.toml": more(year)}, SAMPLE_PLAN)
    again = make_world(world.database, start=world.clock(), plan=folder)
    again.events = world.events  # or what is said would be taken for what was said already
    assert world.database.write(lambda tx: renew(tx, again.plans, again.clock()))
    again.settle()
    return again


def doer(world: World) -> str:
    """Who leads the group that files it."""
    return world.plans.organization.groups[summary(world).group].leaders[0]


def test_a_deadline_in_a_year_without_data_is_provisional_wherever_it_is_shown(new_year: World) -> None:
    found = summary(new_year)
    assert (found.deadline_at, found.provisional) == (at("2027-01-04 17:00"), True)  # 30, 31, 1, 2 and 4: never late
    told = new_year.says("li.na", "/报送 列表").text
    assert f"{found.ref} 证监局事件总结或调查报告 · 待报 · 2027-01-04 17:00(暂定)" in told
    assert any("2027-01-04 17:00(暂定)" in text for text in new_year.direct(doer(new_year)))


def test_later_by_a_new_table_stays_and_is_told_and_two_people_move_it(new_year: World, tmp_path: Path) -> None:
    world = restarted(new_year, tmp_path, NEW_YEAR)
    ref = summary(world).ref
    assert summary(world).deadline_at == at("2027-01-04 17:00"), "never later by itself"
    said = next(text for text in reversed(world.direct("li.na")) if "日历已更新" in text)
    assert f"{ref} 证监局事件总结或调查报告:仍按 2027-01-04 17:00(暂定);按新日历是 2027-01-06 17:00" in said
    assert "作为第二人同意" in world.taps("li.na", f"{ref} 改晚", "国务院通知已公布,按通知改").text
    assert summary(world).deadline_at == at("2027-01-04 17:00"), "until the second person agrees"
    world.taps("zhou.heng", "同意")
    after = summary(world)
    assert (after.deadline_at, after.provisional, after.later_by) == (at("2027-01-06 17:00"), False, "zhou.heng")
    fingerprint = world.plans.current.calendar.fingerprint
    assert world.trail(ref)[-1][2]["calendar"] == fingerprint
    assert world.database.read(lambda tx: tx.get(PlanRow, f"calendar:{fingerprint}")) is not None
    assert world.says("li.na", f"/报送 改晚 {ref} 还想请求再晚一些可以吗").error == "report.not_later"


def test_earlier_by_a_new_table_is_at_once(new_year: World, tmp_path: Path) -> None:
    world = restarted(new_year, tmp_path, OTHER_YEAR)
    after = summary(world)
    assert (after.deadline_at, after.provisional) == (at("2027-01-03 17:00"), False)
    assert world.trail(after.ref)[-1][1] == "tightened"
    assert any(f"{after.ref} 证监局事件总结或调查报告 时限提前" in text for text in world.direct(doer(world)))
    assert not any("日历已更新" in text for person in ("li.na", doer(world)) for text in world.direct(person))


def test_the_same_table_recomputes_nothing(new_year: World, tmp_path: Path) -> None:
    before = new_year.trail("I1")
    assert not new_year.database.write(lambda tx: renew(tx, new_year.plans, new_year.clock()))
    new_year.settle()
    assert new_year.trail("I1") == before
