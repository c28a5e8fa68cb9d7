"""SIGKILL while approved texts leave the house: receivers get the very bytes, once, on real wires; where nobody can know, people decide."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from sqlmodel import col, update

from bot.bootstrap import real_now
from storage.database import Database
from storage.tables.queues import WAITING, InboxRow, OutboxRow
from tests.crash import press
from tests.crash.forks import ROOT, Forks, forks_of
from tests.crash.press import ADDRESSES, OUTLETS, approved, house, ledger, plan_with
from tests.crash.story import PAST_LEASES, check_trail
from tests.letterbox import free_port
from tests.outlets import SECRET, PressOffice, Site, press_office, site_on_loopback
from tests.ready import patient
from tests.world import KEY, World
from workflows.publication import State

pytestmark = pytest.mark.crash

#: (seam, turn): between every two steps of a publication. Those of the two servers are where they have got something and say nothing.
SEAMS = [
    ("Sender.turn: committed", 1),
    ("post: asked", 1),
    ("post: done", 1),
    ("Publishing.go: insert inbox", 1),
    ("Publishing.go: written", 1),
    ("Publishing.go: committed", 1),
    ("Publishing.go: committed", 3),
    ("letter: asked", 1),
    ("Places.end: written", 1),
    ("Places.end: committed", 1),
    ("letter: begun", 2),
    ("letter: done", 1),
    ("letter: done", 3),
    ("Places.end: written", 2),
    ("Places.end: committed", 6),
    ("Rooms.post: committed", 1),
    ("Road.work: committed", 1),
]
SERVERS = [("site", "asked", 1), ("site", "taken", 1), ("press", "taken", 1), ("press", "taken", 3)]


@dataclass
class Edge:
    """A house on the edge of publishing, made once for each sort of database, and two servers that outlive every process of it."""

    folder: Path
    site: Site
    office: PressOffice
    at: datetime
    forks: Forks
    server: str
    text: bytes = b""
    made: dict[str, str] = field(default_factory=dict)
    copies: int = 0

    def copy(self, kind: str, name: str) -> str:
        """A database of its own that stands there."""
        if kind not in self.made:
            self.made[kind] = self._empty(kind, f"edge_{os.getpid()}")
            database = Database(self.made[kind])
            try:
                self.text = approved(database, plan_with(self.folder / "plan", self.site.url), self.at)
            finally:
                database.close()
        return self._empty(kind, name, self.made[kind])

    def drop(self, url: str) -> None:
        if not url.startswith("sqlite"):
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'.encode())

    def _empty(self, kind: str, name: str, like: str = "") -> str:
        if kind == "sqlite":
            path = self.folder / f"{name}.db"
            if like:
                shutil.copy(like.removeprefix("sqlite:///"), path)
            return f"sqlite:///{path}"
        template = f' TEMPLATE "{make_url(like).database}"' if like else ""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"{template}'.encode())
        return self.server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("press")
    with site_on_loopback() as site, press_office() as office, forks_of("tests.crash.press") as forks:
        yield Edge(folder, site, office, real_now(), forks, postgres_server)


@dataclass
class Firm:
    edge: Edge
    url: str
    at: datetime

    @property
    def site(self) -> Site:
        return self.edge.site

    @property
    def office(self) -> PressOffice:
        return self.edge.office

    @property
    def plan(self) -> Path:
        return self.edge.folder / "plan"

    def dies(self, seam: str = "none", turn: int = 1) -> list[dict[str, Any]]:
        """What the fork told; it must have died, at the seam or by who took its text."""
        job = {"url": self.url, "plan": str(self.plan), "port": self.office.port, "at": self.at.isoformat(), "seam": seam, "turn": turn}
        *told, last = self.edge.forks.run(job)
        assert last == {"ended": -signal.SIGKILL}, told
        return told

    def recovers(self) -> tuple[Database, World]:
        database = Database(self.url)
        world = house(database, self.plan, self.office.port, self.at + PAST_LEASES)
        for _ in range(2):
            world.settle()
            world.clock.now += PAST_LEASES
        return database, world


@pytest.fixture(params=["sqlite", "postgres"])
def firm(request: pytest.FixtureRequest, edge: Edge) -> Iterator[Firm]:
    edge.site.forget()
    edge.office.letters.clear()
    edge.copies += 1
    url = edge.copy(request.param, f"press_{os.getpid()}_{edge.copies}")
    yield Firm(edge, url, edge.at + timedelta(minutes=2))
    edge.drop(url)


@contextmanager
def kills(firm: Firm, server: Site | PressOffice, what: str, turn: int) -> Iterator[list[str]]:
    """The process that speaks to this server dies when the server has got so far, and before it says so."""
    seen: list[str] = []

    def on(event: str) -> None:
        if event == what:
            seen.append(event)
            if len(seen) == turn:
                os.kill(firm.edge.forks.pid, signal.SIGKILL)

    server.on = on
    yield seen
    server.on = lambda event: None


def check(firm: Firm, database: Database, world: World) -> None:
    """Everybody has it, to the byte, once; where nobody could know, a person looked into the server's log and said what to do."""
    assert firm.site.texts == [firm.edge.text]
    assert len(firm.site.keys) == 1
    assert not firm.site.refused
    assert [line.text.encode() for line in world.lines("g:branches", "gao.yuan")] == [firm.edge.text]
    assert max(firm.office.got.values(), default=0) <= 1, "nobody has it twice"
    found = ledger(database)
    assert (found["site"].state, found["branches"].state) == (State.DONE, State.DONE)
    settle_doubt(firm, world)
    assert dict(firm.office.got) == dict.fromkeys(ADDRESSES, 1)
    assert firm.office.bodies == {firm.edge.text}
    assert {one.state for one in ledger(database).values()} == {State.DONE}
    assert [one.receipt for one in ledger(database).values() if one.outlet == "site"] == ["notice-1"]
    check_trail(world)


def settle_doubt(firm: Firm, world: World) -> None:
    """At most one letter is in doubt, and that is said."""
    found = ledger(world.database)["press"]
    if found.state is State.DONE:
        return
    assert found.state is State.FAILED
    (doubtful,) = [one for one in ADDRESSES if one in found.reason]
    assert "nobody knows whether" in found.reason
    numbers = {letter["Message-ID"] for _, letter in firm.office.letters}
    assert all(number in found.reason for number in numbers), "by which the mail server's log is asked"
    assert firm.office.got.keys() >= set(ADDRESSES) - {doubtful}, "the others have it"
    if doubtful in firm.office.got:
        reply = world.says("gao.yuan", "/声明 回执 S1 渠道=press 邮件服务器日志:已送达")
        assert reply.error is None, reply.text
    else:
        press.orders(world, "press")
        world.settle()


@pytest.mark.parametrize(("seam", "turn"), SEAMS)
def test_killed_at_a_seam(firm: Firm, seam: str, turn: int) -> None:
    told = firm.dies(seam, turn)
    assert told[-1]["died_at"] == seam, told
    database, world = firm.recovers()
    try:
        check(firm, database, world)
    finally:
        database.close()


@pytest.mark.parametrize(("server", "what", "turn"), SERVERS)
def test_killed_by_who_took_it(firm: Firm, server: str, what: str, turn: int) -> None:
    """The other side has got a text, or is about to, and says nothing any more to anybody."""
    with kills(firm, firm.site if server == "site" else firm.office, what, turn) as seen:
        firm.dies()
    assert len(seen) >= turn
    database, world = firm.recovers()
    try:
        check(firm, database, world)
    finally:
        database.close()


def test_killed_again_and_again(firm: Firm) -> None:
    """The recovery from a death dies too, and the site is in trouble meanwhile."""
    firm.site.faults = ["lost", (503, {}, b""), "drop", "lost", (429, {"Retry-After": "400"}, b"")]
    for seam, turn in (("letter: asked", 1), ("letter: asked", 2), ("Publishing.go: written", 1), ("post: asked", 1)):
        firm.dies(seam, turn)
        firm.at += PAST_LEASES + timedelta(minutes=5)
    database, world = firm.recovers()
    try:
        for _ in range(3):
            world.clock.now += timedelta(minutes=5)
            world.settle()
        check(firm, database, world)
    finally:
        database.close()


def test_undisturbed_it_is_all_out(firm: Firm) -> None:
    database, world = firm.recovers()
    try:
        check(firm, database, world)
        assert len(firm.site.asked) == 1
        assert set(ledger(database)) == set(OUTLETS)
    finally:
        database.close()


# The whole program


@contextmanager
def served(firm: Firm) -> Iterator["subprocess.Popen[bytes]"]:
    settings = {
        "GENGFU_DATABASE_URL": firm.url,
        "GENGFU_DATA_KEYS": f"{KEY[0][0]}:{base64.b64encode(KEY[0][1]).decode()}",
        "GENGFU_SEAL_KEY": base64.b64encode(bytes(32)).decode(),
        "GENGFU_PORT": str(free_port()),
        "GENGFU_PLAN_DIR": str(firm.plan),
        "GENGFU_CONSOLE": "on",
        "SMTP_URL": f"smtp://127.0.0.1:{firm.office.port}",
        "SMTP_FROM": "gengfu@firm.example",
        press.NAME: SECRET,
    }
    environ = {**os.environ, **settings, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "bot", "serve"]
    with subprocess.Popen(command, cwd=firm.edge.folder, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def leases_are_over(firm: Firm) -> None:
    """As if two minutes had gone by."""
    database = Database(firm.url)
    held = update(OutboxRow).where(col(OutboxRow.status) == WAITING, col(OutboxRow.attempt) > 0)
    other = update(InboxRow).where(col(InboxRow.status) == WAITING, col(InboxRow.attempt) > 0)
    database.write(lambda tx: [tx.exec(one.values(due=real_now())) for one in (held, other)])
    database.close()


def until(found: Callable[[], bool], seconds: float = 90) -> None:
    give_up = time.monotonic() + patient(seconds)
    while not found():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.1)


def test_the_whole_program_is_killed_while_it_publishes(firm: Firm) -> None:
    """`gengfu serve`, as an operator runs it: killed by the mail server that has just taken a letter, then by the site, then left alone."""
    lives: list[subprocess.Popen[bytes]] = []

    def kill(event: str) -> None:
        if event == "taken":
            lives[-1].kill()

    firm.site.faults = [(503, {}, b"")]
    for server in (firm.office, firm.site):
        server.on = kill
        with served(firm) as process:
            lives.append(process)
            until(lambda: process.poll() is not None)
            assert process.returncode == -signal.SIGKILL
        server.on = lambda event: None
        leases_are_over(firm)
    with served(firm):
        database = Database(firm.url)
        try:
            until(lambda: all(one.state in (State.DONE, State.FAILED) for one in ledger(database).values()))
        finally:
            database.close()
    database, world = firm.recovers()
    try:
        check(firm, database, world)
    finally:
        database.close()
