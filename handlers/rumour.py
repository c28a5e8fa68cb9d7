"""Rumours: what is said about the firm, what is found of it by two people, and what is said to it, or why nothing is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.core import asking
from handlers.core import enquiry_view as view
from handlers.core.access import may
from handlers.core.context import Context
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing, Reply
from handlers.core.quoting import quoted
from handlers.core.registry import approved, command, denied, key, ref, rest, screen, timer
from handlers.core.statement_view import WRITERS
from handlers.core.summons import moment_of
from handlers.core.tokens import fold_value
from workflows import rumour as rules
from workflows.core.approval import Approval, approvers_of
from workflows.core.errors import BadWords
from workflows.incident import Incident
from workflows.rumour import Finding, Rumour, State

#: What a finding may be called.
FINDINGS: Mapping[str, Finding] = {
    **{str(one): one for one in Finding},
    "属实": Finding.TRUE,
    "部分属实": Finding.PARTLY,
    "不属实": Finding.FALSE,
    "不实": Finding.FALSE,
    "无法核实": Finding.UNKNOWN,
    "不清楚": Finding.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Hear:
    incident: str | None = ref("I")
    source: str | None = key("来源", "发布者")
    platform: str | None = key("平台")
    link: str | None = key("链接")
    at: datetime | None = key("时间", kind="time")
    reach: float | None = key("阅读", "传播", kind="number")
    text: str = rest("传闻原话", "claim", required=True)


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Which:
    rumour: str | None = ref("M")


@dataclass(frozen=True, slots=True)
class Find:
    rumour: str | None = ref("M")
    finding: str | None = key("结论", kind="word")
    text: str = rest("依据", "basis", required=True)


@dataclass(frozen=True, slots=True)
class Answer:
    rumour: str | None = ref("M")
    text: str = rest("声明编号", "statement ref", required=True)


@dataclass(frozen=True, slots=True)
class WhichAndReason:
    rumour: str | None = ref("M")
    text: str = rest("理由", "reason", required=True)


@command("opinion rumour", Hear, zh="舆情 传闻", also=("传闻 登记",), who=WRITERS)
def hear(context: Context, given: Hear) -> Reply:
    """Write down what is said, as heard, and where."""
    if given.at and given.at > context.now:
        raise BadWords("incident.future")
    incident = context.incident(given.incident)
    fresh = Rumour(
        ref=context.uow.next_ref(Rumour),
        incident=incident.ref,
        plan=incident.plan,
        state=State.HEARD,
        claim=given.text.strip(),
        source=given.source or "",
        platform=given.platform or "",
        link=given.link or "",
        heard_at=given.at or context.now,
        registered_by=context.person,
        registered_at=context.now,
        prompted_at=context.now,
        reach=_whole(given.reach),
    )
    kept = context.uow.apply(rules.hear(fresh, response=context.response(incident), organization=context.organization))
    return _shown(context, kept, context.words.say("rumour.heard", ref=kept.ref))


def _whole(number: float | None) -> int | None:
    if number is None:
        return None
    if not 0 <= number < 2**31:
        raise BadWords("rumour.reach_odd")
    return int(number)


@command(
    "rumour find",
    Find,
    zh="传闻 核实",
    also=("舆情 传闻 核实", "opinion rumour find"),
    who=view.FINDERS,
    four_eyes=True,
    tells="rumours pending",
)
def find(context: Context, given: Find) -> Reply:
    """What is true of it and what shows that; unless nobody can tell, a second person agrees before it counts."""
    rumour, incident = _rumour(context, given.rumour)
    finding, basis = _finding(given.finding), given.text.strip()
    rules.check_finding(finding, basis)
    if finding is Finding.UNKNOWN:
        outcome = rules.unclear(rumour, by=context.person, basis=basis, now=context.now, response=context.response(incident))
        return _shown(context, context.uow.apply(outcome), context.words.say("rumour.unclear", ref=rumour.ref))
    rules.MACHINE.after(rumour.state, "find")
    words = context.words
    what = words.say("rumour.ask", ref=rumour.ref, finding=finding, claim=rumour.claim, basis=basis)
    values = {"finding": str(finding), "basis": basis}
    approval = asking.ask(context, incident, "rumour", "", subject=rumour.ref, what=what, values=values)
    people = words.join([context.name(p) for p in approvers_of(approval, context.organization)])
    return context.say("rumour.asked", ref=approval.ref, rumour=rumour.ref, finding=finding, approval=approval.ref, people=people)


def _finding(typed: str | None) -> Finding:
    found = FINDINGS.get(fold_value(typed or ""))
    if found is None:
        raise BadWords("rumour.which_finding")
    return found


@approved("rumour")
def agreed(context: Context, approval: Approval, by: str) -> None:
    """A second person has looked at it: it counts, and those who answered otherwise hear of it."""
    rumour = context.uow.load(Rumour, approval.subject)
    incident = context.uow.incident_of(rumour)
    found = {"finding": Finding(str(approval.values["finding"])), "basis": str(approval.values["basis"])}
    people = {"by": approval.asked_by, "agreed_by": by, "organization": context.organization}
    context.uow.apply(rules.find(rumour, **found, **people, now=context.now, response=context.response(incident)))  # type: ignore[arg-type]  # by name


@denied("rumour")
def yes_denied(context: Context, approval: Approval, reason: str) -> None:
    """Nobody has agreed: what rests on it is open again."""
    rumour = context.uow.load(Rumour, approval.subject)
    if rumour.state is State.HEARD or rumour.agreed_by != approval.decided_by:
        return
    response = context.response(context.uow.incident_of(rumour))
    context.uow.apply(rules.doubt(rumour, reason=reason, now=context.now, response=response, organization=context.organization))


@command("rumour answer", Answer, zh="传闻 回应", also=("舆情 传闻 回应", "opinion rumour answer"), who=WRITERS, tells="rumours")
def answer(context: Context, given: Answer) -> Reply:
    """It is answered by a statement that stands at this moment."""
    rumour, incident = _rumour(context, given.rumour)
    rules.MACHINE.after(rumour.state, "answer")
    quote = quoted(context, incident, given.text, inside=False)
    after = context.uow.apply(rules.answer(rumour, by=context.person, quote=quote, now=context.now))
    said = {"statement": quote.statement, "revision": quote.revision, "hash": quote.digest[:8]}
    return _shown(context, after, context.words.say("rumour.answered", ref=after.ref, **said))


@command("rumour leave", WhichAndReason, zh="传闻 不回应", also=("舆情 传闻 不回应", "opinion rumour leave"), who=WRITERS, tells="rumours")
def leave(context: Context, given: WhichAndReason) -> Reply:
    """Decide not to answer it, and why."""
    rumour, _ = _rumour(context, given.rumour)
    after = context.uow.apply(rules.leave(rumour, by=context.person, reason=given.text.strip(), now=context.now))
    return _shown(context, after, context.words.say("rumour.left", ref=after.ref))


@command("rumour list", OfIncident, zh="传闻 列表", also=("舆情 传闻 列表", "opinion rumour list"), who="reader", tells="rumours")
def list_(context: Context, given: OfIncident) -> Reply:
    """All that is said, what was found, what was answered."""
    incident, look = context.incident(given.incident), Look.of(context)
    found = context.reader.rumours(incident.ref)
    waiting = sum(one.open for one in found)
    head = context.words.say("rumour.list", incident=incident.ref, count=len(found), waiting=waiting)
    lines = [view.rumour_line(look, one) for one in found]
    new = Button(look.say("button.rumour_new"), f"/opinion rumour {incident.ref}", None, form=view.hearing(look, incident))
    buttons = (new,) if not look.person or may(WRITERS, look.person, look.organization) else ()
    card = Card(head, tuple(("", line) for line in lines), "", buttons, "info", incident.drill)
    return Reply("\n".join([head, *lines]), ref=incident.ref, card=card)


@command("rumour show", Which, zh="传闻 查看", also=("舆情 传闻 查看", "opinion rumour show"), who="reader", tells="rumours")
def show(context: Context, given: Which) -> Reply:
    """One rumour: the words, where, what was found and by whom, what was answered."""
    rumour, _ = context.item(Rumour, given.rumour, "M", "house.which_rumour")
    drawn = view.rumour_card(Look.of(context), rumour)
    return Reply(drawn.text, ref=rumour.ref, card=drawn.card)


def _rumour(context: Context, ref_: str | None) -> tuple[Rumour, Incident]:
    """The one named or answered, or the only one of the incident that is open."""
    if ref_ is None and not (context.subject or "").startswith("M"):
        waiting = [one.ref for one in context.uow.rumours(context.incident(None).ref) if one.open]
        ref_ = waiting[0] if len(waiting) == 1 else None
    return context.item(Rumour, ref_, "M", "house.which_rumour")


def _shown(context: Context, rumour: Rumour, text: str) -> Reply:
    look = Look.of(context)
    return Reply(text, ref=rumour.ref, card=view.rumour_card(look, rumour).card if look.shows("rumours") else None)


@timer("M")
def remind(context: Context, rumour: str, name: str, due: datetime) -> None:
    """Nobody has looked into it, or said what is to be said."""
    found = context.uow.load(Rumour, rumour)
    if found.open:
        incident = context.uow.incident_of(found)
        people = {"organization": context.organization, "commander": incident.commander}
        context.uow.apply(rules.remind(found, now=context.now, response=context.response(incident), **people))  # type: ignore[arg-type]  # by name


# What people hear


@screen("rumour.heard")
def heard(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    rumour = look.reader.rumour(about["ref"])
    if not rumour.open:
        return None
    return Outgoing(view.drilled(look, rumour, look.say("notice.rumour_heard", line=view.rumour_line(look, rumour))), _card(look, rumour))


@screen("rumour.waits")
def waits(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    rumour, values = look.reader.rumour(about["ref"]), about["values"]
    if not rumour.open:
        return None
    said = {"round": values["round"], "missed": missed_of(look, values), "next": moment_of(values["next_at"])}
    text = look.say(f"notice.rumour_waits_{rumour.state}", line=view.rumour_line(look, rumour), **said)
    return Outgoing(view.drilled(look, rumour, text), _card(look, rumour))


@screen("rumour.found")
def found(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """What was found; where it was answered otherwise before, that this answer was wrong."""
    rumour, values = look.reader.rumour(about["ref"]), about["values"]
    line = view.rumour_line(look, rumour)
    text = look.say("notice.rumour_doubted" if values.get("doubt") else "notice.rumour_found", line=line)
    if values.get("answered"):
        text += look.say("notice.rumour_answered_otherwise", statement=values["answered"], was=Finding(str(values["was"])))
    return Outgoing(view.drilled(look, rumour, text), _card(look, rumour))


def _card(look: Look, rumour: Rumour) -> Card | None:
    return view.rumour_card(look, rumour).card
