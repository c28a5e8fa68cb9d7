"""Claiming rows, and burying what has used up its attempts, with an alarm in the same commit."""

import logging
from typing import TypeVar

from handlers.core.road import Road
from storage.database import Transaction
from storage.queue import Claim, Queue
from storage.tables.queues import OutboxRow, QueueRow

log = logging.getLogger(__name__)

R = TypeVar("R", bound=QueueRow)
#: How many rows one claim takes: a claim with its drawing must not hold the SQLite writer for long.
LOT = 10


def claim(tx: Transaction, road: Road, queue: Queue[R], name: str, limit: int = LOT) -> Claim[R]:
    """What is due. What had used up its attempts is buried, and administrators are told in the same commit."""
    found = queue.claim(tx, road.house.now(), limit)
    for row in found.buried:
        buried(tx, road, name, row, row.error or "")
    return found


def buried(tx: Transaction, road: Road, queue: str, row: QueueRow, error: str) -> None:
    log.error("a row was buried", extra={"action": "row_buried", "queue": queue, "row": row.id, "error": error})
    # An alarm that reaches nobody must not raise the next one.
    if not (isinstance(row, OutboxRow) and row.about.get("notice") == "house.buried"):
        road.alarm(tx, queue, row, error)
