"""A console with real rooms and a bot of few words behind it: what it is told is kept, `/card` shows a card, clicks edit it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlmodel import SQLModel

from bot.platforms.console import Console
from bot.platforms.core.contract import Edit, Send
from bot.web.bell import Bell
from bot.web.console import ConsoleDeps, Someone, console_router
from bot.web.security import Guard, host_names
from handlers.core.forms import question
from handlers.core.message import Button, Card, Message, Outgoing, Reply
from handlers.core.wording import Locale, Words
from storage.database import Database
from storage.rooms import Rooms
from storage.tables.rooms import RoomMemberRow, RoomMessageRow, RoomReadRow, RoomRow

PEOPLE = (
    Someone("li.na", "李娜", "运行保障部副总经理", ("信息技术应急小组",)),
    Someone("wang.qiang", "王强", "信息技术部总经理", ("信息技术应急小组", "应急办公室")),
    Someone("zhao.min", "赵敏", "首席风险官", ()),
)
CARD = Card(
    title="【严重】行情中断",
    lines=(("发生", "09:41,已持续 12分"), ("任务", "5/9 完成 · 1 项超时"), ("", "下一步 李娜:切换备用行情源 (10:58 前)")),
    note="下次通报 11:00",
    buttons=(
        Button("认领", "/task claim T1", 1, "primary"),
        Button("更新进展", "/task progress T1", 1, form=question("现在进展到哪一步?")),
        Button("取消任务", "/task cancel T1", 1, "danger", confirm=True),
    ),
    tone="warning",
    drill=True,
)


def create_tables(database: Database) -> None:
    tables = (RoomRow, RoomMemberRow, RoomMessageRow, RoomReadRow)
    SQLModel.metadata.create_all(database.engine, tables=[table.__dict__["__table__"] for table in tables])


@dataclass
class World:
    """`heard` is what reached the bot, in order."""

    database: Database
    rooms: Rooms
    console: Console
    app: FastAPI
    guarded: Guard
    bell: Bell
    heard: list[Message] = field(default_factory=list)
    keys: Iterator[int] = field(default_factory=count)
    url: str = ""
    following: list["asyncio.Task[None]"] = field(default_factory=list)

    async def ask(self, message: Message) -> Reply:
        self.heard.append(message)
        await asyncio.sleep(0)
        if message.kind == "click":
            return Reply("\n".join(f"第 {n} 行" for n in range(40))) if message.text == "/task list" else await self._clicked(message)
        if message.text == "/card":
            await self.say(message.chat, Outgoing("行情中断,5/9 完成", CARD))
            return Reply("")
        if message.text == "/slow":
            return Reply("", wait=True)
        if message.text == "/refused":
            await self.say(message.chat, Outgoing("没有听懂\n/任务 认领 T1"))
            return Reply("没有听懂", error="parse.unknown", usage="/任务 认领 T1")
        if message.text == "/broken":
            return Reply("内部错误,编号 ab12", error="house.internal")
        if message.text.startswith("/wrong"):
            return Reply("没有「wrong」这个命令", error="parse.unknown", usage="/任务 认领 T1")
        await self.say(message.chat, Outgoing(f"收到:{message.text}"))
        return Reply(f"收到:{message.text}")

    async def say(self, chat: str, message: Outgoing) -> str:
        done = await self.console.do(Send(message, chat), f"k{next(self.keys)}")
        return done.facts["message_id"]

    async def late(self, chat: str, message: str, card: Card) -> None:
        """An edit that is on its way while a click is answered."""
        await asyncio.sleep(0.3)
        await self.console.do(Edit(chat, message, Outgoing("已更新", card)), f"k{next(self.keys)}")

    async def _clicked(self, message: Message) -> Reply:
        said = message.fields.get("text", "")
        if message.text == "/task late T1":
            older, newer = (replace(CARD, title=f"第{n}版", buttons=(Button("认领", message.text, n),)) for n in (1, 2))
            meanwhile = replace(older, title="第0版")
            await self.console.do(Edit(message.chat, message.reply_to or "", Outgoing("已更新", meanwhile)), f"k{next(self.keys)}")
            await asyncio.sleep(0.3)  # the page has drawn it by now
            self.following.append(asyncio.create_task(self.late(message.chat, message.reply_to or "", older)))
            return Reply("已记下", card=newer)
        now = replace(CARD, lines=(("认领", f"{message.sender} {message.text} {said}".strip()),), buttons=(), tone="good")
        await self.console.do(Edit(message.chat, message.reply_to or "", Outgoing("已更新", now)), f"k{next(self.keys)}")
        return Reply("已记下", card=now)


def make_world(database: Database, locale: Locale = "zh") -> World:
    create_tables(database)
    words, bell = Words.load(locale), Bell()
    rooms = Rooms(database, lambda text: text.replace("13800138000", "138****8000"), lambda: datetime.now(UTC))
    console = Console(rooms, lambda person: any(known.id == person for known in PEOPLE), lambda: datetime.now(UTC))
    app = FastAPI()
    guarded = Guard(app, host_names("http://127.0.0.1:8000", "127.0.0.1"), anyhow=("/healthz",))
    world = World(database, rooms, console, app, guarded, bell)
    app.include_router(console_router(ConsoleDeps(rooms, console, lambda: PEOPLE, world.ask, locale, words.say, bell)))
    database.on_commit.append(lambda topics: bell.ring() if "rooms" in topics else None)
    return world


@contextmanager
def serving(folder: Path, locale: Locale = "zh") -> Iterator[World]:
    """The world behind uvicorn on a free port of loopback."""
    database = Database(f"sqlite:///{folder / 'console.db'}")
    world = make_world(database, locale)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        world.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(world.guarded, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield world
        finally:
            world.bell.close()
            server.should_exit = True
            thread.join(20)
            database.close()
            assert not thread.is_alive(), "the server did not stop: an event stream kept it"
