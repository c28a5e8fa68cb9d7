"""The response per level as data: approvers, cadence, reminders, ladders (`response.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from workflows.core.rubric import ResponseLevel


@dataclass(frozen=True, slots=True)
class Rung:
    """Who hears an escalation and how long until the next rung.

    `to` entries: `owner` (the group's duty member, else head and deputy, while nobody owns it), `group`, `group.head`,
    `group.deputy` (of the item's group), `commander`, `lead`, `lead.head`, `lead.deputy`, `office.head`, …
    `by`: in which ways (`workflows.core.channels`).
    """

    to: tuple[str, ...]
    wait: timedelta
    by: tuple[str, ...] = ("card",)


@dataclass(frozen=True, slots=True)
class Response:
    """What one response level asks. Durations are ISO 8601 in the file.

    `approvers` maps an act (`activate`, `end`, `override`, `statement`) to approver specs, any one of which suffices.
    `terminal_max` None = repeat without limit; else after so many repeats the pace drops to `terminal_slow`.
    """

    level: ResponseLevel
    name: str
    name_en: str
    approvers: Mapping[str, tuple[str, ...]]
    cadence: timedelta
    claim_within: timedelta
    progress_every: timedelta
    progress_grace: timedelta
    remind_before: timedelta
    overdue_repeat: timedelta
    overdue_climb_every: int
    verify_within: timedelta
    approval_wait: timedelta
    rungs: tuple[Rung, ...]
    terminal_repeat: timedelta
    terminal_slow: timedelta
    terminal_max: int | None
    snooze_max: timedelta
    """zero = no snooze at this level"""
    snooze_count: int
    no_oral: tuple[str, ...] = ()
    """kinds of approval that no spoken yes can give at this level"""
    step_up: tuple[str, ...] = ()
    """acts (`approve`) that the web takes only with a fresh one-time code at this level"""
    terminal_by: tuple[str, ...] = ()
    """louder ways in which the control group's duty officer hears of what nobody on the ladder took"""
