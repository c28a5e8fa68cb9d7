"""The rounds of one item: which of its timers come together, and how many of its words quiet hours held back."""

from dataclasses import dataclass, replace
from datetime import datetime

from workflows.core.deadlines import TOO_CLOSE
from workflows.core.escalation import NAMES, Fired, Item, fire, next_due
from workflows.core.outcome import Timer
from workflows.core.response import Response

#: A safety bound of counting; at the shortest repeat (5 min) it is a week without a word.
_MOST_ROUNDS = 2_000


@dataclass(frozen=True, slots=True)
class Held:
    """What quiet hours did to a word that is said now. `waited`: it was due before · `count`: words that they kept from being said."""

    waited: bool
    count: int


def running(item: Item, response: Response) -> dict[str, datetime]:
    """A due reminder within two minutes of another word about the same task is left to that one; the one at the due itself stays."""
    return next_due(_spaced(item, response), response)


def timers(item: Item, response: Response) -> tuple[Timer, ...]:
    """The item's whole set of timers: those that run and, as None, those that do not."""
    due = running(item, response)
    return tuple(Timer(name, due.get(name)) for name in NAMES)


def _spaced(item: Item, response: Response) -> Item:
    due = next_due(item, response)
    while item.due and "due" in due and due["due"] < item.due:
        words = [at for name, at in due.items() if name != "due"] + ([item.prompted] if item.round and item.prompted else [])
        if not any(abs(due["due"] - at) <= TOO_CLOSE for at in words):
            break
        item = replace(item, reminded=due["due"])
        due = next_due(item, response)
    return item


def caught_up(item: Item, response: Response, name: str, now: datetime) -> Fired:
    """The timer `name` has come, and whatever else has by now: one word. `missed`: how many there would have been before it, one by one;
    what came within the last two minutes is this one."""
    fired = all_that_has_come(fire(item, response, name, now), response, now)
    before = _words(item, response, now - TOO_CLOSE)
    return replace(fired, missed=min(before, _words(item, response, now) - 1) if before else 0)


def all_that_has_come(fired: Fired, response: Response, now: datetime) -> Fired:
    """Other timers of the item that have come by now are answered by the same message: one thing, one word."""
    known, climbed = fired.item, fired.climbed
    for _ in NAMES:
        come = {at: name for name, at in next_due(known, response).items() if at <= now}
        if not come:
            break
        more = fire(known, response, come[min(come)], now)
        known, climbed = more.item, climbed or more.climbed
    return Fired(replace(known, reminded=max(now, known.reminded or now)), fired.missed, climbed)


def held(item: Item, response: Response, now: datetime) -> Held:
    """Of the word that is said about `item` now: what would have been said by now without quiet hours, less what is."""
    if response.quiet is None:
        return Held(False, 0)
    loud = replace(response, quiet=None)
    first = min(running(item, loud).values(), default=now)
    return Held(response.waking(first) > first, max(0, _words(item, loud, now) - _words(item, response, now)))


def _words(item: Item, response: Response, until: datetime) -> int:
    """How often the item would speak up to that moment, if nothing else happened."""
    for count in range(_MOST_ROUNDS):
        coming = running(item, response)
        name = min(coming, key=lambda each: coming[each], default=None)
        if name is None or coming[name] > until:
            return count
        item = all_that_has_come(fire(item, response, name, coming[name]), response, coming[name]).item
    return _MOST_ROUNDS
