"""重要时期: what people are told of the important periods of a day."""

from datetime import datetime, tzinfo

from handlers.core.look import Look
from handlers.core.wording import Ours, Words
from workflows.core.calendar import Calendar
from workflows.core.working_days import local_day
from workflows.task import Task


def important_line(words: Words, calendar: Calendar, now: datetime, zone: tzinfo) -> str:
    """The periods that run now, and until when; nothing where there is none."""
    found = calendar.important_at(local_day(now, zone))
    return words.join([words.say("important.one", name=words.twin(p.name, p.name_en), until=Ours(f"{p.last:%m-%d}")) for p in found])


def guarded_line(look: Look, task: Task) -> str:
    """Why a change waits for an approval now that its line does not ask for at other times."""
    plan = look.reader.plan_of(task)
    found = next((line for book in plan.playbooks.values() for line in book.lines if line.code == task.code), None)
    if found is None or not found.change or found.approve_first:
        return ""
    periods = important_line(look.words, plan.calendar, look.now, look.zone)
    return look.say("important.guarded", periods=periods) if periods else ""
