"""The incident's card: the truth about it, in one card; of its fields each room is shown what its audience may read."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from handlers.core.alerts import TIMER as ALERTS
from handlers.core.audience import shows
from handlers.core.due import by_when, report_due
from handlers.core.duties import duty_name
from handlers.core.enquiry_view import incident_lines as enquiry_lines
from handlers.core.explain import fact_name, fact_value
from handlers.core.important import important_line
from handlers.core.incident_buttons import Buttons, buttons_of, menu_of, waiting
from handlers.core.look import Look
from handlers.core.message import Button, Card, Outgoing, Tone
from handlers.core.registry import screen
from handlers.core.report_view import closing_lines
from handlers.core.statement_view import incident_lines
from handlers.core.suggestion import in_words, of_incident
from handlers.core.waivers import is_waived, waiver
from handlers.core.wording import Ours
from storage.views.reader import Entry
from workflows.core.approval import State as Asked
from workflows.core.approval import approvers_of
from workflows.incident import COMMON, RUNNING, Incident, State, missing_fields
from workflows.statement import PROMISE
from workflows.task import State as Doing
from workflows.task import Task

#: As many changed facts as one line of a card names.
MOST_FACTS = 4
MINUTE = timedelta(minutes=1)

Lines = list[tuple[str, str]]


@screen("incident")
def incident_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """Everything else points to it. Its text twin says only what every room is shown."""
    incident = look.reader.incident(about["ref"])
    lines = tuple(line for field, part in PARTS.items() if shows(look.audience, field) for line in part(look, incident))
    title = look.say("card.head", level=_level(look, incident), number=incident.number)
    tone: Tone = "good" if incident.state not in RUNNING else look.tone(incident)
    buttons, menu = (_shown(look, found) for found in (buttons_of(look, incident), menu_of(look, incident)))
    note = _watch(look, incident) if shows(look.audience, "watch") else ""
    card = Card(title, lines, note, buttons, tone, incident.drill, menu)
    twin = look.say(
        "card.twin", level=_level(look, incident), number=incident.number, title=incident.title, state=incident.state, ref=incident.ref
    )
    return Outgoing(twin, card)


def _shown(look: Look, buttons: Buttons) -> tuple[Button, ...]:
    return tuple(button for field, button in buttons if shows(look.audience, field))


def _title(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.title_line"), look.words.show(incident.title))]


def _state(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.state"), look.say("card.state_value", state=incident.state, since=_since(look, incident)))]


def _grade(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.grade"), _grade_line(look, incident))]


def _grades(look: Look, incident: Incident) -> Lines:
    judged = {"csrc": _judged(look, incident.csrc_grade), "cac": _judged(look, incident.cac_grade)}
    lines = [(look.say("card.grades"), look.say("card.grades_value", **judged))]
    return [*lines, *_by_thresholds(look, incident)]


def _by_thresholds(look: Look, incident: Incident) -> Lines:
    """What the firm's own thresholds suggest, where that is not how it was judged."""
    today = look.reader.current_plan
    found = of_incident(today, incident, look.now).grade if today.thresholds and incident.running else None
    if found in (None, incident.csrc_grade):
        return []
    return [(look.say("card.suggested"), in_words(look.words, today, incident, look.now))]


def _commander(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.commander"), look.name(incident.commander))]


def _tasks(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.tasks"), _counts(look, look.reader.tasks(incident.ref)))]


def _pending(look: Look, incident: Incident) -> Lines:
    kinds = [(a.ref, look.say(f"approval.kind.{a.kind}")) for a in waiting(look, incident)]
    return [(look.say("card.pending"), look.say("card.pending_value", ref=ref, kind=kind)) for ref, kind in kinds]


def _restricted(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.restricted"), look.say("card.restricted_value"))] if incident.restricted else []


def _oral(look: Look, incident: Incident) -> Lines:
    """Spoken approvals stay visible until the leader has confirmed them, and for ever when denied."""
    spoken = [a for a in look.reader.approvals(incident.ref) if a.state in (Asked.ORAL, Asked.DENIED)]
    kinds = [look.say(f"approval.kind.{a.kind}") for a in spoken]
    said = [
        look.say(f"card.oral_{a.state}", ref=a.ref, kind=kind, by=look.name(a.decided_by)) for a, kind in zip(spoken, kinds, strict=True)
    ]
    return [(look.say("card.oral"), text) for text in said]


def _important(look: Look, incident: Incident) -> Lines:
    line = important_line(look.words, look.reader.plan_of(incident).calendar, look.now, look.zone) if incident.running else ""
    return [(look.say("card.important"), line)] if line else []


def _clock(look: Look, incident: Incident) -> Lines:
    """The regulator's clocks: how many run, the nearest first; after recovery each of the closing reports, for none is another."""
    closing = closing_lines(look, incident) if incident.recovered_at else []
    running = [r for r in look.reader.reports(incident.ref) if r.open and r.deadline_at]
    if not running:
        return closing
    first = min(running, key=lambda r: r.deadline_at or look.now)
    duty = look.reader.plan_of(incident).obligations[first.obligation]
    said = {"name": duty_name(look.words, duty), "figure": look.say(f"report.figure_{duty.binding}")}
    nearest = look.say("card.clock_value", ref=first.ref, due=report_due(first), count=len(running), **said)
    return [(look.say("card.clock"), nearest), *closing]


def _waived(look: Look, incident: Incident) -> Lines:
    """What people agreed not to report stays visible."""
    waived = [report for report in look.reader.reports(incident.ref) if is_waived(report)]
    who = [look.say("card.waived_one", ref=r.ref, said=Ours(waiver(look.words, r, look.name))) for r in waived]
    return [(look.say("card.waived"), look.words.join(who))] if who else []


def _fact(name: str, look: Look, incident: Incident) -> Lines:
    """One of the first report."""
    value = _type(look, incident) if name == "type" else getattr(incident, name)
    return [(look.say(f"incident.field.{name}"), look.words.show(value))] if value else []


def _missing(look: Look, incident: Incident) -> Lines:
    missing = missing_fields(incident) if incident.running else ()
    return [(look.say("card.missing"), look.words.join([look.say(f"incident.field.{name}") for name in missing]))] if missing else []


def _last(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.last"), look.words.show(incident.last_update))] if incident.last_update else []


def _next(look: Look, incident: Incident) -> Lines:
    """The next step: owner, action, time on one line."""
    live = [t for t in look.reader.tasks(incident.ref) if t.live and t.due_at]
    if not live:
        return []
    first = min(live, key=lambda t: t.due_at or look.now)
    when = by_when(look, first)
    return [(look.say("card.next"), look.say("card.next_value", owner=look.name(first.owner), title=first.title, when=when, ref=first.ref))]


def _next_update(look: Look, incident: Incident) -> Lines:
    """The promise."""
    promised = incident.running and incident.next_update_at
    return [(look.say("card.next_update"), look.time(promised))] if promised else []


def _override(look: Look, incident: Incident) -> Lines:
    return [(look.say("card.override"), look.words.show(incident.override_reason))] if incident.override_reason else []


def _watch(look: Look, incident: Incident) -> str:
    """When the engine last looked, and what is due next: that it is alive is seen at a glance."""
    coming = look.reader.next_timers(incident.ref)
    if not coming:
        return look.say("card.watch_over", at=look.now)
    ref, name, due = coming[0]
    return look.say("card.watch", at=look.now, next=due, what=_what_is_next(look, incident, ref, name))


def _regraded(look: Look, incident: Incident) -> Lines:
    """The last change of a grade, or the last reading that did not change it, and why."""
    last = look.reader.last_regrading(incident.ref)
    if last is None:
        return []
    given = last.details.get("given") or {}
    specs = look.reader.plan_of(incident).facts.specs
    facts = [f"{fact_name(look.words, specs[key])}={fact_value(look.words, specs[key], given[key])}" for key in given if key in specs]
    reasons = [str(score[1]) for score in (last.details.get("overrides") or {}).values()]
    why = look.words.join([*facts[:MOST_FACTS], *reasons, *([str(last.details["reason"])] if last.details.get("reason") else [])])
    key = "card.regraded_read" if last.verb == "measured" else "card.regraded_value"
    by = look.name(last.details.get("by"))
    text = look.say(key, at=last.at, by=by, was=_code(look, last, "was"), level=_code(look, last, "response"), why=why or "-")
    return [(look.say("card.regraded"), text)]


def _code(look: Look, entry: Entry, name: str) -> str:
    return look.say(f"code.response_level.{entry.details[name]}")


def _doors(look: Look, incident: Incident) -> Lines:
    """How it left, by whom and why; and what was merged into it."""
    lines = [(look.say("card.absorbed"), look.words.join(list(incident.absorbed)))] if incident.absorbed else []
    if incident.state not in (State.MERGED, State.FALSE_ALARM):
        return lines
    kind = "merge" if incident.state is State.MERGED else "false_alarm"
    left = next(a for a in look.reader.approvals(incident.ref) if a.kind == kind and a.state is Asked.APPROVED)
    answer = look.say("flag.yes" if left.values["delayed"] is True else "flag.no")
    text = look.say(
        "card.left_value",
        into=f"{incident.merged_into} · " if incident.merged_into else "",
        asked=look.name(left.asked_by),
        by=look.name(left.decided_by),
        delayed=answer,
        reason=str(left.values["reason"]),
    )
    return [*lines, (look.say(f"code.incident_state.{incident.state}"), text)]


def _level(look: Look, incident: Incident) -> str:
    provisional = look.say("grade.provisional") if incident.provisional else ""
    return look.say("card.level", level=incident.response_level, provisional=provisional)


def _since(look: Look, incident: Incident) -> str:
    start = incident.occurred_at or incident.known_at
    end = incident.ended_at or look.now
    span = (end - start) // MINUTE * MINUTE
    if span <= timedelta(0):
        return look.say("card.occurred_now" if incident.occurred_at else "card.known_now", at=start)
    return look.say("card.occurred" if incident.occurred_at else "card.known", at=start, span=span)


def _grade_line(look: Look, incident: Incident) -> str:
    scores = look.words.join(
        [look.say("card.score", name=look.say(f"indicator.{key}"), score=score) for key, score in incident.scores.items()]
    )
    named = {one.id: look.words.twin(one.name, one.name_en) or one.id for one in look.reader.plan_of(incident).rubric.floors}
    floor = look.say("card.floor", name=named.get(incident.floor, incident.floor)) if incident.floor else ""
    return look.say("card.grade_value", level=incident.opinion_level, total=incident.opinion_total, scores=scores, floor=floor)


def _judged(look: Look, grade: object) -> str:
    return look.words.show(grade) if grade is not None else look.say("grade.not_judged")


def _counts(look: Look, tasks: list[Task]) -> str:
    counted = [t for t in tasks if t.state is not Doing.CANCELLED]
    dropped = len(tasks) - len(counted)
    cancelled = look.say("card.cancelled", count=dropped) if dropped else ""
    closed = [t for t in counted if t.state is Doing.CLOSED]
    late = [t for t in counted if t.live and t.due_at and t.due_at < look.now]
    nobody = [t for t in counted if t.state is Doing.OPEN]
    checks = [t for t in counted if t.state is Doing.DONE]
    return look.say(
        "card.counts", closed=len(closed), all=len(counted), late=len(late), nobody=len(nobody), checks=len(checks), cancelled=cancelled
    )


def _type(look: Look, incident: Incident) -> str:
    """The main type first, then those whose playbooks were added."""
    books = [look.reader.plan_of(incident).playbooks[name] for name in incident.playbooks if name != COMMON]
    return look.words.join([book.name if look.words.locale == "zh" else book.name_en for book in books])


def _what_is_next(look: Look, incident: Incident, ref: str, timer: str) -> str:
    if timer == ALERTS:
        return look.say("card.watch_alerts")
    if ref[0] == "S":
        return look.say("card.watch_promise" if timer == PROMISE else "card.watch_statement", ref=ref)
    if ref[0] == "P":
        return look.say("card.watch_publication", ref=look.reader.publication(ref).title)
    if timer == "rescore":
        return look.say("card.watch_rescore", who=look.name(look.organization.duty("opinion")))
    if timer == "cadence":
        return look.say("card.watch_update", who=look.name(incident.commander))
    return look.say("card.watch_remind", who=_reminded(look, ref), ref=ref)


def _reminded(look: Look, ref: str) -> str:
    """Whom the record's next reminder is for: people by name, a group by its own."""
    if ref[0] == "A":
        approval = look.reader.approval(ref)
        return look.names((approval.decided_by,) if approval.decided_by else approvers_of(approval, look.organization))
    record = look.reader.task(ref) if ref[0] == "T" else look.reader.report(ref)
    if isinstance(record, Task) and record.owner and record.state is not Doing.DONE:
        return look.name(record.owner)
    group = look.organization.groups.get(record.group)
    return look.words.twin(group.name, group.name_en) if group else record.group


#: Field -> its lines, in the order of the card.
PARTS: Mapping[str, Callable[[Look, Incident], Lines]] = {
    "title": _title,
    "state": _state,
    "grade": _grade,
    "grades": _grades,
    "regraded": _regraded,
    "commander": _commander,
    "tasks": _tasks,
    "pending": _pending,
    "statements": incident_lines,
    "enquiries": enquiry_lines,
    "restricted": _restricted,
    "oral": _oral,
    "important": _important,
    "clock": _clock,
    "waived": _waived,
    **{name: partial(_fact, name) for name in ("type", "system", "place", "reporter", "loss")},
    "missing": _missing,
    "last": _last,
    "next": _next,
    "next_update": _next_update,
    "override": _override,
    "doors": _doors,
}
