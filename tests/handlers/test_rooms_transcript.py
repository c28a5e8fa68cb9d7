"""Every command, in the room of each audience: what it prints there is what the room may read; the rest goes to who asked, alone."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN, load_topics
from handlers.core.audience import SHOWN, shows
from handlers.core.message import Reply, plain
from handlers.core.registry import COMMANDS
from storage.database import Database
from tests.handlers.test_audience_transcript import OUTAGE
from tests.world import World, make_world

load_topics()

#: Audience -> its chat, and who binds it.
ROOMS = {
    "open": ("g:elsewhere", "li.na"),
    "leaders": ("g:lead", "zhou.heng"),
    "it": ("g:tech", "chen.bo"),
    "opinion": ("g:opinion", "xu.jing"),
    "client": ("g:client", "liu.yang"),
}
OPENING = "/事件 上报 类型=系统故障 系统=集中交易 地点=张江机房 报告人=值班员丁 损失=五百二十万元 发生=13:40 客户无法登录"

#: Every command: who says it, and what. Whether it is done or refused, nothing of it may stand where it does not belong.
ASKED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "incident open": (("li.na", "/事件 上报 客户无法登录"), ("li.na", "/事件 上报 类型=系统故障 系统=集中交易 又断了")),
    "tip list": (("li.na", "/来报 列表"),),
    "tip open": (("wu.di", "/来报 开事件 N1"),),
    "tip merge": (("li.na", "/来报 并入 N2 I1"),),
    "tip dismiss": (("li.na", "/来报 不予处理 N1"),),
    "incident list": (("li.na", "/事件 列表"),),
    "incident show": (("li.na", "/事件 查看 I1"),),
    "incident timeline": (("li.na", "/事件 时间线 I1"),),
    "incident bind": (("li.na", "/事件 绑定 I1"),),
    "incident unbind": (("li.na", "/事件 解绑 I9"),),
    "incident take": (("li.na", "/事件 接手 I1"),),
    "incident handover": (("li.na", "/事件 交接 I1 吴迪"), ("wu.di", "/事件 交接 I1 李娜")),
    "incident update": (("li.na", "/事件 进展 I1 已切换"),),
    "incident fact": (("li.na", "/事件 事实 I1 类型=信息泄露"), ("li.na", "/事件 事实 I1 影响清算交收=否 资金划付逐笔核对过无差错")),
    "incident activate": (("li.na", "/事件 启动 I1"),),
    "incident recovered": (("wu.di", "/事件 恢复 I1"),),
    "incident end": (("li.na", "/事件 结束 I1"),),
    "incident close": (("li.na", "/事件 归档 I1"), ("li.na", "/事件 归档 I2")),
    "incident reopen": (("li.na", "/事件 重开 I1"),),
    "incident restrict": (("li.na", "/事件 限制 I1 解除=是"),),
    "incident merge": (("li.na", "/事件 合并 I1 到 I2 无 两人上报的是同一个故障"),),
    "incident false-alarm": (("li.na", "/事件 误报 I1 无 监控误告警已核对委托流水"),),
    "incident playbook add": (("li.na", "/事件 预案 加 I1 信息泄露 查明客户信息也外传了"),),
    "incident playbook main": (("li.na", "/事件 预案 主 I1 信息泄露 查明其实是客户信息外传"),),
    "incident grade": (
        ("li.na", "/定级 I1 阅读=60万 证监会=一般 理由=影响范围已经查清楚了"),
        ("xu.jing", "/定级 I1 阅读=60万"),
        ("li.na", "/定级 I1 态势=3"),
    ),
    "incident downgrade": (("xu.jing", "/降级 I1 舆情已经平息两小时了"),),
    "incident alert": (("li.na", "/事件 告警 又断了"),),
    "task list": (("li.na", "/任务 列表 I1"),),
    "task mine": (("chen.bo", "/我的"),),
    "task why": (("li.na", "/任务 缘由 T1"),),
    "task add": (("li.na", "/任务 新增 I1 小组=技术组 查一下备机"),),
    "task claim": (("chen.bo", "/认领 {tech}"), ("xu.jing", "/认领 {tech}"), ("liu.yang", "/认领 {client}")),
    "task seen": (("chen.bo", "/收到 {tech}"),),
    "task release": (("xu.jing", "/放手 {tech}"),),
    "task transfer": (("chen.bo", "/任务 转交 {tech} 马超"),),
    "task assign": (("chen.bo", "/任务 指派 {tech} 马超"),),
    "task ask": (("chen.bo", "/任务 提请 {tech} 想先重启"),),
    "task progress": (("ma.chao", "/进展 {tech} 做了一半"),),
    "task attach": (("chen.bo", "/附件 {tech} 截图"),),
    "task done": (("liu.yang", "/完成 {client} 都打过电话了"), ("ma.chao", "/完成 {tech} 好了")),
    "task verify": (("chen.bo", "/核实 {client}"),),
    "task reject": (("chen.bo", "/任务 退回 {client} 还没打完"),),
    "task block": (("ma.chao", "/任务 阻塞 {tech} 需要=陈博 没有权限"),),
    "task snooze": (("ma.chao", "/任务 稍后 {tech} 10分钟 等门禁"),),
    "task cancel": (("xu.jing", "/任务 取消 {tech} 不需要做了"),),
    "approve": (("li.na", "/同意 {approval}"),),
    "oral confirm": (("li.na", "/口头 确认 {approval}"),),
    "oral deny": (("li.na", "/口头 否认 {approval} 没有说过"),),
    "return": (("li.na", "/退回 {approval} 不行"),),
    "delegate": (("li.na", "/转交 {approval}"),),
    "later": (("li.na", "/稍后 {approval} 10分钟"),),
    "report list": (("li.na", "/报送 I1"),),
    "report filed": (("li.na", "/已报 {report} 对象=谁"), ("li.na", "/已报 {report} 电话 王某某")),
    "report not-required": (("li.na", "/报送 不报 {report} 无 不影响经营也不影响客户"),),
    "report require": (("li.na", "/报送 须报 {report} 派出机构来电要求必须报告"),),
    "report later": (("li.na", "/报送 改晚 {report} 按新的日历改晚一些"),),
    "statement draft": (("xu.jing", "/声明 起草 I1\n关于登录异常的说明\n今日13时40分起部分客户无法登录,静待措辞定稿。"),),
    "statement edit": (("xu.jing", "/声明 修改 S1\n关于登录异常的说明\n今日13时40分起部分客户无法登录,静待措辞再定稿。"),),
    "statement show": (("li.na", "/声明 S1"), ("xu.jing", "/声明")),
    "statement submit": (("xu.jing", "/送审 S1"), ("xu.jing", "/送审 S1")),
    "statement publish": (("xu.jing", "/声明 发布 S1 渠道=weibo"),),
    "statement receipt": (("xu.jing", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1"),),
    "statement skip": (("xu.jing", "/声明 不发 S1 渠道=weibo 微博账号停用,另行通知"),),
    "statement withdraw": (("xu.jing", "/声明 撤回 S1 不说了"),),
    "enquiry new": (("li.na", "/媒体 登记 I1 媒体=某晚报 记者=章某某 联系=010-8888-0000 登录异常是被攻击了吗"),),
    "enquiry assign": (("xu.jing", "/媒体 接手 Q1"), ("li.na", "/媒体 接手 Q1")),
    "enquiry answer": (("xu.jing", "/媒体 答复 Q1 S1"),),
    "enquiry decline": (("xu.jing", "/媒体 不答复 Q1 还在核实登录日志"),),
    "enquiry close": (("xu.jing", "/媒体 办结 Q1 没有报道"),),
    "enquiry list": (("li.na", "/媒体 列表 I1"),),
    "enquiry show": (("xu.jing", "/媒体 查看 Q1"),),
    "enquiry remind": (("li.na", "/媒体 提醒 I1"),),
    "enquiry read": (("ma.chao", "/媒体 已阅 E1"),),
    "enquiry unread": (("li.na", "/媒体 未阅 E1"),),
    "opinion rumour": (("xu.jing", "/舆情 传闻 I1 网传客户资金已被清空"),),
    "rumour find": (("chen.bo", "/传闻 核实 M1 结论=不实 逐笔对账无差错"), ("guo.ping", "/传闻 核实 M1 结论=无法核实 未见原帖")),
    "rumour answer": (("xu.jing", "/传闻 回应 M1 S1"),),
    "rumour leave": (("xu.jing", "/传闻 不回应 M1 没有人转发"),),
    "rumour list": (("li.na", "/传闻 列表 I1"),),
    "rumour show": (("li.na", "/传闻 查看 M1"),),
    "report draft": (("li.na", "/报送 起草 R2"),),
    "report show": (("li.na", "/报送 查看 {report}"),),
    "report note": (("li.na", "/报送 要点 {report} 已说明影响"),),
    "report return": (("zhou.heng", "/报送 退稿 R2 影响人数请再核对一遍"),),
    "report sign": (("zhou.heng", "/报送 签发 R2"),),
    "incident summary": (("li.na", "/事件 总结 I1"),),
    "duty show": (("li.na", "/值班"),),
    "duty set": (("li.na", "/值班 指定 技术组 马超 至=明天"),),
    "duty swap": (("chen.bo", "/换班 技术组 明天 马超"),),
    "duty leave": (("chen.bo", "/请假 至=明天"),),
    "duty refuse": (("ma.chao", "/值班 不换 W1"),),
    "duty cancel": (("chen.bo", "/值班 撤销 W1"),),
    "duty handover": (("li.na", "/交班 小组=应急办 一切照旧"),),
    "login": (("li.na", "/登录"),),
    "login sessions": (("li.na", "/登录 会话"),),
    "login revoke": (("li.na", "/登录 结束"),),
    "login reset": (("li.na", "/登录 重置"),),
    "help": (("li.na", "/帮助"),),
    "whoami": (("li.na", "/我是谁"),),
    "who": (("li.na", "/谁 技术组"),),
    "admin queue": (("han.tao", "/管理 队列"),),
}


@pytest.fixture(params=list(ROOMS))
def audience(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[World]:
    """Everybody is in every room, and a system failure is told in all of them."""
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    world = make_world(database, plan=SAMPLE_PLAN)
    everybody = tuple(world.plans.organization.people)
    world.rooms.create("elsewhere", "外来群", everybody)
    world.says("li.na", OPENING)
    for chat, who in ROOMS.values():
        world.rooms.invite(chat, everybody)
        assert world.says(who, "/事件 绑定 I1", chat).error is None
    yield world
    database.close()


@pytest.fixture
def world(firm: World) -> World:
    """In full swing, and two reports that wait."""
    world = firm
    world.says("li.na", f"/定级 {OUTAGE}")
    world.taps("li.na", "否:影响清算交收", "资金划付逐笔核对过无差错")
    world.taps("guo.ping", "同意")
    world.says("sun.jie", "/事件 启动 I1")
    world.says("li.na", "/同意 A2 口头=周衡 电话里说马上启动")
    refused = [world.says("li.na", f"/报送 不报 R{number} 无 不影响经营,三项都已当面说清楚").error for number in range(1, 5)]
    assert None in refused
    world.says("guest", "/事件 上报 客户无法登录 损失=五百二十万元 报告人=值班员丁")
    world.says("ma.chao", "/事件 上报 类型=系统故障 系统=集中交易 损失=五百二十万元 客户无法登录")
    return world


def marks(world: World) -> dict[str, set[str]]:
    """Field -> what gives it away wherever it stands, as things are now (the first of its kind is everybody's example)."""
    incident, tasks = world.incident(), world.tasks()
    obligations = world.plans.current.obligations
    return {
        "loss": {"五百二十万元"},
        "reporter": {"值班员丁"},
        "place": {"张江机房"},
        "system": {"集中交易"},
        "grade": {f"{incident.opinion_total}/16", "合计 ", "舆情级别", "舆情 严重", "舆情 中度"},
        "grades": {"证监会 ", "证监会级别"},
        "tasks": {"项任务已分到", "超时 "},
        "task_list": {task.title for task in tasks},
        "pending": {f"A{number}" for number in range(2, 20)},
        "oral": {"电话里说马上启动"},
        "clock": {duty.name for duty in obligations.values()} | {f"R{number}" for number in range(2, 20)},
        "waived": {"三项都已当面说清楚", "不需报"},
        "missing": {"首报还缺"},
        "timeline": {"时间线:"},
        "tip": {"N2", "来报 N"},
        "statements": {"关于登录异常的说明"},
        "wording": {"静待措辞"},
        "enquiry": {"某晚报", "登录异常是被攻击了吗", "还在核实登录日志"},
        "contact": {"章某某", "010-8888-0000"},
        "rumours": {"网传客户资金已被清空", "逐笔对账无差错", "没有人转发"},
    }


def given_away(world: World, audience: str, typed: str, shown: str) -> set[str]:
    """What the room is not shown, was not typed there either, and stands there."""
    hidden = {mark for field, found in marks(world).items() if not shows(audience, field) for mark in found if mark not in typed}
    return {mark for mark in hidden if re.search(rf"{re.escape(mark)}(?![0-9])", shown)}


def filled(world: World, text: str) -> str:
    """With refs of records that there are: a task of the technical group and one of client service, an approval, a report."""
    tech, client = (next(task.ref for task in world.tasks() if task.group == group) for group in ("tech", "client"))
    return text.format(tech=tech, client=client, approval="A2", report="R2")


def asked(world: World, room: str, person: str, text: str) -> tuple[Reply, str]:
    """What was answered, and all that the room was shown besides."""
    before = {line.id: line.text for line in world.lines(room, person)}
    reply = world.says(person, text, room)
    new = [line for line in world.lines(room, person) if not line.author and before.get(line.id) != line.text]
    shown = [json.dumps([line.text, line.body], ensure_ascii=False) for line in new]
    answer = [reply.text, reply.usage, json.dumps(plain(reply.card) if reply.card else None, ensure_ascii=False)]
    return reply, "\n".join([*answer, *shown])


def test_the_table_has_every_command() -> None:
    assert set(ASKED) == set(COMMANDS)
    assert set(ROOMS) == set(SHOWN)


def test_no_command_prints_what_its_room_is_not_shown(world: World, audience: str) -> None:
    room, leaks = ROOMS[audience][0], []
    for lines in ASKED.values():
        for person, line in lines:
            text = filled(world, line)
            _, shown = asked(world, room, person, text)
            leaks += [(text, mark, shown) for mark in given_away(world, audience, text, shown)]
    assert leaks == []


def test_who_asks_reads_the_rest_alone(firm: World) -> None:
    """The whole list of tasks in the client-service room: a line there, the list in the direct chat."""
    room, title = ROOMS["client"][0], firm.tasks()[0].title
    reply, shown = asked(firm, room, "liu.yang", "/任务 列表 I1")
    assert reply.text == "已答复。这里不显示这项内容,已单独发给你。"
    assert title not in shown
    assert title in firm.direct("liu.yang")[-1]
    assert firm.says("liu.yang", "/任务 列表 I1").text == firm.direct("liu.yang")[-1], "one-to-one it is the answer"
    assert title in asked(firm, ROOMS["it"][0], "ma.chao", "/任务 列表 I1")[1]


def test_a_part_of_an_answer_stays_in_the_room(firm: World) -> None:
    """A grading in the opinion room: the working there, what it means for other groups' tasks alone."""
    reply, shown = asked(firm, ROOMS["opinion"][0], "xu.jing", f"/定级 I1 {OUTAGE.replace('证监会=较大 ', '')}")
    assert reply.error is None
    assert "合计 " in shown
    assert reply.text.endswith("其余内容不在本群显示,已单独发给你。")
    whole = next(line for line in firm.direct("xu.jing") if "新增任务:" in line)
    assert "新增任务:" not in shown
    assert set(reply.text.split("\n")[:-1]) < set(whole.split("\n"))


def test_the_timeline_of_the_open_room_keeps_the_loss_back(firm: World) -> None:
    firm.says("li.na", "/事件 事实 I1 损失=八百万元 地点=金桥机房")
    reply, shown = asked(firm, ROOMS["open"][0], "li.na", "/事件 时间线 I1")
    assert "地点=金桥机房" in shown
    assert "八百万元" not in shown
    assert reply.text.endswith("其余内容不在本群显示,已单独发给你。")
    assert "初步损失=八百万元" in firm.direct("li.na")[-1]
    assert "初步损失=八百万元" in firm.says("li.na", "/事件 时间线 I1", "g:office").text, "the office's room is shown everything"


def test_so_is_what_was_reported_again(firm: World) -> None:
    """The words of a second report reach every room that reads the system; its sum and its reporter only those that read them."""
    assert firm.says("li.na", "/事件 绑定 I1", "g:office").error is None
    firm.says("ma.chao", "/事件 上报 类型=系统故障 系统=集中交易 损失=八百万元 客户无法登录")
    firm.taps("ma.chao", "并入 I1")
    open_, it, office = (firm.group(room, "li.na")[-1] for room in (ROOMS["open"][0], ROOMS["it"][0], "g:office"))
    assert open_ == "I1 又有人报告同一件事:客户无法登录 · 系统:集中交易"
    assert it == "I1 又有人报告同一件事(马超):客户无法登录 · 系统:集中交易"
    assert office == "I1 又有人报告同一件事(马超):客户无法登录 · 系统:集中交易 · 初步损失:八百万元"
    assert "八百万元" not in asked(firm, ROOMS["open"][0], "li.na", "/事件 时间线 I1")[1]


def test_a_refusal_that_tells_something_is_told_alone(firm: World) -> None:
    room, task = ROOMS["client"][0], filled(firm, "{tech}")
    firm.says("ma.chao", f"/认领 {task}")
    reply, shown = asked(firm, room, "chen.bo", f"/认领 {task}")
    assert (reply.error, reply.text) == ("task.taken", "没有办成。原因不在本群显示,已单独发给你。")
    assert "马超" not in shown
    assert "马超" in firm.direct("chen.bo")[-1]
    no_right = [firm.says("liu.yang", "/降级 I1 这件事轮不到我来提", chat) for chat in (room, None)]
    assert no_right[0].error == "access.group"
    assert no_right[0] == no_right[1], "that it is for others to do is said there"


def test_a_paper_goes_into_no_room_that_is_not_shown_everything(firm: World) -> None:
    """It tells everything that is known: the loss, who reported it."""
    firm.says("li.na", f"/定级 {OUTAGE}")
    all_said = ((ref, firm.says("li.na", f"/报送 起草 {ref}", ROOMS["open"][0])) for ref in ("R1", "R2", "R3", "R4"))
    ref, said = next(one for one in all_said if one[1].error is None)
    assert said.text.endswith("稍后单独发给你。")
    firm.passes(seconds=30)
    made = [one for one in firm.seen_by("li.na") if "稿" in one[1].text and ".docx" in json.dumps(one[1].body or {}, ensure_ascii=False)]
    assert {room for room, _ in made} == {firm.rooms.direct("li.na")}
    assert firm.says("li.na", f"/报送 起草 {ref}", "g:office").text.endswith("稍后发到这里。")


def test_shown_in_a_group_it_says_where_the_rest_is_read(firm: World) -> None:
    for room, _ in ROOMS.values():
        card = firm.says("li.na", "/事件 查看 I1", room).card
        assert card is not None
        assert card.note.split("\n")[-1] == "本群只看这些;全部内容请与机器人单聊,发 /事件 查看 I1。"
    for place in ("g:office", None):
        card = firm.says("li.na", "/事件 查看 I1", place).card
        assert card is not None
        assert "本群" not in card.note


def test_in_a_group_what_cannot_be_seen_and_what_is_not_there_read_alike(firm: World) -> None:
    """A restricted incident in a room that has no part in it, and a number that nobody has."""
    firm.says("li.na", "/事件 上报 限制=是 员工账号异常")
    room = ROOMS["open"][0]
    hidden, missing = (firm.says("li.na", f"/事件 查看 {ref}", room) for ref in ("I2", "I9"))
    assert hidden.text == "没有 I2,或在这个群里看不到它;请核对编号,或与机器人单聊再问。"
    assert hidden.text.replace("I2", "I9") == missing.text
    assert firm.says("li.na", "/事件 查看 I2").error is None
    assert firm.says("li.na", "/事件 查看 I9").text == "没有 I9,或你看不到它;请核对编号,或发 /事件 列表 查看。"
