"""The clock's part of the road: timers that have come, one by one or many in one transaction."""

import logging
from collections.abc import Sequence

from handlers.core.house import ATTEMPTS, Own
from handlers.core.registry import TIMERS
from storage.database import Transaction, part
from storage.gathered import gathered
from storage.tables.queues import TimerRow
from storage.timers import TIMERS as TIMER_QUEUE
from workflows.core.errors import Conflict, NotFound, RuleBroken
from workflows.duty import HOUSE
from workflows.task import Task

log = logging.getLogger(__name__)


class Clockwork(Own):
    """Timers take the same way as commands, with the clock as actor."""

    def begin(self, tx: Transaction) -> None:
        """The house has started, or an hour has gone by: see that the clock of the duty runs, whatever the plan says today."""
        uow = self._unit(tx, "clock", "begin")
        TIMERS["W"](self._own_context(tx, uow, "clock"), HOUSE, "begin", self.house.now())

    def round(self, rows: Sequence[TimerRow]) -> Sequence[TimerRow]:
        """Timers of tasks have come together: one transaction for all of them, whatever their incidents. Answers those that have to be
        fired one by one: of other records, or where the round could not be made."""
        tasks = [row for row in rows if row.record_ref[0] == "T"]
        if len(tasks) < 2:
            return rows
        try:
            self.house.database.write(lambda tx: self._round(tx, tasks))
        except Exception as error:  # one that fails must not hold up the others; it fails again alone, and that is noted
            log.warning("timers come one by one", extra={"action": "round_failed", "timers": len(tasks), "error": type(error).__name__})
            return rows
        return [row for row in rows if row.record_ref[0] != "T"]

    def _round(self, tx: Transaction, rows: Sequence[TimerRow]) -> None:
        """Of two timers of one record the first speaks for both, and sets the other anew."""
        first: dict[str, TimerRow] = {}
        for row in rows:
            first.setdefault(row.record_ref, row)
        uow = self._unit(tx, "clock", "")
        uow.load_all(Task, list(first), {row.incident or "" for row in rows})
        context = self._own_context(tx, uow, "clock")
        with gathered(tx):
            TIMER_QUEUE.all_done(tx, rows, self.house.now())
            for row in first.values():
                uow.via = f"timer:{row.record_ref}:{row.name}"
                TIMERS["T"](context, row.record_ref, row.name, row.due)

    def fire(self, row: TimerRow) -> None:
        """A timer has come: the same transaction as a command, with the clock as actor."""
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                self.house.database.write(lambda tx: self._fire(tx, row))
                return
            except Conflict:
                if not left:
                    raise

    def _fire(self, tx: Transaction, row: TimerRow) -> None:
        uow = self._unit(tx, "clock", f"timer:{row.record_ref}:{row.name}")
        if row.incident:
            uow.lock(row.incident)  # before the timer's own row: a person who acts asks for the two in this order
        if not TIMER_QUEUE.done(tx, row, self.house.now()):
            return  # moved or cancelled since it was claimed: its new time will come
        try:
            with part(tx):
                TIMERS[row.record_ref[0]](self._own_context(tx, uow, "clock"), row.record_ref, row.name, row.due)
        except (RuleBroken, NotFound):
            log.info("a timer no longer applies", extra={"action": "timer_stale", "record": row.record_ref, "timer": row.name})
