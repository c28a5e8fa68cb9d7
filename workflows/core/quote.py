"""What was said to somebody, as a reference: only a text that different people have agreed to can be one, at the moment it is said."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from workflows.core.errors import RuleBroken
from workflows.core.facts import Value


class Said(Protocol):
    """What a reference asks of a statement."""

    @property
    def ref(self) -> str: ...
    @property
    def state(self) -> Any: ...
    @property
    def revision(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def internal(self) -> bool: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def changed(self) -> Mapping[str, Value]: ...


@dataclass(frozen=True, slots=True)
class Quote:
    statement: str
    revision: int
    digest: str


def standing(statement: Said, now: datetime) -> bool:
    """Whether what was agreed to counts now; what is out stays said, as long as the facts are as it says."""
    if statement.state == "published":
        return not statement.changed
    return statement.state == "approved" and (statement.expires_at is None or now < statement.expires_at)


def publishable(statement: Said) -> None:
    """Raise unless the text is made for outside: internal lines are never published, whoever has agreed to them."""
    if statement.internal:
        raise RuleBroken("statement.internal", ref=statement.ref)


def quote(statement: Said, text: str, now: datetime, *, inside: bool) -> Quote:
    """The reference to `text`, which is that of the statement; RuleBroken, saying what to do, unless it stands at this moment.

    `inside`: internal lines (内部口径) may be quoted too, where a person says them in their own voice.
    """
    if not standing(statement, now):
        known = {"ref": statement.ref, "state": statement.state}
        if statement.state == "published":
            raise RuleBroken("quote.outdated", **known)
        raise RuleBroken("quote.expired" if statement.state == "approved" else "quote.not_approved", **known)
    if hashlib.sha256(text.encode()).hexdigest() != statement.digest:
        raise RuleBroken("statement.other_text", ref=statement.ref)
    if not inside:
        publishable(statement)
    return Quote(statement.ref, statement.revision, statement.digest)
