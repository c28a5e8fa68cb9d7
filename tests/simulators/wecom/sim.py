"""The stand-in for WeCom as a test holds it: `with Sim() as sim:`."""

import asyncio
import random
import secrets
from collections.abc import Iterable
from datetime import timedelta

from tests.simulators.core.clock import Clock
from tests.simulators.core.faults import Faults
from tests.simulators.core.house import House
from tests.simulators.wecom.deliveries import Callback, Deliveries
from tests.simulators.wecom.people import Player
from tests.simulators.wecom.robot import Asked, Robot
from tests.simulators.wecom.server import Api
from tests.simulators.wecom.state import Chat, Json, Message, Person, State
from tests.simulators.wecom.wire import Wire


class Sim(House):
    """One company with one self-built app and one robot, on a free port of loopback. `seed` repeats its ids and its chances."""

    def __init__(self, clock: Clock | None = None, *, seed: int = 0) -> None:
        super().__init__("wecom", seed or secrets.randbits(60))
        self.state = State(clock or Clock(), random.Random(self.seed))
        self.clock = self.state.clock
        self.faults = Faults(self.clock)
        self.wire: Wire = Wire(self.state, self.faults)
        self.deliveries = Deliveries(self.state)
        self.robot = Robot(self.state, self.deliveries, self._over_wire, lambda: self.url)
        self.wire.robot = self.robot
        self.api: Api = Api(self.state, self.faults, self.robot)

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.wire.port}"

    def _over_wire(self, cmd: str, body: Json, asked: Asked) -> str:
        return asyncio.run_coroutine_threadsafe(self.wire.push(cmd, body, asked), self.running).result(10)

    # Its world

    def add_person(self, userid: str, name: str, *, mobile: str = "", email: str = "", visible: bool = True, opaque: str = "") -> Player:
        self.state.people[userid] = Person(userid, name, mobile, email, visible, opaque)
        return self.person(userid)

    def add_group(self, name: str, members: Iterable[str], *, chat_id: str = "", robot: bool = True) -> Chat:
        """Made by people; `chat_id` is what the robot calls it."""
        found = chat_id or self.state.new("wr")
        chat = Chat(found, name, "group", set(members), robot_inside=robot, robot_id=found)
        self.state.chats[found] = chat
        return chat

    def person(self, userid: str) -> Player:
        return Player(self.state, self.deliveries, self.robot, userid)

    def chat(self, chat_id: str) -> Chat:
        return self.state.chats[chat_id]

    def message(self, message_id: str) -> Message:
        found = self.state.message(message_id)
        assert found is not None, message_id
        return found

    def seen(self, userid: str) -> list[str]:
        """Every text that is on this person's screens now."""
        return self.person(userid).seen

    @property
    def said(self) -> list[Message]:
        """Everything that the app and the robot said, oldest first; one entry for each who got it."""
        found = [message for chat in self.state.chats.values() for message in chat.messages if message.sender in ("app", "robot")]
        return sorted(found, key=lambda message: message.at)

    # What came in, and how it goes out

    def frames(self, cmd: str) -> list[Json]:
        """What the product sent over the long connection."""
        return [one.frame for one in self.wire.frames if one.way == "in" and one.frame["cmd"] == cmd]

    @property
    def oddities(self) -> list[str]:
        return self.state.oddities

    @property
    def dropped(self) -> list[tuple[str, str]]:
        return self.state.dropped

    def app_callback(self, url: str, *, token: str, aes_key: str, answer_within: float = 5.0) -> Callback:
        self.deliveries.app = Callback(self.state, "app", url, token, aes_key, answer_within)
        return self.deliveries.app

    def robot_callback(self, url: str, *, token: str, aes_key: str, answer_within: float = 5.0) -> Callback:
        """The robot is set to callbacks; its long connection is shut from now on."""
        self.deliveries.robot = Callback(self.state, "robot", url, token, aes_key, answer_within)
        self.wire.http_only = True
        self.drop_connections()
        return self.deliveries.robot

    def kill_tokens(self) -> None:
        """They die before their time."""
        with self.state.lock:
            self.state.tokens.clear()

    def advance(self, **span: float) -> None:
        """Time passes; streams that are still being written are asked for."""
        self.clock.at += timedelta(**span)
        self.robot.poll()
