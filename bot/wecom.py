"""Putting WeCom together from its settings, and what the doctor says of it."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial

from bot.channels import WecomAppSettings, WecomRobotSettings, WecomSettings
from bot.platforms.core.cards import Labels
from bot.platforms.core.checkup import Found
from bot.platforms.core.contract import Shelf
from bot.platforms.core.http import client
from bot.platforms.wecom.adapter import Wecom
from bot.platforms.wecom.app import App
from bot.platforms.wecom.app_inbound import AppSecrets
from bot.platforms.wecom.checkup import Checkup, table
from bot.platforms.wecom.dialect import Adds, Artist
from bot.platforms.wecom.memory import Memory
from bot.platforms.wecom.robot import Robot
from bot.platforms.wecom.robot_inbound import RobotSecrets
from bot.platforms.wecom.terms import TIMES, Login, Times
from bot.platforms.wecom.wire import Wire
from handlers.core.forms import how_to_type
from handlers.core.wording import Ours, Words
from workflows.core.people import Person


def make_wecom(
    settings: WecomSettings, shelf: Shelf, words: Words, now: Callable[[], datetime], public_url: str, accounts: int, times: Times = TIMES
) -> Wecom:
    http, memory = client(settings.api_base), Memory(shelf, now)
    artist = artist_of(words, public_url, binds=settings.robot is not None and settings.robot.mode == "ws")
    app = App(app_secrets(settings.app), http, memory, artist, now, secrets.token_bytes, accounts) if settings.app else None
    robot = Robot(robot_secrets(settings.robot), http, memory, artist, now, secrets.token_bytes) if settings.robot else None
    if robot is not None and settings.robot is not None and settings.robot.mode == "ws":
        login = Login(settings.ws_url, settings.robot.bot_id, settings.robot.secret.reveal())
        new_id = partial(secrets.token_hex, 8)
        robot.wire = Wire(login, shelf, new_id(), new_id, robot, times)
    return Wecom(app, robot, http, memory, artist, now)


#: Of the words that we add, those that are not just said.
OTHERWISE = ("again", "unkept", "lost", "receives")


def artist_of(words: Words, public_url: str, *, binds: bool) -> Artist:
    """`binds`: there is a robot that can be added to a group that only receives."""
    labels = Labels(**{name: words.say(f"platform_adds.{name}") for name in Labels.__dataclass_fields__})
    plain = {name: words.say(f"wecom_adds.{name}") for name in Adds.__dataclass_fields__ if name not in OTHERWISE}
    plain["receives"] = words.say("wecom_adds.receives" if binds else "wecom_adds.receives_only")
    adds = Adds(
        **plain,
        again=lambda count: words.say("wecom_adds.again", count=count),
        unkept=lambda text: words.say("wecom_adds.unkept", text=text),
        lost=lambda name: words.say("wecom_adds.lost", name=name),
    )
    return Artist(labels, adds, public_url, lambda button: how_to_type(button, words.locale))


def app_secrets(app: WecomAppSettings) -> AppSecrets:
    return AppSecrets(app.corp_id, app.agent_id, app.secret.reveal(), app.token.reveal(), app.aes_key.reveal())


def robot_secrets(robot: WecomRobotSettings) -> RobotSecrets:
    return RobotSecrets(robot.bot_id, robot.secret.reveal(), robot.token.reveal(), robot.aes_key.reveal())


async def ask_wecom(
    settings: WecomSettings, words: Words, public_url: str, people: Iterable[Person], now: Callable[[], datetime]
) -> list[Found]:
    """What can be done as it is set up, in plain words, and whether WeCom agrees."""
    app, robot = settings.app, settings.robot
    rows = table(app is not None, robot.mode if robot else "")
    lines = "\n".join(f"    {words.say(f'doctor.wecom_can.{row}')}: {words.say(f'doctor.wecom_how.{how}')}" for row, how in rows)
    modes = [words.say(f"doctor.wecom_mode.{mode}") for mode in (*(["app"] if app else []), *([robot.mode] if robot else []))]
    found = [Found("ok", "wecom", "table", {"modes": Ours(" + ".join(modes)), "lines": Ours(lines)})]
    if robot is not None and robot.mode == "ws":
        found.append(Found("ok", "wecom", "wire_untried"))
    if app is None:
        return found
    called = robot_secrets(robot) if robot is not None and robot.mode == "http" else None
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client(settings.api_base))
        away = await stack.enter_async_context(client(public_url))
        checkup = Checkup(http, away, app_secrets(app), public_url, now, secrets.token_bytes, called)
        return [*found, *await checkup.findings(list(_known(people)))]


def _known(people: Iterable[Person]) -> Iterator[tuple[str, str]]:
    """(id there, name) of those who have an identity."""
    return ((identity, person.name) for person in people if (identity := person.identities.get("wecom")))
