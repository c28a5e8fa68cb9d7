"""What becomes of a statement that is asked for: a step agrees, returns or denies, time runs out, the public waits."""

from datetime import datetime

from handlers.core.context import Context
from handlers.core.registry import approved, denied, returned, timer
from handlers.core.statements import ask_next, concerned, lapse, latest, send_back, void_approvals
from workflows import statement as rules
from workflows.core.approval import Approval
from workflows.statement import Statement


@approved("statement")
def agreed(context: Context, approval: Approval, by: str) -> None:
    """One step has its yes: the next is asked, or the text is approved."""
    statement = context.uow.load(Statement, approval.subject)
    incident = context.uow.incident_of(statement)
    latest(context, statement)
    commander = (incident.commander,)
    to = tuple(dict.fromkeys((*statement.authors, statement.asked_by or "", *context.organization.groups["opinion"].leaders, *commander)))
    outcome = rules.agree(
        statement, approval=approval.ref, digest=approval.digest, by=by, now=context.now, to=tuple(p for p in to if p and p != by)
    )
    after = context.uow.apply(outcome)
    if after.waiting:
        ask_next(context, incident, after)


@returned("statement")
def sent_back(context: Context, approval: Approval, by: str, reason: str) -> None:
    """No: a draft again, and the yes of the others is void."""
    statement = context.uow.load(Statement, approval.subject)
    to = tuple(p for p in concerned(context, statement) if p not in (by, approval.asked_by))
    said = context.words.say("statement.returned_reason", person=context.name(by), reason=reason)
    void_approvals(context, statement, said)
    context.uow.apply(rules.return_(statement, by=by, reason=said, to=to))


@denied("statement")
def yes_denied(context: Context, approval: Approval, reason: str) -> None:
    """The leader never said yes: nobody relies on it any more."""
    statement = context.uow.load(Statement, approval.subject)
    if not any(step.approval == approval.ref for step in statement.steps):
        return
    if statement.state in rules.ASKED:
        send_back(context, statement, reason, statement.changed)
    elif statement.state in rules.ISSUED and statement.expires_at:
        lapse(context, statement, reason, statement.changed)


@timer("S")
def timed(context: Context, statement: str, name: str, due: datetime) -> None:
    """What was agreed to holds no longer, or the public waits for what it was promised."""
    found = context.uow.load(Statement, statement)
    if name == rules.PROMISE:
        _promise(context, found)
    elif found.expires_at and found.expires_at <= context.now:
        _expired(context, found, found.expires_at)


def _expired(context: Context, found: Statement, until: datetime) -> None:
    reason = context.words.say("statement.expired_reason", until=until, now=context.now)
    if found.state in rules.ASKED:
        send_back(context, found, reason, found.changed)
    elif found.state in rules.ISSUED:
        lapse(context, found, reason, found.changed, tell=False)


def _promise(context: Context, statement: Statement) -> None:
    """The authors first, then who leads them and the commander, then the control group: until more is said."""
    if statement.promised_at is None:
        return
    group, round_ = context.organization.groups["opinion"], statement.promise_round + (context.now >= statement.promised_at)
    to = (*statement.authors, *(context.organization.duty_of("opinion") or group.leaders))
    if round_ >= rules.LEADERS:
        to = (*to, *group.everyone, context.uow.incident_of(statement).commander)
    if round_ >= rules.CONTROL:
        to = (*to, "control")
    context.uow.apply(rules.remind(statement, now=context.now, to=tuple(dict.fromkeys(to))))
