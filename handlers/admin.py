"""For those who look after the system: what was given up, and trying it again. Never what a message says."""

import re
from dataclasses import dataclass
from datetime import timedelta

from handlers.core.context import Context
from handlers.core.message import Button, Card, Reply
from handlers.core.reasons import reason
from handlers.core.registry import command, rest
from workflows.core.errors import BadWords, NotFound

#: As many as one message holds; the rest is found once these are settled.
MOST = 10
#: Of how long receipts are told.
LATELY = timedelta(days=1)
_WHICH = re.compile(r"(inbox|outbox|timer)[:: ]\s*([0-9]{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Which:
    which: str = rest("编号", "which")


@command("admin queue", Which, zh="管理 队列", who="keeper:administrator")
def queue(context: Context, given: Which) -> Reply:
    """What could not be sent or handled; with a number it is tried again."""
    if not given.which.strip():
        return _listed(context)
    found = _WHICH.fullmatch(given.which.strip())
    if found is None:
        raise BadWords("admin.which")
    name, number = found[1].lower(), int(found[2])
    if not context.uow.revive(name, number):
        raise NotFound("admin.gone", which=f"{name}:{number}")
    return context.say("admin.revived", which=f"{name}:{number}")


def _listed(context: Context) -> Reply:
    rows, unheard = context.uow.buried(MOST), [*_on_their_way(context), *_resting(context), *_unheard(context)]
    if not rows:
        return Reply("\n".join([context.words.say("admin.nothing"), *unheard]))
    lines = tuple(
        (
            f"{row.queue}:{row.id}",
            context.words.say("admin.row", about=row.about, error=reason(context.words, row.error), since=row.since, now=context.now),
        )
        for row in rows
    )
    say = context.words.say
    buttons = tuple(Button(say("button.revive", which=f"{row.queue}:{row.id}"), f"/admin queue {row.queue}:{row.id}") for row in rows[:6])
    card = Card(say("admin.head", count=len(rows)), (*lines, *(("", line) for line in unheard)), say("admin.note"), buttons, "warning")
    text = "\n".join([say("admin.head", count=len(rows)), *(f"{name} {value}" for name, value in lines), say("admin.note"), *unheard])
    return Reply(text, card=card)


def _on_their_way(context: Context) -> list[str]:
    """Publications that went wrong and are tried again."""
    say, words = context.words.say, context.words
    rows = context.uow.postings_in_trouble(MOST)
    return [
        say("admin.posting", ref=row.ref, row=f"outbox:{row.id}", error=reason(words, row.error or ""), due=row.due, now=context.now)
        for row in rows
    ]


def _resting(context: Context) -> list[str]:
    """What waits because a platform's month is used up."""
    say = context.words.say
    return [say("admin.month", platform=say(f"platform.{name}"), count=count) for name, count in context.uow.held_back().items()]


def _unheard(context: Context) -> list[str]:
    """Where messages to single people were taken by a platform and nothing has been heard of them since: taken is not arrived."""
    say = context.words.say
    return [
        say(
            "admin.receipts",
            platform=say(f"platform.{one.platform}"),
            accepted=one.accepted,
            delivered=one.delivered,
            read=one.read,
            failed=one.failed,
            silent=one.silent,
            hours=LATELY.days * 24,
        )
        for one in context.uow.told(context.now - LATELY)
        if one.silent or one.failed
    ]
