"""The bench's measure of noise refuses to print a figure when anything was said too late, or kept back without a reason."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.bench.noise import Told, check
from storage.outbox import BUNDLE, OVER, PRIORITY
from storage.tables.queues import OutboxRow
from tests.make import START

WORD = ("T1", "reminded", START)
GOOD = Told([], [], [WORD], 0.0, 4, [("T1:3", 0.99)], Counter())


def row(waited: timedelta, lane: str = "p:li.na:reminders", priority: str = "reminder", notice: str = "task.reminder") -> OutboxRow:
    about = {"notice": notice, "values": {"at": START.isoformat()}}
    return OutboxRow(
        key="T1:3:task.reminder:p:li.na",
        lane=lane,
        priority=PRIORITY[priority],
        due=START,
        created=START,
        finished=START + waited,
        kind="notice",
        about=about,
    )


def test_what_is_as_the_plan_says_passes() -> None:
    late = BUNDLE + timedelta(seconds=1)
    check(replace(GOOD, rows=[row(BUNDLE), row(late, lane=f"p:li.na:{OVER}"), row(late, notice="person.digest")]), GOOD)


@pytest.mark.parametrize(
    ("ours", "why"),
    [
        (replace(GOOD, late=2.0), "2 s late"),
        (replace(GOOD, spoken=[]), "other moments"),
        (
            replace(GOOD, rows=[row(BUNDLE, lane="g:office:clocks", priority="clock", notice="report.phones")]),
            "a clock spoke at other moments",
        ),
        (replace(GOOD, kept=[("T1:3", 1.0)]), "T1:3 was kept back though 收到 was too long ago"),
        (replace(GOOD, kept=[("T1:3", None)]), "T1:3 was kept back though 收到 was never said"),
        (replace(GOOD, rows=[row(BUNDLE + timedelta(seconds=1))]), "waited 0:02:01"),
        (replace(GOOD, rows=[row(BUNDLE * 2, lane=f"p:li.na:{OVER}", priority="escalation")]), "waited 0:04:00"),
        (replace(GOOD, rows=[row(timedelta(hours=1), notice="person.digest")]), "waited 1:00:00"),
    ],
    ids=["a late timer", "another moment", "another clock", "lapsed", "never said", "held too long", "no budget for that", "digest"],
)
def test_what_is_not_breaks_the_line(ours: Told, why: str) -> None:
    with pytest.raises(RuntimeError, match=why):
        check(ours, GOOD)
