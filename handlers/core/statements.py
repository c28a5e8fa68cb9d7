"""What holds a statement's text, the facts it used and the approvals it has together."""

from collections.abc import Mapping
from datetime import datetime

from handlers.core import asking
from handlers.core.context import Context
from handlers.core.wordings import FACT, Source
from workflows import publication as publications
from workflows import statement as rules
from workflows.core import approval as approvals
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.core.errors import RuleBroken
from workflows.core.facts import Value
from workflows.core.template import CAUSE, NEXT
from workflows.incident import UNCLOSED, Incident
from workflows.publication import Publication
from workflows.statement import Revision, State, Statement


def source(context: Context, incident: Incident) -> Source:
    return Source(context.words, context.uow.plan_of(incident), context.organization.firm, incident, context.now)


def grades_of(incident: Incident) -> dict[str, Value]:
    """What an approval of a statement of this incident hangs on besides the text and the facts."""
    csrc = incident.csrc_grade and str(incident.csrc_grade)
    return {"response_level": str(incident.response_level), "opinion_level": str(incident.opinion_level), "csrc_grade": csrc}


def latest(context: Context, statement: Statement) -> Revision:
    """The text as it stands; its bytes are those that were digested, or nothing goes on."""
    found = context.uow.revisions(statement)[-1]
    if rules.digest_of(found.text) != statement.digest or found.number != statement.revision:
        raise RuleBroken("statement.other_text", ref=statement.ref)
    return found


def check_text(context: Context, incident: Incident, text: str, fields: Mapping[str, Value], template: str) -> None:
    """Raise unless the text may be asked for."""
    of, plan = source(context, incident), context.uow.plan_of(incident)
    kinds = plan.statements[template].fields if template in plan.statements else {}
    said = [str(fields[name]) for name, kind in kinds.items() if kind == "cause" and fields.get(name)]
    rules.check_text(text, plan.wording, cause=[*said, *([of.cause] if len(of.cause) > 1 else [])], confirmed=of.cause_confirmed)


def steps_of(context: Context, incident: Incident) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Who has to agree at the incident's level now; `commander` is named, so that a later handover does not move the question."""
    steps = context.response(incident).statement_steps(listed=context.organization.firm.listed)
    return tuple((name, tuple(incident.commander if spec == "commander" else spec for spec in specs)) for name, specs in steps)


def ask_next(context: Context, incident: Incident, statement: Statement) -> Approval:
    """Put the exact text to whoever is next: never to an author of it, nor to who has agreed already."""
    text, step = latest(context, statement).text, statement.waiting[0]
    given = [done.by for done in statement.given if done.by]
    approval = asking.ask(
        context,
        incident,
        "statement",
        "",
        subject=statement.ref,
        what=text,
        of=step.needed,
        by=statement.asked_by or "",
        barred=tuple(dict.fromkeys((*statement.authors, *given))),
        values={"revision": statement.revision, "step": step.name, "at": len(statement.given) + 1, "of": len(statement.steps)},
    )
    context.uow.apply(rules.asks(statement, approval=approval.ref))
    return approval


def void_approvals(context: Context, statement: Statement, reason: str) -> None:
    """What was given for the submission that ends, and what is pending, counts no more."""
    asked = {step.approval for step in statement.steps}
    for one in context.uow.approvals(statement.incident, pending=False):
        if one.ref in asked and one.state in (Asked.PENDING, Asked.APPROVED, Asked.ORAL):
            context.uow.apply(approvals.void(one, now=context.now, reason=reason))


def concerned(context: Context, statement: Statement) -> tuple[str, ...]:
    """Who wrote it, who submitted it, who agreed and who was asked: they hear what became of that."""
    asked = {step.approval for step in statement.waiting}
    pending = [one for one in context.uow.approvals(statement.incident, pending=False) if one.ref in asked]
    people = (p for one in pending for p in approvals.approvers_of(one, context.organization))
    every = (*statement.authors, statement.asked_by, *(step.by for step in statement.given), *people)
    return tuple(dict.fromkeys(p for p in every if p and p in context.organization.people))


def send_back(context: Context, statement: Statement, reason: str, changed: Mapping[str, Value]) -> Statement:
    """Nobody has agreed to it as things are now: it is a draft again, and everybody concerned hears whose yes is void and why."""
    to = concerned(context, statement)
    stop_leaving(context, statement, reason)
    void_approvals(context, statement, reason)
    return context.uow.apply(rules.void(statement, reason=reason, changed=changed, to=to))


def lapse(context: Context, statement: Statement, reason: str, changed: Mapping[str, Value], *, tell: bool = True) -> None:
    """Its text is out: that stays so, but nothing more of it leaves by what was agreed to."""
    stop_leaving(context, statement, reason)
    context.uow.apply(rules.lapse(statement, reason=reason, changed=changed, to=writers(context, statement) if tell else ()))


def follow(context: Context, incident: Incident) -> None:
    """After an incident changed: a grade or a used fact that is another one now takes every yes back; a draft is marked."""
    of: Source | None = None
    for statement in context.uow.statements(incident.ref):
        if statement.state is State.WITHDRAWN and statement.expires_at is None:
            continue
        of = of or source(context, incident)
        changed = rules.changed_facts(statement, of.known) | _said_before_known(context, of, statement)
        if statement.state in rules.ASKED or (statement.state in rules.ISSUED and statement.expires_at):
            if reasons := [*_regraded(context, statement, incident), *_changes(of, changed)]:
                ended = send_back if statement.state in rules.ASKED else lapse
                ended(context, statement, context.words.join(reasons), changed)
        elif changed != dict(statement.changed):
            context.uow.apply(rules.mark(statement, changed=changed, to=statement.authors))


def objections(context: Context, incident: Incident, statement: Statement) -> list[str]:
    """Why nothing of a statement may leave now: asked of the record, the trail's bytes and the incident, whatever was noted before."""
    if incident.state not in UNCLOSED:
        return [context.words.say("publication.incident_over", incident=incident.ref)]
    if not statement.released(context.now):
        return [context.words.say("publication.not_agreed", ref=statement.ref, revision=statement.revision)]
    try:
        latest(context, statement)
    except RuleBroken:
        return [context.words.say("publication.other_text", ref=statement.ref, revision=statement.revision)]
    of = source(context, incident)
    changed = rules.changed_facts(statement, of.known) | _said_before_known(context, of, statement)
    return [*_regraded(context, statement, incident), *_changes(of, changed), *_broken(context, incident, statement)]


def said_next(context: Context, incident: Incident, statement: Statement) -> datetime | None:
    """The next update that the text itself promises, the earliest where there are several."""
    templates, text = context.uow.plan_of(incident).statements, latest(context, statement)
    kinds = templates[statement.template].fields if statement.template in templates else {}
    said = [str(text.fields[name]) for name, kind in kinds.items() if kind == NEXT and text.fields.get(name)]
    return min(map(datetime.fromisoformat, said), default=None)


def _broken(context: Context, incident: Incident, statement: Statement) -> list[str]:
    """What it promises the public for a moment that is over."""
    at = said_next(context, incident, statement)
    return [context.words.say("publication.promise_over", at=at)] if at and at <= context.now else []


def writers(context: Context, statement: Statement) -> tuple[str, ...]:
    """Who wrote it, who submitted it, and who leads the authors."""
    every = (*statement.authors, statement.asked_by, *context.organization.groups["opinion"].leaders)
    return tuple(dict.fromkeys(p for p in every if p and p in context.organization.people))


def posters(context: Context, publication: Publication) -> tuple[str, ...]:
    """Who posts it by hand: by the plan as it is today."""
    outlet = context.uow.current_plan().outlets.get(publication.outlet)
    found = (person for spec in (outlet.who if outlet else ()) for person in context.organization.resolve(spec))
    return tuple(dict.fromkeys(found)) if publication.manual else ()


def stop_leaving(context: Context, statement: Statement, reason: str) -> None:
    """What has not left does not leave: who writes, who asked for it and who was to post it hear so."""
    for one in context.uow.publications(statement.incident):
        if one.statement == statement.ref and one.state in publications.OPEN:
            to = tuple(dict.fromkeys((*writers(context, statement), one.asked_by, *posters(context, one))))
            context.uow.apply(publications.stop(one, reason=reason, to=to))


def _said_before_known(context: Context, of: Source, statement: Statement) -> dict[str, Value]:
    """What a text already said has become the incident's cause, and nobody has confirmed it."""
    key = f"{FACT}{CAUSE}"
    if key in statement.facts or not of.cause or not of.too_early(latest(context, statement).text):
        return {}
    return {key: [None, of.cause]}


def _changes(of: Source, changed: Mapping[str, Value]) -> list[str]:
    pairs = ((key, pair) for key, pair in changed.items() if isinstance(pair, list))
    return [of.change(key, pair[0], pair[1]) for key, pair in pairs]


def _regraded(context: Context, statement: Statement, incident: Incident) -> list[str]:
    now = grades_of(incident)
    kinds = {"response_level": "response_level", "opinion_level": "opinion_level", "csrc_grade": "event_grade"}
    names = {key: context.words.say(f"statement.grade.{key}") for key in kinds}
    shown = {
        key: [context.words.say(f"code.{kinds[key]}.{one}") if one else context.words.say("grade.not_judged") for one in pair]
        for key in kinds
        if (pair := (statement.grades.get(key), now[key])) and pair[0] != pair[1]
    }
    return [context.words.say("statement.change", name=names[key], was=was, now_is=now_is) for key, (was, now_is) in shown.items()]


def take_all_back(context: Context, incident: str, reason: str) -> None:
    """The incident leaves, or begins again: statements that people agree to or are asked about are drafts, no question stays."""
    for statement in context.uow.statements(incident):
        if statement.state in rules.ASKED:
            send_back(context, statement, reason, statement.changed)
        elif statement.state in rules.ISSUED and statement.expires_at:
            lapse(context, statement, reason, statement.changed, tell=False)
        if statement.promised_at:
            context.uow.apply(rules.keep_promise(context.uow.load(Statement, statement.ref), by=reason))
    asking.void_all(context, incident, reason)
