"""A house that publishes: an approved text, ordered at a site, by mail and in a group; and the process of it that is killed on the way.

As a program it forks for each job (`tests.crash.child`): the fork tells its process id, and lives until all is out or until it dies.
"""

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN, real_now
from bot.outside.hook import Hook
from bot.outside.letters import Letters
from bot.platforms.core.http import client
from bot.platforms.mail import Mailbox, Post
from bot.publishing import Means
from bot.secret import Secret
from storage.database import Database
from storage.mapping import to_record
from storage.tables.statements import PublicationRow, RevisionRow, StatementRow
from tests import ready
from tests.crash.child import SeamDatabase, Seams, forks, tell
from tests.make import Clock
from tests.outlets import SECRET
from tests.world import World, make_world
from workflows.publication import Publication
from workflows.statement import Statement

NAME = "GENGFU_OUTLET_SITE_SECRET"
ADDRESSES = ("desk@paper.example", "news@agency.example", "air@radio.example")
OUTLETS = ("site", "press", "branches")
FILLED = "现象=无法登录\n影响=暂时不能委托\n替代方式=电话委托\n渠道=公司官网\n客服电话=400-800-1234"
GRADED = "/定级 证监会=较大 平台=6 媒体=全国 客户=5万 阅读=60万 热榜=50名外 首帖=1.5 增速=3 负面=70% 投诉=260"
CHANNELS = """
[[channel]]
name = "site"
title = "官网公告"
kind = "webhook"
url = "{url}"
secret = "GENGFU_OUTLET_SITE_SECRET"
default = true

[[channel]]
name = "press"
title = "媒体邮件"
kind = "mail"
to = ["desk@paper.example", "news@agency.example", "air@radio.example"]
default = true

[[channel]]
name = "branches"
title = "营业部群"
kind = "chat"
platform = "console"
chat = "g:branches"
default = true
"""


class SeamHook(Hook):
    """A line of its own for each text: a loop of the tests does not outlive one."""

    def __init__(self, reach: Callable[[str], None]) -> None:
        super().__init__(client(""), real_now)
        self._reach = reach

    async def post(self, piece: Any, secret: str) -> str:
        self._reach("post: asked")
        self._http = client("")
        try:
            receipt = await super().post(piece, secret)
        finally:
            await self._http.aclose()
        self._reach("post: done")
        return receipt


class SeamPost(Post):
    def __init__(self, port: int, reach: Callable[[str], None]) -> None:
        super().__init__(Mailbox("127.0.0.1", port, False, "", "", "gengfu@firm.example"), "更夫", real_now)
        self._reach = reach

    def hand_in_once(self, letter: EmailMessage, to: str, begun: Callable[[], None]) -> None:
        def begins() -> None:
            self._reach("letter: asked")
            begun()
            self._reach("letter: begun")

        super().hand_in_once(letter, to, begins)
        self._reach("letter: done")


def plan_with(folder: Path, url: str) -> Path:
    shutil.copytree(SAMPLE_PLAN, folder, dirs_exist_ok=True)
    (folder / "channels.toml").write_text(CHANNELS.format(url=url), "utf-8")
    return folder


def house(database: Database, plan: Path, port: int, at: datetime, reach: Callable[[str], None] = lambda seam: None) -> World:
    """What publishes in it speaks the real clock: receivers compare."""

    def means(clock: Clock) -> Means:
        return Means(Letters(SeamPost(port, reach), ready.words("zh"), clock), SeamHook(reach), {NAME: Secret(SECRET)})

    return make_world(database, start=at, plan=plan, means=means)


def approved(database: Database, plan: Path, at: datetime) -> bytes:
    """A text that three people have agreed to, and that is ordered everywhere; nobody has begun to send it. Its bytes."""
    world = make_world(database, start=at, plan=plan)
    begun = (at - timedelta(minutes=10)).astimezone(ZoneInfo("Asia/Shanghai"))
    world.says("li.na", f"/事件 上报 类型=系统故障 系统=集中交易 发生={begun:%Y-%m-%dT%H:%M} 集中交易中断")
    world.says("li.na", GRADED)
    for text in (f"/声明 起草 I1 模板=首次告知\n{FILLED}", "/声明 送审 S1"):
        reply = world.says("gao.yuan", text)
        assert reply.error is None, reply.text
    for person in ("wang.qiang", "guo.ping", "lin.yue"):
        world.taps(person, "同意")
    orders(world)
    return text_of(world)


def orders(world: World, channels: str = ",".join(OUTLETS)) -> None:
    """Decided, and not yet begun."""
    found = world.database.read(lambda tx: to_record(Statement, tx.get(StatementRow, "S1")))
    line = f"/声明 发布 S1 渠道={channels} 确认={found.digest[:8]}"
    reply = world.road.ask(world.message("gao.yuan", line, world.rooms.direct("gao.yuan")))
    assert reply.error is None, reply.text


def text_of(world: World) -> bytes:
    rows = world.database.read(lambda tx: [(row.number, row.text) for row in tx.exec(select(RevisionRow))])
    return max(rows)[1].encode()


def ledger(database: Database) -> dict[str, Publication]:
    rows = database.read(lambda tx: [to_record(Publication, row) for row in tx.exec(select(PublicationRow))])
    return {one.outlet: one for one in rows}


def live(world: World) -> None:
    """Until there is nothing left to do, or for a while."""
    for _ in range(2):
        world.settle()
        world.clock.now += timedelta(seconds=1)


def run(job: dict[str, Any]) -> None:
    tell(pid=os.getpid())
    seams = Seams(job["seam"], job["turn"])
    database = SeamDatabase(job["url"], seams)
    world = house(database, Path(job["plan"]), job["port"], datetime.fromisoformat(job["at"]), seams.reach)
    seams.armed = True
    live(world)
    seams.armed = False
    seams.report()
    database.close()


if __name__ == "__main__":
    forks(run, lambda database: make_world(database, plan=SAMPLE_PLAN))
