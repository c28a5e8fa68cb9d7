"""Callbacks and the console's road over HTTP against the floor; and how long a server takes to get ready, and what it weighs."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from bot.bench.callbacks import SETTINGS, callback, click
from bot.bench.load import Request, Run, fire
from bot.bench.places import child, environment, free_port, memory, opened
from bot.bench.report import Row, Verdict, at_least, at_most, ms, quantile
from bot.bootstrap import real_now
from storage.database import Database
from storage.inbox import INBOX
from storage.outbox import OUTBOX

#: Everybody of the sample plan's emergency groups types, so that nobody waits for their own last line only.
PEOPLE = (
    "wu.di",
    "li.na",
    "sun.jie",
    "zhao.min",
    "ma.chao",
    "wang.qiang",
    "chen.bo",
    "he.lei",
    "xu.jing",
    "gao.yuan",
    "liu.yang",
    "yang.fan",
)
CONNECTIONS = 16
#: Clicks a second on a bad day: fifty people on their telephones.
CLICKS = 50.0
GROUP_PEOPLE = ("wu.di", "li.na", "sun.jie")
GROUP = "g:office"
_numbers = count(1_000_000, 1_000_000)


def _typed(chat: str, number: int, text: str) -> bytes:
    return json.dumps({"id": f"bench-{number:012}", "kind": "text", "chat": chat, "text": text}).encode()


def _who(number: int) -> str:
    return PEOPLE[number % len(PEOPLE)]


def _one_row(number: int) -> tuple[str, bytes, Mapping[str, str]]:
    return "/floor", *callback(number, f"已看到,马上处理 {number}")


def _called_back(number: int) -> tuple[str, bytes, Mapping[str, str]]:
    return "/callbacks/feishu", *callback(number, f"已看到,马上处理 {number}")


def _clicked(number: int) -> tuple[str, bytes, Mapping[str, str]]:
    return "/callbacks/feishu", *click(number)


def _kept(number: int) -> tuple[str, bytes, Mapping[str, str]]:
    return f"/console/rooms/{GROUP}/messages", _typed(GROUP, number, f"收到 {number}"), {"X-Gengfu-As": GROUP_PEOPLE[number % 3]}


def _asked(number: int) -> tuple[str, bytes, Mapping[str, str]]:
    chat = f"dm:{_who(number)}"
    return f"/console/rooms/{chat}/messages", _typed(chat, number, "/我是谁"), {"X-Gengfu-As": _who(number)}


#: what, the request, whether the target of callbacks is meant for it
ROADS: tuple[tuple[str, Request, bool], ...] = (
    ("Feishu callback stored for the worker, which handles it meanwhile", _called_back, True),
    ("plain group message: posted in its room, no decision", _kept, False),
    ("command asked: posted + stored + decided + answered", _asked, False),
)


def roads(name: str, url: str, folder: Path, *, seconds: float) -> list[Row]:
    """Requests per second on 16 connections, of the floor and of the real application; then the latency at half that rate."""
    with opened(url) as database:
        with _server("floor", url, folder) as port:
            floor = _run(port, _one_row, seconds)
        rows = [Row(f"floor: callback verified, decrypted, one row committed ({name})", f"{floor.rate:.0f}/s")]
        with _server("real", url, folder) as port:
            _arrive(port)
            for what, request, judged in ROADS:
                full = _run(port, request, seconds)
                _drained(database)
                half = _run(port, request, seconds, full.rate / 2)
                _drained(database)
                rows += _told(name, what, floor, full, half, judged=judged)
            rows.append(_of_clicks(name, _run(port, _clicked, seconds, CLICKS)))
    return rows


def _of_clicks(name: str, run: Run) -> Row:
    p50, p99 = quantile(run.latencies, 0.5), quantile(run.latencies, 0.99)
    what = f"Feishu click: stored, decided, answered, at {CLICKS:.0f}/s, p50 / p99 ({name})"
    return Row(what, f"{ms(p50)} / {ms(p99)}", target="p99 < 1.2 s / 0.25 s", verdict=at_most(p99, 1.2, 0.25))


def _told(name: str, what: str, floor: Run, full: Run, half: Run, *, judged: bool) -> list[Row]:
    ratio = full.rate / floor.rate
    verdict: Verdict = at_least(ratio, 0.5, 0.8) if judged else "-"
    target = ">= 0.5x / 0.8x" if judged else "- (another job)"
    p50, p99 = quantile(half.latencies, 0.5), quantile(half.latencies, 0.99)
    again = f"  answer at half that rate, {CONNECTIONS} connections, p50 / p99 ({name})"
    return [
        Row(f"{what} ({name})", f"{full.rate:.0f}/s", f"{floor.rate:.0f}/s", f"{ratio:.2f}x", target, verdict),
        Row(again, f"{ms(p50)} / {ms(p99)}", target="p99 < 100 ms / 25 ms", verdict=at_most(p99, 0.100, 0.025)),
    ]


@contextmanager
def _server(kind: str, url: str, folder: Path) -> Iterator[int]:
    port = free_port()
    with child(["bot.bench.server", kind, str(port)], environment(url, port) | SETTINGS, folder, partial(_answers, port)):
        yield port


def _run(port: int, request: Request, seconds: float, rate: float | None = None) -> Run:
    """A short run to warm up, then the one that counts."""
    fire(port, request, seconds=min(1.0, seconds / 4), connections=CONNECTIONS, rate=rate, first=next(_numbers))
    run = fire(port, request, seconds=seconds, connections=CONNECTIONS, rate=rate, first=next(_numbers))
    if run.refused or not run.latencies:
        raise RuntimeError(f"{run.refused} of {len(run.latencies)} requests were refused")
    return run


def _drained(database: Database) -> None:
    """Wait until the server has done what the last run left behind."""
    end = time.perf_counter() + 120
    while database.read(lambda tx: INBOX.waiting(tx, real_now()).due + OUTBOX.waiting(tx, real_now()).due):
        if time.perf_counter() > end:
            raise RuntimeError("the server does not come to rest")
        time.sleep(0.05)


def _arrive(port: int) -> None:
    """What the page does when a person opens it; it makes their direct chat."""
    for person in PEOPLE:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/console/rooms", headers={"X-Gengfu-As": person})
        with urllib.request.urlopen(request, timeout=5):
            pass


def _answers(port: int) -> bool:
    """Whether the server is ready; the floor has no such page, and is ready once it says that."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code == 404
    except OSError:
        return False


def start(url: str, folder: Path, *, rounds: int) -> list[Row]:
    """`gengfu serve`, from the start of the process to ready; then its memory once it idles."""
    with opened(url):
        pass
    taken, weights = [], []
    for _ in range(rounds):
        port = free_port()
        with child(["bot", "serve"], environment(url, port), folder, partial(_answers, port)) as (pid, seconds):
            taken.append(seconds)
            time.sleep(1.5)
            weights.append(memory(pid))
    best = min(taken)
    rows = [Row("start to ready, warm disk", f"{best:.2f} s", "-", "-", "< 3 s / 1.5 s", at_most(best, 3, 1.5))]
    weight = weights[-1]
    if weight is not None:
        rows.append(Row("memory, idle (resident)", f"{weight:.0f} MB", "-", "-", "< 200 MB / 120 MB", at_most(weight, 200, 120)))
    return rows
