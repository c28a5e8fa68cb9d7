"""What is said once about approvals: reminders, decisions, what was only spoken. None = it no longer matters."""

from collections.abc import Mapping
from typing import Any

from handlers.core.asked import comes_next, what
from handlers.core.audience import tells
from handlers.core.look import Look, missed_of
from handlers.core.message import Outgoing
from handlers.core.registry import SCREENS, screen
from handlers.core.summons import moment_of
from workflows.core.approval import State as Asked
from workflows.core.approval import approvers_of
from workflows.statement import State as Stated


@screen("approval.reminder")
def approval_reminder(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Still undecided: the card again, so that nobody has to scroll for it."""
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.PENDING:
        return None
    drawn = SCREENS["approval"](look, about)
    assert drawn is not None, "an approval's card always matters"
    incident, values = look.reader.incident(approval.incident), about["values"]
    comes = "notice.approval_next" if values["rank"] == 1 else "notice.approval_again"
    text = look.say(
        "notice.approval_reminder",
        round=values["round"],
        ref=approval.ref,
        kind=what(look, approval),
        number=incident.number,
        title=incident.title,
        by=look.name(approval.asked_by),
        at=approval.asked_at,
        missed=missed_of(look, values),
        next=look.say(comes, at=moment_of(values["next_at"])),
    )
    return Outgoing(text, drawn.card)


@screen("approval.stuck")
def approval_stuck(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.PENDING:
        return None
    people, incident = approvers_of(approval, look.organization), look.reader.incident(approval.incident)
    phones = look.words.join(
        [f"{look.name(p)} {look.organization.people[p].phone}".strip() for p in people if p in look.organization.people]
    )
    return Outgoing(
        look.say(
            "notice.approval_stuck",
            ref=approval.ref,
            kind=what(look, approval),
            number=incident.number,
            title=incident.title,
            at=approval.asked_at,
            phones=phones,
        )
    )


@screen("approval.decided")
def approval_decided(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """To the one who asked. The last yes to a statement says nothing here: that all have agreed is said to its author, who asked."""
    approval = look.reader.approval(about["ref"])
    if approval.kind == "statement" and look.reader.statement(approval.subject).state is Stated.APPROVED:
        return None
    kind, person = what(look, approval), look.name(approval.decided_by)
    text = look.say(f"notice.approval_{approval.state}", ref=approval.ref, kind=kind, person=person, note=approval.note).rstrip()
    return Outgoing("".join([text, comes_next(look, approval)]))


@screen("approval.confirm")
def approval_confirm(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A spoken yes that its leader has not signed yet: to the leader the card again, to those who rely on it a sentence."""
    approval, values = look.reader.approval(about["ref"]), about["values"]
    if approval.state is not Asked.ORAL:
        return None
    incident = look.reader.incident(approval.incident)
    theirs = look.person == approval.decided_by
    text = look.say(
        "notice.oral_confirm" if theirs else "notice.oral_wait",
        round=values["round"],
        ref=approval.ref,
        kind=what(look, approval),
        number=incident.number,
        title=incident.title,
        person=look.name(approval.decided_by),
        heard=look.name(approval.heard_by),
        at=approval.decided_at,
        next=moment_of(values["next_at"]),
    )
    drawn = SCREENS["approval.heard"](look, about) if theirs else None
    return Outgoing(text, drawn.card if drawn else None)


@screen("approval.unconfirmed")
def approval_unconfirmed(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """A day has gone by: the control group, with the number to ring."""
    approval = look.reader.approval(about["ref"])
    if approval.state is not Asked.ORAL:
        return None
    incident, leader = look.reader.incident(approval.incident), look.organization.people.get(approval.decided_by or "")
    text = look.say(
        "notice.oral_unconfirmed",
        ref=approval.ref,
        kind=what(look, approval),
        number=incident.number,
        title=incident.title,
        person=look.name(approval.decided_by),
        phone=leader.phone if leader else "",
        heard=look.name(approval.heard_by),
        at=approval.decided_at,
    )
    return Outgoing(text)


def _oral_settled(kind: str) -> None:
    """The leader has signed, or says that it is not so."""

    @screen(f"approval.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        if not tells(look.audience, f"approval.{kind}"):
            return None
        approval = look.reader.approval(about["ref"])
        incident = look.reader.incident(approval.incident)
        quotes = approval.kind == "statement" and not look.shows("wording")  # what is said of a text quotes it
        text = look.say(
            f"notice.oral_{kind}",
            ref=approval.ref,
            kind=what(look, approval),
            number=incident.number,
            title=incident.title,
            person=look.name(approval.decided_by),
            heard=look.name(approval.heard_by),
            at=approval.decided_at,
            note="" if quotes else approval.denial or "",
        )
        return Outgoing(text.rstrip())


for _kind in ("confirmed", "denied"):
    _oral_settled(_kind)


@screen("approval.estimated")
def approval_estimated(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    approval, values = look.reader.approval(about["ref"]), about["values"]
    if approval.state is not Asked.PENDING:
        return None
    return Outgoing(look.say("notice.approval_later", ref=approval.ref, person=look.name(values["by"]), until=moment_of(values["until"])))
