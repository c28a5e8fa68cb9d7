"""`make simulate PLATFORM=dingtalk`."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.simulators.core import stage
from tests.simulators.core.stage import FOLDER, Running, Scene
from tests.simulators.dingtalk.sim import SCENE, Sim
from tests.simulators.dingtalk.stage_page import DingTalkStage
from tests.simulators.dingtalk.templates import OURS
from tests.simulators.dingtalk.tenant import chat_id, names, userid
from workflows.core.people import Organization

Mode = Literal["stream", "http"]


class DingTalkScene(Scene):
    """`stream`: the long connection · `http`: callbacks."""

    def __init__(self, mode: str) -> None:
        self.sim: Sim = Sim(stage.RealClock())
        self.names = names(chats=True)
        self.mode = mode
        self._token, self._key = secrets.token_hex(8), secrets.token_hex(22)[:43]

    def people(self, organization: Organization) -> None:
        for person in organization.people.values():
            self.sim.add_person(userid(person.id), person.name, mobile=person.phone)
        self.sim.add_person("colleague", "同事 / colleague")
        for group in organization.groups.values():
            self.sim.add_chat(group.name, (userid(one) for one in group.everyone), chat_id=chat_id(group.id))

    def settings(self) -> dict[str, str]:
        state = self.sim.state
        proofs = {"DINGTALK_TOKEN": self._token, "DINGTALK_AES_KEY": self._key, "DINGTALK_CORP_ID": state.corp}
        return {
            "DINGTALK_CLIENT_ID": state.app_key,
            "DINGTALK_CLIENT_SECRET": state.app_secret,
            "DINGTALK_ROBOT_CODE": state.robot_code,
            "DINGTALK_MODE": self.mode,
            "DINGTALK_CARD_TEMPLATE_ID": OURS.id,
            "DINGTALK_SCENE_TEMPLATE_ID": SCENE,
            "DINGTALK_API_BASE": self.sim.url,
            "DINGTALK_OAPI_BASE": self.sim.url,
            **(proofs if self.mode == "http" else {}),
        }

    def connect(self, server: str) -> None:
        if self.mode == "http":
            self.sim.callback(f"{server}/callbacks/dingtalk", token=self._token, aes_key=self._key)

    def connected(self) -> bool:
        """Over HTTP: once it has said where clicks go."""
        return bool(self.sim.state.routes if self.mode == "http" else self.sim.wire.connections)

    def tick(self) -> None:
        self.sim.deliveries.until(self.sim.clock())

    def stage(self, locale: str, timezone: str, alive: Callable[[], bool]) -> DingTalkStage:
        return DingTalkStage(self.sim, locale, timezone, alive)


@contextmanager
def running(folder: Path = FOLDER, mode: Mode = "stream") -> Iterator[Running]:
    with stage.running(DingTalkScene(mode), folder=folder) as now:
        yield now


if __name__ == "__main__":
    stage.main("dingtalk", ("stream", "http"), DingTalkScene)
