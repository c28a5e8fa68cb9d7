"""Who is on duty at a moment (值班): the plan's rotas, and what stands beside them with a date: overrides, swaps, leave.

The files are the authority; a change is kept in the database and ends by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from workflows.core.calendar import Calendar
from workflows.core.instants import utc
from workflows.core.people import Organization
from workflows.core.working_days import local_day


class DutyState(StrEnum):
    STANDS = "stands"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"


class DutyKind(StrEnum):
    SET = "set"
    SWAP = "swap"
    LEAVE = "leave"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class DutyChange:
    """One dated exception, from `start_at` up to `end_at`.

    set: `person` has the duty of `group` · swap: `person` has it in place of `gives` · leave: `person` is away, from everything ·
    note: what `person` leaves to whoever relieves them in `group`; delivered at `end_at`.
    """

    ref: str
    state: DutyState
    plan: str
    kind: DutyKind
    person: str
    by: str
    at: datetime
    start_at: datetime
    end_at: datetime
    group: str = ""
    gives: str | None = None
    note: str = ""
    version: int = 0
    touched: int = 0

    @property
    def incident(self) -> str:
        """It belongs to none."""
        return ""

    def stands_at(self, moment: datetime) -> bool:
        return self.state is DutyState.STANDS and self.kind is not DutyKind.NOTE and self.start_at <= moment < self.end_at


#: Why the duty is not with somebody of the rota: it is empty, they have left the plan, they are on leave, no shift is on.
Why = Literal["", "empty", "left", "leave", "hours"]


@dataclass(frozen=True, slots=True)
class Turn:
    """From `start` to `end` `people` have the duty. `planned`: whose turn it would be; `why`: what keeps some of them from it."""

    start: datetime
    end: datetime
    people: tuple[str, ...]
    planned: tuple[str, ...]
    why: Why

    def follows(self, before: "Turn") -> bool:
        """Whether it only goes on with what was before."""
        return (self.people, self.planned, self.why) == (before.people, before.planned, before.why)


@dataclass(frozen=True, slots=True)
class Roster:
    """All that decides who is on duty. `changes` in the order in which they were said: the later one holds."""

    organization: Organization
    calendar: Calendar
    zone: tzinfo
    changes: tuple[DutyChange, ...] = ()

    def at(self, moment: datetime) -> Organization:
        """The organization with who is on duty and who is away at `moment`."""
        here = self._with_away(moment)
        if not self.kept:
            return here
        return replace(here, on_duty={group: self._standing(here, group, moment)[0] for group in here.groups})

    @property
    def kept(self) -> bool:
        """Whether there is anything to look at: a rota, a change, an important period."""
        return bool(self.changes or self.calendar.important) or any(group.rota for group in self.organization.groups.values())

    def turns(self, group: str, start: datetime, end: datetime) -> tuple[Turn, ...]:
        """Who has the duty of `group` from `start` to `end`, without a gap; one turn for as long as it is the same."""
        found: list[Turn] = []
        for one, following in pairwise((start, *self._edges(start, end, group), end)):
            if one >= following:
                continue
            people, planned, why = self._standing(self._with_away(one), group, one)
            turn = Turn(one, following, people, planned, why)
            if found and turn.follows(found[-1]):
                found[-1] = replace(found[-1], end=following)
            else:
                found.append(turn)
        return tuple(found)

    def gaps(self, group: str, start: datetime, end: datetime) -> tuple[Turn, ...]:
        """Turns in which nobody has the duty, or only a stand-in because no one of the rota can. One person's leave is no gap."""
        return tuple(turn for turn in self.turns(group, start, end) if not turn.people or self._is_gap(turn, group))

    def next_edge(self, after: datetime) -> datetime | None:
        """The next moment at which anything may change; None when nothing ever does."""
        soon = after + timedelta(days=2)  # each shift has an edge on each day
        edges = [edge for group in self.organization.groups for edge in self._edges(after, soon, group)]
        dated = (*self._periods(), *(edge for change in self.changes for edge in (change.start_at, change.end_at)))
        return min((*edges, *(edge for edge in dated if edge > after)), default=None)

    def _periods(self) -> Iterator[datetime]:
        """When important periods begin and end."""
        for period in self.calendar.important:
            for day in (period.first, period.last + timedelta(days=1)):
                yield utc(datetime.combine(day, time(), self.zone))

    def _with_away(self, moment: datetime) -> Organization:
        away = frozenset(change.person for change in self.changes if change.kind is DutyKind.LEAVE and change.stands_at(moment))
        return replace(self.organization, away=away) if away else self.organization

    def _standing(self, here: Organization, group: str, moment: datetime) -> tuple[tuple[str, ...], tuple[str, ...], Why]:
        """(who has the duty, whose turn it would be, why they differ)."""
        planned, why = self._planned(group, moment)
        for change in self.changes:
            if change.group != group or not change.stands_at(moment):
                continue
            if change.kind is DutyKind.SET:
                planned, why = (change.person,), ""
            elif change.gives in planned:
                planned = tuple(dict.fromkeys(change.person if one == change.gives else one for one in planned))
        missing = [one for one in planned if not here.is_here(one)]
        if missing:
            why = "leave" if any(one in here.away for one in missing) else "left"
        stand_ins = (one if here.is_here(one) else here.stand_in(one, group) for one in planned or ("",))
        return tuple(dict.fromkeys(one for one in stand_ins if one)), planned, why

    def _planned(self, group: str, moment: datetime) -> tuple[tuple[str, ...], Why]:
        found = self.organization.groups[group]
        times = self.calendar.duty_at(local_day(moment, self.zone))
        if not found.rota:
            return found.leaders[:times], ""
        days = [(shift, day) for shift in found.rota if (day := shift.day_of(moment, self.zone)) is not None]
        people = tuple(dict.fromkeys(one for shift, day in days for one in shift.turn(day, self.calendar, times)))
        return people, "" if people else "empty" if days else "hours"

    def _is_gap(self, turn: Turn, group: str) -> bool:
        if turn.why == "leave":
            rota = {one for shift in self.organization.groups[group].rota for one in shift.people}
            return bool(rota) and all(not self._with_away(turn.start).is_here(one) for one in rota)
        return bool(turn.why)

    def _edges(self, start: datetime, end: datetime, group: str) -> Iterator[datetime]:
        """Moments after `start` and before `end` at which the duty of `group` may change, in order."""
        found = {edge for shift in self.organization.groups[group].rota for edge in shift.edges(start, end, self.zone)}
        found.update(self._periods())
        for change in self.changes:
            if change.kind is DutyKind.LEAVE or change.group == group:
                found |= {change.start_at, change.end_at}
        return iter(sorted(edge for edge in found if start < edge < end))
