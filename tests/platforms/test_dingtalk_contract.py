"""DingTalk passes the one contract: on the stream and with callbacks, with the card template and without."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from bot.platforms.core.contract import Deed, Done, Hear, NotAuthentic, Platform
from bot.platforms.dingtalk.adapter import DingTalk, Setup
from bot.platforms.dingtalk.inbound import Secrets, card_secret
from tests.platforms.contract import PlatformContract, Stand
from tests.platforms.test_feishu_outbound import LABELS as SEVEN
from tests.platforms.test_feishu_outbound import Memory
from tests.simulators.dingtalk import OURS, SCENE, Sim

LABELS = replace(SEVEN, again="(可能重复)")


class DingTalkStand(Stand):
    person, other, chat = "dlina", "dwudi", "cidroom=="

    def __init__(self, sim: Sim, mode: str, template: str = OURS.id) -> None:
        self.sim = sim
        self.mode = mode
        self.template = template
        self._shelf = Memory(sim.clock)

    def made(self, http: httpx.AsyncClient) -> DingTalk:
        state = self.sim.state
        secrets = Secrets(state.app_key, state.app_secret, state.robot_code, state.corp, "token", b"k" * 32, card_secret(state.app_secret))
        setup = Setup(self.mode, self.template, SCENE, f"{self.sim.url}/callbacks/dingtalk/card")
        return DingTalk(secrets, setup, http, http, self._shelf, LABELS, self.sim.clock)

    def platform(self) -> Platform:
        return self.made(httpx.AsyncClient(base_url=self.sim.url, trust_env=False))

    def do(self, deed: Deed, key: str) -> Done:
        async def work() -> Done:
            async with httpx.AsyncClient(base_url=self.sim.url, timeout=5, trust_env=False) as http:
                return await self.made(http).do(deed, key)

        self.sim.clock.push(seconds=2)
        if self.mode == "http" and self.template and not self.sim.state.routes:
            self.listens(_nobody)
        return asyncio.run(work())

    def listens(self, hear: Hear) -> None:
        """The stream is held for as long as it stands: here it is let go once it does."""

        async def work() -> None:
            async with httpx.AsyncClient(base_url=self.sim.url, timeout=5, trust_env=False) as http:
                listening = asyncio.create_task(self.made(http).listen(hear))
                if self.mode == "http":
                    await asyncio.wait_for(listening, 5)
                    return
                while not self.sim.wire.connections:  # noqa: ASYNC110 the stand-in has no event for it
                    await asyncio.sleep(0.01)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

        asyncio.run(asyncio.wait_for(work(), 5))

    def seen(self) -> list[str]:
        found = [message for chat in self.sim.state.chats.values() for message in chat.shown]
        return [self.sim.person(self.person).seen(message) for message in found]

    def rang(self) -> int:
        return sum(len(message.mentioned) for message in self.sim.said)


async def _nobody(message: object) -> None:
    raise AssertionError("nobody speaks")


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        sim.add_person("dlina", "李娜")
        sim.add_person("dwudi", "吴迪")
        sim.add_chat("应急办", ("dlina", "dwudi"), chat_id="cidroom==")
        yield sim
        assert sim.oddities == []


class TestStream(PlatformContract):
    @pytest.fixture
    def stand(self, sim: Sim) -> Stand:
        return DingTalkStand(sim, "stream")

    def test_callbacks_are_off(self, stand: Stand) -> None:
        with pytest.raises(NotAuthentic, match="callbacks_off"):
            stand.platform().receive({}, b"{}")


class TestHttp(PlatformContract):
    @pytest.fixture
    def stand(self, sim: Sim) -> Stand:
        return DingTalkStand(sim, "http")


class TestWithoutTemplate(PlatformContract):
    @pytest.fixture
    def stand(self, sim: Sim) -> Stand:
        return DingTalkStand(sim, "stream", template="")
