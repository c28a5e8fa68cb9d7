"""收到 of one person: for how long what they have heard of an item is not said to them again. It stops nothing else.

It quiets repeats of the rung that had spoken, for a while that the plan says. What is news is told: the item was touched, a higher rung
speaks, its time has come.
"""

from dataclasses import dataclass
from datetime import datetime

from workflows.core.response import Response


@dataclass(frozen=True, slots=True)
class Seen:
    """Said at `at` by somebody who had received what the rung `level` said; of an item that nobody has touched since."""

    level: int
    at: datetime

    def until(self, response: Response, due: datetime | None) -> datetime:
        """When repeats of that rung are told again: after `seen_for`, or as soon as `due` has come, of which 收到 before said nothing."""
        ends = self.at + response.seen_for
        return min(ends, due) if due is not None and due > self.at else ends

    def quiets(self, level: int, response: Response, due: datetime | None, now: datetime) -> bool:
        return level <= self.level and now < self.until(response, due)
