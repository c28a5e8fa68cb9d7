"""News of a regulator's clock to whoever has to act. None = it no longer matters."""

from collections.abc import Mapping
from typing import Any

from handlers.core import report_view as view
from handlers.core.audience import tells
from handlers.core.deciding import hangs_on
from handlers.core.due import report_due
from handlers.core.duties import recipients
from handlers.core.look import Look
from handlers.core.message import Card, Outgoing
from handlers.core.registry import screen
from handlers.core.summons import moment_of, summons, to_people
from workflows.incident import Incident
from workflows.regulator_report import Report
from workflows.regulator_report import State as Clock


def _clock_news(kind: str) -> None:
    """News of a regulator's clock to whoever has to act: which report, to whom, by when, and why."""

    @screen(f"report.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        report, values = look.reader.report(about["ref"]), about["values"]
        incident = look.reader.incident(report.incident)
        if not report.open or report.touched > about["version"]:
            return None
        mentions = tuple(values.get("people", ())) if kind in ("mention", "phones") and not look.person else ()
        if not tells(look.audience, f"report.{kind}"):
            return summons(look, incident.ref, list(mentions))
        text = _clock_text(look, incident, report, kind, values)
        text = to_people(look, list(mentions), text) if mentions else text
        head = look.say("notice.report_head", ref=report.ref, number=incident.number)
        lines = (("", text), (look.say("report.basis"), view.basis(look, report)))
        # Not everybody who hears of what is not decided has the card of questions.
        answers = hangs_on(look, incident, report)[1] if report.state is Clock.TO_DECIDE else ()
        return Outgoing(text, Card(head, lines, "", (*answers, *view.buttons(look, report)), "danger", incident.drill), mentions)


def _clock_text(look: Look, incident: Incident, report: Report, kind: str, values: Mapping[str, Any]) -> str:
    """A mention says in the chat what the reminder says to one person."""
    said = kind if kind != "mention" else "ask" if report.state is Clock.TO_DECIDE else "reminder"
    deadline, group, plan = report.deadline_at or look.now, look.organization.groups[report.group], look.reader.plan_of(incident)
    return look.say(
        f"notice.report_{said}",
        ref=report.ref,
        name=view.named(look, report),
        to=recipients(look.words, plan, report.missing or report.recipients),
        due=report_due(report) or deadline,
        late=look.say("report.late", span=look.now - deadline) if deadline < look.now else "",
        missed=look.say("reminder.missed", count=values["missed"]) if values.get("missed") else "",
        between=look.say("report.between", count=values["between"]) if values.get("between") else "",
        paper=look.say(f"report.reminder_{report.state}", version=report.drafts) if report.state in (Clock.DRAFTED, Clock.SIGNED) else "",
        facts=hangs_on(look, incident, report)[0] if said == "ask" else "",
        phones=_doers_phones(look, report.group) if kind == "phones" else "",
        wider=look.say("report.wider", at=moment_of(values["all_at"])) if values.get("all_at") else "",
        rung=str(values.get("rung", "")),
        group=look.words.twin(group.name, group.name_en),
        next=moment_of(values.get("next_at")) or deadline,
    )


def _doers_phones(look: Look, group: str) -> str:
    people = [look.organization.people[p] for p in look.organization.groups[group].everyone]
    return look.words.join([f"{p.name} {p.phone}".strip() for p in people])


for _kind in ("opened", "due", "started", "tightened", "lengthened", "handed", "reminder", "ask", "phones", "mention", "empty_rung"):
    _clock_news(_kind)
