"""What can go wrong between the product and a platform, planned per route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tests.simulators.core.clock import Clock

Kind = Literal["delay", "hang", "reset_before", "reset_after", "html", "empty", "truncated", "throttle", "dead_token", "answer"]


@dataclass
class Fault:
    """`reset_before`: the connection dies and nothing was done · `reset_after`, `empty`, `truncated`: it was done, and the answer is lost ·
    `delay`, `hang`: real seconds · `throttle`: refused for `seconds` · `answer`: this code, with this status."""

    kind: Kind
    times: int = 1
    seconds: float = 0.2
    status: int = 502
    code: int = 0
    message: str = "planned"
    until: datetime | None = None
    skip: int = 0
    """so many calls go by unharmed first"""


@dataclass
class Faults:
    clock: Clock
    planned: dict[str, list[Fault]] = field(default_factory=dict)

    def add(self, route: str, kind: Kind, times: int = 1, **how: float | str) -> None:
        """On `route` (as `METHOD /path/:id`, or `*`), the next `times` times."""
        fault = Fault(kind, times)
        for name, value in how.items():
            assert hasattr(fault, name), name
            setattr(fault, name, value)
        self.planned.setdefault(route, []).append(fault)

    def outage(self, seconds: float, kind: Kind = "html", route: str = "*") -> None:
        """Everything fails until the clock has been pushed on."""
        self.planned.setdefault(route, []).append(Fault(kind, 1_000_000_000, until=self.clock() + timedelta(seconds=seconds)))

    def clear(self) -> None:
        self.planned.clear()

    def take(self, route: str) -> Fault | None:
        for name in (route, "*"):
            for fault in self.planned.get(name, ()):
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times > 0 and (fault.until is None or self.clock() < fault.until):
                    fault.times -= 1
                    return fault
        return None


@dataclass(frozen=True)
class Request:
    """One call, as it came. `route` has its ids by name."""

    method: str
    path: str
    route: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    ids: Mapping[str, str]
    caller: str = ""
    """the address it came from"""


@dataclass
class Recorded:
    """`code`: what was answered (None: no JSON, or nothing at all) · `fault`: what was planned for it."""

    request: Request
    status: int = 0
    code: int | str | None = None
    fault: str = ""
