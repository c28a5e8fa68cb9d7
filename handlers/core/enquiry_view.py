"""How enquiries of the media, rumours and reminders to the staff are shown: on the incident's card as counts, each by itself as a card."""

from collections.abc import Iterable

from handlers.core.access import may
from handlers.core.audience import WHOLE
from handlers.core.fields import Fields
from handlers.core.look import Look
from handlers.core.message import Button, Card, Field, Outgoing, Tone
from handlers.core.statement_view import WRITERS
from workflows.circular import Circular
from workflows.core.quote import standing
from workflows.core.speaking import may_speak, speakers, spokesperson
from workflows.enquiry import Enquiry
from workflows.enquiry import State as Asked
from workflows.incident import Incident
from workflows.rumour import Finding, Rumour
from workflows.statement import Statement

Lines = list[tuple[str, str]]

#: Who sends the reminder to the staff, who enters what is found of a rumour.
REMINDERS, FINDERS = "group:opinion,office", "group:opinion,tech,security|role:compliance"
#: As many characters of a question or a claim as a line of a list shows.
SHORT = 40


def incident_lines(look: Look, incident: Incident) -> Lines:
    """On the incident's card: how many, and how many wait."""
    lines = Lines()
    for name, found in (("enquiries", look.reader.enquiries(incident.ref)), ("rumours", look.reader.rumours(incident.ref))):
        if found:
            waiting = sum(one.open for one in found)
            lines.append((look.say(f"card.{name}"), look.say(f"card.{name}_value", count=len(found), waiting=waiting)))
    if circulars := look.reader.circulars(incident.ref):
        lines.append((look.say("card.circular"), read_so_far(look, circulars[-1])))
    return lines


def read_so_far(look: Look, circular: Circular) -> str:
    count = look.reader.readers_of(circular)
    others = look.say("circular.others", count=count.others) if circular.chats else ""
    return look.say("circular.so_far", ref=circular.ref, said=len(count.said), all=len(circular.people), others=others)


def menu(look: Look, incident: Incident) -> list[Button]:
    """登记媒体来询: whoever takes the call finds it where the incident is."""
    return [Button(look.say("button.enquiry_new"), f"/enquiry new {incident.ref}", None, form=asking(look, incident))]


def speaker_line(look: Look) -> str:
    """统一由发言人 … 答复"""
    return look.say("enquiry.speaker", **who_speaks(look))


def who_speaks(look: Look) -> dict[str, str]:
    person = look.organization.people[spokesperson(look.organization)]
    return {"person": person.name, "phone": person.phone}


# Enquiries


def enquiry_named(look: Look, enquiry: Enquiry) -> str:
    """`Q1 财新`"""
    return look.say("enquiry.named", ref=enquiry.ref, outlet=enquiry.outlet or look.say("enquiry.no_outlet"))


def enquiry_line(look: Look, enquiry: Enquiry) -> str:
    due = look.say("enquiry.due", due=look.time(enquiry.due_at)) if enquiry.due_at and enquiry.open else ""
    question = shortened(look, enquiry.question)
    return look.say("enquiry.line", name=enquiry_named(look, enquiry), state=enquiry.state, due=due, question=question)


def shortened(look: Look, text: str) -> str:
    whole = " ".join(text.split())
    return look.words.show(whole if len(whole) <= SHORT else f"{whole[: SHORT - 1]}…")


def enquiry_card(look: Look, enquiry: Enquiry) -> Outgoing:
    incident = look.reader.incident(enquiry.incident)
    title = look.say("enquiry.card", ref=enquiry.ref, state=enquiry.state)
    # Whoever sits in a group's room need not know whom to ring.
    contact = look.words.join([one for one in (enquiry.journalist, enquiry.contact) if one]) if look.audience == WHOLE else ""
    lines = [
        (look.say("enquiry.who"), look.words.show(enquiry.outlet) or look.say("enquiry.no_outlet")),
        ("", look.words.show(enquiry.question)),
        (look.say("enquiry.asked"), look.say("enquiry.asked_value", at=enquiry.asked_at, way=enquiry.way or "-")),
        *([(look.say("enquiry.deadline"), look.time(enquiry.due_at))] if enquiry.due_at else []),
        *([(look.say("enquiry.contact"), look.words.show(contact))] if contact else []),
        (look.say("enquiry.registered"), look.name(enquiry.registered_by)),
        (look.say("enquiry.answers"), look.name(enquiry.owner or spokesperson(look.organization))),
        *_answered(look, enquiry),
        *([(look.say("enquiry.outcome"), look.words.show(enquiry.outcome))] if enquiry.outcome else []),
    ]
    note = look.say("enquiry.note", **who_speaks(look)) if enquiry.open else ""
    tone: Tone = "warning" if enquiry.open else "good"
    card = Card(title, tuple(lines), note, _enquiry_buttons(look, enquiry), tone, incident.drill, _enquiry_menu(look, enquiry))
    return Outgoing(asked_text(look, enquiry) if enquiry.open else enquiry_line(look, enquiry), card)


def asked_text(look: Look, enquiry: Enquiry) -> str:
    return drilled(look, enquiry, look.say("notice.enquiry_asked", line=enquiry_line(look, enquiry)))


def drilled(look: Look, found: Enquiry | Rumour, text: str) -> str:
    return look.say("statement.drill", text=text) if look.reader.practised(found.incident) else text


def _answered(look: Look, found: Enquiry | Rumour) -> Lines:
    """What was answered, to the byte, and whether that text has changed since; or why nothing was."""
    lines = Lines()
    if found.statement:
        statement = look.reader.statement(found.statement)
        later = look.say("quote.later", revision=statement.revision) if statement.digest != found.said_digest else ""
        named = look.say("statement.named", ref=statement.ref, revision=found.said_revision, title=statement.title)
        lines.append((look.say("quote.answer"), look.say("quote.value", name=named, hash=found.said_digest[:8], later=later)))
    if found.reason:
        lines.append((look.say("quote.none"), look.words.show(found.reason)))
    if found.decided_by and found.decided_at:
        lines.append((look.say("quote.by"), look.say("quote.by_value", person=look.name(found.decided_by), at=found.decided_at)))
    return lines


def quotable(look: Look, incident: Incident, *, inside: bool) -> list[Statement]:
    """What can be answered with at this moment, of the incident or of the one that it was merged into."""
    refs = (incident.ref, *([incident.merged_into] if incident.merged_into else []))
    found = [one for ref in refs for one in look.reader.statements(ref)]
    return [one for one in found if standing(one, look.now) and (inside or not one.internal)]


def _quoting(look: Look, found: Iterable[Statement]) -> tuple[Field, ...]:
    options = tuple((one.ref, look.say("statement.named", ref=one.ref, revision=one.revision, title=one.title)) for one in found)
    return (Field("text", look.say("form.quote"), "choice", options, required=True),)


def _enquiry_buttons(look: Look, enquiry: Enquiry) -> tuple[Button, ...]:
    ref, version = enquiry.ref, enquiry.touched
    if enquiry.state is Asked.ANSWERED and (may_speak(look.person, look.organization) or may(WRITERS, look.person, look.organization)):
        return (Button(look.say("button.enquiry_close"), f"/enquiry close {ref}", version, form=_outcome(look)),)
    if not enquiry.open or not may_speak(look.person, look.organization, enquiry.owner):
        return ()
    take = [] if enquiry.owner == look.person else [Button(look.say("button.enquiry_take"), f"/enquiry assign {ref}", version, "primary")]
    texts = quotable(look, look.reader.incident(enquiry.incident), inside=True)
    answer = [Button(look.say("button.enquiry_answer"), f"/enquiry answer {ref}", version, form=_quoting(look, texts))] if texts else []
    reason = (Field("text", look.say("ask.reason"), "long", required=True),)
    return (*take, *answer, Button(look.say("button.enquiry_decline"), f"/enquiry decline {ref}", version, form=reason))


def _enquiry_menu(look: Look, enquiry: Enquiry) -> tuple[Button, ...]:
    if not enquiry.open or not may_speak(look.person, look.organization, enquiry.owner):
        return ()
    fields = Fields(look.words, look.reader.plan_of(enquiry), "enquiry assign")
    others = fields.people(one for one in speakers(look.organization) if one not in (enquiry.owner, look.person))
    form = (fields.of("to", look.say("form.deputy"), options=others, required=True),)
    return (Button(look.say("button.enquiry_hand"), f"/enquiry assign {enquiry.ref}", enquiry.touched, form=form),) if others else ()


def _outcome(look: Look) -> tuple[Field, ...]:
    return (Field("text", look.say("form.outcome"), "long", hint=look.say("form.outcome_hint")),)


def asking(look: Look, incident: Incident) -> tuple[Field, ...]:
    """What whoever takes the call is asked for; only the question has to be there."""
    fields = Fields(look.words, look.reader.plan_of(incident), "enquiry new")
    contact = fields.of("contact", hint=look.say("form.contact_hint"))
    named = (fields.of("outlet"), fields.of("journalist"), contact, fields.of("way"))
    return (fields.of("text", look.say("form.question"), required=True), *named, fields.of("deadline"))


# Rumours


def rumour_line(look: Look, rumour: Rumour) -> str:
    finding = look.say("rumour.line_finding", finding=rumour.finding) if rumour.finding else ""
    return look.say("rumour.line", ref=rumour.ref, state=rumour.state, finding=finding, claim=shortened(look, rumour.claim))


def rumour_card(look: Look, rumour: Rumour) -> Outgoing:
    incident = look.reader.incident(rumour.incident)
    title = look.say("rumour.card", ref=rumour.ref, state=rumour.state)
    where = look.words.join([one for one in (rumour.platform, rumour.source, rumour.link) if one])
    lines = [
        ("", look.words.show(rumour.claim)),
        *([(look.say("rumour.where"), look.words.show(where))] if where else []),
        (look.say("rumour.heard_at"), look.time(rumour.heard_at)),
        *([(look.say("rumour.reach"), look.say("rumour.reach_value", count=rumour.reach))] if rumour.reach is not None else []),
        *_found(look, rumour),
        *_answered(look, rumour),
    ]
    asked = look.reader.approvals(rumour.incident) if look.shows("pending") else []
    pending = next((one.ref for one in asked if (one.subject, one.state) == (rumour.ref, "pending")), "")
    note = look.say("rumour.note_pending", approval=pending) if pending else look.say(f"rumour.note_{rumour.state}", ref=rumour.ref)
    tone: Tone = "warning" if rumour.open else "good"
    card = Card(title, tuple(lines), note, _rumour_buttons(look, rumour), tone, incident.drill)
    return Outgoing(look.say("rumour.twin", line=rumour_line(look, rumour), number=incident.number), card)


def _found(look: Look, rumour: Rumour) -> Lines:
    if rumour.finding is None:
        return []
    who = look.names(tuple(one for one in (rumour.found_by, rumour.agreed_by) if one))
    return [
        (look.say("rumour.finding"), look.words.show(rumour.finding)),
        (look.say("rumour.basis"), look.words.show(rumour.basis)),
        (look.say("rumour.found_by"), who),
    ]


def _rumour_buttons(look: Look, rumour: Rumour) -> tuple[Button, ...]:
    ref, version, buttons = rumour.ref, rumour.touched, list[Button]()
    if may(FINDERS, look.person, look.organization):
        buttons.append(Button(look.say("button.rumour_find"), f"/rumour find {ref}", version, form=_finding(look)))
    if rumour.open and rumour.finding and may(WRITERS, look.person, look.organization):
        texts = quotable(look, look.reader.incident(rumour.incident), inside=False)
        if texts:
            buttons.append(Button(look.say("button.rumour_answer"), f"/rumour answer {ref}", version, form=_quoting(look, texts)))
        reason = (Field("text", look.say("ask.reason"), "long", required=True),)
        buttons.append(Button(look.say("button.rumour_leave"), f"/rumour leave {ref}", version, form=reason))
    return tuple(buttons)


def _finding(look: Look) -> tuple[Field, ...]:
    options = tuple((str(one), look.words.show(one)) for one in Finding)
    finding = Field("finding", look.say("form.finding"), "choice", options, required=True)
    return finding, Field("text", look.say("form.basis"), "long", required=True, hint=look.say("form.basis_hint"))


def hearing(look: Look, incident: Incident) -> tuple[Field, ...]:
    fields = Fields(look.words, look.reader.plan_of(incident), "opinion rumour")
    where = (fields.of("platform"), fields.of("source"), fields.of("link"), fields.of("at", look.say("form.heard_at")), fields.of("reach"))
    return (fields.of("text", look.say("form.claim"), required=True), *where)
