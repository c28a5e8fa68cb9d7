"""The benchmark runs and tells the truth about what it counted; how fast things are is not tested."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bot.bench import QUICK, house, places, queues, run_all, web
from bot.bench.callbacks import SECRETS
from bot.bench.load import fire
from bot.bench.report import Row, at_least, at_most, ms, quantile, table
from bot.bootstrap import real_now
from bot.platforms.feishu.inbound import Inbound
from handlers.core.message import Message
from storage import filling
from storage.database import Database
from storage.outbox import OUTBOX
from storage.tables.queues import DONE, WAITING
from storage.timers import TIMERS
from tests.ready import with_schema


def test_quick_prints_every_measurement_and_breaks_nowhere() -> None:
    shown: list[str] = []
    assert run_all(quick=True, say=shown.append) == 0, "\n".join(shown)
    text = "\n".join(shown)
    assert "QUICK" in shown[0]
    assert "BROKEN" not in text
    for kind in ("SQLite", "PostgreSQL"):
        for what in (
            "floor:",
            "Feishu callback stored",
            "command asked",
            "claim of 10",
            "tick, nothing due",
            "due at once",
            "its reply leaves, p99",
        ):
            assert any(what in line and kind in line for line in shown), (what, kind)
    assert "naive repeater" in text
    assert "start to ready" in text
    assert "memory, idle" in text


def test_what_breaks_is_said_and_does_not_end_well(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with"), places.child(["bot", "no-such-command"], {}, tmp_path, lambda: False):
        pass


def test_filling_makes_rows_that_the_queues_understand(database: Database) -> None:
    with_schema(database)
    database.write(lambda tx: filling.many_messages(tx, 1, 50, status=DONE, due=queues.NOW))
    database.write(lambda tx: filling.many_messages(tx, 51, 90, status=WAITING, due=queues.NOW))
    database.write(lambda tx: filling.many_timers(tx, 1, 30, queues.NOW))
    messages = database.read(lambda tx: OUTBOX.waiting(tx, queues.NOW))
    assert (messages.waiting, messages.due) == (40, 40)
    timers = database.read(lambda tx: TIMERS.waiting(tx, queues.NOW + timedelta(seconds=10)))
    assert (timers.waiting, timers.due) == (30, 10), "a second apart"


def test_a_busy_firm_lives_on_the_road(tmp_path: Path) -> None:
    (row,) = house.timers_at_once("test", f"sqlite:///{tmp_path / 'a.db'}", incidents=3, timers=7)
    assert row.what.startswith("7 timers due at once")
    p50, p99 = house.commands("test", f"sqlite:///{tmp_path / 'b.db'}", incidents=3, tasks=9, own=1, rounds=2)
    assert "p50" in p50.what
    assert "6 commands" in p99.what


class Counter(BaseHTTPRequestHandler):
    """Answers everybody but `nobody`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403 if self.headers["X-Gengfu-As"] == "nobody" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_the_load_generator_counts_what_was_answered_and_what_was_refused() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            run = fire(
                server.server_port,
                lambda n: ("/x", b"{}", {"X-Gengfu-As": "nobody" if n % 2 else "li.na"}),
                seconds=0.3,
                connections=4,
                first=0,
            )
        finally:
            server.shutdown()
            thread.join()
    assert len(run.latencies) > 4
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


def test_quick_is_small_and_no_two_requests_are_one_event() -> None:
    assert QUICK.many <= 10_000
    sent = [request(number) for _, request, _ in web.ROADS for number in range(24)]
    assert len({(path, _event(path, body, headers)) for path, body, headers in sent}) == len(sent)


def _event(path: str, body: bytes, headers: Mapping[str, str]) -> str:
    """The id by which the road tells one event from another."""
    if path != "/callbacks/feishu":
        return str(json.loads(body)["id"])
    message = Inbound(SECRETS, real_now).receive({name.lower(): value for name, value in headers.items()}, body)
    assert isinstance(message, Message)
    return message.event_id
