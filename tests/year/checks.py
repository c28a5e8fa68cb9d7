"""What must hold of the database at any moment of the year, whatever happened before. It is read in plain SQL, as a stranger would.

Moments of the machine's clock tell no order (it jumps); the numbers of the trail's rows do.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.audit import export_lines
from storage.database import Database
from storage.outbox import REMINDERS
from storage.seals import seal
from storage.verify import verify_lines
from workflows import incident, regulator_report, task, tip
from workflows.core import approval

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
#: The letter of a record's ref -> (table, states in which it is open, timers of which one has to run; "" = any).
OPEN: dict[str, tuple[str, tuple[Any, ...], tuple[str, ...]]] = {
    "T": ("task", (*task.LIVE, task.State.DONE), ("",)),
    "A": ("approval", (approval.State.PENDING, approval.State.ORAL), ("",)),
    "R": ("report", regulator_report.RUNNING, ("clock",)),
    "I": ("incident", incident.RUNNING, ("cadence", "rescore")),
    "N": ("tip", (tip.State.WAITING,), ("",)),
}


def opened(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder / 'gengfu.db'}?mode=ro", uri=True, check_same_thread=False)


def at_rest(rows: sqlite3.Connection, now: datetime) -> list[str]:
    """One line per item that is not as it has to be while nothing is under way; `now` by the machine's clock."""
    timers = rows.execute("SELECT record_ref, name, due FROM timer WHERE status = 'waiting'").fetchall()
    return [*_without_a_future(rows, timers), *_overdue(timers, now)]


def after_a_life(folder: Path, now: datetime, heard: int, *, died: bool) -> list[str]:
    """One line per thing that is not as it has to be. `heard`: how much of what was said is known already."""
    with closing(opened(folder)) as rows:
        timers = rows.execute("SELECT record_ref, name, due FROM timer WHERE status = 'waiting'").fetchall()
        said = [tuple(json.loads(line)) for line in (folder / "said").read_text().splitlines()[heard:]]
        found = [*_without_a_future(rows, timers), *_buried(rows), *_twice(rows, said), *_pinged_when_over(rows, said)]
        return found if died else [*found, *_overdue(timers, now), *_lost(rows)]


def _states(states: Iterable[Any]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def _without_a_future(rows: sqlite3.Connection, timers: list[tuple[str, str, str]]) -> Iterator[str]:
    """Open means that a timer is running; over means that none is."""
    running = {(ref, name) for ref, name, _ in timers} | {(ref, "") for ref, _, _ in timers}
    alive: set[str] = set()
    for table, states, names in OPEN.values():
        refs = [ref for (ref,) in rows.execute(f"SELECT ref FROM {table} WHERE state IN ({_states(states)})")]
        alive |= set(refs)
        yield from (f"{ref} is open and has no timer {name}" for ref in refs for name in names if (ref, name) not in running)
    yield from (f"{ref} is over and its timer {name} runs" for ref, name, _ in timers if ref[0] in OPEN and ref not in alive)


def _overdue(timers: list[tuple[str, str, str]], now: datetime) -> Iterator[str]:
    stamp = now.strftime("%Y-%m-%d %H:%M:%S")
    yield from (f"{ref}: {name} was due {due} and did not fire" for ref, name, due in timers if due[:19] < stamp)


def _buried(rows: sqlite3.Connection) -> Iterator[str]:
    for table in ("inbox", "outbox", "timer", "work"):
        found = rows.execute(f"SELECT id, error FROM {table} WHERE status = 'buried'").fetchall()
        yield from (f"{table} {row} is buried: {error}" for row, error in found)


def _lost(rows: sqlite3.Connection) -> Iterator[str]:
    """What was put into words stands in its chat."""
    wanted = "kind IN ('notice', 'reply', 'card') AND status = 'done' AND said IS NOT NULL"
    found = rows.execute(f"SELECT key FROM outbox WHERE {wanted} AND message_id NOT IN (SELECT id FROM room_message)").fetchall()
    found += rows.execute(f"SELECT key FROM outbox WHERE {wanted} AND message_id IS NULL AND superseded = 0").fetchall()
    yield from (f"{key} was put into words and is nowhere" for (key,) in found)


def _twice(rows: sqlite3.Connection, said: list[tuple[Any, ...]]) -> Iterator[str]:
    """No machine says a thing twice; nobody hears one twice, whoever says it; nothing is said that no commit asked for."""
    yield from (f"{key} was said {times} times by one machine" for (_, key), times in Counter(one[:2] for one in said).items() if times > 1)
    for key in {one[1] for one in said}:
        row = rows.execute("SELECT id, kind, ref, about, COALESCE(recipient, chat) FROM outbox WHERE key = ?", (key,)).fetchone()
        if row is None:
            yield f"{key} was said, and nobody had asked for it"
        elif row[1] == "notice":
            alike = "SELECT count(*) FROM outbox WHERE ref = ? AND about = ? AND COALESCE(recipient, chat) = ? AND message_id IS NOT NULL"
            (times,) = rows.execute(alike, row[2:]).fetchone()
            if times > 1:
                yield f"{key} was heard {times} times"


def _pinged_when_over(rows: sqlite3.Connection, said: list[tuple[Any, ...]]) -> Iterator[str]:
    """Of each item that a message reminds of, the state that it had when the message was said."""
    for _, key, last in said:
        about = "SELECT o.ref, json_extract(o.about, '$.notice') FROM room_message m JOIN outbox o ON o.message_id = m.id WHERE m.key = ?"
        for ref, notice in rows.execute(about, (key,)).fetchall():
            if notice not in REMINDERS or ref[0] not in OPEN:
                continue
            then = "SELECT to_state FROM audit WHERE record_ref = ? AND rowid <= ? AND to_state IS NOT NULL ORDER BY version DESC LIMIT 1"
            (state,) = rows.execute(then, (ref, last)).fetchone()
            if state not in {str(one) for one in OPEN[ref[0]][1]}:
                yield f"{key}: {ref} was {state} and was still reminded of ({notice})"


def unfinished(folder: Path) -> list[str]:
    """At the end of the year everything has ended: the script sees to it, and a refused end would hide what should be seen."""
    with closing(opened(folder)) as rows:
        left = rows.execute(f"SELECT ref, state FROM incident WHERE state IN ({_states(incident.UNCLOSED)})").fetchall()
        return [f"{ref} is {state} when the year is over" for ref, state in left]


def trail_findings(database: Database, now: datetime) -> list[str]:
    """The whole trail, sealed to the last row and verified as an auditor does."""
    public = _KEY.public_key().public_bytes_raw()
    while database.write(lambda tx: seal(tx, now, _KEY)) is not None:
        pass
    report = verify_lines(database.read(lambda tx: list(export_lines(tx, now=now, public_key=public))), public)
    left = [f"the trail: {report.counts['unsealed']} rows are not sealed"] if report.counts["unsealed"] else []
    return [*left, *(f"the trail: {finding.code} {dict(finding.values)}" for finding in report.findings)]
