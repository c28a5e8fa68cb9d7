"""What two people agreed not to report, as it stays visible: who, why, and what was answered about orders."""

from collections.abc import Callable

from handlers.core.wording import Words
from workflows.regulator_report import Report


def is_waived(report: Report) -> bool:
    """By two people; a series that ended by its own clock is none."""
    return report.waived_by not in (None, "rule")


def waiver(words: Words, report: Report, name: Callable[[str | None], str]) -> str:
    answer = ""
    if report.waiver_delayed is not None:
        answer = words.say("report.waived_delayed", answer=words.say("flag.yes" if report.waiver_delayed else "flag.no"))
    return words.say("report.waived", asked=name(report.waiver_by), by=name(report.waived_by), reason=report.waiver_reason, delayed=answer)
