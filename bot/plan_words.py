"""How the parts of a plan are told in one language: conditions, deadlines, people, days."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, time, timedelta

from handlers.core.wording import Ours, Words
from workflows.core.clock_ladder import CONTROL
from workflows.core.facts import FactSpec, Value
from workflows.core.obligation import Obligation
from workflows.core.people import Group
from workflows.core.plan import Plan
from workflows.core.playbook import TaskLine
from workflows.core.quiet import QuietHours
from workflows.core.response import Rung
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel

LEVELS = tuple(ResponseLevel)


class Told:
    """`named`: an approver or audience is told with who that is now; without, a change of people is not told at every rule."""

    def __init__(self, plan: Plan, words: Words, *, named: bool = True) -> None:
        self.plan = plan
        self.words = words
        self._named = named

    def say(self, key: str, /, **values: object) -> str:
        return self.words.say(key, **{name: Ours(value) if isinstance(value, str) else value for name, value in values.items()})

    def join(self, texts: Iterable[str]) -> str:
        return self.words.join(Ours(text) for text in texts)

    def name(self, name: str, name_en: str) -> str:
        return name_en if self.words.locale == "en" and name_en else name

    def yes(self, value: bool) -> str:
        return self.say("plan.show.yes" if value else "plan.show.no")

    def people(self, ids: Iterable[str]) -> str:
        people = self.plan.organization.people
        return self.join(people[one].name for one in ids) or self.say("plan.show.none")

    def group(self, group: Group | str) -> str:
        found = self.plan.organization.groups[group] if isinstance(group, str) else group
        return self.name(found.name, found.name_en)

    def playbook(self, type_code: str) -> str:
        found = self.plan.playbooks.get(type_code)
        return self.name(found.name, found.name_en) if found else type_code

    def any(self, specs: Iterable[str]) -> str:
        return self.say("plan.show.or").join(self.who(spec) for spec in specs)

    def who(self, spec: str) -> str:
        """An approver or audience in words; a named person or part of a group with who that is now."""
        organization = self.plan.organization
        fixed = {"owner": "owner", "group": "group_spec", "commander": "commander", "by_level": "by_level"}
        if spec in fixed:
            return self.say(f"plan.show.{fixed[spec]}")
        if spec == CONTROL:
            return self.words.say("audience.control")
        if spec in organization.people:
            return organization.people[spec].name
        now = f" ({self.people(organization.resolve(spec))})" if self._named else ""
        if spec.startswith("role:"):
            return self.words.say(f"role.{spec.removeprefix('role:')}") + now
        name, _, part = spec.partition(".")
        of = self.say("plan.show.own_group") if name == "group" else self.group(name)
        return self.say(f"plan.show.{part or 'whole'}", group=of) + ("" if name == "group" else now)

    def quiet(self, hours: QuietHours | None) -> str:
        if hours is None:
            return ""
        rest = self.say("plan.show.quiet_rest") if hours.rest_days else ""
        return self.say("plan.show.quiet", **{"from": f"{hours.begins:%H:%M}", "to": f"{hours.ends:%H:%M}"}, rest=rest)

    def digest(self) -> tuple[str, ...]:
        return tuple(f"{at:%H:%M}" for at in self.plan.digest)

    def rung(self, rung: Rung) -> str:
        to = self.join(self.who(spec) for spec in rung.to)
        if rung.by == ("card",):
            return self.say("plan.show.rung", to=to, wait=rung.wait)
        return self.say("plan.show.rung_by", to=to, ways=self.ways(rung.by), wait=rung.wait)

    def ways(self, by: Iterable[str]) -> str:
        return self.join(self.words.say(f"plan.way.{way}") for way in by)

    def clock(self, name: str) -> str:
        return self.words.say(f"plan.clock.{name}")

    def due(self, line: TaskLine, level: ResponseLevel) -> str:
        return self.counted(line.due[level], line.calendar) if level in line.due else self.say("plan.show.none")

    def dues(self, line: TaskLine) -> str:
        if line.due_working_days:
            return self.say("plan.show.working", count=line.due_working_days)
        if line.due_calendar_days:
            return self.say("plan.show.calendar", count=line.due_calendar_days)
        return " / ".join(self.due(line, level) for level in LEVELS)

    def conditions(self, when: Mapping[str, str | bool]) -> str:
        return self.join(self._condition(name, value) for name, value in when.items())

    def _condition(self, name: str, value: str | bool) -> str:
        if name.endswith("_at_least"):
            scale = OpinionLevel if name.startswith("opinion") else EventGrade
            return self.say(f"plan.show.{name}", value=self.words.code(scale(str(value))))
        if name == "subtype":
            return self.say("plan.show.subtype", value=self._subtype(str(value)))
        spec = self.plan.facts.specs.get(name)
        asked = self.name(spec.name, spec.name_en) if spec else self.words.say(f"plan.condition.{name}")
        return self.say("plan.show.condition", name=asked, value=self.value(value, spec))

    def _subtype(self, code: str) -> str:
        names = (playbook.subtypes[code] for playbook in self.plan.playbooks.values() if code in playbook.subtypes)
        return self.name(next(names, (code,))[0], code.replace("_", " "))

    def value(self, value: Value, spec: FactSpec | None = None) -> str:
        """Of a fact or a condition: yes, no, open, a choice by its first name."""
        if isinstance(value, bool):
            return self.yes(value)
        if value is None:
            return self.say("plan.show.open")
        names = spec.values.get(str(value), ()) if spec else ()
        english = (spec.values_en if spec else {}).get(str(value), "") or str(value).replace("_", " ")
        return self.name(names[0], english) if names else str(value)

    def deadline(self, obligation: Obligation) -> str:
        rows: dict[str, timedelta | int] = {**obligation.within, **obligation.within_days, **obligation.every}
        text = " / ".join(self._row(obligation, row, figure) for row, figure in rows.items())
        if not obligation.every:
            return text
        return self.say(
            "plan.show.every", figures=text, until=self.clock(obligation.until) if obligation.until else self.say("plan.show.none")
        )

    def _row(self, obligation: Obligation, row: str, figure: timedelta | int) -> str:
        if isinstance(figure, timedelta):
            shown = self.counted(figure, obligation.calendar)
        else:
            shown = self.say("plan.show.working" if obligation.calendar == "working_days" else "plan.show.calendar", count=figure)
        if row == "any":
            return shown
        grade = OpinionLevel(row) if obligation.keyed_by == "opinion_level" else EventGrade(row)
        return f"{self.words.code(grade)} {shown}"

    def days(self, days: Collection[date]) -> str:
        """Days of one year, those that follow each other as one: 02/15–02/23, 05/01."""
        runs: list[list[date]] = []
        for day in sorted(days):
            if runs and day - runs[-1][-1] == timedelta(days=1):
                runs[-1].append(day)
            else:
                runs.append([day])
        shown = (f"{run[0]:%m/%d}" + (f"–{run[-1]:%m/%d}" if len(run) > 1 else "") for run in runs)
        return self.join(shown) or self.say("plan.show.none")

    def periods(self, periods: Iterable[tuple[time, time]]) -> str:
        return self.join(f"{begins:%H:%M}–{ends:%H:%M}" for begins, ends in periods)

    def counted(self, span: timedelta, name: str) -> str:
        """A span, and in what it is counted where that pauses."""
        shown = self.words.span(span)
        return shown if name in ("always", "continuous") else self.say("plan.show.counted", span=shown, hours=self.hours(name))

    def hours(self, name: str) -> str:
        return self.words.say(f"plan.day_count.{name}")
