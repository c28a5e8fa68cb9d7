"""Where a figure comes from: the row of the trail in which somebody stated it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from handlers.core.explain import fact_value
from handlers.core.look import Look
from handlers.core.screen import screen
from storage.views.reader import Entry
from workflows.core.paper import Line, Source
from workflows.incident import Incident

#: As many rows of the trail as a paper looks at, the latest; an incident of a month has a few thousand.
MOST = 20_000
#: Rows in which facts are stated, in `given`.
STATING = ("noted", "graded", "measured", "lowered", "absorbed")
GRADING = ("graded", "measured", "lowered", "downgraded", "opened")


class Trail:
    """The trail of one incident, asked by figures."""

    def __init__(self, look: Look, incident: Incident) -> None:
        self.look = look
        self.incident = incident
        self.entries: Sequence[Entry] = look.reader.timeline(incident.ref, MOST)

    # Rows

    def own(self, *verbs: str) -> list[Entry]:
        """Rows of the incident itself."""
        return [one for one in self.entries if one.ref == self.incident.ref and one.verb in verbs]

    def last(self, *verbs: str) -> tuple[Source, ...]:
        return self.sources(self.own(*verbs)[-1:])

    def of(self, ref: str, *verbs: str) -> list[Entry]:
        return [one for one in self.entries if one.ref == ref and one.verb in verbs]

    def stated(self, key: str) -> tuple[Source, ...]:
        """Where this fact was last stated."""
        return self.sources([one for one in self.own(*STATING) if key in (one.details.get("given") or {})][-1:])

    def field(self, name: str) -> tuple[Source, ...]:
        """Where one of the first report's own fields got its words."""
        noted = [one for one in self.own("noted") if name in (one.details.get("details") or {})]
        return self.sources((noted or self.own("opened"))[-1:])

    def moment(self, name: str, *verbs: str) -> tuple[Source, ...]:
        """Where a clock was set: the row that says its moment, else the last of `verbs`."""
        at = getattr(self.incident, f"{name}_at")
        said = [one for one in self.own("opened", "noted", "known_set", "absorbed") if _same(one.details.get(f"{name}_at"), at)]
        return self.sources((said or self.own(*verbs))[-1:])

    def sources(self, entries: Iterable[Entry]) -> tuple[Source, ...]:
        return tuple(Source(one.ref, one.version, self.time(one.at), self.actor(one.actor)) for one in entries)

    # Words

    def line(self, text: str, sources: tuple[Source, ...]) -> Line:
        """What people stated: never without where, and client data never but masked."""
        return Line(screen(text).text, sources) if text.strip() and sources else self.unknown()

    def plain(self, text: str) -> Line:
        """What stands beside a figure that says where it comes from."""
        return Line(screen(text).text)

    def unknown(self) -> Line:
        return Line(self.look.say("paper.unknown"))

    def time(self, moment: datetime) -> str:
        local = moment.astimezone(self.look.zone)
        return self.look.say("paper.moment", year=str(local.year), month=local.month, day=local.day, time=f"{local:%H:%M}")

    def actor(self, actor: str) -> str:
        words = self.look.words
        return words.say(f"actor.{actor}") if words.has(f"actor.{actor}") else self.look.name(actor)

    def code(self, value: Any) -> str:
        return self.look.words.show(value) if value is not None else ""

    def fact(self, key: str) -> Line:
        """A fact as somebody stated it; what the plan starts with was said by nobody."""
        spec, value = self.look.reader.plan_of(self.incident).facts.specs.get(key), self.incident.facts.get(key)
        if spec is None or value is None or key not in self.incident.said:
            return self.unknown()
        if spec.kind == "moment":
            return self.line(self.time(datetime.fromisoformat(str(value))), self.stated(key))
        return self.line(fact_value(self.look.words, spec, value) + (spec.unit if spec.kind == "number" else ""), self.stated(key))


def _same(kept: Any, at: datetime | None) -> bool:
    return bool(kept) and at is not None and datetime.fromisoformat(str(kept)) == at
