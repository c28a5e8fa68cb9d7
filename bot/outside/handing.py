"""Who has got a text already: kept with its outbox row, one commit before it is handed over and one after.

A mail server does not know our keys: what it took twice it delivers twice. Whoever finds the first note without the second knows that
nobody knows, and asks a person (ADR 0019).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.core.house import House, LostRow
from storage import postings
from storage.tables.queues import OutboxRow

#: Of a place: being handed over (nobody knows, once nobody is at it any more), handed over, in doubt; anything else is why it was refused.
HANDED, TAKEN, DOUBT = "handed", "taken", "doubt"
#: The longest receipt or reason that a record keeps.
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Sent:
    receipt: str


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """`asked`: the outlet was; otherwise it is known to be away."""

    reason: str
    after: float
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Gone:
    """It is no longer to be sent, and nothing of it has left."""


Outcome = Sent | Failed | Later | Gone


class Places:
    """What became of each place. `receipt`: by which the other side finds it."""

    def __init__(self, house: House, row: OutboxRow, receipt: str) -> None:
        self._house = house
        self._row = row
        self._receipt = receipt

    @property
    def known(self) -> Mapping[str, str]:
        return places_of(self._row.about)

    def open(self, place: str) -> bool:
        """Whether it is still to be handed over. What somebody who died was handing over is in doubt."""
        if self.known.get(place) == HANDED:
            self.end(place, DOUBT)
        return place not in self.known

    def begin(self, place: str) -> None:
        """Before anything leaves. LostRow: somebody else is at it."""
        self.end(place, HANDED)

    def end(self, place: str, became: str) -> None:
        """`became`: see above; nothing: it did not arrive, and may be handed over as if for the first time."""
        row, places = self._row, {**self.known, place: became}
        about = {**row.about, "receipt": self._receipt, "places": {one: state for one, state in places.items() if state}}
        if not self._house.database.write(lambda tx: postings.keep(tx, row, about, self._house.now())):
            raise LostRow(f"outbox row {row.id} is somebody else's now")
        row.about = about


def places_of(about: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = about.get("places", {})
    return found


def ended(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept for a later order of the same: who has it. What was in doubt or refused is handed over again then."""
    taken = {place: became for place, became in places_of(about).items() if became == TAKEN}
    return {"publication": about["publication"], **({"places": taken} if taken else {})}


def of_all(places: Iterable[str], known: Mapping[str, str], receipt: str, open_: str = "") -> Outcome:
    """What is in doubt is for people to decide. What nobody got failed; what somebody got is out, and its receipt says who did not.

    `open_`: why those did not of whom nothing is known.
    """
    every = list(places)
    if doubtful := [place for place in every if known.get(place) in (DOUBT, HANDED)]:
        who = _cut(", ".join(doubtful), LONGEST // 2)
        if not receipt:
            return Failed(f"nobody knows whether {who} got it: look there")
        return Failed(f"nobody knows whether {who} got it: look for {receipt} in the mail server's log")
    missed = [f"{place}: {known.get(place, open_)}" for place in every if known.get(place) != TAKEN]
    if len(missed) == len(every):
        return Failed(_cut("; ".join(missed)))
    return Sent(_cut(" · ".join([receipt, f"{len(every) - len(missed)}/{len(every)}", *missed])))


def under_way(about: Mapping[str, Any]) -> Outcome:
    """It is no longer to be sent: what has left all the same is told."""
    known = places_of(about)
    left = {place: became for place, became in known.items() if became in (HANDED, DOUBT, TAKEN)}
    return of_all(left, left, about.get("receipt", "")) if left else Gone()


def _cut(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
