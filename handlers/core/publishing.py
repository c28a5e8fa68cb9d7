"""From an approved text to what leaves the house: asked for at an outlet, looked at again as it is sent, and what became of it."""

from datetime import datetime, timedelta

from handlers.core.context import Context
from handlers.core.house import Own
from handlers.core.statements import latest, objections, posters, writers
from storage.database import Transaction
from workflows import publication as rules
from workflows import statement as statements
from workflows.core.errors import NotFound
from workflows.core.facts import Value
from workflows.core.outlet import BY_HAND, BY_MACHINE, Outlet, OutletKind
from workflows.incident import Incident
from workflows.publication import Piece, Publication, State
from workflows.statement import State as Stage
from workflows.statement import Statement


class Publishing(Own):
    """What a transport asks of the house."""

    def piece(self, ref: str) -> Piece | None:
        """What is to leave now; None when it no longer is, which is noted in the same commit where it is news."""
        return self.house.database.write(lambda tx: self._piece(tx, ref))

    def _piece(self, tx: Transaction, ref: str) -> Piece | None:
        return piece_of(self.by_clock(tx, f"publish:{ref}"), ref)


def piece_of(context: Context, ref: str) -> Piece | None:
    """Its bytes are those that people agreed to, as things are at this moment; else it is stopped, and they hear why."""
    try:
        publication = context.uow.load(Publication, ref)
    except NotFound:
        return None
    if publication.state is not State.WAITING:
        return None
    statement, incident = context.uow.load(Statement, publication.statement), context.uow.incident_of(publication)
    if incident.drill:
        return None
    if reason := why_not(context, incident, statement, publication):
        context.uow.apply(rules.stop(publication, reason=reason, to=concerned(context, publication)))
        return None
    outlet = context.uow.current_plan().outlets.get(publication.outlet)
    if outlet is None or outlet.kind is not publication.by_way:
        gone = context.words.say("publication.outlet_gone", outlet=publication.outlet)
        failed(context, publication, gone, final=True)
        return None
    return Piece(
        publication=publication.ref,
        statement=publication.statement,
        revision=publication.revision,
        kind=publication.kind,
        title=statement.title,
        text=latest(context, statement).text.encode(),
        sha256=publication.digest,
        replaces=publication.replaces,
        asked_at=publication.asked_at,
        outlet=outlet,
        key=rules.key_of(publication, incident.number),
    )


def why_not(context: Context, incident: Incident, statement: Statement, publication: Publication) -> str:
    """Why a publication must not leave now; empty when it may."""
    if (statement.revision, statement.digest) != (publication.revision, publication.digest):
        return context.words.say("publication.other_text", ref=statement.ref, revision=statement.revision)
    return context.words.join(objections(context, incident, statement))


def send_off(context: Context, publication: Publication, outlet: Outlet) -> None:
    """The row by which it leaves, one after the other at each outlet."""
    if outlet.kind is not OutletKind.MANUAL:
        context.uow.put_out("publish", publication.ref, publication.incident, lane=f"outlet:{outlet.name}", platform="outlet")


def concerned(context: Context, publication: Publication) -> tuple[str, ...]:
    """Who writes, who asked for it, and who posts it."""
    statement = context.uow.load(Statement, publication.statement)
    return tuple(dict.fromkeys((*writers(context, statement), publication.asked_by, *posters(context, publication))))


def within(context: Context, publication: Publication) -> timedelta:
    """How long it may take: by the plan as it is today."""
    outlet = context.uow.current_plan().outlets.get(publication.outlet)
    return outlet.within if outlet else BY_HAND if publication.manual else BY_MACHINE


def agreed_of(statement: Statement) -> tuple[dict[str, Value], ...]:
    """Who agreed to these bytes, as it is kept with what leaves."""
    return tuple(step.as_value() for step in statement.given)


# What became of it


def published(
    context: Context,
    publication: Publication,
    *,
    at: datetime,
    by: str | None = None,
    receipt: str = "",
    link: str = "",
    evidence: str = "",
) -> None:
    """It is out: with the first publication of a text the statement is published, and what was promised is kept."""
    late = publication.state in (State.STOPPED, State.GIVEN_UP)
    to = (*concerned(context, publication), context.uow.incident_of(publication).commander) if late else ()
    outcome = rules.publish(
        publication, at=at, by=by, receipt=receipt, link=link, evidence=evidence, to=tuple(p for p in dict.fromkeys(to) if p != by)
    )
    context.uow.apply(outcome)
    issued(context, publication, at)


def issued(context: Context, publication: Publication, at: datetime) -> None:
    for one in context.uow.statements(publication.incident):
        if one.promised_at and _answers(context, one, publication):
            context.uow.apply(statements.keep_promise(one, by=publication.ref))
    statement = context.uow.load(Statement, publication.statement)
    if statement.state is Stage.APPROVED and (statement.revision, statement.digest) == (publication.revision, publication.digest):
        context.uow.apply(statements.publish(statement, at=at, outlet=publication.outlet, title=publication.title))


def _answers(context: Context, promised: Statement, publication: Publication) -> bool:
    """Whether this is the next word that the public was promised: not the same text at a further outlet."""
    return promised.ref != publication.statement or promised.promised_in < publication.revision


def failed(context: Context, publication: Publication, reason: str, *, final: bool) -> None:
    """An attempt in vain. What is not waiting any more (stopped meanwhile) has no use for the news."""
    if publication.state is not State.WAITING:
        return
    to = concerned(context, publication)
    if final:
        context.uow.apply(rules.fail(publication, reason=reason, within=within(context, publication), now=context.now, to=to))
    else:
        context.uow.apply(rules.tried(publication, reason=reason, to=to))
