"""`gengfu plan check|show`: the plan's findings and the plan itself, in words."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from handlers.core.wording import Locale, Ours, Words
from storage.plan import Finding, PlanError, check_plan, load_plan
from workflows.core.people import Group
from workflows.core.plan import Plan
from workflows.core.playbook import Playbook, TaskLine
from workflows.core.response import Response, Rung
from workflows.core.rubric import ResponseLevel

GOOD, BAD, USAGE = 0, 1, 2
LEVELS = tuple(ResponseLevel)


def check_command(folder: Path, locale: Locale) -> tuple[int, str]:
    """Exit code and text: every finding on a line of its own, or what a sound plan holds."""
    words = Words.load(locale)
    findings = check_plan(folder)
    if findings:
        code = USAGE if findings[0].code == "missing_folder" else BAD
        return code, "\n".join([*(finding_line(finding, words) for finding in findings), words.say("plan.check.bad", count=len(findings))])
    try:
        plan = load_plan(folder)
    except PlanError as changed_meanwhile:
        return BAD, str(changed_meanwhile)
    counts = {
        "people": len(plan.organization.people),
        "groups": len(plan.organization.groups),
        "facts": len(plan.facts.specs),
        "playbooks": len(plan.playbooks),
        "tasks": sum(len(playbook.lines) for playbook in plan.playbooks.values()),
    }
    return GOOD, f"{words.say('plan.check.good', **counts)}\n{words.say('plan.show.fingerprint', fingerprint=Ours(plan.fingerprint))}"


def finding_line(finding: Finding, words: Words) -> str:
    """Where, what is wrong, and what was meant. For a terminal: what the file says is shown as it stands, but harmless."""
    values: dict[str, object] = {name: Ours(_harmless(value)) for name, value in finding.values.items()}
    if "what" in values:
        values["what"] = words.say(f"plan.what.{finding.values['what']}")
    return f"{_harmless(finding.place)}: {words.say(f'plan.{finding.code}', **values)}"


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def show_command(folder: Path, locale: Locale) -> str:
    """The whole plan in words; PlanError when it is not sound."""
    plan = load_plan(folder)
    return _harmless_lines(_Shown(plan, Words.load(locale)).lines())


def _harmless_lines(lines: Iterable[str]) -> str:
    return "\n".join(_harmless(line) for line in lines)


class _Shown:
    def __init__(self, plan: Plan, words: Words) -> None:
        self._plan = plan
        self._words = words

    def lines(self) -> list[str]:
        return [
            *self._firm(),
            "",
            *self._groups(),
            "",
            *self._roles(),
            "",
            *self._rubric(),
            "",
            *self._levels(),
            *(line for playbook in self._plan.playbooks.values() for line in ("", *self._playbook(playbook))),
        ]

    def _say(self, key: str, /, **values: object) -> str:
        return self._words.say(
            f"plan.show.{key}", **{name: Ours(value) if isinstance(value, str) else value for name, value in values.items()}
        )

    def _name(self, name: str, name_en: str) -> str:
        return name_en if self._words.locale == "en" and name_en else name

    def _people(self, ids: Iterable[str]) -> str:
        people = self._plan.organization.people
        return self._words.join(people[one].name for one in ids) or self._say("none")

    def _group_name(self, group: Group) -> str:
        return self._name(group.name, group.name_en)

    def _firm(self) -> list[str]:
        firm = self._plan.organization.firm
        parts = (self._name(firm.name, firm.name_en), firm.bureau)
        return [" · ".join(part for part in parts if part), self._say("fingerprint", fingerprint=self._plan.fingerprint)]

    def _groups(self) -> list[str]:
        return [self._say("groups"), *(f"  {self._group(group)}" for group in self._plan.organization.groups.values())]

    def _group(self, group: Group) -> str:
        return self._say(
            "group",
            name=self._group_name(group),
            id=group.id,
            head=self._people((group.head,)),
            deputy=self._people((group.deputy,) if group.deputy else ()),
            members=self._people(group.members),
        )

    def _roles(self) -> list[str]:
        people = self._plan.organization.people.values()
        roles = dict.fromkeys(role for person in people for role in person.roles)
        shown = ((role, self._people(self._plan.organization.with_role(role))) for role in roles)
        return [
            self._say("roles"),
            *(f"  {self._say('role', role=self._words.say(f'plan.role.{role}'), people=names)}" for role, names in shown),
        ]

    def _rubric(self) -> list[str]:
        rubric = self._plan.rubric
        lines = [self._say("rubric", id=rubric.id, version=rubric.version)]
        for band in rubric.bands:
            every = timedelta(minutes=rubric.regrade_minutes[band.level])
            lines.append(f"  {self._say('band', level=self._words.code(band.level), min=band.min, max=band.max, every=every)}")
        return lines

    def _levels(self) -> list[str]:
        return [self._say("levels"), *(line for response in self._plan.responses.values() for line in self._level(response))]

    def _level(self, response: Response) -> list[str]:
        approvers = {act: self._any(specs) for act, specs in response.approvers.items()}
        snooze = (
            self._say("snooze", max=response.snooze_max, count=response.snooze_count) if response.snooze_max else self._say("no_snooze")
        )
        return [
            f"  {self._say('level', name=self._name(response.name, response.name_en), cadence=response.cadence, **approvers)}",
            f"    {self._ladder(response)}",
            f"    {snooze}",
        ]

    def _ladder(self, response: Response) -> str:
        line = self._say("ladder", rungs=" → ".join(map(self._rung, response.rungs)), repeat=response.terminal_repeat)
        if response.terminal_max is None:
            return line
        return line + self._say("slow", count=response.terminal_max, slow=response.terminal_slow)

    def _rung(self, rung: Rung) -> str:
        return self._say("rung", to=self._words.join(Ours(self._who(spec)) for spec in rung.to), wait=rung.wait)

    def _any(self, specs: Iterable[str]) -> str:
        return self._say("or").join(self._who(spec) for spec in specs)

    def _who(self, spec: str) -> str:
        """An approver or audience in words; a named person or part of a group with who that is now."""
        organization = self._plan.organization
        fixed = {"owner": "owner", "group": "group_spec", "commander": "commander", "by_level": "by_level"}
        if spec in fixed:
            return self._say(fixed[spec])
        if spec in organization.people:
            return organization.people[spec].name
        if spec.startswith("role:"):
            title = self._words.say(f"plan.role.{spec.removeprefix('role:')}")
            return f"{title} ({self._people(organization.resolve(spec))})"
        name, _, part = spec.partition(".")
        of = self._say("own_group") if name == "group" else self._group_name(organization.groups[name])
        who = "" if name == "group" else f" ({self._people(organization.resolve(spec))})"
        return self._say(part or "whole", group=of) + who

    def _playbook(self, playbook: Playbook) -> list[str]:
        levels = self._words.join(level.value for level in LEVELS)
        return [
            self._say("playbook", name=self._name(playbook.name, playbook.name_en), type=playbook.type),
            f"  {self._say('dues', levels=levels)}",
            *(f"  {self._line(line)}" for line in playbook.lines),
        ]

    def _line(self, line: TaskLine) -> str:
        group = self._group_name(self._plan.organization.groups[line.group])
        title = self._name(line.title, line.title_en)
        if line.obligation:  # its due and clock are the obligation's own
            shown = self._say("line_of_report", group=group, title=title)
        else:
            shown = self._say("line", dues=self._dues(line), clock=self._words.say(f"plan.clock.{line.clock}"), group=group, title=title)
        notes = "; ".join(self._notes(line))
        return f"{shown} [{notes}]" if notes else shown

    def _dues(self, line: TaskLine) -> str:
        if line.due_working_days:
            return self._say("working", count=line.due_working_days)
        if line.due_calendar_days:
            return self._say("calendar", count=line.due_calendar_days)
        spans = (line.due.get(level) for level in LEVELS)
        return " / ".join(self._words.span(span) if span else self._say("none") for span in spans)

    def _notes(self, line: TaskLine) -> list[str]:
        conditions = self._words.join(Ours(f"{name} = {self._value(value)}") for name, value in line.when.items())
        notes = {
            "standing": line.until and self._say("standing", until=self._words.say(f"plan.clock.{line.until}")),
            "approve": line.approve and self._say("approve", who=self._any(line.approve.split(" or "))),
            "fulfilled": line.fulfilled_by and self._say("fulfilled", by=self._words.say(f"plan.by.{line.fulfilled_by}")),
            "optional": line.optional and self._say("optional"),
            "obligation": line.obligation and self._say("obligation", name=line.obligation),
            "when": line.when and self._say("when", conditions=conditions),
            "not_live": not line.live and self._say("not_live"),
        }
        return [note for note in notes.values() if isinstance(note, str) and note]

    def _value(self, value: str | bool) -> str:
        return value if isinstance(value, str) else self._say("yes" if value else "no")
