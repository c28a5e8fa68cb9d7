"""The tables of a paper: timeline, gradings with their working, tasks, approvals, reports with their receipts."""

from collections.abc import Callable, Mapping
from datetime import datetime

from handlers.core.duties import duty_name, recipients
from handlers.core.paper_trail import Trail
from handlers.core.telling import COUNTED, DOUBLES, note_of
from handlers.core.waivers import is_waived, waiver
from storage.views.reader import Entry
from workflows.core.approval import Approval
from workflows.core.paper import TABLES, Line, Part, Source
from workflows.enquiry import Enquiry
from workflows.publication import Kind, Publication
from workflows.regulator_report import WANTED, Filing, Report
from workflows.regulator_report import State as ReportState
from workflows.rumour import Rumour

_PAPERS = ("drafted", "issued", "sign_held", "draft_returned", "summarised", "recomputed", "rescheduled")
#: Rows of the trail that are no part of what happened: the clock's own, what was refused, papers about it.
_ASIDE = (*COUNTED, *DOUBLES, *_PAPERS, "escalated", "refused", "ring_skipped", "publish_tried")

Cells = tuple[Line, ...]
#: Neither late nor in time.
NEITHER = "—"
#: Millimetres of each column.
WIDTHS = {
    "timeline": (50, 22, 84),
    "grading": (50, 20, 60, 26),
    "tasks": (14, 62, 40, 24, 16),
    "approvals": (14, 56, 22, 24, 40),
    "statements": (30, 40, 22, 64),
    "reports": (42, 30, 36, 32, 16),
    "enquiries": (14, 30, 56, 24, 32),
    "rumours": (14, 60, 22, 36, 24),
    "publications": (38, 34, 24, 30, 30),
}


def table(trail: Trail, name: str, title: str) -> Part:
    if name in NOT_KEPT:
        return Part(title, note=trail.look.say(f"paper.not_kept.{name}"))
    heads = tuple(trail.look.say(f"paper.head.{one}") for one in _HEADS[name])
    rows = _TABLES[name](trail)
    return Part(title, (), heads, rows, WIDTHS[name], kind=name) if rows else Part(title, note=trail.look.say("paper.none"))


def _timeline(trail: Trail) -> tuple[Cells, ...]:
    """The same act on several items at the same time is one row."""
    acts: dict[tuple[object, ...], list[Entry]] = {}
    for one in trail.entries:
        if one.verb not in _ASIDE and ":" not in one.ref:
            acts.setdefault((one.at, one.actor, one.verb, one.ref[:1], note_of(trail.look, trail.incident, one)), []).append(one)
    return tuple(_act(trail, same, str(act[-1])) for act, same in acts.items())


def _act(trail: Trail, same: list[Entry], note: str) -> Cells:
    first = same[0]
    refs = sorted((one.ref for one in same), key=lambda ref: int(ref[1:]))
    what = f"{trail.look.words.say(f'verb.{first.verb}')} {trail.look.words.join(refs)}"
    return (
        trail.line(trail.time(first.at), trail.sources(same[:1])),
        Line(trail.actor(first.actor)),
        trail.plain(f"{what} {note}".strip()),
    )


def _grading(trail: Trail) -> tuple[Cells, ...]:
    rubric, found = trail.look.reader.plan_of(trail.incident).rubric, []
    names = {one.key: trail.look.words.twin(one.name, one.name_en) for one in rubric.indicators}
    floors = {one.id: trail.look.words.twin(one.name, one.name_en) for one in rubric.floors}
    for one in trail.look.reader.gradings(trail.incident.ref):
        source = trail.sources(trail.of(one.ref, "scored")[-1:])
        scores = trail.look.words.join(f"{names.get(key, key)} {score}" for key, score in one.scores.items())
        floor = floors.get(one.floor or "", trail.look.say("paper.none"))
        working = trail.look.say("paper.working", scores=scores, total=one.total, floor=floor)
        level = trail.code(one.level) + (trail.look.say("paper.provisional") if one.provisional else "")
        found.append((trail.line(trail.time(one.at), source), Line(trail.actor(one.by)), trail.line(working, source), Line(level)))
    return tuple(found)


def _tasks(trail: Trail) -> tuple[Cells, ...]:
    found = []
    for task in trail.look.reader.tasks(trail.incident.ref):
        rows = [one for one in trail.entries if one.ref == task.ref and one.verb not in ("reminded", "escalated")]
        group = trail.look.organization.groups[task.group]
        who = trail.look.name(task.done_by or task.owner) if task.done_by or task.owner else trail.look.words.say("word.nobody")
        found.append(
            (
                Line(task.ref),
                trail.plain(task.title),
                Line(f"{trail.look.words.twin(group.name, group.name_en)} {who}"),
                trail.line(trail.code(task.state), trail.sources(rows[-1:])),
                _kept(trail, task.due_at, task.done_at),
            )
        )
    return tuple(found)


def _approvals(trail: Trail) -> tuple[Cells, ...]:
    found = []
    for one in trail.look.reader.approvals(trail.incident.ref):
        rows = [row for row in trail.entries if row.ref == one.ref and row.verb != "reminded"]
        decided = trail.time(one.decided_at) if one.decided_at else trail.look.say("paper.none")
        who = trail.look.name(one.decided_by) if one.decided_by else trail.look.say("paper.none")
        found.append(
            (
                Line(one.ref),
                trail.plain(one.text.partition("\n")[0]),
                Line(trail.actor(one.asked_by)),
                trail.line(trail.code(one.state), trail.sources(rows[-1:])),
                Line(f"{who} {decided}" if one.decided_by else who),
            )
        )
    return tuple(found)


def _reports(trail: Trail) -> tuple[Cells, ...]:
    """One row for each recipient that was told, and for each report that is still to be made or need not be."""
    return tuple(row for report in trail.look.reader.reports(trail.incident.ref) for row in _report(trail, report))


def _report(trail: Trail, report: Report) -> list[Cells]:
    plan = trail.look.reader.plan_of(trail.incident)
    name = Line(f"{report.ref} {duty_name(trail.look.words, plan.obligations[report.obligation])}")
    rows = [_filing(trail, report, name, one) for one in report.filed]
    if report.state is ReportState.FILED:
        return rows
    last = [one for one in trail.entries if one.ref == report.ref and one.verb not in ("reminded", "escalated")]
    to = Line(trail.look.words.join(recipients(trail.look.words, plan, report.missing or report.recipients)))
    due = Line(trail.time(report.deadline_at)) if report.deadline_at else Line(trail.look.say("paper.not_started"))
    why = waiver(trail.look.words, report, trail.look.name) if is_waived(report) else ""
    # How far our own paper is, is nobody else's business, and would make every other paper out of date.
    shown = ReportState.DUE if report.state in WANTED else report.state
    state = " ".join(part for part in (trail.code(shown), why) if part)
    return [*rows, (name, to, due, trail.line(state, trail.sources(last[-1:])), Line(NEITHER))]


def _filing(trail: Trail, report: Report, name: Line, filing: Filing) -> Cells:
    plan = trail.look.reader.plan_of(trail.incident)
    rows = [one for one in trail.of(report.ref, "filed", "filed_in_part") if _tells(one, filing)]
    source, late = trail.sources(rows[-1:]), bool(rows and rows[-1].details.get("late"))
    said = trail.look.say("paper.late" if late else "paper.in_time")
    return (
        name,
        Line(trail.look.words.join(recipients(trail.look.words, plan, [filing.to]))),
        trail.line(trail.time(filing.at), source),
        trail.line(filing.proof, source),
        Line(said),
    )


def _enquiries(trail: Trail) -> tuple[Cells, ...]:
    """Who asked, and with which text it was answered; those without an answer too. How to reach the journalist stands in no paper."""
    found = []
    for one in trail.look.reader.enquiries(trail.incident.ref):
        asked = f"{one.outlet or trail.look.say('enquiry.no_outlet')} {trail.time(one.asked_at)}"
        state = trail.line(trail.code(one.state), _last(trail, one.ref))
        found.append((Line(one.ref), trail.plain(asked), trail.plain(one.question), state, _said(trail, one)))
    return tuple(found)


def _rumours(trail: Trail) -> tuple[Cells, ...]:
    found = []
    for one in trail.look.reader.rumours(trail.incident.ref):
        finding = trail.code(one.finding) if one.finding else trail.look.say("paper.none")
        judged = trail.line(finding, trail.sources(trail.of(one.ref, "rumour_found", "rumour_unclear", "rumour_doubted")[-1:]))
        found.append((Line(one.ref), trail.plain(one.claim), judged, trail.plain(one.basis or NEITHER), _said(trail, one)))
    return tuple(found)


def _last(trail: Trail, ref: str) -> tuple[Source, ...]:
    return trail.sources([one for one in trail.entries if one.ref == ref and one.verb != "reminded"][-1:])


def _said(trail: Trail, one: Enquiry | Rumour) -> Line:
    """Which text, by its digest; or why none."""
    if one.statement:
        said = trail.look.say("paper.said", ref=one.statement, revision=one.said_revision, hash=one.said_digest[:16])
        return trail.line(said, trail.sources(trail.of(one.ref, "enquiry_answered", "rumour_answered")[-1:]))
    if one.reason:
        return trail.line(trail.look.words.show(one.reason), trail.sources(trail.of(one.ref, "enquiry_declined", "rumour_left")[-1:]))
    return Line(trail.look.say("paper.none"))


def _tells(entry: Entry, filing: Filing) -> bool:
    same = datetime.fromisoformat(str(entry.details["when"])) == filing.at
    return same and entry.details["issue"] == filing.issue and filing.to in entry.details["to"]


def _statements(trail: Trail) -> tuple[Cells, ...]:
    """Each text that a statement ever had, by its digest: who wrote it when, who agreed to exactly these bytes when, what became of it."""
    asked = [one for one in trail.look.reader.approvals(trail.incident.ref) if one.kind == "statement"]
    found = []
    for statement in trail.look.reader.statements(trail.incident.ref):
        for text in trail.look.reader.revisions(statement):
            given = [one for one in asked if (one.subject, one.values["revision"]) == (statement.ref, text.number) and one.decided_by]
            last = text.number == statement.revision
            written = trail.look.say("paper.written", number=text.number, digest=text.digest[:16], by=trail.look.name(text.by))
            found.append(
                (
                    trail.plain(f"{statement.ref} {statement.title}"),
                    trail.line(f"{written} {trail.time(text.at)}", trail.sources(trail.of(text.ref, "written")[-1:])),
                    Line(trail.code(statement.state) if last else trail.look.say("paper.replaced")),
                    _agreed(trail, given),
                )
            )
    return tuple(found)


def _agreed(trail: Trail, given: list[Approval]) -> Line:
    """Who said what to it, and whether that still holds."""
    if not given:
        return Line(trail.look.say("paper.none"))
    said = (
        f"{one.ref} {trail.look.name(one.decided_by)} {trail.code(one.state)} {trail.time(one.decided_at)}"
        for one in given
        if one.decided_at
    )
    rows = [row for one in given for row in trail.entries if row.ref == one.ref and row.verb != "reminded"]
    return trail.line(trail.look.words.join(said), trail.sources({row.ref: row for row in rows}.values()))


def _publications(trail: Trail) -> tuple[Cells, ...]:
    """One row for each text at each channel."""
    titles = {one.ref: one.title for one in trail.look.reader.statements(trail.incident.ref)}
    return tuple(_published(trail, one, titles[one.statement]) for one in trail.look.reader.publications(trail.incident.ref))


def _published(trail: Trail, one: Publication, title: str) -> Cells:
    rows = [row for row in trail.entries if row.ref == one.ref and row.verb not in ("reminded", "publish_tried")]
    kind = "" if one.kind is Kind.STATEMENT else trail.look.words.say(f"publication.kind.{one.kind}")
    name = trail.look.say("statement.named", ref=one.statement, revision=one.revision, title=title)
    at = trail.time(one.done_at) if one.done_at else ""
    receipt = " ".join(part for part in (one.link, one.receipt, trail.look.words.show(one.reason)) if part)
    return (
        trail.plain(f"{name} {kind}".strip()),
        Line(one.digest[:16]),
        trail.plain(one.title),
        trail.line(f"{trail.code(one.state)} {at}".strip(), trail.sources(rows[-1:])),
        trail.plain(receipt) if receipt else Line(NEITHER),
    )


def _kept(trail: Trail, due: datetime | None, done: datetime | None) -> Line:
    if due is None or done is None:
        return Line(NEITHER)
    return Line(trail.look.say("paper.late" if done > due else "paper.in_time"))


_HEADS: Mapping[str, tuple[str, ...]] = {
    "timeline": ("at", "who", "what"),
    "grading": ("at", "who", "working", "level"),
    "tasks": ("ref", "task", "doer", "state", "kept"),
    "approvals": ("ref", "asked", "asker", "state", "decided"),
    "reports": ("report", "to", "when", "receipt", "kept"),
    "statements": ("statement", "wording", "state", "agreed"),
    "enquiries": ("ref", "outlet", "question", "state", "said"),
    "rumours": ("ref", "claim", "finding", "basis", "said"),
    "publications": ("statement", "hash", "channel", "out", "proof"),
}
_TABLES: Mapping[str, Callable[[Trail], tuple[Cells, ...]]] = {
    "timeline": _timeline,
    "grading": _grading,
    "tasks": _tasks,
    "approvals": _approvals,
    "reports": _reports,
    "statements": _statements,
    "enquiries": _enquiries,
    "rumours": _rumours,
    "publications": _publications,
}
#: Registers that do not exist yet: a form that asks for one says so.
NOT_KEPT = ("complaints",)
assert {*_TABLES, *NOT_KEPT} == set(TABLES), "every table that a form may ask for is made here"
assert set(_TABLES) == set(_HEADS)
