"""Publishing, as people live it: the approved bytes and no others, once at each channel, with a receipt; and what stops them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text as sql
from sqlmodel import select

from bot.api import shapes
from bot.bootstrap import SAMPLE_PLAN
from bot.outside.hook import Hook
from bot.publishing import Means
from bot.secret import Secret
from handlers.rounds import rearm
from storage.database import Database
from storage.mapping import to_record
from storage.tables.statements import PublicationRow, RevisionRow, StatementRow
from storage.views.rounds import look
from tests.handlers.papers import sheet
from tests.world import World, make_world
from workflows.publication import Publication
from workflows.publication import State as Out
from workflows.statement import Revision, State, Statement

FILLED = "现象=无法登录\n影响=暂时不能委托\n替代方式=电话委托\n渠道=公司官网\n客服电话=400-800-1234"
GRADED = "/定级 证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"


@dataclass
class Site:
    """What the website and the SMS gateway were given; `answers`: status codes to come, then 200."""

    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.got.append({"url": str(request.url), **json.loads(request.content)})
        return httpx.Response(status, json={"receipt": f"n-{len(self.got)}"} if status == 200 else {"error": "no such column"})


@dataclass
class Told:
    world: World
    site: Site

    def says(self, person: str, text: str, room: str | None = None) -> str:
        reply = self.world.says(person, text, room)
        assert reply.error is None, reply.text
        return reply.text

    def refused(self, person: str, text: str) -> str:
        reply = self.world.says(person, text)
        assert reply.error is not None, reply.text
        return f"{reply.error} {reply.text}"

    def drafted(self) -> None:
        self.says("gao.yuan", f"/声明 起草 I1 模板=首次告知\n{FILLED}")

    def agreed(self, ref: str = "S1") -> None:
        self.says("gao.yuan", f"/声明 送审 {ref}")
        for person in ("wang.qiang", "guo.ping", "lin.yue"):
            self.world.taps(person, "同意")
        assert self.statement(ref).state is State.APPROVED

    def published(self, channels: str, ref: str = "S1", more: str = "") -> str:
        return self.says("gao.yuan", f"/声明 发布 {ref} 渠道={channels} 确认={self.statement(ref).digest[:8]} {more}")

    def statement(self, ref: str = "S1") -> Statement:
        return self.world.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, ref)))

    def texts(self, ref: str = "S1") -> list[Revision]:
        rows = self.world.database.read(lambda tx: [to_record(Revision, row) for row in tx.exec(select(RevisionRow))])
        return sorted((one for one in rows if one.statement == ref), key=lambda one: one.number)

    def ledger(self) -> dict[tuple[str, int], Publication]:
        rows = self.world.database.read(lambda tx: [to_record(Publication, row) for row in tx.exec(select(PublicationRow))])
        return {(one.outlet, one.revision): one for one in rows}

    def state(self, outlet: str, revision: int = 1) -> Out:
        return self.ledger()[outlet, revision].state

    def heard(self, person: str) -> str:
        return "\n".join(self.world.direct(person))

    def verbs(self, ref: str) -> list[str]:
        return [verb for _, verb, _ in self.world.trail(ref)]


def told_in(tmp_path: Path, opening: str = "") -> Told:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    site = Site()
    client = httpx.AsyncClient(transport=httpx.MockTransport(site))
    secrets = {name: Secret("s" * 40) for name in ("GENGFU_OUTLET_WEBSITE_SECRET", "GENGFU_OUTLET_SMS_SECRET")}
    means = lambda clock: Means(hook=Hook(client, clock), secrets=secrets)  # noqa: E731
    world = make_world(database, plan=SAMPLE_PLAN, means=means)
    world.says("li.na", f"/事件 上报 类型=系统故障 系统=集中交易 发生=9:30 {opening} 集中交易中断")
    world.says("li.na", GRADED)
    world.only("-")  # tasks and regulators' clocks are other stories
    return Told(world, site)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """A system failure at the second level, whose first notice three people have agreed to."""
    found = told_in(tmp_path)
    found.drafted()
    found.agreed()
    yield found
    found.world.database.close()


# Asking


def test_before_anything_leaves_it_is_shown_what_would_go_where(told: Told) -> None:
    said = told.says("gao.yuan", "/声明 发布 S1")
    for part in ("官网公告(签名推送:https：//cms", "官方微博(人工发布:徐静、高原、孙洁)", "3月10日09:30起,我司集中交易"):
        assert part in said
    assert (told.ledger(), told.site.got) == ({}, [])
    assert "投资者短信" not in said, "only when it is named"
    told.world.taps("gao.yuan", "确认发往")
    assert {outlet: one.state for (outlet, _), one in told.ledger().items()} == {
        "website": Out.DONE,
        "branch_mail": Out.WAITING,
        "branches": Out.DONE,
        "weibo": Out.ASKED,
    }


def test_the_same_bytes_go_everywhere_and_the_ledger_says_where_and_when(told: Told) -> None:
    told.published("官网公告,投资者短信,营业部群")
    text = told.texts()[-1].text
    assert [(one["text"], one["sha256"]) for one in told.site.got] == [(text, hashlib.sha256(text.encode()).hexdigest())] * 2
    assert told.world.group("g:branches", "gao.yuan") == [text]
    assert told.statement().state is State.PUBLISHED
    done = told.ledger()["website", 1]
    assert (done.state, done.receipt, done.digest) == (Out.DONE, "n-1", told.statement().digest)
    assert [step["by"] for step in done.agreed] == ["wang.qiang", "guo.ping", "lin.yue"]
    assert told.verbs(done.ref) == ["publish_asked", "published"]
    shown = told.says("gao.yuan", "/声明 查看 S1")
    card = told.world.card("gao.yuan", "声明 S1 v1")
    assert "官网公告 · 已发布" in dict(card["lines"])[f"发布 v1 {done.digest[:8]}"]
    assert shown.startswith("S1 v1「首次告知」 · 已发布")
    assert "对外口径以此为准" in "\n".join(told.world.group(told.world.room_of("li.na", "集中交易中断"), "li.na"))


@pytest.mark.parametrize("how_far", ["draft", "submitted", "returned"])
def test_what_is_not_approved_is_not_published_and_it_is_said_what_is_missing(tmp_path: Path, how_far: str) -> None:
    told = told_in(tmp_path)
    told.drafted()
    if how_far != "draft":
        told.says("gao.yuan", "/声明 送审 S1")
        told.world.taps("wang.qiang", "同意")
    if how_far == "returned":
        told.says("guo.ping", "/退回 A2 依据不足")
    said = told.refused("gao.yuan", "/声明 发布 S1 渠道=website")
    if how_far == "submitted":
        assert "还差:合规审核、签发(郭平、林岳)" in said
    else:
        assert "/声明 送审 S1" in said
    confirm = told.statement().digest[:8]
    told.refused("gao.yuan", f"/声明 发布 S1 渠道=website 确认={confirm}")
    assert (told.ledger(), told.site.got) == ({}, [])
    told.world.database.close()


def test_only_the_text_that_was_seen_is_published(told: Told) -> None:
    assert "publication.other_confirm" in told.refused("gao.yuan", "/声明 发布 S1 渠道=website 确认=00000000")
    assert told.ledger() == {}


def test_the_same_text_never_goes_twice_to_one_channel_but_to_another_one_later(told: Told) -> None:
    told.published("website")
    assert "它已经发出" in told.refused("gao.yuan", "/声明 不发 S1 渠道=website 不要了")
    assert "publication.twice" in told.refused("gao.yuan", f"/声明 发布 S1 渠道=官网公告 确认={told.statement().digest[:8]}")
    told.published("sms")
    assert [one["url"].split("/")[2] for one in told.site.got] == ["cms.example.com", "sms.example.com"]
    assert "website" not in str(told.world.says("gao.yuan", "/声明 发布 S1").card), "what has it is not offered again"


def test_only_the_opinion_group_publishes_and_no_unknown_channel(told: Told) -> None:
    assert "access" in told.refused("chen.bo", f"/声明 发布 S1 渠道=website 确认={told.statement().digest[:8]}")
    assert "是不是「官网公告」" in told.refused("gao.yuan", "/声明 发布 S1 渠道=官网公高")
    assert told.ledger() == {}


# By hand


def test_by_hand_with_link_and_time_reminded_until_there_is_a_receipt(told: Told) -> None:
    told.published("weibo,hotline")
    card = told.world.card("sun.jie", "官方微博 S1 v1")
    assert dict(card["lines"])[""] == told.texts()[-1].text
    assert "官方微博 S1 v1" not in str(told.world.seen_by("liu.yang"))
    told.world.passes(minutes=16)
    assert "请在客服热线人工发布" in told.heard("liu.yang")
    told.world.passes(minutes=16)
    assert "请在官方微博人工发布" in told.heard("sun.jie")
    assert "receipt" in told.refused("sun.jie", "/声明 回执 S1 渠道=weibo")
    assert "not_yours" in told.refused("liu.yang", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1")
    assert "receipt_time" in told.refused("sun.jie", "/声明 回执 S1 渠道=官方微博 链接=https://weibo.example/1 时间=9:00")
    told.says("sun.jie", "/声明 回执 S1 渠道=官方微博 链接=https://weibo.example/1")
    done = told.ledger()["weibo", 1]
    assert (done.state, done.link, done.done_by) == (Out.DONE, "https://weibo.example/1", "sun.jie")
    assert told.statement().state is State.PUBLISHED
    assert told.world.timers(done.ref) == {}
    assert "has_receipt" in told.refused("sun.jie", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/2")
    told.world.passes(minutes=31)
    assert "请在客服热线人工发布" in "\n".join(told.world.group("g:office", "li.na")), "in the end the control group hears of it"


def test_an_incident_is_not_closed_while_a_receipt_is_missing(told: Told) -> None:
    told.published("weibo")
    told.says("li.na", "/事件 启动 I1")
    told.world.taps("zhou.heng", "同意")
    told.says("li.na", "/事件 恢复 I1 全部恢复")
    told.says("li.na", "/事件 结束 I1 恢复观察一小时")
    told.world.taps("zhou.heng", "同意")
    assert "S1 v1「首次告知」 在官方微博的发布:待人工发布" in told.refused("li.na", "/事件 归档 I1")
    told.says("gao.yuan", "/声明 不发 S1 渠道=weibo 已在官网说明,不再另发")
    assert "官方微博的发布" not in told.refused("li.na", "/事件 归档 I1")
    assert told.state("weibo") is Out.GIVEN_UP


# What goes wrong


def test_a_channel_that_refuses_is_shown_and_somebody_decides(told: Told) -> None:
    told.site.answers = [400]
    told.published("website,sms")
    assert (told.state("website"), told.state("sms")) == (Out.FAILED, Out.DONE)
    assert "在官网公告发布失败(1 次)" in told.heard("gao.yuan")
    assert "官网公告 · 发布失败" in str(told.world.says("li.na", "/事件 查看 I1").card)
    told.world.taps("gao.yuan", "官网公告再发")
    assert told.state("website") is Out.DONE
    assert len([one for one in told.site.got if "cms" in one["url"]]) == 1


def test_one_that_is_down_is_tried_again_by_itself_and_people_hear_of_it(told: Told) -> None:
    told.site.answers = [503, 503, 503, 503]
    told.published("website")
    told.world.passes(minutes=9)
    assert "发往官网公告已有 3 次未成" in told.heard("gao.yuan")
    told.world.passes(minutes=40)
    assert told.state("website") is Out.DONE
    assert len(told.site.got) == 1


# What changes meanwhile


@pytest.mark.parametrize("change", ["fact", "grade", "text", "time", "denied"])
def test_what_has_not_left_does_not_leave_when_anything_changes(tmp_path: Path, change: str) -> None:
    told = told_in(tmp_path)
    told.drafted()
    told.agreed()
    told.site.answers = [503] * 500
    told.published("website,weibo")
    if change == "fact":
        told.says("li.na", "/事件 事实 I1 系统=两融")
    elif change == "grade":
        told.says("li.na", "/定级 证监会=重大")
    elif change == "text":
        told.says("gao.yuan", "/声明 修改 S1 影响=委托延迟")
    elif change == "denied":
        told.says("gao.yuan", "/声明 撤回 S1 误发")
    else:
        told.world.passes(hours=4, minutes=1)
    assert (told.state("website"), told.state("weibo")) == (Out.STOPPED, Out.STOPPED)
    assert "停发:S1 v1「首次告知」" in told.heard("sun.jie"), "who was to post it hears so"
    told.site.answers = []
    told.world.passes(hours=2)
    assert told.site.got == []
    assert told.world.timers(told.ledger()["weibo", 1].ref) == {}
    told.world.database.close()


def test_a_text_that_was_stopped_goes_once_it_is_approved_anew(told: Told) -> None:
    told.site.answers = [503] * 500
    told.published("website")
    told.says("li.na", "/定级 证监会=重大")
    told.site.answers = []
    told.says("gao.yuan", "/声明 送审 S1")
    for person in ("chen.bo", "guo.ping", "zhou.heng"):
        told.world.taps(person, "同意")
    assert told.statement().state is State.APPROVED
    told.published("website")
    told.world.passes(minutes=20)
    assert (told.state("website"), len(told.site.got)) == (Out.DONE, 1)
    assert [step["by"] for step in told.ledger()["website", 1].agreed] == ["chen.bo", "guo.ping", "zhou.heng"]


def test_bytes_that_are_not_those_approved_never_leave(told: Told) -> None:
    told.site.answers = [503] * 3
    told.published("website")
    with told.world.database.engine.begin() as connection:
        connection.execute(sql("DROP TRIGGER statement_revision_no_update"))
        connection.execute(sql("UPDATE statement_revision SET text = text || '本公司保证赔付'"))
    told.world.passes(hours=1)
    assert (told.site.got, told.state("website")) == ([], Out.STOPPED)


def test_what_was_posted_by_hand_although_it_was_stopped_is_said_loudly(told: Told) -> None:
    told.published("weibo")
    told.says("gao.yuan", "/声明 修改 S1 影响=委托延迟")
    told.says("sun.jie", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1")
    assert told.state("weibo") is Out.DONE
    assert "但仍于" in told.heard("xu.jing")
    assert told.statement().state is State.DRAFT


# Corrections and withdrawals


def test_a_correction_is_approved_and_published_like_every_text_and_says_what_it_replaces(told: Told) -> None:
    told.published("website,weibo")
    told.says("sun.jie", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1")
    first = told.statement().digest
    told.says("li.na", "/事件 事实 I1 系统=两融")
    assert "已经发布,但与现在所知不一致" in told.heard("gao.yuan")
    assert told.statement().state is State.PUBLISHED
    told.says("gao.yuan", "/声明 修改 S1")
    assert told.statement().state is State.DRAFT
    told.refused("gao.yuan", "/声明 发布 S1")
    told.agreed()
    assert "替换 v1" in told.says("gao.yuan", "/声明 发布 S1")
    told.published("website")
    assert [(one["kind"], one["replaces"]) for one in told.site.got] == [("statement", None), ("correction", first)]
    assert "旧版仍在" in str(told.world.says("gao.yuan", "/声明 发布 S1 渠道=sms").card)


def test_a_withdrawal_is_a_publication_of_its_own(told: Told) -> None:
    told.published("website")
    said = told.says("gao.yuan", "/声明 撤回 S1 数据有误")
    assert "撤回稿为第 2 版" in said
    assert (told.statement().state, told.statement().withdrawal) == (State.DRAFT, True)
    told.refused("gao.yuan", "/声明 发布 S1 渠道=website")
    told.agreed()
    assert "never_there" in told.refused("gao.yuan", "/声明 发布 S1 渠道=sms")
    told.published("website")
    assert told.site.got[-1]["kind"] == "withdrawal"
    assert "现予撤回" in told.site.got[-1]["text"]
    assert told.statement().state is State.WITHDRAWN


def test_what_was_never_out_is_simply_withdrawn(told: Told) -> None:
    told.published("weibo")
    told.says("gao.yuan", "/声明 撤回 S1 不再需要")
    assert (told.statement().state, told.state("weibo")) == (State.WITHDRAWN, Out.STOPPED)


def test_what_is_posted_although_it_was_withdrawn_stays_in_sight_and_can_be_taken_back(told: Told) -> None:
    told.published("weibo")
    told.says("gao.yuan", "/声明 撤回 S1 不再需要")
    told.says("xu.jing", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example.com/1")
    told.says("gao.yuan", "/声明 查看 S1")
    card = told.world.card("gao.yuan", "声明 S1")
    assert "公众看得到" in card["note"]
    shown = told.world.says("gao.yuan", "/事件 查看 I1").card
    assert shown is not None
    assert "S1 v1 首次告知 · 已撤回,但已有渠道发出" in str(shown.lines).replace("「", " ").replace("」", "")
    told.world.taps("gao.yuan", "撤回声明", "已经有人发出去了")
    told.agreed()
    told.published("weibo")
    assert told.ledger()["weibo", 2].kind == "withdrawal"


def test_of_a_false_alarm_nothing_is_offered_and_it_says_where_to_take_back_what_is_out(told: Told) -> None:
    told.published("website")
    told.says("li.na", "/事件 误报 I1 无 演练误触发,经核对系统正常,没有影响客户")
    told.world.taps("guo.ping", "同意")
    card = told.world.says("gao.yuan", "/声明 查看 S1").card
    assert card is not None
    assert (card.buttons, card.menu, "误报的,另开事件起草" in card.note) == ((), (), True)
    assert "误报的,另开事件起草" in told.refused("gao.yuan", "/声明 撤回 S1 本来就是误报")


# What the public was promised


def test_the_next_update_that_was_promised_is_reminded_of_until_it_is_out(told: Told) -> None:
    told.published("website", more="下次更新=17:00")
    at = told.statement().promised_at
    assert at is not None
    assert "承诺下次更新" in str(told.world.says("li.na", "/事件 查看 I1").card)
    told.world.sleeps(seconds=(at - timedelta(minutes=16) - told.world.clock()).total_seconds())
    told.world.passes(minutes=2)
    assert "对外承诺" in told.heard("gao.yuan")
    assert "还没有发布" not in told.heard("gao.yuan")
    told.world.passes(minutes=46)
    assert "还没有发布" in told.heard("gao.yuan")
    assert "还没有发布" in "\n".join(told.world.group("g:office", "li.na"))
    told.says("gao.yuan", f"/声明 起草 I1 模板=首次告知\n{FILLED}")
    told.agreed("S2")
    told.published("website", "S2")
    assert told.statement().promised_at is None
    assert "promise" not in told.world.timers("S1")


PROMISING = "/声明 起草 I1 模板=进展\n已恢复范围=网上交易\n未恢复范围=手机端\n下次更新时间=15:30\n渠道=官网"


def test_a_text_whose_own_promise_is_over_goes_nowhere_whatever_else_is_promised(told: Told) -> None:
    told.says("gao.yuan", PROMISING)
    told.agreed("S2")
    told.published("官方微博", "S2", "下次更新=20:00")
    assert told.statement("S2").promised_at == told.world.clock() + timedelta(minutes=90), "what the public reads"
    told.world.passes(hours=2)
    ordered = f"/声明 发布 S2 渠道=官网公告 下次更新=20:00 确认={told.statement('S2').digest[:8]}"
    assert "正文里承诺的下次更新 15:30 已经过了,要先改正文" in told.refused("gao.yuan", ordered)
    assert told.site.got == []


def test_a_promise_that_ends_while_the_channel_is_away_does_not_leave(told: Told) -> None:
    told.says("gao.yuan", PROMISING)
    told.agreed("S2")
    told.site.answers = [503] * 60
    told.published("官网公告", "S2")
    told.world.passes(minutes=91)
    told.site.answers = []
    told.world.passes(minutes=10)
    assert (told.site.got, told.state("website")) == ([], Out.STOPPED)
    assert "正文里承诺的下次更新 15:30 已经过了" in told.heard("gao.yuan")


def test_what_the_text_itself_promises_is_kept_too(told: Told) -> None:
    told.says("gao.yuan", "/声明 起草 I1 模板=进展 已恢复范围=行情 未恢复范围=交易 下次更新时间=17:30 渠道=公司官网")
    assert "我们将于3月10日17:30前再次更新" in told.texts("S2")[-1].text
    told.agreed("S2")
    told.published("website", "S2")
    at = told.statement("S2").promised_at
    assert at is not None
    assert at.isoformat() == "2026-03-10T09:30:00+00:00"


# Drills


def test_of_a_drill_nothing_leaves(tmp_path: Path) -> None:
    told = told_in(tmp_path, "演练=是")
    told.drafted()
    told.agreed()
    assert "没有发出" in told.published("website,branches,weibo,media")
    told.world.passes(hours=1)
    assert {one.state for one in told.ledger().values()} == {Out.REHEARSED}
    assert (told.site.got, told.world.group("g:branches", "gao.yuan")) == ([], [])
    assert all("人工发布" not in one for one in told.world.direct("sun.jie"))
    assert told.statement().state is State.PUBLISHED
    told.world.database.close()


# Papers, programs, taps


def test_the_closing_summary_lists_what_was_said_where_and_when(told: Told) -> None:
    told.published("website,weibo")
    told.says("sun.jie", "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1")
    told.says("gao.yuan", "/声明 起草 I1 正文:不予置评。")
    told.says("li.na", "/事件 总结 I1")
    rows = {part.title: part for part in sheet(told.world, "I1-1").parts}["九、对外发布"].rows
    digest = told.statement().digest[:16]
    assert [tuple(cell.text for cell in row[:3]) for row in rows] == [
        ("S1 v1「首次告知」", digest, "官网公告"),
        ("S1 v1「首次告知」", digest, "官方微博"),
    ]
    assert [row[3].text.split(" ")[0] for row in rows] == ["已发布", "已发布"]
    assert [source.ref for row in rows for source in row[3].sources] == ["P1", "P2"]
    assert rows[1][4].text == "https://weibo.example/1"


def test_by_taps_from_the_card(told: Told) -> None:
    told.world.taps("gao.yuan", "发布", channels="website,weibo")
    assert (told.state("website"), told.state("weibo")) == (Out.DONE, Out.ASKED)
    told.world.taps("sun.jie", "官方微博已发,记回执", link="https://weibo.example/1")
    assert told.state("weibo") is Out.DONE


def test_a_denied_yes_stops_what_has_not_left_also_when_it_is_out_elsewhere(tmp_path: Path) -> None:
    told = told_in(tmp_path)
    told.drafted()
    told.says("gao.yuan", "/声明 送审 S1")
    for person in ("wang.qiang", "guo.ping"):
        told.world.taps(person, "同意")
    told.says("li.na", "/同意 A3 口头=lin.yue 电话里同意")
    assert told.statement().state is State.APPROVED
    told.published("website,weibo")
    told.says("lin.yue", "/口头 否认 A3 没有同意「部分客户暂时不能委托」")
    room = "\n".join(told.world.group(told.world.room_of("li.na", "集中交易中断"), "li.na"))
    assert "林岳 否认同意过" in room
    assert "没有同意「" not in room, "what a leader says of a text may quote it"
    assert "没有同意「" in told.heard("zhou.heng")
    assert (told.statement().state, told.state("website"), told.state("weibo")) == (State.PUBLISHED, Out.DONE, Out.STOPPED)
    assert "publication.not_now" in told.refused("gao.yuan", "/声明 发布 S1 渠道=sms")
    told.world.database.close()


def test_a_room_that_is_not_shown_texts_is_not_shown_what_would_go_out(told: Told) -> None:
    own = told.world.room_of("li.na", "集中交易中断")
    said = told.says("gao.yuan", "/声明 发布 S1", own)
    assert "我司集中交易" not in said
    assert all("我司集中交易" not in one for one in told.world.group(own, "li.na"))
    assert "我司集中交易" in told.heard("gao.yuan")


def test_a_room_that_reads_what_is_out_does_not_read_what_it_replaced(told: Told) -> None:
    told.says("gao.yuan", "/声明 修改 S1 正文:每户赔付一千元。集中交易中断。")
    told.says("gao.yuan", "/声明 修改 S1 正文:集中交易中断,正在恢复。")
    told.agreed()
    told.published("website")
    own = told.world.room_of("li.na", "集中交易中断")
    shown = told.world.says("li.na", "/声明 查看 S1", own).card
    assert shown is not None
    assert ("", "集中交易中断,正在恢复。") in shown.lines
    assert "赔付" not in str(shown)
    alone = told.world.says("gao.yuan", "/声明 查看 S1").card
    assert "赔付" in str(alone)


def test_who_writes_but_does_not_publish_is_offered_no_publishing(told: Told) -> None:
    """Compliance drafts the notice to persons; the opinion group sends it."""
    given = "信息种类=姓名\n原因=正在核查\n可能危害=骚扰\n已采取措施=封堵\n可采取的措施=留意\n客服电话=400-800-1234"
    told.says("guo.ping", f"/声明 起草 I1 模板=个人信息事件通知(逐户)\n{given}")
    told.says("guo.ping", "/声明 送审 S2")
    for person in ("wang.qiang", "lin.yue", "zhou.heng"):
        told.world.taps(person, "同意")
    told.published("weibo", "S2")
    offered = {one["command"].split()[1] for one in _offered(told, "guo.ping", "S2")}
    assert offered == {"edit", "withdraw"}
    assert {"publish", "receipt", "skip"} <= {one["command"].split()[1] for one in _offered(told, "gao.yuan", "S2")}


def _offered(told: Told, person: str, ref: str) -> list[dict[str, Any]]:
    told.world.says(person, f"/声明 查看 {ref}")
    card = told.world.card(person, f"声明 {ref}")
    return [*card["buttons"], *card["menu"]]


def test_the_hash_may_be_typed_whole_and_in_full_width(told: Told) -> None:
    digest = told.statement().digest
    assert "other_confirm" in told.refused("gao.yuan", f"/声明 发布 S1 渠道=website 确认={digest[:7]}")
    assert "other_confirm" in told.refused("gao.yuan", f"/声明 发布 S1 渠道=website 确认={digest}0")
    told.says("gao.yuan", f"/声明 发布 S1 渠道=website 确认={digest.upper()}")
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in digest[:8].upper())
    told.says("gao.yuan", f"/声明　发布　Ｓ１　渠道＝投资者短信　确认＝{wide}")
    assert len(told.site.got) == 2


def test_clocks_that_were_lost_are_set_anew(told: Told) -> None:
    told.published("weibo", more="下次更新=17:00")
    told.world.only("-")
    world = told.world
    lost = world.database.read(lambda tx: {one.ref for one in look(tx, world.plans, world.clock()) if one.kind == "no_timer"})
    assert {"S1", "P1"} <= lost
    for ref in ("S1", "P1"):
        world.database.write(lambda tx, ref=ref: rearm(world.road.by_clock(tx, "rounds"), ref))  # type: ignore[misc]  # the default is a str
    assert set(world.timers("S1")) == {"expiry", "promise"}
    assert set(world.timers("P1")) == {"late"}
    assert not {"S1", "P1"} & world.database.read(lambda tx: {one.ref for one in look(tx, world.plans, world.clock())})


def test_programs_read_the_ledger(told: Told) -> None:
    told.published("website,weibo")
    world = told.world
    shown = world.database.read(lambda tx: shapes.statement(world.road.look(world.road.reader(tx), ""), told.statement()))
    first, second = (one.model_dump() for one in shown.publications)
    assert {name: first[name] for name in ("channel", "state", "at", "receipt", "kind", "replaces", "sha256")} == {
        "channel": "website",
        "state": "done",
        "at": world.clock(),
        "receipt": "n-1",
        "kind": "statement",
        "replaces": None,
        "sha256": told.statement().digest,
    }
    assert [one["by"] for one in first["approvals"]] == ["wang.qiang", "guo.ping", "lin.yue"]
    assert (second["channel"], second["state"], second["done_at"]) == ("weibo", "asked", None)
