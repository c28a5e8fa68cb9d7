"""`gengfu doctor`: is everything set up? A line for each thing, with the remedy where something is wrong. Changes nothing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.bootstrap import as_client, mailbox, plan_folder
from bot.channels import DingTalkSettings, FeishuSettings, MailSettings, OidcSettings, SmsSettings
from bot.config import Settings, is_loopback
from bot.linking import Lines, looks
from bot.months import of_months
from bot.outside import oidc_checkup, outlet_checkup
from bot.outside.oidc import Issuer
from bot.plan_cli import finding_line, harmless
from bot.platforms.core.checkup import Found
from bot.platforms.core.contract import TryLater, WillNeverWork
from bot.platforms.core.http import client
from bot.platforms.dingtalk import checkup as dingtalk
from bot.platforms.feishu.checkup import Checkup, Setup
from bot.platforms.mail import Post
from bot.seal_mail import of_seals
from bot.wecom import ask_wecom
from handlers.core import duty_lines
from handlers.core.message import Outgoing
from handlers.core.reasons import known
from handlers.core.wording import Ours, Words
from storage.calendars import running_in_unknown_years
from storage.database import Database, Transaction
from storage.duties import roster
from storage.inbox import INBOX
from storage.outbox import OUTBOX
from storage.papers import WORK
from storage.plan import PlanError, check_plan, load_plan
from storage.plans import Plans
from storage.queue import Queue
from storage.schema import current, newest
from storage.timers import TIMERS
from workflows.core.errors import BadConfig
from workflows.core.people import Organization, Person
from workflows.core.plan import Plan
from workflows.duty import HORIZON

GOOD, BAD = 0, 1
#: The bot follows the database's clock; what is further apart than this is worth mending anyway.
CLOCKS_APART = timedelta(seconds=5)
#: A mail server that refuses the password is not asked again for so long (bot.platforms.mail).
LONG = 300.0
#: What a plan's findings show of themselves here; `gengfu plan check` shows all.
SHOWN = 3

#: Where no directory can be asked.
NOBODY_TO_ASK = (
    "--link-people asks Feishu, WeCom's self-built app and DingTalk, which are off: "
    "set FEISHU_APP_ID, WECOM_CORP_ID or DINGTALK_CLIENT_ID, and what belongs to it"
)

Say = Callable[[str], None]


class Doctor:
    """`verbose`: names who is missing, not only how many."""

    def __init__(self, settings: Settings, now: Callable[[], datetime], *, verbose: bool = False) -> None:
        self._settings = settings
        self._now = now
        self._verbose = verbose
        self._words = Words.load(settings.locale, str(settings.timezone))

    def run(self, say: Say, send_to: str = "") -> int:
        bad = False
        for found in self._findings(send_to):
            bad = bad or found.state == "bad"
            say(self._line(found))
        return BAD if bad else GOOD

    def _findings(self, send_to: str) -> Iterator[Found]:
        """As they are found: what asks the network comes last."""
        channels = self._settings.channels
        yield from self._of_settings()
        yield from self._of_keys()
        yield from self._of_database()
        yield from self._of_plan()
        if channels.feishu:
            yield from asyncio.run(_ask_feishu(channels.feishu, self._settings, self._now))
        if channels.dingtalk:
            yield from asyncio.run(_ask_dingtalk(channels.dingtalk, self._settings, self._now, self._identities("dingtalk")))
        if channels.wecom:
            organization = self._organization()
            people = organization.people.values() if organization else ()
            yield from asyncio.run(ask_wecom(channels.wecom, self._words, self._settings.public_url, people, self._now))
        if channels.mail:
            yield from asyncio.run(self._of_mail(channels.mail, send_to))
        elif send_to:
            yield Found("bad", "mail", "off")
        if channels.sms:
            yield _of_sms(channels.sms)
        if channels.oidc:
            yield from asyncio.run(_ask_sign_on(channels.oidc, self._settings, self._now))
        yield from self._of_outlets()

    # The house

    def _of_settings(self) -> Iterator[Found]:
        settings, channels = self._settings, self._settings.channels
        messengers = (("feishu", channels.feishu), ("dingtalk", channels.dingtalk))
        modes = [f"{name} ({given.mode})" for name, given in messengers if given]
        modes += [f"wecom ({channels.wecom.modes})"] if channels.wecom else []
        on = modes + [name for name, given in (("mail", channels.mail), ("sms", channels.sms)) if given]
        if on:
            yield Found("ok", "settings", "on", {"platforms": on, "console": settings.console})
        elif settings.console == "off":
            yield Found("bad", "settings", "nothing_on")
        else:
            yield Found("ok", "settings", "console_only", {"console": settings.console})
        if on and settings.console == "demo":
            yield Found("attention", "settings", "demo_beside")
        if modes and is_loopback(_host(settings.public_url)):
            yield Found("attention", "settings", "links_lead_home", {"url": settings.public_url})

    def _of_keys(self) -> Iterator[Found]:
        given = (("GENGFU_DATA_KEYS", self._settings.data_keys), ("GENGFU_SEAL_KEY", self._settings.seal_key))
        missing = [name for name, key in given if key is None]
        yield Found("bad", "keys", "missing", {"names": missing}) if missing else Found("ok", "keys", "present")

    def _of_database(self) -> Iterator[Found]:
        url = self._settings.database_url.reveal()
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            yield Found("bad", "database", "not_made")
            return
        try:
            database = Database(url)
        except OSError as error:
            yield Found("bad", "database", "away", {"why": str(error)})
            return
        try:
            yield from self._of_schema(database)
        except BadConfig as error:
            yield Found("bad", "database", "away", {"why": str(error)})
        finally:
            database.close()

    def _of_schema(self, database: Database) -> Iterator[Found]:
        found, needed = current(database), newest()
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        if found != needed:
            yield Found("bad", "database", "old", {"found": found, "needed": needed})
            return
        yield Found("ok", "database", "current", {"kind": kind, "schema": needed})
        apart = database.ahead_of(self._now)
        if abs(apart) > CLOCKS_APART:
            yield Found("attention", "database", "clock", {"apart": abs(apart)})
        yield from self._of_deadlines(database)
        buried = database.read(lambda tx: _buried(tx, self._now()))
        if any(buried.values()):
            yield Found("attention", "buried", "some", {"queues": [f"{name} {count}" for name, count in buried.items() if count]})
        else:
            yield Found("ok", "buried", "none")
        yield from self._of_duty(database)
        organization = self._organization()
        channels = self._settings.channels
        on = [name for name, given in (("feishu", channels.feishu), ("dingtalk", channels.dingtalk)) if given]
        if on and organization is not None:
            yield from of_months(on, database, organization, self._settings.timezone, self._now)

    def _of_deadlines(self, database: Database) -> Iterator[Found]:
        """Deadlines that run into a year without data: they are provisional until its notice is in the plan."""
        plan = self._plan()
        if plan is not None:
            found = database.read(lambda tx: running_in_unknown_years(tx, plan, self._settings.timezone))
            if found:
                yield Found("attention", "calendar", "unknown_year", {"count": len(found), "refs": found[:SHOWN]})

    def _of_duty(self, database: Database) -> Iterator[Found]:
        """Hours of the next days in which nobody is on duty; nothing where no rota is kept."""
        try:
            plans = Plans(plan_folder(self._settings), self._settings.timezone)
        except PlanError:
            return
        now, words = self._now(), self._words
        found = database.read(lambda tx: roster(tx, plans, now))
        gaps, groups = duty_lines.gaps(found, now, now + HORIZON), plans.organization.groups
        name = duty_lines.namer(words, plans.organization.people)
        if gaps:
            lines = [f"    {duty_lines.gap_line(words, groups[group], gap, name, now)}" for group, gap in gaps[:SHOWN]]
            yield Found("attention", "duty", "gaps", {"count": len(gaps), "lines": Ours("\n".join(lines))})
        elif found.kept:
            yield Found("ok", "duty", "manned")

    # The plan and its people

    def _of_plan(self) -> Iterator[Found]:
        folder = plan_folder(self._settings)
        findings = check_plan(folder, self._now().astimezone(self._settings.timezone).date())
        for severity in ("error", "warning"):
            if lines := [finding_line(finding, self._words) for finding in findings if finding.severity == severity]:
                shown = Ours("\n".join(f"    {line}" for line in lines[:SHOWN]))
                yield Found("bad" if severity == "error" else "attention", "plan", severity, {"count": len(lines), "lines": shown})
        plan = self._plan()
        if plan is None:
            return
        organization = plan.organization
        if not findings:
            held = {"papers": len(plan.papers), "templates": len(plan.statements), "banned": len(plan.wording.banned)}
            yield Found("ok", "plan", "sound", {"people": len(organization.people), **held})
        yield of_thresholds(plan)
        yield of_seals(self._settings.channels.mail, organization)
        yield from self._of_people(organization)

    def _plan(self) -> Plan | None:
        try:
            return load_plan(plan_folder(self._settings))
        except PlanError:
            return None

    def _organization(self) -> Organization | None:
        plan = self._plan()
        return plan.organization if plan else None

    def _of_outlets(self) -> list[Found]:
        plan = self._plan()
        outlets = plan.outlets if plan else {}
        return asyncio.run(outlet_checkup.findings(outlets, self._settings, self._messengers())) if outlets else []

    def _messengers(self) -> list[str]:
        settings, channels = self._settings, self._settings.channels
        given = (
            ("feishu", channels.feishu),
            ("dingtalk", channels.dingtalk),
            ("wecom", channels.wecom),
            ("console", settings.console != "off"),
        )
        return [name for name, on in given if on]

    def _identities(self, platform: str) -> list[str]:
        organization = self._organization()
        people = organization.people.values() if organization else ()
        return [found for person in people if (found := person.identities.get(platform))]

    def _of_people(self, organization: Organization) -> Iterator[Found]:
        """Whom each road reaches."""
        channels, people = self._settings.channels, list(organization.people.values())
        roads = (
            ("feishu", channels.feishu, [person for person in people if not person.identities.get("feishu")]),
            ("dingtalk", channels.dingtalk, [person for person in people if not person.identities.get("dingtalk")]),
            ("wecom", channels.wecom, [person for person in people if not person.identities.get("wecom")]),
            ("mail", channels.mail, [person for person in people if not person.email]),
            ("sms", channels.sms, [person for person in people if not person.phone]),
            ("oidc", channels.oidc, oidc_checkup.nameless(people)),
        )
        yield from (self._reached(name, people, missing) for name, given, missing in roads if given)

    def _reached(self, road: str, people: Sequence[Person], missing: Sequence[Person]) -> Found:
        if not missing:
            return Found("ok", road, "everybody", {"count": len(people)})
        key = "nobody" if len(missing) == len(people) else "somebody_not"
        names = [f"{person.name} ({person.id})" for person in missing] if self._verbose else []
        values = {"count": len(missing), "all": len(people), "names": self._words.join(names) if names else "--verbose"}
        return Found("bad" if key == "nobody" and road in ("feishu", "dingtalk", "wecom") else "attention", road, key, values)

    # What is outside

    async def _of_mail(self, mail: MailSettings, send_to: str) -> list[Found]:
        post = Post(mailbox(mail), self._words.say("product.name"), self._now)
        where = {"server": f"{mail.host}:{mail.port}"}
        try:
            safe = await post.knock()
            key = "answers" if safe else "plain"
            found = [Found("ok" if safe or is_loopback(mail.host) else "attention", "mail", key, where)]
            if send_to:
                test = Outgoing(self._words.say("doctor.mail.test"))
                await post.send(test, send_to, f"doctor:{send_to}:{self._now().isoformat()}")
                found.append(Found("ok", "mail", "sent", {"to": send_to}))
        except TryLater as error:
            return [Found("bad", "mail", "login" if error.after >= LONG else "away", {**where, "why": str(error)})]
        except WillNeverWork as error:
            return [Found("bad", "mail", "refused", {**where, "why": str(error)})]
        return found

    # In words

    def _line(self, found: Found) -> str:
        values = {name: self._said(value, why=name == "why") for name, value in found.values.items()}
        sentence = f"doctor.{found.about}.{found.key}"
        about = self._words.say(f"doctor.about.{found.about}")
        line = f"{self._words.say(f'doctor.state.{found.state}')}  {about}: {self._words.say(sentence, **values)}"
        remedy = f"{sentence}_do"
        return f"{line}\n    → {self._words.say(remedy, **values)}" if self._words.has(remedy) else line

    def _said(self, value: object, *, why: bool) -> object:
        """`doctor.…` is the name of a sentence, and a platform's reason has one; other text is shown to the letter, but harmless: this is
        a terminal."""
        if isinstance(value, Ours) or not isinstance(value, str):
            return value
        if value.startswith("doctor."):
            return self._words.say(value)
        return Ours(harmless((known(self._words, value) if why else None) or value))

    # Who is who

    def link_people(self, say: Say) -> int:
        """The lines for organization.toml, which is the authority: nothing is written."""
        asked = looks(self._settings, self._now)
        if not asked:
            raise BadConfig(NOBODY_TO_ASK)
        people = list(load_plan(plan_folder(self._settings)).organization.people.values())
        looked = {name: asyncio.run(look(people)) for name, look in asked.items()}
        troubles = [trouble for one in looked.values() for trouble in one.troubles]
        for trouble in troubles:
            say(self._line(trouble))
        for line in Lines(self._words, people, {name: one for name, one in looked.items() if one.known or not one.troubles}):
            say(line)
        return BAD if any(trouble.state == "bad" for trouble in troubles) else GOOD


def _buried(tx: Transaction, now: datetime) -> dict[str, int]:
    queues: dict[str, Queue[Any]] = {"inbox": INBOX, "outbox": OUTBOX, "timers": TIMERS, "work": WORK}
    waiting = {name: queue.waiting(tx, now) for name, queue in queues.items()}
    return {name: stats.buried for name, stats in waiting.items()}


async def _ask_feishu(feishu: FeishuSettings, settings: Settings, now: Callable[[], datetime]) -> list[Found]:
    async with AsyncExitStack() as stack:
        return await (await _checkup(stack, feishu, settings, now)).findings()


async def _ask_dingtalk(of: DingTalkSettings, settings: Settings, now: Callable[[], datetime], people: Sequence[str]) -> list[Found]:
    secret, token, key = of.client_secret.reveal(), of.token.reveal(), of.aes_key.reveal()
    setup = dingtalk.Setup(of.client_id, secret, of.mode, token, key, of.card_template, of.scene_template, settings.public_url, people)
    async with client(of.api_base) as http, client(of.oapi_base) as old, client(settings.public_url) as away:
        return await dingtalk.Checkup(http, old, away, setup, now).findings()


async def _ask_sign_on(oidc: OidcSettings, settings: Settings, now: Callable[[], datetime]) -> list[Found]:
    async with client(oidc.issuer) as http:
        return await oidc_checkup.findings(Issuer(as_client(oidc, settings.public_url), http, now))


async def _checkup(stack: AsyncExitStack, feishu: FeishuSettings, settings: Settings, now: Callable[[], datetime]) -> Checkup:
    secret, token, key = feishu.app_secret.reveal(), feishu.verification_token.reveal(), feishu.encrypt_key.reveal()
    setup = Setup(feishu.app_id, secret, feishu.mode, token, key, settings.public_url)
    http = await stack.enter_async_context(client(feishu.api_base))
    away = await stack.enter_async_context(client(settings.public_url))
    return Checkup(http, away, setup, now)


def of_thresholds(plan: Plan) -> Found:
    """Without the firm's own figures of the CSRC's rule nothing can be suggested, and none are built in."""
    count, unverified = len(plan.thresholds), sum(not one.verified for one in plan.thresholds)
    key = "none" if not count else "unverified" if unverified == count else "some" if unverified else "verified"
    return Found("ok" if key == "verified" else "attention", "thresholds", key, {"count": count, "unverified": unverified})


def _of_sms(sms: SmsSettings) -> Found:
    safe = sms.url.startswith("https://")
    return Found("ok" if safe else "attention", "sms", "given" if safe else "plain", {"host": _host(sms.url)})


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
