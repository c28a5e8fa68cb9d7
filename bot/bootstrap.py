"""The composition root: builds every object once, from settings. The only place with the real clock and the real randomness."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.auditor import Auditor
from bot.channels import DingTalkSettings, FeishuSettings, MailSettings, OidcSettings
from bot.config import Settings
from bot.forms import FormDoor
from bot.metrics import Metrics
from bot.months import COUNTED, months
from bot.outside.heartbeat import beat
from bot.outside.hook import Hook
from bot.outside.letters import Letters
from bot.outside.oidc import Client, SignOn, issuer
from bot.platforms.console import Console
from bot.platforms.core.budget import Month
from bot.platforms.core.cards import Labels
from bot.platforms.core.contract import Platform
from bot.platforms.core.http import client
from bot.platforms.mail import Mail, Mailbox, Post
from bot.platforms.sms import Sms
from bot.publishing import Means
from bot.sender import Ways
from bot.sent_files import SentFiles
from bot.web.bell import Bell, Bells
from bot.web.console import Someone
from bot.worker import Worker
from handlers.core.chat_links import ChatLinks
from handlers.core.house import House
from handlers.core.road import Road
from handlers.core.screen import screen
from handlers.core.wording import Words
from storage.calendars import renew
from storage.cipher import Cipher
from storage.database import Database
from storage.form_links import FormLinks
from storage.notify import Listener
from storage.plans import Plans
from storage.rooms import Rooms
from storage.schema import require_current
from storage.sessions import Sessions
from storage.shelf import DatabaseShelf
from storage.tokens import Tokens
from storage.whereabouts import Whereabouts

SAMPLE_PLAN = Path(__file__).parent / "plan"

#: The one person of the console who is not in the plan: what 3,000 colleagues are on the other platforms.
GUEST = "guest"

#: Where login by the firm's own accounts begins; its callback is below.
SIGN_ON = "/login/oidc"

#: Topics of the handlers: importing them fills the registry.
TOPICS = (
    *("tip", "incident", "restrict", "moves", "playbook", "grading", "regrading"),
    *("alert", "task", "approval", "statement", "publication", "enquiry", "circular", "rumour", "report", "paper"),
    *("statement_steps", "statement_notices", "publication_notices", "duty", "duty_notices", "login", "help", "admin", "chats"),
    *("cards", "incident_card", "notices", "task_notices", "approval_notices", "clock_notices", "paper_notices", "house_notices"),
    *("rounds", "digest"),
)


def load_topics() -> None:
    for topic in TOPICS:
        import_module(f"handlers.{topic}")


def real_now() -> datetime:
    return datetime.now(UTC)


class SharedClock:
    """This host's clock, set to the database's, so that replicas on hosts that drift agree when a lease ends."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return self._now() + self._ahead

    def set_by(self, database: Database) -> timedelta:
        """Measure again; answers how far this host is behind."""
        self._ahead = database.ahead_of(self._now)
        return self._ahead


def real_id() -> str:
    return secrets.token_hex(8)


def real_token() -> str:
    """256 random bits; the prefix lets people, and programs that look for lost secrets, see what it is."""
    return f"gengfu_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a process runs with."""

    settings: Settings
    database: Database
    plans: Plans
    words: Words
    road: Road
    worker: Worker
    bell: Bells
    """rung when a loop may have something to do"""
    pages: Bell
    """rung when an open page may have something to show"""
    metrics: Metrics
    rooms: Rooms
    console: Console
    files: SentFiles
    seal_key: Ed25519PrivateKey
    now: SharedClock
    listener: Listener | None
    sessions: Sessions
    forms: FormDoor
    tokens: Tokens
    auditor: Auditor
    sign_on: SignOn | None = None

    def people(self) -> list[Someone]:
        """Everybody of the plan and one guest, for the console's chooser."""
        organization = self.plans.organization
        groups = organization.groups
        people = [
            Someone(p.id, p.name, p.title, tuple(groups[g].name for g in organization.groups_of(p.id)))
            for p in organization.people.values()
        ]
        if self.settings.console == "on":
            return people
        guest = Someone(GUEST, self.words.say("console.guest"), self.words.say("console.guest_title"), ())
        return people if GUEST in organization.people else [*people, guest]

    def close(self) -> None:
        self.bell.close()
        self.pages.close()
        if self.listener is not None:
            self.listener.stop()
        self.database.close()


def plan_folder(settings: Settings) -> Path:
    return settings.plan_dir or SAMPLE_PLAN


def as_they_are(found: dict[str, Platform]) -> dict[str, Platform]:
    return found


def build(
    settings: Settings,
    *,
    now: Callable[[], datetime] = real_now,
    new_id: Callable[[], str] = real_id,
    around: Callable[[dict[str, Platform]], dict[str, Platform]] = as_they_are,
) -> Parts:
    """Open the database, read the plan, and put the parts together; BadConfig with one sentence when something is wrong.

    `around`: puts others in the place of the platforms.
    """
    load_topics()
    keys = settings.keys()
    plans = Plans(plan_folder(settings), settings.timezone)
    database = Database(settings.database_url.reveal())
    try:
        require_current(database)
    except BaseException:
        database.close()
        raise
    clock = SharedClock(now)
    clock.set_by(database)
    database.write(lambda tx: renew(tx, plans, clock()))
    words = Words.load(settings.locale, str(settings.timezone))
    bell, pages, metrics, whereabouts = Bells(), Bell(), Metrics(), Whereabouts()

    def ring(topics: frozenset[str]) -> None:
        """`rooms` concerns the pages, everything else the loops."""
        if "rooms" in topics:
            pages.ring()
        whereabouts.hear(topics)
        bell.ring(topics)

    database.on_commit.append(ring)
    listener = _listener(settings, database, ring)
    rooms = Rooms(database, lambda text: screen(text).text, clock)
    console = Console(rooms, lambda person: person == GUEST or person in plans.organization.people, clock)
    counted = months(COUNTED, database, plans.organization, settings.timezone, clock)
    platforms = around(_platforms(settings, console, database, words, clock, counted, len(plans.organization.people)))
    plans.within(platforms)
    ways = _ways(plans, platforms, whereabouts, clock)
    house = House(
        database,
        plans,
        Cipher(keys.data.reveal()),
        words,
        clock,
        new_id,
        _identify(plans),
        lambda name, result: metrics.commands.labels(command=name, result=result).inc(),
        lambda span: metrics.handling.observe(span.total_seconds()),
        settings.public_url,
        ChatLinks({name: opens for name, platform in platforms.items() if (opens := platform.can.chat_link)}, ways),
        lambda person: worker.sender.ringing.reach(person),
        lambda platform, chat: platform in platforms and platforms[platform].can.deaf(chat),
        lambda platform, chat: platform in platforms and platforms[platform].can.mute(chat),
        whereabouts=whereabouts,
    )
    road = Road(house)
    files = SentFiles(database, house.cipher, plans, clock, new_id)
    keep = lambda person, name, content: files.keep(person, name, content).id  # noqa: E731
    worker = Worker(road, platforms, ways, metrics, bell, keep, counted, means(settings, words, clock))
    seal_key = Ed25519PrivateKey.from_private_bytes(keys.seal.reveal())
    sessions = Sessions(database, house.cipher, plans, clock)
    forms = FormDoor(FormLinks(database, house.cipher, clock), house.cipher, settings.public_url, clock)
    told = (settings, database, plans, words, road, worker, bell, pages, metrics, rooms, console, files)
    doors = (sessions, forms, Tokens(database, plans, clock))
    auditor = Auditor(road, metrics, new_id(), lambda: not worker.stuck(), _heartbeat(settings))
    parts = Parts(*told, seal_key, clock, listener, *doors, auditor, _sign_on(settings, database, clock))
    if settings.console != "off":
        _make_group_rooms(parts)
    return parts


def _listener(settings: Settings, database: Database, ring: Callable[[frozenset[str]], None]) -> Listener | None:
    """Hears the commits of other replicas (and of this one, again); SQLite has none."""

    def hear(topics: frozenset[str]) -> None:
        database.memory.hear(topics)
        ring(topics)

    return None if database.is_sqlite else Listener(settings.database_url.reveal(), hear)


def _heartbeat(settings: Settings) -> Callable[[], Awaitable[object]] | None:
    return partial(beat, settings.heartbeat_url.reveal()) if settings.heartbeat_url else None


def _identify(plans: Plans) -> Callable[[str, str], str | None]:
    """(platform, id there) -> person id. On the console everybody is who they are in the plan; what the SMS gateway tells is told of
    whom we called."""
    by_identity: dict[tuple[str, str], str] = {}
    for person in plans.organization.people.values():
        by_identity.update({(own, person.id): person.id for own in ("console", "web", "api", "sms")})
        for platform, identity in person.identities.items():
            by_identity[platform, _spelt(platform, identity)] = person.id
    return lambda platform, identity: by_identity.get((platform, _spelt(platform, identity)))


def _spelt(platform: str, identity: str) -> str:
    """WeCom tells ids now as they were entered, now in lower case."""
    return identity.casefold() if platform == "wecom" else identity


def _platforms(
    settings: Settings, console: Console, database: Database, words: Words, now: Callable[[], datetime], months: Mapping[str, Month],
    accounts: int,
) -> dict[str, Platform]:  # fmt: skip
    """What is configured, in the order in which people are reached: the demo's console, messengers, a console with login; mail and SMS are
    the road around. A messenger that is off is not loaded."""
    found: dict[str, Platform] = {"console": console} if settings.console == "demo" else {}
    channels = settings.channels
    if feishu := channels.feishu:
        found["feishu"] = _feishu(feishu, DatabaseShelf(database, "feishu", now), words, now, months.get("feishu"))
    if dings := channels.dingtalk:
        found["dingtalk"] = _dingtalk(dings, settings, database, words, now, months)
    if wecom := channels.wecom:
        from bot.wecom import make_wecom

        found["wecom"] = make_wecom(wecom, DatabaseShelf(database, "wecom", now), words, now, settings.public_url, accounts)
    if settings.console == "on":
        found["console"] = console
    if mail := channels.mail:
        found["mail"] = Mail(mailbox(mail), DatabaseShelf(database, "mail", now), words.say("product.name"), now)
    if sms := channels.sms:
        found["sms"] = Sms(sms.url, sms.secret.reveal(), client(sms.url), DatabaseShelf(database, "sms", now), now)
    return found


def mailbox(mail: MailSettings) -> Mailbox:
    return Mailbox(mail.host, mail.port, mail.tls, mail.user, mail.password.reveal(), mail.sender)


def means(settings: Settings, words: Words, now: Callable[[], datetime]) -> Means:
    """What texts are published with."""
    mail = settings.channels.mail
    letters = Letters(Post(mailbox(mail), words.say("product.name"), now), words, now) if mail else None
    return Means(letters, Hook(client(""), now), settings.outlets)


def _feishu(of: FeishuSettings, shelf: DatabaseShelf, words: Words, now: Callable[[], datetime], month: Month | None) -> Platform:
    from bot.platforms.feishu.adapter import Feishu
    from bot.platforms.feishu.inbound import Secrets

    secrets = Secrets(of.app_id, of.encrypt_key.reveal(), of.verification_token.reveal(), of.tenant_key)
    return Feishu(secrets, of.app_secret.reveal(), client(of.api_base), shelf, _labels(words), now, of.mode, month)


def _dingtalk(
    of: DingTalkSettings, settings: Settings, database: Database, words: Words, now: Callable[[], datetime], months: Mapping[str, Month]
) -> Platform:
    from bot.platforms.dingtalk import adapter as dingtalk
    from bot.platforms.dingtalk.inbound import Secrets, card_secret

    secret = of.client_secret.reveal()
    token, key, cards = of.token.reveal(), of.aes_key.reveal(), card_secret(secret)
    secrets = Secrets(of.client_id, secret, of.robot_code, of.corp_id, token, key, cards)
    callback = f"{settings.public_url}/callbacks/dingtalk/card"
    setup = dingtalk.Setup(of.mode, of.card_template, of.scene_template, callback, settings.timezone)
    shelf = DatabaseShelf(database, "dingtalk", now)
    pushes = months.get("dingtalk.messages")
    return dingtalk.DingTalk(
        secrets, setup, client(of.api_base), client(of.oapi_base), shelf, _labels(words), now, months.get("dingtalk"), pushes
    )


def _labels(words: Words) -> Labels:
    return Labels(**{name: words.say(f"platform_adds.{name}") for name in Labels.__dataclass_fields__})


def as_client(oidc: OidcSettings, public_url: str) -> Client:
    """What the firm's identity provider knows us by."""
    return Client(oidc.issuer, oidc.client_id, oidc.client_secret.reveal(), f"{public_url}{SIGN_ON}/callback")


def _sign_on(settings: Settings, database: Database, now: Callable[[], datetime]) -> SignOn | None:
    if (oidc := settings.channels.oidc) is None:
        return None
    return SignOn(issuer(as_client(oidc, settings.public_url), now), oidc.claim, DatabaseShelf(database, "oidc", now), now)


def _ways(plans: Plans, platforms: Mapping[str, Platform], whereabouts: Whereabouts, now: Callable[[], datetime]) -> Ways:
    """person id -> every (platform, id there) that is on and knows them, first the one where they were last. Who is not in the plan is
    `platform:id`."""

    def ways(person: str) -> tuple[tuple[str, str], ...]:
        found = plans.organization.people.get(person)
        if found is None:
            platform, _, outside = person.partition(":")
            return ((platform, outside),) if outside and platform in platforms else ()
        own = {"console": person, "mail": found.email, "sms": found.phone, **found.identities}
        on = [(name, identity) for name in platforms if (identity := own.get(name))]
        first = whereabouts.first(person, (name for name, _ in on), now())
        return tuple(sorted(on, key=lambda way: way[0] != first))

    return ways


def _make_group_rooms(parts: Parts) -> None:
    """The groups' own chats on the console (`chats = { console = "g:office" }`), and those into which is published."""
    for outlet in parts.plans.current.outlets.values():
        if outlet.platform == "console":
            readers = [person for group in ("opinion", "client") for person in parts.plans.organization.groups[group].everyone]
            parts.rooms.create(outlet.chat.removeprefix("g:"), outlet.title, readers)
    for group in parts.plans.organization.groups.values():
        chat = group.chats.get("console", "")
        if chat.startswith("g:"):
            parts.rooms.create(chat.removeprefix("g:"), group.name, group.everyone)
