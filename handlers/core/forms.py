"""The forms of buttons: what each act asks for. Built with core.fields from the commands, the plan and the record."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from handlers.core.access import may
from handlers.core.fields import Fields, Options, current
from handlers.core.look import Look
from handlers.core.message import Button, Field
from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS, Command
from handlers.core.suggestion import in_words
from handlers.core.wording import Locale, Words
from workflows.core.approval import Approval, approvers_of, deciders
from workflows.core.plan import Plan
from workflows.core.rubric import OpinionLevel
from workflows.incident import RUNNING, Incident, missing_fields
from workflows.regulator_report import Report
from workflows.task import Task

Form = tuple[Field, ...]

#: Who can be given the command: whoever commands must be able to start the plan.
COMMANDERS = "group:office|heads"
#: How many incidents a form offers to merge into; any other can be typed.
MOST_OFFERED = 20
#: What a form offers where somebody asks for time.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480))
LATEST = timedelta(hours=2)

#: Where a field of the first report has another name than the argument that fills it.
_ARGUMENT = {"occurred": "at"}


def question(label: str, *, required: bool = True) -> Form:
    """One question, whose answer is the text of the command."""
    return (Field("text", label, "long", required=required),)


def how_to_type(button: Button, locale: Locale) -> str:
    """`/任务 完成 T1 [说明]`: what to type instead, where a platform has no input fields."""
    command = command_of(button.command)
    return usage_line(command, locale, button.command.removeprefix(f"/{command.name}").split())


def command_of(line: str) -> Command:
    """The command that a button's line begins with: the longest name, as `incident playbook add` has three words."""
    words = line.removeprefix("/").split()
    return next(COMMANDS[name] for end in range(len(words), 0, -1) if (name := " ".join(words[:end])) in COMMANDS)


# Incidents


def opening(words: Words, plan: Plan) -> Button:
    """上报: all that a first report may say; only what happened is asked for, and that may be filled in later too."""
    fields = Fields(words, plan, "incident open")
    title = Field("text", words.say("form.title"), "text", required=True)
    names = ("type", "subtype", "system", "at", "known", "place", "loss", "reporter", "restricted", "drill")
    form = (title, *(_first(fields, name) for name in names))
    return Button(words.say("form.open"), "/incident open", None, "primary", form)


def filling(look: Look, incident: Incident) -> Form:
    """What the first report still lacks."""
    fields = Fields(look.words, look.reader.plan_of(incident), "incident fact")
    missing = [_ARGUMENT.get(name, name) for name in missing_fields(incident)]
    if "type" in missing or (incident.subtype is None and _subtypes(fields, incident.playbooks)):
        missing.insert(missing.index("type") + 1 if "type" in missing else 0, "subtype")
    if incident.title == look.say("incident.untitled"):
        missing.insert(0, "title")
    return tuple(_first(fields, name, incident.playbooks if incident.type else ()) for name in missing)


def _first(fields: Fields, name: str, types: Iterable[str] = ()) -> Field:
    hints = {"at": "form.at_hint", "known": "form.known_hint", "restricted": "form.restricted_hint", "drill": "form.drill_hint"}
    hint = fields.words.say(hints[name]) if name in hints else ""
    return fields.of(name, options=_subtypes(fields, types) if name == "subtype" else (), hint=hint)


def _subtypes(fields: Fields, types: Iterable[str]) -> Options:
    """Of these types, or of all, each with the name of its type."""
    books = [book for book in fields.plan.playbooks.values() if not types or book.type in types]
    zh = fields.words.locale == "zh"
    named = ((code, names[0] if zh and names else code.replace("_", " "), book) for book in books for code, names in book.subtypes.items())
    return tuple((code, name if types else f"{book.name if zh else book.name_en} · {name}") for code, name, book in named)


def grading(look: Look, incident: Incident) -> Form:
    """The grades, and of each indicator the first amount that stands for itself and the first choice; they start empty on purpose."""
    plan = look.reader.plan_of(incident)
    fields = Fields(look.words, plan, "incident grade")
    keys = ["csrc_grade", "cac_grade"]
    for indicator in plan.rubric.indicators:
        plain = [measure for measure in indicator.measures if not measure.needs]
        keys += [m.fact for kind in ("number", "choice") for m in [one for one in plain if one.kind == kind][:1]]
    specs = plan.facts.specs
    known = [key for key in dict.fromkeys(keys) if key in specs]
    suggestion = in_words(look.words, look.reader.current_plan, incident, look.now)
    hints = {key: current(look.words, specs[key], incident.facts.get(key)) for key in known}
    stated = (fields.fact(key, hint=hint or (suggestion if key == "csrc_grade" else "")) for key, hint in hints.items())
    return (*stated, fields.of("reason", hint=look.say("form.lower_hint")))


def scoring(look: Look, incident: Incident) -> Form:
    """The indicators scored by hand, and why."""
    fields = Fields(look.words, look.reader.plan_of(incident), "incident grade")
    return (*(fields.score(one) for one in fields.plan.rubric.indicators), fields.of("text", look.say("form.reason"), required=True))


def lowering(look: Look, incident: Incident) -> Form:
    fields = Fields(look.words, look.reader.plan_of(incident), "incident downgrade")
    lower = tuple((str(one), look.words.show(one)) for one in OpinionLevel if one.rank < incident.opinion_level.rank)
    return fields.of("level", options=lower), fields.of("text", look.say("form.reason"), hint=look.say("form.second"))


def leaving(look: Look, incident: Incident, into: Options = ()) -> Form:
    """Merged into another one, or (without `into`) a false alarm; nobody leaves without having answered what was delayed."""
    fields = Fields(look.words, look.reader.plan_of(incident), "incident merge" if into else "incident false-alarm")
    which = (fields.of("into", options=into, required=True),) if into else ()
    reason = fields.of("text", look.say("form.reason"), hint=look.say("form.second"))
    return (*which, fields.of("delayed", required=True), reason)


def mergeable(look: Look, incident: Incident) -> Options:
    """Running incidents that this one can be merged into; restricted ones are named on no card."""
    found = (i for i in look.reader.unclosed(MOST_OFFERED) if i.state in RUNNING and i.ref != incident.ref)
    offered = (i for i in found if i.drill == incident.drill and not i.restricted and not incident.restricted)
    return tuple((i.ref, f"{i.ref} {look.words.show(i.title)}") for i in offered)


def handing_over(look: Look, incident: Incident) -> Form:
    fields = Fields(look.words, look.reader.plan_of(incident), "incident handover")
    people = (p for p in look.organization.people if p != incident.commander and may(COMMANDERS, p, look.organization))
    return fields.of("to", options=fields.people(people)), fields.of("note")


def typing(look: Look, incident: Incident, how: str) -> Form:
    """Another type: besides (`add`), or instead (`main`)."""
    fields = Fields(look.words, look.reader.plan_of(incident), f"incident playbook {how}")
    taken = incident.playbooks if how == "add" else (incident.type,)
    options = tuple(one for one in fields.of("type").options if one[0] not in taken)
    why = (fields.of("text", look.say("form.reason"), hint=look.say("form.type_hint")),) if how == "main" else ()
    return (fields.of("type", options=options), *why)


# Tasks


def adding(look: Look, incident: Incident) -> Form:
    fields = Fields(look.words, look.reader.plan_of(incident), "task add")
    due = fields.of("due", options=_waits(look.words, timedelta.max))
    return fields.of("text", look.say("form.task")), fields.of("group"), due, fields.of("mandatory")


def assigning(look: Look, task: Task) -> Form:
    fields = Fields(look.words, look.reader.plan_of(task), "task assign")
    people = (*look.organization.groups[task.group].everyone, *look.organization.people)
    return (fields.of("to", options=fields.people(p for p in people if p != task.owner)),)


def blocking(look: Look, task: Task) -> Form:
    fields = Fields(look.words, look.reader.plan_of(task), "task block")
    return fields.of("text", look.say("form.blocked")), fields.of("needs")


def snoozing(look: Look, task: Task) -> Form:
    """Empty where the level allows no rest."""
    fields = Fields(look.words, look.reader.plan_of(task), "task snooze")
    waits = _waits(look.words, look.response(look.reader.incident(task.incident)).snooze_max)
    return (fields.of("wait", options=waits), fields.of("text", look.say("form.reason"), required=True)) if waits else ()


def _waits(words: Words, longest: timedelta) -> Options:
    return tuple((f"{wait // timedelta(minutes=1)}m", words.show(wait)) for wait in WAITS if wait <= longest)


# Approvals and reports


def waiting(look: Look, approval: Approval) -> Form:
    fields = Fields(look.words, look.reader.plan_of(approval), "later")
    return (fields.of("wait", options=_waits(look.words, LATEST)),)


def delegating(look: Look, approval: Approval, deputies: Iterable[str]) -> Form:
    fields = Fields(look.words, look.reader.plan_of(approval), "delegate")
    return (fields.of("to", look.say("form.deputy"), options=fields.people(deputies), required=True),)


def hearing(look: Look, approval: Approval) -> Form:
    """A spoken yes: whose, and what they said."""
    fields = Fields(look.words, look.reader.plan_of(approval), "approve")
    may_say = (*approvers_of(approval, look.organization), *deciders(approval.needed, look.organization))
    who = fields.of("oral", options=fields.people(p for p in may_say if p not in approval.excluded), required=True)
    return who, fields.of("text", look.say("form.said"), hint=look.say("form.said_hint"))


def waiving(look: Look, report: Report) -> Form:
    """Why it need not be reported, and first whether any order was delayed or refused."""
    fields = Fields(look.words, look.reader.plan_of(report), "report not-required")
    return fields.of("delayed", required=True), Field("text", look.say("ask.waive"), "long", required=True)


def filing(look: Look, report: Report) -> Form:
    """To whom (asked when several are left), when, by which way, and what proves it."""
    plan = look.reader.plan_of(report)
    fields, duty = Fields(look.words, plan, "report filed"), plan.obligations[report.obligation]
    several = tuple((one, look.words.show(one)) for one in report.missing) if len(report.missing) > 1 else ()
    whom = (fields.of("to", options=several, hint=look.say("form.to_all")),) if several else ()
    ways = tuple((one, look.words.show(one)) for one in duty.channels)
    when = fields.of("at", look.say("form.filed_at"), hint=look.say("form.now_hint"))
    if duty.phone:
        return (*whom, when, *_call(look, fields))
    return (*whom, when, fields.of("way", options=ways, required=True), fields.of("receipt", required=True))


def _call(look: Look, fields: Fields) -> Form:
    """Of a call: who took it, what was said, and its number where they gave one."""
    way = replace(fields.of("way", required=True), value=look.say("report.by_phone"))
    points = Field("points", look.say("form.points"), "long", required=True, hint=look.say("form.points_hint"))
    return way, fields.of("callee", required=True), points, fields.of("receipt", look.say("form.receipt_given"))
