"""What the house itself fills in: each figure of a form, as lines with their sources."""

from collections.abc import Callable, Mapping
from functools import partial

from handlers.core.paper_trail import GRADING, Trail
from handlers.core.telling import note_of
from storage.views.reader import Entry
from workflows.core.paper import FIGURES, Line
from workflows.task import State as TaskState

#: What a reader outside needs to know of the course of events.
COURSE = ("opened", "activated", "updated", "graded", "lowered", "downgraded", "absorbed", "recovered", "ended", "reopened")


def figure(trail: Trail, name: str) -> tuple[Line, ...]:
    """The lines of a figure of FIGURES or of a fact; never none."""
    found = _FIGURES[name](trail) if name in _FIGURES else (trail.fact(name),)
    return found or (trail.unknown(),)


def _own(name: str, trail: Trail) -> tuple[Line, ...]:
    return (trail.line(trail.look.words.show(getattr(trail.incident, name) or ""), trail.field(name)),)


def _number(trail: Trail) -> tuple[Line, ...]:
    return (trail.line(trail.incident.number, trail.sources(trail.own("opened")[:1])),)


def _type(trail: Trail) -> tuple[Line, ...]:
    incident, plan = trail.incident, trail.look.reader.plan_of(trail.incident)
    book = plan.playbooks.get(incident.type or "")
    if book is None:
        return ()
    subtype = trail.look.words.show(book.subtypes.get(incident.subtype or "", ("",))[0]) if incident.subtype else ""
    text = "·".join(part for part in (trail.look.words.twin(book.name, book.name_en), subtype) if part)
    return (trail.line(text, trail.last("opened", "typed", "retyped")),)


def _state(trail: Trail) -> tuple[Line, ...]:
    moves = ("opened", "activated", "recovered", "ended", "closed", "reopened", "merged", "found_false")
    return (trail.line(trail.code(trail.incident.state), trail.last(*moves)),)


def _clock(name: str, verbs: tuple[str, ...], trail: Trail) -> tuple[Line, ...]:
    at = getattr(trail.incident, f"{name}_at")
    return (trail.line(trail.time(at), trail.moment(name, *verbs)),) if at else ()


def _grade(name: str, trail: Trail) -> tuple[Line, ...]:
    value = getattr(trail.incident, name)
    return (trail.line(trail.code(value), trail.stated(name)),) if value else ()


def _level(name: str, trail: Trail) -> tuple[Line, ...]:
    note = trail.look.say("paper.provisional") if trail.incident.provisional else ""
    return (trail.line(trail.code(getattr(trail.incident, name)) + note, trail.last(*GRADING)),)


def _commander(trail: Trail) -> tuple[Line, ...]:
    return (trail.line(trail.look.name(trail.incident.commander), trail.last("opened", "taken", "handed_over")),)


def _course(trail: Trail) -> tuple[Line, ...]:
    return tuple(trail.line(_step(trail, one), trail.sources([one])) for one in trail.own(*COURSE))


def _step(trail: Trail, entry: Entry) -> str:
    note, verb = note_of(trail.look, trail.incident, entry), trail.look.words.say(f"verb.{entry.verb}")
    return trail.look.say("paper.course" if note else "paper.course_bare", at=trail.time(entry.at), verb=verb, note=note)


def _measures(trail: Trail) -> tuple[Line, ...]:
    """Tasks that are done, with what was said of them: as people wrote it."""
    found = []
    for task in trail.look.reader.tasks(trail.incident.ref):
        done = trail.of(task.ref, "done", "verified")
        if done and task.state in (TaskState.DONE, TaskState.CLOSED):
            text = str(next((one.details["text"] for one in reversed(done) if one.details.get("text")), ""))
            key = "paper.measure" if text else "paper.measure_bare"
            said = trail.look.say(key, at=trail.time(done[-1].at), title=task.title, note=text)
            found.append(trail.line(said, trail.sources(done[-1:])))
    return tuple(found)


def _pending(trail: Trail) -> tuple[Line, ...]:
    found = []
    for task in trail.look.reader.tasks(trail.incident.ref):
        if task.live and task.owner:
            taken = trail.of(task.ref, "claimed", "assigned", "progressed", "taken_over", "opened")
            group = trail.look.organization.groups[task.group]
            name = trail.look.words.twin(group.name, group.name_en)
            found.append(trail.line(trail.look.say("paper.pending", title=task.title, group=name), trail.sources(taken[-1:])))
    return tuple(found)


def _last_update(trail: Trail) -> tuple[Line, ...]:
    return (trail.line(trail.look.words.show(trail.incident.last_update), trail.last("updated")),)


def _contact(trail: Trail) -> tuple[Line, ...]:
    """The office's duty member: of the plan, so no row of the trail says it."""
    people = trail.look.organization
    found = people.people[people.duty("office")]
    return (Line(trail.look.say("paper.contact", name=found.name, title=found.title, phone=found.phone).strip()),)


def _evidence(trail: Trail) -> tuple[Line, ...]:
    found = []
    for one in trail.look.reader.attachments(trail.incident.ref):
        rows = [row for row in trail.of(one.record_ref, "attached") if one.sha256 in str(row.details.get("files"))]
        said = trail.look.say("paper.evidence", name=one.name, digest=one.sha256[:16], at=trail.time(one.at))
        found.append(trail.line(said, trail.sources(rows[-1:])))
    return tuple(found)


_FIGURES: Mapping[str, Callable[[Trail], tuple[Line, ...]]] = {
    "number": _number,
    **{name: partial(_own, name) for name in ("title", "system", "place", "reporter", "loss")},
    "type": _type,
    "state": _state,
    "occurred": partial(_clock, "occurred", ("noted", "opened")),
    "known": partial(_clock, "known", ("known_set", "reopened", "opened")),
    "opened": partial(_clock, "opened", ("opened",)),
    "confirmed": partial(_clock, "confirmed", ("noted", "absorbed")),
    "recovered": partial(_clock, "recovered", ("recovered", "ended")),
    "ended": partial(_clock, "ended", ("ended",)),
    "csrc_grade": partial(_grade, "csrc_grade"),
    "cac_grade": partial(_grade, "cac_grade"),
    "opinion_level": partial(_level, "opinion_level"),
    "response_level": partial(_level, "response_level"),
    "commander": _commander,
    "cause": lambda trail: (trail.fact("cause"),),
    "course": _course,
    "measures": _measures,
    "pending": _pending,
    "last_update": _last_update,
    "contact": _contact,
    "evidence": _evidence,
}
assert set(_FIGURES) == set(FIGURES), "what a form may ask for is what can be filled in"
