"""Writing for many at once: what a round of timers writes is kept back, and each statement is run once for all of it.

Nobody of a round reads what it has kept back: it is for records that are loaded before and written once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CursorResult
from sqlmodel import Session

from workflows.core.errors import Conflict

_KEPT = "gathered"


@dataclass(slots=True)
class _Kept:
    """What one statement was given; `exact`, `once`, `united` as for `run`."""

    exact: bool
    once: bool
    united: bool
    given: list[Mapping[str, Any]] = field(default_factory=list)

    def all(self) -> Sequence[Mapping[str, Any]]:
        """What is the same for several records is in order: two rounds at a time must not want it crosswise."""
        if self.united:
            return [_union(self.given)]
        return sorted(self.given, key=lambda values: [str(value) for value in values.values()]) if self.once else self.given


@contextmanager
def gathered(session: Session) -> Iterator[None]:
    """What is `run` inside is run at the end, each statement once for all that it was given. Nothing of it when the inside raises."""
    kept: dict[Any, _Kept] = {}
    session.info[_KEPT] = kept
    try:
        yield
    finally:
        del session.info[_KEPT]
    session.flush()
    for statement, of_it in kept.items():
        answer: CursorResult[Any] = session.connection().execute(statement, of_it.all())
        if of_it.exact and answer.rowcount != len(of_it.given):
            raise Conflict(f"{answer.rowcount} of {len(of_it.given)} rows are still what they were")


def gathering(session: Session) -> bool:
    return _KEPT in session.info


def run(
    session: Session, statement: Any, values: Mapping[str, Any], *, exact: bool = False, once: bool = False, united: bool = False
) -> bool:
    """Run it now or, in a round, at its end. `statement`: one object for all its like · `exact`: Conflict unless it changes one row ·
    `once`: the same values again say nothing new · `united`: lists among its values become one, what is no list is the same for all.

    False = it was run and has changed nothing.
    """
    kept: dict[Any, _Kept] | None = session.info.get(_KEPT)
    if kept is None:
        session.flush()
        answer: CursorResult[Any] = session.connection().execute(statement, values)
        if exact and answer.rowcount != 1:
            raise Conflict("the row is not what it was any more")
        return answer.rowcount > 0
    of_it = kept.setdefault(statement, _Kept(exact, once, united))
    if not (once and values in of_it.given):
        of_it.given.append(values)
    return True


def _union(given: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        name: list(dict.fromkeys(one for values in given for one in values[name])) if isinstance(first, list) else first
        for name, first in given[0].items()
    }
