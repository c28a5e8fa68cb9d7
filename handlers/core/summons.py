"""Parts of what is said once: to whom in a room, and moments as they were kept."""

from datetime import datetime
from typing import Any

from handlers.core.look import Look
from handlers.core.message import Outgoing


def summons(look: Look, incident: str, people: list[str]) -> Outgoing:
    """In a room that may not read what it is about: to whom, and where they read it."""
    text = look.say("reminder.summons", people=look.names(people), number=look.reader.incident(incident).number)
    return Outgoing(text, None, tuple(people))


def to_people(look: Look, people: list[str], text: str) -> str:
    """With the names before it: not every messenger shows whom a message mentions."""
    return look.say("reminder.mention", people=look.names(people), text=text)


def moment_of(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
