"""When an open item speaks next, and to whom: pure arithmetic over the item's state and the response it runs under.

Every timer is computed anew from the state after each move, so none can be forgotten. Rung 0 is the owner (or the group, while
nobody owns it); each silence climbs one rung; after the last rung the control group is told, again and again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from workflows.core.channels import Reach, by_messenger, ways
from workflows.core.deadlines import claim_wait, next_reminder, reminders
from workflows.core.people import Organization
from workflows.core.response import Response

NAMES = ("response", "progress", "due", "overdue", "verify")

Phase = Literal["unowned", "owned", "done"]

#: A safety bound of catching up; at the shortest repeat (5 min) it is more than a month of silence.
_MOST_ROUNDS = 10_000

#: Even what was late when it was made leaves its group a moment to take it.
_SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Item:
    """What the arithmetic needs to know.

    `since`: last sign of life · `prompted`: when the chain last spoke · `reminded`: which due reminder last fired.
    """

    created: datetime
    phase: Phase
    live: bool
    blocked: bool
    standing: bool
    due: datetime | None
    since: datetime
    level: int
    round: int
    prompted: datetime | None
    reminded: datetime | None
    snoozed: datetime | None


@dataclass(frozen=True, slots=True)
class Fired:
    """The item after a timer fired; `missed` rounds were not said because nobody was there to say them."""

    item: Item
    missed: int
    climbed: bool


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a rung resolved to; `level` may be higher than asked for because rungs that mean nobody, or nobody who can be reached, are
    skipped (`skipped` names them)."""

    level: int
    people: tuple[str, ...]
    skipped: tuple[str, ...]
    exhausted: bool


def next_due(item: Item, response: Response) -> dict[str, datetime]:
    """When each running timer fires. Empty only for an item that is closed."""
    if not item.live:
        return {}
    if item.phase == "done":
        found = {"verify": response.after("verify", _prompted(item), response.verify_within if item.round == 0 else _pace(item, response))}
    elif _past_due(item):
        found = {"overdue": response.after("overdue", _prompted(item), _overdue_pace(item, response))}
    else:
        found = _before_due(item, response)
    if item.snoozed:
        found = {name: max(due, item.snoozed) for name, due in found.items()}
    return {name: response.waking(due) for name, due in found.items()}


def _before_due(item: Item, response: Response) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    if item.phase == "unowned":
        first = max(claim_wait(response.claim_within, item.created, item.due), _SHORTEST)
        wait = first if item.level == 0 else _pace(item, response)
        found["response"] = _prompted(item) + wait
    elif not item.standing or item.due is None:
        found["progress"] = _progress_due(item, response)
    if item.due is not None:
        reminder = next_reminder(item.created, item.due, response.remind_before, max(item.created, item.reminded or item.created))
        if reminder is not None:
            found["due"] = response.held("due", reminder)
    return found


def _progress_due(item: Item, response: Response) -> datetime:
    """First the owner is asked, after the grace the ladder climbs from the owner up. What is blocked is asked about twice as often."""
    if item.level == 0 and item.round == 0:
        wait = response.progress_every / 2 if item.blocked else response.progress_every
        return response.after("progress", max(item.since, _prompted(item)), wait)
    return response.after("progress", _prompted(item), response.progress_grace if item.level == 0 else _pace(item, response))


def _past_due(item: Item) -> bool:
    """Whether the due reminder was said. What was late when it was made has none: an owner is late at once, a group after one ask."""
    spoken = item.reminded is not None or item.phase == "owned" or item.round > 0
    return item.due is not None and spoken and max(item.created, item.reminded or item.created) >= item.due


def _overdue_pace(item: Item, response: Response) -> timedelta:
    if item.level >= len(response.rungs):
        return _pace(item, response)
    return min(response.overdue_repeat, _pace(item, response)) if item.phase == "unowned" else response.overdue_repeat


def _pace(item: Item, response: Response) -> timedelta:
    """How long to wait at the item's rung; past the last one the terminal repeat, which may slow down but never ends."""
    if item.level < len(response.rungs):
        return response.rungs[item.level].wait
    return response.terminal_slow if spent(item, response) else response.terminal_repeat


def spent(item: Item, response: Response) -> bool:
    """Whether the control group has heard it as often as the plan wants at the first pace; never where that is without limit."""
    if item.level < len(response.rungs) or response.terminal_max is None:
        return False
    return item.round >= _rounds_to_end(item, response) + response.terminal_max


def _rounds_to_end(item: Item, response: Response) -> int:
    """How many rounds this kind of chain takes from the first rung past the last."""
    if item.phase == "unowned":
        return len(response.rungs)
    return len(response.rungs) * response.overdue_climb_every if item.phase == "owned" and _past_due(item) else len(response.rungs) + 1


def _prompted(item: Item) -> datetime:
    return item.prompted or item.created


def passed_over(item: Item, response: Response, now: datetime) -> Fired:
    """The item when nobody of its rung could be reached by any way: the next rung hears of it now."""
    return Fired(replace(item, level=min(item.level + 1, len(response.rungs)), round=item.round + 1, prompted=now), 0, True)


def repaced(item: Item, response: Response, now: datetime) -> Item:
    """The item under a response that has just changed: what the new pace would have said by `now` is due now, and was not missed.

    Of due reminders that have gone by unsaid (the quiet hours of a lighter level held them) only the last is, and none where another
    word is said now.
    """
    gone = _gone(item, response, now)
    known = replace(item, reminded=gone[-1]) if gone else item
    late = max((now - due for due in next_due(replace(known, snoozed=None), response).values()), default=timedelta())
    if late > timedelta():
        return replace(known, prompted=_prompted(item) + late)
    return replace(item, reminded=gone[-2]) if len(gone) > 1 else item


def _gone(item: Item, response: Response, now: datetime) -> list[datetime]:
    if item.due is None:
        return []
    heard = max(item.created, item.reminded or item.created)
    return [moment for moment in reminders(item.created, item.due, response.remind_before) if heard < moment <= now]


def fire(item: Item, response: Response, name: str, now: datetime) -> Fired:
    """Let the timer `name` act at `now`.

    Rounds that were missed are caught up in one go: one message at the rung that would have been reached.
    """
    before, steps = item, 0
    while steps < _MOST_ROUNDS:
        due = next_due(item, response).get(name)
        if due is None or due > now:
            break
        item, steps = _step(item, response, name, due), steps + 1
    spoken = replace(item, reminded=max(now, item.reminded or now)) if name == "due" else replace(item, prompted=now)
    return Fired(spoken, max(0, steps - 1), item.level > before.level)


def _step(item: Item, response: Response, name: str, at: datetime) -> Item:
    if name == "due":
        past = item.due is not None and at >= item.due
        # Not back before what the chain has said since (after an outage): those rounds would be counted twice.
        return replace(item, reminded=at, prompted=max(at, _prompted(item)) if past else item.prompted)
    round_ = item.round + 1
    first_asks_again = name in ("progress", "verify") and item.round == 0
    waits = name == "overdue" and item.phase != "unowned" and round_ % response.overdue_climb_every != 0
    climb = 0 if first_asks_again or waits else 1
    return replace(item, round=round_, level=min(item.level + climb, len(response.rungs)), prompted=at)


def audience(
    level: int,
    response: Response,
    organization: Organization,
    *,
    group: str,
    owner: Iterable[str],
    commander: str | None,
    reach: Reach = by_messenger,
) -> Audience:
    """The people of the rung `level`, resolved now.

    `owner` stands for the spec `owner`; while nobody owns the item, or its owner is on leave, it is the group's duty member, else head
    and deputy.
    """
    skipped: list[str] = []
    owners = tuple(person for person in owner if organization.is_here(person))
    while level < len(response.rungs):
        people: list[str] = []
        for spec in response.rungs[level].to:
            if spec == "owner":
                people.extend(
                    owners
                    or organization.resolve("group.duty", group=group)
                    or organization.resolve("group.head or group.deputy", group=group)
                )
            else:
                people.extend(organization.resolve(spec, group=group, commander=commander))
        here = tuple(person for person in dict.fromkeys(people) if person in organization.people)
        if any(ways(response.rungs[level].by, reach(person)) for person in here):
            return Audience(level, here, tuple(skipped), False)
        skipped.append(" ".join(response.rungs[level].to))
        level += 1
    return Audience(level, (), tuple(skipped), True)
