"""The response per level as data: approvers, cadence, reminders, ladders (`response.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from workflows.core.calendar import Calendar
from workflows.core.hours import Hours, HoursName
from workflows.core.quiet import MORNING, Quiet, QuietHours
from workflows.core.rubric import ResponseLevel

#: The timers of an item that may pause with a calendar. Claims, approvals and regulators' clocks run at night and on holidays, always.
PAUSABLE = ("progress", "due", "overdue", "verify", "cadence")


#: The steps in which a statement may be approved, and who takes each where the plan does not say; `signatory` is `approvers["statement"]`.
SIGNATORY = "signatory"
STEPS: Mapping[str, tuple[str, ...]] = {
    "technical": ("tech.head", "tech.deputy"),
    "compliance": ("role:compliance",),
    SIGNATORY: (),
    "board_secretary": ("role:board_secretary",),
}
#: How long the yes of several people to a text holds where the plan does not say.
HOLDS = timedelta(hours=4)


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

    `approvers` maps an act (`activate`, `end`, `override`, `statement`) or a step of a statement to approver specs, any one of which
    suffices.
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
    seen_for: timedelta = timedelta(0)
    """how long 收到 keeps repeats of the same rung from a person; zero = it quiets nothing"""
    no_oral: tuple[str, ...] = ()
    """kinds of approval that no spoken yes can give at this level"""
    step_up: tuple[str, ...] = ()
    """acts (`approve`) that the web takes only with a fresh one-time code at this level"""
    calendars: Mapping[str, HoursName] = field(default_factory=dict)
    """what a timer of `PAUSABLE` counts in; the others run always"""
    hours: Hours | None = None
    """the calendar that `calendars` are read in"""
    factor: float = 1.0
    """below 1 in an important period: by so much all waits, and the dues of tasks, are shortened"""
    quiet_hours: QuietHours | None = None
    """what the plan says"""
    quiet: Quiet | None = None
    """the same, where it holds for the incident in question: see `observed`"""
    terminal_by: tuple[str, ...] = ()
    """louder ways in which the control group's duty officer hears of what nobody on the ladder took"""
    steps: tuple[str, ...] = tuple(STEPS)
    """the steps in which a statement is approved, in order"""
    holds: timedelta = HOLDS
    """counted from when a statement was submitted: what is not published by then is asked for anew"""

    def statement_steps(self, *, listed: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(step, approver specs) in order. Only a listed firm's board secretary signs; who is named for two steps takes the later one."""
        named = [(step, self.approvers["statement"] if step == SIGNATORY else self.approvers.get(step, STEPS[step])) for step in self.steps]
        asked = [(step, specs) for step, specs in named if step != "board_secretary" or listed]
        return tuple((step, specs) for at, (step, specs) in enumerate(asked) if specs not in [later for _, later in asked[at + 1 :]])

    def after(self, timer: str, start: datetime, wait: timedelta) -> datetime:
        """When `wait` has gone by in the calendar of `timer`."""
        name = self.calendars.get(timer, "always")
        return self.hours.add(name, start, wait)[0] if self.hours and name != "always" else start + wait

    def held(self, timer: str, at: datetime) -> datetime:
        """`at`, or when the calendar of `timer` opens next."""
        name = self.calendars.get(timer, "always")
        return self.hours.next_open(name, at)[0] if self.hours and name != "always" else at

    def shortened(self, factor: float) -> "Response":
        """Every wait `factor` times as long. How long one may rest (`snooze_max`), and how early one is reminded, stay."""
        if factor == 1:
            return self
        waits = {name: getattr(self, name) * factor for name in _WAITS}
        return replace(
            self, **waits, rungs=tuple(replace(rung, wait=rung.wait * factor) for rung in self.rungs), factor=self.factor * factor
        )

    def observed(self, *, provisional: bool, zone: tzinfo, calendar: Calendar) -> "Response":
        """With its quiet hours in force; while the grade is provisional nothing is quiet, whatever the plan says."""
        if self.quiet_hours is None or provisional:
            return self
        return replace(self, quiet=Quiet(self.quiet_hours, zone, calendar))

    def waking(self, at: datetime) -> datetime:
        """`at`, or the end of the quiet time that it falls into."""
        return self.quiet.ends(at) if self.quiet else at

    def spread(self, due: datetime) -> timedelta:
        """How far apart readers are told what is due then: at the end of quiet hours not all at one moment."""
        return MORNING if self.quiet and self.quiet.is_end(due) else timedelta(0)


_WAITS = (
    *("cadence", "claim_within", "progress_every", "progress_grace", "overdue_repeat", "verify_within"),
    *("approval_wait", "terminal_repeat", "terminal_slow", "seen_for"),
)
