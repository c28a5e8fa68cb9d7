"""A refusal as one sentence, with the usage line where the words were at fault."""

from datetime import datetime

from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS
from handlers.core.wording import Ours, Words
from workflows.core.errors import BadWords, UserError
from workflows.core.facts import FactSpec, Value
from workflows.core.people import Organization


def explain(refusal: UserError, words: Words, organization: Organization, now: datetime, command: str) -> tuple[str, str]:
    """(sentence, usage line or empty). People are called by name, codes by their words."""
    values = {name: _shown(name, value, words, organization, refusal) for name, value in refusal.values.items()}
    text = words.say(refusal.key, **{**values, "now": now})
    found = COMMANDS.get(command)
    usage = words.say("house.usage", usage=Ours(usage_line(found, words.locale))) if found and isinstance(refusal, BadWords) else ""
    return text, usage


def _shown(name: str, value: object, words: Words, organization: Organization, refusal: UserError) -> object:
    if isinstance(value, tuple):
        return tuple(_shown(name, one, words, organization, refusal) for one in value)
    if value is None and name in ("current", "new"):
        return words.say("grade.not_judged")
    if not isinstance(value, str):
        return value
    if name in ("group", "groups") and value in organization.groups:
        group = organization.groups[value]
        return group.name_en or group.name if words.locale == "en" else group.name
    if name in ("owner", "person", "by", "to") and value in organization.people:
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


def fact_name(words: Words, spec: FactSpec) -> str:
    return spec.name if words.locale == "zh" else spec.name_en or spec.name


def fact_value(words: Words, spec: FactSpec, value: Value) -> str:
    """A stored fact as people say it."""
    if isinstance(value, bool):
        return words.show(value)
    if isinstance(value, (int, float)):
        return words.percent(value) if spec.kind == "share" else words.number(value)
    if value is None:
        return words.say("flag.open")
    names = spec.values.get(str(value), ())
    return names[0] if names and words.locale == "zh" else words.show(str(value))
