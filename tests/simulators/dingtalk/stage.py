"""`make simulate PLATFORM=dingtalk`: the server before the stand-in, on real time, and a page on which one can be anybody.

As tests/simulators/feishu/stage.py does it, whose parts it takes: the server's process, its keys, the clock.
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import httpx
import uvicorn

from bot.bootstrap import SAMPLE_PLAN
from handlers.core.wording import Locale
from storage.plan import load_plan
from tests.simulators.dingtalk.sim import SCENE, Sim
from tests.simulators.dingtalk.stage_page import Stage, page_app
from tests.simulators.dingtalk.templates import OURS
from tests.simulators.dingtalk.tenant import chat_id, plan_on_dingtalk, userid
from tests.simulators.feishu import stage as feishu

Mode = Literal["stream", "http"]


@dataclass(frozen=True)
class Running:
    """`page` is what people open, `server` the bot, `log` what it writes."""

    page: str
    server: str
    log: Path
    process: Any
    stage: Stage


@contextmanager
def running(
    folder: Path = feishu.FOLDER, *, mode: Mode = "stream", port: int = 0, locale: Locale = "zh", source: Path = SAMPLE_PLAN
) -> Iterator[Running]:
    """Begins anew: what an earlier run left in `folder` goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plan = plan_on_dingtalk(folder / "plan", source, chats=True)
    with Sim(feishu.RealClock()) as sim:
        _people(sim, plan)
        names = _environment(sim, folder, plan, mode, locale)
        url = f"{names['GENGFU_PUBLIC_URL']}/callbacks/dingtalk"
        if mode == "http":
            sim.callback(url, token=names["DINGTALK_TOKEN"], aes_key=names["DINGTALK_AES_KEY"])
        with feishu._server(folder, names) as process:
            stage = Stage(sim, locale, names.get("GENGFU_TIMEZONE", "Asia/Shanghai"), partial(feishu._lives, process))
            with feishu._retrying(cast(Any, sim)), _page(stage, port) as page:
                _until_ready(names["GENGFU_PUBLIC_URL"], process, sim, mode)
                yield Running(page, names["GENGFU_PUBLIC_URL"], folder / "server.log", process, stage)


def _people(sim: Sim, plan: Path) -> None:
    organization = load_plan(plan).organization
    for person in organization.people.values():
        sim.add_person(userid(person.id), person.name, mobile=person.phone)
    sim.add_person("colleague", "同事 / colleague")
    for group in organization.groups.values():
        sim.add_chat(group.name, (userid(one) for one in group.everyone), chat_id=chat_id(group.id))


def _environment(sim: Sim, folder: Path, plan: Path, mode: Mode, locale: Locale) -> dict[str, str]:
    """What the server gets, with DingTalk's settings in the place of Feishu's."""
    no_feishu = SimpleNamespace(url="", state=SimpleNamespace(app_id="", app_secret=""))
    names = feishu._environment(cast(Any, no_feishu), folder, plan, "ws", locale)
    proofs = {
        "DINGTALK_TOKEN": secrets.token_hex(8),
        "DINGTALK_AES_KEY": secrets.token_hex(22)[:43],
        "DINGTALK_CORP_ID": sim.state.corp,
    }
    return {
        **{name: value for name, value in names.items() if not name.startswith("FEISHU_")},
        "DINGTALK_CLIENT_ID": sim.state.app_key,
        "DINGTALK_CLIENT_SECRET": sim.state.app_secret,
        "DINGTALK_ROBOT_CODE": sim.state.robot_code,
        "DINGTALK_MODE": mode,
        "DINGTALK_CARD_TEMPLATE_ID": OURS.id,
        "DINGTALK_SCENE_TEMPLATE_ID": SCENE,
        "DINGTALK_API_BASE": sim.url,
        "DINGTALK_OAPI_BASE": sim.url,
        **(proofs if mode == "http" else {}),
    }


def _until_ready(url: str, process: Any, sim: Sim, mode: Mode) -> None:
    end = time.monotonic() + feishu.READY_WITHIN
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                if client.get(f"{url}/readyz").status_code == 200 and (sim.stream.connections if mode == "stream" else sim.state.routes):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise SystemExit("the server did not start: see server.log")


@contextmanager
def _page(stage: Stage, port: int) -> Iterator[str]:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        server = uvicorn.Server(
            uvicorn.Config(page_app(stage), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, args=([listening],), name="stage")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make simulate PLATFORM=dingtalk", description=__doc__)
    parser.add_argument(
        "--mode", choices=("ws", "stream", "http"), default="stream", help="the stream (default; ws is the same), or callbacks"
    )
    parser.add_argument("--port", type=int, default=feishu.PORT, help=f"of the page (default {feishu.PORT})")
    given = parser.parse_args()
    mode: Mode = "http" if given.mode == "http" else "stream"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, feishu._stop)
    try:
        with running(mode=mode, port=given.port, locale="en" if os.environ.get("GENGFU_LOCALE") == "en" else "zh") as now:
            print(f"更夫 Gengfu before a stand-in of DingTalk ({mode}): {now.page}", flush=True)
            print(f"Ctrl-C ends everything; the server writes to {now.log}", flush=True)
            now.process.wait()
            raise SystemExit(f"the server has stopped by itself: see {now.log}")
    except OSError as error:
        raise SystemExit(f"port {given.port} cannot be used ({error.strerror}): give another, PORT=8011") from None
    except KeyboardInterrupt:
        print("\nended", flush=True)


if __name__ == "__main__":
    main()
