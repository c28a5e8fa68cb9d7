"""Who is logged in on the web: one-time links, sessions, second factors. All have an end; every act stands in the person's own chain.

What is secret is given out once and kept as its SHA-256; whoever reads the database cannot log in with what stands there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import CursorResult, delete, func, update
from sqlmodel import Session, col, select

from storage import audit, outbox, second_factor
from storage.cipher import Cipher
from storage.database import Database
from storage.plans import Plans
from storage.shelf import DatabaseShelf
from storage.tables.sessions import LoginLinkRow, SessionRow
from workflows.core.errors import Conflict, NotAllowed, NotFound, RuleBroken
from workflows.core.outcome import Notice

T = TypeVar("T")

#: How long a link waits to be used.
LINK_LIFE = timedelta(minutes=5)
#: How long somebody may take at the firm's identity provider.
SIGN_ON_LIFE = timedelta(minutes=10)
#: How long a one-time form can be answered.
FORM_LIFE = timedelta(minutes=30)
#: So many links within this time, and no more.
MOST_LINKS, LINKS_WITHIN = 5, timedelta(minutes=10)
#: A session ends when nobody has done anything in it for so long, and at the latest so long after it began.
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
#: How long a one-time code vouches for the session in which it was given.
FRESH = timedelta(minutes=10)
#: A session in which so many codes were wrong is over; a person may be wrong so often in all sessions together.
MISSES, MISSES_OF_PERSON, MISSES_WITHIN = 5, 10, timedelta(minutes=15)
#: An address may try so many links that do not exist.
GUESSES, GUESSES_WITHIN = 20, timedelta(minutes=10)
#: So many refusals of one link are recorded: whoever holds a dead link shall not fill somebody's chain.
RECORDED = 5
#: `seen` is written at most this often.
SEEN_EVERY = timedelta(minutes=1)
#: Links and sessions are kept so long after their end, for those who ask what happened.
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session as its person sees it: `id` names it and opens nothing."""

    id: str
    person: str
    created: datetime
    seen: datetime
    ends: datetime
    agent: str
    proven: datetime | None

    def fresh(self, now: datetime) -> bool:
        return self.proven is not None and now - self.proven <= FRESH


@dataclass(frozen=True, slots=True)
class Generator:
    """`seed` is told until the first code was given, and never again."""

    confirmed: bool
    base32: str = ""
    address: str = ""


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def send_link(
    session: Session, cipher: Cipher, person: str, *, now: datetime, via: str, platform: str, to: str, chat: str, group: str
) -> None:
    """A new link for `person` (`to` on that platform), said in `chat`, or in their direct chat when that is empty; older ones end.

    `group`: where it was asked for, to be told there when no direct chat takes it.
    """
    recent = select(func.count()).where(LoginLinkRow.person == person, LoginLinkRow.created > now - LINKS_WITHIN)
    if session.exec(recent).one() >= MOST_LINKS:
        raise RuleBroken("login.too_many", count=MOST_LINKS, within=LINKS_WITHIN)
    unused = (col(LoginLinkRow.person) == person, col(LoginLinkRow.used).is_(None), col(LoginLinkRow.ends) > now)
    session.connection().execute(update(LoginLinkRow).where(*unused).values(ends=now))
    token = cipher.token()
    session.add(LoginLinkRow(hash=hashed(token), person=person, created=now, ends=now + LINK_LIFE))
    outbox.enqueue_secret(
        session,
        cipher,
        key=f"login:{hashed(token)[:32]}",
        notice="login.link",
        secret=token,
        values={"ends": (now + LINK_LIFE).isoformat()},
        now=now,
        platform=platform,
        chat=chat,
        person=person,
        to=to,
        back=group,
    )
    _record(session, person, now, "login_asked", {"link": hashed(token)[:12]}, via)


def sessions_of(session: Session, person: str, now: datetime) -> list[LoggedIn]:
    """The live sessions of `person`, the newest first."""
    rows = session.exec(select(SessionRow).where(SessionRow.person == person, *_live(now))).all()
    return [_logged_in(row) for row in sorted(rows, key=lambda row: row.created, reverse=True)]


def end_sessions(session: Session, person: str, now: datetime, *, via: str, only: str = "", why: str = "revoked") -> int:
    """End the sessions of `person` (or the one whose id begins with `only`); answers how many."""
    ended = [one for one in sessions_of(session, person, now) if one.id.startswith(only)]
    for one in ended:
        session.connection().execute(update(SessionRow).where(col(SessionRow.hash) == one.id).values(ends=now))
        _record(session, person, now, "session_ended", {"session": one.id[:12], "why": why}, via)
    return len(ended)


def forget_generator(session: Session, person: str, now: datetime, *, via: str) -> bool:
    """Remove the code generator of somebody whose phone is gone; False when there was none."""
    if not second_factor.drop(session, person):
        return False
    _record(session, person, now, "generator_removed", {}, via)
    return True


def sweep(session: Session, now: datetime) -> int:
    """Remove what ended long enough ago."""
    gone = [delete(kind).where(col(kind.ends) < now - KEPT) for kind in (LoginLinkRow, SessionRow)]
    gone.append(second_factor.sweeping(now))
    return sum(_count(session, statement) for statement in gone)


class Sessions:
    """The web's door. Everything that changes runs in a transaction of its own, also what ends in a refusal: it is recorded."""

    def __init__(self, database: Database, cipher: Cipher, plans: Plans, now: Callable[[], datetime]) -> None:
        self._database = database
        self._cipher = cipher
        self._plans = plans
        self._now = now
        self._shelf = DatabaseShelf(database, "web", now)

    # Links

    def visit(self, token: str, visitor: str, address: str) -> tuple[str, str]:
        """A browser opens the link: the first becomes the only one that may use it. Answers the cookie it must keep, and whose it is."""
        fresh = visitor or self._cipher.token()
        self._found(token, address)
        mine = hashed(fresh)
        bound = update(LoginLinkRow).where(col(LoginLinkRow.hash) == hashed(token), col(LoginLinkRow.browser).is_(None))
        self._write(lambda tx: _count(tx, bound.values(browser=mine)))
        return fresh, self._check(token, fresh, address).person

    def look(self, token: str, address: str) -> None:
        """Whether the link still works, without binding it to whoever asks."""
        self._found(token, address)

    def enter(self, token: str, visitor: str, address: str, agent: str, old: str = "") -> str:
        """Use the link up and begin a session; answers its secret. What was logged in before in this browser is over."""
        row = self._check(token, visitor, address)
        now, secret = self._now(), self._cipher.token()
        free = (col(LoginLinkRow.hash) == row.hash, col(LoginLinkRow.used).is_(None), col(LoginLinkRow.ends) > now)

        def work(tx: Session) -> bool:
            if not _count(tx, update(LoginLinkRow).where(*free, col(LoginLinkRow.browser) == hashed(visitor)).values(used=now)):
                return False  # the same button, pressed twice
            self._begin(tx, row.person, secret, now, agent, old, {"link": row.hash[:12]})
            return True

        if not self._write(work):
            self._refused(row.hash, row.person, "used")
            raise NotFound("login.link_gone")
        return secret

    def sign_on(self, name: str, agent: str, old: str = "") -> str:
        """Begin a session for whom the firm's identity provider calls `name`; answers its secret. Exactly one person must be meant."""
        people, secret, now = self._plans.organization.signed_on(name), self._cipher.token(), self._now()
        if len(people) != 1:
            shown = "".join(sign for sign in name if sign.isprintable())[:80]
            refusal = NotAllowed("login.oidc_several" if people else "login.oidc_unknown", name=shown)
            if self._shelf.spend(f"refused:oidc:{hashed(name)}", RECORDED, KEPT):
                self.refused(f"oidc:{shown}", {"reason": refusal.key})
            raise refusal
        self._write(lambda tx: self._begin(tx, people[0], secret, now, agent, old, {"by": "oidc"}))
        return secret

    def _begin(self, tx: Session, person: str, secret: str, now: datetime, agent: str, old: str, how: dict[str, str]) -> None:
        tx.add(SessionRow(hash=hashed(secret), person=person, created=now, seen=now, ends=now + LONGEST, agent=agent[:60]))
        tx.flush()
        if old:
            _end_by_secret(tx, old, now)
        _record(tx, person, now, "logged_in", {**how, "session": hashed(secret)[:12], "agent": agent[:60]}, "web")
        self._tell(tx, person, "login.done", {"agent": agent[:60]}, hashed(secret))

    def _check(self, token: str, visitor: str, address: str) -> LoginLinkRow:
        row = self._found(token, address)
        if not visitor or row.browser != hashed(visitor):
            self._refused(row.hash, row.person, "other_browser")
            raise NotAllowed("login.other_browser")
        return row

    def _found(self, token: str, address: str) -> LoginLinkRow:
        """The link, while it can be used. Guessing is slowed down by address; a link that exists works whatever strangers do."""
        row = self._database.read(lambda tx: tx.get(LoginLinkRow, hashed(token)))
        if row is None:
            if not self._shelf.spend(f"guess:{address}", GUESSES, GUESSES_WITHIN):
                raise RuleBroken("login.guessing")
            raise NotFound("login.link_gone")
        why = "used" if row.used else "expired" if row.ends <= self._now() else "left" if not self.known(row.person) else ""
        if why:
            self._refused(row.hash, row.person, why)
            raise NotFound("login.link_gone")
        return row

    def _refused(self, link: str, person: str, why: str) -> None:
        if self._shelf.spend(f"refused:{link}", RECORDED, KEPT):
            self.refused(person, {"reason": why, "link": link[:12]})

    # Sessions

    def who(self, secret: str, *, touch: bool = True) -> LoggedIn | None:
        """Whose session this is, while it lives. `touch`: the person has done something."""
        if not secret:
            return None
        now = self._now()
        row = self._database.read(lambda tx: tx.exec(select(SessionRow).where(SessionRow.hash == hashed(secret), *_live(now))).first())
        if row is None or not self.known(row.person):
            return None
        if touch and now - row.seen >= SEEN_EVERY:
            seen = update(SessionRow).where(col(SessionRow.hash) == row.hash, col(SessionRow.seen) < now).values(seen=now)
            self._write(lambda tx: _count(tx, seen))
        return _logged_in(row)

    def known(self, person: str) -> bool:
        return person in self._plans.organization.people

    def of(self, person: str) -> list[LoggedIn]:
        now = self._now()
        return self._database.read(lambda tx: sessions_of(tx, person, now))

    def end(self, person: str, id: str, why: str = "revoked") -> None:
        """End one session of this person's own; NotFound for any other."""
        if len(id) < 12 or not self._write(lambda tx: end_sessions(tx, person, self._now(), via="web", only=id, why=why)):
            self.refused(person, {"reason": "login.no_session"})
            raise NotFound("login.no_session")

    def refused(self, person: str, details: dict[str, Any]) -> None:
        self._write(lambda tx: _record(tx, person, self._now(), "refused", {"command": "web", **details}, "web"))

    # The second factor

    def generator(self, person: str) -> Generator | None:
        """The person's code generator; its seed only as long as no code was given."""
        found = self._database.read(lambda tx: second_factor.of(tx, self._cipher, person))
        if found is None or found[1]:
            return found and Generator(True)
        shown, address = second_factor.told(found[0], person, self._plans.organization.firm.name)
        return Generator(False, shown, address)

    def enrol(self, at: LoggedIn) -> None:
        """A new seed. Whoever has a generator already proves it first: a stolen session must not put its own in its place."""
        self._check_fresh_if_any(at)
        self._write(lambda tx: second_factor.begin(tx, self._cipher, at.person, self._now()))

    def drop(self, at: LoggedIn) -> None:
        self._check_fresh_if_any(at)

        def work(tx: Session) -> None:
            second_factor.drop(tx, at.person)
            _record(tx, at.person, self._now(), "generator_removed", {"session": at.id[:12]}, "web")
            self._tell(tx, at.person, "login.generator_off", {}, at.id)

        self._write(work)

    def _check_fresh_if_any(self, at: LoggedIn) -> None:
        generator = self.generator(at.person)
        if generator and generator.confirmed and not at.fresh(self._now()):
            self.refused(at.person, {"reason": "login.code_first", "session": at.id[:12]})
            raise NotAllowed("login.code_first")

    def prove(self, at: LoggedIn, typed: str) -> None:
        """A one-time code, each good once. After too many wrong ones the session is over."""
        now = self._now()
        if not self._shelf.spend(f"codes:{at.person}", MISSES_OF_PERSON, MISSES_WITHIN):
            if self._shelf.spend(f"locked:{at.person}", RECORDED, MISSES_WITHIN):
                self.refused(at.person, {"reason": "login.codes_locked", "session": at.id[:12]})
            raise RuleBroken("login.codes_locked", within=MISSES_WITHIN)
        taken = self._write(lambda tx: self._proven(tx, at, typed, now))
        if taken:
            return
        if self._write(lambda tx: self._missed(tx, at, now)):
            raise NotAllowed("login.session_over")
        raise NotAllowed("login.wrong_code")

    def _proven(self, tx: Session, at: LoggedIn, typed: str, now: datetime) -> bool:
        taken = second_factor.take(tx, self._cipher, at.person, typed, now)
        if taken:
            tx.connection().execute(update(SessionRow).where(col(SessionRow.hash) == at.id).values(proven=now, misses=0))
            _record(tx, at.person, now, "generator_added" if taken == "first" else "proven", {"session": at.id[:12]}, "web")
        if taken == "first":
            self._tell(tx, at.person, "login.generator_on", {}, at.id)
        return bool(taken)

    def _missed(self, tx: Session, at: LoggedIn, now: datetime) -> bool:
        """Count a wrong code; True when it was the last one this session had."""
        _record(tx, at.person, now, "refused", {"command": "web", "reason": "login.wrong_code", "session": at.id[:12]}, "web")
        tx.connection().execute(update(SessionRow).where(col(SessionRow.hash) == at.id).values(misses=SessionRow.misses + 1))
        over = (tx.exec(select(SessionRow.misses).where(SessionRow.hash == at.id)).first() or 0) >= MISSES
        return over and bool(end_sessions(tx, at.person, now, via="web", only=at.id, why="wrong_codes"))

    # Small parts

    def _tell(self, tx: Session, person: str, kind: str, values: dict[str, Any], about: str) -> None:
        outbox.enqueue_notice(
            tx, Notice(kind, (person,), values, "reply"), ref=f"web:{about[:12]}", version=int(self._now().timestamp()),
            incident="", organization=self._plans.organization, now=self._now(), watch="",
        )  # fmt: skip

    def _write(self, work: Callable[[Session], T]) -> T:
        """The person's chain may be written by another replica just now: begin again."""
        for _ in range(2):
            try:
                return self._database.write(work)
            except Conflict:
                continue
        return self._database.write(work)


def _record(session: Session, person: str, now: datetime, verb: str, details: dict[str, Any], via: str) -> None:
    audit.append_personal(session, person, at=now, actor=person, verb=verb, details=details, via=via)


def _live(now: datetime) -> tuple[Any, ...]:
    return SessionRow.ends > now, SessionRow.seen > now - IDLE


def _end_by_secret(session: Session, secret: str, now: datetime) -> None:
    row = session.get(SessionRow, hashed(secret))
    if row is not None and row.ends > now:
        end_sessions(session, row.person, now, via="web", only=row.hash, why="new_login")


def _logged_in(row: SessionRow) -> LoggedIn:
    return LoggedIn(row.hash, row.person, row.created, row.seen, row.ends, row.agent, row.proven)


def _count(session: Session, statement: Any) -> int:
    done: CursorResult[Any] = session.connection().execute(statement)
    return done.rowcount
