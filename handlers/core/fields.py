"""Fields of a form, derived from what a command takes and what the plan knows: nothing is listed twice."""

from collections.abc import Iterable
from dataclasses import Field as Argument
from dataclasses import dataclass
from typing import Any

from handlers.core.explain import fact_name, fact_value
from handlers.core.message import Field
from handlers.core.registry import COMMANDS, Kind
from handlers.core.wording import Words
from workflows.core.facts import FactSpec, Value
from workflows.core.people import Person
from workflows.core.plan import Plan
from workflows.core.rubric import Indicator, Measure

Options = tuple[tuple[str, str], ...]

#: What a choice between values is called where people pick instead of type.
_CHOICES: tuple[Kind, ...] = ("type", "group", "level", "flag", "score")


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields for one command, in one language, against one plan."""

    words: Words
    plan: Plan
    command: str

    def of(self, name: str, label: str = "", *, options: Options = (), required: bool = False, hint: str = "") -> Field:
        """The field for an argument of the command; `options` where there are fewer than its kind allows."""
        argument = next(one for one in COMMANDS[self.command].arguments if one.name == name)
        kind: Kind = argument.metadata["kind"]
        label, required = label or self.words.say(f"form.{name}"), required or bool(argument.metadata.get("required"))
        if kind in ("time", "begins", "ends", "person"):
            return Field(name, label, "person" if kind == "person" else "time", options, required=required, hint=hint)
        if options or kind in _CHOICES:
            return Field(name, label, "choice", options or self._options(kind), required=required, hint=hint)
        return Field(name, label, "long" if _is_rest(argument) else "text", required=required, hint=hint)

    def fact(self, key: str, *, hint: str = "") -> Field:
        """The field for a fact of the plan."""
        spec = self.plan.facts.specs[key]
        options = _options_of(spec, self.words)
        if spec.kind == "number" and not hint:
            hint = self.words.say("form.number", unit=spec.unit)
        kind = "choice" if options else "time" if spec.kind == "moment" else "text"
        return Field(key, fact_name(self.words, spec), kind, options, hint=hint)  # type: ignore[arg-type]  # one of three

    def score(self, indicator: Indicator) -> Field:
        """An indicator scored by hand, each score with what the rubric means by it."""
        options = ((str(score), self._meaning(indicator, score)) for score in (1, 2, 3, 4))
        return Field(indicator.key, indicator.name if self.words.locale == "zh" else indicator.name_en, "choice", tuple(options))

    def people(self, people: Iterable[str]) -> Options:
        known = self.plan.organization.people
        return tuple((one, _named(known[one])) for one in dict.fromkeys(people) if one in known)

    def _options(self, kind: Kind) -> Options:
        zh = self.words.locale == "zh"
        if kind == "type":
            return tuple((b.type, b.name if zh else b.name_en or b.name) for b in self.plan.playbooks.values() if b.type != "common")
        if kind == "group":
            return tuple((g.id, g.name if zh else g.name_en or g.name) for g in self.plan.organization.groups.values())
        if kind == "level":
            return tuple((str(r.level), r.name if zh else r.name_en or r.name) for r in self.plan.responses.values())
        if kind == "score":
            return tuple((str(score), str(score)) for score in (1, 2, 3, 4))
        return ("yes", self.words.say("flag.yes")), ("no", self.words.say("flag.no"))

    def _meaning(self, indicator: Indicator, score: int) -> str:
        means = [said for measure in indicator.measures if (said := self._measured(measure, score))]
        words = self.words
        return words.say("form.score", score=score, means=words.join(means)) if means else words.say("form.score_bare", score=score)

    def _measured(self, measure: Measure, score: int) -> str:
        """What gives an indicator this score by this measure; nothing where no value does, or every value."""
        spec = self.plan.facts.specs[measure.fact]
        name = min((spec.name, *spec.names), key=len) if self.words.locale == "zh" else fact_name(self.words, spec)
        if measure.kind == "number":
            step = measure.steps[score - 1]
            return self.words.say("form.from", name=name, value=fact_value(self.words, spec, step)) if step else ""
        if measure.kind == "condition":
            return name if score == measure.score else ""
        codes = [fact_value(self.words, spec, code) for code, points in measure.scores.items() if points == score]
        return self.words.say("form.is", name=name, value=self.words.say("form.or").join(codes)) if codes else ""


def _is_rest(argument: Argument[Any]) -> bool:
    return (argument.metadata["part"], argument.metadata["kind"]) == ("rest", "text")


def _named(person: Person) -> str:
    return f"{person.name} · {person.title}" if person.title else person.name


def _options_of(spec: FactSpec, words: Words) -> Options:
    if spec.kind == "condition":
        return ("yes", words.say("flag.yes")), ("no", words.say("flag.no")), ("open", words.say("flag.open"))
    return tuple((code, fact_value(words, spec, code)) for code in spec.values) if spec.kind == "choice" else ()


def current(words: Words, spec: FactSpec, value: Value) -> str:
    """What is known already, as the hint of a field that starts empty: a card that is old must not state it anew."""
    return words.say("form.current", value=fact_value(words, spec, value)) if value is not None else ""
