"""What WeCom can do as it is set up, and whether the self-built app is set up as we need it; says nothing to anybody and changes nothing.

The robot's long connection is not tried: a second one would end the first.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import httpx

from bot.platforms.core.checkup import Found, is_public, skew
from bot.platforms.core.contract import TryLater, WillNeverWork
from bot.platforms.core.http import send
from bot.platforms.wecom.app import MEMBER, NO_MEMBER
from bot.platforms.wecom.app_inbound import AppSecrets
from bot.platforms.wecom.calls import TOKEN, Calls, Refused, told
from bot.platforms.wecom.crypt import FRESH, Envelope
from bot.platforms.wecom.robot_inbound import RobotSecrets

CALLBACK, ROBOT_CALLBACK = "/callbacks/wecom", "/callbacks/wecom-bot"
#: What people may want to do -> by what, the first that is on: app, the robot's long connection (ws), its callbacks (http), the app with
#: one of them, or nothing.
ROWS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    ("alone", (("app", "alone_app"), ("ws", "alone_robot"))),
    ("hear", (("ws", "hear_robot"), ("http", "hear_robot"), ("", "hear_not"))),
    ("say", (("ws", "say_robot"), ("http", "say_answers"), ("", "say_rooms"))),
    ("rooms", (("app+ws", "rooms_app"), ("app", "rooms_deaf"), ("", "rooms_not"))),
    ("update", (("app", "update_app"), ("", "update_robot"))),
    ("recall", (("app", "recall_app"), ("", "recall_not"))),
    ("files", (("app+ws", "files_both"), ("app", "files_app"), ("", "files_robot"))),
    ("forms", (("", "forms_web"),)),
    ("ring", (("", "ring_not"),)),
)


def table(app: bool, robot: str) -> list[tuple[str, str]]:
    """(what, how) for each row; `robot` is its mode, or empty."""
    on = {"", robot, *(("app", f"app+{robot}") if app else ())}
    return [(what, next(how for half, how in ways if half in on)) for what, ways in ROWS]


class Checkup:
    """`away`: asks an address that is not WeCom's (our own, from outside) · `robot`: of one that is called back."""

    def __init__(
        self, http: httpx.AsyncClient, away: httpx.AsyncClient, secrets: AppSecrets, public_url: str, now: Callable[[], datetime],
        random: Callable[[int], bytes], robot: RobotSecrets | None = None,
    ) -> None:  # fmt: skip
        self._http = http
        self._away = away
        self._secrets = secrets
        self._public_url = public_url
        self._now = now
        self._random = random
        self._robot = robot
        self._calls = Calls(http, secrets.corp_id, secrets.secret, now)

    async def findings(self, people: Sequence[tuple[str, str]]) -> list[Found]:
        """`people`: (id there, name) of the plan. Credentials first: without them nothing else can be asked."""
        try:
            return [*await self._credentials(), *await self._members(people), *await self._callback()]
        except (TryLater, WillNeverWork) as error:
            return [Found("bad", "wecom", "refused", told(error))]

    async def _credentials(self) -> list[Found]:
        before = self._now()
        answered = await send(self._http, "GET", TOKEN, params={"corpid": self._secrets.corp_id, "corpsecret": self._secrets.secret})
        after = self._now()
        await self._calls.token()
        return [Found("ok", "wecom", "token", {"app": self._secrets.agent_id}), skew("wecom", answered.headers, before, after, FRESH)]

    async def _members(self, people: Sequence[tuple[str, str]]) -> list[Found]:
        """Whom the app does not see: outside of its visible range, or misspelt in the plan."""
        unseen = []
        for identity, name in people:
            try:
                await self._calls.call("GET", MEMBER, params={"userid": identity})
            except Refused as refusal:
                if refusal.code not in NO_MEMBER:
                    raise
                unseen.append(f"{name} ({identity})")
        if unseen:
            return [Found("bad", "wecom", "unseen", {"count": len(unseen), "names": unseen})]
        return [Found("ok", "wecom", "seen", {"count": len(people)})] if people else []

    async def _callback(self) -> list[Found]:
        """The address to enter, whether WeCom could reach it at all, and whether it answers as WeCom's own check demands."""
        address = self._public_url + CALLBACK
        url = urlsplit(address)
        if url.scheme != "https" or not is_public(url.hostname or ""):
            return [Found("bad", "wecom", "not_public", {"address": address})]
        app = Envelope(self._secrets.token, self._secrets.aes_key, self._secrets.corp_id, self._now)
        found = [Found("ok", "wecom", "callback", {"address": address}), await self.knock(address, app)]
        if self._robot is not None:
            robot, theirs = Envelope(self._robot.token, self._robot.aes_key, "", self._now), self._public_url + ROBOT_CALLBACK
            found += [Found("ok", "wecom", "callback_robot", {"address": theirs}), await self.knock(theirs, robot)]
        return found

    async def knock(self, address: str, envelope: Envelope) -> Found:
        echo = str(int.from_bytes(self._random(7), "big"))
        sealed = envelope.seal(echo, self._random(16), base64.b32encode(self._random(5)).decode())
        query = {"msg_signature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce, "echostr": sealed.encrypt}
        try:
            answered = await self._away.get(f"{address}?{urlencode(query)}")
        except httpx.HTTPError as error:
            return Found("attention", "wecom", "unanswered", {"why": type(error).__name__})
        if answered.text == echo:
            return Found("ok", "wecom", "answers")
        return Found("attention", "wecom", "answers_wrongly", {"status": answered.status_code, "path": urlsplit(address).path})
