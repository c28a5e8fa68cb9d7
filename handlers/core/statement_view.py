"""How a statement is shown: its text in full, what is missing, who agreed, who is still to, what changed since the text before."""

import difflib
import re
from collections.abc import Iterator, Mapping

from handlers.core import publication_view
from handlers.core.access import check, may
from handlers.core.audience import shows
from handlers.core.look import Look
from handlers.core.message import Button, Card, Field, Outgoing, Tone
from handlers.core.wordings import Source
from workflows.core.approval import Approval
from workflows.core.people import Organization
from workflows.core.template import DRAFTERS, Template, blanks, weaknesses
from workflows.incident import Incident
from workflows.publication import OUT
from workflows.statement import LIVE, Revision, State, Statement, Step

Lines = list[tuple[str, str]]
#: Who speaks to the public.
WRITERS = f"group:{','.join(DRAFTERS)}"

TONES: Mapping[State, Tone] = {
    State.DRAFT: "info",
    State.SUBMITTED: "warning",
    State.APPROVED: "good",
    State.PUBLISHED: "good",
    State.WITHDRAWN: "plain",
}
#: Where one text is compared with another: nobody reads a difference within a word.
_CLAUSE = re.compile(r"[^,。;:!?,;!?\n]*[,。;:!?,;!?\n]+|[^,。;:!?,;!?\n]+")


def source(look: Look, incident: Incident) -> Source:
    return Source(look.words, look.reader.plan_of(incident), look.organization.firm, incident, look.now)


def named(look: Look, statement: Statement) -> str:
    """`S1 v2 首次告知`"""
    return look.say("statement.named", ref=statement.ref, revision=statement.revision, title=statement.title)


def incident_lines(look: Look, incident: Incident) -> Lines:
    """On the incident's card: what there is and how far it is."""
    every = look.reader.statements(incident.ref)
    live = [one for one in every if one.state is not State.WITHDRAWN or one.withdrawal or out_all_the_same(look, one)]
    lines = [
        (look.say("card.statement"), look.say("card.statement_value", name=named(look, one), state=how_far(look, one))) for one in live
    ]
    lines += [(look.say("card.unsaid"), publication_view.line(look, one)) for one in publication_view.unsaid(look, incident.ref)]
    return lines + [(look.say("publication.promised"), promised(look, one)) for one in live if one.promised_at]


def promised(look: Look, statement: Statement) -> str:
    """When the public was promised more, and how late that is."""
    at = statement.promised_at or look.now
    key = "publication.promise_late" if at < look.now else "publication.promise"
    return look.say(key, ref=statement.ref, at=at, span=abs(look.now - at))


def how_far(look: Look, statement: Statement) -> str:
    state = look.words.show(statement.state)
    if statement.state is State.SUBMITTED:
        state = look.say("statement.so_far", state=statement.state, given=len(statement.given), all=len(statement.steps))
    if out_all_the_same(look, statement):
        return look.say("statement.out_mark", state=state)
    return look.say("statement.stale_mark", state=state) if statement.changed else state


def public(statement: Statement) -> bool:
    """Its text as it stands is out: everybody may read it."""
    return statement.state is State.PUBLISHED or (statement.state is State.WITHDRAWN and statement.withdrawal)


def out_all_the_same(look: Look, statement: Statement) -> bool:
    """Withdrawn before it was out, and posted by somebody who did not know or was under way: it stands there until a text takes it back."""
    if statement.state is not State.WITHDRAWN or statement.withdrawal:
        return False
    return any(one.statement == statement.ref and one.state in OUT for one in look.reader.publications(statement.incident))


def card(look: Look, statement: Statement) -> Outgoing:
    incident = look.reader.incident(statement.incident)
    head = "statement.card_internal" if statement.internal else "statement.card"
    title = look.say(head, ref=statement.ref, revision=statement.revision, state=statement.state)
    if not shows(look.audience, "wording") and not public(statement):
        return Outgoing(look.say("statement.elsewhere", name=named(look, statement), state=how_far(look, statement)))
    texts = look.reader.revisions(statement)
    lines = [
        ("", look.words.show(texts[-1].text)),
        *_wrong(look, incident, statement, texts[-1]),
        (look.say("card.state"), how_far(look, statement)),
        (look.say("card.hash"), statement.digest[:8]),
        (look.say("statement.authors"), look.names(statement.authors)),
        *_steps(look, statement.steps),
        *([(look.say("statement.expires"), look.time(statement.expires_at))] if statement.expires_at else []),
        *publication_view.ledger(look, statement),
        *([(look.say("publication.promised"), promised(look, statement))] if statement.promised_at else []),
        # What a text that is out replaced was perhaps never said to anybody.
        *(_differences(look, texts) if shows(look.audience, "wording") else []),
    ]
    kind = "_drill" if incident.drill else "_internal" if statement.internal else ""
    kind = kind if statement.state is State.APPROVED else ""
    lapsed = "_lapsed" if statement.state is State.PUBLISHED and not statement.released(look.now) else ""
    blank = "_blank" if statement.state is State.DRAFT and blanks(texts[-1].text) else ""
    stands = "_out" if out_all_the_same(look, statement) else ""
    note = look.say(f"statement.note_{statement.state}{kind}{lapsed}{blank}{stands}", ref=statement.ref)
    buttons, menu = _buttons(look, statement), _menu(look, statement)
    twin = look.say("statement.twin", name=named(look, statement), state=how_far(look, statement), text=texts[-1].text)
    twin = look.say("statement.drill", text=twin) if incident.drill else twin
    return Outgoing(twin, Card(title, tuple(lines), note, buttons, TONES[statement.state], incident.drill, menu))


def first_line(look: Look, approval: Approval) -> str:
    """What exactly is agreed to, in one line; in a room that is not shown texts only which one."""
    if approval.kind == "statement" and not shows(look.audience, "wording"):
        return named(look, look.reader.statement(approval.subject))
    if approval.kind == "rumour" and not shows(look.audience, "rumours"):
        return look.say("rumour.named", ref=approval.subject)
    return approval.text.splitlines()[0]


def approval_lines(look: Look, approval: Approval) -> Lines:
    """What an approver sees besides the text: which text, which step, by whom, who agreed before, until when, what is new in it."""
    statement = look.reader.statement(approval.subject)
    texts = [one for one in look.reader.revisions(statement) if one.number <= approval.values["revision"]]  # type: ignore[operator]  # ours
    runs = any(one.approval == approval.ref for one in statement.steps)
    return [
        (look.say("statement.which"), step_of(look, approval)),
        (look.say("statement.authors"), look.names(texts[-1].authors)),
        *(_steps(look, statement.steps) if runs else []),
        *([(look.say("statement.expires"), look.time(statement.expires_at))] if runs and statement.expires_at else []),
        *_hints(look, approval.text),
        *_differences(look, texts),
    ]


def step_of(look: Look, approval: Approval) -> str:
    """`S1 v2「首次告知」 · 第 2/3 步 合规审核`"""
    statement = look.reader.statement(approval.subject)
    which = look.say("statement.named", ref=statement.ref, revision=approval.values["revision"], title=statement.title)
    step = look.say(f"statement.step.{approval.values['step']}")
    return look.say("statement.asked_step", name=which, step=step, at=approval.values["at"], of=approval.values["of"])


def next_step(look: Look, statement: Statement) -> str:
    """Whose turn it is; nothing where nobody is asked."""
    asked = next((step for step in statement.waiting if step.approval), None)
    return look.say("statement.next_step", step=look.say(f"statement.step.{asked.name}"), who=_step(look, asked)) if asked else ""


def _wrong(look: Look, incident: Incident, statement: Statement, text: Revision) -> Lines:
    """What has to be mended before it can go anywhere."""
    of, lines = source(look, incident), Lines()
    if statement.state in LIVE and (missing := tuple(dict.fromkeys(blanks(text.text)))):
        lines.append((look.say("statement.missing"), missing_text(look, statement, missing)))
    pairs = ((key, pair) for key, pair in statement.changed.items() if isinstance(pair, list))
    changes = [of.change(key, pair[0], pair[1]) for key, pair in pairs]
    if changes:
        lines.append((look.say("statement.changed"), look.words.join(changes)))
    return [*lines, *_hints(look, text.text)]


def _hints(look: Look, text: str) -> Lines:
    found = weaknesses(text)
    return [(look.say("statement.hint"), look.say("statement.weakness", found=list(found)))] if found else []


def missing_text(look: Look, statement: Statement, missing: tuple[str, ...]) -> str:
    """By whom each is filled: the author here, the incident's own facts there."""
    template = template_of(look, statement)
    ours = [name for name in missing if template is None or name in template.fields]
    theirs = [name for name in missing if name not in ours]
    parts = [look.words.join(ours)] if ours else []
    parts += [look.say("statement.missing_fact", names=theirs, incident=statement.incident)] if theirs else []
    return look.words.join(parts)


def template_of(look: Look, statement: Statement) -> Template | None:
    return look.reader.plan_of(statement).statements.get(statement.template)


def _steps(look: Look, steps: tuple[Step, ...]) -> Lines:
    return [(look.say(f"statement.step.{step.name}"), _step(look, step)) for step in steps]


def _step(look: Look, step: Step) -> str:
    if step.by:
        return look.say("statement.step_done", person=look.name(step.by), at=step.at, approval=step.approval or "")
    people = look.names(tuple(dict.fromkeys(p for spec in step.needed for p in look.organization.resolve(spec))))
    return look.say("statement.step_asked" if step.approval else "statement.step_later", people=people, approval=step.approval or "")


def _differences(look: Look, texts: list[Revision]) -> Lines:
    if len(texts) < 2:
        return []
    said = [look.say(f"statement.diff_{kind}", text=text) for kind, text in differences(texts[-2].text, texts[-1].text)]
    head = look.say("statement.diff", revision=texts[-2].number)
    return [(head, "\n".join(said) if said else look.say("statement.diff_none"))]


def differences(old: str, new: str) -> Iterator[tuple[str, str]]:
    """(`out` or `in`, clause) of what changed between two texts, in order."""
    before, after = _CLAUSE.findall(old), _CLAUSE.findall(new)
    for kind, start, end, begin, stop in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if gone := "".join(before[start:end]).strip():
            yield "out", gone
        if came := "".join(after[begin:stop]).strip():
            yield "in", came


# Buttons and forms


def writers(template: Template | None) -> str:
    """The right to write it, submit it and take it back."""
    return f"group:{','.join(template.drafters)}" if template else WRITERS


def check_writer(person: str, statement: Statement, template: Template | None, organization: Organization) -> None:
    """Raise unless this person writes texts of this kind, or wrote this one: by hand it has no template any more."""
    if person not in statement.authors:
        check(writers(template), person, organization)


def drafting(look: Look, incident: Incident) -> tuple[Field, ...]:
    """Which template; of those that the reader writes, and nothing where there is none."""
    templates = look.reader.plan_of(incident).statements.items()
    options = tuple((name, one.title) for name, one in templates if not look.person or may(writers(one), look.person, look.organization))
    return (Field("template", look.say("form.template"), "choice", options, required=True),) if options else ()


def _filling(look: Look, statement: Statement) -> tuple[Field, ...]:
    """What the author is asked for; fields start empty, what stands there already is their hint."""
    template = template_of(look, statement)
    text = look.reader.revisions(statement)[-1]
    of = source(look, look.reader.incident(statement.incident))
    known = {name: of.given(template, name, text.fields) if template and name in template.fields else "" for name in text.fields}
    return tuple(
        Field(name, name, "time" if kind == "time" else "text", hint=_hint(look, known.get(name, "")))
        for name, kind in (template.fields if template else {}).items()
    )


def _hint(look: Look, value: str) -> str:
    return look.say("form.current", value=value) if value else ""


def _buttons(look: Look, statement: Statement) -> tuple[Button, ...]:
    ref, version = statement.ref, statement.touched
    if statement.state is not State.DRAFT:
        return publication_view.buttons(look, statement, writes=may(WRITERS, look.person, look.organization))
    if not writes(look, statement):
        return ()
    filling = _filling(look, statement)
    fill = [Button(look.say("button.statement_fill"), f"/statement edit {ref}", version, form=filling)] if filling else []
    refresh = [Button(look.say("button.statement_refresh"), f"/statement edit {ref}", version)] if statement.changed else []
    submit = Button(look.say("button.statement_submit"), f"/statement submit {ref}", version, "primary")
    return (*fill, *refresh, _text_button(look, statement), submit)


def _menu(look: Look, statement: Statement) -> tuple[Button, ...]:
    if not writes(look, statement):
        return ()
    reason = (Field("text", look.say("ask.reason"), "long", required=True),)
    away = Button(look.say("button.statement_withdraw"), f"/statement withdraw {statement.ref}", statement.touched, "danger", form=reason)
    if statement.state not in (*LIVE, State.PUBLISHED):
        return (away,) if out_all_the_same(look, statement) else ()
    again = Button(look.say("button.statement_submit"), f"/statement submit {statement.ref}", statement.touched)
    lapsed = statement.state is State.PUBLISHED and not statement.released(look.now)
    write = [_text_button(look, statement)] if statement.state is not State.DRAFT else []
    skip = publication_view.menu(look, statement) if may(WRITERS, look.person, look.organization) else ()
    return (*write, *([again] if lapsed else []), away, *skip)


def writes(look: Look, statement: Statement) -> bool:
    return look.person in statement.authors or may(writers(template_of(look, statement)), look.person, look.organization)


def _text_button(look: Look, statement: Statement) -> Button:
    """The whole text, to be written anew: it starts as it stands, as it is this very revision that the button is about."""
    text = look.reader.revisions(statement)[-1].text
    form = (Field("body", look.say("form.body"), "long", value=text, required=True),)
    return Button(look.say("button.statement_text"), f"/statement edit {statement.ref}", statement.touched, form=form)
