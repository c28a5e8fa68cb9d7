"""The trail: chains, seals, the export, and that verifying notices every kind of change."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

import storage.verify
from storage.audit import append, append_personal, export_lines
from storage.database import Database
from storage.seals import seal
from storage.tables.audit import AUDIT, CHAIN, SEAL, AuditRow, SealRow
from storage.verify import Report, digest, signed_bytes, verify_lines
from tests.make import START
from workflows.core.errors import Conflict

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def kept(database: Database) -> Database:
    SQLModel.metadata.create_all(database.engine, tables=[AUDIT, CHAIN, SEAL])
    return database


def write(database: Database, ref: str, version: int, **details: Any) -> AuditRow:
    def work(session: Session) -> AuditRow:
        append(
            session,
            record_ref=ref,
            version=version,
            at=START + timedelta(seconds=version, microseconds=5),
            actor="li.na",
            verb="update",
            from_state="open",
            to_state="active",
            details=details,
            plan="sha256:00",
            incident="I1",
            via="console:e1",
        )
        return session.get_one(AuditRow, (ref, version))

    return database.write(work)


def seal_now(database: Database) -> SealRow | None:
    return database.write(lambda session: seal(session, START, KEY))


def export(database: Database, **options: Any) -> list[str]:
    return database.read(lambda session: list(export_lines(session, now=START, public_key=PUBLIC, **options)))


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def at_once(number: int, job: Callable[[int], Any]) -> list[Any]:
    barrier = Barrier(number)

    def run(index: int) -> Any:
        barrier.wait()
        try:
            return job(index)
        except Conflict as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


# ---- appending


def test_versions_follow_each_other_and_hashes_are_chained(kept: Database) -> None:
    first, second = write(kept, "I1", 1, 说明="行情中断", n=1.5), write(kept, "I1", 2)
    assert (first.prev_hash, second.prev_hash) == ("", first.hash)
    for wrong in (2, 4, 0):
        with pytest.raises(Conflict):
            write(kept, "I1", wrong)
    with pytest.raises(Conflict):
        write(kept, "I2", 2)


def test_of_eight_writers_of_one_version_one_wins(kept: Database) -> None:
    write(kept, "I1", 1)
    for version in (2, 3):
        answers = at_once(8, lambda index, version=version: write(kept, "I1", version, by=index))  # type: ignore[misc]
        assert len([answer for answer in answers if isinstance(answer, AuditRow)]) == 1
    answers = at_once(8, lambda index: write(kept, "I2", 1, by=index))
    assert len([answer for answer in answers if isinstance(answer, AuditRow)]) == 1
    assert verify_lines(export(kept), PUBLIC).ok


def test_a_conflict_undoes_what_the_transaction_did_before(kept: Database) -> None:
    write(kept, "I2", 1)

    def both(session: Session) -> None:
        append(session, record_ref="I1", version=1, at=START, actor="a", verb="open")
        append(session, record_ref="I2", version=1, at=START, actor="a", verb="open")

    with pytest.raises(Conflict):
        kept.write(both)
    assert write(kept, "I1", 1).version == 1


def test_acts_without_a_record_go_to_the_persons_own_chain(kept: Database) -> None:
    def act(index: int) -> str:
        values = {"at": START, "actor": "li.na", "verb": "login", "details": {"n": index}}
        kept.write(lambda session: append_personal(session, "li.na", **values))
        return "kept"

    assert at_once(8, act) == ["kept"] * 8, "nobody has to try again"
    act(9)
    assert seal_now(kept)
    report = verify_lines(export(kept), PUBLIC)
    assert report.ok
    assert report.counts == {"rows": 9, "records": 1, "seals": 1, "unsealed": 0}


CHANGES = [
    "UPDATE audit SET actor = 'nobody'",
    "UPDATE audit SET actor = actor WHERE version = 99",
    "DELETE FROM audit",
    "DELETE FROM seal",
    "UPDATE seal SET signature = ''",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_itself_refuses_changes(kept: Database, statement: str) -> None:
    write(kept, "I1", 1)
    seal_now(kept)
    if "version = 99" in statement and kept.is_sqlite:
        statement = statement.replace("99", "1")  # SQLite's triggers are per row, so one must match
    with pytest.raises(DBAPIError, match="append-only"):
        kept.write(lambda session: session.connection().execute(text(statement)))
    assert verify_lines(export(kept), PUBLIC).counts["rows"] == 1


def test_the_ways_around_the_triggers_are_shut(kept: Database) -> None:
    write(kept, "I1", 1)
    columns = ", ".join(column.name for column in AUDIT.columns)
    changed = columns.replace("actor", "'nobody'")
    around = f"INSERT OR REPLACE INTO audit ({columns}) SELECT {changed} FROM audit" if kept.is_sqlite else "TRUNCATE audit"
    with pytest.raises(DBAPIError, match="append-only"):
        kept.write(lambda session: session.connection().execute(text(around)))
    assert '"actor":"li.na"' in export(kept)[1]


# ---- sealing


def test_a_seal_lists_the_heads_that_changed(kept: Database) -> None:
    assert seal_now(kept) is None
    write(kept, "I1", 1)
    head = write(kept, "I1", 2)
    other = write(kept, "T1", 1)
    first = seal_now(kept)
    assert first
    assert first.heads == [["I1", 2, head.hash], ["T1", 1, other.hash]]
    assert seal_now(kept) is None
    third = write(kept, "T1", 2)
    second = seal_now(kept)
    assert second
    assert (second.id, second.prev_hash, second.heads) == (2, first.hash, [["T1", 2, third.hash]])


def test_replicas_that_seal_at_the_same_time_make_one_chain(database_url: str) -> None:
    replicas = [Database(database_url, threads=3) for _ in range(2)]
    try:
        SQLModel.metadata.create_all(replicas[0].engine, tables=[AUDIT, CHAIN, SEAL])

        def job(index: int) -> None:
            replica = replicas[index % 2]
            for version in range(1, 11):
                write(replica, f"I{index}", version)
                seal_now(replica)

        at_once(4, job)
        seal_now(replicas[0])
        report = verify_lines(export(replicas[0]), PUBLIC)
        assert report.findings == ()
        assert report.counts["unsealed"] == 0
        assert report.counts["rows"] == 40
    finally:
        for replica in replicas:
            replica.close()


# ---- verifying


@pytest.fixture
def trail(kept: Database) -> list[str]:
    """Three seals over I1 (4 rows), T1 (2 rows), P:li.na (1 row), and one row that no seal vouches for yet."""
    for version in (1, 2):
        write(kept, "I1", version, 说明="行情中断")
    seal_now(kept)
    write(kept, "I1", 3)
    write(kept, "T1", 1)
    write(kept, "T1", 2)
    kept.write(lambda session: append_personal(session, "li.na", at=START, actor="li.na", verb="export"))
    seal_now(kept)
    write(kept, "I1", 4)
    seal_now(kept)
    write(kept, "T1", 3)
    return export(kept)


def test_an_untouched_trail_is_good(trail: list[str]) -> None:
    report = verify_lines(trail, PUBLIC)
    assert report == Report(True, (), {"rows": 8, "records": 3, "seals": 3, "unsealed": 1})


Lines = list[dict[str, Any]]


def line(lines: Lines, **wanted: Any) -> dict[str, Any]:
    (found,) = [fields for fields in lines if all(fields.get(name) == value for name, value in wanted.items())]
    return found


def change_row(lines: Lines) -> None:
    line(lines, record_ref="I1", version=2)["actor"] = "nobody"


def change_details(lines: Lines) -> None:
    line(lines, record_ref="I1", version=2)["details"]["说明"] = "一切正常"


def add_a_field(lines: Lines) -> None:
    line(lines, record_ref="I1", version=2)["extra"] = 1


def rehash(row: dict[str, Any]) -> None:
    row["hash"] = digest(row)


def change_row_and_rehash(lines: Lines) -> None:
    row = line(lines, record_ref="I1", version=2)
    row["actor"] = "nobody"
    rehash(row)


def rewrite_a_whole_chain(lines: Lines) -> None:
    prev = ""
    for fields in lines:
        if fields.get("record_ref") == "I1":
            fields |= {"actor": "nobody", "prev_hash": prev}
            rehash(fields)
            prev = fields["hash"]


def remove_row(lines: Lines) -> None:
    lines.remove(line(lines, record_ref="I1", version=2))


def remove_first_row(lines: Lines) -> None:
    lines.remove(line(lines, record_ref="I1", version=1))


def cut_tail(lines: Lines) -> None:
    lines.remove(line(lines, record_ref="I1", version=4))


def vanish(lines: Lines) -> None:
    lines[:] = [fields for fields in lines if fields.get("record_ref") != "P:li.na"]


def double_row(lines: Lines) -> None:
    lines.insert(2, dict(line(lines, record_ref="I1", version=1)))


def fork_row(lines: Lines) -> None:
    forged = line(lines, record_ref="I1", version=4) | {"actor": "nobody"}
    rehash(forged)
    lines.insert(6, forged)


def change_seal(lines: Lines) -> None:
    line(lines, type="seal", id=2)["heads"].pop()


def change_seal_and_rehash(lines: Lines) -> None:
    change_seal(lines)
    rehash(line(lines, type="seal", id=2))


def forge_seal(lines: Lines) -> None:
    change_seal_and_rehash(lines)
    fields = line(lines, type="seal", id=2)
    fields["signature"] = base64.b64encode(OTHER.sign(signed_bytes(fields["hash"]))).decode()


def swap_signatures(lines: Lines) -> None:
    line(lines, type="seal", id=2)["signature"] = line(lines, type="seal", id=1)["signature"]


def remove_seal(lines: Lines) -> None:
    lines.remove(line(lines, type="seal", id=2))


def reorder_seals(lines: Lines) -> None:
    second, third = lines.index(line(lines, type="seal", id=2)), lines.index(line(lines, type="seal", id=3))
    lines[second], lines[third] = lines[third], lines[second]


def double_seal(lines: Lines) -> None:
    lines.insert(-1, dict(line(lines, type="seal", id=3)))


def cut_file(lines: Lines) -> None:
    del lines[-1]


def cut_last_seal(lines: Lines) -> None:
    lines.remove(line(lines, type="seal", id=3))


def lose_header(lines: Lines) -> None:
    del lines[0]


def other_format(lines: Lines) -> None:
    lines[0]["version"] = 99


def other_algorithm(lines: Lines) -> None:
    row = line(lines, record_ref="T1", version=3)
    row["algorithm"] = "none"
    rehash(row)


def unknown_line(lines: Lines) -> None:
    lines.insert(3, {"type": "report"})


def broken_line(lines: Lines) -> None:
    del line(lines, record_ref="T1", version=3)["hash"]


MUTATIONS: list[tuple[Callable[[Lines], None], set[str]]] = [
    (change_row, {"row_changed"}),
    (change_details, {"row_changed"}),
    (add_a_field, {"row_changed"}),
    (change_row_and_rehash, {"row_unlinked", "head_changed"}),
    (rewrite_a_whole_chain, {"head_changed"}),
    (remove_row, {"row_missing", "file_cut"}),
    (remove_first_row, {"row_missing", "file_cut"}),
    (cut_tail, {"record_cut", "file_cut"}),
    (vanish, {"record_missing", "file_cut"}),
    (double_row, {"row_duplicate", "file_cut"}),
    (fork_row, {"row_duplicate", "file_cut"}),
    (change_seal, {"seal_changed"}),
    (change_seal_and_rehash, {"seal_forged", "seal_unlinked"}),
    (forge_seal, {"seal_forged", "seal_unlinked"}),
    (swap_signatures, {"seal_forged"}),
    (remove_seal, {"seal_missing", "file_cut"}),
    (reorder_seals, {"seal_missing", "seal_order"}),
    (double_seal, {"seal_duplicate"}),
    (cut_file, {"file_cut"}),
    (cut_last_seal, {"file_cut"}),
    (lose_header, {"header"}),
    (other_format, {"header"}),
    (other_algorithm, {"row_changed"}),
    (unknown_line, {"unreadable"}),
    (broken_line, {"unreadable", "file_cut"}),
]


@pytest.mark.parametrize(("mutate", "expected"), MUTATIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_kind_of_change_is_found(trail: list[str], mutate: Callable[[Lines], None], expected: set[str]) -> None:
    lines = [json.loads(text) for text in trail]
    mutate(lines)
    report = verify_lines([json.dumps(fields) for fields in lines], PUBLIC)
    assert not report.ok
    assert codes(report) == expected


def test_the_wrong_key_is_found(trail: list[str]) -> None:
    report = verify_lines(trail, OTHER.public_key().public_bytes_raw())
    assert codes(report) == {"key", "seal_forged"}


def test_a_trail_cut_together_with_its_seals_is_found_by_a_seal_that_was_mailed(trail: list[str]) -> None:
    lines = [json.loads(text) for text in trail]
    last = line(lines, type="seal", id=3)
    lines.remove(last)
    lines.remove(line(lines, record_ref="I1", version=4))
    lines[-1] |= {"rows": 7, "seals": 2}
    cut = [json.dumps(fields) for fields in lines]
    assert verify_lines(cut, PUBLIC).ok, "the file alone cannot tell"
    assert codes(verify_lines(cut, PUBLIC, known=[(3, last["hash"])])) == {"seal_unknown"}
    assert verify_lines(trail, PUBLIC, known=[(3, last["hash"])]).ok


@given(st.text(max_size=40) | st.binary(max_size=40).map(repr))
@settings(max_examples=60)
def test_rubbish_is_reported_and_not_raised(rubbish: str) -> None:
    endless = '{"type": "seal", "id": Infinity, "hash": "", "heads": []}'
    report = verify_lines(["[]", "7", '{"type": []}', '{"type": "report"}', "[" * 100_000, endless, rubbish], b"")
    assert not report.ok


def test_an_export_of_some_records_is_good_and_says_so(kept: Database, trail: list[str]) -> None:
    part = export(kept, records=["T1"])
    report = verify_lines(part, PUBLIC)
    assert (report.ok, report.scope, report.counts["rows"]) == (True, ("T1",), 3)
    lines = [json.loads(text) for text in part if '"version":2' not in text]
    assert codes(verify_lines([json.dumps(fields) for fields in lines], PUBLIC)) == {"row_missing", "file_cut"}
    assert len(trail) > len(part)


def test_verifying_needs_no_file_of_ours(trail: list[str], tmp_path: Path) -> None:
    source = Path(storage.verify.__file__).read_text(encoding="utf-8")
    (tmp_path / "verify.py").write_text(source, encoding="utf-8")
    (tmp_path / "trail.jsonl").write_text("\n".join(trail), encoding="utf-8")
    code = (
        "import sys, verify\n"
        "report = verify.verify_lines(open('trail.jsonl', encoding='utf-8').read().splitlines(), bytes.fromhex(sys.argv[1]))\n"
        "sys.exit(0 if report.ok and not {'sqlalchemy', 'storage'} & set(sys.modules) else 1)"
    )
    subprocess.run([sys.executable, "-c", code, PUBLIC.hex()], cwd=tmp_path, check=True, timeout=60)
