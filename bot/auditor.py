"""The engine looks at itself each minute. One replica does it for all; what it finds is repaired once, then said until it is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic

from bot.metrics import Metrics
from handlers.core.context import Context
from handlers.core.road import Road
from handlers.rounds import rearm, stood_still, tell
from storage import rounds
from storage.database import Transaction, part
from storage.rounds import ENGINE, STOOD_STILL
from storage.shelf import DatabaseShelf
from storage.views.rounds import cards_to_freshen, look
from workflows.core.rounds import Finding, judge

log = logging.getLogger("gengfu.auditor")

#: Seconds that the look of this minute belongs to who began it; another replica's knock within them finds it done.
LEASE = 55.0
#: A card that shows when the engine last looked is drawn again so seldom, and only while something is due within the hour.
FRESH, SOON, MOST_FRESHENED = timedelta(minutes=10), timedelta(hours=1), 50
_KEPT = timedelta(days=3650)


class Auditor:
    """`holder`: this process · `turns`: whether its loops do · `heartbeat`: told when all is well."""

    def __init__(
        self, road: Road, metrics: Metrics, holder: str, turns: Callable[[], bool], heartbeat: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self._road = road
        self._house = road.house
        self._metrics = metrics
        self._holder = holder
        self._turns = turns
        self._heartbeat = heartbeat
        self._shelf = DatabaseShelf(road.house.database, ENGINE, road.house.now)
        self._beaten: float | None = None

    async def begin(self) -> None:
        """Before the loops turn: what the engine missed while it was down is said after it was said that it was down."""
        try:
            await asyncio.to_thread(self.beat)
        except Exception as error:  # the first knock makes up for it
            log.exception("the engine could not note that it is back", extra={"action": "beat_failed", "error": type(error).__name__})

    async def knock(self) -> None:
        """Each minute: note that we run, look, and tell those outside when all is well. Never raises."""
        try:
            await asyncio.to_thread(self.beat)
            clean = await asyncio.to_thread(self.look)
        except Exception as error:  # the next minute tries again, and meanwhile the silence outside speaks
            log.exception("the engine could not look at itself", extra={"action": "audit_failed", "error": type(error).__name__})
            return
        if clean and self._heartbeat is not None:
            await self._heartbeat()

    # Having stood still

    def beat(self) -> None:
        """Note that the engine runs; when it has not for a while, the incidents hear of it. A process begins by being back."""
        before, at = self._beaten, monotonic()
        # A clock that was set forward is no outage, as long as this process went on: only time that really passed counts.
        watched = before is not None and at - before <= STOOD_STILL.total_seconds()
        since = self._house.database.write(lambda tx: self._beat(tx, watched=watched))
        self._beaten = at
        if since is not None:
            log.error("the engine stood still", extra={"action": "stood_still", "since": since.isoformat()})

    def _beat(self, tx: Transaction, *, watched: bool) -> datetime | None:
        since = rounds.beat(tx, self._house.now(), watched=watched)
        if since is not None:
            stood_still(self._road.by_clock(tx, "engine:outage"), since, rounds.running(tx))
        return since

    # Looking

    def clean_at(self) -> datetime | None:
        """When some replica last found nothing wrong."""
        return self._house.database.read(rounds.clean_at)

    def look(self) -> bool:
        """One look, if it is ours to take. True = nothing is wrong, and the loops turn."""
        if not self._shelf.lease("audit", self._holder, LEASE):
            return False
        now, database = self._house.now(), self._house.database
        found, known = database.read(lambda tx: (look(tx, self._house.plans, now), rounds.known(tx)))
        fresh = database.read(lambda tx: cards_to_freshen(tx, now, older=FRESH, within=SOON, most=MOST_FRESHENED))
        if found or known or fresh:
            database.write(lambda tx: self._settle(tx, found, fresh))
        clean = not found and self._turns()
        if clean:
            self._shelf.put("clean", now.isoformat(), now + _KEPT)
        return clean

    def _settle(self, tx: Transaction, found: list[Finding], fresh: list[int]) -> None:
        now = self._house.now()
        verdict = judge(rounds.known(tx), found, now)
        context = self._road.by_clock(tx, f"engine:{now.isoformat()}")
        for finding in verdict.repair:
            self._repair(tx, context, finding)
        for kind, findings in verdict.say.items():
            log.error("something is wrong with the engine", extra={"action": "finding", "kind": kind, "count": len(findings)})
            tell(context, kind, findings)
        for kind in verdict.over:
            log.info("it is as it should be again", extra={"action": "finding_over", "kind": kind})
            tell(context, kind, ())
        rounds.redraw(tx, fresh, now)
        rounds.remember(tx, verdict.known)

    def _repair(self, tx: Transaction, context: Context, finding: Finding) -> None:
        about = {"kind": finding.kind, "ref": finding.ref}
        try:
            with part(tx):
                _REPAIRS[finding.kind](context, finding)
        except Exception as error:  # one that cannot be repaired must not keep the others from it: it is said at the next look
            self._metrics.repairs.labels(kind=finding.kind, result="failed").inc()
            log.exception("a repair failed", extra={"action": "repair_failed", "error": type(error).__name__, **about})
        else:
            self._metrics.repairs.labels(kind=finding.kind, result="done").inc()
            log.warning("the engine put something right", extra={"action": "repaired", **about})


def _rearm(context: Context, finding: Finding) -> None:
    rearm(context, finding.ref)


def _free(context: Context, finding: Finding) -> None:
    queue, _, number = finding.ref.partition(":")
    rounds.free(context.uow.session, queue, int(number), context.now)


def _redraw(context: Context, finding: Finding) -> None:
    _, _, number = finding.ref.partition(":")
    if not rounds.redraw(context.uow.session, [int(number)], context.now):
        _free(context, finding)  # it waits to be drawn, and nobody does it


_REPAIRS: dict[str, Callable[[Context, Finding], None]] = {
    "no_timer": _rearm,
    "card": _redraw,
    **dict.fromkeys(("late_timer", "held", "inbox", "outbox"), _free),
}
