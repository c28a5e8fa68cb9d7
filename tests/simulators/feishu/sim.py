"""The stand-in for Feishu as a test holds it: `with Sim() as sim:`."""

import asyncio
import random
import secrets
from collections.abc import Iterable
from datetime import timedelta

from tests.simulators.core.clock import Clock
from tests.simulators.core.faults import Faults
from tests.simulators.core.house import House
from tests.simulators.feishu.deliveries import Callback, Deliveries
from tests.simulators.feishu.people import Player
from tests.simulators.feishu.server import Api
from tests.simulators.feishu.state import Chat, Hook, Json, Message, Person, State
from tests.simulators.feishu.wire import Ack, Wire


class Sim(House):
    """One tenant with one app, on a free port of loopback. `seed` repeats its ids and its chances; without one they differ on every run."""

    def __init__(
        self, clock: Clock | None = None, *, app_id: str = "cli_a5sim00", app_secret: str = "s3cret-of-the-app", seed: int = 0
    ) -> None:
        super().__init__("feishu", seed or secrets.randbits(60))
        self.state = State(clock or Clock(), random.Random(self.seed), app_id, app_secret)
        self.clock = self.state.clock
        self.faults = Faults(self.clock)
        self.wire: Wire = Wire(self.state)
        self.api: Api = Api(self.state, self.faults, self.wire.endpoint)
        self.deliveries = Deliveries(self.state, self._over_wire)

    def _over_wire(self, event: Json) -> Ack:
        future = asyncio.run_coroutine_threadsafe(self.wire.deliver(event, self.state.dice), self.running)
        return future.result(self.wire.ack_within + 10)

    # Its world

    def add_person(self, open_id: str, name: str, *, email: str = "", mobile: str = "") -> "Player":
        tail = open_id.removeprefix("ou_")
        self.state.people[open_id] = Person(open_id, f"on_{tail}", f"u{tail}", name, email, mobile)
        return self.person(open_id)

    def add_chat(self, name: str, members: Iterable[str], *, chat_id: str = "") -> Chat:
        chat = Chat(chat_id or self.state.new("oc_"), name, members=set(members))
        self.state.chats[chat.id] = chat
        return chat

    def add_hook(self, token: str, chat: str, *, secret: str = "", keyword: str = "", ips: tuple[str, ...] = ()) -> str:
        """The address that its owner copies."""
        self.state.hooks[token] = Hook(chat, secret, keyword, ips)
        return f"{self.url}/open-apis/bot/v2/hook/{token}"

    def person(self, open_id: str) -> Player:
        return Player(self.state, self.deliveries, open_id)

    def chat(self, chat_id: str) -> Chat:
        return self.state.chats[chat_id]

    def direct(self, open_id: str) -> Chat:
        return self.state.direct(open_id)

    def message(self, message_id: str) -> Message:
        found = self.state.message(message_id)
        assert found is not None, message_id
        return found

    @property
    def said(self) -> list[Message]:
        """Everything that the bot said, oldest first."""
        found = [message for chat in self.state.chats.values() for message in chat.messages if message.sender == self.state.app_id]
        return sorted(found, key=lambda message: message.at)

    # What came in, and how it goes out

    @property
    def oddities(self) -> list[str]:
        return self.state.oddities

    def callback(self, url: str, *, encrypt_key: str = "", verification_token: str = "", answer_within: float = 3.0) -> Callback:
        """Events go there from now on, instead of over the long connection."""
        self.deliveries.callback = Callback(url, encrypt_key, verification_token, answer_within)
        return self.deliveries.callback

    def kill_tokens(self) -> None:
        with self.state.lock:
            self.state.tokens.clear()

    def advance(self, **span: float) -> None:
        """Time passes; what Feishu retries meanwhile, it retries."""
        self.deliveries.until(self.clock() + timedelta(**span))
