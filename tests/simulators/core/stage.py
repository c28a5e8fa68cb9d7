"""`make simulate PLATFORM=…`: the server before a stand-in (or several), on real time, and a page of each on which one can be anybody.

Everything is this machine's: the stand-ins, the server (a process of its own, its database new under var/simulate, in a folder named
after the messenger and the port) and the pages listen on loopback, and end together.
"""

import argparse
import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType

import httpx
import uvicorn

from bot.bootstrap import SAMPLE_PLAN, real_now
from handlers.core.wording import Locale
from storage.plan import load_plan
from tests.simulators.core.clock import Clock
from tests.simulators.core.house import House
from tests.simulators.core.stage_page import Stage, page_app
from tests.simulators.core.tenant import Names, plan_on
from workflows.core.people import Organization

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "var" / "simulate"
PORT = 8010
READY_WITHIN, STOPPED_WITHIN = 90.0, 15.0
#: Of the environment, the server gets what is not a setting, and these.
KEPT = ("GENGFU_LOCALE", "GENGFU_TIMEZONE")
OURS = ("GENGFU_", "FEISHU_", "SMTP_", "WECOM_", "DINGTALK_")


class RealClock(Clock):
    """Nobody moves it."""

    @property
    def at(self) -> datetime:
        return real_now()

    @at.setter
    def at(self, moment: datetime) -> None:
        return

    def __init__(self) -> None:
        return


class Scene(ABC):
    """One messenger's side of it, in one of its modes."""

    sim: House
    names: Names

    @abstractmethod
    def people(self, organization: Organization) -> None:
        """They, and their groups, enter the stand-in."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """Of the server, once the stand-in runs."""

    @abstractmethod
    def connect(self, server: str) -> None:
        """Where callbacks go."""

    @abstractmethod
    def connected(self) -> bool:
        """Whether the server hears the stand-in."""

    @abstractmethod
    def tick(self) -> None:
        """What the platform does as time goes by."""

    @abstractmethod
    def stage(self, locale: str, timezone: str, alive: Callable[[], bool]) -> Stage: ...


@dataclass(frozen=True)
class Running:
    """`pages` is what people open, by messenger; `server` the bot, `log` what it writes."""

    pages: Mapping[str, str]
    server: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def page(self) -> str:
        """The first, or the only one."""
        return next(iter(self.pages.values()))


@contextmanager
def running(*scenes: Scene, folder: Path = FOLDER, port: int = 0, locale: Locale = "zh", source: Path = SAMPLE_PLAN) -> Iterator[Running]:
    """Begins anew: what an earlier run left in `folder` goes, once the ports are ours. Of several pages, each has the next port."""
    with ExitStack() as house:
        doors = [house.enter_context(_door(port and port + number)) for number, _ in enumerate(scenes)]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        plan = plan_on(folder / "plan", source, *(scene.names for scene in scenes))
        organization = load_plan(plan).organization
        for scene in scenes:
            house.enter_context(scene.sim)
            scene.people(organization)
        names = _environment(scenes, folder, plan, locale)
        url = names["GENGFU_PUBLIC_URL"]
        process = house.enter_context(_server(folder, names))
        pages = {}
        for door, scene in zip(doors, scenes, strict=True):
            scene.connect(url)
            stage = scene.stage(locale, names.get("GENGFU_TIMEZONE", "Asia/Shanghai"), partial(_lives, process))
            house.enter_context(_ticking(scene))
            pages[stage.platform["en"]] = house.enter_context(_page(stage, door))
        _until_ready(url, process, scenes)
        yield Running(pages, url, folder / "server.log", process)


def _environment(scenes: Sequence[Scene], folder: Path, plan: Path, locale: Locale) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        **{name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(OURS)},
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "GENGFU_LOCALE": locale,
        "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}",
        "GENGFU_PORT": str(port),
        "GENGFU_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "GENGFU_PLAN_DIR": str(plan),
        "GENGFU_DATA_KEYS": f"simulate:{_key()}",
        "GENGFU_SEAL_KEY": _key(),
        **{name: value for scene in scenes for name, value in scene.settings().items()},
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _lives(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is None


@contextmanager
def _server(folder: Path, names: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """In a folder of its own, where no `.env` of the developer's is."""
    command = [sys.executable, "-m", "bot"]
    with (folder / "server.log").open("wb") as log:
        subprocess.run([*command, "migrate"], cwd=folder, env=dict(names), stdout=log, stderr=log, check=True)
        # A session of its own: Ctrl-C reaches it through us, in our order.
        process = subprocess.Popen([*command, "serve"], cwd=folder, env=dict(names), stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_ready(url: str, process: "subprocess.Popen[bytes]", scenes: Sequence[Scene]) -> None:
    end = time.monotonic() + READY_WITHIN
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                if client.get(f"{url}/readyz").status_code == 200 and all(scene.connected() for scene in scenes):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise SystemExit("the server did not start: see server.log")


@contextmanager
def _ticking(scene: Scene) -> Iterator[None]:
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1.0):
            scene.tick()

    thread = threading.Thread(target=tick, name="the platform's own time")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _door(port: int) -> Iterator[socket.socket]:
    """Ours from now on: whoever comes second hears so, and takes nothing of the first's away."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
            door.listen()
        except OSError as error:
            other = f"PORT={port + 10}"
            zh, en = f"端口 {port} 用不了,多半已被占用", f"port {port} cannot be used ({error.strerror})"
            why = f"{zh};请换一个,例如 {other} / {en}; give another, {other}"
            raise SystemExit(why) from None
        yield door


@contextmanager
def _page(stage: Stage, door: socket.socket) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(page_app(stage), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([door],), name="stage")
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def main(platform: str, modes: Sequence[str], *scenes: Callable[[str], Scene]) -> None:
    parser = argparse.ArgumentParser(prog=f"make simulate PLATFORM={platform}", description=__doc__)
    parser.add_argument("--mode", choices=modes, default=modes[0], help=f"how the two speak to each other (default {modes[0]})")
    parser.add_argument("--port", type=int, default=PORT, help=f"of the page; of several, the first one's (default {PORT})")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell that starts it in the background has SIGINT ignored
        signal.signal(number, _stop)
    try:
        locale: Locale = "en" if os.environ.get("GENGFU_LOCALE") == "en" else "zh"
        folder = FOLDER / f"{platform}-{given.port}"
        with running(*(scene(given.mode) for scene in scenes), folder=folder, port=given.port, locale=locale) as now:
            for messenger, page in now.pages.items():
                print(f"更夫 Gengfu before a stand-in of {messenger} ({given.mode}): {page}", flush=True)
            print(f"Ctrl-C ends everything; the server writes to {now.log}", flush=True)
            now.process.wait()
            raise SystemExit(f"the server has stopped by itself: see {now.log}")
    except KeyboardInterrupt:
        print("\nended", flush=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
