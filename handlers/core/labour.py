"""Work that takes longer than a transaction may: read, made outside of any, kept in the commit that ends it."""

from typing import Any

from handlers.core.context import Context
from handlers.core.explain import explain
from handlers.core.house import ATTEMPTS, LostRow, Own
from handlers.core.message import Outgoing, plain
from handlers.core.registry import WORKS
from storage.database import Transaction, part
from storage.papers import WORK
from storage.tables.queues import WorkRow
from workflows.core.errors import Conflict, UserError


class Labour(Own):
    """With the actor `work`."""

    def labour(self, row: WorkRow) -> None:
        """Read, compute outside any transaction, and keep what came of it in the commit that ends the row. What it read may have changed
        meanwhile: then all of it is done again."""
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return self._labour(row)
            except Conflict:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _labour(self, row: WorkRow) -> None:
        work = WORKS[row.kind]
        given = self.house.database.read(lambda tx: work.read(self._working(tx, row), row.about))
        made = work.make(self.house.words, given)
        self.house.database.write(lambda tx: self._laboured(tx, row, given, made))

    def _laboured(self, tx: Transaction, row: WorkRow, given: Any, made: bytes) -> None:
        context = self._working(tx, row)
        context.uow.lock(row.about["incident"])
        if not WORK.done(tx, row, self.house.now()):
            raise LostRow(f"work {row.id} is somebody else's now")
        try:
            with part(tx):
                WORKS[row.kind].keep(context, row.about, given, made)
        except UserError as refusal:
            text, _ = explain(refusal, self.house.words, self.house.plans.current, self.house.now(), "")
            context.uow.answer(row.key, row.about, plain(Outgoing(text)))

    def _working(self, tx: Transaction, row: WorkRow) -> Context:
        return self._own_context(tx, self._unit(tx, "work", f"work:{row.key}"), "work")
