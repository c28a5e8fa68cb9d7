"""The benchmark runs and tells the truth about what it counted; how fast things are is not tested."""

import asyncio
import math
from pathlib import Path

import pytest

from bot.bench import QUICK, house, places, queues, run_all, web
from bot.bench.load import fire
from bot.bench.report import Row, at_least, at_most, ms, quantile, table
from storage import filling
from storage.database import Database
from storage.outbox import OUTBOX
from storage.schema import migrate
from storage.tables.queues import DONE, WAITING
from storage.timers import TIMERS


def test_quick_prints_every_measurement_and_breaks_nowhere() -> None:
    shown: list[str] = []
    assert run_all(quick=True, say=shown.append) == 0, "\n".join(shown)
    text = "\n".join(shown)
    assert "QUICK" in shown[0]
    assert "BROKEN" not in text
    for kind in ("SQLite", "PostgreSQL"):
        for what in ("floor:", "event stored", "command asked", "claim of 10", "tick, nothing due", "due at once", "its reply leaves, p99"):
            assert any(what in line and kind in line for line in shown), (what, kind)
    assert "start to ready" in text
    assert "memory, idle" in text


def test_what_breaks_is_said_and_does_not_end_well(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with"), places.child(["bot", "no-such-command"], {}, tmp_path, lambda: False):
        pass


def test_filling_makes_rows_that_the_queues_understand(database: Database) -> None:
    migrate(database)
    database.write(lambda tx: filling.many_messages(tx, 1, 50, status=DONE, due=queues.NOW))
    database.write(lambda tx: filling.many_messages(tx, 51, 90, status=WAITING, due=queues.NOW))
    database.write(lambda tx: filling.many_timers(tx, 1, 30, queues.NOW))
    messages = database.read(lambda tx: OUTBOX.waiting(tx, queues.NOW))
    assert (messages.waiting, messages.due) == (40, 40)
    timers = database.read(lambda tx: TIMERS.waiting(tx, queues.NOW))
    assert (timers.waiting, timers.due) == (30, 1), "a second apart, number 1 is due one second later; nothing earlier"


def test_a_busy_firm_lives_on_the_road(tmp_path: Path) -> None:
    (row,) = house.timers_at_once("test", f"sqlite:///{tmp_path / 'a.db'}", incidents=3, timers=7)
    assert row.what.startswith("7 timers due at once")
    p50, p99 = house.commands("test", f"sqlite:///{tmp_path / 'b.db'}", incidents=3, tasks=9, own=1, rounds=2)
    assert "p50" in p50.what
    assert "6 commands" in p99.what


def test_the_load_generator_counts_what_was_answered_and_what_was_refused() -> None:
    async def serve() -> tuple[int, asyncio.Server]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(2)
                status = b"403 No" if b"X-Gengfu-As: nobody" in head else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1], server

    with places.free_server(serve) as port:
        run = fire(port, lambda n: ("/x", b"{}", "nobody" if n % 2 else "li.na"), seconds=0.3, connections=4, first=0)
    assert run.latencies
    assert abs(run.refused - len(run.latencies) / 2) <= 4


def test_judgement_and_table() -> None:
    assert [at_most(x, 10, 5) for x in (4, 8, 11)] == ["aim", "must", "MISSED"]
    assert [at_least(x, 0.5, 0.8) for x in (0.9, 0.6, 0.4)] == ["aim", "must", "MISSED"]
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile([3, 1, 2], 0.99) == 3
    assert math.isnan(quantile([], 0.5))
    assert ms(0.0123) == "12.3 ms"
    lines = table([Row("a", "1 ms"), Row("更夫", "2 ms", verdict="aim")])
    assert lines[0].split() == ["measurement", "value", "floor", "ratio", "must", "/", "aim", "verdict"]
    assert lines[2].index("1 ms") == lines[3].index("2 ms") + 2, "Chinese signs are two columns wide"


def test_quick_is_small_and_every_road_is_numbered_apart() -> None:
    assert QUICK.many <= 10_000
    bodies = {request(number)[1] for _, request, _ in web.ROADS for number in (1, 2)}
    assert len(bodies) == len(web.ROADS) * 2 - 2, "the two that ask /我是谁 differ by path only"
