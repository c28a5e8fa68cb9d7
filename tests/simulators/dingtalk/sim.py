"""The stand-in for DingTalk as a test holds it: `with Sim() as sim:`."""

import asyncio
import random
import secrets
import socket
import threading
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType

import uvicorn

from tests.simulators.core.faults import Faults
from tests.simulators.dingtalk.deliveries import Callback, Deliveries
from tests.simulators.dingtalk.people import Player
from tests.simulators.dingtalk.server import Api, Recorded
from tests.simulators.dingtalk.state import ROBOT, Chat, Hook, Message, Person, State
from tests.simulators.dingtalk.stream import Ack, Stream
from tests.simulators.dingtalk.templates import OURS, Template
from tests.simulators.feishu.state import Clock

SCENE = "5c5c0000-made-up-scene"


class Sim:
    """One organisation with one app, on a free port of loopback. `seed` repeats its ids and its chances."""

    def __init__(
        self, clock: Clock | None = None, *, app_key: str = "dingsim00appkey", app_secret: str = "s3cret-of-the-app", seed: int = 0
    ) -> None:
        self.seed = seed or secrets.randbits(60)
        self.state = State(clock or Clock(), random.Random(self.seed), app_key, app_secret, robot_code=app_key)
        self.state.templates[OURS.id] = OURS
        self.state.scene_templates.add(SCENE)
        self.clock = self.state.clock
        self.faults = Faults(self.clock)
        self.stream = Stream(self.state)
        self.api = Api(self.state, self.faults, self.stream.open_connection)
        self.deliveries = Deliveries(self.state, self._over_wire)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._run, name="dingtalk stand-in")

    # Its life

    def __enter__(self) -> "Sim":
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        assert self._started.wait(20), "the stand-in did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the stand-in did not stop"
        if error is not None:
            error.add_note(f"the stand-in's seed: {self.seed}")

    @property
    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "with Sim() as sim:"
        return self._loop

    def _run(self) -> None:
        try:
            self._running.run_until_complete(self._serve())
        finally:
            self._running.close()

    async def _serve(self) -> None:
        await self.stream.open()
        # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for an acknowledgement.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        self.state.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self.api,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        self._started.set()
        await serving
        await self.stream.close()

    def _over_wire(self, kind: str, topic: str, data: str, also: Mapping[str, str]) -> Ack:
        future = asyncio.run_coroutine_threadsafe(self.stream.deliver(kind, topic, data, also), self._running)
        return future.result(self.stream.ack_within + 10)

    # Its world

    @property
    def url(self) -> str:
        """Of both APIs."""
        return self.state.url

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
    def requests(self) -> list[Recorded]:
        return self.api.recorded

    def calls(self, route: str) -> list[Recorded]:
        """Those to `METHOD /path/:id`."""
        return [one for one in self.requests if one.request.route == route]

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

    def drop_connections(self) -> None:
        self._running.call_soon_threadsafe(self.stream.drop)

    def silence_connections(self) -> None:
        self._running.call_soon_threadsafe(self.stream.silence)

    def ping_connections(self) -> list[bool]:
        return asyncio.run_coroutine_threadsafe(self.stream.ping(), self._running).result(self.stream.ack_within * 10 + 10)

    def ask_to_reconnect(self, grace: float = 1.0) -> None:
        asyncio.run_coroutine_threadsafe(self.stream.disconnect(grace), self._running).result(self.stream.ack_within * 10 + grace + 10)
