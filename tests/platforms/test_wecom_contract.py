"""WeCom passes the one contract: the app, the robot over its long connection, and the robot in callbacks beside the app."""

import asyncio
from collections.abc import Iterator

import pytest

from bot.bootstrap import load_topics
from bot.channels import read_channels
from bot.platforms.core.contract import CreateRoom, Deed, Done, Invite, Send
from bot.platforms.wecom.adapter import Wecom
from bot.platforms.wecom.app_inbound import NOTHING
from bot.wecom import make_wecom
from handlers.core.message import Outgoing, Reply
from handlers.core.wording import Words
from tests.platforms.contract import PlatformContract, Stand
from tests.platforms.test_feishu_outbound import Memory
from tests.simulators.wecom.sim import Sim
from tests.wecom_firm import AES_KEY, BOT_AES_KEY, BOT_TOKEN, TOKEN

load_topics()  # what a card says to type instead of its buttons comes from the commands
WORDS = Words.load("zh", "Asia/Shanghai")


class WecomStand(Stand):
    person, other = "LiNa", "WuDi"

    def __init__(self, sim: Sim, names: dict[str, str], chat: str = "") -> None:
        self.sim = sim
        self.chat = chat
        self._names = {"WECOM_API_BASE": sim.url, "WECOM_WS_URL": sim.ws_url, **names}
        self._shelf = Memory(sim.clock)

    def platform(self) -> Wecom:
        settings = read_channels(self._names).wecom
        assert settings is not None
        return make_wecom(settings, self._shelf, WORDS, self.sim.clock, "https://gengfu.example.com", 20)

    def do(self, deed: Deed, key: str) -> Done:
        self.sim.clock.push(seconds=61)
        return asyncio.run(self._do(deed, key))

    async def _do(self, deed: Deed, key: str) -> Done:
        wecom = self.platform()
        listening = asyncio.create_task(wecom.listen(_nobody))
        try:
            if wecom.robot is not None and wecom.robot.wire is not None:
                await self._until_up(wecom)
            return await wecom.do(deed, key)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await wecom.close()

    async def _until_up(self, wecom: Wecom) -> None:
        assert wecom.robot is not None
        assert wecom.robot.wire is not None
        for _ in range(200):
            if not wecom.robot.wire.trouble:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(wecom.robot.wire.trouble)

    def seen(self) -> list[str]:
        return [message.text for message in self.sim.said if not message.recalled]

    def rang(self) -> int:
        return sum(len(message.mentioned) for message in self.sim.said)


async def _nobody(message: object) -> None:
    raise AssertionError("nobody speaks")


APP = {"WECOM_TOKEN": TOKEN, "WECOM_AES_KEY": AES_KEY}


def _app(sim: Sim) -> dict[str, str]:
    return {"WECOM_CORP_ID": sim.state.corp_id, "WECOM_AGENT_ID": str(sim.state.agent_id), "WECOM_SECRET": sim.state.secret, **APP}


def _peopled(sim: Sim) -> None:
    sim.add_person("LiNa", "李娜")
    sim.add_person("WuDi", "吴迪")
    sim.add_group("应急办", ("LiNa", "WuDi"), chat_id="wrOffice")


class WecomContract(PlatformContract):
    """What WeCom answers is sealed for the request it belongs to, and an app's group needs two."""

    def test_every_reply_has_an_envelope(self, stand: Stand) -> None:
        assert stand.platform().answer(Reply("好")) == NOTHING

    def test_a_room_is_made_and_strangers_are_named(self, stand: Stand) -> None:
        if not stand.platform().can.create_room:
            pytest.skip("it makes no rooms")
        room = CreateRoom("INC-20260310-001 行情中断", (stand.person, stand.other, "nobody-at-all"))
        done, again = stand.do(room, "room:I1"), stand.do(room, "room:I1")
        assert done.facts == again.facts
        assert done.facts["missing"] == "nobody-at-all"
        assert stand.do(Invite(done.facts["chat"], ("nobody-at-all",)), "invite:1").facts["missing"] == "nobody-at-all"
        stand.do(Send(Outgoing("都在"), chat=done.facts["chat"]), "outbox:3")
        assert any("都在" in text for text in stand.seen())


class TestApp(WecomContract):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with Sim() as sim:
            _peopled(sim)
            yield WecomStand(sim, _app(sim))
            assert sim.oddities == []


class TestRobotOverItsLongConnection(WecomContract):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with Sim() as sim:
            _peopled(sim)
            names = {"WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_SECRET": sim.state.bot_secret}
            found = WecomStand(sim, names, "wrOffice")
            sim.state.group_cards = True
            _spoken(found)
            yield found
            assert sim.oddities == []

    def listens(self, stand: Stand) -> None:
        """It has a long connection."""

    def test_where_there_is_no_long_connection_listening_ends_at_once(self, stand: Stand) -> None:
        assert isinstance(stand, WecomStand)
        assert stand.do(Send(Outgoing("在"), person=stand.person), "outbox:1").facts["chat"] == "bot:LiNa"


class TestRobotInCallbacks(WecomContract):
    """People are told by the app; the group hears what answers somebody."""

    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with Sim() as sim:
            _peopled(sim)
            names = {"WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_TOKEN": BOT_TOKEN, "WECOM_BOT_AES_KEY": BOT_AES_KEY}
            yield WecomStand(sim, {**_app(sim), **names})
            assert sim.oddities == []


def _spoken(stand: WecomStand) -> None:
    """Everybody has said something to the robot: before that it may not speak."""

    async def work() -> None:
        wecom = stand.platform()
        heard: list[object] = []

        async def hear(message: object) -> None:
            heard.append(message)

        listening = asyncio.create_task(wecom.listen(hear))
        await stand._until_up(wecom)
        for person, chat in (("LiNa", ""), ("WuDi", ""), ("LiNa", "wrOffice")):
            await asyncio.to_thread(stand.sim.person(person).says, chat, "在吗", mention_bot=bool(chat))
        for _ in range(100):
            if len(heard) == 3:
                break
            await asyncio.sleep(0.02)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await wecom.close()
        assert len(heard) == 3

    asyncio.run(work())
