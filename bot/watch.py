"""`gengfu watch`: a second pair of eyes on another host. It asks the bot how it is, and calls people when the answers stop."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.channels import Channels
from bot.config import Settings
from bot.outside.readiness import Seen, ask
from bot.platforms.core.contract import Page, PlatformDown, Send, TryLater, WillNeverWork
from bot.platforms.core.http import client
from bot.platforms.mail import Mailbox, Post
from bot.platforms.sms import Sms
from handlers.core.message import Outgoing
from handlers.core.wording import Words
from workflows.core.errors import BadConfig
from workflows.core.people import Organization

#: Said again while it lasts; asked so often at most.
AGAIN, PACE = timedelta(minutes=30), timedelta(seconds=30)

Word = Literal["down", "back"]


@dataclass(frozen=True, slots=True)
class State:
    """`clean`: when the engine was last known to be well · `called`: when people were last called, None while all is well."""

    clean: datetime
    called: datetime | None = None


def step(state: State, seen: Seen, now: datetime, limit: timedelta) -> tuple[State, Word | None]:
    """What one look comes to. Only how old its word is counts, so the clocks of the two hosts need not agree."""
    clean = max(state.clean, now - timedelta(seconds=seen.age)) if seen.age is not None else state.clean
    after = replace(state, clean=clean)
    if now - clean < limit:
        return after, "back" if state.called else None
    return after, "down" if state.called is None or now - state.called >= AGAIN else None


# Whom, and how


@dataclass(frozen=True, slots=True)
class Callout:
    """Everybody who is called, by every way there is."""

    mail: Post | None
    sms: Sms | None
    addresses: tuple[str, ...]
    numbers: tuple[str, ...]
    tell: Callable[[str], None]

    async def say(self, text: str, key: str, *, ring: bool) -> int:
        """How many were reached; `ring`: the telephone too, for a message does not wake anybody."""
        reached = 0
        for address in self.addresses if self.mail else ():
            reached += await self._try(self._post(address, text, key))
        for number in self.numbers if self.sms else ():
            reached += await self._try(self._hand_in(Send(Outgoing(text), person=number), f"{key}:{number}"))
            if ring:
                await self._try(self._hand_in(Page("", (number,), "phone", text), f"{key}:{number}:ring"))
        return reached

    async def close(self) -> None:
        if self.sms:
            await self.sms.close()

    async def _post(self, address: str, text: str, key: str) -> None:
        assert self.mail
        await self.mail.send(Outgoing(text), address, f"{key}:{address}")

    async def _hand_in(self, deed: Send | Page, key: str) -> None:
        assert self.sms
        await self.sms.do(deed, key)

    async def _try(self, call: Awaitable[None]) -> bool:
        try:
            await call
        except (PlatformDown, TryLater, WillNeverWork) as error:
            self.tell(f"a call did not get through: {error}")
            return False
        return True


class _NoShelf:
    """Budgets are for chatter: this one calls at most once in half an hour, and keeps nothing."""

    def get(self, key: str) -> str | None:
        return None

    def put(self, key: str, value: str, ends: datetime) -> None:
        return

    def take(self, key: str) -> str | None:
        return None

    def spend(self, key: str, limit: int, window: timedelta, count: int = 1) -> bool:
        return True

    def lease(self, key: str, holder: str, seconds: float) -> bool:
        return True


def callout(
    channels: Channels,
    subject: str,
    to: Sequence[str],
    plan: Callable[[], Organization],
    now: Callable[[], datetime],
    tell: Callable[[str], None],
) -> Callout:
    """BadConfig where nobody could be called. `plan` is only read when nobody is named."""
    if channels.mail is None and channels.sms is None:
        raise BadConfig("gengfu watch calls out by mail or telephone: set SMTP_URL and SMTP_FROM, or GENGFU_SMS_URL and GENGFU_SMS_SECRET")
    named = list(to) or _office(plan())
    addresses, numbers = tuple(one for one in named if "@" in one), tuple(one for one in named if "@" not in one)
    if not ((channels.mail and addresses) or (channels.sms and numbers)):
        raise BadConfig("gengfu watch knows nobody whom it could call: give --to with a mail address or a telephone number")
    mail, sms = channels.mail, channels.sms
    post = Post(Mailbox(mail.host, mail.port, mail.tls, mail.user, mail.password.reveal(), mail.sender), subject, now) if mail else None
    gateway = Sms(sms.url, sms.secret.reveal(), client(sms.url), _NoShelf(), now) if sms else None
    return Callout(post, gateway, addresses, numbers, tell)


def _office(organization: Organization) -> list[str]:
    """Mail and telephone of whoever is on duty in the office, and of its leaders."""
    people = dict.fromkeys((organization.duty("office"), *organization.groups["office"].leaders))
    found = [organization.people[person] for person in people if person in organization.people]
    return [way for person in found for way in (person.email, person.phone) if way]


# Looking


class Watch:
    """`state` None: nothing is remembered, and what cannot be seen to be well is not."""

    def __init__(self, url: str, limit: timedelta, out: Callout, words: Words, now: Callable[[], datetime], state: State | None) -> None:
        self._url = url
        self.limit = limit
        self._out = out
        self._words = words
        self._now = now
        self.state = state

    async def look(self, asked: Callable[[str], Awaitable[Seen]] = ask) -> bool:
        """Whether the engine is well. Whoever could not be called is tried again at the next look."""
        seen, now = await asked(self._url), self._now()
        before = self.state or State(now - self.limit)
        self.state, word = step(before, seen, now, self.limit)
        if word is not None and await self._out.say(self._text(word, seen, before, now), self._key(word, before, now), ring=word == "down"):
            self.state = replace(self.state, called=now if word == "down" else None)
            self._out.tell(f"{now:%Y-%m-%dT%H:%M:%SZ} {word}: {seen.why or self._url}")
        return now - self.state.clean < self.limit

    def _text(self, word: Word, seen: Seen, before: State, now: datetime) -> str:
        clean = self.state.clean if self.state else now
        if word == "back":
            return self._words.say("watch.back", url=self._url, span=now - before.clean)
        why = seen.why or self._words.say("watch.stale")
        return self._words.say("watch.down", url=self._url, why=why, span=now - clean)

    def _key(self, word: Word, before: State, now: datetime) -> str:
        """The same for tries of the same call, so that a gateway that knows it already does not ring twice."""
        return f"watch:{self._url}:{word}:{before.clean.isoformat()}:{(before.called or before.clean).isoformat()}"


def read_state(file: Path, now: datetime) -> State:
    """What the last run left; one that cannot be read is as good as none: the watch begins now."""
    try:
        found = json.loads(file.read_text("utf-8"))
        called = found["called"]
        return State(datetime.fromisoformat(found["clean"]), datetime.fromisoformat(called) if called else None)
    except (OSError, ValueError, KeyError, TypeError):
        return State(now)


def write_state(file: Path, state: State) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(json.dumps({"clean": state.clean.isoformat(), "called": state.called and state.called.isoformat()}), "utf-8")
    os.replace(draft, file)  # noqa: PTH105 - whole or not at all


@dataclass(frozen=True, slots=True)
class Given:
    """The command line."""

    url: str
    to: tuple[str, ...]
    minutes: float
    once: bool
    state: Path | None


def watch(
    given: Given, settings: Settings, plan: Callable[[], Organization], now: Callable[[], datetime], tell: Callable[[str], None]
) -> bool:
    """False = the engine is not well (`--once`). Without `--once` it goes on until it is stopped."""
    if not given.minutes > 0:
        raise BadConfig("--minutes must be more than 0")
    if given.state is not None and not given.once:
        raise BadConfig("--state is for --once: a watch that goes on remembers by itself")
    words = Words.load(settings.locale, str(settings.timezone))
    out = callout(settings.channels, words.say("product.name"), given.to, plan, now, tell)
    state = read_state(given.state, now()) if given.state else None if given.once else State(now())
    one = Watch(given.url or settings.public_url, timedelta(minutes=given.minutes), out, words, now, state)
    return asyncio.run(_watch(one, given, out))


async def _watch(one: Watch, given: Given, out: Callout) -> bool:
    try:
        while not given.once:
            await one.look()
            await asyncio.sleep(min(PACE, one.limit / 3).total_seconds())
        well = await one.look()
    finally:
        await out.close()
    if given.state and one.state:
        write_state(given.state, one.state)
    return well
