"""What a screen has in its hands: a reader, the words, and the moment of drawing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.core.audience import WHOLE, audience_in, shows
from handlers.core.context import Context
from handlers.core.message import Tone
from handlers.core.wording import Words
from storage.views.reader import Reader
from workflows.core.people import Organization
from workflows.core.response import Response
from workflows.core.rubric import ResponseLevel
from workflows.incident import Incident

TONES: Mapping[ResponseLevel, Tone] = {
    ResponseLevel.L4: "info",
    ResponseLevel.L3: "warning",
    ResponseLevel.L2: "danger",
    ResponseLevel.L1: "danger",
}


@dataclass(frozen=True, slots=True)
class Look:
    """`person` is who will read it; empty for a chat of several, of which `audience` says who sits there."""

    reader: Reader
    words: Words
    zone: ZoneInfo
    now: datetime
    person: str = ""
    audience: str = WHOLE

    @classmethod
    def of(cls, context: Context) -> "Look":
        """For who asks, where they ask: in a group chat others read along."""
        audience = audience_in(context.organization, context.message)
        return cls(context.reader, context.words, context.zone, context.now, context.person, audience)

    def shows(self, field: str) -> bool:
        return shows(self.audience, field)

    @property
    def organization(self) -> Organization:
        return self.reader.organization_at(self.now)

    def say(self, key: str, /, **values: object) -> str:
        return self.words.say(key, now=self.now, **values)

    def name(self, person: str | None) -> str:
        """A person as people call them; people who have left keep their id."""
        found = self.organization.people.get(person or "")
        return found.name if found else person or self.words.say("word.nobody")

    def names(self, people: list[str] | tuple[str, ...]) -> str:
        return self.words.join([self.name(p) for p in people])

    def time(self, moment: datetime) -> str:
        return self.words.time(moment, self.now)

    def response(self, incident: Incident) -> Response:
        return self.reader.plan_of(incident).observed(incident.response_level, self.now, self.zone, provisional=incident.provisional)

    def tone(self, incident: Incident) -> Tone:
        return TONES[incident.response_level]

    def level(self, incident: Incident) -> str:
        response = self.response(incident)
        return response.name if self.words.locale == "zh" else response.name_en


def missed_of(look: Look, values: Mapping[str, Any]) -> str:
    """How many rounds one message stands for, when the house could not say them; rows of before know nothing of it."""
    return look.say("reminder.missed", count=values["missed"] + 1) if values.get("missed") else ""
