"""`make simulate PLATFORM=all`: one bot before all the stand-ins, each with a page of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulators.core import stage
from tests.simulators.core.stage import FOLDER, Running, Scene
from tests.simulators.dingtalk.stage import DingTalkScene
from tests.simulators.feishu.stage import FeishuScene, Mode
from tests.simulators.wecom.stage import WecomScene


def _dingtalk(mode: str) -> Scene:
    return DingTalkScene("stream" if mode == "ws" else mode)


SCENES = (FeishuScene, WecomScene, _dingtalk)


@contextmanager
def running(folder: Path = FOLDER, mode: Mode = "ws") -> Iterator[Running]:
    with stage.running(*(scene(mode) for scene in SCENES), folder=folder) as now:
        yield now


if __name__ == "__main__":
    stage.main("all", ("ws", "http"), *SCENES)
