"""The ways in which a rung reaches its people: the quiet ones at once, each louder one a while later, unless somebody has answered."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from workflows.core.outcome import Notice, Ring

#: What `by` may name, the quietest first: a direct message · the incident's chat, with an @ · a letter · a buzz about the direct
#: message · a text message · a telephone call.
CHANNELS = ("card", "mention", "mail", "urgent", "sms", "call")
#: Said the moment the rung is reached; each of the others waits for what came before it.
AT_ONCE = frozenset({"card", "mention", "mail"})
#: What every messenger has.
QUIET = frozenset({"card", "mention"})
#: The next way where one cannot be used.
INSTEAD: Mapping[str, str] = MappingProxyType({"urgent": "sms", "call": "sms", "sms": "mail"})
#: How long a person has at most to look at what they got before the next, louder way.
MOST_APART = timedelta(minutes=2)

#: The ways in which a person can be reached now; `call:card`: only about a direct message (a messenger's own telephone).
Reach = Callable[[str], frozenset[str]]


def by_messenger(person: str) -> frozenset[str]:
    """Of a house that has nothing louder."""
    return QUIET


def ways(by: Iterable[str], can: Collection[str]) -> tuple[str, ...]:
    """What `by` comes to for somebody who `can` be reached so: each way that cannot be used gives place to the next one that can."""
    by = tuple(by)
    found = {way for each in by for way in (_usable(each, can, card="card" in by),) if way}
    return tuple(way for way in CHANNELS if way in found)


def _usable(way: str, can: Collection[str], *, card: bool) -> str:
    while way and not (way in can or (card and f"{way}:card" in can)):
        way = INSTEAD.get(way, "")
    return way


def rings(these: Iterable[str], wait: timedelta) -> tuple[Ring, ...]:
    """When each way beside card and mention comes, spread over the rung's `wait`; what has not gone by its end is left to the next rung."""
    loud = [way for way in these if way not in AT_ONCE]
    apart = min(MOST_APART, wait / (len(loud) + 1))
    after = {way: apart * (number + 1) for number, way in enumerate(loud)}
    return tuple(Ring(way, after.get(way, timedelta()), wait) for way in these if way not in QUIET)


def spread(notice: Notice, by: Callable[[str], Sequence[str]], wait: timedelta, reach: Reach) -> tuple[Notice, ...]:
    """The notice as it reaches each of its people, told together where they are reached alike. Who cannot be reached is left out."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for person in notice.to:
        alike.setdefault(ways(by(person), reach(person)), []).append(person)
    return tuple(
        replace(notice, to=tuple(people), said="card" in these, rings=rings(these, wait)) for these, people in alike.items() if these
    )


def beyond(people: Iterable[str], by: Callable[[str], Iterable[str]], reach: Reach) -> dict[str, list[str]]:
    """Person -> the ways of their rung that cannot be used for them; for the trail."""
    found = {person: [way for way in by(person) if way not in ways(by(person), reach(person))] for person in people}
    return {person: these for person, these in found.items() if these}
