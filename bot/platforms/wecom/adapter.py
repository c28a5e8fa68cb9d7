"""WeCom as a platform: the self-built app, the smart robot, or both, behind the one contract; each deed goes to whichever can do it."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import httpx

from bot.platforms.core.contract import (
    Answer,
    Can,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Enclosed,
    Fetch,
    Hear,
    Heard,
    Invite,
    NotAuthentic,
    Page,
    Pin,
    PlatformDown,
    Recall,
    Send,
    TryLater,
    WillNeverWork,
)
from bot.platforms.wecom.app import CODE, App
from bot.platforms.wecom.app_inbound import NOTHING
from bot.platforms.wecom.calls import Refused
from bot.platforms.wecom.dialect import DESC, Artist
from bot.platforms.wecom.memory import Memory, fingerprint
from bot.platforms.wecom.places import APP, BOT, kind_of, person_of
from bot.platforms.wecom.robot import SHOWN, Robot
from bot.platforms.wecom.robot_inbound import file_of
from handlers.core.message import Outgoing, Reply

ROBOT_PATH = "/callbacks/wecom-bot"
#: What cannot be changed where it stands is said anew, and not more often than this.
ANEW = timedelta(minutes=30)
Half = App | Robot


class Wecom:
    """`app` or `robot` may be missing."""

    name = "wecom"

    def __init__(
        self, app: App | None, robot: Robot | None, http: httpx.AsyncClient, memory: Memory, artist: Artist, now: Callable[[], datetime]
    ) -> None:
        self.app = app
        self.robot = robot
        self._http = http
        self._memory = memory
        self._artist = artist
        self._now = now
        self.can = able(app is not None, robot is not None and robot.wire is not None)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Heard | Answer:
        half = self.robot if headers.get(":path", "").partition("?")[0] == ROBOT_PATH else self.app
        if half is None:
            raise NotAuthentic("callbacks_off")
        return half.receive(headers, body)

    def answer(self, reply: Reply) -> Answer:
        """Every answer of WeCom's is made for its request (`Heard`): there is none apart from one."""
        return NOTHING

    async def do(self, deed: Deed, key: str) -> Done:
        match deed:
            case Send():
                return await self._send(deed, key)
            case Edit():
                return await self._edit(deed, key)
            case Fetch():
                return await self._fetch(deed)
            case Recall() | CreateRoom() | Invite():
                return await self._by_app(deed, key)
            case Pin() | Page():
                raise WillNeverWork(f"WeCom cannot {type(deed).__name__.lower()}")

    async def _by_app(self, deed: Recall | CreateRoom | Invite, key: str) -> Done:
        app = self._the_app()
        if isinstance(deed, CreateRoom):
            return await app.create(deed, key)
        if isinstance(deed, Recall):
            return await app.recall(deed)
        if kind_of(deed.chat) != "room":
            raise WillNeverWork(f"the app changes only groups that it made itself, not {deed.chat}: invite by hand")
        return await app.invite(deed)

    async def listen(self, hear: Hear) -> None:
        if self.robot is not None and self.robot.wire is not None:
            await self.robot.wire.hold(hear)

    async def close(self) -> None:
        await self._memory.settled()
        await self._http.aclose()

    # Deeds

    async def _send(self, deed: Send, key: str) -> Done:
        chat = deed.chat or (f"{APP}{deed.person}" if self.app else f"{BOT}{deed.person}")
        if not person_of(chat) and kind_of(chat) in ("app", "bot"):
            raise WillNeverWork("a message for nobody")
        done = await self._said(chat, deed.message, key)
        if deed.message.card is not None:
            one = done.facts["message_id"]
            shown = self._artist.card(deed.message.card, one, robot=kind_of(done.facts["chat"]) != "app").card
            await self._memory.put(f"shown:{one}", fingerprint(shown), SHOWN)
            await self._memory.put(f"sent:{one}", self._now().isoformat(), ANEW)
        for number, one_more in enumerate(deed.enclosed):
            await self._enclose(done.facts["chat"], one_more, f"{key}:enclosed:{number}")
        return done

    async def _enclose(self, chat: str, one: Enclosed, key: str) -> None:
        """By whoever speaks there. A robot that is called back has no way for files: one-to-one the app brings it, in a group the link."""
        robot = self.robot if kind_of(chat) in ("bot", "group") else None
        if robot is not None and (robot.wire is not None or kind_of(chat) == "group"):
            await robot.enclose(chat, one, key)
        else:
            await self._the_app().enclose(chat if kind_of(chat) == "room" else f"{APP}{person_of(chat)}", one, key)

    async def _said(self, chat: str, message: Outgoing, key: str) -> Done:
        """By the bot whose chat it is; one-to-one by the other, where that one is off, may not speak, or does not reach the person."""
        kind, person = kind_of(chat), person_of(chat)
        if kind == "room":
            return await self._the_app().say(chat, message, key)
        if kind == "group":
            if self.robot is None:
                raise WillNeverWork(f"only the smart robot speaks in {chat}, and it is off: set WECOM_BOT_ID and WECOM_BOT_SECRET")
            return await self._by_robot(self.robot, chat, message, key)
        halves: list[Half] = [half for half in (self.app, self.robot) if half is not None]
        if kind == "bot" and self.robot is not None and await self.robot.can_say(chat):
            halves.reverse()
        try:
            return await self._to_one(halves[0], person, message, key)
        except Refused:
            if len(halves) == 1 or (halves[1] is self.robot and not await self.robot.can_say(f"{BOT}{person}")):
                raise
            with contextlib.suppress(Refused):  # the first one's refusal says more
                return await self._to_one(halves[1], person, message, key)
            raise

    async def _to_one(self, half: Half, person: str, message: Outgoing, key: str) -> Done:
        if isinstance(half, App):
            return await half.send(person, message, key)
        return await self._by_robot(half, f"{BOT}{person}", message, key)

    async def _by_robot(self, robot: Robot, chat: str, message: Outgoing, key: str) -> Done:
        try:
            return await robot.send(chat, message, key)
        except PlatformDown as error:
            if self.app is None:
                raise
            raise TryLater(error.after, str(error)) from None  # the app is there: not the whole of WeCom is away

    async def _edit(self, deed: Edit, key: str) -> Done:
        """In the answer to a click it is changed already; else by the code of an app's card, once; else it is said anew, after a while.
        What is replaced is then left as it is."""
        where = Done({"chat": deed.chat, "message_id": deed.message_id})
        if deed.message.card is None:
            return where
        kind, one = kind_of(deed.chat), deed.message_id
        card = self._artist.card(deed.message.card, one, robot=kind != "app", superseded=deed.superseded).card
        shown = fingerprint(card)
        if await self._memory.get(f"shown:{one}") == shown:
            return where
        if kind == "app" and self.app is not None and await self.app.update(person_of(deed.chat), one, card):
            await self._memory.put(f"shown:{one}", shown, CODE)
            return where
        if deed.superseded:
            return where
        await self._calm(one)
        return await self._send(Send(deed.message, chat=deed.chat), key)

    async def _calm(self, one: str) -> None:
        sent = await self._memory.get(f"sent:{one}")
        left = (datetime.fromisoformat(sent) + ANEW - self._now()).total_seconds() if sent else 0.0
        if left > 0:
            raise TryLater(left, "the card stands as it was, and is said anew in a while")

    async def _fetch(self, deed: Fetch) -> Done:
        if file_of(deed.key) is None:
            return await self._the_app().fetch(deed.key)
        if self.robot is None:
            raise WillNeverWork("the smart robot is off, and with it its files")
        return await self.robot.fetch(deed.key)

    def _the_app(self) -> App:
        if self.app is None:
            raise WillNeverWork("only WeCom's self-built app can do this: set WECOM_CORP_ID, WECOM_AGENT_ID and what belongs to them")
        return self.app


def able(app: bool, wire: bool) -> Can:
    """What can be done with the app, with the robot's long connection, or both. Neither knows for sure what it has shown already."""
    return Can(
        edit=app, anew=True, recall=app, cards=True, links=True, mention=True, create_room=app, invite=app, files=True, enclose=True,
        toast=DESC, on_card=True,
        deaf=lambda chat: kind_of(chat) == "room",
        mute=lambda chat: kind_of(chat) == "group" and not wire,
    )  # fmt: skip
