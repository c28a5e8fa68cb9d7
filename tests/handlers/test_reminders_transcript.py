"""The watchman's rounds: who hears what, when, how often, and what the message promises to happen next."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select

from storage.database import Database
from storage.rooms import Line
from storage.tables.queues import OutboxRow
from tests.make import START
from tests.world import SMALL_PLAN, World, make_world
from workflows.task import EXHAUSTED, State, Task

SHANGHAI = ZoneInfo("Asia/Shanghai")
SMALL = "证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
MIDDLE = "证监会=较大 平台=3 阅读=2万 投诉=30"
OUTAGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
WORST = "证监会=特别重大 平台=9 媒体=央媒 客户=50万 阅读=500万 发帖=9000 热榜=前50 首帖=26 增速=2 负面=90% 投诉=900"
IMPACT = "算影响(客户数、委托笔数、延迟、起止时刻,只计交易时段)"


def opened(database: Database, grades: str = "", plan: Path = SMALL_PLAN) -> World:
    world = make_world(database, plan=plan)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    if grades:
        assert world.says("li.na", f"/定级 {grades}").error is None
    return world


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield database
    database.close()


def told(world: World, ref: str) -> list[tuple[str, str, str]]:
    """(time, person or `control`, words) of every reminder about a task as it was sent, in order; one in a bundle is its own line."""
    found: dict[tuple[str, str, str], None] = {}
    query = select(OutboxRow).where(col(OutboxRow.kind) == "notice", col(OutboxRow.message_id).is_not(None))
    for row in world.database.read(lambda tx: tx.exec(query).all()):
        if row.about["notice"] == "task.mention":  # the same in the incident's chat: tests/bot/test_ladder_ways.py
            continue
        for text in row.said["text"].splitlines() if row.said else ():
            if "次提醒】" + ref + " " in text or (f"{ref} " in text and "逐级提醒到头" in text):
                at = f"{row.finished.astimezone(SHANGHAI):%H:%M}" if row.finished else ""
                found[at, row.recipient or "control", text.split(" ", 1)[1].removeprefix(world.task(ref).title).lstrip(":")] = None
    return sorted(found)


def heard(world: World, ref: str) -> dict[str, list[str]]:
    """Time to those who were told."""
    table: dict[str, list[str]] = {}
    for at, where, _ in told(world, ref):
        table.setdefault(at, [])
        table[at] = sorted({*table[at], where})
    return table


# The ladder


@pytest.mark.parametrize(
    ("grades", "code", "minutes", "ladder"),
    [
        # l4: due 16:00 · half of it is 15:00, the policy 30 min is sooner
        (SMALL, "failure.impact", 125, {"14:30": "heads", "15:00": "li.na", "15:30": "lin.yue", "15:50": "lin.yue", "16:00": "lin.yue"}),
        (
            MIDDLE,
            "failure.impact",
            125,
            {"14:15": "heads", "14:30": "li.na", "14:45": "lead", "14:50": "lead", "15:00": "lead", "15:30": "control", "16:00": "control"},
        ),
        (
            OUTAGE,
            "failure.impact",
            75,
            {
                "14:10": "heads",
                "14:15": "heads",
                "14:20": "li.na",
                "14:30": "lead",
                "14:45": "control",
                "15:00": "control",
                "15:15": "control",
            },
        ),
        (
            WORST,
            "failure.impact",
            45,
            {
                "14:05": "heads",
                "14:10": "li.na",
                "14:15": "lead",
                "14:20": "lead",
                "14:25": "control",
                "14:30": "control",
            },
        ),
    ],
    ids=["l4", "l3", "l2", "l1"],
)
def test_what_nobody_claims_climbs_rung_by_rung_until_the_control_group(
    sqlite: Database, grades: str, code: str, minutes: int, ladder: dict[str, str]
) -> None:
    world = opened(sqlite, grades)
    ref = world.by_code(code).ref
    world.only(ref)
    people = {"heads": ["luo.ming", "yang.fan"], "lead": ["lin.yue", "zhou.heng"], "control": ["control"]}

    world.passes(minutes=minutes)

    found = heard(world, ref)
    for at, rung in ladder.items():
        assert found.get(at) == people.get(rung, [rung]), (at, found)
    assert list(found)[: len(ladder)] == list(ladder), found


def test_the_words_of_each_rung_say_what_to_do_and_what_comes_next(database: Database) -> None:
    world = opened(database, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)

    world.passes(minutes=125)

    words = {(at, where): text for at, where, text in told(world, ref)}
    assert words["14:15", "luo.ming"] == ("还没有人认领,15:00 前要完成(还剩 45分)。请认领,或由组长指派。若无动静,14:30 上报总指挥(李娜)。")
    assert words["14:30", "li.na"] == (
        "还没有人认领,15:00 前要完成(还剩 30分)。请认领,或由组长指派。若无动静,14:45 上报领导小组(周衡、林岳)。"
    )
    assert words["14:45", "zhou.heng"] == ("还没有人认领,15:00 前要完成(还剩 15分)。请认领,或由组长指派。若无动静,15:30 上报应急办值守群。")
    assert words["15:00", "zhou.heng"] == "还没有人认领,时限 15:00 到了。请认领,或由组长指派。若无动静,15:30 上报应急办值守群。"
    assert words["15:30", "control"] == (
        "已逐级提醒到头(第6次),还没有人认领,应在 15:00 前完成,已超时 30分。请认领,或由组长指派。"
        "请马上打电话:杨帆 +86 138 0000 0016、罗明 +86 138 0000 0017。16:00 再提醒。"
    )


def test_the_control_group_is_told_again_and_again_until_it_is_closed(sqlite: Database) -> None:
    world = opened(sqlite, WORST)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.passes(minutes=25)
    before = len(told(world, ref))

    world.passes(minutes=180)

    assert len(told(world, ref)) - before == 18, "at level 1 every ten minutes, without end"
    world.says("luo.ming", f"/认领 {ref}")
    before = len(told(world, ref))
    world.passes(minutes=4)
    assert len(told(world, ref)) == before, "a claim stops the ladder"


def test_at_lighter_levels_the_last_rung_slows_down_but_never_ends(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.passes(hours=20)
    control = [at for at, where, _ in told(world, ref) if where == "control"]
    # 23:30 falls into the quiet hours and comes when they end, within two minutes
    assert control == ["07:31", "09:30", "15:30", "16:00", "16:30", "17:00", "17:30", "19:30", "21:30"]
    assert world.timers(ref), "an open item always has a running timer"


# Due, overdue, progress, verify


def test_the_owner_is_reminded_at_half_time_ten_minutes_before_and_at_the_due(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.says("luo.ming", f"/认领 {ref}")

    world.passes(minutes=61)

    assert told(world, ref) == [
        ("14:31", "luo.ming", "15:00 前要完成(还剩 29分)。请报进展或完成,办不了就报受阻。若无动静,15:30 上报组长(杨帆)。"),
        ("14:50", "luo.ming", "15:00 前要完成(还剩 10分)。请报进展或完成,办不了就报受阻。若无动静,15:30 上报组长(杨帆)。"),
        ("15:00", "luo.ming", "时限 15:00 到了。请报进展或完成,办不了就报受阻。若无动静,16:00 上报组长(杨帆)。"),
    ]


def test_overdue_repeats_and_climbs_and_the_owner_always_hears(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.says("luo.ming", f"/认领 {ref}")
    world.passes(minutes=242)

    table = heard(world, ref)
    assert [table[at] for at in ("15:30", "16:00", "16:30", "17:00", "17:30", "18:00")] == [
        ["luo.ming"],
        ["luo.ming", "yang.fan"],
        ["luo.ming", "yang.fan"],
        ["li.na", "luo.ming"],
        ["li.na", "luo.ming"],
        ["lin.yue", "luo.ming", "zhou.heng"],
    ]
    words = {(at, where): text for at, where, text in told(world, ref)}
    assert words["17:00", "li.na"] == (
        "罗明 在办,应在 15:00 前完成,已超时 2小时。请过问,必要时改派。若无动静,18:00 上报领导小组(周衡、林岳)。"
    )
    assert words["17:00", "luo.ming"].startswith("应在 15:00 前完成,已超时 2小时。请报进展或完成,办不了就报受阻。")


@pytest.mark.parametrize(
    ("grades", "code", "due", "expected"),
    [
        # five minutes: the response at half time; what would be within two minutes of another is dropped; the due itself stays
        (OUTAGE, "common.rollcall", 5, ["14:02", "14:05"]),
        # ten minutes: −10 min would fall on the creation; half time coincides with the response and is one message
        (MIDDLE, "common.rollcall", 10, ["14:05", "14:10"]),
        (MIDDLE, "failure.locate", 15, ["14:05", "14:07", "14:15"]),
    ],
    ids=["5 min", "10 min", "15 min"],
)
def test_short_dues_are_said_once_each_moment(sqlite: Database, grades: str, code: str, due: int, expected: list[str]) -> None:
    world = opened(sqlite, grades)
    task = world.by_code(code)
    assert task.due_at == START + timedelta(minutes=due)

    world.passes(minutes=due)

    found = heard(world, task.ref)
    assert list(found) == expected
    said = [(at, where) for at, where, _ in told(world, task.ref)]
    assert len(said) == len(set(said)), "nobody is told twice at one moment"


def test_who_reports_nothing_is_asked_and_after_the_grace_it_goes_up(sqlite: Database) -> None:
    world = opened(sqlite, SMALL)
    ref = world.by_code("common.internal_lines").ref  # due 18:00
    world.only(ref)
    world.says("gao.yuan", f"/认领 {ref}")

    world.passes(minutes=152)

    words = {(at, where): text for at, where, text in told(world, ref)}
    # half time of the due and the progress question come at the same moment: one message
    assert words["16:01", "gao.yuan"] == (
        "你已有 2小时1分 没有报进展,18:00 前要完成(还剩 1小时59分)。请报一句。若无动静,16:30 上报组长(徐静)。"
    )
    assert words["16:30", "xu.jing"] == (
        "高原 已有 2小时30分 没有报进展,18:00 前要完成(还剩 1小时30分)。请过问,必要时改派。若无动静,17:00 上报总指挥(李娜)。"
    )
    world.says("gao.yuan", f"/进展 {ref} 初稿已写")
    assert world.timers(ref)["progress"] == world.clock() + timedelta(hours=2)
    assert (world.task(ref).level, world.task(ref).round) == (0, 0)


def test_a_done_task_that_nobody_checks_goes_up_too(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.locate").ref
    world.only(ref)
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/完成 {ref} 可以切换")

    world.passes(minutes=136)

    assert heard(world, ref) == {
        "15:01": ["wang.qiang", "zhao.min"],
        "15:15": ["wang.qiang", "zhao.min"],
        "15:30": ["li.na"],
        "15:45": ["lin.yue", "zhou.heng"],
        "16:15": ["control"],
    }
    words = {(at, where): text for at, where, text in told(world, ref)}
    assert words["15:30", "li.na"] == ("马超 14:00 已报完成,还没有人核实。请核实或退回。若无动静,15:45 上报领导小组(周衡、林岳)。")
    assert "请马上打电话:王强 +86 138 0000 0007、赵敏 +86 138 0000 0008。" in words["16:15", "control"], "whoever can verify, not the doer"
    labels = [button["label"] for button in world.card("li.na", f"{ref} ·")["buttons"]]
    assert f"核实 {ref}" not in labels, "no button that would only be refused"


def test_a_snoozed_task_rests_and_then_goes_on_where_it_was(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.passes(minutes=31)
    assert heard(world, ref)["14:30"] == ["li.na"]
    world.says("luo.ming", f"/任务 稍后 {ref} 到15:20 等清算出数")

    world.passes(minutes=48)
    assert max(heard(world, ref)) == "14:30"

    world.passes(minutes=3)
    assert heard(world, ref)["15:20"] == ["lin.yue", "zhou.heng"], "the next rung, not the first one again"
    (text,) = {text for at, _, text in told(world, ref) if at == "15:20"}
    assert text.startswith("还没有人认领,应在 15:00 前完成,已超时 20分。")
    assert "系统中断过" not in text, "resting is not an outage"


# Quiet enough to be read


def test_one_live_reminder_per_item_the_older_ones_are_marked_replaced(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.says("luo.ming", f"/认领 {ref}")
    world.passes(minutes=151)
    direct = world.rooms.direct("luo.ming")
    states = [line.state for room, line in world.seen_by("luo.ming") if room == direct and f"次提醒】{ref} " in line.text]
    assert len(states) >= 4
    assert states[:-1] == ["superseded"] * (len(states) - 1)
    assert states[-1] == "live"


def test_several_reminders_of_one_person_are_one_message(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    first, second = world.by_code("failure.switch").ref, world.by_code("failure.impact").ref
    for ref in (first, second):
        world.says("wang.qiang", f"/任务 指派 {ref} 马超")
    count = len(world.direct("ma.chao"))

    world.passes(minutes=31)

    (bundled,) = [text for text in world.direct("ma.chao")[count:] if f"提醒】{second} " in text]
    lines = bundled.splitlines()
    assert lines[0] == "2 项要处理"
    assert {line.split("】")[1].split(" ")[0] for line in lines[1:]} == {first, second}


def test_nothing_is_said_about_what_was_done_meanwhile(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.says("luo.ming", f"/认领 {ref}")
    world.passes(minutes=30)
    world.says("luo.ming", f"/完成 {ref} 已算出")  # while the held reminder still waits to be bundled
    world.passes(minutes=20)
    assert [where for _, where, _ in told(world, ref) if where == "luo.ming"] == []


def test_a_task_goes_quiet_when_it_is_closed_and_the_incident_when_it_is_archived(sqlite: Database) -> None:
    world = opened(sqlite, SMALL)
    for text in ("/事件 启动", "/事件 恢复", "/事件 结束"):
        world.says("li.na", text)
    world.taps("zhou.heng", "同意")
    world.says("zhou.heng", "/事件 归档 I1 强制=演示用,剩余任务均不再需要")
    count = {person: len(world.seen_by(person)) for person in world.plans.organization.people}
    world.passes(hours=8)
    assert {person: len(world.seen_by(person)) for person in world.plans.organization.people} == count


# The promised update


def test_the_promised_update_is_asked_for_and_the_silence_goes_up(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    world.only("I1")
    world.passes(minutes=61)
    asked = "I1 行情中断:约定的通报时间到了(第 1 次提醒)。请发一句进展;下次 15:30 再问。"
    assert asked in world.direct("li.na")
    assert asked not in world.direct("sun.jie")

    world.passes(minutes=30)
    assert [text for text in world.direct("sun.jie") if "第 2 次提醒" in text]
    world.passes(minutes=30)
    assert [text for text in world.direct("zhou.heng") if "约定的通报时间到了(第 3 次提醒)" in text]

    world.taps("li.na", "通报进展", "备用线路已通")
    assert world.incident().silent_rounds == 0
    assert world.timers("I1")["cadence"] == world.clock() + timedelta(hours=1)


# Outages and holes in the plan


def test_after_an_outage_one_late_message_says_how_many_rounds_it_stands_for(database: Database) -> None:
    world = opened(database, WORST)
    ref = world.by_code("failure.impact").ref
    world.only(ref)
    world.passes(minutes=35)
    before = len(told(world, ref))

    world.sleeps(minutes=40)

    (late,) = told(world, ref)[before:]
    assert late[:2] == ("15:15", "control")
    assert "(系统中断过,4 次提醒合为这一次。)" in late[2]
    assert world.timers(ref)["overdue"] == world.clock() + timedelta(minutes=10), "and then it goes on as before"


def test_an_outage_over_several_rungs_jumps_to_the_one_that_would_have_been_reached(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref

    world.sleeps(minutes=62)

    late = told(world, ref)
    assert {(at, where) for at, where, _ in late} == {("15:02", "lin.yue"), ("15:02", "zhou.heng")}
    assert len({text for _, _, text in late}) == 1
    assert "应在 15:00 前完成,已超时 2分" in late[0][2]
    assert "系统中断过" in late[0][2]


def test_an_owner_is_told_once_after_an_outage(sqlite: Database) -> None:
    world = opened(sqlite, MIDDLE)
    ref = world.by_code("failure.impact").ref
    world.says("luo.ming", f"/认领 {ref}")
    world.sleeps(minutes=95)
    assert [(at, where) for at, where, _ in told(world, ref)] == [("15:35", "luo.ming")]


def test_a_rung_that_names_nobody_is_skipped_and_the_control_group_is_told(sqlite: Database, tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    shutil.copytree(SMALL_PLAN, plan)
    organization = (plan / "organization.toml").read_text(encoding="utf-8")
    (plan / "organization.toml").write_text(organization.replace('head = "yang.fan"\ndeputy = "luo.ming"', 'head = "yang.fan"'), "utf-8")
    response = (plan / "response.toml").read_text(encoding="utf-8")
    (plan / "response.toml").write_text(response.replace('to = ["group.head", "group.deputy"]', 'to = ["group.deputy"]'), "utf-8")
    world = opened(sqlite, MIDDLE, plan=plan)
    ref = world.by_code("failure.impact").ref

    world.passes(minutes=16)

    assert heard(world, ref) == {"14:15": ["li.na"]}, "the next rung hears at once"
    assert f"{ref} {IMPACT}:上报对象「副组长」在预案里没有人,已直接上报下一级。请补预案。" in world.group("g:office", "wu.di")


def test_an_item_in_bundles_stands_in_the_newest_only_and_the_others_lose_its_line(sqlite: Database) -> None:
    world = opened(sqlite, OUTAGE)
    bundled = set()
    for _ in range(8):
        world.passes(minutes=5)
        live = [line.text for line in reminded(world, "wang.qiang") if line.state == "live"]
        bundled |= {text.splitlines()[0] for text in live if len(text.splitlines()) > 1}
        items = [item for text in live for item in re.findall(r"次提醒】(T\d+) ", text)]
        assert len(items) == len(set(items)), f"one live reminder per item: {live}"
    assert bundled, "several of his tasks were silent together"
    silent = {task.ref for task in world.tasks() if any(f"】{task.ref} " in line.text for line in reminded(world, "wang.qiang"))}
    assert silent <= set(items), "and none without one"
    for line in reminded(world, "wang.qiang"):
        count = line.text.count("次提醒】")
        assert count == 1 or line.text.startswith(f"{count} 项要处理"), "the head of a bundle goes down with it"


def reminded(world: World, person: str) -> list[Line]:
    return [line for line in world.lines(world.rooms.direct(person), person) if "次提醒】" in line.text]


def test_an_answered_reminder_does_not_stay_live(sqlite: Database) -> None:
    world = opened(sqlite, OUTAGE)
    world.passes(minutes=12)
    ref = world.by_code("failure.locate").ref
    world.says("wang.qiang", f"/认领 {ref}")
    for person in world.plans.organization.people:
        about_it = [line for _, line in world.seen_by(person) if f"次提醒】{ref} " in line.text]
        assert all(line.state == "superseded" for line in about_it), person


def test_of_several_reminders_of_an_approval_only_the_newest_is_live(sqlite: Database) -> None:
    world = opened(sqlite, OUTAGE)
    world.says("li.na", "/事件 启动")
    world.passes(minutes=40)
    reminders = [line for _, line in world.seen_by("zhou.heng") if "A1" in line.text and "次提醒" in line.text]
    assert len(reminders) > 1
    assert [line.state for line in reminders] == ["superseded"] * (len(reminders) - 1) + ["live"]
    world.says("zhou.heng", "/同意 A1")
    after = [line for _, line in world.seen_by("zhou.heng") if "A1" in line.text and "次提醒" in line.text]
    assert {line.state for line in after} == {"superseded"}, "it is decided"


def test_a_bundle_is_changed_once_when_the_next_one_replaces_it(sqlite: Database) -> None:
    """A messenger counts every edit: not one for each of its items."""
    world = opened(sqlite, WORST)
    world.passes(hours=2)
    rows = sqlite.read(lambda tx: tx.exec(select(OutboxRow)).all())
    replaced = Counter(row.message_id for row in rows if row.kind == "notice" and row.superseded)
    edits = Counter(
        (row.about["message_id"], row.created) for row in rows if row.kind == "supersede" and replaced[row.about["message_id"]] > 2
    )
    assert len(edits) > 10, "messages of several items, all of them replaced"
    assert set(edits.values()) == {1}


# ---- nobody answers any more


def exhausted_tasks(world: World) -> list[Task]:
    return [task for task in world.tasks() if task.code == EXHAUSTED]


def test_a_ladder_that_has_come_to_its_end_is_an_item_of_its_own_until_somebody_answers(sqlite: Database) -> None:
    world = make_world(sqlite)
    world.says("li.na", "/incident open 行情中断")
    others = world.tasks()
    world.only(*(task.ref for task in others[:3]))
    world.passes(hours=22)
    (item,) = exhausted_tasks(world)  # one for all of them
    assert (item.group, item.mandatory, item.state) == ("office", False, State.OPEN)
    assert "打电话" in item.title
    assert item.created_at > others[0].created_at
    assert world.timers(item.ref), "it is told of like any other"
    assert "系统新增" in world.says("li.na", f"/task why {item.ref}").text
    assert world.says("sun.jie", f"/task claim {item.ref}").error is None
    for task in others:
        if (world.task(task.ref).live) and task.mandatory:
            head = world.plans.organization.groups[task.group].head
            assert world.says(head, f"/task claim {task.ref}").error is None
    for task in world.tasks():
        if task.live and task.owner is None:
            world.says(world.plans.organization.groups[task.group].head, f"/task claim {task.ref}")
    world.passes(hours=3)
    assert world.task(item.ref).state is State.CLOSED, "all of them are claimed: it is over by itself"
    assert [verb for _, verb, _ in world.trail(item.ref)][-1] == "fulfilled"
