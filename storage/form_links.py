"""One-time forms behind a link: who, what and where from are kept encrypted; the link itself only as its SHA-256."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from storage import audit
from storage.cipher import Cipher
from storage.database import Database
from storage.sessions import FORM_LIFE, GUESSES, GUESSES_WITHIN, RECORDED, hashed
from storage.shelf import DatabaseShelf
from storage.tables.sessions import FormLinkRow
from workflows.core.errors import NotAllowed, NotFound, RuleBroken


@dataclass(frozen=True, slots=True)
class Asked:
    """`tries`: how often it was refused so far; each try is an event of its own, and a try that is sent twice is one."""

    id: str
    person: str
    form: Mapping[str, Any]
    tries: int
    used: bool

    def event(self, given: str) -> str:
        """The id of the try that a page sent: never one to come, and after the last one always that."""
        number = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else self.tries
        return f"form:{self.id[:32]}:{self.tries if self.used else min(number, self.tries)}"


def put(session: Session, cipher: Cipher, person: str, form: Mapping[str, Any], now: datetime) -> str:
    """Keep a form for this person; answers the token of its link."""
    token = cipher.token()
    sealed = cipher.encrypt(json.dumps(form, ensure_ascii=False).encode(), f"form:{hashed(token)}")
    session.add(FormLinkRow(hash=hashed(token), person=person, form=sealed, ends=now + FORM_LIFE))
    session.flush()
    return token


class FormLinks:
    def __init__(self, database: Database, cipher: Cipher, now: Callable[[], datetime]) -> None:
        self._database = database
        self._cipher = cipher
        self._now = now
        self._shelf = DatabaseShelf(database, "web", now)

    def make(self, person: str, form: Mapping[str, Any]) -> str:
        """`put` in a transaction of its own: never from inside another one."""
        return self._database.write(lambda tx: put(tx, self._cipher, person, form, self._now()))

    def look(self, token: str, address: str) -> None:
        """Whether the link still works, without binding it to whoever asks."""
        self._found(token, address)

    def visit(self, token: str, visitor: str, address: str) -> tuple[str, Asked]:
        """A browser opens the link: the first one becomes the only one that may answer. Answers the cookie it must keep."""
        self._found(token, address)
        fresh = visitor or self._cipher.token()
        first = update(FormLinkRow).where(col(FormLinkRow.hash) == hashed(token), col(FormLinkRow.browser).is_(None))
        self._database.write(lambda tx: tx.connection().execute(first.values(browser=hashed(fresh))))
        return fresh, self.asked(token, fresh, address)

    def asked(self, token: str, visitor: str, address: str) -> Asked:
        row = self._found(token, address)
        if not visitor or row.browser != hashed(visitor):
            self._refused(row, "other_browser")
            raise NotAllowed("login.form_elsewhere")
        form = json.loads(self._cipher.decrypt(row.form, f"form:{row.hash}"))
        return Asked(row.hash, row.person, form, row.tries, row.used is not None)

    def refused(self, asked: Asked) -> int:
        """The try was refused: the next one is another event. Answers its number."""
        here = update(FormLinkRow).where(col(FormLinkRow.hash) == asked.id, col(FormLinkRow.tries) == asked.tries)
        self._database.write(lambda tx: tx.connection().execute(here.values(tries=asked.tries + 1)))
        return asked.tries + 1

    def done(self, asked: Asked) -> None:
        """Answered: it asks no more."""
        here = update(FormLinkRow).where(col(FormLinkRow.hash) == asked.id, col(FormLinkRow.used).is_(None))
        self._database.write(lambda tx: tx.connection().execute(here.values(used=self._now())))

    def _found(self, token: str, address: str) -> FormLinkRow:
        row = self._database.read(lambda tx: tx.get(FormLinkRow, hashed(token)))
        if row is None:
            if not self._shelf.spend(f"guess:{address}", GUESSES, GUESSES_WITHIN):
                raise RuleBroken("login.guessing")
            raise NotFound("login.form_gone")
        if row.ends <= self._now():
            self._refused(row, "expired")
            raise NotFound("login.form_gone")
        return row

    def _refused(self, row: FormLinkRow, why: str) -> None:
        if self._shelf.spend(f"refused:{row.hash}", RECORDED, FORM_LIFE):
            details = {"command": "web", "reason": why, "form": row.hash[:12]}
            at, by = self._now(), row.person
            self._database.write(lambda tx: audit.append_personal(tx, by, at=at, actor=by, verb="refused", details=details, via="web"))
