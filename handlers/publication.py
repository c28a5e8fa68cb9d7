"""Publications: an approved text is sent out, posted by hand, reminded of, given up; and what transports tell of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.core import publication_view as view
from handlers.core import publishing
from handlers.core.access import may
from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Reply
from handlers.core.registry import command, key, ref, request, rest, timer
from handlers.core.statement_view import WRITERS
from handlers.core.statements import latest, objections, posters, said_next
from handlers.core.tokens import fold_value, nearest
from workflows import publication as rules
from workflows import statement as statements
from workflows.core.errors import BadWords, NotAllowed, RuleBroken
from workflows.core.outlet import Outlet
from workflows.core.quote import publishable
from workflows.incident import Incident
from workflows.publication import OPEN, OUT, Kind, Publication, State
from workflows.statement import State as Stage
from workflows.statement import Statement

_BETWEEN = re.compile(r"[,，、;；+]+")


@dataclass(frozen=True, slots=True)
class Publish:
    statement: str | None = ref("S")
    channels: str | None = key("渠道", "channel")
    next: datetime | None = key("下次更新", "下次", kind="begins")
    confirm: str | None = key("确认", kind="word")


@dataclass(frozen=True, slots=True)
class Receipt:
    statement: str | None = ref("S")
    channel: str | None = key("渠道", "channels")
    link: str | None = key("链接")
    at: datetime | None = key("时间", kind="time")
    text: str = rest("说明", "note")


@dataclass(frozen=True, slots=True)
class Skip:
    statement: str | None = ref("S")
    channel: str | None = key("渠道", "channels")
    text: str = rest("理由", "reason", required=True)


# Sending out


@command("statement publish", Publish, zh="声明 发布", who=WRITERS, four_eyes=True, tells="statements wording")
def publish(context: Context, given: Publish) -> Reply:
    """Send the approved text, to the letter, to these channels; without `confirm` it is only shown what would go where."""
    statement, incident = _statement(context, given.statement)
    _check_approved(context, incident, statement)
    text, chosen = latest(context, statement), _chosen(context, statement, given.channels)
    # What the text says holds for whoever reads it, whatever else is noted.
    promised = min(filter(None, (given.next, said_next(context, incident, statement))), default=None)
    if given.confirm is None:
        drawn = view.asked(Look.of(context), statement, text.text, chosen, _former(context, statement), promised)
        return Reply(drawn.text, ref=statement.ref, card=drawn.card)
    if not _is_hash(given.confirm, statement.digest):
        raise RuleBroken("publication.other_confirm", ref=statement.ref, hash=statement.digest[: view.SHORT])
    for outlet in chosen:
        _send(context, incident, statement, outlet)
    if promised is not None:
        found = context.uow.load(Statement, statement.ref)
        context.uow.apply(statements.promise(found, by=context.person, at=promised, now=context.now))
    lines = [view.line(Look.of(context), one) for one in _of(context, statement) if one.outlet in {outlet.name for outlet in chosen}]
    key_ = "publication.rehearsed" if incident.drill else "publication.begun"
    head = context.words.say(key_, ref=statement.ref, revision=statement.revision, hash=statement.digest[: view.SHORT])
    return Reply("\n".join([head, *lines]), ref=statement.ref)


def _is_hash(typed: str, digest: str) -> bool:
    """As much of it as is shown, or more; of either width."""
    found = fold_value(typed)
    return len(found) >= view.SHORT and digest.startswith(found)


def _statement(context: Context, ref_: str | None) -> tuple[Statement, Incident]:
    """The one named, answered, or the only one of the incident that can go out or is going."""
    if ref_ is None and not (context.subject or "").startswith("S"):
        found = [one.ref for one in context.uow.statements(context.incident(None).ref) if one.state in (Stage.APPROVED, *statements.ISSUED)]
        ref_ = found[0] if len(found) == 1 else None
    return context.item(Statement, ref_, "S", "house.which_statement")


def _check_approved(context: Context, incident: Incident, statement: Statement) -> None:
    """Refuse what is not approved as things are, saying what is missing."""
    publishable(statement)
    if statement.state is Stage.SUBMITTED:
        people = [p for step in statement.waiting for spec in step.needed for p in context.organization.resolve(spec)]
        steps = [context.words.say(f"statement.step.{step.name}") for step in statement.waiting]
        names = context.words.join([context.name(p) for p in dict.fromkeys(people)])
        raise RuleBroken("publication.still_asked", ref=statement.ref, steps=tuple(steps), people=names)
    if statement.state not in (Stage.APPROVED, *statements.ISSUED):
        raise RuleBroken("publication.not_submitted", ref=statement.ref)
    if reasons := objections(context, incident, statement):
        raise RuleBroken("publication.not_now", ref=statement.ref, reasons=context.words.join(reasons))


def _chosen(context: Context, statement: Statement, names: str | None) -> list[Outlet]:
    """The outlets asked for; else where the text before stands, and those the plan chooses; never one that has this text already."""
    outlets = context.uow.current_plan().outlets
    if not outlets:
        raise RuleBroken("publication.no_outlets")
    has = {one.outlet: one for one in _of(context, statement) if one.state in view.STARTED}
    if names:
        chosen = [_outlet(context, name) for name in dict.fromkeys(filter(None, _BETWEEN.split(names.strip())))]
        if twice := [has[outlet.name].title for outlet in chosen if outlet.name in has]:
            raise RuleBroken("publication.twice", ref=statement.ref, revision=statement.revision, outlets=tuple(twice))
    else:
        chosen = view.usual(outlets.values(), statement, context.uow.publications(statement.incident))
    before = _former(context, statement)
    if statement.withdrawal and (never := [view.title(Look.of(context), one) for one in chosen if one.name not in before]):
        raise RuleBroken("publication.never_there", ref=statement.ref, outlets=tuple(never))
    if not chosen:
        rest_ = [view.title(Look.of(context), one) for one in outlets.values() if one.name not in has]
        raise RuleBroken("publication.all_have_it", ref=statement.ref, revision=statement.revision, rest=tuple(rest_))
    return list(dict.fromkeys(chosen))


def _outlet(context: Context, word: str) -> Outlet:
    """The outlet called so, by its name or a title."""
    outlets = context.uow.current_plan().outlets
    names = {fold_value(name): one for one in outlets.values() for name in (one.name, one.title, one.title_en) if name}
    found = names.get(fold_value(word))
    if found is not None:
        return found
    meant = nearest(word, tuple(names))
    if meant is not None:
        raise BadWords("publication.outlet_meant", name=word, meant=view.title(Look.of(context), names[meant]))
    raise BadWords("publication.which_outlet", name=word, outlets=tuple(view.title(Look.of(context), one) for one in outlets.values()))


def _of(context: Context, statement: Statement) -> list[Publication]:
    """Publications of the text as it stands."""
    every = context.uow.publications(statement.incident)
    return [one for one in every if (one.statement, one.revision) == (statement.ref, statement.revision)]


def _former(context: Context, statement: Statement) -> dict[str, Publication]:
    return view.standing(statement, context.uow.publications(statement.incident))


def _send(context: Context, incident: Incident, statement: Statement, outlet: Outlet) -> None:
    """The one publication of this text at this outlet: made now, or asked for once more."""
    known = next((one for one in _of(context, statement) if one.outlet == outlet.name), None)
    agreed = publishing.agreed_of(statement)
    said: dict[str, Any] = {"within": outlet.within, "now": context.now}
    if known is not None:
        outcome = rules.again(known, by=context.person, agreed=agreed, to=posters(context, known), **said)
        publishing.send_off(context, context.uow.apply(outcome), outlet)
        return
    before = _former(context, statement).get(outlet.name)
    fresh = Publication(
        ref=context.uow.next_ref(Publication),
        incident=incident.ref,
        plan=incident.plan,
        state=State.WAITING,
        statement=statement.ref,
        revision=statement.revision,
        digest=statement.digest,
        outlet=outlet.name,
        kind=Kind.WITHDRAWAL if statement.withdrawal else Kind.CORRECTION if before else Kind.STATEMENT,
        title=view.title(Look.of(context), outlet),
        by_way=outlet.kind,
        target=outlet.target,
        asked_by=context.person,
        asked_at=context.now,
        agreed=agreed,
        replaces=before.digest if before else None,
    )
    if incident.drill:
        publishing.issued(context, context.uow.apply(rules.rehearse(fresh, now=context.now)), context.now)
        return
    publishing.send_off(context, context.uow.apply(rules.ask(fresh, to=posters(context, fresh), **said)), outlet)


# By hand


@command("statement receipt", Receipt, zh="声明 回执", who="member", short=("回执",), tells="statements")
def receipt(context: Context, given: Receipt) -> Reply:
    """Say where and when it was posted by hand, with a link or a screenshot; or that what was in doubt did arrive, and how one knows."""
    statement, _ = _statement(context, given.statement)
    publication = _which(context, statement, given.channel, _wants_receipt)
    if context.person not in posters(context, publication) and not may(WRITERS, context.person, context.organization):
        raise NotAllowed("publication.not_yours", outlet=publication.title)
    if not _wants_receipt(publication) and not publication.manual:
        raise RuleBroken("publication.not_by_hand", outlet=publication.title)
    at, link = given.at or context.now, (given.link or "").strip()
    if publication.state is State.DONE and publication.done_at:
        raise RuleBroken("publication.has_receipt", outlet=publication.title, at=publication.done_at)
    if at > context.now + timedelta(minutes=1) or at < publication.asked_at.replace(second=0, microsecond=0):
        raise RuleBroken("publication.receipt_time", asked=publication.asked_at, at=at)
    if not link and not context.message.files and (publication.manual or not given.text.strip()):
        raise RuleBroken("publication.no_receipt", ref=statement.ref, outlet=publication.outlet)
    kept = [context.uow.attach(upload, publication, publication.title) for upload in context.message.files]
    evidence = " ".join(one.sha256 for one in kept)
    said = {"receipt": given.text.strip(), "link": link, "evidence": evidence}
    publishing.published(context, publication, at=at, by=context.person, **said)
    return context.say(
        "publication.received", ref=statement.ref, name=statement.ref, outlet=publication.title, at=at, revision=publication.revision
    )


def _wants_receipt(publication: Publication) -> bool:
    """What a machine sends has its own receipt, unless nobody knew whether it arrived."""
    return publication.state is not State.DONE if publication.manual else publication.state in rules.ENDED


@command("statement skip", Skip, zh="声明 不发", who=WRITERS, tells="statements")
def skip(context: Context, given: Skip) -> Reply:
    """It will not go out at this channel: the reason stays in the ledger."""
    statement, _ = _statement(context, given.statement)
    publication = _which(context, statement, given.channel, lambda one: one.state in (*OPEN, State.STOPPED))
    context.uow.apply(rules.give_up(publication, by=context.person, reason=given.text.strip()))
    return context.say("publication.given_up", ref=statement.ref, name=statement.ref, outlet=publication.title)


def _which(context: Context, statement: Statement, word: str | None, fits: Callable[[Publication], bool]) -> Publication:
    """The publication at the outlet named, of the newest text that was asked for there; else the only one that it can be."""
    every = [one for one in context.uow.publications(statement.incident) if one.statement == statement.ref]
    if word:
        named = [one for one in every if fold_value(word) in (fold_value(one.outlet), fold_value(one.title))]
        if not named:
            found = _outlet(context, word)
            named = [one for one in every if one.outlet == found.name]
        if not named:
            raise RuleBroken("publication.not_asked", ref=statement.ref, outlet=word)
        return ([one for one in named if fits(one)] or named)[-1]
    fitting = [one for one in every if fits(one)]
    if len(fitting) != 1:
        raise BadWords("publication.say_which", ref=statement.ref, outlets=tuple(one.title for one in fitting or every))
    return fitting[0]


# What becomes of it


@timer("P")
def late(context: Context, publication: str, name: str, due: datetime) -> None:
    """Nobody and nothing has said that it is out."""
    found = context.uow.load(Publication, publication)
    if found.state not in OPEN:
        return
    incident, round_ = context.uow.incident_of(found), found.round + 1
    to = posters(context, found) or publishing.concerned(context, found)
    if round_ >= rules.LEADERS:
        to = (*to, *context.organization.groups["opinion"].leaders)
    if round_ >= rules.CONTROL:
        to = (*to, incident.commander, "control")
    outcome = rules.remind(found, within=publishing.within(context, found), now=context.now, to=tuple(dict.fromkeys(to)))
    context.uow.apply(outcome)


@request("publication.published")
def told_published(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A transport has its receipt: `publication`, `receipt`, `at` (RFC 3339)."""
    publication = context.uow.load(Publication, str(values["publication"]))
    if publication.state not in OUT:
        at = datetime.fromisoformat(str(values["at"]))
        publishing.published(context, publication, at=at, receipt=str(values.get("receipt") or ""))


@request("publication.failed")
def told_failed(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A transport could not: `publication`, `reason`, `final` (no further attempt follows)."""
    publication = context.uow.load(Publication, str(values["publication"]))
    publishing.failed(context, publication, str(values["reason"]), final=bool(values["final"]))
