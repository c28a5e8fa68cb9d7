"""Two processes of one firm on PostgreSQL before one robot, at the house's own times: one holds the connection, is killed, the other goes
on. (`test_wecom_wire.py` has the same in one process at a tenth of the times.)"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from bot.bootstrap import real_now
from storage.database import Database
from tests.ready import ROOT, patient, with_schema
from tests.simulators.core.clock import Clock
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import AES_KEY, TOKEN, settings_on

PEOPLE = ("li.na", "wang.qiang", "zhao.min")


class RealTime(Clock):
    def __call__(self) -> datetime:
        return real_now().astimezone(UTC)


@dataclass
class Serving:
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def told(self, action: str) -> bool:
        assert self.process.poll() is None, self.log.read_text("utf-8")
        return f'"{action}"' in self.log.read_text("utf-8")


@contextmanager
def serving(folder: Path, names: dict[str, str]) -> Iterator[Serving]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    folder.mkdir()
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **names, "GENGFU_PORT": port, "GENGFU_PUBLIC_URL": url}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-m", "bot", "serve"], cwd=folder, env=environment, stderr=log) as process,
    ):
        try:
            yield Serving(process, url, folder / "log")
        finally:
            if process.poll() is None:
                process.kill()


def until(so: Callable[[], bool], seconds: float) -> None:
    began = time.monotonic()
    while not so():
        assert time.monotonic() - began < seconds, "it never came"
        time.sleep(0.05)


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim(RealTime()) as sim:
        for person in PEOPLE:
            sim.add_person(userid(person), person)
        yield sim
        assert sim.oddities == []
        assert sim.dropped == []


def to_robot(sim: Sim, person: str) -> str:
    """Why it is lost, or nothing."""
    sim.person(userid(person)).says("", "/我是谁")
    return sim.deliveries.events[-1].problems[-1]


def answers(sim: Sim, person: str, line: Literal["app", "robot"]) -> int:
    chat = sim.person(userid(person)).app if line == "app" else sim.person(userid(person)).bot
    return len([message for message in chat.messages if message.sender == line])


def test_who_holds_the_robot_is_killed_and_the_other_goes_on(
    sim: Sim, tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What WeCom tells the app again reaches the other at once; what it tells the robot while nobody is connected, it tells nobody."""
    with_schema(Database(postgres_url)).close()
    names = {"GENGFU_DATABASE_URL": postgres_url, **settings_on(sim, tmp_path, "both")}
    with ExitStack() as stack:
        two = [stack.enter_context(serving(tmp_path / name, names)) for name in ("one", "other")]
        until(lambda: all(process.told("wire_up") or process.told("wire_elsewhere") for process in two), 60)
        (holder,), (other,) = (
            [process for process in two if process.told("wire_up")],
            [process for process in two if not process.told("wire_up")],
        )
        assert len(sim.frames("aibot_subscribe")) == 1, "exactly one holds it"
        callback = sim.app_callback(f"{holder.url}/callbacks/wecom", token=TOKEN, aes_key=AES_KEY)
        callback.replicas.append(f"{other.url}/callbacks/wecom")
        assert to_robot(sim, "li.na") == ""
        until(lambda: answers(sim, "li.na", "robot") == 1, 60)

        holder.process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: sim.wire.subscribed is None, 60)
        for person in PEOPLE:
            sim.person(userid(person)).says_app("/我是谁")
        assert to_robot(sim, "wang.qiang") == "no connection"
        until(lambda: sim.wire.subscribed is not None, 120)
        connected = time.monotonic() - killed
        assert to_robot(sim, "zhao.min") == ""
        until(lambda: answers(sim, "zhao.min", "robot") == 1, 60)
        served = time.monotonic() - killed
        with capsys.disabled():
            sys.stdout.write(f"\n[takeover of WeCom's robot: connected after {connected:.1f} s, a message answered after {served:.1f} s]\n")
        assert served < patient(30)
        assert len(sim.frames("aibot_subscribe")) == 2
        assert [answers(sim, person, "robot") for person in PEOPLE] == [1, 0, 1], "nothing is said twice"
        assert [answers(sim, person, "app") for person in PEOPLE] == [1, 1, 1], "and nothing is lost that WeCom tells again"
