"""`make simulate PLATFORM=wecom`."""

import base64
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.simulators.core import stage
from tests.simulators.core.stage import FOLDER, Running, Scene
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.stage_page import WecomStage
from tests.simulators.wecom.tenant import chat_id, names, userid
from workflows.core.people import Organization

Mode = Literal["ws", "http", "app", "robot"]


class WecomScene(Scene):
    """`ws`: the app, and the robot over the long connection · `http`: both by callbacks · `app`, `robot`: one of them alone."""

    def __init__(self, mode: str) -> None:
        self.sim: Sim = Sim(stage.RealClock())
        self.app, self.robot = mode != "robot", mode != "app"
        self.names = names(chats=self.robot)
        self.callbacks = mode == "http"
        self._tokens = secrets.token_hex(10), secrets.token_hex(10)
        self._keys = _aes_key(), _aes_key()

    def people(self, organization: Organization) -> None:
        for person in organization.people.values():
            self.sim.add_person(userid(person.id), person.name, email=person.email, mobile=person.phone)
        self.sim.add_person("Colleague", "同事 / colleague")
        for group in organization.groups.values() if self.robot else ():
            self.sim.add_group(group.name, (userid(one) for one in group.everyone), chat_id=chat_id(group.id))

    def settings(self) -> dict[str, str]:
        state = self.sim.state
        found = {"WECOM_API_BASE": self.sim.url, "WECOM_WS_URL": self.sim.ws_url}
        if self.app:
            found |= {
                "WECOM_CORP_ID": state.corp_id, "WECOM_AGENT_ID": str(state.agent_id), "WECOM_SECRET": state.secret,
                "WECOM_TOKEN": self._tokens[0], "WECOM_AES_KEY": self._keys[0],
            }  # fmt: skip
        if self.robot:
            proof = (
                {"WECOM_BOT_TOKEN": self._tokens[1], "WECOM_BOT_AES_KEY": self._keys[1]}
                if self.callbacks
                else {"WECOM_BOT_SECRET": state.bot_secret}
            )
            found |= {"WECOM_BOT_ID": state.bot_id, **proof}
        return found

    def connect(self, server: str) -> None:
        if self.app:
            self.sim.app_callback(f"{server}/callbacks/wecom", token=self._tokens[0], aes_key=self._keys[0])
        if self.callbacks:
            self.sim.robot_callback(f"{server}/callbacks/wecom-bot", token=self._tokens[1], aes_key=self._keys[1])

    def connected(self) -> bool:
        return not self.robot or self.callbacks or self.sim.wire.subscribed is not None

    def tick(self) -> None:
        self.sim.robot.poll()

    def stage(self, locale: str, timezone: str, alive: Callable[[], bool]) -> WecomStage:
        return WecomStage(self.sim, locale, timezone, alive, app=self.app, robot=self.robot)


def _aes_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")


@contextmanager
def running(folder: Path = FOLDER, mode: Mode = "ws") -> Iterator[Running]:
    with stage.running(WecomScene(mode), folder=folder) as now:
        yield now


if __name__ == "__main__":
    stage.main("wecom", ("ws", "http", "app", "robot"), WecomScene)
