"""Playbooks as data: the task lines of each incident type (`playbooks/*.toml`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from workflows.core.hours import HoursName
from workflows.core.rubric import ResponseLevel


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One line of a playbook. `due` counts from `clock` and names its levels: a level that is missing is not asked for.

    `repeat` = standing task (each progress answers the round) until the clock `until` has come · `approve` = who closes it
    after done (an approver such as `lead.head`, `role:compliance`, `by_level`), else any other member of the group · `when`: made
    once these conditions are all yes · `due_working_days`, `due_calendar_days` count by the firm's calendar ·
    `fulfilled_by` = the command whose success closes it · `obligation`: no task, it names who does that duty ·
    `approve_first`: its owner begins only when the approver has agreed · `calendar`: what `due` counts in · `change`: a change that is
    no emergency, which in an important period waits for the approval of its approver, or of the head of the leading group.
    """

    code: str
    title: str
    group: str
    done: str
    title_en: str = ""
    done_en: str = ""
    clock: str = "opened"
    due: Mapping[ResponseLevel, timedelta] = field(default_factory=dict)
    due_working_days: int | None = None
    due_calendar_days: int | None = None
    repeat: bool = False
    until: str | None = None
    optional: bool = False
    approve: str | None = None
    approve_first: bool = False
    calendar: HoursName = "always"
    change: bool = False
    fulfilled_by: str | None = None
    obligation: str | None = None
    when: Mapping[str, str | bool] = field(default_factory=dict)
    basis: str = ""

    @property
    def by_calendar(self) -> bool:
        """Whether its due hangs on the firm's calendar."""
        return bool(self.due_working_days or self.due_calendar_days) or self.calendar != "always"

    @property
    def live(self) -> bool:
        """Whether this line makes a task of its own; a line with an obligation names who does that duty instead."""
        return not self.obligation


def guarded(line: TaskLine) -> TaskLine:
    """The line in an important period."""
    return replace(line, approve_first=True, approve=line.approve or "lead.head") if line.change and not line.fulfilled_by else line


def same_work(lines: Iterable[TaskLine]) -> list[tuple[TaskLine, ...]]:
    """Lines of several playbooks with the same title and group are one piece of work; in the order of their first."""
    found: dict[tuple[str, str], list[TaskLine]] = {}
    for line in lines:
        same = found.setdefault((line.title, line.group), [])
        if line.code not in [one.code for one in same]:
            same.append(line)
    return [tuple(same) for same in found.values()]


def merged(first: TaskLine, same: Sequence[TaskLine]) -> TaskLine:
    """`first`, whose due comes first, with all that the other lines for the same work ask besides."""
    done = dict.fromkeys(line.done for line in (first, *same))
    done_en = dict.fromkeys(line.done_en for line in (first, *same) if line.done_en)
    return replace(
        first,
        done=";".join(done),
        done_en="; ".join(done_en),
        optional=all(line.optional for line in same),
        approve=next((line.approve for line in (first, *same) if line.approve), None),
        approve_first=any(line.approve_first for line in same),
        change=any(line.change for line in same),
    )


@dataclass(frozen=True, slots=True)
class Playbook:
    """`type` is an incident type's code, or `common` for the lines of every incident."""

    type: str
    name: str
    name_en: str
    lines: tuple[TaskLine, ...]
    subtypes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """code to accepted names"""
    names: tuple[str, ...] = ()
    """further names people may type for the type"""
