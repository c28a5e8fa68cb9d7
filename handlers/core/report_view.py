"""How a report is shown: what is due to whom, on what that rests, who was told, how far its paper is, and what to tap."""

from dataclasses import replace

from handlers.core import forms
from handlers.core.access import may
from handlers.core.audience import WHOLE
from handlers.core.due import report_due
from handlers.core.duties import certainty, duty_name, recipients
from handlers.core.forms import question
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing, Tone
from handlers.core.paper_rights import WAIVERS, filers, makers, signers
from handlers.core.waivers import is_waived, waiver
from workflows.core.obligation import Obligation
from workflows.core.paper import Form
from workflows.incident import Incident
from workflows.regulator_report import SETTLED, WANTED, Filing, Report, State, last_told

Lines = list[tuple[str, str]]
#: As many reports as a list gives buttons.
MOST_LISTED = 3


def duty_of(look: Look, report: Report) -> Obligation:
    return look.reader.plan_of(report).obligations[report.obligation]


def basis(look: Look, report: Report) -> str:
    """On what a deadline rests, and how certain that is: nobody shall take our default for law."""
    duty = duty_of(look, report)
    said = look.words.twin(duty.basis, duty.basis_en)
    if report.completing:
        return look.say("report.basis_rest", basis=said)
    return look.say("report.basis_value", basis=said, certainty=certainty(look.words, duty))


def line(look: Look, report: Report) -> str:
    """One report on one line."""
    to = look.words.join(recipients(look.words, look.reader.plan_of(report), report.missing or report.recipients))
    said = waiver(look.words, report, look.name) if is_waived(report) else _figure(look, report)
    return look.say("report.line", ref=report.ref, name=named(look, report), state=report.state, due=due(look, report), to=to, said=said)


def _figure(look: Look, report: Report) -> str:
    """No text has a figure for the rest of what was told in part."""
    return look.say("report.binding_default") if report.completing else certainty(look.words, duty_of(look, report))


def named(look: Look, report: Report) -> str:
    name = duty_name(look.words, duty_of(look, report))
    return look.say("report.rest_of", name=name) if report.completing else name


def due(look: Look, report: Report) -> str:
    """Until when, and how late it is."""
    if report.deadline_at is None:
        return look.say("report.no_clock")
    late = look.now - report.deadline_at
    said = look.words.show(report_due(report), look.now)
    return said + look.say("report.late", span=late) if report.open and late.total_seconds() > 0 else said


def card(look: Look, report: Report) -> Outgoing:
    """All that is known of one report."""
    incident, duty = look.reader.incident(report.incident), duty_of(look, report)
    lines = [
        ("", named(look, report)),
        (look.say("card.state"), look.words.show(report.state)),
        (look.say("report.due_label"), due(look, report)),
        *_counted(look, report, duty),
        (look.say("report.basis"), basis(look, report)),
        *_told(look, report),
        *_paper(look, report),
    ]
    late = report.open and report.deadline_at is not None and report.deadline_at < look.now
    tone: Tone = "good" if report.state in SETTLED else "danger" if late else "warning"
    title = look.say("notice.report_head", ref=report.ref, number=incident.number)
    twin = "\n".join(f"{name} {value}".strip() for name, value in lines)
    return Outgoing(f"{title}\n{twin}", Card(title, tuple(lines), "", buttons(look, report), tone, incident.drill))


def _counted(look: Look, report: Report, duty: Obligation) -> Lines:
    """From which event, by which calendar."""
    if report.since_at is None:
        return []
    clock = look.say(f"plan.clock.{duty.clock}")
    how = look.say(f"plan.day_count.{report.calendar}")
    return [(look.say("report.since_label"), look.say("report.since", clock=clock, at=report.since_at, how=how))]


def _told(look: Look, report: Report) -> Lines:
    """Each recipient with a receipt of its own, of this issue; of the issues before only the last."""
    plan = look.reader.plan_of(report)
    shown = report.issue if report.missing != report.recipients or not report.filed else report.filed[-1].issue
    filings = [one for one in report.filed if one.issue == shown]
    lines = [(look.words.join(recipients(look.words, plan, [one.to])), _filing(look, one)) for one in filings]
    missing = recipients(look.words, plan, report.missing) if report.open else []
    return [*lines, *((name, look.say("report.not_told")) for name in missing)]


def _filing(look: Look, filing: Filing) -> str:
    said = look.say("report.told_value", at=filing.at, proof=filing.proof, by=look.name(filing.by))
    part = look.say("report.told_part") if filing.partial else ""
    # What was said to a regulator says more than some rooms are shown.
    points = look.say("report.told_points", points=filing.points) if filing.points and look.audience == WHOLE else ""
    return said + part + points


def _paper(look: Look, report: Report) -> Lines:
    if not report.draft_sha256:
        return []
    said = {"version": report.drafts, "by": look.name(report.drafted_by), "digest": report.draft_sha256[:16]}
    signed = look.say("report.paper_signed", by=look.name(report.signed_by), at=report.signed_at) if report.signed_by else ""
    return [(look.say("report.paper_label"), look.say("report.paper_value", **said) + signed)]


# What to tap


def form_of(look: Look, report: Report) -> Form | None:
    """The form of its paper, as the plan is today."""
    return look.reader.current_plan.papers.get(duty_of(look, report).paper)


def buttons(look: Look, report: Report) -> tuple[Button, ...]:
    """What can be done with it now by the reader (in a room: by anybody of it), the next step first."""
    if not report.open:
        return ()
    drafting, waiving = _draft(look, report), _waive(look, report)
    rest = (*waiving, *drafting) if report.state is State.TO_DECIDE else (*drafting, *waiving)
    found = [*_sign(look, report), *(told_buttons(look, report) if _may(look, filers(report)) else ()), *rest]
    return tuple(replace(one, style="primary" if number == 0 else one.style) for number, one in enumerate(found))


def _may(look: Look, who: str) -> bool:
    return not look.person or may(who, look.person, look.organization)


def told_buttons(look: Look, report: Report) -> tuple[Button, ...]:
    """已报 with its form; of a series that goes on, also that nothing has changed, at one tap."""
    filed = Button(look.say("button.filed", ref=report.ref), f"/report filed {report.ref}", None, form=forms.filing(look, report))
    if not report.repeating or last_told(look.reader.reports(report.incident), report) is None:
        return (filed,)
    return filed, Button(look.say("button.unchanged", ref=report.ref), f"/report filed {report.ref} unchanged=yes", report.touched)


def listed(look: Look, reports: list[Report]) -> tuple[Button, ...]:
    """What stands under a list: the next step of the most urgent, two each."""
    return tuple(button for report in reports[:MOST_LISTED] for button in buttons(look, report)[:2])


def sign_buttons(look: Look, report: Report) -> tuple[Button, ...]:
    sign = Button(look.say("button.sign", ref=report.ref), f"/report sign {report.ref} version={report.drafts}", report.touched)
    back = Button(
        look.say("button.return_draft", ref=report.ref),
        f"/report return {report.ref} version={report.drafts}",
        report.touched,
        "danger",
        form=question(look.say("ask.reason")),
    )
    return replace(sign, style="primary", confirm=True), back


def _sign(look: Look, report: Report) -> tuple[Button, ...]:
    if report.state is not State.DRAFTED or look.person == report.drafted_by:
        return ()
    incident = look.reader.incident(report.incident)
    may_sign = signers(look.reader.plan_of(report), look.response(incident), incident, report.obligation, look.organization)
    return sign_buttons(look, report) if not look.person or look.person in may_sign else ()


def _draft(look: Look, report: Report) -> tuple[Button, ...]:
    form = form_of(look, report)
    if form is None or not _may(look, makers(report)):
        return ()
    again = report.draft_sha256 and report.state in WANTED
    label = look.say("button.draft_again" if again else "button.draft_paper", ref=report.ref)
    whole = Button(label, f"/report draft {report.ref}", None)
    ahead = form.partial and not report.draft_sha256 and not report.completing
    first = [Button(look.say("button.draft_first", ref=report.ref), f"/report draft {report.ref} partial=yes", None)] if ahead else []
    return (whole, *first)


def _waive(look: Look, report: Report) -> tuple[Button, ...]:
    """Where it may be read that something is not reported, it may be asked for."""
    if not look.shows("waived") or not _may(look, WAIVERS):
        return ()
    label = look.say("button.waive", ref=report.ref)
    return (Button(label, f"/report not-required {report.ref}", None, form=forms.waiving(look, report)),)


def closing_lines(look: Look, incident: Incident) -> Lines:
    """The closing reports, each with a clock of its own: they are never one."""
    found = [r for r in look.reader.reports(incident.ref) if duty_of(look, r).closing]
    return [
        (look.say("card.closing"), look.say("card.closing_value", ref=r.ref, name=named(look, r), state=r.state, due=due(look, r)))
        for r in found
    ]
