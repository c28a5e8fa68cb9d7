"""`gengfu token new|revoke|list`: who may let a program act as somebody is who has the machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from bot.bootstrap import load_topics, plan_folder, real_now, real_token
from bot.config import Settings
from handlers.core.wording import Words
from storage.database import Database
from storage.plans import Plans
from storage.schema import require_current
from storage.tokens import SCOPES, Scope, Token, Tokens
from workflows.core.errors import BadConfig, UserError

#: Longest life of a token, and the one it has when nothing is said, in days.
LONGEST, USUAL = 3650, 365


def new_command(settings: Settings, person: str, scopes: str, days: int, name: str) -> tuple[str, str]:
    """(the token, what to say beside it)."""
    wanted = _scopes(scopes)
    if not 1 <= days <= LONGEST:
        raise BadConfig(f"--days is {days}; give 1 to {LONGEST}")
    secret = real_token()
    with _tokens(settings) as (tokens, words):
        made = _explained(words, lambda: tokens.make(secret, person, wanted, timedelta(days=days), name))
    ends = made.ends.astimezone(settings.timezone)
    return secret, f"token {made.id} acts as {made.person} ({', '.join(made.scopes)}) until {ends:%Y-%m-%d %H:%M}; it is shown this once"


def revoke_command(settings: Settings, id: str) -> str:
    with _tokens(settings) as (tokens, words):
        ended = _explained(words, lambda: tokens.revoke(id.lower()))
    return f"token {ended.id} of {ended.person} is revoked"


def list_command(settings: Settings) -> str:
    with _tokens(settings) as (tokens, _):
        found, now = tokens.all(), real_now()
    if not found:
        return "no tokens"
    return "\n".join(_line(one, now, settings) for one in found)


def _line(token: Token, now: datetime, settings: Settings) -> str:
    def day(at: datetime | None) -> str:
        return f"{at.astimezone(settings.timezone):%Y-%m-%d %H:%M}" if at else "never"

    state = "live" if token.live(now) else "revoked" if token.revoked else "expired"
    scopes = ",".join(token.scopes)
    return f"{token.id}  {state:7}  {token.person}  {scopes}  until {day(token.ends)}  used {day(token.used)}  {token.name}".rstrip()


def _scopes(given: str) -> tuple[Scope, ...]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names or any(name not in SCOPES for name in names):
        raise BadConfig(f"--scope is {given!r}; give one or more of {','.join(SCOPES)}, joined by commas")
    return tuple(scope for scope in SCOPES if scope in names)


@contextmanager
def _tokens(settings: Settings) -> Iterator[tuple[Tokens, Words]]:
    load_topics()
    database = Database(settings.database_url.reveal())
    try:
        require_current(database)
        yield Tokens(database, Plans(plan_folder(settings)), real_now), Words.load(settings.locale, str(settings.timezone))
    finally:
        database.close()


def _explained(words: Words, work: Callable[[], Token]) -> Token:
    try:
        return work()
    except UserError as error:
        raise BadConfig(words.say(error.key, **error.values)) from None
