"""What a statement's text is made of: facts of the incident as people read them, in a template's places."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers.core.explain import fact_name, fact_value
from handlers.core.wording import Words, seen
from workflows.core.facts import Value
from workflows.core.people import Firm
from workflows.core.plan import Plan
from workflows.core.template import CAUSE, CAUSE_CONFIRMED, INCIDENT, NEXT, Template, fill, says, slots
from workflows.incident import Incident

#: Facts of an incident that a text may use, of the plan's own with this before their key.
FACT = "fact."
#: The moment of writing: it is put into the text, and is no fact that changes.
NOW = "now"


@dataclass(frozen=True, slots=True)
class Source:
    """The one source of what a statement says: an incident, under its plan, at a moment."""

    words: Words
    plan: Plan
    firm: Firm
    incident: Incident
    now: datetime

    @property
    def known(self) -> dict[str, Value]:
        """Key -> value of all that a text may use; a moment as RFC 3339."""
        own = self.incident
        moments = {"occurred": own.occurred_at, "known": own.known_at, "recovered": own.recovered_at, NOW: self.now}
        texts = {"number": own.number, "title": own.title, "type": own.type, "system": own.system, "place": own.place}
        stated: dict[str, Value] = {f"{FACT}{key}": own.facts.get(key) for key in self.plan.facts.specs}
        return {
            **{key: value or None for key, value in texts.items()},
            **{key: at.isoformat() if at else None for key, at in moments.items()},
            "firm": self.firm.name,
            **stated,
        }

    @property
    def cause_confirmed(self) -> bool:
        return self.incident.facts.get(CAUSE_CONFIRMED) is True

    @property
    def cause(self) -> str:
        return str(self.incident.facts.get(CAUSE) or "")

    def name(self, key: str) -> str:
        """What people call a fact of `known`."""
        if key.startswith(FACT):
            return fact_name(self.words, self.plan.facts.specs[key.removeprefix(FACT)])
        names = [name for name, own in INCIDENT.items() if own == key]
        return names[0] if self.words.locale == "zh" else names[-1]

    def shown(self, key: str, value: Value) -> str:
        """A value of `known` as a statement says it."""
        if value is None:
            return ""
        if key.startswith(FACT):
            spec = self.plan.facts.specs[key.removeprefix(FACT)]
            return self.moment(str(value)) if spec.kind == "moment" else fact_value(self.words, spec, value)
        if key in ("occurred", "known", "recovered", NOW):
            return self.moment(str(value))
        if key == "type":
            book = self.plan.playbooks[str(value)]
            return self.words.twin(book.name, book.name_en)
        return str(value)

    def moment(self, text: str) -> str:
        local = datetime.fromisoformat(text).astimezone(self.words.zone)
        return self.words.say("statement.moment", month=local.month, day=local.day, clock=f"{local:%H:%M}")

    def change(self, key: str, was: Value, value: Value) -> str:
        """「系统」由 … 变为 …"""
        old, new = (self.shown(key, one) or "—" for one in (was, value))
        return self.words.say("statement.change", name=self.name(key), was=old, now_is=new)

    def from_template(self, template: Template, fields: Mapping[str, Value]) -> tuple[str, dict[str, Value]]:
        """The text, and the facts that it used."""
        known, used = self.known, dict[str, Value]()
        values: dict[str, str] = {}
        for slot in slots(template, self.plan.facts):
            key = f"{FACT}{slot.key}" if slot.by == "fact" else slot.key
            if slot.by == "author" and template.fields[slot.name] == CAUSE:
                used |= {f"{FACT}{one}": known.get(f"{FACT}{one}") for one in (CAUSE, CAUSE_CONFIRMED)}
                values[slot.name] = (self.cause if self.cause_confirmed else "") or str(fields.get(slot.name) or "")
            elif slot.by == "author":
                values[slot.name] = self.given(template, slot.name, fields)
            else:
                used |= {key: known[key]} if key != NOW else {}
                values[slot.name] = self.shown(key, known[key])
        text = seen(fill(template.text.strip(), values))
        return text, used | self.cause_in(text)

    def given(self, template: Template, name: str, fields: Mapping[str, Value]) -> str:
        """What the author filled in, as the text says it."""
        value = str(fields.get(name) or "")
        return self.moment(value) if value and template.fields[name] == NEXT else value

    def from_hand(self, text: str, before: Mapping[str, Value]) -> tuple[str, dict[str, Value]]:
        """A text that somebody wrote: it uses what the text before it used, and every fact that stands in it to the letter."""
        known = self.known
        said = {key: self.shown(key, value) for key, value in known.items() if key != NOW}
        found = [key for key, shown in said.items() if key in before or (len(shown) > 1 and shown in text)]
        return text, {key: known[key] for key in found} | self.cause_in(text)

    def cause_in(self, text: str) -> dict[str, Value]:
        """The facts that a text hangs on which says the incident's cause, wherever it says it."""
        if len(self.cause) < 2 or not says(text, self.cause):
            return {}
        return {f"{FACT}{key}": self.incident.facts.get(key) for key in (CAUSE, CAUSE_CONFIRMED) if key in self.plan.facts.specs}

    def too_early(self, text: str) -> bool:
        """Whether it says a cause that is not confirmed."""
        return not self.cause_confirmed and self.cause.strip(" 。.") not in self.plan.wording.cause_open and bool(self.cause_in(text))
