"""Who hears a reminder of an item, and in which ways."""

from dataclasses import dataclass, replace
from datetime import timedelta

from workflows.core.channels import Reach, beyond, rings, spread, ways
from workflows.core.escalation import Audience
from workflows.core.facts import Value
from workflows.core.outcome import Notice, Ring
from workflows.core.response import Response


@dataclass(frozen=True, slots=True)
class Told:
    """The rung by its own ways; the `owner`, who hears whatever goes up about their item, by those of the first.

    `early`: a reminder of a due that is still to come is a message and no more, as far as the rung sends one · `duty`: who is called in
    the control group's name.
    """

    heard: Audience
    owner: str | None
    response: Response
    reach: Reach
    early: bool = False
    duty: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*((self.owner,) if self.owner else ()), *self.heard.people)))

    def by(self, person: str) -> tuple[str, ...]:
        return self._ways if person in self.heard.people else self._of(0)

    @property
    def _ways(self) -> tuple[str, ...]:
        return () if self.heard.exhausted else self._of(self.heard.level)

    def _of(self, rung: int) -> tuple[str, ...]:
        by = self.response.rungs[rung].by
        return ("card",) if self.early and "card" in by else by

    @property
    def _wait(self) -> timedelta:
        return self.response.terminal_repeat if self.heard.exhausted else self.response.rungs[self.heard.level].wait

    def trail(self) -> dict[str, Value]:
        """Ways beside the message, and who has them not."""
        cannot = {person: list[Value](these) for person, these in beyond(self.people, self.by, self.reach).items()}
        by: dict[str, Value] = {"by": list[Value](self._ways)} if set(self._ways) - {"card"} else {}
        return {**by, **({"cannot": dict[str, Value](cannot)} if cannot else {})}

    def notices(self, notice: Notice, mention: Notice) -> tuple[Notice, ...]:
        """`notice` to each of them with what follows it, and `mention` of the same in the incident's chats where the rung says so."""
        spoken = spread(replace(notice, to=self.people), self.by, self._wait, self.reach)
        if "mention" not in self._ways:
            return spoken
        values = {**notice.values, "people": list[Value](self.heard.people)}
        return (*spoken, replace(mention, values=values, urgency=notice.urgency, hold=notice.hold))

    def last_rings(self) -> tuple[Ring, ...]:
        """How the control group's duty officer hears of the last word."""
        return rings(ways(self.response.terminal_by, self.reach(self.duty)), self._wait) if self.duty else ()
