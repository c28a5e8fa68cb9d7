"""The whole plan in words, for `gengfu plan show`."""

from collections.abc import Iterator
from datetime import timedelta

from bot.plan_words import LEVELS, Told
from handlers.core.suggestion import described
from handlers.core.wording import Words
from workflows.core.calendar import Important, Year
from workflows.core.facts import FactSpec, Value
from workflows.core.obligation import Obligation
from workflows.core.people import Group
from workflows.core.plan import Plan
from workflows.core.playbook import Playbook, TaskLine
from workflows.core.response import Response

COMMON = "common"


def plan_in_words(plan: Plan, words: Words) -> list[str]:
    """One line each; sections are divided by empty lines."""
    told = Told(plan, words)
    playbooks = (part for playbook in plan.playbooks.values() for part in ("", *_playbook(told, playbook)))
    parts = (_firm(told), _groups(told), _roles(told), _facts(told), _rubric(told), _levels(told))
    lines = [line for part in parts for line in (*part, "")]
    return [*lines[:-1], *playbooks, "", *_obligations(told), "", *_papers(told), *_statements(told), *_more(told)]


def _more(told: Told) -> Iterator[str]:
    yield from _outlets(told)
    yield from _thresholds(told)
    yield from _calendar(told)


def _thresholds(told: Told) -> Iterator[str]:
    """Of the CSRC's grades, as the firm has entered them."""
    if not told.plan.thresholds:
        return
    yield told.say("plan.show.thresholds")
    for one in told.plan.thresholds:
        entered = f"{told.people((one.entered_by,))} {one.entered_on.isoformat()}"
        yield f"  {told.say('plan.show.threshold', what=described(told.words, told.plan.facts.specs[one.measure], one), entered=entered)}"
    yield ""


def _statements(told: Told) -> Iterator[str]:
    if not told.plan.statements:
        return
    yield told.say("plan.show.statements")
    for name, template in told.plan.statements.items():
        fields, drafters = told.words.join(list(template.fields)), told.join(map(told.group, template.drafters))
        title = told.say("statement.internal_title", title=template.title) if template.internal else template.title
        yield f"  {told.say('plan.show.statement', name=name, title=title, drafters=drafters, fields=fields)}"
    yield f"  {told.say('plan.show.banned', phrases=told.join(told.plan.wording.banned))}"
    yield ""


def _papers(told: Told) -> Iterator[str]:
    if not told.plan.papers:
        return
    yield told.say("plan.show.papers")
    for form in told.plan.papers.values():
        sections = told.join(told.name(section.title, section.title_en) for section in form.sections)
        yield f"  {told.say('plan.show.paper', title=told.name(form.title, form.title_en), id=form.id, sections=sections)}"
    yield ""


def _outlets(told: Told) -> Iterator[str]:
    if not told.plan.outlets:
        return
    yield told.say("plan.show.outlets")
    for outlet in told.plan.outlets.values():
        target = told.any(outlet.who) if outlet.who else outlet.target
        named = {"name": outlet.name, "title": told.name(outlet.title, outlet.title_en), "kind": told.words.say(f"outlet.{outlet.kind}")}
        line = told.say("plan.show.outlet", **named, target=target, within=outlet.within)
        yield "  " + "; ".join([line, *([told.say("plan.show.outlet_default")] if outlet.default else [])])
    yield ""


def _firm(told: Told) -> Iterator[str]:
    firm = told.plan.organization.firm
    yield " · ".join(part for part in (told.name(firm.name, firm.name_en), firm.bureau) if part)
    yield told.say("plan.show.fingerprint", fingerprint=told.plan.fingerprint)


def _groups(told: Told) -> Iterator[str]:
    yield told.say("plan.show.groups")
    for group in told.plan.organization.groups.values():
        yield f"  {_group(told, group)}"


def _group(told: Told, group: Group) -> str:
    return told.say(
        "plan.show.group",
        name=told.group(group),
        id=group.id,
        head=told.people((group.head,)),
        deputy=told.people((group.deputy,) if group.deputy else ()),
        members=told.people(group.members),
    )


def _roles(told: Told) -> Iterator[str]:
    organization = told.plan.organization
    yield told.say("plan.show.roles")
    for role in dict.fromkeys(role for person in organization.people.values() for role in person.roles):
        yield f"  {told.say('plan.show.role', role=told.words.say(f'role.{role}'), people=told.people(organization.with_role(role)))}"


def _facts(told: Told) -> Iterator[str]:
    yield told.say("plan.show.facts")
    for spec in told.plan.facts.specs.values():
        yield f"  {_fact(told, spec)}"


def _fact(told: Told, spec: FactSpec) -> str:
    who = told.join(told.group(group) for group in spec.set_by) or told.say("plan.show.any_head")
    text = told.say(
        "plan.show.fact", name=told.name(spec.name, spec.name_en), key=spec.key, kind=told.words.say(f"plan.kind.{spec.kind}"), who=who
    )
    notes = []
    if spec.default is not None or spec.default_by_type:
        notes.append(told.say("plan.show.default", value=told.value(spec.default, spec)))
    for value, types in _types_by_default(spec).items():
        notes.append(told.say("plan.show.default_of", types=told.join(map(told.playbook, types)), value=told.value(value, spec)))
    if spec.removes_clock:
        notes.append(told.say("plan.show.removes_clock"))
    if spec.attested:
        notes.append(told.say("plan.show.attested"))
    return "; ".join((text, *notes))


def _types_by_default(spec: FactSpec) -> dict[Value, list[str]]:
    found: dict[Value, list[str]] = {}
    for type_code, value in spec.default_by_type.items():
        found.setdefault(value, []).append(type_code)
    return found


def _rubric(told: Told) -> Iterator[str]:
    rubric = told.plan.rubric
    yield told.say("plan.show.rubric", id=rubric.id, version=rubric.version)
    for band in rubric.bands:
        every = timedelta(minutes=rubric.regrade_minutes[band.level])
        yield f"  {told.say('plan.show.band', level=told.words.code(band.level), min=band.min, max=band.max, every=every)}"


def _levels(told: Told) -> Iterator[str]:
    yield told.say("plan.show.levels")
    for response in told.plan.responses.values():
        yield from _level(told, response)
    yield f"  {told.say('plan.show.digest', at=told.join(told.digest()) or told.say('plan.show.none'))}"


def _level(told: Told, response: Response) -> Iterator[str]:
    approvers = {act: told.any(specs) for act, specs in response.approvers.items()}
    yield f"  {told.say('plan.show.level', name=told.name(response.name, response.name_en), cadence=response.cadence, **approvers)}"
    yield f"    {_ladder(told, response)}"
    if response.calendars:
        timers = (
            told.say("plan.show.pauses", timer=told.say(f"plan.timer.{timer}"), hours=told.hours(name))
            for timer, name in response.calendars.items()
        )
        yield f"    {told.join(timers)}"
    if response.snooze_max:
        yield f"    {told.say('plan.show.snooze', max=response.snooze_max, count=response.snooze_count)}"
    else:
        yield f"    {told.say('plan.show.no_snooze')}"
    if response.seen_for:
        yield f"    {told.say('plan.show.seen', span=response.seen_for)}"
    if response.quiet_hours:
        yield f"    {told.quiet(response.quiet_hours)}"


def _ladder(told: Told, response: Response) -> str:
    line = told.say("plan.show.ladder", rungs=" → ".join(map(told.rung, response.rungs)), repeat=response.terminal_repeat)
    if response.terminal_max is None:
        return line
    return line + told.say("plan.show.slow", count=response.terminal_max, slow=response.terminal_slow)


def _playbook(told: Told, playbook: Playbook) -> Iterator[str]:
    yield told.say("plan.show.playbook", name=told.name(playbook.name, playbook.name_en), type=playbook.type)
    if playbook.subtypes:
        names = (told.name(names[0], code.replace("_", " ")) for code, names in playbook.subtypes.items())
        yield f"  {told.say('plan.show.subtypes', names=told.join(names))}"
    yield f"  {told.say('plan.show.dues', levels=told.join(level.value for level in LEVELS))}"
    for line in playbook.lines:
        yield f"  {_line(told, line)}"


def _line(told: Told, line: TaskLine) -> str:
    group, title = told.group(line.group), told.name(line.title, line.title_en)
    if line.obligation:  # its due and clock are the obligation's own
        shown = told.say("plan.show.line_of_report", group=group, title=title)
    else:
        shown = told.say("plan.show.line", dues=told.dues(line), clock=told.clock(line.clock), group=group, title=title)
    notes = "; ".join(_notes(told, line))
    return f"{shown} [{notes}]" if notes else shown


def _notes(told: Told, line: TaskLine) -> Iterator[str]:
    if line.until:
        yield told.say("plan.show.standing", until=told.clock(line.until))
    if line.change:
        yield told.say("plan.show.change")
    if line.approve:
        yield told.say("plan.show.approve_first" if line.approve_first else "plan.show.approve", who=told.any(line.approve.split(" or ")))
    if line.fulfilled_by:
        yield told.say("plan.show.fulfilled", by=told.words.say(f"plan.by.{line.fulfilled_by}"))
    if line.optional:
        yield told.say("plan.show.optional")
    if line.obligation:
        found = told.plan.obligations.get(line.obligation)
        yield told.say("plan.show.obligation", name=told.name(found.name, found.name_en) if found else line.obligation)
    elif line.when:
        yield told.say("plan.show.when", conditions=told.conditions(line.when))


def _obligations(told: Told) -> Iterator[str]:
    yield told.say("plan.show.obligations")
    for obligation in told.plan.obligations.values():
        yield f"  {_obligation(told, obligation)}"
        yield f"    {_certainty(told, obligation)}"


def _obligation(told: Told, obligation: Obligation) -> str:
    return told.say(
        "plan.show.report",
        name=told.name(obligation.name, obligation.name_en),
        id=obligation.id,
        when=told.say("plan.show.when", conditions=told.conditions(obligation.when)) if obligation.when else told.say("plan.show.always"),
        clock=told.clock(obligation.clock),
        deadline=told.deadline(obligation),
        to=told.join(obligation.to_en if told.words.locale == "en" and obligation.to_en else obligation.to),
        doers=_doers(told, obligation),
    )


def _doers(told: Told, obligation: Obligation) -> str:
    """Who does it in which type of incident: the lines that name it, and the doer where none does."""
    types: dict[str, list[str]] = {}
    for playbook in told.plan.playbooks.values():
        for line in (line for line in playbook.lines if line.obligation == obligation.id):
            types.setdefault(line.group, []).append(playbook.type)
    if COMMON in [of for found in types.values() for of in found]:
        return told.join(map(told.group, types))
    named = [told.say("plan.show.doer_in", group=told.group(group), types=told.join(map(told.playbook, of))) for group, of in types.items()]
    return told.join((*named, told.say("plan.show.doer_else", group=told.group(obligation.doer)) if named else told.group(obligation.doer)))


def _certainty(told: Told, obligation: Obligation) -> str:
    words = (told.words.say(f"plan.binding.{obligation.binding}"), told.words.say(f"plan.confidence.{obligation.confidence}"))
    law_word = told.say("plan.show.law_word", text=obligation.law_word) if obligation.law_word else ""
    closing = told.say("plan.show.closing") if obligation.closing else ""
    return "; ".join(
        part
        for part in (told.say("plan.show.basis", basis=told.name(obligation.basis, obligation.basis_en)), *words, law_word, closing)
        if part
    )


def _calendar(told: Told) -> Iterator[str]:
    calendar = told.plan.calendar
    yield told.say(
        "plan.show.calendar_head",
        sessions=told.periods(calendar.sessions),
        service=told.periods(calendar.service),
        ends=f"{calendar.business_ends:%H:%M}",
    )
    for number, year in calendar.years.items():
        yield f"  {_year(told, number, year)}"
        yield from (f"    {told.say('plan.show.source', source=source)}" for source in year.sources)
    for period in calendar.important:
        yield f"  {_important(told, period)}"


def _important(told: Told, period: Important) -> str:
    name, days = told.name(period.name, period.name_en), {"first": str(period.first), "last": str(period.last)}
    kind, factor = told.say(f"plan.period.{period.kind}"), f"{period.factor:g}"
    return told.say("plan.show.important", name=name, kind=kind, factor=factor, duty=period.duty_factor, **days)


def _year(told: Told, number: int, year: Year) -> str:
    closures = year.closures - year.holidays
    more = told.say("plan.show.closures", days=told.days(closures)) if closures else ""
    return told.say("plan.show.year", year=str(number), off=told.days(year.holidays), worked=told.days(year.workdays)) + more
