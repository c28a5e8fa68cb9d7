"""Tasks: 收到, 认领, 进展, 完成 and 核实 are five things; who may do each, and what the others hear."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from storage.rooms import Line
from tests.make import START
from tests.world import World, make_world
from workflows.task import State

OUTAGE = "证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 发帖=2500 转发=4000 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
SMALL = "证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3"
WORST = "证监会=特别重大 平台=9 媒体=央媒 客户=50万 阅读=500万 发帖=9000 热榜=前50 首帖=26 增速=2 负面=90% 投诉=900"


def opened(database: Database) -> World:
    world = make_world(database)
    world.says("li.na", "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断")
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A system failure, just opened: provisional, level 3."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield opened(database)
    database.close()


def ref_of(world: World, code: str) -> str:
    return world.by_code(code).ref


def newest(world: World, person: str) -> Line:
    return next(line for line in reversed(world.lines(world.rooms.direct(person), person)) if not line.author)


# The five things


def test_claim_done_verify_closes_a_task(database: Database) -> None:
    world = opened(database)
    ref = ref_of(world, "failure.locate")

    assert world.says("ma.chao", f"/认领 {ref}").text == (
        f"{ref} 定位故障域并判断能否切换 由你负责,14:15 前完成。做完发 /完成 {ref},有进展发 /进展 {ref} …"
    )
    assert (world.task(ref).state, world.task(ref).owner) == (State.CLAIMED, "ma.chao")
    assert set(world.timers(ref)) == {"progress", "due"}
    assert world.says("zhao.min", f"/认领 {ref}").text == f"{ref} 已由 马超 认领;要换人,由组长发 /任务 指派 {ref} 姓名。"
    assert world.says("ma.chao", f"/认领 {ref}").text == f"{ref} 已经由你负责;做完发 /完成 {ref},有进展发 /进展 {ref} …"
    assert world.says("zhao.min", f"/进展 {ref} 我看看").text == f"{ref} 由 马超 负责,这一步由其本人来做;请联系 马超,或由组长改派。"
    assert world.says("zhao.min", f"/完成 {ref}").text == f"{ref} 由 马超 负责,这一步由其本人来做;请联系 马超,或由组长改派。"
    assert world.says("ma.chao", f"/进展 {ref} 已定位到行情网关").text == f"{ref} 进展已记下,14:15 前完成。"
    assert world.task(ref).state is State.IN_PROGRESS
    assert world.says("ma.chao", f"/进展 {ref}").text == f"请写一句进展,例如:/进展 {ref} 已完成一半。"

    assert world.says("ma.chao", f"/完成 {ref} 能切换").text == f"{ref} 已报完成。请下面其中一人核实,核实后才办结:王强、赵敏。"
    assert set(world.timers(ref)) == {"verify"}
    for verifier in ("wang.qiang", "zhao.min"):
        assert world.direct(verifier)[-1] == f"马超 说 {ref} 定位故障域并判断能否切换 已完成:能切换。请核实或退回。"
    assert world.says("ma.chao", f"/核实 {ref}").text == f"{ref} 是你自己完成的,须由另一人核实;请让同组的人发 /核实 {ref}。"
    assert world.says("wu.di", f"/核实 {ref}").text == f"{ref} 不由你核实;请让该组的其他人核实(发 /任务 缘由 {ref} 看是哪个组)。"

    assert world.taps("wang.qiang", f"核实 {ref}").text == f"{ref} 已核实,完成。"

    task = world.task(ref)
    assert (task.state, task.done_by, task.verified_by) == (State.CLOSED, "ma.chao", "wang.qiang")
    assert world.timers(ref) == {}
    assert [verb for _, verb, _ in world.trail(ref)] == ["opened", "claimed", "progressed", "done", "verified"]


def test_seen_stops_that_message_to_that_person_and_nothing_else(world: World) -> None:
    ref = ref_of(world, "common.evidence")
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/完成 {ref} 已固定")

    world.passes(minutes=20)
    assert world.taps("he.lei", f"收到 {ref}").text == (
        f"知道了,15:20 前不再重复提醒你 {ref};上报到更高一级、有变动、到时限照说,别人照旧。它仍是「待核实」,该办的还要办。"
    )
    assert world.task(ref).state is State.DONE
    assert world.timers(ref) == {"verify": START + timedelta(hours=1)}, "it stops no timer"

    before = {person: len(world.direct(person)) for person in ("he.lei", "chen.bo")}
    world.passes(minutes=42)
    told = {person: [t for t in world.direct(person)[count:] if f"{ref} " in t and "提醒】" in t] for person, count in before.items()}
    assert told["he.lei"] == [], "the one who has seen it is not told the same again"
    assert any("马超 14:00 已报完成,还没有人核实。请核实或退回。" in text for text in told["chen.bo"])

    world.passes(minutes=16)
    later = [text for text in world.direct("he.lei")[before["he.lei"] :] if f"{ref} " in text and "提醒】" in text]
    assert later, "a rung higher is said to all"


def test_a_standing_task_is_answered_round_by_round_until_its_end_has_come(world: World) -> None:
    ref = ref_of(world, "common.opinion_watch")
    assert world.says("gao.yuan", f"/认领 {ref}").text == f"{ref} 舆情监测与取数 由你负责,持续到应急结束。14:30 前报第一轮:/进展 {ref} …"

    world.passes(minutes=25)
    assert world.says("gao.yuan", f"/进展 {ref} 12 帖,阅读 3000").text == f"{ref} 本轮进展已记下,下一轮 14:55 前再报。"
    assert world.task(ref).due_at == START + timedelta(minutes=55)
    assert world.says("gao.yuan", f"/完成 {ref}").text == f"{ref} 是持续任务,要到应急结束才能完成;现在请用 /进展 {ref} … 报这一轮。"
    assert not [b for b in world.card("gao.yuan", "我的任务")["buttons"] if b["label"] == f"完成 {ref}"]

    world.says("li.na", f"/定级 {SMALL}")
    world.says("li.na", "/事件 启动")
    world.says("li.na", "/事件 恢复")
    world.says("li.na", "/事件 结束")
    world.taps("zhou.heng", "同意")
    assert world.says("gao.yuan", f"/完成 {ref} 已平息").error is None
    assert world.taps("xu.jing", f"核实 {ref}").error is None
    assert world.task(ref).state is State.CLOSED


@pytest.mark.parametrize(
    ("grades", "code", "doer", "wrong", "right"),
    [
        (SMALL, "failure.emergency_change", "ma.chao", "chen.bo", "lin.yue"),
        (SMALL, "failure.emergency_change", "ma.chao", "wang.qiang", "zhou.heng"),
        (SMALL, "common.internal_lines", "gao.yuan", "xu.jing", "guo.ping"),
        (OUTAGE, "common.statement", "gao.yuan", "guo.ping", "lin.yue"),
        (WORST, "common.statement", "gao.yuan", "lin.yue", "zhou.heng"),
    ],
)
def test_a_line_with_an_approver_is_closed_by_that_person_only(
    world: World, grades: str, code: str, doer: str, wrong: str, right: str
) -> None:
    world.says("li.na", f"/定级 {grades}")
    ref = ref_of(world, code)
    world.says("wang.qiang" if doer == "ma.chao" else "xu.jing", f"/任务 指派 {ref} {doer}")
    if world.task(ref).waits:
        assert world.taps(right, "同意").error is None
    assert world.says(doer, f"/完成 {ref} 已办").error is None

    assert world.says(wrong, f"/核实 {ref}").text == f"{ref} 不由你核实;请让该组的其他人核实(发 /任务 缘由 {ref} 看是哪个组)。"
    assert world.says(right, f"/核实 {ref}").text == f"{ref} 已核实,完成。"


def test_reject_sends_it_back_with_a_reason(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/完成 {ref}")

    assert world.says("zhao.min", f"/任务 退回 {ref}").text == f"请写明理由,例如:/任务 阻塞 {ref} 等供应商答复。"
    assert world.says("wu.di", f"/任务 退回 {ref} 不行").text == f"{ref} 不由你核实;请让该组的其他人核实(发 /任务 缘由 {ref} 看是哪个组)。"
    assert world.taps("zhao.min", f"退回 {ref}", "没有写结论").text == f"{ref} 已退回 马超。"

    assert world.direct("ma.chao")[-1] == f"赵敏 退回 {ref} 定位故障域并判断能否切换:没有写结论。请继续。"
    task = world.task(ref)
    assert (task.state, task.owner, task.done_by) == (State.IN_PROGRESS, "ma.chao", None)
    assert set(world.timers(ref)) == {"progress", "due"}


# Moving it about


def test_only_the_group_or_a_head_claims(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    assert world.says("wu.di", f"/认领 {ref}").text == "这是系统恢复小组的任务,由该组成员或各组组长认领。"
    assert world.says("he.lei", f"/认领 {ref}").error is None, "the head of another group may help out"


def test_release_gives_it_back_and_the_group_hears(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    assert world.says("ma.chao", f"/放手 {ref}").text == f"{ref} 还没有人认领;请先 /认领 {ref}。"
    world.says("ma.chao", f"/认领 {ref}")
    assert world.says("zhao.min", f"/放手 {ref}").error == "task.not_yours"
    assert world.says("ma.chao", f"/放手 {ref} 要去机房").text == f"{ref} 已放手,小组已通知。"
    assert world.direct("zhao.min")[-1] == f"马超 放手了 {ref} 定位故障域并判断能否切换(14:15 前),现在无人负责,请认领。"
    assert world.task(ref).owner is None
    assert "response" in world.timers(ref)


def test_transfer_and_assign_name_the_next_owner_who_hears_of_it(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    assert world.says("ma.chao", f"/任务 转交 {ref} 赵敏").error == "task.unowned"
    world.says("ma.chao", f"/认领 {ref}")
    assert world.says("zhao.min", f"/任务 转交 {ref} 赵敏").error == "task.not_yours"
    assert world.says("ma.chao", f"/任务 转交 {ref} 赵敏").text == f"{ref} 已转交 赵敏。"
    assert world.direct("zhao.min")[-1] == f"马超 把 {ref} 定位故障域并判断能否切换 交给你,14:15 前完成。"

    assert (
        world.says("fang.qi", f"/任务 指派 {ref} 马超").text
        == "这一步由 应急办(综合协调组),或各组组长、副组长来做;请联系他们(发 /谁 加组名 可查电话)。"
    )
    assert world.says("wang.qiang", f"/任务 指派 {ref} 马朝").text == "预案里没有「马朝」这个人。是不是 马超?"
    assert world.says("wang.qiang", f"/任务 指派 {ref} @马超").text == f"{ref} 已指派给 马超。"
    assert world.task(ref).owner == "ma.chao"
    assert world.direct("ma.chao")[-1].startswith(f"王强 把 {ref} ")
    assert world.says("wang.qiang", f"/任务 指派 {ref} 马超").text == f"{ref} 已经由 马超 负责,不用再指派。"


def test_blocked_tells_whom_it_needs_at_once_and_asks_twice_as_often(world: World) -> None:
    ref = ref_of(world, "failure.switch")
    world.says("ma.chao", f"/认领 {ref}")
    assert world.says("ma.chao", f"/任务 阻塞 {ref}").error == "error.missing"
    assert world.says("zhao.min", f"/任务 阻塞 {ref} 等一下").error == "task.not_yours"

    assert world.says("ma.chao", f"/任务 阻塞 {ref} 需要=罗明 缺机房门禁").text == f"{ref} 已标记受阻,已通知 罗明。"

    assert world.direct("luo.ming")[-1] == f"马超 办 {ref} 启动备份系统或回退 时受阻:缺机房门禁。需要你协助。"
    task = world.task(ref)
    assert (task.state, task.needs, task.owner) == (State.BLOCKED, "luo.ming", "ma.chao")
    assert world.timers(ref)["progress"] == START + timedelta(minutes=30)
    assert world.says("ma.chao", f"/进展 {ref} 门禁已开").error is None
    assert (world.task(ref).state, world.task(ref).needs) == (State.IN_PROGRESS, None)
    assert "加上 需要=姓名" in world.says("ma.chao", f"/任务 阻塞 {ref} 又卡住了").text


def test_add_and_cancel(world: World) -> None:
    assert world.says("wu.di", "/任务 新增 I1 组=客户服务组 时限=40分钟 给大客户逐户打电话").text == (
        "已新增 T12 给大客户逐户打电话,交 客户服务组,14:40 前。"
    )
    assert world.direct("feng.lan")[-1] == "吴迪 给你们组新增 T12 给大客户逐户打电话,14:40 前完成,请认领。"
    task = world.task("T12")
    assert (task.group, task.mandatory, task.due_at) == ("client", True, START + timedelta(minutes=40))
    assert set(world.timers("T12")) == {"response", "due"}
    assert world.says("fang.qi", "/任务 新增 I1 试试").error == "access.group_or_heads"

    assert world.says("liu.yang", "/任务 取消 T12 重复了").text == "必办任务只能由 李娜、周衡、林岳 取消;请联系他们。"
    assert world.says("li.na", "/任务 取消 T12").error == "task.reason"
    assert world.says("li.na", "/任务 取消 T12 与另一项重复").text == "T12 已取消。"
    assert world.timers("T12") == {}
    world.says("liu.yang", "/任务 新增 I1 必办=否 顺手整理话术")
    assert world.says("liu.yang", "/任务 取消 T13 不需要了").error is None, "what is not mandatory a head cancels"


# Snooze


@pytest.mark.parametrize(
    ("grades", "longest", "too_long", "refusal"),
    [
        (SMALL, "24小时", "25小时", "最多推后 1天;请写短一些。"),
        ("证监会=较大", "4小时", "5小时", "最多推后 4小时;请写短一些。"),
        (OUTAGE, "30分钟", "31分钟", "最多推后 30分;请写短一些。"),
    ],
    ids=["l4", "l3", "l2"],
)
def test_snooze_is_capped_by_level_and_by_count(world: World, grades: str, longest: str, too_long: str, refusal: str) -> None:
    world.says("li.na", f"/定级 {grades}")
    ref = ref_of(world, "failure.impact")
    world.says("luo.ming", f"/认领 {ref}")
    assert world.says("luo.ming", f"/任务 稍后 {ref} {too_long} 等数据").text == refusal
    assert world.says("luo.ming", f"/任务 稍后 {ref} {longest}").text == "推后提醒要写理由,例如:/任务 稍后 T3 30分钟 等机房开门。"
    assert world.says("deng.hui", f"/任务 稍后 {ref} 10分钟 等数据").error == "task.not_yours"

    reply = world.says("luo.ming", f"/任务 稍后 {ref} {longest} 等清算出数")

    assert reply.error is None
    assert "前不再提醒;到点接着走。" in reply.text
    task = world.task(ref)
    assert task.state is State.CLAIMED, "a flag with an end, not a state"
    assert task.snoozed_until is not None
    assert min(world.timers(ref).values()) == task.snoozed_until
    for _ in range(2):
        assert world.says("luo.ming", f"/任务 稍后 {ref} 10分钟 再等等").error is None
    assert (
        world.says("luo.ming", f"/任务 稍后 {ref} 10分钟 再等等").text
        == "已推后 3 次,不能再推;请报进展,办不了请发 /任务 阻塞 加编号和原因。"
    )


def test_no_snooze_at_level_one(world: World) -> None:
    world.says("li.na", f"/定级 {WORST}")
    ref = ref_of(world, "failure.impact")
    world.says("luo.ming", f"/认领 {ref}")
    assert world.says("luo.ming", f"/任务 稍后 {ref} 5分钟 等数据").text == "一级响应期间不能推后提醒;办不了请发 /任务 阻塞 加编号和原因。"


# Short ways and old cards


def test_a_bare_word_in_reply_to_the_bots_card(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    world.says("zhao.min", f"/任务 指派 {ref} 马超")
    card = newest(world, "ma.chao")

    assert world.says("ma.chao", "进展 已定位", reply_to=card.id).text == f"{ref} 进展已记下,14:15 前完成。"
    assert world.says("ma.chao", "完成", reply_to=card.id).text.startswith(f"{ref} 已报完成。")
    assert world.task(ref).state is State.DONE
    assert world.says("zhao.min", "核实", reply_to=newest(world, "zhao.min").id).text == f"{ref} 已核实,完成。"


def test_a_bare_word_never_guesses_among_several_tasks(world: World) -> None:
    mine = next(line for line in world.lines("dm:zhao.min", "zhao.min") if "你有" in line.text)
    assert world.says("zhao.min", "认领", reply_to=mine.id).text == "请写明是哪项任务,例如 T3;或回复那张任务卡片。"
    assert not [task for task in world.tasks() if task.owner]


def test_words_that_only_look_like_commands_are_left_alone(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    world.says("zhao.min", f"/任务 指派 {ref} 马超")
    reply = world.road.ask(world.message("ma.chao", "完成了吗?", "g:recovery"))
    assert (reply.text, world.task(ref).state) == ("", State.CLAIMED)


def test_an_old_card_says_who_was_faster_and_does_nothing(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    old = world.button("zhao.min", f"认领 {ref}")
    world.passes(seconds=30)
    world.says("ma.chao", f"/认领 {ref}")
    before = world.task(ref)

    chat, message, button = old
    event = world.message("zhao.min", button["command"], chat, kind="click", version=button["version"], reply_to=message)
    reply = world.road.ask(event)

    assert reply.text == "已由 马超 于 14:00 认领,这个按钮已过时;请看最新的卡片。"
    assert reply.card is not None, "the answer brings the card as it is now"
    assert world.task(ref) == before
    assert world.trail("P:zhao.min")[-1][2]["reason"] == "house.stale"
    world.settle()
    with pytest.raises(AssertionError):
        world.button("zhao.min", f"认领 {ref}")


# Reading


def test_list_mine_and_why(world: World) -> None:
    ref = ref_of(world, "failure.locate")
    world.says("ma.chao", f"/认领 {ref}")

    listed = world.says("wu.di", "/任务 列表 I1").text.splitlines()
    assert listed[0] == "I1 行情中断:任务 11 项"
    assert f"{ref} 定位故障域并判断能否切换 · 已认领 · 马超 · 14:15" in listed
    mine = world.says("ma.chao", "/我的").text
    assert f"{ref} 定位故障域并判断能否切换 · 已认领 · 马超 · 14:15" in mine
    assert "固定证据" in mine, "what nobody in their group has is theirs to see"
    assert "舆情监测" not in mine
    why = world.says("ma.chao", f"/任务 缘由 {ref}").text.splitlines()
    assert why[0] == f"{ref} 定位故障域并判断能否切换"
    assert why[1] == "来自:预案「系统故障」(系统恢复小组)", "codes are not for people"
    assert why[2] == "完成标准:切/不切的结论与理由"
    assert why[3] == "时限:14:15(从开事件起算,三级响应)"
    assert why[4] == "至今没有提醒过。"
    assert why[6] == "· 14:05 到期提醒,第1级/共4级(负责人) → 马超(负责人),私信"


def test_only_those_who_may_verify_see_it_as_theirs(world: World) -> None:
    world.says("li.na", f"/定级 {SMALL}")
    ref = ref_of(world, "common.internal_lines")
    world.says("gao.yuan", f"/认领 {ref}")
    world.says("gao.yuan", f"/完成 {ref} 已下发")
    assert ref not in world.says("xu.jing", "/我的").text
    assert ref in world.says("guo.ping", "/我的").text, "compliance checks it without being in the group"
    assert world.button("guo.ping", f"核实 {ref}")[2]["command"] == f"/task verify {ref}"


def test_no_task_is_added_to_what_is_over(world: World) -> None:
    world.says("li.na", f"/定级 {SMALL}")
    for text in ("/事件 启动", "/事件 恢复", "/事件 结束"):
        world.says("li.na", text)
    world.taps("zhou.heng", "同意")
    assert world.says("li.na", "/任务 新增 I1 再查一遍").text == "I1 应急已结束,不能再加任务;需要时先重开。"
