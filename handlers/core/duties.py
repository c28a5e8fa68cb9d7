"""A plan's duties in the installation's language: what they are called, whom they go to, on what they rest."""

from collections.abc import Iterable

from handlers.core.wording import Words
from workflows.core.obligation import Obligation
from workflows.core.plan import Plan
from workflows.core.playbook import TaskLine
from workflows.incident import COMMON, Incident


def duty_line(plan: Plan, incident: Incident, duty: str) -> TaskLine | None:
    """The line of a playbook of this incident that names the duty, a type's before that of every incident: who does it, who signs."""
    books = sorted(incident.playbooks, key=lambda name: name == COMMON)
    lines = (line for name in books for line in plan.playbooks[name].lines)
    return next((line for line in lines if line.obligation == duty), None)


def duty_name(words: Words, duty: Obligation) -> str:
    return words.twin(duty.name, duty.name_en)


def certainty(words: Words, duty: Obligation) -> str:
    """What its figures are, and how far they have been read: none of them is law but where the plan says so."""
    return words.say(
        "report.certainty", binding=words.say(f"report.binding_{duty.binding}"), read=words.say(f"report.read_{duty.confidence}")
    )


def recipients(words: Words, plan: Plan, names: Iterable[str]) -> list[str]:
    """Records keep recipients as the plan wrote them; people read the twin, where the plan has one."""
    twins = {zh: en for duty in plan.obligations.values() for zh, en in zip(duty.to, duty.to_en, strict=False)}
    return [words.twin(name, twins.get(name, "")) for name in names]


def as_kept(plan: Plan, names: Iterable[str]) -> list[str]:
    """The other way: recipients as people wrote them, in either language, to those of the plan."""
    twins = {en.casefold(): zh for duty in plan.obligations.values() for zh, en in zip(duty.to, duty.to_en, strict=False)}
    return [twins.get(name.casefold(), name) for name in names]


def checks(words: Words, duties: Iterable[Obligation]) -> list[str]:
    """What the second person makes sure of before these duties are waived, each question once."""
    return list(dict.fromkeys(words.twin(duty.check, duty.check_en) for duty in duties if duty.check))
