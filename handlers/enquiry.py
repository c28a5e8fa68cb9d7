"""Enquiries of the media: whoever takes the call writes one line, one person answers, and only with a text that was agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.core import enquiry_view as view
from handlers.core.access import may
from handlers.core.context import Context
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing, Reply
from handlers.core.quoting import quoted
from handlers.core.registry import command, key, ref, rest, screen, timer
from handlers.core.statement_view import WRITERS
from handlers.core.summons import moment_of
from workflows import enquiry as rules
from workflows.core.errors import BadWords, NotAllowed, RuleBroken
from workflows.core.speaking import may_speak
from workflows.enquiry import Desk, Enquiry, State
from workflows.incident import Incident


@dataclass(frozen=True, slots=True)
class New:
    incident: str | None = ref("I")
    outlet: str | None = key("媒体", "媒体名称")
    journalist: str | None = key("记者")
    contact: str | None = key("联系方式", "联系", "电话")
    way: str | None = key("渠道", "方式")
    at: datetime | None = key("时间", "来询时间", kind="time")
    deadline: datetime | None = key("截止", "截稿", "时限", kind="ends")
    text: str = rest("问题", "question", required=True)


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


@dataclass(frozen=True, slots=True)
class Which:
    enquiry: str | None = ref("Q")


@dataclass(frozen=True, slots=True)
class Assign:
    enquiry: str | None = ref("Q")
    to: str | None = rest("发言人", "spokesperson", kind="person")


@dataclass(frozen=True, slots=True)
class Answer:
    enquiry: str | None = ref("Q")
    text: str = rest("声明或口径编号", "statement ref", required=True)


@dataclass(frozen=True, slots=True)
class WhichAndReason:
    enquiry: str | None = ref("Q")
    text: str = rest("理由", "reason", required=True)


@dataclass(frozen=True, slots=True)
class WhichAndText:
    enquiry: str | None = ref("Q")
    text: str = rest("结果", "outcome")


@command("enquiry new", New, zh="媒体 登记", also=("媒体 新", "媒体 来询"), who="anyone", short=("来询",))
def new(context: Context, given: New) -> Reply:
    """Register what a journalist asks; who is not of the plan is told who answers, and leaves it to them."""
    look = Look.of(context)
    if not may("member", context.person, context.organization):
        return Reply(view.speaker_line(look))
    if given.at and given.at > context.now:
        raise BadWords("incident.future")
    if given.incident is None and context.subject is None and not context.reader.unclosed(1):
        raise RuleBroken("enquiry.no_incident", **view.who_speaks(look))
    incident = context.incident(given.incident)
    fresh = Enquiry(
        ref=context.uow.next_ref(Enquiry),
        incident=incident.ref,
        plan=incident.plan,
        state=State.RECEIVED,
        outlet=given.outlet or "",
        journalist=given.journalist or "",
        contact=given.contact or "",
        way=given.way or "",
        question=given.text.strip(),
        asked_at=given.at or context.now,
        registered_by=context.person,
        registered_at=context.now,
        prompted_at=context.now,
        due_at=given.deadline,
    )
    kept = context.uow.apply(rules.register(fresh, _desk(context, incident)))
    mine = may_speak(context.person, context.organization)
    text = context.words.say("enquiry.registered_mine" if mine else "enquiry.registered_ok", enquiry=kept.ref, **view.who_speaks(look))
    return Reply(text, ref=kept.ref)


def _desk(context: Context, incident: Incident) -> Desk:
    return Desk(context.organization, context.response(incident), incident.commander, context.reach)


@command("enquiry assign", Assign, zh="媒体 指派", also=("媒体 接手", "媒体 转交"), who="member", tells="enquiry")
def assign(context: Context, given: Assign) -> Reply:
    """Say that you answer it, or hand it to a deputy of the plan."""
    enquiry, incident = _enquiry(context, given.enquiry)
    to = given.to or context.person
    after = context.uow.apply(rules.assign(enquiry, by=context.person, to=to, now=context.now, desk=_desk(context, incident)))
    return _shown(context, after, context.words.say("enquiry.assigned_ok", enquiry=after.ref, person=context.name(to)))


@command("enquiry answer", Answer, zh="媒体 答复", who="member", tells="enquiry")
def answer(context: Context, given: Answer) -> Reply:
    """It is answered, with a text that stands at this moment; the spokesperson alone says so."""
    enquiry, incident = _enquiry(context, given.enquiry)
    _check_speaks(context, enquiry)
    rules.MACHINE.after(enquiry.state, "answer")
    quote = quoted(context, incident, given.text, inside=True)
    outcome = rules.answer(enquiry, by=context.person, quote=quote, now=context.now, organization=context.organization)
    after = context.uow.apply(outcome)
    said = {"statement": quote.statement, "revision": quote.revision, "hash": quote.digest[:8]}
    return _shown(context, after, context.words.say("enquiry.answered_ok", enquiry=after.ref, **said))


def _check_speaks(context: Context, enquiry: Enquiry) -> None:
    """Before anything of a text is told to whoever must not answer anyway."""
    if not may_speak(context.person, context.organization, enquiry.owner):
        raise NotAllowed("enquiry.one_voice", **rules.one_voice(context.organization))


@command("enquiry decline", WhichAndReason, zh="媒体 不答复", also=("媒体 不予置评",), who="member", tells="enquiry")
def decline(context: Context, given: WhichAndReason) -> Reply:
    """No comment: with the reason, for the record."""
    enquiry, _ = _enquiry(context, given.enquiry)
    organization, reason = context.organization, given.text.strip()
    after = context.uow.apply(rules.decline(enquiry, by=context.person, reason=reason, now=context.now, organization=organization))
    return _shown(context, after, context.words.say("enquiry.declined_ok", enquiry=after.ref))


@command("enquiry close", WhichAndText, zh="媒体 办结", who="member", tells="enquiry")
def close(context: Context, given: WhichAndText) -> Reply:
    """What became of it: the link of what was printed, or nothing."""
    enquiry, _ = _enquiry(context, given.enquiry)
    if not may(WRITERS, context.person, context.organization):
        _check_speaks(context, enquiry)
    after = context.uow.apply(rules.close(enquiry, by=context.person, outcome=given.text.strip()))
    return _shown(context, after, context.words.say("enquiry.closed_ok", enquiry=after.ref))


@command("enquiry list", OfIncident, zh="媒体 列表", who="reader", short=("媒体",), tells="enquiry")
def list_(context: Context, given: OfIncident) -> Reply:
    """What the media ask, what waits; from here one registers, and reminds the staff."""
    incident, look = context.incident(given.incident), Look.of(context)
    found = context.reader.enquiries(incident.ref)
    waiting = sum(one.open for one in found)
    head = context.words.say("enquiry.list", incident=incident.ref, count=len(found), waiting=waiting)
    lines = [view.enquiry_line(look, one) for one in found]
    rumours = context.reader.rumours(incident.ref)
    more = [context.words.say("enquiry.rumours", count=len(rumours), incident=incident.ref)] if rumours else []
    card = Card(head, tuple(("", line) for line in (*lines, *more)), view.speaker_line(look), _desk_buttons(look, incident), "info")
    return Reply("\n".join([head, *lines, *more]), ref=incident.ref, card=card)


def _desk_buttons(look: Look, incident: Incident) -> tuple[Button, ...]:
    buttons = view.menu(look, incident) if may("member", look.person, look.organization) else []
    if may(WRITERS, look.person, look.organization):
        form = view.hearing(look, incident)
        buttons.append(Button(look.say("button.rumour_new"), f"/opinion rumour {incident.ref}", None, form=form))
    if may(view.REMINDERS, look.person, look.organization):
        buttons.append(Button(look.say("button.circular"), f"/enquiry remind {incident.ref}", None, confirm=True))
    return tuple(buttons)


@command("enquiry show", Which, zh="媒体 查看", who="reader", tells="enquiry")
def show(context: Context, given: Which) -> Reply:
    """One enquiry: who asks what, until when, what was answered."""
    enquiry, _ = context.item(Enquiry, given.enquiry, "Q", "house.which_enquiry")
    drawn = view.enquiry_card(Look.of(context), enquiry)
    return Reply(drawn.text, ref=enquiry.ref, card=drawn.card)


def _enquiry(context: Context, ref_: str | None) -> tuple[Enquiry, Incident]:
    """The one named or answered, or the only one of the incident that waits."""
    if ref_ is None and not (context.subject or "").startswith("Q"):
        waiting = [one.ref for one in context.uow.enquiries(context.incident(None).ref) if one.open]
        ref_ = waiting[0] if len(waiting) == 1 else None
    return context.item(Enquiry, ref_, "Q", "house.which_enquiry")


def _shown(context: Context, enquiry: Enquiry, text: str) -> Reply:
    """With its card, where who speaks also sees the incident: they are asked about a restricted one without that."""
    seen = context.reader.sees(context.uow.incident_of(enquiry))
    return Reply(text, ref=enquiry.ref, card=view.enquiry_card(Look.of(context), enquiry).card if seen else None)


@timer("Q")
def remind(context: Context, enquiry: str, name: str, due: datetime) -> None:
    """Somebody outside still waits."""
    found = context.uow.load(Enquiry, enquiry)
    if found.open:
        context.uow.apply(rules.remind(found, now=context.now, desk=_desk(context, context.uow.incident_of(found))))


# What people hear


@screen("enquiry")
def enquiry_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To whoever answers: at once, with what can be done now."""
    return view.enquiry_card(look, look.reader.enquiry(about["ref"]))


@screen("enquiry.asked")
def asked(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """What is said by telephone and text message, until somebody has it in hand."""
    enquiry = look.reader.enquiry(about["ref"])
    if enquiry.state is not State.RECEIVED and enquiry.owner != look.person:
        return None
    return Outgoing(view.asked_text(look, enquiry)) if enquiry.open else None


@screen("enquiry.waits")
def waits(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Still without an answer; in the control group with who speaks and their telephone."""
    enquiry, values = look.reader.enquiry(about["ref"]), about["values"]
    if not enquiry.open:
        return None
    text = look.say(
        "notice.enquiry_waits",
        round=values["round"],
        line=view.enquiry_line(look, enquiry),
        missed=missed_of(look, values),
        next=moment_of(values["next_at"]),
        **view.who_speaks(look),
    )
    return Outgoing(view.drilled(look, enquiry, text), view.enquiry_card(look, enquiry).card)


@screen("enquiry.became")
def became(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To whoever took the call."""
    enquiry = look.reader.enquiry(about["ref"])
    said = {"name": view.enquiry_named(look, enquiry), "person": look.name(enquiry.decided_by)}
    return Outgoing(view.drilled(look, enquiry, look.say(f"notice.enquiry_{enquiry.state}", **said)))
