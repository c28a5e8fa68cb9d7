"""How publications are shown: what would go where, the ledger of what went, and what is still to be done."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from handlers.core.look import Look
from handlers.core.message import Button, Card, Field, Outgoing, Tone
from handlers.core.reasons import parts
from workflows.core.outlet import Outlet
from workflows.publication import OPEN, OUT, Publication, State
from workflows.statement import Statement

Lines = list[tuple[str, str]]

#: A button's command is never longer (see Button).
MOST_BYTES = 100
MOST_BUTTONS, MOST_SKIPS = 4, 8
#: So much of the digest stands for it where people read or type it.
SHORT = 8
#: It has been sent, or is being sent: not once more.
STARTED = (State.WAITING, State.ASKED, *OUT)
#: So much of the text is shown where it is asked whether it shall go.
FIRST_LINES = 3
TONES: Mapping[State, Tone] = {State.DONE: "good", State.REHEARSED: "good", State.FAILED: "danger", State.STOPPED: "danger"}


def title(look: Look, outlet: Outlet) -> str:
    return outlet.title_en if look.words.locale == "en" and outlet.title_en else outlet.title


def line(look: Look, one: Publication) -> str:
    """`官方微博 · 已发布 14:02 https://…`"""
    key = "publication.line_trying" if one.state is State.WAITING and one.attempts else f"publication.line_{one.state}"
    at = one.done_at or one.asked_at
    receipt = parts(look.words, one.receipt) if one.receipt and not one.manual else one.receipt
    more = " ".join(filter(None, [one.link, receipt, look.say("publication.screenshot") if one.evidence else ""]))
    return look.say(key, outlet=one.title, at=at, more=more, reason=why(look, one), attempts=one.attempts).rstrip(" ·")


def why(look: Look, one: Publication) -> str:
    """What a transport says, in the reader's words; what people wrote as they wrote it."""
    return parts(look.words, one.reason) if one.reason and one.state in (State.WAITING, State.FAILED) else one.reason


def ledger(look: Look, statement: Statement) -> Lines:
    """Where and when, the newest text first."""
    found = [one for one in look.reader.publications(statement.incident) if one.statement == statement.ref]
    lines = Lines()
    for revision in sorted({one.revision for one in found}, reverse=True):
        these = [one for one in found if one.revision == revision]
        kind = look.words.say(f"publication.kind.{these[0].kind}") if these[0].kind != "statement" else ""
        label = look.say("publication.ledger", revision=revision, kind=kind, hash=these[0].digest[:SHORT])
        lines.append((label, "\n".join(line(look, one) for one in these)))
    return lines


def unsaid(look: Look, incident: str) -> list[Publication]:
    """What somebody or something still has to do."""
    return [one for one in look.reader.publications(incident) if one.state in OPEN]


def asked(
    look: Look, statement: Statement, text: str, outlets: Sequence[Outlet], former: Mapping[str, Publication], promised: datetime | None
) -> Outgoing:
    """What would go where, and the button that does it."""
    drill = look.reader.incident(statement.incident).drill
    named = [(outlet, former.get(outlet.name)) for outlet in outlets]
    where = [_where(look, outlet, statement, before) for outlet, before in named]
    left = [one.title for name, one in former.items() if name not in {outlet.name for outlet in outlets}]
    lines = [
        ("", "\n".join(text.splitlines()[:FIRST_LINES])),
        (look.say("publication.to", count=len(outlets)), "\n".join(where)),
        *([(look.say("publication.left"), look.words.join(left))] if left else []),
        (look.say("card.hash"), statement.digest[:SHORT]),
        *([(look.say("publication.promised"), look.time(promised))] if promised else []),
    ]
    head = look.say("publication.asked", ref=statement.ref, revision=statement.revision, count=len(outlets))
    note = look.say("publication.asked_drill" if drill else "publication.asked_note")
    typed = _command(statement, [outlet.name for outlet in outlets], promised, look)
    shown = look.say("publication.typed", ref=statement.ref, hash=statement.digest[:SHORT], outlets=",".join(one.name for one in outlets))
    card = Card(head, tuple(lines), note, (_confirm(look, statement, outlets, promised, typed),), "warning", drill)
    say = look.say(
        "publication.asked_twin",
        head=head,
        where="\n".join(where),
        typed=shown + _next(look, promised),
        text="\n".join(text.splitlines()[:FIRST_LINES]),
    )
    return Outgoing(say, card)


def _where(look: Look, outlet: Outlet, statement: Statement, before: Publication | None) -> str:
    kind = look.words.say(f"outlet.{outlet.kind}")
    who = (
        look.names(tuple(dict.fromkeys(p for spec in outlet.who for p in look.organization.resolve(spec)))) if outlet.who else outlet.target
    )
    said = look.say("publication.where", outlet=title(look, outlet), kind=kind, target=who)
    return look.say("publication.where_instead", where=said, revision=before.revision) if before else said


def _command(statement: Statement, names: Sequence[str], promised: datetime | None, look: Look) -> str:
    return f"/statement publish {statement.ref} confirm={statement.digest[:SHORT]} channels={','.join(names)}{_next(look, promised)}"


def _next(look: Look, promised: datetime | None) -> str:
    return f" next={promised.astimezone(look.zone):%Y-%m-%dT%H:%M}" if promised else ""


def _confirm(look: Look, statement: Statement, outlets: Sequence[Outlet], promised: datetime | None, typed: str) -> Button:
    """In one tap where all of it fits into a command; else what it says stands in a form."""
    label = look.say("button.publish_confirm", count=len(outlets))
    if len(typed.encode()) <= MOST_BYTES:
        return Button(label, typed, statement.touched, "danger", confirm=True)
    return publish_button(look, statement, [outlet.name for outlet in outlets], label)


def publish_button(look: Look, statement: Statement, names: Sequence[str], label: str) -> Button:
    """Which channels, as they would be chosen; sending the form is the yes to the text that stands on the card."""
    form = (
        Field("channels", look.say("form.channels"), value=",".join(names), required=True, hint=look.say("form.channels_hint")),
        Field("next", look.say("form.next"), "time"),
    )
    return Button(
        label, f"/statement publish {statement.ref} confirm={statement.digest[:SHORT]}", statement.touched, "primary", form, confirm=True
    )


def receipt_button(look: Look, one: Publication) -> Button:
    form = (
        Field("link", look.say("form.link"), hint=look.say("form.link_hint")),
        Field("at", look.say("form.posted_at"), "time"),
        Field("text", look.say("form.receipt_note"), "long"),
    )
    label = look.say("button.receipt", outlet=one.title)
    return Button(label, f"/statement receipt {one.statement} channel={one.outlet}", None, "primary", form, files=True)


def skip_button(look: Look, one: Publication) -> Button:
    reason = (Field("text", look.say("ask.reason"), "long", required=True),)
    label = look.say("button.publish_skip", outlet=one.title)
    return Button(label, f"/statement skip {one.statement} channel={one.outlet}", None, "plain", form=reason)


def retry_button(look: Look, one: Publication) -> Button:
    label = look.say("button.publish_retry", outlet=one.title)
    return Button(label, f"/statement publish {one.statement} confirm={one.digest[:SHORT]} channels={one.outlet}", None, "primary")


def card(look: Look, one: Publication, text: str, *, acts: bool) -> Outgoing:
    """To who posts it by hand: the text in full, until when, and the receipt."""
    drill = look.reader.incident(one.incident).drill
    head = look.say("publication.card", outlet=one.title, ref=one.statement, revision=one.revision)
    lines = [
        *([("", text)] if one.state is State.ASKED else []),
        (look.say("card.state"), line(look, one)),
        (look.say("card.hash"), one.digest[:SHORT]),
        *([(look.say("publication.kind_label"), look.words.say(f"publication.kind.{one.kind}"))] if one.kind != "statement" else []),
    ]
    note = look.say(f"publication.note_{one.state}")
    buttons = (receipt_button(look, one),) if acts and one.state is State.ASKED else ()
    twin = look.say("publication.twin", head=head, line=line(look, one), text=text if one.state is State.ASKED else "").rstrip()
    return Outgoing(twin, Card(head, tuple(lines), note, buttons, TONES.get(one.state, "warning"), drill))


def buttons(look: Look, statement: Statement, *, writes: bool) -> tuple[Button, ...]:
    """What can be done now for the text to get out: sent, its receipt given, tried again."""
    every = [one for one in look.reader.publications(statement.incident) if one.statement == statement.ref]
    outlets = look.reader.current_plan.outlets
    found: list[Button] = []
    if writes and statement.released(look.now) and (names := [one.name for one in usual(outlets.values(), statement, every)]):
        found.append(publish_button(look, statement, names, look.say("button.publish")))
    for one in every if writes else ():
        if one.state is State.ASKED:
            found.append(receipt_button(look, one))
        elif one.state is State.FAILED and one.digest == statement.digest and statement.released(look.now):
            found.append(retry_button(look, one))
    return tuple(found[:MOST_BUTTONS])


def menu(look: Look, statement: Statement) -> tuple[Button, ...]:
    every = [one for one in look.reader.publications(statement.incident) if one.statement == statement.ref]
    return tuple(skip_button(look, one) for one in every if one.state in OPEN)[:MOST_SKIPS]


def usual(outlets: Iterable[Outlet], statement: Statement, every: Sequence[Publication]) -> list[Outlet]:
    """Where a text goes when nobody says where: where the one before stands, and what the plan chooses; not where it is or was given up."""
    known, before = list(outlets), standing(statement, every)
    has = {one.outlet for one in every if one.revision == statement.revision and one.state in (*STARTED, State.GIVEN_UP)}
    chosen = [one for one in known if one.default] or known
    first = [one for one in known if one.name in before]
    return [one for one in dict.fromkeys(first if statement.withdrawal else (*first, *chosen)) if one.name not in has]


def standing(statement: Statement, every: Iterable[Publication]) -> dict[str, Publication]:
    """By outlet, the text before this one that is out there."""
    before = [one for one in every if one.statement == statement.ref and one.revision < statement.revision and one.state in OUT]
    return {one.outlet: one for one in sorted(before, key=lambda one: one.revision)}
