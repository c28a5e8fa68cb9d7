"""A refusal as one sentence, with the usage line where the words were at fault."""

from datetime import datetime

from handlers.core.duties import recipients
from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS
from handlers.core.wording import Ours, Words
from workflows.core.errors import BadWords, UserError
from workflows.core.facts import FactSpec, Value
from workflows.core.plan import Plan


def explain(refusal: UserError, words: Words, plan: Plan, now: datetime, command: str) -> tuple[str, str]:
    """(sentence, usage line or empty). People are called by name, codes by their words; a refused move also says what to do next."""
    values = {name: _shown(name, value, words, plan, refusal) for name, value in refusal.values.items()}
    text = words.say(refusal.key, **{**values, "now": now})
    if refusal.key == "house.move":
        text += words.say(what_next(words, str(refusal.values["noun"]), str(refusal.values["state"]), str(refusal.values["verb"])))
    found = COMMANDS.get(command)
    usage = words.say("house.usage", usage=Ours(usage_line(found, words.locale))) if found and isinstance(refusal, BadWords) else ""
    return text, usage


def what_next(words: Words, noun: str, state: str, verb: str) -> str:
    """The sentence on what to do instead, in a state that forbids the move."""
    exact = f"next.{noun}.{state}-{verb}"
    return exact if words.has(exact) else f"next.{noun}.{state}"


def _shown(name: str, value: object, words: Words, plan: Plan, refusal: UserError) -> object:
    organization = plan.organization
    if isinstance(value, tuple):
        return tuple(_shown(name, one, words, plan, refusal) for one in value)
    if value is None and name in ("current", "new"):
        return words.say("grade.not_judged")
    if not isinstance(value, str):
        return value
    if name in ("group", "groups") and value in organization.groups:
        group = organization.groups[value]
        return words.twin(group.name, group.name_en)
    if (found := _of_plan(name, value, words, plan, refusal)) is not None:
        return found
    if name in ("owner", "person", "people", "by", "to") and value in organization.people:
        return organization.people[value].name
    grade = "opinion_level" if refusal.key.startswith(("grade.lowering", "downgrade.")) else "event_grade"
    keys = {
        "noun": f"noun.{value}",
        "verb": f"move.{value}",
        "state": f"code.{refusal.values.get('noun')}_state.{value}",
        "until": f"clock.{value}",
        "level": f"code.response_level.{value}",
        "role": f"role.{value}",
        "current": f"code.{grade}.{value}",
        "new": f"code.{grade}.{value}",
        "to": f"code.{grade}.{value}",
        "unknown": f"indicator.{value}",
        "indicator": f"indicator.{value}",
    }
    key = keys.get(name, "")
    return words.say(key) if words.has(key) else value


def _of_plan(name: str, value: str, words: Words, plan: Plan, refusal: UserError) -> str | None:
    """What the plan has its own words for."""
    if name == "types" and value in plan.playbooks:
        return words.twin(plan.playbooks[value].name, plan.playbooks[value].name_en)
    if name == "fact" and value in plan.facts.specs:
        return fact_name(words, plan.facts.specs[value])
    if name == "choices" and (spec := plan.facts.specs.get(str(refusal.values.get("fact")))):
        return fact_value(words, spec, value)
    if name == "recipients":
        return recipients(words, plan, [value])[0]
    return None


def fact_name(words: Words, spec: FactSpec) -> str:
    return words.twin(spec.name, spec.name_en)


def fact_value(words: Words, spec: FactSpec, value: Value) -> str:
    """A stored fact as people say it."""
    if isinstance(value, bool):
        return words.show(value)
    if isinstance(value, (int, float)):
        return words.percent(value) if spec.kind == "share" else words.number(value)
    if value is None:
        return words.say("flag.open")
    names = spec.values.get(str(value), ())
    return words.show(words.twin(names[0] if names else str(value), spec.values_en.get(str(value), "")))
