"""A plan as a flat sheet: rows that keep their key, with named cells. What two plans differ in is read off two sheets."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.plan_words import LEVELS, Told
from handlers.core.duty_lines import shift_line
from handlers.core.suggestion import figure as threshold_figure
from handlers.core.wording import Ours
from workflows.core.calendar import Important
from workflows.core.facts import FactSpec
from workflows.core.obligation import Obligation
from workflows.core.outlet import Outlet
from workflows.core.paper import Form, Section
from workflows.core.people import Group, Person
from workflows.core.playbook import Playbook, TaskLine
from workflows.core.response import Response
from workflows.core.rubric import Floor, Indicator, Measure
from workflows.core.template import Template
from workflows.core.thresholds import Threshold

#: One shown value, or several of which each may come and go.
Cell = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` names what it is (`plan.kind_of.<kind>`); `key` stays the same when the rest changes; cells by their label."""

    kind: str
    key: str
    name: str
    cells: Mapping[str, Cell]


def sheet(told: Told) -> dict[str, list[Row]]:
    """The rows of each part of the plan, in the order in which they are told."""
    s = _Sheet(told)
    plan = told.plan
    return {
        "organization": [s.firm(), *map(s.person, plan.organization.people.values()), *map(s.group, plan.organization.groups.values())],
        "facts": [s.fact(spec) for spec in plan.facts.specs.values()],
        "rubric": list(s.rubric()),
        "response": [*(s.response(response) for response in plan.responses.values()), s.ladder()],
        "playbooks": [row for playbook in plan.playbooks.values() for row in s.playbook(playbook)],
        "obligations": [s.obligation(obligation) for obligation in plan.obligations.values()],
        "channels": [s.outlet(outlet) for outlet in plan.outlets.values()],
        "papers": [row for form in plan.papers.values() for row in s.form(form)],
        "statements": [*(s.template(name, one) for name, one in plan.statements.items()), s.wording()],
        "calendar": list(s.calendar()),
        "thresholds": [s.threshold(one) for one in plan.thresholds],
    }


class _Sheet:
    def __init__(self, told: Told) -> None:
        self._told = told

    def _row(self, kind: str, key: str, name: str, cells: Mapping[str, Cell]) -> Row:
        """Cells are given by code; empty ones are left out."""
        label = {code: self._told.words.say(f"plan.field.{code}") for code in cells if not code.startswith("=")}
        return Row(kind, key, name, {label.get(code, code.removeprefix("=")): cell for code, cell in cells.items() if cell})

    def _person(self, person: str | None) -> str:
        people = self._told.plan.organization.people
        return f"{people[person].name} ({person})" if person and person in people else person or ""

    def _groups(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._told.group(one) for one in ids)

    def _minutes(self, count: int) -> str:
        return self._told.words.span(timedelta(minutes=count))

    def firm(self) -> Row:
        firm, yes = self._told.plan.organization.firm, self._told.yes
        flags = {"listed": yes(firm.listed), "cii": yes(firm.cii), "pbc_field": yes(firm.pbc_field)}
        cells: dict[str, Cell] = {"name": firm.name, "name_en": firm.name_en, "bureau": firm.bureau, **flags}
        cells["exchanges"], cells["staff_chats"] = firm.exchanges, tuple(map(":".join, firm.staff_chats))
        return self._row("firm", "firm", firm.name, cells)

    def person(self, person: Person) -> Row:
        cells: dict[str, Cell] = {"name": person.name, "title": person.title, "phone": person.phone, "email": person.email}
        cells["identities"] = _pairs(person.identities)
        cells["roles"] = tuple(self._told.words.say(f"role.{role}") for role in person.roles)
        cells["deputies"] = tuple(map(self._person, person.deputies))
        return self._row("person", person.id, self._person(person.id), cells)

    def group(self, group: Group) -> Row:
        cells: dict[str, Cell] = {"name": group.name, "name_en": group.name_en, "aliases": group.aliases}
        cells |= {"head": self._person(group.head), "deputy": self._person(group.deputy)}
        cells |= {"members": tuple(map(self._person, group.members)), "chats": _pairs(group.chats)}
        cells["duty"] = tuple(shift_line(self._told.words, shift, self._person) for shift in group.rota)
        return self._row("group", group.id, self._told.group(group), cells)

    def fact(self, spec: FactSpec) -> Row:
        told = self._told
        cells: dict[str, Cell] = {"name": spec.name, "name_en": spec.name_en, "names": spec.names}
        cells |= {"fact_kind": told.words.say(f"plan.kind.{spec.kind}"), "unit": spec.unit}
        cells |= {"values": "; ".join(f"{code}: {told.join(names)}" for code, names in spec.values.items())}
        cells |= {"values_en": "; ".join(_pairs(spec.values_en, ": "))}
        cells |= {"set_by": self._groups(spec.set_by) or told.say("plan.show.any_head"), "graded": told.yes(spec.grade)}
        cells |= {"attested": told.yes(spec.attested)}
        cells |= {"removes_clock": told.yes(spec.removes_clock), "default": told.value(spec.default, spec)}
        for type_code, value in spec.default_by_type.items():
            cells[f"={told.words.say('plan.field.default_in', type=Ours(told.playbook(type_code)))}"] = told.value(value, spec)
        return self._row("fact", spec.key, told.name(spec.name, spec.name_en), cells)

    def outlet(self, outlet: Outlet) -> Row:
        told = self._told
        cells: dict[str, Cell] = {
            "title_zh": outlet.title,
            "title_en": outlet.title_en,
            "outlet_kind": told.words.say(f"outlet.{outlet.kind}"),
        }
        cells |= {"outlet_default": told.yes(outlet.default), "receipt_within": told.words.span(outlet.within)}
        cells |= {"outlet_to": outlet.to, "url": outlet.url, "secret": outlet.secret, "who": tuple(map(told.who, outlet.who))}
        cells["chat"] = f"{outlet.platform}:{outlet.chat}" if outlet.chat else ""
        return self._row("outlet", outlet.name, told.name(outlet.title, outlet.title_en), cells)

    def threshold(self, one: Threshold) -> Row:
        told = self._told
        spec = told.plan.facts.specs[one.measure]
        entered = f"{self._person(one.entered_by)} {one.entered_on.isoformat()}"
        cells: dict[str, Cell] = {"at_least": threshold_figure(told.words, spec, one), "together": str(one.together), "note": one.note}
        cells |= {"source": f"{one.document} {one.article}", "entered": entered, "compared": told.yes(one.verified)}
        name = f"{told.words.say(f'threshold.event.{one.event}')} · {told.words.code(one.grade)} · {told.name(spec.name, spec.name_en)}"
        return self._row("threshold", f"{one.event}.{one.grade}.{one.measure}.{one.together}", name, cells)

    def rubric(self) -> Iterator[Row]:
        rubric, told = self._told.plan.rubric, self._told
        cells = {"id": rubric.id, "version": str(rubric.version), "unknown_score": str(rubric.unknown_score)}
        cells |= {"rescore": self._minutes(rubric.rescore_minutes), "lower_gap": told.words.span(rubric.lower_gap)}
        yield self._row("rubric", "rubric", rubric.id, cells)
        for band in rubric.bands:
            figures = {"points": f"{band.min}–{band.max}", "regrade": self._minutes(rubric.regrade_minutes[band.level])}
            yield self._row("band", band.level, told.words.code(band.level), figures)
        yield from map(self.indicator, rubric.indicators)
        yield from map(self.floor, rubric.floors)

    def indicator(self, indicator: Indicator) -> Row:
        cells: dict[str, Cell] = {"name": indicator.name, "name_en": indicator.name_en}
        for measure in indicator.measures:
            spec = self._told.plan.facts.specs[measure.fact]
            cells[f"={self._told.name(spec.name, spec.name_en)}"] = self._measure(measure, spec)
        return self._row("indicator", indicator.key, self._told.name(indicator.name, indicator.name_en), cells)

    def _measure(self, measure: Measure, spec: FactSpec) -> str:
        if measure.kind == "number":
            text = self._told.say("plan.show.measure_number", steps=" / ".join(map(self._told.words.number, measure.steps)))
        elif measure.kind == "choice":
            text = self._told.join(f"{self._told.value(code, spec)} {score}" for code, score in measure.scores.items())
        else:
            text = self._told.say("plan.show.measure_condition", score=measure.score)
        needs = _pairs({self._fact(key): self._told.words.number(least) for key, least in measure.needs.items()}, " ≥ ")
        return f"{text} ({self._told.join(needs)})" if needs else text

    def _fact(self, key: str) -> str:
        spec = self._told.plan.facts.specs.get(key)
        return self._told.name(spec.name, spec.name_en) if spec else key

    def floor(self, floor: Floor) -> Row:
        told, named = self._told, {one.key: told_name for one, told_name in self._indicators()}
        most = {self._fact(key): told.words.number(least) for key, least in floor.facts_at_least.items()}
        parts = [told.conditions(floor.facts), *_pairs(most, " ≥ ")]
        if floor.any_score:
            parts.append(told.say("plan.show.any_score", names=told.join(named.get(key) or self._fact(key) for key in floor.any_score)))
        if floor.scores_of_4:
            parts.append(told.say("plan.show.scores_of_4", count=floor.scores_of_4))
        if floor.other_score:
            parts.append(told.say("plan.show.other_score", score=floor.other_score))
        cells = {
            "name": floor.name,
            "name_en": floor.name_en,
            "at_least": told.words.code(floor.at_least),
            "conditions": told.join(part for part in parts if part),
        }
        return self._row("floor", floor.id, floor.id, cells)

    def _indicators(self) -> Iterator[tuple[Indicator, str]]:
        for one in self._told.plan.rubric.indicators:
            yield one, self._told.name(one.name, one.name_en)

    def response(self, response: Response) -> Row:
        told, span = self._told, self._told.words.span
        cells: dict[str, Cell] = {"name": response.name, "name_en": response.name_en}
        cells |= {f"act_{act}": told.any(specs) for act, specs in response.approvers.items()}
        for pace in ("cadence", "claim_within", "progress_every", "progress_grace", "remind_before", "overdue_repeat", "verify_within"):
            cells[pace] = span(getattr(response, pace))
        cells |= {"approval_wait": span(response.approval_wait), "overdue_climb_every": str(response.overdue_climb_every)}
        cells |= {"rungs": " → ".join(map(told.rung, response.rungs)), "terminal_repeat": span(response.terminal_repeat)}
        cells |= {"terminal_slow": span(response.terminal_slow)}
        cells |= {"terminal_max": told.say("plan.show.forever") if response.terminal_max is None else str(response.terminal_max)}
        cells |= {"terminal_by": told.ways(response.terminal_by)}
        cells |= {"statement_steps": " → ".join(response.steps), "statement_holds": span(response.holds)}
        cells |= {"snooze_max": span(response.snooze_max), "snooze_count": str(response.snooze_count), "seen_for": span(response.seen_for)}
        cells["calendars"] = tuple(f"{told.say(f'plan.timer.{timer}')} {told.hours(name)}" for timer, name in response.calendars.items())
        cells |= {"no_oral": response.no_oral, "step_up": response.step_up, "quiet_hours": told.quiet(response.quiet_hours)}
        return self._row("level", response.level, told.name(response.name, response.name_en), cells)

    def ladder(self) -> Row:
        """How regulators' clocks remind."""
        ladder, span = self._told.plan.ladder, self._told.words.span
        cells: dict[str, Cell] = {"rungs": " → ".join(map(self._told.rung, ladder.rungs))}
        cells |= {f"clock_{name}": span(getattr(ladder, name)) for name in ("before", "repeat", "day_before", "repeat_days")}
        cells["clock_repeat_ladder"] = span(ladder.repeat_ladder or ladder.repeat)
        cells["digest"] = self._told.digest()
        return self._row("ladder", "clock", self._told.say("plan.show.clock_ladder"), cells)

    def playbook(self, playbook: Playbook) -> Iterator[Row]:
        told = self._told
        cells: dict[str, Cell] = {"name": playbook.name, "name_en": playbook.name_en, "names": playbook.names}
        cells["subtypes"] = tuple(f"{code}: {told.join(names)}" for code, names in playbook.subtypes.items())
        yield self._row("playbook", playbook.type, told.name(playbook.name, playbook.name_en), cells)
        for line in playbook.lines:
            yield self.task(line, playbook)

    def task(self, line: TaskLine, playbook: Playbook) -> Row:
        told = self._told
        duty = told.plan.obligations.get(line.obligation or "")
        cells: dict[str, Cell] = {"playbook": told.name(playbook.name, playbook.name_en), "title_zh": line.title, "title_en": line.title_en}
        cells |= {"group": told.group(line.group), "clock": told.clock(line.clock)}
        cells |= {f"={told.words.say('plan.field.due', level=level)}": told.due(line, level) for level in LEVELS if level in line.due}
        cells |= {"working_days": str(line.due_working_days or ""), "calendar_days": str(line.due_calendar_days or "")}
        cells |= {"repeat": told.yes(True) if line.repeat else "", "until": told.clock(line.until) if line.until else ""}
        cells |= {
            "optional": told.yes(True) if line.optional else "",
            "approve": told.any(line.approve.split(" or ")) if line.approve else "",
        }
        cells |= {name: told.yes(True) if getattr(line, name) else "" for name in ("approve_first", "change")}
        cells["calendar"] = told.hours(line.calendar) if line.calendar != "always" else ""
        cells |= {"fulfilled_by": told.words.say(f"plan.by.{line.fulfilled_by}") if line.fulfilled_by else ""}
        cells |= {"obligation": told.name(duty.name, duty.name_en) if duty else line.obligation or ""}
        cells |= {"when": told.conditions(line.when), "done": line.done, "done_en": line.done_en, "basis": line.basis}
        return self._row("task", line.code, told.name(line.title, line.title_en), cells)

    def obligation(self, duty: Obligation) -> Row:
        told = self._told
        cells: dict[str, Cell] = {
            "name": duty.name,
            "name_en": duty.name_en,
            "when": told.conditions(duty.when) or told.say("plan.show.always"),
        }
        cells |= {"clock": told.clock(duty.clock), "keyed_by": told.words.say(f"plan.keyed_by.{duty.keyed_by}")}
        cells |= {"deadline": told.deadline(duty), "day_count": told.words.say(f"plan.day_count.{duty.calendar}")}
        cells |= {"to": duty.to, "channels": duty.channels, "doer": told.group(duty.doer), "steps": " → ".join(duty.steps)}
        cells |= {"binding": told.words.say(f"plan.binding.{duty.binding}"), "basis": duty.basis, "law_word": duty.law_word}
        cells |= {"confidence": told.words.say(f"plan.confidence.{duty.confidence}"), "also_on": duty.also_on}
        cells |= {"to_en": duty.to_en, "basis_en": duty.basis_en, "check": duty.check, "check_en": duty.check_en}
        cells |= {"partial_ok": duty.partial_ok, "closing": told.yes(duty.closing), "paper": duty.paper}
        cells |= {"complete_within": told.words.span(duty.complete_within) if duty.complete_within else ""}
        cells |= {"by_phone": told.yes(True) if duty.phone else ""}
        return self._row("obligation", duty.id, told.name(duty.name, duty.name_en), cells)

    def form(self, form: Form) -> Iterator[Row]:
        """A paper, and each of its sections."""
        name = self._told.name(form.title, form.title_en)
        cells: dict[str, Cell] = {"name": form.title, "name_en": form.title_en, "opening": form.opening, "opening_en": form.opening_en}
        cells |= {"ending": form.closing, "ending_en": form.closing_en, "outward": self._told.yes(True) if form.outward else ""}
        cells["sections"] = tuple(section.title for section in form.sections)
        yield self._row("form", form.id, name, cells)
        for section in form.sections:
            yield self._section(section, f"{form.id} {section.title}", name)

    def _section(self, section: Section, key: str, form: str) -> Row:
        cells: dict[str, Cell] = {"name_en": section.title_en, "table": section.table or ""}
        cells["first"] = self._told.yes(True) if section.first else ""
        cells["rows"] = tuple(f"{row.label} = {row.figure or row.text}" for row in section.rows)
        cells["rows_en"] = tuple(f"{row.label_en} = {row.figure or row.text_en}" for row in section.rows)
        return self._row("section", key, f"{form} · {self._told.name(section.title, section.title_en)}", cells)

    def template(self, name: str, template: Template) -> Row:
        internal = self._told.yes(template.internal)
        cells: dict[str, Cell] = {"name": template.title, "drafters": self._groups(template.drafters), "internal": internal}
        cells["slots"] = tuple(f"{slot}: {kind}" for slot, kind in template.fields.items())
        cells["wording"] = " ".join(template.text.split())
        return self._row("template", name, template.title, cells)

    def wording(self) -> Row:
        """What holds for every statement."""
        wording = self._told.plan.wording
        return self._row(
            "wording", "wording", self._told.say("plan.show.wording"), {"banned": wording.banned, "cause_open": wording.cause_open}
        )

    def calendar(self) -> Iterator[Row]:
        calendar, told = self._told.plan.calendar, self._told
        hours = {
            "sessions": told.periods(calendar.sessions),
            "service": told.periods(calendar.service),
            "business_ends": f"{calendar.business_ends:%H:%M}",
        }
        yield self._row("hours", "hours", told.say("plan.show.hours"), hours)
        for number, year in calendar.years.items():
            lists = {"holidays": year.holidays, "workdays": year.workdays, "closures": year.closures - year.holidays}
            days: dict[str, Cell] = {name: tuple(day.isoformat() for day in sorted(found)) for name, found in lists.items()}
            yield self._row("year", str(number), str(number), {**days, "sources": year.sources})
        for period in calendar.important:
            yield self._important(period)

    def _important(self, period: Important) -> Row:
        told = self._told
        cells: dict[str, Cell] = {"name": period.name, "name_en": period.name_en, "days": f"{period.first} – {period.last}"}
        cells |= {"period_kind": told.say(f"plan.period.{period.kind}"), "factor": f"{period.factor:g}"}
        cells["duty_factor"] = str(period.duty_factor)
        return self._row("important", f"{period.name} {period.first}", told.name(period.name, period.name_en), cells)


def _pairs(values: Mapping[str, str], sign: str = " = ") -> tuple[str, ...]:
    return tuple(f"{name}{sign}{value}" for name, value in values.items())
