"""Asking for the facts on which clocks hang: what each is called, who may say it, and the buttons that answer."""

from handlers.core import forms
from handlers.core.forms import question
from handlers.core.known import known_facts
from handlers.core.look import Look
from handlers.core.message import Button
from handlers.core.setters import groups_of, may_set
from workflows.core.conditions import Question
from workflows.core.plan import Plan
from workflows.incident import Incident
from workflows.regulator_report import Report, to_decide


def questions(look: Look, incident: Incident) -> tuple[Question, ...]:
    """What is to be decided, by fact, the most urgent first."""
    plan = look.reader.plan_of(incident)
    return to_decide(look.reader.reports(incident.ref), plan.obligations, known_facts(incident, plan, look.organization))


def hangs_on(look: Look, incident: Incident, report: Report) -> tuple[str, tuple[Button, ...]]:
    """(the open facts that decide whether `report` is required, whose they are where not the reader's; the buttons that answer them)."""
    plan = look.reader.plan_of(incident)
    asked = [one.fact for one in questions(look, incident) if report.ref in one.refs]
    names = look.words.join([fact_name(look, plan, fact) + who_decides(look, plan, fact) for fact in asked])
    return names, tuple(dict.fromkeys(b for fact in asked for b in decide_buttons(look, incident, plan, fact)))


def fact_name(look: Look, plan: Plan, fact: str) -> str:
    spec = plan.facts.specs.get(fact)
    if spec is None:
        return look.say(f"decide.{fact}")
    return spec.name if look.words.locale == "zh" else spec.name_en or spec.name


def who_decides(look: Look, plan: Plan, fact: str) -> str:
    """Named where it is not the reader who may say it."""
    spec = plan.facts.specs.get(fact)
    if spec is None or not look.person or may_set(spec, look.person, look.organization):
        return ""
    groups = [look.organization.groups[group] for group in groups_of(spec, look.organization)]
    return look.say(
        "card.decide_by", groups=look.words.join([g.name if look.words.locale == "zh" else g.name_en or g.name for g in groups])
    )


def decide_buttons(look: Look, incident: Incident, plan: Plan, fact: str) -> list[Button]:
    """Yes at a tap; no takes a clock away, so it asks for the reason that a second person will read."""
    spec = plan.facts.specs.get(fact)
    if spec is None or spec.kind != "condition":
        return [Button(look.say("button.grade"), f"/incident grade {incident.ref}", None, form=forms.grading(look, incident))]
    if look.person and not may_set(spec, look.person, look.organization):
        return []
    name = fact_name(look, plan, fact)
    yes, no = (question(look.say("ask.attest")), ()) if spec.attested else ((), question(look.say("ask.reason")))
    return [
        Button(look.say("button.yes", name=name), f"/incident fact {incident.ref} {fact}=yes", None, "primary", form=yes),
        Button(look.say("button.no", name=name), f"/incident fact {incident.ref} {fact}=no", None, form=no),
    ]
