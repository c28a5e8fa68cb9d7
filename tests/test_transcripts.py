"""Each scenario, and the rounds, read to the word as their page in docs/transcripts; a scenario ends with every report filed or decided.

Of stories of wording and clocks: what was due when (worked out here by hand from the rules, not by the product), that all of it was done
in time, that nobody was told a sentence twice at one moment, and that whatever is open at the end has a clock that will speak.
"""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot.headless_scenarios import load, names
from storage.database import Database
from storage.tables.audit import AuditRow
from storage.tables.queues import WAITING, TimerRow
from storage.tables.records import ApprovalRow, ReportRow
from storage.tables.statements import PublicationRow, StatementRow
from tests import rounds_page, three_page
from tests.transcript import PAGES, page

#: Story: report -> its deadlines, round by round. The bureau's first report 30 min at general and 15 at larger, the written one 2 h and
#: 1 h, progress each hour and half hour, the exchanges as the first; CAC 4 h; PIPL 4 h and 24 h; opinion 4 h, 2 h, 1 h; investors
#: 30 min at larger; five working days (to 17:00, the first day not counted), thirty calendar days.
DUE = {
    "phone-to-closing": {
        "R1": ["03-10 10:17"],  # known 10:02
        "R2": ["03-10 11:02"],
        "R3": ["03-10 10:32", "03-10 11:00"],  # reported 10:30 and 10:55; recovered before the third round, of 11:25
        "R4": ["03-10 10:17"],
        "R5": ["03-10 11:02"],
        "R6": ["03-10 14:02"],
        "R7": ["03-10 14:02"],
        "R8": ["03-11 10:02"],
        "R9": ["03-10 11:02"],
        "R10": ["03-10 12:04"],  # graded 10:04, severe
        "R11": ["03-10 10:46"],  # a cause stated at 10:16
        "R12": ["03-17 17:00"],  # recovered on Tuesday the 10th: 11, 12, 13, 16, 17
        "R13": ["04-09 17:00"],  # ended on the 10th: 21 days of March, 9 of April
        "R14": ["03-17 17:00"],
    },
    "leak-of-300": {
        "R1": ["03-12 17:05"],  # known 16:35
        "R2": ["03-12 18:35"],
        "R3": ["03-12 17:35", "03-12 18:20"],  # reported 17:20 and 18:12; recovered before 19:12
        "R4": ["03-12 20:35"],
        "R5": ["03-12 20:35"],
        "R6": ["03-12 20:35"],
        "R7": ["03-13 16:35"],
        "R8": ["03-12 17:35"],
        "R9": ["03-19 17:00"],  # recovered on Thursday the 12th: 13, 16, 17, 18, 19
        "R10": ["03-20 17:00"],  # ended on Friday the 13th: 16, 17, 18, 19, 20
    },
    "rumour-statement": {
        "R1": ["03-12 13:40"],
        "R2": ["03-12 15:10"],
        "R3": ["03-12 14:10"],
        "R4": ["03-12 17:10"],
        "R5": ["03-12 17:16"],  # graded 13:16, moderate
        "R6": ["03-19 17:00"],
    },
    "approval-voided": {
        "R1": ["03-11 10:20"],  # told at 09:50, at general; the grade rose at 10:05
        "R2": ["03-11 10:50"],
        "R3": ["03-11 10:20"],
        "R4": ["03-11 10:20"],
        "R5": ["03-11 10:50"],
        "R6": ["03-11 13:50"],
        "R7": ["03-11 13:50"],
        "R8": ["03-12 09:50"],
        "R9": ["03-11 10:50"],
        "R10": ["03-11 10:50"],  # graded 09:50, extreme
    },
    "silent-approver": {
        "R1": ["03-13 21:40"],
        "R2": ["03-13 23:10"],
        "R3": ["03-13 22:10"],
        "R4": ["03-14 01:10"],
        "R5": ["03-13 23:10"],  # graded 21:10, severe
    },
}


@pytest.mark.parametrize("name", names())
def test_a_scenario_reads_as_its_page_and_ends_well(name: str, tmp_path: Path) -> None:
    told, script = page(name, tmp_path), load(name)
    assert told.text == (PAGES / f"{name}.md").read_text(encoding="utf-8"), "if it is meant: python -m tests.transcript"
    assert told.ending.good
    assert told.twice == (), "nobody is told a sentence twice at one moment"
    database = Database(f"sqlite:///{tmp_path / 'var/demo.db'}")
    try:
        reports, refused, silent = database.read(_ends)
    finally:
        database.close()
    assert refused == sum(1 for step in script.steps if getattr(step, "refused", "")), "and nothing else was refused"
    assert silent == [], "what is open has a clock"
    if script.ends == "closed":
        assert set(reports) <= {"filed", "not_required"}
    if script.tells == "wording":
        due, late = _duties(told.text)
        assert due == DUE[name]
        assert late == []


def _ends(tx: Session) -> tuple[list[str], int, list[str]]:
    """(states of the reports, how often somebody was refused, what is open and has no timer)."""
    refused = tx.exec(select(AuditRow.record_ref).where(col(AuditRow.verb) == "refused")).all()
    running = set(tx.exec(select(TimerRow.record_ref).where(col(TimerRow.status) == WAITING)).all())
    reports = tx.exec(select(ReportRow)).all()
    open_ = [one.ref for one in reports if one.state not in ("filed", "not_required")]
    open_ += tx.exec(select(ApprovalRow.ref).where(col(ApprovalRow.state) == "pending")).all()
    open_ += tx.exec(select(StatementRow.ref).where(col(StatementRow.state).in_(("submitted", "approved")))).all()
    open_ += tx.exec(select(PublicationRow.ref).where(col(PublicationRow.state).in_(("waiting", "asked", "failed")))).all()
    return [one.state for one in reports], len(refused), [ref for ref in open_ if ref not in running]


def _duties(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Of the table at the end of a page: (each report's deadlines, the lines of those that were late)."""
    rows = re.findall(r"^\| (R\d+) \|.*$", text, re.MULTILINE)
    found, late = defaultdict[str, list[str]](list), []
    for ref, line in zip(rows, re.findall(r"^\| R\d+ \|.*$", text, re.MULTILINE), strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found[ref].append(cells[3])
        late += [line] if cells[6] == "超时" else []
    return dict(found), late


def test_every_page_is_that_of_a_scenario() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {three_page.PAGE.stem, rounds_page.PAGE.stem} == {*names()}


def test_the_rounds_read_as_their_page() -> None:
    """Nights, breaks and holidays, nobody on duty, nobody who answers."""
    assert rounds_page.play() == rounds_page.PAGE.read_text(encoding="utf-8"), "if it is meant: python -m tests.rounds_page"
