"""What people hear of statements: what is approved, void, out of date, out, and promised."""

from collections.abc import Mapping
from typing import Any

from handlers.core import statement_view as view
from handlers.core.look import Look
from handlers.core.message import Outgoing
from handlers.core.registry import screen
from workflows.statement import State


@screen("statement")
def statement_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To an author: the text as it stands, and what can be done with it."""
    return view.card(look, look.reader.statement(about["ref"]))


@screen("statement.approved")
def approved_notice(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    statement = look.reader.statement(about["ref"])
    if statement.state is not State.APPROVED:
        return None
    incident = look.reader.incident(statement.incident)
    kind = "_drill" if incident.drill else "_internal" if statement.internal else ""
    number, key_ = incident.number, f"notice.statement_approved{kind}"
    text = look.say(key_, name=view.named(look, statement), number=number, until=statement.expires_at)
    return Outgoing(text, view.card(look, statement).card)


@screen("statement.back")
def back_notice(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A draft again, or withdrawn: whose yes and whose question went with it, and why."""
    statement, values = look.reader.statement(about["ref"]), about["values"]
    number = look.reader.incident(statement.incident).number
    given = [look.say("statement.given_one", person=look.name(by), approval=ref) for ref, by in values["given"]]
    pending = [look.say("statement.pending_one", approval=ref) for ref in values["pending"]]
    lost = look.say("statement.lost", names=[*given, *pending]) if given or pending else ""
    said = {"ref": statement.ref, "revision": values["revision"], "title": statement.title, "number": number}
    if statement.state is State.WITHDRAWN:
        return Outgoing(look.say("notice.statement_withdrawn", **said, reason=str(values["reason"]), lost=lost).rstrip())
    what = "statement.next_draft" if view.writes(look, statement) else "statement.next_approver"
    next_ = look.say(what) if statement.state is State.DRAFT else ""
    text = look.say("notice.statement_back", **said, reason=str(values["reason"]), lost=lost, next=next_)
    theirs = look.person in statement.authors and statement.state is State.DRAFT
    return Outgoing(text.rstrip(), view.card(look, statement).card if theirs else None)


@screen("statement.marked")
def marked_notice(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """所用事实已变: to whoever writes it."""
    statement = look.reader.statement(about["ref"])
    if not statement.changed or statement.state is not State.DRAFT:
        return None
    of = view.source(look, look.reader.incident(statement.incident))
    pairs = [(key, pair) for key, pair in about["values"]["changed"].items()]
    changes = look.words.join([of.change(key, pair[0], pair[1]) for key, pair in pairs])
    text = look.say("notice.statement_marked", name=view.named(look, statement), changes=changes, ref=statement.ref)
    return Outgoing(text, view.card(look, statement).card)


@screen("statement.out")
def out(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the incident's chats: what is public now."""
    statement, values = look.reader.statement(about["ref"]), about["values"]
    incident = look.reader.incident(statement.incident)
    text = next(one.text for one in look.reader.revisions(statement) if one.number == values["revision"])
    name = look.say("statement.named", ref=statement.ref, revision=values["revision"], title=statement.title)
    key = "notice.statement_out_drill" if incident.drill else "notice.statement_out"
    return Outgoing(look.say(key, name=name, number=incident.number, outlet=values["outlet"], text=text))


@screen("statement.outdated")
def outdated(look: Look, about: Mapping[str, Any]) -> Outgoing:
    statement, values = look.reader.statement(about["ref"]), about["values"]
    number = look.reader.incident(statement.incident).number
    name = look.say("statement.named", ref=statement.ref, revision=values["revision"], title=statement.title)
    text = look.say("notice.statement_outdated", name=name, number=number, reason=str(values["reason"]), ref=statement.ref)
    return Outgoing(text, view.card(look, statement).card)


@screen("statement.promise")
def promise(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    statement = look.reader.statement(about["ref"])
    if statement.promised_at is None:
        return None
    number = look.reader.incident(statement.incident).number
    key = "notice.promise_late" if statement.promised_at < look.now else "notice.promise_soon"
    span = abs(look.now - statement.promised_at)
    return Outgoing(look.say(key, name=view.named(look, statement), number=number, at=statement.promised_at, span=span))
