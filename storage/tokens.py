"""Tokens by which programs act as one person of the plan and nobody else. Shown once, kept as SHA-256; their life stands in the trail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import update
from sqlmodel import Session, col, select

from storage import audit, outbox
from storage.database import Database
from storage.plans import Plans
from storage.sessions import GUESSES, GUESSES_WITHIN, RECORDED, hashed
from storage.shelf import DatabaseShelf
from storage.tables.api import TokenRow
from workflows.core.errors import Conflict, NotAllowed, NotFound, RuleBroken
from workflows.core.outcome import Notice

T = TypeVar("T")
Scope = Literal["read", "command", "ingest"]
SCOPES: tuple[Scope, ...] = ("read", "command", "ingest")
#: How much of a token's SHA-256 names it.
SHOWN = 12
#: Use stands in the trail once an hour for each token and address: every act by it has a row of its own anyway.
USED_EVERY = timedelta(hours=1)
#: The same refusal of a token is recorded so often in this time.
REFUSED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Token:
    """`id` names it and opens nothing."""

    id: str
    person: str
    name: str
    scopes: tuple[Scope, ...]
    created: datetime
    ends: datetime
    revoked: datetime | None
    used: datetime | None

    def live(self, now: datetime) -> bool:
        return self.revoked is None and self.ends > now


class Tokens:
    def __init__(self, database: Database, plans: Plans, now: Callable[[], datetime]) -> None:
        self._database = database
        self._plans = plans
        self._now = now
        self._shelf = DatabaseShelf(database, "api", now)

    def make(self, secret: str, person: str, scopes: Sequence[Scope], life: timedelta, name: str = "") -> Token:
        """Keep a new token; its person hears that there is one. NotFound when the plan does not know them."""
        if person not in self._plans.organization.people:
            raise NotFound("token.no_person", person=person)
        now = self._now()
        row = TokenRow(hash=hashed(secret), person=person, name=name[:60], scopes=list(scopes), created=now, ends=now + life)

        def work(tx: Session) -> None:
            tx.add(TokenRow(**row.model_dump()))
            details = {"token": row.hash[:SHOWN], "name": row.name, "scopes": row.scopes, "ends": row.ends.isoformat()}
            self._record(tx, person, "token_made", details, "operator")
            self._tell(tx, person, "token.made", row)

        self._write(work)
        return _token(row)

    def revoke(self, id: str) -> Token:
        """End the one token whose id begins with this; NotFound when there is none that lives, or several."""

        def work(tx: Session) -> TokenRow:
            rows = tx.exec(select(TokenRow).where(col(TokenRow.hash).startswith(id, autoescape=True))).all()
            live = [row for row in rows if _token(row).live(self._now())]
            if len(id) < 4 or len(live) != 1:
                raise NotFound("token.none", id=id)
            live[0].revoked = self._now()
            self._record(tx, live[0].person, "token_revoked", {"token": live[0].hash[:SHOWN]}, "operator")
            self._tell(tx, live[0].person, "token.revoked", live[0])
            return live[0]

        return _token(self._write(work))

    def all(self) -> list[Token]:
        """Those that live and those that have ended, the newest last."""
        rows = self._database.read(lambda tx: tx.exec(select(TokenRow).order_by(col(TokenRow.created), TokenRow.hash)).all())
        return [_token(row) for row in rows]

    def who(self, secret: str, scope: Scope, address: str) -> Token:
        """Whose token this is. Unknown, ended, revoked, its person gone: one answer, and guessing is slowed down by address."""
        row = self._database.read(lambda tx: tx.get(TokenRow, hashed(secret)))
        if row is None:
            if not self._shelf.spend(f"guess:{address}", GUESSES, GUESSES_WITHIN):
                raise RuleBroken("token.guessing")
            raise NotAllowed("token.unknown")
        token = _token(row)
        if why := self._ended(token):
            self.refused(token, why)
            raise NotAllowed("token.unknown")
        if scope not in token.scopes:
            self.refused(token, "scope", scope=scope)
            raise NotAllowed("token.scope", scope=scope)
        self._note_use(row.hash, token, address)
        return token

    def _ended(self, token: Token) -> str:
        if token.revoked is not None:
            return "revoked"
        if token.ends <= self._now():
            return "expired"
        return "" if token.person in self._plans.organization.people else "left"

    def _note_use(self, hash: str, token: Token, address: str) -> None:
        key = f"used:{token.id}:{address}"
        if self._shelf.get(key):  # reading comes first: it does not wait for the writer
            return
        self._shelf.put(key, "noted", self._now() + USED_EVERY)

        def work(tx: Session) -> None:
            tx.connection().execute(update(TokenRow).where(col(TokenRow.hash) == hash).values(used=self._now()))
            self._record(tx, token.person, "token_used", {"token": token.id, "address": address})

        self._write(work)

    def refused(self, token: Token, why: str, **details: str) -> None:
        """In the chain of the token's person, a few times a day: whoever holds a dead token shall not fill it."""
        if self._shelf.spend(f"refused:{token.id}:{why}", RECORDED, REFUSED_WITHIN):
            found = {"command": "api", "reason": why, "token": token.id, **details}
            self._write(lambda tx: self._record(tx, token.person, "refused", found))

    def _record(self, tx: Session, person: str, verb: str, details: dict[str, Any], actor: str = "") -> None:
        via = "cli" if actor else "api"
        audit.append_personal(tx, person, at=self._now(), actor=actor or person, verb=verb, details=details, via=via)

    def _tell(self, tx: Session, person: str, kind: str, row: TokenRow) -> None:
        values: dict[str, Any] = {"token": row.hash[:SHOWN], "name": row.name, "scopes": list(row.scopes)}
        outbox.enqueue_notice(
            tx, Notice(kind, (person,), values, "reply"), ref=f"token:{row.hash[:SHOWN]}", version=int(kind == "token.revoked"),
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


def _token(row: TokenRow) -> Token:
    scopes = tuple(cast(Scope, one) for one in row.scopes)
    return Token(row.hash[:SHOWN], row.person, row.name, scopes, row.created, row.ends, row.revoked, row.used)
