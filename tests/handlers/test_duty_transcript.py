"""值班 as people live it: who is on duty, swaps, leave in the middle of an incident, the hand-over, an empty rota, National Day."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage.database import Database
from tests.world import SMALL_PLAN, World, make_world

ZONE = ZoneInfo("Asia/Shanghai")
DAILY = 'kind = "daily"\npeople = ["wang.qiang", "zhao.min", "ma.chao"]\nstart = 2026-03-10'
Story = Callable[..., World]


def rota(lines: str, group: str = "tech") -> tuple[str, str]:
    chats = f'chats = {{ console = "g:{group}" }}'
    return chats, f"{chats}\n\n[[group.duty]]\n{lines}"


def the_plan(folder: Path, *edits: tuple[str, str]) -> Path:
    plan = folder / "plan"
    shutil.copytree(SMALL_PLAN, plan, dirs_exist_ok=True)
    text = (SMALL_PLAN / "organization.toml").read_text("utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (plan / "organization.toml").write_text(text, "utf-8")
    return plan


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")

    def begin(*edits: tuple[str, str], start: str = "2026-03-10 14:00") -> World:
        moment = datetime.fromisoformat(start).replace(tzinfo=ZONE)
        return make_world(database, start=moment, plan=the_plan(tmp_path, *edits))

    yield begin
    database.close()


def last(world: World, person: str, part: str) -> str:
    """The newest words with `part` in this person's direct chat."""
    return next((text for text in reversed(world.direct(person)) if part in text), "")


def test_the_list_and_who(story: Story) -> None:
    world = story(rota(DAILY))
    head, tech, plain = world.says("li.na", "/值班").text.splitlines()
    assert (head, tech) == ("值班(14:00)", "信息技术应急小组:王强,至 03-11 09:00,之后 赵敏")
    assert plain.startswith("未排班、由组长值班:应急领导小组 周衡、应急办(综合协调组) 李娜")
    shown = world.says("li.na", "/值班 信息技术组 3月12日").text.splitlines()
    assert shown[:4] == [
        "值班:信息技术应急小组",
        "每日轮值:王强、赵敏、马超(2026-03-10 起,09:00 交接)",
        "03-12 00:00 至 03-12 09:00 赵敏",
        "03-12 09:00 至 03-13 09:00 马超",
    ]
    assert world.says("zhao.min", "/谁 tech").text.splitlines() == [
        "信息技术应急小组 值班:王强(至 03-11 09:00)",
        "陈波 首席信息官 +86 138 0000 0006(组长)",
        "王强 信息技术部总经理 +86 138 0000 0007(副组长、值班)",
        "赵敏 信息技术部交易系统主管 +86 138 0000 0008",
        "马超 信息技术部系统工程师 +86 138 0000 0009",
    ]


def test_phone_numbers_are_told_one_to_one_and_in_the_control_group_only(story: Story) -> None:
    world = story()
    assert "+86" in world.says("li.na", "/谁 tech", "g:office").text
    elsewhere = world.says("zhao.min", "/谁 tech", "g:tech").text
    assert "+86" not in elsewhere
    assert "陈波 首席信息官(组长、值班)" in elsewhere


def test_who_is_on_duty_commands_and_is_reminded_first(story: Story) -> None:
    world = story(rota('kind = "daily"\npeople = ["sun.jie", "li.na"]\nstart = 2026-03-10', "office"), rota(DAILY))
    world.says("chen.bo", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    assert world.incident().commander == "sun.jie"
    task = next(t for t in world.tasks() if t.group == "tech" and t.due_at)
    world.passes(minutes=8)
    assert any(f"{task.ref} " in text for text in world.direct("wang.qiang") if "次提醒" in text)
    assert not any(f"{task.ref} " in text for text in world.direct("zhao.min") if "次提醒" in text)
    world.sleeps(hours=19)
    world.says("chen.bo", "/事件 上报 类型=系统故障 系统=交易 交易中断")
    assert world.incident("I2").commander == "li.na"


def test_a_swap_holds_at_once_and_can_be_refused(story: Story) -> None:
    world = story(rota(DAILY))
    swapped = world.says("wang.qiang", "/换班 信息技术组 今天 马超")
    assert swapped.text.startswith("已换班,立即生效:W1 换班 信息技术应急小组 09:00 至 03-11 09:00 马超 替 王强")
    assert "值班:马超" in world.says("li.na", "/谁 tech").text.splitlines()[0]
    assert "由你来值,已生效(W1,王强 登记)" in last(world, "ma.chao", "【换班】")
    assert "由你值班(此前 王强)" in last(world, "ma.chao", "【接班】")
    assert world.taps("ma.chao", "不换").text.startswith("已退回")
    assert "马超 接不了" in last(world, "wang.qiang", "【换班】")
    assert "值班:王强" in world.says("li.na", "/谁 tech").text.splitlines()[0]
    assert world.taps("ma.chao", "不换").error is not None
    assert [verb for _, verb, _ in world.trail("W1")] == ["duty_swapped", "duty_refused"]


@pytest.mark.parametrize(
    ("person", "line", "error"),
    [
        ("zhao.min", "/值班 换班 tech 今天 马超", "duty.who"),  # neither their turn nor their group to lead
        ("chen.bo", "/值班 换班 tech 今天 王强", "duty.has_it"),
        ("chen.bo", "/值班 换班 tech 今天 徐静", "duty.stranger"),
        ("chen.bo", "/值班 指定 tech 马超", "duty.until_when"),
        ("chen.bo", "/值班 指定 tech 马超 自=3月12日 至=3月11日", "duty.span"),
        ("chen.bo", "/值班 指定 tech 马超 至=2028-01-01", "duty.too_long"),
        ("xu.jing", "/值班 指定 tech 马超 至=明天", "duty.who"),
        ("wu.di", "/值班 指定 tech 马超 至=明天", "duty.who"),  # the office, but none of its leaders
        ("gao.yuan", "/请假 至=明天 王强", "duty.leave_who"),
        ("gao.yuan", "/交班 小组=tech 看一下", "duty.note_who"),
        ("wang.qiang", "/值班 撤销 W9", "house.not_found"),
        ("li.na", "/值班 tech 2030-01-01", "duty.too_far"),
        ("li.na", "/值班 换班 tech 某天 马超", "error.day"),
        ("li.na", "/请假 至=何时", "error.coming"),
    ],
)
def test_what_is_refused_and_why(story: Story, person: str, line: str, error: str) -> None:
    world = story(rota(DAILY))
    reply = world.says(person, line)
    assert reply.error == error
    assert reply.text


def test_the_same_by_forms(story: Story) -> None:
    world = story(rota(DAILY))
    world.says("wang.qiang", "/值班 信息技术组")
    assert world.taps("wang.qiang", "换班", day="3月13日", person="zhao.min").text.startswith("已换班,立即生效:W1 换班")
    assert world.taps("wang.qiang", "指定值班", person="ma.chao", to="2026-03-11T09:00").text.startswith("已安排:W2 指定")
    away = world.taps("wang.qiang", "请假", from_="2026-03-16T09:00", to="2026-03-17T09:00", person="zhao.min")
    assert away.text.startswith("已登记:W3 请假 赵敏 03-16 09:00 至 03-17 09:00")
    world.says("zhao.min", "/值班 信息技术组")
    labels = [button["label"] for button in world.card("zhao.min", "值班:")["buttons"]]
    assert labels == ["请假", "换班"], "who leads nobody names nobody, and who is not on duty hands nothing over"


def test_a_day_with_two_shifts_asks_whose_turn_it_is(story: Story) -> None:
    day = 'kind = "daily"\nname = "白班"\npeople = ["wang.qiang"]\nstart = 2026-03-10\nhandover = "09:00"\nuntil = "21:00"'
    night = 'kind = "daily"\nname = "夜班"\npeople = ["zhao.min"]\nstart = 2026-03-10\nhandover = "21:00"\nuntil = "09:00"'
    world = story(rota(f"{day}\n\n[[group.duty]]\n{night}"))
    refused = world.says("chen.bo", "/值班 换班 tech 3月12日 马超")
    assert refused.text.startswith("信息技术应急小组那天值班的是 王强、赵敏;替谁请写明")
    assert world.says("chen.bo", "/值班 换班 tech 3月12日 马超 替=赵敏").error is None
    assert "03-12 21:00 至 03-13 09:00 马超" in world.says("li.na", "/值班 tech").text


def test_nobody_is_put_on_duty_over_their_leave(story: Story) -> None:
    world = story(rota(DAILY))
    world.says("ma.chao", "/请假 自=3月12日 至=3月14日")
    refused = world.says("chen.bo", "/值班 指定 tech 马超 自=3月13日 至=3月13日")
    assert refused.error == "duty.on_leave"
    assert refused.text.startswith("马超 03-12 00:00 至 03-15 00:00 请假")


def test_leave_in_the_middle_of_an_incident(story: Story) -> None:
    """The owner of a task goes: the group is told with a button, the owner is left in peace, and back early it is theirs again."""
    world = story(rota(DAILY))
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    task = next(t for t in world.tasks() if t.group == "tech" and t.due_at)
    assert world.says("zhao.min", f"/认领 {task.ref}").error is None
    answer = world.says("zhao.min", "/请假 自=14:10 至=3月12日").text
    assert answer.splitlines()[1] == "信息技术应急小组 03-11 09:00 至 03-12 09:00 王强(原为 赵敏:请假)"
    assert last(world, "wang.qiang", "开始请假") == "", "not yet"
    world.passes(minutes=10)
    assert last(world, "wang.qiang", "开始请假").startswith(f"赵敏 开始请假,手上还有 1 项任务({task.ref})")
    before = [text for text in world.direct("zhao.min") if "次提醒" in text]
    world.passes(hours=2)
    assert [text for text in world.direct("zhao.min") if "次提醒" in text] == before
    assert any(f"{task.ref} " in text for text in world.direct("wang.qiang") if "次提醒" in text)
    assert "赵敏 信息技术部交易系统主管 +86 138 0000 0008(请假中)" in world.says("li.na", "/谁 tech").text
    assert world.taps("wang.qiang", "指派", to="ma.chao").error is None
    assert world.task(task.ref).owner == "ma.chao"
    assert world.says("zhao.min", "/值班 撤销 W1").text.startswith("已撤销")
    assert "请假中" not in world.says("li.na", "/谁 tech").text


def test_the_commander_and_the_approver_go_on_leave(story: Story) -> None:
    world = story()
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    world.says("zhou.heng", "/请假 至=3月12日")
    answer = world.says("li.na", "/请假 至=3月12日")
    assert "应急办(综合协调组) 14:00 至 03-13 00:00 孙洁(原为 李娜:请假)" in answer.text
    assert "仍是 I1 的总指挥" in last(world, "sun.jie", "总指挥")
    assert world.taps("sun.jie", "接手 I1").error is None
    assert world.incident().commander == "sun.jie"
    assert world.says("sun.jie", "/定级 证监会=重大").error is None
    assert world.says("sun.jie", "/事件 启动").error is None
    approval = world.approval("A1")
    assert approval.needed == ("lead.head",)
    assert [text for text in world.direct("lin.yue") if "A1" in text], "the deputy is asked at once"
    assert not [text for text in world.direct("zhou.heng") if "A1" in text]
    assert world.says("zhou.heng", "/同意 A1").error is None, "who is on leave and answers all the same may"


def test_the_hand_over_with_a_note(story: Story) -> None:
    world = story(rota(DAILY))
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    assert world.says("wang.qiang", "/交班 主备已切换,盯一下延迟").text == "已记下,信息技术应急小组交接时送给接班的人。"
    assert last(world, "zhao.min", "交班说明") == ""
    world.sleeps(hours=18, minutes=59)
    assert last(world, "zhao.min", "【接班】") == ""
    world.passes(minutes=1)
    assert last(world, "zhao.min", "【接班】").splitlines() == [
        "【接班】信息技术应急小组 09:00 起由你值班(此前 王强)。",
        "王强 的交班说明:主备已切换,盯一下延迟",
    ]
    lines = [value for _, value in world.card("zhao.min", "接班")["lines"]]
    assert "未结事件 1 起:" in lines
    assert any(line.startswith("· I1 行情中断") for line in lines)
    assert any(line.startswith("本组未完成任务") for line in lines)
    assert last(world, "wang.qiang", "【交班】") == "【交班】信息技术应急小组 09:00 起由 赵敏 值班。"
    assert [verb for _, verb, _ in world.trail("W1")] == ["duty_noted", "duty_delivered"]
    assert "交班说明(王强 03-10 14:00):主备已切换,盯一下延迟" in world.says("li.na", "/值班 tech").text


def test_a_note_after_the_change_is_given_at_once(story: Story) -> None:
    world = story(rota(DAILY))
    world.passes(hours=19)
    assert world.taps("wang.qiang", "写交班说明", "清算文件 21:00 到").text == "已交给 赵敏。"
    assert last(world, "zhao.min", "交班说明") == "【交班说明】信息技术应急小组 王强:清算文件 21:00 到"


def test_a_change_while_the_house_was_down_is_told_once_and_late(story: Story) -> None:
    world = story(rota(DAILY))
    world.sleeps(hours=60)
    assert [text for text in world.direct("ma.chao") if "【接班】" in text] == ["【接班】信息技术应急小组 02:00 起由你值班(此前 王强)。"]
    assert [text for text in world.direct("zhao.min") if "班】" in text] == [], "a turn that nobody was there to hand over"


def test_an_empty_rota_is_told_ahead_and_somebody_stands_in(story: Story) -> None:
    world = story(rota('kind = "weekly"\npeople = []\nstart = 2026-03-09'))
    world.settle()
    control = world.group("g:office", "li.na")
    assert "【值班空档】未来几天有 1 处没有人值班:" in control[-1]
    assert "信息技术应急小组 14:00 至 03-17 14:00 排班里没有人能值班(排班为空),暂由 王强 顶上" in control[-1]
    assert "值班:王强" in world.says("li.na", "/谁 tech").text.splitlines()[0]
    assert "注意:信息技术应急小组" in world.says("li.na", "/值班 tech").text
    world.passes(hours=20)
    control = world.group("g:office", "li.na")
    assert len([text for text in control if "值班空档" in text]) == 2, "once a day"


def test_everybody_on_leave_is_said_at_once_and_an_incident_has_a_commander_all_the_same(story: Story) -> None:
    world = story()
    for person in ("sun.jie", "wu.di", "lin.yue", "zhou.heng"):
        assert world.says(person, "/请假 至=3月11日").error is None
    answer = world.says("li.na", "/请假 至=3月11日").text
    assert "注意:应急办(综合协调组) 14:00 至 03-12 00:00 无人值班(请假)" in answer
    told = "\n".join(world.group("g:office", "wu.di"))
    assert "【值班空档】" in told
    assert "【无人值班】应急办(综合协调组)现在没有人值班" in told
    world.says("chen.bo", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    assert world.incident().commander == "li.na"


def test_the_week_changes_over_national_day(story: Story) -> None:
    weekly = rota('kind = "weekly"\npeople = ["wang.qiang", "zhao.min"]\nstart = 2026-09-21')
    trading = rota('kind = "trading_day"\npeople = ["li.na", "sun.jie", "wu.di"]\nstart = 2026-09-29', "office")
    world = story(weekly, trading, start="2026-09-30 16:00")
    assert world.says("li.na", "/值班").text.splitlines()[1:3] == [
        "应急办(综合协调组):孙洁",
        "信息技术应急小组:赵敏,至 10-05 09:00,之后 王强",
    ]
    world.passes(days=7, hours=16, minutes=59)
    assert last(world, "wang.qiang", "【接班】").startswith("【接班】信息技术应急小组 09:00 起由你值班")
    assert last(world, "wu.di", "【接班】") == "", "8 October 08:59: the holiday was one turn"
    world.passes(minutes=1)
    assert last(world, "wu.di", "【接班】").startswith("【接班】应急办(综合协调组) 09:00 起由你值班(此前 孙洁)")


def test_a_person_who_has_left_the_plan(story: Story, tmp_path: Path) -> None:
    """An override for somebody whom the next plan no longer has: the deputy stands in, and it is said."""
    world = story(rota(DAILY))
    world.says("chen.bo", "/值班 指定 tech 马超 至=3月20日")
    gone = ('id = "ma.chao"', 'id = "ma.chao2"')
    members = ('members = ["zhao.min", "ma.chao"]', 'members = ["zhao.min", "ma.chao2"]')
    people = ('people = ["wang.qiang", "zhao.min", "ma.chao"]', 'people = ["wang.qiang", "zhao.min", "ma.chao2"]')
    others = (('deputy = "ma.chao"', 'deputy = "ma.chao2"'), ('members = ["ma.chao"]', 'members = ["ma.chao2"]'))
    later = make_world(world.database, start=world.clock(), plan=the_plan(tmp_path, gone, members, *others, rota(DAILY.replace(*people))))
    assert "值班:王强" in later.says("li.na", "/谁 tech").text.splitlines()[0]
    assert "不在预案里" in later.says("li.na", "/值班 tech").text
