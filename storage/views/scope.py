"""Who is looking. Made only by `handlers.core.access` (a test proves it); every reader takes one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """`person` is empty for the house itself (drawing cards for a chat). `member`: in the plan; others see nothing."""

    person: str
    member: bool
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
