"""The stand-in for DingTalk as a test holds it: `with Sim() as sim:`."""

import asyncio
import random
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta

from tests.simulators.core.clock import Clock
from tests.simulators.core.faults import Faults
from tests.simulators.core.house import House
from tests.simulators.dingtalk.deliveries import Callback, Deliveries
from tests.simulators.dingtalk.people import Player
from tests.simulators.dingtalk.server import Api
from tests.simulators.dingtalk.state import ROBOT, Chat, Hook, Message, Person, State
from tests.simulators.dingtalk.stream import Ack, Stream
from tests.simulators.dingtalk.templates import OURS, Template

SCENE = "5c5c0000-made-up-scene"


class Sim(House):
    """One organisation with one app, on a free port of loopback. `seed` repeats its ids and its chances."""

    def __init__(
        self, clock: Clock | None = None, *, app_key: str = "dingsim00appkey", app_secret: str = "s3cret-of-the-app", seed: int = 0
    ) -> None:
        super().__init__("dingtalk", seed or secrets.randbits(60))
        self.state = State(clock or Clock(), random.Random(self.seed), app_key, app_secret, robot_code=app_key)
        self.state.templates[OURS.id] = OURS
        self.state.scene_templates.add(SCENE)
        self.clock = self.state.clock
        self.faults = Faults(self.clock)
        self.wire: Stream = Stream(self.state)
        self.api: Api = Api(self.state, self.faults, self.wire.open_connection)
        self.deliveries = Deliveries(self.state, self._over_wire)

    def __enter__(self) -> "Sim":
        super().__enter__()
        self.state.url = self.url
        return self

    def _over_wire(self, kind: str, topic: str, data: str, also: Mapping[str, str]) -> Ack:
        future = asyncio.run_coroutine_threadsafe(self.wire.deliver(kind, topic, data, also), self.running)
        return future.result(self.wire.ack_within + 10)

    # Its world

    def add_person(self, userid: str, name: str, *, mobile: str = "") -> Player:
        self.state.people[userid] = Person(userid, name, mobile)
        return self.person(userid)

    def add_chat(self, name: str, members: Iterable[str], *, chat_id: str = "") -> Chat:
        chat = Chat(chat_id or self.state.new("cid") + "==", name, members=set(members))
        self.state.chats[chat.id] = chat
        return chat

    def add_template(self, template: Template) -> None:
        self.state.templates[template.id] = template

    def add_hook(self, token: str, chat: str, *, secret: str = "", keyword: str = "", ips: tuple[str, ...] = ()) -> str:
        """The address of a custom robot that its owner copies."""
        self.state.hooks[token] = Hook(chat, secret, keyword, ips)
        return f"{self.url}/robot/send?access_token={token}"

    def person(self, userid: str) -> Player:
        return Player(self.state, self.deliveries, userid)

    def chat(self, chat_id: str) -> Chat:
        return self.state.chats[chat_id]

    def direct(self, userid: str) -> Chat:
        return self.state.direct(userid)

    def message(self, message_id: str) -> Message:
        found = self.state.message(message_id)
        assert found is not None, message_id
        return found

    @property
    def said(self) -> list[Message]:
        """Everything that the robot said, oldest first."""
        found = [message for chat in self.state.chats.values() for message in chat.messages if message.sender == ROBOT]
        return sorted(found, key=lambda message: message.at)

    # What came in, and how it goes out

    @property
    def oddities(self) -> list[str]:
        return self.state.oddities

    def callback(self, url: str, *, events: str = "", token: str = "", aes_key: str = "", answer_within: float = 5.0) -> Callback:
        """Messages go there from now on (and events to `events`), instead of over the stream."""
        self.deliveries.callback = Callback(url, token, aes_key, events or f"{url}/events", answer_within)
        return self.deliveries.callback

    def kill_tokens(self) -> None:
        with self.state.lock:
            self.state.tokens.clear()

    def advance(self, **span: float) -> None:
        """Time passes; what DingTalk sends again meanwhile, it sends again."""
        self.deliveries.until(self.clock() + timedelta(**span))

    def ping_connections(self) -> list[bool]:
        return asyncio.run_coroutine_threadsafe(self.wire.ping(), self.running).result(self.wire.ack_within * 10 + 10)

    def forget_connections(self) -> None:
        asyncio.run_coroutine_threadsafe(self.wire.forget(), self.running).result(10)

    def ask_to_reconnect(self, grace: float = 1.0) -> None:
        asyncio.run_coroutine_threadsafe(self.wire.disconnect(grace), self.running).result(self.wire.ack_within * 10 + grace + 10)
