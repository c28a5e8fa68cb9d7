"""Statements: drafted from what the incident knows, agreed to by different people to the letter."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.core import statement_view as view
from handlers.core.access import check
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Reply
from handlers.core.registry import body, command, key, ref, rest, slots
from handlers.core.statements import (
    ask_next,
    check_text,
    concerned,
    follow,
    grades_of,
    latest,
    source,
    steps_of,
    stop_leaving,
    void_approvals,
)
from handlers.core.tokens import nearest
from handlers.core.values import Reading, convert
from handlers.core.wording import seen
from handlers.core.wordings import Source
from workflows import statement as rules
from workflows.core.approval import approvers_of
from workflows.core.errors import BadWords, RuleBroken
from workflows.core.facts import Value
from workflows.core.plan import Plan
from workflows.core.template import NEXT, blanks, weaknesses
from workflows.incident import UNCLOSED, Incident
from workflows.publication import OUT
from workflows.statement import Revision, State, Statement

_PHONE = re.compile(r"[0-9+][0-9+\-() 转]{3,24}")


@dataclass(frozen=True, slots=True)
class Draft:
    incident: str | None = ref("I")
    template: str | None = key("模板")
    fields: Mapping[str, str] = slots()
    body: str | None = body("正文", "text")


@dataclass(frozen=True, slots=True)
class Edit:
    statement: str | None = ref("S")
    template: str | None = key("模板")
    fields: Mapping[str, str] = slots()
    body: str | None = body("正文", "text")


@dataclass(frozen=True, slots=True)
class Which:
    statement: str | None = ref("S")


@dataclass(frozen=True, slots=True)
class WhichAndReason:
    statement: str | None = ref("S")
    text: str = rest("理由", "reason", required=True)


# Writing


@command("statement draft", Draft, zh="声明 起草", who="member", short=("起草",), tells="statements wording")
def draft(context: Context, given: Draft) -> Reply:
    """Begin a statement from a template of the plan, or from a text of your own."""
    incident = context.incident(given.incident)
    _still_on(incident)
    name = _template(context.uow.plan_of(incident), given.template) if given.template else ""
    check(view.writers(context.uow.plan_of(incident).statements.get(name)), context.person, context.organization)
    if not name and not given.body:
        raise BadWords("statement.which_template", templates=_titles(context.uow.plan_of(incident)))
    text, facts, fields = _written(context, incident, name, {}, given.fields, given.body, {})
    title, internal = _kind(context, incident, name) if name else (context.words.say("statement.own_title"), False)
    fresh = Statement(
        ref=context.uow.next_ref(Statement),
        incident=incident.ref,
        plan=incident.plan,
        state=State.DRAFT,
        template="" if given.body else name,
        title=title,
        created_by=context.person,
        created_at=context.now,
        revision=1,
        digest=rules.digest_of(text),
        authors=(context.person,),
        facts=facts,
        internal=internal,
    )
    rules.check_length(text)
    return _kept(context, context.uow.apply(rules.draft(fresh)), text, fields, "statement.drafted")


@command("statement edit", Edit, zh="声明 修改", who="member", tells="statements wording")
def edit(context: Context, given: Edit) -> Reply:
    """Fill in fields, write the text anew, or (with nothing) take the facts as they are now; approvals of the text before are void."""
    statement, incident = _theirs(context, given.statement)
    _still_on(incident)
    rules.MACHINE.after(statement.state, "edit")
    before = latest(context, statement)
    name = _template(context.uow.plan_of(incident), given.template) if given.template else statement.template
    by_hand = given.body or ("" if name else before.text)
    if not name and given.fields:
        raise RuleBroken("statement.by_hand", ref=statement.ref)
    text, facts, fields = _written(context, incident, name, before.fields, given.fields, by_hand, statement.facts)
    if text == before.text and not statement.changed:
        raise RuleBroken("statement.same", ref=statement.ref)
    lost = _lost(context, statement)
    reason = context.words.say("statement.edited_reason", person=context.name(context.person))
    to = tuple(p for p in concerned(context, statement) if p != context.person) if statement.state in rules.ASKED else ()
    _take_back(context, statement, reason)
    titled, internal = _kind(context, incident, name) if name else (statement.title, statement.internal)
    if internal is not statement.internal:
        raise RuleBroken("statement.other_kind", ref=statement.ref)
    said = replace(statement, template="" if by_hand else name, title=titled)
    outcome = rules.edit(said, text=text, facts=facts, by=context.person, to=to, reason=reason)
    return _kept(context, context.uow.apply(outcome), text, fields, "statement.edited", lost)


def _take_back(context: Context, statement: Statement, reason: str) -> None:
    """What was agreed to counts no more, and what has not left does not leave. Of a text that is out, what was given was used."""
    stop_leaving(context, statement, reason)
    if statement.state not in rules.ISSUED:
        void_approvals(context, statement, reason)


def _kind(context: Context, incident: Incident, template: str) -> tuple[str, bool]:
    """(title, whether it is never published) of what is made from a template; the title says so wherever it is named."""
    found = context.uow.plan_of(incident).statements[template]
    return context.words.say("statement.internal_title", title=found.title) if found.internal else found.title, found.internal


def _written(
    context: Context,
    incident: Incident,
    template: str,
    before: Mapping[str, Value],
    given: Mapping[str, str],
    by_hand: str | None,
    facts: Mapping[str, Value],
) -> tuple[str, dict[str, Value], dict[str, Value]]:
    """(text, the facts it used, what fills its fields)."""
    of = source(context, incident)
    fields = {**before, **_filled(of, template, given)}
    if by_hand:
        return *of.from_hand(seen(by_hand), facts), fields
    return *of.from_template(of.plan.statements[template], fields), fields


def _filled(of: Source, template: str, given: Mapping[str, str]) -> dict[str, Value]:
    """Each as its kind wants it; a field that the template does not have is refused."""
    kinds = of.plan.statements[template].fields if template else {}
    filled: dict[str, Value] = {}
    for name, text in given.items():
        if name not in kinds:
            raise BadWords("statement.no_field", name=name, fields=tuple(kinds))
        filled[name] = _typed(of, name, kinds[name], text.strip())
    return filled


def _typed(of: Source, name: str, kind: str, text: str) -> str:
    reading = Reading(of.plan, of.now, of.words.zone)
    if kind in ("time", NEXT):
        at: datetime = convert("begins", text, reading)
        return at.isoformat() if kind == NEXT else of.moment(at.isoformat())
    if kind == "number":
        convert("number", text, reading)
    if kind == "phone" and not _PHONE.fullmatch(text):
        raise BadWords("statement.phone", name=name, value=text)
    return text


def _kept(context: Context, statement: Statement, text: str, fields: Mapping[str, Value], said: str, lost: str = "") -> Reply:
    """The text is kept for good; the answer shows it, where those who read along may read it."""
    kept = rules.keep(statement, text, ref=context.uow.next_ref(Revision), by=context.person, now=context.now, fields=fields)
    context.uow.apply(kept)
    look, missing = Look.of(context), tuple(dict.fromkeys(blanks(text)))
    more = [
        context.words.say("statement.still_missing", names=view.missing_text(look, statement, missing)) if missing else "",
        context.words.say("statement.weakness", found=list(found)) if (found := weaknesses(text)) else "",
        lost,
    ]
    head = context.words.say(said, ref=statement.ref, revision=statement.revision, title=statement.title)
    follows = statement.revision == 1 and context.message.chat_kind == "direct" and not context.message.token  # its card, in this very chat
    return Reply("\n".join(filter(None, [head, *more, "" if follows else view.card(look, statement).text])), ref=statement.ref)


def _lost(context: Context, statement: Statement) -> str:
    """Whose yes the edit takes back, named."""
    given = [context.words.say("statement.given_one", person=context.name(s.by), approval=s.approval or "") for s in statement.given]
    pending = [context.words.say("statement.pending_one", approval=s.approval) for s in statement.waiting if s.approval]
    return context.words.say("statement.lost", names=[*given, *pending]) if given or pending else ""


# Asking


@command("statement submit", Which, zh="声明 送审", who="member", short=("送审",), four_eyes=True, tells="statements pending")
def submit(context: Context, given: Which) -> Reply:
    """Ask whom the level wants, one after the other, to agree to exactly this text."""
    statement, incident = _theirs(context, given.statement)
    _still_on(incident)
    rules.MACHINE.after(statement.state, "submit")
    follow(context, incident)
    statement = context.uow.load(Statement, statement.ref)
    text = latest(context, statement)
    check_text(context, incident, text.text, text.fields, statement.template)
    outcome = rules.submit(
        statement,
        by=context.person,
        now=context.now,
        steps=steps_of(context, incident),
        grades=grades_of(incident),
        holds=context.response(incident).holds,
    )
    approval = ask_next(context, incident, context.uow.apply(outcome))
    return context.say(
        "statement.submitted",
        ref=statement.ref,
        statement=statement.ref,
        revision=statement.revision,
        approval=approval.ref,
        step=context.words.say(f"statement.step.{approval.values['step']}"),
        people=context.words.join([context.name(p) for p in approvers_of(approval, context.organization)]),
        steps=[context.words.say(f"statement.step.{name}") for name, _ in steps_of(context, incident)],
        hash=statement.digest[:8],
        until=outcome.record.expires_at,
    )


@command("statement withdraw", WhichAndReason, zh="声明 撤回", who="member", tells="statements pending")
def withdraw(context: Context, given: WhichAndReason) -> Reply:
    """It will not be said; what is out is taken back by a text of its own, which is agreed to and published like every other."""
    statement, incident = _theirs(context, given.statement)
    to = tuple(p for p in concerned(context, statement) if p != context.person)
    lost, reason = _lost(context, statement), given.text.strip()
    if any(one.statement == statement.ref and one.state in OUT for one in context.uow.publications(incident.ref)):
        return _retract(context, statement, incident, reason, to, lost)
    outcome = rules.withdraw(statement, by=context.person, reason=reason, to=to)
    _take_back(context, statement, reason)
    context.uow.apply(outcome)
    return Reply("\n".join(filter(None, [context.words.say("statement.withdrawn", ref=statement.ref), lost])), ref=statement.ref)


def _retract(context: Context, statement: Statement, incident: Incident, reason: str, to: tuple[str, ...], lost: str) -> Reply:
    if statement.withdrawal:
        raise RuleBroken("statement.taken_back", ref=statement.ref)
    _still_on(incident)
    of = source(context, incident)
    text, facts = of.from_hand(context.words.say("statement.retraction", firm=of.firm.name, title=statement.title), {})
    outcome = rules.retract(statement, text=text, facts=facts, by=context.person, to=to, reason=reason)
    _take_back(context, statement, reason)
    return _kept(context, context.uow.apply(outcome), text, {}, "statement.retracting", lost)


# Reading


@command("statement show", Which, zh="声明 查看", who="reader", short=("声明",), tells="statements")
def show(context: Context, given: Which) -> Reply:
    """Text, hash, state, approvals, what changed; of several a list."""
    look = Look.of(context)
    if given.statement is None and not (context.subject or "").startswith("S"):
        incident = context.incident(None)
        found = context.reader.statements(incident.ref)
        if len(found) != 1:
            lines = [
                context.words.say("statement.line", name=view.named(look, one), state=view.how_far(look, one), hash=one.digest[:8])
                for one in found
            ]
            return Reply("\n".join([context.words.say("statement.list", ref=incident.ref, count=len(found)), *lines]), ref=incident.ref)
        given = Which(found[0].ref)
    statement, _ = context.item(Statement, given.statement, "S", "house.which_statement")
    drawn = view.card(look, statement)
    return Reply(drawn.text, ref=statement.ref, card=drawn.card)


def _statement(context: Context, ref_: str | None) -> tuple[Statement, Incident]:
    """The one named, answered, or the only one of the incident that is still on its way."""
    if ref_ is None and not (context.subject or "").startswith("S"):
        live = [one.ref for one in context.uow.statements(context.incident(None).ref) if one.state in rules.LIVE]
        ref_ = live[0] if len(live) == 1 else None
    return context.item(Statement, ref_, "S", "house.which_statement")


def _theirs(context: Context, ref_: str | None) -> tuple[Statement, Incident]:
    """The same, if this person writes it."""
    statement, incident = _statement(context, ref_)
    template = context.uow.plan_of(incident).statements.get(statement.template)
    view.check_writer(context.person, statement, template, context.organization)
    return statement, incident


def _still_on(incident: Incident) -> None:
    if incident.state not in UNCLOSED:
        raise RuleBroken("statement.incident_over", incident=incident.ref)


def _template(plan: Plan, word: str) -> str:
    """The template called so, by its title or its file."""
    titles = {template.title: name for name, template in plan.statements.items()}
    if word in plan.statements or word in titles:
        return titles.get(word, word)
    meant = nearest(word, (*titles, *plan.statements))
    if meant is None:
        raise BadWords("statement.which_template", templates=_titles(plan))
    raise BadWords("statement.template_meant", name=word, meant=meant)


def _titles(plan: Plan) -> tuple[str, ...]:
    return tuple(template.title for template in plan.statements.values())
