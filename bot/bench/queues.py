"""Claims and ticks: what the queue costs when much is finished and much is waiting."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.bench.report import Row, at_most, ms, quantile
from storage import filling
from storage.database import Database
from storage.tables.queues import DONE, WAITING

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
#: As many rows as the worker takes at once.
LOT = 10
#: A ratio of two spans of a millisecond is taken where neighbours on the machine disturb least.
QUIET = 0.1


def claims(name: str, database: Database, *, finished: int, waiting: int, rounds: int) -> list[Row]:
    """A claim of ten rows, each in a transaction of its own, commit included."""
    empty = _timed(database, rounds)
    database.write(lambda tx: filling.many_messages(tx, 1, finished, status=DONE, due=NOW))
    database.write(lambda tx: filling.many_messages(tx, finished + 1, finished + waiting, status=WAITING, due=NOW))
    filling.settled(database)
    taken = _timed(database, rounds, some=True)
    usual, floor = quantile(taken, 0.5), quantile(empty, 0.5)
    return [
        Row(
            f"claim of {LOT}, {finished:,} finished and {waiting:,} waiting, p50 ({name})",
            ms(usual),
            f"{ms(floor)} (empty table)",
            f"{usual / floor:.1f}x",
            "< 10 ms / -",
            at_most(usual, 0.010, 0.0),
        ),
        Row(f"  the same, p99 ({name})", ms(quantile(taken, 0.99))),
    ]


def _timed(database: Database, rounds: int, *, some: bool = False) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        claim = database.write(lambda tx: filling.claim_messages(tx, NOW, LOT))
        taken.append(time.perf_counter() - began)
        if bool(claim) != some:
            raise RuntimeError("the claim did not find what was put there")
        database.write(partial(filling.finish_messages, claim=claim, now=NOW))
    return taken


def ticks(name: str, database: Database, *, few: int, many: int, rounds: int) -> list[Row]:
    """One tick with nothing due (all three queues are asked), with few and with many waiting timers."""
    due = NOW + timedelta(days=30)
    database.write(lambda tx: filling.many_timers(tx, 1, few, due))
    filling.settled(database)
    floor = quantile(_ticked(database, rounds), QUIET)
    database.write(lambda tx: filling.many_timers(tx, few + 1, many, due))
    filling.settled(database)
    value = quantile(_ticked(database, rounds), QUIET)
    ratio = value / floor
    what = f"tick, nothing due, {many:,} waiting timers against {few:,}, p10 ({name})"
    return [Row(what, ms(value), ms(floor), f"{ratio:.2f}x", "<= 1.5x / 1.1x", at_most(ratio, 1.5, 1.1))]


def _ticked(database: Database, rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = database.write(lambda tx: filling.tick(tx, NOW))
        taken.append(time.perf_counter() - began)
        if found:
            raise RuntimeError("something was due that should not be")
    return taken
