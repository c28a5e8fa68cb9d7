"""What people hear of publications: what they have to post, what went wrong, what was stopped, what is late."""

from collections.abc import Mapping
from typing import Any

from handlers.core import publication_view as view
from handlers.core import statement_view
from handlers.core.access import may
from handlers.core.look import Look
from handlers.core.message import Card, Outgoing, Tone
from handlers.core.registry import screen
from workflows.publication import OPEN, Publication, State


@screen("publication")
def by_hand(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To who posts it: the text to the letter while it may be posted."""
    one = look.reader.publication(about["ref"])
    texts = look.reader.revisions(look.reader.statement(one.statement))
    return view.card(look, one, next(text.text for text in texts if text.number == one.revision), acts=True)


@screen("publication.trouble")
def trouble(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    one = look.reader.publication(about["ref"])
    return _news(look, one, "publication_trouble", "warning", attempts=one.attempts) if one.state is State.WAITING else None


@screen("publication.failed")
def failed(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    one = look.reader.publication(about["ref"])
    return _news(look, one, "publication_failed", "danger", attempts=one.attempts) if one.state is State.FAILED else None


@screen("publication.waits")
def waits(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    one = look.reader.publication(about["ref"])
    key = "publication_waits" if one.state is State.ASKED else "publication_not_out"
    return _news(look, one, key, "warning", since=one.asked_at, span=look.now - one.asked_at) if one.state in OPEN else None


@screen("publication.stopped")
def stopped(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    one = look.reader.publication(about["ref"])
    return _news(look, one, "publication_stopped", "danger") if one.state is State.STOPPED else None


@screen("publication.late")
def late(look: Look, about: Mapping[str, Any]) -> Outgoing:
    one = look.reader.publication(about["ref"])
    return _news(look, one, "publication_late", "danger", at=one.done_at, although=about["values"]["although"])


def _news(look: Look, one: Publication, key: str, tone: Tone, **values: object) -> Outgoing:
    incident, statement = look.reader.incident(one.incident), look.reader.statement(one.statement)
    said = {"name": look.say("statement.named", ref=one.statement, revision=one.revision, title=statement.title), "number": incident.number}
    text = look.say(f"notice.{key}", outlet=one.title, reason=view.why(look, one), **said, **values)
    writes = may(statement_view.WRITERS, look.person, look.organization)
    buttons = []
    if one.state is State.ASKED:
        buttons.append(view.receipt_button(look, one))
    elif one.state is State.FAILED and writes and statement.released(look.now):
        buttons.append(view.retry_button(look, one))
    if one.state in OPEN and writes:
        buttons.append(view.skip_button(look, one))
    head = look.say("publication.card", outlet=one.title, ref=one.statement, revision=one.revision)
    return Outgoing(text, Card(head, (("", text),), buttons=tuple(buttons), tone=tone, drill=incident.drill))
