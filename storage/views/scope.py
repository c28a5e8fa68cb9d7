"""Who is looking. Made only by `handlers.core.access` (a test proves it); every reader takes one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """`person` is empty for the house itself (drawing cards for a chat). `member`: in the plan; others see nothing ·
    `room`: (platform, chat) of the group in which they ask and others read along."""

    person: str
    member: bool
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    room: tuple[str, str] | None = None
