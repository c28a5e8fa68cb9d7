"""The timeline as people read it: what was done, by whom, when; the clock's reminders only as a count."""

from collections.abc import Iterable
from datetime import datetime

from handlers.core.explain import fact_name, fact_value
from handlers.core.look import Look
from storage.views.reader import Entry
from workflows.incident import Incident

#: Rows that the trail keeps and a reader need not see one by one.
COUNTED = ("reminded", "update_asked", "rescore_asked")
#: Rows that only repeat another one of the same act.
DOUBLES = ("scored", "written", "step_asked")

#: Of what was first reported, what some rooms are not shown.
FIRST = ("type", "system", "place", "reporter", "loss")

#: Rows of gradings, and the codes in them.
REGRADED = ("graded", "measured", "lowered", "downgraded")
#: Of which records, and of approvals of which kind, what was said quotes something that only some rooms are shown.
_QUOTED = {"S": "wording", "P": "wording", "statement": "wording", "Q": "enquiry", "M": "rumours", "rumour": "rumours"}
_LEVELS = (("opinion_level", "level"), ("response_level", "was"), ("response_level", "response"))


def timeline_lines(look: Look, incident: Incident, entries: Iterable[Entry], most: int) -> list[str]:
    """The latest `most` lines, the oldest first; the same act on several items at the same time is one line."""
    found = list(entries)
    counted = len([e for e in found if e.verb in COUNTED])
    shown = [e for e in found if e.verb not in (*COUNTED, *DOUBLES)]
    words = look.words
    acts: dict[tuple[object, ...], list[Entry]] = {}
    for entry in shown:
        acts.setdefault((entry.at, entry.actor, entry.verb, entry.ref[0], note_of(look, incident, entry)), []).append(entry)
    lines = [_line(look, same, str(act[-1])) for act, same in acts.items()]
    before = [words.say("timeline.earlier", count=len(lines) - most)] if len(lines) > most else []
    return [*before, *lines[-most:], *([words.say("timeline.reminders", count=counted)] if counted else [])]


def _line(look: Look, same: list[Entry], note: str) -> str:
    words, first = look.words, same[0]
    actor = words.say(f"actor.{first.actor}") if words.has(f"actor.{first.actor}") else look.name(first.actor)
    records = [entry.ref for entry in same if ":" not in entry.ref]  # a refusal stands in the chain of the person, who is the actor
    refs = sorted(records, key=lambda ref: (ref[0], int(ref[1:])))
    at = words.time(first.at, look.now)
    return words.say("timeline.line", at=at, actor=actor, verb=words.say(f"verb.{first.verb}"), ref=words.join(refs), note=note).rstrip()


def note_of(look: Look, incident: Incident, entry: Entry) -> str:
    """What was said with it, who it went to, or which facts were noted."""
    details = entry.details
    if entry.verb == "refused":
        return look.words.show(str(details.get("command") or ""))
    if entry.verb == "outage":
        since, until = (datetime.fromisoformat(details[name]) for name in ("since", "until"))
        return look.say("timeline.outage", span=until - since, since=since, until=until)
    said = str(details.get("text") or details.get("note") or details.get("reason") or "") if _tells_said(look, entry) else ""
    to = details.get("to") or []
    people = [to] if isinstance(to, str) else list(to)
    heard = [look.words.say("timeline.to", people=look.words.join([look.name(p) for p in people]))] if people else []
    other = [str(details["other"])] if details.get("other") else []
    other += [str(details[name]) for name in ("title", "link") if details.get(name)] if entry.ref.startswith("P") else []
    loss = [look.say("timeline.loss", loss=details["loss"])] if details.get("loss") and look.shows("loss") else []
    return " ".join(
        [*heard, *other, *_levels(look, entry), *_facts(look, incident, entry), *([look.words.show(said)] if said else []), *loss]
    )


def _tells_said(look: Look, entry: Entry) -> bool:
    """What people say about a text quotes it."""
    field = _QUOTED.get(entry.ref[0]) or _QUOTED.get(str(entry.details.get("kind")))
    return field is None or look.shows(field)


def _levels(look: Look, entry: Entry) -> list[str]:
    """What a grading came to, what it changed, and why somebody scored by hand."""
    words, details = look.words, entry.details
    if entry.verb not in REGRADED:
        return []
    level, was, now = (words.say(f"code.{kind}.{details[name]}") for kind, name in _LEVELS)
    found = words.say("timeline.graded" if was == now else "timeline.regraded", level=level, was=was, response=now)
    return [found, *(words.show(str(score[1])) for score in (details.get("overrides") or {}).values())]


def _facts(look: Look, incident: Incident, entry: Entry) -> list[str]:
    words, book = look.words, look.reader.plan_of(incident).facts.specs
    given = entry.details.get("given") or {}
    noted = [f"{fact_name(words, spec)}={fact_value(words, spec, given[key])}" for key, spec in book.items() if key in given]
    own = entry.details.get("details") or {}
    named = ((f"incident.field.{name}", value) for name, value in own.items() if name not in FIRST or look.shows(name))
    fields = [f"{words.say(key)}={words.show(value)}" for key, value in named if words.has(key)]
    return [words.join([*fields, *noted])] if fields or noted else []
