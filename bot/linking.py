"""`gengfu doctor --link-people`: who of the plan is who on the messengers that are on. Lines for organization.toml, which is the authority:
nothing is written."""

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from bot.config import Settings
from bot.plan_cli import harmless
from bot.platforms.core.checkup import Found
from bot.platforms.core.http import client
from bot.platforms.dingtalk.directory import Directory as DingTalkDirectory
from bot.platforms.feishu.checkup import Checkup as FeishuCheckup
from bot.platforms.feishu.checkup import Setup, mobile
from bot.platforms.wecom.directory import Directory as WeComDirectory
from handlers.core.wording import Words
from workflows.core.people import Person


@dataclass(frozen=True, slots=True)
class Looked:
    """`known`: e-mail address or mobile number -> id there · `troubles`: why not all could be asked."""

    known: Mapping[str, str]
    troubles: tuple[Found, ...] = ()


#: Where nobody can be asked for by e-mail address.
BY_MOBILE = ("dingtalk",)

Look: TypeAlias = Callable[[Sequence[Person]], Coroutine[Any, Any, Looked]]


def looks(settings: Settings, now: Callable[[], datetime]) -> dict[str, Look]:
    """By messenger, those that are on and can be asked."""
    channels, found = settings.channels, dict[str, Look]()
    if feishu := channels.feishu:

        async def ask_feishu(people: Sequence[Person]) -> Looked:
            secret, token, key = feishu.app_secret.reveal(), feishu.verification_token.reveal(), feishu.encrypt_key.reveal()
            setup = Setup(feishu.app_id, secret, feishu.mode, token, key, settings.public_url)
            async with AsyncExitStack() as stack:
                http, away = [await stack.enter_async_context(client(base)) for base in (feishu.api_base, settings.public_url)]
                checkup = FeishuCheckup(http, away, setup, now)
                told = await checkup.identities((p.email for p in people if p.email), (mobile(p.phone) for p in people if p.phone))
            return Looked({}, (told,)) if isinstance(told, Found) else Looked(told)

        found["feishu"] = ask_feishu
    if (wecom := channels.wecom) and (app := wecom.app):

        async def ask_wecom(people: Sequence[Person]) -> Looked:
            async with client(wecom.api_base) as http:
                directory = WeComDirectory(http, app.corp_id, app.secret.reveal(), now)
                return Looked(*await directory.identities([ways(person) for person in people]))

        found["wecom"] = ask_wecom
    if dingtalk := channels.dingtalk:

        async def ask_dingtalk(people: Sequence[Person]) -> Looked:
            async with client(dingtalk.api_base) as http, client(dingtalk.oapi_base) as old:
                directory = DingTalkDirectory(http, old, dingtalk.client_id, dingtalk.client_secret.reveal(), now)
                return Looked(*await directory.identities(mobile(person.phone) for person in people if person.phone))

        found["dingtalk"] = ask_dingtalk
    return found


def ways(person: Person) -> tuple[str, str]:
    """(e-mail address, mobile number) as the messengers want them; empty where there is none."""
    return person.email, mobile(person.phone)


class Lines:
    """What `looked` says of `people`; on whom there is nothing to write, a comment says why."""

    def __init__(self, words: Words, people: Sequence[Person], looked: Mapping[str, Looked]) -> None:
        self._words = words
        self._people = people
        self._ids = {
            name: {person.id: {one.known[way] for way in ways(person) if way in one.known} for person in people}
            for name, one in looked.items()
        }
        self._sure = {
            name: {person: next(iter(found)) for person, found in ids.items() if len(found) == 1} for name, ids in self._ids.items()
        }

    def __iter__(self) -> Iterator[str]:
        for person in self._people:
            who = harmless(f"# {person.id} {person.name}")
            told = {name: self._why_not(person, name) for name in self._ids}
            yield from (f"{who}: {self._of(name)}{why}" for name, why in told.items() if why)
            new = {name: self._sure[name][person.id] for name, why in told.items() if not why}
            if new:
                yield from (who, _line({**person.identities, **new}))
        for name, sure in self._sure.items():
            yield f"# {self._of(name)}{self._words.say('doctor.link.sum', sure=len(sure), all=len(self._people))}"

    def _why_not(self, person: Person, name: str) -> str:
        """Why there is nothing to write; empty where there is."""
        told, ids, found = self._words.say, self._ids[name][person.id], self._sure[name].get(person.id, "")
        shared = [other.name for other in self._people if other is not person and found and self._sure[name].get(other.id) == found]
        if not ids:
            there = self._words.say(f"platform.{name}")
            by = ways(person)[1:] if name in BY_MOBILE else ways(person)
            return told(f"doctor.link.{'not_found' if any(by) else 'no_way'}{'_mobile' if name in BY_MOBILE else ''}", platform=there)
        if not found:
            return told("doctor.link.twice", ids=sorted(ids))
        if shared:
            return told("doctor.link.shared", id=found, others=shared)
        return told("doctor.link.there") if person.identities.get(name, "").casefold() == found.casefold() else ""

    def _of(self, name: str) -> str:
        """Before a sentence about one of several messengers."""
        return f"{self._words.say(f'platform.{name}')}: " if len(self._ids) > 1 else ""


def _line(identities: Mapping[str, str]) -> str:
    """One line of TOML with all of a person's identities."""
    return f"identities = {{ {', '.join(f'{name} = {json.dumps(identity)}' for name, identity in identities.items())} }}"
