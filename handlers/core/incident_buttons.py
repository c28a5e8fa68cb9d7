"""What an incident's card offers to tap, each with its field in `handlers.core.audience`."""

from typing import Literal

from handlers.core import forms
from handlers.core.clocks import listed
from handlers.core.enquiry_view import menu as enquiring
from handlers.core.forms import question
from handlers.core.look import Look
from handlers.core.message import Button
from handlers.core.statement_view import drafting
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.core.rubric import OpinionLevel
from workflows.incident import DOORS, Incident, State, missing_fields

#: As many pending questions as the menu offers a spoken yes for.
MOST_HEARD = 2
#: As many acts as every messenger shows behind one 「更多」.
MOST_MENU = 10

#: (field, what is tapped)
Buttons = list[tuple[str, Button]]


def buttons_of(look: Look, incident: Incident) -> Buttons:
    """At most six: what is done at every incident, in the order in which it is done."""
    ref, version = incident.ref, incident.touched
    update = "update", Button(look.say("button.update"), f"/incident update {ref}", version, form=question(look.say("ask.update")))
    grade = "grading", Button(look.say("button.grade"), f"/incident grade {ref}", None, form=forms.grading(look, incident))
    tasks = "task_list", Button(look.say("button.tasks"), f"/task list {ref}")
    timeline = "timeline", Button(look.say("button.timeline"), f"/incident timeline {ref}")
    # Without its type an incident has none of its own tasks: that comes before everything else.
    first: Literal["plain", "primary"] = "primary" if incident.type else "plain"
    move, shown = {
        State.OPEN: (Button(look.say("button.activate"), f"/incident activate {ref}", None, first), (grade, update)),
        State.ACTIVE: (Button(look.say("button.recovered"), f"/incident recovered {ref}", version, first, confirm=True), (grade, update)),
        State.RECOVERED: (Button(look.say("button.end"), f"/incident end {ref}", None, first), (update,)),
        State.ENDED: (Button(look.say("button.close"), f"/incident close {ref}", None, "primary", confirm=True), ()),
    }.get(incident.state, (None, ()))
    moves = [("move", move), *shown] if move else []
    filling: Buttons = []
    if incident.running and missing_fields(incident):
        style: Literal["plain", "primary"] = "plain" if incident.type else "primary"
        filling = [("fill", Button(look.say("button.fill"), f"/incident fact {ref}", None, style, forms.filling(look, incident)))]
    return [*filling, *moves, tasks, timeline] if not incident.type else [*moves, *filling, tasks, timeline]


def menu_of(look: Look, incident: Incident) -> Buttons:
    """The rarer acts; last, so that nobody meets them by haste, what lowers or leaves."""
    if not incident.running:
        return []
    ref = incident.ref
    first: Buttons = [
        ("grading", Button(look.say("button.score"), f"/incident grade {ref}", None, form=forms.scoring(look, incident))),
        ("task_list", Button(look.say("button.task_add"), f"/task add {ref}", None, form=forms.adding(look, incident))),
        *_drafting(look, incident),
        ("handover", Button(look.say("button.handover"), f"/incident handover {ref}", None, form=forms.handing_over(look, incident))),
        *(("playbook", button) for button in _playbook_buttons(look, incident)),
    ]
    last: Buttons = [*_lowering(look, incident), *(("leave", button) for button in _leaving(look, incident))]
    room = min(MOST_HEARD, MOST_MENU - len(first) - len(last))
    heard = [_heard_button(look, approval) for approval in waiting(look, incident) if _may_be_heard(look, incident, approval)]
    told: Buttons = [("enquiring", button) for button in enquiring(look, incident)]
    fitting = [*first, *(("heard", button) for button in heard[:room])]
    return [*fitting, *told[: MOST_MENU - len(fitting) - len(last)], *last]


def _drafting(look: Look, incident: Incident) -> Buttons:
    form = drafting(look, incident)
    return [("drafting", Button(look.say("button.statement_draft"), f"/statement draft {incident.ref}", None, form=form))] if form else []


def _lowering(look: Look, incident: Incident) -> Buttons:
    if incident.provisional or incident.opinion_level is OpinionLevel.MILD:
        return []
    return [
        ("grading", Button(look.say("button.downgrade"), f"/incident downgrade {incident.ref}", None, form=forms.lowering(look, incident)))
    ]


def _leaving(look: Look, incident: Incident) -> list[Button]:
    if incident.state not in DOORS:
        return []
    ref, into, form = incident.ref, forms.mergeable(look, incident), forms.leaving(look, incident)
    merge = [Button(look.say("button.merge"), f"/incident merge {ref}", None, form=forms.leaving(look, incident, into))] if into else []
    return [*merge, Button(look.say("button.false_alarm"), f"/incident false-alarm {ref}", None, form=form)]


def waiting(look: Look, incident: Incident) -> list[Approval]:
    return [a for a in look.reader.approvals(incident.ref) if a.state is Asked.PENDING]


def _may_be_heard(look: Look, incident: Incident, approval: Approval) -> bool:
    """What stops a regulator's clock, and what the plan names, is never approved by voice."""
    return approval.kind not in look.response(incident).no_oral and not (listed(approval) or listed(approval, "later"))


def _heard_button(look: Look, approval: Approval) -> Button:
    """A leader said yes on the phone: whoever may write that down is told by the command."""
    return Button(
        look.say("button.heard", ref=approval.ref), f"/approve {approval.ref}", approval.touched, form=forms.hearing(look, approval)
    )


def _playbook_buttons(look: Look, incident: Incident) -> list[Button]:
    if incident.type is None:
        return []
    ways = {how: forms.typing(look, incident, how) for how in ("add", "main")}
    return [
        Button(look.say(f"button.playbook_{how}"), f"/incident playbook {how} {incident.ref}", None, form=form)
        for how, form in ways.items()
        if form[0].options
    ]
