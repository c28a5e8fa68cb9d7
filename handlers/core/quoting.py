"""Answering by reference: the text of a statement, whose bytes are those that were agreed to, at the moment it is said."""

import re

from handlers.core.context import Context
from handlers.core.statements import follow, latest
from handlers.core.tokens import fold
from workflows.core.errors import BadWords, NotFound
from workflows.core.quote import Quote, quote
from workflows.incident import Incident
from workflows.statement import Statement

_STATEMENT = re.compile(r"[ \n,、。]*s[ ]?([0-9]{1,9})(?:[ ]?v[0-9]+)?[ \n,、。!.]*")


def quoted(context: Context, incident: Incident, typed: str, *, inside: bool) -> Quote:
    """What `typed` names: of this incident, or of the one that it was merged into. Words of one's own are refused."""
    found = _STATEMENT.fullmatch(fold(typed).shape)
    if not found:
        raise BadWords("quote.which")
    ref = f"S{int(found.group(1))}"
    whose = context.uow.incident_of(context.uow.load(Statement, ref))
    if whose.ref != incident.ref and not (whose.ref == incident.merged_into and context.reader.sees(whose)):
        raise NotFound("house.not_found", ref=ref)
    follow(context, whose)  # nothing that has changed meanwhile is quoted
    statement = context.uow.load(Statement, ref)
    return quote(statement, latest(context, statement).text, context.now, inside=inside)
