"""Each scenario, and the rounds, read to the word as their page in docs/transcripts; a scenario ends with every report filed or decided."""

from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot.headless_scenarios import load, names
from storage.database import Database
from storage.tables.audit import AuditRow
from storage.tables.records import ReportRow
from tests import rounds_page, three_page
from tests.transcript import PAGES, page


@pytest.mark.parametrize("name", names())
def test_a_scenario_reads_as_its_page_and_ends_well(name: str, tmp_path: Path) -> None:
    told, ending = page(name, tmp_path)
    assert told == (PAGES / f"{name}.md").read_text(encoding="utf-8"), "if it is meant: python -m tests.transcript"
    assert ending.good
    database = Database(f"sqlite:///{tmp_path / 'var/demo.db'}")
    try:
        reports, refused = database.read(_ends)
    finally:
        database.close()
    assert set(reports) <= {"filed", "not_required"}
    assert refused == sum(1 for step in load(name).steps if getattr(step, "refused", "")), "and nothing else was refused"


def _ends(tx: Session) -> tuple[list[str], int]:
    refused = tx.exec(select(AuditRow.record_ref).where(col(AuditRow.verb) == "refused")).all()
    return list(tx.exec(select(ReportRow.state)).all()), len(refused)


def test_every_page_is_that_of_a_scenario() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {three_page.PAGE.stem, rounds_page.PAGE.stem} == {*names()}


def test_the_rounds_read_as_their_page() -> None:
    """Nights, breaks and holidays, nobody on duty, nobody who answers."""
    assert rounds_page.play() == rounds_page.PAGE.read_text(encoding="utf-8"), "if it is meant: python -m tests.rounds_page"
