"""`make simulate PLATFORM=feishu`."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.simulators.core import stage
from tests.simulators.core.stage import FOLDER, Running, Scene
from tests.simulators.feishu.sim import Sim
from tests.simulators.feishu.stage_page import FeishuStage
from tests.simulators.feishu.tenant import chat_id, names, open_id
from workflows.core.people import Organization

Mode = Literal["ws", "http"]


class FeishuScene(Scene):
    """`ws`: the long connection · `http`: callbacks."""

    def __init__(self, mode: str) -> None:
        self.sim: Sim = Sim(stage.RealClock())
        self.names = names(chats=True)
        self.mode = mode
        self._key, self._token = secrets.token_hex(16), secrets.token_hex(16)

    def people(self, organization: Organization) -> None:
        for person in organization.people.values():
            self.sim.add_person(open_id(person.id), person.name, email=person.email, mobile=person.phone)
        self.sim.add_person("ou_colleague", "同事 / colleague")
        for group in organization.groups.values():
            self.sim.add_chat(group.name, (open_id(one) for one in group.everyone), chat_id=chat_id(group.id))

    def settings(self) -> dict[str, str]:
        proofs = {"FEISHU_VERIFICATION_TOKEN": self._token, "FEISHU_ENCRYPT_KEY": self._key} if self.mode == "http" else {}
        return {
            "FEISHU_APP_ID": self.sim.state.app_id,
            "FEISHU_APP_SECRET": self.sim.state.app_secret,
            "FEISHU_MODE": self.mode,
            "FEISHU_API_BASE": self.sim.url,
            **proofs,
        }

    def connect(self, server: str) -> None:
        if self.mode == "http":
            self.sim.callback(f"{server}/callbacks/feishu", encrypt_key=self._key, verification_token=self._token)

    def connected(self) -> bool:
        return self.mode == "http" or bool(self.sim.wire.connections)

    def tick(self) -> None:
        self.sim.deliveries.until(self.sim.clock())

    def stage(self, locale: str, timezone: str, alive: Callable[[], bool]) -> FeishuStage:
        return FeishuStage(self.sim, locale, timezone, alive)


@contextmanager
def running(folder: Path = FOLDER, mode: Mode = "ws") -> Iterator[Running]:
    with stage.running(FeishuScene(mode), folder=folder) as now:
        yield now


if __name__ == "__main__":
    stage.main("feishu", ("ws", "http"), FeishuScene)
