"""A refusal as one sentence, with the usage line where the words were at fault."""

from datetime import datetime

from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS
from handlers.core.wording import Ours, Words
from workflows.core.errors import BadWords, UserError
from workflows.core.people import Organization


def explain(refusal: UserError, words: Words, organization: Organization, now: datetime, command: str) -> tuple[str, str]:
    """(sentence, usage line or empty). People are called by name, codes by their words."""
    values = {name: _shown(name, value, words, organization, refusal) for name, value in refusal.values.items()}
    text = words.say(refusal.key, **{**values, "now": now})
    found = COMMANDS.get(command)
    usage = words.say("house.usage", usage=Ours(usage_line(found, words.locale))) if found and isinstance(refusal, BadWords) else ""
    return text, usage


def _shown(name: str, value: object, words: Words, organization: Organization, refusal: UserError) -> object:
    if not isinstance(value, str):
        return value
    if name in ("owner", "person", "by", "to") and value in organization.people:
        return organization.people[value].name
    keys = {
        "noun": f"noun.{value}",
        "verb": f"move.{value}",
        "state": f"code.{refusal.values.get('noun')}_state.{value}",
        "until": f"clock.{value}",
        "level": f"code.response_level.{value}",
        "role": f"role.{value}",
    }
    key = keys.get(name, "")
    return words.say(key) if words.has(key) else value
