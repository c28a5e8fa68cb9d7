"""What is said by telephone, text message and mail: the reminder in three lines at most, and how to answer it there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handlers.core.forms import command_of
from handlers.core.look import Look
from handlers.core.message import Button, Outgoing
from handlers.core.wording import Ours
from workflows.incident import Incident
from workflows.task import State

#: What fits into one text message, of which the link must not be cut.
LONGEST = 255
#: What may be answered by a digit, and by the same in words. Never an approval.
ANSWERS: Mapping[str, str] = {"1": "seen", "收到": "seen", "2": "claim", "认领": "claim"}

#: A one-time form for the reader, from the button that it stands for.
MakeLink = Callable[[Button], str]


def ring_text(
    look: Look, by: str, incident: Incident, abouts: Sequence[Mapping[str, Any]], drawn: Sequence[Outgoing], link: MakeLink, page: str
) -> str:
    """`drawn`: the reminders as a messenger shows them, one for each of `abouts` (`incident`: of the first) · `page`: where one logs in."""
    by_ref = dict(zip((one["ref"] for one in abouts), zip(abouts, drawn, strict=True), strict=True))  # said once
    abouts, drawn = zip(*by_ref.values(), strict=True)
    tail = _how_to_answer(look, by, abouts, drawn, link, page)
    head = _what(look, incident, abouts, drawn)
    if by == "call":
        head = look.say("ring.spoken", product=look.say("product.name"), text=head)
    room = LONGEST - len(tail) - 1
    return f"{head if len(head) <= room or by == 'mail' else head[: room - 1] + '…'}\n{tail}"


def _what(look: Look, incident: Incident, abouts: Sequence[Mapping[str, Any]], drawn: Sequence[Outgoing]) -> str:
    refs = look.words.join([one["ref"] for one in abouts])
    if incident.restricted:
        text = look.say("ring.restricted", ref=refs, number=incident.number)
    elif len(abouts) > 1:
        text = look.say("ring.several", count=len(abouts), refs=refs)
    else:
        text = drawn[0].text.split("\n")[0]
    return look.say("ring.drill", text=text) if incident.drill else text


def _how_to_answer(look: Look, by: str, abouts: Sequence[Mapping[str, Any]], drawn: Sequence[Outgoing], link: MakeLink, page: str) -> str:
    lines = []
    tasks = all(one["ref"].startswith("T") for one in abouts)
    if tasks and by in ("call", "sms"):
        free = len(abouts) == 1 and look.reader.task(abouts[0]["ref"]).state is State.OPEN
        said = ("ring.press_claim" if free else "ring.press") if by == "call" else ("ring.reply_claim" if free else "ring.reply")
        lines.append(look.say(said))
    if by != "call" or not tasks:
        lines.append(_link(look, abouts, drawn, link, page) if by != "call" else look.say("ring.clock"))
    return "\n".join(lines)


def _link(look: Look, abouts: Sequence[Mapping[str, Any]], drawn: Sequence[Outgoing], link: MakeLink, page: str) -> str:
    """A form for the first thing to do, where there is one thing and nobody has to prove who they are; else the page with the login."""
    card = drawn[0].card if len(abouts) == 1 else None
    button = card.buttons[0] if card is not None and card.buttons else None
    if button is None or command_of(button.command).four_eyes:
        return look.say("ring.look", link=Ours(page))
    return look.say("ring.link", label=button.label, link=Ours(link(button)))
