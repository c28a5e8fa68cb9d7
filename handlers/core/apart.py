"""An answer of which a room is shown a part: the room reads its part and that there is more, who asked reads the whole, alone."""

from collections.abc import Iterable
from dataclasses import replace

from handlers.core.audience import shows, tells
from handlers.core.look import Look
from handlers.core.message import Outgoing, Reply
from handlers.core.registry import Command
from handlers.core.wording import Words

#: A field of `core.audience` (or nothing, where everybody may read it) and a line that tells it.
Line = tuple[str, str]


def answered(look: Look, shown: str, whole: str, ref: str | None = None) -> Reply:
    """What the room may read of the whole."""
    return Reply(whole, ref=ref) if shown == whole else Reply(f"{shown}\n{look.say('room.alone')}".lstrip(), ref=ref, whole=whole)


def told(look: Look, lines: Iterable[Line], ref: str | None = None) -> Reply:
    """Those of the lines that the room may read."""
    found = [(field, line) for field, line in lines if line]
    shown = "\n".join(line for field, line in found if not field or look.shows(field))
    return answered(look, shown, "\n".join(line for _, line in found), ref)


def parted(audience: str, command: Command, reply: Reply, words: Words) -> tuple[Reply, Outgoing | None]:
    """What the room reads, and what goes to the one who asked besides."""
    shown = all(shows(audience, field) for field in command.tells.split()) and tells(audience, reply.error or "")
    if shown or not reply.text:
        return replace(reply, whole=""), Outgoing(reply.whole) if reply.whole else None
    text = words.say("room.refused" if reply.error else "room.answered")
    whole = reply.whole or "\n".join(part for part in (reply.text, reply.usage) if part)
    return replace(reply, text=text, usage="", card=None, whole=""), Outgoing(whole, reply.card)
