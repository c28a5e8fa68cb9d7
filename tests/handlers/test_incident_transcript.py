"""An incident from the first word to the archive, as people type, tap and read it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from tests.make import START
from tests.world import World, make_world
from workflows.incident import State

LEADERS = ("zhou.heng", "lin.yue")
REASON = "剩余任务已在线下办完,责任由我承担"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database)
    database.close()


def opened(world: World, text: str = "/事件 上报 类型=系统故障 系统=行情 发生=13:50 行情中断") -> None:
    assert world.says("li.na", text).error is None


def at_level_four(world: World) -> None:
    """A full grading of a small matter."""
    reply = world.says("li.na", "/定级 证监会=一般 平台=1 媒体=自媒体 客户=12 阅读=800 发帖=6 热榜=无 首帖=1 增速=1 负面=50% 投诉=3")
    assert "四级响应" in reply.text


def all_done(world: World) -> None:
    """Every task that a person has to do is done by one of its group and verified by whoever may."""
    organization = world.plans.organization
    for task in world.tasks():
        if not task.live or (task.standing and world.incident().ended_at is None):
            continue
        owner = organization.groups[task.group].head
        assert world.says(owner, f"/认领 {task.ref}").error is None
        if world.task(task.ref).waits:
            world.taps("lin.yue", "同意")
        assert world.says(owner, f"/完成 {task.ref} 已办").error is None
        checker = next(p for p in organization.people if any(f"说 {task.ref} " in text for text in world.direct(p)))
        assert world.says(checker, f"/核实 {task.ref}").error is None


# Opening


def test_a_bare_open_opens_at_once_and_says_what_is_missing_and_what_comes_next(world: World) -> None:
    reply = world.says("wu.di", "/事件 上报")

    assert reply.text == (
        "已开 I1「(尚未填写标题)」(INC-20260310-001),三级响应(暂定)。总指挥 李娜。\n"
        "5 项任务已分到各组,各人有一张任务卡。正在建群,事件卡片会发到群里。\n"
        "首报还缺:类型、系统、发生时间、地点、初步损失、报告人。补充:/事件 事实 I1 类型=… 系统=… 发生=… 地点=… 损失=… 报告人=…\n"
        "下一步:定级 → /定级 I1 证监会=… 阅读=…(只写已知的)"
    )
    incident = world.incident()
    assert (incident.state, incident.opened_by, incident.commander) == (State.OPEN, "wu.di", "li.na")
    assert incident.provisional
    assert incident.graded_at is None
    assert world.timers("I1") == {"cadence": START + timedelta(hours=1), "rescore": START + timedelta(minutes=30)}
    # a room with the leaders; the card stands there, and with one tap says what kind of incident it is
    room = world.room_of("lin.yue", "INC-20260310-001")
    for person in (*LEADERS, "li.na", "wu.di", "liu.yang", "xu.jing"):
        assert room in [listed.id for listed in world.rooms.rooms_of(person)]
    (card,) = world.group(room, "lin.yue")
    assert card == "【三级响应(暂定)】INC-20260310-001 (尚未填写标题)\n状态 已开,待启动\n查看:/事件 查看 I1"


def test_the_type_given_by_a_tap_hands_out_its_tasks(world: World) -> None:
    world.says("wu.di", "/事件 上报")
    before = {task.ref for task in world.tasks()}

    reply = world.taps("wu.di", "补首报", type="system_failure")

    assert reply.text == "I1 已记下:类型。新增 6 项任务已分到各组。"
    made = [task for task in world.tasks() if task.ref not in before]
    assert {task.group for task in made} == {"recovery", "tech", "client", "business"}
    # who had no card yet gets one and nothing else; who had one is told what is new on it
    assert [text.splitlines()[1] for text in world.direct("yang.fan")] == ["你有 2 项任务"]
    assert world.direct("liu.yang")[-1] == "INC-20260310-001 (尚未填写标题):有 1 项新任务等你们组认领"
    assert world.says("li.na", "/事件 事实 I1 类型=故障").text.startswith("类型已定为 系统故障。")


def test_a_member_who_may_not_set_facts_is_told_who_may(world: World) -> None:
    world.says("wu.di", "/事件 上报")
    reply = world.says("zhao.min", "/事件 事实 I1 地点=上海")  # deputy of recovery: may
    assert reply.error is None
    reply = world.says("feng.lan", "/事件 事实 I1 地点=上海")  # head of fraud: may
    assert reply.error is None
    assert (
        world.says("fang.qi", "/事件 事实 I1 地点=上海").text
        == "这一步由 应急办(综合协调组),或各组组长、副组长来做;请联系他们(发 /谁 加组名 可查电话)。"
    )


def test_what_the_first_report_lacks_is_named_once_on_the_card_and_filled_in_any_width(world: World) -> None:
    world.says("wu.di", "/事件 上报 类型=系统故障 行情中断")
    lines = world.card("wu.di", "三级响应")["lines"]
    assert [value for name, value in lines if name == "首报还缺"] == ["系统、发生时间、地点、初步损失、报告人"]
    assert world.taps("li.na", "补首报", system="行情＝主", place="上海机房", loss="约５０万 左右", at="１３：４０").error is None
    incident = world.incident()
    assert (incident.system, incident.place, incident.loss) == ("行情＝主", "上海机房", "约５０万 左右"), "kept to the letter"
    assert incident.occurred_at == START - timedelta(minutes=20)
    lines = dict(world.card("wu.di", "三级响应")["lines"])
    assert (lines["地点"], lines["首报还缺"]) == ("上海机房", "报告人")
    assert "初步损失" not in lines, "sums are not for the open room"
    world.says("li.na", "/事件 事实 报告人=值班员")
    assert "首报还缺" not in dict(world.card("wu.di", "三级响应")["lines"])
    asked = world.says("wu.di", "/事件 查看").card
    assert asked is not None
    lines = dict(asked.lines)
    assert (lines["初步损失"], lines["报告人"]) == ("约５０万 左右", "值班员"), "one-to-one they are"
    assert "补首报" not in [button["label"] for button in world.card("wu.di", "三级响应")["buttons"]]


@pytest.mark.parametrize(
    "text",
    [
        "/事件 上报 类型=系统故障 系统=集中交易 地点=上海机房 报告人=值班员 损失=120万 发生=13:50 获知=13:55 集中交易报盘中断",
        "/事件 上报 集中交易报盘中断 类型=系统故障 系统=集中交易 地点=上海机房 报告人=值班员 损失=120万 发生=10分钟前 获知=13:55",
        "/事件 上报 类型=系统故障 系统=集中交易 集中交易报盘中断 地点=上海机房 报告人=值班员 损失=120万 发生=13:50 获知=5分钟前",
        "／事件　上报　类型＝系统故障　系统＝集中交易　地点＝上海机房　报告人＝值班员　损失＝120万　"
        "发生＝１３：５０　获知＝13:55　集中交易报盘中断",
        "上报 类型=故障 系统=集中交易 地点=上海机房 报告人=值班员 损失=120万 发生=13:50 获知=13:55 集中交易报盘中断",
        "/incident open type=system_failure system=集中交易 place=上海机房 reporter=值班员 loss=120万 at=13:50 known=13:55 "
        "集中交易报盘中断",
    ],
    ids=["keys first", "title first", "title between", "full width", "short form", "english"],
)
def test_open_with_everything_however_it_is_typed(world: World, text: str) -> None:
    reply = world.says("li.na", text)

    assert "还缺" not in reply.text
    incident = world.incident()
    assert (incident.title, incident.type, incident.system) == ("集中交易报盘中断", "system_failure", "集中交易")
    assert (incident.place, incident.reporter, incident.loss) == ("上海机房", "值班员", "120万")
    assert (incident.occurred_at, incident.known_at) == (START - timedelta(minutes=10), START - timedelta(minutes=5))
    assert incident.playbooks == ("common", "system_failure")


def test_a_time_in_the_future_opens_nothing(world: World) -> None:
    assert world.says("li.na", "/事件 上报 获知=2026-03-11 09:00 行情中断").text == "时间不能晚于现在;请检查 发生= 或 获知=。"
    assert world.says("li.na", "/事件 列表").text == "未归档的事件 0 起:"


def test_opened_in_a_group_binds_that_group(world: World) -> None:
    reply = world.says("sun.jie", "/事件 上报 行情中断", room="g:office")

    assert "本群已关联,消息都发到这里。" in reply.text
    assert world.group("g:office", "wu.di")[-1].startswith("【三级响应(暂定)】INC-20260310-001 行情中断")
    assert not [room for room in world.rooms.rooms_of("zhou.heng") if "INC" in room.name]
    # in an incident's chat its ref may be left out
    assert world.says("sun.jie", "/事件 进展 已切换备用行情源", room="g:office").ref == "I1"
    # a second incident in the same chat gets a room of its own
    assert "正在建群" in world.says("wu.di", "/事件 上报 又一起", room="g:office").text


def test_opened_in_the_chat_of_a_group_it_has_a_room_where_it_is_run_besides(world: World) -> None:
    reply = world.says("wang.qiang", "/事件 上报 行情中断", room="g:tech")

    assert "本群已关联,只显示本群该看的内容;另在建事件群,处置在那里进行。" in reply.text
    assert "下一步:由应急办或舆情组定级。" in reply.text
    assert world.group("g:tech", "ma.chao")[-1].startswith("【三级响应(暂定)】INC-20260310-001 行情中断")
    assert len([room for room in world.rooms.rooms_of("zhou.heng") if "INC" in room.name]) == 1
    assert world.says("wang.qiang", "/事件 进展 已切换备用行情源", room="g:tech").ref == "I1"
    assert "正在建群" in world.says("ma.chao", "/事件 上报 又一起", room="g:tech").text


def test_a_drill_has_a_number_of_its_own(world: World) -> None:
    assert "DRL-20260310-001" in world.says("li.na", "/事件 上报 演练=是 断网演练").text
    assert world.card("li.na", "DRL-20260310-001")["drill"] is True


def test_a_guest_gets_one_sentence_and_the_refusal_is_recorded(world: World) -> None:
    reply = world.road.ask(world.message("clerk.042", "/事件 列表", "dm:clerk.042"))

    assert reply.text == "你不在应急预案名单里,不能使用这个命令;请电话联系应急办。"
    assert world.trail("P:console:clerk.042") == [
        ("console:clerk.042", "refused", {"command": "incident list", "reason": "access.member", "refs": []})
    ]


# Command, facts, chats, reading


def test_command_changes_hands(world: World) -> None:
    opened(world)
    room = world.room_of("zhou.heng", "INC")

    assert world.says("sun.jie", "/事件 接手 I1 李娜在路上").text == "你现在是 I1 的总指挥,群里已通知。"
    assert world.incident().commander == "sun.jie"
    assert world.direct("li.na")[-1] == world.group(room, "zhou.heng")[-1] == "I1 总指挥现为 孙洁(孙洁)。李娜在路上"
    assert world.says("sun.jie", "/事件 接手 I1").text == "孙洁 已经是总指挥。"
    assert world.says("sun.jie", "/事件 交接 I1 李娜 备注=我去现场").text == "I1 的总指挥已交给 李娜,已通知本人和群里。"
    assert world.incident().commander == "li.na"
    assert "这一步由 应急办(综合协调组)" in world.says("wang.qiang", "/事件 接手 I1").text
    assert [verb for _, verb, _ in world.trail("I1")][-2:] == ["taken", "handed_over"]


def test_facts_updates_and_the_timeline(world: World) -> None:
    world.says("li.na", "/事件 上报 行情中断")

    assert world.says("li.na", "/事件 事实 系统=行情 发生=13:45 影响交易=是 受影响委托=1.2万 原因=线路中断").text == (
        "I1 已记下:系统、发生时间、影响交易、受影响委托笔数、原因。"
    )
    incident = world.incident()
    assert incident.facts == world.plans.current.facts.starting(()) | {
        "affects_trading": True,
        "orders_affected": 12000,
        "cause": "线路中断",
    }
    assert (incident.occurred_at, incident.confirmed_at) == (START - timedelta(minutes=15), START)
    assert world.says("li.na", "/事件 事实 I1").text == "没有要记的内容。例如:/事件 事实 系统=行情 类型=系统故障。"

    world.passes(minutes=10)
    assert world.says("ma.chao", "/事件 进展 备用线路已通,正在验证").text == "已记入 I1 时间线并发到群里。下次通报 15:10。"
    room = world.room_of("li.na", "INC")
    assert world.group(room, "li.na")[-1] == "I1 进展(马超):备用线路已通,正在验证\n下次通报 15:10"
    assert world.timers("I1")["cadence"] == START + timedelta(minutes=70)
    timeline = world.says("li.na", "/事件 时间线 I1").text.splitlines()
    assert timeline[0] == "I1 INC-20260310-001 行情中断 时间线:"
    assert timeline[1] == "14:00 李娜 开立 I1"
    assert "14:00 李娜 开立 T1、T2、T3、T4、T5" in timeline
    assert "14:00 李娜 记录事实 I1 系统=行情、影响交易=是、受影响委托笔数=1.2万、原因=线路中断" in timeline
    assert "14:10 马超 通报进展 I1 备用线路已通,正在验证" in timeline


def test_list_and_show(world: World) -> None:
    opened(world)
    world.says("li.na", "/事件 上报 系统=官网 官网打不开")

    listed = world.says("zhao.min", "/事件 列表").text.splitlines()
    assert listed[0] == "未归档的事件 2 起:"
    assert set(listed[1:]) == {
        "I1 INC-20260310-001 行情中断 · 已开,待启动 · 三级响应 · 14:00 起",
        "I2 INC-20260310-002 官网打不开 · 已开,待启动 · 三级响应 · 14:00 起",
    }
    shown = world.says("zhao.min", "/事件 查看 I1")
    assert shown.card is not None
    lines = dict(shown.card.lines)
    assert lines["状态"] == "已开,待启动 · 发生 13:50,已 10分"
    assert lines["舆情"] == "中度 8/16(事件2、范围2、传播2、态势2)"
    assert lines["级别"] == "证监会 未研判 · 网信 未研判"
    assert lines["任务"] == "完成 0/11 · 待核实 0 · 超时 0 · 无人负责 11"
    assert lines["下一步"] == "无人负责:建群、点名、确认值班与记录员(T1,14:10 前)"
    assert lines["下次通报"] == "15:00"
    assert world.says("zhao.min", "/事件 查看 I9").text == "没有 I9,或你看不到它;请核对编号,或发 /事件 列表 查看。"
    # with two open incidents a direct chat has to say which
    assert world.says("zhao.min", "/事件 进展 好了").text == "请写明是哪起事件,例如 I1;或在该事件的群里发。"


def test_bind_and_unbind(world: World) -> None:
    opened(world)
    assert world.says("chen.bo", "/事件 绑定 I1").text == "请在要关联的群里发这条命令;一对一聊天不能关联。"
    assert world.says("ma.chao", "/事件 绑定 I1", room="g:tech").error is None, "deputy of security"
    assert world.says("chen.bo", "/事件 绑定 I1", room="g:tech").text == "本群已经关联 I1,不用再做。"
    world.says("li.na", "/事件 进展 I1 一切正常")
    assert world.group("g:tech", "ma.chao")[-1] == "I1 进展(李娜):一切正常\n下次通报 15:00"
    assert world.says("chen.bo", "/事件 解绑 I1", room="g:tech").text == "本群不再关联 I1。"
    world.says("li.na", "/事件 进展 I1 第二条")
    assert "第二条" not in "".join(world.group("g:tech", "ma.chao"))
    assert world.says("chen.bo", "/事件 解绑 I1", room="g:tech").text == "本群没有关联 I1。"
    assert (
        world.says("fang.qi", "/事件 解绑 I1").text
        == "这一步由 应急办(综合协调组),或各组组长、副组长来做;请联系他们(发 /谁 加组名 可查电话)。"
    )


# Moves


def test_recovered_is_said_by_the_commander_only_and_hands_out_what_follows(world: World) -> None:
    opened(world)
    at_level_four(world)
    assert (
        world.says("li.na", "/事件 恢复").text
        == "这项事件现在是「已开,待启动」,不能宣布恢复。预案还没有启动:应急办先发 /事件 启动,批准后再做这一步。"
    )
    world.says("li.na", "/事件 启动")
    assert world.says("sun.jie", "/事件 恢复 I1").text == "只有总指挥 李娜 可以宣布恢复;请联系总指挥,或先 /事件 接手。"

    reply = world.taps("li.na", "已恢复")

    assert reply.text == "I1 已标记恢复。恢复后的 4 项任务已分到各组。下一步:应急办发 /事件 结束 I1,由领导批准。"
    assert world.incident().recovered_at == START
    codes = {task.code for task in world.tasks() if task.clock == "recovered"}
    assert codes == {"common.losses", "common.declare_end", "failure.reconcile", "failure.next_open"}


def test_the_whole_way_to_the_archive(world: World) -> None:
    opened(world)
    at_level_four(world)
    assert world.says("li.na", "/事件 启动").text == "I1 已启动预案,群里已通知。下一步:各组按任务卡处置。"
    all_done(world)
    world.says("li.na", "/事件 恢复 行情已恢复")
    all_done(world)
    assert (
        world.says("li.na", "/事件 归档").text
        == "这项事件现在是「已恢复」,不能归档。要先宣布应急结束:由应急办发 /事件 结束,领导小组批准、收尾任务办完后再归档。"
    )
    assert world.says("li.na", "/事件 结束").text == "已提请审批(A2):周衡、林岳,其中一人同意即可。批准前紧急任务照常进行。"
    assert world.incident().state is State.RECOVERED, "nothing ends before a leader has said so"
    world.taps("lin.yue", "同意")
    assert world.incident().state is State.ENDED
    all_done(world)

    assert world.taps("li.na", "归档").text == "I1(INC-20260310-001)已归档。"

    incident = world.incident()
    assert (incident.state, incident.override_reason) == (State.CLOSED, "")
    assert world.timers("I1") == {}
    assert all(world.timers(task.ref) == {} for task in world.tasks())
    card = world.says("li.na", "/事件 查看 I1").card
    assert card is not None
    assert (card.tone, card.note) == ("good", "值守 14:00 · 已无待办")
    assert [b.label for b in card.buttons] == ["全部任务", "时间线"]


def ended(world: World) -> None:
    opened(world)
    at_level_four(world)
    world.says("li.na", "/事件 启动")
    world.says("li.na", "/事件 恢复")
    world.says("li.na", "/事件 结束")
    world.taps("lin.yue", "同意")


def test_close_is_refused_naming_each_thing_that_is_missing(world: World) -> None:
    ended(world)
    world.says("ma.chao", "/认领 T3")
    reply = world.says("li.na", "/事件 归档")

    assert reply.error == "incident.close_missing"
    lines = reply.text.splitlines()
    assert lines[0].startswith("还不能归档,还差 ")
    assert "T1 建群、点名、确认值班与记录员(待认领,应急办(综合协调组))" in lines
    assert "T3 固定证据(日志、镜像、录屏、链路数据),禁删改(已认领,信息安全小组 马超)" in lines
    assert lines[-1] == "办完再归档。确需强制归档,由领导小组组长发:/事件 归档 I1 强制=理由(不少于 10 个字)。"
    assert world.incident().state is State.ENDED
    assert [verb for _, verb, _ in world.trail("P:li.na")] == ["refused"]


def test_close_by_override_takes_the_head_and_a_reason_that_stays_on_the_card(world: World) -> None:
    ended(world)
    for person in ("li.na", "lin.yue"):
        assert (
            world.says(person, f"/事件 归档 I1 强制={REASON}").text
            == "只有领导小组组长可以强制归档;请把还差的办完,或请组长发 /事件 归档 强制=理由。"
        )
    assert world.says("zhou.heng", "/事件 归档 I1 强制=就这样").text == "强制归档要写明理由(不少于 10 个字),理由会一直显示。"

    assert world.says("zhou.heng", f"/事件 归档 I1 强制={REASON}").error is None

    room = world.room_of("li.na", "INC")
    assert world.group(room, "li.na")[-1] == f"I1 INC-20260310-001 已归档(周衡)。强制归档,理由:{REASON}"
    shown = world.says("li.na", "/事件 查看 I1").card
    assert shown is not None
    assert dict(shown.lines)["强制归档"] == REASON
    assert "取消" in dict(shown.lines)["任务"], "what was left undone is not hidden"
    assert not [task for task in world.tasks() if task.live], "nothing nags after the archive"
    assert world.trail("I1")[-1][2]["left_open"] != []


def test_reopen_restarts_the_clocks_and_brings_back_what_was_left_undone(world: World) -> None:
    ended(world)
    world.says("zhou.heng", f"/事件 归档 I1 强制={REASON}")
    undone = world.by_code("common.evidence")
    assert undone.state == "cancelled"
    world.passes(minutes=90)
    assert world.says("li.na", "/事件 重开 I1 又断").text == "重开要写明理由(不少于 10 个字)。"

    assert world.says("li.na", "/事件 重开 I1 行情再次中断,恢复没有站住脚").text == "I1 已重开,时限从现在重新计算。"

    now, incident = world.clock(), world.incident()
    assert (incident.state, incident.known_at, incident.override_reason) == (State.ACTIVE, now, "")
    assert (incident.recovered_at, incident.ended_at, incident.closed_at) == (None, None, None)
    assert world.timers("I1") == {"cadence": now + timedelta(hours=2), "rescore": now + timedelta(hours=2)}
    again = world.by_code("common.evidence")
    assert (again.state, again.due_at) == ("open", now + timedelta(hours=1))
    assert world.by_code("failure.counterparties").due_at == now + timedelta(hours=1)
    assert world.by_code("common.opinion_watch").live, "standing tasks go on"
    assert not world.by_code("common.losses").live, "it follows recovery, and waits for the next one"
    world.says("li.na", "/事件 恢复 I1")
    assert world.by_code("common.losses").live


# In English


def test_a_whole_run_in_english(database: Database) -> None:
    world = make_world(database, "en")
    assert world.says("wu.di", "/incident open quotes are down system=quotes").text.splitlines() == [
        "Opened I1 “quotes are down” (INC-20260310-001), response level 3 (provisional). Commander: 李娜.",
        "5 tasks are with their groups; each person has one card with theirs. A group chat is being made; the incident's card goes there.",
        "The first report still lacks: type, time it occurred, place, first loss estimate, reporter. "
        "Add it: /incident fact I1 type=… system=… at=… place=… loss=… reporter=…",
        "Next: grade it → /incident grade I1 csrc_grade=… reads_24h=… (only what is known)",
    ]
    assert world.taps("wu.di", "Fill in", type="system_failure").text == "Noted for I1: type. 6 new tasks are with their groups."
    grading = world.says(
        "li.na",
        "/incident grade csrc_grade=larger platforms=6 media_tier=national affected_clients=50k reads_24h=600k hot_list=national "
        "complaints_1h=260",
    ).text.splitlines()
    assert grading[0] == "Grading of I1 “quotes are down”:"
    assert "· Reach 3: Platforms 6 → 3, Media tier national financial media → 3, Affected clients 50,000 → 3" in grading
    assert "Response level: Response level 3 → Response level 2" in grading
    assert (
        world.says("ma.chao", "/incident grade I1 reads_24h=1").text
        == "This is for Emergency office, Public opinion; please ask them (/who GROUP shows their phones)."
    )
    assert world.says("li.na", "/incident activate please hurry").text == ("周衡 is asked to approve (A1). Urgent tasks go on meanwhile.")
    world.passes(minutes=10)
    assert world.direct("zhou.heng")[-1] == (
        "[Reminder 1] A1 activate the plan still waits for you: INC-20260310-001 quotes are down. Asked by 李娜 at 14:00. "
        "If it is not decided, the leading group is asked too at 14:20."
    )
    world.taps("lin.yue", "Approve")
    assert world.incident().state is State.ACTIVE

    ref = world.by_code("failure.locate").ref
    title = "Locate the failing part and decide whether to switch over"
    assert world.direct("zhao.min")[-1] == (
        f"[Reminder 2] {ref} {title}: nobody has claimed it, due now (14:10). Claim it, or a head names an owner. "
        "If nothing happens, it goes up at 14:20 to the commander (李娜)."
    )
    world.passes(minutes=2)
    assert "it was due 14:10 and is 2 min late" in world.says("ma.chao", f"/task claim {ref}").text
    assert (
        world.says("ma.chao", f"/task done {ref} can switch").text
        == f"{ref} is reported as done. It closes when one of these has verified it: 王强, 赵敏."
    )
    assert world.taps("zhao.min", f"Verify {ref}").text == f"{ref} is verified and closed."
    assert world.says("ma.chao", f"/task why {ref}").text.splitlines()[1] == "From: playbook “System failure” (System recovery)"

    world.says("li.na", "/incident recovered")
    world.says("li.na", "/incident end")
    world.taps("zhou.heng", "Approve")
    refused = world.says("li.na", "/incident close").text.splitlines()
    assert refused[0].startswith("Not yet: ")
    evidence = "Secure evidence (logs, images, recordings, link data); nothing may be deleted or changed"
    assert f"T3 {evidence} (unclaimed, Information security)" in refused
    assert world.says("zhou.heng", "/incident close I1 override=the rest was done off line").text == "I1 (INC-20260310-001) is closed."
    assert world.incident().override_reason == "the rest was done off line"
    texts = [text for person in world.plans.organization.people for text in world.direct(person)]
    assert not [text for text in texts if "。" in text or "请" in text], "no Chinese sentence of ours"


# Client data


def test_client_data_typed_anywhere_is_kept_nowhere(database: Database) -> None:
    world = make_world(database)
    phone, wide, card = "13912345678", "１３９１２３４５６７８", "11010519491231002X"
    hint = "消息里的手机号或证件号已遮掩后才记录;客户信息请勿发在群里。"
    said = [
        ("li.na", f"/事件 上报 类型=系统故障 报告人={phone} 客户{wide}说不能登录 {card}"),
        ("li.na", f"/事件 进展 I1 客户 139 1234 5678 已安抚,证件 {card}"),
        ("li.na", f"/事件 事实 I1 地点={phone} 原因={card}"),
        ("li.na", f"/定级 影响范围=3 理由={phone}打来投诉"),
        ("ma.chao", "/认领 T3"),
        ("ma.chao", f"/进展 T3 {phone}"),
        ("ma.chao", f"/任务 阻塞 T3 等{phone}回电"),
        ("li.na", f"/事件 启动 {phone}"),
        ("lin.yue", f"/退回 A1 先打 {phone}"),
        ("li.na", f"/任务 指派 T1 {phone}"),
        ("li.na", f"/没有这个命令 {card}"),
    ]
    for person, text in said:
        reply = world.says(person, text)
        assert (hint in reply.text) == (text != "/认领 T3"), (text, reply.text)
    world.passes(minutes=40)
    assert world.incident().reporter == "139****5678"

    kept = world.everything()

    for secret in (phone, wide, "139 1234 5678", card):
        assert secret.encode() not in kept, secret
    assert b"139****5678" in kept, "the dump does hold what people typed"


def test_the_command_goes_only_to_somebody_who_can_start_the_plan(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    refused = world.says("li.na", "/事件 交接 高远") if "gao.yuan" not in _leaders(world) else world.says("li.na", "/事件 交接 fang.qi")
    assert refused.error == "incident.commander_who"
    assert world.incident().commander == "li.na"
    assert world.says("li.na", "/事件 交接 陈波").error is None
    assert world.incident().commander == "chen.bo"
    assert world.says("chen.bo", "/事件 启动").error is None


def _leaders(world: World) -> set[str]:
    return {person for group in world.plans.organization.groups.values() for person in group.leaders}
